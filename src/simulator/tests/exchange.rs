//! The exchange alone, against a bare user side of one span: what it does and what it writes.

use core::time::Duration;
use std::collections::BTreeMap;

use clock::{Mono, Prng};
use isdn::config::{PriConfig, Side};
use isdn::event::{CallId, Input as PriInput, Output as PriOutput, PriEvent, Request};
use isdn::pri::Pri;
use simulator::exchange::{Act, At, Config, Exchange, Input, Output, Phone, Sound, Span};
use simulator::people::Habits;
use simulator::truth::{Entry, Event, Party};
use tdm::{ChannelId, HookState, Law, SpanId, SpanKind};

const TRUNK: SpanId = SpanId(1);
const PHONES: SpanId = SpanId(5);
const PORT: ChannelId = ChannelId::new(5, 1);
const SECOND: Duration = Duration::from_secs(1);

struct Rig {
    now: Mono,
    exchange: Exchange,
    user: Pri,
    offers: Vec<(CallId, ChannelId)>,
    truth: Vec<Entry>,
    acts: Vec<(ChannelId, Act)>,
    hooks: Vec<HookState>,
}

impl Rig {
    fn new(habits: Habits) -> Rig {
        let span = |span, kind, channels| Span { span, kind, channels, law: Law::A, side: Side::Network };
        let config = Config {
            seed: 1,
            unix_ms: 0,
            spans: vec![span(TRUNK, SpanKind::E1, 31), span(PHONES, SpanKind::Fxs, 2)],
            phones: vec![Phone { name: "6001".into(), at: At::Number("6001".into()) }],
            habits,
            loops: BTreeMap::new(),
        };
        let mut rig = Rig {
            now: Mono::ZERO,
            exchange: Exchange::new(config, Mono::ZERO),
            user: Pri::new(PriConfig::new(Side::User, SpanKind::E1), Prng::new(9)),
            offers: Vec::new(),
            truth: Vec::new(),
            acts: Vec::new(),
            hooks: Vec::new(),
        };
        rig.user.handle(PriInput::LineUp, rig.now);
        rig.tell(Input::Line { span: TRUNK, up: true });
        rig.run(3 * SECOND);
        rig
    }

    fn tell(&mut self, input: Input<'_>) {
        self.exchange.handle(input, self.now);
        self.settle();
    }

    fn ask(&mut self, request: Request) {
        self.user.handle(PriInput::Request(request), self.now);
        self.settle();
    }

    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let user = self.user.poll_timeout().map(|(at, _)| at);
            let next = self.exchange.poll_timeout().into_iter().chain(user).min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            self.now = self.now.max(next);
            self.exchange.handle(Input::Timeout, self.now);
            self.user.handle(PriInput::Timeout, self.now);
            self.settle();
        }
        self.now = end;
    }

    fn settle(&mut self) {
        loop {
            let (ours, theirs) = (self.exchange.poll_output(), self.user.poll_output());
            if ours.is_none() && theirs.is_none() {
                return;
            }
            match ours {
                Some(Output::Frame { frame, .. }) => {
                    self.user.handle(PriInput::Frame(frame.octets()), self.now)
                }
                Some(Output::Truth(entry)) => self.truth.push(entry),
                Some(Output::Act { channel, act }) => self.acts.push((channel, act)),
                Some(Output::Hook { state, .. }) => self.hooks.push(state),
                Some(Output::Loop { .. } | Output::Identity { .. }) => {
                    panic!("this exchange has no such lines")
                }
                None => {}
            }
            match theirs {
                Some(PriOutput::Frame(frame)) => {
                    let input = Input::Frame { span: TRUNK, octets: frame.octets() };
                    self.exchange.handle(input, self.now);
                }
                Some(PriOutput::Event(PriEvent::Offer(offer))) => {
                    self.offers.push((offer.call, ChannelId { span: TRUNK, timeslot: offer.channel }));
                }
                Some(PriOutput::Event(_)) | None => {}
            }
        }
    }

    fn happened(&self, what: impl Fn(&Event) -> bool) -> bool {
        self.truth.iter().any(|entry| what(&entry.event))
    }
}

fn habits() -> Habits {
    let mut habits = Habits { no_answer: 0.0, agent_hangs_up: 0.0, ..Habits::default() };
    habits.patience = Duration::from_secs(10_000);
    habits
}

