//! Addresses of Ethernet interfaces.

use core::fmt;
use core::str::FromStr;

/// An Ethernet address, as `aa:bb:cc:dd:ee:ff`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// What is wrong with the text of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// Not six pairs of hexadecimal digits with colons between them.
    #[error("an address is six pairs of hexadecimal digits, as in 52:54:00:00:aa:01")]
    Form,
    /// A group's or nobody's address, which no sender has.
    #[error("this is the address of a group or of nobody, not of an interface")]
    NoInterface,
}

impl Mac {
    /// Returns the address as a number, the first octet highest.
    pub(crate) fn number(self) -> u64 {
        self.0.iter().fold(0, |number, &octet| number << 8 | u64::from(octet))
    }

    /// Returns the address of such a number.
    pub(crate) fn of_number(number: u64) -> Mac {
        Mac(core::array::from_fn(|k| (number >> (40 - 8 * k)) as u8))
    }
}

impl FromStr for Mac {
    type Err = MacError;

    fn from_str(text: &str) -> Result<Mac, MacError> {
        let mut octets = [0; 6];
        let mut pairs = text.split(':');
        for octet in &mut octets {
            let pair = pairs.next().ok_or(MacError::Form)?;
            if pair.len() != 2 || !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(MacError::Form);
            }
            *octet = u8::from_str_radix(pair, 16).map_err(|_| MacError::Form)?;
        }
        if pairs.next().is_some() {
            return Err(MacError::Form);
        }
        // The lowest bit of the first octet marks groups. Source: IEEE 802, 8.2.
        if octets[0] & 1 != 0 || octets == [0; 6] {
            return Err(MacError::NoInterface);
        }
        Ok(Mac(octets))
    }
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_told_alike() {
        let mac: Mac = "52:54:00:0A:bb:01".parse().unwrap();
        assert_eq!(mac, Mac([0x52, 0x54, 0, 0x0A, 0xBB, 1]));
        assert_eq!(mac.to_string(), "52:54:00:0a:bb:01");
        assert_eq!(Mac::of_number(mac.number()), mac);
    }

    #[test]
    fn what_is_no_interfaces_address_is_refused() {
        for text in [
            "",
            "52:54:00:00:aa",
            "52:54:00:00:aa:01:02",
            "52:54:00:00:aa:1",
            "52-54-00-00-aa-01",
            "+2:54:00:00:aa:01",
        ] {
            assert_eq!(text.parse::<Mac>(), Err(MacError::Form), "{text}");
        }
        for text in ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"] {
            assert_eq!(text.parse::<Mac>(), Err(MacError::NoInterface), "{text}");
        }
    }
}
