//! The first call, end to end: an exchange that we did not write (libpri) calls through a simulated E1 and is called,
//! thirty calls at once; keys are heard as audio, callers are connected to telephones, both are recorded, and talking
//! calls outlive the death of the deciding process.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appliance;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use appliance::{Appliance, PATIENCE, WELCOME_SAMPLES, WELCOME_SEED, configuration};
use hw_tests::audio::{Noise, by_second, decode, find};
use hw_tests::{Behaviour, CallRecording, Exchange, Hearing, PhoneEventKind, Phones};
use serde_json::Value;
use tdm::{Law, Timeslot};

/// One appliance at a time: two would starve each other on a small machine.
static ALONE: Mutex<()> = Mutex::new(());

const CALLS: u8 = 30;
const SECOND: usize = 8_000;
/// The most that a path through card, engine and card may take, in samples.
const MAX_DELAY: isize = 2_000;
/// Below it two signals are not the same.
const SAME: f64 = 0.98;

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn port(n: u8) -> Timeslot {
    Timeslot(n)
}

/// Sets every telephone to lift after half a second of ringing and to speak noise of its own.
fn set_up(phones: &Phones) {
    for n in 1..=CALLS {
        let seed = Some(1_000 + u32::from(n));
        phones.behave(
            port(n),
            Behaviour { answer_after_ms: Some(500), noise_seed: seed, ..Behaviour::default() },
        );
    }
}

/// Lets every call key the number of its telephone, waits until all talk, and lets the exchange's side speak.
fn reach_seats(exchange: &mut Exchange, phones: &mut Phones, ids: &[String]) {
    for (n, id) in (1u8..).zip(ids) {
        exchange.command(&format!("dtmf {id} 2{n:02}")).unwrap();
    }
    for n in 1..=CALLS {
        let lifted = phones.wait(port(n), PhoneEventKind::Lifted, PATIENCE);
        assert!(lifted.is_some(), "telephone {n} was not rung: its number was not heard");
    }
    for (n, id) in (1u32..).zip(ids) {
        exchange.command(&format!("play {id} noise:{n}")).unwrap();
    }
}

fn hang_up_all(exchange: &mut Exchange, phones: &Phones, ids: &[String]) {
    for id in ids {
        exchange.command(&format!("hangup {id} 16")).unwrap();
    }
    for id in ids {
        exchange.wait_call("CLEARED", id).unwrap();
    }
    (1..=CALLS).for_each(|n| phones.hang_up(port(n)));
}

/// Proves by correlation that what one side said is what the other heard, second by second, from the sample `from` of the
/// exchange's recording on.
fn assert_speech(call: &CallRecording, phone: &Hearing, talk: std::ops::Range<usize>, who: &str) {
    let offset =
        isize::try_from(call.start.samples()).unwrap() - isize::try_from(phone.start.samples()).unwrap();
    let at = |index: usize| usize::try_from(isize::try_from(index).unwrap() + offset).unwrap();
    let phone_range = at(talk.start)..at(talk.end).min(phone.heard.len());
    let said = decode(Law::A, &call.said[talk.clone()]);
    let heard = decode(Law::A, &phone.heard[phone_range.clone()]);
    assert_all(&by_second(&heard, &said, 0..=MAX_DELAY), &format!("{who}: exchange to telephone"));
    let said = decode(Law::A, &phone.said[phone_range]);
    let heard = decode(Law::A, &call.heard[talk]);
    assert_all(&by_second(&heard, &said, 0..=MAX_DELAY), &format!("{who}: telephone to exchange"));
}

fn assert_all(seconds: &[f64], what: &str) {
    assert!(seconds.len() >= 3, "{what}: only {} seconds", seconds.len());
    assert!(seconds.iter().all(|second| *second > SAME), "{what}: correlation by second {seconds:?}");
}

/// A line without echo cancellers passes every sample as it is.
const EXACT: &str = "[echo]\ntail_ms = 0\n";

