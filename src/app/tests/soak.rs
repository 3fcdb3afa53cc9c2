//! Two minutes of the demo at full load: ninety channels of callers who speak and press keys, thirty agents, everything
//! recorded. Then the door is closed, everybody finishes, and the exchange's own truth is compared with the records.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appliance;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use appliance::{Appliance, span_is_up};
use hw_tests::audio::Noise;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const CALLS_PER_HOUR: u32 = 4_000;
/// How much a process may grow between the first half minute and the end, in KiB.
const MAX_GROWTH_KIB: u64 = 24 << 10;
/// A recording's header says how long it is; the record rounds it to milliseconds.
const SAMPLES_PER_MS: u64 = 8;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The demo in a folder of its own, in step with its far ends, short talks, every caller's door open.
fn demo() -> Appliance {
    let text = std::fs::read_to_string(repository().join("config/examples/demo.toml")).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut changed = text;
    for (from, to) in [
        ("data_dir = \"../../var\"", "data_dir = \"var\"".to_owned()),
        ("prompts_dir = \"../../prompts\"", "prompts_dir = \"prompts\"".to_owned()),
        ("[realtime]\n", "[realtime]\nlock_memory = false\n".to_owned()),
        ("buffer_ms = 40\n", "buffer_ms = 40\npace = \"lockstep\"\n".to_owned()),
        ("[record]\n", format!("[api]\nlisten = \"127.0.0.1:{port}\"\n\n[record]\nreserve_mib = 1\n")),
        ("calls_per_hour = 1200", format!("calls_per_hour = {CALLS_PER_HOUR}")),
        ("talk_s = 60", "talk_s = 15".to_owned()),
        ("patience_s = 90", "patience_s = 40".to_owned()),
    ] {
        assert_eq!(changed.matches(from).count(), 1, "the demo has one line {from:?}");
        changed = changed.replace(from, &to);
    }
    let appliance = Appliance::new(&changed);
    let flows = appliance.folder.path().join("flows");
    std::fs::create_dir_all(&flows).unwrap();
    std::fs::copy(repository().join("config/examples/flows/front.toml"), flows.join("front.toml")).unwrap();
    write_prompts(appliance.folder.path());
    appliance
}

/// Every prompt of the table as two seconds of noise: the test needs no voices.
fn write_prompts(folder: &Path) {
    let table = std::fs::read_to_string(repository().join("scripts/prompts.txt")).unwrap();
    let named = table.lines().filter_map(|line| {
        let mut fields = line.split('|');
        Some((fields.next()?.to_owned(), fields.next()?.to_owned())).filter(|(l, _)| !l.starts_with('#'))
    });
    let music = ["zh", "en"].map(|language| (language.to_owned(), "music".to_owned()));
    for (seed, (language, name)) in (1..).zip(named.chain(music)) {
        let directory = folder.join("prompts").join(language);
        std::fs::create_dir_all(&directory).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(directory.join(format!("{name}.wav")), spec).unwrap();
        Noise::new(seed).take(16_000).for_each(|sample| file.write_sample(sample / 4).unwrap());
        file.finalize().unwrap();
    }
}

fn resident_kib(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Lives for a while in the card's time.
fn live(appliance: &Appliance, seconds: u64) {
    for _ in 0..seconds / 5 {
        appliance.wait_card(Duration::from_secs(5));
    }
}

/// The truth by caller's number: whether Tandem took and answered the call, and whether it is over.
#[derive(Default)]
struct Truth {
    calls: BTreeMap<String, TrueCall>,
    numbers: BTreeMap<u64, String>,
    talks: u64,
    heard: u64,
    badly: Vec<Value>,
}

#[derive(Default)]
struct TrueCall {
    accepted: bool,
    answered: bool,
    cause: Option<u64>,
}

fn truth(appliance: &Appliance) -> Truth {
    let text = std::fs::read_to_string(appliance.data("exchange.jsonl")).unwrap();
    let mut truth = Truth::default();
    // The last line may be half written.
    for entry in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        let call = entry["call"].as_u64().and_then(|call| truth.numbers.get(&call).cloned());
        let of = |truth: &mut Truth, set: &dyn Fn(&mut TrueCall)| {
            set(truth.calls.entry(call.clone().expect("it was offered before")).or_default());
        };
        match entry["event"].as_str().unwrap() {
            "offered" => {
                let number = entry["number"].as_str().unwrap().to_owned();
                truth.numbers.insert(entry["call"].as_u64().unwrap(), number.clone());
                truth.calls.insert(number, TrueCall::default());
            }
            "accepted" => of(&mut truth, &|call| call.accepted = true),
            "answered" => of(&mut truth, &|call| call.answered = true),
            "ended" => of(&mut truth, &|call| call.cause = entry["cause"].as_u64()),
            "talk" => truth.talks += 1,
            "hearing" => {
                let ms = |name: &str| entry[name].as_u64().unwrap();
                if ms("spoken_ms") >= 4_000 {
                    let well = ms("heard_ms") * 100 >= ms("spoken_ms") * 80 && ms("deaf_ms") <= 2_000;
                    truth.heard += u64::from(well);
                    if !well {
                        truth.badly.push(entry.clone());
                    }
                }
            }
            _ => {}
        }
    }
    truth
}

