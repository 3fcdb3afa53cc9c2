//! Tests of the switch against scripted lines.

use super::*;
use crate::Trunk;
use call::{Action, NumberEntry, Place, Plan, Seat};
use link::{Health, LegCensus, PlayId, SpanCensus};
use tdm::{Alarms, SpanId, Timeslot};

const EPOCH: u32 = 1_000;
const PORT: ChannelId = ChannelId::new(5, 1);
const CHANNEL: ChannelId = ChannelId::new(1, 7);

fn config() -> SwitchConfig {
    let attendant = Action::Attendant { digits: 3, digit_timeout: Duration::from_secs(5), attempts: 2 };
    let entry = |called: &str, action| NumberEntry {
        called: called.into(),
        from: None,
        action,
        prompts: vec!["en/welcome".into()],
        language: "en".into(),
        record: true,
    };
    SwitchConfig {
        plan: Plan {
            numbers: vec![entry("8000", attendant), entry("8001", Action::Seat("201".into()))],
            seats: vec![Seat {
                number: "201".into(),
                place: Place::Port(PORT),
                answer_timeout: Duration::from_secs(30),
            }],
            digit_timeout: Duration::from_secs(5),
            trunk_timeout: Duration::from_secs(60),
        },
        trunks: vec![Trunk { name: "telecom".into(), spans: vec![SpanId(1)], caller: None }],
        ..SwitchConfig::default()
    }
}

fn line_leg(serial: u32) -> LegId {
    LegId { epoch: EPOCH, session: 0, serial }
}

fn census_leg(leg: LegId, state: LegState, note: Vec<u8>) -> LegCensus {
    LegCensus {
        leg,
        incoming: leg.session == 0,
        channel: Some(if leg.session == 0 { CHANNEL } else { PORT }),
        state,
        called: "8001".into(),
        complete: true,
        calling: "139".into(),
        restricted: false,
        since: Mono::from_millis(10),
        answered: (state == LegState::Answered).then_some(Mono::from_millis(20)),
        connected: None,
        playing: None,
        played: None,
        recording: None,
        digits: String::new(),
        note,
    }
}

struct Bench {
    machine: Machine,
    now: Mono,
    seq: u64,
    orders: Vec<Order>,
    view: crate::view::View,
    replies: Vec<Result<Reply, String>>,
}

impl Bench {
    fn new() -> Bench {
        Bench {
            machine: Machine::new(config(), Mono::from_millis(100)).unwrap(),
            now: Mono::from_millis(100),
            seq: 0,
            orders: vec![],
            view: Default::default(),
            replies: vec![],
        }
    }

    fn attached(session: u16, census: Vec<ToSwitch>) -> Bench {
        let mut bench = Bench::new();
        bench.attach(EPOCH, session, census);
        bench
    }

    fn attach(&mut self, epoch: u32, session: u16, census: Vec<ToSwitch>) {
        let anchor = WallAnchor::new(Mono::ZERO, 1_000_000_000_000);
        self.line(ToSwitch::Hello { protocol: link::PROTOCOL, epoch, session, anchor });
        census.into_iter().for_each(|message| self.line(message));
        self.line(ToSwitch::CensusEnd);
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle(input, self.now);
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Order(order) => self.orders.push(order),
                Output::Reply(_, reply) => self.replies.push(reply),
                Output::Update(update) => self.view.apply(&update),
            }
        }
    }

    fn line(&mut self, message: ToSwitch) {
        self.tell(Input::Line(message));
    }

    fn event(&mut self, event: Event) {
        self.seq += 1;
        self.line(ToSwitch::Event { seq: self.seq, at: self.now, event });
    }

    fn offer(&mut self, leg: LegId, called: &str) {
        let (called, calling) = (called.to_string(), "139".to_string());
        let offer =
            Event::Offer { leg, channel: CHANNEL, called, calling, restricted: false, complete: true };
        self.event(offer);
    }

    fn ended(&mut self, leg: LegId, cause: Cause) {
        let ended = EndedLeg {
            leg,
            cause,
            by_line: true,
            since: self.now,
            answered: None,
            ended: self.now,
            note: vec![],
        };
        self.event(Event::Ended(ended));
    }

    /// Returns what was ordered since the last look, without notes.
    fn orders(&mut self) -> Vec<Order> {
        let orders = std::mem::take(&mut self.orders);
        orders.into_iter().filter(|order| !matches!(order, Order::Note { .. })).collect()
    }

    fn last_note(&self, leg: LegId) -> Vec<u8> {
        let notes = self.orders.iter().rev().find_map(|order| {
            if let Order::Note { leg: on, note } = order
                && *on == leg
            {
                return Some(note.clone());
            }
            None
        });
        notes.expect("the leg has a note")
    }
}

