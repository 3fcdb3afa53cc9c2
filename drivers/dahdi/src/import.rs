//! Reads `/etc/dahdi/system.conf` and `chan_dahdi.conf` and proposes the matching part of a configuration of Tandem.
//!
//! How: both files are read line by line into a list of spans, ranges of channels and what was said of them; then digital
//! spans take the channels in order, 31 or 24 each, and ranges of analog ports become spans of their own. Whatever has no
//! equal is named with its line and the reason. Limits: at most [`MAX_LINES`] lines, [`MAX_NOTES`] notes and channel
//! numbers to 1023; templates, includes and variables of `chan_dahdi.conf` are named, not followed.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::RangeInclusive;

use card::MAX_POSITIONS;
use tdm::SpanKind;

/// The most lines of a file that are read.
pub const MAX_LINES: usize = 10_000;
/// The most notes that are kept.
pub const MAX_NOTES: usize = 1_000;
/// The highest number of a channel.
const MAX_CHANNEL: u32 = 1_023;
/// The most telephones whose seats are proposed.
const MAX_SEATS: usize = 500;

/// What the files say, in Tandem's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposal {
    /// A configuration file of Tandem.
    pub toml: String,
    /// What has no equal, or must be looked at.
    pub notes: Vec<String>,
}

/// A span of the proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Span {
    kind: SpanKind,
    first: u32,
    channels: u32,
    clock_rank: u32,
    build_out: u32,
    crc4: bool,
    d_channel: bool,
    cas: bool,
}

#[derive(Default)]
struct Reader {
    notes: Vec<String>,
    /// Digital spans in the order of the file.
    digital: Vec<Span>,
    /// Number of a channel to what it is: a key of `system.conf`.
    channels: BTreeMap<u32, &'static str>,
    hdlc_by_card: bool,
    card_echo: bool,
    country: Option<&'static str>,
    /// Number of a channel to `pri_cpe` or `pri_net`.
    pri: BTreeMap<u32, &'static str>,
    /// Number of a channel to whether it has A-law.
    alaw: BTreeMap<u32, bool>,
}

/// What makes a digital channel in `system.conf`, and what it becomes.
const DIGITAL: [&str; 7] = ["bchan", "dchan", "hardhdlc", "clear", "cas", "e&m", "fcshdlc"];

/// Proposes a configuration; either text may be empty.
pub fn propose(system: &str, chan_dahdi: &str) -> Proposal {
    let mut reader = Reader::default();
    reader.system(system);
    reader.chan_dahdi(chan_dahdi);
    reader.propose()
}

impl Reader {
    fn note(&mut self, line: usize, text: impl std::fmt::Display) {
        if self.notes.len() < MAX_NOTES {
            self.notes.push(format!("line {line}: {text}"));
        }
    }

    fn system(&mut self, text: &str) {
        for (number, line) in (1..).zip(text.lines().take(MAX_LINES)) {
            let line = line.split(['#', ';']).next().unwrap_or_default().trim();
            let Some((key, value)) = line.split_once('=') else {
                if !line.is_empty() {
                    self.note(number, format_args!("system.conf: not understood: {}", brief(line)));
                }
                continue;
            };
            self.system_key(number, &key.trim().to_ascii_lowercase(), value.trim());
        }
    }

