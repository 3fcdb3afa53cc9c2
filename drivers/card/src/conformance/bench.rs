//! The bench: a started card, moved on by whole milliseconds.

use clock::SampleTime;
use tdm::{Alarms, CHUNK, Chunk, SpanId, Timeslot};

use crate::{Card, CardControl, CardEvent, CardIo, ClockSource, LineConfig, LineOrder, Period, Signalling};

/// How long a line may take until its alarms are clear, in milliseconds.
pub const SETTLE_MS: u64 = 5_000;

/// How the lines of a rig are wired for a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wiring {
    /// At least two digital positions, each looped at its far end.
    Looped,
    /// Digital positions 0 and 1 connected to each other.
    Crossed,
    /// As `Crossed`, by a card that does HDLC itself.
    CrossedHdlc,
    /// Position 0 is an FXS bank, position 1 an FXO bank, connected to each other; at least two ports each.
    Analog,
}

/// The test set-up of a backend.
pub trait Rig: Sized {
    /// The card under test.
    type Card: Card;

    /// Wires a card; none if this rig cannot be wired so.
    fn wired(wiring: Wiring) -> Option<(Self, Self::Card)>;

    /// Cuts or mends the line of a position; false if the rig cannot.
    fn cut(&mut self, control: &mut <Self::Card as Card>::Control, position: u8, cut: bool) -> bool;

    /// Makes the far end of a position slip by some frames; false if the rig cannot.
    fn slip(&mut self, control: &mut <Self::Card as Card>::Control, position: u8, frames: i8) -> bool;

    /// Makes the next wait come back so many milliseconds late; false if the rig cannot, or never loses samples.
    fn stall(&mut self, control: &mut <Self::Card as Card>::Control, ms: u32) -> bool;
}

/// A started card of a rig.
pub struct Bench<R: Rig> {
    /// The rig.
    pub rig: R,
    /// The blocking half.
    pub control: <R::Card as Card>::Control,
    /// The realtime half.
    pub io: <R::Card as Card>::Io,
    /// All events so far, with the time of the period in which they were taken.
    pub events: Vec<(SampleTime, CardEvent)>,
    /// Samples lost so far.
    pub lost: u64,
    /// The card's slack in milliseconds.
    pub slack_ms: u32,
    /// The card's longest period in chunks.
    pub max_chunks: u16,
    channels: usize,
}

/// Returns the octet that channel `channel` sends at `sample`: every neighbour in time and place differs.
pub fn pattern(channel: usize, sample: u64) -> u8 {
    let mut x =
        sample.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (channel as u64 + 1).wrapping_mul(0xD1B5_4A32_D192_ED03);
    x ^= x >> 29;
    x = x.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x >> 56) as u8
}

/// Returns the chunk of `channel` that starts at `sample`.
pub(super) fn pattern_chunk(channel: usize, sample: u64) -> Chunk {
    core::array::from_fn(|k| pattern(channel, sample + k as u64))
}

/// Returns the set-up of one position: span 10 for position 0, 11 for 1.
pub(super) fn line<C: Card>(card: &C, position: u8, signalling: Signalling) -> LineConfig {
    LineConfig {
        position,
        span: SpanId(10 + u16::from(position)),
        law: card.caps().positions[usize::from(position)].kind.usual_law(),
        signalling,
        clock: if position == 0 { ClockSource::Line } else { ClockSource::Internal },
    }
}

impl<R: Rig> Bench<R> {
    /// Wires and starts a card with positions 0 and 1 attached as spans 10 and 11; none if the rig cannot.
    pub fn start(wiring: Wiring, signalling: Signalling) -> Option<Bench<R>> {
        let Some((rig, card)) = R::wired(wiring) else {
            eprintln!("this rig cannot be wired as {wiring:?}: the case says nothing");
            return None;
        };
        let lines = [line(&card, 0, signalling), line(&card, 1, signalling)];
        Some(Bench::with_lines(rig, card, &lines))
    }

    /// Starts a card with these lines.
    pub fn with_lines(rig: R, card: R::Card, lines: &[LineConfig]) -> Bench<R> {
        let caps = card.caps().clone();
        let channels = caps.positions.iter().map(|position| usize::from(position.channels)).sum();
        let (control, io) = card.start(lines).expect("a card that was wired starts");
        Bench {
            rig,
            control,
            io,
            events: Vec::new(),
            lost: 0,
            slack_ms: u32::try_from(caps.slack.as_millis()).expect("a slack is short"),
            max_chunks: caps.max_chunks,
            channels,
        }
    }

