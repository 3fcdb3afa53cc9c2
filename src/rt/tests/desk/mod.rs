//! A card on the desk: its lines are arrays that a test writes and reads between two periods.
#![allow(dead_code, reason = "every test program uses its own part")]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests may allocate and lock")]
#![allow(clippy::unwrap_used, reason = "tests may panic")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use card::{CardEvent, CardIo, IoFault, LineOrder, Period, RtDelay, Signalling, SpanSlot};
use clock::SampleTime;
use rt::{Engine, EngineConfig, EngineHandle, Refusal, RtCommand, RtEvent, RtEventKind, RtOp, Source, Strip};
use tdm::{Block, CHUNK, Chunk, Law, SpanId, SpanKind};

/// The most chunks a period of the desk card may have.
pub const MAX_ROWS: usize = 8;

/// What the test and the card share.
pub struct State {
    pub slots: Vec<SpanSlot>,
    pub channels: usize,
    /// `[row * channels + channel]`
    pub rx: Vec<Chunk>,
    pub tx: Vec<Chunk>,
    pub chunks: u16,
    pub lost: u32,
    pub samples: u64,
    pub events: VecDeque<CardEvent>,
    pub orders: Vec<LineOrder>,
    pub commits: u64,
    /// What the next `wait` does instead of delivering a period.
    pub trouble: Option<Trouble>,
    /// Whether `ready` delivers.
    pub is_ready: bool,
    /// What is sent comes back in the next period.
    pub looped: bool,
    /// Frames of a card with HDLC of its own.
    pub frames_in: VecDeque<Vec<u8>>,
    pub frames_out: Vec<Vec<u8>>,
    pub frame_room: usize,
}

#[derive(Clone, Copy)]
pub enum Trouble {
    Fault(IoFault),
    Panic,
    SleepMs(u64),
}

/// A handle on the card.
#[derive(Clone)]
pub struct Desk(pub Arc<Mutex<State>>);

pub fn span(number: Option<u16>, kind: SpanKind, signalling: Signalling, law: Law) -> SpanSlot {
    let channels = match kind {
        SpanKind::E1 => 31,
        SpanKind::T1 => 24,
        SpanKind::Fxs | SpanKind::Fxo => 4,
    };
    SpanSlot { span: number.map(SpanId), kind, law, signalling, first_channel: 0, channels }
}

pub fn e1(number: u16) -> SpanSlot {
    span(Some(number), SpanKind::E1, Signalling::Clear, Law::A)
}

impl Desk {
    pub fn new(mut slots: Vec<SpanSlot>) -> Desk {
        let mut channels = 0;
        for slot in &mut slots {
            slot.first_channel = channels;
            channels += u16::from(slot.channels);
        }
        let idle = vec![[0xD5; CHUNK]; usize::from(channels) * MAX_ROWS];
        Desk(Arc::new(Mutex::new(State {
            slots,
            channels: usize::from(channels),
            rx: idle.clone(),
            tx: idle,
            chunks: 1,
            lost: 0,
            samples: 0,
            events: VecDeque::with_capacity(1_000),
            orders: Vec::with_capacity(1_000),
            commits: 0,
            trouble: None,
            is_ready: true,
            looped: false,
            frames_in: VecDeque::new(),
            frames_out: Vec::new(),
            frame_room: usize::MAX,
        })))
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub fn card(&self) -> Box<dyn CardIo> {
        let state = self.state();
        let (slots, rx, tx) = (state.slots.clone(), state.rx.clone(), state.tx.clone());
        Box::new(DeskIo { desk: self.clone(), slots, rx, tx, event: None, frame: Vec::with_capacity(300) })
    }

    /// Sets what a channel's line sends in every chunk of the next periods.
    pub fn hear(&self, channel: usize, chunk: Chunk) {
        let mut state = self.state();
        for row in 0..MAX_ROWS {
            let at = row * state.channels + channel;
            state.rx[at] = chunk;
        }
    }

    pub fn hear_row(&self, row: usize, channel: usize, chunk: Chunk) {
        let mut state = self.state();
        let at = row * state.channels + channel;
        state.rx[at] = chunk;
    }

    pub fn hear_linear(&self, channel: usize, block: Block) {
        self.hear(channel, g711::encode_block(Law::A, &block));
    }

    /// Returns what was sent to a channel's line in the last period.
    pub fn sent(&self, channel: usize) -> Chunk {
        self.sent_row(0, channel)
    }

    pub fn sent_row(&self, row: usize, channel: usize) -> Chunk {
        let state = self.state();
        state.tx[row * state.channels + channel]
    }

    pub fn sent_linear(&self, channel: usize) -> Block {
        g711::decode_chunk(Law::A, &self.sent(channel))
    }
}

/// The card's realtime half.
struct DeskIo {
    desk: Desk,
    slots: Vec<SpanSlot>,
    rx: Vec<Chunk>,
    tx: Vec<Chunk>,
    event: Option<CardEvent>,
    frame: Vec<u8>,
}

impl DeskIo {
    fn period(&mut self) -> Period {
        let mut state = self.desk.0.lock().unwrap();
        self.slots.copy_from_slice(&state.slots);
        if state.looped {
            let State { rx, tx, .. } = &mut *state;
            rx.copy_from_slice(tx);
        }
        self.rx.copy_from_slice(&state.rx);
        let lost = std::mem::take(&mut state.lost);
        state.samples += u64::from(lost);
        let time = SampleTime::from_samples(state.samples);
        state.samples += u64::from(state.chunks) * CHUNK as u64;
        Period { time, chunks: state.chunks, lost }
    }
}

impl CardIo for DeskIo {
    fn wait(&mut self) -> Result<Period, IoFault> {
        let trouble = self.desk.state().trouble;
        match trouble {
            None => {}
            Some(Trouble::Fault(fault)) => return Err(fault),
            Some(Trouble::Panic) => {
                self.desk.state().trouble = None;
                panic!("the desk card panics as it was asked to");
            }
            Some(Trouble::SleepMs(ms)) => std::thread::sleep(std::time::Duration::from_millis(ms)),
        }
        Ok(self.period())
    }

