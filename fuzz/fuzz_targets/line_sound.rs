//! All detectors fed with a line that says anything: no panic, and every path of the processor hears the same.
#![no_main]

use dsp::bank::Path;
use dsp::listen::{CallerIdModem, Heard, ListenSet, Listeners, Wants};
use dsp::tone::{Country, plan};
use libfuzzer_sys::fuzz_target;
use tdm::Block;

fuzz_target!(|octets: &[u8]| {
    let Some((&[first, second], sound)) = octets.split_first_chunk::<2>() else { return };
    let hear = |path| {
        let country = Country::ALL[usize::from(first) % Country::ALL.len()];
        let mut set = ListenSet::new(plan(country)).expect("plans can be listened for");
        set.caller_id = if second & 1 == 0 { CallerIdModem::Bell202 } else { CallerIdModem::V23 };
        let mut listeners = Listeners::new(1, set, path);
        listeners.want(0, Wants::all());
        let mut heard: Vec<Heard> = Vec::new();
        // Four octets make a block that is said sixteen times: long sounds from short inputs.
        for part in sound.as_chunks::<4>().0 {
            let block: Block = core::array::from_fn(|n| i16::from(part[n % 4] as i8) << 8);
            (0..16).for_each(|_| listeners.push(&[block], &mut |_, event| heard.push(event)));
        }
        heard
    };
    assert_eq!(hear(Path::PORTABLE), hear(Path::best()));
});
