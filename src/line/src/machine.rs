//! The machine: what it is told and what it wants done, and who inside deals with which.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use card::{CardEvent, RingCadence};
use cas::fxo;
use cas::fxs::{FxsConfig, FxsPort};
use clock::{Mono, Prng};
use isdn::config::PriConfig;
use isdn::event::{CallId, ChannelState};
use isdn::pri::Pri;
use link::{Cause, EndedLeg, Event, Health, LegId, LegState, Order, RecordingId, RecordingState, Seating};
use link::{SpanCensus, ToSwitch};
use rt::{FeedPort, RtCommand, RtEvent, RtEventKind, Strip, TapPort};
use tdm::{Alarms, ChannelId, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

use crate::attach::Attachment;
use crate::exchange_lines::{ExchangeLine, Hunting, LoopStart};
use crate::legs::{Leg, Way};
use crate::media::Media;
use crate::oddities::Oddities;

/// Ended legs kept for a switch that is away.
pub const MAX_ENDED: usize = 4_096;
/// The longest time a caller hears nothing from us before "call proceeding": well below T303 of the exchange.
pub(crate) const PROCEED_AFTER: Duration = Duration::from_secs(1);
/// How long a caller who is held hears nothing before it rings: below T310 of the exchange, 10 s.
pub(crate) const RING_AFTER: Duration = Duration::from_secs(4);
/// How long the switch may take to clear the other leg of a call whose one leg has ended.
pub(crate) const CLEAR_AFTER: Duration = Duration::from_secs(5);

/// How a span signals.
#[derive(Clone, Debug)]
pub enum TrunkConfig {
    /// Primary rate ISDN.
    Pri(PriConfig),
    /// Exchange lines on FXO ports.
    LoopStart(LoopStart),
}

/// A bank of telephones.
#[derive(Clone, Copy, Debug)]
pub struct PhoneConfig {
    /// The times by which hooks are judged.
    pub fxs: FxsConfig,
    /// How they ring.
    pub cadence: RingCadence,
}

/// One span.
#[derive(Clone, Debug)]
pub struct SpanConfig {
    /// Its number.
    pub span: SpanId,
    /// What it is made of.
    pub kind: SpanKind,
    /// Its channels, all of them.
    pub channels: u8,
    /// Its signalling, if it carries calls of the network.
    pub trunk: Option<TrunkConfig>,
    /// What its telephones are like, if it has any.
    pub phones: Option<PhoneConfig>,
}

/// What the machine is told once.
#[derive(Clone, Debug)]
pub struct LineConfig {
    /// The start of the line process in Unix seconds.
    pub epoch: u32,
    /// All spans.
    pub spans: Vec<SpanConfig>,
    /// Where each channel lies in the engine.
    pub strips: BTreeMap<ChannelId, Strip>,
    /// The engine's feeds.
    pub feeds: u16,
    /// The engine's taps.
    pub taps: u16,
    /// How long a call waits for a switch that is away.
    pub hold: Duration,
    /// The most legs at once.
    pub max_legs: usize,
}

/// What happens.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// A frame came on a D-channel.
    Frame {
        /// The span.
        span: SpanId,
        /// Address to information.
        octets: &'a [u8],
    },
    /// The realtime engine tells something.
    Rt(RtEvent),
    /// A switch is attached: it gets the census.
    Attach {
        /// The tie of monotonic and wall time.
        anchor: clock::WallAnchor,
    },
    /// The switch is gone.
    Detach,
    /// The switch orders something.
    Order(Order),
    /// The recorder tells how a recording fares.
    Recording {
        /// Which.
        recording: RecordingId,
        /// How.
        state: RecordingState,
    },
    /// The player could not play.
    PlayFailed {
        /// The feed.
        feed: FeedPort,
        /// The generation that it was to carry.
        generation: u16,
        /// Why, for people.
        why: String,
    },
    /// The way to the switch is nearly full, or is free again.
    Congestion(bool),
    /// The counters of the line process, once a second; the bad frames of all spans are summed up with it.
    Health(Health),
    /// Bad frames on a D-channel since start, counted below the signalling.
    BadFrames {
        /// The span.
        span: SpanId,
        /// How many.
        total: u64,
    },
    /// The process is about to end: all calls are cleared with this cause.
    ClearAll(Cause),
    /// A deadline has passed.
    Timeout,
}

