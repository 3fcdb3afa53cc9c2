//! What the kernel tells about its spans in `/proc/dahdi`, one file a span.
//!
//! A file begins with `Span 1: DYN/loc/1:0 "Dynamic 'loc' span at '1:0'" (MASTER) HDB3/CCS/CRC4 RED`, then lines of
//! counters, an empty line, and a line a channel: `    4 DYN/loc/1:0/4 Clear (In use)`. Limits: at most [`MAX_SPANS`] files
//! of [`MAX_FILE`] octets are read; a line that is not understood is passed over.

use std::io::{self, Read};
use std::path::Path;

/// The most spans that are read.
pub const MAX_SPANS: usize = 128;

/// The most octets of a span's file that are read.
pub const MAX_FILE: u64 = 64 * 1024;

/// A span as the kernel tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpanFile {
    /// Its number.
    pub number: u32,
    /// Its name, for example `TE4/0/1`.
    pub name: String,
    /// What it is, in the driver's words.
    pub description: String,
    /// True if its clock is DAHDI's.
    pub master: bool,
    /// The alarms' names.
    pub alarms: Vec<String>,
    /// Its channels.
    pub channels: Vec<ChannelFile>,
}

/// A channel as the kernel tells of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelFile {
    /// Its number.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// What it is configured as, for example `Clear`; empty if it is not configured.
    pub kind: String,
    /// True while a process has it open.
    pub in_use: bool,
}

/// Reads all spans, in the order of their numbers.
///
/// # Errors
/// The folder cannot be read: DAHDI is not loaded, or `/proc` is not there.
pub fn spans(folder: &Path) -> io::Result<Vec<SpanFile>> {
    let mut numbers: Vec<u32> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .take(MAX_SPANS)
        .collect();
    numbers.sort_unstable();
    let mut spans = Vec::new();
    for number in numbers {
        let mut text = Vec::new();
        // A span that went away between the two is no error.
        let Ok(file) = std::fs::File::open(folder.join(number.to_string())) else { continue };
        if file.take(MAX_FILE).read_to_end(&mut text).is_ok() {
            spans.extend(parse(&String::from_utf8_lossy(&text)));
        }
    }
    Ok(spans)
}

/// Parses the file of one span; none if it does not begin as one.
pub fn parse(text: &str) -> Option<SpanFile> {
    let mut lines = text.lines();
    let (number, rest) = lines.next()?.strip_prefix("Span ")?.split_once(": ")?;
    let (name, rest) = rest.split_once(" \"")?;
    let (description, rest) = rest.rsplit_once('"')?;
    let alarms = ["BLUE", "YELLOW", "RED", "LOOP", "RECOVERING", "NOTOPEN"];
    let told = rest.split_whitespace().filter(|word| alarms.contains(word)).map(str::to_owned);
    Some(SpanFile {
        number: number.trim().parse().ok()?,
        name: name.to_owned(),
        description: description.to_owned(),
        master: rest.contains("(MASTER)"),
        alarms: told.collect(),
        channels: lines.filter_map(channel).collect(),
    })
}

fn channel(line: &str) -> Option<ChannelFile> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let kind = words.next().filter(|word| !word.starts_with('(')).unwrap_or_default().to_owned();
    Some(ChannelFile { number, name, kind, in_use: line.contains("(In use)") })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Span 1: DYN/loc/1:0 \"Dynamic 'loc' span at '1:0'\" (MASTER) RED \n\tIRQ misses: 2\n\n\
        \t   1 DYN/loc/1:0/1 Clear (In use) (no pcm) \n\t   2 DYN/loc/1:0/2 \n\t   3 DYN/loc/1:0/3 FXOKS \n";

    #[test]
    fn a_spans_file_is_read() {
        let span = parse(TEXT).unwrap();
        assert_eq!((span.number, span.name.as_str(), span.master), (1, "DYN/loc/1:0", true));
        assert_eq!(span.description, "Dynamic 'loc' span at '1:0'");
        assert_eq!(span.alarms, ["RED"]);
        let channels: Vec<_> = span.channels.iter().map(|c| (c.number, c.kind.as_str(), c.in_use)).collect();
        assert_eq!(channels, [(1, "Clear", true), (2, "", false), (3, "FXOKS", false)]);
    }

    #[test]
    fn what_is_no_span_is_none() {
        for text in ["", "Span", "Span x: a \"b\"", "Span 1: a", "Span 1: a \"b", "hello\nworld"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
