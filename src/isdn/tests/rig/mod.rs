//! Two spans back to back over a wire in memory, in virtual time, for the tests beside this folder.
//!
//! The wire delays each frame by a millisecond and can lose, double and garble frames by a seeded chance.
#![allow(dead_code, reason = "each test file uses its own part of the rig")]

pub mod script;

use std::collections::VecDeque;
use std::time::Duration;

use clock::{Mono, Prng};
use isdn::{
    BearerCapability, CallId, ChannelChoice, ChannelState, Digits, Input, Offer, Output, PartyNumber, Pri,
    PriConfig, PriEvent, Request, Setup, Side,
};
use tdm::{Law, SpanKind};

pub const USER: usize = 0;
pub const NETWORK: usize = 1;

const DELAY: Duration = Duration::from_millis(1);

/// How bad the wire is: chances for each frame.
#[derive(Clone, Copy, Default)]
pub struct Faults {
    pub loss: f64,
    pub double: f64,
    pub garble: f64,
}

pub struct Rig {
    pub ends: [Pri; 2],
    pub now: Mono,
    pub faults: Faults,
    /// While true nothing gets through.
    pub cut: bool,
    pub events: [VecDeque<PriEvent>; 2],
    /// Every frame sent, by sender.
    pub frames: [Vec<Vec<u8>>; 2],
    wire: VecDeque<(Mono, usize, Vec<u8>)>,
    prng: Prng,
}

pub fn config(side: Side) -> PriConfig {
    PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) }
}

impl Rig {
    pub fn new(seed: u64) -> Rig {
        Rig::with(seed, config(Side::User), config(Side::Network))
    }

    pub fn with(seed: u64, user: PriConfig, network: PriConfig) -> Rig {
        let mut prng = Prng::new(seed);
        Rig {
            ends: [Pri::new(user, prng.fork()), Pri::new(network, prng.fork())],
            now: Mono::ZERO,
            faults: Faults::default(),
            cut: false,
            events: [VecDeque::new(), VecDeque::new()],
            frames: [Vec::new(), Vec::new()],
            wire: VecDeque::new(),
            prng,
        }
    }

    /// A rig whose link is up and quiet, its events forgotten.
    pub fn up(seed: u64) -> Rig {
        Rig::new(seed).brought_up()
    }

    pub fn brought_up(mut self) -> Rig {
        self.input(USER, Input::LineUp);
        self.input(NETWORK, Input::LineUp);
        self.run(Duration::from_millis(50));
        assert!(self.ends.iter().all(Pri::is_up));
        self.forget();
        self
    }

    pub fn forget(&mut self) {
        for end in [USER, NETWORK] {
            self.events[end].clear();
            self.frames[end].clear();
        }
    }

    pub fn input(&mut self, end: usize, input: Input<'_>) {
        self.ends[end].handle(input, self.now);
        self.drain(end);
    }

    pub fn request(&mut self, end: usize, request: Request) {
        self.input(end, Input::Request(request));
    }

    fn drain(&mut self, end: usize) {
        while let Some(output) = self.ends[end].poll_output() {
            match output {
                Output::Event(event) => self.events[end].push_back(event),
                Output::Frame(frame) => {
                    self.frames[end].push(frame.octets().to_vec());
                    self.transmit(1 - end, frame.octets().to_vec());
                }
            }
        }
    }

    fn transmit(&mut self, to: usize, mut frame: Vec<u8>) {
        if self.cut || self.prng.chance(self.faults.loss) {
            return;
        }
        if self.prng.chance(self.faults.garble) {
            let at = self.prng.below(frame.len() as u64) as usize;
            frame[at] ^= 1 << self.prng.below(8);
        }
        let at = self.now + DELAY;
        if self.prng.chance(self.faults.double) {
            self.wire.push_back((at, to, frame.clone()));
        }
        self.wire.push_back((at, to, frame));
    }

    /// Lets virtual time go on by `length`.
    pub fn run(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some(at) = self.next_step().filter(|&at| at <= until) {
            self.step_to(at);
        }
        self.now = until;
    }

