//! What the engine is told: small `Copy` values through the `rt_cmd` ring.
//!
//! Every command carries a number; the engine answers each with `Applied` or `Refused` in the period in which it
//! took effect, so that speech is proved to be cut through before an answer is signalled.

use card::LineOrder;
use dsp::echo::EchoMode;
use dsp::listen::Wants;

use crate::{FeedPort, TapPort};

/// The most digits one `Dial` carries.
pub const MAX_DIGITS: usize = 24;

/// The place of a channel in the engine: its strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strip(pub u16);

/// One of the engine's conferences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conference(pub u16);

/// A call progress tone; its frequencies and cadence come from the tone plan of the country.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Go on and dial.
    Dial,
    /// The called telephone rings.
    Ringback,
    /// The called line is busy.
    Busy,
    /// No path: congestion.
    Congestion,
    /// The number cannot be reached.
    Unobtainable,
    /// 1004 Hz at -10 dBm0 without a pause: for measuring.
    Milliwatt,
}

/// What a channel sends to its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The idle code.
    Silence,
    /// What another channel receives, in the same period.
    Line(Strip),
    /// A conference: the sum of its members less this one. The channel is a member as long as this is its source.
    Conference(Conference),
    /// A prompt feed.
    Feed(FeedPort),
    /// A tone.
    Tone(Tone),
}

/// A gain in hundredths of a decibel: -2400 to +1200.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Gain(pub i16);

impl Gain {
    /// The least gain: -24 dB.
    pub const LEAST: Gain = Gain(dsp::mix::MIN_GAIN_CENTI_DB);
    /// The largest gain: +12 dB.
    pub const MOST: Gain = Gain(dsp::mix::MAX_GAIN_CENTI_DB);
}

/// Digits to be sent as DTMF: `0-9 * # A-D`, a comma is a pause of 500 ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digits {
    len: u8,
    digits: [u8; MAX_DIGITS],
}

impl Digits {
    /// Copies `digits`; none if one is not sendable or there are more than [`MAX_DIGITS`].
    pub fn new(digits: &str) -> Option<Digits> {
        let sendable = |c: u8| matches!(c, b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b',');
        let mut out = Digits { len: u8::try_from(digits.len()).ok()?, digits: [0; MAX_DIGITS] };
        out.digits.get_mut(..digits.len())?.copy_from_slice(digits.as_bytes());
        digits.bytes().all(sendable).then_some(out)
    }

    /// Returns the digits in ASCII.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }
}

/// One numbered command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtCommand {
    /// The number that `Applied` or `Refused` will carry.
    pub seq: u32,
    /// What to do.
    pub op: RtOp,
}

/// What a command does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtOp {
    /// Choose what a channel sends to its line.
    Send {
        /// The channel.
        strip: Strip,
        /// What it sends.
        source: Source,
    },
    /// Copy both directions of a channel into a tap until `Untap`. A channel may have several taps.
    Tap {
        /// The tap.
        port: TapPort,
        /// The channel.
        strip: Strip,
    },
    /// End a tap.
    Untap {
        /// The tap.
        port: TapPort,
    },
    /// Throw away what waits in a feed and accept only blocks of this generation from now on.
    Flush {
        /// The feed.
        feed: FeedPort,
        /// The generation that `FeedBlock`s must carry.
        generation: u16,
    },
    /// Send DTMF digits over whatever the channel sends, 100 ms on and 100 ms off.
    Dial {
        /// The channel.
        strip: Strip,
        /// The digits.
        digits: Digits,
    },
    /// Choose what a channel's detectors listen for; at start that is `EngineConfig::detect`.
    Detect {
        /// The channel.
        strip: Strip,
        /// All they listen for from now on.
        wants: Wants,
    },
    /// Set a channel's gains; both 0 dB at start.
    Gains {
        /// The channel.
        strip: Strip,
        /// From the line.
        rx: Gain,
        /// To the line.
        tx: Gain,
    },
    /// Set what a channel's echo canceller does, and its tail; switching it on starts it anew.
    Echo {
        /// The channel.
        strip: Strip,
        /// Off, or on with one of the non-linear processors.
        mode: EchoMode,
        /// The tail in milliseconds: 16 to the `tail_ms` of the settings; ignored with `Off`.
        tail_ms: u16,
    },
    /// Put a channel back as it was at start: silence, no detector, 0 dB, its taps ended, its canceller new.
    Reset {
        /// The channel.
        strip: Strip,
    },
    /// Give an order to a line.
    Line(LineOrder),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_outside_the_sixteen_keys_are_refused() {
        assert_eq!(Digits::new("13*#A,9").unwrap().as_bytes(), b"13*#A,9");
        assert_eq!(Digits::new("12x"), None);
        assert_eq!(Digits::new(&"1".repeat(MAX_DIGITS + 1)), None);
    }
}
