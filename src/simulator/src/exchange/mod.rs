//! The exchange: the network side of every span, the telephones on every port, and the people at both.
//!
//! ```text
//!  callers --> Pri (network) == D-channel frames ==> Tandem == ringing, or SETUP ==> phones --> agents
//!     ^  acts on B-channels (say, key, hush)                   hook, CONNECT, acts       |
//!     +------------------------- a talk: who hears whom ---------------------------------+
//! ```
//! It is used in two ways: with sound, where a [`Voice`](crate::people::Voice) speaks clips on a channel and what is
//! received there is told as [`Sound`]; and without, where whoever runs the world knows what Tandem sends to each channel
//! and tells the same. Who talks with whom is known from the world: by the caller's number that a phone behind a span
//! shows, or because a person hears a person.
//!
//! Limits: [`MAX_PHONES`] phones, [`MAX_CALLERS`] callers at once.

mod agenda;
mod callers;
mod loops;
mod phones;
mod talk;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use clock::{Mono, Prng};
use dsp::progress::ProgressKind;
use isdn::config::{PriConfig, Side};
use isdn::event::{CallId, Input as PriInput, Offer, Output as PriOutput, PriEvent, Request};
use isdn::pri::Pri;
use tdm::{ChannelId, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

use crate::people::{Habits, Voice};
use crate::truth::{Entry, Event, Party};
use agenda::{Agenda, Who};
use callers::Line;
use loops::Loop;
pub use loops::{Identity, IdentityTime, LoopEdge, LoopService, Release};
use phones::Set;

/// The most telephones.
pub const MAX_PHONES: usize = 4_096;
/// The most callers at once, whatever the habits say.
pub const MAX_CALLERS: usize = 8_192;

/// What the exchange is told once.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// All chance comes from it.
    pub seed: u64,
    /// The wall time at `Mono::ZERO`, for the first line of the truth.
    pub unix_ms: u64,
    /// The spans whose far end it is.
    pub spans: Vec<Span>,
    /// The telephones with an agent; a port of an FXS span without one has a telephone that is named after it.
    pub phones: Vec<Phone>,
    /// What people are like.
    pub habits: Habits,
    /// What the subscriber lines of a span are like, for every FXO span.
    pub loops: BTreeMap<SpanId, LoopService>,
}

/// One span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its number.
    pub span: SpanId,
    /// E1 or T1: PRI; FXS: telephones; FXO: subscriber lines.
    pub kind: SpanKind,
    /// Its channels; counts for telephones.
    pub channels: u8,
    /// Its law.
    pub law: Law,
    /// Which side the exchange is. Callers come over spans where it is the network; where it is the user it plays a house's
    /// own exchange, which has telephones only.
    pub side: Side,
}

/// One telephone of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Its name in the truth.
    pub name: String,
    /// Where it is.
    pub at: At,
}

/// Where a telephone is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    /// On an FXS port.
    Port(ChannelId),
    /// Behind a PRI span: Tandem dials this number.
    Number(String),
}

/// What happens to the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// A frame came on a D-channel.
    Frame {
        /// The span.
        span: SpanId,
        /// Address to information.
        octets: &'a [u8],
    },
    /// A digital span works, or does not.
    Line {
        /// The span.
        span: SpanId,
        /// It works.
        up: bool,
    },
    /// A telephone begins or ceases to be rung; the pauses between the bursts are part of the ringing.
    Ring {
        /// Its port.
        channel: ChannelId,
        /// It begins.
        on: bool,
    },
    /// Tandem closes or opens the loop of a subscriber line.
    Loop {
        /// The line.
        channel: ChannelId,
        /// The loop.
        hook: HookState,
    },
    /// Tandem has sent a key on a subscriber line.
    Key {
        /// The line.
        channel: ChannelId,
        /// The key.
        key: char,
    },
    /// What is received on a channel has changed.
    Heard {
        /// The channel.
        channel: ChannelId,
        /// What it is now.
        sound: Sound,
    },
    /// A clip of [`Act::Say`] has come to its end by itself.
    Said {
        /// The channel.
        channel: ChannelId,
    },
    /// Callers may come, from now on, by their Poisson process.
    Open,
    /// No more callers come by themselves.
    Close,
    /// So many callers come at once.
    Burst(u32),
    /// The time of [`Exchange::poll_timeout`] has come.
    Timeout,
}

