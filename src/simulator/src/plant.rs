//! The exchange with its lines: the people of [`Exchange`] speak and hear, millisecond by millisecond.
//!
//! ```text
//!            frames, hook edges            acts: say, key, hush          chunks
//!  Exchange <-----------------> lines      -----------------------> Room <-----> lines
//!      ^------ rings, frames                heard: person, tone, speech |
//!      +----------------------------------------------------------------+
//! ```
//! Whoever owns the lines calls, for every millisecond, [`Plant::line_hears`], [`Plant::line_frame`] and
//! [`Plant::line_says`] of each line that is there, takes what [`Plant::next_frame`] and [`Plant::next_edge`] give, and ends
//! it by [`Plant::step`]. What was heard in a call is written into the truth at its end.
//!
//! Limits: ringing has ended [`RING_GAP`] after its last burst; busy tones are recognised if they have one frequency.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use clock::Mono;
use dsp::dtmf::{DtmfDetector, DtmfEvent};
use dsp::tone::Country;
use sim::Edge;
use tdm::{Alarms, ChannelId, Chunk, HdlcFrame, HookState, Law, SpanId, SpanKind, Timeslot};

use crate::exchange::{Act, Config, Exchange, Identity, Input, LoopEdge, Output, Sound};
use crate::people::{self, Voice};
use crate::sound::{Clips, Noise, Place, Role, Room, RoomEvent, Signals};
use crate::truth::{Entry, Event};

/// Without a burst for so long it rings no more: the longest pause of any country is four seconds.
pub const RING_GAP: Duration = Duration::from_millis(4_300);
/// Clips of babble for a language that has no voices.
const BABBLE_CLIPS: u8 = 8;
/// The most frames and edges that wait for a line; more come only while it is gone.
const MAX_WAITING: usize = 1_024;

/// One line.
#[derive(Debug, Default)]
struct Line {
    up: bool,
    frames: VecDeque<HdlcFrame>,
    edges: VecDeque<Edge>,
    /// The ports that ring, and when they will have ceased to unless another burst comes.
    ringing: BTreeMap<Timeslot, Option<Mono>>,
    /// The places of its timeslots, the first first.
    places: Vec<Place>,
    /// What listens to the keys that Tandem sends, for each subscriber line.
    ears: Vec<DtmfDetector>,
    law: Option<Law>,
}

/// The exchange, its lines and their sound.
pub struct Plant {
    exchange: Exchange,
    room: Room,
    clips: Clips,
    signals: Signals,
    lines: BTreeMap<SpanId, Line>,
    /// By place.
    channels: Vec<ChannelId>,
    in_use: BTreeMap<ChannelId, Role>,
    truth: VecDeque<Entry>,
    babbles: Vec<String>,
    lost: u64,
}

impl Plant {
    /// Makes a plant whose lines are down. Languages without a clip babble.
    pub fn new(config: Config, clips: Clips, now: Mono) -> Plant {
        let mut room = Room::new();
        let (mut lines, mut channels) = (BTreeMap::new(), Vec::new());
        for span in &config.spans {
            channels.extend((1..=span.channels).map(|timeslot| ChannelId::new(span.span.0, timeslot)));
            let places = (0..span.channels).map(|_| room.add(span.law)).collect();
            let ears = if span.kind == SpanKind::Fxo { span.channels } else { 0 };
            let ears = (0..ears).map(|_| DtmfDetector::new(0)).collect();
            lines.insert(span.span, Line { places, ears, law: Some(span.law), ..Line::default() });
        }
        let languages: Vec<String> = config.habits.kinds.iter().map(|kind| kind.language.clone()).collect();
        let seed = config.seed;
        let mut plant = Plant {
            exchange: Exchange::new(config, now),
            room,
            clips,
            signals: Signals::new(Country::Cn),
            lines,
            channels,
            in_use: BTreeMap::new(),
            truth: VecDeque::new(),
            babbles: Vec::new(),
            lost: 0,
        };
        plant.find_voices(&languages, seed);
        plant.drain();
        plant
    }

    /// Returns what the exchange knows.
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Returns the languages and roles that have no clip, for example `zh/caller`.
    pub fn babbles(&self) -> &[String] {
        &self.babbles
    }

    /// Returns how many frames and edges were lost because a line did not take them.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Tells the exchange something that does not come over a line: that callers may come, for example.
    pub fn tell(&mut self, input: Input<'_>, now: Mono) {
        self.exchange.handle(input, now);
        self.drain();
    }

