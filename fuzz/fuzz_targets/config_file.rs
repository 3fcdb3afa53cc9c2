//! A configuration file of any text: a configuration, or errors that each name a place.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(errors) = config::Config::parse(text, "fuzz.toml") {
        assert!(!errors.is_empty());
        for error in errors {
            assert!(error.to_string().starts_with("fuzz.toml"), "{error}");
        }
    }
});
