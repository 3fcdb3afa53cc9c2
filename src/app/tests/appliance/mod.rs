//! A whole appliance as its users run it: the program's own processes in a folder of their own, telephones and an
//! exchange at the far ends of its simulated lines.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]
#![allow(dead_code, reason = "each test program uses its part of it")]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use hw_tests::audio::Noise;
use hw_tests::{Exchange, ExchangeSide, Phones};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub const PATIENCE: Duration = Duration::from_secs(60);
/// The seeds of the prompts' noise.
pub const WELCOME_SEED: u32 = 900;
pub const WELCOME_SAMPLES: usize = 12_000;

/// A running appliance; everything ends with this value.
pub struct Appliance {
    pub folder: tempfile::TempDir,
    pub config: PathBuf,
    processes: Vec<(&'static str, Child)>,
}

/// Returns a free port of the loopback.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Returns a configuration with one E1 towards an exchange, 30 telephones, and numbers for every case.
pub fn configuration(extra: &str) -> String {
    let seats: String = (1..=30)
        .map(|n| format!("[[seat]]\nnumber = \"2{n:02}\"\nport = \"5/{n}\"\nanswer_timeout_s = 5\n\n"))
        .collect();
    format!(
        r#"version = 1
[system]
name = "test"
data_dir = "var"
prompts_dir = "prompts"
[realtime]
lock_memory = false
[api]
listen = "127.0.0.1:{port}"
[record]
reserve_mib = 1
[[card]]
name = "sim0"
type = "sim"
pace = "lockstep"
buffer_ms = 40
  [[card.span]]
  span = 1
  kind = "e1"
  far_end = "socket:span1.sock"
  [[card.span]]
  span = 5
  kind = "fxs"
  ports = 30
  far_end = "socket:phones.sock"
[[trunk]]
name = "telecom"
spans = [1]
signalling = "pri_cpe"
  [trunk.timers]
  t309_s = 6
{seats}
[[number]]
called = "8000"
action = "attendant"
language = "en"
prompts = ["en/welcome"]
digits = 3
[[number]]
called = "8001"
action = "seat"
seat = "201"
[[number]]
called = "8002"
action = "announce"
language = "en"
prompts = ["en/long"]
[[number]]
called = "9*"
from = "seat"
action = "trunk"
trunk = "telecom"
{extra}
"#,
        port = free_port()
    )
}

fn write_prompt(folder: &Path, name: &str, seed: u32, samples: usize) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(folder.join(format!("{name}.wav")), spec).unwrap();
    Noise::new(seed).take(samples).for_each(|sample| file.write_sample(sample).unwrap());
    file.finalize().unwrap();
}

impl Appliance {
    /// Writes configuration and prompts; nothing runs yet.
    pub fn new(configuration: &str) -> Appliance {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("test.toml");
        std::fs::write(&config, configuration).unwrap();
        let prompts = folder.path().join("prompts/en");
        std::fs::create_dir_all(&prompts).unwrap();
        write_prompt(&prompts, "welcome", WELCOME_SEED, WELCOME_SAMPLES);
        write_prompt(&prompts, "long", 901, 80_000);
        for (seed, name) in (902..).zip(["invalid", "busy", "no-answer", "goodbye"]) {
            write_prompt(&prompts, name, seed, 4_000);
        }
        Appliance { folder, config, processes: Vec::new() }
    }

    /// Starts one of the program's processes: "run", "line" or "switch". Its log goes to a file of that name.
    pub fn start(&mut self, role: &'static str) -> &mut Appliance {
        self.start_with(role, &[])
    }

    /// As [`Appliance::start`], with more arguments.
    pub fn start_with(&mut self, role: &'static str, arguments: &[&str]) -> &mut Appliance {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.path().join(format!("{role}.log")))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_tandem"))
            .arg(role)
            .arg(&self.config)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.processes.push((role, child));
        self
    }

