//! The line echo canceller, eight channels at a time.
//!
//! Place on the path: after decoding, before detectors and gain; the reference is what was really sent to the line.
//!
//! ```text
//! sent --+--> history --> foreground --echo--> (-) --left--> nlp --> passed on, same block
//!        |                    ^ taps            ^
//!        |                    | the better one  received
//!        +--> background (Kalman, 64 samples late, never heard)
//!        +--> starter (IPNLMS, only while no good filter is known, never heard)
//! ```
//! How: two adaptive filters compete for the foreground, which is a plain filter without delay. The `kalman` background
//! converges deep, follows drifts and stands double talk; the `starter` finds a new path fast. Whichever proves better on sound
//! that came after it was fixed is copied. `disabler` steps aside for modems; `nlp` removes the rest.
//! A bank works on [`CHANNELS`] channels in step; all memory is taken in `new`. Limits: 8 kHz, tails of 16 to 128 ms in
//! steps of 4. Figures, what was tried, and the table of ITU-T G.168: `docs/echo.md`.

#[cfg(target_arch = "x86_64")]
mod avx;
mod control;
mod disabler;
mod fft;
mod foreground;
mod high_pass;
mod history;
mod kalman;
mod lanes;
mod nlp;
mod spectra;
mod starter;

use tdm::{Block, CHUNK};

use control::{Control, Verdict};
use disabler::Disabler;
use fft::Fft;
use foreground::{Foreground, Take};
use high_pass::HighPass;
use kalman::{BlockPowers, Kalman};
use lanes::{LANES, Lanes, Portable, V};
use nlp::Nlp;
pub use nlp::NlpMode;
use spectra::{Spectra, Work};
use starter::{Starter, Won};

/// Channels of a bank.
pub const CHANNELS: usize = LANES;

/// Samples of a block of the background.
const BLOCK: usize = 64;
/// Samples of its frame: the block before and the present one.
const FRAME: usize = 2 * BLOCK;
/// Bins of its spectrum.
const BINS: usize = BLOCK + 1;

/// Samples in a millisecond.
const PER_MS: u16 = 8;
/// The shortest and the longest tail.
pub const TAILS_MS: core::ops::RangeInclusive<u16> = 16..=128;

/// Mean square of what is sent from which a channel is in use.
const IN_USE: f32 = 100.0;
/// Blocks of far-end speech after a change during which the whole tail is worked on.
const CONVERGING_BLOCKS: u32 = 188;
/// The output may be this much stronger than what was received, in power; else what was received is passed on.
const MOST_GAIN: f32 = 1.6;
/// How fast those powers follow, a block.
const BOUND_FOLLOWS: f32 = 0.12;

const _: () = assert!(BLOCK.is_multiple_of(CHUNK) && BLOCK.is_power_of_two());

/// What a channel's canceller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EchoMode {
    /// Nothing: what is received passes bit by bit.
    Off,
    /// Cancels, with this non-linear processor behind it.
    On(NlpMode),
}

/// How well a channel's canceller does.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EchoFigures {
    /// Echo return loss of the line in dB, as far as the taps tell; none before there is a filter.
    pub erl_db: Option<f32>,
    /// Echo return loss enhancement in dB without the non-linear processor, over the last second of far-end speech.
    pub erle_db: Option<f32>,
    /// Times the channel's filters were thrown away since they had diverged.
    pub resets: u32,
    /// Times another path was taken up.
    pub path_changes: u32,
    /// A modem has asked for a line without cancelling.
    pub disabled: bool,
}

/// The cancellers of eight channels.
pub struct EchoBank {
    fft: Fft,
    spectra: Spectra,
    kalman: Kalman,
    foreground: Foreground,
    disabler: Disabler,
    /// Of what is left and of the echo.
    high_pass: [HighPass; 2],
    channels: Box<[Channel]>,
    /// What was sent in the block before and in the present one.
    sent: [V; FRAME],
    received: [V; BLOCK],
    left: [V; BLOCK],
    fill: usize,
    fast: bool,
}

/// Mean squares of the eight samples of a channel.
struct Powers {
    sent: f32,
    received: f32,
    left: f32,
    /// Of what is left and of the echo, without what lies below the telephone band.
    high_left: f32,
    high_echo: f32,
}

