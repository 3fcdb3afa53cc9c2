//! How soon busy tone is recognised while we play something ourselves, over all hybrids of G.168.
#![expect(clippy::disallowed_macros, reason = "a program of its own")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a program of its own")]

#[path = "../tests/echo_rig/mod.rs"]
mod echo_rig;
#[path = "../tests/tone_rig/mod.rs"]
mod tone_rig;

use dsp::tone::{Country, plan};
use tone_rig::{Canceller, Run, Sound, limit_ms, played, releases};

const LEVELS_DBM0: [f64; 2] = [-13.0, -20.0];
const ERLS_DB: [f64; 2] = [6.0, 12.0];
const TONES_DBM0: [f64; 4] = [-10.0, -15.0, -20.0, -25.0];

fn main() {
    let country = std::env::args().nth(1).and_then(|code| Country::from_code(&code)).unwrap_or(Country::Cn);
    let seeds = std::env::args().nth(2).and_then(|seeds| seeds.parse().ok()).unwrap_or(1);
    std::thread::scope(|scope| {
        for canceller in [Canceller::On(2), Canceller::Off] {
            scope.spawn(move || sweep(country, canceller, seeds));
        }
    });
}

fn sweep(country: Country, canceller: Canceller, seeds: u64) {
    let hz = f64::from(plan(country).busy.segments()[0].sines[0].freq_hz);
    for what in Sound::PLAYED {
        for level in LEVELS_DBM0 {
            let (mut cells, mut all, mut runs) = (String::new(), 0, 0);
            for (erl_db, tone_dbm0) in ERLS_DB.into_iter().flat_map(|erl| TONES_DBM0.map(|tone| (erl, tone)))
            {
                let (mut good, mut early) = (0, 0);
                for seed in 1..=seeds {
                    let run = Run {
                        country,
                        sound: played(what, hz, level, seed),
                        tone_dbm0,
                        erl_db,
                        canceller,
                        seed,
                    };
                    let released = releases(&run);
                    good +=
                        released.iter().flatten().filter(|&&ms| ms > 0 && ms <= limit_ms(country)).count();
                    early += released.iter().flatten().filter(|&&ms| ms == 0).count();
                    runs += released.len();
                }
                all += good;
                cells += &if early > 0 { format!("{good:3}(!{early})") } else { format!("{good:3}") };
            }
            println!("{canceller:?} {what:?} {level}: {cells}  {all}/{runs}");
        }
    }
}
