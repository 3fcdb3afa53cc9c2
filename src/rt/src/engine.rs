//! The engine: one clock domain, once per period from wait to commit.
//!
//! ```text
//! wait - places - card events - commands - { rows in - matrix - rows out } per chunk - D-channels - orders - census - commit
//! ```
//! A late wake brings several chunks; they are carried one after the other, so that nothing downstream sees a difference but
//! the counter. The first card leads; the others follow through elastic stores. Every answer to a command carries the time of
//! the first sample that it changed.

use std::sync::Arc;

use card::{CardEvent, CardIo, IoFault, LineOrder, Period};
use clock::SampleTime;
use dsp::listen::Wants;
use dsp::tone::TonePlan;
use rtrb::{Consumer, Producer};
use tdm::{Alarms, CHUNK, SpanId};

use crate::config::{EngineConfig, EngineError, IdleCode};
use crate::dchan::{DChannel, DLink};
use crate::detect::Detectors;
use crate::echo::{Cancellers, EchoMeters};
use crate::feeds::Feeds;
use crate::fixed::Fixed;
use crate::guard::{PeriodGuard, arm};
use crate::levels::{Levels, Meters};
use crate::matrix::Matrix;
use crate::plan::Plan;
use crate::ring::ring;
use crate::seat::{Seat, carries_audio, idle_octet, row_channels};
use crate::strips::Strips;
use crate::taps::Taps;
use crate::telling::{Census, Teller};
use crate::{Counters, FeedBlock, Layout, RtCommand, RtEvent, RtEventKind, RtOp, Strip, TapBlock};

/// The most commands one period takes from both rings; the rest waits for the next period.
pub const MAX_COMMANDS_PER_PERIOD: usize = 256;

/// The most events one card may tell in a period; the rest waits for the next.
const MAX_CARD_EVENTS: usize = 256;

/// Milliseconds over which levels are measured.
const LEVEL_MS: u32 = 100;

/// The realtime half: moved into its thread.
pub struct Engine {
    /// The cards, the master first.
    seats: Box<[Seat]>,
    pub(crate) matrix: Matrix,
    commands: [Consumer<RtCommand>; 2],
    pub(crate) orders: Fixed<LineOrder>,
    tell: Teller,
    census: Census,
    pub(crate) layout: Arc<Layout>,
    pub(crate) counters: Arc<Counters>,
    levels: Arc<Levels>,
    echo_meters: Arc<EchoMeters>,
    guard: PeriodGuard,
    pub(crate) tones: TonePlan,
    idle: Box<[IdleCode]>,
    pub(crate) detect_at_start: Wants,
    pub(crate) conference_members: usize,
    period_chunks: u16,
}

/// The other threads' half: take it apart and give each thread its rings.
#[derive(Debug)]
pub struct EngineHandle {
    /// Orders of the control thread.
    pub commands: Producer<RtCommand>,
    /// Orders of the signalling thread: a second ring, so that neither waits for the other.
    pub sig_commands: Producer<RtCommand>,
    /// Everything the engine tells.
    pub events: Consumer<RtEvent>,
    /// One for each place of a digital span, attached or not.
    pub dchannels: Vec<DChannel>,
    /// What comes out of the taps, by `TapPort`.
    pub taps: Vec<Consumer<TapBlock>>,
    /// Where prompts go in, by `FeedPort`.
    pub feeds: Vec<Producer<FeedBlock>>,
    /// Which strip carries which channel.
    pub layout: Arc<Layout>,
    /// The counters.
    pub counters: Arc<Counters>,
    /// The level meters.
    pub levels: Arc<Levels>,
    /// The echo cancellers' figures.
    pub echo: Arc<EchoMeters>,
}

