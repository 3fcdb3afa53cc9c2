//! The DTMF detector against numbers: what must pass, what must fail, and where the edge lies.
//!
//! Signals are made in 64 bits, coded in A-law as on the line, and begin at every sample offset that matters. The
//! limits are those of ITU-T Q.24 table A-1 and of the customary receiver tests (guard time, twist, noise).

#![expect(clippy::disallowed_methods, clippy::disallowed_macros, reason = "tests may allocate")]

use clock::Prng;
use dsp::dtmf::{COLUMNS_HZ, DtmfDetector, DtmfEvent, Generator, GeneratorConfig, KEYS, ROWS_HZ};
use tdm::{CHUNK, Law};

const ALL: [u8; 16] = *b"123A456B789C*0#D";

/// A digit as the far end sends it.
#[derive(Clone, Copy, Debug)]
struct Press {
    digit: u8,
    row_dbm0: f64,
    column_dbm0: f64,
    row_offset: f64,
    column_offset: f64,
    ms: f64,
    pause_ms: f64,
}

impl Press {
    fn new(digit: u8) -> Press {
        Press {
            digit,
            row_dbm0: -10.0,
            column_dbm0: -10.0,
            row_offset: 0.0,
            column_offset: 0.0,
            ms: 50.0,
            pause_ms: 50.0,
        }
    }

    fn level(self, dbm0: f64) -> Press {
        Press { row_dbm0: dbm0, column_dbm0: dbm0, ..self }
    }
}

/// Adds to `line` the sines of a press, starting `start` samples in.
fn press_into(line: &mut Vec<f64>, press: Press, phase: f64) {
    let (row, column) = dsp::dtmf::key_position(press.digit).expect("a key");
    let row_hz = f64::from(ROWS_HZ[row]) * (1.0 + press.row_offset);
    let column_hz = f64::from(COLUMNS_HZ[column]) * (1.0 + press.column_offset);
    let amplitude = |dbm0: f64| 22_827.0 * 10_f64.powf(dbm0 / 20.0);
    let sine = |hz: f64, n: usize, at: f64| (std::f64::consts::TAU * (hz * n as f64 / 8_000.0 + at)).sin();
    for n in 0..(press.ms * 8.0).round() as usize {
        let row = amplitude(press.row_dbm0) * sine(row_hz, n, phase);
        line.push(row + amplitude(press.column_dbm0) * sine(column_hz, n, 0.7 * phase));
    }
    line.extend(std::iter::repeat_n(0.0, (press.pause_ms * 8.0).round() as usize));
}

/// What a detector says of `line` after A-law.
fn hear(line: &[f64]) -> Vec<DtmfEvent> {
    let mut detector = DtmfDetector::new(0);
    let mut events = Vec::new();
    for part in line.chunks_exact(CHUNK) {
        let block = std::array::from_fn(|n| {
            let sample = part[n].round().clamp(-32_768.0, 32_767.0) as i16;
            g711::decode(Law::A, g711::encode(Law::A, sample))
        });
        events.extend(detector.push(&block));
    }
    events
}

fn digits(events: &[DtmfEvent]) -> Vec<u8> {
    events
        .iter()
        .filter_map(|event| if let DtmfEvent::Down { digit } = event { Some(*digit) } else { None })
        .collect()
}

/// Presses each digit after each of 16 gaps (half a millisecond apart, odd samples) and returns how many of the
/// presses were heard exactly once and rightly, of how many.
fn score(presses: &[Press], noise_dbm0: Option<f64>) -> (usize, usize) {
    let mut prng = Prng::new(24);
    let mut right = 0;
    for (turn, press) in presses.iter().enumerate() {
        for gap in 0..16 {
            let mut line = vec![0.0; 160 + gap * 4 + turn % 4];
            press_into(&mut line, *press, 0.061 * (gap + turn) as f64);
            line.extend([0.0; 320]);
            if let Some(noise_dbm0) = noise_dbm0 {
                let deviation = 22_827.0 / 2_f64.sqrt() * 10_f64.powf(noise_dbm0 / 20.0);
                line.iter_mut().for_each(|sample| *sample += deviation * gauss(&mut prng));
            }
            right += usize::from(digits(&hear(&line)) == [press.digit]);
        }
    }
    (right, presses.len() * 16)
}

