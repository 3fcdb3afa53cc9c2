//! A centre to be simulated: E1 spans 1 to 3, thirty telephones on span 5, an attendant who asks for a seat.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test uses its part, and stops where something is wrong"
)]

use core::time::Duration;
use std::collections::BTreeMap;
use std::sync::Arc;

use call::{Action, NumberEntry, Place, Plan, Seat};
use card::RingCadence;
use cas::fxo::{AnswerBy, FxoConfig, IdentityTime};
use cas::fxs::FxsConfig;
use isdn::config::{Hunt, PriConfig, Side};
use line::{IdentityBy, LineConfig, LoopStart, PhoneConfig, SpanConfig, TrunkConfig};
use rt::Strip;
use simulator::event::WorldConfig;
use simulator::exchange;
use simulator::invariants::Names;
use simulator::people::{CallerKind, Habits};
use switch::{Agent, Queue, Start, SwitchConfig};
use tdm::{ChannelId, Law, SpanId, SpanKind};

pub const PHONES: u16 = 5;

pub fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub fn strip(channel: ChannelId) -> Strip {
    Strip(channel.span.0 * 40 + u16::from(channel.timeslot.0))
}

/// A centre with so many E1 spans and agents' phones, whose callers know the number of a seat.
pub fn attendant(seed: u64, spans: u16, phones: u8) -> WorldConfig {
    let habits = Habits {
        calls_per_hour: 1_200.0,
        max_callers: 90,
        called: vec!["8000".into()],
        kinds: (1..=phones).map(|n| kind(&(200 + u16::from(n)).to_string())).collect(),
        ..Habits::default()
    };
    let entry = NumberEntry {
        called: "8000".into(),
        from: None,
        action: Action::Attendant { digits: 3, digit_timeout: secs(5), attempts: 3 },
        prompts: vec!["en/welcome".into()],
        language: "en".into(),
        record: true,
    };
    let seat = |n: u8| Seat {
        number: (200 + u16::from(n)).to_string(),
        place: Place::Port(ChannelId::new(PHONES, n)),
        answer_timeout: secs(20),
    };
    let plan = Plan {
        numbers: vec![entry],
        seats: (1..=phones).map(seat).collect(),
        digit_timeout: secs(5),
        trunk_timeout: secs(60),
    };
    WorldConfig {
        line: line_config(spans, phones),
        switch: SwitchConfig { plan, records: true, ..SwitchConfig::default() },
        exchange: exchange_config(seed, spans, phones, habits),
        prompts: BTreeMap::from([("en/welcome".into(), secs(6))]),
        prompt: secs(2),
        shifts: vec![],
    }
}

pub fn kind(keys: &str) -> CallerKind {
    CallerKind { weight: 1, language: "en".into(), keys: keys.into(), listen: secs(3) }
}

pub fn exchange_config(seed: u64, spans: u16, phones: u8, habits: Habits) -> exchange::Config {
    let span = |span, kind, channels| exchange::Span {
        span: SpanId(span),
        kind,
        channels,
        law: Law::A,
        side: Side::Network,
    };
    let trunks = (1..=spans).map(|n| span(n, SpanKind::E1, 31));
    exchange::Config {
        seed,
        unix_ms: 1_700_000_000_000,
        spans: trunks.chain([span(PHONES, SpanKind::Fxs, phones)]).collect(),
        phones: vec![],
        habits,
        loops: BTreeMap::new(),
    }
}

pub fn line_config(spans: u16, phones: u8) -> LineConfig {
    let trunk = |n| SpanConfig {
        span: SpanId(n),
        kind: SpanKind::E1,
        channels: 31,
        trunk: Some(TrunkConfig::Pri(PriConfig::new(Side::User, SpanKind::E1))),
        phones: None,
    };
    let bank = PhoneConfig { fxs: FxsConfig::default(), cadence: RingCadence::CHINA };
    let telephones = SpanConfig {
        span: SpanId(PHONES),
        kind: SpanKind::Fxs,
        channels: phones,
        trunk: None,
        phones: Some(bank),
    };
    let spans: Vec<SpanConfig> = (1..=spans).map(trunk).chain([telephones]).collect();
    let channels = spans.iter().flat_map(|s| (1..=s.channels).map(|t| ChannelId::new(s.span.0, t)));
    LineConfig {
        epoch: 1_000,
        strips: channels.map(|channel| (channel, strip(channel))).collect(),
        spans,
        feeds: 256,
        taps: 256,
        hold: secs(30),
        max_legs: 256,
    }
}

