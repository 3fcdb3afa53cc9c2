//! Every path over a real connection: answers, refusals, bad input, limits.

mod world;

use api::{ApiError, MAX_BODY, hub, serve};
use serde_json::{Value, json};
use switch::view::{AgentStateView, AgentView, QueueFigures, QueueView, Update};
use switch::{AgentOrder, Reply, Request};
use world::{RUN, TOKEN, World, bearer, config};

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().expect("a code"))
}

#[test]
fn status_counts_spans_and_calls() {
    let (status, body) = World::busy().get("/v1/status");
    assert_eq!(status, 200);
    assert_eq!(body["version"], "0.1.0");
    assert_eq!((&body["api"], &body["link_protocol"]), (&json!(1), &json!(link::PROTOCOL)));
    assert_eq!((&body["run"], &body["seq"], &body["attached"]), (&json!(RUN), &json!(4), &json!(true)));
    assert_eq!(body["calls"], json!({"live": 1, "ended_total": 1}));
    assert_eq!(body["spans"], json!({"up": 1, "total": 1}));
    assert_eq!(body["health"]["lost_samples"], 0);
    assert!(body["uptime_ms"].is_u64());
}

#[test]
fn spans_are_listed_with_the_schema_s_names() {
    let (status, body) = World::busy().get("/v1/spans");
    let span = json!({
        "span": 1, "kind": "E1", "use": "pri_user", "alarms": [], "dchannel": true, "channels": 30,
        "d_timeslot": 16, "blocked": [3], "slips": 2, "bad_frames": 0,
    });
    assert_eq!((status, body), (200, json!({"seq": 4, "spans": [span]})));
}

#[test]
fn channels_are_listed_with_their_calls() {
    let (status, body) = World::busy().get("/v1/channels");
    assert_eq!((status, body["channels"].as_array().map(Vec::len)), (200, Some(31)));
    let first = json!({"channel": "1/1", "state": "busy", "call": "673f2a10-0-1", "number": "13900000001"});
    assert_eq!(body["channels"][0], first);
}

#[test]
fn calls_are_chosen_by_state_and_cut_at_the_limit() {
    let world = World::busy();
    let names = |query: &str| {
        let (status, body) = world.get(&format!("/v1/calls{query}"));
        assert_eq!(status, 200);
        let calls = body["calls"].as_array().expect("calls").iter();
        (
            body["total"].as_u64(),
            calls.map(|c| c["call"].as_str().expect("a name").to_string()).collect::<Vec<_>>(),
        )
    };
    let [live, ended] = ["673f2a10-0-1", "673f2a10-0-2"].map(String::from);
    assert_eq!(names(""), (Some(1), vec![live.clone()]));
    assert_eq!(names("?state=live"), (Some(1), vec![live.clone()]));
    assert_eq!(names("?state=ended"), (Some(1), vec![ended.clone()]));
    assert_eq!(names("?state=all"), (Some(2), vec![live.clone(), ended]));
    assert_eq!(names("?state=all&limit=1"), (Some(2), vec![live]));
}

#[test]
fn a_wrong_selection_of_calls_is_refused() {
    let world = World::new();
    for query in ["?state=dead", "?limit=0", "?limit=5097", "?limit=-1", "?limt=5"] {
        assert_eq!(code(&world.get(&format!("/v1/calls{query}"))), (400, "bad_request"), "{query}");
    }
    assert_eq!(world.get("/v1/calls?limit=5096").0, 200);
}

#[test]
fn one_call_is_found_while_it_lives_and_after() {
    let world = World::busy();
    let (status, live) = world.get("/v1/calls/673f2a10-0-1");
    assert_eq!((status, &live["from"], &live["progress"]), (200, &json!("trunk"), &json!("talking")));
    assert_eq!(live["legs"][1]["channel"], "5/1");
    assert_eq!(world.get("/v1/calls/673f2a10-0-2").1["cause"], 16);
    assert_eq!(code(&world.get("/v1/calls/673f2a10-0-3")), (404, "not_found"));
}

