//! The configuration as the rest of the program sees it: typed, checked, paths resolved.
//!
//! Paths are resolved so that they can be opened from anywhere: `data_dir` and `prompts_dir` start at the folder of the
//! configuration file; recordings, sockets and the token start at `data_dir`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use card::{ClockSource, LineConfig, RingCadence, Signalling};
use tdm::{ChannelId, Law, SpanId, SpanKind};

use crate::centre::{Acd, Agent, Exchange, Flow, Queue, Store};

/// A whole configuration without errors.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: PathBuf,
    /// What concerns the whole appliance.
    pub system: System,
    /// The realtime threads and the pools of the engine.
    pub realtime: Realtime,
    /// What is listened for.
    pub detect: crate::Detect,
    /// Echo cancelling.
    pub cancel: Cancel,
    /// The cards, in the order of the file.
    pub cards: Vec<Card>,
    /// The trunks, in the order of the file.
    pub trunks: Vec<Trunk>,
    /// The seats, in the order of the file.
    pub seats: Vec<Seat>,
    /// The number plan, in the order of the file.
    pub numbers: Vec<NumberRule>,
    /// The flows, in the order of the file.
    pub flows: Vec<Flow>,
    /// The queues, in the order of the file.
    pub queues: Vec<Queue>,
    /// The agents, in the order of the file.
    pub agents: Vec<Agent>,
    /// What is common to queues and agents.
    pub acd: Acd,
    /// How long calls wait.
    pub call: Call,
    /// Recording.
    pub record: Record,
    /// The line process and its end of the link.
    pub line: Line,
    /// The programming interface.
    pub api: Api,
    /// The records of calls.
    pub store: Store,
    /// The simulated exchange, if there is one.
    pub exchange: Option<Exchange>,
}

impl Config {
    /// Returns the span with this number.
    pub fn span(&self, id: SpanId) -> Option<&Span> {
        self.cards.iter().flat_map(|card| &card.spans).find(|span| span.id == id)
    }

    /// Returns the trunk that a span belongs to.
    pub fn trunk_of(&self, id: SpanId) -> Option<&Trunk> {
        self.trunks.iter().find(|trunk| trunk.spans.contains(&id))
    }

    /// Returns how a span carries its signalling: frames in the D timeslot if it belongs to a trunk.
    pub fn signalling(&self, span: &Span) -> Signalling {
        if span.kind.is_analog() {
            return Signalling::Loop;
        }
        match (self.trunk_of(span.id), span.kind.pri_d_timeslot()) {
            (Some(_), Some(timeslot)) => Signalling::Hdlc(timeslot),
            _ => Signalling::Clear,
        }
    }

    /// Returns the set-up of a card's spans, one for each position.
    pub fn lines(&self, card: &Card) -> Vec<LineConfig> {
        let line = |(position, span): (u8, &Span)| LineConfig {
            position,
            span: span.id,
            law: span.law,
            signalling: self.signalling(span),
            clock: span.clock,
        };
        (0..).zip(&card.spans).map(line).collect()
    }

    /// Returns the Unix socket to which a span with `far_end = "exchange"` is plugged.
    pub fn exchange_socket(&self, id: SpanId) -> PathBuf {
        exchange_socket(&self.system.data_dir, id)
    }

    /// Returns the file of a prompt named in the number plan or in a flow.
    pub fn prompt_file(&self, prompt: &str) -> PathBuf {
        self.system.prompts_dir.join(format!("{prompt}.wav"))
    }
}

pub(crate) fn exchange_socket(data_dir: &Path, id: SpanId) -> PathBuf {
    data_dir.join(format!("exchange-{id}.sock"))
}

