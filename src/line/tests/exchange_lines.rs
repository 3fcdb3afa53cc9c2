//! Calls on exchange lines through line machine and switch: what the line shows and the detectors hear is given, what is
//! signalled, listened for and told is looked at.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod world;

use core::time::Duration;

use card::CardEvent;
use dsp::caller_id::{Absence, CallerId, Message, emit};
use dsp::fsk::FskEvent;
use dsp::listen::FskChannel;
use dsp::progress::{ProgressEvent, ProgressKind};
use line::IdentityBy;
use rt::{Heard, Wants};
use switch::view::{CallView, LegStateView};
use tdm::HookState::{OffHook, OnHook};
use tdm::{Alarms, ChannelId};
use world::{LINES, PHONES, World, strip};

const NUMBER: &str = "01082286688";

fn line(n: u8) -> ChannelId {
    ChannelId::new(LINES.0, n)
}

fn phone(n: u8) -> ChannelId {
    ChannelId::new(PHONES.0, n)
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn ring(world: &mut World, channel: ChannelId, on: bool) {
    world.card(CardEvent::Ring { channel, ringing: on });
}

/// A burst of a second.
fn burst(world: &mut World, channel: ChannelId) {
    ring(world, channel, true);
    world.run(secs(1));
    ring(world, channel, false);
}

/// What the engine hears of a message by FSK.
fn fsk(world: &mut World, channel: ChannelId, caller: &CallerId) {
    let tell = |world: &mut World, event| world.heard(channel, Heard::Fsk(FskChannel::CallerId, event));
    tell(world, FskEvent::Carrier);
    for octet in [0x55; 5].into_iter().chain(emit(caller, Message::Multiple)) {
        tell(world, FskEvent::Octet(octet));
    }
    tell(world, FskEvent::Gone);
}

fn tone(world: &mut World, channel: ChannelId, event: ProgressEvent) {
    world.heard(channel, Heard::Progress(event));
}

fn caller() -> CallerId {
    CallerId { number: Some(NUMBER.into()), ..CallerId::default() }
}

fn calls(world: &World) -> Vec<CallView> {
    world.view.calls.values().chain(&world.view.ended).cloned().collect()
}

fn wants(world: &World, channel: ChannelId) -> Wants {
    world.wants.get(&strip(channel)).copied().unwrap_or_default()
}

/// A call rings on a line, with a number, is answered by telephone 1 and talks.
fn talking(world: &mut World, n: u8) {
    burst(world, line(n));
    world.run(ms(800));
    fsk(world, line(n), &caller());
    world.run(ms(500));
    assert!(world.ringing.contains(&phone(1)), "the telephone rings");
    world.hook(1, OffHook);
    world.run(secs(1));
    assert!(world.off_hook.contains(&line(n)) && world.hear_each_other(line(n), phone(1)));
}

#[test]
fn a_call_rings_with_its_number_is_answered_and_both_hear_each_other() {
    let mut world = World::new(1);
    burst(&mut world, line(2));
    assert_eq!(wants(&world, line(2)), Wants::CALLER_ID, "between the bursts");
    assert_eq!(calls(&world), [], "the number is still to come");
    world.run(ms(800));
    fsk(&mut world, line(2), &caller());
    assert_eq!(wants(&world, line(2)), Wants::empty());
    world.run(ms(100));
    let call = calls(&world).remove(0);
    assert_eq!((call.calling.as_str(), call.called.as_str(), call.from), (NUMBER, "8001", call::From::Trunk));
    assert!(world.ringing.contains(&phone(1)) && !world.off_hook.contains(&line(2)));
    world.hook(1, OffHook);
    world.run(secs(1));
    assert!(world.off_hook.contains(&line(2)) && world.hear_each_other(line(2), phone(1)));
    assert_eq!(wants(&world, line(2)), Wants::PROGRESS | Wants::DTMF, "in the talk");
}

#[test]
fn a_caller_who_wants_no_number_shown_is_restricted_and_one_without_a_number_comes_without() {
    let mut world = World::new(2);
    burst(&mut world, line(1));
    world.run(ms(800));
    fsk(&mut world, line(1), &CallerId { no_number: Some(Absence::Private), ..CallerId::default() });
    world.run(ms(100));
    assert!(calls(&world)[0].restricted && calls(&world)[0].calling.is_empty());
    let mut world = World::new(2);
    burst(&mut world, line(1));
    world.run(ms(2_900));
    assert_eq!(calls(&world), []);
    world.run(ms(200));
    assert!(!calls(&world)[0].restricted && calls(&world)[0].calling.is_empty());
}

#[test]
fn a_damaged_number_is_none_and_the_number_of_the_last_call_is_not_shown_again() {
    let mut world = World::new(3);
    burst(&mut world, line(1));
    world.run(ms(500));
    let mut octets = emit(&caller(), Message::Multiple);
    octets[6] ^= 1;
    for octet in octets {
        world.heard(line(1), Heard::Fsk(FskChannel::CallerId, FskEvent::Octet(octet)));
    }
    world.run(secs(5));
    assert_eq!(calls(&world)[0].calling, "");
    world.run(secs(20));
    talking(&mut world, 1);
    world.card(CardEvent::Feed { channel: line(1), present: false });
    world.run(secs(1));
    world.card(CardEvent::Feed { channel: line(1), present: true });
    world.hook(1, OnHook);
    world.run(secs(20));
    burst(&mut world, line(1));
    world.run(secs(4));
    assert_eq!(calls(&world).iter().filter(|call| call.calling == NUMBER).count(), 1);
}

#[test]
fn keys_between_the_bursts_are_the_callers_number_and_keys_in_the_talk_are_the_calls() {
    let mut world = World::with_identity(4, IdentityBy::Dtmf);
    burst(&mut world, line(1));
    assert_eq!(wants(&world, line(1)), Wants::DTMF);
    world.key(line(1), &format!("5D{NUMBER}C"));
    world.run(ms(100));
    assert_eq!(calls(&world)[0].calling, NUMBER, "what comes before the start key is passed over");
}

#[test]
fn busy_tone_alone_releases_the_line_within_its_cycles_and_a_short_one_does_not() {
    let mut world = World::new(5);
    talking(&mut world, 1);
    tone(&mut world, line(1), ProgressEvent::Began(ProgressKind::Busy));
    world.run(ms(1_000));
    tone(&mut world, line(1), ProgressEvent::Ended(ProgressKind::Busy));
    world.run(secs(10));
    assert!(world.hear_each_other(line(1), phone(1)), "two and a half cycles are not four");
    tone(&mut world, line(1), ProgressEvent::Began(ProgressKind::Busy));
    world.run(ms(1_399));
    assert!(world.off_hook.contains(&line(1)));
    world.run(ms(2));
    assert!(!world.off_hook.contains(&line(1)), "released");
    world.run(secs(1));
    let ended = calls(&world).remove(0);
    assert_eq!(ended.cause, Some(16));
    assert_eq!(world.line.legs(), 0);
}

#[test]
fn whoever_talks_hangs_up_and_the_line_is_let_go() {
    let mut world = World::new(6);
    talking(&mut world, 1);
    world.hook(1, OnHook);
    world.run(secs(1));
    assert!(!world.off_hook.contains(&line(1)));
    assert_eq!(world.line.legs(), 0);
}

#[test]
fn a_caller_who_gives_up_stops_the_telephone() {
    let mut world = World::new(7);
    burst(&mut world, line(1));
    world.run(ms(3_100));
    assert!(world.ringing.contains(&phone(1)));
    world.run(ms(2_800));
    assert!(world.ringing.contains(&phone(1)), "5.9 s after the burst");
    world.run(ms(300));
    assert!(!world.ringing.contains(&phone(1)), "6 s after the burst");
    assert_eq!(world.line.legs(), 0);
}

#[test]
fn the_switch_away_calls_are_held_and_in_the_census() {
    let mut world = World::new(8);
    world.kill_switch();
    for n in 0..3 {
        burst(&mut world, line(3));
        world.run(secs(4));
        assert_eq!(world.line.legs(), 1, "burst {n}");
    }
    world.start_switch();
    world.run(ms(100));
    assert!(world.ringing.contains(&phone(1)), "the call goes on");
}

/// Telephone 2 dials a number over the lines; returns the port that took it.
fn dials(world: &mut World, number: &str) -> ChannelId {
    world.hook(2, OffHook);
    world.run(ms(100));
    world.key(phone(2), number);
    world.run(secs(6));
    *world.off_hook.iter().next().expect("a line is seized")
}

/// Dial tone comes, the digits go out.
fn through(world: &mut World, port: ChannelId) {
    assert_eq!(wants(world, port), Wants::PROGRESS);
    tone(world, port, ProgressEvent::Began(ProgressKind::Dial));
    world.run(ms(299));
    assert!(world.dialled.is_empty());
    world.run(ms(2));
    tone(world, port, ProgressEvent::Ended(ProgressKind::Dial));
    assert_eq!(world.dialled.last().unwrap().0, strip(port));
    world.run(secs(2));
    world.digits_sent(port);
    world.run(ms(10));
}

#[test]
fn a_call_out_waits_for_dial_tone_dials_rings_and_is_answered_when_ringback_ends() {
    let mut world = World::new(9);
    let port = dials(&mut world, "712345678");
    assert_eq!(port, line(1), "in the order of hunting");
    through(&mut world, port);
    assert_eq!(world.dialled[0].1.as_bytes(), b"712345678");
    tone(&mut world, port, ProgressEvent::Began(ProgressKind::Ringback));
    world.run(secs(5));
    assert_eq!(calls(&world)[0].legs[1].state, LegStateView::Alerting);
    assert!(world.hear_each_other(port, phone(2)), "the ringback of the exchange is heard");
    tone(&mut world, port, ProgressEvent::Ended(ProgressKind::Ringback));
    world.run(ms(100));
    assert_eq!(calls(&world)[0].legs[1].state, LegStateView::Answered);
    assert!(calls(&world)[0].talking_ms.is_some());
}

#[test]
fn tones_of_the_exchange_refuse_a_call_out_with_their_cause() {
    for (kind, cause) in [
        (ProgressKind::Busy, 17),
        (ProgressKind::Congestion, 42),
        (ProgressKind::Unobtainable, 1),
        (ProgressKind::SpecialInformation, 1),
    ] {
        let mut world = World::new(10);
        let port = dials(&mut world, "712345678");
        through(&mut world, port);
        tone(&mut world, port, ProgressEvent::Began(kind));
        world.run(secs(4));
        assert_eq!(calls(&world)[0].cause.or(Some(cause)), Some(cause), "{kind:?}");
        assert_eq!(calls(&world)[0].legs[1].state, LegStateView::Ended, "{kind:?}");
        assert!(world.off_hook.is_empty(), "{kind:?}");
    }
}

#[test]
fn without_dial_tone_the_digits_go_out_after_the_wait() {
    let mut world = World::new(11);
    dials(&mut world, "712345678");
    world.run(ms(3_500));
    assert_eq!(world.dialled, [], "it is waited for");
    world.run(ms(1_500));
    assert_eq!(world.dialled.len(), 1);
}

#[test]
fn glare_gives_the_caller_to_the_switch_and_the_call_out_another_port() {
    let mut world = World::new(12);
    let port = dials(&mut world, "712345678");
    ring(&mut world, port, true);
    world.run(ms(50));
    ring(&mut world, port, false);
    world.run(ms(50));
    assert!(world.off_hook.contains(&line(1)) && world.off_hook.contains(&line(2)));
    assert!(world.ringing.contains(&phone(1)), "the caller's call has come to its telephone");
    through(&mut world, line(2));
    world.hook(1, OffHook);
    world.run(secs(1));
    assert!(world.hear_each_other(line(1), phone(1)));
    assert!(world.hear_each_other(line(2), phone(2)));
}

#[test]
fn a_dead_line_is_out_of_service_and_calls_go_over_the_others() {
    let mut world = World::new(13);
    world.card(CardEvent::Feed { channel: line(1), present: false });
    world.run(secs(3));
    let span = |world: &World| world.view.spans[&LINES.0].clone();
    assert_eq!(span(&world).blocked, [1]);
    assert_eq!(dials(&mut world, "712345678"), line(2));
    world.hook(2, OnHook);
    world.run(secs(5));
    for n in 2..=4 {
        world.card(CardEvent::Feed { channel: line(n), present: false });
    }
    world.run(secs(3));
    assert_eq!(span(&world).blocked, [1, 2, 3, 4]);
    world.hook(2, OffHook);
    world.run(ms(100));
    world.key(phone(2), "712345678");
    world.run(secs(6));
    assert!(world.off_hook.is_empty(), "no line is seized");
    assert_eq!(world.view.ended.back().unwrap().cause, Some(38));
    world.card(CardEvent::Feed { channel: line(3), present: true });
    world.run(secs(3));
    assert_eq!(span(&world).blocked, [1, 2, 4]);
}

#[test]
fn a_bank_that_is_gone_ends_its_calls_and_listens_again_when_it_is_back() {
    let mut world = World::new(14);
    talking(&mut world, 1);
    world.card(CardEvent::Alarms { span: LINES, alarms: Alarms::RED });
    world.run(ms(100));
    assert_eq!(world.line.legs(), 0);
    assert!(world.off_hook.is_empty());
    world.hook(1, OnHook);
    world.run(secs(2));
    world.card(CardEvent::Alarms { span: LINES, alarms: Alarms::empty() });
    world.run(secs(3));
    talking(&mut world, 1);
}