fn gauss(prng: &mut Prng) -> f64 {
    let radius = (-2.0 * (1.0 - prng.unit()).ln()).sqrt();
    radius * (std::f64::consts::TAU * prng.unit()).cos()
}

fn each(change: impl Fn(Press) -> Press) -> Vec<Press> {
    ALL.iter().map(|&digit| change(Press::new(digit))).collect()
}

fn assert_all(what: &str, presses: &[Press]) {
    let (right, of) = score(presses, None);
    assert_eq!(right, of, "{what}: all must be heard");
}

fn assert_none(what: &str, presses: &[Press]) {
    let (right, of) = score(presses, None);
    assert_eq!(right, 0, "{what}: of {of} none must be heard");
}

#[test]
fn every_digit_is_heard_from_0_to_minus_42_dbm0_and_not_below_minus_45() {
    for level in [0.0, -3.0, -10.0, -20.0, -30.0, -36.0, -40.0, -41.5] {
        assert_all(&format!("{level} dBm0 a tone"), &each(|press| press.level(level)));
    }
    for level in [-45.0, -50.0, -60.0] {
        assert_none(&format!("{level} dBm0 a tone"), &each(|press| press.level(level)));
    }
}

#[test]
fn twist_passes_to_8_and_4_db_and_fails_from_9_and_5() {
    for level in [-6.0, -12.0, -24.0] {
        let twist = |db: f64| each(|press| Press { column_dbm0: level - db, ..press.level(level) });
        let reverse = |db: f64| each(|press| Press { row_dbm0: level - db, ..press.level(level) });
        assert_all(&format!("row 8 dB over column at {level}"), &twist(8.0));
        assert_all(&format!("column 4 dB over row at {level}"), &reverse(4.0));
        assert_none(&format!("row 9.2 dB over column at {level}"), &twist(9.2));
        assert_none(&format!("column 5.2 dB over row at {level}"), &reverse(5.2));
    }
}

#[test]
fn a_tone_off_by_1_5_percent_and_2_hertz_passes_and_one_off_by_3_5_percent_fails() {
    for sign in [-1.0, 1.0] {
        for other in [-1.0, 0.0, 1.0] {
            let within = |hz: f32| 0.015 + 2.0 / f64::from(hz);
            let pass = each(|press| {
                let (row, column) = dsp::dtmf::key_position(press.digit).unwrap();
                Press {
                    row_offset: sign * within(ROWS_HZ[row]),
                    column_offset: other * within(COLUMNS_HZ[column]),
                    ..press
                }
            });
            assert_all(&format!("1.5 % + 2 Hz, {sign} {other}"), &pass);
        }
        assert_none("row off by 3.5 %", &each(|press| Press { row_offset: sign * 0.035, ..press }));
        assert_none("column off by 3.5 %", &each(|press| Press { column_offset: sign * 0.035, ..press }));
    }
}

#[test]
fn offset_twist_and_level_pass_together_at_their_edges() {
    for sign in [-1.0, 1.0] {
        let edge = |twist_db: f64| {
            each(|press| Press {
                row_offset: sign * 0.015,
                column_offset: -sign * 0.015,
                row_dbm0: -30.0 + twist_db.min(0.0),
                column_dbm0: -30.0 - twist_db.max(0.0),
                ..press
            })
        };
        assert_all("8 dB twist and 1.5 %", &edge(8.0));
        assert_all("4 dB reverse twist and 1.5 %", &edge(-4.0));
    }
}

#[test]
fn a_tone_of_40_ms_passes_at_every_offset_and_one_of_20_ms_fails() {
    for ms in [40.0, 36.0, 65.0, 500.0] {
        assert_all(&format!("{ms} ms"), &each(|press| Press { ms, ..press }));
    }
    for ms in [20.0, 15.0, 5.0] {
        assert_none(&format!("{ms} ms"), &each(|press| Press { ms, ..press }));
    }
}

#[test]
fn a_pause_of_40_ms_parts_digits_and_a_break_of_10_ms_does_not() {
    for digit in ALL {
        for gap in 0..16 {
            let twice = |pause_ms: f64, ms: f64| {
                let mut line = vec![0.0; 100 + gap * 4];
                press_into(&mut line, Press { pause_ms, ms, ..Press::new(digit) }, 0.3);
                press_into(&mut line, Press { ms, ..Press::new(digit) }, 0.9);
                line.extend([0.0; 320]);
                digits(&hear(&line))
            };
            assert_eq!(twice(40.0, 40.0), [digit, digit], "gap {gap}");
            assert_eq!(twice(10.0, 60.0), [digit], "gap {gap}");
        }
    }
}

