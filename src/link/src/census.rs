//! What the line process holds, told on every attach and at every change.

use clock::Mono;
use serde::{Deserialize, Serialize};
use tdm::{Alarms, ChannelId, SpanId, SpanKind};

use crate::{Cause, LegId, PlayId, RecordingId};

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LegState {
    /// It arrived and waits for what the switch says.
    Offered,
    /// It arrived; the caller knows that the number is complete.
    Proceeding,
    /// It rings: at the caller's ear if it arrived, at the called telephone if we originated it.
    Alerting,
    /// We originated it and wait for the far end.
    Calling,
    /// It is answered.
    Answered,
    /// It is being cleared.
    Ending,
}

/// A leg that lives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LegCensus {
    /// Its name.
    pub leg: LegId,
    /// True if the call arrived on this leg.
    pub incoming: bool,
    /// Its channel, once chosen.
    pub channel: Option<ChannelId>,
    /// Where it stands.
    pub state: LegState,
    /// The number called, as far as it is known.
    pub called: String,
    /// True if no more digits of it will come.
    pub complete: bool,
    /// The caller's number.
    pub calling: String,
    /// True if the caller asked that the number be not shown.
    pub restricted: bool,
    /// When it came into being.
    pub since: Mono,
    /// When it was answered.
    pub answered: Option<Mono>,
    /// The leg it hears and that hears it.
    pub connected: Option<LegId>,
    /// What is being played to it.
    pub playing: Option<PlayId>,
    /// The last playing that was begun on it.
    pub played: Option<PlayId>,
    /// What records it.
    pub recording: Option<RecordingId>,
    /// Keys pressed while no switch was attached.
    pub digits: String,
    /// The switch's note.
    pub note: Vec<u8>,
}

/// A leg that has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EndedLeg {
    /// Its name.
    pub leg: LegId,
    /// Why.
    pub cause: Cause,
    /// True if the line ended it, false if we did.
    pub by_line: bool,
    /// When it came into being.
    pub since: Mono,
    /// When it was answered.
    pub answered: Option<Mono>,
    /// When it ended.
    pub ended: Mono,
    /// The switch's note.
    pub note: Vec<u8>,
}

/// What a span is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Seating {
    /// Primary rate ISDN, user side.
    PriUser,
    /// Primary rate ISDN, network side.
    PriNetwork,
    /// Telephones.
    Telephones,
    /// Exchange lines on FXO ports.
    ExchangeLines,
    /// Nothing yet.
    Unused,
}

/// The state of a span.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanCensus {
    /// Its number.
    pub span: SpanId,
    /// What it is made of.
    pub kind: SpanKind,
    /// What it is used for.
    pub seating: Seating,
    /// Its alarms.
    pub alarms: Alarms,
    /// Whether its D-channel is up; none if it has no D-channel.
    pub dchannel: Option<bool>,
    /// Its channels, without the D-channel.
    pub channels: u8,
    /// Timeslots out of service, for whatever reason, bit 0 is timeslot 1.
    pub blocked: u32,
    /// Slips since start.
    pub slips: u64,
    /// Damaged, overlong or senseless frames on the D-channel since start.
    pub bad_frames: u64,
}

/// Counters of the line process since its start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// True if the realtime thread has realtime priority.
    pub realtime: bool,
    /// True if memory is locked.
    pub locked: bool,
    /// Periods worked.
    pub periods: u64,
    /// Periods that came late by more than one period.
    pub late_periods: u64,
    /// Samples per channel lost.
    pub lost_samples: u64,
    /// Blocks that a recorder did not take in time.
    pub tap_overruns: u64,
    /// Blocks that a prompt did not deliver in time.
    pub feed_underruns: u64,
    /// Realtime events lost for want of room.
    pub lost_events: u64,
    /// D-channel frames lost for want of room.
    pub lost_frames: u64,
    /// The longest work in one period, in microseconds.
    pub longest_period_us: u64,
    /// Recordings that could not be written.
    pub failed_recordings: u64,
    /// Calls refused since the switch was away or overloaded.
    pub refused_calls: u64,
}
