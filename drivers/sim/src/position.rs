//! One position of the card: the span plugged in here, the line behind it and what both ends show each other.
//!
//! ```text
//!  card's octets -> (hardware HDLC) -> sent ---------------> far end
//!                                       |  echo path            |
//!  card's octets <- elastic store <- loop or bit errors <- + <- heard
//!  card's events <- edges between `told` and what stands    <- `far` levels
//! ```

use card::{CardEvent, LineConfig, LineOrder, Loopback, RingCadence, Signalling};
use clock::Prng;
use tdm::{Alarms, CHUNK, ChannelId, Chunk, HookState, Law, Polarity, SpanId, SpanKind, Timeslot};

use crate::echo::Echo;
use crate::edge::{Edge, Levels, MAX_CHANNELS, mask, set};
use crate::elastic::Elastic;
use crate::far_hdlc::FarHdlc;
use crate::{EchoPath, FarLine};

/// What a tick tells the card beside its octets.
pub(crate) trait Sink {
    fn event(&mut self, event: CardEvent);
    fn frame(&mut self, position: usize, frame: &[u8]);
}

/// The state of one position.
pub(crate) struct Position {
    pub(crate) kind: SpanKind,
    pub(crate) line: Option<LineConfig>,
    pub(crate) loopback: Loopback,
    /// True while the line is cut.
    pub(crate) cut: bool,
    /// Set by the world in every tick: the far end is there and sends.
    pub(crate) signal: bool,
    /// Set by the world in every tick: nothing is plugged in.
    pub(crate) unplugged: bool,
    /// What the far end shows us.
    pub(crate) far: Levels,
    /// What the card has been told of it.
    told: Levels,
    /// What we show the far end, before alarms.
    near: Levels,
    /// What the far end has been told of it.
    pub(crate) told_far: Levels,
    ordered_alarms: Alarms,
    rings: [Option<(RingCadence, u32)>; MAX_CHANNELS],
    breaks_ms: [u16; MAX_CHANNELS],
    pub(crate) sent: Vec<Chunk>,
    pub(crate) heard: Vec<Chunk>,
    echo: Vec<Option<Echo>>,
    pub(crate) elastic: Elastic,
    pub(crate) ppm: f64,
    phase: f64,
    error_rate: f64,
    bits_to_error: f64,
    prng: Prng,
    /// The card's own HDLC.
    hdlc: Option<FarHdlc>,
    bad_frames: u64,
    /// Alarms that a fault makes the card see.
    pub(crate) forced: Alarms,
    /// Slips asked for, to be made with the next chunk.
    pub(crate) pending_slip: i8,
    pub(crate) slips: u64,
    pub(crate) errors: u64,
}

impl Position {
    pub(crate) fn new(kind: SpanKind, channels: u8, ppm: f64, error_rate: f64, prng: Prng) -> Position {
        let channels = usize::from(channels);
        let mut position = Position {
            kind,
            line: None,
            loopback: Loopback::None,
            cut: false,
            signal: false,
            unplugged: true,
            far: Levels::default(),
            told: Levels::default(),
            near: Levels::default(),
            told_far: Levels::default(),
            ordered_alarms: Alarms::empty(),
            rings: [None; MAX_CHANNELS],
            breaks_ms: [0; MAX_CHANNELS],
            sent: vec![[0; CHUNK]; channels],
            heard: vec![[0; CHUNK]; channels],
            echo: (0..channels).map(|_| None).collect(),
            elastic: Elastic::new(channels, kind.usual_law().idle()),
            ppm,
            phase: 0.0,
            error_rate: 0.0,
            bits_to_error: f64::INFINITY,
            prng,
            hdlc: None,
            bad_frames: 0,
            forced: Alarms::empty(),
            pending_slip: 0,
            slips: 0,
            errors: 0,
        };
        position.set_error_rate(error_rate);
        position
    }