    pub fn next_step(&self) -> Option<Mono> {
        let timers = self.ends.iter().filter_map(|end| end.poll_timeout().map(|(at, _)| at)).min();
        self.wire.front().map(|&(at, ..)| at).into_iter().chain(timers).min()
    }

    pub fn step_to(&mut self, at: Mono) {
        self.now = self.now.max(at);
        while let Some((_, to, frame)) = self.wire.front().cloned().filter(|&(at, ..)| at <= self.now) {
            self.wire.pop_front();
            self.input(to, Input::Frame(&frame));
        }
        for end in [USER, NETWORK] {
            if self.ends[end].poll_timeout().is_some_and(|(at, _)| at <= self.now) {
                self.input(end, Input::Timeout);
            }
        }
    }

    /// Lets the frames under way arrive, and their answers.
    pub fn settle(&mut self) {
        self.run(Duration::from_millis(20));
    }

    pub fn call(&mut self, end: usize, digits: &str, channel: ChannelChoice) -> CallId {
        self.call_with(end, digits, channel, true)
    }

    pub fn call_with(&mut self, end: usize, digits: &str, channel: ChannelChoice, complete: bool) -> CallId {
        let call = self.ends[end].next_call();
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new(digits).expect("the tests dial digits")),
            calling: Some(PartyNumber::calling(Digits::new("13900000000").expect("digits"))),
            name: None,
            channel,
            sending_complete: complete,
            bearer: BearerCapability::audio(Law::A),
        };
        self.request(end, Request::Setup(Box::new(setup)));
        call
    }

    /// Takes the first event of `end` that `pick` wants, dropping those before it.
    pub fn expect<T>(&mut self, end: usize, pick: impl Fn(&PriEvent) -> Option<T>) -> T {
        let mut seen = Vec::new();
        while let Some(event) = self.events[end].pop_front() {
            if let Some(found) = pick(&event) {
                return found;
            }
            seen.push(event);
        }
        panic!("end {end}: not among {seen:?}");
    }

    pub fn expect_offer(&mut self, end: usize) -> Offer {
        self.expect(
            end,
            |event| if let PriEvent::Offer(offer) = event { Some((**offer).clone()) } else { None },
        )
    }

    pub fn expect_released(&mut self, end: usize) -> (CallId, u8) {
        self.expect(end, |event| {
            if let PriEvent::Released { call, cause, .. } = event {
                Some((*call, cause.value()))
            } else {
                None
            }
        })
    }

    /// Makes a talking call from `end`; returns its names at the caller's and at the called end.
    pub fn talk(&mut self, end: usize) -> (CallId, CallId) {
        let call = self.call(end, "2001", ChannelChoice::Any);
        self.settle();
        let there = self.expect_offer(1 - end).call;
        self.request(1 - end, Request::Alerting { call: there, inband: false });
        self.request(1 - end, Request::Connect { call: there });
        self.settle();
        self.expect(end, |event| matches!(event, PriEvent::Answered { .. }).then_some(()));
        (call, there)
    }

    /// Fails if a call or an owned channel is left at either end.
    pub fn assert_empty(&self) {
        for (end, pri) in self.ends.iter().enumerate() {
            assert_eq!(pri.calls().count(), 0, "end {end} has calls");
            for (timeslot, state) in pri.channels().iter() {
                assert_eq!(state, ChannelState::Idle, "end {end} timeslot {timeslot}");
            }
        }
    }

    /// The layer-3 messages that `end` sent: call reference flag, message type, body.
    pub fn sent(&self, end: usize) -> Vec<(u8, Vec<u8>)> {
        self.frames[end]
            .iter()
            .filter(|frame| frame.len() > 8 && frame[2] & 1 == 0)
            .map(|frame| (frame[8], frame[9..].to_vec()))
            .collect()
    }

    pub fn sent_types(&self, end: usize) -> Vec<u8> {
        self.sent(end).into_iter().map(|(kind, _)| kind).collect()
    }
}
