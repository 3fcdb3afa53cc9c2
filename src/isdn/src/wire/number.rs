//! Party numbers: called, calling and connected.
//!
//! Octet 3 is type of number and numbering plan; octet 3a, which only calling and connected numbers carry, is
//! presentation and screening; the digits follow in IA5.
//!
//! Limits: numbers longer than [`MAX_DIGITS`] and digits that are no printable characters are refused, the element
//! is then treated as one with invalid contents. Source: ITU-T Q.931 (05/98) 4.5.8, 4.5.10; Q.951 for 3a.

use core::fmt;

use arrayvec::{ArrayString, ArrayVec};

use super::ElementError;

/// The most digits of one number.
pub const MAX_DIGITS: usize = 32;

/// The digits of a number, at most [`MAX_DIGITS`] printable ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Digits(ArrayString<MAX_DIGITS>);

/// Type of number, 0 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeOfNumber {
    /// Unknown: digits as dialled.
    Unknown,
    /// International.
    International,
    /// National.
    National,
    /// Network specific.
    NetworkSpecific,
    /// Subscriber.
    Subscriber,
    /// Abbreviated.
    Abbreviated,
    /// A reserved value.
    Other(u8),
}

/// Numbering plan, 0 to 15.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberingPlan {
    /// Unknown.
    Unknown,
    /// ISDN/telephony, E.164.
    Isdn,
    /// National standard.
    National,
    /// Private.
    Private,
    /// Any other value.
    Other(u8),
}

/// Whether a number may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Presentation {
    /// Allowed.
    Allowed,
    /// Restricted by its owner.
    Restricted,
    /// Not available, because of interworking.
    NotAvailable,
    /// Reserved.
    Reserved,
}

/// Who vouches for a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Screening {
    /// Provided by the user, not screened.
    UserNotScreened,
    /// Provided by the user, verified and passed.
    UserPassed,
    /// Provided by the user, verified and failed.
    UserFailed,
    /// Provided by the network.
    Network,
}

/// The contents of the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartyNumber {
    /// Type of number.
    pub type_of_number: TypeOfNumber,
    /// Numbering plan.
    pub plan: NumberingPlan,
    /// Octet 3a, if there is one.
    pub presentation: Option<(Presentation, Screening)>,
    /// The digits.
    pub digits: Digits,
}

impl Digits {
    /// Copies `text`; none if it is too long or not printable ASCII.
    pub fn new(text: &str) -> Option<Digits> {
        if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            return None;
        }
        ArrayString::from(text).ok().map(Digits)
    }

    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns true if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds `more`; returns false, and adds nothing, if they do not fit.
    pub fn append(&mut self, more: &Digits) -> bool {
        self.0.try_push_str(&more.0).is_ok()
    }

    pub(crate) fn from_octets(octets: &[u8], at: usize) -> Result<Digits, ElementError> {
        if octets.len() > MAX_DIGITS {
            return Err(ElementError::Long(octets.len()));
        }
        let text =
            core::str::from_utf8(octets).map_err(|error| ElementError::Value(at + error.valid_up_to()))?;
        Digits::new(text).ok_or(ElementError::Value(at))
    }
}

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0.as_str())
    }
}

impl TypeOfNumber {
    const fn from_code(code: u8) -> TypeOfNumber {
        match code & 7 {
            0 => TypeOfNumber::Unknown,
            1 => TypeOfNumber::International,
            2 => TypeOfNumber::National,
            3 => TypeOfNumber::NetworkSpecific,
            4 => TypeOfNumber::Subscriber,
            6 => TypeOfNumber::Abbreviated,
            other => TypeOfNumber::Other(other),
        }
    }

    const fn code(self) -> u8 {
        match self {
            TypeOfNumber::Unknown => 0,
            TypeOfNumber::International => 1,
            TypeOfNumber::National => 2,
            TypeOfNumber::NetworkSpecific => 3,
            TypeOfNumber::Subscriber => 4,
            TypeOfNumber::Abbreviated => 6,
            TypeOfNumber::Other(code) => code & 7,
        }
    }
}

impl NumberingPlan {
    const fn from_code(code: u8) -> NumberingPlan {
        match code & 15 {
            0 => NumberingPlan::Unknown,
            1 => NumberingPlan::Isdn,
            8 => NumberingPlan::National,
            9 => NumberingPlan::Private,
            other => NumberingPlan::Other(other),
        }
    }

    const fn code(self) -> u8 {
        match self {
            NumberingPlan::Unknown => 0,
            NumberingPlan::Isdn => 1,
            NumberingPlan::National => 8,
            NumberingPlan::Private => 9,
            NumberingPlan::Other(code) => code & 15,
        }
    }
}

impl Presentation {
    const fn from_code(code: u8) -> Presentation {
        match code & 3 {
            0 => Presentation::Allowed,
            1 => Presentation::Restricted,
            2 => Presentation::NotAvailable,
            _ => Presentation::Reserved,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Presentation::Allowed => 0,
            Presentation::Restricted => 1,
            Presentation::NotAvailable => 2,
            Presentation::Reserved => 3,
        }
    }
}

