//! The blocking half of a simulated card: spans, loops, counters; and the hand that breaks things.
//!
//! It alone knows which spans are attached and tells the hardware by commands, which take effect with the next tick.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use card::{
    CardControl, CardCounters, CardError, LineConfig, Loopback, PositionCaps, Signalling, SpanStatus,
};
use rtrb::Producer;
use tdm::{Alarms, SpanId, Timeslot};

use crate::config::{Pace, Plug};
use crate::echo::EchoPath;
use crate::hardware::Command;
use crate::shared::Shared;
use crate::start::{far_of, line_pace};

/// How long a card in wall pace has stood still: when its own thread comes more than some milliseconds late, its time goes
/// slower than the machine's clock, for both ends of its lines alike. A real card cannot do that.
#[derive(Clone, Debug)]
pub struct Stillness(Arc<AtomicU64>);

impl Stillness {
    /// Returns the time since the card's start.
    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// The blocking half of a simulated card.
pub struct SimControl {
    pub(crate) model: String,
    pub(crate) positions: Vec<PositionCaps>,
    pub(crate) attached: Vec<Option<LineConfig>>,
    pub(crate) commands: Producer<Command>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) pace: Pace,
}

/// Checks that `line` fits the card as it is.
pub(crate) fn check_line(
    model: &str,
    positions: &[PositionCaps],
    attached: &[Option<LineConfig>],
    line: &LineConfig,
) -> Result<(), CardError> {
    card::check_line(model, positions, attached, line, |place| {
        match (line.signalling, place.kind.is_analog()) {
            (Signalling::Loop | Signalling::Clear, true) | (Signalling::Clear | Signalling::Cas, false) => {
                Ok(())
            }
            (Signalling::Hdlc(t), false) if (1..=place.channels).contains(&t.0) => Ok(()),
            (signalling, _) => Err(signalling.does_not_fit(place.kind)),
        }
    })
}

impl SimControl {
    fn send(&mut self, command: Command) -> Result<(), CardError> {
        let what = "it is stopped, or takes no more commands";
        self.commands.push(command).map_err(|_| CardError::Unsupported { model: self.model.clone(), what })
    }

    fn position_of(&self, span: SpanId) -> Result<u8, CardError> {
        self.attached
            .iter()
            .flatten()
            .find(|line| line.span == span)
            .map(|line| line.position)
            .ok_or_else(|| CardError::NoSpan { model: self.model.clone(), span })
    }

    fn check_position(&self, position: u8) -> Result<(), CardError> {
        let positions = self.positions.len();
        let there = usize::from(position) < positions;
        let missing = || CardError::NoPosition { model: self.model.clone(), position, positions };
        there.then_some(()).ok_or_else(missing)
    }

    fn at(&mut self, position: u8, command: Command) -> Result<(), CardError> {
        self.check_position(position)?;
        self.send(command)
    }

    /// Plugs something else into a position. `Cross` cannot be plugged in later.
    ///
    /// # Errors
    /// No such position, a cross-connect, or the socket cannot be listened on.
    pub fn plug(&mut self, position: u8, plug: Plug) -> Result<(), CardError> {
        if matches!(plug, Plug::Cross(_)) {
            return Err(CardError::Unsupported {
                model: self.model.clone(),
                what: "cross-connect after start",
            });
        }
        self.check_position(position)?;
        let far = far_of(plug, line_pace(&self.pace), &self.model)?;
        self.send(Command::Plug(position, Box::new(far)))
    }

    /// Cuts or mends the line of a position, in both directions.
    ///
    /// # Errors
    /// No such position.
    pub fn cut(&mut self, position: u8, cut: bool) -> Result<(), CardError> {
        self.at(position, Command::Cut(position, cut))
    }

    /// Makes the card see these alarms on a position, beside those of the line; none ends them.
    ///
    /// # Errors
    /// No such position.
    pub fn force_alarms(&mut self, position: u8, alarms: Alarms) -> Result<(), CardError> {
        self.at(position, Command::Force(position, alarms))
    }

    /// Repeats (positive) or drops (negative) frames once.
    ///
    /// # Errors
    /// No such position.
    pub fn slip(&mut self, position: u8, frames: i8) -> Result<(), CardError> {
        self.at(position, Command::Slip(position, frames))
    }

    /// Gives a channel another echo path, or none.
    ///
    /// # Errors
    /// No such position.
    pub fn echo(
        &mut self,
        position: u8,
        timeslot: Timeslot,
        path: Option<EchoPath>,
    ) -> Result<(), CardError> {
        self.at(position, Command::Echo(position, timeslot, path))
    }

    /// Sets the probability that a received bit is wrong: 0 to 0.5.
    ///
    /// # Errors
    /// No such position.
    pub fn bit_errors(&mut self, position: u8, rate: f64) -> Result<(), CardError> {
        self.at(position, Command::Errors(position, rate.clamp(0.0, 0.5)))
    }

    /// Sets how much faster than the card's the far end's clock is: at most 1000 ppm either way.
    ///
    /// # Errors
    /// No such position.
    pub fn ppm(&mut self, position: u8, ppm: f64) -> Result<(), CardError> {
        self.at(position, Command::Ppm(position, ppm.clamp(-1_000.0, 1_000.0)))
    }

    /// Makes the realtime half's next wait come back `ms` late.
    pub fn stall(&mut self, ms: u32) {
        self.shared.stall_ms.store(ms, Ordering::Release);
    }

    /// Pulls the card out: the realtime half sees it gone.
    pub fn pull_out(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }

    /// Returns the ticks in which the program at a position's socket was late.
    pub fn underruns(&self, position: u8) -> u64 {
        let position = self.shared.positions.get(usize::from(position));
        position.map_or(0, |position| position.underruns.load(Ordering::Relaxed))
    }

    /// Returns how long the card has stood still, to be asked at any time.
    pub fn stillness(&self) -> Stillness {
        Stillness(Arc::clone(&self.shared.stood_still))
    }
}

impl CardControl for SimControl {
    fn spans(&mut self) -> Vec<SpanStatus> {
        let read = |line: &LineConfig| {
            let shared = &self.shared.positions[usize::from(line.position)];
            SpanStatus {
                span: line.span,
                alarms: Alarms::from_bits_truncate(shared.alarms.load(Ordering::Relaxed)),
                slips: shared.slips.load(Ordering::Relaxed),
                errors: shared.errors.load(Ordering::Relaxed),
            }
        };
        self.attached.iter().flatten().map(read).collect()
    }

    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError> {
        check_line(&self.model, &self.positions, &self.attached, line)?;
        self.send(Command::Attach(line.position, *line))?;
        self.attached[usize::from(line.position)] = Some(*line);
        Ok(())
    }

    fn detach(&mut self, span: SpanId) -> Result<(), CardError> {
        let position = self.position_of(span)?;
        self.send(Command::Detach(position))?;
        self.attached[usize::from(position)] = None;
        Ok(())
    }

    fn loopback(&mut self, span: SpanId, loopback: Loopback) -> Result<(), CardError> {
        let position = self.position_of(span)?;
        self.send(Command::Loopback(position, loopback))
    }

    fn counters(&self) -> CardCounters {
        self.shared.tally.counters()
    }
}
