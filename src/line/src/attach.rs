//! The switch comes and goes: census, events, and what is done while nobody decides.

use std::collections::VecDeque;

use clock::{Mono, WallAnchor};
use link::{Event, LegId, LegState, PROTOCOL, ToSwitch};

use crate::machine::{MAX_ENDED, Machine, Output, RING_AFTER};

/// How the machine stands to the switch.
#[derive(Debug, Default)]
pub(crate) struct Attachment {
    pub attached: bool,
    session: u16,
    seq: u64,
    /// How recordings ended while no switch was there.
    untold: VecDeque<Event>,
}

impl Machine {
    /// A switch is there: it gets all there is, then every event.
    pub(crate) fn attach(&mut self, anchor: WallAnchor, now: Mono) {
        let session = self.attachment.session.wrapping_add(1).max(1);
        let untold = std::mem::take(&mut self.attachment.untold);
        self.attachment = Attachment { attached: true, session, seq: 0, untold: VecDeque::new() };
        tracing::info!(session, legs = self.legs.len(), "the switch is attached");
        let epoch = self.config.epoch;
        self.say(ToSwitch::Hello { protocol: PROTOCOL, epoch, session, anchor });
        let spans: Vec<_> = self.spans.values().map(Self::span_census).collect();
        spans.into_iter().for_each(|span| self.say(ToSwitch::Span(span)));
        let legs: Vec<_> = self.legs.values().map(|leg| leg.census()).collect();
        legs.into_iter().for_each(|leg| self.say(ToSwitch::Leg(leg)));
        let ended: Vec<_> = self.ended.values().cloned().collect();
        ended.into_iter().for_each(|leg| self.say(ToSwitch::Ended(leg)));
        self.say(ToSwitch::CensusEnd);
        untold.into_iter().for_each(|event| self.event(event, now));
        for leg in self.legs.values_mut() {
            leg.digits.clear();
            leg.ring_at = None;
            // A call that even this switch does not decide about is given up.
            let undecided = leg.incoming && leg.note.is_empty() && leg.state != LegState::Answered;
            leg.hold_until = undecided.then_some(now + self.config.hold);
        }
    }

    /// The switch is gone: what talks goes on, what waits is held.
    pub(crate) fn detach(&mut self, now: Mono) {
        if !std::mem::take(&mut self.attachment.attached) {
            return;
        }
        tracing::warn!(legs = self.legs.len(), "the switch is away: calls go on and new ones are held");
        let until = now + self.config.hold;
        for leg in self.legs.values_mut() {
            let waits = leg.peer.is_none() || leg.state != LegState::Answered;
            if waits && leg.state != LegState::Ending {
                leg.hold_until.get_or_insert(until);
                let silent = matches!(leg.state, LegState::Offered | LegState::Proceeding);
                leg.ring_at = (silent && leg.incoming && leg.complete).then_some(now + RING_AFTER);
            }
        }
    }

    /// Tells the switch what has happened, or the next one, if it is not in the census.
    pub(crate) fn event_or_later(&mut self, event: Event, now: Mono) {
        if self.attachment.attached {
            return self.event(event, now);
        }
        if self.attachment.untold.len() == MAX_ENDED {
            self.attachment.untold.pop_front();
        }
        self.attachment.untold.push_back(event);
    }

    /// Tells the switch what has happened, if there is one.
    pub(crate) fn event(&mut self, event: Event, now: Mono) {
        if self.attachment.attached {
            self.attachment.seq += 1;
            let seq = self.attachment.seq;
            self.say(ToSwitch::Event { seq, at: now, event });
        }
    }

    pub(crate) fn refuse(&mut self, leg: LegId, why: &str, now: Mono) {
        tracing::warn!(%leg, why, "an order could not be carried out");
        self.event(Event::Refused { leg, why: why.into() }, now);
    }

    fn say(&mut self, message: ToSwitch) {
        self.outputs.push_back(Output::ToSwitch(message));
    }
}
