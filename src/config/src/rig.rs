//! The rig file of `tandem hwtest`: cards as in the main configuration, and how their lines are plugged to be measured.
//!
//! Cards are read by the same functions as those of the configuration, so that what is written there can be taken over. Limits: what
//! is cabled together is on one card.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tdm::{ChannelId, SpanId, SpanKind};
use toml::de::DeTable;

use crate::check::{self, Draft};
use crate::model::{Card, Config, FarEnd, Span};
use crate::reader::{Place, Reader, Section};
use crate::sections;
use crate::{ConfigError, MAX_FILE, VERSION, error};

/// The most entries of each list of a rig.
const MAX_ENTRIES: usize = 256;

/// Cards and how their lines are plugged.
#[derive(Clone, Debug, PartialEq)]
pub struct Rig {
    /// The file.
    pub file: PathBuf,
    /// What it is called in reports.
    pub title: String,
    /// The cards, in a configuration that has nothing else.
    pub config: Config,
    /// Spans with a loop plug.
    pub loops: Vec<SpanId>,
    /// Spans that are cabled to each other.
    pub pairs: Vec<(SpanId, SpanId)>,
    /// FXS ports with the FXO ports that they are cabled to.
    pub wires: Vec<(ChannelId, ChannelId)>,
    /// How long bit errors are counted on each line.
    pub bit_errors: Duration,
    /// How long the jitter is measured.
    pub jitter: Duration,
    /// How long a person may take for a plug.
    pub person: Duration,
}

impl Rig {
    /// Reads and checks the file at `path`.
    ///
    /// # Errors
    /// All errors of the file, in the order of its lines; one alone if it cannot be read.
    pub fn load(path: impl AsRef<Path>) -> Result<Rig, Vec<ConfigError>> {
        let path = path.as_ref();
        Rig::parse(&error::read_file(path, MAX_FILE).map_err(|error| vec![error])?, path)
    }

    /// Reads and checks `text` as if it stood in the file `path`.
    ///
    /// # Errors
    /// All errors of the text, in the order of its lines.
    pub fn parse(text: &str, path: impl AsRef<Path>) -> Result<Rig, Vec<ConfigError>> {
        let path = path.as_ref();
        let reader = Reader::new(path, text);
        let (document, syntax) = DeTable::parse_recoverable(text);
        syntax.iter().for_each(|error| reader.syntax(error));
        let read = syntax.is_empty().then(|| root(&reader, document.get_ref(), path));
        let (errors, _) = reader.into_parts();
        match read {
            Some(rig) if errors.is_empty() => Ok(rig.into_rig(path)),
            Some(_) | None => Err(errors),
        }
    }
}

struct Raw {
    draft: Draft,
    title: String,
    loops: Vec<SpanId>,
    pairs: Vec<(SpanId, SpanId)>,
    wires: Vec<(ChannelId, ChannelId)>,
    measure: Measure,
}

struct Measure {
    bit_errors: Duration,
    jitter: Duration,
    person: Duration,
    priority: u8,
    cpu: Option<u16>,
    lock_memory: bool,
}

impl Raw {
    fn into_rig(self, path: &Path) -> Rig {
        let Raw { mut draft, title, loops, pairs, wires, measure } = self;
        let Measure { bit_errors, jitter, person, priority, cpu, lock_memory } = measure;
        let realtime = &mut draft.realtime;
        (realtime.priority, realtime.cpu, realtime.lock_memory) = (priority, cpu, lock_memory);
        Rig {
            file: path.to_path_buf(),
            title,
            config: draft.into_config(path),
            loops,
            pairs,
            wires,
            bit_errors,
            jitter,
            person,
        }
    }
}

fn root(reader: &Reader<'_>, document: &DeTable<'_>, file: &Path) -> Raw {
    let mut root = Section::root(reader, document);
    root.required_integer("version", VERSION..=VERSION, "");
    let title = root.text("title", "at most 64 characters", "", sections::title);
    let base = file.parent().unwrap_or(Path::new(""));
    let mut draft = sections::empty(file);
    draft.cards = sections::cards(&mut root, base);
    let measure = measure(root.table("measure"));
    let loops = root.tables("loop", "span", MAX_ENTRIES).into_iter().map(one_loop).collect::<Vec<_>>();
    let pairs = root.tables("pair", "spans", MAX_ENTRIES).into_iter().map(pair).collect::<Vec<_>>();
    let wires = root.tables("wire", "fxs", MAX_ENTRIES).into_iter().map(wire).collect::<Vec<_>>();
    if draft.cards.is_empty() && !root.place().has("card") {
        reader.wrong(root.place(), "card", "missing: a rig needs at least one [[card]]");
    }
    root.finish();
    check::cards(reader, &draft);
    check::all_kinds(reader, &draft);
    check::spans(reader, &draft);
    for (_, span, place) in draft.spans().filter(|(_, span, _)| span.far_end == FarEnd::Exchange) {
        reader.wrong(
            place,
            "far_end",
            format!("is not for a rig: span {} must lead to something that can be measured", span.id),
        );
    }
    let mut plugged = Plugged { reader, draft: &draft, taken: BTreeMap::new() };
    loops.iter().for_each(|(span, place)| plugged.check_loop(*span, place));
    pairs.iter().for_each(|(spans, place)| plugged.check_pair(spans, place));
    wires.iter().for_each(|(ports, place)| plugged.check_wire(*ports, place));
    let both = |spans: &Vec<SpanId>| Some((*spans.first()?, *spans.get(1)?));
    Raw {
        title,
        loops: loops.into_iter().map(|(span, _)| span).collect(),
        pairs: pairs.iter().filter_map(|(spans, _)| both(spans)).collect(),
        wires: wires.into_iter().map(|(ports, _)| ports).collect(),
        measure,
        draft,
    }
}

