//! Caller identity sent as keys: a start key, the number, an end key, before or between the first rings.
//!
//! Countries differ in their keys: `A` or `D` begins a number (a diverted one after `B` in some), `C` or `#` ends it. `D`
//! alone with digits and `C` at the end is what China's exchanges send. Source: ETSI EN 300 659-1 annex B and
//! YD/T 1277 (`unverified`).

use super::MAX_NUMBER;

/// Returns the number in a run of keys, none if they are no caller identity.
pub fn parse(keys: &str) -> Option<&str> {
    let rest = keys.strip_prefix(['A', 'D', 'B'])?;
    let end = rest.find(['C', '#'])?;
    let number = rest.get(..end)?;
    let is =
        !number.is_empty() && number.len() <= MAX_NUMBER && number.bytes().all(|key| key.is_ascii_digit());
    (is && rest.len() == end + 1).then_some(number)
}

/// Returns the keys that tell a number, none if it holds anything but digits or is too long.
pub fn emit(number: &str) -> Option<String> {
    let is =
        !number.is_empty() && number.len() <= MAX_NUMBER && number.bytes().all(|key| key.is_ascii_digit());
    is.then(|| ["D", number, "C"].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_between_their_keys_and_other_keys_are_none() {
        assert_eq!(parse("D01082286688C"), Some("01082286688"));
        assert_eq!(parse("A5551212#"), Some("5551212"));
        for wrong in ["", "D", "DC", "123#", "D123", "D12*3C", "D123C4"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
        assert_eq!(emit("123").as_deref().and_then(parse), Some("123"));
        assert_eq!(emit("12a"), None);
    }
}
