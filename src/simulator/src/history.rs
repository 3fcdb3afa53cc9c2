//! The truth, read back: what became of every caller and every phone.
//!
//! It is made from the log alone. What contradicts itself in it (an end without a beginning, a channel taken twice) is
//! kept in [`History::faults`]: then it is the exchange that is wrong, or its log that was cut.

use std::collections::BTreeMap;

use tdm::ChannelId;

use crate::truth::{Entry, Event, Party};

/// One side began to clear a call, or it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// When.
    pub at_ms: u64,
    /// Who had begun it.
    pub by: Party,
    /// The Q.850 cause.
    pub cause: u8,
}

/// One talk of a caller with an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueTalk {
    /// The agent's phone.
    pub phone: String,
    /// From when.
    pub from_ms: u64,
    /// To when; none while it lasts.
    pub to_ms: Option<u64>,
}

/// One call of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrueCall {
    /// Its number in the log.
    pub call: u32,
    /// The caller's number.
    pub number: String,
    /// The number called.
    pub called: String,
    /// Where.
    pub channel: ChannelId,
    /// When SETUP was sent.
    pub offered_ms: u64,
    /// When Tandem took it.
    pub accepted_ms: Option<u64>,
    /// When Tandem answered it.
    pub answered_ms: Option<u64>,
    /// When the caller had no more keys to press.
    pub waits_ms: Option<u64>,
    /// The keys pressed.
    pub keys: String,
    /// Its talks, the first one first.
    pub talks: Vec<TrueTalk>,
    /// When one side began to clear it.
    pub hung_up: Option<End>,
    /// When it was over.
    pub ended: Option<End>,
    /// Where in the log it is spoken of.
    pub lines: Vec<usize>,
}

/// What became of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// An agent spoke with the caller.
    Answered,
    /// The caller hung up without that.
    Abandoned,
    /// Tandem ended it without that: served by itself, refused, gone on elsewhere.
    FlowedOut,
    /// The exchange ended it: a timer, a cut line.
    Failed,
    /// It lives.
    Lives,
}

impl TrueCall {
    /// Returns what became of it.
    pub fn fate(&self) -> Fate {
        if !self.talks.is_empty() {
            return Fate::Answered;
        }
        match self.hung_up.map(|end| end.by) {
            Some(Party::Caller) => Fate::Abandoned,
            Some(Party::Tandem | Party::Agent) => Fate::FlowedOut,
            Some(Party::Exchange) => Fate::Failed,
            None => Fate::Lives,
        }
    }

    /// Returns how long the caller waited for an agent after the last key, or for the end without one; none for who was
    /// never answered or left while there were keys to press.
    pub fn wait_ms(&self) -> Option<u64> {
        let until = self.talks.first().map(|talk| talk.from_ms).or(self.hung_up.map(|end| end.at_ms))?;
        match (self.waits_ms, self.talks.is_empty()) {
            (Some(since), _) => Some(until.saturating_sub(since)),
            (None, false) => Some(0),
            (None, true) => None,
        }
    }
}

/// One ringing of a phone and what followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ringing {
    /// When it began.
    pub from_ms: u64,
    /// The phone showed for whom it rings. One that shows nothing rings on for the next caller without a word in the log.
    pub shows_caller: bool,
    /// When it was picked up.
    pub picked_up_ms: Option<u64>,
    /// When it stopped unanswered, or was put down.
    pub ended_ms: Option<u64>,
}

impl Ringing {
    /// Returns when the ringing itself stopped.
    pub fn rang_until_ms(&self) -> Option<u64> {
        self.picked_up_ms.or(self.ended_ms)
    }
}

/// Everything that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The wall time at 0.
    pub unix_ms: u64,
    /// Calls by their number in the log.
    pub calls: BTreeMap<u32, TrueCall>,
    /// Calls by the caller's number.
    pub by_number: BTreeMap<String, u32>,
    /// What every phone did.
    pub phones: BTreeMap<String, Vec<Ringing>>,
    /// Callers who found no channel.
    pub blocked: u64,
    /// The channels that are busy at the end.
    pub busy: BTreeMap<ChannelId, u64>,
    /// When the log ends.
    pub end_ms: u64,
    /// What contradicts itself: a line's place in the log and why.
    pub faults: Vec<(usize, String)>,
}

impl History {
    /// Reads a log.
    pub fn read(truth: &[Entry]) -> History {
        let mut history = History::default();
        for (line, entry) in truth.iter().enumerate() {
            if entry.at_ms < history.end_ms {
                history.fault(line, "time goes back");
            }
            history.end_ms = history.end_ms.max(entry.at_ms);
            history.add(line, entry);
        }
        history
    }

    /// Returns the call of a caller's number.
    pub fn call_of(&self, number: &str) -> Option<&TrueCall> {
        self.by_number.get(number).and_then(|call| self.calls.get(call))
    }

    fn fault(&mut self, line: usize, why: &str) {
        self.faults.push((line, why.into()));
    }

