//! What the exchange has seen so far, counted from its own truth alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use simulator::truth::{Entry, Event};

/// Talks shorter than this may be too short to hear somebody in.
const SHORT_TALK_MS: u64 = 4_000;
/// So much of what the partner spoke must be heard, in percent, and so long may be missed in a row.
const HEARD_PERCENT: u64 = 80;
const MAX_DEAF_MS: u64 = 2_000;

/// Sums since the start of the exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub offered: u64,
    pub blocked: u64,
    pub answered: u64,
    pub ended: u64,
    pub talks: u64,
    /// Ends of talks at which one side had not heard the other well.
    pub badly_heard: u64,
    pub heard_well: u64,
    pub missed_rings: u64,
    /// Talks under way, by call: since when.
    talking: BTreeMap<u32, u64>,
    live: BTreeSet<u32>,
}

impl Figures {
    /// Counts a line of the truth.
    pub fn count(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Offered { call, .. } => {
                self.offered += 1;
                self.live.insert(*call);
            }
            Event::Blocked { .. } => self.blocked += 1,
            Event::Answered { .. } => self.answered += 1,
            Event::Talk { call, .. } => {
                self.talks += 1;
                self.talking.insert(*call, entry.at_ms);
            }
            Event::Parted { call, .. } => drop(self.talking.remove(call)),
            Event::Ended { call, .. } => {
                self.ended += 1;
                self.live.remove(call);
            }
            Event::Unanswered { .. } => self.missed_rings += 1,
            Event::Hearing { spoken_ms, heard_ms, deaf_ms, .. } => {
                let well = heard_ms * 100 >= spoken_ms * HEARD_PERCENT && *deaf_ms <= MAX_DEAF_MS;
                if *spoken_ms >= SHORT_TALK_MS || well {
                    self.heard_well += u64::from(well);
                    self.badly_heard += u64::from(!well);
                }
            }
            Event::Begin { .. }
            | Event::Span { .. }
            | Event::Accepted { .. }
            | Event::Alerting { .. }
            | Event::Key { .. }
            | Event::Waits { .. }
            | Event::HungUp { .. }
            | Event::Rung { .. }
            | Event::PickedUp { .. }
            | Event::PutDown { .. }
            | Event::Channel { .. } => {}
        }
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} callers there, {} talking; offered {}, answered {}, talks {}, ended {}; no channel {}, \
             rang unanswered {}; heard well {}, badly {}",
            self.live.len(),
            self.talking.len(),
            self.offered,
            self.answered,
            self.talks,
            self.ended,
            self.blocked,
            self.missed_rings,
            self.heard_well,
            self.badly_heard
        )
    }
}

#[cfg(test)]
mod tests {
    use tdm::ChannelId;

    use super::*;

    #[test]
    fn calls_and_what_was_heard_in_them_are_counted() {
        let mut figures = Figures::default();
        let channel = ChannelId::new(1, 1);
        let offered = |call| Event::Offered { call, number: "1".into(), called: "8000".into(), channel };
        let hearing = |spoken_ms, heard_ms, deaf_ms| Event::Hearing {
            channel,
            partner: ChannelId::new(5, 1),
            spoken_ms,
            heard_ms,
            deaf_ms,
        };
        let events = [
            offered(1),
            offered(2),
            Event::Answered { call: 1 },
            Event::Talk { call: 1, phone: "201".into() },
            hearing(10_000, 9_900, 100),
            hearing(10_000, 9_900, 2_100),
            hearing(10_000, 7_900, 900),
            hearing(500, 0, 500),
            Event::Parted { call: 1, phone: "201".into() },
        ];
        for event in events {
            figures.count(&Entry { at_ms: 1, event });
        }
        assert_eq!((figures.offered, figures.answered, figures.talks), (2, 1, 1));
        assert_eq!((figures.heard_well, figures.badly_heard), (1, 2));
        assert!(
            figures.to_string().starts_with("2 callers there, 0 talking; offered 2, answered 1"),
            "{figures}"
        );
    }
}
