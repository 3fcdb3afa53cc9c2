//! The programming interface: REST and WebSocket over what the switch knows.
//!
//! The switch thread [publishes](Hub::publish) numbered updates to a [`Hub`] and takes requests from it; the
//! [`Server`] answers clients from the hub on a thread of its own, so that no client, however slow, holds up a call.
//! Onlookers follow the updates by number over a WebSocket and miss none. `docs/api.md` tells clients all of it.
//!
//! Every request carries a [token](mod@token) and names this machine in its `Host` header, against pages in a browser
//! that would have it talk to us (DNS rebinding). It is meant for loopback: there is no TLS.
//!
//! Records and figures come from the [store](store::Read), recordings from their directory; both are optional.
//!
//! Bounds: [`MAX_CONNECTIONS`] connections and their [`Patience`], [`MAX_SOCKETS`] WebSockets, [`MAX_BODY`] octets of a body; those of
//! [`hub`].
#![warn(missing_docs)]

mod agents;
mod calls;
mod error;
mod events;
mod guard;
pub mod hub;
mod listener;
mod page;
mod recordings;
mod records;
mod reload;
mod routes;
pub mod schema;
mod server;
pub mod token;
mod waveform;

pub use events::MAX_SOCKETS;
pub use hub::{Answer, Asked, Hub};
pub use listener::{MAX_CONNECTIONS, MAX_OF_ONE, Patience};
pub use reload::Reload;
pub use routes::MAX_BODY;
pub use server::{ApiConfig, ApiError, Server, serve};
pub use token::{Token, TokenError};
