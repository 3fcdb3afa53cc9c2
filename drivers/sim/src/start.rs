//! The simulated card before its start, and its start.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use card::{Card, CardCaps, CardError, LineConfig, PositionCaps, SpanSlot, count};
use clock::{Clock, Mono, Prng};
use rtrb::RingBuffer;
use tdm::{CHUNK, HdlcFrame};

use crate::config::{Begin, Pace, Plug, SimConfig, SimPosition};
use crate::control::{SimControl, check_line};
use crate::elastic;
use crate::hardware::{Command, Hardware, HardwareRings, HwEvent, NO_TICK};
use crate::io::{CATCH_UP, Drive, IoRings, SimIo};
use crate::position::Position;
use crate::shared::Shared;
use crate::socket::SocketLine;
use crate::time::{self, TICK};
use crate::wire::LinePace;
use crate::world::{Far, LocalFar, World};

/// Events that may wait for the realtime half.
const EVENT_RING: usize = 8_192;

/// Orders that may wait for a tick.
const ORDER_RING: usize = 1_024;

/// Commands that may wait for a tick.
const COMMAND_RING: usize = 256;

/// Frames that may wait, to and from each span of a card that does HDLC itself.
const FRAME_RING: usize = 128;

/// A simulated card that is not running.
pub struct SimCard {
    config: SimConfig,
    caps: CardCaps,
}

impl SimCard {
    /// Makes the card that `config` describes.
    ///
    /// # Errors
    /// Says which position or value of the configuration is wrong.
    pub fn new(config: SimConfig) -> Result<SimCard, CardError> {
        config.validate()?;
        let place = |p: &SimPosition| PositionCaps { kind: p.kind, channels: p.channels };
        let caps = CardCaps {
            model: config.model(),
            positions: config.positions.iter().map(place).collect(),
            period: TICK,
            max_chunks: config.buffer_ms,
            slack: Duration::from_millis(u64::from(config.buffer_ms)),
            hardware_echo: false,
            hardware_hdlc: config.hardware_hdlc,
        };
        Ok(SimCard { config, caps })
    }
}

pub(crate) fn line_pace(pace: &Pace) -> LinePace {
    match pace {
        Pace::Wall => LinePace::Wall,
        Pace::Lockstep => LinePace::Lockstep,
        Pace::Virtual(_) => LinePace::Virtual,
    }
}

/// Makes what is plugged in ready to run.
pub(crate) fn far_of(plug: Plug, pace: LinePace, model: &str) -> Result<Far, CardError> {
    Ok(match plug {
        Plug::Open => Far::Open,
        Plug::Loop => Far::Loop,
        Plug::Cross(other) => Far::Cross(usize::from(other)),
        Plug::Local(far) => Far::Local(LocalFar::new(far)),
        Plug::Socket(path) => Far::Socket(SocketLine::listen(&path, pace).map_err(|source| {
            let what = format!("listening on {}", path.display());
            CardError::System { model: model.to_owned(), what, source }
        })?),
    })
}

impl Card for SimCard {
    type Control = SimControl;
    type Io = SimIo;

    fn caps(&self) -> &CardCaps {
        &self.caps
    }

    fn start(self, lines: &[LineConfig]) -> Result<(SimControl, SimIo), CardError> {
        let SimCard { config, caps } = self;
        let mut attached = vec![None; caps.positions.len()];
        for line in lines {
            check_line(&caps.model, &caps.positions, &attached, line)?;
            attached[usize::from(line.position)] = Some(*line);
        }
        let mut prng = Prng::new(config.seed);
        let (mut positions, mut fars) = (Vec::new(), Vec::new());
        for (place, line) in config.positions.into_iter().zip(&attached) {
            let mut position =
                Position::new(place.kind, place.channels, place.ppm, place.bit_error_rate, prng.fork());
            place.echo.into_iter().for_each(|(timeslot, path)| position.set_echo(timeslot, Some(path)));
            if let Some(line) = line {
                position.attach(*line, config.hardware_hdlc);
            }
            positions.push(position);
            fars.push(far_of(place.plug, line_pace(&config.pace), &caps.model)?);
        }
        let design_delay = u32::from(config.buffer_ms) * CHUNK as u32 + elastic::REST as u32;
        let shared = Arc::new(Shared::new(positions.len(), design_delay));
        let slots = card::lay_out(&caps.positions, &attached);
        let (commands, ring) = RingBuffer::new(COMMAND_RING);
        let (hardware_rings, io_rings) = rings(&slots, caps.max_chunks, ring);
        let hardware = Hardware::new(
            World::new(positions, fars),
            hardware_rings,
            Arc::clone(&shared),
            config.faults,
            config.hardware_hdlc,
            prng.fork(),
        );
        let control = SimControl {
            model: caps.model.clone(),
            positions: caps.positions,
            attached,
            commands,
            shared: Arc::clone(&shared),
            pace: config.pace.clone(),
        };
        let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
        let rows = usize::from(caps.max_chunks) * channels;
        let drive = drive(config.pace, hardware, &shared, &config.name, (caps.slack, config.begin)).map_err(
            |source| CardError::System { model: caps.model, what: "starting its thread".to_owned(), source },
        )?;
        let io = SimIo {
            drive,
            rings: io_rings,
            shared,
            slots,
            rx: vec![[0; CHUNK]; rows],
            tx: vec![[0; CHUNK]; rows],
            channels,
            max_chunks: caps.max_chunks,
            in_hand: 0,
            first_tick: 0,
            next_tick: 0,
            frame: HdlcFrame::new(&[]).expect("no octets are a frame"),
            faults: config.faults,
            prng: prng.fork(),
        };
        Ok((control, io))
    }
}

