//! The small information elements: cause, progress, call state, restart, display, keypad and the like.
//!
//! Each is a value with `parse` and `emit`. Strings are bounded; what a string element carries beyond its bound
//! makes it invalid rather than shorter, so that a value never differs from what was on the line.
//!
//! Limits: only the first pair of high layer characteristics is kept. Source: ITU-T Q.931 (05/98) 4.5.7, 4.5.12,
//! 4.5.16, 4.5.17, 4.5.18, 4.5.22 to 4.5.25, 4.5.28; Q.850 2.

use arrayvec::ArrayVec;

use super::number::Digits;
use super::{ElementError, skip_group};
use crate::cause::{Cause, Location};

/// The most diagnostic octets kept with a cause.
pub const MAX_DIAGNOSTICS: usize = 27;

/// The most octets of a display element.
pub const MAX_DISPLAY: usize = 82;

/// A cause with the place that generated it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CauseElement {
    /// The place.
    pub location: Location,
    /// The value.
    pub cause: Cause,
    /// What it is about: element identifiers, a message type, a timer's number.
    pub diagnostics: ArrayVec<u8, MAX_DIAGNOSTICS>,
}

impl CauseElement {
    /// Makes a cause without diagnostics.
    pub fn new(location: Location, cause: Cause) -> CauseElement {
        CauseElement { location, cause, diagnostics: ArrayVec::new() }
    }

    /// Adds one octet of diagnostics.
    pub fn with_diagnostic(mut self, octet: u8) -> CauseElement {
        // A full list keeps what it has: the first octets say most.
        let _ = self.diagnostics.try_push(octet);
        self
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If octet 3 or 4 is missing. Diagnostics beyond [`MAX_DIAGNOSTICS`] are cut off.
    pub fn parse(content: &[u8]) -> Result<CauseElement, ElementError> {
        let &third = content.first().ok_or(ElementError::Short(0))?;
        let at = skip_group(content, 0)?;
        let &fourth = content.get(at).ok_or(ElementError::Short(at))?;
        let after = skip_group(content, at)?;
        let diagnostics = content[after..].iter().copied().take(MAX_DIAGNOSTICS).collect();
        Ok(CauseElement { location: Location::from_code(third), cause: Cause::new(fourth), diagnostics })
    }

    /// Writes the contents, coding standard ITU-T.
    pub fn emit(&self) -> ArrayVec<u8, { MAX_DIAGNOSTICS + 2 }> {
        let mut out = ArrayVec::new();
        out.push(0x80 | self.location.code());
        out.push(0x80 | self.cause.value());
        out.extend(self.diagnostics.iter().copied());
        out
    }
}

/// What a call meets on its way: interworking, tones in the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProgressIndicator {
    /// The place.
    pub location: Location,
    /// The description, 0 to 127.
    pub description: u8,
}

impl ProgressIndicator {
    /// Description 1: the call is not end-to-end ISDN; progress may be in-band.
    pub const NOT_END_TO_END_ISDN: u8 = 1;
    /// Description 8: in-band information or an appropriate pattern is now available.
    pub const IN_BAND: u8 = 8;

    /// Returns true if there is, or may be, something to hear (descriptions 1 and 8).
    pub const fn is_in_band(&self) -> bool {
        matches!(self.description, ProgressIndicator::NOT_END_TO_END_ISDN | ProgressIndicator::IN_BAND)
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If an octet is missing.
    pub fn parse(content: &[u8]) -> Result<ProgressIndicator, ElementError> {
        let &third = content.first().ok_or(ElementError::Short(0))?;
        let at = skip_group(content, 0)?;
        let &fourth = content.get(at).ok_or(ElementError::Short(at))?;
        Ok(ProgressIndicator { location: Location::from_code(third), description: fourth & 0x7f })
    }

    /// Writes the contents, coding standard ITU-T.
    pub const fn emit(&self) -> [u8; 2] {
        [0x80 | self.location.code(), 0x80 | self.description]
    }
}

/// Reads an element of one octet.
fn single(content: &[u8]) -> Result<u8, ElementError> {
    content.first().copied().ok_or(ElementError::Short(0))
}

/// The state a side says its call is in, 0 to 63; for the global call reference, of its restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CallStateElement(pub u8);

impl CallStateElement {
    /// Reads the contents.
    ///
    /// # Errors
    /// If the octet is missing or its coding is not ITU-T's.
    pub fn parse(content: &[u8]) -> Result<CallStateElement, ElementError> {
        match single(content)? {
            octet if octet & 0xc0 == 0 => Ok(CallStateElement(octet)),
            _ => Err(ElementError::Value(0)),
        }
    }

