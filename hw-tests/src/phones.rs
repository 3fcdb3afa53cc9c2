//! Telephones on a bank of FXS ports: a thread that plays all of them over the line socket.
//!
//! Each telephone follows its [`Behaviour`]: lifts after some milliseconds of ringing, says the noise of its seed, and
//! records what it hears and says while it is off hook. A test can also lift, hang up and dial by hand.
//!
//! Limits: ringing counts from its first burst and is forgotten 8 s after the last one; no flash, no pulse dialling.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use clock::SampleTime;
use dsp::dtmf::{Generator, GeneratorConfig};
use sim::Edge;
use sim::line_client::{HeardTick, LineClient};
use tdm::{Block, CHUNK, Chunk, HookState, Law, SILENCE, Timeslot};

use crate::audio::Noise;

/// Samples after which ringing is forgotten.
const RING_MEMORY: u64 = 8 * 8_000;

/// What a telephone does by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// Lifts this long after ringing began; none: never.
    pub answer_after_ms: Option<u64>,
    /// Says the noise of this seed while off hook; none: silence.
    pub noise_seed: Option<u32>,
    /// Hangs up this long after it was lifted; none: never.
    pub hang_up_after_ms: Option<u64>,
}

/// Something that happened to a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhoneEvent {
    /// The card's time.
    pub time: SampleTime,
    /// The telephone.
    pub port: Timeslot,
    /// What happened.
    pub kind: PhoneEventKind,
}

/// What happened to a telephone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneEventKind {
    /// It began to ring.
    Ringing,
    /// It was lifted.
    Lifted,
    /// It was hung up; its recording is complete.
    HungUp,
    /// All digits dialled are out.
    Dialled,
    /// The feed was taken away for a moment or for good: the exchange's way to say that the other has hung up.
    FeedLost,
}

/// What a telephone heard and said from lifting to hanging up (or to now).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// The time of the first octet of both.
    pub start: SampleTime,
    /// Octets as on the line.
    pub heard: Vec<u8>,
    /// Octets as on the line.
    pub said: Vec<u8>,
}