#[test]
fn every_digit_after_every_other_is_told_down_and_up_in_order_with_its_length() {
    for first in ALL {
        for second in ALL {
            for (pause_ms, ms) in [(60.0, 70.0), (0.0, 80.0)] {
                let mut line = vec![0.0; 200];
                press_into(&mut line, Press { ms, pause_ms, ..Press::new(first) }, 0.2);
                press_into(&mut line, Press { ms, ..Press::new(second) }, 0.5);
                line.extend([0.0; 400]);
                let events = hear(&line);
                if pause_ms == 0.0 && first == second {
                    assert_eq!(digits(&events), [first]);
                    continue;
                }
                let [
                    DtmfEvent::Down { digit: a },
                    DtmfEvent::Up { digit: b, ms: long },
                    DtmfEvent::Down { digit: c },
                    DtmfEvent::Up { digit: d, ms: long_too },
                ] = events[..]
                else {
                    panic!("{} {}: {events:?}", first as char, second as char)
                };
                assert_eq!([a, b, c, d], [first, first, second, second]);
                for told in [long, long_too] {
                    assert!((f64::from(told) - ms).abs() <= 8.0, "told {told} of {ms} ms, pause {pause_ms}");
                }
            }
        }
    }
}

#[test]
fn white_noise_9_db_below_costs_under_2_in_100_and_15_db_below_none() {
    let presses = each(|press| press.level(-13.0)); // both tones together: -10 dBm0
    let (right, of) = score(&presses, Some(-10.0 - 15.0));
    assert_eq!(right, of, "at 15 dB");
    let (right, of) = score(&presses, Some(-10.0 - 9.0));
    assert!(right * 100 >= of * 98, "at 9 dB: {right} of {of}");
}

