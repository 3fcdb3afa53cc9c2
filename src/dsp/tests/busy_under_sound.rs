//! Busy tone is heard while we play prompts or music ourselves, over every hybrid of G.168: a caller who hangs up in a queue holds
//! no line. The sweep of all levels is `examples/busy_under_sound`.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::disallowed_macros,
    reason = "tests may allocate and panic"
)]

mod echo_rig;
mod tone_rig;

use dsp::tone::{Country, plan};
use tone_rig::{Canceller, Run, Sound, limit_ms, played, releases};

/// What of all lines is let go within the cycles of the tone and a second, in percent; none may be before the tone.
fn in_time(
    country: Country,
    canceller: Canceller,
    sounds: &[Sound],
    played_dbm0: &[f64],
    tones_dbm0: &[f64],
    erls_db: &[f64],
) -> f64 {
    let hz = f64::from(plan(country).busy.segments()[0].sines[0].freq_hz);
    let (mut good, mut all) = (0, 0);
    for (&what, &level) in sounds.iter().flat_map(|sound| played_dbm0.iter().map(move |level| (sound, level)))
    {
        for (&erl_db, &tone_dbm0) in
            erls_db.iter().flat_map(|erl| tones_dbm0.iter().map(move |tone| (erl, tone)))
        {
            let seed = 1 + all / 8;
            let run =
                Run { country, sound: played(what, hz, level, seed), tone_dbm0, erl_db, canceller, seed };
            for released in releases(&run) {
                assert!(released != Some(0), "let go before the tone: {what:?} {level} {erl_db} {tone_dbm0}");
                good += u64::from(released.is_some_and(|ms| ms <= limit_ms(country)));
                all += 1;
            }
        }
    }
    let percent = 100.0 * good as f64 / all as f64;
    println!("{country:?} {canceller:?} {sounds:?} {played_dbm0:?}: {good} of {all}");
    percent
}

const COMFORT: Canceller = Canceller::On(2);
const USUAL: [Sound; 2] = [Sound::Speech, Sound::Music];

#[test]
fn a_line_is_let_go_in_time_under_speech_and_music_of_ours() {
    for level in [-13.0, -20.0] {
        let percent =
            in_time(Country::Cn, COMFORT, &USUAL, &[level], &[-10.0, -15.0, -20.0, -25.0], &[6.0, 12.0]);
        assert!(percent >= 95.0, "{level} dBm0: {percent} %");
    }
}

#[test]
fn the_same_holds_for_the_busy_tones_of_other_countries() {
    for country in [Country::Itu, Country::Us, Country::Uk, Country::Etsi] {
        let percent = in_time(country, COMFORT, &USUAL, &[-16.0], &[-12.0, -20.0], &[12.0]);
        assert!(percent >= 95.0, "{country:?}: {percent} %");
    }
}

#[test]
fn without_a_canceller_a_tone_as_strong_as_its_echo_is_heard_under_music() {
    let percent =
        in_time(Country::Cn, Canceller::Off, &[Sound::Music], &[-16.0], &[-10.0, -15.0, -20.0], &[6.0, 12.0]);
    assert!(percent >= 95.0, "{percent} %");
}

#[test]
fn a_note_of_ours_at_the_tones_own_frequency_does_not_hide_a_tone_that_is_stronger_than_its_echo() {
    let percent = in_time(Country::Cn, COMFORT, &[Sound::Droning], &[-20.0], &[-10.0, -15.0], &[6.0, 12.0]);
    assert!(percent >= 90.0, "{percent} %");
}
