//! The card suite on the simulated card, in each of its three paces and on both kinds of digital span.

use card::conformance::{Rig, Wiring};
use clock::VirtualClock;
use sim::{Pace, Plug, SimCard, SimConfig, SimControl, SimPosition};
use tdm::SpanKind;

/// A rig of simulated cards in one pace, of E1 or T1 spans.
struct Simulated<const PACE: u8, const T1: bool>;

const WALL: u8 = 0;
const LOCKSTEP: u8 = 1;
const VIRTUAL: u8 = 2;

fn config(wiring: Wiring, t1: bool) -> SimConfig {
    let config = SimConfig::new("bench");
    let digital = if t1 { SimPosition::t1 } else { SimPosition::e1 };
    match wiring {
        Wiring::Looped => config.position(digital(Plug::Loop)).position(digital(Plug::Loop)),
        Wiring::Crossed => config.position(digital(Plug::Cross(1))).position(digital(Plug::Cross(0))),
        Wiring::CrossedHdlc => SimConfig { hardware_hdlc: true, ..self::config(Wiring::Crossed, t1) },
        Wiring::Analog => config
            .position(SimPosition::new(SpanKind::Fxs, 4, Plug::Cross(1)))
            .position(SimPosition::new(SpanKind::Fxo, 4, Plug::Cross(0))),
    }
}

impl<const PACE: u8, const T1: bool> Rig for Simulated<PACE, T1> {
    type Card = SimCard;

    fn wired(wiring: Wiring) -> Option<(Self, SimCard)> {
        let pace = match PACE {
            WALL => Pace::Wall,
            LOCKSTEP => Pace::Lockstep,
            _ => Pace::Virtual(VirtualClock::new()),
        };
        // A busy test machine is late more often than an appliance.
        let buffer_ms = if PACE == WALL { 40 } else { 20 };
        let config = SimConfig { buffer_ms, ..config(wiring, T1).pace(pace) };
        Some((Simulated, SimCard::new(config).expect("the wiring is right")))
    }

    fn cut(&mut self, control: &mut SimControl, position: u8, cut: bool) -> bool {
        control.cut(position, cut).is_ok()
    }

    fn slip(&mut self, control: &mut SimControl, position: u8, frames: i8) -> bool {
        control.slip(position, frames).is_ok()
    }

    fn stall(&mut self, control: &mut SimControl, ms: u32) -> bool {
        control.stall(ms);
        PACE != LOCKSTEP
    }
}

mod wall {
    card::card_conformance!(super::Simulated<{ super::WALL }, false>);
}

mod lockstep {
    card::card_conformance!(super::Simulated<{ super::LOCKSTEP }, false>);
}

mod in_virtual_time {
    card::card_conformance!(super::Simulated<{ super::VIRTUAL }, false>);
}

mod on_t1_in_virtual_time {
    card::card_conformance!(super::Simulated<{ super::VIRTUAL }, true>);
}
