//! Tests of the call machine: what is ordered for each thing that happens.

use super::*;
use crate::plan::{Place, Seat};
use crate::resume::Found;
use link::{EndedLeg, LegCensus, LegState};
use tdm::ChannelId;

struct Serial(u32);

impl Names for Serial {
    fn next_leg(&mut self) -> LegId {
        self.0 += 1;
        LegId { epoch: 1, session: 1, serial: self.0 }
    }
}

const FIRST: LegId = LegId { epoch: 1, session: 0, serial: 1 };
const SECOND: LegId = LegId { epoch: 1, session: 1, serial: 1 };
const THIRD: LegId = LegId { epoch: 1, session: 1, serial: 2 };
const PORT: ChannelId = ChannelId::new(5, 1);

fn plan() -> Plan {
    let entry = |called: &str, action, record| NumberEntry {
        called: called.into(),
        from: None,
        action,
        prompts: vec!["en/welcome".into()],
        language: "en".into(),
        record,
    };
    let to = Destination::Trunk(vec![tdm::SpanId(1)]);
    let trunk = Action::Trunk { to, caller: Some("01082288000".into()) };
    let attendant = Action::Attendant { digits: 3, digit_timeout: Duration::from_secs(5), attempts: 2 };
    Plan {
        numbers: vec![
            entry("8000", attendant, true),
            entry("8001", Action::Seat("201".into()), true),
            entry("8002", Action::Announce, false),
            entry("8003", Action::Flow("front".into()), true),
            entry("9*", trunk, false),
        ],
        seats: vec![Seat {
            number: "201".into(),
            place: Place::Port(PORT),
            answer_timeout: Duration::from_secs(30),
        }],
        digit_timeout: Duration::from_secs(5),
        trunk_timeout: Duration::from_secs(60),
    }
}

struct World {
    call: Call,
    names: Serial,
    now: Mono,
}

impl World {
    fn new(called: &str) -> World {
        World {
            call: Call::new(FIRST, called, "13900000000", From::Trunk),
            names: Serial(0),
            now: Mono::ZERO,
        }
    }

    fn tell(&mut self, input: Input<'_>) -> Vec<Order> {
        self.step(input).orders
    }

    fn step(&mut self, input: Input<'_>) -> Steps {
        let mut steps = Steps::default();
        self.call.handle(input, &plan(), &mut self.names, &mut steps, self.now);
        steps
    }

    fn let_time_pass(&mut self) -> Vec<Order> {
        self.now = self.call.poll_timeout().expect("a stage that waits has a deadline");
        self.tell(Input::Timeout)
    }

    fn resume(&mut self, first: Found<'_>, second: Found<'_>) -> Vec<Order> {
        let mut steps = Steps::default();
        self.call.resume(first, second, &plan(), &mut self.names, &mut steps, self.now);
        steps.orders
    }
}

fn play(number: u32, prompts: &[&str], treatment: Treatment) -> Order {
    let prompts = prompts.iter().map(|p| (*p).to_string()).collect();
    Order::Play { leg: FIRST, play: PlayId(number), prompts, treatment }
}

fn hangup(leg: LegId, cause: Cause) -> Order {
    Order::Hangup { leg, cause }
}

fn connect() -> Order {
    Order::Connect { a: FIRST, b: SECOND }
}

fn answer() -> Order {
    Order::Answer { leg: FIRST }
}

fn census(leg: LegId, state: LegState) -> LegCensus {
    LegCensus {
        leg,
        incoming: true,
        channel: None,
        state,
        called: "8000".into(),
        complete: true,
        calling: String::new(),
        restricted: false,
        since: Mono::ZERO,
        answered: None,
        connected: None,
        playing: None,
        played: None,
        recording: Some(RecordingId { leg: FIRST, number: 1 }),
        digits: String::new(),
        note: vec![],
    }
}

fn ended(leg: LegId, cause: Cause) -> EndedLeg {
    EndedLeg { leg, cause, by_line: true, since: Mono::ZERO, answered: None, ended: Mono::ZERO, note: vec![] }
}

/// Brings a call to the attendant's greeting.
fn greeted() -> World {
    let mut world = World::new("8000");
    world.tell(Input::Offered { complete: true });
    world.tell(Input::FirstAnswered);
    world
}

fn key(world: &mut World, digits: &str) -> Vec<Order> {
    digits.chars().flat_map(|digit| world.tell(Input::Digit(digit))).collect()
}

