//! The card's hardware side: the world of lines, and the buffers between it and the realtime half.
//!
//! How: two rings of rows (one chunk of every channel). The one towards the lines starts with `buffer_ms` idle rows, so
//! that the rows in both rings and in the engine's hands always are `buffer_ms` together: the engine may come so late,
//! and when it comes later the ring towards the lines is empty and both directions lose the same ticks. A row carries
//! its tick's number both ways: gaps in it are lost samples, and the age of a row that goes out is the measured delay.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use card::{CardEvent, LineConfig, LineOrder, Loopback, count};
use clock::{Prng, SampleTime};
use rtrb::{Consumer, Producer};
use tdm::{Alarms, CHUNK, Chunk, HdlcFrame, SpanId, Timeslot};

use crate::config::Faults;
use crate::echo::EchoPath;
use crate::elastic;
use crate::position::Sink;
use crate::shared::Shared;
use crate::world::{Far, World};

/// The tick number of a row that nobody filled.
pub(crate) const NO_TICK: u64 = u64::MAX;

/// An event on its way to the realtime half.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HwEvent {
    Line(CardEvent),
    Attached(u8, LineConfig),
    Detached(u8, SpanId),
}

/// What the blocking half tells the hardware.
pub(crate) enum Command {
    Attach(u8, LineConfig),
    Detach(u8),
    Loopback(u8, Loopback),
    Plug(u8, Box<Far>),
    Cut(u8, bool),
    Force(u8, Alarms),
    Slip(u8, i8),
    Echo(u8, Timeslot, Option<EchoPath>),
    Errors(u8, f64),
    Ppm(u8, f64),
}

/// The ends of the rings on the hardware's side.
pub(crate) struct HardwareRings {
    pub(crate) rx_chunks: Producer<Chunk>,
    pub(crate) rx_ticks: Producer<u64>,
    pub(crate) tx_chunks: Consumer<Chunk>,
    pub(crate) tx_ticks: Consumer<u64>,
    pub(crate) orders: Consumer<(u8, LineOrder)>,
    pub(crate) commands: Consumer<Command>,
    pub(crate) tx_frames: Consumer<(u8, HdlcFrame)>,
    pub(crate) events: Producer<(u64, HwEvent)>,
    pub(crate) rx_frames: Vec<Producer<HdlcFrame>>,
}

/// The hardware of a running card.
pub(crate) struct Hardware {
    world: World,
    rings: HardwareRings,
    shared: Arc<Shared>,
    tick: u64,
    rx_row: Vec<Chunk>,
    tx_row: Vec<Chunk>,
    /// True after a lost tick, until one is not lost.
    losing: bool,
    /// Rows of this tick or later tell the delay; none while it is known.
    measure_from: Option<u64>,
    faults: Faults,
    hardware_hdlc: bool,
    prng: Prng,
}

impl Hardware {
    pub(crate) fn new(
        world: World,
        rings: HardwareRings,
        shared: Arc<Shared>,
        faults: Faults,
        hardware_hdlc: bool,
        prng: Prng,
    ) -> Hardware {
        let channels = world.positions.iter().map(|position| position.sent.len()).sum();
        Hardware {
            world,
            rings,
            shared,
            tick: 0,
            rx_row: vec![[0; CHUNK]; channels],
            tx_row: vec![[0; CHUNK]; channels],
            losing: false,
            measure_from: Some(0),
            faults,
            hardware_hdlc,
            prng,
        }
    }

    /// Lives through one millisecond.
    pub(crate) fn tick(&mut self) {
        while let Ok(command) = self.rings.commands.pop() {
            self.command(command);
        }
        while let Ok((position, order)) = self.rings.orders.pop() {
            self.world.positions[usize::from(position)].order(order);
        }
        while let Ok((position, frame)) = self.rings.tx_frames.pop() {
            self.world.positions[usize::from(position)].send_frame(frame);
        }
        let there = self.take_row();
        let time = SampleTime::from_samples(self.tick * CHUNK as u64);
        let mut outbox = Outbox { tick: self.tick, rings: &mut self.rings, shared: &self.shared };
        self.world.tick(time, there.then_some(&self.tx_row[..]), &mut self.rx_row, &mut outbox);
        if there {
            self.give_row();
        } else {
            self.lose();
        }
        self.publish();
        self.tick += 1;
    }

