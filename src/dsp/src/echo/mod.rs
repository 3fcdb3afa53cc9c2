//! The line echo canceller, eight channels at a time.
//!
//! Place on the path: after decoding, before detectors and gain; the reference is what was really sent to the line.
//!
//! ```text
//! sent --+--> history --> foreground --echo--> (-) --left--> nlp --> passed on, same block
//!        |                    ^ taps            ^
//!        |                    | the better one  received
//!        +--> background (Kalman, 32 samples late, never heard)
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
mod kalman;
mod lanes;
mod nlp;
mod starter;

use tdm::{Block, CHUNK};

use control::{Control, Verdict};
use disabler::Disabler;
use foreground::{Foreground, History, LEAST_OF_BACKGROUND};
use kalman::Kalman;
use lanes::{LANES, Lanes, Portable, V};
use nlp::Nlp;
pub use nlp::NlpMode;
use starter::{Starter, Won};

/// Channels of a bank.
pub const CHANNELS: usize = LANES;

/// Samples of a block of the background.
const BLOCK: usize = 32;
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
const CONVERGING_BLOCKS: u32 = 375;
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
    kalman: Kalman,
    disabler: Disabler,
    channels: Box<[Channel]>,
    /// What was sent in the block before and in the present one.
    sent: [V; FRAME],
    received: [V; BLOCK],
    left: [V; BLOCK],
    fill: usize,
    fast: bool,
}

/// What each channel has for itself.
struct Channel {
    mode: EchoMode,
    history: History,
    foreground: Foreground,
    starter: Starter,
    nlp: Nlp,
    control: Control,
    /// A candidate was adopted since the last block of the background.
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
            history: History::new(taps),
            foreground: Foreground::new(taps),
            starter: Starter::new(taps),
            nlp: Nlp::new(),
            control: Control::new(),
            won: None,
            converging: CONVERGING_BLOCKS,
            left: 0.0,
            received: 0.0,
        };
        EchoBank {
            kalman: Kalman::new(taps / BLOCK),
            disabler: Disabler::new(),
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
        own.history.clear();
        own.nlp = Nlp::new();
        own.control = Control::new();
        self.kalman.reset(channel);
        self.disabler.reset(channel);
        for samples in [&mut self.sent[..], &mut self.received, &mut self.left] {
            samples.iter_mut().for_each(|v| v.0[channel] = 0.0);
        }
    }

    /// Returns how well a channel's canceller does; nothing for one that is off.
    pub fn figures(&self, channel: usize) -> EchoFigures {
        match self.channels.get(channel) {
            Some(own) if own.mode != EchoMode::Off => {
                let known = !own.foreground.is_empty();
                own.control.figures(known, self.disabler.is_disabled(channel))
            }
            Some(_) | None => EchoFigures::default(),
        }
    }

    /// Cancels a block: `sent` is what went to the lines and whose echo may begin in `received`.
    ///
    /// # Realtime
    /// No allocation, no panic. One call in four does the background's work as well: see `phase`.
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
        for (lane, (sent, received)) in sent.iter().zip(received.iter_mut()).enumerate() {
            if let Some(next) = self.channels.get(lane + 1) {
                next.foreground.fetch::<L>(&next.history);
            }
            let Some(own) = self.channels.get_mut(lane) else { continue };
            if own.mode == EchoMode::Off {
                continue;
            }
            let (x, d) = (sent.map(f32::from), received.map(f32::from));
            own.history.push(&x);
            let echo = own.foreground.echo::<L>(&own.history);
            let left: [f32; CHUNK] = core::array::from_fn(|i| d[i] - echo[i]);
            for i in 0..CHUNK {
                self.sent[BLOCK + fill + i].0[lane] = x[i];
                self.received[fill + i].0[lane] = d[i];
                self.left[fill + i].0[lane] = left[i];
            }
            if self.disabler.is_disabled(lane) {
                continue;
            }
            let narrow = self.kalman.is_narrow(lane);
            own.start::<L>(&x, &d, &left, narrow);
            own.finish(left, &echo, &d, received);
        }
        self.disabler.listen::<L>([
            &self.sent[BLOCK + fill..BLOCK + fill + CHUNK],
            &self.received[fill..fill + CHUNK],
        ]);
        self.fill = fill + CHUNK;
        if self.fill >= BLOCK {
            self.fill = 0;
            self.background::<L>();
        }
    }

    /// The work of every fourth call.
    #[inline(always)]
    fn background<L: Lanes>(&mut self) {
        for lane in 0..LANES {
            self.seed::<L>(lane);
        }
        let (mut on, mut full) = (V::ZERO, false);
        for (lane, own) in self.channels.iter().enumerate() {
            let is_on = own.mode != EchoMode::Off && !self.disabler.is_disabled(lane);
            // A tone would only lead a good filter astray.
            let rests = self.kalman.is_narrow(lane) && own.control.is_good();
            on.0[lane] = f32::from(u8::from(is_on && !rests));
            full |= is_on && own.converging > 0 && own.control.is_active();
        }
        let powers = self.kalman.block::<L>(&self.sent, &self.received, &self.left, on, full);
        self.sent.copy_within(BLOCK.., 0);
        let mut copied = [false; LANES];
        for (lane, own) in self.channels.iter_mut().enumerate() {
            if own.mode == EchoMode::Off || self.disabler.is_disabled(lane) {
                continue;
            }
            let narrow = self.kalman.is_narrow(lane);
            let broken = self.kalman.is_broken(lane);
            let verdict = own.control.judge(&powers, lane, narrow, broken);
            own.converging = own.converging.saturating_sub(u32::from(own.control.is_active()));
            match verdict {
                Verdict::Keep => {}
                Verdict::Copy => copied[lane] = true,
                Verdict::Clear => own.unlearn(),
                Verdict::Restore => restore::<L>(&mut self.kalman, &own.foreground, lane, None),
                Verdict::Reset => {
                    own.forget();
                    self.kalman.reset(lane);
                }
            }
        }
        self.copy::<L>(full, copied);
    }

    /// Gives the background a starter's filter that is better than its own.
    #[inline(always)]
    fn seed<L: Lanes>(&mut self, lane: usize) {
        let own = &mut self.channels[lane];
        let Some(won) = own.won.take() else { return };
        if own.control.adopt(&won) {
            let unsure = (won.left / (won.received + 1.0)).min(1.0);
            restore::<L>(&mut self.kalman, &own.foreground, lane, Some(unsure));
        }
    }

    /// Copies the background to the foregrounds that it has beaten.
    #[inline(always)]
    fn copy<L: Lanes>(&mut self, full: bool, copied: [bool; LANES]) {
        if copied == [false; LANES] {
            return;
        }
        let channels = &mut self.channels;
        self.kalman.taps::<L>(full, |part, taps| {
            for (lane, own) in channels.iter_mut().enumerate().filter(|(lane, _)| copied[*lane]) {
                own.foreground.take(part, taps.iter().map(|tap| tap.0[lane]));
            }
        });
        for (_, own) in self.channels.iter_mut().enumerate().filter(|(lane, _)| copied[*lane]) {
            own.foreground.keep(self.kalman.window(full).iter().copied(), LEAST_OF_BACKGROUND);
        }
    }
}

