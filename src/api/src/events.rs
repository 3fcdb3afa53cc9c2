//! The event stream: one WebSocket, first what is, then every change in order.
//!
//! A client says how far it has come (`since` and the `run` of the switch that counted it). What follows is read from
//! the hub's log in batches, so that a slow client costs a number and no memory; if the log no longer reaches back to
//! it, it gets a new snapshot and goes on from there. Within one connection sequence numbers of updates rise by one,
//! counted from the snapshot before.
//!
//! Bounds: [`MAX_SOCKETS`]; [`BATCH`] updates in hand; a client that takes nothing for [`SEND_TIMEOUT`] or says nothing,
//! not even pong, for [`SILENCE`] is dropped.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::error::Refusal;
use crate::guard::{BEARER_PROTOCOL, protocols};
use crate::hub::{Hub, News};
use crate::routes::bad_query;
use crate::schema::{self, Snapshot};
use crate::server::Shared;

/// The most WebSockets at once.
pub const MAX_SOCKETS: usize = 100;
/// Updates that are taken from the log at a time.
const BATCH: usize = 64;
/// Octets of one message from a client, which has nothing to say.
const MAX_HEARD: usize = 4096;
/// How long a client may take for one message.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How often a ping is sent.
const PING: Duration = Duration::from_secs(20);
/// How long a client may be silent.
const SILENCE: Duration = Duration::from_secs(60);
const _: () = assert!(SILENCE.as_secs() >= 2 * PING.as_secs(), "one lost pong is no silence");
/// The protocol's name, for browsers that must offer one beside the token.
const PROTOCOL: &str = "tandem.v1";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Position {
    since: Option<u64>,
    run: Option<String>,
}

/// Answers `GET /v1/events`.
pub(crate) async fn events(
    State(shared): State<Arc<Shared>>,
    position: Result<Query<Position>, QueryRejection>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let Query(Position { since, run }) = position.map_err(bad_query)?;
    let upgrade = upgrade.map_err(|rejection| {
        Refusal::new(StatusCode::UPGRADE_REQUIRED, "websocket_only", rejection.body_text())
    })?;
    let room = Arc::clone(&shared.sockets).try_acquire_owned();
    let room = room.map_err(|_| Refusal::busy(format!("all {MAX_SOCKETS} event streams are in use")))?;
    // A number says nothing without the run that counted it.
    let since = since.filter(|_| run.as_deref() == Some(shared.hub.run()));
    let chosen = protocols(&headers)
        .find(|protocol| *protocol == PROTOCOL)
        .or_else(|| protocols(&headers).find(|protocol| protocol.starts_with(BEARER_PROTOCOL)))
        .map(str::to_owned);
    let upgrade = upgrade.max_message_size(MAX_HEARD).max_frame_size(MAX_HEARD).protocols(chosen);
    Ok(upgrade.on_upgrade(move |socket| async move {
        Stream { socket, hub: shared.hub.clone(), position: since }.run(&shared).await;
        drop(room);
    }))
}

/// Why a stream ends; the client connects again if it wishes.
enum End {
    /// The client has gone, or has broken the protocol.
    Client,
    /// The client takes or says nothing.
    Silent,
}

struct Stream {
    socket: WebSocket,
    hub: Hub,
    /// The number of the last update that the client has; none if it knows nothing.
    position: Option<u64>,
}

impl Stream {
    async fn run(mut self, shared: &Shared) {
        let mut stop = shared.stop.clone();
        let ended = tokio::select! {
            ended = self.follow() => Some(ended),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let goodbye = match ended {
            Some(End::Client) => return,
            Some(End::Silent) => (close_code::POLICY, "nothing heard"),
            None => (close_code::AWAY, "the switch is stopping"),
        };
        let (code, reason) = goodbye;
        let close = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
        let _ = timeout(Duration::from_secs(1), self.socket.send(close)).await;
    }

    async fn follow(&mut self) -> End {
        let mut news = self.hub.subscribe();
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let position = self.position;
            tokio::select! {
                biased;
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Client,
                    Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => {
                        heard = Instant::now();
                    }
                },
                _ = ping.tick() => {
                    if heard.elapsed() > SILENCE {
                        return End::Silent;
                    }
                    if let Err(end) = self.send(Message::Ping(Vec::new().into())).await {
                        return end;
                    }
                }
                () = changed(&mut news, position) => {
                    if let Err(end) = self.tell().await {
                        return end;
                    }
                }
            }
        }
    }

    /// Tells the client what it does not know yet, as much as goes in one batch.
    async fn tell(&mut self) -> Result<(), End> {
        let news = self.position.map_or(News::Lost, |position| self.hub.after(position, BATCH));
        match news {
            News::Updates(updates) => {
                for logged in updates {
                    self.send(Message::Text(logged.text())).await?;
                    self.position = Some(logged.seq);
                }
            }
            News::Lost => {
                let snapshot = self.hub.read(|view| Snapshot::new(self.hub.run(), view));
                let seq = snapshot.seq;
                let message = schema::Message::Snapshot(Box::new(snapshot));
                let text = serde_json::to_string(&message).expect("it has string keys only");
                self.send(Message::Text(text.into())).await?;
                self.position = Some(seq);
            }
        }
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(SEND_TIMEOUT, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Client),
            Err(_elapsed) => Err(End::Silent),
        }
    }
}

/// Waits until there is an update that the client does not know.
async fn changed(news: &mut watch::Receiver<u64>, position: Option<u64>) {
    // An error would say that the hub is gone, but we hold it.
    let _ = news.wait_for(|seq| position.is_none_or(|position| *seq != position)).await;
}
