//! The cases, one file each. A case moves the card on, writes [`Notes`](crate::report::Notes), and leaves the lines at rest.

pub(crate) mod bits;
pub(crate) mod dchannel;
pub(crate) mod echo;
pub(crate) mod jitter;
pub(crate) mod ring;
pub(crate) mod signal;
pub(crate) mod timeslots;
pub(crate) mod unplugging;

use tdm::SpanId;

/// One or two spans that are measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cable {
    Loop(SpanId),
    Pair(SpanId, SpanId),
}

impl Cable {
    /// Returns which span hears which, from the sender to the hearer.
    pub(crate) fn ways(self) -> Vec<(SpanId, SpanId)> {
        match self {
            Cable::Loop(span) => vec![(span, span)],
            Cable::Pair(a, b) => vec![(a, b), (b, a)],
        }
    }

    pub(crate) fn spans(self) -> Vec<SpanId> {
        self.ways().into_iter().map(|(from, _)| from).collect()
    }
}

impl core::fmt::Display for Cable {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Cable::Loop(span) => write!(f, "span {span}"),
            Cable::Pair(a, b) => write!(f, "spans {a} and {b}"),
        }
    }
}

/// Returns samples as a time.
pub(crate) fn ms(samples: u64) -> String {
    format!("{}.{:03} ms", samples / 8, samples % 8 * 125)
}
