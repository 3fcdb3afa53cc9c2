//! The card suite on the simulated card, in each of its three paces.

use card::conformance::{Rig, Wiring};
use clock::VirtualClock;
use sim::{Pace, Plug, SimCard, SimConfig, SimControl, SimPosition};
use tdm::SpanKind;

/// A rig of simulated cards in one pace.
struct Simulated<const PACE: u8>;

const WALL: u8 = 0;
const LOCKSTEP: u8 = 1;
const VIRTUAL: u8 = 2;

fn config(wiring: Wiring) -> SimConfig {
    let config = SimConfig::new("bench");
    match wiring {
        Wiring::Looped => config.position(SimPosition::e1(Plug::Loop)).position(SimPosition::e1(Plug::Loop)),
        Wiring::Crossed => {
            config.position(SimPosition::e1(Plug::Cross(1))).position(SimPosition::e1(Plug::Cross(0)))
        }
        Wiring::CrossedHdlc => SimConfig { hardware_hdlc: true, ..self::config(Wiring::Crossed) },
        Wiring::Analog => config
            .position(SimPosition::new(SpanKind::Fxs, 4, Plug::Cross(1)))
            .position(SimPosition::new(SpanKind::Fxo, 4, Plug::Cross(0))),
    }
}

impl<const PACE: u8> Rig for Simulated<PACE> {
    type Card = SimCard;

    fn wired(wiring: Wiring) -> Option<(Self, SimCard)> {
        let pace = match PACE {
            WALL => Pace::Wall,
            LOCKSTEP => Pace::Lockstep,
            _ => Pace::Virtual(VirtualClock::new()),
        };
        // A busy test machine is late more often than an appliance.
        let buffer_ms = if PACE == WALL { 40 } else { 20 };
        let config = SimConfig { buffer_ms, ..config(wiring).pace(pace) };
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
    card::card_conformance!(super::Simulated<{ super::WALL }>);
}

mod lockstep {
    card::card_conformance!(super::Simulated<{ super::LOCKSTEP }>);
}

mod in_virtual_time {
    card::card_conformance!(super::Simulated<{ super::VIRTUAL }>);
}
