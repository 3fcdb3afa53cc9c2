//! The engine on the simulated card: two cross-connected E1 spans in virtual time, a third that comes and goes.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "tests may allocate and panic")]

use card::{Card, CardControl, ClockSource, LineConfig, Signalling};
use clock::VirtualClock;
use rt::{Digits, Engine, EngineConfig, EngineHandle, RtCommand, RtEventKind, RtOp, Strip};
use sim::{Pace, Plug, SimCard, SimConfig, SimControl, SimPosition};
use tdm::{ChannelId, HdlcFrame, Law, SpanId, Timeslot};

fn line(position: u8) -> LineConfig {
    LineConfig {
        position,
        span: SpanId(u16::from(position) + 1),
        law: Law::A,
        signalling: Signalling::Hdlc(Timeslot(16)),
        clock: ClockSource::Internal,
    }
}

fn engine() -> (SimControl, Engine, EngineHandle) {
    let config = SimConfig::new("test")
        .pace(Pace::Virtual(VirtualClock::new()))
        .position(SimPosition::e1(Plug::Cross(1)))
        .position(SimPosition::e1(Plug::Cross(0)))
        .position(SimPosition::e1(Plug::Loop));
    let (control, io) = SimCard::new(config).unwrap().start(&[line(0), line(1)]).unwrap();
    let config = EngineConfig { detect: rt::Wants::DTMF, ..EngineConfig::default() };
    let (engine, handle) = Engine::new(config, vec![Box::new(io)]).unwrap();
    (control, engine, handle)
}

#[test]
fn frames_and_digits_cross_the_line_while_another_span_comes_and_goes() {
    let (mut control, mut engine, mut handle) = engine();
    for _ in 0..500 {
        engine.period().unwrap();
    }
    while handle.events.pop().is_ok() {}
    while handle.dchannels[1].rx.pop().is_ok() {}
    let from = handle.layout.strip(ChannelId::new(1, 5)).unwrap();
    let to = handle.layout.strip(ChannelId::new(2, 5)).unwrap();
    let op = RtOp::Dial { strip: from, digits: Digits::new("0123456789").unwrap() };
    handle.commands.push(RtCommand { seq: 1, op }).unwrap();
    let (mut sent, mut heard, mut digits) = (0u8, 0u8, String::new());
    for period in 0..3_000 {
        match period {
            1_000 => control.attach(&line(2)).unwrap(),
            2_000 => control.detach(SpanId(3)).unwrap(),
            _ => {}
        }
        if period % 20 == 0 && sent < 100 {
            handle.dchannels[0].tx.push(HdlcFrame::new(&[2, 1, 3, sent]).unwrap()).unwrap();
            sent += 1;
        }
        engine.period().unwrap();
        while let Ok(frame) = handle.dchannels[1].rx.pop() {
            assert_eq!(frame.octets(), [2, 1, 3, heard]);
            heard += 1;
        }
        while let Ok(event) = handle.events.pop() {
            if let RtEventKind::DigitDown { strip, digit } = event.kind {
                assert_eq!(strip, to);
                digits.push(char::from(digit));
            }
        }
        if period == 1_500 {
            assert_eq!(handle.layout.strip(ChannelId::new(3, 1)), Some(Strip(62)));
        }
    }
    assert_eq!(handle.layout.strip(ChannelId::new(3, 1)), None);
    assert_eq!((heard, digits.as_str()), (100, "0123456789"));
    assert_eq!(handle.counters.hdlc_errors[1].get(), 0);
    assert_eq!((handle.counters.lost_samples.get(), handle.counters.heap_uses.get()), (0, 0));
}
