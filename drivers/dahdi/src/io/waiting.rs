//! Waiting: one `poll` over all descriptors, which also tells of events and of spans that are gone.
//!
//! The clock's block ends the wait. Spans that are checked for being in step must be readable with it, give or take
//! [`SAME_TICK`]. Limits: a clock that stands still is replaced by a span that has a block; if none has one for
//! [`STALLED_AFTER`] the card has stalled.

use std::time::Duration;

use card::IoFault;

use super::{DahdiIo, now, sleep_until};
use crate::place::{Place, State};
use crate::sys;

/// Without a block of any span for so long the card has stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// Without a block of the clock's span for so long beside its length another span takes over.
const CLOCK_PATIENCE: Duration = Duration::from_millis(40);

/// How far apart two spans of one tick may become readable.
const SAME_TICK: Duration = Duration::from_micros(300);

impl DahdiIo {
    fn list_fds(&mut self) {
        if !core::mem::take(&mut self.fds_stale) {
            return;
        }
        self.fds.clear();
        self.owners.clear();
        for (position, place) in self.places.iter().enumerate() {
            let groups = place.open.iter().flat_map(|open| open.groups.iter().enumerate());
            for (index, group) in groups {
                self.fds.push(libc::pollfd { fd: group.device.raw(), events: libc::POLLPRI, revents: 0 });
                self.owners.push((position, index));
            }
        }
    }

    /// Polls once: events are taken, lost spans put away. Returns whether the clock's block is there.
    pub(super) fn look(&mut self, timeout: Duration) -> bool {
        self.list_fds();
        for (fd, &(position, group)) in self.fds.iter_mut().zip(&self.owners) {
            let checked = matches!(self.places[position].state, State::Checking(_));
            let asked = group == 0 && (self.clock == Some(position) || checked);
            fd.events = if asked { libc::POLLPRI | libc::POLLIN } else { libc::POLLPRI };
            fd.revents = 0;
        }
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        if sys::poll(&mut self.fds, timeout) == 0 {
            return false;
        }
        let mut ready = false;
        for index in 0..self.fds.len() {
            let (revents, (position, group)) = (self.fds[index].revents, self.owners[index]);
            if revents == 0 || self.places[position].open.is_none() {
                continue;
            }
            if revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
                self.lose(position);
                continue;
            }
            if revents & libc::POLLPRI != 0 {
                self.take_events(position, group);
            }
            ready |= revents & libc::POLLIN != 0 && self.clock == Some(position) && group == 0;
        }
        ready
    }

    /// Waits for the clock's next block; false if there is no clock any more.
    pub(super) fn wait_for_clock(&mut self) -> Result<bool, IoFault> {
        let deadline = now() + STALLED_AFTER;
        let patient_until = now() + self.clock_patience();
        // Whether spans are in step can only be seen by a thread that is there before their blocks are.
        let waiting =
            self.places.iter().any(|place| matches!(place.state, State::Joining | State::Checking(_)));
        self.in_time = !waiting || !self.look(Duration::ZERO);
        if self.clock.is_none() {
            return Ok(false);
        }
        loop {
            if self.shared.stopped() {
                return Err(IoFault::Gone);
            }
            let left = deadline.since(now());
            let ready = self.look(left.min(self.clock_patience()));
            if !ready && now() >= patient_until && self.hand_over_clock() {
                continue;
            }
            if self.clock.is_none() {
                return Ok(false);
            }
            if self.others_are_off(ready) {
                sleep_until(now() + SAME_TICK);
                let ready = self.look(Duration::ZERO);
                if self.clock.is_none() {
                    return Ok(false);
                }
                self.judge(ready);
                if ready {
                    return Ok(true);
                }
            } else if ready {
                self.judge(true);
                return Ok(true);
            }
            if now() >= deadline {
                return Err(IoFault::Stalled);
            }
        }
    }

    fn clock_patience(&self) -> Duration {
        CLOCK_PATIENCE + Duration::from_millis(2 * self.block as u64)
    }

    /// Makes another span the clock that has a block, since the present one has none for too long; false if none has.
    fn hand_over_clock(&mut self) -> bool {
        let runs_dry = self.clock;
        let has_block = |place: &Place| {
            let fd = place.open.as_ref().and_then(|open| open.groups.first()).map(|group| group.device.raw());
            let mut fds = [libc::pollfd { fd: fd.unwrap_or(-1), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut fds, 0) > 0
        };
        let fresh = (0..self.places.len())
            .find(|&position| Some(position) != runs_dry && has_block(&self.places[position]));
        let Some(fresh) = fresh else { return false };
        self.clock = Some(fresh);
        self.begin_clock(fresh);
        true
    }

    /// Returns true if a span that is checked became readable without the clock, or not with it.
    fn others_are_off(&self, clock_ready: bool) -> bool {
        self.checked().any(|(_, ready)| ready != clock_ready)
    }

    /// The spans that are checked, and whether their block is there.
    fn checked(&self) -> impl Iterator<Item = (usize, bool)> {
        let pairs = self.fds.iter().zip(&self.owners);
        pairs.filter_map(|(fd, &(position, group))| {
            let checked = matches!(self.places[position].state, State::Checking(_));
            let other = group == 0 && self.clock != Some(position);
            (checked && other).then_some((position, fd.revents & libc::POLLIN != 0))
        })
    }

    /// Takes those that are checked and out of step back to joining.
    pub(super) fn judge(&mut self, clock_ready: bool) {
        for position in 0..self.places.len() {
            let found = self.checked().find(|&(checked, _)| checked == position);
            let Some((_, ready)) = found else { continue };
            if ready != clock_ready {
                self.places[position].state = State::Joining;
            }
        }
    }
}
