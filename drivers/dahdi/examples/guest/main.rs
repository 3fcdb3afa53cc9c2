//! The test program that runs inside an emulated machine, on the real DAHDI modules: `hw-tests/dahdi/check` runs it all.
//!
//! Each case prints `PASS name` or `FAIL name: why`; the last line is `RESULT passed failed`, which the host must see. The
//! spans are six dynamic ones of 31 channels, made here: 1 and 2, 3 and 4, 5 and 6 are the two ends of a line each.
//!
//! With a word it is something else: `--abi` prints the numbers of the kernel's interface, `--prompts FOLDER` writes what the whole
//! program plays, `--call-pri` and `--call-line` call it.
#![expect(clippy::unwrap_used, reason = "a case that stops has failed")]

mod caller;
mod calls;
mod cost;
mod faults;
mod pri;
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
    if std::env::args().nth(1).as_deref() == Some("--abi") {
        return dahdi::abi::table().into_iter().for_each(|(name, value)| println!("{name} {value}"));
    }
    match std::env::args().nth(1).as_deref() {
        Some("--prompts") => return caller::write_prompts(Path::new(&std::env::args().nth(2).unwrap())),
        Some("--call-pri") => return caller::primary_rate(),
        Some("--call-line") => return caller::exchange_line(),
        Some(_) | None => {}
    }
    rig::make_spans();
    println!("INFO DAHDI {}", dahdi::version(Path::new(DEVICES)).unwrap());
    rig::load("dahdi_dummy");
    for (name, why) in LEFT_OUT {
        println!("LEFT OUT own/{name}: {why}");
    }
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

/// Cases of the suite that would say nothing here, and why.
const LEFT_OUT: [(&str, &str); 4] = [
    ("frames_pass_through_hardware_hdlc", "these frames are Tandem's own; the kernel's have their case"),
    (
        "a_telephone_and_a_trunk_see_each_other",
        "the kernel debounces for longer: a case of our own stands for it",
    ),
    ("slips_are_told_and_counted", "all these spans have one clock"),
    ("a_local_loop_returns_what_is_sent", "dynamic spans have no loop"),
];

fn cases() -> Vec<Case> {
    let named = |suite: &str, (name, case): (&str, fn())| (format!("{suite}/{name}"), case);
    let says_something = |(name, _): &(&str, fn())| LEFT_OUT.iter().all(|(left, _)| left != name);
    let own = conformance::cases::<Own>().into_iter().filter(says_something).map(|case| named("own", case));
    // What differs when the kernel frames the D-channel.
    let differ: [(&str, fn()); 2] = [
        ("looped_octets_come_back_unchanged", conformance::looped_octets_come_back_unchanged::<Kernel>),
        ("frames_pass_through_hardware_hdlc", conformance::frames_pass_through_hardware_hdlc::<Kernel>),
    ];
    let kernel = differ.map(|case| named("kernel_hdlc", case));
    let ours: [(&str, fn()); 13] = [
        ("blocks/every_length_from_2_to_20_ms_carries_octets", calls::every_block_length),
        ("calls/thirty_channels_talk_both_ways_without_a_break", calls::thirty_channels),
        ("calls/a_complete_pri_call_through_driver_engine_and_q931", pri::call),
        ("calls/a_telephone_rings_is_answered_and_hangs_up", calls::telephone),
        ("faults/a_span_of_another_process_is_refused", faults::busy),
        ("faults/a_span_of_the_wrong_type_is_refused", faults::wrong_type),
        ("faults/a_pause_between_reading_and_writing_is_told", faults::paused),
        ("faults/a_span_that_was_through_connected_carries_octets_again", faults::through_connected),
        ("faults/a_span_is_unassigned_and_assigned_again_under_load", faults::unassigned),
        ("faults/a_span_that_is_missing_at_the_start_is_in_alarm_until_it_comes", faults::missing_at_start),
        ("faults/the_clocks_own_span_goes_and_comes_back", faults::clock_goes),
        ("faults/a_module_unloaded_is_a_named_state_until_it_is_back", faults::unloaded),
        ("cost/system_calls_and_time", cost::measure),
    ];
    own.chain(kernel).chain(ours.map(|(name, case)| (name.to_owned(), case))).collect()
}
