//! The recorder on real files: what is in them, what gaps and old blocks do, and what happens when the disk fails.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

mod disk;

use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::{Mono, SampleTime};
use link::{LegId, RecordingId};
use record::{
    RecordEvent, RecordFailure, Recorder, RecorderConfig, StartError, SystemDisk, recording_path, recover,
};
use rt::{TapBlock, TapPort};
use rtrb::{Producer, RingBuffer};
use tempfile::TempDir;

use disk::{FailingDisk, Fault};

const ONE: RecordingId = recording(1);
const TWO: RecordingId = recording(2);
const PORT: TapPort = TapPort(0);

/// A recorder with taps of 4 s, its folder and its time.
struct Bench {
    folder: TempDir,
    recorder: Recorder,
    taps: Vec<Producer<TapBlock>>,
    fault: Fault,
    now: Mono,
}

impl Bench {
    fn new(taps: usize, reserve_octets: u64) -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let (taps, rings): (Vec<_>, Vec<_>) = (0..taps).map(|_| RingBuffer::new(4_000)).unzip();
        let config = RecorderConfig {
            directory: folder.path().to_path_buf(),
            reserve_octets,
            flush: Duration::from_millis(500),
        };
        let fault = Fault::default();
        let disk = FailingDisk::new(SystemDisk::new(folder.path()), fault.clone());
        let recorder = Recorder::new(config, rings, Box::new(disk));
        Bench { folder, recorder, taps, fault, now: Mono::ZERO }
    }

    /// Pushes `ms` blocks from the millisecond `from` on; both sides carry the block's number, the right one negated.
    fn push(&mut self, tap: usize, from: u64, ms: u64) {
        for at in from..from + ms {
            let level = i16::try_from(at % 30_000).unwrap() + 1;
            let block = TapBlock { time: SampleTime::from_samples(at * 8), rx: [level; 8], tx: [-level; 8] };
            self.taps[tap].push(block).unwrap();
        }
    }

    fn poll(&mut self, ms: u64) {
        self.now += Duration::from_millis(ms);
        self.recorder.poll(self.now);
    }

    fn start(&mut self, id: RecordingId, tap: u16, name: &str, not_before_ms: u64) -> Result<(), StartError> {
        self.recorder.start(id, TapPort(tap), Path::new(name), SampleTime::from_samples(not_before_ms * 8))
    }

    fn events(&mut self) -> Vec<RecordEvent> {
        std::iter::from_fn(|| self.recorder.poll_event()).collect()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Reads a file as one number per millisecond: the left side's level, after checking that the right is its negative.
    fn levels(&self, name: &str) -> Vec<i16> {
        let mut reader = hound::WavReader::open(self.path(name)).unwrap();
        let samples: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
        let level = |block: &[i16]| {
            assert!(block.chunks(2).all(|frame| frame[0] == block[0] && frame[1] == -block[0]), "{block:?}");
            block[0]
        };
        samples.chunks(16).map(level).collect()
    }
}

const fn recording(serial: u32) -> RecordingId {
    RecordingId { leg: LegId { epoch: 1, session: 0, serial }, number: 1 }
}

fn started(id: RecordingId, path: PathBuf, first_ms: u64) -> RecordEvent {
    RecordEvent::Started { id, path, first: SampleTime::from_samples(first_ms * 8) }
}

#[test]
fn a_recording_is_stereo_and_complete() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "2026/11/22/a.wav", 0).unwrap();
    bench.push(0, 100, 250);
    bench.poll(100);
    bench.push(0, 350, 50);
    assert!(bench.recorder.stop(ONE));
    bench.poll(100);
    let path = bench.path("2026/11/22/a.wav");
    assert_eq!(
        bench.events(),
        [
            started(ONE, path.clone(), 100),
            RecordEvent::Closed { id: ONE, path: path.clone(), samples: 2_400 },
            RecordEvent::Stopped { id: ONE, path: Some(path), samples: 2_400 },
        ]
    );
    assert_eq!(bench.levels("2026/11/22/a.wav"), (101..=400).collect::<Vec<i16>>());
    assert!(!bench.path("2026/11/22/a.wav.part").exists());
    assert!(!bench.recorder.stop(ONE), "it is gone");
}

