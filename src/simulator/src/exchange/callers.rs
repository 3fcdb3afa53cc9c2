//! Callers on their lines: how they come, what Tandem does with their calls, how these end.

use core::time::Duration;
use std::collections::BTreeSet;

use clock::Mono;
use isdn::cause::Cause;
use isdn::config::Side;
use isdn::event::{CallId, ChannelChoice, Request, Setup};
use isdn::wire::{BearerCapability, Digits, PartyNumber};
use tdm::{ChannelId, SpanId};

use super::agenda::Who;
use super::{Act, Exchange, MAX_CALLERS};
use crate::people::{Caller, CallerInput, CallerOutput, Role, Voice, exponential};
use crate::truth::{Event, Party};

/// What every caller's number begins with; the number of the call follows, so that no two are the same.
const NUMBER_PREFIX: &str = "139";

/// By what a caller reaches Tandem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Via {
    /// A call on a PRI span.
    Pri { span: SpanId, call: CallId },
    /// A subscriber line.
    Loop,
}

/// A caller with the call.
#[derive(Debug)]
pub(crate) struct Line {
    pub person: Caller,
    pub number: String,
    pub kind: u8,
    pub via: Via,
    pub channel: ChannelId,
    pub accepted: bool,
    pub answered: bool,
    /// Who began to clear it.
    pub cleared: Option<Party>,
}

impl Line {
    pub fn voice(&self, id: u32) -> Voice {
        Voice { role: Role::Caller, kind: self.kind, person: id }
    }
}

impl Exchange {
    pub(crate) fn next_arrival(&mut self, now: Mono) {
        let rate = self.config.habits.calls_per_hour;
        if rate > 0.0 {
            let mean = Duration::from_secs_f64(3_600.0 / rate);
            let after = exponential(mean, &mut self.arrivals);
            self.agenda.set(Who::Arrivals, Some(now + after));
        }
    }

    /// A caller comes and dials.
    pub(crate) fn arrive(&mut self, now: Mono) {
        if self.lines.len() >= self.config.habits.max_callers.min(MAX_CALLERS) {
            self.counters.held_back += 1;
            return;
        }
        // Everything is drawn before it is known whether there is a channel, so that this shifts nobody's chance.
        let prng = self.arrivals.fork();
        let kind = self.draw_kind();
        let called = self.draw_called();
        self.next_caller += 1;
        let id = self.next_caller;
        let number = format!("{NUMBER_PREFIX}{id:08}");
        let Some((via, channel)) = self.set_up(&called, &number, now) else {
            return self.tell(Event::Blocked { number, called }, now);
        };
        let called = match via {
            Via::Pri { .. } => called,
            Via::Loop => {
                self.config.loops.get(&channel.span).map_or(called, |service| service.number.clone())
            }
        };
        let habits = &self.config.habits;
        let person = Caller::new(habits, &habits.kinds[usize::from(kind)], prng, now);
        self.agenda.set(Who::Caller(id), person.poll_timeout());
        let told = number.clone();
        let line =
            Line { person, number, kind, via, channel, accepted: false, answered: false, cleared: None };
        self.lines.insert(id, line);
        if let Via::Pri { span, call } = via {
            self.calls.insert((span, call), Who::Caller(id));
        }
        self.channels.insert(channel, Who::Caller(id));
        self.tell(Event::Offered { call: id, number: told, called, channel }, now);
        self.tell(Event::Channel { channel, busy: true }, now);
        match via {
            Via::Pri { span, .. } => self.pri_drain(span, now),
            Via::Loop => self.ring_loop(id, channel, now),
        }
    }

    fn draw_kind(&mut self) -> u8 {
        let kinds = &self.config.habits.kinds;
        let total: u64 = kinds.iter().map(|kind| u64::from(kind.weight)).sum();
        let mut draw = self.arrivals.below(total);
        for (index, kind) in kinds.iter().enumerate() {
            if draw < u64::from(kind.weight) {
                return u8::try_from(index).unwrap_or(0);
            }
            draw -= u64::from(kind.weight);
        }
        0
    }

    fn draw_called(&mut self) -> String {
        let called = &self.config.habits.called;
        let draw = self.arrivals.below(called.len() as u64);
        usize::try_from(draw).ok().and_then(|index| called.get(index)).cloned().unwrap_or_default()
    }

    /// Sends a SETUP on the next span that has a channel free, or finds a line.
    fn set_up(&mut self, called: &str, number: &str, now: Mono) -> Option<(Via, ChannelId)> {
        let (called, calling) = (Digits::new(called)?, Digits::new(number)?);
        let span = self.next_span(now)?;
        if let Some(channel) = self.idle_loop(span, now) {
            return Some((Via::Loop, channel));
        }
        let trunk = self.trunks.get_mut(&span)?;
        let call = trunk.pri.next_call();
        let setup = Setup {
            call,
            called: PartyNumber::called(called),
            calling: Some(PartyNumber::calling(calling)),
            name: None,
            channel: ChannelChoice::Any,
            sending_complete: true,
            bearer: BearerCapability::audio(trunk.kind.law),
        };
        trunk.pri.handle(isdn::event::Input::Request(Request::Setup(Box::new(setup))), now);
        let timeslot = trunk.pri.calls().find(|known| known.call == call)?.channel?;
        Some((Via::Pri { span, call }, ChannelId { span, timeslot }))
    }

