//! What legs hear: feeds, taps, connections, and the order in which the engine is told.
//!
//! The engine applies commands in the order given and answers each; the highest answered number says how far it has
//! come. An answer to a caller waits until the engine has applied all that was ordered for the leg before.

use clock::Mono;
use link::{Event, LegId, PlayId, RecordingId, RecordingState, Treatment};
use rt::{Digits, FeedPort, RtCommand, RtOp, Source, Strip, TapPort, Tone};
use tdm::ChannelId;

use crate::legs::{Leg, Playing};
use crate::machine::{Machine, Output};

/// The pools of feeds and taps, and the numbering of commands.
#[derive(Debug)]
pub(crate) struct Media {
    free_feeds: Vec<FeedPort>,
    generations: Vec<u16>,
    free_taps: Vec<TapPort>,
    /// Taps whose recording is being closed: free again when the recorder says so.
    closing: Vec<(RecordingId, TapPort)>,
    next_seq: u32,
    applied: u32,
}

impl Media {
    pub fn new(feeds: u16, taps: u16) -> Media {
        Media {
            free_feeds: (0..feeds).rev().map(FeedPort).collect(),
            generations: vec![0; usize::from(feeds)],
            free_taps: (0..taps).rev().map(TapPort).collect(),
            closing: Vec::new(),
            next_seq: 1,
            applied: 0,
        }
    }

    /// Moves a feed to its next generation: blocks of the last one are void.
    fn next_generation(&mut self, feed: FeedPort) -> u16 {
        let generation = &mut self.generations[usize::from(feed.0)];
        *generation = generation.wrapping_add(1);
        *generation
    }

    /// Returns true if the engine has applied the command `seq`. Numbers wrap; 0 stands for none.
    fn has_applied(&self, seq: u32) -> bool {
        seq == 0 || self.applied.wrapping_sub(seq) < u32::MAX / 2
    }
}

impl Machine {
    pub(crate) fn tell_engine(&mut self, op: RtOp) -> u32 {
        let seq = self.media.next_seq;
        self.media.next_seq = seq.checked_add(1).unwrap_or(1);
        self.outputs.push_back(Output::Rt(RtCommand { seq, op }));
        seq
    }

    pub(crate) fn tell_line(&mut self, order: card::LineOrder) {
        self.tell_engine(RtOp::Line(order));
    }

