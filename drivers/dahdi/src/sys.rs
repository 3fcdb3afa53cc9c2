//! System calls on DAHDI's devices: the only file of this crate with `unsafe` code.
//!
//! Every request is a safe function whose argument has the type that the kernel expects for that number (see `abi`).
//! Nothing here allocates once a device is open; a device is always opened non-blocking, so that no call sleeps.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::abi::{self, ELAST};

/// Why a read or write brought nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Nothing there, or no room.
    Empty,
    /// An event must be taken first.
    Event,
    /// The channel is gone.
    Gone,
}

/// A device of DAHDI.
#[derive(Debug)]
pub(crate) struct Device(File);

/// What the kernel may be asked to fill or read: plain data made of integers.
///
/// # Safety
/// Every bit pattern must be a valid value, and the size must be that of the request it is used with.
unsafe trait Plain {}
// SAFETY: structures of integers and arrays of integers.
unsafe impl Plain for i32 {}
// SAFETY: as above.
unsafe impl Plain for abi::Params {}
// SAFETY: as above.
unsafe impl Plain for abi::SpanInfo {}
// SAFETY: as above.
unsafe impl Plain for abi::MaintInfo {}
// SAFETY: as above.
unsafe impl Plain for abi::SpanLine {}
// SAFETY: as above.
unsafe impl Plain for abi::ChanConfig {}
// SAFETY: as above.
unsafe impl Plain for abi::BufferInfo {}
// SAFETY: as above.
unsafe impl Plain for abi::RingCadence {}
// SAFETY: as above.
unsafe impl Plain for abi::ToneZone {}
// SAFETY: as above.
unsafe impl Plain for abi::DynamicSpan {}
// SAFETY: as above.
unsafe impl Plain for abi::VersionInfo {}
// SAFETY: as above.
unsafe impl Plain for abi::AttachEchocan {}

impl Device {
    /// Opens a device that never makes a call wait.
    pub fn open(path: &Path) -> io::Result<Device> {
        let file = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        Ok(Device(file))
    }

    /// Opens a channel by its number.
    pub fn channel(devices: &Path, number: u32) -> io::Result<Device> {
        let device = Device::open(&devices.join("channel"))?;
        device.set(abi::SPECIFY, i32::try_from(number).unwrap_or(0))?;
        Ok(device)
    }

