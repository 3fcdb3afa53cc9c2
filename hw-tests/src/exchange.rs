//! The exchange at the far end of a span, as a value: commands, events, recordings. See `peers/pri_exchange.c` for all
//! commands; those without a method here go through [`Exchange::command`].

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::SampleTime;
use tdm::Timeslot;

use crate::peer::{PRI_EXCHANGE, Peer, PeerError};

/// How long an event may take, unless said otherwise.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Which side of the interface the exchange is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeSide {
    /// The network: what is under test is the user side.
    Network,
    /// The user.
    User,
}

/// One line of the exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeEvent {
    /// The card's time when it happened.
    pub time: SampleTime,
    /// What happened: `RING`, `ANSWERED`, `HANGUP` ...
    pub name: String,
    /// The rest, by words; for calls the first is the call.
    pub words: Vec<String>,
}

/// Both directions of a call as the exchange recorded them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallRecording {
    /// What the exchange heard, octets as on the line.
    pub heard: Vec<u8>,
    /// What it said.
    pub said: Vec<u8>,
    /// The time of the first octet of both.
    pub start: SampleTime,
    /// The channel.
    pub channel: Timeslot,
}

/// A running exchange; its calls end with this value.
#[derive(Debug)]
pub struct Exchange {
    peer: Peer,
    /// What was told and not yet waited for, oldest first.
    told: VecDeque<ExchangeEvent>,
    folder: PathBuf,
}

impl ExchangeEvent {
    fn parse(line: &str) -> ExchangeEvent {
        let mut words = line.split_ascii_whitespace();
        let time = words.next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let name = words.next().unwrap_or_default().to_owned();
        let words = words.map(str::to_owned).collect();
        ExchangeEvent { time: SampleTime::from_samples(time), name, words }
    }

    /// Returns a word; empty if there is none.
    pub fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", String::as_str)
    }

    /// Returns a word as a number; -1 if it is none.
    pub fn number(&self, index: usize) -> i64 {
        self.word(index).parse().unwrap_or(-1)
    }
}

impl Exchange {
    /// Starts an exchange on the line socket `socket`; it keeps its recordings in `folder`.
    ///
    /// # Errors
    /// It cannot be built, started, or connected within ten seconds.
    pub fn start(socket: &Path, side: ExchangeSide, folder: &Path) -> Result<Exchange, PeerError> {
        let side = match side {
            ExchangeSide::Network => "net",
            ExchangeSide::User => "user",
        };
        let arguments = [&*socket.to_string_lossy(), side, &*folder.to_string_lossy()];
        let peer = Peer::start(PRI_EXCHANGE, &arguments)?;
        Ok(Exchange { peer, told: VecDeque::new(), folder: folder.to_owned() })
    }

    /// Gives any command.
    ///
    /// # Errors
    /// The exchange is gone.
    pub fn command(&mut self, line: &str) -> Result<(), PeerError> {
        self.peer.command(line)
    }

    /// Sets up a call.
    ///
    /// # Errors
    /// The exchange is gone.
    pub fn call(
        &mut self,
        id: &str,
        called: &str,
        calling: &str,
        channel: Option<Timeslot>,
    ) -> Result<(), PeerError> {
        let channel = channel.map_or("any".to_owned(), |timeslot| timeslot.0.to_string());
        self.command(&format!("call {id} {called} {calling} {channel}"))
    }

    /// Returns the next event with this name; those before it are kept for later.
    ///
    /// # Errors
    /// It does not come within [`PATIENCE`], or the exchange is gone.
    pub fn wait(&mut self, name: &str) -> Result<ExchangeEvent, PeerError> {
        self.wait_for(name, PATIENCE, |event| event.name == name)
    }

    /// Returns the next event with this name of a call; those before it are kept for later.
    ///
    /// # Errors
    /// It does not come within [`PATIENCE`], or the exchange is gone.
    pub fn wait_call(&mut self, name: &str, id: &str) -> Result<ExchangeEvent, PeerError> {
        let wanted = format!("{name} {id}");
        self.wait_for(&wanted, PATIENCE, |event| event.name == name && event.word(0) == id)
    }

    /// Returns the next event that `fits`; those before it are kept for later. `wanted` names it in the error.
    ///
    /// # Errors
    /// It does not come within `patience`, or the exchange is gone.
    pub fn wait_for(
        &mut self,
        wanted: &str,
        patience: Duration,
        fits: impl Fn(&ExchangeEvent) -> bool,
    ) -> Result<ExchangeEvent, PeerError> {
        if let Some(event) = self.told.iter().position(&fits).and_then(|index| self.told.remove(index)) {
            return Ok(event);
        }
        let told = &mut self.told;
        let line = self.peer.wait(
            wanted,
            patience,
            |line| fits(&ExchangeEvent::parse(line)),
            |line| told.push_back(ExchangeEvent::parse(&line)),
        )?;
        Ok(ExchangeEvent::parse(&line))
    }

    /// Returns everything told so far and not waited for, and forgets it.
    ///
    /// # Errors
    /// The exchange is gone.
    pub fn take_events(&mut self) -> Result<Vec<ExchangeEvent>, PeerError> {
        while let Some(line) = self.peer.next_line(Duration::ZERO)? {
            self.told.push_back(ExchangeEvent::parse(&line));
        }
        Ok(self.told.drain(..).collect())
    }

    /// Reads what was recorded of a call that is over (`CLEARED`).
    ///
    /// # Errors
    /// A file is missing, or the call never had a channel.
    pub fn recording(&self, id: &str) -> std::io::Result<CallRecording> {
        let file = |kind: &str| self.folder.join(format!("call-{id}.{kind}"));
        let index = std::fs::read_to_string(file("idx"))?;
        let mut words = index.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(start)), Some(Ok(channel))) = (words.next(), words.next()) else {
            return Err(std::io::Error::other(format!("call {id} never had a channel")));
        };
        let (heard, said) = (std::fs::read(file("rx"))?, std::fs::read(file("tx"))?);
        let channel = Timeslot(u8::try_from(channel).unwrap_or(0));
        Ok(CallRecording { heard, said, start: SampleTime::from_samples(start), channel })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_time_a_name_and_words() {
        let event = ExchangeEvent::parse("1234 RING in1 4711 13900000000 7");
        assert_eq!(event.time, SampleTime::from_samples(1234));
        assert_eq!((event.name.as_str(), event.word(1), event.number(3)), ("RING", "4711", 7));
        assert_eq!((event.word(4), event.number(0)), ("", -1));
    }
}
