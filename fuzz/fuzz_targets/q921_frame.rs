//! Any octets as a frame of layer 2: what parses emits its own octets.
#![no_main]

use isdn::wire::Frame;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    if let Ok(frame) = Frame::parse(octets) {
        assert_eq!(frame.emit().as_slice(), octets);
    }
});
