//! Simulated line cards behind the card contract: the whole of Tandem runs on them as on real ones.
//!
//! A [`SimCard`] has positions for E1 and T1 spans and FXS and FXO banks. Each ends in something ([`Plug`]): nothing, a
//! loop, another position, another program over a Unix socket (`docs/sim-line.md`; [`line_client`] is its other side),
//! or an object in this process ([`FarEnd`]). Channels may have an echo path ([`EchoPath`], hybrids of G.168). Alarms,
//! slips, clocks that differ, bit errors, lost ticks and late wakes come by seed or on demand ([`SimControl`]).
//!
//! Its time goes by the wall clock, in lockstep with engine and far ends, or as fast as they can ([`Pace`]); the card
//! has a software buffer of `buffer_ms`, which is how late the realtime thread may come.
//!
//! Limits: what differs less than a millisecond is not simulated (framing bits, levels on the wire, CRC-4); an analog
//! line is 8 bits wide like a digital one.
#![warn(missing_docs)]

mod config;
mod control;
mod echo;
mod edge;
mod elastic;
mod far_end;
mod far_hdlc;
pub mod g168;
mod hand;
mod hardware;
mod io;
pub mod line_client;
mod position;
mod shared;
mod socket;
mod start;
mod time;
mod wire;
mod world;

pub use config::{Begin, Faults, MAX_BUFFER_MS, Pace, Plug, SimConfig, SimPosition};
pub use control::{SimControl, Stillness};
pub use echo::{EchoPath, MAX_ECHO_DELAY_SAMPLES, MAX_ECHO_TAPS};
pub use edge::Edge;
pub use far_end::{FarEnd, FarLine, FarReply, FarTick};
pub use hand::Hand;
pub use io::SimIo;
pub use start::SimCard;

/// Reads octets as a program at the far end might send them; every message that is understood is written and read again.
#[cfg(fuzzing)]
pub fn fuzz_line(octets: &[u8]) {
    let mut decoder = wire::Decoder::default();
    for piece in octets.chunks(7) {
        decoder.put(piece);
        while let Ok(Some(message)) = decoder.next() {
            let mut again = Vec::new();
            wire::emit(&mut again, message);
            assert!(again.len() >= 3, "a message has a length and a type");
        }
    }
}
