//! The player on real files: what comes out of the rings, in which generation, and which files are refused.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};
use record::{PlayError, Player, Prompts};
use rt::{FeedBlock, FeedPort};
use rtrb::{Consumer, RingBuffer};
use tdm::Law;
use tempfile::TempDir;

const FEED: FeedPort = FeedPort(0);

fn wav(folder: &Path, name: &str, rate_hz: u32, samples: &[i16]) -> PathBuf {
    let path = folder.join(name);
    let spec =
        WavSpec { channels: 1, sample_rate: rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let mut writer = WavWriter::create(&path, spec).unwrap();
    samples.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
    path
}

/// A player, and what reads its prompts.
struct Desk {
    player: Player,
    prompts: Prompts,
}

impl Desk {
    fn play(
        &mut self,
        feed: FeedPort,
        generation: u16,
        paths: &[PathBuf],
        repeat: bool,
    ) -> Result<(), PlayError> {
        self.player.play(feed, generation, self.prompts.load_all(paths)?, repeat)
    }
}

impl std::ops::Deref for Desk {
    type Target = Player;
    fn deref(&self) -> &Player {
        &self.player
    }
}

impl std::ops::DerefMut for Desk {
    fn deref_mut(&mut self) -> &mut Player {
        &mut self.player
    }
}

fn player(blocks: usize) -> (TempDir, Desk, Consumer<FeedBlock>) {
    let (producer, consumer) = RingBuffer::new(blocks);
    let desk = Desk { player: Player::new(vec![producer]), prompts: Prompts::default() };
    (tempfile::tempdir().unwrap(), desk, consumer)
}

fn drain(ring: &mut Consumer<FeedBlock>) -> Vec<FeedBlock> {
    std::iter::from_fn(|| ring.pop().ok()).collect()
}

fn samples(blocks: &[FeedBlock]) -> Vec<i16> {
    blocks.iter().flat_map(|block| block.block).collect()
}

#[test]
fn prompts_follow_each_other_without_a_seam_and_only_the_last_block_is_marked() {
    let (folder, mut player, mut ring) = player(600);
    let first = wav(folder.path(), "1.wav", 8_000, &(1..=12).collect::<Vec<_>>());
    let nothing = wav(folder.path(), "0.wav", 8_000, &[]);
    let second = wav(folder.path(), "2.wav", 8_000, &(13..=20).collect::<Vec<_>>());
    player.play(FEED, 9, &[first, nothing, second], false).unwrap();
    let blocks = drain(&mut ring);
    let expected: Vec<i16> = (1..=20).chain([0; 4]).collect();
    assert_eq!(samples(&blocks), expected);
    assert_eq!(
        blocks.iter().map(|b| (b.generation, b.last)).collect::<Vec<_>>(),
        [(9, false), (9, false), (9, true)]
    );
    assert!(!player.is_playing(FEED));
}

#[test]
fn a_prompt_of_whole_blocks_ends_with_its_last_block() {
    let (folder, mut player, mut ring) = player(600);
    let prompt = wav(folder.path(), "1.wav", 8_000, &[5; 16]);
    let nothing = wav(folder.path(), "0.wav", 8_000, &[]);
    player.play(FEED, 1, &[prompt, nothing], false).unwrap();
    assert_eq!(drain(&mut ring).iter().map(|block| block.last).collect::<Vec<_>>(), [false, true]);
}

#[test]
fn the_ring_is_kept_full_until_the_prompt_ends() {
    let (folder, mut player, mut ring) = player(600);
    let long: Vec<i16> = (0..8_000).collect();
    let prompt = wav(folder.path(), "1.wav", 8_000, &long);
    player.play(FEED, 1, &[prompt], false).unwrap();
    let mut heard = Vec::new();
    while player.is_playing(FEED) {
        assert!(ring.slots() >= 300, "only {} ms ahead", ring.slots());
        for _ in 0..20 {
            heard.push(ring.pop().unwrap());
        }
        player.poll();
    }
    heard.extend(drain(&mut ring));
    assert_eq!(samples(&heard), long);
    assert_eq!(player.counters().blocks, 1_000);
    assert_eq!(player.counters().ran_dry, 0);
}

#[test]
fn a_new_prompt_replaces_the_old_one_and_stop_ends_it() {
    let (folder, mut player, mut ring) = player(10);
    let old = wav(folder.path(), "1.wav", 8_000, &[1; 800]);
    let new = wav(folder.path(), "2.wav", 8_000, &[2; 800]);
    player.play(FEED, 1, &[old], false).unwrap();
    drain(&mut ring);
    player.play(FEED, 2, &[new], false).unwrap();
    assert!(drain(&mut ring).iter().all(|block| block.generation == 2 && block.block == [2; 8]));
    player.poll();
    player.stop(FEED);
    drain(&mut ring);
    player.poll();
    assert!(drain(&mut ring).is_empty());
}

#[test]
fn a_repeated_prompt_goes_on_without_a_seam_until_it_is_stopped() {
    let (folder, mut player, mut ring) = player(100);
    let three = wav(folder.path(), "3.wav", 8_000, &[1, 2, 3]);
    player.play(FEED, 1, &[three], true).unwrap();
    let blocks = drain(&mut ring);
    let expected: Vec<i16> = [1, 2, 3].into_iter().cycle().take(800).collect();
    assert_eq!(samples(&blocks), expected);
    assert!(blocks.iter().all(|block| !block.last) && player.is_playing(FEED));
    player.stop(FEED);
    assert!(!player.is_playing(FEED));
    let nothing = wav(folder.path(), "0.wav", 8_000, &[]);
    player.play(FEED, 2, &[nothing], true).unwrap();
    assert_eq!(drain(&mut ring).len(), 1, "silence is not repeated");
}

#[test]
fn no_prompt_at_all_is_one_marked_block_of_silence() {
    let (_folder, mut player, mut ring) = player(10);
    player.play(FEED, 3, &[], false).unwrap();
    assert_eq!(drain(&mut ring), [FeedBlock { block: [0; 8], generation: 3, last: true }]);
}

#[test]
fn a_law_and_mu_law_files_are_decoded() {
    let (folder, mut player, mut ring) = player(10);
    for (tag, law) in [(6u16, Law::A), (7, Law::Mu)] {
        let octets = [0x00, 0x2A, 0x55, 0x7F, 0x80, 0xAA, 0xD5, 0xFF];
        let mut file = b"RIFF\0\0\0\0WAVEfmt \x12\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend([1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0, 0, 0]);
        file.extend(b"data\x08\0\0\0");
        file.extend(octets);
        let path = folder.path().join(format!("{tag}.wav"));
        std::fs::write(&path, file).unwrap();
        player.play(FEED, 1, &[path], false).unwrap();
        assert_eq!(samples(&drain(&mut ring)), g711::decode_chunk(law, &octets));
    }
}

#[test]
fn a_file_that_cannot_be_played_is_named_with_field_and_value() {
    let (folder, mut player, mut ring) = player(10);
    let good = wav(folder.path(), "good.wav", 8_000, &[1; 8]);
    let fast = wav(folder.path(), "fast.wav", 96_000, &[1; 8]);
    let error = player.play(FEED, 1, &[good, fast.clone()], false).unwrap_err();
    let message = format!("prompt {}: sample rate is 96000 Hz: 8000 to 48000 Hz is needed", fast.display());
    assert_eq!(error.to_string(), message);
    assert!(drain(&mut ring).is_empty(), "nothing is played");
    let missing = folder.path().join("missing.wav");
    let message = format!("prompt {}: No such file or directory (os error 2)", missing.display());
    assert_eq!(player.prompts.load(&missing).unwrap_err().to_string(), message);
    assert!(matches!(player.play(FeedPort(1), 1, &[], false), Err(PlayError::NoSuchFeed(FeedPort(1)))));
    assert!(matches!(player.play(FEED, 1, &vec![PathBuf::new(); 33], false), Err(PlayError::TooMany(33))));
    let many = vec![[0_i16; 8].into(); 33];
    assert!(matches!(player.player.play(FEED, 1, many, false), Err(PlayError::TooMany(33))));
    assert_eq!(player.counters().refused, 2);
}

#[test]
fn a_prompt_of_48_khz_plays_at_its_speed_and_level() {
    let (folder, mut player, mut ring) = player(200);
    let sine: Vec<i16> = (0..4_800)
        .map(|n| (8_000.0 * (std::f64::consts::TAU * 1_000.0 * f64::from(n) / 48_000.0).sin()) as i16)
        .collect();
    let path = wav(folder.path(), "quick.wav", 48_000, &sine);
    player.play(FEED, 1, &[path], false).unwrap();
    let played = samples(&drain(&mut ring));
    assert_eq!(played.len(), 800, "100 ms");
    let power: f64 = played[80..720].iter().map(|&s| f64::from(s).powi(2)).sum::<f64>() / 640.0;
    let level_db = 10.0 * (power / (8_000.0_f64.powi(2) / 2.0)).log10();
    assert!(level_db.abs() < 0.3, "{level_db} dB");
    let turns = played[80..720].windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    assert!((79..=81).contains(&turns), "{turns} turns in 80 ms are 1000 Hz");
}

#[test]
fn the_cache_keeps_within_its_limit_and_reads_a_replaced_file_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut prompts = Prompts::new(1_000);
    let paths: Vec<PathBuf> =
        (0..4i16).map(|n| wav(folder.path(), &format!("{n}.wav"), 8_000, &[n; 400])).collect();
    for (n, path) in (0..).zip(&paths) {
        assert_eq!(prompts.load(path).unwrap()[..], [n; 400]);
        assert!(prompts.cached_samples() <= 1_000);
    }
    assert_eq!(prompts.cached_samples(), 800);
    wav(folder.path(), "3.wav", 8_000, &[33; 300]);
    assert_eq!(prompts.load(&paths[3]).unwrap()[..], [33; 300]);
    assert_eq!(prompts.cached_samples(), 700);
}