    /// Kills a process of ours that was started by [`Appliance::start`], as `kill -9` does.
    pub fn kill(&mut self, role: &str) {
        let index = self.processes.iter().position(|(known, _)| *known == role).expect("it was started");
        let (_, mut child) = self.processes.remove(index);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sends a signal to a process that was started by [`Appliance::start`].
    pub fn signal(&self, role: &str, signal: Signal) {
        let (_, child) = self.processes.iter().find(|(known, _)| *known == role).expect("it was started");
        kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
    }

    /// Ends a process as a user would, and waits for it.
    pub fn stop(&mut self, role: &str) {
        self.signal(role, Signal::SIGTERM);
        assert_eq!(self.exit_code(role), Some(0), "{}", tail(&self.log(role)));
    }

    /// Waits for the end of a process and returns its exit code.
    pub fn exit_code(&mut self, role: &str) -> Option<i32> {
        let index = self.processes.iter().position(|(known, _)| *known == role).expect("it was started");
        let (_, mut child) = self.processes.remove(index);
        child.wait().unwrap().code()
    }

    pub fn log(&self, role: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{role}.log"))).unwrap_or_default()
    }

    /// Waits until the log of a process has a line with all these words.
    pub fn wait_log(&self, role: &str, words: &[&str]) -> String {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let log = self.log(role);
            if let Some(line) = log.lines().find(|line| words.iter().all(|word| line.contains(word))) {
                return line.to_owned();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("no line with {words:?} in the log of {role}:\n{}", tail(&self.log(role)));
    }

    /// Returns the process that `tandem run` keeps for a role: "line" or "switch". Waits until there is one.
    pub fn child(&self, role: &str) -> i32 {
        let (_, supervisor) = self.processes.iter().find(|(known, _)| *known == "run").expect("it runs");
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            let children = children(supervisor.id());
            if let Some(child) =
                children.iter().find(|pid| arguments(**pid).get(1).is_some_and(|a| a == role))
            {
                return *child;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the supervisor keeps no {role} process");
    }

    /// Kills one of the supervisor's two processes, as `kill -9` does, and returns which it was.
    pub fn kill_child(&self, role: &str) -> i32 {
        let pid = self.child(role);
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
        pid
    }

    /// Returns all files below the recordings' directory, sorted.
    pub fn recording_files(&self) -> Vec<String> {
        let directory = self.data("recordings");
        let mut found = Vec::new();
        let mut open = vec![directory.clone()];
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else {
                    found.push(path.strip_prefix(&directory).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    pub fn data(&self, name: &str) -> PathBuf {
        self.folder.path().join("var").join(name)
    }

    /// Plugs the bank of telephones in.
    pub fn phones(&self) -> Phones {
        Phones::connect(&self.data("phones.sock")).expect("the bank's socket answers")
    }

    /// Plugs the exchange in and waits until its D-channel is up.
    pub fn exchange(&self) -> Exchange {
        let folder = self.folder.path().join("exchange");
        std::fs::create_dir_all(&folder).unwrap();
        let socket = self.data("span1.sock");
        let mut exchange = Exchange::start(&socket, ExchangeSide::Network, &folder).unwrap();
        let up = |event: &hw_tests::ExchangeEvent| event.name == "DCHAN" && event.word(0) == "up";
        exchange.wait_for("DCHAN up", PATIENCE, up).unwrap();
        exchange
    }

    /// Runs an operator's command.
    pub fn command(&self, arguments: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_tandem"))
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .output()
            .unwrap()
    }

    /// Runs an operator's command and reads its JSON; nothing if it fails.
    pub fn ask(&self, arguments: &[&str]) -> Option<Value> {
        let output = self.command(&[arguments, &["--json"]].concat());
        if !output.status.success() {
            return None;
        }
        Some(serde_json::from_slice(&output.stdout).expect("--json prints JSON"))
    }

    /// Asks again and again until the answer `fits`.
    pub fn wait_until(&self, arguments: &[&str], what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let until = Instant::now() + PATIENCE;
        let mut last = None;
        while Instant::now() < until {
            last = self.ask(arguments);
            if let Some(answer) = last.as_ref().filter(|answer| fits(answer)) {
                return answer.clone();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!(
            "waited in vain until {what}; last answer: {last:?}\nline: {}\nswitch: {}\nrun: {}",
            tail(&self.log("line")),
            tail(&self.log("switch")),
            tail(&self.log("run"))
        );
    }

    /// Waits until the switch is attached, the D-channel of span 1 is up and its channels have been restarted.
    pub fn wait_ready(&self) {
        self.wait_until(&["spans"], "span 1 is up", |answer| span_is_up(answer, 1));
    }

    /// Waits in the card's time, which is slower than the wall's on a machine that is busy. Told once a second.
    pub fn wait_card(&self, time: Duration) {
        let periods = |answer: &Value| answer["health"]["periods"].as_u64().unwrap_or(0);
        let until = self.ask(&["status"]).map_or(0, |answer| periods(&answer)) + time.as_millis() as u64;
        self.wait_until(&["status"], "the card's time has passed", |answer| periods(answer) >= until);
    }

    /// Reads a recording below the recordings' directory: left and right.
    pub fn recording(&self, file: &str) -> (Vec<i16>, Vec<i16>) {
        let path = self.data("recordings").join(file);
        let mut wav = hound::WavReader::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!((wav.spec().channels, wav.spec().sample_rate), (2, 8_000));
        let samples: Vec<i16> = wav.samples::<i16>().map(Result::unwrap).collect();
        samples.chunks_exact(2).map(|frame| (frame[0], frame[1])).unzip()
    }

    /// Runs the program with any arguments to its end and returns exit code and what it printed.
    pub fn run_to_end(arguments: &[&str]) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tandem")).args(arguments).output().unwrap();
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        output.stderr.as_slice().read_to_string(&mut text).unwrap();
        (output.status.code(), text)
    }
}

/// Returns the children of a process.
pub fn children(pid: u32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_ascii_whitespace().map(|pid| pid.parse().unwrap()).collect()
}

/// Returns the processes that were started with this word among others, but this one.
pub fn processes_with(word: &str) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let all = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    all.filter(|pid| arguments(*pid).iter().any(|argument| argument == word)).collect()
}

/// Returns the words a process was started with.
fn arguments(pid: i32) -> Vec<String> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split_terminator('\0').map(str::to_owned).collect()
}

pub fn span_is_up(answer: &Value, span: u64) -> bool {
    answer["spans"].as_array().is_some_and(|spans| {
        spans.iter().any(|known| {
            let empty = |list: &str| known[list].as_array().is_some_and(Vec::is_empty);
            known["span"] == span && known["dchannel"] == true && empty("alarms") && empty("blocked")
        })
    })
}

fn tail(text: &str) -> String {
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(25)..].join("\n")
}

impl Drop for Appliance {
    fn drop(&mut self) {
        for (role, child) in &mut self.processes {
            let pid = Pid::from_raw(i32::try_from(child.id()).unwrap());
            let _ = kill(pid, Signal::SIGTERM);
            let until = Instant::now() + Duration::from_secs(10);
            while Instant::now() < until && matches!(child.try_wait(), Ok(None)) {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
            if std::thread::panicking() {
                let log = self.folder.path().join(format!("{role}.log"));
                eprintln!("--- log of {role}:\n{}", tail(&std::fs::read_to_string(log).unwrap_or_default()));
            }
        }
    }
}
