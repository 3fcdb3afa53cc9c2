//! The customary figures of receivers, as limits at which everything is still accepted, and curves of acceptance.

use std::fmt::Write as _;

use clock::Prng;

use crate::others::{self, Other};
use crate::sweep::{SENT, Sent, Shares, What, shares};

/// One thing that is varied.
struct Sweep {
    name: &'static str,
    unit: &'static str,
    values: Vec<f64>,
    change: fn(f64) -> Sent,
}

fn range(from: f64, to: f64, step: f64) -> Vec<f64> {
    let count = ((to - from) / step).round().abs() as usize;
    (0..=count).map(|n| from + (to - from) * n as f64 / count as f64).collect()
}

fn sweeps(what: What) -> Vec<Sweep> {
    let percent = if what == What::Dtmf { 5.0 } else { 4.0 };
    let level = |name, from, to| Sweep {
        name,
        unit: "dBm0 a tone",
        values: range(from, to, 1.0),
        change: |x| Sent { level_dbm0: x, ..SENT },
    };
    let mut all = vec![
        Sweep {
            name: "first tone's frequency",
            unit: "% off",
            values: range(-percent, percent, 0.2),
            change: |x| Sent { offset: [x / 100.0, 0.0], ..SENT },
        },
        Sweep {
            name: "second tone's frequency",
            unit: "% off",
            values: range(-percent, percent, 0.2),
            change: |x| Sent { offset: [0.0, x / 100.0], ..SENT },
        },
        Sweep {
            name: "twist",
            unit: "dB, first over second",
            values: range(-14.0, 14.0, 0.5),
            change: |x| Sent { twist_db: x, level_dbm0: -8.0, ..SENT },
        },
        level("level", -55.0, 0.0),
        Sweep {
            name: "noise",
            unit: "dB of signal over white noise",
            values: range(0.0, 24.0, 1.0),
            change: |x| Sent { snr_db: x, level_dbm0: -13.0, ..SENT },
        },
        Sweep {
            name: "length",
            unit: "ms",
            values: range(4.0, 60.0, 1.0),
            change: |x| Sent { ms: x, ..SENT },
        },
    ];
    if what == What::Dtmf {
        all.push(Sweep {
            name: "dial tone",
            unit: "dB, each of two sines over each tone of the key",
            values: range(-24.0, 12.0, 1.0),
            change: |x| Sent { dial_db: x, level_dbm0: -16.0, ..SENT },
        });
    }
    all
}

/// Prints the limits; with a folder, writes a curve of each sweep there.
pub fn run(folder: Option<&str>, tries: usize) {
    println!("| receiver | varied | ours: all accepted | spandsp: all accepted | spandsp, filter |");
    println!("|---|---|---|---|---|");
    let kinds = [
        (What::Dtmf, "DTMF", "dtmf"),
        (What::R1, "R1", "r1"),
        (What::R2Forward, "R2 forward", "r2-forward"),
        (What::R2Backward, "R2 backward", "r2-backward"),
    ];
    for (what, title, file) in kinds {
        for sweep in sweeps(what) {
            let mut prng = Prng::new(sweep.values.len() as u64);
            let points: Vec<(f64, Shares)> = sweep
                .values
                .iter()
                .map(|&x| (x, shares(what, (sweep.change)(x), tries, &mut prng)))
                .collect();
            let limits = |of: fn(&Shares) -> f64| accepted(&points, of);
            let filtered = if what == What::Dtmf { limits(|s| s.filtered) } else { String::new() };
            println!(
                "| {title} | {}, {} | {} | {} | {filtered} |",
                sweep.name,
                sweep.unit,
                limits(|s| s.ours),
                limits(|s| s.theirs)
            );
            if let Some(folder) = folder {
                let name = sweep.name.replace([' ', '\''], "-");
                let svg = curve(&format!("{title}: {}", sweep.name), sweep.unit, &points, what == What::Dtmf);
                std::fs::write(format!("{folder}/{file}-{name}.svg"), svg).expect("a folder to write to");
            }
        }
    }
}

/// One thing that is varied of what is no digit.
type OtherSweep = (&'static str, &'static str, Vec<f64>, fn(f64) -> others::Sent);

