//! Messages that break rules, messages for no call, messages out of place: the tables of Q.931 5.8.

mod rig;

use isdn::wire::{Builder, CallRef, ElementId, Message, MessageType};
use isdn::{CallState, ChannelState, Notice, PriConfig, PriEvent, Request, Side};
use rig::script::{BEARER, CHANNEL_1, Script, THEIRS};
use tdm::{SpanKind, Timeslot};

const BOTH: [Side; 2] = [Side::User, Side::Network];

fn script(side: Side) -> Script {
    Script::new(PriConfig::new(side, SpanKind::E1))
}

fn setup(elements: &[(ElementId, &[u8])]) -> Builder {
    elements.iter().fold(Builder::new(THEIRS, MessageType::Setup), |builder, (id, content)| {
        builder.element(*id, content)
    })
}

#[test]
fn a_broken_setup_is_refused_with_the_right_cause() {
    let bearer = (ElementId::BearerCapability, BEARER);
    let channel = |content| (ElementId::ChannelIdentification, content);
    for (side, elements, cause) in [
        (Side::User, vec![channel(CHANNEL_1)], 96),
        (Side::User, vec![bearer], 96),
        (Side::User, vec![(ElementId::BearerCapability, &[0x80u8][..]), channel(CHANNEL_1)], 100),
        (Side::Network, vec![bearer, channel(&[0x89])], 100),
        (Side::User, vec![bearer, channel(&[0xa9, 0x83, 0x90])], 82),
        (Side::User, vec![bearer, channel(&[0xa9, 0x83, 0xa0])], 100),
        (Side::User, vec![bearer, channel(&[0xa8])], 34),
    ] {
        let mut script = script(side);
        script.say(setup(&elements));
        assert_eq!(script.last_cause(), (MessageType::ReleaseComplete, cause), "{elements:?}");
        assert_eq!(script.pri.calls().count(), 0);
        assert_eq!(script.pri.counters().setups_refused, 1);
        assert!(!script.events.iter().any(|event| matches!(event, PriEvent::Offer(_))));
    }
}

#[test]
fn an_unknown_element_counts_only_if_it_must_be_understood() {
    let bearer = [8, 2, 0, 9, 5, 0x04, 3, 0x80, 0x90, 0xa3, 0x18, 3, 0xa9, 0x83, 0x81];
    let mut script = script(Side::User);
    script.say_octets(&[&bearer[..], &[0x0d, 1, 0]].concat());
    assert_eq!(script.last_cause(), (MessageType::ReleaseComplete, 96));
    script.say_octets(&[&bearer[..], &[0x5d, 1, 0, 0x96, 0x0d, 0]].concat());
    assert!(matches!(script.events.pop(), Some(PriEvent::Offer(_))));
}

#[test]
fn a_call_without_channel_takes_one_on_the_network_side() {
    let mut script = script(Side::Network);
    script.say(setup(&[(ElementId::BearerCapability, BEARER)]));
    let Some(PriEvent::Offer(offer)) = script.events.pop() else { panic!("an offer") };
    assert_eq!(script.pri.channel(offer.channel), Some(ChannelState::Busy(offer.call)));
    script.request(Request::Proceeding { call: offer.call, inband: false });
    let (_, kind, body) = script.got.pop().unwrap();
    assert_eq!(kind, MessageType::CallProceeding);
    assert_eq!(body, [0x18, 3, 0xa9, 0x83, 0x80 | offer.channel.0], "the answer names the channel");
}

#[test]
fn messages_for_no_call_are_answered_as_the_table_says() {
    use MessageType as M;
    let expected = |kind| match kind {
        M::ReleaseComplete => None,
        M::StatusEnquiry => Some((M::Status, 30)),
        M::Status => Some((M::ReleaseComplete, 101)),
        _ => Some((M::ReleaseComplete, 81)),
    };
    for side in BOTH {
        for code in 0..=255 {
            let kind = M::from_code(code);
            if kind == M::Setup {
                continue;
            }
            let mut script = script(side);
            let call_ref = CallRef { value: 99, to_originator: true };
            script.say(
                Builder::new(call_ref, kind)
                    .element(ElementId::Cause, &[0x82, 0x90])
                    .element(ElementId::CallState, &[10]),
            );
            assert_eq!(script.pri.calls().count(), 0);
            assert!(script.events.contains(&PriEvent::Notice(Notice::UnknownCall(kind))));
            match expected(kind) {
                None => assert!(script.got.is_empty()),
                Some(answer) => {
                    assert_eq!(script.got.last().unwrap().0, call_ref.turned());
                    assert_eq!(script.last_cause(), answer, "{kind:?}");
                }
            }
        }
    }
}

