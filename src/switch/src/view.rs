//! What onlookers see: spans, channels, calls, health; kept up to date by numbered updates.
//!
//! The machine sends an [`Update`] for each change. A [`View`] is the sum of all updates; an onlooker that has missed
//! some takes a copy of the view and its number, and goes on from there. These types are the exported schema of the API.

use std::collections::{BTreeMap, VecDeque};

pub use acd::Outcome;
use call::{From, Progress};
use link::{Health, LegState, SpanCensus};
use serde::{Deserialize, Serialize};
use tdm::ChannelId;

/// Ended calls kept for onlookers.
pub const MAX_ENDED_CALLS: usize = 1_000;
/// Stays in queues that are kept of one call.
pub const MAX_VISITS: usize = 8;

/// One change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Update {
    /// The line process is attached or away.
    Line {
        /// Attached.
        attached: bool,
    },
    /// A span has changed.
    Span {
        /// As it is now.
        span: SpanView,
    },
    /// A call has changed or ended.
    Call {
        /// As it is now.
        call: CallView,
    },
    /// A queue or its figures have changed.
    Queue {
        /// As it is now.
        queue: Box<QueueView>,
    },
    /// An agent's state has changed.
    Agent {
        /// As it is now.
        agent: Box<AgentView>,
    },
    /// A queue is no more: the configuration has changed.
    QueueGone {
        /// Its name.
        queue: String,
    },
    /// An agent is no more: the configuration has changed.
    AgentGone {
        /// The agent's name.
        agent: String,
    },
    /// A configuration was taken. What has changed in queues and agents is told one by one.
    Configured {
        /// Why an agent may be busy, by name.
        busy_reasons: Vec<String>,
    },
    /// The line process's counters.
    Health {
        /// As they are now.
        health: Health,
    },
}

/// A span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanView {
    /// Its number.
    pub span: u16,
    /// "E1", "T1", "FXS", "FXO".
    pub kind: String,
    /// "pri_user", "pri_network", "telephones", "exchange_lines", "unused".
    #[serde(rename = "use")]
    pub use_: String,
    /// Names of the alarms that stand.
    pub alarms: Vec<String>,
    /// Whether the D-channel is up; null without one.
    pub dchannel: Option<bool>,
    /// Channels without the D-channel.
    pub channels: u8,
    /// The D-channel's timeslot.
    pub d_timeslot: Option<u8>,
    /// Timeslots out of service.
    pub blocked: Vec<u8>,
    /// Slips since start.
    pub slips: u64,
    /// Bad frames since start.
    pub bad_frames: u64,
}

impl SpanView {
    pub(crate) fn new(census: &SpanCensus) -> SpanView {
        let d_timeslot = census.dchannel.and(census.kind.pri_d_timeslot()).map(|t| t.0);
        SpanView {
            span: census.span.0,
            kind: census.kind.to_string(),
            use_: match census.seating {
                link::Seating::PriUser => "pri_user",
                link::Seating::PriNetwork => "pri_network",
                link::Seating::Telephones => "telephones",
                link::Seating::ExchangeLines => "exchange_lines",
                link::Seating::Unused => "unused",
            }
            .into(),
            alarms: census.alarms.iter_names().map(|(name, _)| name.to_lowercase()).collect(),
            dchannel: census.dchannel,
            channels: census.channels,
            d_timeslot,
            blocked: (0..32).filter(|bit| census.blocked >> bit & 1 == 1).map(|bit| bit + 1).collect(),
            slips: census.slips,
            bad_frames: census.bad_frames,
        }
    }
}

/// One leg of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegView {
    /// Its name.
    pub leg: String,
    /// "span/timeslot", once chosen.
    pub channel: Option<String>,
    /// True if the call arrived on it.
    pub incoming: bool,
    /// Where it stands.
    pub state: LegStateView,
}

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names are those of link::LegState")]
pub enum LegStateView {
    Offered,
    Proceeding,
    Alerting,
    Calling,
    Answered,
    Ending,
    Ended,
}

impl std::convert::From<LegState> for LegStateView {
    fn from(state: LegState) -> LegStateView {
        match state {
            LegState::Offered => LegStateView::Offered,
            LegState::Proceeding => LegStateView::Proceeding,
            LegState::Alerting => LegStateView::Alerting,
            LegState::Calling => LegStateView::Calling,
            LegState::Answered => LegStateView::Answered,
            LegState::Ending => LegStateView::Ending,
        }
    }
}

