//! The card suite on spans over pairs of Unix sockets, in a time of the test's own, so that every run is the same.
//!
//! The far end of a looped span is in the sleep of the card: it sends each frame back at once, with the gaps of its numbers.

#![allow(clippy::unwrap_used, reason = "a test that stops has failed")]

mod rig;

use card::conformance::{Rig, Wiring};
use tdmoe::{TdmoeCard, TdmoeControl};

struct Looped(rig::Rig);

impl Rig for Looped {
    type Card = TdmoeCard;

    fn wired(wiring: Wiring) -> Option<(Self, TdmoeCard)> {
        let (rig, card) = match wiring {
            Wiring::Looped => rig::looped(),
            Wiring::Crossed => rig::crossed(),
            // Frames are Tandem's own, and ports there are none.
            Wiring::CrossedHdlc | Wiring::Analog => return None,
        };
        Some((Looped(rig), card))
    }

    fn cut(&mut self, _: &mut TdmoeControl, position: u8, cut: bool) -> bool {
        self.0.ends[usize::from(position)].lock().unwrap().cut = cut;
        true
    }

    /// Our buffer evens out single frames: as many come at once, or are missing, as it takes to make it slip by one.
    fn slip(&mut self, _: &mut TdmoeControl, position: u8, frames: i8) -> bool {
        self.0.ends[usize::from(position)].lock().unwrap().slip(frames);
        true
    }

    fn stall(&mut self, _: &mut TdmoeControl, ms: u32) -> bool {
        self.0.stall(ms);
        true
    }
}

card::card_conformance!(Looped);
