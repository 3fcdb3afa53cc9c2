//! The messages of the line socket: emit and parse. See `docs/sim-line.md`.
//!
//! Parsing never fails loudly: a message that is not understood ends the connection. Limits: messages are at most
//! [`MAX_BODY`] octets long.

use clock::SampleTime;
use tdm::{Abcd, Alarms, CHUNK, Chunk, HookState, Law, MAX_FRAME, Polarity, SpanId, SpanKind, Timeslot};

use crate::edge::MAX_CHANNELS;
use crate::{Edge, FarLine};

/// The version of the protocol.
pub(crate) const VERSION: u8 = 1;

/// The longest type and body.
pub(crate) const MAX_BODY: usize = 1 + MAX_FRAME;

const _: () = assert!(1 + 8 + MAX_CHANNELS * CHUNK <= MAX_BODY, "a tick fits");

const HELLO: u8 = 1;
const TICK: u8 = 2;
const FRAME: u8 = 3;
const ALARMS: u8 = 4;
const BITS: u8 = 5;
const HOOK: u8 = 6;
const RING: u8 = 7;
const POLARITY: u8 = 8;
const SLIP: u8 = 9;
const FEED: u8 = 10;

/// How the card's time goes, as told in its hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinePace {
    /// By the wall clock; nobody waits.
    Wall,
    /// The card waits for every tick, never faster than the wall clock.
    Lockstep,
    /// The card waits for every tick, as fast as possible.
    Virtual,
}

/// A message as parsed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Message<'a> {
    /// The card's hello.
    Line(FarLine, LinePace),
    /// The program's hello: true if it speaks frames.
    Program(bool),
    Tick(SampleTime, &'a [Chunk]),
    Frame(&'a [u8]),
    Edge(Edge),
}

/// A message that is not of this protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unknown;

pub(crate) fn emit(out: &mut Vec<u8>, message: Message<'_>) {
    let start = out.len();
    out.extend([0, 0]);
    match message {
        Message::Line(line, pace) => {
            let kind = match line.kind {
                SpanKind::E1 => 0,
                SpanKind::T1 => 1,
                SpanKind::Fxs => 2,
                SpanKind::Fxo => 3,
            };
            let law = match line.law {
                Law::A => 0,
                Law::Mu => 1,
            };
            let pace = match pace {
                LinePace::Wall => 0,
                LinePace::Lockstep => 1,
                LinePace::Virtual => 2,
            };
            let d_timeslot = line.d_timeslot.map_or(0, |t| t.0);
            out.extend([HELLO, VERSION, kind, line.channels, law, pace, d_timeslot]);
            out.extend(line.span.0.to_le_bytes());
        }
        Message::Program(frames) => out.extend([HELLO, VERSION, u8::from(frames)]),
        Message::Tick(time, chunks) => {
            out.push(TICK);
            out.extend(time.samples().to_le_bytes());
            out.extend(chunks.as_flattened());
        }
        Message::Frame(frame) => {
            out.push(FRAME);
            out.extend(frame);
        }
        Message::Edge(edge) => emit_edge(out, edge),
    }
    let len = (out.len() - start - 2) as u16;
    out[start..start + 2].copy_from_slice(&len.to_le_bytes());
}

fn emit_edge(out: &mut Vec<u8>, edge: Edge) {
    match edge {
        Edge::Alarms(alarms) => out.extend([ALARMS, alarms_to_wire(alarms)]),
        Edge::Bits { timeslot, bits } => out.extend([BITS, timeslot.0, bits.0]),
        Edge::Hook { timeslot, state } => {
            out.extend([HOOK, timeslot.0, u8::from(state == HookState::OffHook)]);
        }
        Edge::Ring { timeslot, ringing } => out.extend([RING, timeslot.0, u8::from(ringing)]),
        Edge::Polarity { timeslot, polarity } => {
            out.extend([POLARITY, timeslot.0, u8::from(polarity == Polarity::Reversed)]);
        }
        Edge::Slip(frames) => out.extend([SLIP, frames as u8]),
        Edge::Feed { timeslot, present } => out.extend([FEED, timeslot.0, u8::from(present)]),
    }
}

fn alarms_to_wire(alarms: Alarms) -> u8 {
    [Alarms::RED, Alarms::YELLOW, Alarms::AIS]
        .iter()
        .enumerate()
        .fold(0, |sum, (bit, &alarm)| sum | u8::from(alarms.contains(alarm)) << bit)
}

fn alarms_from_wire(bits: u8) -> Option<Alarms> {
    let named = [Alarms::RED, Alarms::YELLOW, Alarms::AIS];
    let mut alarms = Alarms::empty();
    for (bit, alarm) in named.into_iter().enumerate() {
        alarms.set(alarm, bits >> bit & 1 == 1);
    }
    (bits < 8).then_some(alarms)
}

/// Parses type and body.
pub(crate) fn parse(message: &[u8]) -> Result<Message<'_>, Unknown> {
    match *message {
        [HELLO, VERSION, kind, channels, law, pace, d_timeslot, low, high] => {
            parse_line([kind, channels, law, pace, d_timeslot], u16::from_le_bytes([low, high]))
        }
        [HELLO, VERSION, mode @ 0..=1] => Ok(Message::Program(mode == 1)),
        [TICK, a, b, c, d, e, f, g, h, ..] => match message[9..].as_chunks::<CHUNK>() {
            (chunks, []) if chunks.len() <= MAX_CHANNELS => {
                let time = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
                Ok(Message::Tick(SampleTime::from_samples(time), chunks))
            }
            (_, _) => Err(Unknown),
        },
        [FRAME, ref frame @ ..] if frame.len() <= MAX_FRAME => Ok(Message::Frame(frame)),
        [ALARMS, bits] => alarms_from_wire(bits).map(|a| Message::Edge(Edge::Alarms(a))).ok_or(Unknown),
        [SLIP, frames] => Ok(Message::Edge(Edge::Slip(frames as i8))),
        [kind, timeslot @ 1..=31, value] => parse_channel(kind, Timeslot(timeslot), value).map(Message::Edge),
        _ => Err(Unknown),
    }
}

