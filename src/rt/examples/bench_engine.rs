//! The engine's bench: 16 simulated E1 spans, 480 channels, each decoded, measured, DTMF-detected, prompted or bridged, encoded
//! and tapped, and 16 D-channels. Prints a table with the goal beside each figure: `bench_engine [SECONDS]`.
//!
//! Three parts: the cost of a period without waiting (virtual pace, so that nothing but the work is measured); the same engine
//! in its realtime thread by the wall clock, `cyclictest` beside it with the same interval and priority; HDLC alone.
//! Even spans are cross-connected to odd ones. Even spans play prompts, odd ones hear them and bridge pairs of channels, so that
//! everybody hears something loud and no detector can rest.
#![allow(clippy::disallowed_methods, clippy::disallowed_macros, clippy::disallowed_types, reason = "a shell")]

use std::error::Error;
use std::hint::black_box;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use card::{
    Card, CardControl, CardEvent, CardIo, ClockSource, IoFault, LineConfig, LineOrder, Period, RtDelay,
    Signalling, SpanSlot,
};
use clock::{Prng, SampleTime, VirtualClock};
use rt::guard::{GuardedAlloc, OnHeapUse, usage};
use rt::sched::{ThreadConfig, enter};
use rt::{
    Engine, EngineConfig, EngineHandle, FeedBlock, FeedPort, RtCommand, RtEventKind, RtOp, Source, TapPort,
    start,
};
use sim::{Pace, Plug, SimCard, SimConfig, SimControl, SimIo, SimPosition};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{Block, ChannelId, Chunk, HdlcFrame, Law, SpanId, Timeslot};

#[global_allocator]
static ALLOC: GuardedAlloc = GuardedAlloc::new(OnHeapUse::Count);

const SPANS: u8 = 16;
const FEEDS: usize = 64;
const PRIORITY: u8 = 80;
const BUFFER_MS: u16 = 60;
/// Wakes that are not judged.
const START_UP: usize = 200;
/// What the work of everything may cost.
const GOAL_NS: f64 = 4.0;

fn main() -> Result<(), Box<dyn Error>> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(10), |text| text.parse())?;
    println!("| figure | measured | goal |\n|---|---|---|");
    urgent(99, move || cost().map_err(|error| error.to_string()))?;
    wall(seconds)?;
    hdlc();
    Ok(())
}

/// Runs `work` in a thread that nobody interrupts, if that is allowed. Threads it makes are of the same kind.
fn urgent<T: Send + 'static>(
    priority: u8,
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Box<dyn Error>> {
    let config = ThreadConfig { priority: Some(priority), lock_memory: false, ..ThreadConfig::default() };
    let thread = std::thread::spawn(move || {
        enter(&config);
        work()
    });
    Ok(thread.join().map_err(|_| "a part of the bench panicked")??)
}

/// One line of the table.
fn row(figure: &str, measured: impl std::fmt::Display, goal: &str) {
    println!("| {figure} | {measured} | {goal} |");
}

/// Makes the card with its spans cross-connected in pairs.
fn card(pace: Pace) -> Result<(SimControl, SimIo), Box<dyn Error>> {
    let mut config = SimConfig::new("bench").pace(pace);
    config.buffer_ms = BUFFER_MS;
    for position in 0..SPANS {
        config = config.position(SimPosition::e1(Plug::Cross(position ^ 1)));
    }
    let line = |position| LineConfig {
        position,
        span: SpanId(u16::from(position) + 1),
        law: Law::A,
        signalling: Signalling::Hdlc(Timeslot(16)),
        clock: ClockSource::Internal,
    };
    let lines: Vec<LineConfig> = (0..SPANS).map(line).collect();
    Ok(SimCard::new(config)?.start(&lines)?)
}

/// What of the work is done.
#[derive(Clone, Copy)]
struct Load {
    dtmf: bool,
    taps: bool,
}

const ALL: Load = Load { dtmf: true, taps: true };