#[test]
fn the_attendant_answers_greets_collects_and_connects() {
    let mut world = World::new("8000");
    assert_eq!(world.tell(Input::Offered { complete: true }), [Order::Proceed { leg: FIRST }, answer()]);
    let recording = RecordingId { leg: FIRST, number: 1 };
    let record = Order::Record { leg: FIRST, recording };
    assert_eq!(world.tell(Input::FirstAnswered), [record, play(1, &["en/welcome"], Treatment::UntilDigit)]);
    let originate = Order::Originate {
        leg: SECOND,
        to: Destination::Port(PORT),
        called: String::new(),
        calling: "13900000000".into(),
    };
    assert_eq!(key(&mut world, "201"), [originate]);
    assert_eq!(world.tell(Input::SecondAlerting { inband: false }), [Order::Alert { leg: FIRST }]);
    assert_eq!(world.tell(Input::SecondAnswered), [connect()]);
    assert_eq!(world.tell(Input::FirstEnded(Cause::NORMAL)), [hangup(SECOND, Cause::NORMAL)]);
    world.tell(Input::SecondEnded(Cause::NORMAL));
    assert!(world.call.is_over());
}

#[test]
fn a_seat_called_directly_is_connected_before_the_caller_is_answered() {
    let mut world = World::new("8001");
    world.tell(Input::Offered { complete: true });
    let orders = world.tell(Input::SecondAnswered);
    let recording = RecordingId { leg: FIRST, number: 1 };
    assert_eq!(orders, [connect(), Order::Record { leg: FIRST, recording }, answer()]);
}

#[test]
fn causes_pass_through_to_an_unanswered_caller() {
    for cause in [Cause::BUSY, Cause::NO_CHANNEL, Cause::UNALLOCATED, Cause::CONGESTION] {
        let mut world = World::new("912345");
        world.tell(Input::Offered { complete: true });
        assert_eq!(world.tell(Input::SecondEnded(cause)), [hangup(FIRST, cause)]);
    }
}

#[test]
fn a_call_out_shows_the_trunks_number() {
    let mut world = World::new("912345");
    let orders = world.tell(Input::Offered { complete: true });
    assert!(
        matches!(&orders[1], Order::Originate { calling, called, .. } if calling == "01082288000" && called == "912345"),
        "{orders:?}"
    );
}

#[test]
fn a_telephone_that_nobody_lifts_ends_with_no_answer() {
    let mut world = World::new("8001");
    world.tell(Input::Offered { complete: true });
    let orders = world.let_time_pass();
    assert_eq!(orders, [hangup(SECOND, Cause::NORMAL), hangup(FIRST, Cause::NO_ANSWER)]);
    assert_eq!(world.now, Mono::from_millis(30_000));
}

#[test]
fn an_unknown_number_and_an_empty_one_are_refused() {
    let mut world = World::new("7777");
    assert_eq!(world.tell(Input::Offered { complete: true }), [hangup(FIRST, Cause::UNALLOCATED)]);
    let mut world = World::new("");
    assert_eq!(world.tell(Input::Offered { complete: true }), [hangup(FIRST, Cause::BAD_NUMBER)]);
}

#[test]
fn digits_that_come_one_by_one_are_awaited() {
    let mut world = World::new("");
    assert_eq!(world.tell(Input::Offered { complete: false }), []);
    assert_eq!(world.tell(Input::Dialled { digits: "80", complete: false }), []);
    let orders = world.tell(Input::Dialled { digits: "02", complete: false });
    assert_eq!(orders, [Order::Proceed { leg: FIRST }, answer()]);
}

#[test]
fn a_number_that_stays_short_is_refused_after_the_digit_timeout() {
    let mut world = World::new("80");
    world.tell(Input::Offered { complete: false });
    assert_eq!(world.let_time_pass(), [hangup(FIRST, Cause::UNALLOCATED)]);
}

#[test]
fn a_busy_seat_lets_the_attendants_caller_try_again_and_then_says_goodbye() {
    let mut world = greeted();
    key(&mut world, "201");
    let busy = world.tell(Input::SecondEnded(Cause::BUSY));
    assert_eq!(busy, [play(2, &["en/busy", "en/welcome"], Treatment::UntilDigit)]);
    let wrong = key(&mut world, "999");
    assert_eq!(wrong, [play(3, &["en/invalid", "en/goodbye"], Treatment::Whole)]);
    assert_eq!(world.tell(Input::Played(PlayId(3))), [hangup(FIRST, Cause::UNALLOCATED)]);
}

