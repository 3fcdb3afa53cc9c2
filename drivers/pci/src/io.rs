//! The realtime half: periods, samples, events, orders.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use card::{CardEvent, CardIo, IoFault, LineConfig, LineOrder, Period, RtDelay, SpanSlot, count};
use clock::SampleTime;
use rtrb::Consumer;
use tdm::{Alarms, CHUNK, ChannelId, Chunk, SpanId};

use crate::bus::Bus;
use crate::control::Command;
use crate::driver::{Driver, New};
use crate::fault::PciFault;
use crate::framers::Pending;
use crate::port::Port;
use crate::shared::Shared;

/// Events that may wait for the engine.
pub(crate) const EVENTS: usize = 2_048;

/// What the engine is told, in order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Told {
    Event(CardEvent),
    Attached(LineConfig),
    Detached(u8, SpanId),
}

/// Keeps an event for the engine; counts it if there is no room.
pub(crate) fn keep(events: &mut VecDeque<Told>, shared: &Shared, told: Told) {
    // An attach or detach must not be lost: room is kept for the most there can be.
    let event = matches!(told, Told::Event(_));
    if events.len() >= if event { EVENTS } else { EVENTS + card::MAX_POSITIONS } {
        count(&shared.tally.lost_events, 1);
    } else {
        events.push_back(told);
    }
}

/// The realtime half of a running card.
pub struct PciIo<B: Bus> {
    pub(crate) driver: Driver<B>,
    pub(crate) ports: Vec<Port>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) commands: Consumer<Command>,
    pub(crate) pending: Option<Pending>,
    pub(crate) events: VecDeque<Told>,
    /// The port whose line gives the card its clock.
    pub(crate) clock: Option<u8>,
    /// The port after the one whose status was read last.
    pub(crate) served: u8,
    /// Milliseconds since start.
    pub(crate) ticks: u64,
    pub(crate) slots: Vec<SpanSlot>,
    pub(crate) rx: Vec<Chunk>,
    pub(crate) tx: Vec<Chunk>,
    pub(crate) channels: usize,
    /// The first buffer in hand, and how many.
    pub(crate) first: u8,
    pub(crate) in_hand: u8,
}

/// Returns what the contract calls a fault.
fn told(fault: PciFault) -> IoFault {
    match fault {
        PciFault::NotThisCard | PciFault::OtherJumpers | PciFault::Gone => IoFault::Gone,
        PciFault::FramersSilent
        | PciFault::LoopNotSeen
        | PciFault::DmaStalled
        | PciFault::RingNonsense
        | PciFault::InterruptStorm => IoFault::Stalled,
    }
}

impl<B: Bus> PciIo<B> {
    pub(crate) fn tell(&mut self, told: Told) {
        keep(&mut self.events, &self.shared, told);
    }

    fn take_up(&mut self, new: New) -> Period {
        self.ticks += new.lost;
        let time = SampleTime::from_samples(self.ticks * CHUNK as u64);
        self.ticks += u64::from(new.fresh);
        (self.first, self.in_hand) = (new.first, new.fresh);
        if new.lost > 0 {
            count(&self.shared.tally.xruns, 1);
            count(&self.shared.tally.lost_samples, new.lost * CHUNK as u64);
            // The ring is as long as before: the way through the card is what it was.
            self.shared.delay.measured(self.shared.delay.get().samples);
        }
        self.look_after_framers();
        self.copy_rx();
        self.idle_tx();
        count(&self.shared.tally.periods, 1);
        let lost = u32::try_from(new.lost * CHUNK as u64).unwrap_or(u32::MAX);
        Period { time, chunks: u16::from(new.fresh), lost }
    }

    fn buffer(&self, k: u8) -> u8 {
        (u16::from(self.first) + u16::from(k)).rem_euclid(u16::from(self.driver.layout.buffers())) as u8
    }

    fn copy_rx(&mut self) {
        for k in 0..self.in_hand {
            let buffer = self.buffer(k);
            let row = &mut self.rx[usize::from(k) * self.channels..][..self.channels];
            for ((unit, slot), port) in (0..).zip(&self.slots).zip(&self.ports) {
                let chunks = &mut row[usize::from(slot.first_channel)..][..usize::from(slot.channels)];
                if port.is_silent() {
                    chunks.fill([slot.law.idle(); CHUNK]);
                    continue;
                }
                for (timeslot, chunk) in (1..).zip(chunks) {
                    *chunk = self.driver.fetch(buffer, unit, timeslot);
                }
            }
        }
    }

