//! Plain read and write against io_uring, on DAHDI's real descriptors: what a block of all of them costs. `bench_uring [SECONDS]`.
//!
//! Runs inside the emulated machine that `scripts/bench-cards` boots. The descriptors are those that the driver itself has opened
//! and bound, found among this process's; reading and writing is done here in two ways, 100 times a second:
//!
//! - plain: one `poll`, then a `read` and a `write` a descriptor, as the driver does;
//! - ring: one `io_uring_enter` that hands in all writes and a poll of the clock's descriptor, one that hands in all reads,
//!   with registered files. Writes cannot go together with the next reads: what is said depends on what was heard.
//!
//! Each way is checked before it is timed: what one end of a line says comes out at the other end without a break. Time is that of
//! all threads of the process, the kernel's helpers for the ring among them. In an emulated machine it counts instructions: a ratio.
#![expect(unsafe_code, reason = "descriptors of another owner, and the kernel's ring has no safe form")]
#![allow(clippy::print_stdout, reason = "a bench tells what it has measured")]

use std::error::Error;
use std::os::fd::RawFd;
use std::path::Path;
use std::time::Duration;

use card::{Card, ClockSource, LineConfig, Signalling};
use dahdi::{DahdiCard, DahdiConfig, abi};
use io_uring::{IoUring, opcode, squeue, types};
use nix::sys::time::TimeValLike;
use nix::time::{ClockId, clock_gettime};
use tdm::{Law, SpanId, SpanKind};

const DEVICES: &str = "/dev/dahdi";
const CHANNELS: usize = 31;

/// Milliseconds of a block, and octets of one channel in it.
const BLOCK_MS: u8 = 10;
const BLOCK: usize = BLOCK_MS as usize * 8;

/// Blocks that are towards the line before the first is read.
const AHEAD: usize = 3;

/// Blocks before any is judged, and blocks that are checked.
const WARM_UP: u64 = 20;
const CHECKED: u64 = 50;

/// How long a block may be away, in milliseconds.
const PATIENCE_MS: i32 = 1_000;

/// The most events that are taken from a channel at once.
const MAX_EVENTS: usize = 32;

/// How long the kernel may take to close what a ring had open.
const CLOSING: Duration = Duration::from_secs(1);

/// What the kernel answers where an event is in the way.
const ELAST: i32 = 500;

/// What marks the poll among the ring's answers.
const THE_POLL: u64 = u64::MAX;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let seconds: u64 = std::env::args().nth(1).map_or(Ok(4), |text| text.parse())?;
    println!("| channels, descriptors | way | system calls a second | processor, ms a second | of plain |");
    println!("|---|---|---|---|---|");
    let cases =
        [(4, Signalling::Clear), (16, Signalling::Clear), (4, Signalling::Cas), (16, Signalling::Cas)];
    for (spans, signalling) in cases {
        compare(spans, signalling, seconds)?;
    }
    Ok(())
}

/// Measures both ways on so many spans, and prints a row of each.
fn compare(spans: u8, signalling: Signalling, seconds: u64) -> Result<()> {
    let (halves, mut lines) = Lines::open(spans, signalling)?;
    let plain = lines.measure(&mut Plain, seconds)?;
    let descriptors = lines.descriptors.len();
    let row = |way: &str, calls: usize, cost: f64| {
        let channels = usize::from(spans) * 30;
        println!("| {channels}, {descriptors} | {way} | {calls} | {cost:.2} | {:.2} |", cost / plain);
    };
    row("plain", 100 * (1 + 2 * descriptors), plain);
    match Ring::new(&lines).and_then(|mut ring| lines.measure(&mut ring, seconds)) {
        Ok(cost) => row("ring", 100 * 2, cost),
        Err(error) => println!("| {}, {descriptors} | ring | failed: {error} | | |", usize::from(spans) * 30),
    }
    drop(halves);
    // A ring's files are closed by the kernel some time after the ring.
    std::thread::sleep(CLOSING);
    Ok(())
}

/// A descriptor with the blocks that are said and heard on it.
struct Descriptor {
    fd: RawFd,
    said: Vec<u8>,
    heard: Vec<u8>,
}

/// All descriptors of a card, in the order of its channels.
struct Lines {
    descriptors: Vec<Descriptor>,
    /// The number of the next block.
    block: u8,
    /// What was heard last at each descriptor; breaks after it; events in the way.
    last: Vec<Option<u8>>,
    breaks: u64,
    events: u64,
}

/// A way to say one block on all descriptors and hear one.
trait Way {
    /// Says what is there, waits for the clock, and hears. Returns how many were in the way of an event.
    fn turn(&mut self, descriptors: &mut [Descriptor]) -> Result<u64>;
}