    /// A line is plugged in, or cut.
    pub fn line(&mut self, span: SpanId, up: bool, now: Mono) {
        let Some(line) = self.lines.get_mut(&span) else { return };
        if line.up == up {
            return;
        }
        line.up = up;
        line.frames.clear();
        line.edges.clear();
        let rung: Vec<Timeslot> = std::mem::take(&mut line.ringing).into_keys().collect();
        for timeslot in rung {
            self.tell(Input::Ring { channel: ChannelId { span, timeslot }, on: false }, now);
        }
        self.tell(Input::Line { span, up }, now);
        if up {
            self.tell_hooks(span);
        }
    }

    /// Takes what a line brings in this millisecond.
    pub fn line_hears(&mut self, span: SpanId, chunks: &[Chunk], edges: &[Edge], now: Mono) {
        let Some(line) = self.lines.get(&span) else { return };
        for (place, chunk) in line.places.iter().zip(chunks) {
            self.room.hear(*place, chunk);
        }
        self.listen_for_keys(span, chunks, now);
        for edge in edges {
            self.edge(span, *edge, now);
        }
    }

    /// Takes a frame of a line's D-channel.
    pub fn line_frame(&mut self, span: SpanId, octets: &[u8], now: Mono) {
        self.tell(Input::Frame { span, octets }, now);
    }

    /// Gives what a line shall send in this millisecond.
    pub fn line_says(&mut self, span: SpanId, chunks: &mut [Chunk]) {
        let Some(line) = self.lines.get(&span) else { return };
        for (place, chunk) in line.places.iter().zip(chunks) {
            *chunk = self.room.say(*place);
        }
    }

    /// Returns the next frame for a line's D-channel.
    pub fn next_frame(&mut self, span: SpanId) -> Option<HdlcFrame> {
        self.lines.get_mut(&span)?.frames.pop_front()
    }

    /// Returns the next thing that a line shall tell beside its octets.
    pub fn next_edge(&mut self, span: SpanId) -> Option<Edge> {
        self.lines.get_mut(&span)?.edges.pop_front()
    }

    /// Ends a millisecond: deadlines pass, ears are looked at.
    pub fn step(&mut self, now: Mono) {
        self.room.tick();
        while let Some(event) = self.room.poll_event() {
            self.room_event(event, now);
        }
        self.end_ringing(now);
        if self.exchange.poll_timeout().is_some_and(|due| due <= now) {
            self.tell(Input::Timeout, now);
        }
    }

    /// Returns the next line of the truth.
    pub fn poll_truth(&mut self) -> Option<Entry> {
        self.truth.pop_front()
    }

    fn find_voices(&mut self, languages: &[String], seed: u64) {
        for language in languages {
            for role in ["caller", "agent"] {
                let prefix = format!("{language}/{role}");
                if self.clips.starting_with(&prefix).next().is_none() {
                    let hash = |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
                    let seed = seed as u32 ^ prefix.bytes().fold(0, hash);
                    self.clips.extend(Clips::babble(&prefix, BABBLE_CLIPS, seed));
                    self.babbles.push(prefix);
                }
            }
        }
    }

    fn edge(&mut self, span: SpanId, edge: Edge, now: Mono) {
        match edge {
            Edge::Ring { timeslot, ringing } => self.ring(span, timeslot, ringing, now),
            Edge::Alarms(alarms) => {
                let up = !alarms.intersects(Alarms::RED | Alarms::AIS);
                self.tell(Input::Line { span, up }, now);
            }
            Edge::Hook { timeslot, state } => {
                self.tell(Input::Loop { channel: ChannelId { span, timeslot }, hook: state }, now);
            }
            // The exchange does nothing with the rest: its telephones know only ringing, its spans only the D-channel.
            Edge::Bits { .. } | Edge::Polarity { .. } | Edge::Feed { .. } | Edge::Slip(_) => {}
        }
    }

    /// A burst of ringing begins or ends.
    fn ring(&mut self, span: SpanId, timeslot: Timeslot, burst: bool, now: Mono) {
        let Some(line) = self.lines.get_mut(&span) else { return };
        let ends = (!burst).then(|| now + RING_GAP);
        let is_new = line.ringing.insert(timeslot, ends).is_none();
        if is_new && burst {
            self.tell(Input::Ring { channel: ChannelId { span, timeslot }, on: true }, now);
        }
    }

