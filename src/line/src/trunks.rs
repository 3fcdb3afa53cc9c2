//! Calls on primary rate spans as legs.

use clock::Mono;
use isdn::event::{CallId, Request, RestartTarget, Setup};
use isdn::event::{
    ChannelChoice, ChannelState, Input as PriInput, Notice, Offer, Output as PriOutput, PriEvent,
};
use isdn::wire::{BearerCapability, Digits, PartyNumber, Presentation};
use link::{Cause, Event, LegId, LegState};
use tdm::{ChannelId, SpanId, Timeslot};

use crate::legs::{Leg, Way};
use crate::machine::{Machine, Output, PROCEED_AFTER, RING_AFTER};

impl Machine {
    pub(crate) fn frame(&mut self, span: SpanId, octets: &[u8], now: Mono) {
        self.tell_pri(span, PriInput::Frame(octets), now);
    }

    pub(crate) fn line_up(&mut self, span: SpanId, up: bool, now: Mono) {
        self.tell_pri(span, if up { PriInput::LineUp } else { PriInput::LineDown }, now);
    }

    pub(crate) fn ask(&mut self, span: SpanId, request: Request, now: Mono) {
        self.tell_pri(span, PriInput::Request(request), now);
    }

    pub(crate) fn trunk_timeouts(&mut self, now: Mono) {
        let due = |span: &crate::machine::Span| {
            span.pri.as_ref().and_then(|pri| pri.poll_timeout()).is_some_and(|(due, _)| due <= now)
        };
        let spans = self.spans.iter().filter(|(_, span)| due(span)).map(|(id, _)| *id);
        for span in spans.collect::<Vec<_>>() {
            self.tell_pri(span, PriInput::Timeout, now);
        }
    }

    fn tell_pri(&mut self, id: SpanId, input: PriInput<'_>, now: Mono) {
        let Some(pri) = self.spans.get_mut(&id).and_then(|span| span.pri.as_mut()) else {
            return;
        };
        pri.handle(input, now);
        while let Some(output) = self.spans.get_mut(&id).and_then(|span| span.pri.as_mut()?.poll_output()) {
            match output {
                PriOutput::Frame(frame) => self.outputs.push_back(Output::Frame { span: id, frame }),
                PriOutput::Event(event) => self.pri_event(id, event, now),
            }
        }
    }

    fn pri_event(&mut self, span: SpanId, event: PriEvent, now: Mono) {
        match event {
            PriEvent::Up => self.dchannel(span, true, now),
            PriEvent::Down => self.dchannel(span, false, now),
            PriEvent::Offer(offer) => self.offered(span, &offer, now),
            PriEvent::Digits { call, digits, complete } => {
                self.more_digits(span, call, &digits, complete, now)
            }
            PriEvent::SetupAcknowledged { call, channel, .. } => {
                self.chosen(span, call, Some(channel));
            }
            PriEvent::Proceeding { call, channel, inband } => {
                self.proceeding(span, call, channel, inband, now)
            }
            PriEvent::Progress { call, channel, inband } => {
                if let Some(leg) = self.chosen(span, call, channel).filter(|_| inband) {
                    self.event(Event::Progress { leg }, now);
                }
            }
            PriEvent::Alerting { call, channel, inband } => {
                if let Some(leg) = self.taken(span, call, channel, now) {
                    self.set_state(leg, LegState::Alerting);
                    self.event(Event::Alerting { leg, inband }, now);
                }
            }
            PriEvent::Answered { call, channel, connected: _ } => {
                if let Some(leg) = self.taken(span, call, channel, now) {
                    self.mark_answered(leg, now);
                }
            }
            // Our CONNECT has arrived: the leg counts as answered since we sent it.
            PriEvent::Connected { .. } => {}
            PriEvent::Disconnected { call, cause, inband, .. } => {
                // We have nobody who would listen to the tone.
                if inband {
                    self.ask(span, Request::Release { call, cause }, now);
                }
            }
            PriEvent::Released { call, cause, .. } => self.released(span, call, Cause(cause.value()), now),
            PriEvent::Channel { timeslot, state } => self.channel_state(span, timeslot, state),
            PriEvent::Notice(Notice::PeerRestarted) => {
                tracing::info!(%span, "the other side has restarted channels");
            }
            PriEvent::Notice(notice) => {
                if let Some(known) = self.spans.get_mut(&span) {
                    known.oddities.note(span, notice, now);
                }
            }
        }
    }

