//! Connections that do nothing: they cost the others nothing.

mod world;

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use api::{ApiConfig, MAX_OF_ONE, Patience, hub};
use world::{World, bearer, config};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(600);
const HOPE: Duration = Duration::from_secs(20);

fn with(patience: Patience) -> World {
    World::with(ApiConfig { patience, ..config("127.0.0.1:0") }, hub::MAX_LOG)
}

fn connect(world: &World) -> TcpStream {
    let stream = TcpStream::connect(world.server.local_addr()).expect("a connection");
    stream.set_read_timeout(Some(HOPE)).expect("a limit");
    stream
}

/// Waits until the other side hangs up, whatever it says before.
fn hung_up(stream: &mut TcpStream) -> bool {
    let mut heard = [0; 1024];
    loop {
        match stream.read(&mut heard) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::ConnectionReset,
        }
    }
}

/// Whether a status is answered on a connection of its own.
fn answered(world: &World) -> bool {
    let mut stream = connect(world);
    let ask = format!(
        "GET /v1/status HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\nConnection: close\r\n\r\n",
        bearer()
    );
    let mut answer = String::new();
    stream.write_all(ask.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn half_requests_make_room_for_whole_ones() {
    let world = with(Patience { head: SHORT, answer: LONG, silence: LONG });
    let mut halves: Vec<TcpStream> = (0..MAX_OF_ONE)
        .map(|_| {
            let mut stream = connect(&world);
            stream.write_all(b"GET /v1/status HTTP/1.1\r\nHost: loc").expect("sent");
            stream
        })
        .collect();
    let until = Instant::now() + HOPE;
    while !answered(&world) {
        assert!(Instant::now() < until, "half requests keep everybody out");
    }
    assert!(halves.iter_mut().all(hung_up));
}

#[test]
fn one_address_has_no_more_than_its_share() {
    let world = with(Patience { head: LONG, answer: LONG, silence: LONG });
    let mut held: Vec<TcpStream> = (0..MAX_OF_ONE).map(|_| connect(&world)).collect();
    assert!(hung_up(&mut connect(&world)), "one more is closed");
    assert!(!answered(&world));
    held.pop();
    let until = Instant::now() + HOPE;
    while !answered(&world) {
        assert!(Instant::now() < until, "the place of one that left is taken");
    }
}

#[test]
fn a_silent_connection_is_closed() {
    let world = with(Patience { head: LONG, answer: LONG, silence: SHORT });
    assert!(hung_up(&mut connect(&world)));
    let mut stream = connect(&world);
    stream
        .write_all(b"POST /v1/calls HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
        .expect("sent");
    assert!(hung_up(&mut stream), "half a body is no better");
}

#[test]
fn an_answer_that_nobody_takes_is_given_up() {
    let folder = tempfile::tempdir().expect("a folder");
    let octets = vec![0; 32 << 20];
    std::fs::write(folder.path().join("long.wav"), &octets).expect("written");
    let patience = Patience { head: LONG, answer: SHORT, silence: LONG };
    let recordings_dir = Some(folder.path().into());
    let world = World::with(ApiConfig { patience, recordings_dir, ..config("127.0.0.1:0") }, hub::MAX_LOG);
    let mut stream = connect(&world);
    let ask = format!(
        "GET /v1/recordings/long.wav HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
        bearer()
    );
    stream.write_all(ask.as_bytes()).expect("sent");
    let mut first = [0; 12];
    stream.read_exact(&mut first).expect("an answer begins");
    assert_eq!(&first, b"HTTP/1.1 200");
    std::thread::sleep(SHORT * 4);
    let (mut taken, mut some) = (0, [0; 1 << 16]);
    let ended = loop {
        match stream.read(&mut some) {
            Ok(0) => break true,
            Ok(count) => taken += count,
            Err(error) => break error.kind() == ErrorKind::ConnectionReset,
        }
    };
    assert!(ended && taken < octets.len(), "{taken} octets were still sent");
}
