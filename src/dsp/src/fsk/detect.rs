//! The FSK receivers of a group of channels.
//!
//! Filters of some bit's length are matched to both frequencies (at 1200 bit/s 8 samples: in a millisecond 1200 and 2200 Hz
//! do not hear one another, also if both are off); what the one has more than the other is the signal,
//! taken 6.67 times a bit whatever the bit rate. Its zero crossings, interpolated, are the edges of bits, and a clock follows
//! them. Octets are found by their start bit, which sets the clock; flags (01111110) anywhere.
//!
//! ```text
//! waiting --edge to space--> start bit --still space in its middle--> 8 bits --> stop bit is mark: an octet
//! ```
//!
//! A carrier is there while both filters together hold most of all power. Limits: 8 bits without parity; bit rates of
//! 75, 300 and 1200 bit/s. Sources: as [`crate::fsk`].

use super::FskSpec;
use crate::bank::{Ear, Row, Tap, dots, lanes_of};
use crate::level::AMPLITUDE_0_DBM0;

/// The weakest carrier: -45 dBm0.
const MIN_POWER: f32 = AMPLITUDE_0_DBM0 * AMPLITUDE_0_DBM0 / 2.0 / 31_623.0;

/// The share of all power that the filter that holds more must hold for a carrier to begin, smoothed over 16 bits.
/// Pure ones have 1, alternating bits 0.65, noise 0.43.
const MIN_SHARE: f32 = 0.72;

/// How far an edge within an octet pulls the clock: half of the way. Frequencies that are off move edges to space and edges
/// to mark in opposite directions.
const EDGE_PULL: f32 = 0.5;

/// Peak of the filters' coefficients.
const SCALE: f64 = 8_000.0;

/// Flags in a row that are a preamble.
pub const MIN_FLAGS: u8 = 5;

/// What a receiver has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FskEvent {
    /// A carrier is there: bits can be believed from now on.
    Carrier,
    /// An octet with start and stop bit.
    Octet(u8),
    /// [`MIN_FLAGS`] flags in a row: HDLC frames follow.
    Flags,
    /// The carrier is gone.
    Gone,
}

/// What all channels share: filters of `P` rows at every position of the first row, and the way of framing.
#[derive(Debug)]
pub(crate) struct FskTables<const P: usize> {
    /// Mark and space, each cosine and sine, for each position.
    filters: [[Tap; P]; 8],
    positions: usize,
    /// Rows from one set of positions to the next.
    step_rows: usize,
    /// Bits from one position to the next.
    bits_a_step: f32,
    /// What the filters' squares are multiplied by to give a mean square.
    power_scale: f32,
    /// Flags are looked for, not octets.
    flags: bool,
}

impl<const P: usize> FskTables<P> {
    /// Makes the filters of `spec`, `taps` long, to be used every `step` samples (1 or an even number).
    pub(crate) const fn new(spec: FskSpec, taps: usize, step: usize, flags: bool) -> FskTables<P> {
        let positions = if step == 1 { 2 } else { 1 };
        assert!(taps + positions - 1 <= 2 * P, "the filters fit in their rows at every position");
        let mut filters = [[[0; 2]; P]; 8];
        let mut position = 0;
        while position < positions {
            let mut k = 0;
            while k < taps {
                let at = k + position;
                let waves = [spec.mark_hz as f64, spec.space_hz as f64];
                let mut wave = 0;
                while wave < 2 {
                    let turns = waves[wave] * (k as f64 - (taps as f64 - 1.0) / 2.0) / 8_000.0;
                    let first = 4 * position + 2 * wave;
                    let peak = SCALE * 8.0 / taps as f64;
                    filters[first][at / 2][at % 2] = (peak * crate::trig::cos_turns(turns)) as i16;
                    filters[first + 1][at / 2][at % 2] = (peak * crate::trig::sin_turns(turns)) as i16;
                    wave += 1;
                }
                k += 1;
            }
            position += 1;
        }
        let gain = (SCALE * 8.0 / 2.0) as f32; // samples are halved
        FskTables {
            filters,
            positions,
            step_rows: if step == 1 { 1 } else { step / 2 },
            bits_a_step: spec.bit_rate * step as f32 / 8_000.0,
            power_scale: 2.0 / (gain * gain),
            flags,
        }
    }
}

/// The state of the receivers of `L` channels.
#[derive(Clone, Debug)]
pub(crate) struct FskLanes<const L: usize> {
    lanes: [Lane; L],
    /// Rows heard since the last use of the filters.
    rows: usize,
}

#[derive(Clone, Copy, Debug)]
struct Lane {
    /// Mark less space at the last position.
    last: f32,
    /// The share of all power that the filters hold, smoothed.
    share: f32,
    carrier: bool,
    /// Bits since the edge that began the octet, or the phase of the clock.
    bits: f32,
    framing: Framing,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Waiting,
    /// `next`: the bit whose middle comes next, 0 is the start bit.
    Octet {
        next: u8,
        octet: u8,
    },
    /// The last eight bits, bits since the last flag, flags in a row.
    Flags {
        bits: u8,
        since: u8,
        count: u8,
    },
}

impl Lane {
    const IDLE: Lane = Lane { last: 0.0, share: 0.0, carrier: false, bits: 0.0, framing: Framing::Waiting };
}

impl<const L: usize> FskLanes<L> {
    pub(crate) const fn new() -> FskLanes<L> {
        FskLanes { lanes: [Lane::IDLE; L], rows: 0 }
    }

    /// Forgets what one channel has heard.
    pub(crate) fn reset(&mut self, lane: usize) {
        if let Some(place) = self.lanes.get_mut(lane) {
            *place = Lane::IDLE;
        }
    }

