//! The quality rows, and the paths on which nothing was tuned.

use dsp::echo::NlpMode;

use crate::echo_rig::*;

/// Prints the quality table.
pub fn run() {
    println!("| quality | reached | goal |\n|---|---|---|");
    for dbm0 in [-10.0, -16.0, -26.0] {
        converge(dbm0);
    }
    unseen();
}

fn erle(cells: &[Cell], outs: &[Vec<i16>], from_s: f64, for_s: f64) -> Vec<f64> {
    cells.iter().zip(outs).map(|(cell, out)| cell.erle_db(out, from_s, for_s)).collect()
}

fn converge(dbm0: f64) {
    let far = css(false, 10.0, dbm0, 1);
    let paths = (2..10).flat_map(|model| [40, 800].map(|delay| hybrid(model, 10.0, delay)));
    let cells: Vec<Cell> = paths.map(|path| Cell::new(&far, &path, None, -65.0)).collect();
    let outs = run_in(|| dsp::echo::EchoBank::new(128, 0), &cells, NlpMode::Off);
    let at = |from_s, for_s| mean(&erle(&cells, &outs, from_s, for_s));
    let oracle = mean(&cells.iter().map(|cell| cell.oracle_db(8.4, 1.4)).collect::<Vec<_>>());
    println!(
        "| D.2-D.9 at {dbm0} dBm0: .25 / .5 / 1 s / steady | {:.1} / {:.1} / {:.1} / {:.1} dB | 15 / 20 / 26 / {:.1} |",
        at(0.25, 0.35),
        at(0.5, 0.35),
        at(1.0, 0.35),
        at(8.4, 1.4),
        oracle - 2.0
    );
}

fn unseen() {
    let generators: [(&str, fn(u64) -> Vec<f64>); 2] =
        [("dispersive", dispersive), ("two reflections", two_reflections)];
    for (name, path) in generators {
        let cells: Vec<Cell> =
            (0..8).map(|seed| Cell::new(&babble(15.0, -16.0, seed), &path(seed), None, -65.0)).collect();
        report(name, &cells);
    }
    let cells = |echo: &dyn Fn(&[i16], u64) -> Signal| -> Vec<Cell> {
        let cell = |seed| {
            let sent: Vec<i16> = babble(15.0, -16.0, seed).into_iter().map(coded).collect();
            let echo = echo(&sent, seed);
            Cell::with_echo(sent, echo, None, -65.0)
        };
        (0..8).map(cell).collect()
    };
    report(
        "drift of 4 % a second",
        &cells(&|sent, seed| drifting(sent, &dispersive(seed), &dispersive(seed + 50), 0.04)),
    );
    report("2 % of 20 ms lost", &cells(&|sent, seed| lossy(sent, &dispersive(seed), 2, seed)));
}

fn report(name: &str, cells: &[Cell]) {
    let outs = run_in(|| dsp::echo::EchoBank::new(128, 0), cells, NlpMode::Off);
    let at = |from_s, for_s| mean(&erle(cells, &outs, from_s, for_s));
    let oracle = mean(&cells.iter().map(|cell| cell.oracle_db(12.0, 3.0)).collect::<Vec<_>>());
    println!(
        "| {name}, sound like speech: 1 / 3 / 12 s | {:.1} / {:.1} / {:.1} dB | 20 / 26 / 31; oracle {oracle:.1} |",
        at(1.0, 1.0),
        at(3.0, 1.0),
        at(12.0, 3.0)
    );
}
