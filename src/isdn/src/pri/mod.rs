//! One span: the data link, its calls, its channels and its restarts, as one object.
//!
//! An input goes to the data link, to a call or to the restart machine; what they want sent goes back through the data
//! link; what they tell comes out of [`Pri::poll_output`]. `incoming` finds the call that a message belongs to,
//! `restart` runs RESTART. While the line works, the link is kept up: when it is lost it is asked for again.
//!
//! Limits: one D-channel for one span, no backup. Source: ITU-T Q.931 (05/98) 5.5, 5.8.8, 5.8.9.

mod incoming;
mod restart;

use std::collections::{BTreeMap, VecDeque};

use clock::{Mono, Prng};
use tdm::Timeslot;

use crate::cause::Cause;
use crate::channels::Channels;
use crate::config::{CALL_LIMIT, PriConfig};
use crate::event::{
    CallId, ChannelState, Deadline, Input, Notice, Output, PriEvent, Request, RestartTarget, Setup, Timer,
};
use crate::lapd::{self, Link, LinkCounters};
use crate::q931::{Call, CallState, Ctx, Outbox};
use crate::wire::CallRef;
use crate::wire::message::MAX_CALL_REF;
use restart::Restarts;

/// What was counted on a span, layer 3; layer 2 counts in [`LinkCounters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Counters {
    /// Messages received.
    pub messages_received: u64,
    /// Messages sent, repeats included.
    pub messages_sent: u64,
    /// Messages sent again because nothing came back: SETUP, RELEASE, RESTART.
    pub messages_repeated: u64,
    /// Octets that are no message of call control.
    pub malformed: u64,
    /// Messages that broke a rule: elements, types, states.
    pub protocol_errors: u64,
    /// Messages without a meaning here.
    pub messages_ignored: u64,
    /// Messages for calls that do not exist.
    pub unknown_calls: u64,
    /// STATUS messages that report an error.
    pub status_received: u64,
    /// Requests that the state does not allow.
    pub requests_ignored: u64,
    /// Calls that came in and were offered.
    pub calls_offered: u64,
    /// Calls that were set up from here.
    pub calls_set_up: u64,
    /// Calls that ended.
    pub calls_released: u64,
    /// SETUPs refused before they were offered: no channel, broken, too many calls.
    pub setups_refused: u64,
    /// Times both sides took the same channel.
    pub glares: u64,
    /// RESTARTs received.
    pub restarts_received: u64,
    /// RESTARTs that the peer did not answer.
    pub restarts_unanswered: u64,
    /// Timers of calls that ran out.
    pub timer_expiries: u64,
    /// Times the data link was lost.
    pub link_losses: u64,
}

/// One call, as a census shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallInfo {
    /// Its name.
    pub call: CallId,
    /// Its state.
    pub state: CallState,
    /// Its channel, if agreed or reserved.
    pub channel: Option<Timeslot>,
    /// True if we sent the SETUP.
    pub outgoing: bool,
}

/// The signalling of one span.
#[derive(Debug)]
pub struct Pri {
    config: PriConfig,
    link: Link,
    line_up: bool,
    link_up: bool,
    relink: Option<Mono>,
    started: bool,
    calls: BTreeMap<CallId, Call>,
    /// Calls by reference; the flag is true for those whose SETUP we sent.
    by_ref: BTreeMap<(u16, bool), CallId>,
    next_id: u64,
    next_ref: u16,
    channels: Channels,
    restarts: Restarts,
    outputs: VecDeque<Output>,
    counters: Counters,
}

