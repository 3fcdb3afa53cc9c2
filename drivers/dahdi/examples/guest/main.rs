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
type Case = (&'static str, fn());

macro_rules! suite {
    ($rig:ty, $prefix:literal: $($case:ident)*) => {
        vec![$((concat!($prefix, stringify!($case)), conformance::$case::<$rig> as fn())),*]
    };
}

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
    let mut cases: Vec<Case> = suite!(Own, "own/":
        looped_octets_come_back_unchanged
        channels_keep_their_order
        periods_have_their_length
        lateness_within_the_buffer_loses_nothing
        sample_time_stays_true_over_an_xrun
        rt_delay_is_what_a_loop_shows_and_measured_again_after_an_xrun
        a_cut_line_is_red_and_a_mended_one_is_not
        a_local_loop_returns_what_is_sent
        a_card_starts_again_after_it_was_stopped
        lines_that_do_not_fit_are_refused
        slips_are_told_and_counted
        signalling_bits_cross
        spans_come_and_go_while_others_talk
        frames_pass_through_hardware_hdlc
        a_telephone_and_a_trunk_see_each_other
        orders_that_fit_nothing_are_counted
    );
    cases.extend(suite!(Kernel, "kernel_hdlc/":
        looped_octets_come_back_unchanged
        frames_pass_through_hardware_hdlc
    ));
    cases.extend([
        ("blocks/every_length_from_2_to_20_ms_carries_octets", calls::every_block_length as fn()),
        ("calls/thirty_channels_talk_both_ways_without_a_break", calls::thirty_channels),
        ("calls/a_complete_pri_call_between_two_spans", calls::pri_call),
        ("calls/a_telephone_rings_is_answered_and_hangs_up", calls::telephone),
        ("faults/a_span_of_another_process_is_refused", faults::busy),
        ("faults/a_span_of_the_wrong_type_is_refused", faults::wrong_type),
        ("faults/a_span_is_unassigned_and_assigned_again_under_load", faults::unassigned),
        ("faults/the_clocks_own_span_goes_and_comes_back", faults::clock_goes),
        ("faults/a_module_unloaded_is_a_named_state_until_it_is_back", faults::unloaded),
        ("cost/system_calls_and_time", cost::measure),
    ]);
    cases
}