    /// Takes the row that goes out in this tick; false if there is none, or chance loses the tick.
    fn take_row(&mut self) -> bool {
        if self.faults.lost_tick > 0.0 && self.prng.chance(self.faults.lost_tick) {
            return false;
        }
        let Ok(filled) = self.rings.tx_ticks.pop() else { return false };
        if self.rings.tx_chunks.pop_entire_slice(&mut self.tx_row).is_err() {
            // The row's number is pushed after its chunks, so they are there.
            return false;
        }
        if let Some(from) = self.measure_from
            && filled != NO_TICK
            && filled >= from
        {
            self.measure_from = None;
            let samples = (self.tick - filled) * CHUNK as u64 + elastic::REST as u64;
            self.shared.delay.measured(samples as u32);
        }
        true
    }

    fn give_row(&mut self) {
        self.losing = false;
        // There is room: see the sum of rows above.
        if self.rings.rx_chunks.push_entire_slice(&self.rx_row).is_ok() {
            let _ = self.rings.rx_ticks.push(self.tick);
        }
    }

    fn lose(&mut self) {
        if !self.losing {
            count(&self.shared.tally.xruns, 1);
        }
        self.losing = true;
        self.measure_from = Some(self.tick + 1);
        count(&self.shared.tally.lost_samples, CHUNK as u64);
    }

    fn publish(&self) {
        let positions = self.world.positions.iter().zip(&self.world.underruns);
        for (shared, (position, &underruns)) in self.shared.positions.iter().zip(positions) {
            shared.alarms.store(position.alarms().bits(), Ordering::Relaxed);
            shared.slips.store(position.slips, Ordering::Relaxed);
            shared.errors.store(position.errors, Ordering::Relaxed);
            shared.underruns.store(underruns, Ordering::Relaxed);
        }
    }

    fn command(&mut self, command: Command) {
        let positions = &mut self.world.positions;
        match command {
            Command::Attach(index, line) => {
                positions[usize::from(index)].attach(line, self.hardware_hdlc);
                self.world.renew(usize::from(index));
                self.tell(HwEvent::Attached(index, line));
            }
            Command::Detach(index) => {
                let span = positions[usize::from(index)].line.map(|line| line.span);
                positions[usize::from(index)].detach();
                self.world.renew(usize::from(index));
                if let Some(span) = span {
                    self.tell(HwEvent::Detached(index, span));
                }
            }
            Command::Loopback(index, loopback) => positions[usize::from(index)].loopback = loopback,
            Command::Plug(index, far) => {
                self.world.fars[usize::from(index)] = *far;
                self.world.renew(usize::from(index));
            }
            Command::Cut(index, cut) => positions[usize::from(index)].cut = cut,
            Command::Force(index, alarms) => positions[usize::from(index)].forced = alarms,
            Command::Slip(index, frames) => positions[usize::from(index)].pending_slip = frames,
            Command::Echo(index, timeslot, path) => positions[usize::from(index)].set_echo(timeslot, path),
            Command::Errors(index, rate) => positions[usize::from(index)].set_error_rate(rate),
            Command::Ppm(index, ppm) => positions[usize::from(index)].ppm = ppm,
        }
    }

    fn tell(&mut self, event: HwEvent) {
        Outbox { tick: self.tick, rings: &mut self.rings, shared: &self.shared }.push(event);
    }
}

/// Takes the events and frames of a tick to the realtime half.
struct Outbox<'a> {
    tick: u64,
    rings: &'a mut HardwareRings,
    shared: &'a Shared,
}

impl Outbox<'_> {
    fn push(&mut self, event: HwEvent) {
        if self.rings.events.push((self.tick, event)).is_err() {
            count(&self.shared.tally.lost_events, 1);
        }
    }
}

impl Sink for Outbox<'_> {
    fn event(&mut self, event: CardEvent) {
        self.push(HwEvent::Line(event));
    }

    fn frame(&mut self, position: usize, frame: &[u8]) {
        let room =
            HdlcFrame::new(frame).is_some_and(|frame| self.rings.rx_frames[position].push(frame).is_ok());
        if !room {
            count(&self.shared.tally.lost_events, 1);
        }
    }
}
