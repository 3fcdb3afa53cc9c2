//! What sounds in a window: one of the signatures of a set, silence, or something else.
//!
//! While we send nothing ourselves, a tone must be nearly all that is heard, and silence must be silent. Under our own
//! sound cadences are looked for a second time, in two windows: what the canceller leaves and the line as received. What
//! our own sound explains of each ([`super::own`]) is no matter there. A canceller may take the tone away where our own
//! sound has the same frequency, and add it in the pauses: so a tone must be in what was received.

use super::cadence::CadenceLane;
use super::own::{Own, View};
use super::{MAX_FREQS, ProgressEvent, ProgressSet, Signature};
use crate::bank::{Amplitudes, Complex, Folded, Lanes, Path, lanes_of, louder};
use crate::level::AMPLITUDE_0_DBM0;

/// Rows of a folded window: 256 samples, 32 ms.
pub(crate) const ROWS: usize = 64;

/// Samples from one window to the next: 16 ms.
pub(super) const HOP: usize = 2 * ROWS;

/// Blocks from one window to the next.
pub(crate) const HOP_BLOCKS: usize = HOP / tdm::CHUNK;

/// The weakest tone: -45 dBm0.
pub(super) const MIN_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 31_623.0;

/// The share of a window that one frequency must have, uncorrected, for the window to be looked at.
const CANDIDATE_SHARE: f32 = 0.2;

/// The share of all power that a signature must explain.
const MIN_SHARE: f32 = 0.75;

/// A single frequency with this share needs no second one: two frequencies fit anything better than one.
const ALONE_SHARE: f32 = 0.88;

/// The most that two sines may explain: more is a fit to something else.
const MAX_SHARE: f32 = 1.4;

/// The most that one of two sines may be over the other: 9 dB.
const MAX_TWIST: f32 = 8.0;

/// The most a single frequency may be off, for the tones of China are 450 Hz within 25 Hz.
const TOLERANCE_HZ: f32 = 26.0;

/// Nepers of power that a window loses per squared hertz of offset: a Hamming window of 32 ms loses 1.78 dB at 15.5 Hz.
const OFFSET_LOSS: f32 = 1.68e-3;

/// Under our own sound a tone must have at least this share of the power, whatever our sound explains: -9 dB.
const LEAST_REST: f32 = 0.125;

/// What a pair must explain more than a single frequency under our own sound.
const PAIR_OVER_SINGLE: f32 = 1.25;

/// What of a tone that the canceller leaves must be in what was received: -3 dB.
const RECEIVED_TOO: f32 = 0.5;

/// A tone in what was received of which the canceller leaves nothing must be so much more than our own sound explains: either
/// the canceller has taken it for echo, or it is echo.
const OVER_OURS: f32 = 2.0;

/// Our own sound hides what else there is where it may be more than this part of what was received: -9 dB.
const HIDES: f32 = 0.125;

/// What a window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sound {
    /// Less than the weakest tone.
    Quiet,
    /// A signature, from 1 on.
    Tone(u8),
    /// Speech, music, the edge of a tone.
    Other,
    /// Our own sound, with or without something else.
    Hidden,
}

/// A window of `L` channels: folded, and its mean squares.
pub(crate) struct Window<'a, const L: usize> {
    pub(crate) folded: &'a Folded<L, ROWS>,
    pub(crate) power: [f32; L],
}

/// The windows that go with one of what is heard: the line as received, and what was sent to it.
pub(crate) struct Beside<'a, const L: usize> {
    pub(crate) received: Window<'a, L>,
    pub(crate) sent: Window<'a, L>,
}

/// The state of the detectors of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct ProgressLanes<const L: usize> {
    lanes: Lanes<Lane, L>,
    own: [Own; L],
    /// The channels on which our own sound may come back.
    sounding: u32,
}

#[derive(Clone, Debug)]
struct Lane {
    /// The amplitudes of the window before, if it was looked at.
    previous: Option<[Complex; MAX_FREQS]>,
    cadence: CadenceLane,
    /// What is heard under our own sound: the amplitudes before, of what the canceller leaves and of what was received.
    before: [Option<[Complex; MAX_FREQS]>; 2],
    under: CadenceLane,
}

