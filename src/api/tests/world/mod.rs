//! A server on a free port with a hub that the test plays the switch thread for.

// Each test file uses another part of this.
#![allow(dead_code, reason = "shared by several test programs")]

use std::net::TcpStream;
use std::thread::JoinHandle;
use std::time::Duration;

use api::{ApiConfig, Hub, Server, Token, serve};
use call::{From, Progress};
use serde_json::Value;
use switch::view::{CallView, LegStateView, LegView, RecordingView, SpanView, Update};
use switch::{Reply, Request};
use tungstenite::WebSocket;
use tungstenite::client::IntoClientRequest;

pub const TOKEN: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
pub const RUN: &str = "673f2a10";

pub struct World {
    pub hub: Hub,
    pub server: Server,
}

impl World {
    pub fn new() -> World {
        World::with_log(api::hub::MAX_LOG)
    }

    pub fn with_log(log_len: usize) -> World {
        World::with(config("127.0.0.1:0"), log_len)
    }

    pub fn with(config: ApiConfig, log_len: usize) -> World {
        let hub = Hub::with_log(RUN, log_len);
        let server = serve(config, hub.clone()).expect("a free port");
        World { hub, server }
    }

    /// One E1 and one span of telephones; a call that talks and one that has ended.
    pub fn busy() -> World {
        let world = World::new();
        world.hub.publish(Update::Line { attached: true });
        world.hub.publish(Update::Span { span: e1(1) });
        world.hub.publish(Update::Call { call: call(1, None) });
        world.hub.publish(Update::Call { call: call(2, Some(9_000)) });
        world
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.local_addr())
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        self.send("GET", path, &[("Authorization", &bearer())], "")
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, Value) {
        self.send("POST", path, &[("Authorization", &bearer())], body)
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        self.send("DELETE", path, &[("Authorization", &bearer())], "")
    }

    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
        let (status, _, octets) = self.fetch(method, path, headers, body);
        let value =
            if octets.is_empty() { Value::Null } else { serde_json::from_slice(&octets).expect("JSON") };
        (status, value)
    }

    /// Sends a request; returns status, headers and body as they are.
    pub fn fetch(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
        let mut request = ureq::http::Request::builder().method(method).uri(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body.to_string()).expect("a request");
        let mut response = ureq::Agent::new_with_config(config).run(request).expect("an answer");
        let octets = response.body_mut().with_config().limit(64 << 20).read_to_vec().expect("a body");
        (response.status().as_u16(), response.headers().clone(), octets)
    }

    /// Answers one request as the switch thread would, and returns it.
    pub fn answer(&self, reply: Result<Reply, String>) -> JoinHandle<Request> {
        let requests = self.hub.requests();
        std::thread::spawn(move || {
            let (request, answer) = requests.recv_timeout(Duration::from_secs(20)).expect("a request");
            answer.give(reply);
            request
        })
    }

    pub fn follow(&self, query: &str) -> Follower {
        self.try_follow(query, &[("Authorization", &bearer())]).expect("a WebSocket")
    }

    pub fn try_follow(&self, query: &str, headers: &[(&'static str, &str)]) -> Result<Follower, u16> {
        let address = self.server.local_addr();
        let url = format!("ws://{address}/v1/events{query}");
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a value"));
        }
        let stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        match tungstenite::client(request, stream) {
            Ok((socket, response)) => {
                let protocol = response.headers().get("Sec-WebSocket-Protocol");
                let protocol = protocol.map(|value| value.to_str().expect("text").to_string());
                Ok(Follower { socket, protocol })
            }
            Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
                Err(response.status().as_u16())
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[derive(Debug)]
pub struct Follower {
    pub socket: WebSocket<TcpStream>,
    pub protocol: Option<String>,
}

impl Follower {
    /// The next message; none if the server has closed.
    pub fn next(&mut self) -> Option<api::schema::Message> {
        loop {
            match self.socket.read().expect("a message") {
                tungstenite::Message::Text(text) => {
                    return Some(serde_json::from_str(&text).expect("a message"));
                }
                tungstenite::Message::Close(_) => return None,
                _ping => {}
            }
        }
    }
}

pub fn config(listen: &str) -> ApiConfig {
    let token = Token::new(TOKEN).expect("64 digits");
    ApiConfig {
        listen: listen.parse().expect("an address"),
        token,
        version: "0.1.0".into(),
        records: None,
        recordings_dir: None,
        reload: None,
        patience: api::Patience::default(),
    }
}

pub fn bearer() -> String {
    format!("Bearer {TOKEN}")
}

pub fn e1(span: u16) -> SpanView {
    SpanView {
        span,
        kind: "E1".into(),
        use_: "pri_user".into(),
        alarms: vec![],
        dchannel: Some(true),
        channels: 30,
        d_timeslot: Some(16),
        blocked: vec![3],
        slips: 2,
        bad_frames: 0,
    }
}

pub fn call(serial: u32, ended_ms: Option<u64>) -> CallView {
    let name = format!("{RUN}-0-{serial}");
    let leg = |leg: String, channel: &str, incoming| LegView {
        leg,
        channel: Some(channel.into()),
        incoming,
        state: if ended_ms.is_some() { LegStateView::Ended } else { LegStateView::Answered },
    };
    CallView {
        call: name.clone(),
        called: "8000".into(),
        calling: "13900000001".into(),
        from: From::Trunk,
        restricted: false,
        flow: None,
        reached: Some("201".into()),
        agent: None,
        visits: vec![],
        progress: if ended_ms.is_some() { Progress::Ending } else { Progress::Talking },
        legs: vec![leg(name.clone(), "1/1", true), leg(format!("{RUN}-1-{serial}"), "5/1", false)],
        since_ms: 1_000,
        answered_ms: Some(2_000),
        talking_ms: Some(4_000),
        ended_ms,
        cause: ended_ms.map(|_| 16),
        recordings: vec![RecordingView {
            recording: format!("{name}-r1"),
            file: None,
            length_ms: None,
            failed: None,
        }],
    }
}