    fn system_key(&mut self, number: usize, key: &str, value: &str) {
        match key {
            "span" => self.span(number, value),
            "loadzone" => {}
            "defaultzone" => self.zone(number, value),
            "echocanceller" => {
                self.card_echo |= value.starts_with("hwec");
                if !value.starts_with("hwec") {
                    let kind = brief(value.split(',').next().unwrap_or_default());
                    self.note(
                        number,
                        format_args!("echocanceller {kind}: Tandem has its own, see [echo] tail_ms"),
                    );
                }
            }
            "alaw" | "mulaw" | "ulaw" => {
                for channel in self.ranges(number, value).into_iter().flatten() {
                    self.alaw.insert(channel, key == "alaw");
                }
            }
            "unused" => {}
            "fxoks" | "fxsks" => {
                let kind = if key == "fxoks" { "fxoks" } else { "fxsks" };
                self.take_channels(number, kind, value);
            }
            "fxols" | "fxogs" | "fxsls" | "fxsgs" => {
                let kind = if key.starts_with("fxo") { "fxoks" } else { "fxsks" };
                self.note(
                    number,
                    format_args!("{key}: taken as {kind}, the only kind of loop start that Tandem sets"),
                );
                self.take_channels(number, kind, value);
            }
            _ => {
                match DIGITAL.iter().find(|kind| **kind == key) {
                    Some(kind) => {
                        self.hdlc_by_card |= *kind == "hardhdlc";
                        let list = value.split(':').next().unwrap_or_default();
                        self.take_channels(number, kind, list);
                        if matches!(*kind, "cas" | "e&m") {
                            self.note(number, format_args!("{key}: signalling bits are read and sent, but no trunk speaks over them yet"));
                        }
                    }
                    None => self.note(number, format_args!("{}: has no equal", brief(key))),
                }
            }
        }
    }

    /// `span=1,1,0,ccs,hdb3,crc4`: number, clock rank, build-out, framing, coding.
    fn span(&mut self, number: usize, value: &str) {
        let parts: Vec<String> =
            value.split(',').map(|part| part.trim().to_ascii_lowercase()).take(8).collect();
        let part = |at: usize| parts.get(at).map_or("", String::as_str);
        let kind = match (part(3), part(4)) {
            ("ccs" | "cas", "hdb3" | "ami") => SpanKind::E1,
            ("esf", "b8zs") => SpanKind::T1,
            ("d4", _) | ("esf", "ami") => {
                self.note(number, "span: D4 framing or AMI on a T1 has no equal: taken as ESF and B8ZS");
                SpanKind::T1
            }
            (framing, coding) => {
                let text =
                    format!("span: framing {} with {} is not understood", brief(framing), brief(coding));
                return self.note(number, text);
            }
        };
        if part(4) == "ami" && kind == SpanKind::E1 {
            self.note(number, "span: AMI on an E1 has no equal: taken as HDB3");
        }
        if parts.iter().any(|part| part == "yellow") {
            self.note(number, "span: yellow is left to the card");
        }
        let figure = |at: usize, most: u32| part(at).parse().ok().filter(|figure| *figure <= most);
        let (Some(clock_rank), Some(build_out)) = (figure(1, 255), figure(2, 7)) else {
            return self.note(number, "span: its clock rank or build-out is not understood");
        };
        let crc4 = parts.iter().any(|part| part == "crc4");
        let channels = u32::from(kind.max_channels());
        let (first, d_channel, cas) = (0, false, part(3) == "cas");
        self.digital.push(Span { kind, first, channels, clock_rank, build_out, crc4, d_channel, cas });
    }

    fn zone(&mut self, number: usize, value: &str) {
        self.country = match value {
            "cn" => Some("cn"),
            "us" => Some("us"),
            "uk" => Some("uk"),
            other => {
                self.note(
                    number,
                    format_args!("defaultzone {}: taken as etsi, whose tones are common", brief(other)),
                );
                Some("etsi")
            }
        };
    }

    fn take_channels(&mut self, number: usize, kind: &'static str, list: &str) {
        for range in self.ranges(number, list) {
            for channel in range {
                if self.channels.insert(channel, kind).is_some_and(|before| before != kind) {
                    self.note(number, format_args!("channel {channel} has two kinds: {kind} is taken"));
                }
            }
        }
    }

    /// Reads `1-15,17-31`.
    fn ranges(&mut self, number: usize, list: &str) -> Vec<RangeInclusive<u32>> {
        let mut ranges = Vec::new();
        for part in list.split(',').map(str::trim).filter(|part| !part.is_empty()).take(MAX_CHANNEL as usize)
        {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            match (from.trim().parse::<u32>(), to.trim().parse::<u32>()) {
                (Ok(from), Ok(to)) if (1..=to).contains(&from) && to <= MAX_CHANNEL => ranges.push(from..=to),
                _ => self.note(number, format_args!("channels {} are not understood", brief(part))),
            }
        }
        ranges
    }

