//! The counterparts against a tiny appliance: what they say is what a test may rely on.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod rig;

use std::time::{Duration, Instant};

use hw_tests::audio::{self, Noise};
use hw_tests::{Behaviour, Exchange, ExchangeSide, PhoneEventKind, Phones};
use isdn::Side;
use rig::{Appliance, Ask};
use tdm::{Alarms, Law, Timeslot};

struct Bench {
    exchange: Exchange,
    phones: Phones,
    appliance: Appliance,
    folder: tempfile::TempDir,
}

fn bench(exchange_is: ExchangeSide) -> Bench {
    let folder = tempfile::tempdir().unwrap();
    let ours = match exchange_is {
        ExchangeSide::Network => Side::User,
        ExchangeSide::User => Side::Network,
    };
    let appliance = Appliance::start(folder.path(), ours);
    // In lockstep the card waits for both programs.
    let socket = appliance.exchange_socket.clone();
    let mut exchange = Exchange::start(&socket, exchange_is, folder.path()).unwrap();
    let phones = Phones::connect(&appliance.phones_socket).unwrap();
    let up = exchange.wait("DCHAN").unwrap();
    assert_eq!(up.word(0), "up");
    Bench { exchange, phones, appliance, folder }
}

fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happens() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn thirty_calls_at_once_hear_their_own_noise_and_keys_come_back() {
    let Bench { mut exchange, phones: _phones, appliance, folder: _folder } = bench(ExchangeSide::Network);
    for n in 0..30 {
        exchange.call(&format!("c{n}"), "4711", "13900000000", None).unwrap();
    }
    for n in 0..30 {
        exchange.wait_call("ANSWERED", &format!("c{n}")).unwrap();
        exchange.command(&format!("play c{n} noise:{}", n + 1)).unwrap();
    }
    appliance.pass(1_500);
    for n in 0..30 {
        exchange.command(&format!("dtmf c{n} 1{n:02}#")).unwrap();
    }
    for n in 0..30 {
        exchange.wait_call("SENT", &format!("c{n}")).unwrap();
        exchange.command(&format!("play c{n} silence")).unwrap();
    }
    appliance.pass(100);
    let mut channels = Vec::new();
    for n in 0..30 {
        exchange.command(&format!("hangup c{n} 16")).unwrap();
        exchange.wait_call("CLEARED", &format!("c{n}")).unwrap();
        let call = exchange.recording(&format!("c{n}")).unwrap();
        channels.push(call.channel);
        assert_eq!(call.heard.len(), call.said.len());
        assert_eq!(audio::digits(Law::A, &call.heard), format!("1{n:02}#"), "call {n}");
        let (heard, said) = (audio::decode(Law::A, &call.heard), audio::decode(Law::A, &call.said));
        let start = said.iter().position(|&x| x.abs() > 500).unwrap();
        let found = audio::find(&heard[start..start + 8_000], &said[start..start + 8_000], 0..=800);
        assert!(found.correlation > 0.99, "call {n}: {found:?}");
        // What it said is the noise of its seed.
        let noise: Vec<i16> = Noise::new(n + 1).take(8_000).collect();
        let seeded = audio::find(&said[start..start + 8_000], &noise, -1_100..=1_100);
        assert!(seeded.correlation > 0.9, "call {n}: {seeded:?}");
    }
    channels.sort_unstable();
    let all: Vec<Timeslot> = (1..=31).filter(|&n| n != 16).map(Timeslot).collect();
    assert_eq!(channels, all);
}

#[test]
fn policies_answer_and_refuse_as_told_and_causes_arrive() {
    let Bench { mut exchange, phones: _phones, appliance, folder: _folder } = bench(ExchangeSide::Network);
    for policy in [
        "auto answer 50 noise:called 600",
        "policy 2 busy",
        "policy 3 unallocated",
        "policy 4 congestion",
        "policy 5 noanswer 200",
        "policy 6 cause 21",
    ] {
        exchange.command(policy).unwrap();
    }
    std::thread::sleep(Duration::from_millis(100));
    let expected = [("100", 16), ("200", 17), ("300", 1), ("400", 34), ("500", 19), ("600", 21)];
    for (number, _) in expected {
        appliance.ask(Ask::Call(number));
    }
    eventually("every call is over", || appliance.ledger.lock().unwrap().released.len() == expected.len());
    let mut released = appliance.ledger.lock().unwrap().released.clone();
    released.sort_unstable();
    assert_eq!(released, expected.map(|(number, cause)| (number.to_owned(), cause)));
    // The answered call heard itself: the appliance says back what it hears.
    let ring = exchange.wait_for("RING of 100", Duration::from_secs(5), |event| {
        event.name == "RING" && event.word(1) == "100"
    });
    let id = ring.unwrap().word(0).to_owned();
    exchange.wait_call("CLEARED", &id).unwrap();
    let call = exchange.recording(&id).unwrap();
    let heard = audio::decode(Law::A, &call.heard);
    let noise: Vec<i16> = Noise::new(100).take(3_200).collect();
    let found = audio::find(&heard, &noise, 0..=3_000);
    assert!(found.correlation > 0.99, "{found:?}");
}

