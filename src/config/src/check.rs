//! What must fit together across sections: numbers used twice, names that lead nowhere, ports that are not there.
//!
//! A rule speaks only of values that were read without an error, so that one mistake is told once.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

use card::ClockSource;
use tdm::{ChannelId, SpanId, SpanKind};

use crate::centre::{self, Agent, Exchange, Flow, FlowFile, Queue, RawAcd, RawFlow, Store};
use crate::model::*;
use crate::reader::{Place, Reader};

/// The longest path of a Unix socket, in octets. Source: unix(7), `sun_path` less its closing zero.
const MAX_SOCKET_PATH: usize = 107;

/// Something read, and where it stands.
pub(crate) struct Placed<T> {
    pub item: T,
    pub place: Place,
}

/// All that was read, before it is known to fit together.
pub(crate) struct Draft {
    pub system: System,
    pub realtime: Realtime,
    pub detect: crate::Detect,
    pub cancel: (Cancel, Vec<Place>),
    pub cards: Vec<Placed<(Card, Vec<Place>)>>,
    pub trunks: Vec<Placed<Trunk>>,
    pub seats: Vec<Placed<RawSeat>>,
    pub numbers: Vec<Placed<RawNumber>>,
    pub flows: Vec<Placed<RawFlow>>,
    /// The documents of those flows that could be read.
    pub flow_files: Vec<FlowFile>,
    pub queues: Vec<Placed<Queue>>,
    pub agents: Vec<Placed<Agent>>,
    pub acd: Placed<RawAcd>,
    pub call: Call,
    pub record: Record,
    pub line: Placed<Line>,
    pub api: Placed<Api>,
    pub remote: bool,
    pub store: Store,
    pub exchange: Option<Placed<Exchange>>,
}

/// A seat with the keys of both ways to it.
pub(crate) struct RawSeat {
    pub number: String,
    pub port: Option<ChannelId>,
    pub trunk: Option<String>,
    pub dial: Option<String>,
    pub name: String,
    pub answer_timeout: Duration,
}

/// An entry of the number plan with the keys of all actions.
pub(crate) struct RawNumber {
    pub called: String,
    pub action: ActionName,
    pub from: Origin,
    pub record: bool,
    pub language: String,
    pub prompts: Vec<String>,
    pub digits: u8,
    pub digit_timeout: Duration,
    pub attempts: u8,
    pub seat: Option<String>,
    pub trunk: Option<String>,
    pub flow: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ActionName {
    Attendant,
    Announce,
    Seat,
    Trunk,
    Flow,
}

impl ActionName {
    fn as_str(self) -> &'static str {
        match self {
            ActionName::Attendant => "attendant",
            ActionName::Announce => "announce",
            ActionName::Seat => "seat",
            ActionName::Trunk => "trunk",
            ActionName::Flow => "flow",
        }
    }

    /// Returns the keys that the action uses, those first that it must have.
    fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            ActionName::Attendant => (&["prompts"], &["digits", "digit_timeout_s", "attempts"]),
            ActionName::Announce => (&["prompts"], &[]),
            ActionName::Seat => (&["seat"], &[]),
            ActionName::Trunk => (&["trunk"], &[]),
            ActionName::Flow => (&["flow"], &[]),
        }
    }
}

/// The keys of the number plan that belong to some actions only.
const ACTION_KEYS: [&str; 7] = ["prompts", "digits", "digit_timeout_s", "attempts", "seat", "trunk", "flow"];

impl Draft {
    pub fn spans(&self) -> impl Iterator<Item = (&Card, &Span, &Place)> {
        self.cards.iter().flat_map(|card| {
            let (card, places) = &card.item;
            card.spans.iter().zip(places).map(move |(span, place)| (card, span, place))
        })
    }

    fn span(&self, id: SpanId) -> Option<(&Card, &Span, &Place)> {
        self.spans().find(|(_, span, place)| span.id == id && place.good("span"))
    }

    pub fn trunk_of(&self, id: SpanId) -> Option<&Placed<Trunk>> {
        self.trunks.iter().find(|trunk| trunk.item.spans.contains(&id))
    }

