//! A configuration file and a flow document of any text: a configuration, or errors that each name a place.
//!
//! The document follows the configuration after a line of three `-`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (text, flow) = text.split_once("\n---\n").unwrap_or((text, ""));
    let (file, folder) = ("fuzz/fuzz.toml", "fuzz");
    if let Err(errors) = config::Config::parse_with(text, file, &|_| Ok(flow.into())) {
        assert!(!errors.is_empty());
        for error in errors {
            assert!(error.line <= text.lines().count().max(flow.lines().count()) + 1, "{error}");
            assert!(error.file.starts_with(folder) || error.file.is_absolute(), "{error}");
        }
    }
});
