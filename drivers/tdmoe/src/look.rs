//! What there is to speak to: Ethernet interfaces of this machine, and who sends spans on them. For people, not for the
//! realtime path.

use std::io;
use std::path::Path;
use std::time::Duration;

use clock::{Clock, MonoClock};

use crate::Mac;
use crate::frame::Frame;
use crate::port::Wire;
use crate::sys::Batch;

/// The most interfaces that are told.
const MAX_INTERFACES: usize = 64;

/// The most senders that are told.
const MAX_SENDERS: usize = 64;

/// How long a look pauses.
const PAUSE: Duration = Duration::from_millis(2);

/// An Ethernet interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its address.
    pub own: Mac,
    /// It is up.
    pub up: bool,
    /// It is up, and its cable leads to something that is on.
    pub carrier: bool,
}

/// Somebody who sends a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// Its address.
    pub mac: Mac,
    /// Which of its spans.
    pub subaddress: u16,
    /// The channels of that span.
    pub channels: usize,
    /// It receives nothing.
    pub yellow: bool,
}

/// Returns the Ethernet interfaces by name, as `root` (the machine's `/`) tells them.
pub fn interfaces(root: &Path) -> Vec<Interface> {
    let Ok(folder) = std::fs::read_dir(root.join("sys/class/net")) else { return Vec::new() };
    let mut found: Vec<Interface> =
        folder.take(MAX_INTERFACES).filter_map(|entry| interface(&entry.ok()?.path())).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

fn interface(folder: &Path) -> Option<Interface> {
    let read = |file: &str| std::fs::read_to_string(folder.join(file)).unwrap_or_default().trim().to_owned();
    // Source: Linux, ARPHRD_ETHER and IFF_UP.
    if read("type") != "1" {
        return None;
    }
    let flags = u32::from_str_radix(read("flags").trim_start_matches("0x"), 16).unwrap_or(0);
    Some(Interface {
        name: folder.file_name()?.to_string_lossy().into_owned(),
        own: read("address").parse().ok()?,
        up: flags & 1 != 0,
        carrier: read("carrier") == "1",
    })
}

/// Listens on an interface for so long and returns who sends spans to it.
///
/// # Errors
/// The interface cannot be listened to, with what mends it: see [`Wire::open`].
pub fn senders(interface: &str, time: Duration) -> io::Result<Vec<Sender>> {
    let wire = Wire::open(interface)?;
    let mut batch = Batch::new();
    let mut found: Vec<Sender> = Vec::new();
    let end = MonoClock.now() + time;
    while MonoClock.now() < end {
        let frames = batch.receive(&wire.socket).unwrap_or(0);
        for (octets, &length) in batch.frames.iter().zip(&batch.lengths).take(frames) {
            let Ok(frame) = Frame::parse(&octets[..length]) else { continue };
            let (mac, subaddress) = (frame.address.source, frame.address.subaddress);
            let known = found.iter().any(|sender| sender.mac == mac && sender.subaddress == subaddress);
            if !known && found.len() < MAX_SENDERS {
                found.push(Sender { mac, subaddress, channels: frame.samples.len(), yellow: frame.yellow });
            }
        }
        if frames == 0 {
            std::thread::sleep(PAUSE);
        }
    }
    found.sort();
    Ok(found)
}
