//! What the lines, the disk and the system do to calls, end to end: garbage on a D-channel, an exchange that vanishes or
//! restarts, alarms, a full disk, processes that are killed. Each time the calls end with the right cause or go on, the
//! counters and the log name the span, and everything works again without a hand.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appliance;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use appliance::{Appliance, PATIENCE, configuration};
use hw_tests::audio::{by_second, decode};
use hw_tests::{Behaviour, Exchange, ExchangeEvent, PhoneEventKind, Phones};
use serde_json::Value;
use tdm::{Law, Timeslot};

const CALLS: u8 = 30;
const SECOND: usize = 8_000;
/// T309 of the test's trunk.
const T309: Duration = Duration::from_secs(6);
/// The most that a path through card, engine and card may take, in samples.
const MAX_DELAY: isize = 2_000;
/// Below it two signals are not the same.
const SAME: f64 = 0.98;
/// Q.850: destination out of order, with which T309 ends a call.
const OUT_OF_ORDER: i64 = 27;
/// Q.850: temporary failure.
const TEMPORARY: i64 = 41;

/// Half a minute of announcement, and seats that are reached by number: 8101 is seat 201.
fn numbers() -> String {
    let seats: String = (1..=5)
        .map(|n| format!("[[number]]\ncalled = \"810{n}\"\naction = \"seat\"\nseat = \"20{n}\"\n"))
        .collect();
    format!(
        "[[number]]\ncalled = \"8003\"\naction = \"announce\"\n\
         prompts = [\"en/long\", \"en/long\", \"en/long\"]\n{seats}"
    )
}

/// One appliance at a time: two on a small machine would starve each other, and libpri's timers run by the wall clock.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

struct World {
    appliance: Appliance,
    exchange: Exchange,
    phones: Phones,
    line: i32,
    switch: i32,
    _turn: MutexGuard<'static, ()>,
}

impl World {
    fn start(configuration: &str) -> World {
        World::of(Appliance::new(configuration))
    }

    fn of(mut appliance: Appliance) -> World {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        appliance.start("run");
        let phones = appliance.phones();
        let exchange = appliance.exchange();
        appliance.wait_ready();
        let (line, switch) = (appliance.child("line"), appliance.child("switch"));
        World { appliance, exchange, phones, line, switch, _turn: turn }
    }

    /// Lets the exchange call `called` `count` times and waits until all are answered.
    fn call(&mut self, called: &str, count: u8) -> Vec<String> {
        let ids: Vec<String> = (1..=count).map(|n| format!("c{n}")).collect();
        for (n, id) in (1..).zip(&ids) {
            self.exchange.call(id, called, &format!("139{n:05}"), None).unwrap();
        }
        for id in &ids {
            self.exchange.wait_call("ANSWERED", id).unwrap();
        }
        // Until the exchange's acknowledgements are here the calls are not active in the sense of T309.
        std::thread::sleep(Duration::from_secs(1));
        ids
    }

    /// Connects five callers to five telephones; all speak.
    fn talk(&mut self) -> Vec<String> {
        let ids: Vec<String> = (1..=5).map(|n| format!("t{n}")).collect();
        for (n, id) in (1u8..).zip(&ids) {
            let seed = Some(1_000 + u32::from(n));
            let behaviour =
                Behaviour { answer_after_ms: Some(300), noise_seed: seed, ..Behaviour::default() };
            self.phones.behave(Timeslot(n), behaviour);
            self.exchange.call(id, &format!("810{n}"), &format!("137{n:05}"), None).unwrap();
        }
        for (n, id) in (1u8..).zip(&ids) {
            let lifted = self.phones.wait(Timeslot(n), PhoneEventKind::Lifted, PATIENCE);
            assert!(lifted.is_some(), "telephone {n} rings");
            self.exchange.wait_call("ANSWERED", id).unwrap();
            self.exchange.command(&format!("play {id} noise:{n}")).unwrap();
        }
        ids
    }

