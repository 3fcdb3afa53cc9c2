//! Ringing and hook between a telephone port and the line port that it is cabled to.
//!
//! How: the telephone port rings, the line port sees it and goes off hook, which stops the ringing, and on hook again. Whether a
//! reversal of the feed, a break of it and a flash are seen is told, and no fault: not every card has them.

use core::time::Duration;

use card::{CardEvent, LineOrder, RingCadence};
use tdm::{HookState, Polarity};

use crate::bench::{Bench, Trouble};
use crate::plan::Wire;
use crate::report::Notes;

/// Ringing comes at once or after a pause of its cadence.
const RING_MS: u64 = 7_000;

/// A kernel's debouncing of a telephone that is lifted or put down.
const HOOK_MS: u64 = 4_000;

/// What is seen beside takes no longer.
const SHORT_MS: u64 = 2_000;

/// How long a line rests.
const REST_MS: u64 = 500;

/// A break of the feed, and one of the loop.
const BREAK_MS: u16 = 800;
const FLASH_MS: u16 = 300;

/// What the whole case takes.
pub(crate) const ABOUT: Duration = Duration::from_millis(6_000);

pub(crate) const NO_RING: &str = "is the cable between these two ports, does the card's power plug (12 V for ringing) sit, and are the modules where \
                       the ports are (`tandem cards`)?";
pub(crate) const NO_HOOK: &str =
    "the line port does not draw current from the telephone port: look at the cable, and at the modules";

pub(crate) fn run(bench: &mut Bench<'_>, wire: Wire) -> Result<Notes, Trouble> {
    let mut notes = Notes::default();
    let Wire { fxs, fxo } = wire;
    bench.order(LineOrder::Hook { channel: fxo, state: HookState::OnHook });
    bench.idle(REST_MS)?;
    bench.events.clear();

    bench.order(LineOrder::Ring { channel: fxs, cadence: Some(RingCadence::CHINA) });
    let start = bench.time;
    let rings = |event: &CardEvent| *event == CardEvent::Ring { channel: fxo, ringing: true };
    match bench.wait_for(RING_MS, rings)? {
        Some(_) => notes.figure("ringing seen after", since(bench, start)),
        None => notes.wrong(format!("port {fxo} sees no ringing from port {fxs}"), NO_RING),
    }
    hook(bench, wire, HookState::OffHook, &mut notes)?;
    bench.order(LineOrder::Ring { channel: fxs, cadence: None });
    bench.idle(REST_MS)?;

    let (reversed, normal) = (Polarity::Reversed, Polarity::Normal);
    bench.order(LineOrder::Polarity { channel: fxs, polarity: reversed });
    let turned = |event: &CardEvent| matches!(event, CardEvent::Polarity { channel, .. } if *channel == fxo);
    notes.figure("reversal seen", yes(bench.wait_for(SHORT_MS, turned)?.is_some()));
    bench.order(LineOrder::Polarity { channel: fxs, polarity: normal });
    bench.idle(REST_MS)?;

    bench.order(LineOrder::Break { channel: fxs, ms: BREAK_MS });
    let unfed = |event: &CardEvent| *event == CardEvent::Feed { channel: fxo, present: false };
    notes.figure("feed break seen", yes(bench.wait_for(SHORT_MS, unfed)?.is_some()));
    bench.idle(SHORT_MS)?;

    bench.events.clear();
    bench.order(LineOrder::Break { channel: fxo, ms: FLASH_MS });
    let open = |event: &CardEvent| *event == CardEvent::Hook { channel: fxs, state: HookState::OnHook };
    notes.figure("flash seen", yes(bench.wait_for(SHORT_MS, open)?.is_some()));
    bench.idle(SHORT_MS)?;

    hook(bench, wire, HookState::OnHook, &mut notes)?;
    bench.idle(REST_MS)?;
    Ok(notes)
}

fn hook(bench: &mut Bench<'_>, wire: Wire, state: HookState, notes: &mut Notes) -> Result<(), Trouble> {
    let Wire { fxs, fxo } = wire;
    bench.events.clear();
    bench.order(LineOrder::Hook { channel: fxo, state });
    let start = bench.time;
    let seen = |event: &CardEvent| *event == CardEvent::Hook { channel: fxs, state };
    let (figure, word) = match state {
        HookState::OffHook => ("off hook seen after", "lifted"),
        HookState::OnHook => ("on hook seen after", "put down"),
    };
    match bench.wait_for(HOOK_MS, seen)? {
        Some(_) => notes.figure(figure, since(bench, start)),
        None => notes.wrong(format!("port {fxs} does not see that port {fxo} was {word}"), NO_HOOK),
    }
    Ok(())
}

fn since(bench: &Bench<'_>, start: clock::SampleTime) -> String {
    format!("{} ms", bench.time.since(start) / 8)
}

fn yes(seen: bool) -> &'static str {
    if seen { "yes" } else { "no" }
}
