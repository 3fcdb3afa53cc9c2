//! Any text as `system.conf` and, after a NUL, `chan_dahdi.conf`: what is proposed is a configuration without errors. And any
//! text as a file of `/proc/dahdi`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|octets: &[u8]| {
    let text = String::from_utf8_lossy(octets);
    let (system, chan) = text.split_once('\0').unwrap_or((&text, ""));
    let proposal = dahdi::import::propose(system, chan);
    assert!(proposal.notes.len() <= dahdi::import::MAX_NOTES + 64);
    if let Err(errors) = config::Config::parse(&proposal.toml, "proposed.toml") {
        panic!("{errors:?}\n{}", proposal.toml);
    }
    let _ = dahdi::proc::parse(system);
});
