//! A stamp on the line: a chunk that says its own number, found again wherever it begins.

use tdm::Chunk;

const FIRST: u8 = 0xC3;
const LAST: u8 = 0x5A;

/// Returns the chunk with this number.
pub fn stamp(number: u32) -> Chunk {
    let [a, b, c, d] = number.to_le_bytes();
    [FIRST, a, b, c, d, a ^ b ^ c ^ d, !a, LAST]
}

/// Returns the number of a chunk; none if it is not a whole stamp.
pub fn read(octets: &[u8]) -> Option<u32> {
    let number = u32::from_le_bytes(octets.get(1..5)?.try_into().ok()?);
    (octets == stamp(number)).then_some(number)
}

/// Stamps of one channel in the order in which they come, at any place between two chunks.
#[derive(Clone, Default)]
pub struct Finder {
    window: [u8; 16],
}

impl Finder {
    /// Takes a chunk; returns the number of the stamp that ends in it, if one does.
    pub fn take(&mut self, chunk: &Chunk) -> Option<u32> {
        self.window.copy_within(8.., 0);
        self.window[8..].copy_from_slice(chunk);
        (1..=8).find_map(|shift| read(&self.window[shift..shift + 8]))
    }
}
