//! How well the canceller cancels: the quality goals as asserted limits, on a part of the judge's cells.
//!
//! All cells and figures: `make bench` and docs/echo.md. Limits are the goals themselves where the figures leave room.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests may allocate"
)]

mod echo_rig;

use dsp::echo::NlpMode;
use echo_rig::*;

/// The hybrids at a path delay of 5 and of 100 ms.
fn all_hybrids(far: &Signal) -> Vec<Cell> {
    let paths = (2..10).flat_map(|model| [40, 800].map(|delay| hybrid(model, 10.0, delay)));
    paths.map(|path| Cell::new(far, &path, None, -65.0)).collect()
}

fn erle(cells: &[Cell], outs: &[Vec<i16>], from_s: f64, for_s: f64) -> Vec<f64> {
    cells.iter().zip(outs).map(|(cell, out)| cell.erle_db(out, from_s, for_s)).collect()
}

#[test]
fn convergence_reaches_15_20_and_26_db_after_a_quarter_half_and_whole_second() {
    let begins: Vec<_> = (1..=5).map(|seed| all_hybrids(&css(false, 2.0, -16.0, seed))).collect();
    let outs: Vec<_> = begins.iter().map(|cells| run(cells, NlpMode::Off)).collect();
    for (from_s, goal_db) in [(0.25, 15.0), (0.5, 20.0), (1.0, 26.0)] {
        let of_signals = begins.iter().zip(&outs).map(|(cells, outs)| mean(&erle(cells, outs, from_s, 0.35)));
        let reached = mean(&of_signals.collect::<Vec<_>>());
        println!("at {from_s} s: {reached:.2} dB");
        assert!(reached >= goal_db, "at {from_s} s: {reached:.2} dB");
    }
}

#[test]
fn the_end_is_within_2_db_of_the_oracle() {
    let cells = all_hybrids(&css(false, 8.0, -16.0, 1));
    let outs = run(&cells, NlpMode::Off);
    let steady = mean(&erle(&cells, &outs, 6.6, 1.4));
    let oracle = mean(&cells.iter().map(|cell| cell.oracle_db(6.6, 1.4)).collect::<Vec<_>>());
    println!("steady {steady:.1} dB, oracle {oracle:.1} dB");
    assert!(steady >= oracle - 2.0, "steady {steady:.1} dB, oracle {oracle:.1} dB");
}

#[test]
fn a_quiet_far_end_converges_within_4_db_of_the_oracle() {
    let cells = all_hybrids(&css(false, 5.0, -26.0, 1));
    let outs = run(&cells, NlpMode::Off);
    let oracle = mean(&cells.iter().map(|cell| cell.oracle_db(1.0, 3.5)).collect::<Vec<_>>());
    let (second, end) = (mean(&erle(&cells, &outs, 1.0, 0.35)), mean(&erle(&cells, &outs, 3.5, 1.4)));
    println!("{second:.1} dB, {end:.1} dB, oracle {oracle:.1} dB");
    assert!(second >= oracle - 4.0 && end >= oracle - 2.0, "{second:.1} {end:.1} of {oracle:.1} dB");
}

#[test]
fn a_changed_path_is_cancelled_again_18_db_after_half_a_second_and_24_db_after_one() {
    let far = css(false, 7.0, -16.0, 1);
    let changes = [(2, 40, 6, 240), (5, 100, 8, 30), (9, 16, 4, 500), (3, 300, 7, 20)];
    let cells: Vec<Cell> = changes
        .iter()
        .map(|&(one, delay, other, later)| {
            let mut cell = Cell::new(&far, &hybrid(one, 10.0, delay), None, -65.0);
            let after = convolve(&cell.sent, &hybrid(other, 10.0, later));
            cell.echo[40_400..].copy_from_slice(&after[40_400..]);
            Cell::with_echo(cell.sent, cell.echo, None, -65.0)
        })
        .collect();
    let outs = run(&cells, NlpMode::Off);
    for (after_s, goal_db) in [(0.5, 18.0), (1.0, 24.0)] {
        let reached = mean(&erle(&cells, &outs, 5.05 + after_s, 0.35));
        println!("after {after_s} s: {reached:.1} dB");
        assert!(reached >= goal_db, "after {after_s} s: {reached:.1} dB");
    }
}

