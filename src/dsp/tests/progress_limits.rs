//! Call progress tones: every tone of every plan is recognised as itself, also off its frequency, off its cadence, in
//! noise and at low levels, and what is no tone is not.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

use clock::Prng;
use dsp::bank::Path;
use dsp::listen::{Heard, ListenSet, Listeners, Wants};
use dsp::progress::{ProgressEvent, ProgressKind};
use dsp::tone::{Country, Segment, Sine, ToneGenerator, TonePlan, ToneSpec, plan};
use tdm::{Block, Law, SILENCE};

/// What is heard of blocks, with the millisecond.
fn hear(country: &TonePlan, line: impl Iterator<Item = Block>) -> Vec<(usize, ProgressEvent)> {
    hear_with(country, &[], line)
}

/// The same with tones of one's own.
fn hear_with(
    country: &TonePlan,
    own: &[(ProgressKind, ToneSpec)],
    line: impl Iterator<Item = Block>,
) -> Vec<(usize, ProgressEvent)> {
    let set = ListenSet::with_own_tones(country, own).unwrap();
    let mut listeners = Listeners::new(1, set, Path::best());
    listeners.want(0, Wants::PROGRESS);
    let mut events = Vec::new();
    for (ms, block) in line.enumerate() {
        let block = g711::decode_chunk(Law::A, &g711::encode_block(Law::A, &block));
        listeners.push(&[block], &mut |_, heard| {
            if let Heard::Progress(event) = heard {
                events.push((ms, event));
            }
        });
    }
    events
}

/// A tone for 12 s after some silence, then 6 s of silence.
fn line(spec: &ToneSpec, start_ms: usize, noise: i16) -> impl Iterator<Item = Block> {
    let mut generator = ToneGenerator::new();
    let mut prng = Prng::new(5);
    let spec = *spec;
    (0..start_ms + 18_000).map(move |ms| {
        if ms == start_ms {
            generator.start(&spec);
        }
        if ms == start_ms + 12_000 {
            generator.stop();
        }
        let mut noisy = || if noise == 0 { 0 } else { (prng.below(2 * noise as u64) as i16) - noise };
        generator.next_block().map(|sample| sample.saturating_add(noisy()))
    })
}

fn kinds(plan: &TonePlan) -> Vec<(ProgressKind, ToneSpec)> {
    let mut all = vec![
        (ProgressKind::Dial, plan.dial),
        (ProgressKind::Ringback, plan.ringback),
        (ProgressKind::Busy, plan.busy),
        (ProgressKind::Congestion, plan.congestion),
        (ProgressKind::SpecialInformation, dsp::tone::SPECIAL_INFORMATION),
    ];
    if plan.unobtainable != dsp::tone::SPECIAL_INFORMATION {
        all.push((ProgressKind::Unobtainable, plan.unobtainable));
    }
    all
}

/// Changes the frequency, level and lengths of a tone.
fn changed(spec: &ToneSpec, offset: f32, level_db: f32, stretch: f32) -> ToneSpec {
    let segments: Vec<Segment> = spec
        .segments()
        .iter()
        .map(|segment| Segment {
            sines: segment.sines.map(|sine| Sine {
                freq_hz: sine.freq_hz * (1.0 + offset),
                level_dbm0: sine.level_dbm0 + level_db,
            }),
            ms: (f32::from(segment.ms) * stretch) as u16,
        })
        .collect();
    ToneSpec::new(&segments)
}

fn assert_each(what: &str, noise: i16, change: impl Fn(&ToneSpec) -> ToneSpec) {
    for country in Country::ALL {
        for (kind, spec) in kinds(plan(country)) {
            for start_ms in [100, 107, 111] {
                let heard = hear(plan(country), line(&change(&spec), start_ms, noise));
                let events: Vec<ProgressEvent> = heard.iter().map(|&(_, event)| event).collect();
                let wanted = [ProgressEvent::Began(kind), ProgressEvent::Ended(kind)];
                assert_eq!(events, wanted, "{what}: {country:?} {kind:?} from {start_ms}: {heard:?}");
            }
        }
    }
}

#[test]
fn every_tone_of_every_plan_is_recognised_once_as_itself() {
    assert_each("as made", 0, |spec| *spec);
}

#[test]
fn tones_off_by_1_percent_and_cadences_off_by_5_percent_are_recognised() {
    for sign in [-1.0, 1.0] {
        assert_each("frequency", 0, |spec| changed(spec, sign * 0.01, 0.0, 1.0));
        assert_each("cadence", 0, |spec| changed(spec, 0.0, 0.0, 1.0 + sign * 0.05));
    }
}

#[test]
fn tones_20_db_weaker_or_with_noise_are_recognised() {
    assert_each("weak", 0, |spec| changed(spec, 0.0, -15.0, 1.0));
    assert_each("noisy", 150, |spec| *spec);
}