    fn end_ringing(&mut self, now: Mono) {
        let mut ended = Vec::new();
        for (span, line) in &mut self.lines {
            line.ringing.retain(|timeslot, ends| {
                let over = ends.is_some_and(|ends| ends <= now);
                if over {
                    ended.push(ChannelId { span: *span, timeslot: *timeslot });
                }
                !over
            });
        }
        for channel in ended {
            self.tell(Input::Ring { channel, on: false }, now);
        }
    }

    fn room_event(&mut self, event: RoomEvent, now: Mono) {
        let input = match event {
            RoomEvent::Hears { listener, speaker } => {
                let sound = Sound::Person(self.channels[speaker.0]);
                Input::Heard { channel: self.channels[listener.0], sound }
            }
            RoomEvent::Noise { listener, noise } => {
                let sound = match noise {
                    Noise::Silence => Sound::Silence,
                    Noise::Tone => Sound::Tone,
                    Noise::Other => Sound::Speech,
                };
                Input::Heard { channel: self.channels[listener.0], sound }
            }
            RoomEvent::Silent { place } => Input::Said { channel: self.channels[place.0] },
        };
        self.tell(input, now);
    }

    fn drain(&mut self) {
        while let Some(output) = self.exchange.poll_output() {
            match output {
                Output::Frame { span, frame } => {
                    if let Some(line) = self.lines.get_mut(&span).filter(|line| line.up) {
                        self.lost += u64::from(line.frames.len() >= MAX_WAITING);
                        line.frames.truncate(MAX_WAITING - 1);
                        line.frames.push_back(frame);
                    }
                }
                Output::Hook { channel, state } => self.hook(channel, state),
                Output::Loop { channel, edge } => self.loop_edge(channel, edge),
                Output::Identity { channel, number, by } => self.identity(channel, &number, by),
                Output::Act { channel, act } => self.act(channel, act),
                Output::Truth(entry) => self.write(entry),
            }
        }
    }

    /// Sets whose tones the exchange sends.
    #[must_use]
    pub fn with_tones(mut self, country: Country) -> Plant {
        self.signals = Signals::new(country);
        self
    }

    /// Hears what Tandem dials on subscriber lines.
    fn listen_for_keys(&mut self, span: SpanId, chunks: &[Chunk], now: Mono) {
        let mut pressed = Vec::new();
        let Some(line) = self.lines.get_mut(&span) else { return };
        let law = line.law.unwrap_or(Law::A);
        for (timeslot, (ear, chunk)) in (1..).map(Timeslot).zip(line.ears.iter_mut().zip(chunks)) {
            let channel = ChannelId { span, timeslot };
            if !self.exchange.is_dialling(channel) {
                continue;
            }
            if let Some(DtmfEvent::Down { digit }) = ear.push(&g711::decode_chunk(law, chunk)) {
                pressed.push((channel, char::from(digit)));
            }
        }
        for (channel, key) in pressed {
            self.tell(Input::Key { channel, key }, now);
        }
    }

    fn loop_edge(&mut self, channel: ChannelId, edge: LoopEdge) {
        let timeslot = channel.timeslot;
        let edge = match edge {
            LoopEdge::Ring(ringing) => Edge::Ring { timeslot, ringing },
            LoopEdge::Polarity(polarity) => Edge::Polarity { timeslot, polarity },
            LoopEdge::Feed(present) => Edge::Feed { timeslot, present },
        };
        if let Some(line) = self.lines.get_mut(&channel.span).filter(|line| line.up) {
            self.lost += u64::from(line.edges.len() >= MAX_WAITING);
            line.edges.truncate(MAX_WAITING - 1);
            line.edges.push_back(edge);
        }
    }

    /// Sends a caller's number.
    fn identity(&mut self, channel: ChannelId, number: &str, by: Identity) {
        let Some(place) = self.place(channel) else { return };
        match by {
            Identity::None => {}
            Identity::Dtmf => {
                if let Some(keys) = dsp::caller_id::dtmf::emit(number) {
                    self.room.press(place, &keys);
                }
            }
            Identity::Bell202 | Identity::V23 => {
                self.room.signal(place, &Signals::identity(number, by), false);
            }
        }
    }

    fn hook(&mut self, channel: ChannelId, state: HookState) {
        if let Some(line) = self.lines.get_mut(&channel.span) {
            line.ringing.remove(&channel.timeslot);
            self.lost += u64::from(line.edges.len() >= MAX_WAITING);
            line.edges.truncate(MAX_WAITING - 1);
            line.edges.push_back(Edge::Hook { timeslot: channel.timeslot, state });
        }
        match state {
            HookState::OffHook => self.begin(channel, Role::Agent),
            HookState::OnHook => self.end(channel),
        }
    }