/// Proves that the prompt was heard by the caller.
fn assert_prompt(call: &CallRecording, who: &str) {
    let prompt: Vec<i16> = Noise::new(WELCOME_SEED).take(WELCOME_SAMPLES / 2).collect();
    let heard = decode(Law::A, &call.heard[..call.heard.len().min(5 * SECOND)]);
    let found = find(&heard, &prompt, 0..=isize::try_from(4 * SECOND).unwrap());
    assert!(found.correlation > SAME, "{who}: the prompt was not heard: {found:?}");
}

/// Proves that a recording holds, sample by sample, what passed on the trunk.
fn assert_recording(appliance: &Appliance, file: &str, call: &CallRecording, talk: std::ops::Range<usize>) {
    let (left, right) = appliance.recording(file);
    for (recorded, passed, side) in
        [(&left, &call.said, "from the line"), (&right, &call.heard, "to the line")]
    {
        let window = decode(Law::A, &passed[talk.clone()]);
        let start = (0..recorded.len().saturating_sub(window.len()))
            .find(|start| recorded[*start..].starts_with(&window));
        assert!(start.is_some(), "{file}: the recording {side} is not what passed on the line");
    }
}

/// Returns the ended calls by the caller's number or by the number reached.
fn ended_by<'a>(calls: &'a Value, key: &str, value: &str) -> &'a Value {
    let calls = calls["calls"].as_array().expect("a list of calls");
    calls
        .iter()
        .find(|call| call[key] == value)
        .unwrap_or_else(|| panic!("no call with {key} {value}: {calls:?}"))
}

fn wait_ended(appliance: &Appliance, count: usize) -> Value {
    let closed = |call: &Value| {
        call["recordings"]
            .as_array()
            .is_some_and(|all| all.iter().all(|recording| !recording["file"].is_null()))
    };
    appliance.wait_until(&["calls", "--ended", "--limit", "500"], "all calls have ended", |answer| {
        let calls = answer["calls"].as_array().map_or(&[][..], Vec::as_slice);
        calls.len() >= count && calls.iter().all(closed)
    })
}

