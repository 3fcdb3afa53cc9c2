//! One span: who its peer is, what comes from it, its alarms, and what is said to it beside the samples.
//!
//! ```text
//!            RECOVER frames in order
//!   RED  ------------------------------->  good (perhaps YELLOW)
//!    ^                                       |
//!    +---------------------------------------+
//!         nothing taken up for `loss`
//! ```
//!
//! In RED the peer is told so (flag 1), as DAHDI does. Only frames that were taken up count as life: a peer with another
//! number of channels, another address or numbers without order ends in RED, and [`Trouble`] names the cause. A span that
//! learns its peer takes the first address that sends its subaddress; another one takes its place only while it is RED.
//! Limits: AIS is not seen, and ordered as octets of ones.

use core::time::Duration;

use card::CardEvent;
use clock::Mono;
use tdm::{Abcd, Alarms, ChannelId, Chunk, SpanId, Timeslot};

use crate::Mac;
use crate::counts::{Count, Counts};
use crate::frame::{Address, Bits, Frame, FrameError, MAX_CHANNELS, bits_of};
use crate::jitter::{Arrival, Jitter};

/// Frames that must have come in order before an alarm ends.
const RECOVER: u32 = 10;

/// The bits that a channel sends until it is told others: blocked.
const IDLE: Abcd = Abcd(0b1111);

/// Who the other end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// This address and no other.
    Fixed(Mac),
    /// Whoever sends the span's subaddress: we say nothing before it does.
    Learned,
}

/// Why a span hears nothing that it can use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing comes.
    Silent,
    /// The peer sends so many channels, and the span has others.
    Channels(u16),
    /// Its frames have another form than they say.
    BadForm,
    /// Its numbers have no order.
    Sequence,
    /// This address sends the span's subaddress in place of the peer.
    Elsewhere(Mac),
    /// The peer sends this subaddress, which no span has.
    Subaddress(u16),
}

impl Trouble {
    /// Returns it as a number, for a cell that is read without a lock.
    pub(crate) fn number(self) -> u64 {
        let (kind, value) = match self {
            Trouble::Silent => (0, 0),
            Trouble::Channels(channels) => (1, channels.into()),
            Trouble::BadForm => (2, 0),
            Trouble::Sequence => (3, 0),
            Trouble::Elsewhere(mac) => (4, mac.number()),
            Trouble::Subaddress(subaddress) => (5, subaddress.into()),
        };
        kind << 48 | value
    }

    /// Returns what such a number stands for.
    pub(crate) fn of_number(number: u64) -> Trouble {
        match number >> 48 {
            1 => Trouble::Channels(number as u16),
            2 => Trouble::BadForm,
            3 => Trouble::Sequence,
            4 => Trouble::Elsewhere(Mac::of_number(number)),
            5 => Trouble::Subaddress(number as u16),
            _ => Trouble::Silent,
        }
    }
}

/// What a span is set up with.
#[derive(Clone, Copy, Debug)]
pub struct LineSetup {
    /// Its number.
    pub span: SpanId,
    /// Its channels.
    pub channels: usize,
    /// Who the other end is.
    pub peer: Peer,
    /// Which of the peer's spans.
    pub subaddress: u16,
    /// Whether its signalling bits are told.
    pub cas: bool,
    /// Frames that its jitter buffer holds.
    pub depth: u16,
    /// How late the thread may come, in milliseconds.
    pub at_once: u16,
    /// How long nothing may come before the span is RED.
    pub loss: Duration,
}

/// One span.
pub struct Line {
    setup: LineSetup,
    /// Where it sends to; none until the peer is known.
    peer: Option<Mac>,
    jitter: Jitter,
    alarms: Alarms,
    trouble: Option<(Trouble, Mono)>,
    /// When a frame was taken up last.
    heard: Option<Mono>,
    /// Frames in order since the alarm began.
    good: u32,
    seen: [Option<Abcd>; MAX_CHANNELS],
    sequence: u16,
    bits: Bits,
    ordered: Alarms,
}

