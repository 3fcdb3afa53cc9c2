//! What lines end in: programs over the socket, objects in this process, echo paths, clocks, chance.
#![expect(clippy::unwrap_used, reason = "a test ends at the first surprise")]

mod world_bench;

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use card::{Card, CardControl, CardEvent, CardIo, LineOrder, Loopback, RingCadence, Signalling};
use clock::{Clock, Mono, VirtualClock};
use sim::line_client::{HeardTick, LineClient, LinePace};
use sim::{
    EchoPath, Edge, FarEnd, FarLine, FarTick, Faults, Pace, Plug, SimCard, SimConfig, SimPosition, g168,
};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{Abcd, Alarms, ChannelId, Chunk, HdlcFrame, HookState, Law, Polarity, SpanId, SpanKind, Timeslot};
use world_bench::{WorldBench, counting_chunk, span};

const SPAN: SpanId = SpanId(1);
const D: Timeslot = Timeslot(16);

#[test]
fn a_program_in_virtual_pace_hears_and_says_every_octet() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.clone())));
    let mut bench = WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Clear]);
    bench.idle(5);
    assert_eq!(bench.alarms(SPAN), Alarms::RED);

    let program = std::thread::spawn(move || {
        let mut line = LineClient::connect(path, false).unwrap();
        assert_eq!(line.pace(), LinePace::Virtual);
        let expected =
            FarLine { span: SPAN, kind: SpanKind::E1, channels: 31, law: Law::A, d_timeslot: None };
        assert_eq!(*line.line(), expected);
        let mut before = None;
        while let Ok(tick) = line.hear() {
            if let Some(before) = before {
                assert_eq!(tick.time.samples(), before + 8, "no tick is missing");
            }
            before = Some(tick.time.samples());
            if line.say(&tick.chunks).is_err() {
                break;
            }
        }
        before
    });
    bench.until_clear();
    let delay = u64::from(bench.io.rt_delay().samples);
    let mut checked = 0;
    let started = bench.now() + delay;
    for _ in 0..500 {
        bench.period(counting_chunk, |at, row| {
            if at >= started {
                checked += 1;
                for (channel, chunk) in row.iter().enumerate() {
                    assert_eq!(*chunk, counting_chunk(channel, at - delay), "channel {channel} at {at}");
                }
            }
        });
    }
    assert!(checked > 450);
    let last = bench.now() - 8;
    drop(bench);
    assert_eq!(program.join().unwrap(), Some(last));
}

#[test]
fn a_program_in_wall_pace_is_heard_without_a_gap_once_its_jitter_is_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig { buffer_ms: 100, ..SimConfig::new("s") };
    let mut bench =
        WorldBench::start(config.position(SimPosition::e1(Plug::Socket(path.clone()))), &[Signalling::Clear]);
    let program = std::thread::spawn(move || {
        let mut line = LineClient::connect(path, false).unwrap();
        let mut count = 0_u64;
        while line.hear().is_ok() {
            if line.say(&vec![counting_chunk(0, 8 * count); 31]).is_err() {
                break;
            }
            count += 1;
        }
        count
    });
    bench.until_clear();
    // Chunks arrive in order, each once; what is late is replaced by silence and counted.
    let (mut silent, mut good, mut next) = (0, 0, None);
    for _ in 0..400 {
        bench.period(
            |_, _| [0x2A; 8],
            |_, row| {
                if row[7] == [0xD5; 8] {
                    silent += 1;
                    return;
                }
                let at =
                    next.unwrap_or_else(|| (0..2_000).find(|n| counting_chunk(0, 8 * n) == row[7]).unwrap());
                assert_eq!(row[7], counting_chunk(0, 8 * at));
                good += 1;
                next = Some(at + 1);
            },
        );
    }
    assert!(good > 200, "{good} good, {silent} silent, {} underruns", bench.control.underruns(0));
    drop(bench);
    assert!(program.join().unwrap() > 200);
}

