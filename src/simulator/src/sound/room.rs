//! All mouths and ears of the world, and who hears whom.
//!
//! Every channel is a place. A place in use belongs to a caller or an agent; ten times a second each ear that hears
//! something loud is compared with the mouths of the other kind, first with the one it heard before. A match makes the two
//! partners: from then on it is counted how long the partner spoke and how long of that he was heard, both ways, until
//! either place is given up. If several mouths fit (they say the same words a little apart) the one at a usual delay counts,
//! or the one that nobody else hears, or the ear waits until they differ.
//!
//! The owner calls [`Room::hear`] and [`Room::say`] once a millisecond for each place that has a line, then
//! [`Room::tick`]. Cost: 120 places of which a third talk and a third hear prompts take 4 to 8 % of a core (`examples/sound_cost.rs`).

use std::collections::VecDeque;

use tdm::{CHUNK, Chunk, Law};

use super::{Clip, Ear, Keys, MAX_DELAY_MS, Mouth, Noise, Signs, WINDOW_MS};

/// How often an ear is compared.
const LOOK_MS: u64 = 100;
/// An ear that has found nobody at the usual delays tries all of them once in so many looks.
const LOOKS_TO_SEARCH: u32 = 8;
/// Somebody who was found must still be heard at the same delay so many looks later: the same syllable of the same voice
/// in a prompt is not enough. After so many looks in vain it is forgotten.
const LOOKS_TO_CONFIRM: u32 = 3;
const LOOKS_TO_FORGET: u32 = 12;
/// Delays at which somebody was found lately; they are tried first, since the paths are few.
const USUAL_DELAYS: usize = 8;
/// The frames of a window, and how many of them must be loud for a comparison.
const WINDOW_FRAMES: u32 = WINDOW_MS as u32 / 20;
const LOUD_FRAMES: u32 = 9;
/// So many looks in a row at which the partner speaks and is not heard: he is heard no more.
const MISSES_TO_LOSE: u32 = 5;
/// The delay that is assumed of a partner who was never heard.
const USUAL_DELAY_MS: u64 = 60;
/// The most events that wait; the oldest are dropped beyond it.
const MAX_EVENTS: usize = 10_000;

/// A channel of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub usize);

/// Whose channel it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A caller's: hears agents.
    Caller,
    /// An agent's: hears callers.
    Agent,
}

impl Role {
    fn other(self) -> Role {
        match self {
            Role::Caller => Role::Agent,
            Role::Agent => Role::Caller,
        }
    }
}

/// What the sound of a place tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    /// `listener` hears the voice of `speaker`, pauses included, until some noise is told.
    Hears {
        /// Who hears.
        listener: Place,
        /// Whom.
        speaker: Place,
    },
    /// `listener` hears nobody, but this.
    Noise {
        /// Who hears.
        listener: Place,
        /// What.
        noise: Noise,
    },
    /// What was to be said has been.
    Silent {
        /// Whose mouth.
        place: Place,
    },
}

/// What one side of a call has heard of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hearing {
    /// The partner, if there was one.
    pub partner: Option<Place>,
    /// How long the partner spoke.
    pub spoken_ms: u64,
    /// How long of that he was heard.
    pub heard_ms: u64,
    /// The longest time in a row that he spoke and was not heard.
    pub longest_deaf_ms: u64,
    /// How long anything loud was heard at all.
    pub loud_ms: u64,
}

struct One {
    role: Option<Role>,
    law: Law,
    mouth: Mouth,
    was_speaking: bool,
    /// What it sends is the exchange's signal and nobody's voice.
    is_signal: bool,
    /// What was told of it.
    noise: Option<Noise>,
    ear: Ear,
    said: Signs,
    heard: Signs,
    /// The loudness of its own mouth.
    own: Ear,
    /// The delay at which the partner is heard, in samples.
    hears: Option<u64>,
    hearing: Hearing,
    misses: u32,
    looks: u32,
    /// Who was found and at which delay, and the looks since.
    found: Option<(Place, u64, u32)>,
    deaf_ms: u64,
    /// The partner is gone: another may be found.
    gone: bool,
    /// What was taken in this millisecond.
    has: (bool, bool),
}

/// The world's channels.
#[derive(Default)]
pub struct Room {
    places: Vec<One>,
    keys: Keys,
    events: VecDeque<RoomEvent>,
    ms: u64,
    /// The latest delays, in samples, the newest last.
    delays: VecDeque<u64>,
}

impl Room {
    /// Makes a room without places.
    pub fn new() -> Room {
        Room::default()
    }