#[test]
fn a_caller_presses_keys_talks_with_the_agent_it_hears_and_hangs_up() {
    let mut rig = Rig::new(habits());
    rig.tell(Input::Burst(1));
    let (call, channel) = rig.offers[0];
    rig.ask(Request::Connect { call });
    rig.run(10 * SECOND);
    assert!(rig.acts.contains(&(channel, Act::Key('1'))));
    assert!(rig.happened(|event| *event == Event::Waits { call: 1 }));
    rig.tell(Input::Ring { channel: PORT, on: true });
    rig.run(60 * SECOND);
    assert_eq!(rig.hooks.first(), Some(&HookState::OffHook), "{:?}", rig.truth);
    // The agent found nobody and has put the phone down; the phone rings again and the two are joined.
    rig.tell(Input::Ring { channel: PORT, on: false });
    rig.tell(Input::Ring { channel: PORT, on: true });
    rig.tell(Input::Heard { channel, sound: Sound::Person(PORT) });
    rig.run(600 * SECOND);
    assert!(rig.happened(|event| *event == Event::Talk { call: 1, phone: "5/1".into() }));
    assert!(rig.happened(|event| *event == Event::Ended { call: 1, by: Party::Caller, cause: 16 }));
    assert_eq!(rig.exchange.callers(), 0);
    assert!(rig.exchange.busy_channels().is_empty());
    assert_eq!(rig.exchange.phones_in_use().count(), 0);
}

#[test]
fn a_phone_behind_the_span_shows_the_caller_and_that_is_the_talk() {
    let mut rig = Rig::new(habits());
    rig.tell(Input::Burst(1));
    let (call, _) = rig.offers[0];
    rig.ask(Request::Connect { call });
    let second = rig.user.next_call();
    let digits = |text| isdn::wire::Digits::new(text).unwrap();
    let setup = isdn::event::Setup {
        call: second,
        called: isdn::wire::PartyNumber::called(digits("6001")),
        calling: Some(isdn::wire::PartyNumber::calling(digits("13900000001"))),
        name: None,
        channel: isdn::event::ChannelChoice::Any,
        sending_complete: true,
        bearer: isdn::wire::BearerCapability::audio(Law::A),
    };
    rig.ask(Request::Setup(Box::new(setup)));
    let number = Some("13900000001".to_string());
    assert!(rig.happened(|event| *event == Event::Rung { phone: "6001".into(), number: number.clone() }));
    rig.run(60 * SECOND);
    assert!(rig.happened(|event| *event == Event::Talk { call: 1, phone: "6001".into() }));
    rig.run(600 * SECOND);
    assert!(rig.happened(|event| matches!(event, Event::PutDown { by: Party::Agent, .. })));
    assert!(rig.exchange.busy_channels().is_empty(), "{:?}", rig.exchange.busy_channels());
}

#[test]
fn thirty_channels_take_thirty_callers_and_the_rest_are_blocked() {
    let mut rig = Rig::new(Habits { max_callers: 1_000, ..habits() });
    rig.tell(Input::Burst(40));
    assert_eq!(rig.offers.len(), 30);
    let blocked = rig.truth.iter().filter(|entry| matches!(entry.event, Event::Blocked { .. }));
    assert_eq!(blocked.count(), 10);
    assert_eq!(rig.exchange.busy_channels().len(), 30);
}

#[test]
fn callers_come_by_their_rate_and_tandem_may_clear_them() {
    let mut rig = Rig::new(Habits { calls_per_hour: 3_600.0, max_callers: 5, ..habits() });
    rig.tell(Input::Open);
    rig.run(60 * SECOND);
    assert_eq!(rig.exchange.callers(), 5);
    assert!(rig.exchange.counters().held_back > 10);
    rig.tell(Input::Close);
    for (call, _) in rig.offers.clone() {
        rig.ask(Request::Disconnect { call, cause: isdn::cause::Cause::USER_BUSY, inband: false });
    }
    assert_eq!(rig.exchange.callers(), 0);
    // Nobody answered: the network's timers may have cleared some before.
    assert!(rig.happened(|event| matches!(event, Event::Ended { by: Party::Tandem, cause: 17, .. })));
}
