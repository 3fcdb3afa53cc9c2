//! Nanoseconds of processor time a sample and channel, ours and theirs in turn, 240 channels that take their turn every
//! 20 ms (theirs) and every millisecond (ours).

use dsp::bank::Path;
use dsp::dtmf::{Generator, GeneratorConfig};
use dsp::listen::{ListenSet, Listeners, Wants};
use dsp::tone::{Country, plan};
use tdm::{Block, SILENCE};

use crate::rival::Rival;

const CHANNELS: usize = 240;
const MS: usize = 2_000;
const ROUNDS: usize = 7;

/// A sound, the same on every channel but shifted in time.
struct Sound {
    name: &'static str,
    samples: Vec<i16>,
}

impl Sound {
    /// The block of a channel.
    fn at(&self, channel: usize, ms: usize) -> Block {
        let from = (ms * 8 + channel * 808) % (self.samples.len() - 8);
        std::array::from_fn(|n| self.samples[from + n])
    }
}

fn sounds() -> Vec<Sound> {
    let mut prng = clock::Prng::new(1);
    let noise = (0..MS * 8).map(|_| (prng.next_u64() >> 50) as i16 - 8_192).collect();
    let speech = (0..MS * 8)
        .map(|n| {
            let t = n as f64 / 8_000.0;
            let turns = 120.0 * t + 20.0 * (3.0 * t).sin();
            let loud = (4.0 * t).sin().abs();
            (1..25)
                .map(|h| loud * 4_000.0 / f64::from(h) * (std::f64::consts::TAU * turns * f64::from(h)).sin())
                .sum::<f64>() as i16
        })
        .collect();
    let mut generator = Generator::new(GeneratorConfig::default());
    let keys = (0..MS).flat_map(|_| {
        generator.next_block().unwrap_or_else(|| {
            generator.start(b"1470D");
            SILENCE
        })
    });
    vec![
        Sound { name: "speech", samples: speech },
        Sound { name: "noise", samples: noise },
        Sound { name: "digits", samples: keys.collect() },
    ]
}

/// Processor time of this thread in seconds.
fn cpu_s() -> f64 {
    // Not /proc/thread-self/schedstat: that moves by whole ticks, a nanosecond a sample here.
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    std::time::Duration::from(clock.now().expect("every Linux has this clock")).as_secs_f64()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A rival's receivers, one for each channel.
type Rivals = Vec<Rival>;

pub fn run() {
    println!("| detector, {CHANNELS} channels | sound | ours portable | avx2 | best | spandsp | ratio |");
    println!("|---|---|---|---|---|---|---|");
    let make = |one: &dyn Fn() -> Rival| -> Rivals { (0..CHANNELS).map(|_| one()).collect() };
    let progress: &[(i32, i32, &[(i32, i32)])] = &[
        (450, 0, &[(300, 400), (300, 400)]),
        (450, 0, &[(600, 800), (600, 800)]),
        (450, 0, &[(900, 1_100), (3_500, 4_500)]),
    ];
    let rows: Vec<(&str, Wants, Vec<Rivals>)> = vec![
        ("DTMF", Wants::DTMF, vec![make(&|| Rival::dtmf(false))]),
        ("R1", Wants::R1, vec![make(&Rival::r1)]),
        ("R2 forward", Wants::R2_FORWARD, vec![make(&|| Rival::r2(true))]),
        (
            "all",
            Wants::all(),
            vec![
                make(&|| Rival::dtmf(false)),
                make(&Rival::r1),
                make(&|| Rival::r2(true)),
                make(&|| Rival::r2(false)),
                make(&|| Rival::super_tone(progress)),
                make(&|| Rival::connect_tone(1)),
                make(&|| Rival::connect_tone(3)),
                make(&|| Rival::fsk("Bell202", 8)),
            ],
        ),
    ];
    for (name, wants, mut rivals) in rows {
        for sound in sounds() {
            let blocks: Vec<Vec<Block>> =
                (0..MS).map(|ms| (0..CHANNELS).map(|channel| sound.at(channel, ms)).collect()).collect();
            let lines: Vec<Vec<i16>> =
                (0..CHANNELS).map(|channel| blocks.iter().flat_map(|row| row[channel]).collect()).collect();
            let (mut ours, mut theirs) = (vec![Vec::new(); 3], Vec::new());
            for _ in 0..ROUNDS {
                for (n, path) in paths().into_iter().enumerate() {
                    ours[n].push(time_ours(path, wants, &blocks));
                }
                let start = cpu_s();
                for part in 0..MS / 20 {
                    for kind in &mut rivals {
                        for (rival, line) in kind.iter_mut().zip(&lines) {
                            rival.push(&line[part * 160..(part + 1) * 160]);
                        }
                    }
                }
                theirs.push(cpu_s() - start);
            }
            let to_ns = 1e9 / (MS * 8 * CHANNELS) as f64;
            let ours: Vec<f64> = ours.into_iter().map(|values| median(values) * to_ns).collect();
            let theirs = median(theirs) * to_ns;
            println!(
                "| {name} | {} | {:.2} | {:.2} | {:.2} | {theirs:.2} | {:.1} |",
                sound.name,
                ours[0],
                ours[1],
                ours[2],
                theirs / ours[2]
            );
        }
    }
}

/// What call progress costs while we send nothing and while we send, when it looks a second time. spandsp has nothing beside it.
pub fn run_beside() {
    println!("| call progress, {CHANNELS} channels | ns a sample and channel |");
    println!("|---|---|");
    let sounds = sounds();
    let [speech, noise, _] = &sounds[..] else { unreachable!("there are three sounds") };
    let rows = |sound: &Sound, divisor: i16| -> Vec<Vec<Block>> {
        let row = |ms| (0..CHANNELS).map(|channel| sound.at(channel, ms).map(|s| s / divisor)).collect();
        (0..MS).map(row).collect()
    };
    // An echo 12 dB below what is sent, of which a canceller leaves a part.
    let (sent, received, heard) = (rows(speech, 1), rows(speech, 4), rows(noise, 16));
    let silence = vec![vec![SILENCE; CHANNELS]; MS];
    for (name, sent) in [("we send nothing", &silence), ("we speak on all channels", &sent)] {
        let times = (0..ROUNDS).map(|_| {
            let mut listeners =
                Listeners::new(CHANNELS, ListenSet::new(plan(Country::Cn)).unwrap(), Path::best());
            (0..CHANNELS).for_each(|channel| listeners.want(channel, Wants::PROGRESS));
            let start = cpu_s();
            for ((heard, received), sent) in heard.iter().zip(&received).zip(sent) {
                listeners.push_beside(heard, received, sent, &mut |_, found| {
                    std::hint::black_box(found);
                });
            }
            cpu_s() - start
        });
        println!("| {name} | {:.2} |", median(times.collect()) * 1e9 / (MS * 8 * CHANNELS) as f64);
    }
}

/// Portable, AVX2 if there, the best.
fn paths() -> [Path; 3] {
    let all: Vec<Path> = Path::all().collect();
    [all[0], all[all.len().min(2) - 1], all[all.len() - 1]]
}

fn time_ours(path: Path, wants: Wants, blocks: &[Vec<Block>]) -> f64 {
    let mut listeners = Listeners::new(CHANNELS, ListenSet::new(plan(Country::Cn)).unwrap(), path);
    (0..CHANNELS).for_each(|channel| listeners.want(channel, wants));
    let mut heard = 0_u32;
    let start = cpu_s();
    for row in blocks {
        listeners.push(row, &mut |_, _| heard += 1);
    }
    let time = cpu_s() - start;
    std::hint::black_box(heard);
    time
}
