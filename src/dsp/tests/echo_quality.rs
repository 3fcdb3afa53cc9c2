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

#[test]
fn convergence_reaches_15_20_and_26_db_after_a_quarter_half_and_whole_second() {
    let begins: Vec<_> = (1..=5).map(|seed| all_hybrids(&css(false, 2.0, -16.0, seed))).collect();
    let outs: Vec<_> = begins.iter().map(|cells| run(cells, NlpMode::Off)).collect();
    for (from_s, goal_db) in [(0.25, 15.0), (0.5, 20.0), (1.0, 26.0)] {
        let of_signals = begins.iter().zip(&outs).map(|(cells, outs)| mean(&erles(cells, outs, from_s, 0.35)));
        let reached = mean(&of_signals.collect::<Vec<_>>());
        println!("at {from_s} s: {reached:.2} dB");
        assert!(reached >= goal_db, "at {from_s} s: {reached:.2} dB");
    }
}

#[test]
fn the_end_is_within_2_db_of_the_oracle() {
    let cells = all_hybrids(&css(false, 8.0, -16.0, 1));
    let outs = run(&cells, NlpMode::Off);
    let steady = mean(&erles(&cells, &outs, 6.6, 1.4));
    let oracle = oracle(&cells, 6.6, 1.4);
    println!("steady {steady:.1} dB, oracle {oracle:.1} dB");
    assert!(steady >= oracle - 2.0, "steady {steady:.1} dB, oracle {oracle:.1} dB");
}

#[test]
fn a_quiet_far_end_converges_within_4_db_of_the_oracle() {
    let cells = all_hybrids(&css(false, 5.0, -26.0, 1));
    let outs = run(&cells, NlpMode::Off);
    let oracle = oracle(&cells, 1.0, 3.5);
    let (second, end) = (mean(&erles(&cells, &outs, 1.0, 0.35)), mean(&erles(&cells, &outs, 3.5, 1.4)));
    println!("{second:.1} dB, {end:.1} dB, oracle {oracle:.1} dB");
    assert!(second >= oracle - 4.0 && end >= oracle - 2.0, "{second:.1} {end:.1} of {oracle:.1} dB");
}

#[test]
fn a_changed_path_is_cancelled_again_18_db_after_half_a_second_and_24_db_after_one() {
    let cells = changed_paths(&css(false, 7.0, -16.0, 1));
    let outs = run(&cells, NlpMode::Off);
    for (after_s, goal_db) in [(0.5, 18.0), (1.0, 24.0)] {
        let reached = mean(&erles(&cells, &outs, CHANGE_S + after_s, 0.35));
        println!("after {after_s} s: {reached:.1} dB");
        assert!(reached >= goal_db, "after {after_s} s: {reached:.1} dB");
    }
}

#[test]
fn double_talk_does_no_harm_and_is_cancelled_through() {
    let far = css(false, 9.0, -16.0, 1);
    let cells: Vec<Cell> = [0.0, -6.0, -15.0].iter().flat_map(|&below_db| double_talk(&far, below_db)).collect();
    let outs = run(&cells, NlpMode::Off);
    let before = erles(&cells, &outs, 4.0, 0.7);
    let after = erles(&cells, &outs, 7.03, 0.35);
    let during = erles(&cells, &outs, 5.2, 1.7);
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
    let cell = echo_that_ends();
    let returned = dbm0(&run(core::slice::from_ref(&cell), NlpMode::Off)[0], 5.5, 0.35);
    assert!(returned <= -60.0, "{returned:.1} dBm0 half a second after the echo has ended");
    let cells = tones();
    let outs = run(&cells, NlpMode::Off);
    let (before, after) = (erles(&cells, &outs, 4.0, 0.7), erles(&cells, &outs, 10.03, 0.35));
    for ((hz, before), after) in TONES_HZ.iter().zip(before).zip(after) {
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
    for cell in quiet_talkers() {
        let out = &run(core::slice::from_ref(&cell), NlpMode::ComfortNoise)[0];
        let loss_db = talker_loss_db(&cell, out);
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
    let (three, twelve) = (mean(&erles(&cells, &outs, 3.0, 1.0)), mean(&erles(&cells, &outs, 12.0, 2.0)));
    println!("3 s: {three:.1} dB, 12 s: {twelve:.1} dB");
    assert!(three >= 20.0 && twelve >= 25.0, "3 s: {three:.1} dB, 12 s: {twelve:.1} dB");
}

#[test]
fn two_minutes_of_silence_lose_nothing() {
    let silence = 120.0;
    let mut far = css(false, 5.0, -16.0, 1);
    far.resize(far.len() + (silence * RATE as f64) as usize, 0.0);
    far.extend(css(false, 2.0, -16.0, 1));
    let cells = [2, 5].map(|model| Cell::new(&far, &hybrid(model, 10.0, 40), None, -65.0));
    let outs = run(&cells, NlpMode::Off);
    let (before, after) = (erles(&cells, &outs, 4.0, 0.7), erles(&cells, &outs, 5.03 + silence, 0.35));
    for (before, after) in before.into_iter().zip(after) {
        println!("{before:.1} dB before, {after:.1} dB after");
        assert!(before - after <= 3.0, "{before:.1} dB before, {after:.1} dB after two minutes of silence");
    }
}

#[test]
fn signals_that_answer_the_same_signal_are_not_taken_for_its_echo() {
    // Signalling and continuity checks: the far end's signal, and half a second later the same one from the near end.
    let signals: [&[f64]; 5] = [&[2_000.0], &[1_380.0, 1_500.0], &[540.0, 660.0], &[697.0, 1_209.0], &[2_600.0]];
    let cells: Vec<Cell> = signals
        .iter()
        .map(|hz| {
            let (mut far, mut near) = (Signal::new(), Signal::new());
            for _ in 0..6 {
                let signal = tone(hz, 0.4, -10.0);
                let pause = vec![0.0; 4_000];
                far.extend(signal.iter().chain(&pause));
                near.extend(vec![0.0; 4_000].iter().chain(&signal[..3_200]));
            }
            Cell::new(&far, &hybrid(5, 30.0, 40), Some(&near[..far.len().min(near.len())].to_vec()), -65.0)
        })
        .collect();
    for nlp in [NlpMode::Off, NlpMode::Silence] {
        for ((hz, cell), out) in signals.iter().zip(&cells).zip(run(&cells, nlp)) {
            let received = dbm0(&cell.received, 0.5, 4.5);
            let passed = dbm0(&out, 0.5, 4.5);
            println!("{hz:?} {nlp:?}: {received:.1} dBm0 received, {passed:.1} dBm0 passed");
            assert!((received - passed).abs() <= 1.0, "{hz:?} {nlp:?}: {received:.1} and {passed:.1} dBm0");
        }
    }
}
