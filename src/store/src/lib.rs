//! The store: what ended calls and agents' stays leave behind, in a database.
//!
//! ```text
//! switch thread -> Inbox (bounded, never waits) -> Writer's thread -> one transaction a group -> Stored(call)
//!                                                        |  too much, or the database is stuck
//!                                                        +-> FILE.spill, read back in order
//! API -> Reader: pages of records, figures, stays; read-only, bounded in size and time
//! ```
//!
//! Only after the COMMIT is a call said to be [`Stored`]; until then whoever told it must be able to tell it again, and
//! telling it again replaces it. The database is behind two traits, [`Write`] and [`Read`], so that another one can
//! stand in for SQLite with the same suite of tests (`tests/suite`).
//!
//! Bounds: [`INBOX`] records wait in the channel, [`writer::MAX_PENDING`] in memory, [`spill::MAX_SPILL`] octets beside
//! the database; every answer of [`Read`] has its own. The database's file grows to what `keep_days` needs and does not
//! shrink; its log file (WAL) is cut back to 64 MiB. `docs/store.md` says what happens when the disk is full.
#![warn(missing_docs)]

mod aside;
mod cursor;
mod database;
mod model;
pub mod spill;
mod sqlite;
pub mod writer;

pub use aside::put_aside;
pub use cursor::{BadCursor, Cursor};
pub use database::{Answer, Read, StoreError, Write};
pub use model::{
    AgentStay, FiguresAsked, IntervalFigures, MAX_FIGURES, MAX_PAGE, MAX_STAYS, MAX_TOTAL, MAX_VISITS_READ,
    Page, PastVisit, Record, Selection, VisitPage, VisitPlace,
};
pub use sqlite::{SqliteReader, SqliteWriter, open_stays, visits_since};
pub use writer::{Counters, INBOX, Inbox, Stored, Writer, WriterConfig};
