//! The realtime half: one `poll` a period, one read and one write for each descriptor.
//!
//! Time: the first span that runs is the clock. Every period is one block of every span; a late wake brings several. The
//! kernel's buffers towards the line are kept `depth` blocks full, so that the thread may come `depth - 1` blocks late.
//! Later than that, buffers have run dry: what was received is thrown away, all buffers are begun anew, and the sample time
//! jumps by what the machine's clock says.
//!
//! In step: a span's blocks must begin in the same tick (1 ms) as the clock's, both ways, or its octets would come a few
//! milliseconds apart. Buffers are therefore begun right after the clock's wake ([`State::Joining`]), no tick may pass while it
//! is done (a DAHDI timer of one tick tells), and for some periods both must become readable together
//! ([`State::Checking`]); else it is done again. Nobody else's octets are touched by that.
//!
//! Limits: a span whose clock is not locked to the first one's slips: it is put in step again, which costs it some blocks.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use card::{CardEvent, CardIo, IoFault, LineOrder, Period, RtDelay, Signalling, SpanSlot, count};
use clock::{Clock, Mono, MonoClock, SampleTime};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, ClockNanosleepFlags, clock_nanosleep};
use rtrb::{Consumer, Producer};
use tdm::{Alarms, CHUNK, Chunk, MAX_FRAME, SpanId};

use crate::abi::{self, event};
use crate::config::DahdiConfig;
use crate::control::Command;
use crate::lines::OpenSpan;
use crate::order;
use crate::place::{Place, State, alarms, channel_of};
use crate::shared::Shared;
use crate::sys::{self, Device, Stop};

/// Without a block of any span for so long the card has stalled.
const STALLED_AFTER: Duration = Duration::from_secs(1);

/// Without a block of the clock's span for so long beside its length another span takes over.
const CLOCK_PATIENCE: Duration = Duration::from_millis(40);

/// How far apart two spans of one tick may become readable.
const SAME_TICK: Duration = Duration::from_micros(300);

/// Periods in which a span that has joined is checked.
const CHECKS: u8 = 4;

/// Periods after which a span joins though the thread was never in time: a machine that slow has worse troubles.
const MOST_WAITED: u32 = 200;

/// Events that may wait to be taken.
const EVENT_ROOM: usize = 1_024;

/// How often the clock's buffers are begun until it happens within one tick.
const BEGIN_ATTEMPTS: u32 = 16;

/// The most events that are taken from one channel at once.
const MAX_EVENTS: usize = 32;

/// Every so many periods it is looked whether a span has a block too many.
const LOOK_FOR_SLIPS: u64 = 256;

/// Periods in a row without a block after which a span with a descriptor a channel is begun anew.
const MISSING_PERIODS: u32 = 4;

/// Octets of a frame with its check sequence.
const FRAME_ROOM: usize = MAX_FRAME + FCS;
const FCS: usize = 2;

/// The realtime half of a DAHDI card.
pub struct DahdiIo {
    shared: Arc<Shared>,
    places: Vec<Place>,
    slots: Vec<SpanSlot>,
    rx: Vec<Chunk>,
    tx: Vec<Chunk>,
    /// Channels in a row.
    channels: usize,
    /// Chunks of a block.
    block: usize,
    depth: usize,
    line_delay: u32,
    /// One block of one descriptor.
    scratch: Vec<u8>,
    fds: Vec<libc::pollfd>,
    /// Whose each of `fds` is: position and group.
    owners: Vec<(usize, usize)>,
    fds_stale: bool,
    /// The position whose span is the clock.
    clock: Option<usize>,
    /// A DAHDI timer of one tick.
    ticks: Option<Device>,
    commands: Consumer<Command>,
    trash: Producer<Box<OpenSpan>>,
    events: VecDeque<CardEvent>,
    in_hand: usize,
    next_sample: u64,
    /// When the last period was taken up; none before the first.
    last_wake: Option<Mono>,
    measurement: u32,
    /// The last wait began before the clock's block was there.
    in_time: bool,
    frame: [u8; FRAME_ROOM],
    periods: u64,
}

fn now() -> Mono {
    MonoClock.now()
}

fn sleep_until(at: Mono) {
    let at = TimeSpec::from(at.since(Mono::ZERO));
    // A signal may end the sleep early: the rest is slept again.
    while clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &at)
        == Err(nix::errno::Errno::EINTR)
    {}
}