    /// Turns what was read and found right into the configuration.
    pub fn into_config(self, file: &Path) -> Config {
        Config {
            file: file.to_path_buf(),
            system: self.system,
            realtime: self.realtime,
            detect: self.detect,
            cancel: self.cancel.0,
            cards: self.cards.into_iter().map(|card| card.item.0).collect(),
            trunks: self.trunks.into_iter().map(|trunk| trunk.item).collect(),
            seats: self.seats.into_iter().map(|seat| seat.item.into_seat()).collect(),
            numbers: self.numbers.into_iter().map(|number| number.item.into_rule()).collect(),
            flows: self.flow_files.into_iter().map(into_flow).collect(),
            queues: self.queues.into_iter().map(|queue| queue.item).collect(),
            agents: self.agents.into_iter().map(|agent| agent.item).collect(),
            acd: self.acd.item.into_acd(),
            call: self.call,
            record: self.record,
            line: self.line.item,
            api: self.api.item,
            store: self.store,
            exchange: self.exchange.map(|exchange| exchange.item),
        }
    }
}

fn into_flow(file: FlowFile) -> Flow {
    Flow { name: file.name, file: file.path, flow: file.flow }
}

impl RawSeat {
    fn into_seat(self) -> Seat {
        let reach = match (self.port, self.trunk) {
            (_, Some(trunk)) => {
                Reach::Trunk { trunk, dial: self.dial.unwrap_or_else(|| self.number.clone()) }
            }
            (port, None) => Reach::Port(port.expect("a seat has a port or a trunk: it was checked")),
        };
        Seat { number: self.number, reach, name: self.name, answer_timeout: self.answer_timeout }
    }

    /// Returns what is dialled on the trunk.
    fn dialled(&self) -> &str {
        self.dial.as_deref().unwrap_or(&self.number)
    }
}

impl RawNumber {
    fn into_rule(self) -> NumberRule {
        let action = match self.action {
            ActionName::Attendant => Action::Attendant {
                prompts: self.prompts,
                digits: self.digits,
                digit_timeout: self.digit_timeout,
                attempts: self.attempts,
            },
            ActionName::Announce => Action::Announce { prompts: self.prompts },
            ActionName::Seat => Action::Seat { seat: self.seat.unwrap_or_default() },
            ActionName::Trunk => Action::Trunk { trunk: self.trunk.unwrap_or_default() },
            ActionName::Flow => Action::Flow { flow: self.flow.unwrap_or_default() },
        };
        let RawNumber { called, from, record, language, .. } = self;
        NumberRule { called, from, action, language, record }
    }
}

/// Notes everything that does not fit together.
pub(crate) fn check(reader: &Reader<'_>, draft: &Draft) {
    cards(reader, draft);
    all_kinds(reader, draft);
    spans(reader, draft);
    cancellers(reader, draft);
    trunks(reader, draft);
    seats(reader, draft);
    numbers(reader, draft);
    centre::check(reader, draft);
    shell(reader, draft);
}

/// Notes what does not fit the kind of a card.
pub(crate) fn all_kinds(reader: &Reader<'_>, draft: &Draft) {
    crate::dahdi::check(reader, draft);
    crate::pci::check(reader, draft);
    crate::tdmoe::check(reader, draft);
}

/// Notes every second use of a value of `key`.
pub(crate) fn unique<'d, K: Ord>(
    reader: &Reader<'_>,
    key: &str,
    items: impl Iterator<Item = (K, &'d Place)>,
) {
    let mut first: BTreeMap<K, usize> = BTreeMap::new();
    for (value, place) in items.filter(|(_, place)| place.good(key)) {
        match first.get(&value) {
            Some(line) => reader.wrong(place, key, format!("is used twice: first in line {line}")),
            None => drop(first.insert(value, place.line_of(key))),
        }
    }
}

/// Notes cards that cannot be told apart or have no span.
pub(crate) fn cards(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "name", draft.cards.iter().map(|card| (&card.item.0.name, &card.place)));
    for card in &draft.cards {
        if card.item.0.spans.is_empty() && !card.place.has("span") {
            reader.wrong(&card.place, "span", "missing: a card needs at least one [[card.span]]");
        }
    }
}

