//! The cases.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::Duration;

use card::{Card, CardControl, CardEvent, ClockSource, LineConfig, LineOrder, Signalling};
use tdm::{Abcd, Alarms, ChannelId, Law, SpanId};
use tdmoe::{Count, Sender};

use crate::party::{settle, until};
use crate::rig::{self, Kernel, OTHER_MAC, THEIR_MAC, ifconfig, ours};

fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Both spans, all channels, both ways: every octet follows on the one before, and nothing is lost, late or slipped.
pub fn talk() {
    let kernel = Kernel::new(0);
    let (mut a, b) = (ours(Signalling::Clear, ClockSource::Internal), kernel.parties(Signalling::Clear));
    a.await_alarms(10, Alarms::empty());
    settle(&a, &b);
    let all = || {
        [("we", 62, a.heard()), ("the kernel's first", 31, b[0].heard()), ("its second", 31, b[1].heard())]
    };
    let (before, complaints) = (all(), rig::kernel_complaints());
    let counts = [a.control.counts(SpanId(10)), a.control.counts(SpanId(11))];
    sleep_ms(10_200);
    for ((name, channels, was), (_, _, is)) in before.into_iter().zip(all()) {
        println!(
            "INFO {name} heard {} octets with {} breaks in {} ms",
            is.0 - was.0,
            is.1 - was.1,
            is.2 - was.2
        );
        assert_eq!(is.1, was.1, "{name}: breaks");
        assert!(is.0 - was.0 >= 10 * 8_000 * channels, "{name}: ten seconds of {channels} channels");
    }
    let frames =
        |counts: &[(Count, u64)]| counts.iter().find(|(count, _)| *count == Count::Frames).unwrap().1;
    for (span, was) in [10, 11].into_iter().zip(counts) {
        let is = a.control.counts(SpanId(span));
        println!("INFO span {span}: {} frames more; all counts: {is:?}", frames(&is) - frames(&was));
        let others = |counts: &[(Count, u64)]| {
            counts.iter().copied().filter(|(count, _)| *count != Count::Frames).collect::<Vec<_>>()
        };
        assert_eq!(others(&is), others(&was));
        assert!((10_000..10_500).contains(&(frames(&is) - frames(&was))));
    }
    assert_eq!(rig::kernel_complaints(), complaints, "the kernel saw a gap in our numbers");
    println!("INFO {}: {:?}", rig::OURS, a.control.interface_counts(rig::OURS));
}

/// Bits of some channels of both spans, both ways.
pub fn bits() {
    let kernel = Kernel::new(0);
    let (mut a, b) = (ours(Signalling::Cas, ClockSource::Internal), kernel.parties(Signalling::Cas));
    a.await_alarms(10, Alarms::empty());
    kernel.await_alarm("");
    sleep_ms(100);
    for (timeslot, value) in [(1, 0b1001), (2, 0b0110), (17, 0b1101), (31, 0b0101), (1, 0b0001)] {
        for (b, (of_ours, of_kernel)) in b.iter().zip([(10, 20), (11, 21)]) {
            let (near, far) = (ChannelId::new(of_ours, timeslot), ChannelId::new(of_kernel, timeslot));
            a.clear_events();
            b.clear_events();
            a.order(LineOrder::Abcd { channel: near, bits: Abcd(value) });
            b.order(LineOrder::Abcd { channel: far, bits: Abcd(value ^ 0b1000) });
            let at_kernel = CardEvent::Abcd { channel: far, bits: Abcd(value) };
            let at_ours = CardEvent::Abcd { channel: near, bits: Abcd(value ^ 0b1000) };
            until("the bits, both ways", || a.events().contains(&at_ours) && b.events().contains(&at_kernel));
            let others = |events: Vec<CardEvent>| {
                events.iter().filter(|e| matches!(e, CardEvent::Abcd { .. })).count()
            };
            assert_eq!((others(a.events()), others(b.events())), (1, 1), "no other channel changes");
        }
    }
}

/// The kernel's interface falls silent; then we do.
pub fn stops() {
    let kernel = Kernel::new(0);
    let (mut a, b) = (ours(Signalling::Clear, ClockSource::Line), kernel.parties(Signalling::Clear));
    a.await_alarms(10, Alarms::empty());
    kernel.await_alarm("");
    ifconfig("tdm1 down");
    a.await_alarms(10, Alarms::RED);
    let told = a.control.fault(SpanId(10)).unwrap();
    println!("INFO {told}");
    assert_eq!(told, format!("{THEIR_MAC} on tdm0 sends nothing with subaddress 0"));
    kernel.await_alarm("RED");
    ifconfig("tdm1 up");
    a.await_alarms(10, Alarms::empty());
    kernel.await_alarm("");
    settle(&a, &b);
    assert_eq!(a.control.fault(SpanId(10)), None);
    drop(a);
    kernel.await_alarm("RED");
    // The kernel tells us of its RED until it hears us: our YELLOW.
    let mut a = ours(Signalling::Clear, ClockSource::Line);
    a.await_alarms(10, Alarms::empty());
    kernel.await_alarm("");
    settle(&a, &b);
}

