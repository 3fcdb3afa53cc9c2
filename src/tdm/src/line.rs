//! The state of a line beside its audio: law, alarms, signalling bits, hook, polarity.

use core::fmt;

use bitflags::bitflags;
use serde::{Deserialize, Serialize};

/// The companding law of a channel. Source: ITU-T G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Law {
    /// A-law, with the even bits inverted as on the line.
    A,
    /// Mu-law.
    Mu,
}

impl Law {
    /// Returns the octet that an idle channel carries on the line (the code of silence).
    pub const fn idle(self) -> u8 {
        match self {
            Law::A => 0xD5,
            Law::Mu => 0xFF,
        }
    }
}

bitflags! {
    /// The alarms of a span; several can stand at once.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
    pub struct Alarms: u8 {
        /// No signal or no frame alignment on what we receive.
        const RED = 1;
        /// The far end says that it receives nothing from us (remote alarm indication).
        const YELLOW = 2;
        /// An unframed stream of ones: something upstream of the far end is broken.
        const AIS = 4;
        /// The line is looped back to its sender.
        const LOOPBACK = 8;
        /// The span is detached from the card.
        const DETACHED = 16;
    }
}

impl Alarms {
    /// Returns true if no call can be carried.
    pub const fn blocks_calls(self) -> bool {
        !self.is_empty()
    }
}

impl fmt::Display for Alarms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("none");
        }
        let mut first = true;
        for (name, _) in self.iter_names() {
            if !first {
                f.write_str("+")?;
            }
            f.write_str(name)?;
            first = false;
        }
        Ok(())
    }
}

/// The four signalling bits of a channel with channel-associated signalling: A=8, B=4, C=2, D=1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Abcd(pub u8);

/// Whether a telephone or trunk has its loop closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HookState {
    /// Loop open.
    OnHook,
    /// Loop closed.
    OffHook,
}

/// The direction of the loop current.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Polarity {
    /// As at rest.
    Normal,
    /// Reversed: answer supervision on many exchange lines.
    Reversed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_print_by_name() {
        assert_eq!((Alarms::RED | Alarms::AIS).to_string(), "RED+AIS");
        assert_eq!(Alarms::empty().to_string(), "none");
    }
}
