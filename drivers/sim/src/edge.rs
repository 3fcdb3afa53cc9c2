//! What passes over a line beside its octets, as levels and as the edges between them.
//!
//! Each direction of a position keeps its [`Levels`]: signalling bits, loops, ringing, polarity, feed, alarms. Whoever
//! listens is told the [`Edge`]s between the levels it knows and the present ones, once a tick. So a far end that comes
//! back after an absence is told everything that is not at rest, by the same few lines.
//!
//! Limits: a level that changes and changes back within one millisecond is not seen, as by a card that scans its ports.

use tdm::{Abcd, Alarms, HookState, Polarity, Timeslot};

/// The most channels of one position.
pub(crate) const MAX_CHANNELS: usize = 31;

/// One change on a line beside its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// The signalling bits of a timeslot are now these.
    Bits {
        /// The timeslot.
        timeslot: Timeslot,
        /// The bits.
        bits: Abcd,
    },
    /// A loop was closed or opened: by the telephone on an FXS port, or by an FXO port.
    Hook {
        /// The port.
        timeslot: Timeslot,
        /// The loop.
        state: HookState,
    },
    /// Ringing voltage came or went: from an FXS port, or to an FXO port.
    Ring {
        /// The port.
        timeslot: Timeslot,
        /// True while it is there.
        ringing: bool,
    },
    /// The loop current changed its direction: from an FXS port, or to an FXO port.
    Polarity {
        /// The port.
        timeslot: Timeslot,
        /// Its direction.
        polarity: Polarity,
    },
    /// The battery feed came or went: from an FXS port, or to an FXO port.
    Feed {
        /// The port.
        timeslot: Timeslot,
        /// True while it is there.
        present: bool,
    },
    /// The sender's alarms are now these: RED says that it sends no signal at all.
    Alarms(Alarms),
    /// The sender's clock made a frame more (positive) or less (negative) than ours: towards the card only.
    Slip(i8),
}

/// The state of one direction of a line; bit `timeslot - 1` of a mask stands for a timeslot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Levels {
    pub(crate) bits: [u8; MAX_CHANNELS],
    pub(crate) off_hook: u32,
    pub(crate) ringing: u32,
    pub(crate) reversed: u32,
    pub(crate) no_feed: u32,
    pub(crate) alarms: Alarms,
}

/// Returns the bit of `timeslot` in a mask; none for timeslots that cannot exist.
pub(crate) fn mask(timeslot: Timeslot) -> u32 {
    match timeslot.0 {
        n @ 1..=31 => 1 << (n - 1),
        0 | 32.. => 0,
    }
}

/// Sets or clears the bit of `timeslot`.
pub(crate) fn set(levels: &mut u32, timeslot: Timeslot, on: bool) {
    if on {
        *levels |= mask(timeslot);
    } else {
        *levels &= !mask(timeslot);
    }
}

impl Levels {
    /// Takes an edge in; a slip is no level and changes nothing.
    pub(crate) fn apply(&mut self, edge: Edge) {
        match edge {
            Edge::Bits { timeslot, bits } => {
                if let Some(level) = self.bits.get_mut(usize::from(timeslot.0).wrapping_sub(1)) {
                    *level = bits.0 & 0xF;
                }
            }
            Edge::Hook { timeslot, state } => {
                set(&mut self.off_hook, timeslot, state == HookState::OffHook);
            }
            Edge::Ring { timeslot, ringing } => set(&mut self.ringing, timeslot, ringing),
            Edge::Polarity { timeslot, polarity } => {
                set(&mut self.reversed, timeslot, polarity == Polarity::Reversed);
            }
            Edge::Feed { timeslot, present } => set(&mut self.no_feed, timeslot, !present),
            Edge::Alarms(alarms) => self.alarms = alarms & (Alarms::RED | Alarms::YELLOW | Alarms::AIS),
            Edge::Slip(_) => {}
        }
    }

    /// Hands the edges that lead from `self` to `to` to `tell`.
    pub(crate) fn edges_to(&self, to: &Levels, mut tell: impl FnMut(Edge)) {
        if self == to {
            return;
        }
        if self.alarms != to.alarms {
            tell(Edge::Alarms(to.alarms));
        }
        for timeslot in (1..=MAX_CHANNELS as u8).map(Timeslot) {
            let (index, bit) = (usize::from(timeslot.0) - 1, mask(timeslot));
            let turned = |a: u32, b: u32| ((a ^ b) & bit != 0).then_some(b & bit != 0);
            if self.bits[index] != to.bits[index] {
                tell(Edge::Bits { timeslot, bits: Abcd(to.bits[index]) });
            }
            if let Some(off) = turned(self.off_hook, to.off_hook) {
                let state = if off { HookState::OffHook } else { HookState::OnHook };
                tell(Edge::Hook { timeslot, state });
            }
            if let Some(ringing) = turned(self.ringing, to.ringing) {
                tell(Edge::Ring { timeslot, ringing });
            }
            if let Some(reversed) = turned(self.reversed, to.reversed) {
                let polarity = if reversed { Polarity::Reversed } else { Polarity::Normal };
                tell(Edge::Polarity { timeslot, polarity });
            }
            if let Some(gone) = turned(self.no_feed, to.no_feed) {
                tell(Edge::Feed { timeslot, present: !gone });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_between_two_levels_lead_from_one_to_the_other() {
        let mut to = Levels { off_hook: 5, ringing: 2, reversed: 1 << 30, no_feed: 8, ..Levels::default() };
        to.bits[30] = 9;
        to.alarms = Alarms::AIS;
        let (mut at, mut edges) = (Levels::default(), 0);
        Levels::default().edges_to(&to, |edge| {
            at.apply(edge);
            edges += 1;
        });
        assert_eq!(at, to);
        assert_eq!(edges, 7);
        to.edges_to(&at, |edge| panic!("{edge:?} leads nowhere"));
    }

    #[test]
    fn timeslots_that_cannot_exist_change_nothing() {
        let mut levels = Levels::default();
        for timeslot in [0, 32, 255].map(Timeslot) {
            levels.apply(Edge::Bits { timeslot, bits: Abcd(15) });
            levels.apply(Edge::Ring { timeslot, ringing: true });
        }
        assert_eq!(levels, Levels::default());
    }
}
