//! Spans without a card: made by the kernel's `dahdi_dynamic`, and loops inside the kernel.
//!
//! What the tests in a virtual machine run on: two spans of driver `loc` with addresses `1:0` and `1:1` are the two ends of
//! one line. Limits: nothing here is for a realtime thread.

use std::io;
use std::ops::Range;
use std::path::Path;

use crate::abi::{self, sig};
use crate::lines::channel_config;
use crate::sys::Device;

/// Makes a dynamic span and returns its number.
///
/// # Errors
/// What the kernel says: the module of that driver is not loaded, or the address is taken.
pub fn create(devices: &Path, driver: &str, address: &str, channels: u8) -> io::Result<u32> {
    let span = named(driver, address, channels);
    Device::open(&devices.join("ctl"))?.create_dynamic(span).map(|number| number as u32)
}

/// Makes a dynamic span that is the clock of all of them, by its `rank` from 1, while it hears something.
///
/// # Errors
/// As those of [`create`].
pub fn create_clock(devices: &Path, driver: &str, address: &str, channels: u8, rank: u8) -> io::Result<u32> {
    let span = abi::DynamicSpan { timing: rank.into(), ..named(driver, address, channels) };
    Device::open(&devices.join("ctl"))?.create_dynamic(span).map(|number| number as u32)
}

/// Takes a dynamic span away.
///
/// # Errors
/// What the kernel says: there is none.
pub fn destroy(devices: &Path, driver: &str, address: &str) -> io::Result<()> {
    Device::open(&devices.join("ctl"))?.destroy_dynamic(named(driver, address, 0))
}

fn named(driver: &str, address: &str, channels: u8) -> abi::DynamicSpan {
    let mut span = abi::DynamicSpan {
        driver: [0; 20],
        address: [0; 40],
        numchans: i32::from(channels),
        timing: 0,
        spanno: 0,
    };
    for (to, from) in span.driver[..19].iter_mut().zip(driver.bytes()) {
        *to = from;
    }
    for (to, from) in span.address[..39].iter_mut().zip(address.bytes()) {
        *to = from;
    }
    span
}

/// Through-connects each of these channels to itself: what a line sends to it comes back.
///
/// # Errors
/// What the kernel says: a channel is not there or in use.
pub fn loop_channels(devices: &Path, channels: Range<u32>) -> io::Result<()> {
    let ctl = Device::open(&devices.join("ctl"))?;
    for channel in channels.clone() {
        // Parts of a bundle must be parted first.
        ctl.configure_channel(channel_config(channel, sig::CLEAR, abi::law::A))?;
    }
    for channel in channels {
        let looped =
            abi::ChanConfig { idlebits: channel as i32, ..channel_config(channel, sig::DACS, abi::law::A) };
        ctl.configure_channel(looped)?;
    }
    Ok(())
}
