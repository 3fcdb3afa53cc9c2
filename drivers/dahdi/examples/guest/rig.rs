//! The rig of the conformance suite: spans 1 and 3, whose far ends 2 and 4 are looped inside the kernel; or 5 and 6 crossed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use card::conformance::{Rig, Wiring};
use dahdi::{DahdiCard, DahdiConfig, DahdiControl, Hdlc};
use tdm::SpanKind;

use crate::DEVICES;

/// Channels of a span.
pub const CHANNELS: u32 = 31;

/// The first channel of a span.
pub fn first(span: u32) -> u32 {
    1 + (span - 1) * CHANNELS
}

/// A card of the usual lengths.
pub fn config() -> DahdiConfig {
    DahdiConfig { block_ms: 10, buffer_ms: 20, ..DahdiConfig::new("guest") }
}

/// A card of two E1 with these numbers.
pub fn pair(a: u32, b: u32) -> DahdiConfig {
    config().span(SpanKind::E1, first(a)).span(SpanKind::E1, first(b))
}

/// The spans' addresses: two with the same first digit are the ends of one line.
const ADDRESSES: [&str; 6] = ["1:0", "1:1", "2:0", "2:1", "3:0", "3:1"];

/// Makes spans 1 to 6.
pub fn make_spans() {
    (1..=6).for_each(make_span);
}

/// Takes them away for good.
pub fn destroy_spans() {
    (1..=6).for_each(destroy_span);
}

fn make_span(number: u32) {
    let address = ADDRESSES[number as usize - 1];
    let made = dahdi::dynamic::create(Path::new(DEVICES), "loc", address, CHANNELS as u8).unwrap();
    assert_eq!(made, number, "the spans have the numbers that the cases expect");
}

fn destroy_span(number: u32) {
    dahdi::dynamic::destroy(Path::new(DEVICES), "loc", ADDRESSES[number as usize - 1]).unwrap();
}

/// Loops the far end `span` inside the kernel.
pub fn loop_far_end(span: u32) {
    dahdi::dynamic::loop_channels(Path::new(DEVICES), first(span)..first(span + 1)).unwrap();
}

fn wired(wiring: Wiring, hdlc: Hdlc) -> Option<DahdiCard> {
    let config = match wiring {
        Wiring::Looped => {
            loop_far_end(2);
            loop_far_end(4);
            // The far end hears us in this tick and answers in the next.
            DahdiConfig { line_delay_samples: 8, ..pair(1, 3) }
        }
        Wiring::Crossed => pair(5, 6),
        Wiring::CrossedHdlc if hdlc == Hdlc::Kernel => pair(5, 6),
        // The kernel debounces hook and ring for longer than the case allows: see calls::telephone.
        Wiring::CrossedHdlc | Wiring::Analog => return None,
    };
    Some(DahdiCard::new(DahdiConfig { hdlc, ..config }).unwrap())
}

/// With frames made by Tandem.
pub struct Own;

/// With frames made by the kernel.
pub struct Kernel;

macro_rules! rig {
    ($name:ident, $hdlc:expr) => {
        impl Rig for $name {
            type Card = DahdiCard;

            fn wired(wiring: Wiring) -> Option<(Self, DahdiCard)> {
                Some(($name, wired(wiring, $hdlc)?))
            }

            /// Takes the far end away for good, or makes it anew: the kernel sees RED after a second without anything.
            fn cut(&mut self, _: &mut DahdiControl, position: u8, cut: bool) -> bool {
                let far = 2 + 2 * u32::from(position);
                if cut {
                    destroy_span(far);
                    std::thread::sleep(Duration::from_millis(2_500));
                } else {
                    make_span(far);
                    loop_far_end(far);
                }
                true
            }

            fn slip(&mut self, _: &mut DahdiControl, _: u8, _: i8) -> bool {
                false
            }

            fn stall(&mut self, _: &mut DahdiControl, ms: u32) -> bool {
                std::thread::sleep(Duration::from_millis(ms.into()));
                true
            }
        }
    };
}

rig!(Own, Hdlc::Own);
rig!(Kernel, Hdlc::Kernel);

/// The folder of the kernel's device of a span.
fn device(span: u32) -> PathBuf {
    let wanted = format!("DYN/loc/{}", ADDRESSES[span as usize - 1]);
    let mut known = Vec::new();
    for entry in std::fs::read_dir("/sys/bus/dahdi_devices/devices").unwrap().flatten() {
        let name = std::fs::read_to_string(entry.path().join("hardware_id")).unwrap_or_default();
        if name.trim() == wanted {
            return entry.path();
        }
        known.push(name);
    }
    panic!("no device {wanted} among {known:?}");
}

fn tell(path: PathBuf, text: &str) {
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {text}: {error}", path.display()));
}

/// Takes a span away from DAHDI.
pub fn unassign(span: u32) {
    tell(device(span).join("unassign_span"), "1\n");
}

/// Gives it back under its old numbers.
pub fn assign(span: u32) {
    tell(device(span).join("assign_span"), &format!("1:{span}:{}\n", first(span)));
}

/// Loads a module of the image.
pub fn load(module: &str) {
    let file = format!("/m/{module}.ko");
    assert!(Command::new("/bin/insmod").arg(&file).status().unwrap().success(), "{file} is loaded");
}

/// Unloads a module; false if it is in use.
pub fn unload(module: &str) -> bool {
    Command::new("/bin/rmmod").arg(module).status().unwrap().success()
}
