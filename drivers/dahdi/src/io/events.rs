//! Events that the kernel tells on a channel, in our words; and the alarms of a span, which it only says have changed.
//!
//! Limits: the kernel keeps few events of a channel; what it drops we never see.

use std::sync::atomic::Ordering;

use card::{CardEvent, Signalling, count};

use super::{DahdiIo, EVENT_ROOM, MAX_EVENTS};
use crate::abi::{self, event};
use crate::order;
use crate::place::{State, alarms, channel_of};

/// The channel's own span: asked for by its number the kernel would make us wait while any span is assigned or unassigned.
const OWN_SPAN: i32 = 0;

impl DahdiIo {
    pub(super) fn take_events(&mut self, position: usize, group: usize) {
        for _ in 0..MAX_EVENTS {
            let Some(open) = &self.places[position].open else { return };
            match open.groups[group].device.get(abi::GETEVENT) {
                Ok(event::NONE) => return,
                Ok(kernel) => self.take_event(position, group, kernel),
                Err(_) => return self.lose(position),
            }
        }
    }

    fn take_event(&mut self, position: usize, group: usize, kernel: i32) {
        match kernel {
            event::ALARM | event::NOALARM => self.places[position].ask_alarms = true,
            event::REMOVED => self.lose(position),
            event::WRITE_UNDERRUN | event::READ_OVERRUN => self.note_dry(position),
            event::BITSCHANGED => self.take_bits(position, group),
            other => self.take_port_event(position, group, other),
        }
    }

    /// A line has had nothing to send, or no room for what it received: what was read and written no longer meets.
    fn note_dry(&mut self, position: usize) {
        let place = &mut self.places[position];
        match place.state {
            State::Running => self.ran_dry = true,
            State::Checking(_) => place.state = State::Joining,
            // Its buffers are not begun yet.
            State::Empty | State::Joining => {}
        }
    }

    fn take_bits(&mut self, position: usize, group: usize) {
        let Some(span) = self.slots[position].span else { return };
        let place = &mut self.places[position];
        let Some(open) = &place.open else { return };
        let (device, column) = (&open.groups[group].device, open.groups[group].first);
        let Ok(kernel) = device.get(abi::GETRXBITS) else { return };
        if let Some(bits) = place.lines[column].bits(kernel) {
            self.tell(CardEvent::Abcd { channel: channel_of(span, column), bits });
        }
    }

    /// Tells how the signalling bits of all channels stand.
    pub(super) fn take_all_bits(&mut self, position: usize) {
        if self.slots[position].signalling == Signalling::Cas {
            for group in 0..self.groups(position) {
                self.take_bits(position, group);
            }
        }
    }

    fn take_port_event(&mut self, position: usize, group: usize, kernel: i32) {
        let slot = self.slots[position];
        let Some(span) = slot.span else { return };
        let place = &mut self.places[position];
        let Some(open) = &place.open else { return };
        let column = open.groups[group].first;
        let (events, shared) = (&mut self.events, &self.shared);
        let answer = place.lines[column].port_event(slot.kind, channel_of(span, column), kernel, |event| {
            if events.len() < EVENT_ROOM {
                events.push_back(event);
            } else {
                count(&shared.tally.lost_events, 1);
            }
        });
        order::answer(open, column, answer);
    }

    /// Asks for the alarms of spans that told of some, and tells them if they have changed.
    pub(super) fn ask_alarms(&mut self) {
        for position in 0..self.places.len() {
            let place = &mut self.places[position];
            if place.open.is_none() || !core::mem::take(&mut place.ask_alarms) {
                continue;
            }
            let Some(open) = &place.open else { continue };
            let Some(info) = open.groups.first().and_then(|group| group.device.span_info(OWN_SPAN).ok())
            else {
                continue;
            };
            let stand = alarms(info.alarms);
            let errors = i64::from(info.bpvcount) + i64::from(info.crc4count) + i64::from(info.fascount);
            let shared = &self.shared.positions[position];
            shared.errors.store(u64::try_from(errors).unwrap_or(0), Ordering::Release);
            // A span that is not in step carries nothing, whatever its line says: it stays as it is, and is asked again then.
            if place.state != State::Running && stand.is_empty() {
                continue;
            }
            let changed = core::mem::replace(&mut place.alarms, stand) != stand;
            shared.set_alarms(stand);
            if let (true, Some(span)) = (changed, self.slots[position].span) {
                self.tell(CardEvent::Alarms { span, alarms: stand });
            }
        }
    }
}