    /// Adds a channel.
    pub fn add(&mut self, law: Law) -> Place {
        self.places.push(One {
            role: None,
            law,
            mouth: Mouth::new(law),
            was_speaking: false,
            is_signal: false,
            noise: None,
            ear: Ear::new(law),
            said: Signs::default(),
            heard: Signs::default(),
            own: Ear::new(law),
            hears: None,
            hearing: Hearing::default(),
            misses: 0,
            looks: 0,
            found: None,
            deaf_ms: 0,
            gone: false,
            has: (false, false),
        });
        let place = self.places.len() - 1;
        // All rings count the same milliseconds.
        let idle = [law.idle(); CHUNK];
        (0..self.ms).for_each(|_| self.places[place].skip(&idle));
        Place(place)
    }

    /// Gives a place to a caller or an agent: silent, and nothing heard so far.
    pub fn begin(&mut self, place: Place, role: Role) {
        let one = &mut self.places[place.0];
        one.mouth.hush();
        // What was heard before, a busy tone for example, is nobody's any more.
        one.ear.noise();
        (one.was_speaking, one.is_signal) = (false, false);
        one.role = Some(role);
        (one.hears, one.noise, one.hearing) = (None, None, Hearing::default());
        (one.misses, one.looks, one.deaf_ms, one.gone) = (0, 0, 0, false);
        one.found = None;
    }

    /// Ends the use of a place and returns what was heard; its partner hears nobody any more, but keeps what he has heard
    /// and from whom until he meets another.
    pub fn end(&mut self, place: Place) -> Hearing {
        let one = &mut self.places[place.0];
        one.mouth.hush();
        one.was_speaking = false;
        one.role = None;
        one.hears = None;
        let hearing = std::mem::take(&mut one.hearing);
        for other in &mut self.places {
            if other.hearing.partner == Some(place) {
                other.hears = None;
                other.gone = true;
            }
        }
        hearing
    }

    /// Returns what has been heard at a place so far.
    pub fn hearing(&self, place: Place) -> Hearing {
        self.places[place.0].hearing
    }

    /// Returns whom a place hears now.
    pub fn hears(&self, place: Place) -> Option<Place> {
        let one = &self.places[place.0];
        one.hears.and(one.hearing.partner)
    }

    /// Says a clip at a place.
    pub fn speak(&mut self, place: Place, clip: &Clip, from_ms: u64, repeat: bool) {
        let one = &mut self.places[place.0];
        one.mouth.say(clip, from_ms, repeat);
        (one.was_speaking, one.is_signal) = (true, false);
    }

    /// Sends a signal of the exchange at a place: a tone, a number. It is nobody's voice: whoever does not hear it misses nothing.
    pub fn signal(&mut self, place: Place, clip: &Clip, repeat: bool) {
        self.speak(place, clip, 0, repeat);
        self.places[place.0].is_signal = true;
    }

    /// Presses keys at a place.
    pub fn press(&mut self, place: Place, keys: &str) {
        let one = &mut self.places[place.0];
        one.mouth.press(&self.keys, keys);
    }

    /// Makes a place silent.
    pub fn hush(&mut self, place: Place) {
        let one = &mut self.places[place.0];
        one.mouth.hush();
        (one.was_speaking, one.is_signal) = (false, false);
    }

    /// Takes what a place hears in this millisecond.
    pub fn hear(&mut self, place: Place, chunk: &Chunk) {
        let one = &mut self.places[place.0];
        if one.has.0 {
            return;
        }
        one.has.0 = true;
        one.take(chunk);
    }

    /// Returns what a place says in this millisecond.
    pub fn say(&mut self, place: Place) -> Chunk {
        let one = &mut self.places[place.0];
        let idle = [one.law.idle(); CHUNK];
        if one.has.1 {
            return idle;
        }
        one.has.1 = true;
        let chunk = one.mouth.chunk();
        one.give(if one.is_signal { &idle } else { &chunk });
        if std::mem::replace(&mut one.was_speaking, one.mouth.is_speaking()) && !one.was_speaking {
            self.tell(RoomEvent::Silent { place });
        }
        chunk
    }

    /// Ends the millisecond: places that had no line in it count as silent, and ears are compared in their turn.
    pub fn tick(&mut self) {
        for one in &mut self.places {
            let idle = [one.law.idle(); CHUNK];
            one.skip(&idle);
            one.has = (false, false);
        }
        self.ms += 1;
        let mut turn = (self.ms % LOOK_MS) as usize;
        while turn < self.places.len() {
            if let Some(role) = self.places[turn].role {
                self.look(Place(turn), role);
            }
            turn += LOOK_MS as usize;
        }
    }

