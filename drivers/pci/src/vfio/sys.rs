//! The system calls of VFIO, each as a safe function: `unsafe` of this driver's plumbing is here and in `bar` and `dma`.
//!
//! Numbers and shapes are those of the kernel's user interface (`linux/vfio.h`, the type 1 IOMMU).
#![expect(unsafe_code, reason = "ioctl, ppoll and eventfd have no safe form in the libraries used")]

use core::time::Duration;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `_IO(';', 100)`.
const BASE: libc::c_ulong = 0x3B64;
const GET_API_VERSION: libc::c_ulong = BASE;
const SET_IOMMU: libc::c_ulong = BASE + 2;
const GROUP_GET_STATUS: libc::c_ulong = BASE + 3;
const GROUP_SET_CONTAINER: libc::c_ulong = BASE + 4;
const GROUP_GET_DEVICE_FD: libc::c_ulong = BASE + 6;
const DEVICE_GET_REGION_INFO: libc::c_ulong = BASE + 8;
const DEVICE_SET_IRQS: libc::c_ulong = BASE + 10;
const IOMMU_MAP_DMA: libc::c_ulong = BASE + 13;

const TYPE1V2_IOMMU: libc::c_ulong = 3;
const GROUP_VIABLE: u32 = 1;
const DMA_READ_WRITE: u32 = 3;
const IRQ_DATA_NONE: u32 = 1;
const IRQ_DATA_EVENTFD: u32 = 4;
const IRQ_UNMASK: u32 = 16;
const IRQ_TRIGGER: u32 = 32;

/// The version of the interface that this was written for.
pub(super) const API_VERSION: i32 = 0;

#[repr(C)]
struct GroupStatus {
    size: u32,
    flags: u32,
}

/// A region of the device: a BAR, or its configuration space.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RegionInfo {
    size_of_this: u32,
    pub(super) flags: u32,
    index: u32,
    capabilities: u32,
    pub(super) size: u64,
    pub(super) offset: u64,
}

impl RegionInfo {
    /// The region may be mapped.
    pub(super) const MMAP: u32 = 4;
}

#[repr(C)]
struct DmaMap {
    size_of_this: u32,
    flags: u32,
    host: u64,
    device: u64,
    length: u64,
}

#[repr(C)]
struct IrqSet {
    size_of_this: u32,
    flags: u32,
    index: u32,
    start: u32,
    count: u32,
    eventfd: i32,
}

const _: () =
    assert!(size_of::<RegionInfo>() == 32 && size_of::<DmaMap>() == 32 && size_of::<IrqSet>() == 24);

