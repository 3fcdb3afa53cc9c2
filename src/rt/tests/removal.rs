//! Keys are not in what recorders get, and speech around them is.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

mod desk;

use desk::{Rig, e1};
use dsp::dtmf::{Generator, GeneratorConfig};
use rt::{EngineConfig, RtOp, Source, Strip, TapBlock, TapPort, Wants};
use tdm::Block;

const KEYS: &str = "159D";

fn rig() -> Rig {
    let config =
        EngineConfig { event_ring: 512, tap_blocks: 4_000, remove_keys: true, ..EngineConfig::default() };
    let mut rig = Rig::with(config, vec![e1(1)]);
    rig.tell(RtOp::Detect { strip: Strip(0), wants: Wants::DTMF }).unwrap();
    rig.bridge(0, 1);
    for strip in [0, 1] {
        rig.tell(RtOp::Tap { port: TapPort(strip), strip: Strip(strip) }).unwrap();
    }
    rig
}

/// Speech of a kind: a sum of sines that no detector takes for anything.
fn speech(ms: usize) -> Block {
    std::array::from_fn(|n| {
        let t = (ms * 8 + n) as f64 / 8_000.0;
        let sine = |hz: f64| (std::f64::consts::TAU * hz * t).sin();
        (2_000.0 * (sine(210.0) + sine(420.0) + 0.5 * sine(630.0))) as i16
    })
}

/// The line of channel 0 speaks, types and speaks; returns what it said. Then the taps are ended.
fn talk(rig: &mut Rig) -> Vec<Block> {
    let mut keys = Generator::new(GeneratorConfig::default());
    assert!(keys.start(KEYS.as_bytes()));
    let mut said = Vec::new();
    for ms in 0..300 {
        said.push(speech(ms));
    }
    while let Some(block) = keys.next_block() {
        said.push(block);
    }
    for ms in 0..300 {
        said.push(speech(ms));
    }
    for block in &said {
        rig.desk.hear_linear(0, *block);
        rig.period();
    }
    for strip in [0, 1] {
        rig.tell(RtOp::Untap { port: TapPort(strip) }).unwrap();
    }
    let law = |block: &Block| g711::decode_chunk(tdm::Law::A, &g711::encode_block(tdm::Law::A, block));
    said.iter().map(law).collect()
}

fn recorded(rig: &mut Rig, tap: usize) -> Vec<TapBlock> {
    std::iter::from_fn(|| rig.handle.taps[tap].pop().ok()).collect()
}

/// Power at a frequency over a window of 20 ms, as a squared amplitude: a receiver that shares nothing with the detectors.
fn goertzel(samples: &[i16], hz: f64) -> f64 {
    let c = 2.0 * (std::f64::consts::TAU * hz / 8_000.0).cos();
    let (mut a, mut b) = (0.0, 0.0);
    for &sample in samples {
        (a, b) = (f64::from(sample) + c * a - b, a);
    }
    (a * a + b * b - c * a * b) * (2.0 / samples.len() as f64).powi(2)
}

/// Returns how many windows of 20 ms hold a row and a column tone that stand 10 dB over speech.
fn windows_with_a_key(samples: &[i16]) -> usize {
    let loudest =
        |window: &[i16], hz: [f64; 4]| hz.map(|hz| goertzel(window, hz)).into_iter().fold(0.0, f64::max);
    samples
        .windows(160)
        .step_by(40)
        .filter(|window| {
            loudest(window, [697.0, 770.0, 852.0, 941.0]) > 1.0e6
                && loudest(window, [1_209.0, 1_336.0, 1_477.0, 1_633.0]) > 1.0e6
        })
        .count()
}

#[test]
fn no_key_is_in_the_recordings_of_either_end_and_speech_is_untouched() {
    let mut rig = rig();
    let said = talk(&mut rig);
    assert!(windows_with_a_key(said.as_flattened()) > 50, "the receiver of this test hears keys");
    let own = recorded(&mut rig, 0);
    let other = recorded(&mut rig, 1);
    for (name, blocks, side) in [
        ("own", &own, own.iter().map(|b| b.rx).collect::<Vec<_>>()),
        ("other", &other, other.iter().map(|b| b.tx).collect()),
    ] {
        assert!(
            blocks.windows(2).all(|pair| pair[1].time == pair[0].time + 8),
            "{name}: no block is missing"
        );
        assert_eq!(windows_with_a_key(side.as_flattened()), 0, "{name}");
        let first = side.iter().position(|block| *block == said[0]).unwrap();
        // Speech to 24 ms before the keys and from 16 ms after them is there, sample by sample.
        let keys = 300..said.len() - 300;
        for (ms, block) in said.iter().enumerate() {
            if ms + 24 < keys.start || ms >= keys.end {
                assert_eq!(side[first + ms], *block, "{name} at {ms} ms");
            }
        }
    }
}

#[test]
fn a_tap_that_ends_gives_out_what_waited_and_the_next_begins_with_its_own() {
    let mut rig = rig();
    rig.periods(10);
    assert_eq!(recorded(&mut rig, 0).len(), 0, "it waits");
    rig.tell(RtOp::Untap { port: TapPort(0) }).unwrap();
    let first = recorded(&mut rig, 0);
    assert!((11..=13).contains(&first.len()), "{}", first.len());
    rig.tell(RtOp::Tap { port: TapPort(0), strip: Strip(0) }).unwrap();
    rig.periods(100);
    let next = recorded(&mut rig, 0);
    assert!(next.len() == 101 - 64 && next[0].time > first[first.len() - 1].time, "{}", next.len());
}

#[test]
fn digits_of_our_own_are_not_in_the_recording() {
    let mut rig = rig();
    rig.desk.hear_linear(0, speech(0));
    rig.send(0, Source::Silence).unwrap();
    rig.tell(RtOp::Dial { strip: Strip(0), digits: rt::Digits::new("42").unwrap() }).unwrap();
    rig.periods(600);
    let sent: Vec<Block> = recorded(&mut rig, 0).iter().map(|block| block.tx).collect();
    assert_eq!(windows_with_a_key(sent.as_flattened()), 0);
}
