//! The states of an exchange line's port.

use std::collections::VecDeque;

use clock::Mono;
use tdm::{HookState, Polarity};

use super::{AnswerBy, DIALLING_MAX, DialTone, Ear, FxoConfig, IdentityTime, Input, Output, Tone, Why};

/// A call that rings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ringing {
    /// The user knows of it.
    offered: bool,
    /// The user does not want it.
    refused: bool,
    /// When it is offered without an identity.
    offer_at: Option<Mono>,
    /// When the present burst counts.
    burst_at: Option<Mono>,
    /// When the caller has given up; none while a burst lasts.
    silent_at: Option<Mono>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// On hook. Until `window` an identity is expected, or kept.
    Idle {
        window: Option<Mono>,
    },
    /// A first burst that is still too short.
    Burst {
        until: Mono,
    },
    Ringing(Ringing),
    /// Off hook: dial tone is waited for, or the first digit.
    Seizing {
        dial_at: Option<Mono>,
        until: Mono,
    },
    Dialling {
        until: Mono,
    },
    /// Dialled: the called party is waited for.
    Waiting {
        answer_at: Option<Mono>,
        alerted: bool,
    },
    /// Off hook with the other side. `offered`: a call by glare that nobody has answered yet.
    Talking {
        offered: bool,
    },
    /// On hook after a call.
    Guard {
        until: Mono,
    },
    /// Without feed, not yet for long enough.
    Unfed {
        until: Mono,
    },
    Blocked,
    /// Fed again, not yet for long enough.
    Recovering {
        until: Mono,
    },
}

/// One FXO port.
#[derive(Debug)]
pub struct FxoPort {
    config: FxoConfig,
    state: State,
    /// What was last ordered to be listened for.
    listening: Ear,
    ringing: bool,
    polarity: Polarity,
    /// Since when the feed is gone.
    no_feed_since: Option<Mono>,
    /// The tone that sounds, and since when.
    tone: Option<(Tone, Mono)>,
    /// Off hook: until when feed and polarity mean nothing.
    settled_at: Mono,
    /// Until when no call goes out after the last one.
    guarded_until: Mono,
    outputs: VecDeque<Output>,
}

impl FxoPort {
    /// Makes a port on hook whose line is fed and quiet, until told otherwise. Its first outputs put the line so.
    pub fn new(config: FxoConfig) -> FxoPort {
        let mut port = FxoPort {
            config,
            state: State::Idle { window: None },
            listening: Ear::Nothing,
            ringing: false,
            polarity: Polarity::Normal,
            no_feed_since: None,
            tone: None,
            settled_at: Mono::ZERO,
            guarded_until: Mono::ZERO,
            outputs: VecDeque::new(),
        };
        port.say(Output::Hook(HookState::OnHook));
        port.listen();
        port
    }

    /// Returns true if a call can go out.
    pub fn is_free(&self) -> bool {
        matches!(self.state, State::Idle { .. }) && !self.ringing
    }

    /// Returns true while the line is dead.
    pub fn is_blocked(&self) -> bool {
        matches!(self.state, State::Blocked | State::Recovering { .. })
    }