#[test]
fn a_card_sees_garbage_alarms_and_a_vanished_exchange_and_the_exchange_comes_back() {
    let Bench { mut exchange, phones: _phones, appliance, folder: _folder } = bench(ExchangeSide::Network);
    exchange.call("a", "1", "-", Some(Timeslot(7))).unwrap();
    exchange.wait_call("ANSWERED", "a").unwrap();
    exchange.command("garbage 50").unwrap();
    exchange.command("alarm yellow").unwrap();
    let seen = |alarm: Alarms| appliance.ledger.lock().unwrap().alarms.contains(&alarm);
    eventually("YELLOW is seen", || seen(Alarms::YELLOW));
    exchange.command("alarm none").unwrap();
    eventually("the alarm ends", || appliance.ledger.lock().unwrap().alarms.last() == Some(&Alarms::empty()));
    exchange.command("alarm red").unwrap();
    eventually("RED is seen", || seen(Alarms::RED));
    exchange.command("alarm none").unwrap();
    eventually("the alarm ends", || appliance.ledger.lock().unwrap().alarms.last() == Some(&Alarms::empty()));
    exchange.command("drop").unwrap();
    exchange.wait_call("CLEARED", "a").unwrap();
    eventually("RED is seen", || {
        appliance.ledger.lock().unwrap().alarms.last().is_some_and(|alarms| alarms.contains(Alarms::RED))
    });
    exchange.command("connect").unwrap();
    exchange.wait("HELLO").unwrap(); // the first one
    exchange.wait("HELLO").unwrap();
    exchange.wait("DCHAN").unwrap();
    // It begins with call reference 1 again, which our side keeps until it has asked about the old call.
    std::thread::sleep(Duration::from_millis(500));
    exchange.call("b", "1", "-", Some(Timeslot(9))).unwrap();
    exchange.wait_call("ANSWERED", "b").unwrap();
    exchange.command("restart 9").unwrap();
    exchange.wait("RESTARTED").unwrap();
}

#[test]
fn as_the_user_side_it_calls_is_called_and_is_told_why_a_call_ends() {
    let Bench { mut exchange, phones: _phones, appliance, folder: _folder } = bench(ExchangeSide::User);
    exchange.command("auto answer 0").unwrap();
    exchange.call("out", "4711", "-", None).unwrap();
    exchange.wait_call("ANSWERED", "out").unwrap();
    appliance.ask(Ask::Call("5"));
    let ring = exchange.wait("RING").unwrap();
    assert_eq!((ring.word(0), ring.word(1)), ("in1", "5"));
    exchange.command("hangup out 16").unwrap();
    exchange.wait_call("CLEARED", "out").unwrap();
    exchange.command("hangup in1 31").unwrap();
    exchange.wait_call("CLEARED", "in1").unwrap();
    eventually("the call is over", || appliance.ledger.lock().unwrap().released == [("5".to_owned(), 31)]);
}

#[test]
fn a_telephone_lifts_when_it_rings_is_heard_and_hears() {
    let Bench { exchange: _exchange, mut phones, appliance, folder: _folder } = bench(ExchangeSide::Network);
    let port = Timeslot(1);
    let behaviour =
        Behaviour { answer_after_ms: Some(300), noise_seed: Some(5), hang_up_after_ms: Some(1_500) };
    phones.behave(port, behaviour);
    appliance.ask(Ask::Ring(port));
    let patience = Duration::from_secs(10);
    let rang = phones.wait(port, PhoneEventKind::Ringing, patience).unwrap();
    let lifted = phones.wait(port, PhoneEventKind::Lifted, patience).unwrap();
    assert_eq!(lifted.time.since(rang.time), 300 * 8);
    phones.wait(port, PhoneEventKind::HungUp, patience).unwrap();
    let hearing = phones.hearing(port);
    assert_eq!((hearing.start, hearing.heard.len()), (lifted.time, 1_500 * 8));
    let own: Vec<i16> = Noise::new(99).take(8_000).collect();
    let found = audio::find(&audio::decode(Law::A, &hearing.heard), &own, 0..=1_600);
    assert!(found.correlation > 0.9, "{found:?}");
    let said: Vec<i16> = Noise::new(5).take(8_000).collect();
    let phone_said = audio::decode(Law::A, &appliance.ledger.lock().unwrap().phone_said);
    let found = audio::find(&phone_said, &said, -1_600..=1_600);
    assert!(found.correlation > 0.9, "{found:?}");
}
