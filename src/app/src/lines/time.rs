//! The clock of everything in the line process but the cards: the machine's, or that of a simulated world.

use clock::{Clock, Mono, MonoClock, VirtualClock, WallAnchor};

/// A clock with its tie to the wall.
#[derive(Clone, Debug)]
pub(crate) enum LineClock {
    /// The machine's.
    Machine,
    /// One that a simulated world moves.
    Virtual(VirtualClock, WallAnchor),
}

impl LineClock {
    /// Returns the present time.
    pub fn now(&self) -> Mono {
        match self {
            LineClock::Machine => MonoClock.now(),
            LineClock::Virtual(clock, _) => clock.now(),
        }
    }

    /// Returns the tie to the wall clock as it is now.
    pub fn anchor(&self) -> WallAnchor {
        match self {
            LineClock::Machine => MonoClock.anchor(),
            LineClock::Virtual(_, anchor) => *anchor,
        }
    }
}