#[test]
fn in_lockstep_no_octet_is_lost_though_the_program_is_slow() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.clone())));
    let mut bench = WorldBench::start(config.pace(Pace::Lockstep), &[Signalling::Clear]);
    let program = std::thread::spawn(move || {
        let mut line = LineClient::connect(path, false).unwrap();
        assert_eq!(line.pace(), LinePace::Lockstep);
        for count in 0_u64.. {
            let Ok(tick) = line.hear() else { break };
            if count.is_multiple_of(20) {
                std::thread::sleep(Duration::from_millis(8));
            }
            if line.say(&tick.chunks).is_err() {
                break;
            }
        }
    });
    bench.until_clear();
    let started = Instant::now();
    let delay = u64::from(bench.io.rt_delay().samples);
    let from = bench.now() + delay;
    for _ in 0..100 {
        let period = bench.period(counting_chunk, |at, row| {
            assert!(at < from || row[30] == counting_chunk(30, at - delay))
        });
        assert_eq!((period.chunks, period.lost), (1, 0));
    }
    assert!(started.elapsed() >= Duration::from_millis(94), "never faster than the wall clock");
    drop(bench);
    program.join().unwrap();
}

#[test]
fn in_frame_mode_frames_pass_both_ways_and_the_bits_are_real() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.clone())));
    let mut bench =
        WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Hdlc(D)]);
    let (heard_in, heard) = mpsc::channel();
    let program = std::thread::spawn(move || {
        let mut line = LineClient::connect(path, true).unwrap();
        assert_eq!(line.line().d_timeslot, Some(D));
        let silence = line.silence();
        while let Ok(tick) = line.hear() {
            for frame in tick.frames {
                line.frame(&[&[0xEE], &frame[..]].concat());
                heard_in.send(frame).unwrap();
            }
            if line.say(&silence).is_err() {
                break;
            }
        }
    });
    bench.until_clear();
    let (mut tx, mut rx) = (LapdTx::new(), LapdRx::new());
    let mut waiting = [HdlcFrame::new(&[0, 1, 0x7F]), HdlcFrame::new(&[0xFF; 260])].into_iter().flatten();
    let mut answers = Vec::new();
    for _ in 0..200 {
        let chunk = tx.chunk(|| waiting.next());
        bench.period(
            |channel, _| if channel == 15 { chunk } else { [0xD5; 8] },
            |_, row| rx.chunk(&row[15], |frame| answers.push(frame.to_vec())),
        );
    }
    drop(bench);
    program.join().unwrap();
    assert_eq!(heard.into_iter().collect::<Vec<_>>(), [vec![0, 1, 0x7F], vec![0xFF; 260]]);
    assert_eq!(answers, [vec![0xEE, 0, 1, 0x7F], [vec![0xEE], vec![0xFF; 260]].concat()]);
    assert_eq!(rx.counters().bad(), 0);
}

#[test]
fn a_program_that_vanishes_cuts_the_line_and_may_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::t1(Plug::Socket(path.clone())));
    let mut bench = WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Cas]);
    bench.io.order(LineOrder::Abcd { channel: ChannelId::new(1, 9), bits: Abcd(0b1100) });
    for _ in 0..2 {
        let (path, alive) = (path.clone(), mpsc::channel::<()>());
        let program = std::thread::spawn(move || {
            let mut line = LineClient::connect(path, false).unwrap();
            let mut first: Option<HeardTick> = None;
            line.edge(Edge::Bits { timeslot: Timeslot(3), bits: Abcd(0b0110) });
            while alive.1.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
                let tick = line.hear().unwrap();
                first.get_or_insert(tick);
                line.say(&line.silence()).unwrap();
            }
            first.unwrap()
        });
        bench.until_clear();
        bench.idle(3);
        drop(alive.0);
        while !program.is_finished() {
            bench.idle(1);
        }
        // What is not at rest is told to whoever comes, with the first tick.
        let bits = Edge::Bits { timeslot: Timeslot(9), bits: Abcd(0b1100) };
        assert!(program.join().unwrap().edges.contains(&bits));
        bench.idle(5);
        assert_eq!(bench.alarms(SPAN), Alarms::RED);
    }
    let bits = CardEvent::Abcd { channel: ChannelId::new(1, 3), bits: Abcd(0b0110) };
    assert!(bench.events.contains(&bits));
    let alarms = |event: &&CardEvent| matches!(event, CardEvent::Alarms { .. });
    // RED at start, clear, RED, clear, RED.
    assert_eq!(bench.events.iter().filter(alarms).count(), 5, "{:?}", bench.events);
}

