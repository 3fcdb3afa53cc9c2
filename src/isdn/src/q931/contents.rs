//! The information elements of one message, read once and checked: what is there, what is broken, what is missing.
//!
//! An element that comes twice counts once, the first. An element of no meaning here is skipped unless it says, by
//! its identifier, that it must be understood. The caller asks [`Contents::fault`] which rule of 5.8.6 and 5.8.7.1 a
//! message breaks; broken optional elements are treated as absent (5.8.7.2).
//!
//! Limits: order and length rules (5.8.5) are not enforced. Source: ITU-T Q.931 (05/98) 5.8.5 to 5.8.7, table 3-x.

use crate::cause::Cause;
use crate::config::Side;
use crate::wire::{
    BearerCapability, CallStateElement, CauseElement, ChannelIdentification, Digits, Display, Element,
    ElementError, ElementId, Keypad, Message, MessageType, PartyNumber, ProgressIndicator, RestartIndicator,
};

/// One element of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Field<T> {
    Absent,
    Bad,
    Good(T),
}

impl<T> Field<T> {
    pub(crate) fn good(&self) -> Option<&T> {
        match self {
            Field::Good(value) => Some(value),
            Field::Absent | Field::Bad => None,
        }
    }

    fn read(&mut self, element: &Element<'_>, parse: impl FnOnce(&[u8]) -> Result<T, ElementError>) {
        if matches!(self, Field::Absent) {
            *self = match parse(element.content) {
                Ok(value) if !element.truncated => Field::Good(value),
                Ok(_) | Err(_) => Field::Bad,
            };
        }
    }

    /// Returns what is wrong with a mandatory element.
    const fn fault(&self) -> Option<Cause> {
        match self {
            Field::Absent => Some(Cause::MANDATORY_ELEMENT_MISSING),
            Field::Bad => Some(Cause::INVALID_ELEMENT_CONTENTS),
            Field::Good(_) => None,
        }
    }
}

/// The elements that the machines use.
#[derive(Clone, Debug)]
pub(crate) struct Contents {
    pub bearer: Field<BearerCapability>,
    pub cause: Field<CauseElement>,
    pub call_state: Field<CallStateElement>,
    pub channel: Field<ChannelIdentification>,
    pub display: Field<Display>,
    pub keypad: Field<Keypad>,
    pub calling: Field<PartyNumber>,
    pub called: Field<PartyNumber>,
    pub connected: Field<PartyNumber>,
    pub restart: Field<RestartIndicator>,
    pub sending_complete: bool,
    /// Some progress indicator says that there is something to hear.
    pub inband: bool,
    /// An element that must be understood and is not.
    required_unknown: Option<u8>,
}

impl Contents {
    /// Reads the elements of `message`.
    pub(crate) fn read(message: &Message<'_>) -> Contents {
        let mut contents = Contents {
            bearer: Field::Absent,
            cause: Field::Absent,
            call_state: Field::Absent,
            channel: Field::Absent,
            display: Field::Absent,
            keypad: Field::Absent,
            calling: Field::Absent,
            called: Field::Absent,
            connected: Field::Absent,
            restart: Field::Absent,
            sending_complete: false,
            inband: false,
            required_unknown: None,
        };
        for element in message.elements() {
            contents.take(&element);
        }
        contents
    }

    fn take(&mut self, element: &Element<'_>) {
        let Some(id) = element.known() else {
            if element.comprehension_required() {
                self.required_unknown.get_or_insert(element.id);
            }
            return;
        };
        match id {
            ElementId::BearerCapability => self.bearer.read(element, BearerCapability::parse),
            ElementId::Cause => self.cause.read(element, CauseElement::parse),
            ElementId::CallState => self.call_state.read(element, CallStateElement::parse),
            ElementId::ChannelIdentification => self.channel.read(element, ChannelIdentification::parse),
            ElementId::Display => self.display.read(element, Display::parse),
            ElementId::Keypad => self.keypad.read(element, Keypad::parse),
            ElementId::CallingNumber => self.calling.read(element, PartyNumber::parse),
            ElementId::CalledNumber => self.called.read(element, PartyNumber::parse),
            ElementId::ConnectedNumber => self.connected.read(element, PartyNumber::parse),
            ElementId::RestartIndicator => self.restart.read(element, RestartIndicator::parse),
            ElementId::ProgressIndicator => {
                let progress = ProgressIndicator::parse(element.content);
                self.inband |= progress.is_ok_and(|progress| progress.is_in_band());
            }
            ElementId::SendingComplete => self.sending_complete = true,
            ElementId::SegmentedMessage
            | ElementId::NotificationIndicator
            | ElementId::Signal
            | ElementId::CallingSubaddress
            | ElementId::CalledSubaddress
            | ElementId::LowLayerCompatibility
            | ElementId::HighLayerCompatibility => {}
        }
    }

