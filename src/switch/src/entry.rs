//! One call as the machine holds it: the call's own machine, its place in a flow, and what is shown of it.

use std::sync::Arc;

use acd::OfferId;
use call::{Call, From, Progress};
use clock::{Mono, WallAnchor};
use ivr::{Interpreter, ValidFlow};
use link::{EndedLeg, LegCensus, LegId, LegState, RecordingState};
use serde::{Deserialize, Serialize};
use tdm::ChannelId;

use crate::view::{CallView, LegStateView, LegView, MAX_VISITS, Outcome, RecordingView, VisitView};

/// Legs that are shown of one call: the first one and the newest.
const MAX_LEGS: usize = 8;

/// One stay in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Visit {
    pub queue: String,
    pub priority: u8,
    pub entered: Mono,
    pub left: Option<Mono>,
    pub outcome: Option<Outcome>,
    pub agent: Option<String>,
}

/// A call's place in a flow: part of its note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Service {
    pub flow: String,
    pub interpreter: Interpreter,
    /// The offer that stands; it means nothing to another process.
    #[serde(skip)]
    pub offer: Option<OfferId>,
    /// The agent who is rung or speaks.
    pub agent: Option<String>,
    pub visits: Vec<Visit>,
}

impl Service {
    pub fn new(flow: &str, document: &ValidFlow) -> Service {
        let interpreter = Interpreter::new(document);
        Service { flow: flow.into(), interpreter, offer: None, agent: None, visits: Vec::new() }
    }

    /// Returns the stay that has not ended.
    pub fn waiting(&self) -> Option<&Visit> {
        self.visits.last().filter(|visit| visit.outcome.is_none())
    }

    pub fn enter(&mut self, queue: String, priority: u8, now: Mono) {
        if self.visits.len() == MAX_VISITS {
            self.visits.remove(0);
        }
        self.visits.push(Visit { queue, priority, entered: now, left: None, outcome: None, agent: None });
    }

    /// Ends the stay that has not ended; false if there is none.
    pub fn leave(&mut self, outcome: Outcome, now: Mono) -> bool {
        let agent = self.agent.clone().filter(|_| outcome == Outcome::Answered);
        let Some(visit) = self.visits.last_mut().filter(|visit| visit.outcome.is_none()) else {
            return false;
        };
        (visit.outcome, visit.left, visit.agent) = (Some(outcome), Some(now), agent);
        true
    }
}

/// What is known of one leg.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub id: LegId,
    pub channel: Option<ChannelId>,
    pub incoming: bool,
    pub state: LegStateView,
}

/// A call with its surroundings.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub call: Call,
    /// Its flow's part, if it has one.
    pub service: Option<Service>,
    /// The flow as it was when the call began.
    pub flow: Option<Arc<ValidFlow>>,
    /// The deadline that the machine keeps for it.
    pub due: Option<Mono>,
    /// The note as it lies on the first leg.
    pub note: Vec<u8>,
    /// All legs it ever had, the first one first.
    pub legs: Vec<Leg>,
    pub since: Mono,
    pub answered: Option<Mono>,
    pub talking: Option<Mono>,
    pub ended: Option<Mono>,
    pub recordings: Vec<RecordingView>,
    /// Legs that have ended and that the lines still remember.
    pub unforgotten: Vec<LegId>,
}

impl Entry {
    pub fn new(call: Call, since: Mono) -> Entry {
        Entry {
            call,
            service: None,
            flow: None,
            due: None,
            note: Vec::new(),
            legs: Vec::new(),
            since,
            answered: None,
            talking: None,
            ended: None,
            recordings: Vec::new(),
            unforgotten: Vec::new(),
        }
    }

    /// Takes over what the census says of a leg.
    pub fn add_leg(&mut self, census: &LegCensus) {
        self.legs.push(Leg {
            id: census.leg,
            channel: census.channel,
            incoming: census.incoming,
            state: census.state.into(),
        });
        if census.leg == self.call.first {
            self.since = census.since;
            self.answered = census.answered;
        }
    }