#[test]
fn a_gap_is_filled_with_silence_by_sample_time() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.push(0, 0, 10);
    bench.push(0, 30, 10);
    bench.poll(100);
    bench.recorder.finish();
    let expected: Vec<i16> = (1..=10).chain([0; 20]).chain(31..=40).collect();
    assert_eq!(bench.levels("a.wav"), expected);
    assert_eq!((bench.recorder.counters().gaps, bench.recorder.counters().gap_samples), (1, 160));
}

#[test]
fn a_gap_of_a_minute_is_filled_and_a_longer_one_ends_the_recording() {
    let mut bench = Bench::new(2, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.start(TWO, 1, "b.wav", 0).unwrap();
    for tap in 0..2 {
        bench.push(tap, 0, 1);
    }
    bench.push(0, 60_001, 1);
    bench.push(1, 60_002, 2);
    bench.poll(100);
    let jump = RecordFailure::Jump { samples: 480_008 };
    let failures: Vec<_> =
        bench.events().into_iter().filter(|e| matches!(e, RecordEvent::Failed { .. })).collect();
    assert_eq!(failures, [RecordEvent::Failed { id: TWO, why: jump }]);
    bench.push(1, 60_004, 1);
    bench.recorder.finish();
    assert_eq!(bench.levels("a.wav").len(), 60_002);
    assert_eq!(bench.levels("b.wav"), [1], "what came before the jump is kept");
}

#[test]
fn blocks_of_an_earlier_use_of_the_tap_never_enter_a_recording() {
    let mut bench = Bench::new(1, 0);
    bench.push(0, 0, 50);
    bench.start(ONE, 0, "a.wav", 60).unwrap();
    bench.push(0, 50, 20);
    bench.poll(100);
    bench.recorder.stop(ONE);
    bench.push(0, 70, 30);
    bench.poll(100);
    bench.start(TWO, 0, "b.wav", 100).unwrap();
    bench.push(0, 100, 5);
    bench.recorder.finish();
    assert_eq!(bench.levels("a.wav"), (61..=70).collect::<Vec<i16>>());
    assert_eq!(bench.levels("b.wav"), (101..=105).collect::<Vec<i16>>());
    assert_eq!(bench.recorder.counters().stale_blocks, 50 + 10 + 30);
}

#[test]
fn a_recording_without_a_block_has_no_file() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.poll(100);
    bench.recorder.stop(ONE);
    assert_eq!(bench.start(ONE, 0, "b.wav", 0), Err(StartError::Running(ONE)), "it is not closed yet");
    bench.poll(100);
    assert_eq!(bench.events(), [RecordEvent::Stopped { id: ONE, path: None, samples: 0 }]);
    assert_eq!(std::fs::read_dir(bench.folder.path()).unwrap().count(), 0);
}

#[test]
fn blocks_that_came_before_the_order_to_record_are_kept_if_they_are_young_enough() {
    let mut bench = Bench::new(1, 0);
    bench.push(0, 40, 60);
    bench.poll(100);
    bench.start(ONE, 0, "a.wav", 50).unwrap();
    bench.push(0, 100, 5);
    bench.recorder.finish();
    assert_eq!(bench.levels("a.wav"), (51..=105).collect::<Vec<i16>>());
}

#[test]
fn blocks_out_of_order_are_dropped_and_counted() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.push(0, 10, 5);
    bench.push(0, 12, 4);
    bench.recorder.finish();
    assert_eq!(bench.levels("a.wav"), (11..=16).collect::<Vec<i16>>());
    assert_eq!(bench.recorder.counters().late_blocks, 3);
}

#[test]
fn the_header_is_true_after_every_flush_while_the_file_is_written() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    for tenth in 0..20 {
        bench.push(0, tenth * 100, 100);
        bench.poll(100);
        let ms = hound::WavReader::open(bench.path("a.wav.part")).unwrap().duration() / 8;
        assert!(u64::from(ms) + 500 >= (tenth + 1) * 100, "only {ms} ms after {} ms", (tenth + 1) * 100);
    }
}