    fn dchannel(&mut self, id: SpanId, up: bool, now: Mono) {
        let Some(span) = self.spans.get_mut(&id) else {
            return;
        };
        tracing::info!(span = %id, up, "D-channel");
        span.dchannel = Some(up);
        span.changed = true;
        if up {
            let doubtful = std::mem::take(&mut span.doubtful);
            self.restart_doubtful(id, doubtful, now);
        }
    }

    /// Tells the exchange of the calls that ended while it could not be told: it may hold their channels for ever. One
    /// RESTART does for all channels if no call is left on them. Source: ITU-T Q.931 (05/98) 5.5.
    fn restart_doubtful(&mut self, id: SpanId, doubtful: u32, now: Mono) {
        if doubtful == 0 {
            return;
        }
        tracing::info!(span = %id, channels = doubtful.count_ones(), "channels in doubt are restarted");
        let in_use = self.pri_legs.keys().any(|(span, _)| *span == id);
        if !in_use {
            return self.ask(id, Request::Restart(RestartTarget::All), now);
        }
        for timeslot in (1..=32).map(Timeslot).filter(|timeslot| doubtful & bit_of(*timeslot) != 0) {
            self.ask(id, Request::Restart(RestartTarget::Channel(timeslot)), now);
        }
    }

    fn channel_state(&mut self, id: SpanId, timeslot: Timeslot, state: ChannelState) {
        let Some(span) = self.spans.get_mut(&id) else {
            return;
        };
        let bit = bit_of(timeslot);
        let before = span.blocked;
        match state {
            ChannelState::Idle | ChannelState::Busy(_) => span.blocked &= !bit,
            ChannelState::Restarting | ChannelState::Blocked | ChannelState::OutOfService => {
                span.blocked |= bit
            }
        }
        span.changed |= span.blocked != before;
    }

    fn offered(&mut self, span: SpanId, offer: &Offer, now: Mono) {
        let call = offer.call;
        if !self.has_room() {
            self.refused_calls += 1;
            tracing::warn!(%span, "a call was refused: no room, or the switch does not keep up");
            let request = Request::Disconnect { call, cause: pri_cause(Cause::CONGESTION), inband: false };
            return self.ask(span, request, now);
        }
        let id = self.next_leg();
        let mut leg = Leg::new(id, Way::Pri { span, call }, true, now);
        leg.called = offer.called.digits.as_str().into();
        leg.complete = offer.complete;
        if let Some(calling) = &offer.calling {
            leg.calling = calling.digits.as_str().into();
            leg.restricted = calling.presentation.is_some_and(|(p, _)| p == Presentation::Restricted);
        }
        leg.proceed_at = offer.complete.then_some(now + PROCEED_AFTER);
        leg.hold_until = Some(now + self.config.hold);
        leg.ring_at = offer.complete.then_some(now + RING_AFTER);
        let event = Event::Offer {
            leg: id,
            channel: ChannelId { span, timeslot: offer.channel },
            called: leg.called.clone(),
            calling: leg.calling.clone(),
            restricted: leg.restricted,
            complete: leg.complete,
        };
        self.legs.insert(id, leg);
        self.pri_legs.insert((span, call), id);
        self.set_channel(id, ChannelId { span, timeslot: offer.channel });
        if !offer.complete {
            self.ask(span, Request::SetupAck { call, inband: false }, now);
        }
        self.event(event, now);
        self.hold_if_alone(id, now);
    }