#[test]
fn a_setup_with_the_wrong_flag_or_for_a_call_that_exists_is_ignored() {
    let mut script = script(Side::User);
    script.say(
        Builder::new(THEIRS.turned(), MessageType::Setup)
            .element(ElementId::BearerCapability, BEARER)
            .element(ElementId::ChannelIdentification, CHANNEL_1),
    );
    assert!(script.got.is_empty());
    assert_eq!(script.pri.calls().count(), 0);
    script.offered(b"\x812001");
    script
        .say(setup(&[(ElementId::BearerCapability, BEARER), (ElementId::ChannelIdentification, CHANNEL_1)]));
    assert!(script.got.is_empty());
    assert_eq!(script.pri.calls().count(), 1);
}

#[test]
fn unexpected_messages_get_a_status_with_the_state_and_change_nothing() {
    use MessageType as M;
    for side in BOTH {
        for kind in [
            M::SetupAcknowledge,
            M::CallProceeding,
            M::Alerting,
            M::Connect,
            M::Progress,
            M::Restart,
            M::RestartAcknowledge,
            M::Other(0x26),
        ] {
            let mut script = script(side);
            let (call, call_ref) = script.active();
            script.tell(call_ref, kind, Some((ElementId::RestartIndicator, &[0x80])));
            let (_, _, body) = script.got.last().cloned().unwrap();
            assert_eq!(body[body.len() - 3..], [0x14, 1, 10], "call state 10");
            let cause = if matches!(kind, M::Other(_)) { 97 } else { 101 };
            assert_eq!(script.last_cause(), (M::Status, cause), "{kind:?}");
            assert_eq!(script.state(call), CallState::Active);
            assert_eq!(script.pri.counters().protocol_errors, 1);
        }
    }
}

#[test]
fn messages_without_meaning_are_politely_ignored() {
    use MessageType as M;
    for kind in [M::Facility, M::Notify, M::UserInformation, M::CongestionControl, M::Segment, M::Information]
    {
        let mut script = script(Side::User);
        let (call, call_ref) = script.active();
        script.tell(call_ref, kind, None);
        assert!(script.got.is_empty(), "{kind:?}");
        assert_eq!(script.state(call), CallState::Active);
        assert_eq!(script.pri.counters().messages_ignored, 1);
    }
}

#[test]
fn what_crosses_our_disconnect_on_the_line_is_ignored() {
    use MessageType as M;
    for kind in
        [M::Alerting, M::Connect, M::CallProceeding, M::SetupAcknowledge, M::Progress, M::ConnectAcknowledge]
    {
        let mut script = script(Side::Network);
        let (call, call_ref) = script.setup(true);
        script.disconnect(call);
        assert_eq!(script.types(), [M::Disconnect]);
        script.tell(call_ref, kind, None);
        assert!(script.got.is_empty());
        assert_eq!(script.state(call), CallState::DisconnectRequest);
    }
}

#[test]
fn clearing_messages_with_broken_causes_clear_all_the_same() {
    for (cause, answered, told) in [(None, 96, 31), (Some(&[0x82][..]), 100, 31)] {
        let element = cause.map(|content| (ElementId::Cause, content));
        let mut script = script(Side::User);
        let (call, call_ref) = script.active();
        script.tell(call_ref, MessageType::Disconnect, element);
        assert_eq!(script.last_cause(), (MessageType::Release, answered));
        script.tell(call_ref, MessageType::ReleaseComplete, None);
        assert_eq!(script.released(), [(call, told)]);

        let (call, call_ref) = script.active();
        script.tell(call_ref, MessageType::Release, element);
        assert_eq!(script.last_cause(), (MessageType::ReleaseComplete, answered));
        assert_eq!(script.released(), [(call, told)]);
    }
}

#[test]
fn a_status_enquiry_is_answered_with_the_state_of_each_side() {
    for (side, number) in [(Side::User, 4), (Side::Network, 7)] {
        let mut script = script(side);
        let (_, call_ref) = script.setup(true);
        script.tell(call_ref, MessageType::Alerting, None);
        script.tell(call_ref, MessageType::StatusEnquiry, None);
        let (call_ref, kind, body) = script.got.pop().unwrap();
        let message = Message { call_ref, kind, body: &body };
        assert_eq!(kind, MessageType::Status);
        assert_eq!(message.find(ElementId::CallState).unwrap().content, [number]);
        assert_eq!(message.find(ElementId::Cause).unwrap().content[1], 0x80 | 30);
    }
}

