//! Subscriber lines: the exchange's side of two wires that are plugged into an FXO port of Tandem.
//!
//! ```text
//!              a caller comes                off hook              either side leaves
//!  Idle -------------------------> Ringing ------------> Through ----------------------> Released
//!   |  off hook: dial tone                                  ^                                |
//!   +------------> Dialling ---------> Called --------------+                on hook: Idle <-+
//!                          number known      the agent lifts
//! ```
//! Callers are told by ringing with the number before or between the bursts; Tandem's calls get dial tone, ringback and
//! busy tone; that the other side has left is told as configured, and by busy tone until Tandem goes on hook.
//! Limits: no call waiting, no flash; what Tandem dials is a telephone of the exchange or nobody.

use core::time::Duration;

use clock::Mono;
use dsp::progress::ProgressKind;
use isdn::cause::Cause;
use tdm::{ChannelId, HookState, Polarity, SpanId};

use super::agenda::Who;
use super::{Act, Exchange, Output};
use crate::truth::{Event, Party};

/// After so long without a further digit the number is complete.
const NUMBER_COMPLETE: Duration = Duration::from_secs(3);
/// Who lifts and does not dial gets busy tone.
const DIAL_WITHIN: Duration = Duration::from_secs(20);
/// How long the feed is broken when the other side has left.
const FEED_BREAK: Duration = Duration::from_millis(500);
/// From the end of the first burst, or from its announcement, to the number.
const IDENTITY_AFTER: Duration = Duration::from_millis(500);
/// From a number that comes first to the first burst: the longest takes 20 keys of 140 ms.
const RING_AFTER_IDENTITY: Duration = Duration::from_millis(3_000);
/// How long a line rests until the next caller gets it: whoever rings sooner is one call with a caller who has just given up
/// and is shown by the wrong number, on a real line too.
const REST: Duration = Duration::from_secs(8);
/// The longest number that is listened to.
const MAX_DIGITS: usize = 32;

/// What the lines of a span are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoopService {
    /// The number of all lines of the span.
    pub number: String,
    /// How the caller's number is sent.
    pub identity: Identity,
    /// When it is sent.
    pub time: IdentityTime,
    /// A burst of ringing.
    pub burst: Duration,
    /// The pause between two bursts.
    pub pause: Duration,
    /// How it is told that the other side has left, before busy tone.
    pub release: Release,
    /// The polarity is reversed when the called party answers.
    pub reverses: bool,
}

/// How a caller's number is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Not at all.
    None,
    /// By FSK as Bell 202 has it.
    Bell202,
    /// By FSK as V.23 has it.
    V23,
    /// By keys.
    Dtmf,
}

/// When it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityTime {
    /// Between the first two bursts.
    AfterRing,
    /// After a reversal of polarity, before the first burst.
    AfterReversal,
    /// Before the first burst.
    BeforeRing,
}

/// How an exchange tells that the other side has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// By busy tone alone.
    BusyTone,
    /// By a break of the feed.
    FeedBreak,
    /// By a reversal of polarity.
    Reversal,
}

/// What a line shows beside its sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoopEdge {
    /// Ringing voltage comes or goes.
    Ring(bool),
    /// The direction of the feed.
    Polarity(Polarity),
    /// The feed comes or goes.
    Feed(bool),
}

/// What comes next on a line that rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Identity,
    Burst,
    Pause,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Ringing {
        next: Step,
        told: bool,
    },
    Dialling {
        digits: String,
    },
    /// A telephone rings.
    Called,
    Through,
    /// The other side has left, or never was; a break of the feed may still last.
    Released {
        unfed: bool,
    },
}

/// One line with its far end.
#[derive(Clone, Debug)]
pub(crate) struct Loop {
    state: State,
    /// Whose call it carries.
    who: Option<Who>,
    polarity: Polarity,
    /// When it became idle.
    idle_since: Option<Mono>,
}

impl Loop {
    pub fn new() -> Loop {
        Loop { state: State::Idle, who: None, polarity: Polarity::Normal, idle_since: None }
    }

    pub fn is_idle(&self) -> bool {
        self.state == State::Idle
    }

    /// Returns true if the next caller can get it.
    fn has_rested(&self, now: Mono) -> bool {
        self.is_idle() && self.idle_since.is_none_or(|since| now >= since + REST)
    }
}

impl Exchange {
    /// Returns true if Tandem dials on the line: whoever has sound listens for its keys.
    pub fn is_dialling(&self, channel: ChannelId) -> bool {
        self.loops.get(&channel).is_some_and(|line| matches!(line.state, State::Dialling { .. }))
    }

    /// Returns the idle line of a span that the next caller gets.
    pub(crate) fn idle_loop(&self, span: SpanId, now: Mono) -> Option<ChannelId> {
        let lines = self.loops.range(ChannelId::new(span.0, 0)..=ChannelId::new(span.0, u8::MAX));
        lines.filter(|(_, line)| line.has_rested(now)).map(|(channel, _)| *channel).next()
    }

    fn service(&self, channel: ChannelId) -> Option<&LoopService> {
        self.config.loops.get(&channel.span)
    }

