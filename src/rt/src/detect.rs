//! The detectors of all channels, at work where they are switched on.

use clock::SampleTime;
use dsp::bank::Path;
use dsp::dtmf::DtmfEvent;
use dsp::listen::{Heard, ListenError, ListenSet, Listeners, Wants};
use tdm::Block;

use crate::removal::Keys;
use crate::telling::Teller;
use crate::{EngineConfig, RtEventKind, Strip};

/// All detectors.
pub(crate) struct Detectors {
    listeners: Listeners,
    /// Channels with a wish.
    listening: usize,
    /// What recordings leave out.
    keys: Keys,
    /// The time of the last block.
    time: SampleTime,
}

/// One block of every strip, three times.
#[derive(Clone, Copy)]
pub(crate) struct Sounds<'a> {
    pub(crate) heard: &'a [Block],
    pub(crate) received: &'a [Block],
    pub(crate) sent: &'a [Block],
}

impl Detectors {
    /// Makes the detectors of all strips; none of them hears yet.
    pub(crate) fn new(strips: usize, config: &EngineConfig) -> Result<Detectors, ListenError> {
        let set = ListenSet {
            caller_id: config.caller_id,
            voice: config.voice.rule().ok_or(ListenError::Voice)?,
            machine: config.machine.rule().ok_or(ListenError::Machine)?,
            ..ListenSet::with_own_tones(&config.tones, &config.own_tones)?
        };
        let listeners = Listeners::new(strips, set, Path::best());
        Ok(Detectors { listeners, listening: 0, keys: Keys::new(strips), time: SampleTime::ZERO })
    }

    /// Returns what a strip wants.
    pub(crate) fn wants(&self, strip: usize) -> Wants {
        self.listeners.wants(strip)
    }

    /// Chooses what a strip wants.
    pub(crate) fn want(&mut self, strip: usize, wants: Wants) {
        if !wants.contains(Wants::DTMF) {
            self.keys.let_go(strip, self.time);
        }
        let before = !self.listeners.wants(strip).is_empty();
        self.listeners.want(strip, wants);
        let now = !self.listeners.wants(strip).is_empty();
        self.listening = self.listening + usize::from(now) - usize::from(before);
    }

    /// Makes a strip's detectors forget what they have heard.
    pub(crate) fn restart(&mut self, strip: usize) {
        self.listeners.forget(strip);
        self.keys.let_go(strip, self.time);
    }

    /// Returns which channels' keys are down or were a moment ago.
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Lets the detectors hear a block of every strip, beside what was received before echo cancelling and what was sent
    /// in the block before. What finds the event ring full is lost and counted.
    #[inline]
    pub(crate) fn block(
        &mut self,
        Sounds { heard, received, sent }: Sounds<'_>,
        time: SampleTime,
        tell: &mut Teller,
    ) {
        self.time = time;
        if self.listening == 0 {
            return;
        }
        let keys = &mut self.keys;
        self.listeners.push_beside(heard, received, sent, &mut |strip, heard| {
            if let Heard::Dtmf(event) = heard {
                keys.note(strip, event, time);
            }
            let strip = Strip(strip as u16);
            tell.tell(
                time,
                match heard {
                    Heard::Dtmf(DtmfEvent::Down { digit }) => RtEventKind::DigitDown { strip, digit },
                    Heard::Dtmf(DtmfEvent::Up { digit, ms }) => RtEventKind::DigitUp { strip, digit, ms },
                    heard => RtEventKind::Heard { strip, heard },
                },
            );
        });
    }
}
