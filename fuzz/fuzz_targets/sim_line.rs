//! What a program at the far end of a simulated line may send.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| sim::fuzz_line(octets));