    /// Lets the calls of [`World::talk`] talk on for some seconds, ends them, and proves that both sides heard each other
    /// through all of these seconds.
    fn assert_talking(&mut self, ids: &[String], seconds: usize) {
        let before = self.phones.hearing(Timeslot(1)).heard.len();
        let until = Instant::now() + PATIENCE;
        // Seconds of the card: a slow machine makes them longer.
        while self.phones.hearing(Timeslot(1)).heard.len() < before + (seconds + 1) * SECOND {
            assert!(Instant::now() < until, "the card's time stands still");
            std::thread::sleep(Duration::from_millis(50));
        }
        let hearings: Vec<_> = (1..=5).map(|n| self.phones.hearing(Timeslot(n))).collect();
        for id in ids {
            self.exchange.command(&format!("hangup {id} 16")).unwrap();
        }
        for ((n, id), phone) in (1u8..).zip(ids).zip(hearings) {
            self.exchange.wait_call("CLEARED", id).unwrap();
            self.phones.hang_up(Timeslot(n));
            let call = self.exchange.recording(id).unwrap();
            let end = phone.heard.len() - SECOND / 2;
            let start = end - seconds * SECOND;
            let offset = usize::try_from(phone.start.since(call.start)).unwrap();
            let line = start + offset..end + offset;
            for (heard, said, way) in [
                (&phone.heard[start..end], &call.said[line.clone()], "to the telephone"),
                (&call.heard[line.clone()], &phone.said[start..end], "to the exchange"),
            ] {
                let correlation = by_second(&decode(Law::A, heard), &decode(Law::A, said), 0..=MAX_DELAY);
                assert!(correlation.len() + 1 >= seconds, "{id} {way}: {correlation:?}");
                assert!(correlation.iter().all(|second| *second > SAME), "{id} {way}: {correlation:?}");
            }
        }
    }

    /// Waits until no call lives and `count` have ended with their recordings closed.
    fn wait_ended(&self, count: usize) -> Vec<Value> {
        let what = format!("{count} calls have ended");
        let ended = self.appliance.wait_until(&["calls", "--ended", "--limit", "500"], &what, |answer| {
            let calls = list(answer, "calls");
            calls.len() >= count && calls.iter().all(|call| !call["ended_ms"].is_null() && is_closed(call))
        });
        list(&ended, "calls").to_vec()
    }

    fn live(&self) -> usize {
        list(&self.appliance.ask(&["calls", "--limit", "500"]).unwrap(), "calls").len()
    }

    /// A caller is answered, and hangs up: everything works.
    fn assert_new_call_works(&mut self, id: &str) {
        self.exchange.call(id, "8003", "13800000", None).unwrap();
        self.exchange.wait_call("ANSWERED", id).unwrap();
        self.exchange.command(&format!("hangup {id} 16")).unwrap();
        self.exchange.wait_call("CLEARED", id).unwrap();
    }

    fn wait_dchannel(&mut self) {
        let up = |event: &ExchangeEvent| event.name == "DCHAN" && event.word(0) == "up";
        self.exchange.wait_for("DCHAN up", PATIENCE, up).unwrap();
        self.appliance.wait_ready();
    }

    /// Neither process has ended, nothing has panicked.
    fn assert_undisturbed(&self) {
        let now = (self.appliance.child("line"), self.appliance.child("switch"));
        assert_eq!(now, (self.line, self.switch), "no process was started again");
        assert!(!self.appliance.log("run").contains("panicked"), "{}", self.appliance.log("run"));
    }

    /// Every call has one recording that is closed, can be read, and is as long as it is said to be.
    fn assert_recordings(&self, calls: &[Value]) {
        for call in calls {
            let file = call["recordings"][0]["file"].as_str().expect("it was recorded");
            let (left, right) = self.appliance.recording(file);
            assert_eq!(left.len(), right.len());
            let length_ms = call["recordings"][0]["length_ms"].as_u64().unwrap();
            assert_eq!(left.len() as u64 * 1_000 / SECOND as u64, length_ms, "{file}");
            assert!(length_ms > 200, "{file}: {length_ms} ms");
        }
        self.assert_no_parts();
    }

    fn assert_no_parts(&self) {
        let files = self.appliance.recording_files();
        assert!(files.iter().all(|file| file.ends_with(".wav")), "{files:?}");
    }
}

fn list<'a>(answer: &'a Value, key: &str) -> &'a [Value] {
    answer[key].as_array().map_or(&[][..], Vec::as_slice)
}

fn is_closed(call: &Value) -> bool {
    list(call, "recordings").iter().all(|recording| !recording["file"].is_null())
}

fn span_1(answer: &Value) -> &Value {
    list(answer, "spans").iter().find(|span| span["span"] == 1).expect("span 1 is configured")
}

fn is_red(answer: &Value) -> bool {
    span_1(answer)["alarms"].as_array().is_some_and(|alarms| alarms.contains(&"red".into()))
}

fn assert_causes(calls: &[Value], allowed: &[i64]) {
    for call in calls {
        let cause = call["cause"].as_i64().expect("it has ended");
        assert!(allowed.contains(&cause), "cause {cause}, not one of {allowed:?}: {call}");
    }
}

