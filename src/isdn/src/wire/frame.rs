//! The frame of layer 2: address, control, information. The flags and the check sequence are the HDLC's.
//!
//! Primary rate uses one point-to-point link, SAPI 0 and TEI 0, with sequence numbers modulo 128. Whether a frame
//! is a command or a response follows from the C/R bit and from who sent it: commands of the network and
//! responses of the user carry 1 (table 1).
//!
//! Limits: TEI management (SAPI 63) and broadcast TEIs are parsed as addresses, never acted on.
//! Source: ITU-T Q.921 (09/97) 3.2 to 3.6.

use arrayvec::ArrayVec;

use crate::config::Side;

/// The largest information field, N201.
pub const N201: usize = 260;

/// The largest frame: two address octets, two control octets and N201.
pub const MAX_FRAME: usize = N201 + 4;

const _: () = assert!(MAX_FRAME <= tdm::MAX_FRAME);

/// Octets of a frame that is to be sent.
pub type FrameBuf = ArrayVec<u8, MAX_FRAME>;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Service access point, 0 to 63; call control is 0.
    pub sapi: u8,
    /// The command/response bit as on the line.
    pub cr: bool,
    /// Terminal endpoint, 0 to 127; primary rate is 0.
    pub tei: u8,
    /// The control field.
    pub control: Control,
    /// The information field; empty for frames that have none.
    pub info: &'a [u8],
}

/// The control field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Numbered information.
    I {
        /// Send sequence number.
        n_s: u8,
        /// Receive sequence number.
        n_r: u8,
        /// Poll bit.
        p: bool,
    },
    /// Supervisory.
    S {
        /// Which one.
        kind: Supervisory,
        /// Receive sequence number.
        n_r: u8,
        /// Poll or final bit.
        pf: bool,
    },
    /// Unnumbered.
    U {
        /// Which one.
        kind: Unnumbered,
        /// Poll or final bit.
        pf: bool,
    },
}

/// Supervisory frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisory {
    /// Receive ready.
    Rr,
    /// Receive not ready.
    Rnr,
    /// Reject.
    Rej,
}

/// Unnumbered frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unnumbered {
    /// Set asynchronous balanced mode extended.
    Sabme,
    /// Disconnected mode.
    Dm,
    /// Unnumbered information.
    Ui,
    /// Disconnect.
    Disc,
    /// Unnumbered acknowledgement.
    Ua,
    /// Frame reject.
    Frmr,
    /// Exchange identification.
    Xid,
}

/// Command or response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Asks.
    Command,
    /// Answers.
    Response,
}

/// Why octets are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Fewer octets than the address and the control field need.
    #[error("a frame of {0} octets is too short")]
    Short(usize),
    /// The address extension bits do not make a two-octet address.
    #[error("the address field is not two octets")]
    Address,
    /// The control field is not defined.
    #[error("control field {0:#04x} is not defined")]
    Control(u8),
    /// An information field where none may be, or of a wrong length.
    #[error("an information field of {0} octets is not allowed here")]
    Info(usize),
    /// The information field is longer than N201.
    #[error("an information field of {0} octets is longer than N201")]
    Long(usize),
}

impl Supervisory {
    const fn code(self) -> u8 {
        match self {
            Supervisory::Rr => 0x01,
            Supervisory::Rnr => 0x05,
            Supervisory::Rej => 0x09,
        }
    }
}

impl Unnumbered {
    const fn code(self) -> u8 {
        match self {
            Unnumbered::Sabme => 0x6f,
            Unnumbered::Dm => 0x0f,
            Unnumbered::Ui => 0x03,
            Unnumbered::Disc => 0x43,
            Unnumbered::Ua => 0x63,
            Unnumbered::Frmr => 0x87,
            Unnumbered::Xid => 0xaf,
        }
    }

    /// Returns true if a frame of this kind with `len` octets of information is well formed (3.6).
    const fn takes_info(self, len: usize) -> bool {
        match self {
            Unnumbered::Sabme | Unnumbered::Dm | Unnumbered::Disc | Unnumbered::Ua => len == 0,
            Unnumbered::Frmr => len == 5,
            Unnumbered::Ui | Unnumbered::Xid => true,
        }
    }
}

/// Returns the C/R bit of a `command` that `sender` sends (table 1).
pub const fn cr_bit(command: Command, sender: Side) -> bool {
    matches!((command, sender), (Command::Command, Side::Network) | (Command::Response, Side::User))
}

