//! What stands for the realtime engine: it carries out every command a period after it was given, and knows from it what
//! every channel is sent.

use std::collections::{BTreeMap, BTreeSet};

use card::LineOrder;
use rt::{RtOp, Source, Strip};
use tdm::ChannelId;

use crate::exchange::{Input, Sound};

/// The engine's switching matrix without samples.
#[derive(Debug, Default)]
pub(crate) struct Matrix {
    channels: BTreeMap<Strip, ChannelId>,
    sources: BTreeMap<Strip, Source>,
    ringing: BTreeSet<ChannelId>,
}

impl Matrix {
    pub fn new(strips: &BTreeMap<ChannelId, Strip>) -> Matrix {
        let channels = strips.iter().map(|(channel, strip)| (*strip, *channel)).collect();
        Matrix { channels, sources: BTreeMap::new(), ringing: BTreeSet::new() }
    }

    /// Returns the channel of a strip.
    pub fn channel(&self, strip: Strip) -> Option<ChannelId> {
        self.channels.get(&strip).copied()
    }

    /// Carries out a command; returns what the exchange notices of it.
    pub fn apply(&mut self, op: RtOp) -> Option<Input<'static>> {
        match op {
            RtOp::Send { strip, source } => self.send(strip, source),
            RtOp::Reset { strip } => self.send(strip, Source::Silence),
            RtOp::Line(LineOrder::Ring { channel, cadence }) => {
                let on = cadence.is_some();
                let changed = if on { self.ringing.insert(channel) } else { self.ringing.remove(&channel) };
                changed.then_some(Input::Ring { channel, on })
            }
            RtOp::Line(LineOrder::Hook { channel, state }) => Some(Input::Loop { channel, hook: state }),
            // Digits that Tandem sends take their time: the world has them; the rest makes no sound.
            RtOp::Line(
                LineOrder::Abcd { .. }
                | LineOrder::Polarity { .. }
                | LineOrder::Break { .. }
                | LineOrder::SendAlarms { .. },
            )
            | RtOp::Tap { .. }
            | RtOp::Untap { .. }
            | RtOp::Flush { .. }
            | RtOp::Dial { .. }
            | RtOp::Detect { .. }
            | RtOp::Gains { .. }
            | RtOp::Echo { .. } => None,
        }
    }

    fn send(&mut self, strip: Strip, source: Source) -> Option<Input<'static>> {
        let before = self.sources.insert(strip, source);
        if before == Some(source) {
            return None;
        }
        let channel = *self.channels.get(&strip)?;
        let sound = match source {
            Source::Silence => Sound::Silence,
            Source::Tone(_) => Sound::Tone,
            Source::Feed(_) | Source::Conference(_) => Sound::Speech,
            Source::Line(other) => self.channels.get(&other).map_or(Sound::Silence, |c| Sound::Person(*c)),
        };
        Some(Input::Heard { channel, sound })
    }

    /// Returns the channels that are sent a prompt or another channel.
    pub fn in_use(&self) -> Vec<ChannelId> {
        let used = |(strip, source): (&Strip, &Source)| match source {
            Source::Line(_) | Source::Feed(_) | Source::Conference(_) => self.channels.get(strip).copied(),
            Source::Silence | Source::Tone(_) => None,
        };
        self.sources.iter().filter_map(used).collect()
    }

    /// Returns the telephones that are rung.
    pub fn ringing(&self) -> impl Iterator<Item = ChannelId> {
        self.ringing.iter().copied()
    }
}
