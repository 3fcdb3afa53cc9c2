//! Calls between our user and our network side, message by message, in virtual time.

mod rig;

use std::time::Duration;

use isdn::{Cause, ChannelChoice, ChannelState, Digits, PriEvent, Request, RestartTarget, Side};
use rig::{NETWORK, Rig, USER, config};
use tdm::Timeslot;

const BOTH: [usize; 2] = [USER, NETWORK];

#[test]
fn a_complete_call_uses_the_messages_of_the_standard() {
    for end in BOTH {
        let mut rig = Rig::up(1);
        let (call, there) = rig.talk(end);
        rig.request(end, Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        rig.settle();
        assert_eq!(rig.expect_released(end), (call, 16));
        assert_eq!(rig.expect_released(1 - end), (there, 16));
        assert_eq!(rig.sent_types(end), [0x05, 0x0f, 0x45, 0x5a]);
        assert_eq!(rig.sent_types(1 - end), [0x01, 0x07, 0x4d]);
        rig.assert_empty();
    }
}

#[test]
fn a_refused_call_is_released_with_its_cause() {
    for end in BOTH {
        for cause in [1, 17, 18, 19, 21, 34, 42] {
            let mut rig = Rig::up(1);
            let call = rig.call(end, "2001", ChannelChoice::Any);
            rig.settle();
            let there = rig.expect_offer(1 - end).call;
            rig.request(
                1 - end,
                Request::Disconnect { call: there, cause: Cause::new(cause), inband: false },
            );
            rig.settle();
            assert_eq!(rig.expect_released(end), (call, cause));
            assert_eq!(rig.expect_released(1 - end), (there, cause));
            rig.assert_empty();
        }
    }
}

#[test]
fn digits_follow_one_by_one_when_the_called_side_asks_for_them() {
    for end in BOTH {
        let overlap = |side| isdn::PriConfig { overlap_receive: true, ..config(side) };
        let mut rig = Rig::with(1, overlap(Side::User), overlap(Side::Network)).brought_up();
        let call = rig.call_with(end, "2", ChannelChoice::Any, false);
        let kept = Digits::new("0").unwrap();
        rig.request(end, Request::MoreDigits { call, digits: kept, complete: false });
        rig.settle();
        let offer = rig.expect_offer(1 - end);
        assert!(!offer.complete);
        rig.request(1 - end, Request::SetupAck { call: offer.call, inband: true });
        rig.settle();
        let inband = rig.expect(end, |event| match event {
            PriEvent::SetupAcknowledged { inband, .. } => Some(*inband),
            _ => None,
        });
        assert!(inband);
        for (digits, complete) in [("0", false), ("1", true)] {
            rig.request(end, Request::MoreDigits { call, digits: Digits::new(digits).unwrap(), complete });
        }
        rig.settle();
        let mut number = offer.called.digits.as_str().to_owned();
        loop {
            let (digits, complete) = rig.expect(1 - end, |event| match event {
                PriEvent::Digits { digits, complete, .. } => Some((*digits, *complete)),
                _ => None,
            });
            number.push_str(digits.as_str());
            if complete {
                break;
            }
        }
        assert_eq!(number, "2001");
        rig.request(1 - end, Request::Proceeding { call: offer.call, inband: false });
        rig.request(1 - end, Request::Connect { call: offer.call });
        rig.settle();
        rig.expect(end, |event| matches!(event, PriEvent::Answered { .. }).then_some(()));
    }
}

#[test]
fn connect_is_sent_only_when_it_is_asked_for() {
    let mut rig = Rig::up(1);
    rig.call(USER, "2001", ChannelChoice::Any);
    rig.settle();
    let there = rig.expect_offer(NETWORK).call;
    rig.request(NETWORK, Request::Proceeding { call: there, inband: true });
    rig.request(NETWORK, Request::Progress { call: there, inband: true });
    rig.request(NETWORK, Request::Alerting { call: there, inband: true });
    rig.run(Duration::from_secs(60));
    assert_eq!(rig.sent_types(NETWORK), [0x02, 0x03, 0x01]);
    rig.request(NETWORK, Request::Connect { call: there });
    assert_eq!(rig.sent_types(NETWORK), [0x02, 0x03, 0x01, 0x07]);
}

#[test]
fn a_preferred_channel_that_is_busy_is_moved_and_an_exclusive_one_refused() {
    let mut rig = Rig::up(1);
    // The network blocks timeslot 3: the user knows nothing of it.
    rig.request(NETWORK, Request::Block(Timeslot(3)));
    rig.call(USER, "2001", ChannelChoice::Prefer(Timeslot(3)));
    rig.settle();
    let offer = rig.expect_offer(NETWORK);
    assert_ne!(offer.channel, Timeslot(3));
    rig.request(NETWORK, Request::Proceeding { call: offer.call, inband: false });
    rig.settle();
    let moved = rig.expect(USER, |event| match event {
        PriEvent::Proceeding { channel, .. } => Some(*channel),
        _ => None,
    });
    assert_eq!(moved, offer.channel);
    assert_eq!(rig.ends[USER].channel(Timeslot(3)), Some(ChannelState::Idle));

    let call = rig.call(USER, "2001", ChannelChoice::Exclusive(Timeslot(3)));
    rig.settle();
    assert_eq!(rig.expect_released(USER), (call, 44));
}

#[test]
fn the_network_wins_a_glare_and_the_users_call_moves() {
    let mut rig = Rig::up(1);
    let mine = rig.call(USER, "2001", ChannelChoice::Prefer(Timeslot(5)));
    let theirs = rig.call(NETWORK, "3001", ChannelChoice::Exclusive(Timeslot(5)));
    rig.settle();
    let at_user = rig.expect_offer(USER);
    assert_eq!(at_user.channel, Timeslot(5));
    let at_network = rig.expect_offer(NETWORK);
    assert_ne!(at_network.channel, Timeslot(5));
    rig.request(NETWORK, Request::Connect { call: at_network.call });
    rig.request(USER, Request::Connect { call: at_user.call });
    rig.settle();
    for (end, call) in [(USER, mine), (NETWORK, theirs)] {
        rig.expect(end, |event| {
            matches!(event, PriEvent::Answered { call: answered, .. } if *answered == call).then_some(())
        });
    }
    assert_eq!(rig.ends[USER].counters().glares, 1);
    assert_eq!(rig.ends[NETWORK].counters().glares, 1);
}

#[test]
fn an_exclusive_call_of_the_user_ends_with_44_in_a_glare() {
    let mut rig = Rig::up(1);
    let mine = rig.call(USER, "2001", ChannelChoice::Exclusive(Timeslot(5)));
    rig.call(NETWORK, "3001", ChannelChoice::Exclusive(Timeslot(5)));
    rig.settle();
    assert_eq!(rig.expect_offer(USER).channel, Timeslot(5));
    assert_eq!(rig.expect_released(USER), (mine, 44));
}

#[test]
fn a_full_span_refuses_with_34() {
    let mut rig = Rig::up(1);
    for _ in 0..30 {
        rig.talk(USER);
    }
    for end in BOTH {
        let call = rig.call(end, "2001", ChannelChoice::Any);
        assert_eq!(rig.expect_released(end), (call, 34));
    }
}

#[test]
fn a_restart_ends_the_calls_it_names_and_no_other() {
    for end in BOTH {
        let mut rig = Rig::up(1);
        let (first, first_there) = rig.talk(end);
        let (_, _) = rig.talk(end);
        let channel = rig.ends[end].calls().find(|info| info.call == first).unwrap().channel.unwrap();
        rig.request(end, Request::Restart(RestartTarget::Channel(channel)));
        assert_eq!(rig.ends[end].channel(channel), Some(ChannelState::Restarting));
        rig.settle();
        assert_eq!(rig.expect_released(end), (first, 41));
        assert_eq!(rig.expect_released(1 - end), (first_there, 41));
        assert_eq!(rig.ends[end].channel(channel), Some(ChannelState::Idle));
        assert_eq!(rig.ends.each_ref().map(|pri| pri.calls().count()), [1, 1]);
        rig.request(end, Request::Restart(RestartTarget::All));
        rig.settle();
        rig.assert_empty();
    }
}

#[test]
fn tones_after_a_disconnect_are_heard_until_the_release() {
    let mut rig = Rig::up(1);
    let (call, there) = rig.talk(USER);
    rig.request(NETWORK, Request::Disconnect { call: there, cause: Cause::USER_BUSY, inband: true });
    rig.settle();
    let inband = rig.expect(USER, |event| match event {
        PriEvent::Disconnected { inband, .. } => Some(*inband),
        _ => None,
    });
    assert!(inband);
    assert_eq!(rig.ends[USER].calls().count(), 1);
    rig.request(USER, Request::Release { call, cause: Cause::NORMAL_CLEARING });
    rig.settle();
    assert_eq!(rig.expect_released(USER), (call, 17));
    assert_eq!(rig.expect_released(NETWORK), (there, 17));
    rig.assert_empty();
}

#[test]
fn both_sides_may_clear_at_once() {
    let mut rig = Rig::up(1);
    let (call, there) = rig.talk(USER);
    rig.request(USER, Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
    rig.request(NETWORK, Request::Disconnect { call: there, cause: Cause::CALL_REJECTED, inband: false });
    rig.settle();
    assert_eq!(rig.expect_released(USER).0, call);
    assert_eq!(rig.expect_released(NETWORK).0, there);
    rig.assert_empty();
}

#[test]
fn a_setup_over_a_dead_line_ends_with_27() {
    let mut rig = Rig::new(1);
    let call = rig.call(USER, "2001", ChannelChoice::Any);
    assert_eq!(rig.expect_released(USER), (call, 27));
    rig.assert_empty();
}

#[test]
fn a_request_that_the_state_does_not_allow_changes_nothing() {
    let mut rig = Rig::up(1);
    let (call, there) = rig.talk(USER);
    for request in [
        Request::Connect { call },
        Request::Alerting { call, inband: false },
        Request::SetupAck { call, inband: false },
        Request::Proceeding { call, inband: false },
        Request::Progress { call, inband: false },
        Request::MoreDigits { call, digits: Digits::default(), complete: true },
        Request::Block(Timeslot(16)),
        Request::Restart(RestartTarget::Channel(Timeslot(0))),
    ] {
        rig.request(USER, request);
    }
    assert_eq!(rig.ends[USER].counters().requests_ignored, 8);
    rig.request(NETWORK, Request::Connect { call: there });
    assert_eq!(rig.ends[NETWORK].counters().requests_ignored, 1);
    rig.settle();
    assert_eq!(rig.ends.each_ref().map(|pri| pri.calls().count()), [1, 1]);
}

#[test]
fn restarts_asked_for_before_the_link_is_up_are_sent_when_it_is() {
    let user = isdn::PriConfig { restart_on_start: true, ..config(Side::User) };
    let mut rig = Rig::with(1, user, config(Side::Network));
    rig.request(USER, Request::Restart(RestartTarget::Channel(Timeslot(3))));
    assert_eq!(rig.ends[USER].channel(Timeslot(3)), Some(ChannelState::Restarting));
    rig.input(USER, isdn::Input::LineUp);
    rig.input(NETWORK, isdn::Input::LineUp);
    rig.run(Duration::from_millis(50));
    assert_eq!(rig.sent_types(USER), [0x46, 0x46]);
    assert_eq!(rig.ends[NETWORK].counters().restarts_received, 2);
    rig.assert_empty();
}

#[test]
fn a_line_that_fails_for_a_moment_keeps_the_talking_calls() {
    let mut rig = Rig::up(1);
    let (call, there) = rig.talk(USER);
    rig.cut = true;
    rig.input(USER, isdn::Input::LineDown);
    rig.input(NETWORK, isdn::Input::LineDown);
    rig.run(Duration::from_secs(30));
    rig.cut = false;
    rig.input(USER, isdn::Input::LineUp);
    rig.input(NETWORK, isdn::Input::LineUp);
    rig.run(Duration::from_secs(120));
    assert_eq!(rig.ends.each_ref().map(|pri| pri.calls().count()), [1, 1]);
    rig.request(NETWORK, Request::Disconnect { call: there, cause: Cause::NORMAL_CLEARING, inband: false });
    rig.settle();
    assert_eq!(rig.expect_released(USER), (call, 16));
    rig.assert_empty();
}

#[test]
fn a_call_that_one_side_lost_while_the_line_was_down_ends_at_the_other() {
    let mut rig = Rig::up(1);
    let (call, there) = rig.talk(USER);
    rig.input(USER, isdn::Input::LineDown);
    rig.input(NETWORK, isdn::Input::LineDown);
    rig.request(NETWORK, Request::Disconnect { call: there, cause: Cause::NORMAL_CLEARING, inband: false });
    assert_eq!(rig.expect_released(NETWORK), (there, 16));
    rig.input(USER, isdn::Input::LineUp);
    rig.input(NETWORK, isdn::Input::LineUp);
    rig.run(Duration::from_secs(5));
    assert_eq!(rig.expect_released(USER).0, call);
    rig.assert_empty();
}
