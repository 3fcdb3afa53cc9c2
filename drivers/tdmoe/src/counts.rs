//! What is counted, each by its name: written by the realtime half, read by anybody.

use core::sync::atomic::{AtomicU64, Ordering};

macro_rules! counts {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// What is counted of a span or of an interface.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Count {
            $($(#[$doc])* $name,)*
        }

        impl Count {
            /// All of them.
            pub const ALL: &'static [Count] = &[$(Count::$name,)*];

            /// Returns its name for people.
            pub const fn name(self) -> &'static str {
                match self { $(Count::$name => $text,)* }
            }
        }
    };
}

counts! {
    /// Span: frames taken up.
    Frames = "frames",
    /// Span: frames that never came, or too late: silence was put in their place.
    Lost = "lost",
    /// Span: frames that came after their place had passed; they are among the lost ones.
    Late = "late",
    /// Span: frames that came twice.
    Doubled = "doubled",
    /// Span: frames that came after a later one, in time.
    Reordered = "reordered",
    /// Span: frames whose number is far from what was awaited.
    Strange = "out of sequence",
    /// Span: times that the sender began anew with other numbers.
    Restarts = "sender began anew",
    /// Span: frames put in as silence since the sender is slower.
    Gained = "slips, frames gained",
    /// Span: frames thrown away since the sender is faster.
    Dropped = "slips, frames dropped",
    /// Span: frames of another number of samples or another length than they say.
    BadForm = "bad form",
    /// Span: frames of another number of channels than the span has.
    Channels = "other number of channels",
    /// Span: frames with its subaddress from another address than its peer's.
    Elsewhere = "from another address",
    /// Span: times that another address became the peer's.
    PeerChanges = "peer's address changed",
    /// Interface: frames too short to tell whose they are.
    Short = "too short",
    /// Interface: frames to another address.
    NotForUs = "to another address",
    /// Interface: frames of a peer with a subaddress that no span has.
    Subaddress = "unknown subaddress",
    /// Interface: frames that belong to no span and no peer.
    Stranger = "from strangers",
    /// Interface: frames that could not be sent.
    Unsent = "not sent",
    /// Interface: times that more came in a period than is taken up at once.
    Flood = "more than is taken at once",
}

const COUNTS: usize = Count::ALL.len();

/// A set of all counters.
#[derive(Debug)]
pub struct Counts([AtomicU64; COUNTS]);

impl Default for Counts {
    fn default() -> Counts {
        Counts([const { AtomicU64::new(0) }; COUNTS])
    }
}

impl Counts {
    /// Counts so many more.
    pub fn add(&self, count: Count, more: u64) {
        self.0[count as usize].fetch_add(more, Ordering::Relaxed);
    }

    /// Returns what was counted.
    pub fn get(&self, count: Count) -> u64 {
        self.0[count as usize].load(Ordering::Relaxed)
    }

    /// Returns all that are not zero.
    pub fn told(&self) -> Vec<(Count, u64)> {
        let all = Count::ALL.iter().map(|&count| (count, self.get(count)));
        all.filter(|(_, number)| *number > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_count_has_its_own_place_and_name() {
        let counts = Counts::default();
        for (index, &count) in Count::ALL.iter().enumerate() {
            counts.add(count, index as u64 + 1);
        }
        let told = counts.told();
        assert!(told.iter().enumerate().all(|(index, (_, number))| *number == index as u64 + 1));
        let names: std::collections::BTreeSet<_> = told.iter().map(|(count, _)| count.name()).collect();
        assert_eq!(names.len(), Count::ALL.len());
    }
}
