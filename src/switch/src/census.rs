//! Taking over from a process that was killed: the census and the notes give the calls again.
//!
//! Every leg with a note is a call's first leg. A leg that no call claims and that arrived is a new call: it came while
//! nobody decided. One that we originated and no call claims has lost its purpose and is hung up. Callers come back into
//! their queues with the wait that they have, those in talk to their agents; an agent that was being rung for a caller by
//! the old process is rung no more, and the caller is the first in turn again.

use acd::Input as Acd;
use call::{Call, Found, From, Input as CallInput, Stage, Steps};
use clock::Mono;
use ivr::Input as FlowInput;
use link::{Cause, EndedLeg, LegCensus, LegId, LegState, Order, RecordingState};

use crate::centre;
use crate::entry::{Entry, Service, Visit};
use crate::machine::Machine;
use crate::view::{Outcome, Update};

/// The form of the notes; others are not read.
const NOTE_VERSION: u8 = 3;

/// A census while it comes in.
#[derive(Debug, Default)]
pub(crate) struct Census {
    pub legs: Vec<LegCensus>,
    pub ended: Vec<EndedLeg>,
}

/// A caller whom the dispatcher does not know yet.
struct Known {
    first: LegId,
    visit: Visit,
    /// With whom it talks.
    agent: Option<String>,
    talks: bool,
}

impl Census {
    fn find(&self, leg: LegId) -> Found<'_> {
        let live = self.legs.iter().find(|known| known.leg == leg).map(Found::Live);
        let ended = || self.ended.iter().find(|known| known.leg == leg).map(Found::Ended);
        live.or_else(ended).unwrap_or(Found::Nothing)
    }
}

/// Writes a call with its place in a flow as a note.
pub(crate) fn write_note(entry: &Entry) -> Vec<u8> {
    let mut note = vec![NOTE_VERSION];
    note.extend(postcard::to_stdvec(&(&entry.call, &entry.service)).expect("a call is plain data"));
    note
}

/// Reads a note; none if it is empty or of another form.
fn read_note(note: &[u8]) -> Option<(Call, Option<Service>)> {
    let (version, body) = note.split_first()?;
    (*version == NOTE_VERSION).then(|| postcard::from_bytes(body).ok()).flatten()
}

impl Machine {
    /// Replaces what is known of calls by what the census and its notes say.
    pub(crate) fn take_census(&mut self, census: Census, now: Mono) {
        let mut forgotten = std::mem::take(&mut self.calls);
        self.owners.clear();
        self.clear_deadlines();
        let noted = census.legs.iter().map(|leg| (leg.leg, &leg.note));
        let noted = noted.chain(census.ended.iter().map(|leg| (leg.leg, &leg.note)));
        let noted = noted.filter(|(leg, _)| !self.unstored.contains_key(leg));
        let calls: Vec<(Call, Option<Service>)> =
            noted.filter_map(|(leg, note)| read_note(note).filter(|(call, _)| call.first == leg)).collect();
        let mut known = Vec::new();
        for (call, service) in calls {
            let old = forgotten.remove(&call.first);
            known.extend(self.resume(call, service, old, &census, now));
        }
        for entry in forgotten.into_values() {
            self.lost(entry, now);
        }
        self.take_callers(known, now);
        for leg in &census.legs {
            if !self.owners.contains_key(&leg.leg) {
                self.adopt(leg, &census, now);
            }
        }
        for leg in census.ended {
            let kept = |legs: &Vec<LegId>| legs.contains(&leg.leg);
            let waits =
                self.unstored.values().any(kept) || self.calls.values().any(|entry| kept(&entry.unforgotten));
            if !waits {
                self.order(Order::Forget { leg: leg.leg });
            }
        }
    }