/// Phones as the plan names them.
pub fn names(phones: u8) -> BTreeMap<String, Names> {
    let name = |n: u8| {
        let names = Names { seat: (200 + u16::from(n)).to_string(), agent: None };
        (ChannelId::new(PHONES, n).to_string(), names)
    };
    (1..=phones).map(name).collect()
}

/// A centre with a flow, two queues and an agent at each phone: the odd ones serve both queues, the even ones one.
pub fn queues(seed: u64, spans: u16, phones: u8) -> WorldConfig {
    let mut config = attendant(seed, spans, phones);
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/centre/flow.toml");
    let flow: ivr::Flow = toml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let flow = flow.validate().unwrap();
    config.switch.flows = BTreeMap::from([("front".into(), Arc::new(flow))]);
    config.switch.plan.numbers[0].action = Action::Flow("front".into());
    let rules =
        |goal| acd::QueueConfig { service_goal: secs(goal), max_waiting: 40, ..acd::QueueConfig::default() };
    let queue = |name: &str, goal| Queue { name: name.into(), title: name.into(), rules: rules(goal) };
    config.switch.queues = vec![queue("service", 20), queue("billing", 30)];
    config.switch.agents = (1..=phones).map(agent).collect();
    config.switch.missed_pause = Some(secs(20));
    config.exchange.habits.kinds = vec![kind("1"), kind("2"), CallerKind { weight: 1, ..kind("7,1") }];
    config.exchange.habits.kinds[0].weight = 6;
    config.exchange.habits.kinds[1].weight = 3;
    config.prompts = BTreeMap::from([("en/menu".into(), secs(8)), ("en/please-wait".into(), secs(4))]);
    config
}

fn agent(n: u8) -> Agent {
    let both = ["service", "billing"];
    let served = match n % 4 {
        0 => &both[..1],
        2 => &both[1..],
        _ => &both[..],
    };
    Agent {
        name: format!("agent{n}"),
        title: format!("Agent {n}"),
        seat: (200 + u16::from(n)).to_string(),
        queues: served.iter().map(ToString::to_string).collect(),
        start: Start::Ready,
    }
}

/// Phones with the agents of [`queues`].
pub fn names_with_agents(phones: u8) -> BTreeMap<String, Names> {
    let with_agent = |n: u8| {
        let names = Names { seat: (200 + u16::from(n)).to_string(), agent: Some(format!("agent{n}")) };
        (ChannelId::new(PHONES, n).to_string(), names)
    };
    (1..=phones).map(with_agent).collect()
}

/// The span to the house's own exchange.
const HOUSE: SpanId = SpanId(4);

/// The centre of [`queues`], but the agents' telephones are behind a house's own exchange, on numbers from 6001.
pub fn behind_a_trunk(seed: u64, spans: u16, phones: u8) -> WorldConfig {
    let mut config = queues(seed, spans, phones);
    let trunk = Some(TrunkConfig::Pri(PriConfig::new(Side::Network, SpanKind::E1)));
    config.line.spans.push(SpanConfig { span: HOUSE, kind: SpanKind::E1, channels: 31, trunk, phones: None });
    let channels = (1..=31).map(|t| ChannelId::new(HOUSE.0, t));
    config.line.strips.extend(channels.map(|channel| (channel, strip(channel))));
    config.exchange.spans.push(exchange::Span {
        span: HOUSE,
        kind: SpanKind::E1,
        channels: 31,
        law: Law::A,
        side: Side::User,
    });
    let dial = |n: u8| (6_000 + u16::from(n)).to_string();
    for (n, seat) in (1..).zip(&mut config.switch.plan.seats) {
        seat.place = Place::Trunk { spans: vec![HOUSE], dial: dial(n) };
    }
    let phone = |n: u8| exchange::Phone {
        name: ChannelId::new(PHONES, n).to_string(),
        at: exchange::At::Number(dial(n)),
    };
    config.exchange.phones = (1..=phones).map(phone).collect();
    config.exchange.spans.retain(|span| span.span.0 != PHONES);
    config
}

