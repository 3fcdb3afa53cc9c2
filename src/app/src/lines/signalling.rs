//! The signalling thread: drives the line machine with what comes from the engine, the switch, player and recorder.
//!
//! It looks at the engine's rings every 5 ms and at once when a message arrives. It never waits for the disk or the
//! switch: what does not fit into a realtime ring waits here, a switch that does not take its messages is let go.

use std::collections::VecDeque;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use clock::{Mono, SampleTime};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use line::{Input, Machine, Output};
use link::{Cause, Health, Order, RecordingId, RecordingState, ToSwitch};
use rt::sched::{ThreadConfig, enter};
use rt::{DChannel, FeedPort, RtCommand, RtEvent};
use rtrb::{Consumer, Producer};
use tdm::{HdlcFrame, SpanId};

use super::media::{PlayOrder, RecordOrder};
use super::time::LineClock;

/// How often the engine's rings are looked at.
const TURN: Duration = Duration::from_millis(5);
/// Frames that may wait for a D-channel's ring: far more than layer 2 ever has under way.
const MAX_WAITING_FRAMES: usize = 256;
/// How long calls may take to be cleared when the process is asked to end.
const CLEAR_WITHIN: Duration = Duration::from_secs(2);

/// What arrives from other threads.
#[derive(Debug)]
pub(crate) enum Inbox {
    /// A switch is attached.
    Attach(Connection),
    /// The connection is closed.
    Detach { connection: u64 },
    /// The switch orders something, by this connection.
    Order { connection: u64, order: Order },
    /// The recorder tells something.
    Recording { recording: RecordingId, state: RecordingState },
    /// The player could not play.
    PlayFailed { feed: FeedPort, generation: u16, why: String },
    /// The counters.
    Health(Health),
    /// Bad frames counted by the engine.
    BadFrames { span: SpanId, total: u64 },
}

/// A way to a switch. It is closed when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub number: u64,
    pub out: Sender<ToSwitch>,
    /// The socket, unless the switch is in the same process.
    pub stream: Option<UnixStream>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // It may be closed already.
        let _ = self.stream.as_ref().map(|stream| stream.shutdown(Shutdown::Both));
    }
}

/// The thread's ends of the engine's rings.
pub(crate) struct Rings {
    pub commands: Producer<RtCommand>,
    pub events: Consumer<RtEvent>,
    pub dchannels: Vec<DChannel>,
}

/// Where orders to player and recorder go.
pub(crate) struct Orders {
    pub play: Sender<PlayOrder>,
    pub record: Sender<RecordOrder>,
}

/// Moves with every turn of the thread.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat(AtomicU64);

/// Sees whether a heartbeat stands still.
pub(crate) struct HeartWatch {
    limit: Duration,
    last: u64,
    moved: Mono,
}

impl HeartWatch {
    pub fn new(limit: Duration, now: Mono) -> HeartWatch {
        HeartWatch { limit, last: 0, moved: now }
    }

    pub fn stalled(&mut self, heart: &Heartbeat, now: Mono) -> bool {
        let beats = heart.0.load(Ordering::Acquire);
        if beats != self.last {
            (self.last, self.moved) = (beats, now);
        }
        now - self.moved > self.limit
    }
}

/// What the thread does, step by step.
pub(crate) struct Signalling {
    machine: Machine,
    clock: LineClock,
    rings: Rings,
    orders: Orders,
    /// Commands that found the ring full, in order.
    commands: VecDeque<RtCommand>,
    /// Frames that found their ring full, by D-channel, in order.
    frames: Vec<VecDeque<HdlcFrame>>,
    switch: Option<Connection>,
    /// The time of the last thing that the engine told.
    heard: SampleTime,
    congested: bool,
}

/// Starts the thread. It ends when `stop` is set, all calls cleared, or by a panic.
pub(crate) fn start(
    machine: Machine,
    rings: Rings,
    mail: Receiver<Inbox>,
    orders: Orders,
    stop: Arc<AtomicBool>,
    heart: Arc<Heartbeat>,
    priority: Option<u8>,
) -> std::io::Result<JoinHandle<()>> {
    let mut signalling = Signalling::new(machine, LineClock::Machine, rings, orders);
    let wish = ThreadConfig { name: "sig".into(), priority, cpu: None, lock_memory: false };
    Builder::new().name(wish.name.clone()).spawn(move || {
        let report = enter(&wish);
        tracing::info!(%report, "signalling thread started");
        signalling.run(&mail, &stop, &heart);
    })
}

impl Signalling {
    /// Makes it with nobody attached.
    pub fn new(machine: Machine, clock: LineClock, rings: Rings, orders: Orders) -> Signalling {
        let frames = rings.dchannels.iter().map(|_| VecDeque::new()).collect();
        Signalling {
            machine,
            clock,
            rings,
            orders,
            commands: VecDeque::new(),
            frames,
            switch: None,
            heard: SampleTime::ZERO,
            congested: false,
        }
    }

