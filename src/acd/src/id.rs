//! Names of callers, agents, queues and offers.
//!
//! All are opaque here: the order in which they sort only breaks ties, so that every run decides alike.

use core::fmt;

use serde::{Deserialize, Serialize};

/// A caller, by whatever names it for the owner of the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallerKey(pub u128);

impl CallerKey {
    /// Makes a key from the three numbers of a leg's name; keys sort as legs do.
    pub const fn from_leg(epoch: u32, session: u16, serial: u32) -> CallerKey {
        CallerKey((epoch as u128) << 48 | (session as u128) << 32 | serial as u128)
    }

    /// Returns the numbers given to [`CallerKey::from_leg`]: epoch, session, serial.
    pub const fn leg(self) -> (u32, u16, u32) {
        ((self.0 >> 48) as u32, (self.0 >> 32) as u16, self.0 as u32)
    }
}

/// An agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AgentId(pub u32);

/// A queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct QueueId(pub u16);

impl fmt::Display for QueueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// One reservation of one agent for one caller; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct OfferId(pub u64);

/// The highest priority.
pub const MAX_PRIORITY: u8 = 9;

/// How urgent a caller is: 0 to [`MAX_PRIORITY`], the highest is served first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Priority(u8);

impl Priority {
    /// Makes a priority; values over [`MAX_PRIORITY`] count as it.
    pub const fn new(value: u8) -> Priority {
        Priority(if value > MAX_PRIORITY { MAX_PRIORITY } else { value })
    }

    /// Returns the value.
    pub const fn get(self) -> u8 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callers_key_gives_back_the_numbers_of_its_leg() {
        for leg in [(0, 0, 0), (1, 2, 3), (u32::MAX, u16::MAX, u32::MAX)] {
            assert_eq!(CallerKey::from_leg(leg.0, leg.1, leg.2).leg(), leg);
        }
        assert!(CallerKey::from_leg(1, 0, 9) < CallerKey::from_leg(1, 1, 1));
    }

    #[test]
    fn a_priority_over_the_highest_counts_as_the_highest() {
        assert_eq!(Priority::new(9), Priority::new(200));
        assert_eq!(Priority::new(8).get(), 8);
    }
}
