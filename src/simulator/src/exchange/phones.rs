//! Agents' telephones: on ports, where they ring and are lifted, and behind spans, where Tandem dials their numbers.

use clock::{Mono, Prng};
use isdn::cause::Cause;
use isdn::event::{CallId, Request};
use tdm::{ChannelId, HookState, SpanId, SpanKind};

use super::agenda::Who;
use super::{Act, At, Config, Exchange, MAX_PHONES, Phone};
use crate::people::{Agent, AgentInput, AgentOutput, Habits, Role, Voice};
use crate::truth::{Event, Party};

/// A telephone with the agent.
#[derive(Debug)]
pub(crate) struct Set {
    pub phone: Phone,
    pub agent: Agent,
    /// The channel: of a port always, of a number while it is called.
    pub channel: Option<ChannelId>,
    /// The call to the number.
    pub call: Option<(SpanId, CallId)>,
    /// Tandem calls it over a subscriber line.
    pub over_loop: bool,
    /// The number that the phone shows.
    pub shown: Option<String>,
    /// Clips said in the present talk.
    pub turns: u32,
    /// The kind of the caller spoken with.
    pub kind: u8,
}

impl Set {
    pub fn new(phone: Phone, habits: &Habits, prng: Prng) -> Set {
        let channel = match &phone.at {
            At::Port(channel) => Some(*channel),
            At::Number(_) => None,
        };
        let agent = Agent::new(habits, prng);
        Set { phone, agent, channel, call: None, over_loop: false, shown: None, turns: 0, kind: 0 }
    }

    pub fn voice(&self, index: u16) -> Voice {
        Voice { role: Role::Agent, kind: self.kind, person: u32::from(index) }
    }
}

/// Returns the phones of the configuration and one for every port that is not among them.
pub(crate) fn all(config: &Config) -> Vec<Phone> {
    let mut phones = config.phones.clone();
    let banks = config.spans.iter().filter(|span| span.kind == SpanKind::Fxs);
    for channel in banks.flat_map(|span| (1..=span.channels).map(|port| ChannelId::new(span.span.0, port))) {
        if !phones.iter().any(|phone| phone.at == At::Port(channel)) {
            phones.push(Phone { name: channel.to_string(), at: At::Port(channel) });
        }
    }
    phones.truncate(MAX_PHONES);
    phones
}

impl Exchange {
    pub(crate) fn plug_in(&mut self, sets: Vec<Set>) {
        for (index, set) in (0u16..).zip(&sets) {
            match &set.phone.at {
                At::Port(channel) => {
                    self.ports.insert(*channel, index);
                    self.channels.insert(*channel, Who::Agent(index));
                }
                At::Number(number) => drop(self.numbers.insert(number.clone(), index)),
            }
        }
        self.sets = sets;
    }

    /// A telephone on a port begins or ceases to be rung.
    pub(crate) fn ring(&mut self, channel: ChannelId, on: bool, now: Mono) {
        let Some(index) = self.ports.get(&channel).copied() else {
            self.counters.unknown += 1;
            return;
        };
        if on { self.begin_ringing(index, now) } else { self.stop_ringing(index, now) }
    }

    pub(crate) fn begin_ringing(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get(usize::from(index)).filter(|set| set.agent.is_free()) else {
            return;
        };
        let (phone, number) = (set.phone.name.clone(), set.shown.clone());
        self.tell(Event::Rung { phone, number }, now);
        self.agent(index, AgentInput::Rings, now);
    }

    fn stop_ringing(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get(usize::from(index)).filter(|set| set.agent.is_ringing()) else {
            return;
        };
        let phone = set.phone.name.clone();
        self.tell(Event::Unanswered { phone }, now);
        self.agent(index, AgentInput::StopsRinging, now);
    }

