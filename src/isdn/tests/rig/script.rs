//! One span against a scripted layer 3: the peer's layer 2 is real, its messages are written by the test.
#![allow(dead_code, reason = "each test file uses its own part of the script")]

use std::time::Duration;

use clock::{Mono, Prng};
use isdn::config::LinkConfig;
use isdn::lapd::{self, Link};
use isdn::wire::{Builder, CallRef, ElementId, Message, MessageType};
use isdn::{
    BearerCapability, CallId, CallState, Cause, ChannelChoice, Digits, Input, Output, PartyNumber, Pri,
    PriConfig, PriEvent, Request, Setup,
};
use tdm::Law;

pub struct Script {
    pub pri: Pri,
    pub now: Mono,
    pub events: Vec<PriEvent>,
    /// Messages of ours: reference as written, type, body.
    pub got: Vec<(CallRef, MessageType, Vec<u8>)>,
    peer: Link,
    /// While true the peer's layer 2 hears and says nothing.
    pub dead: bool,
}

/// The peer's own call.
pub const THEIRS: CallRef = CallRef { value: 77, to_originator: false };

pub const BEARER: &[u8] = &[0x80, 0x90, 0xa3];
pub const CHANNEL_1: &[u8] = &[0xa9, 0x83, 0x81];

impl Script {
    pub fn new(config: PriConfig) -> Script {
        let peer = Link::new(LinkConfig::new(config.side.peer()));
        let mut script = Script {
            pri: Pri::new(PriConfig { restart_on_start: false, ..config }, Prng::new(3)),
            now: Mono::ZERO,
            events: Vec::new(),
            got: Vec::new(),
            peer,
            dead: false,
        };
        script.input(Input::LineUp);
        assert!(script.pri.is_up());
        script.events.clear();
        script
    }

    pub fn input(&mut self, input: Input<'_>) {
        self.pri.handle(input, self.now);
        self.exchange();
    }

    pub fn request(&mut self, request: Request) {
        self.input(Input::Request(request));
    }

    /// Moves frames both ways until both ends are quiet.
    fn exchange(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.pri.poll_output() {
                quiet = false;
                match output {
                    Output::Event(event) => self.events.push(event),
                    Output::Frame(frame) if !self.dead => {
                        self.peer.handle(lapd::Input::Frame(frame.octets()), self.now);
                    }
                    Output::Frame(_) => {}
                }
            }
            while let Some(output) = self.peer.poll_output() {
                quiet = false;
                match output {
                    lapd::Output::Frame(frame) if !self.dead => {
                        self.pri.handle(Input::Frame(frame.octets()), self.now);
                    }
                    lapd::Output::Event(lapd::Event::Data(octets)) => {
                        let message = Message::parse(&octets).expect("we send what can be read");
                        self.got.push((message.call_ref, message.kind, message.body.to_vec()));
                    }
                    lapd::Output::Frame(_)
                    | lapd::Output::Event(
                        lapd::Event::Established | lapd::Event::Refreshed | lapd::Event::Released,
                    ) => {}
                }
            }
            if quiet {
                return;
            }
        }
    }

    /// The peer's layer 2 asks for the link anew, as after a restart.
    pub fn peer_reestablishes(&mut self) {
        self.peer.handle(lapd::Input::Establish, self.now);
        self.exchange();
    }

    pub fn peer_releases(&mut self) {
        self.peer.handle(lapd::Input::Release, self.now);
        self.exchange();
    }

    /// The peer sends a message.
    pub fn say(&mut self, builder: Builder) {
        self.say_octets(&builder.finish());
    }

    pub fn say_octets(&mut self, octets: &[u8]) {
        self.peer.handle(lapd::Input::Send(octets), self.now);
        self.exchange();
    }

    /// The peer sends a message with at most one element.
    pub fn tell(&mut self, call_ref: CallRef, kind: MessageType, element: Option<(ElementId, &[u8])>) {
        let mut builder = Builder::new(call_ref, kind);
        if let Some((id, content)) = element {
            builder = builder.element(id, content);
        }
        self.say(builder);
    }

    /// A SETUP of the peer's on timeslot 1; returns our name for it.
    pub fn offered(&mut self, called: &[u8]) -> CallId {
        self.say(
            Builder::new(THEIRS, MessageType::Setup)
                .element(ElementId::BearerCapability, BEARER)
                .element(ElementId::ChannelIdentification, CHANNEL_1)
                .element(ElementId::CalledNumber, called),
        );
        match self.events.pop() {
            Some(PriEvent::Offer(offer)) => offer.call,
            other => panic!("no offer but {other:?}"),
        }
    }

    /// A SETUP of ours; returns its name and the peer's way of writing its reference.
    pub fn setup(&mut self, complete: bool) -> (CallId, CallRef) {
        let call = self.pri.next_call();
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new("2001").expect("digits")),
            calling: None,
            name: None,
            channel: ChannelChoice::Any,
            sending_complete: complete,
            bearer: BearerCapability::speech(Law::A),
        };
        self.request(Request::Setup(Box::new(setup)));
        let (call_ref, kind, _) = self.got.pop().expect("a SETUP was sent");
        assert_eq!(kind, MessageType::Setup);
        (call, call_ref.turned())
    }

    /// Makes a talking call of ours.
    pub fn active(&mut self) -> (CallId, CallRef) {
        let (call, call_ref) = self.setup(true);
        self.tell(call_ref, MessageType::Connect, None);
        assert_eq!(self.state(call), CallState::Active);
        self.events.clear();
        self.got.clear();
        (call, call_ref)
    }

    pub fn state(&self, call: CallId) -> CallState {
        self.pri.calls().find(|info| info.call == call).map_or(CallState::Null, |info| info.state)
    }

    /// Lets virtual time go on by `length`; timers run at their own times.
    pub fn wait(&mut self, length: Duration) {
        let until = self.now + length;
        loop {
            let ours = self.pri.poll_timeout().map(|(at, _)| at);
            let theirs = self.peer.poll_timeout().map(|(at, _)| at);
            let Some(at) = ours.into_iter().chain(theirs).min().filter(|&at| at <= until) else { break };
            self.now = self.now.max(at);
            self.peer.handle(lapd::Input::Timeout, self.now);
            self.input(Input::Timeout);
        }
        self.now = until;
    }

    /// Takes the message types that we sent.
    pub fn types(&mut self) -> Vec<MessageType> {
        self.got.drain(..).map(|(_, kind, _)| kind).collect()
    }

    /// Takes our last message and returns its type and cause.
    pub fn last_cause(&mut self) -> (MessageType, u8) {
        let (call_ref, kind, body) = self.got.pop().expect("a message was sent");
        let message = Message { call_ref, kind, body: &body };
        let cause = message.find(ElementId::Cause).map_or(0, |element| element.content[1] & 0x7f);
        (kind, cause)
    }

    /// Takes the causes of all calls released.
    pub fn released(&mut self) -> Vec<(CallId, u8)> {
        let released = self
            .events
            .iter()
            .filter_map(|event| match event {
                PriEvent::Released { call, cause, .. } => Some((*call, cause.value())),
                _ => None,
            })
            .collect();
        self.events.clear();
        released
    }

    pub fn disconnect(&mut self, call: CallId) {
        self.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
    }
}