    /// A line that is plugged in anew knows of no telephone that is lifted.
    fn tell_hooks(&mut self, span: SpanId) {
        let lifted: Vec<Timeslot> = self
            .in_use
            .keys()
            .filter(|channel| channel.span == span)
            .map(|channel| channel.timeslot)
            .collect();
        if let Some(line) = self.lines.get_mut(&span) {
            let state = HookState::OffHook;
            line.edges.extend(lifted.into_iter().map(|timeslot| Edge::Hook { timeslot, state }));
        }
    }

    fn act(&mut self, channel: ChannelId, act: Act) {
        let Some(place) = self.place(channel) else { return };
        match act {
            Act::Say { voice, clip } => self.say(place, voice, clip),
            Act::Key(key) => self.room.press(place, key.encode_utf8(&mut [0; 4])),
            Act::Tone(kind) => {
                if let Some(tone) = self.signals.tone(kind) {
                    self.room.signal(place, tone, true);
                }
            }
            Act::Hush => self.room.hush(place),
        }
    }

    fn say(&mut self, place: Place, voice: Voice, clip: u32) {
        let role = match voice.role {
            people::Role::Caller => "caller",
            people::Role::Agent => "agent",
        };
        let prefix = format!("{}/{role}", self.exchange.language(voice));
        let count = self.clips.starting_with(&prefix).count().max(1);
        // Neighbours begin with different clips, and everybody goes on to the next one.
        let chosen = (voice.person as usize).wrapping_mul(3).wrapping_add(clip as usize) % count;
        let chosen = self.clips.starting_with(&prefix).nth(chosen).cloned();
        if let Some(clip) = chosen {
            self.room.speak(place, &clip, 0, false);
        }
    }

    /// Writes a line of the truth; from it the channels' use is known.
    fn write(&mut self, entry: Entry) {
        let at_ms = entry.at_ms;
        let mut freed = None;
        if let Event::Offered { channel, .. } = &entry.event {
            self.begin(*channel, Role::Caller);
        }
        if let Event::Channel { channel, busy } = &entry.event {
            if !busy {
                freed = Some(*channel);
            } else if !self.in_use.contains_key(channel) {
                self.begin(*channel, Role::Agent);
            }
        }
        self.truth.push_back(entry);
        if let Some(channel) = freed {
            self.end_at(channel, at_ms);
        }
    }

    fn begin(&mut self, channel: ChannelId, role: Role) {
        if let Some(place) = self.place(channel) {
            self.in_use.insert(channel, role);
            self.room.begin(place, role);
        }
    }

    fn end(&mut self, channel: ChannelId) {
        // What is put down was written just before.
        let at_ms = self.truth.back().map_or(0, |entry| entry.at_ms);
        self.end_at(channel, at_ms);
    }

    fn end_at(&mut self, channel: ChannelId, at_ms: u64) {
        let Some(place) = self.place(channel) else { return };
        if self.in_use.remove(&channel).is_none() {
            return;
        }
        let listens = |other: &&ChannelId| {
            self.place(**other).is_some_and(|at| self.room.hearing(at).partner == Some(place))
        };
        let listeners: Vec<ChannelId> = self.in_use.keys().filter(listens).copied().collect();
        let hearing = self.room.end(place);
        // Nobody hears who has gone: else the next caller on the same channel would be taken for the last one.
        for channel in listeners {
            let silence = Input::Heard { channel, sound: Sound::Silence };
            self.exchange.handle(silence, Mono::from_millis(at_ms));
        }
        // A telephone that is down hears nobody: else its next talk would begin with the last caller.
        let silence = Input::Heard { channel, sound: Sound::Silence };
        self.exchange.handle(silence, Mono::from_millis(at_ms));
        if let Some(partner) = hearing.partner {
            let event = Event::Hearing {
                channel,
                partner: self.channels[partner.0],
                spoken_ms: hearing.spoken_ms,
                heard_ms: hearing.heard_ms,
                deaf_ms: hearing.longest_deaf_ms,
            };
            self.truth.push_back(Entry { at_ms, event });
        }
    }

    fn place(&self, channel: ChannelId) -> Option<Place> {
        let index = usize::from(channel.timeslot.0).checked_sub(1)?;
        self.lines.get(&channel.span)?.places.get(index).copied()
    }
}
