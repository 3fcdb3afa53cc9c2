//! Both HDLC receivers fed with a line that says anything: bounded frames, and counters that agree with them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tdm::hdlc::{LAPD_MAX, LapdRx, MTP2_MAX, Mtp2Rx};

fuzz_target!(|line: &[u8]| {
    let (mut lapd, mut mtp2, mut frames, mut units) = (LapdRx::new(), Mtp2Rx::new(), 0, 0);
    for &octet in line {
        lapd.octet(octet, |frame| {
            assert!((3..=LAPD_MAX).contains(&frame.len()));
            frames += 1;
        });
        mtp2.octet(octet, |unit| {
            assert!((3..=MTP2_MAX).contains(&unit.len()));
            units += 1;
        });
    }
    assert_eq!(lapd.counters().good, frames);
    assert_eq!(mtp2.counts().good, units + mtp2.counts().filtered);
});
