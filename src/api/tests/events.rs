//! The event stream: in order, without gaps or doubles, whatever the clients do.

mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use api::MAX_SOCKETS;
use api::schema::{Message, Snapshot};
use clock::Prng;
use switch::view::{Update, View};
use world::{Follower, RUN, TOKEN, World, call, e1};

/// What a client knows, put together from what it is told.
#[derive(Default)]
struct Onlooker {
    view: View,
    snapshots: u32,
}

impl Onlooker {
    fn hear(&mut self, message: Message) {
        match message {
            Message::Snapshot(snapshot) => {
                assert!(snapshot.seq >= self.view.seq, "back from {} to {}", self.view.seq, snapshot.seq);
                self.snapshots += 1;
                self.begin(*snapshot);
            }
            Message::Update { seq, update } => {
                assert_eq!(seq, self.view.seq + 1, "a gap or a double");
                self.view.apply(&update);
            }
        }
    }

    fn begin(&mut self, snapshot: Snapshot) {
        assert_eq!(snapshot.run, RUN);
        self.view = View {
            seq: snapshot.seq,
            attached: snapshot.attached,
            spans: snapshot.spans.into_iter().map(|span| (span.span, span)).collect(),
            calls: snapshot.calls.into_iter().map(|call| (call.call.clone(), call)).collect(),
            ended: snapshot.ended.into_iter().rev().collect(),
            ended_total: snapshot.ended_total,
            queues: snapshot.queues.into_iter().map(|queue| (queue.queue.clone(), queue)).collect(),
            agents: snapshot.agents.into_iter().map(|agent| (agent.agent.clone(), agent)).collect(),
            busy_reasons: snapshot.busy_reasons,
            health: snapshot.health,
        };
    }

    fn hear_up_to(&mut self, follower: &mut Follower, seq: u64) {
        while self.view.seq < seq {
            self.hear(follower.next().expect("the server goes on"));
        }
    }

    /// Whether it knows what the switch knows, but for calls that ended before a snapshot.
    fn agrees(&self, hub: &api::Hub) -> bool {
        let what =
            |view: &View| (view.seq, view.attached, view.calls.clone(), view.spans.clone(), view.ended_total);
        hub.read(|view| what(view) == what(&self.view))
    }
}

fn resume(seq: u64) -> String {
    format!("?since={seq}&run={RUN}")
}

/// The n-th of a long row of updates: calls come, change and go.
fn nth(n: u64, prng: &mut Prng) -> Update {
    let serial = prng.below(40) as u32;
    match n % 50 {
        0 => Update::Line { attached: prng.below(2) == 0 },
        1 => Update::Span { span: e1(prng.below(4) as u16 + 1) },
        _ => Update::Call { call: call(serial, (prng.below(3) == 0).then_some(5_000)) },
    }
}

#[test]
fn a_snapshot_comes_first_then_every_update() {
    let world = World::busy();
    let mut follower = world.follow("");
    let mut onlooker = Onlooker::default();
    onlooker.hear(follower.next().expect("a snapshot"));
    assert_eq!((onlooker.snapshots, onlooker.view.seq, onlooker.view.ended.len()), (1, 4, 1));
    world.hub.publish(Update::Line { attached: false });
    world.hub.publish(Update::Call { call: call(1, Some(9_000)) });
    onlooker.hear_up_to(&mut follower, 6);
    assert!(onlooker.agrees(&world.hub));
    assert_eq!(onlooker.snapshots, 1);
}

#[test]
fn a_client_that_comes_back_goes_on_where_it_was() {
    let world = World::busy();
    let mut follower = world.follow(&resume(2));
    let message = follower.next().expect("an update");
    assert!(matches!(message, Message::Update { seq: 3, .. }), "{message:?}");
    assert!(matches!(follower.next(), Some(Message::Update { seq: 4, .. })));
}

#[test]
fn a_number_of_another_run_or_none_or_from_the_future_gets_a_snapshot() {
    let world = World::busy();
    for query in ["?since=2", "?since=2&run=other", "?run=673f2a10", &resume(5), &resume(u64::MAX)] {
        let message = world.follow(query).next();
        assert!(matches!(message, Some(Message::Snapshot(_))), "{query}: {message:?}");
    }
    assert_eq!(world.try_follow("?since=x", &[("Authorization", &world::bearer())]).err(), Some(400));
}

#[test]
fn the_log_s_edge_decides_between_updates_and_a_snapshot() {
    let world = World::with_log(3);
    (0..10).for_each(|_| world.hub.publish(Update::Line { attached: true }));
    assert!(matches!(world.follow(&resume(7)).next(), Some(Message::Update { seq: 8, .. })));
    assert!(matches!(world.follow(&resume(6)).next(), Some(Message::Snapshot(_))));
}

