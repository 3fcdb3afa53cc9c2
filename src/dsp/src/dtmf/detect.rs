//! The DTMF detectors of a group of channels, and of one alone.
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

use tdm::{Block, CHUNK};

use super::{COLUMNS_HZ, KEYS, ROWS_HZ};
use crate::bank::{Amplitudes, Complex, Ear, Folded, Lanes, Path, Tones, lanes_of, louder};
use crate::level::AMPLITUDE_0_DBM0;

/// Rows of a folded window: 128 samples, 16 ms.
pub(crate) const ROWS: usize = 32;

/// Blocks of a window.
const WINDOW_BLOCKS: usize = 4 * ROWS / CHUNK;

/// Blocks from one window to the next.
pub(crate) const HOP_BLOCKS: usize = WINDOW_BLOCKS / 2;

/// Samples from one window to the next.
const HOP: usize = HOP_BLOCKS * CHUNK;

/// The number of frequencies.
const TONES: usize = 8;

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

/// A window with less power than this holds no two tones of [`MIN_TONE_POWER`].
const GATE: f32 = MIN_TONE_POWER;

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

/// From this share on a digit is clean: three windows prove it. With noise, dial tone or voice in it a fourth is needed.
const CLEAN_SHARE: f32 = 0.93;

/// Agreeing confirmations after the first that prove a clean digit.
const STREAK_CLEAN: u8 = 1;

/// The same for any other.
const STREAK_DIRTY: u8 = 2;

/// The most a frequency may be off: 1.5 % and this. 1.5 % + 2 Hz must pass, 3.5 % must not.
const TOLERANCE: f32 = 0.015;

/// In hertz, what is added to [`TOLERANCE`].
const TOLERANCE_HZ: f32 = 5.0;

/// A frequency nearer to a tone than this is that tone: the first zero of the window is at 125 Hz.
const CLEAR_HZ: f32 = 120.0;

/// The most that the neighbours of both tones in the series of a voice may have together, of the stronger tone: -12.6 dB.
const MAX_SERIES: f32 = 0.055;

/// The most that the offset may move from one confirmation to the next: tones stand, voices glide.
const MAX_DRIFT_HZ: f32 = 12.0;

/// The most that a tone's level may change from window to window: 2 dB.
const STEADY: f32 = 1.585;

/// The most that a harmonic may have of its tone's power: -12 dB. The row's third and the column's second are looked
/// at: the second harmonic of a row tone lies among the columns.
const MAX_HARMONIC: f32 = 0.063;

/// Nepers of power that a window loses per squared hertz of offset: a Hamming window of 16 ms loses 1.78 dB at 31 Hz.
const OFFSET_LOSS: f32 = 4.2e-4;

/// The frequencies, rows first.
static FREQUENCIES: Tones<ROWS, TONES> = Tones::new(FREQS_HZ);

const FREQS_HZ: [f32; TONES] = {
    let ([a, b, c, d], [e, f, g, h]) = (ROWS_HZ, COLUMNS_HZ);
    [a, b, c, d, e, f, g, h]
};

/// The advance of each frequency's phase over a hop, reversed.
static COUNTER_ADVANCE: [Complex; TONES] = {
    let mut table = [Complex { re: 0.0, im: 0.0 }; TONES];
    let mut tone = 0;
    while tone < TONES {
        table[tone] = Complex::turn(-(FREQS_HZ[tone] as f64) * HOP as f64 / 8_000.0);
        tone += 1;
    }
    table
};

/// The state of the DTMF detectors of `L` channels; the windows come from their [`Ear`].
#[derive(Clone, Debug)]
pub(crate) struct DtmfLanes<const L: usize> {
    lanes: Lanes<Lane, L>,
}

/// What is known of one channel.
#[derive(Clone, Copy, Debug, Default)]
struct Lane {
    previous: Option<Hit>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Idle,
    /// `hops` since the first hit, `silent` of them since the last.
    Down { digit: u8, hops: u16, silent: u8 },
}

