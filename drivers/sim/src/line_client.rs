//! The program's side of the line socket: for test programs that play an exchange or telephones.
//!
//! ```no_run
//! use sim::line_client::LineClient;
//! let mut line = LineClient::connect("/run/tandem/span1", false)?;
//! loop {
//!     let tick = line.hear()?;
//!     let echo = tick.chunks; // what the card sent comes back to it
//!     line.say(&echo)?;
//! }
//! # #[allow(unreachable_code)] Ok::<(), std::io::Error>(())
//! ```

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use clock::SampleTime;
use tdm::{CHUNK, Chunk};

use crate::wire::{Decoder, Message, emit};
use crate::{Edge, FarLine};

pub use crate::wire::LinePace;

/// How long to wait for the card.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a simulated line.
pub struct LineClient {
    stream: UnixStream,
    decoder: Decoder,
    line: FarLine,
    pace: LinePace,
    heard: VecDeque<HeardTick>,
    coming: HeardTick,
    out: Vec<u8>,
    /// The sample time that the next tick to the card answers.
    answers: SampleTime,
}

/// One millisecond of what the card does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeardTick {
    /// The time of its first sample.
    pub time: SampleTime,
    /// Its octets, timeslot 1 first.
    pub chunks: Vec<Chunk>,
    /// What else it did, in order.
    pub edges: Vec<Edge>,
    /// Frames it sent on the D-channel, if the connection is in frame mode.
    pub frames: Vec<Vec<u8>>,
}

impl LineClient {
    /// Connects and exchanges hellos; `frames` asks for the D-channel in frames.
    ///
    /// # Errors
    /// Nobody listens, the line is taken, or what listens is no simulated card.
    pub fn connect(path: impl AsRef<Path>, frames: bool) -> io::Result<LineClient> {
        let mut stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut decoder = Decoder::default();
        let (line, pace) = loop {
            match decoder.next() {
                Ok(Some(Message::Line(line, pace))) => break (line, pace),
                Ok(None) => read(&mut stream, &mut decoder)?,
                Ok(Some(_)) | Err(_) => return Err(ErrorKind::InvalidData.into()),
            }
        };
        let mut out = Vec::new();
        emit(&mut out, Message::Program(frames));
        stream.write_all(&out)?;
        out.clear();
        let (heard, coming, answers) = (VecDeque::new(), HeardTick::default(), SampleTime::ZERO);
        Ok(LineClient { stream, decoder, line, pace, heard, coming, out, answers })
    }

    /// Returns what the card told of the line.
    pub fn line(&self) -> &FarLine {
        &self.line
    }

    /// Returns how the card's time goes.
    pub fn pace(&self) -> LinePace {
        self.pace
    }

    /// Returns how many milliseconds of the card have been read and not yet been heard: how far the program is behind, as
    /// far as it knows.
    pub fn behind(&self) -> usize {
        self.heard.len()
    }

    /// Waits for the next millisecond of the card.
    ///
    /// # Errors
    /// The card is gone, or nothing came for ten seconds.
    pub fn hear(&mut self) -> io::Result<HeardTick> {
        loop {
            if let Some(tick) = self.heard.pop_front() {
                self.answers = tick.time;
                return Ok(tick);
            }
            read(&mut self.stream, &mut self.decoder)?;
            self.sort()?;
        }
    }

    /// Sends one millisecond to the card, with the time of the tick heard last, and what was queued before it.
    ///
    /// # Errors
    /// The card is gone.
    pub fn say(&mut self, chunks: &[Chunk]) -> io::Result<()> {
        emit(&mut self.out, Message::Tick(self.answers, chunks));
        self.stream.write_all(&self.out)?;
        self.out.clear();
        Ok(())
    }

    /// Queues a change of the line; it takes effect with the next tick said.
    pub fn edge(&mut self, edge: Edge) {
        emit(&mut self.out, Message::Edge(edge));
    }

    /// Queues a frame for the D-channel.
    pub fn frame(&mut self, octets: &[u8]) {
        emit(&mut self.out, Message::Frame(octets));
    }

    /// Returns a millisecond of silence on all channels.
    pub fn silence(&self) -> Vec<Chunk> {
        vec![[self.line.law.idle(); CHUNK]; usize::from(self.line.channels)]
    }

    fn sort(&mut self) -> io::Result<()> {
        loop {
            match self.decoder.next() {
                Ok(None) => return Ok(()),
                Ok(Some(Message::Edge(edge))) => self.coming.edges.push(edge),
                Ok(Some(Message::Frame(frame))) => self.coming.frames.push(frame.to_vec()),
                Ok(Some(Message::Tick(time, chunks))) => {
                    let mut tick = std::mem::take(&mut self.coming);
                    (tick.time, tick.chunks) = (time, chunks.to_vec());
                    self.heard.push_back(tick);
                }
                Ok(Some(Message::Line(..) | Message::Program(_))) | Err(_) => {
                    return Err(ErrorKind::InvalidData.into());
                }
            }
        }
    }
}

fn read(stream: &mut UnixStream, decoder: &mut Decoder) -> io::Result<()> {
    let mut buffer = [0; 4_096];
    match stream.read(&mut buffer) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Ok(len) => {
            decoder.put(&buffer[..len]);
            Ok(())
        }
        // A signal is no reason to hang up: the caller looks whether it has enough, and comes back.
        Err(again) if again.kind() == ErrorKind::Interrupted => Ok(()),
        Err(broken) => Err(broken),
    }
}
