//! An exchange line on a port: we are the telephone at its end.
//!
//! ```text
//!                    burst                 offer            Answer
//!          Idle ----------------> Ringing --------> (rings) ----------+
//!  window  |  ^   none for ring_gap |                                 v
//!  of the  |  +---------------------+           reversal, end of   Talking
//!  caller's|  ^                                 ringback, time        ^ |
//!  number  |  | guard                Dialled                          | | feed break, reversal,
//!          |  +---- Guard <------+   +-------> Waiting ---------------+ | busy tone, HangUp
//!          |        ^            |   |            | busy tone ...       |
//!          |        |            +---|------------+---------------------+
//!          +----> Seizing -----> Dialling
//!     Seize  |  dial tone, time
//!            +--> a burst of ringing: glare, the caller is on the line (Talking)
//! ```
//! Without feed the port is blocked. What an exchange tells of a caller's end differs from country to country, often from
//! line to line: each way can be chosen and each time set ([`FxoConfig`]). The contents of the caller's identity, tones
//! and digits are the business of whoever uses the port: it says what is to be listened for ([`Ear`]) and is told what
//! was heard.
//!
//! Limits: loop start only, no flash, no call waiting, no pulse dialling. A refused call cannot be rejected on such a
//! line: it rings until the caller gives up. Sources: the defaults are common practice of exchanges and private exchanges
//! (after ETSI ES 201 970 and TIA-464 as commonly quoted); every time is `unverified` against a national standard.

mod port;
#[cfg(test)]
mod tests;

use core::time::Duration;

use tdm::{HookState, Polarity};

pub use port::FxoPort;

/// Cycles of a busy tone that have been heard when it is first told.
pub const CYCLES_TO_RECOGNISE: u8 = 2;

/// How long digits may take to be sent: 24 digits of 200 ms and pauses of 500 ms fit in.
pub const DIALLING_MAX: Duration = Duration::from_secs(30);

/// How long dial tone must last in a talk, after it was told, until it is taken for the end of it: who answers a caller who
/// has just gone hears it.
pub const DIAL_TONE_ENDS_AFTER: Duration = Duration::from_secs(2);

/// When the exchange sends the caller's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityTime {
    /// It sends none, or nobody wants it: the call is offered with the first burst.
    Never,
    /// Between the first two bursts: FSK nearly everywhere, DTMF here and there.
    AfterRing,
    /// After a reversal of polarity, before the first burst.
    AfterReversal,
    /// Before the first burst, unannounced: DTMF.
    BeforeRing,
}

/// What is done about dial tone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialTone {
    /// Without it there is no call.
    Required,
    /// It is waited for; without it the digits are sent all the same.
    Preferred,
    /// The digits are sent after the delay.
    Ignored,
}

/// How it is known that the called party has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerBy {
    /// The exchange reverses the polarity.
    Polarity,
    /// Ringback has been heard and ends; without ringback, [`FxoConfig::answer_after`].
    Ringback,
    /// It is taken as answered [`FxoConfig::answer_after`] after the last digit.
    Dialled,
}

/// What an exchange line is like. Ranges are those of the configuration file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FxoConfig {
    /// A burst that is shorter is none. Default 100 ms of 20 to 1000; `unverified`.
    pub ring_min: Duration,
    /// The caller has given up when no burst comes for so long: the longest pause of a cadence is 4 s. Default 6 s of 2 to 20;
    /// `unverified`.
    pub ring_gap: Duration,
    /// When the caller's identity comes.
    pub identity: IdentityTime,
    /// How long it may take: from the end of the first burst, or from its announcement to the first burst. Default 3 s of
    /// 1 to 10: the pause of ETSI EN 300 659-1 is shorter; `unverified`.
    pub identity_wait: Duration,
    /// What is done about dial tone.
    pub dial_tone: DialTone,
    /// How long it is waited for. Default 5 s of 1 to 30; `unverified`.
    pub dial_tone_wait: Duration,
    /// From dial tone, or from the seizure if that is ignored, to the first digit. Default 300 ms of 0 to 5000;
    /// `unverified`.
    pub dial_delay: Duration,
    /// How it is known that the called party has answered.
    pub answer: AnswerBy,
    /// When it is assumed. Default 8 s of 1 to 120; nothing a standard could tell.
    pub answer_after: Duration,
    /// A reversal of polarity in a talk ends it.
    pub polarity_ends: bool,
    /// After going off hook, and after an answer, the line may jump about for so long. Default 600 ms of 100 to 3000;
    /// `unverified`.
    pub settle: Duration,
    /// The feed must be gone for so long to end a talk. Default 100 ms of 20 to 2000: exchanges break it for 250 ms and more;
    /// `unverified`.
    pub feed_break: Duration,
    /// Cycles of busy tone that end a call, at least [`CYCLES_TO_RECOGNISE`]. Default 4 of 2 to 20.
    pub tone_cycles: u8,
    /// The cycle of busy tone, by the country's plan.
    pub busy_cycle: Duration,
    /// The cycle of congestion tone, by the country's plan.
    pub congestion_cycle: Duration,
    /// How long the port stays on hook before it is used again. Default 1.5 s of 0.2 to 30; `unverified`.
    pub guard: Duration,
    /// The feed must be gone, or be back, for so long until the port counts as dead, or as alive. Default 2 s of 0.1 to 60;
    /// longer than any disconnect signal.
    pub no_feed: Duration,
}

