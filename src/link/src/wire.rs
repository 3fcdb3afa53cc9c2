//! Framing: a length of four octets, little-endian, then the message in postcard.
//!
//! [`Reader`] takes octets in whatever pieces they come and gives whole messages. A length over [`MAX_MESSAGE`] or
//! octets that are no message mean that the other end is broken: the link is closed and attached anew.

use serde::{Serialize, de::DeserializeOwned};

/// The longest message, in octets.
pub const MAX_MESSAGE: usize = 64 * 1024;
const LENGTH: usize = 4;

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The length is over the limit.
    #[error("a message of {0} octets is over the limit of {MAX_MESSAGE}")]
    TooLong(usize),
    /// The octets do not form a message.
    #[error("octets that form no message")]
    Malformed,
}

/// Appends `message` with its length to `out`.
///
/// # Errors
/// The message is over [`MAX_MESSAGE`]; `out` is then as it was.
pub fn write<M: Serialize>(message: &M, out: &mut Vec<u8>) -> Result<(), WireError> {
    let body = postcard::to_stdvec(message).map_err(|_| WireError::Malformed)?;
    if body.len() > MAX_MESSAGE {
        return Err(WireError::TooLong(body.len()));
    }
    out.extend_from_slice(&u32::try_from(body.len()).expect("below the limit").to_le_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// Gathers octets into messages.
#[derive(Debug, Default)]
pub struct Reader {
    octets: Vec<u8>,
    taken: usize,
}

impl Reader {
    /// Makes an empty reader.
    pub fn new() -> Reader {
        Reader::default()
    }

    /// Takes what arrived.
    pub fn push(&mut self, octets: &[u8]) {
        self.octets.drain(..self.taken);
        self.taken = 0;
        self.octets.extend_from_slice(octets);
    }

    /// Returns the next whole message; none until more octets come.
    ///
    /// # Errors
    /// The other end is broken; nothing more can be read.
    pub fn take<M: DeserializeOwned>(&mut self) -> Result<Option<M>, WireError> {
        let Some((length, rest)) = self.octets[self.taken..].split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(*length) as usize;
        if length > MAX_MESSAGE {
            return Err(WireError::TooLong(length));
        }
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let message = postcard::from_bytes(body).map_err(|_| WireError::Malformed)?;
        self.taken += LENGTH + length;
        Ok(Some(message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, LegId, Order, ToLine};

    fn hangup(serial: u32) -> ToLine {
        let leg = LegId { epoch: 1, session: 0, serial };
        ToLine::Order(Order::Hangup { leg, cause: Cause::BUSY })
    }

    #[test]
    fn messages_come_out_whole_however_the_octets_are_cut() {
        let mut octets = Vec::new();
        (1..=5).for_each(|n| write(&hangup(n), &mut octets).unwrap());
        for cut in 1..octets.len() {
            let mut reader = Reader::new();
            let mut got = Vec::new();
            for piece in octets.chunks(cut) {
                reader.push(piece);
                while let Some(message) = reader.take::<ToLine>().unwrap() {
                    got.push(message);
                }
            }
            assert_eq!(got, (1..=5).map(hangup).collect::<Vec<_>>(), "cut at {cut}");
        }
    }

    #[test]
    fn a_length_over_the_limit_is_an_error_before_its_octets_come() {
        let mut reader = Reader::new();
        reader.push(&u32::try_from(MAX_MESSAGE + 1).unwrap().to_le_bytes());
        assert_eq!(reader.take::<ToLine>(), Err(WireError::TooLong(MAX_MESSAGE + 1)));
    }

    #[test]
    fn octets_that_form_no_message_are_an_error() {
        let mut reader = Reader::new();
        reader.push(&[2, 0, 0, 0, 0xff, 0xff]);
        assert_eq!(reader.take::<ToLine>(), Err(WireError::Malformed));
    }

    #[test]
    fn a_message_over_the_limit_is_not_written() {
        let leg = LegId { epoch: 1, session: 0, serial: 1 };
        let mut out = Vec::new();
        let message = ToLine::Order(Order::Note { leg, note: vec![0; MAX_MESSAGE] });
        assert!(matches!(write(&message, &mut out), Err(WireError::TooLong(_))));
        assert!(out.is_empty());
    }
}
