//! Deliberate mistakes of a driver, made by a bus between driver and card: the suite must fail with each of them.
//!
//! Each is one that is easily made: a forgotten acknowledge, a lane swapped, an offset wrong by one. A case that passes with a
//! mistake says nothing; some case must fail.

mod rig;

use core::time::Duration;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use card::conformance::{self as suite, Bench, Rig, Wiring};
use card::{CardControl, Signalling};
use clock::Mono;
use firmware_shim::model::{ClockFrom, Plug};
use firmware_shim::{DmaCtrl, Intr, LocalAddress, Reg, Registers, falc, led};
use pci::model::{Handle, ModelBus};
use pci::{Bus, PciCard, PciControl, PciCounters, Wake};
use rig::{E1, cabling};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mistake {
    None,
    MissedAcknowledge,
    AcknowledgedByOnes,
    SwappedAreas,
    AreaOffByOneSlot,
    ForgottenArea,
    RingTooLong,
    RingReadOneOn,
    FramersNotActivated,
    SwitchNotCleared,
    SwappedLanes,
    WrongUnit,
    NoChipSelect,
    StrobeWithoutAddress,
    ReadInsteadOfWrite,
    SwappedNibbles,
    SignallingOneChannelOn,
    WrongLoopBit,
    SilencedStatus,
    StatusReadTwice,
    NoInterruptPin,
    NoReset,
    NoPulse,
    WrongTimeslotOffset,
    CountersNotLatched,
    CountersSwapped,
    WrongClockPort,
    NeverRecovers,
    ReceiveOneTimeslotOn,
    SendOneTimeslotOn,
    SendToOtherPort,
    WrongByteOrder,
    WrongLaw,
    InterruptNotRearmed,
}

const MISTAKES: [Mistake; 33] = [
    Mistake::MissedAcknowledge,
    Mistake::AcknowledgedByOnes,
    Mistake::SwappedAreas,
    Mistake::AreaOffByOneSlot,
    Mistake::ForgottenArea,
    Mistake::RingTooLong,
    Mistake::RingReadOneOn,
    Mistake::FramersNotActivated,
    Mistake::SwitchNotCleared,
    Mistake::SwappedLanes,
    Mistake::WrongUnit,
    Mistake::NoChipSelect,
    Mistake::StrobeWithoutAddress,
    Mistake::ReadInsteadOfWrite,
    Mistake::SwappedNibbles,
    Mistake::SignallingOneChannelOn,
    Mistake::WrongLoopBit,
    Mistake::SilencedStatus,
    Mistake::StatusReadTwice,
    Mistake::NoInterruptPin,
    Mistake::NoReset,
    Mistake::NoPulse,
    Mistake::WrongTimeslotOffset,
    Mistake::CountersNotLatched,
    Mistake::CountersSwapped,
    Mistake::WrongClockPort,
    Mistake::NeverRecovers,
    Mistake::ReceiveOneTimeslotOn,
    Mistake::SendOneTimeslotOn,
    Mistake::SendToOtherPort,
    Mistake::WrongByteOrder,
    Mistake::WrongLaw,
    Mistake::InterruptNotRearmed,
];

thread_local! {
    static MISTAKE: Cell<Mistake> = const { Cell::new(Mistake::None) };
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

#[test]
fn a_driver_without_mistake_passes_every_case() {
    assert_eq!(failing(Mistake::None), None);
}

#[test]
fn every_mistake_fails_a_case() {
    let mut passed = Vec::new();
    for mistake in MISTAKES {
        match failing(mistake) {
            Some(case) => println!("{mistake:?}: {case}"),
            None => passed.push(mistake),
        }
    }
    assert_eq!(passed, [], "mistakes that no case has seen");
}

/// A case of the suite, or of what the suite adds for these cards.
type Case = (&'static str, fn());

const CASES: [Case; 16] = [
    ("looped octets", suite::looped_octets_come_back_unchanged::<Mistaken>),
    ("order of channels", suite::channels_keep_their_order::<Mistaken>),
    ("period length", suite::periods_have_their_length::<Mistaken>),
    ("lateness", suite::lateness_within_the_buffer_loses_nothing::<Mistaken>),
    ("xrun", suite::sample_time_stays_true_over_an_xrun::<Mistaken>),
    ("delay", suite::rt_delay_is_what_a_loop_shows_and_measured_again_after_an_xrun::<Mistaken>),
    ("cut", suite::a_cut_line_is_red_and_a_mended_one_is_not::<Mistaken>),
    ("local loop", suite::a_local_loop_returns_what_is_sent::<Mistaken>),
    ("refusal", suite::lines_that_do_not_fit_are_refused::<Mistaken>),
    ("slips", suite::slips_are_told_and_counted::<Mistaken>),
    ("signalling", suite::signalling_bits_cross::<Mistaken>),
    ("coming and going", suite::spans_come_and_go_while_others_talk::<Mistaken>),
    ("quiet running", nothing_needs_mending_on_a_good_card),
    ("clock", the_clock_follows_the_line),
    ("errors", errors_are_counted),
    ("one way", what_is_sent_goes_once_round_the_ring),
];

/// Returns the first case that fails with a mistake.
fn failing(mistake: Mistake) -> Option<&'static str> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                before(panic);
            }
        }));
    });
    MISTAKE.set(mistake);
    QUIET.set(mistake != Mistake::None);
    let fails = |(_, case): &&Case| catch_unwind(AssertUnwindSafe(case)).is_err();
    let found = CASES.iter().find(fails).map(|(name, _)| *name);
    QUIET.set(false);
    found
}

