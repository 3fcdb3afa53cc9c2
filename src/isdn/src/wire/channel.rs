//! Channel identification: which B-channel a call uses, or which channels a RESTART means.
//!
//! On a primary rate interface the channel is a number (its timeslot) or a slot map with one bit a timeslot:
//! 4 octets for 2,048 kbit/s, 3 for 1,544 kbit/s, the highest timeslot first. A set of slots is kept as a
//! [`Slots`] bit mask, whichever form it came in.
//!
//! Limits: one interface; an explicit interface identifier is kept but not used. Only B-channels.
//! Source: ITU-T Q.931 (05/98) 4.5.13.

use arrayvec::ArrayVec;
use tdm::Timeslot;

use super::{ElementError, skip_group};

/// A set of timeslots, 1 to 31.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Slots(u32);

impl Slots {
    /// Makes the set of one timeslot; empty if it is not 1 to 31.
    pub const fn one(timeslot: Timeslot) -> Slots {
        if timeslot.0 == 0 || timeslot.0 > 31 { Slots(0) } else { Slots(1 << timeslot.0) }
    }

    /// Returns true if `timeslot` is in the set.
    pub const fn contains(self, timeslot: Timeslot) -> bool {
        self.0 & Slots::one(timeslot).0 != 0
    }

    /// Returns the set with `other` added.
    pub const fn with(self, other: Slots) -> Slots {
        Slots(self.0 | other.0)
    }

    /// Returns true if there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the timeslots, rising.
    pub fn iter(self) -> impl Iterator<Item = Timeslot> {
        (1..32).map(Timeslot).filter(move |&timeslot| self.contains(timeslot))
    }

    /// Returns the timeslot if there is exactly one.
    pub const fn single(self) -> Option<Timeslot> {
        if self.0.count_ones() == 1 { Some(Timeslot(self.0.trailing_zeros() as u8)) } else { None }
    }
}

/// What is selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selection {
    /// No channel.
    None,
    /// Any channel.
    Any,
    /// These timeslots; `map` says that they came, or go, as a slot map.
    Slots {
        /// The timeslots.
        slots: Slots,
        /// A map instead of numbers.
        map: bool,
    },
}

/// The contents of the element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelIdentification {
    /// True if no other channel is acceptable.
    pub exclusive: bool,
    /// True if the D-channel itself is meant.
    pub d_channel: bool,
    /// The interface, if named.
    pub interface: Option<u8>,
    /// The channels.
    pub selection: Selection,
}

/// Octet 3: primary rate.
const PRIMARY_RATE: u8 = 0x20;

impl ChannelIdentification {
    /// Names one timeslot.
    pub const fn timeslot(timeslot: Timeslot, exclusive: bool) -> ChannelIdentification {
        let selection = Selection::Slots { slots: Slots::one(timeslot), map: false };
        ChannelIdentification { exclusive, d_channel: false, interface: None, selection }
    }

    /// Leaves the choice to the other side.
    pub const fn any() -> ChannelIdentification {
        ChannelIdentification {
            exclusive: false,
            d_channel: false,
            interface: None,
            selection: Selection::Any,
        }
    }

    /// Reads the contents.
    ///
    /// # Errors
    /// If an octet is missing, the interface is a basic one, or the channel is no B-channel.
    pub fn parse(content: &[u8]) -> Result<ChannelIdentification, ElementError> {
        let &third = content.first().ok_or(ElementError::Short(0))?;
        if third & PRIMARY_RATE == 0 {
            return Err(ElementError::Value(0));
        }
        let mut at = skip_group(content, 0)?;
        let interface = if third & 0x40 != 0 {
            let &octet = content.get(at).ok_or(ElementError::Short(at))?;
            at = skip_group(content, at)?;
            Some(octet & 0x7f)
        } else {
            None
        };
        let selection = match third & 3 {
            0 => Selection::None,
            1 => parse_slots(content, at)?,
            3 => Selection::Any,
            _ => return Err(ElementError::Value(0)),
        };
        Ok(ChannelIdentification {
            exclusive: third & 8 != 0,
            d_channel: third & 4 != 0,
            interface,
            selection,
        })
    }

