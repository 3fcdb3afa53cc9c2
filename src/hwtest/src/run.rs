//! All cases of a card, one after the other, each on every line that it is for.

use core::time::Duration;

use clock::Clock;
use tdm::SpanId;

use crate::bench::{Bench, Subject, Trouble};
use crate::cases::{Cable, bits, dchannel, echo, jitter, ring, signal, timeslots, unplugging};
use crate::plan::{Case, Onlooker, Plan, Wire};
use crate::report::{Notes, Outcome, Verdict};

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

const NO_CABLE: &str = "the rig names no [[loop]] and no [[pair]] on this card";
const NO_WIRE: &str = "the rig names no [[wire]] on this card";

impl All<'_> {
    fn cables(&self) -> Vec<Cable> {
        let loops = self.plan.loops.iter().map(|span| Cable::Loop(*span));
        loops.chain(self.plan.pairs.iter().map(|(a, b)| Cable::Pair(*a, *b))).collect()
    }

    fn case(&mut self, case: Case) {
        match case {
            Case::Signal | Case::BitErrors | Case::Timeslots | Case::DChannel | Case::Unplugging => {
                let cables = self.cables();
                if cables.is_empty() {
                    self.not_possible(case, String::new(), NO_CABLE);
                }
                cables.into_iter().for_each(|cable| self.on_cable(case, cable));
            }
            Case::RingAndHook | Case::EchoPath => {
                if self.plan.wires.is_empty() {
                    self.not_possible(case, String::new(), NO_WIRE);
                }
                self.plan.wires.clone().into_iter().for_each(|wire| self.on_wire(case, wire));
            }
            Case::Jitter => {
                let cabled: Vec<SpanId> = self.cables().into_iter().flat_map(Cable::spans).collect();
                self.measure(case, String::new(), self.plan.jitter, |bench, _, plan| {
                    Ok(jitter::run(bench, &cabled, plan.jitter)?.outcome(case, String::new()))
                });
            }
        }
    }

    fn on_cable(&mut self, case: Case, cable: Cable) {
        let (on, spans) = (cable.to_string(), cable.spans());
        if case != Case::Signal && spans.iter().any(|span| self.dead.contains(span)) {
            return self.not_possible(case, on, "the line has no signal");
        }
        let time = match case {
            Case::BitErrors => self.plan.bit_errors,
            Case::Unplugging => self.plan.person * 2,
            Case::Signal | Case::Timeslots | Case::DChannel => Duration::from_secs(2),
            Case::RingAndHook | Case::EchoPath | Case::Jitter => Duration::ZERO,
        };
        self.measure(case, on.clone(), time, |bench, onlooker, plan| {
            let notes: Notes = match case {
                Case::BitErrors => bits::run(bench, cable, plan.bit_errors)?,
                Case::Timeslots => timeslots::run(bench, cable, &plan.limits)?,
                Case::DChannel => dchannel::run(bench, cable)?,
                Case::Unplugging => return unplugging::run(bench, on, &spans, plan.person, onlooker),
                Case::Signal | Case::RingAndHook | Case::EchoPath | Case::Jitter => {
                    signal::run(bench, &spans)?
                }
            };
            Ok(notes.outcome(case, on))
        });
        let failed = self.outcomes.last().is_some_and(|last| matches!(last.verdict, Verdict::Failed { .. }));
        if case == Case::Signal && failed {
            self.dead.extend(cable.spans());
        }
    }

    fn on_wire(&mut self, case: Case, wire: Wire) {
        let on = format!("ports {} and {}", wire.fxs, wire.fxo);
        let about = if case == Case::EchoPath { echo::ABOUT_MS } else { ring::ABOUT_MS };
        self.measure(case, on.clone(), Duration::from_millis(about), |bench, _, plan| {
            let notes = match case {
                Case::EchoPath => echo::run(bench, wire, &plan.limits)?,
                Case::RingAndHook
                | Case::Signal
                | Case::BitErrors
                | Case::Timeslots
                | Case::DChannel
                | Case::Unplugging
                | Case::Jitter => ring::run(bench, wire)?,
            };
            Ok(notes.outcome(case, on))
        });
    }

    fn not_possible(&mut self, case: Case, on: String, why: impl Into<String>) {
        let verdict = Verdict::NotPossible { why: why.into() };
        self.end(Outcome { case, on, verdict, figures: Vec::new() });
    }

    fn end(&mut self, outcome: Outcome) {
        self.onlooker.ended(&outcome);
        self.outcomes.push(outcome);
    }

    fn measure(
        &mut self,
        case: Case,
        on: String,
        time: Duration,
        work: impl FnOnce(&mut Bench<'_>, &mut dyn Onlooker, &Plan) -> Result<Outcome, Trouble>,
    ) {
        if let Some(trouble) = self.gone {
            return self.not_possible(case, on, format!("the card gave up: {trouble}"));
        }
        self.onlooker.begins(case, &on, time);
        let shared: core::cell::RefCell<&mut dyn Onlooker> = core::cell::RefCell::new(&mut *self.onlooker);
        let mut progress = |passed| shared.borrow_mut().goes_on(passed);
        let mut bench = Bench::new(self.subject, self.clock, &mut progress);
        let outcome = work(&mut bench, &mut Shared(&shared), self.plan);
        let outcome = outcome.unwrap_or_else(|trouble| {
            self.gone = matches!(trouble, Trouble::Card(_)).then_some(trouble);
            let mut notes = Notes::default();
            notes.wrong(
                trouble.to_string(),
                "what the driver tells at start, and the kernel's log (dmesg), say more",
            );
            notes.outcome(case, on)
        });
        self.end(outcome);
    }
}

/// The onlooker while a case and its progress both speak to him.
struct Shared<'a, 'b>(&'a core::cell::RefCell<&'b mut dyn Onlooker>);

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

    fn ask(&mut self, ask: crate::Ask) -> bool {
        self.0.borrow_mut().ask(ask)
    }
}
