//! `tandem hwtest`: runs the cases of `hwtest` on the cards of a rig, shows how far it is, and writes a report.
//!
//! How: each card in turn is started as the line process starts it, and moved on by a thread with the priority that the rig asks
//! for; this thread prints what it tells, so that no terminal makes it late. A simulated card pulls its own plugs. Limits: cards
//! are measured one after the other; one in use by `tandem run` cannot be measured.

mod screen;

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::hwtest::{
    self as cases, Ask, CardReport, Case, Language, Limits, Onlooker, Outcome, Plan, Report, Subject, Wire,
};
use clap::ValueEnum;
use clock::MonoClock;
use config::Rig;
use crossbeam_channel::{Sender, unbounded};
use rt::sched::ThreadConfig;
use sim::Hand;
use tdm::SpanId;

use crate::wiring;
use screen::{Screen, Tell};

#[derive(clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// Rig files (TOML): the cards and how their lines are plugged; config/rigs has some to begin with
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    rig: Vec<PathBuf>,
    /// Nobody is there: leave out what needs a hand
    #[arg(long)]
    no_person: bool,
    /// The language of the report and of questions; JSON stays English
    #[arg(long, value_enum, default_value_t = Lang::En)]
    lang: Lang,
    /// Print JSON for a script on standard output; progress goes to standard error
    #[arg(long)]
    json: bool,
    /// Where the report is written; without it hwtest-RIG.txt in this folder
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Arguments {
    /// Returns the rig files.
    pub fn rigs(&self) -> impl Iterator<Item = &Path> {
        self.rig.iter().map(PathBuf::as_path)
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Lang {
    En,
    Zh,
}

const AFTER_HELP: &str = "\
The way to a card that is known to work:
  1. tandem hwtest --rig config/rigs/sim.toml     see what it does, without a card
  2. tandem cards                                 what is plugged in, what is wrong, what mends it
  3. copy the rig in config/rigs that is like yours; put in the lines that `tandem cards` shows
  4. plug loop plugs in ([[loop]]), or cable spans ([[pair]]) or ports ([[wire]]) to each other
  5. tandem hwtest --rig mine.toml                stop `tandem run` first: one program has a card

Each case passes, fails with what was seen and what to do, or is not possible with these lines.
You are asked to pull plugs and to put them back: no key need be pressed. Without a terminal
nobody is asked.
docs/hwtest.md tells what is measured and what the limits are.

Exit code: 0 if nothing failed, 1 if something did, 2 if the rig is wrong or the card cannot be had.";

/// Runs all rigs; false if something failed.
pub(crate) fn run(arguments: &Arguments, rigs: &[Rig]) -> anyhow::Result<bool> {
    let language = match arguments.lang {
        Lang::En => Language::English,
        Lang::Zh => Language::Chinese,
    };
    let mut reports = Vec::new();
    for rig in rigs {
        let report = run_rig(rig, arguments, language)?;
        write(arguments, rig, &language.report(&report), rigs.len() > 1)?;
        eprintln!("{}", language.totals(&report));
        reports.push(report);
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&reports)?);
    }
    Ok(reports.iter().all(|report| report.totals().failed == 0))
}

/// Writes the report of a rig; of several, each into its own file.
fn write(arguments: &Arguments, rig: &Rig, text: &str, several: bool) -> anyhow::Result<()> {
    use anyhow::Context;
    let stem = rig.file.file_stem().unwrap_or_default().to_string_lossy();
    let own = PathBuf::from(format!("hwtest-{stem}.txt"));
    let file = match &arguments.report {
        Some(file) if several => file.with_file_name(format!("{stem}-{}", name_of(file))),
        Some(file) => file.clone(),
        None => own,
    };
    std::fs::write(&file, text).with_context(|| format!("cannot write the report {}", file.display()))?;
    eprintln!("report: {}", file.display());
    Ok(())
}

