//! What came: whose each frame is, and a count by name for those that are nobody's.

use clock::Mono;

use super::{Seat, TdmoeIo};
use crate::counts::Count;
use crate::frame::{Address, Frame};
use crate::shared::Shared;
use crate::sys::{BATCH, Stop};

/// The most calls a period for one interface: what is more waits for the next one.
const MAX_CALLS: usize = 64;

impl TdmoeIo {
    /// Takes up what came on all interfaces.
    pub(super) fn receive(&mut self, now: Mono) {
        for port in 0..self.ports.len() {
            if self.receive_on(port, now) == Err(Stop::Gone) {
                self.lose(port);
            }
        }
    }

    /// Throws away what came before the first period: it is older than anybody can use.
    pub(super) fn discard(&mut self) {
        for open in &mut self.ports {
            let Some(wire) = &open.wire else { continue };
            for _ in 0..MAX_CALLS {
                if open.batch.receive(&wire.socket) != Ok(BATCH) {
                    break;
                }
            }
        }
    }

    fn receive_on(&mut self, port: usize, now: Mono) -> Result<(), Stop> {
        for _ in 0..MAX_CALLS {
            let open = &mut self.ports[port];
            let Some(wire) = &open.wire else { return Ok(()) };
            let own = wire.own;
            let frames = match open.batch.receive(&wire.socket) {
                Ok(frames) => frames,
                Err(Stop::Empty) => return Ok(()),
                Err(Stop::Gone) => return Err(Stop::Gone),
            };
            for (octets, &length) in
                self.ports[port].batch.frames.iter().zip(&self.ports[port].batch.lengths).take(frames)
            {
                let octets = octets.get(..length).unwrap_or(octets);
                let counts = &self.shared.ports[port].counts;
                let Ok(address) = Address::parse(octets) else {
                    counts.add(Count::Short, 1);
                    continue;
                };
                if address.destination != own {
                    counts.add(Count::NotForUs, 1);
                    continue;
                }
                let Some(position) = whose(&mut self.seats, &self.shared, port, &address, now) else {
                    continue;
                };
                let Some(seat) = &mut self.seats[position] else { continue };
                let counts = &self.shared.positions[position].counts;
                match Frame::parse(octets) {
                    Ok(frame) => seat.line.receive(&frame, now, counts, |event| {
                        self.events.tell(&self.shared, position, event);
                    }),
                    Err(error) => seat.line.bad(error, now, counts),
                }
            }
            if frames < BATCH {
                return Ok(());
            }
        }
        self.shared.ports[port].counts.add(Count::Flood, 1);
        Ok(())
    }
}

/// Returns the position whose frame this is; none if it is nobody's, which is counted.
fn whose(
    seats: &mut [Option<Seat>],
    shared: &Shared,
    port: usize,
    address: &Address,
    now: Mono,
) -> Option<usize> {
    let here = |seat: &Seat| seat.port == port;
    let known = seats
        .iter()
        .position(|seat| seat.as_ref().is_some_and(|seat| here(seat) && seat.line.is_ours(address)));
    if known.is_some() {
        return known;
    }
    let mut told = false;
    for (position, seat) in seats.iter_mut().enumerate() {
        let Some(seat) = seat.as_mut().filter(|seat| here(seat)) else { continue };
        if seat.line.setup().subaddress == address.subaddress {
            told = true;
            if seat.line.is_ours_now(address, now, &shared.positions[position].counts) {
                return Some(position);
            }
        }
    }
    let counts = &shared.ports[port].counts;
    let mut of_peer = false;
    for seat in
        seats.iter_mut().flatten().filter(|seat| here(seat) && seat.line.peer() == Some(address.source))
    {
        of_peer = true;
        seat.line.other_subaddress(address.subaddress, now);
    }
    match (of_peer, told) {
        (true, _) => counts.add(Count::Subaddress, 1),
        (false, true) => {}
        (false, false) => counts.add(Count::Stranger, 1),
    }
    None
}