    /// Returns the next event.
    pub fn poll_event(&mut self) -> Option<RoomEvent> {
        self.events.pop_front()
    }

    fn tell(&mut self, event: RoomEvent) {
        if self.events.len() == MAX_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    fn look(&mut self, listener: Place, role: Role) {
        let one = &self.places[listener.0];
        let is_loud = one.ear.loud_frames(0, WINDOW_FRAMES) >= LOUD_FRAMES;
        let partner = one.hearing.partner.filter(|_| !one.gone);
        self.places[listener.0].hearing.loud_ms += if is_loud { LOOK_MS } else { 0 };
        match partner {
            Some(partner) => self.look_at_partner(listener, partner, is_loud),
            None => self.look_for_partner(listener, role, is_loud),
        }
        self.note_noise(listener);
    }

    /// Tells what is heard if it is nobody. A tone drowns a voice; silence and noise do not.
    fn note_noise(&mut self, listener: Place) {
        let one = &mut self.places[listener.0];
        let Some(noise) = one.ear.noise() else { return };
        if noise == Noise::Tone {
            one.hears = None;
        }
        if one.hears.is_none() && one.noise.replace(noise) != Some(noise) {
            self.tell(RoomEvent::Noise { listener, noise });
        }
    }

    /// Counts whether the partner is heard where he spoke.
    fn look_at_partner(&mut self, listener: Place, partner: Place, is_loud: bool) {
        let (one, other) = (&self.places[listener.0], &self.places[partner.0]);
        let delay = one.hears.unwrap_or(USUAL_DELAY_MS * 8);
        let ago = (delay / 160) as u32;
        if other.own.loud_frames(ago, WINDOW_FRAMES) < LOUD_FRAMES {
            return;
        }
        let known = is_loud && one.hears.is_some_and(|delay| one.heard.is_same(&other.said, delay));
        let found = if known || !is_loud { None } else { one.heard.find(&other.said) };
        let one = &mut self.places[listener.0];
        one.hearing.spoken_ms += LOOK_MS;
        if let Some(found) = found {
            let is_new = one.hears.replace(found.delay_samples).is_none();
            if is_new {
                self.places[listener.0].noise = None;
                self.tell(RoomEvent::Hears { listener, speaker: partner });
            }
        }
        let one = &mut self.places[listener.0];
        if known || found.is_some() {
            one.hearing.heard_ms += LOOK_MS;
            (one.misses, one.deaf_ms) = (0, 0);
            return;
        }
        one.deaf_ms += LOOK_MS;
        one.hearing.longest_deaf_ms = one.hearing.longest_deaf_ms.max(one.deaf_ms);
        one.misses += 1;
        if one.misses == MISSES_TO_LOSE {
            one.hears = None;
        }
    }

    /// Looks among all mouths of the other kind for the one that is heard.
    fn search(&mut self, listener: Place, role: Role) {
        let one = &mut self.places[listener.0];
        one.looks += 1;
        let thorough = one.looks % LOOKS_TO_SEARCH == 1;
        let one = &self.places[listener.0];
        let most_frames = ((MAX_DELAY_MS + WINDOW_MS) / 20) as u32;
        let speaks = |other: &&One| {
            other.role == Some(role.other()) && other.own.loud_frames(0, most_frames) >= LOUD_FRAMES
        };
        let usual = |other: &One| {
            let same = |delay: &&u64| one.heard.is_same(&other.said, **delay);
            self.delays.iter().rev().find(same).copied()
        };
        let anywhere = |other: &One| one.heard.find(&other.said).map(|found| found.delay_samples);
        let others = || (0..).map(Place).zip(&self.places).filter(|(_, other)| speaks(other));
        let is_free = |place: Place| {
            let one = &self.places[place.0];
            one.hearing.partner.is_none() || one.gone
        };
        let fits = others().filter_map(|(place, other)| Some((place, usual(other)?)));
        let mut found = only(fits, is_free);
        if found.is_none() && thorough {
            let fits = others().filter_map(|(place, other)| Some((place, anywhere(other)?)));
            found = only(fits, is_free);
        }
        self.places[listener.0].found = found.map(|(speaker, delay)| (speaker, delay, 0));
    }

    /// Confirms who was found, or looks for somebody.
    fn look_for_partner(&mut self, listener: Place, role: Role, is_loud: bool) {
        let Some((speaker, delay, looks)) = self.places[listener.0].found else {
            if is_loud {
                self.search(listener, role);
            }
            return;
        };
        let looks = looks + 1;
        self.places[listener.0].found = (looks < LOOKS_TO_FORGET).then_some((speaker, delay, looks));
        let (one, other) = (&self.places[listener.0], &self.places[speaker.0]);
        let spoke = other.own.loud_frames((delay / 160) as u32, WINDOW_FRAMES) >= LOUD_FRAMES;
        if looks < LOOKS_TO_CONFIRM || !is_loud || !spoke {
            return;
        }
        let same = other.role == Some(role.other()) && one.heard.is_same(&other.said, delay);
        self.places[listener.0].found = None;
        if same {
            self.meet(listener, speaker, delay);
        }
    }

    fn meet(&mut self, listener: Place, speaker: Place, delay_samples: u64) {
        let one = &mut self.places[listener.0];
        one.hears = Some(delay_samples);
        one.hearing = Hearing { partner: Some(speaker), loud_ms: one.hearing.loud_ms, ..Hearing::default() };
        (one.misses, one.deaf_ms, one.gone) = (0, 0, false);
        if !self.delays.contains(&delay_samples) {
            if self.delays.len() == USUAL_DELAYS {
                self.delays.pop_front();
            }
            self.delays.push_back(delay_samples);
        }
        self.places[listener.0].noise = None;
        self.tell(RoomEvent::Hears { listener, speaker });
        // Who is heard is expected to hear as well.
        let other = &mut self.places[speaker.0];
        if other.hearing.partner.is_none() || other.gone {
            other.hearing =
                Hearing { partner: Some(listener), loud_ms: other.hearing.loud_ms, ..Hearing::default() };
            (other.misses, other.deaf_ms, other.gone) = (0, 0, false);
        }
    }
}

impl One {
    fn take(&mut self, chunk: &Chunk) {
        self.ear.hear(chunk);
        self.heard.push(chunk);
    }