fn nothing_needs_mending_on_a_good_card() {
    let Some(mut bench) = Bench::<Mistaken>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(2_000);
    assert_eq!(bench.control.repairs(), PciCounters { clock_changes: 1, ..PciCounters::default() });
    let tally = bench.rig.handle.card(|card| card.tally());
    assert_eq!((tally.wild, tally.unacknowledged), (0, 0));
}

fn the_clock_follows_the_line() {
    let Some(bench) = Bench::<Mistaken>::settled(Wiring::Looped, Signalling::Clear) else { return };
    assert_eq!(bench.rig.handle.card(|card| card.clock()), ClockFrom::Line(0));
}

/// A loop shows the sum of both ways only: a buffer taken too early in one way is one too late in the other.
fn what_is_sent_goes_once_round_the_ring() {
    let Some(mut bench) = Bench::<Mistaken>::settled(Wiring::Looped, Signalling::Clear) else { return };
    bench.idle(60);
    let marker = [0x5A; 8];
    bench.period(|channel, _| (channel == 0).then_some(marker), |_, _| {});
    let on_the_line = |bench: &Bench<Mistaken>| bench.rig.handle.card(|card| card.sent(0, 1)) == Some(marker);
    let mut periods = 0;
    while periods < 40 && !on_the_line(&bench) {
        bench.idle(1);
        periods += 1;
    }
    let buffers = u32::from(E1.config().buffers);
    assert!((buffers - 1..=buffers + 1).contains(&periods), "{periods} periods to the line");
}

fn errors_are_counted() {
    let Some(mut bench) = Bench::<Mistaken>::settled(Wiring::Crossed, Signalling::Clear) else { return };
    bench.rig.handle.card(|card| card.spoil(0, 3));
    bench.idle(2_100);
    let errors: Vec<_> = bench.control.spans().iter().map(|span| span.errors).collect();
    assert_eq!(errors, [3, 3]);
    let first = bench.control.line_errors(tdm::SpanId(10)).expect("it is attached");
    assert_eq!((first.checksum, first.far_end), (3, 0));
}

/// The suite's rig with a mistake between driver and card.
struct Mistaken {
    handle: Handle,
}

impl Rig for Mistaken {
    type Card = PciCard<MistakenBus>;

    fn wired(wiring: Wiring) -> Option<(Self, Self::Card)> {
        let (handle, bus) = E1.bus(cabling(wiring)?);
        let bus = MistakenBus { bus, mistake: MISTAKE.get(), address: LocalAddress(0) };
        Some((Mistaken { handle }, PciCard::new(E1.config(), bus).expect("the configuration is right")))
    }

    fn cut(&mut self, _: &mut PciControl, position: u8, cut: bool) -> bool {
        self.handle.card(|card| card.cut(position, cut));
        true
    }

    fn slip(&mut self, _: &mut PciControl, position: u8, frames: i8) -> bool {
        self.handle.card(|card| card.slip(position, frames));
        true
    }

    fn stall(&mut self, _: &mut PciControl, ms: u32) -> bool {
        self.handle.be_late(ms);
        true
    }
}

/// A bus that does what a mistaken driver would have done.
struct MistakenBus {
    bus: ModelBus,
    mistake: Mistake,
    address: LocalAddress,
}

/// Words of one port in a buffer.
const PORT: usize = 64;

impl MistakenBus {
    fn is(&self, mistake: Mistake) -> bool {
        self.mistake == mistake
    }

    /// Changes what is written to a framer's register; none if it is forgotten.
    fn framer_data(&self, data: u32) -> Option<u32> {
        let signalling = self.address.reg() > falc::SIGNALLING && self.address.reg() <= 0x7F;
        Some(match (self.mistake, self.address.reg()) {
            (Mistake::SwappedLanes, falc::SIC2) => data ^ 2,
            (Mistake::SwappedNibbles, _) if signalling => (data << 4 | data >> 4) & 0xFF,
            (Mistake::WrongLoopBit, falc::LIM0) if data & 2 != 0 => data ^ 6,
            (Mistake::SilencedStatus, 0x17) => 0xFF,
            (Mistake::NoInterruptPin, falc::IPC) => 0,
            (Mistake::NoReset, falc::CMDR) => 0,
            (Mistake::NoPulse, falc::XPM0) => 0,
            (Mistake::WrongTimeslotOffset, falc::RC0) => data + 1,
            (Mistake::CountersNotLatched, falc::FMR1) => data & !u32::from(falc::FMR1_ECM),
            (Mistake::WrongClockPort, falc::CMR1) => data ^ 0x40,
            _ => data,
        })
    }

