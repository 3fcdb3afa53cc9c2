//! Requests that do something with calls: dial and hang up.
//!
//! They are checked as far as they can be without the switch, handed to its thread, and answered with what it says.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::StatusCode;
use link::{LegId, MAX_NUMBER};
use switch::{Reply, Request};

use crate::error::Refusal;
use crate::hub::{AskError, Hub};
use crate::schema::{Dial, Dialled};

/// How long the switch thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest name of a trunk, in characters, as in the configuration.
const MAX_TRUNK: usize = 32;

/// Dials as `body` says.
pub(crate) async fn dial(hub: &Hub, body: &Bytes) -> Result<Dialled, Refusal> {
    let dial: Dial = serde_json::from_slice(body).map_err(|e| Refusal::bad(format!("the body: {e}")))?;
    match ask(hub, checked(dial)?).await? {
        Ok(Reply::Call(call)) => Ok(Dialled { call: call.to_string() }),
        Ok(Reply::Done) => Err(senseless()),
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, "refused", why)),
    }
}

/// Hangs up the call named `name`.
pub(crate) async fn clear(hub: &Hub, name: &str) -> Result<(), Refusal> {
    let call: LegId = name.parse().map_err(|e| Refusal::bad(format!("the call's name: {e}")))?;
    match ask(hub, Request::Clear { call }).await? {
        Ok(Reply::Done) => Ok(()),
        Ok(Reply::Call(_)) => Err(senseless()),
        Err(why) if hub.read(|view| view.attached && !view.calls.contains_key(&call.to_string())) => {
            Err(Refusal::not_found(why))
        }
        Err(why) => Err(Refusal::new(StatusCode::CONFLICT, "refused", why)),
    }
}

fn checked(dial: Dial) -> Result<Request, Refusal> {
    let Dial { trunk, called, calling, then } = dial;
    if trunk.is_empty() || trunk.chars().count() > MAX_TRUNK {
        return Err(Refusal::bad(format!("trunk: expected a name of 1 to {MAX_TRUNK} characters")));
    }
    number("called", &called, "*#")?;
    number("then", &then, "*#")?;
    if let Some(calling) = &calling {
        number("calling", calling, "")?;
    }
    Ok(Request::Dial { trunk, called, calling: calling.unwrap_or_default(), then })
}

fn number(key: &str, number: &str, beside: &str) -> Result<(), Refusal> {
    let digits = number.chars().all(|c| c.is_ascii_digit() || beside.contains(c));
    if digits && (1..=MAX_NUMBER).contains(&number.len()) {
        return Ok(());
    }
    let beside: String = beside.chars().map(|c| format!(" or {c}")).collect();
    Err(Refusal::bad(format!("{key}: expected 1 to {MAX_NUMBER} digits{beside}")))
}

pub(crate) async fn ask(hub: &Hub, request: Request) -> Result<Result<Reply, String>, Refusal> {
    let reply = hub.ask(request).map_err(|e| match e {
        AskError::Full => Refusal::busy("the switch has too many requests waiting; try again"),
        AskError::Gone => Refusal::busy("the switch takes no requests"),
    })?;
    match tokio::time::timeout(PATIENCE, reply).await {
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(_dropped)) => Err(Refusal::busy("the switch has not taken the request")),
        Err(_elapsed) => {
            let message = format!("the switch has not answered for {} s", PATIENCE.as_secs());
            Err(Refusal::new(StatusCode::GATEWAY_TIMEOUT, "no_answer", message))
        }
    }
}

pub(crate) fn senseless() -> Refusal {
    let message = "the switch's answer does not fit the request";
    Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(called: &str, calling: Option<&str>, trunk: &str) -> bool {
        let dial = Dial {
            trunk: trunk.into(),
            called: called.into(),
            calling: calling.map(Into::into),
            then: "8000".into(),
        };
        checked(dial).is_ok()
    }

    #[test]
    fn numbers_are_digits_of_a_bounded_length() {
        assert!(check("1", None, "t"));
        assert!(check(&"1".repeat(MAX_NUMBER), None, "t"));
        assert!(!check(&"1".repeat(MAX_NUMBER + 1), None, "t"));
        assert!(!check("", None, "t"));
        assert!(!check("12a", None, "t"));
        assert!(!check("１２", None, "t"));
        assert!(check("*57#", Some("139"), "t"));
        assert!(!check("1", Some("*57"), "t"));
        assert!(!check("1", Some(""), "t"));
    }

    #[test]
    fn a_trunk_has_a_name_of_a_bounded_length() {
        assert!(check("1", None, &"t".repeat(MAX_TRUNK)));
        assert!(!check("1", None, &"t".repeat(MAX_TRUNK + 1)));
        assert!(!check("1", None, ""));
    }
}
