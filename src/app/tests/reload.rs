//! A configuration that changes under a running system: validated before it is taken, taken without a call being lost,
//! and what was taken is what a killed process comes back with, whatever stands in the file by then.
#![allow(clippy::unwrap_used, reason = "a step that fails is a test that fails")]

mod appliance;

use std::time::{Duration, Instant};

use appliance::{Appliance, PATIENCE, configuration};
use hw_tests::{Behaviour, Exchange, ExchangeEvent, Phones};
use nix::sys::signal::Signal;
use tdm::Timeslot;

/// Q.850: unallocated (unassigned) number.
const UNASSIGNED: i64 = 1;
/// Q.850: user busy.
const BUSY: i64 = 17;
/// An edit that was interrupted.
const HALF: &str = "\n[[number]]\ncalled = \"80";

struct World {
    appliance: Appliance,
    exchange: Exchange,
    phones: Phones,
    /// The configuration as it is right.
    text: String,
}

impl World {
    fn write(&self, text: &str) {
        std::fs::write(&self.appliance.config, text).unwrap();
    }

    /// Runs an operator's command by address: it reads no configuration. Returns whether it worked and what it said.
    fn command(&self, command: &[&str]) -> (bool, String) {
        let listen = self.text.lines().find(|line| line.starts_with("listen")).unwrap();
        let url = format!("http://{}", listen.split('"').nth(1).unwrap());
        let token = self.appliance.data("api.token").display().to_string();
        let reach = ["--api", &url, "--token-file", &token];
        let (code, text) = Appliance::run_to_end(&[command, &reach].concat());
        (code == Some(0), text)
    }

    fn reload(&self) -> (bool, String) {
        self.command(&["reload"])
    }

    /// Asks again and again until the answer `fits`.
    fn wait(&self, command: &[&str], fits: impl Fn(&str) -> bool) {
        let until = Instant::now() + PATIENCE;
        loop {
            let (asked, said) = self.command(command);
            if asked && fits(&said) {
                return;
            }
            assert!(Instant::now() < until, "waited in vain: {said}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Lets the exchange call, and returns 0 once it is answered, or the cause with which it is cleared. A telephone is
    /// busy for a moment after it was hung up: until it is sure that this was no flash.
    fn call(&mut self, id: &str, called: &str) -> i64 {
        let until = Instant::now() + PATIENCE;
        loop {
            self.exchange.call(id, called, "13900001", None).unwrap();
            let this = |event: &ExchangeEvent| {
                event.word(0) == id && ["ANSWERED", "HANGUP"].contains(&event.name.as_str())
            };
            let event = self.exchange.wait_for("ANSWERED or HANGUP", PATIENCE, this).unwrap();
            if event.name == "ANSWERED" {
                return 0;
            }
            if event.number(1) != BUSY || Instant::now() > until {
                return event.number(1);
            }
            self.exchange.wait_call("CLEARED", id).unwrap();
        }
    }

    fn end(&mut self, id: &str) {
        self.exchange.command(&format!("hangup {id} 16")).unwrap();
        self.exchange.wait_call("CLEARED", id).unwrap();
        self.phones.hang_up(Timeslot(2));
    }

    fn assert_alive(&self, call: &str) {
        let (asked, calls) = self.command(&["calls", "--json"]);
        assert!(asked && calls.contains(call), "{call} lives: {calls}");
    }
}

#[test]
fn a_changed_file_is_checked_taken_and_kept_while_calls_go_on() {
    let text = configuration("");
    let mut appliance = Appliance::new(&text);
    appliance.start("run");
    let phones = appliance.phones();
    let answers = || Behaviour { answer_after_ms: Some(200), ..Behaviour::default() };
    [1, 2].into_iter().for_each(|port| phones.behave(Timeslot(port), answers()));
    let exchange = appliance.exchange();
    appliance.wait_ready();
    let mut world = World { appliance, exchange, phones, text };
    assert_eq!(world.call("talk", "8001"), 0);
    let live = world.appliance.ask(&["calls"]).unwrap();
    let talk = live["calls"][0]["call"].as_str().unwrap().to_owned();
    assert_eq!(world.call("early", "8009"), UNASSIGNED, "there is no such number yet");

    // A number more, one less: taken, and the talk goes on.
    let more = "\n[[number]]\ncalled = \"8009\"\naction = \"seat\"\nseat = \"202\"\n";
    let changed = world.text.replace("8002", "8012") + more;
    world.write(&changed);
    let (taken, said) = world.reload();
    assert!(taken, "{said}");
    assert_eq!(said, "number.8002: gone\nnumber.8012: new\nnumber.8009: new\ntaken\n");
    assert_eq!(world.call("added", "8009"), 0);
    world.end("added");
    assert_eq!(world.reload(), (true, "nothing has changed\n".into()));

    // Half an edit: refused with its line, by the command and by the signal; everything goes on.
    world.write(&(changed.clone() + HALF));
    let (taken, said) = world.reload();
    let last = changed.lines().count() + 3;
    assert!(!taken && said.contains(&format!("test.toml:{last}: not TOML")), "{said}");
    world.appliance.signal("run", Signal::SIGHUP);
    world.appliance.wait_log("run", &["the changed configuration is not taken", "not TOML"]);

    // The switch is killed over the half edit, and comes back with what was taken.
    let killed = world.appliance.kill_child("switch");
    world.wait(&["status"], |status| status.contains("attached"));
    assert_ne!(world.appliance.child("switch"), killed);
    assert_eq!(world.call("again", "8009"), 0, "the number that was taken is there");
    world.end("again");
    world.assert_alive(&talk);

    // What the lines hold takes a restart: named, and nothing of the rest is taken either.
    world.write(&changed.replace("buffer_ms = 40", "buffer_ms = 60").replace("8009", "8010"));
    let (taken, said) = world.reload();
    assert!(!taken && said.contains("card.sim0: changed: takes a restart of Tandem"), "{said}");
    assert_eq!(world.call("still", "8009"), 0);
    world.end("still");

    // A prompt that nobody can play is refused before a caller meets it.
    world.write(&changed.replace("en/long", "en/missing"));
    let (taken, said) = world.reload();
    assert!(!taken && said.contains("en/missing"), "{said}");

    // The signal takes what is right.
    world.write(&changed.replace("8009", "8010"));
    world.appliance.signal("run", Signal::SIGHUP);
    world.appliance.wait_log("run", &["configuration taken", "number.8010: new"]);
    assert_eq!(world.call("signalled", "8010"), 0);
    world.end("signalled");
    world.assert_alive(&talk);
    world.end("talk");
}

#[test]
fn a_file_with_errors_may_be_replaced_by_what_ran_last() {
    let text = configuration("");
    let mut appliance = Appliance::new(&text);
    appliance.start("run");
    appliance.wait_until(&["status"], "it runs", |answer| answer["attached"] == true);
    appliance.stop("run");
    std::fs::write(&appliance.config, text.clone() + HALF).unwrap();
    appliance.start("run");
    assert_eq!(appliance.exit_code("run"), Some(2), "without being told so it does not guess");
    let taken = appliance.data("taken.toml").display().to_string();
    appliance.start_with("run", &["--or-taken", &taken]);
    appliance.wait_log("run", &["test.toml", "not TOML"]);
    std::fs::write(&appliance.config, &text).unwrap();
    appliance.wait_until(&["status"], "it runs", |answer| answer["attached"] == true);
}
