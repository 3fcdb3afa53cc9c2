//! Cards over pairs of Unix sockets, in a time that passes only while the card sleeps.

#![allow(dead_code, reason = "each test takes its part")]

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use clock::Mono;
use tdm::SpanKind;
use tdmoe::frame::{Address, Frame, MAX_FRAME};
use tdmoe::{Mac, Peer, TdmoeCard, TdmoeConfig, Time, Wire};

/// Frames that the jitter buffers hold, and the most that they let grow.
pub const DEPTH: u16 = 5;
const LIMIT: u16 = 2 * DEPTH;

pub const OURS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 0xA0]), Mac([2, 0, 0, 0, 0, 0xA1])];
pub const THEIRS: [Mac; 2] = [Mac([2, 0, 0, 0, 0, 0xB0]), Mac([2, 0, 0, 0, 0, 0xB1])];

/// The other end of a wire.
pub struct End {
    pub socket: UnixDatagram,
    pub own: Mac,
    pub peer: Mac,
    pub subaddress: u16,
    pub cut: bool,
    pub sequence: u16,
    /// How far the numbers that go back are ahead of those that came.
    offset: u16,
    /// Frames that are held at our card after each millisecond, as far as the slips ordered here make them.
    held: u16,
    swallow: u16,
    extra: u16,
}

impl End {
    fn new(socket: UnixDatagram, place: usize) -> End {
        socket.set_nonblocking(true).unwrap();
        let (own, peer) = (THEIRS[place], OURS[place]);
        End {
            socket,
            own,
            peer,
            subaddress: 0,
            cut: false,
            sequence: 60_000,
            offset: 60_000,
            held: DEPTH,
            swallow: 0,
            extra: 0,
        }
    }

    /// Returns a frame of one channel from `source` to `destination`.
    pub fn address_of(&self, source: Mac, destination: Mac, subaddress: u16) -> Vec<u8> {
        let address = Address { destination, source, subaddress };
        let frame = Frame { address, yellow: false, sequence: 0, signalling: None, samples: &[[0; 8]] };
        let mut out = [0; MAX_FRAME];
        let octets = frame.emit(&mut out);
        out[..octets].to_vec()
    }

    /// Breaks the wire: a socket without its other end.
    pub fn break_off(&mut self) {
        let (alone, _) = UnixDatagram::pair().unwrap();
        alone.set_nonblocking(true).unwrap();
        self.socket = alone;
    }

    /// Orders so much that our card slips by one frame.
    pub fn slip(&mut self, frames: i8) {
        match frames {
            -1 => {
                self.extra = LIMIT - self.held + 1;
                self.held = LIMIT;
            }
            1 => {
                self.swallow = self.held + 1;
                self.held = 0;
            }
            other => panic!("{other} frames"),
        }
    }

    /// Sends a frame under the next number.
    pub fn send(&mut self, frame: &Frame<'_>) {
        let address = Address { destination: self.peer, source: self.own, subaddress: self.subaddress };
        let mut out = [0; MAX_FRAME];
        let octets = Frame { address, sequence: self.sequence, ..*frame }.emit(&mut out);
        self.sequence = self.sequence.wrapping_add(1);
        self.socket.send(&out[..octets]).unwrap();
    }

    /// Sends back what came, with the gaps of its numbers.
    fn reflect(&mut self) {
        let mut octets = [0; 600];
        while let Ok(length) = self.socket.recv(&mut octets) {
            if self.cut {
                continue;
            }
            let frame = Frame::parse(&octets[..length]).unwrap();
            let number = frame.sequence.wrapping_add(self.offset);
            if self.swallow > 0 {
                self.swallow -= 1;
                self.offset = self.offset.wrapping_sub(1);
                continue;
            }
            self.sequence = number;
            for _ in 0..=core::mem::take(&mut self.extra) {
                self.send(&frame);
            }
            self.offset = self.sequence.wrapping_sub(frame.sequence).wrapping_sub(1);
        }
    }
}

