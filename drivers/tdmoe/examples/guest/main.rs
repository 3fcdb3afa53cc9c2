//! The test program that runs inside an emulated machine: our driver and the kernel's own `dahdi_dynamic_eth`, each on one
//! end of a pair of Ethernet interfaces. `hw-tests/dahdi/check` runs it after the DAHDI driver's.
//!
//! Each case prints `PASS name` or `FAIL name: why`; the last line is `RESULT-ETH passed failed`, which the host must see. The
//! kernel's ends are read and written through `drivers/dahdi`, so that octets go driver, Ethernet, kernel, driver and back.
#![expect(clippy::unwrap_used, reason = "a case that stops has failed")]

mod cases;
mod party;
mod rig;

use std::panic::{AssertUnwindSafe, catch_unwind};

fn main() {
    let argument = std::env::args().nth(1).unwrap_or_default();
    if argument == "--open" {
        // Run by a case as a user without rights.
        let told =
            tdmoe::Wire::open(rig::OURS).map_or_else(|error| error.to_string(), |_| "opened".to_owned());
        return println!("{told}");
    }
    let all: [(&str, fn()); 7] = [
        ("octets_both_ways_for_ten_seconds_without_a_break", cases::talk),
        ("signalling_bits_cross_both_ways", cases::bits),
        ("a_peer_that_stops_is_red_on_both_sides_until_it_is_back", cases::stops),
        ("an_interface_that_is_down_is_named_and_taken_up_again", cases::down),
        ("a_peer_that_changes_its_address_is_named_or_followed", cases::moves),
        ("a_kernel_that_takes_its_clock_from_us_does_not_run_away", cases::clock),
        ("who_may_not_is_told_what_gives_the_right_and_a_second_driver_is_refused", cases::rights),
    ];
    let (mut passed, mut failed) = (0, 0);
    for (name, case) in all.map(|(name, case)| (format!("ethernet/{name}"), case)) {
        if !name.contains(&argument) {
            continue;
        }
        rig::mend();
        let ended = catch_unwind(AssertUnwindSafe(case));
        println!("{} {name}", if ended.is_ok() { "PASS" } else { "FAIL" });
        *(if ended.is_ok() { &mut passed } else { &mut failed }) += 1;
    }
    println!("RESULT-ETH {passed} {failed}");
}
