//! The realtime half: one `poll` a period, one read and one write for each descriptor.
//!
//! Time: the first span that runs is the clock. Every period is one block of every span; a late wake brings several. The
//! kernel's buffers towards the line are kept `depth` blocks full, so that the thread may come `depth - 1` blocks late.
//! Later than that, buffers have run dry, which the kernel tells by an event on the channel, whenever between two periods it
//! happened: what was received is thrown away, all buffers are begun anew, and the sample time jumps by what the machine's
//! clock says.
//!
//! What is where: `waiting` for the clock's block, `periods` out of blocks, `blocks` of a descriptor, `others` beside the
//! clock, `step` (how spans are put in step), `events` of the kernel, `coming` and going of spans, `frames` of a D-channel.
//! Limits: a span whose clock is not locked to the first one's slips: it is put in step again, which costs it some blocks.

mod blocks;
mod coming;
mod events;
mod frames;
mod others;
mod periods;
mod step;
mod waiting;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use card::{CardEvent, CardIo, IoFault, LineOrder, Period, RtDelay, SpanSlot, count};
use clock::{Clock, Mono, MonoClock};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use rtrb::{Consumer, Producer};
use tdm::{Alarms, CHUNK, Chunk, SpanId};

use crate::config::DahdiConfig;
use crate::control::Command;
use crate::lines::OpenSpan;
use crate::order;
use crate::place::Place;
use crate::shared::Shared;
use crate::sys::{Device, Stop};

use frames::FRAME_ROOM;

/// Events that may wait to be taken.
const EVENT_ROOM: usize = 1_024;

/// The most events that are taken from one channel at once.
const MAX_EVENTS: usize = 32;

/// The realtime half of a DAHDI card.
pub struct DahdiIo {
    shared: Arc<Shared>,
    places: Vec<Place>,
    slots: Vec<SpanSlot>,
    rx: Vec<Chunk>,
    tx: Vec<Chunk>,
    /// Channels in a row.
    channels: usize,
    /// Chunks of a block.
    block: usize,
    depth: usize,
    line_delay: u32,
    /// One block of one descriptor.
    scratch: Vec<u8>,
    fds: Vec<libc::pollfd>,
    /// Whose each of `fds` is: position and group.
    owners: Vec<(usize, usize)>,
    fds_stale: bool,
    /// The position whose span is the clock.
    clock: Option<usize>,
    /// A DAHDI timer of one tick.
    ticks: Option<Device>,
    commands: Consumer<Command>,
    trash: Producer<Box<OpenSpan>>,
    events: VecDeque<CardEvent>,
    in_hand: usize,
    next_sample: u64,
    /// When the last period was taken up; none before the first.
    last_wake: Option<Mono>,
    measurement: u32,
    /// The clock was begun anew since the last period: samples have been lost.
    begun_anew: bool,
    /// A line has had nothing to send since the buffers were begun.
    ran_dry: bool,
    /// The last wait began before the clock's block was there.
    in_time: bool,
    frame: [u8; FRAME_ROOM],
    periods: u64,
}

fn now() -> Mono {
    MonoClock.now()
}

fn sleep_until(at: Mono) {
    let at = TimeSpec::from(at.since(Mono::ZERO));
    // A signal may end the sleep early: the rest is slept again.
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at)
        == Err(nix::errno::Errno::EINTR)
    {}
}