/// What a test holds of its card.
pub struct Rig {
    pub ends: Vec<Arc<Mutex<End>>>,
    /// Milliseconds that the next sleep is too long.
    late_ms: Arc<AtomicU64>,
    /// What time it is.
    pub now_ms: Arc<AtomicU64>,
}

impl Rig {
    pub fn stall(&self, ms: u32) {
        self.late_ms.store(ms.into(), Ordering::Release);
    }
}

pub fn wire() -> (UnixDatagram, OwnedFd) {
    let (theirs, ours) = UnixDatagram::pair().unwrap();
    (theirs, ours.into())
}

pub fn config() -> TdmoeConfig {
    TdmoeConfig { jitter_ms: DEPTH, buffer_ms: 4, loss_ms: 30, ..TdmoeConfig::new("bench") }
}

/// Time that passes a millisecond at a turn while the card sleeps; `turn` is called in each.
pub fn time(
    late_ms: &Arc<AtomicU64>,
    now_ms: &Arc<AtomicU64>,
    mut turn: impl FnMut() + Send + 'static,
) -> Time {
    let (late_ms, shown) = (Arc::clone(late_ms), Arc::clone(now_ms));
    let mut now = Mono::from_millis(1_000);
    Time::Given(Box::new(move |until| {
        if let Some(until) = until {
            let late = late_ms.swap(0, Ordering::AcqRel) * 1_000_000;
            let until = until.as_nanos().max(now.as_nanos()) + late;
            while now.as_nanos() < until {
                turn();
                now = Mono::from_nanos((now.as_nanos() + 1_000_000).min(until));
            }
            shown.store(now.as_millis(), Ordering::Release);
        }
        now
    }))
}

/// A card over these wires whose far ends take `turn`s.
pub fn card(
    config: TdmoeConfig,
    wires: Vec<Wire>,
    ends: Vec<Arc<Mutex<End>>>,
    turn: impl FnMut() + Send + 'static,
) -> (Rig, TdmoeCard) {
    let (late_ms, now_ms) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let time = time(&late_ms, &now_ms, turn);
    (Rig { ends, late_ms, now_ms }, TdmoeCard::over(config, wires, time).unwrap())
}

/// Two E1 on an interface each, with a far end each that the test itself plays.
pub fn open_ends(config: TdmoeConfig) -> (Vec<Wire>, Vec<Arc<Mutex<End>>>) {
    let (mut wires, mut ends) = (Vec::new(), Vec::new());
    for (place, _) in config.interfaces().iter().enumerate() {
        let (theirs, ours) = wire();
        wires.push(Wire { socket: ours, own: OURS[place] });
        ends.push(Arc::new(Mutex::new(End::new(theirs, place))));
    }
    (wires, ends)
}

/// Two E1, each looped at its far end.
pub fn looped() -> (Rig, TdmoeCard) {
    let peer = |place: usize| Peer::Fixed(THEIRS[place]);
    let config = config().span(SpanKind::E1, "a", peer(0), 0).span(SpanKind::E1, "b", peer(1), 0);
    let (wires, ends) = open_ends(config.clone());
    let far = ends.clone();
    card(config, wires, ends, move || far.iter().for_each(|end| end.lock().unwrap().reflect()))
}

/// Two E1 that are the two ends of one line.
pub fn crossed() -> (Rig, TdmoeCard) {
    let peer = |place: usize| Peer::Fixed(OURS[place]);
    let config = config().span(SpanKind::E1, "a", peer(1), 9).span(SpanKind::E1, "b", peer(0), 9);
    let (b, a) = UnixDatagram::pair().unwrap();
    let wires = vec![Wire { socket: a.into(), own: OURS[0] }, Wire { socket: b.into(), own: OURS[1] }];
    card(config, wires, Vec::new(), || ())
}