    pub(crate) fn law(&self) -> Law {
        self.line.map_or(self.kind.usual_law(), |line| line.law)
    }

    /// Returns the line as the far end sees it; none while nothing is attached.
    pub(crate) fn far_line(&self) -> Option<FarLine> {
        let line = self.line?;
        let d_timeslot = match line.signalling {
            Signalling::Hdlc(timeslot) => Some(timeslot),
            Signalling::Clear | Signalling::Cas | Signalling::Loop => None,
        };
        let channels = self.sent.len() as u8;
        Some(FarLine { span: line.span, kind: self.kind, channels, law: line.law, d_timeslot })
    }

    pub(crate) fn attach(&mut self, line: LineConfig, hardware_hdlc: bool) {
        self.line = Some(line);
        let has_d = matches!(line.signalling, Signalling::Hdlc(_));
        self.hdlc = (hardware_hdlc && has_d).then(FarHdlc::new);
        self.bad_frames = 0;
        self.slips = 0;
        self.errors = 0;
        self.elastic.clear(line.law.idle());
    }

    /// Puts everything of the card's side back to rest.
    pub(crate) fn detach(&mut self) {
        self.line = None;
        self.loopback = Loopback::None;
        self.told = Levels::default();
        self.near = Levels::default();
        self.ordered_alarms = Alarms::empty();
        self.rings = [None; MAX_CHANNELS];
        self.breaks_ms = [0; MAX_CHANNELS];
        self.hdlc = None;
    }

    pub(crate) fn set_echo(&mut self, timeslot: Timeslot, path: Option<EchoPath>) {
        if let Some(echo) = self.echo.get_mut(usize::from(timeslot.0).wrapping_sub(1)) {
            *echo = path.map(Echo::new);
        }
    }

    pub(crate) fn set_error_rate(&mut self, rate: f64) {
        self.error_rate = rate;
        self.bits_to_error = if rate > 0.0 { self.prng.exponential(1.0 / rate) } else { f64::INFINITY };
    }

    /// Carries out an order that has been checked to fit this position.
    pub(crate) fn order(&mut self, order: LineOrder) {
        let index = |channel: ChannelId| usize::from(channel.timeslot.0).wrapping_sub(1);
        match order {
            LineOrder::Abcd { channel, bits } => {
                self.near.apply(Edge::Bits { timeslot: channel.timeslot, bits });
            }
            LineOrder::Hook { channel, state } => {
                set(&mut self.near.off_hook, channel.timeslot, state == HookState::OffHook);
            }
            LineOrder::Polarity { channel, polarity } => {
                set(&mut self.near.reversed, channel.timeslot, polarity == Polarity::Reversed);
            }
            LineOrder::Ring { channel, cadence } => {
                if let Some(ring) = self.rings.get_mut(index(channel)) {
                    *ring = cadence.map(|cadence| (cadence, 0));
                }
            }
            LineOrder::Break { channel, ms } => {
                if let Some(left) = self.breaks_ms.get_mut(index(channel)) {
                    *left = ms;
                }
            }
            LineOrder::SendAlarms { alarms, .. } => {
                self.ordered_alarms = alarms & (Alarms::YELLOW | Alarms::AIS);
            }
        }
    }

    pub(crate) fn send_frame(&mut self, frame: tdm::HdlcFrame) {
        if let Some(hdlc) = &mut self.hdlc {
            hdlc.send(frame);
        }
    }

    /// Takes what the card sends in this tick; none if the tick was lost.
    pub(crate) fn take(&mut self, row: Option<&[Chunk]>) {
        let idle = [self.law().idle(); CHUNK];
        match row.filter(|_| self.line.is_some()) {
            Some(_) if self.loopback == Loopback::Remote => self.sent.copy_from_slice(&self.heard),
            Some(row) => self.sent.copy_from_slice(row),
            None => self.sent.fill(idle),
        }
        if let (Some(hdlc), Some(Signalling::Hdlc(timeslot))) =
            (&mut self.hdlc, self.line.map(|line| line.signalling))
            && let Some(chunk) = self.sent.get_mut(usize::from(timeslot.0).wrapping_sub(1))
        {
            *chunk = hdlc.chunk();
        }
    }

