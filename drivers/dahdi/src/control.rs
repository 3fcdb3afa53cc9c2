//! The blocking half: spans come and go, loops, counters; and the keeper that looks for spans that went away.
//!
//! Opening and closing devices blocks, so the realtime half gets open spans through a ring and gives back those that it is
//! done with through another. The keeper is a thread of its own: it closes what comes back, and tries to open again,
//! [`LOOK_AGAIN`] apart, what the realtime half lost and what was not there at the start.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use card::{
    CardCaps, CardControl, CardCounters, CardError, LineConfig, Loopback, PositionCaps, Signalling,
    SpanStatus,
};
use clock::{Clock, Mono, MonoClock};
use rtrb::{Consumer, Producer};
use tdm::{Alarms, SpanId};

use crate::abi::maint;
use crate::config::DahdiConfig;
use crate::lines::{self, OpenSpan};
use crate::shared::Shared;
use crate::sys::Device;

/// How long the kernel keeps a span that it takes away, for programs to notice: opened then, it would be lost again.
const TAKEN_AWAY: Duration = Duration::from_millis(1_200);

/// How often a lost span is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What the realtime half is told.
pub(crate) enum Command {
    /// Take this span up; `asked` if an operator attached it.
    Attach { span: Box<OpenSpan>, asked: bool },
    /// Let go of a position.
    Detach(usize),
}

/// What control and keeper share.
struct Desk {
    config: DahdiConfig,
    attached: Vec<Option<LineConfig>>,
    /// The DAHDI number of the span in each position, as last opened.
    numbers: Vec<Option<u32>>,
    /// When a lost span was first looked for.
    lost_at: Vec<Option<Mono>>,
    /// Why a lost span cannot be opened again.
    faults: Vec<Option<String>>,
    commands: Producer<Command>,
    trash: Consumer<Box<OpenSpan>>,
}

/// The blocking half of a DAHDI card.
pub struct DahdiControl {
    caps: CardCaps,
    desk: Arc<Mutex<Desk>>,
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
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
            (Signalling::Loop, true) | (Signalling::Clear | Signalling::Cas, false) => Ok(()),
            (Signalling::Hdlc(t), false) if (1..=place.channels).contains(&t.0) => Ok(()),
            (signalling, _) => Err(signalling.does_not_fit(place.kind)),
        }
    })
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    // A keeper that panicked leaves the desk whole: each of its steps is one assignment.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DahdiControl {
    pub(crate) fn new(
        config: DahdiConfig,
        caps: CardCaps,
        attached: Vec<Option<LineConfig>>,
        missing: &[(usize, CardError)],
        shared: Arc<Shared>,
        commands: Producer<Command>,
        trash: Consumer<Box<OpenSpan>>,
    ) -> Result<DahdiControl, CardError> {
        let (model, name) = (caps.model.clone(), config.name.clone());
        let positions = attached.len();
        let mut faults = vec![None; positions];
        for (position, error) in missing {
            faults[*position] = Some(error.to_string());
        }
        let desk = Desk {
            config,
            attached,
            numbers: vec![None; positions],
            lost_at: vec![None; positions],
            faults,
            commands,
            trash,
        };
        let desk = Arc::new(Mutex::new(desk));
        let (kept, switches) = (Arc::clone(&desk), Arc::clone(&shared));
        let keeper = std::thread::Builder::new()
            .name(format!("dahdi-{name}"))
            .spawn(move || keep(&kept, &switches))
            .map_err(|source| CardError::System { model, what: "starting its thread".to_owned(), source })?;
        Ok(DahdiControl { caps, desk, shared, keeper: Some(keeper) })
    }

    fn position_of(&self, span: SpanId) -> Result<usize, CardError> {
        let desk = lock(&self.desk);
        let found = desk.attached.iter().position(|line| line.is_some_and(|line| line.span == span));
        found.ok_or_else(|| CardError::NoSpan { model: self.caps.model.clone(), span })
    }
}

impl Desk {
    fn send(&mut self, command: Command) -> Result<(), CardError> {
        let what = "it takes no more commands";
        let model = self.config.model();
        self.commands.push(command).map_err(|_| CardError::Unsupported { model, what })
    }

    /// Closes what the realtime half is done with.
    fn empty_trash(&mut self) {
        while self.trash.pop().is_ok() {}
    }