#[test]
fn dial_tone_9_db_below_each_tone_is_no_obstacle() {
    for freqs in [[450.0, 0.0], [425.0, 0.0], [350.0, 440.0]] {
        for digit in ALL {
            for gap in 0..16 {
                let mut line = vec![0.0; 160 + gap * 4];
                press_into(&mut line, Press::new(digit).level(-10.0), 0.4);
                line.extend([0.0; 320]);
                for (n, sample) in line.iter_mut().enumerate() {
                    for hz in freqs {
                        *sample += 22_827.0
                            * 10_f64.powf(-19.0 / 20.0)
                            * (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
                    }
                }
                assert_eq!(digits(&hear(&line)), [digit], "{freqs:?}");
            }
        }
    }
}

#[test]
fn noise_single_tones_progress_tones_and_sweeps_are_no_digits() {
    let mut prng = Prng::new(5);
    let noise: Vec<f64> = (0..60 * 8_000).map(|_| 3_000.0 * gauss(&mut prng)).collect();
    assert_eq!(hear(&noise), []);
    let sine = |hz: f64, n: usize| (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
    for hz in (200..3_400).step_by(7) {
        let tone: Vec<f64> = (0..2_000).map(|n| 8_000.0 * sine(f64::from(hz), n)).collect();
        assert_eq!(hear(&tone), [], "{hz} Hz");
    }
    for pair in
        [[350.0, 440.0], [440.0, 480.0], [480.0, 620.0], [400.0, 450.0], [700.0, 900.0], [1_300.0, 1_500.0]]
    {
        let tone: Vec<f64> = (0..8_000).map(|n| 5_000.0 * (sine(pair[0], n) + sine(pair[1], n))).collect();
        assert_eq!(hear(&tone), [], "{pair:?}");
    }
    // Two tones sweeping through rows and columns at 2.5 kHz a second: never steady on a pair for 32 ms.
    let sweep: Vec<f64> = (0..80_000)
        .map(|n| {
            let t = n as f64 / 8_000.0 % 0.4;
            let glide = |start_hz: f64| (std::f64::consts::TAU * (start_hz * t + 1_250.0 * t * t)).sin();
            5_000.0 * (glide(500.0) + glide(1_000.0))
        })
        .collect();
    assert_eq!(hear(&sweep), []);
}

#[test]
fn ten_minutes_of_speech_like_sound_hold_no_digit() {
    // Voiced sound: a pitch that glides, its harmonics shaped by formants that pass through the digit frequencies.
    let mut prng = Prng::new(77);
    let mut line = Vec::new();
    for _ in 0..2_400 {
        let (pitch, glide) = (80.0 + 220.0 * prng.unit(), 60.0 * (prng.unit() - 0.5));
        let formants =
            [250.0 + 750.0 * prng.unit(), 900.0 + 1_100.0 * prng.unit(), 2_200.0 + 900.0 * prng.unit()];
        let widths = [60.0, 90.0, 150.0];
        let gains: Vec<f64> = (1..40)
            .map(|harmonic| {
                let hz = pitch * f64::from(harmonic);
                formants
                    .iter()
                    .zip(widths)
                    .map(|(&formant, width)| 1.0 / (1.0 + ((hz - formant) / width).powi(2)))
                    .sum::<f64>()
                    * f64::from(u8::from(hz < 3_600.0))
            })
            .collect();
        let loud = 1_000.0 + 7_000.0 * prng.unit();
        for n in 0..2_000 {
            let t = f64::from(n) / 8_000.0;
            let turns = pitch * t + glide * t * t;
            let sound: f64 = gains
                .iter()
                .zip(1..)
                .filter(|(gain, _)| **gain > 0.01)
                .map(|(gain, harmonic)| gain * (std::f64::consts::TAU * turns * f64::from(harmonic)).sin())
                .sum();
            line.push(loud * sound);
        }
    }
    assert_eq!(digits(&hear(&line)), []);
}

#[test]
fn the_generator_is_heard_by_the_detector_at_40_ms_on_and_40_ms_off() {
    let config = GeneratorConfig { on_ms: 40, off_ms: 40, ..GeneratorConfig::default() };
    for stagger in 0..8 {
        let mut generator = Generator::new(config);
        let mut detector = DtmfDetector::new(stagger);
        assert!(generator.start(&ALL));
        let mut events = Vec::new();
        while let Some(block) = generator.next_block() {
            events.extend(detector.push(&block));
        }
        assert_eq!(digits(&events), ALL);
    }
    assert_eq!(KEYS.concat(), ALL);
}

#[test]
fn a_slip_in_the_middle_of_a_digit_leaves_one_digit_that_ends() {
    for digit in ALL {
        let mut whole = vec![0.0; 800];
        press_into(&mut whole, Press { ms: 100.0, pause_ms: 150.0, ..Press::new(digit) }, 0.3);
        // A frame, a millisecond, a lost buffer of 4 ms; lost or sent twice, at any time of the digit.
        for samples in [1, 8, 32] {
            for at in (800..1_600).step_by(24) {
                let mut lost = whole.clone();
                lost.drain(at..at + samples);
                let mut twice = whole.clone();
                twice.splice(at..at, whole[at - samples..at].to_vec());
                for (how, line) in [("lost", lost), ("twice", twice)] {
                    let events = hear(&line);
                    assert!(
                        matches!(events[..], [DtmfEvent::Down { digit: a }, DtmfEvent::Up { digit: b, .. }]
                            if a == digit && b == digit),
                        "{} with {samples} samples {how} at {at}: {events:?}",
                        digit as char
                    );
                }
            }
        }
    }
}

#[test]
fn a_digit_on_a_line_that_slips_all_the_time_or_goes_dead_never_sticks() {
    for every_samples in [24, 40, 80, 160, 400] {
        let mut line = vec![0.0; 800];
        press_into(&mut line, Press { ms: 600.0, pause_ms: 0.0, ..Press::new(b'8') }, 0.1);
        let slipping = |n: usize| !n.is_multiple_of(every_samples);
        let mut slipped: Vec<f64> =
            line.iter().enumerate().filter(|(n, _)| slipping(*n)).map(|(_, &value)| value).collect();
        slipped.extend([0.0; 800]);
        let events = hear(&slipped);
        let (downs, ups) = (digits(&events).len(), events.len() - digits(&events).len());
        assert_eq!(downs, ups, "a slip every {every_samples} samples: {events:?}");
        assert!(!matches!(events.last(), Some(DtmfEvent::Down { .. })), "{events:?}");
    }
}
