//! Tones by which machines make themselves known: answer tone with and without phase reversals, the calling tones of
//! facsimile and modems, and the alert of off-hook caller identity.
//!
//! The windows are those of DTMF. A tone must hold nearly all power at its frequency, measured by the advance of phase,
//! for most of the time that the standards give it. A reversal of phase makes one or two windows of little amplitude,
//! after which the phase is half a turn off what it would be; two of them 450 ms apart mark the answer tone of modems
//! (and of devices that ask for echo cancellers to be switched off).
//!
//! Limits: tones alone on the line. Sources: ITU-T T.30 (CNG, CED), V.25 and V.8 (answer tone), G.164/G.165 (reversals),
//! Bellcore GR-30 and ETSI EN 300 659-1 (alerting signals); the tolerances are `unverified`.

use crate::bank::{Amplitudes, Complex, Folded, Lanes, Path, Tones, lanes_of, louder};
use crate::dtmf::{HOP_BLOCKS, ROWS};
use crate::level::AMPLITUDE_0_DBM0;

/// A tone of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignalKind {
    /// A facsimile machine calls: 1100 Hz for half a second.
    FaxCalling,
    /// A facsimile machine or modem answers: 2100 Hz.
    Answer,
    /// The same with phase reversals every 450 ms: disable echo cancellers.
    AnswerReversed,
    /// A Bell modem answers: 2225 Hz.
    BellAnswer,
    /// A modem calls: 1300 Hz.
    ModemCalling,
    /// Caller identity follows although the line is in use: 2130 and 2750 Hz.
    Alert,
}

/// What a detector has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalEvent {
    /// A tone is recognised. It still sounds, but an [`Alert`](SignalKind::Alert) has just ended.
    Began(SignalKind),
    /// The tone is over.
    Ended(SignalKind),
}

const FREQS: usize = 6;
const FREQS_HZ: [f32; FREQS] = [1_100.0, 2_100.0, 2_225.0, 1_300.0, 2_130.0, 2_750.0];

/// What is known of each single tone, in the order of the frequencies: meaning, tolerance in hertz, hops until told.
const SINGLES: [(SignalKind, f32, u16); 4] = [
    (SignalKind::FaxCalling, 40.0, 48), // 38 Hz must pass; sounds for 425 ms at least
    (SignalKind::Answer, 44.0, 40),     // 15 Hz must pass, 2 % are taken; sounds for 2.6 s at least
    (SignalKind::BellAnswer, 15.0, 60),
    (SignalKind::ModemCalling, 20.0, 44), // sounds for 500 ms
];
const ANSWER: usize = 1;
const ALERT: [usize; 2] = [4, 5];

/// Hops that an alert may last: 56 to 136 ms, for 75 ms and 110 ms must pass.
const ALERT_HOPS: core::ops::RangeInclusive<u16> = 6..=16;

/// The most that either frequency of an alert may be off.
const ALERT_TOLERANCE_HZ: f32 = 32.0;

/// The weakest tone: -45 dBm0.
const MIN_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 31_623.0;

/// The share of all power that the two tones of an alert must hold, as the window shows it.
const MIN_SHARE: f32 = 0.5;

/// The same for a single tone: one that is 42 Hz off shows 0.48.
const MIN_SINGLE_SHARE: f32 = 0.45;

/// The same when its offset is made good.
const STRICT_SHARE: f32 = 0.72;

/// Nepers of power that a window loses per squared hertz of offset.
const OFFSET_LOSS: f32 = 4.2e-4;

/// Windows without it that a tone survives: a reversal of phase costs three at most.
const MAX_GAP: u16 = 3;

/// Hops between two reversals: 450 ms within 25 ms, and what the windows blur.
const REVERSAL_HOPS: core::ops::RangeInclusive<u16> = 52..=61;

/// Samples from one window to the next.
const HOP: usize = HOP_BLOCKS * tdm::CHUNK;

static TONES: Tones<ROWS, FREQS> = Tones::new(FREQS_HZ);

