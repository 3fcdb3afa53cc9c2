//! Calls through line machine and switch together, in virtual time, with and without a switch.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod world;

use core::time::Duration;

use card::CardEvent;
use clock::Prng;
use isdn::cause::Cause;
use isdn::event::{Notice, PriEvent, Request};
use line::Input;
use link::Health;
use rt::{Source, Tone};
use tdm::{Alarms, ChannelId, HookState};
use world::{PHONES, TRUNK, World, strip};

const SECOND: Duration = Duration::from_secs(1);

fn port(n: u8) -> ChannelId {
    ChannelId::new(PHONES.0, n)
}

/// Returns the call that the exchange was offered.
fn offer(world: &World) -> isdn::event::Offer {
    let offer = world.told.iter().find_map(|event| match event {
        PriEvent::Offer(offer) => Some((**offer).clone()),
        _ => None,
    });
    offer.expect("the exchange is called")
}

fn disconnect(call: isdn::event::CallId, cause: Cause) -> Request {
    Request::Disconnect { call, cause, inband: false }
}

#[test]
fn a_caller_reaches_a_seat_through_the_attendant_and_both_hear_each_other() {
    let mut world = World::new(1);
    let call = world.call("8000");
    world.run(SECOND);
    assert!(world.answered(call));
    let channel = world.channel_of(call);
    assert!(matches!(world.sources[&strip(channel)], Source::Feed(_)));
    world.key(channel, "203");
    assert!(world.ringing.contains(&port(3)));
    assert_eq!(world.sources[&strip(channel)], Source::Tone(Tone::Ringback));
    world.hook(3, HookState::OffHook);
    world.run(SECOND);
    assert!(world.hear_each_other(channel, port(3)) && world.ringing.is_empty());
    assert_eq!(world.recordings.values().filter(|open| **open).count(), 1);
    world.ask(disconnect(call, Cause::NORMAL_CLEARING));
    world.run(SECOND);
    assert_eq!(world.released(call), Some(16));
    assert_eq!(world.sources[&strip(port(3))], Source::Tone(Tone::Busy));
    world.hook(3, HookState::OnHook);
    world.run(SECOND);
    assert_eq!(world.sources[&strip(port(3))], Source::Silence);
    assert_eq!((world.line.legs(), world.view.calls.len(), world.view.ended.len()), (0, 0, 1));
    assert!(world.view.ended[0].recordings[0].file.is_some());
}

#[test]
fn a_direct_call_is_answered_only_when_the_seat_is_and_the_path_is_through() {
    let mut world = World::new(2);
    let call = world.call("8001");
    world.run(SECOND);
    assert!(world.told.iter().any(|event| matches!(event, PriEvent::Alerting { .. })));
    assert!(!world.answered(call));
    world.hook(1, HookState::OffHook);
    world.run(SECOND);
    assert!(world.answered(call) && world.hear_each_other(world.channel_of(call), port(1)));
    world.hook(1, HookState::OnHook);
    world.run(SECOND);
    assert_eq!(world.released(call), Some(16));
}

#[test]
fn causes_are_those_of_what_happened() {
    let mut world = World::new(3);
    let unknown = world.call("4711");
    world.run(SECOND);
    assert_eq!(world.released(unknown), Some(1));

    world.hook(1, HookState::OffHook);
    world.run(SECOND);
    let busy = world.call("8001");
    world.run(SECOND);
    assert_eq!(world.released(busy), Some(17));
    world.hook(1, HookState::OnHook);
    world.run(SECOND);

    let unanswered = world.call("8001");
    world.run(Duration::from_secs(31));
    assert_eq!(world.released(unanswered), Some(19));
    assert!(world.ringing.is_empty());
}

#[test]
fn a_telephone_dials_another_and_dials_out() {
    let mut world = World::new(4);
    world.hook(1, HookState::OffHook);
    world.run(SECOND);
    assert_eq!(world.sources[&strip(port(1))], Source::Tone(Tone::Dial));
    world.key(port(1), "202");
    assert!(world.ringing.contains(&port(2)));
    world.hook(2, HookState::OffHook);
    world.run(SECOND);
    assert!(world.hear_each_other(port(1), port(2)));

    world.hook(4, HookState::OffHook);
    world.run(SECOND);
    world.key(port(4), "910086#");
    world.run(SECOND);
    let offer = offer(&world);
    assert_eq!(offer.called.digits.as_str(), "910086");
    world.ask(Request::Alerting { call: offer.call, inband: false });
    // The far end has sent no CALL PROCEEDING: its first answer tells the channel, and onlookers see it.
    let taken = world.channel_of(offer.call).to_string();
    let shown = |call: &switch::view::CallView| {
        call.legs.iter().any(|leg| !leg.incoming && leg.channel.as_ref() == Some(&taken))
    };
    assert!(world.view.calls.values().any(shown), "{taken} is in use");
    world.ask(Request::Connect { call: offer.call });
    world.run(SECOND);
    assert!(world.hear_each_other(port(4), world.channel_of(offer.call)));
}