/// One recording of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingView {
    /// Its name.
    pub recording: String,
    /// The file below the recordings' directory, once it is closed.
    pub file: Option<String>,
    /// Its length, once it is closed.
    pub length_ms: Option<u64>,
    /// Why it is not being written, if so.
    pub failed: Option<String>,
}

/// One call. Times are milliseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallView {
    /// Its name: that of its first leg.
    pub call: String,
    /// The number called.
    pub called: String,
    /// The caller's number.
    pub calling: String,
    /// The caller asked that the number be not shown.
    pub restricted: bool,
    /// Where it came from.
    pub from: From,
    /// The flow that serves it.
    pub flow: Option<String>,
    /// The seat or number it was given to.
    pub reached: Option<String>,
    /// The agent who is rung for it or speaks with it.
    pub agent: Option<String>,
    /// Its stays in queues, the first one first; at most [`MAX_VISITS`], the newest ones.
    pub visits: Vec<VisitView>,
    /// How far it has come.
    pub progress: Progress,
    /// Its legs, the first one first.
    pub legs: Vec<LegView>,
    /// When it began.
    pub since_ms: u64,
    /// When the first leg was answered.
    pub answered_ms: Option<u64>,
    /// When two people began to speak.
    pub talking_ms: Option<u64>,
    /// When it ended; null while it lives.
    pub ended_ms: Option<u64>,
    /// The Q.850 cause it ended with.
    pub cause: Option<u8>,
    /// Its recordings.
    pub recordings: Vec<RecordingView>,
}

/// One stay in a queue. Times are milliseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VisitView {
    /// The queue's name.
    pub queue: String,
    /// When it was entered.
    pub entered_ms: u64,
    /// When the waiting ended; null while it lasts.
    pub left_ms: Option<u64>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// The agent who answered.
    pub agent: Option<String>,
}

/// One queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueView {
    /// Its name.
    pub queue: String,
    /// Its name for people.
    pub title: String,
    /// Callers that wait, those for whom an agent is rung among them.
    pub waiting: u64,
    /// Since when the one waits who has waited longest.
    pub oldest_ms: Option<u64>,
    /// Its agents by state.
    pub agents: AgentCounts,
    /// The wait within which callers should be answered.
    pub service_goal_ms: u64,
    /// Today's figures.
    pub figures: QueueFigures,
}

/// How many agents of a queue are in which state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names are those of AgentStateView")]
pub struct AgentCounts {
    pub idle: u32,
    pub ringing: u32,
    pub talking: u32,
    pub wrap_up: u32,
    pub busy: u32,
}

/// The figures of one queue on one day: offered = answered + abandoned + flowed out + waiting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueFigures {
    /// Callers that entered.
    pub offered: u64,
    /// Of these, answered by an agent.
    pub answered: u64,
    /// Of the answered, within the service goal.
    pub answered_in_goal: u64,
    /// Callers that hung up while waiting.
    pub abandoned: u64,
    /// Of these, within the service goal.
    pub abandoned_in_goal: u64,
    /// Of the abandoned, so soon that they count apart.
    pub abandoned_short: u64,
    /// Callers that went on elsewhere.
    pub flowed_out: u64,
    /// Callers that were not taken; not among the offered.
    pub refused: u64,
    /// Service level 1: answered in goal / offered. All four 0 to 1, null if nobody was offered.
    pub sl1: Option<f64>,
    /// Service level 2: answered in goal / (offered - abandoned short).
    pub sl2: Option<f64>,
    /// Service level 3: (answered in goal + abandoned in goal) / offered.
    pub sl3: Option<f64>,
    /// Service level 4: answered in goal / answered.
    pub sl4: Option<f64>,
    /// The mean wait of the answered (ASA).
    pub wait_mean_ms: Option<u64>,
    /// Half of the answered waited at most this long.
    pub wait_p50_ms: Option<u64>,
    /// Nine in ten of the answered waited at most this long.
    pub wait_p90_ms: Option<u64>,
    /// 99 in 100 of the answered waited at most this long.
    pub wait_p99_ms: Option<u64>,
}

