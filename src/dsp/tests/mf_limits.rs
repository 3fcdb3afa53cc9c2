//! The register signal detectors against numbers, after A-law: level, twist, frequency, timing of compelled signalling.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

use clock::Prng;
use dsp::bank::Path;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::mf::{MfEvent, MfGenerator, MfSystem, SIGNALS, tones_of};
use dsp::tone::{Country, plan};
use tdm::{Block, Law};

fn want(system: MfSystem) -> Wants {
    match system {
        MfSystem::R2Forward => Wants::R2_FORWARD,
        MfSystem::R2Backward => Wants::R2_BACKWARD,
        MfSystem::R1 => Wants::R1,
    }
}

/// What is heard of `line`, with the millisecond.
fn hear(system: MfSystem, line: &[f64]) -> Vec<(usize, MfEvent)> {
    let mut listeners = Listeners::new(1, ListenSet::new(plan(Country::Cn)).unwrap(), Path::best());
    listeners.want(0, want(system));
    let mut events = Vec::new();
    for (ms, part) in line.as_chunks::<8>().0.iter().enumerate() {
        let block: Block = part.map(|x| x.round().clamp(-32_768.0, 32_767.0) as i16);
        let block = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &block));
        listeners.push(&[block], &mut |_, heard| {
            if let Heard::Mf(of, event) = heard {
                assert_eq!(of, system);
                events.push((ms, event));
            }
        });
    }
    events
}

#[derive(Clone, Copy)]
struct Sent {
    level_dbm0: f64,
    twist_db: f64,
    offset_hz: f64,
    ms: usize,
    noise_dbm0: f64,
    /// The echo of the other direction of R2.
    echo_dbm0: f64,
}

const SENT: Sent =
    Sent { level_dbm0: -10.0, twist_db: 0.0, offset_hz: 0.0, ms: 60, noise_dbm0: -70.0, echo_dbm0: -90.0 };

/// One signal after `start` samples.
fn line(system: MfSystem, signal: u8, sent: Sent, start: usize, prng: &mut Prng) -> Vec<f64> {
    let (low, high) = tones_of(signal).unwrap();
    let freqs = system.freqs_hz();
    let amplitude = |dbm0: f64| 22_827.0 * 10_f64.powf(dbm0 / 20.0);
    let phase = prng.unit();
    let sine = |hz: f64, n: usize| (std::f64::consts::TAU * (hz * n as f64 / 8_000.0 + phase)).sin();
    (0..start + sent.ms * 8 + 640)
        .map(|n| {
            let noise = amplitude(sent.noise_dbm0) * (prng.unit() + prng.unit() + prng.unit() - 1.5) * 1.41;
            let echo_hz = if system == MfSystem::R2Forward { [780.0, 1_140.0] } else { [1_380.0, 1_740.0] };
            let echo: f64 = echo_hz.iter().map(|&hz| amplitude(sent.echo_dbm0) * sine(hz, n)).sum();
            let mut value = noise + echo;
            if (start..start + sent.ms * 8).contains(&n) {
                value += amplitude(sent.level_dbm0 - sent.twist_db.max(0.0))
                    * sine(f64::from(freqs[low]) + sent.offset_hz, n);
                value += amplitude(sent.level_dbm0 + sent.twist_db.min(0.0))
                    * sine(f64::from(freqs[high]) - sent.offset_hz, n);
            }
            value
        })
        .collect()
}

/// Returns the largest delays in ms to the recognition of begin and end if every signal is heard once at every start.
fn all(system: MfSystem, sent: Sent) -> Option<(usize, usize)> {
    let mut prng = Prng::new(3);
    let (mut on_ms, mut off_ms) = (0, 0);
    for signal in 1..=SIGNALS {
        for offset in 0..16 {
            let start = 200 + offset * 4;
            let heard = hear(system, &line(system, signal, sent, start, &mut prng));
            let [(on, MfEvent::On { signal: a }), (off, MfEvent::Off { signal: b, .. })] = heard[..] else {
                return None;
            };
            if (a, b) != (signal, signal) {
                return None;
            }
            on_ms = on_ms.max(on + 1 - start / 8);
            off_ms = off_ms.max(off + 1 - (start / 8 + sent.ms));
        }
    }
    Some((on_ms, off_ms))
}

fn assert_all(what: &str, sent: Sent) {
    for system in MfSystem::ALL {
        assert!(all(system, sent).is_some(), "{what}: {system:?}");
    }
}

/// Asserts that no signal is heard at any start.
fn assert_none(what: &str, sent: Sent) {
    let mut prng = Prng::new(4);
    for system in MfSystem::ALL {
        for signal in 1..=SIGNALS {
            for offset in 0..8 {
                let line = line(system, signal, sent, 200 + offset * 8, &mut prng);
                assert_eq!(hear(system, &line), [], "{what}: {system:?} {signal}");
            }
        }
    }
}

