//! A whole appliance without audio, in virtual time: line machine, switch machine and exchange in one thread.
//!
//! ```text
//!   exchange <== frames, hooks, ringing ==> line::Machine <== orders, events ==> switch::Machine
//!      ^  who hears whom                       |  commands, prompts, recordings      |  updates
//!      +--------------------- [ Matrix ] <-----+                                     +--> records
//! ```
//! The realtime engine is a matrix that says "applied" a period later; a prompt lasts as long as it is said to; a key is a
//! digit event. Time goes from deadline to deadline. One moment's things are done in the order in which they were set, and
//! nothing depends on anything but the configuration and its seed.
//!
//! The switch can be killed at any moment and started again: agents' programs log in anew, calls go on from the census.
//! Limits: no clock drift, no bit errors, no lost frames; the line process is not killed here.

mod matrix;
mod run;

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use card::CardEvent;
use clock::{Mono, Prng, SampleTime, WallAnchor};
use dsp::caller_id::{CallerId, Message, dtmf, emit};
use dsp::fsk::FskEvent;
use dsp::listen::FskChannel;
use dsp::progress::{ProgressEvent, ProgressKind};
use line::Output as LineOutput;
use link::{LegId, RecordingState};
use rt::{Digits, FeedPort, Heard, RtCommand, RtEvent, RtEventKind, RtOp, Strip};
use switch::view::{AgentStateView, AgentView, CallView, QueueView, Update};
use switch::{AgentOrder, Request, RequestId};
use tdm::{Alarms, ChannelId, HdlcFrame, HookState, SpanId};

use crate::exchange::{self, Act, Exchange, Identity, LoopEdge};
use crate::truth::Entry;
use matrix::Matrix;
pub use run::{FINISH_WITHIN, Outcome, Progress, Run, unordered};

/// How long the engine takes to carry out a command.
const PERIOD: Duration = Duration::from_millis(1);
/// How long a detector listens to a key before it tells it.
const KEY_HEARD_AFTER: Duration = Duration::from_millis(45);
/// How long each digit that Tandem dials takes.
const DIGIT_SENT_IN: Duration = Duration::from_millis(200);
/// How long a caller's number takes on a subscriber line.
const IDENTITY_HEARD_AFTER: Duration = Duration::from_millis(900);
/// How long a recorder takes to open or to close a file.
const RECORDER: Duration = Duration::from_millis(100);
/// How long an agent's program takes to come back to a switch that was started again.
const RECONNECT: Duration = Duration::from_secs(2);
/// How long an agent who is busy after a missed call takes to be ready again, if nothing else makes it so.
const BACK_TO_WORK: Duration = Duration::from_secs(20);
/// How long the store takes to keep a record.
const STORE: Duration = Duration::from_millis(5);
/// Where a world's time begins.
const START: Mono = Mono::from_millis(1_000);
/// The most outputs that one moment may give before it is taken for an endless loop.
const MAX_STEPS: u64 = 10_000_000;

/// What a world is made of.
#[derive(Clone, Debug)]
pub struct WorldConfig {
    /// The line side. Every channel has a strip.
    pub line: line::LineConfig,
    /// The switch.
    pub switch: switch::SwitchConfig,
    /// The far end of all lines.
    pub exchange: exchange::Config,
    /// How long prompts last, by name.
    pub prompts: BTreeMap<String, Duration>,
    /// How long one lasts that is not among them.
    pub prompt: Duration,
    /// What agents ask for at their programs, beside how they begin; after a start of the switch all that was asked for
    /// before is asked for again.
    pub shifts: Vec<Shift>,
}

/// Something that an agent asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shift {
    /// When, after the start of the world.
    pub at: Duration,
    /// The agent's name.
    pub agent: String,
    /// What.
    pub order: AgentOrder,
}

