//! A kept configuration of any text: one that reads its documents from itself alone, or an error that names the file.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match config::Source::parse(text, Path::new("taken.toml")) {
        Ok(source) => {
            if let Err(errors) = source.config() {
                assert!(!errors.is_empty());
            }
        }
        Err(error) => assert_eq!(error.file, Path::new("taken.toml")),
    }
});
