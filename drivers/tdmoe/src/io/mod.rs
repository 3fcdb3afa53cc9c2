//! The realtime half: a millisecond is one sleep, one receive and one send for each interface.
//!
//! Time: every period is one millisecond of every span, several after a late wake, at most `buffer_ms` and one. Later than that,
//! milliseconds are lost: both directions pass over them, so that sample time and delay stay true (`Line::skip`). What is sent in a late
//! period goes out at once; the peers' jitter buffers take it, or do not.
//!
//! What is where: `receive` (whose a frame is), `send`. Limits: see the crate.

mod receive;
mod send;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use card::{
    CardEvent, CardIo, ClockSource, IoFault, LineConfig, LineOrder, Period, RtDelay, SpanSlot, count,
};
use clock::{Mono, SampleTime};
use rtrb::{Consumer, Producer};
use tdm::{CHUNK, ChannelId, Chunk, SpanId};

use crate::config::TdmoeConfig;
use crate::control::{Command, Trash, line_setup};
use crate::line::Line;
use crate::port::Wire;
use crate::shared::Shared;
use crate::steer::{MS, Steer};
use crate::sys::Batch;
use crate::time::Time;

/// Events that may wait to be taken.
const EVENT_ROOM: usize = 1_024;

/// A span in its position.
struct Seat {
    line: Box<Line>,
    /// The interface's place.
    port: usize,
    /// It takes its clock from its peer.
    follows: bool,
}

/// An interface.
struct Port {
    wire: Option<Wire>,
    batch: Batch,
}

/// The realtime half of a card.
pub struct TdmoeIo {
    shared: Arc<Shared>,
    seats: Vec<Option<Seat>>,
    /// The interface of each position.
    ports_of: Vec<usize>,
    ports: Vec<Port>,
    slots: Vec<SpanSlot>,
    rx: Vec<Chunk>,
    tx: Vec<Chunk>,
    /// Channels in a row.
    channels: usize,
    max_chunks: usize,
    in_hand: usize,
    next_sample: u64,
    /// When the next period is due; none before the first.
    due: Option<Mono>,
    steer: Steer,
    time: Time,
    delay: u32,
    measurement: u32,
    commands: Consumer<Command>,
    trash: Producer<Trash>,
    events: Events,
}

/// What waits to be told.
struct Events(VecDeque<CardEvent>);

impl Events {
    fn tell(&mut self, shared: &Shared, position: usize, event: CardEvent) {
        if let CardEvent::Slip { frames, .. } = event {
            shared.positions[position].slipped(frames);
        }
        if self.0.len() < EVENT_ROOM {
            self.0.push_back(event);
        } else {
            count(&shared.tally.lost_events, 1);
        }
    }
}

impl TdmoeIo {
    pub(crate) fn new(
        config: &TdmoeConfig,
        slots: Vec<SpanSlot>,
        attached: &[Option<LineConfig>],
        wires: Vec<Option<Wire>>,
        shared: Arc<Shared>,
        (commands, trash): (Consumer<Command>, Producer<Trash>),
        time: Time,
    ) -> TdmoeIo {
        let interfaces = config.interfaces();
        let port_of = |span: &crate::TdmoeSpan| interfaces.iter().position(|name| *name == span.interface);
        let ports_of: Vec<usize> = config.spans.iter().map(|span| port_of(span).unwrap_or(0)).collect();
        let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
        let max_chunks = usize::from(config.buffer_ms) + 1;
        let mut io = TdmoeIo {
            seats: attached.iter().map(|_| None).collect(),
            ports: wires.into_iter().map(|wire| Port { wire, batch: Batch::new() }).collect(),
            rx: vec![[0; CHUNK]; max_chunks * channels],
            tx: vec![[0; CHUNK]; max_chunks * channels],
            channels,
            max_chunks,
            in_hand: 0,
            next_sample: 0,
            due: None,
            steer: Steer::default(),
            time,
            delay: (u32::from(config.jitter_ms) + 1) * CHUNK as u32 + config.line_delay_samples,
            measurement: 1,
            commands,
            trash,
            events: Events(VecDeque::with_capacity(EVENT_ROOM)),
            shared,
            ports_of,
            slots,
        };
        for (position, line) in attached.iter().enumerate() {
            if let Some(line) = line {
                io.sit(position, Box::new(Line::new(line_setup(config, line))), line);
            }
        }
        io
    }

