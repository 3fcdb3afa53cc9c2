//! The message of layer 3: protocol discriminator, call reference, message type, information elements.
//!
//! A parsed [`Message`] borrows its octets; [`Message::elements`] walks the information elements and follows the
//! codeset shifts, so that an element of another codeset can never be taken for one of codeset 0. A
//! [`Builder`] writes a message; its caller adds elements in rising order, as 4.5.1 asks.
//!
//! Limits: call references of one octet are understood, two octets are always sent; the rarely used message types
//! are kept as numbers. Source: ITU-T Q.931 (05/98) 4.1 to 4.5.

use arrayvec::ArrayVec;

use super::frame::N201;

/// The protocol discriminator of call control.
pub const DISCRIMINATOR: u8 = 0x08;

/// The largest call reference value in two octets.
pub const MAX_CALL_REF: u16 = 0x7fff;

/// The most information elements looked at in one message; the rest is ignored.
pub const MAX_ELEMENTS: usize = 64;

/// Octets of a message that is to be sent.
pub type MessageBuf = ArrayVec<u8, N201>;

/// The name of a call on the D-channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallRef {
    /// The value chosen by the side that sent the SETUP; 0 is the global call reference.
    pub value: u16,
    /// The flag: true in messages sent *to* the side that chose the value.
    pub to_originator: bool,
}

impl CallRef {
    /// The global call reference, as sent by the side that starts a procedure.
    pub const GLOBAL: CallRef = CallRef { value: 0, to_originator: false };

    /// Returns the same reference as the other side writes it.
    pub const fn turned(self) -> CallRef {
        CallRef { value: self.value, to_originator: !self.to_originator }
    }
}

macro_rules! message_types {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        /// What a message says.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum MessageType {
            $(#[doc = concat!("Message type ", stringify!($code), ".")] $name,)*
            /// A type without a machine here; SUSPEND, RESUME, HOLD and the like among them.
            Other(u8),
        }

        impl MessageType {
            /// Reads the code.
            pub const fn from_code(code: u8) -> MessageType {
                match code {
                    $($code => MessageType::$name,)*
                    other => MessageType::Other(other),
                }
            }

            /// Returns the code.
            pub const fn code(self) -> u8 {
                match self {
                    $(MessageType::$name => $code,)*
                    MessageType::Other(code) => code,
                }
            }
        }
    };
}

message_types! {
    Alerting = 0x01,
    CallProceeding = 0x02,
    Progress = 0x03,
    Setup = 0x05,
    Connect = 0x07,
    SetupAcknowledge = 0x0d,
    ConnectAcknowledge = 0x0f,
    UserInformation = 0x20,
    Disconnect = 0x45,
    Restart = 0x46,
    Release = 0x4d,
    RestartAcknowledge = 0x4e,
    ReleaseComplete = 0x5a,
    Segment = 0x60,
    Facility = 0x62,
    Notify = 0x6e,
    StatusEnquiry = 0x75,
    CongestionControl = 0x79,
    Information = 0x7b,
    Status = 0x7d,
}

macro_rules! element_ids {
    ($($name:ident = $code:literal,)*) => {
        /// An information element of codeset 0 that means something to this crate.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ElementId {
            $(#[doc = concat!("Element ", stringify!($code), ".")] $name,)*
        }

        impl ElementId {
            /// Reads the identifier; none for elements without a meaning here.
            pub const fn from_code(code: u8) -> Option<ElementId> {
                match code {
                    $($code => Some(ElementId::$name),)*
                    _ => None,
                }
            }

            /// Returns the identifier.
            pub const fn code(self) -> u8 {
                match self {
                    $(ElementId::$name => $code,)*
                }
            }
        }
    };
}

element_ids! {
    SegmentedMessage = 0x00,
    BearerCapability = 0x04,
    Cause = 0x08,
    CallState = 0x14,
    ChannelIdentification = 0x18,
    ProgressIndicator = 0x1e,
    NotificationIndicator = 0x27,
    Display = 0x28,
    Keypad = 0x2c,
    Signal = 0x34,
    ConnectedNumber = 0x4c,
    CallingNumber = 0x6c,
    CallingSubaddress = 0x6d,
    CalledNumber = 0x70,
    CalledSubaddress = 0x71,
    RestartIndicator = 0x79,
    LowLayerCompatibility = 0x7c,
    HighLayerCompatibility = 0x7d,
    SendingComplete = 0xa1,
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Fewer octets than a header needs.
    #[error("a message of {0} octets is too short")]
    Short(usize),
    /// Another protocol's message.
    #[error("protocol discriminator {0:#04x} is not call control")]
    Discriminator(u8),
    /// A dummy call reference, or one of more than two octets.
    #[error("a call reference of {0} octets is not used here")]
    CallReference(u8),
}