    fn chan_dahdi(&mut self, text: &str) {
        let (mut signalling, mut switch) = (String::new(), String::new());
        let mut told = BTreeMap::new();
        for (number, line) in (1..).zip(text.lines().take(MAX_LINES)) {
            let line = line.split(';').next().unwrap_or_default().trim();
            if line.starts_with('#') {
                self.note(number, format_args!("chan_dahdi.conf: {}: is not followed", brief(line)));
                continue;
            }
            let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('[')) else {
                continue;
            };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim_start_matches('>').trim());
            match key.as_str() {
                "signalling" | "signaling" => signalling = value.to_ascii_lowercase(),
                "switchtype" => switch = value.to_ascii_lowercase(),
                "channel" | "channels" => self.use_channels(number, value, &signalling, &switch),
                other => {
                    if let Some(reason) = no_equal(other)
                        && told.insert(other.to_owned(), ()).is_none()
                    {
                        self.note(number, format_args!("chan_dahdi.conf: {other}: {reason}"));
                    }
                }
            }
        }
    }

    fn use_channels(&mut self, number: usize, list: &str, signalling: &str, switch: &str) {
        let side = match signalling {
            "pri_cpe" => "pri_cpe",
            "pri_net" => "pri_net",
            "fxo_ks" | "fxs_ks" | "fxo_ls" | "fxs_ls" | "" => return,
            other => {
                return self
                    .note(number, format_args!("signalling {}: no trunk speaks it yet", brief(other)));
            }
        };
        if !switch.is_empty() && switch != "euroisdn" {
            self.note(number, format_args!("switchtype {}: only euroisdn is spoken yet", brief(switch)));
        }
        for channel in self.ranges(number, list).into_iter().flatten() {
            self.pri.insert(channel, side);
        }
    }

    /// Gives the digital spans their channels, in order.
    fn place_digital(&mut self) {
        let digital: Vec<u32> = self
            .channels
            .iter()
            .filter(|(_, kind)| DIGITAL.contains(kind))
            .map(|(channel, _)| *channel)
            .collect();
        let mut next = 1;
        let mut placed = Vec::new();
        for mut span in std::mem::take(&mut self.digital) {
            let Some(&first) = digital.iter().find(|channel| **channel >= next) else {
                self.notes.push(format!("a span {} has no channels in system.conf: left out", span.kind));
                continue;
            };
            let last = first + span.channels - 1;
            let kinds = self.channels.range(first..=last);
            span.first = first;
            span.d_channel = kinds.clone().any(|(_, kind)| matches!(*kind, "dchan" | "hardhdlc"));
            span.cas |= kinds.clone().any(|(_, kind)| *kind == "cas");
            if last > MAX_CHANNEL {
                self.notes.push(format!("channels {first}-{last}: beyond the highest number: left out"));
                continue;
            }
            next = last + 1;
            placed.push(span);
        }
        let left = digital.iter().filter(|channel| **channel >= next).count();
        if left > 0 {
            self.notes.push(format!("{left} digital channels belong to no span= line: left out"));
        }
        self.leave_out_ports_inside(&placed);
        self.digital = placed;
    }

    /// A channel belongs to one span only.
    fn leave_out_ports_inside(&mut self, digital: &[Span]) {
        let inside = |channel: u32| {
            digital.iter().any(|span| (span.first..span.first + span.channels).contains(&channel))
        };
        let before = self.channels.len();
        self.channels.retain(|channel, kind| DIGITAL.contains(kind) || !inside(*channel));
        let left = before - self.channels.len();
        if left > 0 {
            self.notes.push(format!("{left} analog ports lie inside a digital span: left out"));
        }
    }

    /// Ranges of analog ports become spans of their own.
    fn analog(&self) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for (&channel, &kind) in &self.channels {
            let kind = match kind {
                "fxoks" => SpanKind::Fxs,
                "fxsks" => SpanKind::Fxo,
                _ => continue,
            };
            match spans.last_mut() {
                Some(last)
                    if last.kind == kind && last.first + last.channels == channel && last.channels < 31 =>
                {
                    last.channels += 1;
                }
                _ => spans.push(Span {
                    kind,
                    first: channel,
                    channels: 1,
                    clock_rank: 0,
                    build_out: 0,
                    crc4: false,
                    d_channel: false,
                    cas: false,
                }),
            }
        }
        spans
    }

    fn propose(mut self) -> Proposal {
        self.place_digital();
        let mut spans = std::mem::take(&mut self.digital);
        spans.extend(self.analog());
        if spans.len() > MAX_POSITIONS {
            self.notes.push(format!(
                "{} spans: the first {MAX_POSITIONS} are taken, a card has no more",
                spans.len()
            ));
            spans.truncate(MAX_POSITIONS);
        }
        if spans.is_empty() {
            self.notes.push("no span and no port is in the files: there is nothing to propose".into());
        }
        Proposal { toml: self.toml(&spans), notes: self.notes }
    }

    fn toml(&mut self, spans: &[Span]) -> String {
        let mut out = String::from("# Proposed by `tandem import dahdi`: look at every line.\nversion = 1\n");
        // Writing to a string cannot fail.
        let mut put = |text: std::fmt::Arguments<'_>| {
            let _ = writeln!(out, "{text}");
        };
        if let Some(country) = self.country {
            put(format_args!("\n[system]\ncountry = \"{country}\""));
        }
        if spans.is_empty() {
            return out;
        }
        put(format_args!("\n[[card]]\nname = \"dahdi\"\ntype = \"dahdi\""));
        if self.hdlc_by_card {
            put(format_args!("hdlc = \"card\""));
        }
        if self.card_echo {
            put(format_args!("card_echo = true"));
        }
        for (number, span) in (1..).zip(spans) {
            let kind = span.kind.to_string().to_ascii_lowercase();
            put(format_args!(
                "\n  [[card.span]]\n  span = {number}\n  kind = \"{kind}\"\n  dahdi_channel = {}",
                span.first
            ));
            if span.kind.is_analog() {
                put(format_args!("  ports = {}", span.channels));
            } else {
                put(format_args!("  clock = \"{}\"", if span.clock_rank > 0 { "line" } else { "internal" }));
                let code = match (span.kind, span.crc4) {
                    (SpanKind::T1, _) => "esf-b8zs",
                    (_, true) => "hdb3-crc4",
                    (_, false) => "hdb3",
                };
                put(format_args!("  line_code = \"{code}\"\n  build_out = {}", span.build_out));
            }
            if let Some(alaw) = self.alaw.get(&span.first) {
                put(format_args!("  law = \"{}\"", if *alaw { "a" } else { "mu" }));
            }
        }
        let mut seats = 0;
        for (number, span) in (1..).zip(spans) {
            let last = span.first + span.channels;
            let side = self.pri.range(span.first..last).next().map(|(_, side)| *side);
            match (side, span.d_channel) {
                (Some(side), true) => put(format_args!(
                    "\n[[trunk]]\nname = \"pri{number}\"\nspans = [{number}]\nsignalling = \"{side}\""
                )),
                (None, true) => put(format_args!(
                    "\n[[trunk]]\nname = \"pri{number}\"\nspans = [{number}]\nsignalling = \"pri_cpe\"    # chan_dahdi.conf does not say: look"
                )),
                (_, false) => {}
            }
            for port in 1..=span.channels {
                if span.kind == SpanKind::Fxs && seats < MAX_SEATS {
                    seats += 1;
                    put(format_args!("\n[[seat]]\nnumber = \"{}\"\nport = \"{number}/{port}\"", 200 + seats));
                }
            }
        }
        out
    }
}

