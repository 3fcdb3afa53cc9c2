//! A far end in another program: the card's side of the line socket. See `docs/sim-line.md`.
//!
//! ```text
//! listening --connects--> greeting (our hello sent) --its hello--> talking --vanishes, talks nonsense--> listening
//! ```
//!
//! The socket is never waited for, except for the answering tick where card and program go in step. In wall pace the
//! program's ticks pass a queue that takes up their jitter: it is first filled to [`PREFILL_TICKS`], and one tick that
//! comes late makes it one deeper, since the program goes on answering every tick.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::SampleTime;
use tdm::{Chunk, HdlcFrame, Timeslot};

use crate::edge::MAX_CHANNELS;
use crate::far_hdlc::FarHdlc;
use crate::time;
use crate::wire::{Decoder, LinePace, Message, emit};
use crate::{Edge, FarLine};

/// Ticks queued before the first one is heard, in wall pace.
pub(crate) const PREFILL_TICKS: usize = 5;

/// The most ticks queued; the oldest beyond them are dropped.
const MAX_QUEUED_TICKS: usize = 100;

/// How long a card in step waits for a program's tick before the line is cut.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// The most octets that wait to be sent; a program that reads so slowly is cut off.
const MAX_UNSENT: usize = 256 * 1024;

/// The most octets read in one tick.
const MAX_READ: usize = 64 * 1024;

/// The socket of one position.
pub(crate) struct SocketLine {
    path: PathBuf,
    listener: UnixListener,
    pace: LinePace,
    peer: Option<Peer>,
}

/// A connected program.
struct Peer {
    stream: UnixStream,
    decoder: Decoder,
    unsent: Vec<u8>,
    line: FarLine,
    /// Set by the program's hello.
    talking: bool,
    /// Its HDLC is done here if it speaks frames.
    hdlc: Option<FarHdlc>,
    queue: VecDeque<FarMillisecond>,
    /// Edges that take effect with the next tick.
    edges: Vec<Edge>,
    started: bool,
}

/// One tick of the program.
struct FarMillisecond {
    chunks: [Chunk; MAX_CHANNELS],
    edges: Vec<Edge>,
}

/// What became of one tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Nobody is there.
    Nobody,
    /// The program spoke.
    Tick,
    /// The program is there but was late.
    Underrun,
}

impl SocketLine {
    /// Listens on `path`. A file left by a process that is gone is replaced; one that somebody listens on is not.
    pub(crate) fn listen(path: &Path, pace: LinePace) -> io::Result<SocketLine> {
        if let Ok(found) = fs::symlink_metadata(path) {
            if !found.file_type().is_socket() {
                return Err(io::Error::new(ErrorKind::AlreadyExists, "it is there and no socket"));
            }
            match UnixStream::connect(path) {
                Ok(_) => return Err(io::Error::new(ErrorKind::AddrInUse, "another process listens on it")),
                Err(refused) if refused.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path)?,
                Err(other) => return Err(other),
            }
        }
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        listener.set_nonblocking(true)?;
        Ok(SocketLine { path: path.to_owned(), listener, pace, peer: None })
    }

    /// Ends the connection: the span it was about is no more.
    pub(crate) fn disconnect(&mut self) {
        self.peer = None;
    }

    /// Takes a program in if one waits. Returns true when one has just begun to talk.
    pub(crate) fn meet(&mut self, line: &FarLine) -> bool {
        while let Ok((stream, _)) = self.listener.accept() {
            if self.peer.is_none() && stream.set_nonblocking(true).is_ok() {
                self.peer = Some(Peer::greet(stream, *line, self.pace));
            }
        }
        let Some(peer) = &mut self.peer else { return false };
        let was_talking = peer.talking;
        if peer.read().and_then(|()| peer.write()).is_err() {
            self.peer = None;
            return false;
        }
        !was_talking && peer.talking
    }

    /// Sends what the card sends in this tick.
    pub(crate) fn send(&mut self, time: SampleTime, chunks: &[Chunk], edges: &[Edge]) {
        let Some(peer) = self.peer.as_mut().filter(|peer| peer.talking) else { return };
        if peer.send(time, chunks, edges).is_err() {
            self.peer = None;
        }
    }

    /// Hears what the program sends in this tick.
    pub(crate) fn hear(&mut self, chunks: &mut [Chunk], mut on_edge: impl FnMut(Edge)) -> Heard {
        let Some(peer) = self.peer.as_mut().filter(|peer| peer.talking) else { return Heard::Nobody };
        let there = match self.pace {
            LinePace::Wall => peer.read(),
            LinePace::Lockstep | LinePace::Virtual => peer.read_tick(),
        };
        if there.is_err() && peer.queue.is_empty() {
            self.peer = None;
            return Heard::Nobody;
        }
        let ready = match self.pace {
            LinePace::Wall => peer.started || peer.queue.len() >= PREFILL_TICKS,
            LinePace::Lockstep | LinePace::Virtual => true,
        };
        // The frames are sent here and now: a program that is late spoils its audio, not its D-channel.
        if let (Some(hdlc), Some(timeslot)) = (&mut peer.hdlc, peer.line.d_timeslot)
            && let Some(chunk) = chunks.get_mut(usize::from(timeslot.0).wrapping_sub(1))
        {
            *chunk = hdlc.chunk();
        }
        let Some(tick) = ready.then(|| peer.queue.pop_front()).flatten() else {
            return if peer.started { Heard::Underrun } else { Heard::Tick };
        };
        peer.started = true;
        let d_timeslot = peer.hdlc.as_ref().and(peer.line.d_timeslot);
        for (timeslot, (chunk, said)) in (1..).map(Timeslot).zip(chunks.iter_mut().zip(&tick.chunks)) {
            if Some(timeslot) != d_timeslot {
                *chunk = *said;
            }
        }
        tick.edges.into_iter().for_each(&mut on_edge);
        Heard::Tick
    }
}

