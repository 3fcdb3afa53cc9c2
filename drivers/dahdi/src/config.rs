//! What a DAHDI card is made of, and how its buffers follow from it.

use std::path::PathBuf;

use card::{CardError, MAX_POSITIONS};
use tdm::SpanKind;

use crate::abi::{MAX_BLOCKSIZE, MAX_BUF_SPACE, MAX_NUM_BUFS};

/// The shortest and the longest block in milliseconds.
pub const BLOCK_MS: core::ops::RangeInclusive<u8> = 2..=20;

/// The longest buffer in milliseconds.
pub const MAX_BUFFER_MS: u16 = 60;

/// Blocks towards the line that a card holds at least: fewer leave no time at all.
const MIN_BLOCKS: usize = 3;

/// One card: spans of DAHDI whose clocks are locked to each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DahdiConfig {
    /// The card's name, for example `office`.
    pub name: String,
    /// The spans, at most [`MAX_POSITIONS`]; the first one that is there is the clock.
    pub spans: Vec<DahdiSpan>,
    /// How many milliseconds are read and written at once, in [`BLOCK_MS`].
    pub block_ms: u8,
    /// How late the realtime thread may come without losing a sample.
    pub buffer_ms: u16,
    /// Who makes frames of the D-channel's bits.
    pub hdlc: Hdlc,
    /// Delay that the card itself adds to a loop at its far end, in samples, beside DAHDI's buffers.
    pub line_delay_samples: u32,
    /// True to use the echo cancellers of card or kernel: every channel then has its own descriptor.
    pub card_echo: bool,
    /// Where the devices are.
    pub devices: PathBuf,
    /// Where the kernel tells about spans.
    pub proc: PathBuf,
}

/// One span of a card, or some ports of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DahdiSpan {
    /// What it is.
    pub kind: SpanKind,
    /// The DAHDI number of its first channel.
    pub first: u32,
    /// Its channels: 31 for E1, 24 for T1, 1 to 31 for analog ports.
    pub channels: u8,
    /// How the line is framed; none leaves that to `dahdi_cfg`.
    pub framing: Option<Framing>,
}

/// How a digital line is framed and coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing {
    /// E1: CRC-4 multiframes.
    pub crc4: bool,
    /// Line build-out, 0 to 7: the length of the cable.
    pub build_out: u8,
}

/// Who makes frames of the D-channel's bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hdlc {
    /// Tandem, bit by bit.
    Own,
    /// The kernel.
    Kernel,
    /// The card.
    Card,
}

impl DahdiConfig {
    /// Makes a card without spans, with blocks of 10 ms and a buffer of 20 ms.
    pub fn new(name: &str) -> DahdiConfig {
        DahdiConfig {
            name: name.to_owned(),
            spans: Vec::new(),
            block_ms: 10,
            buffer_ms: 20,
            hdlc: Hdlc::Own,
            line_delay_samples: 0,
            card_echo: false,
            devices: PathBuf::from("/dev/dahdi"),
            proc: PathBuf::from("/proc/dahdi"),
        }
    }

    /// Adds a span.
    #[must_use]
    pub fn span(mut self, kind: SpanKind, first: u32) -> DahdiConfig {
        self.spans.push(DahdiSpan { kind, first, channels: kind.max_channels(), framing: None });
        self
    }

    /// Adds some analog ports.
    #[must_use]
    pub fn ports(mut self, kind: SpanKind, first: u32, channels: u8) -> DahdiConfig {
        self.spans.push(DahdiSpan { kind, first, channels, framing: None });
        self
    }

    /// The card's name for people.
    pub(crate) fn model(&self) -> String {
        format!("DAHDI card {}", self.name)
    }

    /// Blocks towards the line that are there after every period: so many milliseconds are sent before silence is.
    pub(crate) fn depth(&self) -> usize {
        (usize::from(self.buffer_ms).div_ceil(usize::from(self.block_ms)) + 1).max(MIN_BLOCKS)
    }

    /// Buffers each way in the kernel.
    pub(crate) fn buffers(&self) -> usize {
        self.depth() + 1
    }

