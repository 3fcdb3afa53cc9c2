//! Where a timeslot's octets lie in the memory that host and card share (F3, F5).
//!
//! One block: all buffers to the lines, then all buffers from the lines. A buffer is a millisecond of all ports: for each
//! port 32 slots of 8 octets, in the order of time. An E1's timeslot 0 is slot 0; on a card without any E1 the T1 timeslots
//! start at slot 5, else at slot 1.

/// Octets of one slot in one buffer: a millisecond.
pub const CHUNK: usize = 8;

/// Slots of a port.
pub const SLOTS: usize = 32;

/// Words of one slot in one buffer.
pub const WORDS_PER_SLOT: usize = CHUNK / 4;

/// The most ports a card has.
pub const MAX_PORTS: usize = 8;

/// The most buffers a ring may have (F3).
pub const MAX_BUFFERS: u8 = 127;

/// The shape of the shared memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    framer_ports: u8,
    buffers: u8,
    first_slot: u8,
}

impl Layout {
    /// Shapes the memory of a card with `ports` ports (1 to 8), `buffers` buffers (1 to [`MAX_BUFFERS`]), and at least one
    /// E1 or none.
    ///
    /// # Panics
    /// The numbers are out of range.
    pub const fn new(ports: u8, buffers: u8, any_e1: bool) -> Layout {
        assert!(ports >= 1 && ports as usize <= MAX_PORTS, "a card has 1 to 8 ports");
        assert!(buffers >= 1 && buffers <= MAX_BUFFERS, "a ring has 1 to 127 buffers");
        // Cards with two ports have a framer for four (F3).
        let framer_ports = if ports > 4 { 8 } else { 4 };
        Layout { framer_ports, buffers, first_slot: if any_e1 { 1 } else { 5 } }
    }

    /// Returns the number of buffers in each direction.
    pub const fn buffers(&self) -> u8 {
        self.buffers
    }

    /// Returns the slot of timeslot 1.
    pub const fn first_slot(&self) -> u8 {
        self.first_slot
    }

    /// Returns the words of one buffer: 256 for four ports, 512 for eight (F3).
    pub const fn buffer_words(&self) -> usize {
        self.framer_ports as usize * SLOTS * WORDS_PER_SLOT
    }

    /// Returns the words of one direction.
    pub const fn area_words(&self) -> usize {
        self.buffer_words() * self.buffers as usize
    }

    /// Returns the words of the whole block.
    pub const fn words(&self) -> usize {
        2 * self.area_words()
    }

    /// Returns the first word of slot `slot` of `port` in buffer `buffer`, from the start of a direction's area. Every
    /// argument is taken modulo its range, so that the result is always inside the area.
    pub const fn slot(&self, buffer: u8, port: u8, slot: u8) -> usize {
        let buffer = (buffer % self.buffers) as usize;
        let port = (port % self.framer_ports) as usize;
        buffer * self.buffer_words() + (port * SLOTS + slot as usize % SLOTS) * WORDS_PER_SLOT
    }

    /// Returns the first word to the line of a timeslot (from 1), from the start of the block.
    pub const fn to_line(&self, buffer: u8, port: u8, timeslot: u8) -> usize {
        self.slot(buffer, port, self.first_slot + timeslot - 1)
    }

    /// Returns the first word from the line of a timeslot (from 1), from the start of the block.
    pub const fn from_line(&self, buffer: u8, port: u8, timeslot: u8) -> usize {
        self.area_words() + self.to_line(buffer, port, timeslot)
    }
}

const _: () = assert!(Layout::new(4, 1, true).buffer_words() * 4 == 1024);
const _: () = assert!(Layout::new(8, 1, true).buffer_words() * 4 == 2048);
const _: () = assert!(Layout::new(8, 1, true).to_line(0, 7, 31) + WORDS_PER_SLOT == 512);
const _: () = assert!(Layout::new(4, 1, false).to_line(0, 0, 1) == 10);