/// Why a key of `chan_dahdi.conf` has no equal; none for those whose matter Tandem decides by itself.
fn no_equal(key: &str) -> Option<&'static str> {
    Some(match key {
        "context" => "where calls go is said by [[number]]",
        "group" => "channels are hunted within a [[trunk]]",
        "callerid" | "cid_number" | "fullname" => "a trunk's own number is `caller`; seats have their number",
        "rxgain" | "txgain" | "cid_rxgain" => "gains have no equal",
        "echocancel" | "echotraining" | "echocancelwhenbridged" => "see [echo] tail_ms",
        "overlapdial" => "see overlap_receive of [[trunk]]",
        "pridialplan" | "prilocaldialplan" | "internationalprefix" | "nationalprefix" => {
            "numbers go out as unknown"
        }
        "busydetect" | "busycount" | "callprogress" | "answeronpolarityswitch" | "hanguponpolarityswitch" => {
            "how exchange lines show answer and hang-up cannot be chosen"
        }
        "resetinterval" => "channels are restarted when the D-channel first comes up, see restart_on_start",
        "faxdetect" => "see [detect] signals",
        "pickupgroup" | "callgroup" | "mailbox" | "threewaycalling" | "transfer" | "callwaiting" => {
            "a service of the switchboard without an equal"
        }
        "usecallerid" | "language" | "musiconhold" | "immediate" | "hidecallerid" | "usecallingpres" => {
            return None;
        }
        _ => "has no equal",
    })
}