impl Line {
    /// Makes a span that has heard nothing.
    pub fn new(setup: LineSetup) -> Line {
        let peer = match setup.peer {
            Peer::Fixed(mac) => Some(mac),
            Peer::Learned => None,
        };
        let mut bits = Bits::new(setup.channels);
        (0..setup.channels).for_each(|channel| bits.set(channel, IDLE));
        Line {
            peer,
            jitter: Jitter::new(setup.depth, setup.at_once),
            alarms: Alarms::RED,
            trouble: None,
            heard: None,
            good: 0,
            seen: [None; MAX_CHANNELS],
            sequence: 0,
            bits,
            ordered: Alarms::empty(),
            setup,
        }
    }

    /// Returns what it was set up with.
    pub fn setup(&self) -> &LineSetup {
        &self.setup
    }

    /// Returns its peer's address; none before it is known.
    pub fn peer(&self) -> Option<Mac> {
        self.peer
    }

    /// Returns its alarms.
    pub fn alarms(&self) -> Alarms {
        self.alarms
    }

    /// Returns why it is RED.
    pub fn trouble(&self) -> Trouble {
        self.trouble.map_or(Trouble::Silent, |(trouble, _)| trouble)
    }

    /// Tells whether a frame so addressed is this span's.
    pub fn is_ours(&self, address: &Address) -> bool {
        address.subaddress == self.setup.subaddress && self.peer == Some(address.source)
    }

    /// Looks at a frame that is no span's. True if it is this one's after all: its sender is the peer from now on.
    pub fn is_ours_now(&mut self, address: &Address, now: Mono, counts: &Counts) -> bool {
        if address.subaddress != self.setup.subaddress {
            return false;
        }
        let free = self.peer.is_none() || self.alarms.contains(Alarms::RED);
        if self.setup.peer == Peer::Learned && free {
            counts.add(Count::PeerChanges, self.peer.is_some().into());
            self.peer = Some(address.source);
            self.jitter.reset();
            return true;
        }
        counts.add(Count::Elsewhere, 1);
        self.trouble = Some((Trouble::Elsewhere(address.source), now));
        false
    }

    /// Notes that the peer sends a subaddress that no span has.
    pub fn other_subaddress(&mut self, subaddress: u16, now: Mono) {
        self.trouble = Some((Trouble::Subaddress(subaddress), now));
    }

    /// Notes a frame of the peer that is none.
    pub fn bad(&mut self, error: FrameError, now: Mono, counts: &Counts) {
        match error {
            FrameError::Short { .. }
            | FrameError::Samples(_)
            | FrameError::Length { .. }
            | FrameError::Type(_) => {
                counts.add(Count::BadForm, 1);
                self.trouble = Some((Trouble::BadForm, now));
            }
        }
    }

    /// Takes up a frame of the peer; `tell` is called with what the line shows beside the samples.
    pub fn receive(&mut self, frame: &Frame<'_>, now: Mono, counts: &Counts, tell: impl FnMut(CardEvent)) {
        if frame.samples.len() != self.setup.channels {
            counts.add(Count::Channels, 1);
            let channels = u16::try_from(frame.samples.len()).unwrap_or(u16::MAX);
            self.trouble = Some((Trouble::Channels(channels), now));
            return;
        }
        match self.jitter.receive(frame.sequence, frame.samples, counts) {
            Arrival::Newest => {
                self.heard = Some(now);
                self.good = self.good.saturating_add(1);
                self.show(frame, tell);
            }
            Arrival::Reordered => self.heard = Some(now),
            Arrival::Doubled | Arrival::Late => {}
            Arrival::Strange => self.trouble = Some((Trouble::Sequence, now)),
        }
    }

