//! A changed configuration by way of the API: what is told of it, and what is told when it is refused.

mod world;

use std::sync::Arc;

use api::schema::Reloaded;
use api::{ApiConfig, Reload, hub};
use serde_json::json;
use world::{World, config};

struct Reloader(Result<Reloaded, Vec<String>>);

impl Reload for Reloader {
    fn reload(&self) -> Result<Reloaded, Vec<String>> {
        self.0.clone()
    }
}

fn world(outcome: Result<Reloaded, Vec<String>>) -> World {
    let reload: Arc<dyn Reload> = Arc::new(Reloader(outcome));
    World::with(ApiConfig { reload: Some(reload), ..config("127.0.0.1:0") }, hub::MAX_LOG)
}

#[test]
fn what_is_taken_is_told() {
    let changes = vec!["queue.service: changed".into()];
    let warnings = vec!["c.toml: queue.sales: no agent serves it (warning)".into()];
    let told = json!({ "changes": changes, "warnings": warnings });
    assert_eq!(world(Ok(Reloaded { changes, warnings })).post("/v1/reload", ""), (200, told));
}

#[test]
fn every_error_of_a_refused_one_is_a_line() {
    let (status, answer) = world(Err(vec!["first".into(), "second".into()])).post("/v1/reload", "");
    assert_eq!((status, &answer["error"]["code"]), (422, &json!("configuration")));
    assert_eq!(answer["error"]["message"], "first\nsecond");
}

#[test]
fn without_anybody_who_takes_it_there_is_nothing_and_without_the_token_nobody_asks() {
    let world = World::new();
    assert_eq!(world.post("/v1/reload", "").0, 404);
    assert_eq!(world.send("POST", "/v1/reload", &[], "").0, 401);
    assert_eq!(world.get("/v1/reload").0, 405);
}
