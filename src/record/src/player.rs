//! Prompts to feeds: keeps each feed's ring full while a prompt plays, and marks its last block.
//!
//! Polled every 20 ms by a thread that has nothing else to do: whoever waits for the disk, see [`crate::Prompts`], is another
//! one, so that a slow disk delays a prompt's beginning but never tears one that plays. Prompts given together are one stream
//! without a seam; the last block is filled with silence.

use std::sync::Arc;

use rt::{FeedBlock, FeedPort};
use rtrb::Producer;
use tdm::{CHUNK, SILENCE};

use crate::prompt::PromptError;

/// The most prompts given together.
pub(crate) const MAX_TOGETHER: usize = 32;

/// Why nothing is played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// There is no such feed.
    #[error("there is no feed {}", .0.0)]
    NoSuchFeed(FeedPort),
    /// Too many prompts at once.
    #[error("{0} prompts are too many: at most {MAX_TOGETHER} can be played together")]
    TooMany(usize),
    /// One of the prompts cannot be played.
    #[error(transparent)]
    Prompt(#[from] PromptError),
}

/// Counters of a player since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayerCounters {
    /// Orders to play that began.
    pub started: u64,
    /// Orders whose last block was handed to the ring.
    pub finished: u64,
    /// Orders that could not begin.
    pub refused: u64,
    /// Blocks handed to rings.
    pub blocks: u64,
    /// Polls that found the ring of a prompt under way empty.
    pub ran_dry: u64,
}

/// Plays prompts. Lives in a thread of its own and is polled every 20 ms.
pub struct Player {
    feeds: Vec<Feed>,
    counters: PlayerCounters,
}

struct Feed {
    ring: Producer<FeedBlock>,
    playing: Option<Playing>,
}

struct Playing {
    generation: u16,
    prompts: Vec<Arc<[i16]>>,
    /// The prompt that plays and its next sample.
    at: (usize, usize),
    repeat: bool,
}

impl Player {
    /// Makes a player for all `feeds` of the engine, `feeds[n]` being the feed `n`.
    pub fn new(feeds: Vec<Producer<FeedBlock>>) -> Player {
        let feeds = feeds.into_iter().map(|ring| Feed { ring, playing: None }).collect();
        Player { feeds, counters: PlayerCounters::default() }
    }

    /// Plays `prompts` one after the other, instead of what the feed plays now; with `repeat` again and again until
    /// `stop`. Without a sample to play, one block of silence.
    ///
    /// The engine must be told the generation by `RtOp::Flush`, or it throws the blocks away.
    ///
    /// # Errors
    /// There is no such feed, or the prompts are too many: none of them is played, and the feed is silent.
    pub fn play(
        &mut self,
        feed: FeedPort,
        generation: u16,
        prompts: Vec<Arc<[i16]>>,
        repeat: bool,
    ) -> Result<(), PlayError> {
        let result = self.begin(feed, generation, prompts, repeat);
        match result {
            Ok(()) => self.counters.started += 1,
            Err(_) => self.counters.refused += 1,
        }
        result
    }

    fn begin(
        &mut self,
        port: FeedPort,
        generation: u16,
        mut prompts: Vec<Arc<[i16]>>,
        repeat: bool,
    ) -> Result<(), PlayError> {
        let feed = self.feeds.get_mut(usize::from(port.0)).ok_or(PlayError::NoSuchFeed(port))?;
        feed.playing = None;
        if prompts.len() > MAX_TOGETHER {
            return Err(PlayError::TooMany(prompts.len()));
        }
        prompts.retain(|prompt| !prompt.is_empty());
        let repeat = repeat && !prompts.is_empty();
        feed.playing = Some(Playing { generation, prompts, at: (0, 0), repeat });
        feed.fill(&mut self.counters);
        Ok(())
    }

    /// Ends what the feed plays. What is already in its ring ends by `RtOp::Flush`.
    pub fn stop(&mut self, feed: FeedPort) {
        if let Some(feed) = self.feeds.get_mut(usize::from(feed.0)) {
            feed.playing = None;
        }
    }

    /// Fills the rings of all feeds that play.
    pub fn poll(&mut self) {
        for feed in &mut self.feeds {
            let dry = feed.playing.is_some() && feed.ring.slots() == feed.ring.buffer().capacity();
            self.counters.ran_dry += u64::from(dry);
            feed.fill(&mut self.counters);
        }
    }

    /// Returns true if some of the feed's prompt has not yet been handed to its ring.
    pub fn is_playing(&self, feed: FeedPort) -> bool {
        self.feeds.get(usize::from(feed.0)).is_some_and(|feed| feed.playing.is_some())
    }

    /// Returns the counters since start.
    pub fn counters(&self) -> PlayerCounters {
        self.counters
    }
}

impl Feed {
    fn fill(&mut self, counters: &mut PlayerCounters) {
        while let Some(playing) = &mut self.playing {
            if self.ring.is_full() {
                return;
            }
            let block = playing.next_block();
            // The ring has room: only this thread fills it.
            counters.blocks += u64::from(self.ring.push(block).is_ok());
            if block.last {
                counters.finished += 1;
                self.playing = None;
            }
        }
    }
}

impl Playing {
    fn next_block(&mut self) -> FeedBlock {
        let mut block = SILENCE;
        let mut filled = 0;
        while filled < CHUNK
            && let Some(prompt) = self.prompts.get(self.at.0)
        {
            let rest = &prompt[self.at.1..];
            let taken = rest.len().min(CHUNK - filled);
            block[filled..filled + taken].copy_from_slice(&rest[..taken]);
            filled += taken;
            self.at.1 += taken;
            if self.at.1 == prompt.len() {
                self.at = (self.at.0 + 1, 0);
            }
            if self.repeat && self.at.0 == self.prompts.len() {
                self.at = (0, 0);
            }
        }
        FeedBlock { block, generation: self.generation, last: self.at.0 == self.prompts.len() }
    }
}