    /// Returns the digits of an INFORMATION: of the called number, else of the keypad.
    pub(crate) fn digits(&self) -> Digits {
        let called = self.called.good().map(|number| number.digits);
        called.or(self.keypad.good().map(|keypad| keypad.0)).unwrap_or_default()
    }

    /// Returns the cause, and the element that gives it, for which a message of `kind` may not be acted on.
    pub(crate) fn fault(&self, kind: MessageType, receiver: Side) -> Option<(Cause, u8)> {
        if let Some(id) = self.required_unknown {
            return Some((Cause::MANDATORY_ELEMENT_MISSING, id));
        }
        let of = |fault: Option<Cause>, id: ElementId| fault.map(|cause| (cause, id.code()));
        match kind {
            MessageType::Setup => of(self.bearer.fault(), ElementId::BearerCapability).or_else(|| {
                let named = receiver == Side::User || self.channel == Field::Bad;
                of(self.channel.fault().filter(|_| named), ElementId::ChannelIdentification)
            }),
            MessageType::Disconnect => of(self.cause.fault(), ElementId::Cause),
            MessageType::Status => of(self.cause.fault(), ElementId::Cause)
                .or_else(|| of(self.call_state.fault(), ElementId::CallState)),
            MessageType::Restart | MessageType::RestartAcknowledge => {
                of(self.restart.fault(), ElementId::RestartIndicator)
            }
            MessageType::Alerting
            | MessageType::CallProceeding
            | MessageType::Progress
            | MessageType::Connect
            | MessageType::SetupAcknowledge
            | MessageType::ConnectAcknowledge
            | MessageType::UserInformation
            | MessageType::Release
            | MessageType::ReleaseComplete
            | MessageType::Segment
            | MessageType::Facility
            | MessageType::Notify
            | MessageType::StatusEnquiry
            | MessageType::CongestionControl
            | MessageType::Information
            | MessageType::Other(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::CallRef;

    fn contents(body: &[u8]) -> Contents {
        Contents::read(&Message { call_ref: CallRef::GLOBAL, kind: MessageType::Setup, body })
    }

    #[test]
    fn faults_name_the_element_and_the_rule() {
        let bearer = [0x04, 3, 0x80, 0x90, 0xa3];
        let channel = [0x18, 3, 0xa9, 0x83, 0x81];
        for (body, receiver, fault) in [
            (&[&bearer[..], &channel].concat()[..], Side::User, None),
            (&bearer, Side::User, Some((Cause::MANDATORY_ELEMENT_MISSING, 0x18))),
            (&bearer, Side::Network, None),
            (&channel, Side::User, Some((Cause::MANDATORY_ELEMENT_MISSING, 0x04))),
            (&[0x04, 1, 0x80], Side::Network, Some((Cause::INVALID_ELEMENT_CONTENTS, 0x04))),
            (&[0x04, 9, 0x80, 0x90, 0xa3], Side::Network, Some((Cause::INVALID_ELEMENT_CONTENTS, 0x04))),
            (
                &[&bearer[..], &[0x18, 1, 0x81]].concat(),
                Side::Network,
                Some((Cause::INVALID_ELEMENT_CONTENTS, 0x18)),
            ),
            (
                &[&bearer[..], &[0x0e, 0]].concat(),
                Side::Network,
                Some((Cause::MANDATORY_ELEMENT_MISSING, 0x0e)),
            ),
            (&[&bearer[..], &[0x5e, 0]].concat(), Side::Network, None),
        ] {
            assert_eq!(contents(body).fault(MessageType::Setup, receiver), fault, "{body:02x?}");
        }
    }

    #[test]
    fn the_first_of_two_elements_counts() {
        let read = contents(&[0x70, 2, 0x81, b'1', 0x70, 2, 0x81, b'2']);
        assert_eq!(read.digits().as_str(), "1");
    }

    #[test]
    fn digits_come_from_the_called_number_or_the_keypad() {
        assert_eq!(contents(&[0x2c, 1, b'5']).digits().as_str(), "5");
        assert_eq!(contents(&[0x2c, 1, b'5', 0x70, 2, 0x81, b'1']).digits().as_str(), "1");
        assert!(contents(&[]).digits().is_empty());
    }
}
