//! Keeps the layer rules of `docs/architecture.md` over the whole workspace, as `cargo metadata` tells its edges.
//!
//! It stands in the lowest crate, since it concerns all of them and none more than another. Edges of tests and benches
//! are free: a test may bring together what the program keeps apart.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// All crates, lowest first. An edge may only lead to a crate further up in this list.
const LAYERS: [(&str, &[&str]); 5] = [
    ("L0", &["clock", "tdm"]),
    (
        "L1",
        &["g711", "dsp", "resample", "link", "isdn", "cas", "call", "acd", "ivr", "card", "firmware-shim"],
    ),
    ("L2", &["rt", "line", "hwtest", "switch"]),
    ("L3", &["sim", "dahdi", "tdmoe", "pci", "record", "config", "store", "api"]),
    ("L4", &["cli", "simulator", "app", "hw-tests"]),
];

/// The drivers and stores, which only the users named here may name.
const CONCRETE: &[&str] = &["sim", "dahdi", "tdmoe", "pci"];
const USERS_OF_CONCRETE: &[&str] = &["app", "simulator", "hw-tests"];

/// What the realtime engine may be built from.
const RT_MAY_USE: &[&str] = &["clock", "tdm", "g711", "dsp", "card", "rtrb", "libc", "thiserror"];

/// The two sides of the link.
const LINE_SIDE: &[&str] =
    &["sim", "dahdi", "tdmoe", "pci", "card", "rt", "isdn", "cas", "line", "hwtest", "record"];
const SWITCH_SIDE: &[&str] = &["call", "acd", "ivr", "switch", "store", "api", "cli"];

/// What a core may not be built from: runtimes, sockets and stores.
const NOT_IN_CORES: &[&str] = &["tokio", "mio", "axum", "hyper", "ureq", "tungstenite", "crossbeam-channel"];

/// Every crate of the workspace with what it is built from.
fn edges() -> BTreeMap<String, BTreeSet<String>> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let metadata = MetadataCommand::new().manifest_path(manifest).no_deps().exec().unwrap();
    let short = |name: &str| name.strip_prefix("tandem-").unwrap_or(name).to_string();
    let built_from = |package: &cargo_metadata::Package| {
        let built = package.dependencies.iter().filter(|edge| edge.kind != DependencyKind::Development);
        built.map(|edge| short(&edge.name)).collect()
    };
    metadata.packages.iter().map(|package| (short(&package.name), built_from(package))).collect()
}

/// Returns the place of a crate from the lowest up; none if it is not ours.
fn rank(name: &str) -> Option<usize> {
    LAYERS.iter().flat_map(|(_, crates)| crates.iter()).position(|known| *known == name)
}

fn layer(name: &str) -> &'static str {
    LAYERS.iter().find(|(_, crates)| crates.contains(&name)).map_or("no layer", |(layer, _)| layer)
}

/// Returns the edges that `wrong` says must not be.
fn broken(wrong: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let all = edges();
    let pairs = all.iter().flat_map(|(from, to)| to.iter().map(move |to| (from.as_str(), to.as_str())));
    let tell = |(from, to)| format!("{from} ({}) is built from {to} ({})", layer(from), layer(to));
    pairs.filter(|(from, to)| wrong(from, to)).map(tell).collect()
}

#[test]
fn every_crate_of_the_workspace_has_a_layer() {
    let all = edges();
    assert!(all.contains_key("clock") && all.contains_key("rt"), "the workspace was read: {:?}", all.keys());
    let unknown: Vec<_> = all.keys().filter(|name| rank(name).is_none()).collect();
    assert!(unknown.is_empty(), "{unknown:?} stand in no layer: put them where they belong");
}

#[test]
fn d1_edges_point_down_only() {
    let up = broken(|from, to| rank(to).is_some_and(|to| Some(to) >= rank(from)));
    assert_eq!(up, [""; 0]);
}

#[test]
fn d2_cores_are_built_from_no_runtime() {
    let core = |name: &str| matches!(layer(name), "L0" | "L1" | "L2");
    assert_eq!(broken(|from, to| core(from) && NOT_IN_CORES.contains(&to)), [""; 0]);
}

#[test]
fn d3_the_engine_is_built_from_little() {
    assert_eq!(broken(|from, to| from == "rt" && !RT_MAY_USE.contains(&to)), [""; 0]);
}

#[test]
fn d5_only_the_wiring_names_a_concrete_driver() {
    let named = broken(|from, to| CONCRETE.contains(&to) && !USERS_OF_CONCRETE.contains(&from));
    assert_eq!(named, [""; 0]);
}

#[test]
fn d8_line_side_and_switch_side_meet_only_in_link() {
    let across = |from: &str, to: &str| {
        (LINE_SIDE.contains(&from) && SWITCH_SIDE.contains(&to))
            || (SWITCH_SIDE.contains(&from) && LINE_SIDE.contains(&to))
    };
    assert_eq!(broken(across), [""; 0]);
}
