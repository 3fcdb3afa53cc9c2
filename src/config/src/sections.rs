//! Which keys there are: one function a section, each key with its kind, range, unit and default.
//!
//! `config/default.toml` tells the same to people; a test holds the two together.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use card::ClockSource;
use tdm::{ChannelId, Law, SpanId, SpanKind, Timeslot};
use toml::de::{DeTable, DeValue};

use crate::centre;
use crate::check::{self, Draft, Placed, RawNumber, RawSeat};
use crate::model::*;
use crate::reader::{Place, Reader, Section};
use crate::{ConfigError, KeyInfo, VERSION};

/// The most cards.
const MAX_CARDS: usize = 16;
/// The most trunks.
const MAX_TRUNKS: usize = 64;
/// The most spans in one trunk.
const MAX_TRUNK_SPANS: usize = 64;
/// The most seats.
const MAX_SEATS: usize = 2_000;
/// The most entries in the number plan.
const MAX_NUMBERS: usize = 2_000;
/// The most flows.
const MAX_FLOWS: usize = 256;
/// The most agents, each with a seat of their own.
const MAX_AGENTS: usize = MAX_SEATS;
/// The most prompts played one after the other.
const MAX_PROMPTS: usize = 16;
/// The longest name.
const MAX_NAME: usize = 32;
/// The longest telephone number.
pub(crate) const MAX_DIGITS: usize = 20;
/// The highest span number.
pub(crate) const MAX_SPAN: u16 = 999;
/// The longest path.
const MAX_PATH: usize = 4_096;

// Each agent is known to the dispatcher.
const _: () = assert!(MAX_AGENTS <= acd::MAX_AGENTS);

pub(crate) const NAME: &str = "1 to 32 letters, digits, `-`, `_` or `.`";
pub(crate) const NUMBER: &str = "1 to 20 digits";
pub(crate) const PATH: &str = "a path";
const LANGUAGE: &str = "a folder of prompts, for example zh or en";

/// Reads `text`; without an error it is a configuration. Also returns the keys that were asked for.
pub(crate) fn parse(
    text: &str,
    file: &Path,
    read: &dyn Fn(&Path) -> Result<String, ConfigError>,
) -> (Result<Config, Vec<ConfigError>>, Vec<KeyInfo>) {
    let reader = Reader::new(file, text);
    let (document, syntax) = DeTable::parse_recoverable(text);
    for error in &syntax {
        reader.syntax(error);
    }
    let mut draft = syntax.is_empty().then(|| root(&reader, document.get_ref(), file));
    if let Some(draft) = &mut draft {
        draft.flow_files = centre::read_all(&reader, &draft.flows, read);
        check::check(&reader, draft);
    }
    let (errors, keys) = reader.into_parts();
    match draft {
        Some(draft) if errors.is_empty() => (Ok(draft.into_config(file)), keys),
        _ => (Err(errors), keys),
    }
}

/// Returns what a file without any section is.
pub(crate) fn empty(file: &Path) -> Draft {
    let text = format!("version = {VERSION}");
    let reader = Reader::new(file, &text);
    let (document, _) = DeTable::parse_recoverable(&text);
    root(&reader, document.get_ref(), file)
}

/// Reads the cards of a file whose sockets lie in `data`.
pub(crate) fn cards(root: &mut Section<'_, '_>, data: &Path) -> Vec<Placed<(Card, Vec<Place>)>> {
    root.tables("card", "name", MAX_CARDS).into_iter().map(|section| card(section, data)).collect()
}

