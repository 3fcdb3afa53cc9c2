//! A card in its place within the engine: where its rows lie among the strips, and whether it leads or follows.
//!
//! The first card paces the thread by its `wait`. The others are taken up by `ready`, and their rows pass through an
//! [`Elastic`] store each way. D-channels work on the card's own octets.

use card::{CardIo, IoFault, LineOrder, Period, Signalling, SpanSlot};
use tdm::{Alarms, CHUNK, Chunk, HookState, SpanKind};

use crate::Counters;
use crate::config::IdleCode;
use crate::dchan::DLink;
use crate::elastic::{Elastic, copy_row};

/// A card.
pub(crate) struct Seat {
    pub(crate) io: Box<dyn CardIo>,
    /// Its first strip and its number of strips.
    pub(crate) first: usize,
    pub(crate) channels: usize,
    /// Its first slot in the layout.
    pub(crate) first_slot: usize,
    /// Its places as last seen.
    pub(crate) places: Box<[SpanSlot]>,
    pub(crate) links: Box<[DLink]>,
    /// The measurement of the echo's age that was taken up last.
    pub(crate) delay: Option<u32>,
    hardware_hdlc: bool,
    follows: Option<Follows>,
    /// Rows of the present period; 0 for a follower that has none.
    rows: usize,
    /// A period was taken up and is not yet committed.
    open: bool,
}

struct Follows {
    rx: Elastic,
    tx: Elastic,
}

/// Returns how many channels a row of the card has.
pub(crate) fn row_channels(io: &dyn CardIo) -> usize {
    let end = |place: &SpanSlot| usize::from(place.first_channel) + usize::from(place.channels);
    io.slots().iter().map(end).max().unwrap_or(0)
}

impl Seat {
    pub(crate) fn new(
        io: Box<dyn CardIo>,
        first: usize,
        first_slot: usize,
        links: Box<[DLink]>,
        hardware_hdlc: bool,
        follows: bool,
    ) -> Seat {
        let channels = row_channels(&*io);
        let places: Box<[SpanSlot]> = io.slots().into();
        let law = places.first().map_or(tdm::Law::A, |place| place.law);
        let idle = vec![[law.idle(); CHUNK]; channels];
        let follows = follows.then(|| Follows { rx: Elastic::new(&idle), tx: Elastic::new(&idle) });
        Seat {
            io,
            first,
            channels,
            first_slot,
            places,
            links,
            delay: None,
            hardware_hdlc,
            follows,
            rows: 0,
            open: false,
        }
    }

    /// Waits for the next period, as the master.
    pub(crate) fn wait(&mut self) -> Result<Period, IoFault> {
        let period = self.io.wait()?;
        self.open = true;
        self.rows = self.rows_of(period);
        Ok(period)
    }

    /// Takes up the next period if there is one, as a follower.
    pub(crate) fn follow(&mut self, counters: &Counters) {
        let period = self.io.ready();
        self.open = period.is_some();
        self.rows = period.map_or(0, |period| self.rows_of(period));
        if let Some(period) = period
            && counters.periods.get() > 0
        {
            counters.lost_samples.add(u64::from(period.lost));
            counters.xruns.add(u64::from(period.lost > 0));
        }
        let Some(follows) = &mut self.follows else { return };
        for row in self.io.rx().chunks_exact(self.channels.max(1)).take(self.rows) {
            counters.slips.add(u64::from(follows.rx.put(row)));
        }
    }

    /// Returns how many rows a period truly has in the card's buffers.
    fn rows_of(&mut self, period: Period) -> usize {
        let channels = self.channels.max(1);
        let fits = (self.io.rx().len() / channels).min(self.io.tx().len() / channels);
        usize::from(period.chunks).min(fits)
    }

    /// Returns the rows of the present period.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Copies what the lines sent in chunk `row` of the engine's period to the card's strips.
    pub(crate) fn take_row(&mut self, row: usize, line: &mut [Chunk], counters: &Counters) {
        let Some(strips) = line.get_mut(self.first..self.first + self.channels) else { return };
        match &mut self.follows {
            Some(follows) => counters.slips.add(u64::from(follows.rx.take(strips))),
            None => {
                if let Some(rx) = self.io.rx().get(row * self.channels..(row + 1) * self.channels) {
                    copy_row(strips, rx);
                }
            }
        }
    }