/// What each channel has for itself.
struct Channel {
    mode: EchoMode,
    starter: Starter,
    nlp: Nlp,
    control: Control,
    /// A candidate has won and is taken with the next block of the background.
    won: Option<Won>,
    converging: u32,
    /// Smoothed powers of what is left and of what was received.
    left: f32,
    received: f32,
}

impl EchoBank {
    /// Makes a bank with all channels off. `tail_ms` is taken into [`TAILS_MS`] and up to a whole partition; banks with
    /// different `phase` do their heavy work in different milliseconds. Allocates.
    pub fn new(tail_ms: u16, phase: usize) -> EchoBank {
        let tail_ms = tail_ms.clamp(*TAILS_MS.start(), *TAILS_MS.end());
        let taps = usize::from(tail_ms * PER_MS).next_multiple_of(BLOCK);
        let channel = |_| Channel {
            mode: EchoMode::Off,
            starter: Starter::new(taps),
            nlp: Nlp::new(),
            control: Control::new(),
            won: None,
            converging: CONVERGING_BLOCKS,
            left: 0.0,
            received: 0.0,
        };
        EchoBank {
            fft: Fft::new(),
            spectra: Spectra::new(taps / BLOCK),
            kalman: Kalman::new(taps / BLOCK),
            foreground: Foreground::new(taps / BLOCK),
            disabler: Disabler::new(),
            high_pass: [HighPass::new(); 2],
            channels: (0..CHANNELS).map(channel).collect(),
            sent: [V::ZERO; FRAME],
            received: [V::ZERO; BLOCK],
            left: [V::ZERO; BLOCK],
            fill: phase * CHUNK % BLOCK,
            fast: is_fast(),
        }
    }

    /// Uses the portable kernel even where a faster one would run: for tests and benches.
    pub fn portable(mut self) -> EchoBank {
        self.fast = false;
        self
    }

    /// True if the vector kernel runs.
    pub fn is_fast(&self) -> bool {
        self.fast
    }

    /// Sets what a channel's canceller does. Switching it on starts it anew. A channel out of range is ignored.
    pub fn set_mode(&mut self, channel: usize, mode: EchoMode) {
        let Some(own) = self.channels.get_mut(channel) else { return };
        let was = core::mem::replace(&mut own.mode, mode);
        if was == EchoMode::Off || mode == EchoMode::Off {
            self.reset(channel);
        }
    }

    /// Sets a channel's tail, at most the bank's, and starts it anew.
    pub fn set_tail(&mut self, channel: usize, tail_ms: u16) {
        let Some(own) = self.channels.get_mut(channel) else { return };
        let taps =
            usize::from(tail_ms.clamp(*TAILS_MS.start(), *TAILS_MS.end()) * PER_MS).next_multiple_of(BLOCK);
        own.starter.set_tail(taps);
        self.kalman.set_tail(channel, taps / BLOCK);
        self.reset(channel);
    }

    /// Returns what a channel's canceller does.
    pub fn mode(&self, channel: usize) -> Option<EchoMode> {
        Some(self.channels.get(channel)?.mode)
    }

    /// Forgets a channel's path, for a new call on another line. Its mode stays.
    pub fn reset(&mut self, channel: usize) {
        let Some(own) = self.channels.get_mut(channel) else { return };
        own.forget();
        own.starter.clear();
        own.nlp = Nlp::new();
        own.control = Control::new();
        self.foreground.clear(channel);
        self.foreground.settle();
        self.spectra.clear(channel);
        self.kalman.reset(channel);
        self.disabler.reset(channel);
        self.high_pass.iter_mut().for_each(|filter| filter.clear(channel));
        for samples in [&mut self.sent[..], &mut self.received, &mut self.left] {
            samples.iter_mut().for_each(|v| v.0[channel] = 0.0);
        }
    }

    /// Returns how well a channel's canceller does; nothing for one that is off.
    pub fn figures(&self, channel: usize) -> EchoFigures {
        match self.channels.get(channel) {
            Some(own) if own.mode != EchoMode::Off => {
                let known = !self.foreground.is_empty(channel);
                own.control.figures(known, self.disabler.is_disabled(channel))
            }
            Some(_) | None => EchoFigures::default(),
        }
    }

