//! What a frame does to a link: one function for each row of the SDL charts.
//!
//! A frame is checked first (address, form, N(R)), then acted on by kind and state. Errors that Q.921 calls frame
//! rejection conditions re-establish the link in states 7 and 8 and are only counted elsewhere.
//!
//! Limits: as in the parent module. Source: ITU-T Q.921 (09/97) figures B.5 to B.9, 5.8.

use clock::Mono;

use super::{Event, Link, State, distance, next};
use crate::wire::frame::{Command, Control, Frame, FrameError, Supervisory, Unnumbered};
use crate::wire::message::MessageBuf;

impl Link {
    /// Takes one frame from the line.
    pub(super) fn receive(&mut self, octets: &[u8], now: Mono) {
        self.counters.frames_received += 1;
        let frame = match Frame::parse(octets) {
            Ok(frame) => frame,
            Err(error) => return self.receive_garbage(octets, error, now),
        };
        if frame.sapi != 0 || frame.tei != 0 {
            self.counters.misaddressed += 1;
            return;
        }
        let command = frame.command(self.config.side.peer());
        match frame.control {
            Control::I { n_s, n_r, p } => match command {
                Command::Command => self.receive_i(n_s, n_r, p, frame.info, now),
                Command::Response => self.rejected(now),
            },
            Control::S { kind, n_r, pf } => self.receive_s(kind, command, n_r, pf, now),
            Control::U { kind, pf } => self.receive_u(kind, command, pf, now),
        }
    }

    /// Discards what is no frame. An address of ours before a bad control or information field is a frame rejection
    /// condition (3.6.1, 5.8.5).
    fn receive_garbage(&mut self, octets: &[u8], error: FrameError, now: Mono) {
        self.counters.garbage += 1;
        let ours = matches!(octets, [first, 1, ..] if first & !2 == 0);
        match error {
            FrameError::Control(_) | FrameError::Info(_) | FrameError::Long(_) if ours => {
                if self.is_established() {
                    self.reestablish(now);
                }
            }
            FrameError::Short(_)
            | FrameError::Address
            | FrameError::Control(_)
            | FrameError::Info(_)
            | FrameError::Long(_) => {}
        }
    }

    fn rejected(&mut self, now: Mono) {
        self.counters.garbage += 1;
        if self.is_established() {
            self.reestablish(now);
        }
    }

    fn receive_u(&mut self, kind: Unnumbered, command: Command, pf: bool, now: Mono) {
        let right_way = match kind {
            Unnumbered::Sabme | Unnumbered::Disc | Unnumbered::Ui => command == Command::Command,
            Unnumbered::Dm | Unnumbered::Ua | Unnumbered::Frmr => command == Command::Response,
            Unnumbered::Xid => true,
        };
        if !right_way {
            self.counters.ignored += 1;
            return;
        }
        match kind {
            Unnumbered::Sabme => self.receive_sabme(pf, now),
            Unnumbered::Disc => self.receive_disc(pf),
            Unnumbered::Ua => self.receive_ua(pf, now),
            Unnumbered::Dm => self.receive_dm(pf, now),
            Unnumbered::Frmr => {
                self.counters.frmr_received += 1;
                if self.is_established() {
                    self.reestablish(now);
                }
            }
            Unnumbered::Ui | Unnumbered::Xid => self.counters.ignored += 1,
        }
    }

    fn receive_sabme(&mut self, p: bool, now: Mono) {
        match self.state {
            State::TeiAssigned => {
                self.respond_u(Unnumbered::Ua, p);
                self.discard_queue();
                self.enter_established(now);
                self.event(Event::Established);
            }
            State::AwaitingEstablishment { .. } => self.respond_u(Unnumbered::Ua, p),
            State::AwaitingRelease { .. } => self.respond_u(Unnumbered::Dm, p),
            State::Established | State::TimerRecovery { .. } => {
                self.respond_u(Unnumbered::Ua, p);
                let event = if self.outstanding() == 0 { Event::Refreshed } else { Event::Established };
                if event == Event::Established {
                    self.discard_queue();
                }
                self.enter_established(now);
                self.event(event);
            }
        }
    }

    fn receive_disc(&mut self, p: bool) {
        match self.state {
            State::TeiAssigned | State::AwaitingEstablishment { .. } => self.respond_u(Unnumbered::Dm, p),
            State::AwaitingRelease { .. } => self.respond_u(Unnumbered::Ua, p),
            State::Established | State::TimerRecovery { .. } => {
                self.discard_queue();
                self.respond_u(Unnumbered::Ua, p);
                self.drop_link();
                self.event(Event::Released);
            }
        }
    }

    fn receive_ua(&mut self, f: bool, now: Mono) {
        match self.state {
            State::AwaitingEstablishment { layer_3, .. } if f => {
                let lost = self.outstanding() != 0;
                if lost {
                    self.discard_queue();
                }
                self.enter_established(now);
                if layer_3 || lost {
                    self.event(Event::Established);
                }
            }
            State::AwaitingRelease { .. } if f => {
                self.drop_link();
                self.event(Event::Released);
            }
            State::TeiAssigned
            | State::AwaitingEstablishment { .. }
            | State::AwaitingRelease { .. }
            | State::Established
            | State::TimerRecovery { .. } => self.counters.ignored += 1,
        }
    }

