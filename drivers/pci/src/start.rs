//! The card before its start, and its start.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use card::{Card, CardCaps, CardError, LineConfig, PositionCaps};
use firmware_shim::Layout;
use rtrb::RingBuffer;
use tdm::CHUNK;

use crate::bus::Bus;
use crate::config::{Framing, PciConfig};
use crate::control::{COMMANDS, PciControl, check_line};
use crate::driver::Driver;
use crate::fault::PciFault;
use crate::io::{EVENTS, PciIo, Told};
use crate::port::Port;
use crate::setup;
use crate::shared::Shared;

/// A card that is not running.
pub struct PciCard<B: Bus> {
    config: PciConfig,
    caps: CardCaps,
    places: Vec<(PositionCaps, Framing)>,
    bus: B,
}

impl<B: Bus> PciCard<B> {
    /// Takes the card on `bus`, which must have [`PciCard::words`] words of shared memory.
    ///
    /// # Errors
    /// Says what is wrong with the configuration.
    pub fn new(config: PciConfig, bus: B) -> Result<PciCard<B>, CardError> {
        let short = (config.wrong().is_none() && bus.words() < PciCard::<B>::words(&config))
            .then(|| "the bus has too little shared memory".to_owned());
        if let Some(what) = config.wrong().or(short) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, what);
            return Err(CardError::System {
                model: config.model(),
                what: "its configuration".to_owned(),
                source,
            });
        }
        let places: Vec<_> = config
            .ports
            .iter()
            .map(|port| {
                let kind = Port::new(0, *port).kind();
                (PositionCaps { kind, channels: kind.max_channels() }, port.framing)
            })
            .collect();
        let most = crate::ring::Ring::most(config.ring());
        let caps = CardCaps {
            model: config.model(),
            positions: places.iter().map(|(place, _)| *place).collect(),
            period: Duration::from_millis(1),
            max_chunks: u16::from(most),
            slack: Duration::from_millis(u64::from(most)),
            hardware_echo: false,
            hardware_hdlc: false,
        };
        Ok(PciCard { config, caps, places, bus })
    }

    /// Returns the words of shared memory that a card needs.
    pub fn words(config: &PciConfig) -> usize {
        layout(config).words()
    }
}

fn layout(config: &PciConfig) -> Layout {
    Layout::new(config.ports.len() as u8, config.ring(), config.jumpers() != 0)
}

/// Returns the error of a card that was given up at start.
fn refused(model: &str, fault: PciFault) -> CardError {
    let kind = match fault {
        PciFault::NotThisCard | PciFault::Gone => io::ErrorKind::NotFound,
        PciFault::OtherJumpers => io::ErrorKind::InvalidInput,
        PciFault::FramersSilent
        | PciFault::LoopNotSeen
        | PciFault::DmaStalled
        | PciFault::RingNonsense
        | PciFault::InterruptStorm => io::ErrorKind::InvalidData,
    };
    let source = io::Error::new(kind, fault);
    CardError::System { model: model.to_owned(), what: "starting it".to_owned(), source }
}

impl<B: Bus> Card for PciCard<B> {
    type Control = PciControl;
    type Io = PciIo<B>;

    fn caps(&self) -> &CardCaps {
        &self.caps
    }

    fn start(self, lines: &[LineConfig]) -> Result<(PciControl, PciIo<B>), CardError> {
        let mut attached = vec![None; self.places.len()];
        for line in lines {
            check_line(&self.caps.model, &self.places, &attached, line)?;
            attached[usize::from(line.position)] = Some(*line);
        }
        let slots = card::lay_out(&self.caps.positions, &vec![None; self.places.len()]);
        let PciCard { config, caps, places, bus } = self;
        let shared = Arc::new(Shared::new(places.len()));
        let mut driver = Driver::new(bus, layout(&config), config.generation, Arc::clone(&shared));
        let ready = driver.bring_up(&config).and_then(|()| {
            driver.begin();
            driver.measure()
        });
        let delay = ready.map_err(|fault| {
            driver.stop();
            refused(&caps.model, fault)
        })?;
        shared.delay.measured(delay);
        let (producer, commands) = RingBuffer::new(COMMANDS);
        let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
        let rows = usize::from(caps.max_chunks) * channels;
        let mut io = PciIo {
            driver,
            ports: (0..).zip(&config.ports).map(|(unit, port)| Port::new(unit, *port)).collect(),
            shared: Arc::clone(&shared),
            commands,
            pending: None,
            events: VecDeque::with_capacity(EVENTS + card::MAX_POSITIONS),
            clock: None,
            served: 0,
            ticks: 0,
            slots,
            rx: vec![[0; CHUNK]; rows],
            tx: vec![[0; CHUNK]; rows],
            channels,
            first: 0,
            in_hand: 0,
        };
        for line in lines {
            let port = &config.ports[usize::from(line.position)];
            let writes = setup::line_side(io.driver.board, port, Some(line.signalling));
            io.driver.write_all(line.position, &writes);
            io.begin_red(line.position);
            io.attached(*line);
        }
        // Those attached at start are no news.
        io.events.retain(|told| !matches!(told, Told::Attached(_)));
        for line in lines {
            let slot = &mut io.slots[usize::from(line.position)];
            (slot.span, slot.law, slot.signalling) = (Some(line.span), line.law, line.signalling);
        }
        io.choose_clock(true);
        let control = PciControl { model: caps.model, places, attached, commands: producer, shared };
        Ok((control, io))
    }
}