    /// Puts a span into its position; how it stands then is for the caller to tell, or is asked for.
    fn sit(&mut self, position: usize, mut line: Box<Line>, config: &LineConfig) {
        let port = self.ports_of[position];
        if self.ports[port].wire.is_none() {
            line.interface(false, |_| ());
        }
        let slot = &mut self.slots[position];
        (slot.span, slot.law, slot.signalling) = (Some(config.span), config.law, config.signalling);
        self.shared.positions[position].show(line.alarms(), line.trouble(), line.peer());
        self.seats[position] = Some(Seat { line, port, follows: config.clock == ClockSource::Line });
    }

    fn take_commands(&mut self) {
        while let Ok(command) = self.commands.pop() {
            match command {
                Command::Attach { position, line, config } => {
                    self.stand_up(position);
                    self.events.tell(&self.shared, position, CardEvent::Attached { span: config.span });
                    self.sit(position, line, &config);
                    let alarms = self.shared.positions[position].alarms();
                    let told = CardEvent::Alarms { span: config.span, alarms };
                    self.events.tell(&self.shared, position, told);
                }
                Command::Detach(position) => {
                    self.stand_up(position);
                    if let Some(span) = self.slots[position].span.take() {
                        self.events.tell(&self.shared, position, CardEvent::Detached { span });
                    }
                }
                Command::Wire { port, wire } => {
                    self.put_away_wire(port);
                    self.ports[port].wire = Some(wire);
                    self.tell_interface(port, true);
                }
            }
        }
    }

    fn stand_up(&mut self, position: usize) {
        if let Some(seat) = self.seats[position].take() {
            // The ring has room for more than there can be; what does not fit is freed here.
            drop(self.trash.push(Trash::Line(seat.line)));
        }
    }

    fn put_away_wire(&mut self, port: usize) {
        if let Some(wire) = self.ports[port].wire.take() {
            drop(self.trash.push(Trash::Wire(wire)));
        }
    }

    /// An interface is down or gone.
    fn lose(&mut self, port: usize) {
        self.put_away_wire(port);
        self.tell_interface(port, false);
        self.shared.ports[port].gone.store(true, Ordering::Release);
    }

    fn tell_interface(&mut self, port: usize, there: bool) {
        for (position, seat) in self.seats.iter_mut().enumerate() {
            if let Some(seat) = seat.as_mut().filter(|seat| seat.port == port) {
                seat.line.interface(there, |event| self.events.tell(&self.shared, position, event));
            }
        }
    }

    /// Returns when the next period is due; the first one a millisecond from now.
    fn next_due(&mut self) -> Mono {
        if let Some(due) = self.due {
            return due;
        }
        self.discard();
        let due = Mono::from_nanos(self.time.now().as_nanos() + MS);
        *self.due.insert(due)
    }

    /// Takes up what is due at `now`.
    fn take_up(&mut self, due: Mono, now: Mono) -> Period {
        let period = self.steer.period_ns();
        let passed = 1 + now.as_nanos().saturating_sub(due.as_nanos()) / period;
        self.due = Some(Mono::from_nanos(due.as_nanos() + passed * period));
        self.receive(now);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        let on_time = passed as usize <= self.max_chunks;
        let (chunks, lost) = if on_time { (passed as usize, 0) } else { (1, passed - 1) };
        if lost > 0 {
            self.seats.iter_mut().flatten().for_each(|seat| seat.line.skip(lost));
            self.measurement = self.measurement.wrapping_add(1);
            count(&self.shared.tally.xruns, 1);
        }
        self.play(chunks);
        self.look(now);
        self.open_period(chunks, u64::from(lost) * CHUNK as u64)
    }