/// `[system]`: what concerns the whole appliance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct System {
    /// The appliance's name in logs and on the page.
    pub name: String,
    /// Where recordings, sockets and the token live.
    pub data_dir: PathBuf,
    /// Where prompts are read from.
    pub prompts_dir: PathBuf,
    /// Tones and ringing.
    pub country: Country,
    /// The folder of the prompts that the program itself needs.
    pub language: String,
    /// How much is logged.
    pub log: LogLevel,
}

/// Whose tones callers hear and in which cadence telephones ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    /// China.
    Cn,
    /// The recommendation of ITU-T E.180.
    Itu,
    /// North America.
    Us,
    /// The United Kingdom.
    Uk,
    /// What is common in Europe.
    Etsi,
}

impl Country {
    /// Returns the ringing cadence. The double ring of the United Kingdom is given as one ring of the same cycle, since
    /// a cadence has one pause.
    pub const fn ring_cadence(self) -> RingCadence {
        match self {
            Country::Cn | Country::Itu | Country::Etsi => RingCadence::CHINA,
            Country::Us => RingCadence { on_ms: 2_000, off_ms: 4_000 },
            Country::Uk => RingCadence { on_ms: 1_000, off_ms: 2_000 },
        }
    }
}

/// How much is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogLevel {
    /// What wakes someone.
    Error,
    /// And what is odd but working.
    Warn,
    /// And calls and spans that change state.
    Info,
    /// And the steps of machines.
    Debug,
    /// And every frame.
    Trace,
}

impl LogLevel {
    /// Returns the level as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
            LogLevel::Trace => "trace",
        }
    }
}

/// `[realtime]`: the realtime threads and the pools of the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realtime {
    /// The SCHED_FIFO priority of the engine's threads; 0 is normal scheduling.
    pub priority: u8,
    /// The processor to which the first engine thread is pinned, the next ones to those after it.
    pub cpu: Option<u16>,
    /// Whether memory is locked against paging.
    pub lock_memory: bool,
    /// How many recordings can run at once: the number of taps.
    pub recordings: u16,
    /// How many prompts can play at once: the number of feeds.
    pub prompts: u16,
    /// How much audio a tap holds while the disk is slow.
    pub recording_buffer: Duration,
    /// How much audio a feed holds.
    pub prompt_buffer: Duration,
    /// Whether a gap in a prompt is filled with the last sound.
    pub conceal_gaps: bool,
}

/// `[echo]`: the echo cancellers of all channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cancel {
    /// The longest echo that is cancelled, and the tail of every channel that has no other; 0 is none.
    pub tail_ms: u16,
    /// What becomes of the rest of the echo.
    pub rest: CancelRest,
    /// Channels that differ from their spans; a later entry counts more than an earlier one.
    pub channels: Vec<CancelChannels>,
}

/// `[[echo.channel]]`: the echo cancellers of some channels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CancelChannels {
    /// The channels.
    pub at: Vec<ChannelId>,
    /// Their tail; none takes that of their span.
    pub tail_ms: Option<u16>,
    /// What becomes of the rest of their echo; none takes that of their span.
    pub rest: Option<CancelRest>,
}

/// What becomes of the rest of an echo while only the far end speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CancelRest {
    /// Noise like the line's own takes its place.
    ComfortNoise,
    /// Silence takes its place.
    Silence,
    /// It stays.
    Keep,
}

/// `[[card]]`: one card.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// Its name in logs and on the page.
    pub name: String,
    /// Which driver it needs.
    pub kind: CardType,
    /// What paces a simulated card.
    pub pace: Pace,
    /// How late the realtime thread may come before a sample is lost.
    pub buffer: Duration,
    /// The seed of a simulated card's chance.
    pub seed: u32,
    /// How much a card of DAHDI reads and writes at once.
    pub block: Duration,
    /// Who makes frames of the D-channels' bits of a card of DAHDI.
    pub hdlc: CardHdlc,
    /// Whether the echo cancellers of a DAHDI card, or of the kernel, are used.
    pub card_echo: bool,
    /// Where a card is that Tandem drives itself.
    pub slot: Option<PciSlot>,
    /// How a card is reached that Tandem drives itself.
    pub access: PciAccess,
    /// How a card of spans over Ethernet waits.
    pub ethernet: crate::EthernetTimes,
    /// Its spans; the place in this list is the position on the card.
    pub spans: Vec<Span>,
}

