//! One queue: who waits, in order, and who of its agents is idle, in order.
//!
//! A caller's place is its priority and its ticket, a number drawn once on entry: whoever comes back from a missed offer
//! finds the place again. Tickets are drawn from one row for all queues, so that an agent who serves several sees who of
//! all was first.

use std::collections::{BTreeMap, BTreeSet};

use clock::Mono;
use serde::{Deserialize, Serialize};

use crate::config::{QueueConfig, Strategy};
use crate::id::{MAX_PRIORITY, Priority};
use crate::stats::QueueStats;
use crate::{AgentId, CallerKey, MAX_POSITION};

/// A caller's place; the smallest is served first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Place {
    /// 0 is the highest priority.
    rank: u8,
    ticket: u64,
}

impl Place {
    pub fn new(priority: Priority, ticket: u64) -> Place {
        Place { rank: MAX_PRIORITY - priority.get(), ticket }
    }

    fn first_of(rank: u8) -> Place {
        Place { rank, ticket: 0 }
    }
}

/// An idle agent's place; the smallest is offered first.
pub(crate) type Turn = (Mono, AgentId);

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Queue {
    pub config: QueueConfig,
    /// Callers that wait and are not being offered.
    pub line: BTreeMap<Place, CallerKey>,
    /// Callers in `line` by rank.
    by_rank: [u32; MAX_PRIORITY as usize + 1],
    pub idle: BTreeSet<Turn>,
    pub logged_in: u32,
    pub stats: QueueStats,
}

impl Queue {
    pub fn new(config: QueueConfig) -> Queue {
        Queue {
            config,
            line: BTreeMap::new(),
            by_rank: [0; MAX_PRIORITY as usize + 1],
            idle: BTreeSet::new(),
            logged_in: 0,
            stats: QueueStats::default(),
        }
    }

    pub fn join(&mut self, place: Place, caller: CallerKey) {
        if self.line.insert(place, caller).is_none() {
            self.by_rank[usize::from(place.rank)] += 1;
        }
    }

    pub fn leave(&mut self, place: Place) {
        if self.line.remove(&place).is_some() {
            self.by_rank[usize::from(place.rank)] -= 1;
        }
    }

    /// Returns a waiting caller's position from 1, at most [`MAX_POSITION`]: looks at no more callers than that.
    pub fn position(&self, place: Place) -> u16 {
        let above: u32 = self.by_rank[..usize::from(place.rank)].iter().sum();
        let room = usize::from(MAX_POSITION).saturating_sub(above as usize);
        let before = self.line.range(Place::first_of(place.rank)..place).take(room).count();
        let position = above as usize + before + 1;
        u16::try_from(position).map_or(MAX_POSITION, |position| position.min(MAX_POSITION))
    }

    /// Returns the first in line of each priority: the one who has waited longest is among them.
    pub fn firsts(&self) -> impl Iterator<Item = CallerKey> {
        let ranks = 0..=MAX_PRIORITY;
        ranks.filter_map(|rank| {
            let mut of_rank = self.line.range(Place::first_of(rank)..Place::first_of(rank + 1));
            of_rank.next().map(|(_, caller)| *caller)
        })
    }

    /// Returns the place among idle agents of one who is idle since `idle_since`.
    pub fn turn(&self, agent: AgentId, idle_since: Mono) -> Turn {
        match self.config.strategy {
            Strategy::LongestIdle => (idle_since, agent),
        }
    }

    /// Takes an agent among the idle ones or away from them.
    pub fn set_idle(&mut self, agent: AgentId, idle_since: Mono, idle: bool) {
        let turn = self.turn(agent, idle_since);
        if idle {
            self.idle.insert(turn);
        } else {
            self.idle.remove(&turn);
        }
    }

    /// Returns true if the counts by rank are those of the line.
    pub fn is_counted(&self) -> bool {
        let mut by_rank = [0; MAX_PRIORITY as usize + 1];
        let known = self
            .line
            .keys()
            .all(|place| by_rank.get_mut(usize::from(place.rank)).map(|count| *count += 1).is_some());
        known && by_rank == self.by_rank
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_higher_priorities_and_earlier_tickets_up_to_the_limit() {
        let mut queue = Queue::new(QueueConfig::default());
        let place = |priority, ticket| Place::new(Priority::new(priority), ticket);
        (1..=3).for_each(|n| queue.join(place(0, n), CallerKey(n.into())));
        (4..=5).for_each(|n| queue.join(place(9, n), CallerKey(n.into())));
        assert_eq!(queue.position(place(9, 4)), 1);
        assert_eq!(queue.position(place(9, 5)), 2);
        assert_eq!(queue.position(place(0, 3)), 5);
        queue.leave(place(9, 4));
        assert_eq!(queue.position(place(0, 3)), 4);
        (10..200).for_each(|n| queue.join(place(5, n), CallerKey(n.into())));
        assert_eq!(queue.position(place(0, 3)), MAX_POSITION);
        assert_eq!(queue.position(place(5, 150)), MAX_POSITION);
    }
}