fn other_sweeps(what: Other) -> Vec<OtherSweep> {
    let (percent, pace) = match what {
        Other::Fsk => (8.0, "speed"),
        Other::Answer => (2.0, ""),
        Other::Busy => (8.0, "cadence"),
    };
    let mut all: Vec<OtherSweep> = vec![
        ("frequency", "% off", range(-percent, percent, percent / 20.0), |x| others::Sent {
            offset: x / 100.0,
            ..others::SENT
        }),
        ("level", "dBm0", range(-55.0, 0.0, 1.0), |x| others::Sent { level_dbm0: x, ..others::SENT }),
        ("noise", "dB of signal over white noise", range(0.0, 30.0, 1.0), |x| others::Sent {
            snr_db: x,
            ..others::SENT
        }),
    ];
    if !pace.is_empty() {
        all.push((pace, "% off", range(-16.0, 16.0, 1.0), |x| others::Sent {
            pace: x / 100.0,
            ..others::SENT
        }));
    }
    all
}

/// The same for caller identity by FSK, the answer tone and busy tone.
pub fn run_others(folder: Option<&str>, tries: usize) {
    println!("| receiver | varied | ours: all accepted | spandsp: all accepted |");
    println!("|---|---|---|---|");
    let kinds = [
        (Other::Fsk, "Bell 202", "bell-202"),
        (Other::Answer, "Answer tone (CED)", "answer-tone"),
        (Other::Busy, "Busy tone", "busy-tone"),
    ];
    for (what, title, file) in kinds {
        for (name, unit, values, change) in other_sweeps(what) {
            let mut prng = Prng::new(values.len() as u64);
            let points: Vec<(f64, Shares)> =
                values.iter().map(|&x| (x, others::shares(what, change(x), tries, &mut prng))).collect();
            let (ours, theirs) = (accepted(&points, |s| s.ours), accepted(&points, |s| s.theirs));
            println!("| {title} | {name}, {unit} | {ours} | {theirs} |");
            if let Some(folder) = folder {
                let svg = curve(&format!("{title}: {name}"), unit, &points, false);
                std::fs::write(format!("{folder}/{file}-{name}.svg"), svg).expect("a folder to write to");
            }
        }
    }
}

/// Returns the widest run of values at which all but one in 200 are accepted.
fn accepted(points: &[(f64, Shares)], of: fn(&Shares) -> f64) -> String {
    let mut best: Option<(usize, usize)> = None;
    let mut start = None;
    for n in 0..=points.len() {
        let good = points.get(n).is_some_and(|(_, shares)| of(shares) >= 0.995);
        match (good, start) {
            (true, None) => start = Some(n),
            (false, Some(from)) => {
                if best.is_none_or(|(a, b)| n - 1 - from > b - a) {
                    best = Some((from, n - 1));
                }
                start = None;
            }
            (true, Some(_)) | (false, None) => {}
        }
    }
    best.map_or("never".into(), |(a, b)| format!("{:.1} to {:.1}", points[a].0, points[b].0))
}

/// A curve as SVG: acceptance over what is varied.
fn curve(title: &str, unit: &str, points: &[(f64, Shares)], filter: bool) -> String {
    let (low, high) = (points[0].0, points[points.len() - 1].0);
    let x = |value: f64| 50.0 + 540.0 * (value - low) / (high - low);
    let y = |share: f64| 230.0 - 190.0 * share;
    let mut svg = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 280\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"640\" height=\"280\" fill=\"#fff\"/>\n",
    );
    let _ = writeln!(svg, "<text x=\"50\" y=\"22\" font-size=\"14\">{title}</text>");
    for share in [0.0, 0.5, 1.0] {
        let _ = writeln!(
            svg,
            "<path d=\"M50 {0}H590\" stroke=\"#ddd\"/><text x=\"44\" y=\"{1}\" text-anchor=\"end\">{2:.0} %</text>",
            y(share),
            y(share) + 4.0,
            100.0 * share
        );
    }
    for n in 0..=8 {
        let value = low + (high - low) * f64::from(n) / 8.0;
        let _ =
            writeln!(svg, "<text x=\"{:.0}\" y=\"248\" text-anchor=\"middle\">{value:.1}</text>", x(value));
    }
    let _ = writeln!(svg, "<text x=\"320\" y=\"270\" text-anchor=\"middle\">{unit}</text>");
    let lines: [(fn(&Shares) -> f64, &str, &str); 3] = [
        (|s| s.filtered, "#bbb", "spandsp, dial tone filter"),
        (|s| s.theirs, "#d60", "spandsp"),
        (|s| s.ours, "#06c", "Tandem"),
    ];
    for (n, (of, colour, name)) in lines.into_iter().skip(usize::from(!filter)).enumerate() {
        let path: Vec<String> =
            points.iter().map(|(value, shares)| format!("{:.1} {:.1}", x(*value), y(of(shares)))).collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"22\" fill=\"{colour}\">{name}</text>",
            path.join("L"),
            300 + 110 * n
        );
    }
    svg.push_str("</svg>\n");
    svg
}