/// Notes echo cancellers of channels that are not there, or that are of no use.
fn cancellers(reader: &Reader<'_>, draft: &Draft) {
    let (cancel, places) = &draft.cancel;
    for (own, place) in cancel.channels.iter().zip(places) {
        if own.at.is_empty() && (place.good("at") || !place.has("at")) {
            reader.wrong(place, "at", "names no channel: at least one is needed, for example [\"6/1\"]");
        }
        for channel in &own.at {
            let ChannelId { span, timeslot } = *channel;
            match draft.span(span) {
                None => {
                    reader.wrong(place, "at", format!("names {span}/{timeslot}, but no card has span {span}"))
                }
                Some((_, found, at))
                    if at.good("kind") && at.good("ports") && timeslot.0 > found.channels =>
                {
                    let channels = found.channels;
                    reader.wrong(
                        place,
                        "at",
                        format!("names {span}/{timeslot}, but span {span} has channels 1..={channels}"),
                    );
                }
                Some(_) => {}
            }
        }
        if own.tail_ms.is_none() && own.rest.is_none() && !place.has("tail_ms") && !place.has("rest") {
            reader.wrong(place, "at", "is of no use without tail_ms or rest");
        }
        if own.tail_ms.is_some_and(|tail_ms| tail_ms > cancel.tail_ms) {
            let most = cancel.tail_ms;
            reader.wrong(
                place,
                "tail_ms",
                format!("is more than the {most} of [echo], which no channel can exceed"),
            );
        }
    }
}

/// Notes spans whose keys or far ends do not fit.
pub(crate) fn spans(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "span", draft.spans().map(|(_, span, place)| (span.id, place)));
    for (card, span, place) in draft.spans() {
        if place.good("kind") {
            if span.kind.is_analog() && !place.has("ports") {
                reader.wrong(
                    place,
                    "ports",
                    format!("missing: an {} span needs its number of ports", span.kind),
                );
            }
            for key in if span.kind.is_analog() { &["clock", "ppm"][..] } else { &["ports"] } {
                if place.has(key) {
                    reader.wrong(
                        place,
                        key,
                        format!("is of no use: an {} span has no such thing", span.kind),
                    );
                }
            }
        }
        match &span.far_end {
            FarEnd::Span(other) => cross_connect(reader, draft, (card, span, place), *other),
            FarEnd::Socket(_) | FarEnd::Exchange | FarEnd::Open | FarEnd::Loop => {}
        }
        if let Some(path) = plugged_to(draft, span) {
            socket(reader, place, "far_end", &path);
        }
    }
    let sockets = draft.spans().filter_map(|(_, span, place)| Some((plugged_to(draft, span)?, place)));
    unique(reader, "far_end", sockets);
}

/// Returns the socket to which a simulated line is plugged.
fn plugged_to(draft: &Draft, span: &Span) -> Option<PathBuf> {
    match &span.far_end {
        FarEnd::Socket(path) => Some(path.clone()),
        FarEnd::Exchange => Some(exchange_socket(&draft.system.data_dir, span.id)),
        FarEnd::Open | FarEnd::Loop | FarEnd::Span(_) => None,
    }
}

fn cross_connect(
    reader: &Reader<'_>,
    draft: &Draft,
    (card, span, place): (&Card, &Span, &Place),
    other: SpanId,
) {
    let wrong = |problem: &dyn Display| reader.wrong(place, "far_end", problem);
    let Some((other_card, far, far_place)) = draft.span(other) else {
        return wrong(&"names a span that no card has");
    };
    if !place.good("span") || !place.good("kind") || !far_place.good("kind") {
        return;
    }
    if far.id == span.id {
        return wrong(&"is the span itself: a line to itself is written \"loop\"");
    }
    if !std::ptr::eq(other_card, card) {
        return wrong(&format_args!("is a span of card {}: both must be on one card", other_card.name));
    }
    if !joinable(span.kind, far.kind) {
        return wrong(&format_args!(
            "cannot be joined: span {} is {}, span {other} is {}",
            span.id, span.kind, far.kind
        ));
    }
    if far.far_end != FarEnd::Span(span.id) {
        return wrong(&format_args!("is one-sided: span {other} must have far_end = \"span:{}\"", span.id));
    }
    if span.kind.is_analog() || far.id < span.id {
        return;
    }
    if span.clock == ClockSource::Line && far.clock == ClockSource::Line {
        reader.wrong(
            place,
            "clock",
            format!(
                "spans {} and {other} both take their clock from the line: one must be \"internal\"",
                span.id
            ),
        );
    }
    let (Some(near_trunk), Some(far_trunk)) = (draft.trunk_of(span.id), draft.trunk_of(other)) else {
        return;
    };
    let good = near_trunk.place.good("signalling") && far_trunk.place.good("signalling");
    if good && near_trunk.item.signalling == far_trunk.item.signalling {
        let names = (&near_trunk.item.name, &far_trunk.item.name);
        wrong(&format_args!(
            "joins trunks {} and {}, which are the same side: one must be pri_net, one pri_cpe",
            names.0, names.1
        ));
    }
}