#[test]
fn a_disk_without_room_ends_the_file_and_room_begins_the_next() {
    let mib = 1 << 20;
    let mut bench = Bench::new(1, 512 * mib);
    bench.fault.set_free(600 * mib);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.push(0, 0, 1_000);
    bench.poll(1_000);
    bench.fault.set_free(511 * mib);
    bench.push(0, 1_000, 1_000);
    bench.poll(1_000);
    bench.push(0, 2_000, 1_000);
    bench.fault.set_free(520 * mib);
    bench.poll(1_000);
    bench.push(0, 3_000, 1_000);
    bench.fault.set_free(580 * mib);
    bench.poll(1_000);
    bench.push(0, 4_000, 500);
    bench.recorder.finish();
    let (a, b) = (bench.path("a.wav"), bench.path("a-2.wav"));
    let short = RecordFailure::NoRoom { free_mib: 511, reserve_mib: 512 };
    let first = SampleTime::from_samples(3_000 * 8);
    assert_eq!(
        bench.events(),
        [
            started(ONE, a.clone(), 0),
            RecordEvent::Failed { id: ONE, why: short },
            RecordEvent::Closed { id: ONE, path: a.clone(), samples: 16_000 },
            RecordEvent::Resumed { id: ONE, path: b.clone(), first },
            RecordEvent::Closed { id: ONE, path: b, samples: 12_000 },
            RecordEvent::Stopped { id: ONE, path: Some(a), samples: 28_000 },
        ]
    );
    assert_eq!(bench.levels("a-2.wav"), (3_001..=4_500).collect::<Vec<i16>>());
    let counters = bench.recorder.counters();
    assert_eq!((counters.failures, counters.resumed, counters.lost_samples), (1, 1, 8_000));
}

