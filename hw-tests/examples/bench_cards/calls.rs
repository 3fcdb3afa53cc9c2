//! System calls of the realtime thread, counted by tracing it: between two marks, each by name.
//!
//! The traced process asks for its parent's number at the beginning and at the end, which nothing else in it does, and then tells
//! how many milliseconds it carried. Limits: x86-64, where the number of a call is in a register that is read here.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use crate::backends::Backend;
use crate::{Result, TRACED};

/// Periods before the first mark, and between the marks.
const WARM_UP: usize = 300;
const PERIODS: usize = 200;

/// Runs a card for [`PERIODS`] periods between two marks.
pub fn be_traced(backend: Backend, spans: u8) -> Result<()> {
    let (control, mut io) = backend.start(spans)?;
    let mut carry = |periods: usize| -> Result<u64> {
        let mut ms = 0;
        for _ in 0..periods {
            ms += u64::from(io.wait()?.chunks);
            io.commit()?;
        }
        Ok(ms)
    };
    carry(WARM_UP)?;
    println!("READY");
    std::io::stdout().flush()?;
    // The tracer says when it is there.
    std::io::stdin().lock().read_line(&mut String::new())?;
    carry(10)?;
    nix::unistd::getppid();
    let ms = carry(PERIODS)?;
    nix::unistd::getppid();
    println!("CARRIED {ms}");
    drop(control);
    Ok(())
}

/// Returns what one second of this backend takes in system calls, as text.
#[cfg(target_arch = "x86_64")]
pub fn count(backend: Backend, spans: u8) -> Result<String> {
    let mut child = Command::new(std::env::current_exe()?)
        .args([TRACED, &backend.to_string(), &spans.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut told = BufReader::new(child.stdout.take().ok_or("a pipe was asked for")?);
    let mut line = String::new();
    told.read_line(&mut line)?;
    if line.trim() != "READY" {
        return Err(format!("{backend}: the traced process did not start").into());
    }
    let mut go = child.stdin.take().ok_or("a pipe was asked for")?;
    let traced = trace(i32::try_from(child.id())?, move || go.write_all(b"go\n"))?;
    line.clear();
    told.read_line(&mut line)?;
    child.wait()?;
    let ms: u64 =
        line.trim().strip_prefix("CARRIED ").ok_or("the traced process did not end well")?.parse()?;
    Ok(in_words(&traced, ms))
}

/// Says so where calls cannot be counted.
#[cfg(not(target_arch = "x86_64"))]
pub fn count(_: Backend, _: u8) -> Result<String> {
    Ok("not counted on this processor".to_owned())
}

/// Counts the calls of a process between its marks, and lets it run to its end.
#[cfg(target_arch = "x86_64")]
fn trace(pid: i32, go: impl FnOnce() -> std::io::Result<()>) -> Result<BTreeMap<i64, u64>> {
    use nix::sys::ptrace::{self, Options};
    use nix::sys::wait::{WaitStatus, waitpid};
    use nix::unistd::Pid;

    let pid = Pid::from_raw(pid);
    ptrace::seize(pid, Options::PTRACE_O_TRACESYSGOOD)?;
    ptrace::interrupt(pid)?;
    waitpid(pid, None)?;
    go()?;
    let (mut marks, mut calls) = (0, BTreeMap::new());
    // Each call stops twice, when it is made and when it is done.
    let mut made = true;
    let mut signal = None;
    while marks < 2 {
        ptrace::syscall(pid, signal.take())?;
        match waitpid(pid, None)? {
            WaitStatus::PtraceSyscall(_) => {}
            WaitStatus::Stopped(_, other) => {
                signal = Some(other);
                continue;
            }
            // The stop that was asked for above, if the process was inside a call then.
            WaitStatus::PtraceEvent(..) => continue,
            other => return Err(format!("the traced process ended: {other:?}").into()),
        }
        if made {
            let number = i64::try_from(ptrace::getregs(pid)?.orig_rax)?;
            match (number == nix::libc::SYS_getppid, marks) {
                (true, _) => marks += 1,
                (false, 1) => *calls.entry(number).or_insert(0) += 1,
                (false, _) => {}
            }
        }
        made = !made;
    }
    ptrace::detach(pid, None)?;
    Ok(calls)
}

/// Returns calls a second, and which.
#[cfg(target_arch = "x86_64")]
fn in_words(calls: &BTreeMap<i64, u64>, ms: u64) -> String {
    let second = |count: u64| (count as f64 * 1_000.0 / ms as f64).round();
    let mut most: Vec<_> = calls.iter().collect();
    most.sort_by_key(|(_, count)| core::cmp::Reverse(**count));
    let named: Vec<String> = most
        .iter()
        .take(4)
        .map(|(number, count)| format!("{} {}", name(**number), second(**count)))
        .collect();
    format!("{} ({})", second(calls.values().sum()), named.join(", "))
}

#[cfg(target_arch = "x86_64")]
fn name(number: i64) -> String {
    use nix::libc;
    match number {
        libc::SYS_read => "read".to_owned(),
        libc::SYS_write => "write".to_owned(),
        libc::SYS_poll => "poll".to_owned(),
        libc::SYS_ppoll => "ppoll".to_owned(),
        libc::SYS_ioctl => "ioctl".to_owned(),
        libc::SYS_clock_nanosleep => "clock_nanosleep".to_owned(),
        libc::SYS_clock_gettime => "clock_gettime".to_owned(),
        libc::SYS_recvmmsg => "recvmmsg".to_owned(),
        libc::SYS_sendmmsg => "sendmmsg".to_owned(),
        other => format!("call {other}"),
    }
}
