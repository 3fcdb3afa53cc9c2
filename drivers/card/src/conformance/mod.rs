//! The suite that every backend passes: what a driver promises by implementing the contract.
//!
//! A backend describes its test set-up as a [`Rig`] and writes [`card_conformance!`](crate::card_conformance)`(MyRig);` in
//! a test file: that makes one test a case. A case that the rig cannot be wired for says so and passes; what a rig can
//! do is therefore part of its own tests.
//!
//! How: every octet sent is a function of its channel and its sample time ([`pattern`]), so that what is received can be
//! checked octet by octet without a record of what was sent. Limits: samples lost since the machine stood still are
//! skipped where a case is about something else; alarms may take [`SETTLE_MS`] to clear.

mod analog;
mod audio;
mod bench;
mod spans;

pub use analog::{a_telephone_and_a_trunk_see_each_other, orders_that_fit_nothing_are_counted};
pub use audio::{
    channels_keep_their_order, lateness_within_the_buffer_loses_nothing, looped_octets_come_back_unchanged,
    periods_have_their_length, rt_delay_is_what_a_loop_shows_and_measured_again_after_an_xrun,
    sample_time_stays_true_over_an_xrun,
};
pub use bench::{Bench, Rig, SETTLE_MS, Wiring, pattern};
pub use spans::{
    a_card_starts_again_after_it_was_stopped, a_cut_line_is_red_and_a_mended_one_is_not,
    a_local_loop_returns_what_is_sent, frames_pass_through_hardware_hdlc, lines_that_do_not_fit_are_refused,
    signalling_bits_cross, slips_are_told_and_counted, spans_come_and_go_while_others_talk,
};

/// Makes one test of every case of the suite for the rig given.
#[macro_export]
macro_rules! card_conformance {
    ($rig:ty) => {
        $crate::card_conformance! { @each tests $rig }
    };
    (@each $what:tt $rig:ty) => {
        $crate::card_conformance! { @$what $rig:
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
        }
    };
    (@tests $rig:ty: $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::conformance::$case::<$rig>();
            }
        )*
    };
    (@list $rig:ty: $($case:ident)*) => {
        vec![$((stringify!($case), $crate::conformance::$case::<$rig> as fn())),*]
    };
}

/// Returns all cases with their names, for a program that runs them without the test runner.
pub fn cases<R: Rig>() -> Vec<(&'static str, fn())> {
    card_conformance!(@each list R)
}