#[test]
fn every_signal_is_heard_from_minus_3_to_minus_35_dbm0_and_not_at_minus_45() {
    for level_dbm0 in [-3.0, -5.0, -20.0, -31.5, -35.0] {
        assert_all(&format!("{level_dbm0} dBm0"), Sent { level_dbm0, ..SENT });
    }
    assert_none("-45 dBm0", Sent { level_dbm0: -45.0, ..SENT });
}

#[test]
fn seven_decibels_of_twist_pass_at_10_hertz_off_and_12_decibels_fail() {
    for twist_db in [-7.0, 7.0] {
        for offset_hz in [-10.0, 0.0, 10.0] {
            assert_all("7 dB", Sent { twist_db, offset_hz, level_dbm0: -15.0, ..SENT });
        }
        assert_none("12 dB", Sent { twist_db: twist_db * 12.0 / 7.0, ..SENT });
    }
}

#[test]
fn frequencies_off_by_what_other_receivers_take_pass_and_a_sine_between_two_tones_fails() {
    let edges = [(MfSystem::R2Forward, 26.0), (MfSystem::R2Backward, 30.0), (MfSystem::R1, 38.0)];
    for (system, hz) in edges {
        for offset_hz in [-hz, hz] {
            assert!(all(system, Sent { offset_hz, ..SENT }).is_some(), "{system:?}: {offset_hz} Hz");
        }
    }
    for system in MfSystem::ALL {
        for pair in system.freqs_hz().windows(2) {
            let hz = f64::from(pair[0] + pair[1]) / 2.0;
            let sine = |n: usize| 8_000.0 * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
            let line: Vec<f64> = (0..8_000).map(sine).collect();
            assert_eq!(hear(system, &line), [], "{system:?}: {hz} Hz");
        }
    }
}

#[test]
fn a_compelled_cycle_is_quick_both_ends_of_a_signal_within_64_ms() {
    for system in MfSystem::ALL {
        for level_dbm0 in [-5.0, -35.0] {
            let (on_ms, off_ms) = all(system, Sent { level_dbm0, ..SENT }).expect("heard");
            assert!(on_ms <= 34 && off_ms <= 30, "{system:?} at {level_dbm0}: {on_ms} and {off_ms} ms");
        }
    }
}

#[test]
fn the_echo_of_the_other_direction_does_not_disturb_r2() {
    for system in [MfSystem::R2Forward, MfSystem::R2Backward] {
        let sent = Sent { level_dbm0: -25.0, echo_dbm0: -12.0, ..SENT };
        assert!(all(system, sent).is_some(), "{system:?}");
    }
}

#[test]
fn a_third_tone_of_equal_level_noise_and_short_signals_are_no_signals() {
    assert_none("6 ms", Sent { ms: 6, ..SENT });
    let mut prng = Prng::new(8);
    let noise: Vec<f64> = (0..20 * 8_000).map(|_| 8_000.0 * (prng.unit() - 0.5)).collect();
    for system in MfSystem::ALL {
        assert_eq!(hear(system, &noise), [], "{system:?} in noise");
        let freqs = system.freqs_hz().map(f64::from);
        let sine = |hz: f64, n: usize| (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
        let three: Vec<f64> =
            (0..8_000).map(|n| freqs[1..4].iter().map(|&hz| 4_000.0 * sine(hz, n)).sum()).collect();
        assert_eq!(hear(system, &three), [], "{system:?} with three tones");
        let one: Vec<f64> = (0..8_000).map(|n| 8_000.0 * sine(freqs[2], n)).collect();
        assert_eq!(hear(system, &one), [], "{system:?} with one tone");
    }
}

#[test]
fn noise_12_db_below_a_signal_costs_nothing() {
    assert_all("12 dB over noise", Sent { noise_dbm0: -22.0, ..SENT });
}

#[test]
fn signals_of_68_ms_with_68_ms_between_are_heard_in_order_with_their_lengths() {
    for system in MfSystem::ALL {
        let mut generator = MfGenerator::new(system, -7.0);
        let mut line = Vec::new();
        for signal in 1..=SIGNALS {
            generator.start(signal, Some(68));
            line.extend((0..136).flat_map(|_| generator.next_block()).map(f64::from));
        }
        let heard = hear(system, &line);
        let signals: Vec<u8> = heard
            .iter()
            .filter_map(|&(_, event)| if let MfEvent::On { signal } = event { Some(signal) } else { None })
            .collect();
        assert_eq!(signals, (1..=SIGNALS).collect::<Vec<_>>());
        for (_, event) in heard {
            if let MfEvent::Off { signal, ms } = event {
                assert!(ms.abs_diff(68) <= 9, "{system:?} {signal}: told {ms} ms");
            }
        }
    }
}