    /// Copies what the card's strips send in chunk `row` of the engine's period towards the lines.
    pub(crate) fn give_row(&mut self, row: usize, out: &[Chunk], counters: &Counters) {
        let Some(strips) = out.get(self.first..self.first + self.channels) else { return };
        match &mut self.follows {
            Some(follows) => counters.slips.add(u64::from(follows.tx.put(strips))),
            None => {
                if let Some(tx) = self.io.tx().get_mut(row * self.channels..(row + 1) * self.channels) {
                    copy_row(tx, strips);
                }
            }
        }
    }

    /// Completes the card's octets of this period: a follower's rows, then the D-channels over both.
    pub(crate) fn complete(&mut self, counters: &Counters) {
        if let Some(follows) = &mut self.follows {
            for row in self.io.tx().chunks_exact_mut(self.channels.max(1)).take(self.rows) {
                counters.slips.add(u64::from(follows.tx.take(row)));
            }
        }
        if !self.open {
            return;
        }
        for link in &mut self.links {
            if self.hardware_hdlc {
                link.frames(&mut *self.io, counters);
            } else {
                link.octets(&mut *self.io, self.rows, self.channels, counters);
            }
        }
    }

    /// Commits the period, if the card has one.
    pub(crate) fn commit(&mut self) -> Result<(), IoFault> {
        if !core::mem::take(&mut self.open) {
            return Ok(());
        }
        self.io.commit()
    }

    /// Puts every line in the state for the end of the thread: idle octets, `alarms` on digital spans, no ringing on
    /// telephones, exchange lines on hook. Uses the period that is open, or one more.
    pub(crate) fn leave(&mut self, alarms: Alarms, idle: &[IdleCode]) {
        if !self.open {
            self.open = match self.follows {
                Some(_) => self.io.ready().is_some(),
                None => self.io.wait().is_ok(),
            };
        }
        let channels = self.channels.max(1);
        for row in self.io.tx().chunks_exact_mut(channels) {
            for place in &self.places {
                let first = usize::from(place.first_channel);
                if let Some(strips) = row.get_mut(first..first + usize::from(place.channels)) {
                    strips.fill([idle_octet(place, idle); CHUNK]);
                }
            }
        }
        for place in &self.places {
            leave_place(&mut *self.io, place, alarms);
        }
        // Whether the card takes it or is gone: there is nothing more to be done.
        let _ = self.io.commit();
        self.open = false;
    }
}

/// Returns the octet that idle channels of a place carry.
pub(crate) fn idle_octet(place: &SpanSlot, idle: &[IdleCode]) -> u8 {
    let own = idle.iter().find(|code| place.span == Some(code.span));
    own.map_or(place.law.idle(), |code| code.octet)
}

/// Returns true if a strip of a place is a channel for audio. `timeslot` counts from 1.
pub(crate) fn carries_audio(place: &SpanSlot, timeslot: u8) -> bool {
    place.span.is_some() && place.signalling != Signalling::Hdlc(tdm::Timeslot(timeslot))
}

fn leave_place(io: &mut dyn CardIo, place: &SpanSlot, alarms: Alarms) {
    let Some(span) = place.span else { return };
    match place.kind {
        SpanKind::E1 | SpanKind::T1 => io.order(LineOrder::SendAlarms { span, alarms }),
        SpanKind::Fxs => {
            for timeslot in 1..=place.channels {
                let channel = tdm::ChannelId { span, timeslot: tdm::Timeslot(timeslot) };
                io.order(LineOrder::Ring { channel, cadence: None });
            }
        }
        SpanKind::Fxo => {
            for timeslot in 1..=place.channels {
                let channel = tdm::ChannelId { span, timeslot: tdm::Timeslot(timeslot) };
                io.order(LineOrder::Hook { channel, state: HookState::OnHook });
            }
        }
    }
}
