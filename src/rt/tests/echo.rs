//! Echo cancelling end to end on the simulated card: a prompt to a telephone whose hybrid sends it back.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::unwrap_used,
    reason = "tests may allocate, lock and panic"
)]

use std::sync::{Arc, Mutex};

use card::{Card, ClockSource, LineConfig, Signalling};
use clock::{Prng, VirtualClock};
use dsp::echo::{EchoMode, NlpMode};
use dsp::tone::{MILLIWATT, ToneGenerator};
use rt::{
    EchoChannels, EchoSettings, Engine, EngineConfig, EngineHandle, FeedBlock, FeedPort, Refusal, RtCommand,
    RtEventKind, RtOp, Source, Strip, TapBlock, TapPort,
};
use sim::g168::hybrid;
use sim::{EchoPath, FarEnd, FarLine, FarTick, Pace, Plug, SimCard, SimConfig, SimControl, SimPosition};
use tdm::{Block, ChannelId, Law, SpanId, SpanKind, Timeslot};

/// What the person at each port of the span says.
type Says = Arc<Mutex<Vec<Block>>>;

struct Person(Says);

impl FarEnd for Person {
    fn attached(&mut self, _: &FarLine) {}
    fn tick(&mut self, tick: &mut FarTick<'_>) {
        for (chunk, block) in tick.says.iter_mut().zip(self.0.lock().unwrap().iter()) {
            *chunk = g711::encode_block(Law::A, block);
        }
    }
}

struct Rig {
    engine: Engine,
    handle: EngineHandle,
    control: SimControl,
    says: Says,
    prng: Prng,
    heard: Vec<[i16; 8]>,
    seq: u32,
}

/// The hybrids of the four ports.
const PORTS: [(&str, usize); 4] = [("D.2", 5), ("D.5", 40), ("D.9", 100), ("D.7", 16)];

impl Rig {
    fn new(kind: SpanKind, settings: EchoSettings) -> Rig {
        let says: Says = Arc::new(Mutex::new(vec![[0; 8]; 4]));
        let mut position = SimPosition::new(kind, 4, Plug::Local(Box::new(Person(says.clone()))));
        for (port, (model, delay_ms)) in (1..).zip(PORTS) {
            let path = EchoPath::hybrid(hybrid(model).unwrap(), delay_ms * 8, 10.0);
            position = position.echo(Timeslot(port), path);
        }
        let config = SimConfig::new("test").pace(Pace::Virtual(VirtualClock::new())).position(position);
        let line = LineConfig {
            position: 0,
            span: SpanId(5),
            law: Law::A,
            signalling: Signalling::Clear,
            clock: ClockSource::Internal,
        };
        let (control, io) = SimCard::new(config).unwrap().start(&[line]).unwrap();
        let config = EngineConfig {
            detect: rt::Wants::DTMF,
            echo: settings,
            tap_blocks: 8_000,
            ..EngineConfig::default()
        };
        let (engine, handle) = Engine::new(config, vec![Box::new(io)]).unwrap();
        Rig { engine, handle, control, says, prng: Prng::new(7), heard: Vec::new(), seq: 0 }
    }

    fn order(&mut self, op: RtOp) -> Result<(), Refusal> {
        self.seq += 1;
        self.handle.commands.push(RtCommand { seq: self.seq, op }).unwrap();
        loop {
            self.period();
            while let Ok(event) = self.handle.events.pop() {
                match event.kind {
                    RtEventKind::Applied { seq } if seq == self.seq => return Ok(()),
                    RtEventKind::Refused { seq, why } if seq == self.seq => return Err(why),
                    _ => {}
                }
            }
        }
    }

    /// One period with loud noise in every prompt.
    fn period(&mut self) {
        for feed in &mut self.handle.feeds[..4] {
            let block = core::array::from_fn(|_| self.prng.below(6_001) as i16 - 3_000);
            let _ = feed.push(FeedBlock { block, generation: 0, last: false });
        }
        self.engine.period().unwrap();
    }

    fn prompt_everybody(&mut self) {
        for port in 0..4 {
            self.order(RtOp::Tap { port: TapPort(port), strip: Strip(port) }).unwrap();
            self.order(RtOp::Send { strip: Strip(port), source: Source::Feed(FeedPort(port)) }).unwrap();
        }
    }

    /// Runs for `ms` and returns the mean power that came from a port in the last `of_ms`, and what went there.
    fn powers(&mut self, port: usize, ms: usize, of_ms: usize) -> (f64, f64) {
        let mut blocks: Vec<TapBlock> = Vec::new();
        for _ in 0..ms {
            self.period();
            while let Ok(block) = self.handle.taps[port].pop() {
                blocks.push(block);
            }
        }
        let last = &blocks[blocks.len() - of_ms..];
        self.heard = last.iter().map(|block| block.rx).collect();
        let power = |of: fn(&TapBlock) -> Block| {
            let squares = last.iter().flat_map(of).map(|s| f64::from(s).powi(2));
            squares.sum::<f64>() / (8 * of_ms) as f64
        };
        (power(|block| block.rx), power(|block| block.tx))
    }
}

fn with_nlp(nlp: NlpMode) -> EchoSettings {
    EchoSettings { tail_ms: 128, nlp, channels: Vec::new() }
}