#[test]
fn double_talk_does_no_harm_and_is_cancelled_through() {
    let far = css(false, 9.0, -16.0, 1);
    let mut cells = Vec::new();
    for below_db in [0.0, -6.0, -15.0] {
        for near in [css(true, 9.0, -16.0 + below_db, 9), babble(9.0, -16.0 + below_db, 4)] {
            let within = |(n, s): (usize, f64)| if (40_000..56_000).contains(&n) { s } else { 0.0 };
            let near: Signal = near.into_iter().enumerate().map(within).collect();
            cells.extend([2, 5].map(|model| Cell::new(&far, &hybrid(model, 10.0, 40), Some(&near), -65.0)));
        }
    }
    let outs = run(&cells, NlpMode::Off);
    let before = erle(&cells, &outs, 4.0, 0.7);
    let after = erle(&cells, &outs, 7.03, 0.35);
    let during = erle(&cells, &outs, 5.2, 1.7);
    for (level, cells) in ["0", "-6", "-15"].iter().zip(0..) {
        let four = cells * 4..cells * 4 + 4;
        let (during, before, after) =
            (mean(&during[four.clone()]), mean(&before[four.clone()]), mean(&after[four]));
        println!("{level} dB: {before:.1} before, {during:.1} during, {after:.1} after");
        assert!(during >= 18.0, "{level} dB: {during:.1} dB during double talk");
        assert!(before - after <= 2.0, "{level} dB: {before:.1} dB before, {after:.1} dB after");
    }
    println!("worst after {:.1} dB", least(&after));
    assert!(least(&after) >= 25.0, "worst after double talk {:.1} dB", least(&after));
}

#[test]
fn an_echo_that_ends_leaves_nothing_and_tones_lose_at_most_3_db() {
    let mut cell = Cell::new(&css(false, 7.0, -16.0, 1), &hybrid(5, 10.0, 40), None, -70.0);
    cell.echo[40_000..].fill(0.0);
    let cell = Cell::with_echo(cell.sent, cell.echo, None, -70.0);
    let returned = dbm0(&run(core::slice::from_ref(&cell), NlpMode::Off)[0], 5.5, 0.35);
    assert!(returned <= -60.0, "{returned:.1} dBm0 half a second after the echo has ended");
    let tones: [&[f64]; 7] = [
        &[1_000.0],
        &[697.0, 1_209.0],
        &[440.0, 480.0],
        &[540.0, 660.0],
        &[2_100.0],
        &[1_380.0, 1_500.0],
        &[450.0],
    ];
    let cells: Vec<Cell> = tones
        .iter()
        .map(|hz| {
            let mut far = css(false, 5.0, -16.0, 1);
            far.extend(tone(hz, 5.0, -10.0));
            far.extend(css(false, 2.0, -16.0, 1));
            Cell::new(&far, &hybrid(5, 10.0, 40), None, -65.0)
        })
        .collect();
    let outs = run(&cells, NlpMode::Off);
    let (before, after) = (erle(&cells, &outs, 4.0, 0.7), erle(&cells, &outs, 10.03, 0.35));
    for ((hz, before), after) in tones.iter().zip(before).zip(after) {
        println!("{hz:?}: {before:.1} dB before, {after:.1} dB after");
        assert!(before - after <= 3.0, "{hz:?}: {before:.1} dB before, {after:.1} dB after");
    }
}

#[test]
fn with_the_processor_nothing_of_the_echo_returns_and_a_quiet_person_is_heard() {
    let cells = all_hybrids(&css(false, 8.0, -16.0, 1));
    let outs = run(&cells, NlpMode::Silence);
    for (cell, out) in outs.iter().enumerate() {
        let peak = peak_dbm0(out, 1.0);
        assert!(peak <= -65.0, "cell {cell}: {peak:.1} dBm0 after 1 s");
    }
    // A talker at -30 dBm0: alone, and against a far end at -16 dBm0.
    let near = babble(8.0, -30.0, 4);
    let silent = vec![0.0; near.len()];
    let alone = Cell::new(&silent, &hybrid(5, 10.0, 40), Some(&near), -90.0);
    let late: Signal = near.iter().enumerate().map(|(n, &s)| if n < 24_000 { 0.0 } else { s }).collect();
    let against = Cell::new(&css(false, 8.0, -16.0, 1), &hybrid(2, 10.0, 40), Some(&late), -65.0);
    for cell in [alone, against] {
        let out = &run(core::slice::from_ref(&cell), NlpMode::ComfortNoise)[0];
        let (mut both, mut own) = (0.0, 0.0);
        for (n, &o) in cell.near.iter().zip(out).skip(24_000) {
            both += n * f64::from(o);
            own += n * n;
        }
        let loss_db = -20.0 * (both / own).log10();
        println!("a talker at -30 dBm0 loses {loss_db:.2} dB");
        assert!(loss_db.abs() <= 1.0, "a talker at -30 dBm0 loses {loss_db:.2} dB");
    }
}

#[test]
fn paths_outside_the_list_are_cancelled_too() {
    let mut cells = Vec::new();
    for seed in 0..4 {
        let far = babble(14.0, -16.0, 20 + seed);
        cells.push(Cell::new(&far, &dispersive(seed), None, -65.0));
        cells.push(Cell::new(&far, &two_reflections(seed), None, -65.0));
    }
    let outs = run(&cells, NlpMode::Off);
    let (three, twelve) = (mean(&erle(&cells, &outs, 3.0, 1.0)), mean(&erle(&cells, &outs, 12.0, 2.0)));
    println!("3 s: {three:.1} dB, 12 s: {twelve:.1} dB");
    assert!(three >= 20.0 && twelve >= 25.0, "3 s: {three:.1} dB, 12 s: {twelve:.1} dB");
}