    /// Opens a span that was lost.
    fn look_for(&mut self, position: usize, shared: &Shared) {
        let Some(line) = self.attached[position] else { return };
        let now = MonoClock.now();
        if now.since(*self.lost_at[position].get_or_insert(now)) < TAKEN_AWAY {
            return;
        }
        match lines::open(&self.config, &line) {
            Ok(span) => {
                self.numbers[position] = Some(span.number);
                self.lost_at[position] = None;
                shared.positions[position].gone.store(false, Ordering::Release);
                self.faults[position] = self.send(Command::Attach { span, asked: false }).err().map(told);
            }
            Err(error) => self.faults[position] = Some(told(error)),
        }
    }
}

fn told(error: CardError) -> String {
    error.to_string()
}

/// The keeper's work, until the card is stopped.
fn keep(desk: &Mutex<Desk>, shared: &Shared) {
    while !shared.stopped() {
        {
            let mut desk = lock(desk);
            desk.empty_trash();
            for position in 0..shared.positions.len() {
                if shared.positions[position].gone.load(Ordering::Acquire) {
                    desk.look_for(position, shared);
                }
            }
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

impl CardControl for DahdiControl {
    fn spans(&mut self) -> Vec<SpanStatus> {
        let desk = lock(&self.desk);
        let attached = desk.attached.iter().zip(&self.shared.positions);
        let status = |(line, state): (&Option<LineConfig>, &crate::shared::SharedPosition)| {
            line.map(|line| SpanStatus {
                span: line.span,
                alarms: state.alarms(),
                slips: state.slips.load(Ordering::Acquire),
                errors: state.errors.load(Ordering::Acquire),
            })
        };
        attached.filter_map(status).collect()
    }

    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError> {
        let mut desk = lock(&self.desk);
        // What was detached a moment ago must be closed before its channels are opened anew.
        for _ in 0..20 {
            desk.empty_trash();
            if check_line(&self.caps.model, &self.caps.positions, &desk.attached, line).is_err() {
                break;
            }
            match lines::open(&desk.config, line) {
                Ok(span) => {
                    let position = usize::from(line.position);
                    self.shared.positions[position].set_alarms(Alarms::DETACHED);
                    desk.numbers[position] = Some(span.number);
                    desk.faults[position] = None;
                    desk.send(Command::Attach { span, asked: true })?;
                    desk.attached[position] = Some(*line);
                    return Ok(());
                }
                Err(CardError::System { source, .. })
                    if source.kind() == std::io::ErrorKind::ResourceBusy =>
                {
                    drop(desk);
                    std::thread::sleep(Duration::from_millis(10));
                    desk = lock(&self.desk);
                }
                Err(error) => return Err(error),
            }
        }
        check_line(&self.caps.model, &self.caps.positions, &desk.attached, line)?;
        lines::open(&desk.config, line).map(|_| ())
    }

    fn detach(&mut self, span: SpanId) -> Result<(), CardError> {
        let position = self.position_of(span)?;
        let mut desk = lock(&self.desk);
        desk.send(Command::Detach(position))?;
        desk.attached[position] = None;
        self.shared.positions[position].gone.store(false, Ordering::Release);
        Ok(())
    }

    fn loopback(&mut self, span: SpanId, loopback: Loopback) -> Result<(), CardError> {
        let position = self.position_of(span)?;
        let desk = lock(&self.desk);
        let command = match loopback {
            Loopback::None => maint::NONE,
            Loopback::Local => maint::LOCAL_LOOP,
            Loopback::Remote => maint::REMOTE_LOOP,
        };
        let model = self.caps.model.clone();
        let unsupported = CardError::Unsupported { model, what: "a loop on this span" };
        let first = desk.config.spans[position].first;
        let spans = crate::proc::spans(&desk.config.proc).unwrap_or_default();
        let has = |span: &&crate::proc::SpanFile| span.channels.iter().any(|channel| channel.number == first);
        let number = desk.numbers[position].or_else(|| spans.iter().find(has).map(|span| span.number));
        let ctl = Device::open(&desk.config.devices.join("ctl"));
        match (ctl, number) {
            (Ok(ctl), Some(number)) => ctl.maintenance(number as i32, command).map_err(|_| unsupported),
            (Err(_), _) | (_, None) => Err(unsupported),
        }
    }

    fn counters(&self) -> CardCounters {
        self.shared.tally.counters()
    }

    fn fault(&self, span: SpanId) -> Option<String> {
        let position = self.position_of(span).ok()?;
        lock(&self.desk).faults[position].clone()
    }
}

impl Drop for DahdiControl {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            // A keeper that panicked has said so itself.
            let _ = keeper.join();
        }
    }
}
