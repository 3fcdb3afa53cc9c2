//! Every timer of layer 3 at its edge: nothing a millisecond before, the right thing at its time.

mod rig;

use std::time::Duration;

use isdn::wire::{Builder, ElementId, MessageType};
use isdn::{
    CallState, CallTimer, ChannelState, Input, Notice, PriConfig, PriEvent, Request, RestartTarget, Side,
    Timer,
};
use rig::script::{BEARER, CHANNEL_1, Script, THEIRS};
use tdm::{SpanKind, Timeslot};

const BOTH: [Side; 2] = [Side::User, Side::Network];
const MS: Duration = Duration::from_millis(1);

fn script(side: Side) -> Script {
    Script::new(PriConfig { overlap_receive: true, ..PriConfig::new(side, SpanKind::E1) })
}

/// Waits until a millisecond before `seconds`, sees that nothing is sent, and goes over the edge.
fn edge(script: &mut Script, seconds: u64) {
    script.got.clear();
    script.wait(Duration::from_secs(seconds) - MS);
    assert!(script.got.is_empty(), "too early: {:?}", script.got);
    script.wait(MS);
}

#[test]
fn t303_repeats_the_setup_once_and_then_gives_up() {
    for (side, end) in [(Side::User, 102), (Side::Network, 18)] {
        let mut script = script(side);
        let (call, _) = script.setup(true);
        edge(&mut script, 4);
        assert_eq!(script.types(), [MessageType::Setup]);
        edge(&mut script, 4);
        assert_eq!(script.last_cause(), (MessageType::ReleaseComplete, 102));
        assert_eq!(script.released(), [(call, end)]);
    }
}

#[test]
fn t304_ends_a_call_whose_digits_lead_nowhere() {
    for (side, seconds) in [(Side::User, 30), (Side::Network, 20)] {
        let mut script = script(side);
        let (call, call_ref) = script.setup(false);
        script.tell(call_ref, MessageType::SetupAcknowledge, None);
        edge(&mut script, seconds);
        assert_eq!(script.last_cause(), (MessageType::Disconnect, 102));
        assert_eq!(script.state(call), CallState::DisconnectRequest);
    }
}

#[test]
fn t302_says_that_no_more_digits_come() {
    for side in BOTH {
        let mut script = script(side);
        let call = script.offered(b"\x812");
        script.request(Request::SetupAck { call, inband: false });
        script.wait(Duration::from_secs(10));
        script.tell(THEIRS, MessageType::Information, Some((ElementId::CalledNumber, b"\x810")));
        script.events.clear();
        script.wait(Duration::from_secs(15) - MS);
        assert_eq!(script.events, []);
        script.wait(MS);
        let digits = isdn::Digits::default();
        assert_eq!(script.events, [PriEvent::Digits { call, digits, complete: true }]);
    }
}

#[test]
fn t310_ends_a_call_that_proceeds_for_too_long_unless_progress_came() {
    for (side, seconds, end) in [(Side::User, 60, 102), (Side::Network, 10, 18)] {
        let mut script = script(side);
        let (call, call_ref) = script.setup(true);
        script.tell(call_ref, MessageType::CallProceeding, None);
        edge(&mut script, seconds);
        assert_eq!(script.last_cause(), (MessageType::Disconnect, 102));
        script.tell(call_ref, MessageType::Release, None);
        assert_eq!(script.released(), [(call, end)]);

        let (call, call_ref) = script.setup(true);
        script.tell(call_ref, MessageType::CallProceeding, None);
        script.tell(call_ref, MessageType::Progress, Some((ElementId::ProgressIndicator, &[0x82, 0x88])));
        script.wait(Duration::from_secs(120));
        assert_eq!(script.state(call), CallState::OutgoingProceeding);
    }
}

#[test]
fn t301_ends_a_call_that_nobody_answers_with_19() {
    for side in BOTH {
        let mut script = script(side);
        let (call, call_ref) = script.setup(true);
        script.tell(call_ref, MessageType::Alerting, None);
        edge(&mut script, 180);
        assert_eq!(script.last_cause(), (MessageType::Disconnect, 19));
        script.tell(call_ref, MessageType::Release, None);
        assert_eq!(script.released(), [(call, 19)]);
    }
}

#[test]
fn t313_ends_an_answered_call_that_is_not_acknowledged_on_the_users_side_only() {
    let mut user = script(Side::User);
    let call = user.offered(b"\x812001");
    user.request(Request::Connect { call });
    edge(&mut user, 4);
    assert_eq!(user.last_cause(), (MessageType::Disconnect, 102));

    let mut network = script(Side::Network);
    let call = network.offered(b"\x812001");
    network.request(Request::Connect { call });
    network.wait(Duration::from_secs(60));
    assert_eq!(network.state(call), CallState::Active);
}

#[test]
fn t305_and_t308_clear_step_by_step_and_the_channel_is_restarted() {
    for side in BOTH {
        let mut script = script(side);
        let (call, _) = script.active();
        let channel = script.pri.calls().next().unwrap().channel.unwrap();
        script.disconnect(call);
        edge(&mut script, 30);
        assert_eq!(script.last_cause(), (MessageType::Release, 16));
        edge(&mut script, 4);
        assert_eq!(script.last_cause(), (MessageType::Release, 16));
        edge(&mut script, 4);
        assert_eq!(script.types(), [MessageType::Restart]);
        assert_eq!(script.released(), [(call, 16)]);
        assert_eq!(script.pri.channel(channel), Some(ChannelState::Restarting));
    }
}

