//! What a period reads: the clock's blocks first, which says how many, then as many of all others.
//!
//! A span whose own clock is not the first one's has a block too few or too many after some time: a slip, which is told, and
//! the span put in step again. Limits: a block too many is looked for only every [`LOOK_FOR_SLIPS`] periods.

use card::{CardEvent, count};
use tdm::CHUNK;

use super::DahdiIo;
use crate::place::{Place, State};
use crate::sys::{self, Stop};

/// Every so many periods it is looked whether a span has a block too many.
const LOOK_FOR_SLIPS: u64 = 256;

/// Periods in a row without a block after which a span with a descriptor a channel is begun anew.
const MISSING_PERIODS: u32 = 4;

impl DahdiIo {
    /// Reads what the clock has: none if it is gone, else how many blocks.
    pub(super) fn read_clock(&mut self, position: usize) -> Option<usize> {
        let mut blocks = 0;
        while blocks < self.depth {
            match self.read_past_events(position, 0, blocks) {
                Ok(()) => blocks += 1,
                Err(Stop::Empty | Stop::Event) => break,
                Err(Stop::Gone) => {
                    self.lose(position);
                    return None;
                }
            }
        }
        Some(blocks)
    }

    /// Reads as many blocks of all that runs beside what [`DahdiIo::read_clock`] has read.
    pub(super) fn read_others(&mut self, blocks: usize) {
        for position in 0..self.places.len() {
            if !self.places[position].runs() {
                continue;
            }
            let mut short = false;
            for at in 0..blocks {
                for group in usize::from(self.clock == Some(position))..self.groups(position) {
                    match self.read_patiently(position, group, at) {
                        Ok(()) => {}
                        Err(Stop::Empty | Stop::Event) => short = true,
                        Err(Stop::Gone) => self.lose(position),
                    }
                }
            }
            if matches!(self.places[position].state, State::Checking(_)) {
                if short || self.has_more(position) {
                    self.places[position].state = State::Joining;
                } else if self.may_judge(position, blocks) {
                    // Only a wake in time shows whether both became readable together.
                    self.settle(position);
                }
            } else {
                self.note_missing(position, short);
            }
        }
        if self.periods.is_multiple_of(LOOK_FOR_SLIPS) {
            self.look_for_slips();
        }
    }

    /// Reads a block, and waits for the rest of the tick if it is not there yet: spans are served one after the other.
    fn read_patiently(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let first = self.read_past_events(position, group, at);
        if first != Err(Stop::Empty) || !self.places[position].is_whole() {
            return first;
        }
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let fd = open.groups[group].device.raw();
        sys::poll(&mut [libc::pollfd { fd, events: libc::POLLIN | libc::POLLPRI, revents: 0 }], 1);
        self.read_past_events(position, group, at)
    }

    fn note_missing(&mut self, position: usize, short: bool) {
        let place = &mut self.places[position];
        if !place.runs() {
            return;
        }
        place.missing = if short { place.missing + 1 } else { 0 };
        let patience = if place.is_whole() { 1 } else { MISSING_PERIODS };
        if place.missing >= patience {
            self.slip(position, 1);
        }
    }

    /// A span whose clock is faster than ours has a block too many after some time.
    fn look_for_slips(&mut self) {
        for position in 0..self.places.len() {
            let whole = self.places[position].is_whole();
            let other = self.clock != Some(position) && self.places[position].state == State::Running;
            if other && whole && self.has_more(position) {
                self.slip(position, -1);
            }
        }
    }

    /// Returns true if a span has a block beside those that were read, though the clock has none.
    fn has_more(&mut self, position: usize) -> bool {
        let poll = |place: &Place| {
            let fd = place.open.as_ref().and_then(|open| open.groups.first()).map(|group| group.device.raw());
            let mut fds = [libc::pollfd { fd: fd.unwrap_or(-1), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut fds, 0) > 0
        };
        let more = poll(&self.places[position]);
        more && !self.clock.is_some_and(|clock| poll(&self.places[clock]))
    }

    /// A block is missing or too many: it is told, and the span put in step again.
    fn slip(&mut self, position: usize, sign: i8) {
        self.places[position].state = State::Joining;
        self.places[position].missing = 0;
        count(&self.shared.positions[position].slips, 1);
        let frames = i8::try_from(self.block * CHUNK).unwrap_or(i8::MAX) * sign;
        if let Some(span) = self.slots[position].span {
            self.tell(CardEvent::Slip { span, frames });
        }
    }
}
