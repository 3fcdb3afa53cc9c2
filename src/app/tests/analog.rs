//! Exchange lines end to end: the small office of `config/examples/analog.toml` with every sample through the simulated card,
//! its hybrids and the engine. Callers are shown by their number, answered, heard and let go by busy tone alone; an agent at
//! home is called over a line.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

const EXAMPLE: &str = include_str!("../../../config/examples/analog.toml");
/// Four cycles of 700 ms, an eighth more for the detector's windows, and the way back.
const BUSY_RELEASE_MS: std::ops::RangeInclusive<u64> = 2_500..=3_600;
/// The same while we play music: its cycles may be heard a little later.
const BUSY_RELEASE_UNDER_MUSIC_MS: std::ops::RangeInclusive<u64> = 2_500..=4_500;
/// When a caller has been greeted and led to a queue.
const IN_THE_QUEUE_MS: u64 = 12_000;
/// The agent alone says hello for eight seconds; prompts and music may go on for longer.
const LATEST_RELEASE_MS: u64 = 30_000;
/// A break of 500 ms, seen after 100; the turns of card and machine.
const FEED_RELEASE_MS: std::ops::RangeInclusive<u64> = 90..=400;
/// Seen at once.
const REVERSAL_RELEASE_MS: std::ops::RangeInclusive<u64> = 0..=300;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The example with changes, with prompts of noise instead of voices.
fn office(changes: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = EXAMPLE.to_string();
    let own = [("\"../../var\"", "\"var\""), ("\"../../prompts\"", "\"prompts\"")];
    for (from, to) in own.iter().chain(changes) {
        assert_eq!(text.matches(from).count(), 1, "the example has one line {from:?}");
        text = text.replace(from, to);
    }
    std::fs::write(folder.path().join("analog.toml"), text).unwrap();
    std::fs::create_dir(folder.path().join("flows")).unwrap();
    let flow = repository().join("config/examples/flows/front.toml");
    std::fs::copy(flow, folder.path().join("flows/front.toml")).unwrap();
    write_prompts(folder.path());
    folder
}

/// Every prompt of the table, and the music, as two seconds of noise.
fn write_prompts(folder: &Path) {
    let table = std::fs::read_to_string(repository().join("scripts/prompts.txt")).unwrap();
    let named = table.lines().filter(|line| !line.starts_with('#')).filter_map(|line| {
        let mut fields = line.split('|');
        Some(format!("{}/{}", fields.next()?, fields.next()?))
    });
    let all = named.chain(["zh/music".into(), "en/music".into()]);
    for (seed, name) in (1..).zip(all) {
        write_prompt(folder, &name, hw_tests::audio::Noise::new(seed).take(16_000));
    }
}

fn write_prompt(folder: &Path, name: &str, samples: impl Iterator<Item = i16>) {
    let file = folder.join("prompts").join(format!("{name}.wav"));
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(file, spec).unwrap();
    samples.for_each(|sample| wav.write_sample(sample).unwrap());
}

/// Music on hold: half a minute of plucked chords at some -10 dBm0, with a note of 440 Hz in every other one.
fn chords() -> impl Iterator<Item = i16> {
    const BEAT: u32 = 3_600;
    const STEPS: [[i32; 3]; 6] = [[0, 4, 7], [-3, 5, 9], [0, -5, 3], [2, 7, 11], [-12, 0, 7], [-7, -2, 2]];
    (0..30 * 8_000_u32).map(|n| {
        let (beat, within) = (n / BEAT, f64::from(n % BEAT));
        let loud = 3_500.0 * (within / 80.0).min(1.0) * (-within / 4_000.0).exp();
        let note = |&step: &i32| {
            let turns = 440.0 * 2f64.powf(f64::from(step) / 12.0) * f64::from(n) / 8_000.0;
            [1.0, 2.0, 3.0].iter().map(|h| (std::f64::consts::TAU * turns * h).sin() / (h * h)).sum::<f64>()
        };
        (loud * STEPS[beat as usize % STEPS.len()].iter().map(note).sum::<f64>()) as i16
    })
}

