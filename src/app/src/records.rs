//! What is kept of calls and agents: updates on their way to the store, and what the store knows at the start.
//!
//! The states of agents are kept while they last, so that a switch that was killed finds them again; a switch that ends
//! in order ends them, and the next one begins as the configuration says.

use std::collections::BTreeMap;

use config::Config;
use crossbeam_channel::Receiver;
use jiff::{ToSpan, Zoned};
use store::{AgentStay, Inbox, Record, StoreError, Stored, Writer, WriterConfig};
use switch::view::{AgentStateView, AgentView, Update};
use switch::{Start, SwitchConfig};

use crate::refused;

/// The way of updates into the store.
pub(crate) struct Records {
    writer: Writer,
    inbox: Inbox,
    /// What each agent does now.
    stays: BTreeMap<String, AgentStay>,
}

impl Records {
    /// Opens the store and lets what it knows of today and of agents into the switch's set-up.
    ///
    /// # Errors
    /// The file is no database that this program can use.
    pub fn start(config: &Config, switch: &mut SwitchConfig) -> anyhow::Result<Records> {
        let file = config.store.file.clone();
        let writer_config = || WriterConfig { file: file.clone(), keep_days: config.store.keep_days };
        let writer = Writer::start(writer_config()).or_else(|error| match error {
            // Calls do not wait for records: a new database is begun, the old one kept for whoever can mend it.
            StoreError::Broken { .. } => {
                let aside = store::put_aside(&file).map_err(refused)?;
                tracing::error!(%error, kept_as = %aside.display(), "the records begin anew");
                Writer::start(writer_config()).map_err(refused)
            }
            error => Err(refused(error)),
        })?;
        switch.records = true;
        match store::visits_since(&file, today_ms()) {
            Ok(past) => switch.past = past,
            Err(error) => tracing::warn!(%error, "today's figures begin anew: the records cannot be read"),
        }
        let open = store::open_stays(&file).unwrap_or_else(|error| {
            tracing::warn!(%error, "agents begin as configured: their last states cannot be read");
            Vec::new()
        });
        let stays: BTreeMap<String, AgentStay> =
            open.into_iter().map(|stay| (stay.agent.clone(), stay)).collect();
        for agent in &mut switch.agents {
            if let Some(stay) = stays.get(&agent.name) {
                agent.start = as_left(stay);
            }
        }
        Ok(Records { inbox: writer.inbox(), writer, stays })
    }

    /// Returns what says which calls are safe.
    pub fn stored(&self) -> Receiver<Stored> {
        self.writer.stored()
    }

    /// Takes what is to be kept of an update.
    pub fn update(&mut self, update: &Update) {
        match update {
            Update::Call { call } if call.ended_ms.is_some() => {
                self.tell(Record::Call(Box::new(call.clone())))
            }
            Update::Agent { agent } => self.agent(agent),
            Update::AgentGone { agent } => self.gone(agent),
            Update::Call { .. }
            | Update::Line { .. }
            | Update::Span { .. }
            | Update::Queue { .. }
            | Update::QueueGone { .. }
            | Update::Configured { .. }
            | Update::Health { .. } => {}
        }
    }

    fn agent(&mut self, view: &AgentView) {
        let known = self.stays.get(&view.agent);
        let same = |stay: &AgentStay| {
            stay.state == view.state && stay.reason == view.reason && stay.from_ms == view.since_ms
        };
        // Who has not been at work yet leaves no trace.
        if known.is_some_and(same) || (known.is_none() && view.state == AgentStateView::Offline) {
            return;
        }
        if let Some(before) = known.cloned() {
            self.tell(Record::Agent(AgentStay { to_ms: Some(view.since_ms.max(before.from_ms)), ..before }));
        }
        let stay = AgentStay {
            agent: view.agent.clone(),
            state: view.state,
            reason: view.reason.clone(),
            from_ms: view.since_ms,
            to_ms: None,
        };
        self.stays.insert(view.agent.clone(), stay.clone());
        self.tell(Record::Agent(stay));
    }

