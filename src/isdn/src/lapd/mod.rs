//! LAPD: the multiple-frame procedures of Q.921 for one point-to-point link, between HDLC frames and layer 3.
//!
//! States are numbered as in the standard: 4 TEI assigned, 5 awaiting establishment, 6 awaiting release,
//! 7 multiple frame established, 8 timer recovery; primary rate has no TEI assignment, so 1 to 3 do not exist.
//! One queue holds what layer 3 sent: its first `V(S) - V(A)` messages are on the way, the rest waits, an
//! acknowledgement pops the front, a retransmission sets V(S) back. An acknowledgement owed is sent when an input
//! is done with, so that it rides on an I frame if there is one (the "acknowledge pending" of the SDL).
//!
//! Limits: UI frames are counted and dropped; XID and TEI management are ignored; the queue holds [`MAX_QUEUE`]
//! messages, one more is refused and counted. Source: ITU-T Q.921 (09/97) 5.5 to 5.8, annex B.

mod receive;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use clock::Mono;
use tdm::HdlcFrame;

use crate::config::LinkConfig;
use crate::wire::frame::{Command, Control, Frame, N201, Supervisory, Unnumbered};
use crate::wire::message::MessageBuf;

/// The most messages held for sending, those under way included.
pub const MAX_QUEUE: usize = 512;

/// Sequence numbers count modulo this.
const MODULUS: u8 = 128;

/// What happens to a link.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A frame came.
    Frame(&'a [u8]),
    /// Layer 3 wants the link (DL-ESTABLISH request).
    Establish,
    /// Layer 3 no longer wants it (DL-RELEASE request).
    Release,
    /// Layer 3 sends a message (DL-DATA request).
    Send(&'a [u8]),
    /// We can, or cannot, take more from the peer (own receiver busy).
    OwnBusy(bool),
    /// The line is gone (persistent deactivation).
    LineDown,
    /// A timer may have run out.
    Timeout,
}

/// What a link wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this frame.
    Frame(HdlcFrame),
    /// Tell layer 3.
    Event(Event),
}

/// What layer 3 is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "messages are the common case; a box would cost an allocation each"
)]
pub enum Event {
    /// The link is established, or was established anew and messages may be lost.
    Established,
    /// The peer asked for the link again while nothing was under way: nothing is lost, but it may have restarted.
    Refreshed,
    /// The link is released.
    Released,
    /// A message of layer 3.
    Data(MessageBuf),
}

/// The timers of layer 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Retransmission.
    T200,
    /// Idle.
    T203,
}

/// What was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct LinkCounters {
    /// Frames received, good or bad.
    pub frames_received: u64,
    /// Frames sent.
    pub frames_sent: u64,
    /// I frames sent again.
    pub retransmissions: u64,
    /// Frames that are no frame: too short, undefined control field, wrong information field.
    pub garbage: u64,
    /// Frames for another SAPI or TEI.
    pub misaddressed: u64,
    /// I frames out of sequence.
    pub out_of_sequence: u64,
    /// N(R) outside the window.
    pub bad_n_r: u64,
    /// FRMR received.
    pub frmr_received: u64,
    /// Frames that mean nothing in the present state, UI and XID among them.
    pub ignored: u64,
    /// Times the link was established.
    pub established: u64,
    /// Times we had to establish it anew.
    pub reestablished: u64,
    /// T200 expiries.
    pub t200_expiries: u64,
    /// Messages refused because the queue was full, the message too long or the link down.
    pub refused: u64,
    /// Messages discarded unacknowledged when the link was released or established anew.
    pub discarded: u64,
}

/// The state of the link, with what is valid only in it. `rc` is the retransmission counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// 4.
    TeiAssigned,
    /// 5. `layer_3`: layer 3 asked for it, its queue was cleared.
    AwaitingEstablishment { rc: u8, layer_3: bool },
    /// 6.
    AwaitingRelease { rc: u8 },
    /// 7.
    Established,
    /// 8.
    TimerRecovery { rc: u8 },
}

/// One link.
#[derive(Debug)]
pub struct Link {
    config: LinkConfig,
    state: State,
    v_s: u8,
    v_a: u8,
    v_r: u8,
    /// The highest V(S) reached since V(A), to tell a first transmission from a repeat.
    sent_up_to: u8,
    peer_busy: bool,
    own_busy: bool,
    reject_exception: bool,
    acknowledge_pending: bool,
    t200: Option<Mono>,
    t203: Option<Mono>,
    queue: VecDeque<MessageBuf>,
    outputs: VecDeque<Output>,
    counters: LinkCounters,
}

impl Link {
    /// Makes a link in state 4.
    pub fn new(config: LinkConfig) -> Link {
        let k = config.k.clamp(1, MODULUS - 1);
        Link {
            config: LinkConfig { k, ..config },
            state: State::TeiAssigned,
            v_s: 0,
            v_a: 0,
            v_r: 0,
            sent_up_to: 0,
            peer_busy: false,
            own_busy: false,
            reject_exception: false,
            acknowledge_pending: false,
            t200: None,
            t203: None,
            queue: VecDeque::new(),
            outputs: VecDeque::new(),
            counters: LinkCounters::default(),
        }
    }

