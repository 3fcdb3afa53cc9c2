//! Follows the event stream, one line a message, until it ends.

use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use api::schema::{AgentStateView, AgentView, CallView, Message, QueueView, Snapshot, SpanView, Update};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::Uri;
use tungstenite::protocol::WebSocketConfig;
use tungstenite::{HandshakeError, WebSocket};

use crate::client::Client;
use crate::error::CliError;
use crate::show;

/// How long the connection may take to come up.
const CONNECT: Duration = Duration::from_secs(5);
/// How long the stream may be silent; the server pings every 20 s.
const SILENCE: Duration = Duration::from_secs(70);
/// The longest message, in octets: a snapshot of all calls.
const MAX_MESSAGE: usize = 64 << 20;

/// Prints what happens until the stream ends, which is an error.
pub(crate) fn watch(client: &Client, json: bool, out: &mut dyn Write) -> Result<(), CliError> {
    let mut socket = connect(client)?;
    loop {
        let ended = |why: String| CliError::Ended { url: client.base_url().into(), why };
        let message = socket.read().map_err(|e| ended(e.to_string()))?;
        match message {
            tungstenite::Message::Text(text) if json => writeln!(out, "{text}")?,
            tungstenite::Message::Text(text) => line(out, &client.read(&text)?)?,
            tungstenite::Message::Close(frame) => {
                let why = frame.map(|frame| frame.reason.to_string()).filter(|why| !why.is_empty());
                return Err(ended(why.unwrap_or_else(|| "it said no reason".into())));
            }
            // Pongs are sent by the library with the next read.
            tungstenite::Message::Ping(_)
            | tungstenite::Message::Pong(_)
            | tungstenite::Message::Binary(_)
            | tungstenite::Message::Frame(_) => {}
        }
        out.flush()?;
    }
}

fn connect(client: &Client) -> Result<WebSocket<TcpStream>, CliError> {
    let url = format!("ws{}/v1/events", client.base_url().trim_start_matches("http"));
    let mut request = url.into_client_request().map_err(|e| client.senseless(e.to_string()))?;
    let bearer = client.bearer().parse().map_err(|_| client.senseless("the token".into()))?;
    request.headers_mut().insert("Authorization", bearer);
    let stream = open(request.uri()).map_err(|e| client.unreachable(e.to_string()))?;
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE)).max_frame_size(Some(MAX_MESSAGE));
    match tungstenite::client::client_with_config(request, stream, Some(config)) {
        Ok((socket, _)) => Ok(socket),
        Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            let text = response.body().as_deref().map(String::from_utf8_lossy).unwrap_or_default();
            Err(client.refused(response.status(), &text))
        }
        Err(error) => Err(client.senseless(error.to_string())),
    }
}

fn open(uri: &Uri) -> std::io::Result<TcpStream> {
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in (host, uri.port_u16().unwrap_or(80)).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SILENCE))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn line(out: &mut dyn Write, message: &Message) -> std::io::Result<()> {
    match message {
        Message::Snapshot(snapshot) => begin(out, snapshot),
        Message::Update { update, .. } => match &**update {
            Update::Line { attached: true } => writeln!(out, "line attached"),
            Update::Line { attached: false } => writeln!(out, "line AWAY"),
            Update::Span { span: view } => span(out, view),
            Update::Call { call: view } => call(out, view),
            Update::Queue { queue: view } => queue(out, view),
            Update::Agent { agent: view } => agent(out, view),
            Update::QueueGone { queue } => writeln!(out, "queue {queue} is no more"),
            Update::AgentGone { agent } => writeln!(out, "agent {agent} is no more"),
            Update::Configured { .. } => writeln!(out, "configuration taken"),
            Update::Health { health } => writeln!(
                out,
                "health {} late, {} samples lost, {} events lost, {} frames lost",
                health.late_periods, health.lost_samples, health.lost_events, health.lost_frames
            ),
        },
    }
}

fn begin(out: &mut dyn Write, snapshot: &Snapshot) -> std::io::Result<()> {
    writeln!(out, "line {}", if snapshot.attached { "attached" } else { "AWAY" })?;
    snapshot.spans.iter().try_for_each(|view| span(out, view))?;
    snapshot.calls.iter().try_for_each(|view| call(out, view))
}

fn span(out: &mut dyn Write, span: &SpanView) -> std::io::Result<()> {
    let state = if span.alarms.is_empty() { "ok".into() } else { span.alarms.join(",") };
    let dchannel = span.dchannel.map_or("", |up| if up { ", D-channel up" } else { ", D-channel down" });
    writeln!(out, "span {} {state}{dchannel}, {} blocked", span.span, span.blocked.len())
}

fn queue(out: &mut dyn Write, queue: &QueueView) -> std::io::Result<()> {
    let figures = &queue.figures;
    writeln!(
        out,
        "queue {} {} waiting, {} offered, {} answered, {} abandoned",
        queue.queue, queue.waiting, figures.offered, figures.answered, figures.abandoned
    )
}

fn agent(out: &mut dyn Write, agent: &AgentView) -> std::io::Result<()> {
    let state = match agent.state {
        AgentStateView::Offline => "offline",
        AgentStateView::Idle => "idle",
        AgentStateView::Ringing => "ringing",
        AgentStateView::Talking => "talking",
        AgentStateView::WrapUp => "in wrap-up",
        AgentStateView::Busy => "busy",
    };
    let reason = agent.reason.as_ref().map_or(String::new(), |reason| format!(" ({reason})"));
    writeln!(out, "agent {} {state}{reason}", agent.agent)
}

fn call(out: &mut dyn Write, call: &CallView) -> std::io::Result<()> {
    let known = |number: &str| if number.is_empty() { "?".to_string() } else { number.to_string() };
    let reached = call.reached.as_deref().map(|reached| format!(" reached {reached}")).unwrap_or_default();
    let (calling, called) = (known(&call.calling), known(&call.called));
    writeln!(out, "call {} {calling} -> {called}{reached}: {}", call.call, show::state(call))
}
