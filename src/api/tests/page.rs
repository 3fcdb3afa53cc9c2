//! The page's files over a real connection: types, caching, policy. The tests hold for a program with a page and for one
//! that was built without it.

mod world;

use world::{World, bearer};

struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

/// Asks without a token, as a browser does that opens the page.
fn get(world: &World, path: &str, headers: &[(&str, &str)]) -> Answer {
    let config = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build();
    let mut request = ureq::http::Request::builder().uri(world.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(()).expect("a request");
    let mut response = ureq::Agent::new_with_config(config).run(request).expect("an answer");
    let headers = response.headers().iter();
    let headers = headers.map(|(k, v)| (k.to_string(), v.to_str().expect("text").to_string())).collect();
    let status = response.status().as_u16();
    Answer { status, headers, body: response.body_mut().read_to_vec().expect("a body") }
}

/// The first file that the page loads; none if there is no page.
fn first_asset(world: &World) -> Option<String> {
    let index = get(world, "/", &[("Accept-Encoding", "identity")]);
    let at = index.text().find("/assets/")?;
    index.text()[at..].split('"').next().map(str::to_string)
}

#[test]
fn the_page_is_served_without_a_token_under_a_strict_policy() {
    let world = World::new();
    let index = get(&world, "/", &[("Accept-Encoding", "identity")]);
    let policy = index.header("content-security-policy");
    assert!(policy.contains("default-src 'none'; script-src 'self';"), "{policy}");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(index.header("x-content-type-options"), "nosniff");
    match index.status {
        200 => {
            assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
            assert_eq!(index.header("cache-control"), "no-cache");
            assert!(!index.text().contains("<script>"), "a script in the document would not run");
        }
        503 => assert!(index.text().contains("make web"), "{}", index.text()),
        other => panic!("{other}"),
    }
}

#[test]
fn assets_are_kept_for_ever_and_an_unchanged_index_is_not_sent_again() {
    let world = World::new();
    let Some(asset) = first_asset(&world) else {
        assert_eq!(get(&world, "/", &[]).status, 503);
        return;
    };
    let found = get(&world, &asset, &[("Accept-Encoding", "identity")]);
    assert_eq!(found.status, 200);
    assert_eq!(found.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(found.header("x-content-type-options"), "nosniff");
    let tag = get(&world, "/", &[("Accept-Encoding", "identity")]).header("etag").to_string();
    let again = get(&world, "/", &[("Accept-Encoding", "identity"), ("If-None-Match", &tag)]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let packed = get(&world, "/", &[("Accept-Encoding", "gzip"), ("If-None-Match", &tag)]);
    assert!(
        packed.status == 200 || packed.header("content-encoding").is_empty(),
        "other octets, another tag"
    );
}

#[test]
fn files_that_are_not_there_are_not_found_and_none_lie_outside() {
    let world = World::new();
    for path in ["/assets/none.js", "/assets/..%2f..%2fCargo.toml", "/assets/.gitignore"] {
        assert_eq!(get(&world, path, &[]).status, 404, "{path}");
    }
    assert_eq!(world.send("POST", "/", &[("Authorization", &bearer())], "").0, 405);
}

#[test]
fn the_page_opens_no_way_around_the_token_and_the_host() {
    let world = World::new();
    for path in ["/v1/status", "/v1", "/index.html", "/v1/../", "/assets"] {
        assert_eq!(get(&world, path, &[]).status, 401, "{path}");
    }
    assert_eq!(get(&world, "/", &[("Host", "evil.example")]).status, 403);
}