/// Makes a timer that tells whether a tick has passed; none if the kernel gives none.
fn tick_timer(config: &DahdiConfig) -> Option<Device> {
    let timer = Device::open(&config.devices.join("timer")).ok()?;
    timer.set(abi::TIMERCONFIG, CHUNK as i32).ok()?;
    Some(timer)
}

impl DahdiIo {
    pub(crate) fn new(
        config: &DahdiConfig,
        slots: Vec<SpanSlot>,
        opened: impl IntoIterator<Item = Box<OpenSpan>>,
        shared: Arc<Shared>,
        commands: Consumer<Command>,
        trash: Producer<Box<OpenSpan>>,
    ) -> DahdiIo {
        let mut places: Vec<Place> = slots.iter().map(|_| Place::new(None)).collect();
        for span in opened {
            let position = span.position;
            shared.positions[position].set_alarms(Alarms::DETACHED);
            places[position] = Place::new(Some(span));
        }
        let channels: usize = slots.iter().map(|slot| usize::from(slot.channels)).sum();
        let (block, depth) = (usize::from(config.block_ms), config.depth());
        let rows = block * depth * channels;
        let most = usize::from(slots.iter().map(|slot| slot.channels).max().unwrap_or(1));
        DahdiIo {
            shared,
            places,
            rx: vec![[0; CHUNK]; rows],
            tx: vec![[0; CHUNK]; rows],
            channels,
            block,
            depth,
            line_delay: config.line_delay_samples,
            scratch: vec![0; block * CHUNK * most],
            fds: Vec::with_capacity(channels),
            owners: Vec::with_capacity(channels),
            fds_stale: true,
            clock: None,
            ticks: tick_timer(config),
            commands,
            trash,
            events: VecDeque::with_capacity(EVENT_ROOM),
            in_hand: 0,
            next_sample: 0,
            last_wake: None,
            measurement: 0,
            in_time: true,
            frame: [0; FRAME_ROOM],
            periods: 0,
            slots,
        }
    }

    fn tell(&mut self, event: CardEvent) {
        if self.events.len() < EVENT_ROOM {
            self.events.push_back(event);
        } else {
            count(&self.shared.tally.lost_events, 1);
        }
    }

    // --- spans that come and go ---

    fn take_commands(&mut self) {
        while let Ok(command) = self.commands.pop() {
            match command {
                Command::Attach { span, asked } => self.take_up_span(span, asked),
                Command::Detach(position) => self.let_go(position),
            }
        }
    }

    fn take_up_span(&mut self, span: Box<OpenSpan>, asked: bool) {
        let position = span.position;
        self.put_away(position);
        let line = span.line;
        self.places[position] =
            Place { asked, alarms: self.places[position].alarms, ..Place::new(Some(span)) };
        if asked {
            self.places[position].alarms = Alarms::empty();
        }
        let slot = &mut self.slots[position];
        (slot.span, slot.law, slot.signalling) = (Some(line.span), line.law, line.signalling);
        self.fds_stale = true;
    }

    fn let_go(&mut self, position: usize) {
        self.put_away(position);
        self.shared.positions[position].set_alarms(Alarms::empty());
        if let Some(span) = self.slots[position].span.take() {
            self.tell(CardEvent::Detached { span });
        }
    }

    /// Gives an open span to the keeper, who closes it.
    fn put_away(&mut self, position: usize) {
        let place = &mut self.places[position];
        place.state = State::Empty;
        if let Some(open) = place.open.take() {
            // The ring has room for more spans than there can be; what does not fit is closed here.
            drop(self.trash.push(open));
        }
        if self.clock == Some(position) {
            self.clock = None;
        }
        self.fds_stale = true;
    }

    /// A span is gone from the kernel: its module was unloaded, its card unplugged, or it was unassigned.
    fn lose(&mut self, position: usize) {
        if self.places[position].open.is_none() {
            return;
        }
        self.put_away(position);
        self.places[position].alarms = Alarms::DETACHED;
        self.shared.positions[position].set_alarms(Alarms::DETACHED);
        self.shared.positions[position].gone.store(true, Ordering::Release);
        if let Some(span) = self.slots[position].span {
            self.tell(CardEvent::Alarms { span, alarms: Alarms::DETACHED });
        }
    }

