//! Exchange lines on FXO ports as legs: a call that rings is an offer once its caller's number is known or will not come,
//! a call out is a port that is seized and dialled on.
//!
//! What the detectors hear on a port while nobody talks there belongs to its machine: the caller's identity, dial tone,
//! ringback, tones that end calls. While somebody talks, keys go to the call as on every other channel.
//! Limits: the caller's name and the exchange's clock are not used; one called number for all lines of a trunk.

use std::collections::BTreeSet;

use card::LineOrder;
use cas::fxo::{self, Ear, FxoConfig, FxoPort, Why};
use clock::Mono;
use dsp::caller_id::{Absence, Assembled, Assembler, CallerId, dtmf};
use dsp::fsk::FskEvent;
use dsp::listen::FskChannel;
use dsp::progress::{ProgressEvent, ProgressKind};
use isdn::config::Hunt;
use link::{Cause, Event, LegId};
use rt::{Digits, Heard, RtOp, Source, Strip, Wants};
use tdm::{ChannelId, SpanId};

use crate::legs::{Leg, Way};
use crate::machine::{Machine, TrunkConfig};

/// The most keys of a caller's identity: start, number, end.
const MAX_KEYS: usize = dsp::caller_id::MAX_NUMBER + 2;

/// How a caller's identity is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityBy {
    /// A message by FSK; the modem is that of the engine.
    Fsk,
    /// Keys.
    Dtmf,
}

/// Exchange lines of a trunk.
#[derive(Clone, Debug)]
pub struct LoopStart {
    /// What the lines are like.
    pub fxo: FxoConfig,
    /// How a caller's identity is sent.
    pub identity: IdentityBy,
    /// The number that every call which arrives counts as calling.
    pub called: String,
    /// In which order ports are taken for calls out.
    pub hunt: Hunt,
}

/// A port as the machine holds it.
#[derive(Debug)]
pub(crate) struct ExchangeLine {
    pub port: FxoPort,
    pub leg: Option<LegId>,
    identity: IdentityBy,
    assembler: Assembler,
    keys: String,
    /// The caller as far as the exchange has told.
    caller: CallerId,
    /// What is dialled once the exchange is ready.
    digits: Option<Digits>,
}

/// A call out that looks for a port.
#[derive(Debug)]
pub(crate) struct Hunting {
    spans: Vec<SpanId>,
    called: String,
    calling: String,
    /// Ports that were no good.
    tried: BTreeSet<ChannelId>,
}

impl ExchangeLine {
    pub fn new(trunk: &LoopStart) -> ExchangeLine {
        ExchangeLine {
            port: FxoPort::new(trunk.fxo),
            leg: None,
            identity: trunk.identity,
            assembler: Assembler::new(),
            keys: String::new(),
            caller: CallerId::default(),
            digits: None,
        }
    }

    /// Returns what the engine shall listen for.
    fn wants(&self) -> Wants {
        match (self.port.ear(), self.identity) {
            (Ear::Nothing, _) => Wants::empty(),
            (Ear::Identity, IdentityBy::Fsk) => Wants::CALLER_ID,
            (Ear::Identity, IdentityBy::Dtmf) => Wants::DTMF,
            (Ear::Tones, _) => Wants::PROGRESS,
            (Ear::Talk, _) => Wants::PROGRESS | Wants::DTMF,
        }
    }

    /// Forgets what was heard of a caller.
    fn forget(&mut self) {
        self.assembler.reset();
        self.keys.clear();
        self.caller = CallerId::default();
    }

    /// Takes an octet or the like; true if the identity is whole.
    fn fsk(&mut self, event: FskEvent) -> bool {
        match event {
            FskEvent::Carrier | FskEvent::Gone => self.assembler.reset(),
            FskEvent::Octet(octet) => match self.assembler.octet(octet) {
                Some(Assembled::Message(caller)) => {
                    self.caller = caller;
                    return true;
                }
                Some(Assembled::Damaged(error)) => {
                    tracing::warn!(?error, "a caller's identity cannot be read");
                }
                None => {}
            },
            FskEvent::Flags => {}
        }
        false
    }

    /// Takes a key; true if the identity is whole.
    fn key(&mut self, key: char) -> bool {
        if matches!(key, 'A' | 'B' | 'D') || self.keys.len() == MAX_KEYS {
            self.keys.clear();
        }
        self.keys.push(key);
        let number = dtmf::parse(&self.keys).map(String::from);
        let whole = number.is_some();
        if whole {
            self.caller = CallerId { number, ..CallerId::default() };
        }
        whole
    }
}