/// One message, borrowed from its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which call.
    pub call_ref: CallRef,
    /// What it says.
    pub kind: MessageType,
    /// The octets of the information elements.
    pub body: &'a [u8],
}

/// One information element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element<'a> {
    /// The codeset that the identifier belongs to, 0 to 7.
    pub codeset: u8,
    /// The identifier; the whole octet for elements of a single octet.
    pub id: u8,
    /// The contents; empty for elements of a single octet.
    pub content: &'a [u8],
    /// True if the message ends before the length that the element claims.
    pub truncated: bool,
}

impl<'a> Message<'a> {
    /// Reads a message's header; the elements are read by [`Message::elements`].
    ///
    /// # Errors
    /// Says why the octets are to be ignored (5.8.1 to 5.8.3.1).
    pub fn parse(octets: &'a [u8]) -> Result<Message<'a>, MessageError> {
        let short = MessageError::Short(octets.len());
        let (&discriminator, rest) = octets.split_first().ok_or(short)?;
        if discriminator != DISCRIMINATOR {
            return Err(MessageError::Discriminator(discriminator));
        }
        let (&length, rest) = rest.split_first().ok_or(short)?;
        let (flag, value, rest) = match (length, rest) {
            (1, &[first, ref rest @ ..]) => (first, u16::from(first & 0x7f), rest),
            (2, &[first, second, ref rest @ ..]) => (first, u16::from_be_bytes([first & 0x7f, second]), rest),
            (1 | 2, _) => return Err(short),
            (other, _) => return Err(MessageError::CallReference(other)),
        };
        let (&kind, body) = rest.split_first().ok_or(short)?;
        let call_ref = CallRef { value, to_originator: flag & 0x80 != 0 };
        Ok(Message { call_ref, kind: MessageType::from_code(kind), body })
    }

    /// Writes the message; a body beyond N201 is cut off.
    pub fn emit(&self) -> MessageBuf {
        let mut builder = Builder::new(self.call_ref, self.kind);
        let room = builder.octets.remaining_capacity();
        builder.octets.extend(self.body.iter().copied().take(room));
        builder.finish()
    }

    /// Walks the information elements, at most [`MAX_ELEMENTS`].
    pub fn elements(&self) -> impl Iterator<Item = Element<'a>> + use<'a> {
        Elements { rest: self.body, locked: 0, next: None }.take(MAX_ELEMENTS)
    }

    /// Returns the first element `id` of codeset 0.
    pub fn find(&self, id: ElementId) -> Option<Element<'a>> {
        self.elements().find(|element| element.codeset == 0 && element.id == id.code())
    }
}

impl Element<'_> {
    /// Returns what the element is; none in other codesets and for elements without a meaning here.
    pub const fn known(&self) -> Option<ElementId> {
        if self.codeset == 0 { ElementId::from_code(self.id) } else { None }
    }

    /// Returns true if a message with this element must not be acted on by who does not understand it
    /// (4.5.1: bits 8 to 5 are zero).
    pub const fn comprehension_required(&self) -> bool {
        self.codeset == 0 && self.id & 0xf0 == 0
    }
}

/// The walk over the elements: `locked` is the codeset in force, `next` one that holds for a single element.
struct Elements<'a> {
    rest: &'a [u8],
    locked: u8,
    next: Option<u8>,
}

impl<'a> Iterator for Elements<'a> {
    type Item = Element<'a>;

    fn next(&mut self) -> Option<Element<'a>> {
        loop {
            let (&id, rest) = self.rest.split_first()?;
            self.rest = rest;
            if id & 0xf0 == 0x90 {
                self.shift(id);
                continue;
            }
            let codeset = self.next.take().unwrap_or(self.locked);
            if id & 0x80 != 0 {
                return Some(Element { codeset, id, content: &[], truncated: false });
            }
            let (length, rest) =
                rest.split_first().map_or((0, rest), |(&length, rest)| (usize::from(length), rest));
            let truncated = self.rest.is_empty() || length > rest.len();
            let (content, rest) = rest.split_at(length.min(rest.len()));
            self.rest = rest;
            return Some(Element { codeset, id, content, truncated });
        }
    }
}

impl Elements<'_> {
    /// Follows a shift (4.5.2 to 4.5.4): bit 4 set holds for one element; a locking shift goes only upward.
    fn shift(&mut self, octet: u8) {
        let codeset = octet & 7;
        if octet & 8 != 0 {
            self.next = Some(codeset);
        } else if codeset > self.locked {
            self.locked = codeset;
        }
    }
}

/// Writes one message.
#[derive(Clone, Debug)]
pub struct Builder {
    octets: MessageBuf,
    cut: bool,
}