    // --- in step ---

    /// Begins a span's buffers anew, with `blocks` idle blocks towards the line.
    fn begin(&mut self, position: usize, blocks: usize) -> Begun {
        let law = self.slots[position].law;
        let Some(open) = &self.places[position].open else { return Begun::Gone };
        let mut begun = Begun::InOneTick;
        for group in &open.groups {
            let octets = self.block * CHUNK * group.columns.len();
            let idle = &mut self.scratch[..octets];
            idle.fill(law.idle());
            if let Some(ticks) = &self.ticks {
                // What cannot be acknowledged is seen below as a tick that has passed.
                let _ = ticks.set(abi::TIMERACK, -1);
            }
            // Sending and receiving must begin in the same tick: nothing stands between these but the first block.
            let flushed = group.device.set(abi::FLUSH, abi::FLUSH_WRITE).is_ok();
            let mut there = flushed && write_idle(&group.device, idle);
            there &= group.device.set(abi::FLUSH, abi::FLUSH_READ).is_ok();
            if tick_has_passed(self.ticks.as_ref()) {
                begun = Begun::OverTicks;
            }
            for _ in 1..blocks {
                there &= write_idle(&group.device, idle);
            }
            if !there {
                return Begun::Gone;
            }
        }
        begun
    }

    /// Returns true if this wake, with so many blocks, came in time to put a span in step or to check it.
    fn may_judge(&mut self, position: usize, blocks: usize) -> bool {
        let place = &mut self.places[position];
        place.waited += 1;
        (self.in_time && blocks == 1) || place.waited > MOST_WAITED
    }