/// Brings answered calls to their telephones, lets both sides speak for six seconds and proves what was heard.
/// Waits until telephones 1 to `last` have each heard so many samples: in the card's time, however slow the machine is.
fn wait_heard(phones: &Phones, last: u8, samples: usize) {
    let until = Instant::now() + 3 * PATIENCE;
    while (1..=last).any(|n| phones.hearing(port(n)).heard.len() < samples) {
        assert!(Instant::now() < until, "the telephones do not hear {samples} samples");
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn thirty_calls(exchange: &mut Exchange, phones: &mut Phones, ids: &[String]) -> Vec<CallRecording> {
    set_up(phones);
    reach_seats(exchange, phones, ids);
    wait_heard(phones, CALLS, 9 * SECOND);
    let hearings: Vec<_> = (1..=CALLS).map(|n| phones.hearing(port(n))).collect();
    hang_up_all(exchange, phones, ids);
    let calls: Vec<_> = ids.iter().map(|id| exchange.recording(id).unwrap()).collect();
    for ((n, call), phone) in (1..).zip(&calls).zip(&hearings) {
        let talk_start = usize::try_from(phone.start.since(call.start)).unwrap() + 2 * SECOND;
        let talk_end =
            usize::try_from(phone.start.since(call.start)).unwrap() + phone.heard.len() - SECOND / 2;
        assert_prompt(call, &format!("call {n}"));
        assert_speech(call, phone, talk_start..talk_end.min(call.said.len()), &format!("call {n}"));
    }
    calls
}

#[test]
fn thirty_calls_at_once_arrive_are_answered_connected_heard_and_recorded() {
    let _alone = alone();
    let mut appliance = Appliance::new(&configuration(EXACT));
    appliance.start("run");
    let mut phones = appliance.phones();
    let mut exchange = appliance.exchange();
    appliance.wait_ready();
    let ids: Vec<String> = (1..=CALLS).map(|n| format!("c{n}")).collect();
    for (n, id) in (1..).zip(&ids) {
        exchange.call(id, "8000", &format!("139{n:05}"), None).unwrap();
    }
    for id in &ids {
        exchange.wait_call("ANSWERED", id).unwrap();
    }
    appliance.wait_card(Duration::from_secs(3));
    let calls = thirty_calls(&mut exchange, &mut phones, &ids);
    let ended = wait_ended(&appliance, usize::from(CALLS));
    for (n, call) in (1..).zip(&calls) {
        let known = ended_by(&ended, "calling", &format!("139{n:05}"));
        assert_eq!((&known["cause"], &known["reached"]), (&16.into(), &format!("2{n:02}").into()));
        let file = known["recordings"][0]["file"].as_str().expect("it was recorded");
        let talk = call.said.len() - 3 * SECOND..call.said.len() - SECOND;
        assert_recording(&appliance, file, call, talk);
    }
    let status = appliance.ask(&["status"]).unwrap();
    assert_eq!(status["health"]["lost_samples"], 0, "{status}");
    assert_eq!(status["health"]["lost_frames"], 0);
    assert_eq!(
        open_to_others(&appliance.data("")),
        Vec::<PathBuf>::new(),
        "callers are nobody else's business"
    );
}

/// Returns the files under `folder` that somebody outside of the owner's group may open.
fn open_to_others(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| {
            let status = path.symlink_metadata().expect("it is there");
            let inside = if status.is_dir() { open_to_others(&path) } else { vec![] };
            let open = status.permissions().mode() & 0o007 != 0;
            inside.into_iter().chain(open.then_some(path))
        })
        .collect()
}

#[test]
fn thirty_calls_at_once_are_dialled_out_and_served_alike() {
    let _alone = alone();
    let mut appliance = Appliance::new(&configuration(""));
    appliance.start("run");
    let mut phones = appliance.phones();
    let mut exchange = appliance.exchange();
    appliance.wait_ready();
    exchange.command("auto answer 300 silence").unwrap();
    for n in 1..=CALLS {
        let called = format!("135{n:05}");
        let output = appliance.command(&["call", "--trunk", "telecom", &called, "--then", "8000"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut ids = Vec::new();
    for _ in 1..=CALLS {
        let ring = exchange.wait("RING").unwrap();
        ids.push(ring.word(0).to_owned());
    }
    appliance.wait_until(&["calls", "--limit", "500"], "all calls are answered", |answer| {
        let answered = |call: &&Value| !call["answered_ms"].is_null();
        answer["calls"]
            .as_array()
            .is_some_and(|calls| calls.iter().filter(answered).count() == usize::from(CALLS))
    });
    appliance.wait_card(Duration::from_secs(3));
    let calls = thirty_calls(&mut exchange, &mut phones, &ids);
    let ended = wait_ended(&appliance, usize::from(CALLS));
    assert_eq!(ended["calls"].as_array().unwrap().len(), usize::from(CALLS));
    assert!(ended["calls"].as_array().unwrap().iter().all(|call| call["cause"] == 16));
    drop(calls);
}

#[test]
fn causes_are_right_in_both_directions() {
    let _alone = alone();
    let mut appliance = Appliance::new(&configuration(""));
    appliance.start("run");
    let phones = appliance.phones();
    let mut exchange = appliance.exchange();
    appliance.wait_ready();
    let hangup = |exchange: &mut Exchange, id: &str| exchange.wait_call("HANGUP", id).unwrap().number(1);

    exchange.call("unknown", "4711", "139", None).unwrap();
    assert_eq!(hangup(&mut exchange, "unknown"), 1);
    exchange.call("unanswered", "8001", "139", None).unwrap();
    exchange.wait_call("ALERTING", "unanswered").unwrap();
    assert_eq!(hangup(&mut exchange, "unanswered"), 19);
    phones.lift(port(1));
    appliance.wait_card(Duration::from_secs(1));
    exchange.call("busy", "8001", "139", None).unwrap();
    assert_eq!(hangup(&mut exchange, "busy"), 17);
    phones.hang_up(port(1));
    appliance.wait_card(Duration::from_secs(2));
    exchange.call("given-up", "8001", "13977777", None).unwrap();
    exchange.wait_call("ALERTING", "given-up").unwrap();
    exchange.command("hangup given-up 16").unwrap();
    exchange.wait_call("CLEARED", "given-up").unwrap();
    // Three that were refused, the telephone lifted in between, and this one.
    let ended = wait_ended(&appliance, 5);
    assert_eq!(ended_by(&ended, "calling", "13977777")["cause"], 16);

    for policy in ["1351 busy", "1352 unallocated", "1353 congestion", "1354 noanswer 500"] {
        exchange.command(&format!("policy {policy}")).unwrap();
    }
    for (called, cause) in [("1351", 17), ("1352", 1), ("1353", 34), ("1354", 19)] {
        let output = appliance.command(&["call", "--trunk", "telecom", called, "--then", "8002"]);
        assert!(output.status.success());
        let what = format!("the call to {called} has ended with cause {cause}");
        appliance.wait_until(&["calls", "--ended"], &what, |answer| {
            answer["calls"].as_array().is_some_and(|calls| {
                calls.iter().any(|call| call["reached"] == called && call["cause"] == cause)
            })
        });
    }
}

#[test]
fn the_death_of_the_switch_cuts_no_talking_call_and_new_calls_are_answered_when_it_is_back() {
    let _alone = alone();
    let mut appliance = Appliance::new(&configuration(EXACT));
    appliance.start("line").start("switch");
    let mut phones = appliance.phones();
    let mut exchange = appliance.exchange();
    appliance.wait_ready();
    set_up(&phones);
    let talking: Vec<String> = (1..=20).map(|n| format!("t{n}")).collect();
    for (n, id) in (1..).zip(&talking) {
        exchange.call(id, "8000", &format!("139{n:05}"), None).unwrap();
    }
    for (n, id) in (1u8..).zip(&talking) {
        exchange.wait_call("ANSWERED", id).unwrap();
        exchange.command(&format!("dtmf {id} 2{n:02}")).unwrap();
    }
    for n in 1..=20 {
        assert!(phones.wait(port(n), PhoneEventKind::Lifted, PATIENCE).is_some(), "telephone {n}");
    }
    for (n, id) in (1u32..).zip(&talking) {
        exchange.command(&format!("play {id} noise:{n}")).unwrap();
    }
    wait_heard(&phones, 20, 3 * SECOND);
    appliance.kill("switch");
    let held: Vec<String> = (1..=10).map(|n| format!("h{n}")).collect();
    for (n, id) in (1..).zip(&held) {
        exchange.call(id, "8000", &format!("138{n:05}"), None).unwrap();
    }
    for id in &held {
        exchange.wait_call("PROCEEDING", id).unwrap();
    }
    wait_heard(&phones, 20, 7 * SECOND);
    appliance.start("switch");
    for id in &held {
        exchange.wait_call("ANSWERED", id).unwrap();
    }
    wait_heard(&phones, 20, 11 * SECOND);
    let hearings: Vec<_> = (1..=20).map(|n| phones.hearing(port(n))).collect();
    for id in talking.iter().chain(&held) {
        exchange.command(&format!("hangup {id} 16")).unwrap();
    }
    for id in talking.iter().chain(&held) {
        exchange.wait_call("CLEARED", id).unwrap();
    }
    let ended = wait_ended(&appliance, 30);
    for ((n, id), phone) in (1..).zip(&talking).zip(&hearings) {
        let call = exchange.recording(id).unwrap();
        let from = usize::try_from(phone.start.since(call.start)).unwrap();
        let talk = from + 2 * SECOND..from + phone.heard.len() - SECOND / 2;
        assert_speech(&call, phone, talk.clone(), id);
        let known = ended_by(&ended, "calling", &format!("139{n:05}"));
        let file = known["recordings"][0]["file"].as_str().expect("it was recorded");
        assert_recording(&appliance, file, &call, talk);
    }
}
