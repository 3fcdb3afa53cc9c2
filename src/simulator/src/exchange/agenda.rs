//! Who of the exchange has to be woken when: one deadline for each.
//!
//! Deadlines of the same moment come in the order of [`Who`], so that a run is the same every time.

use std::collections::{BTreeMap, BTreeSet};

use clock::Mono;
use tdm::{ChannelId, SpanId};

/// Who may have a deadline, or a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Who {
    /// The signalling of a span.
    Span(SpanId),
    /// The next caller to come.
    Arrivals,
    /// A caller.
    Caller(u32),
    /// An agent, by the place of the phone.
    Agent(u16),
    /// A subscriber line.
    Loop(ChannelId),
}

/// All deadlines.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    queue: BTreeSet<(Mono, Who)>,
    due: BTreeMap<Who, Mono>,
}

impl Agenda {
    /// Sets or takes away a deadline.
    pub fn set(&mut self, who: Who, due: Option<Mono>) {
        let old = match due {
            Some(due) => self.due.insert(who, due),
            None => self.due.remove(&who),
        };
        if old == due {
            return;
        }
        if let Some(old) = old {
            self.queue.remove(&(old, who));
        }
        if let Some(due) = due {
            self.queue.insert((due, who));
        }
    }

    /// Returns the next deadline.
    pub fn next(&self) -> Option<Mono> {
        self.queue.first().map(|(at, _)| *at)
    }

    /// Takes the next one that is due.
    pub fn pop_due(&mut self, now: Mono) -> Option<Who> {
        let (at, who) = *self.queue.first()?;
        if at > now {
            return None;
        }
        self.set(who, None);
        Some(who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_one_deadline_and_the_same_moment_has_an_order() {
        let mut agenda = Agenda::default();
        let at = Mono::from_millis;
        agenda.set(Who::Caller(2), Some(at(5)));
        agenda.set(Who::Caller(1), Some(at(9)));
        agenda.set(Who::Caller(1), Some(at(5)));
        agenda.set(Who::Arrivals, Some(at(1)));
        agenda.set(Who::Arrivals, None);
        assert_eq!(agenda.next(), Some(at(5)));
        assert_eq!(agenda.pop_due(at(4)), None);
        let order: Vec<_> = std::iter::from_fn(|| agenda.pop_due(at(5))).collect();
        assert_eq!(order, [Who::Caller(1), Who::Caller(2)]);
    }
}