/// Something that will happen by itself.
#[derive(Clone, Debug)]
enum Due {
    Applied(u32, RtOp),
    FeedDone(FeedPort, u16),
    Key(ChannelId, char),
    /// Tandem has sent a key on a channel.
    Sent(ChannelId, char),
    /// Tandem has sent all of them.
    Dialled(Strip),
    /// A caller's number has been heard on a subscriber line.
    Identity(ChannelId, String, Identity),
    /// A tone of the exchange is recognised, if it still is the one of this number.
    Tone(ChannelId, u64),
    Recording(link::RecordingId, RecordingState),
    Stored(LegId),
    Work(String, AgentOrder),
}

/// The appliance with the world around it.
#[derive(Debug)]
pub struct World {
    now: Mono,
    config: WorldConfig,
    exchange: Exchange,
    line: line::Machine,
    /// The line machine's deadline; none if it was told something since it was asked.
    line_due: Option<Option<Mono>>,
    switch: Option<switch::Machine>,
    matrix: Matrix,
    due: BTreeMap<(Mono, u64), Due>,
    order: u64,
    /// The tone on each subscriber line, its number, and whether it was told.
    tones: BTreeMap<ChannelId, (ProgressKind, u64, bool)>,
    /// When the line machine began to write which recording.
    recordings: BTreeMap<link::RecordingId, Mono>,
    agents: BTreeMap<String, AgentView>,
    pub(crate) live: BTreeMap<String, CallView>,
    pub(crate) ended: BTreeMap<String, CallView>,
    pub(crate) queues: BTreeMap<String, QueueView>,
    truth: Vec<Entry>,
    refused: Vec<String>,
    kills: Vec<(Mono, Mono)>,
    steps: u64,
}

impl World {
    /// Makes a world, starts its switch and brings its lines up. Callers come after [`open`](World::open).
    ///
    /// # Errors
    /// A value of a queue's rules is out of range.
    pub fn new(config: WorldConfig) -> Result<World, switch::ConfigureError> {
        // Whether it can be started at all is known once and for all.
        switch::Machine::new(config.switch.clone(), Mono::ZERO)?;
        let now = START;
        let mut prng = Prng::new(config.exchange.seed ^ 0x7461_6e64_656d);
        let mut world = World {
            now,
            exchange: Exchange::new(config.exchange.clone(), now),
            line: line::Machine::new(config.line.clone(), prng.fork()),
            line_due: None,
            switch: None,
            matrix: Matrix::new(&config.line.strips),
            due: BTreeMap::new(),
            order: 0,
            tones: BTreeMap::new(),
            recordings: BTreeMap::new(),
            agents: BTreeMap::new(),
            live: BTreeMap::new(),
            ended: BTreeMap::new(),
            queues: BTreeMap::new(),
            truth: Vec::new(),
            refused: Vec::new(),
            kills: Vec::new(),
            steps: 0,
            config,
        };
        world.start_switch();
        for shift in world.config.shifts.clone() {
            world.later(shift.at, Due::Work(shift.agent, shift.order));
        }
        let spans: Vec<SpanId> = world.config.line.spans.iter().map(|span| span.span).collect();
        for span in spans {
            world.line_up(span, true);
        }
        world.run(Duration::from_secs(5));
        Ok(world)
    }

    /// Returns the present time.
    pub fn now(&self) -> Mono {
        self.now
    }

    /// Returns the exchange.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Returns the truth so far.
    pub fn truth(&self) -> &[Entry] {
        &self.truth
    }

    /// Returns the calls that have ended, as the switch told of them last.
    pub fn records(&self) -> impl Iterator<Item = &CallView> {
        self.ended.values()
    }

    /// Returns the calls that live, as the switch told of them last.
    pub fn calls(&self) -> impl Iterator<Item = &CallView> {
        self.live.values()
    }

    /// Returns the queues, as the switch told of them last.
    pub fn queues(&self) -> impl Iterator<Item = &QueueView> {
        self.queues.values()
    }