impl Engine {
    /// Makes an engine for the cards of one clock domain; the first one leads. All memory is taken here.
    ///
    /// # Errors
    /// A size is out of its range, there is no card, or the cards do not fit together.
    pub fn new(
        config: EngineConfig,
        cards: Vec<Box<dyn CardIo>>,
    ) -> Result<(Engine, EngineHandle), EngineError> {
        config.check()?;
        if cards.is_empty() {
            return Err(EngineError::NoCards);
        }
        let layout = Arc::new(lay_out(&cards)?);
        let counters = Arc::new(Counters::new(layout.slots()));
        let levels = Arc::new(Levels::new(layout.strips()));
        let echo_meters = Arc::new(EchoMeters::new(layout.strips()));
        let (seats, dchannels) = seat(cards, &config);
        let (commands, control) = ring(config.command_ring, NO_COMMAND);
        let (sig_commands, signalling) = ring(config.command_ring, NO_COMMAND);
        let (tell, events) = ring(config.event_ring, NO_EVENT);
        let (feeds, feed_ends) = Feeds::new(config.feeds, config.feed_blocks, config.conceal);
        let (taps, tap_ends) = Taps::new(config.taps, config.tap_blocks, config.remove_keys);
        let strips = layout.strips();
        let matrix = Matrix {
            strips: Strips::new(strips, config.conferences),
            feeds,
            taps,
            plan: Plan::new(strips, config.taps, config.feeds, config.conferences),
            detectors: Detectors::new(strips, &config)?,
            meters: Meters::new(strips),
            echo: Cancellers::new(strips, config.echo),
        };
        let mut engine = Engine {
            seats,
            matrix,
            commands: [signalling, control],
            orders: Fixed::new(MAX_COMMANDS_PER_PERIOD, NO_ORDER),
            tell: Teller::new(tell),
            census: Census::new(&layout),
            layout: Arc::clone(&layout),
            counters: Arc::clone(&counters),
            levels: Arc::clone(&levels),
            echo_meters: Arc::clone(&echo_meters),
            guard: PeriodGuard::new(config.guard_every_periods),
            tones: config.tones,
            idle: config.idle.into_boxed_slice(),
            detect_at_start: config.detect,
            conference_members: config.conference_members,
            period_chunks: config.period_chunks,
        };
        engine.place_all();
        let handle = EngineHandle {
            commands,
            sig_commands,
            events,
            dchannels,
            taps: tap_ends,
            feeds: feed_ends,
            layout,
            counters,
            levels,
            echo: echo_meters,
        };
        Ok((engine, handle))
    }

    /// Runs one period, from the master's `wait` to every card's `commit`.
    ///
    /// # Errors
    /// A card of the domain is gone or stalled: call [`Engine::leave`], which [`crate::start`] does.
    ///
    /// # Realtime
    /// After `wait` no allocation, no lock, no system call but the cards' own; the heap guard is armed.
    pub fn period(&mut self) -> Result<(), IoFault> {
        let Some(master) = self.seats.first_mut() else { return Err(IoFault::Gone) };
        let period = master.wait()?;
        let _armed = arm();
        self.guard.woke();
        self.carry(period);
        let committed = self.seats.iter_mut().map(Seat::commit).fold(Ok(()), Result::and);
        self.counters.periods.add(1);
        self.counters.heartbeat.add(1);
        self.guard.done(&self.counters);
        committed
    }

    /// Puts every line in the state for the end of the thread: idle octets, `alarms` sent on digital spans, telephones not
    /// rung, exchange lines on hook. One more period of each card is used if none is open.
    pub fn leave(&mut self, alarms: Alarms) {
        for seat in &mut self.seats {
            seat.leave(alarms, &self.idle);
        }
    }

