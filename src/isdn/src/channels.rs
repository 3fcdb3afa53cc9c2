//! The B-channels of a span: which are free, which carry a call, which must not be used.
//!
//! A channel has an owner (a call, or none) and, apart from it, a fitness: in service, restarting, out of service;
//! and it may be blocked by hand. A call taken before a block goes on. Free means no owner and fit.
//!
//! Limits: timeslots 1 to 31. Source: ITU-T Q.931 (05/98) 5.2.3, 5.5; the D-channel's timeslot is not a B-channel.

use tdm::{SpanKind, Timeslot};

use crate::config::Hunt;
use crate::event::{CallId, ChannelState};

/// One more than the highest timeslot.
const TIMESLOTS: usize = 32;

/// Whether a channel may be used, calls and blocks apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fitness {
    InService,
    Restarting,
    OutOfService,
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    owner: Option<CallId>,
    fitness: Fitness,
    blocked: bool,
}

/// The table of a span's B-channels.
#[derive(Clone, Debug)]
pub struct Channels {
    table: [Option<Channel>; TIMESLOTS],
    hunt: Hunt,
    last: u8,
}

impl Channels {
    /// Makes the table of a span: every timeslot but framing and the D-channel, all free.
    pub fn new(kind: SpanKind, hunt: Hunt) -> Channels {
        let d_channel = kind.pri_d_timeslot();
        let channel = Channel { owner: None, fitness: Fitness::InService, blocked: false };
        let mut table = [None; TIMESLOTS];
        for (number, entry) in (0u8..).zip(table.iter_mut()) {
            let is_b = (1..=kind.max_channels()).contains(&number) && d_channel != Some(Timeslot(number));
            *entry = is_b.then_some(channel);
        }
        Channels { table, hunt, last: 0 }
    }

    /// Returns true if `timeslot` is a B-channel of this span.
    pub fn exists(&self, timeslot: Timeslot) -> bool {
        self.get(timeslot).is_some()
    }

    /// Returns what `timeslot` is fit for; none if it is no B-channel.
    pub fn state(&self, timeslot: Timeslot) -> Option<ChannelState> {
        self.get(timeslot).map(|channel| match (channel.owner, channel.fitness, channel.blocked) {
            (Some(call), _, _) => ChannelState::Busy(call),
            (None, Fitness::OutOfService, _) => ChannelState::OutOfService,
            (None, Fitness::Restarting, _) => ChannelState::Restarting,
            (None, Fitness::InService, true) => ChannelState::Blocked,
            (None, Fitness::InService, false) => ChannelState::Idle,
        })
    }