fn root(reader: &Reader<'_>, document: &DeTable<'_>, file: &Path) -> Draft {
    let mut root = Section::root(reader, document);
    root.required_integer("version", VERSION..=VERSION, "");
    let base = file.parent().unwrap_or(Path::new(""));
    let system = system(root.table("system"), base);
    let data = system.data_dir.as_path();
    let realtime = realtime(root.table("realtime"));
    let detect = crate::detect::detect(root.table("detect"));
    let cancel = cancel(root.table("echo"));
    let cards = cards(&mut root, data);
    let trunks = root.tables("trunk", "name", MAX_TRUNKS).into_iter().map(trunk).collect();
    let seats = root.tables("seat", "number", MAX_SEATS).into_iter().map(seat).collect();
    let numbers = root.tables("number", "called", MAX_NUMBERS).into_iter();
    let numbers = numbers.map(|section| number(section, &system.language)).collect();
    let flows = root.tables("flow", "name", MAX_FLOWS).into_iter();
    let flows = flows.map(|section| centre::flow(section, base)).collect();
    let queues = root.tables("queue", "name", acd::MAX_QUEUES).into_iter().map(centre::queue).collect();
    let agents = root.tables("agent", "name", MAX_AGENTS).into_iter().map(centre::agent).collect();
    let acd = centre::acd(root.table("acd"));
    let call = call(root.table("call"));
    let record = record(root.table("record"), data);
    let line = line(root.table("line"), data);
    let (api, remote) = api(root.table("api"), data);
    let store = centre::store(root.table("store"), data);
    let simulated = root.place().has("exchange");
    let exchange = centre::exchange(root.table("exchange"), data, &system.prompts_dir);
    root.finish();
    Draft {
        cards,
        trunks,
        seats,
        numbers,
        flows,
        flow_files: Vec::new(),
        queues,
        agents,
        acd,
        call,
        record,
        line,
        api,
        remote,
        store,
        exchange: simulated.then_some(exchange),
        system,
        realtime,
        detect,
        cancel,
    }
}

fn system(mut s: Section<'_, '_>, base: &Path) -> System {
    let system = System {
        name: s.text("name", NAME, "tandem", name),
        data_dir: base.join(s.text("data_dir", PATH, "var", path)),
        prompts_dir: base.join(s.text("prompts_dir", PATH, "prompts", path)),
        country: s.choice("country", COUNTRIES, "cn"),
        language: s.text("language", LANGUAGE, "zh", name),
        log: s.choice("log", LOG_LEVELS, "info"),
    };
    s.finish();
    system
}

fn realtime(mut s: Section<'_, '_>) -> Realtime {
    let realtime = Realtime {
        priority: s.integer("priority", 0..=98, "", 80),
        cpu: s.optional_integer("cpu", 0..=1023, ""),
        lock_memory: s.boolean("lock_memory", true),
        recordings: s.integer("recordings", 0..=2048, "", 64),
        prompts: s.integer("prompts", 1..=2048, "", 64),
        recording_buffer: s.duration("recording_buffer_ms", 500..=60_000, 4_000),
        prompt_buffer: s.duration("prompt_buffer_ms", 400..=10_000, 600),
        conceal_gaps: s.boolean("conceal_gaps", true),
    };
    s.finish();
    realtime
}

fn cancel(mut s: Section<'_, '_>) -> (Cancel, Vec<Place>) {
    let (tail_ms, rest) =
        (s.integer("tail_ms", 0..=MAX_TAIL_MS, "", MAX_TAIL_MS), s.choice("rest", RESTS, "comfort-noise"));
    let own = s.tables("channel", "at", MAX_CANCEL_CHANNELS).into_iter().map(cancel_channels);
    let (channels, places) = own.unzip();
    s.finish();
    (Cancel { tail_ms, rest, channels }, places)
}

fn cancel_channels(mut s: Section<'_, '_>) -> (CancelChannels, Place) {
    let channels = CancelChannels {
        at: s.list("at", "SPAN/CHANNEL, for example \"6/1\"", MAX_CANCEL_AT, |value| port(value.as_str()?)),
        tail_ms: s.optional_integer("tail_ms", 0..=MAX_TAIL_MS, ""),
        rest: s.optional_choice("rest", RESTS),
    };
    (channels, s.finish())
}

fn card(mut s: Section<'_, '_>, data: &Path) -> Placed<(Card, Vec<Place>)> {
    let spans = s.tables("span", "span", card::MAX_POSITIONS);
    let (spans, places) = spans.into_iter().map(|section| span(section, data)).unzip();
    let card = Card {
        name: s.required_text("name", NAME, name),
        kind: s.required_choice("type", CARD_TYPES),
        pace: s.choice("pace", PACES, "wall"),
        buffer: s.duration("buffer_ms", 2..=200, 20),
        seed: s.integer("seed", 0..=u32::MAX, "", 1),
        block: s.duration("block_ms", 2..=20, 10),
        hdlc: s.choice("hdlc", HDLC, "own"),
        card_echo: s.boolean("card_echo", false),
        slot: s.optional_text("slot", crate::pci::SLOT, crate::pci::slot),
        access: s.choice("access", crate::pci::ACCESS, "vfio"),
        ethernet: crate::tdmoe::times(&mut s),
        spans,
    };
    Placed { item: (card, places), place: s.finish() }
}