/// What is to be done.
#[derive(Clone, Debug)]
pub enum Output {
    /// Send a frame on a D-channel.
    Frame {
        /// The span.
        span: SpanId,
        /// The frame.
        frame: HdlcFrame,
    },
    /// Tell the realtime engine.
    Rt(RtCommand),
    /// Tell the switch.
    ToSwitch(ToSwitch),
    /// Let the player fill a feed.
    Play {
        /// The feed.
        feed: FeedPort,
        /// The generation of its blocks.
        generation: u16,
        /// Prompt names.
        prompts: Vec<String>,
        /// Again and again.
        repeat: bool,
    },
    /// Let the player leave a feed alone.
    StopPlaying {
        /// The feed.
        feed: FeedPort,
    },
    /// Let the recorder write a tap to a file.
    StartRecording {
        /// The tap.
        tap: TapPort,
        /// The recording.
        recording: RecordingId,
    },
    /// Let the recorder close a file.
    StopRecording {
        /// The recording.
        recording: RecordingId,
    },
}

/// A span as the machine holds it.
#[derive(Debug)]
pub(crate) struct Span {
    pub config: SpanConfig,
    pub alarms: Alarms,
    pub pri: Option<Pri>,
    pub dchannel: Option<bool>,
    pub blocked: u32,
    /// Timeslots of calls that ended while the D-channel was down, bit 0 is timeslot 1.
    pub doubtful: u32,
    pub slips: u64,
    /// Damaged frames, counted by the engine.
    pub damaged_frames: u64,
    /// Frames that the card had to throw away.
    pub lost_frames: u64,
    /// All bad frames as they were told last.
    pub bad_frames: u64,
    pub oddities: Oddities,
    /// The port of the last call out, on spans of exchange lines.
    pub last_line: Option<Timeslot>,
    /// Something that the switch should know has changed.
    pub changed: bool,
}

/// A telephone as the machine holds it.
#[derive(Debug)]
pub(crate) struct Phone {
    pub port: FxsPort,
    pub leg: Option<LegId>,
    pub cadence: RingCadence,
}

/// The line side.
#[derive(Debug)]
pub struct Machine {
    pub(crate) config: LineConfig,
    pub(crate) spans: BTreeMap<SpanId, Span>,
    pub(crate) phones: BTreeMap<ChannelId, Phone>,
    pub(crate) exchange_lines: BTreeMap<ChannelId, ExchangeLine>,
    pub(crate) line_strips: BTreeMap<Strip, ChannelId>,
    pub(crate) hunting: BTreeMap<LegId, Hunting>,
    pub(crate) legs: BTreeMap<LegId, Leg>,
    pub(crate) pri_legs: BTreeMap<(SpanId, CallId), LegId>,
    pub(crate) strip_legs: BTreeMap<Strip, LegId>,
    pub(crate) ended: BTreeMap<LegId, EndedLeg>,
    pub(crate) media: Media,
    pub(crate) attachment: Attachment,
    pub(crate) congested: bool,
    pub(crate) refused_calls: u64,
    serial: u32,
    pub(crate) outputs: VecDeque<Output>,
}

impl Machine {
    /// Makes the line side of `config`; D-channels come up when their spans show no alarm.
    pub fn new(config: LineConfig, mut prng: Prng) -> Machine {
        let mut spans = BTreeMap::new();
        let mut phones = BTreeMap::new();
        for span in &config.spans {
            spans.insert(span.span, Span::new(span.clone(), &mut prng));
            let Some(bank) = span.phones else { continue };
            for timeslot in 1..=span.channels {
                let phone = Phone { port: FxsPort::new(bank.fxs), leg: None, cadence: bank.cadence };
                phones.insert(ChannelId::new(span.span.0, timeslot), phone);
            }
        }
        let mut machine = Machine {
            media: Media::new(config.feeds, config.taps),
            config,
            spans,
            phones,
            exchange_lines: BTreeMap::new(),
            line_strips: BTreeMap::new(),
            hunting: BTreeMap::new(),
            legs: BTreeMap::new(),
            pri_legs: BTreeMap::new(),
            strip_legs: BTreeMap::new(),
            ended: BTreeMap::new(),
            attachment: Attachment::default(),
            congested: false,
            refused_calls: 0,
            serial: 0,
            outputs: VecDeque::new(),
        };
        machine.plug_in_exchange_lines();
        machine
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input<'_>, now: Mono) {
        match input {
            Input::Frame { span, octets } => self.frame(span, octets, now),
            Input::Rt(event) => self.realtime(event, now),
            Input::Attach { anchor } => self.attach(anchor, now),
            Input::Detach => self.detach(now),
            Input::Order(order) => self.carry_out(order, now),
            Input::Recording { recording, state } => self.recording_told(recording, state, now),
            Input::PlayFailed { feed, generation, why } => self.play_failed(feed, generation, &why, now),
            Input::Congestion(congested) => self.congested = congested,
            Input::Health(health) => self.health(health, now),
            Input::BadFrames { span, total } => {
                if let Some(span) = self.spans.get_mut(&span) {
                    span.damaged_frames = total;
                }
            }
            Input::ClearAll(cause) => {
                // Whoever still comes is refused: nobody would clear that call.
                self.congested = true;
                for id in self.legs.keys().copied().collect::<Vec<_>>() {
                    self.hang_up(id, cause, now);
                }
            }
            Input::Timeout => self.timeout(now),
        }
        self.tell_changed_spans(now);
    }

