//! Primary rate ISDN: the signalling of a span's D-channel, without input or output.
//!
//! Frames of the D-channel come in, calls come out. [`lapd`] (Q.921) makes a reliable link of the frames, [`q931`]
//! runs one machine for each call over it, [`channels`] knows the B-channels, and [`Pri`] composes them into one object
//! for one span, on the user's or the network's side. The octets live apart in [`wire`], the causes in [`cause`].
//!
//! ```text
//! HdlcFrame -> Pri { lapd::Link -> restart / q931::Call -> Channels } -> PriEvent      Request goes the other way
//! ```
//!
//! Every core here has the same shape: `handle(input, now)`, then drain `poll_output`, then sleep until
//! `poll_timeout`. Nothing fails, blocks or panics, whatever octets arrive.
//!
//! Limits: EuroISDN basic calls; no supplementary services, no basic rate. Source: ITU-T Q.921 (09/97), Q.931 (05/98),
//! Q.850 (05/98), ETS 300 102-1.
//!
//! ```
//! use clock::{Mono, Prng};
//! use isdn::{Input, Output, Pri, PriConfig, Side};
//! use tdm::SpanKind;
//!
//! let mut pri = Pri::new(PriConfig::new(Side::User, SpanKind::E1), Prng::new(1));
//! pri.handle(Input::LineUp, Mono::ZERO);
//! let Some(Output::Frame(sabme)) = pri.poll_output() else { panic!("the link is asked for") };
//! assert_eq!(sabme.octets(), [0x00, 0x01, 0x7f]);
//! ```
#![warn(missing_docs)]
#![deny(clippy::wildcard_enum_match_arm)]

pub mod cause;
pub mod channels;
pub mod config;
pub mod event;
pub mod lapd;
pub mod pri;
pub mod q931;
pub mod wire;

pub use cause::{Cause, Location};
pub use config::{Dialect, Hunt, LinkConfig, PriConfig, Side, Timers};
pub use event::{
    CallId, CallTimer, ChannelChoice, ChannelState, Input, Notice, Offer, Output, PriEvent, Request,
    RestartTarget, Setup, Timer,
};
pub use pri::{CallInfo, Counters, Pri};
pub use q931::CallState;
pub use wire::{BearerCapability, Digits, Display, PartyNumber, Presentation, Screening, TypeOfNumber};
