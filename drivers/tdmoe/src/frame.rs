//! One Ethernet frame: 1 ms of every channel of one span.
//!
//! ```text
//!  0  destination 6 | source 6 | type D0 0D
//! 14  subaddress 2
//! 16  samples a channel 1 (8) | flags 1 | sequence 2 | channels 2
//! 22  flag 2: signalling bits, four channels in 2 octets, the first channel in the lowest half octet (A is the highest bit)
//! ..  channels * 8 octets: the samples of channel 1, of channel 2 ...
//! ```
//!
//! Numbers have their high octet first. Flag 1 says that the sender receives nothing (RED); there is no check sequence.
//! A frame has exactly the length that its head gives, but for the padding of Ethernet's shortest frame.
//! Limits: frames of several spans (`ethmf`) are not understood.
//! Source: `shared/facts`, measured against `dahdi_dynamic_eth` of DAHDI 2.11 and 3.4.

use tdm::{Abcd, CHUNK, Chunk};

use crate::Mac;

/// The type of these Ethernet frames.
pub const ETHERTYPE: u16 = 0xD00D;

/// The most channels of a span.
pub const MAX_CHANNELS: usize = 31;

/// Octets before the signalling bits.
const HEAD: usize = 22;

/// Octets that tell who sends which span.
const ADDRESS: usize = 16;

/// The shortest Ethernet frame, without its check sequence: shorter ones are padded.
const SHORTEST: usize = 60;

/// The longest frame that is sent.
pub const MAX_FRAME: usize = length(MAX_CHANNELS, true);

const YELLOW: u8 = 1;
const SIGNALLING: u8 = 2;

/// Returns the octets of a frame of so many channels.
pub const fn length(channels: usize, signalling: bool) -> usize {
    HEAD + if signalling { signalling_octets(channels) } else { 0 } + channels * CHUNK
}

/// Returns the octets of the signalling bits of so many channels.
const fn signalling_octets(channels: usize) -> usize {
    channels.div_ceil(4) * 2
}

/// Who sends which span to whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// To whom.
    pub destination: Mac,
    /// From whom.
    pub source: Mac,
    /// Which of the sender's spans.
    pub subaddress: u16,
}

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Who sends which span to whom.
    pub address: Address,
    /// True if the sender receives nothing.
    pub yellow: bool,
    /// One more than in the frame before, and 0 after 65535.
    pub sequence: u16,
    /// The signalling bits as they stand in the frame; none if there are none.
    pub signalling: Option<&'a [u8]>,
    /// 1 ms of every channel.
    pub samples: &'a [Chunk],
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Shorter than what every frame begins with.
    #[error("{octets} octets are no frame")]
    Short {
        /// What there was.
        octets: usize,
    },
    /// Not of our type.
    #[error("type {0:#06x}")]
    Type(u16),
    /// Another number of samples a channel than 8.
    #[error("{0} samples a channel, not 8")]
    Samples(u8),
    /// Another length than its head gives.
    #[error("{octets} octets long, not {wanted}")]
    Length {
        /// What there was.
        octets: usize,
        /// What its head gives.
        wanted: usize,
    },
}

fn number(octets: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([octets[at], octets[at + 1]])
}

fn mac(octets: &[u8], at: usize) -> Mac {
    Mac(core::array::from_fn(|k| octets[at + k]))
}

impl Address {
    /// Reads who sends which span, of any octets.
    ///
    /// # Errors
    /// Says that it is too short or of another type.
    pub fn parse(octets: &[u8]) -> Result<Address, FrameError> {
        if octets.len() < ADDRESS {
            return Err(FrameError::Short { octets: octets.len() });
        }
        match number(octets, 12) {
            ETHERTYPE => Ok(Address {
                destination: mac(octets, 0),
                source: mac(octets, 6),
                subaddress: number(octets, 14),
            }),
            other => Err(FrameError::Type(other)),
        }
    }
}