/// Our own interface goes down and comes back.
pub fn down() {
    let kernel = Kernel::new(0);
    let (mut a, b) = (ours(Signalling::Clear, ClockSource::Internal), kernel.parties(Signalling::Clear));
    a.await_alarms(10, Alarms::empty());
    ifconfig("tdm0 down");
    a.await_alarms(10, Alarms::DETACHED);
    until("the interface named", || {
        a.control.fault(SpanId(11)).is_some_and(|told| told.contains("ip link set tdm0 up"))
    });
    println!("INFO {}", a.control.fault(SpanId(11)).unwrap());
    ifconfig("tdm0 up");
    a.await_alarms(10, Alarms::empty());
    settle(&a, &b);
    // And one that is down already when the card starts.
    drop(a);
    ifconfig("tdm0 down");
    let mut a = ours(Signalling::Clear, ClockSource::Internal);
    assert_eq!(a.alarms(10), Alarms::DETACHED);
    ifconfig("tdm0 up");
    a.await_alarms(10, Alarms::empty());
}

/// The kernel's interface gets another address: a fixed peer is then missing, by name, a learned one is followed.
pub fn moves() {
    let kernel = Kernel::new(0);
    let (mut a, b) = (ours(Signalling::Clear, ClockSource::Internal), kernel.parties(Signalling::Clear));
    a.await_alarms(10, Alarms::empty());
    ifconfig("tdm1 down");
    ifconfig(&format!("tdm1 hw ether {OTHER_MAC}"));
    ifconfig("tdm1 up");
    until("RED on the span whose peer is named", || a.alarms(10) == Alarms::RED);
    until("the other span follows", || a.alarms(11).is_empty());
    sleep_ms(1_200);
    assert_eq!((a.alarms(10), a.alarms(11)), (Alarms::RED, Alarms::empty()));
    let told = a.control.fault(SpanId(10)).unwrap();
    println!("INFO {told}");
    assert_eq!(told, format!("{OTHER_MAC} sends subaddress 0 in place of {THEIR_MAC} on tdm0"));
    let changes = |a: &crate::party::Party<tdmoe::TdmoeControl>| {
        a.control
            .counts(SpanId(11))
            .iter()
            .find(|(count, _)| *count == Count::PeerChanges)
            .map(|(_, number)| *number)
    };
    assert_eq!(changes(&a), Some(1));
    ifconfig("tdm1 down");
    ifconfig(&format!("tdm1 hw ether {THEIR_MAC}"));
    ifconfig("tdm1 up");
    a.await_alarms(10, Alarms::empty());
    settle(&a, &b);
    assert_eq!(changes(&a), Some(2));
}

/// The kernel sends a frame for each of ours, and we take our clock from it: a thousand a second all the same.
pub fn clock() {
    let kernel = Kernel::new(1);
    let (mut a, b) = (ours(Signalling::Clear, ClockSource::Line), kernel.parties(Signalling::Clear));
    a.await_alarms(10, Alarms::empty());
    settle(&a, &b);
    let (was, at_kernel) = (a.heard(), b[0].heard().1 + b[1].heard().1);
    let began = std::time::Instant::now();
    sleep_ms(4_000);
    let (is, passed) = (a.heard(), began.elapsed().as_millis() as u64);
    let breaks = [is.1 - was.1, b[0].heard().1 + b[1].heard().1 - at_kernel];
    println!("INFO {} ms of periods in {passed} ms, breaks {breaks:?}", is.2 - was.2);
    assert!((is.2 - was.2).abs_diff(passed) <= 5);
    assert_eq!(breaks, [0, 0]);
}

/// Without the right, with a span that is driven already, and what a look round tells.
pub fn rights() {
    let kernel = Kernel::new(0);
    let program = std::env::current_exe().unwrap();
    let nobody = Command::new(program).arg("--open").uid(65_534).gid(65_534).output().unwrap();
    let told = String::from_utf8_lossy(&nobody.stdout).trim().to_owned();
    println!("INFO {told}");
    assert!(
        told.starts_with("tdm0: this user may not open packet sockets: sudo setcap cap_net_raw"),
        "{told}"
    );

    let mut a = ours(Signalling::Clear, ClockSource::Internal);
    let line = LineConfig {
        position: 0,
        span: SpanId(30),
        law: Law::A,
        signalling: Signalling::Clear,
        clock: ClockSource::Internal,
    };
    let second = rig::card().start(&[line]).map(|_| ()).unwrap_err().to_string();
    println!("INFO {second}");
    assert!(second.contains("another process of this machine drives it"), "{second}");
    a.await_alarms(10, Alarms::empty());

    let senders = tdmoe::senders(rig::OURS, Duration::from_millis(100)).unwrap();
    let sender = |subaddress| Sender { mac: THEIR_MAC, subaddress, channels: 31, yellow: false };
    assert_eq!(senders, [sender(0), sender(1)]);
    drop((a, kernel));
}
