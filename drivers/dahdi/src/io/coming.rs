//! Spans that come and go: attached and detached by an operator, lost and found again.
//!
//! An open span comes through a ring and leaves through another, since opening and closing block. Limits: a span that is
//! gone stays in alarm DETACHED until the keeper (`control`) has opened it again.

use std::sync::atomic::Ordering;

use card::CardEvent;
use tdm::Alarms;

use super::DahdiIo;
use crate::control::Command;
use crate::lines::OpenSpan;
use crate::place::{Place, State};

impl DahdiIo {
    pub(super) fn take_commands(&mut self) {
        while let Ok(command) = self.commands.pop() {
            match command {
                Command::Attach { span, asked } => self.take_up_span(span, asked),
                Command::Detach(position) => self.let_go(position),
            }
        }
    }

    fn take_up_span(&mut self, span: Box<OpenSpan>, asked: bool) {
        let position = span.position;
        self.put_away(position);
        let line = span.line;
        self.places[position] =
            Place { asked, alarms: self.places[position].alarms, ..Place::new(Some(span)) };
        if asked {
            self.places[position].alarms = Alarms::empty();
        }
        let slot = &mut self.slots[position];
        (slot.span, slot.law, slot.signalling) = (Some(line.span), line.law, line.signalling);
        self.fds_stale = true;
    }

    fn let_go(&mut self, position: usize) {
        self.put_away(position);
        self.shared.positions[position].set_alarms(Alarms::empty());
        if let Some(span) = self.slots[position].span.take() {
            self.tell(CardEvent::Detached { span });
        }
    }

    /// Gives an open span to the keeper, who closes it.
    fn put_away(&mut self, position: usize) {
        let place = &mut self.places[position];
        place.state = State::Empty;
        if let Some(open) = place.open.take() {
            // The ring has room for more spans than there can be; what does not fit is closed here.
            drop(self.trash.push(open));
        }
        if self.clock == Some(position) {
            self.clock = None;
        }
        self.fds_stale = true;
    }

    /// A span is gone from the kernel: its module was unloaded, its card unplugged, or it was unassigned.
    pub(super) fn lose(&mut self, position: usize) {
        if self.places[position].open.is_none() {
            return;
        }
        self.put_away(position);
        self.places[position].alarms = Alarms::DETACHED;
        self.shared.positions[position].set_alarms(Alarms::DETACHED);
        self.shared.positions[position].gone.store(true, Ordering::Release);
        if let Some(span) = self.slots[position].span {
            self.tell(CardEvent::Alarms { span, alarms: Alarms::DETACHED });
        }
    }
}
