//! What the API answers, as tables for people.

use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use api::schema::{
    AgentView, CallView, Calls, ChannelView, MAX_TOTAL, QueueView, Records, Reloaded, SpanView, Status,
};

use time::OffsetDateTime;

use crate::table::{length, table};

/// Returns the time of day as the API counts it.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Shows what a changed configuration has brought.
pub(crate) fn reloaded(out: &mut dyn Write, reloaded: &Reloaded) -> io::Result<()> {
    reloaded.warnings.iter().try_for_each(|warning| writeln!(out, "{warning}"))?;
    if reloaded.changes.is_empty() {
        return writeln!(out, "nothing has changed");
    }
    reloaded.changes.iter().try_for_each(|change| writeln!(out, "{change}"))?;
    writeln!(out, "taken")
}

/// Shows how the switch is.
pub(crate) fn status(out: &mut dyn Write, status: &Status) -> io::Result<()> {
    let Status { version, uptime_ms, attached, calls, spans, health, .. } = status;
    let line = if *attached { "attached" } else { "AWAY" };
    writeln!(out, "version    {version}, switch up {}", length(*uptime_ms))?;
    writeln!(out, "line       {line}")?;
    writeln!(out, "spans      {} of {} up", spans.up, spans.total)?;
    writeln!(out, "calls      {} live, {} ended since the switch started", calls.live, calls.ended_total)?;
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

/// Lists queues with today's figures; `now_ms` is what the longest wait is counted to.
pub(crate) fn queues(out: &mut dyn Write, queues: &[QueueView], now_ms: u64) -> io::Result<()> {
    let head = [
        "QUEUE",
        "WAITING",
        "LONGEST",
        "IDLE",
        "RINGING",
        "TALKING",
        "WRAP-UP",
        "BUSY",
        "OFFERED",
        "ANSWERED",
        "ABANDONED",
        "FLOWED OUT",
        "REFUSED",
        "SL1",
        "ASA",
    ];
    let row = |queue: &QueueView| {
        let (agents, figures) = (&queue.agents, &queue.figures);
        [
            queue.queue.clone(),
            queue.waiting.to_string(),
            queue.oldest_ms.map(|oldest_ms| length(now_ms.saturating_sub(oldest_ms))).unwrap_or_default(),
            agents.idle.to_string(),
            agents.ringing.to_string(),
            agents.talking.to_string(),
            agents.wrap_up.to_string(),
            agents.busy.to_string(),
            figures.offered.to_string(),
            figures.answered.to_string(),
            figures.abandoned.to_string(),
            figures.flowed_out.to_string(),
            figures.refused.to_string(),
            figures.sl1.map(|level| format!("{:.0} %", level * 100.0)).unwrap_or_default(),
            figures.wait_mean_ms.map(length).unwrap_or_default(),
        ]
    };
    table(out, head, queues.iter().map(row))
}

/// Lists agents; `now_ms` is what their state's length is counted to.
pub(crate) fn agents(out: &mut dyn Write, agents: &[AgentView], now_ms: u64) -> io::Result<()> {
    let head = ["AGENT", "NAME", "SEAT", "QUEUES", "STATE", "REASON", "FOR", "CALL", "ANSWERED", "MISSED"];
    let row = |agent: &AgentView| {
        [
            agent.agent.clone(),
            agent.name.clone(),
            agent.seat.clone(),
            agent.queues.join(","),
            word(&agent.state),
            agent.reason.clone().unwrap_or_default(),
            length(now_ms.saturating_sub(agent.since_ms)),
            agent.call.clone().unwrap_or_default(),
            agent.totals.answered.to_string(),
            agent.totals.missed.to_string(),
        ]
    };
    table(out, head, agents.iter().map(row))
}

/// Lists records of ended calls.
pub(crate) fn records(out: &mut dyn Write, records: &Records) -> io::Result<()> {
    let head = [
        "BEGAN (UTC)",
        "CALL",
        "CALLING",
        "CALLED",
        "QUEUE",
        "OUTCOME",
        "WAIT",
        "AGENT",
        "TALKING",
        "LENGTH",
        "CAUSE",
    ];
    let row = |call: &CallView| {
        let stay = call.visits.last();
        let until = |from_ms: u64| call.ended_ms.map(|ended_ms| length(ended_ms.saturating_sub(from_ms)));
        let wait =
            stay.and_then(|stay| stay.left_ms.map(|left_ms| length(left_ms.saturating_sub(stay.entered_ms))));
        let agent = call.agent.clone().or_else(|| stay.and_then(|stay| stay.agent.clone()));
        [
            utc(call.since_ms),
            call.call.clone(),
            call.calling.clone(),
            call.called.clone(),
            stay.map(|stay| stay.queue.clone()).unwrap_or_default(),
            stay.and_then(|stay| stay.outcome.as_ref().map(word)).unwrap_or_default(),
            wait.unwrap_or_default(),
            agent.unwrap_or_default(),
            call.talking_ms.and_then(until).unwrap_or_default(),
            until(call.since_ms).unwrap_or_default(),
            call.cause.map(|cause| cause.to_string()).unwrap_or_default(),
        ]
    };
    table(out, head, records.records.iter().map(row))?;
    if records.next.is_some() {
        let all = if records.total >= MAX_TOTAL {
            format!("{MAX_TOTAL} or more")
        } else {
            records.total.to_string()
        };
        writeln!(out, "{} of {all}; --limit N shows more", records.records.len())?;
    }
    Ok(())
}

/// Returns a time as "2026-11-22 03:15:00".
fn utc(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second) = at.to_hms();
    format!("{year:04}-{:02}-{day:02} {hour:02}:{minute:02}:{second:02}", u8::from(month))
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
