//! How large the engine is made and how it behaves at start; all memory follows from this and the cards' slots.

use tdm::{SpanId, Timeslot};

use dsp::amd::AmdConfig;
use dsp::echo::{NlpMode, TAILS_MS};
use dsp::listen::{CallerIdModem, Wants};
use dsp::progress::ProgressKind;
use dsp::tone::{Country, TonePlan, ToneSpec, plan};
use dsp::voice::vad::VadConfig;

/// The most tones beside those of the country.
pub const MAX_OWN_TONES: usize = dsp::progress::MAX_KINDS - 6;

/// The set-up of one engine: one clock domain.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// Taps: recorders that can work at once.
    pub taps: usize,
    /// Blocks (milliseconds) each tap holds until they are taken.
    pub tap_blocks: usize,
    /// Keys that the detectors hear are taken out of what taps get, which then comes 64 ms later.
    pub remove_keys: bool,
    /// Feeds: prompts and music that can play at once.
    pub feeds: usize,
    /// Blocks (milliseconds) each feed holds until they are played.
    pub feed_blocks: usize,
    /// A gap in a feed is filled with the last sound, fading away, instead of silence.
    pub conceal: bool,
    /// Conferences.
    pub conferences: usize,
    /// The most members of one conference.
    pub conference_members: usize,
    /// Commands each of the two command rings holds.
    pub command_ring: usize,
    /// Events the event ring holds.
    pub event_ring: usize,
    /// Frames each D-channel ring holds.
    pub dchannel_frames: usize,
    /// Chunks of a normal period; more than these is a late period.
    pub period_chunks: u16,
    /// The frequencies and cadences of the tones of the country.
    pub tones: TonePlan,
    /// Tones that are listened for beside those of the country, and what they mean; at most [`MAX_OWN_TONES`].
    pub own_tones: Vec<(ProgressKind, ToneSpec)>,
    /// What is listened for on every channel from start and after `Reset`.
    pub detect: Wants,
    /// How exchanges send caller identity.
    pub caller_id: CallerIdModem,
    /// What is voice.
    pub voice: VadConfig,
    /// How it is decided who has answered.
    pub machine: AmdConfig,
    /// Octets that idle channels carry, for spans that want another than their law's.
    pub idle: Vec<IdleCode>,
    /// For each card: true if it frames its D-channels itself. Missing entries are false.
    pub hardware_hdlc: Vec<bool>,
    /// Echo cancelling; none unless set.
    pub echo: EchoSettings,
    /// Every how many periods the guard looks for stray context switches and page faults: two system calls each.
    pub guard_every_periods: u32,
}

/// Echo cancelling of all channels at start and after `Reset`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EchoSettings {
    /// The longest tail of a channel in milliseconds, and the tail of every channel that has no entry; 0 makes no cancellers
    /// at all.
    pub tail_ms: u16,
    /// The non-linear processor of every channel that has no entry.
    pub nlp: NlpMode,
    /// Channels that want another; the last entry that fits decides.
    pub channels: Vec<EchoChannels>,
}

/// Echo cancelling of a span or of one of its channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EchoChannels {
    /// The span.
    pub span: SpanId,
    /// The channel; none means all of the span.
    pub timeslot: Option<Timeslot>,
    /// The tail in milliseconds; 0 is off.
    pub tail_ms: u16,
    /// The non-linear processor.
    pub nlp: NlpMode,
}

/// The idle octet of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdleCode {
    /// The span.
    pub span: SpanId,
    /// What its idle channels carry, as on the line.
    pub octet: u8,
}

impl Default for EngineConfig {
    fn default() -> EngineConfig {
        EngineConfig {
            taps: 64,
            tap_blocks: 4_000,
            remove_keys: false,
            feeds: 64,
            feed_blocks: 600,
            conceal: false,
            conferences: 16,
            conference_members: 32,
            command_ring: 1_024,
            event_ring: 4_096,
            dchannel_frames: 64,
            period_chunks: 1,
            tones: *plan(Country::Cn),
            own_tones: Vec::new(),
            detect: Wants::empty(),
            caller_id: CallerIdModem::default(),
            voice: VadConfig::default(),
            machine: AmdConfig::default(),
            idle: Vec::new(),
            hardware_hdlc: Vec::new(),
            echo: EchoSettings::default(),
            guard_every_periods: 100,
        }
    }
}

/// Why an engine could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// A domain needs a card to be paced by.
    #[error("a clock domain needs at least one card")]
    NoCards,
    /// The detectors cannot be set up.
    #[error("detectors: {0}")]
    Detect(#[from] dsp::listen::ListenError),
    /// More channels than a `Strip` can number.
    #[error("the cards of one clock domain have {channels} channels: at most {most} can be carried")]
    TooManyChannels {
        /// What the cards have.
        channels: usize,
        /// What can be carried.
        most: usize,
    },
    /// Two places carry the same span.
    #[error("span {span} is on two places of one clock domain")]
    SpanTwice {
        /// The span.
        span: SpanId,
    },
    /// A ring without room would stop the engine.
    #[error("`{what}` is {value}: {least} to {most} is allowed")]
    Size {
        /// The field of the configuration.
        what: &'static str,
        /// Its value.
        value: usize,
        /// The least that works.
        least: usize,
        /// The most that is allowed.
        most: usize,
    },
}

impl EngineConfig {
    /// Checks every size.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let ports = usize::from(u16::MAX);
        let sizes = [
            ("taps", self.taps, 0, ports),
            ("tap_blocks", self.tap_blocks, 1, 1_000_000),
            ("feeds", self.feeds, 0, ports),
            ("feed_blocks", self.feed_blocks, 1, 1_000_000),
            ("conferences", self.conferences, 0, ports),
            ("conference_members", self.conference_members, 2, ports),
            ("command_ring", self.command_ring, 1, 1_000_000),
            ("event_ring", self.event_ring, 16, 1_000_000),
            ("dchannel_frames", self.dchannel_frames, 1, 100_000),
            ("period_chunks", usize::from(self.period_chunks), 1, 1_000),
        ];
        for (what, value, least, most) in sizes {
            if !(least..=most).contains(&value) {
                return Err(EngineError::Size { what, value, least, most });
            }
        }
        let tails = self.echo.channels.iter().map(|own| own.tail_ms).chain([self.echo.tail_ms]);
        let (least, most) = (*TAILS_MS.start(), *TAILS_MS.end());
        for tail_ms in tails.filter(|&tail_ms| tail_ms != 0) {
            if !(least..=most).contains(&tail_ms) {
                let (value, least, most) = (usize::from(tail_ms), usize::from(least), usize::from(most));
                return Err(EngineError::Size { what: "echo.tail_ms", value, least, most });
            }
        }
        Ok(())
    }
}
