//! Acceptance of caller identity by FSK, of the answer tone and of busy tone while one thing is varied, ours and spandsp's
//! on the same sound in A-law.

use std::f64::consts::TAU;

use clock::Prng;
use dsp::bank::Path;
use dsp::fsk::{BELL_202, FskEvent, Modulator};
use dsp::listen::{FskChannel, Heard, ListenSet, Listeners, Wants};
use dsp::progress::{ProgressEvent, ProgressKind};
use dsp::signal::{SignalEvent, SignalKind};
use dsp::tone::{Country, plan};
use tdm::Law;

use crate::rival::Rival;
use crate::sweep::Shares;

/// What is received.
#[derive(Clone, Copy)]
pub enum Other {
    /// Octets of Bell 202.
    Fsk,
    /// 2100 Hz without reversals, for 3 s.
    Answer,
    /// The busy tone of China, for 5 s.
    Busy,
}

/// How it is sent.
#[derive(Clone, Copy)]
pub struct Sent {
    /// Share by which all frequencies are off.
    pub offset: f64,
    pub level_dbm0: f64,
    /// Signal over white noise.
    pub snr_db: f64,
    /// Share by which the cadence or the speed of bits is off.
    pub pace: f64,
}

pub const SENT: Sent = Sent { offset: 0.0, level_dbm0: -14.0, snr_db: 60.0, pace: 0.0 };

const OCTETS: usize = 30;

fn amplitude(dbm0: f64) -> f64 {
    22_827.0 * 10_f64.powf(dbm0 / 20.0)
}

/// Adds noise and passes A-law.
fn line(sound: Vec<f64>, sent: Sent, prng: &mut Prng) -> Vec<i16> {
    let noise = amplitude(sent.level_dbm0 - sent.snr_db) / 2_f64.sqrt();
    let samples: Vec<i16> = sound
        .into_iter()
        .map(|value| {
            let radius = (-2.0 * (1.0 - prng.unit()).ln()).sqrt();
            let noisy = value + noise * radius * (TAU * prng.unit()).cos();
            noisy.round().clamp(-32_768.0, 32_767.0) as i16
        })
        .collect();
    let blocks = samples.as_chunks::<8>().0.iter();
    blocks.flat_map(|block| g711::decode_chunk(Law::A, &g711::encode_block(Law::A, block))).collect()
}

fn tone(hz: f64, sent: Sent, start: usize, samples: usize, sounds: impl Fn(usize) -> bool) -> Vec<f64> {
    let sine =
        |n: usize| amplitude(sent.level_dbm0) * (TAU * hz * (1.0 + sent.offset) * n as f64 / 8_000.0).sin();
    let value = |n: usize| if n >= start && n < start + samples && sounds(n - start) { sine(n) } else { 0.0 };
    (0..start + samples + 4_000).map(value).collect()
}

/// Channel seizure, mark, octets, mark, as before and after caller identity.
fn fsk(octets: &[u8], sent: Sent, start: usize) -> Vec<f64> {
    let mut spec = BELL_202;
    let moved = 1.0 + sent.offset as f32;
    (spec.mark_hz, spec.space_hz) = (spec.mark_hz * moved, spec.space_hz * moved);
    spec.bit_rate *= 1.0 + sent.pace as f32;
    let mut modem = Modulator::new(spec, sent.level_dbm0 as f32);
    let mut bits: Vec<bool> = (0..300).map(|n| n % 2 == 1).chain(std::iter::repeat_n(true, 180)).collect();
    for octet in octets {
        bits.push(false);
        bits.extend((0..8).map(|bit| octet >> bit & 1 == 1));
        bits.push(true);
    }
    bits.extend(std::iter::repeat_n(true, 20));
    let mut sound = vec![0.0; start];
    let mut bits = bits.into_iter().peekable();
    while bits.peek().is_some() || !modem.is_idle() {
        while modem.room() > 0
            && let Some(bit) = bits.next()
        {
            modem.push_bit(bit);
        }
        sound.extend(modem.next_block().map(f64::from));
    }
    sound.extend([0.0; 2_000]);
    sound
}

fn listen(wants: Wants, line: &[i16], mut heard: impl FnMut(Heard)) {
    let mut listeners = Listeners::new(1, ListenSet::new(plan(Country::Cn)).expect("tones"), Path::best());
    listeners.want(0, wants);
    for block in line.as_chunks::<8>().0 {
        listeners.push(&[*block], &mut |_, event| heard(event));
    }
}

/// Cuts bits into octets: a 0, eight bits, the lowest first, a 1.
fn octets_of(bits: &[u8]) -> Vec<u8> {
    let (mut octets, mut at) = (Vec::new(), 0);
    while let Some(frame) = bits.get(at..at + 10) {
        if frame[0] == 0 && frame[9] == 1 {
            octets.push(frame[1..9].iter().rev().fold(0, |octet, bit| octet << 1 | bit));
            at += 10;
        } else {
            at += 1;
        }
    }
    octets
}

/// Returns whether all that was sent was received, by us and by spandsp.
fn once(what: Other, sent: Sent, prng: &mut Prng) -> (bool, bool) {
    let start = 1_600 + prng.below(400) as usize;
    match what {
        Other::Fsk => {
            let octets: Vec<u8> = (0..OCTETS).map(|_| prng.below(256) as u8).collect();
            let line = line(fsk(&octets, sent, start), sent, prng);
            let mut own = Vec::new();
            listen(Wants::CALLER_ID, &line, |heard| {
                if let Heard::Fsk(FskChannel::CallerId, FskEvent::Octet(octet)) = heard {
                    own.push(octet);
                }
            });
            let mut rival = Rival::fsk("Bell202", 0);
            line.chunks(160).for_each(|part| rival.push(part));
            let theirs = octets_of(&rival.bits.0);
            // What came of the channel seizure is before it, what comes of noise is around it.
            let holds = |heard: &[u8]| heard.windows(OCTETS).any(|part| part == octets);
            (holds(&own), holds(&theirs))
        }
        Other::Answer => {
            let line = line(tone(2_100.0, sent, start, 24_000, |_| true), sent, prng);
            let mut own = 0;
            listen(Wants::SIGNALS, &line, |heard| {
                own += u32::from(heard == Heard::Signal(SignalEvent::Began(SignalKind::Answer)));
            });
            let mut rival = Rival::connect_tone(2);
            line.chunks(160).for_each(|part| rival.push(part));
            (own == 1, *rival.hits >= 1)
        }
        Other::Busy => {
            let half = (350.0 * 8.0 * (1.0 + sent.pace)) as usize;
            let line = line(tone(450.0, sent, start, 40_000, |n| n / half % 2 == 0), sent, prng);
            let mut own = 0;
            listen(Wants::PROGRESS, &line, |heard| {
                own += u32::from(heard == Heard::Progress(ProgressEvent::Began(ProgressKind::Busy)));
            });
            let mut rival = Rival::super_tone(&[(450, 0, &[(305, 405), (305, 405)])]);
            line.chunks(160).for_each(|part| rival.push(part));
            (own == 1, *rival.hits >= 1)
        }
    }
}

/// Sends it `tries` times.
pub fn shares(what: Other, sent: Sent, tries: usize, prng: &mut Prng) -> Shares {
    let mut shares = Shares::default();
    for _ in 0..tries {
        let (ours, theirs) = once(what, sent, prng);
        shares.ours += f64::from(ours) / tries as f64;
        shares.theirs += f64::from(theirs) / tries as f64;
    }
    shares
}
