//! What the realtime thread asks of the operating system, and what it was granted.
//!
//! Priority (SCHED_FIFO), a processor of its own, memory that stays in place. Nothing of it is needed to run: what is refused
//! is reported with its reason, and the engine goes on and counts what it misses.
//!
//! Memory is locked only where no limit stands in the way: with `MCL_FUTURE` under a limit, the first allocation beyond it
//! would fail anywhere in the program.
#![expect(unsafe_code, reason = "scheduling and memory locking are calls of the C library")]

use core::fmt;
use std::io;

/// Bytes of stack touched at start, so that no later call is a page fault.
const STACK_TOUCHED: usize = 128 * 1024;

/// How a realtime thread shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadConfig {
    /// Its name; the kernel keeps 15 characters.
    pub name: String,
    /// Its SCHED_FIFO priority, 1 to 99; none asks for nothing.
    pub priority: Option<u8>,
    /// The processor it stays on.
    pub cpu: Option<usize>,
    /// Keep all memory of the process in place.
    pub lock_memory: bool,
}

impl Default for ThreadConfig {
    fn default() -> ThreadConfig {
        ThreadConfig { name: "rt-0".to_owned(), priority: Some(80), cpu: None, lock_memory: true }
    }
}

/// The answer to one wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Nothing was asked for.
    NotAsked,
    /// It is so.
    Granted,
    /// It is not so, and why.
    Refused(String),
}

/// What a realtime thread was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchedReport {
    /// SCHED_FIFO with the priority asked for.
    pub priority: Grant,
    /// Bound to the processor asked for.
    pub cpu: Grant,
    /// All memory locked.
    pub memory: Grant,
}

impl SchedReport {
    /// Returns true if nothing was refused.
    pub fn is_complete(&self) -> bool {
        ![&self.priority, &self.cpu, &self.memory].iter().any(|grant| matches!(grant, Grant::Refused(_)))
    }
}

impl fmt::Display for SchedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "realtime priority {}, own processor {}, locked memory {}",
            self.priority, self.cpu, self.memory
        )
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grant::NotAsked => f.write_str("not asked for"),
            Grant::Granted => f.write_str("granted"),
            Grant::Refused(why) => write!(f, "refused ({why})"),
        }
    }
}

/// Asks for everything in `config` for the calling thread and touches its stack.
pub fn enter(config: &ThreadConfig) -> SchedReport {
    let memory = if config.lock_memory { grant(lock_memory()) } else { Grant::NotAsked };
    touch_stack();
    SchedReport {
        priority: config.priority.map_or(Grant::NotAsked, |priority| grant(set_priority(priority))),
        cpu: config.cpu.map_or(Grant::NotAsked, |cpu| grant(pin(cpu))),
        memory,
    }
}

fn grant(result: io::Result<()>) -> Grant {
    match result {
        Ok(()) => Grant::Granted,
        Err(error) => Grant::Refused(error.to_string()),
    }
}

fn set_priority(priority: u8) -> io::Result<()> {
    let parameters = libc::sched_param { sched_priority: i32::from(priority) };
    // SAFETY: 0 is the calling thread; the pointer is to a `sched_param` that lives through the call.
    check(unsafe { libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameters) })
}

fn pin(cpu: usize) -> io::Result<()> {
    if cpu >= libc::CPU_SETSIZE as usize {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    // SAFETY: `cpu_set_t` is an array of bits, for which all zeros are valid.
    let mut set: libc::cpu_set_t = unsafe { core::mem::zeroed() };
    // SAFETY: `cpu` is below the number of bits in the set.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    // SAFETY: 0 is the calling thread; pointer and size are those of `set`.
    check(unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set) })
}

#[expect(clippy::disallowed_macros, reason = "before the first period")]
fn lock_memory() -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to an `rlimit` that lives through the call.
    check(unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit) })?;
    if limit.rlim_cur != libc::RLIM_INFINITY {
        // With the right to raise it the limit does not bind us; without, locking would break later allocations.
        let none = libc::rlimit { rlim_cur: libc::RLIM_INFINITY, rlim_max: libc::RLIM_INFINITY };
        // SAFETY: the pointer is to an `rlimit` that lives through the call.
        check(unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const none) }).map_err(|error| {
            io::Error::other(format!("the limit of locked memory is {} bytes: {error}", limit.rlim_cur))
        })?;
    }
    // SAFETY: the call has no pointers; it changes only whether pages stay in memory.
    check(unsafe { libc::mlockall(libc::MCL_CURRENT | libc::MCL_FUTURE) })
}

fn check(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[inline(never)]
fn touch_stack() {
    let stack = [1u8; STACK_TOUCHED];
    core::hint::black_box(&stack);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_asked_for_is_not_reported_as_refused() {
        let config = ThreadConfig { name: "t".to_owned(), priority: None, cpu: None, lock_memory: false };
        let report = enter(&config);
        assert!(report.is_complete());
        assert_eq!(report.priority, Grant::NotAsked);
    }

    #[test]
    fn an_impossible_wish_is_refused_with_a_reason_and_nothing_breaks() {
        let config = ThreadConfig {
            name: "t".to_owned(),
            priority: Some(200),
            cpu: Some(100_000),
            lock_memory: false,
        };
        let report = enter(&config);
        assert!(
            matches!((&report.priority, &report.cpu), (Grant::Refused(_), Grant::Refused(_))),
            "{report}"
        );
        assert!(report.to_string().contains("Invalid argument"), "{report}");
    }
}
