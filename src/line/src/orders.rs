//! The switch's orders, carried out on legs of either kind.

use clock::Mono;
use isdn::event::Request;
use link::{Cause, Destination, Event, LegId, LegState, Order};
use rt::Tone;

use crate::legs::{Leg, Way};
use crate::machine::{Machine, TrunkConfig};
use crate::trunks::pri_cause;

impl Machine {
    pub(crate) fn carry_out(&mut self, order: Order, now: Mono) {
        let leg = order.leg();
        if let Some(leg) = self.legs.get_mut(&leg) {
            // The switch knows of it: from now on the switch's own deadlines count.
            (leg.hold_until, leg.ring_at) = (None, None);
        }
        match order {
            Order::Originate { leg, to, called, calling } => self.originate(leg, to, &called, &calling, now),
            Order::Forget { leg } => drop(self.ended.remove(&leg)),
            Order::Note { leg, note } => self.keep_note(leg, note, now),
            Order::StopRecording { recording } => self.stop_recording(recording.leg),
            // Its end is on the way to the switch.
            _other if !self.is_live(leg) => {}
            Order::Proceed { leg } => self.proceed(leg, now),
            Order::Alert { leg } => self.alert(leg, now),
            Order::Answer { leg } => self.answer(leg, now),
            Order::Play { leg, play, prompts, treatment } => self.play(leg, play, prompts, treatment, now),
            Order::StopPlay { leg } => self.stop_play(leg, false, now),
            Order::Connect { a, b } => self.connect_early(a, b, now),
            Order::Split { leg } => self.split(leg),
            Order::Record { leg, recording } => self.record(leg, recording, now),
            Order::SendDigits { leg, digits } => self.send_digits(leg, &digits, now),
            Order::Hangup { leg, cause } => self.hang_up(leg, cause, now),
        }
    }

    fn originate(&mut self, id: LegId, to: Destination, called: &str, calling: &str, now: Mono) {
        if self.legs.contains_key(&id) || self.ended.contains_key(&id) {
            return self.refuse(id, "a leg of this name exists", now);
        }
        let way = match &to {
            Destination::Port(channel) => Way::Phone(*channel),
            // The span is known once a channel is found; until then no call has this name.
            Destination::Trunk(_) => {
                Way::Pri { span: tdm::SpanId(u16::MAX), call: isdn::event::CallId(u64::MAX) }
            }
        };
        let mut leg = Leg::new(id, way, false, now);
        (leg.called, leg.calling) = (called.into(), calling.into());
        let full = self.legs.len() >= self.config.max_legs;
        self.legs.insert(id, leg);
        match to {
            _ if full => self.finish(id, Cause::CONGESTION, true, now),
            Destination::Port(channel) => self.ring(id, channel, now),
            Destination::Trunk(spans) => self.dial_out(id, &spans, called, calling, now),
        }
    }