    /// Returns the next span in turn that works and has a channel free.
    fn next_span(&mut self, now: Mono) -> Option<SpanId> {
        let free = |trunk: &super::Trunk| {
            let channels = trunk.pri.channels();
            trunk.up
                && trunk.kind.side == Side::Network
                && channels.timeslots().any(|timeslot| channels.is_free(timeslot))
        };
        let spans = self.trunks.iter().filter(|(_, trunk)| free(trunk)).map(|(span, _)| *span);
        let lines = self.loops_up.iter().filter(|span| self.idle_loop(**span, now).is_some()).copied();
        let free: BTreeSet<SpanId> = spans.chain(lines).collect();
        let after = free.iter().find(|span| Some(**span) > self.last_span);
        let span = after.or(free.first()).copied()?;
        self.last_span = Some(span);
        Some(span)
    }

    pub(crate) fn accepted(&mut self, id: u32, now: Mono) {
        if let Some(line) = self.lines.get_mut(&id).filter(|line| !line.accepted) {
            line.accepted = true;
            self.tell(Event::Accepted { call: id }, now);
        }
    }

    pub(crate) fn alerting(&mut self, id: u32, now: Mono) {
        self.accepted(id, now);
        self.tell(Event::Alerting { call: id }, now);
    }

    pub(crate) fn answered(&mut self, id: u32, now: Mono) {
        self.accepted(id, now);
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.cleared.is_none()) else {
            return;
        };
        line.answered = true;
        let channel = line.channel;
        self.tell(Event::Answered { call: id }, now);
        self.caller(id, CallerInput::Answered, now);
        self.look_for_talk(channel, now);
    }

    pub(crate) fn caller_due(&mut self, id: u32, now: Mono) {
        self.caller(id, CallerInput::Timeout, now);
    }

    /// Tells a caller something and does what comes of it.
    pub(crate) fn caller(&mut self, id: u32, input: CallerInput, now: Mono) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.cleared.is_none()) else {
            return;
        };
        line.person.handle(input, now);
        while let Some(output) = self.lines.get_mut(&id).and_then(|line| line.person.poll_output()) {
            match output {
                CallerOutput::Press(key) => {
                    self.tell(Event::Key { call: id, key }, now);
                    if let Some(channel) = self.lines.get(&id).map(|line| line.channel) {
                        self.act(channel, Act::Key(key));
                    }
                }
                CallerOutput::Waits => self.tell(Event::Waits { call: id }, now),
                CallerOutput::HangUp => self.hang_up(id, now),
            }
        }
        let due = self.lines.get(&id).and_then(|line| line.person.poll_timeout());
        self.agenda.set(Who::Caller(id), due);
    }

    fn hang_up(&mut self, id: u32, now: Mono) {
        let Some((via, channel)) = self.lines.get(&id).map(|line| (line.via, line.channel)) else {
            return;
        };
        let cause = Cause::NORMAL_CLEARING;
        self.clear_line(id, Party::Caller, cause.value(), now);
        match via {
            Via::Pri { span, call } => {
                self.ask(span, Request::Disconnect { call, cause, inband: false }, now);
            }
            Via::Loop => {
                if self.loop_left(channel, now) {
                    self.line_ended(id, cause.value(), now);
                }
            }
        }
    }

    /// One side has begun to clear a caller's call.
    pub(crate) fn clear_line(&mut self, id: u32, by: Party, cause: u8, now: Mono) {
        let Some(line) = self.lines.get_mut(&id).filter(|line| line.cleared.is_none()) else {
            return;
        };
        line.cleared = Some(by);
        let channel = line.channel;
        self.agenda.set(Who::Caller(id), None);
        self.tell(Event::HungUp { call: id, by, cause }, now);
        self.act(channel, Act::Hush);
        self.caller_left(id, now);
    }

    /// A caller's call is over.
    pub(crate) fn line_ended(&mut self, id: u32, cause: u8, now: Mono) {
        let by = match self.lines.get(&id).and_then(|line| line.cleared) {
            Some(by) => by,
            None => self.who_released(id, cause),
        };
        self.clear_line(id, by, cause, now);
        let Some(line) = self.lines.remove(&id) else {
            return;
        };
        self.channels.remove(&line.channel);
        self.hears.remove(&line.channel);
        self.tell(Event::Ended { call: id, by, cause }, now);
        self.tell(Event::Channel { channel: line.channel, busy: false }, now);
    }

    /// Tells who released a call that nobody had disconnected before.
    fn who_released(&self, id: u32, cause: u8) -> Party {
        let up = self.lines.get(&id).is_some_and(|line| self.is_up(line.channel.span));
        let by_timer = cause == Cause::TIMER_EXPIRED.value();
        if up && !by_timer { Party::Tandem } else { Party::Exchange }
    }
}