impl Machine {
    /// Makes the ports of a span, on hook.
    pub(crate) fn plug_in_exchange_lines(&mut self) {
        let mut made = Vec::new();
        for (id, span) in &self.spans {
            if let Some(TrunkConfig::LoopStart(trunk)) = &span.config.trunk {
                let ports = (1..=span.config.channels).map(|timeslot| ChannelId::new(id.0, timeslot));
                made.extend(ports.map(|channel| (channel, ExchangeLine::new(trunk))));
            }
        }
        for (channel, line) in made {
            if let Some(strip) = self.config.strips.get(&channel) {
                self.line_strips.insert(*strip, channel);
            }
            self.exchange_lines.insert(channel, line);
            self.drain_line(channel, Mono::ZERO);
        }
    }

    /// Tells a port something and does what comes of it; a channel that is no exchange line is passed over.
    pub(crate) fn tell_exchange_line(&mut self, channel: ChannelId, input: fxo::Input, now: Mono) {
        if let Some(line) = self.exchange_lines.get_mut(&channel) {
            line.port.handle(input, now);
            self.drain_line(channel, now);
        }
    }

    pub(crate) fn exchange_line_timeouts(&mut self, now: Mono) {
        let due = |line: &ExchangeLine| line.port.poll_timeout().is_some_and(|due| due <= now);
        let lines = self.exchange_lines.iter().filter(|(_, line)| due(line)).map(|(channel, _)| *channel);
        for channel in lines.collect::<Vec<_>>() {
            self.tell_exchange_line(channel, fxo::Input::Timeout, now);
        }
    }

    fn drain_line(&mut self, channel: ChannelId, now: Mono) {
        while let Some(line) = self.exchange_lines.get_mut(&channel)
            && let Some(output) = line.port.poll_output()
        {
            let leg = line.leg;
            match output {
                fxo::Output::Hook(state) => self.tell_line(LineOrder::Hook { channel, state }),
                fxo::Output::Listen(_) => self.listen(channel, true),
                fxo::Output::Offer => self.line_rings(channel, now),
                fxo::Output::Dial => self.dial_digits(channel),
                fxo::Output::Proceeding => {
                    if let Some(leg) = leg {
                        self.event(Event::Proceeding { leg, channel }, now);
                        self.event(Event::Progress { leg }, now);
                    }
                }
                fxo::Output::Alerting => {
                    if let Some(leg) = leg {
                        self.set_state(leg, link::LegState::Alerting);
                        self.event(Event::Alerting { leg, inband: true }, now);
                    }
                }
                fxo::Output::Answered => {
                    if let Some(leg) = leg {
                        self.mark_answered(leg, now);
                    }
                }
                fxo::Output::Cleared(why) => self.line_cleared(channel, why, now),
                fxo::Output::Blocked(blocked) => self.line_blocked(channel, blocked),
            }
        }
    }

    /// Lets the engine listen for what the port wants. `anew`: what was heard of a caller is void.
    pub(crate) fn listen(&mut self, channel: ChannelId, anew: bool) {
        let Some(line) = self.exchange_lines.get_mut(&channel) else { return };
        if anew && line.port.ear() == Ear::Identity {
            line.forget();
        }
        let wants = line.wants();
        if let Some(strip) = self.config.strips.get(&channel).copied() {
            self.tell_engine(RtOp::Detect { strip, wants });
        }
    }

    /// Lets the engine listen again on all ports of a span that was put back to the start.
    pub(crate) fn listen_again(&mut self, span: SpanId) {
        let ports = self.exchange_lines.keys().filter(|channel| channel.span == span).copied();
        for channel in ports.collect::<Vec<_>>() {
            self.listen(channel, false);
        }
    }

    /// A key heard on a port that listens for an identity; false if the key is a call's.
    pub(crate) fn identity_key(&mut self, strip: Strip, key: char, now: Mono) -> bool {
        let Some(channel) = self.line_strips.get(&strip).copied() else { return false };
        let Some(line) = self.exchange_lines.get_mut(&channel) else { return false };
        if line.port.ear() != Ear::Identity {
            return false;
        }
        if line.key(key) {
            self.tell_exchange_line(channel, fxo::Input::Identity, now);
        }
        true
    }

    /// Something other than a key was heard on a channel.
    pub(crate) fn heard(&mut self, strip: Strip, heard: Heard, now: Mono) {
        let Some(channel) = self.line_strips.get(&strip).copied() else { return };
        match heard {
            Heard::Progress(event) => {
                let (kind, on) = match event {
                    ProgressEvent::Began(kind) => (kind, true),
                    ProgressEvent::Ended(kind) => (kind, false),
                };
                if let Some(tone) = tone_of(kind) {
                    self.tell_exchange_line(channel, fxo::Input::Tone(tone, on), now);
                }
            }
            Heard::Fsk(FskChannel::CallerId, event) => {
                let line = self.exchange_lines.get_mut(&channel);
                if line.is_some_and(|line| line.port.ear() == Ear::Identity && line.fsk(event)) {
                    self.tell_exchange_line(channel, fxo::Input::Identity, now);
                }
            }
            Heard::Dtmf(_)
            | Heard::Mf(..)
            | Heard::Signal(_)
            | Heard::Fsk(FskChannel::Fax | FskChannel::Backward, _)
            | Heard::Voice(_)
            | Heard::Machine(_) => {}
        }
    }

