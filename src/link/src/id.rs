//! Names of things that both processes speak of.
//!
//! A leg is named by whoever makes it: the line process (session 0) for calls that arrive, the switch (the session
//! number it was given at attach) for calls that it originates. The epoch is the start of the line process in Unix
//! seconds, or one more than that of its predecessor if the clock was set back: a name is never used twice on one machine.

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// One leg of a call: our end of one line's part in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LegId {
    /// When the line process started, in Unix seconds, or a little more.
    pub epoch: u32,
    /// Who named it: 0 the line process, else the switch's session.
    pub session: u16,
    /// Counted from 1 by whoever named it.
    pub serial: u32,
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{}-{}", self.epoch, self.session, self.serial)
    }
}

impl FromStr for LegId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<LegId, &'static str> {
        const FORM: &str = "expected EPOCH-SESSION-SERIAL, for example 673f2a10-0-12";
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or(FORM);
        Ok(LegId {
            epoch: u32::from_str_radix(next()?, 16).map_err(|_| FORM)?,
            session: next()?.parse().map_err(|_| FORM)?,
            serial: next()?.parse().map_err(|_| FORM)?,
        })
    }
}

/// One playing of prompts on a leg, counted by the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PlayId(pub u32);

/// One recording: the `number`-th of the call whose first leg is `leg`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordingId {
    /// The leg that is recorded.
    pub leg: LegId,
    /// Counted from 1.
    pub number: u16,
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-r{}", self.leg, self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leg_is_read_back_from_its_name() {
        let leg = LegId { epoch: 0x673f_2a10, session: 2, serial: 77 };
        assert_eq!(leg.to_string(), "673f2a10-2-77");
        assert_eq!(leg.to_string().parse(), Ok(leg));
        assert!("673f2a10-2".parse::<LegId>().is_err());
        assert!("xyz-2-3".parse::<LegId>().is_err());
    }
}