/// Returns true if a line between the two makes sense: an FXO port is what an FXS port is plugged into.
fn joinable(a: SpanKind, b: SpanKind) -> bool {
    matches!(
        (a, b),
        (SpanKind::E1, SpanKind::E1)
            | (SpanKind::T1, SpanKind::T1)
            | (SpanKind::Fxs, SpanKind::Fxo)
            | (SpanKind::Fxo, SpanKind::Fxs)
    )
}

fn trunks(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "name", draft.trunks.iter().map(|trunk| (&trunk.item.name, &trunk.place)));
    let mut taken: BTreeMap<SpanId, &str> = BTreeMap::new();
    for placed in &draft.trunks {
        crate::loop_start::check(reader, placed);
        let Placed { item: trunk, place } = placed;
        if trunk.spans.is_empty() && (place.good("spans") || !place.has("spans")) {
            reader.wrong(place, "spans", "names no span: a trunk needs at least one");
        }
        for span in &trunk.spans {
            if let Some(by) = taken.insert(*span, &trunk.name) {
                reader.wrong(place, "spans", format!("names span {span}, which is already in trunk {by}"));
            }
            match draft.span(*span) {
                None => reader.wrong(place, "spans", format!("names span {span}, which no card has")),
                Some((_, found, at)) if at.good("kind") && place.good("signalling") => {
                    if let Some(needs) = unfit(trunk.signalling, found.kind) {
                        let problem = format!("names span {span}, which is {}: {needs}", found.kind);
                        reader.wrong(place, "spans", problem);
                    }
                }
                Some(_) => {}
            }
        }
    }
}

/// Returns what a trunk of this signalling needs, if such a span does not do.
fn unfit(signalling: TrunkSignalling, kind: SpanKind) -> Option<&'static str> {
    match (signalling, kind) {
        (TrunkSignalling::PriCpe | TrunkSignalling::PriNet, SpanKind::E1 | SpanKind::T1)
        | (TrunkSignalling::LoopStart, SpanKind::Fxo) => None,
        (TrunkSignalling::PriCpe | TrunkSignalling::PriNet, SpanKind::Fxs | SpanKind::Fxo) => {
            Some("a trunk needs E1 or T1, or FXO and signalling \"loop_start\"")
        }
        (TrunkSignalling::LoopStart, SpanKind::E1 | SpanKind::T1 | SpanKind::Fxs) => {
            Some("signalling \"loop_start\" needs FXO")
        }
    }
}

fn seats(reader: &Reader<'_>, draft: &Draft) {
    unique(reader, "number", draft.seats.iter().map(|seat| (&seat.item.number, &seat.place)));
    unique(reader, "port", draft.seats.iter().map(|seat| (seat.item.port, &seat.place)));
    for Placed { item: seat, place } in &draft.seats {
        if let Some(port) = seat.port {
            seat_port(reader, draft, port, place);
        }
        match (place.has("port"), place.has("trunk")) {
            (true, true) => reader.wrong(place, "trunk", "is of no use: the seat has a port"),
            (false, false) => reader.wrong(
                place,
                "port",
                "missing: a seat needs a port or a trunk (SPAN/PORT, for example 5/1)",
            ),
            (true, false) | (false, true) => {}
        }
        if place.has("dial") && !place.has("trunk") {
            reader.wrong(place, "dial", "is of no use: the seat has no trunk");
        }
        if let Some(trunk) = &seat.trunk
            && !draft.trunks.iter().any(|known| known.item.name == *trunk)
        {
            reader.wrong(place, "trunk", "is not the name of a [[trunk]]");
        }
    }
    same_telephone(reader, draft);
}

