//! Bearer capability: what kind of connection a call asks for.
//!
//! Octet 3 is the transfer capability, octet 4 mode and rate, octet 5 the layer 1 protocol. Speech and 3.1 kHz
//! audio calls of a telephone network use three octets: `80 90 a3`, `90 90 a3`.
//!
//! Limits: octets 4a, 4b and 5a to 7 are skipped on receipt and never sent. Source: ITU-T Q.931 (05/98) 4.5.5.

use arrayvec::ArrayVec;
use tdm::Law;

use super::{ElementError, skip_group};

/// The information transfer capability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TransferCapability {
    /// Speech.
    Speech,
    /// Unrestricted digital information.
    Unrestricted,
    /// Restricted digital information.
    Restricted,
    /// 3.1 kHz audio.
    Audio3k1,
    /// Unrestricted digital information with tones and announcements.
    UnrestrictedWithTones,
    /// Video.
    Video,
    /// A value without a meaning here, 0 to 31.
    Other(u8),
}

/// The user information layer 1 protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Layer1 {
    /// G.711 mu-law.
    MuLaw,
    /// G.711 A-law.
    ALaw,
    /// Another protocol, 0 to 31.
    Other(u8),
}

/// The contents of the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BearerCapability {
    /// What is carried.
    pub transfer: TransferCapability,
    /// Octet 4 without its extension bit: `0x10` is circuit mode at 64 kbit/s.
    pub mode_and_rate: u8,
    /// Octet 4.1, which follows the rate "multirate" only: how many channels of 64 kbit/s.
    pub multiplier: Option<u8>,
    /// How it is coded, if said.
    pub layer1: Option<Layer1>,
}

/// Circuit mode, 64 kbit/s.
const CIRCUIT_64K: u8 = 0x10;

/// The rate "multirate", followed by a multiplier octet.
const MULTIRATE: u8 = 0x18;

impl TransferCapability {
    const fn from_code(code: u8) -> TransferCapability {
        match code & 31 {
            0x00 => TransferCapability::Speech,
            0x08 => TransferCapability::Unrestricted,
            0x09 => TransferCapability::Restricted,
            0x10 => TransferCapability::Audio3k1,
            0x11 => TransferCapability::UnrestrictedWithTones,
            0x18 => TransferCapability::Video,
            other => TransferCapability::Other(other),
        }
    }

    const fn code(self) -> u8 {
        match self {
            TransferCapability::Speech => 0x00,
            TransferCapability::Unrestricted => 0x08,
            TransferCapability::Restricted => 0x09,
            TransferCapability::Audio3k1 => 0x10,
            TransferCapability::UnrestrictedWithTones => 0x11,
            TransferCapability::Video => 0x18,
            TransferCapability::Other(code) => code & 31,
        }
    }
}

impl BearerCapability {
    /// Speech in `law`.
    pub const fn speech(law: Law) -> BearerCapability {
        BearerCapability::circuit(TransferCapability::Speech, law)
    }

    /// 3.1 kHz audio in `law`.
    pub const fn audio(law: Law) -> BearerCapability {
        BearerCapability::circuit(TransferCapability::Audio3k1, law)
    }

    const fn circuit(transfer: TransferCapability, law: Law) -> BearerCapability {
        let layer1 = match law {
            Law::A => Layer1::ALaw,
            Law::Mu => Layer1::MuLaw,
        };
        BearerCapability { transfer, mode_and_rate: CIRCUIT_64K, multiplier: None, layer1: Some(layer1) }
    }

    /// Returns true for calls that carry what a telephone can play.
    pub const fn is_telephony(&self) -> bool {
        matches!(self.transfer, TransferCapability::Speech | TransferCapability::Audio3k1)
            && self.mode_and_rate == CIRCUIT_64K
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If octet 3 or 4 is missing or of a coding other than ITU-T's.
    pub fn parse(content: &[u8]) -> Result<BearerCapability, ElementError> {
        let &third = content.first().ok_or(ElementError::Short(0))?;
        if third & 0x60 != 0 {
            return Err(ElementError::Value(0));
        }
        let fourth_at = skip_group(content, 0)?;
        let &fourth = content.get(fourth_at).ok_or(ElementError::Short(fourth_at))?;
        let mode_and_rate = fourth & 0x7f;
        let mut at = skip_group(content, fourth_at)?;
        let mut multiplier = None;
        if mode_and_rate & 31 == MULTIRATE {
            let &octet = content.get(at).ok_or(ElementError::Short(at))?;
            multiplier = Some(octet & 0x7f);
            at = skip_group(content, at)?;
        }
        let layer1 = match content.get(at) {
            Some(&octet) if octet & 0x60 == 0x20 => Some(match octet & 31 {
                2 => Layer1::MuLaw,
                3 => Layer1::ALaw,
                other => Layer1::Other(other),
            }),
            Some(_) | None => None,
        };
        Ok(BearerCapability {
            transfer: TransferCapability::from_code(third),
            mode_and_rate,
            multiplier,
            layer1,
        })
    }

    /// Writes the contents.
    pub fn emit(&self) -> ArrayVec<u8, 4> {
        let mut out = ArrayVec::new();
        out.push(0x80 | self.transfer.code());
        out.push(0x80 | self.mode_and_rate);
        out.extend(self.multiplier.map(|multiplier| 0x80 | multiplier));
        if let Some(layer1) = self.layer1 {
            out.push(
                0xa0 | match layer1 {
                    Layer1::MuLaw => 2,
                    Layer1::ALaw => 3,
                    Layer1::Other(code) => code & 31,
                },
            );
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_bearers_have_their_octets() {
        for (bearer, octets) in [
            (BearerCapability::speech(Law::A), [0x80, 0x90, 0xa3]),
            (BearerCapability::audio(Law::A), [0x90, 0x90, 0xa3]),
            (BearerCapability::speech(Law::Mu), [0x80, 0x90, 0xa2]),
        ] {
            assert_eq!(bearer.emit().as_slice(), octets);
            assert_eq!(BearerCapability::parse(&octets), Ok(bearer));
            assert!(bearer.is_telephony());
        }
    }

    #[test]
    fn data_calls_are_no_telephony() {
        let data = BearerCapability::parse(&[0x88, 0x90]).unwrap();
        assert_eq!(data.transfer, TransferCapability::Unrestricted);
        assert_eq!(data.emit().as_slice(), [0x88, 0x90]);
        assert!(!data.is_telephony());
    }

    #[test]
    fn extra_octets_are_skipped_and_missing_ones_refused() {
        let v110 = BearerCapability::parse(&[0x88, 0x90, 0x21, 0x8f]).unwrap();
        assert_eq!(v110.layer1, Some(Layer1::Other(1)));
        let multirate = BearerCapability::parse(&[0x88, 0x98, 0x86, 0xa5]).unwrap();
        assert_eq!((multirate.multiplier, multirate.layer1), (Some(6), Some(Layer1::Other(5))));
        assert_eq!(multirate.emit().as_slice(), [0x88, 0x98, 0x86, 0xa5]);
        assert_eq!(BearerCapability::parse(&[0x97, 0x98]), Err(ElementError::Short(2)));
        assert_eq!(BearerCapability::parse(&[]), Err(ElementError::Short(0)));
        assert_eq!(BearerCapability::parse(&[0x80]), Err(ElementError::Short(1)));
        assert_eq!(BearerCapability::parse(&[0xe0, 0x90]), Err(ElementError::Value(0)));
    }
}
