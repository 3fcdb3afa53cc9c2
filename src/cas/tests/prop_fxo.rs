//! Whatever an exchange line does and whoever uses it: never stuck, every call has one end, the loop is closed exactly
//! while there is a call.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

use core::time::Duration;

use cas::fxo::{AnswerBy, DialTone, FxoConfig, FxoPort, IdentityTime, Input, Output, Tone};
use clock::{Mono, Prng};
use tdm::{HookState, Polarity};

const SEEDS: u64 = 2_000;
const STEPS: usize = 120;
const TONES: [Tone; 5] = [Tone::Dial, Tone::Ringback, Tone::Busy, Tone::Congestion, Tone::Unobtainable];

/// What the user of a port believes.
#[derive(Debug, Default)]
struct User {
    off_hook: bool,
    /// A call was offered or made and has not ended.
    call: bool,
    answered: bool,
    blocked: bool,
}

impl User {
    fn hears(&mut self, output: Output, seed: u64) {
        match output {
            Output::Hook(HookState::OffHook) => {
                assert!(!self.off_hook, "seed {seed}: off hook twice");
                self.off_hook = true;
            }
            Output::Hook(HookState::OnHook) => self.off_hook = false,
            Output::Offer => {
                assert!(!self.call, "seed {seed}: a call is offered while there is one");
                (self.call, self.answered) = (true, false);
            }
            Output::Answered => {
                assert!(self.call && !self.answered, "seed {seed}: answered {self:?}");
                self.answered = true;
            }
            Output::Dial | Output::Proceeding | Output::Alerting => {
                assert!(self.call && self.off_hook && !self.answered, "seed {seed}: {output:?} {self:?}");
            }
            Output::Cleared(_) => {
                assert!(self.call, "seed {seed}: an end without a call");
                (self.call, self.answered) = (false, false);
            }
            Output::Blocked(blocked) => {
                assert_ne!(self.blocked, blocked, "seed {seed}: blocked twice");
                self.blocked = blocked;
            }
            Output::Listen(_) => {}
        }
    }
}

fn any<T: Copy>(prng: &mut Prng, of: &[T]) -> T {
    of[prng.below(of.len() as u64) as usize]
}

fn config(prng: &mut Prng) -> FxoConfig {
    let identities =
        [IdentityTime::Never, IdentityTime::AfterRing, IdentityTime::AfterReversal, IdentityTime::BeforeRing];
    FxoConfig {
        identity: any(prng, &identities),
        dial_tone: any(prng, &[DialTone::Required, DialTone::Preferred, DialTone::Ignored]),
        answer: any(prng, &[AnswerBy::Polarity, AnswerBy::Ringback, AnswerBy::Dialled]),
        polarity_ends: prng.chance(0.5),
        tone_cycles: 2 + prng.below(4) as u8,
        dial_delay: Duration::from_millis(prng.below(500)),
        ..FxoConfig::default()
    }
}

fn input(prng: &mut Prng) -> Input {
    let on = prng.chance(0.5);
    match prng.below(10) {
        0 | 1 => Input::Ring(on),
        2 => Input::Polarity(if on { Polarity::Reversed } else { Polarity::Normal }),
        3 => Input::Feed(on),
        4 | 5 => Input::Tone(any(prng, &TONES), on),
        6 => Input::Identity,
        7 => Input::Dialled,
        8 if on => Input::Seize,
        8 => Input::Answer,
        _ => Input::HangUp,
    }
}

struct Bench {
    port: FxoPort,
    user: User,
    now: Mono,
    seed: u64,
}

impl Bench {
    fn drain(&mut self) {
        while let Some(output) = self.port.poll_output() {
            self.user.hears(output, self.seed);
        }
        let call_off_hook = self.user.off_hook && !self.user.call;
        assert!(!call_off_hook, "seed {}: off hook for nobody", self.seed);
    }

    /// Lets time pass, every deadline at its moment.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut steps = 0;
        while let Some(due) = self.port.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.port.handle(Input::Timeout, self.now);
            self.drain();
            steps += 1;
            assert!(steps < 10_000, "seed {}: a deadline that never passes", self.seed);
        }
        self.now = end;
    }

    fn tell(&mut self, input: Input) {
        match input {
            Input::Seize if self.user.call => return,
            Input::Seize => (self.user.call, self.user.answered) = (true, false),
            Input::HangUp if !self.user.call => return,
            Input::HangUp => (self.user.call, self.user.answered) = (false, false),
            Input::Ring(_)
            | Input::Polarity(_)
            | Input::Feed(_)
            | Input::Tone(..)
            | Input::Identity
            | Input::Dialled
            | Input::Answer
            | Input::Timeout => {}
        }
        self.port.handle(input, self.now);
        self.drain();
    }
}

#[test]
fn any_sequence_of_events_keeps_the_books_and_ends_idle_when_the_line_is_at_rest() {
    let mut seen_calls = 0;
    for seed in 0..SEEDS {
        let mut prng = Prng::new(seed);
        let config = config(&mut prng);
        let port = FxoPort::new(config);
        let mut bench = Bench { port, user: User::default(), now: Mono::from_millis(1), seed };
        bench.drain();
        for _ in 0..STEPS {
            let longest = any(&mut prng, &[0, 50, 700, 3_000, 9_000]);
            bench.pass(Duration::from_millis(prng.below(longest + 1)));
            bench.tell(input(&mut prng));
            seen_calls += u64::from(bench.user.call);
        }
        for rest in [Input::Ring(false), Input::Feed(true), Input::HangUp] {
            bench.tell(rest);
        }
        bench.pass(Duration::from_secs(60));
        assert!(bench.port.is_free(), "seed {seed}: {:?}", bench.port);
        assert!(!bench.user.off_hook && !bench.user.call && !bench.user.blocked, "seed {seed}");
        assert_eq!(bench.port.poll_timeout(), None, "seed {seed}: nothing is timed at rest");
    }
    assert!(seen_calls > SEEDS * 10, "the sequences make calls: {seen_calls}");
}

/// A user who never hangs up, whatever happens: only the line ends the call.
#[test]
fn a_talk_whose_line_says_the_end_in_any_way_ends_without_the_user() {
    for seed in 0..SEEDS {
        let mut prng = Prng::new(seed);
        let config = FxoConfig { polarity_ends: true, ..config(&mut prng) };
        let port = FxoPort::new(config);
        let mut bench = Bench { port, user: User::default(), now: Mono::from_millis(1), seed };
        bench.drain();
        bench.tell(Input::Ring(true));
        bench.pass(Duration::from_secs(1));
        bench.tell(Input::Ring(false));
        bench.pass(Duration::from_millis(4_000));
        assert!(bench.user.call, "seed {seed}: offered by now");
        bench.tell(Input::Answer);
        bench.pass(Duration::from_secs(1 + prng.below(100)));
        assert!(bench.user.off_hook, "seed {seed}");
        bench.tell(match prng.below(4) {
            0 => Input::Tone(Tone::Busy, true),
            1 => Input::Tone(Tone::Congestion, true),
            2 => Input::Polarity(Polarity::Reversed),
            _ => Input::Feed(false),
        });
        bench.pass(Duration::from_secs(6));
        assert!(!bench.user.call && !bench.user.off_hook, "seed {seed}: the line is let go");
    }
}
