//! Real cards: a PCI device in the hands of VFIO, with its registers, its window into our memory and its interrupt.
//!
//! [`Device`] is plain plumbing, for any device (the tests use it on QEMU's `edu`); [`VfioBus`] makes a [`Bus`](crate::Bus) of it. The
//! device sees the memory that was mapped for it and nothing else: the IOMMU keeps it so, whatever the card does.
//!
//! Limits: the type 1 interface of groups and containers (kernels 4 to now), one device a container; an IOMMU is needed.
//! Before it opens, the device must be bound to `vfio-pci` and its group be ours: `docs/cards-pci.md` has the commands.

mod sys;

pub(crate) use sys::wait as wait_for;

use core::time::Duration;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use firmware_shim::Generation;

pub use crate::bar::{Access, Bar};

use crate::bus::Wake;
use crate::dma::DmaMemory;
use crate::hand::{Hand, HandBus};

/// Where the card sees our memory: below 256 MiB, so that devices with short addresses reach it, and not 0.
const WINDOW: u32 = 0x0100_0000;

const CONFIGURATION: u32 = 7;
const COMMAND: u64 = 4;
const COMMAND_MEMORY_AND_MASTER: u16 = 0x0006;

/// Which interrupt of a PCI device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Interrupt {
    /// The pin: masked when it fires, until it is let through again.
    Pin = 0,
    /// A message.
    Message = 1,
}

/// A card that this driver knows by its PCI id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its ports.
    pub ports: u8,
    /// Its age.
    pub generation: Generation,
}

/// Returns what a PCI id is; none if this driver does not know it. Vendor 0xD161 only: the first generation has another.
///
/// The ids are those that the kernel's driver binds. That the first digit tells the generation is unverified.
pub const fn known(vendor: u16, device: u16) -> Option<Known> {
    let ports = match device {
        0x0205 | 0x0210 | 0x0220 | 0x1205 | 0x1210 | 0x1220 => 2,
        0x0405 | 0x0410 | 0x0420 | 0x1405 | 0x1410 | 0x1420 => 4,
        0x1820 => 8,
        _ => return None,
    };
    let generation = if device >= 0x1000 { Generation::Five } else { Generation::TwoToFour };
    if vendor == 0xD161 { Some(Known { ports, generation }) } else { None }
}

/// A PCI device in our hands.
pub struct Device {
    container: OwnedFd,
    device: File,
    event: File,
    interrupt: Interrupt,
    // The group must stay open for as long as the device is.
    _group: File,
}

fn wrong(what: &str) -> io::Error {
    io::Error::other(what.to_owned())
}

fn open(path: &Path) -> io::Result<File> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
    OpenOptions::new().read(true).write(true).open(path).map_err(told)
}

/// Returns the number of a device's IOMMU group.
fn group_of(address: &str) -> io::Result<String> {
    let link = PathBuf::from(format!("/sys/bus/pci/devices/{address}/iommu_group"));
    let told = |error: io::Error| {
        io::Error::new(error.kind(), format!("{}: {error}; is the IOMMU on?", link.display()))
    };
    let group = std::fs::read_link(&link).map_err(told)?;
    let name = group.file_name().and_then(|name| name.to_str());
    name.map(ToOwned::to_owned).ok_or_else(|| wrong("an IOMMU group has a number"))
}

impl Device {
    /// Opens the device at a PCI address such as `0000:03:00.0`, with bus mastering on.
    ///
    /// # Errors
    /// Says which file or step failed: no IOMMU, not bound to `vfio-pci`, no permission, group shared with others.
    pub fn open(address: &str) -> io::Result<Device> {
        let container = open(Path::new("/dev/vfio/vfio"))?;
        if sys::api_version(container.as_fd())? != sys::API_VERSION {
            return Err(wrong("this kernel's VFIO speaks another version"));
        }
        let group = open(&Path::new("/dev/vfio").join(group_of(address)?))?;
        if !sys::is_viable(group.as_fd())? {
            return Err(wrong("the card shares its IOMMU group with a device that is not bound to vfio-pci"));
        }
        sys::join(group.as_fd(), container.as_fd())?;
        let device = File::from(sys::device(group.as_fd(), address)?);
        let event = File::from(sys::event()?);
        let opened =
            Device { container: container.into(), device, event, interrupt: Interrupt::Pin, _group: group };
        opened.become_master()?;
        Ok(opened)
    }

