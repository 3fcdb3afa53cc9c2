//! The DTMF detector of one channel.
//!
//! Every 8 ms a window of 16 ms is looked at. A window *hits* a digit if the strongest row and column tone are loud
//! enough, within the twist and hold at least half of all power. Two successive hits of one digit are *confirmed* if,
//! taken together, they stand the strict tests: both tones are steady in level, their frequencies, measured by the
//! advance of phase from window to window, are right, they hold three quarters of all power, the twist is within its
//! limits, and neither tone has the harmonics of a voice. Two confirmations in succession, that is three windows over
//! 32 ms, are a digit. Three windows without the digit end it.
//!
//! ```text
//! idle --two confirmations--> down
//! down --three misses--> idle        down --two confirmations of another digit--> down
//! ```
//!
//! Limits: recognised 32 to 40 ms after its start; the length told is within 8 ms. Measured by `examples/dtmf_figures`:
//! tones of 31 ms always, of 20 ms never; offsets to 2.3 % always, from 2.5 % never; 9 dB over white noise suffice. Source: ITU-T Q.24 (11/88), table A-1.

use tdm::{Block, SILENCE};

use super::basis::{Complex, Folded, HOP, HOP_BLOCKS, POWER_SCALE, TONES, WINDOW_BLOCKS, frequency_hz};
use super::{COLUMNS_HZ, KEYS, ROWS_HZ};
use crate::level::AMPLITUDE_0_DBM0;
use crate::trig::{cos_turns, sin_turns};

/// Milliseconds in a hop.
const HOP_MS: u16 = HOP_BLOCKS as u16;

/// Hops from the first hit of a digit to its recognition.
const HOPS_TO_DOWN: u16 = 2;

/// A digit tone is this much longer than the hops from its first to its last hit.
const EDGE_MS: u16 = 13;

/// Misses in a row that end a digit: a break of 10 ms is bridged, one of 40 ms never is.
const MISSES_TO_END: u8 = 3;

/// The weakest tone: -42 dBm0.
const MIN_TONE_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 15_849.0;

/// A window whose largest sample is below this holds no tone of [`MIN_TONE_POWER`]: -45 dBm0.
const GATE: u16 = 128;

/// Row over column, at most: 8.5 dB, so that 8 dB passes.
const NORMAL_TWIST: f32 = 7.08;

/// Column over row, at most: 4.5 dB, so that 4 dB passes.
const REVERSE_TWIST: f32 = 2.82;

/// What the frequency offsets may add to the twist before they are corrected: 1.5 dB.
const OFFSET_TWIST: f32 = 1.41;

/// The share of all power that both tones must hold in one window, uncorrected.
const HIT_SHARE: f32 = 0.5;

/// The share of all power that both tones must hold in two windows, corrected for their offset.
const STRICT_SHARE: f32 = 0.75;

/// The most a frequency may be off: between 1.5 % + 2 Hz, which must pass, and 3.5 %, which must not.
const TOLERANCE: f32 = 0.024;

/// The most that the offset may move from one confirmation to the next: tones stand, voices glide.
const MAX_DRIFT_HZ: f32 = 12.0;

/// The most that a tone's level may change from window to window: 2 dB.
const STEADY: f32 = 1.585;

/// The most that a harmonic may have of its tone's power: -12 dB. The row's third and the column's second are looked
/// at: the second harmonic of a row tone lies among the columns.
const MAX_HARMONIC: f32 = 0.063;

/// Nepers of power that a window loses per squared hertz of offset: a Hamming window of 16 ms loses 1.78 dB at 31 Hz.
const OFFSET_LOSS: f32 = 4.2e-4;

/// The advance of each frequency's phase over a hop, reversed.
static COUNTER_ADVANCE: [Complex; TONES] = counter_advance();

const fn counter_advance() -> [Complex; TONES] {
    let mut table = [Complex { re: 0.0, im: 0.0 }; TONES];
    let mut tone = 0;
    while tone < TONES {
        let turns = frequency_hz(tone) * HOP as f64 / 8_000.0;
        table[tone] = Complex { re: cos_turns(turns) as f32, im: -sin_turns(turns) as f32 };
        tone += 1;
    }
    table
}

/// What a detector has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DtmfEvent {
    /// A digit is recognised; its tone still sounds.
    Down {
        /// The digit in ASCII.
        digit: u8,
    },
    /// The tone of the digit has ended.
    Up {
        /// The digit in ASCII.
        digit: u8,
        /// How long it sounded, to within 8 ms.
        ms: u16,
    },
}