    /// Returns what the far end sees of us now, and lets ringing and breaks run on.
    pub(crate) fn shows(&mut self) -> Levels {
        let mut levels = self.near;
        for (index, ring) in self.rings.iter_mut().enumerate() {
            let timeslot = Timeslot(index as u8 + 1);
            if self.far.off_hook & mask(timeslot) != 0 {
                // Ring trip: an answered telephone is rung no more.
                *ring = None;
            }
            if let Some((cadence, at_ms)) = ring {
                let cycle_ms = u32::from(cadence.on_ms) + u32::from(cadence.off_ms);
                set(&mut levels.ringing, timeslot, *at_ms < u32::from(cadence.on_ms));
                *at_ms = (*at_ms + 1) % cycle_ms.max(1);
            }
        }
        for (index, left_ms) in self.breaks_ms.iter_mut().enumerate() {
            if *left_ms > 0 {
                let timeslot = Timeslot(index as u8 + 1);
                *left_ms -= 1;
                set(&mut levels.off_hook, timeslot, false);
                set(&mut levels.no_feed, timeslot, self.kind == SpanKind::Fxs);
            }
        }
        levels.alarms = self.sent_alarms();
        levels
    }

    fn sent_alarms(&self) -> Alarms {
        if self.line.is_none() || self.cut {
            return Alarms::RED;
        }
        let deaf = self.told.alarms.intersects(Alarms::RED | Alarms::AIS) && !self.kind.is_analog();
        self.ordered_alarms | if deaf { Alarms::YELLOW } else { Alarms::empty() }
    }

    /// Returns the alarms that stand.
    pub(crate) fn alarms(&self) -> Alarms {
        let far = self.far.alarms | self.forced;
        let line = if self.cut || !self.signal || far.contains(Alarms::RED) {
            Alarms::RED
        } else if far.contains(Alarms::AIS) {
            Alarms::AIS
        } else {
            far
        };
        match self.loopback {
            Loopback::None => line,
            Loopback::Local => Alarms::LOOPBACK,
            Loopback::Remote => line | Alarms::LOOPBACK,
        }
    }

    /// Turns what came over the line into what the card receives, in `row`.
    pub(crate) fn receive(&mut self, index: usize, row: &mut [Chunk], puts: u8, sink: &mut impl Sink) {
        let law = self.law();
        if self.loopback == Loopback::Local {
            self.heard.copy_from_slice(&self.sent);
        } else if self.alarms().intersects(Alarms::RED | Alarms::AIS) {
            self.heard.fill([law.idle(); CHUNK]);
        } else {
            self.echo();
            self.spoil();
        }
        if puts > 0 {
            self.elastic.put(&self.heard);
        }
        let Some(line) = self.line else {
            row.fill([law.idle(); CHUNK]);
            return;
        };
        if self.pending_slip != 0 {
            let frames = std::mem::take(&mut self.pending_slip);
            self.slip(frames, line.span, sink);
        }
        self.drift(line.span, sink);
        self.elastic.get(row);
        self.tell(line.span, sink);
        self.hardware_frames(index, line, row, sink);
    }

    fn echo(&mut self) {
        let law = self.law();
        for ((echo, sent), heard) in self.echo.iter_mut().zip(&self.sent).zip(&mut self.heard) {
            if let Some(echo) = echo {
                echo.add(law, sent, heard);
            }
        }
    }

    fn spoil(&mut self) {
        let bits = (self.heard.len() * CHUNK * 8) as f64;
        while self.bits_to_error < bits {
            let bit = self.bits_to_error as usize;
            self.heard[bit / (CHUNK * 8)][bit / 8 % CHUNK] ^= 1 << (bit % 8);
            self.errors += 1;
            self.bits_to_error += 1.0 + self.prng.exponential(1.0 / self.error_rate);
        }
        self.bits_to_error -= bits;
    }

