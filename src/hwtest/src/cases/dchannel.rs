//! The D-channel's timeslot carries frames, and between two spans the link of Q.921 comes up and carries messages.
//!
//! How: our own framing (`tdm::hdlc`) in timeslot 16 of an E1, 24 of a T1. Over a loop plug frames of several lengths must come
//! back; the link cannot come up there, for both ends would be the same side. Between two spans the first is the network's side.

use core::time::Duration;
use std::collections::VecDeque;

use clock::Mono;
use isdn::lapd::{Event, Input, Link, Output};
use isdn::{LinkConfig, Side};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{HdlcFrame, SpanId};

use super::Cable;
use crate::bench::{Bench, Trouble, channel};
use crate::report::Notes;

/// How long frames or the link may take, in milliseconds.
pub(crate) const WAIT_MS: u64 = 10_000;

/// Messages each way over the link.
const MESSAGES: u8 = 20;

/// Octets of a message.
const LENGTH: usize = 100;

/// Lengths of the frames that must come back.
const LENGTHS: [usize; 6] = [3, 4, 20, 64, 130, 260];

/// How often each length is sent.
const TIMES: usize = 5;

pub(crate) const FRAMES: &str = "frames are damaged on the way: bit errors in this timeslot, a wrong timeslot, or something between the spans that \
                      is not transparent";
pub(crate) const LINK: &str = "the link of Q.921 does not come up: look at the cases above for this timeslot; of two real switches one \
                    must be the network's side";

/// Returns the timeslot of the D-channel, if such a span has one.
pub(crate) fn timeslot(channels: usize) -> u8 {
    if channels > 24 { 16 } else { 24 }
}

pub(crate) fn run(bench: &mut Bench<'_>, cable: Cable) -> Result<Notes, Trouble> {
    let notes = match cable {
        Cable::Loop(span) => looped(bench, span)?,
        Cable::Pair(a, b) => paired(bench, a, b)?,
    };
    bench.idle(bench.there_and_back_ms())?;
    Ok(notes)
}

fn index(bench: &Bench<'_>, span: SpanId) -> usize {
    let (timeslots, _) = bench.span(span);
    bench.index(channel(span, timeslot(timeslots.len())))
}

fn looped(bench: &mut Bench<'_>, span: SpanId) -> Result<Notes, Trouble> {
    let index = index(bench, span);
    let content = |length: usize| (0..length).map(|k| (k * 7 + length) as u8).collect::<Vec<u8>>();
    let sent: Vec<Vec<u8>> = (0..TIMES).flat_map(|_| LENGTHS).map(content).collect();
    let mut waiting: VecDeque<HdlcFrame> = sent.iter().filter_map(|frame| HdlcFrame::new(frame)).collect();
    let (mut tx, mut rx, mut heard) = (LapdTx::new(), LapdRx::new(), Vec::new());
    bench.until(WAIT_MS, |bench| {
        bench.period(|row| {
            rx.chunk(&row.heard[index], |frame| heard.push(frame.to_vec()));
            row.sent[index] = tx.chunk(|| waiting.pop_front());
        })?;
        Ok(heard.len() >= sent.len())
    })?;
    let mut notes = Notes::default();
    notes.figure("frames", format!("{} of {}", heard.len(), sent.len()));
    notes.figure("damaged frames", rx.counters().bad());
    if heard != sent {
        notes.wrong(
            format!("span {span}: {} of {} frames came back as sent", heard.len(), sent.len()),
            FRAMES,
        );
    }
    Ok(notes)
}

/// One end of the link.
struct End {
    index: usize,
    link: Link,
    tx: LapdTx,
    rx: LapdRx,
    waiting: VecDeque<HdlcFrame>,
    up: bool,
    got: u8,
    wrong: bool,
}

fn message(number: u8) -> [u8; LENGTH] {
    core::array::from_fn(|k| (k as u8).wrapping_mul(3).wrapping_add(number))
}

impl End {
    fn new(index: usize, side: Side) -> End {
        let link = Link::new(LinkConfig::new(side));
        End {
            index,
            link,
            tx: LapdTx::new(),
            rx: LapdRx::new(),
            waiting: VecDeque::new(),
            up: false,
            got: 0,
            wrong: false,
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.link.poll_output() {
            match output {
                Output::Frame(frame) => self.waiting.push_back(frame),
                Output::Event(Event::Established) => self.up = true,
                Output::Event(Event::Refreshed) => {}
                Output::Event(Event::Released) => self.up = false,
                Output::Event(Event::Data(data)) => {
                    self.wrong |= data.as_slice() != message(self.got);
                    self.got = self.got.saturating_add(1);
                }
            }
        }
    }

    fn handle(&mut self, input: Input<'_>, now: Mono) {
        self.link.handle(input, now);
        self.drain();
    }
}

fn live(bench: &mut Bench<'_>, ends: &mut [End; 2]) -> Result<(), Trouble> {
    bench.period(|row| {
        let now = Mono::from_millis(row.at / 8);
        for end in ends.iter_mut() {
            if end.link.poll_timeout().is_some_and(|(at, _)| at <= now) {
                end.handle(Input::Timeout, now);
            }
            let mut frames = Vec::new();
            end.rx.chunk(&row.heard[end.index], |frame| frames.push(frame.to_vec()));
            frames.iter().for_each(|frame| end.handle(Input::Frame(frame), now));
            row.sent[end.index] = end.tx.chunk(|| end.waiting.pop_front());
        }
    })?;
    Ok(())
}

fn now(bench: &Bench<'_>) -> Mono {
    Mono::from_millis(bench.time.samples() / 8)
}

fn paired(bench: &mut Bench<'_>, a: SpanId, b: SpanId) -> Result<Notes, Trouble> {
    let mut ends = [End::new(index(bench, a), Side::Network), End::new(index(bench, b), Side::User)];
    bench.idle(bench.there_and_back_ms())?;
    let start = now(bench);
    ends[1].handle(Input::Establish, start);
    let mut notes = Notes::default();
    let up = bench.until(WAIT_MS, |bench| {
        live(bench, &mut ends)?;
        Ok(ends.iter().all(|end| end.up))
    })?;
    if up {
        let took: Duration = now(bench).since(start);
        notes.figure("link up after", format!("{} ms", took.as_millis()));
        for number in 0..MESSAGES {
            ends.iter_mut().for_each(|end| end.handle(Input::Send(&message(number)), now(bench)));
        }
        bench.until(WAIT_MS, |bench| {
            live(bench, &mut ends)?;
            Ok(ends.iter().all(|end| end.got >= MESSAGES))
        })?;
    } else {
        notes.wrong(format!("no link between spans {a} and {b} within {} s", WAIT_MS / 1_000), LINK);
    }
    let bad: u64 = ends.iter().map(|end| end.rx.counters().bad()).sum();
    notes.figure("damaged frames", bad);
    for (end, (from, to)) in ends.iter().zip([(b, a), (a, b)]).filter(|_| up) {
        notes.figure("frames", format!("span {from} to {to}: {} of {MESSAGES}", end.got));
        if end.got < MESSAGES || end.wrong {
            notes.wrong(
                format!("span {from} to {to}: {} of {MESSAGES} messages arrived as sent", end.got),
                FRAMES,
            );
        }
    }
    if bad > 0 {
        notes.wrong(format!("{bad} frames arrived damaged"), FRAMES);
    }
    Ok(notes)
}
