//! The registers of a device: mapped memory, or reads and writes of a region where it cannot be mapped.
#![expect(unsafe_code, reason = "volatile access to a device's registers")]

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use memmap2::{MmapOptions, MmapRaw};

/// How registers are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// By loads and stores.
    Mapped,
    /// By system calls: for kernels and devices that do not let a BAR be mapped.
    Region,
}

enum Way {
    Mapped(MmapRaw),
    Region(File),
}

/// A BAR.
pub struct Bar {
    way: Way,
    offset: u64,
    octets: usize,
}

impl Bar {
    /// Maps `octets` octets of a file that is the BAR, from `offset` on.
    pub(crate) fn mapped(file: &File, offset: u64, octets: usize) -> io::Result<Bar> {
        let pages = MmapOptions::new().offset(offset).len(octets).map_raw(file)?;
        Ok(Bar { way: Way::Mapped(pages), offset, octets })
    }

    /// Takes a file that is read and written from `offset` on.
    pub(crate) fn region(file: &File, offset: u64, octets: usize) -> io::Result<Bar> {
        Ok(Bar { way: Way::Region(file.try_clone()?), offset, octets })
    }

    /// Returns its length in octets.
    pub fn octets(&self) -> usize {
        self.octets
    }

    fn holds(&self, at: usize) -> bool {
        at.is_multiple_of(4) && at + 4 <= self.octets
    }

    /// Reads the word at offset `at`; all ones, as of a device that is not there, beyond the end and on failure.
    pub fn read(&self, at: usize) -> u32 {
        if !self.holds(at) {
            return u32::MAX;
        }
        match &self.way {
            // SAFETY: `at` is aligned and inside the mapping, which lives as long as `self`.
            Way::Mapped(pages) => unsafe { pages.as_ptr().add(at).cast::<u32>().read_volatile() }.to_le(),
            Way::Region(device) => {
                let mut word = [0xFF; 4];
                match device.read_exact_at(&mut word, self.offset + at as u64) {
                    Ok(()) => u32::from_le_bytes(word),
                    Err(_) => u32::MAX,
                }
            }
        }
    }

    /// Writes the word at offset `at`; nothing beyond the end.
    pub fn write(&self, at: usize, value: u32) {
        if !self.holds(at) {
            return;
        }
        match &self.way {
            // SAFETY: `at` is aligned and inside the mapping, which is writable and lives as long as `self`.
            Way::Mapped(pages) => unsafe {
                pages.as_mut_ptr().add(at).cast::<u32>().write_volatile(value.to_le());
            },
            Way::Region(device) => {
                // A device that takes no writes any more shows itself in the next read.
                let _ = device.write_all_at(&value.to_le_bytes(), self.offset + at as u64);
            }
        }
    }
}
