//! Lines that do as they are told at once: legs with notes, and the census of them.

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use acd::QueueConfig;
use call::{Action, NumberEntry, Place, Plan, Seat};
use clock::{Mono, WallAnchor};
use ivr::Flow;
use link::{
    Cause, Destination, EndedLeg, Event, LegCensus, LegId, LegState, Order, PlayId, ToSwitch, Treatment,
};
use switch::view::{QueueView, View};
use switch::{
    Agent, AgentOrder, ConfigureError, Input, Machine, Output, Queue, Reply, Request, RequestId, Start,
    SwitchConfig,
};
use tdm::{ChannelId, SpanId};

const EPOCH: u32 = 1_000;

const FLOW: &str = r#"
version = 1
name = "front"
language = "zh"
start = "menu"
[nodes.menu]
type = "menu"
prompts = ["welcome"]
keys = { 1 = "wait" }
timeout_ms = 5000
on_timeout = "bye"
on_invalid = "bye"
[nodes.wait]
type = "queue"
queue = "service"
music = ["music"]
max_wait_s = 600
on_timeout = "bye"
on_refused = "bye"
[nodes.bye]
type = "announce"
prompts = ["goodbye"]
"#;

/// Returns the name of an arriving leg.
pub fn leg(serial: u32) -> LegId {
    LegId { epoch: EPOCH, session: 0, serial }
}

fn config(start: &Start) -> SwitchConfig {
    let flow: Flow = toml::from_str(FLOW).unwrap();
    let seat =
        |number: &str, place| Seat { number: number.into(), place, answer_timeout: Duration::from_secs(30) };
    let port = |n| Place::Port(ChannelId::new(5, n));
    let trunk = Place::Trunk { spans: vec![SpanId(4)], dial: "6003".into() };
    let agent = |name: &str, seat: &str| Agent {
        name: name.into(),
        title: name.to_uppercase(),
        seat: seat.into(),
        queues: vec!["service".into()],
        start: start.clone(),
    };
    let number = NumberEntry {
        called: "8000".into(),
        from: None,
        action: Action::Flow("front".into()),
        prompts: vec![],
        language: "zh".into(),
        record: false,
    };
    let rules = QueueConfig {
        max_wait: Some(Duration::from_secs(60)),
        max_waiting: 3,
        position_every: None,
        ..QueueConfig::default()
    };
    SwitchConfig {
        plan: Plan {
            numbers: vec![number],
            seats: vec![seat("201", port(1)), seat("202", port(2)), seat("203", trunk)],
            digit_timeout: Duration::from_secs(5),
            trunk_timeout: Duration::from_secs(60),
        },
        flows: BTreeMap::from([("front".into(), Arc::new(flow.validate().unwrap()))]),
        queues: vec![Queue { name: "service".into(), title: "Service".into(), rules }],
        agents: vec![agent("ann", "201"), agent("ben", "202"), agent("cat", "203")],
        busy_reasons: vec!["break".into(), "lunch".into()],
        missed_pause: Some(Duration::from_secs(15)),
        ..SwitchConfig::default()
    }
}

pub struct Bench {
    config: SwitchConfig,
    machine: Option<Machine>,
    pub now: Mono,
    session: u16,
    seq: u64,
    pub orders: Vec<Order>,
    pub view: View,
    replies: Vec<Result<Reply, String>>,
    legs: BTreeMap<LegId, LegCensus>,
    ended: BTreeMap<LegId, EndedLeg>,
    playing: BTreeMap<LegId, (PlayId, Vec<String>, Treatment)>,
    originated: BTreeMap<LegId, (Destination, String, bool)>,
}

impl Bench {
    pub fn new(start: Start) -> Bench {
        let mut bench = Bench {
            config: config(&start),
            machine: None,
            now: Mono::from_millis(1_000_000),
            session: 0,
            seq: 0,
            orders: vec![],
            view: View::default(),
            replies: vec![],
            legs: BTreeMap::new(),
            ended: BTreeMap::new(),
            playing: BTreeMap::new(),
            originated: BTreeMap::new(),
        };
        bench.restart();
        bench
    }

    pub fn restart_with(&mut self, change: impl FnOnce(&mut SwitchConfig)) {
        change(&mut self.config);
        self.kill_and_restart();
    }

    pub fn kill(&mut self) {
        self.machine = None;
    }