    /// Returns what the detectors shall listen for now.
    pub fn ear(&self) -> Ear {
        let identity = self.config.identity;
        match self.state {
            State::Idle { window } => match identity {
                IdentityTime::BeforeRing => Ear::Identity,
                IdentityTime::AfterReversal if window.is_some() => Ear::Identity,
                IdentityTime::AfterReversal | IdentityTime::AfterRing | IdentityTime::Never => Ear::Nothing,
            },
            State::Ringing(Ringing { offered: false, offer_at: Some(_), .. }) => Ear::Identity,
            State::Burst { .. }
            | State::Ringing(_)
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => Ear::Nothing,
            State::Seizing { .. } | State::Dialling { .. } | State::Waiting { .. } => Ear::Tones,
            State::Talking { .. } => Ear::Talk,
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, input: Input, now: Mono) {
        match input {
            Input::Ring(on) => self.ring(on, now),
            Input::Polarity(polarity) => self.polarity(polarity, now),
            Input::Feed(present) => self.feed(present, now),
            Input::Tone(tone, on) => self.tone(tone, on, now),
            Input::Identity => self.identity(now),
            Input::Dialled => self.dialled(now),
            Input::Seize => self.seize(now),
            Input::Answer => self.answer(now),
            Input::HangUp => self.hang_up(now),
            Input::Timeout => self.timeout(now),
        }
    }

    /// Returns the next output; call until none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Returns when [`Input::Timeout`] is due; none while nothing is timed.
    pub fn poll_timeout(&self) -> Option<Mono> {
        let own = match self.state {
            State::Idle { window } => window,
            State::Ringing(ringing) => {
                let waits = ringing.offer_at.into_iter().chain(ringing.burst_at).chain(ringing.silent_at);
                waits.min()
            }
            State::Seizing { dial_at, until } => Some(dial_at.unwrap_or(until)),
            State::Waiting { answer_at, .. } => answer_at,
            State::Burst { until }
            | State::Dialling { until }
            | State::Guard { until }
            | State::Unfed { until }
            | State::Recovering { until } => Some(until),
            State::Talking { .. } | State::Blocked => None,
        };
        own.into_iter().chain(self.ends_at().map(|(at, _)| at)).min()
    }

    fn say(&mut self, output: Output) {
        self.outputs.push_back(output);
    }

    /// Changes the state and with it what is listened for.
    fn become_(&mut self, state: State) {
        self.state = state;
        if self.ear() != self.listening {
            self.listen();
        }
    }

    fn listen(&mut self) {
        self.listening = self.ear();
        self.say(Output::Listen(self.listening));
    }

    fn is_off_hook(&self) -> bool {
        match self.state {
            State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. } => true,
            State::Idle { .. }
            | State::Burst { .. }
            | State::Ringing(_)
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => false,
        }
    }

    /// Returns when what the line shows now ends the call, and why.
    fn ends_at(&self) -> Option<(Mono, Why)> {
        if !self.is_off_hook() {
            return None;
        }
        let answered = matches!(self.state, State::Talking { .. });
        let by_tone = self.tone.and_then(|(tone, since)| {
            Some((since + self.config.ends_after(tone, answered)?, Why::Tone(tone)))
        });
        let by_feed = self
            .no_feed_since
            .map(|since| (since.max(self.settled_at) + self.config.feed_break, Why::FeedBreak));
        by_tone.into_iter().chain(by_feed).min_by_key(|(at, _)| *at)
    }

    // What the line does.

