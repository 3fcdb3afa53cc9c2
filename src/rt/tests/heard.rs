//! What the engine's detectors make of a line that it listens to by a command: who has answered, beeps, call progress.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use desk::{Rig, e1};
use dsp::amd::{AmdConfig, AmdEvent, Answerer};
use dsp::listen::Heard;
use dsp::tone::{Sine, ToneGenerator, ToneSpec};
use rt::{EngineConfig, RtEventKind, RtOp, Strip, Wants};

const CHANNEL: usize = 2;
const STRIP: Strip = Strip(CHANNEL as u16);

/// Lets the line of [`CHANNEL`] say a tone for some milliseconds; silence if its frequency is 0.
fn say(rig: &mut Rig, hz: f32, ms: usize) {
    let mut generator = ToneGenerator::new();
    generator.start(&ToneSpec::cadence([Sine::new(hz, -12.0), Sine::NONE, Sine::NONE], &[]));
    for _ in 0..ms {
        rig.desk.hear_linear(CHANNEL, generator.next_block());
        rig.period();
    }
}

/// Two tones in turns that change too fast for a beep: words, to a detector that measures lengths.
fn word(rig: &mut Rig, ms: usize) {
    (0..ms / 20).for_each(|n| say(rig, if n % 2 == 0 { 310.0 } else { 470.0 }, 20));
}

fn machine_events(rig: &Rig) -> Vec<AmdEvent> {
    let events = rig.seen.iter().filter_map(|event| match event.kind {
        RtEventKind::Heard { strip: STRIP, heard: Heard::Machine(event) } => Some(event),
        _ => None,
    });
    events.collect()
}

#[test]
fn a_word_is_a_person_and_a_greeting_with_a_beep_is_a_machine() {
    let mut rig = Rig::new(vec![e1(1)]);
    rig.tell(RtOp::Detect { strip: STRIP, wants: Wants::MACHINE }).unwrap();
    say(&mut rig, 0.0, 400);
    word(&mut rig, 500);
    say(&mut rig, 0.0, 1_000);
    assert_eq!(machine_events(&rig), [AmdEvent::Decided(Answerer::Person)]);
    // The next call on the same channel is judged anew.
    rig.seen.clear();
    rig.tell(RtOp::Reset { strip: STRIP }).unwrap();
    rig.tell(RtOp::Detect { strip: STRIP, wants: Wants::MACHINE }).unwrap();
    say(&mut rig, 0.0, 400);
    word(&mut rig, 3_000);
    say(&mut rig, 0.0, 500);
    say(&mut rig, 1_000.0, 400);
    say(&mut rig, 0.0, 300);
    let events = machine_events(&rig);
    assert!(
        matches!(
            events[..],
            [AmdEvent::Decided(Answerer::Machine), AmdEvent::Beep { hz: 990..=1_010, ms: 376..=424 }]
        ),
        "{events:?}"
    );
}

#[test]
fn the_times_by_which_it_is_decided_are_those_of_the_configuration() {
    for (greeting_ms, answerer) in [(900, Answerer::Machine), (2_200, Answerer::Person)] {
        let machine = AmdConfig { greeting_ms, ..AmdConfig::default() };
        let mut rig = Rig::with(EngineConfig { machine, ..EngineConfig::default() }, vec![e1(1)]);
        rig.tell(RtOp::Detect { strip: STRIP, wants: Wants::MACHINE }).unwrap();
        say(&mut rig, 0.0, 400);
        word(&mut rig, 1_400);
        say(&mut rig, 0.0, 1_000);
        assert_eq!(machine_events(&rig), [AmdEvent::Decided(answerer)], "{greeting_ms} ms");
    }
}
