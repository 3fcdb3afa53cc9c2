//! Periods: how many blocks one has, its sample time, and what was lost before it.
//!
//! Time is counted in samples; where samples were lost, or no span is there, by the machine's clock.

use std::time::Duration;

use card::{CardIo, IoFault, Period, count};
use clock::SampleTime;
use tdm::CHUNK;

use super::{DahdiIo, now, sleep_until};

impl DahdiIo {
    /// Opens a period of `chunks`, `lost` samples after the last.
    fn open_period(&mut self, chunks: usize, lost: u64) -> Period {
        self.in_hand = chunks;
        let rows = chunks * self.channels;
        card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
        let time = SampleTime::from_samples(self.next_sample + lost);
        self.next_sample += lost + (chunks * CHUNK) as u64;
        self.last_wake = Some(now());
        self.periods += 1;
        count(&self.shared.tally.periods, 1);
        count(&self.shared.tally.lost_samples, lost);
        Period {
            time,
            chunks: u16::try_from(chunks).unwrap_or(u16::MAX),
            lost: u32::try_from(lost).unwrap_or(u32::MAX),
        }
    }

    /// Takes up what the clock has; none if it must be begun anew or is gone.
    pub(super) fn take_up(&mut self, clock: usize) -> Option<Period> {
        let all = self.depth * self.block * self.channels;
        card::fill_idle(&mut self.rx[..all], self.channels, &self.slots);
        let blocks = self.read_clock(clock)?;
        // As many blocks received as are held towards the line: it has had nothing to send since, or will in a moment.
        if self.ran_dry || blocks >= self.depth {
            self.start_over(clock);
            return None;
        }
        if blocks == 0 {
            return None;
        }
        self.read_others(blocks);
        self.join_waiting(blocks);
        self.ask_alarms();
        let chunks = blocks * self.block;
        let anew = core::mem::take(&mut self.begun_anew);
        let lost = if anew { self.lost_since_last_wake(chunks) } else { 0 };
        Some(self.open_period(chunks, lost))
    }

    /// How many samples, in whole chunks, passed beside the `chunks` in hand since the last period, by the machine's clock.
    fn lost_since_last_wake(&self, chunks: usize) -> u64 {
        let Some(last) = self.last_wake else { return 0 };
        let passed = (now().since(last).as_micros() + 500) / 1_000;
        let lost = u64::try_from(passed).unwrap_or(0).saturating_sub(chunks as u64);
        lost.max(1) * CHUNK as u64
    }

    /// A period without any span: time goes on by the machine's clock.
    pub(super) fn idle_period(&mut self) -> Period {
        let length = Duration::from_millis(self.block as u64);
        let due = self.last_wake.unwrap_or_else(now) + length;
        sleep_until(due);
        let rows = self.block * self.channels;
        card::fill_idle(&mut self.rx[..rows], self.channels, &self.slots);
        let late = now().since(due).as_millis() as usize;
        let lost = if late > self.block * self.depth { late / self.block * self.block * CHUNK } else { 0 };
        let period = self.open_period(self.block, lost as u64);
        if lost == 0 {
            self.last_wake = Some(due);
        }
        period
    }

    pub(super) fn give_up_period(&mut self) -> Result<(), IoFault> {
        if self.in_hand > 0 {
            // A period that was not committed goes out idle, so that no block is missing.
            let rows = self.in_hand * self.channels;
            card::fill_idle(&mut self.tx[..rows], self.channels, &self.slots);
            self.commit()?;
        }
        Ok(())
    }
}