    /// Returns the agents, as the switch told of them last.
    pub fn agents(&self) -> impl Iterator<Item = &AgentView> {
        self.agents.values()
    }

    /// Returns the requests of agents that the switch refused.
    pub fn refused(&self) -> &[String] {
        &self.refused
    }

    /// Returns from when to when there was no switch.
    pub fn kills(&self) -> &[(Mono, Mono)] {
        &self.kills
    }

    /// Returns the legs that the line side holds.
    pub fn legs(&self) -> usize {
        self.line.legs()
    }

    /// Returns the channels to which something is still sent, or that still ring.
    pub fn channels_in_use(&self) -> Vec<ChannelId> {
        self.matrix.in_use().into_iter().chain(self.matrix.ringing()).collect()
    }

    /// Returns how many recordings are being written.
    pub fn open_recordings(&self) -> usize {
        self.recordings.len()
    }

    /// Lets callers come.
    pub fn open(&mut self) {
        self.tell_exchange(exchange::Input::Open);
    }

    /// Lets no more callers come.
    pub fn close(&mut self) {
        self.tell_exchange(exchange::Input::Close);
    }

    /// Lets so many callers come at once.
    pub fn burst(&mut self, callers: u32) {
        self.tell_exchange(exchange::Input::Burst(callers));
    }

    /// A span works, or is cut.
    pub fn line_up(&mut self, span: SpanId, up: bool) {
        let alarms = if up { Alarms::empty() } else { Alarms::RED };
        self.card(CardEvent::Alarms { span, alarms });
        self.exchange.handle(exchange::Input::Line { span, up }, self.now);
        self.settle();
    }

    /// Kills the switch.
    pub fn kill_switch(&mut self) {
        if self.switch.take().is_some() {
            self.kills.push((self.now, Mono::MAX));
            self.live.clear();
            self.tell_line(line::Input::Detach);
            self.settle();
        }
    }

    /// Starts a switch, and agents' programs come back to it.
    pub fn start_switch(&mut self) {
        let restarted = !self.kills.is_empty();
        if let Some((_, until)) = self.kills.last_mut().filter(|(_, until)| *until == Mono::MAX) {
            *until = self.now;
        }
        self.switch = switch::Machine::new(self.config.switch.clone(), self.now).ok();
        let anchor = WallAnchor::new(Mono::ZERO, self.config.exchange.unix_ms * 1_000_000);
        self.tell_line(line::Input::Attach { anchor });
        self.settle();
        let so_far = self.now.since(START);
        for shift in self.config.shifts.clone() {
            if restarted && shift.at <= so_far {
                self.later(RECONNECT, Due::Work(shift.agent, shift.order));
            }
        }
    }

