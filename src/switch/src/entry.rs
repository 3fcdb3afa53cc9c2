//! One call as the machine holds it: the call's own machine beside what is shown of it.

use call::{Call, From};
use clock::{Mono, WallAnchor};
use link::{EndedLeg, LegCensus, LegId, LegState, RecordingState};
use tdm::ChannelId;

use crate::view::{CallView, LegStateView, LegView, RecordingView};

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
    /// The note as it lies on the first leg.
    pub note: Vec<u8>,
    /// All legs it ever had, the first one first.
    pub legs: Vec<Leg>,
    pub since: Mono,
    pub answered: Option<Mono>,
    pub talking: Option<Mono>,
    pub ended: Option<Mono>,
    pub recordings: Vec<RecordingView>,
}

impl Entry {
    pub fn new(call: Call, since: Mono) -> Entry {
        Entry {
            call,
            note: Vec::new(),
            legs: Vec::new(),
            since,
            answered: None,
            talking: None,
            ended: None,
            recordings: Vec::new(),
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
        CallView {
            call: self.call.first.to_string(),
            called: self.call.called.clone(),
            calling: self.call.calling.clone(),
            restricted: self.call.restricted,
            from: self.call.from,
            flow: None,
            reached: self.call.reached.clone(),
            agent: None,
            visits: Vec::new(),
            progress: self.call.progress(),
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