/// Sets the background's filter of a channel to the foreground's; `unsure` is the part of it that may be wrong.
#[inline(always)]
fn restore<L: Lanes>(kalman: &mut Kalman, foreground: &Foreground, lane: usize, unsure: Option<f32>) {
    let energy = |part: usize| foreground.part(part).iter().map(|tap| tap * tap).sum::<f32>();
    let used = || (0..kalman.parts()).filter(|&part| foreground.uses(part));
    let (total, count) = (used().map(energy).sum::<f32>(), used().count().max(1));
    // What is wrong lies in all partitions, mostly in those that the foreground has.
    let (outside, inside) = (total / kalman.parts() as f32, total / count as f32);
    let variance = |mean: f32| unsure.map(|unsure| unsure * mean + 1e-6);
    for part in 0..kalman.parts() {
        if !foreground.uses(part) {
            kalman.empty(lane, part, variance(outside));
            continue;
        }
        let mut taps = [0.0; BLOCK];
        taps.iter_mut().zip(foreground.part(part).iter().rev()).for_each(|(to, from)| *to = *from);
        kalman.set::<L>(lane, part, &taps, variance(inside + energy(part)));
    }
}

impl Channel {
    /// Throws the filter in use away.
    fn forget(&mut self) {
        self.foreground.clear();
        self.starter.reset();
        self.nlp.forget();
        (self.won, self.left, self.received) = (None, 0.0, 0.0);
        self.converging = CONVERGING_BLOCKS;
    }

    /// The filter in use has proved wrong; a starter at work goes on.
    fn unlearn(&mut self) {
        self.foreground.clear();
        self.starter.distrust();
        self.nlp.forget();
        self.converging = CONVERGING_BLOCKS;
    }

    #[inline(always)]
    fn start<L: Lanes>(&mut self, x: &[f32; CHUNK], d: &[f32; CHUNK], left: &[f32; CHUNK], narrow: bool) {
        if let Some(won) = self.starter.block::<L>(&self.history, x, d, left, narrow) {
            let (taps, parts) = self.starter.candidate();
            self.foreground.take_parts(taps, parts);
            self.starter.go_on();
            self.won = Some(won);
            self.converging = CONVERGING_BLOCKS;
        }
    }

    /// The non-linear processor, the bound on the output, and rounding.
    #[inline(always)]
    fn finish(&mut self, mut left: [f32; CHUNK], echo: &[f32; CHUNK], d: &[f32; CHUNK], out: &mut Block) {
        let power = |block: &[f32; CHUNK]| block.iter().map(|s| s * s).sum::<f32>();
        self.left += BOUND_FOLLOWS * (power(&left) - self.left);
        self.received += BOUND_FOLLOWS * (power(d) - self.received);
        // False for what is not a number as well.
        let bounded = self.left <= MOST_GAIN * self.received + IN_USE * CHUNK as f32;
        if !bounded {
            left = *d;
        }
        let EchoMode::On(mode) = self.mode else { return };
        self.nlp.block(mode, &mut left, echo);
        // A float conversion saturates.
        *out = left.map(|sample| sample.round_ties_even() as i16);
    }
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
