//! Callers of the whole program, which has the other end of the line: `tandem run` answers, plays a prompt and takes a key.
//!
//! The prompts are keys themselves (`write_prompts`), so that hearing one is beyond doubt: the first says 5, the caller then keys 1, and
//! the second, to which only that key leads, says 6. Then the program hangs up.

use std::path::Path;
use std::time::{Duration, Instant};

use card::{CardEvent, LineOrder, RingCadence, Signalling};
use isdn::{PriEvent, Side};
use rt::sched::ThreadConfig;
use rt::{
    EndReason, Engine, EngineConfig, EngineHandle, RtCommand, RtEventKind, RtOp, Running, Strip, Wants,
};
use tdm::{ChannelId, HookState, SpanKind, Timeslot};

use crate::calls::{self, line};
use crate::pri::{End, setup};
use crate::rig::{self, first};

/// How long a call may take, and how long a line settles before.
const DEADLINE: Duration = Duration::from_secs(60);
const SETTLE: Duration = Duration::from_secs(4);

/// What is heard first, what is keyed then, what is heard next.
const FIRST: u8 = b'5';
const KEYED: &str = "1";
const SECOND: u8 = b'6';

/// Frequencies of the two keys.
const KEYS: [(&str, f64, f64); 2] = [("first", 770.0, 1_336.0), ("second", 770.0, 1_477.0)];

const RATE: u32 = 8_000;

/// Writes the prompts: half a second of silence, then the key for a fifth of a second.
pub fn write_prompts(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    for (name, low, high) in KEYS {
        let sample = |n: u32| {
            let at = f64::from(n) / f64::from(RATE) * std::f64::consts::TAU;
            let on = (RATE / 2..RATE / 2 + RATE / 5).contains(&n);
            if on { (6_000.0 * ((at * low).sin() + (at * high).sin())) as i16 } else { 0 }
        };
        let sound: Vec<u8> = (0..RATE).flat_map(|n| sample(n).to_le_bytes()).collect();
        let octets = sound.len() as u32;
        let mut file = b"RIFF".to_vec();
        file.extend((36 + octets).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
        file.extend(RATE.to_le_bytes());
        file.extend((2 * RATE).to_le_bytes());
        file.extend(b"\x02\0\x10\0data");
        file.extend(octets.to_le_bytes());
        file.extend(sound);
        std::fs::write(folder.join(format!("{name}.wav")), file).unwrap();
    }
}

/// One engine that hears keys; its card stops with the control.
fn engine(
    config: dahdi::DahdiConfig,
    signalling: Signalling,
) -> (dahdi::DahdiControl, EngineHandle, Running) {
    let (control, io) = calls::start(config, signalling);
    let config = EngineConfig { period_chunks: 10, detect: Wants::DTMF, ..EngineConfig::default() };
    let (engine, handle) = Engine::new(config, vec![Box::new(io)]).unwrap();
    let thread = ThreadConfig { name: "rt-0".into(), priority: Some(50), cpu: None, lock_memory: false };
    (control, handle, rt::start(engine, thread).unwrap())
}

/// What was heard, in order.
#[derive(Default)]
struct Heard(Vec<u8>);

impl Heard {
    /// Takes a key from `strip`, and answers the first one.
    fn take(&mut self, digit: u8, strip: Strip, handle: &mut EngineHandle) {
        self.0.push(digit);
        if self.0 == [FIRST] {
            let digits = rt::Digits::new(KEYED).unwrap();
            handle.sig_commands.push(RtCommand { seq: 90, op: RtOp::Dial { strip, digits } }).unwrap();
        }
    }

    fn judge(&self, what: &str) {
        assert_eq!(self.0, [FIRST, SECOND], "{what}: the prompts that were heard");
        println!("INFO {what}: answered, both prompts heard, hung up by the other side");
    }
}

/// The exchange's side of a primary rate line whose other end is the program's.
pub fn primary_rate() {
    let config = rig::config().span(SpanKind::E1, first(6));
    let (_control, mut handle, running) = engine(config, Signalling::Hdlc(Timeslot(16)));
    let mut exchange = End::new(Side::Network, std::mem::take(&mut handle.dchannels).remove(0));
    let (mut up, mut caller, mut talk, mut heard, mut released) = (None, None, None, Heard::default(), false);
    let began = Instant::now();
    while !released {
        assert!(
            began.elapsed() < DEADLINE && !running.is_finished(),
            "{:?} heard {:?}",
            exchange.events,
            heard.0
        );
        std::thread::sleep(Duration::from_millis(5));
        exchange.turn();
        for event in std::mem::take(&mut exchange.events) {
            match event {
                PriEvent::Up => up = Some(Instant::now()),
                PriEvent::Answered { channel, .. } => {
                    let channel = ChannelId { span: exchange.span, timeslot: channel };
                    talk = handle.layout.strip(channel);
                }
                PriEvent::Released { .. } => {
                    println!("INFO the exchange: {event:?}");
                    released = true;
                }
                other => println!("INFO the exchange: {other:?}"),
            }
        }
        // The program restarts its channels first, which ends calls that are there.
        if caller.is_none() && up.is_some_and(|up: Instant| up.elapsed() > SETTLE) {
            let call = exchange.pri.next_call();
            caller = Some(call);
            exchange.request(setup(call));
        }
        while let Ok(event) = handle.events.pop() {
            if let RtEventKind::DigitDown { strip, digit } = event.kind {
                assert_eq!(Some(strip), talk, "a prompt is heard on the channel that was agreed on");
                heard.take(digit, strip, &mut handle);
            }
        }
    }
    running.stop();
    assert_eq!(running.join(), EndReason::Stopped);
    heard.judge("a primary rate call to the program");
}

/// The exchange's side of an analog line whose other end is the program's: it rings until it is answered.
pub fn exchange_line() {
    let config = rig::config().ports(SpanKind::Fxs, first(3), 2);
    let (_control, mut handle, running) = engine(config, Signalling::Loop);
    let port = ChannelId { span: line(0, 10, Signalling::Loop).span, timeslot: Timeslot(1) };
    let strip = handle.layout.strip(port).unwrap();
    let order = |handle: &mut EngineHandle, cadence| {
        let ring = RtOp::Line(LineOrder::Ring { channel: port, cadence });
        handle.sig_commands.push(RtCommand { seq: 1, op: ring }).unwrap();
    };
    let (mut rung, mut answered, mut over, mut heard) = (false, false, false, Heard::default());
    let began = Instant::now();
    while !over {
        assert!(
            began.elapsed() < DEADLINE && !running.is_finished(),
            "answered {answered}, heard {:?}",
            heard.0
        );
        std::thread::sleep(Duration::from_millis(5));
        if !rung && began.elapsed() > SETTLE {
            rung = true;
            order(&mut handle, Some(RingCadence { on_ms: 1_000, off_ms: 2_000 }));
        }
        while let Ok(event) = handle.events.pop() {
            match event.kind {
                RtEventKind::Card(CardEvent::Hook { state, .. }) if rung => {
                    answered |= state == HookState::OffHook;
                    over = answered && state == HookState::OnHook;
                }
                RtEventKind::DigitDown { strip: from, digit } if answered => {
                    assert_eq!(from, strip, "a prompt is heard on the line that rang");
                    heard.take(digit, strip, &mut handle);
                }
                _ => {}
            }
        }
    }
    running.stop();
    assert_eq!(running.join(), EndReason::Stopped);
    heard.judge("a call over an exchange line to the program");
}