    /// The engine has sent all digits on a channel: those of a call out, or those that the switch ordered.
    pub(crate) fn dialled_on(&mut self, strip: Strip, now: Mono) {
        if let Some(channel) = self.line_strips.get(&strip).copied() {
            self.tell_exchange_line(channel, fxo::Input::Dialled, now);
        }
    }

    /// A call arrives.
    fn line_rings(&mut self, channel: ChannelId, now: Mono) {
        if !self.has_room() {
            self.refused_calls += 1;
            tracing::warn!(%channel, "a call was refused: no room, or the switch does not keep up");
            return self.tell_exchange_line(channel, fxo::Input::HangUp, now);
        }
        let span = self.spans.get(&channel.span).and_then(|span| span.config.trunk.as_ref());
        let Some(TrunkConfig::LoopStart(trunk)) = span else { return };
        let called = trunk.called.clone();
        let id = self.next_leg();
        let Some(line) = self.exchange_lines.get_mut(&channel) else { return };
        let caller = std::mem::take(&mut line.caller);
        line.leg = Some(id);
        let mut leg = Leg::new(id, Way::ExchangeLine(channel), true, now);
        let digits = caller.number.iter().flat_map(|number| number.chars()).filter(char::is_ascii_digit);
        leg.calling = digits.take(link::MAX_NUMBER).collect();
        leg.restricted = caller.no_number == Some(Absence::Private);
        leg.called = called;
        leg.hold_until = Some(now + self.config.hold);
        let event = Event::Offer {
            leg: id,
            channel,
            called: leg.called.clone(),
            calling: leg.calling.clone(),
            restricted: leg.restricted,
            complete: true,
        };
        self.legs.insert(id, leg);
        self.set_channel(id, channel);
        self.event(event, now);
    }

    /// A call has ended by itself, or could not be made here.
    fn line_cleared(&mut self, channel: ChannelId, why: Why, now: Mono) {
        let Some(id) = self.exchange_lines.get_mut(&channel).and_then(|line| line.leg.take()) else {
            return;
        };
        tracing::info!(%channel, leg = %id, ?why, "an exchange line has ended a call");
        let answered = self.legs.get(&id).is_some_and(Leg::is_answered);
        let another = matches!(why, Why::Glare | Why::NotFree | Why::NoDialTone);
        if let Some(hunting) = self.hunting.get_mut(&id).filter(|_| another) {
            hunting.tried.insert(channel);
            let (spans, called) = (hunting.spans.clone(), hunting.called.clone());
            let calling = hunting.calling.clone();
            self.quiet_strip(id);
            return self.dial_out(id, &spans, &called, &calling, now);
        }
        self.finish(id, cause_of(why, answered), true, now);
    }

    fn line_blocked(&mut self, channel: ChannelId, blocked: bool) {
        if blocked {
            tracing::warn!(%channel, "an exchange line has no feed: it is not used");
        } else {
            tracing::info!(%channel, "an exchange line is fed again");
        }
        if let Some(span) = self.spans.get_mut(&channel.span) {
            let bit = crate::trunks::bit_of(channel.timeslot);
            span.blocked = if blocked { span.blocked | bit } else { span.blocked & !bit };
            span.changed = true;
        }
    }

    /// A bank of lines that is gone can carry no call.
    pub(crate) fn drop_exchange_lines(&mut self, span: SpanId, now: Mono) {
        let legs = self.exchange_lines.iter().filter(|(channel, _)| channel.span == span);
        for leg in legs.filter_map(|(_, line)| line.leg).collect::<Vec<_>>() {
            self.finish(leg, Cause::OUT_OF_ORDER, true, now);
        }
    }

    /// Leaves the port of a leg that is gone.
    pub(crate) fn leave_exchange_line(&mut self, id: LegId, channel: ChannelId, now: Mono) {
        self.hunting.remove(&id);
        let line = self.exchange_lines.get_mut(&channel);
        if line.is_some_and(|line| line.leg.take_if(|leg| *leg == id).is_some()) {
            self.tell_exchange_line(channel, fxo::Input::HangUp, now);
        }
    }

