//! A whole appliance without audio, in virtual time: an exchange (the network side of our own stack), the line machine, a
//! switch that can be killed at any moment, an engine that only says "applied", telephones.
#![allow(dead_code, reason = "each test uses its part")]

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use call::{Action, NumberEntry, Plan, Seat};
use card::{CardEvent, LineOrder, RingCadence};
use cas::fxo::FxoConfig;
use cas::fxs::FxsConfig;
use clock::{Mono, Prng, SampleTime, WallAnchor};
use isdn::config::Hunt;
use isdn::config::{PriConfig, Side};
use isdn::event::{CallId, ChannelChoice, Input as PriInput, Output as PriOutput, PriEvent, Request, Setup};
use isdn::pri::Pri;
use isdn::wire::{BearerCapability, Digits, PartyNumber};
use line::{IdentityBy, Input, LineConfig, LoopStart, Machine, Output, PhoneConfig, SpanConfig, TrunkConfig};
use link::RecordingState;
use rt::{Digits as KeyDigits, FeedPort, Heard, RtEvent, RtEventKind, RtOp, Source, Strip, Wants};
use switch::view::View;
use switch::{Reply, RequestId, SwitchConfig, Trunk};
use tdm::{Alarms, ChannelId, HookState, Law, SpanId, SpanKind, Timeslot};

pub const TRUNK: SpanId = SpanId(1);
pub const PHONES: SpanId = SpanId(5);
pub const LINES: SpanId = SpanId(6);
pub const PROMPT_LENGTH: Duration = Duration::from_secs(2);

/// Something that will happen to the line machine by itself.
#[derive(Clone, Debug)]
enum Due {
    Applied(u32),
    FeedDone(FeedPort, u16),
    Input(Input<'static>),
}

pub struct World {
    pub now: Mono,
    pub exchange: Pri,
    pub line: Machine,
    pub switch: Option<switch::Machine>,
    pub view: View,
    /// What each strip sends.
    pub sources: BTreeMap<Strip, Source>,
    pub ringing: BTreeSet<ChannelId>,
    /// Exchange lines whose loop is closed.
    pub off_hook: BTreeSet<ChannelId>,
    /// What each strip listens for.
    pub wants: BTreeMap<Strip, Wants>,
    /// Digits sent, with the strip.
    pub dialled: Vec<(Strip, KeyDigits)>,
    pub recordings: BTreeMap<String, bool>,
    /// Events of the exchange that no test has looked at yet.
    pub told: Vec<PriEvent>,
    pub replies: Vec<Result<Reply, String>>,
    due: Vec<(Mono, u64, Due)>,
    order: u64,
    /// D-channel frames pass only while this is true.
    pub line_works: bool,
}

pub fn strip(channel: ChannelId) -> Strip {
    Strip(channel.span.0 * 40 + u16::from(channel.timeslot.0))
}

pub fn plan() -> Plan {
    let entry = |called: &str, action, record| NumberEntry {
        called: called.into(),
        from: None,
        action,
        prompts: vec!["en/welcome".into()],
        language: "en".into(),
        record,
    };
    let attendant = Action::Attendant { digits: 3, digit_timeout: Duration::from_secs(5), attempts: 3 };
    let trunk = Action::Trunk { to: link::Destination::Trunk(vec![TRUNK]), caller: None };
    let lines = Action::Trunk { to: link::Destination::Trunk(vec![LINES]), caller: None };
    let seat = |n: u8| Seat {
        number: (200 + u16::from(n)).to_string(),
        place: call::Place::Port(ChannelId::new(PHONES.0, n)),
        answer_timeout: Duration::from_secs(30),
    };
    Plan {
        numbers: vec![
            entry("8000", attendant, true),
            entry("8001", Action::Seat("201".into()), true),
            entry("8002", Action::Announce, false),
            entry("9*", trunk, false),
            entry("7*", lines, false),
        ],
        seats: (1..=8).map(seat).collect(),
        digit_timeout: Duration::from_secs(5),
        trunk_timeout: Duration::from_secs(60),
    }
}

fn line_config(identity: IdentityBy) -> LineConfig {
    let bank = PhoneConfig { fxs: FxsConfig::default(), cadence: RingCadence::CHINA };
    let pri = PriConfig::new(Side::User, SpanKind::E1);
    let lines = TrunkConfig::LoopStart(LoopStart {
        fxo: FxoConfig::default(),
        identity,
        called: "8001".into(),
        hunt: Hunt::Ascending,
    });
    let spans = vec![
        SpanConfig {
            span: TRUNK,
            kind: SpanKind::E1,
            channels: 31,
            trunk: Some(TrunkConfig::Pri(pri)),
            phones: None,
        },
        SpanConfig { span: PHONES, kind: SpanKind::Fxs, channels: 8, trunk: None, phones: Some(bank) },
        SpanConfig { span: LINES, kind: SpanKind::Fxo, channels: 4, trunk: Some(lines), phones: None },
    ];
    let channels = spans.iter().flat_map(|s| (1..=s.channels).map(|t| ChannelId::new(s.span.0, t)));
    LineConfig {
        epoch: 1_000,
        strips: channels.map(|channel| (channel, strip(channel))).collect(),
        spans,
        feeds: 64,
        taps: 64,
        hold: Duration::from_secs(30),
        max_legs: 128,
    }
}

impl World {
    /// Makes a world whose D-channel is up and whose switch is attached.
    pub fn new(seed: u64) -> World {
        World::with_identity(seed, IdentityBy::Fsk)
    }