fn simulate(folder: &Path, arguments: &[&str]) -> Output {
    let mut tandem = Command::new(env!("CARGO_BIN_EXE_tandem"));
    tandem.arg("simulate").arg(folder.join("analog.toml")).args(arguments).env_remove("TANDEM_LOG");
    tandem.output().unwrap()
}

/// What truly happened to one call.
#[derive(Debug, Default)]
struct Call {
    answered: Option<u64>,
    talked: Vec<String>,
    hung_up: Option<(u64, String)>,
    ended: Option<u64>,
}

/// Everything that happened in a run, by call, and the phones that were picked up.
struct Truth {
    calls: BTreeMap<u64, Call>,
    picked_up: Vec<String>,
}

fn run(folder: &Path, hours: &str, seed: &str) -> Truth {
    let log = folder.join("truth.jsonl");
    let arguments = ["--fidelity", "audio", "--hours", hours, "--seed", seed, "--log", log.to_str().unwrap()];
    let output = simulate(folder, &arguments);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stdout));
    let mut truth = Truth { calls: BTreeMap::new(), picked_up: Vec::new() };
    for line in std::fs::read_to_string(log).unwrap().lines() {
        let entry: Value = serde_json::from_str(line).unwrap();
        let at = entry["at_ms"].as_u64().unwrap();
        let text = |key: &str| entry[key].as_str().unwrap_or_default().to_string();
        if entry["event"] == "picked_up" {
            truth.picked_up.push(text("phone"));
        }
        let Some(call) = entry["call"].as_u64() else { continue };
        let call = truth.calls.entry(call).or_default();
        match entry["event"].as_str().unwrap() {
            "answered" => call.answered = Some(at),
            "talk" => call.talked.push(text("phone")),
            "hung_up" => call.hung_up = Some((at, text("by"))),
            "ended" => call.ended = Some(at),
            _ => {}
        }
    }
    truth
}

/// Returns after how long the lines were let go whose callers had hung up in a talk.
fn releases(truth: &Truth) -> Vec<u64> {
    let talked = truth.calls.values().filter(|call| !call.talked.is_empty());
    let after = |call: &Call| {
        let (at, by) = call.hung_up.clone()?;
        (by == "caller").then_some(call.ended? - at)
    };
    talked.filter_map(after).collect()
}

/// Lines are let go within `usual`, at least half of them; where our own side speaks over the tone it may take until that
/// ends.
fn assert_released(releases: &[u64], usual: &std::ops::RangeInclusive<u64>) {
    let in_time = releases.iter().filter(|after_ms| usual.contains(after_ms)).count();
    assert!(in_time * 2 >= releases.len(), "let go after {releases:?} ms");
    let latest = releases.iter().max().copied().unwrap_or(0);
    assert!(latest <= LATEST_RELEASE_MS, "let go after {releases:?} ms");
}

#[test]
fn callers_are_shown_by_number_talk_both_ways_and_are_let_go_by_busy_tone_alone() {
    let folder = office(&[]);
    // The run compares every record with the truth: the numbers shown, who talked, who heard whom, how each call ended.
    let truth = run(folder.path(), "0.25", "11");
    let talks = truth.calls.values().filter(|call| !call.talked.is_empty()).count();
    assert!(talks >= 8, "{talks} talks");
    let releases = releases(&truth);
    assert!(releases.len() >= 5, "{releases:?}");
    assert_released(&releases, &BUSY_RELEASE_MS);
    let abroad = truth.calls.values().filter(|call| call.talked.iter().any(|phone| phone == "301")).count();
    assert!(abroad >= 1, "{abroad} talks with the agent who is called over a line: {:?}", truth.picked_up);
}