#[test]
fn garbage_on_a_d_channel_is_counted_and_told_and_calls_go_on() {
    let mut world = World::start(&configuration(&numbers()));
    let ids = world.talk();
    std::thread::sleep(Duration::from_secs(1));
    world.exchange.command("garbage 200").unwrap();
    world.appliance.wait_until(&["spans"], "200 bad frames are counted", |answer| {
        span_1(answer)["bad_frames"].as_u64().is_some_and(|count| (190..=200).contains(&count))
    });
    world.appliance.wait_log("run", &["WARN", "bad frames on the D-channel", "span=1"]);
    assert_eq!(world.live(), 5, "no call was lost");
    world.assert_talking(&ids, 4);
    world.wait_ended(5);
    world.assert_new_call_works("after");
    world.assert_undisturbed();
}

#[test]
fn an_exchange_that_vanishes_with_thirty_calls_up_leaves_none_behind_and_comes_back() {
    let mut world = World::start(&configuration(&numbers()));
    let ids = world.call("8003", CALLS);
    world.exchange.command("drop").unwrap();
    let dropped = Instant::now();
    world.appliance.wait_until(&["spans"], "span 1 is RED", is_red);
    world.appliance.wait_log("run", &["WARN", "a span has alarms", "span=1"]);
    for id in &ids {
        world.exchange.wait_call("CLEARED", id).unwrap();
    }
    let ended = world.wait_ended(usize::from(CALLS));
    assert!(dropped.elapsed() >= T309, "active calls are kept for T309");
    assert_causes(&ended, &[OUT_OF_ORDER]);
    world.assert_recordings(&ended);
    world.exchange.command("connect").unwrap();
    world.wait_dchannel();
    world.assert_new_call_works("after");
    world.assert_undisturbed();
}

#[test]
fn an_exchange_that_comes_back_knowing_no_call_is_asked_and_the_calls_end() {
    let mut world = World::start(&configuration(&numbers()));
    world.call("8003", 10);
    world.exchange.command("drop").unwrap();
    world.appliance.wait_until(&["spans"], "span 1 is RED", is_red);
    world.exchange.command("connect").unwrap();
    world.wait_dchannel();
    let back = Instant::now();
    let ended = world.wait_ended(10);
    assert!(back.elapsed() < T309, "they did not wait for anything");
    // What libpri answers when it is asked for a call that it does not know, or ours when the states do not fit.
    assert_causes(&ended, &[16, 30, TEMPORARY, 81, 101]);
    world.assert_new_call_works("after");
    world.assert_undisturbed();
}

#[test]
fn a_short_red_alarm_keeps_thirty_calls_and_a_long_one_clears_them() {
    let mut world = World::start(&configuration(&numbers()));
    world.call("8003", CALLS);
    world.exchange.command("alarm red").unwrap();
    world.appliance.wait_until(&["spans"], "span 1 is RED", is_red);
    std::thread::sleep(Duration::from_secs(1));
    world.exchange.command("alarm none").unwrap();
    world.appliance.wait_ready();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(world.live(), usize::from(CALLS), "a short alarm costs no active call");

    world.exchange.command("alarm red").unwrap();
    let ended = world.wait_ended(usize::from(CALLS));
    assert_causes(&ended, &[OUT_OF_ORDER]);
    world.assert_recordings(&ended);
    world.exchange.command("alarm none").unwrap();
    world.appliance.wait_ready();
    world.assert_new_call_works("after");
    world.assert_undisturbed();
}

#[test]
fn a_restart_by_the_exchange_ends_its_calls_and_gives_the_channels_back() {
    let mut world = World::start(&configuration(&numbers()));
    let ids = world.call("8003", CALLS);
    world.exchange.command("restart").unwrap();
    let ended = world.wait_ended(usize::from(CALLS));
    assert_causes(&ended, &[TEMPORARY]);
    for _ in 1..=CALLS {
        world.exchange.wait("RESTARTED").unwrap();
    }
    // The exchange still has to give up its own halves.
    for id in &ids {
        world.exchange.command(&format!("hangup {id} 16")).unwrap();
        world.exchange.wait_call("CLEARED", id).unwrap();
    }
    world.appliance.wait_ready();
    for again in world.call("8003", CALLS) {
        world.exchange.command(&format!("hangup {again} 16")).unwrap();
    }
    world.wait_ended(2 * usize::from(CALLS));
    world.assert_undisturbed();
}

