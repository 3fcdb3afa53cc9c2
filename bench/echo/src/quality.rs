//! The quality rows of all cancellers on the same signals, and the paths on which nothing was tuned.

use std::path::Path;

use crate::echo_rig::*;
use crate::rivals::{self, Canceller};

/// One row: what is judged, the goal, and how a canceller fares.
struct Row {
    what: String,
    goal: String,
    judge: Box<dyn Fn(&Canceller) -> String>,
}

/// Prints the quality table.
pub fn run() {
    let all = rivals::all();
    let names: Vec<&str> = all.iter().map(|one| one.name).collect();
    println!("| quality, dB | {} | goal |\n|---|{}---|", names.join(" | "), "---|".repeat(names.len()));
    let rows = [-10.0, -16.0, -26.0].map(converge).into_iter();
    let rows = rows.chain([change()]).chain([0.0, -6.0, -15.0].map(double_talk)).chain([
        end(),
        tone_loss(),
        talkers(),
        peaks(),
    ]);
    for row in rows.chain(unseen()).chain(recorded()) {
        let figures: Vec<String> = all.iter().map(row.judge).collect();
        println!("| {} | {} | {} |", row.what, figures.join(" | "), row.goal);
    }
}

/// A row whose figures are means of the ERLE, without non-linear processors, from some seconds on for some.
fn erle_row(what: &str, goal: String, cells: Vec<Cell>, times: &'static [(f64, f64)]) -> Row {
    let judge = move |canceller: &Canceller| {
        let outs = canceller.run(&cells, false);
        let figures =
            times.iter().map(|&(from_s, for_s)| format!("{:.1}", mean(&heard(&cells, &outs, from_s, for_s))));
        figures.collect::<Vec<_>>().join(" / ")
    };
    Row { what: what.into(), goal, judge: Box::new(judge) }
}

/// The ERLE of the cells where there is any echo to speak of.
fn heard(cells: &[Cell], outs: &[Vec<i16>], from_s: f64, for_s: f64) -> Vec<f64> {
    const LEAST_DBM0: f64 = -50.0;
    let all = cells.iter().zip(erles(cells, outs, from_s, for_s));
    let heard = all.filter(|(cell, _)| level(power(&cell.echo, from_s, for_s)) > LEAST_DBM0);
    heard.map(|(_, erle)| erle).collect()
}

fn converge(dbm0: f64) -> Row {
    let cells = all_hybrids(&css(false, 10.0, dbm0, 1));
    let steady = oracle(&cells, 8.4, 1.4);
    let goal = if dbm0 < -20.0 {
        format!("- / - / {:.1} / {:.1}", steady - 4.0, steady - 2.0)
    } else {
        format!("15 / 20 / 26 / {:.1}", steady - 2.0)
    };
    let times = &[(0.25, 0.35), (0.5, 0.35), (1.0, 0.35), (8.4, 1.4)];
    erle_row(&format!("D.2-D.9 at {dbm0} dBm0: .25 / .5 / 1 s / steady"), goal, cells, times)
}

fn change() -> Row {
    let cells = changed_paths(&css(false, 7.0, -16.0, 1));
    let times = &[(CHANGE_S + 0.5, 0.35), (CHANGE_S + 1.0, 0.35)];
    erle_row("another path: .5 / 1 s after it", "18 / 24".into(), cells, times)
}

fn double_talk(below_db: f64) -> Row {
    let cells = crate::echo_rig::double_talk(&css(false, 9.0, -16.0, 1), below_db);
    let judge = move |canceller: &Canceller| {
        let outs = canceller.run(&cells, false);
        let [before, during, after] =
            [(4.0, 0.7), (5.2, 1.7), (7.03, 0.35)].map(|(from_s, for_s)| erles(&cells, &outs, from_s, for_s));
        format!("{:.1} / {:.1} / {:.1}", mean(&during), mean(&before) - mean(&after), least(&after))
    };
    let what = format!("double talk, {below_db} dB: during / lost after / worst after");
    Row { what, goal: ">= 18 / <= 2 / >= 25".into(), judge: Box::new(judge) }
}

fn end() -> Row {
    let cell = [echo_that_ends()];
    let judge =
        move |canceller: &Canceller| format!("{:.1}", dbm0(&canceller.run(&cell, false)[0], 5.5, 0.35));
    Row { what: "the echo ends: dBm0 after .5 s".into(), goal: "<= -60".into(), judge: Box::new(judge) }
}

fn tone_loss() -> Row {
    let cells = tones();
    let judge = move |canceller: &Canceller| {
        let outs = canceller.run(&cells, false);
        let [before, after] =
            [(4.0, 0.7), (10.03, 0.35)].map(|(from_s, for_s)| erles(&cells, &outs, from_s, for_s));
        let lost: Vec<f64> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
        format!("{:.1}", -least(&lost))
    };
    Row { what: "the most lost to a tone".into(), goal: "<= 3".into(), judge: Box::new(judge) }
}

fn talkers() -> Row {
    let cells = quiet_talkers();
    let judge = move |canceller: &Canceller| {
        let loss = |cell: &Cell| {
            format!("{:.1}", talker_loss_db(cell, &canceller.run(std::slice::from_ref(cell), true)[0]))
        };
        if canceller.has_nlp { cells.each_ref().map(loss).join(" / ") } else { "-".into() }
    };
    let what = "with its processor: a talker at -30 dBm0 loses, alone / against the far end";
    Row { what: what.into(), goal: "<= 1".into(), judge: Box::new(judge) }
}

