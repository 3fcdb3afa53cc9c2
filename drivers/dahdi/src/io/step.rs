//! In step: a span's blocks must begin in the same tick (1 ms) as the clock's, both ways, or its octets would come a few
//! milliseconds apart.
//!
//! Buffers are therefore begun right after the clock's wake ([`State::Joining`]), no tick may pass while it is done (a DAHDI
//! timer of one tick tells), and for some periods both must become readable together ([`State::Checking`]); else it is done
//! again. Nobody else's octets are touched by that. Limits: on a machine that is always late a span joins unjudged.

use card::{CardEvent, count};
use tdm::CHUNK;

use super::DahdiIo;
use crate::abi;
use crate::config::DahdiConfig;
use crate::place::State;
use crate::sys::{self, Device, Stop};

/// Periods in which a span that has joined is checked.
const CHECKS: u8 = 4;

/// Periods after which a span joins though the thread was never in time: a machine that slow has worse troubles.
const MOST_WAITED: u32 = 200;

/// How often the clock's buffers are begun until it happens within one tick.
const BEGIN_ATTEMPTS: u32 = 16;

const _: () = assert!(CHECKS > 0, "a span must be checked before it is trusted");

/// Makes a timer that tells whether a tick has passed; none if the kernel gives none.
pub(super) fn tick_timer(config: &DahdiConfig) -> Option<Device> {
    let timer = Device::open(&config.devices.join("timer")).ok()?;
    timer.set(abi::TIMERCONFIG, CHUNK as i32).ok()?;
    Some(timer)
}

impl DahdiIo {
    /// Begins a span's buffers anew, with `blocks` idle blocks towards the line.
    fn begin(&mut self, position: usize, blocks: usize) -> Begun {
        let mut begun = Begun::InOneTick;
        let groups = self.groups(position);
        for group in 0..groups {
            match self.begin_group(position, group, blocks) {
                Begun::InOneTick => {}
                Begun::OverTicks => begun = Begun::OverTicks,
                Begun::Gone => return Begun::Gone,
            }
        }
        if groups == 0 { Begun::Gone } else { begun }
    }

    /// As [`DahdiIo::begin`], for one descriptor.
    fn begin_group(&mut self, position: usize, group: usize, blocks: usize) -> Begun {
        // An event in the way would keep the first block out of its tick.
        self.take_events(position, group);
        if let Some(ticks) = &self.ticks {
            // What cannot be acknowledged is seen below as a tick that has passed.
            let _ = ticks.set(abi::TIMERACK, -1);
        }
        // Sending and receiving must begin in the same tick: nothing stands between these but the first block.
        let mut there = self.flush(position, group, abi::FLUSH_WRITE) && self.send_idle(position, group);
        there &= self.flush(position, group, abi::FLUSH_READ);
        let over = tick_has_passed(self.ticks.as_ref());
        for _ in 1..blocks {
            there &= self.send_idle(position, group);
        }
        // If a line had nothing to send for a moment that is over, and told now.
        self.take_events(position, group);
        match (there, over) {
            (false, _) => Begun::Gone,
            (true, true) => Begun::OverTicks,
            (true, false) => Begun::InOneTick,
        }
    }

    fn flush(&self, position: usize, group: usize, what: i32) -> bool {
        let open = self.places[position].open.as_ref();
        open.is_some_and(|open| open.groups[group].device.set(abi::FLUSH, what).is_ok())
    }

    /// Writes an idle block; false if the channel is gone.
    fn send_idle(&mut self, position: usize, group: usize) -> bool {
        let mut sent = self.write_idle(position, group);
        if sent == Err(Stop::Event) {
            self.take_events(position, group);
            sent = self.write_idle(position, group);
        }
        sent != Err(Stop::Gone)
    }

