//! No alarm stands on a line that is plugged.
//!
//! How: up to five seconds for framing to be found; what still stands is told by its meaning.

use tdm::{Alarms, SpanId};

use crate::bench::{Bench, Trouble};
use crate::report::Notes;

pub(crate) const GONE: &str = "the span is gone from the card: `tandem cards` tells what is there";
pub(crate) const RED: &str = "nothing is heard: is the plug in, does it lead pins 4-5 (we send) to the other end's 1-2 (it hears), and do framing and code \
     agree (line_code, the card's E1/T1 jumper)?";
pub(crate) const AIS: &str = "all ones are heard: the equipment in between has no signal itself";
pub(crate) const YELLOW: &str =
    "the other end does not hear us: look at the pair on which we send (pins 4-5), and at framing there";
pub(crate) const LOOP: &str = "a test loop is set in the card: take it off, or start the card anew";

/// How long framing may take to be found, in milliseconds.
pub(crate) const SETTLE_MS: u64 = 5_000;

/// How often it is looked at.
const LOOK_MS: u64 = 10;

/// Returns true once no alarm stands on these spans, within [`SETTLE_MS`].
pub(crate) fn settles(bench: &mut Bench<'_>, spans: &[SpanId]) -> Result<bool, Trouble> {
    bench.until(SETTLE_MS, |bench| {
        bench.idle(LOOK_MS)?;
        Ok(spans.iter().all(|span| bench.alarms(*span).is_empty()))
    })
}

pub(crate) fn run(bench: &mut Bench<'_>, spans: &[SpanId]) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    settles(bench, spans)?;
    for &span in spans {
        let alarms = bench.alarms(span);
        notes.figure("alarms", format!("span {span}: {alarms}"));
        if !alarms.is_empty() {
            notes.wrong(format!("span {span} is in alarm {alarms}"), advice(alarms));
        }
    }
    Ok(notes)
}

fn advice(alarms: Alarms) -> &'static str {
    if alarms.contains(Alarms::DETACHED) {
        GONE
    } else if alarms.contains(Alarms::RED) {
        RED
    } else if alarms.contains(Alarms::AIS) {
        AIS
    } else if alarms.contains(Alarms::YELLOW) {
        YELLOW
    } else {
        LOOP
    }
}