    fn edge(&mut self, channel: ChannelId, edge: LoopEdge) {
        self.outputs.push_back(Output::Loop { channel, edge });
    }

    fn turn(&mut self, channel: ChannelId) {
        let Some(line) = self.loops.get_mut(&channel) else { return };
        line.polarity = match line.polarity {
            Polarity::Normal => Polarity::Reversed,
            Polarity::Reversed => Polarity::Normal,
        };
        let polarity = line.polarity;
        self.edge(channel, LoopEdge::Polarity(polarity));
    }

    fn become_(&mut self, channel: ChannelId, state: State, due: Option<Mono>) {
        if let Some(line) = self.loops.get_mut(&channel) {
            line.state = state;
        }
        self.agenda.set(Who::Loop(channel), due);
    }

    fn idle(&mut self, channel: ChannelId, now: Mono) {
        self.become_(channel, State::Idle, None);
        if let Some(line) = self.loops.get_mut(&channel) {
            line.idle_since = Some(now);
        }
    }

    /// A caller's call arrives on an idle line.
    pub(crate) fn ring_loop(&mut self, id: u32, channel: ChannelId, now: Mono) {
        let Some(service) = self.service(channel).cloned() else { return };
        if let Some(line) = self.loops.get_mut(&channel) {
            line.who = Some(Who::Caller(id));
        }
        let first = match (service.identity, service.time) {
            (Identity::None, _) | (_, IdentityTime::AfterRing) => Step::Burst,
            (_, IdentityTime::AfterReversal | IdentityTime::BeforeRing) => Step::Identity,
        };
        if first == Step::Identity && service.time == IdentityTime::AfterReversal {
            self.turn(channel);
        }
        let after = if first == Step::Identity { IDENTITY_AFTER } else { Duration::ZERO };
        self.become_(channel, State::Ringing { next: first, told: false }, Some(now + after));
    }

    /// A line's deadline has come.
    pub(crate) fn loop_due(&mut self, channel: ChannelId, now: Mono) {
        let Some(state) = self.loops.get(&channel).map(|line| line.state.clone()) else { return };
        match state {
            State::Ringing { next, told } => self.ring_on(channel, next, told, now),
            State::Dialling { digits } => self.connect(channel, &digits, now),
            State::Released { unfed: true } => {
                self.edge(channel, LoopEdge::Feed(true));
                self.become_(channel, State::Released { unfed: false }, None);
                self.act(channel, Act::Tone(ProgressKind::Busy));
            }
            State::Idle | State::Called | State::Through | State::Released { unfed: false } => {}
        }
    }

    fn ring_on(&mut self, channel: ChannelId, step: Step, told: bool, now: Mono) {
        let Some(service) = self.service(channel).cloned() else { return };
        let number = match self.loops.get(&channel).and_then(|line| line.who) {
            Some(Who::Caller(id)) => self.lines.get(&id).map(|line| line.number.clone()),
            Some(Who::Agent(_) | Who::Span(_) | Who::Arrivals | Who::Loop(_)) | None => None,
        };
        let (next, after, told) = match step {
            Step::Identity => {
                let after = match service.time {
                    IdentityTime::AfterRing => service.pause.saturating_sub(IDENTITY_AFTER),
                    IdentityTime::AfterReversal | IdentityTime::BeforeRing => RING_AFTER_IDENTITY,
                };
                if let Some(number) = number {
                    self.outputs.push_back(Output::Identity { channel, number, by: service.identity });
                }
                (Step::Burst, after, true)
            }
            Step::Burst => {
                self.edge(channel, LoopEdge::Ring(true));
                (Step::Pause, service.burst, told)
            }
            Step::Pause => {
                self.edge(channel, LoopEdge::Ring(false));
                match (told, service.identity) {
                    (true, _) | (_, Identity::None) => (Step::Burst, service.pause, told),
                    (false, _) => (Step::Identity, IDENTITY_AFTER, told),
                }
            }
        };
        self.become_(channel, State::Ringing { next, told }, Some(now + after));
    }

    /// Tandem closes or opens the loop.
    pub(crate) fn loop_hook(&mut self, channel: ChannelId, hook: HookState, now: Mono) {
        let Some(line) = self.loops.get(&channel).cloned() else {
            self.counters.unknown += 1;
            return;
        };
        match (hook, line.state) {
            (HookState::OffHook, State::Idle) => {
                self.tell(Event::Channel { channel, busy: true }, now);
                self.become_(channel, State::Dialling { digits: String::new() }, Some(now + DIAL_WITHIN));
                self.act(channel, Act::Tone(ProgressKind::Dial));
            }
            (HookState::OffHook, State::Ringing { .. }) => {
                self.edge(channel, LoopEdge::Ring(false));
                self.act(channel, Act::Hush);
                self.become_(channel, State::Through, None);
                if let Some(Who::Caller(id)) = line.who {
                    self.answered(id, now);
                }
            }
            (HookState::OnHook, State::Idle | State::Ringing { .. }) => {}
            (HookState::OnHook, state) => self.loop_over(channel, line.who, &state, now),
            (
                HookState::OffHook,
                State::Dialling { .. } | State::Called | State::Through | State::Released { .. },
            ) => {}
        }
    }

