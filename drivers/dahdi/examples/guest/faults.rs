//! What goes wrong with spans: taken, of another type, gone, unloaded.

use std::time::{Duration, Instant};

use card::conformance::{Bench, Wiring};
use card::{Card, CardControl, CardEvent, CardIo, LineConfig, Signalling};
use dahdi::{DahdiCard, DahdiControl, DahdiIo};
use tdm::{Alarms, SpanId, SpanKind};

use crate::calls::{crossed, line, start};
use crate::rig::{self, Own, first};

/// How long a span may take to come back.
const BACK: Duration = Duration::from_secs(5);

pub fn busy() {
    let (_control, mut io) = start(rig::pair(5, 6), Signalling::Clear);
    io.wait().unwrap();
    io.commit().unwrap();
    let second = DahdiCard::new(rig::pair(5, 3)).unwrap().start(&[line(0, 20, Signalling::Clear)]);
    let error = second.map(|_| ()).unwrap_err().to_string();
    println!("INFO {error}");
    assert!(error.contains("another process"), "{error}");
    for _ in 0..100 {
        io.wait().unwrap();
        io.commit().unwrap();
    }
}

pub fn wrong_type() {
    let odd = |config: dahdi::DahdiConfig, signalling| {
        let started = DahdiCard::new(config).unwrap().start(&[line(0, 20, signalling)]);
        let error = started.map(|_| ()).unwrap_err().to_string();
        println!("INFO {error}");
        error
    };
    let t1 = odd(rig::config().span(SpanKind::T1, first(1)), Signalling::Clear);
    assert!(t1.contains("it is no T1"), "{t1}");
    let beyond = odd(rig::config().span(SpanKind::E1, 10), Signalling::Clear);
    assert!(beyond.contains("channels 10-40 are asked for"), "{beyond}");
    let nowhere = odd(rig::config().span(SpanKind::E1, 900), Signalling::Clear);
    assert!(nowhere.contains("no DAHDI span has channel 900"), "{nowhere}");
    let folder = dahdi::DahdiConfig { devices: "/dev/nowhere".into(), ..rig::pair(1, 2) };
    let missing = odd(folder, Signalling::Clear);
    assert!(missing.contains("DAHDI is not loaded"), "{missing}");
}

/// What a card has shown while it ran.
struct Seen {
    alarms: Vec<(SpanId, Alarms)>,
    lost: u64,
    periods: u64,
    /// Chunks heard on the first channel that were not what its line loops back.
    wrong: u64,
    right: u64,
}

/// Runs the card; its first span sends a mark that its looped far end returns.
fn run(io: &mut DahdiIo, seen: &mut Seen, mut done: impl FnMut(&Seen) -> bool) {
    let deadline = Instant::now() + BACK;
    while !done(seen) {
        assert!(Instant::now() < deadline, "{:?}", seen.alarms);
        let period = io.wait().unwrap();
        seen.lost += u64::from(period.lost);
        seen.periods += 1;
        while let Some(event) = io.poll_event() {
            if let CardEvent::Alarms { span, alarms } = event {
                seen.alarms.push((span, alarms));
            }
        }
        let width = io.rx().len() / usize::from(period.chunks);
        for row in io.rx().chunks(width) {
            if row[3] == [0x5A; 8] {
                seen.right += 1;
            } else {
                seen.wrong += 1;
            }
        }
        for row in io.tx().chunks_mut(width) {
            row[3] = [0x5A; 8];
        }
        io.commit().unwrap();
    }
}

fn seen() -> Seen {
    Seen { alarms: Vec::new(), lost: 0, periods: 0, wrong: 0, right: 0 }
}

fn settled() -> (DahdiControl, DahdiIo) {
    rig::loop_far_end(2);
    rig::loop_far_end(4);
    let (control, mut io) = start(rig::pair(1, 3), Signalling::Clear);
    let mut first = seen();
    run(&mut io, &mut first, |seen| seen.right > 100);
    (control, io)
}

/// The second span goes and comes; the first one's octets never break.
pub fn unassigned() {
    let (mut control, mut io) = settled();
    let mut during = seen();
    let gone = (SpanId(11), Alarms::DETACHED);
    // As it is in life: who unassigns a span is not who carries the audio.
    let work = std::thread::spawn(|| rig::unassign(3));
    run(&mut io, &mut during, |seen| seen.alarms.contains(&gone) && work.is_finished());
    work.join().unwrap();
    let work = std::thread::spawn(|| {
        rig::assign(3);
        rig::loop_far_end(4);
    });
    let back = (SpanId(11), Alarms::empty());
    run(&mut io, &mut during, |seen| seen.alarms.last() == Some(&back) && work.is_finished());
    work.join().unwrap();
    let until = during.periods + 50;
    run(&mut io, &mut during, |seen| seen.periods > until);
    println!("INFO {} chunks of the other span as sent, {} not", during.right, during.wrong);
    assert_eq!((during.wrong, during.lost), (0, 0), "the span that stayed has lost octets");
    assert!(control.spans().iter().all(|span| span.alarms.is_empty()), "{:?}", control.spans());
}

