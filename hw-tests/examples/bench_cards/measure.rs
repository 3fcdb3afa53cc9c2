//! Time of the processor, delay from program to program, and how evenly the card wakes us.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use card::CardIo;
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use rt::sched::{ThreadConfig, enter};

use crate::Result;
use crate::backends::{self, Backend, BusUse};
use crate::stamp::{Finder, stamp};

/// The usual priority of a realtime thread.
const PRIORITY: u8 = 80;

/// Milliseconds carried before anything is measured, and those in which every octet is checked.
const WARM_UP_MS: u64 = 2_000;
const CHECK_MS: u64 = 500;

/// Times of chunks that are on their way: more than any card holds.
const ON_THEIR_WAY: usize = 1_024;

/// What was found.
pub struct Found {
    /// Share of one core.
    share: f64,
    delays_ms: Vec<f64>,
    /// How far the time between two wakes was off, in milliseconds.
    off_ms: Vec<f64>,
    lost: u64,
    bus: Option<BusFound>,
}

/// What a card on the model asked of its bus, a second.
pub struct BusFound {
    reads: u64,
    writes: u64,
    waits: u64,
    rearms: u64,
}

/// Measures in a thread that nobody interrupts, if that is allowed.
pub fn in_realtime(backend: Backend, spans: u8, seconds: u64) -> Result<Found> {
    let measured = std::thread::spawn(move || {
        enter(&ThreadConfig { priority: Some(PRIORITY), lock_memory: false, ..ThreadConfig::default() });
        measure(backend, spans, seconds).map_err(|error| error.to_string())
    });
    Ok(measured.join().map_err(|_| "a part of the bench panicked")??)
}

/// One card under measure.
struct Run {
    io: Box<dyn CardIo>,
    channels: usize,
    /// Chunks sent so far, and when those on their way were handed over.
    sent: u32,
    handed: Vec<Instant>,
    finders: Vec<Finder>,
    delays_ms: Vec<f64>,
    off_ms: Vec<f64>,
    last_wake: Option<Instant>,
    carried_ms: u64,
    lost: u64,
    /// Stamps heard.
    heard: u64,
    virtual_time: bool,
}

impl Run {
    fn new(io: Box<dyn CardIo>, virtual_time: bool) -> Run {
        let channels = io.slots().iter().map(|slot| usize::from(slot.channels)).sum();
        Run {
            io,
            channels,
            sent: 0,
            handed: vec![Instant::now(); ON_THEIR_WAY],
            finders: vec![Finder::default(); channels],
            delays_ms: Vec::new(),
            off_ms: Vec::new(),
            last_wake: None,
            carried_ms: 0,
            lost: 0,
            heard: 0,
            virtual_time,
        }
    }

    /// Carries one period: stamps on channel 0 of the card, or on all of them if `all`.
    fn period(&mut self, all: bool) -> Result<()> {
        let period = self.io.wait()?;
        let woken = Instant::now();
        while self.io.poll_event().is_some() {}
        let ms = f64::from(period.chunks);
        if let Some(last) = self.last_wake.replace(woken) {
            self.off_ms.push(((woken - last).as_secs_f64() * 1_000.0 - ms).abs());
        }
        self.carried_ms += u64::from(period.chunks);
        self.lost += u64::from(period.lost);
        let listened = if all { self.channels } else { self.channels.min(1) };
        for row in self.io.rx().chunks_exact(self.channels) {
            for (finder, chunk) in self.finders.iter_mut().zip(row).take(listened) {
                let Some(number) = finder.take(chunk) else { continue };
                self.heard += 1;
                let handed = self.handed[number as usize % ON_THEIR_WAY];
                let passed = (woken - handed).as_secs_f64() * 1_000.0;
                // In virtual time a period is a millisecond: what has been sent since tells how many.
                let periods = f64::from(self.sent.wrapping_sub(number));
                self.delays_ms.push(if self.virtual_time { periods } else { passed });
            }
        }
        // What the first span hears the second one says.
        let first = self.sent;
        let said = if all { 0..self.channels } else { 31..32 };
        for row in self.io.tx().chunks_exact_mut(self.channels) {
            for chunk in &mut row[said.clone()] {
                *chunk = stamp(self.sent);
            }
            self.sent = self.sent.wrapping_add(1);
        }
        self.io.commit()?;
        let now = Instant::now();
        for number in first..self.sent {
            self.handed[number as usize % ON_THEIR_WAY] = now;
        }
        Ok(())
    }

    /// Carries so many milliseconds.
    fn carry(&mut self, ms: u64, all: bool) -> Result<()> {
        let until = self.carried_ms + ms;
        while self.carried_ms < until {
            self.period(all)?;
        }
        Ok(())
    }