fn second(session: u16) -> LegId {
    LegId { epoch: EPOCH, session, serial: 1 }
}

#[test]
fn a_call_runs_from_offer_to_end_and_is_shown() {
    let mut bench = Bench::attached(1, vec![]);
    bench.offer(line_leg(1), "8001");
    bench.event(Event::Alerting { leg: second(1), inband: false });
    assert_eq!(bench.view.calls.len(), 1);
    bench.event(Event::Answered { leg: second(1) });
    bench.event(Event::Answered { leg: line_leg(1) });
    bench.event(Event::Connected { a: line_leg(1), b: second(1) });
    bench.ended(second(1), Cause::NORMAL);
    let orders = bench.orders();
    assert!(orders.contains(&Order::Connect { a: line_leg(1), b: second(1) }));
    assert!(orders.contains(&Order::Hangup { leg: line_leg(1), cause: Cause::NORMAL }));
    bench.ended(line_leg(1), Cause::NORMAL);
    let ended = bench.view.ended.back().expect("the call is kept as ended");
    assert_eq!((ended.cause, ended.reached.as_deref()), (Some(16), Some("201")));
    assert!(ended.talking_ms.is_some() && bench.view.calls.is_empty());
}

#[test]
fn the_note_comes_before_the_leg_it_tells_of() {
    let mut bench = Bench::attached(1, vec![]);
    bench.offer(line_leg(1), "8001");
    let note = bench.orders.iter().position(|order| matches!(order, Order::Note { .. }));
    let originate = bench.orders.iter().position(|order| matches!(order, Order::Originate { .. }));
    assert!(note.unwrap() < originate.unwrap());
}

#[test]
fn a_new_process_goes_on_with_a_ringing_call_and_connects_the_answer_it_missed() {
    let mut old = Bench::attached(1, vec![]);
    old.offer(line_leg(1), "8001");
    let note = old.last_note(line_leg(1));
    let census = vec![
        ToSwitch::Leg(census_leg(line_leg(1), LegState::Alerting, note)),
        ToSwitch::Leg(census_leg(second(1), LegState::Answered, vec![])),
    ];
    let mut new = Bench::attached(2, census);
    let orders = new.orders();
    assert!(orders.contains(&Order::Connect { a: line_leg(1), b: second(1) }), "{orders:?}");
    assert!(orders.contains(&Order::Answer { leg: line_leg(1) }));
    assert_eq!(new.view.calls.len(), 1);
}

#[test]
fn a_leg_that_arrived_while_nobody_decided_is_a_new_call() {
    let census = vec![ToSwitch::Leg(census_leg(line_leg(9), LegState::Proceeding, vec![]))];
    let mut bench = Bench::attached(2, census);
    let orders = bench.orders();
    assert!(matches!(orders[..], [Order::Proceed { .. }, Order::Originate { .. }]), "{orders:?}");
}

#[test]
fn an_originated_leg_that_no_call_claims_is_hung_up() {
    let census = vec![ToSwitch::Leg(census_leg(second(1), LegState::Alerting, vec![]))];
    let mut bench = Bench::attached(2, census);
    assert_eq!(bench.orders(), [Order::Hangup { leg: second(1), cause: Cause::TEMPORARY }]);
}