impl DahdiIo {
    pub(crate) fn new(
        config: &DahdiConfig,
        slots: Vec<SpanSlot>,
        opened: impl IntoIterator<Item = Box<OpenSpan>>,
        shared: Arc<Shared>,
        commands: Consumer<Command>,
        trash: Producer<Box<OpenSpan>>,
    ) -> DahdiIo {
        let mut places: Vec<Place> = slots.iter().map(|_| Place::new(None)).collect();
        for span in opened {
            let position = span.position;
            shared.positions[position].set_alarms(Alarms::DETACHED);
            // So it stands until the span is in step, which is then told.
            places[position] = Place { alarms: Alarms::DETACHED, ..Place::new(Some(span)) };
        }
        let absent = |(position, slot): (usize, &SpanSlot)| {
            slot.span.filter(|_| places[position].open.is_none()).map(|span| (position, span))
        };
        let absent: Vec<(usize, SpanId)> = slots.iter().enumerate().filter_map(absent).collect();
        let mut events = VecDeque::with_capacity(EVENT_ROOM);
        for (position, span) in absent {
            shared.positions[position].set_alarms(Alarms::DETACHED);
            places[position].alarms = Alarms::DETACHED;
            events.push_back(CardEvent::Alarms { span, alarms: Alarms::DETACHED });
        }
        let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
        let (block, depth) = (usize::from(config.block_ms), config.depth());
        let rows = block * depth * channels;
        let most = usize::from(slots.iter().map(|slot| slot.channels).max().unwrap_or(1));
        DahdiIo {
            shared,
            places,
            rx: vec![[0; CHUNK]; rows],
            tx: vec![[0; CHUNK]; rows],
            channels,
            block,
            depth,
            line_delay: config.line_delay_samples,
            scratch: vec![0; block * CHUNK * most],
            fds: Vec::with_capacity(channels),
            owners: Vec::with_capacity(channels),
            fds_stale: true,
            clock: None,
            ticks: step::tick_timer(config),
            commands,
            trash,
            events,
            in_hand: 0,
            next_sample: 0,
            last_wake: None,
            measurement: 0,
            begun_anew: false,
            ran_dry: false,
            in_time: true,
            frame: [0; FRAME_ROOM],
            periods: 0,
            slots,
        }
    }

    fn tell(&mut self, event: CardEvent) {
        if self.events.len() < EVENT_ROOM {
            self.events.push_back(event);
        } else {
            count(&self.shared.tally.lost_events, 1);
        }
    }
}

impl CardIo for DahdiIo {
    fn wait(&mut self) -> Result<Period, IoFault> {
        self.give_up_period()?;
        loop {
            if self.shared.stopped() {
                return Err(IoFault::Gone);
            }
            self.take_commands();
            self.need_clock();
            if self.clock.is_none() {
                return Ok(self.idle_period());
            }
            if !self.wait_for_clock()? {
                continue;
            }
            if let Some(period) = self.clock.and_then(|clock| self.take_up(clock)) {
                return Ok(period);
            }
        }
    }

    fn ready(&mut self) -> Option<Period> {
        self.give_up_period().ok()?;
        if self.shared.stopped() {
            return None;
        }
        self.take_commands();
        self.need_clock();
        let clock = self.clock?;
        let ready = self.look(std::time::Duration::ZERO);
        self.judge(ready);
        if !ready || self.clock != Some(clock) {
            return None;
        }
        self.take_up(clock)
    }

    fn slots(&self) -> &[SpanSlot] {
        &self.slots
    }

    fn rx(&self) -> &[Chunk] {
        &self.rx[..self.in_hand * self.channels]
    }

    fn tx(&mut self) -> &mut [Chunk] {
        &mut self.tx[..self.in_hand * self.channels]
    }

    fn poll_event(&mut self) -> Option<CardEvent> {
        self.events.pop_front()
    }

    fn order(&mut self, order: LineOrder) {
        if !order::carry_out(&mut self.places, &self.slots, order) {
            count(&self.shared.tally.bad_orders, 1);
        }
    }

    fn rx_frame(&mut self, span: SpanId) -> Option<&[u8]> {
        let octets = self.receive_frame(span)?;
        self.frame.get(..octets)
    }

    fn tx_frame(&mut self, span: SpanId, frame: &[u8]) -> bool {
        self.send_frame(span, frame)
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        let blocks = core::mem::take(&mut self.in_hand) / self.block;
        for position in 0..self.places.len() {
            for group in 0..self.groups(position) {
                for at in 0..blocks {
                    if !self.places[position].runs() {
                        break;
                    }
                    match self.write_past_events(position, group, at) {
                        Ok(()) | Err(Stop::Empty | Stop::Event) => {}
                        Err(Stop::Gone) => self.lose(position),
                    }
                }
            }
        }
        if self.shared.stopped() { Err(IoFault::Gone) } else { Ok(()) }
    }

    fn rt_delay(&self) -> RtDelay {
        let samples = (self.depth * self.block * CHUNK) as u32 + self.line_delay;
        RtDelay { samples, measurement: self.measurement }
    }
}

impl Drop for DahdiIo {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}