    /// Writes the contents.
    pub fn emit(&self) -> ArrayVec<u8, 34> {
        let mut out = ArrayVec::new();
        let (code, slots) = match self.selection {
            Selection::None => (0, None),
            Selection::Any => (3, None),
            Selection::Slots { slots, map } => (1, Some((slots, map))),
        };
        let named = u8::from(self.interface.is_some()) << 6;
        let exclusive = u8::from(self.exclusive) << 3;
        out.push(0x80 | named | PRIMARY_RATE | exclusive | u8::from(self.d_channel) << 2 | code);
        out.extend(self.interface.map(|interface| 0x80 | interface));
        match slots {
            Some((slots, true)) => {
                out.push(0x93);
                out.extend(slots.0.to_be_bytes());
            }
            Some((slots, false)) => {
                out.push(0x83);
                let last = 31u32.saturating_sub(slots.0.leading_zeros());
                out.extend(slots.iter().map(|slot| slot.0 | u8::from(u32::from(slot.0) == last) << 7));
            }
            None => {}
        }
        out
    }
}

/// Reads octets 3.2 and 3.3 at `at`.
fn parse_slots(content: &[u8], at: usize) -> Result<Selection, ElementError> {
    let &kind = content.get(at).ok_or(ElementError::Short(at))?;
    if kind & 0x6f != 0x03 {
        return Err(ElementError::Value(at));
    }
    let octets = &content[at + 1..];
    if octets.is_empty() {
        return Err(ElementError::Short(at + 1));
    }
    let map = kind & 0x10 != 0;
    let slots = if map { map_slots(octets) } else { numbered_slots(octets) };
    if slots.is_empty() {
        return Err(ElementError::Value(at + 1));
    }
    Ok(Selection::Slots { slots, map })
}

/// Reads a slot map; three octets count from timeslot 1 (1,544 kbit/s), four from timeslot 0.
fn map_slots(octets: &[u8]) -> Slots {
    match *octets {
        [a, b, c, d, ..] => Slots(u32::from_be_bytes([a, b, c, d]) & !1),
        [a, b, c] => Slots(u32::from_be_bytes([0, a, b, c]) << 1),
        _ => Slots::default(),
    }
}

/// Reads channel numbers up to the one with bit 8 set. Some senders set bit 8 on none or on all of them.
fn numbered_slots(octets: &[u8]) -> Slots {
    let all =
        octets.iter().fold(Slots::default(), |slots, octet| slots.with(Slots::one(Timeslot(octet & 0x7f))));
    match octets.iter().position(|octet| octet & 0x80 != 0) {
        Some(0) | None => Slots::one(Timeslot(octets.first().map_or(0, |octet| octet & 0x7f))),
        Some(_) => all,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeslot_has_its_octets() {
        for (identification, octets) in [
            (ChannelIdentification::timeslot(Timeslot(1), true), &[0xa9, 0x83, 0x81][..]),
            (ChannelIdentification::timeslot(Timeslot(31), false), &[0xa1, 0x83, 0x9f]),
            (ChannelIdentification::any(), &[0xa3]),
        ] {
            assert_eq!(identification.emit().as_slice(), octets);
            assert_eq!(ChannelIdentification::parse(octets), Ok(identification));
        }
    }

    #[test]
    fn lists_and_maps_give_sets() {
        let selection = |octets: &[u8]| ChannelIdentification::parse(octets).unwrap().selection;
        let slots =
            |list: &[u8]| list.iter().fold(Slots::default(), |set, &n| set.with(Slots::one(Timeslot(n))));
        assert_eq!(
            selection(&[0xa9, 0x83, 0x01, 0x02, 0x9f]),
            Selection::Slots { slots: slots(&[1, 2, 31]), map: false }
        );
        assert_eq!(
            selection(&[0xa9, 0x93, 0x80, 0, 0, 0x02]),
            Selection::Slots { slots: slots(&[1, 31]), map: true }
        );
        assert_eq!(
            selection(&[0xa9, 0x93, 0x80, 0, 1]),
            Selection::Slots { slots: slots(&[1, 24]), map: true }
        );
        let octets = [0xe9, 0x85, 0x83, 0x01, 0x02, 0x9f];
        let parsed = ChannelIdentification::parse(&octets).unwrap();
        assert_eq!(parsed.interface, Some(5));
        assert_eq!(parsed.emit().as_slice(), octets);
    }

    #[test]
    fn what_is_no_primary_rate_channel_is_refused() {
        for (octets, error) in [
            (&[][..], ElementError::Short(0)),
            (&[0x89], ElementError::Value(0)),
            (&[0xa2], ElementError::Value(0)),
            (&[0xa9], ElementError::Short(1)),
            (&[0xa9, 0x83], ElementError::Short(2)),
            (&[0xa9, 0x88, 0x81], ElementError::Value(1)),
            (&[0xa9, 0x83, 0x80], ElementError::Value(2)),
            (&[0xe9], ElementError::Short(1)),
        ] {
            assert_eq!(ChannelIdentification::parse(octets), Err(error), "{octets:02x?}");
        }
    }
}