/// Makes the engine and gives it its work.
fn engine(io: Box<dyn CardIo>, load: Load) -> Result<(Engine, EngineHandle), Box<dyn Error>> {
    let config = EngineConfig {
        taps: 480,
        tap_blocks: 1_000,
        feeds: FEEDS,
        command_ring: 4_096,
        detect: if load.dtmf { rt::Wants::DTMF } else { rt::Wants::empty() },
        ..EngineConfig::default()
    };
    let (engine, mut handle) = Engine::new(config, vec![io])?;
    let mut seq = 0;
    let mut order = |op| {
        seq += 1;
        handle.commands.push(RtCommand { seq, op }).map_err(|_| "the command ring is full")
    };
    let mut strips = Vec::new();
    for span in 1..=u16::from(SPANS) {
        let channels = (1..=31).filter(|&timeslot| timeslot != 16);
        strips.extend(channels.filter_map(|timeslot| handle.layout.strip(ChannelId::new(span, timeslot))));
    }
    for (n, &strip) in strips.iter().enumerate() {
        let partner = strips[n ^ 1];
        let source = match n / 30 % 2 {
            0 => Source::Feed(FeedPort((n % FEEDS) as u16)),
            _ => Source::Line(partner),
        };
        order(RtOp::Send { strip, source })?;
        if load.taps {
            order(RtOp::Tap { port: TapPort(n as u16), strip })?;
        }
    }
    Ok((engine, handle))
}

/// A second of something like speech: noise through two resonances, its loudness going up and down.
fn speech() -> Vec<Block> {
    let mut prng = Prng::new(5);
    let (mut a, mut b) = ([0.0f32; 2], [0.0f32; 2]);
    let mut n = 0u32;
    let mut sample = || {
        n += 1;
        let noise = (prng.next_u64() >> 40) as f32 / (1 << 23) as f32 - 1.0;
        let envelope = (n as f32 / 8_000.0 * 25.0).sin().abs();
        let resonate = |state: &mut [f32; 2], hz: f32| {
            let next = noise + 1.9 * (std::f32::consts::TAU * hz / 8_000.0).cos() * state[0] - 0.9 * state[1];
            *state = [next, state[0]];
            next
        };
        ((resonate(&mut a, 500.0) + resonate(&mut b, 1_500.0)) * envelope * 900.0) as i16
    };
    (0..1_000).map(|_| std::array::from_fn(|_| sample())).collect()
}

/// What the other threads do: prompts in, recordings and events out. Counts gaps in the recordings.
struct Others {
    handle: EngineHandle,
    prompt: Vec<Block>,
    at: Vec<usize>,
    expected: Vec<Option<SampleTime>>,
    gaps: u64,
    blocks: u64,
    digits: u64,
    refused: u64,
}

impl Others {
    fn new(handle: EngineHandle) -> Others {
        let taps = handle.taps.len();
        Others {
            handle,
            prompt: speech(),
            at: (0..FEEDS).map(|feed| feed * 15).collect(),
            expected: vec![None; taps],
            gaps: 0,
            blocks: 0,
            digits: 0,
            refused: 0,
        }
    }

    fn turn(&mut self) {
        for (feed, at) in self.handle.feeds.iter_mut().zip(&mut self.at) {
            while feed.slots() > 300 {
                let block = self.prompt[*at % self.prompt.len()];
                *at += 1;
                if feed.push(FeedBlock { block, generation: 0, last: false }).is_err() {
                    break;
                }
            }
        }
        for (tap, expected) in self.handle.taps.iter_mut().zip(&mut self.expected) {
            while let Ok(block) = tap.pop() {
                self.gaps += u64::from(expected.is_some_and(|time| time != block.time));
                *expected = Some(block.time + 8);
                self.blocks += 1;
            }
        }
        while let Ok(event) = self.handle.events.pop() {
            match event.kind {
                RtEventKind::DigitDown { .. } => self.digits += 1,
                RtEventKind::Refused { .. } => self.refused += 1,
                RtEventKind::Applied { .. }
                | RtEventKind::DigitUp { .. }
                | RtEventKind::Heard { .. }
                | RtEventKind::FeedDone { .. }
                | RtEventKind::Dialled { .. }
                | RtEventKind::Card(_)
                | RtEventKind::Lost { .. } => {}
            }
        }
        for channel in &mut self.handle.dchannels {
            while channel.rx.pop().is_ok() {}
            let frame = HdlcFrame::new(&[0x00, 0x01, 0x01, 0x01]).expect("four octets fit");
            let _ = channel.tx.push(frame);
        }
    }
}

/// The cost of the work alone.
fn cost() -> Result<(), Box<dyn Error>> {
    let ns = cost_of(ALL, true)?;
    row("everything, ns per sample and channel", format!("{ns:.2}"), &format!("<= {GOAL_NS}"));
    row("the same as share of one core", format!("{:.1} %", ns * 480.0 * 8_000.0 / 1e7), "<= 1.6 %");
    let without_dtmf = cost_of(Load { dtmf: false, taps: true }, false)?;
    row("without DTMF detectors, ns", format!("{without_dtmf:.2}"), "");
    let bare = cost_of(Load { dtmf: false, taps: false }, false)?;
    row("without DTMF detectors and taps, ns", format!("{bare:.2}"), "");
    Ok(())
}