/// What an agent does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStateView {
    /// Not logged in.
    #[default]
    Offline,
    /// Ready for a caller.
    Idle,
    /// The telephone rings.
    Ringing,
    /// In talk.
    Talking,
    /// Works after a talk.
    WrapUp,
    /// Takes no callers.
    Busy,
}

/// One agent. Times are milliseconds since 1970-01-01 UTC.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// The agent's own name in the system.
    pub agent: String,
    /// The agent's name for people.
    pub name: String,
    /// The number of the seat.
    pub seat: String,
    /// The queues served.
    pub queues: Vec<String>,
    /// What the agent does.
    pub state: AgentStateView,
    /// Why, if busy: "logged_in", "missed", or the name of a configured reason.
    pub reason: Option<String>,
    /// Since when.
    pub since_ms: u64,
    /// When the state ends by itself.
    pub until_ms: Option<u64>,
    /// The call of a ringing or talking agent.
    pub call: Option<String>,
    /// Times and counts up to `since_ms`.
    pub totals: AgentTotals,
}

/// An agent's times and counts today, the present state not among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentTotals {
    /// Ready.
    pub idle_ms: u64,
    /// Ringing.
    pub ringing_ms: u64,
    /// In talk.
    pub talking_ms: u64,
    /// Work after talks.
    pub wrap_up_ms: u64,
    /// Busy, for whatever reason.
    pub busy_ms: u64,
    /// Logins.
    pub logins: u64,
    /// Offers made to the agent.
    pub offers: u64,
    /// Of these, answered.
    pub answered: u64,
    /// Of these, missed.
    pub missed: u64,
}

/// One channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelView {
    /// "span/timeslot".
    pub channel: String,
    /// "idle", "busy", "blocked", "alarm", "dchannel".
    pub state: String,
    /// The call on it.
    pub call: Option<String>,
    /// The other party's number, as far as it is known.
    pub number: Option<String>,
}

/// The sum of all updates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// The number of the last update in it.
    pub seq: u64,
    /// Whether the line process is attached.
    pub attached: bool,
    /// Spans by number.
    pub spans: BTreeMap<u16, SpanView>,
    /// Calls that live, by name.
    pub calls: BTreeMap<String, CallView>,
    /// Calls that have ended, newest last.
    pub ended: VecDeque<CallView>,
    /// Calls that have ended since the switch started.
    pub ended_total: u64,
    /// Queues by name.
    pub queues: BTreeMap<String, QueueView>,
    /// Agents by name.
    pub agents: BTreeMap<String, AgentView>,
    /// Why an agent may be busy, by name.
    pub busy_reasons: Vec<String>,
    /// The line process's counters.
    pub health: Health,
}

impl View {
    /// Adds the update with the next number.
    pub fn apply(&mut self, update: &Update) {
        self.seq += 1;
        match update {
            Update::Line { attached } => self.attached = *attached,
            Update::Span { span } => {
                self.spans.insert(span.span, span.clone());
            }
            Update::Call { call } if call.ended_ms.is_some() => self.end(call),
            Update::Call { call } => {
                self.calls.insert(call.call.clone(), call.clone());
            }
            Update::Queue { queue } => {
                self.queues.insert(queue.queue.clone(), (**queue).clone());
            }
            Update::Agent { agent } => {
                self.agents.insert(agent.agent.clone(), (**agent).clone());
            }
            Update::QueueGone { queue } => drop(self.queues.remove(queue)),
            Update::AgentGone { agent } => drop(self.agents.remove(agent)),
            Update::Configured { busy_reasons } => self.busy_reasons.clone_from(busy_reasons),
            Update::Health { health } => self.health = health.clone(),
        }
    }

    fn end(&mut self, call: &CallView) {
        if self.calls.remove(&call.call).is_none()
            && let Some(known) = self.ended.iter_mut().find(|known| known.call == call.call)
        {
            // A recording was closed after the call's end.
            *known = call.clone();
            return;
        }
        self.ended_total += 1;
        if self.ended.len() == MAX_ENDED_CALLS {
            self.ended.pop_front();
        }
        self.ended.push_back(call.clone());
    }

