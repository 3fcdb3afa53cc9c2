//! What a simulated card is made of.

use std::path::PathBuf;

use card::{CardError, MAX_POSITIONS};
use clock::VirtualClock;
use tdm::{SpanKind, Timeslot};

use crate::{EchoPath, FarEnd};

/// The longest software buffer.
pub const MAX_BUFFER_MS: u16 = 500;

/// A simulated card, to be started through [`SimCard`](crate::SimCard).
pub struct SimConfig {
    /// The card's name, for example `sim0`.
    pub name: String,
    /// The places for spans, at most [`MAX_POSITIONS`].
    pub positions: Vec<SimPosition>,
    /// What drives its time.
    pub pace: Pace,
    /// How late the realtime thread may come before samples are lost: 1 to [`MAX_BUFFER_MS`].
    pub buffer_ms: u16,
    /// The seed of all its chance.
    pub seed: u64,
    /// True if the card does HDLC itself on spans with a D-channel.
    pub hardware_hdlc: bool,
    /// What goes wrong by chance.
    pub faults: Faults,
    /// What the thread of a card in wall pace does first: ask for a priority, since hardware waits for nobody.
    pub begin: Option<Begin>,
}

/// Done once by a thread that has been started.
pub type Begin = Box<dyn FnOnce() + Send>;

/// What goes wrong on the card by chance, each from the seed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Probability that a tick is lost in both directions.
    pub lost_tick: f64,
    /// Probability, for every period, that the realtime thread wakes late.
    pub late_wake: f64,
    /// The latest it then wakes, in milliseconds.
    pub late_wake_ms: u16,
}

/// One place for a span.
pub struct SimPosition {
    /// What it is.
    pub kind: SpanKind,
    /// Its channels: 31 for E1, 24 for T1, 1 to 31 for analog banks.
    pub channels: u8,
    /// What is plugged in at the other end.
    pub plug: Plug,
    /// Echo paths, by timeslot or port.
    pub echo: Vec<(Timeslot, EchoPath)>,
    /// How much faster the far end's clock is than the card's, in parts per million. Not for `Cross`.
    pub ppm: f64,
    /// Probability that a received bit is wrong.
    pub bit_error_rate: f64,
}

/// What is at the other end of a line.
pub enum Plug {
    /// Nothing: RED on a digital span, telephones on hook on an analog one.
    Open,
    /// What the card sends comes back to it.
    Loop,
    /// Another position of the same card: an E1 or T1 with its like, FXS with FXO. Both must name each other.
    Cross(u8),
    /// Another program, over a Unix socket: `docs/sim-line.md`.
    Socket(PathBuf),
    /// An object in this process.
    Local(Box<dyn FarEnd>),
}

/// What drives the card's time.
#[derive(Clone, Debug)]
pub enum Pace {
    /// A thread that ticks by the machine's clock, as a card would; whoever is late loses samples.
    Wall,
    /// Engine and far ends wait for each other, never faster than the machine's clock. Nothing is ever lost.
    Lockstep,
    /// As fast as engine and far ends can, moving this clock; deterministic when no sockets are used.
    Virtual(VirtualClock),
}

impl SimConfig {
    /// Makes a card without positions, paced by the wall clock, with a buffer of 20 ms.
    pub fn new(name: &str) -> SimConfig {
        SimConfig {
            name: name.to_owned(),
            positions: Vec::new(),
            pace: Pace::Wall,
            buffer_ms: 20,
            seed: 1,
            hardware_hdlc: false,
            faults: Faults::default(),
            begin: None,
        }
    }

    /// Adds a position.
    #[must_use]
    pub fn position(mut self, position: SimPosition) -> SimConfig {
        self.positions.push(position);
        self
    }

    /// Sets the pace.
    #[must_use]
    pub fn pace(mut self, pace: Pace) -> SimConfig {
        self.pace = pace;
        self
    }

    /// Checks everything that can be checked before start.
    pub(crate) fn validate(&self) -> Result<(), CardError> {
        let refuse = |what: String| {
            let source = std::io::Error::new(std::io::ErrorKind::InvalidInput, what);
            Err(CardError::System { model: self.model(), what: "its configuration".to_owned(), source })
        };
        if self.positions.is_empty() || self.positions.len() > MAX_POSITIONS {
            return refuse(format!("{} positions, 1 to {MAX_POSITIONS} allowed", self.positions.len()));
        }
        if !(1..=MAX_BUFFER_MS).contains(&self.buffer_ms) {
            return refuse(format!("buffer of {} ms, 1 to {MAX_BUFFER_MS} allowed", self.buffer_ms));
        }
        for (index, position) in self.positions.iter().enumerate() {
            if let Err(what) = self.check(index, position) {
                return refuse(format!("position {index}: {what}"));
            }
        }
        Ok(())
    }

    fn check(&self, index: usize, position: &SimPosition) -> Result<(), String> {
        let most = position.kind.max_channels();
        let fits = if position.kind.is_analog() {
            (1..=most).contains(&position.channels)
        } else {
            position.channels == most
        };
        if !fits {
            return Err(format!("{} channels do not fit {}", position.channels, position.kind));
        }
        if let Some((timeslot, _)) =
            position.echo.iter().find(|(t, _)| !(1..=position.channels).contains(&t.0))
        {
            return Err(format!("echo path on timeslot {timeslot}, which is not there"));
        }
        if !(0.0..=0.5).contains(&position.bit_error_rate) || position.ppm.abs() > 1_000.0 {
            return Err("bit error rate above 0.5 or clock off by more than 1000 ppm".to_owned());
        }
        let Plug::Cross(other) = position.plug else { return Ok(()) };
        let Some(peer) = self.positions.get(usize::from(other)) else {
            return Err(format!("cross-connected to position {other}, which is not there"));
        };
        let mutual = matches!(peer.plug, Plug::Cross(back) if usize::from(back) == index);
        let fits = matches!(
            (position.kind, peer.kind),
            (SpanKind::E1, SpanKind::E1)
                | (SpanKind::T1, SpanKind::T1)
                | (SpanKind::Fxs, SpanKind::Fxo)
                | (SpanKind::Fxo, SpanKind::Fxs)
        );
        if !mutual || !fits || peer.channels != position.channels || usize::from(other) == index {
            return Err(format!("cannot be cross-connected to position {other}"));
        }
        Ok(())
    }

    /// The card's name for people.
    pub(crate) fn model(&self) -> String {
        format!("simulated card {}", self.name)
    }
}

impl SimPosition {
    /// Makes a position without echo and errors.
    pub fn new(kind: SpanKind, channels: u8, plug: Plug) -> SimPosition {
        SimPosition { kind, channels, plug, echo: Vec::new(), ppm: 0.0, bit_error_rate: 0.0 }
    }

    /// Makes an E1.
    pub fn e1(plug: Plug) -> SimPosition {
        SimPosition::new(SpanKind::E1, SpanKind::E1.max_channels(), plug)
    }

    /// Makes a T1.
    pub fn t1(plug: Plug) -> SimPosition {
        SimPosition::new(SpanKind::T1, SpanKind::T1.max_channels(), plug)
    }

    /// Gives a channel an echo path.
    #[must_use]
    pub fn echo(mut self, timeslot: Timeslot, path: EchoPath) -> SimPosition {
        self.echo.push((timeslot, path));
        self
    }
}