/// The span of exchange lines.
pub const LINES: SpanId = SpanId(6);

/// What lines between us and the exchange are like: both sides say the same.
#[derive(Clone, Copy, Debug)]
pub struct Wires {
    pub identity: exchange::Identity,
    pub time: exchange::IdentityTime,
    pub release: exchange::Release,
    pub answer: AnswerBy,
}

fn wire(config: &mut WorldConfig, wires: Wires, ports: u8) {
    let identity = match (wires.identity, wires.time) {
        (exchange::Identity::None, _) => IdentityTime::Never,
        (_, exchange::IdentityTime::AfterRing) => IdentityTime::AfterRing,
        (_, exchange::IdentityTime::AfterReversal) => IdentityTime::AfterReversal,
        (_, exchange::IdentityTime::BeforeRing) => IdentityTime::BeforeRing,
    };
    let by_keys = wires.identity == exchange::Identity::Dtmf;
    let trunk = LoopStart {
        fxo: FxoConfig { identity, answer: wires.answer, ..FxoConfig::default() },
        identity: if by_keys { IdentityBy::Dtmf } else { IdentityBy::Fsk },
        called: "8000".into(),
        hunt: Hunt::Descending,
    };
    let trunk = Some(TrunkConfig::LoopStart(trunk));
    let span = SpanConfig { span: LINES, kind: SpanKind::Fxo, channels: ports, trunk, phones: None };
    config.line.spans.push(span);
    let channels = (1..=ports).map(|t| ChannelId::new(LINES.0, t));
    config.line.strips.extend(channels.map(|channel| (channel, strip(channel))));
    config.exchange.spans.push(exchange::Span {
        span: LINES,
        kind: SpanKind::Fxo,
        channels: ports,
        law: Law::A,
        side: Side::Network,
    });
    let service = exchange::LoopService {
        number: "8000".into(),
        identity: wires.identity,
        time: wires.time,
        burst: secs(1),
        pause: secs(4),
        release: wires.release,
        reverses: wires.answer == AnswerBy::Polarity,
    };
    config.exchange.loops.insert(LINES, service);
}

/// The centre of [`queues`] without E1: its callers come over exchange lines.
pub fn on_exchange_lines(seed: u64, wires: Wires, ports: u8, phones: u8) -> WorldConfig {
    let mut config = queues(seed, 0, phones);
    config.exchange.habits.calls_per_hour = 400.0;
    wire(&mut config, wires, ports);
    config
}

/// The centre of [`queues`], but the agents' telephones are lines of the exchange, called over exchange lines, on numbers
/// from 6001. Callers come over E1 only: every line would be taken else.
pub fn dialled_over_exchange_lines(seed: u64, wires: Wires, phones: u8) -> WorldConfig {
    let mut config = queues(seed, 1, phones);
    config.exchange.habits.calls_per_hour = 200.0;
    wire(&mut config, wires, 31);
    let dial = |n: u8| (6_000 + u16::from(n)).to_string();
    for (n, seat) in (1..).zip(&mut config.switch.plan.seats) {
        seat.place = Place::Trunk { spans: vec![LINES], dial: dial(n) };
    }
    let phone = |n: u8| exchange::Phone {
        name: ChannelId::new(PHONES, n).to_string(),
        at: exchange::At::Number(dial(n)),
    };
    config.exchange.phones = (1..=phones).map(phone).collect();
    config.exchange.spans.retain(|span| span.span.0 != PHONES);
    config
}