fn span(mut s: Section<'_, '_>, data: &Path) -> (Span, Place) {
    let id = SpanId(s.required_integer("span", 1..=MAX_SPAN, ""));
    let kind = s.required_choice("kind", KINDS);
    let ports = s.optional_integer("ports", 1..=SpanKind::Fxs.max_channels(), "");
    let far_end = s.text("far_end", FAR_END, "open", |text| far_end(text, data));
    let span = Span {
        id,
        kind,
        channels: if kind.is_analog() { ports.unwrap_or(1) } else { kind.max_channels() },
        law: s.optional_choice("law", LAWS).unwrap_or(kind.usual_law()),
        clock: s.choice("clock", CLOCKS, "line"),
        dahdi_channel: s.optional_integer("dahdi_channel", 1..=crate::dahdi::CHANNELS, "").unwrap_or(0),
        line_code: s.choice("line_code", LINE_CODES, "leave"),
        build_out: s.integer("build_out", 0..=7, "", 0),
        ethernet: crate::tdmoe::span(&mut s),
        far_end,
        ppm: s.float("ppm", -100.0..=100.0, "parts per million", 0.0),
        echo: echo(&mut s),
        cancel_tail_ms: s.optional_integer("cancel_tail_ms", 0..=MAX_TAIL_MS, ""),
        cancel_rest: s.optional_choice("cancel_rest", RESTS),
    };
    (span, s.finish())
}

fn echo(s: &mut Section<'_, '_>) -> Option<Echo> {
    let given = s.place().has("echo");
    let mut s = s.table("echo");
    let echo = Echo {
        model: s.choice("model", ECHO_MODELS, "g168-d2"),
        erl_db: s.float("erl_db", 0.0..=40.0, "decibel", 12.0),
        delay: s.duration("delay_ms", 0..=100, 5),
    };
    s.finish();
    given.then_some(echo)
}

fn trunk(mut s: Section<'_, '_>) -> Placed<Trunk> {
    let name = s.required_text("name", NAME, name);
    let spans = s.list("spans", &format!("span numbers in 1..={MAX_SPAN}"), MAX_TRUNK_SPANS, span_id);
    let signalling = s.required_choice("signalling", SIGNALLINGS);
    let trunk = Trunk {
        name,
        spans,
        signalling,
        dialect: s.choice("dialect", &[("euroisdn", Dialect::EuroIsdn)], "euroisdn"),
        hunt: s.optional_choice("hunt", HUNTS).unwrap_or(match signalling {
            TrunkSignalling::PriCpe | TrunkSignalling::LoopStart => Hunt::Descending,
            TrunkSignalling::PriNet => Hunt::Ascending,
        }),
        overlap_receive: s.boolean("overlap_receive", false),
        restart_on_start: s.boolean("restart_on_start", true),
        caller: s.optional_text("caller", NUMBER, digits),
        timers: timers(s.table("timers"), signalling),
        loop_start: crate::loop_start::loop_start(s.table("loop_start")),
    };
    Placed { item: trunk, place: s.finish() }
}

/// T304 and T310 have defaults that depend on the side.
fn timers(mut s: Section<'_, '_>, signalling: TrunkSignalling) -> Timers {
    let (t304_s, t310_s) = match signalling {
        TrunkSignalling::PriNet => (20, 10),
        TrunkSignalling::PriCpe | TrunkSignalling::LoopStart => (30, 60),
    };
    let timers = Timers {
        t200: s.duration("t200_ms", 100..=5_000, 1_000),
        t203: s.duration("t203_s", 2..=60, 10),
        n200: s.integer("n200", 1..=10, "", 3),
        k: s.integer("k", 1..=32, "", 7),
        t301: s.duration("t301_s", 180..=600, 180),
        t302: s.duration("t302_s", 10..=15, 15),
        t303: s.duration("t303_s", 4..=10, 4),
        t304: s.optional_duration("t304_s", 20..=30).unwrap_or(Duration::from_secs(t304_s)),
        t305: s.duration("t305_s", 4..=30, 30),
        t306: s.duration("t306_s", 30..=60, 30),
        t308: s.duration("t308_s", 4..=10, 4),
        t309: s.duration("t309_s", 6..=90, 90),
        t310: s.optional_duration("t310_s", 10..=120).unwrap_or(Duration::from_secs(t310_s)),
        t313: s.duration("t313_s", 4..=10, 4),
        t316: s.duration("t316_s", 30..=120, 120),
        t322: s.duration("t322_s", 4..=10, 4),
    };
    s.finish();
    timers
}

