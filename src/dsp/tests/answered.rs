//! Who has answered, on a corpus of generated calls: a short part of what `make bench` judges with `examples/answer_matrix`.
//!
//! `scripts/answers` makes the words; what it needs is installed by `scripts/setup test`.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests may allocate and panic"
)]

mod answers;

use std::path::{Path as FilePath, PathBuf};
use std::process::Command;

use answers::{Answer, Truth, Verdict, beep_found, column, false_beeps, judge};
use dsp::amd::{AmdConfig, Answerer};

/// Two voices of each language say each text; each is heard in two ways.
fn calls() -> Vec<Answer> {
    let root = FilePath::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = FilePath::new(env!("CARGO_TARGET_TMPDIR")).join("answers");
    let done = Command::new(root.join("scripts/answers")).arg(&folder).arg("2").status();
    assert!(done.is_ok_and(|status| status.success()), "scripts/answers works after scripts/setup test");
    let mut spoken: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    spoken.retain(|file| file.extension().is_some_and(|ending| ending == "wav"));
    spoken.sort();
    answers::answers(&spoken, &[], 2)
}

/// Returns how many calls of a kind fulfil a condition, and how many there are.
fn share(
    calls: &[Answer],
    verdicts: &[Verdict],
    truth: Truth,
    holds: impl Fn(&Answer, &Verdict) -> bool,
) -> (usize, usize) {
    let of = || calls.iter().zip(verdicts).filter(|(call, _)| call.truth == truth);
    (of().filter(|(call, verdict)| holds(call, verdict)).count(), of().count())
}

#[test]
fn people_machines_faxes_and_nobody_are_told_apart_and_beeps_are_found() {
    let calls = calls();
    let verdicts = judge(&calls, AmdConfig::default());
    let is =
        |answerer| move |_: &Answer, verdict: &Verdict| verdict.answerer.is_some_and(|(a, _)| a == answerer);
    // What of each kind must at least be decided rightly, in percent.
    let rules = [
        (Truth::Word, Answerer::Person, 96),
        (Truth::Machine, Answerer::Machine, 98),
        (Truth::Fax, Answerer::Machine, 98),
        (Truth::Nobody, Answerer::Silence, 98),
    ];
    for (truth, answerer, least) in rules {
        let (right, all) = share(&calls, &verdicts, truth, is(answerer));
        assert!(all >= 16 && right * 100 >= all * least, "{truth:?}: {right} of {all} are {answerer:?}");
    }
    let (undecided, _) = share(&calls, &verdicts, Truth::Sentence, |_, verdict| column(verdict) == 4);
    assert_eq!(undecided, 0, "every call is decided in time");
    let (faxes, all) = share(&calls, &verdicts, Truth::Fax, |_, verdict| verdict.fax);
    assert_eq!(faxes, all, "every fax is heard");
    let beeps = calls.iter().filter(|call| call.beep.is_some()).count();
    let found = calls.iter().zip(&verdicts).filter(|(call, verdict)| beep_found(call, verdict)).count();
    assert!(beeps > 20 && found * 100 >= beeps * 98, "{found} of {beeps} beeps");
    let wrong: usize = calls.iter().zip(&verdicts).map(|(call, verdict)| false_beeps(call, verdict)).sum();
    assert!(wrong * 100 <= calls.len(), "{wrong} false beeps in {} calls", calls.len());
    let judged = judge(&calls, AmdConfig { greeting_ms: 3_500, ..AmdConfig::default() });
    let people = |verdicts: &[Verdict]| share(&calls, verdicts, Truth::Sentence, is(Answerer::Person)).0;
    assert!(people(&verdicts) < people(&judged), "a longer greeting takes more sentences for people");
}