/// Hears the digits of one channel.
#[derive(Clone, Debug)]
#[repr(align(64))] // one cache line for a block and one for the rest in most periods
pub struct DtmfDetector {
    /// The window: an older half that is full and a newer one that fills.
    blocks: [Block; WINDOW_BLOCKS],
    /// Blocks in the newer half.
    fill: usize,
    previous: Option<Hit>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    /// `hops` since the first hit, `silent` of them since the last.
    Down {
        digit: u8,
        hops: u16,
        silent: u8,
    },
    /// The digit before has been told to be over, this one not yet to have begun.
    Changed {
        digit: u8,
    },
}

impl State {
    fn digit(&self) -> Option<u8> {
        match self {
            State::Idle => None,
            State::Down { digit, .. } | State::Changed { digit } => Some(*digit),
        }
    }
}

/// A window that may be of a digit.
#[derive(Clone, Copy, Debug)]
struct Hit {
    row: Tone,
    column: Tone,
    power: f32,
    /// How far row and column tone are off, if this window confirms the one before.
    offsets_hz: Option<[f32; 2]>,
}

/// One of the two tones of a hit; powers are true mean squares.
#[derive(Clone, Copy, Debug)]
struct Tone {
    index: usize,
    amplitude: Complex,
    power: f32,
}

impl Default for DtmfDetector {
    fn default() -> DtmfDetector {
        DtmfDetector::new(0)
    }
}

impl DtmfDetector {
    /// Makes a detector. Detectors of one thread should be given different `stagger`s, so that their windows do not all
    /// end in one period; any number will do.
    pub const fn new(stagger: usize) -> DtmfDetector {
        let fill = stagger % HOP_BLOCKS;
        DtmfDetector { blocks: [SILENCE; WINDOW_BLOCKS], fill, previous: None, state: State::Idle }
    }

    /// Forgets everything heard.
    pub fn reset(&mut self) {
        *self = DtmfDetector::new(self.fill);
    }

    /// Takes in the next block and tells what it ends: at most one event, the second of two in the next block.
    ///
    /// # Realtime
    /// A copy; in every eighth block a spectrum. Silence costs nothing more.
    #[inline]
    pub fn push(&mut self, block: &Block) -> Option<DtmfEvent> {
        if let Some(place) = self.blocks.get_mut(HOP_BLOCKS + self.fill) {
            *place = *block;
        }
        self.fill += 1;
        if self.fill < HOP_BLOCKS {
            return if self.fill == 1 { self.take_change() } else { None };
        }
        let event = self.window();
        self.blocks.copy_within(HOP_BLOCKS.., 0);
        self.fill = 0;
        event
    }

    /// Tells the start of a digit that followed another without a pause.
    fn take_change(&mut self) -> Option<DtmfEvent> {
        let State::Changed { digit } = self.state else { return None };
        self.state = State::Down { digit, hops: HOPS_TO_DOWN, silent: 0 };
        Some(DtmfEvent::Down { digit })
    }

    /// Looks at a full window and moves the state.
    fn window(&mut self) -> Option<DtmfEvent> {
        let folded = Folded::new(&self.blocks, GATE);
        let mut hit = folded.as_ref().and_then(Hit::find);
        // A digit that is down needs no more proof: its own hits are not confirmed.
        let wanted = hit.filter(|hit| self.state.digit() != Some(hit.digit())).and(hit.as_mut());
        if let (Some(folded), Some(previous), Some(hit)) = (&folded, &self.previous, wanted) {
            hit.offsets_hz = hit.confirm(previous).filter(|_| !hit.is_voice(folded));
        }
        let stands = |hit: Hit| self.previous.is_some_and(|previous| hit.stands_since(&previous));
        let confirmed = hit.is_some_and(stands);
        self.previous = hit;
        let heard = hit.map(|hit| hit.digit());
        match &mut self.state {
            State::Idle | State::Changed { .. } => {
                let digit = heard.filter(|_| confirmed)?;
                self.state = State::Down { digit, hops: HOPS_TO_DOWN, silent: 0 };
                Some(DtmfEvent::Down { digit })
            }
            State::Down { digit, hops, silent } => {
                *hops = hops.saturating_add(1);
                *silent = if heard == Some(*digit) { 0 } else { *silent + 1 };
                let (digit, sounding) = (*digit, *hops - u16::from(*silent));
                let changed_to = heard.filter(|&other| confirmed && other != digit);
                if changed_to.is_none() && *silent < MISSES_TO_END {
                    return None;
                }
                self.state = changed_to.map_or(State::Idle, |digit| State::Changed { digit });
                Some(DtmfEvent::Up { digit, ms: sounding.saturating_mul(HOP_MS).saturating_add(EDGE_MS) })
            }
        }
    }
}