#[test]
fn a_write_that_fails_leaves_a_file_that_opens_and_is_tried_again() {
    let mut bench = Bench::new(1, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.push(0, 0, 500);
    bench.poll(500);
    bench.poll(500);
    bench.push(0, 500, 500);
    bench.fault.refuse_writes(true);
    bench.poll(500);
    bench.push(0, 1_000, 1_000);
    bench.poll(1_000);
    bench.fault.refuse_writes(false);
    bench.push(0, 2_000, 1_000);
    bench.poll(1_000);
    bench.recorder.finish();
    let events = bench.events();
    let failures: Vec<_> = events.iter().filter(|e| matches!(e, RecordEvent::Failed { .. })).collect();
    assert!(
        matches!(failures[..], [RecordEvent::Failed { why: RecordFailure::System { error, .. }, .. }]
            if error.contains("No space left on device")),
        "one failure is told once: {failures:?}"
    );
    assert_eq!(bench.levels("a.wav"), (1..=500).collect::<Vec<i16>>());
    let resumed = events.iter().find_map(|event| match event {
        RecordEvent::Resumed { path, .. } => Some(path.clone()),
        _ => None,
    });
    let name = resumed.unwrap().file_name().unwrap().to_str().unwrap().to_string();
    assert_eq!(bench.levels(&name), (2_001..=3_000).collect::<Vec<i16>>());
    assert_eq!(bench.recorder.counters().lost_samples, 1_500 * 8);
}

#[test]
fn a_disk_that_makes_names_and_takes_no_octet_is_not_filled_with_empty_files() {
    let mut bench = Bench::new(1, 0);
    bench.fault.refuse_writes(true);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    for second in 0..5 {
        bench.push(0, second * 1_000, 1_000);
        bench.poll(1_000);
    }
    assert!(!bench.path("a.wav.part").exists() && !bench.path("a-2.wav.part").exists());
    bench.fault.refuse_writes(false);
    bench.push(0, 5_000, 1_000);
    bench.poll(1_000);
    bench.recorder.finish();
    assert_eq!(bench.levels("a.wav"), (5_001..=6_000).collect::<Vec<i16>>());
    assert_eq!(bench.recorder.counters().lost_samples, 5_000 * 8);
}

#[test]
fn a_failing_recording_does_not_touch_its_neighbour() {
    let mut bench = Bench::new(2, 0);
    std::fs::write(bench.path("wall"), b"").unwrap();
    bench.start(ONE, 0, "wall/a.wav", 0).unwrap();
    bench.start(TWO, 1, "b.wav", 0).unwrap();
    bench.push(0, 0, 300);
    bench.push(1, 0, 300);
    bench.poll(300);
    bench.recorder.finish();
    assert_eq!(bench.levels("b.wav").len(), 300);
    assert_eq!(bench.recorder.counters().failures, 1);
    assert_eq!(bench.recorder.counters().lost_samples, 2_400);
}

#[test]
fn a_name_in_use_gets_a_number_instead_of_being_written_over() {
    let mut bench = Bench::new(1, 0);
    std::fs::write(bench.path("a.wav"), b"old").unwrap();
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    bench.push(0, 0, 3);
    bench.recorder.finish();
    assert_eq!(std::fs::read(bench.path("a.wav")).unwrap(), b"old");
    assert_eq!(bench.levels("a-2.wav"), [1, 2, 3]);
}

#[test]
fn orders_that_make_no_sense_are_refused() {
    let mut bench = Bench::new(2, 0);
    bench.start(ONE, 0, "a.wav", 0).unwrap();
    assert_eq!(bench.start(ONE, 1, "b.wav", 0), Err(StartError::Running(ONE)));
    assert_eq!(bench.start(TWO, 0, "b.wav", 0), Err(StartError::TapBusy(PORT)));
    assert_eq!(bench.start(TWO, 2, "b.wav", 0), Err(StartError::NoSuchTap(TapPort(2))));
    for name in ["../b.wav", "/b.wav", ""] {
        assert_eq!(bench.start(TWO, 1, name, 0), Err(StartError::BadName(name.into())));
    }
    assert_eq!(bench.recorder.running().collect::<Vec<_>>(), [(ONE, PORT)]);
    bench.start(TWO, 1, recording_path(0, TWO).to_str().unwrap(), 0).unwrap();
}

#[test]
fn many_recordings_at_once_are_all_complete() {
    let mut bench = Bench::new(64, 0);
    for tap in 0..64 {
        bench.start(recording(tap.into()), tap, &format!("{tap}.wav"), 0).unwrap();
    }
    for second in 0..2 {
        for tap in 0..64 {
            bench.push(tap, second * 1_000, 1_000);
        }
        bench.poll(1_000);
    }
    for tap in 0..64 {
        bench.recorder.stop(recording(tap));
    }
    bench.poll(100);
    let closed = |bench: &Bench| bench.recorder.counters().closed;
    assert!(closed(&bench) < 64, "closing is spread over polls");
    for _ in 0..8 {
        bench.poll(100);
    }
    assert_eq!(closed(&bench), 64);
    for tap in 0..64 {
        assert_eq!(bench.levels(&format!("{tap}.wav")), (1..=2_000).collect::<Vec<i16>>());
    }
}

#[test]
fn what_a_dead_process_left_is_closed_and_empty_files_are_removed() {
    let mut bench = Bench::new(2, 0);
    bench.start(ONE, 0, "2026/11/22/a.wav", 0).unwrap();
    bench.start(TWO, 1, "2026/11/22/b.wav", 0).unwrap();
    bench.push(0, 0, 600);
    bench.poll(600);
    bench.push(1, 0, 1);
    bench.poll(600);
    let folder = bench.folder;
    drop(bench.recorder);
    let left = folder.path().join("2026/11/22/a.wav.part");
    // The samples of a flush whose header was not written any more, and half a frame.
    let mut octets = std::fs::read(&left).unwrap();
    octets.extend([7; 34]);
    std::fs::write(&left, octets).unwrap();
    std::fs::write(folder.path().join("2026/11/22/c.wav.part"), b"RIFF").unwrap();
    std::fs::write(folder.path().join("2026/11/22/d.wav.part"), [b'x'; 100]).unwrap();
    let found = recover(folder.path());
    let a = folder.path().join("2026/11/22/a.wav");
    assert_eq!(found.closed.first(), Some(&(a.clone(), 4_808)));
    assert_eq!(hound::WavReader::open(a).unwrap().duration(), 4_808);
    assert!(found.removed.contains(&folder.path().join("2026/11/22/c.wav.part")));
    assert_eq!(found.failed.len(), 1, "{:?}", found.failed);
    assert!(folder.path().join("2026/11/22/d.wav.part").exists(), "what is not ours is left alone");
    let again = recover(folder.path());
    assert!(again.closed.is_empty() && again.removed.is_empty());
    assert!(recover(&folder.path().join("nowhere")).failed.is_empty());
}
