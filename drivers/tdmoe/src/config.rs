//! What a card of spans over Ethernet is made of.

use core::ops::RangeInclusive;
use core::time::Duration;

use card::{CardError, MAX_POSITIONS};
use tdm::SpanKind;

use crate::Peer;
use crate::jitter::{MAX_AT_ONCE, MAX_DEPTH};

/// How many milliseconds a jitter buffer may hold.
pub const JITTER_MS: RangeInclusive<u16> = 1..=MAX_DEPTH;

/// How late the realtime thread may come, in milliseconds.
pub const BUFFER_MS: RangeInclusive<u16> = 2..=60;

/// How long nothing may come before a span is RED, in milliseconds.
pub const LOSS_MS: RangeInclusive<u16> = 20..=10_000;

const _: () = assert!(*BUFFER_MS.end() < MAX_AT_ONCE);

/// The longest name of an interface. Source: Linux, IFNAMSIZ less the closing zero.
pub const MAX_INTERFACE: usize = 15;

/// One card: spans over Ethernet, on one or several interfaces, in one clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdmoeConfig {
    /// The card's name, for example `remote`.
    pub name: String,
    /// The spans, at most [`MAX_POSITIONS`].
    pub spans: Vec<TdmoeSpan>,
    /// Frames that a jitter buffer holds, in [`JITTER_MS`].
    pub jitter_ms: u16,
    /// How late the realtime thread may come without losing a sample, in [`BUFFER_MS`].
    pub buffer_ms: u16,
    /// How long nothing may come before a span is RED, in [`LOSS_MS`].
    pub loss_ms: u16,
    /// Delay that the far end adds to a loop there, in samples, beside our own buffer.
    pub line_delay_samples: u32,
}

/// One span of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TdmoeSpan {
    /// E1 or T1: 31 or 24 channels.
    pub kind: SpanKind,
    /// The Ethernet interface, for example `eth0`.
    pub interface: String,
    /// Who the other end is.
    pub peer: Peer,
    /// Which of its spans.
    pub subaddress: u16,
}

impl TdmoeConfig {
    /// Makes a card without spans, with jitter buffers of 6 ms.
    pub fn new(name: &str) -> TdmoeConfig {
        TdmoeConfig {
            name: name.to_owned(),
            spans: Vec::new(),
            jitter_ms: 6,
            buffer_ms: 20,
            loss_ms: 1_000,
            line_delay_samples: 0,
        }
    }

    /// Adds a span.
    #[must_use]
    pub fn span(mut self, kind: SpanKind, interface: &str, peer: Peer, subaddress: u16) -> TdmoeConfig {
        self.spans.push(TdmoeSpan { kind, interface: interface.to_owned(), peer, subaddress });
        self
    }

    /// The card's name for people.
    pub(crate) fn model(&self) -> String {
        format!("spans over Ethernet {}", self.name)
    }

    /// How long nothing may come before a span is RED.
    pub(crate) fn loss(&self) -> Duration {
        Duration::from_millis(self.loss_ms.into())
    }

    /// The interfaces, each once, in the order of the spans.
    pub fn interfaces(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for span in &self.spans {
            if !names.contains(&span.interface) {
                names.push(span.interface.clone());
            }
        }
        names
    }

    /// Checks everything that can be checked before start.
    pub(crate) fn validate(&self) -> Result<(), CardError> {
        let refuse = |what: String| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
            Err(CardError::System { model: self.model(), what: "its configuration".to_owned(), source })
        };
        if self.spans.is_empty() || self.spans.len() > MAX_POSITIONS {
            return refuse(format!("{} spans, 1 to {MAX_POSITIONS} allowed", self.spans.len()));
        }
        let times = [
            ("jitter_ms", self.jitter_ms, JITTER_MS),
            ("buffer_ms", self.buffer_ms, BUFFER_MS),
            ("loss_ms", self.loss_ms, LOSS_MS),
        ];
        for (key, value, range) in times {
            if !range.contains(&value) {
                return refuse(format!("{key}: {value} is not in {range:?}"));
            }
        }
        for (index, span) in self.spans.iter().enumerate() {
            if span.kind.is_analog() {
                return refuse(format!("span {index}: {} is not E1 or T1", span.kind));
            }
            if span.interface.is_empty() || span.interface.len() > MAX_INTERFACE {
                let name = &span.interface;
                return refuse(format!(
                    "span {index}: interface {name:?} is not 1 to {MAX_INTERFACE} octets"
                ));
            }
            if self.spans[..index].iter().any(|other| span.collides(other)) {
                return refuse(format!(
                    "span {index}: its frames could be another span's: subaddress {}",
                    span.subaddress
                ));
            }
        }
        Ok(())
    }
}

impl TdmoeSpan {
    /// Tells whether a frame could be of both spans.
    fn collides(&self, other: &TdmoeSpan) -> bool {
        let same_place = self.interface == other.interface && self.subaddress == other.subaddress;
        let told_apart = match (self.peer, other.peer) {
            (Peer::Fixed(a), Peer::Fixed(b)) => a != b,
            (Peer::Learned, _) | (_, Peer::Learned) => false,
        };
        same_place && !told_apart
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Mac;

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let (a, b) = (Peer::Fixed(Mac([2, 0, 0, 0, 0, 1])), Peer::Fixed(Mac([2, 0, 0, 0, 0, 2])));
        let good = TdmoeConfig::new("c").span(SpanKind::E1, "eth0", a, 0).span(SpanKind::T1, "eth1", a, 0);
        good.validate().unwrap();
        good.clone().span(SpanKind::E1, "eth0", b, 0).span(SpanKind::E1, "eth0", a, 1).validate().unwrap();
        assert_eq!(good.interfaces(), ["eth0", "eth1"]);
        let cases = [
            (TdmoeConfig { spans: Vec::new(), ..good.clone() }, "0 spans, 1 to 16 allowed"),
            (TdmoeConfig { jitter_ms: 0, ..good.clone() }, "jitter_ms: 0 is not in 1..=50"),
            (TdmoeConfig { buffer_ms: 61, ..good.clone() }, "buffer_ms: 61 is not in 2..=60"),
            (TdmoeConfig { loss_ms: 19, ..good.clone() }, "loss_ms: 19 is not in 20..=10000"),
            (good.clone().span(SpanKind::Fxs, "eth0", a, 5), "span 2: FXS is not E1 or T1"),
            (good.clone().span(SpanKind::E1, "", a, 5), "span 2: interface \"\" is not 1 to 15 octets"),
            (
                good.clone().span(SpanKind::E1, "eth0", a, 0),
                "span 2: its frames could be another span's: subaddress 0",
            ),
            (
                good.clone().span(SpanKind::E1, "eth0", Peer::Learned, 0),
                "span 2: its frames could be another",
            ),
        ];
        for (config, words) in cases {
            let Err(CardError::System { source, .. }) = config.validate() else {
                panic!("{words}: was taken")
            };
            assert!(source.to_string().contains(words), "{source}");
        }
    }
}