impl Hit {
    /// Looks for a digit in one window.
    fn find(folded: &Folded) -> Option<Hit> {
        let to_power = POWER_SCALE * folded.unscale;
        let power = folded.power * folded.unscale;
        let row = Tone::strongest(folded, 0, to_power);
        let least =
            (HIT_SHARE * power / (1.0 + REVERSE_TWIST * OFFSET_TWIST)).max(MIN_TONE_POWER / OFFSET_TWIST);
        if row.power < least {
            return None; // most windows of speech end here, before the columns are computed
        }
        let column = Tone::strongest(folded, 4, to_power);
        let hit = Hit { row, column, power, offsets_hz: None };
        let loud = column.power >= MIN_TONE_POWER / OFFSET_TWIST;
        let pure = row.power + column.power >= HIT_SHARE * power;
        (loud && pure && twist_fits(row.power, column.power, OFFSET_TWIST)).then_some(hit)
    }

    fn digit(&self) -> u8 {
        KEYS[self.row.index & 3][self.column.index & 3]
    }

    /// Tells by how much the tones are off if this window and the one before it are two views of one digit.
    fn confirm(&self, previous: &Hit) -> Option<[f32; 2]> {
        let row_hz = self.row.offset_hz(&previous.row)?;
        let column_hz = self.column.offset_hz(&previous.column)?;
        let row_fits = row_hz.abs() <= TOLERANCE * ROWS_HZ[self.row.index & 3];
        let column_fits = column_hz.abs() <= TOLERANCE * COLUMNS_HZ[self.column.index & 3];
        if !row_fits || !column_fits {
            return None;
        }
        let row = (self.row.power + previous.row.power) * offset_gain(row_hz);
        let column = (self.column.power + previous.column.power) * offset_gain(column_hz);
        let loud = row.min(column) >= 2.0 * MIN_TONE_POWER;
        let pure = row + column >= STRICT_SHARE * (self.power + previous.power);
        (loud && pure && twist_fits(row, column, 1.0)).then_some([row_hz, column_hz])
    }

    /// Tells whether two confirmations in a row agree: three windows of one steady digit.
    fn stands_since(&self, previous: &Hit) -> bool {
        let (Some(now), Some(before)) = (self.offsets_hz, previous.offsets_hz) else { return false };
        (now[0] - before[0]).abs() <= MAX_DRIFT_HZ && (now[1] - before[1]).abs() <= MAX_DRIFT_HZ
    }

    /// Tells whether a tone has the harmonics of a voice.
    fn is_voice(&self, folded: &Folded) -> bool {
        let loud = |tone: &Tone, hz: f32| folded.square_at(hz) > MAX_HARMONIC * tone.amplitude.square();
        loud(&self.row, 3.0 * ROWS_HZ[self.row.index & 3])
            || loud(&self.column, 2.0 * COLUMNS_HZ[self.column.index & 3])
    }
}

impl Tone {
    /// Returns the strongest of the four tones from `first` on.
    #[inline(always)]
    fn strongest(folded: &Folded, first: usize, to_power: f32) -> Tone {
        let tones = [0, 1, 2, 3].map(|n| folded.tone(first + n));
        let mut best = Tone { index: first, amplitude: tones[0], power: tones[0].square() };
        for (n, &amplitude) in tones.iter().enumerate().skip(1) {
            let power = amplitude.square();
            if power > best.power {
                best = Tone { index: first + n, amplitude, power };
            }
        }
        best.power *= to_power;
        best
    }

    /// Returns how far the tone is from its frequency, by the phase in the window before; none if it is another tone
    /// or has changed its level.
    fn offset_hz(&self, previous: &Tone) -> Option<f32> {
        let steady = self.power <= STEADY * previous.power && previous.power <= STEADY * self.power;
        if self.index != previous.index || !steady {
            return None;
        }
        let turned =
            product(product(self.amplitude, conjugate(previous.amplitude)), COUNTER_ADVANCE[self.index & 7]);
        Some(turned.im.atan2(turned.re) / core::f32::consts::TAU * (8_000.0 / HOP as f32))
    }
}

/// Returns what a power is multiplied by to make good the loss of a tone that is off its frequency.
fn offset_gain(offset_hz: f32) -> f32 {
    (OFFSET_LOSS * offset_hz * offset_hz).exp()
}

fn twist_fits(row: f32, column: f32, slack: f32) -> bool {
    row <= column * NORMAL_TWIST * slack && column <= row * REVERSE_TWIST * slack
}

fn conjugate(a: Complex) -> Complex {
    Complex { re: a.re, im: -a.im }
}

fn product(a: Complex, b: Complex) -> Complex {
    Complex { re: a.re * b.re - a.im * b.im, im: a.re * b.im + a.im * b.re }
}