fn seat(mut s: Section<'_, '_>) -> Placed<RawSeat> {
    let seat = RawSeat {
        number: s.required_text("number", NUMBER, digits),
        port: s.optional_text("port", "SPAN/PORT, for example 5/1", port),
        trunk: s.optional_text("trunk", NAME, name),
        dial: s.optional_text("dial", NUMBER, digits),
        name: s.text("name", "at most 64 characters", "", title),
        answer_timeout: s.duration("answer_timeout_s", 1..=600, 30),
    };
    Placed { item: seat, place: s.finish() }
}

fn number(mut s: Section<'_, '_>, language: &str) -> Placed<RawNumber> {
    let prompt = "names of prompts without .wav, parted by `/`";
    let number = RawNumber {
        called: s.required_text("called", "1 to 20 digits, or their beginning and a `*`", called),
        action: s.required_choice("action", ACTIONS),
        from: s.choice(
            "from",
            &[("any", Origin::Any), ("trunk", Origin::Trunk), ("seat", Origin::Seat)],
            "any",
        ),
        record: s.boolean("record", true),
        language: s.optional_text("language", LANGUAGE, name).unwrap_or(language.into()),
        prompts: s.list("prompts", prompt, MAX_PROMPTS, |value| value.as_str().and_then(prompt_name)),
        digits: s.integer("digits", 1..=MAX_DIGITS as u8, "", 3),
        digit_timeout: s.duration("digit_timeout_s", 1..=60, 5),
        attempts: s.integer("attempts", 1..=10, "", 3),
        seat: s.optional_text("seat", NUMBER, digits),
        trunk: s.optional_text("trunk", NAME, name),
        flow: s.optional_text("flow", NAME, name),
    };
    Placed { item: number, place: s.finish() }
}

fn call(mut s: Section<'_, '_>) -> Call {
    let call = Call {
        next_digit_timeout: s.duration("next_digit_timeout_s", 1..=30, 5),
        trunk_answer_timeout: s.duration("trunk_answer_timeout_s", 10..=600, 120),
    };
    s.finish();
    call
}

fn record(mut s: Section<'_, '_>, data: &Path) -> Record {
    let record = Record {
        enabled: s.boolean("enabled", true),
        remove_digits: s.boolean("remove_digits", false),
        directory: data.join(s.text("directory", PATH, "recordings", path)),
        reserve_mib: s.integer("reserve_mib", 0..=1_048_576, "MiB", 512),
        flush: s.duration("flush_ms", 50..=500, 500),
    };
    s.finish();
    record
}

fn line(mut s: Section<'_, '_>, data: &Path) -> Placed<Line> {
    let line = Line {
        socket: data.join(s.text("socket", PATH, "line.sock", path)),
        hold: s.duration("hold_s", 1..=600, 30),
    };
    Placed { item: line, place: s.finish() }
}

fn api(mut s: Section<'_, '_>, data: &Path) -> (Placed<Api>, bool) {
    let api = Api {
        listen: s.text("listen", "ADDRESS:PORT, for example 127.0.0.1:8040", "127.0.0.1:8040", listen),
        token_file: data.join(s.text("token_file", PATH, "api.token", path)),
    };
    let remote = s.boolean("allow_remote", false);
    (Placed { item: api, place: s.finish() }, remote)
}

const COUNTRIES: &[(&str, Country)] = &[
    ("cn", Country::Cn),
    ("itu", Country::Itu),
    ("us", Country::Us),
    ("uk", Country::Uk),
    ("etsi", Country::Etsi),
];
const LOG_LEVELS: &[(&str, LogLevel)] = &[
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
    ("trace", LogLevel::Trace),
];
const PACES: &[(&str, Pace)] =
    &[("wall", Pace::Wall), ("lockstep", Pace::Lockstep), ("virtual", Pace::Virtual)];
const CARD_TYPES: &[(&str, CardType)] =
    &[("sim", CardType::Sim), ("dahdi", CardType::Dahdi), ("pci", CardType::Pci), ("tdmoe", CardType::Tdmoe)];
const KINDS: &[(&str, SpanKind)] =
    &[("e1", SpanKind::E1), ("t1", SpanKind::T1), ("fxs", SpanKind::Fxs), ("fxo", SpanKind::Fxo)];
const LAWS: &[(&str, Law)] = &[("a", Law::A), ("mu", Law::Mu)];
const CLOCKS: &[(&str, ClockSource)] = &[("line", ClockSource::Line), ("internal", ClockSource::Internal)];
const HDLC: &[(&str, CardHdlc)] =
    &[("own", CardHdlc::Own), ("kernel", CardHdlc::Kernel), ("card", CardHdlc::Card)];