    /// The same, with exchange lines that tell a caller's number in this way.
    pub fn with_identity(seed: u64, identity: IdentityBy) -> World {
        let mut prng = Prng::new(seed);
        let exchange = Pri::new(PriConfig::new(Side::Network, SpanKind::E1), prng.fork());
        let mut world = World {
            now: Mono::from_millis(1_000),
            exchange,
            line: Machine::new(line_config(identity), prng.fork()),
            switch: None,
            view: View::default(),
            sources: BTreeMap::new(),
            ringing: BTreeSet::new(),
            off_hook: BTreeSet::new(),
            wants: BTreeMap::new(),
            dialled: Vec::new(),
            recordings: BTreeMap::new(),
            told: Vec::new(),
            replies: Vec::new(),
            due: Vec::new(),
            order: 0,
            line_works: true,
        };
        world.start_switch();
        world.alarms(Alarms::empty());
        world.run(Duration::from_secs(3));
        world.told.clear();
        world
    }

    pub fn start_switch(&mut self) {
        let trunks = vec![Trunk { name: "telecom".into(), spans: vec![TRUNK], caller: None }];
        let config = SwitchConfig { plan: plan(), trunks, ..SwitchConfig::default() };
        self.switch = Some(switch::Machine::new(config, self.now).unwrap());
        self.view = View::default();
        self.tell_line(Input::Attach { anchor: WallAnchor::new(Mono::ZERO, 0) });
    }

    pub fn kill_switch(&mut self) {
        self.switch = None;
        self.tell_line(Input::Detach);
    }

    pub fn alarms(&mut self, alarms: Alarms) {
        self.line_works = alarms.is_empty();
        self.exchange.handle(if self.line_works { PriInput::LineUp } else { PriInput::LineDown }, self.now);
        self.card(CardEvent::Alarms { span: TRUNK, alarms });
    }

    pub fn card(&mut self, event: CardEvent) {
        self.rt(RtEventKind::Card(event));
    }

    fn rt(&mut self, kind: RtEventKind) {
        self.tell_line(Input::Rt(RtEvent { time: SampleTime::ZERO, kind }));
    }

    pub fn hook(&mut self, port: u8, state: HookState) {
        self.card(CardEvent::Hook { channel: ChannelId::new(PHONES.0, port), state });
    }

