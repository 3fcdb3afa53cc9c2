//! A tone of its own in every timeslot arrives in that timeslot, as loud as it was sent, by the law of the line.
//!
//! How: `signals`: a second of tones is read; a tone that is only clear by the other law tells that the laws differ. One span
//! sends at a time, so that a tone that arrives on another one has come by another way. Limits: a loop plug cannot show a wrong
//! law, since both ends of it are ours.

use tdm::{CHUNK, Chunk, Law};

use super::Cable;
use crate::bench::{Bench, Trouble};
use crate::plan::Limits;
use crate::report::Notes;
use crate::signals::{self, Heard, LEVEL_DBM0, SECOND};

/// How often a second without a loss is tried for.
const ATTEMPTS: u32 = 5;

/// Below this nothing is heard.
const SILENCE_DBM0: f32 = -40.0;

pub(crate) const SILENT: &str =
    "nothing is heard in it: is it bound to something else, or does the equipment in between not pass it on?";
pub(crate) const CROSSED: &str =
    "timeslots are crossed: in the equipment in between, or the driver is wrong about this card";
pub(crate) const LAWS: &str =
    "the two ends have different laws: set law = \"a\" or \"mu\" to what the other end has";
pub(crate) const DISTORTED: &str =
    "something changes the octets: robbed bits, an echo canceller, a gain, or a law in between";

pub(crate) fn run(bench: &mut Bench<'_>, cable: Cable, limits: &Limits) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    for (from, to) in cable.ways() {
        let ((sends, law), (hears, own)) = (bench.span(from), bench.span(to));
        let tones = |row: &mut [Chunk], at| {
            for (timeslot, index) in sends.iter().enumerate() {
                row[*index] = signals::tone(law, timeslot, at);
            }
        };
        let octets = listen(bench, &hears, tones)?;
        let read: Vec<Heard> = octets.iter().map(|octets| signals::read(own, octets, sends.len())).collect();
        let levels = || read.iter().map(|heard| heard.level_dbm0);
        let way = if from == to { String::new() } else { format!("span {from} to {to}: ") };
        let (least, most) = (levels().fold(f32::MAX, f32::min), levels().fold(f32::MIN, f32::max));
        notes.figure("level", format!("{way}{least:.2} to {most:.2} dBm0, sent with {LEVEL_DBM0:.0}"));
        let clear = read.iter().map(|heard| heard.clear_db).fold(f32::MAX, f32::min);
        notes.figure("clear of noise", format!("{way}{clear:.1} dB"));
        for (timeslot, (heard, octets)) in read.iter().zip(&octets).enumerate() {
            let other = signals::read(other(own), octets, sends.len());
            judge(
                &format!("span {to} timeslot {}", timeslot + 1),
                timeslot,
                heard,
                &other,
                limits,
                &mut notes,
            );
        }
    }
    bench.idle(bench.there_and_back_ms())?;
    Ok(notes)
}

fn other(law: Law) -> Law {
    match law {
        Law::A => Law::Mu,
        Law::Mu => Law::A,
    }
}

fn judge(
    name: &str,
    timeslot: usize,
    heard: &Heard,
    by_other_law: &Heard,
    limits: &Limits,
    notes: &mut Notes,
) {
    if by_other_law.clear_db > heard.clear_db && by_other_law.clear_db > limits.distortion_db {
        return notes.wrong(format!("{name} is clear only by the other law"), LAWS);
    }
    if heard.level_dbm0 < SILENCE_DBM0 {
        return notes.wrong(format!("{name} is silent"), SILENT);
    }
    if heard.timeslot != timeslot {
        return notes.wrong(format!("{name} hears the tone of timeslot {}", heard.timeslot + 1), CROSSED);
    }
    if heard.clear_db < limits.distortion_db {
        notes.wrong(
            format!("{name}: the tone stands only {:.1} dB above the rest", heard.clear_db),
            DISTORTED,
        );
    }
    if (heard.level_dbm0 - LEVEL_DBM0).abs() > limits.level_db {
        notes.wrong(format!("{name}: {:.2} dBm0 instead of {LEVEL_DBM0:.0}", heard.level_dbm0), DISTORTED);
    }
}

/// Sends until all of it comes back, then returns a second of what each of `hears` hears.
fn listen(
    bench: &mut Bench<'_>,
    hears: &[usize],
    send: impl Fn(&mut [Chunk], u64),
) -> Result<Vec<Vec<u8>>, Trouble> {
    for _ in 0..ATTEMPTS {
        bench.run(bench.there_and_back_ms(), |row| send(row.sent, row.at))?;
        let before = bench.lost;
        let mut octets = vec![Vec::with_capacity(SECOND + CHUNK); hears.len()];
        bench.run((SECOND / CHUNK) as u64, |row| {
            for (octets, index) in octets.iter_mut().zip(hears).filter(|(octets, _)| octets.len() < SECOND) {
                octets.extend_from_slice(&row.heard[*index]);
            }
            send(row.sent, row.at);
        })?;
        if bench.lost == before && octets.iter().all(|octets| octets.len() >= SECOND) {
            octets.iter_mut().for_each(|octets| octets.truncate(SECOND));
            return Ok(octets);
        }
    }
    Err(Trouble::AlwaysLate(ATTEMPTS))
}
