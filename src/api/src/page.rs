//! The page: the files that `make web` builds from `web/`, held in the program itself.
//!
//! Files below `assets/` carry their hash in their name and may be kept for ever; `index.html` is asked for each time,
//! and answered "not modified" if the browser has it. Texts are held packed as well, so that nothing is packed when it
//! is asked for. The page's policy lets it run its own scripts only, speak with us only, and be in no frame.
//!
//! Limits: a program built without the page says so at `/`. Packed files are gzip: browsers offer nothing better over
//! plain HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::{Embed, EmbeddedFile};

use crate::error::Refusal;
use crate::routes::wrong_method;
use crate::server::Shared;

/// What the page may do. Styles stand in the document too, since its widgets put them there; scripts never do. A `blob:`
/// is a recording that was fetched with the token, to be listened to.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
const EACH_TIME: HeaderValue = HeaderValue::from_static("no-cache");

/// What is said where the page would be.
const NOT_BUILT: &str = "\
This Tandem was built without its page. Build the page, then the program again:\n\n    make web\n    make run\n\n\
构建时没有包含页面。请先构建页面，再重新构建程序：\n\n    make web\n    make run\n";

#[derive(Embed)]
#[folder = "../../web/dist"]
struct Files;

/// Makes the routes of the page; they need no token.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(index))
        .route("/assets/{*path}", get(asset))
        .method_not_allowed_fallback(wrong_method)
}

async fn index(headers: HeaderMap) -> Response {
    match file("index.html", &headers, EACH_TIME) {
        Some(response) => response,
        None => (StatusCode::SERVICE_UNAVAILABLE, secured(HeaderMap::new()), NOT_BUILT).into_response(),
    }
}

async fn asset(Path(path): Path<String>, headers: HeaderMap) -> Response {
    let found = file(&format!("assets/{path}"), &headers, FOR_EVER);
    found.unwrap_or_else(|| Refusal::not_found("the page has no such file").into_response())
}

/// Answers with the file at `path`, packed if the browser takes it so, or with nothing if the browser has it.
fn file(path: &str, asked: &HeaderMap, cache: HeaderValue) -> Option<Response> {
    let packed = takes_gzip(asked).then(|| Files::get(&format!("{path}.gz"))).flatten();
    let is_packed = packed.is_some();
    let EmbeddedFile { data, metadata } = packed.or_else(|| Files::get(path))?;
    let tag = tag(&metadata.sha256_hash());
    let mut headers = secured(HeaderMap::new());
    headers.insert(header::CACHE_CONTROL, cache);
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(header::ETAG, tag.clone());
    if knows(asked, &tag) {
        return Some((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type(path)));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Some((headers, Body::from(data.into_owned())).into_response())
}

/// Adds what every answer of the page carries.
fn secured(mut headers: HeaderMap) -> HeaderMap {
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers
}

/// Returns the entity tag of a file with this hash; packed and unpacked files have different ones.
fn tag(hash: &[u8; 32]) -> HeaderValue {
    let digits: String = hash[..16].iter().map(|octet| format!("{octet:02x}")).collect();
    HeaderValue::from_str(&format!("\"{digits}\"")).expect("hexadecimal digits")
}

/// Whether the browser says that it has the file with this tag.
fn knows(asked: &HeaderMap, tag: &HeaderValue) -> bool {
    let tags = asked.get_all(header::IF_NONE_MATCH).into_iter();
    let mut tags = tags.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    tags.any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one).as_bytes() == tag.as_bytes()
    })
}

/// Whether the browser takes gzip. One that gives it a weight of zero does not.
fn takes_gzip(asked: &HeaderMap) -> bool {
    let offers = asked.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut offers = offers.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    offers.any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map(str::parse::<f32>);
        gzip && !matches!(weight, Some(Ok(weight)) if weight <= 0.0)
    })
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("png") => "image/png",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: header::HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_taken_unless_its_weight_is_zero() {
        for (offer, taken) in [
            ("gzip", true),
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(takes_gzip(&headers(header::ACCEPT_ENCODING, offer)), taken, "{offer}");
        }
    }

    #[test]
    fn a_known_tag_is_found_among_others_and_when_it_is_weak() {
        let tag = tag(&[0xAB; 32]);
        let ours = "\"abababababababababababababababab\"";
        assert_eq!(tag, ours);
        assert!(knows(&headers(header::IF_NONE_MATCH, "\"abababababababababababababababab\""), &tag));
        assert!(knows(
            &headers(header::IF_NONE_MATCH, "\"x\", W/\"abababababababababababababababab\""),
            &tag
        ));
        assert!(knows(&headers(header::IF_NONE_MATCH, "*"), &tag));
        assert!(!knows(&headers(header::IF_NONE_MATCH, "\"x\""), &tag));
        assert!(!knows(&HeaderMap::new(), &tag));
    }

    #[test]
    fn files_have_the_types_that_browsers_ask_for() {
        assert_eq!(content_type("assets/index-1.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("index.html"), "text/html; charset=utf-8");
        assert_eq!(content_type("assets/none"), "application/octet-stream");
    }
}
