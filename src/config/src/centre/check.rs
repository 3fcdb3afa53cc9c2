//! What must fit together: flows with queues and seats, agents with seats and queues, spans with the exchange.

use std::collections::BTreeMap;

use tdm::SpanKind;

use crate::check::{Draft, Placed, unique};
use crate::model::{FarEnd, Span};
use crate::reader::{Place, Reader};

/// Reasons that the program itself gives for being busy.
const OWN_REASONS: [&str; 2] = ["logged_in", "missed"];

/// Notes everything that does not fit together.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    flows(reader, draft);
    queues(reader, draft);
    agents(reader, draft);
    acd(reader, draft);
    exchange(reader, draft);
}

fn flows(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "name", draft.flows.iter().map(|flow| (&flow.item.name, &flow.place)));
    for file in &draft.flow_files {
        for used in file.flow.queues() {
            if !has_queue(draft, &used.what) {
                let problem = format!("{:?} is not the name of a [[queue]]", used.what);
                reader.add(file.wrong(&used.node, used.field, &problem));
            }
        }
        for used in file.flow.seats() {
            if !has_seat(draft, &used.what) {
                let problem = format!("{:?} is not the number of a [[seat]]", used.what);
                reader.add(file.wrong(&used.node, used.field, &problem));
            }
        }
    }
}

fn has_queue(draft: &Draft, name: &str) -> bool {
    draft.queues.iter().any(|queue| queue.item.name == name)
}

fn has_seat(draft: &Draft, number: &str) -> bool {
    draft.seats.iter().any(|seat| seat.item.number == number)
}

fn queues(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "name", draft.queues.iter().map(|queue| (&queue.item.name, &queue.place)));
    for Placed { item: queue, place } in &draft.queues {
        let served = draft.agents.iter().any(|agent| agent.item.queues.contains(&queue.name));
        if queue.settings.needs_agents && !served && place.good("name") {
            reader.wrong(place, "needs_agents", "takes nobody: no [[agent]] serves the queue");
        }
    }
}

fn agents(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "name", draft.agents.iter().map(|agent| (&agent.item.name, &agent.place)));
    unique(reader, "seat", draft.agents.iter().map(|agent| (&agent.item.seat, &agent.place)));
    for Placed { item: agent, place } in &draft.agents {
        if place.good("seat") && !has_seat(draft, &agent.seat) {
            reader.wrong(place, "seat", "is not the number of a [[seat]]");
        }
        if agent.queues.is_empty() && (place.good("queues") || !place.has("queues")) {
            reader.wrong(place, "queues", "names no queue: an agent serves at least one");
        }
        for (index, queue) in agent.queues.iter().enumerate() {
            if !has_queue(draft, queue) {
                reader.wrong(place, "queues", format!("names {queue}, which is not a [[queue]]"));
            } else if agent.queues[..index].contains(queue) {
                reader.wrong(place, "queues", format!("names {queue} twice"));
            }
        }
    }
}

fn acd(reader: &Reader<'_>, draft: &Draft) {
    let Placed { item: acd, place } = &draft.acd;
    if !acd.pauses && place.has("missed_pause_s") {
        reader.wrong(
            place,
            "missed_pause_s",
            "is of no use: missed = \"busy\" lasts until the agent is ready",
        );
    }
    let mut seen = BTreeMap::new();
    for reason in &acd.busy_reasons {
        if OWN_REASONS.contains(&reason.as_str()) {
            reader.wrong(place, "busy_reasons", format!("names {reason}, which is the program's own"));
        } else if seen.insert(reason, ()).is_some() {
            reader.wrong(place, "busy_reasons", format!("names {reason} twice"));
        }
    }
}

fn exchange(reader: &Reader<'_>, draft: &Draft) {
    for (_, span, place) in draft.spans().filter(|(_, span, _)| span.far_end == FarEnd::Exchange) {
        far_end(reader, draft, span, place);
    }
    let Some(Placed { item: exchange, place }) = &draft.exchange else { return };
    if exchange.callers.is_empty() && !place.has("caller") {
        reader.wrong(place, "caller", "missing: an exchange needs at least one [[exchange.caller]]");
    }
    if exchange.called.is_empty() && (place.good("called") || !place.has("called")) {
        reader.wrong(place, "called", "names no number: the callers need at least one");
    }
}

fn far_end(reader: &Reader<'_>, draft: &Draft, span: &Span, place: &Place) {
    if draft.exchange.is_none() {
        reader.wrong(place, "far_end", "needs an [exchange] section");
    }
    if !place.good("kind") || !place.good("span") {
        return;
    }
    match span.kind {
        SpanKind::E1 | SpanKind::T1 | SpanKind::Fxo if draft.trunk_of(span.id).is_none() => {
            let problem =
                format!("needs a [[trunk]] with span {}: it tells how the exchange speaks", span.id);
            reader.wrong(place, "far_end", problem);
        }
        SpanKind::E1 | SpanKind::T1 | SpanKind::Fxs | SpanKind::Fxo => {}
    }
}