    fn forget(&mut self) {
        (self.lost, self.heard) = (0, 0);
        self.delays_ms.clear();
        self.off_ms.clear();
    }
}

fn used() -> Result<Duration> {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID)?;
    Ok(Duration::from_nanos(u64::try_from(time.num_nanoseconds())?))
}

fn measure(backend: Backend, spans: u8, seconds: u64) -> Result<Found> {
    let ((control, io), bus) = match backend {
        Backend::Pci => backends::pci(spans).map(|(started, used)| (started, Some(used)))?,
        Backend::Sim | Backend::Tdmoe | Backend::Dahdi => (backend.start(spans)?, None),
    };
    let mut run = Run::new(io, bus.is_some());
    // Enough room that measuring takes no memory.
    run.delays_ms.reserve(2 * run.channels * (WARM_UP_MS + 1_000 * seconds) as usize);
    run.carry(WARM_UP_MS, true)?;
    run.forget();
    run.carry(CHECK_MS, true)?;
    let wanted = run.channels as u64 * CHECK_MS;
    if run.heard < wanted - wanted / 10 {
        return Err(format!("{backend}: of {wanted} stamps {} were heard", run.heard).into());
    }
    run.carry(200, false)?;
    run.forget();
    let before = bus.as_deref().map(seen);
    let (began, worked, carried) = (Instant::now(), used()?, run.carried_ms);
    run.carry(1_000 * seconds, false)?;
    let (passed, worked) = (began.elapsed(), used()? - worked);
    let carried = (run.carried_ms - carried) as f64 / 1_000.0;
    drop(control);
    let bus = bus.zip(before).map(|(bus, before)| in_a_second(&bus, before, carried));
    let share = match &bus {
        // The model's time is virtual: the driver's own work, without the model's, for a second of line.
        Some((_, inside)) => (worked.as_secs_f64() - inside).max(0.0) / carried,
        None => worked.as_secs_f64() / passed.as_secs_f64(),
    };
    Ok(Found {
        share,
        delays_ms: run.delays_ms,
        off_ms: run.off_ms,
        lost: run.lost,
        bus: bus.map(|(bus, _)| bus),
    })
}

fn seen(used: &BusUse) -> [u64; 5] {
    [&used.reads, &used.writes, &used.waits, &used.rearms, &used.inside_ns]
        .map(|cell| cell.load(Ordering::Relaxed))
}

/// Returns what a second asked of the bus, and the seconds that the model took over all of it.
fn in_a_second(bus: &Arc<BusUse>, before: [u64; 5], seconds: f64) -> (BusFound, f64) {
    let after = seen(bus);
    let [reads, writes, waits, rearms, inside] = core::array::from_fn(|at| (after[at] - before[at]) as f64);
    let a_second = |count: f64| (count / seconds).round() as u64;
    let found = BusFound {
        reads: a_second(reads),
        writes: a_second(writes),
        waits: a_second(waits),
        rearms: a_second(rearms),
    };
    (found, inside / 1e9)
}

/// Returns what a card on VFIO would ask of the kernel for what this one asked of the model's bus.
pub fn pci_calls(found: &Found) -> String {
    let Some(bus) = &found.bus else { return String::new() };
    // A wait is one ppoll, and one read when it was an interrupt; letting through again is one ioctl.
    format!(
        "{} (by the bus: ppoll {}, read {}, ioctl {}); {} register reads, {} writes",
        bus.waits + 2 * bus.rearms,
        bus.waits,
        bus.rearms,
        bus.rearms,
        bus.reads,
        bus.writes
    )
}

/// Returns a value that so much of all are not above.
fn at(sorted: &[f64], part: f64) -> f64 {
    let place = ((sorted.len() as f64 * part).ceil() as usize).clamp(1, sorted.len().max(1));
    sorted.get(place - 1).copied().unwrap_or(f64::NAN)
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorted = |values: &[f64]| {
            let mut sorted = values.to_vec();
            sorted.sort_by(f64::total_cmp);
            sorted
        };
        let (delays, off) = (sorted(&self.delays_ms), sorted(&self.off_ms));
        let share = 100.0 * self.share;
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| at(&delays, part));
        let delay = format!("{p50:.2} / {p99:.2} / {max:.2}");
        if self.bus.is_some() {
            return write!(
                f,
                "{share:.2} %, the driver alone | {delay}, virtual time | none, virtual time | {} |",
                self.lost
            );
        }
        let [off99, off_max] = [0.99, 1.0].map(|part| at(&off, part));
        write!(f, "{share:.2} % | {delay} | {off99:.2} / {off_max:.2} | {} |", self.lost)
    }
}
