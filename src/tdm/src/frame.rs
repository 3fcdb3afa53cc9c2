//! A frame of a signalling channel, by value, so that it can travel through a ring without a heap.

/// The longest frame carried, without flags and check sequence: N201 (260) plus the largest headers of
/// Q.921 (4 octets) and Q.703 (3 octets + 272), rounded up.
pub const MAX_FRAME: usize = 284;

/// One frame of a D-channel or signalling link: address to information, without flags and check sequence.
#[derive(Clone, Copy)]
pub struct HdlcFrame {
    len: u16,
    octets: [u8; MAX_FRAME],
}

impl HdlcFrame {
    /// Copies `octets`; none if they are longer than [`MAX_FRAME`].
    pub fn new(octets: &[u8]) -> Option<HdlcFrame> {
        let mut frame = HdlcFrame { len: u16::try_from(octets.len()).ok()?, octets: [0; MAX_FRAME] };
        frame.octets.get_mut(..octets.len())?.copy_from_slice(octets);
        Some(frame)
    }

    /// Returns the octets of the frame.
    pub fn octets(&self) -> &[u8] {
        &self.octets[..usize::from(self.len)]
    }
}

impl core::fmt::Debug for HdlcFrame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HdlcFrame({:02x?})", self.octets())
    }
}

impl PartialEq for HdlcFrame {
    fn eq(&self, other: &HdlcFrame) -> bool {
        self.octets() == other.octets()
    }
}

impl Eq for HdlcFrame {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_up_to_its_limit_and_no_more() {
        assert_eq!(HdlcFrame::new(&[7; MAX_FRAME]).unwrap().octets(), [7; MAX_FRAME]);
        assert_eq!(HdlcFrame::new(&[7; MAX_FRAME + 1]), None);
        assert!(HdlcFrame::new(&[]).unwrap().octets().is_empty());
    }
}