/// Which driver a card needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardType {
    /// The simulated card.
    Sim,
    /// A card, or several locked to one clock, driven by the kernel's DAHDI.
    Dahdi,
    /// A card that Tandem drives itself, over VFIO or UIO.
    Pci,
    /// Spans over Ethernet.
    Tdmoe,
}

/// How a card on the PCI bus is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PciAccess {
    /// Behind the IOMMU, which keeps the card in its own memory.
    Vfio,
    /// On a machine without one: the card reaches all memory, and root's rights are needed.
    Uio,
}

/// Where a card is on the PCI bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PciSlot {
    /// In this slot, written as Linux does: `0000:03:00.0`.
    At(String),
    /// The first, second and so on of the cards that can be driven so, in the order of their slots.
    Nth(u8),
}

impl core::fmt::Display for PciSlot {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            PciSlot::At(slot) => f.write_str(slot),
            PciSlot::Nth(place) => write!(f, "{place}"),
        }
    }
}

/// The other end of a span over Ethernet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EthernetPeer {
    /// Whoever sends the span's subaddress.
    #[default]
    Learned,
    /// This address and no other.
    Fixed([u8; 6]),
}

/// Who makes frames of the D-channels' bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardHdlc {
    /// Tandem.
    Own,
    /// The kernel.
    Kernel,
    /// The card.
    Card,
}

/// How a line of a DAHDI or PCI card is framed and coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineCode {
    /// As `dahdi_cfg` has set it up; on a PCI card what is usual: E1 with CRC-4, T1.
    Leave,
    /// E1 without CRC-4.
    Hdb3,
    /// E1 with CRC-4.
    Hdb3Crc4,
    /// T1.
    EsfB8zs,
}

/// What paces a simulated card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The machine's clock.
    Wall,
    /// The machine's clock, but waiting for far ends that are slower.
    Lockstep,
    /// As fast as the slowest part can.
    Virtual,
}

/// `[[card.span]]`: one E1 or T1 line, or one bank of analog ports.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// Its number in the whole system.
    pub id: SpanId,
    /// What it is made of.
    pub kind: SpanKind,
    /// Its timeslots or ports.
    pub channels: u8,
    /// The companding law on the line.
    pub law: Law,
    /// Where its transmit clock comes from.
    pub clock: ClockSource,
    /// The number of its first channel in DAHDI; 0 on other cards.
    pub dahdi_channel: u16,
    /// How a line of a DAHDI or PCI card is framed and coded.
    pub line_code: LineCode,
    /// The length of its cable by DAHDI's number.
    pub build_out: u8,
    /// Where a span over Ethernet leads to.
    pub ethernet: crate::EthernetSpan,
    /// What a simulated line is connected to.
    pub far_end: FarEnd,
    /// How much faster the far end's clock is than ours, in parts per million.
    pub ppm: f64,
    /// The echo path of every channel of a simulated line; none is a line without echo.
    pub echo: Option<Echo>,
    /// The tail of this span's echo cancellers; none takes that of `[echo]`.
    pub cancel_tail_ms: Option<u16>,
    /// What becomes of the rest of the echo; none takes that of `[echo]`.
    pub cancel_rest: Option<CancelRest>,
}

/// What the other end of a simulated line is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FarEnd {
    /// Nothing: a digital span is RED, a telephone lies on hook.
    Open,
    /// What we send comes back.
    Loop,
    /// Another span of the same card.
    Span(SpanId),
    /// Another program, over this Unix socket (`docs/sim-line.md`).
    Socket(PathBuf),
    /// The simulated exchange, over [`Config::exchange_socket`].
    Exchange,
}