    /// Lets the difference of the clocks grow by one tick.
    fn drift(&mut self, span: SpanId, sink: &mut impl Sink) {
        if self.ppm == 0.0 || self.alarms().contains(Alarms::RED) {
            return;
        }
        self.phase += self.ppm * 1e-6 * CHUNK as f64;
        if self.phase.abs() >= 1.0 {
            // A faster far end makes more frames than we take: one is dropped.
            self.slip(if self.phase > 0.0 { -1 } else { 1 }, span, sink);
            self.phase -= self.phase.signum();
        }
    }

    pub(crate) fn slip(&mut self, frames: i8, span: SpanId, sink: &mut impl Sink) {
        let moved = self.elastic.slip(frames);
        if moved != 0 {
            self.slips += 1;
            sink.event(CardEvent::Slip { span, frames: moved });
        }
    }

    fn tell(&mut self, span: SpanId, sink: &mut impl Sink) {
        let mut now = self.far;
        now.alarms = self.alarms();
        if now.alarms.intersects(Alarms::RED) {
            // Nothing is heard of a cut line: bits stay as they were, analog loops are open.
            now.bits = self.told.bits;
            (now.off_hook, now.ringing, now.reversed, now.no_feed) = (0, 0, 0, u32::MAX >> 1);
        }
        if self.unplugged && self.kind == SpanKind::Fxo {
            // An exchange would feed the line.
            now.no_feed = u32::MAX >> 1;
        }
        let kind = self.kind;
        self.told.edges_to(&now, |edge| {
            if let Some(event) = as_event(kind, span, edge) {
                sink.event(event);
            }
        });
        self.told = now;
    }

    fn hardware_frames(&mut self, index: usize, line: LineConfig, row: &[Chunk], sink: &mut impl Sink) {
        let (Some(hdlc), Signalling::Hdlc(timeslot)) = (&mut self.hdlc, line.signalling) else { return };
        let Some(chunk) = row.get(usize::from(timeslot.0).wrapping_sub(1)) else { return };
        hdlc.hear(chunk, |frame| sink.frame(index, frame));
        let bad = hdlc.bad();
        for _ in self.bad_frames..bad {
            sink.event(CardEvent::FrameLost { span: line.span });
        }
        self.bad_frames = bad;
    }
}

/// Returns what a card of this kind tells of an edge; none if such a card cannot see it.
fn as_event(kind: SpanKind, span: SpanId, edge: Edge) -> Option<CardEvent> {
    let channel = |timeslot| ChannelId { span, timeslot };
    match (edge, kind) {
        (Edge::Alarms(alarms), _) => Some(CardEvent::Alarms { span, alarms }),
        (Edge::Bits { timeslot, bits }, SpanKind::E1 | SpanKind::T1) => {
            Some(CardEvent::Abcd { channel: channel(timeslot), bits })
        }
        (Edge::Hook { timeslot, state }, SpanKind::Fxs) => {
            Some(CardEvent::Hook { channel: channel(timeslot), state })
        }
        (Edge::Ring { timeslot, ringing }, SpanKind::Fxo) => {
            Some(CardEvent::Ring { channel: channel(timeslot), ringing })
        }
        (Edge::Polarity { timeslot, polarity }, SpanKind::Fxo) => {
            Some(CardEvent::Polarity { channel: channel(timeslot), polarity })
        }
        (Edge::Feed { timeslot, present }, SpanKind::Fxo) => {
            Some(CardEvent::Feed { channel: channel(timeslot), present })
        }
        (
            Edge::Bits { .. }
            | Edge::Hook { .. }
            | Edge::Ring { .. }
            | Edge::Polarity { .. }
            | Edge::Feed { .. }
            | Edge::Slip(_),
            _,
        ) => None,
    }
}
