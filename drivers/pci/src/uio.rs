//! Real cards on machines without an IOMMU: a PCI device in the hands of `uio_pci_generic`.
//!
//! Registers are mapped from the device's own file in `/sys`, the interrupt is the pin's, counted by `/dev/uioN` and let through again
//! by a bit of the configuration space; memory is one huge page, whose place in the machine's memory `/proc/self/pagemap` tells.
//!
//! Limits: **nothing keeps the card from reading and writing all of the machine's memory**, by a fault of its own or of this driver.
//! It needs the rights of root (`CAP_SYS_ADMIN` for the page's place, `/dev/uioN` and files of `/sys`), a huge page below 4 GiB, and a
//! card whose pin interrupt can be masked (PCI 2.3). VFIO is the way to go wherever there is an IOMMU, and the only one if it is on:
//! `docs/adr/0008-uio-without-an-iommu.md`.

use core::time::Duration;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::bar::Bar;
use crate::bus::Wake;
use crate::dma::{DmaMemory, HUGE};
use crate::hand::{Hand, HandBus};
use crate::vfio::wait_for;

/// The kernel's driver that hands a device to us.
pub const DRIVER: &str = "uio_pci_generic";

const COMMAND: u64 = 4;
const MEMORY: u16 = 0x0002;
const MASTER: u16 = 0x0004;
const PIN_OFF: u16 = 0x0400;

/// Octets of an ordinary page, and of its entry in the page map. Source: Linux, Documentation/admin-guide/mm/pagemap.rst.
const PAGE: u64 = 4_096;
const ENTRY: u64 = 8;
const PRESENT: u64 = 1 << 63;
const FRAME: u64 = (1 << 55) - 1;

/// How many huge pages are looked through for one that the card reaches.
const MAX_PAGES: usize = 16;

/// The addresses that a card of 32 bits reaches.
const REACH: u64 = 1 << 32;

/// A PCI device in our hands.
pub struct Device {
    event: File,
    configuration: File,
    /// Its first BAR: root's file alone, so that nobody else can hold the lock on it.
    _lock: File,
    folder: PathBuf,
}

fn wrong(kind: io::ErrorKind, what: String) -> io::Error {
    io::Error::new(kind, what)
}

fn open(path: &Path) -> io::Result<File> {
    let told = |error: io::Error| wrong(error.kind(), format!("{}: {error}", path.display()));
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(told)
}

/// Returns the device file of the one that is at `folder` in `/sys`; none if `uio_pci_generic` does not have it.
pub fn device_file(folder: &Path) -> Option<String> {
    let entry = std::fs::read_dir(folder.join("uio")).ok()?.flatten().next()?;
    entry.file_name().into_string().ok()
}

