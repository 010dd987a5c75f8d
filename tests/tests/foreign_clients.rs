//! Clients that others wrote, against our servers: Python's `websockets` and `httpx-sse`, and curl.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Lines};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

use tests::client::Raw;
use tests::run::{Finished, Run, Serving};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scripts/foreign_clients")
}

fn serve(flags: &[&str]) -> Serving {
    let run = Run::new(["run", "--allow-listen=0"].iter().chain(flags));
    run.args([folder().join("server.lua")]).serve()
}

/// Runs a script of the folder, which asserts and prints `ok`.
#[track_caller]
fn python(script: &str, server: &Serving) {
    let clients = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/clients");
    assert!(
        clients.join(".installed").is_file(),
        "the clients are missing: run make setup-clients"
    );
    let run = Run::program("python3").env("PYTHONPATH", clients.to_str().unwrap());
    let finished = run.args([folder().join(script)]).args([server.port.to_string()]).finish();
    assert_eq!(finished.ok(), "ok\n");
}

fn curl(server: &Serving, options: &[&str], path: &str) -> Finished {
    Run::program("curl").args(["-sS", "-N"]).args(options).args([server.url(path)]).finish()
}

/// A curl that prints what comes, as it comes; ended when dropped.
struct Watching {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Watching {
    fn start(server: &Serving, path: &str) -> Self {
        let mut command = Command::new("curl");
        command.args(["-sS", "-N", "--max-time", "60"]).arg(server.url(path));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    fn line(&mut self) -> Option<String> {
        self.lines.next().map(Result::unwrap)
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn release(server: &Serving) {
    assert_eq!(Raw::connect(server.port).get("/release").text(), "released");
}

#[test]
fn websockets_gets_back_every_message_as_it_was() {
    python("websockets_messages.py", &serve(&[]));
}

#[test]
fn websockets_and_the_script_agree_why_a_connection_ended() {
    let mut server = serve(&[]);
    python("websockets_closing.py", &server);
    let seen: Vec<_> = (0..6).map(|_| server.next_line()).collect();
    let expected = [
        "closed 1009",
        "closed 1009",
        "closed 1000",
        "closed 4000 bye ✓",
        &format!("closed 1001 {}", "x".repeat(123)),
        "closed 1006",
    ];
    for (seen, expected) in seen.iter().zip(expected) {
        assert!(seen.starts_with(expected), "{seen:?} is not {expected:?}");
    }
    assert!(server.stderr_line("on purpose").contains("/fail"));
}

#[test]
fn websockets_agrees_on_subprotocols_origins_and_headers() {
    python("websockets_handshake.py", &serve(&[]));
}

#[test]
fn httpx_sse_reads_every_field_and_tells_a_broken_stream_from_an_ended_one() {
    let mut server = serve(&[]);
    python("httpx_events.py", &server);
    assert!(server.stderr_line("on purpose").contains("/events/fail"));
}

#[test]
fn curl_sees_the_events_in_the_form_of_the_standard() {
    let text = curl(&serve(&[]), &[], "/events").ok();
    assert!(!text.contains('\r'), "{text:?}");
    let blocks: Vec<&str> = text.split_terminator("\n\n").collect();
    assert_eq!(blocks.len(), 7, "{text}");
    // A comment stands before the event that follows, and is no block of its own.
    assert!(text.contains("\n\n: nobody sees this\n"), "{text}");
    assert!(text.ends_with("\n\n"), "{text:?}");
    assert!(text.contains("data: a\ndata: b\ndata: c\ndata: d\n\n"), "{text}");
    let mut first: Vec<&str> = blocks.first().unwrap().lines().collect();
    first.sort_unstable();
    assert_eq!(first, ["data: one", "event: update", "id: 1", "retry: 1500"]);
}

#[test]
fn curl_says_that_a_stream_broke_when_its_function_failed() {
    let server = serve(&[]);
    for path in ["/events/fail", "/stream/fail"] {
        let finished = curl(&server, &[], path);
        assert!(finished.stdout.contains("before\n"), "{path}: {:?}", finished.stdout);
        let stderr = finished.fails_with(18);
        assert!(!stderr.contains("on purpose"), "{stderr}");
    }
    assert!(curl(&server, &[], "/events").code == 0, "the server lives");
}

#[test]
fn a_silent_event_stream_is_kept_alive_by_comments() {
    let server = serve(&["--sse-keep-alive=50ms"]);
    let mut watching = Watching::start(&server, "/events/silent");
    let mut comments = 0;
    while comments < 3 {
        let line = watching.line().unwrap();
        assert!(line.is_empty() || line.starts_with(':'), "{line:?}");
        comments += usize::from(line.starts_with(':'));
    }
    release(&server);
    while watching.line().unwrap() != "data: released" {}
}

#[test]
fn curl_gets_each_piece_of_a_stream_as_it_is_written() {
    let server = serve(&[]);
    let mut watching = Watching::start(&server, "/stream/slow");
    assert_eq!(watching.line().as_deref(), Some("first"));
    release(&server);
    assert_eq!(watching.line().as_deref(), Some("second"));
    assert_eq!(watching.line(), None);
    assert!(watching.child.wait().unwrap().success());
}

#[test]
fn curl_gets_the_whole_of_a_stream_in_either_version_of_http() {
    let server = serve(&[]);
    let expected: String = (1..=100_000).map(|number| format!("{number}\n")).collect();
    for version in ["--http1.1", "--http1.0"] {
        let body = curl(&server, &[version], "/stream").ok();
        assert!(body == expected, "{version}: {} of {} bytes", body.len(), expected.len());
    }
    let head = curl(&server, &["-D", "-", "-o", "/dev/null"], "/stream").ok().to_lowercase();
    assert!(head.contains("content-type: application/x-numbers\r\n"), "{head}");
    assert!(head.contains("transfer-encoding: chunked\r\n"), "{head}");
}
