//! The place in a list of records from which the next page goes on.
//!
//! To clients it is one opaque word; inside it are the order's two keys. Nothing else is in it, so that a page stays
//! true whatever is written meanwhile.

use std::fmt;
use std::str::FromStr;

/// What a cursor's text begins with: the version of its form.
const VERSION: &str = "r1";
/// Hexadecimal digits of one key.
const DIGITS: usize = 16;

/// The last record of a page: the next page begins after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cursor {
    /// When its call began.
    pub(crate) since_ms: i64,
    /// Its number in the database.
    pub(crate) id: i64,
}

/// The text is no cursor of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no place in the list: give `next` of the page before, unchanged")]
pub struct BadCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{VERSION}{:016x}{:016x}", self.since_ms, self.id)
    }
}

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Cursor, BadCursor> {
        let digits = text.strip_prefix(VERSION).ok_or(BadCursor)?;
        let fit =
            digits.len() == 2 * DIGITS && digits.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'));
        let (since_ms, id) = digits.split_at_checked(DIGITS).filter(|_| fit).ok_or(BadCursor)?;
        let key = |digits| u64::from_str_radix(digits, 16).ok().and_then(|key| i64::try_from(key).ok());
        Ok(Cursor { since_ms: key(since_ms).ok_or(BadCursor)?, id: key(id).ok_or(BadCursor)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_cursor_is_read_back_from_its_text(since_ms in 0..=i64::MAX, id in 0..=i64::MAX) {
            let cursor = Cursor { since_ms, id };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_only_if_it_is_that_cursor_s_text(text in "(r1)?[0-9a-fA-F+ -]{0,40}|\\PC{0,40}") {
            if let Ok(cursor) = text.parse::<Cursor>() {
                prop_assert_eq!(cursor.to_string(), text);
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let negative = format!("r1{}{}", "f".repeat(16), "0".repeat(16));
        let long = format!("r1{}", "0".repeat(33));
        for text in ["", "r1", "r2", "r1 ", "ü", "r1+00000000000000000000000000000000", &negative, &long] {
            assert_eq!(text.parse::<Cursor>(), Err(BadCursor), "{text}");
        }
        assert!(format!("r1{}", "0".repeat(32)).parse::<Cursor>().is_ok());
    }
}