    /// Returns the next output; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let pri = self.spans.values().filter_map(|span| Some(span.pri.as_ref()?.poll_timeout()?.0));
        let phones = self.phones.values().filter_map(|phone| phone.port.poll_timeout());
        let lines = self.exchange_lines.values().filter_map(|line| line.port.poll_timeout());
        let legs = self.legs.values().filter_map(Leg::deadline);
        pri.chain(phones).chain(lines).chain(legs).min()
    }

    /// Returns how many legs live.
    pub fn legs(&self) -> usize {
        self.legs.len()
    }

    fn realtime(&mut self, event: RtEvent, now: Mono) {
        match event.kind {
            RtEventKind::Applied { seq } => self.applied(seq, now),
            RtEventKind::Refused { seq, why } => {
                tracing::warn!(seq, ?why, "the realtime engine refused a command");
                self.applied(seq, now);
            }
            RtEventKind::DigitDown { strip, digit } => self.digit(strip, char::from(digit), now),
            RtEventKind::FeedDone { feed, generation } => self.feed_done(feed, generation, now),
            RtEventKind::Card(event) => self.card(event, now),
            RtEventKind::Heard { strip, heard } => self.heard(strip, heard, now),
            RtEventKind::Dialled { strip } => self.dialled_on(strip, now),
            // The length of a digit and lost samples change nothing here; the last are counted in the engine.
            RtEventKind::DigitUp { .. } | RtEventKind::Lost { .. } => {}
        }
    }

    fn card(&mut self, event: CardEvent, now: Mono) {
        match event {
            CardEvent::Alarms { span, alarms } => self.alarms(span, alarms, now),
            CardEvent::Hook { channel, state } => self.hook(channel, state, now),
            CardEvent::Slip { span, .. } => {
                if let Some(span) = self.spans.get_mut(&span) {
                    span.slips += 1;
                    span.changed = true;
                }
            }
            CardEvent::Attached { span } => self.attached_span(span, true, now),
            CardEvent::Detached { span } => self.attached_span(span, false, now),
            CardEvent::FrameLost { span } => {
                if let Some(span) = self.spans.get_mut(&span) {
                    span.lost_frames += 1;
                }
            }
            CardEvent::Ring { channel, ringing } => {
                self.tell_exchange_line(channel, fxo::Input::Ring(ringing), now);
            }
            CardEvent::Polarity { channel, polarity } => {
                self.tell_exchange_line(channel, fxo::Input::Polarity(polarity), now);
            }
            CardEvent::Feed { channel, present } => {
                self.tell_exchange_line(channel, fxo::Input::Feed(present), now);
            }
            // Bits of CAS trunks have no signalling machine yet.
            CardEvent::Abcd { .. } => {}
        }
    }

    fn attached_span(&mut self, id: SpanId, attached: bool, now: Mono) {
        let Some(span) = self.spans.get(&id) else {
            return;
        };
        let mut alarms = span.alarms;
        alarms.set(Alarms::DETACHED, !attached);
        self.alarms(id, alarms, now);
        if attached {
            self.listen_again(id);
        }
    }

    fn alarms(&mut self, id: SpanId, alarms: Alarms, now: Mono) {
        let Some(span) = self.spans.get_mut(&id) else {
            return;
        };
        if span.alarms == alarms {
            return;
        }
        if (alarms - span.alarms).is_empty() {
            tracing::info!(span = %id, before = %span.alarms, now = %alarms, "alarms of a span have gone");
        } else {
            tracing::warn!(span = %id, before = %span.alarms, now = %alarms, "a span has alarms");
        }
        let (was_up, is_up) = (!span.alarms.blocks_calls(), !alarms.blocks_calls());
        span.alarms = alarms;
        span.changed = true;
        if was_up != is_up {
            self.line_up(id, is_up, now);
        }
        if !is_up {
            self.drop_phones(id, now);
            self.drop_exchange_lines(id, now);
        }
    }

    /// A bank of telephones that is gone can carry no call.
    fn drop_phones(&mut self, id: SpanId, now: Mono) {
        let ports = self.phones.keys().filter(|channel| channel.span == id).copied().collect::<Vec<_>>();
        for channel in ports {
            self.hook(channel, HookState::OnHook, now);
            if let Some(leg) = self.phones.get(&channel).and_then(|phone| phone.leg) {
                self.finish(leg, Cause::OUT_OF_ORDER, true, now);
            }
        }
    }

    /// Sums up the bad frames of every span: one line of the log a second, however many come.
    fn count_bad_frames(&mut self) {
        for (id, span) in &mut self.spans {
            let total = span.count_bad_frames();
            if span.bad_frames != total {
                let new = total - span.bad_frames;
                tracing::warn!(span = %id, new, total, "bad frames on the D-channel");
                span.bad_frames = total;
                span.changed = true;
            }
        }
    }

    fn digit(&mut self, strip: Strip, digit: char, now: Mono) {
        if self.identity_key(strip, digit, now) {
            return;
        }
        let Some(id) = self.strip_legs.get(&strip).copied() else {
            return;
        };
        if self.dial_digit(id, digit, now) {
            return;
        }
        self.stop_for_digit(id, now);
        if self.attachment.attached {
            self.event(Event::Digit { leg: id, digit }, now);
        } else if let Some(leg) = self.legs.get_mut(&id)
            && leg.digits.len() < link::MAX_HELD_DIGITS
        {
            leg.digits.push(digit);
        }
    }

    /// Gives a name to a leg that arrives.
    pub(crate) fn next_leg(&mut self) -> LegId {
        self.serial += 1;
        LegId { epoch: self.config.epoch, session: 0, serial: self.serial }
    }

    /// Returns true if one more leg can be carried.
    pub(crate) fn has_room(&self) -> bool {
        self.legs.len() < self.config.max_legs && !self.congested
    }

    /// Ties a leg to its channel.
    pub(crate) fn set_channel(&mut self, id: LegId, channel: ChannelId) {
        let strip = self.config.strips.get(&channel).copied();
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        if leg.channel == Some(channel) {
            return;
        }
        leg.channel = Some(channel);
        if let Some(old) = leg.strip.take() {
            self.strip_legs.remove(&old);
        }
        leg.strip = strip;
        let Some(strip) = strip else {
            return;
        };
        // A leg that is only ending loses the channel to the one that has it now.
        if let Some(before) = self.strip_legs.insert(strip, id).and_then(|before| self.legs.get_mut(&before))
        {
            before.strip = None;
        }
        // An exchange line's own machine says what is listened for.
        if !self.exchange_lines.contains_key(&channel) {
            self.detect_digits(id);
        }
    }

    /// Ends a leg for good: media, tables, the last event.
    pub(crate) fn finish(&mut self, id: LegId, cause: Cause, by_line: bool, now: Mono) {
        self.set_state(id, LegState::Ending);
        self.release_media(id, now);
        let Some(leg) = self.legs.remove(&id) else {
            return;
        };
        if let Some(strip) = leg.strip
            && self.strip_legs.get(&strip) == Some(&id)
        {
            self.strip_legs.remove(&strip);
        }
        match leg.way {
            Way::Pri { span, call } => drop(self.pri_legs.remove(&(span, call))),
            Way::Phone(channel) => self.leave_phone(id, channel, now),
            Way::ExchangeLine(channel) => self.leave_exchange_line(id, channel, now),
        }
        let ended = leg.ended(leg.cause.unwrap_or(cause), by_line, now);
        if self.ended.len() == MAX_ENDED {
            self.ended.pop_first();
            tracing::error!("more than {MAX_ENDED} ended legs wait for a switch: the oldest is forgotten");
        }
        self.ended.insert(id, ended.clone());
        self.event(Event::Ended(ended), now);
        self.let_peer_go(leg.peer, now);
    }

    /// The other leg of a call that has lost one: the switch clears it, or we do.
    fn let_peer_go(&mut self, peer: Option<LegId>, now: Mono) {
        let Some(id) = peer.filter(|id| self.is_live(*id)) else {
            return;
        };
        if !self.attachment.attached {
            self.hang_up(id, Cause::NORMAL, now);
        } else if let Some(leg) = self.legs.get_mut(&id) {
            leg.hold_until = Some(now + CLEAR_AFTER);
        }
    }

    fn timeout(&mut self, now: Mono) {
        self.trunk_timeouts(now);
        self.phone_timeouts(now);
        self.exchange_line_timeouts(now);
        let due = |leg: &&Leg| leg.deadline().is_some_and(|due| due <= now);
        for id in self.legs.values().filter(due).map(|leg| leg.id).collect::<Vec<_>>() {
            self.leg_timeout(id, now);
        }
    }

    fn leg_timeout(&mut self, id: LegId, now: Mono) {
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        let proceed = leg.proceed_at.take_if(|due| *due <= now).is_some();
        let ring = leg.ring_at.take_if(|due| *due <= now).is_some();
        let give_up = leg.hold_until.take_if(|due| *due <= now).is_some();
        if proceed {
            self.proceed(id, now);
        }
        if ring {
            self.alert(id, now);
        }
        if give_up {
            tracing::warn!(leg = %id, "the switch did not decide in time");
            self.hang_up(id, Cause::TEMPORARY, now);
        }
    }

    /// Returns what the switch is told of a span.
    pub(crate) fn span_census(span: &Span) -> SpanCensus {
        let seating = match &span.config.trunk {
            Some(TrunkConfig::Pri(pri)) => match pri.side {
                isdn::config::Side::User => Seating::PriUser,
                isdn::config::Side::Network => Seating::PriNetwork,
            },
            Some(TrunkConfig::LoopStart(_)) => Seating::ExchangeLines,
            None if span.config.phones.is_some() => Seating::Telephones,
            None => Seating::Unused,
        };
        SpanCensus {
            span: span.config.span,
            kind: span.config.kind,
            seating,
            alarms: span.alarms,
            dchannel: span.dchannel,
            channels: span.config.channels - u8::from(span.dchannel.is_some()),
            blocked: span.blocked,
            slips: span.slips,
            bad_frames: span.bad_frames,
        }
    }

    fn tell_changed_spans(&mut self, now: Mono) {
        let census: Vec<_> = self
            .spans
            .values_mut()
            .filter_map(|span| std::mem::take(&mut span.changed).then(|| Self::span_census(span)))
            .collect();
        census.into_iter().for_each(|span| self.event(Event::Span(span), now));
    }

    fn health(&mut self, mut health: Health, now: Mono) {
        health.refused_calls = self.refused_calls;
        self.count_bad_frames();
        self.event(Event::Health(health), now);
    }

    /// Returns true if the leg is one that the switch may still order about.
    pub(crate) fn is_live(&self, id: LegId) -> bool {
        self.legs.get(&id).is_some_and(|leg| leg.state != LegState::Ending)
    }
}

