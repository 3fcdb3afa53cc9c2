//! `tandem run`: starts the line process and the switch process and keeps them running; with `[exchange]` in the
//! configuration the simulated exchange, too.
//!
//! A child that ends is started again at once, then after growing pauses if it ends again soon. One that ends with exit
//! code 2 before it ever worked cannot be helped by another try: everything stops. On SIGTERM or SIGINT the exchange and
//! the switch are ended first, then the line process, which closes its recordings and leaves the lines in order.

use std::io::IsTerminal;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use config::{Config, Source};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::{Mode, umask};
use nix::unistd::Pid;

use crate::reload::TAKEN;
use crate::{EXIT_REFUSED, refused};

const POLL: Duration = Duration::from_millis(20);
/// Pauses before a child is started again; the last one stays.
const PAUSES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
/// A child that has run for so long is well: the next pause is the first again.
const WELL_AFTER: Duration = Duration::from_secs(30);
/// How long a child may take to end when asked.
const END_WITHIN: Duration = Duration::from_secs(5);
/// How long the line process may take to open its socket.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// How long one look whether the page is there may take.
const ANSWERS_WITHIN: Duration = Duration::from_millis(300);

/// Set for children of a supervisor.
const SUPERVISED: &str = "TANDEM_SUPERVISED";
/// Set for those that were started again.
const RESTARTED: &str = "TANDEM_RESTARTED";

/// Returns true in a process whose supervisor has started it again: telephones depend on it, nobody may be watching.
pub(crate) fn is_restart() -> bool {
    std::env::var_os(RESTARTED).is_some()
}

/// Makes a supervised process end with its supervisor, however that ends.
///
/// # Errors
/// The system refuses it.
pub(crate) fn end_with_parent() -> anyhow::Result<()> {
    if std::env::var_os(SUPERVISED).is_some() {
        // The supervisor decides what it means; the switch process listens to it by itself.
        let ignored = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal_hook::consts::SIGHUP, ignored).context("cannot catch SIGHUP")?;
        nix::sys::prctl::set_pdeathsig(Signal::SIGTERM).context("cannot be tied to the supervisor")?;
    }
    Ok(())
}

/// How long a process waits for a predecessor of its kind to end: a supervised one takes over from the children of a
/// supervisor that was killed, which are clearing their calls.
pub(crate) fn predecessor_patience() -> Duration {
    if std::env::var_os(SUPERVISED).is_some() { END_WITHIN } else { Duration::ZERO }
}

/// One child with its history.
struct Kept<'a> {
    role: &'static str,
    file: &'a Path,
    taken: Option<&'a Path>,
    child: Option<Child>,
    started: Instant,
    failures: usize,
    start_at: Instant,
    restarts: u64,
}

/// Runs both processes until it is told to stop.
pub(crate) fn run(file: &Path, config: Config, source: &Source) -> anyhow::Result<()> {
    close_to_others();
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let hangup = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGHUP, Arc::clone(&hangup))
        .context("cannot catch SIGHUP")?;
    crate::lock::make_directory("system.data_dir", &config.system.data_dir)?;
    let _lock = crate::lock::take(&config.system.data_dir, "run.lock")?;
    let taken = config.system.data_dir.join(TAKEN);
    let kept = source.save(&taken);
    if let Err(error) = &kept {
        // A full disk, say, is no reason to have no telephones.
        tracing::error!(file = %taken.display(), %error, "cannot be written: a process started again reads the file itself");
    }
    let taken = kept.is_ok().then_some(taken.as_path());
    let mut line = Kept::new("line", file, taken);
    let mut others = vec![Kept::new("switch", file, taken)];
    if crate::exchange::is_wanted(&config) {
        others.push(Kept::new("exchange", file, taken));
    }
    line.start()?;
    let outcome = wait_ready(&mut line, &config.line.socket, &stop)
        .and_then(|()| others.iter_mut().try_for_each(Kept::start))
        .and_then(|()| wait_page(&mut line, &mut others, &config, &stop))
        .and_then(|()| {
            greet(file, &config);
            keep(&mut line, &mut others, &stop, &hangup)
        });
    others.iter_mut().rev().for_each(Kept::end);
    line.end();
    outcome
}