/// What a person hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// Nothing.
    Silence,
    /// A tone of the network: ringback, busy.
    Tone,
    /// Speech or music, not known whose: a prompt, as far as anybody can tell.
    Speech,
    /// What the person on this channel says. Whoever has sound tells it when what comes in on one channel is what goes out
    /// on the other; whoever has none, when Tandem's matrix joins the two.
    Person(ChannelId),
}

/// What the exchange wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "frames are the common case and go into rings by value")]
pub enum Output {
    /// Send a frame on a D-channel.
    Frame {
        /// The span.
        span: SpanId,
        /// The frame.
        frame: HdlcFrame,
    },
    /// A telephone is lifted or put down.
    Hook {
        /// Its port.
        channel: ChannelId,
        /// Its hook.
        state: HookState,
    },
    /// A subscriber line shows something.
    Loop {
        /// The line.
        channel: ChannelId,
        /// What.
        edge: LoopEdge,
    },
    /// A caller's number is sent on a subscriber line.
    Identity {
        /// The line.
        channel: ChannelId,
        /// The number.
        number: String,
        /// How.
        by: Identity,
    },
    /// A person does something that is heard.
    Act {
        /// Where.
        channel: ChannelId,
        /// What.
        act: Act,
    },
    /// Write a line of the truth.
    Truth(Entry),
}

/// What a person, or the exchange, does that is heard on the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Says a clip, instead of what is being said; at its end comes [`Input::Said`].
    Say {
        /// The voice.
        voice: Voice,
        /// The number of the clip, from 0: a greeting; take it modulo what there is.
        clip: u32,
    },
    /// Presses a key: one DTMF digit.
    Key(char),
    /// The exchange sends a tone, instead of what was said.
    Tone(ProgressKind),
    /// Says no more, and sends no tone.
    Hush,
}

/// A PRI span.
#[derive(Debug)]
struct Trunk {
    pri: Pri,
    kind: Span,
    /// The D-channel is up.
    up: bool,
}

/// What was counted beside the truth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Callers that came and went again, since as many as may were there.
    pub held_back: u64,
    /// Inputs for channels and spans that the exchange does not have.
    pub unknown: u64,
}

/// The far end of all lines, with the people.
#[derive(Debug)]
pub struct Exchange {
    config: Config,
    arrivals: Prng,
    trunks: BTreeMap<SpanId, Trunk>,
    loops: BTreeMap<ChannelId, Loop>,
    /// The spans of subscriber lines that work.
    loops_up: BTreeSet<SpanId>,
    /// The span on which the last caller was sent.
    last_span: Option<SpanId>,
    lines: BTreeMap<u32, Line>,
    next_caller: u32,
    sets: Vec<Set>,
    ports: BTreeMap<ChannelId, u16>,
    numbers: BTreeMap<String, u16>,
    calls: BTreeMap<(SpanId, CallId), Who>,
    channels: BTreeMap<ChannelId, Who>,
    hears: BTreeMap<ChannelId, ChannelId>,
    talks: BTreeSet<(u32, u16)>,
    agenda: Agenda,
    counters: Counters,
    outputs: VecDeque<Output>,
}