#[test]
fn dialling_hands_the_request_over_and_names_the_call() {
    let world = World::new();
    let switch = world.answer(Ok(Reply::Call("673f2a10-1-1".parse().expect("a name"))));
    let body = r#"{"trunk": "telecom", "called": "10086", "calling": "139", "then": "8000"}"#;
    assert_eq!(world.post("/v1/calls", body), (201, json!({"call": "673f2a10-1-1"})));
    let [trunk, called, calling, then] = ["telecom", "10086", "139", "8000"].map(String::from);
    assert_eq!(switch.join().expect("no panic"), Request::Dial { trunk, called, calling, then });
}

#[test]
fn a_dialling_that_the_switch_refuses_says_why() {
    let world = World::new();
    let switch = world.answer(Err("no trunk \"x\"".into()));
    let answer = world.post("/v1/calls", r#"{"trunk": "x", "called": "1", "then": "8000"}"#);
    assert_eq!(answer, (409, json!({"error": {"code": "refused", "message": "no trunk \"x\""}})));
    switch.join().expect("no panic");
}

#[test]
fn a_wrong_dialling_never_reaches_the_switch() {
    let world = World::new();
    let long = format!(r#"{{"trunk": "t", "called": "{}", "then": "8000"}}"#, "1".repeat(41));
    let bodies = [
        "",
        "{",
        "[]",
        r#"{"trunk": "t", "called": "1"}"#,
        r#"{"trunk": "t", "called": "1", "then": "8000", "more": 1}"#,
        r#"{"trunk": "t", "called": "one", "then": "8000"}"#,
        r#"{"trunk": "", "called": "1", "then": "8000"}"#,
        r#"{"trunk": "t", "called": 1, "then": "8000"}"#,
        r#"{"trunk": "t", "called": "1", "then": "8000", "calling": "a"}"#,
        &long,
    ];
    for body in bodies {
        assert_eq!(code(&world.post("/v1/calls", body)), (400, "bad_request"), "{body}");
    }
    assert!(world.hub.requests().is_empty());
}

#[test]
fn a_body_may_be_16_kib_and_not_one_octet_longer() {
    let world = World::new();
    assert_eq!(code(&world.post("/v1/calls", &" ".repeat(MAX_BODY))), (400, "bad_request"));
    assert_eq!(code(&world.post("/v1/calls", &" ".repeat(MAX_BODY + 1))), (413, "too_large"));
}

#[test]
fn hanging_up_is_handed_over() {
    let world = World::busy();
    let switch = world.answer(Ok(Reply::Done));
    assert_eq!(world.delete("/v1/calls/673f2a10-0-1"), (202, Value::Null));
    let call = "673f2a10-0-1".parse().expect("a name");
    assert_eq!(switch.join().expect("no panic"), Request::Clear { call });
}

#[test]
fn hanging_up_what_is_not_there_or_has_no_name_is_refused() {
    let world = World::busy();
    let switch = world.answer(Err("no call 673f2a10-0-9".into()));
    assert_eq!(code(&world.delete("/v1/calls/673f2a10-0-9")), (404, "not_found"));
    switch.join().expect("no panic");
    assert_eq!(code(&world.delete("/v1/calls/nonsense")), (400, "bad_request"));
}

#[test]
fn hanging_up_a_call_that_lives_without_its_line_is_a_conflict() {
    let world = World::busy();
    let switch = world.answer(Err("the line process is not attached".into()));
    assert_eq!(code(&world.delete("/v1/calls/673f2a10-0-1")), (409, "refused"));
    switch.join().expect("no panic");
}

#[test]
fn queues_and_agents_are_listed_with_the_number_of_the_last_update() {
    let world = World::new();
    world.hub.publish(Update::Queue { queue: Box::new(queue("service")) });
    world.hub.publish(Update::Queue { queue: Box::new(queue("sales")) });
    world.hub.publish(Update::Agent { agent: Box::new(agent("zhang")) });
    let (status, body) = world.get("/v1/queues");
    let names = |list: &Value, key: &str| {
        list.as_array().expect("a list").iter().map(|one| one[key].clone()).collect::<Vec<_>>()
    };
    assert_eq!((status, &body["seq"]), (200, &json!(3)));
    assert_eq!(names(&body["queues"], "queue"), ["sales", "service"]);
    assert_eq!(
        (&body["queues"][1]["waiting"], &body["queues"][1]["figures"]["sl1"]),
        (&json!(2), &json!(0.5))
    );
    let (status, body) = world.get("/v1/agents");
    assert_eq!((status, names(&body["agents"], "agent")), (200, vec![json!("zhang")]));
    assert_eq!(
        (&body["agents"][0]["state"], &body["agents"][0]["reason"]),
        (&json!("busy"), &json!("lunch"))
    );
}

#[test]
fn an_agent_s_order_is_handed_over() {
    let world = World::new();
    let cases = [
        (r#"{"order": "log_in"}"#, AgentOrder::LogIn),
        (r#"{"order": "log_out"}"#, AgentOrder::LogOut),
        (r#"{"order": "ready"}"#, AgentOrder::Ready),
        (r#"{"order": "busy", "reason": "lunch"}"#, AgentOrder::Busy { reason: "lunch".into() }),
        (r#"{"order": "wrap_up_end"}"#, AgentOrder::WrapUpEnd),
    ];
    for (body, order) in cases {
        let switch = world.answer(Ok(Reply::Done));
        assert_eq!(world.post("/v1/agents/zhang", body), (202, Value::Null));
        assert_eq!(switch.join().expect("no panic"), Request::Agent { agent: "zhang".into(), order });
    }
}

#[test]
fn an_order_that_the_switch_refuses_is_a_conflict_or_names_nobody() {
    let world = World::new();
    world.hub.publish(Update::Agent { agent: Box::new(agent("zhang")) });
    for (name, answer) in [("zhang", (409, "refused")), ("nobody", (404, "not_found"))] {
        let switch = world.answer(Err("no".into()));
        assert_eq!(code(&world.post(&format!("/v1/agents/{name}"), r#"{"order": "ready"}"#)), answer);
        switch.join().expect("no panic");
    }
}

#[test]
fn a_wrong_order_never_reaches_the_switch() {
    let world = World::new();
    let long = format!(r#"{{"order": "busy", "reason": "{}"}}"#, "r".repeat(33));
    let bodies = [
        "",
        "{}",
        r#"{"order": "sleep"}"#,
        r#"{"order": "busy"}"#,
        r#"{"order": "busy", "reason": ""}"#,
        r#"{"order": "ready", "reason": "lunch"}"#,
        r#"{"order": "ready", "more": 1}"#,
        &long,
    ];
    for body in bodies {
        assert_eq!(code(&world.post("/v1/agents/zhang", body)), (400, "bad_request"), "{body}");
    }
    let name = "n".repeat(33);
    assert_eq!(world.post(&format!("/v1/agents/{name}"), r#"{"order": "ready"}"#).0, 400);
    assert!(world.hub.requests().is_empty());
}

#[test]
fn a_request_that_the_switch_drops_is_answered() {
    let world = World::new();
    let requests = world.hub.requests();
    let switch = std::thread::spawn(move || drop(requests.recv()));
    let answer = world.post("/v1/calls", r#"{"trunk": "t", "called": "1", "then": "8000"}"#);
    assert_eq!(code(&answer), (503, "busy"));
    switch.join().expect("no panic");
}

#[test]
fn a_full_request_channel_answers_503_at_once_and_recovers() {
    let world = World::new();
    let requests = world.hub.requests();
    std::thread::scope(|scope| {
        let clear = || world.delete("/v1/calls/673f2a10-0-1");
        let waiting: Vec<_> = (0..hub::MAX_REQUESTS).map(|_| scope.spawn(clear)).collect();
        while !requests.is_full() {
            std::thread::yield_now();
        }
        assert_eq!(code(&clear()), (503, "busy"));
        requests.try_iter().for_each(|(_, answer)| answer.give(Ok(Reply::Done)));
        assert!(waiting.into_iter().all(|thread| thread.join().expect("no panic").0 == 202));
    });
    let switch = world.answer(Ok(Reply::Done));
    assert_eq!(world.delete("/v1/calls/673f2a10-0-1").0, 202);
    switch.join().expect("no panic");
}

#[test]
fn without_the_right_token_nothing_is_told_not_even_which_paths_there_are() {
    let world = World::busy();
    let short = format!("Bearer {}", &TOKEN[1..]);
    let wrong = format!("Bearer {}", TOKEN.replace('0', "1"));
    for path in [
        "/v1/status",
        "/v1/spans",
        "/v1/channels",
        "/v1/calls",
        "/v1/calls/x",
        "/v1/queues",
        "/v1/agents",
        "/v1/records",
        "/v1/records/x",
        "/v1/figures",
        "/v1/recordings/a.wav",
        "/v1/events",
        "/nothing",
    ] {
        assert_eq!(code(&world.send("GET", path, &[], "")), (401, "unauthorized"), "{path}");
        for value in [&short, &wrong, TOKEN, "Bearer ", "Basic x"] {
            let answer = world.send("GET", path, &[("Authorization", value)], "");
            assert_eq!(code(&answer), (401, "unauthorized"), "{path} {value}");
        }
    }
    assert_eq!(world.send("POST", "/v1/calls", &[], "{}").0, 401);
    assert_eq!(world.send("DELETE", "/v1/calls/673f2a10-0-1", &[], "").0, 401);
    assert!(world.hub.requests().is_empty());
}

#[test]
fn a_foreign_host_is_refused_even_with_the_token() {
    let world = World::new();
    let bearer = bearer();
    let with = |host| world.send("GET", "/v1/status", &[("Authorization", &bearer), ("Host", host)], "");
    assert_eq!(code(&with("evil.example:8040")), (403, "wrong_host"));
    assert_eq!(with("localhost:9999").0, 200);
}

#[test]
fn unknown_paths_and_methods_are_told_in_json() {
    let world = World::new();
    assert_eq!(code(&world.get("/v2/status")), (404, "not_found"));
    assert_eq!(code(&world.delete("/v1/status")), (405, "wrong_method"));
    assert_eq!(code(&world.get("/v1/events")), (426, "websocket_only"));
}

#[test]
fn a_port_that_is_taken_is_named_with_its_key() {
    let world = World::new();
    let listen = world.server.local_addr().to_string();
    let error = serve(config(&listen), world.hub.clone()).expect_err("taken");
    assert!(matches!(error, ApiError::Bind { .. }));
    let text = error.to_string();
    assert!(text.starts_with(&format!("api.listen: cannot listen on {listen}: ")), "{text}");
}

#[test]
fn after_a_shutdown_the_port_is_free_again() {
    let world = World::new();
    let listen = world.server.local_addr().to_string();
    assert_eq!(world.get("/v1/status").0, 200);
    let World { hub, server } = world;
    server.shutdown();
    serve(config(&listen), hub).expect("free").shutdown();
}

fn queue(name: &str) -> QueueView {
    let figures = QueueFigures { offered: 2, answered: 1, sl1: Some(0.5), ..QueueFigures::default() };
    QueueView { queue: name.into(), waiting: 2, figures, ..QueueView::default() }
}

fn agent(name: &str) -> AgentView {
    let reason = Some("lunch".into());
    AgentView { agent: name.into(), state: AgentStateView::Busy, reason, ..AgentView::default() }
}
