//! The driver's ground over the card's side in software: virtual time, real memory.
//!
//! The clock moves when the driver waits, a millisecond at a time, and the model ticks with it. Everything happens in one
//! thread; what a test does to the card goes through [`Handle`].

use core::time::Duration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clock::{Clock, Mono, VirtualClock};
use firmware_shim::model::{Card, ModelConfig};
use firmware_shim::{HostMemory, Reg, Registers};

use crate::bus::{Bus, Wake};
use crate::dma::DmaMemory;

/// Where the card sees the shared memory: not at 0, so that a forgotten address shows.
const BASE: u32 = 0x1000_0000;

const TICK: Duration = Duration::from_millis(1);

struct World {
    card: Card,
    clock: VirtualClock,
    next: Mono,
    /// The interrupt is masked from its firing until it is rearmed.
    masked: bool,
    late_ms: u32,
    gone: bool,
}

/// A test's hand on the card.
#[derive(Clone)]
pub struct Handle(Arc<Mutex<World>>);

/// The bus of a card in software.
pub struct ModelBus {
    world: Arc<Mutex<World>>,
    clock: VirtualClock,
    memory: DmaMemory,
}

/// The shared memory as the card sees it: nothing else is there.
struct Window<'a>(&'a DmaMemory);

impl Window<'_> {
    fn word(&self, address: u32) -> Option<usize> {
        let offset = address.checked_sub(BASE)? as usize;
        (offset.is_multiple_of(4) && offset < self.0.octets()).then_some(offset / 4)
    }
}

impl HostMemory for Window<'_> {
    fn load(&self, address: u32) -> Option<u32> {
        self.word(address).map(|word| self.0.load(word))
    }

    fn store(&self, address: u32, word: u32) -> bool {
        let place = self.word(address);
        place.inspect(|place| self.0.store(*place, word)).is_some()
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a card with `words` words of shared memory.
///
/// # Panics
/// There is no memory.
pub fn card(config: ModelConfig, words: usize) -> (Handle, ModelBus) {
    let clock = VirtualClock::new();
    let next = clock.now() + TICK;
    let world =
        World { card: Card::new(config), clock: clock.clone(), next, masked: true, late_ms: 0, gone: false };
    let world = Arc::new(Mutex::new(world));
    let memory = DmaMemory::new(words).expect("a test has memory");
    (Handle(Arc::clone(&world)), ModelBus { world, clock, memory })
}

impl Handle {
    /// Does something with the card.
    pub fn card<T>(&self, mut with: impl FnMut(&mut Card) -> T) -> T {
        with(&mut lock(&self.0).card)
    }

    /// Makes the next wait come back so many milliseconds late.
    pub fn be_late(&self, ms: u32) {
        lock(&self.0).late_ms = ms;
    }

    /// Pulls the card out.
    pub fn pull_out(&self) {
        lock(&self.0).gone = true;
    }

    /// Returns the time.
    pub fn now(&self) -> Mono {
        lock(&self.0).clock.now()
    }
}

impl World {
    /// Moves the clock to a time, and the card with it.
    fn advance(&mut self, to: Mono, memory: &DmaMemory) {
        while self.next <= to {
            self.clock.advance_to(self.next);
            self.card.tick(&Window(memory));
            self.next += TICK;
        }
        self.clock.advance_to(to);
    }

    fn fires(&self) -> bool {
        !self.masked && self.card.interrupt()
    }
}

impl Registers for ModelBus {
    fn read(&mut self, reg: Reg) -> u32 {
        let mut world = lock(&self.world);
        if world.gone { u32::MAX } else { world.card.read(reg) }
    }

    fn write(&mut self, reg: Reg, value: u32) {
        let mut world = lock(&self.world);
        if !world.gone {
            world.card.write(reg, value);
        }
    }
}

impl Bus for ModelBus {
    fn now(&self) -> Mono {
        self.clock.now()
    }

    fn wait(&mut self, until: Mono) -> Wake {
        let mut world = lock(&self.world);
        if world.late_ms > 0 {
            let late = TICK * core::mem::take(&mut world.late_ms);
            let to = self.clock.now() + late;
            world.advance(to, &self.memory);
        }
        loop {
            if world.gone {
                return Wake::Gone;
            }
            if world.fires() {
                world.masked = true;
                return Wake::Interrupt;
            }
            if self.clock.now() >= until {
                return Wake::Late;
            }
            let to = world.next.min(until);
            world.advance(to, &self.memory);
        }
    }

    fn rearm(&mut self) {
        lock(&self.world).masked = false;
    }

    fn pause(&mut self, time: Duration) {
        let to = self.clock.now() + time;
        lock(&self.world).advance(to, &self.memory);
    }

    fn address(&self) -> u32 {
        BASE
    }

    fn words(&self) -> usize {
        self.memory.octets() / 4
    }

    fn load(&self, word: usize) -> u32 {
        self.memory.load(word)
    }

    fn store(&self, word: usize, value: u32) {
        self.memory.store(word, value);
    }
}
