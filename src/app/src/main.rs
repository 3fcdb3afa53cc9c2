//! The program `tandem`: the line process, the switch process, their supervisor, and the operator's commands.
//!
//! `tandem run` starts two children of this same binary: `tandem line` holds everything with audio or a wire in it,
//! `tandem switch` everything that decides or shows. Either may die; see `docs/architecture.md`.
//! Exit codes: 0 done, 1 failed, 2 the configuration or the machine does not allow it (a supervisor does not try again).

mod cards;
mod exchange;
mod hwtest;
mod import;
mod lines;
mod lock;
mod logging;
mod pci_card;
mod records;
mod reload;
mod simulate;
mod supervisor;
mod switching;
mod tdmoe_card;
mod wall;
mod whole;
mod wiring;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use config::{Config, Source};

/// The exit code for what another try would not mend.
pub(crate) const EXIT_REFUSED: u8 = 2;

/// With realtime memory guarded by a flag per thread: a heap use between two waits is counted in the daemon.
#[global_allocator]
static ALLOCATOR: rt::guard::GuardedAlloc = rt::guard::GuardedAlloc::new(rt::guard::OnHeapUse::Count);

/// A call centre in one program: telephone line cards in, answered calls out.
#[derive(Parser)]
#[command(name = "tandem", version, about, after_help = AFTER_HELP, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
First steps:
  tandem check config/examples/first-call.toml    find every error of a configuration
  tandem run config/examples/first-call.toml      run it (Ctrl-C ends it)
  tandem status --config config/examples/first-call.toml";

#[derive(Subcommand)]
enum Command {
    /// Run everything: start the line process and the switch process and keep them running
    Run(RunFile),
    /// Run the line process alone: cards, audio, signalling, recordings
    Line(PartFile),
    /// Run the switch process alone: decisions, calls, the API
    Switch(PartFile),
    /// Run the simulated exchange with its people alone: callers and agents for a simulated card
    Exchange(PartFile),
    /// Run a configured centre in virtual time, with made-up people, and compare it with what they really did
    Simulate(simulate::Arguments),
    /// Check a configuration file and print every error in it
    Check(ConfigFile),
    /// Tell which telephony cards and spans this machine has, what is wrong, and what mends it
    Cards(cards::Arguments),
    /// Measure line cards with loop plugs or cables: bit errors, timeslots, D-channel, ringing, echo, alarms, jitter
    Hwtest(hwtest::Arguments),
    /// Turn the configuration of another system into one of Tandem
    #[command(subcommand)]
    Import(import::Arguments),
    /// Commands that ask a running Tandem over its API
    #[command(flatten)]
    Operator(cli::Command),
}

#[derive(clap::Args)]
struct ConfigFile {
    /// The configuration file (TOML); config/default.toml lists every key
    #[arg(value_name = "FILE")]
    config: PathBuf,
}

#[derive(clap::Args)]
struct RunFile {
    /// The configuration file (TOML); config/default.toml lists every key
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// If FILE has errors run what this file keeps: taken.toml in the data directory, what ran last
    #[arg(long, value_name = "TAKEN")]
    or_taken: Option<PathBuf>,
}

/// What a process of its own is told.
#[derive(clap::Args)]
pub(crate) struct PartFile {
    /// The configuration file (TOML); config/default.toml lists every key
    #[arg(value_name = "FILE")]
    config: PathBuf,
    /// Read what this file keeps of FILE as it was when it was taken
    #[arg(long, value_name = "TAKEN", hide = true)]
    taken: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match arguments.command {
        Command::Check(file) => check(&file.config),
        Command::Run(file) => run(&file),
        Command::Line(file) => part(&file, |config, _| lines::run(config)),
        Command::Switch(file) => {
            part(&file, |config, source| switching::run(&file.config, file.taken.as_deref(), config, source))
        }
        Command::Simulate(arguments) => simulate(&arguments),
        Command::Cards(arguments) => match cards::run(&arguments) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) => ExitCode::FAILURE,
            Err(error) => failure(&error),
        },
        Command::Hwtest(arguments) => hwtest(&arguments),
        Command::Import(arguments) => done(import::run(&arguments)),
        Command::Exchange(file) => part(&file, |config, _| exchange::run(config)),
        Command::Operator(command) => match command.run(&mut std::io::stdout().lock()) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever reads has seen enough: `tandem agents | head`.
            Err(cli::CliError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                ExitCode::SUCCESS
            }
            Err(error) => {
                eprintln!("tandem: {error}");
                ExitCode::FAILURE
            }
        },
    }
}