#[test]
fn a_call_dialled_by_request_hears_the_attendant_and_its_causes_come_back() {
    let mut world = World::new(5);
    let dial = || switch::Request::Dial {
        trunk: "telecom".into(),
        called: "10086".into(),
        calling: "8000".into(),
        then: "8002".into(),
    };
    for (cause, value) in
        [(Cause::USER_BUSY, 17), (Cause::NO_CIRCUIT_AVAILABLE, 34), (Cause::UNALLOCATED_NUMBER, 1)]
    {
        world.told.clear();
        world.request(dial());
        let call = offer(&world).call;
        world.ask(disconnect(call, cause));
        world.run(SECOND);
        assert_eq!(world.view.ended.back().expect("it ended").cause, Some(value));
    }
    world.told.clear();
    world.request(dial());
    let call = offer(&world).call;
    world.ask(Request::Connect { call });
    world.run(SECOND);
    assert!(matches!(world.sources[&strip(world.channel_of(call))], Source::Feed(_)));
    world.run(world::PROMPT_LENGTH);
    assert_eq!(world.released(call), Some(16));
}

#[test]
fn without_a_switch_talking_goes_on_and_new_calls_are_held_and_served_when_it_is_back() {
    let mut world = World::new(6);
    let talking = world.call("8001");
    world.run(SECOND);
    world.hook(1, HookState::OffHook);
    world.run(SECOND);
    world.kill_switch();
    let held = world.call("8000");
    world.run(Duration::from_secs(5));
    assert!(world.hear_each_other(world.channel_of(talking), port(1)));
    assert!(
        world.told.iter().any(|event| matches!(event, PriEvent::Proceeding { call, .. } if *call == held))
    );
    assert!(!world.answered(held) && world.released(held).is_none());
    world.start_switch();
    world.run(SECOND);
    assert!(world.answered(held));
    assert!(world.hear_each_other(world.channel_of(talking), port(1)));
    assert_eq!(world.view.calls.len(), 2);
    world.hook(1, HookState::OnHook);
    world.run(SECOND);
    assert_eq!(world.released(talking), Some(16));
}

#[test]
fn without_a_switch_both_legs_end_together_and_the_end_is_told_afterwards() {
    let mut world = World::new(7);
    let call = world.call("8001");
    world.run(SECOND);
    world.hook(1, HookState::OffHook);
    world.run(SECOND);
    world.kill_switch();
    world.hook(1, HookState::OnHook);
    world.run(SECOND);
    assert_eq!(world.released(call), Some(16));
    assert_eq!(world.line.legs(), 0);
    world.start_switch();
    assert_eq!(world.view.ended.back().expect("the call is known").cause, Some(16));
}

#[test]
fn a_call_that_no_switch_takes_up_is_given_up_after_the_hold_time() {
    let mut world = World::new(8);
    world.kill_switch();
    let call = world.call("8000");
    world.run(Duration::from_secs(31));
    assert_eq!(world.released(call), Some(41));
}

#[test]
fn keys_pressed_without_a_switch_count_when_it_is_back() {
    let mut world = World::new(9);
    let call = world.call("8000");
    world.run(SECOND);
    world.kill_switch();
    world.key(world.channel_of(call), "205");
    world.start_switch();
    world.run(SECOND);
    assert!(world.ringing.contains(&port(5)));
}