impl Pri {
    /// Makes a span whose line is down. `prng` chooses where call references start, so that a restarted program does
    /// not meet its own old calls.
    pub fn new(config: PriConfig, mut prng: Prng) -> Pri {
        let link = lapd::Link::new(crate::LinkConfig { side: config.side, ..config.link });
        let channels = Channels::new(config.kind, config.hunt);
        let next_ref = u16::try_from(prng.below(u64::from(MAX_CALL_REF))).unwrap_or(0);
        let max_calls = config.max_calls.min(CALL_LIMIT);
        Pri {
            config: PriConfig { max_calls, ..config },
            link,
            line_up: false,
            link_up: false,
            relink: None,
            started: false,
            calls: BTreeMap::new(),
            by_ref: BTreeMap::new(),
            next_id: 0,
            next_ref,
            channels,
            restarts: Restarts::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }

    /// Returns a name for a new outgoing call, to be used in one [`Request::Setup`].
    pub fn next_call(&mut self) -> CallId {
        self.next_id += 1;
        CallId(self.next_id)
    }

    /// Takes one event.
    pub fn handle(&mut self, input: Input<'_>, now: Mono) {
        match input {
            Input::Frame(octets) => {
                if self.line_up {
                    self.link.handle(lapd::Input::Frame(octets), now);
                }
            }
            Input::LineUp => self.line_changed(true, now),
            Input::LineDown => self.line_changed(false, now),
            Input::Request(request) => self.request(request, now),
            Input::Timeout => self.timeout(now),
        }
        self.drain_link(now);
    }

    /// Returns the next thing to send or to tell; drain until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due at the latest, and why.
    pub fn poll_timeout(&self) -> Option<Deadline> {
        let link = self.link.poll_timeout().map(|(at, timer)| (at, Timer::Link(timer)));
        let relink = self.relink.map(|at| (at, Timer::Relink));
        let restart = self.restarts.deadline().map(|at| (at, Timer::T316));
        let calls = self
            .calls
            .values()
            .filter_map(|call| call.deadline().map(|(at, timer)| (at, Timer::Call(call.id, timer))));
        link.into_iter().chain(relink).chain(restart).chain(calls).min()
    }

    /// Returns true while layer 2 is up.
    pub const fn is_up(&self) -> bool {
        self.link_up
    }

    /// Returns the configuration.
    pub const fn config(&self) -> &PriConfig {
        &self.config
    }

    /// Returns the B-channels.
    pub const fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Returns the calls, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = CallInfo> + '_ {
        self.calls.values().map(|call| CallInfo {
            call: call.id,
            state: call.state,
            channel: call.channel,
            outgoing: call.is_outgoing(),
        })
    }

    /// Returns what layer 3 counted.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns what layer 2 counted.
    pub const fn link_counters(&self) -> &LinkCounters {
        self.link.counters()
    }

    fn line_changed(&mut self, up: bool, now: Mono) {
        if self.line_up == up {
            return;
        }
        self.line_up = up;
        self.relink = None;
        let input = if up { lapd::Input::Establish } else { lapd::Input::LineDown };
        self.link.handle(input, now);
    }

    /// Moves what layer 2 has for us: frames outward, events to the calls. Each event may send more frames.
    fn drain_link(&mut self, now: Mono) {
        while let Some(output) = self.link.poll_output() {
            match output {
                lapd::Output::Frame(frame) => self.outputs.push_back(Output::Frame(frame)),
                lapd::Output::Event(lapd::Event::Established) => self.link_established(now),
                lapd::Output::Event(lapd::Event::Refreshed) => self.each_call(now, Call::enquire),
                lapd::Output::Event(lapd::Event::Released) => self.link_released(now),
                lapd::Output::Event(lapd::Event::Data(message)) => self.message(&message, now),
            }
        }
    }

    fn link_established(&mut self, now: Mono) {
        self.relink = None;
        if !self.link_up {
            self.link_up = true;
            self.tell(PriEvent::Up);
        }
        self.each_call(now, Call::link_established);
        self.restarts_link_up(now);
        if !core::mem::replace(&mut self.started, true) && self.config.restart_on_start {
            self.restart(RestartTarget::All, now);
        }
    }

    fn link_released(&mut self, now: Mono) {
        if self.line_up {
            self.relink = Some(now + self.config.timers.relink);
        }
        if self.link_up {
            self.link_up = false;
            self.counters.link_losses += 1;
            self.restarts.link_down();
            self.tell(PriEvent::Down);
            self.each_call(now, Call::link_lost);
        }
    }

    fn timeout(&mut self, now: Mono) {
        self.link.handle(lapd::Input::Timeout, now);
        if self.relink.is_some_and(|at| at <= now) {
            self.relink = None;
            self.link.handle(lapd::Input::Establish, now);
        }
        self.restart_timeout(now);
        let due = |call: &Call| call.deadline().is_some_and(|(at, _)| at <= now);
        let due: Vec<CallId> = self.calls.values().filter(|&call| due(call)).map(|call| call.id).collect();
        for id in due {
            self.with_call(id, now, Call::timeout);
        }
    }

