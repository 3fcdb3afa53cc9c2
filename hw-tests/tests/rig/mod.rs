//! A tiny appliance for the tests of the counterparts themselves: a simulated card with an E1 to the exchange and a bank of
//! four telephones, our ISDN on either side, and no more intelligence than this: every call offered is alerted and answered,
//! and what its channel hears is said back to it; calls made are left to the far end; a telephone asked to ring is
//! rung, and once lifted hears the noise of seed 99.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use card::{Card, CardEvent, CardIo, ClockSource, LineConfig, LineOrder, RingCadence, Signalling};
use clock::{Clock, MonoClock, Prng};
use hw_tests::audio::Noise;
use isdn::{
    BearerCapability, CallId, ChannelChoice, Digits, Input, Output, PartyNumber, Pri, PriConfig, PriEvent,
};
use isdn::{Request, Setup, Side};
use sim::{Pace, Plug, SimCard, SimConfig, SimIo, SimPosition};
use tdm::hdlc::{LapdRx, LapdTx};
use tdm::{Alarms, CHUNK, ChannelId, Chunk, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

/// The first channel of the telephones in a row of chunks.
const PHONES: usize = 31;

/// What the test asks of the appliance.
pub enum Ask {
    Call(&'static str),
    Ring(Timeslot),
    Stop,
}

/// What became of calls.
#[derive(Default)]
pub struct Ledger {
    pub up: bool,
    /// The card's time.
    pub ms: u64,
    /// Number called and cause of every call made that is over.
    pub released: Vec<(String, u8)>,
    pub alarms: Vec<Alarms>,
    /// What telephone 1 said.
    pub phone_said: Vec<u8>,
}

pub struct Appliance {
    asks: Sender<Ask>,
    pub ledger: Arc<Mutex<Ledger>>,
    pub exchange_socket: PathBuf,
    pub phones_socket: PathBuf,
    thread: Option<JoinHandle<()>>,
}

impl Appliance {
    /// Lets so much of the card's time pass, however slow this machine is.
    pub fn pass(&self, ms: u64) {
        let now = || self.ledger.lock().expect("no panic").ms;
        let (until, deadline) = (now() + ms, Instant::now() + Duration::from_secs(60));
        while now() < until {
            assert!(Instant::now() < deadline, "the card stands still");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    pub fn start(folder: &Path, side: Side) -> Appliance {
        let (exchange_socket, phones_socket) = (folder.join("e1"), folder.join("fxs"));
        let config = SimConfig::new("rig")
            .position(SimPosition::e1(Plug::Socket(exchange_socket.clone())))
            .position(SimPosition::new(SpanKind::Fxs, 4, Plug::Socket(phones_socket.clone())))
            .pace(Pace::Lockstep);
        let line = |position, span, kind: SpanKind, signalling| LineConfig {
            position,
            span: SpanId(span),
            law: Law::A,
            signalling,
            clock: if kind == SpanKind::E1 { ClockSource::Line } else { ClockSource::Internal },
        };
        let lines = [
            line(0, 1, SpanKind::E1, Signalling::Hdlc(Timeslot(16))),
            line(1, 2, SpanKind::Fxs, Signalling::Loop),
        ];
        let card = SimCard::new(config).expect("the configuration is right");
        let (control, io) = card.start(&lines).expect("the card starts");
        let (asks, taken) = channel();
        let ledger = Arc::new(Mutex::new(Ledger::default()));
        let mut brain = Brain::new(side, Arc::clone(&ledger));
        let thread = std::thread::spawn(move || {
            let _control = control;
            brain.run(io, &taken);
        });
        Appliance { asks, ledger, exchange_socket, phones_socket, thread: Some(thread) }
    }

    pub fn ask(&self, ask: Ask) {
        self.asks.send(ask).expect("the appliance runs");
    }
}

impl Drop for Appliance {
    fn drop(&mut self) {
        let _ = self.asks.send(Ask::Stop); // it may have ended by a panic, which has been printed
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Brain {
    pri: Pri,
    rx: LapdRx,
    tx: LapdTx,
    frames: std::collections::VecDeque<HdlcFrame>,
    /// Channels said back to their callers, by call.
    echoed: BTreeMap<CallId, Timeslot>,
    called: BTreeMap<CallId, String>,
    phone_noise: Option<Noise>,
    ledger: Arc<Mutex<Ledger>>,
}

impl Brain {
    fn new(side: Side, ledger: Arc<Mutex<Ledger>>) -> Brain {
        let config = PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
        Brain {
            pri: Pri::new(config, Prng::new(1)),
            rx: LapdRx::new(),
            tx: LapdTx::new(),
            frames: std::collections::VecDeque::new(),
            echoed: BTreeMap::new(),
            called: BTreeMap::new(),
            phone_noise: None,
            ledger,
        }
    }

    fn run(&mut self, mut io: SimIo, asks: &Receiver<Ask>) {
        loop {
            let period = io.wait().expect("the card runs");
            while let Some(event) = io.poll_event() {
                self.card_event(event, &mut io);
            }
            for ask in asks.try_iter() {
                match ask {
                    Ask::Stop => return,
                    Ask::Call(number) => self.call(number),
                    Ask::Ring(timeslot) => {
                        let channel = ChannelId { span: SpanId(2), timeslot };
                        io.order(LineOrder::Ring { channel, cadence: Some(RingCadence::CHINA) });
                    }
                }
            }
            let width = io.rx().len() / usize::from(period.chunks);
            for row in 0..usize::from(period.chunks) {
                let heard: Vec<Chunk> = io.rx()[row * width..(row + 1) * width].to_vec();
                let said = self.millisecond(&heard);
                io.tx()[row * width..(row + 1) * width].copy_from_slice(&said);
            }
            io.commit().expect("the card runs");
            self.ledger.lock().expect("no panic").ms += u64::from(period.chunks);
        }
    }

    fn millisecond(&mut self, heard: &[Chunk]) -> Vec<Chunk> {
        let now = MonoClock.now();
        let mut frames = Vec::new();
        self.rx.chunk(&heard[15], |frame| frames.push(frame.to_vec()));
        for frame in frames {
            self.pri.handle(Input::Frame(&frame), now);
        }
        if self.pri.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.pri.handle(Input::Timeout, now);
        }
        while let Some(output) = self.pri.poll_output() {
            match output {
                Output::Frame(frame) => self.frames.push_back(frame),
                Output::Event(event) => self.pri_event(event),
            }
        }
        let mut said = vec![[0xD5; CHUNK]; heard.len()];
        for timeslot in self.echoed.values() {
            said[usize::from(timeslot.0) - 1] = heard[usize::from(timeslot.0) - 1];
        }
        let frames = &mut self.frames;
        said[15] = self.tx.chunk(|| frames.pop_front());
        if let Some(noise) = &mut self.phone_noise {
            said[PHONES] =
                std::array::from_fn(|_| g711::encode(Law::A, noise.next().expect("noise never ends")));
            self.ledger.lock().expect("no panic").phone_said.extend(heard[PHONES]);
        }
        said
    }

    fn request(&mut self, request: Request) {
        self.pri.handle(Input::Request(request), MonoClock.now());
    }

    fn call(&mut self, number: &str) {
        let call = self.pri.next_call();
        self.called.insert(call, number.to_owned());
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new(number).expect("digits")),
            calling: None,
            name: None,
            channel: ChannelChoice::Any,
            sending_complete: true,
            bearer: BearerCapability::audio(Law::A),
        };
        self.request(Request::Setup(Box::new(setup)));
    }

    fn pri_event(&mut self, event: PriEvent) {
        match event {
            PriEvent::Up => self.ledger.lock().expect("no panic").up = true,
            PriEvent::Down => self.ledger.lock().expect("no panic").up = false,
            PriEvent::Offer(offer) => {
                let call = offer.call;
                self.echoed.insert(call, offer.channel);
                self.request(Request::Proceeding { call, inband: false });
                self.request(Request::Alerting { call, inband: false });
                self.request(Request::Connect { call });
            }
            PriEvent::Answered { call, channel, .. } => {
                self.echoed.insert(call, channel);
            }
            PriEvent::Released { call, cause, .. } => {
                self.echoed.remove(&call);
                if let Some(number) = self.called.remove(&call) {
                    self.ledger.lock().expect("no panic").released.push((number, cause.value()));
                }
            }
            PriEvent::Digits { .. }
            | PriEvent::SetupAcknowledged { .. }
            | PriEvent::Proceeding { .. }
            | PriEvent::Progress { .. }
            | PriEvent::Alerting { .. }
            | PriEvent::Connected { .. }
            | PriEvent::Disconnected { .. }
            | PriEvent::Channel { .. }
            | PriEvent::Notice(_) => {}
        }
    }

    fn card_event(&mut self, event: CardEvent, io: &mut SimIo) {
        match event {
            CardEvent::Alarms { span: SpanId(1), alarms } => {
                let input = if alarms.blocks_calls() { Input::LineDown } else { Input::LineUp };
                self.pri.handle(input, MonoClock.now());
                self.ledger.lock().expect("no panic").alarms.push(alarms);
            }
            CardEvent::Hook { channel, state } => {
                io.order(LineOrder::Ring { channel, cadence: None });
                if channel.timeslot == Timeslot(1) {
                    self.phone_noise = (state == HookState::OffHook).then(|| Noise::new(99));
                }
            }
            CardEvent::Alarms { .. }
            | CardEvent::Abcd { .. }
            | CardEvent::Ring { .. }
            | CardEvent::Polarity { .. }
            | CardEvent::Feed { .. }
            | CardEvent::Slip { .. }
            | CardEvent::Attached { .. }
            | CardEvent::Detached { .. }
            | CardEvent::FrameLost { .. } => {}
        }
    }
}