#[test]
fn an_alarm_that_lasts_clears_thirty_calls_and_the_span_works_again_afterwards() {
    let mut world = World::new(10);
    let calls: Vec<_> = (0..30).map(|_| world.call("8002")).collect();
    world.run(Duration::from_millis(500));
    assert_eq!(world.line.legs(), 30);
    world.alarms(Alarms::RED);
    world.run(Duration::from_secs(120));
    assert_eq!(world.line.legs(), 0);
    assert!(calls.iter().all(|call| world.released(*call).is_some()));
    world.alarms(Alarms::empty());
    world.run(Duration::from_secs(5));
    world.told.clear();
    let call = world.call("8000");
    world.run(SECOND);
    assert!(world.answered(call));
    assert_eq!(world.view.spans[&TRUNK.0].dchannel, Some(true));
}

#[test]
fn a_call_that_the_line_ends_in_the_middle_of_an_announcement_has_the_cause_of_the_line() {
    let mut world = World::new(10);
    let call = world.call("8002");
    world.run(SECOND);
    assert!(world.answered(call));
    world.ask(disconnect(call, Cause::TEMPORARY_FAILURE));
    world.run(SECOND);
    assert_eq!(world.view.ended[0].cause, Some(41));
}

#[test]
fn channels_of_calls_that_ended_unheard_are_restarted_when_the_d_channel_is_back() {
    let mut world = World::new(10);
    let (ringing, talking) = (world.call("8001"), world.call("8002"));
    world.run(SECOND);
    assert!(world.answered(talking));
    // Shorter than T309: the call that rings is lost, the other lives, so that not all channels may be restarted.
    world.alarms(Alarms::RED);
    world.run(Duration::from_millis(100));
    assert_eq!(world.line.legs(), 1);
    world.alarms(Alarms::empty());
    world.run(SECOND * 5);
    let restarts = world.told.iter().filter(|event| matches!(event, PriEvent::Notice(Notice::PeerRestarted)));
    assert_eq!(restarts.count(), 1, "{:?}", world.told);
    assert_eq!((world.released(ringing), world.released(talking)), (Some(41), Some(16)));
}

#[test]
fn the_thirty_first_call_finds_no_channel() {
    let mut world = World::new(11);
    for _ in 0..30 {
        world.call("8000");
    }
    world.run(SECOND);
    let refused = world.call("8000");
    world.run(SECOND);
    assert_eq!(world.released(refused), Some(34));
}

#[test]
fn ringing_that_began_while_no_switch_was_there_is_heard_when_it_is_back() {
    let mut world = World::new(1);
    world.hook(4, HookState::OffHook);
    world.run(SECOND);
    world.key(ChannelId::new(PHONES.0, 4), "910086#");
    world.run(SECOND);
    let out = offer(&world).call;
    world.ask(Request::Proceeding { call: out, inband: false });
    world.run(SECOND);
    world.kill_switch();
    world.ask(Request::Alerting { call: out, inband: false });
    world.run(SECOND);
    world.start_switch();
    world.run(SECOND);
    let source = world.sources[&world::strip(ChannelId::new(PHONES.0, 4))];
    assert_eq!(source, rt::Source::Tone(rt::Tone::Ringback));
}

#[test]
fn a_caller_is_told_of_ringing_that_began_while_no_switch_was_there() {
    let mut world = World::new(1);
    let call = world.call("910086");
    world.run(SECOND);
    let out = offer(&world).call;
    world.ask(Request::Proceeding { call: out, inband: false });
    world.run(SECOND);
    world.kill_switch();
    world.ask(Request::Alerting { call: out, inband: false });
    world.run(SECOND);
    world.start_switch();
    world.run(Duration::from_secs(20));
    assert_eq!(world.released(call), None, "cut: {:?}", world.released(call));
}

#[test]
fn a_call_that_came_through_as_the_switch_died_is_not_cut_by_the_hold_time() {
    let mut world = World::new(2);
    let call = world.call("8001");
    world.run(SECOND);
    world.hook(1, HookState::OffHook);
    world.run(Duration::from_millis(20));
    world.kill_switch();
    world.run(SECOND);
    assert!(world.answered(call));
    assert!(world.hear_each_other(world.channel_of(call), ChannelId::new(PHONES.0, 1)));
    world.run(Duration::from_secs(35));
    assert_eq!(world.released(call), None);
}

#[test]
fn a_switch_that_is_attached_and_silent_holds_nobody_for_longer_than_the_hold_time() {
    let mut world = World::new(3);
    world.switch = None; // attached, but it never speaks
    let call = world.call("8000");
    world.hook(3, HookState::OffHook);
    world.run(Duration::from_secs(29));
    assert_eq!((world.released(call), world.line.legs()), (None, 2));
    world.run(Duration::from_secs(2));
    assert_eq!((world.released(call), world.line.legs()), (Some(41), 0));
    assert_eq!(world.sources[&strip(port(3))], Source::Tone(Tone::Congestion));
}