impl Lane {
    const IDLE: Lane = Lane {
        previous: None,
        cadence: CadenceLane::new(false),
        before: [None; 2],
        under: CadenceLane::new(true),
    };

    /// The number of the tone that is recognised, if any: what is clear goes first.
    fn told(&self) -> Option<u8> {
        self.cadence.told().or(self.under.told())
    }
}

/// Tells the end of one tone and the begin of another.
fn tell_change(set: &ProgressSet, before: Option<u8>, now: Option<u8>, tell: &mut impl FnMut(ProgressEvent)) {
    if before == now {
        return;
    }
    let kind = |told: Option<u8>| Some(set.patterns().get(usize::from(told?))?.kind);
    if let Some(kind) = kind(before) {
        tell(ProgressEvent::Ended(kind));
    }
    if let Some(kind) = kind(now) {
        tell(ProgressEvent::Began(kind));
    }
}

impl<const L: usize> ProgressLanes<L> {
    pub(crate) const fn new() -> ProgressLanes<L> {
        ProgressLanes { lanes: Lanes::new([Lane::IDLE; L]), own: [const { Own::new() }; L], sounding: 0 }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        self.lanes.reset(lane, Lane::IDLE);
        if let Some(own) = self.own.get_mut(lane) {
            *own = Own::new();
            self.sounding &= !(1 << lane);
        }
    }

    /// True if what is sent matters: something is, or may still come back.
    pub(crate) fn minds_own(&self, sent: &[f32; L], wanted: u32) -> bool {
        (louder(sent, MIN_POWER) | self.sounding) & wanted != 0
    }

    /// Looks at a window of all channels and tells what begins or ends on those of the set `wanted`. `beside` may be left
    /// out where [`minds_own`](Self::minds_own) says so.
    pub(crate) fn window(
        &mut self,
        path: Path,
        set: &ProgressSet,
        heard: &Window<'_, L>,
        beside: Option<&Beside<'_, L>>,
        wanted: u32,
        tell: &mut impl FnMut(usize, ProgressEvent),
    ) {
        let power = &heard.power;
        let (received, masked) = match beside {
            Some(beside) => self.beside(path, set, beside, wanted),
            None => (None, 0),
        };
        let loud = louder(power, MIN_POWER);
        let amplitudes = ((loud | masked) & wanted != 0)
            .then(|| heard.folded.some_amplitudes(path, &set.tones, set.freq_count));
        let candidates = amplitudes.as_ref().map_or(0, |found| loud & candidates(&found.powers(), power));
        for lane in lanes_of((candidates | masked | self.lanes.active()) & wanted) {
            let own = &mut self.own[lane % L];
            self.lanes.step(lane, |state| {
                let told = state.told();
                let sound = match &amplitudes {
                    Some(found) if candidates >> lane & 1 == 1 => state.hear(set, found, lane, power[lane]),
                    _ => {
                        state.previous = None;
                        if loud >> lane & 1 == 1 { Sound::Other } else { Sound::Quiet }
                    }
                };
                let alone = (sound, power[lane]);
                state.cadence.window(set.patterns(), alone, false);
                match (&amplitudes, &received, beside) {
                    (Some(found), Some(received), Some(beside)) if masked >> lane & 1 == 1 => {
                        let received = (&all(received, lane), beside.received.power[lane]);
                        let under = state.hear_under(set, own, (&all(found, lane), power[lane]), received);
                        state.under.window(set.patterns(), under, true);
                    }
                    _ => {
                        // A window of long ago says nothing of the next one's phase.
                        state.before = [None; 2];
                        if state.under.is_active() {
                            state.under.window(set.patterns(), alone, false);
                        }
                    }
                }
                tell_change(set, told, state.told(), &mut |event| tell(lane, event));
                state.previous.is_some() || state.cadence.is_active() || state.under.is_active()
            });
        }
    }