    /// Returns the descriptor for `poll`.
    pub fn raw(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    fn request<T: Plain>(&self, request: u32, argument: &mut T) -> io::Result<()> {
        // SAFETY: the descriptor is open, the kernel reads and writes at most the size that is part of the request's number,
        // which every caller in this file takes with the structure it is made from; all bit patterns are valid.
        let result = unsafe { libc::ioctl(self.raw(), request as _, core::ptr::from_mut(argument)) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Sends a number.
    pub fn set(&self, request: u32, value: i32) -> io::Result<()> {
        self.request(request, &mut { value })
    }

    /// Asks for a number.
    pub fn get(&self, request: u32) -> io::Result<i32> {
        let mut value = 0;
        self.request(request, &mut value)?;
        Ok(value)
    }

    pub fn params(&self, channel: u32) -> io::Result<abi::Params> {
        let mut params = abi::Params {
            channo: i32::try_from(channel).unwrap_or(0),
            spanno: 0,
            chanpos: 0,
            sigtype: 0,
            sigcap: 0,
            rxisoffhook: 0,
            rxbits: 0,
            txbits: 0,
            txhooksig: 0,
            rxhooksig: 0,
            curlaw: 0,
            idlebits: 0,
            name: [0; 40],
            times_ms: [0; 11],
            chan_alarms: 0,
        };
        self.request(abi::GET_PARAMS, &mut params)?;
        Ok(params)
    }

    pub fn set_params(&self, mut params: abi::Params) -> io::Result<()> {
        self.request(abi::SET_PARAMS, &mut params)
    }

    /// Returns the state of a span; 0 is the channel's own.
    pub fn span_info(&self, span: i32) -> io::Result<abi::SpanInfo> {
        let mut info = abi::SpanInfo {
            spanno: span,
            name: [0; 20],
            desc: [0; 40],
            alarms: 0,
            levels: [0; 2],
            bpvcount: 0,
            crc4count: 0,
            ebitcount: 0,
            fascount: 0,
            fecount: 0,
            cvcount: 0,
            becount: 0,
            prbs: 0,
            errsec: 0,
            irqmisses: 0,
            syncsrc: 0,
            numchans: 0,
            totalchans: 0,
            totalspans: 0,
            lbo: 0,
            lineconfig: 0,
            texts: [[0; 40]; 4],
            irq: 0,
            linecompat: 0,
            spantype: [0; 6],
        };
        self.request(abi::SPANSTAT, &mut info)?;
        Ok(info)
    }

    pub fn maintenance(&self, spanno: i32, command: i32) -> io::Result<()> {
        self.request(abi::MAINT, &mut abi::MaintInfo { spanno, command })
    }

    pub fn configure_span(&self, mut line: abi::SpanLine) -> io::Result<()> {
        self.request(abi::SPANCONFIG, &mut line)
    }

    pub fn configure_channel(&self, mut config: abi::ChanConfig) -> io::Result<()> {
        self.request(abi::CHANCONFIG, &mut config)
    }

    /// Gives a channel so many buffers each way; sending begins with the first one.
    pub fn set_buffers(&self, buffers: usize, octets: usize) -> io::Result<()> {
        let number = |value: usize| i32::try_from(value).unwrap_or(i32::MAX);
        let mut info = abi::BufferInfo {
            txbufpolicy: 0,
            rxbufpolicy: 0,
            numbufs: number(buffers),
            bufsize: number(octets),
            readbufs: 0,
            writebufs: 0,
        };
        self.request(abi::SET_BUFINFO, &mut info)
    }

    /// Makes a dynamic span and returns its number.
    pub fn create_dynamic(&self, mut span: abi::DynamicSpan) -> io::Result<i32> {
        self.request(abi::DYNAMIC_CREATE, &mut span)?;
        Ok(span.spanno)
    }

    pub fn destroy_dynamic(&self, mut span: abi::DynamicSpan) -> io::Result<()> {
        self.request(abi::DYNAMIC_DESTROY, &mut span)
    }

    /// Loads an empty tone zone of that number.
    pub fn load_zone(&self, zone: i32, ringcadence: [i32; 16]) -> io::Result<()> {
        let mut name = [0; 40];
        name[..6].copy_from_slice(b"tandem");
        self.request(abi::LOADZONE, &mut abi::ToneZone { count: 0, zone, ringcadence, name })
    }

    pub fn set_cadence(&self, mut cadence: abi::RingCadence) -> io::Result<()> {
        self.request(abi::SETCADENCE, &mut cadence)
    }

    pub fn attach_echo_canceller(&self, channel: u32, kind: &str) -> io::Result<()> {
        let mut attach = abi::AttachEchocan { chan: i32::try_from(channel).unwrap_or(0), echocan: [0; 16] };
        for (to, from) in attach.echocan[..15].iter_mut().zip(kind.bytes()) {
            *to = from;
        }
        self.request(abi::ATTACH_ECHOCAN, &mut attach)
    }

    /// Returns the version of the kernel's part.
    pub fn version(&self) -> io::Result<String> {
        let mut version = abi::VersionInfo { version: [0; 80], echo_canceller: [0; 80] };
        self.request(abi::GETVERSION, &mut version)?;
        let text: Vec<u8> = version.version.into_iter().take_while(|&octet| octet != 0).collect();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Reads one buffer.
    pub fn read(&self, octets: &mut [u8]) -> Result<usize, Stop> {
        // SAFETY: the descriptor is open and the slice is valid for writes of its length.
        let got = unsafe { libc::read(self.raw(), octets.as_mut_ptr().cast(), octets.len()) };
        usize::try_from(got).map_err(|_| why())
    }

    /// Writes one buffer.
    pub fn write(&self, octets: &[u8]) -> Result<usize, Stop> {
        // SAFETY: the descriptor is open and the slice is valid for reads of its length.
        let put = unsafe { libc::write(self.raw(), octets.as_ptr().cast(), octets.len()) };
        usize::try_from(put).map_err(|_| why())
    }
}

fn why() -> Stop {
    match io::Error::last_os_error().raw_os_error() {
        Some(libc::EAGAIN | libc::EINTR) => Stop::Empty,
        Some(ELAST) => Stop::Event,
        _ => Stop::Gone,
    }
}

/// Waits until one of `fds` is ready or the time is over; returns how many are.
pub(crate) fn poll(fds: &mut [libc::pollfd], timeout_ms: i32) -> usize {
    // SAFETY: the slice is valid for reads and writes of its length; descriptors in it that are closed are only reported.
    let ready = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout_ms) };
    usize::try_from(ready).unwrap_or(0)
}