    /// Returns the B-channels, rising, with their states.
    pub fn iter(&self) -> impl Iterator<Item = (Timeslot, ChannelState)> + '_ {
        self.timeslots().filter_map(|timeslot| Some((timeslot, self.state(timeslot)?)))
    }

    /// Returns the B-channels, rising.
    pub fn timeslots(&self) -> impl Iterator<Item = Timeslot> + use<> {
        let exists = self.table.map(|entry| entry.is_some());
        (0u8..).map(Timeslot).zip(exists).filter_map(|(timeslot, exists)| exists.then_some(timeslot))
    }

    /// Returns the call that owns `timeslot`.
    pub fn owner(&self, timeslot: Timeslot) -> Option<CallId> {
        self.get(timeslot)?.owner
    }

    /// Returns true if a call may take `timeslot`.
    pub fn is_free(&self, timeslot: Timeslot) -> bool {
        self.state(timeslot) == Some(ChannelState::Idle)
    }

    /// Gives `timeslot` to `call` if it is free.
    pub(crate) fn take(&mut self, timeslot: Timeslot, call: CallId) -> bool {
        if !self.is_free(timeslot) {
            return false;
        }
        if let Some(channel) = self.get_mut(timeslot) {
            channel.owner = Some(call);
        }
        true
    }

    /// Gives a free channel to `call`, by the rule of the hunt.
    pub(crate) fn hunt(&mut self, call: CallId) -> Option<Timeslot> {
        let timeslot = self.find_free()?;
        self.last = timeslot.0;
        self.take(timeslot, call).then_some(timeslot)
    }

    fn find_free(&self) -> Option<Timeslot> {
        let mut free = self.timeslots().filter(|&timeslot| self.is_free(timeslot));
        match self.hunt {
            Hunt::Ascending => free.next(),
            Hunt::Descending => free.last(),
            Hunt::RoundRobin => {
                let first = free.next()?;
                core::iter::once(first).chain(free).find(|timeslot| timeslot.0 > self.last).or(Some(first))
            }
        }
    }

    /// Takes `timeslot` from `call` if it has it.
    pub(crate) fn free(&mut self, timeslot: Timeslot, call: CallId) {
        if let Some(channel) = self.get_mut(timeslot).filter(|channel| channel.owner == Some(call)) {
            channel.owner = None;
        }
    }

    /// Sets or clears the block by hand; returns false if there is no such channel.
    pub(crate) fn set_blocked(&mut self, timeslot: Timeslot, blocked: bool) -> bool {
        let Some(channel) = self.get_mut(timeslot) else { return false };
        channel.blocked = blocked;
        if !blocked && channel.fitness == Fitness::OutOfService {
            channel.fitness = Fitness::InService;
        }
        true
    }

    /// Marks that a RESTART of `timeslot` is under way.
    pub(crate) fn set_restarting(&mut self, timeslot: Timeslot) {
        self.set_fitness(timeslot, Fitness::Restarting);
    }

    /// Marks that `timeslot` was restarted.
    pub(crate) fn set_in_service(&mut self, timeslot: Timeslot) {
        self.set_fitness(timeslot, Fitness::InService);
    }

    /// Marks that the peer does not answer for `timeslot`.
    pub(crate) fn set_out_of_service(&mut self, timeslot: Timeslot) {
        self.set_fitness(timeslot, Fitness::OutOfService);
    }

    fn set_fitness(&mut self, timeslot: Timeslot, fitness: Fitness) {
        if let Some(channel) = self.get_mut(timeslot) {
            channel.fitness = fitness;
        }
    }

    fn get(&self, timeslot: Timeslot) -> Option<&Channel> {
        self.table.get(usize::from(timeslot.0))?.as_ref()
    }

    fn get_mut(&mut self, timeslot: Timeslot) -> Option<&mut Channel> {
        self.table.get_mut(usize::from(timeslot.0))?.as_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_e1_has_thirty_channels_and_a_t1_twenty_three() {
        let e1 = Channels::new(SpanKind::E1, Hunt::Ascending);
        assert_eq!(e1.timeslots().count(), 30);
        assert!(!e1.exists(Timeslot(0)) && !e1.exists(Timeslot(16)) && !e1.exists(Timeslot(32)));
        assert_eq!(Channels::new(SpanKind::T1, Hunt::Ascending).timeslots().count(), 23);
    }

    #[test]
    fn the_hunt_takes_channels_in_its_order() {
        let first = |hunt, taken: &[u8]| {
            let mut channels = Channels::new(SpanKind::E1, hunt);
            for &timeslot in taken {
                assert!(channels.take(Timeslot(timeslot), CallId(0)));
            }
            [channels.hunt(CallId(1)), channels.hunt(CallId(2))].map(|timeslot| timeslot.unwrap().0)
        };
        assert_eq!(first(Hunt::Ascending, &[1]), [2, 3]);
        assert_eq!(first(Hunt::Descending, &[31]), [30, 29]);
        let mut channels = Channels::new(SpanKind::E1, Hunt::RoundRobin);
        for expected in (1..16).chain(17..32).chain([1]) {
            let timeslot = channels.hunt(CallId(1)).unwrap();
            assert_eq!(timeslot, Timeslot(expected));
            channels.free(timeslot, CallId(1));
        }
    }

    #[test]
    fn a_full_span_has_no_channel_left() {
        let mut channels = Channels::new(SpanKind::T1, Hunt::RoundRobin);
        assert_eq!((0..30).filter_map(|call| channels.hunt(CallId(call))).count(), 23);
    }

    #[test]
    fn only_its_owner_frees_a_channel() {
        let mut channels = Channels::new(SpanKind::E1, Hunt::Ascending);
        let timeslot = channels.hunt(CallId(1)).unwrap();
        channels.free(timeslot, CallId(2));
        assert_eq!(channels.owner(timeslot), Some(CallId(1)));
        channels.free(timeslot, CallId(1));
        assert!(channels.is_free(timeslot));
    }

    #[test]
    fn a_blocked_or_unfit_channel_is_not_taken() {
        let mut channels = Channels::new(SpanKind::E1, Hunt::Ascending);
        let timeslot = Timeslot(5);
        channels.set_blocked(timeslot, true);
        assert!(!channels.take(timeslot, CallId(1)));
        channels.set_blocked(timeslot, false);
        channels.set_out_of_service(timeslot);
        assert_eq!(channels.state(timeslot), Some(ChannelState::OutOfService));
        channels.set_blocked(timeslot, false);
        assert!(channels.take(timeslot, CallId(1)));
    }
}
