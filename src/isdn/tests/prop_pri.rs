//! The laws of a span: whatever comes in, every call is released exactly once and no channel is left behind.

mod rig;

use std::collections::BTreeMap;
use std::time::Duration;

use clock::Prng;
use isdn::wire::{Builder, CallRef, ElementId, MessageType};
use isdn::{
    CallId, Cause, ChannelChoice, ChannelState, Digits, Input, PriConfig, PriEvent, Request, RestartTarget,
    Side,
};
use proptest::prelude::*;
use rig::script::Script;
use rig::{Faults, NETWORK, Rig, USER, config};
use tdm::{SpanKind, Timeslot};

/// Keeps the books of one end: calls begun and calls released.
#[derive(Default)]
struct Books {
    open: BTreeMap<CallId, bool>,
    begun: u64,
    answered: u64,
}

impl Books {
    fn begin(&mut self, call: CallId) {
        assert!(self.open.insert(call, true).is_none(), "{call:?} began twice");
        self.begun += 1;
    }

    fn note(&mut self, event: &PriEvent) {
        match event {
            PriEvent::Offer(offer) => self.begin(offer.call),
            PriEvent::Released { call, .. } => {
                assert!(self.open.remove(call).is_some(), "{call:?} ended twice")
            }
            PriEvent::Answered { call, .. } => {
                self.answered += 1;
                assert!(self.open.contains_key(call));
            }
            _ => {}
        }
    }

    fn some_call(&self, prng: &mut Prng) -> Option<CallId> {
        let at = prng.below(self.open.len() as u64) as usize;
        self.open.keys().nth(at).copied()
    }
}

fn random_request(call: CallId, prng: &mut Prng) -> Request {
    let inband = prng.chance(0.3);
    let digits = Digits::new(["", "1", "23"][prng.below(3) as usize]).unwrap();
    match prng.below(9) {
        0 => Request::SetupAck { call, inband },
        1 => Request::Proceeding { call, inband },
        2 => Request::Progress { call, inband },
        3 => Request::Alerting { call, inband },
        4 => Request::Connect { call },
        5 => Request::Disconnect { call, cause: Cause::new(prng.below(128) as u8), inband },
        6 => Request::Release { call, cause: Cause::NORMAL_CLEARING },
        7 => Request::MoreDigits { call, digits, complete: inband },
        _ => Request::Audit { call },
    }
}

fn random_choice(prng: &mut Prng) -> ChannelChoice {
    let timeslot = Timeslot(prng.below(34) as u8);
    match prng.below(4) {
        0 => ChannelChoice::Prefer(timeslot),
        1 => ChannelChoice::Exclusive(timeslot),
        _ => ChannelChoice::Any,
    }
}

/// Makes `steps` random things happen between two ends over a bad wire, then lets everything end.
fn soak(seed: u64, steps: u32, faults: Faults) -> [Books; 2] {
    let overlap = |side| PriConfig { overlap_receive: true, ..config(side) };
    let mut rig = Rig::with(seed, overlap(Side::User), overlap(Side::Network)).brought_up();
    rig.faults = faults;
    let mut prng = Prng::new(seed ^ 0x5eed);
    let mut books = [Books::default(), Books::default()];
    for step in 0..steps {
        let end = prng.below(2) as usize;
        let call = books[end].some_call(&mut prng);
        match (prng.below(100), call) {
            (0..30, _) => {
                let choice = random_choice(&mut prng);
                let complete = prng.chance(0.7);
                let call = rig.call_with(end, "20", choice, complete);
                books[end].begin(call);
            }
            (30..95, Some(call)) => {
                let request = random_request(call, &mut prng);
                rig.request(end, request);
            }
            (95, _) if step % 16 == 0 => rig.request(end, Request::Restart(RestartTarget::All)),
            (96, _) => {
                let timeslot = Timeslot(prng.below(32) as u8);
                rig.request(end, Request::Restart(RestartTarget::Channel(timeslot)));
            }
            (97, _) if step % 32 == 0 => {
                rig.input(end, Input::LineDown);
                rig.run(Duration::from_millis(prng.below(3000)));
                rig.input(end, Input::LineUp);
            }
            _ => {}
        }
        rig.run(Duration::from_millis(prng.below(400)));
        for (books, events) in books.iter_mut().zip(&mut rig.events) {
            events.drain(..).for_each(|event| books.note(&event));
        }
        rig.frames = Default::default();
    }
    wind_up(&mut rig, &mut books);
    books
}

