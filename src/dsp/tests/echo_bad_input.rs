//! The canceller against everything that should not happen, and its two kernels against each other.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_macros,
    clippy::unwrap_used,
    reason = "tests may allocate"
)]

mod echo_rig;

use clock::Prng;
use dsp::echo::{CHANNELS, EchoBank, EchoMode, NlpMode};
use echo_rig::*;

const ON: EchoMode = EchoMode::On(NlpMode::Off);

/// Runs a bank on what `next` says for each block and asserts that no 35 ms come out louder than the loudest 35 ms went
/// in, by more than `more_db`.
fn never_shrieks(
    name: &str,
    blocks: usize,
    more_db: f64,
    mut next: impl FnMut(usize) -> ([i16; 8], [i16; 8]),
) {
    let mut bank = EchoBank::new(128, 0);
    (0..CHANNELS).for_each(|lane| bank.set_mode(lane, ON));
    let (mut into, mut out) = (Vec::new(), Vec::new());
    for block in 0..blocks {
        let (sent, mut received) = next(block);
        into.extend(received);
        let mut all = [received; CHANNELS];
        bank.process(&[sent; CHANNELS], &mut all);
        assert!(all.iter().all(|lane| *lane == all[0]), "{name}: lanes with equal input differ");
        received = all[0];
        out.extend(received);
    }
    let (was, is) = (peak_dbm0(&into, 0.0), peak_dbm0(&out, 0.0));
    assert!(is <= was.max(-60.0) + more_db, "{name}: {was:.1} dBm0 in, {is:.1} dBm0 out");
}

#[test]
fn squares_dc_zeros_noise_and_full_scale_do_not_make_it_shriek() {
    let mut prng = Prng::new(1);
    let square = |n: usize| if (n / 20).is_multiple_of(2) { 30_000 } else { -30_000 };
    let block = |block: usize, f: &dyn Fn(usize) -> i16| core::array::from_fn(|i| f(block * 8 + i));
    never_shrieks("square", 4_000, 3.0, |b| (block(b, &square), block(b, &|n| square(n + 7) / 3)));
    never_shrieks("dc", 4_000, 3.0, |_| ([12_000; 8], [-9_000; 8]));
    never_shrieks("zeros", 1_000, 3.0, |_| ([0; 8], [0; 8]));
    never_shrieks("least", 2_000, 3.0, |_| ([i16::MIN; 8], [i16::MIN; 8]));
    never_shrieks("echo of nothing", 2_000, 3.0, |b| ([0; 8], block(b, &square)));
    let mut noise = || core::array::from_fn(|_| prng.below(65_536) as u16 as i16);
    never_shrieks("unrelated noise of full scale", 8_000, 3.0, |_| (noise(), noise()));
}

#[test]
fn slips_while_it_converges_and_a_burst_after_a_long_silence_are_survived() {
    let far: Vec<i16> = css(false, 12.0, -10.0, 1).into_iter().map(coded).collect();
    let echo: Vec<i16> = convolve(&far, &hybrid(4, 6.0, 40)).into_iter().map(coded).collect();
    // Each 150 ms the line slips by a frame of one sample, now this way, now that.
    never_shrieks("slips", 11_000, 3.0, |b| {
        let slip = (b / 150) % 3;
        (core::array::from_fn(|i| far[b * 8 + i]), core::array::from_fn(|i| echo[b * 8 + i + slip]))
    });
    never_shrieks("burst", 80_000, 3.0, |b| {
        let loud = if b % 5 < 2 { 32_000 } else { -31_000 };
        if b < 70_000 { ([0; 8], [0; 8]) } else { ([loud; 8], [loud / 8; 8]) }
    });
}

#[test]
fn whatever_is_called_in_whatever_order_it_stays_finite_and_returns() {
    for seed in 0..6 {
        let mut prng = Prng::new(seed);
        let mut bank = EchoBank::new([0, 16, 33, 64, 128, 60_000][seed as usize], seed as usize);
        let far = babble(6.0, 0.0, seed);
        for block in 0..5_900 {
            let lane = prng.below(10) as usize;
            match prng.below(400) {
                0 => bank.set_mode(lane, EchoMode::Off),
                1..4 => bank.set_mode(lane, ON),
                4..6 => bank.set_mode(lane, EchoMode::On(NlpMode::ComfortNoise)),
                6 => bank.reset(lane),
                7 => bank.set_tail(lane, prng.below(300) as u16),
                _ => {}
            }
            let wild = prng.below(20) == 0;
            let sent: [i16; 8] = core::array::from_fn(|i| {
                if wild { prng.below(65_536) as u16 as i16 } else { far[block * 8 + i] as i16 }
            });
            let mut received = [sent.map(|s| s / 4); CHANNELS];
            bank.process(&[sent; CHANNELS], &mut received);
            for lane in 0..CHANNELS + 2 {
                let figures = bank.figures(lane);
                let finite = |db: Option<f32>| db.is_none_or(f32::is_finite);
                assert!(finite(figures.erl_db) && finite(figures.erle_db), "seed {seed} block {block}");
            }
        }
    }
}

