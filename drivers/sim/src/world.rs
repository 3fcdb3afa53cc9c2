//! All lines of a card and what they end in, moved on by one millisecond at a time.
//!
//! A tick has four passes over the positions, so that both ends of a cross-connect see the same millisecond: take what
//! the card sends; show it to the far ends; hear them; give the card what it receives.

use card::Loopback;
use clock::SampleTime;
use tdm::{Alarms, CHUNK, Chunk, HdlcFrame};

use crate::edge::{Edge, Levels};
use crate::far_end::{FarEnd, FarReply, FarTick};
use crate::far_hdlc::FarHdlc;
use crate::position::{Position, Sink};
use crate::socket::{Heard, SocketLine};

/// What a position ends in, running.
pub(crate) enum Far {
    Open,
    Loop,
    Cross(usize),
    Local(LocalFar),
    Socket(SocketLine),
}

/// A far end in this process with what it needs around it.
pub(crate) struct LocalFar {
    far: Box<dyn FarEnd>,
    hdlc: Option<FarHdlc>,
    frames: Vec<HdlcFrame>,
    reply: FarReply,
    /// True once it has heard of the line that is attached now.
    knows_line: bool,
}

impl LocalFar {
    pub(crate) fn new(far: Box<dyn FarEnd>) -> LocalFar {
        LocalFar { far, hdlc: None, frames: Vec::new(), reply: FarReply::default(), knows_line: false }
    }
}

/// The lines of a card.
pub(crate) struct World {
    pub(crate) positions: Vec<Position>,
    pub(crate) fars: Vec<Far>,
    /// What each position shows its far end in this tick, and the changes in it.
    shown: Vec<Levels>,
    edges: Vec<Vec<Edge>>,
    /// Ticks in which a program was late, by position.
    pub(crate) underruns: Vec<u64>,
}

impl World {
    pub(crate) fn new(positions: Vec<Position>, fars: Vec<Far>) -> World {
        let count = positions.len();
        World {
            positions,
            fars,
            shown: vec![Levels::default(); count],
            edges: vec![Vec::new(); count],
            underruns: vec![0; count],
        }
    }

    /// Forgets what the far end of a position has been told: another one is there, or another line.
    pub(crate) fn renew(&mut self, index: usize) {
        self.positions[index].told_far = Levels::default();
        match &mut self.fars[index] {
            Far::Local(local) => local.knows_line = false,
            Far::Socket(socket) => socket.disconnect(),
            Far::Open | Far::Loop | Far::Cross(_) => {}
        }
    }

    /// Lives through one millisecond: `sent` is the card's row, none if the tick was lost; `row` is what it receives.
    pub(crate) fn tick(
        &mut self,
        time: SampleTime,
        sent: Option<&[Chunk]>,
        row: &mut [Chunk],
        sink: &mut impl Sink,
    ) {
        let mut first = 0;
        for position in &mut self.positions {
            let channels = position.sent.len();
            position.take(sent.map(|row| &row[first..first + channels]));
            first += channels;
        }
        for index in 0..self.positions.len() {
            self.show(index, time);
        }
        let mut first = 0;
        for index in 0..self.positions.len() {
            let puts = self.hear(index, time);
            let channels = self.positions[index].sent.len();
            self.positions[index].receive(index, &mut row[first..first + channels], puts, sink);
            first += channels;
        }
    }

    fn show(&mut self, index: usize, time: SampleTime) {
        let position = &mut self.positions[index];
        if let Far::Socket(socket) = &mut self.fars[index]
            && let Some(line) = position.far_line()
            && socket.meet(&line)
        {
            position.told_far = Levels::default();
        }
        let levels = position.shows();
        let edges = &mut self.edges[index];
        edges.clear();
        position.told_far.edges_to(&levels, |edge| edges.push(edge));
        position.told_far = levels;
        self.shown[index] = levels;
        if position.cut && position.loopback != Loopback::Local {
            let idle = [position.law().idle(); CHUNK];
            position.sent.fill(idle);
        }
        if let Far::Socket(socket) = &mut self.fars[index] {
            socket.send(time, &position.sent, edges);
        }
    }

