//! The truth: what people and the exchange did, one line of JSON for each thing.
//!
//! Keys stand in the order of the declaration below and times are whole milliseconds of the run, so that the same seed
//! gives the same bytes. Nothing here is taken from Tandem's records: they are what is compared with it.

use serde::{Deserialize, Serialize};
use tdm::ChannelId;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in milliseconds of the exchange's time line.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Entry {
    /// Returns the entry as one line of JSON, without an end of line.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).expect("an entry is plain data")
    }

    /// Reads what [`to_line`](Entry::to_line) has written.
    ///
    /// # Errors
    /// The line is no entry.
    pub fn parse(line: &str) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(line)
    }
}

/// What can happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The log begins.
    Begin {
        /// The seed of the run.
        seed: u64,
        /// The wall time at `at_ms` 0, in milliseconds since 1970-01-01 UTC.
        unix_ms: u64,
    },
    /// A span's D-channel came up or went down.
    Span {
        /// Which.
        span: u16,
        /// Up.
        up: bool,
    },
    /// A caller's call was sent to Tandem: SETUP.
    Offered {
        /// Its number in this log.
        call: u32,
        /// The caller's number: no two calls of a run have the same.
        number: String,
        /// The number called.
        called: String,
        /// Where.
        #[serde(with = "channel_text")]
        channel: ChannelId,
    },
    /// A caller found no free channel; Tandem does not know of it.
    Blocked {
        /// The caller's number.
        number: String,
        /// The number called.
        called: String,
    },
    /// Tandem took the call: CALL PROCEEDING or what stands for it.
    Accepted {
        /// Which call.
        call: u32,
    },
    /// The caller hears that it rings: ALERTING.
    Alerting {
        /// Which call.
        call: u32,
    },
    /// Tandem answered the call: CONNECT.
    Answered {
        /// Which call.
        call: u32,
    },
    /// The caller pressed a key.
    Key {
        /// Which call.
        call: u32,
        /// The key.
        key: char,
    },
    /// The caller has pressed all keys there are to press, and waits for an agent from now on.
    Waits {
        /// Which call.
        call: u32,
    },
    /// Caller and agent are with each other.
    Talk {
        /// Which call.
        call: u32,
        /// The agent's phone.
        phone: String,
    },
    /// Caller and agent are no longer with each other.
    Parted {
        /// Which call.
        call: u32,
        /// The agent's phone.
        phone: String,
    },
    /// One side began to clear a call.
    HungUp {
        /// Which call.
        call: u32,
        /// Who.
        by: Party,
        /// The Q.850 cause.
        cause: u8,
    },
    /// A call is over and its channel free.
    Ended {
        /// Which call.
        call: u32,
        /// Who had begun to clear it.
        by: Party,
        /// The Q.850 cause.
        cause: u8,
    },
    /// An agent's phone began to ring.
    Rung {
        /// The phone.
        phone: String,
        /// The number that it shows; null on a port, which shows none.
        number: Option<String>,
    },
    /// An agent picked up a phone that rang.
    PickedUp {
        /// The phone.
        phone: String,
    },
    /// A phone stopped ringing and nobody had picked it up.
    Unanswered {
        /// The phone.
        phone: String,
    },
    /// A phone that had been picked up was put down, or cleared by Tandem.
    PutDown {
        /// The phone.
        phone: String,
        /// Who.
        by: Party,
    },
    /// A B-channel became busy or idle, as the exchange sees it.
    Channel {
        /// Which.
        #[serde(with = "channel_text")]
        channel: ChannelId,
        /// Whether a call has it.
        busy: bool,
    },
    /// What one side of a talk heard of the other, found by sound; written when that side's channel is given up.
    Hearing {
        /// Who heard.
        #[serde(with = "channel_text")]
        channel: ChannelId,
        /// Whom: the last partner.
        #[serde(with = "channel_text")]
        partner: ChannelId,
        /// How long the partner spoke.
        spoken_ms: u64,
        /// How long of that he was heard.
        heard_ms: u64,
        /// The longest time in a row that he spoke and was not heard.
        deaf_ms: u64,
    },
}

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Party {
    /// A caller.
    Caller,
    /// An agent.
    Agent,
    /// Tandem.
    Tandem,
    /// The exchange itself: a timer ran out or the line was lost.
    Exchange,
}

/// A channel as "span/timeslot".
mod channel_text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use tdm::ChannelId;

    pub fn serialize<S: Serializer>(channel: &ChannelId, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(channel)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ChannelId, D::Error> {
        let text = String::deserialize(from)?;
        let parts =
            text.split_once('/').and_then(|(span, slot)| Some((span.parse().ok()?, slot.parse().ok()?)));
        parts
            .map(|(span, timeslot)| ChannelId::new(span, timeslot))
            .ok_or_else(|| D::Error::custom(format!("\"{text}\" is no channel: span/timeslot")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_with_stable_keys_and_reads_back() {
        let event = Event::Offered {
            call: 7,
            number: "13900000007".into(),
            called: "8000".into(),
            channel: ChannelId::new(1, 3),
        };
        let entry = Entry { at_ms: 1_234, event };
        let line = entry.to_line();
        let wanted = r#"{"at_ms":1234,"event":"offered","call":7,"number":"13900000007","called":"8000","channel":"1/3"}"#;
        assert_eq!(line, wanted);
        assert_eq!(Entry::parse(&line).unwrap(), entry);
        assert!(Entry::parse(r#"{"at_ms":1,"event":"channel","channel":"1-3","busy":true}"#).is_err());
    }
}