    fn tell_strip(&mut self, id: LegId, op: impl FnOnce(Strip) -> RtOp) {
        let Some(strip) = self.legs.get(&id).and_then(|leg| leg.strip) else {
            return;
        };
        let seq = self.tell_engine(op(strip));
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.media_seq = seq;
        }
    }

    /// Puts the channel of a leg that moves to another one back to the start.
    pub(crate) fn quiet_strip(&mut self, id: LegId) {
        self.tell_strip(id, |strip| RtOp::Reset { strip });
    }

    pub(crate) fn send(&mut self, id: LegId, source: Source) {
        self.tell_strip(id, |strip| RtOp::Send { strip, source });
    }

    /// Chooses what a port sends while no leg is on it.
    pub(crate) fn port_source(&mut self, channel: ChannelId, source: Source) {
        if let Some(strip) = self.config.strips.get(&channel).copied() {
            self.tell_engine(RtOp::Send { strip, source });
        }
    }

    pub(crate) fn detect_digits(&mut self, id: LegId) {
        self.tell_strip(id, |strip| RtOp::Detect { strip, wants: rt::Wants::DTMF });
    }

    pub(crate) fn send_digits(&mut self, id: LegId, digits: &str, now: Mono) {
        match Digits::new(digits) {
            Some(digits) => self.tell_strip(id, |strip| RtOp::Dial { strip, digits }),
            None => self.refuse(id, "digits that cannot be sent: at most 24 of 0-9 * # A-D ,", now),
        }
    }

    /// Lets a leg hear a tone instead of what it heard.
    pub(crate) fn play_tone(&mut self, id: LegId, tone: Tone, now: Mono) {
        self.quiet(id, now);
        self.send(id, Source::Tone(tone));
    }

    /// Ends whatever a leg hears.
    pub(crate) fn quiet(&mut self, id: LegId, now: Mono) {
        self.stop_play(id, false, now);
        self.split(id);
    }

    pub(crate) fn applied(&mut self, seq: u32, now: Mono) {
        self.media.applied = seq;
        let media = &self.media;
        let ready = |leg: &&Leg| leg.answer_wanted && media.has_applied(leg.media_seq);
        for id in self.legs.values().filter(ready).map(|leg| leg.id).collect::<Vec<_>>() {
            self.answer_now(id, now);
        }
    }

    /// Returns true if all that was ordered for a leg's media is in effect.
    pub(crate) fn media_is_through(&self, id: LegId) -> bool {
        self.legs.get(&id).is_none_or(|leg| self.media.has_applied(leg.media_seq))
    }

    /// Plays prompts to a leg.
    pub(crate) fn play(
        &mut self,
        id: LegId,
        play: PlayId,
        prompts: Vec<String>,
        treatment: Treatment,
        now: Mono,
    ) {
        self.quiet(id, now);
        let Some(leg) = self.legs.get_mut(&id) else {
            return;
        };
        leg.played = Some(play);
        let Some(feed) = self.free_feed(prompts.len()) else {
            self.refuse(id, "no prompt channel is free", now);
            return self.event(Event::Played { leg: id, play, completed: false }, now);
        };
        let generation = self.media.next_generation(feed);
        self.tell_engine(RtOp::Flush { feed, generation });
        self.send(id, Source::Feed(feed));
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.playing = Some(Playing { play, feed, generation, treatment });
        }
        let repeat = treatment == Treatment::Loop;
        self.outputs.push_back(Output::Play { feed, generation, prompts, repeat });
    }

    fn free_feed(&mut self, prompts: usize) -> Option<FeedPort> {
        if prompts > link::MAX_PROMPTS { None } else { self.media.free_feeds.pop() }
    }

    /// Ends the playing on a leg, if there is one.
    pub(crate) fn stop_play(&mut self, id: LegId, completed: bool, now: Mono) {
        let Some(playing) = self.legs.get_mut(&id).and_then(|leg| leg.playing.take()) else {
            return;
        };
        if !completed {
            let generation = self.media.next_generation(playing.feed);
            self.tell_engine(RtOp::Flush { feed: playing.feed, generation });
            self.outputs.push_back(Output::StopPlaying { feed: playing.feed });
        }
        self.send(id, Source::Silence);
        self.media.free_feeds.push(playing.feed);
        if !self.is_live(id) {
            // That the leg ends says all: the switch must not take a prompt cut short for one heard to its end.
            return;
        }
        self.event(Event::Played { leg: id, play: playing.play, completed }, now);
    }

    pub(crate) fn stop_for_digit(&mut self, id: LegId, now: Mono) {
        let treatment = self.legs.get(&id).and_then(|leg| leg.playing).map(|playing| playing.treatment);
        if treatment == Some(Treatment::UntilDigit) {
            self.stop_play(id, false, now);
        }
    }

    fn leg_playing(&self, feed: FeedPort, generation: u16) -> Option<LegId> {
        let here = |playing: &Playing| playing.feed == feed && playing.generation == generation;
        self.legs.values().find(|leg| leg.playing.as_ref().is_some_and(here)).map(|leg| leg.id)
    }

    pub(crate) fn feed_done(&mut self, feed: FeedPort, generation: u16, now: Mono) {
        if let Some(id) = self.leg_playing(feed, generation) {
            self.stop_play(id, true, now);
        }
    }

    pub(crate) fn play_failed(&mut self, feed: FeedPort, generation: u16, why: &str, now: Mono) {
        if let Some(id) = self.leg_playing(feed, generation) {
            self.refuse(id, why, now);
            self.stop_play(id, false, now);
        }
    }

    /// Lets two legs hear each other.
    pub(crate) fn connect(&mut self, a: LegId, b: LegId, now: Mono) {
        let strip = |id| self.legs.get(&id).and_then(|leg| leg.strip);
        let (Some(strip_a), Some(strip_b)) = (strip(a), strip(b)) else {
            return self.refuse(a, "one of the two legs has no channel", now);
        };
        if a == b || !self.is_live(a) || !self.is_live(b) {
            return self.refuse(a, "one of the two legs is ending", now);
        }
        if self.legs.get(&a).is_some_and(|leg| leg.peer != Some(b)) {
            self.quiet(a, now);
            self.quiet(b, now);
            self.send(a, Source::Line(strip_b));
            self.send(b, Source::Line(strip_a));
            self.tie(a, b);
        }
        self.event(Event::Connected { a, b }, now);
    }

    /// Notes that two legs hear each other; an answer of either waits for both directions.
    fn tie(&mut self, a: LegId, b: LegId) {
        let seq = self.legs.get(&b).map_or(0, |leg| leg.media_seq);
        for (id, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.legs.get_mut(&id) {
                (leg.peer, leg.media_seq, leg.hold_until) = (Some(other), seq, None);
            }
        }
    }

    /// Parts a leg from the one it hears.
    pub(crate) fn split(&mut self, id: LegId) {
        let Some(peer) = self.legs.get_mut(&id).and_then(|leg| leg.peer.take()) else {
            return;
        };
        self.send(id, Source::Silence);
        if let Some(leg) = self.legs.get_mut(&peer) {
            leg.peer = None;
            self.send(peer, Source::Silence);
        }
    }

    /// Records a leg.
    pub(crate) fn record(&mut self, id: LegId, recording: RecordingId, now: Mono) {
        let Some(leg) = self.legs.get(&id) else {
            return;
        };
        if leg.recording.is_some() || leg.strip.is_none() {
            return;
        }
        let Some(port) = self.media.free_taps.pop() else {
            let state = RecordingState::Failed { why: "no recording channel is free".into() };
            return self.event(Event::Recording { recording, state }, now);
        };
        self.outputs.push_back(Output::StartRecording { tap: port, recording });
        self.tell_strip(id, |strip| RtOp::Tap { port, strip });
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.recording = Some((recording, port));
        }
    }

    pub(crate) fn stop_recording(&mut self, id: LegId) {
        let Some((recording, port)) = self.legs.get_mut(&id).and_then(|leg| leg.recording.take()) else {
            return;
        };
        self.tell_engine(RtOp::Untap { port });
        self.media.closing.push((recording, port));
        self.outputs.push_back(Output::StopRecording { recording });
    }

    /// Takes note of how a recording fares; a closed one gives its tap back.
    pub(crate) fn recording_told(&mut self, recording: RecordingId, state: RecordingState, now: Mono) {
        if let RecordingState::Stopped { .. } = state
            && let Some(index) = self.media.closing.iter().position(|(closing, _)| *closing == recording)
        {
            let (_, port) = self.media.closing.swap_remove(index);
            self.media.free_taps.push(port);
        }
        self.event_or_later(Event::Recording { recording, state }, now);
    }

    /// Takes all media from a leg that ends. It still says whom it leaves behind.
    pub(crate) fn release_media(&mut self, id: LegId, now: Mono) {
        let peer = self.legs.get(&id).and_then(|leg| leg.peer);
        self.quiet(id, now);
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.peer = peer;
        }
        self.stop_recording(id);
        self.tell_strip(id, |strip| RtOp::Reset { strip });
    }
}