/// A small disk of its own; gone with this value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts 4 MiB of memory at `directory`; none where a test may not mount.
    fn mount(directory: &Path) -> Option<SmallDisk> {
        std::fs::create_dir_all(directory).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tandem-test"]).arg(directory);
        let done = mount.output().is_ok_and(|output| output.status.success());
        done.then(|| SmallDisk(directory.to_owned()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler.wav")
    }

    /// Fills it to the last octet.
    fn fill(&self) {
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the processes that write to it may still be ending.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_costs_recordings_and_no_call_and_is_recorded_on_again_when_there_is_room() {
    let appliance = Appliance::new(&configuration(&numbers()).replace("reserve_mib = 1", "reserve_mib = 0"));
    let disk = SmallDisk::mount(&appliance.data("recordings"));
    match &disk {
        Some(disk) => disk.fill(),
        None => {
            eprintln!("no right to mount: more room is kept free than the disk has, and it never gets room");
            let text = configuration(&numbers()).replace("reserve_mib = 1", "reserve_mib = 1_048_576");
            std::fs::write(&appliance.config, text).unwrap();
        }
    }
    let mut world = World::of(appliance);
    // Before the world: its folder cannot be removed while something is mounted there.
    let disk = disk;
    let ids = world.talk();
    world.appliance.wait_log("run", &["ERROR", "a recording cannot be written"]);
    world.appliance.wait_until(&["status"], "failed recordings are counted", |answer| {
        answer["health"]["failed_recordings"].as_u64().is_some_and(|count| count >= 5)
    });
    world.assert_talking(&ids, 4);
    let ended = world.wait_ended(5);
    assert_causes(&ended, &[16]);
    assert!(ended.iter().all(|call| call["recordings"][0]["failed"].is_string()), "{ended:?}");
    let files = world.appliance.recording_files();
    assert!(files.len() <= 1, "the tries have left nothing: {files:?}");
    if let Some(disk) = disk {
        std::fs::remove_file(disk.filler()).unwrap();
        for id in world.call("8003", 5) {
            world.exchange.command(&format!("hangup {id} 16")).unwrap();
        }
        let ended = world.wait_ended(10);
        let of_now = |call: &&Value| call["called"] == "8003";
        let recorded: Vec<Value> = ended.iter().filter(of_now).cloned().collect();
        assert_eq!(recorded.len(), 5);
        assert!(recorded.iter().all(|call| call["recordings"][0]["failed"].is_null()));
        world.assert_recordings(&recorded);
    }
    world.assert_undisturbed();
}

#[test]
fn the_death_of_the_line_process_ends_its_calls_saves_their_recordings_and_new_calls_work() {
    let mut world = World::start(&configuration(&numbers()));
    let ids = world.call("8003", 10);
    std::thread::sleep(Duration::from_secs(3));
    let dead = world.appliance.kill_child("line");
    for id in &ids {
        world.exchange.wait_call("CLEARED", id).unwrap();
    }
    world.appliance.wait_log("run", &["ERROR", "ended", "process=\"line\""]);
    world.appliance.wait_until(&["calls", "--ended"], "the switch knows that they are over", |answer| {
        let calls = list(answer, "calls");
        calls.len() == 10 && calls.iter().all(|call| call["cause"] == TEMPORARY)
    });
    world.appliance.wait_log("run", &["closed a recording that a dead process had left"]);
    world.exchange.command("connect").unwrap();
    world.wait_dchannel();
    let files = world.appliance.recording_files();
    assert_eq!(files.len(), 10, "{files:?}");
    world.assert_no_parts();
    for file in &files {
        let (left, _) = world.appliance.recording(file);
        assert!(left.len() > SECOND / 5, "{file}: {} samples", left.len());
    }
    world.assert_new_call_works("after");
    assert_ne!(world.appliance.child("line"), dead);
    assert_eq!(world.appliance.child("switch"), world.switch, "the switch lives on");
}

#[test]
fn the_death_of_the_switch_is_mended_at_once() {
    let mut world = World::start(&configuration(&numbers()));
    let ids = world.talk();
    std::thread::sleep(Duration::from_secs(1));
    let dead = world.appliance.kill_child("switch");
    let killed = Instant::now();
    world.exchange.call("new", "8003", "13811111", None).unwrap();
    world.exchange.wait_call("ANSWERED", "new").unwrap();
    assert!(killed.elapsed() < Duration::from_secs(5), "the new call waited {:?}", killed.elapsed());
    assert_ne!(world.appliance.child("switch"), dead);
    assert_eq!(world.appliance.child("line"), world.line, "the line process lives on");
    assert_eq!(world.live(), 6, "the new switch knows all calls");
    world.assert_talking(&ids, 3);
    world.exchange.command("hangup new 16").unwrap();
    world.exchange.wait_call("CLEARED", "new").unwrap();
    let ended = world.wait_ended(6);
    assert_causes(&ended, &[16]);
    world.assert_recordings(&ended);
}