impl Default for FxoConfig {
    fn default() -> FxoConfig {
        FxoConfig {
            ring_min: Duration::from_millis(100),
            ring_gap: Duration::from_secs(6),
            identity: IdentityTime::AfterRing,
            identity_wait: Duration::from_secs(3),
            dial_tone: DialTone::Preferred,
            dial_tone_wait: Duration::from_secs(5),
            dial_delay: Duration::from_millis(300),
            answer: AnswerBy::Ringback,
            answer_after: Duration::from_secs(8),
            polarity_ends: true,
            settle: Duration::from_millis(600),
            feed_break: Duration::from_millis(100),
            tone_cycles: 4,
            busy_cycle: Duration::from_millis(700),
            congestion_cycle: Duration::from_millis(1_400),
            guard: Duration::from_millis(1_500),
            no_feed: Duration::from_secs(2),
        }
    }
}

impl FxoConfig {
    /// Returns how long a tone must last after it was told until it ends a call; none if it never does.
    fn ends_after(&self, tone: Tone, answered: bool) -> Option<Duration> {
        let more = u32::from(self.tone_cycles.saturating_sub(CYCLES_TO_RECOGNISE));
        match tone {
            Tone::Busy => Some(self.busy_cycle * more),
            Tone::Congestion => Some(self.congestion_cycle * more),
            Tone::Unobtainable => Some(Duration::ZERO),
            Tone::Dial => answered.then_some(DIAL_TONE_ENDS_AFTER),
            Tone::Ringback => None,
        }
    }
}

/// A tone of the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Go on and dial.
    Dial,
    /// The called telephone rings.
    Ringback,
    /// The called line is busy, or the other side has hung up.
    Busy,
    /// No path.
    Congestion,
    /// The number cannot be reached, or special information.
    Unobtainable,
}

/// What happens to a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// Ringing voltage is there, or is not.
    Ring(bool),
    /// The direction of the feed.
    Polarity(Polarity),
    /// The feed is there, or is not.
    Feed(bool),
    /// A tone is recognised, or is over.
    Tone(Tone, bool),
    /// The caller's identity has been heard, whole.
    Identity,
    /// The digits of [`Output::Dial`] have been sent.
    Dialled,
    /// Call out.
    Seize,
    /// Answer the call that was offered.
    Answer,
    /// End the call, or refuse it.
    HangUp,
    /// A deadline has passed.
    Timeout,
}

/// What a port's detectors shall listen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ear {
    /// Nothing.
    Nothing,
    /// The caller's identity, from now on: what was heard before is void.
    Identity,
    /// Tones of the exchange.
    Tones,
    /// Tones that end the call, and keys.
    Talk,
}

/// What a port says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Close or open the loop.
    Hook(HookState),
    /// Let the detectors listen for this and nothing else.
    Listen(Ear),
    /// A call arrives, with the identity that was heard since the last [`Ear::Identity`], if any.
    Offer,
    /// Send the digits.
    Dial,
    /// The digits are sent; the exchange's tones and announcements can be heard.
    Proceeding,
    /// The called telephone rings.
    Alerting,
    /// The called party has answered.
    Answered,
    /// The call has ended by itself; the port is on hook, or has never been off.
    Cleared(Why),
    /// The line is dead, or alive again.
    Blocked(bool),
}

/// Why a call has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The caller gave up before the answer.
    Abandoned,
    /// The exchange broke the feed.
    FeedBreak,
    /// The exchange reversed the polarity.
    Reversal,
    /// A tone that ends calls.
    Tone(Tone),
    /// No dial tone came.
    NoDialTone,
    /// The digits could not be sent.
    NotDialled,
    /// A call arrived in the moment of the seizure; it is offered next.
    Glare,
    /// The port is not free.
    NotFree,
}