    /// Fills `tx` with silence, so that a channel nobody fills is idle.
    fn idle_tx(&mut self) {
        let rows = usize::from(self.in_hand) * self.channels;
        card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
    }

    fn write_tx(&mut self) {
        for k in 0..self.in_hand {
            let buffer = self.buffer(k);
            let row = &self.tx[usize::from(k) * self.channels..][..self.channels];
            for (unit, slot) in (0..).zip(&self.slots) {
                let chunks = &row[usize::from(slot.first_channel)..][..usize::from(slot.channels)];
                for (timeslot, chunk) in (1..).zip(chunks) {
                    self.driver.put(buffer, unit, timeslot, chunk);
                }
            }
        }
        self.in_hand = 0;
    }

    /// A period that was not committed goes out idle.
    fn end_period(&mut self) {
        if self.in_hand > 0 {
            self.idle_tx();
            self.write_tx();
        }
    }

    fn slot_of(&self, channel: ChannelId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.index(channel).is_some())
    }

    fn carry_out(&mut self, order: LineOrder) -> Option<()> {
        match order {
            LineOrder::Abcd { channel, bits } => {
                let index = self.slot_of(channel)?;
                let (reg, value) = self.ports[index].send_bits(channel.timeslot, bits)?;
                self.driver.host.framer_write(index as u8, reg, value);
                Some(())
            }
            LineOrder::SendAlarms { span, alarms } => {
                let index = self.slots.iter().position(|slot| slot.span == Some(span))?;
                self.send_alarms(index, alarms);
                Some(())
            }
            LineOrder::Hook { .. }
            | LineOrder::Ring { .. }
            | LineOrder::Polarity { .. }
            | LineOrder::Break { .. } => None,
        }
    }
}

impl<B: Bus> CardIo for PciIo<B> {
    fn wait(&mut self) -> Result<Period, IoFault> {
        self.end_period();
        let new = self.driver.wait().map_err(told)?;
        Ok(self.take_up(new))
    }

    fn ready(&mut self) -> Option<Period> {
        self.end_period();
        let new = self.driver.ready().ok()??;
        Some(self.take_up(new))
    }

    fn slots(&self) -> &[SpanSlot] {
        &self.slots
    }

    fn rx(&self) -> &[Chunk] {
        &self.rx[..usize::from(self.in_hand) * self.channels]
    }

    fn tx(&mut self) -> &mut [Chunk] {
        &mut self.tx[..usize::from(self.in_hand) * self.channels]
    }

    fn poll_event(&mut self) -> Option<CardEvent> {
        Some(match self.events.pop_front()? {
            Told::Event(event) => event,
            Told::Attached(line) => {
                let slot = &mut self.slots[usize::from(line.position)];
                (slot.span, slot.law, slot.signalling) = (Some(line.span), line.law, line.signalling);
                CardEvent::Attached { span: line.span }
            }
            Told::Detached(position, span) => {
                self.slots[usize::from(position)].span = None;
                CardEvent::Detached { span }
            }
        })
    }

    fn order(&mut self, order: LineOrder) {
        if self.carry_out(order).is_none() {
            count(&self.shared.tally.bad_orders, 1);
        }
    }

    fn rx_frame(&mut self, _span: SpanId) -> Option<&[u8]> {
        None
    }

    fn tx_frame(&mut self, _span: SpanId, _frame: &[u8]) -> bool {
        false
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        self.write_tx();
        self.shared.health.fault().map_or(Ok(()), |fault| Err(told(fault)))
    }

    fn rt_delay(&self) -> RtDelay {
        self.shared.delay.get()
    }
}

impl<B: Bus> Drop for PciIo<B> {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Release);
        for (unit, port) in (0..).zip(&self.ports) {
            // The far end sees that nobody is here any more.
            if port.line.is_some() {
                let away = crate::setup::fmr1(self.driver.board, port.config.framing, true);
                self.driver.host.framer_write(unit, firmware_shim::falc::FMR1, away);
            }
        }
        self.driver.stop();
    }
}

impl<B: Bus> PciIo<B> {
    /// Notes the alarms of a span attached at start.
    pub(crate) fn begin_red(&self, position: u8) {
        self.shared.positions[usize::from(position)].alarms.store(Alarms::RED.bits(), Ordering::Release);
    }
}
