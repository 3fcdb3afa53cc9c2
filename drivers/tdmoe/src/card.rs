//! The card before it runs, and its start.

use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use card::{Card, CardCaps, CardError, LineConfig, PositionCaps};
use rtrb::RingBuffer;

use crate::config::TdmoeConfig;
use crate::control::{self, TdmoeControl};
use crate::io::TdmoeIo;
use crate::port::{Claim, Wire};
use crate::shared::Shared;
use crate::time::Time;

/// Commands that may wait for the realtime half.
const COMMAND_RING: usize = 64;

/// A card that is known but not running.
pub struct TdmoeCard {
    config: TdmoeConfig,
    caps: CardCaps,
    /// Wires that take the place of packet sockets, for tests: one for each interface.
    given: Option<Vec<Wire>>,
    time: Time,
}

impl TdmoeCard {
    /// Checks the configuration; touches no interface.
    ///
    /// # Errors
    /// Says what is wrong in it.
    pub fn new(config: TdmoeConfig) -> Result<TdmoeCard, CardError> {
        config.validate()?;
        let place =
            |span: &crate::TdmoeSpan| PositionCaps { kind: span.kind, channels: span.kind.max_channels() };
        let caps = CardCaps {
            model: config.model(),
            positions: config.spans.iter().map(place).collect(),
            period: Duration::from_millis(1),
            max_chunks: config.buffer_ms + 1,
            slack: Duration::from_millis(config.buffer_ms.into()),
            hardware_echo: false,
            hardware_hdlc: false,
        };
        Ok(TdmoeCard { config, caps, given: None, time: Time::Machine })
    }

    /// Puts `wires` in the place of packet sockets, one for each of [`TdmoeConfig::interfaces`], and `time` in that of the
    /// machine's clock. No right is needed then, and a wire that breaks stays so.
    ///
    /// # Errors
    /// There is another number of wires.
    pub fn over(config: TdmoeConfig, wires: Vec<Wire>, time: Time) -> Result<TdmoeCard, CardError> {
        let card = TdmoeCard::new(config)?;
        if wires.len() != card.config.interfaces().len() {
            return Err(CardError::Unsupported { model: card.caps.model, what: "another number of wires" });
        }
        Ok(TdmoeCard { given: Some(wires), time, ..card })
    }
}

/// The interfaces that are open, and why those are not that are not.
type Opened = (Vec<Option<Wire>>, Vec<Option<String>>);

/// Opens the interfaces. One that is not there or down is looked for later; without the right none can ever be.
fn open(config: &TdmoeConfig, shared: &Shared) -> Result<Opened, CardError> {
    let (mut wires, mut faults) = (Vec::new(), Vec::new());
    for (interface, state) in config.interfaces().iter().zip(&shared.ports) {
        match Wire::open(interface) {
            Ok(wire) => {
                wires.push(Some(wire));
                faults.push(None);
            }
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NetworkDown) => {
                state.gone.store(true, Ordering::Release);
                wires.push(None);
                faults.push(Some(error.to_string()));
            }
            Err(source) => {
                let what = "opening an interface".to_owned();
                return Err(CardError::System { model: config.model(), what, source });
            }
        }
    }
    Ok((wires, faults))
}

impl Card for TdmoeCard {
    type Control = TdmoeControl;
    type Io = TdmoeIo;

    fn caps(&self) -> &CardCaps {
        &self.caps
    }

    fn start(self, lines: &[LineConfig]) -> Result<(TdmoeControl, TdmoeIo), CardError> {
        let TdmoeCard { config, caps, given, time } = self;
        let on_ethernet = given.is_none();
        let mut attached = vec![None; caps.positions.len()];
        let mut claims: Vec<Option<Claim>> = attached.iter().map(|_| None).collect();
        for line in lines {
            control::check_line(&caps.model, &caps.positions, &attached, line)?;
            let position = usize::from(line.position);
            if on_ethernet {
                claims[position] = Some(Claim::take(&caps.model, &config.spans[position])?);
            }
            attached[position] = Some(*line);
        }
        let shared = Arc::new(Shared::new(caps.positions.len(), config.interfaces().len()));
        let (wires, faults) = match given {
            Some(wires) => {
                let faults = wires.iter().map(|_| None).collect();
                (wires.into_iter().map(Some).collect(), faults)
            }
            None => open(&config, &shared)?,
        };
        let (commands, commands_out) = RingBuffer::new(COMMAND_RING);
        let (trash_in, trash) = RingBuffer::new(COMMAND_RING);
        let slots = card::lay_out(&caps.positions, &attached);
        let io = TdmoeIo::new(
            &config,
            slots,
            &attached,
            wires,
            Arc::clone(&shared),
            (commands_out, trash_in),
            time,
        );
        let state = control::State { attached, claims, faults };
        let control = TdmoeControl::new(config, caps, state, shared, (commands, trash), on_ethernet)?;
        Ok((control, io))
    }
}
