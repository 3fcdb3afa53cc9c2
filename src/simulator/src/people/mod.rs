//! The people at the far ends: what they are like ([`Habits`]), and the machines of one [`Caller`] and one [`Agent`].
//!
//! A person is told what it hears and sees, and says what it does; it knows nothing of channels and signalling. All chance
//! comes from a generator of its own, so that what one person does does not shift what another draws.

mod agent;
mod caller;

use core::time::Duration;

pub use agent::{Agent, AgentInput, AgentOutput};
pub use caller::{Caller, CallerInput, CallerOutput};

/// How long a caller stays after the agent has left and Tandem has not cleared the call.
pub const LINGER: Duration = Duration::from_secs(10);
/// How long an agent stays on a line where nobody is.
pub const HELLO: Duration = Duration::from_secs(8);
/// The shortest time that a person needs to act on something heard.
pub const REACTION: Duration = Duration::from_millis(400);
/// The time between two keys that no pause parts.
pub const KEY_GAP: Duration = Duration::from_millis(300);
/// The longest script that is carried out.
pub const MAX_KEYS: usize = 64;

/// What the people of a run are like.
#[derive(Clone, Debug, PartialEq)]
pub struct Habits {
    /// Callers that come in an hour, by a Poisson process.
    pub calls_per_hour: f64,
    /// The most callers at once; who comes beyond it goes away again without a call.
    pub max_callers: usize,
    /// The numbers that callers dial, each as likely as the others.
    pub called: Vec<String>,
    /// The mean patience: until the call is answered, and again from the last key until an agent is there.
    pub patience: Duration,
    /// The mean length of a talk.
    pub talk: Duration,
    /// The mean time until an agent picks up.
    pub pick_up: Duration,
    /// How likely an agent lets it ring: 0 to 1.
    pub no_answer: f64,
    /// How likely it is the agent who ends a talk: 0 to 1.
    pub agent_hangs_up: f64,
    /// The kinds of callers; at least one.
    pub kinds: Vec<CallerKind>,
}

/// One kind of callers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallerKind {
    /// How many of all callers, relative to the other kinds.
    pub weight: u32,
    /// What they speak: a folder of voices.
    pub language: String,
    /// The keys they press; each comma, and the beginning, is one pause of listening.
    pub keys: String,
    /// The mean pause before a key.
    pub listen: Duration,
}

impl Default for Habits {
    fn default() -> Habits {
        let kind =
            CallerKind { weight: 1, language: "en".into(), keys: "1".into(), listen: Duration::from_secs(3) };
        Habits {
            calls_per_hour: 600.0,
            max_callers: 90,
            called: vec!["8000".into()],
            patience: Duration::from_secs(90),
            talk: Duration::from_secs(60),
            pick_up: Duration::from_secs(3),
            no_answer: 0.02,
            agent_hangs_up: 0.3,
            kinds: vec![kind],
        }
    }
}

/// Whose voice speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// A caller's.
    Caller,
    /// An agent's.
    Agent,
}

/// A voice to speak with: whoever has sound chooses one file of the language for each clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Voice {
    /// Who speaks.
    pub role: Role,
    /// The kind of the caller spoken by or to: an index into [`Habits::kinds`], which names the language.
    pub kind: u8,
    /// The person: the same one has the same voice.
    pub person: u32,
}

/// Draws a time with this mean, spread evenly from half of it to one and a half.
pub(crate) fn about(mean: Duration, prng: &mut clock::Prng) -> Duration {
    mean.mul_f64(0.5 + prng.unit())
}

/// Draws a time from an exponential distribution with this mean, in whole milliseconds.
pub(crate) fn exponential(mean: Duration, prng: &mut clock::Prng) -> Duration {
    let seconds = prng.exponential(mean.as_secs_f64());
    Duration::from_millis((seconds * 1_000.0) as u64)
}