    fn ready(&mut self) -> Option<Period> {
        let ready = self.desk.state().is_ready;
        ready.then(|| self.period())
    }

    fn slots(&self) -> &[SpanSlot] {
        &self.slots
    }

    fn rx(&self) -> &[Chunk] {
        &self.rx
    }

    fn tx(&mut self) -> &mut [Chunk] {
        &mut self.tx
    }

    fn poll_event(&mut self) -> Option<CardEvent> {
        self.desk.state().events.pop_front()
    }

    fn order(&mut self, order: LineOrder) {
        let mut state = self.desk.state();
        assert!(state.orders.len() < state.orders.capacity());
        state.orders.push(order);
    }

    fn rx_frame(&mut self, _span: SpanId) -> Option<&[u8]> {
        self.frame = self.desk.state().frames_in.pop_front()?;
        Some(&self.frame)
    }

    fn tx_frame(&mut self, _span: SpanId, frame: &[u8]) -> bool {
        let mut state = self.desk.state();
        let room = state.frame_room > 0;
        if room {
            state.frame_room -= 1;
            state.frames_out.push(frame.to_vec());
        }
        room
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        let mut state = self.desk.0.lock().unwrap();
        state.tx.copy_from_slice(&self.tx);
        state.commits += 1;
        Ok(())
    }

    fn rt_delay(&self) -> RtDelay {
        RtDelay { samples: 16, measurement: 1 }
    }
}

/// An engine on one desk card, and the far side of its rings.
pub struct Rig {
    pub desk: Desk,
    pub engine: Engine,
    pub handle: EngineHandle,
    pub seen: Vec<RtEvent>,
    seq: u32,
}

impl Rig {
    pub fn new(slots: Vec<SpanSlot>) -> Rig {
        Rig::with(EngineConfig { event_ring: 512, tap_blocks: 100, ..EngineConfig::default() }, slots)
    }

    pub fn with(config: EngineConfig, slots: Vec<SpanSlot>) -> Rig {
        let desk = Desk::new(slots);
        let (engine, handle) = Engine::new(config, vec![desk.card()]).unwrap();
        Rig { desk, engine, handle, seen: Vec::new(), seq: 0 }
    }

    /// Runs one period and keeps its events.
    pub fn period(&mut self) -> Vec<RtEventKind> {
        self.engine.period().unwrap();
        let mut now = Vec::new();
        while let Ok(event) = self.handle.events.pop() {
            self.seen.push(event);
            now.push(event.kind);
        }
        now
    }

    pub fn periods(&mut self, count: usize) {
        for _ in 0..count {
            self.period();
        }
    }

    /// Puts a command in the ring without running a period; returns its number.
    pub fn order(&mut self, op: RtOp) -> u32 {
        self.seq += 1;
        self.handle.commands.push(RtCommand { seq: self.seq, op }).unwrap();
        self.seq
    }

    /// Gives a command, runs one period and returns the answer.
    pub fn tell(&mut self, op: RtOp) -> Result<(), Refusal> {
        let number = self.order(op);
        let answers = self.period();
        let answer = answers.iter().find_map(|event| match *event {
            RtEventKind::Applied { seq } if seq == number => Some(Ok(())),
            RtEventKind::Refused { seq, why } if seq == number => Some(Err(why)),
            _ => None,
        });
        answer.expect("every command is answered in its period")
    }

    pub fn send(&mut self, strip: u16, source: Source) -> Result<(), Refusal> {
        self.tell(RtOp::Send { strip: Strip(strip), source })
    }

    /// Two channels hear each other.
    pub fn bridge(&mut self, a: u16, b: u16) {
        self.order(RtOp::Send { strip: Strip(a), source: Source::Line(Strip(b)) });
        self.send(b, Source::Line(Strip(a))).unwrap();
    }
}
