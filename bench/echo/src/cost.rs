//! What a sample costs.

use std::hint::black_box;
use std::time::Duration;

use dsp::echo::{CHANNELS, EchoBank, EchoMode, NlpMode};
use nix::time::ClockId;

use crate::echo_rig::*;
use crate::rivals::Aec3;
#[cfg(rivals)]
use crate::rivals::{c, speex_state};

const STREAMS: usize = 240;
/// Blocks until all have converged, and blocks of a round.
const SETTLED: usize = 4_000;
const ROUND: usize = 200;
const SECONDS: f64 = 6.0;

/// A canceller of all streams: it gets one block of each.
type Work = Box<dyn FnMut(&[[i16; 8]], &[[i16; 8]])>;

/// Prints the cost table.
pub fn run() {
    let far: Vec<Vec<i16>> =
        (0..8).map(|seed| babble(SECONDS, -16.0, seed).into_iter().map(coded).collect()).collect();
    let echo: Vec<Vec<i16>> = far
        .iter()
        .zip(2..)
        .map(|(far, model)| convolve(far, &hybrid(model, 10.0, 40)).into_iter().map(coded).collect())
        .collect();
    let block = |of: &[Vec<i16>], at: usize| -> Vec<[i16; 8]> {
        (0..STREAMS).map(|n| core::array::from_fn(|i| of[n % 8][at * 8 + i])).collect()
    };
    let blocks: Vec<_> =
        (0..(SECONDS * 1_000.0) as usize).map(|at| (block(&far, at), block(&echo, at))).collect();
    let mut rivals: Vec<(&str, Work)> = vec![
        ("tandem, 128 ms", ours(false, NlpMode::Off)),
        ("tandem, 128 ms, comfort noise", ours(false, NlpMode::ComfortNoise)),
        ("tandem, 128 ms, portable kernel", ours(true, NlpMode::Off)),
    ];
    #[cfg(rivals)]
    rivals.extend([("OSLEC -O3 native", oslec()), ("speexdsp, frame 64", speex())]);
    rivals.push(("aec3 at 16 kHz, with resampling", aec3()));
    // The stream goes on from round to round: a jump in it would be a changed path to all of them.
    let start = one_round(&mut rivals[0].1, &blocks[..SETTLED]);
    rivals[1..].iter_mut().for_each(|(_, work)| _ = one_round(work, &blocks[..SETTLED]));
    let mut times = vec![Vec::new(); rivals.len()];
    for round in blocks[SETTLED..].chunks_exact(ROUND) {
        for ((_, work), times) in rivals.iter_mut().zip(&mut times) {
            times.push(one_round(work, round));
        }
    }
    println!(
        "| cost, ns a sample and channel, {STREAMS} streams | median of ten rounds | beside tandem |\n|---|---|---|"
    );
    println!("| tandem, the first 4 s after a start | {start:.1} | |");
    let medians: Vec<f64> = times
        .into_iter()
        .map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        })
        .collect();
    for ((name, _), median) in rivals.iter().zip(&medians) {
        println!("| {name} | {median:.1} | {:.1}x |", median / medians[0]);
    }
}

fn one_round(work: &mut Work, blocks: &[(Vec<[i16; 8]>, Vec<[i16; 8]>)]) -> f64 {
    let before = cpu_time();
    for (sent, received) in blocks {
        work(sent, received);
    }
    (cpu_time() - before).as_nanos() as f64 / (blocks.len() * 8 * STREAMS) as f64
}

/// The thread's processor time: other programs do not count. Not /proc/thread-self/schedstat, which moves by whole ticks.
fn cpu_time() -> Duration {
    Duration::from(ClockId::CLOCK_THREAD_CPUTIME_ID.now().expect("every Linux has this clock"))
}

fn ours(portable: bool, nlp: NlpMode) -> Work {
    let bank = |index| {
        let bank = EchoBank::new(128, index);
        let mut bank = if portable { bank.portable() } else { bank };
        (0..CHANNELS).for_each(|lane| bank.set_mode(lane, EchoMode::On(nlp)));
        bank
    };
    let mut banks: Vec<EchoBank> = (0..STREAMS / CHANNELS).map(bank).collect();
    Box::new(move |sent, received| {
        for ((bank, sent), received) in
            banks.iter_mut().zip(sent.as_chunks::<CHANNELS>().0).zip(received.as_chunks::<CHANNELS>().0)
        {
            let mut out = *received;
            bank.process(sent, &mut out);
            black_box(&out);
        }
    })
}

/// OSLEC as DAHDI sets it up: adapting, with its processor and both high passes.
#[cfg(rivals)]
fn oslec() -> Work {
    const MODE: i32 = 0x01 | 0x02 | 0x08 | 0x10 | 0x20;
    // SAFETY: plain constructor; the states live as long as the process.
    let states: Vec<_> = (0..STREAMS).map(|_| unsafe { c::oslec_create(1_024, MODE) }).collect();
    Box::new(move |sent, received| {
        for ((state, sent), received) in states.iter().zip(sent).zip(received) {
            for (&tx, &rx) in sent.iter().zip(received) {
                // SAFETY: a state of `oslec_create`.
                black_box(unsafe { c::oslec_update(*state, tx, rx) });
            }
        }
    })
}

/// speexdsp's MDF, which works on frames of 64 samples.
#[cfg(rivals)]
fn speex() -> Work {
    let make = |_| (speex_state(), [0_i16; 64], [0_i16; 64]);
    let mut states: Vec<_> = (0..STREAMS).map(make).collect();
    let mut fill = 0;
    Box::new(move |sent, received| {
        for (((state, far, near), sent), received) in states.iter_mut().zip(sent).zip(received) {
            far[fill..fill + 8].copy_from_slice(sent);
            near[fill..fill + 8].copy_from_slice(received);
            if fill == 56 {
                let mut out = [0_i16; 64];
                // SAFETY: a state made for frames of 64, and three frames.
                unsafe { c::speex_echo_cancellation(*state, near.as_ptr(), far.as_ptr(), out.as_mut_ptr()) };
                black_box(&out);
            }
        }
        fill = (fill + 8) % 64;
    })
}

/// The crate aec3, which works on frames of 10 ms.
fn aec3() -> Work {
    let mut states: Vec<_> = (0..STREAMS).map(|_| (Aec3::of(true), [0_i16; 80], [0_i16; 80])).collect();
    let mut fill = 0;
    Box::new(move |sent, received| {
        for (((state, far, near), sent), received) in states.iter_mut().zip(sent).zip(received) {
            far[fill..fill + 8].copy_from_slice(sent);
            near[fill..fill + 8].copy_from_slice(received);
            if fill == 72 {
                black_box(state.frame(far, near));
            }
        }
        fill = (fill + 8) % 80;
    })
}