    pub fn heard(&mut self, channel: ChannelId, heard: Heard) {
        self.rt(RtEventKind::Heard { strip: strip(channel), heard });
    }

    /// Says that the digits ordered last have gone out.
    pub fn digits_sent(&mut self, channel: ChannelId) {
        self.rt(RtEventKind::Dialled { strip: strip(channel) });
    }

    pub fn key(&mut self, channel: ChannelId, digits: &str) {
        for digit in digits.bytes() {
            self.rt(RtEventKind::DigitDown { strip: strip(channel), digit });
            self.run(Duration::from_millis(200));
        }
    }

    /// Lets the exchange call `called`.
    pub fn call(&mut self, called: &str) -> CallId {
        let call = self.exchange.next_call();
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new(called).unwrap()),
            calling: Some(PartyNumber::calling(Digits::new("13900000000").unwrap())),
            name: None,
            channel: ChannelChoice::Any,
            sending_complete: true,
            bearer: BearerCapability::audio(Law::A),
        };
        self.ask(Request::Setup(Box::new(setup)));
        call
    }

    pub fn ask(&mut self, request: Request) {
        self.exchange.handle(PriInput::Request(request), self.now);
        self.settle();
    }

    pub fn request(&mut self, request: switch::Request) {
        let now = self.now;
        if let Some(switch) = &mut self.switch {
            switch.handle(switch::Input::Request(RequestId(1), request), now);
        }
        self.settle();
    }

    pub fn tell_line(&mut self, input: Input<'_>) {
        self.line.handle(input, self.now);
        self.settle();
    }

    /// Lets virtual time pass, every deadline at its moment.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.fire();
        }
        self.now = end;
    }

    fn next_deadline(&self) -> Option<Mono> {
        let due = self.due.iter().map(|(at, _, _)| *at).min();
        let switch = self.switch.as_ref().and_then(|switch| switch.poll_timeout());
        let exchange = self.exchange.poll_timeout().map(|(at, _)| at);
        due.into_iter().chain(switch).chain(exchange).chain(self.line.poll_timeout()).min()
    }

    fn fire(&mut self) {
        let now = self.now;
        self.due.sort_by_key(|(at, order, _)| (*at, *order));
        while self.due.first().is_some_and(|(at, _, _)| *at <= now) {
            match self.due.remove(0).2 {
                Due::Applied(seq) => self.rt(RtEventKind::Applied { seq }),
                Due::FeedDone(feed, generation) => self.rt(RtEventKind::FeedDone { feed, generation }),
                Due::Input(input) => self.tell_line(input),
            }
        }
        if self.exchange.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.exchange.handle(PriInput::Timeout, now);
        }
        if self.line.poll_timeout().is_some_and(|at| at <= now) {
            self.line.handle(Input::Timeout, now);
        }
        if let Some(switch) = &mut self.switch
            && switch.poll_timeout().is_some_and(|at| at <= now)
        {
            switch.handle(switch::Input::Timeout, now);
        }
        self.settle();
    }

    /// Moves everything that is ready between the parts until nothing is.
    fn settle(&mut self) {
        loop {
            let from_line = self.line.poll_output();
            let from_exchange = self.exchange.poll_output();
            let from_switch = self.switch.as_mut().and_then(|switch| switch.poll_output());
            if from_line.is_none() && from_exchange.is_none() && from_switch.is_none() {
                return;
            }
            if let Some(output) = from_line {
                self.line_output(output);
            }
            match from_exchange {
                Some(PriOutput::Frame(frame)) if self.line_works => {
                    let input = Input::Frame { span: TRUNK, octets: frame.octets() };
                    self.line.handle(input, self.now);
                }
                Some(PriOutput::Event(event)) => self.told.push(event),
                Some(PriOutput::Frame(_)) | None => {}
            }
            match from_switch {
                Some(switch::Output::Order(order)) => self.line.handle(Input::Order(order), self.now),
                Some(switch::Output::Update(update)) => self.view.apply(&update),
                Some(switch::Output::Reply(_, reply)) => self.replies.push(reply),
                None => {}
            }
        }
    }

    fn later(&mut self, after: Duration, due: Due) {
        self.order += 1;
        self.due.push((self.now + after, self.order, due));
    }

    fn line_output(&mut self, output: Output) {
        let now = self.now;
        match output {
            Output::Frame { frame, .. } if self.line_works => {
                self.exchange.handle(PriInput::Frame(frame.octets()), now);
            }
            Output::Frame { .. } => {}
            Output::Rt(command) => {
                self.engine(command.op);
                self.later(Duration::from_millis(1), Due::Applied(command.seq));
            }
            Output::ToSwitch(message) => {
                if let Some(switch) = &mut self.switch {
                    switch.handle(switch::Input::Line(message), now);
                }
            }
            Output::Play { feed, generation, repeat, .. } => {
                if !repeat {
                    self.later(PROMPT_LENGTH, Due::FeedDone(feed, generation));
                }
            }
            Output::StopPlaying { .. } => {}
            Output::StartRecording { recording, .. } => {
                self.recordings.insert(recording.to_string(), true);
                let state = RecordingState::Started;
                self.later(Duration::from_millis(100), Due::Input(Input::Recording { recording, state }));
            }
            Output::StopRecording { recording } => {
                self.recordings.insert(recording.to_string(), false);
                let state = RecordingState::Stopped { file: format!("{recording}.wav"), length_ms: 1 };
                self.later(Duration::from_millis(100), Due::Input(Input::Recording { recording, state }));
            }
        }
    }

    fn engine(&mut self, op: RtOp) {
        match op {
            RtOp::Send { strip, source } => drop(self.sources.insert(strip, source)),
            RtOp::Reset { strip } => {
                self.sources.insert(strip, Source::Silence);
                self.wants.insert(strip, Wants::empty());
            }
            RtOp::Line(LineOrder::Ring { channel, cadence: Some(_) }) => drop(self.ringing.insert(channel)),
            RtOp::Line(LineOrder::Ring { channel, cadence: None }) => drop(self.ringing.remove(&channel)),
            RtOp::Line(LineOrder::Hook { channel, state: HookState::OffHook }) => {
                self.off_hook.insert(channel);
            }
            RtOp::Line(LineOrder::Hook { channel, state: HookState::OnHook }) => {
                self.off_hook.remove(&channel);
            }
            RtOp::Detect { strip, wants } => drop(self.wants.insert(strip, wants)),
            RtOp::Dial { strip, digits } => self.dialled.push((strip, digits)),
            _ => {}
        }
    }

    /// Returns true if the two channels hear each other.
    pub fn hear_each_other(&self, a: ChannelId, b: ChannelId) -> bool {
        let hears = |a, b| self.sources.get(&strip(a)) == Some(&Source::Line(strip(b)));
        hears(a, b) && hears(b, a)
    }

    /// Returns the timeslot that carries a call of the exchange.
    pub fn channel_of(&self, call: CallId) -> ChannelId {
        let carries =
            |t: &u8| self.exchange.channel(Timeslot(*t)) == Some(isdn::event::ChannelState::Busy(call));
        ChannelId::new(TRUNK.0, (1..=31).find(carries).expect("the call has a channel"))
    }

    /// Returns the cause with which the exchange's call was released, if it was.
    pub fn released(&self, call: CallId) -> Option<u8> {
        self.told.iter().find_map(|event| match event {
            PriEvent::Released { call: of, cause, .. } if *of == call => Some(cause.value()),
            _ => None,
        })
    }

    pub fn answered(&self, call: CallId) -> bool {
        self.told.iter().any(|event| matches!(event, PriEvent::Answered { call: of, .. } if *of == call))
    }
}