#[test]
fn random_clients_that_dawdle_and_reconnect_miss_nothing() {
    const UPDATES: u64 = 6_000;
    for (log_len, seed) in [(10_000, 1), (150, 2)] {
        let world = World::with_log(log_len);
        std::thread::scope(|scope| {
            for client in 0..8 {
                let world = &world;
                scope.spawn(move || dawdle(world, UPDATES, Prng::new(seed * 100 + client), log_len));
            }
            let mut prng = Prng::new(seed);
            for n in 0..UPDATES {
                world.hub.publish(nth(n, &mut prng));
                if prng.below(100) == 0 {
                    std::thread::sleep(Duration::from_micros(500));
                }
            }
        });
    }
}

/// Follows up to number `last`, now and then late, now and then over a new connection.
fn dawdle(world: &World, last: u64, mut prng: Prng, log_len: usize) {
    let mut onlooker = Onlooker::default();
    let mut follower = world.follow("");
    while onlooker.view.seq < last {
        onlooker.hear(follower.next().expect("the server goes on"));
        match prng.below(400) {
            0 => std::thread::sleep(Duration::from_millis(3)),
            1 => follower = world.follow(&resume(onlooker.view.seq)),
            _ => {}
        }
    }
    assert!(onlooker.agrees(&world.hub));
    if log_len as u64 > last {
        assert_eq!(onlooker.snapshots, 1, "the log had all of it");
    }
}

#[test]
fn a_client_that_falls_behind_the_log_gets_a_new_snapshot_and_holds_up_nobody() {
    const UPDATES: u64 = 2_000;
    let world = World::with_log(100);
    let mut lazy = world.follow("");
    let mut onlooker = Onlooker::default();
    onlooker.hear(lazy.next().expect("a snapshot"));
    // 40 MB: more than the system's buffers take.
    let mut big = call(1, None);
    big.recordings[0].failed = Some("x".repeat(20_000));
    for _ in 0..UPDATES {
        world.hub.publish(Update::Call { call: big.clone() });
    }
    assert_eq!(world.get("/v1/status").1["seq"], UPDATES);
    onlooker.hear_up_to(&mut lazy, UPDATES);
    // One at the beginning, the others where it had fallen behind.
    assert!(onlooker.snapshots >= 2);
    assert!(onlooker.agrees(&world.hub));
    world.hub.publish(Update::Line { attached: true });
    assert!(matches!(lazy.next(), Some(Message::Update { seq, .. }) if seq == UPDATES + 1));
}

#[test]
fn a_browser_may_carry_the_token_as_a_protocol() {
    let world = World::new();
    let with = |value: &str| world.try_follow("", &[("Sec-WebSocket-Protocol", value)]);
    let bearer = format!("bearer.{TOKEN}");
    let both = with(&format!("tandem.v1, {bearer}")).expect("a WebSocket");
    assert_eq!(both.protocol.as_deref(), Some("tandem.v1"));
    let alone = with(&bearer).expect("a WebSocket");
    assert_eq!(alone.protocol, Some(bearer));
    assert_eq!(with(&format!("bearer.{}", &TOKEN[1..])).err(), Some(401));
    assert_eq!(with("tandem.v1").err(), Some(401));
    assert_eq!(world.try_follow("", &[]).err(), Some(401));
}

#[test]
fn one_socket_more_than_the_limit_is_refused_until_one_is_free() {
    let world = World::new();
    let mut open: BTreeMap<usize, Follower> = (0..MAX_SOCKETS).map(|n| (n, world.follow(""))).collect();
    let another = || world.try_follow("", &[("Authorization", &world::bearer())]);
    assert_eq!(another().err(), Some(503));
    open.remove(&7);
    let freed = (0..2_000).any(|_| {
        std::thread::sleep(Duration::from_millis(2));
        another().is_ok()
    });
    assert!(freed);
    assert_eq!(world.get("/v1/status").0, 200);
}

#[test]
fn a_shutdown_says_goodbye_to_followers() {
    let world = World::new();
    let mut follower = world.follow("");
    assert!(matches!(follower.next(), Some(Message::Snapshot(_))));
    let World { server, .. } = world;
    let stopping = std::thread::spawn(move || server.shutdown());
    assert!(follower.next().is_none());
    stopping.join().expect("no panic");
}

#[test]
fn a_client_that_sends_too_much_is_dropped_and_others_are_not() {
    let world = World::new();
    let [mut loud, mut quiet] = [world.follow(""), world.follow("")];
    // The write may fail midway when the server has closed already.
    let _ = loud.socket.send(tungstenite::Message::text("x".repeat(100_000)));
    assert!(matches!(quiet.next(), Some(Message::Snapshot(_))));
    world.hub.publish(Update::Line { attached: true });
    assert!(matches!(quiet.next(), Some(Message::Update { seq: 1, .. })));
    // It may have been told something before; running into the timeout is no closing.
    let closed = (0..10).any(|_| match loud.socket.read() {
        Ok(message) => message.is_close(),
        Err(tungstenite::Error::Io(error)) => error.kind() != std::io::ErrorKind::WouldBlock,
        Err(_) => true,
    });
    assert!(closed);
}
