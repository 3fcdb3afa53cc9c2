//! The card before it runs, and its start.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use card::{Card, CardCaps, CardError, LineConfig, PositionCaps};
use rtrb::RingBuffer;

use crate::config::{DahdiConfig, Hdlc};
use crate::control::{self, DahdiControl};
use crate::io::DahdiIo;
use crate::lines;
use crate::shared::Shared;

/// Commands that may wait for the realtime half.
const COMMAND_RING: usize = 64;

/// A card that is known but not running.
pub struct DahdiCard {
    config: DahdiConfig,
    caps: CardCaps,
}

impl DahdiCard {
    /// Checks the configuration; touches no device.
    ///
    /// # Errors
    /// Says what is wrong in it.
    pub fn new(config: DahdiConfig) -> Result<DahdiCard, CardError> {
        config.validate()?;
        let place = |span: &crate::DahdiSpan| PositionCaps { kind: span.kind, channels: span.channels };
        let caps = CardCaps {
            model: config.model(),
            positions: config.spans.iter().map(place).collect(),
            period: Duration::from_millis(u64::from(config.block_ms)),
            max_chunks: config.slack_ms(),
            slack: Duration::from_millis(u64::from(config.slack_ms())),
            hardware_echo: config.card_echo,
            hardware_hdlc: config.hdlc != Hdlc::Own,
        };
        Ok(DahdiCard { config, caps })
    }
}

impl Card for DahdiCard {
    type Control = DahdiControl;
    type Io = DahdiIo;

    fn caps(&self) -> &CardCaps {
        &self.caps
    }

    /// Starts with the spans that are there. Those that are not, or that another process has, are in alarm DETACHED and taken up
    /// when they can be; if it is all of them, the card does not start.
    fn start(self, lines: &[LineConfig]) -> Result<(DahdiControl, DahdiIo), CardError> {
        let DahdiCard { config, caps } = self;
        let mut attached = vec![None; caps.positions.len()];
        let mut opened = Vec::new();
        let mut missing = Vec::new();
        for line in lines {
            control::check_line(&caps.model, &caps.positions, &attached, line)?;
            match lines::open(&config, line) {
                Ok(span) => opened.push(span),
                Err(error) if may_come(&error) => missing.push((usize::from(line.position), error)),
                Err(error) => return Err(error),
            }
            attached[usize::from(line.position)] = Some(*line);
        }
        if opened.is_empty() && !missing.is_empty() {
            return Err(missing.swap_remove(0).1);
        }
        let shared = Arc::new(Shared::new(caps.positions.len()));
        for (position, _) in &missing {
            shared.positions[*position].gone.store(true, Ordering::Release);
        }
        let (commands, commands_out) = RingBuffer::new(COMMAND_RING);
        let (trash_in, trash) = RingBuffer::new(COMMAND_RING);
        let slots = card::lay_out(&caps.positions, &attached);
        let io = DahdiIo::new(&config, slots, opened, Arc::clone(&shared), commands_out, trash_in);
        let control = DahdiControl::new(config, caps, attached, &missing, shared, commands, trash)?;
        Ok((control, io))
    }
}

/// Returns true if what keeps a span from being opened may be over later, and is the span's own.
fn may_come(error: &CardError) -> bool {
    match error {
        CardError::System { source, .. } => {
            matches!(source.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::ResourceBusy)
        }
        CardError::NoPosition { .. }
        | CardError::PositionTaken { .. }
        | CardError::DoesNotFit { .. }
        | CardError::NoSpan { .. }
        | CardError::Unsupported { .. } => false,
    }
}