impl Lines {
    /// Starts a card, whose halves keep everything open, and takes its descriptors.
    fn open(spans: u8, signalling: Signalling) -> Result<(impl Sized, Lines)> {
        let numbers = make_spans(spans)?;
        let mut config = DahdiConfig { block_ms: BLOCK_MS, buffer_ms: 20, ..DahdiConfig::new("bench") };
        for first in numbers {
            config = config.span(SpanKind::E1, first);
        }
        let line = |position: u8| LineConfig {
            position,
            span: SpanId(u16::from(position) + 1),
            law: Law::A,
            signalling,
            clock: ClockSource::Internal,
        };
        let lines: Vec<_> = (0..spans).map(line).collect();
        let before = channels_open()?;
        let halves = DahdiCard::new(config)?.start(&lines)?;
        let opened: Vec<RawFd> = channels_open()?.into_iter().filter(|fd| !before.contains(fd)).collect();
        let each = match signalling {
            Signalling::Clear => CHANNELS,
            Signalling::Cas | Signalling::Hdlc(_) | Signalling::Loop => 1,
        };
        let descriptor = |fd| Descriptor { fd, said: vec![0; BLOCK * each], heard: vec![0; BLOCK * each] };
        let descriptors: Vec<_> = opened.into_iter().map(descriptor).collect();
        let last = vec![None; descriptors.len()];
        Ok((halves, Lines { descriptors, block: 0, last, breaks: 0, events: 0 }))
    }

    /// Empties all buffers and says so many idle blocks ahead, as a driver does when it begins.
    fn begin(&mut self) {
        for descriptor in &self.descriptors {
            take_events(descriptor.fd);
            request(descriptor.fd, abi::FLUSH, abi::FLUSH_READ | abi::FLUSH_WRITE);
            for _ in 0..AHEAD {
                write(descriptor);
            }
            take_events(descriptor.fd);
        }
    }

    /// Says the next block on all descriptors and looks at what is heard.
    fn turn(&mut self, way: &mut impl Way) -> Result<()> {
        self.block = self.block.wrapping_add(1);
        for descriptor in &mut self.descriptors {
            descriptor.said.fill(self.block);
            descriptor.heard.fill(0);
        }
        self.events += way.turn(&mut self.descriptors)?;
        for (descriptor, last) in self.descriptors.iter().zip(&mut self.last) {
            // Both ends of a line need not begin their blocks in the same tick: one may end inside the other's.
            for heard in &descriptor.heard {
                let follows = last.is_none_or(|last| heard.wrapping_sub(last) <= 1);
                self.breaks += u64::from(!follows);
                *last = Some(*heard);
            }
        }
        Ok(())
    }

    /// Returns what a second costs, in milliseconds of the processor.
    fn measure(&mut self, way: &mut impl Way, seconds: u64) -> Result<f64> {
        self.begin();
        for _ in 0..WARM_UP {
            self.turn(way)?;
        }
        (self.breaks, self.events) = (0, 0);
        for _ in 0..CHECKED {
            self.turn(way)?;
        }
        if self.breaks + self.events > 0 {
            return Err(
                format!("{} breaks and {} events in {CHECKED} blocks", self.breaks, self.events).into()
            );
        }
        let before = used()?;
        let blocks = seconds * 1_000 / u64::from(BLOCK_MS);
        for _ in 0..blocks {
            self.events += way.turn(&mut self.descriptors)?;
        }
        let cost = (used()? - before) as f64 / 1e6 / seconds as f64;
        if self.events > 0 {
            return Err(format!("{} events in {blocks} blocks", self.events).into());
        }
        Ok(cost)
    }
}

/// One system call for each thing.
struct Plain;

impl Way for Plain {
    fn turn(&mut self, descriptors: &mut [Descriptor]) -> Result<u64> {
        let mut in_the_way = 0;
        for descriptor in descriptors.iter() {
            in_the_way += u64::from(write(descriptor) != descriptor.said.len() as isize);
        }
        let mut clock = libc::pollfd { fd: descriptors[0].fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure, valid for the call.
        if unsafe { libc::poll(&raw mut clock, 1, PATIENCE_MS) } != 1 {
            return Err("the clock's descriptor has nothing".into());
        }
        for descriptor in descriptors {
            let (heard, octets) = (descriptor.heard.as_mut_ptr().cast(), descriptor.heard.len());
            // SAFETY: the vector is valid for writes of its length, the descriptor is open while the card's halves are.
            let got = unsafe { libc::read(descriptor.fd, heard, octets) };
            in_the_way += u64::from(got != octets as isize);
        }
        Ok(in_the_way)
    }
}

/// Two system calls for everything.
struct Ring {
    ring: IoUring,
}

impl Ring {
    fn new(lines: &Lines) -> Result<Ring> {
        let entries = (lines.descriptors.len() + 1).next_power_of_two();
        let ring = IoUring::new(u32::try_from(entries)?)?;
        let files: Vec<RawFd> = lines.descriptors.iter().map(|descriptor| descriptor.fd).collect();
        ring.submitter().register_files(&files)?;
        Ok(Ring { ring })
    }