    fn local_address(&mut self, value: u32) {
        let address = LocalAddress(value);
        let strobed = address.is_reading() || address.is_writing();
        let mut value = value;
        match self.mistake {
            Mistake::WrongUnit => value ^= 1 << 8,
            Mistake::NoChipSelect => value &= !(1 << 10),
            Mistake::StrobeWithoutAddress if !strobed => return,
            Mistake::ReadInsteadOfWrite if address.is_writing() => value ^= 3 << 15,
            Mistake::SignallingOneChannelOn
                if address.is_writing() && (0x71..0x7F).contains(&address.reg()) =>
            {
                // The address before the strobe must be the same.
                self.bus.write(Reg::LocalAddress, address.plain().0 + 1);
                value += 1;
            }
            Mistake::StatusReadTwice if address.is_reading() && (0x68..0x6D).contains(&address.reg()) => {
                self.bus.write(Reg::LocalAddress, value);
                self.bus.write(Reg::LocalAddress, address.plain().0);
            }
            Mistake::CountersSwapped
                if address.is_reading() && (falc::CEC1..falc::CEC1 + 4).contains(&address.reg()) =>
            {
                self.bus.write(Reg::LocalAddress, address.plain().0 ^ 2);
                value ^= 2;
            }
            _ => {}
        }
        self.address = address;
        self.bus.write(Reg::LocalAddress, value);
    }
}

impl Registers for MistakenBus {
    fn read(&mut self, reg: Reg) -> u32 {
        let value = self.bus.read(reg);
        if reg == Reg::Ring && self.is(Mistake::RingReadOneOn) {
            let current = ((value >> 8 & 0x7F) + 1) % 16;
            return value & !0x7F00 | current << 8;
        }
        value
    }

    fn write(&mut self, reg: Reg, value: u32) {
        let acknowledges = reg == Reg::Intr && value == Intr::ACKNOWLEDGE;
        match reg {
            Reg::Intr if acknowledges && self.is(Mistake::MissedAcknowledge) => {}
            Reg::Intr if acknowledges && self.is(Mistake::AcknowledgedByOnes) => self.bus.write(reg, 3),
            Reg::ReadAddress if self.is(Mistake::SwappedAreas) => self.bus.write(Reg::WriteAddress, value),
            Reg::WriteAddress if self.is(Mistake::SwappedAreas) => self.bus.write(Reg::ReadAddress, value),
            Reg::ReadAddress if self.is(Mistake::AreaOffByOneSlot) => self.bus.write(reg, value + 8),
            Reg::WriteAddress if self.is(Mistake::ForgottenArea) => {}
            Reg::Ring if self.is(Mistake::RingTooLong) => self.bus.write(reg, value + 1),
            Reg::Leds if self.is(Mistake::FramersNotActivated) => self.bus.write(reg, value & !led::ACTIVATE),
            Reg::DmaCtrl if self.is(Mistake::SwitchNotCleared) && value & DmaCtrl::TSI_STROBE.bits() != 0 => {
            }
            Reg::DmaCtrl if self.is(Mistake::NeverRecovers) => {
                self.bus.write(reg, value & !DmaCtrl::RECOVER.bits());
            }
            Reg::LocalAddress => self.local_address(value),
            Reg::LocalData => {
                if let Some(data) = self.framer_data(value) {
                    self.bus.write(reg, data);
                }
            }
            _ => self.bus.write(reg, value),
        }
    }
}

impl Bus for MistakenBus {
    fn now(&self) -> Mono {
        self.bus.now()
    }

    fn wait(&mut self, until: Mono) -> Wake {
        self.bus.wait(until)
    }

    fn rearm(&mut self) {
        if !self.is(Mistake::InterruptNotRearmed) {
            self.bus.rearm();
        }
    }

    fn pause(&mut self, time: Duration) {
        self.bus.pause(time);
    }

    fn address(&self) -> u32 {
        self.bus.address()
    }

    fn words(&self) -> usize {
        self.bus.words()
    }

    fn load(&self, word: usize) -> u32 {
        let read = |word| self.bus.load(word);
        match self.mistake {
            Mistake::ReceiveOneTimeslotOn => read(word + 2),
            Mistake::WrongByteOrder => read(word).swap_bytes(),
            Mistake::WrongLaw => read(word) ^ 0x5555_5555,
            _ => read(word),
        }
    }

    fn store(&self, word: usize, value: u32) {
        match self.mistake {
            Mistake::SendOneTimeslotOn => self.bus.store(word + 2, value),
            Mistake::SendToOtherPort => self.bus.store(word ^ PORT, value),
            _ => self.bus.store(word, value),
        }
    }
}

#[test]
fn the_list_holds_every_mistake() {
    // Whoever adds a mistake to the enum without the list sees this.
    assert_eq!(MISTAKES.len(), Mistake::InterruptNotRearmed as usize);
    assert!(MISTAKES.iter().enumerate().all(|(index, mistake)| *mistake as usize == index + 1));
    assert_eq!(rig::crossed(2), Plug::Cross(3));
}