    /// How late the thread may come without losing a sample.
    pub(crate) fn slack_ms(&self) -> u16 {
        u16::try_from((self.depth() - 1) * usize::from(self.block_ms)).unwrap_or(u16::MAX)
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
        if !BLOCK_MS.contains(&self.block_ms) || self.buffer_ms > MAX_BUFFER_MS {
            let (block, buffer) = (self.block_ms, self.buffer_ms);
            return refuse(format!(
                "blocks of {block} ms and a buffer of {buffer} ms, 2 to 20 and at most {MAX_BUFFER_MS} allowed"
            ));
        }
        for (index, span) in self.spans.iter().enumerate() {
            if let Err(what) = self.check(span) {
                return refuse(format!("span {index}: {what}"));
            }
            let overlaps = |other: &DahdiSpan| {
                span.first < other.first + u32::from(other.channels)
                    && other.first < span.first + u32::from(span.channels)
            };
            if self.spans[..index].iter().any(overlaps) {
                return refuse(format!("span {index}: its channels belong to another span too"));
            }
        }
        Ok(())
    }

    fn check(&self, span: &DahdiSpan) -> Result<(), String> {
        let most = span.kind.max_channels();
        let fits =
            if span.kind.is_analog() { (1..=most).contains(&span.channels) } else { span.channels == most };
        if !fits {
            return Err(format!("{} channels do not fit {}", span.channels, span.kind));
        }
        if span.first == 0 || span.first > 1_023 {
            return Err(format!("first channel {}, 1 to 1023 allowed", span.first));
        }
        let block = self.block_octets(if self.card_echo { 1 } else { span.channels });
        let buffers = self.buffers();
        if block > MAX_BLOCKSIZE || buffers > MAX_NUM_BUFS || block * buffers > MAX_BUF_SPACE {
            return Err(format!(
                "{buffers} buffers of {block} octets are more than DAHDI has room for: a shorter buffer_ms or block_ms is needed"
            ));
        }
        Ok(())
    }

    /// Octets of a block of so many channels.
    pub(crate) fn block_octets(&self, channels: u8) -> usize {
        usize::from(self.block_ms) * tdm::CHUNK * usize::from(channels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_leaves_the_slack_that_was_asked_for() {
        for (block_ms, buffer_ms, depth, slack) in
            [(10, 20, 3, 20), (2, 20, 11, 20), (20, 20, 3, 40), (4, 10, 4, 12), (2, 2, 3, 4)]
        {
            let config = DahdiConfig { block_ms, buffer_ms, ..DahdiConfig::new("c") };
            assert_eq!((config.depth(), config.slack_ms()), (depth, slack), "{block_ms} {buffer_ms}");
            assert!(config.slack_ms() >= buffer_ms);
        }
    }

    #[test]
    fn configurations_that_cannot_be_are_refused() {
        let good = DahdiConfig::new("c").span(SpanKind::E1, 1).span(SpanKind::E1, 32);
        good.validate().unwrap();
        let cases = [
            (DahdiConfig { block_ms: 1, ..good.clone() }, "blocks of 1 ms"),
            (DahdiConfig { block_ms: 21, ..good.clone() }, "blocks of 21 ms"),
            (DahdiConfig { buffer_ms: 61, ..good.clone() }, "a buffer of 61 ms"),
            (DahdiConfig { spans: Vec::new(), ..good.clone() }, "0 spans"),
            (good.clone().span(SpanKind::T1, 62), "another span too"),
            (good.clone().span(SpanKind::T1, 0), "first channel 0"),
            (good.clone().ports(SpanKind::Fxs, 63, 0), "0 channels"),
            (DahdiConfig { block_ms: 20, buffer_ms: 60, ..good.clone() }, ""),
        ];
        for (config, word) in cases {
            match config.validate() {
                Err(CardError::System { source, .. }) => {
                    assert!(!word.is_empty() && source.to_string().contains(word), "{source}");
                }
                Err(other) => panic!("{other}"),
                Ok(()) => assert!(word.is_empty(), "{word}"),
            }
        }
    }
}
