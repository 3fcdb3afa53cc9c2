//! One of each message and view as JSON, for the page's tests: `web/src/api/fixtures.json` is written here and read
//! there with the page's own types, so that page and API cannot drift apart. If the file differs it is written anew
//! and the test fails once, so that the change is seen and committed.

use std::fs;
use std::path::Path;

use api::schema::{
    API_VERSION, AgentCounts, AgentStateView, AgentTotals, AgentView, Agents, CallCounts, CallView, Calls,
    ChannelView, Channels, Figures, Health, IntervalFigures, Lane, LegStateView, LegView, Message, OrderWord,
    Ordered, Outcome, Problem, ProblemText, QueueFigures, QueueView, Queues, RecordingView, Records,
    Snapshot, SpanCounts, SpanView, Spans, Status, Update, VisitView, Waveform,
};
use call::{From, Progress};
use serde_json::{Value, json};

const FILE: &str = "../../web/src/api/fixtures.json";
const RUN: &str = "673f2a10";
const BEGAN_MS: u64 = 1_795_308_000_000;

fn span() -> SpanView {
    SpanView {
        span: 1,
        kind: "E1".into(),
        use_: "pri_user".into(),
        alarms: vec!["red".into()],
        dchannel: Some(false),
        channels: 30,
        d_timeslot: Some(16),
        blocked: vec![3],
        slips: 2,
        bad_frames: 1,
    }
}

fn telephones() -> SpanView {
    SpanView {
        span: 5,
        kind: "FXS".into(),
        use_: "telephones".into(),
        dchannel: None,
        d_timeslot: None,
        ..span()
    }
}

/// A call in each stage of its life, in which every field is once there and once not.
fn calls() -> Vec<CallView> {
    let leg = |leg: &str, incoming: bool, state| LegView {
        leg: leg.into(),
        channel: incoming.then(|| "1/1".into()),
        incoming,
        state,
    };
    let visit = |outcome: Option<Outcome>| VisitView {
        queue: "service".into(),
        entered_ms: BEGAN_MS + 5_000,
        left_ms: outcome.map(|_| BEGAN_MS + 9_000),
        outcome,
        agent: (outcome == Some(Outcome::Answered)).then(|| "zhang".into()),
    };
    let begins = CallView {
        call: format!("{RUN}-0-1"),
        called: "8000".into(),
        calling: String::new(),
        restricted: true,
        from: From::Trunk,
        flow: None,
        reached: None,
        agent: None,
        visits: vec![],
        progress: Progress::Dialling,
        legs: vec![leg("673f2a10-0-1", true, LegStateView::Offered)],
        since_ms: BEGAN_MS,
        answered_ms: None,
        talking_ms: None,
        ended_ms: None,
        cause: None,
        recordings: vec![],
    };
    let recording = |file: Option<&str>, failed: Option<&str>| RecordingView {
        recording: "673f2a10-0-1-r1".into(),
        file: file.map(Into::into),
        length_ms: file.map(|_| 61_000),
        failed: failed.map(Into::into),
    };
    let chooses = CallView {
        calling: "13900000001".into(),
        restricted: false,
        flow: Some("front".into()),
        progress: Progress::Prompt,
        answered_ms: Some(BEGAN_MS + 1_000),
        ..begins.clone()
    };
    let waits = CallView {
        progress: Progress::Waiting,
        visits: vec![visit(None)],
        recordings: vec![recording(None, None), recording(None, Some("the disk is full"))],
        ..chooses.clone()
    };
    let rings = CallView {
        progress: Progress::Ringing,
        agent: Some("zhang".into()),
        reached: Some("201".into()),
        legs: vec![
            leg("673f2a10-0-1", true, LegStateView::Answered),
            leg("673f2a10-1-7", false, LegStateView::Alerting),
        ],
        ..waits.clone()
    };
    let talks = CallView {
        progress: Progress::Talking,
        talking_ms: Some(BEGAN_MS + 9_000),
        visits: vec![visit(Some(Outcome::Answered))],
        ..rings.clone()
    };
    let ended = CallView {
        progress: Progress::Ending,
        from: From::Seat,
        ended_ms: Some(BEGAN_MS + 70_000),
        cause: Some(16),
        visits: [Outcome::Refused, Outcome::FlowedOut, Outcome::Abandoned, Outcome::Answered]
            .map(|outcome| visit(Some(outcome)))
            .to_vec(),
        legs: [LegStateView::Proceeding, LegStateView::Calling, LegStateView::Ending, LegStateView::Ended]
            .map(|state| leg("673f2a10-0-1", true, state))
            .to_vec(),
        recordings: vec![recording(Some("2026/11/22/673f2a10-0-1-r1.wav"), None)],
        ..talks.clone()
    };
    vec![begins, chooses, waits, rings, talks, ended]
}

fn queue(offered: u64) -> QueueView {
    let share = (offered > 0).then_some(0.75);
    let wait = (offered > 0).then_some(4_000);
    QueueView {
        queue: "service".into(),
        title: "客户服务 Customer service".into(),
        waiting: offered / 4,
        oldest_ms: (offered > 0).then_some(BEGAN_MS),
        agents: AgentCounts { idle: 1, ringing: 2, talking: 3, wrap_up: 4, busy: 5 },
        service_goal_ms: 20_000,
        figures: QueueFigures {
            offered,
            answered: offered / 2,
            answered_in_goal: offered / 4,
            abandoned: offered / 8,
            abandoned_in_goal: offered / 16,
            abandoned_short: 1,
            flowed_out: offered / 8,
            refused: 3,
            sl1: share,
            sl2: share,
            sl3: share,
            sl4: share,
            wait_mean_ms: wait,
            wait_p50_ms: wait,
            wait_p90_ms: wait,
            wait_p99_ms: wait,
        },
    }
}