#[test]
fn a_program_is_a_telephone_on_an_fxs_port_and_an_exchange_on_an_fxo_port() {
    let dir = tempfile::tempdir().unwrap();
    let (phones, exchange) = (dir.path().join("phones"), dir.path().join("exchange"));
    let config = SimConfig::new("s")
        .position(SimPosition::new(SpanKind::Fxs, 2, Plug::Socket(phones.clone())))
        .position(SimPosition::new(SpanKind::Fxo, 2, Plug::Socket(exchange.clone())));
    let pace = Pace::Virtual(VirtualClock::new());
    let mut bench = WorldBench::start(config.pace(pace), &[Signalling::Loop, Signalling::Loop]);
    let port = Timeslot(2);
    let programs = [phones, exchange].map(|path| {
        std::thread::spawn(move || {
            let mut line = LineClient::connect(path, false).unwrap();
            let mut edges = Vec::new();
            for count in 0.. {
                if count == 100 && line.line().kind == SpanKind::Fxs {
                    line.edge(Edge::Hook { timeslot: port, state: HookState::OffHook });
                }
                if count == 100 && line.line().kind == SpanKind::Fxo {
                    line.edge(Edge::Ring { timeslot: port, ringing: true });
                    line.edge(Edge::Polarity { timeslot: port, polarity: Polarity::Reversed });
                    line.edge(Edge::Feed { timeslot: port, present: false });
                }
                let Ok(tick) = line.hear() else { break };
                edges.extend(tick.edges);
                if line.say(&line.silence()).is_err() {
                    break;
                }
            }
            edges
        })
    });
    bench.idle(1);
    let cadence = Some(RingCadence { on_ms: 40, off_ms: 20 });
    bench.io.order(LineOrder::Ring { channel: ChannelId::new(1, 2), cadence });
    bench.io.order(LineOrder::Hook { channel: ChannelId::new(2, 2), state: HookState::OffHook });
    let told = [
        CardEvent::Hook { channel: ChannelId::new(1, 2), state: HookState::OffHook },
        CardEvent::Ring { channel: ChannelId::new(2, 2), ringing: true },
        CardEvent::Polarity { channel: ChannelId::new(2, 2), polarity: Polarity::Reversed },
        CardEvent::Feed { channel: ChannelId::new(2, 2), present: false },
    ];
    let deadline = Instant::now() + Duration::from_secs(20);
    while !told.iter().all(|event| bench.events.contains(event)) {
        bench.idle(1);
        assert!(Instant::now() < deadline, "{:?}", bench.events);
    }
    bench.idle(100);
    drop(bench);
    let [phone, exchange] = programs.map(|program| program.join().unwrap());
    assert!(phone.contains(&Edge::Ring { timeslot: port, ringing: true }), "{phone:?}");
    assert_eq!(phone.last(), Some(&Edge::Ring { timeslot: port, ringing: false }), "ring trip");
    assert_eq!(exchange, [Edge::Hook { timeslot: port, state: HookState::OffHook }]);
}

#[test]
fn an_exchange_line_that_leads_nowhere_has_no_feed() {
    let open = SimConfig::new("s").position(SimPosition::new(SpanKind::Fxo, 2, Plug::Open));
    let pace = Pace::Virtual(VirtualClock::new());
    let mut bench = WorldBench::start(open.pace(pace), &[Signalling::Loop]);
    bench.idle(3);
    for port in 1..=2 {
        let gone = CardEvent::Feed { channel: ChannelId::new(1, port), present: false };
        assert!(bench.events.contains(&gone), "{:?}", bench.events);
    }
    let telephones = SimConfig::new("s").position(SimPosition::new(SpanKind::Fxs, 2, Plug::Open));
    let pace = Pace::Virtual(VirtualClock::new());
    let mut bench = WorldBench::start(telephones.pace(pace), &[Signalling::Loop]);
    bench.idle(3);
    assert!(!bench.events.iter().any(|event| matches!(event, CardEvent::Feed { .. })));
}

