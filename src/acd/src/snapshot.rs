//! A dispatcher as octets, and back.
//!
//! The form is a version octet, then postcard. What comes back is audited before it is taken: octets that were damaged give
//! an error and never a dispatcher that loses callers.

use crate::Dispatcher;

/// The form of snapshots; others are not read.
const SNAPSHOT_VERSION: u8 = 2;

/// Why a snapshot is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Another version of the program wrote it: begin without it.
    #[error("a snapshot of version {found:?}, not {SNAPSHOT_VERSION}")]
    Version {
        /// Its version; none if it is empty.
        found: Option<u8>,
    },
    /// It is damaged: begin without it.
    #[error("a snapshot that cannot be read")]
    Malformed,
    /// It contradicts itself: begin without it.
    #[error("a snapshot that contradicts itself: {0}")]
    Broken(String),
}

impl Dispatcher {
    /// Returns all that the dispatcher knows.
    pub fn snapshot(&self) -> Vec<u8> {
        let mut octets = vec![SNAPSHOT_VERSION];
        octets.extend(postcard::to_stdvec(self).expect("a dispatcher is plain data"));
        octets
    }

    /// Makes a dispatcher equal to the one that wrote the snapshot.
    ///
    /// # Errors
    /// The snapshot is of another version or damaged.
    pub fn restore(snapshot: &[u8]) -> Result<Dispatcher, RestoreError> {
        let (version, body) = snapshot.split_first().ok_or(RestoreError::Version { found: None })?;
        if *version != SNAPSHOT_VERSION {
            return Err(RestoreError::Version { found: Some(*version) });
        }
        let dispatcher: Dispatcher = postcard::from_bytes(body).map_err(|_| RestoreError::Malformed)?;
        dispatcher.audit().map_err(RestoreError::Broken)?;
        Ok(dispatcher)
    }
}
