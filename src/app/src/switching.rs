//! The switch process: the deciding machine, its link to the lines, and the API.
//!
//! One thread runs the machine; it wakes on a message of the line process, a request of the API or a deadline. When the
//! link is lost it is attached again, and the census tells what has happened.

use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context;
use api::{Answer, ApiConfig, Asked, Hub};
use clock::{Clock, Mono, MonoClock};
use config::{Config, Source};
use crossbeam_channel::{Receiver, Sender, bounded, select_biased};
use link::{Order, PROTOCOL, ToLine, ToSwitch, wire};
use store::Stored;
use switch::{Input, Machine, Output, RequestId};

use crate::records::{Days, Records};
use crate::reload::{self, Offered, Reloader};
use crate::wall::Wall;
use crate::{lock, refused, supervisor, wiring};

/// Messages that may wait for the machine.
const INBOX: usize = 16_384;
const READ_OCTETS: usize = 64 * 1024;
/// The longest sleep: how fast a stop is seen.
const TURN: Duration = Duration::from_millis(100);
const ATTACH_AGAIN: Duration = Duration::from_millis(100);
/// Between two tries to open the API.
const OPEN_AGAIN: Duration = Duration::from_secs(5);
const WRITE_WITHIN: Duration = Duration::from_secs(2);

/// What the link's reader tells.
enum Mail {
    Attached(UnixStream),
    Message(Box<ToSwitch>),
    Lost,
}

/// What the API is made of, and the API once it is there. At the first start it must be; a process that was started again
/// takes calls without it and tries on.
struct Office {
    listen: SocketAddr,
    token_file: PathBuf,
    records: Arc<store::SqliteReader>,
    recordings_dir: PathBuf,
    reload: Arc<Reloader>,
    hub: Hub,
    server: Option<api::Server>,
    again_at: Mono,
}

impl Office {
    fn open(&mut self) -> anyhow::Result<()> {
        let token = api::token::load_or_create(&self.token_file).or_else(|error| match error {
            api::TokenError::Mode { .. } if supervisor::is_restart() => {
                tracing::error!(%error, "its rights are set back; remove it to get a new token");
                api::token::close(&self.token_file)?;
                api::token::load(&self.token_file).map_err(refused)
            }
            error => Err(refused(error)),
        })?;
        let config = ApiConfig {
            listen: self.listen,
            token,
            version: env!("CARGO_PKG_VERSION").into(),
            records: Some(self.records.clone()),
            recordings_dir: Some(self.recordings_dir.clone()),
            reload: Some(self.reload.clone()),
            patience: api::Patience::default(),
        };
        self.server = Some(api::serve(config, self.hub.clone()).map_err(refused)?);
        Ok(())
    }

    /// Opens it if it is not open and the last try was long enough ago.
    fn tend(&mut self, now: Mono) {
        if self.server.is_some() || now < self.again_at {
            return;
        }
        self.again_at = now + OPEN_AGAIN;
        if let Err(error) = self.open() {
            tracing::error!(%error, "calls are served, but there is no API and no page: trying on");
        }
    }
}

struct Switching {
    machine: Machine,
    records: Records,
    days: Days,
    wall: Wall,
    hub: Hub,
    office: Office,
    mail: Receiver<Mail>,
    requests: Receiver<Asked>,
    stored: Receiver<Stored>,
    offered: Receiver<Offered>,
    stream: Option<UnixStream>,
    /// Orders of this turn, written together.
    octets: Vec<u8>,
    /// Who waits for an answer. The machine answers at once: it is empty between turns.
    waiting: Vec<(RequestId, Answer)>,
    next_request: u64,
}

/// Runs the switch process until it is told to stop.
pub(crate) fn run(file: &Path, taken: Option<&Path>, config: Config, source: Source) -> anyhow::Result<()> {
    supervisor::end_with_parent()?;
    let _lock = lock::take(&config.system.data_dir, "switch.lock")?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGTERM, signal_hook::consts::SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stop)).context("cannot catch signals")?;
    }
    let mut machine_config = wiring::switch_config(&config);
    let records = Records::start(&config, &mut machine_config)?;
    let reader = store::SqliteReader::new(&config.store.file);
    let socket = config.line.socket.clone();
    // Names this life of the process, so that onlookers do not mistake its numbers for those of the last one.
    let hub = Hub::new(&format!("{:x}", MonoClock.anchor().unix_nanos(MonoClock.now())));
    let (offer, offered) = bounded(1);
    let mut office = Office {
        listen: config.api.listen,
        token_file: config.api.token_file.clone(),
        records: Arc::new(reader),
        recordings_dir: config.record.directory.clone(),
        reload: Arc::new(Reloader::new(file, taken, config, source, offer)),
        hub: hub.clone(),
        server: None,
        again_at: Mono::ZERO,
    };
    reload::on_hangup(Arc::clone(&office.reload)).context("cannot catch SIGHUP")?;
    if !supervisor::is_restart() {
        office.open()?;
    }
    let (inbox, mail) = bounded(INBOX);
    start_link(socket, inbox, Arc::clone(&stop))?;
    let requests = hub.requests();
    let mut switching = Switching {
        machine: Machine::new(machine_config, now()).map_err(refused)?,
        stored: records.stored(),
        offered,
        records,
        days: Days::new(),
        wall: Wall::new(),
        hub,
        office,
        mail,
        requests,
        stream: None,
        octets: Vec::new(),
        waiting: Vec::new(),
        next_request: 0,
    };
    switching.run(&stop);
    switching.records.stop();
    Ok(())
}

