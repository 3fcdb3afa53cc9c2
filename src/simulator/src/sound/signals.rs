//! What an exchange sends on a subscriber line: its tones, and a caller's number by FSK, as clips.
//!
//! A tone is one cycle of its cadence (a second of one without), to be repeated: every frequency of the plans is a whole
//! number of hertz, so that a second ends where it began. A message is seizure, mark and octets as Bellcore has them.
//! Sources: the tone plans of `dsp::tone`; Bellcore GR-30-CORE (300 bits of seizure, 180 of mark; `unverified`).

use dsp::caller_id::{CallerId, Message, emit};
use dsp::fsk::{BELL_202, Modulator, V23};
use dsp::progress::ProgressKind;
use dsp::tone::{Country, SPECIAL_INFORMATION, ToneGenerator, ToneSpec, plan};
use tdm::CHUNK;

use super::Clip;
use crate::exchange::Identity;

/// The level of FSK.
const LEVEL_DBM0: f32 = -14.0;
const SEIZURE_BITS: usize = 300;
const MARK_BITS: usize = 180;
/// How long a tone without cadence is.
const STEADY_MS: u32 = 1_000;

/// The tones of a country.
#[derive(Clone, Debug)]
pub struct Signals {
    tones: Vec<(ProgressKind, Clip)>,
}

impl Signals {
    /// Makes the tones of a country.
    pub fn new(country: Country) -> Signals {
        let plan = plan(country);
        let all = [
            (ProgressKind::Dial, &plan.dial),
            (ProgressKind::Ringback, &plan.ringback),
            (ProgressKind::Busy, &plan.busy),
            (ProgressKind::Congestion, &plan.congestion),
            (ProgressKind::Unobtainable, &plan.unobtainable),
            (ProgressKind::SpecialInformation, &SPECIAL_INFORMATION),
        ];
        let clip = |(kind, spec): (ProgressKind, &ToneSpec)| (kind, cycle(&format!("tone {kind:?}"), spec));
        Signals { tones: all.into_iter().map(clip).collect() }
    }

    /// Returns a tone.
    pub fn tone(&self, kind: ProgressKind) -> Option<&Clip> {
        self.tones.iter().find(|(known, _)| *known == kind).map(|(_, clip)| clip)
    }

    /// Makes the message with a caller's number.
    pub fn identity(number: &str, by: Identity) -> Clip {
        let spec = if by == Identity::V23 { V23 } else { BELL_202 };
        let mut modulator = Modulator::new(spec, LEVEL_DBM0);
        let caller = CallerId { number: Some(number.into()), ..CallerId::default() };
        let seizure = (0..SEIZURE_BITS).map(|n| n % 2 == 1);
        let mark = (0..MARK_BITS).map(|_| true);
        let octets = emit(&caller, Message::Multiple);
        let framed = octets.iter().flat_map(|octet| {
            let octet = *octet;
            [false].into_iter().chain((0..8).map(move |n| octet >> n & 1 == 1)).chain([true])
        });
        // A few bits of mark at the end, so that the last octet is whole before the carrier goes.
        let mut bits = seizure.chain(mark).chain(framed).chain([true; 10]);
        let mut samples = Vec::new();
        loop {
            while modulator.room() > 0
                && let Some(bit) = bits.next()
            {
                modulator.push_bit(bit);
            }
            if modulator.is_idle() {
                return Clip::exact("caller's number", &samples);
            }
            samples.extend(modulator.next_block());
        }
    }
}

fn cycle(name: &str, spec: &ToneSpec) -> Clip {
    let cadence: u32 = spec.segments().iter().map(|segment| u32::from(segment.ms)).sum();
    let length = if cadence == 0 { STEADY_MS } else { cadence };
    let mut generator = ToneGenerator::new();
    generator.start(spec);
    let samples: Vec<i16> = (0..length).flat_map(|_| generator.next_block()).collect();
    debug_assert!(samples.len().is_multiple_of(CHUNK));
    Clip::exact(name, &samples)
}

#[cfg(test)]
mod tests {
    use dsp::bank::Path;
    use dsp::caller_id::{Assembled, Assembler};
    use dsp::fsk::FskEvent;
    use dsp::listen::{CallerIdModem, FskChannel, Heard, ListenSet, Listeners, Wants};
    use tdm::{Block, Law};

    use super::*;

    /// Plays a clip to our own detectors; returns what they hear.
    fn heard(clip: &Clip, times: usize, wants: Wants, modem: CallerIdModem) -> Vec<Heard> {
        let set = ListenSet { caller_id: modem, ..ListenSet::new(plan(Country::Cn)).unwrap() };
        let mut listeners = Listeners::new(1, set, Path::best());
        listeners.want(0, wants);
        let mut all = Vec::new();
        for _ in 0..times {
            for chunk in clip.octets(Law::A).as_chunks::<CHUNK>().0 {
                let block: Block = g711::decode_chunk(Law::A, chunk);
                listeners.push(&[block], &mut |_, heard| all.push(heard));
            }
        }
        all
    }

    #[test]
    fn the_tones_are_heard_as_what_they_are_however_often_they_are_repeated() {
        use dsp::progress::ProgressEvent::Began;
        let signals = Signals::new(Country::Cn);
        for kind in [
            ProgressKind::Dial,
            ProgressKind::Ringback,
            ProgressKind::Busy,
            ProgressKind::Congestion,
            ProgressKind::Unobtainable,
        ] {
            let found = heard(signals.tone(kind).unwrap(), 10, Wants::PROGRESS, CallerIdModem::Bell202);
            assert_eq!(found, [Heard::Progress(Began(kind))]);
        }
    }

    #[test]
    fn a_number_is_read_by_its_modem() {
        for (by, modem) in [(Identity::Bell202, CallerIdModem::Bell202), (Identity::V23, CallerIdModem::V23)]
        {
            let clip = Signals::identity("13900000001", by);
            let mut assembler = Assembler::new();
            let mut read = None;
            for heard in heard(&clip, 1, Wants::CALLER_ID, modem) {
                if let Heard::Fsk(FskChannel::CallerId, FskEvent::Octet(octet)) = heard
                    && let Some(Assembled::Message(caller)) = assembler.octet(octet)
                {
                    read = caller.number;
                }
            }
            assert_eq!(read.as_deref(), Some("13900000001"), "{by:?}");
        }
    }
}
