//! A place in the list of records, as a client sends it back: any text is refused or is the very text of that place.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(cursor) = text.parse::<store::Cursor>() {
        assert_eq!(cursor.to_string(), text);
    }
});