#[test]
fn telephones_are_on_hook_when_their_program_vanishes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("phones");
    let position = SimPosition::new(SpanKind::Fxs, 2, Plug::Socket(path.clone()));
    let config = SimConfig::new("s").position(position).pace(Pace::Virtual(VirtualClock::new()));
    let mut bench = WorldBench::start(config, &[Signalling::Loop]);
    let program = std::thread::spawn(move || {
        let mut line = LineClient::connect(path, false).unwrap();
        line.edge(Edge::Hook { timeslot: Timeslot(1), state: HookState::OffHook });
        for _ in 0..50 {
            line.hear().unwrap();
            line.say(&line.silence()).unwrap();
        }
    });
    while !program.is_finished() {
        bench.idle(1);
    }
    bench.idle(5);
    let hook = |state| CardEvent::Hook { channel: ChannelId::new(1, 1), state };
    assert_eq!(bench.events, [hook(HookState::OffHook), hook(HookState::OnHook)]);
    assert_eq!(bench.alarms(SPAN), Alarms::empty());
}

#[test]
fn a_stale_socket_is_replaced_and_one_in_use_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let card = |path: &std::path::Path| {
        let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.to_owned())));
        SimCard::new(config.pace(Pace::Virtual(VirtualClock::new()))).unwrap()
    };
    let lines = [span(SpanKind::E1, 0, 1, Signalling::Clear)];
    drop(UnixListener::bind(&path).unwrap());
    let started = card(&path).start(&lines).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let refused = card(&path).start(&lines).err().unwrap().to_string();
    assert!(refused.contains("another process listens on it"), "{refused}");
    drop(started);
    assert!(!path.exists(), "the file goes with the card");

    std::fs::write(&path, "precious").unwrap();
    let refused = card(&path).start(&lines).err().unwrap().to_string();
    assert!(refused.contains("no socket"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert!(card(&dir.path().join("no/such/dir")).start(&lines).is_err());
}

#[test]
fn a_second_program_and_one_that_talks_nonsense_are_shown_the_door() {
    use std::io::{Read, Write};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.clone())));
    let mut bench = WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Clear]);
    let mut nonsense = std::os::unix::net::UnixStream::connect(&path).unwrap();
    bench.idle(1);
    let mut second = std::os::unix::net::UnixStream::connect(&path).unwrap();
    bench.idle(1);
    assert_eq!(second.read(&mut [0]).unwrap(), 0, "the second one is closed");
    nonsense.write_all(&[5, 0, 77, 1, 2, 3, 4]).unwrap();
    bench.idle(2);
    nonsense.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(bench.alarms(SPAN), Alarms::RED);
}

/// Says a count on every channel, answers frames, and turns alarms on and off.
struct Exchange {
    count: u64,
    frames: mpsc::Sender<Vec<u8>>,
}

impl FarEnd for Exchange {
    fn attached(&mut self, line: &FarLine) {
        assert_eq!((line.span, line.d_timeslot), (SPAN, Some(D)));
    }

    fn speaks_frames(&self) -> bool {
        true
    }

    fn tick(&mut self, tick: &mut FarTick<'_>) {
        for (channel, chunk) in tick.says.iter_mut().enumerate() {
            *chunk = counting_chunk(channel, 8 * self.count);
        }
        for frame in tick.frames {
            self.frames.send(frame.octets().to_vec()).unwrap();
            assert!(tick.reply.frame(&[9, 9, 9]));
        }
        match self.count {
            100 => tick.reply.edge(Edge::Alarms(Alarms::AIS)),
            200 => tick.reply.edge(Edge::Alarms(Alarms::YELLOW)),
            300 => tick.reply.edge(Edge::Alarms(Alarms::empty())),
            _ => {}
        }
        self.count += 1;
    }
}

#[test]
fn an_object_in_this_process_speaks_frames_and_octets_and_sends_alarms() {
    let (frames, heard) = mpsc::channel();
    let exchange = Box::new(Exchange { count: 0, frames });
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Local(exchange)));
    let mut bench =
        WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Hdlc(D)]);
    let (mut tx, mut rx) = (LapdTx::new(), LapdRx::new());
    let mut waiting = HdlcFrame::new(&[1, 2, 3, 4]).into_iter();
    let mut answers = Vec::new();
    for ms in 0..400_u64 {
        let chunk = tx.chunk(|| waiting.next());
        bench.period(
            |channel, _| if channel == 15 { chunk } else { [0xD5; 8] },
            |_, row| {
                rx.chunk(&row[15], |frame| answers.push(frame.to_vec()));
                // One chunk later, by the elastic store; silent while AIS comes.
                let said = if (101..=200).contains(&ms) {
                    [0xD5; 8]
                } else {
                    counting_chunk(3, 8 * ms.saturating_sub(1))
                };
                assert!(ms == 0 || row[3] == said, "{ms}");
            },
        );
    }
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [[1, 2, 3, 4]]);
    assert_eq!(answers, [[9, 9, 9]]);
    let alarms: Vec<_> = bench
        .events
        .iter()
        .filter_map(|event| match event {
            CardEvent::Alarms { alarms, .. } => Some(*alarms),
            _ => None,
        })
        .collect();
    assert_eq!(alarms, [Alarms::AIS, Alarms::YELLOW, Alarms::empty()]);
}