impl<'a> Frame<'a> {
    /// Reads a frame of any octets.
    ///
    /// # Errors
    /// Says what is wrong with it.
    ///
    /// # Realtime
    /// Neither allocates nor panics.
    pub fn parse(octets: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        let address = Address::parse(octets)?;
        if octets.len() < HEAD {
            return Err(FrameError::Short { octets: octets.len() });
        }
        let (samples, flags) = (octets[16], octets[17]);
        if usize::from(samples) != CHUNK {
            return Err(FrameError::Samples(samples));
        }
        let channels = usize::from(number(octets, 20));
        let has_bits = flags & SIGNALLING != 0;
        let wanted = length(channels, has_bits);
        let padded = wanted < SHORTEST && octets.len() == SHORTEST;
        if octets.len() != wanted && !padded {
            return Err(FrameError::Length { octets: octets.len(), wanted });
        }
        let (bits, rest) =
            octets[HEAD..wanted].split_at(if has_bits { signalling_octets(channels) } else { 0 });
        Ok(Frame {
            address,
            yellow: flags & YELLOW != 0,
            sequence: number(octets, 18),
            signalling: has_bits.then_some(bits),
            samples: rest.as_chunks().0,
        })
    }

    /// Writes the frame to the front of `out` and returns its length; 0 if there is no room.
    ///
    /// # Realtime
    /// Neither allocates nor panics.
    pub fn emit(&self, out: &mut [u8]) -> usize {
        let bits = self.signalling.unwrap_or(&[]);
        let octets = HEAD + bits.len() + self.samples.len() * CHUNK;
        let Ok(channels) = u16::try_from(self.samples.len()) else { return 0 };
        let Some(out) = out.get_mut(..octets) else { return 0 };
        out[..6].copy_from_slice(&self.address.destination.0);
        out[6..12].copy_from_slice(&self.address.source.0);
        out[12..14].copy_from_slice(&ETHERTYPE.to_be_bytes());
        out[14..16].copy_from_slice(&self.address.subaddress.to_be_bytes());
        out[16] = CHUNK as u8;
        out[17] =
            if self.yellow { YELLOW } else { 0 } | if self.signalling.is_some() { SIGNALLING } else { 0 };
        out[18..20].copy_from_slice(&self.sequence.to_be_bytes());
        out[20..22].copy_from_slice(&channels.to_be_bytes());
        out[HEAD..HEAD + bits.len()].copy_from_slice(bits);
        out[HEAD + bits.len()..].copy_from_slice(self.samples.as_flattened());
        octets
    }
}

/// The signalling bits of a span, packed as in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bits {
    octets: [u8; signalling_octets(MAX_CHANNELS)],
    channels: usize,
}

impl Bits {
    /// All zero, for so many channels.
    pub fn new(channels: usize) -> Bits {
        Bits { octets: [0; signalling_octets(MAX_CHANNELS)], channels: channels.min(MAX_CHANNELS) }
    }

    /// Sets the bits of a channel counted from 0; one that is not there is left out.
    pub fn set(&mut self, channel: usize, bits: Abcd) {
        if channel < self.channels {
            let (at, shift) = place(channel);
            self.octets[at] = self.octets[at] & !(0xF << shift) | (bits.0 & 0xF) << shift;
        }
    }

    /// Returns what goes into a frame.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..signalling_octets(self.channels)]
    }
}

/// Returns the bits of a channel counted from 0, as they stand in a frame; none if it is not there.
pub fn bits_of(signalling: &[u8], channel: usize) -> Option<Abcd> {
    let (at, shift) = place(channel);
    signalling.get(at).map(|octet| Abcd(octet >> shift & 0xF))
}

