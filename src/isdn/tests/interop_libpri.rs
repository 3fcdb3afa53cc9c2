//! Our two sides against libpri: a separate program (`hw-tests/peers/pri_frames.c`) at the other end of a socket.
//!
//! Frames travel over a Unix socket with a length before each; commands and events are lines. The program is built
//! here with the system's C compiler. Time is real, because libpri's is; no test asserts on it beyond a deadline.
#![expect(clippy::disallowed_methods, reason = "the other end is a real program: a thread reads its lines")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use clock::{Clock, MonoClock, Prng};
use isdn::{
    BearerCapability, CallId, Cause, ChannelChoice, ChannelState, Digits, Input, Output, PartyNumber, Pri,
    PriConfig, PriEvent, Request, RestartTarget, Setup, Side,
};
use tdm::{Law, SpanKind, Timeslot};

/// No step takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

const BOTH: [Side; 2] = [Side::User, Side::Network];

fn build_peer() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/../../hw-tests/peers/pri_frames.c");
        let program =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("pri_frames.{}", std::process::id()));
        let built = Command::new("cc").args(["-O2", "-o"]).arg(&program).args([source, "-lpri"]).output();
        match built {
            Ok(output) if output.status.success() => program,
            Ok(output) => panic!("install libpri-dev: {}", String::from_utf8_lossy(&output.stderr)),
            Err(error) => panic!("install libpri-dev and a C compiler: {error}"),
        }
    })
}

/// The other program.
struct Peer {
    child: Child,
    commands: ChildStdin,
    lines: Receiver<String>,
    socket: UnixStream,
    received: Vec<u8>,
}