#[test]
fn on_telephones_and_exchange_lines_the_prompt_does_not_come_back() {
    for kind in [SpanKind::Fxs, SpanKind::Fxo] {
        let mut rig = Rig::new(kind, with_nlp(NlpMode::Off));
        rig.prompt_everybody();
        // The figures follow within seconds: what is told below shall not be of the start.
        rig.powers(0, 2_000, 1);
        for port in 0..4 {
            let (back, sent) = rig.powers(port, 1_500, 500);
            let loss_db = 10.0 * (sent / back).log10();
            assert!(loss_db > 33.0, "{kind:?} port {port}: {loss_db:.1} dB from prompt to what is heard");
            let figures = rig.handle.echo.of(Strip(port as u16)).unwrap();
            let (erl, erle) = (figures.erl_db.unwrap(), figures.erle_db.unwrap());
            assert!((5.0..16.0).contains(&erl) && erle > 22.0, "port {port}: {figures:?}");
        }
        assert_eq!((rig.handle.counters.heap_uses.get(), rig.handle.counters.stray_switches.get()), (0, 0));
    }
}

#[test]
fn digits_of_a_quiet_telephone_are_heard_over_a_loud_prompt_and_so_is_a_person() {
    let mut rig = Rig::new(SpanKind::Fxs, with_nlp(NlpMode::ComfortNoise));
    rig.prompt_everybody();
    for _ in 0..1_000 {
        rig.period();
    }
    let mut digits = String::new();
    for (row_hz, column_hz) in [(697.0, 1_209.0), (770.0, 1_336.0), (852.0, 1_477.0), (941.0, 1_477.0)] {
        for ms in 0..160 {
            let tone = |hz: f64, n: usize| (std::f64::consts::TAU * hz * n as f64 / 8_000.0).sin();
            let key = |i: usize| 1_500.0 * (tone(row_hz, ms * 8 + i) + tone(column_hz, ms * 8 + i));
            let block = if ms < 80 { core::array::from_fn(|i| key(i) as i16) } else { [0; 8] };
            rig.says.lock().unwrap()[1] = block;
            rig.period();
            while let Ok(event) = rig.handle.events.pop() {
                if let RtEventKind::DigitDown { strip: Strip(1), digit } = event.kind {
                    digits.push(char::from(digit));
                }
            }
        }
    }
    assert_eq!(digits, "159#");
    let mut voice = ToneGenerator::new();
    voice.start(&MILLIWATT);
    let mut said = 0.0;
    for _ in 0..400 {
        let block = voice.next_block().map(|s| s / 10);
        said = block.iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 8.0;
        rig.says.lock().unwrap()[1] = block;
        rig.period();
        while rig.handle.taps[1].pop().is_ok() {}
    }
    let (heard, _) = rig.powers(1, 20, 20);
    let loss_db = 10.0 * (said / heard).log10();
    assert!(loss_db.abs() < 6.0, "a person 20 dB under a milliwatt loses {loss_db:.1} dB");
}

#[test]
fn a_canceller_is_switched_off_shortened_and_reset_under_way() {
    let off = EchoChannels { span: SpanId(5), timeslot: Some(Timeslot(2)), tail_ms: 0, nlp: NlpMode::Off };
    let settings = EchoSettings { channels: vec![off], ..with_nlp(NlpMode::Off) };
    let mut rig = Rig::new(SpanKind::Fxs, settings);
    rig.prompt_everybody();
    let loss = |rig: &mut Rig, port| {
        let (back, sent) = rig.powers(port, 1_500, 300);
        10.0 * (sent / back).log10()
    };
    let kept = loss(&mut rig, 1);
    assert!(kept < 16.0, "{kept:.1} dB on a channel that is off by its settings");
    let mode = EchoMode::On(NlpMode::Off);
    rig.order(RtOp::Echo { strip: Strip(1), mode, tail_ms: 128 }).unwrap();
    assert!(loss(&mut rig, 1) > 33.0);
    // The echo of this port begins after 40 ms.
    rig.order(RtOp::Echo { strip: Strip(1), mode, tail_ms: 32 }).unwrap();
    let short = loss(&mut rig, 1);
    assert!(short < 16.0, "{short:.1} dB with a tail that is too short");
    rig.order(RtOp::Echo { strip: Strip(0), mode: EchoMode::Off, tail_ms: 0 }).unwrap();
    assert!(loss(&mut rig, 0) < 16.0);
    rig.order(RtOp::Reset { strip: Strip(0) }).unwrap();
    rig.order(RtOp::Send { strip: Strip(0), source: Source::Feed(FeedPort(0)) }).unwrap();
    rig.order(RtOp::Tap { port: TapPort(0), strip: Strip(0) }).unwrap();
    assert!(loss(&mut rig, 0) > 33.0, "a reset puts the settings back");
    let refused = rig.order(RtOp::Echo { strip: Strip(0), mode, tail_ms: 200 });
    assert_eq!(refused, Err(Refusal::OutOfRange));
    assert_eq!(rig.handle.layout.channel(Strip(1)), Some(ChannelId::new(5, 2)));
}

#[test]
fn after_an_xrun_the_echo_is_found_again() {
    let mut rig = Rig::new(SpanKind::Fxs, with_nlp(NlpMode::Off));
    rig.prompt_everybody();
    rig.powers(0, 1_000, 100);
    rig.control.stall(200);
    let (back, sent) = rig.powers(0, 1_500, 300);
    assert!(rig.handle.counters.xruns.get() > 0);
    assert!(10.0 * (sent / back).log10() > 33.0);
}
