//! The line process: cards, the realtime engine, signalling, prompts, recordings.
//!
//! | Thread | Does | Wakes on |
//! |---|---|---|
//! | `rt-0` | the engine | the card |
//! | `sig` | the line machine | 5 ms, or a message |
//! | `link` and its two | the switch's socket | the socket |
//! | `load` | prompts from the disk | an order |
//! | `play` | prompts into feeds | 20 ms, or an order |
//! | `rec` | taps into files | 100 ms, or an order |
//! | main | watches | 100 ms |
//!
//! When the realtime or signalling thread ends or stalls, the lines are left in their defined state (see `rt::start`) and
//! the process ends; its supervisor starts it again.

mod epoch;
mod faults;
mod link_server;
mod losses;
mod media;
mod signalling;
pub(crate) mod stepped;
pub(crate) mod time;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, bail};
use card::{CardControl, CardEvent, CardIo, LineConfig as CardLine, SpanStatus};
use clock::{Clock, Mono, MonoClock, Prng, SampleTime};
use config::Config;
use crossbeam_channel::{Sender, bounded};
use link::Health;
use rt::sched::{Grant, SchedReport, ThreadConfig};
use rt::{Counters, Engine, EngineHandle, Layout, RtEvent, RtEventKind, Running, Watch};
use tdm::SpanId;

use crate::{lock, wiring};
use signalling::Inbox;

/// Messages that may wait for the signalling thread.
const INBOX: usize = 16_384;
const WATCH_INTERVAL: Duration = Duration::from_millis(100);
/// Health is told every so many watches.
const WATCHES_PER_HEALTH: u32 = 10;
/// A heartbeat that stands still for so long means a stalled thread. A machine that is starved of its processor for some
/// seconds must not lose its calls for it, nor may a far end that a simulated card in lockstep waits for (5 s at most).
const STALLED_AFTER: Duration = Duration::from_secs(8);

/// Everything of the line process that its main thread watches over.
struct Lines {
    engine: Running,
    report: SchedReport,
    counters: Arc<Counters>,
    layout: Arc<Layout>,
    inbox: Sender<Inbox>,
    stop: Arc<AtomicBool>,
    signalling: JoinHandle<()>,
    signalling_beat: Arc<signalling::Heartbeat>,
    player: JoinHandle<()>,
    recorder: JoinHandle<()>,
    failed_recordings: Arc<media::Failures>,
    stillness: Vec<sim::Stillness>,
    /// Cards live as long as their blocking halves.
    controls: Vec<Box<dyn CardControl>>,
    spans: Vec<SpanId>,
}

/// Runs the line process until it is told to stop or something in it fails.
pub(crate) fn run(config: Config) -> anyhow::Result<()> {
    crate::supervisor::end_with_parent()?;
    let _lock = lock::take(&config.system.data_dir, "line.lock")?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    lock::make_directory("record.directory", &config.record.directory)?;
    recover_recordings(&config);
    for unfit in wiring::unfit_prompts(&config) {
        let (prompt, error, named_by) = (unfit.prompt, unfit.error, unfit.named_by.join(", "));
        tracing::error!(prompt, %error, named_by, "a prompt is missing or unfit: callers will not hear it");
    }
    let lines = Lines::start(&config, stop)?;
    let outcome = lines.watch();
    lines.end(outcome)
}

fn recover_recordings(config: &Config) {
    let recovered = record::recover(&config.record.directory);
    for (file, samples) in &recovered.closed {
        tracing::warn!(file = %file.display(), samples, "closed a recording that a dead process had left");
    }
    for (path, error) in &recovered.failed {
        tracing::error!(path = %path.display(), %error, "a left-over recording cannot be closed");
    }
}

impl Lines {
    fn start(config: &Config, stop: Arc<AtomicBool>) -> anyhow::Result<Lines> {
        let clock = MonoClock;
        let (mut controls, mut stillness) = (Vec::new(), Vec::new());
        let mut cards: Vec<Box<dyn CardIo>> = Vec::new();
        for card in &config.cards {
            let started = wiring::start_card(config, card)?;
            controls.push(started.control);
            cards.push(started.io);
            stillness.extend(started.stillness);
        }
        let lines: Vec<CardLine> = config.cards.iter().flat_map(|card| config.lines(card)).collect();
        tracing::info!(cards = cards.len(), spans = lines.len(), "cards started");
        let (engine, handle) = Engine::new(wiring::engine_config_of_cards(config), cards)?;
        let EngineHandle { sig_commands, events, dchannels, taps, feeds, layout, counters, .. } = handle;
        let unix_s = clock.anchor().unix_nanos(clock.now()) / 1_000_000_000;
        let epoch = epoch::next(&config.system.data_dir, u32::try_from(unix_s).unwrap_or(u32::MAX));
        let (inbox, mail) = bounded(INBOX);
        let failed_recordings = Arc::new(media::Failures::default());
        let (play, player) = media::start_player(config, feeds, inbox.clone())?;
        let (record, recorder) =
            media::start_recorder(config, taps, inbox.clone(), Arc::clone(&failed_recordings))?;
        let mut machine = line::Machine::new(
            wiring::line_config(config, &|channel| layout.strip(channel), epoch),
            Prng::new(epoch.into()),
        );
        let spans: Vec<_> = controls.iter_mut().flat_map(|control| control.spans()).collect();
        tell_alarms(&mut machine, &spans, clock.now());
        let signalling_beat = Arc::new(signalling::Heartbeat::default());
        let rings = signalling::Rings { commands: sig_commands, events, dchannels };
        let signalling = signalling::start(
            machine,
            rings,
            mail,
            signalling::Orders { play, record },
            Arc::clone(&stop),
            Arc::clone(&signalling_beat),
            // Below the engine, above everything else.
            (config.realtime.priority > 1).then_some(config.realtime.priority / 2),
        )?;
        let engine = rt::start(engine, thread_config(config)).context("cannot start the realtime thread")?;
        let report = engine.report().clone();
        tracing::info!(%report, "realtime thread started");
        link_server::start(&config.line.socket, inbox.clone())?;
        Ok(Lines {
            engine,
            report,
            counters,
            layout,
            inbox,
            stop,
            signalling,
            signalling_beat,
            player,
            recorder,
            failed_recordings,
            stillness,
            spans: spans.iter().map(|status| status.span).collect(),
            controls,
        })
    }