    fn hand_in(&mut self, entry: &squeue::Entry) -> Result<()> {
        // SAFETY: the buffers that entries name live in `Lines`, which outlives each turn, and each turn waits for its answers.
        Ok(unsafe { self.ring.submission().push(entry) }?)
    }

    /// Sends everything and waits for `wanted` answers. Returns how many were not what was asked for.
    fn go(&mut self, wanted: usize, descriptors: &[Descriptor]) -> Result<u64> {
        self.ring.submit_and_wait(wanted)?;
        let mut in_the_way = 0;
        for answer in self.ring.completion() {
            if answer.user_data() == THE_POLL {
                continue;
            }
            let octets = descriptors[answer.user_data() as usize].said.len() as i32;
            match answer.result() {
                done if done == octets => {}
                refused if refused < 0 && refused != -ELAST && refused != -libc::EAGAIN => {
                    return Err(std::io::Error::from_raw_os_error(-refused).into());
                }
                _ => in_the_way += 1,
            }
        }
        Ok(in_the_way)
    }
}

impl Way for Ring {
    fn turn(&mut self, descriptors: &mut [Descriptor]) -> Result<u64> {
        for (at, descriptor) in descriptors.iter().enumerate() {
            let (said, octets) = (descriptor.said.as_ptr(), descriptor.said.len() as u32);
            let entry = opcode::Write::new(types::Fixed(at as u32), said, octets).build();
            self.hand_in(&entry.user_data(at as u64))?;
        }
        let poll = opcode::PollAdd::new(types::Fixed(0), libc::POLLIN as u32).build();
        self.hand_in(&poll.user_data(THE_POLL))?;
        let mut in_the_way = self.go(descriptors.len() + 1, descriptors)?;
        for (at, descriptor) in descriptors.iter_mut().enumerate() {
            let (heard, octets) = (descriptor.heard.as_mut_ptr(), descriptor.heard.len() as u32);
            let entry = opcode::Read::new(types::Fixed(at as u32), heard, octets).build();
            self.hand_in(&entry.user_data(at as u64))?;
        }
        in_the_way += self.go(descriptors.len(), descriptors)?;
        Ok(in_the_way)
    }
}

fn write(descriptor: &Descriptor) -> isize {
    // SAFETY: the vector is valid for reads of its length, the descriptor is open while the card's halves are.
    unsafe { libc::write(descriptor.fd, descriptor.said.as_ptr().cast(), descriptor.said.len()) }
}

/// Sends a number with a request, or takes one; what came back, if the kernel did not refuse.
fn request(fd: RawFd, request: u32, mut value: i32) -> Option<i32> {
    // SAFETY: the requests used here take a pointer to one number.
    let result = unsafe { libc::ioctl(fd, request as _, &raw mut value) };
    (result >= 0).then_some(value)
}

fn take_events(fd: RawFd) {
    for _ in 0..MAX_EVENTS {
        if request(fd, abi::GETEVENT, 0).is_none_or(|event| event == abi::event::NONE) {
            return;
        }
    }
}

/// Makes as many spans as there shall be; returns the first channel of each.
fn make_spans(spans: u8) -> Result<Vec<u32>> {
    let there = || dahdi::proc::spans(Path::new("/proc/dahdi"));
    for number in there()?.len()..usize::from(spans) {
        let address = format!("{}:{}", number / 2, number % 2);
        dahdi::dynamic::create(Path::new(DEVICES), "loc", &address, CHANNELS as u8)?;
    }
    let first = |span: &dahdi::proc::SpanFile| span.channels.iter().map(|channel| channel.number).min();
    Ok(there()?.iter().take(spans.into()).filter_map(first).collect())
}

/// The descriptors of this process that are channels, in the order in which they were opened.
fn channels_open() -> Result<Vec<RawFd>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let path = entry?.path();
        let is_channel = std::fs::read_link(&path).is_ok_and(|to| to == Path::new(DEVICES).join("channel"));
        let number =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<RawFd>().ok());
        found.extend(number.filter(|_| is_channel));
    }
    found.sort_unstable();
    Ok(found)
}

/// Time that all threads of this process have taken, in nanoseconds.
fn used() -> Result<i64> {
    Ok(clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID)?.num_nanoseconds())
}