    /// A call that arrives while no switch is there is told to proceed and waits.
    fn hold_if_alone(&mut self, id: LegId, now: Mono) {
        if self.attachment.attached {
            return;
        }
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.complete) else {
            return;
        };
        leg.ring_at = Some(now + RING_AFTER);
        self.proceed(id, now);
    }

    fn more_digits(&mut self, span: SpanId, call: CallId, digits: &Digits, complete: bool, now: Mono) {
        let Some(id) = self.pri_legs.get(&(span, call)).copied() else {
            return;
        };
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let room = link::MAX_NUMBER.saturating_sub(leg.called.len());
        let digits: String = digits.as_str().chars().take(room).collect();
        leg.called.push_str(&digits);
        leg.complete |= complete;
        self.event(Event::Dialled { leg: id, digits, complete }, now);
        if complete {
            self.hold_if_alone(id, now);
        }
    }

    /// Notes the channel of a call and returns its leg.
    fn chosen(&mut self, span: SpanId, call: CallId, channel: Option<Timeslot>) -> Option<LegId> {
        let id = self.pri_legs.get(&(span, call)).copied()?;
        if let Some(timeslot) = channel {
            self.set_channel(id, ChannelId { span, timeslot });
        }
        Some(id)
    }

    /// Notes the channel of a call that rings or is answered, tells it if it was not known, and returns the leg.
    fn taken(&mut self, span: SpanId, call: CallId, timeslot: Timeslot, now: Mono) -> Option<LegId> {
        let id = self.pri_legs.get(&(span, call)).copied()?;
        let known = self.legs.get(&id).is_some_and(|leg| leg.channel.is_some());
        self.chosen(span, call, Some(timeslot));
        if !known {
            self.event(Event::Proceeding { leg: id, channel: ChannelId { span, timeslot } }, now);
        }
        Some(id)
    }

    fn proceeding(&mut self, span: SpanId, call: CallId, timeslot: Timeslot, inband: bool, now: Mono) {
        let Some(leg) = self.chosen(span, call, Some(timeslot)) else {
            return;
        };
        self.event(Event::Proceeding { leg, channel: ChannelId { span, timeslot } }, now);
        if inband {
            self.event(Event::Progress { leg }, now);
        }
    }

    fn released(&mut self, span: SpanId, call: CallId, cause: Cause, now: Mono) {
        if let Some(id) = self.pri_legs.get(&(span, call)).copied() {
            let by_line = self.legs.get(&id).is_some_and(|leg| leg.cause.is_none());
            let channel = self.legs.get(&id).and_then(|leg| leg.channel);
            if let (Some(channel), Some(known)) = (channel, self.spans.get_mut(&span))
                && known.dchannel == Some(false)
            {
                known.doubtful |= bit_of(channel.timeslot);
            }
            self.finish(id, cause, by_line, now);
        }
    }

    /// Calls out on the first of `spans` that works and has a channel free.
    pub(crate) fn dial_out(&mut self, id: LegId, spans: &[SpanId], called: &str, calling: &str, now: Mono) {
        let works = |id: &&SpanId| {
            let alive = |span: &crate::machine::Span| match span.dchannel {
                Some(up) => up,
                None => self.has_living_line(**id),
            };
            self.spans.get(*id).is_some_and(|span| !span.alarms.blocks_calls() && alive(span))
        };
        let working: Vec<SpanId> = spans.iter().filter(works).copied().collect();
        let free = |span: &&SpanId| {
            self.free_line(id, **span).is_some()
                || self.spans.get(*span).is_some_and(crate::machine::Span::has_free_channel)
        };
        let chosen = working.iter().find(free).copied();
        if let Some(channel) = chosen.and_then(|span| self.free_line(id, span)) {
            return self.dial_on_line(id, channel, spans, (called, calling), now);
        }
        let Some(span) = chosen else {
            let cause = if working.is_empty() { Cause::NETWORK_DOWN } else { Cause::NO_CHANNEL };
            return self.finish(id, cause, true, now);
        };
        let (Some(called), Some(calling)) = (Digits::new(called), Digits::new(calling)) else {
            return self.finish(id, Cause::BAD_NUMBER, true, now);
        };
        let Some((call, law)) = self.spans.get_mut(&span).and_then(crate::machine::Span::next_call) else {
            return;
        };
        let bearer = BearerCapability::audio(law);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.way = Way::Pri { span, call };
        }
        self.pri_legs.insert((span, call), id);
        let setup = Setup {
            call,
            called: PartyNumber::called(called),
            calling: (!calling.is_empty()).then(|| PartyNumber::calling(calling)),
            name: None,
            channel: ChannelChoice::Any,
            sending_complete: true,
            bearer,
        };
        self.ask(span, Request::Setup(Box::new(setup)), now);
    }
}

/// Returns the bit of a timeslot: bit 0 is timeslot 1.
pub(crate) fn bit_of(timeslot: Timeslot) -> u32 {
    1 << (timeslot.0.clamp(1, 32) - 1)
}

/// Returns a cause as Q.931 carries it.
pub(crate) fn pri_cause(cause: Cause) -> isdn::Cause {
    isdn::Cause::new(cause.0)
}
