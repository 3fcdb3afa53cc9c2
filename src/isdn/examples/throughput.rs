//! How fast the ISDN core is: messages parsed and written a second, and complete calls a second between two spans in
//! memory, both ends in one thread.
//!
//! `cargo run --release -p tandem-isdn --example throughput`. Every answer is checked before it is counted.

use std::hint::black_box;

use clock::{Clock, Mono, MonoClock, Prng};
use isdn::wire::{Builder, Frame, Message};
use isdn::{
    BearerCapability, CallId, Cause, ChannelChoice, Digits, Input, Output, PartyNumber, Pri, PriConfig,
    PriEvent, Request, Setup, Side,
};
use tdm::{Law, SpanKind};

/// A SETUP as libpri sends it, layer 2 included.
const SETUP: &[u8] = b"\x02\x01\x02\x02\x08\x02\x00\x01\x05\x04\x03\x90\x90\xa3\x18\x03\xa1\x83\x81\x6c\x0d\x21\x8313900000000\
    \x70\x05\x802001\xa1";

const MESSAGES: u32 = 2_000_000;
const CALLS: u32 = 100_000;

fn main() {
    let clock = MonoClock;
    report("q931/parse+emit/setup", "messages", MESSAGES, &clock, messages);
    report("pri/complete_call/1 at a time", "calls", CALLS, &clock, calls);
}

fn report(name: &str, unit: &str, count: u32, clock: &MonoClock, work: fn(u32)) {
    work(count / 100);
    let start = clock.now();
    work(count);
    let seconds = (clock.now() - start).as_secs_f64();
    println!("{name}: {:.0} {unit}/s", f64::from(count) / seconds);
}

/// Parses a frame, its message and all elements, and writes the message anew.
fn messages(count: u32) {
    for _ in 0..count {
        let frame = Frame::parse(black_box(SETUP)).expect("the frame is sound");
        let message = Message::parse(frame.info).expect("the message is sound");
        let mut builder = Builder::new(message.call_ref, message.kind);
        for element in message.elements() {
            builder = match element.known() {
                Some(isdn::wire::ElementId::SendingComplete) => builder.sending_complete(true),
                Some(id) => builder.element(id, element.content),
                None => builder,
            };
        }
        let written = builder.finish();
        assert_eq!(written.as_slice(), frame.info);
        black_box(written);
    }
}

/// Makes complete calls: SETUP, ALERTING, CONNECT, CONNECT ACKNOWLEDGE, DISCONNECT, RELEASE, RELEASE COMPLETE.
fn calls(count: u32) {
    let quiet = |side| PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
    let mut ends = [Side::User, Side::Network].map(|side| Pri::new(quiet(side), Prng::new(1)));
    for end in &mut ends {
        end.handle(Input::LineUp, Mono::ZERO);
    }
    let mut released = 0;
    pump(&mut ends, &mut released);
    for _ in 0..count {
        let call = ends[0].next_call();
        let setup = setup(call);
        ends[0].handle(Input::Request(Request::Setup(Box::new(setup))), Mono::ZERO);
        pump(&mut ends, &mut released);
    }
    assert_eq!(released, 2 * count, "every call ended at both ends");
}

fn setup(call: CallId) -> Setup {
    let number = |digits| Digits::new(digits).expect("the digits are few");
    Setup {
        call,
        called: PartyNumber::called(number("2001")),
        calling: Some(PartyNumber::calling(number("13900000000"))),
        name: None,
        channel: ChannelChoice::Any,
        sending_complete: true,
        bearer: BearerCapability::audio(Law::A),
    }
}

/// Carries frames both ways; the network answers what it is offered, the user hangs up what is answered.
fn pump(ends: &mut [Pri; 2], released: &mut u32) {
    loop {
        let mut quiet = true;
        for end in 0..2 {
            while let Some(output) = ends[end].poll_output() {
                quiet = false;
                match output {
                    Output::Frame(frame) => ends[1 - end].handle(Input::Frame(frame.octets()), Mono::ZERO),
                    Output::Event(PriEvent::Offer(offer)) => {
                        let call = offer.call;
                        ends[end]
                            .handle(Input::Request(Request::Alerting { call, inband: false }), Mono::ZERO);
                        ends[end].handle(Input::Request(Request::Connect { call }), Mono::ZERO);
                    }
                    Output::Event(PriEvent::Answered { call, .. }) => {
                        let cause = Cause::NORMAL_CLEARING;
                        let request = Request::Disconnect { call, cause, inband: false };
                        ends[end].handle(Input::Request(request), Mono::ZERO);
                    }
                    Output::Event(PriEvent::Released { .. }) => *released += 1,
                    Output::Event(_) => {}
                }
            }
        }
        if quiet {
            return;
        }
    }
}
