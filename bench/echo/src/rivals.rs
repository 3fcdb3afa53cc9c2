//! Our canceller and its rivals behind one function: cells in, what is left of them out.
//!
//! OSLEC and speexdsp are there if `scripts/bench-echo` has built them. The crate aec3 works at 16 kHz and in frames of 10 ms: both
//! signals are brought there and what it leaves back again, and its delay, measured once, is taken out before it is judged.

use aec3::api::config::EchoCanceller3Config;
use aec3::nodes::audio::AudioFormat;
use aec3::pipelines::linear::{self, LinearPipeline};
use dsp::echo::NlpMode;

use crate::echo_rig::*;

/// One canceller.
pub struct Canceller {
    /// Its name in the tables.
    pub name: &'static str,
    /// True if it has a non-linear processor. aec3 as a whole always uses it.
    pub has_nlp: bool,
    run: Run,
}

type Run = Box<dyn Fn(&[Cell], bool) -> Vec<Vec<i16>>>;

impl Canceller {
    /// What is left of each cell, with or without the non-linear processor.
    pub fn run(&self, cells: &[Cell], nlp: bool) -> Vec<Vec<i16>> {
        (self.run)(cells, nlp)
    }
}

/// All that are there, ours first.
pub fn all() -> Vec<Canceller> {
    let ours = |cells: &[Cell], nlp: bool| run(cells, if nlp { NlpMode::Silence } else { NlpMode::Off });
    let mut all = vec![Canceller { name: "tandem", has_nlp: true, run: Box::new(ours) }];
    #[cfg(rivals)]
    all.extend([
        Canceller {
            name: "OSLEC",
            has_nlp: true,
            run: Box::new(|cells, nlp| each(cells, |cell| oslec(cell, nlp))),
        },
        Canceller { name: "speexdsp", has_nlp: false, run: Box::new(|cells, _| each(cells, speex)) },
    ]);
    let [linear, whole] = Aec3::lag();
    let linear = move |cells: &[Cell], _| each(cells, |cell| Aec3::of(false).run(cell, linear));
    let whole = move |cells: &[Cell], _| each(cells, |cell| Aec3::of(true).run(cell, whole));
    all.extend([
        Canceller { name: "aec3's linear filter", has_nlp: false, run: Box::new(linear) },
        Canceller { name: "aec3", has_nlp: true, run: Box::new(whole) },
    ]);
    all
}

fn each(cells: &[Cell], run: impl Fn(&Cell) -> Vec<i16>) -> Vec<Vec<i16>> {
    cells.iter().map(run).collect()
}

/// The rivals' functions.
#[cfg(rivals)]
pub mod c {
    use std::os::raw::{c_int, c_void};
    unsafe extern "C" {
        pub fn oslec_create(len: c_int, mode: c_int) -> *mut c_void;
        pub fn oslec_free(ec: *mut c_void);
        pub fn oslec_update(ec: *mut c_void, tx: i16, rx: i16) -> i16;
        pub fn speex_echo_state_init(frame: c_int, tail: c_int) -> *mut c_void;
        pub fn speex_echo_state_destroy(state: *mut c_void);
        pub fn speex_echo_ctl(state: *mut c_void, request: c_int, value: *mut c_void) -> c_int;
        pub fn speex_echo_cancellation(state: *mut c_void, rec: *const i16, play: *const i16, out: *mut i16);
    }
}

/// A state of speexdsp's MDF at 8 kHz.
#[cfg(rivals)]
pub fn speex_state() -> *mut std::os::raw::c_void {
    const SET_RATE: i32 = 24;
    let mut rate: i32 = 8_000;
    // SAFETY: plain constructor and setter with the argument they ask for.
    unsafe {
        let state = c::speex_echo_state_init(64, 1_024);
        c::speex_echo_ctl(state, SET_RATE, (&raw mut rate).cast());
        state
    }
}

/// OSLEC adapting, without its high passes, which would turn the near end's phase.
#[cfg(rivals)]
fn oslec(cell: &Cell, nlp: bool) -> Vec<i16> {
    let mode = 0x01 | if nlp { 0x02 | 0x08 } else { 0 };
    // SAFETY: a constructor, and its state until it is freed.
    unsafe {
        let state = c::oslec_create(1_024, mode);
        let out =
            cell.sent.iter().zip(&cell.received).map(|(&tx, &rx)| c::oslec_update(state, tx, rx)).collect();
        c::oslec_free(state);
        out
    }
}

#[cfg(rivals)]
fn speex(cell: &Cell) -> Vec<i16> {
    let state = speex_state();
    let mut left = vec![0; cell.sent.len()];
    let frames = cell.sent.as_chunks::<64>().0.iter().zip(cell.received.as_chunks::<64>().0);
    for ((sent, received), left) in frames.zip(left.as_chunks_mut::<64>().0) {
        // SAFETY: a state made for frames of 64, and three frames.
        unsafe { c::speex_echo_cancellation(state, received.as_ptr(), sent.as_ptr(), left.as_mut_ptr()) };
    }
    // SAFETY: the state is not used again.
    unsafe { c::speex_echo_state_destroy(state) };
    left
}