fn parse_line(fields: [u8; 5], span: u16) -> Result<Message<'static>, Unknown> {
    let [kind, channels @ 1..=31, law, pace, d_timeslot @ 0..=31] = fields else { return Err(Unknown) };
    let kind = match kind {
        0 => SpanKind::E1,
        1 => SpanKind::T1,
        2 => SpanKind::Fxs,
        3 => SpanKind::Fxo,
        4.. => return Err(Unknown),
    };
    let law = match law {
        0 => Law::A,
        1 => Law::Mu,
        2.. => return Err(Unknown),
    };
    let pace = match pace {
        0 => LinePace::Wall,
        1 => LinePace::Lockstep,
        2 => LinePace::Virtual,
        3.. => return Err(Unknown),
    };
    let d_timeslot = (d_timeslot != 0).then_some(Timeslot(d_timeslot));
    Ok(Message::Line(FarLine { span: SpanId(span), kind, channels, law, d_timeslot }, pace))
}

fn parse_channel(kind: u8, timeslot: Timeslot, value: u8) -> Result<Edge, Unknown> {
    match (kind, value) {
        (BITS, bits @ 0..=15) => Ok(Edge::Bits { timeslot, bits: Abcd(bits) }),
        (HOOK, 0) => Ok(Edge::Hook { timeslot, state: HookState::OnHook }),
        (HOOK, 1) => Ok(Edge::Hook { timeslot, state: HookState::OffHook }),
        (RING, 0 | 1) => Ok(Edge::Ring { timeslot, ringing: value == 1 }),
        (POLARITY, 0) => Ok(Edge::Polarity { timeslot, polarity: Polarity::Normal }),
        (POLARITY, 1) => Ok(Edge::Polarity { timeslot, polarity: Polarity::Reversed }),
        (FEED, 0 | 1) => Ok(Edge::Feed { timeslot, present: value == 1 }),
        (_, _) => Err(Unknown),
    }
}

/// Collects octets of a stream until messages are whole.
#[derive(Default)]
pub(crate) struct Decoder {
    octets: Vec<u8>,
    taken: usize,
}

impl Decoder {
    /// Takes octets from the stream.
    pub(crate) fn put(&mut self, octets: &[u8]) {
        self.octets.drain(..self.taken);
        self.taken = 0;
        self.octets.extend_from_slice(octets);
    }

    /// Returns the next whole message; none until more octets come.
    pub(crate) fn next(&mut self) -> Result<Option<Message<'_>>, Unknown> {
        let waiting = &self.octets[self.taken..];
        let [low, high, rest @ ..] = waiting else { return Ok(None) };
        let len = usize::from(u16::from_le_bytes([*low, *high]));
        if len == 0 || len > MAX_BODY {
            return Err(Unknown);
        }
        let Some(message) = rest.get(..len) else { return Ok(None) };
        self.taken += 2 + len;
        parse(message).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn every_message() -> Vec<Message<'static>> {
        let timeslot = Timeslot(31);
        let line = FarLine {
            span: SpanId(515),
            kind: SpanKind::T1,
            channels: 24,
            law: Law::Mu,
            d_timeslot: Some(Timeslot(24)),
        };
        let edges = [
            Edge::Bits { timeslot, bits: Abcd(13) },
            Edge::Hook { timeslot, state: HookState::OffHook },
            Edge::Ring { timeslot, ringing: true },
            Edge::Polarity { timeslot, polarity: Polarity::Reversed },
            Edge::Feed { timeslot, present: false },
            Edge::Alarms(Alarms::RED | Alarms::AIS),
            Edge::Slip(-3),
        ];
        [
            Message::Line(line, LinePace::Virtual),
            Message::Program(true),
            Message::Tick(SampleTime::from_samples(1 << 40), &[[7; 8], [9; 8]]),
            Message::Frame(&[1, 2, 3, 4]),
        ]
        .into_iter()
        .chain(edges.map(Message::Edge))
        .collect()
    }

    #[test]
    fn every_message_comes_back_as_it_was_sent_even_octet_by_octet() {
        let mut octets = Vec::new();
        every_message().into_iter().for_each(|message| emit(&mut octets, message));
        let (mut decoder, mut expected) = (Decoder::default(), every_message().into_iter());
        for octet in octets {
            decoder.put(&[octet]);
            if let Some(message) = decoder.next().unwrap() {
                assert_eq!(Some(message), expected.next());
            }
        }
        assert_eq!(expected.next(), None);
    }

    #[test]
    fn messages_of_no_length_too_long_or_of_no_known_type_are_refused() {
        for octets in [&[0, 0][..], &[0xFF, 0xFF], &[1, 0, 99], &[3, 0, 5, 0, 0], &[3, 0, 5, 1, 16]] {
            let mut decoder = Decoder::default();
            decoder.put(octets);
            assert_eq!(decoder.next(), Err(Unknown), "{octets:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_can_be_parsed_is_emitted_as_the_same_octets(octets in proptest::collection::vec(any::<u8>(), 1..40)) {
            if let Ok(message) = parse(&octets) {
                let mut out = Vec::new();
                emit(&mut out, message);
                prop_assert_eq!(&out[2..], &octets[..]);
            }
        }
    }
}