    /// Cancels a block: `sent` is what went to the lines and whose echo may begin in `received`.
    ///
    /// # Realtime
    /// No allocation, no panic. One call in eight does the work of a block as well: see `phase`.
    pub fn process(&mut self, sent: &[Block; CHANNELS], received: &mut [Block; CHANNELS]) {
        #[cfg(target_arch = "x86_64")]
        if self.fast {
            return avx::process(self, sent, received);
        }
        self.process_on::<Portable>(sent, received);
    }

    #[inline(always)]
    fn process_on<L: Lanes>(&mut self, sent: &[Block; CHANNELS], received: &mut [Block; CHANNELS]) {
        let fill = self.fill;
        let (mut x, mut d) = ([L::splat(0.0); CHANNELS], [L::splat(0.0); CHANNELS]);
        for (lane, own) in self.channels.iter_mut().enumerate().filter(|(_, own)| own.mode != EchoMode::Off) {
            (x[lane], d[lane]) = (L::load_block(&sent[lane]), L::load_block(&received[lane]));
            own.starter.hear(x[lane]);
        }
        let rows = d;
        let (x, d) = (L::transpose(x), L::transpose(d));
        for i in 0..CHUNK {
            x[i].store(&mut self.sent[BLOCK + fill + i]);
            d[i].store(&mut self.received[fill + i]);
        }
        let echo = self.foreground.echo::<L>(&self.sent, fill);
        let mut left = d;
        for i in 0..CHUNK {
            left[i] = d[i].sub(echo[i]);
            left[i].store(&mut self.left[fill + i]);
        }
        let (sent_power, received_power) = (power(&x), power(&d));
        let [high_left, high_echo] = &mut self.high_pass;
        let (high_left, high_echo) = (power(&high_left.filter(&left)), power(&high_echo.filter(&echo)));
        let left_power = power(&left);
        let left = L::transpose(left);
        for (lane, own) in self.channels.iter_mut().enumerate() {
            if own.mode == EchoMode::Off || self.disabler.is_disabled(lane) {
                continue;
            }
            let powers = Powers {
                sent: sent_power.0[lane],
                received: received_power.0[lane],
                left: left_power.0[lane],
                high_left: high_left.0[lane],
                high_echo: high_echo.0[lane],
            };
            let narrow = self.kalman.is_narrow(lane);
            own.won = own.starter.block::<L>((rows[lane], left[lane]), &powers, narrow).or(own.won);
            own.finish(left[lane], &powers, &mut received[lane]);
        }
        self.disabler.listen([&x, &d]);
        self.fill = fill + CHUNK;
        if self.fill >= BLOCK {
            self.fill = 0;
            self.block::<L>();
        }
    }

    /// The work of every eighth call.
    #[inline(always)]
    fn block<L: Lanes>(&mut self) {
        let mut work = Work::new();
        for lane in 0..LANES {
            self.adopt::<L>(lane, &mut work);
        }
        let (mut on, mut full) = (V::ZERO, false);
        for (lane, own) in self.channels.iter().enumerate() {
            let is_on = own.mode != EchoMode::Off && !self.disabler.is_disabled(lane);
            // A tone would only lead a good filter astray.
            let rests = self.kalman.is_narrow(lane) && own.control.is_good();
            on.0[lane] = f32::from(u8::from(is_on && !rests));
            full |= is_on && own.converging > 0 && own.control.is_active();
        }
        self.spectra.push::<L>(&self.fft, &self.sent, &mut work);
        let (signals, known) = ((&self.sent, &self.received, &self.left), (&self.fft, &self.spectra));
        let powers = self.kalman.block::<L>(known, signals, (on, full), &mut work);
        self.sent.copy_within(BLOCK.., 0);
        self.judge::<L>(&powers, &mut work);
        self.foreground.expect::<L>(&self.fft, &self.spectra, &mut work);
    }