/// The cost of a part of the work in nanoseconds per sample and channel.
fn cost_of(load: Load, show_counts: bool) -> Result<f64, Box<dyn Error>> {
    let (_control, io) = card(Pace::Virtual(VirtualClock::new()))?;
    let (mut engine, handle) = engine(Box::new(io), load)?;
    let mut others = Others::new(handle);
    let (warm, measured) = (500, 4_000);
    let mut work_before = 0;
    for period in 0..warm + measured {
        if period % 10 == 0 {
            others.turn();
        }
        engine.period()?;
        if period + 1 == warm {
            work_before = others.handle.counters.work_ns.get();
        }
    }
    let counters = &others.handle.counters;
    let ns = (counters.work_ns.get() - work_before) as f64 / f64::from(measured) / 8.0 / 480.0;
    if !show_counts {
        return Ok(ns);
    }
    row("commands refused", others.refused, "0");
    row("prompt underruns", counters.feed_underrun.get(), "0");
    row("D-channel frames", counters.hdlc_frames.iter().map(rt::Counter::get).sum::<u64>(), "> 0");
    row("D-channel errors", counters.hdlc_errors.iter().map(rt::Counter::get).sum::<u64>(), "0");
    Ok(ns)
}

/// When the thread woke, and what processor time it has used: written by [`Timed`].
struct Wakes {
    late_ns: Mutex<Vec<(u64, u64)>>,
    cpu_ns: AtomicU64,
}

/// A card that notes when its `wait` returns.
struct Timed {
    io: SimIo,
    zero: Instant,
    wakes: Arc<Wakes>,
    own: Vec<(u64, u64)>,
}

impl CardIo for Timed {
    fn wait(&mut self) -> Result<Period, IoFault> {
        if self.own.len() % 256 == 255 {
            self.wakes.cpu_ns.store(usage().cpu_ns, Ordering::Relaxed);
        }
        let period = self.io.wait()?;
        let now = u64::try_from(self.zero.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if self.own.len() < self.own.capacity() {
            // A late period has several chunks: lateness is counted from the oldest.
            self.own.push((period.time.samples() / 8, now));
        }
        Ok(period)
    }

    fn ready(&mut self) -> Option<Period> {
        self.io.ready()
    }

    fn slots(&self) -> &[SpanSlot] {
        self.io.slots()
    }

    fn rx(&self) -> &[Chunk] {
        self.io.rx()
    }

    fn tx(&mut self) -> &mut [Chunk] {
        self.io.tx()
    }

    fn poll_event(&mut self) -> Option<CardEvent> {
        self.io.poll_event()
    }

    fn order(&mut self, order: LineOrder) {
        self.io.order(order);
    }

    fn rx_frame(&mut self, span: SpanId) -> Option<&[u8]> {
        self.io.rx_frame(span)
    }

    fn tx_frame(&mut self, span: SpanId, frame: &[u8]) -> bool {
        self.io.tx_frame(span, frame)
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        self.io.commit()
    }

    fn rt_delay(&self) -> RtDelay {
        self.io.rt_delay()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        if let Ok(mut all) = self.wakes.late_ns.lock() {
            *all = std::mem::take(&mut self.own);
        }
    }
}

/// The engine in its thread, by the wall clock.
fn wall(seconds: u64) -> Result<(), Box<dyn Error>> {
    // The card's own thread stands for hardware, which is never late.
    let (control, io) = urgent(PRIORITY + 5, || card(Pace::Wall).map_err(|error| error.to_string()))?;
    let wakes = Arc::new(Wakes { late_ns: Mutex::new(Vec::new()), cpu_ns: AtomicU64::new(0) });
    let own = Vec::with_capacity((seconds as usize + 5) * 1_000);
    let timed = Timed { io, zero: Instant::now(), wakes: Arc::clone(&wakes), own };
    let (engine, handle) = engine(Box::new(timed), ALL)?;
    let mut others = Others::new(handle);
    others.turn();
    let peer = cyclictest(seconds);
    let running = start(engine, ThreadConfig { priority: Some(PRIORITY), ..ThreadConfig::default() })?;
    let report = running.report().clone();
    // The card ran before the engine was there: what it had to drop meanwhile shows within the first periods.
    std::thread::sleep(Duration::from_millis(START_UP as u64));
    others.turn();
    others.gaps = 0;
    let lost_at_start = others.handle.counters.lost_samples.get();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        others.turn();
        std::thread::sleep(Duration::from_millis(20));
    }
    let (cpu_ns, elapsed) = (wakes.cpu_ns.load(Ordering::Relaxed), begun.elapsed());
    running.stop();
    let end = running.join();
    others.turn();
    row("realtime thread", report, "granted");
    row("engine's end", format!("{end:?}"), "Stopped");
    row(
        "thread's processor time, share of one core",
        format!("{:.1} %", cpu_ns as f64 / elapsed.as_nanos() as f64 * 100.0),
        "",
    );
    lateness(&wakes, peer);
    let counters = &others.handle.counters;
    row("lost samples", counters.lost_samples.get() - lost_at_start, "0");
    row("the card's lost samples, start included", control.counters().lost_samples, "");
    row("card buffer, ms late without loss", BUFFER_MS, "");
    row("late periods", format!("{} of {}", counters.late_periods.get(), counters.periods.get()), "");
    row("longest work of a period, µs", counters.longest_work_ns.get() / 1_000, "< 1000");
    row("tapped blocks", others.blocks, "");
    row("gaps in taps, overruns", format!("{}, {}", others.gaps, counters.tap_overrun.get()), "0, 0");
    row(
        "heap uses, stray switches in measured periods",
        format!("{}, {}", counters.heap_uses.get(), counters.stray_switches.get()),
        "0, 0",
    );
    row("false digits in noise like speech", others.digits, "");
    Ok(())
}

