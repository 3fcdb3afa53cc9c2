//! Telephones on FXS ports as legs: lifting is an offer or an answer, keys before the answer are a number.
//!
//! A telephone whose call has ended while it is still lifted hears a tone that says why, until it is put down.

use card::LineOrder;
use cas::fxs;
use clock::Mono;
use link::{Cause, Event, LegId, LegState};
use rt::{Source, Tone};
use tdm::{ChannelId, HookState};

use crate::legs::{Leg, Way};
use crate::machine::Machine;

impl Machine {
    pub(crate) fn hook(&mut self, channel: ChannelId, state: HookState, now: Mono) {
        self.tell_port(channel, fxs::Input::Hook(state), now);
    }

    pub(crate) fn phone_timeouts(&mut self, now: Mono) {
        let due = |port: &fxs::FxsPort| port.poll_timeout().is_some_and(|due| due <= now);
        let ports = self.phones.iter().filter(|(_, phone)| due(&phone.port)).map(|(channel, _)| *channel);
        for channel in ports.collect::<Vec<_>>() {
            self.tell_port(channel, fxs::Input::Timeout, now);
        }
    }

    pub(crate) fn tell_port(&mut self, channel: ChannelId, input: fxs::Input, now: Mono) {
        let Some(phone) = self.phones.get_mut(&channel) else {
            return;
        };
        phone.port.handle(input, now);
        let cadence = phone.cadence;
        while let Some(output) = self.phones.get_mut(&channel).and_then(|phone| phone.port.poll_output()) {
            let leg = self.phones.get(&channel).and_then(|phone| phone.leg);
            match output {
                fxs::Output::Ringing(on) => {
                    self.tell_line(LineOrder::Ring { channel, cadence: on.then_some(cadence) });
                }
                fxs::Output::Seized => self.seized(channel, now),
                fxs::Output::Answered => self.phone_answered(leg, now),
                fxs::Output::Busy => {
                    if let Some(leg) = leg {
                        self.finish(leg, Cause::BUSY, true, now);
                    }
                }
                fxs::Output::HungUp => match leg {
                    Some(leg) => self.finish(leg, Cause::NORMAL, true, now),
                    None => self.port_source(channel, Source::Silence),
                },
                // Recall has no meaning before there is hold and transfer.
                fxs::Output::Flash => tracing::debug!(%channel, "recall"),
            }
        }
    }

    fn seized(&mut self, channel: ChannelId, now: Mono) {
        if !self.has_room() {
            self.refused_calls += 1;
            return self.port_source(channel, Source::Tone(Tone::Congestion));
        }
        let id = self.next_leg();
        let mut leg = Leg::new(id, Way::Phone(channel), true, now);
        leg.complete = false;
        leg.hold_until = Some(now + self.config.hold);
        self.legs.insert(id, leg);
        if let Some(phone) = self.phones.get_mut(&channel) {
            phone.leg = Some(id);
        }
        self.set_channel(id, channel);
        self.play_tone(id, Tone::Dial, now);
        let (called, calling) = (String::new(), String::new());
        self.event(
            Event::Offer { leg: id, channel, called, calling, restricted: false, complete: false },
            now,
        );
    }

    fn phone_answered(&mut self, leg: Option<LegId>, now: Mono) {
        if let Some(leg) = leg.and_then(|id| self.legs.get_mut(&id)) {
            leg.state = LegState::Answered;
            leg.answered = Some(now);
            let id = leg.id;
            self.event(Event::Answered { leg: id }, now);
        }
    }

    /// Takes a key as a digit of the number that a lifted telephone dials; false if it does not dial.
    pub(crate) fn dial_digit(&mut self, id: LegId, digit: char, now: Mono) -> bool {
        let Some(leg) = self.legs.get_mut(&id) else {
            return false;
        };
        let dials = matches!(leg.way, Way::Phone(_)) && leg.incoming && leg.state == LegState::Offered;
        if !dials || leg.complete || leg.called.len() >= link::MAX_NUMBER {
            return false;
        }
        let first = leg.called.is_empty();
        leg.complete = digit == '#';
        let digits = if leg.complete { String::new() } else { digit.to_string() };
        leg.called.push_str(&digits);
        let complete = leg.complete;
        if first {
            self.send(id, Source::Silence);
        }
        self.event(Event::Dialled { leg: id, digits, complete }, now);
        true
    }

    /// Rings a telephone for a new leg.
    pub(crate) fn ring(&mut self, id: LegId, channel: ChannelId, now: Mono) {
        self.set_channel(id, channel);
        let out_of_order = self.spans.get(&channel.span).is_none_or(|span| span.alarms.blocks_calls());
        let Some(phone) = self.phones.get_mut(&channel).filter(|_| !out_of_order) else {
            return self.finish(id, Cause::OUT_OF_ORDER, true, now);
        };
        if phone.leg.is_some() || !phone.port.is_free() {
            return self.finish(id, Cause::BUSY, true, now);
        }
        phone.leg = Some(id);
        self.tell_port(channel, fxs::Input::Ring, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.state = LegState::Alerting;
            self.event(Event::Proceeding { leg: id, channel }, now);
            self.event(Event::Alerting { leg: id, inband: false }, now);
        }
    }

    /// Ends a telephone's leg from our side.
    pub(crate) fn hang_up_phone(&mut self, id: LegId, channel: ChannelId, cause: Cause, now: Mono) {
        self.finish(id, cause, false, now);
        if self.phones.get(&channel).is_some_and(|phone| phone.port.is_off_hook()) {
            self.port_source(channel, Source::Tone(tone_of(cause)));
        }
    }

    /// Stops the ringing of a telephone whose leg is gone.
    pub(crate) fn leave_phone(&mut self, id: LegId, channel: ChannelId, now: Mono) {
        if let Some(phone) = self.phones.get_mut(&channel).filter(|phone| phone.leg == Some(id)) {
            phone.leg = None;
            self.tell_port(channel, fxs::Input::StopRing, now);
        }
    }
}

/// Returns what a caller hears for a cause.
fn tone_of(cause: Cause) -> Tone {
    match cause {
        Cause::UNALLOCATED | Cause::BAD_NUMBER | Cause::OUT_OF_ORDER => Tone::Unobtainable,
        Cause::NO_CHANNEL
        | Cause::NETWORK_DOWN
        | Cause::TEMPORARY
        | Cause::CONGESTION
        | Cause::NO_RESOURCE => Tone::Congestion,
        Cause(_) => Tone::Busy,
    }
}
