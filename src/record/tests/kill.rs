//! A process that records is killed; its file opens and lacks at most a second.
#![expect(clippy::unwrap_used, reason = "a test stops where something is wrong")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clock::{Clock, MonoClock, SampleTime};
use link::{LegId, RecordingId};
use record::{POLL_INTERVAL, Recorder, RecorderConfig, SystemDisk, recover};
use rt::{TapBlock, TapPort};
use rtrb::RingBuffer;

const FOLDER: &str = "TANDEM_TEST_RECORD_INTO";

/// Records the machine's time in real time for ever, and tells every millisecond it has handed over.
fn record_for_ever(folder: &Path) -> ! {
    let (mut tap, ring) = RingBuffer::new(4_000);
    let config = RecorderConfig {
        directory: folder.to_path_buf(),
        reserve_octets: 0,
        flush: Duration::from_millis(500),
    };
    let mut recorder = Recorder::new(config, vec![ring], Box::new(SystemDisk::new(folder)));
    let id = RecordingId { leg: LegId { epoch: 1, session: 0, serial: 1 }, number: 1 };
    recorder.start(id, TapPort(0), Path::new("a.wav"), SampleTime::ZERO).unwrap();
    let begun = MonoClock.now();
    let (mut pushed, mut polled) = (0, begun);
    loop {
        while u128::from(pushed) < MonoClock.now().since(begun).as_millis() {
            let time = SampleTime::from_samples(pushed * 8);
            tap.push(TapBlock { time, rx: [1; 8], tx: [2; 8] }).unwrap();
            pushed += 1;
        }
        println!("\npushed {pushed}");
        std::io::stdout().flush().unwrap();
        if MonoClock.now().since(polled) >= POLL_INTERVAL {
            polled = MonoClock.now();
            recorder.poll(polled);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_killed_process_leaves_a_file_that_opens_and_lacks_at_most_a_second() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        record_for_ever(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "a_killed_process_leaves_a_file_that_opens_and_lacks_at_most_a_second",
            "--nocapture",
        ])
        .env(FOLDER, folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let mut pushed = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(ms) = line.strip_prefix("pushed ") {
            pushed = ms.parse::<u32>().unwrap();
        }
        if pushed > 1_700 || begun.elapsed() > Duration::from_secs(20) {
            child.kill().unwrap();
            break;
        }
    }
    child.wait().unwrap();
    assert!(pushed > 1_700, "the child recorded {pushed} ms only");
    let file = hound::WavReader::open(folder.path().join("a.wav.part")).unwrap();
    let kept_ms = file.duration() / 8;
    assert!(kept_ms + 1_000 >= pushed, "{kept_ms} ms are in the file, {pushed} ms were recorded");
    drop(file);
    let found = recover(folder.path());
    assert_eq!(found.closed.len(), 1);
    assert!(found.closed[0].1 >= u64::from(kept_ms) * 8);
    assert_eq!(
        u64::from(hound::WavReader::open(folder.path().join("a.wav")).unwrap().duration()),
        found.closed[0].1
    );
}