    /// Tandem has gone on hook: whatever the line carried is over.
    fn loop_over(&mut self, channel: ChannelId, who: Option<Who>, state: &State, now: Mono) {
        if let Some(line) = self.loops.get_mut(&channel) {
            line.who = None;
        }
        self.idle(channel, now);
        if *state == (State::Released { unfed: true }) {
            self.edge(channel, LoopEdge::Feed(true));
        }
        if self.loops.get(&channel).is_some_and(|line| line.polarity == Polarity::Reversed) {
            self.turn(channel);
        }
        self.act(channel, Act::Hush);
        let cause = Cause::NORMAL_CLEARING.value();
        match who {
            Some(Who::Caller(id)) => {
                self.clear_line(id, Party::Tandem, cause, now);
                self.line_ended(id, cause, now);
            }
            Some(Who::Agent(index)) => {
                if !matches!(state, State::Released { .. }) {
                    self.phone_cleared(index, now);
                }
                self.phone_released(index, now);
            }
            Some(Who::Span(_) | Who::Arrivals | Who::Loop(_)) | None => {
                self.tell(Event::Channel { channel, busy: false }, now);
            }
        }
    }

    /// Tandem has sent a key on a line.
    pub(crate) fn loop_key(&mut self, channel: ChannelId, key: char, now: Mono) {
        let Some(Loop { state: State::Dialling { digits }, .. }) = self.loops.get_mut(&channel) else {
            return;
        };
        if digits.len() < MAX_DIGITS {
            digits.push(key);
        }
        let first = digits.len() == 1;
        self.agenda.set(Who::Loop(channel), Some(now + NUMBER_COMPLETE));
        if first {
            self.act(channel, Act::Hush);
        }
    }

    /// The number is complete, or nobody dials.
    fn connect(&mut self, channel: ChannelId, digits: &str, now: Mono) {
        let index = self.numbers.get(digits).copied();
        let free = |index: &u16| {
            let set = self.sets.get(usize::from(*index));
            set.is_some_and(|set| set.call.is_none() && !set.over_loop && set.agent.is_free())
        };
        let tone = match index {
            Some(index) if free(&index) => return self.call_phone(channel, index, now),
            Some(_) => ProgressKind::Busy,
            None if digits.is_empty() => ProgressKind::Busy,
            None => ProgressKind::Unobtainable,
        };
        self.become_(channel, State::Released { unfed: false }, None);
        self.act(channel, Act::Tone(tone));
    }

    fn call_phone(&mut self, channel: ChannelId, index: u16, now: Mono) {
        if let Some(set) = self.sets.get_mut(usize::from(index)) {
            (set.channel, set.over_loop, set.shown) = (Some(channel), true, None);
        }
        if let Some(line) = self.loops.get_mut(&channel) {
            line.who = Some(Who::Agent(index));
        }
        self.channels.insert(channel, Who::Agent(index));
        self.become_(channel, State::Called, None);
        self.act(channel, Act::Tone(ProgressKind::Ringback));
        self.begin_ringing(index, now);
    }

    /// The agent who was called has lifted the telephone.
    pub(crate) fn loop_lifted(&mut self, channel: ChannelId) {
        self.act(channel, Act::Hush);
        self.become_(channel, State::Through, None);
        if self.service(channel).is_some_and(|service| service.reverses) {
            self.turn(channel);
        }
    }

    /// The other side has left: the line is told, and busy tone sounds until Tandem goes on hook. A call that only rings is
    /// over at once; returns true then.
    pub(crate) fn loop_left(&mut self, channel: ChannelId, now: Mono) -> bool {
        let rings = self.loops.get(&channel).is_some_and(|line| matches!(line.state, State::Ringing { .. }));
        if rings {
            self.edge(channel, LoopEdge::Ring(false));
            self.act(channel, Act::Hush);
            if let Some(line) = self.loops.get_mut(&channel) {
                line.who = None;
            }
            self.idle(channel, now);
            if self.loops.get(&channel).is_some_and(|line| line.polarity == Polarity::Reversed) {
                self.turn(channel);
            }
            return true;
        }
        match self.service(channel).map(|service| service.release) {
            Some(Release::FeedBreak) => {
                self.edge(channel, LoopEdge::Feed(false));
                self.become_(channel, State::Released { unfed: true }, Some(now + FEED_BREAK));
                return false;
            }
            Some(Release::Reversal) => self.turn(channel),
            Some(Release::BusyTone) | None => {}
        }
        self.become_(channel, State::Released { unfed: false }, None);
        self.act(channel, Act::Tone(ProgressKind::Busy));
        false
    }

    /// The lines of a span are cut: as if Tandem had gone on hook on all of them.
    pub(crate) fn loops_cut(&mut self, span: SpanId, now: Mono) {
        let lines = self.loops.range(ChannelId::new(span.0, 0)..=ChannelId::new(span.0, u8::MAX));
        for channel in lines.map(|(channel, _)| *channel).collect::<Vec<_>>() {
            self.loop_hook(channel, HookState::OnHook, now);
        }
    }
}