/// Starts the peer: same interval, same priority, its histogram in microseconds.
fn cyclictest(seconds: u64) -> Option<Child> {
    let (priority, duration) = (PRIORITY.to_string(), seconds.to_string());
    Command::new("cyclictest")
        .args(["-q", "-m", "-t1", "-i", "1000", "-h", "50000", "-p", &priority, "-D", &duration])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()
}

/// Prints the percentiles of both.
fn lateness(wakes: &Wakes, peer: Option<Child>) {
    let all = wakes.late_ns.lock().map(|all| all.clone()).unwrap_or_default();
    // The first wakes only catch up with a card that ran before the engine.
    let all = all.get(START_UP..).unwrap_or_default();
    let offset = |&(ms, at): &(u64, u64)| at as i64 - (ms * 1_000_000) as i64;
    // Half a second at a time: the simulated card's clock may have been held up, which is not the engine's lateness.
    let mut ours = Vec::with_capacity(all.len());
    for part in all.chunks(500) {
        let earliest = part.iter().map(offset).min().unwrap_or(0);
        ours.extend(part.iter().map(|wake| (offset(wake) - earliest) as u64 / 1_000));
    }
    ours.sort_unstable();
    let theirs = peer.and_then(|peer| peer.wait_with_output().ok());
    let theirs = theirs.map(|output| histogram(&String::from_utf8_lossy(&output.stdout))).unwrap_or_default();
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        let goal = percentile(&theirs, share)
            .map_or("cyclictest did not run".to_owned(), |us| format!("cyclictest: {us}"));
        let ours = percentile(&ours, share).map_or("none".to_owned(), |us| us.to_string());
        row(&format!("lateness of the period, {name}, µs"), ours, &goal);
    }
}

fn percentile(sorted: &[u64], share: f64) -> Option<u64> {
    let index = ((sorted.len() as f64 * share).ceil() as usize).saturating_sub(1);
    sorted.get(index).copied()
}

/// Reads cyclictest's histogram: lines of microseconds and count.
fn histogram(text: &str) -> Vec<u64> {
    let mut all = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split_whitespace().map(str::parse::<u64>);
        if let (Some(Ok(us)), Some(Ok(count))) = (fields.next(), fields.next()) {
            all.extend(std::iter::repeat_n(us, count as usize));
        }
    }
    all
}

/// HDLC alone: frames of 64 octets, made and found again.
fn hdlc() {
    let (mut tx, mut rx) = (LapdTx::new(), LapdRx::new());
    let frame = HdlcFrame::new(&std::array::from_fn::<u8, 64, _>(|n| (n * 37) as u8)).expect("64 octets fit");
    let chunks = 400_000u32;
    let stop = AtomicBool::new(false);
    let mut good = 0u64;
    let begun = Instant::now();
    for _ in 0..chunks {
        let chunk = tx.chunk(|| (!stop.load(Ordering::Relaxed)).then_some(frame));
        rx.chunk(black_box(&chunk), |octets| good += u64::from(octets == frame.octets()));
    }
    let mbit_s = f64::from(chunks) * 64.0 / begun.elapsed().as_secs_f64() / 1e6;
    row("HDLC there and back, Mbit/s", format!("{mbit_s:.0} ({good} frames)"), "> 31 (480 timeslots)");
}