#[test]
fn a_caller_who_keys_nothing_is_asked_again_and_then_sent_away() {
    let mut world = greeted();
    world.tell(Input::Played(PlayId(1)));
    let again = world.let_time_pass();
    assert_eq!(again, [play(2, &["en/invalid", "en/welcome"], Treatment::UntilDigit)]);
    world.tell(Input::Played(PlayId(2)));
    assert_eq!(world.let_time_pass(), [play(3, &["en/invalid", "en/goodbye"], Treatment::Whole)]);
}

#[test]
fn an_announcement_is_played_and_the_call_ended() {
    let mut world = World::new("8002");
    world.tell(Input::Offered { complete: true });
    assert_eq!(world.tell(Input::FirstAnswered), [play(1, &["en/welcome"], Treatment::Whole)]);
    assert_eq!(world.tell(Input::Played(PlayId(1))), [hangup(FIRST, Cause::NORMAL)]);
}

#[test]
fn early_audio_of_the_far_end_is_heard_before_the_answer() {
    let mut world = World::new("9123");
    world.tell(Input::Offered { complete: true });
    let orders = world.tell(Input::SecondAlerting { inband: true });
    assert_eq!(orders, [Order::Alert { leg: FIRST }, connect()]);
}

#[test]
fn a_call_whose_seat_answered_while_nobody_decided_is_connected_on_return() {
    let mut world = World::new("8001");
    world.tell(Input::Offered { complete: true });
    let (first, second) = (census(FIRST, LegState::Alerting), census(SECOND, LegState::Answered));
    let orders = world.resume(Found::Live(&first), Found::Live(&second));
    assert!(orders.contains(&connect()) && orders.contains(&answer()), "{orders:?}");
    assert_eq!(world.call.stage, Stage::Talking);
}

#[test]
fn a_talking_call_goes_on_and_repeats_only_its_connection() {
    let mut world = greeted();
    key(&mut world, "201");
    world.tell(Input::SecondAnswered);
    let (first, second) = (census(FIRST, LegState::Answered), census(SECOND, LegState::Answered));
    assert_eq!(world.resume(Found::Live(&first), Found::Live(&second)), [connect()]);
}

#[test]
fn a_recording_whose_order_was_lost_is_ordered_again() {
    let mut world = greeted();
    let mut first = census(FIRST, LegState::Answered);
    (first.recording, first.playing) = (None, Some(PlayId(1)));
    let recording = RecordingId { leg: FIRST, number: 1 };
    assert_eq!(world.resume(Found::Live(&first), Found::Nothing), [Order::Record { leg: FIRST, recording }]);
}

#[test]
fn a_withheld_number_is_not_passed_on() {
    let mut plan = plan();
    let to = Destination::Trunk(vec![tdm::SpanId(1)]);
    plan.numbers[4].action = Action::Trunk { to, caller: None };
    for (restricted, shown) in [(false, "13900000000"), (true, "")] {
        let mut world = World::new("912345");
        world.call.restricted = restricted;
        let mut steps = Steps::default();
        let offered = Input::Offered { complete: true };
        world.call.handle(offered, &plan, &mut world.names, &mut steps, world.now);
        let orders = steps.orders;
        assert!(matches!(&orders[1], Order::Originate { calling, .. } if calling == shown), "{orders:?}");
    }
}

#[test]
fn keys_pressed_while_nobody_decided_count() {
    let mut world = greeted();
    let mut first = census(FIRST, LegState::Answered);
    (first.digits, first.played) = ("201".into(), Some(PlayId(1)));
    let orders = world.resume(Found::Live(&first), Found::Nothing);
    assert!(matches!(orders[..], [Order::Originate { .. }]), "{orders:?}");
}

#[test]
fn a_greeting_that_ended_while_nobody_decided_is_followed_by_the_digit_timeout() {
    let mut world = greeted();
    let mut first = census(FIRST, LegState::Answered);
    first.played = Some(PlayId(1));
    assert_eq!(world.resume(Found::Live(&first), Found::Nothing), []);
    assert_eq!(world.call.poll_timeout(), Some(Mono::from_millis(5_000)));
}

#[test]
fn a_call_whose_caller_hung_up_while_nobody_decided_is_cleared() {
    let mut world = World::new("8001");
    world.tell(Input::Offered { complete: true });
    let (first, second) = (ended(FIRST, Cause::NORMAL), census(SECOND, LegState::Alerting));
    let orders = world.resume(Found::Ended(&first), Found::Live(&second));
    assert!(orders.contains(&hangup(SECOND, Cause::NORMAL)), "{orders:?}");
    assert!(!orders.contains(&hangup(FIRST, Cause::NORMAL)));
}