    /// Takes one event.
    pub fn handle(&mut self, input: Input<'_>, now: Mono) {
        match input {
            Input::Frame(octets) => self.receive(octets, now),
            Input::Establish => self.establish_request(now),
            Input::Release => self.release_request(now),
            Input::Send(message) => self.data_request(message),
            Input::OwnBusy(busy) => self.set_own_busy(busy),
            Input::LineDown => self.line_down(),
            Input::Timeout => self.timeout(now),
        }
        self.send_pending(now);
    }

    /// Returns the next thing to do; drain until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when the next timer runs out, and which.
    pub fn poll_timeout(&self) -> Option<(Mono, Timer)> {
        let t200 = self.t200.map(|at| (at, Timer::T200));
        let t203 = self.t203.map(|at| (at, Timer::T203));
        t200.into_iter().chain(t203).min()
    }

    /// Returns true in states 7 and 8.
    pub const fn is_established(&self) -> bool {
        match self.state {
            State::Established | State::TimerRecovery { .. } => true,
            State::TeiAssigned | State::AwaitingEstablishment { .. } | State::AwaitingRelease { .. } => false,
        }
    }

    /// Returns the state's number in the standard, 4 to 8.
    pub const fn state_number(&self) -> u8 {
        match self.state {
            State::TeiAssigned => 4,
            State::AwaitingEstablishment { .. } => 5,
            State::AwaitingRelease { .. } => 6,
            State::Established => 7,
            State::TimerRecovery { .. } => 8,
        }
    }

    /// Returns what was counted.
    pub const fn counters(&self) -> &LinkCounters {
        &self.counters
    }

    fn establish_request(&mut self, now: Mono) {
        match self.state {
            State::TeiAssigned | State::Established | State::TimerRecovery { .. } => {
                self.discard_queue();
                self.establish(true, now);
            }
            State::AwaitingEstablishment { rc, .. } => {
                self.discard_queue();
                self.state = State::AwaitingEstablishment { rc, layer_3: true };
            }
            // The release goes first; layer 3 asks again when it is done.
            State::AwaitingRelease { .. } => {}
        }
    }

    fn release_request(&mut self, now: Mono) {
        match self.state {
            State::TeiAssigned => self.event(Event::Released),
            State::AwaitingEstablishment { .. } | State::Established | State::TimerRecovery { .. } => {
                self.discard_queue();
                self.state = State::AwaitingRelease { rc: 0 };
                self.command_u(Unnumbered::Disc);
                self.t203 = None;
                self.t200 = Some(now + self.config.t200);
            }
            State::AwaitingRelease { .. } => {}
        }
    }

    /// Queues a message; in state 5 only if the link is being repaired, not when layer 3 itself waits for it.
    fn data_request(&mut self, message: &[u8]) {
        let takes = match self.state {
            State::Established | State::TimerRecovery { .. } => true,
            State::AwaitingEstablishment { layer_3, .. } => !layer_3,
            State::TeiAssigned | State::AwaitingRelease { .. } => false,
        };
        match MessageBuf::try_from(message) {
            Ok(message) if takes && self.queue.len() < MAX_QUEUE => self.queue.push_back(message),
            Ok(_) | Err(_) => self.counters.refused += 1,
        }
    }

    /// Tells the peer of a change at once: RNR when we cannot take more, RR when we can again.
    fn set_own_busy(&mut self, busy: bool) {
        if self.own_busy != busy {
            self.own_busy = busy;
            if self.is_established() {
                self.supervise(Command::Response, self.readiness(), false);
            }
        }
    }

    fn line_down(&mut self) {
        let was_idle = self.state == State::TeiAssigned;
        self.discard_queue();
        self.drop_link();
        if !was_idle {
            self.event(Event::Released);
        }
    }

    fn timeout(&mut self, now: Mono) {
        if self.t200.is_some_and(|at| at <= now) {
            self.t200 = None;
            self.counters.t200_expiries += 1;
            self.t200_expired(now);
        }
        if self.t203.is_some_and(|at| at <= now) {
            self.t203 = None;
            if self.state == State::Established {
                self.enquire(0, now);
            }
        }
    }

