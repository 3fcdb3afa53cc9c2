//! The elastic store between the master's periods and those of a card that follows.
//!
//! Cards of one domain run on one clock but not in step: a follower's period may fall a little after the master's wake. Rows
//! (one chunk of every channel) therefore pass through a short queue. When it is empty the last row is given again, which
//! is one slip and leaves the queue one row longer; when it is full the oldest row is dropped, which is one slip too. So after
//! one slip at start the store sits in the middle, and only real drift moves it.

use tdm::Chunk;

/// Rows the store holds.
const ROWS: usize = 8;

/// A queue of rows.
pub(crate) struct Elastic {
    rows: Box<[Chunk]>,
    channels: usize,
    head: usize,
    len: usize,
    last: Box<[Chunk]>,
}

impl Elastic {
    /// Makes an empty store; `idle` is the row that is repeated first.
    pub(crate) fn new(idle: &[Chunk]) -> Elastic {
        let channels = idle.len();
        Elastic { rows: idle.repeat(ROWS).into_boxed_slice(), channels, head: 0, len: 0, last: idle.into() }
    }

    /// Appends a row; true if it had to drop the oldest one.
    pub(crate) fn put(&mut self, row: &[Chunk]) -> bool {
        let slip = self.len == ROWS;
        if slip {
            self.head = (self.head + 1) % ROWS;
            self.len -= 1;
        }
        let at = (self.head + self.len) % ROWS * self.channels;
        copy_row(&mut self.rows[at..at + self.channels], row);
        self.len += 1;
        slip
    }

    /// Copies the next row to `row`; true if it had to repeat the last one.
    pub(crate) fn take(&mut self, row: &mut [Chunk]) -> bool {
        let slip = self.len == 0;
        if !slip {
            let at = self.head * self.channels;
            self.last.copy_from_slice(&self.rows[at..at + self.channels]);
            self.head = (self.head + 1) % ROWS;
            self.len -= 1;
        }
        copy_row(row, &self.last);
        slip
    }
}

/// Copies as many chunks as both rows have.
pub(crate) fn copy_row(to: &mut [Chunk], from: &[Chunk]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_store_repeats_and_a_full_one_drops_each_counted() {
        let mut store = Elastic::new(&[[9; 8]]);
        let mut row = [[0; 8]];
        assert!(store.take(&mut row));
        assert_eq!(row, [[9; 8]]);
        for n in 0..ROWS as u8 {
            assert!(!store.put(&[[n; 8]]));
        }
        assert!(store.put(&[[100; 8]]));
        assert!(!store.take(&mut row));
        assert_eq!(row, [[1; 8]]);
    }

    #[test]
    fn a_follower_that_jitters_slips_once_and_then_never() {
        let mut store = Elastic::new(&[[0; 8]]);
        let mut row = [[0; 8]];
        let mut slips = 0;
        for ms in 0..1_000u32 {
            // Every third period comes late, together with the next.
            let rows = match ms % 3 {
                0 => 1,
                1 => 0,
                _ => 2,
            };
            for _ in 0..rows {
                slips += u32::from(store.put(&[[ms as u8; 8]]));
            }
            slips += u32::from(store.take(&mut row));
        }
        assert_eq!(slips, 1);
    }
}