    fn request(&mut self, request: Request, now: Mono) {
        let (id, known) = match request {
            Request::Setup(setup) => return self.set_up(&setup, now),
            Request::Restart(target) => return self.restart(target, now),
            Request::Block(timeslot) => return self.block(timeslot, true),
            Request::Unblock(timeslot) => return self.block(timeslot, false),
            Request::MoreDigits { call, digits, complete } => {
                (call, self.with_call(call, now, |call, ctx| call.more_digits(&digits, complete, ctx)))
            }
            Request::SetupAck { call, inband } => {
                (call, self.with_call(call, now, |call, ctx| call.setup_ack(inband, ctx)))
            }
            Request::Proceeding { call, inband } => {
                (call, self.with_call(call, now, |call, ctx| call.proceeding(inband, ctx)))
            }
            Request::Progress { call, inband } => {
                (call, self.with_call(call, now, |call, ctx| call.progress_request(inband, ctx)))
            }
            Request::Alerting { call, inband } => {
                (call, self.with_call(call, now, |call, ctx| call.alerting(inband, ctx)))
            }
            Request::Connect { call } => (call, self.with_call(call, now, Call::connect)),
            Request::Disconnect { call, cause, inband } => {
                (call, self.with_call(call, now, |call, ctx| call.disconnect(cause, inband, ctx)))
            }
            Request::Release { call, cause } => {
                (call, self.with_call(call, now, |call, ctx| call.release(cause, ctx)))
            }
            Request::Audit { call } => (call, self.with_call(call, now, Call::enquire)),
        };
        // A request that crossed the end of its call is no mistake.
        if !known && id.0 > self.next_id {
            self.ignored();
        }
    }

    /// Starts an outgoing call. A name that was not given out, or is in use, is refused.
    fn set_up(&mut self, setup: &Setup, now: Mono) {
        let id = setup.call;
        if id.0 == 0 || id.0 > self.next_id || self.calls.contains_key(&id) {
            return self.ignored();
        }
        self.counters.calls_set_up += 1;
        let full = self.calls.len() >= self.config.max_calls;
        let Some(value) = self.free_call_ref().filter(|_| !full) else {
            self.counters.calls_released += 1;
            let (cause, location) = (Cause::CONGESTION, self.config.location);
            return self.tell(PriEvent::Released { call: id, cause, location });
        };
        let call_ref = CallRef { value, to_originator: false };
        self.add_call(Call::new(id, call_ref, CallState::Initiated));
        self.with_call(id, now, |call, ctx| call.set_up(setup, ctx));
    }

    /// Returns a call reference of ours that no call has. Zero is the global one.
    fn free_call_ref(&mut self) -> Option<u16> {
        (0..=CALL_LIMIT).find_map(|_| {
            self.next_ref = self.next_ref % MAX_CALL_REF + 1;
            (!self.by_ref.contains_key(&(self.next_ref, true))).then_some(self.next_ref)
        })
    }

    fn add_call(&mut self, call: Call) {
        self.by_ref.insert((call.call_ref.value, call.is_outgoing()), call.id);
        self.calls.insert(call.id, call);
    }

    /// Lets a call take a step, then sends, tells and forgets what came of it. Returns false if there is no such call.
    fn with_call(&mut self, id: CallId, now: Mono, step: impl FnOnce(&mut Call, &mut Ctx<'_>)) -> bool {
        let Some(call) = self.calls.get_mut(&id) else { return false };
        let mut out = Outbox::default();
        let mut ctx = Ctx {
            config: &self.config,
            channels: &mut self.channels,
            out: &mut out,
            counters: &mut self.counters,
            now,
            link_up: self.link_up,
        };
        step(call, &mut ctx);
        if call.state == CallState::Null {
            let key = (call.call_ref.value, call.is_outgoing());
            self.by_ref.remove(&key);
            self.calls.remove(&id);
        }
        for message in out.messages {
            self.link.handle(lapd::Input::Send(&message), now);
        }
        self.outputs.extend(out.events.into_iter().map(Output::Event));
        for timeslot in out.doubtful {
            self.restart(RestartTarget::Channel(timeslot), now);
        }
        true
    }

    fn each_call(&mut self, now: Mono, step: impl Fn(&mut Call, &mut Ctx<'_>)) {
        let ids: Vec<CallId> = self.calls.keys().copied().collect();
        for id in ids {
            self.with_call(id, now, &step);
        }
    }

    fn block(&mut self, timeslot: Timeslot, blocked: bool) {
        let before = self.channels.state(timeslot);
        if !self.channels.set_blocked(timeslot, blocked) {
            return self.ignored();
        }
        if self.channels.state(timeslot) != before {
            self.tell_channel(timeslot);
        }
    }

    fn tell_channel(&mut self, timeslot: Timeslot) {
        if let Some(state) = self.channels.state(timeslot) {
            self.tell(PriEvent::Channel { timeslot, state });
        }
    }

    fn tell(&mut self, event: PriEvent) {
        self.outputs.push_back(Output::Event(event));
    }

    fn ignored(&mut self) {
        self.counters.requests_ignored += 1;
        self.tell(PriEvent::Notice(Notice::RequestIgnored));
    }

    /// Returns what `timeslot` is fit for; none if it is no B-channel.
    pub fn channel(&self, timeslot: Timeslot) -> Option<ChannelState> {
        self.channels.state(timeslot)
    }
}
