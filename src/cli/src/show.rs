//! What the API answers, as tables for people.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use api::schema::{CallView, Calls, ChannelView, SpanView, Status};

use crate::table::{length, table};

/// Returns the time of day as the API counts it.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Shows how the switch is.
pub(crate) fn status(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    let Status { version, uptime_ms, attached, calls, spans, health, .. } = status;
    let line = if *attached { "attached" } else { "AWAY" };
    writeln!(out, "version    {version}, switch up {}", length(*uptime_ms))?;
    writeln!(out, "line       {line}")?;
    writeln!(out, "spans      {} of {} up", spans.up, spans.total)?;
    writeln!(out, "calls      {} live, {} ended", calls.live, calls.ended_total)?;
    let priority = if health.realtime { "realtime" } else { "NOT realtime" };
    let memory = if health.locked { "memory locked" } else { "memory NOT locked" };
    writeln!(out, "threads    {priority}, {memory}")?;
    writeln!(
        out,
        "periods    {} worked, {} late, longest {} us",
        health.periods, health.late_periods, health.longest_period_us
    )?;
    writeln!(
        out,
        "lost       {} samples, {} events, {} frames, {} blocks to recorders, {} blocks of prompts",
        health.lost_samples,
        health.lost_events,
        health.lost_frames,
        health.tap_overruns,
        health.feed_underruns
    )?;
    let (failed, refused) = (health.failed_recordings, health.refused_calls);
    writeln!(out, "failed     {failed} recordings, {refused} calls refused")
}

/// Lists spans.
pub(crate) fn spans(out: &mut dyn Write, spans: &[SpanView]) -> io::Result<()> {
    let head = ["SPAN", "KIND", "USE", "STATE", "D-CHANNEL", "CHANNELS", "BLOCKED", "SLIPS", "BAD FRAMES"];
    let row = |span: &SpanView| {
        [
            span.span.to_string(),
            span.kind.clone(),
            span.use_.clone(),
            if span.alarms.is_empty() { "ok".into() } else { span.alarms.join(",") },
            span.dchannel.map_or("", |up| if up { "up" } else { "down" }).into(),
            span.channels.to_string(),
            span.blocked.len().to_string(),
            span.slips.to_string(),
            span.bad_frames.to_string(),
        ]
    };
    table(out, head, spans.iter().map(row))
}

/// Lists channels.
pub(crate) fn channels(out: &mut dyn Write, channels: &[ChannelView]) -> io::Result<()> {
    let row = |channel: &ChannelView| {
        let ChannelView { channel, state, call, number } = channel.clone();
        [channel, state, number.unwrap_or_default(), call.unwrap_or_default()]
    };
    table(out, ["CHANNEL", "STATE", "NUMBER", "CALL"], channels.iter().map(row))
}

/// Lists calls; `now_ms` is what their lengths are counted to while they live.
pub(crate) fn calls(out: &mut dyn Write, calls: &Calls, now_ms: u64) -> io::Result<()> {
    let head = ["CALL", "CALLING", "CALLED", "REACHED", "STATE", "LENGTH", "TALKING", "CHANNELS"];
    let row = |call: &CallView| {
        let until_ms = call.ended_ms.unwrap_or(now_ms);
        let since = |from_ms: u64| length(until_ms.saturating_sub(from_ms));
        let channels: Vec<&str> = call.legs.iter().filter_map(|leg| leg.channel.as_deref()).collect();
        [
            call.call.clone(),
            call.calling.clone(),
            call.called.clone(),
            call.reached.clone().unwrap_or_default(),
            state(call),
            since(call.since_ms),
            call.talking_ms.map(since).unwrap_or_default(),
            channels.join(","),
        ]
    };
    table(out, head, calls.calls.iter().map(row))?;
    let shown = calls.calls.len() as u64;
    if shown < calls.total {
        writeln!(out, "{shown} of {}; --limit N shows more", calls.total)?;
    }
    Ok(())
}

/// Returns how far a call has come, in a word or two.
pub(crate) fn state(call: &CallView) -> String {
    if call.ended_ms.is_some() {
        return call.cause.map_or("ended".into(), |cause| format!("ended, cause {cause}"));
    }
    word(&call.progress)
}

/// Returns the schema's word for a value without parts.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}
