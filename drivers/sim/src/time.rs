//! The machine's clock and its two ways of waiting, as the simulated hardware needs them.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use clock::Mono;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};

/// One tick of a card.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// Reads the monotonic clock.
pub(crate) fn now() -> Mono {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Mono::ZERO, |at| Mono::ZERO + Duration::from(at))
}

/// Sleeps until `at`; returns at once if it is past.
pub(crate) fn sleep_until(at: Mono) {
    let at = TimeSpec::from(at.since(Mono::ZERO));
    // A signal may end the sleep early: the rest is slept again.
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at)
        == Err(nix::errno::Errno::EINTR)
    {}
}

/// Waits until `file` can be read, or written if `write`, or `ms` have passed.
pub(crate) fn wait_readable(file: &impl AsFd, write: bool, ms: u16) -> io::Result<()> {
    let mut flags = PollFlags::POLLIN;
    flags.set(PollFlags::POLLOUT, write);
    match poll(&mut [PollFd::new(file.as_fd(), flags)], PollTimeout::from(ms)) {
        Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}
