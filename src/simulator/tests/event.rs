//! Whole appliances in virtual time, against the truth.

mod centre;

use centre::{attendant, secs};
use simulator::event::World;

/// Runs a world for some minutes and returns its truth as text.
fn truth(seed: u64, minutes: u64) -> String {
    let mut world = World::new(attendant(seed, 3, 30));
    world.open();
    world.run(secs(60 * minutes));
    assert!(world.drain(secs(900)), "everybody finishes");
    world.truth().iter().map(|entry| entry.to_line() + "\n").collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_one_does_not() {
    let first = truth(7, 15);
    assert!(first.lines().count() > 2_000, "something has happened");
    assert_eq!(first, truth(7, 15));
    assert_ne!(first, truth(8, 15));
}
