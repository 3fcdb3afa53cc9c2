//! The settings and samples of every channel, field by field (each field an array over the strips).
//!
//! Loops over one field touch only that field's memory. All indices come from commands that were checked when they came in.

use dsp::mix::Gain as Factor;
use dsp::tone::ToneGenerator;
use tdm::{Block, CHUNK, Chunk, Law, SILENCE};

use crate::dial::Dialler;
use crate::{Conference, Source};

/// All strips.
pub(crate) struct Strips {
    /// The strip is a channel for audio: its span is attached and it is not a D-channel.
    pub(crate) present: Box<[bool]>,
    pub(crate) law: Box<[Law]>,
    pub(crate) source: Box<[Source]>,
    pub(crate) rx_gain: Box<[Factor]>,
    pub(crate) tx_gain: Box<[Factor]>,
    pub(crate) tones: Box<[ToneGenerator]>,
    pub(crate) dials: Box<[Dialler]>,
    /// The last sample of a source that was cut and shall end with a ramp.
    pub(crate) tail: Box<[i16]>,
    /// Members of every conference.
    pub(crate) members: Box<[u16]>,
    /// What the lines sent, octets.
    pub(crate) line: Box<[Chunk]>,
    /// What the lines sent, decoded, after gain.
    pub(crate) heard: Box<[Block]>,
    /// The same before echo cancelling and gain: for the detectors.
    pub(crate) received: Box<[Block]>,
    /// What the lines are sent, after gain.
    pub(crate) sent: Box<[Block]>,
    /// What they were sent in the block before, silence where nothing was sent: for the detectors.
    pub(crate) was_sent: Box<[Block]>,
    /// What the lines are sent, octets.
    pub(crate) out: Box<[Chunk]>,
    /// What each strip is sent while it is idle.
    pub(crate) idle: Box<[Chunk]>,
}

impl Strips {
    pub(crate) fn new(strips: usize, conferences: usize) -> Strips {
        fn all<T: Clone>(value: T, strips: usize) -> Box<[T]> {
            let mut field = vec![value.clone(); strips].into_boxed_slice();
            // Written, so that no page of it is missing when the realtime thread comes to it first.
            field.fill(core::hint::black_box(value));
            field
        }
        Strips {
            present: all(false, strips),
            law: all(Law::A, strips),
            source: all(Source::Silence, strips),
            rx_gain: all(Factor::UNITY, strips),
            tx_gain: all(Factor::UNITY, strips),
            tones: all(ToneGenerator::new(), strips),
            dials: all(Dialler::default(), strips),
            tail: all(0, strips),
            members: all(0, conferences),
            line: all([Law::A.idle(); CHUNK], strips),
            heard: all(SILENCE, strips),
            received: all(SILENCE, strips),
            sent: all(SILENCE, strips),
            was_sent: all(SILENCE, strips),
            out: all([Law::A.idle(); CHUNK], strips),
            idle: all([Law::A.idle(); CHUNK], strips),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.source.len()
    }

    /// Chooses what a strip sends and keeps the conferences' counts. What it sent from memory (a feed, a tone, a conference)
    /// ends with a ramp of one block instead of a click.
    pub(crate) fn set_source(&mut self, strip: usize, source: Source) {
        let old = core::mem::replace(&mut self.source[strip], source);
        if old == source {
            return;
        }
        self.tail[strip] = match old {
            Source::Feed(_) | Source::Tone(_) | Source::Conference(_) => self.sent[strip][CHUNK - 1],
            Source::Silence | Source::Line(_) => 0,
        };
        if let Source::Conference(Conference(left)) = old {
            self.members[usize::from(left)] -= 1;
        }
        if let Source::Conference(Conference(joined)) = source {
            self.members[usize::from(joined)] += 1;
        }
    }
}
