//! Echo cancelling on every channel: banks of eight strips, their references and their figures.
//!
//! Place on the path: after decoding and measuring, before detectors and gain. The reference is exact: the octets that
//! went to the card, kept here, decoded again, as old as the card says the echo is (`CardIo::rt_delay`, taken anew when
//! the card has measured anew). How: a bank works while one of its strips sends, and for a tail's length after; a bank of
//! idle strips costs nothing. Neighbouring banks do the heavy part of their work in different periods, four in turn.
//! Limits: a following card's elastic store adds its fill to the delay, which the tail must cover; a channel off its hook
//! order is not told from another call: `RtOp::Reset` starts a canceller anew.

use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use dsp::echo::{CHANNELS, EchoBank, EchoFigures, EchoMode};
use g711::decode_slice;
use tdm::{Block, CHUNK, Chunk, Law, SILENCE};

use crate::Strip;
use crate::config::EchoSettings;
use crate::strips::Strips;

/// Samples kept of what was sent: the oldest echo that can be met begins this late, less a block.
const KEPT: usize = 1_024;

/// Blocks a bank goes on after its last strip has fallen silent: longer than the longest tail, so that it ends empty.
const HANG_BLOCKS: u16 = 160;

const _: () = assert!(KEPT.is_multiple_of(CHUNK) && HANG_BLOCKS as usize * CHUNK > 1_024);

/// The cancellers of all strips.
pub(crate) struct Cancellers {
    banks: Box<[Bank]>,
    /// What each strip sent, octets, a ring of [`KEPT`] samples.
    sent: Box<[[u8; KEPT]]>,
    /// Where the next chunk goes in all rings.
    at: usize,
    /// How old the echo in a received block is, in samples, by strip.
    delay: Box<[u16]>,
    settings: EchoSettings,
    strips: usize,
}

struct Bank {
    echo: EchoBank,
    hang: u16,
}

impl Cancellers {
    /// Makes the cancellers of `strips`; none if the settings say so. Allocates.
    pub(crate) fn new(strips: usize, settings: EchoSettings) -> Cancellers {
        let (banks, kept) = if settings.tail_ms == 0 { (0, 0) } else { (strips.div_ceil(CHANNELS), strips) };
        Cancellers {
            banks: (0..banks)
                .map(|bank| Bank { echo: EchoBank::new(settings.tail_ms, bank), hang: 0 })
                .collect(),
            sent: vec![[Law::A.idle(); KEPT]; kept].into(),
            at: 0,
            delay: vec![CHUNK as u16; strips].into(),
            settings,
            strips,
        }
    }

    /// True if a channel's canceller is on.
    pub(crate) fn is_on(&self, strip: usize) -> bool {
        let bank = self.banks.get(strip / CHANNELS);
        bank.is_some_and(|bank| bank.echo.mode(strip % CHANNELS).is_some_and(|mode| mode != EchoMode::Off))
    }

    /// Sets what a channel's canceller does; false if there is none or the tail is longer than it can be.
    pub(crate) fn set(&mut self, strip: usize, mode: EchoMode, tail_ms: u16) -> bool {
        let fits = *dsp::echo::TAILS_MS.start()..=self.settings.tail_ms;
        let Some(bank) = self.banks.get_mut(strip / CHANNELS) else { return mode == EchoMode::Off };
        if mode != EchoMode::Off {
            if !fits.contains(&tail_ms) {
                return false;
            }
            bank.echo.set_tail(strip % CHANNELS, tail_ms);
        }
        bank.echo.set_mode(strip % CHANNELS, mode);
        true
    }

    /// Puts a channel back as the settings have it for `channel`, or off if it is no channel for audio.
    pub(crate) fn restart(&mut self, strip: usize, channel: Option<tdm::ChannelId>) {
        let (mode, tail_ms) = match channel {
            Some(channel) => self.settings.of(channel),
            None => (EchoMode::Off, 0),
        };
        self.set(strip, mode, tail_ms.min(self.settings.tail_ms));
        if let Some(bank) = self.banks.get_mut(strip / CHANNELS) {
            bank.echo.reset(strip % CHANNELS);
        }
    }

    /// Sets how old the echo of a card's strips is.
    pub(crate) fn set_delay(&mut self, strips: core::ops::Range<usize>, samples: u32) {
        // What is received in a block can hold echo of earlier blocks only.
        let delay = samples.clamp(CHUNK as u32, (KEPT - CHUNK) as u32) as u16;
        if let Some(strips) = self.delay.get_mut(strips) {
            strips.fill(delay);
        }
    }

