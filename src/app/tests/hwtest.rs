//! `tandem hwtest` as an installer runs it: on a simulated card, as fast as it can go.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use std::path::Path;
use std::process::{Command, Output};

const RIG: &str = r#"version = 1
title = "a bench"
[measure]
bit_errors_s = 1
jitter_s = 1
person_s = 5
[[card]]
name = "sim0"
type = "sim"
pace = "virtual"
[[card.span]]
span = 1
kind = "e1"
clock = "internal"
far_end = "loop"
[[card.span]]
span = 2
kind = "fxs"
ports = 1
far_end = "span:3"
[[card.span]]
span = 3
kind = "fxo"
ports = 1
far_end = "span:2"
[[loop]]
span = 1
[[wire]]
fxs = "2/1"
fxo = "3/1"
"#;

fn hwtest(folder: &Path, rig: &str, more: &[&str]) -> Output {
    std::fs::write(folder.join("bench.toml"), rig).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tandem"))
        .args(["hwtest", "--rig", "bench.toml"])
        .args(more)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

#[test]
fn a_good_rig_passes_and_leaves_a_report() {
    let folder = tempfile::tempdir().unwrap();
    let output = hwtest(folder.path(), RIG, &[]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    for part in [
        "sim0: simulated card sim0",
        "passed  bit errors  span 1",
        "passed  ring and hook  ports 2/1 and 3/1",
        "passed  jitter",
    ] {
        assert!(out.contains(part), "{part} is not in\n{out}");
    }
    let report = std::fs::read_to_string(folder.path().join("hwtest-bench.txt")).unwrap();
    assert!(report.starts_with("Test of line cards: a bench\nbench.toml\n"), "{report}");
    assert!(report.ends_with("8 passed, 0 failed, 0 not possible here\n"), "{report}");
}

#[test]
fn a_broken_line_fails_with_what_to_do_and_a_script_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let broken = RIG.replace("far_end = \"loop\"", "far_end = \"open\"");
    let output =
        hwtest(folder.path(), &broken, &["--json", "--lang", "zh", "--no-person", "--report", "mine.txt"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let signal = &json[0]["cards"][0]["outcomes"][0];
    assert_eq!((&signal["case"], &signal["verdict"]), (&"signal".into(), &"failed".into()));
    assert!(signal["mend"][0].as_str().unwrap().contains("is the plug in"), "{signal}");
    assert_eq!(json[0]["cards"][0]["outcomes"][1]["verdict"], "not_possible");
    let report = std::fs::read_to_string(folder.path().join("mine.txt")).unwrap();
    assert!(
        report.starts_with("线路卡测试报告: a bench\n") && report.contains("未通过  线路信号  span 1"),
        "{report}"
    );
}

#[test]
fn a_wrong_rig_and_a_card_that_is_not_there_end_with_2() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = hwtest(folder.path(), &RIG.replace("span = 1\n[[wire]]", "span = 7\n[[wire]]"), &[]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        text(&wrong.stderr).contains("bench.toml:27: loop.7.span: 7 is not there"),
        "{}",
        text(&wrong.stderr)
    );
    let pci = "version = 1\n[[card]]\nname = \"c\"\ntype = \"pci\"\nslot = \"0000:ff:1f.7\"\n[[card.span]]\nspan = 1\nkind = \"e1\"\n";
    let missing = hwtest(folder.path(), pci, &[]);
    assert_eq!(missing.status.code(), Some(2));
    let told = text(&missing.stderr);
    assert!(told.contains("card c: no card that can be driven so is at slot 0000:ff:1f.7"), "{told}");
}
