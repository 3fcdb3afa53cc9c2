//! The echo of a port's hybrid, its delay and length, and the loss to the other end.
//!
//! How: the line port is off hook, each end in turn sends the sequence of `signals`, and the impulse response from what it hears
//! itself is the echo path; that of the other end is the way there. The card's own delay is taken off. Limits: what is measured
//! is our ports against each other: a telephone company's line is another load.

use core::time::Duration;

use card::LineOrder;
use tdm::{CHUNK, ChannelId, HookState};

use super::ms;
use crate::bench::{Bench, Trouble};
use crate::plan::{Limits, Wire};
use crate::report::Notes;
use crate::signals::{MLS, Probe, Response};

/// Periods of the sequence over which is averaged.
const PERIODS: usize = 3;

/// How often so long a time without a loss is tried for.
const ATTEMPTS: u32 = 5;

/// How long a line takes from going off hook until it is quiet.
const SETTLE_MS: u64 = 1_500;

/// An echo this much weaker is none.
const NONE_DB: f32 = 45.0;

/// What the whole case takes.
pub(crate) const ABOUT: Duration = Duration::from_millis(8_000);

pub(crate) const LOUD: &str = "the hybrid does not fit its load: country or impedance of the port (module options opermode, boostringer), a bad \
                    cable, or a port that is open";
pub(crate) const DEAF: &str =
    "no sound passes between the ports: look at the cable, and at ring and hook above";
pub(crate) const FAR: &str =
    "it is longer than any echo canceller's tail (128 ms): something between the ports delays";

/// The longest echo that can be cancelled, in samples.
const LONGEST: usize = 128 * CHUNK;

pub(crate) fn run(bench: &mut Bench<'_>, wire: Wire, limits: &Limits) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    let Wire { fxs, fxo } = wire;
    bench.order(LineOrder::Hook { channel: fxo, state: HookState::OffHook });
    bench.idle(SETTLE_MS)?;
    for (from, to) in [(fxs, fxo), (fxo, fxs)] {
        let (echo, way) = measure(bench, from, to)?;
        let delay = bench.subject.io.rt_delay().samples as usize;
        judge_echo(from, &echo, delay, limits, &mut notes);
        let loss = way.loss_db();
        notes.figure("loss to the other end", format!("{from} to {to}: {loss:.1} dB"));
        if loss > limits.port_loss_db {
            notes.wrong(format!("port {to} hears port {from} {loss:.1} dB weaker"), DEAF);
        }
    }
    bench.order(LineOrder::Hook { channel: fxo, state: HookState::OnHook });
    bench.idle(SETTLE_MS)?;
    Ok(notes)
}

fn judge_echo(port: ChannelId, echo: &Response, delay: usize, limits: &Limits, notes: &mut Notes) {
    let loss = echo.loss_db();
    if loss > NONE_DB {
        return notes.figure("echo return loss", format!("{port}: more than {NONE_DB:.0} dB, no echo"));
    }
    notes.figure("echo return loss", format!("{port}: {loss:.1} dB"));
    let (first, length) = echo.extent();
    let after = (first + MLS - delay % MLS) % MLS;
    notes.figure("echo delay", format!("{port}: {}", ms(after as u64)));
    notes.figure("echo length", format!("{port}: {}", ms(length as u64)));
    if loss < limits.echo_loss_db {
        notes.wrong(format!("port {port}: the echo is only {loss:.1} dB weaker than what was sent"), LOUD);
    }
    if after + length > LONGEST {
        notes.wrong(format!("port {port}: the echo ends after {}", ms((after + length) as u64)), FAR);
    }
}

/// Returns the responses at the sending port and at the other one.
fn measure(bench: &mut Bench<'_>, from: ChannelId, to: ChannelId) -> Result<(Response, Response), Trouble> {
    let (sends, hears) = (bench.index(from), bench.index(to));
    let (law, other) = (bench.law(from), bench.law(to));
    let probe = Probe::new(law);
    for _ in 0..ATTEMPTS {
        let warm_up = bench.there_and_back_ms() + (MLS / CHUNK) as u64;
        bench.run(warm_up, |row| row.sent[sends] = probe.chunk(row.at))?;
        let (before, mut start) = (bench.lost, None);
        let (mut own, mut far) = (Vec::new(), Vec::new());
        bench.run((PERIODS * MLS / CHUNK) as u64 + 1, |row| {
            start.get_or_insert(row.at);
            own.extend_from_slice(&row.heard[sends]);
            far.extend_from_slice(&row.heard[hears]);
            row.sent[sends] = probe.chunk(row.at);
        })?;
        if let (true, Some(start)) = (bench.lost == before && own.len() >= PERIODS * MLS, start) {
            let cut = |octets: &[u8], law| probe.response(start, &octets[..PERIODS * MLS], law);
            return Ok((cut(&own, probe.law()), cut(&far, other)));
        }
    }
    Err(Trouble::AlwaysLate(ATTEMPTS))
}
