//! Who is with whom: what persons hear becomes talks, and talks take turns at speaking.
//!
//! A talk begins when a caller whose call is answered and an agent whose phone is lifted are with each other: one of them
//! hears the other, or the phone shows the caller's number. It ends when either leaves. A caller in two talks, or an agent,
//! would be Tandem's mistake: both stand in the truth then.

use clock::Mono;
use tdm::ChannelId;

use super::agenda::Who;
use super::{Act, Exchange, Sound};
use crate::people::{AgentInput, CallerInput};
use crate::truth::Event;

impl Exchange {
    pub(crate) fn heard(&mut self, channel: ChannelId, sound: Sound, now: Mono) {
        let Some(who) = self.channels.get(&channel).copied() else {
            // What is sent to a channel without a call concerns nobody.
            return;
        };
        self.hears.remove(&channel);
        match (sound, who) {
            (Sound::Person(other), _) => {
                self.hears.insert(channel, other);
                self.look_for_talk(channel, now);
            }
            (Sound::Tone, Who::Agent(index)) => {
                self.agent_left(index, now);
                self.agent(index, AgentInput::CallerGone, now);
            }
            (Sound::Speech, Who::Caller(id)) => self.caller(id, CallerInput::SpeechHeard, now),
            (Sound::Silence | Sound::Tone | Sound::Speech, _) => {}
        }
    }

    /// Begins the talk of whoever is on `channel`, if both sides are there.
    pub(crate) fn look_for_talk(&mut self, channel: ChannelId, now: Mono) {
        let hears = self.hears.get(&channel).copied();
        let heard_by = self.hears.iter().filter(|(_, heard)| **heard == channel).map(|(by, _)| *by);
        let others: Vec<ChannelId> = hears.into_iter().chain(heard_by).collect();
        for other in others {
            match (self.channels.get(&channel), self.channels.get(&other)) {
                (Some(Who::Caller(caller)), Some(Who::Agent(agent)))
                | (Some(Who::Agent(agent)), Some(Who::Caller(caller))) => {
                    self.meet(*caller, *agent, now);
                }
                _two_callers_or_nobody => {}
            }
        }
    }

    /// Begins the talk with the caller whose number the phone shows.
    pub(crate) fn look_for_shown_caller(&mut self, index: u16, now: Mono) {
        let shown = self.sets.get(usize::from(index)).and_then(|set| set.shown.as_deref());
        let id = shown.and_then(|shown| self.lines.iter().find(|(_, line)| line.number == shown));
        if let Some(id) = id.map(|(id, _)| *id) {
            self.meet(id, index, now);
        }
    }

    fn meet(&mut self, id: u32, index: u16, now: Mono) {
        let Some(line) = self.lines.get(&id).filter(|line| line.answered && line.cleared.is_none()) else {
            return;
        };
        let Some(set) = self.sets.get_mut(usize::from(index)).filter(|set| set.agent.is_up()) else {
            return;
        };
        if !self.talks.insert((id, index)) {
            return;
        }
        set.kind = line.kind;
        let (length, agent_ends) = line.person.talk();
        let phone = set.phone.name.clone();
        self.tell(Event::Talk { call: id, phone }, now);
        self.caller(id, CallerInput::AgentThere, now);
        self.agent(index, AgentInput::CallerThere { ends_after: agent_ends.then_some(length) }, now);
    }

    /// A caller has left: those who talked with it are alone.
    pub(crate) fn caller_left(&mut self, id: u32, now: Mono) {
        let agents: Vec<u16> = self.talks.range((id, 0)..=(id, u16::MAX)).map(|(_, index)| *index).collect();
        for index in agents {
            self.part(id, index, now);
            self.agent(index, AgentInput::CallerGone, now);
        }
    }

    /// An agent has left: those who talked with it are alone.
    pub(crate) fn agent_left(&mut self, index: u16, now: Mono) {
        let callers = self.talks.iter().filter(|(_, with)| *with == index).map(|(id, _)| *id);
        for id in callers.collect::<Vec<_>>() {
            self.part(id, index, now);
            self.caller(id, CallerInput::AgentGone, now);
        }
    }

    fn part(&mut self, id: u32, index: u16, now: Mono) {
        self.talks.remove(&(id, index));
        if let Some(set) = self.sets.get(usize::from(index)) {
            let phone = set.phone.name.clone();
            self.tell(Event::Parted { call: id, phone }, now);
        }
    }

    /// A clip is over: in a talk it is the other one's turn, and an agent alone says it again.
    pub(crate) fn said(&mut self, channel: ChannelId) {
        match self.channels.get(&channel).copied() {
            Some(Who::Agent(index)) => {
                let with = self.talks.iter().find(|(_, with)| *with == index).map(|(id, _)| *id);
                match with {
                    Some(id) => self.caller_says(id, index),
                    None => self.agent_says(index),
                }
            }
            Some(Who::Caller(id)) => {
                let with = self.talks.range((id, 0)..=(id, u16::MAX)).next().map(|(_, index)| *index);
                if let Some(index) = with {
                    self.agent_says(index);
                }
            }
            Some(Who::Span(_) | Who::Arrivals | Who::Loop(_)) | None => self.counters.unknown += 1,
        }
    }

    fn caller_says(&mut self, id: u32, index: u16) {
        let clip = self.sets.get(usize::from(index)).map_or(0, |set| set.turns);
        if let Some(line) = self.lines.get(&id) {
            self.act(line.channel, Act::Say { voice: line.voice(id), clip });
        }
    }

    fn agent_says(&mut self, index: u16) {
        let in_talk = self.talks.iter().any(|(_, with)| *with == index);
        let Some(set) = self.sets.get_mut(usize::from(index)).filter(|set| set.agent.is_up()) else {
            return;
        };
        set.turns += u32::from(in_talk);
        let (clip, voice) = (set.turns, set.voice(index));
        if let Some(channel) = set.channel {
            self.act(channel, Act::Say { voice, clip });
        }
    }
}