/// Notes every second seat that is reached by the same number over the same trunk.
fn same_telephone(reader: &Reader<'_>, draft: &Draft) {
    let mut first: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    for Placed { item: seat, place } in &draft.seats {
        let Some(trunk) = &seat.trunk else { continue };
        let key = if place.has("dial") { "dial" } else { "number" };
        if place.good(key)
            && let Some(other) = first.insert((trunk, seat.dialled()), &seat.number)
            && other != seat.number
        {
            reader.wrong(place, key, format!("is dialled on trunk {trunk} for seat {other}, too"));
        }
    }
}

fn seat_port(reader: &Reader<'_>, draft: &Draft, port: ChannelId, place: &Place) {
    let wrong = |problem: &dyn Display| reader.wrong(place, "port", problem);
    let (span, port) = (port.span, port.timeslot);
    let Some((_, found, at)) = draft.span(span) else {
        return wrong(&format_args!("is not there: no card has span {span}"));
    };
    if !at.good("kind") {
        return;
    }
    if found.kind.pri_d_timeslot() == Some(port) && draft.trunk_of(span).is_some() {
        wrong(&format_args!("is the D-channel of span {span}: a seat needs an FXS port"));
    } else if found.kind != SpanKind::Fxs {
        wrong(&format_args!("is on span {span}, which is {}: a seat needs an FXS port", found.kind));
    } else if at.good("ports") && port.0 > found.channels {
        wrong(&format_args!("is not there: span {span} has ports 1..={}", found.channels));
    }
}

fn numbers(reader: &Reader<'_>, draft: &Draft) {
    let key = |number: &RawNumber| (number.called.clone(), number.from as u8);
    unique(reader, "called", draft.numbers.iter().map(|number| (key(&number.item), &number.place)));
    for Placed { item: number, place } in &draft.numbers {
        if place.good("action") {
            action_keys(reader, number, place);
        }
        let wanted = number.seat.as_ref().filter(|_| number.action == ActionName::Seat);
        if let Some(wanted) = wanted
            && !draft.seats.iter().any(|seat| seat.item.number == *wanted)
        {
            reader.wrong(place, "seat", "is not the number of a [[seat]]");
        }
        let wanted = number.trunk.as_ref().filter(|_| number.action == ActionName::Trunk);
        if let Some(wanted) = wanted
            && !draft.trunks.iter().any(|trunk| trunk.item.name == *wanted)
        {
            reader.wrong(place, "trunk", "is not the name of a [[trunk]]");
        }
        let wanted = number.flow.as_ref().filter(|_| number.action == ActionName::Flow);
        if let Some(wanted) = wanted
            && !draft.flows.iter().any(|flow| flow.item.name == *wanted)
        {
            reader.wrong(place, "flow", "is not the name of a [[flow]]");
        }
    }
}

fn action_keys(reader: &Reader<'_>, number: &RawNumber, place: &Place) {
    let action = number.action.as_str();
    let (must, may) = number.action.keys();
    for key in must {
        if !place.has(key) {
            reader.wrong(place, key, format!("missing: action \"{action}\" needs it"));
        }
    }
    if must.contains(&"prompts") && place.good("prompts") && number.prompts.is_empty() {
        reader.wrong(place, "prompts", format!("is empty: action \"{action}\" needs at least one prompt"));
    }
    for key in ACTION_KEYS {
        if place.has(key) && !must.contains(&key) && !may.contains(&key) {
            reader.wrong(place, key, format!("is of no use: action \"{action}\" has no such key"));
        }
    }
}

fn shell(reader: &Reader<'_>, draft: &Draft) {
    socket(reader, &draft.line.place, "socket", &draft.line.item.socket);
    let api = &draft.api;
    if !draft.remote && !api.item.listen.ip().is_loopback() {
        reader.wrong(
            &api.place,
            "listen",
            "is not a loopback address: others could reach it; allow_remote = true permits that",
        );
    }
}

fn socket(reader: &Reader<'_>, place: &Place, key: &str, path: &Path) {
    let octets = path.as_os_str().len();
    if octets > MAX_SOCKET_PATH {
        reader.wrong(
            place,
            key,
            format!("leads to a path of {octets} octets: a Unix socket's has at most {MAX_SOCKET_PATH}"),
        );
    }
}
