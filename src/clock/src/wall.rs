//! The tie between monotonic and wall time, used where people read times: records, store, api.
//!
//! An anchor is taken once by a shell and refreshed when the system's clock was stepped.

use serde::{Deserialize, Serialize};

use crate::Mono;

/// One moment known on both time lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallAnchor {
    mono: Mono,
    unix_nanos: u64,
}

impl WallAnchor {
    /// Ties `mono` to `unix_nanos` nanoseconds after 1970-01-01 00:00:00 UTC.
    pub const fn new(mono: Mono, unix_nanos: u64) -> WallAnchor {
        WallAnchor { mono, unix_nanos }
    }

    /// Returns the wall time of `at`, in nanoseconds after 1970-01-01 00:00:00 UTC.
    pub const fn unix_nanos(&self, at: Mono) -> u64 {
        let (at, zero) = (at.as_nanos(), self.mono.as_nanos());
        if at >= zero {
            self.unix_nanos.saturating_add(at - zero)
        } else {
            self.unix_nanos.saturating_sub(zero - at)
        }
    }

    /// Returns the wall time of `at`, in milliseconds after 1970-01-01 00:00:00 UTC.
    pub const fn unix_millis(&self, at: Mono) -> u64 {
        self.unix_nanos(at) / 1_000_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_the_anchor_map_both_ways() {
        let anchor = WallAnchor::new(Mono::from_millis(10), 1_000_000_000_000_000_000);
        assert_eq!(anchor.unix_millis(Mono::from_millis(12)), 1_000_000_000_002);
        assert_eq!(anchor.unix_millis(Mono::from_millis(4)), 999_999_999_994);
    }
}