fn peaks() -> Row {
    let cells = [-16.0, -10.0].map(|dbm0| all_hybrids(&css(false, 8.0, dbm0, 1)));
    let judge = move |canceller: &Canceller| {
        let peak = |cells: &Vec<Cell>| {
            canceller.run(cells, true).iter().map(|out| peak_dbm0(out, 1.0)).fold(f64::MIN, f64::max)
        };
        let told = |cells| match peak(cells) {
            silent if silent < -100.0 => "silence".into(),
            peak => format!("{peak:.1}"),
        };
        if canceller.has_nlp { cells.each_ref().map(told).join(" / ") } else { "-".into() }
    };
    let what = "with its processor: the loudest 35 ms after 1 s at -16 / -10 dBm0, dBm0";
    Row { what: what.into(), goal: "<= -65".into(), judge: Box::new(judge) }
}

const LATER: &[(f64, f64)] = &[(1.0, 1.0), (3.0, 1.0), (12.0, 3.0)];

fn unseen() -> Vec<Row> {
    let cells = |echo: &dyn Fn(&[i16], u64) -> Signal| -> Vec<Cell> {
        let cell = |seed| {
            let sent: Vec<i16> = babble(15.0, -16.0, seed).into_iter().map(coded).collect();
            let echo = echo(&sent, seed);
            Cell::with_echo(sent, echo, None, -65.0)
        };
        (0..8).map(cell).collect()
    };
    type Echo = fn(&[i16], u64) -> Signal;
    let paths: [(&str, Echo); 4] = [
        ("dispersive", |sent, seed| convolve(sent, &dispersive(seed))),
        ("two reflections", |sent, seed| convolve(sent, &two_reflections(seed))),
        ("drift of 4 % a second", |sent, seed| {
            drifting(sent, &dispersive(seed), &dispersive(seed + 50), 0.04)
        }),
        ("2 % of 20 ms lost", |sent, seed| lossy(sent, &dispersive(seed), 2, seed)),
    ];
    let row = |(name, echo): (&str, Echo)| {
        let cells = cells(&echo);
        let goal = format!("20 / 26 / 31; oracle {:.1}", oracle(&cells, 12.0, 3.0));
        erle_row(&format!("{name}, sound like speech: 1 / 3 / 12 s"), goal, cells, LATER)
    };
    paths.map(row).into()
}

/// Recorded people, if `scripts/corpus target/corpus` has brought them here.
fn recorded() -> Vec<Row> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/corpus/recorded");
    let speech: Vec<Vec<f64>> = ["english", "spanish", "mandarin"]
        .iter()
        .filter_map(|name| hound::WavReader::open(folder.join(format!("{name}.wav"))).ok())
        .map(|mut wav| wav.samples::<i16>().filter_map(|sample| sample.ok().map(f64::from)).collect())
        .collect();
    if speech.is_empty() {
        println!("no recorded speech in target/corpus/recorded: `make bench` brings it");
        return Vec::new();
    }
    let part = |n: usize, dbm0: f64| {
        let from = &speech[n % speech.len()];
        at_level(
            from.iter().skip((60 + 40 * (n / speech.len())) * RATE).take(15 * RATE).copied().collect(),
            dbm0,
        )
    };
    let lines = |path: fn(u64) -> Vec<f64>| {
        (0..9).map(|n| Cell::new(&part(n, -16.0), &path(n as u64), None, -65.0)).collect::<Vec<_>>()
    };
    let drift = (0..9).map(|n| {
        let sent: Vec<i16> = part(n, -16.0).into_iter().map(coded).collect();
        let echo = drifting(&sent, &dispersive(n as u64), &dispersive(n as u64 + 50), 0.04);
        Cell::with_echo(sent, echo, None, -65.0)
    });
    let rows = [
        ("dispersive", lines(dispersive)),
        ("two reflections", lines(two_reflections)),
        ("drift of 4 % a second", drift.collect()),
    ];
    let mut rows: Vec<Row> = rows
        .into_iter()
        .map(|(name, cells)| {
            erle_row(&format!("{name}, recorded people: 1 / 3 / 12 s"), "20 / 26 / 31".into(), cells, LATER)
        })
        .collect();
    rows.push(recorded_double_talk(
        (0..9)
            .map(|n| {
                let near = part(n + 10, -16.0)
                    .into_iter()
                    .enumerate()
                    .map(|(at, s)| if (6 * RATE..9 * RATE).contains(&at) { s } else { 0.0 });
                Cell::new(&part(n, -16.0), &dispersive(n as u64), Some(&near.collect()), -65.0)
            })
            .collect(),
    ));
    rows
}

fn recorded_double_talk(cells: Vec<Cell>) -> Row {
    let judge = move |canceller: &Canceller| {
        let outs = canceller.run(&cells, false);
        let [during, after] =
            [(6.2, 2.8), (9.05, 1.0)].map(|(from_s, for_s)| heard(&cells, &outs, from_s, for_s));
        format!("{:.1} / {:.1}", mean(&during), least(&after))
    };
    Row {
        what: "recorded people at both ends, 0 dB: during / worst in the second after".into(),
        goal: ">= 18 / >= 22".into(),
        judge: Box::new(judge),
    }
}
