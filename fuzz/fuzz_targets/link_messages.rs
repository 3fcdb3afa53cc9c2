//! The link's reader fed with anything, in pieces: messages or an error, and what is understood is the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use link::{ToLine, ToSwitch, wire};

fn read<M: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(octets: &[u8]) {
    let mut reader = wire::Reader::new();
    for piece in octets.chunks(11) {
        reader.push(piece);
        loop {
            match reader.take::<M>() {
                Ok(Some(message)) => {
                    let (mut out, mut again) = (Vec::new(), wire::Reader::new());
                    wire::write(&message, &mut out).expect("what was read can be written");
                    again.push(&out);
                    assert_eq!(again.take::<M>(), Ok(Some(message)));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

fuzz_target!(|octets: &[u8]| {
    read::<ToLine>(octets);
    read::<ToSwitch>(octets);
});
