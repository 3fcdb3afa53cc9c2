//! Caller identity from octets that say anything: what is read is written and read again as the same.
#![no_main]

use dsp::caller_id::{Assembled, Assembler, Message, dtmf, emit, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &[u8]| {
    let mut assembler = Assembler::new();
    for &octet in line {
        if let Some(Assembled::Message(caller)) = assembler.octet(octet) {
            assert_eq!(parse(&emit(&caller, Message::Multiple)), Ok(caller));
        }
    }
    let _ = parse(line);
    if let Ok(keys) = core::str::from_utf8(line)
        && let Some(number) = dtmf::parse(keys)
    {
        let keys = dtmf::emit(number).expect("a number that was read can be written");
        assert_eq!(dtmf::parse(&keys), Some(number));
    }
});