    /// Starts as [`Bench::start`] does and waits until no alarm stands.
    pub fn settled(wiring: Wiring, signalling: Signalling) -> Option<Bench<R>> {
        let mut bench = Bench::start(wiring, signalling)?;
        bench.settle();
        Some(bench)
    }

    /// Waits until no alarm stands on any span.
    pub fn settle(&mut self) {
        for _ in 0..SETTLE_MS {
            self.idle(1);
            if self.control.spans().iter().all(|span| span.alarms.is_empty()) {
                return;
            }
        }
        panic!("alarms did not clear: {:?}", self.control.spans());
    }

    /// Lives through one period: `send` gives the chunk of a channel at a time, `hear` gets every row received.
    pub fn period(
        &mut self,
        mut send: impl FnMut(usize, u64) -> Option<Chunk>,
        mut hear: impl FnMut(u64, &[Chunk]),
    ) -> Period {
        let period = self.io.wait().expect("the card runs");
        assert!((1..=self.max_chunks).contains(&period.chunks), "{period:?}");
        self.lost += u64::from(period.lost);
        while let Some(event) = self.io.poll_event() {
            self.events.push((period.time, event));
        }
        let chunks = usize::from(period.chunks);
        assert_eq!(self.io.rx().len(), chunks * self.channels);
        assert_eq!(self.io.tx().len(), chunks * self.channels);
        for k in 0..chunks {
            let at = period.time.samples() + (k * CHUNK) as u64;
            hear(at, &self.io.rx()[k * self.channels..(k + 1) * self.channels]);
            let row = &mut self.io.tx()[k * self.channels..(k + 1) * self.channels];
            for (channel, out) in row.iter_mut().enumerate() {
                if let Some(chunk) = send(channel, at) {
                    *out = chunk;
                }
            }
        }
        self.io.commit().expect("the card runs");
        period
    }

    /// Lets at least `ms` milliseconds pass in silence.
    pub fn idle(&mut self, ms: u64) {
        let mut passed = 0;
        while passed < ms {
            let period = self.period(|_, _| None, |_, _| {});
            passed += u64::from(period.chunks) + u64::from(period.lost) / CHUNK as u64;
        }
    }

    /// Sends the pattern for at least `ms` milliseconds and checks what comes back: `from` names the channel whose
    /// octets channel `c` shall receive. Returns how many chunks were checked.
    pub fn check_pattern(&mut self, ms: u64, from: impl Fn(usize) -> Option<usize>) -> u64 {
        let (mut passed, mut checked, mut valid_from) = (0, 0, None);
        while passed < ms {
            let delay = u64::from(self.io.rt_delay().samples);
            let mut start = valid_from;
            let mut wrong = None;
            let period = self.period(
                |channel, at| Some(pattern_chunk(channel, at)),
                |at, row| {
                    let start = *start.get_or_insert(at + delay);
                    if at < start {
                        return;
                    }
                    for (channel, chunk) in row.iter().enumerate() {
                        let Some(source) = from(channel) else { continue };
                        let expected = pattern_chunk(source, at - delay);
                        if *chunk != expected {
                            wrong.get_or_insert((channel, at, *chunk, expected));
                        }
                        checked += 1;
                    }
                },
            );
            valid_from = start;
            if period.lost > 0 {
                // What was in the buffers during the loss comes out late: it is checked again from here on.
                valid_from = Some(period.time.samples() + 2 * delay);
            } else if let Some((channel, at, got, expected)) = wrong {
                panic!("channel {channel} at sample {at}: {got:02x?} instead of {expected:02x?}");
            }
            passed += u64::from(period.chunks);
        }
        checked
    }

    /// Gives an order and lets some time pass for it to arrive.
    pub fn order(&mut self, order: LineOrder) {
        self.io.order(order);
        self.idle(10);
    }

    /// Returns the events since the last call that `wanted` picks.
    pub fn take_events(&mut self, wanted: impl Fn(&CardEvent) -> bool) -> Vec<CardEvent> {
        self.events.drain(..).map(|(_, event)| event).filter(wanted).collect()
    }

    /// Returns the alarms of a span.
    pub fn alarms(&mut self, span: SpanId) -> Alarms {
        let spans = self.control.spans();
        spans.iter().find(|status| status.span == span).expect("the span is attached").alarms
    }

    /// Returns the index of a channel in a row.
    pub fn index(&self, span: SpanId, timeslot: u8) -> usize {
        let channel = tdm::ChannelId { span, timeslot: Timeslot(timeslot) };
        let found = self.io.slots().iter().find_map(|slot| slot.index(channel));
        usize::from(found.expect("the channel is there"))
    }
}
