//! The contract between Tandem and a line card.
//!
//! A driver implements [`Card`]. `start` splits it into a blocking half ([`CardControl`]: alarms, attaching and
//! detaching spans, loopbacks, counters) and a realtime half ([`CardIo`]: samples, events, orders), so that each
//! thread holds only what it may use. Several cards locked to one clock form a domain: the first one's
//! [`CardIo::wait`] paces the thread, the others are taken up by [`CardIo::ready`].
//!
//! Every period runs like this: `wait` - `rx` - `poll_event` until none - `tx` filled - `order`s - `commit`.
//!
//! [`conformance`] is the suite that every backend passes. Limits: a card has at most [`MAX_POSITIONS`] span
//! positions; a span position keeps its channels' places in [`CardIo::rx`] for the card's whole life.
#![warn(missing_docs)]

mod caps;
pub mod conformance;
mod event;
mod fit;
mod io;
mod order;
mod slot;
mod tally;

pub use caps::{CardCaps, ClockSource, LineConfig, Loopback, MAX_POSITIONS, PositionCaps, Signalling};
pub use event::CardEvent;
pub use fit::check_line;
pub use io::{Card, CardControl, CardCounters, CardError, CardIo, IoFault, Period, RtDelay, SpanStatus};
pub use order::{LineOrder, RingCadence};
pub use slot::{SpanSlot, fill_idle, lay_out};
pub use tally::{MeasuredDelay, Tally, count};
