//! Recordings over a real connection: whole, in parts, drawn; and no way out of their directory.

mod world;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;

use api::ApiConfig;
use serde_json::{Value, json};
use tempfile::TempDir;
use world::{World, bearer, config};

const FILE: &str = "2026/11/22/031500-673f2a10-0-1-r1.wav";

struct Archive {
    world: World,
    folder: TempDir,
    octets: Vec<u8>,
}

impl Archive {
    fn new() -> Archive {
        let folder = tempfile::tempdir().expect("a folder");
        let recordings = folder.path().join("recordings");
        let octets = wav(8_000 * 20);
        put(&recordings.join(FILE), &octets);
        put(&folder.path().join("secret.wav"), &octets);
        put(&folder.path().join("api.token"), b"secret");
        let config = ApiConfig { recordings_dir: Some(recordings), ..config("127.0.0.1:0") };
        Archive { world: World::with(config, 10), folder, octets }
    }

    fn fetch(&self, method: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
        let bearer = bearer();
        let headers = [&[("Authorization", &*bearer)], headers].concat();
        self.world.fetch(method, &format!("/v1/recordings/{FILE}"), &headers, "")
    }

    /// Sends a request line as it is, as no well-behaved client would.
    fn raw(&self, path: &str) -> u16 {
        let mut stream = TcpStream::connect(self.world.server.local_addr()).expect("a connection");
        let bearer = bearer();
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an answer");
        assert!(!answer.windows(6).any(|w| w == b"secret"), "{path}");
        String::from_utf8_lossy(&answer[9..12]).parse().expect("a status")
    }
}

fn put(path: &Path, octets: &[u8]) {
    fs::create_dir_all(path.parent().expect("a parent")).expect("made");
    fs::write(path, octets).expect("written");
}

/// A stereo recording: the left channel rises, the right one is its negative.
fn wav(frames: u32) -> Vec<u8> {
    let mut file = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0".to_vec();
    file.extend(8_000u32.to_le_bytes());
    file.extend(32_000u32.to_le_bytes());
    file.extend([4, 0, 16, 0]);
    file.extend(b"data");
    file.extend((frames * 4).to_le_bytes());
    for n in 0..frames {
        let sample = (u64::from(n) * 30_000 / u64::from(frames)) as i16;
        file.extend(sample.to_le_bytes());
        file.extend((-sample).to_le_bytes());
    }
    file
}

fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().expect("a code"))
}

#[test]
fn a_recording_comes_whole_with_what_a_player_needs_to_know() {
    let archive = Archive::new();
    let (status, headers, octets) = archive.fetch("GET", &[]);
    assert_eq!((status, octets.len()), (200, archive.octets.len()));
    assert!(octets == archive.octets);
    assert_eq!(headers["Content-Type"], "audio/wav");
    assert_eq!(headers["Accept-Ranges"], "bytes");
    assert_eq!(headers["Content-Length"], archive.octets.len().to_string());
    assert_eq!(headers["X-Content-Type-Options"], "nosniff");
}

#[test]
fn its_head_tells_the_length_without_the_sound() {
    let archive = Archive::new();
    let (status, headers, octets) = archive.fetch("HEAD", &[]);
    assert_eq!((status, octets.len()), (200, 0));
    assert_eq!(headers["Content-Length"], archive.octets.len().to_string());
    let (status, headers, octets) = archive.fetch("HEAD", &[("Range", "bytes=10-19")]);
    assert_eq!((status, octets.len(), &headers["Content-Length"]), (206, 0, &"10".parse().expect("a value")));
}

#[test]
fn parts_are_sent_with_their_place() {
    let archive = Archive::new();
    let len = archive.octets.len();
    let cases = [
        ("bytes=0-43", 0..44),
        ("bytes=44-", 44..len),
        ("bytes=-100", len - 100..len),
        ("bytes=65535-131073", 65_535..131_074),
        ("bytes=10-99999999999", 10..len),
    ];
    for (range, part) in cases {
        let (status, headers, octets) = archive.fetch("GET", &[("Range", range)]);
        assert_eq!(status, 206, "{range}");
        assert!(octets == archive.octets[part.clone()], "{range}");
        let place = format!("bytes {}-{}/{len}", part.start, part.end - 1);
        assert_eq!(headers["Content-Range"], place, "{range}");
    }
}

#[test]
fn a_part_beyond_the_end_is_refused_with_the_length_and_nonsense_gives_the_whole() {
    let archive = Archive::new();
    let len = archive.octets.len();
    let (status, headers, octets) = archive.fetch("GET", &[("Range", &format!("bytes={len}-"))]);
    assert_eq!(
        (status, &headers["Content-Range"]),
        (416, &format!("bytes */{len}").parse().expect("a value"))
    );
    let body: Value = serde_json::from_slice(&octets).expect("JSON");
    assert_eq!(body["error"]["code"], "bad_range");
    for range in ["bytes=5-1", "bytes=a-b", "bytes=0-1,4-5", "octets=0-1"] {
        let (status, _, octets) = archive.fetch("GET", &[("Range", range)]);
        assert_eq!((status, octets.len()), (200, len), "{range}");
    }
}

#[test]
fn a_part_of_another_version_of_the_file_is_the_whole_of_this_one() {
    let archive = Archive::new();
    let tag = archive.fetch("HEAD", &[]).1["ETag"].to_str().expect("text").to_string();
    assert_eq!(archive.fetch("GET", &[("Range", "bytes=0-3"), ("If-Range", &tag)]).0, 206);
    assert_eq!(archive.fetch("GET", &[("Range", "bytes=0-3"), ("If-Range", "\"other\"")]).0, 200);
}

