//! Calls, channels and talks by themselves: conserved, freed, one at a time.

use std::collections::BTreeMap;

use super::{Findings, Invariant};
use crate::history::{Fate, TrueTalk};

impl Findings<'_> {
    pub fn calls_conserved(&mut self) {
        let history = self.history;
        let gone = self.evidence.remains.is_some();
        for call in history.calls.values() {
            let lives = call.fate() == Fate::Lives || call.ended.is_none();
            if lives && gone {
                let why = format!("call {} of {} never ended", call.call, call.number);
                self.tell(Invariant::CallsConserved, why, &call.lines);
            }
        }
    }

    pub fn no_orphans(&mut self) {
        let Some(remains) = &self.evidence.remains else {
            return;
        };
        let mut left = Vec::new();
        let channels = |list: &[tdm::ChannelId]| {
            list.iter().map(|channel| channel.to_string()).collect::<Vec<_>>().join(", ")
        };
        if !remains.exchange_channels.is_empty() {
            left.push(format!("channels busy for the exchange: {}", channels(&remains.exchange_channels)));
        }
        if !remains.channels_in_use.is_empty() {
            left.push(format!("channels in use in the engine: {}", channels(&remains.channels_in_use)));
        }
        if remains.legs > 0 {
            left.push(format!("legs on the line side: {}", remains.legs));
        }
        if remains.recordings > 0 {
            left.push(format!("recordings being written: {}", remains.recordings));
        }
        if !remains.phones.is_empty() {
            left.push(format!("phones in use: {}", remains.phones.join(", ")));
        }
        if !remains.calls.is_empty() {
            left.push(format!("calls alive for the switch: {}", remains.calls.join(", ")));
        }
        let busy: Vec<_> = self.history.busy.keys().copied().collect();
        if !busy.is_empty() {
            left.push(format!("channels busy in the log: {}", channels(&busy)));
        }
        for why in left {
            self.tell(Invariant::NoOrphans, why, &[]);
        }
    }

    pub fn one_call_per_agent(&mut self) {
        let mut phones: BTreeMap<&str, Vec<(u32, &TrueTalk)>> = BTreeMap::new();
        for call in self.history.calls.values() {
            for talk in &call.talks {
                phones.entry(&talk.phone).or_default().push((call.call, talk));
            }
        }
        for (phone, mut talks) in phones {
            talks.sort_by_key(|(_, talk)| talk.from_ms);
            for pair in talks.windows(2) {
                if overlap(pair[0].1, pair[1].1) {
                    let why = format!("phone {phone} talks with call {} and call {}", pair[0].0, pair[1].0);
                    let lines = [pair[0].0, pair[1].0].map(|call| self.history.calls[&call].lines.clone());
                    self.tell(Invariant::OneCallPerAgent, why, &lines.concat());
                }
            }
        }
    }

    pub fn one_agent_per_caller(&mut self) {
        for call in self.history.calls.values() {
            let mut talks: Vec<_> = call.talks.iter().collect();
            talks.sort_by_key(|talk| talk.from_ms);
            for pair in talks.windows(2) {
                if overlap(pair[0], pair[1]) {
                    let (a, b) = (&pair[0].phone, &pair[1].phone);
                    let why = format!("call {} talks with phone {a} and phone {b}", call.call);
                    self.tell(Invariant::OneAgentPerCaller, why, &call.lines);
                }
            }
        }
    }
}

/// Two talks of which the second began before the first had ended.
fn overlap(first: &TrueTalk, second: &TrueTalk) -> bool {
    first.to_ms.is_none_or(|to| to > second.from_ms)
}