    fn keep_note(&mut self, id: LegId, note: Vec<u8>, now: Mono) {
        if note.len() > link::MAX_NOTE {
            return self.refuse(id, "the note is too long", now);
        }
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.note = note;
        }
    }

    pub(crate) fn set_state(&mut self, id: LegId, state: LegState) {
        if let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.state != LegState::Ending) {
            leg.state = state;
        }
    }

    /// Tells the caller that the number is complete.
    pub(crate) fn proceed(&mut self, id: LegId, now: Mono) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.incoming && leg.state == LegState::Offered)
        else {
            return;
        };
        leg.state = LegState::Proceeding;
        leg.complete = true;
        leg.proceed_at = None;
        if let Way::Pri { span, call } = leg.way {
            self.ask(span, Request::Proceeding { call, inband: false }, now);
        }
    }

    pub(crate) fn alert(&mut self, id: LegId, now: Mono) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        let (way, answered) = (leg.way, leg.is_answered());
        if answered {
            return self.play_tone(id, Tone::Ringback, now);
        }
        if !leg.incoming {
            return;
        }
        self.proceed(id, now);
        self.set_state(id, LegState::Alerting);
        match way {
            Way::Phone(_) => self.play_tone(id, Tone::Ringback, now),
            // The exchange lets its caller hear the tone.
            Way::ExchangeLine(_) => {}
            Way::Pri { span, call } => {
                // The exchange's side of a span lets the caller hear the tone; towards an exchange it does so itself.
                let inband = self.is_network_side(span);
                if inband {
                    self.play_tone(id, Tone::Ringback, now);
                }
                self.ask(span, Request::Alerting { call, inband }, now);
            }
        }
    }

    fn is_network_side(&self, span: tdm::SpanId) -> bool {
        let trunk = self.spans.get(&span).and_then(|span| span.config.trunk.as_ref());
        match trunk {
            Some(TrunkConfig::Pri(pri)) => pri.side == isdn::config::Side::Network,
            Some(TrunkConfig::LoopStart(_)) | None => false,
        }
    }

    fn answer(&mut self, id: LegId, now: Mono) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.incoming && !leg.is_answered()) else {
            return;
        };
        leg.answer_wanted = true;
        if self.media_is_through(id) {
            self.answer_now(id, now);
        }
    }

    /// Answers a leg whose media is in effect.
    pub(crate) fn answer_now(&mut self, id: LegId, now: Mono) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.answer_wanted = false;
        leg.proceed_at = None;
        let way = leg.way;
        match way {
            Way::Pri { span, call } => self.ask(span, Request::Connect { call }, now),
            Way::ExchangeLine(channel) => self.answer_exchange_line(id, channel, now),
            Way::Phone(_) => {
                if self.legs.get(&id).is_some_and(|leg| leg.peer.is_none()) {
                    self.send(id, rt::Source::Silence);
                }
            }
        }
        self.mark_answered(id, now);
    }

    pub(crate) fn mark_answered(&mut self, id: LegId, now: Mono) {
        let peer = self.legs.get(&id).and_then(|leg| leg.peer);
        let talks = peer.and_then(|peer| self.legs.get(&peer)).is_some_and(Leg::is_answered);
        for id in [Some(id), peer].into_iter().flatten().filter(|_| talks) {
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.hold_until = None;
            }
        }
        if let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.answered.is_none()) {
            leg.answered = Some(now);
            self.set_state(id, LegState::Answered);
            self.event(Event::Answered { leg: id }, now);
        }
    }

    /// Connects two legs; a caller who is not answered yet is told that there is something to hear.
    fn connect_early(&mut self, a: LegId, b: LegId, now: Mono) {
        self.connect(a, b, now);
        let early = self.legs.get(&b).is_some_and(|leg| leg.peer == Some(a) && !leg.is_answered());
        if let Some(Leg { way: Way::Pri { span, call }, incoming: true, answered: None, .. }) =
            self.legs.get(&a)
            && early
        {
            let (span, call) = (*span, *call);
            self.ask(span, Request::Progress { call, inband: true }, now);
        }
    }

    /// Ends a leg from our side.
    pub(crate) fn hang_up(&mut self, id: LegId, cause: Cause, now: Mono) {
        let Some(leg) = self.legs.get_mut(&id).filter(|leg| leg.state != LegState::Ending) else {
            return;
        };
        leg.state = LegState::Ending;
        leg.cause = Some(cause);
        (leg.hold_until, leg.proceed_at, leg.ring_at, leg.answer_wanted) = (None, None, None, false);
        match leg.way {
            Way::Phone(channel) => self.hang_up_phone(id, channel, cause, now),
            Way::ExchangeLine(_) => self.finish(id, cause, false, now),
            Way::Pri { span, call } => {
                self.quiet(id, now);
                self.stop_recording(id);
                self.ask(span, Request::Disconnect { call, cause: pri_cause(cause), inband: false }, now);
            }
        }
    }
}
