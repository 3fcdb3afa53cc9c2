//! The echo canceller's bench: quality by the judge's cells, then cost, beside OSLEC, speexdsp and the crate aec3.
//!
//! `bench-echo [quality] [cost]`. Cost: 240 channels streaming at a tail of 128 ms, rounds of all rivals in turn, the
//! median of each; what a start costs beside it. Rivals are there if `scripts/bench-echo` has built them.

mod cost;
#[path = "../../../src/dsp/tests/echo_rig/mod.rs"]
mod echo_rig;
mod quality;
mod rivals;

// Brings the rivals' libraries along, which Cargo links to the library only.
use echo_judge as _;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let wants = |name: &str| wanted.is_empty() || wanted.iter().any(|arg| arg == name);
    if wants("quality") {
        quality::run();
    }
    if wants("cost") {
        cost::run();
    }
}