/// What this process and its children write is for its user and group: callers' numbers and voices are nobody else's.
fn close_to_others() {
    let before = umask(Mode::S_IWGRP | Mode::S_IRWXO);
    umask(before | Mode::S_IWGRP | Mode::S_IRWXO);
}

/// Waits until the switch process answers at the page's address, but not for ever: it may have to try on by itself.
fn wait_page(
    line: &mut Kept<'_>,
    others: &mut [Kept<'_>],
    config: &Config,
    stop: &AtomicBool,
) -> anyhow::Result<()> {
    let end = Instant::now() + READY_WITHIN;
    // With our token: another program may have the port.
    let ready = || {
        let url = cli::base_url(config.api.listen);
        let client = cli::Client::with_patience(&url, &config.api.token_file, ANSWERS_WITHIN);
        client.is_ok_and(|client| client.get("/v1/status").is_ok())
    };
    while !ready() && Instant::now() < end && !stop.load(Ordering::Acquire) {
        line.tend()?;
        others.iter_mut().try_for_each(Kept::tend)?;
        std::thread::sleep(POLL);
    }
    Ok(())
}

/// Tells a person what runs and what to try.
fn greet(file: &Path, config: &Config) {
    let (file, program) = (file.display(), std::env::args().next().unwrap_or_else(|| "tandem".into()));
    println!("tandem \"{}\" is running. Ctrl-C ends it.", config.system.name);
    println!("The page: {}", page(config));
    println!("In another shell:");
    println!("  {program} status --config {file}     how it is");
    println!("  {program} spans --config {file}      its lines");
    println!("  {program} calls --config {file}      calls that live; --ended: calls that have ended");
    if !config.agents.is_empty() {
        println!("  {program} agents --config {file}     who does what; also: queues, records");
    }
    println!("  {program} reload --config {file}     take the file as it is now, if it has no errors");
    // A telephone behind a trunk is rung, and hears what a caller hears.
    let dialled = config.seats.iter().find_map(|seat| match &seat.reach {
        config::Reach::Trunk { trunk, dial } => Some((trunk, dial)),
        config::Reach::Port(_) => None,
    });
    if let (Some((trunk, dial)), Some(rule)) = (dialled, config.numbers.iter().find(|rule| rule.is_for_all()))
    {
        let number = &rule.called;
        println!("  {program} call --config {file} --trunk {trunk} {dial} --then {number}     a call");
    }
}

/// Returns where the page is, with the token if only a person reads it.
fn page(config: &Config) -> String {
    let (listen, file) = (config.api.listen, &config.api.token_file);
    let token = std::fs::read_to_string(file).ok().filter(|_| std::io::stdout().is_terminal());
    match token {
        Some(token) => format!("http://{listen}/#token={}", token.trim()),
        None => format!("http://{listen}/#token=TOKEN with the token in {}", file.display()),
    }
}

fn keep(
    line: &mut Kept<'_>,
    others: &mut [Kept<'_>],
    stop: &AtomicBool,
    hangup: &AtomicBool,
) -> anyhow::Result<()> {
    while !stop.load(Ordering::Acquire) {
        if hangup.swap(false, Ordering::AcqRel) {
            if std::io::stdin().is_terminal() {
                break; // the terminal has been closed
            }
            others.iter().filter(|kept| kept.role == "switch").for_each(Kept::hang_up);
        }
        line.tend()?;
        others.iter_mut().try_for_each(Kept::tend)?;
        std::thread::sleep(POLL);
    }
    println!("tandem is stopping");
    Ok(())
}

/// Waits until the line process answers on its socket.
fn wait_ready(line: &mut Kept<'_>, socket: &Path, stop: &AtomicBool) -> anyhow::Result<()> {
    let until = Instant::now() + READY_WITHIN;
    while Instant::now() < until && !stop.load(Ordering::Acquire) {
        // A socket file that nobody listens on was left by a process that died.
        if UnixStream::connect(socket).is_ok() {
            return Ok(());
        }
        line.tend()?;
        std::thread::sleep(POLL);
    }
    Ok(())
}

impl<'a> Kept<'a> {
    fn new(role: &'static str, file: &'a Path, taken: Option<&'a Path>) -> Kept<'a> {
        let now = Instant::now();
        Kept { role, file, taken, child: None, started: now, failures: 0, start_at: now, restarts: 0 }
    }

    fn start(&mut self) -> anyhow::Result<()> {
        // The very program that runs, whatever lies at its path by now: all processes are of one version.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(std::env::args_os().next().unwrap_or_else(|| "tandem".into()));
        command.arg(self.role).arg(self.file).env(SUPERVISED, "1");
        if let Some(taken) = self.taken {
            command.arg("--taken").arg(taken);
        }
        if self.restarts > 0 {
            command.env(RESTARTED, "1");
        }
        let child = command.spawn();
        self.child = Some(child.with_context(|| format!("cannot start the {} process", self.role))?);
        self.started = Instant::now();
        Ok(())
    }

    /// Tells the child to read its configuration again.
    fn hang_up(&self) {
        if let Some(child) = &self.child {
            // One that has just ended reads what was taken when it is started again.
            let _ = kill(Pid::from_raw(child.id() as i32), Signal::SIGHUP);
        }
    }

    /// Looks after the child: starts it again when it has ended and its pause is over.
    fn tend(&mut self) -> anyhow::Result<()> {
        let Some(child) = &mut self.child else {
            if Instant::now() >= self.start_at {
                self.restarts += 1;
                tracing::warn!(process = self.role, restarts = self.restarts, "started again");
                if let Err(error) = self.start() {
                    // The others work: it is tried again, as often as it takes.
                    tracing::error!(process = self.role, %error, "cannot be started now");
                    self.start_at = Instant::now() + self.pause();
                }
            }
            return Ok(());
        };
        if let Some(status) = child.try_wait()? {
            self.child = None;
            self.ended(status)?;
        }
        Ok(())
    }

    /// Returns how long to wait before the next try, longer each time.
    fn pause(&mut self) -> Duration {
        self.failures += 1;
        PAUSES[(self.failures - 1).min(PAUSES.len() - 1)]
    }

    fn ended(&mut self, status: ExitStatus) -> anyhow::Result<()> {
        if status.code() == Some(i32::from(EXIT_REFUSED)) && self.restarts == 0 {
            return Err(refused(format!("the {} process cannot start: see above", self.role)));
        }
        if self.started.elapsed() >= WELL_AFTER {
            self.failures = 0;
        }
        let pause = self.pause();
        self.start_at = Instant::now() + pause;
        tracing::error!(process = self.role, %status, pause_ms = pause.as_millis(), "ended");
        Ok(())
    }

    /// Ends the child: asked first, forced after a while.
    fn end(&mut self) {
        let Some(mut child) = self.child.take() else {
            return;
        };
        let pid = Pid::from_raw(i32::try_from(child.id()).unwrap_or(i32::MAX));
        if let Err(error) = kill(pid, Signal::SIGTERM) {
            tracing::warn!(process = self.role, %error, "cannot be asked to end");
        }
        let until = Instant::now() + END_WITHIN;
        while Instant::now() < until {
            if let Ok(Some(_)) = child.try_wait() {
                return;
            }
            std::thread::sleep(POLL);
        }
        tracing::error!(process = self.role, "does not end when asked: killed");
        let _ = child.kill();
        let _ = child.wait();
    }
}