impl Device {
    /// Opens the device at a PCI address such as `0000:03:00.0`. It reaches no memory before [`Hand::let_through`]: a card that a killed
    /// program left running would write to where that program's memory was.
    ///
    /// # Errors
    /// Says which file or step failed: another kind of processor, not bound to `uio_pci_generic`, no right, an IOMMU that is on, another program.
    pub fn open(address: &str) -> io::Result<Device> {
        if !cfg!(target_arch = "x86_64") {
            let what = "without an IOMMU cards are driven on x86-64 only".to_owned();
            return Err(wrong(io::ErrorKind::Unsupported, what));
        }
        let folder = Path::new("/sys/bus/pci/devices").join(address);
        if folder.join("iommu_group").exists() {
            let what = format!("{address}: an IOMMU is on, which this way goes around: use VFIO");
            return Err(wrong(io::ErrorKind::Unsupported, what));
        }
        let name = device_file(&folder)
            .ok_or_else(|| wrong(io::ErrorKind::NotFound, format!("{address} is not bound to {DRIVER}")))?;
        // Locked before the device is opened: whoever closes it, even a second time, stops the device's DMA.
        let lock = open(&folder.join("resource0"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let what = format!("/dev/{name}: another program has it");
                return Err(wrong(io::ErrorKind::ResourceBusy, what));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let configuration = open(&folder.join("config"))?;
        let event = open(&Path::new("/dev").join(&name))?;
        let opened = Device { event, configuration, _lock: lock, folder };
        opened.command(MEMORY, MASTER | PIN_OFF)?;
        Ok(opened)
    }

    /// Sets and clears bits of the command register.
    fn command(&self, set: u16, clear: u16) -> io::Result<()> {
        let mut command = [0; 2];
        self.configuration.read_exact_at(&mut command, COMMAND)?;
        let changed = (u16::from_le_bytes(command) | set) & !clear;
        self.configuration.write_all_at(&changed.to_le_bytes(), COMMAND)
    }

    /// Maps one of its BARs.
    ///
    /// # Errors
    /// There is no such BAR, or it cannot be mapped.
    pub fn bar(&self, index: u32) -> io::Result<Bar> {
        let file = open(&self.folder.join(format!("resource{index}")))?;
        let octets = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let table = std::fs::read_to_string(self.folder.join("resource"))?;
        let start = bar_start(&table, index)
            .ok_or_else(|| wrong(io::ErrorKind::NotFound, format!("BAR {index} has no place")))?;
        // The file begins with the page that the BAR begins in.
        Bar::mapped(&file, start % PAGE, octets)
    }
}

impl Hand for Device {
    fn wait(&self, time: Duration) -> Wake {
        match wait_for(self.event.as_fd(), time) {
            Ok(false) => Wake::Late,
            Ok(true) => {
                let mut count = [0; 4];
                let taken = io::Read::read(&mut &self.event, &mut count).is_ok();
                if taken { Wake::Interrupt } else { Wake::Gone }
            }
            Err(_) => Wake::Gone,
        }
    }

    /// Lets the device to memory, too: the kernel ends that whenever anybody closes the device file.
    fn let_through(&self) -> io::Result<()> {
        self.command(MASTER, PIN_OFF)
    }
}

impl Drop for Device {
    /// The kernel stops the device as well, but after it has taken the memory back: we stop it while the memory is still ours.
    fn drop(&mut self) {
        // A device that is gone has nothing to be stopped.
        let _ = self.command(PIN_OFF, MASTER);
    }
}

/// Returns where a BAR begins, by the table `resource` in `/sys`: a line a BAR, first its start.
fn bar_start(table: &str, index: u32) -> Option<u64> {
    let line = table.lines().nth(usize::try_from(index).ok()?)?;
    let start = line.split_whitespace().next()?.strip_prefix("0x")?;
    u64::from_str_radix(start, 16).ok().filter(|start| *start != 0)
}

/// Returns where memory lies in the machine's memory, as a device without an IOMMU sees it.
///
/// # Errors
/// The kernel does not tell: `CAP_SYS_ADMIN` is needed.
pub fn place(memory: &DmaMemory) -> io::Result<u64> {
    let map = File::open("/proc/self/pagemap")?;
    let mut entry = [0; ENTRY as usize];
    map.read_exact_at(&mut entry, memory.host_address() / PAGE * ENTRY)?;
    place_in(u64::from_ne_bytes(entry))
}

/// Returns the place that an entry of the page map tells.
fn place_in(entry: u64) -> io::Result<u64> {
    if entry & PRESENT == 0 {
        return Err(wrong(io::ErrorKind::InvalidData, "the page for DMA is not in memory".to_owned()));
    }
    match entry & FRAME {
        0 => {
            let what = "the kernel tells the place of a page to CAP_SYS_ADMIN only: run as root".to_owned();
            Err(wrong(io::ErrorKind::PermissionDenied, what))
        }
        frame => Ok(frame * PAGE),
    }
}

/// Takes a huge page that ends below `reach`, and tells where it lies.
///
/// # Errors
/// No huge page is free, the kernel does not tell where they are, or none is within reach.
pub fn memory_below(reach: u64) -> io::Result<(DmaMemory, u64)> {
    // Those out of reach are kept until one is found: else the same would come again.
    let mut others = Vec::new();
    for _ in 0..MAX_PAGES {
        let memory = match DmaMemory::huge() {
            Ok(memory) => memory,
            Err(error) if others.is_empty() => {
                let what =
                    format!("no huge page is free ({error}): echo 4 | sudo tee /proc/sys/vm/nr_hugepages");
                return Err(wrong(error.kind(), what));
            }
            Err(_) => break,
        };
        let at = place(&memory)?;
        if at + HUGE as u64 <= reach {
            return Ok((memory, at));
        }
        others.push(memory);
    }
    let what = format!(
        "none of {} huge pages lies below {} MiB: keep the kernel from using memory above that, mem=3G among its arguments",
        others.len(),
        reach >> 20
    );
    Err(wrong(io::ErrorKind::OutOfMemory, what))
}

/// The bus of a card over UIO.
pub type UioBus = HandBus<Device>;

impl UioBus {
    /// Takes the card at a PCI address, with at least `words` words of shared memory.
    ///
    /// # Errors
    /// Says which step failed.
    pub fn open(address: &str, words: usize) -> io::Result<UioBus> {
        let device = Device::open(address)?;
        let bar = device.bar(0)?;
        if words * 4 > HUGE {
            let what = format!("{words} words are more than a huge page has");
            return Err(wrong(io::ErrorKind::InvalidInput, what));
        }
        let (memory, at) = memory_below(REACH)?;
        let address = u32::try_from(at).map_err(io::Error::other)?;
        HandBus::new(device, bar, memory, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_map_tells_a_place_or_why_it_does_not() {
        assert_eq!(place_in(PRESENT | 0x1_2345).unwrap(), 0x1234_5000);
        // Soft-dirty and exclusive are no part of it.
        assert_eq!(place_in(PRESENT | 1 << 55 | 1 << 56 | 0x42).unwrap(), 0x4_2000);
        assert_eq!(place_in(PRESENT).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(place_in(0x42).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_bar_begins_where_its_line_says() {
        let table = "0x00000000febf1200 0x00000000febf123f 0x0000000000040200\n0x0 0x0 0x0\n";
        assert_eq!(bar_start(table, 0).map(|start| start % PAGE), Some(0x200));
        assert_eq!((bar_start(table, 1), bar_start(table, 2), bar_start("nonsense", 0)), (None, None, None));
    }

    #[test]
    fn a_device_that_is_not_there_is_told() {
        let told = Device::open("0000:7f:1f.7").err().unwrap().to_string();
        assert_eq!(told, "0000:7f:1f.7 is not bound to uio_pci_generic");
    }
}