impl<'a> Frame<'a> {
    /// Makes a frame for call control on primary rate: SAPI 0, TEI 0.
    pub const fn new(sender: Side, command: Command, control: Control, info: &'a [u8]) -> Frame<'a> {
        Frame { sapi: 0, cr: cr_bit(command, sender), tei: 0, control, info }
    }

    /// Returns whether the frame, sent by `sender`, asks or answers.
    pub const fn command(&self, sender: Side) -> Command {
        if self.cr == cr_bit(Command::Command, sender) { Command::Command } else { Command::Response }
    }

    /// Reads a frame.
    ///
    /// # Errors
    /// Says what is wrong; the frame is then to be discarded or answered as Q.921 5.8 asks.
    pub fn parse(octets: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let &[first, second, control, ref rest @ ..] = octets else {
            return Err(FrameError::Short(octets.len()));
        };
        if first & 1 != 0 || second & 1 != 1 {
            return Err(FrameError::Address);
        }
        let (control, info) = parse_control(control, rest, octets.len())?;
        if info.len() > N201 {
            return Err(FrameError::Long(info.len()));
        }
        Ok(Frame { sapi: first >> 2, cr: first & 2 != 0, tei: second >> 1, control, info })
    }

    /// Writes the frame. Information beyond N201 is cut off: callers bound it.
    pub fn emit(&self) -> FrameBuf {
        let mut out = FrameBuf::new();
        out.push(self.sapi << 2 | u8::from(self.cr) << 1);
        out.push(self.tei << 1 | 1);
        match self.control {
            Control::I { n_s, n_r, p } => {
                out.push(n_s << 1);
                out.push(n_r << 1 | u8::from(p));
            }
            Control::S { kind, n_r, pf } => {
                out.push(kind.code());
                out.push(n_r << 1 | u8::from(pf));
            }
            Control::U { kind, pf } => out.push(kind.code() | u8::from(pf) << 4),
        }
        out.extend(self.info.iter().copied().take(N201));
        out
    }
}

fn parse_control(control: u8, rest: &[u8], len: usize) -> Result<(Control, &[u8]), FrameError> {
    if control & 3 == 3 {
        return parse_unnumbered(control, rest);
    }
    let (&second, info) = rest.split_first().ok_or(FrameError::Short(len))?;
    let (n_r, pf) = (second >> 1, second & 1 != 0);
    if control & 1 == 0 {
        return Ok((Control::I { n_s: control >> 1, n_r, p: pf }, info));
    }
    let kind = match control {
        0x01 => Supervisory::Rr,
        0x05 => Supervisory::Rnr,
        0x09 => Supervisory::Rej,
        undefined => return Err(FrameError::Control(undefined)),
    };
    if !info.is_empty() {
        return Err(FrameError::Info(info.len()));
    }
    Ok((Control::S { kind, n_r, pf }, info))
}

fn parse_unnumbered(control: u8, info: &[u8]) -> Result<(Control, &[u8]), FrameError> {
    let kind = match control & !0x10 {
        0x6f => Unnumbered::Sabme,
        0x0f => Unnumbered::Dm,
        0x03 => Unnumbered::Ui,
        0x43 => Unnumbered::Disc,
        0x63 => Unnumbered::Ua,
        0x87 => Unnumbered::Frmr,
        0xaf => Unnumbered::Xid,
        _ => return Err(FrameError::Control(control)),
    };
    if !kind.takes_info(info.len()) {
        return Err(FrameError::Info(info.len()));
    }
    Ok((Control::U { kind, pf: control & 0x10 != 0 }, info))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_frames_have_their_octets() {
        let u = |kind| Control::U { kind, pf: true };
        let rr = Control::S { kind: Supervisory::Rr, n_r: 3, pf: false };
        let i = Control::I { n_s: 1, n_r: 2, p: false };
        for (side, command, control, info, octets) in [
            (Side::Network, Command::Command, u(Unnumbered::Sabme), &b""[..], &[0x02, 0x01, 0x7f][..]),
            (Side::User, Command::Command, u(Unnumbered::Sabme), b"", &[0x00, 0x01, 0x7f]),
            (Side::User, Command::Response, u(Unnumbered::Ua), b"", &[0x02, 0x01, 0x73]),
            (Side::Network, Command::Response, u(Unnumbered::Dm), b"", &[0x00, 0x01, 0x1f]),
            (Side::Network, Command::Command, rr, b"", &[0x02, 0x01, 0x01, 0x06]),
            (Side::User, Command::Command, i, b"x", &[0x00, 0x01, 0x02, 0x04, b'x']),
        ] {
            let frame = Frame::new(side, command, control, info);
            assert_eq!(frame.emit().as_slice(), octets);
            assert_eq!(Frame::parse(octets), Ok(frame));
            assert_eq!(frame.command(side), command);
        }
    }

    #[test]
    fn what_is_no_frame_is_refused_with_a_reason() {
        let long = [&[0u8, 1, 0, 0][..], &[0; N201 + 1]].concat();
        for (octets, error) in [
            (&[][..], FrameError::Short(0)),
            (&[0, 1], FrameError::Short(2)),
            (&[0, 1, 0], FrameError::Short(3)),
            (&[1, 1, 0x7f], FrameError::Address),
            (&[0, 0, 0x7f], FrameError::Address),
            (&[0, 1, 0x0d, 0], FrameError::Control(0x0d)),
            (&[0, 1, 0xef], FrameError::Control(0xef)),
            (&[0, 1, 0x01, 0, 0], FrameError::Info(1)),
            (&[0, 1, 0x7f, 0], FrameError::Info(1)),
            (&[0, 1, 0x87, 0, 0], FrameError::Info(2)),
            (&long, FrameError::Long(N201 + 1)),
        ] {
            assert_eq!(Frame::parse(octets), Err(error), "{octets:02x?}");
        }
        assert!(Frame::parse(&long[..N201 + 4]).is_ok());
    }

    #[test]
    fn every_short_frame_that_parses_emits_its_own_octets() {
        for control in 0..=255u8 {
            for len in 0..8 {
                let mut octets = vec![0x02, 0x01, control];
                octets.extend((0..len).map(|n| n * 37));
                if let Ok(frame) = Frame::parse(&octets) {
                    assert_eq!(frame.emit().as_slice(), octets);
                }
            }
        }
    }
}
