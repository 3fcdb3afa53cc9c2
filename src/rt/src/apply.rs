//! What each command does. Everything a command names is checked here, once, so that the loops over samples need not.
//!
//! A refused command changes nothing.

use card::LineOrder;
use dsp::echo::EchoMode;
use dsp::listen::Wants;
use dsp::mix::Gain as Factor;
use dsp::tone::{MILLIWATT, TonePlan, ToneSpec};
use tdm::{ChannelId, SpanId};

use crate::engine::Engine;
use crate::{Conference, Digits, FeedPort, Gain, Refusal, RtOp, Source, Strip, TapPort, Tone};

/// The longest break of a loop in milliseconds.
const MAX_BREAK_MS: u16 = 2_000;

/// The largest value of four signalling bits.
const MAX_ABCD: u8 = 15;

impl Engine {
    /// Carries out one command.
    pub(crate) fn apply(&mut self, op: RtOp) -> Result<(), Refusal> {
        match op {
            RtOp::Send { strip, source } => self.send(strip, source),
            RtOp::Tap { port, strip } => self.tap(port, strip),
            RtOp::Untap { port } => self.untap(port),
            RtOp::Flush { feed, generation } => self.flush(feed, generation),
            RtOp::Dial { strip, digits } => self.dial(strip, digits),
            RtOp::Detect { strip, wants } => self.detect(strip, wants),
            RtOp::Gains { strip, rx, tx } => self.gains(strip, rx, tx),
            RtOp::Echo { strip, mode, tail_ms } => self.echo(strip, mode, tail_ms),
            RtOp::Reset { strip } => self.reset(strip),
            RtOp::Line(order) => self.order(order),
        }
    }

    /// Puts a strip back as it was at start.
    pub(crate) fn reset_strip(&mut self, strip: usize) {
        let strips = &mut self.matrix.strips;
        strips.set_source(strip, Source::Silence);
        strips.rx_gain[strip] = Factor::UNITY;
        strips.tx_gain[strip] = Factor::UNITY;
        strips.dials[strip].stop();
        self.matrix.detectors.want(strip, self.detect_at_start);
        self.matrix.detectors.restart(strip);
        let present = self.matrix.strips.present[strip];
        let channel = self.layout.channel(Strip(strip as u16)).filter(|_| present);
        self.matrix.echo.restart(strip, channel);
        let matrix = &mut self.matrix;
        matrix.taps.end_all(Strip(strip as u16), matrix.detectors.keys(), &self.counters);
        self.matrix.plan.stale = true;
    }

    fn send(&mut self, strip: Strip, source: Source) -> Result<(), Refusal> {
        let at = self.channel(strip)?;
        match source {
            Source::Silence => {}
            Source::Line(from) => {
                self.channel(from)?;
            }
            Source::Conference(conference) => self.room_in(conference, self.matrix.strips.source[at])?,
            Source::Feed(feed) => self.feed(feed)?,
            Source::Tone(tone) => self.matrix.strips.tones[at].start(spec(&self.tones, tone)),
        }
        self.matrix.strips.set_source(at, source);
        self.matrix.plan.stale = true;
        Ok(())
    }

    fn tap(&mut self, port: TapPort, strip: Strip) -> Result<(), Refusal> {
        self.channel(strip)?;
        if !self.matrix.taps.exists(port) {
            return Err(Refusal::NoSuchPlace);
        }
        if self.matrix.taps.owner(port).is_some() {
            return Err(Refusal::TapBusy);
        }
        self.matrix.taps.begin(port, strip);
        self.matrix.plan.stale = true;
        Ok(())
    }

    fn untap(&mut self, port: TapPort) -> Result<(), Refusal> {
        if !self.matrix.taps.exists(port) {
            return Err(Refusal::NoSuchPlace);
        }
        let matrix = &mut self.matrix;
        matrix.taps.end(port, matrix.detectors.keys(), &self.counters);
        self.matrix.plan.stale = true;
        Ok(())
    }

    fn flush(&mut self, feed: FeedPort, generation: u16) -> Result<(), Refusal> {
        self.feed(feed)?;
        self.matrix.feeds.flush(feed, generation, &self.counters);
        Ok(())
    }