    /// Looks at the newest block of all channels and tells what was heard on those of the set `wanted`.
    pub(crate) fn block<const P: usize>(
        &mut self,
        ear: &Ear<L>,
        tables: &FskTables<P>,
        wanted: u32,
        tell: &mut impl FnMut(usize, FskEvent),
    ) {
        let power = ear.power(2 * P / tdm::CHUNK + 1);
        let quiet = (0..L).fold(0, |set, lane| set | u32::from(power[lane] < MIN_POWER) << lane);
        for lane in lanes_of(quiet & wanted) {
            if let Some(state) = self.lanes.get_mut(lane) {
                state.silence(&mut |event| tell(lane, event));
            }
        }
        let wanted = wanted & !quiet;
        for row in 0..4 {
            self.rows += 1;
            if self.rows < tables.step_rows {
                continue;
            }
            self.rows = 0;
            if wanted == 0 {
                continue;
            }
            let mut rows: [Row<L>; P] = [[[0; 2]; L]; P];
            ear.rows_before(3 - row, &mut rows);
            let mut sums = [[0; L]; 8];
            let used = if tables.positions == 2 { 8 } else { 4 };
            dots(ear.path(), &rows, tables.filters.get(..used).unwrap_or_default(), &mut sums);
            for position in 0..tables.positions {
                let at = |n: usize, lane: usize| {
                    sums.get(4 * position + n).and_then(|sums| sums.get(lane)).copied().unwrap_or(0) as f32
                };
                for lane in lanes_of(wanted) {
                    let mark = at(0, lane) * at(0, lane) + at(1, lane) * at(1, lane);
                    let space = at(2, lane) * at(2, lane) + at(3, lane) * at(3, lane);
                    let Some(state) = self.lanes.get_mut(lane) else { return };
                    let share = (mark.max(space)) * tables.power_scale / power[lane];
                    state.position(tables, mark - space, share, &mut |event| tell(lane, event));
                }
            }
        }
    }
}

impl Lane {
    /// Hears less than the weakest carrier.
    fn silence(&mut self, tell: &mut impl FnMut(FskEvent)) {
        if self.carrier {
            tell(FskEvent::Gone);
        }
        *self = Lane::IDLE;
    }

    /// Moves by one position: `signal` is positive for a mark.
    fn position<const P: usize>(
        &mut self,
        tables: &FskTables<P>,
        signal: f32,
        share: f32,
        tell: &mut impl FnMut(FskEvent),
    ) {
        let step = tables.bits_a_step;
        self.share += (share.min(1.2) - self.share) * step / 16.0;
        let carrier = self.share >= if self.carrier { 0.7 * MIN_SHARE } else { MIN_SHARE };
        if carrier != self.carrier {
            self.carrier = carrier;
            self.framing = Framing::Waiting;
            tell(if carrier { FskEvent::Carrier } else { FskEvent::Gone });
        }
        let before = core::mem::replace(&mut self.last, signal);
        if !carrier {
            return;
        }
        let crossed = (signal < 0.0) != (before < 0.0);
        // How long ago the crossing was, in bits.
        let ago = if crossed { step * signal / (signal - before) } else { 0.0 };
        if tables.flags {
            self.clock(crossed, ago, step, tell);
        } else {
            self.octet(crossed, ago, step, tell);
        }
    }

    /// Finds octets: an edge from mark to space begins one, and every further edge in it shows where its bits are.
    fn octet(&mut self, crossed: bool, ago: f32, step: f32, tell: &mut impl FnMut(FskEvent)) {
        self.bits += step;
        let Framing::Octet { next, octet } = &mut self.framing else {
            if crossed && self.last < 0.0 {
                self.framing = Framing::Octet { next: 0, octet: 0 };
                self.bits = ago;
            }
            return;
        };
        if crossed && *next > 0 {
            let off = self.bits - ago;
            self.bits -= EDGE_PULL * (off - off.round());
        }
        if self.bits < f32::from(*next) + 0.5 {
            return;
        }
        let mark = self.last > 0.0;
        match *next {
            0 if mark => self.framing = Framing::Waiting, // a spike, no start bit
            0 => *next = 1,
            1..=8 => {
                *octet |= u8::from(mark) << (*next - 1);
                *next += 1;
            }
            _ => {
                let octet = *octet;
                self.framing = Framing::Waiting;
                if mark {
                    tell(FskEvent::Octet(octet));
                }
            }
        }
    }

    /// Finds flags by a clock that is set by every edge.
    fn clock(&mut self, crossed: bool, ago: f32, step: f32, tell: &mut impl FnMut(FskEvent)) {
        if crossed {
            // The edge lies in the middle between two bits' middles.
            let off = self.bits - ago - 0.5;
            self.bits -= EDGE_PULL * (off - off.round());
        }
        self.bits += step;
        if self.bits < 1.0 {
            return;
        }
        self.bits -= 1.0;
        let mark = u8::from(self.last > 0.0);
        let Framing::Flags { bits, since, count } = &mut self.framing else {
            self.framing = Framing::Flags { bits: mark, since: u8::MAX, count: 0 };
            return;
        };
        *bits = *bits << 1 | mark;
        *since = since.saturating_add(1);
        if *bits != 0b0111_1110 {
            return;
        }
        // Flags may share their zeros.
        *count = if matches!(*since, 7 | 8) { count.saturating_add(1) } else { 1 };
        *since = 0;
        if *count == MIN_FLAGS {
            tell(FskEvent::Flags);
        }
    }
}
