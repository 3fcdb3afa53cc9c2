//! What an installer measures on a line card, card by card, over the card contract alone.
//!
//! A [`Subject`] is a running card, a [`Plan`] says how its lines are plugged. [`run`] goes through the [`Case`]s and gives an
//! [`Outcome`] for each line and case: passed, failed (with what to do), or not possible here (with the reason). The same cases
//! run on real cards (`tandem hwtest`), on the simulated card, and on the model of a PCI card.
//!
//! ```text
//!  signal -> bit errors -> timeslots -> D-channel -> ring and hook -> echo path -> alarms by unplugging -> jitter
//!     '-- a line without a signal is left out of what follows
//! ```
//!
//! How: every line is moved on period by period, as the engine does; time in a case is the card's own ([`card::Period`]), so
//! that a case on a simulated card in virtual time is the same on every run. Only the jitter is read from a clock, which the
//! caller gives. Whoever is asked to pull a plug, and shown how far it is, is an [`Onlooker`].
//!
//! Limits: both ends of a cable are on one card; CAS bits and framing are not measured; an echo path is measured between two of
//! our own ports, not into a telephone company's line.
#![warn(missing_docs)]

mod bench;
mod cases;
mod chinese;
mod plan;
mod prbs;
mod report;
mod run;
mod signals;
mod text;

pub use bench::{Subject, Trouble};
pub use plan::{Ask, Case, Limits, Onlooker, Plan, Quiet, Wire};
pub use report::{CardReport, Figure, Outcome, Report, Totals, Verdict};
pub use run::run;
pub use text::Language;
