//! By what calls are found: each call has a few keys, each key lists its calls by time.

use std::collections::BTreeSet;

use switch::view::{CallView, Outcome};

use super::rows::word;
use crate::model::Selection;

/// What a key is of; the numbers are in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Number = 1,
    Agent = 2,
    Queue = 3,
    Outcome = 4,
    /// A queue with an outcome in it.
    QueueOutcome = 5,
}

/// A key.
pub(super) type Key = (Kind, String);

/// Returns all keys of a call.
pub(super) fn of_call(call: &CallView) -> BTreeSet<Key> {
    let numbers = [Some(&call.calling), Some(&call.called), call.reached.as_ref()].into_iter().flatten();
    let numbers = numbers.filter(|number| !number.is_empty()).map(|number| (Kind::Number, number.clone()));
    let agents = call.agent.iter().chain(call.visits.iter().filter_map(|visit| visit.agent.as_ref()));
    let agents = agents.map(|agent| (Kind::Agent, agent.clone()));
    let queues = call.visits.iter().map(|visit| (Kind::Queue, visit.queue.clone()));
    let ends = call.visits.iter().filter_map(|visit| visit.outcome.map(|outcome| (&visit.queue, outcome)));
    let ends = ends.flat_map(|(queue, outcome)| {
        [(Kind::Outcome, word(&outcome)), (Kind::QueueOutcome, in_queue(queue, outcome))]
    });
    numbers.chain(agents).chain(queues).chain(ends).collect()
}

/// Returns the keys that all calls of a selection have, the one with the fewest calls first, as far as one can tell.
pub(super) fn of_selection(selection: &Selection) -> Vec<Key> {
    let number = selection.number.clone().map(|number| (Kind::Number, number));
    let agent = selection.agent.clone().map(|agent| (Kind::Agent, agent));
    let stay = match (&selection.queue, selection.outcome) {
        (Some(queue), Some(outcome)) => Some((Kind::QueueOutcome, in_queue(queue, outcome))),
        (Some(queue), None) => Some((Kind::Queue, queue.clone())),
        (None, Some(outcome)) => Some((Kind::Outcome, word(&outcome))),
        (None, None) => None,
    };
    [number, agent, stay].into_iter().flatten().collect()
}

/// The outcome is one word without a space: no two pairs make the same text.
fn in_queue(queue: &str, outcome: Outcome) -> String {
    format!("{} {queue}", word(&outcome))
}
