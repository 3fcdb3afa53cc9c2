//! What a network does to a whole card: strangers, rubbish, another shape, a broken wire, a flood; each by its name, and over
//! when its cause is.

#![allow(clippy::unwrap_used, reason = "a test that stops has failed")]

mod rig;

use std::sync::{Arc, Mutex};

use card::{Card, CardControl, CardEvent, CardIo, ClockSource, IoFault, LineConfig, Signalling};
use rig::{End, OURS, Rig, THEIRS};
use tdm::{Alarms, Law, SpanId, SpanKind};
use tdmoe::frame::{Address, Frame, MAX_FRAME};
use tdmoe::{Count, Mac, Peer, TdmoeCard, TdmoeConfig, TdmoeControl, TdmoeIo};

const OTHER: Mac = Mac([2, 0, 0, 0, 0, 0xEE]);
const FIRST: SpanId = SpanId(1);

/// How the far end fills each millisecond.
type Sends = Arc<Mutex<Box<dyn FnMut(&mut End) + Send>>>;

struct Bench {
    _rig: Rig,
    control: TdmoeControl,
    io: TdmoeIo,
    sends: Sends,
    end: Arc<Mutex<End>>,
    events: Vec<CardEvent>,
}

/// A frame of so many channels, with that number.
fn frame(end: &End, channels: usize, sequence: u16) -> Vec<u8> {
    let samples = [[0x55; 8]; 31];
    let address = Address { destination: end.peer, source: end.own, subaddress: end.subaddress };
    let frame = Frame { address, yellow: false, sequence, signalling: None, samples: &samples[..channels] };
    let mut out = [0; MAX_FRAME];
    let octets = frame.emit(&mut out);
    out[..octets].to_vec()
}

/// What a good far end sends.
fn good(end: &mut End) {
    let octets = frame(end, 31, end.sequence);
    end.sequence = end.sequence.wrapping_add(1);
    end.socket.send(&octets).unwrap();
}

impl Bench {
    fn new() -> Bench {
        let config = rig::config().span(SpanKind::E1, "a", Peer::Fixed(THEIRS[0]), 0);
        Bench::of(config)
    }

    fn of(config: TdmoeConfig) -> Bench {
        let (wires, ends) = rig::open_ends(config.clone());
        let sends: Sends = Arc::new(Mutex::new(Box::new(good)));
        let (far, turn) = (Arc::clone(&ends[0]), Arc::clone(&sends));
        let (rig, card) = rig::card(config, wires, ends.clone(), move || {
            let mut end = far.lock().unwrap();
            while end.socket.recv(&mut [0; 600]).is_ok() {}
            (turn.lock().unwrap())(&mut end);
        });
        let line = LineConfig {
            position: 0,
            span: FIRST,
            law: Law::A,
            signalling: Signalling::Clear,
            clock: ClockSource::Line,
        };
        let (control, io) = TdmoeCard::start(card, &[line]).unwrap();
        Bench { _rig: rig, control, io, sends, end: ends[0].clone(), events: Vec::new() }
    }

    /// Lets the far end send so for so many milliseconds.
    fn live(&mut self, ms: u32, sends: impl FnMut(&mut End) + Send + 'static) {
        *self.sends.lock().unwrap() = Box::new(sends);
        for _ in 0..ms {
            self.io.wait().unwrap();
            self.events.extend(std::iter::from_fn(|| self.io.poll_event()));
            self.io.commit().unwrap();
        }
    }

    fn alarms(&mut self) -> Alarms {
        self.control.spans()[0].alarms
    }

    fn count(&self, count: Count) -> u64 {
        let told = [self.control.counts(FIRST), self.control.interface_counts("a")].concat();
        told.into_iter().find(|(known, _)| *known == count).map_or(0, |(_, number)| number)
    }
}

/// Sends so until the span is RED for the reason given; the count goes on, and the span is well again soon after.
fn lasting(mut send: impl FnMut(&mut End) + Send + 'static, count: Count, reason: &str) {
    let mut bench = Bench::new();
    bench.live(60, good);
    assert_eq!((bench.alarms(), bench.control.fault(FIRST)), (Alarms::empty(), None));
    bench.live(100, move |end| send(end));
    assert_eq!(bench.alarms(), Alarms::RED, "{reason}");
    assert!(bench.count(count) >= 90, "{count:?}: {}", bench.count(count));
    assert_eq!(bench.control.fault(FIRST).as_deref(), Some(reason));
    bench.live(60, good);
    assert_eq!((bench.alarms(), bench.control.fault(FIRST)), (Alarms::empty(), None), "{reason}");
}

