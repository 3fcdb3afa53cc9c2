//! What a span's signalling is told at start: which side it is, its timers, its limits.
//!
//! Every timer has the value of the standard and can be set; every limit has a name. See [`Timers`] for the
//! values. Source: ITU-T Q.931 (05/98) tables 9-1 and 9-2, Q.921 (09/97) 5.9, ETS 300 102-1.

use core::time::Duration;

use tdm::{Law, SpanKind};

use crate::cause::Location;

/// Which side of the interface we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// The user: a PBX towards an exchange.
    User,
    /// The network: an exchange towards a PBX.
    Network,
}

impl Side {
    /// Returns the side at the other end of the line.
    pub const fn peer(self) -> Side {
        match self {
            Side::User => Side::Network,
            Side::Network => Side::User,
        }
    }
}

/// The national or vendor's form of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// EuroISDN: ETS 300 102-1, EN 300 403-1.
    EuroIsdn,
}

/// In which order free channels are taken for outgoing calls.
///
/// The two sides of a span should hunt from opposite ends, so that they seldom meet on one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hunt {
    /// The lowest free timeslot.
    Ascending,
    /// The highest free timeslot.
    Descending,
    /// The next free one after the last taken.
    RoundRobin,
}

/// The most calls at once, whatever the configuration says.
pub const CALL_LIMIT: usize = 256;

/// The configuration of one span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PriConfig {
    /// Which side we are.
    pub side: Side,
    /// E1 or T1.
    pub kind: SpanKind,
    /// The form of the protocol.
    pub dialect: Dialect,
    /// How free channels are chosen.
    pub hunt: Hunt,
    /// Whether digits may follow a SETUP without "sending complete"; if not, every SETUP is complete.
    pub overlap_receive: bool,
    /// Whether the whole interface is restarted when the link first comes up.
    pub restart_on_start: bool,
    /// The law that our bearers name.
    pub law: Law,
    /// Where causes and progress of ours say they come from.
    pub location: Location,
    /// The most calls at once, at most [`CALL_LIMIT`]; a SETUP beyond it is refused with cause 42.
    pub max_calls: usize,
    /// The timers of layer 3.
    pub timers: Timers,
    /// The parameters of layer 2.
    pub link: LinkConfig,
}

impl PriConfig {
    /// Makes the usual configuration of an E1 or T1 in EuroISDN.
    pub const fn new(side: Side, kind: SpanKind) -> PriConfig {
        let (hunt, location) = match side {
            Side::User => (Hunt::Descending, Location::PrivateLocal),
            Side::Network => (Hunt::Ascending, Location::PublicLocal),
        };
        PriConfig {
            side,
            kind,
            dialect: Dialect::EuroIsdn,
            hunt,
            overlap_receive: false,
            restart_on_start: true,
            law: kind.usual_law(),
            location,
            max_calls: 64,
            timers: Timers::new(side),
            link: LinkConfig::new(side),
        }
    }
}

/// The timers and counters of layer 3.
///
/// T317 bounds how long a side may take to clear what a RESTART names before it answers. Clearing takes no time
/// here, the answer leaves in the same step, so T317 never runs; the same holds for T314, segmented messages
/// being ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Alerting to answer: at least 3 minutes.
    pub t301: Duration,
    /// Between digits of an incoming call: 10 to 15 s.
    pub t302: Duration,
    /// SETUP to the first answer: 4 s; the SETUP is sent [`Timers::n303`] times more.
    pub t303: Duration,
    /// Resends of a SETUP.
    pub n303: u8,
    /// After the last digits sent: 20 s (network), 30 s (user).
    pub t304: Duration,
    /// DISCONNECT to RELEASE: 30 s.
    pub t305: Duration,
    /// DISCONNECT with tones to RELEASE: 30 s.
    pub t306: Duration,
    /// RELEASE to RELEASE COMPLETE: 4 s; sent twice.
    pub t308: Duration,
    /// How long active calls outlive the data link: 90 s (6 to 90 s).
    pub t309: Duration,
    /// CALL PROCEEDING to the next word: 10 s (network), 30 to 120 s (user).
    pub t310: Duration,
    /// CONNECT to CONNECT ACKNOWLEDGE, user side: 4 s.
    pub t313: Duration,
    /// RESTART to RESTART ACKNOWLEDGE: 2 minutes.
    pub t316: Duration,
    /// How often a RESTART is sent at most.
    pub n316: u8,
    /// STATUS ENQUIRY to STATUS: 4 s.
    pub t322: Duration,
    /// How often a STATUS ENQUIRY is sent at most.
    pub n322: u8,
    /// The pause before the link is asked for again after it was released.
    pub relink: Duration,
}

impl Timers {
    /// Returns the standard's values for `side`.
    pub const fn new(side: Side) -> Timers {
        let (t304, t310) = match side {
            Side::User => (30, 60),
            Side::Network => (20, 10),
        };
        Timers {
            t301: Duration::from_secs(180),
            t302: Duration::from_secs(15),
            t303: Duration::from_secs(4),
            n303: 1,
            t304: Duration::from_secs(t304),
            t305: Duration::from_secs(30),
            t306: Duration::from_secs(30),
            t308: Duration::from_secs(4),
            t309: Duration::from_secs(90),
            t310: Duration::from_secs(t310),
            t313: Duration::from_secs(4),
            t316: Duration::from_secs(120),
            n316: 2,
            t322: Duration::from_secs(4),
            n322: 2,
            relink: Duration::from_secs(1),
        }
    }
}

/// The parameters of layer 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// Which side we are; it decides the C/R bits.
    pub side: Side,
    /// Retransmission timer: 1 s.
    pub t200: Duration,
    /// Idle timer: 10 s.
    pub t203: Duration,
    /// Retransmissions: 3.
    pub n200: u8,
    /// Outstanding I frames: 7. Taken as 1 to 127.
    pub k: u8,
}

impl LinkConfig {
    /// Returns the standard's values for a primary rate link.
    pub const fn new(side: Side) -> LinkConfig {
        LinkConfig { side, t200: Duration::from_secs(1), t203: Duration::from_secs(10), n200: 3, k: 7 }
    }
}
