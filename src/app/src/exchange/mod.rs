//! `tandem exchange`: the simulated exchange with its people, at the far end of a running appliance's lines.
//!
//! One thread lives in the card's milliseconds: it hears all lines, lets the exchange and its people act, and says what
//! they say. It connects to the sockets of all spans whose `far_end` is "exchange", and again whenever one is closed, so
//! that the line process may be restarted at any time. What truly happened goes to `exchange.jsonl`, and once a minute a
//! line with the figures to the standard output.
//!
//! People live in the time of the cards, so that on a machine that is too slow for a card in step they are slow, too; the
//! truth is written with the wall's time. While no line is there time goes by the wall.
//!
//! SIGUSR1 closes the door: no more callers come, those who are there finish.
//!
//! Limits: the lines of several cards are heard in one turn, so that the slowest card sets the pace of all.

mod figures;
mod log;
mod setup;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context;
use clock::{Clock, Mono, MonoClock};
use config::Config;
use crossbeam_channel::{Receiver, Sender, unbounded};
use sim::line_client::LineClient;
use simulator::exchange::Input;
use simulator::plant::Plant;
use tdm::{Chunk, SpanId};

use crate::lock;
pub(crate) use figures::Figures;
pub(crate) use log::TruthLog;
pub(crate) use setup::{exchange_config, has_public_span, is_wanted, spans, voices};

/// How often a line that is not there is tried again.
const CONNECT_AGAIN: Duration = Duration::from_millis(200);
/// How long to sleep while no line is there.
const NO_LINE: Duration = Duration::from_millis(10);
const MILLISECOND: Duration = Duration::from_millis(1);
/// Milliseconds of a line that may wait; older ones are left out, so that a card that ran ahead does not stay ahead.
const MAX_BEHIND: usize = 50;
/// Callers come when the lines have worked for so long.
const OPEN_AFTER: Duration = Duration::from_secs(3);
const FLUSH_EVERY: Duration = Duration::from_millis(500);
const TELL_EVERY: Duration = Duration::from_secs(60);
/// How often it is told that milliseconds were left out.
const TELL_SKIPPED_EVERY: Duration = Duration::from_secs(1);

/// One line of the exchange.
struct Plug {
    span: SpanId,
    path: PathBuf,
    client: Option<LineClient>,
    chunks: Vec<Chunk>,
}

struct Running {
    plant: Plant,
    plugs: Vec<Plug>,
    connected: Receiver<(usize, LineClient)>,
    connector: Sender<(usize, LineClient)>,
    stop: Arc<AtomicBool>,
    /// The wall's zero of the truth's time line.
    zero: Mono,
    /// The people's time.
    now: Mono,
    /// Milliseconds left out because the exchange was behind.
    skipped: u64,
}

/// Runs the exchange until it is told to stop.
pub(crate) fn run(config: Config) -> anyhow::Result<()> {
    crate::supervisor::end_with_parent()?;
    let _lock = lock::take(&config.system.data_dir, "exchange.lock")?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let close = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGUSR1, Arc::clone(&close))?;
    let zero = MonoClock.now();
    let unix_ms = MonoClock.anchor().unix_millis(zero);
    let exchange = exchange_config(&config, unix_ms)?;
    let log_path = config.exchange.as_ref().map(|people| people.log.clone()).unwrap_or_default();
    let mut log = TruthLog::create(&log_path)?;
    let callers_come = has_public_span(&exchange);
    let plant =
        Plant::new(exchange, voices(&config)?, Mono::ZERO).with_tones(crate::wiring::country(&config));
    for voice in plant.babbles() {
        tracing::warn!(voice, "there are no voices of this kind (make prompts makes them): they babble");
    }
    let mut running = Running::new(plant, &config, zero, Arc::clone(&stop));
    (0..running.plugs.len()).try_for_each(|plug| running.connect(plug))?;
    running.run(&mut log, callers_come, &close)
}

impl Running {
    fn new(plant: Plant, config: &Config, zero: Mono, stop: Arc<AtomicBool>) -> Running {
        let plug = |span: &config::Span| Plug {
            span: span.id,
            path: config.exchange_socket(span.id),
            client: None,
            chunks: vec![[span.law.idle(); tdm::CHUNK]; usize::from(span.channels)],
        };
        let (connector, connected) = unbounded();
        let plugs = spans(config).map(plug).collect();
        Running { plant, plugs, connected, connector, stop, zero, now: Mono::ZERO, skipped: 0 }
    }