    /// Takes in what was sent. Returns what was received, if that is looked at, and the channels under our own sound.
    fn beside(
        &mut self,
        path: Path,
        set: &ProgressSet,
        beside: &Beside<'_, L>,
        wanted: u32,
    ) -> (Option<Amplitudes<L, MAX_FREQS>>, u32) {
        let Beside { received, sent } = beside;
        let loud = louder(&sent.power, MIN_POWER) & wanted;
        let amplitudes = (loud != 0).then(|| sent.folded.some_amplitudes(path, &set.tones, set.freq_count));
        for lane in lanes_of((loud | self.sounding) & wanted) {
            let Some(own) = self.own.get_mut(lane) else { continue };
            own.sent(sent.power[lane], amplitudes.as_ref(), set.tones.power_scale, lane);
            self.sounding = self.sounding & !(1 << lane) | u32::from(own.sounds()) << lane;
        }
        let masked = self.sounding & wanted;
        let received =
            (masked != 0).then(|| received.folded.some_amplitudes(path, &set.tones, set.freq_count));
        (received, masked)
    }
}

/// The amplitudes of one channel.
fn all<const L: usize>(found: &Amplitudes<L, MAX_FREQS>, lane: usize) -> [Complex; MAX_FREQS] {
    core::array::from_fn(|tone| found.at(tone, lane))
}

/// Returns the channels in whose window one frequency stands out.
#[inline]
fn candidates<const L: usize>(powers: &[[f32; L]; MAX_FREQS], power: &[f32; L]) -> u32 {
    let mut found = [0_u32; L];
    for lane in 0..L {
        let strongest = powers.iter().fold(0.0_f32, |most, of_tone| most.max(of_tone[lane]));
        found[lane] = u32::from(strongest >= CANDIDATE_SHARE * power[lane]);
    }
    found.iter().enumerate().fold(0, |set, (lane, &is)| set | is << lane)
}

impl Lane {
    /// Tells which signature explains a window best, if any does well.
    fn hear<const L: usize>(
        &mut self,
        set: &ProgressSet,
        found: &Amplitudes<L, MAX_FREQS>,
        lane: usize,
        power: f32,
    ) -> Sound {
        let now = all(found, lane);
        let previous = self.previous.replace(now);
        let mut best = (Sound::Other, MIN_SHARE);
        for (signature, number) in set.signatures().iter().zip(1..) {
            let share = explained(set, signature, &now, previous.as_ref()) / power;
            if signature.first == signature.second && (ALONE_SHARE..=MAX_SHARE).contains(&share) {
                return Sound::Tone(number);
            }
            if share > best.1 && share <= MAX_SHARE {
                best = (Sound::Tone(number), share);
            }
        }
        best.0
    }

    /// Tells the same under our own sound, of what is heard and what was received, with the power that counts.
    fn hear_under(
        &mut self,
        set: &ProgressSet,
        own: &mut Own,
        (heard, heard_power): (&[Complex; MAX_FREQS], f32),
        (received, received_power): (&[Complex; MAX_FREQS], f32),
    ) -> (Sound, f32) {
        let before = core::mem::replace(&mut self.before, [Some(*heard), Some(*received)]);
        let left = judge(set, own, View::Heard, (heard, before[0].as_ref()), heard_power);
        let line = judge(set, own, View::Received, (received, before[1].as_ref()), received_power);
        if let (Sound::Tone(number), power) = line
            && let Some(signature) = set.signatures().get(usize::from(number) - 1)
            && (left.0 != Sound::Quiet || power >= OVER_OURS * ours(own, View::Received, signature))
        {
            return line;
        }
        if let (Sound::Tone(number), power) = left
            && let Some(signature) = set.signatures().get(usize::from(number) - 1)
            && explained(set, signature, received, None) >= RECEIVED_TOO * power
        {
            return left;
        }
        own.learn(View::Heard, heard_power, heard, set.tones.power_scale);
        own.learn(View::Received, received_power, received, set.tones.power_scale);
        let sound = if left.0 == Sound::Quiet || line.0 == Sound::Quiet {
            Sound::Quiet
        } else if own.echo(View::Received) >= HIDES * received_power {
            Sound::Hidden
        } else {
            Sound::Other
        };
        (sound, heard_power.min(received_power))
    }
}