impl Builder {
    /// Starts a message with a call reference of two octets.
    pub fn new(call_ref: CallRef, kind: MessageType) -> Builder {
        let [high, low] = (call_ref.value & MAX_CALL_REF).to_be_bytes();
        let flag = u8::from(call_ref.to_originator) << 7;
        let mut octets = MessageBuf::new();
        octets.extend([DISCRIMINATOR, 2, high | flag, low, kind.code()]);
        Builder { octets, cut: false }
    }

    /// Adds an element; one that does not fit is left out whole.
    pub fn element(mut self, id: ElementId, content: &[u8]) -> Builder {
        let Ok(length) = u8::try_from(content.len()) else {
            self.cut = true;
            return self;
        };
        if content.len() + 2 > self.octets.remaining_capacity() {
            self.cut = true;
            return self;
        }
        self.octets.extend([id.code(), length]);
        self.octets.extend(content.iter().copied());
        self
    }

    /// Adds an element if there is one.
    pub fn optional(self, id: ElementId, content: Option<impl AsRef<[u8]>>) -> Builder {
        match content {
            Some(content) => self.element(id, content.as_ref()),
            None => self,
        }
    }

    /// Adds the single octet "sending complete" if `complete`.
    pub fn sending_complete(mut self, complete: bool) -> Builder {
        if complete {
            self.cut |= self.octets.try_push(ElementId::SendingComplete.code()).is_err();
        }
        self
    }

    /// Returns true if something did not fit.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// Returns the octets.
    pub fn finish(self) -> MessageBuf {
        self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REF: CallRef = CallRef { value: 0x1234, to_originator: true };

    #[test]
    fn a_header_is_five_octets_with_the_flag_in_the_top_bit() {
        let octets = Builder::new(REF, MessageType::Connect).finish();
        assert_eq!(octets.as_slice(), [8, 2, 0x92, 0x34, 7]);
        assert_eq!(
            Message::parse(&octets),
            Ok(Message { call_ref: REF, kind: MessageType::Connect, body: &[] })
        );
    }

    #[test]
    fn a_call_reference_of_one_octet_is_understood() {
        let message = Message::parse(&[8, 1, 0x85, 0x4d]).unwrap();
        assert_eq!(message.call_ref, CallRef { value: 5, to_originator: true });
    }

    #[test]
    fn what_is_no_message_is_refused_with_a_reason() {
        for (octets, error) in [
            (&[][..], MessageError::Short(0)),
            (&[8], MessageError::Short(1)),
            (&[8, 2, 0], MessageError::Short(3)),
            (&[8, 2, 0, 1], MessageError::Short(4)),
            (&[8, 0, 5], MessageError::CallReference(0)),
            (&[8, 3, 0, 0, 1, 5], MessageError::CallReference(3)),
            (&[0x43, 2, 0, 1, 5], MessageError::Discriminator(0x43)),
        ] {
            assert_eq!(Message::parse(octets), Err(error), "{octets:02x?}");
        }
    }

    #[test]
    fn elements_follow_locking_and_single_shifts() {
        // display; one element of codeset 6; cause; locking shift to 5; an element there; a shift back is refused.
        let body = [0x28, 1, b'x', 0x9e, 0x28, 1, b'y', 0x08, 0, 0x95, 0x28, 1, b'z', 0x90, 0xa1];
        let seen: Vec<_> = Message { call_ref: REF, kind: MessageType::Setup, body: &body }
            .elements()
            .map(|element| (element.codeset, element.id, element.content))
            .collect();
        assert_eq!(
            seen,
            [(0, 0x28, &b"x"[..]), (6, 0x28, b"y"), (0, 0x08, b""), (5, 0x28, b"z"), (5, 0xa1, b"")]
        );
    }

    #[test]
    fn an_element_longer_than_the_message_is_marked() {
        for body in [&[0x28, 5, b'x'][..], &[0x28]] {
            let message = Message { call_ref: REF, kind: MessageType::Setup, body };
            assert!(message.find(ElementId::Display).unwrap().truncated);
        }
    }

    #[test]
    fn only_identifiers_below_sixteen_of_codeset_0_must_be_understood() {
        let element = |codeset, id| Element { codeset, id, content: &[], truncated: false };
        assert!(element(0, 0x0f).comprehension_required());
        assert!(!element(0, 0x10).comprehension_required());
        assert!(!element(5, 0x0f).comprehension_required());
    }

    #[test]
    fn an_element_that_does_not_fit_is_left_out_whole() {
        let builder = Builder::new(REF, MessageType::Setup).element(ElementId::Display, &[0; 253]);
        assert!(!builder.is_cut());
        let builder = builder.element(ElementId::Cause, &[1]).sending_complete(true);
        assert!(builder.is_cut());
        assert_eq!(builder.finish().len(), 260);
    }

    #[test]
    fn every_type_and_identifier_survives_its_code() {
        for code in 0..=255 {
            assert_eq!(MessageType::from_code(code).code(), code);
            assert!(ElementId::from_code(code).is_none_or(|id| id.code() == code));
        }
    }
}
