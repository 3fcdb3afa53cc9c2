//! The elements of the audio rings between the realtime thread and the threads that read and write files.

use clock::SampleTime;
use tdm::Block;

/// One of the engine's taps (audio out, for recorders).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TapPort(pub u16);

/// One of the engine's feeds (audio in, for prompts).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FeedPort(pub u16);

/// One millisecond of both directions of a tapped channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TapBlock {
    /// The time of the first sample. A jump of more than 8 means that samples were lost.
    pub time: SampleTime,
    /// What the channel received from its line.
    pub rx: Block,
    /// What the channel sent to its line.
    pub tx: Block,
}

/// One millisecond of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeedBlock {
    /// The samples.
    pub block: Block,
    /// Blocks of another generation than the feed's present one are thrown away.
    pub generation: u16,
    /// True on the last block of a prompt: the engine answers with `FeedDone`.
    pub last: bool,
}