impl Switching {
    fn run(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            let until_deadline = self.machine.poll_timeout().map_or(TURN, |due| due - now());
            let (mail, requests, stored) = (self.mail.clone(), self.requests.clone(), self.stored.clone());
            let offered = self.offered.clone();
            select_biased! {
                recv(mail) -> message => match message {
                    Ok(message) => self.mail(message),
                    Err(_) => return,
                },
                recv(requests) -> request => match request {
                    Ok(request) => self.request(request),
                    Err(_) => return,
                },
                recv(stored) -> stored => match stored {
                    Ok(stored) => self.stored(&stored),
                    Err(_) => return,
                },
                recv(offered) -> offered => match offered {
                    Ok(offered) => self.configure(offered),
                    Err(_) => return,
                },
                default(until_deadline.min(TURN)) => {}
            }
            while let Ok(message) = self.mail.try_recv() {
                self.mail(message);
            }
            if let Some(anchor) = self.wall.stepped() {
                self.records.stepped();
                self.tell(Input::Wall(anchor));
            }
            if self.days.has_begun() {
                self.tell(Input::NewDay);
            }
            if self.machine.poll_timeout().is_some_and(|due| due <= now()) {
                self.tell(Input::Timeout);
            }
            self.flush();
            self.office.tend(now());
        }
    }

    fn mail(&mut self, mail: Mail) {
        match mail {
            Mail::Attached(stream) => self.stream = Some(stream),
            Mail::Message(message) => self.tell(Input::Line(*message)),
            Mail::Lost => {
                self.stream = None;
                self.octets.clear();
                self.tell(Input::LineLost);
            }
        }
    }

    fn stored(&mut self, Stored(call): &Stored) {
        if let Ok(call) = call.parse() {
            self.tell(Input::Stored(call));
        }
    }

    fn request(&mut self, (request, answer): Asked) {
        self.next_request += 1;
        let id = RequestId(self.next_request);
        self.waiting.push((id, answer));
        self.tell(Input::Request(id, request));
    }

    fn configure(&mut self, (config, answer): Offered) {
        let outcome = self.machine.configure(*config, now());
        self.carry_out();
        // Who has waited too long has gone.
        let _ = answer.send(outcome);
    }

    fn tell(&mut self, input: Input) {
        self.machine.handle(input, now());
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Order(order) => self.order(order),
                Output::Update(update) => {
                    self.records.update(&update);
                    self.hub.publish(update);
                }
                Output::Reply(id, reply) => {
                    if let Some(index) = self.waiting.iter().position(|(waiting, _)| *waiting == id) {
                        self.waiting.swap_remove(index).1.give(reply);
                    }
                }
            }
        }
    }

    fn order(&mut self, order: Order) {
        if self.stream.is_none() {
            return;
        }
        if let Err(error) = wire::write(&ToLine::Order(order), &mut self.octets) {
            tracing::error!(%error, "an order cannot be sent");
        }
    }

    /// Sends the orders of this turn in one piece.
    fn flush(&mut self) {
        if let Some(stream) = &mut self.stream
            && !self.octets.is_empty()
            && let Err(error) = stream.write_all(&self.octets)
        {
            tracing::error!(%error, "the line process takes no orders: attaching again");
            let _ = stream.shutdown(Shutdown::Both);
        }
        self.octets.clear();
    }
}

/// Starts the thread that attaches to the line process, again and again, and reads its messages.
fn start_link(socket: PathBuf, inbox: Sender<Mail>, stop: Arc<AtomicBool>) -> std::io::Result<()> {
    Builder::new().name("link".into()).spawn(move || {
        let mut told = false;
        while !stop.load(Ordering::Acquire) {
            let Err(error) = attach(&socket, &inbox, &mut told);
            if !std::mem::replace(&mut told, true) {
                tracing::warn!(socket = %socket.display(), %error, "no line process: trying on");
            }
            std::thread::sleep(ATTACH_AGAIN);
        }
    })?;
    Ok(())
}

/// Attaches and reads until the connection ends. Once attached its end is news: `told` becomes false.
fn attach(socket: &Path, inbox: &Sender<Mail>, told: &mut bool) -> anyhow::Result<Infallible> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_write_timeout(Some(WRITE_WITHIN))?;
    let mut hello = Vec::new();
    wire::write(&ToLine::Attach { protocol: PROTOCOL }, &mut hello)?;
    stream.write_all(&hello)?;
    inbox.send(Mail::Attached(stream.try_clone()?))?;
    *told = false;
    let outcome = read(&mut stream, inbox);
    inbox.send(Mail::Lost)?;
    outcome
}

fn read(stream: &mut UnixStream, inbox: &Sender<Mail>) -> anyhow::Result<Infallible> {
    let mut reader = wire::Reader::new();
    let mut octets = vec![0; READ_OCTETS];
    loop {
        let count = stream.read(&mut octets)?;
        if count == 0 {
            anyhow::bail!("the line process has closed the link");
        }
        reader.push(&octets[..count]);
        while let Some(message) = reader.take::<ToSwitch>()? {
            if let ToSwitch::Hello { protocol, .. } = &message
                && *protocol != PROTOCOL
            {
                anyhow::bail!("the line process speaks protocol {protocol}, this process {PROTOCOL}");
            }
            inbox.send(Mail::Message(Box::new(message)))?;
        }
    }
}

fn now() -> Mono {
    MonoClock.now()
}