    /// Decides for each channel which filter is right.
    #[inline(always)]
    fn judge<L: Lanes>(&mut self, powers: &BlockPowers, work: &mut Work) {
        let mut takes = [Take::Nothing; LANES];
        for (lane, own) in self.channels.iter_mut().enumerate() {
            if own.mode == EchoMode::Off || self.disabler.is_disabled(lane) {
                continue;
            }
            let narrow = self.kalman.is_narrow(lane);
            let broken = self.kalman.is_broken(lane);
            let verdict = own.control.judge(powers, lane, narrow, broken);
            own.converging = own.converging.saturating_sub(u32::from(own.control.is_active()));
            match verdict {
                Verdict::Keep => {}
                Verdict::Copy => takes[lane] = if own.converging > 0 { Take::All } else { Take::Sure },
                Verdict::Clear => {
                    own.unlearn();
                    self.foreground.clear(lane);
                }
                Verdict::Restore => restore(&mut self.kalman, &self.foreground, lane, None),
                Verdict::Reset => {
                    own.forget();
                    self.foreground.clear(lane);
                    self.kalman.reset(lane);
                    self.high_pass.iter_mut().for_each(|filter| filter.clear(lane));
                }
            }
        }
        if takes != [Take::Nothing; LANES] {
            self.foreground.take_background::<L>(&self.kalman, takes, &self.fft, work);
        }
        self.foreground.settle();
    }

    /// Takes a starter's filter that has won, for the foreground and, where it is better there too, for the background.
    #[inline(always)]
    fn adopt<L: Lanes>(&mut self, lane: usize, work: &mut Work) {
        let own = &mut self.channels[lane];
        let Some(won) = own.won.take() else { return };
        let (taps, parts) = own.starter.candidate();
        self.foreground.take_starter::<L>(lane, taps, parts, &self.fft, work);
        own.starter.go_on();
        own.converging = CONVERGING_BLOCKS;
        if own.control.adopt(&won) {
            let unsure = (won.left / (won.received + 1.0)).min(1.0);
            restore(&mut self.kalman, &self.foreground, lane, Some(unsure));
        }
    }
}

/// Sets the background's filter of a channel to the foreground's; `unsure` is the part of it that may be wrong.
fn restore(kalman: &mut Kalman, foreground: &Foreground, lane: usize, unsure: Option<f32>) {
    let energies = (0..kalman.parts()).map(|part| foreground.part(part, lane).1);
    let (total, used) =
        energies.fold((0.0, 0_u32), |(sum, used), energy| (sum + energy, used + u32::from(energy > 0.0)));
    // What is wrong lies in all partitions, mostly in those that the foreground has.
    let (outside, inside) = (total / kalman.parts() as f32, total / used.max(1) as f32);
    let variance = |mean: f32| unsure.map(|unsure| unsure * mean + 1e-6);
    for part in 0..kalman.parts() {
        let (w, energy) = foreground.part(part, lane);
        let mean = if energy > 0.0 { inside + energy } else { outside };
        kalman.set(lane, part, (w, energy), variance(mean));
    }
}

impl Channel {
    /// Throws the filter in use away.
    fn forget(&mut self) {
        self.starter.reset();
        self.nlp.forget();
        (self.won, self.left, self.received) = (None, 0.0, 0.0);
        self.converging = CONVERGING_BLOCKS;
    }

    /// The filter in use has proved wrong; a starter at work goes on.
    fn unlearn(&mut self) {
        self.starter.distrust();
        self.nlp.forget();
        self.converging = CONVERGING_BLOCKS;
    }

    /// The non-linear processor, the bound on the output, and rounding.
    #[inline(always)]
    fn finish<L: Lanes>(&mut self, left: L, powers: &Powers, out: &mut Block) {
        self.left += BOUND_FOLLOWS * (powers.left - self.left);
        self.received += BOUND_FOLLOWS * (powers.received - self.received);
        // False for what is not a number as well.
        let bounded = self.left <= MOST_GAIN * self.received + IN_USE;
        let (left, now) = if bounded { (left, powers.high_left) } else { (L::load_block(out), powers.received) };
        let EchoMode::On(mode) = self.mode else { return };
        let mut samples = [0.0; CHUNK];
        left.store_at(&mut samples, 0);
        self.nlp.block(mode, &mut samples, now, powers.high_echo);
        L::load_at(&samples, 0).store_block(out);
    }
}

/// Mean squares of eight samples of eight channels.
#[inline(always)]
fn power<L: Lanes>(samples: &[L; CHUNK]) -> V {
    let mut sum = L::splat(0.0);
    for sample in samples {
        sum = sample.mul_add(*sample, sum);
    }
    let mut power = V::ZERO;
    sum.mul(L::splat(1.0 / CHUNK as f32)).store(&mut power);
    power
}

/// Asks the processor once.
fn is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

impl core::fmt::Debug for EchoBank {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("EchoBank").field("parts", &self.kalman.parts()).finish_non_exhaustive()
    }
}