    /// Writes the contents.
    pub const fn emit(&self) -> [u8; 1] {
        [self.0 & 0x3f]
    }
}

/// What a RESTART restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RestartIndicator {
    /// The channels of the channel identification.
    Channels,
    /// The interface that carries the message.
    SingleInterface,
    /// All interfaces that this D-channel serves.
    AllInterfaces,
}

impl RestartIndicator {
    /// Reads the contents.
    ///
    /// # Errors
    /// If the octet is missing or its class is reserved.
    pub fn parse(content: &[u8]) -> Result<RestartIndicator, ElementError> {
        match single(content)? & 7 {
            0 => Ok(RestartIndicator::Channels),
            6 => Ok(RestartIndicator::SingleInterface),
            7 => Ok(RestartIndicator::AllInterfaces),
            _ => Err(ElementError::Value(0)),
        }
    }

    /// Writes the contents.
    pub const fn emit(&self) -> [u8; 1] {
        match self {
            RestartIndicator::Channels => [0x80],
            RestartIndicator::SingleInterface => [0x86],
            RestartIndicator::AllInterfaces => [0x87],
        }
    }
}

/// What became of a call: suspended, resumed, held ..., 0 to 127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notification(pub u8);

impl Notification {
    /// Reads the contents.
    ///
    /// # Errors
    /// If the octet is missing.
    pub fn parse(content: &[u8]) -> Result<Notification, ElementError> {
        single(content).map(|octet| Notification(octet & 0x7f))
    }

    /// Writes the contents.
    pub const fn emit(&self) -> [u8; 1] {
        [0x80 | self.0]
    }
}

/// A tone or alerting pattern to be made, 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Signal(pub u8);

impl Signal {
    /// Reads the contents.
    ///
    /// # Errors
    /// If the octet is missing.
    pub fn parse(content: &[u8]) -> Result<Signal, ElementError> {
        single(content).map(Signal)
    }

    /// Writes the contents.
    pub const fn emit(&self) -> [u8; 1] {
        [self.0]
    }
}

/// Text for a display, octets as on the line.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Display(ArrayVec<u8, MAX_DISPLAY>);

impl Display {
    /// Keeps `text`; none if it is longer than [`MAX_DISPLAY`] or not printable ASCII.
    pub fn new(text: &str) -> Option<Display> {
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return None;
        }
        ArrayVec::try_from(text.as_bytes()).ok().map(Display)
    }

    /// Returns the text: a leading display type octet (bit 8 set) is left out, what is not printable is "?".
    pub fn text(&self) -> String {
        let octets = match self.0.split_first() {
            Some((first, rest)) if first & 0x80 != 0 => rest,
            Some(_) | None => &self.0,
        };
        octets
            .iter()
            .map(|&octet| if (0x20..0x7f).contains(&octet) { char::from(octet) } else { '?' })
            .collect()
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If there are more octets than [`MAX_DISPLAY`].
    pub fn parse(content: &[u8]) -> Result<Display, ElementError> {
        ArrayVec::try_from(content).map(Display).map_err(|_| ElementError::Long(content.len()))
    }

    /// Writes the contents.
    pub fn emit(&self) -> &[u8] {
        &self.0
    }
}

/// Keys that a user pressed, as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keypad(pub Digits);

impl Keypad {
    /// Reads the contents.
    ///
    /// # Errors
    /// If there are too many or not printable ones.
    pub fn parse(content: &[u8]) -> Result<Keypad, ElementError> {
        Digits::from_octets(content, 0).map(Keypad)
    }

    /// Writes the contents.
    pub fn emit(&self) -> &[u8] {
        self.0.as_str().as_bytes()
    }
}