fn measure(mut s: Section<'_, '_>) -> Measure {
    let measure = Measure {
        bit_errors: s.duration("bit_errors_s", 1..=86_400, 10),
        jitter: s.duration("jitter_s", 1..=86_400, 300),
        person: s.duration("person_s", 5..=3_600, 60),
        priority: s.integer("priority", 0..=98, "", 80),
        cpu: s.optional_integer("cpu", 0..=1_023, ""),
        lock_memory: s.boolean("lock_memory", true),
    };
    s.finish();
    measure
}

fn one_loop(mut s: Section<'_, '_>) -> (SpanId, Place) {
    let span = SpanId(s.required_integer("span", 1..=sections::MAX_SPAN, ""));
    (span, s.finish())
}

fn pair(mut s: Section<'_, '_>) -> (Vec<SpanId>, Place) {
    let what = format!("two span numbers in 1..={}", sections::MAX_SPAN);
    let spans = s.list("spans", &what, 2, sections::span_id);
    let place = s.place();
    if spans.len() < 2 && (!place.has("spans") || place.good("spans")) {
        s.wrong("spans", format!("must be {what}"));
    }
    (spans, s.finish())
}

fn wire(mut s: Section<'_, '_>) -> ((ChannelId, ChannelId), Place) {
    let what = "SPAN/PORT, for example 5/1";
    let none = ChannelId::new(1, 1);
    let mut port = |key| {
        let port = s.optional_text(key, what, sections::port);
        if port.is_none() && !s.place().has(key) {
            s.wrong(key, format!("missing: it must be given ({what})"));
        }
        port.unwrap_or(none)
    };
    let ports = (port("fxs"), port("fxo"));
    (ports, s.finish())
}

/// Every line and port is plugged once.
struct Plugged<'a> {
    reader: &'a Reader<'a>,
    draft: &'a Draft,
    /// Spans (port 0) and ports, with the line that names them first.
    taken: BTreeMap<(u16, u8), usize>,
}

impl Plugged<'_> {
    fn take(&mut self, what: (u16, u8), key: &str, place: &Place) {
        match self.taken.get(&what) {
            Some(line) => self.reader.wrong(place, key, format!("is plugged twice: first in line {line}")),
            None => drop(self.taken.insert(what, place.line_of(key))),
        }
    }

    /// Returns a span of the rig and its card.
    fn find(&self, span: SpanId, key: &str, place: &Place) -> Option<(&Card, &Span)> {
        let found = self.draft.spans().find(|(_, own, _)| own.id == span).map(|(card, span, _)| (card, span));
        if found.is_none() {
            self.reader.wrong(place, key, format!("is not there: no card of the rig has span {span}"));
        }
        found
    }

    fn check_loop(&mut self, span: SpanId, place: &Place) {
        if !place.good("span") {
            return;
        }
        if let Some((_, Span { kind, .. })) = self.find(span, "span", place)
            && kind.is_analog()
        {
            self.reader.wrong(place, "span", format!("is of kind {kind}: a loop plug is for E1 and T1"));
        }
        self.take((span.0, 0), "span", place);
    }

    fn check_pair(&mut self, spans: &[SpanId], place: &Place) {
        let (&[a, b], true) = (spans, place.good("spans")) else { return };
        if a == b {
            return self.reader.wrong(
                place,
                "spans",
                "names one span twice: a loop plug is written [[loop]]",
            );
        }
        let (Some((card, one)), Some((other, two))) =
            (self.find(a, "spans", place), self.find(b, "spans", place))
        else {
            return;
        };
        if one.kind != two.kind || one.kind.is_analog() {
            let text = format!("cannot be cabled: span {a} is {}, span {b} is {}", one.kind, two.kind);
            self.reader.wrong(place, "spans", text);
        } else if card.name != other.name {
            let text = format!("are on cards {} and {}: both must be on one", card.name, other.name);
            self.reader.wrong(place, "spans", text);
        }
        self.take((a.0, 0), "spans", place);
        self.take((b.0, 0), "spans", place);
    }

    fn check_wire(&mut self, (fxs, fxo): (ChannelId, ChannelId), place: &Place) {
        let mut cards = Vec::new();
        for (key, port, kind) in [("fxs", fxs, SpanKind::Fxs), ("fxo", fxo, SpanKind::Fxo)] {
            if !place.good(key) {
                continue;
            }
            let Some((card, span)) = self.find(port.span, key, place) else { continue };
            if span.kind != kind {
                self.reader.wrong(place, key, format!("is a port of an {} span, not {kind}", span.kind));
            } else if !(1..=span.channels).contains(&port.timeslot.0) {
                let text = format!("is not there: span {} has ports 1 to {}", span.id, span.channels);
                self.reader.wrong(place, key, text);
            }
            cards.push(card.name.clone());
            self.take((port.span.0, port.timeslot.0), key, place);
        }
        if let [one, two] = &cards[..]
            && one != two
        {
            self.reader.wrong(
                place,
                "fxo",
                format!("is on card {two}, the other port on {one}: both must be on one"),
            );
        }
    }
}