/// Says a count and never looks at the card.
struct Counter(u64);

impl FarEnd for Counter {
    fn attached(&mut self, _line: &FarLine) {}

    fn tick(&mut self, tick: &mut FarTick<'_>) {
        tick.says.fill(counting_chunk(0, 8 * self.0));
        self.0 += 1;
    }
}

#[test]
fn clocks_that_differ_slip_at_the_rate_of_their_difference_and_only_by_single_frames() {
    for ppm in [100.0, -100.0] {
        let far = Plug::Local(Box::new(Counter(0)));
        let position = SimPosition { ppm, ..SimPosition::e1(far) };
        let config = SimConfig::new("s").position(position).pace(Pace::Virtual(VirtualClock::new()));
        let mut bench = WorldBench::start(config, &[Signalling::Clear]);
        let mut octets = Vec::new();
        // 100 ppm of 8,000 frames a second: 0.8 slips a second.
        for _ in 0..30_000 {
            bench.period(|_, _| [0; 8], |_, row| octets.extend(row[0]));
        }
        let slips: Vec<i8> = bench
            .events
            .iter()
            .filter_map(|event| match event {
                CardEvent::Slip { frames, .. } => Some(*frames),
                _ => None,
            })
            .collect();
        assert!((23..=24).contains(&slips.len()), "{ppm}: {slips:?}");
        assert!(slips.iter().all(|frames| f64::from(*frames) == -ppm.signum()));
        assert_eq!(bench.control.spans()[0].slips, slips.len() as u64);
        // What was said comes in order, with as many octets missing or repeated as slips told.
        let expected = octets_said(40_000);
        let (mut at, mut moved) = (0, 0);
        for octet in &octets[16..] {
            let drift = [0, 1, -1].into_iter().find(|d| expected[(at + d) as usize] == *octet);
            let drift = drift.expect("an octet out of order");
            moved += -drift;
            at += drift + 1;
        }
        assert_eq!(moved, slips.iter().map(|frames| i64::from(*frames)).sum::<i64>());
    }
}

/// The octets a counter says, from its second chunk on.
fn octets_said(chunks: u64) -> Vec<u8> {
    (1..chunks).flat_map(|n| counting_chunk(0, 8 * n)).collect()
}

#[test]
fn an_echo_path_returns_what_is_sent_with_its_loss_and_can_change() {
    let hybrid = g168::hybrid("D.2").unwrap();
    let position =
        SimPosition::new(SpanKind::Fxs, 2, Plug::Open).echo(Timeslot(1), EchoPath::hybrid(hybrid, 40, 6.0));
    let config = SimConfig::new("s").position(position).pace(Pace::Virtual(VirtualClock::new()));
    let mut bench = WorldBench::start(config, &[Signalling::Loop]);
    let loss_db = |bench: &mut WorldBench| {
        let (mut sent, mut back) = (0.0, 0.0);
        for _ in 0..1_000 {
            bench.period(counting_chunk, |at, row| {
                sent += power(&counting_chunk(0, at));
                back += power(&row[0]);
                assert_eq!(row[1], [0xD5; 8], "the other port has no echo");
            });
        }
        10.0 * f64::log10(sent / back)
    };
    loss_db(&mut bench);
    let first = loss_db(&mut bench);
    assert!((3.0..10.0).contains(&first), "{first} dB");
    bench.control.echo(0, Timeslot(1), Some(EchoPath::hybrid(hybrid, 40, 26.0))).unwrap();
    loss_db(&mut bench);
    let second = loss_db(&mut bench);
    assert!((18.0..22.0).contains(&(second - first)), "{first} dB, then {second} dB");
}

fn power(chunk: &Chunk) -> f64 {
    g711::decode_chunk(Law::A, chunk).iter().map(|s| f64::from(*s).powi(2)).sum()
}