#[test]
fn frames_of_another_shape_are_red_with_the_reason() {
    let peer = THEIRS[0];
    let cut = |end: &mut End| _ = end.socket.send(&frame(end, 31, 7)[..200]).unwrap();
    lasting(
        cut,
        Count::BadForm,
        &format!("{peer} on a sends frames of another form: not 8 samples, or of a wrong length"),
    );
    let t1 = |end: &mut End| _ = end.socket.send(&frame(end, 24, 7)).unwrap();
    lasting(t1, Count::Channels, &format!("{peer} on a sends 24 channels, and the span has 31"));
}

#[test]
fn frames_from_elsewhere_are_red_with_the_sender() {
    let peer = THEIRS[0];
    let elsewhere = |end: &mut End| {
        end.own = OTHER;
        good(end);
        end.own = THEIRS[0];
    };
    lasting(elsewhere, Count::Elsewhere, &format!("{OTHER} sends subaddress 0 in place of {peer} on a"));
    let subaddress = |end: &mut End| {
        end.subaddress = 4;
        good(end);
        end.subaddress = 0;
    };
    lasting(subaddress, Count::Subaddress, &format!("{peer} on a sends subaddress 4, and the span has 0"));
}

#[test]
fn strangers_and_rubbish_are_counted_and_harm_nobody() {
    let mut bench = Bench::new();
    bench.live(60, good);
    bench.events.clear();
    bench.live(50, |end| {
        good(end);
        end.socket.send(&[0; 9]).unwrap();
        end.socket.send(&[0xFF; 400]).unwrap();
        let stranger = End::address_of(end, OTHER, OURS[0], 9);
        end.socket.send(&stranger).unwrap();
        let not_ours = End::address_of(end, THEIRS[0], OURS[1], 0);
        end.socket.send(&not_ours).unwrap();
    });
    assert_eq!((bench.alarms(), &bench.events[..]), (Alarms::empty(), &[][..]));
    let counts = [Count::Short, Count::Stranger, Count::NotForUs].map(|count| bench.count(count));
    assert_eq!(counts, [100, 50, 50]);
    assert_eq!((bench.count(Count::Lost), bench.count(Count::Late)), (0, 0));
}

#[test]
fn a_flood_is_taken_up_in_parts_and_the_span_talks_on() {
    let mut bench = Bench::new();
    bench.live(60, good);
    bench.live(20, |end| {
        good(end);
        // As many as the socket holds.
        while end.socket.send(&[0; 20]).is_ok() {}
    });
    bench.live(60, good);
    assert_eq!(bench.alarms(), Alarms::empty());
    assert!(bench.count(Count::Short) > 100);
}

#[test]
fn what_came_before_the_first_period_is_thrown_away() {
    let mut bench = Bench::new();
    {
        let mut end = bench.end.lock().unwrap();
        // A second's frames, as far as the socket holds them.
        for _ in 0..1_000 {
            let octets = frame(&end, 31, end.sequence);
            end.sequence = end.sequence.wrapping_add(1);
            let _ = end.socket.send(&octets);
        }
    }
    bench.live(60, good);
    assert_eq!(bench.alarms(), Alarms::empty());
    let counts =
        [Count::Strange, Count::Restarts, Count::Dropped, Count::Gained].map(|count| bench.count(count));
    assert_eq!(counts, [0; 4], "{:?}", bench.control.counts(FIRST));
}

#[test]
fn a_wire_that_breaks_is_detached_and_the_card_keeps_time() {
    let mut bench = Bench::new();
    bench.live(60, good);
    bench.events.clear();
    bench.end.lock().unwrap().break_off();
    bench.live(50, |_| ());
    assert_eq!(bench.alarms(), Alarms::DETACHED);
    assert_eq!(bench.events, [CardEvent::Alarms { span: FIRST, alarms: Alarms::DETACHED }]);
    assert_eq!(bench.control.fault(FIRST).as_deref(), Some("a: the interface is down or gone"));
}

#[test]
fn a_card_whose_control_is_gone_says_so() {
    let Bench { mut io, control, .. } = Bench::new();
    io.wait().unwrap();
    drop(control);
    assert_eq!(io.commit(), Err(IoFault::Gone));
    assert_eq!(io.wait(), Err(IoFault::Gone));
}

#[test]
fn without_the_right_to_packet_sockets_the_error_names_what_gives_it() {
    // A machine that lets this user open them says instead that the loopback interface is no Ethernet.
    let told = tdmoe::Wire::open("lo").unwrap_err().to_string();
    assert!(told.contains("setcap cap_net_raw") || told.contains("no Ethernet"), "{told}");
    let told = tdmoe::Wire::open("nowhere0").unwrap_err().to_string();
    assert!(told.contains("setcap cap_net_raw") || told.contains("no such interface"), "{told}");
}
