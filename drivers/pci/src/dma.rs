//! Memory that card and host share, and nothing else lies in.
//!
//! Pages of our own, locked, or one huge page that lies in one piece for cards without an IOMMU, seen as atomic words: the card may change them at any moment, and an atomic load is the one way
//! to read such memory that the language knows. `unsafe` is here for that view only.
#![expect(unsafe_code, reason = "a view of shared pages as atomic words")]

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{Advice, MmapMut, MmapOptions};

/// The length of a huge page.
pub(crate) const HUGE: usize = 2 << 20;

/// Locked pages for DMA.
pub struct DmaMemory {
    pages: MmapMut,
}

impl DmaMemory {
    /// Takes at least `words` words, zeroed, whole pages.
    ///
    /// # Errors
    /// The system has no memory, or does not let us lock it.
    pub fn new(words: usize) -> io::Result<DmaMemory> {
        let octets = (words * 4).next_multiple_of(4_096);
        let pages = MmapOptions::new().len(octets).populate().map_anon()?;
        // Without the right to lock memory the program still runs: VFIO pins the pages itself.
        let _ = pages.lock();
        Ok(DmaMemory { pages })
    }

    /// Takes a huge page of 2 MiB, zeroed, which lies in one piece in the machine's memory.
    ///
    /// # Errors
    /// No huge page is free.
    pub fn huge() -> io::Result<DmaMemory> {
        let pages = MmapOptions::new().len(HUGE).huge(Some(HUGE.ilog2() as u8)).populate().map_anon()?;
        // A huge page is never swapped out: locking says no more than that.
        let _ = pages.lock();
        // A child process would have the page copied at the next write, and the card would go on with the old one.
        pages.advise(Advice::DontFork)?;
        Ok(DmaMemory { pages })
    }

    /// Returns the words.
    pub fn words(&self) -> &[AtomicU32] {
        let start = self.pages.as_ptr().cast::<AtomicU32>();
        // SAFETY: the pages are ours as long as `self` is, aligned to 4096, their length a multiple of 4; `AtomicU32` has the
        // layout of `u32` and allows that others (the card, a model of it) change it. No other reference into them is made.
        unsafe { core::slice::from_raw_parts(start, self.pages.len() / 4) }
    }

    /// Returns the address of the first word, for the mapping into the card's address space.
    pub fn host_address(&self) -> u64 {
        self.pages.as_ptr() as u64
    }

    /// Returns the length in octets.
    pub fn octets(&self) -> usize {
        self.pages.len()
    }

    /// Reads a word; 0 beyond the end.
    pub fn load(&self, word: usize) -> u32 {
        self.words().get(word).map_or(0, |word| word.load(Ordering::Acquire))
    }

    /// Writes a word; nothing beyond the end.
    pub fn store(&self, word: usize, value: u32) {
        if let Some(word) = self.words().get(word) {
            word.store(value, Ordering::Release);
        }
    }
}
