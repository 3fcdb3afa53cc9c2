//! The DTMF detectors: one for every channel from start, at work where they are switched on.

use clock::SampleTime;
use dsp::dtmf::{DtmfDetector, DtmfEvent};
use tdm::Block;

use crate::telling::Teller;
use crate::{RtEventKind, Strip};

/// All detectors.
pub(crate) struct Detectors {
    detectors: Box<[DtmfDetector]>,
}

impl Detectors {
    /// Makes a detector for each strip; their windows end in different periods, so that the work is spread.
    pub(crate) fn new(strips: usize) -> Detectors {
        Detectors { detectors: (0..strips).map(DtmfDetector::new).collect() }
    }

    /// Makes a detector forget what it has heard.
    pub(crate) fn restart(&mut self, strip: usize) {
        if let Some(detector) = self.detectors.get_mut(strip) {
            detector.reset();
        }
    }

    /// Lets the detectors of `strips` hear a block. A digit that finds the event ring full is lost and counted.
    #[inline]
    pub(crate) fn block(&mut self, strips: &[usize], heard: &[Block], time: SampleTime, tell: &mut Teller) {
        for &index in strips {
            if let Some(event) = self.detectors[index].push(&heard[index]) {
                let strip = Strip(index as u16);
                tell.tell(
                    time,
                    match event {
                        DtmfEvent::Down { digit } => RtEventKind::DigitDown { strip, digit },
                        DtmfEvent::Up { digit, ms } => RtEventKind::DigitUp { strip, digit, ms },
                    },
                );
            }
        }
    }
}