    fn dial(&mut self, strip: Strip, digits: Digits) -> Result<(), Refusal> {
        let at = self.channel(strip)?;
        if self.matrix.strips.dials[at].is_busy() {
            return Err(Refusal::Dialling);
        }
        self.matrix.strips.dials[at].start(digits);
        self.matrix.plan.stale = true;
        Ok(())
    }

    fn detect(&mut self, strip: Strip, wants: Wants) -> Result<(), Refusal> {
        let at = self.channel(strip)?;
        if self.matrix.detectors.wants(at) != wants {
            self.matrix.detectors.want(at, wants);
            self.matrix.plan.stale = true;
        }
        Ok(())
    }

    fn gains(&mut self, strip: Strip, rx: Gain, tx: Gain) -> Result<(), Refusal> {
        let at = self.channel(strip)?;
        for gain in [rx, tx] {
            in_range((Gain::LEAST.0..=Gain::MOST.0).contains(&gain.0))?;
        }
        self.matrix.strips.rx_gain[at] = Factor::from_centi_db(rx.0);
        self.matrix.strips.tx_gain[at] = Factor::from_centi_db(tx.0);
        self.matrix.plan.stale = true;
        Ok(())
    }

    fn echo(&mut self, strip: Strip, mode: EchoMode, tail_ms: u16) -> Result<(), Refusal> {
        let at = self.channel(strip)?;
        in_range(self.matrix.echo.set(at, mode, tail_ms))?;
        self.matrix.plan.stale = true;
        Ok(())
    }

    /// A channel whose span has gone can still be reset.
    fn reset(&mut self, strip: Strip) -> Result<(), Refusal> {
        let at = usize::from(strip.0);
        if at >= self.matrix.strips.len() {
            return Err(Refusal::NoSuchPlace);
        }
        self.reset_strip(at);
        Ok(())
    }

    /// Keeps an order for the end of the period.
    fn order(&mut self, order: LineOrder) -> Result<(), Refusal> {
        match order {
            LineOrder::Abcd { channel, bits } => {
                self.line(channel)?;
                in_range(bits.0 <= MAX_ABCD)?;
            }
            LineOrder::Break { channel, ms } => {
                self.line(channel)?;
                in_range((1..=MAX_BREAK_MS).contains(&ms))?;
            }
            LineOrder::Hook { channel, .. }
            | LineOrder::Ring { channel, .. }
            | LineOrder::Polarity { channel, .. } => self.line(channel)?,
            LineOrder::SendAlarms { span, .. } => self.span(span)?,
        }
        // There is room: a period takes no more commands than this list holds.
        self.orders.add(order);
        Ok(())
    }

    /// Checks that a strip is a channel for audio and returns its index.
    fn channel(&self, strip: Strip) -> Result<usize, Refusal> {
        let at = usize::from(strip.0);
        let present = self.matrix.strips.present.get(at).copied().unwrap_or(false);
        present.then_some(at).ok_or(Refusal::NoSuchPlace)
    }

    fn feed(&self, feed: FeedPort) -> Result<(), Refusal> {
        self.matrix.feeds.exists(feed).then_some(()).ok_or(Refusal::NoSuchPlace)
    }

    fn room_in(&self, conference: Conference, now: Source) -> Result<(), Refusal> {
        let members =
            self.matrix.strips.members.get(usize::from(conference.0)).ok_or(Refusal::NoSuchPlace)?;
        let room = usize::from(*members) < self.conference_members || now == Source::Conference(conference);
        room.then_some(()).ok_or(Refusal::ConferenceFull)
    }

    fn line(&self, channel: ChannelId) -> Result<(), Refusal> {
        self.layout.strip(channel).map(|_| ()).ok_or(Refusal::NoSuchPlace)
    }

    fn span(&self, span: SpanId) -> Result<(), Refusal> {
        self.layout.slot_of(span).map(|_| ()).ok_or(Refusal::NoSuchPlace)
    }
}

fn spec(plan: &TonePlan, tone: Tone) -> &ToneSpec {
    match tone {
        Tone::Dial => &plan.dial,
        Tone::Ringback => &plan.ringback,
        Tone::Busy => &plan.busy,
        Tone::Congestion => &plan.congestion,
        Tone::Unobtainable => &plan.unobtainable,
        Tone::Milliwatt => &MILLIWATT,
    }
}

fn in_range(is: bool) -> Result<(), Refusal> {
    is.then_some(()).ok_or(Refusal::OutOfRange)
}
