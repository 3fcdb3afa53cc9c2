//! All detectors of all channels: one call a block for a whole engine.
//!
//! Place on the path: after decoding. Channels lie in groups of sixteen ([`LANES`]); each group has one
//! [`Ear`], and every kind of detector that any channel of the group wants looks at it. What a
//! channel does not want is not told. Windows of different groups end in different periods, so that the work is spread.
//!
//! Limits: one set-up for all channels; which kinds are heard is chosen channel by channel, at any time.

mod group;

use bitflags::bitflags;
use tdm::{Block, SILENCE};

use crate::amd::{AmdConfig, AmdEvent, AmdRule};
use crate::bank::{LANES, Path};
use crate::dtmf::DtmfEvent;
use crate::fsk::FskEvent;
use crate::mf::{MfEvent, MfSystem};
use crate::progress::{ProgressError, ProgressEvent, ProgressKind, ProgressSet};
use crate::signal::SignalEvent;
use crate::tone::{TonePlan, ToneSpec};
use crate::voice::vad::{VadConfig, VadEvent, VadRule};
use group::{Group, Scratch};

bitflags! {
    /// What a channel's detectors listen for.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Wants: u16 {
        /// Telephone keys.
        const DTMF = 1 << 0;
        /// Register signals of R2 from the calling end.
        const R2_FORWARD = 1 << 1;
        /// Register signals of R2 from the called end.
        const R2_BACKWARD = 1 << 2;
        /// Register signals of R1.
        const R1 = 1 << 3;
        /// Call progress tones.
        const PROGRESS = 1 << 4;
        /// Tones of machines: facsimile, modems, the alert of caller identity.
        const SIGNALS = 1 << 5;
        /// Octets of caller identity by FSK, see [`ListenSet::caller_id`].
        const CALLER_ID = 1 << 6;
        /// The flags with which a facsimile machine begins to speak.
        const FAX_PREAMBLE = 1 << 7;
        /// Octets on the backward channel of V.23.
        const V23_BACKWARD = 1 << 8;
        /// Voice and silence.
        const VOICE = 1 << 9;
        /// Who has answered, from now on, and beeps.
        const MACHINE = 1 << 10;
    }
}

/// Where FSK was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FskChannel {
    /// Caller identity.
    CallerId,
    /// V.21, channel 2.
    Fax,
    /// V.23, backward channel.
    Backward,
}

/// How caller identity is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallerIdModem {
    /// Bell 202.
    #[default]
    Bell202,
    /// V.23.
    V23,
}

/// What was heard on a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A telephone key.
    Dtmf(DtmfEvent),
    /// A register signal.
    Mf(MfSystem, MfEvent),
    /// A call progress tone.
    Progress(ProgressEvent),
    /// A tone of a machine.
    Signal(SignalEvent),
    /// Octets or flags by FSK.
    Fsk(FskChannel, FskEvent),
    /// Somebody speaks, or nobody any more.
    Voice(VadEvent),
    /// Who has answered; beeps.
    Machine(AmdEvent),
}

/// Why detectors cannot be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenError {
    /// The call progress tones.
    Progress(ProgressError),
    /// A value for voice activity is out of its range.
    Voice,
    /// A value for answering machines is out of its range.
    Machine,
}

impl core::fmt::Display for ListenError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            ListenError::Progress(error) => write!(f, "call progress tones: {error}"),
            ListenError::Voice => f.write_str("voice activity: a value is out of its range"),
            ListenError::Machine => f.write_str("answering machines: a value is out of its range"),
        }
    }
}

impl core::error::Error for ListenError {}

/// How the detectors are set up.
#[derive(Debug)]
pub struct ListenSet {
    /// The call progress tones that are heard.
    pub progress: ProgressSet,
    /// How caller identity is sent.
    pub caller_id: CallerIdModem,
    /// What is voice.
    pub voice: VadRule,
    /// How it is decided who has answered.
    pub machine: AmdRule,
}

impl ListenSet {
    /// Makes the set-up for the tones of a country.
    ///
    /// # Errors
    /// The tones cannot be listened for.
    pub fn new(tones: &TonePlan) -> Result<ListenSet, ListenError> {
        ListenSet::with_own_tones(tones, &[])
    }