    fn t200_expired(&mut self, now: Mono) {
        let n200 = self.config.n200;
        match self.state {
            State::TeiAssigned => {}
            State::AwaitingEstablishment { rc, layer_3 } if rc < n200 => {
                self.state = State::AwaitingEstablishment { rc: rc + 1, layer_3 };
                self.command_u(Unnumbered::Sabme);
                self.t200 = Some(now + self.config.t200);
            }
            State::AwaitingRelease { rc } if rc < n200 => {
                self.state = State::AwaitingRelease { rc: rc + 1 };
                self.command_u(Unnumbered::Disc);
                self.t200 = Some(now + self.config.t200);
            }
            State::AwaitingEstablishment { .. } | State::AwaitingRelease { .. } => {
                self.discard_queue();
                self.drop_link();
                self.event(Event::Released);
            }
            State::Established => self.enquire(0, now),
            State::TimerRecovery { rc } if rc < n200 => self.enquire(rc + 1, now),
            State::TimerRecovery { .. } => self.reestablish(now),
        }
    }

    /// Asks the peer where it stands and waits in state 8.
    fn enquire(&mut self, rc: u8, now: Mono) {
        self.state = State::TimerRecovery { rc };
        self.acknowledge_pending = false;
        self.supervise(Command::Command, self.readiness(), true);
        self.t203 = None;
        self.t200 = Some(now + self.config.t200);
    }

    /// Starts anew because of an error, keeping what layer 3 sent.
    fn reestablish(&mut self, now: Mono) {
        self.counters.reestablished += 1;
        self.establish(false, now);
    }

    fn establish(&mut self, layer_3: bool, now: Mono) {
        self.clear_exceptions();
        self.state = State::AwaitingEstablishment { rc: 0, layer_3 };
        self.command_u(Unnumbered::Sabme);
        self.t203 = None;
        self.t200 = Some(now + self.config.t200);
    }

    /// Enters state 7 with all variables zero.
    fn enter_established(&mut self, now: Mono) {
        self.counters.established += 1;
        self.clear_exceptions();
        (self.v_s, self.v_a, self.v_r, self.sent_up_to) = (0, 0, 0, 0);
        self.state = State::Established;
        self.t200 = None;
        self.t203 = Some(now + self.config.t203);
    }

    fn drop_link(&mut self) {
        self.clear_exceptions();
        (self.v_s, self.v_a, self.v_r, self.sent_up_to) = (0, 0, 0, 0);
        self.state = State::TeiAssigned;
        self.t200 = None;
        self.t203 = None;
    }

    fn clear_exceptions(&mut self) {
        self.peer_busy = false;
        self.reject_exception = false;
        self.acknowledge_pending = false;
    }

    fn discard_queue(&mut self) {
        self.counters.discarded += self.queue.len() as u64;
        self.queue.clear();
        self.v_s = self.v_a;
        self.sent_up_to = self.v_a;
    }

    /// Sends what the window allows, then the acknowledgement still owed.
    fn send_pending(&mut self, now: Mono) {
        while self.state == State::Established && !self.peer_busy && self.outstanding() < self.config.k {
            let Some(message) = self.queue.get(usize::from(self.outstanding())).cloned() else { break };
            if distance(self.v_a, self.v_s) < distance(self.v_a, self.sent_up_to) {
                self.counters.retransmissions += 1;
            }
            let control = Control::I { n_s: self.v_s, n_r: self.v_r, p: false };
            self.frame(Command::Command, control, &message);
            self.v_s = next(self.v_s);
            if distance(self.v_a, self.v_s) > distance(self.v_a, self.sent_up_to) {
                self.sent_up_to = self.v_s;
            }
            self.acknowledge_pending = false;
            if self.t200.is_none() {
                self.t203 = None;
                self.t200 = Some(now + self.config.t200);
            }
        }
        if self.acknowledge_pending && self.is_established() {
            self.acknowledge_pending = false;
            self.supervise(Command::Response, self.readiness(), false);
        }
    }

    const fn readiness(&self) -> Supervisory {
        if self.own_busy { Supervisory::Rnr } else { Supervisory::Rr }
    }

    /// Returns V(S) - V(A).
    const fn outstanding(&self) -> u8 {
        distance(self.v_a, self.v_s)
    }

    fn supervise(&mut self, command: Command, kind: Supervisory, pf: bool) {
        self.frame(command, Control::S { kind, n_r: self.v_r, pf }, &[]);
    }

    fn command_u(&mut self, kind: Unnumbered) {
        self.frame(Command::Command, Control::U { kind, pf: true }, &[]);
    }

    fn respond_u(&mut self, kind: Unnumbered, pf: bool) {
        self.frame(Command::Response, Control::U { kind, pf }, &[]);
    }

    fn frame(&mut self, command: Command, control: Control, info: &[u8]) {
        let octets = Frame::new(self.config.side, command, control, info).emit();
        let frame = HdlcFrame::new(&octets).expect("MAX_FRAME of this crate is within that of tdm");
        self.counters.frames_sent += 1;
        self.outputs.push_back(Output::Frame(frame));
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}

/// Returns how far `to` is ahead of `from`.
const fn distance(from: u8, to: u8) -> u8 {
    to.wrapping_sub(from) % MODULUS
}

const fn next(number: u8) -> u8 {
    (number + 1) % MODULUS
}

const _: () = assert!(N201 <= 260 && MAX_QUEUE > MODULUS as usize);
