//! The detectors of all channels, at work where they are switched on.

use clock::SampleTime;
use dsp::bank::Path;
use dsp::dtmf::DtmfEvent;
use dsp::listen::{Heard, ListenError, ListenSet, Listeners, Wants};
use tdm::Block;

use crate::telling::Teller;
use crate::{EngineConfig, RtEventKind, Strip};

/// All detectors.
pub(crate) struct Detectors {
    listeners: Listeners,
    /// Channels with a wish.
    listening: usize,
}

impl Detectors {
    /// Makes the detectors of all strips; none of them hears yet.
    pub(crate) fn new(strips: usize, config: &EngineConfig) -> Result<Detectors, ListenError> {
        let set = ListenSet {
            caller_id: config.caller_id,
            voice: config.voice.rule().ok_or(ListenError::Voice)?,
            machine: config.machine.rule().ok_or(ListenError::Machine)?,
            ..ListenSet::new(&config.tones)?
        };
        Ok(Detectors { listeners: Listeners::new(strips, set, Path::best()), listening: 0 })
    }

    /// Returns what a strip wants.
    pub(crate) fn wants(&self, strip: usize) -> Wants {
        self.listeners.wants(strip)
    }

    /// Chooses what a strip wants.
    pub(crate) fn want(&mut self, strip: usize, wants: Wants) {
        let before = !self.listeners.wants(strip).is_empty();
        self.listeners.want(strip, wants);
        let now = !self.listeners.wants(strip).is_empty();
        self.listening = self.listening + usize::from(now) - usize::from(before);
    }

    /// Makes a strip's detectors forget what they have heard.
    pub(crate) fn restart(&mut self, strip: usize) {
        self.listeners.forget(strip);
    }

    /// Lets the detectors hear a block of every strip. What finds the event ring full is lost and counted.
    #[inline]
    pub(crate) fn block(&mut self, heard: &[Block], time: SampleTime, tell: &mut Teller) {
        if self.listening == 0 {
            return;
        }
        self.listeners.push(heard, &mut |strip, heard| {
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