    /// The clock was stepped: what agents do is told again, with the beginning by the new clock.
    pub fn stepped(&mut self) {
        for stay in std::mem::take(&mut self.stays).into_values() {
            self.tell(Record::Agent(AgentStay { to_ms: Some(stay.from_ms), ..stay }));
        }
    }

    fn gone(&mut self, agent: &str) {
        if let Some(stay) = self.stays.remove(agent) {
            self.tell(Record::Agent(AgentStay { to_ms: Some(now_ms().max(stay.from_ms)), ..stay }));
        }
    }

    fn tell(&self, record: Record) {
        if self.inbox.tell(record).is_err() {
            tracing::error!("the store takes no records: calls are kept by the line process and told again");
        }
    }

    /// Ends what agents do and waits until all is written.
    pub fn stop(mut self) {
        let to_ms = Some(now_ms());
        for stay in std::mem::take(&mut self.stays).into_values() {
            self.tell(Record::Agent(AgentStay { to_ms, ..stay }));
        }
        self.writer.stop();
    }
}

/// Returns how an agent begins who was left like this.
fn as_left(stay: &AgentStay) -> Start {
    match stay.state {
        AgentStateView::Offline => Start::Offline,
        AgentStateView::Idle | AgentStateView::Ringing | AgentStateView::Talking | AgentStateView::WrapUp => {
            Start::Ready
        }
        AgentStateView::Busy => match stay.reason.as_deref() {
            Some("missed") => Start::Ready,
            Some("logged_in") | None => Start::Busy(None),
            Some(reason) => Start::Busy(Some(reason.into())),
        },
    }
}

fn now_ms() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

/// Returns the beginning of the present day, here.
fn today_ms() -> u64 {
    let start = Zoned::now().start_of_day().map(|start| start.timestamp().as_millisecond());
    start.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or(0)
}

/// A day on which clocks are set back has an hour more; a little besides.
const LONGEST_DAY_MS: u64 = 26 * 3_600_000;

/// Knows when a new day has begun, here.
pub(crate) struct Days {
    tomorrow_ms: u64,
}

impl Days {
    pub fn new() -> Days {
        let tomorrow = Zoned::now().start_of_day().and_then(|today| today.checked_add(1.day()));
        let tomorrow = tomorrow.map(|tomorrow| tomorrow.timestamp().as_millisecond());
        // Beyond the last day that the calendar knows no new one begins.
        Days { tomorrow_ms: tomorrow.ok().and_then(|ms| u64::try_from(ms).ok()).unwrap_or(u64::MAX) }
    }

    /// Returns true once for each new day. A clock that was set back finds the day's end anew.
    pub fn has_begun(&mut self) -> bool {
        let now_ms = now_ms();
        let begun = now_ms >= self.tomorrow_ms;
        if begun || now_ms + LONGEST_DAY_MS < self.tomorrow_ms {
            *self = Days::new();
        }
        begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: AgentStateView, reason: Option<&str>, expected: &Start) {
        let (agent, reason) = ("ann".into(), reason.map(String::from));
        assert_eq!(as_left(&AgentStay { agent, state, reason, from_ms: 1, to_ms: None }), *expected);
    }

    #[test]
    fn agents_begin_as_the_killed_switch_left_them() {
        check(AgentStateView::Offline, None, &Start::Offline);
        check(AgentStateView::Talking, None, &Start::Ready);
        check(AgentStateView::Busy, Some("missed"), &Start::Ready);
        check(AgentStateView::Busy, Some("logged_in"), &Start::Busy(None));
        check(AgentStateView::Busy, Some("lunch"), &Start::Busy(Some("lunch".into())));
    }

    #[test]
    fn a_day_begins_once() {
        let mut days = Days { tomorrow_ms: now_ms() - 1 };
        assert!(days.has_begun());
        days = Days { tomorrow_ms: now_ms() + 400 * 24 * 3_600_000 };
        assert!(!days.has_begun(), "the clock was set back");
        assert!(days.tomorrow_ms < now_ms() + LONGEST_DAY_MS);
        days = Days { tomorrow_ms: now_ms() - 1 };
        assert!(days.has_begun());
        assert!(!days.has_begun());
        assert!(days.tomorrow_ms > now_ms() && days.tomorrow_ms <= now_ms() + 25 * 3_600_000);
    }
}