#[test]
fn the_same_seed_gives_the_same_faults_and_another_seed_others() {
    let run = |seed| {
        let faults = Faults { lost_tick: 0.002, late_wake: 0.01, late_wake_ms: 30 };
        let position = SimPosition { bit_error_rate: 1e-5, ..SimPosition::e1(Plug::Loop) };
        let config = SimConfig { seed, faults, ..SimConfig::new("s") };
        let clock = VirtualClock::new();
        let config = config.position(position).pace(Pace::Virtual(clock.clone()));
        let mut bench = WorldBench::start(config, &[Signalling::Clear]);
        let mut log = Vec::new();
        for _ in 0..3_000 {
            let period = bench.period(counting_chunk, |_, row| log.push(row[5]));
            log.push([period.chunks as u8, period.lost as u8, 0, 0, 0, 0, 0, 0]);
        }
        let errors = bench.control.spans()[0].errors;
        (log, bench.control.counters(), errors, clock.now())
    };
    let (first, again, other) = (run(7), run(7), run(8));
    assert!(first == again && first != other);
    let (_, counters, errors, now) = first;
    assert!(counters.xruns > 3 && counters.lost_samples >= 8 * counters.xruns, "{counters:?}");
    // 1 in 100,000 of 31 x 64 bits a millisecond: about 60 in three seconds.
    assert!((30..120).contains(&errors), "{errors}");
    assert!(now > Mono::from_millis(3_000));
}

#[test]
fn a_card_that_is_pulled_out_is_gone_in_every_pace() {
    for pace in [Pace::Wall, Pace::Lockstep, Pace::Virtual(VirtualClock::new())] {
        let config = SimConfig::new("s").position(SimPosition::e1(Plug::Loop)).pace(pace);
        let mut bench = WorldBench::start(config, &[Signalling::Clear]);
        bench.idle(3);
        bench.control.pull_out();
        let gone = (0..100).find_map(|_| bench.io.wait().err());
        assert_eq!(gone, Some(card::IoFault::Gone));
    }
}

#[test]
fn two_cards_of_a_domain_go_by_one_clock() {
    let clock = VirtualClock::new();
    let card = |name| {
        let config = SimConfig::new(name).position(SimPosition::e1(Plug::Loop));
        WorldBench::start(config.pace(Pace::Virtual(clock.clone())), &[Signalling::Clear])
    };
    let (mut master, mut follower) = (card("a"), card("b"));
    for _ in 0..50 {
        assert_eq!(follower.io.ready(), None, "it waits for its master");
        let period = master.io.wait().unwrap();
        master.io.commit().unwrap();
        assert_eq!(follower.io.ready(), Some(period));
        follower.io.commit().unwrap();
    }
    assert_eq!(clock.now(), Mono::from_millis(50));
}

#[test]
fn alarms_forced_cut_or_detached_show_on_both_ends_of_a_cross_connect() {
    let config = SimConfig::new("s")
        .position(SimPosition::e1(Plug::Cross(1)))
        .position(SimPosition::e1(Plug::Cross(0)))
        .pace(Pace::Virtual(VirtualClock::new()));
    let mut bench = WorldBench::start(config, &[Signalling::Cas, Signalling::Cas]);
    let other = SpanId(2);
    let both = |bench: &mut WorldBench| {
        bench.idle(5);
        (bench.alarms(SPAN), bench.alarms(other))
    };
    assert_eq!(both(&mut bench), (Alarms::empty(), Alarms::empty()));
    // Who is deaf says so to the other.
    for deaf in [Alarms::RED, Alarms::AIS] {
        bench.control.force_alarms(0, deaf).unwrap();
        assert_eq!(both(&mut bench), (deaf, Alarms::YELLOW));
    }
    bench.control.force_alarms(0, Alarms::empty()).unwrap();
    bench.io.order(LineOrder::SendAlarms { span: SPAN, alarms: Alarms::AIS });
    assert_eq!(both(&mut bench), (Alarms::YELLOW, Alarms::AIS));
    bench.io.order(LineOrder::SendAlarms { span: SPAN, alarms: Alarms::empty() });
    bench.control.cut(0, true).unwrap();
    assert_eq!(both(&mut bench), (Alarms::RED, Alarms::RED));
    bench.control.cut(0, false).unwrap();
    assert_eq!(both(&mut bench), (Alarms::empty(), Alarms::empty()));
    bench.control.detach(SPAN).unwrap();
    bench.idle(5);
    assert_eq!(bench.alarms(other), Alarms::RED);
}