/// `[card.span.echo]`: the echo of a simulated line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Echo {
    /// The hybrid.
    pub model: EchoModel,
    /// Echo return loss: how much weaker the echo is than what we sent, in decibel.
    pub erl_db: f64,
    /// How late it comes, beside the hybrid's own length.
    pub delay: Duration,
}

/// A hybrid's impulse response. Source: ITU-T G.168 (2015) annex D, D.2 to D.9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoModel {
    /// G.168 D.2.
    D2,
    /// G.168 D.3.
    D3,
    /// G.168 D.4.
    D4,
    /// G.168 D.5.
    D5,
    /// G.168 D.6.
    D6,
    /// G.168 D.7.
    D7,
    /// G.168 D.8.
    D8,
    /// G.168 D.9.
    D9,
}

/// `[[trunk]]`: spans that lead to one exchange. What does not belong to its signalling has its default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in the number plan.
    pub name: String,
    /// Its spans, in the order in which they are hunted.
    pub spans: Vec<SpanId>,
    /// Which side we are.
    pub signalling: TrunkSignalling,
    /// The variant of Q.931 that the exchange speaks.
    pub dialect: Dialect,
    /// In which order channels are taken for outgoing calls.
    pub hunt: Hunt,
    /// Whether a number may come digit by digit after SETUP.
    pub overlap_receive: bool,
    /// Whether all channels are restarted when the D-channel first comes up.
    pub restart_on_start: bool,
    /// The number shown to whom we call; none shows none.
    pub caller: Option<String>,
    /// Timers and counters of primary rate ISDN.
    pub timers: Timers,
    /// What exchange lines are like.
    pub loop_start: crate::LoopStart,
}

/// How a trunk signals, and which side we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkSignalling {
    /// The user side: the other end is an exchange.
    PriCpe,
    /// The network side: the other end is a private exchange.
    PriNet,
    /// Exchange lines on FXO ports: the other end is an exchange.
    LoopStart,
}

/// A variant of Q.931.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// ETSI EN 300 403-1.
    EuroIsdn,
}

/// In which order channels are taken for outgoing calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hunt {
    /// The lowest free one.
    Ascending,
    /// The highest free one.
    Descending,
    /// The one after the last taken.
    RoundRobin,
}

/// `[trunk.timers]`: Q.921 and Q.931 by their own names. T312 is T303 + 2 s and not set;
/// T314 and T317 have nothing to wait for here.
///
/// Source: ITU-T Q.921 (09/97) 5.9, Q.931 (05/98) tables 9-1 and 9-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// How long an acknowledgement of layer 2 is waited for.
    pub t200: Duration,
    /// How long layer 2 may be silent.
    pub t203: Duration,
    /// How often layer 2 repeats.
    pub n200: u8,
    /// How many frames may be unacknowledged.
    pub k: u8,
    /// Alerting, until the call is answered.
    pub t301: Duration,
    /// Overlap receiving, until the next digit.
    pub t302: Duration,
    /// SETUP, until any answer.
    pub t303: Duration,
    /// Overlap sending, until the next answer.
    pub t304: Duration,
    /// DISCONNECT, until RELEASE.
    pub t305: Duration,
    /// DISCONNECT with tones, until RELEASE.
    pub t306: Duration,
    /// RELEASE, until RELEASE COMPLETE.
    pub t308: Duration,
    /// Layer 2 lost, until calls are cleared.
    pub t309: Duration,
    /// CALL PROCEEDING, until ALERTING, CONNECT or PROGRESS.
    pub t310: Duration,
    /// CONNECT, until CONNECT ACKNOWLEDGE.
    pub t313: Duration,
    /// RESTART, until RESTART ACKNOWLEDGE.
    pub t316: Duration,
    /// STATUS ENQUIRY, until STATUS.
    pub t322: Duration,
}

