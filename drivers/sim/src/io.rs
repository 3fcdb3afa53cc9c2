//! The realtime half of a simulated card.
//!
//! In wall pace the hardware ticks in its own thread; in lockstep and virtual pace it ticks inside `wait`, so that
//! everything happens in one thread. The rings between are the same. Limits: in lockstep and virtual pace `wait` may
//! allocate and use the far ends' sockets.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use card::{CardEvent, CardIo, IoFault, LineOrder, Period, RtDelay, Signalling, SpanSlot, count};
use clock::{Clock, Mono, Prng, SampleTime, VirtualClock};
use rtrb::{Consumer, Producer};
use tdm::{CHUNK, ChannelId, Chunk, HdlcFrame, SpanId, SpanKind};

use crate::config::Faults;
use crate::hardware::{Hardware, HwEvent};
use crate::shared::Shared;
use crate::time::{self, TICK};

/// Without a tick for so long the card has stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// What the hardware needs at most from its tick to its row being there.
const AFTER_TICK: Duration = Duration::from_micros(40);

/// How long to sleep when it needed more.
const LOOK_AGAIN: Duration = Duration::from_micros(100);

/// In lockstep, lateness up to this is caught up; beyond it time is stretched.
pub(crate) const CATCH_UP: Duration = Duration::from_millis(5);

/// The most ticks in a row that chance may lose before a card in virtual pace counts as stalled.
const MAX_LOST_TICKS: u32 = 10_000;

/// What moves the hardware.
pub(crate) enum Drive {
    /// Its own thread.
    Thread(Option<JoinHandle<()>>),
    /// `wait`, not before `next`.
    Lockstep { hardware: Box<Hardware>, next: Mono },
    /// `wait`, moving the clock to `next`.
    Virtual { hardware: Box<Hardware>, clock: VirtualClock, next: Mono },
}

/// The ends of the rings on the realtime side.
pub(crate) struct IoRings {
    pub(crate) rx_chunks: Consumer<Chunk>,
    pub(crate) rx_ticks: Consumer<u64>,
    pub(crate) tx_chunks: Producer<Chunk>,
    pub(crate) tx_ticks: Producer<u64>,
    pub(crate) orders: Producer<(u8, LineOrder)>,
    pub(crate) tx_frames: Producer<(u8, HdlcFrame)>,
    pub(crate) events: Consumer<(u64, HwEvent)>,
    pub(crate) rx_frames: Vec<Consumer<HdlcFrame>>,
}

/// The realtime half of a simulated card.
pub struct SimIo {
    pub(crate) drive: Drive,
    pub(crate) rings: IoRings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) slots: Vec<SpanSlot>,
    /// Rows of the period: room for the most chunks there can be.
    pub(crate) rx: Vec<Chunk>,
    pub(crate) tx: Vec<Chunk>,
    pub(crate) channels: usize,
    pub(crate) max_chunks: u16,
    /// Chunks in hand that have not been committed.
    pub(crate) in_hand: u16,
    pub(crate) first_tick: u64,
    /// The tick after the last one taken up.
    pub(crate) next_tick: u64,
    pub(crate) frame: HdlcFrame,
    pub(crate) faults: Faults,
    pub(crate) prng: Prng,
}

impl SimIo {
    fn stopped(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }

    /// Takes up the rows that are there, as far as no tick is missing between them.
    fn take_up(&mut self) -> Option<Period> {
        let first = *self.rings.rx_ticks.peek().ok()?;
        let mut chunks = 0;
        while chunks < self.max_chunks && self.rings.rx_ticks.peek() == Ok(&(first + u64::from(chunks))) {
            let at = usize::from(chunks) * self.channels;
            let row = &mut self.rx[at..at + self.channels];
            if self.rings.rx_chunks.pop_entire_slice(row).is_err() || self.rings.rx_ticks.pop().is_err() {
                break;
            }
            chunks += 1;
        }
        let lost = (first - self.next_tick) * CHUNK as u64;
        self.first_tick = first;
        self.next_tick = first + u64::from(chunks);
        self.in_hand = chunks;
        self.idle_tx();
        count(&self.shared.tally.periods, 1);
        let time = SampleTime::from_samples(first * CHUNK as u64);
        Some(Period { time, chunks, lost: u32::try_from(lost).unwrap_or(u32::MAX) })
    }

