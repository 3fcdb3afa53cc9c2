//! The number plan: what a called number means.
//!
//! An entry is an exact number or, ended by `*`, a prefix. The longest entry that fits decides; an exact number beats a
//! prefix of the same length. Digits may come one by one: as long as a longer entry could still fit, more are awaited.

use core::time::Duration;

use link::Destination;
use tdm::{ChannelId, SpanId};

/// Where a call comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// The public network.
    Trunk,
    /// One of our telephones, or the operator's command.
    Seat,
}

/// What is done with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer, greet, collect the number of a seat, connect to it.
    Attendant {
        /// Digits of a seat's number.
        digits: u8,
        /// How long the next digit may take.
        digit_timeout: Duration,
        /// How often the caller may try.
        attempts: u8,
    },
    /// Answer, play the prompts, hang up.
    Announce,
    /// Answer and let a flow decide.
    Flow(String),
    /// Ring a seat; answer when it answers.
    Seat(String),
    /// Dial out; answer when the far end answers.
    Trunk {
        /// By which spans.
        to: Destination,
        /// The number to show instead of the caller's own.
        caller: Option<String>,
    },
}

/// One entry of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NumberEntry {
    /// The number, or a prefix ended by `*`.
    pub called: String,
    /// For calls from where; none for all.
    pub from: Option<From>,
    /// What is done.
    pub action: Action,
    /// The prompts of the action.
    pub prompts: Vec<String>,
    /// The folder of the prompts that the program itself needs: "zh", "en".
    pub language: String,
    /// Whether the call is recorded.
    pub record: bool,
}

/// A place where somebody answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Its number.
    pub number: String,
    /// Where its telephone is.
    pub place: Place,
    /// How long it rings.
    pub answer_timeout: Duration,
}

/// Where a seat's telephone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// On a port of ours.
    Port(ChannelId),
    /// Behind a trunk.
    Trunk {
        /// Its spans, in the order in which they are tried.
        spans: Vec<SpanId>,
        /// The number to dial there.
        dial: String,
    },
}

impl Place {
    /// Returns where to call and which number to dial there.
    pub(crate) fn reach(&self) -> (Destination, String) {
        match self {
            Place::Port(port) => (Destination::Port(*port), String::new()),
            Place::Trunk { spans, dial } => (Destination::Trunk(spans.clone()), dial.clone()),
        }
    }
}

/// The plan, fixed until the next configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// All entries.
    pub numbers: Vec<NumberEntry>,
    /// All seats. A seat's own number is a plan entry by itself for calls from seats.
    pub seats: Vec<Seat>,
    /// How long the next digit of a called number may take.
    pub digit_timeout: Duration,
    /// How long a call that we dial out may take to be answered.
    pub trunk_timeout: Duration,
}

/// What a number means so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match<'a> {
    /// This entry.
    Entry(&'a NumberEntry),
    /// A seat's own number.
    Seat(&'a Seat),
    /// More digits decide.
    More,
    /// Nothing, and no more digits can change that.
    Unknown,
}

impl Plan {
    /// Returns the seat of a number.
    pub fn seat(&self, number: &str) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.number == number)
    }

    /// Returns the seat of a telephone.
    pub fn seat_at(&self, port: ChannelId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.place == Place::Port(port))
    }

    /// Returns what `called` means, `complete` if no more digits will come.
    pub fn route(&self, called: &str, from: From, complete: bool) -> Match<'_> {
        let entries = || self.numbers.iter().filter(move |entry| entry.from.is_none_or(|f| f == from));
        let seats = || self.seats.iter().filter(move |_| from == From::Seat);
        let longer = entries().any(|entry| could_become(&entry.called, called))
            || seats().any(|seat| could_become(&seat.number, called));
        if longer && !complete {
            return Match::More;
        }
        if let Some(seat) = seats().find(|seat| seat.number == called) {
            return Match::Seat(seat);
        }
        let best =
            entries().filter(|entry| fits(&entry.called, called)).max_by_key(|entry| rank(&entry.called));
        match best {
            Some(entry) if entry.called.ends_with('*') && !complete => Match::More,
            Some(entry) => Match::Entry(entry),
            None => Match::Unknown,
        }
    }
}

/// Returns true if `entry` decides about `called` as it is.
fn fits(entry: &str, called: &str) -> bool {
    match entry.strip_suffix('*') {
        Some(prefix) => called.starts_with(prefix),
        None => entry == called,
    }
}

/// Returns true if more digits could make `called` fit an entry that is longer than it.
fn could_become(entry: &str, called: &str) -> bool {
    let stem = entry.strip_suffix('*').unwrap_or(entry);
    stem.len() > called.len() && stem.starts_with(called)
}

/// Orders entries that fit: longer first, exact before prefix.
fn rank(entry: &str) -> (usize, bool) {
    let stem = entry.strip_suffix('*').unwrap_or(entry);
    (stem.len(), stem.len() == entry.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(called: &str, from: Option<From>) -> NumberEntry {
        NumberEntry {
            called: called.into(),
            from,
            action: Action::Announce,
            prompts: vec![],
            language: "en".into(),
            record: false,
        }
    }

    fn plan() -> Plan {
        Plan {
            numbers: vec![
                entry("8000", None),
                entry("80*", None),
                entry("8", Some(From::Trunk)),
                entry("9*", Some(From::Seat)),
            ],
            seats: vec![Seat {
                number: "201".into(),
                place: Place::Port(ChannelId::new(5, 1)),
                answer_timeout: Duration::from_secs(30),
            }],
            digit_timeout: Duration::from_secs(5),
            trunk_timeout: Duration::from_secs(60),
        }
    }

    #[track_caller]
    fn check(called: &str, from: From, complete: bool, expected: &str) {
        let plan = plan();
        let got = match plan.route(called, from, complete) {
            Match::Entry(entry) => entry.called.clone(),
            Match::Seat(seat) => format!("seat {}", seat.number),
            Match::More => "more".into(),
            Match::Unknown => "unknown".into(),
        };
        assert_eq!(got, expected, "{called} {from:?} complete={complete}");
    }

    #[test]
    fn the_longest_entry_decides() {
        check("8000", From::Trunk, true, "8000");
        check("8001", From::Trunk, true, "80*");
        check("8", From::Trunk, true, "8");
        check("81", From::Trunk, true, "unknown");
    }

    #[test]
    fn more_digits_are_awaited_while_they_could_decide() {
        check("8", From::Trunk, false, "more");
        check("800", From::Trunk, false, "more");
        check("8000", From::Trunk, false, "8000");
        check("81", From::Trunk, false, "unknown");
        check("", From::Seat, false, "more");
    }

    #[test]
    fn a_prefix_alone_never_completes_an_open_number() {
        check("8001", From::Trunk, false, "more");
        check("912345", From::Seat, false, "more");
        check("912345", From::Seat, true, "9*");
    }

    #[test]
    fn where_a_call_comes_from_decides_what_it_reaches() {
        check("201", From::Seat, false, "seat 201");
        check("201", From::Trunk, true, "unknown");
        check("912345", From::Trunk, true, "unknown");
    }
}