#[test]
fn an_answer_on_a_channel_that_we_cannot_take_ends_the_call() {
    // The network named its channel for good: another one is unacceptable.
    let mut network = script(Side::Network);
    let (call, call_ref) = network.setup(true);
    network.tell(
        call_ref,
        MessageType::Alerting,
        Some((ElementId::ChannelIdentification, &[0xa9, 0x83, 0x9f])),
    );
    assert_eq!(network.last_cause(), (MessageType::Release, 6));
    network.tell(call_ref, MessageType::ReleaseComplete, None);
    assert_eq!(network.released(), [(call, 6)]);

    // The user's wish may be changed, but not to a channel that carries a call.
    let mut user = script(Side::User);
    user.offered(b"\x812001");
    let (_, call_ref) = user.setup(true);
    user.tell(call_ref, MessageType::CallProceeding, Some((ElementId::ChannelIdentification, CHANNEL_1)));
    assert_eq!(user.last_cause(), (MessageType::Release, 44));
    let (call, call_ref) = user.setup(true);
    user.tell(
        call_ref,
        MessageType::CallProceeding,
        Some((ElementId::ChannelIdentification, &[0xa9, 0x83, 0x82])),
    );
    assert_eq!(user.pri.channel(Timeslot(2)), Some(ChannelState::Busy(call)));
}

#[test]
fn the_limit_of_calls_refuses_with_42() {
    let mut script = Script::new(PriConfig { max_calls: 1, ..PriConfig::new(Side::User, SpanKind::E1) });
    script.offered(b"\x812001");
    let second = CallRef { value: 78, to_originator: false };
    script.say(
        Builder::new(second, MessageType::Setup)
            .element(ElementId::BearerCapability, BEARER)
            .element(ElementId::ChannelIdentification, &[0xa9, 0x83, 0x82]),
    );
    assert_eq!(script.last_cause(), (MessageType::ReleaseComplete, 42));
    assert!(script.events.contains(&PriEvent::Notice(Notice::CallLimit)));
}

#[test]
fn restarts_of_the_peer_are_acknowledged_with_what_they_named() {
    for side in BOTH {
        let global = CallRef::GLOBAL;
        let mut script = script(side);
        let (call, _) = script.active();
        let timeslot = script.pri.calls().next().unwrap().channel.unwrap();
        let channel = [0xa9, 0x83, 0x80 | timeslot.0];
        script.say(
            Builder::new(global, MessageType::Restart)
                .element(ElementId::ChannelIdentification, &channel)
                .element(ElementId::RestartIndicator, &[0x80]),
        );
        let body = [&[0x18, 3][..], &channel, &[0x79, 1, 0x80]].concat();
        assert_eq!(script.got.pop(), Some((global.turned(), MessageType::RestartAcknowledge, body)));
        assert_eq!(script.released(), [(call, 41)]);

        let (call, _) = script.active();
        script.tell(global, MessageType::Restart, Some((ElementId::RestartIndicator, &[0x87])));
        assert_eq!(script.types(), [MessageType::RestartAcknowledge]);
        assert_eq!(script.released(), [(call, 41)]);
    }
}

#[test]
fn broken_messages_with_the_global_reference_get_a_status() {
    for (kind, element, cause) in [
        (MessageType::Restart, None, 96),
        (MessageType::Restart, Some((ElementId::RestartIndicator, &[0x81][..])), 100),
        (MessageType::Restart, Some((ElementId::RestartIndicator, &[0x80][..])), 96),
        (MessageType::Connect, None, 81),
        (MessageType::Setup, None, 96),
    ] {
        let mut script = script(Side::Network);
        script.tell(CallRef::GLOBAL, kind, element);
        assert_eq!(script.got.last().unwrap().0, CallRef::GLOBAL.turned());
        assert_eq!(script.last_cause(), (MessageType::Status, cause), "{kind:?}");
    }
}

#[test]
fn octets_that_are_no_message_are_counted() {
    let mut script = script(Side::User);
    for octets in [&[][..], &[8], &[0x43, 2, 0, 1, 5], &[8, 0, 5], &[8, 4, 0, 0, 0, 1, 5]] {
        script.say_octets(octets);
    }
    assert_eq!(script.pri.counters().malformed, 5);
    assert!(script.got.is_empty());
}