    /// Answers a call that rings.
    pub(crate) fn answer_exchange_line(&mut self, id: LegId, channel: ChannelId, now: Mono) {
        self.tell_exchange_line(channel, fxo::Input::Answer, now);
        if self.legs.get(&id).is_some_and(|leg| leg.peer.is_none()) {
            self.send(id, Source::Silence);
        }
    }

    // Calls out.

    /// Returns true if the span has lines that could carry a call.
    pub(crate) fn has_living_line(&self, span: SpanId) -> bool {
        self.lines_of(span).any(|(_, line)| !line.port.is_blocked())
    }

    fn lines_of(&self, span: SpanId) -> impl DoubleEndedIterator<Item = (ChannelId, &ExchangeLine)> {
        let (first, last) = (ChannelId::new(span.0, 0), ChannelId::new(span.0, u8::MAX));
        self.exchange_lines.range(first..=last).map(|(channel, line)| (*channel, line))
    }

    /// Returns the port that a call out takes, in the order of hunting.
    pub(crate) fn free_line(&self, id: LegId, span: SpanId) -> Option<ChannelId> {
        let known = self.spans.get(&span)?;
        let Some(TrunkConfig::LoopStart(trunk)) = &known.config.trunk else { return None };
        let tried = self.hunting.get(&id).map(|hunting| &hunting.tried);
        let good = |(channel, line): &(ChannelId, &ExchangeLine)| {
            line.port.is_free() && line.leg.is_none() && tried.is_none_or(|tried| !tried.contains(channel))
        };
        let mut free = self.lines_of(span).filter(good).map(|(channel, _)| channel);
        match trunk.hunt {
            Hunt::Ascending => free.next(),
            Hunt::Descending => free.next_back(),
            Hunt::RoundRobin => {
                let all: Vec<ChannelId> = free.collect();
                let after = all.iter().find(|channel| Some(channel.timeslot) > known.last_line);
                after.or(all.first()).copied()
            }
        }
    }

    /// Calls out on a port.
    pub(crate) fn dial_on_line(
        &mut self,
        id: LegId,
        channel: ChannelId,
        spans: &[SpanId],
        (called, calling): (&str, &str),
        now: Mono,
    ) {
        let Some(digits) = Digits::new(called).filter(|_| !called.is_empty()) else {
            return self.finish(id, Cause::BAD_NUMBER, true, now);
        };
        self.hunting.entry(id).or_insert_with(|| Hunting {
            spans: spans.to_vec(),
            called: called.into(),
            calling: calling.into(),
            tried: BTreeSet::new(),
        });
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.way = Way::ExchangeLine(channel);
        }
        if let Some(line) = self.exchange_lines.get_mut(&channel) {
            (line.leg, line.digits) = (Some(id), Some(digits));
        }
        if let Some(span) = self.spans.get_mut(&channel.span) {
            span.last_line = Some(channel.timeslot);
        }
        self.set_channel(id, channel);
        self.tell_exchange_line(channel, fxo::Input::Seize, now);
    }

    fn dial_digits(&mut self, channel: ChannelId) {
        let line = self.exchange_lines.get_mut(&channel);
        let digits = line.and_then(|line| line.digits.take());
        if let (Some(digits), Some(strip)) = (digits, self.config.strips.get(&channel).copied()) {
            self.tell_engine(RtOp::Dial { strip, digits });
        }
    }
}

/// Returns which of the exchange's tones was heard.
fn tone_of(kind: ProgressKind) -> Option<fxo::Tone> {
    match kind {
        ProgressKind::Dial => Some(fxo::Tone::Dial),
        ProgressKind::Ringback => Some(fxo::Tone::Ringback),
        ProgressKind::Busy => Some(fxo::Tone::Busy),
        ProgressKind::Congestion => Some(fxo::Tone::Congestion),
        ProgressKind::Unobtainable | ProgressKind::SpecialInformation => Some(fxo::Tone::Unobtainable),
        ProgressKind::Other(_) => None,
    }
}

/// Returns the cause that the end of a call on an exchange line stands for.
fn cause_of(why: Why, answered: bool) -> Cause {
    match why {
        // However the exchange says it: the other side has hung up.
        Why::Abandoned | Why::Reversal => Cause::NORMAL,
        Why::FeedBreak | Why::Tone(_) if answered => Cause::NORMAL,
        Why::Tone(fxo::Tone::Busy) => Cause::BUSY,
        Why::Tone(fxo::Tone::Unobtainable) => Cause::UNALLOCATED,
        Why::Tone(fxo::Tone::Congestion | fxo::Tone::Dial | fxo::Tone::Ringback) => Cause::CONGESTION,
        Why::FeedBreak | Why::NoDialTone | Why::NotDialled => Cause::OUT_OF_ORDER,
        Why::Glare | Why::NotFree => Cause::NO_CHANNEL,
    }
}