    /// Returns the counters.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    fn carry(&mut self, period: Period) {
        self.note(period);
        for seat in self.seats.iter_mut().skip(1) {
            seat.follow(&self.counters);
        }
        self.look_at_places();
        self.look_at_delays();
        self.take_card_events(period.time);
        self.take_commands(period.time);
        let rows = self.seats.first().map_or(0, Seat::rows);
        for row in 0..rows {
            self.carry_row(row, period.time + (row * CHUNK) as u64);
        }
        for seat in &mut self.seats {
            seat.complete(&self.counters);
        }
        self.give_orders();
        let ms = u32::from(period.chunks);
        if self.matrix.meters.show(ms, LEVEL_MS, &self.levels) {
            self.matrix.echo.show(&self.echo_meters);
        }
        self.census.run(ms, period.time, &self.layout, &mut self.tell, &self.counters);
    }

    fn note(&mut self, period: Period) {
        self.counters.late_periods.add(u64::from(period.chunks > self.period_chunks));
        // What a card had to drop before the engine's first wait is nobody's loss.
        if period.lost > 0 && self.counters.periods.get() > 0 {
            self.counters.xruns.add(1);
            self.counters.lost_samples.add(u64::from(period.lost));
            self.tell.tell(period.time, RtEventKind::Lost { samples: period.lost });
        }
    }

    fn carry_row(&mut self, row: usize, time: SampleTime) {
        for seat in &mut self.seats {
            seat.take_row(row, &mut self.matrix.strips.line, &self.counters);
        }
        self.matrix.block(time, &mut self.tell, &self.counters);
        for seat in &mut self.seats {
            seat.give_row(row, &self.matrix.strips.out, &self.counters);
        }
    }

    fn take_card_events(&mut self, time: SampleTime) {
        for seat in 0..self.seats.len() {
            for _ in 0..MAX_CARD_EVENTS {
                let Some(event) = self.seats[seat].io.poll_event() else { break };
                if matches!(event, CardEvent::Attached { .. } | CardEvent::Detached { .. }) {
                    // The layout is changed before the event is told.
                    self.look_at_places();
                }
                self.census.note(&event, &self.layout);
                count(&event, &self.seats[seat], &self.layout, &self.counters);
                self.tell.tell(time, RtEventKind::Card(event));
            }
        }
    }

    /// Takes commands from both rings as long as there is room for their answers.
    fn take_commands(&mut self, time: SampleTime) {
        let mut left = MAX_COMMANDS_PER_PERIOD;
        for ring in 0..self.commands.len() {
            while left > 0 && self.tell.has_room(1) {
                let Ok(RtCommand { seq, op }) = self.commands[ring].pop() else { break };
                left -= 1;
                self.counters.commands.add(1);
                let answer = match self.apply(op) {
                    Ok(()) => RtEventKind::Applied { seq },
                    Err(why) => {
                        self.counters.refused.add(1);
                        RtEventKind::Refused { seq, why }
                    }
                };
                self.tell.tell(time, answer);
            }
        }
    }

    fn give_orders(&mut self) {
        for &order in self.orders.as_slice() {
            let Some(slot) = self.layout.slot_of(order_span(&order)) else { continue };
            let here =
                |seat: &&mut Seat| (seat.first_slot..seat.first_slot + seat.places.len()).contains(&slot);
            if let Some(seat) = self.seats.iter_mut().find(here) {
                seat.io.order(order);
            }
        }
        self.orders.clear();
    }

    /// Takes up the spans that are attached at start.
    fn place_all(&mut self) {
        for seat in 0..self.seats.len() {
            for place in 0..self.seats[seat].places.len() {
                self.place(seat, place);
            }
        }
    }

    /// Looks whether a span was attached or detached since the last period.
    fn look_at_places(&mut self) {
        for seat in 0..self.seats.len() {
            for place in 0..self.seats[seat].places.len() {
                let now = self.seats[seat].io.slots().get(place).copied();
                if let Some(now) = now.filter(|now| *now != self.seats[seat].places[place]) {
                    // The places never move: a card that says so is not believed.
                    let then = &mut self.seats[seat].places[place];
                    (then.span, then.law, then.signalling) = (now.span, now.law, now.signalling);
                    self.place(seat, place);
                }
            }
        }
    }

    /// Takes up how old the echo is where a card has measured it anew.
    fn look_at_delays(&mut self) {
        for seat in &mut self.seats {
            let delay = seat.io.rt_delay();
            if seat.delay != Some(delay.measurement) {
                seat.delay = Some(delay.measurement);
                self.matrix.echo.set_delay(seat.first..seat.first + seat.channels, delay.samples);
            }
        }
    }

    /// Makes the strips of a place fit the span in it.
    fn place(&mut self, seat: usize, place: usize) {
        let Seat { first, first_slot, places, links, .. } = &mut self.seats[seat];
        let now = places[place];
        let slot = *first_slot + place;
        if let Some(link) = links.get_mut(place) {
            link.set_span(&now);
        }
        let start = *first + usize::from(now.first_channel);
        let octet = idle_octet(&now, &self.idle);
        self.layout.set_span(slot, now.span);
        for timeslot in 1..=now.channels {
            let strip = start + usize::from(timeslot) - 1;
            self.matrix.strips.present[strip] = carries_audio(&now, timeslot);
            self.matrix.strips.law[strip] = now.law;
            self.reset_strip(strip);
            self.matrix.strips.idle[strip] = [octet; CHUNK];
        }
        self.census.place_changed(slot, now.span, start..start + usize::from(now.channels));
    }
}

