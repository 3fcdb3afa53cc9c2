//! The world around Tandem, simulated: people who speak and listen.
#![warn(missing_docs)]

pub mod sound;
