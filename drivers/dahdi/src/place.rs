//! One position on the realtime side: its open span, how far it is in step, and what its lines last showed.

use card::CardEvent;
use tdm::{Abcd, Alarms, ChannelId, HookState, Polarity, SpanId, SpanKind, Timeslot};

use crate::abi::{alarm, event};
use crate::lines::OpenSpan;

/// The most ports or timeslots.
const MOST: usize = 31;

/// How far a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing is open.
    Empty,
    /// Its buffers must be put in step with the others'.
    Joining,
    /// It runs; so many periods more it is checked whether it is in step.
    Checking(u8),
    /// It runs in step.
    Running,
}

/// One position.
pub(crate) struct Place {
    pub open: Option<Box<OpenSpan>>,
    pub state: State,
    /// An operator attached it: told once it runs.
    pub asked: bool,
    /// Alarms as last told.
    pub alarms: Alarms,
    /// The kernel has told of an alarm: they must be asked for.
    pub ask_alarms: bool,
    /// Periods in a row in which something was missing.
    pub missing: u32,
    /// Periods in which it could not be judged whether it is in step.
    pub waited: u32,
    pub lines: [Line; MOST],
}

/// What a channel last showed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Line {
    bits: Option<u8>,
    ringing: bool,
    reversed: bool,
    no_feed: bool,
    lifted: bool,
}

/// What the driver itself has to do after an event of a telephone's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing.
    Nothing,
    /// Feed the telephone as one that is lifted.
    Lifted,
    /// Feed it as one at rest.
    HungUp,
}

impl Place {
    pub fn new(open: Option<Box<OpenSpan>>) -> Place {
        let state = if open.is_some() { State::Joining } else { State::Empty };
        Place {
            open,
            state,
            asked: false,
            alarms: Alarms::empty(),
            ask_alarms: true,
            missing: 0,
            waited: 0,
            lines: [Line::default(); MOST],
        }
    }

    /// Returns true if its blocks are read and written.
    pub fn runs(&self) -> bool {
        matches!(self.state, State::Checking(_) | State::Running)
    }

    /// Returns true if one descriptor carries it, so that it must be in step to the sample.
    pub fn is_whole(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.groups.len() == 1)
    }
}

impl Line {
    /// Turns an event of an analog port into what the contract knows.
    pub fn port_event(
        &mut self,
        kind: SpanKind,
        channel: ChannelId,
        kernel: i32,
        mut tell: impl FnMut(CardEvent),
    ) -> Answer {
        let hook = |state| CardEvent::Hook { channel, state };
        match (kind, kernel) {
            (SpanKind::Fxs, event::RINGOFFHOOK) => {
                self.lifted = true;
                tell(hook(HookState::OffHook));
                return Answer::Lifted;
            }
            // Told twice it would end a ring that began in between.
            (SpanKind::Fxs, event::ONHOOK) if self.lifted => {
                self.lifted = false;
                tell(hook(HookState::OnHook));
                return Answer::HungUp;
            }
            (SpanKind::Fxs, event::WINKFLASH) => {
                tell(hook(HookState::OnHook));
                tell(hook(HookState::OffHook));
            }
            (SpanKind::Fxo, event::RINGBEGIN) if !self.ringing => {
                self.ringing = true;
                tell(CardEvent::Ring { channel, ringing: true });
            }
            (SpanKind::Fxo, event::RINGOFFHOOK) if self.no_feed => {
                self.no_feed = false;
                tell(CardEvent::Feed { channel, present: true });
            }
            (SpanKind::Fxo, event::RINGOFFHOOK) => {
                // Not every driver tells the beginning: the end of a ring says that there was one.
                if !core::mem::take(&mut self.ringing) {
                    tell(CardEvent::Ring { channel, ringing: true });
                }
                tell(CardEvent::Ring { channel, ringing: false });
            }
            (SpanKind::Fxo, event::ONHOOK) => {
                self.no_feed = true;
                tell(CardEvent::Feed { channel, present: false });
            }
            (SpanKind::Fxo, event::POLARITY) => {
                self.reversed = !self.reversed;
                let polarity = if self.reversed { Polarity::Reversed } else { Polarity::Normal };
                tell(CardEvent::Polarity { channel, polarity });
            }
            (SpanKind::Fxs, digit) if digit & event::PULSEDIGIT != 0 => {
                // The kernel has counted the breaks of the dial; given back as breaks, whoever counts hook states hears them.
                for _ in 0..pulses(digit) {
                    tell(hook(HookState::OnHook));
                    tell(hook(HookState::OffHook));
                }
            }
            (SpanKind::Fxs | SpanKind::Fxo | SpanKind::E1 | SpanKind::T1, _) => {}
        }
        Answer::Nothing
    }

    /// Takes up the signalling bits that the kernel shows; none if they are as before.
    ///
    /// The kernel's driver for dynamic spans leaves a neighbour's bits in the upper half, and tells of changes there.
    pub fn bits(&mut self, kernel: i32) -> Option<Abcd> {
        let bits = (kernel & 0xF) as u8;
        (self.bits.replace(bits) != Some(bits)).then_some(Abcd(bits))
    }