impl Span {
    /// Returns true if one more call can go out.
    pub fn has_free_channel(&self) -> bool {
        let idle = |timeslot| {
            self.pri.as_ref().and_then(|pri| pri.channel(Timeslot(timeslot))) == Some(ChannelState::Idle)
        };
        (1..=self.config.channels).any(idle)
    }

    /// Returns a name for a new call and the law of its bearer.
    pub fn next_call(&mut self) -> Option<(CallId, Law)> {
        let law = match self.config.trunk.as_ref()? {
            TrunkConfig::Pri(pri) => pri.law,
            TrunkConfig::LoopStart(_) => return None,
        };
        Some((self.pri.as_mut()?.next_call(), law))
    }

    /// Returns all frames since start that were damaged, lost, or made no sense to layer 2 or 3.
    fn count_bad_frames(&self) -> u64 {
        let senseless = self.pri.as_ref().map_or(0, |pri| {
            let link = pri.link_counters();
            link.garbage + link.misaddressed + pri.counters().malformed
        });
        self.damaged_frames + self.lost_frames + senseless
    }

    fn new(config: SpanConfig, prng: &mut Prng) -> Span {
        let pri = match &config.trunk {
            Some(TrunkConfig::Pri(pri)) => Some(Pri::new(pri.clone(), prng.fork())),
            Some(TrunkConfig::LoopStart(_)) | None => None,
        };
        // A digital line is dead until the card says otherwise.
        let alarms = if config.kind.is_analog() { Alarms::empty() } else { Alarms::RED };
        Span {
            dchannel: pri.as_ref().map(|_| false),
            config,
            alarms,
            pri,
            blocked: 0,
            doubtful: 0,
            slips: 0,
            damaged_frames: 0,
            lost_frames: 0,
            bad_frames: 0,
            oddities: Oddities::default(),
            last_line: None,
            changed: false,
        }
    }
}
