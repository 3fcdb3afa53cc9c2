//! The line process's end of the link: one Unix socket, one switch at a time, the newest.
//!
//! Each connection has a reader and a writer; the writer ends when the signalling thread lets go of the switch, the
//! reader when the socket closes; either takes the other with it.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::Builder;
use std::time::Duration;

use anyhow::Context;
use crossbeam_channel::{Receiver, Sender, bounded};
use link::{PROTOCOL, ToLine, ToSwitch, wire};

use super::signalling::{Connection, Inbox};
use crate::refused;

/// Messages that may wait for the switch.
const OUT: usize = 16_384;
/// Octets gathered for one write.
const BATCH: usize = 64 * 1024;
/// How long a write may take before the switch counts as gone.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// How long a switch may take to say who it is.
const ATTACH_WITHIN: Duration = Duration::from_secs(2);

/// Opens the socket and takes connections.
///
/// # Errors
/// The socket cannot be made where the configuration says.
pub(crate) fn start(path: &Path, inbox: Sender<Inbox>) -> anyhow::Result<()> {
    // The lock on the data directory is ours: a socket that lies there belongs to nobody.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path)
        .map_err(|error| refused(format!("line.socket: {}: {error}", path.display())))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .with_context(|| format!("line.socket: {}", path.display()))?;
    Builder::new().name("link".into()).spawn(move || {
        for (connection, stream) in (1u64..).zip(listener.incoming()) {
            match stream {
                Ok(stream) => serve(connection, stream, inbox.clone()),
                Err(error) => tracing::warn!(%error, "a connection to the link failed"),
            }
        }
    })?;
    Ok(())
}

fn serve(connection: u64, stream: UnixStream, inbox: Sender<Inbox>) {
    let name = format!("link-{connection}");
    let work = move || {
        if let Err(error) = read(connection, &stream, &inbox) {
            tracing::warn!(%error, "the link to the switch has ended");
        }
        let _ = stream.shutdown(Shutdown::Both);
        let _ = inbox.send(Inbox::Detach { connection });
    };
    if let Err(error) = Builder::new().name(name).spawn(work) {
        tracing::error!(%error, "no thread for the link");
    }
}

/// Reads orders until the connection ends.
fn read(connection: u64, stream: &UnixStream, inbox: &Sender<Inbox>) -> anyhow::Result<()> {
    let mut reader = wire::Reader::new();
    let mut octets = vec![0; BATCH];
    let mut attached = false;
    stream.set_read_timeout(Some(ATTACH_WITHIN))?;
    loop {
        let count = (&*stream).read(&mut octets)?;
        if count == 0 {
            return Ok(());
        }
        reader.push(&octets[..count]);
        while let Some(message) = reader.take::<ToLine>()? {
            match message {
                ToLine::Attach { protocol } if protocol == PROTOCOL && !attached => {
                    attached = true;
                    stream.set_read_timeout(None)?;
                    let (out, queue) = bounded(OUT);
                    start_writer(stream.try_clone()?, queue)?;
                    let stream = Some(stream.try_clone()?);
                    inbox.send(Inbox::Attach(Connection { number: connection, out, stream }))?;
                }
                ToLine::Attach { protocol } => {
                    anyhow::bail!("the switch speaks protocol {protocol}, this process {PROTOCOL}");
                }
                ToLine::Order(order) if attached => inbox.send(Inbox::Order { connection, order })?,
                ToLine::Order(_) => anyhow::bail!("an order came before the attach"),
            }
        }
    }
}

fn start_writer(stream: UnixStream, queue: Receiver<ToSwitch>) -> anyhow::Result<()> {
    stream.set_write_timeout(Some(WRITE_WITHIN))?;
    Builder::new().name("link-out".into()).spawn(move || {
        if let Err(error) = write(&stream, &queue) {
            tracing::warn!(%error, "the switch takes no more messages");
        }
        let _ = stream.shutdown(Shutdown::Both);
    })?;
    Ok(())
}

/// Writes messages, as many together as wait, until the signalling thread lets go.
fn write(mut stream: &UnixStream, queue: &Receiver<ToSwitch>) -> anyhow::Result<()> {
    let mut octets = Vec::with_capacity(BATCH);
    while let Ok(message) = queue.recv() {
        wire::write(&message, &mut octets)?;
        while octets.len() < BATCH
            && let Ok(message) = queue.try_recv()
        {
            wire::write(&message, &mut octets)?;
        }
        stream.write_all(&octets)?;
        octets.clear();
    }
    Ok(())
}
