//! `tandem simulate` as its users call it.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn demo() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/examples/demo.toml")
}

fn simulate(file: &Path, arguments: &[&str]) -> Output {
    let mut tandem = Command::new(env!("CARGO_BIN_EXE_tandem"));
    tandem.arg("simulate").arg(file).args(arguments).env_remove("TANDEM_LOG").output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).into_owned()
}

#[test]
fn the_demo_holds_and_the_same_seed_writes_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let log = |seed: &str, name: &str| -> (String, serde_json::Value) {
        let path = folder.path().join(name);
        let arguments = ["--hours", "0.25", "--seed", seed, "--json", "--log", path.to_str().unwrap()];
        let output = simulate(&demo(), &arguments);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("all invariants hold"));
        (std::fs::read_to_string(path).unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    };
    let (first, figures) = log("3", "a");
    assert_eq!(log("3", "b").0, first);
    assert_ne!(log("4", "c").0, first);
    assert_eq!(figures["truth_lines"], first.lines().count());
    let calls = &figures["calls"];
    let sum = ["answered", "abandoned", "flowed_out", "waiting"].map(|key| calls[key].as_u64().unwrap());
    assert_eq!(calls["offered"].as_u64(), Some(sum.iter().sum()));
    assert!(calls["answered"].as_u64() > Some(100), "{figures}");
}

#[test]
fn the_figures_are_told_to_people_too() {
    let output = simulate(&demo(), &["--hours", "0.05"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let figures = text(&output.stdout);
    for part in ["simulated 0.", "service level 1", "queue billing", "wait of the answered", "occupancy"] {
        assert!(figures.contains(part), "no \"{part}\" in:\n{figures}");
    }
}

#[test]
fn what_cannot_be_simulated_is_refused() {
    let first_call = demo().with_file_name("first-call.toml");
    let refused = [
        (simulate(&first_call, &[]), "exchange: a simulation needs this section"),
        (simulate(&demo(), &["--hours", "0"]), "--hours 0: more than 0"),
        (simulate(&demo(), &["--log", "/nowhere/at/all"]), "--log /nowhere/at/all"),
    ];
    for (output, why) in refused {
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output.stderr).contains(why), "{}", text(&output.stderr));
    }
}