    fn add(&mut self, line: usize, entry: &Entry) {
        let at = entry.at_ms;
        match &entry.event {
            Event::Begin { unix_ms, .. } => self.unix_ms = *unix_ms,
            // What was heard is judged where there is sound.
            Event::Span { .. } | Event::Hearing { .. } => {}
            Event::Offered { call, number, called, channel } => {
                self.offered(line, at, (*call, number, called, *channel));
            }
            Event::Blocked { .. } => self.blocked += 1,
            Event::Accepted { call } => self.of(line, *call, |c| set(&mut c.accepted_ms, at)),
            Event::Alerting { call } => self.of(line, *call, |_| Ok(())),
            Event::Answered { call } => self.of(line, *call, |c| set(&mut c.answered_ms, at)),
            Event::Key { call, key } => self.of(line, *call, |c| {
                c.keys.push(*key);
                Ok(())
            }),
            Event::Waits { call } => self.of(line, *call, |c| set(&mut c.waits_ms, at)),
            Event::Talk { call, phone } => self.of(line, *call, |c| {
                c.talks.push(TrueTalk { phone: phone.clone(), from_ms: at, to_ms: None });
                Ok(())
            }),
            Event::Parted { call, phone } => self.of(line, *call, |c| part(c, phone, at)),
            Event::HungUp { call, by, cause } => {
                let end = End { at_ms: at, by: *by, cause: *cause };
                self.of(line, *call, |c| set(&mut c.hung_up, end));
            }
            Event::Ended { call, by, cause } => {
                let end = End { at_ms: at, by: *by, cause: *cause };
                self.of(line, *call, |c| set(&mut c.ended, end));
            }
            Event::Rung { phone, number } => self.rung(line, phone, number.is_some(), at),
            Event::PickedUp { phone } => self.phone(line, phone, |r| set(&mut r.picked_up_ms, at)),
            Event::Unanswered { phone } | Event::PutDown { phone, .. } => {
                self.phone(line, phone, |r| set(&mut r.ended_ms, at));
            }
            Event::Channel { channel, busy: true } => {
                if self.busy.insert(*channel, at).is_some() {
                    self.fault(line, "the channel was busy already");
                }
            }
            Event::Channel { channel, busy: false } => {
                if self.busy.remove(channel).is_none() {
                    self.fault(line, "the channel was idle already");
                }
            }
        }
    }

    fn offered(
        &mut self,
        line: usize,
        at: u64,
        (call, number, called, channel): (u32, &str, &str, ChannelId),
    ) {
        let new = TrueCall {
            call,
            number: number.into(),
            called: called.into(),
            channel,
            offered_ms: at,
            accepted_ms: None,
            answered_ms: None,
            waits_ms: None,
            keys: String::new(),
            talks: Vec::new(),
            hung_up: None,
            ended: None,
            lines: vec![line],
        };
        let twice = self.calls.insert(call, new).is_some();
        if self.by_number.insert(number.into(), call).is_some() || twice {
            self.fault(line, "the call or the caller's number was there before");
        }
    }

    fn of(&mut self, line: usize, call: u32, change: impl FnOnce(&mut TrueCall) -> Result<(), &'static str>) {
        let Some(known) = self.calls.get_mut(&call) else {
            return self.fault(line, "no such call was offered");
        };
        known.lines.push(line);
        if known.ended.is_some() {
            self.fault(line, "the call was over already");
        } else if let Err(why) = change(known) {
            self.fault(line, why);
        }
    }

    fn rung(&mut self, line: usize, phone: &str, shows_caller: bool, at: u64) {
        let rings = self.phones.entry(phone.into()).or_default();
        let busy = rings.last().is_some_and(|last| last.ended_ms.is_none());
        rings.push(Ringing { from_ms: at, shows_caller, picked_up_ms: None, ended_ms: None });
        if busy {
            self.fault(line, "the phone was in use already");
        }
    }

    fn phone(
        &mut self,
        line: usize,
        phone: &str,
        change: impl FnOnce(&mut Ringing) -> Result<(), &'static str>,
    ) {
        let last = self.phones.get_mut(phone).and_then(|rings| rings.last_mut());
        let last = last.filter(|last| last.ended_ms.is_none());
        if let Some(Err(why)) = last.map(change) {
            self.fault(line, why);
        }
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    if place.is_some() {
        return Err("it happened before");
    }
    *place = Some(value);
    Ok(())
}

fn part(call: &mut TrueCall, phone: &str, at: u64) -> Result<(), &'static str> {
    let talk = call.talks.iter_mut().find(|talk| talk.phone == phone && talk.to_ms.is_none());
    talk.ok_or("there was no such talk")?.to_ms = Some(at);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(events: Vec<(u64, Event)>) -> History {
        let entries: Vec<_> = events.into_iter().map(|(at_ms, event)| Entry { at_ms, event }).collect();
        History::read(&entries)
    }

    fn offered() -> (u64, Event) {
        let channel = ChannelId::new(1, 1);
        (1, Event::Offered { call: 1, number: "1".into(), called: "8".into(), channel })
    }

    #[test]
    fn a_call_with_a_talk_is_answered_and_its_wait_is_from_the_last_key() {
        let phone = || "5/1".to_string();
        let history = read(vec![
            offered(),
            (2, Event::Answered { call: 1 }),
            (3, Event::Waits { call: 1 }),
            (10, Event::Talk { call: 1, phone: phone() }),
            (20, Event::HungUp { call: 1, by: Party::Caller, cause: 16 }),
            (20, Event::Parted { call: 1, phone: phone() }),
            (21, Event::Ended { call: 1, by: Party::Caller, cause: 16 }),
        ]);
        let call = &history.calls[&1];
        assert_eq!((call.fate(), call.wait_ms(), call.talks[0].to_ms), (Fate::Answered, Some(7), Some(20)));
        assert_eq!(history.faults, []);
    }

    #[test]
    fn contradictions_are_faults() {
        let ended = || Event::Ended { call: 1, by: Party::Caller, cause: 16 };
        let channel = |busy| Event::Channel { channel: ChannelId::new(1, 1), busy };
        let history = read(vec![
            offered(),
            (2, ended()),
            (3, ended()),
            (2, Event::Answered { call: 9 }),
            (3, channel(false)),
            (3, channel(true)),
            (3, channel(true)),
        ]);
        let lines: Vec<_> = history.faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 3, 4, 6], "{:?}", history.faults);
    }
}