/// What the caller's terminal is, above the network: telephony, fax ...
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HighLayerCompatibility {
    /// Octet 3 without its extension bit: coding, interpretation, presentation method.
    pub interpretation: u8,
    /// Characteristics, 0 to 127: 1 telephony, 4 facsimile group 2/3.
    pub characteristics: u8,
}

impl HighLayerCompatibility {
    /// Telephony.
    pub const TELEPHONY: HighLayerCompatibility =
        HighLayerCompatibility { interpretation: 0x11, characteristics: 1 };

    /// Reads the contents.
    ///
    /// # Errors
    /// If an octet is missing.
    pub fn parse(content: &[u8]) -> Result<HighLayerCompatibility, ElementError> {
        let third = single(content)?;
        let at = skip_group(content, 0)?;
        let &fourth = content.get(at).ok_or(ElementError::Short(at))?;
        Ok(HighLayerCompatibility { interpretation: third & 0x7f, characteristics: fourth & 0x7f })
    }

    /// Writes the contents.
    pub const fn emit(&self) -> [u8; 2] {
        [0x80 | self.interpretation, 0x80 | self.characteristics]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_keep_location_value_and_diagnostics() {
        let cause = CauseElement::parse(&[0x82, 0xe0, 0x04]).unwrap();
        assert_eq!((cause.location, cause.cause), (Location::PublicLocal, Cause::MANDATORY_ELEMENT_MISSING));
        assert_eq!(cause.emit().as_slice(), [0x82, 0xe0, 0x04]);
        // Octet 3a, the recommendation, is stepped over.
        assert_eq!(CauseElement::parse(&[0x02, 0x80, 0x91]).unwrap().cause, Cause::USER_BUSY);
        for short in [&[][..], &[0x82], &[0x02, 0x80]] {
            assert!(matches!(CauseElement::parse(short), Err(ElementError::Short(_))), "{short:02x?}");
        }
    }

    #[test]
    fn progress_says_whether_there_is_something_to_hear() {
        for (octets, in_band) in [([0x82, 0x88], true), ([0x81, 0x81], true), ([0x82, 0x82], false)] {
            let progress = ProgressIndicator::parse(&octets).unwrap();
            assert_eq!(progress.is_in_band(), in_band);
            assert_eq!(progress.emit(), octets);
        }
        assert!(ProgressIndicator::parse(&[0x82]).is_err());
    }

    #[test]
    fn single_octets_survive_and_reserved_values_are_refused() {
        assert_eq!(CallStateElement::parse(&[10]).unwrap().emit(), [10]);
        assert_eq!(CallStateElement::parse(&[0x4a]), Err(ElementError::Value(0)));
        assert_eq!(Notification::parse(&[0x80]).unwrap().emit(), [0x80]);
        assert_eq!(Signal::parse(&[0x3f]).unwrap().emit(), [0x3f]);
        for octet in [0x80, 0x86, 0x87] {
            assert_eq!(RestartIndicator::parse(&[octet]).unwrap().emit(), [octet]);
        }
        assert_eq!(RestartIndicator::parse(&[0x81]), Err(ElementError::Value(0)));
        assert_eq!(HighLayerCompatibility::parse(&[0x91, 0x81]), Ok(HighLayerCompatibility::TELEPHONY));
        assert_eq!(HighLayerCompatibility::TELEPHONY.emit(), [0x91, 0x81]);
    }

    #[test]
    fn a_display_shows_what_is_printable_and_keeps_the_rest() {
        let display = Display::parse(b"\xb1Li \xe9").unwrap();
        assert_eq!(display.text(), "Li ?");
        assert_eq!(display.emit(), b"\xb1Li \xe9");
        assert_eq!(Display::parse(&[b'x'; MAX_DISPLAY + 1]), Err(ElementError::Long(MAX_DISPLAY + 1)));
        assert_eq!(Display::new("Li Lei").unwrap().text(), "Li Lei");
    }

    #[test]
    fn keypad_digits_survive() {
        assert_eq!(Keypad::parse(b"*21#").unwrap().emit(), b"*21#");
    }
}