    /// Takes over what the census says of a leg that has ended.
    pub fn add_ended(&mut self, ended: &EndedLeg) {
        let incoming = ended.leg.session == 0;
        self.legs.push(Leg { id: ended.leg, channel: None, incoming, state: LegStateView::Ended });
        if ended.leg == self.call.first {
            self.since = ended.since;
            self.answered = ended.answered;
            self.ended = Some(ended.ended);
        }
    }

    pub fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    pub fn set_state(&mut self, id: LegId, state: LegState) {
        if let Some(leg) = self.leg_mut(id) {
            leg.state = state.into();
        }
    }

    /// Adds a leg that we originate. Of many in vain the oldest is shown no more.
    pub fn originated(&mut self, leg: LegId) {
        if self.legs.len() == MAX_LEGS {
            self.legs.remove(1);
        }
        self.legs.push(Leg { id: leg, channel: None, incoming: false, state: LegStateView::Calling });
    }

    /// Returns when the call or its flow must be told that time has passed.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let flow = self.service.as_ref().and_then(|service| service.interpreter.poll_timeout());
        [self.call.poll_timeout(), flow].into_iter().flatten().min()
    }

    fn progress(&self) -> Progress {
        let waits = self.service.as_ref().is_some_and(|service| service.waiting().is_some());
        let progress = self.call.progress();
        if waits && progress == Progress::Prompt { Progress::Waiting } else { progress }
    }

    /// Notes how a recording fares.
    pub fn recording(&mut self, name: &str, state: &RecordingState) {
        let index = self.recordings.iter().position(|known| known.recording == name).unwrap_or_else(|| {
            let recording = name.to_string();
            self.recordings.push(RecordingView { recording, file: None, length_ms: None, failed: None });
            self.recordings.len() - 1
        });
        let known = &mut self.recordings[index];
        match state {
            RecordingState::Started => {}
            RecordingState::Stopped { file, length_ms } => {
                known.file = Some(file.clone());
                known.length_ms = Some(*length_ms);
            }
            RecordingState::Failed { why } => known.failed = Some(why.clone()),
            RecordingState::Resumed => known.failed = None,
        }
    }

    /// Returns what onlookers see.
    pub fn view(&self, anchor: &WallAnchor) -> CallView {
        let wall = |at: Mono| anchor.unix_millis(at);
        let leg = |leg: &Leg| LegView {
            leg: leg.id.to_string(),
            channel: leg.channel.map(|channel| channel.to_string()),
            incoming: leg.incoming,
            state: leg.state,
        };
        let visit = |visit: &Visit| VisitView {
            queue: visit.queue.clone(),
            entered_ms: wall(visit.entered),
            left_ms: visit.left.map(wall),
            outcome: visit.outcome,
            agent: visit.agent.clone(),
        };
        let service = self.service.as_ref();
        CallView {
            call: self.call.first.to_string(),
            called: self.call.called.clone(),
            calling: self.call.calling.clone(),
            restricted: self.call.restricted,
            from: self.call.from,
            flow: service.map(|service| service.flow.clone()),
            reached: self.call.reached.clone(),
            agent: service.and_then(|service| service.agent.clone()),
            visits: service.map_or(vec![], |service| service.visits.iter().map(visit).collect()),
            progress: self.progress(),
            legs: self.legs.iter().map(leg).collect(),
            since_ms: wall(self.since),
            answered_ms: self.answered.map(wall),
            talking_ms: self.talking.map(wall),
            ended_ms: self.ended.filter(|_| self.call.is_over()).map(wall),
            cause: self.call.cause.map(|cause| cause.0),
            recordings: self.recordings.clone(),
        }
    }

    /// Returns true if the call came from a telephone of ours or an operator.
    pub fn is_from_seat(&self) -> bool {
        self.call.from == From::Seat
    }
}