    fn write_idle(&mut self, position: usize, group: usize) -> Result<(), Stop> {
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let group = &open.groups[group];
        let idle = &mut self.scratch[..self.block * CHUNK * group.columns.len()];
        idle.fill(self.slots[position].law.idle());
        group.device.write(idle).map(drop)
    }

    /// Returns true if this wake, with so many blocks, came in time to put a span in step or to check it.
    pub(super) fn may_judge(&mut self, position: usize, blocks: usize) -> bool {
        let place = &mut self.places[position];
        place.waited += 1;
        (self.in_time && blocks == 1) || place.waited > MOST_WAITED
    }

    /// Puts the spans that wait for it in step, right after the clock's wake with `blocks` blocks.
    pub(super) fn join_waiting(&mut self, blocks: usize) {
        let held = self.depth - blocks;
        for position in 0..self.places.len() {
            let waits = self.places[position].state == State::Joining && self.clock != Some(position);
            if !waits || !self.may_judge(position, blocks) {
                continue;
            }
            let whole = self.places[position].is_whole();
            match self.begin(position, held) {
                Begun::Gone => {
                    self.lose(position);
                    continue;
                }
                Begun::OverTicks if whole => return,
                Begun::OverTicks | Begun::InOneTick => {}
            }
            self.places[position].state = State::Checking(if whole { CHECKS } else { 0 });
            self.places[position].missing = 0;
            self.settle(position);
        }
    }

    /// Notes that a span has been in step for a period; tells it once it has been for long enough.
    pub(super) fn settle(&mut self, position: usize) {
        let place = &mut self.places[position];
        match place.state {
            State::Checking(0) => {
                place.state = State::Running;
                place.waited = 0;
                let asked = core::mem::take(&mut place.asked);
                if let (true, Some(span)) = (asked, self.slots[position].span) {
                    self.tell(CardEvent::Attached { span });
                }
                self.places[position].ask_alarms = true;
                self.take_all_bits(position);
            }
            State::Checking(left) => place.state = State::Checking(left - 1),
            State::Empty | State::Joining | State::Running => {}
        }
    }

    /// Makes the first span that can be the clock, if there is none, and begins it if it does not run.
    pub(super) fn need_clock(&mut self) {
        if self.clock.is_some() {
            return;
        }
        let running = self.places.iter().position(|place| place.state == State::Running);
        let any = || self.places.iter().position(|place| place.open.is_some());
        let Some(position) = running.or_else(any) else { return };
        self.clock = Some(position);
        if running.is_none() {
            self.begin_clock(position);
        }
    }

    /// Begins anew since a line has had nothing to send.
    pub(super) fn start_over(&mut self, clock: usize) {
        count(&self.shared.tally.xruns, 1);
        self.begin_clock(clock);
    }

    /// Begins the clock's span anew; all others join again.
    pub(super) fn begin_clock(&mut self, position: usize) {
        for place in &mut self.places {
            if place.open.is_some() {
                place.state = State::Joining;
            }
        }
        for _ in 0..BEGIN_ATTEMPTS {
            match self.begin(position, self.depth) {
                Begun::InOneTick => break,
                Begun::OverTicks => {}
                Begun::Gone => return self.lose(position),
            }
        }
        self.measurement += 1;
        self.begun_anew = true;
        self.ran_dry = false;
        self.places[position].state = State::Checking(0);
        self.settle(position);
    }
}

/// How the buffers of a span were begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// In one tick: its delay is the one that is told.
    InOneTick,
    /// A tick passed meanwhile: a few samples may lie between receiving and sending.
    OverTicks,
    /// The span is gone.
    Gone,
}

/// Returns true if a tick has passed since the timer was acknowledged; false if there is no timer.
fn tick_has_passed(ticks: Option<&Device>) -> bool {
    let Some(ticks) = ticks else { return false };
    let mut fd = [libc::pollfd { fd: ticks.raw(), events: libc::POLLPRI, revents: 0 }];
    sys::poll(&mut fd, 0) > 0
}
