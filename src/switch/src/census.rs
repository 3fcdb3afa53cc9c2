//! Taking over from a process that was killed: the census and the notes give the calls again.
//!
//! Every leg with a note is a call's first leg. A leg that no call claims and that arrived is a new call: it came while
//! nobody decided. One that we originated and no call claims has lost its purpose and is hung up.

use call::{Call, Found, From, Stage};
use clock::Mono;
use link::{Cause, EndedLeg, LegCensus, LegId, LegState, Order, RecordingState};

use crate::entry::Entry;
use crate::machine::Machine;
use crate::view::Update;

/// The form of the notes; others are not read.
const NOTE_VERSION: u8 = 2;

/// A census while it comes in.
#[derive(Debug, Default)]
pub(crate) struct Census {
    pub legs: Vec<LegCensus>,
    pub ended: Vec<EndedLeg>,
}

impl Census {
    fn find(&self, leg: LegId) -> Found<'_> {
        let live = self.legs.iter().find(|known| known.leg == leg).map(Found::Live);
        let ended = || self.ended.iter().find(|known| known.leg == leg).map(Found::Ended);
        live.or_else(ended).unwrap_or(Found::Nothing)
    }
}

/// Writes a call as a note.
pub(crate) fn write_note(call: &Call) -> Vec<u8> {
    let mut note = vec![NOTE_VERSION];
    note.extend(postcard::to_stdvec(call).expect("a call is plain data"));
    note
}

/// Reads a note; none if it is empty or of another form.
pub(crate) fn read_note(note: &[u8]) -> Option<Call> {
    let (version, body) = note.split_first()?;
    (*version == NOTE_VERSION).then(|| postcard::from_bytes(body).ok()).flatten()
}

impl Machine {
    /// Replaces what is known of calls by what the census and its notes say.
    pub(crate) fn take_census(&mut self, census: Census, now: Mono) {
        let forgotten = std::mem::take(&mut self.calls);
        self.owners.clear();
        self.clear_deadlines();
        let noted = census.legs.iter().map(|leg| (leg.leg, &leg.note));
        let noted = noted.chain(census.ended.iter().map(|leg| (leg.leg, &leg.note)));
        let calls: Vec<Call> =
            noted.filter_map(|(leg, note)| read_note(note).filter(|call| call.first == leg)).collect();
        for call in calls {
            self.resume(call, &census, now);
        }
        for (first, entry) in forgotten {
            if !self.calls.contains_key(&first) {
                self.lost(entry, now);
            }
        }
        for leg in &census.legs {
            if !self.owners.contains_key(&leg.leg) {
                self.adopt(leg, &census, now);
            }
        }
        for leg in census.ended {
            self.order(Order::Forget { leg: leg.leg });
        }
    }

    fn resume(&mut self, call: Call, census: &Census, now: Mono) {
        let (first, second) = (call.first, call.second);
        let mut entry = Entry::new(call, now);
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
                Found::Ended(ended) => entry.add_ended(ended),
                Found::Nothing => {}
            }
        }
        let mut orders = Vec::new();
        let found_second = second.map_or(Found::Nothing, |leg| census.find(leg));
        entry.note = write_note(&entry.call);
        entry.call.resume(
            census.find(first),
            found_second,
            &self.config.plan,
            &mut self.names,
            &mut orders,
            now,
        );
        self.calls.insert(first, entry);
        self.after_step(first, None, orders);
    }

    /// A call that we remember and the lines do not: it ended, and its end was forgotten or never told.
    fn lost(&mut self, mut entry: Entry, now: Mono) {
        entry.ended = Some(now);
        entry.call.lost(Cause::TEMPORARY);
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
                self.resume(call, census, now);
            }
            _ if leg.state == LegState::Ending => {}
            _ => self.order(Order::Hangup { leg: leg.leg, cause: Cause::TEMPORARY }),
        }
    }
}