/// The second span is not there when the card starts: the first one carries octets, the second one is told and taken up when it comes.
pub fn missing_at_start() {
    rig::loop_far_end(2);
    rig::unassign(3);
    // The kernel keeps a span that it takes away for a second.
    std::thread::sleep(Duration::from_millis(1_500));
    let (mut control, mut io) = start(rig::pair(1, 3), Signalling::Clear);
    let mut told = seen();
    run(&mut io, &mut told, |seen| seen.right > 100);
    assert_eq!(told.alarms.first(), Some(&(SpanId(11), Alarms::DETACHED)), "{:?}", told.alarms);
    let why = control.fault(SpanId(11)).unwrap();
    println!("INFO {why}");
    assert!(why.contains("no DAHDI span has channel 63"), "{why}");
    assert_eq!(
        control.spans().iter().map(|span| span.alarms).collect::<Vec<_>>(),
        [Alarms::empty(), Alarms::DETACHED]
    );
    let work = std::thread::spawn(|| {
        rig::assign(3);
        rig::loop_far_end(4);
    });
    let back = (SpanId(11), Alarms::empty());
    run(&mut io, &mut told, |seen| seen.alarms.last() == Some(&back) && work.is_finished());
    work.join().unwrap();
    assert_eq!(
        (control.fault(SpanId(11)), told.lost),
        (None, 0),
        "taking it up has cost the first span samples"
    );
}

/// A thread that pauses between reading and writing for longer than the buffers are: told once, with what was lost, and all
/// is well afterwards.
pub fn paused() {
    let mut bench = Bench::<Own>::settled(Wiring::Crossed, Signalling::Clear).unwrap();
    let slack = u64::from(bench.slack_ms);
    bench.idle(3 * slack);
    // The second is so short that no buffer is full when the next period is waited for.
    for pause_ms in [slack / 2, slack + 5, slack + 20] {
        let (before, lost) = (bench.control.counters(), bench.lost);
        bench.io.wait().unwrap();
        std::thread::sleep(Duration::from_millis(pause_ms));
        bench.io.commit().unwrap();
        bench.idle(3 * slack);
        let (xruns, lost) = (bench.control.counters().xruns - before.xruns, bench.lost - lost);
        println!(
            "INFO a pause of {pause_ms} ms between reading and writing: {xruns} xruns, {lost} samples lost"
        );
        let short = pause_ms < slack;
        assert_eq!((xruns, lost > 0), (u64::from(!short), !short));
        assert!(lost <= 8 * (pause_ms + 3 * slack), "{lost}");
        bench.idle(3 * slack);
        assert!(bench.check_pattern(100, crossed) > 0);
    }
}

/// A span whose channels the kernel had through-connected carries octets again when it is opened.
pub fn through_connected() {
    rig::loop_far_end(6);
    let mut bench = Bench::<Own>::settled(Wiring::Crossed, Signalling::Clear).unwrap();
    bench.idle(3 * u64::from(bench.slack_ms));
    assert!(bench.check_pattern(100, crossed) > 0);
}

/// The span that is the clock goes: the other takes over, and the first comes back.
pub fn clock_goes() {
    let (_control, mut io) = settled();
    let mut during = seen();
    rig::unassign(1);
    run(&mut io, &mut during, |seen| seen.alarms.contains(&(SpanId(10), Alarms::DETACHED)));
    let periods = during.periods;
    run(&mut io, &mut during, |seen| seen.periods > periods + 20);
    rig::assign(1);
    run(&mut io, &mut during, |seen| seen.alarms.last() == Some(&(SpanId(10), Alarms::empty())));
    let right = during.right;
    run(&mut io, &mut during, |seen| seen.right > right + 100);
}

/// Every span goes, the module is unloaded and loaded again: a named state, and calls can be carried again.
pub fn unloaded() {
    let config = rig::pair(1, 3);
    let card = DahdiCard::new(config).unwrap();
    let lines: [LineConfig; 2] = [line(0, 10, Signalling::Clear), line(1, 11, Signalling::Clear)];
    rig::loop_far_end(2);
    rig::loop_far_end(4);
    let (control, mut io) = card.start(&lines).unwrap();
    let mut during = seen();
    run(&mut io, &mut during, |seen| seen.right > 100);
    assert!(!rig::unload("dahdi_dynamic_loc"), "the kernel keeps a module whose channels are open");
    for span in 1..=4 {
        rig::unassign(span);
    }
    let gone = |span| (SpanId(span), Alarms::DETACHED);
    run(&mut io, &mut during, |seen| seen.alarms.contains(&gone(10)) && seen.alarms.contains(&gone(11)));
    let periods = during.periods;
    run(&mut io, &mut during, |seen| seen.periods > periods + 200);
    let fault = control.fault(SpanId(10)).unwrap();
    println!("INFO {fault}");
    assert!(fault.contains("no DAHDI span has channel 1"), "{fault}");
    rig::destroy_spans();
    for module in ["dahdi_dynamic_loc", "dahdi_dynamic"] {
        assert!(rig::unload(module), "nobody holds {module} any more");
    }
    let periods = during.periods;
    run(&mut io, &mut during, |seen| seen.periods > periods + 200);
    for module in ["dahdi_dynamic", "dahdi_dynamic_loc"] {
        rig::load(module);
    }
    rig::make_spans();
    rig::loop_far_end(2);
    rig::loop_far_end(4);
    let back = |seen: &Seen, span: u16| {
        let last = seen.alarms.iter().rev().find(|(told, _)| *told == SpanId(span));
        last == Some(&(SpanId(span), Alarms::empty()))
    };
    run(&mut io, &mut during, |seen| back(seen, 10) && back(seen, 11));
    let right = during.right;
    run(&mut io, &mut during, |seen| seen.right > right + 100);
}
