//! What the people of the simulated world say and hear, as octets of the line.
//!
//! ```text
//! Clips, Keys --octets--> Mouth --chunk--> line          line --chunk--> Ear --frames of 20 ms--> loud or not
//!                           |                                             |
//!                           +--> Signs (the last second) <--compared-- Signs
//! ```
//!
//! Who is heard is found out by sound alone: the sign of every sample (bit 7 of its octet, in both laws) of the last second
//! is kept for every mouth and every ear; a mouth whose signs agree with the ear's at some delay is the one that is heard.
//! Signs outlive gain, law conversion and a moderate echo; tones, music, prompts and other people do not agree with them.
//! So the world knows who hears whom without asking anybody, least of all the system under test.
//!
//! Limits: a person is recognised after 256 ms of speech, at delays up to half a second; nothing is recognised in a
//! conference in which two others speak at once.

mod clips;
mod ear;
mod mouth;
mod room;
mod signals;
mod signs;

pub use clips::{Clip, ClipError, Clips};
pub use ear::{Ear, Frame, LOUD_DBM0, Noise};
pub use mouth::{Keys, Mouth};
pub use room::{Hearing, Place, Role, Room, RoomEvent};
pub use signals::Signals;
pub use signs::{MAX_DELAY_MS, Match, Signs, WINDOW_MS};