impl Drop for SocketLine {
    fn drop(&mut self) {
        // Gone already is as good; nobody is left to be told otherwise.
        let _ = fs::remove_file(&self.path);
    }
}

impl Peer {
    fn greet(stream: UnixStream, line: FarLine, pace: LinePace) -> Peer {
        let mut unsent = Vec::with_capacity(4_096);
        emit(&mut unsent, Message::Line(line, pace));
        Peer {
            stream,
            decoder: Decoder::default(),
            unsent,
            line,
            talking: false,
            hdlc: None,
            queue: VecDeque::with_capacity(MAX_QUEUED_TICKS),
            edges: Vec::new(),
            started: false,
        }
    }

    fn send(&mut self, time: SampleTime, chunks: &[Chunk], edges: &[Edge]) -> io::Result<()> {
        let unsent = &mut self.unsent;
        edges.iter().for_each(|&edge| emit(unsent, Message::Edge(edge)));
        if let (Some(hdlc), Some(timeslot)) = (&mut self.hdlc, self.line.d_timeslot)
            && let Some(chunk) = chunks.get(usize::from(timeslot.0).wrapping_sub(1))
        {
            hdlc.hear(chunk, |frame| emit(unsent, Message::Frame(frame)));
        }
        emit(unsent, Message::Tick(time, chunks));
        self.write()
    }

    /// Writes what the socket takes.
    fn write(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.unsent.drain(..written)),
                Err(full) if full.kind() == ErrorKind::WouldBlock => break,
                Err(again) if again.kind() == ErrorKind::Interrupted => {}
                Err(broken) => return Err(broken),
            }
        }
        if self.unsent.len() > MAX_UNSENT {
            return Err(ErrorKind::TimedOut.into());
        }
        Ok(())
    }

    /// Reads what is there.
    fn read(&mut self) -> io::Result<()> {
        let mut buffer = [0; 4_096];
        for _ in 0..MAX_READ / buffer.len() {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(len) => self.take(&buffer[..len])?,
                Err(empty) if empty.kind() == ErrorKind::WouldBlock => break,
                Err(again) if again.kind() == ErrorKind::Interrupted => {}
                Err(broken) => return Err(broken),
            }
        }
        Ok(())
    }

    /// Reads until a tick is there, for as long as a card in step waits.
    fn read_tick(&mut self) -> io::Result<()> {
        let deadline = time::now() + ANSWER_WITHIN;
        loop {
            self.read()?;
            if !self.queue.is_empty() {
                return Ok(());
            }
            if time::now() > deadline {
                return Err(ErrorKind::TimedOut.into());
            }
            self.write()?;
            time::wait_readable(&self.stream, !self.unsent.is_empty(), 100)?;
        }
    }

    fn take(&mut self, octets: &[u8]) -> io::Result<()> {
        self.decoder.put(octets);
        loop {
            match self.decoder.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Message::Program(frames))) if !self.talking => {
                    self.talking = true;
                    self.hdlc = (frames && self.line.d_timeslot.is_some()).then(FarHdlc::new);
                }
                Ok(Some(Message::Tick(_, chunks)))
                    if self.talking && chunks.len() == usize::from(self.line.channels) =>
                {
                    if self.queue.len() == MAX_QUEUED_TICKS {
                        self.queue.pop_front();
                    }
                    let mut tick = FarMillisecond {
                        chunks: [[0; 8]; MAX_CHANNELS],
                        edges: std::mem::take(&mut self.edges),
                    };
                    tick.chunks[..chunks.len()].copy_from_slice(chunks);
                    self.queue.push_back(tick);
                }
                Ok(Some(Message::Frame(frame))) if self.talking => {
                    if let (Some(hdlc), Some(frame)) = (&mut self.hdlc, HdlcFrame::new(frame)) {
                        hdlc.send(frame);
                    }
                }
                Ok(Some(Message::Edge(edge))) if self.talking => self.edges.push(edge),
                Ok(Some(
                    Message::Line(..)
                    | Message::Program(_)
                    | Message::Tick(..)
                    | Message::Frame(_)
                    | Message::Edge(_),
                ))
                | Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }
}