    pub fn kill_and_restart(&mut self) {
        self.kill();
        self.restart();
    }

    pub fn restart(&mut self) {
        self.machine = Some(Machine::new(self.config.clone(), self.now).unwrap());
        self.view = View::default();
        self.attach();
    }

    pub fn lose_link(&mut self) {
        self.tell(Input::LineLost);
    }

    pub fn break_link(&mut self) {
        self.lose_link();
        self.attach();
    }

    /// Changes the configuration of the running machine.
    pub fn configure(&mut self, change: impl FnOnce(&mut SwitchConfig)) {
        self.try_configure(change).unwrap();
    }

    /// Changes the configuration unless the machine refuses it.
    pub fn try_configure(&mut self, change: impl FnOnce(&mut SwitchConfig)) -> Result<(), ConfigureError> {
        let mut config = self.config.clone();
        change(&mut config);
        self.machine.as_mut().unwrap().configure(config.clone(), self.now)?;
        self.config = config;
        self.carry_out();
        Ok(())
    }

    pub fn attach(&mut self) {
        self.session += 1;
        let anchor = WallAnchor::new(Mono::ZERO, 1_000_000_000_000_000_000);
        let hello = ToSwitch::Hello { protocol: link::PROTOCOL, epoch: EPOCH, session: self.session, anchor };
        let legs: Vec<_> = self.legs.values().cloned().map(ToSwitch::Leg).collect();
        let ended: Vec<_> = self.ended.values().cloned().map(ToSwitch::Ended).collect();
        for message in [vec![hello], legs, ended, vec![ToSwitch::CensusEnd]].concat() {
            self.tell(Input::Line(message));
        }
        self.legs.values_mut().for_each(|leg| leg.digits.clear());
    }

    pub fn tell(&mut self, input: Input) {
        let Some(machine) = &mut self.machine else { return };
        machine.handle(input, self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let Some(machine) = &mut self.machine else { return };
        let outputs: Vec<Output> = std::iter::from_fn(|| machine.poll_output()).collect();
        for output in outputs {
            match output {
                Output::Order(order) => self.order(order),
                Output::Reply(_, reply) => self.replies.push(reply),
                Output::Update(update) => self.view.apply(&update),
            }
        }
    }

    fn order(&mut self, order: Order) {
        self.orders.push(order.clone());
        match order {
            Order::Answer { leg } => {
                self.set_answered(leg);
                self.event(Event::Answered { leg });
            }
            Order::Originate { leg, to, called, .. } => {
                self.originated.insert(leg, (to, called, false));
                self.insert(leg, "", LegState::Alerting);
                self.event(Event::Alerting { leg, inband: false });
            }
            Order::Play { leg, play, prompts, treatment } => {
                self.playing.insert(leg, (play, prompts, treatment));
                self.legs.get_mut(&leg).into_iter().for_each(|leg| leg.playing = Some(play));
            }
            Order::StopPlay { leg } => drop(self.playing.remove(&leg)),
            Order::Connect { a, b } => {
                self.playing.remove(&a);
                for (leg, other) in [(a, b), (b, a)] {
                    self.legs.get_mut(&leg).into_iter().for_each(|leg| leg.connected = Some(other));
                }
                self.event(Event::Connected { a, b });
            }
            Order::Hangup { leg, cause } => self.end(leg, cause),
            Order::Note { leg, note } => {
                self.legs.get_mut(&leg).into_iter().for_each(|leg| leg.note.clone_from(&note));
            }
            Order::Forget { leg } => drop(self.ended.remove(&leg)),
            Order::Proceed { .. }
            | Order::Alert { .. }
            | Order::Split { .. }
            | Order::Record { .. }
            | Order::StopRecording { .. }
            | Order::SendDigits { .. } => {}
        }
    }

    fn insert(&mut self, leg: LegId, called: &str, state: LegState) {
        let census = LegCensus {
            leg,
            incoming: leg.session == 0,
            channel: Some(ChannelId::new(1, u8::try_from(leg.serial).unwrap())),
            state,
            called: called.into(),
            complete: true,
            calling: format!("139{}", leg.serial),
            restricted: false,
            since: self.now,
            answered: None,
            connected: None,
            playing: None,
            played: None,
            recording: None,
            digits: String::new(),
            note: vec![],
        };
        self.legs.insert(leg, census);
    }

    pub fn event(&mut self, event: Event) {
        self.seq += 1;
        let (seq, at) = (self.seq, self.now);
        self.tell(Input::Line(ToSwitch::Event { seq, at, event }));
    }

    /// Lets a call arrive.
    pub fn offer(&mut self, leg: LegId, called: &str) {
        self.insert(leg, called, LegState::Offered);
        let census = &self.legs[&leg];
        let (called, calling) = (census.called.clone(), census.calling.clone());
        let channel = census.channel.unwrap();
        self.event(Event::Offer { leg, channel, called, calling, restricted: false, complete: true });
    }

    pub fn set_answered(&mut self, leg: LegId) {
        let now = self.now;
        if let Some(leg) = self.legs.get_mut(&leg) {
            (leg.state, leg.answered) = (LegState::Answered, Some(now));
        }
    }

    /// Keys that nobody hears at once.
    pub fn press(&mut self, leg: LegId, digit: char) {
        self.legs.get_mut(&leg).unwrap().digits.push(digit);
    }

    /// Ends a leg, if it lives.
    pub fn end(&mut self, leg: LegId, cause: Cause) {
        let Some(known) = self.legs.remove(&leg) else { return };
        self.playing.remove(&leg);
        let (since, answered, note) = (known.since, known.answered, known.note);
        let ended = EndedLeg { leg, cause, by_line: true, since, answered, ended: self.now, note };
        self.ended.insert(leg, ended.clone());
        self.event(Event::Ended(ended));
    }

    /// Ends what plays to a leg.
    pub fn played(&mut self, leg: LegId) {
        let (play, ..) = self.playing.remove(&leg).unwrap();
        self.legs.get_mut(&leg).unwrap().playing = None;
        self.event(Event::Played { leg, play, completed: true });
    }

    /// Lets time pass, with all deadlines in it.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.machine.as_ref().and_then(Machine::poll_timeout).filter(|due| *due <= end)
        {
            self.now = due;
            self.tell(Input::Timeout);
        }
        self.now = end;
    }