    /// Puts the spans that wait for it in step, right after the clock's wake with `blocks` blocks.
    fn join_waiting(&mut self, blocks: usize) {
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
    fn settle(&mut self, position: usize) {
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

    /// Makes the first span that can be the clock, and begins it if it does not run.
    fn choose_clock(&mut self) {
        let running = self.places.iter().position(|place| place.state == State::Running);
        let any = || self.places.iter().position(|place| place.open.is_some());
        let Some(position) = running.or_else(any) else { return };
        self.clock = Some(position);
        if running.is_none() {
            self.begin_clock(position);
        }
    }

    /// Begins the clock's span anew; all others join again.
    fn begin_clock(&mut self, position: usize) {
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
        self.places[position].state = State::Checking(0);
        self.settle(position);
    }

    // --- waiting ---

    fn list_fds(&mut self) {
        if !core::mem::take(&mut self.fds_stale) {
            return;
        }
        self.fds.clear();
        self.owners.clear();
        for (position, place) in self.places.iter().enumerate() {
            let groups = place.open.iter().flat_map(|open| open.groups.iter().enumerate());
            for (index, group) in groups {
                self.fds.push(libc::pollfd { fd: group.device.raw(), events: libc::POLLPRI, revents: 0 });
                self.owners.push((position, index));
            }
        }
    }

    /// Polls once: events are taken, lost spans put away. Returns whether the clock's block is there.
    fn look(&mut self, timeout: Duration) -> bool {
        self.list_fds();
        for (fd, &(position, group)) in self.fds.iter_mut().zip(&self.owners) {
            let checked = matches!(self.places[position].state, State::Checking(_));
            let asked = group == 0 && (self.clock == Some(position) || checked);
            fd.events = if asked { libc::POLLPRI | libc::POLLIN } else { libc::POLLPRI };
            fd.revents = 0;
        }
        let timeout = i32::try_from(timeout.as_millis()).unwrap_or(i32::MAX);
        if sys::poll(&mut self.fds, timeout) == 0 {
            return false;
        }
        let mut ready = false;
        for index in 0..self.fds.len() {
            let (revents, (position, group)) = (self.fds[index].revents, self.owners[index]);
            if revents == 0 || self.places[position].open.is_none() {
                continue;
            }
            if revents & (libc::POLLERR | libc::POLLHUP | libc::POLLNVAL) != 0 {
                self.lose(position);
                continue;
            }
            if revents & libc::POLLPRI != 0 {
                self.take_events(position, group);
            }
            ready |= revents & libc::POLLIN != 0 && self.clock == Some(position) && group == 0;
        }
        ready
    }

    /// Waits for the clock's next block; false if there is no clock any more.
    fn wait_for_clock(&mut self) -> Result<bool, IoFault> {
        let deadline = now() + STALLED_AFTER;
        let patient_until = now() + self.clock_patience();
        // Whether spans are in step can only be seen by a thread that is there before their blocks are.
        let waiting =
            self.places.iter().any(|place| matches!(place.state, State::Joining | State::Checking(_)));
        self.in_time = !waiting || !self.look(Duration::ZERO);
        if self.clock.is_none() {
            return Ok(false);
        }
        loop {
            if self.shared.stopped() {
                return Err(IoFault::Gone);
            }
            let left = deadline.since(now());
            let ready = self.look(left.min(self.clock_patience()));
            if !ready && now() >= patient_until && self.hand_over_clock() {
                continue;
            }
            if self.clock.is_none() {
                return Ok(false);
            }
            if self.others_are_off(ready) {
                sleep_until(now() + SAME_TICK);
                let ready = self.look(Duration::ZERO);
                if self.clock.is_none() {
                    return Ok(false);
                }
                self.judge(ready);
                if ready {
                    return Ok(true);
                }
            } else if ready {
                self.judge(true);
                return Ok(true);
            }
            if now() >= deadline {
                return Err(IoFault::Stalled);
            }
        }
    }

    fn clock_patience(&self) -> Duration {
        CLOCK_PATIENCE + Duration::from_millis(2 * self.block as u64)
    }

    /// Makes another span the clock that has a block, since the present one has none for too long; false if none has.
    fn hand_over_clock(&mut self) -> bool {
        let runs_dry = self.clock;
        let has_block = |place: &Place| {
            let fd = place.open.as_ref().and_then(|open| open.groups.first()).map(|group| group.device.raw());
            let mut fds = [libc::pollfd { fd: fd.unwrap_or(-1), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut fds, 0) > 0
        };
        let fresh = (0..self.places.len())
            .find(|&position| Some(position) != runs_dry && has_block(&self.places[position]));
        let Some(fresh) = fresh else { return false };
        self.clock = Some(fresh);
        self.begin_clock(fresh);
        true
    }

    /// Returns true if a span that is checked became readable without the clock, or not with it.
    fn others_are_off(&self, clock_ready: bool) -> bool {
        self.checked().any(|(_, ready)| ready != clock_ready)
    }

    /// The spans that are checked, and whether their block is there.
    fn checked(&self) -> impl Iterator<Item = (usize, bool)> {
        let pairs = self.fds.iter().zip(&self.owners);
        pairs.filter_map(|(fd, &(position, group))| {
            let checked = matches!(self.places[position].state, State::Checking(_));
            let other = group == 0 && self.clock != Some(position);
            (checked && other).then_some((position, fd.revents & libc::POLLIN != 0))
        })
    }

    /// Takes those that are checked and out of step back to joining.
    fn judge(&mut self, clock_ready: bool) {
        for position in 0..self.places.len() {
            let found = self.checked().find(|&(checked, _)| checked == position);
            let Some((_, ready)) = found else { continue };
            if ready != clock_ready {
                self.places[position].state = State::Joining;
            }
        }
    }

    // --- events ---

    fn take_events(&mut self, position: usize, group: usize) {
        for _ in 0..MAX_EVENTS {
            let Some(open) = &self.places[position].open else { return };
            match open.groups[group].device.get(abi::GETEVENT) {
                Ok(event::NONE) => return,
                Ok(kernel) => self.take_event(position, group, kernel),
                Err(_) => return self.lose(position),
            }
        }
    }

    fn take_event(&mut self, position: usize, group: usize, kernel: i32) {
        match kernel {
            event::ALARM | event::NOALARM => self.places[position].ask_alarms = true,
            event::REMOVED => self.lose(position),
            event::BITSCHANGED => self.take_bits(position, group),
            other => self.take_port_event(position, group, other),
        }
    }

    fn take_bits(&mut self, position: usize, group: usize) {
        let Some(span) = self.slots[position].span else { return };
        let place = &mut self.places[position];
        let Some(open) = &place.open else { return };
        let (device, column) = (&open.groups[group].device, open.groups[group].first);
        let Ok(kernel) = device.get(abi::GETRXBITS) else { return };
        if let Some(bits) = place.lines[column].bits(kernel) {
            self.tell(CardEvent::Abcd { channel: channel_of(span, column), bits });
        }
    }

    /// Tells how the signalling bits of all channels stand.
    fn take_all_bits(&mut self, position: usize) {
        if self.slots[position].signalling == Signalling::Cas {
            for group in 0..self.groups(position) {
                self.take_bits(position, group);
            }
        }
    }

    fn take_port_event(&mut self, position: usize, group: usize, kernel: i32) {
        let slot = self.slots[position];
        let Some(span) = slot.span else { return };
        let place = &mut self.places[position];
        let Some(open) = &place.open else { return };
        let column = open.groups[group].first;
        let (events, shared) = (&mut self.events, &self.shared);
        let answer = place.lines[column].port_event(slot.kind, channel_of(span, column), kernel, |event| {
            if events.len() < EVENT_ROOM {
                events.push_back(event);
            } else {
                count(&shared.tally.lost_events, 1);
            }
        });
        order::answer(open, column, answer);
    }

    /// Asks for the alarms of spans that told of some, and tells them if they have changed.
    fn ask_alarms(&mut self) {
        for position in 0..self.places.len() {
            let place = &mut self.places[position];
            if place.open.is_none() || !core::mem::take(&mut place.ask_alarms) {
                continue;
            }
            let Some(open) = &place.open else { continue };
            let Some(info) =
                open.groups.first().and_then(|group| group.device.span_info(open.number as i32).ok())
            else {
                continue;
            };
            let stand = alarms(info.alarms);
            let errors = i64::from(info.bpvcount) + i64::from(info.crc4count) + i64::from(info.fascount);
            let changed = core::mem::replace(&mut place.alarms, stand) != stand;
            let shared = &self.shared.positions[position];
            shared.errors.store(u64::try_from(errors).unwrap_or(0), Ordering::Release);
            // A span that is not in step carries nothing, whatever its line says.
            let carries = place.state == State::Running || !stand.is_empty();
            shared.set_alarms(if carries { stand } else { Alarms::DETACHED });
            if let (true, Some(span)) = (changed, self.slots[position].span) {
                self.tell(CardEvent::Alarms { span, alarms: stand });
            }
        }
    }

    // --- blocks ---

    /// Reads one block of a descriptor into block `at` of the period.
    fn read_block(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let group = &open.groups[group];
        let columns = group.columns.len();
        let octets = &mut self.scratch[..self.block * CHUNK * columns];
        let got = group.device.read(octets)?;
        let first = usize::from(self.slots[position].first_channel);
        for (column, place) in group.columns.places(group.first).enumerate() {
            for chunk in 0..self.block {
                let row = (at * self.block + chunk) * self.channels;
                let to = &mut self.rx[row + first + place];
                for (k, octet) in to.iter_mut().enumerate() {
                    let from = (chunk * CHUNK + k) * columns + column;
                    if from < got {
                        *octet = octets[from];
                    }
                }
            }
        }
        Ok(())
    }

    /// As [`DahdiIo::read_block`], taking events that are in the way.
    fn read_past_events(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        match self.read_block(position, group, at) {
            Err(Stop::Event) => {
                self.take_events(position, group);
                self.read_block(position, group, at)
            }
            other => other,
        }
    }

    fn write_block(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let group = &open.groups[group];
        let columns = group.columns.len();
        let octets = &mut self.scratch[..self.block * CHUNK * columns];
        let first = usize::from(self.slots[position].first_channel);
        for (column, place) in group.columns.places(group.first).enumerate() {
            for chunk in 0..self.block {
                let row = (at * self.block + chunk) * self.channels;
                let from = &self.tx[row + first + place];
                for (k, octet) in from.iter().enumerate() {
                    octets[(chunk * CHUNK + k) * columns + column] = *octet;
                }
            }
        }
        group.device.write(octets).map(drop)
    }

    fn write_past_events(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        match self.write_block(position, group, at) {
            Err(Stop::Event) => {
                self.take_events(position, group);
                self.write_block(position, group, at)
            }
            other => other,
        }
    }

    fn groups(&self, position: usize) -> usize {
        self.places[position].open.as_ref().map_or(0, |open| open.groups.len())
    }

    /// Reads what the clock has: none if it is gone, else how many blocks.
    fn read_clock(&mut self, position: usize) -> Option<usize> {
        let mut blocks = 0;
        while blocks < self.depth {
            match self.read_past_events(position, 0, blocks) {
                Ok(()) => blocks += 1,
                Err(Stop::Empty | Stop::Event) => break,
                Err(Stop::Gone) => {
                    self.lose(position);
                    return None;
                }
            }
        }
        Some(blocks)
    }

    /// Reads as many blocks of all that runs beside what [`DahdiIo::read_clock`] has read.
    fn read_others(&mut self, blocks: usize) {
        for position in 0..self.places.len() {
            if !self.places[position].runs() {
                continue;
            }
            let mut short = false;
            for at in 0..blocks {
                for group in usize::from(self.clock == Some(position))..self.groups(position) {
                    match self.read_patiently(position, group, at) {
                        Ok(()) => {}
                        Err(Stop::Empty | Stop::Event) => short = true,
                        Err(Stop::Gone) => self.lose(position),
                    }
                }
            }
            if matches!(self.places[position].state, State::Checking(_)) {
                if short || self.has_more(position) {
                    self.places[position].state = State::Joining;
                } else if self.may_judge(position, blocks) {
                    // Only a wake in time shows whether both became readable together.
                    self.settle(position);
                }
            } else {
                self.note_missing(position, short);
            }
        }
        if self.periods.is_multiple_of(LOOK_FOR_SLIPS) {
            self.look_for_slips();
        }
    }

    /// Reads a block, and waits for the rest of the tick if it is not there yet: spans are served one after the other.
    fn read_patiently(&mut self, position: usize, group: usize, at: usize) -> Result<(), Stop> {
        let first = self.read_past_events(position, group, at);
        if first != Err(Stop::Empty) || !self.places[position].is_whole() {
            return first;
        }
        let Some(open) = &self.places[position].open else { return Err(Stop::Gone) };
        let fd = open.groups[group].device.raw();
        sys::poll(&mut [libc::pollfd { fd, events: libc::POLLIN | libc::POLLPRI, revents: 0 }], 1);
        self.read_past_events(position, group, at)
    }

    fn note_missing(&mut self, position: usize, short: bool) {
        let place = &mut self.places[position];
        if !place.runs() {
            return;
        }
        place.missing = if short { place.missing + 1 } else { 0 };
        let patience = if place.is_whole() { 1 } else { MISSING_PERIODS };
        if place.missing >= patience {
            self.slip(position, 1);
        }
    }

    /// A span whose clock is faster than ours has a block too many after some time.
    fn look_for_slips(&mut self) {
        for position in 0..self.places.len() {
            let whole = self.places[position].is_whole();
            let other = self.clock != Some(position) && self.places[position].state == State::Running;
            if other && whole && self.has_more(position) {
                self.slip(position, -1);
            }
        }
    }

    /// Returns true if a span has a block beside those that were read, though the clock has none.
    fn has_more(&mut self, position: usize) -> bool {
        let poll = |place: &Place| {
            let fd = place.open.as_ref().and_then(|open| open.groups.first()).map(|group| group.device.raw());
            let mut fds = [libc::pollfd { fd: fd.unwrap_or(-1), events: libc::POLLIN, revents: 0 }];
            sys::poll(&mut fds, 0) > 0
        };
        let more = poll(&self.places[position]);
        more && !self.clock.is_some_and(|clock| poll(&self.places[clock]))
    }

    /// A block is missing or too many: it is told, and the span put in step again.
    fn slip(&mut self, position: usize, sign: i8) {
        self.places[position].state = State::Joining;
        self.places[position].missing = 0;
        count(&self.shared.positions[position].slips, 1);
        let frames = i8::try_from(self.block * CHUNK).unwrap_or(i8::MAX) * sign;
        if let Some(span) = self.slots[position].span {
            self.tell(CardEvent::Slip { span, frames });
        }
    }

    fn idle(rows: &mut [Chunk], channels: usize, slots: &[SpanSlot]) {
        for row in rows.chunks_mut(channels.max(1)) {
            for slot in slots {
                let first = usize::from(slot.first_channel);
                row[first..first + usize::from(slot.channels)].fill([slot.law.idle(); CHUNK]);
            }
        }
    }

    /// Opens a period of `chunks`, `lost` samples after the last.
    fn open_period(&mut self, chunks: usize, lost: u64) -> Period {
        self.in_hand = chunks;
        let rows = chunks * self.channels;
        DahdiIo::idle(&mut self.tx[..rows], self.channels, &self.slots);
        let time = SampleTime::from_samples(self.next_sample + lost);
        self.next_sample += lost + (chunks * CHUNK) as u64;
        self.last_wake = Some(now());
        self.periods += 1;
        count(&self.shared.tally.periods, 1);
        count(&self.shared.tally.lost_samples, lost);
        Period {
            time,
            chunks: u16::try_from(chunks).unwrap_or(u16::MAX),
            lost: u32::try_from(lost).unwrap_or(u32::MAX),
        }
    }

    /// Takes up what the clock has; none if it must be begun anew or is gone.
    fn take_up(&mut self, clock: usize, begun_anew: bool) -> Option<Period> {
        let all = self.depth * self.block * self.channels;
        DahdiIo::idle(&mut self.rx[..all], self.channels, &self.slots);
        let blocks = self.read_clock(clock).filter(|&blocks| blocks > 0)?;
        if blocks >= self.depth {
            // So many blocks received are so many sent: the line has had nothing to send since.
            count(&self.shared.tally.xruns, 1);
            self.begin_clock(clock);
            return None;
        }
        self.read_others(blocks);
        self.join_waiting(blocks);
        self.ask_alarms();
        let chunks = blocks * self.block;
        let lost = if begun_anew { self.lost_since_last_wake(chunks) } else { 0 };
        Some(self.open_period(chunks, lost))
    }

    /// How many samples, in whole chunks, passed beside the `chunks` in hand since the last period, by the machine's clock.
    fn lost_since_last_wake(&self, chunks: usize) -> u64 {
        let Some(last) = self.last_wake else { return 0 };
        let passed = (now().since(last).as_micros() + 500) / 1_000;
        let lost = u64::try_from(passed).unwrap_or(0).saturating_sub(chunks as u64);
        lost.max(1) * CHUNK as u64
    }

    /// A period without any span: time goes on by the machine's clock.
    fn idle_period(&mut self) -> Period {
        let length = Duration::from_millis(self.block as u64);
        let due = self.last_wake.unwrap_or_else(now) + length;
        sleep_until(due);
        let rows = self.block * self.channels;
        DahdiIo::idle(&mut self.rx[..rows], self.channels, &self.slots);
        let late = now().since(due).as_millis() as usize;
        let lost = if late > self.block * self.depth { late / self.block * self.block * CHUNK } else { 0 };
        let period = self.open_period(self.block, lost as u64);
        if lost == 0 {
            self.last_wake = Some(due);
        }
        period
    }

    fn give_up_period(&mut self) -> Result<(), IoFault> {
        if self.in_hand > 0 {
            // A period that was not committed goes out idle, so that no block is missing.
            let rows = self.in_hand * self.channels;
            DahdiIo::idle(&mut self.tx[..rows], self.channels, &self.slots);
            self.commit()?;
        }
        Ok(())
    }

    fn frames_of(&self, span: SpanId) -> Option<(usize, &Device)> {
        let position = self.slots.iter().position(|slot| slot.span == Some(span))?;
        let device = self.places[position].open.as_ref()?.frames.as_ref()?;
        Some((position, device))
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

/// Writes an idle block; false if the channel is gone.
fn write_idle(device: &Device, idle: &[u8]) -> bool {
    let written = match device.write(idle) {
        Err(Stop::Event) => {
            drain(device);
            device.write(idle)
        }
        other => other,
    };
    written != Err(Stop::Gone)
}

/// Throws away the events of a channel that is begun anew.
fn drain(device: &Device) {
    for _ in 0..MAX_EVENTS {
        if !matches!(device.get(abi::GETEVENT), Ok(kernel) if kernel != event::NONE) {
            return;
        }
    }
}

impl CardIo for DahdiIo {
    fn wait(&mut self) -> Result<Period, IoFault> {
        self.give_up_period()?;
        let mut anew = false;
        loop {
            if self.shared.stopped() {
                return Err(IoFault::Gone);
            }
            self.take_commands();
            let before = self.measurement;
            if self.clock.is_none() {
                self.choose_clock();
            }
            anew |= self.measurement != before;
            if self.clock.is_none() {
                return Ok(self.idle_period());
            }
            if !self.wait_for_clock()? {
                continue;
            }
            let Some(clock) = self.clock else { continue };
            let before = self.measurement;
            if let Some(period) = self.take_up(clock, anew) {
                return Ok(period);
            }
            anew |= self.measurement != before;
        }
    }

    fn ready(&mut self) -> Option<Period> {
        self.give_up_period().ok()?;
        if self.shared.stopped() {
            return None;
        }
        self.take_commands();
        let before = self.measurement;
        if self.clock.is_none() {
            self.choose_clock();
        }
        let begun = self.measurement != before;
        let clock = self.clock?;
        let ready = self.look(Duration::ZERO);
        self.judge(ready);
        if !ready || self.clock != Some(clock) {
            return None;
        }
        self.take_up(clock, begun)
    }

    fn slots(&self) -> &[SpanSlot] {
        &self.slots
    }

    fn rx(&self) -> &[Chunk] {
        &self.rx[..self.in_hand * self.channels]
    }

    fn tx(&mut self) -> &mut [Chunk] {
        &mut self.tx[..self.in_hand * self.channels]
    }

    fn poll_event(&mut self) -> Option<CardEvent> {
        self.events.pop_front()
    }

    fn order(&mut self, order: LineOrder) {
        if !order::carry_out(&mut self.places, &self.slots, order) {
            count(&self.shared.tally.bad_orders, 1);
        }
    }

    fn rx_frame(&mut self, span: SpanId) -> Option<&[u8]> {
        for _ in 0..MAX_EVENTS {
            let (_, device) = self.frames_of(span)?;
            let mut frame = [0; FRAME_ROOM];
            match device.read(&mut frame) {
                Ok(got) if got > FCS => {
                    self.frame = frame;
                    return self.frame.get(..got - FCS);
                }
                Ok(_) => {}
                Err(Stop::Event) => match device.get(abi::GETEVENT) {
                    Ok(event::ABORT | event::OVERRUN | event::BADFCS) => {
                        self.tell(CardEvent::FrameLost { span });
                    }
                    Ok(_) => {}
                    Err(_) => return None,
                },
                Err(Stop::Empty | Stop::Gone) => return None,
            }
        }
        None
    }

    fn tx_frame(&mut self, span: SpanId, frame: &[u8]) -> bool {
        if frame.len() > MAX_FRAME {
            return false;
        }
        let Some((_, device)) = self.frames_of(span) else { return false };
        // The kernel puts the check sequence into the last two octets.
        let mut octets = [0; FRAME_ROOM];
        octets[..frame.len()].copy_from_slice(frame);
        let octets = &octets[..frame.len() + FCS];
        match device.write(octets) {
            Err(Stop::Event) => {
                drain(device);
                device.write(octets).is_ok()
            }
            result => result.is_ok(),
        }
    }

    fn commit(&mut self) -> Result<(), IoFault> {
        let blocks = core::mem::take(&mut self.in_hand) / self.block;
        for position in 0..self.places.len() {
            for group in 0..self.groups(position) {
                for at in 0..blocks {
                    if !self.places[position].runs() {
                        break;
                    }
                    match self.write_past_events(position, group, at) {
                        Ok(()) | Err(Stop::Empty | Stop::Event) => {}
                        Err(Stop::Gone) => self.lose(position),
                    }
                }
            }
        }
        if self.shared.stopped() { Err(IoFault::Gone) } else { Ok(()) }
    }

    fn rt_delay(&self) -> RtDelay {
        let samples = (self.depth * self.block * CHUNK) as u32 + self.line_delay;
        RtDelay { samples, measurement: self.measurement }
    }
}

impl Drop for DahdiIo {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
    }
}

const _: () = assert!(CHECKS > 0, "a span must be checked before it is trusted");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_rows_carry_each_spans_own_code() {
        let slot = |law, first_channel| SpanSlot {
            span: None,
            kind: tdm::SpanKind::E1,
            law,
            signalling: Signalling::Clear,
            first_channel,
            channels: 1,
        };
        let mut rows = [[0; CHUNK]; 4];
        DahdiIo::idle(&mut rows, 2, &[slot(tdm::Law::A, 0), slot(tdm::Law::Mu, 1)]);
        assert_eq!(rows, [[0xD5; 8], [0xFF; 8], [0xD5; 8], [0xFF; 8]]);
    }
}