#[test]
fn two_minutes_at_full_load_lose_nothing_and_the_records_equal_the_truth() {
    let mut appliance = demo();
    appliance.start("run");
    appliance
        .wait_until(&["spans"], "all spans are up", |answer| (1..=4).all(|span| span_is_up(answer, span)));
    let processes = ["line", "switch", "exchange"].map(|role| appliance.child(role));
    live(&appliance, 30);
    let before = processes.map(resident_kib);
    live(&appliance, 90);
    let after = processes.map(resident_kib);
    assert_eq!(
        processes,
        ["line", "switch", "exchange"].map(|role| appliance.child(role)),
        "none was restarted"
    );
    kill(Pid::from_raw(processes[2]), Signal::SIGUSR1).unwrap();
    for _ in 0..60 {
        let known = truth(&appliance);
        if known.calls.values().all(|call| call.cause.is_some()) {
            break;
        }
        live(&appliance, 5);
    }
    // The recorder closes some files a tick, the exchange's log is half a second behind.
    live(&appliance, 10);
    let truth = truth(&appliance);
    assert!(truth.calls.len() > 100, "{} calls", truth.calls.len());
    assert!(truth.calls.values().all(|call| call.cause.is_some()), "everybody has finished");
    assert!(truth.talks > 40 && truth.heard > 40, "{} talks, {} heard", truth.talks, truth.heard);
    assert!(truth.badly.is_empty(), "not heard: {:?}", truth.badly);
    compare(&appliance, &truth);
    let health = appliance.ask(&["status"]).unwrap()["health"].clone();
    for nothing in ["lost_samples", "lost_frames", "lost_events", "tap_overruns", "failed_recordings"] {
        assert_eq!(health[nothing], 0, "{nothing}: {health}");
    }
    for ((role, before), after) in ["line", "switch", "exchange"].iter().zip(before).zip(after) {
        assert!(after <= before + MAX_GROWTH_KIB, "{role} has grown from {before} to {after} KiB");
    }
}

/// Every call that was taken has one record with the same end, and a recording as long as it says if it was answered.
fn compare(appliance: &Appliance, truth: &Truth) {
    let ended = appliance.ask(&["calls", "--ended", "--limit", "1000"]).unwrap();
    let mut records: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for record in ended["calls"].as_array().unwrap() {
        records.entry(record["calling"].as_str().unwrap()).or_default().push(record);
    }
    for (number, call) in truth.calls.iter().filter(|(_, call)| call.accepted) {
        let known = records.get(number.as_str()).unwrap_or_else(|| panic!("{number} has no record"));
        assert_eq!(known.len(), 1, "{number} has one record");
        assert_eq!(known[0]["cause"].as_u64(), call.cause, "{number}: {}", known[0]);
        assert_eq!(!known[0]["answered_ms"].is_null(), call.answered, "{number}: {}", known[0]);
        if call.answered {
            let recordings = known[0]["recordings"].as_array().unwrap();
            assert!(!recordings.is_empty(), "{number} was answered and not recorded");
            for recording in recordings {
                check_recording(appliance, recording);
            }
        }
    }
}

fn check_recording(appliance: &Appliance, recording: &Value) {
    let length_ms = recording["length_ms"].as_u64().unwrap_or_else(|| panic!("it is closed: {recording}"));
    let Some(file) = recording["file"].as_str().filter(|file| !file.is_empty()) else {
        assert_eq!(length_ms, 0, "{recording}");
        return;
    };
    let wav = hound::WavReader::open(appliance.data("recordings").join(file)).unwrap();
    assert_eq!(wav.spec().channels, 2);
    assert_eq!(u64::from(wav.duration()) / SAMPLES_PER_MS, length_ms, "{recording}");
}
