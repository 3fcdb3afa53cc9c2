//! Who has answered: the confusion matrix of the decision on a corpus, `answer_matrix SPOKEN_FOLDER [MUSIC.wav ...]`.
//!
//! The calls are those of `tests/answers`, each text and voice in three ways. Prints a row for each kind of call: how often
//! it was taken for what, when it was decided (milliseconds from the answer: median and 95 %), and the beeps.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]

#[path = "../tests/answers/mod.rs"]
mod answers;

use std::path::PathBuf;

use answers::{COLUMNS, Truth, answers, beep_found, column, false_beeps, judge};
use dsp::amd::{AmdConfig, Answerer};

/// Greetings that are tried beside the default, in milliseconds: longer ones take more sentences for people.
const GREETINGS_MS: [u16; 4] = [1_200, 1_700, 2_500, 3_200];

/// In how many ways each file is heard.
const TAKES: u64 = 3;

fn main() {
    let mut args = std::env::args().skip(1).map(PathBuf::from);
    let folder = args.next().expect("usage: answer_matrix SPOKEN_FOLDER [MUSIC.wav ...]");
    let pieces: Vec<PathBuf> = args.filter(|file| file.exists()).collect();
    let mut spoken: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder of scripts/answers")
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "wav"))
        .collect();
    spoken.sort();
    let calls = answers(&spoken, &pieces, TAKES);
    let verdicts = judge(&calls, AmdConfig::default());
    println!(
        "| answered by | calls | {} | decided, ms | beeps found | beeps where there is none | fax heard |",
        COLUMNS.join(" | ")
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for truth in Truth::ALL {
        let of = || calls.iter().zip(&verdicts).filter(|(call, _)| call.truth == truth);
        let count = of().count();
        let share = |n: usize| format!("{:.1} %", 100.0 * n as f64 / count.max(1) as f64);
        let cells =
            (0..COLUMNS.len()).map(|n| share(of().filter(|(_, verdict)| column(verdict) == n).count()));
        let mut times: Vec<usize> = of().filter_map(|(_, verdict)| Some(verdict.answerer?.1)).collect();
        times.sort_unstable();
        let time = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        let (beeps, found) = (
            of().filter(|(call, _)| call.beep.is_some()).count(),
            of().filter(|(call, verdict)| beep_found(call, verdict)).count(),
        );
        let wrong: usize = of().map(|(call, verdict)| false_beeps(call, verdict)).sum();
        let fax = of().filter(|(_, verdict)| verdict.fax).count();
        let cells: Vec<String> = cells.collect();
        println!(
            "| {truth:?} | {count} | {} | {} / {} | {found} of {beeps} | {wrong} | {fax} |",
            cells.join(" | "),
            time(50),
            time(95)
        );
    }
    println!(
        "\n| greeting_ms | words taken for people | sentences taken for people | machines taken for people |"
    );
    println!("|---|---|---|---|");
    for greeting_ms in GREETINGS_MS {
        let verdicts = judge(&calls, AmdConfig { greeting_ms, ..AmdConfig::default() });
        let people = |truth: Truth| {
            let of = || calls.iter().zip(&verdicts).filter(|(call, _)| call.truth == truth);
            let people = of().filter(|(_, verdict)| matches!(verdict.answerer, Some((Answerer::Person, _))));
            format!("{:.1} %", 100.0 * people.count() as f64 / of().count().max(1) as f64)
        };
        let (words, sentences) = (people(Truth::Word), people(Truth::Sentence));
        println!("| {greeting_ms} | {words} | {sentences} | {} |", people(Truth::Machine));
    }
    if std::env::var_os("WRONG").is_some() {
        for (call, verdict) in calls.iter().zip(&verdicts) {
            println!("{} {:?} {verdict:?} {:?}", call.name, call.truth, call.beep);
        }
    }
}