    /// Tandem dials a number.
    pub(crate) fn phone_called(
        &mut self,
        span: SpanId,
        call: CallId,
        channel: ChannelId,
        called: &str,
        shown: Option<String>,
        now: Mono,
    ) {
        let refuse = |cause| Request::Disconnect { call, cause, inband: false };
        let Some(index) = self.numbers.get(called).copied() else {
            return self.ask(span, refuse(Cause::UNALLOCATED_NUMBER), now);
        };
        let Some(set) =
            self.sets.get_mut(usize::from(index)).filter(|set| set.call.is_none() && !set.over_loop)
        else {
            return self.ask(span, refuse(Cause::USER_BUSY), now);
        };
        (set.call, set.channel, set.shown) = (Some((span, call)), Some(channel), shown);
        self.calls.insert((span, call), Who::Agent(index));
        self.channels.insert(channel, Who::Agent(index));
        self.tell(Event::Channel { channel, busy: true }, now);
        self.begin_ringing(index, now);
        self.ask(span, Request::Alerting { call, inband: false }, now);
    }

    /// Tandem has cleared a call to a number.
    pub(crate) fn phone_cleared(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get(usize::from(index)) else {
            return;
        };
        let phone = set.phone.name.clone();
        if set.agent.is_ringing() {
            self.tell(Event::Unanswered { phone }, now);
        } else if set.agent.is_up() {
            self.tell(Event::PutDown { phone, by: Party::Tandem }, now);
            self.agent_left(index, now);
        }
        self.agent(index, AgentInput::Cleared, now);
    }

    /// A call to a number is over and its channel free.
    pub(crate) fn phone_released(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get_mut(usize::from(index)) else {
            return;
        };
        (set.call, set.over_loop, set.shown) = (None, false, None);
        if let Some(channel) = set.channel.take() {
            self.channels.remove(&channel);
            self.hears.remove(&channel);
            self.tell(Event::Channel { channel, busy: false }, now);
        }
    }

    pub(crate) fn agent_due(&mut self, index: u16, now: Mono) {
        self.agent(index, AgentInput::Timeout, now);
    }

    /// Tells an agent something and does what comes of it.
    pub(crate) fn agent(&mut self, index: u16, input: AgentInput, now: Mono) {
        let place = usize::from(index);
        let Some(set) = self.sets.get_mut(place) else {
            return;
        };
        set.agent.handle(input, now);
        while let Some(output) = self.sets.get_mut(place).and_then(|set| set.agent.poll_output()) {
            match output {
                AgentOutput::PickUp => self.pick_up(index, now),
                AgentOutput::PutDown => self.put_down(index, now),
            }
        }
        let due = self.sets.get(place).and_then(|set| set.agent.poll_timeout());
        self.agenda.set(Who::Agent(index), due);
    }

    fn pick_up(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get_mut(usize::from(index)) else {
            return;
        };
        set.turns = 0;
        let (phone, channel, call) = (set.phone.name.clone(), set.channel, set.call);
        let over_loop = channel.filter(|_| set.over_loop);
        let voice = set.voice(index);
        self.tell(Event::PickedUp { phone }, now);
        match call {
            Some((span, call)) => self.ask(span, Request::Connect { call }, now),
            None => match over_loop {
                Some(line) => self.loop_lifted(line),
                None => self.hook(channel, HookState::OffHook),
            },
        }
        if let Some(channel) = channel {
            self.act(channel, Act::Say { voice, clip: 0 });
            self.look_for_talk(channel, now);
        }
        self.look_for_shown_caller(index, now);
    }

    fn put_down(&mut self, index: u16, now: Mono) {
        let Some(set) = self.sets.get(usize::from(index)) else {
            return;
        };
        let (phone, channel, call) = (set.phone.name.clone(), set.channel, set.call);
        let over_loop = channel.filter(|_| set.over_loop);
        self.tell(Event::PutDown { phone, by: Party::Agent }, now);
        if let Some(channel) = channel {
            self.act(channel, Act::Hush);
        }
        self.agent_left(index, now);
        match call {
            Some((span, call)) => {
                let cause = Cause::NORMAL_CLEARING;
                self.ask(span, Request::Disconnect { call, cause, inband: false }, now);
            }
            None => match over_loop {
                Some(line) => drop(self.loop_left(line, now)),
                None => self.hook(channel, HookState::OnHook),
            },
        }
    }

    fn hook(&mut self, channel: Option<ChannelId>, state: HookState) {
        if let Some(channel) = channel {
            self.outputs.push_back(super::Output::Hook { channel, state });
        }
    }
}