    /// Makes the set-up for the tones of a country and tones of one's own, see [`ProgressSet::with_own`].
    ///
    /// # Errors
    /// The tones cannot be listened for.
    pub fn with_own_tones(
        tones: &TonePlan,
        own: &[(ProgressKind, ToneSpec)],
    ) -> Result<ListenSet, ListenError> {
        let voice = VadConfig::default().rule().ok_or(ListenError::Voice)?;
        let machine = AmdConfig::default().rule().ok_or(ListenError::Machine)?;
        let progress = ProgressSet::with_own(tones, own).map_err(ListenError::Progress)?;
        Ok(ListenSet { progress, caller_id: CallerIdModem::default(), voice, machine })
    }
}

/// The detectors of any number of channels.
#[derive(Debug)]
pub struct Listeners {
    groups: Box<[Group]>,
    scratch: Box<Scratch>,
    set: ListenSet,
    channels: usize,
}

impl Listeners {
    /// Makes the detectors of `channels` channels, none of which wants anything. All memory is taken here.
    pub fn new(channels: usize, set: ListenSet, path: Path) -> Listeners {
        let groups = (0..channels.div_ceil(LANES)).map(|n| Group::new(n, path)).collect();
        Listeners { groups, scratch: Box::default(), set, channels }
    }

    /// Returns what a channel wants.
    pub fn wants(&self, channel: usize) -> Wants {
        self.groups.get(channel / LANES).map_or(Wants::empty(), |group| group.wants(channel % LANES))
    }

    /// Chooses what a channel wants from now on. Detectors that were not wanted before have heard silence.
    ///
    /// # Realtime
    /// A few hundred stores at most.
    pub fn want(&mut self, channel: usize, wants: Wants) {
        if channel < self.channels
            && let Some(group) = self.groups.get_mut(channel / LANES)
        {
            group.want(channel % LANES, wants);
        }
    }

    /// Makes a channel's detectors forget all they have heard.
    pub fn forget(&mut self, channel: usize) {
        if let Some(group) = self.groups.get_mut(channel / LANES) {
            group.forget(channel % LANES);
        }
    }

    /// Takes in the next block of every channel and tells what was heard, with the channel. Nothing is known of what the
    /// channels send: see [`Listeners::push_beside`].
    ///
    /// # Realtime
    /// Linear in the groups that have a channel with a wish.
    pub fn push(&mut self, blocks: &[Block], tell: &mut impl FnMut(usize, Heard)) {
        self.push_all(blocks, None, tell);
    }

    /// The same beside what was received, before echo cancelling, and what was sent in the block before: call progress is heard
    /// under our own sound. All three have a block for every channel; on a channel that sends nothing it is silence.
    ///
    /// # Realtime
    /// As [`Listeners::push`]; call progress costs three times as much in groups that send.
    pub fn push_beside(
        &mut self,
        heard: &[Block],
        received: &[Block],
        sent: &[Block],
        tell: &mut impl FnMut(usize, Heard),
    ) {
        self.push_all(heard, Some([received, sent]), tell);
    }

    fn push_all(
        &mut self,
        heard: &[Block],
        beside: Option<[&[Block]; 2]>,
        tell: &mut impl FnMut(usize, Heard),
    ) {
        let mut last = [[SILENCE; LANES]; 3];
        let [last_heard, last_received, last_sent] = &mut last;
        let heard = Grouped::new(heard, last_heard);
        let beside = beside
            .map(|[received, sent]| [Grouped::new(received, last_received), Grouped::new(sent, last_sent)]);
        for (n, group) in self.groups.iter_mut().enumerate() {
            let beside = beside.map(|beside| beside.map(|blocks| blocks.of(n)));
            let tell = &mut |lane, heard| tell(n * LANES + lane, heard);
            group.push(heard.of(n), beside, &self.set, &mut self.scratch, tell);
        }
    }
}

/// The blocks of all channels, group by group.
#[derive(Clone, Copy)]
struct Grouped<'a> {
    full: &'a [[Block; LANES]],
    /// What is left over, before silence.
    last: &'a [Block; LANES],
}

impl<'a> Grouped<'a> {
    fn new(blocks: &'a [Block], last: &'a mut [Block; LANES]) -> Grouped<'a> {
        let (full, rest) = blocks.as_chunks::<LANES>();
        for (place, block) in last.iter_mut().zip(rest) {
            *place = *block;
        }
        Grouped { full, last }
    }

    fn of(&self, group: usize) -> &'a [Block; LANES] {
        self.full.get(group).unwrap_or(self.last)
    }
}