/// Whatever happens, whenever the switch is killed: in the end nothing is left over.
#[test]
fn random_lives_leave_no_leg_no_channel_and_no_call_behind() {
    for seed in 0..150 {
        let mut world = World::new(seed);
        let mut prng = Prng::new(seed);
        let mut calls = Vec::new();
        for _ in 0..60 {
            random_step(&mut world, &mut prng, &mut calls);
            let pause = Duration::from_millis(prng.below(3_000));
            world.run(pause);
        }
        if world.switch.is_none() {
            world.start_switch();
        }
        (1..=8).for_each(|n| world.hook(n, HookState::OnHook));
        for call in calls.drain(..) {
            world.ask(disconnect(call, Cause::NORMAL_CLEARING));
        }
        world.run(Duration::from_secs(300));
        assert_eq!(world.line.legs(), 0, "seed {seed}: legs are left over");
        assert!(world.view.calls.is_empty(), "seed {seed}: calls are left over: {:?}", world.view.calls);
        assert_eq!(world.exchange.calls().count(), 0, "seed {seed}: the exchange has calls left over");
        assert!(world.ringing.is_empty(), "seed {seed}: a telephone still rings");
        let loud = world.sources.iter().filter(|(_, source)| **source != Source::Silence).collect::<Vec<_>>();
        assert!(loud.is_empty(), "seed {seed}: channels still send: {loud:?}");
        let open: Vec<_> = world.recordings.iter().filter(|(_, open)| **open).collect();
        assert!(open.is_empty(), "seed {seed}: recordings still run: {open:?}");
    }
}

#[test]
fn bad_frames_of_every_kind_are_summed_up_once_a_second() {
    let mut world = World::new(9);
    let call = world.call("8000");
    world.run(SECOND);
    let damaged = |total| Input::BadFrames { span: TRUNK, total };
    let bad_frames = |world: &mut World| {
        world.tell_line(Input::Health(Health::default()));
        world.view.spans[&TRUNK.0].bad_frames
    };
    // Odd addresses, a frame of two octets, one for another terminal: none is for the link.
    for octets in [&[1, 0, 3][..], &[0, 1], &[0, 3, 0x7F]] {
        world.tell_line(Input::Frame { span: TRUNK, octets });
    }
    world.tell_line(damaged(5));
    assert_eq!(world.view.spans[&TRUNK.0].bad_frames, 0);
    assert_eq!(bad_frames(&mut world), 8);
    world.card(CardEvent::FrameLost { span: TRUNK });
    assert_eq!(bad_frames(&mut world), 9);
    world.tell_line(damaged(6));
    assert_eq!(bad_frames(&mut world), 10, "what the card has lost is not forgotten");
    assert!(world.answered(call));
}

fn random_step(world: &mut World, prng: &mut Prng, calls: &mut Vec<isdn::event::CallId>) {
    let numbers = ["8000", "8001", "8002", "4711", "910086"];
    let pick = |prng: &mut Prng, n: usize| prng.below(n as u64) as usize;
    match prng.below(10) {
        0..=2 => calls.push(world.call(numbers[pick(prng, numbers.len())])),
        3 => {
            let on = if prng.chance(0.5) { HookState::OnHook } else { HookState::OffHook };
            world.hook(1 + pick(prng, 8) as u8, on);
        }
        4 if !calls.is_empty() => {
            let call = calls.swap_remove(pick(prng, calls.len()));
            world.ask(disconnect(call, Cause::NORMAL_CLEARING));
        }
        5 => {
            let n = 1 + pick(prng, 31) as u8;
            world.key(ChannelId::new(TRUNK.0, n), &format!("20{}", 1 + prng.below(9)));
        }
        6 => world.key(port(1 + pick(prng, 8) as u8), &format!("20{}", 1 + prng.below(8))),
        7 if world.switch.is_some() => world.kill_switch(),
        7 => world.start_switch(),
        8 => (1..=8).for_each(|n| {
            if world.ringing.contains(&port(n)) && prng.chance(0.7) {
                world.hook(n, HookState::OffHook);
            }
        }),
        _ => world.run(Duration::from_secs(10)),
    }
}