fn check(file: &Path) -> ExitCode {
    let Some(config) = load(file) else {
        return ExitCode::from(EXIT_REFUSED);
    };
    let spans: usize = config.cards.iter().map(|card| card.spans.len()).sum();
    warnings(&config).iter().for_each(|warning| eprintln!("{warning}"));
    let unfit = wiring::unfit_prompts(&config);
    wiring::tell_unfit(&config, &unfit).iter().for_each(|line| eprintln!("{line}"));
    let state = if unfit.is_empty() { "no errors" } else { "callers will not hear all prompts" };
    println!(
        "{}: {state} ({} cards, {spans} spans, {} trunks, {} seats, {} numbers, {} flows, {} queues, {} agents)",
        file.display(),
        config.cards.len(),
        config.trunks.len(),
        config.seats.len(),
        config.numbers.len(),
        config.flows.len(),
        config.queues.len(),
        config.agents.len()
    );
    if unfit.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns what is allowed and probably not meant.
pub(crate) fn warnings(config: &Config) -> Vec<String> {
    let file = config.file.display();
    let unserved = |queue: &&config::Queue| !config.agents.iter().any(|a| a.queues.contains(&queue.name));
    let queues = config.queues.iter().filter(unserved);
    let queues = queues.map(|queue| format!("{file}: queue.{}: no agent serves it (warning)", queue.name));
    let uncalled = |flow: &&config::Flow| {
        let action = config::Action::Flow { flow: flow.name.clone() };
        !config.numbers.iter().any(|rule| rule.action == action)
    };
    let flows = config.flows.iter().filter(uncalled);
    let flows = flows.map(|flow| format!("{file}: flow.{}: no number leads to it (warning)", flow.name));
    queues.chain(flows).collect()
}

/// Reads the configuration; prints every error of it.
fn load(file: &Path) -> Option<Config> {
    print_errors(file, Config::load(file))
}

fn print_errors<T>(file: &Path, read: Result<T, Vec<config::ConfigError>>) -> Option<T> {
    match read {
        Ok(read) => Some(read),
        Err(errors) => {
            errors.iter().for_each(|error| eprintln!("{error}"));
            eprintln!("tandem: {}: {} error(s)", file.display(), errors.len());
            None
        }
    }
}

fn simulate(arguments: &simulate::Arguments) -> ExitCode {
    let Some(config) = load(&arguments.config) else {
        return ExitCode::from(EXIT_REFUSED);
    };
    let log = logging::start(&config);
    let outcome = simulate::run(arguments, &config);
    drop(log);
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => failure(&error),
    }
}

fn hwtest(arguments: &hwtest::Arguments) -> ExitCode {
    let rigs: Vec<_> = arguments.rigs().map(|file| print_errors(file, config::Rig::load(file))).collect();
    let Some(rigs) = rigs.into_iter().collect::<Option<Vec<_>>>() else {
        return ExitCode::from(EXIT_REFUSED);
    };
    match hwtest::run(arguments, &rigs) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("tandem: {error:#}");
            ExitCode::from(EXIT_REFUSED)
        }
    }
}

fn done(outcome: anyhow::Result<()>) -> ExitCode {
    outcome.map_or_else(|error| failure(&error), |()| ExitCode::SUCCESS)
}

fn failure(error: &anyhow::Error) -> ExitCode {
    eprintln!("tandem: {error:#}");
    let refused = error.downcast_ref::<Refused>().is_some();
    if refused { ExitCode::from(EXIT_REFUSED) } else { ExitCode::FAILURE }
}

/// Runs everything.
fn run(file: &RunFile) -> ExitCode {
    let read = print_errors(&file.config, Source::load(&file.config)).or_else(|| {
        let taken = file.or_taken.as_ref()?;
        eprintln!("tandem: running what {} keeps instead", taken.display());
        print_errors(taken, kept(taken))
    });
    with_config(read, |config, source| supervisor::run(&file.config, config, &source))
}

/// Runs one process of the whole.
fn part(file: &PartFile, work: impl FnOnce(Config, Source) -> anyhow::Result<()>) -> ExitCode {
    let read = match &file.taken {
        Some(taken) => print_errors(taken, kept(taken)),
        // At its absolute path, as one that is kept: the two are compared.
        None => {
            let path = std::path::absolute(&file.config).unwrap_or_else(|_| file.config.clone());
            print_errors(&file.config, Source::load(path))
        }
    };
    with_config(read, work)
}

/// Reads a configuration as it was kept when it was taken.
fn kept(taken: &Path) -> Result<(Config, Source), Vec<config::ConfigError>> {
    let source = Source::read(taken).map_err(|error| vec![error])?;
    Ok((source.config()?, source))
}

fn with_config(
    read: Option<(Config, Source)>,
    work: impl FnOnce(Config, Source) -> anyhow::Result<()>,
) -> ExitCode {
    let Some((config, source)) = read else {
        return ExitCode::from(EXIT_REFUSED);
    };
    let log = logging::start(&config);
    let outcome = work(config, source);
    drop(log);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure(&error),
    }
}

/// An error that another try would not mend: the configuration and the machine do not fit.
#[derive(Debug)]
pub(crate) struct Refused(pub String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Makes an error of the kind that ends with exit code 2.
pub(crate) fn refused(why: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::new(Refused(why.to_string()))
}