    /// Lets the device reach memory; VFIO has switched that off.
    fn become_master(&self) -> io::Result<()> {
        let info = sys::region(self.device.as_fd(), CONFIGURATION)?;
        let mut command = [0; 2];
        self.device.read_exact_at(&mut command, info.offset + COMMAND)?;
        let on = u16::from_le_bytes(command) | COMMAND_MEMORY_AND_MASTER;
        self.device.write_all_at(&on.to_le_bytes(), info.offset + COMMAND)
    }

    /// Opens one of its BARs.
    ///
    /// # Errors
    /// There is no such BAR, or it cannot be mapped.
    pub fn bar(&self, index: u32, access: Access) -> io::Result<Bar> {
        let info = sys::region(self.device.as_fd(), index)?;
        let octets = usize::try_from(info.size).map_err(io::Error::other)?;
        match access {
            Access::Mapped if info.flags & sys::RegionInfo::MMAP != 0 => {
                Bar::mapped(&self.device, info.offset, octets)
            }
            Access::Mapped => Err(wrong("the device's registers cannot be mapped")),
            Access::Region => Bar::region(&self.device, info.offset, octets),
        }
    }

    /// Shows memory to the device at address `at`, until the device is closed. The memory must live for as long.
    ///
    /// # Errors
    /// The kernel refuses: too much locked memory, an address that is taken.
    pub fn show(&self, memory: &DmaMemory, at: u64) -> io::Result<()> {
        self.show_part(memory, at, memory.octets())
    }

    /// Shows the first `octets` octets of memory, whole pages, as [`Device::show`] does.
    ///
    /// # Errors
    /// As there; or the memory is shorter.
    pub fn show_part(&self, memory: &DmaMemory, at: u64, octets: usize) -> io::Result<()> {
        if octets > memory.octets() {
            return Err(wrong("there is less memory than shall be shown"));
        }
        sys::map_dma(self.container.as_fd(), memory.host_address(), at, octets as u64)
    }

    /// Routes an interrupt to [`Hand::wait`].
    ///
    /// # Errors
    /// The device has no such interrupt.
    pub fn listen(&mut self, interrupt: Interrupt) -> io::Result<()> {
        self.interrupt = interrupt;
        sys::route_interrupt(self.device.as_fd(), interrupt as u32, self.event.as_fd())
    }
}

impl Hand for Device {
    fn wait(&self, time: Duration) -> Wake {
        match sys::wait(self.event.as_fd(), time) {
            Ok(false) => Wake::Late,
            Ok(true) => {
                let mut count = [0; 8];
                let taken = io::Read::read(&mut &self.event, &mut count).is_ok();
                if taken { Wake::Interrupt } else { Wake::Late }
            }
            Err(_) => Wake::Gone,
        }
    }

    fn let_through(&self) -> io::Result<()> {
        match self.interrupt {
            Interrupt::Pin => sys::unmask(self.device.as_fd(), Interrupt::Pin as u32),
            Interrupt::Message => Ok(()),
        }
    }
}

/// The bus of a card over VFIO.
pub type VfioBus = HandBus<Device>;

impl VfioBus {
    /// Takes the card at a PCI address, with `words` words of shared memory.
    ///
    /// # Errors
    /// Says which step failed.
    pub fn open(address: &str, words: usize, access: Access) -> io::Result<VfioBus> {
        let mut device = Device::open(address)?;
        let bar = device.bar(0, access)?;
        let memory = DmaMemory::new(words)?;
        device.show(&memory, u64::from(WINDOW))?;
        device.listen(Interrupt::Pin)?;
        HandBus::new(device, bar, memory, WINDOW)
    }
}
