//! What a detector keeps of each channel of a group.

/// The states of `L` channels, and which of them are in the middle of something: those are looked at even when silent.
#[derive(Clone, Debug)]
pub(crate) struct Lanes<S, const L: usize> {
    states: [S; L],
    active: u32,
}

impl<S, const L: usize> Lanes<S, L> {
    /// Makes the states of channels that have heard nothing.
    pub(crate) const fn new(states: [S; L]) -> Lanes<S, L> {
        Lanes { states, active: 0 }
    }

    /// Gives one channel the state of one that has heard nothing.
    pub(crate) fn reset(&mut self, lane: usize, idle: S) {
        if let Some(state) = self.states.get_mut(lane) {
            *state = idle;
            self.active &= !(1 << lane);
        }
    }

    /// The set of channels in the middle of something.
    pub(crate) fn active(&self) -> u32 {
        self.active
    }

    /// Lets one channel take a step that says whether it is in the middle of something afterwards.
    #[inline]
    pub(crate) fn step(&mut self, lane: usize, step: impl FnOnce(&mut S) -> bool) {
        if let Some(state) = self.states.get_mut(lane) {
            let active = step(state);
            self.active = self.active & !(1 << lane) | u32::from(active) << lane;
        }
    }
}

/// The set of lanes with at least this power.
pub(crate) fn louder<const L: usize>(power: &[f32; L], least: f32) -> u32 {
    (0..L).fold(0, |set, lane| set | u32::from(power[lane] >= least) << lane)
}

/// The lanes of a set, lowest first.
pub(crate) fn lanes_of(mut set: u32) -> impl Iterator<Item = usize> {
    core::iter::from_fn(move || {
        let lane = set.trailing_zeros();
        set &= set.wrapping_sub(1);
        (lane < u32::BITS).then_some(lane as usize)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_in_the_set_as_its_last_step_says_until_it_is_reset() {
        let mut lanes = Lanes::new([0_u8; 4]);
        lanes.step(1, |state| {
            *state += 1;
            true
        });
        lanes.step(3, |_| true);
        assert_eq!(lanes_of(lanes.active()).collect::<Vec<_>>(), [1, 3]);
        lanes.step(3, |_| false);
        lanes.reset(1, 0);
        assert_eq!((lanes.active(), lanes.states), (0, [0; 4]));
        lanes.step(4, |_| panic!("there is no such channel"));
        lanes.reset(4, 0);
    }

    #[test]
    fn who_is_exactly_loud_enough_is_in_the_set() {
        assert_eq!(louder(&[0.9, 1.0, 2.0, 0.0], 1.0), 0b0110);
    }
}