    /// Returns every channel of every span with what it does.
    pub fn channels(&self) -> Vec<ChannelView> {
        let mut used = BTreeMap::new();
        for call in self.calls.values() {
            for leg in call.legs.iter().filter(|leg| leg.state != LegStateView::Ended) {
                if let Some(channel) = &leg.channel {
                    let number = if leg.incoming { Some(call.calling.clone()) } else { call.reached.clone() };
                    used.insert(channel.as_str(), (call.call.clone(), number));
                }
            }
        }
        let of_span = |span: &SpanView| {
            let last = span.channels + u8::from(span.d_timeslot.is_some());
            let used = &used;
            let span = span.clone();
            (1..=last).map(move |timeslot| channel_view(&span, timeslot, used)).collect::<Vec<_>>()
        };
        self.spans.values().flat_map(of_span).collect()
    }
}

type Used<'a> = BTreeMap<&'a str, (String, Option<String>)>;

fn channel_view(span: &SpanView, timeslot: u8, used: &Used<'_>) -> ChannelView {
    let channel = ChannelId::new(span.span, timeslot).to_string();
    let call = used.get(channel.as_str());
    let state = if span.d_timeslot == Some(timeslot) {
        "dchannel"
    } else if call.is_some() {
        "busy"
    } else if !span.alarms.is_empty() {
        "alarm"
    } else if span.blocked.contains(&timeslot) {
        "blocked"
    } else {
        "idle"
    };
    ChannelView {
        state: state.into(),
        call: call.map(|(call, _)| call.clone()),
        number: call.and_then(|(_, number)| number.clone()).filter(|number| !number.is_empty()),
        channel,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span() -> SpanView {
        SpanView {
            span: 1,
            kind: "E1".into(),
            use_: "pri_user".into(),
            alarms: vec![],
            dchannel: Some(true),
            channels: 30,
            d_timeslot: Some(16),
            blocked: vec![3],
            slips: 0,
            bad_frames: 0,
        }
    }

    fn call(name: &str, channel: &str, ended_ms: Option<u64>) -> CallView {
        let leg = LegView {
            leg: name.into(),
            channel: Some(channel.into()),
            incoming: true,
            state: LegStateView::Answered,
        };
        CallView {
            call: name.into(),
            called: "8000".into(),
            calling: "139".into(),
            restricted: false,
            from: From::Trunk,
            flow: None,
            reached: None,
            agent: None,
            visits: vec![],
            progress: Progress::Talking,
            legs: vec![leg],
            since_ms: 1,
            answered_ms: None,
            talking_ms: None,
            ended_ms,
            cause: None,
            recordings: vec![],
        }
    }

    #[test]
    fn channels_show_calls_blocks_and_the_d_channel() {
        let mut view = View::default();
        view.apply(&Update::Span { span: span() });
        view.apply(&Update::Call { call: call("a", "1/1", None) });
        let channels = view.channels();
        let states: Vec<_> = [0, 1, 2, 15, 30].iter().map(|&i: &usize| channels[i].state.as_str()).collect();
        assert_eq!(states, ["busy", "idle", "blocked", "dchannel", "idle"]);
        assert_eq!(channels.len(), 31);
        assert_eq!(channels[0].number.as_deref(), Some("139"));
    }

    #[test]
    fn ended_calls_leave_the_channel_and_are_kept_up_to_the_limit() {
        let mut view = View::default();
        for n in 0..MAX_ENDED_CALLS + 5 {
            view.apply(&Update::Call { call: call(&n.to_string(), "1/1", None) });
            view.apply(&Update::Call { call: call(&n.to_string(), "1/1", Some(2)) });
        }
        assert!(view.calls.is_empty());
        assert_eq!(view.ended.len(), MAX_ENDED_CALLS);
        assert_eq!(view.ended_total, MAX_ENDED_CALLS as u64 + 5);
        assert_eq!(view.ended.back().map(|c| c.call.clone()), Some((MAX_ENDED_CALLS + 4).to_string()));
    }

    #[test]
    fn news_of_an_ended_call_replaces_it() {
        let mut view = View::default();
        view.apply(&Update::Call { call: call("a", "1/1", Some(2)) });
        view.apply(&Update::Call { call: call("a", "1/2", Some(2)) });
        assert_eq!((view.ended.len(), view.ended_total), (1, 1));
        assert_eq!(view.ended[0].legs[0].channel.as_deref(), Some("1/2"));
    }
}