    /// Watches until the process shall end; an error says what has failed.
    fn watch(&self) -> anyhow::Result<()> {
        let clock = MonoClock;
        let mut heart = Watch::new(STALLED_AFTER, clock.now());
        let mut losses = losses::Losses::default();
        let mut standstill = losses::Standstill::default();
        let mut faults = faults::Faults::default();
        let mut signalling_heart = signalling::HeartWatch::new(STALLED_AFTER, clock.now());
        for turn in 0u32.. {
            std::thread::sleep(WATCH_INTERVAL);
            if self.signalling.is_finished() {
                return if self.stop.load(Ordering::Acquire) {
                    Ok(())
                } else {
                    bail!("the signalling thread has ended")
                };
            }
            // Callers would hear nothing, or nothing would be recorded: a restart is the lesser harm, and is seen.
            let media_ended = self.player.is_finished() || self.recorder.is_finished();
            if media_ended && !self.stop.load(Ordering::Acquire) {
                bail!("the thread of prompts or recordings has ended");
            }
            if let Some(reason) = self.counters.end() {
                bail!("the realtime thread has ended: {reason:?}");
            }
            if heart.stalled(&self.counters, clock.now()) {
                bail!("the realtime thread has stalled");
            }
            if signalling_heart.stalled(&self.signalling_beat, clock.now()) {
                bail!("the signalling thread has stalled");
            }
            if turn.is_multiple_of(WATCHES_PER_HEALTH) {
                let health = self.health();
                if let Some(lost) = losses.since(&health) {
                    tracing::warn!(lost, longest_period_us = health.longest_period_us, "something was lost");
                }
                if let Some(time) = standstill.since(self.stillness.iter().map(sim::Stillness::get).sum()) {
                    let ms = time.as_millis();
                    tracing::warn!(
                        ms,
                        "a simulated card stood still: the machine is too busy, the card's time is slower than the clock"
                    );
                }
                for (span, fault) in faults.changes(&self.spans, &self.controls) {
                    match fault {
                        Some(fault) => tracing::warn!(%span, fault, "a span does not work"),
                        None => tracing::info!(%span, "a span works again"),
                    }
                }
                self.tell_health(health);
            }
        }
        Ok(())
    }

    fn health(&self) -> Health {
        let c = &self.counters;
        Health {
            realtime: self.report.priority == Grant::Granted,
            locked: self.report.memory == Grant::Granted,
            periods: c.periods.get(),
            late_periods: c.late_periods.get(),
            lost_samples: c.lost_samples.get(),
            tap_overruns: c.tap_overrun.get(),
            feed_underruns: c.feed_underrun.get(),
            lost_events: c.events_lost.get(),
            lost_frames: c.dchan_drops.get(),
            longest_period_us: c.longest_work_ns.get() / 1_000,
            failed_recordings: self.failed_recordings.get(),
            refused_calls: 0,
        }
    }

    fn tell_health(&self, health: Health) {
        let c = &self.counters;
        // A full inbox means that the signalling thread is busy with calls: health can wait. It sums up what came before.
        for slot in 0..self.layout.slots() {
            if let (Some(span), Some(errors)) = (self.layout.span(slot), c.hdlc_errors.get(slot))
                && errors.get() > 0
            {
                let _ = self.inbox.try_send(Inbox::BadFrames { span, total: errors.get() });
            }
        }
        let _ = self.inbox.try_send(Inbox::Health(health));
    }

    /// Leaves the lines in their defined state and the recordings closed.
    fn end(self, outcome: anyhow::Result<()>) -> anyhow::Result<()> {
        self.engine.stop();
        self.stop.store(true, Ordering::Release);
        drop(self.inbox);
        if outcome.is_err() && self.counters.end().is_none() {
            // A thread that hangs is not waited for: the card sends its own alarm when the process is gone.
            std::thread::sleep(WATCH_INTERVAL);
            return outcome;
        }
        let reason = self.engine.join();
        let _ = self.recorder.join();
        tracing::info!(?reason, "the line process has ended");
        outcome
    }
}

/// Events tell only what changes: how the lines stand at start is asked for.
fn tell_alarms(machine: &mut line::Machine, spans: &[SpanStatus], now: Mono) {
    for status in spans {
        let kind = RtEventKind::Card(CardEvent::Alarms { span: status.span, alarms: status.alarms });
        machine.handle(line::Input::Rt(RtEvent { time: SampleTime::ZERO, kind }), now);
    }
}

fn thread_config(config: &Config) -> ThreadConfig {
    let priority = (config.realtime.priority > 0).then_some(config.realtime.priority);
    ThreadConfig {
        name: "rt-0".into(),
        priority,
        cpu: config.realtime.cpu.map(usize::from),
        lock_memory: config.realtime.lock_memory,
    }
}