#[test]
fn a_remote_loop_returns_to_the_far_end_what_it_sends() {
    /// Says a count and checks that it comes back.
    struct Listener(u64, mpsc::Sender<bool>);
    impl FarEnd for Listener {
        fn attached(&mut self, _line: &FarLine) {}

        fn tick(&mut self, tick: &mut FarTick<'_>) {
            let back = self.0 > 0 && tick.heard[4] == counting_chunk(4, 8 * (self.0 - 1));
            self.1.send(back).unwrap();
            for (channel, chunk) in tick.says.iter_mut().enumerate() {
                *chunk = counting_chunk(channel, 8 * self.0);
            }
            self.0 += 1;
        }
    }
    let (back_in, back) = mpsc::channel();
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Local(Box::new(Listener(0, back_in)))));
    let mut bench = WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Clear]);
    bench.idle(10);
    assert!(back.try_iter().all(|back| !back));
    bench.control.loopback(SPAN, Loopback::Remote).unwrap();
    bench.idle(10);
    assert!(back.try_iter().all(|back| back));
    assert_eq!(bench.alarms(SPAN), Alarms::LOOPBACK);
}

#[test]
fn a_program_is_cut_off_when_its_span_is_detached_and_greeted_when_one_is_attached() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line");
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Socket(path.clone())));
    let mut bench = WorldBench::start(config.pace(Pace::Virtual(VirtualClock::new())), &[Signalling::Clear]);
    let program = std::thread::spawn(move || {
        [0, 1].map(|_| {
            let mut line = LineClient::connect(&path, false).unwrap();
            while line.hear().is_ok() && line.say(&line.silence()).is_ok() {}
            line.line().span
        })
    });
    bench.until_clear();
    bench.control.detach(SPAN).unwrap();
    bench.idle(5);
    bench.control.attach(&span(SpanKind::E1, 0, 9, Signalling::Cas)).unwrap();
    bench.idle(1);
    bench.until_clear();
    drop(bench);
    assert_eq!(program.join().unwrap(), [SPAN, SpanId(9)]);
}

#[test]
fn a_card_in_wall_pace_loses_nothing_before_its_first_wait() {
    let config = SimConfig::new("s").position(SimPosition::e1(Plug::Loop));
    let mut bench = WorldBench::start(SimConfig { buffer_ms: 2, ..config }, &[Signalling::Clear]);
    std::thread::sleep(Duration::from_millis(30));
    let first = bench.period(counting_chunk, |_, _| {});
    assert_eq!((first.time.samples(), first.lost), (0, 0));
}

#[test]
fn configurations_that_make_no_sense_are_refused_by_name() {
    let refused = |config: SimConfig| SimCard::new(config).err().unwrap().to_string();
    let none = refused(SimConfig::new("x"));
    assert!(none.starts_with("simulated card x: its configuration: 0 positions"), "{none}");
    let cases = [
        (vec![SimPosition::new(SpanKind::E1, 30, Plug::Open)], "30 channels do not fit E1"),
        (vec![SimPosition::new(SpanKind::Fxs, 0, Plug::Open)], "0 channels do not fit FXS"),
        (vec![SimPosition::e1(Plug::Cross(0))], "cannot be cross-connected to position 0"),
        (vec![SimPosition::e1(Plug::Cross(7))], "position 7, which is not there"),
        (
            vec![SimPosition::e1(Plug::Cross(1)), SimPosition::t1(Plug::Cross(0))],
            "position 0: cannot be cross-connected to position 1",
        ),
        (
            vec![SimPosition::t1(Plug::Open).echo(Timeslot(25), EchoPath::new(0, &[1.0]))],
            "echo path on timeslot 25",
        ),
    ];
    for (positions, what) in cases {
        let message = refused(SimConfig { positions, ..SimConfig::new("x") });
        assert!(message.contains(what), "{message}");
    }
    let long = SimConfig { buffer_ms: 501, ..SimConfig::new("x") };
    assert!(refused(long.position(SimPosition::e1(Plug::Open))).contains("buffer of 501 ms, 1 to 500"));
}
