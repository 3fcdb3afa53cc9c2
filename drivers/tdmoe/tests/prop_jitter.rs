//! The laws of the jitter buffer, whatever comes: what is played was sent, once, in order; delay and time keep their bounds.

#![allow(clippy::unwrap_used, reason = "a test that stops has failed")]

use proptest::prelude::*;
use tdmoe::Count;
use tdmoe::counts::Counts;
use tdmoe::jitter::Jitter;

const DEPTH: u16 = 4;

/// What the network does with one frame.
#[derive(Clone, Copy, Debug)]
struct Fate {
    lost: bool,
    doubled: bool,
    late_ms: usize,
}

fn fate() -> impl Strategy<Value = Fate> {
    let kinds =
        (prop::bool::weighted(0.05), prop::bool::weighted(0.05), prop_oneof![6 => Just(0), 1 => 0..12_usize]);
    kinds.prop_map(|(lost, doubled, late_ms)| Fate { lost, doubled, late_ms })
}

/// Plays frames that meet these fates and returns what was played, a millisecond each, and what was counted.
fn play(start: u16, fates: &[Fate]) -> (Vec<Option<u16>>, Counts, i64) {
    let (mut jitter, counts) = (Jitter::new(DEPTH, 20), Counts::default());
    let mut arrivals = vec![Vec::new(); fates.len() + 40];
    for (k, fate) in fates.iter().enumerate().filter(|(_, fate)| !fate.lost) {
        let number = start.wrapping_add(k as u16);
        arrivals[k + fate.late_ms].push(number);
        if fate.doubled {
            arrivals[k + fate.late_ms + 1].push(number);
        }
    }
    let (mut played, mut slipped) = (Vec::new(), 0);
    for numbers in arrivals {
        for number in numbers {
            let [high, low] = number.to_be_bytes();
            jitter.receive(number, &[[high, low, 0, 0, 0, 0, 0, 0]], &counts);
        }
        played.push(jitter.take(&counts).map(|samples| u16::from_be_bytes([samples[0][0], samples[0][1]])));
        jitter.trim(&counts);
        slipped += i64::from(jitter.take_slip().unwrap_or(0));
    }
    (played, counts, slipped)
}

proptest! {
    #[test]
    fn what_is_played_was_sent_once_and_in_order(start: u16, fates in prop::collection::vec(fate(), 50..600)) {
        let (played, counts, slipped) = play(start, &fates);
        let told: Vec<u16> = played.iter().flatten().map(|number| number.wrapping_sub(start)).collect();
        prop_assert!(told.windows(2).all(|pair| pair[0] < pair[1]), "{told:?}");
        prop_assert!(told.iter().all(|k| !fates[usize::from(*k)].lost));
        // Each frame is played, or counted as late, dropped or doubled, or was lost on the way.
        let came = fates.iter().filter(|fate| !fate.lost).map(|fate| 1 + u64::from(fate.doubled)).sum::<u64>();
        let others = [Count::Late, Count::Doubled, Count::Strange];
        let taken = counts.get(Count::Frames);
        prop_assert_eq!(came, taken + others.into_iter().map(|count| counts.get(count)).sum::<u64>());
        prop_assert!(told.len() as u64 + counts.get(Count::Dropped) >= taken - u64::from(2 * DEPTH));
        prop_assert_eq!(slipped, counts.get(Count::Gained) as i64 - counts.get(Count::Dropped) as i64);
    }

    #[test]
    fn time_stays_true_where_the_network_only_loses(start: u16, lost in prop::collection::vec(prop::bool::weighted(0.2), 50..300)) {
        let mut fates: Vec<Fate> = lost.iter().map(|&lost| Fate { lost, doubled: false, late_ms: 0 }).collect();
        fates[0].lost = false;
        let (played, counts, slipped) = play(start, &fates);
        for (ms, number) in played.iter().enumerate() {
            if let Some(number) = number {
                prop_assert_eq!(usize::from(number.wrapping_sub(start)) + usize::from(DEPTH), ms);
            }
        }
        prop_assert_eq!((slipped, counts.get(Count::Late)), (0, 0));
    }

    #[test]
    fn any_numbers_in_any_order_leave_a_buffer_within_its_bounds(numbers in prop::collection::vec(any::<u16>(), 0..400)) {
        let (mut jitter, counts) = (Jitter::new(DEPTH, 20), Counts::default());
        for number in numbers {
            jitter.receive(number, &[[0; 8]], &counts);
            if number % 23 == 0 {
                jitter.reset();
            }
            for _ in 0..number % 4 {
                jitter.take(&counts);
                jitter.trim(&counts);
            }
            prop_assert!(jitter.excess().is_none_or(|excess| (-i32::from(DEPTH)..128).contains(&excess)));
        }
    }
}
