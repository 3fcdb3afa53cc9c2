//! The test program that runs inside a virtual machine, on the real DAHDI modules: `hw-tests/dahdi/run` boots it.
//!
//! Each case prints `PASS name` or `FAIL name: why`; the last line is `RESULT passed failed`, which the host must see. The
//! spans are six dynamic ones of 31 channels, made here: 1 and 2, 3 and 4, 5 and 6 are the two ends of a line each.
#![expect(clippy::unwrap_used, reason = "a case that stops has failed")]

mod calls;
mod cost;
mod faults;
mod rig;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use card::conformance;

use rig::{Kernel, Own};

/// The folder of DAHDI's devices.
const DEVICES: &str = "/dev/dahdi";

/// One case: its name and what it does.
type Case = (String, fn());

fn main() {
    rig::make_spans();
    println!("INFO DAHDI {}", dahdi::version(Path::new(DEVICES)).unwrap());
    rig::load("dahdi_dummy");
    let only = std::env::args().nth(1);
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in cases() {
        if only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        match catch_unwind(AssertUnwindSafe(case)) {
            Ok(()) => {
                passed += 1;
                println!("PASS {name}");
            }
            Err(_) => {
                failed += 1;
                println!("FAIL {name}");
            }
        }
    }
    println!("RESULT {passed} {failed}");
}

fn cases() -> Vec<Case> {
    let named = |suite: &str, (name, case): (&str, fn())| (format!("{suite}/{name}"), case);
    let own = conformance::cases::<Own>().into_iter().map(|case| named("own", case));
    // What differs when the kernel frames the D-channel.
    let differ: [(&str, fn()); 2] = [
        ("looped_octets_come_back_unchanged", conformance::looped_octets_come_back_unchanged::<Kernel>),
        ("frames_pass_through_hardware_hdlc", conformance::frames_pass_through_hardware_hdlc::<Kernel>),
    ];
    let kernel = differ.map(|case| named("kernel_hdlc", case));
    let ours: [(&str, fn()); 10] = [
        ("blocks/every_length_from_2_to_20_ms_carries_octets", calls::every_block_length),
        ("calls/thirty_channels_talk_both_ways_without_a_break", calls::thirty_channels),
        ("calls/a_complete_pri_call_between_two_spans", calls::pri_call),
        ("calls/a_telephone_rings_is_answered_and_hangs_up", calls::telephone),
        ("faults/a_span_of_another_process_is_refused", faults::busy),
        ("faults/a_span_of_the_wrong_type_is_refused", faults::wrong_type),
        ("faults/a_span_is_unassigned_and_assigned_again_under_load", faults::unassigned),
        ("faults/the_clocks_own_span_goes_and_comes_back", faults::clock_goes),
        ("faults/a_module_unloaded_is_a_named_state_until_it_is_back", faults::unloaded),
        ("cost/system_calls_and_time", cost::measure),
    ];
    own.chain(kernel).chain(ours.map(|(name, case)| (name.to_owned(), case))).collect()
}