    /// Puts what the far end sends into the position; returns how many chunks of it the elastic store shall take.
    fn hear(&mut self, index: usize, time: SampleTime) -> u8 {
        let position = &mut self.positions[index];
        position.unplugged = false;
        let idle = [position.law().idle(); CHUNK];
        match &mut self.fars[index] {
            Far::Open => {
                position.heard.fill(idle);
                position.signal = position.kind.is_analog();
                position.unplugged = true;
                position.far = Levels::default();
            }
            Far::Loop => {
                position.heard.copy_from_slice(&position.sent);
                position.signal = true;
                position.far = Levels::default();
                if !position.kind.is_analog() {
                    position.far = self.shown[index];
                    position.far.alarms &= Alarms::AIS | Alarms::YELLOW;
                }
            }
            Far::Cross(other) => {
                let other = *other;
                // Taken out and put back, since both positions are in one list.
                let sent = std::mem::take(&mut self.positions[other].sent);
                let position = &mut self.positions[index];
                position.heard.copy_from_slice(&sent);
                position.signal = true;
                position.far = self.shown[other];
                self.positions[other].sent = sent;
            }
            Far::Socket(socket) => {
                position.heard.fill(idle);
                let (mut slips, far) = (0_i8, &mut position.far);
                let heard = socket.hear(&mut position.heard, |edge| match edge {
                    Edge::Slip(frames) => slips = slips.saturating_add(frames),
                    level => far.apply(level),
                });
                match heard {
                    Heard::Nobody => *far = Levels::default(),
                    Heard::Underrun => self.underruns[index] += 1,
                    Heard::Tick => {}
                }
                position.signal = heard != Heard::Nobody || position.kind.is_analog();
                position.unplugged = heard == Heard::Nobody;
                position.pending_slip = position.pending_slip.saturating_add(slips);
            }
            Far::Local(local) => return local.hear(position, &self.edges[index], time),
        }
        1
    }
}

impl LocalFar {
    fn hear(&mut self, position: &mut Position, edges: &[Edge], time: SampleTime) -> u8 {
        position.signal = true;
        let Some(line) = position.far_line() else {
            let idle = [position.law().idle(); CHUNK];
            position.heard.fill(idle);
            position.far = Levels::default();
            return 1;
        };
        if !self.knows_line {
            self.knows_line = true;
            self.far.attached(&line);
            self.hdlc = (self.far.speaks_frames() && line.d_timeslot.is_some()).then(FarHdlc::new);
        }
        // Its clock runs by itself: now and then it lives one millisecond more or less than the card.
        if position.ppm < 0.0 && position.elastic.full() {
            position.elastic.balance(false);
            return 0;
        }
        if position.ppm > 0.0 && position.elastic.empty() {
            self.tick(position, edges, time);
            let Position { elastic, heard, .. } = position;
            elastic.put(heard);
            elastic.balance(true);
            self.tick(position, &[], time);
        } else {
            self.tick(position, edges, time);
        }
        1
    }

    fn tick(&mut self, position: &mut Position, edges: &[Edge], time: SampleTime) {
        let d_index = position
            .far_line()
            .and_then(|line| line.d_timeslot)
            .map(|timeslot| usize::from(timeslot.0).wrapping_sub(1));
        self.frames.clear();
        if let (Some(hdlc), Some(chunk)) = (&mut self.hdlc, d_index.and_then(|d| position.sent.get(d))) {
            let frames = &mut self.frames;
            hdlc.hear(chunk, |frame| frames.extend(HdlcFrame::new(frame)));
        }
        let idle = [position.law().idle(); CHUNK];
        position.heard.fill(idle);
        self.far.tick(&mut FarTick {
            time,
            heard: &position.sent,
            edges,
            frames: &self.frames,
            says: &mut position.heard,
            reply: &mut self.reply,
        });
        if let (Some(hdlc), Some(chunk)) = (&mut self.hdlc, d_index.and_then(|d| position.heard.get_mut(d))) {
            self.reply.frames.drain(..).for_each(|frame| {
                // A full queue loses the frame, as a line would; LAPD sends it again.
                let _ = hdlc.send(frame);
            });
            *chunk = hdlc.chunk();
        }
        self.reply.frames.clear();
        for edge in self.reply.edges.drain(..) {
            match edge {
                Edge::Slip(frames) => {
                    position.pending_slip = position.pending_slip.saturating_add(frames);
                }
                level => position.far.apply(level),
            }
        }
    }
}
