//! Recordings: the files themselves, whole or in part, and what they look like.
//!
//! A file is opened from the recordings' directory down, one name at a time, and no symbolic link is followed: no path
//! leads out, whatever is renamed meanwhile. Only `.wav` is served, so no file that is still being written. The disk is
//! read on threads of its own, a piece at a time, so that neither a slow disk nor a slow client holds up another request.
//!
//! Bounds: [`MAX_SENDING`] files being sent, [`MAX_DRAWING`] waveforms being computed.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path as UrlPath, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;

use crate::error::Refusal;
use crate::routes::bad_query;
use crate::schema::Waveform;
use crate::server::Shared;
use crate::waveform;

/// Files that are sent at once; more wait.
const MAX_SENDING: usize = 32;
/// Waveforms that are computed at once; more wait.
const MAX_DRAWING: usize = 2;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a client may take for one piece.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Octets read at a time.
const PIECE: u64 = 64 * 1024;
/// Pieces read ahead of the client.
const AHEAD: usize = 2;
/// The most names in a path.
const MAX_DEPTH: usize = 8;
/// The points of a waveform: the fewest, the most, and unless the request says how many.
const POINTS: (usize, usize, usize) = (10, 4_000, 1_000);

/// The recordings' directory with its bounds.
pub(crate) struct Recordings {
    directory: PathBuf,
    sending: Arc<Semaphore>,
    drawing: Arc<Semaphore>,
}

