//! The two halves of a running card and what they report.

use clock::SampleTime;
use tdm::{Alarms, Chunk, SpanId};

use crate::{CardCaps, CardEvent, LineConfig, LineOrder, Loopback, SpanSlot};

/// A card that is known but not running: it may allocate, block and log.
pub trait Card {
    /// The blocking half.
    type Control: CardControl;
    /// The realtime half.
    type Io: CardIo;

    /// Returns what the card can do.
    fn caps(&self) -> &CardCaps;

    /// Starts the card with `lines` attached. Positions without a line stay empty and can be attached later.
    ///
    /// # Errors
    /// Says which position or resource is wrong; the card is then off.
    fn start(self, lines: &[LineConfig]) -> Result<(Self::Control, Self::Io), CardError>;
}

/// The blocking half: used by threads that may wait.
pub trait CardControl: Send {
    /// Returns the state of every attached span.
    fn spans(&mut self) -> Vec<SpanStatus>;

    /// Attaches a span to an empty position while the others go on talking.
    ///
    /// # Errors
    /// The position does not exist or is taken, or the span's kind does not fit.
    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError>;

    /// Detaches a span; the others go on talking.
    ///
    /// # Errors
    /// No such span.
    fn detach(&mut self, span: SpanId) -> Result<(), CardError>;

    /// Sets or ends a test loop.
    ///
    /// # Errors
    /// No such span, or the card has no such loop.
    fn loopback(&mut self, span: SpanId, loopback: Loopback) -> Result<(), CardError>;

    /// Returns the card's counters since start.
    fn counters(&self) -> CardCounters;

    /// Says in words why a span does not work, where the card knows more than its alarms tell; none if it does not.
    fn fault(&self, span: SpanId) -> Option<String> {
        let _ = span;
        None
    }
}

/// The realtime half: the only code that may enter the kernel on the realtime thread.
///
/// # Realtime
/// No method allocates, locks or logs; only `wait` blocks.
pub trait CardIo: Send {
    /// Sleeps until the next period is due, as the clock master of the domain. Comes back at once if it is late.
    ///
    /// # Errors
    /// The card is gone or stalled: the domain must be restarted.
    fn wait(&mut self) -> Result<Period, IoFault>;

    /// Takes up the next period if there is one, as a follower of another card's clock. Never blocks.
    fn ready(&mut self) -> Option<Period>;

    /// Returns where the spans lie in `rx` and `tx`. One entry per position; the places never change.
    fn slots(&self) -> &[SpanSlot];

    /// Returns what the lines sent in this period: `[chunk * channels + channel]`, octets as on the line.
    fn rx(&self) -> &[Chunk];

    /// Returns the place for what the lines shall be sent, shaped as `rx`. All of it goes out at `commit`.
    fn tx(&mut self) -> &mut [Chunk];

    /// Returns the next event of the lines; none until something happens.
    fn poll_event(&mut self) -> Option<CardEvent>;

    /// Gives an order to a line. An order for a channel that is not there is dropped and counted.
    fn order(&mut self, order: LineOrder);

    /// Returns the next frame received on `span` by a card that does HDLC itself, without check sequence.
    fn rx_frame(&mut self, span: SpanId) -> Option<&[u8]>;

    /// Sends a frame on `span` by a card that does HDLC itself; false if its buffer is full.
    fn tx_frame(&mut self, span: SpanId, frame: &[u8]) -> bool;

    /// Hands `tx` to the lines and ends the period.
    ///
    /// # Errors
    /// The card is gone or stalled.
    fn commit(&mut self) -> Result<(), IoFault>;

    /// Returns the measured age of the echo of what we send: measured at start and again after every xrun.
    fn rt_delay(&self) -> RtDelay;
}

/// One period as the card delivered it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The time of its first sample. Jumps over lost samples, so that it stays true.
    pub time: SampleTime,
    /// Chunks per channel in this period: 1 normally, more after a late wake, at most `CardCaps::max_chunks`.
    pub chunks: u16,
    /// Samples per channel lost before this period since we were later than the card's buffer is long.
    pub lost: u32,
}

/// The delay from our `tx` to the matching `rx` over a line that loops it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtDelay {
    /// The delay in samples.
    pub samples: u32,
    /// How often it has been measured: it changes when the value may have changed.
    pub measurement: u32,
}

/// The state of one span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanStatus {
    /// The span.
    pub span: SpanId,
    /// Its alarms.
    pub alarms: Alarms,
    /// Slips since start.
    pub slips: u64,
    /// Bit or code errors since start, as far as the card counts them.
    pub errors: u64,
}

/// Counters of a card since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CardCounters {
    /// Periods delivered.
    pub periods: u64,
    /// Times the realtime thread was later than the buffer is long.
    pub xruns: u64,
    /// Samples per channel lost by xruns.
    pub lost_samples: u64,
    /// Orders for channels that were not there.
    pub bad_orders: u64,
    /// Events lost since nobody took them in time.
    pub lost_events: u64,
}

/// Why a card could not be started or told something.
#[derive(Debug, thiserror::Error)]
pub enum CardError {
    /// The position is not on this card.
    #[error("{model} has no position {position}: it has {positions}")]
    NoPosition {
        /// The card.
        model: String,
        /// What was asked for.
        position: u8,
        /// How many there are.
        positions: usize,
    },
    /// The position already has a span.
    #[error("{model}: position {position} already carries span {span}")]
    PositionTaken {
        /// The card.
        model: String,
        /// The position.
        position: u8,
        /// The span in it.
        span: SpanId,
    },
    /// The span's set-up does not fit the position.
    #[error("{model}: span {span}: {what}")]
    DoesNotFit {
        /// The card.
        model: String,
        /// The span.
        span: SpanId,
        /// What is wrong.
        what: String,
    },
    /// The span is not attached.
    #[error("{model} carries no span {span}")]
    NoSpan {
        /// The card.
        model: String,
        /// The span.
        span: SpanId,
    },
    /// The card cannot do this.
    #[error("{model} cannot do this: {what}")]
    Unsupported {
        /// The card.
        model: String,
        /// What was asked for.
        what: &'static str,
    },
    /// The operating system refused something.
    #[error("{model}: {what}: {source}")]
    System {
        /// The card.
        model: String,
        /// What was being done.
        what: String,
        /// Why it failed.
        source: std::io::Error,
    },
}

/// Why a period failed on the realtime path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IoFault {
    /// The card was removed or its driver is gone.
    #[error("the card is gone")]
    Gone,
    /// The card delivers no more periods.
    #[error("the card has stalled")]
    Stalled,
}