static COUNTER_ADVANCE: [Complex; FREQS] = {
    let mut table = [Complex { re: 0.0, im: 0.0 }; FREQS];
    let mut tone = 0;
    while tone < FREQS {
        table[tone] = Complex::turn(-(FREQS_HZ[tone] as f64) * HOP as f64 / 8_000.0);
        tone += 1;
    }
    table
};

/// The state of the detectors of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct SignalLanes<const L: usize> {
    lanes: Lanes<Lane, L>,
}

/// A window that a tone holds.
#[derive(Clone, Copy, Debug)]
struct Hit {
    tone: usize,
    share: f32,
    first: Complex,
    /// The second tone of an alert.
    second: Complex,
}

/// What one channel has heard: one tone at a time.
#[derive(Clone, Copy, Debug)]
struct Lane {
    /// Index of the tone, [`ALERT`]'s first for an alert.
    tone: Option<usize>,
    last: Complex,
    last_second: Complex,
    /// Turns that each hop is off the tone's own advance, smoothed.
    drift: f32,
    hops: u16,
    gap: u16,
    told: Option<SignalKind>,
    /// Hops since the last reversal of phase, if there was one.
    since_reversal: Option<u16>,
}

impl Lane {
    const IDLE: Lane = Lane {
        tone: None,
        last: Complex { re: 0.0, im: 0.0 },
        last_second: Complex { re: 0.0, im: 0.0 },
        drift: 0.0,
        hops: 0,
        gap: 0,
        told: None,
        since_reversal: None,
    };
}

impl<const L: usize> SignalLanes<L> {
    pub(crate) const fn new() -> SignalLanes<L> {
        SignalLanes { lanes: Lanes::new([Lane::IDLE; L]) }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        self.lanes.reset(lane, Lane::IDLE);
    }

    /// Looks at a window of all channels and tells what begins or ends on those of the set `wanted`.
    pub(crate) fn window(
        &mut self,
        path: Path,
        folded: &Folded<L, ROWS>,
        power: &[f32; L],
        wanted: u32,
        tell: &mut impl FnMut(usize, SignalEvent),
    ) {
        let loud = louder(power, MIN_POWER);
        let found = (loud & wanted != 0).then(|| folded.amplitudes(path, &TONES));
        let powers = found.as_ref().map(Amplitudes::powers);
        let hits = powers.as_ref().map_or(0, |powers| loud & hits(powers, power));
        for lane in lanes_of((hits | self.lanes.active()) & wanted) {
            let hit = match (&found, &powers) {
                (Some(found), Some(powers)) if hits >> lane & 1 == 1 => {
                    let of = |tone: usize| powers.get(tone).and_then(|lanes| lanes.get(lane)).copied();
                    tone_of(&of, power[lane]).map(|(tone, share)| (tone, share, found))
                }
                _ => None,
            };
            let now = hit.map(|(tone, share, found)| Hit {
                tone,
                share,
                first: found.at(tone, lane),
                second: found.at(ALERT[1], lane),
            });
            self.lanes.step(lane, |state| {
                state.window(now, &mut |event| tell(lane, event));
                state.tone.is_some()
            });
        }
    }
}

#[inline]
fn hits<const L: usize>(powers: &[[f32; L]; FREQS], power: &[f32; L]) -> u32 {
    let mut hits = [0_u32; L];
    for lane in 0..L {
        let strongest = powers.iter().fold(0.0_f32, |most, of_tone| most.max(of_tone[lane]));
        hits[lane] = u32::from(strongest >= 0.25 * MIN_SHARE * power[lane]);
    }
    hits.iter().enumerate().fold(0, |set, (lane, &hit)| set | hit << lane)
}

/// Returns the tone that holds a window.
fn tone_of(of: &impl Fn(usize) -> Option<f32>, power: f32) -> Option<(usize, f32)> {
    let (low, high) = (of(ALERT[0])?, of(ALERT[1])?);
    if low + high >= MIN_SHARE * power && low <= 6.0 * high && high <= 6.0 * low {
        return Some((ALERT[0], (low + high) / power));
    }
    let strongest =
        (0..SINGLES.len()).max_by(|&a, &b| f32::total_cmp(&of(a).unwrap_or(0.0), &of(b).unwrap_or(0.0)))?;
    let share = of(strongest)? / power;
    (share >= MIN_SINGLE_SHARE).then_some((strongest, share))
}

