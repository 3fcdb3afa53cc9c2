//! Detectors beside spandsp as packaged, in one run: cost, then acceptance, then curves.
//!
//! `cargo run --release [cost] [figures] [curves DIRECTORY]`; without words cost and figures.

mod cost;
mod rival;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str| words.is_empty() || words.iter().any(|w| w == word);
    if asked("cost") {
        cost::run();
    }
}