impl Exchange {
    /// Makes an exchange whose lines are down and whose callers wait for [`Input::Open`].
    pub fn new(mut config: Config, now: Mono) -> Exchange {
        if config.habits.kinds.is_empty() {
            config.habits.kinds = Habits::default().kinds;
        }
        let mut prng = Prng::new(config.seed);
        let mut trunks = BTreeMap::new();
        for span in config.spans.iter().filter(|span| span.kind.pri_d_timeslot().is_some()) {
            let mut pri = PriConfig::new(span.side, span.kind);
            pri.law = span.law;
            trunks.insert(span.span, Trunk { pri: Pri::new(pri, prng.fork()), kind: *span, up: false });
        }
        let arrivals = prng.fork();
        let lines = config.spans.iter().filter(|span| span.kind == SpanKind::Fxo);
        let channel = |span: &Span| {
            let span = span.span.0;
            move |port| (ChannelId::new(span, port), Loop::new())
        };
        let loops = lines.flat_map(|span| (1..=span.channels).map(channel(span))).collect();
        let phones = phones::all(&config);
        let sets: Vec<Set> =
            phones.into_iter().map(|phone| Set::new(phone, &config.habits, prng.fork())).collect();
        let mut exchange = Exchange {
            arrivals,
            trunks,
            loops,
            loops_up: BTreeSet::new(),
            last_span: None,
            lines: BTreeMap::new(),
            next_caller: 0,
            ports: BTreeMap::new(),
            numbers: BTreeMap::new(),
            calls: BTreeMap::new(),
            channels: BTreeMap::new(),
            hears: BTreeMap::new(),
            talks: BTreeSet::new(),
            agenda: Agenda::default(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            sets: Vec::new(),
            config,
        };
        exchange.plug_in(sets);
        let (seed, unix_ms) = (exchange.config.seed, exchange.config.unix_ms);
        exchange.tell(Event::Begin { seed, unix_ms }, now);
        exchange
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input<'_>, now: Mono) {
        match input {
            Input::Frame { span, octets } => self.pri(span, PriInput::Frame(octets), now),
            Input::Line { span, up } if self.config.loops.contains_key(&span) => {
                self.loops_work(span, up, now)
            }
            Input::Line { span, up } => {
                self.pri(span, if up { PriInput::LineUp } else { PriInput::LineDown }, now);
            }
            Input::Ring { channel, on } => self.ring(channel, on, now),
            Input::Loop { channel, hook } => self.loop_hook(channel, hook, now),
            Input::Key { channel, key } => self.loop_key(channel, key, now),
            Input::Heard { channel, sound } => self.heard(channel, sound, now),
            Input::Said { channel } => self.said(channel),
            Input::Open => self.next_arrival(now),
            Input::Close => self.agenda.set(Who::Arrivals, None),
            Input::Burst(callers) => (0..callers).for_each(|_| self.arrive(now)),
            Input::Timeout => self.timeout(now),
        }
    }

    /// Returns the next thing to be done; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.agenda.next()
    }

    /// Returns how many callers are there.
    pub fn callers(&self) -> usize {
        self.lines.len()
    }

    /// Returns the channels that a call has, as the signalling of the exchange knows them.
    pub fn busy_channels(&self) -> Vec<ChannelId> {
        let of_span = |(span, trunk): (&SpanId, &Trunk)| {
            let span = *span;
            let busy: Vec<Timeslot> = trunk.pri.channels().iter().filter_map(busy_timeslot).collect();
            busy.into_iter().map(move |timeslot| ChannelId { span, timeslot })
        };
        let lines = self.loops.iter().filter(|(_, line)| !line.is_idle()).map(|(channel, _)| *channel);
        self.trunks.iter().flat_map(of_span).chain(lines).collect()
    }

    /// Returns the phones that ring or are lifted.
    pub fn phones_in_use(&self) -> impl Iterator<Item = &str> {
        self.sets.iter().filter(|set| !set.agent.is_free()).map(|set| set.phone.name.as_str())
    }

    /// Returns true if the D-channel of the span is up, or its lines work.
    pub fn is_up(&self, span: SpanId) -> bool {
        self.trunks.get(&span).is_some_and(|trunk| trunk.up) || self.loops_up.contains(&span)
    }

    /// Returns what was counted.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns the language of a voice: a folder of clips.
    pub fn language(&self, voice: Voice) -> &str {
        self.config.habits.kinds.get(usize::from(voice.kind)).map_or("en", |kind| kind.language.as_str())
    }

    fn timeout(&mut self, now: Mono) {
        while let Some(who) = self.agenda.pop_due(now) {
            match who {
                Who::Span(span) => self.pri(span, PriInput::Timeout, now),
                Who::Arrivals => {
                    self.next_arrival(now);
                    self.arrive(now);
                }
                Who::Caller(id) => self.caller_due(id, now),
                Who::Agent(index) => self.agent_due(index, now),
                Who::Loop(channel) => self.loop_due(channel, now),
            }
        }
    }

    fn loops_work(&mut self, span: SpanId, up: bool, now: Mono) {
        let changed = if up { self.loops_up.insert(span) } else { self.loops_up.remove(&span) };
        if changed && !up {
            self.loops_cut(span, now);
        }
    }

    /// Tells the signalling of a span something and does what comes of it.
    fn pri(&mut self, span: SpanId, input: PriInput<'_>, now: Mono) {
        let Some(trunk) = self.trunks.get_mut(&span) else {
            self.counters.unknown += 1;
            return;
        };
        trunk.pri.handle(input, now);
        self.pri_drain(span, now);
    }

