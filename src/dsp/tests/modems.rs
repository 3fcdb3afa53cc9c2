//! Modem-like sounds against numbers: FSK both ways, machines' tones, the fax preamble.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

use clock::Prng;
use dsp::bank::Path;
use dsp::fsk::{BELL_202, FskEvent, FskSpec, Modulator, V21_CHANNEL_2, V23, V23_BACKWARD};
use dsp::listen::{CallerIdModem, FskChannel, Heard, ListenSet, Listeners, Wants};
use dsp::signal::{SignalEvent, SignalKind};
use dsp::tone::{Country, plan};
use tdm::{Block, Law};

fn hear(wants: Wants, modem: CallerIdModem, line: &[i16]) -> Vec<(usize, Heard)> {
    let mut set = ListenSet::new(plan(Country::Cn)).unwrap();
    set.caller_id = modem;
    let mut listeners = Listeners::new(1, set, Path::best());
    listeners.want(0, wants);
    let mut events = Vec::new();
    for (ms, block) in line.as_chunks::<8>().0.iter().enumerate() {
        let block: Block = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, block));
        listeners.push(&[block], &mut |_, heard| events.push((ms, heard)));
    }
    events
}

/// Octets after 100 ones, with silence before and after, a twist between both frequencies, another speed, noise.
fn sent(spec: FskSpec, octets: &[u8], level: f32, speed: f32, noise: i32, start: usize) -> Vec<i16> {
    let mut modulator = Modulator::new(FskSpec { bit_rate: spec.bit_rate * speed, ..spec }, level);
    let mut prng = Prng::new(17);
    let mut bits: Vec<bool> = vec![true; 100];
    for &octet in octets {
        bits.push(false);
        bits.extend((0..8).map(|n| octet >> n & 1 == 1));
        bits.push(true);
    }
    bits.extend([true; 4]);
    let mut line = vec![0; start];
    let mut bits = bits.into_iter().peekable();
    while bits.peek().is_some() || !modulator.is_idle() {
        while modulator.room() > 0
            && let Some(bit) = bits.next()
        {
            modulator.push_bit(bit);
        }
        line.extend(modulator.next_block());
    }
    line.extend([0; 800]);
    if noise > 0 {
        let mut random = || prng.below(2 * noise as u64) as i32 - noise;
        line.iter_mut().for_each(|x| *x = (i32::from(*x) + random()).clamp(-32_768, 32_767) as i16);
    }
    line
}

fn octets(heard: &[(usize, Heard)], of: FskChannel) -> Vec<u8> {
    heard
        .iter()
        .filter_map(|&(_, heard)| match heard {
            Heard::Fsk(channel, FskEvent::Octet(octet)) if channel == of => Some(octet),
            _ => None,
        })
        .collect()
}

const MESSAGE: &[u8] = b"\x80\x12The quick brown fox jumps over 0123456789 \x00\xff\x55\xaa";

#[test]
fn caller_identity_is_read_from_minus_5_to_minus_40_dbm0_at_any_start_and_at_1_percent_of_speed() {
    for (spec, modem) in [(BELL_202, CallerIdModem::Bell202), (V23, CallerIdModem::V23)] {
        for (level, speed, noise) in [
            (-5.0, 1.0, 0),
            (-13.0, 1.01, 0),
            (-13.0, 0.99, 0),
            (-25.0, 1.0, 0),
            (-40.0, 1.0, 0),
            (-13.0, 1.0, 1_200),
        ] {
            for start in [800, 803, 806, 809] {
                let heard = hear(Wants::CALLER_ID, modem, &sent(spec, MESSAGE, level, speed, noise, start));
                let read = octets(&heard, FskChannel::CallerId);
                // Noise before and after may leave an octet or two.
                assert!(
                    if noise == 0 {
                        read == MESSAGE
                    } else {
                        read.windows(MESSAGE.len()).any(|part| part == MESSAGE)
                    },
                    "{read:?} {modem:?} {level} dBm0, speed {speed}, noise {noise}, start {start}"
                );
                assert_eq!(heard.first().unwrap().1, Heard::Fsk(FskChannel::CallerId, FskEvent::Carrier));
                assert_eq!(heard.last().unwrap().1, Heard::Fsk(FskChannel::CallerId, FskEvent::Gone));
            }
        }
    }
}

