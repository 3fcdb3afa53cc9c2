//! What must hold of the sound of a run: nothing is lost, everybody is heard, every recording is as long as its call.

use std::collections::BTreeMap;

use simulator::history::{End, History, TrueCall};
use simulator::invariants::Evidence;
use simulator::truth::{Entry, Event};
use switch::view::CallView;
use tdm::ChannelId;

use crate::lines::stepped::Lost;

/// In a shorter talk there may be nothing to be heard. Who waits for the other to finish may say nothing in a longer one.
const SHORT_TALK_MS: u64 = 5_000;
/// So much of what the other spoke must be heard, in percent, and so long may be missed in a row.
const HEARD_PERCENT: u64 = 80;
const MAX_DEAF_MS: u64 = 2_000;
/// An agent's line may be put down so long after the caller's is free.
const PUT_DOWN_WITHIN_MS: u64 = 60_000;
/// How much a recording may be shorter or longer than its call.
const RECORDING_MS: u64 = 1_000;
/// The most findings that are told.
const MAX_FINDINGS: usize = 20;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Sound {
    /// Ends of talks at which the other was well heard.
    pub heard_well: u64,
    /// Recordings that were compared with their calls.
    pub recordings: u64,
    /// What was lost, by the line process's own counters.
    pub lost: Lost,
    /// What does not hold.
    pub broken: Vec<String>,
}

/// One line of what was heard.
#[derive(Clone, Copy)]
struct Heard {
    at_ms: u64,
    channel: ChannelId,
    partner: ChannelId,
    well: bool,
}

/// Compares what was heard and recorded with the truth.
pub(super) fn check(evidence: &Evidence, lost: Lost) -> Sound {
    let history = History::read(&evidence.truth);
    let mut sound = Sound { lost, ..Sound::default() };
    if lost != Lost::default() {
        sound.tell(format!("something was lost: {lost}"));
    }
    let heard: Vec<Heard> = evidence.truth.iter().filter_map(heard).collect();
    for call in history.calls.values() {
        sound.both_ways(call, &heard);
    }
    let by_number: BTreeMap<&str, &CallView> =
        evidence.records.iter().map(|record| (record.calling.as_str(), record)).collect();
    for call in history.calls.values() {
        if let Some(record) = by_number.get(call.number.as_str()) {
            // An exchange line is still recorded until it is known that the caller has gone.
            let end = if evidence.tolerances.exchange_lines { call.ended } else { call.hung_up };
            sound.recording(call, end, record);
        }
    }
    sound
}

fn heard(entry: &Entry) -> Option<Heard> {
    let Event::Hearing { channel, partner, spoken_ms, heard_ms, deaf_ms } = entry.event else { return None };
    let well = heard_ms * 100 >= spoken_ms * HEARD_PERCENT && deaf_ms <= MAX_DEAF_MS;
    Some(Heard { at_ms: entry.at_ms, channel, partner, well })
}

impl Sound {
    fn tell(&mut self, why: String) {
        if self.broken.len() < MAX_FINDINGS {
            self.broken.push(why);
        }
    }

    /// Both ends of a talk that was long enough must have heard the other.
    fn both_ways(&mut self, call: &TrueCall, heard: &[Heard]) {
        let Some(talk) = call.talks.last() else { return };
        let (Some(to_ms), Some(ended)) = (talk.to_ms, call.ended) else { return };
        if to_ms.saturating_sub(talk.from_ms) < SHORT_TALK_MS {
            return;
        }
        let first = |fits: &dyn Fn(&Heard) -> bool, until: u64| {
            heard.iter().find(|one| (talk.from_ms..=until).contains(&one.at_ms) && fits(one)).copied()
        };
        let caller = first(&|one| one.channel == call.channel, ended.at_ms + 1);
        let agent = first(&|one| one.partner == call.channel, ended.at_ms + PUT_DOWN_WITHIN_MS);
        for (who, found) in [("the caller", caller), ("the agent", agent)] {
            match found {
                Some(one) if one.well => self.heard_well += 1,
                Some(_) => self.tell(format!("call {}: {who} did not hear all of the other", call.call)),
                None => self.tell(format!("call {}: {who} heard nobody", call.call)),
            }
        }
    }

    /// A recording begins when the call is answered and ends with it.
    fn recording(&mut self, call: &TrueCall, end: Option<End>, record: &CallView) {
        let (Some(answered), Some(end)) = (call.answered_ms, end) else { return };
        let length = end.at_ms.saturating_sub(answered);
        for recording in &record.recordings {
            self.recordings += 1;
            let recorded = recording.length_ms.unwrap_or(0);
            if recorded.abs_diff(length) > RECORDING_MS {
                let name = &recording.recording;
                self.tell(format!(
                    "call {}: recording {name} is {recorded} ms long, the call {length} ms",
                    call.call
                ));
            }
        }
    }
}