impl State {
    fn digit(&self) -> Option<u8> {
        match self {
            State::Idle => None,
            State::Down { digit, .. } => Some(*digit),
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
    /// Confirmations that agree with the one before, in succession.
    streak: u8,
    /// The least share of the power that both tones held in this confirmation and those before.
    share: f32,
}

/// One of the two tones of a hit; powers are true mean squares.
#[derive(Clone, Copy, Debug)]
struct Tone {
    index: usize,
    amplitude: Complex,
    power: f32,
}

impl<const L: usize> DtmfLanes<L> {
    pub(crate) const fn new() -> DtmfLanes<L> {
        const IDLE: Lane = Lane { previous: None, state: State::Idle };
        DtmfLanes { lanes: Lanes::new([IDLE; L]) }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        self.lanes.reset(lane, Lane::default());
    }

    /// Looks at a window of all channels and tells what ends or begins on those of the set `wanted`.
    pub(crate) fn window(
        &mut self,
        path: Path,
        folded: &Folded<L, ROWS>,
        power: &[f32; L],
        wanted: u32,
        tell: &mut impl FnMut(usize, DtmfEvent),
    ) {
        let loud = louder(power, GATE);
        let amplitudes = if loud & wanted == 0 { None } else { Some(folded.amplitudes(path, &FREQUENCIES)) };
        let hits = amplitudes.as_ref().map_or(0, |amplitudes| loud & hits(&amplitudes.powers(), power));
        for lane in lanes_of((hits | self.lanes.active()) & wanted) {
            let hit = amplitudes.as_ref().filter(|_| hits >> lane & 1 == 1);
            let hit = hit.map(|amplitudes| Hit::new(amplitudes, lane, power[lane]));
            self.lanes.step(lane, |state| {
                state.window(hit, folded, lane, &mut |event| tell(lane, event));
                state.previous.is_some() || state.state.digit().is_some()
            });
        }
    }
}

/// Returns the channels whose window may be of a digit.
#[inline]
fn hits<const L: usize>(powers: &[[f32; L]; TONES], power: &[f32; L]) -> u32 {
    let mut hits = [0_u32; L];
    for lane in 0..L {
        let [a, b, c, d, e, f, g, h] = core::array::from_fn(|tone| powers[tone][lane]);
        let (row, column) = (a.max(b).max(c.max(d)), e.max(f).max(g.max(h)));
        let loud = row.min(column) >= MIN_TONE_POWER / OFFSET_TWIST;
        let pure = row + column >= HIT_SHARE * power[lane];
        let fits =
            row <= column * (NORMAL_TWIST * OFFSET_TWIST) && column <= row * (REVERSE_TWIST * OFFSET_TWIST);
        hits[lane] = u32::from(loud & pure & fits);
    }
    hits.iter().enumerate().fold(0, |set, (lane, &hit)| set | hit << lane)
}

impl Lane {
    /// Moves the state by one window.
    fn window<const L: usize>(
        &mut self,
        mut hit: Option<Hit>,
        folded: &Folded<L, ROWS>,
        lane: usize,
        tell: &mut impl FnMut(DtmfEvent),
    ) {
        // A digit that is down needs no more proof: its own hits are not confirmed.
        if let (Some(previous), Some(hit)) = (&self.previous, hit.as_mut())
            && self.state.digit() != Some(hit.digit())
        {
            let confirmation = hit.confirm(previous).filter(|_| !hit.is_voice(folded, lane));
            let confirmation = confirmation.filter(|&(offsets_hz, share)| {
                share >= CLEAN_SHARE || !hit.is_in_series(folded, lane, offsets_hz)
            });
            if let Some((offsets_hz, share)) = confirmation {
                hit.offsets_hz = Some(offsets_hz);
                hit.share = share.min(previous.share);
            }
        }
        if let (Some(previous), Some(hit)) = (&self.previous, hit.as_mut())
            && hit.stands_since(previous)
        {
            hit.streak = previous.streak.saturating_add(1);
        }
        let confirmed = hit.is_some_and(|hit| {
            hit.streak >= if hit.share >= CLEAN_SHARE { STREAK_CLEAN } else { STREAK_DIRTY }
        });
        self.previous = hit;
        let heard = hit.map(|hit| hit.digit());
        if let State::Down { digit, hops, silent } = &mut self.state {
            *hops = hops.saturating_add(1);
            *silent = if heard == Some(*digit) { 0 } else { silent.saturating_add(1) };
            if (!confirmed || heard == Some(*digit)) && *silent < MISSES_TO_END {
                return;
            }
            let sounding = hops.saturating_sub(u16::from(*silent));
            tell(DtmfEvent::Up {
                digit: *digit,
                ms: sounding.saturating_mul(HOP_MS).saturating_add(EDGE_MS),
            });
            self.state = State::Idle;
        }
        if let Some(digit) = heard.filter(|_| confirmed) {
            self.state = State::Down { digit, hops: HOPS_TO_DOWN, silent: 0 };
            tell(DtmfEvent::Down { digit });
        }
    }
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

impl Hit {
    /// Takes the strongest row and column of a window.
    fn new<const L: usize>(amplitudes: &Amplitudes<L, TONES>, lane: usize, power: f32) -> Hit {
        let tone = |index: usize| {
            let amplitude = amplitudes.at(index, lane);
            Tone { index, amplitude, power: amplitude.square() * FREQUENCIES.power_scale }
        };
        let stronger = |a: Tone, b: Tone| if b.power > a.power { b } else { a };
        let row = (1..4).map(tone).fold(tone(0), stronger);
        let column = (5..8).map(tone).fold(tone(4), stronger);
        Hit { row, column, power, offsets_hz: None, streak: 0, share: 1.0 }
    }

    fn digit(&self) -> u8 {
        KEYS[self.row.index & 3][self.column.index & 3]
    }

    /// Tells by how much the tones are off, and their share of the power, if this window and the one before it are two views of one digit.
    fn confirm(&self, previous: &Hit) -> Option<([f32; 2], f32)> {
        let row_hz = self.row.offset_hz(&previous.row)?;
        let column_hz = self.column.offset_hz(&previous.column)?;
        let row_fits = row_hz.abs() <= TOLERANCE * ROWS_HZ[self.row.index & 3] + TOLERANCE_HZ;
        let column_fits = column_hz.abs() <= TOLERANCE * COLUMNS_HZ[self.column.index & 3] + TOLERANCE_HZ;
        if !row_fits || !column_fits {
            return None;
        }
        let row = (self.row.power + previous.row.power) * offset_gain(row_hz);
        let column = (self.column.power + previous.column.power) * offset_gain(column_hz);
        let loud = row.min(column) >= 2.0 * MIN_TONE_POWER;
        let share = (row + column) / (self.power + previous.power);
        let fits = loud && share >= STRICT_SHARE && twist_fits(row, column, 1.0);
        fits.then_some(([row_hz, column_hz], share))
    }

    /// Tells whether two confirmations in a row agree: three windows of one steady digit.
    fn stands_since(&self, previous: &Hit) -> bool {
        let (Some(now), Some(before)) = (self.offsets_hz, previous.offsets_hz) else { return false };
        (now[0] - before[0]).abs() <= MAX_DRIFT_HZ && (now[1] - before[1]).abs() <= MAX_DRIFT_HZ
    }

    /// Tells whether both tones are harmonics of one voice: then the others of its series sound as well, at the
    /// distance of the two or half of it. What may be dial tone does not count.
    fn is_in_series<const L: usize>(
        &self,
        folded: &Folded<L, ROWS>,
        lane: usize,
        offsets_hz: [f32; 2],
    ) -> bool {
        let row_hz = ROWS_HZ[self.row.index & 3] + offsets_hz[0];
        let column_hz = COLUMNS_HZ[self.column.index & 3] + offsets_hz[1];
        let apart_hz = column_hz - row_hz;
        let others_hz =
            [row_hz - apart_hz, row_hz + apart_hz / 2.0, column_hz + apart_hz, apart_hz, apart_hz / 2.0];
        let apart = |hz: f32| (hz - row_hz).abs().min((hz - column_hz).abs()) > CLEAR_HZ;
        let counts = |hz: f32| apart(hz) && ((150.0..235.0).contains(&hz) || (500.0..3_500.0).contains(&hz));
        let others: f32 =
            others_hz.into_iter().filter(|&hz| counts(hz)).map(|hz| folded.square_at(lane, hz)).sum();
        others > MAX_SERIES * self.row.amplitude.square().max(self.column.amplitude.square())
    }

    /// Tells whether a tone has the harmonics of a voice.
    fn is_voice<const L: usize>(&self, folded: &Folded<L, ROWS>, lane: usize) -> bool {
        let loud = |tone: &Tone, hz: f32| folded.square_at(lane, hz) > MAX_HARMONIC * tone.amplitude.square();
        loud(&self.row, 3.0 * ROWS_HZ[self.row.index & 3])
            || loud(&self.column, 2.0 * COLUMNS_HZ[self.column.index & 3])
    }
}

impl Tone {
    /// Returns how far the tone is from its frequency, by the phase in the window before; none if it is another tone
    /// or has changed its level.
    fn offset_hz(&self, previous: &Tone) -> Option<f32> {
        let steady = self.power <= STEADY * previous.power && previous.power <= STEADY * self.power;
        if self.index != previous.index || !steady {
            return None;
        }
        let turned =
            self.amplitude.times(previous.amplitude.conjugate()).times(COUNTER_ADVANCE[self.index & 7]);
        Some(turned.turns() * (8_000.0 / HOP as f32))
    }
}

/// Returns what a power is multiplied by to make good the loss of a tone that is off its frequency.
fn offset_gain(offset_hz: f32) -> f32 {
    (OFFSET_LOSS * offset_hz * offset_hz).exp()
}

fn twist_fits(row: f32, column: f32, slack: f32) -> bool {
    row <= column * NORMAL_TWIST * slack && column <= row * REVERSE_TWIST * slack
}

/// Hears the digits of one channel alone. For many channels use [`crate::listen::Listeners`]: a tenth of the cost.
#[derive(Clone, Debug)]
pub struct DtmfDetector {
    ear: Ear<1>,
    lanes: DtmfLanes<1>,
    /// Blocks since the last window.
    fill: usize,
    /// The second of two events.
    next: Option<DtmfEvent>,
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
        DtmfDetector {
            ear: Ear::new(Path::PORTABLE),
            lanes: DtmfLanes::new(),
            fill: stagger % HOP_BLOCKS,
            next: None,
        }
    }

    /// Forgets everything heard.
    pub fn reset(&mut self) {
        *self = DtmfDetector::new(self.fill);
    }

    /// Takes in the next block and tells what it ends: at most one event, the second of two in the next block.
    ///
    /// # Realtime
    /// A copy; in every eighth block a spectrum, unless it is silent.
    #[inline]
    pub fn push(&mut self, block: &Block) -> Option<DtmfEvent> {
        self.ear.push(core::array::from_ref(block));
        self.fill += 1;
        if self.fill < HOP_BLOCKS {
            return self.next.take();
        }
        self.fill = 0;
        let mut folded = Folded::new();
        self.ear.fold(&mut folded);
        let power = self.ear.power(WINDOW_BLOCKS);
        let (mut first, next) = (None, &mut self.next);
        self.lanes.window(self.ear.path(), &folded, &power, 1, &mut |_, event| {
            if first.is_none() {
                first = Some(event);
            } else {
                *next = Some(event);
            }
        });
        first
    }
}