#[test]
fn a_caller_who_hangs_up_in_a_queue_with_music_is_let_go_while_it_plays_on() {
    let nobody = ["xiaolin", "emma", "haoran", "zihan"].map(|name| {
        let line = EXAMPLE.lines().find(|line| line.contains(name)).unwrap();
        (line, line.replace("\"ready\"", "\"busy\""))
    });
    let mut changes: Vec<(&str, &str)> = nobody.iter().map(|(from, to)| (*from, to.as_str())).collect();
    changes.extend([
        ("patience_s = 60", "patience_s = 20"),
        ("keys = \"2,2,1234#\"", "keys = \"1,1\""),
        // Nothing takes the echo away, and it is strong: without a second look lines are held for minutes.
        ("tail_ms = 32", "tail_ms = 0"),
        ("erl_db = 12.0, delay_ms = 4", "erl_db = 6.0, delay_ms = 4"),
    ]);
    let folder = office(&changes);
    write_prompt(folder.path(), "zh/music", chords());
    let truth = run(folder.path(), "0.15", "13");
    let gone = truth.calls.values().filter_map(|call| {
        let ((at, by), ended) = (call.hung_up.clone()?, call.ended?);
        // Whoever is there for so long has been led to the queue, and hears music.
        (by == "caller" && call.talked.is_empty() && at >= call.answered? + IN_THE_QUEUE_MS)
            .then_some(ended - at)
    });
    let releases: Vec<u64> = gone.collect();
    println!("{releases:?}");
    assert!(releases.len() >= 5, "{releases:?}");
    assert!(releases.iter().all(|after_ms| BUSY_RELEASE_UNDER_MUSIC_MS.contains(after_ms)), "{releases:?}");
}

#[test]
fn speech_ends_no_talk_before_somebody_hangs_up() {
    let folder = office(&[("talk_s = 30", "talk_s = 120"), ("keys = \"2,2,1234#\"", "keys = \"1,1\"")]);
    let truth = run(folder.path(), "0.2", "12");
    let mut longest = 0;
    for (name, call) in truth.calls.iter().filter(|(_, call)| !call.talked.is_empty()) {
        let (at, by) = call.hung_up.clone().unwrap();
        // Tandem ends a talk when its agent puts the telephone down, and the truth of the agent is compared by the run.
        assert!(by == "caller" || by == "tandem", "call {name}: {call:?}");
        longest = longest.max(at - call.answered.unwrap());
    }
    assert!(longest > 60_000, "the longest talk took {longest} ms");
}

#[test]
fn every_way_to_tell_the_number_and_the_end_of_a_call_works_with_sound() {
    let dtmf = ("caller_id = \"fsk\" ", "caller_id = \"dtmf\" ");
    let before = |time| ("caller_id_time = \"after_ring\"", time);
    let release = |how| ("line_release = \"busy_tone\" ", how);
    let v23 = ("caller_id = \"bell202\" ", "caller_id = \"v23\" ");
    let cases = [
        (vec![dtmf, release("line_release = \"feed_break\" ")], FEED_RELEASE_MS),
        (
            vec![dtmf, before("caller_id_time = \"before_ring\""), release("line_release = \"reversal\" ")],
            REVERSAL_RELEASE_MS,
        ),
        (
            vec![
                v23,
                before("caller_id_time = \"after_reversal\""),
                ("answer = \"ringback\" ", "answer = \"polarity\" "),
                ("talk_s = 30", "talk_s = 20\nline_reversal = true"),
            ],
            BUSY_RELEASE_MS,
        ),
    ];
    for (n, (changes, expected)) in cases.into_iter().enumerate() {
        let folder = office(&changes);
        let truth = run(folder.path(), "0.1", &(20 + n).to_string());
        let releases = releases(&truth);
        assert!(!releases.is_empty(), "{changes:?}");
        println!("{changes:?}: {releases:?}");
        assert_released(&releases, &expected);
    }
}

#[test]
fn the_same_office_runs_without_samples() {
    let folder = office(&[]);
    let output = simulate(folder.path(), &["--hours", "2"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