/// Asks with a number for an argument; returns what the call returned.
fn ask(fd: BorrowedFd<'_>, request: libc::c_ulong, argument: libc::c_ulong) -> io::Result<i32> {
    // SAFETY: every request passed here takes a plain number, or nothing, for its argument.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request as _, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Asks with a structure that the kernel reads and may write.
///
/// # Safety
/// `T` is the structure that `request` takes, with its own size in its first field where it has one.
unsafe fn ask_with<T>(fd: BorrowedFd<'_>, request: libc::c_ulong, argument: &mut T) -> io::Result<i32> {
    // SAFETY: the caller's promise; the pointer is valid for the call.
    let result = unsafe { libc::ioctl(fd.as_raw_fd(), request as _, core::ptr::from_mut(argument)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Returns the interface's version.
pub(super) fn api_version(container: BorrowedFd<'_>) -> io::Result<i32> {
    ask(container, GET_API_VERSION, 0)
}

/// Returns true if all devices of the group are in VFIO's hands.
pub(super) fn is_viable(group: BorrowedFd<'_>) -> io::Result<bool> {
    let mut status = GroupStatus { size: size_of::<GroupStatus>() as u32, flags: 0 };
    // SAFETY: the request takes this structure.
    unsafe { ask_with(group, GROUP_GET_STATUS, &mut status) }?;
    Ok(status.flags & GROUP_VIABLE != 0)
}

/// Puts a group into a container and gives the container an IOMMU.
pub(super) fn join(group: BorrowedFd<'_>, container: BorrowedFd<'_>) -> io::Result<()> {
    let mut fd = container.as_raw_fd();
    // SAFETY: the request takes a pointer to a file descriptor.
    unsafe { ask_with(group, GROUP_SET_CONTAINER, &mut fd) }?;
    ask(container, SET_IOMMU, TYPE1V2_IOMMU).map(|_| ())
}

/// Returns the device at a PCI address such as `0000:03:00.0`.
pub(super) fn device(group: BorrowedFd<'_>, address: &str) -> io::Result<OwnedFd> {
    let name = std::ffi::CString::new(address)?;
    // SAFETY: the request takes a string that ends in zero; the kernel only reads it.
    let fd = unsafe { libc::ioctl(group.as_raw_fd(), GROUP_GET_DEVICE_FD as _, name.as_ptr()) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Returns where a region lies.
pub(super) fn region(device: BorrowedFd<'_>, index: u32) -> io::Result<RegionInfo> {
    let size_of_this = size_of::<RegionInfo>() as u32;
    let mut info = RegionInfo { size_of_this, index, ..RegionInfo::default() };
    // SAFETY: the request takes this structure.
    unsafe { ask_with(device, DEVICE_GET_REGION_INFO, &mut info) }?;
    Ok(info)
}

/// Shows memory to the device, and no other: `host` to `host + length` at `at`.
///
/// The pages must stay where they are until the container is closed: the caller keeps them.
pub(super) fn map_dma(container: BorrowedFd<'_>, host: u64, at: u64, length: u64) -> io::Result<()> {
    let size_of_this = size_of::<DmaMap>() as u32;
    let mut map = DmaMap { size_of_this, flags: DMA_READ_WRITE, host, device: at, length };
    // SAFETY: the request takes this structure; the kernel checks and pins the pages that it names.
    unsafe { ask_with(container, IOMMU_MAP_DMA, &mut map) }.map(|_| ())
}

/// Has interrupt `index` signal an event.
pub(super) fn route_interrupt(device: BorrowedFd<'_>, index: u32, event: BorrowedFd<'_>) -> io::Result<()> {
    let flags = IRQ_DATA_EVENTFD | IRQ_TRIGGER;
    let eventfd = event.as_raw_fd();
    let mut set =
        IrqSet { size_of_this: size_of::<IrqSet>() as u32, flags, index, start: 0, count: 1, eventfd };
    // SAFETY: the request takes this structure with one descriptor behind it.
    unsafe { ask_with(device, DEVICE_SET_IRQS, &mut set) }.map(|_| ())
}

/// Lets interrupt `index` through again: the kernel masks a pin interrupt when it fires.
pub(super) fn unmask(device: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    let flags = IRQ_DATA_NONE | IRQ_UNMASK;
    let mut set = IrqSet {
        size_of_this: size_of::<IrqSet>() as u32 - 4,
        flags,
        index,
        start: 0,
        count: 1,
        eventfd: -1,
    };
    // SAFETY: the request takes this structure; without data its length ends before the descriptor.
    unsafe { ask_with(device, DEVICE_SET_IRQS, &mut set) }.map(|_| ())
}

/// Makes a counter that an interrupt can raise.
pub(super) fn event() -> io::Result<OwnedFd> {
    // SAFETY: takes two numbers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Waits until an event is raised, for at most `time`; false if it was not.
pub(crate) fn wait(event: BorrowedFd<'_>, time: Duration) -> io::Result<bool> {
    let mut poll = libc::pollfd { fd: event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let timeout = libc::timespec { tv_sec: time.as_secs() as _, tv_nsec: time.subsec_nanos() as _ };
    // SAFETY: one structure, valid for the call; no signal mask.
    let ready = unsafe { libc::ppoll(&raw mut poll, 1, &raw const timeout, core::ptr::null()) };
    match ready {
        0 => Ok(false),
        1.. if poll.revents & libc::POLLIN != 0 => Ok(true),
        1.. => Err(io::ErrorKind::BrokenPipe.into()),
        _ if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}