    fn ring(&mut self, on: bool, now: Mono) {
        if std::mem::replace(&mut self.ringing, on) == on {
            return;
        }
        let until = now + self.config.ring_min;
        match self.state {
            // The guard time is for calls out: the next caller may come at once.
            State::Idle { .. } | State::Guard { .. } | State::Unfed { .. } if on => self.burst(until),
            State::Blocked | State::Recovering { .. } if on => {
                // Whatever the card says of its feed: it rings.
                self.say(Output::Blocked(false));
                self.burst(until);
            }
            State::Burst { until } if !on && now < until => self.rest(now),
            // It was long enough, only nobody has looked at the clock yet.
            State::Burst { .. } if !on => {
                self.rings();
                if let State::Ringing(ringing) = self.state {
                    self.next_burst(ringing, on, now);
                }
            }
            State::Ringing(ringing) => self.next_burst(ringing, on, now),
            State::Seizing { dial_at: None, .. } if on => self.glare(now),
            // Ring trip, or the end of what was no call.
            State::Idle { .. }
            | State::Burst { .. }
            | State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    /// A first burst begins. What was heard of the caller's identity stays good.
    fn burst(&mut self, until: Mono) {
        self.state = State::Burst { until };
    }

    fn next_burst(&mut self, mut ringing: Ringing, on: bool, now: Mono) {
        let first = ringing.silent_at.is_none() && ringing.burst_at.is_none();
        if on {
            ringing.burst_at = Some(now + self.config.ring_min);
            ringing.silent_at = None;
        } else {
            ringing.burst_at = None;
            ringing.silent_at = Some(now + self.config.ring_gap);
            if first && !ringing.offered {
                ringing.offer_at = Some(now + self.config.identity_wait);
            }
        }
        self.become_(State::Ringing(ringing));
    }

    /// A call arrived as we went off hook: the caller is on the line.
    fn glare(&mut self, now: Mono) {
        self.say(Output::Cleared(Why::Glare));
        self.settled_at = now + self.config.settle;
        self.become_(State::Talking { offered: true });
        self.say(Output::Offer);
    }

    fn polarity(&mut self, polarity: Polarity, now: Mono) {
        if std::mem::replace(&mut self.polarity, polarity) == polarity {
            return;
        }
        match self.state {
            State::Idle { .. } if self.config.identity == IdentityTime::AfterReversal => {
                self.become_(State::Idle { window: Some(now + self.config.identity_wait) });
            }
            State::Waiting { .. } if self.config.answer == AnswerBy::Polarity => self.answered(now),
            State::Talking { .. } if self.config.polarity_ends && now >= self.settled_at => {
                self.cleared(Why::Reversal, now);
            }
            State::Idle { .. }
            | State::Burst { .. }
            | State::Ringing(_)
            | State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    fn feed(&mut self, present: bool, now: Mono) {
        let was_gone = self.no_feed_since.is_some();
        if was_gone != present {
            return;
        }
        let due = self.ends_at().filter(|(at, _)| present && *at <= now);
        self.no_feed_since = (!present).then_some(now);
        let until = now + self.config.no_feed;
        match self.state {
            State::Idle { .. } if !present => self.become_(State::Unfed { until }),
            State::Unfed { .. } if present => self.rest(now),
            State::Blocked if present => self.become_(State::Recovering { until }),
            State::Recovering { .. } if !present => self.become_(State::Blocked),
            // The break was long enough, only nobody has looked at the clock yet.
            State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. } => {
                if let Some((_, why)) = due {
                    self.cleared(why, now);
                }
            }
            State::Idle { .. }
            | State::Burst { .. }
            | State::Ringing(_)
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    fn tone(&mut self, tone: Tone, on: bool, now: Mono) {
        if !self.is_off_hook() {
            return;
        }
        let sounds = self.tone.is_some_and(|(sounding, _)| sounding == tone);
        if on == sounds {
            return;
        }
        let due = self.ends_at().filter(|(at, _)| *at <= now);
        self.tone = on.then_some((tone, now));
        if let Some((_, why)) = due {
            return self.cleared(why, now);
        }
        match (self.state, tone) {
            (State::Seizing { dial_at: None, until }, Tone::Dial)
                if on && self.config.dial_tone != DialTone::Ignored =>
            {
                self.become_(State::Seizing { dial_at: Some(now + self.config.dial_delay), until });
            }
            (State::Waiting { alerted: false, answer_at }, Tone::Ringback) if on => {
                let answer_at = answer_at.filter(|_| self.config.answer == AnswerBy::Dialled);
                self.become_(State::Waiting { alerted: true, answer_at });
                self.say(Output::Alerting);
            }
            (State::Waiting { .. }, Tone::Ringback) if !on && self.config.answer == AnswerBy::Ringback => {
                self.answered(now);
            }
            // Tones that end calls have their deadline; the rest says nothing new.
            (_, Tone::Dial | Tone::Ringback | Tone::Busy | Tone::Congestion | Tone::Unobtainable) => {}
        }
    }

    fn identity(&mut self, now: Mono) {
        match self.state {
            // It is kept for a while: the first burst is to follow.
            State::Idle { .. } if self.ear() == Ear::Identity => {
                self.state = State::Idle { window: Some(now + self.config.identity_wait) };
            }
            State::Ringing(ringing) if !ringing.offered && ringing.offer_at.is_some() => self.offer(ringing),
            State::Idle { .. }
            | State::Burst { .. }
            | State::Ringing(_)
            | State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    fn offer(&mut self, mut ringing: Ringing) {
        if !ringing.offered {
            (ringing.offered, ringing.offer_at) = (true, None);
            // The identity is good until it is offered: what is listened for changes after that.
            self.say(Output::Offer);
        }
        self.become_(State::Ringing(ringing));
    }

    fn answered(&mut self, now: Mono) {
        // A tone that still sounds is not told again.
        self.settled_at = now + self.config.settle;
        self.become_(State::Talking { offered: false });
        self.say(Output::Answered);
    }

    // What the user wants.

    fn seize(&mut self, now: Mono) {
        if !self.is_free() {
            return self.say(Output::Cleared(Why::NotFree));
        }
        let wait = match self.config.dial_tone {
            DialTone::Required | DialTone::Preferred => self.config.dial_tone_wait,
            DialTone::Ignored => self.config.dial_delay,
        };
        self.off_hook(now);
        self.become_(State::Seizing { dial_at: None, until: now + wait });
    }

    fn off_hook(&mut self, now: Mono) {
        self.tone = None;
        self.settled_at = now + self.config.settle;
        self.say(Output::Hook(HookState::OffHook));
    }

    fn dialled(&mut self, now: Mono) {
        if let State::Dialling { .. } = self.state {
            let answer_at = match self.config.answer {
                AnswerBy::Polarity => None,
                AnswerBy::Ringback | AnswerBy::Dialled => Some(now + self.config.answer_after),
            };
            self.become_(State::Waiting { answer_at, alerted: false });
            self.say(Output::Proceeding);
        }
    }

    fn answer(&mut self, now: Mono) {
        match self.state {
            State::Ringing(Ringing { offered: true, refused: false, .. }) => {
                self.off_hook(now);
                self.become_(State::Talking { offered: false });
            }
            State::Talking { offered: true } => self.state = State::Talking { offered: false },
            State::Idle { .. }
            | State::Burst { .. }
            | State::Ringing(_)
            | State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    fn hang_up(&mut self, now: Mono) {
        if self.is_off_hook() {
            return self.on_hook(now);
        }
        if let State::Ringing(ringing) = &mut self.state
            && ringing.offered
        {
            ringing.refused = true;
        }
    }

    fn on_hook(&mut self, now: Mono) {
        self.tone = None;
        self.say(Output::Hook(HookState::OnHook));
        self.guarded_until = now + self.config.guard;
        self.become_(State::Guard { until: self.guarded_until });
    }

    /// The call has ended by itself.
    fn cleared(&mut self, why: Why, now: Mono) {
        self.on_hook(now);
        self.say(Output::Cleared(why));
    }

    /// The line is left alone: back to the state that it shows.
    fn rest(&mut self, now: Mono) {
        if self.no_feed_since.is_some() {
            return self.become_(State::Unfed { until: now + self.config.no_feed });
        }
        if self.ringing {
            return self.become_(State::Burst { until: now + self.config.ring_min });
        }
        if now < self.guarded_until {
            return self.become_(State::Guard { until: self.guarded_until });
        }
        // Also where the same was listened for before: what was heard of a call that is over must be void.
        self.state = State::Idle { window: None };
        self.listen();
    }

    // Deadlines.

    fn timeout(&mut self, now: Mono) {
        if let Some((_, why)) = self.ends_at().filter(|(at, _)| *at <= now) {
            return self.cleared(why, now);
        }
        match self.state {
            State::Idle { window: Some(until) } if now >= until => self.rest(now),
            State::Burst { until } if now >= until => self.rings(),
            State::Ringing(ringing) => self.ringing_timeout(ringing, now),
            State::Seizing { dial_at: Some(at), .. } if now >= at => self.dial(now),
            State::Seizing { dial_at: None, until } if now >= until => match self.config.dial_tone {
                DialTone::Required => self.cleared(Why::NoDialTone, now),
                DialTone::Preferred | DialTone::Ignored => self.dial(now),
            },
            State::Dialling { until } if now >= until => self.cleared(Why::NotDialled, now),
            State::Waiting { answer_at: Some(at), .. } if now >= at => self.answered(now),
            State::Guard { until } if now >= until => self.rest(now),
            State::Unfed { until } if now >= until => {
                self.become_(State::Blocked);
                self.say(Output::Blocked(true));
            }
            State::Recovering { until } if now >= until => {
                self.say(Output::Blocked(false));
                self.rest(now);
            }
            // Early, or nothing is timed.
            State::Idle { .. }
            | State::Burst { .. }
            | State::Seizing { .. }
            | State::Dialling { .. }
            | State::Waiting { .. }
            | State::Talking { .. }
            | State::Guard { .. }
            | State::Unfed { .. }
            | State::Blocked
            | State::Recovering { .. } => {}
        }
    }

    /// The first burst is one.
    fn rings(&mut self) {
        let ringing =
            Ringing { offered: false, refused: false, offer_at: None, burst_at: None, silent_at: None };
        match self.config.identity {
            IdentityTime::AfterRing => self.become_(State::Ringing(ringing)),
            IdentityTime::Never | IdentityTime::AfterReversal | IdentityTime::BeforeRing => {
                self.offer(ringing);
            }
        }
    }

    fn ringing_timeout(&mut self, mut ringing: Ringing, now: Mono) {
        if ringing.silent_at.is_some_and(|at| at <= now) {
            if ringing.offered && !ringing.refused {
                self.say(Output::Cleared(Why::Abandoned));
            }
            return self.rest(now);
        }
        let second = ringing.burst_at.take_if(|at| *at <= now).is_some();
        if second || ringing.offer_at.is_some_and(|at| at <= now) {
            return self.offer(ringing);
        }
        self.become_(State::Ringing(ringing));
    }

    fn dial(&mut self, now: Mono) {
        self.become_(State::Dialling { until: now + DIALLING_MAX });
        self.say(Output::Dial);
    }
}