/// The crate aec3 with its tail fixed at 128 ms; without its suppressor what its linear filter leaves.
pub struct Aec3 {
    pipeline: LinearPipeline,
    suppresses: bool,
    up: [HalfBand; 2],
    down: HalfBand,
}

/// Samples of a frame of 10 ms at 8 kHz, and at 16 kHz.
const FRAME: usize = 80;
const WIDE: usize = 160;
const FULL_SCALE: f32 = 32_768.0;

impl Aec3 {
    /// Makes one, with its suppressor or without.
    pub fn of(suppresses: bool) -> Aec3 {
        const TAIL_BLOCKS: usize = 33;
        let mut config = EchoCanceller3Config::default();
        config.delay.use_external_delay_estimator = true;
        config.filter.export_linear_aec_output = !suppresses;
        for filter in [&mut config.filter.main, &mut config.filter.main_initial] {
            filter.length_blocks = TAIL_BLOCKS;
        }
        for filter in [&mut config.filter.shadow, &mut config.filter.shadow_initial] {
            filter.length_blocks = TAIL_BLOCKS;
        }
        let format = AudioFormat::ten_ms(16_000, 1);
        let pipeline = linear::builder(format, format)
            .aec3_config(config)
            .enable_high_pass_filter(false)
            .enable_noise_suppression(false)
            .enable_gain_controller2(false)
            .enable_post_filter(false)
            .export_linear_output(!suppresses)
            .initial_delay_ms(0)
            .build()
            .expect("the pipeline is complete");
        Aec3 { pipeline, suppresses, up: [HalfBand::new(), HalfBand::new()], down: HalfBand::new() }
    }

    /// Works on a frame.
    pub fn frame(&mut self, sent: &[i16; FRAME], received: &[i16; FRAME]) -> [i16; FRAME] {
        let [far, near] = &mut self.up;
        let (far, near) = (far.up(sent), near.up(received));
        self.pipeline.handle_render_frame(&far).expect("a frame of the format");
        let mut out = [0.0; WIDE];
        self.pipeline.process_capture_frame(&near, &mut out).expect("a frame of the format");
        if !self.suppresses {
            let linear = self.pipeline.try_pull_linear_output().expect("the output is exported");
            out =
                linear.map_or([0.0; WIDE], |packet| core::array::from_fn(|i| packet.payload().samples()[i]));
        }
        self.down.down(&out)
    }

    fn run(mut self, cell: &Cell, lag: usize) -> Vec<i16> {
        let frames = cell.sent.as_chunks::<FRAME>().0.iter().zip(cell.received.as_chunks::<FRAME>().0);
        let mut left: Vec<i16> = frames.flat_map(|(sent, received)| self.frame(sent, received)).collect();
        left.resize(cell.sent.len() + lag, 0);
        left.split_off(lag)
    }

    /// The delays without and with the suppressor, in samples: where what comes out is most like what went in.
    fn lag() -> [usize; 2] {
        let near = white(RATE, -16.0, 3);
        let cell = Cell::new(&vec![0.0; near.len()], &[0.0], Some(&near), -90.0);
        [false, true].map(|suppresses| {
            let out = Aec3::of(suppresses).run(&cell, 0);
            let likeness = |lag: usize| {
                let pairs = cell.received[4_000..7_000].iter().zip(&out[4_000 + lag..7_000 + lag]);
                pairs.map(|(&a, &b)| f64::from(a) * f64::from(b)).sum::<f64>()
            };
            (0..400).max_by(|&a, &b| likeness(a).total_cmp(&likeness(b))).unwrap_or(0)
        })
    }
}

/// A half-band filter between 8 and 16 kHz: flat up to 3.6 kHz.
struct HalfBand {
    taps: Vec<f32>,
    memory: Vec<f32>,
}

impl HalfBand {
    fn new() -> HalfBand {
        const LENGTH: usize = 127;
        let middle = (LENGTH / 2) as f64;
        let tap = |n: usize| {
            let t = n as f64 - middle;
            let x = core::f64::consts::FRAC_PI_2 * t;
            let sinc = if t == 0.0 { 1.0 } else { x.sin() / x };
            let window = 0.5 + 0.5 * (core::f64::consts::PI * t / (middle + 1.0)).cos();
            (0.5 * sinc * window) as f32
        };
        HalfBand { taps: (0..LENGTH).map(tap).collect(), memory: vec![0.0; LENGTH] }
    }

    fn push(&mut self, sample: f32) -> f32 {
        self.memory.rotate_right(1);
        self.memory[0] = sample;
        self.memory.iter().zip(&self.taps).map(|(a, b)| a * b).sum()
    }

    fn up(&mut self, frame: &[i16; FRAME]) -> [f32; WIDE] {
        let between =
            |i: usize| if i.is_multiple_of(2) { 2.0 * f32::from(frame[i / 2]) / FULL_SCALE } else { 0.0 };
        core::array::from_fn(|i| self.push(between(i)))
    }

    fn down(&mut self, wide: &[f32; WIDE]) -> [i16; FRAME] {
        let all = wide.map(|sample| self.push(sample * FULL_SCALE));
        core::array::from_fn(|i| all[2 * i].round() as i16)
    }
}