    /// Fills `tx` with silence, so that a channel nobody fills is idle.
    fn idle_tx(&mut self) {
        let rows = usize::from(self.in_hand) * self.channels;
        card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
    }

    /// How late this wait shall come: by an injected stall, or by chance.
    fn lateness(&mut self) -> Duration {
        let mut ms = u64::from(self.shared.stall_ms.swap(0, Ordering::AcqRel));
        if self.faults.late_wake > 0.0 && self.prng.chance(self.faults.late_wake) {
            ms += 1 + self.prng.below(u64::from(self.faults.late_wake_ms));
        }
        Duration::from_millis(ms)
    }

    fn wait_for_thread(&mut self, late: Duration) -> Result<Period, IoFault> {
        if late > Duration::ZERO {
            time::sleep_until(time::now() + late);
        }
        let deadline = time::now() + STALLED_AFTER;
        loop {
            // Looked at before the ring, so that a row pushed just before the end is not missed.
            let gone = self.stopped() || self.rings.rx_ticks.is_abandoned();
            if gone {
                return Err(IoFault::Gone);
            }
            if let Some(period) = self.take_up() {
                return Ok(period);
            }
            let now = time::now();
            if now > deadline {
                return Err(IoFault::Stalled);
            }
            let tick = Mono::from_nanos(self.shared.next_tick.load(Ordering::Acquire)) + AFTER_TICK;
            time::sleep_until(tick.max(now + LOOK_AGAIN));
        }
    }

    /// Lets a hardware that ticks inside `wait` tick once more, in its time.
    fn tick_inside(&mut self) {
        match &mut self.drive {
            Drive::Thread(_) => {}
            Drive::Lockstep { hardware, next } => {
                time::sleep_until(*next);
                hardware.tick();
                let now = time::now();
                *next += TICK;
                if now > *next + CATCH_UP {
                    *next = now;
                }
            }
            Drive::Virtual { clock, next, .. } => {
                clock.advance_to(*next);
                self.catch_up();
            }
        }
    }

    /// In virtual pace, ticks as often as the clock has moved.
    fn catch_up(&mut self) {
        if let Drive::Virtual { hardware, clock, next } = &mut self.drive {
            while *next <= clock.now() {
                hardware.tick();
                *next += TICK;
            }
        }
    }

    fn be_late(&mut self, late: Duration) {
        match &mut self.drive {
            Drive::Thread(_) => {}
            Drive::Lockstep { .. } => time::sleep_until(time::now() + late),
            Drive::Virtual { clock, next, .. } => {
                clock.advance_to(*next + late);
                self.catch_up();
            }
        }
    }

    /// Finds the position that an order is for, if the order fits it.
    fn place(&self, order: &LineOrder) -> Option<u8> {
        let fits = |slot: &SpanSlot| match *order {
            LineOrder::Abcd { channel, .. } => {
                slot.signalling == Signalling::Cas && slot.index(channel).is_some()
            }
            LineOrder::Hook { channel, .. } => has_port(slot, channel, &[SpanKind::Fxo]),
            LineOrder::Ring { channel, .. } | LineOrder::Polarity { channel, .. } => {
                has_port(slot, channel, &[SpanKind::Fxs])
            }
            LineOrder::Break { channel, ms } => {
                (1..=2_000).contains(&ms) && has_port(slot, channel, &[SpanKind::Fxs, SpanKind::Fxo])
            }
            LineOrder::SendAlarms { span, .. } => slot.span == Some(span) && !slot.kind.is_analog(),
        };
        self.slots.iter().position(fits).and_then(|index| u8::try_from(index).ok())
    }