/// Returns the beginning of a text from a file, without what a terminal would obey.
fn brief(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYSTEM: &str = "# Span 1\nspan=1,1,0,ccs,hdb3,crc4\nbchan=1-15,17-31\ndchan=16\nechocanceller=mg2,1-15,17-31\n\
        span=2,0,1,esf,b8zs\nbchan=32-54\nhardhdlc=55\nfxoks=56-57\nfxsks=58\nloadzone=cn\ndefaultzone=cn\nalaw=1-31\n";

    #[test]
    fn spans_ports_and_trunks_are_proposed() {
        let chan = "[channels]\nswitchtype=euroisdn\nsignalling=pri_cpe\nchannel => 1-15,17-31\n\
            signalling=pri_net\nchannel=>32-54\nsignalling=fxo_ks\nrxgain=3.0\nchannel=>56-57\n";
        let Proposal { toml, notes } = propose(SYSTEM, chan);
        for part in [
            "kind = \"e1\"\n  dahdi_channel = 1\n  clock = \"line\"\n  line_code = \"hdb3-crc4\"\n  build_out = 0",
            "kind = \"t1\"\n  dahdi_channel = 32\n  clock = \"internal\"\n  line_code = \"esf-b8zs\"\n  build_out = 1",
            "kind = \"fxs\"\n  dahdi_channel = 56\n  ports = 2",
            "kind = \"fxo\"\n  dahdi_channel = 58\n  ports = 1",
            "spans = [1]\nsignalling = \"pri_cpe\"",
            "spans = [2]\nsignalling = \"pri_net\"",
            "hdlc = \"card\"",
            "country = \"cn\"",
            "number = \"202\"\nport = \"3/2\"",
        ] {
            assert!(toml.contains(part), "{part}\nis not in\n{toml}");
        }
        assert_eq!(
            notes,
            [
                "line 5: echocanceller mg2: Tandem has its own, see [echo] tail_ms",
                "line 8: chan_dahdi.conf: rxgain: gains have no equal"
            ]
        );
    }

    #[test]
    fn what_has_no_equal_is_named() {
        let system = "span=1,1,0,d4,ami\nbchan=1-24\nspan=2,1\ndynamic=eth,x\nbchan=90000\nnonsense\ncas=40-50:1101\nfxoks=5-6,30\n";
        let chan = "#include foo\nsignalling=mfcr2\nchannel=1-3\nswitchtype=national\nsignalling=pri_cpe\nchannel=1\n";
        let notes = propose(system, chan).notes.join("\n");
        for word in [
            "D4 framing",
            "framing  with",
            "dynamic: has no equal",
            "channels 90000",
            "not understood: nonsense",
            "signalling bits",
            "#include foo",
            "signalling mfcr2",
            "switchtype national",
            "belong to no span",
            "2 analog ports lie inside",
        ] {
            assert!(notes.contains(word), "{word} is not in\n{notes}");
        }
        assert!(propose("", "").notes[0].contains("nothing to propose"));
    }
}
