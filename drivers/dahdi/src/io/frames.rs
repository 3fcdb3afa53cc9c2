//! Frames of a D-channel that kernel or card make: what is given and taken is without check sequence.

use card::CardEvent;
use tdm::{MAX_FRAME, SpanId};

use super::{DahdiIo, MAX_EVENTS};
use crate::abi::{self, event};
use crate::sys::{Device, Stop};

/// Octets of a frame with its check sequence.
pub(super) const FRAME_ROOM: usize = MAX_FRAME + FCS;
const FCS: usize = 2;

impl DahdiIo {
    fn frames_of(&self, span: SpanId) -> Option<&Device> {
        let position = self.slots.iter().position(|slot| slot.span == Some(span))?;
        self.places[position].open.as_ref()?.frames.as_ref()
    }

    /// Puts the next frame into `frame` and returns its length; none if there is none.
    pub(super) fn receive_frame(&mut self, span: SpanId) -> Option<usize> {
        for _ in 0..MAX_EVENTS {
            let mut frame = [0; FRAME_ROOM];
            let device = self.frames_of(span)?;
            match device.read(&mut frame) {
                Ok(got) if got > FCS => {
                    self.frame = frame;
                    return Some(got - FCS);
                }
                Ok(_) => {}
                Err(Stop::Event) => match device.get(abi::GETEVENT) {
                    Ok(event::ABORT | event::OVERRUN | event::BADFCS) => {
                        self.tell(CardEvent::FrameLost { span });
                    }
                    Ok(_) => {}
                    Err(_) => return None,
                },
                Err(Stop::Empty | Stop::Gone) => return None,
            }
        }
        None
    }

    /// Sends a frame; false if it is too long or there is no room for it.
    pub(super) fn send_frame(&mut self, span: SpanId, frame: &[u8]) -> bool {
        if frame.len() > MAX_FRAME {
            return false;
        }
        // The kernel puts the check sequence into the last two octets.
        let mut octets = [0; FRAME_ROOM];
        octets[..frame.len()].copy_from_slice(frame);
        let octets = &octets[..frame.len() + FCS];
        for _ in 0..MAX_EVENTS {
            let Some(device) = self.frames_of(span) else { return false };
            match device.write(octets) {
                Err(Stop::Event) => match device.get(abi::GETEVENT) {
                    Ok(event::ABORT | event::OVERRUN | event::BADFCS) => {
                        self.tell(CardEvent::FrameLost { span });
                    }
                    Ok(_) => {}
                    Err(_) => return false,
                },
                result => return result.is_ok(),
            }
        }
        false
    }
}
