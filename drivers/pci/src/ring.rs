//! What the card's counters say has passed: which buffers are new, how many milliseconds were missed, or that it cannot be.
//!
//! Generation 5 counts milliseconds modulo 128 and shows the buffer that it works on; both must agree with each other and
//! with the clock, or the card answers nonsense. Earlier generations show only that something has passed: there the clock
//! alone counts, following the interrupts (the earliest ones are the truest).

use core::time::Duration;

use clock::Mono;

/// One millisecond.
pub(crate) const MS: Duration = Duration::from_millis(1);

/// By how much counters and clock may differ at a look: this, and an eighth of the time since the last.
const TOLERANCE_MS: i64 = 20;

/// What has passed since the last look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing.
    None,
    /// Buffers `first` to `first + fresh - 1` (modulo the ring) are new, and `lost` milliseconds before them are gone.
    New { first: u8, fresh: u8, lost: u64 },
    /// What the card says cannot be.
    Nonsense,
}

/// The driver's place in the ring.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ring {
    /// A ring with a counter.
    Counted { buffers: u8, ident: u8, done: u8, seen: Mono },
    /// One buffer; `tick` is when the last millisecond ended, as far as known.
    Single { tick: Mono },
}

impl Ring {
    /// Starts a ring of generation 5 whose counters are 0.
    pub(crate) fn counted(buffers: u8, now: Mono) -> Ring {
        Ring::Counted { buffers, ident: 0, done: buffers - 1, seen: now }
    }

    pub(crate) fn single(now: Mono) -> Ring {
        Ring::Single { tick: now }
    }

    /// The most buffers that are taken up at once: the card's own and the one it goes to next are left alone.
    pub(crate) fn most(buffers: u8) -> u8 {
        if buffers == 1 { 1 } else { buffers - 2 }
    }

    /// Looks at what the card shows: the tick bit, its count and the buffer it works on.
    pub(crate) fn look(&mut self, tick: bool, ident: u8, current: u8, now: Mono) -> Progress {
        match self {
            Ring::Single { tick: last } => {
                if !tick {
                    return Progress::None;
                }
                let passed = (now.since(*last).as_nanos() / MS.as_nanos()).max(1) as u64;
                let expected = *last + MS * u32::try_from(passed).unwrap_or(u32::MAX);
                // An early interrupt is right, a late one says little.
                let late = now.since(expected);
                *last = if now < expected { now } else { expected + late / 64 };
                Progress::New { first: 0, fresh: 1, lost: passed - 1 }
            }
            Ring::Counted { buffers, ident: last, done, seen } => {
                let n = i64::from(*buffers);
                if current >= *buffers {
                    return Progress::Nonsense;
                }
                let elapsed = (now.since(*seen).as_micros() as i64 + 500) / 1_000;
                let counted = i64::from(ident.wrapping_sub(*last) & 0x7F);
                // The count comes round every 128 ms: the clock says how often it has.
                let passed = counted + (elapsed - counted + 64).div_euclid(128) * 128;
                let moved = (i64::from(current) - 1 - i64::from(*done)).rem_euclid(n);
                // The ring is read after the count: a millisecond may have ended between.
                let fitting = [passed, passed + 1].into_iter().find(|passed| passed.rem_euclid(n) == moved);
                let Some(passed) = fitting.filter(|passed| *passed >= 0) else { return Progress::Nonsense };
                if (passed - elapsed).abs() > TOLERANCE_MS + elapsed / 8 {
                    return Progress::Nonsense;
                }
                if passed == 0 {
                    return Progress::None;
                }
                let fresh = passed.min(i64::from(Ring::most(*buffers)));
                let newest = (i64::from(current) - 1).rem_euclid(n);
                let first = (newest + 1 - fresh).rem_euclid(n) as u8;
                (*last, *done, *seen) = ((i64::from(*last) + passed) as u8 & 0x7F, newest as u8, now);
                Progress::New { first, fresh: fresh as u8, lost: (passed - fresh) as u64 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn each_millisecond_is_one_new_buffer_in_turn() {
        let mut ring = Ring::counted(4, at(0));
        for ms in 1..600_u64 {
            let progress = ring.look(true, (ms % 128) as u8, (ms % 4) as u8, at(ms));
            assert_eq!(progress, Progress::New { first: ((ms - 1) % 4) as u8, fresh: 1, lost: 0 });
            assert_eq!(ring.look(false, (ms % 128) as u8, (ms % 4) as u8, at(ms)), Progress::None);
        }
    }

    #[test]
    fn what_is_older_than_the_ring_is_lost_and_counted_however_long_it_took() {
        for late in [3_u64, 14, 15, 100, 127, 128, 129, 400, 5_000] {
            let mut ring = Ring::counted(16, at(0));
            let progress = ring.look(true, (late % 128) as u8, (late % 16) as u8, at(late));
            let fresh = late.min(14);
            let first = ((late - fresh) % 16) as u8;
            assert_eq!(progress, Progress::New { first, fresh: fresh as u8, lost: late - fresh }, "{late}");
        }
    }

    #[test]
    fn a_millisecond_that_ends_between_the_two_reads_is_not_counted_twice() {
        let mut ring = Ring::counted(8, at(0));
        assert_eq!(ring.look(true, 1, 2, at(1)), Progress::New { first: 0, fresh: 2, lost: 0 });
        assert_eq!(ring.look(true, 3, 3, at(3)), Progress::New { first: 2, fresh: 1, lost: 0 });
    }

    #[test]
    fn counters_that_disagree_with_each_other_or_the_clock_are_nonsense() {
        let mut ring = Ring::counted(16, at(0));
        assert_eq!(ring.look(true, 1, 16, at(1)), Progress::Nonsense);
        assert_eq!(ring.look(true, 1, 9, at(1)), Progress::Nonsense);
        assert_eq!(ring.look(true, 60, 12, at(1)), Progress::Nonsense);
        assert_eq!(ring.look(true, 1, 1, at(1)), Progress::New { first: 0, fresh: 1, lost: 0 });
    }

    #[test]
    fn without_counters_the_clock_says_what_was_missed() {
        let mut ring = Ring::single(at(0));
        assert_eq!(ring.look(true, 0, 0, at(1)), Progress::New { first: 0, fresh: 1, lost: 0 });
        assert_eq!(ring.look(false, 0, 0, at(1)), Progress::None);
        assert_eq!(ring.look(true, 0, 0, at(7)), Progress::New { first: 0, fresh: 1, lost: 5 });
        let late = at(8) + Duration::from_micros(600);
        assert_eq!(ring.look(true, 0, 0, late), Progress::New { first: 0, fresh: 1, lost: 0 });
        assert_eq!(ring.look(true, 0, 0, at(9)), Progress::New { first: 0, fresh: 1, lost: 0 });
    }
}
