//! The whole line process in one thread, a millisecond at a time: for a simulated world whose clock it moves.
//!
//! The same engine, line machine, player and recorder as in the process, in the turns that their threads take: the engine
//! every period, signalling every 5 ms or at a message, the player every 20 ms or at an order, the recorder every 100 ms or
//! at an order. With cards in virtual pace and far ends in this process nothing depends on the machine it runs on.
//!
//! Limits: a configured card is simulated; the realtime guards are off, since cards in virtual pace may allocate.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use card::CardIo;
use clock::{Clock, Prng, VirtualClock, WallAnchor};
use config::Config;
use crossbeam_channel::{Receiver, Sender, bounded};
use link::{Order, ToSwitch};
use record::Disk;
use rt::{Counters, Engine, EngineHandle};
use sim::FarEnd;
use tdm::SpanId;

use super::media::{Failures, LoadDesk, PlayDesk, RecordDesk, desks};
use super::signalling::{Connection, Inbox, Orders, Rings, Signalling};
use super::time::LineClock;
use super::{INBOX, tell_alarms};
use crate::wiring;

/// Milliseconds between two turns of each part.
const SIGNALLING_MS: u64 = 5;
const PLAY_MS: u64 = 20;
const RECORD_MS: u64 = 100;
/// The number of the only connection there is.
const CONNECTION: u64 = 1;

/// The line process, stopped between two milliseconds.
pub(crate) struct Stepped {
    engine: Engine,
    signalling: Signalling,
    mail: Receiver<Inbox>,
    inbox: Sender<Inbox>,
    load: LoadDesk,
    play: PlayDesk,
    record: RecordDesk,
    messages: Receiver<ToSwitch>,
    counters: Arc<Counters>,
    failures: Arc<Failures>,
    ms: u64,
    /// Cards live as long as their blocking halves.
    _controls: Vec<sim::SimControl>,
}

/// What was lost, by the line process's own counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    pub samples: u64,
    pub frames: u64,
    pub bad_frames: u64,
    pub tap_blocks: u64,
    pub feed_blocks: u64,
    pub events: u64,
    pub recordings: u64,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} samples, {} frames, {} bad frames, {} tap blocks, {} feed blocks, {} events, {} recordings",
            self.samples,
            self.frames,
            self.bad_frames,
            self.tap_blocks,
            self.feed_blocks,
            self.events,
            self.recordings
        )
    }
}

impl Stepped {
    /// Makes it, with a switch attached; `far_end` gives the exchange's end of a span.
    ///
    /// # Errors
    /// A card or the engine cannot be made as configured.
    pub fn new(
        config: &Config,
        clock: &VirtualClock,
        anchor: WallAnchor,
        far_end: impl Fn(SpanId) -> Box<dyn FarEnd>,
        disk: Box<dyn Disk>,
    ) -> anyhow::Result<Stepped> {
        let (mut controls, mut cards) = (Vec::new(), Vec::<Box<dyn CardIo>>::new());
        for card in &config.cards {
            let (control, io) = wiring::start_virtual_card(config, card, clock, &far_end)?;
            controls.push(control);
            cards.push(Box::new(io));
        }
        let (engine, handle) = Engine::new(wiring::engine_config(config), cards)?;
        let EngineHandle { sig_commands, events, dchannels, taps, feeds, layout, counters, .. } = handle;
        let time = LineClock::Virtual(clock.clone(), anchor);
        let epoch = u32::try_from(anchor.unix_millis(clock.now()) / 1_000).unwrap_or(u32::MAX);
        let (inbox, mail) = bounded(INBOX);
        let failures = Arc::new(Failures::default());
        let (play_orders, load, play) = desks(&config.system.prompts_dir, feeds, inbox.clone());
        let (record_orders, record) =
            RecordDesk::new(config, time.clone(), disk, taps, inbox.clone(), Arc::clone(&failures));
        let mut machine = line::Machine::new(
            wiring::line_config(config, &|channel| layout.strip(channel), epoch),
            Prng::new(epoch.into()),
        );
        tell_alarms(&mut machine, &mut controls, clock.now());
        let rings = Rings { commands: sig_commands, events, dchannels };
        let orders = Orders { play: play_orders, record: record_orders };
        let mut signalling = Signalling::new(machine, time, rings, orders);
        let (out, messages) = bounded(INBOX);
        signalling.take(Inbox::Attach(Connection { number: CONNECTION, out, stream: None }));
        Ok(Stepped {
            engine,
            signalling,
            mail,
            inbox,
            load,
            play,
            record,
            messages,
            counters,
            failures,
            ms: 0,
            _controls: controls,
        })
    }

    /// Lives through one millisecond of the cards.
    ///
    /// # Errors
    /// A card has failed, or a part has ended.
    pub fn millisecond(&mut self) -> anyhow::Result<()> {
        if let Err(fault) = self.engine.period() {
            bail!("the card has failed: {fault:?}");
        }
        self.ms += 1;
        let due = |every: u64| self.ms.is_multiple_of(every);
        let (play_due, record_due, signalling_due) = (due(PLAY_MS), due(RECORD_MS), due(SIGNALLING_MS));
        let has_orders = self.load.has_orders();
        if has_orders && !self.load.turn(Duration::ZERO) {
            bail!("the reader of prompts has ended");
        }
        if (play_due || has_orders) && !self.play.turn(Duration::ZERO) {
            bail!("the player has ended");
        }
        if (record_due || self.record.has_orders()) && !self.record.turn(Duration::ZERO) {
            bail!("the recorder has ended");
        }
        if signalling_due || !self.mail.is_empty() {
            while let Ok(message) = self.mail.try_recv() {
                self.signalling.take(message);
            }
            self.signalling.turn();
        }
        Ok(())
    }

    /// Takes an order of the switch.
    ///
    /// # Errors
    /// More orders wait than may.
    pub fn order(&self, order: Order) -> anyhow::Result<()> {
        self.inbox
            .try_send(Inbox::Order { connection: CONNECTION, order })
            .ok()
            .context("the line process takes no more orders")
    }

    /// Returns the next message to the switch.
    pub fn message(&self) -> Option<ToSwitch> {
        self.messages.try_recv().ok()
    }

    /// Returns how many legs there are.
    pub fn legs(&self) -> usize {
        self.signalling.legs()
    }

    /// Returns how many recordings are being written.
    pub fn open_recordings(&self) -> usize {
        self.record.open()
    }

    /// Returns what was lost so far.
    pub fn lost(&self) -> Lost {
        let c = &self.counters;
        let bad = (0..).map_while(|slot| c.hdlc_errors.get(slot)).map(|errors| errors.get()).sum();
        Lost {
            samples: c.lost_samples.get(),
            frames: c.dchan_drops.get(),
            bad_frames: bad,
            tap_blocks: c.tap_overrun.get(),
            feed_blocks: c.feed_underrun.get(),
            events: c.events_lost.get(),
            recordings: self.failures.get(),
        }
    }
}