#[test]
fn a_channel_that_is_off_passes_every_bit() {
    let mut bank = EchoBank::new(128, 0);
    let mut prng = Prng::new(2);
    for _ in 0..500 {
        let sent = core::array::from_fn(|_| core::array::from_fn(|_| prng.below(65_536) as u16 as i16));
        let received = core::array::from_fn(|_| core::array::from_fn(|_| prng.below(65_536) as u16 as i16));
        let mut out = received;
        bank.process(&sent, &mut out);
        assert_eq!(out, received);
    }
}

#[test]
fn the_two_kernels_agree() {
    // FMA rounds once where the portable form rounds twice: until a decision falls differently, samples agree to one step of
    // 16 bits; over the whole run both cancel equally well.
    let far = css(false, 4.0, -16.0, 1);
    let cells: Vec<Cell> =
        (2..10).map(|model| Cell::new(&far, &hybrid(model, 10.0, 40), None, -65.0)).collect();
    let fast = run_in(|| EchoBank::new(128, 0), &cells, NlpMode::Off);
    let portable = run_in(|| EchoBank::new(128, 0).portable(), &cells, NlpMode::Off);
    for ((cell, fast), portable) in cells.iter().zip(&fast).zip(&portable) {
        let apart = fast[..400].iter().zip(&portable[..400]).map(|(a, b)| (a - b).abs()).max();
        assert!(apart <= Some(1), "{apart:?} apart in the first 50 ms");
        let (a, b) = (cell.erle_db(fast, 2.0, 2.0), cell.erle_db(portable, 2.0, 2.0));
        assert!((a - b).abs() < 1.0, "{a:.1} dB and {b:.1} dB");
    }
}

/// 2100 Hz for `seconds`, turned by half a turn every `reversal` samples if there is one.
fn modem(hz: f64, seconds: f64, reversal: Option<usize>, turn_degrees: f64) -> Vec<i16> {
    let at = |n: usize| {
        let turns = reversal.map_or(0, |every| n / every) as f64;
        let phase = core::f64::consts::TAU * hz * n as f64 / 8_000.0 + turns * turn_degrees.to_radians();
        coded(7_000.0 * phase.sin())
    };
    (0..(seconds * 8_000.0) as usize).map(at).collect()
}

/// Sends `sent` and silence for `silent_ms`; tells at which millisecond the canceller stepped aside, and whether it is back.
fn disabled_after(sent: &[i16], silent_ms: usize) -> (Option<usize>, bool) {
    let mut bank = EchoBank::new(64, 0);
    bank.set_mode(3, ON);
    let mut since = None;
    for (ms, block) in sent.chunks_exact(8).chain(core::iter::repeat_n(&[0; 8][..], silent_ms)).enumerate() {
        let mut all = [[0; 8]; CHANNELS];
        all[3] = core::array::from_fn(|i| block[i]);
        bank.process(&all, &mut [[0; 8]; CHANNELS]);
        if bank.figures(3).disabled && since.is_none() {
            since = Some(ms);
        }
    }
    (since, !bank.figures(3).disabled)
}

#[test]
fn a_modem_s_tone_with_reversals_disables_within_a_second_and_silence_enables() {
    for hz in [2_079.0, 2_100.0, 2_121.0] {
        let (since, _) = disabled_after(&modem(hz, 2.0, Some(3_600), 180.0), 0);
        assert!(since.is_some_and(|ms| ms <= 1_000), "{hz} Hz: {since:?} ms");
    }
    let (_, still) = disabled_after(&modem(2_100.0, 2.0, Some(3_600), 180.0), 90);
    let (_, back) = disabled_after(&modem(2_100.0, 2.0, Some(3_600), 180.0), 410);
    assert!(!still && back, "enabled again after 100 to 400 ms of silence");
}

#[test]
fn other_tones_and_speech_do_not_disable() {
    for (hz, every, degrees) in [
        (2_100.0, None, 0.0),
        (2_100.0, Some(3_600), 110.0),
        (2_100.0, Some(1_600), 180.0),
        (1_900.0, Some(3_600), 180.0),
        (2_300.0, Some(3_600), 180.0),
    ] {
        assert_eq!(disabled_after(&modem(hz, 3.0, every, degrees), 0).0, None, "{hz} Hz {every:?} {degrees}");
    }
    let speech: Vec<i16> = babble(20.0, -10.0, 3).into_iter().map(coded).collect();
    assert_eq!(disabled_after(&speech, 0).0, None);
}
