//! How soon busy tone is recognised while we play something ourselves, over all hybrids of G.168.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a program of its own")]

#[path = "../tests/echo_rig/mod.rs"]
mod echo_rig;
#[path = "../tests/tone_rig/mod.rs"]
mod tone_rig;

use dsp::tone::{Country, plan};
use tone_rig::{Canceller, Run, Sound, limit_ms, played, releases};

fn main() {
    let country = std::env::args().nth(1).and_then(|code| Country::from_code(&code)).unwrap_or(Country::Cn);
    let hz = f64::from(plan(country).busy.segments()[0].sines[0].freq_hz);
    for canceller in [Canceller::On(2), Canceller::On(1), Canceller::On(0), Canceller::Off] {
        for sound in Sound::PLAYED {
            for level in [-13.0, -20.0] {
                let mut cells = Vec::new();
                let mut all = (0, 0);
                for erl_db in [6.0, 12.0] {
                    for tone_dbm0 in [-10.0, -15.0, -20.0, -25.0] {
                        let (mut good, mut early) = (0, 0);
                        for seed in [1, 2] {
                            let sound = played(sound, hz, level, seed);
                            let run = Run { country, sound, tone_dbm0, erl_db, canceller, seed };
                            let released = releases(&run);
                            good += released.iter().flatten().filter(|&&ms| ms > 0 && ms <= limit_ms(country)).count();
                            early += released.iter().flatten().filter(|&&ms| ms == 0).count();
                            all.1 += released.len();
                        }
                        all.0 += good;
                        cells.push(format!("{good:2}{}", if early > 0 { format!("(!{early})") } else { String::new() }));
                    }
                }
                println!("{canceller:?} {sound:?} {level}: {} {}/{}", cells.join(" "), all.0, all.1);
            }
        }
    }
}
