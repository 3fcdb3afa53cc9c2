//! All cases of a card, one after the other, each on every line that it is for.

use core::cell::RefCell;
use core::time::Duration;

use clock::Clock;
use tdm::SpanId;

use crate::bench::{Bench, Subject, Trouble};
use crate::cases::{Cable, bits, dchannel, echo, jitter, ring, signal, timeslots, unplugging};
use crate::plan::{Ask, Case, Onlooker, Plan, Wire};
use crate::report::{Notes, Outcome, Verdict};

/// What the short cases take.
const SHORT: Duration = Duration::from_secs(2);

pub(crate) const NO_CABLE: &str = "the rig names no [[loop]] and no [[pair]] on this card";
pub(crate) const NO_WIRE: &str = "the rig names no [[wire]] on this card";
pub(crate) const CARD: &str = "what the driver tells at start, and the kernel's log (dmesg), say more";
pub(crate) const LATE: &str = "the machine is too late to measure this: see what the jitter says";

/// Runs all cases on a card. A card that gives up fails the case in which it does, and the rest are told as not possible.
///
/// # Panics
/// The plan names a span or port that the card does not have.
pub fn run(
    subject: &mut Subject,
    plan: &Plan,
    clock: &dyn Clock,
    onlooker: &mut dyn Onlooker,
) -> Vec<Outcome> {
    let mut all = All { subject, plan, clock, onlooker, outcomes: Vec::new(), dead: Vec::new(), gone: None };
    Case::ALL.into_iter().for_each(|case| all.case(case));
    all.outcomes
}

struct All<'a> {
    subject: &'a mut Subject,
    plan: &'a Plan,
    clock: &'a dyn Clock,
    onlooker: &'a mut dyn Onlooker,
    outcomes: Vec<Outcome>,
    /// Spans without a signal.
    dead: Vec<SpanId>,
    gone: Option<Trouble>,
}

impl All<'_> {
    fn cables(&self) -> Vec<Cable> {
        let loops = self.plan.loops.iter().map(|span| Cable::Loop(*span));
        loops.chain(self.plan.pairs.iter().map(|(a, b)| Cable::Pair(*a, *b))).collect()
    }

    fn case(&mut self, case: Case) {
        let plan = self.plan;
        match case {
            Case::Signal => self.on_cables(case, SHORT, |bench, cable, _| signal::run(bench, &cable.spans())),
            Case::BitErrors => self
                .on_cables(case, plan.bit_errors, |bench, cable, _| bits::run(bench, cable, plan.bit_errors)),
            Case::Timeslots => {
                self.on_cables(case, SHORT, |bench, cable, _| timeslots::run(bench, cable, &plan.limits));
            }
            Case::DChannel => self.on_cables(case, SHORT, |bench, cable, _| dchannel::run(bench, cable)),
            Case::RingAndHook => {
                self.on_wires(case, ring::ABOUT, ring::run);
            }
            Case::EchoPath => {
                self.on_wires(case, echo::ABOUT, |bench, wire| echo::run(bench, wire, &plan.limits));
            }
            Case::Unplugging => self.on_cables(case, plan.person * 2, |bench, cable, onlooker| {
                unplugging::run(bench, &cable.spans(), plan.person, onlooker)
            }),
            Case::Jitter => {
                let cabled: Vec<SpanId> = self.cables().into_iter().flat_map(Cable::spans).collect();
                self.measure(case, String::new(), plan.jitter, |bench, _| {
                    jitter::run(bench, &cabled, plan.jitter)
                });
            }
        }
    }

    /// Runs a case on every loop and pair whose line has a signal.
    fn on_cables(
        &mut self,
        case: Case,
        time: Duration,
        work: impl Fn(&mut Bench<'_>, Cable, &mut dyn Onlooker) -> Result<Notes, Trouble>,
    ) {
        let cables = self.cables();
        if cables.is_empty() {
            self.not_possible(case, String::new(), NO_CABLE);
        }
        for cable in cables {
            let (on, spans) = (cable.to_string(), cable.spans());
            if spans.iter().any(|span| self.dead.contains(span)) {
                self.not_possible(case, on, "the line has no signal");
                continue;
            }
            let passed = self.measure(case, on, time, |bench, onlooker| work(bench, cable, onlooker));
            if case == Case::Signal && !passed {
                self.dead.extend(spans);
            }
        }
    }

    /// Runs a case on every wire.
    fn on_wires(
        &mut self,
        case: Case,
        time: Duration,
        work: impl Fn(&mut Bench<'_>, Wire) -> Result<Notes, Trouble>,
    ) {
        if self.plan.wires.is_empty() {
            self.not_possible(case, String::new(), NO_WIRE);
        }
        for &wire in &self.plan.wires {
            let on = format!("ports {} and {}", wire.fxs, wire.fxo);
            self.measure(case, on, time, |bench, _| work(bench, wire));
        }
    }

    fn not_possible(&mut self, case: Case, on: String, why: impl Into<String>) {
        let verdict = Verdict::NotPossible { why: why.into() };
        self.end(Outcome { case, on, verdict, figures: Vec::new() });
    }

    fn end(&mut self, outcome: Outcome) {
        self.onlooker.ended(&outcome);
        self.outcomes.push(outcome);
    }

    /// Runs a case once; true if it passed.
    fn measure(
        &mut self,
        case: Case,
        on: String,
        time: Duration,
        work: impl FnOnce(&mut Bench<'_>, &mut dyn Onlooker) -> Result<Notes, Trouble>,
    ) -> bool {
        if let Some(trouble) = self.gone {
            self.not_possible(case, on, format!("the card gave up: {trouble}"));
            return false;
        }
        self.onlooker.begins(case, &on, time);
        let shared: RefCell<&mut dyn Onlooker> = RefCell::new(&mut *self.onlooker);
        let mut progress = |passed| shared.borrow_mut().goes_on(passed);
        let mut bench = Bench::new(self.subject, self.clock, &mut progress);
        let notes = work(&mut bench, &mut Shared(&shared)).unwrap_or_else(|trouble| {
            let mut notes = Notes::default();
            notes.wrong(trouble.to_string(), if trouble.is_the_cards() { CARD } else { LATE });
            self.gone = trouble.is_the_cards().then_some(trouble);
            notes
        });
        let outcome = notes.outcome(case, on);
        let passed = outcome.verdict == Verdict::Passed;
        self.end(outcome);
        passed
    }
}

/// The onlooker while a case and its progress both speak to him.
struct Shared<'a, 'b>(&'a RefCell<&'b mut dyn Onlooker>);

impl Onlooker for Shared<'_, '_> {
    fn begins(&mut self, case: Case, on: &str, time: Duration) {
        self.0.borrow_mut().begins(case, on, time);
    }

    fn goes_on(&mut self, passed: Duration) {
        self.0.borrow_mut().goes_on(passed);
    }

    fn ended(&mut self, outcome: &Outcome) {
        self.0.borrow_mut().ended(outcome);
    }

    fn ask(&mut self, ask: Ask) -> bool {
        self.0.borrow_mut().ask(ask)
    }
}
