//! The event ring's end in the engine, and the census that makes lost events good.
//!
//! The answer to a command is never lost: a command is taken only while there is room for its answer. Edges of states
//! (alarms, bits, hook, ringing, polarity, attached) may find the ring full; then every known state is told again as a level
//! within [`CENSUS_MS`], as far as the ring has room, and going on until all is told.

use card::CardEvent;
use clock::SampleTime;
use rtrb::Producer;
use tdm::{Abcd, Alarms, ChannelId, HookState, Polarity, SpanId};

use crate::{Counters, Layout, RtEvent, RtEventKind, Strip};

/// How soon after a lost event a census begins.
pub(crate) const CENSUS_MS: u32 = 100;

/// The most places (slots and strips) a census looks at in one period.
const CENSUS_STEP: usize = 64;

/// The producer of events.
pub(crate) struct Teller {
    ring: Producer<RtEvent>,
    /// Events that found the ring full since the last look.
    lost: u64,
}

impl Teller {
    pub(crate) fn new(ring: Producer<RtEvent>) -> Teller {
        Teller { ring, lost: 0 }
    }

    /// Tells one event; false if the ring is full.
    pub(crate) fn tell(&mut self, time: SampleTime, kind: RtEventKind) -> bool {
        let told = self.ring.push(RtEvent { time, kind }).is_ok();
        self.lost += u64::from(!told);
        told
    }

    /// Returns true if `events` more can be told for certain.
    pub(crate) fn has_room(&self, events: usize) -> bool {
        self.ring.slots() >= events
    }

    /// Returns how many events were lost since the last call.
    pub(crate) fn take_lost(&mut self) -> u64 {
        core::mem::take(&mut self.lost)
    }
}

/// The last known state of every line, and how far it is being told again.
pub(crate) struct Census {
    spans: Box<[SpanState]>,
    lines: Box<[LineState]>,
    /// Something was lost and has not been made good.
    owed: bool,
    /// The next place to tell; none while no census is going on.
    at: Option<usize>,
    since_last_ms: u32,
}

#[derive(Clone, Copy, Default)]
struct SpanState {
    span: Option<SpanId>,
    attached: bool,
    alarms: Option<Alarms>,
}

#[derive(Clone, Copy, Default)]
struct LineState {
    bits: Option<Abcd>,
    hook: Option<HookState>,
    ringing: Option<bool>,
    polarity: Option<Polarity>,
    feed: Option<bool>,
}

/// The most events one place can need.
const EVENTS_A_PLACE: usize = 5;

impl Census {
    pub(crate) fn new(layout: &Layout) -> Census {
        let span =
            |slot| SpanState { span: layout.span(slot), attached: layout.span(slot).is_some(), alarms: None };
        Census {
            spans: (0..layout.slots()).map(span).collect(),
            lines: vec![LineState::default(); layout.strips()].into_boxed_slice(),
            owed: false,
            at: None,
            since_last_ms: 0,
        }
    }

    /// Keeps what an event says about a state.
    pub(crate) fn note(&mut self, event: &CardEvent, layout: &Layout) {
        match *event {
            CardEvent::Alarms { span, alarms } => {
                if let Some(state) = self.span(span, layout) {
                    state.alarms = Some(alarms);
                }
            }
            CardEvent::Abcd { channel, bits } => self.line(channel, layout, |line| line.bits = Some(bits)),
            CardEvent::Hook { channel, state } => self.line(channel, layout, |line| line.hook = Some(state)),
            CardEvent::Ring { channel, ringing } => {
                self.line(channel, layout, |line| line.ringing = Some(ringing));
            }
            CardEvent::Polarity { channel, polarity } => {
                self.line(channel, layout, |line| line.polarity = Some(polarity));
            }
            CardEvent::Feed { channel, present } => {
                self.line(channel, layout, |line| line.feed = Some(present));
            }
            CardEvent::Slip { .. }
            | CardEvent::Attached { .. }
            | CardEvent::Detached { .. }
            | CardEvent::FrameLost { .. } => {}
        }
    }

    /// Forgets the states of a place whose span has changed.
    pub(crate) fn place_changed(
        &mut self,
        slot: usize,
        span: Option<SpanId>,
        strips: core::ops::Range<usize>,
    ) {
        if let Some(state) = self.spans.get_mut(slot) {
            let last = span.or(state.span);
            *state = SpanState { span: last, attached: span.is_some(), alarms: None };
        }
        if let Some(lines) = self.lines.get_mut(strips) {
            lines.fill(LineState::default());
        }
    }

    /// Goes on with a census if one is due. `ms`: the length of the period.
    pub(crate) fn run(
        &mut self,
        ms: u32,
        time: SampleTime,
        layout: &Layout,
        tell: &mut Teller,
        counters: &Counters,
    ) {
        let lost = tell.take_lost();
        counters.events_lost.add(lost);
        self.owed |= lost > 0;
        self.since_last_ms = self.since_last_ms.saturating_add(ms);
        if self.owed && self.since_last_ms >= CENSUS_MS {
            self.since_last_ms = 0;
            self.owed = false;
            self.at = Some(0);
            counters.censuses.add(1);
        }
        for _ in 0..CENSUS_STEP {
            let Some(at) = self.at else { return };
            if !tell.has_room(EVENTS_A_PLACE) {
                return;
            }
            self.at = self.tell_place(at, time, layout, tell).then_some(at + 1);
        }
    }

    /// Tells all about place `at`, spans first; false after the last.
    fn tell_place(&self, at: usize, time: SampleTime, layout: &Layout, tell: &mut Teller) -> bool {
        let mut card = |event| {
            tell.tell(time, RtEventKind::Card(event));
        };
        if let Some(state) = self.spans.get(at) {
            if let Some(span) = state.span {
                card(if state.attached {
                    CardEvent::Attached { span }
                } else {
                    CardEvent::Detached { span }
                });
                if let Some(alarms) = state.alarms {
                    card(CardEvent::Alarms { span, alarms });
                }
            }
            return true;
        }
        let index = at - self.spans.len();
        let Some(line) = self.lines.get(index) else { return false };
        let Some(channel) = u16::try_from(index).ok().and_then(|strip| layout.channel(Strip(strip))) else {
            return true;
        };
        if let Some(bits) = line.bits {
            card(CardEvent::Abcd { channel, bits });
        }
        if let Some(state) = line.hook {
            card(CardEvent::Hook { channel, state });
        }
        if let Some(ringing) = line.ringing {
            card(CardEvent::Ring { channel, ringing });
        }
        if let Some(polarity) = line.polarity {
            card(CardEvent::Polarity { channel, polarity });
        }
        if let Some(present) = line.feed {
            card(CardEvent::Feed { channel, present });
        }
        true
    }

    fn span(&mut self, span: SpanId, layout: &Layout) -> Option<&mut SpanState> {
        let slot = layout.slot_of(span)?;
        self.spans.get_mut(slot)
    }

    fn line(&mut self, channel: ChannelId, layout: &Layout, set: impl FnOnce(&mut LineState)) {
        let strip = layout.strip(channel).map(|strip| usize::from(strip.0));
        if let Some(line) = strip.and_then(|strip| self.lines.get_mut(strip)) {
            set(line);
        }
    }
}
