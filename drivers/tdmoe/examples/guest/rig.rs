//! The two ends: `tdm0` is ours, `tdm1` the kernel's. `hw-tests/dahdi/init` has made them.

use std::path::Path;
use std::process::Command;

use card::{Card, ClockSource, LineConfig, Signalling};
use dahdi::{DahdiCard, DahdiConfig};
use tdm::{Law, SpanId, SpanKind};
use tdmoe::{Mac, Peer, TdmoeCard, TdmoeConfig, TdmoeControl};

use crate::party::{Party, until};

/// Our interface, and the kernel's.
pub const OURS: &str = "tdm0";
pub const THEIRS: &str = "tdm1";

/// Their addresses, and one that the kernel's takes later.
pub const OUR_MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub const THEIR_MAC: Mac = Mac([2, 0, 0, 0, 0, 2]);
pub const OTHER_MAC: Mac = Mac([2, 0, 0, 0, 0, 0x99]);

const CHANNELS: u8 = 31;

fn devices() -> &'static Path {
    Path::new("/dev/dahdi")
}

fn address(subaddress: u16) -> String {
    format!("{THEIRS}/{OUR_MAC}/{subaddress}")
}

/// Two spans of the kernel, subaddresses 0 and 1, taken away in the end.
pub struct Kernel {
    numbers: Vec<u32>,
}

impl Kernel {
    /// Makes them; `rank` above 0 makes the first the clock of all dynamic spans.
    pub fn new(rank: u8) -> Kernel {
        let create = |(subaddress, rank)| {
            dahdi::dynamic::create_clock(devices(), "eth", &address(subaddress), CHANNELS, rank).unwrap()
        };
        let numbers = [(0, rank), (1, 0)].into_iter().map(create).collect();
        // Spans that hear nothing give no time. Loaded before there is any span, it would shift their channels' numbers.
        if !Path::new("/sys/module/dahdi_dummy").exists() {
            assert!(Command::new("/bin/insmod").arg("/m/dahdi_dummy.ko").status().unwrap().success());
        }
        Kernel { numbers }
    }

    /// Waits until both have this alarm, as the kernel names it; none if it is empty. The DAHDI driver cannot tell: a span
    /// of this kind has no time while it hears nothing.
    pub fn await_alarm(&self, alarm: &str) {
        until(&format!("{alarm:?} at the kernel"), || {
            let spans = dahdi::proc::spans(Path::new("/proc/dahdi")).unwrap();
            let ours = spans.iter().filter(|span| self.numbers.contains(&span.number));
            ours.filter(|span| span.alarms.join(" ") == alarm).count() == self.numbers.len()
        });
    }

    /// Starts the DAHDI driver on each, in blocks of 10 ms, as spans 20 and 21. Each is a card of its own: the kernel receives
    /// on such a span when a frame comes and sends when it ticks, so that two of them are not in step as the driver asks for.
    pub fn parties(&self, signalling: Signalling) -> [Party<dahdi::DahdiControl>; 2] {
        let spans = dahdi::proc::spans(Path::new("/proc/dahdi")).unwrap();
        core::array::from_fn(|at| {
            let span = spans.iter().find(|span| span.number == self.numbers[at]).unwrap();
            let first = span.channels.iter().map(|channel| channel.number).min().unwrap();
            let config = DahdiConfig::new("kernel").span(SpanKind::E1, first);
            let line = line(0, 20 + at as u16, signalling, ClockSource::Line);
            let (control, io) = DahdiCard::new(config).unwrap().start(&[line]).unwrap();
            Party::new(control, Box::new(io))
        })
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        for subaddress in [0, 1] {
            // What is still open stays, and the next case says so.
            let _ = dahdi::dynamic::destroy(devices(), "eth", &address(subaddress));
        }
    }
}

fn line(position: u8, span: u16, signalling: Signalling, clock: ClockSource) -> LineConfig {
    LineConfig { position, span: SpanId(span), law: Law::A, signalling, clock }
}

/// Our card: the first span's peer is named, the second one's learned.
pub fn card() -> TdmoeCard {
    let config = TdmoeConfig::new("ours").span(SpanKind::E1, OURS, Peer::Fixed(THEIR_MAC), 0).span(
        SpanKind::E1,
        OURS,
        Peer::Learned,
        1,
    );
    TdmoeCard::new(config).unwrap()
}

/// Starts our card as spans 10 and 11, on our own clock or the kernel's.
pub fn ours(signalling: Signalling, clock: ClockSource) -> Party<TdmoeControl> {
    let lines = [line(0, 10, signalling, clock), line(1, 11, signalling, ClockSource::Internal)];
    let (control, io) = card().start(&lines).unwrap();
    Party::new(control, Box::new(io))
}

/// Puts both interfaces as they were, after a case that stopped halfway too.
pub fn mend() {
    for (interface, mac) in [(OURS, OUR_MAC), (THEIRS, THEIR_MAC)] {
        ifconfig(&format!("{interface} down"));
        ifconfig(&format!("{interface} hw ether {mac}"));
        ifconfig(&format!("{interface} up"));
    }
}

/// Runs `ifconfig`.
pub fn ifconfig(arguments: &str) {
    assert!(
        Command::new("/bin/ifconfig").args(arguments.split(' ')).status().unwrap().success(),
        "{arguments}"
    );
}

/// Returns how often the kernel has told of a wrong sequence number.
pub fn kernel_complaints() -> usize {
    let log = Command::new("/bin/dmesg").output().unwrap();
    String::from_utf8_lossy(&log.stdout).lines().filter(|line| line.contains("Expected seq no")).count()
}