    /// Notes that our side of the line has closed or opened its loop: a ring is over with it.
    pub fn hook_ordered(&mut self) {
        self.no_feed = false;
    }
}

/// Returns how many pulses make a digit.
fn pulses(kernel: i32) -> u32 {
    match kernel as u8 {
        digit @ b'1'..=b'9' => u32::from(digit - b'0'),
        b'0' => 10,
        b'*' => 11,
        b'#' => 12,
        _ => 0,
    }
}

/// Turns the kernel's alarms into ours.
pub(crate) fn alarms(kernel: i32) -> Alarms {
    let pairs = [
        (alarm::RED | alarm::RECOVER | alarm::NOTOPEN, Alarms::RED),
        (alarm::YELLOW, Alarms::YELLOW),
        (alarm::BLUE, Alarms::AIS),
        (alarm::LOOPBACK, Alarms::LOOPBACK),
    ];
    pairs.into_iter().filter(|(bits, _)| kernel & bits != 0).map(|(_, alarm)| alarm).collect()
}

/// Names a channel of a span by its place from 0.
pub(crate) fn channel_of(span: SpanId, place: usize) -> ChannelId {
    ChannelId { span, timeslot: Timeslot(u8::try_from(place + 1).unwrap_or(u8::MAX)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORT: ChannelId = ChannelId::new(3, 2);

    fn told(line: &mut Line, kind: SpanKind, kernel: i32) -> (Vec<CardEvent>, Answer) {
        let mut events = Vec::new();
        let answer = line.port_event(kind, PORT, kernel, |event| events.push(event));
        (events, answer)
    }

    #[test]
    fn a_ring_is_told_once_whether_or_not_its_beginning_was() {
        let ring = |ringing| CardEvent::Ring { channel: PORT, ringing };
        let mut line = Line::default();
        assert_eq!(told(&mut line, SpanKind::Fxo, event::RINGBEGIN).0, [ring(true)]);
        assert_eq!(told(&mut line, SpanKind::Fxo, event::RINGOFFHOOK).0, [ring(false)]);
        assert_eq!(told(&mut line, SpanKind::Fxo, event::RINGOFFHOOK).0, [ring(true), ring(false)]);
    }

    #[test]
    fn feed_polarity_hook_and_pulses_are_told_by_the_contracts_names() {
        let mut line = Line::default();
        let feed = |present| CardEvent::Feed { channel: PORT, present };
        assert_eq!(told(&mut line, SpanKind::Fxo, event::ONHOOK).0, [feed(false)]);
        assert_eq!(told(&mut line, SpanKind::Fxo, event::RINGOFFHOOK).0, [feed(true)]);
        let reversed = CardEvent::Polarity { channel: PORT, polarity: Polarity::Reversed };
        assert_eq!(told(&mut line, SpanKind::Fxo, event::POLARITY).0, [reversed]);

        let hook = |state| CardEvent::Hook { channel: PORT, state };
        let mut line = Line::default();
        let (events, answer) = told(&mut line, SpanKind::Fxs, event::RINGOFFHOOK);
        assert_eq!((events, answer), (vec![hook(HookState::OffHook)], Answer::Lifted));
        let (events, answer) = told(&mut line, SpanKind::Fxs, event::ONHOOK);
        assert_eq!((events, answer), (vec![hook(HookState::OnHook)], Answer::HungUp));
        assert_eq!(told(&mut line, SpanKind::Fxs, event::ONHOOK), (vec![], Answer::Nothing), "told once");
        let flash = [hook(HookState::OnHook), hook(HookState::OffHook)];
        assert_eq!(told(&mut line, SpanKind::Fxs, event::WINKFLASH).0, flash);
        let three = told(&mut line, SpanKind::Fxs, event::PULSEDIGIT | i32::from(b'3')).0;
        assert_eq!(three, flash.repeat(3));
        assert_eq!(told(&mut line, SpanKind::E1, event::RINGOFFHOOK).0, []);
    }

    #[test]
    fn a_neighbours_bits_are_masked_and_its_changes_are_none_of_ours() {
        let mut line = Line::default();
        assert_eq!(line.bits(0x9), Some(Abcd(9)));
        assert_eq!(line.bits(0x29), None);
        assert_eq!(line.bits(0x2f), Some(Abcd(15)));
    }

    #[test]
    fn alarms_of_the_kernel_have_their_names_here() {
        assert_eq!(alarms(0), Alarms::empty());
        assert_eq!(alarms(alarm::RED | alarm::YELLOW), Alarms::RED | Alarms::YELLOW);
        assert_eq!(alarms(alarm::BLUE), Alarms::AIS);
        assert_eq!(alarms(alarm::RECOVER), Alarms::RED);
        assert_eq!(alarms(alarm::LOOPBACK), Alarms::LOOPBACK);
    }
}
