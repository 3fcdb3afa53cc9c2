//! `tandem simulate`: the configured centre in virtual time, with made-up people, compared with the truth of what they did.
//!
//! The machines are those of the daemon; lines, audio, disk and database are not there. Nothing is written but the log that
//! is asked for. Exit code 1: something that must hold does not, and standard error names it with the lines that show it.
//!
//! With fidelity `audio` every sample goes through card and engine, too (`whole`): then cards are simulated, nothing is lost,
//! everybody is heard and every recording is as long as its call, or it is told. Limits: spans whose far end is not the exchange stay down.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use config::Config;
use rt::Strip;
use simulator::event::{Outcome, Progress, Run, Shift, WorldConfig};
use simulator::invariants::Names;
use simulator::summary::Goals;
use simulator::truth::Entry;
use switch::AgentOrder;
use tdm::ChannelId;

use crate::exchange::{exchange_config, is_wanted};
use crate::{refused, whole, wiring};

/// How long a prompt lasts whose file is not there.
const UNKNOWN_PROMPT: Duration = Duration::from_secs(3);
/// When agents who begin busy say that they are ready.
const READY_AFTER: Duration = Duration::from_secs(60);
/// The wall time at which every simulated day begins: 2026-01-05 00:00:00 UTC, a Monday.
const BEGIN_UNIX_MS: u64 = 1_767_571_200_000;
/// The longest run.
const MAX_HOURS: f64 = 24.0 * 31.0;
/// How often progress is told to a terminal.
const TELL_EVERY: Duration = Duration::from_millis(200);
/// Into how many parts a run is divided when progress is told to a file.
const PARTS: u32 = 10;

/// What `tandem simulate` is asked for.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The configuration file (TOML) with an [exchange] section
    #[arg(value_name = "FILE")]
    pub config: PathBuf,
    /// The seed of all chance; the same seed gives the same log. Without it that of [exchange]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How many hours callers come for; then everybody finishes
    #[arg(long, value_name = "H", default_value_t = 1.0)]
    hours: f64,
    /// With or without samples
    #[arg(long, value_enum, default_value_t = Fidelity::Event)]
    fidelity: Fidelity,
    /// Write what really happened to this file, one line of JSON for each event
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Print the figures as one line of JSON
    #[arg(long)]
    json: bool,
}

/// How much of the appliance is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Fidelity {
    /// Signalling and decisions; what is heard is given by the simulated world: whole days in seconds
    Event,
    /// Every sample through the engine: people speak, listen and press keys: minutes for an hour
    Audio,
}

/// Runs a simulation; returns false if something does not hold.
///
/// # Errors
/// The configuration has no exchange, or the log cannot be written.
pub(crate) fn run(arguments: &Arguments, config: &Config) -> anyhow::Result<bool> {
    if !(arguments.hours > 0.0 && arguments.hours <= MAX_HOURS) {
        return Err(refused(format!(
            "--hours {}: more than 0 and at most {MAX_HOURS} are allowed",
            arguments.hours
        )));
    }
    if !is_wanted(config) {
        let file = config.file.display();
        return Err(refused(format!(
            "{file}: exchange: a simulation needs this section and a span with far_end = \"exchange\""
        )));
    }
    let length = Duration::from_secs_f64(arguments.hours * 3_600.0);
    let mut log = arguments.log.as_ref().map(Log::create).transpose()?;
    let mut teller = Teller::new(length);
    let begun = Instant::now();
    let mut failed = None;
    let progress = |progress: Progress<'_>| {
        teller.tell(&progress);
        if let Some(log) = log.as_mut().filter(|_| failed.is_none()) {
            failed = log.write(progress.truth).err();
        }
    };
    let (names, goals) = (names(config), Goals::default());
    let (mut outcome, sound) = match arguments.fidelity {
        Fidelity::Event => {
            let run = Run { world: world(config, arguments.seed)?, length, names, goals };
            (run.run(progress).map_err(refused)?, None)
        }
        Fidelity::Audio => {
            let run = whole::Run { seed: arguments.seed, unix_ms: BEGIN_UNIX_MS, length, names, goals };
            let (outcome, sound) = run.run(config, progress)?;
            (outcome, Some(sound))
        }
    };
    teller.end();
    if let Some(error) = failed {
        return Err(error);
    }
    log.map_or(Ok(()), Log::close)?;
    outcome.summary.took(begun.elapsed().as_secs_f64());
    tell(arguments, &outcome);
    Ok(sound.is_none_or(|sound| tell_sound(&sound)) && outcome.broken.is_empty())
}

/// Tells what is to be said of the sound; returns false if something does not hold.
fn tell_sound(sound: &whole::Sound) -> bool {
    eprintln!(
        "sound: {} ends of talks heard the other well, {} recordings compared, lost: {}",
        sound.heard_well, sound.recordings, sound.lost
    );
    sound.broken.iter().for_each(|why| eprintln!("broken: sound: {why}"));
    sound.broken.is_empty()
}