    fn give(&mut self, chunk: &Chunk) {
        self.own.hear(chunk);
        self.said.push(chunk);
    }

    /// Fills up what was not taken or given in this millisecond.
    fn skip(&mut self, idle: &Chunk) {
        if !self.has.0 {
            self.take(idle);
        }
        if !self.has.1 {
            self.give(idle);
        }
    }
}

/// Returns the only one there is, or of several the only one that is free.
fn only(
    mut found: impl Iterator<Item = (Place, u64)>,
    is_free: impl Fn(Place) -> bool,
) -> Option<(Place, u64)> {
    let first = found.next()?;
    let Some(second) = found.next() else { return Some(first) };
    let mut free = [first, second].into_iter().chain(found).filter(|(place, _)| is_free(*place));
    let only = free.next()?;
    if free.next().is_some() { None } else { Some(only) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::Clips;

    /// Callers and agents in pairs, connected with a delay by `wire`: gives what a place hears from what all say.
    struct World {
        room: Room,
        callers: Vec<Place>,
        agents: Vec<Place>,
        said: Vec<Vec<Chunk>>,
        events: Vec<RoomEvent>,
    }

    const DELAY: usize = 47;

    impl World {
        fn new(pairs: u8) -> World {
            let mut room = Room::new();
            let clips = Clips::babble("x", 2 * pairs, 3);
            let mut seat = |role, offset: usize| -> Vec<Place> {
                (0..pairs)
                    .map(|n| {
                        let place = room.add(Law::A);
                        room.begin(place, role);
                        room.speak(place, &clips.all()[usize::from(n) + offset], u64::from(n) * 370, true);
                        place
                    })
                    .collect()
            };
            let (callers, agents) = (seat(Role::Caller, 0), seat(Role::Agent, usize::from(pairs)));
            World { room, callers, agents, said: Vec::new(), events: Vec::new() }
        }

        /// Lives for a while; `wire` says whom each place hears.
        fn run(&mut self, ms: usize, wire: impl Fn(Place) -> Option<Place>) {
            let places: Vec<Place> = self.callers.iter().chain(&self.agents).copied().collect();
            for _ in 0..ms {
                let mut row = vec![[0; CHUNK]; places.len()];
                for place in &places {
                    let heard = wire(*place).and_then(|of| Some(self.said.iter().rev().nth(DELAY)?[of.0]));
                    self.room.hear(*place, &heard.unwrap_or([Law::A.idle(); CHUNK]));
                    row[place.0] = self.room.say(*place);
                }
                self.said.push(row);
                self.room.tick();
                self.events.extend(std::iter::from_fn(|| self.room.poll_event()));
            }
        }
    }

    #[test]
    fn everybody_hears_his_partner_and_it_is_counted_both_ways() {
        let mut world = World::new(8);
        let (callers, agents) = (world.callers.clone(), world.agents.clone());
        let other = |place: Place| if place.0 < 8 { agents[7 - place.0] } else { callers[15 - place.0] };
        world.run(5_000, |place| Some(other(place)));
        for place in callers.iter().chain(&agents) {
            assert_eq!(world.room.hears(*place), Some(other(*place)));
            let hearing = world.room.hearing(*place);
            assert!(hearing.spoken_ms > 3_000, "{hearing:?}");
            assert_eq!((hearing.heard_ms, hearing.longest_deaf_ms), (hearing.spoken_ms, 0));
        }
        let hears = |event: &&RoomEvent| matches!(event, RoomEvent::Hears { .. });
        assert_eq!(world.events.iter().filter(hears).count(), 16, "{:?}", world.events);
        let hearing = world.room.end(callers[0]);
        assert_eq!(hearing.partner, Some(agents[7]));
        assert_eq!(world.room.hears(agents[7]), None);
    }

    #[test]
    fn audio_that_goes_one_way_only_is_seen_and_so_is_its_end() {
        let mut world = World::new(2);
        let (caller, agent) = (world.callers[0], world.agents[1]);
        world.run(4_000, |place| (place == caller).then_some(agent));
        let (heard, deaf) = (world.room.hearing(caller), world.room.hearing(agent));
        assert_eq!((heard.partner, deaf.partner), (Some(agent), Some(caller)));
        assert!(heard.heard_ms > 2_000 && heard.heard_ms == heard.spoken_ms);
        assert!(deaf.heard_ms == 0 && deaf.longest_deaf_ms > 2_000, "{deaf:?}");
        world.run(3_000, |_| None);
        let lost = RoomEvent::Noise { listener: caller, noise: Noise::Silence };
        assert_eq!(world.events.last(), Some(&lost));
        assert!(world.room.hearing(caller).longest_deaf_ms > 1_500);
        world.run(2_000, |place| (place == caller).then_some(agent));
        assert_eq!(world.room.hears(caller), Some(agent), "heard again");
    }

    #[test]
    fn who_hears_another_caller_or_himself_hears_no_agent() {
        let mut world = World::new(2);
        let callers = world.callers.clone();
        world.run(3_000, |place| Some(if place == callers[0] { callers[1] } else { place }));
        assert!(world.events.iter().all(|event| matches!(event, RoomEvent::Noise { .. })));
        assert!(world.room.hearing(callers[0]).loud_ms > 1_500);
    }

    #[test]
    fn of_two_agents_who_say_the_same_at_once_the_one_in_a_talk_is_not_meant() {
        let mut world = World::new(2);
        let (callers, agents) = (world.callers.clone(), world.agents.clone());
        world.run(3_000, |place| (place == callers[0]).then_some(agents[0]));
        let clip = Clips::babble("y", 1, 9).all()[0].clone();
        agents.iter().for_each(|agent| world.room.speak(*agent, &clip, 0, true));
        world.run(1_000, |place| (place == callers[0]).then_some(agents[0]));
        world.run(5_000, |place| callers.contains(&place).then(|| agents[place.0]));
        assert_eq!([0, 1].map(|n| world.room.hears(callers[n])), [Some(agents[0]), Some(agents[1])]);
    }

    #[test]
    fn a_tone_from_before_a_place_was_taken_is_not_told_to_who_takes_it() {
        let mut room = Room::new();
        let place = room.add(Law::A);
        let tone = |ms: u32| {
            let sample = |i: u32| (f64::from(ms * 8 + i) * 450.0 * core::f64::consts::TAU / 8_000.0).sin();
            g711::encode_block(Law::A, &core::array::from_fn(|i| (sample(i as u32) * 6_000.0) as i16))
        };
        for ms in 0..1_500 {
            room.hear(place, &if ms < 1_000 { tone(ms) } else { [Law::A.idle(); CHUNK] });
            room.say(place);
            room.tick();
            if ms == 1_100 {
                room.begin(place, Role::Agent);
            }
        }
        assert!(
            std::iter::from_fn(|| room.poll_event())
                .all(|event| { event != RoomEvent::Noise { listener: place, noise: Noise::Tone } })
        );
    }

    #[test]
    fn the_end_of_what_is_said_is_told_once() {
        let mut world = World::new(1);
        let caller = world.callers[0];
        world.room.speak(caller, &Clip::new("short", &[4_000; 800]), 0, false);
        world.room.press(caller, "12");
        world.run(600, |_| None);
        world.room.press(caller, "3");
        world.run(600, |_| None);
        let told = world.events.iter().filter(|event| **event == RoomEvent::Silent { place: caller });
        assert_eq!(told.count(), 1);
    }
}