/// Ends all calls over a good wire and checks that nothing is left.
fn wind_up(rig: &mut Rig, books: &mut [Books; 2]) {
    rig.faults = Faults::default();
    rig.run(Duration::from_secs(60));
    for end in [USER, NETWORK] {
        let calls: Vec<CallId> = rig.ends[end].calls().map(|info| info.call).collect();
        for call in calls {
            rig.request(end, Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        }
    }
    rig.run(Duration::from_secs(300));
    for end in [USER, NETWORK] {
        rig.events[end].drain(..).for_each(|event| books[end].note(&event));
        assert!(books[end].open.is_empty(), "end {end}: {:?}", books[end].open.keys());
        rig.request(end, Request::Restart(RestartTarget::All));
        rig.run(Duration::from_secs(300));
        let ended = rig.ends[end].counters();
        assert_eq!(ended.calls_released, ended.calls_offered + ended.calls_set_up);
    }
    rig.assert_empty();
}

#[test]
fn thousands_of_calls_over_a_good_wire_leave_nothing_behind() {
    let books = soak(1, 8_000, Faults::default());
    assert!(books.iter().map(|books| books.begun).sum::<u64>() > 3_000);
    assert!(books.iter().map(|books| books.answered).sum::<u64>() > 50);
}

#[test]
fn thousands_of_calls_over_a_bad_wire_leave_nothing_behind() {
    for (seed, faults) in (2u64..).zip([
        Faults { loss: 0.05, ..Faults::default() },
        Faults { double: 0.05, ..Faults::default() },
        Faults { garble: 0.02, ..Faults::default() },
        Faults { loss: 0.1, double: 0.02, garble: 0.01 },
        Faults { loss: 0.4, ..Faults::default() },
    ]) {
        let books = soak(seed, 3_000, faults);
        assert!(books.iter().map(|books| books.begun).sum::<u64>() > 1_000, "seed {seed}");
    }
}

/// A random message: a plausible header, elements of any kind.
fn random_message(prng: &mut Prng) -> Vec<u8> {
    const KINDS: [MessageType; 20] = [
        MessageType::Alerting,
        MessageType::CallProceeding,
        MessageType::Progress,
        MessageType::Setup,
        MessageType::Connect,
        MessageType::SetupAcknowledge,
        MessageType::ConnectAcknowledge,
        MessageType::UserInformation,
        MessageType::Disconnect,
        MessageType::Restart,
        MessageType::Release,
        MessageType::RestartAcknowledge,
        MessageType::ReleaseComplete,
        MessageType::Segment,
        MessageType::Facility,
        MessageType::StatusEnquiry,
        MessageType::Information,
        MessageType::Status,
        MessageType::Setup,
        MessageType::Other(0x24),
    ];
    const ELEMENTS: [(ElementId, &[u8]); 10] = [
        (ElementId::BearerCapability, &[0x80, 0x90, 0xa3]),
        (ElementId::ChannelIdentification, &[0xa9, 0x83, 0x81]),
        (ElementId::ChannelIdentification, &[0xa1, 0x83, 0x83]),
        (ElementId::Cause, &[0x82, 0x90]),
        (ElementId::CallState, &[0]),
        (ElementId::CallState, &[10]),
        (ElementId::ProgressIndicator, &[0x82, 0x88]),
        (ElementId::RestartIndicator, &[0x87]),
        (ElementId::CalledNumber, b"\x8120"),
        (ElementId::Display, b"x"),
    ];
    let call_ref = CallRef { value: prng.below(6) as u16, to_originator: prng.chance(0.5) };
    let mut builder = Builder::new(call_ref, KINDS[prng.below(20) as usize]);
    for (id, content) in ELEMENTS {
        if prng.chance(0.5) {
            builder = builder.element(id, content);
        }
    }
    let mut octets = builder.finish().to_vec();
    if prng.chance(0.2) {
        let at = prng.below(octets.len() as u64) as usize;
        octets[at] = prng.below(256) as u8;
    }
    octets
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_messages_and_requests_leave_no_call_and_no_channel(seed: u64, network: bool, steps in 1u32..300) {
        let side = if network { Side::Network } else { Side::User };
        let mut prng = Prng::new(seed);
        let mut script = Script::new(PriConfig { overlap_receive: true, ..PriConfig::new(side, SpanKind::E1) });
        let mut books = Books::default();
        for _ in 0..steps {
            match prng.below(10) {
                0 => {
                    let (call, _) = begin(&mut script, &mut prng);
                    books.begin(call);
                }
                1 => script.wait(Duration::from_millis(prng.below(20_000))),
                2 => {
                    let garbage: Vec<u8> = (0..prng.below(20)).map(|_| prng.below(256) as u8).collect();
                    script.input(Input::Frame(&garbage));
                }
                3..6 => {
                    if let Some(call) = books.some_call(&mut prng) {
                        let request = random_request(call, &mut prng);
                        script.request(request);
                    }
                }
                _ => script.say_octets(&random_message(&mut prng)),
            }
            script.events.drain(..).for_each(|event| books.note(&event));
            let busy = script.pri.channels().iter().filter(|(_, state)| matches!(state, ChannelState::Busy(_))).count();
            prop_assert!(busy <= script.pri.calls().count());
            prop_assert_eq!(books.open.len(), script.pri.calls().count());
        }
        script.dead = true;
        script.input(Input::LineDown);
        script.wait(Duration::from_secs(91));
        script.events.drain(..).for_each(|event| books.note(&event));
        prop_assert!(books.open.is_empty());
        prop_assert!(!script.pri.channels().iter().any(|(_, state)| matches!(state, ChannelState::Busy(_))));
    }
}

fn begin(script: &mut Script, prng: &mut Prng) -> (CallId, ChannelChoice) {
    let call = script.pri.next_call();
    let channel = random_choice(prng);
    let setup = isdn::Setup {
        call,
        called: isdn::PartyNumber::called(Digits::new("20").expect("digits")),
        calling: None,
        name: None,
        channel,
        sending_complete: prng.chance(0.5),
        bearer: isdn::BearerCapability::speech(tdm::Law::A),
    };
    script.request(Request::Setup(Box::new(setup)));
    (call, channel)
}
