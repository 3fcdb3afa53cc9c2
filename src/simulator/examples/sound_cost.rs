//! What the sound of 120 places costs, and how well people are told apart: `sound_cost [VOICES_FOLDER]`.
//!
//! Half are callers, half agents; a third talks in pairs, a third hears a prompt or music that nobody says, a third is
//! silent. Prints the share of one core and the pairs that were found rightly, wrongly and not at all.

use clock::{Clock, MonoClock};
use std::path::Path;

use simulator::sound::{Clips, Mouth, Place, Role, Room};
use tdm::{CHUNK, Chunk, Law};

const PAIRS: usize = 60;
const SECONDS: usize = 60;
const DELAY_MS: usize = 64;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1);
    let mut clips = match &folder {
        Some(folder) => Clips::load(Path::new(folder))?,
        None => Clips::default(),
    };
    if clips.is_empty() {
        clips.extend(Clips::babble("x", 40, 5));
    }
    let clips = clips.all();
    let mut room = Room::new();
    let places: Vec<Place> = (0..2 * PAIRS).map(|_| room.add(Law::A)).collect();
    for (n, place) in places.iter().enumerate() {
        room.begin(*place, if n < PAIRS { Role::Caller } else { Role::Agent });
        if n % 3 == 0 {
            room.speak(*place, &clips[n * 7 / 3 % (clips.len() - 1)], (n * 2_777) as u64, true);
        }
    }
    let mut prompt = Mouth::new(Law::A);
    prompt.say(&clips[clips.len() - 1], 0, true);
    let mut past: Vec<Vec<Chunk>> = Vec::new();
    let began = MonoClock.now();
    for _ in 0..SECONDS * 1_000 {
        let announced = prompt.chunk();
        let then = past.len().checked_sub(DELAY_MS).map(|at| past.swap_remove(at));
        let mut row = vec![[0; CHUNK]; places.len()];
        for place in &places {
            let partner = (place.0 + PAIRS) % (2 * PAIRS);
            let heard = match (&then, place.0 % 3) {
                (Some(then), 0) => then[partner],
                (Some(_), 1) => announced,
                (Some(_) | None, _) => [Law::A.idle(); CHUNK],
            };
            room.hear(*place, &heard);
            row[place.0] = room.say(*place);
        }
        past.insert(0, row);
        room.tick();
    }
    let share = MonoClock.now().since(began).as_secs_f64() / SECONDS as f64;
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for place in &places {
        let partner = Place((place.0 + PAIRS) % (2 * PAIRS));
        match (room.hearing(*place).partner, place.0 % 3) {
            (Some(found), 0) if found == partner => right += 1,
            (None, 0) => missed += 1,
            (Some(_), _) => wrong += 1,
            (None, _) => {}
        }
    }
    let (spoken, heard) = places
        .iter()
        .map(|place| room.hearing(*place))
        .fold((0, 0), |sum, hearing| (sum.0 + hearing.spoken_ms, sum.1 + hearing.heard_ms));
    println!("sound/120places: {:.2} % of one core", share * 100.0);
    println!("pairs found {right}, wrong {wrong}, missed {missed}; spoken {spoken} ms, heard {heard} ms");
    Ok(())
}