    fn run(&mut self, log: &mut TruthLog, callers_come: bool, close: &AtomicBool) -> anyhow::Result<()> {
        let mut figures = Figures::default();
        let (mut up_since, mut is_open) = (None, !callers_come);
        let (mut flush_at, mut tell_at) = (FLUSH_EVERY, TELL_EVERY);
        let (mut tell_skipped_at, mut skipped) = (TELL_SKIPPED_EVERY, 0);
        while !self.stop.load(Ordering::Acquire) {
            self.millisecond()?;
            let (now, age) = (self.now, MonoClock.now() - self.zero);
            if !is_open {
                up_since = self.any_up().then(|| up_since.unwrap_or(now));
                if up_since.is_some_and(|since| now - since >= OPEN_AFTER) {
                    is_open = true;
                    self.plant.tell(Input::Open, now);
                }
            }
            if close.swap(false, Ordering::AcqRel) {
                is_open = true;
                self.plant.tell(Input::Close, now);
                println!("exchange: no more callers come");
            }
            while let Some(mut entry) = self.plant.poll_truth() {
                entry.at_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
                figures.count(&entry);
                log.write(&entry);
            }
            if age >= flush_at {
                log.flush();
                flush_at = age + FLUSH_EVERY;
            }
            if age >= tell_skipped_at {
                tell_skipped_at = age + TELL_SKIPPED_EVERY;
                let more_ms = self.skipped - std::mem::replace(&mut skipped, self.skipped);
                if more_ms > 0 {
                    tracing::warn!(more_ms, "behind the lines: left out, people miss words");
                }
            }
            if age >= tell_at {
                println!("exchange: {figures}");
                tell_at = age + TELL_EVERY;
            }
        }
        log.flush();
        let (skipped_ms, lost) = (self.skipped, self.plant.lost());
        println!("exchange: {figures}; left out {skipped_ms} ms");
        tracing::info!(skipped_ms, lost, "the exchange has ended");
        Ok(())
    }

    fn any_up(&self) -> bool {
        self.plugs.iter().any(|plug| self.plant.exchange().is_up(plug.span))
    }

    /// Lives through one millisecond of the cards; without a line it only waits.
    fn millisecond(&mut self) -> anyhow::Result<()> {
        let now = self.now;
        while let Ok((index, client)) = self.connected.try_recv() {
            let span = self.plugs[index].span;
            tracing::info!(%span, "line connected");
            self.plugs[index].client = Some(client);
            self.plant.line(span, true, now);
        }
        let mut present = false;
        for index in 0..self.plugs.len() {
            if self.plugs[index].client.is_none() {
                continue;
            }
            present = true;
            if let Err(error) = self.hear(index, now) {
                self.lose(index, &error, now)?;
            }
        }
        for index in 0..self.plugs.len() {
            if let Err(error) = self.say(index) {
                self.lose(index, &error, now)?;
            }
        }
        if !present {
            std::thread::sleep(NO_LINE);
        }
        self.now += if present { MILLISECOND } else { NO_LINE };
        self.plant.step(self.now);
        Ok(())
    }

    fn hear(&mut self, index: usize, now: Mono) -> std::io::Result<()> {
        let plug = &mut self.plugs[index];
        let Some(client) = &mut plug.client else { return Ok(()) };
        let tick = client.hear()?;
        for frame in &tick.frames {
            self.plant.line_frame(plug.span, frame, now);
        }
        self.plant.line_hears(plug.span, &tick.chunks, &tick.edges, now);
        while client.behind() > MAX_BEHIND {
            let tick = client.hear()?;
            self.skipped += 1;
            for frame in &tick.frames {
                self.plant.line_frame(plug.span, frame, now);
            }
            self.plant.line_hears(plug.span, &[], &tick.edges, now);
            let silence = client.silence();
            client.say(&silence)?;
        }
        Ok(())
    }

    fn say(&mut self, index: usize) -> std::io::Result<()> {
        let plug = &mut self.plugs[index];
        let Some(client) = &mut plug.client else { return Ok(()) };
        while let Some(edge) = self.plant.next_edge(plug.span) {
            client.edge(edge);
        }
        while let Some(frame) = self.plant.next_frame(plug.span) {
            client.frame(frame.octets());
        }
        self.plant.line_says(plug.span, &mut plug.chunks);
        client.say(&plug.chunks)
    }

    fn lose(&mut self, index: usize, error: &std::io::Error, now: Mono) -> anyhow::Result<()> {
        let span = self.plugs[index].span;
        tracing::warn!(%span, %error, "line lost: connecting again");
        self.plugs[index].client = None;
        self.plant.line(span, false, now);
        self.connect(index)
    }

    /// Starts to connect a line; the client comes when the card answers.
    fn connect(&self, index: usize) -> anyhow::Result<()> {
        let (path, connector, stop) =
            (self.plugs[index].path.clone(), self.connector.clone(), Arc::clone(&self.stop));
        let work = move || {
            while !stop.load(Ordering::Acquire) {
                match LineClient::connect(&path, true) {
                    Ok(client) => {
                        // Who does not take it any more has ended.
                        let _ = connector.send((index, client));
                        return;
                    }
                    Err(_) => std::thread::sleep(CONNECT_AGAIN),
                }
            }
        };
        Builder::new().name("connect".into()).spawn(work).context("no thread to connect a line")?;
        Ok(())
    }
}
