//! How evenly the card wakes us over minutes, and what is lost.
//!
//! How: the time between two returns of `wait`, by the clock, less the card's period: a histogram of how much too long it was. What
//! counts is whether a sample was lost. Limits: nothing else runs in this thread, so it is the machine's and the card's part alone;
//! a wake that is early is not told.

use core::time::Duration;

use tdm::SpanId;

use crate::bench::{Bench, Trouble};
use crate::report::Notes;

/// The upper edges of the histogram's classes, in microseconds; above the last is the last class.
const CLASSES_US: [u64; 8] = [50, 100, 250, 500, 1_000, 2_000, 5_000, 10_000];

pub(crate) const LATE: &str = "the machine is too late: give the right to realtime priority (`tandem run` says how), switch off power saving in the \
                    firmware's set-up, look for drivers that hold interrupts (cyclictest), or take a longer buffer_ms";
pub(crate) const SLIPS: &str = "the clocks differ: with a loop plug clock = \"internal\"; of two spans that are cabled to each other exactly one";

/// Slips count on the spans that are cabled.
pub(crate) fn run(bench: &mut Bench<'_>, cabled: &[SpanId], time: Duration) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    let period = bench.subject.caps.period;
    let before = bench.subject.control.counters();
    let slipped = bench.slips(cabled);
    let (mut classes, mut longest, mut last) = ([0_u64; CLASSES_US.len() + 1], Duration::ZERO, None);
    bench.until(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), |bench| {
        bench.period(|_| {})?;
        let now = bench.clock.now();
        if let Some(last) = last.replace(now) {
            let wait = now.since(last);
            longest = longest.max(wait);
            let late = u64::try_from(wait.saturating_sub(period).as_micros()).unwrap_or(u64::MAX);
            classes[CLASSES_US.iter().position(|edge| late < *edge).unwrap_or(CLASSES_US.len())] += 1;
        }
        Ok(false)
    })?;
    let after = bench.subject.control.counters();
    notes.figure("late wakes", histogram(&classes));
    notes.figure(
        "longest wait",
        format!(
            "{:.3} ms, the card sleeps {} ms and forgives {}",
            longest.as_secs_f64() * 1e3,
            period.as_millis(),
            bench.subject.caps.slack.as_millis()
        ),
    );
    let (xruns, lost) = (after.xruns - before.xruns, after.lost_samples - before.lost_samples);
    notes.figure("lost", format!("{lost} samples in {xruns} times"));
    let slipped = bench.slips(cabled) - slipped;
    notes.figure("slips", slipped);
    if xruns > 0 || lost > 0 {
        notes.wrong(format!("{lost} samples of every channel were lost in {xruns} times"), LATE);
    }
    if slipped > 0 {
        notes.wrong(format!("{slipped} slips"), SLIPS);
    }
    Ok(notes)
}

fn histogram(classes: &[u64]) -> String {
    let count: u64 = classes.iter().sum();
    let edges = CLASSES_US.iter().map(|edge| format!("<{}", us(*edge)));
    let edges = edges.chain([format!(">={}", us(CLASSES_US[CLASSES_US.len() - 1]))]);
    let parts = edges.zip(classes).filter(|(_, class)| **class > 0);
    let parts: Vec<String> = parts.map(|(edge, class)| format!("{edge} {class}")).collect();
    format!("{} of {count} waits", parts.join(", "))
}

fn us(edge: u64) -> String {
    if edge >= 1_000 { format!("{} ms", edge / 1_000) } else { format!("{edge} us") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_names_its_classes_and_leaves_out_empty_ones() {
        assert_eq!(histogram(&[7, 0, 0, 0, 2, 0, 0, 0, 1]), "<50 us 7, <1 ms 2, >=10 ms 1 of 10 waits");
    }
}