/// The telephones of one bank; all hang up with this value.
#[derive(Debug)]
pub struct Phones {
    orders: Sender<Order>,
    events: Receiver<PhoneEvent>,
    /// Told and not yet waited for.
    told: Vec<PhoneEvent>,
    hearings: Arc<Mutex<BTreeMap<Timeslot, Hearing>>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Order {
    Behave(Timeslot, Behaviour),
    Hook(Timeslot, HookState),
    Dial(Timeslot, Vec<u8>),
}

impl Phones {
    /// Connects to the bank at `socket`, waiting up to ten seconds for the card. All telephones are on hook.
    ///
    /// # Errors
    /// Nobody listens, or what listens is no simulated card.
    pub fn connect(socket: &Path) -> io::Result<Phones> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let line = loop {
            match LineClient::connect(socket, false) {
                Ok(line) => break line,
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        let (orders, taken) = channel();
        let (sender, events) = channel();
        let hearings = Arc::new(Mutex::new(BTreeMap::new()));
        let mut bank = Bank::new(&line, sender, Arc::clone(&hearings));
        let thread =
            std::thread::Builder::new().name("phones".to_owned()).spawn(move || bank.run(line, &taken))?;
        Ok(Phones { orders, events, told: Vec::new(), hearings, thread: Some(thread) })
    }

    /// Says what a telephone shall do by itself from now on.
    pub fn behave(&self, port: Timeslot, behaviour: Behaviour) {
        self.give(Order::Behave(port, behaviour));
    }

    /// Lifts a telephone.
    pub fn lift(&self, port: Timeslot) {
        self.give(Order::Hook(port, HookState::OffHook));
    }

    /// Hangs a telephone up.
    pub fn hang_up(&self, port: Timeslot) {
        self.give(Order::Hook(port, HookState::OnHook));
    }

    /// Dials digits by DTMF, 100 ms on and off, at most 32; nothing happens on hook.
    pub fn dial(&self, port: Timeslot, digits: &str) {
        self.give(Order::Dial(port, digits.as_bytes().to_vec()));
    }

    /// Returns the next such event of a telephone, keeping others for later; none if it does not come in time.
    pub fn wait(&mut self, port: Timeslot, kind: PhoneEventKind, patience: Duration) -> Option<PhoneEvent> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(index) = self.told.iter().position(|event| event.port == port && event.kind == kind) {
                return Some(self.told.remove(index));
            }
            match self.events.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(event) => self.told.push(event),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Returns what a telephone has heard and said since it was last lifted.
    pub fn hearing(&self, port: Timeslot) -> Hearing {
        let hearings = self.hearings.lock().unwrap_or_else(PoisonError::into_inner);
        hearings.get(&port).cloned().unwrap_or_default()
    }

    fn give(&self, order: Order) {
        // A bank whose card is gone takes no more orders; the test sees that by its events.
        let _ = self.orders.send(order);
    }
}

impl Drop for Phones {
    fn drop(&mut self) {
        let (closed, _) = channel();
        self.orders = closed; // the thread ends when nobody can give orders
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic there has been printed already
        }
    }
}

/// The thread's side.
struct Bank {
    law: Law,
    phones: Vec<Phone>,
    events: Sender<PhoneEvent>,
    hearings: Arc<Mutex<BTreeMap<Timeslot, Hearing>>>,
}

struct Phone {
    port: Timeslot,
    behaviour: Behaviour,
    off_hook_since: Option<SampleTime>,
    ringing_since: Option<SampleTime>,
    last_ring: SampleTime,
    ringing_now: bool,
    noise: Option<Noise>,
    keys: Generator,
    dialling: bool,
}

impl Bank {
    fn new(
        line: &LineClient,
        events: Sender<PhoneEvent>,
        hearings: Arc<Mutex<BTreeMap<Timeslot, Hearing>>>,
    ) -> Bank {
        let phones = (1..=line.line().channels).map(|port| Phone::new(Timeslot(port))).collect();
        Bank { law: line.line().law, phones, events, hearings }
    }