impl Peer {
    fn start(ours: Side) -> Peer {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
        let number = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("isdn.{}.{number}", std::process::id()));
        let listener = UnixListener::bind(&path).expect("a socket can be made in the temporary folder");
        let role = match ours {
            Side::User => "net",
            Side::Network => "cpe",
        };
        let mut child = Command::new(build_peer())
            .arg(&path)
            .arg(role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the peer starts");
        let (socket, _) = listener.accept().expect("the peer connects");
        std::fs::remove_file(&path).expect("the socket's name is still there");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a read timeout is allowed");
        let output = child.stdout.take().expect("stdout is piped");
        let commands = child.stdin.take().expect("stdin is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let mut reader = BufReader::new(output).lines();
            while let Some(Ok(line)) = reader.next() {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Peer { child, commands, lines, socket, received: Vec::new() }
    }

    fn command(&mut self, text: &str) {
        writeln!(self.commands, "{text}").expect("the peer takes commands");
    }

    /// Reads what came; returns whole frames.
    fn frames(&mut self) -> Vec<Vec<u8>> {
        let mut buffer = [0; 4096];
        match self.socket.read(&mut buffer) {
            Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => panic!("the peer's socket: {error}"),
        }
        let mut frames = Vec::new();
        while let [high, low, rest @ ..] = self.received.as_slice() {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(frame) = rest.get(..len) else { break };
            frames.push(frame.to_vec());
            self.received.drain(..len + 2);
        }
        frames
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It may have ended by itself; nothing is left to be done then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Our end and the peer, with what both said.
struct Line {
    clock: MonoClock,
    pri: Pri,
    peer: Peer,
    /// What the peer said, not yet looked at.
    said: Vec<String>,
    /// What our end told, not yet looked at.
    told: Vec<PriEvent>,
    loss: f64,
    prng: Prng,
}

impl Line {
    fn up(side: Side) -> Line {
        let config = PriConfig {
            overlap_receive: true,
            restart_on_start: false,
            ..PriConfig::new(side, SpanKind::E1)
        };
        Line::with(config)
    }

    fn with(config: PriConfig) -> Line {
        let side = config.side;
        let mut line = Line {
            clock: MonoClock,
            pri: Pri::new(config, Prng::new(7)),
            peer: Peer::start(side),
            said: Vec::new(),
            told: Vec::new(),
            loss: 0.0,
            prng: Prng::new(8),
        };
        line.input(Input::LineUp);
        line.until("both ends up", |line| line.heard("up").is_some() && line.pri.is_up());
        line
    }

    fn input(&mut self, input: Input<'_>) {
        self.pri.handle(input, self.clock.now());
        while let Some(output) = self.pri.poll_output() {
            match output {
                Output::Event(event) => self.told.push(event),
                Output::Frame(frame) => {
                    if self.prng.chance(self.loss) {
                        continue;
                    }
                    let octets = frame.octets();
                    let mut whole =
                        u16::try_from(octets.len()).expect("frames are short").to_be_bytes().to_vec();
                    whole.extend_from_slice(octets);
                    // A peer that was killed takes nothing; the test that killed it knows.
                    let _ = self.peer.socket.write_all(&whole);
                }
            }
        }
    }

    fn request(&mut self, request: Request) {
        self.input(Input::Request(request));
    }

    fn step(&mut self) {
        for frame in self.peer.frames() {
            if !self.prng.chance(self.loss) {
                self.input(Input::Frame(&frame));
            }
        }
        if self.pri.poll_timeout().is_some_and(|(at, _)| at <= self.clock.now()) {
            self.input(Input::Timeout);
        }
        self.said.extend(self.peer.lines.try_iter());
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut done: impl FnMut(&mut Line) -> bool) {
        let start = self.clock.now();
        while !done(self) {
            assert!(self.clock.now() - start < PATIENCE, "{what}: peer {:?} ours {:?}", self.said, self.told);
            self.step();
        }
    }

    /// Takes the peer's first line that starts with `words`; returns its remaining words.
    fn heard(&mut self, words: &str) -> Option<Vec<String>> {
        let fits = |line: &String| line == words || line.starts_with(&format!("{words} "));
        let at = self.said.iter().position(fits)?;
        let line = self.said.remove(at);
        Some(line[words.len()..].split_whitespace().map(str::to_owned).collect())
    }

    #[track_caller]
    fn hear(&mut self, words: &str) -> Vec<String> {
        let mut found = None;
        self.until(words, |line| {
            found = line.heard(words);
            found.is_some()
        });
        found.expect("until waited for it")
    }

    /// Takes our first event that `pick` wants.
    #[track_caller]
    fn tell<T>(&mut self, what: &str, pick: impl Fn(&PriEvent) -> Option<T>) -> T {
        let mut found = None;
        self.until(what, |line| {
            let at = line.told.iter().position(|event| pick(event).is_some());
            found = at.and_then(|at| pick(&line.told.remove(at)));
            found.is_some()
        });
        found.expect("until waited for it")
    }

    #[track_caller]
    fn released(&mut self, call: CallId) -> u8 {
        self.tell("released", |event| match event {
            PriEvent::Released { call: released, cause, .. } if *released == call => Some(cause.value()),
            _ => None,
        })
    }

    fn setup(&mut self, digits: &str, channel: ChannelChoice, complete: bool) -> CallId {
        let call = self.pri.next_call();
        let setup = Setup {
            call,
            called: PartyNumber::called(Digits::new(digits).expect("the tests dial digits")),
            calling: Some(PartyNumber::calling(Digits::new("075512345678").expect("digits"))),
            name: None,
            channel,
            sending_complete: complete,
            bearer: BearerCapability::audio(Law::A),
        };
        self.request(Request::Setup(Box::new(setup)));
        call
    }

    /// Makes a talking call from our end; returns its names here and there.
    fn talk_out(&mut self) -> (CallId, String) {
        let call = self.setup("2001", ChannelChoice::Any, true);
        let ring = self.hear("ring");
        let channel = &ring[3];
        for verb in ["proceed", "ring", "answer"] {
            self.peer.command(&format!("{verb} {} {channel}", ring[0]));
        }
        self.tell("answered", |event| matches!(event, PriEvent::Answered { .. }).then_some(()));
        (call, ring[0].clone())
    }

    /// Makes a talking call from the peer's end; returns its name here.
    fn talk_in(&mut self, name: u32, channel: u8) -> CallId {
        self.peer.command(&format!("call {name} 2001 {channel}"));
        let call = self.offered();
        self.request(Request::Proceeding { call, inband: false });
        self.request(Request::Alerting { call, inband: false });
        self.request(Request::Connect { call });
        self.hear(&format!("answer {name}"));
        call
    }

    #[track_caller]
    fn offered(&mut self) -> CallId {
        self.tell("offer", |event| match event {
            PriEvent::Offer(offer) => Some(offer.call),
            _ => None,
        })
    }

    #[track_caller]
    fn assert_empty(&mut self) {
        assert_eq!(self.pri.calls().count(), 0);
        assert!(self.pri.channels().iter().all(|(_, state)| state == ChannelState::Idle));
        assert_eq!(self.pri.counters().protocol_errors, 0);
    }
}

/// The channel that the peer is to use for its `n`th call: from the end that we do not hunt from.
fn peer_channel(side: Side, n: u32) -> u8 {
    let n = u8::try_from(n % 10).expect("below ten");
    match side {
        Side::User => 1 + n,
        Side::Network => 31 - n,
    }
}

#[test]
fn two_hundred_calls_each_way_end_from_either_side_with_their_causes() {
    for side in BOTH {
        let mut line = Line::up(side);
        let mut causes = BTreeMap::new();
        for n in 0..200u32 {
            let (call, name) = line.talk_out();
            let cause = [16, 31, 17, 18][n as usize % 4];
            if n % 2 == 0 {
                line.request(Request::Disconnect { call, cause: Cause::new(cause), inband: false });
                assert_eq!(line.hear(&format!("hangup_req {name}")), [cause.to_string()]);
            } else {
                line.peer.command(&format!("hangup {name} {cause}"));
            }
            assert_eq!(line.released(call), cause);
            *causes.entry(cause).or_insert(0) += 1;
        }
        for n in 0..200u32 {
            let call = line.talk_in(n, peer_channel(side, n));
            if n % 2 == 0 {
                line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
                assert_eq!(line.hear(&format!("hangup_req {n}")), ["16"]);
            } else {
                line.peer.command(&format!("hangup {n} 16"));
            }
            assert_eq!(line.released(call), 16);
        }
        assert_eq!(causes.values().sum::<u32>(), 200);
        assert_eq!(line.pri.counters().calls_released, 400);
        line.assert_empty();
    }
}

#[test]
fn thirty_calls_talk_at_once_each_way() {
    for side in BOTH {
        let mut line = Line::up(side);
        let calls: Vec<_> = (0..30).map(|_| line.talk_out()).collect();
        let refused = line.setup("2001", ChannelChoice::Any, true);
        assert_eq!(line.released(refused), 34);
        for (call, _) in calls {
            line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
            assert_eq!(line.released(call), 16);
        }
        let calls: Vec<_> = (1..32).filter(|&ts| ts != 16).map(|ts| line.talk_in(ts.into(), ts)).collect();
        assert_eq!(line.pri.calls().count(), 30);
        line.peer.command("call 99 2001 5");
        line.hear("hangup 99");
        for call in calls {
            line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
            assert_eq!(line.released(call), 16);
        }
        line.assert_empty();
    }
}

#[test]
fn refusals_carry_their_causes_both_ways() {
    for side in BOTH {
        let mut line = Line::up(side);
        for (n, cause) in (0u32..).zip([1u8, 16, 17, 18, 19, 34, 42]) {
            let call = line.setup("2001", ChannelChoice::Any, true);
            let ring = line.hear("ring");
            // libpri refuses an unanswered SETUP only for causes that say that there is no number or no channel.
            if !matches!(cause, 1 | 34) {
                line.peer.command(&format!("proceed {} {}", ring[0], ring[3]));
            }
            line.peer.command(&format!("hangup {} {cause}", ring[0]));
            assert_eq!(line.released(call), cause, "from the peer");

            line.peer.command(&format!("call {n} 2001 {}", peer_channel(side, n)));
            let call = line.offered();
            line.request(Request::Disconnect { call, cause: Cause::new(cause), inband: false });
            assert_eq!(line.hear(&format!("hangup {n}")), [cause.to_string()], "from us");
            assert_eq!(line.released(call), cause);
        }
        line.assert_empty();
    }
}

#[test]
fn digits_are_dialled_one_by_one_both_ways() {
    for side in BOTH {
        let mut line = Line::up(side);
        let call = line.setup("2", ChannelChoice::Any, false);
        let ring = line.hear("ring");
        assert_eq!((ring[1].as_str(), ring[4].as_str()), ("2", "0"));
        line.peer.command(&format!("more {} {}", ring[0], ring[3]));
        line.tell("setup acknowledge", |event| {
            matches!(event, PriEvent::SetupAcknowledged { .. }).then_some(())
        });
        for (digit, complete) in [("0", false), ("0", false), ("1", true)] {
            line.request(Request::MoreDigits { call, digits: Digits::new(digit).unwrap(), complete });
            let digits = line.hear(&format!("digits {}", ring[0]));
            assert_eq!(digits, [digit, if complete { "1" } else { "0" }]);
        }
        line.peer.command(&format!("answer {} {}", ring[0], ring[3]));
        line.tell("answered", |event| matches!(event, PriEvent::Answered { .. }).then_some(()));
        line.peer.command(&format!("hangup {} 16", ring[0]));
        assert_eq!(line.released(call), 16);

        line.peer.command(&format!("dial 1 3 {}", peer_channel(side, 0)));
        let (call, mut number, complete) = line.tell("offer", |event| match event {
            PriEvent::Offer(offer) => Some((offer.call, offer.called.digits.to_string(), offer.complete)),
            _ => None,
        });
        assert!(!complete);
        line.request(Request::SetupAck { call, inband: true });
        line.hear("setup_ack 1");
        for digit in ["0", "0", "2"] {
            line.peer.command(&format!("digit 1 {digit}"));
            number += &line.tell("digits", |event| match event {
                PriEvent::Digits { digits, .. } => Some(digits.to_string()),
                _ => None,
            });
        }
        assert_eq!(number, "3002");
        line.request(Request::Proceeding { call, inband: false });
        line.request(Request::Connect { call });
        line.hear("answer 1");
        line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        assert_eq!(line.released(call), 16);
        line.assert_empty();
    }
}

#[test]
fn channels_and_the_interface_are_restarted_both_ways() {
    for side in BOTH {
        let mut line = Line::with(PriConfig { restart_on_start: true, ..PriConfig::new(side, SpanKind::E1) });
        line.hear("restart -1");
        line.until("all channels idle", |line| {
            line.pri.channels().iter().all(|(_, state)| state == ChannelState::Idle)
        });
        line.request(Request::Restart(RestartTarget::Channel(Timeslot(7))));
        assert_eq!(line.pri.channel(Timeslot(7)), Some(ChannelState::Restarting));
        line.hear("restart 7");
        line.until("idle", |line| line.pri.channel(Timeslot(7)) == Some(ChannelState::Idle));

        let call = line.talk_in(1, peer_channel(side, 3));
        line.peer.command(&format!("restart {}", peer_channel(side, 3)));
        line.hear("restart_ack");
        assert_eq!(line.released(call), 41);
        line.assert_empty();
    }
}

#[test]
fn a_peer_that_is_killed_and_started_anew_loses_its_calls_and_takes_new_ones() {
    for side in BOTH {
        let config = PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
        let mut line = Line::with(config);
        let calls: Vec<_> = (0..5).map(|_| line.talk_out().0).collect();
        line.peer = Peer::start(side);
        line.said.clear();
        for call in calls {
            let cause = line.released(call);
            assert!(matches!(cause, 41 | 81 | 101), "{cause}");
        }
        line.until("up again", |line| line.pri.is_up());
        let (call, _) = line.talk_out();
        line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
        assert_eq!(line.released(call), 16);
        assert_eq!(line.pri.calls().count(), 0);
    }
}

#[test]
fn lost_frames_are_repaired_below_the_calls() {
    for side in BOTH {
        let mut config = PriConfig { restart_on_start: false, ..PriConfig::new(side, SpanKind::E1) };
        config.link.t200 = Duration::from_millis(150);
        let mut line = Line::with(config);
        line.loss = 0.03;
        for n in 0..10 {
            let (call, _) = line.talk_out();
            line.request(Request::Disconnect { call, cause: Cause::NORMAL_CLEARING, inband: false });
            assert_eq!(line.released(call), 16, "call {n}");
        }
        assert_eq!(line.pri.calls().count(), 0);
        let counters = line.pri.link_counters();
        assert!(counters.retransmissions + counters.t200_expiries + counters.out_of_sequence > 0);
    }
}