fn tell(arguments: &Arguments, outcome: &Outcome) {
    if arguments.json {
        println!("{}", outcome.summary.to_json());
    } else {
        print!("{}", outcome.summary);
    }
    outcome.broken.iter().for_each(|broken| eprintln!("{broken}"));
    if outcome.broken.is_empty() {
        eprintln!("all invariants hold");
    } else {
        eprintln!("tandem: seed {}: {} finding(s)", outcome.summary.seed, outcome.broken.len());
    }
}

/// Returns the world of a configuration.
fn world(config: &Config, seed: Option<u64>) -> anyhow::Result<WorldConfig> {
    let mut exchange = exchange_config(config, BEGIN_UNIX_MS)?;
    exchange.seed = seed.unwrap_or(exchange.seed);
    let spans = config.cards.iter().flat_map(|card| &card.spans);
    let channels = spans.flat_map(|span| (1..=span.channels).map(|t| ChannelId::new(span.id.0, t)));
    let strips: BTreeMap<ChannelId, Strip> = channels.zip((0..).map(Strip)).collect();
    let mut switch = wiring::switch_config(config);
    switch.records = true;
    Ok(WorldConfig {
        line: wiring::line_config(config, &|channel| strips.get(&channel).copied(), 1),
        switch,
        exchange,
        prompts: prompts(config),
        prompt: UNKNOWN_PROMPT,
        shifts: shifts(config),
    })
}

/// Agents who begin busy are ready after a while; those who begin offline have the day off.
fn shifts(config: &Config) -> Vec<Shift> {
    let busy = config.agents.iter().filter(|agent| agent.start == config::AgentStart::Busy);
    busy.map(|agent| Shift { at: READY_AFTER, agent: agent.name.clone(), order: AgentOrder::Ready }).collect()
}

/// Returns how long the prompts are whose files are there.
fn prompts(config: &Config) -> BTreeMap<String, Duration> {
    let mut files = record::Prompts::default();
    let length = |prompt: String| {
        let samples = files.load(&config.prompt_file(&prompt)).ok()?.len();
        let ms = samples as u64 / 8;
        Some((prompt, Duration::from_millis(ms)))
    };
    wiring::named_prompts(config).into_keys().filter_map(length).collect()
}

/// Returns phones, which the exchange names after their seats, as the switch names them.
fn names(config: &Config) -> BTreeMap<String, Names> {
    let name = |seat: &config::Seat| {
        let agent = config.agents.iter().find(|agent| agent.seat == seat.number);
        let agent = agent.map(|agent| agent.name.clone());
        (seat.number.clone(), Names { seat: seat.number.clone(), agent })
    };
    config.seats.iter().map(name).collect()
}

/// The file of what really happened.
struct Log {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Log {
    fn create(path: &PathBuf) -> anyhow::Result<Log> {
        let file =
            File::create(path).map_err(|error| refused(format!("--log {}: {error}", path.display())))?;
        Ok(Log { path: path.clone(), file: BufWriter::new(file) })
    }

    fn write(&mut self, truth: &[Entry]) -> anyhow::Result<()> {
        let mut lines = truth.iter().map(Entry::to_line);
        lines.try_for_each(|line| writeln!(self.file, "{line}")).with_context(|| self.named())
    }

    fn close(mut self) -> anyhow::Result<()> {
        self.file.flush().with_context(|| self.named())
    }

    fn named(&self) -> String {
        format!("the log {} cannot be written", self.path.display())
    }
}

/// Tells how far the run is: a line that changes on a terminal, some lines elsewhere.
struct Teller {
    length: Duration,
    terminal: bool,
    last: Instant,
    parts: u32,
}

impl Teller {
    fn new(length: Duration) -> Teller {
        Teller { length, terminal: std::io::stderr().is_terminal(), last: Instant::now(), parts: 0 }
    }

    fn tell(&mut self, progress: &Progress<'_>) {
        let done = progress.done.as_secs_f64() / self.length.as_secs_f64();
        let parts = (done * f64::from(PARTS)) as u32;
        let minutes = progress.done.as_secs() / 60;
        let text = format!(
            "{:>3.0} %  {:02}:{:02} simulated, {} callers there",
            done * 100.0,
            minutes / 60,
            minutes % 60,
            progress.callers
        );
        if self.terminal && self.last.elapsed() >= TELL_EVERY {
            self.last = Instant::now();
            eprint!("\r{text}   ");
        } else if !self.terminal && parts > self.parts {
            self.parts = parts;
            eprintln!("{text}");
        }
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r{:60}\r", "");
        }
    }
}
