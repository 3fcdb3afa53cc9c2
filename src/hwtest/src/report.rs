//! What was found: an outcome for each case and line, added up for cards and for the whole.

use serde::Serialize;

use crate::Case;

/// How a case ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// All is as it shall be.
    Passed,
    /// Something is wrong.
    Failed {
        /// What was seen.
        what: Vec<String>,
        /// What to do about it.
        mend: Vec<String>,
    },
    /// It cannot be measured here.
    NotPossible {
        /// What is missing.
        why: String,
    },
}

/// Something measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Figure {
    /// What it is, in English.
    pub name: &'static str,
    /// Its value with its unit.
    pub value: String,
}

/// What became of one case on one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The case.
    pub case: Case,
    /// On which line or port; empty for the whole card.
    pub on: String,
    /// How it ended.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What was measured.
    pub figures: Vec<Figure>,
}

/// What became of a card.
#[derive(Clone, Debug, Serialize)]
pub struct CardReport {
    /// Its name in the rig.
    pub name: String,
    /// What it says it is.
    pub model: String,
    /// All outcomes, in the order in which they came.
    pub outcomes: Vec<Outcome>,
}

/// What became of a rig.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The rig's title.
    pub title: String,
    /// The file that describes the rig.
    pub rig: String,
    /// When it was measured, for people.
    pub at: String,
    /// On which machine and by which version.
    pub by: String,
    /// Its cards.
    pub cards: Vec<CardReport>,
}

/// Outcomes added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Totals {
    /// Passed.
    pub passed: usize,
    /// Failed.
    pub failed: usize,
    /// Not possible here.
    pub not_possible: usize,
}

impl Report {
    /// Adds up all outcomes.
    pub fn totals(&self) -> Totals {
        self.cards.iter().flat_map(|card| &card.outcomes).fold(Totals::default(), |mut totals, outcome| {
            match outcome.verdict {
                Verdict::Passed => totals.passed += 1,
                Verdict::Failed { .. } => totals.failed += 1,
                Verdict::NotPossible { .. } => totals.not_possible += 1,
            }
            totals
        })
    }
}

/// What a case writes down while it runs.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    what: Vec<String>,
    mend: Vec<String>,
    figures: Vec<Figure>,
    not_possible: Option<&'static str>,
}

/// The most findings of a case that are told one by one.
const MOST_TOLD: usize = 8;

impl Notes {
    pub(crate) fn figure(&mut self, name: &'static str, value: impl ToString) {
        self.figures.push(Figure { name, value: value.to_string() });
    }

    /// Notes what is wrong, and what to do; the same advice is noted once.
    pub(crate) fn wrong(&mut self, what: impl Into<String>, mend: &str) {
        self.what.push(what.into());
        if !self.mend.iter().any(|there| there == mend) {
            self.mend.push(mend.to_owned());
        }
    }

    /// Notes that it cannot be measured here, whatever else was noted.
    pub(crate) fn not_possible(&mut self, why: &'static str) {
        self.not_possible = Some(why);
    }

    /// Makes an outcome of the notes.
    pub(crate) fn outcome(mut self, case: Case, on: String) -> Outcome {
        if self.what.len() > MOST_TOLD {
            let more = self.what.len() - (MOST_TOLD - 1);
            self.what.truncate(MOST_TOLD - 1);
            self.what.push(format!("and {more} more"));
        }
        let Notes { what, mend, figures, not_possible } = self;
        let verdict = match not_possible {
            Some(why) => Verdict::NotPossible { why: why.to_owned() },
            None if what.is_empty() => Verdict::Passed,
            None => Verdict::Failed { what, mend },
        };
        Outcome { case, on, verdict, figures }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_makes_a_case_fail_and_many_findings_are_cut_short() {
        assert_eq!(Notes::default().outcome(Case::Jitter, String::new()).verdict, Verdict::Passed);
        let mut notes = Notes::default();
        (1..=20).for_each(|timeslot| notes.wrong(format!("timeslot {timeslot}"), "look at the cable"));
        let Verdict::Failed { what, mend } = notes.outcome(Case::BitErrors, "span 1".into()).verdict else {
            panic!("it failed");
        };
        assert_eq!((what.len(), what[7].as_str(), mend.len()), (8, "and 13 more", 1));
    }
}