    fn position_of(&self, span: SpanId) -> Option<usize> {
        self.slots.iter().position(|slot| slot.span == Some(span))
    }
}

fn has_port(slot: &SpanSlot, channel: ChannelId, kinds: &[SpanKind]) -> bool {
    kinds.contains(&slot.kind) && slot.index(channel).is_some()
}

impl CardIo for SimIo {
    fn wait(&mut self) -> Result<Period, IoFault> {
        if self.in_hand > 0 {
            // A period that was not committed goes out idle, so that no row is missing.
            self.idle_tx();
            self.commit()?;
        }
        if self.stopped() {
            return Err(IoFault::Gone);
        }
        self.shared.started.store(true, Ordering::Release);
        let late = self.lateness();
        if matches!(self.drive, Drive::Thread(_)) {
            return self.wait_for_thread(late);
        }
        if late > Duration::ZERO {
            self.be_late(late);
        }
        for _ in 0..MAX_LOST_TICKS {
            if let Some(period) = self.take_up() {
                return Ok(period);
            }
            self.tick_inside();
        }
        Err(IoFault::Stalled)
    }

    fn ready(&mut self) -> Option<Period> {
        if self.in_hand > 0 {
            self.idle_tx();
            self.commit().ok()?;
        }
        if self.stopped() {
            return None;
        }
        self.shared.started.store(true, Ordering::Release);
        self.catch_up();
        if let Drive::Lockstep { next, .. } = &self.drive
            && *next <= time::now()
        {
            self.tick_inside();
        }
        self.take_up()
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
        let (tick, _) = *self.rings.events.peek().ok()?;
        if tick >= self.next_tick {
            return None;
        }
        let (_, event) = self.rings.events.pop().ok()?;
        match event {
            HwEvent::Line(event) => Some(event),
            HwEvent::Attached(position, line) => {
                let slot = &mut self.slots[usize::from(position)];
                (slot.span, slot.law, slot.signalling) = (Some(line.span), line.law, line.signalling);
                Some(CardEvent::Attached { span: line.span })
            }
            HwEvent::Detached(position, span) => {
                self.slots[usize::from(position)].span = None;
                Some(CardEvent::Detached { span })
            }
        }
    }

    fn order(&mut self, order: LineOrder) {
        let taken =
            self.place(&order).is_some_and(|position| self.rings.orders.push((position, order)).is_ok());
        if !taken {
            count(&self.shared.tally.bad_orders, 1);
        }
    }

    fn rx_frame(&mut self, span: SpanId) -> Option<&[u8]> {
        let position = self.position_of(span)?;
        self.frame = self.rings.rx_frames[position].pop().ok()?;
        Some(self.frame.octets())
    }

    fn tx_frame(&mut self, span: SpanId, frame: &[u8]) -> bool {
        let Some(position) = self.position_of(span) else { return false };
        let frame = HdlcFrame::new(frame);
        frame.is_some_and(|frame| self.rings.tx_frames.push((position as u8, frame)).is_ok())
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        for k in 0..usize::from(self.in_hand) {
            let row = &self.tx[k * self.channels..(k + 1) * self.channels];
            // There is room: no more rows come out than went in.
            if self.rings.tx_chunks.push_entire_slice(row).is_ok() {
                let _ = self.rings.tx_ticks.push(self.first_tick + k as u64);
            }
        }
        self.in_hand = 0;
        if self.stopped() { Err(IoFault::Gone) } else { Ok(()) }
    }

    fn rt_delay(&self) -> RtDelay {
        self.shared.delay.get()
    }
}

impl Drop for SimIo {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Drive::Thread(thread) = &mut self.drive
            && let Some(thread) = thread.take()
        {
            // A hardware thread that panicked has said so itself.
            let _ = thread.join();
        }
    }
}