fn agents() -> Vec<AgentView> {
    use AgentStateView::{Busy, Idle, Offline, Ringing, Talking, WrapUp};
    let agent = |state| AgentView {
        agent: "zhang".into(),
        name: "张伟".into(),
        seat: "201".into(),
        queues: vec!["service".into()],
        state,
        reason: (state == Busy).then(|| "lunch".into()),
        since_ms: BEGAN_MS,
        until_ms: (state == WrapUp).then_some(BEGAN_MS + 10_000),
        call: matches!(state, Ringing | Talking).then(|| "673f2a10-0-1".into()),
        totals: AgentTotals {
            idle_ms: 1,
            ringing_ms: 2,
            talking_ms: 3,
            wrap_up_ms: 4,
            busy_ms: 5,
            logins: 6,
            offers: 7,
            answered: 8,
            missed: 9,
        },
    };
    [Offline, Idle, Ringing, Talking, WrapUp, Busy].map(agent).to_vec()
}

fn health() -> Health {
    Health { realtime: true, periods: 81_200, longest_period_us: 310, ..Health::default() }
}

fn channels() -> Vec<ChannelView> {
    let channel = |state: &str| ChannelView {
        channel: "1/1".into(),
        state: state.into(),
        call: (state == "busy").then(|| "673f2a10-0-1".into()),
        number: (state == "busy").then(|| "13900000001".into()),
    };
    ["idle", "busy", "blocked", "alarm", "dchannel"].map(channel).to_vec()
}

fn intervals() -> Vec<IntervalFigures> {
    vec![IntervalFigures {
        queue: "service".into(),
        from_ms: BEGAN_MS,
        offered: 10,
        answered: 6,
        answered_in_goal: 5,
        abandoned: 3,
        flowed_out: 1,
        refused: 2,
        answered_wait_ms: 40_000,
        abandoned_wait_ms: 9_000,
    }]
}

fn orders() -> Vec<Ordered> {
    let order = |order| Ordered { order, reason: (order == OrderWord::Busy).then(|| "lunch".into()) };
    [OrderWord::LogIn, OrderWord::LogOut, OrderWord::Ready, OrderWord::Busy, OrderWord::WrapUpEnd]
        .map(order)
        .to_vec()
}

fn updates() -> Vec<Update> {
    let mut updates = vec![Update::Line { attached: true }, Update::Span { span: span() }];
    updates.extend(calls().into_iter().map(|call| Update::Call { call }));
    updates.push(Update::Queue { queue: Box::new(queue(0)) });
    updates.extend(agents().into_iter().map(|agent| Update::Agent { agent: Box::new(agent) }));
    updates.push(Update::QueueGone { queue: "sales".into() });
    updates.push(Update::AgentGone { agent: "wang".into() });
    updates.push(Update::Configured { busy_reasons: vec!["lunch".into(), "training".into()] });
    updates.push(Update::Health { health: health() });
    // Whoever adds a kind of update adds one of it above.
    for update in &updates {
        match update {
            Update::Line { .. }
            | Update::Span { .. }
            | Update::Call { .. }
            | Update::Queue { .. }
            | Update::Agent { .. }
            | Update::QueueGone { .. }
            | Update::AgentGone { .. }
            | Update::Configured { .. }
            | Update::Health { .. } => {}
        }
    }
    updates
}

fn fixtures() -> Value {
    let seq = 5_120;
    let snapshot = Snapshot {
        run: RUN.into(),
        seq,
        attached: true,
        spans: vec![span(), telephones()],
        calls: calls()[..5].to_vec(),
        ended: calls()[5..].to_vec(),
        ended_total: 340,
        queues: vec![queue(0), queue(160)],
        agents: agents(),
        busy_reasons: vec!["lunch".into()],
        health: health(),
    };
    let updates = updates().into_iter().zip(seq + 1..);
    let updates = updates.map(|(update, seq)| Message::Update { seq, update: Box::new(update) });
    let mut messages = vec![Message::Snapshot(Box::new(snapshot))];
    messages.extend(updates);
    json!({
        "messages": messages,
        "status": Status {
            version: "0.1.0".into(),
            api: API_VERSION,
            link_protocol: link::PROTOCOL,
            run: RUN.into(),
            uptime_ms: 81_230,
            now_ms: BEGAN_MS + 81_230,
            seq,
            attached: true,
            calls: CallCounts { live: 5, ended_total: 340 },
            spans: SpanCounts { up: 1, total: 2 },
            health: health(),
        },
        "spans": Spans { seq, spans: vec![span(), telephones()] },
        "channels": Channels { seq, channels: channels() },
        "calls": Calls { seq, total: 6, calls: calls() },
        "queues": Queues { seq, queues: vec![queue(0), queue(160)] },
        "agents": Agents { seq, agents: agents(), busy_reasons: vec!["lunch".into()] },
        "orders": orders(),
        "records": Records { records: calls()[5..].to_vec(), total: 340, next: Some("1795308000000-7".into()) },
        "figures": Figures { intervals: intervals() },
        "waveform": Waveform { length_ms: 61_000, channels: vec![Lane { min: vec![-9, 0], max: vec![8, 0] }] },
        "problem": Problem {
            error: ProblemText { code: "not_found".into(), message: "no such call".into() },
        },
    })
}

#[test]
fn the_page_s_fixtures_are_what_the_schema_says() {
    let text = serde_json::to_string_pretty(&fixtures()).expect("it has string keys only") + "\n";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let known = fs::read_to_string(&path).unwrap_or_default();
    if known != text {
        fs::write(&path, &text).expect("web/ can be written to");
        panic!(
            "the schema has changed: {FILE} is written anew, look at it, run `make test` again and commit it"
        );
    }
}