    /// Puts what the spans play into the rows.
    fn play(&mut self, chunks: usize) {
        let rows = chunks * self.channels;
        card::fill_idle(&mut self.rx[..rows], self.channels, &self.slots);
        for row in self.rx[..rows].chunks_exact_mut(self.channels) {
            for ((seat, slot), state) in self.seats.iter_mut().zip(&self.slots).zip(&self.shared.positions) {
                let Some(seat) = seat else { continue };
                let first = usize::from(slot.first_channel);
                seat.line.take(&mut row[first..first + usize::from(slot.channels)], &state.counts);
            }
            let followed = self.seats.iter().flatten().filter(|seat| seat.follows);
            self.steer.note(followed.filter_map(|seat| seat.line.excess()).next());
        }
    }

    /// Looks how the spans stand.
    fn look(&mut self, now: Mono) {
        for (position, seat) in self.seats.iter_mut().enumerate() {
            let Some(seat) = seat else { continue };
            seat.line.pass(now, |event| self.events.tell(&self.shared, position, event));
            let line = &seat.line;
            self.shared.positions[position].show(line.alarms(), line.trouble(), line.peer());
        }
    }

    fn open_period(&mut self, chunks: usize, lost: u64) -> Period {
        self.in_hand = chunks;
        let rows = chunks * self.channels;
        card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
        let time = SampleTime::from_samples(self.next_sample + lost);
        self.next_sample += lost + (chunks * CHUNK) as u64;
        count(&self.shared.tally.periods, 1);
        count(&self.shared.tally.lost_samples, lost);
        Period {
            time,
            chunks: u16::try_from(chunks).unwrap_or(u16::MAX),
            lost: u32::try_from(lost).unwrap_or(u32::MAX),
        }
    }

    /// Ends a period that was not committed: it goes out idle, so that no frame is missing.
    fn give_up_period(&mut self) {
        if self.in_hand > 0 {
            let rows = self.in_hand * self.channels;
            card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
            self.send();
        }
    }

    fn seat_of(&mut self, channel: ChannelId) -> Option<(&mut Seat, usize)> {
        let index = usize::from(channel.timeslot.0).checked_sub(1)?;
        Some((self.seat(channel.span)?, index))
    }

    fn seat(&mut self, span: SpanId) -> Option<&mut Seat> {
        self.seats.iter_mut().flatten().find(|seat| seat.line.setup().span == span)
    }

    /// Carries out an order; false if it fits nothing.
    fn carry_out(&mut self, order: LineOrder) -> bool {
        match order {
            LineOrder::Abcd { channel, bits } => {
                self.seat_of(channel).is_some_and(|(seat, index)| seat.line.order_bits(index, bits))
            }
            LineOrder::SendAlarms { span, alarms } => {
                self.seat(span).map(|seat| seat.line.order_alarms(alarms)).is_some()
            }
            LineOrder::Hook { .. }
            | LineOrder::Ring { .. }
            | LineOrder::Polarity { .. }
            | LineOrder::Break { .. } => false,
        }
    }
}

impl CardIo for TdmoeIo {
    fn wait(&mut self) -> Result<Period, IoFault> {
        self.give_up_period();
        if self.shared.stopped() {
            return Err(IoFault::Gone);
        }
        self.take_commands();
        let due = self.next_due();
        let now = self.time.sleep_until(due);
        Ok(self.take_up(due, now))
    }

    fn ready(&mut self) -> Option<Period> {
        self.give_up_period();
        if self.shared.stopped() {
            return None;
        }
        self.take_commands();
        let due = self.next_due();
        let now = self.time.now();
        (now >= due).then(|| self.take_up(due, now))
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
        self.events.0.pop_front()
    }

    fn order(&mut self, order: LineOrder) {
        if !self.carry_out(order) {
            count(&self.shared.tally.bad_orders, 1);
        }
    }

    fn rx_frame(&mut self, _: SpanId) -> Option<&[u8]> {
        None
    }

    fn tx_frame(&mut self, _: SpanId, _: &[u8]) -> bool {
        false
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        self.send();
        if self.shared.stopped() { Err(IoFault::Gone) } else { Ok(()) }
    }

    fn rt_delay(&self) -> RtDelay {
        RtDelay { samples: self.delay, measurement: self.measurement }
    }
}

impl Drop for TdmoeIo {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}
