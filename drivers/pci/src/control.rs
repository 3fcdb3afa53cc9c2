//! The blocking half: which spans are attached, loops, counters, what is wrong with the card.
//!
//! It never touches a register: framers are reached by strobes that must not be torn apart, so all accesses belong to the
//! realtime half, which takes commands between two periods.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use card::{
    CardControl, CardCounters, CardError, LineConfig, Loopback, PositionCaps, Signalling, SpanStatus,
};
use rtrb::Producer;
use tdm::{Alarms, SpanId};

use crate::config::Framing;
use crate::fault::{PciCounters, PciFault};
use crate::shared::Shared;

/// Commands that may wait for a period.
pub(crate) const COMMANDS: usize = 64;

/// What the blocking half asks of the realtime half.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    Attach(LineConfig),
    Detach(u8),
    Loopback(u8, Loopback),
}

/// Errors that a span's framer counted since the card's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LineErrors {
    /// Frame alignment words with errors.
    pub framing: u64,
    /// Pulses against the line code.
    pub code: u64,
    /// Blocks with a wrong checksum.
    pub checksum: u64,
    /// Blocks with a wrong checksum at the far end, as it tells us.
    pub far_end: u64,
}

/// The blocking half of a running card.
pub struct PciControl {
    pub(crate) model: String,
    pub(crate) places: Vec<(PositionCaps, Framing)>,
    pub(crate) attached: Vec<Option<LineConfig>>,
    pub(crate) commands: Producer<Command>,
    pub(crate) shared: Arc<Shared>,
}

/// Checks that `line` fits the card as it is.
pub(crate) fn check_line(
    model: &str,
    places: &[(PositionCaps, Framing)],
    attached: &[Option<LineConfig>],
    line: &LineConfig,
) -> Result<(), CardError> {
    let positions: Vec<_> = places.iter().map(|(position, _)| *position).collect();
    card::check_line(model, &positions, attached, line, |place| match line.signalling {
        Signalling::Cas if places[usize::from(line.position)].1 == Framing::T1D4 => {
            Err("CAS needs extended superframes".to_owned())
        }
        Signalling::Clear | Signalling::Cas => Ok(()),
        Signalling::Hdlc(timeslot) if (1..=place.channels).contains(&timeslot.0) => Ok(()),
        Signalling::Hdlc(_) | Signalling::Loop => Err(line.signalling.does_not_fit(place.kind)),
    })
}

impl PciControl {
    /// Returns why the card was given up; none while it works.
    pub fn given_up(&self) -> Option<PciFault> {
        self.shared.health.fault()
    }

    /// Returns how often something was mended.
    pub fn repairs(&self) -> PciCounters {
        self.shared.health.counters()
    }

    /// Returns the errors of a span.
    ///
    /// # Errors
    /// No such span.
    pub fn line_errors(&self, span: SpanId) -> Result<LineErrors, CardError> {
        let position = self.position_of(span)?;
        let [framing, code, checksum, far_end] =
            self.shared.positions[usize::from(position)].errors.each_ref().map(read);
        Ok(LineErrors { framing, code, checksum, far_end })
    }

    fn send(&mut self, command: Command) -> Result<(), CardError> {
        let what = "it is stopped, or takes no more commands";
        let refuse = |model: &str| CardError::Unsupported { model: model.to_owned(), what };
        if self.shared.stopped.load(Ordering::Acquire) || self.given_up().is_some() {
            return Err(refuse(&self.model));
        }
        self.commands.push(command).map_err(|_| refuse(&self.model))
    }

    fn position_of(&self, span: SpanId) -> Result<u8, CardError> {
        let line = self.attached.iter().flatten().find(|line| line.span == span);
        line.map(|line| line.position).ok_or_else(|| CardError::NoSpan { model: self.model.clone(), span })
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

impl CardControl for PciControl {
    fn spans(&mut self) -> Vec<SpanStatus> {
        let status = |line: &LineConfig| {
            let shared = &self.shared.positions[usize::from(line.position)];
            SpanStatus {
                span: line.span,
                alarms: Alarms::from_bits_truncate(shared.alarms.load(Ordering::Acquire)),
                slips: read(&shared.slips),
                errors: shared.errors.iter().map(read).sum(),
            }
        };
        self.attached.iter().flatten().map(status).collect()
    }

    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError> {
        check_line(&self.model, &self.places, &self.attached, line)?;
        self.send(Command::Attach(*line))?;
        // Nothing is known of the line yet.
        let shared = &self.shared.positions[usize::from(line.position)];
        shared.alarms.store(Alarms::RED.bits(), Ordering::Release);
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

    fn fault(&self, span: SpanId) -> Option<String> {
        self.position_of(span).ok()?;
        self.given_up().map(|fault| format!("card {}: {fault}", self.model))
    }
}