/// Tells what sounds beside our own sound, and its power.
fn judge(
    set: &ProgressSet,
    own: &Own,
    view: View,
    (now, previous): (&[Complex; MAX_FREQS], Option<&[Complex; MAX_FREQS]>),
    power: f32,
) -> (Sound, f32) {
    let echo = own.echo(view);
    let rest = (power - echo).max(LEAST_REST * power);
    let mut best = (Sound::Other, 0.0);
    for (signature, number) in set.signatures().iter().zip(1..) {
        let found = explained(set, signature, now, previous);
        let single = signature.first == signature.second;
        let least = (MIN_SHARE * rest).max(ours(own, view, signature)).max(MIN_POWER);
        let enough = found >= least && found <= MAX_SHARE * power;
        let over = if single { 1.0 } else { PAIR_OVER_SINGLE };
        if enough && found > over * best.1 {
            best = (Sound::Tone(number), found);
        }
    }
    match best.0 {
        Sound::Tone(_) => best,
        Sound::Quiet | Sound::Other | Sound::Hidden if power <= echo.max(MIN_POWER) => (Sound::Quiet, power),
        Sound::Quiet | Sound::Other | Sound::Hidden => (Sound::Other, power),
    }
}

/// Returns the most that our own sound explains of a signature.
fn ours(own: &Own, view: View, signature: &Signature) -> f32 {
    let first = own.line(view, signature.first);
    if signature.first == signature.second { first } else { first + own.line(view, signature.second) }
}

/// Returns the power of a signature in a window.
fn explained(
    set: &ProgressSet,
    signature: &Signature,
    now: &[Complex; MAX_FREQS],
    previous: Option<&[Complex; MAX_FREQS]>,
) -> f32 {
    let squares = if signature.first == signature.second {
        single(set, signature.first, now, previous)
    } else {
        pair(signature, now)
    };
    squares * set.tones.power_scale
}

/// Returns the power of a single frequency, corrected for its offset where that is known; 0 if it is too far off.
fn single(
    set: &ProgressSet,
    tone: usize,
    now: &[Complex; MAX_FREQS],
    previous: Option<&[Complex; MAX_FREQS]>,
) -> f32 {
    let (Some(own), Some(&counter)) = (now.get(tone), set.counter_advance.get(tone)) else { return 0.0 };
    let Some(before) = previous.and_then(|previous| previous.get(tone)) else { return own.square() };
    if before.square() < 0.1 * own.square() {
        return own.square(); // the window before held none of it: its phase says nothing
    }
    let offset_hz = own.times(before.conjugate()).times(counter).turns() * (8_000.0 / HOP as f32);
    if offset_hz.abs() > TOLERANCE_HZ {
        0.0
    } else {
        own.square() * (OFFSET_LOSS * offset_hz * offset_hz).exp()
    }
}

/// Returns the power of two frequencies together, parted although they leak into each other; 0 if one is missing.
fn pair(signature: &Signature, now: &[Complex; MAX_FREQS]) -> f32 {
    let (Some(a), Some(b)) = (now.get(signature.first), now.get(signature.second)) else { return 0.0 };
    let (leak, whole) = (signature.leak, 1.0 - signature.leak * signature.leak);
    let part = |own: &Complex, other: &Complex| Complex {
        re: (own.re - leak * other.re) / whole,
        im: (own.im - leak * other.im) / whole,
    };
    let (first, second) = (part(a, b), part(b, a));
    let (p, q) = (first.square(), second.square());
    if p > MAX_TWIST * q || q > MAX_TWIST * p {
        return 0.0;
    }
    p + q + 2.0 * signature.beat * (first.re * second.re + first.im * second.im)
}
