//! Bit errors and slips of every timeslot, by a sequence that comes back over a loop plug or arrives at the other span.
//!
//! How: `prbs`. All timeslots at once, in both directions. Samples that were lost on our side are no errors of the line: what is in
//! the buffers then is passed over, and the place in the sequence is looked for anew.

use core::time::Duration;

use tdm::{CHUNK, SpanId};

use super::{Cable, ms};
use crate::bench::{Bench, Row, Trouble};
use crate::prbs::{Receiver, Sequence};
use crate::report::Notes;

pub(crate) const NO_SEQUENCE: &str = "what is sent does not come back: is it a loop plug or the right cable, does an echo canceller or a gain \
                           stand in the way, is the channel in use by something else?";
pub(crate) const ERRORS: &str = "look at the cable and its length, at the plug's contacts, at line_code and build_out; one bad timeslot \
                      alone is a fault of the card";
pub(crate) const SLIPS: &str = "the clocks differ: with a loop plug clock = \"internal\"; of two spans that are cabled to each other exactly one";
pub(crate) const ELSEWHERE: &str =
    "timeslots are crossed: in the equipment in between, or the driver is wrong about this card";

/// One direction.
struct Way {
    from: SpanId,
    to: SpanId,
    sends: Vec<usize>,
    hears: Vec<usize>,
    receivers: Vec<Receiver>,
}

pub(crate) fn run(bench: &mut Bench<'_>, cable: Cable, time: Duration) -> Result<Notes, Trouble> {
    let sequence = Sequence::new();
    let mut ways: Vec<Way> = cable
        .ways()
        .into_iter()
        .map(|(from, to)| {
            let (sends, hears) = (bench.span(from).0, bench.span(to).0);
            let receivers = vec![Receiver::default(); hears.len()];
            Way { from, to, sends, hears, receivers }
        })
        .collect();
    let told = |bench: &mut Bench<'_>| bench.slips(&cable.spans());
    let told_before = told(bench);
    let there_and_back = bench.there_and_back_ms() * CHUNK as u64;
    let mut valid_from = None;
    let whole = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    bench.until(whole.saturating_add(there_and_back / CHUNK as u64), |bench| {
        let period = bench.period(|row| {
            let valid = *valid_from.get_or_insert(row.at + there_and_back);
            ways.iter_mut().for_each(|way| way.live(&sequence, row.at >= valid, &row));
            ways.iter().for_each(|way| {
                for (timeslot, index) in way.sends.iter().enumerate() {
                    row.sent[*index] = sequence.chunk(timeslot, row.at);
                }
            });
        })?;
        if period.lost > 0 {
            valid_from = Some(bench.time.samples() + there_and_back);
            ways.iter_mut().flat_map(|way| &mut way.receivers).for_each(Receiver::lose);
        }
        Ok(false)
    })?;
    let delay = bench.subject.io.rt_delay().samples;
    let mut notes = Notes::default();
    notes.figure("delay", ms(delay.into()));
    ways.iter().for_each(|way| way.judge(delay, &mut notes));
    let told = told(bench) - told_before;
    notes.figure("slips told by the card", told);
    if told > 0 {
        notes.wrong(format!("the card tells {told} slips"), SLIPS);
    }
    Ok(notes)
}

impl Way {
    fn live(&mut self, sequence: &Sequence, valid: bool, row: &Row<'_>) {
        for (receiver, index) in self.receivers.iter_mut().zip(&self.hears).filter(|_| valid) {
            receiver.take(sequence, row.at, &row.heard[*index]);
        }
    }

    fn judge(&self, delay: u32, notes: &mut Notes) {
        let sum = |of: fn(&Receiver) -> u64| self.receivers.iter().map(of).sum::<u64>();
        let (bits, errors) = (sum(|r| r.bits), sum(|r| r.errors));
        let way =
            if self.from == self.to { String::new() } else { format!("span {} to {}: ", self.from, self.to) };
        notes.figure("bits compared", format!("{way}{bits}"));
        notes.figure("wrong bits", format!("{way}{errors}"));
        if bits > 0 {
            notes.figure("error rate", format!("{way}{:.1e}", errors as f64 / bits as f64));
        }
        // A slip of the span is one of all its timeslots.
        let slips = self.receivers.iter().map(|receiver| receiver.slips).max().unwrap_or(0);
        notes.figure("slips", format!("{way}{slips}"));
        if slips > 0 {
            notes.wrong(format!("{way}{slips} slips"), SLIPS);
        }
        for (timeslot, receiver) in self.receivers.iter().enumerate() {
            self.judge_timeslot(timeslot, receiver, delay, notes);
        }
    }

    fn judge_timeslot(&self, timeslot: usize, receiver: &Receiver, delay: u32, notes: &mut Notes) {
        let name = format!("span {} timeslot {}", self.to, timeslot + 1);
        let Some(heard) = receiver.hears(delay) else {
            return notes.wrong(format!("{name}: nothing of what is sent is heard"), NO_SEQUENCE);
        };
        if heard != timeslot {
            notes.wrong(format!("{name} hears timeslot {} of span {}", heard + 1, self.from), ELSEWHERE);
        }
        if receiver.errors > 0 {
            let what = format!("{name}: {} of {} bits are wrong", receiver.errors, receiver.bits);
            notes.wrong(what, ERRORS);
        }
        if receiver.without_ms > receiver.slips {
            let ms = receiver.without_ms - receiver.slips;
            notes.wrong(format!("{name}: {ms} ms without what was sent"), ERRORS);
        }
    }
}