/// `[[seat]]`: a telephone at which someone sits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number.
    pub number: String,
    /// Where its telephone is.
    pub reach: Reach,
    /// Who sits there, for people.
    pub name: String,
    /// How long it rings before the call is given up.
    pub answer_timeout: Duration,
}

/// Where a seat's telephone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Plugged into a port of ours.
    Port(ChannelId),
    /// Behind a trunk.
    Trunk {
        /// The trunk's name.
        trunk: String,
        /// The number dialled there.
        dial: String,
    },
}

/// `[[number]]`: what happens to a call to a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberRule {
    /// The called number, or its beginning and a `*`. The longest one that fits decides.
    pub called: String,
    /// Where the call must come from.
    pub from: Origin,
    /// What happens.
    pub action: Action,
    /// The folder of the prompts that the program itself needs.
    pub language: String,
    /// Whether the call is recorded.
    pub record: bool,
}

impl NumberRule {
    /// Returns true for one whole number that everybody may call.
    pub fn is_for_all(&self) -> bool {
        !self.called.ends_with('*') && self.from == Origin::Any
    }
}

/// Where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From anywhere.
    Any,
    /// Over a trunk.
    Trunk,
    /// From a seat.
    Seat,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer, play the prompts, collect a seat's number and connect to it.
    Attendant {
        /// Played in order, each time digits are asked for.
        prompts: Vec<String>,
        /// How many digits a seat's number has.
        digits: u8,
        /// How long each digit is waited for after the prompts.
        digit_timeout: Duration,
        /// How often digits are asked for before the call is given up.
        attempts: u8,
    },
    /// Answer, play the prompts and hang up.
    Announce {
        /// Played in order.
        prompts: Vec<String>,
    },
    /// Ring a seat.
    Seat {
        /// Its number.
        seat: String,
    },
    /// Call the same number over a trunk.
    Trunk {
        /// Its name.
        trunk: String,
    },
    /// Answer and let a flow decide.
    Flow {
        /// Its name.
        flow: String,
    },
}

/// `[call]`: how long calls wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// How long the next digit of a called number may take.
    pub next_digit_timeout: Duration,
    /// How long a call over a trunk may take to be answered.
    pub trunk_answer_timeout: Duration,
}

/// `[record]`: recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whether anything is recorded.
    pub enabled: bool,
    /// Whether the keys that callers press are taken out.
    pub remove_digits: bool,
    /// Where recordings are kept.
    pub directory: PathBuf,
    /// Space on the disk that recording leaves free, in MiB.
    pub reserve_mib: u32,
    /// How often what is recorded is handed to the system, headers included.
    pub flush: Duration,
}

/// `[line]`: the line process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The Unix socket on which it meets the switch process.
    pub socket: PathBuf,
    /// How long new calls are held while the switch process is away.
    pub hold: Duration,
}

/// `[api]`: the programming interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Api {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the token is kept that every request must carry.
    pub token_file: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        version = 1
        card = [{ name = "c", type = "sim", span = [{ span = 1, kind = "e1" }] }]
        trunk = [{ name = "t", spans = [1], signalling = "pri_cpe" }]
    "#;

    #[test]
    fn a_span_of_a_trunk_has_its_d_channel_and_others_are_clear() {
        let mut config = Config::parse(TEXT, "f.toml").unwrap();
        let lines = config.lines(&config.cards[0]);
        assert_eq!(lines[0].signalling, Signalling::Hdlc(tdm::Timeslot(16)));
        assert_eq!((lines[0].position, lines[0].span, lines[0].law), (0, SpanId(1), Law::A));
        config.trunks.clear();
        assert_eq!(config.lines(&config.cards[0])[0].signalling, Signalling::Clear);
        config.cards[0].spans[0].kind = SpanKind::Fxs;
        assert_eq!(config.lines(&config.cards[0])[0].signalling, Signalling::Loop);
    }
}
