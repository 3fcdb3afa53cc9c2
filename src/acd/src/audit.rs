//! The invariants of a dispatcher, checked one by one.
//!
//! For tests and for snapshots: it walks over everything and so has no place on the way of a call.

use std::collections::BTreeSet;

use crate::agent::AgentState;
use crate::dispatcher::{Dispatcher, Hold};

macro_rules! hold {
    ($law:expr, $($said:tt)+) => {
        if !$law {
            return Err(format!($($said)+));
        }
    };
}

impl Dispatcher {
    /// Checks every invariant; costs a walk over all callers and agents.
    ///
    /// # Errors
    /// Says which is broken, and where.
    pub fn audit(&self) -> Result<(), String> {
        self.audit_offers()?;
        self.audit_callers()?;
        self.audit_agents()?;
        self.audit_queues()?;
        hold!(
            self.deadlines() == self.deadlines,
            "the deadlines are not those of callers, offers and agents"
        );
        Ok(())
    }

    fn audit_offers(&self) -> Result<(), String> {
        let agents: BTreeSet<_> = self.offers.values().map(|offer| offer.agent).collect();
        let callers: BTreeSet<_> = self.offers.values().map(|offer| offer.caller).collect();
        hold!(agents.len() == self.offers.len(), "an agent holds two offers");
        hold!(callers.len() == self.offers.len(), "a caller is in two offers");
        for (id, offer) in &self.offers {
            let agent = self.agents.get(&offer.agent).and_then(|agent| agent.state.offer());
            hold!(agent == Some(*id), "{id:?}: {:?} does not hold it", offer.agent);
            let caller = self.callers.get(&offer.caller).map(|caller| caller.hold);
            let held = match offer.due {
                Some(_) => Hold::Offered(*id),
                None => Hold::Talking(*id),
            };
            hold!(caller == Some(held), "{id:?}: {:?} does not hold it", offer.caller);
            let talking = matches!(self.agents[&offer.agent].state, AgentState::Talking { .. });
            hold!(talking == offer.due.is_none(), "{id:?}: its agent and its caller disagree");
        }
        Ok(())
    }

    fn audit_callers(&self) -> Result<(), String> {
        for (key, caller) in &self.callers {
            let queue = self.queues.get(&caller.queue).ok_or_else(|| format!("{key:?} is in no queue"))?;
            let waits = queue.line.get(&caller.place) == Some(key);
            match caller.hold {
                Hold::Waiting => hold!(waits, "{key:?} waits and is not in the line"),
                Hold::Offered(id) | Hold::Talking(id) => {
                    hold!(!waits, "{key:?} is in the line and with an agent");
                    hold!(self.offers.contains_key(&id), "{key:?} holds the lost offer {id:?}");
                }
            }
        }
        Ok(())
    }

    fn audit_agents(&self) -> Result<(), String> {
        for (id, agent) in &self.agents {
            if let Some(offer) = agent.state.offer() {
                hold!(self.offers.contains_key(&offer), "{id:?} holds the lost offer {offer:?}");
            }
            hold!(agent.queues.is_sorted_by(|a, b| a < b), "{id:?} serves a queue twice");
            for queue in &agent.queues {
                let queue =
                    self.queues.get(queue).ok_or_else(|| format!("{id:?} serves no queue {queue}"))?;
                let idle = queue.idle.contains(&queue.turn(*id, agent.idle_since));
                hold!(idle == (agent.state == AgentState::Idle), "{id:?} is idle in one place only");
            }
            let offline = agent.state == AgentState::Offline;
            hold!(!offline || agent.queues.is_empty(), "{id:?} is logged out and serves queues");
        }
        Ok(())
    }

    fn audit_queues(&self) -> Result<(), String> {
        for (id, queue) in &self.queues {
            hold!(queue.stats.is_conserved(), "queue {id}: O is not A + Ab + F + waiting");
            hold!(queue.is_counted(), "queue {id}: the counts by priority are not those of the line");
            let (mut waiting, mut in_line) = (0, 0);
            self.callers.values().filter(|caller| caller.queue == *id).for_each(|caller| {
                waiting += u64::from(!matches!(caller.hold, Hold::Talking(_)));
                in_line += usize::from(caller.hold == Hold::Waiting);
            });
            hold!(queue.stats.waiting == waiting, "queue {id}: waiting is not counted right");
            hold!(queue.line.len() == in_line, "queue {id}: somebody in the line does not wait");
            hold!(
                queue.line.is_empty() || queue.idle.is_empty(),
                "queue {id}: a caller and an agent both wait"
            );
            let serving = self.agents.values().filter(|agent| agent.queues.contains(id));
            let (mut logged_in, mut idle) = (0, 0);
            serving.for_each(|agent| {
                logged_in += 1;
                idle += usize::from(agent.state == AgentState::Idle);
            });
            hold!(queue.logged_in == logged_in, "queue {id}: logged in is not counted right");
            hold!(queue.idle.len() == idle, "queue {id}: somebody idle is not");
        }
        Ok(())
    }
}
