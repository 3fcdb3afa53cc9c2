//! The listening socket and its connections: a bounded number, none of them for nothing.
//!
//! Bounds: [`MAX_CONNECTIONS`], of which one address holds [`MAX_OF_ONE`]; more wait in the system's queue, more of one
//! address are closed. Whoever sends no whole head of a request, takes no answer or says nothing at all for as long as
//! [`Patience`] allows is dropped, so that half requests cannot keep everybody else out.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep};

/// The most connections at once.
pub const MAX_CONNECTIONS: usize = 256;
/// The most connections of one address.
pub const MAX_OF_ONE: usize = 192;
const _: () =
    assert!(crate::MAX_SOCKETS < MAX_OF_ONE, "requests find room beside WebSockets, behind a proxy too");
const _: () = assert!(MAX_OF_ONE < MAX_CONNECTIONS, "one address leaves room for others");
/// How long nothing is accepted after the system refused, for instance because all files are in use.
const REFUSED: Duration = Duration::from_millis(100);

/// How long a connection may do nothing.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Until the head of a request is whole, the first and each that follows.
    pub head: Duration,
    /// While an answer is not taken.
    pub answer: Duration,
    /// Without a single octet heard or taken; longer than a WebSocket may be silent.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            head: Duration::from_secs(20),
            answer: Duration::from_secs(30),
            silence: Duration::from_secs(90),
        }
    }
}

/// Serves `router` until `stop`, then lets running requests finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    patience: Patience,
    stop: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let guests = Guests::default();
    let mut served = JoinSet::new();
    loop {
        while served.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = accept(&listener, &room) => accepted,
            () = stopped(stop.clone()) => break,
        };
        let (stream, address, room) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "no connection accepted");
                sleep(REFUSED).await;
                continue;
            }
        };
        if let Some(place) = guests.enter(address.ip()) {
            let connection = Connection::new(stream, patience, room, place);
            served.spawn(converse(connection, router.clone(), patience, stop.clone()));
        }
    }
    while served.join_next().await.is_some() {}
}

/// Returns when the server is to stop.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // The sender is gone only when the server is dropped: the same wish.
    let _ = stop.wait_for(|stop| *stop).await;
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let room = Arc::clone(room).acquire_owned().await.expect("the semaphore is never closed");
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, address, room))
}

async fn converse(connection: Connection, router: Router, patience: Patience, stop: watch::Receiver<bool>) {
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .serve_connection(TokioIo::new(connection), TowerToHyperService::new(router))
        .with_upgrades();
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(stop) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::trace!(%error, "a connection ended");
    }
}

/// How many connections each address holds.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One address's claim to a connection.
struct Place {
    guests: Guests,
    address: IpAddr,
}

impl Guests {
    /// Returns a place, or none if the address has all that one may have.
    fn enter(&self, address: IpAddr) -> Option<Place> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(address).or_default();
        if *count == MAX_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Place { guests: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut held = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(count) = held.get_mut(&self.address) else { return };
        *count -= 1;
        if *count == 0 {
            held.remove(&self.address);
        }
    }
}

/// A connection; its room is free again when it is dropped.
struct Connection {
    stream: TcpStream,
    patience: Patience,
    /// When it was silent for too long.
    silent: Pin<Box<Sleep>>,
    /// When an answer has not been taken for too long; set while one waits.
    stuck: Option<Pin<Box<Sleep>>>,
    _room: OwnedSemaphorePermit,
    _place: Place,
}

impl Connection {
    fn new(stream: TcpStream, patience: Patience, room: OwnedSemaphorePermit, place: Place) -> Connection {
        let silent = Box::pin(sleep(patience.silence));
        Connection { stream, patience, silent, stuck: None, _room: room, _place: place }
    }

    fn alive(&mut self) {
        self.silent.as_mut().reset(Instant::now() + self.patience.silence);
    }

    /// Lets `written` pass, unless nothing has moved for too long.
    fn watched<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            self.alive();
            return written;
        }
        let limit = self.patience.answer;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stuck.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.alive();
            return read;
        }
        ready!(self.silent.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watched(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watched(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
