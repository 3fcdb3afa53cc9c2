//! A card that answers nonsense ends in a named fault: never in a hang, a panic or an access to memory that is not ours.

mod rig;

use core::time::Duration;

use card::{Card, CardControl, CardIo, LineOrder, Signalling};
use clock::{Mono, Prng};
use firmware_shim::{Reg, Registers};
use pci::model::ModelBus;
use pci::{Bus, PciCard, Wake};
use proptest::prelude::*;
use rig::{E1, SINGLE_BUFFER, T1, lines, looped};
use tdm::{Abcd, ChannelId};

/// Accesses after which a driver counts as hung.
const MOST_ACCESSES: u64 = 20_000_000;

/// Periods in which the fault must have come.
const PERIODS: u32 = 4_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nonsense {
    Ones,
    Zeroes,
    Random,
    /// All but the version, so that the card looks like one.
    RandomButVersion,
}

/// A bus whose reads make no sense after a number of accesses.
struct MadBus {
    bus: ModelBus,
    kind: Nonsense,
    after: u64,
    accesses: u64,
    prng: Prng,
}

impl Registers for MadBus {
    fn read(&mut self, reg: Reg) -> u32 {
        self.accesses += 1;
        assert!(self.accesses < MOST_ACCESSES, "the driver reads without end");
        let true_value = self.bus.read(reg);
        if self.accesses <= self.after {
            return true_value;
        }
        match self.kind {
            Nonsense::Ones => u32::MAX,
            Nonsense::Zeroes => 0,
            Nonsense::RandomButVersion if reg == Reg::Version => true_value,
            Nonsense::Random | Nonsense::RandomButVersion => self.prng.next_u64() as u32,
        }
    }

    fn write(&mut self, reg: Reg, value: u32) {
        self.bus.write(reg, value);
    }
}

impl Bus for MadBus {
    fn now(&self) -> Mono {
        self.bus.now()
    }

    fn wait(&mut self, until: Mono) -> Wake {
        self.bus.wait(until)
    }

    fn rearm(&mut self) {
        self.bus.rearm();
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
        assert!(word < self.bus.words(), "a wild access");
        self.bus.load(word)
    }

    fn store(&self, word: usize, value: u32) {
        assert!(word < self.bus.words(), "a wild access");
        self.bus.store(word, value);
    }
}

fn kinds() -> impl Strategy<Value = Nonsense> {
    prop_oneof![
        Just(Nonsense::Ones),
        Just(Nonsense::Zeroes),
        Just(Nonsense::Random),
        Just(Nonsense::RandomButVersion)
    ]
}

/// Returns the fault's name, from the start or from running.
fn ends_in(kind: Nonsense, after: u64, seed: u64, which: usize) -> Option<String> {
    let want = [E1, T1, SINGLE_BUFFER][which];
    let (handle, bus) = want.bus(looped);
    let bus = MadBus { bus, kind, after, accesses: 0, prng: Prng::new(seed) };
    let card = PciCard::new(want.config(), bus).expect("the configuration is right");
    let (control, mut io) = match card.start(&lines(2, Signalling::Cas)) {
        Ok(halves) => halves,
        Err(error) => return Some(error.to_string()),
    };
    for _ in 0..PERIODS {
        if io.wait().is_err() {
            break;
        }
        while io.poll_event().is_some() {}
        io.order(LineOrder::Abcd { channel: ChannelId::new(10, 3), bits: Abcd(5) });
        if io.commit().is_err() {
            break;
        }
    }
    assert_eq!(handle.card(|card| card.tally().wild), 0);
    assert!(control.counters().lost_events < u64::MAX);
    control.given_up().map(|fault| fault.to_string())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn nonsense_ends_in_a_named_fault(kind in kinds(), after in 0..30_000_u64, seed: u64, which in 0..3_usize) {
        prop_assert!(ends_in(kind, after, seed, which).is_some());
    }
}

#[test]
fn nonsense_from_the_first_access_is_refused_by_name() {
    for kind in [Nonsense::Ones, Nonsense::Zeroes, Nonsense::Random] {
        let told = ends_in(kind, 0, 1, 0).expect("it is refused");
        assert!(told.contains("does not answer as a card of this family"), "{told}");
    }
    let told = ends_in(Nonsense::RandomButVersion, 0, 1, 0).expect("it is refused");
    assert!(told.contains("jumpers") || told.contains("framers"), "{told}");
}

#[test]
fn a_card_that_answers_goes_on() {
    assert_eq!(ends_in(Nonsense::Ones, u64::MAX, 1, 0), None);
}