    /// Takes the echo out of what was heard. `listens` says which strips are decoded, `sends` which ones send.
    #[inline]
    pub(crate) fn block(&mut self, strips: &mut Strips, listens: &[bool], sends: &[bool]) {
        for (index, bank) in self.banks.iter_mut().enumerate() {
            let (first, end) = (index * CHANNELS, ((index + 1) * CHANNELS).min(self.strips));
            let speaks = sends[first..end].iter().any(|&sends| sends);
            bank.hang = if speaks { HANG_BLOCKS } else { bank.hang.saturating_sub(1) };
            if bank.hang == 0 {
                continue;
            }
            let (mut sent, mut heard) = ([SILENCE; CHANNELS], [SILENCE; CHANNELS]);
            for (lane, strip) in (first..end).enumerate() {
                sent[lane] = reference(&self.sent[strip], self.at, self.delay[strip], strips.law[strip]);
                if listens[strip] {
                    heard[lane] = strips.heard[strip];
                }
            }
            bank.echo.process(&sent, &mut heard);
            for (lane, strip) in (first..end).enumerate() {
                if listens[strip] {
                    strips.heard[strip] = heard[lane];
                }
            }
        }
    }

    /// Keeps what was sent.
    #[inline]
    pub(crate) fn keep(&mut self, out: &[Chunk]) {
        for (ring, chunk) in self.sent.iter_mut().zip(out) {
            if let Some(place) = ring.get_mut(self.at..self.at + CHUNK) {
                place.copy_from_slice(chunk);
            }
        }
        self.at = (self.at + CHUNK) % KEPT;
    }

    /// Shows the figures of all channels.
    pub(crate) fn show(&self, meters: &EchoMeters) {
        for (strip, meter) in meters.0.iter().enumerate().take(self.strips) {
            if let Some(bank) = self.banks.get(strip / CHANNELS) {
                meter.set(bank.echo.figures(strip % CHANNELS));
            }
        }
    }
}

/// The samples sent that are `delay` old at the block which follows the newest one kept.
#[inline]
fn reference(ring: &[u8; KEPT], at: usize, delay: u16, law: Law) -> Block {
    let start = at + KEPT - usize::from(delay);
    let octets: Chunk = core::array::from_fn(|i| ring[(start + i) % KEPT]);
    let mut block = SILENCE;
    decode_slice(law, &octets, &mut block);
    block
}

/// The cancellers' figures, for readers on other threads.
#[derive(Debug)]
pub struct EchoMeters(Box<[Meter]>);

#[derive(Debug, Default)]
struct Meter {
    erl: AtomicU32,
    erle: AtomicU32,
    resets: AtomicU32,
    path_changes: AtomicU32,
    disabled: AtomicU8,
}

/// Stands for a figure that is not known.
const UNKNOWN: f32 = f32::NEG_INFINITY;

impl EchoMeters {
    pub(crate) fn new(strips: usize) -> EchoMeters {
        let meters: Box<[Meter]> = (0..strips).map(|_| Meter::default()).collect();
        meters.iter().for_each(|meter| meter.set(EchoFigures::default()));
        EchoMeters(meters)
    }

    /// Returns a channel's figures, as of the last 100 ms; none for a strip that is not there.
    pub fn of(&self, strip: Strip) -> Option<EchoFigures> {
        let meter = self.0.get(usize::from(strip.0))?;
        let known = |bits: &AtomicU32| {
            let db = f32::from_bits(bits.load(Ordering::Relaxed));
            (db > UNKNOWN).then_some(db)
        };
        Some(EchoFigures {
            erl_db: known(&meter.erl),
            erle_db: known(&meter.erle),
            resets: meter.resets.load(Ordering::Relaxed),
            path_changes: meter.path_changes.load(Ordering::Relaxed),
            disabled: meter.disabled.load(Ordering::Relaxed) != 0,
        })
    }
}

impl Meter {
    fn set(&self, figures: EchoFigures) {
        let bits = |db: Option<f32>| db.unwrap_or(UNKNOWN).to_bits();
        self.erl.store(bits(figures.erl_db), Ordering::Relaxed);
        self.erle.store(bits(figures.erle_db), Ordering::Relaxed);
        self.resets.store(figures.resets, Ordering::Relaxed);
        self.path_changes.store(figures.path_changes, Ordering::Relaxed);
        self.disabled.store(u8::from(figures.disabled), Ordering::Relaxed);
    }
}

/// What the settings make of one channel.
impl EchoSettings {
    fn of(&self, channel: tdm::ChannelId) -> (EchoMode, u16) {
        let fits = |own: &&crate::EchoChannels| {
            own.span == channel.span && own.timeslot.is_none_or(|timeslot| timeslot == channel.timeslot)
        };
        let (tail_ms, nlp) =
            self.channels.iter().rfind(fits).map_or((self.tail_ms, self.nlp), |own| (own.tail_ms, own.nlp));
        if tail_ms == 0 { (EchoMode::Off, 0) } else { (EchoMode::On(nlp), tail_ms) }
    }
}