    fn receive_dm(&mut self, f: bool, now: Mono) {
        match self.state {
            State::TeiAssigned if !f => self.establish(true, now),
            State::AwaitingEstablishment { .. } | State::AwaitingRelease { .. } if f => {
                self.discard_queue();
                self.drop_link();
                self.event(Event::Released);
            }
            State::Established if !f => self.reestablish(now),
            State::TimerRecovery { .. } => self.reestablish(now),
            State::TeiAssigned
            | State::AwaitingEstablishment { .. }
            | State::AwaitingRelease { .. }
            | State::Established => self.counters.ignored += 1,
        }
    }

    fn receive_i(&mut self, n_s: u8, n_r: u8, p: bool, info: &[u8], now: Mono) {
        if !self.is_established() {
            self.counters.ignored += 1;
            return;
        }
        if self.own_busy {
            self.answer_poll(p);
            self.acknowledge_pending |= !p;
        } else if n_s == self.v_r {
            self.v_r = next(self.v_r);
            self.reject_exception = false;
            self.event(Event::Data(info.iter().copied().collect::<MessageBuf>()));
            self.answer_poll(p);
            self.acknowledge_pending |= !p;
        } else {
            self.counters.out_of_sequence += 1;
            if self.reject_exception {
                self.answer_poll(p);
            } else {
                self.reject_exception = true;
                self.acknowledge_pending = false;
                self.supervise(Command::Response, Supervisory::Rej, p);
            }
        }
        if !self.n_r_is_valid(n_r) {
            return self.n_r_error(now);
        }
        match self.state {
            State::Established if !self.peer_busy => self.acknowledge_to(n_r, now),
            State::TeiAssigned
            | State::AwaitingEstablishment { .. }
            | State::AwaitingRelease { .. }
            | State::Established
            | State::TimerRecovery { .. } => self.pop_acknowledged(n_r),
        }
    }

    /// Answers a poll at once.
    fn answer_poll(&mut self, p: bool) {
        if p {
            self.acknowledge_pending = false;
            self.supervise(Command::Response, self.readiness(), true);
        }
    }

    fn receive_s(&mut self, kind: Supervisory, command: Command, n_r: u8, pf: bool, now: Mono) {
        if !self.is_established() {
            self.counters.ignored += 1;
            return;
        }
        self.peer_busy = kind == Supervisory::Rnr;
        if command == Command::Command {
            self.answer_poll(pf);
        }
        if !self.n_r_is_valid(n_r) {
            return self.n_r_error(now);
        }
        let final_answer = command == Command::Response && pf;
        match self.state {
            State::TimerRecovery { .. } if final_answer => {
                self.pop_acknowledged(n_r);
                self.v_s = self.v_a;
                self.state = State::Established;
                self.rest_timers(now);
            }
            State::TimerRecovery { .. } => self.pop_acknowledged(n_r),
            State::Established => match kind {
                Supervisory::Rr => self.acknowledge_to(n_r, now),
                Supervisory::Rnr => {
                    self.pop_acknowledged(n_r);
                    self.rest_timers(now);
                }
                Supervisory::Rej => {
                    self.pop_acknowledged(n_r);
                    self.v_s = self.v_a;
                    self.rest_timers(now);
                }
            },
            State::TeiAssigned | State::AwaitingEstablishment { .. } | State::AwaitingRelease { .. } => {}
        }
    }

    /// Sets the timers as at rest: T203 runs, or T200 if the peer is busy and must be asked again.
    fn rest_timers(&mut self, now: Mono) {
        if self.peer_busy {
            self.t203 = None;
            self.t200 = Some(now + self.config.t200);
        } else {
            self.t200 = None;
            self.t203 = Some(now + self.config.t203);
        }
    }

    /// Takes an acknowledgement in state 7: T200 stops when all is acknowledged, starts anew on progress.
    fn acknowledge_to(&mut self, n_r: u8, now: Mono) {
        if n_r == self.v_s {
            self.pop_acknowledged(n_r);
            self.t200 = None;
            self.t203 = Some(now + self.config.t203);
        } else if n_r != self.v_a {
            self.pop_acknowledged(n_r);
            self.t200 = Some(now + self.config.t200);
        }
    }

    /// Moves V(A) to N(R) and forgets what is acknowledged by it.
    fn pop_acknowledged(&mut self, n_r: u8) {
        let count = usize::from(distance(self.v_a, n_r)).min(self.queue.len());
        self.queue.drain(..count);
        if distance(self.v_a, self.sent_up_to) < distance(self.v_a, n_r) {
            self.sent_up_to = n_r;
        }
        self.v_a = n_r;
    }

    /// V(A) <= N(R) <= V(S).
    const fn n_r_is_valid(&self, n_r: u8) -> bool {
        distance(self.v_a, n_r) <= self.outstanding()
    }

    fn n_r_error(&mut self, now: Mono) {
        self.counters.bad_n_r += 1;
        self.reestablish(now);
    }
}
