//! A prompt file of any octets: samples, or an error.
#![no_main]

use std::io::Write;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    file.write_all(octets).expect("it can be written");
    let _ = record::Prompts::new(1 << 20).load(file.path());
});