#[test]
fn two_who_speak_without_a_note_are_left_to_speak() {
    let mut a = census_leg(line_leg(1), LegState::Answered, vec![]);
    let mut b = census_leg(second(1), LegState::Answered, vec![0xff, 1, 2]);
    (a.connected, b.connected) = (Some(b.leg), Some(a.leg));
    let mut bench = Bench::attached(2, vec![ToSwitch::Leg(a), ToSwitch::Leg(b)]);
    assert!(!bench.orders().iter().any(|order| matches!(order, Order::Hangup { .. })));
    bench.ended(second(1), Cause::NORMAL);
    assert!(bench.orders().contains(&Order::Hangup { leg: line_leg(1), cause: Cause::NORMAL }));
}

#[test]
fn calls_of_a_line_process_that_died_end_with_it() {
    let mut bench = Bench::attached(1, vec![]);
    bench.offer(line_leg(1), "8001");
    bench.tell(Input::LineLost);
    assert!(!bench.view.attached);
    bench.attach(EPOCH + 5, 1, vec![]);
    assert!(bench.view.calls.is_empty());
    assert_eq!(bench.view.ended.len(), 1);
    assert_eq!(bench.machine.poll_timeout(), None);
}

#[test]
fn a_call_is_dialled_by_request_and_served_once_answered() {
    let mut bench = Bench::attached(1, vec![]);
    let dial = |then: &str, trunk: &str| Request::Dial {
        trunk: trunk.into(),
        called: "10086".into(),
        calling: "8000".into(),
        then: then.into(),
    };
    bench.tell(Input::Request(RequestId(1), dial("8000", "telecom")));
    assert_eq!(bench.replies, [Ok(Reply::Call(second(1)))]);
    assert!(matches!(bench.orders()[..], [Order::Originate { .. }]));
    bench.event(Event::Answered { leg: second(1) });
    let orders = bench.orders();
    assert!(orders.iter().any(|o| matches!(o, Order::Play { play: PlayId(1), .. })), "{orders:?}");
    bench.replies.clear();
    bench.tell(Input::Request(RequestId(2), dial("8000", "nobody")));
    bench.tell(Input::Request(RequestId(3), dial("4711", "telecom")));
    let why: Vec<_> = bench.replies.iter().map(|reply| reply.clone().unwrap_err()).collect();
    assert_eq!(why, ["no trunk \"nobody\"", "\"4711\" is no number of the plan"]);
}

#[test]
fn the_answer_timeout_comes_from_the_machines_own_deadline() {
    let mut bench = Bench::attached(1, vec![]);
    bench.offer(line_leg(1), "8001");
    bench.orders();
    bench.now = bench.machine.poll_timeout().expect("ringing has a deadline");
    bench.tell(Input::Timeout);
    let hangup = Order::Hangup { leg: line_leg(1), cause: Cause::NO_ANSWER };
    assert!(bench.orders().contains(&hangup));
}

#[test]
fn spans_and_health_are_shown() {
    let span = SpanCensus {
        span: SpanId(1),
        kind: tdm::SpanKind::E1,
        seating: link::Seating::PriUser,
        alarms: Alarms::RED,
        dchannel: Some(false),
        channels: 30,
        blocked: 0,
        slips: 3,
        bad_frames: 0,
    };
    let mut bench = Bench::attached(1, vec![ToSwitch::Span(span)]);
    bench.event(Event::Health(Health { periods: 5, ..Health::default() }));
    assert_eq!(bench.view.spans[&1].alarms, ["red"]);
    assert_eq!(bench.view.health.periods, 5);
    assert_eq!(bench.view.channels()[0].state, "alarm");
}

#[test]
fn a_telephone_without_a_seat_is_inside_like_any_other() {
    let mut bench = Bench::attached(1, vec![]);
    let stranger = ChannelId { timeslot: Timeslot(PORT.timeslot.0 + 1), ..PORT };
    bench.machine.config.telephones = vec![PORT.span];
    let (called, calling) = ("201".to_string(), String::new());
    bench.event(Event::Offer {
        leg: line_leg(1),
        channel: stranger,
        called,
        calling,
        restricted: false,
        complete: true,
    });
    assert_eq!(bench.view.calls[&line_leg(1).to_string()].from, From::Seat);
    let rings = |order: &Order| matches!(order, Order::Originate { to: Destination::Port(PORT), .. });
    assert!(bench.orders().iter().any(rings), "it reaches its neighbour");
}