    fn run(&mut self, mut line: LineClient, orders: &Receiver<Order>) {
        // Ends when the card or the owner is gone.
        while let Ok(tick) = line.hear() {
            loop {
                match orders.try_recv() {
                    Ok(order) => self.obey(order, tick.time, &mut line),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            for edge in &tick.edges {
                self.edge(*edge, tick.time);
            }
            self.act(tick.time, &mut line);
            let said = self.say(tick.time);
            self.record(&tick, &said);
            if line.say(&said).is_err() {
                return;
            }
        }
    }

    fn obey(&mut self, order: Order, time: SampleTime, line: &mut LineClient) {
        match order {
            Order::Behave(port, behaviour) => {
                if let Some(phone) = self.phone(port) {
                    phone.behaviour = behaviour;
                }
            }
            Order::Hook(port, state) => self.hook(port, state, time, line),
            Order::Dial(port, digits) => {
                if let Some(phone) = self.phone(port).filter(|phone| phone.off_hook_since.is_some()) {
                    phone.dialling = phone.keys.start(&digits);
                }
            }
        }
    }

    fn edge(&mut self, edge: Edge, time: SampleTime) {
        match edge {
            Edge::Ring { timeslot, ringing } => {
                let Some(phone) = self.phone(timeslot) else { return };
                phone.ringing_now = ringing;
                phone.last_ring = time;
                if ringing && phone.ringing_since.is_none() {
                    phone.ringing_since = Some(time);
                    self.tell(time, timeslot, PhoneEventKind::Ringing);
                }
            }
            Edge::Feed { timeslot, present } => {
                if !present {
                    self.tell(time, timeslot, PhoneEventKind::FeedLost);
                }
            }
            Edge::Bits { .. }
            | Edge::Hook { .. }
            | Edge::Polarity { .. }
            | Edge::Alarms(_)
            | Edge::Slip(_) => {}
        }
    }

    /// Does what the telephones do by themselves.
    fn act(&mut self, time: SampleTime, line: &mut LineClient) {
        for index in 0..self.phones.len() {
            let phone = &mut self.phones[index];
            if phone.ringing_now {
                phone.last_ring = time;
            } else if time.since(phone.last_ring) > RING_MEMORY {
                phone.ringing_since = None;
            }
            let passed = |since: Option<SampleTime>, ms: Option<u64>| {
                since.zip(ms).is_some_and(|(since, ms)| time.since(since) >= ms * 8)
            };
            let answers = passed(phone.ringing_since, phone.behaviour.answer_after_ms);
            let hangs_up = passed(phone.off_hook_since, phone.behaviour.hang_up_after_ms);
            let port = phone.port;
            if hangs_up {
                self.hook(port, HookState::OnHook, time, line);
            } else if answers {
                self.hook(port, HookState::OffHook, time, line);
            }
        }
    }

    fn hook(&mut self, port: Timeslot, state: HookState, time: SampleTime, line: &mut LineClient) {
        let Some(phone) = self.phone(port) else { return };
        let lifts = state == HookState::OffHook;
        if lifts == phone.off_hook_since.is_some() {
            return;
        }
        phone.off_hook_since = lifts.then_some(time);
        phone.ringing_since = None;
        phone.noise = phone.behaviour.noise_seed.map(Noise::new);
        phone.keys.stop();
        phone.dialling = false;
        if lifts {
            let mut hearings = self.hearings.lock().unwrap_or_else(PoisonError::into_inner);
            hearings.insert(port, Hearing { start: time, ..Hearing::default() });
        }
        line.edge(Edge::Hook { timeslot: port, state });
        let kind = if lifts { PhoneEventKind::Lifted } else { PhoneEventKind::HungUp };
        self.tell(time, port, kind);
    }

    fn say(&mut self, time: SampleTime) -> Vec<Chunk> {
        let mut said = vec![[self.law.idle(); CHUNK]; self.phones.len()];
        for (chunk, phone) in said.iter_mut().zip(&mut self.phones) {
            if phone.off_hook_since.is_none() {
                continue;
            }
            *chunk = g711::encode_block(self.law, &phone.say());
            if phone.dialling && phone.keys.is_idle() {
                phone.dialling = false;
                let kind = PhoneEventKind::Dialled;
                // The owner may be about to drop the bank.
                let _ = self.events.send(PhoneEvent { time, port: phone.port, kind });
            }
        }
        said
    }

    fn record(&mut self, tick: &HeardTick, said: &[Chunk]) {
        let mut hearings = self.hearings.lock().unwrap_or_else(PoisonError::into_inner);
        for ((phone, heard), said) in self.phones.iter().zip(&tick.chunks).zip(said) {
            if phone.off_hook_since.is_none() {
                continue;
            }
            if let Some(hearing) = hearings.get_mut(&phone.port) {
                hearing.heard.extend_from_slice(heard);
                hearing.said.extend_from_slice(said);
            }
        }
    }

    fn tell(&self, time: SampleTime, port: Timeslot, kind: PhoneEventKind) {
        // The owner may be about to drop the bank.
        let _ = self.events.send(PhoneEvent { time, port, kind });
    }

    fn phone(&mut self, port: Timeslot) -> Option<&mut Phone> {
        self.phones.iter_mut().find(|phone| phone.port == port)
    }
}

impl Phone {
    fn new(port: Timeslot) -> Phone {
        Phone {
            port,
            behaviour: Behaviour::default(),
            off_hook_since: None,
            ringing_since: None,
            last_ring: SampleTime::ZERO,
            ringing_now: false,
            noise: None,
            keys: Generator::new(GeneratorConfig::default()),
            dialling: false,
        }
    }

    /// Returns the next millisecond: keys go over noise.
    fn say(&mut self) -> Block {
        let noise = self.noise.as_mut();
        let block = noise.map_or(SILENCE, |noise| std::array::from_fn(|_| noise.next().unwrap_or(0)));
        self.keys.next_block().unwrap_or(block)
    }
}