    /// Takes up what the newest frame says beside its samples.
    fn show(&mut self, frame: &Frame<'_>, mut tell: impl FnMut(CardEvent)) {
        let mut alarms = self.alarms - Alarms::YELLOW;
        alarms.set(Alarms::YELLOW, frame.yellow && !alarms.contains(Alarms::RED));
        if self.good >= RECOVER && alarms.contains(Alarms::RED) {
            alarms = if frame.yellow { Alarms::YELLOW } else { Alarms::empty() };
        }
        self.set_alarms(alarms, &mut tell);
        let Some(signalling) = frame.signalling.filter(|_| self.setup.cas) else { return };
        for channel in 0..self.setup.channels {
            let bits = bits_of(signalling, channel);
            if bits.is_some() && bits != self.seen[channel] {
                self.seen[channel] = bits;
                let timeslot = Timeslot(u8::try_from(channel + 1).unwrap_or(u8::MAX));
                let channel = ChannelId { span: self.setup.span, timeslot };
                tell(CardEvent::Abcd { channel, bits: bits.unwrap_or_default() });
            }
        }
    }

    fn set_alarms(&mut self, alarms: Alarms, mut tell: impl FnMut(CardEvent)) {
        if alarms != self.alarms {
            self.alarms = alarms;
            tell(CardEvent::Alarms { span: self.setup.span, alarms });
        }
    }

    /// Notes that its interface is gone (DETACHED) or back (RED, until the peer is heard).
    pub fn interface(&mut self, there: bool, tell: impl FnMut(CardEvent)) {
        self.jitter.reset();
        (self.good, self.heard, self.trouble) = (0, None, None);
        self.set_alarms(if there { Alarms::RED } else { Alarms::DETACHED }, tell);
    }

    /// Looks at the time, once a period, after what came was taken up.
    pub fn pass(&mut self, now: Mono, mut tell: impl FnMut(CardEvent)) {
        if self.alarms.contains(Alarms::DETACHED) {
            return;
        }
        let heard = *self.heard.get_or_insert(now);
        if now.since(heard) > self.setup.loss {
            self.heard = Some(now);
            self.good = 0;
            // What was seen before the silence began is not its cause.
            let old = |(_, at): &(Trouble, Mono)| now.since(*at) > self.setup.loss;
            if self.trouble.as_ref().is_none_or(old) {
                self.trouble = None;
            }
            self.jitter.reset();
            self.set_alarms(Alarms::RED, &mut tell);
        }
        if let Some(frames) = self.jitter.take_slip() {
            tell(CardEvent::Slip { span: self.setup.span, frames });
        }
    }

    /// Puts the next millisecond into `row`, which holds silence.
    pub fn take(&mut self, row: &mut [Chunk], counts: &Counts) {
        if let Some(samples) = self.jitter.take(counts) {
            for (to, from) in row.iter_mut().zip(samples) {
                *to = *from;
            }
        }
        self.jitter.trim(counts);
    }

    /// Passes over milliseconds that were lost here. What came meanwhile is given up, and the buffer begins with its depth
    /// again; our own numbers jump, so that the peer knows: both directions keep their delay.
    pub fn skip(&mut self, frames: u32) {
        self.jitter.reset();
        self.sequence = self.sequence.wrapping_add(frames as u16);
    }

    /// Returns how many frames more than wanted are held; none if nothing is heard.
    pub fn excess(&self) -> Option<i32> {
        self.jitter.excess().filter(|_| !self.alarms.intersects(Alarms::RED | Alarms::DETACHED))
    }

    /// Orders the signalling bits of a channel counted from 0; false if it has none.
    pub fn order_bits(&mut self, channel: usize, bits: Abcd) -> bool {
        let has = self.setup.cas && channel < self.setup.channels;
        if has {
            self.bits.set(channel, bits);
        }
        has
    }

    /// Orders the alarms that are sent.
    pub fn order_alarms(&mut self, alarms: Alarms) {
        self.ordered = alarms;
    }

