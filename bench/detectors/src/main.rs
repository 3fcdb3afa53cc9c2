//! Detectors beside spandsp as packaged, in one run: cost, then limits of acceptance, with curves if a folder is named.
//!
//! `cargo run --release -- [cost] [beside] [figures] [others] [curves=FOLDER] [tries=N]`; without words all of it.

mod cost;
mod figures;
mod others;
mod rival;
mod sweep;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let asked = |word: &str| words.is_empty() || words.iter().any(|w| w == word);
    let value = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    if asked("cost") {
        cost::run();
    }
    if asked("cost") || asked("beside") {
        cost::run_beside();
    }
    let curves = value("curves=");
    if asked("figures") || curves.is_some() {
        let tries = value("tries=").and_then(|tries| tries.parse().ok()).unwrap_or(10);
        figures::run(curves, tries);
    }
    if asked("others") || curves.is_some() {
        figures::run_others(curves, 20);
    }
}