impl Recordings {
    pub(crate) fn new(directory: PathBuf) -> Recordings {
        let room = |count| Arc::new(Semaphore::new(count));
        Recordings { directory, sending: room(MAX_SENDING), drawing: room(MAX_DRAWING) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Points {
    points: Option<usize>,
}

/// Answers `GET` and `HEAD` of `/v1/recordings/{path}` and of `/v1/recordings/{path}/waveform`.
pub(crate) async fn recording(
    State(shared): State<Arc<Shared>>,
    UrlPath(path): UrlPath<String>,
    points: Result<Query<Points>, QueryRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let recordings = shared.recordings.as_ref().ok_or_else(unknown)?;
    if let Some(path) = path.strip_suffix("/waveform") {
        let points = points.map_err(bad_query)?.0.points.unwrap_or(POINTS.2);
        if !(POINTS.0..=POINTS.1).contains(&points) {
            return Err(Refusal::bad(format!("points: {points} is not in {}..={}", POINTS.0, POINTS.1)));
        }
        return Ok(Json(draw(recordings, path, points).await?).into_response());
    }
    let room = room(&recordings.sending).await?;
    let file = found(recordings, &path).await?;
    send(file, room, method == Method::HEAD, &headers)
}

async fn draw(recordings: &Recordings, path: &str, points: usize) -> Result<Waveform, Refusal> {
    let room = room(&recordings.drawing).await?;
    let file = found(recordings, path).await?;
    // The reading stops when the client has gone and with it this end of the pair.
    let wanted = Arc::new(());
    let reading = Arc::clone(&wanted);
    let drawn = spawn_blocking(move || {
        let _room = room;
        waveform::draw(&file, points, || Arc::strong_count(&reading) > 1)
    });
    let drawn = drawn.await.map_err(|_panicked| internal("the waveform cannot be computed"))?;
    drop(wanted);
    drawn.map_err(|error| internal(format!("the recording cannot be read: {error}")))
}

async fn room(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Refusal> {
    match timeout(PATIENCE, Arc::clone(of).acquire_owned()).await {
        Ok(room) => Ok(room.expect("the semaphore is never closed")),
        Err(_elapsed) => Err(Refusal::busy("too many recordings are being read; try again")),
    }
}

async fn found(recordings: &Recordings, path: &str) -> Result<File, Refusal> {
    let (directory, path) = (recordings.directory.clone(), path.to_string());
    let opened = spawn_blocking(move || open_below(&directory, &path)).await;
    match opened.map_err(|_panicked| internal("the recording cannot be opened"))? {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(unknown()),
        Err(error) => Err(internal(format!("the recording cannot be opened: {error}"))),
    }
}

/// Opens the recording at `path`; none if there is none.
fn open_below(directory: &Path, path: &str) -> io::Result<Option<File>> {
    let names: Vec<&str> = path.split('/').collect();
    let is_name = |name: &&str| !name.is_empty() && !name.starts_with('.') && !name.contains(['\\', '\0']);
    if !path.ends_with(".wav") || names.len() > MAX_DEPTH || !names.iter().all(is_name) {
        return Ok(None);
    }
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let mut at: OwnedFd = match open(directory, flags | OFlag::O_DIRECTORY, Mode::empty()) {
        Ok(directory) => directory,
        Err(nix::Error::ENOENT) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    for (depth, name) in names.iter().enumerate() {
        // A FIFO by that name must not hold the thread up.
        let kind = if depth + 1 < names.len() { OFlag::O_DIRECTORY } else { OFlag::O_NONBLOCK };
        at = match openat(&at, *name, flags | kind | OFlag::O_NOFOLLOW, Mode::empty()) {
            Ok(opened) => opened,
            Err(nix::Error::ENOENT | nix::Error::ENOTDIR | nix::Error::ELOOP | nix::Error::ENAMETOOLONG) => {
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
    }
    let file = File::from(at);
    Ok(file.metadata()?.is_file().then_some(file))
}

/// Sends a file or the part that is asked for.
fn send(
    file: File,
    room: OwnedSemaphorePermit,
    head: bool,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let metadata = file.metadata().map_err(|error| internal(error.to_string()))?;
    let len = metadata.len();
    let tag = format!("\"{:x}-{:x}-{:x}\"", len, metadata.mtime(), metadata.mtime_nsec());
    let text = |name| headers.get(name).and_then(|value: &header::HeaderValue| value.to_str().ok());
    let same = text(header::IF_RANGE).is_none_or(|wanted| wanted == tag);
    let range = text(header::RANGE).filter(|_| same).map_or(Asked::Whole, |range| asked(range, len));
    let (status, from, to) = match range {
        Asked::Whole => (StatusCode::OK, 0, len),
        Asked::Part { from, to } => (StatusCode::PARTIAL_CONTENT, from, to),
        Asked::Beyond => {
            let message = format!("the recording has {len} octets");
            let refusal = Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", message);
            return Ok(([(header::CONTENT_RANGE, format!("bytes */{len}"))], refusal).into_response());
        }
    };
    let body = if head { Body::empty() } else { pieces(file, room, from, to) };
    let mut response = (status, body).into_response();
    let mut put = |name, value: String| {
        response.headers_mut().insert(name, value.parse().expect("digits and plain words"));
    };
    put(header::CONTENT_TYPE, "audio/wav".into());
    put(header::CONTENT_LENGTH, (to - from).to_string());
    put(header::ACCEPT_RANGES, "bytes".into());
    put(header::ETAG, tag);
    put(header::CACHE_CONTROL, "private, no-cache".into());
    put(header::X_CONTENT_TYPE_OPTIONS, "nosniff".into());
    if status == StatusCode::PARTIAL_CONTENT {
        put(header::CONTENT_RANGE, format!("bytes {from}-{}/{len}", to - 1));
    }
    Ok(response)
}

/// Reads `from..to` piece by piece, no further than the client goes.
fn pieces(file: File, room: OwnedSemaphorePermit, mut from: u64, to: u64) -> Body {
    let (sender, receiver) = mpsc::channel::<io::Result<Bytes>>(AHEAD);
    let file = Arc::new(file);
    tokio::spawn(async move {
        let _room = room;
        while from < to {
            let (file, count) = (Arc::clone(&file), PIECE.min(to - from));
            let read = spawn_blocking(move || {
                let mut octets = vec![0; count as usize];
                file.read_exact_at(&mut octets, from).map(|()| Bytes::from(octets))
            });
            let piece = read.await.unwrap_or_else(|_panicked| Err(io::Error::other("the reading failed")));
            let failed = piece.is_err();
            // A client that takes nothing for long, or has gone.
            let sent = timeout(SEND_TIMEOUT, sender.send(piece)).await;
            if failed || !matches!(sent, Ok(Ok(()))) {
                return;
            }
            from += count;
        }
    });
    Body::from_stream(ReceiverStream::new(receiver))
}

/// What a `Range` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    /// Everything; also what is not understood, as RFC 9110 14.2 has it, and more than one part.
    Whole,
    /// `from..to`, not empty.
    Part { from: u64, to: u64 },
    /// Nothing that is there.
    Beyond,
}

/// Reads a `Range` header. Source: RFC 9110 14.1.2.
fn asked(range: &str, len: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Asked::Whole;
    };
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
        // More digits than fit are a number beyond any end.
        digits.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (from, to) = match (number(first), number(last)) {
        (Some(from), None) if last.is_empty() => (from, len),
        (Some(from), Some(last)) if from <= last => (from, last.saturating_add(1).min(len)),
        (None, Some(count)) if first.is_empty() => {
            (if count == 0 { len } else { len.saturating_sub(count) }, len)
        }
        _ => return Asked::Whole,
    };
    if from < to { Asked::Part { from, to } } else { Asked::Beyond }
}

fn unknown() -> Refusal {
    Refusal::not_found("there is no such recording")
}

fn internal(message: impl Into<String>) -> Refusal {
    let message = message.into();
    tracing::error!(error = message, "a recording cannot be served");
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_understood_to_the_edge() {
        let part = |from, to| Asked::Part { from, to };
        let cases = [
            ("bytes=0-", part(0, 100)),
            ("bytes=0-0", part(0, 1)),
            ("bytes=99-", part(99, 100)),
            ("bytes=100-", Asked::Beyond),
            ("bytes=10-19", part(10, 20)),
            ("bytes=10-999999999999999999999999", part(10, 100)),
            ("bytes=999999999999999999999999-", Asked::Beyond),
            ("bytes=-1", part(99, 100)),
            ("bytes=-500", part(0, 100)),
            ("bytes=-0", Asked::Beyond),
            ("bytes=19-10", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (range, expected) in cases {
            assert_eq!(asked(range, 100), expected, "{range}");
        }
        assert_eq!(asked("bytes=0-", 0), Asked::Beyond);
    }
}
