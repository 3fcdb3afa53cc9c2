//! A span fed with frames, messages, requests and time as the octets say: every call is released exactly once, no
//! channel is left behind.
//!
//! The first octet chooses the side; then each step is an operation octet, a length octet and that many octets.
#![no_main]

use std::collections::BTreeSet;
use std::time::Duration;

use clock::{Mono, Prng};
use isdn::config::LinkConfig;
use isdn::lapd::{self, Link};
use isdn::{
    BearerCapability, CallId, Cause, ChannelChoice, ChannelState, Digits, Input, Output, PartyNumber, Pri, PriConfig,
    PriEvent, Request, RestartTarget, Setup, Side,
};
use libfuzzer_sys::fuzz_target;
use tdm::{Law, SpanKind, Timeslot};

struct World {
    pri: Pri,
    peer: Link,
    now: Mono,
    open: BTreeSet<CallId>,
}

impl World {
    fn input(&mut self, input: Input<'_>) {
        self.pri.handle(input, self.now);
        self.exchange();
    }

    fn exchange(&mut self) {
        // A link that answers itself for ever would be a fault of its own; the bound makes it visible.
        for _ in 0..10_000 {
            if let Some(output) = self.pri.poll_output() {
                match output {
                    Output::Frame(frame) => self.peer.handle(lapd::Input::Frame(frame.octets()), self.now),
                    Output::Event(event) => self.note(&event),
                }
            } else if let Some(output) = self.peer.poll_output() {
                if let lapd::Output::Frame(frame) = output {
                    self.pri.handle(Input::Frame(frame.octets()), self.now);
                }
            } else {
                return;
            }
        }
        panic!("the two links never come to rest");
    }

    fn note(&mut self, event: &PriEvent) {
        match event {
            PriEvent::Offer(offer) => assert!(self.open.insert(offer.call)),
            PriEvent::Released { call, .. } => assert!(self.open.remove(call)),
            _ => {}
        }
    }

    fn setup(&mut self, octets: &[u8]) {
        let call = self.pri.next_call();
        self.open.insert(call);
        let timeslot = Timeslot(octets.get(1).copied().unwrap_or(0));
        let channel = match octets.first() {
            Some(1) => ChannelChoice::Prefer(timeslot),
            Some(2) => ChannelChoice::Exclusive(timeslot),
            Some(_) | None => ChannelChoice::Any,
        };
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new("20").expect("two digits are a number")),
            calling: None,
            name: None,
            channel,
            sending_complete: octets.len() % 2 == 0,
            bearer: BearerCapability::speech(Law::A),
        };
        self.input(Input::Request(Request::Setup(Box::new(setup))));
    }

    fn request(&mut self, octets: &[u8]) {
        let [kind, call, value, ..] = *octets else { return };
        let call = CallId(call.into());
        let inband = value & 1 != 0;
        let request = match kind % 12 {
            0 => Request::SetupAck { call, inband },
            1 => Request::Proceeding { call, inband },
            2 => Request::Progress { call, inband },
            3 => Request::Alerting { call, inband },
            4 => Request::Connect { call },
            5 => Request::Disconnect { call, cause: Cause::new(value), inband },
            6 => Request::Release { call, cause: Cause::new(value) },
            7 => Request::MoreDigits { call, digits: Digits::new("1").expect("a digit"), complete: inband },
            8 => Request::Restart(RestartTarget::Channel(Timeslot(value))),
            9 => Request::Restart(RestartTarget::All),
            10 => Request::Block(Timeslot(value)),
            _ => Request::Audit { call },
        };
        self.input(Input::Request(request));
    }

    fn wait(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some((at, _)) = self.pri.poll_timeout().filter(|&(at, _)| at <= until) {
            self.now = self.now.max(at);
            self.peer.handle(lapd::Input::Timeout, self.now);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    fn step(&mut self, operation: u8, octets: &[u8]) {
        match operation % 8 {
            0 => self.input(Input::Frame(octets)),
            1..=3 => {
                self.peer.handle(lapd::Input::Send(octets), self.now);
                self.exchange();
            }
            4 => self.setup(octets),
            5 => self.request(octets),
            6 => self.wait(Duration::from_millis(u64::from(operation) * 100)),
            _ => {
                self.input(if octets.is_empty() { Input::LineDown } else { Input::LineUp });
            }
        }
    }
}

fuzz_target!(|octets: &[u8]| {
    let Some((&first, mut rest)) = octets.split_first() else { return };
    let side = if first & 1 == 0 { Side::User } else { Side::Network };
    let config = PriConfig { overlap_receive: first & 2 != 0, ..PriConfig::new(side, SpanKind::E1) };
    let mut world = World {
        pri: Pri::new(config, Prng::new(1)),
        peer: Link::new(LinkConfig::new(side.peer())),
        now: Mono::ZERO,
        open: BTreeSet::new(),
    };
    world.input(Input::LineUp);
    while let [operation, length, more @ ..] = rest {
        let (content, after) = more.split_at(usize::from(*length).min(more.len()));
        rest = after;
        world.step(*operation, content);
    }
    assert_eq!(world.open.len(), world.pri.calls().count());
    world.input(Input::LineDown);
    world.wait(Duration::from_secs(91));
    assert!(world.open.is_empty());
    assert!(!world.pri.channels().iter().any(|(_, state)| matches!(state, ChannelState::Busy(_))));
});