impl Screening {
    const fn from_code(code: u8) -> Screening {
        match code & 3 {
            0 => Screening::UserNotScreened,
            1 => Screening::UserPassed,
            2 => Screening::UserFailed,
            _ => Screening::Network,
        }
    }

    const fn code(self) -> u8 {
        match self {
            Screening::UserNotScreened => 0,
            Screening::UserPassed => 1,
            Screening::UserFailed => 2,
            Screening::Network => 3,
        }
    }
}

impl PartyNumber {
    /// Makes a called number: unknown type, ISDN plan, no octet 3a.
    pub const fn called(digits: Digits) -> PartyNumber {
        PartyNumber {
            type_of_number: TypeOfNumber::Unknown,
            plan: NumberingPlan::Isdn,
            presentation: None,
            digits,
        }
    }

    /// Makes a calling number that may be shown: unknown type, ISDN plan, provided by the user.
    pub const fn calling(digits: Digits) -> PartyNumber {
        PartyNumber {
            presentation: Some((Presentation::Allowed, Screening::UserNotScreened)),
            ..PartyNumber::called(digits)
        }
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If octet 3 is missing or the digits are too many or not printable.
    pub fn parse(content: &[u8]) -> Result<PartyNumber, ElementError> {
        let (&third, mut rest) = content.split_first().ok_or(ElementError::Short(0))?;
        let mut presentation = None;
        if third & 0x80 == 0 {
            let (&octet, after) = rest.split_first().ok_or(ElementError::Short(1))?;
            presentation = Some((Presentation::from_code(octet >> 5), Screening::from_code(octet)));
            rest = after;
        }
        let digits = Digits::from_octets(rest, content.len() - rest.len())?;
        Ok(PartyNumber {
            type_of_number: TypeOfNumber::from_code(third >> 4),
            plan: NumberingPlan::from_code(third),
            presentation,
            digits,
        })
    }

    /// Writes the contents.
    pub fn emit(&self) -> ArrayVec<u8, { MAX_DIGITS + 2 }> {
        let mut out = ArrayVec::new();
        let third = self.type_of_number.code() << 4 | self.plan.code();
        match self.presentation {
            Some((presentation, screening)) => {
                out.push(third);
                out.push(0x80 | presentation.code() << 5 | screening.code());
            }
            None => out.push(0x80 | third),
        }
        out.extend(self.digits.as_str().bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_called_number_has_its_octets() {
        let number = PartyNumber::called(Digits::new("2001").unwrap());
        assert_eq!(number.emit().as_slice(), b"\x812001");
        assert_eq!(PartyNumber::parse(b"\x812001"), Ok(number));
    }

    #[test]
    fn a_restricted_national_number_keeps_what_it_says() {
        let number = PartyNumber::parse(b"\x21\xa313900000000").unwrap();
        assert_eq!(number.type_of_number, TypeOfNumber::National);
        assert_eq!(number.presentation, Some((Presentation::Restricted, Screening::Network)));
        assert_eq!(number.digits.as_str(), "13900000000");
        assert_eq!(number.emit().as_slice(), b"\x21\xa313900000000");
    }

    #[test]
    fn every_octet_3_and_3a_survives() {
        for third in 0..=255u8 {
            for octet_3a in 0x80..=255u8 {
                let octets = if third & 0x80 == 0 { vec![third, octet_3a & 0xe3] } else { vec![third] };
                assert_eq!(PartyNumber::parse(&octets).unwrap().emit().as_slice(), octets);
            }
        }
    }

    #[test]
    fn no_digits_are_allowed_but_not_too_many_or_strange_ones() {
        assert!(PartyNumber::parse(&[0x81]).unwrap().digits.is_empty());
        assert_eq!(PartyNumber::parse(&[]), Err(ElementError::Short(0)));
        assert_eq!(PartyNumber::parse(&[0x01]), Err(ElementError::Short(1)));
        assert_eq!(PartyNumber::parse(&[0x81, b'1', 0xff]), Err(ElementError::Value(2)));
        assert_eq!(PartyNumber::parse(&[0x81, b'\n']), Err(ElementError::Value(1)));
        assert!(PartyNumber::parse(&[0x81; 1]).is_ok());
        let long = [&[0x81][..], &[b'5'; MAX_DIGITS + 1]].concat();
        assert_eq!(PartyNumber::parse(&long), Err(ElementError::Long(MAX_DIGITS + 1)));
        assert!(PartyNumber::parse(&long[..=MAX_DIGITS]).is_ok());
    }

    #[test]
    fn digits_are_added_only_while_they_fit() {
        let mut digits = Digits::new("0".repeat(MAX_DIGITS - 1).as_str()).unwrap();
        assert!(!digits.append(&Digits::new("12").unwrap()));
        assert!(digits.append(&Digits::new("1").unwrap()));
        assert_eq!(digits.as_str().len(), MAX_DIGITS);
    }
}
