//! Busy tone under our own sound: what we play, the hybrid that reflects it, the canceller and the detectors of a line.
//!
//! Eight hybrids of G.168 (D.2 to D.9) at once, one in each channel of a bank. The caller speaks, hangs up, and the exchange sends
//! busy tone while we go on playing. Asked is how long after its begin it has been heard for as many cycles as end a call.
#![allow(dead_code, reason = "each program uses a part of the rig")]

use clock::Prng;
use dsp::bank::Path;
use dsp::echo::{CHANNELS, EchoBank, EchoMode, NlpMode};
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::progress::{ProgressEvent, ProgressKind};
use dsp::tone::{Country, Segment, Sine, ToneGenerator, ToneSpec, plan};
use tdm::Block;

use crate::echo_rig::{RATE, Signal, at_level, babble, coded, convolve, hoth, hybrid};

/// When busy tone begins, about, and how long it is listened for then.
pub const HANG_UP_S: f64 = 8.0;
pub const LISTEN_S: f64 = 12.0;
/// Cycles that end a call, and those after which the detector tells the tone.
const CYCLES: u32 = 4;
const CYCLES_TO_RECOGNISE: u32 = 2;

/// What we play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sound {
    /// Nothing.
    Silence,
    /// Syllables and pauses.
    Speech,
    /// Chords in tune with 440 Hz.
    Music,
    /// Music with a note at the tone's frequency much of the time.
    Droning,
}

impl Sound {
    pub const PLAYED: [Sound; 3] = [Sound::Speech, Sound::Music, Sound::Droning];
}

/// What stands between the line and the detector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Canceller {
    Off,
    On(u8),
}

impl Canceller {
    pub fn mode(self) -> EchoMode {
        match self {
            Canceller::Off => EchoMode::Off,
            Canceller::On(0) => EchoMode::On(NlpMode::Off),
            Canceller::On(1) => EchoMode::On(NlpMode::Silence),
            Canceller::On(_) => EchoMode::On(NlpMode::ComfortNoise),
        }
    }
}

/// One run over all hybrids.
#[derive(Clone, Debug)]
pub struct Run {
    pub country: Country,
    pub sound: Signal,
    pub tone_dbm0: f64,
    pub erl_db: f64,
    pub canceller: Canceller,
    pub seed: u64,
}

/// What we play for the length of a run, at a level.
pub fn played(sound: Sound, hz: f64, dbm0: f64, seed: u64) -> Signal {
    let seconds = HANG_UP_S + LISTEN_S + 1.0;
    match sound {
        Sound::Silence => vec![0.0; (seconds * RATE as f64) as usize],
        Sound::Speech => babble(seconds, dbm0, seed),
        Sound::Music => at_level(music(seconds, 0.0, seed), dbm0),
        Sound::Droning => at_level(music(seconds, hz, seed), dbm0),
    }
}

/// Chords of plucked and held notes; `drone_hz` is a note that comes again and again, not in the time of any tone.
fn music(seconds: f64, drone_hz: f64, seed: u64) -> Signal {
    let mut prng = Prng::new(seed);
    let samples = (seconds * RATE as f64) as usize;
    let mut out = vec![0.0; samples];
    let mut at = 0;
    while at < samples {
        let beat = 1_400 + prng.below(2_400) as usize;
        for voice in 0..3 {
            let step = prng.below(25) as f64 - 12.0;
            let drones = drone_hz > 0.0 && voice == 0 && prng.below(3) > 0;
            let hz = if drones { drone_hz } else { 440.0 * 2f64.powf(step / 12.0) };
            let (held, loud) = (1 + prng.below(3) as usize, 0.4 + prng.below(60) as f64 / 100.0);
            let decay = 2_000.0 + prng.below(8_000) as f64;
            for n in 0..(beat * held).min(samples - at) {
                let t = n as f64 / RATE as f64;
                let swell = (n as f64 / 80.0).min(1.0) * (-(n as f64) / decay).exp();
                let partial = |h: f64| (core::f64::consts::TAU * hz * h * t).sin() / (h * h);
                let notes: f64 =
                    [1.0, 2.0, 3.0, 4.0].into_iter().filter(|h| hz * h < 3_400.0).map(partial).sum();
                out[at + n] += loud * swell * notes;
            }
        }
        at += beat;
    }
    out
}