#[test]
fn caller_identity_is_read_with_frequencies_off_by_7_percent_or_a_speed_off_by_4() {
    for (frequency, speed) in [(0.93, 1.0), (1.07, 1.0), (1.0, 0.96), (1.0, 1.04)] {
        let spec = FskSpec {
            mark_hz: BELL_202.mark_hz * frequency,
            space_hz: BELL_202.space_hz * frequency,
            ..BELL_202
        };
        let mut prng = Prng::new(5);
        for start in 800..816 {
            let message: Vec<u8> = (0..30).map(|_| prng.below(256) as u8).collect();
            let heard =
                hear(Wants::CALLER_ID, CallerIdModem::Bell202, &sent(spec, &message, -14.0, speed, 0, start));
            let read = octets(&heard, FskChannel::CallerId);
            assert_eq!(read, message, "frequency {frequency}, speed {speed}, start {start}");
        }
    }
}

#[test]
fn the_backward_channel_of_v23_is_read() {
    for start in [800, 804, 811, 815] {
        let heard = hear(
            Wants::V23_BACKWARD,
            CallerIdModem::V23,
            &sent(V23_BACKWARD, b"Tandem 75", -13.0, 1.0, 0, start),
        );
        assert_eq!(octets(&heard, FskChannel::Backward), b"Tandem 75", "{start}");
    }
}

#[test]
fn flags_of_a_fax_are_recognised_and_other_bits_are_not() {
    let line = |bits: &mut dyn Iterator<Item = bool>| {
        let mut modulator = Modulator::new(V21_CHANNEL_2, -13.0);
        let mut line = vec![0; 805];
        let mut bits = bits.peekable();
        while bits.peek().is_some() || !modulator.is_idle() {
            while modulator.room() > 0
                && let Some(bit) = bits.next()
            {
                modulator.push_bit(bit);
            }
            line.extend(modulator.next_block());
        }
        line.extend([0; 400]);
        line
    };
    let flags = line(&mut (0..37 * 8).map(|n| !matches!(n % 8, 0 | 7)));
    let heard = hear(Wants::FAX_PREAMBLE, CallerIdModem::V23, &flags);
    let at = heard.iter().position(|&(_, heard)| heard == Heard::Fsk(FskChannel::Fax, FskEvent::Flags));
    assert!(at.is_some_and(|at| heard[at].0 < 350), "{heard:?}");
    let mut prng = Prng::new(2);
    let random = line(&mut (0..900).map(|_| prng.below(2) == 1));
    let heard = hear(Wants::FAX_PREAMBLE, CallerIdModem::V23, &random);
    assert!(!heard.iter().any(|&(_, heard)| heard == Heard::Fsk(FskChannel::Fax, FskEvent::Flags)));
}

/// A tone from 100 ms on for `ms`, turned in phase every `reversal_ms` if that is not 0.
fn tone(hz: f64, level_dbm0: f64, ms: usize, reversal_ms: usize) -> Vec<i16> {
    (0..(200 + ms) * 8)
        .map(|n| {
            if !(800..800 + ms * 8).contains(&n) {
                return 0;
            }
            let k = n - 800;
            let half = if reversal_ms > 0 && (k / (reversal_ms * 8)) % 2 == 1 { 0.5 } else { 0.0 };
            let turns = hz * k as f64 / 8_000.0 + half;
            (22_827.0 * 10_f64.powf(level_dbm0 / 20.0) * (std::f64::consts::TAU * turns).sin()) as i16
        })
        .collect()
}

fn signals(line: &[i16]) -> Vec<SignalEvent> {
    hear(Wants::SIGNALS, CallerIdModem::V23, line)
        .iter()
        .filter_map(|&(_, heard)| if let Heard::Signal(event) = heard { Some(event) } else { None })
        .collect()
}

fn once(kind: SignalKind) -> [SignalEvent; 2] {
    [SignalEvent::Began(kind), SignalEvent::Ended(kind)]
}

#[test]
fn answer_and_calling_tones_are_recognised_at_the_edges_of_their_tolerance() {
    for level in [-6.0, -20.0, -40.0] {
        for hz in [1_062.0, 1_100.0, 1_138.0] {
            assert_eq!(signals(&tone(hz, level, 425, 0)), once(SignalKind::FaxCalling), "{hz} {level}");
        }
        for hz in [2_058.0, 2_085.0, 2_100.0, 2_115.0, 2_142.0] {
            assert_eq!(signals(&tone(hz, level, 2_600, 0)), once(SignalKind::Answer), "{hz} {level}");
        }
        assert_eq!(signals(&tone(2_225.0, level, 2_600, 0)), once(SignalKind::BellAnswer));
        assert_eq!(signals(&tone(1_300.0, level, 500, 0)), once(SignalKind::ModemCalling));
    }
    for (hz, ms) in [
        (1_100.0, 200),
        (2_100.0, 150),
        (1_000.0, 600),
        (1_200.0, 600),
        (2_000.0, 3_000),
        (2_045.0, 3_000),
        (2_155.0, 3_000),
    ] {
        assert_eq!(signals(&tone(hz, -10.0, ms, 0)), [], "{hz} Hz for {ms} ms");
    }
}