    fn run(&mut self, mail: &Receiver<Inbox>, stop: &AtomicBool, heart: &Heartbeat) {
        let mut clear_until = None;
        loop {
            heart.0.fetch_add(1, Ordering::Release);
            match mail.recv_timeout(TURN) {
                Ok(message) => self.take(message),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            while let Ok(message) = mail.try_recv() {
                self.take(message);
            }
            self.turn();
            if stop.load(Ordering::Acquire) {
                let until = *clear_until.get_or_insert_with(|| {
                    self.tell(Input::ClearAll(Cause::TEMPORARY));
                    self.clock.now() + CLEAR_WITHIN
                });
                if self.machine.legs() == 0 || self.clock.now() >= until {
                    self.turn();
                    return;
                }
            }
        }
    }

    /// Takes everything from the engine, lets deadlines pass, and carries out what follows.
    pub fn turn(&mut self) {
        while let Ok(event) = self.rings.events.pop() {
            self.heard = event.time;
            self.tell(Input::Rt(event));
        }
        for index in 0..self.rings.dchannels.len() {
            while let Ok(frame) = self.rings.dchannels[index].rx.pop() {
                if let Some(span) = self.rings.dchannels[index].span {
                    self.tell(Input::Frame { span, octets: frame.octets() });
                }
            }
        }
        if self.machine.poll_timeout().is_some_and(|due| due <= self.clock.now()) {
            self.tell(Input::Timeout);
        }
        self.push_waiting();
        self.watch_congestion();
    }

    /// Takes a message of another thread.
    pub fn take(&mut self, message: Inbox) {
        match message {
            Inbox::Attach(connection) => {
                self.let_switch_go();
                self.switch = Some(connection);
                self.tell(Input::Attach { anchor: self.clock.anchor() });
            }
            Inbox::Detach { connection } => {
                if self.is_present(connection) {
                    self.let_switch_go();
                }
            }
            Inbox::Order { connection, order } if self.is_present(connection) => {
                self.tell(Input::Order(order))
            }
            // Of a switch that was let go: the next census tells what was done and what was not.
            Inbox::Order { .. } => {}
            Inbox::Recording { recording, state } => self.tell(Input::Recording { recording, state }),
            Inbox::PlayFailed { feed, generation, why } => {
                self.tell(Input::PlayFailed { feed, generation, why });
            }
            Inbox::Health(health) => self.tell(Input::Health(health)),
            Inbox::BadFrames { span, total } => self.tell(Input::BadFrames { span, total }),
        }
    }

    /// Returns how many legs there are.
    pub fn legs(&self) -> usize {
        self.machine.legs()
    }

    fn is_present(&self, connection: u64) -> bool {
        self.switch.as_ref().is_some_and(|present| present.number == connection)
    }

    fn let_switch_go(&mut self) {
        if self.switch.take().is_some() {
            self.tell(Input::Detach);
        }
    }

    fn tell(&mut self, input: Input<'_>) {
        self.machine.handle(input, self.clock.now());
        while let Some(output) = self.machine.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Rt(command) => {
                self.commands.push_back(command);
                self.push_waiting();
            }
            Output::Frame { span, frame } => self.frame(span, frame),
            Output::ToSwitch(message) => self.tell_switch(message),
            Output::Play { feed, generation, prompts, repeat } => {
                let order = PlayOrder::Play { feed, generation, prompts, repeat };
                if self.orders.play.try_send(order).is_err() {
                    let why = "the player does not keep up".to_string();
                    self.machine.handle(Input::PlayFailed { feed, generation, why }, self.clock.now());
                }
            }
            Output::StopPlaying { feed } => {
                // If even this does not fit, the feed's next generation voids what still comes.
                let _ = self.orders.play.try_send(PlayOrder::Stop { feed });
            }
            Output::StartRecording { tap, recording } => {
                let order = RecordOrder::Start { tap, recording, not_before: self.heard };
                self.record(order);
            }
            Output::StopRecording { recording } => self.record(RecordOrder::Stop { recording }),
        }
    }

    /// The recorder's orders are bounded by the taps: each is used by one recording until the recorder says it is closed.
    fn record(&self, order: RecordOrder) {
        if self.orders.record.send(order).is_err() {
            tracing::error!("the recorder has ended");
        }
    }

    fn frame(&mut self, span: SpanId, frame: HdlcFrame) {
        let Some(index) = self.rings.dchannels.iter().position(|channel| channel.span == Some(span)) else {
            return;
        };
        if self.frames[index].len() < MAX_WAITING_FRAMES {
            self.frames[index].push_back(frame);
        } else {
            tracing::error!(%span, "the D-channel takes no more frames: one is lost, layer 2 repairs it");
        }
        self.push_waiting();
    }

    /// Moves what waits into the realtime rings as far as there is room.
    fn push_waiting(&mut self) {
        while let Some(command) = self.commands.front() {
            if self.rings.commands.push(*command).is_err() {
                break;
            }
            self.commands.pop_front();
        }
        for (waiting, channel) in self.frames.iter_mut().zip(&mut self.rings.dchannels) {
            while let Some(frame) = waiting.front() {
                if channel.tx.push(*frame).is_err() {
                    break;
                }
                waiting.pop_front();
            }
        }
    }

    fn tell_switch(&mut self, message: ToSwitch) {
        let Some(switch) = &self.switch else {
            return;
        };
        if let Err(error) = switch.out.try_send(message) {
            match error {
                TrySendError::Full(_) => tracing::error!("the switch does not take its messages: let go"),
                TrySendError::Disconnected(_) => tracing::warn!("the link to the switch is closed"),
            }
            // What was lost comes with the next census.
            self.switch = None;
            self.machine.handle(Input::Detach, self.clock.now());
        }
    }

    /// New calls are refused while more than three quarters of the way to the switch are full.
    fn watch_congestion(&mut self) {
        let is_full = |switch: &Connection| {
            switch.out.capacity().is_some_and(|capacity| switch.out.len() * 4 > capacity * 3)
        };
        let full = self.switch.as_ref().is_some_and(is_full);
        if full != self.congested {
            self.congested = full;
            self.tell(Input::Congestion(full));
        }
    }
}
