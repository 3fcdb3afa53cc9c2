//! Runs an engine in its thread, and sees to it that the lines are left in a defined state whatever ends it.
//!
//! | End | The lines are told |
//! |---|---|
//! | asked to stop | idle octets; YELLOW on digital spans: the far end takes the line out of service, its receiver unalarmed |
//! | a card failed | the same on the cards that are left, with AIS: something upstream is broken |
//! | panic | idle octets and AIS |
//!
//! In all three telephones stop ringing and exchange lines go on hook. A thread that hangs can do nothing of this: the
//! watcher sees its heartbeat stand still ([`Watch`]) and must end the process; the card then sends its own alarm.

use core::time::Duration;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use card::IoFault;
use clock::Mono;
use tdm::Alarms;

use crate::sched::{SchedReport, ThreadConfig, enter};
use crate::{Counters, Engine};

/// Why an engine's thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// It was asked to.
    Stopped,
    /// A card failed.
    Fault(IoFault),
    /// The program has an error: the message went to the standard error output.
    Panicked,
}

impl EndReason {
    /// Returns the alarms that digital spans send from then on.
    pub const fn alarms(self) -> Alarms {
        match self {
            EndReason::Stopped => Alarms::YELLOW,
            EndReason::Fault(_) | EndReason::Panicked => Alarms::AIS,
        }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            EndReason::Stopped => 1,
            EndReason::Fault(IoFault::Gone) => 2,
            EndReason::Fault(IoFault::Stalled) => 3,
            EndReason::Panicked => 4,
        }
    }

    pub(crate) const fn from_code(code: u8) -> Option<EndReason> {
        match code {
            1 => Some(EndReason::Stopped),
            2 => Some(EndReason::Fault(IoFault::Gone)),
            3 => Some(EndReason::Fault(IoFault::Stalled)),
            4 => Some(EndReason::Panicked),
            _ => None,
        }
    }
}

/// An engine at work in its thread.
#[derive(Debug)]
pub struct Running {
    thread: JoinHandle<EndReason>,
    stop: Arc<AtomicBool>,
    report: SchedReport,
}

/// Moves `engine` into a thread of its own and runs it until it is stopped, a card fails or the program panics.
///
/// # Errors
/// The operating system gives no thread.
pub fn start(engine: Engine, config: ThreadConfig) -> io::Result<Running> {
    let stop = Arc::new(AtomicBool::new(false));
    let (send_report, report) = sync_channel(1);
    let asked = Arc::clone(&stop);
    let thread = Builder::new().name(config.name.clone()).spawn(move || {
        // The other end waits for exactly this; if it is gone nobody wants to know.
        let _ = send_report.send(enter(&config));
        run(engine, &asked)
    })?;
    let report = report.recv().map_err(|_| io::Error::other("the realtime thread ended before it began"))?;
    Ok(Running { thread, stop, report })
}

impl Running {
    /// Returns what the thread was granted.
    pub fn report(&self) -> &SchedReport {
        &self.report
    }

    /// Asks the thread to end after the present period.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Returns true once the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits for the end of the thread.
    pub fn join(self) -> EndReason {
        self.thread.join().unwrap_or(EndReason::Panicked)
    }
}

/// Runs `engine` on the calling thread until it ends, leaves the lines in their defined state and tells the reason, also
/// through [`Counters::end`].
pub fn run(mut engine: Engine, stop: &AtomicBool) -> EndReason {
    let reason = match catch_unwind(AssertUnwindSafe(|| run_periods(&mut engine, stop))) {
        Ok(reason) => reason,
        Err(_) => EndReason::Panicked,
    };
    // What panics here has already been told; the lines are left as they are.
    let _ = catch_unwind(AssertUnwindSafe(|| engine.leave(reason.alarms())));
    engine.counters().set_end(reason);
    reason
}

fn run_periods(engine: &mut Engine, stop: &AtomicBool) -> EndReason {
    while !stop.load(Ordering::Acquire) {
        if let Err(fault) = engine.period() {
            return EndReason::Fault(fault);
        }
    }
    EndReason::Stopped
}

/// Watches a heartbeat from another thread.
#[derive(Clone, Copy, Debug)]
pub struct Watch {
    limit: Duration,
    beat: u64,
    since: Mono,
}

impl Watch {
    /// Makes a watch that calls a heartbeat stalled when it has not moved for longer than `limit`.
    pub fn new(limit: Duration, now: Mono) -> Watch {
        Watch { limit, beat: 0, since: now }
    }

    /// Looks at the heartbeat; true if it has stalled. An engine that has ended is not stalled.
    pub fn stalled(&mut self, counters: &Counters, now: Mono) -> bool {
        let beat = counters.heartbeat.get();
        if beat != self.beat || counters.end().is_some() {
            self.beat = beat;
            self.since = now;
        }
        now.since(self.since) > self.limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_its_code() {
        let reasons = [
            EndReason::Stopped,
            EndReason::Fault(IoFault::Gone),
            EndReason::Fault(IoFault::Stalled),
            EndReason::Panicked,
        ];
        for reason in reasons {
            assert_eq!(EndReason::from_code(reason.code()), Some(reason));
        }
        assert_eq!(EndReason::from_code(0), None);
    }

    #[test]
    fn a_heartbeat_that_stands_still_longer_than_the_limit_has_stalled() {
        let counters = Counters::new(0);
        let mut watch = Watch::new(Duration::from_millis(50), Mono::ZERO);
        counters.heartbeat.add(1);
        assert!(!watch.stalled(&counters, Mono::from_millis(40)));
        assert!(!watch.stalled(&counters, Mono::from_millis(90)));
        assert!(watch.stalled(&counters, Mono::from_millis(91)));
        counters.heartbeat.add(1);
        assert!(!watch.stalled(&counters, Mono::from_millis(92)));
    }
}
