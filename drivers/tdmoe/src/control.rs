//! The blocking half: spans come and go, counters, and the keeper that looks for interfaces that went away.
//!
//! The realtime half gets spans and sockets through a ring, and gives back those that it is done with through another. The
//! keeper is a thread of its own: it frees what comes back, and tries to open again, [`LOOK_AGAIN`] apart, what was lost.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use card::{
    CardCaps, CardControl, CardCounters, CardError, LineConfig, Loopback, PositionCaps, Signalling,
    SpanStatus,
};
use rtrb::{Consumer, Producer};
use tdm::{Alarms, SpanId};

use crate::config::TdmoeConfig;
use crate::counts::Count;
use crate::line::{Line, LineSetup, Trouble};
use crate::port::{Claim, Wire};
use crate::shared::{Shared, SharedPosition};

/// How often a lost interface is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What the realtime half is told.
pub(crate) enum Command {
    /// Take this span up.
    Attach { position: usize, line: Box<Line>, config: LineConfig },
    /// Let go of a position.
    Detach(usize),
    /// An interface is open again.
    Wire { port: usize, wire: Wire },
}

/// What the realtime half is done with.
pub(crate) enum Trash {
    Line(#[expect(dead_code, reason = "only freed")] Box<Line>),
    Wire(#[expect(dead_code, reason = "only closed")] Wire),
}

/// What is attached, and what is wrong with the interfaces.
pub(crate) struct State {
    pub attached: Vec<Option<LineConfig>>,
    pub claims: Vec<Option<Claim>>,
    pub faults: Vec<Option<String>>,
}

/// What control and keeper share.
struct Desk {
    config: TdmoeConfig,
    state: State,
    commands: Producer<Command>,
    trash: Consumer<Trash>,
}

/// The blocking half of a card of spans over Ethernet.
pub struct TdmoeControl {
    caps: CardCaps,
    desk: Arc<Mutex<Desk>>,
    shared: Arc<Shared>,
    /// Spans are claimed and interfaces looked for.
    on_ethernet: bool,
    keeper: Option<JoinHandle<()>>,
}

/// Returns how a span is set up.
pub(crate) fn line_setup(config: &TdmoeConfig, line: &LineConfig) -> LineSetup {
    let span = &config.spans[usize::from(line.position)];
    LineSetup {
        span: line.span,
        channels: span.kind.max_channels().into(),
        peer: span.peer,
        subaddress: span.subaddress,
        cas: line.signalling == Signalling::Cas,
        depth: config.jitter_ms,
        at_once: config.buffer_ms + 1,
        loss: config.loss(),
    }
}

/// Checks that `line` fits the card as it is.
pub(crate) fn check_line(
    model: &str,
    positions: &[PositionCaps],
    attached: &[Option<LineConfig>],
    line: &LineConfig,
) -> Result<(), CardError> {
    card::check_line(model, positions, attached, line, |place| match line.signalling {
        Signalling::Clear | Signalling::Cas => Ok(()),
        Signalling::Hdlc(t) if (1..=place.channels).contains(&t.0) => Ok(()),
        Signalling::Hdlc(_) | Signalling::Loop => Err(line.signalling.does_not_fit(place.kind)),
    })
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    // A keeper that panicked leaves the desk whole: each of its steps is one assignment.
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TdmoeControl {
    pub(crate) fn new(
        config: TdmoeConfig,
        caps: CardCaps,
        state: State,
        shared: Arc<Shared>,
        (commands, trash): (Producer<Command>, Consumer<Trash>),
        on_ethernet: bool,
    ) -> Result<TdmoeControl, CardError> {
        let (model, name) = (caps.model.clone(), format!("tdmoe-{}", config.name));
        let desk = Arc::new(Mutex::new(Desk { config, state, commands, trash }));
        let (kept, switches) = (Arc::clone(&desk), Arc::clone(&shared));
        let keeper = std::thread::Builder::new()
            .name(name)
            .spawn(move || keep(&kept, &switches, on_ethernet))
            .map_err(|source| CardError::System { model, what: "starting its thread".to_owned(), source })?;
        Ok(TdmoeControl { caps, desk, shared, on_ethernet, keeper: Some(keeper) })
    }

    /// Returns what was counted on a span, without what is zero; empty if it is not attached.
    pub fn counts(&self, span: SpanId) -> Vec<(Count, u64)> {
        let position = self.position_of(span).ok();
        position.map(|position| self.shared.positions[position].counts.told()).unwrap_or_default()
    }

    /// Returns what was counted on an interface, without what is zero; empty if it is none of this card's.
    pub fn interface_counts(&self, interface: &str) -> Vec<(Count, u64)> {
        let interfaces = lock(&self.desk).config.interfaces();
        let port = interfaces.iter().position(|name| name == interface);
        port.map(|port| self.shared.ports[port].counts.told()).unwrap_or_default()
    }

    fn position_of(&self, span: SpanId) -> Result<usize, CardError> {
        let desk = lock(&self.desk);
        let found = desk.state.attached.iter().position(|line| line.is_some_and(|line| line.span == span));
        found.ok_or_else(|| CardError::NoSpan { model: self.caps.model.clone(), span })
    }
}

impl Desk {
    fn send(&mut self, command: Command) -> Result<(), CardError> {
        let what = "it takes no more commands";
        let model = self.config.model();
        self.commands.push(command).map_err(|_| CardError::Unsupported { model, what })
    }

    /// Opens an interface that was lost.
    fn look_for(&mut self, port: usize, interface: &str, shared: &Shared) {
        self.state.faults[port] = match Wire::open(interface) {
            Ok(wire) => {
                // Before it is given away, since the realtime half may lose it at once.
                shared.ports[port].gone.store(false, Ordering::Release);
                let refused = self.send(Command::Wire { port, wire }).err();
                if refused.is_some() {
                    shared.ports[port].gone.store(true, Ordering::Release);
                }
                refused.map(|error| error.to_string())
            }
            Err(error) => Some(error.to_string()),
        };
    }

    /// Says in words why a span does not work; none if it does.
    fn fault(&self, position: usize, state: &SharedPosition) -> Option<String> {
        let span = &self.config.spans[position];
        let interface = &span.interface;
        let port = self.config.interfaces().iter().position(|name| name == interface)?;
        let alarms = state.alarms();
        if alarms.contains(Alarms::DETACHED) {
            let known = self.state.faults[port].clone();
            return Some(known.unwrap_or_else(|| format!("{interface}: the interface is down or gone")));
        }
        if !alarms.contains(Alarms::RED) {
            return None;
        }
        let (channels, subaddress) = (span.kind.max_channels(), span.subaddress);
        let Some(peer) = state.peer() else {
            return Some(format!("nobody on {interface} sends subaddress {subaddress}"));
        };
        let peer = format!("{peer} on {interface}");
        Some(match state.trouble() {
            Trouble::Silent => {
                format!("{peer} sends nothing with subaddress {subaddress}")
            }
            Trouble::Channels(sent) => format!("{peer} sends {sent} channels, and the span has {channels}"),
            Trouble::BadForm => {
                format!("{peer} sends frames of another form: not 8 samples, or of a wrong length")
            }
            Trouble::Sequence => {
                format!("{peer} numbers its frames without order: do two machines send as one?")
            }
            Trouble::Elsewhere(other) => format!("{other} sends subaddress {subaddress} in place of {peer}"),
            Trouble::Subaddress(sent) => {
                format!("{peer} sends subaddress {sent}, and the span has {subaddress}")
            }
        })
    }
}

/// The keeper's work, until the card is stopped.
fn keep(desk: &Mutex<Desk>, shared: &Shared, on_ethernet: bool) {
    let interfaces = lock(desk).config.interfaces();
    while !shared.stopped() {
        {
            let mut desk = lock(desk);
            while desk.trash.pop().is_ok() {}
            for (port, interface) in interfaces.iter().enumerate().filter(|_| on_ethernet) {
                if shared.ports[port].gone.load(Ordering::Acquire) {
                    desk.look_for(port, interface, shared);
                }
            }
        }
        std::thread::park_timeout(LOOK_AGAIN);
    }
}

impl CardControl for TdmoeControl {
    fn spans(&mut self) -> Vec<SpanStatus> {
        let desk = lock(&self.desk);
        let attached = desk.state.attached.iter().zip(&self.shared.positions);
        let status = |(line, state): (&Option<LineConfig>, &SharedPosition)| {
            let errors = [Count::Lost, Count::Strange, Count::BadForm, Count::Channels];
            line.map(|line| SpanStatus {
                span: line.span,
                alarms: state.alarms(),
                slips: state.slips.load(Ordering::Acquire),
                errors: errors.into_iter().map(|count| state.counts.get(count)).sum(),
            })
        };
        attached.filter_map(status).collect()
    }

    fn attach(&mut self, line: &LineConfig) -> Result<(), CardError> {
        let mut desk = lock(&self.desk);
        check_line(&self.caps.model, &self.caps.positions, &desk.state.attached, line)?;
        let position = usize::from(line.position);
        let claim = match self.on_ethernet {
            true => Some(Claim::take(&self.caps.model, &desk.config.spans[position])?),
            false => None,
        };
        let setup = line_setup(&desk.config, line);
        let state = &self.shared.positions[position];
        state.set_alarms(Alarms::RED);
        desk.send(Command::Attach { position, line: Box::new(Line::new(setup)), config: *line })?;
        desk.state.attached[position] = Some(*line);
        desk.state.claims[position] = claim;
        Ok(())
    }

    fn detach(&mut self, span: SpanId) -> Result<(), CardError> {
        let position = self.position_of(span)?;
        let mut desk = lock(&self.desk);
        desk.send(Command::Detach(position))?;
        desk.state.attached[position] = None;
        desk.state.claims[position] = None;
        Ok(())
    }

    fn loopback(&mut self, span: SpanId, _: Loopback) -> Result<(), CardError> {
        self.position_of(span)?;
        Err(CardError::Unsupported { model: self.caps.model.clone(), what: "a loop on a span over Ethernet" })
    }

    fn counters(&self) -> CardCounters {
        self.shared.tally.counters()
    }

    fn fault(&self, span: SpanId) -> Option<String> {
        let position = self.position_of(span).ok()?;
        lock(&self.desk).fault(position, &self.shared.positions[position])
    }
}

impl Drop for TdmoeControl {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(keeper) = self.keeper.take() {
            keeper.thread().unpark();
            // A keeper that panicked has said so itself.
            let _ = keeper.join();
        }
    }
}