#[test]
fn no_path_leads_out_of_the_directory() {
    let archive = Archive::new();
    let recordings = archive.folder.path().join("recordings");
    symlink(archive.folder.path().join("secret.wav"), recordings.join("link.wav")).expect("a link");
    symlink(archive.folder.path(), recordings.join("up")).expect("a link");
    symlink(recordings.join(FILE), recordings.join("inside.wav")).expect("a link");
    put(&recordings.join("a.wav.part"), b"secret");
    put(&recordings.join(".hidden.wav"), b"secret");
    put(&recordings.join("notes.txt"), b"secret");
    fs::create_dir(recordings.join("folder.wav")).expect("made");
    nix::unistd::mkfifo(&recordings.join("fifo.wav"), nix::sys::stat::Mode::S_IRWXU).expect("made");
    let deep = "d/".repeat(9) + "a.wav";
    put(&recordings.join(&deep), b"secret");
    let absolute = archive.folder.path().join("secret.wav");
    let absolute = absolute.to_str().expect("text");
    let long = format!("{}.wav", "n".repeat(300));
    for path in [
        "../secret.wav",
        "2026/../../secret.wav",
        "%2e%2e/secret.wav",
        "..%2fsecret.wav",
        "%2e%2e%2fsecret.wav",
        "2026/..%2f..%2fsecret.wav",
        "./../secret.wav",
        "..\\secret.wav",
        "..%5csecret.wav",
        "link.wav",
        "up/secret.wav",
        "up/api.token",
        "inside.wav",
        "a.wav.part",
        ".hidden.wav",
        "notes.txt",
        "folder.wav",
        "fifo.wav",
        "2026",
        "2026/11/22/",
        "none.wav",
        "a%00.wav",
        "%00.wav",
        "..",
        "/",
        "",
        ".wav",
        "%ff.wav",
        absolute,
        &absolute.replace('/', "%2f"),
        &deep,
        &long,
        "../secret.wav/waveform",
        "up/secret.wav/waveform",
        "link.wav/waveform",
        "waveform",
        "/waveform",
    ] {
        let status = archive.raw(&format!("/v1/recordings/{path}"));
        assert!(matches!(status, 400 | 404), "{path}: {status}");
    }
    assert_eq!(archive.raw(&format!("/v1/recordings/{FILE}")), 200);
}

#[test]
fn a_waveform_has_the_points_that_are_asked_for() {
    let archive = Archive::new();
    let (status, body) = archive.world.get(&format!("/v1/recordings/{FILE}/waveform?points=10"));
    assert_eq!((status, &body["length_ms"]), (200, &json!(20_000)));
    let left = &body["channels"][0];
    assert_eq!(left["min"], json!([0, 3000, 6000, 9000, 12000, 15000, 18000, 21000, 24000, 27000]));
    assert_eq!(body["channels"][1]["max"][3], json!(-9000));
    for (query, points) in [("", 1_000), ("?points=4000", 4_000)] {
        let (_, body) = archive.world.get(&format!("/v1/recordings/{FILE}/waveform{query}"));
        assert_eq!(body["channels"][1]["min"].as_array().map(Vec::len), Some(points));
    }
}

#[test]
fn a_wrong_number_of_points_and_a_file_that_is_no_recording_are_refused() {
    let archive = Archive::new();
    for points in ["9", "4001", "-1", "x", ""] {
        let answer = archive.world.get(&format!("/v1/recordings/{FILE}/waveform?points={points}"));
        assert_eq!(code(&answer), (400, "bad_request"), "{points}");
    }
    put(&archive.folder.path().join("recordings/odd.wav"), b"no sound");
    assert_eq!(code(&archive.world.get("/v1/recordings/odd.wav/waveform")), (500, "internal"));
    assert_eq!(code(&archive.world.get("/v1/recordings/none.wav/waveform")), (404, "not_found"));
}

#[test]
fn clients_that_stop_reading_hold_nobody_else_up() {
    let archive = Archive::new();
    put(&archive.folder.path().join("recordings/long.wav"), &wav(2_000_000));
    let stalled: Vec<_> = (0..16)
        .map(|_| {
            let mut stream = TcpStream::connect(archive.world.server.local_addr()).expect("a connection");
            let head = format!(
                "GET /v1/recordings/long.wav HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\r\n",
                bearer()
            );
            stream.write_all(head.as_bytes()).expect("sent");
            stream
        })
        .collect();
    for _ in 0..5 {
        assert_eq!(archive.fetch("GET", &[("Range", "bytes=0-99")]).2.len(), 100);
        assert_eq!(archive.world.get("/v1/status").0, 200);
    }
    drop(stalled);
    assert_eq!(archive.fetch("GET", &[]).2.len(), archive.octets.len());
}

#[test]
fn without_a_directory_there_are_no_recordings() {
    assert_eq!(code(&World::new().get("/v1/recordings/a.wav")), (404, "not_found"));
    let config =
        ApiConfig { recordings_dir: Some("/nonexistent/recordings".into()), ..config("127.0.0.1:0") };
    assert_eq!(code(&World::with(config, 10).get("/v1/recordings/a.wav")), (404, "not_found"));
}
