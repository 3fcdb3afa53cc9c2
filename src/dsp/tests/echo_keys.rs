//! Keys that are pressed into the first words of a prompt, while the canceller still looks for the path.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests may allocate"
)]

mod echo_rig;

use dsp::dtmf::DtmfDetector;
use dsp::echo::NlpMode;
use echo_rig::*;

/// When keys are pressed, after the prompt's begin.
const AT_MS: [usize; 9] = [100, 150, 200, 300, 400, 500, 600, 800, 1_000];

fn is_key_heard(out: &[i16]) -> bool {
    let mut detector = DtmfDetector::new(0);
    out.as_chunks::<8>().0.iter().any(|block| detector.push(block).is_some())
}

/// A prompt of -13 dBm0, and a key of 80 ms.
fn cells(key_dbm0: f64) -> Vec<Cell> {
    let mut cells = Vec::new();
    for (seed, model) in (0..).zip([2, 4, 5, 9]) {
        let prompt = babble(2.0, -13.0, seed);
        for erl_db in [6.0, 10.0] {
            for at_ms in AT_MS {
                let key = tone(&[697.0, 1_209.0], 0.08, key_dbm0);
                let mut near = vec![0.0; prompt.len()];
                near[at_ms * 8..at_ms * 8 + key.len()].copy_from_slice(&key);
                cells.push(Cell::new(&prompt, &hybrid(model, erl_db, 40), Some(&near), -65.0));
            }
        }
    }
    cells
}

fn lost(cells: &[Cell], nlp: NlpMode) -> usize {
    run(cells, nlp).iter().filter(|out| !is_key_heard(out)).count()
}

#[test]
fn keys_at_the_start_of_a_prompt_are_heard() {
    let loud = cells(-12.0);
    assert_eq!(lost(&loud, NlpMode::ComfortNoise), 0, "of {} loud keys", loud.len());
    let quiet = cells(-20.0);
    let (with, without) = (lost(&quiet, NlpMode::ComfortNoise), lost(&quiet, NlpMode::Off));
    println!("quiet keys: {with} of {} lost, {without} without the processor", quiet.len());
    assert!(
        with <= without + 1,
        "{with} of {} quiet keys lost, {without} without the processor",
        quiet.len()
    );
}