    /// Takes a call over. Returns its caller if it is in a queue's care and the dispatcher does not know it.
    fn resume(
        &mut self,
        call: Call,
        service: Option<Service>,
        old: Option<Entry>,
        census: &Census,
        now: Mono,
    ) -> Option<Known> {
        let (first, second, is_new) = (call.first, call.second, old.is_none());
        let mut entry = Entry::new(call, now);
        entry.service = service;
        if let Some(service) = &mut entry.service {
            service.offer = old.as_ref().and_then(|old| old.service.as_ref()).and_then(|old| old.offer);
            let kept = old.and_then(|old| old.flow);
            let flow = kept.or_else(|| self.config.flows.get(&service.flow).cloned());
            // The document may have changed since the call came to where it is.
            entry.flow = flow.filter(|flow| service.interpreter.fits(flow));
        }
        for leg in core::iter::once(first).chain(second) {
            match census.find(leg) {
                Found::Live(live) => {
                    entry.add_leg(live);
                    self.owners.insert(leg, first);
                    if let Some(recording) = live.recording {
                        entry.recording(&recording.to_string(), &RecordingState::Started);
                    }
                    if entry.call.stage == Stage::Talking {
                        entry.talking = entry.talking.max(live.answered);
                    }
                }
                Found::Ended(ended) => {
                    entry.add_ended(ended);
                    entry.unforgotten.push(leg);
                }
                Found::Nothing => {}
            }
        }
        entry.note = write_note(&entry);
        self.calls.insert(first, entry);
        self.find_flow(first, census.find(first), now);
        self.find_legs(first, census, now);
        if is_new {
            self.count_past(first);
        }
        let entry = self.calls.get(&first)?;
        let unknown = self.centre.acd.caller(centre::caller(first)).is_none();
        if unknown && !entry.call.is_over() { self.known(first, is_new, now) } else { None }
    }

    /// Counts the stays of a live call that have ended and that no record tells of yet. The talk that goes on is counted
    /// when the dispatcher hears of it.
    fn count_past(&mut self, first: LegId) {
        let Some(entry) = self.calls.get(&first).filter(|entry| !entry.call.is_over()) else {
            return;
        };
        let visits = entry.service.as_ref().map_or(&[][..], |service| &service.visits);
        let talks = entry.call.stage == Stage::Talking;
        let of_talk = |visit: &&Visit| talks && matches!(visit.outcome, None | Some(Outcome::Answered));
        let past = &visits[..visits.len() - usize::from(visits.last().filter(of_talk).is_some())];
        for visit in past {
            if let (Some(outcome), Some(left), Some(queue)) =
                (visit.outcome, visit.left, self.centre.queue_id(&visit.queue))
            {
                self.centre.acd.replay(queue, outcome, left - visit.entered);
            }
        }
    }

    /// Lets the flow make up for what has happened to its playing.
    fn find_flow(&mut self, first: LegId, found: Found<'_>, now: Mono) {
        let Some(entry) = self.calls.get(&first).filter(|entry| entry.service.is_some()) else {
            return;
        };
        match found {
            Found::Live(_) if entry.flow.is_none() => match entry.call.stage {
                Stage::Serving | Stage::Ringing { .. } => self.begin_again(first, now),
                // Who talks goes on, and hangs up when the talk is over.
                Stage::Talking
                | Stage::Dialling
                | Stage::Calling
                | Stage::Answering
                | Stage::Attendant { .. }
                | Stage::Announcing { .. }
                | Stage::Ending => {}
            },
            Found::Live(leg) => match entry.call.stage {
                Stage::Serving | Stage::Ringing { .. } => {
                    self.flow(first, FlowInput::Found(leg.playing), now);
                }
                Stage::Dialling
                | Stage::Calling
                | Stage::Answering
                | Stage::Attendant { .. }
                | Stage::Announcing { .. }
                | Stage::Talking
                | Stage::Ending => {}
            },
            Found::Ended(_) | Found::Nothing => {}
        }
    }

    /// Lets the call make up for what has happened to its legs.
    fn find_legs(&mut self, first: LegId, census: &Census, now: Mono) {
        let Some(entry) = self.calls.get_mut(&first) else {
            return;
        };
        let second = entry.call.second.map_or(Found::Nothing, |leg| census.find(leg));
        let mut steps = Steps::default();
        let plan = &self.config.plan;
        entry.call.resume(census.find(first), second, plan, &mut self.names, &mut steps, now);
        self.took(first, steps);
    }

