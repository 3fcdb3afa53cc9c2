//! Watches over the realtime contract: no heap, no stray sleep, no page fault between two waits.
//!
//! Three guards. The heap: [`GuardedAlloc`] as the program's global allocator counts every use by a thread whose flag is
//! armed, and in tests ends the program with a message. Context switches and page faults: the kernel counts them for each
//! thread; read at the start and at the end of a period's work, a voluntary switch in between is a lock or a sleep that nobody
//! should have put there. Reading costs two system calls, so that in production only one period in a hundred is measured.
//!
//! Limits: uncontended locks are not seen (the crate's `clippy.toml` forbids their types), nor calls that do not block.
#![expect(unsafe_code, reason = "a global allocator and two calls of the C library")]

use core::cell::Cell;
use std::alloc::{GlobalAlloc, Layout, System};

use crate::Counters;

thread_local! {
    static ARMED: Cell<bool> = const { Cell::new(false) };
    static HEAP_USES: Cell<u64> = const { Cell::new(0) };
}

/// What happens when the heap is used while armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnHeapUse {
    /// It is counted: for production.
    Count,
    /// The program ends with a message: for tests, where the stack then shows the place.
    Abort,
}

/// The system's allocator with the guard: make it the `#[global_allocator]`.
#[derive(Debug)]
pub struct GuardedAlloc {
    on_use: OnHeapUse,
}

impl GuardedAlloc {
    /// Makes the allocator.
    pub const fn new(on_use: OnHeapUse) -> GuardedAlloc {
        GuardedAlloc { on_use }
    }

    #[inline]
    fn check(&self) {
        if ARMED.get() {
            HEAP_USES.set(HEAP_USES.get() + 1);
            if self.on_use == OnHeapUse::Abort {
                ARMED.set(false);
                give_up();
            }
        }
    }
}

#[cold]
fn give_up() -> ! {
    let message = b"heap used on an armed realtime thread\n";
    // SAFETY: the pointer and length are those of `message`.
    unsafe { libc::write(libc::STDERR_FILENO, message.as_ptr().cast(), message.len()) };
    std::process::abort()
}

// SAFETY: every call goes unchanged to the system's allocator, whose promises hold; the check neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for GuardedAlloc {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.check();
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        self.check();
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.check();
        // SAFETY: the caller keeps the promises of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.check();
        // SAFETY: the caller keeps the promises of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// The thread's flag is armed as long as this lives.
#[derive(Debug)]
pub struct Armed {
    was: bool,
}

/// Arms the calling thread's flag.
///
/// # Realtime
/// One store.
pub fn arm() -> Armed {
    Armed { was: ARMED.replace(true) }
}

impl Drop for Armed {
    fn drop(&mut self) {
        ARMED.set(self.was);
    }
}

/// Returns how often the calling thread has used the heap while armed.
pub fn heap_uses() -> u64 {
    HEAP_USES.get()
}

/// What the kernel has counted for a thread.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Switches since the thread waited for something.
    pub voluntary_switches: u64,
    /// Switches since another thread was more important or the time slice was over.
    pub involuntary_switches: u64,
    /// Page faults, minor and major.
    pub page_faults: u64,
    /// Processor time in nanoseconds, user and system.
    pub cpu_ns: u64,
}

/// Returns what the kernel has counted for the calling thread. One system call.
pub fn usage() -> Usage {
    // SAFETY: `rusage` is plain numbers, for which all zeros are valid.
    let mut usage: libc::rusage = unsafe { core::mem::zeroed() };
    // SAFETY: the pointer is to a `rusage` that lives through the call. The call cannot fail for this `who`.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    let ns = |time: libc::timeval| time.tv_sec as u64 * 1_000_000_000 + time.tv_usec as u64 * 1_000;
    Usage {
        voluntary_switches: usage.ru_nvcsw as u64,
        involuntary_switches: usage.ru_nivcsw as u64,
        page_faults: (usage.ru_minflt + usage.ru_majflt) as u64,
        cpu_ns: ns(usage.ru_utime) + ns(usage.ru_stime),
    }
}

/// Returns the monotonic clock in nanoseconds: no system call, the kernel's page is read.
pub(crate) fn now_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a `timespec` that lives through the call. The call cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}

/// Measures the work of one period.
pub(crate) struct PeriodGuard {
    every: u32,
    until_next: u32,
    base: Option<Usage>,
    at_wake: Option<Usage>,
    heap_at_wake: u64,
    woke_ns: u64,
}

impl PeriodGuard {
    /// Makes a guard that reads the kernel's counts every `every` periods.
    pub(crate) fn new(every: u32) -> PeriodGuard {
        PeriodGuard {
            every: every.max(1),
            until_next: 0,
            base: None,
            at_wake: None,
            heap_at_wake: 0,
            woke_ns: 0,
        }
    }

    /// Begins: the thread has just woken.
    pub(crate) fn woke(&mut self) {
        self.woke_ns = now_ns();
        self.heap_at_wake = heap_uses();
        self.at_wake = None;
        if self.until_next == 0 {
            self.until_next = self.every;
            let usage = usage();
            self.at_wake = Some(usage);
            self.base.get_or_insert(usage);
        }
        self.until_next -= 1;
    }

    /// Ends: the period is committed and the thread is about to wait.
    pub(crate) fn done(&mut self, counters: &Counters) {
        let work_ns = now_ns().saturating_sub(self.woke_ns);
        counters.longest_work_ns.raise(work_ns);
        counters.work_ns.add(work_ns);
        counters.heap_uses.add(heap_uses() - self.heap_at_wake);
        let (Some(woke), Some(base)) = (self.at_wake, self.base) else { return };
        let now = usage();
        counters.voluntary_switches.set(now.voluntary_switches.saturating_sub(base.voluntary_switches));
        counters.involuntary_switches.set(now.involuntary_switches.saturating_sub(base.involuntary_switches));
        counters.page_faults.set(now.page_faults.saturating_sub(base.page_faults));
        counters.stray_switches.add(now.voluntary_switches.saturating_sub(woke.voluntary_switches));
        counters.stray_faults.add(now.page_faults.saturating_sub(woke.page_faults));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arming_nests_and_ends_with_its_scope() {
        let outer = arm();
        drop(arm());
        assert!(ARMED.get());
        drop(outer);
        assert!(!ARMED.get());
    }

    #[test]
    fn a_sleep_in_a_period_is_seen_as_a_stray_switch() {
        let counters = Counters::new(0);
        let mut guard = PeriodGuard::new(1);
        guard.woke();
        guard.done(&counters);
        assert_eq!(counters.stray_switches.get(), 0);
        guard.woke();
        let nap = libc::timespec { tv_sec: 0, tv_nsec: 1_000_000 };
        // SAFETY: the pointer is to a `timespec` that lives through the call; the remainder is not wanted.
        unsafe { libc::nanosleep(&raw const nap, core::ptr::null_mut()) };
        guard.done(&counters);
        assert!(counters.stray_switches.get() >= 1);
        assert!(counters.longest_work_ns.get() >= 1_000_000);
    }
}