impl core::fmt::Debug for Engine {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Engine").field("layout", &self.layout).finish_non_exhaustive()
    }
}

const NO_COMMAND: RtCommand = RtCommand { seq: 0, op: RtOp::Reset { strip: Strip(0) } };
const NO_EVENT: RtEvent = RtEvent { time: SampleTime::ZERO, kind: RtEventKind::Applied { seq: 0 } };
const NO_ORDER: LineOrder = LineOrder::SendAlarms { span: SpanId(0), alarms: Alarms::empty() };

fn order_span(order: &LineOrder) -> SpanId {
    match *order {
        LineOrder::Abcd { channel, .. }
        | LineOrder::Hook { channel, .. }
        | LineOrder::Ring { channel, .. }
        | LineOrder::Polarity { channel, .. }
        | LineOrder::Break { channel, .. } => channel.span,
        LineOrder::SendAlarms { span, .. } => span,
    }
}

/// Counts what only counters tell.
fn count(event: &CardEvent, seat: &Seat, layout: &Layout, counters: &Counters) {
    match *event {
        CardEvent::Slip { frames, .. } => counters.slips.add(u64::from(frames.unsigned_abs())),
        CardEvent::FrameLost { span } => {
            let place = layout.slot_of(span).and_then(|slot| slot.checked_sub(seat.first_slot));
            if let Some(link) = place.and_then(|place| seat.links.get(place)) {
                link.count_lost(counters);
            }
        }
        CardEvent::Alarms { .. }
        | CardEvent::Abcd { .. }
        | CardEvent::Hook { .. }
        | CardEvent::Ring { .. }
        | CardEvent::Polarity { .. }
        | CardEvent::Feed { .. }
        | CardEvent::Attached { .. }
        | CardEvent::Detached { .. } => {}
    }
}

/// Numbers the strips and slots of all cards.
fn lay_out(cards: &[Box<dyn CardIo>]) -> Result<Layout, EngineError> {
    let most = usize::from(u16::MAX);
    let channels: usize = cards.iter().map(|card| row_channels(&**card)).sum();
    let strips = u16::try_from(channels).map_err(|_| EngineError::TooManyChannels { channels, most })?;
    let bases = cards.iter().scan(0u16, |next, card| {
        let base = *next;
        *next += row_channels(&**card) as u16;
        Some((base, card))
    });
    let places = bases.flat_map(|(base, card)| card.slots().iter().map(move |place| (base, *place)));
    let layout = Layout::new(places, strips);
    let spans = || (0..layout.slots()).filter_map(|slot| Some((slot, layout.span(slot)?)));
    match spans().find(|&(slot, span)| layout.slot_of(span) != Some(slot)) {
        Some((_, span)) => Err(EngineError::SpanTwice { span }),
        None => Ok(layout),
    }
}

/// Gives every card its seat and every digital place its D-channel rings.
fn seat(cards: Vec<Box<dyn CardIo>>, config: &EngineConfig) -> (Box<[Seat]>, Vec<DChannel>) {
    let mut dchannels = Vec::new();
    let (mut first, mut first_slot) = (0, 0);
    let seats = cards.into_iter().enumerate().map(|(index, io)| {
        let places = io.slots();
        let links = places.iter().enumerate().map(|(place, now)| {
            let (link, dchannel) = DLink::new(first_slot + place, now.span, config.dchannel_frames);
            dchannels.extend((!now.kind.is_analog()).then_some(dchannel));
            link
        });
        let links: Box<[DLink]> = links.collect();
        let hardware_hdlc = config.hardware_hdlc.get(index).copied().unwrap_or(false);
        let seat = Seat::new(io, first, first_slot, links, hardware_hdlc, index > 0);
        first += seat.channels;
        first_slot += seat.places.len();
        seat
    });
    (seats.collect(), dchannels)
}