    /// Writes the next frame to the front of `out` and returns its length; 0 before the peer is known.
    pub fn emit(&mut self, source: Mac, samples: &[Chunk], out: &mut [u8]) -> usize {
        let Some(destination) = self.peer else { return 0 };
        let ones = [[0xFF; tdm::CHUNK]; MAX_CHANNELS];
        let samples = if self.ordered.contains(Alarms::AIS) { &ones[..self.setup.channels] } else { samples };
        let frame = Frame {
            address: Address { destination, source, subaddress: self.setup.subaddress },
            yellow: self.alarms.contains(Alarms::RED) || self.ordered.contains(Alarms::YELLOW),
            sequence: self.sequence,
            signalling: Some(self.bits.octets()),
            samples,
        };
        self.sequence = self.sequence.wrapping_add(1);
        frame.emit(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const OTHER: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const OURS: Mac = Mac([2, 0, 0, 0, 0, 9]);

    struct Bench {
        line: Line,
        counts: Counts,
        now: u64,
        sequence: u16,
        events: Vec<CardEvent>,
    }

    impl Bench {
        fn new(peer: Peer) -> Bench {
            let setup = LineSetup {
                span: SpanId(1),
                channels: 24,
                peer,
                subaddress: 7,
                cas: true,
                depth: 2,
                at_once: 5,
                loss: Duration::from_millis(100),
            };
            Bench {
                line: Line::new(setup),
                counts: Counts::default(),
                now: 0,
                sequence: 0,
                events: Vec::new(),
            }
        }

        fn frame(&mut self, source: Mac, channels: usize, yellow: bool, bits: u8) {
            let now = Mono::from_millis(self.now);
            let address = Address { destination: OURS, source, subaddress: 7 };
            let mut nibbles = Bits::new(channels);
            (0..channels).for_each(|channel| nibbles.set(channel, Abcd(bits)));
            let samples = [[1; 8]; MAX_CHANNELS];
            let frame = Frame {
                address,
                yellow,
                sequence: self.sequence,
                signalling: Some(nibbles.octets()),
                samples: &samples[..channels],
            };
            self.sequence = self.sequence.wrapping_add(1);
            if self.line.is_ours(&address) || self.line.is_ours_now(&address, now, &self.counts) {
                self.line.receive(&frame, now, &self.counts, |event| self.events.push(event));
            }
        }

        fn pass(&mut self, ms: u64) {
            for _ in 0..ms {
                self.now += 1;
                self.line.take(&mut [[0; 8]; 24], &self.counts);
                self.line.pass(Mono::from_millis(self.now), |event| self.events.push(event));
            }
        }

        fn talk(&mut self, source: Mac, ms: u64) {
            for _ in 0..ms {
                self.frame(source, 24, false, 0b1101);
                self.pass(1);
            }
        }

        fn alarms(&mut self) -> Vec<Alarms> {
            let alarms = self.events.drain(..).filter_map(|event| match event {
                CardEvent::Alarms { alarms, .. } => Some(alarms),
                _ => None,
            });
            alarms.collect()
        }
    }

    #[test]
    fn a_span_is_red_until_enough_came_and_again_when_nothing_does() {
        let mut bench = Bench::new(Peer::Fixed(PEER));
        assert_eq!(bench.line.alarms(), Alarms::RED);
        bench.talk(PEER, 9);
        assert_eq!(bench.alarms(), []);
        bench.talk(PEER, 1);
        assert_eq!(bench.alarms(), [Alarms::empty()]);
        bench.pass(99);
        assert_eq!(bench.alarms(), []);
        bench.pass(3);
        assert_eq!(bench.alarms(), [Alarms::RED]);
        assert_eq!(bench.line.trouble(), Trouble::Silent);
        bench.talk(PEER, 20);
        assert_eq!(bench.alarms(), [Alarms::empty()]);
    }

    #[test]
    fn what_the_peer_says_of_itself_is_yellow_and_our_red_is_said_to_it() {
        let mut bench = Bench::new(Peer::Fixed(PEER));
        let mut out = [0; crate::frame::MAX_FRAME];
        let said = |bench: &mut Bench, out: &mut [u8]| {
            let octets = bench.line.emit(OURS, &[[0; 8]; 24], out);
            let frame = Frame::parse(&out[..octets]).unwrap();
            (frame.yellow, frame.sequence, frame.address.destination)
        };
        assert_eq!(said(&mut bench, &mut out), (true, 0, PEER));
        bench.talk(PEER, 20);
        assert_eq!(said(&mut bench, &mut out), (false, 1, PEER));
        bench.frame(PEER, 24, true, 0b1101);
        bench.pass(1);
        bench.talk(PEER, 1);
        assert_eq!(bench.alarms(), [Alarms::empty(), Alarms::YELLOW, Alarms::empty()]);
        bench.line.order_alarms(Alarms::YELLOW);
        assert!(said(&mut bench, &mut out).0);
    }

    #[test]
    fn bits_are_told_when_they_change_and_only_then() {
        let mut bench = Bench::new(Peer::Fixed(PEER));
        bench.talk(PEER, 20);
        let told = |bench: &mut Bench| {
            bench.events.drain(..).filter(|e| matches!(e, CardEvent::Abcd { .. })).count()
        };
        assert_eq!(told(&mut bench), 24);
        bench.talk(PEER, 5);
        assert_eq!(told(&mut bench), 0);
        bench.frame(PEER, 24, false, 0b0101);
        assert_eq!(told(&mut bench), 24);
    }

    #[test]
    fn each_lasting_fault_is_red_with_its_cause_and_ends_with_it() {
        type Sends = fn(&mut Bench);
        let faults: [(Sends, Trouble, Count); 3] = [
            (|bench| bench.frame(PEER, 31, false, 0), Trouble::Channels(31), Count::Channels),
            (|bench| bench.frame(OTHER, 24, false, 0), Trouble::Elsewhere(OTHER), Count::Elsewhere),
            (
                |bench| {
                    bench.sequence = bench.sequence.wrapping_mul(25_173).wrapping_add(13_849);
                    bench.frame(PEER, 24, false, 0);
                },
                Trouble::Sequence,
                Count::Strange,
            ),
        ];
        for (send, trouble, count) in faults {
            let mut bench = Bench::new(Peer::Fixed(PEER));
            bench.talk(PEER, 20);
            bench.alarms();
            for _ in 0..200 {
                send(&mut bench);
                bench.pass(1);
            }
            assert_eq!((bench.line.alarms(), bench.line.trouble()), (Alarms::RED, trouble));
            assert!(bench.counts.get(count) >= 100, "{count:?}");
            bench.talk(PEER, 20);
            assert_eq!(bench.line.alarms(), Alarms::empty());
        }
    }

    #[test]
    fn a_learned_peer_is_followed_to_another_address_only_when_it_is_silent() {
        let mut bench = Bench::new(Peer::Learned);
        assert_eq!(bench.line.emit(OURS, &[], &mut [0; 400]), 0, "nobody is known yet");
        bench.talk(PEER, 20);
        assert_eq!((bench.line.peer(), bench.line.alarms()), (Some(PEER), Alarms::empty()));
        bench.frame(OTHER, 24, false, 0);
        assert_eq!((bench.line.peer(), bench.counts.get(Count::Elsewhere)), (Some(PEER), 1));
        bench.talk(OTHER, 130);
        assert_eq!((bench.line.peer(), bench.line.alarms()), (Some(OTHER), Alarms::empty()));
        assert_eq!(bench.counts.get(Count::PeerChanges), 1);
    }

    #[test]
    fn a_trouble_is_the_same_after_it_was_a_number() {
        for trouble in [
            Trouble::Silent,
            Trouble::Channels(24),
            Trouble::BadForm,
            Trouble::Sequence,
            Trouble::Elsewhere(OTHER),
            Trouble::Subaddress(65_535),
        ] {
            assert_eq!(Trouble::of_number(trouble.number()), trouble);
        }
    }
}
