//! Acceptance of keys and register signals while one thing is varied, ours and spandsp's on the same sound in A-law.

use std::f64::consts::TAU;

use clock::Prng;
use dsp::bank::Path;
use dsp::dtmf::{COLUMNS_HZ, DtmfDetector, DtmfEvent, KEYS, ROWS_HZ};
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mf::{MfEvent, MfSystem, tones_of};
use dsp::tone::{Country, plan};
use tdm::Law;

use crate::rival::Rival;

/// What is received.
#[derive(Clone, Copy, PartialEq)]
pub enum What {
    Dtmf,
    R1,
    R2Forward,
    R2Backward,
}

/// One signal of two tones as it is sent.
#[derive(Clone, Copy)]
pub struct Sent {
    pub level_dbm0: f64,
    /// The second tone weaker, or the first if negative.
    pub twist_db: f64,
    /// Share by which the first and the second tone are off.
    pub offset: [f64; 2],
    pub ms: f64,
    /// Signal of both tones over noise.
    pub snr_db: f64,
    /// One sine of dial tone relative to one tone of the signal; there are two, 350 and 440 Hz.
    pub dial_db: f64,
}

pub const SENT: Sent =
    Sent { level_dbm0: -10.0, twist_db: 0.0, offset: [0.0; 2], ms: 50.0, snr_db: 60.0, dial_db: -90.0 };

fn freqs(what: What, signal: usize) -> [f64; 2] {
    let of = |system: MfSystem| {
        let (low, high) = tones_of(signal as u8 + 1).expect("a signal");
        [low, high].map(|tone| f64::from(system.freqs_hz()[tone]))
    };
    match what {
        What::Dtmf => [f64::from(ROWS_HZ[signal / 4]), f64::from(COLUMNS_HZ[signal % 4])],
        What::R1 => of(MfSystem::R1),
        What::R2Forward => of(MfSystem::R2Forward),
        What::R2Backward => of(MfSystem::R2Backward),
    }
}

fn signals(what: What) -> usize {
    if what == What::Dtmf { 16 } else { 15 }
}

/// The sound of one signal, as it comes out of A-law.
fn sound(what: What, signal: usize, sent: Sent, prng: &mut Prng) -> Vec<i16> {
    let amplitude = |dbm0: f64| 22_827.0 * 10_f64.powf(dbm0 / 20.0);
    let (start, phases) = (1_600 + prng.below(160) as usize, [prng.unit(), prng.unit()]);
    let freqs = freqs(what, signal);
    let noise = amplitude(sent.level_dbm0 + 3.01 - sent.snr_db) / 2_f64.sqrt();
    // R1's own signals are 68 ms.
    let ms = if what == What::R1 && sent.ms == SENT.ms { 68.0 } else { sent.ms };
    let long = (ms * 8.0) as usize;
    let samples: Vec<i16> = (0..start + long + 960)
        .map(|n| {
            let t = n as f64 / 8_000.0;
            let radius = (-2.0 * (1.0 - prng.unit()).ln()).sqrt();
            let mut value = noise * radius * (TAU * prng.unit()).cos();
            value += amplitude(sent.level_dbm0 + sent.dial_db)
                * ((TAU * 350.0 * t).sin() + (TAU * 440.0 * t).sin());
            if (start..start + long).contains(&n) {
                let sine = |k: usize| (TAU * (freqs[k] * (1.0 + sent.offset[k]) * t + phases[k])).sin();
                value += amplitude(sent.level_dbm0 + sent.twist_db.min(0.0)) * sine(0);
                value += amplitude(sent.level_dbm0 - sent.twist_db.max(0.0)) * sine(1);
            }
            value.round().clamp(-32_768.0, 32_767.0) as i16
        })
        .collect();
    samples
        .as_chunks::<8>()
        .0
        .iter()
        .flat_map(|block| g711::decode_chunk(Law::A, &g711::encode_block(Law::A, block)))
        .collect()
}

/// Returns what we hear: keys in ASCII or signals by number.
fn ours(what: What, line: &[i16]) -> Vec<u8> {
    let blocks = line.as_chunks::<8>().0;
    if what == What::Dtmf {
        let mut detector = DtmfDetector::new(0);
        let heard = blocks.iter().filter_map(|block| detector.push(block));
        return heard
            .filter_map(|event| if let DtmfEvent::Down { digit } = event { Some(digit) } else { None })
            .collect();
    }
    let mut listeners = Listeners::new(1, ListenSet::new(plan(Country::Cn)).expect("tones"), Path::best());
    listeners.want(
        0,
        match what {
            What::R2Forward => Wants::R2_FORWARD,
            What::R2Backward => Wants::R2_BACKWARD,
            What::R1 | What::Dtmf => Wants::R1,
        },
    );
    let mut signals = Vec::new();
    for block in blocks {
        listeners.push(&[*block], &mut |_, heard| {
            if let Heard::Mf(_, MfEvent::On { signal }) = heard {
                signals.push(signal);
            }
        });
    }
    signals
}

/// Returns what spandsp hears, in the same form.
fn theirs(what: What, filter: bool, line: &[i16]) -> Vec<u8> {
    let mut rival = match what {
        What::Dtmf => Rival::dtmf(filter),
        What::R1 => Rival::r1(),
        What::R2Forward => Rival::r2(true),
        What::R2Backward => Rival::r2(false),
    };
    let mut seen = Vec::new();
    for part in line.chunks(40) {
        rival.push(part);
        if matches!(what, What::R2Forward | What::R2Backward) {
            let signal = match rival.signal() {
                digit @ b'1'..=b'9' => digit - b'0',
                b'0' => 10,
                letter @ b'B'..=b'F' => letter - b'B' + 11,
                _ => 0,
            };
            if signal != 0 && seen.last() != Some(&signal) {
                seen.push(signal);
            }
        }
    }
    match what {
        What::Dtmf => rival.digits(),
        What::R1 => {
            let number = |digit: u8| match digit {
                b'1'..=b'9' => digit - b'0',
                b'0' => 10,
                b'C' => 11, // ST'''
                b'A' => 12, // ST'
                b'*' => 13, // KP
                b'B' => 14, // ST''
                b'#' => 15, // ST
                _ => 0,
            };
            rival.digits().into_iter().map(number).collect()
        }
        What::R2Forward | What::R2Backward => seen,
    }
}

/// The shares of signals that are heard once and as themselves, ours, theirs, theirs with its dial tone filter.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shares {
    pub ours: f64,
    pub theirs: f64,
    pub filtered: f64,
}

/// Sends each signal `tries` times.
pub fn shares(what: What, sent: Sent, tries: usize, prng: &mut Prng) -> Shares {
    let (mut shares, total) = (Shares::default(), (signals(what) * tries) as f64);
    for signal in 0..signals(what) {
        let wanted = if what == What::Dtmf { KEYS[signal / 4][signal % 4] } else { signal as u8 + 1 };
        for _ in 0..tries {
            let line = sound(what, signal, sent, prng);
            shares.ours += f64::from(ours(what, &line) == [wanted]) / total;
            shares.theirs += f64::from(theirs(what, false, &line) == [wanted]) / total;
            if what == What::Dtmf {
                shares.filtered += f64::from(theirs(what, true, &line) == [wanted]) / total;
            }
        }
    }
    shares
}