#[test]
fn the_tones_of_china_are_recognised_from_425_to_475_hertz() {
    for hz in [425.0, 475.0_f32] {
        let busy = ToneSpec::cadence([Sine::new(hz, -10.0), Sine::NONE, Sine::NONE], &[350, 350]);
        let heard = hear(plan(Country::Cn), line(&busy, 100, 0));
        assert_eq!(
            heard.first().map(|event| event.1),
            Some(ProgressEvent::Began(ProgressKind::Busy)),
            "{hz}"
        );
    }
}

#[test]
fn busy_is_told_within_two_cycles_and_its_end_within_a_second() {
    for country in Country::ALL {
        let spec = plan(country).busy;
        let cycle: usize = spec.segments().iter().map(|segment| usize::from(segment.ms)).sum();
        let heard = hear(plan(country), line(&spec, 100, 0));
        let (began, ended) = (heard[0].0 - 100, heard[1].0 - 12_100);
        assert!(began <= 2 * cycle + 60 && ended <= 1_000, "{country:?}: {began} {ended} ms");
    }
}

#[test]
fn noise_speech_like_sound_music_like_sound_and_other_cadences_are_no_tones() {
    let mut prng = Prng::new(6);
    let mut noise = (0..30_000).map(|_| std::array::from_fn(|_| (prng.next_u64() >> 50) as i16 - 8_192));
    assert_eq!(hear(plan(Country::Cn), &mut noise), []);
    // Notes of a quarter second with harmonics, many of them on 440 Hz; glides between them.
    let mut music = (0..60_000).map(|ms: usize| {
        let note = [440.0, 450.0, 494.0, 425.0, 350.0, 440.0, 480.0, 620.0][ms / 250 % 8];
        std::array::from_fn(|n| {
            let t = (ms * 8 + n) as f64 / 8_000.0;
            let sine = |h: f64| (std::f64::consts::TAU * note * h * t).sin() / h;
            (6_000.0 * (sine(1.0) + sine(2.0) + sine(3.0))) as i16
        })
    });
    for country in Country::ALL {
        assert_eq!(hear(plan(country), &mut music), [], "{country:?}");
    }
    // 450 Hz in a cadence of nobody.
    let odd = ToneSpec::cadence([Sine::new(450.0, -10.0), Sine::NONE, Sine::NONE], &[220, 500]);
    assert_eq!(hear(plan(Country::Cn), line(&odd, 100, 0)), []);
    assert_eq!(hear(plan(Country::Cn), std::iter::repeat_n(SILENCE, 5_000)), []);
    assert_eq!(hear(plan(Country::Cn), std::iter::repeat_n([i16::MAX; 8], 5_000)), []);
}

fn single(hz: f32, cadence_ms: &[u16]) -> ToneSpec {
    ToneSpec::cadence([Sine::new(hz, -10.0), Sine::NONE, Sine::NONE], cadence_ms)
}

#[test]
fn a_tone_of_ones_own_is_heard_beside_those_of_any_country() {
    let own = single(600.0, &[300, 200]);
    for country in Country::ALL {
        assert_eq!(hear(plan(country), line(&own, 100, 0)), [], "{country:?} alone");
        let heard = hear_with(plan(country), &[(ProgressKind::Busy, own)], line(&own, 100, 0));
        let events: Vec<ProgressEvent> = heard.iter().map(|&(_, event)| event).collect();
        let wanted = [ProgressEvent::Began(ProgressKind::Busy), ProgressEvent::Ended(ProgressKind::Busy)];
        assert_eq!(events, wanted, "{country:?}");
        for (kind, spec) in kinds(plan(country)) {
            let heard = hear_with(plan(country), &[(ProgressKind::Busy, own)], line(&spec, 100, 0));
            assert_eq!(heard[0].1, ProgressEvent::Began(kind), "{country:?}: the country's own stay");
        }
    }
}

#[test]
fn a_tone_of_ones_own_with_the_sound_of_the_countrys_takes_its_place() {
    // The congestion tone of the plan, which shall mean busy here.
    let own = [(ProgressKind::Busy, plan(Country::Itu).congestion)];
    let heard = hear_with(plan(Country::Itu), &own, line(&plan(Country::Itu).congestion, 100, 0));
    assert_eq!(heard[0].1, ProgressEvent::Began(ProgressKind::Busy));
}

#[test]
fn six_tones_of_five_frequencies_fit_beside_any_country_and_more_are_refused() {
    let hz = [600.0, 700.0, 800.0, 1_000.0, 2_000.0];
    let mut own: Vec<_> = hz.iter().map(|&hz| (ProgressKind::Busy, single(hz, &[300, 200]))).collect();
    let pair = [Sine::new(600.0, -13.0), Sine::new(700.0, -13.0), Sine::NONE];
    own.push((ProgressKind::Dial, ToneSpec::cadence(pair, &[])));
    for country in Country::ALL {
        ListenSet::with_own_tones(plan(country), &own).unwrap();
    }
    own.push((ProgressKind::Ringback, single(900.0, &[])));
    assert!(ListenSet::with_own_tones(plan(Country::Cn), &own).is_err());
}