/// The busy tone of a country at a level.
pub fn busy(country: Country, dbm0: f64) -> ToneSpec {
    let spec = plan(country).busy;
    let sines = |segment: &Segment| segment.sines.iter().filter(|sine| sine.freq_hz > 0.0).count();
    let segments: Vec<Segment> = spec
        .segments()
        .iter()
        .map(|segment| {
            let each = dbm0 - 10.0 * (sines(segment).max(1) as f64).log10();
            Segment {
                sines: segment
                    .sines
                    .map(|sine| if sine.freq_hz > 0.0 { Sine::new(sine.freq_hz, each as f32) } else { sine }),
                ms: segment.ms,
            }
        })
        .collect();
    ToneSpec::new(&segments)
}

/// What the exchange sends: the caller's voice for a while, then busy tone.
fn near(run: &Run) -> (Signal, usize) {
    let samples = run.sound.len();
    let mut near = vec![0.0; samples];
    let voice = babble(2.0, -18.0, run.seed + 77);
    near[3 * RATE..5 * RATE].copy_from_slice(&voice);
    let start = ((HANG_UP_S * 1_000.0) as usize + (run.seed * 131 % 700) as usize) * 8;
    let mut generator = ToneGenerator::new();
    generator.start(&busy(run.country, run.tone_dbm0));
    for part in near[start..].chunks_exact_mut(8) {
        part.iter_mut().zip(generator.next_block()).for_each(|(s, t)| *s = f64::from(t));
    }
    (near, start / 8)
}

/// How busy tone ends a call.
pub fn ends_after_ms(country: Country) -> u32 {
    cycle_ms(country) * (CYCLES - CYCLES_TO_RECOGNISE)
}

pub fn cycle_ms(country: Country) -> u32 {
    plan(country).busy.segments().iter().map(|segment| u32::from(segment.ms)).sum()
}

/// What a line may take at most: its cycles and a second.
pub fn limit_ms(country: Country) -> u32 {
    cycle_ms(country) * CYCLES + 1_000
}

/// Returns for each hybrid after how many milliseconds the line is let go; 0 if before the tone has begun.
pub fn releases(run: &Run) -> [Option<u32>; CHANNELS] {
    let (near, start_ms) = near(run);
    let sent: Vec<i16> = run.sound.iter().map(|&s| coded(s)).collect();
    let noise = hoth(sent.len(), -62.0, run.seed);
    let mut received = Vec::new();
    for lane in 0..CHANNELS {
        let echo = convolve(&sent, &hybrid(lane + 2, run.erl_db, 16 + 24 * lane));
        received.push((0..sent.len()).map(|i| coded(echo[i] + near[i] + noise[i])).collect::<Vec<i16>>());
    }
    let mut bank = EchoBank::new(32, 0);
    (0..CHANNELS).for_each(|lane| bank.set_mode(lane, run.canceller.mode()));
    let mut listeners = Listeners::new(CHANNELS, ListenSet::new(plan(run.country)).unwrap(), Path::best());
    (0..CHANNELS).for_each(|lane| listeners.want(lane, Wants::PROGRESS));
    let mut since: [Option<u32>; CHANNELS] = [None; CHANNELS];
    let mut released = [None; CHANNELS];
    let ends_after = ends_after_ms(run.country);
    for ms in 0..sent.len() / 8 {
        let block = |samples: &[i16]| -> Block { core::array::from_fn(|i| samples[ms * 8 + i]) };
        let far = [block(&sent); CHANNELS];
        let line: [Block; CHANNELS] = core::array::from_fn(|lane| block(&received[lane]));
        let mut heard = line;
        bank.process(&far, &mut heard);
        let now = ms as u32;
        for lane in 0..CHANNELS {
            if released[lane].is_none() && since[lane].is_some_and(|since| now >= since + ends_after) {
                released[lane] = Some(now.saturating_sub(start_ms as u32));
            }
        }
        listeners.push_beside(&heard, &line, &far, &mut |lane, heard| match heard {
            Heard::Progress(ProgressEvent::Began(ProgressKind::Busy)) => since[lane] = Some(now),
            Heard::Progress(ProgressEvent::Ended(ProgressKind::Busy)) => since[lane] = None,
            _ => {}
        });
    }
    released
}