const LINE_CODES: &[(&str, LineCode)] = &[
    ("leave", LineCode::Leave),
    ("hdb3", LineCode::Hdb3),
    ("hdb3-crc4", LineCode::Hdb3Crc4),
    ("esf-b8zs", LineCode::EsfB8zs),
];
const SIGNALLINGS: &[(&str, TrunkSignalling)] = &[
    ("pri_cpe", TrunkSignalling::PriCpe),
    ("pri_net", TrunkSignalling::PriNet),
    ("loop_start", TrunkSignalling::LoopStart),
];
const HUNTS: &[(&str, Hunt)] =
    &[("ascending", Hunt::Ascending), ("descending", Hunt::Descending), ("round_robin", Hunt::RoundRobin)];
/// The most entries of channels with cancellers of their own, and channels of an entry.
const MAX_CANCEL_CHANNELS: usize = 64;
const MAX_CANCEL_AT: usize = 128;
/// The longest tail of an echo canceller.
const MAX_TAIL_MS: u16 = 128;

const RESTS: &[(&str, CancelRest)] = &[
    ("comfort-noise", CancelRest::ComfortNoise),
    ("silence", CancelRest::Silence),
    ("keep", CancelRest::Keep),
];

const ECHO_MODELS: &[(&str, EchoModel)] = &[
    ("g168-d2", EchoModel::D2),
    ("g168-d3", EchoModel::D3),
    ("g168-d4", EchoModel::D4),
    ("g168-d5", EchoModel::D5),
    ("g168-d6", EchoModel::D6),
    ("g168-d7", EchoModel::D7),
    ("g168-d8", EchoModel::D8),
    ("g168-d9", EchoModel::D9),
];
const ACTIONS: &[(&str, check::ActionName)] = &[
    ("attendant", check::ActionName::Attendant),
    ("announce", check::ActionName::Announce),
    ("seat", check::ActionName::Seat),
    ("trunk", check::ActionName::Trunk),
    ("flow", check::ActionName::Flow),
];
const FAR_END: &str = "\"open\" | \"loop\" | \"exchange\" | \"span:NUMBER\" | \"socket:PATH\"";

pub(crate) fn name(text: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    ((1..=MAX_NAME).contains(&text.len()) && text.chars().all(allowed)).then(|| text.to_string())
}

pub(crate) fn title(text: &str) -> Option<String> {
    (text.chars().count() <= 64 && !text.chars().any(char::is_control)).then(|| text.to_string())
}

pub(crate) fn path(text: &str) -> Option<PathBuf> {
    ((1..=MAX_PATH).contains(&text.len()) && !text.contains('\0')).then(|| PathBuf::from(text))
}

pub(crate) fn digits(text: &str) -> Option<String> {
    let right = (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    right.then(|| text.to_string())
}

fn called(text: &str) -> Option<String> {
    let number = text.strip_suffix('*').unwrap_or(text);
    (text == "*" || digits(number).is_some()).then(|| text.to_string())
}

fn prompt_name(text: &str) -> Option<String> {
    let part = |part: &str| !part.is_empty() && part != "." && part != ".." && name(part).is_some();
    text.split('/').all(part).then(|| text.to_string())
}

fn small(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|c| c.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

pub(crate) fn port(text: &str) -> Option<ChannelId> {
    let (span, timeslot) = text.split_once('/')?;
    let span = small(span).filter(|span| *span <= MAX_SPAN)?;
    Some(ChannelId { span: SpanId(span), timeslot: Timeslot(small(timeslot)?.try_into().ok()?) })
}

pub(crate) fn span_id(value: &DeValue<'_>) -> Option<SpanId> {
    let number = value.as_integer().filter(|number| number.radix() == 10)?;
    small(number.as_str()).filter(|span| *span <= MAX_SPAN).map(SpanId)
}

fn far_end(text: &str, data: &Path) -> Option<FarEnd> {
    match text.split_once(':') {
        None if text == "open" => Some(FarEnd::Open),
        None if text == "loop" => Some(FarEnd::Loop),
        None if text == "exchange" => Some(FarEnd::Exchange),
        Some(("span", span)) => {
            small(span).filter(|span| *span <= MAX_SPAN).map(|span| FarEnd::Span(SpanId(span)))
        }
        Some(("socket", socket)) => path(socket).map(|socket| FarEnd::Socket(data.join(socket))),
        _ => None,
    }
}

fn listen(text: &str) -> Option<SocketAddr> {
    text.parse().ok()
}