#[test]
fn phase_reversals_of_the_answer_tone_are_recognised_from_425_to_475_ms_only() {
    for hz in [2_058.0, 2_085.0, 2_100.0, 2_115.0, 2_142.0] {
        for ms in [425, 437, 450, 463, 475] {
            let heard = signals(&tone(hz, -12.0, 3_300, ms));
            assert!(
                heard.contains(&SignalEvent::Began(SignalKind::AnswerReversed)),
                "{hz} Hz, {ms} ms: {heard:?}"
            );
            assert_eq!(heard.last(), Some(&SignalEvent::Ended(SignalKind::AnswerReversed)));
        }
        for ms in [0, 300, 600] {
            let heard = signals(&tone(hz, -12.0, 3_300, ms));
            assert!(!heard.contains(&SignalEvent::Began(SignalKind::AnswerReversed)), "{hz} Hz, {ms} ms");
        }
    }
}

#[test]
fn the_alert_of_off_hook_caller_identity_is_recognised_by_its_length() {
    let alert = |ms: usize, offset: f64| -> Vec<i16> {
        let (a, b) = (tone(2_130.0 * offset, -20.0, ms, 0), tone(2_750.0 * offset, -20.0, ms, 0));
        a.iter().zip(&b).map(|(a, b)| a + b).collect()
    };
    for ms in [75, 80, 85, 100, 110] {
        for offset in [0.995, 1.0, 1.005] {
            let heard = signals(&alert(ms, offset));
            assert_eq!(heard, [SignalEvent::Began(SignalKind::Alert)], "{ms} ms");
        }
    }
    for ms in [30, 300] {
        assert_eq!(signals(&alert(ms, 1.0)), [], "{ms} ms");
    }
}

#[test]
fn noise_and_squares_are_no_machine() {
    let mut prng = Prng::new(3);
    let noise: Vec<i16> = (0..160_000).map(|_| (prng.next_u64() >> 50) as i16 - 8_192).collect();
    let square: Vec<i16> = (0..16_000).map(|n| if n / 4 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    assert_eq!(signals(&noise), []);
    assert_eq!(signals(&square), []);
    let wants = Wants::CALLER_ID | Wants::FAX_PREAMBLE | Wants::V23_BACKWARD;
    for line in [noise, square, vec![-9_000; 16_000]] {
        let heard = hear(wants, CallerIdModem::Bell202, &line);
        assert!(octets(&heard, FskChannel::CallerId).is_empty(), "{heard:?}");
    }
}

#[test]
fn beeps_are_told_with_frequency_and_length_and_chords_noise_and_long_tones_are_none() {
    use dsp::amd::AmdEvent;
    let beeps = |line: &[i16]| -> Vec<(u16, u16)> {
        hear(Wants::MACHINE, CallerIdModem::V23, line)
            .iter()
            .filter_map(|&(_, heard)| match heard {
                Heard::Machine(AmdEvent::Beep { hz, ms }) => Some((hz, ms)),
                _ => None,
            })
            .collect()
    };
    for hz in [440.0, 800.0, 1_000.0, 1_400.0, 2_000.0] {
        for ms in [120, 300, 1_000] {
            for level in [-8.0, -25.0] {
                let heard = beeps(&tone(hz, level, ms, 0));
                let [(found_hz, found_ms)] = heard[..] else { panic!("{hz} Hz {ms} ms {level}: {heard:?}") };
                assert!((f64::from(found_hz) - hz).abs() < 0.02 * hz, "{found_hz} for {hz}");
                assert!(usize::from(found_ms).abs_diff(ms) <= 20, "{found_ms} for {ms}");
            }
        }
    }
    let chord: Vec<i16> =
        tone(700.0, -15.0, 300, 0).iter().zip(tone(1_200.0, -15.0, 300, 0)).map(|(a, b)| a + b).collect();
    assert_eq!(beeps(&chord), []);
    assert_eq!(beeps(&tone(1_000.0, -10.0, 3_000, 0)), []);
    let mut prng = Prng::new(3);
    let noise: Vec<i16> = (0..80_000).map(|_| (prng.next_u64() >> 50) as i16 - 8_192).collect();
    assert_eq!(beeps(&noise), []);
}