/// Makes the rings; the one towards the lines is filled with idle rows.
fn rings(
    slots: &[SpanSlot],
    buffer_rows: u16,
    commands: rtrb::Consumer<Command>,
) -> (HardwareRings, IoRings) {
    let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
    let rows = usize::from(buffer_rows);
    let (rx_chunks, rx_chunks_out) = RingBuffer::new(rows * channels);
    let (rx_ticks, rx_ticks_out) = RingBuffer::new(rows);
    let (mut tx_chunks_in, tx_chunks) = RingBuffer::new(rows * channels);
    let (mut tx_ticks_in, tx_ticks) = RingBuffer::new(rows);
    for _ in 0..rows {
        for slot in slots {
            for _ in 0..slot.channels {
                tx_chunks_in.push([slot.law.idle(); CHUNK]).expect("the ring was made for so many");
            }
        }
        tx_ticks_in.push(NO_TICK).expect("the ring was made for so many");
    }
    let (orders_in, orders) = RingBuffer::new(ORDER_RING);
    let (tx_frames_in, tx_frames) = RingBuffer::new(FRAME_RING);
    let (events, events_out) = RingBuffer::<(u64, HwEvent)>::new(EVENT_RING);
    let (rx_frames, rx_frames_out) = slots.iter().map(|_| RingBuffer::new(FRAME_RING)).unzip();
    let hardware = HardwareRings {
        rx_chunks,
        rx_ticks,
        tx_chunks,
        tx_ticks,
        orders,
        commands,
        tx_frames,
        events,
        rx_frames,
    };
    let io = IoRings {
        rx_chunks: rx_chunks_out,
        rx_ticks: rx_ticks_out,
        tx_chunks: tx_chunks_in,
        tx_ticks: tx_ticks_in,
        orders: orders_in,
        tx_frames: tx_frames_in,
        events: events_out,
        rx_frames: rx_frames_out,
    };
    (hardware, io)
}

fn drive(
    pace: Pace,
    hardware: Hardware,
    shared: &Arc<Shared>,
    name: &str,
    (slack, begin): (Duration, Option<Begin>),
) -> std::io::Result<Drive> {
    Ok(match pace {
        Pace::Wall => {
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new().name(format!("card-{name}"));
            let work = move || {
                begin.into_iter().for_each(|begin| begin());
                run(hardware, &shared, slack);
            };
            Drive::Thread(Some(thread.spawn(work)?))
        }
        Pace::Lockstep => Drive::Lockstep { hardware: Box::new(hardware), next: time::now() + TICK },
        Pace::Virtual(clock) => {
            let next = clock.now() + TICK;
            Drive::Virtual { hardware: Box::new(hardware), clock, next }
        }
    })
}

/// The hardware's thread: ticks by the machine's clock. Where a card would never be late it catches up a little; when
/// the machine stands still for longer, so does the card, since its lateness is not the engine's.
fn run(mut hardware: Hardware, shared: &Shared, slack: Duration) {
    // What is caught up comes in a burst, which must fit the buffer well.
    let catch_up = CATCH_UP.min(slack / 2);
    let mut next: Mono = time::now() + TICK;
    while !shared.stop.load(Ordering::Acquire) {
        shared.next_tick.store(next.as_nanos(), Ordering::Release);
        time::sleep_until(next);
        if shared.started.load(Ordering::Acquire) {
            hardware.tick();
        }
        next += TICK;
        let now = time::now();
        if now > next + catch_up {
            count(&shared.stood_still, u64::try_from(now.since(next).as_nanos()).unwrap_or(u64::MAX));
            next = now;
        }
    }
}