#[test]
fn t306_bounds_how_long_a_tone_is_played_or_heard() {
    let mut network = script(Side::Network);
    let (call, _) = network.active();
    network.request(Request::Disconnect { call, cause: isdn::Cause::USER_BUSY, inband: true });
    assert_eq!(
        network.pri.poll_timeout().map(|(_, timer)| timer),
        Some(Timer::Link(isdn::lapd::Timer::T203))
    );
    edge(&mut network, 30);
    assert_eq!(network.last_cause(), (MessageType::Release, 17));

    let mut user = script(Side::User);
    let (call, call_ref) = user.active();
    user.say(
        Builder::new(call_ref, MessageType::Disconnect)
            .element(ElementId::Cause, &[0x82, 0x91])
            .element(ElementId::ProgressIndicator, &[0x82, 0x88]),
    );
    assert_eq!(user.state(call), CallState::DisconnectIndication);
    edge(&mut user, 30);
    assert_eq!(user.types(), [MessageType::Release]);
}

#[test]
fn t309_keeps_active_calls_and_ends_them_with_27() {
    for side in BOTH {
        let mut script = script(side);
        let (call, _) = script.active();
        let (other, _) = script.setup(true);
        script.dead = true;
        script.input(Input::LineDown);
        assert_eq!(script.released(), [(other, 41)], "a call that does not talk ends at once");
        script.wait(Duration::from_secs(90) - MS);
        assert_eq!(script.state(call), CallState::Active);
        let due = script.pri.poll_timeout();
        assert_eq!(due.map(|(_, timer)| timer), Some(Timer::Call(call, CallTimer::T309)));
        script.wait(MS);
        assert_eq!(script.released(), [(call, 27)]);
    }
}

#[test]
fn a_link_that_comes_back_within_t309_asks_for_the_calls_state() {
    for side in BOTH {
        let mut script = script(side);
        let (call, call_ref) = script.active();
        script.peer_releases();
        assert!(!script.pri.is_up());
        script.wait(Duration::from_secs(1));
        assert!(script.pri.is_up(), "the link is asked for again after a second");
        assert_eq!(script.types(), [MessageType::StatusEnquiry]);
        status(&mut script, call_ref, 30, 10);
        script.wait(Duration::from_secs(100));
        assert_eq!(script.state(call), CallState::Active);
    }
}

/// The peer sends STATUS.
fn status(script: &mut Script, call_ref: isdn::wire::CallRef, cause: u8, state: u8) {
    script.say(
        Builder::new(call_ref, MessageType::Status)
            .element(ElementId::Cause, &[0x82, 0x80 | cause])
            .element(ElementId::CallState, &[state]),
    );
}

#[test]
fn a_status_in_state_0_ends_the_call() {
    for side in BOTH {
        let mut script = script(side);
        let (call, call_ref) = script.active();
        script.peer_reestablishes();
        assert_eq!(script.types(), [MessageType::StatusEnquiry]);
        status(&mut script, call_ref, 30, 0);
        assert_eq!(script.released(), [(call, 41)]);
    }
}

#[test]
fn t322_repeats_the_enquiry_and_then_clears() {
    let mut script = script(Side::User);
    let (call, _) = script.active();
    script.request(Request::Audit { call });
    assert_eq!(script.types(), [MessageType::StatusEnquiry]);
    edge(&mut script, 4);
    assert_eq!(script.types(), [MessageType::StatusEnquiry]);
    edge(&mut script, 4);
    assert_eq!(script.last_cause(), (MessageType::Disconnect, 41));
}

#[test]
fn a_state_that_cannot_go_with_ours_is_cleared_with_101() {
    for (state, cleared) in [(10, false), (8, false), (11, false), (3, true), (4, true)] {
        let mut script = script(Side::User);
        let (call, call_ref) = script.active();
        script.request(Request::Audit { call });
        script.got.clear();
        status(&mut script, call_ref, 30, state);
        assert_eq!(script.state(call) == CallState::DisconnectRequest, cleared, "{state}");
    }
}

#[test]
fn t316_repeats_a_restart_and_then_takes_the_channel_out_of_service() {
    for side in BOTH {
        let mut script = script(side);
        script.request(Request::Restart(RestartTarget::Channel(Timeslot(9))));
        edge(&mut script, 120);
        assert_eq!(script.types(), [MessageType::Restart]);
        edge(&mut script, 120);
        assert_eq!(script.types(), []);
        assert!(script.events.contains(&PriEvent::Notice(Notice::RestartUnanswered)));
        assert_eq!(script.pri.channel(Timeslot(9)), Some(ChannelState::OutOfService));
        script.request(Request::Unblock(Timeslot(9)));
        assert_eq!(script.pri.channel(Timeslot(9)), Some(ChannelState::Idle));
    }
}

#[test]
fn an_offer_that_nobody_takes_waits_for_the_caller() {
    let mut script = script(Side::Network);
    script.say(
        Builder::new(THEIRS, MessageType::Setup)
            .element(ElementId::BearerCapability, BEARER)
            .element(ElementId::ChannelIdentification, CHANNEL_1),
    );
    script.wait(Duration::from_secs(30));
    assert_eq!(script.pri.calls().count(), 1);
    script.tell(THEIRS, MessageType::ReleaseComplete, Some((ElementId::Cause, &[0x82, 0xe6])));
    assert_eq!(script.released().len(), 1);
}