/// The octet, and in it the place, of a channel's bits: two octets hold four channels, the first one lowest.
const fn place(channel: usize) -> (usize, usize) {
    (channel / 4 * 2 + 1 - channel % 4 / 2, channel % 2 * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Address = Address {
        destination: Mac([0x52, 0x54, 0, 0, 0xAA, 1]),
        source: Mac([0x52, 0x54, 0, 0, 0, 1]),
        subaddress: 0,
    };

    /// The beginning of the first frame that the kernel's driver was seen to send, and what it went on with.
    fn seen() -> Vec<u8> {
        let mut frame = vec![0x52, 0x54, 0, 0, 0xAA, 1, 0x52, 0x54, 0, 0, 0, 1, 0xD0, 0x0D, 0, 0];
        frame.extend([8, 2, 0, 0, 0, 0x1F]);
        frame.extend([0xBB; 14]);
        frame.extend([0x0B, 0xBB]);
        frame.extend([0x7F; 31 * 8]);
        frame
    }

    #[test]
    fn the_frame_that_the_kernel_sends_is_read_and_written_alike() {
        let octets = seen();
        let frame = Frame::parse(&octets).unwrap();
        assert_eq!((octets.len(), MAX_FRAME), (286, 286));
        assert_eq!((frame.address, frame.yellow, frame.sequence), (ADDRESS, false, 0));
        assert_eq!(frame.samples, [[0x7F; 8]; 31]);
        let mut bits = Bits::new(31);
        (0..31).for_each(|channel| bits.set(channel, Abcd(0xB)));
        bits.set(31, Abcd(0xF));
        assert_eq!(frame.signalling, Some(bits.octets()));
        assert!((0..31).all(|channel| bits_of(frame.signalling.unwrap(), channel) == Some(Abcd(0xB))));
        let mut out = [0; MAX_FRAME];
        assert_eq!(frame.emit(&mut out), 286);
        assert_eq!(out[..], octets);
        assert_eq!(frame.emit(&mut out[..285]), 0, "there is no room");
    }

    #[test]
    fn the_first_of_four_channels_has_the_lowest_half_octet() {
        let mut bits = Bits::new(5);
        for (channel, abcd) in [1, 2, 4, 8, 9].into_iter().enumerate() {
            bits.set(channel, Abcd(abcd));
        }
        assert_eq!(bits.octets(), [0x84, 0x21, 0x00, 0x09]);
        assert_eq!(bits_of(bits.octets(), 3), Some(Abcd(8)));
        assert_eq!(bits_of(bits.octets(), 8), None);
    }

    #[test]
    fn frames_that_are_not_what_their_head_says_are_refused() {
        let good = seen();
        let changed = |at: usize, to: u8| {
            let mut octets = good.clone();
            octets[at] = to;
            Frame::parse(&octets).map(|_| ()).unwrap_err()
        };
        assert_eq!(Frame::parse(&good[..15]).unwrap_err(), FrameError::Short { octets: 15 });
        assert_eq!(Frame::parse(&good[..21]).unwrap_err(), FrameError::Short { octets: 21 });
        assert_eq!(Frame::parse(&good[..285]).unwrap_err(), FrameError::Length { octets: 285, wanted: 286 });
        assert_eq!(
            Frame::parse(&[&good[..], &[0]].concat()).unwrap_err(),
            FrameError::Length { octets: 287, wanted: 286 }
        );
        assert_eq!(changed(12, 8), FrameError::Type(0x080D));
        assert_eq!(changed(16, 16), FrameError::Samples(16));
        assert_eq!(changed(21, 24), FrameError::Length { octets: 286, wanted: 226 });
        assert_eq!(changed(20, 0xFF), FrameError::Length { octets: 286, wanted: length(0xFF1F, true) });
        assert_eq!(changed(17, 0), FrameError::Length { octets: 286, wanted: 270 });
    }

    #[test]
    fn only_the_padding_of_ethernets_shortest_frame_is_passed_over() {
        let samples = [[7; 8]; 4];
        let bits = Bits::new(4);
        let frame = Frame {
            address: ADDRESS,
            yellow: true,
            sequence: 0xFFFF,
            signalling: Some(bits.octets()),
            samples: &samples,
        };
        let mut out = [0; 64];
        assert_eq!(frame.emit(&mut out), 56);
        for (octets, good) in [(56, true), (57, false), (60, true), (61, false)] {
            assert_eq!(Frame::parse(&out[..octets]).ok(), good.then_some(frame), "{octets}");
        }
    }
}
