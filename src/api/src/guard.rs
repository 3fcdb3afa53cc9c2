//! Who may come in: requests that name this machine and, but for the page's files, carry the token.
//!
//! The `Host` check keeps out pages in a browser whose name has been turned to our address (DNS rebinding): such a
//! request still names the page's host. An address of digits cannot be turned, so a server that listens on all
//! addresses takes any of them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::error::Refusal;
use crate::server::Shared;

/// What a WebSocket's protocol begins with that carries the token.
pub(crate) const BEARER_PROTOCOL: &str = "bearer.";

/// Lets a request pass that names this machine.
pub(crate) async fn host(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_some_and(|host| is_ours(host, shared.listen)) {
        return next.run(request).await;
    }
    let message = "the Host header names neither this machine's loopback nor the address it listens on";
    Refusal::new(StatusCode::FORBIDDEN, "wrong_host", message).into_response()
}

/// Lets a request pass that carries the token.
pub(crate) async fn token(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let refused = match bearer(request.headers()) {
        Some(offered) if shared.token.matches(offered) => return next.run(request).await,
        Some(_) => "the token is not the right one",
        None => "a token is needed: Authorization: Bearer TOKEN",
    };
    Refusal::new(StatusCode::UNAUTHORIZED, "unauthorized", refused).into_response()
}

/// Returns the token that the request offers.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        let (scheme, token) = value.as_bytes().split_at_checked(7)?;
        return scheme.eq_ignore_ascii_case(b"bearer ").then_some(token);
    }
    protocols(headers).find_map(|protocol| protocol.strip_prefix(BEARER_PROTOCOL)).map(str::as_bytes)
}

/// Returns the WebSocket protocols that the request offers.
pub(crate) fn protocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// Whether a `Host` header names us. The port is not compared: it may have been forwarded from another one.
fn is_ours(host: &str, listen: SocketAddr) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let name = authority.host();
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let digits = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let Ok(address) = digits.parse::<IpAddr>() else {
        return false;
    };
    address.is_loopback() || address == listen.ip() || listen.ip().is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:8040";

    fn ours(host: &str, listen: &str) -> bool {
        is_ours(host, listen.parse().expect("an address"))
    }

    #[test]
    fn loopback_names_are_ours_with_any_port() {
        for host in ["localhost", "LOCALHOST:8040", "127.0.0.1:8040", "127.0.0.1", "[::1]:9", "127.9.9.9:1"] {
            assert!(ours(host, LOOPBACK), "{host}");
        }
    }

    #[test]
    fn other_names_are_not_ours() {
        let others = [
            "evil.example:8040",
            "localhost.evil.example",
            "192.0.2.1:8040",
            "",
            "a@localhost",
            "127.0.0.1.nip.io",
        ];
        for host in others {
            assert!(!ours(host, LOOPBACK), "{host}");
        }
    }

    #[test]
    fn the_address_it_listens_on_is_ours_and_any_address_when_it_listens_on_all() {
        assert!(ours("192.0.2.1:8040", "192.0.2.1:8040"));
        assert!(!ours("192.0.2.2:8040", "192.0.2.1:8040"));
        assert!(ours("192.0.2.2:8040", "0.0.0.0:8040"));
        assert!(!ours("evil.example:8040", "0.0.0.0:8040"));
    }

    fn offered(headers: &[(header::HeaderName, &str)]) -> Option<String> {
        let headers =
            headers.iter().map(|(name, value)| (name.clone(), value.parse().expect("a value"))).collect();
        bearer(&headers).map(|token| String::from_utf8_lossy(token).into_owned())
    }

    #[test]
    fn the_token_is_found_in_either_header() {
        assert_eq!(offered(&[(header::AUTHORIZATION, "Bearer abc")]).as_deref(), Some("abc"));
        assert_eq!(offered(&[(header::AUTHORIZATION, "bearer abc")]).as_deref(), Some("abc"));
        let protocols = "tandem.v1, bearer.abc";
        assert_eq!(offered(&[(header::SEC_WEBSOCKET_PROTOCOL, protocols)]).as_deref(), Some("abc"));
        assert_eq!(offered(&[(header::AUTHORIZATION, "Basic abc")]), None);
        assert_eq!(offered(&[(header::AUTHORIZATION, "B")]), None);
        assert_eq!(offered(&[]), None);
    }
}