fn name_of(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn run_rig(rig: &Rig, arguments: &Arguments, language: Language) -> anyhow::Result<Report> {
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut report = Report {
        title: rig.title.clone(),
        rig: rig.file.display().to_string(),
        at: jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S %Z").to_string(),
        by: format!("tandem {} on {}, Linux {}", env!("CARGO_PKG_VERSION"), machine.trim(), kernel.trim()),
        cards: Vec::new(),
    };
    for card in &rig.config.cards {
        let screen = Screen::new(arguments.json, language);
        let person = !arguments.no_person && std::io::stdin().is_terminal();
        report.cards.push(run_card(rig, card, person, screen)?);
    }
    Ok(report)
}

fn run_card(rig: &Rig, card: &config::Card, person: bool, mut screen: Screen) -> anyhow::Result<CardReport> {
    let started = wiring::start_card(&rig.config, card)?;
    let (model, plan) = (started.caps.model.clone(), plan(rig, card));
    let mut subject = Subject { caps: started.caps, control: started.control, io: started.io };
    let hand = started.hand;
    let (tell, told) = unbounded();
    let thread = ThreadConfig {
        name: "hwtest".into(),
        priority: (rig.config.realtime.priority > 0).then_some(rig.config.realtime.priority),
        cpu: rig.config.realtime.cpu.map(usize::from),
        lock_memory: rig.config.realtime.lock_memory,
    };
    screen.card(&card.name, &model);
    let places = card.spans.iter().map(|span| span.id).collect();
    let outcomes = std::thread::scope(|scope| {
        let work = scope.spawn(move || {
            let grant = rt::sched::enter(&thread);
            let _ = tell.send(Tell::Grant(grant));
            let mut voice = Voice { tell, hand, places, person, patience: plan.person };
            cases::run(&mut subject, &plan, &MonoClock, &mut voice)
        });
        told.iter().for_each(|tell| screen.show(tell));
        work.join()
    });
    let outcomes = outcomes
        .map_err(|_| anyhow::anyhow!("card {}: a case broke off; this is a fault of Tandem", card.name))?;
    Ok(CardReport { name: card.name.clone(), model, outcomes })
}

/// Returns what of a rig is plugged into a card.
fn plan(rig: &Rig, card: &config::Card) -> Plan {
    let here = |span: SpanId| card.spans.iter().any(|own| own.id == span);
    Plan {
        loops: rig.loops.iter().copied().filter(|span| here(*span)).collect(),
        pairs: rig.pairs.iter().copied().filter(|(a, _)| here(*a)).collect(),
        wires: rig
            .wires
            .iter()
            .filter(|(fxs, _)| here(fxs.span))
            .map(|&(fxs, fxo)| Wire { fxs, fxo })
            .collect(),
        bit_errors: rig.bit_errors,
        jitter: rig.jitter,
        person: rig.person,
        limits: Limits::default(),
    }
}

/// Tells the printing thread; pulls the plugs of a simulated card.
struct Voice {
    tell: Sender<Tell>,
    hand: Option<Hand>,
    /// The spans by their positions.
    places: Vec<SpanId>,
    person: bool,
    patience: Duration,
}

impl Voice {
    fn tell(&self, tell: Tell) {
        // Who prints lives until we end.
        let _ = self.tell.send(tell);
    }
}

impl Onlooker for Voice {
    fn begins(&mut self, case: Case, on: &str, time: Duration) {
        self.tell(Tell::Begins(case, on.to_owned(), time));
    }

    fn goes_on(&mut self, passed: Duration) {
        self.tell(Tell::GoesOn(passed));
    }

    fn ended(&mut self, outcome: &Outcome) {
        self.tell(Tell::Ended(Box::new(outcome.clone())));
    }

    fn ask(&mut self, ask: Ask) -> bool {
        let (span, cut) = match ask {
            Ask::Unplug(span) => (span, true),
            Ask::Plug(span) => (span, false),
        };
        if let Some(hand) = &self.hand {
            let place = self.places.iter().position(|own| *own == span).and_then(|at| u8::try_from(at).ok());
            return place.is_some_and(|place| hand.control().cut(place, cut).is_ok());
        }
        if self.person {
            self.tell(Tell::Ask(ask, self.patience));
        }
        self.person
    }
}
