//! What goes out: one frame for each millisecond of each span, as few calls as the batch allows.

use super::{Port, TdmoeIo};
use crate::counts::Count;
use crate::shared::Shared;
use crate::sys::{BATCH, Stop};

impl TdmoeIo {
    /// Sends the period that is in hand.
    pub(super) fn send(&mut self) {
        let chunks = core::mem::take(&mut self.in_hand);
        for port in 0..self.ports.len() {
            if self.send_on(port, chunks) == Err(Stop::Gone) {
                self.lose(port);
            }
        }
    }

    fn send_on(&mut self, port: usize, chunks: usize) -> Result<(), Stop> {
        let open = &mut self.ports[port];
        let Some(own) = open.wire.as_ref().map(|wire| wire.own) else { return Ok(()) };
        let mut filled = 0;
        for row in self.tx.chunks_exact(self.channels).take(chunks) {
            for (seat, slot) in self.seats.iter_mut().zip(&self.slots) {
                let Some(seat) = seat.as_mut().filter(|seat| seat.port == port) else { continue };
                let first = usize::from(slot.first_channel);
                let samples = &row[first..first + usize::from(slot.channels)];
                let octets = seat.line.emit(own, samples, &mut open.batch.frames[filled]);
                open.batch.lengths[filled] = octets;
                filled += usize::from(octets > 0);
                if filled == BATCH {
                    flush(open, &self.shared, port, filled)?;
                    filled = 0;
                }
            }
        }
        flush(open, &self.shared, port, filled)
    }
}

/// Sends the first `filled` frames of a batch. What the interface has no room for is counted and not sent again: it would
/// come too late.
fn flush(open: &mut Port, shared: &Shared, port: usize, filled: usize) -> Result<(), Stop> {
    let Some(wire) = &open.wire else { return Ok(()) };
    let mut sent = 0;
    while sent < filled {
        match open.batch.send(&wire.socket, sent, filled) {
            Ok(0) | Err(Stop::Empty) => {
                shared.ports[port].counts.add(Count::Unsent, (filled - sent) as u64);
                return Ok(());
            }
            Ok(more) => sent += more,
            Err(Stop::Gone) => return Err(Stop::Gone),
        }
    }
    Ok(())
}