    pub fn agent(&mut self, agent: &str, order: AgentOrder) -> Result<Reply, String> {
        self.tell(Input::Request(RequestId(1), Request::Agent { agent: agent.into(), order }));
        self.replies.pop().unwrap()
    }

    pub fn stored(&mut self, call: LegId) {
        self.tell(Input::Stored(call));
    }

    /// Steps the system's clock to `unix_ms`.
    pub fn step_clock(&mut self, unix_ms: u64) {
        self.tell(Input::Wall(WallAnchor::new(self.now, unix_ms * 1_000_000)));
    }

    pub fn new_day(&mut self) {
        self.tell(Input::NewDay);
    }

    pub fn queue(&self) -> &QueueView {
        &self.view.queues["service"]
    }

    /// Returns what a leg hears.
    pub fn playing(&self, leg: LegId) -> (Vec<String>, Treatment) {
        let (_, prompts, treatment) = self.playing.get(&leg).expect("something plays");
        (prompts.clone(), *treatment)
    }

    /// Returns the leg that rings a seat on a port, if it was not asked for before.
    pub fn rung(&mut self, seat: &str) -> Option<LegId> {
        let port = seat[2..].parse().unwrap();
        self.take(|to| *to == Destination::Port(ChannelId::new(5, port))).map(|(leg, _)| leg)
    }

    /// Returns the leg that rings behind a trunk, and the number dialled.
    pub fn dialled(&mut self, spans: &[u16]) -> Option<(LegId, String)> {
        let wanted = Destination::Trunk(spans.iter().copied().map(SpanId).collect());
        self.take(|to| *to == wanted)
    }

    fn take(&mut self, is: impl Fn(&Destination) -> bool) -> Option<(LegId, String)> {
        let live = &self.legs;
        let found = self
            .originated
            .iter_mut()
            .find(|(leg, (to, _, seen))| is(to) && !*seen && live.contains_key(*leg));
        found.map(|(leg, (_, called, seen))| {
            *seen = true;
            (*leg, called.clone())
        })
    }

    /// Returns the caller for whom a leg rings.
    pub fn caller_of(&self, leg: LegId) -> LegId {
        let name = leg.to_string();
        let of = |call: &&switch::view::CallView| call.legs.iter().any(|known| known.leg == name);
        self.view.calls.values().find(of).unwrap().call.parse().unwrap()
    }
}