    /// Returns the caller of a call that waits or talks, for a dispatcher that does not know it.
    fn known(&mut self, first: LegId, is_new: bool, now: Mono) -> Option<Known> {
        let entry = self.calls.get(&first)?;
        let service = entry.service.as_ref()?;
        let visit = service.visits.last()?.clone();
        let (stage, agent) = (entry.call.stage.clone(), service.agent.clone());
        match (stage, visit.outcome) {
            (Stage::Talking, None | Some(Outcome::Answered)) => {
                // The agent may have answered while nobody listened.
                self.end_visit(first, Outcome::Answered, now);
                is_new.then_some(Known { first, visit, agent, talks: true })
            }
            (Stage::Ringing { .. }, None) => {
                self.step(first, CallInput::GiveUp, now);
                self.service(first)?.agent = None;
                Some(Known { first, visit, agent: None, talks: false })
            }
            (Stage::Serving, None) => Some(Known { first, visit, agent: None, talks: false }),
            (
                Stage::Dialling
                | Stage::Calling
                | Stage::Answering
                | Stage::Attendant { .. }
                | Stage::Announcing { .. }
                | Stage::Serving
                | Stage::Ringing { .. }
                | Stage::Talking
                | Stage::Ending,
                _,
            ) => None,
        }
    }

    /// Tells the dispatcher of those who talk, then of those who wait, in order of arrival.
    fn take_callers(&mut self, mut known: Vec<Known>, now: Mono) {
        known.sort_by_key(|known| (!known.talks, known.visit.entered, known.first));
        for Known { first, visit, agent, talks } in known {
            let Some(queue) = self.centre.queue_id(&visit.queue) else {
                // Who talks goes on; who waits for a queue that is no more is told so.
                if !talks {
                    self.refused(first, now);
                }
                continue;
            };
            let caller = centre::caller(first);
            let waited = visit.left.unwrap_or(now) - visit.entered;
            let agent = agent.and_then(|name| self.centre.agent_id(&name));
            if talks && agent.is_none() {
                // With an agent who is no more, or no longer with one: it is counted and waits for nobody.
                self.centre.acd.replay(queue, Outcome::Answered, waited);
                self.centre.queue_changed(queue);
                continue;
            }
            let priority = acd::Priority::new(visit.priority);
            self.centre.acd.handle(Acd::Resume { caller, queue, priority, waited, agent }, now);
            // The agent may be busy otherwise, and one who waits may be offered at once: only talks are tied here.
            let offer = self.centre.acd.caller(caller).and_then(|(_, offer)| offer);
            if let (Some(agent), Some(offer)) = (agent, offer) {
                self.centre.offers.insert(offer, (first, agent));
                self.service(first).into_iter().for_each(|service| service.offer = Some(offer));
            }
        }
    }

    /// A call that we remember and the lines do not: it ended, and its end was forgotten or never told.
    fn lost(&mut self, mut entry: Entry, now: Mono) {
        let first = entry.call.first;
        entry.ended = Some(now);
        entry.call.lost(Cause::TEMPORARY);
        self.centre
            .acd
            .handle(Acd::Leave { caller: centre::caller(first), why: acd::LeaveReason::Abandoned }, now);
        if let Some(service) = &mut entry.service {
            service.leave(Outcome::Abandoned, now);
            service.agent = None;
            if let Some(offer) = service.offer.take() {
                self.centre.offers.remove(&offer);
            }
        }
        let call = entry.view(&self.anchor);
        self.update(Update::Call { call });
    }

    /// A leg that no call claims.
    fn adopt(&mut self, leg: &LegCensus, census: &Census, now: Mono) {
        let waiting = match leg.state {
            LegState::Offered | LegState::Proceeding | LegState::Alerting => true,
            LegState::Calling | LegState::Answered | LegState::Ending => false,
        };
        match (leg.channel, leg.connected) {
            (Some(channel), _) if leg.incoming && waiting => {
                self.offer(
                    leg.leg,
                    channel,
                    &leg.called,
                    (&leg.calling, leg.restricted),
                    leg.complete,
                    leg.since,
                    now,
                );
            }
            // Two who speak and of whom nobody remembers why: let them finish.
            (_, Some(other)) if !self.owners.contains_key(&other) => {
                let mut call = Call::new(leg.leg, &leg.called, &leg.calling, From::Trunk);
                call.adopt_talking(other);
                self.resume(call, None, None, census, now);
            }
            _ if leg.state == LegState::Ending => {}
            _ => self.order(Order::Hangup { leg: leg.leg, cause: Cause::TEMPORARY }),
        }
    }
}