    /// Lets virtual time pass, every deadline at its moment.
    ///
    /// # Panics
    /// One moment never ends: the machines keep each other busy.
    pub fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            if next > self.now {
                (self.now, self.steps) = (next, 0);
            }
            self.fire();
        }
        self.now = end;
    }

    /// Closes the door and lets everybody finish, at most for `limit`; returns whether all have.
    pub fn drain(&mut self, limit: Duration) -> bool {
        self.close();
        let end = self.now + limit;
        while !self.is_quiet() {
            if self.now >= end {
                return false;
            }
            self.run(Duration::from_secs(1));
        }
        true
    }

    fn is_quiet(&self) -> bool {
        self.exchange.callers() == 0
            && self.line.legs() == 0
            && self.recordings.is_empty()
            && self.exchange.phones_in_use().next().is_none()
            && self.matrix.ringing().next().is_none()
    }

    /// Returns the line machine's deadline. It looks through all legs for it: it is asked once for many inputs.
    fn line_due(&mut self) -> Option<Mono> {
        let line = &self.line;
        *self.line_due.get_or_insert_with(|| line.poll_timeout())
    }

    fn next_deadline(&mut self) -> Option<Mono> {
        let line = self.line_due();
        let due = self.due.first_key_value().map(|((at, _), _)| *at);
        let switch = self.switch.as_ref().and_then(|switch| switch.poll_timeout());
        due.into_iter().chain(switch).chain(self.exchange.poll_timeout()).chain(line).min()
    }

    fn fire(&mut self) {
        let now = self.now;
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let due = entry.remove();
            self.happen(due);
            self.settle();
        }
        if self.exchange.poll_timeout().is_some_and(|at| at <= now) {
            self.exchange.handle(exchange::Input::Timeout, now);
            self.settle();
        }
        if self.line_due().is_some_and(|at| at <= now) {
            self.tell_line(line::Input::Timeout);
            self.settle();
        }
        if let Some(switch) = &mut self.switch
            && switch.poll_timeout().is_some_and(|at| at <= now)
        {
            switch.handle(switch::Input::Timeout, now);
            self.settle();
        }
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Applied(seq, op) => {
                let noticed = self.matrix.apply(op);
                self.rt(RtEventKind::Applied { seq });
                if let Some(input) = noticed {
                    self.exchange.handle(input, self.now);
                }
            }
            Due::FeedDone(feed, generation) => self.rt(RtEventKind::FeedDone { feed, generation }),
            Due::Key(channel, key) => {
                if let (Some(strip), Ok(digit)) =
                    (self.config.line.strips.get(&channel).copied(), u8::try_from(key))
                {
                    self.rt(RtEventKind::DigitDown { strip, digit });
                }
            }
            Due::Sent(channel, key) => {
                self.exchange.handle(exchange::Input::Key { channel, key }, self.now);
            }
            Due::Dialled(strip) => self.rt(RtEventKind::Dialled { strip }),
            Due::Identity(channel, number, by) => self.identity(channel, &number, by),
            Due::Tone(channel, number) => self.tone_recognised(channel, number),
            Due::Recording(recording, state) => self.tell_line(line::Input::Recording { recording, state }),
            Due::Stored(call) => {
                let now = self.now;
                if let Some(switch) = &mut self.switch {
                    switch.handle(switch::Input::Stored(call), now);
                }
            }
            Due::Work(agent, order) => self.work(agent, order),
        }
    }

    fn work(&mut self, agent: String, order: AgentOrder) {
        let now = self.now;
        if let Some(switch) = &mut self.switch {
            switch.handle(switch::Input::Request(RequestId(0), Request::Agent { agent, order }), now);
        }
    }

    fn tell_line(&mut self, input: line::Input<'_>) {
        self.line_due = None;
        self.line.handle(input, self.now);
    }

    fn tell_exchange(&mut self, input: exchange::Input<'_>) {
        self.exchange.handle(input, self.now);
        self.settle();
    }

    fn rt(&mut self, kind: RtEventKind) {
        self.tell_line(line::Input::Rt(RtEvent { time: SampleTime::ZERO, kind }));
    }

    fn card(&mut self, event: CardEvent) {
        self.rt(RtEventKind::Card(event));
    }

    fn later(&mut self, after: Duration, due: Due) {
        self.order += 1;
        self.due.insert((self.now + after, self.order), due);
    }

    /// Moves everything that is ready between the parts until nothing is.
    fn settle(&mut self) {
        loop {
            self.steps += 1;
            assert!(self.steps < MAX_STEPS, "at {:?} the machines keep each other busy for ever", self.now);
            let mut idle = true;
            while let Some(output) = self.line.poll_output() {
                idle = false;
                self.line_output(output);
            }
            while let Some(output) = self.exchange.poll_output() {
                idle = false;
                self.exchange_output(output);
            }
            while let Some(output) = self.switch.as_mut().and_then(|switch| switch.poll_output()) {
                idle = false;
                self.switch_output(output);
            }
            if idle {
                return;
            }
        }
    }

    fn line_output(&mut self, output: LineOutput) {
        match output {
            LineOutput::Frame { span, frame } => self.frame(span, &frame),
            LineOutput::Rt(RtCommand { seq, op }) => {
                if let RtOp::Dial { strip, digits } = op {
                    self.dial(strip, digits);
                }
                self.later(PERIOD, Due::Applied(seq, op));
            }
            LineOutput::ToSwitch(message) => {
                let now = self.now;
                if let Some(switch) = &mut self.switch {
                    switch.handle(switch::Input::Line(message), now);
                }
            }
            LineOutput::Play { feed, generation, prompts, repeat } => {
                if !repeat {
                    let length = prompts.iter().map(|name| self.prompt_length(name)).sum::<Duration>();
                    self.later(length.max(PERIOD), Due::FeedDone(feed, generation));
                }
            }
            LineOutput::StopPlaying { .. } => {}
            LineOutput::StartRecording { recording, .. } => {
                self.recordings.insert(recording, self.now);
                self.later(RECORDER, Due::Recording(recording, RecordingState::Started));
            }
            LineOutput::StopRecording { recording } => self.stop_recording(recording),
        }
    }

    fn prompt_length(&self, name: &str) -> Duration {
        self.config.prompts.get(name).copied().unwrap_or(self.config.prompt)
    }

    fn stop_recording(&mut self, recording: link::RecordingId) {
        let Some(since) = self.recordings.remove(&recording) else {
            return;
        };
        let length_ms = u64::try_from((self.now - since).as_millis()).unwrap_or(u64::MAX);
        let state = RecordingState::Stopped { file: format!("{recording}.wav"), length_ms };
        self.later(RECORDER, Due::Recording(recording, state));
    }

    fn frame(&mut self, span: SpanId, frame: &HdlcFrame) {
        self.exchange.handle(exchange::Input::Frame { span, octets: frame.octets() }, self.now);
    }

    fn exchange_output(&mut self, output: exchange::Output) {
        match output {
            exchange::Output::Frame { span, frame } => {
                self.tell_line(line::Input::Frame { span, octets: frame.octets() });
            }
            exchange::Output::Hook { channel, state } => self.hook(channel, state),
            exchange::Output::Loop { channel, edge } => self.card(match edge {
                LoopEdge::Ring(ringing) => CardEvent::Ring { channel, ringing },
                LoopEdge::Polarity(polarity) => CardEvent::Polarity { channel, polarity },
                LoopEdge::Feed(present) => CardEvent::Feed { channel, present },
            }),
            exchange::Output::Identity { channel, number, by } => {
                self.later(IDENTITY_HEARD_AFTER, Due::Identity(channel, number, by));
            }
            exchange::Output::Act { channel, act: Act::Tone(kind) } => self.tone(channel, Some(kind)),
            exchange::Output::Act { channel, act: Act::Key(key) } => {
                self.later(KEY_HEARD_AFTER, Due::Key(channel, key));
            }
            // Nothing is heard in this world, but that a tone is over.
            exchange::Output::Act { channel, act: Act::Say { .. } | Act::Hush } => self.tone(channel, None),
            exchange::Output::Truth(entry) => self.truth.push(entry),
        }
    }

    /// Tandem dials: the exchange hears one digit after the other.
    fn dial(&mut self, strip: Strip, digits: Digits) {
        let Some(channel) = self.matrix.channel(strip) else { return };
        let mut after = Duration::ZERO;
        for digit in digits.as_bytes() {
            after += DIGIT_SENT_IN;
            self.later(after, Due::Sent(channel, char::from(*digit)));
        }
        self.later(after + PERIOD, Due::Dialled(strip));
    }

    /// Another tone, or none, sounds on a subscriber line.
    fn tone(&mut self, channel: ChannelId, kind: Option<ProgressKind>) {
        if let Some((before, _, true)) = self.tones.remove(&channel) {
            self.heard(channel, Heard::Progress(ProgressEvent::Ended(before)));
        }
        let Some(kind) = kind else { return };
        self.later(recognised_after(kind), Due::Tone(channel, self.order + 1));
        self.tones.insert(channel, (kind, self.order, false));
    }

    fn tone_recognised(&mut self, channel: ChannelId, number: u64) {
        if let Some((kind, known, told)) = self.tones.get_mut(&channel)
            && *known == number
        {
            *told = true;
            let event = ProgressEvent::Began(*kind);
            self.heard(channel, Heard::Progress(event));
        }
    }

    fn heard(&mut self, channel: ChannelId, heard: Heard) {
        if let Some(strip) = self.config.line.strips.get(&channel).copied() {
            self.rt(RtEventKind::Heard { strip, heard });
        }
    }

    /// A caller's number has come whole.
    fn identity(&mut self, channel: ChannelId, number: &str, by: Identity) {
        match by {
            Identity::None => {}
            Identity::Dtmf => {
                for key in dtmf::emit(number).unwrap_or_default().chars() {
                    self.later(Duration::ZERO, Due::Key(channel, key));
                }
            }
            Identity::Bell202 | Identity::V23 => {
                let caller = CallerId { number: Some(number.into()), ..CallerId::default() };
                for octet in emit(&caller, Message::Multiple) {
                    self.heard(channel, Heard::Fsk(FskChannel::CallerId, FskEvent::Octet(octet)));
                }
            }
        }
    }

    fn hook(&mut self, channel: ChannelId, state: HookState) {
        self.card(CardEvent::Hook { channel, state });
    }

    fn switch_output(&mut self, output: switch::Output) {
        match output {
            switch::Output::Order(order) => self.tell_line(line::Input::Order(order)),
            switch::Output::Update(update) => self.update(update),
            switch::Output::Reply(_, Ok(_)) => {}
            switch::Output::Reply(_, Err(why)) => self.refused.push(why),
        }
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Call { call } if call.ended_ms.is_some() => {
                self.live.remove(&call.call);
                if let Ok(name) = call.call.parse() {
                    self.later(STORE, Due::Stored(name));
                }
                self.ended.insert(call.call.clone(), call);
            }
            Update::Call { call } => drop(self.live.insert(call.call.clone(), call)),
            Update::Queue { queue } => drop(self.queues.insert(queue.queue.clone(), *queue)),
            Update::Agent { agent } => self.agent(*agent),
            Update::QueueGone { queue } => drop(self.queues.remove(&queue)),
            Update::AgentGone { agent } => drop(self.agents.remove(&agent)),
            Update::Line { .. } | Update::Span { .. } | Update::Configured { .. } | Update::Health { .. } => {
            }
        }
    }

    /// An agent sees the own state; who is busy for having missed a call goes back to work after a while.
    fn agent(&mut self, view: AgentView) {
        let missed = view.state == AgentStateView::Busy
            && view.until_ms.is_none()
            && view.reason.as_deref() == Some("missed");
        if missed {
            self.later(BACK_TO_WORK, Due::Work(view.agent.clone(), AgentOrder::Ready));
        }
        self.agents.insert(view.agent.clone(), view);
    }

    /// Returns the numbers of callers that live, as the switch told of them last; each once.
    pub fn callers_known(&self) -> BTreeSet<&str> {
        self.live.values().map(|call| call.calling.as_str()).collect()
    }
}

/// How long the detectors take for a tone of China: two cycles of a short cadence, a second of a long one.
fn recognised_after(kind: ProgressKind) -> Duration {
    Duration::from_millis(match kind {
        ProgressKind::Dial | ProgressKind::Ringback => 1_300,
        ProgressKind::Busy => 1_450,
        ProgressKind::Congestion => 2_850,
        ProgressKind::Unobtainable | ProgressKind::SpecialInformation | ProgressKind::Other(_) => 3_300,
    })
}