#[test]
fn an_attendants_caller_outlives_several_second_legs() {
    let mut world = greeted();
    key(&mut world, "201");
    let orders = world.let_time_pass();
    assert_eq!(orders[0], hangup(SECOND, Cause::NORMAL));
    key(&mut world, "201");
    assert_eq!(world.call.second, Some(THIRD));
}

/// Brings a call to its flow.
fn served() -> World {
    let mut world = World::new("8003");
    assert_eq!(world.tell(Input::Offered { complete: true }), [Order::Proceed { leg: FIRST }, answer()]);
    let steps = world.step(Input::FirstAnswered);
    assert_eq!(steps.told, [Told::Serve]);
    assert!(matches!(steps.orders[..], [Order::Record { .. }]), "{steps:?}");
    world
}

fn told(told: Told) -> Steps {
    Steps { orders: vec![], told: vec![told] }
}

#[test]
fn a_flow_hears_keys_and_playings_and_decides_itself() {
    let mut world = served();
    assert_eq!(world.call.poll_timeout(), None, "the flow has its own deadlines");
    assert_eq!(world.step(Input::Digit('1')), told(Told::Digit('1')));
    assert_eq!(world.step(Input::Played(PlayId(7))), told(Told::Played(PlayId(7))));
    let steps = world.step(Input::Clear(Cause::NORMAL));
    assert_eq!(steps, Steps { orders: vec![hangup(FIRST, Cause::NORMAL)], told: vec![Told::Ending] });
    assert_eq!(world.step(Input::FirstEnded(Cause::NORMAL)), Steps::default());
    assert!(world.call.is_over());
}

#[test]
fn a_seat_rung_quietly_for_a_flow_leaves_the_music_until_it_answers() {
    let mut world = served();
    let steps = world.step(Input::Ring { seat: "201", quiet: true });
    assert!(matches!(&steps.orders[..], [Order::Originate { to: Destination::Port(PORT), .. }]), "{steps:?}");
    assert_eq!(world.step(Input::SecondAlerting { inband: true }), Steps::default());
    assert_eq!(world.step(Input::Played(PlayId(2))), told(Told::Played(PlayId(2))));
    let steps = world.step(Input::SecondAnswered);
    assert_eq!(steps, Steps { orders: vec![connect()], told: vec![Told::Reached] });
    assert_eq!(world.step(Input::SecondEnded(Cause::NORMAL)), told(Told::TalkEnded));
    assert_eq!((world.call.stage.clone(), world.call.second), (Stage::Serving, None));
}

#[test]
fn a_seat_that_is_not_reached_gives_the_call_back_to_the_flow() {
    let mut world = served();
    assert_eq!(
        world.step(Input::Ring { seat: "999", quiet: true }),
        told(Told::NotReached(Cause::UNALLOCATED))
    );
    world.step(Input::Ring { seat: "201", quiet: false });
    assert_eq!(world.tell(Input::SecondAlerting { inband: false }), [Order::Alert { leg: FIRST }]);
    assert_eq!(world.step(Input::SecondEnded(Cause::BUSY)), told(Told::NotReached(Cause::BUSY)));
    assert_eq!(world.call.reached, None);
    world.step(Input::Ring { seat: "201", quiet: true });
    assert_eq!(world.step(Input::GiveUp), Steps { orders: vec![hangup(THIRD, Cause::NORMAL)], told: vec![] });
    assert_eq!(world.step(Input::GiveUp), Steps::default());
    assert_eq!(world.call.stage, Stage::Serving);
}

#[test]
fn a_caller_of_a_flow_who_hangs_up_ends_ringing_and_flow() {
    let mut world = served();
    world.step(Input::Ring { seat: "201", quiet: true });
    let steps = world.step(Input::FirstEnded(Cause::NORMAL));
    assert_eq!(steps, Steps { orders: vec![hangup(SECOND, Cause::NORMAL)], told: vec![Told::Ending] });
    assert_eq!(world.step(Input::Ring { seat: "201", quiet: true }), Steps::default());
}

#[test]
fn a_served_call_that_is_resumed_tells_its_flow_what_was_missed() {
    let mut world = served();
    let mut first = census(FIRST, LegState::Answered);
    first.digits = "42".into();
    let mut steps = Steps::default();
    let (found, none) = (Found::Live(&first), Found::Nothing);
    world.call.resume(found, none, &plan(), &mut world.names, &mut steps, world.now);
    assert_eq!(steps, Steps { orders: vec![], told: vec![Told::Digit('4'), Told::Digit('2')] });
}