impl Lane {
    /// Moves by one window.
    fn window(&mut self, now: Option<Hit>, tell: &mut impl FnMut(SignalEvent)) {
        match (self.tone, now) {
            (Some(tone), Some(hit)) if tone == hit.tone => {
                self.go_on(hit, tell);
            }
            (Some(_), _) => {
                self.gap += 1;
                self.hops = self.hops.saturating_add(1);
                self.since_reversal = self.since_reversal.map(|hops| hops.saturating_add(1));
                if self.gap > MAX_GAP || (self.tone == Some(ALERT[0]) && self.gap > 1) {
                    self.end(tell);
                }
            }
            (None, Some(hit)) => {
                let tone = Some(hit.tone);
                *self = Lane { tone, last: hit.first, last_second: hit.second, ..Lane::IDLE };
            }
            (None, None) => {}
        }
    }

    fn go_on(&mut self, hit: Hit, tell: &mut impl FnMut(SignalEvent)) {
        let Hit { tone, share, first: now, second } = hit;
        let passed = self.gap + 1;
        let turned = |now: Complex, before: Complex, tone: usize| {
            let counter = COUNTER_ADVANCE.get(tone).copied().unwrap_or_default();
            (0..passed).fold(now.times(before.conjugate()), |turned, _| turned.times(counter)).turns()
        };
        let off = turned(now, self.last, tone);
        let to_hz = 8_000.0 / HOP as f32;
        self.hops = self.hops.saturating_add(1);
        self.since_reversal = self.since_reversal.map(|hops| hops.saturating_add(1));
        if tone == ALERT[0] {
            let off_second = turned(second, self.last_second, ALERT[1]);
            if off.abs().max(off_second.abs()) * to_hz > ALERT_TOLERANCE_HZ * f32::from(passed) {
                *self = Lane::IDLE;
                return;
            }
        } else {
            let beyond = off - self.drift * f32::from(passed);
            let beyond = beyond - beyond.round();
            if tone == ANSWER && beyond.abs() > 0.3 && self.hops > 4 {
                self.reversal(tell);
            } else if passed == 1 {
                let (_, tolerance_hz, _) = SINGLES[tone & 3];
                let off_hz = off.abs() * to_hz;
                let whole = share * (OFFSET_LOSS * off_hz * off_hz).exp();
                if off_hz > tolerance_hz || whole < STRICT_SHARE {
                    self.end(tell);
                    return;
                }
                self.drift += 0.2 * (off - self.drift);
            }
        }
        (self.last, self.last_second, self.gap) = (now, second, 0);
        if let Some(&(kind, _, hops)) = SINGLES.get(tone)
            && self.told.is_none()
            && self.hops >= hops
        {
            self.told = Some(kind);
            tell(SignalEvent::Began(kind));
        }
    }

    /// The phase of the answer tone was turned by half a turn.
    fn reversal(&mut self, tell: &mut impl FnMut(SignalEvent)) {
        let timely = self.since_reversal.is_some_and(|hops| REVERSAL_HOPS.contains(&hops));
        if timely && self.told != Some(SignalKind::AnswerReversed) {
            if let Some(kind) = self.told {
                tell(SignalEvent::Ended(kind));
            }
            self.told = Some(SignalKind::AnswerReversed);
            tell(SignalEvent::Began(SignalKind::AnswerReversed));
        }
        self.since_reversal = Some(0);
    }

    fn end(&mut self, tell: &mut impl FnMut(SignalEvent)) {
        let sounding = self.hops.saturating_sub(self.gap);
        if self.tone == Some(ALERT[0]) && ALERT_HOPS.contains(&sounding) {
            tell(SignalEvent::Began(SignalKind::Alert));
        }
        if let Some(kind) = self.told {
            tell(SignalEvent::Ended(kind));
        }
        *self = Lane::IDLE;
    }
}