    /// Does what comes of a step of a span's signalling.
    fn pri_drain(&mut self, span: SpanId, now: Mono) {
        while let Some(output) = self.trunks.get_mut(&span).and_then(|trunk| trunk.pri.poll_output()) {
            match output {
                PriOutput::Frame(frame) => self.outputs.push_back(Output::Frame { span, frame }),
                PriOutput::Event(event) => self.pri_event(span, event, now),
            }
        }
        let due = self.trunks.get(&span).and_then(|trunk| trunk.pri.poll_timeout());
        self.agenda.set(Who::Span(span), due.map(|(at, _)| at));
    }

    fn ask(&mut self, span: SpanId, request: Request, now: Mono) {
        self.pri(span, PriInput::Request(request), now);
    }

    fn pri_event(&mut self, span: SpanId, event: PriEvent, now: Mono) {
        match event {
            PriEvent::Up => self.link(span, true, now),
            PriEvent::Down => self.link(span, false, now),
            PriEvent::Offer(offer) => self.offered(span, &offer, now),
            PriEvent::SetupAcknowledged { call, .. } | PriEvent::Proceeding { call, .. } => {
                self.on_line(span, call, now, Self::accepted);
            }
            PriEvent::Alerting { call, .. } => self.on_line(span, call, now, Self::alerting),
            PriEvent::Answered { call, .. } => self.on_line(span, call, now, Self::answered),
            PriEvent::Disconnected { call, cause, inband, .. } => {
                self.disconnected(span, call, cause.value(), now);
                if inband {
                    // Nobody here listens to the tone.
                    self.ask(span, Request::Release { call, cause }, now);
                }
            }
            PriEvent::Released { call, cause, .. } => self.released(span, call, cause.value(), now),
            // Digits come only with overlap sending; the rest changes nothing for people.
            PriEvent::Digits { .. }
            | PriEvent::Progress { .. }
            | PriEvent::Connected { .. }
            | PriEvent::Channel { .. }
            | PriEvent::Notice(_) => {}
        }
    }

    fn link(&mut self, span: SpanId, up: bool, now: Mono) {
        if let Some(trunk) = self.trunks.get_mut(&span) {
            trunk.up = up;
        }
        self.tell(Event::Span { span: span.0, up }, now);
    }

    fn on_line(&mut self, span: SpanId, call: CallId, now: Mono, step: fn(&mut Self, u32, Mono)) {
        if let Some(Who::Caller(id)) = self.calls.get(&(span, call)) {
            step(self, *id, now);
        }
    }

    fn disconnected(&mut self, span: SpanId, call: CallId, cause: u8, now: Mono) {
        match self.calls.get(&(span, call)) {
            Some(Who::Caller(id)) => self.clear_line(*id, Party::Tandem, cause, now),
            Some(Who::Agent(index)) => self.phone_cleared(*index, now),
            Some(Who::Span(_) | Who::Arrivals | Who::Loop(_)) | None => {}
        }
    }

    fn released(&mut self, span: SpanId, call: CallId, cause: u8, now: Mono) {
        match self.calls.remove(&(span, call)) {
            Some(Who::Caller(id)) => self.line_ended(id, cause, now),
            Some(Who::Agent(index)) => {
                self.phone_cleared(index, now);
                self.phone_released(index, now);
            }
            Some(Who::Span(_) | Who::Arrivals | Who::Loop(_)) | None => {}
        }
    }

    /// Tandem dials a number behind the span.
    fn offered(&mut self, span: SpanId, offer: &Offer, now: Mono) {
        let number = offer.calling.as_ref().map(|calling| calling.digits.as_str().to_string());
        let channel = ChannelId { span, timeslot: offer.channel };
        let called = offer.called.digits.as_str();
        self.phone_called(span, offer.call, channel, called, number, now);
    }

    fn act(&mut self, channel: ChannelId, act: Act) {
        self.outputs.push_back(Output::Act { channel, act });
    }

    fn tell(&mut self, event: Event, now: Mono) {
        self.outputs.push_back(Output::Truth(Entry { at_ms: now.as_millis(), event }));
    }
}

fn busy_timeslot((timeslot, state): (Timeslot, isdn::event::ChannelState)) -> Option<Timeslot> {
    match state {
        isdn::event::ChannelState::Busy(_) => Some(timeslot),
        isdn::event::ChannelState::Idle
        | isdn::event::ChannelState::Restarting
        | isdn::event::ChannelState::Blocked
        | isdn::event::ChannelState::OutOfService => None,
    }
}
