//! Runs each example as the comment at its top says to run it, on free ports.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::Write;
use std::process::Command;
use std::sync::{Arc, Barrier};

use tests::client::{Raw, send};
use tests::examples::{command, commands, root, run, serve, without_grants};
use tests::folder::Folder;
use tests::run::{Finished, Serving, binary};
use tests::upstream::Upstream;

/// Each has its tests below, those that stream in `examples_streams.rs`.
const EXAMPLES: [&str; 12] = [
    "chat.lua",
    "download.lua",
    "event_listener.lua",
    "fetch_json.lua",
    "hello.lua",
    "json_api.lua",
    "notes.lua",
    "proxy.lua",
    "scheduled_job.lua",
    "sse_clock.lua",
    "sse_proxy.lua",
    "websocket_client.lua",
];

fn fetch(upstream: &Upstream, names: &[&str]) -> Finished {
    let host = format!("127.0.0.1:{}", upstream.port);
    let mut words = command("fetch_json.lua", &[("127.0.0.1:8080", &host)]);
    words.extend(names.iter().map(ToString::to_string));
    run(&words).finish()
}

#[test]
fn every_example_has_its_tests_here() {
    let entries = fs::read_dir(root().join("examples")).unwrap();
    let mut files: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(files, EXAMPLES);
    for example in EXAMPLES {
        assert!(!commands(example).is_empty(), "{example} does not say how to run it");
    }
}

#[test]
fn hello_says_hello_until_it_is_interrupted() {
    let server = serve("hello.lua");
    assert_eq!(Raw::connect(server.port).get("/").text(), "hello from the sandbox\n");
    server.signal("INT");
    assert_eq!(server.finish().code, 0);
}

#[test]
fn json_api_keeps_changes_and_forgets_notes() {
    let server = serve("json_api.lua");
    let ask = |method, path, body| send(server.port, method, path, body);
    let assert_note = |(status, body): (u16, String), expected: u16, text: &str| {
        assert_eq!(status, expected, "{body}");
        // The order of a table's keys is not fixed.
        for part in ["\"id\":1", &format!("\"text\":\"{text}\"")] {
            assert!(body.contains(part), "{body}");
        }
    };
    assert_eq!(ask("GET", "/notes", ""), (200, "[]".to_owned()));
    assert_note(ask("POST", "/notes", r#"{"text":"b"}"#), 201, "b");
    assert_note(ask("GET", "/notes/1", ""), 200, "b");
    assert_note(ask("PUT", "/notes/1", r#"{"text":"c"}"#), 200, "c");
    assert_note(ask("GET", "/notes", ""), 200, "c");
    assert_eq!(ask("DELETE", "/notes/1", "").0, 204);
    for method in ["GET", "PUT", "DELETE"] {
        let answer = (404, r#"{"error":"no such note"}"#.to_owned());
        assert_eq!(ask(method, "/notes/1", r#"{"text":"c"}"#), answer);
    }
}

#[test]
fn json_api_tells_clients_what_is_wrong_with_their_notes() {
    let server = serve("json_api.lua");
    for body in ["", "{", "5", "[]", r#"{"text":5}"#] {
        let (status, text) = send(server.port, "POST", "/notes", body);
        assert_eq!(status, 400, "{body}");
        assert!(text.starts_with("{\"error\":"), "{body}: {text}");
    }
}

/// The proxy in front of two upstreams, started with the command of its comment.
fn proxy(first: u16, second: u16) -> Serving {
    let (first, second) = (format!("127.0.0.1:{first}"), format!("127.0.0.1:{second}"));
    let replacements =
        [("127.0.0.1:9001", first.as_str()), ("127.0.0.1:9002", &second), ("8080", "0")];
    run(&command("proxy.lua", &replacements)).serve()
}

/// An upstream that answers nobody before its sibling has been asked too.
fn answering_together(barrier: &Arc<Barrier>, body: &'static str) -> Upstream {
    let barrier = Arc::clone(barrier);
    Upstream::start(move |_, stream| {
        barrier.wait();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).is_ok()
    })
}

#[test]
fn proxy_asks_both_upstreams_at_the_same_time() {
    let barrier = Arc::new(Barrier::new(2));
    let first = answering_together(&barrier, "one");
    let second = answering_together(&barrier, "two");
    let server = proxy(first.port, second.port);
    let response = Raw::connect(server.port).get("/a?b=c");
    let text = response.text();
    assert_eq!(response.status, 200, "{text}");
    assert!(text.contains("\"one\"") && text.contains("\"two\""), "{text}");
    for upstream in [first, second] {
        assert_eq!(upstream.seen()[0].line, "GET /a?b=c HTTP/1.1");
    }
}

#[test]
fn proxy_works_with_the_servers_its_comment_starts() {
    let hello = "examples/hello.lua".to_owned();
    let on_free_port = |word: &String| word.replace("9001", "0").replace("9002", "0");
    let servers: Vec<_> = commands("proxy.lua")
        .into_iter()
        .filter(|words| words.contains(&hello))
        .map(|words| run(&words.iter().map(on_free_port).collect::<Vec<_>>()).serve())
        .collect();
    assert_eq!(servers.len(), 2);
    let server = proxy(servers[0].port, servers[1].port);
    let text = Raw::connect(server.port).get("/").text();
    assert_eq!(text.matches("hello from the sandbox").count(), 2, "{text}");
}

#[test]
fn proxy_answers_502_when_an_upstream_is_broken_and_keeps_the_reason_to_itself() {
    let (first, second) = (Upstream::always("nonsense\r\n\r\n"), Upstream::text("two"));
    let mut server = proxy(first.port, second.port);
    let response = Raw::connect(server.port).get("/");
    assert_eq!(response.status, 502);
    assert_eq!(response.text(), r#"{"error":"an upstream failed"}"#);
    let line = server.stderr_line("an upstream failed");
    assert!(line.contains("kind=\"protocol\""), "{line}");
}

#[test]
fn scheduled_job_asks_as_often_as_it_is_told_and_ends() {
    let upstream = Upstream::text("well");
    let host = format!("127.0.0.1:{}", upstream.port);
    let mut words = command("scheduled_job.lua", &[("127.0.0.1:8080", &host)]);
    let rounds = words.pop().unwrap();
    *words.last_mut().unwrap() = "0.01".to_owned();
    words.push(rounds.clone());
    let stdout = run(&words).finish().ok();
    assert!(stdout.ends_with(&format!("0 of {rounds} rounds failed\n")), "{stdout}");
    assert_eq!(upstream.seen().len().to_string(), rounds);
    let denied = run(&without_grants(words)).finish();
    assert_eq!(denied.code, 1, "{}", denied.stderr);
    assert!(denied.stdout.contains(&format!("--allow-net={host}")), "{}", denied.stdout);
}

#[test]
fn fetch_json_prints_json_and_single_values() {
    let upstream = Upstream::text(r#"{"b":[1,"two",{"c":0.5}],"a":false}"#);
    let printed = |names: &[&str]| fetch(&upstream, names).ok();
    let all = "{
  \"a\": false,
  \"b\": [
    1,
    \"two\",
    {
      \"c\": 0.5
    }
  ]
}
";
    assert_eq!(printed(&[]), all);
    assert_eq!(printed(&["b", "2"]), "two\n");
    assert_eq!(printed(&["a"]), "false\n");
    assert_eq!(printed(&["b", "3", "c"]), "0.5\n");
}

#[test]
fn fetch_json_tells_by_its_exit_code_what_went_wrong() {
    let missing = fetch(&Upstream::text("{}"), &["no", "such"]).fails_with(4);
    assert!(missing.contains("`no`"), "{missing}");
    fetch(&Upstream::text("plain text"), &[]).fails_with(4);
    fetch(&Upstream::always("HTTP/1.1 404 No\r\nContent-Length: 2\r\n\r\n{}"), &[]).fails_with(4);
    fetch(&Upstream::always("nonsense\r\n\r\n"), &[]).fails_with(1);
}

#[test]
fn fetch_json_is_a_program_that_its_first_line_grants_public_addresses() {
    let upstream = Upstream::text("{}");
    let folder = binary().parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    let program = |arguments: &[&str]| {
        let mut command = Command::new(root().join("examples/fetch_json.lua"));
        let output = command.args(arguments).env("PATH", &path).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, usage) = program(&[]);
    assert!(code == Some(2) && usage.contains("usage: "), "{code:?} {usage}");
    let (code, denial) = program(&[&upstream.url("/")]);
    assert!(code == Some(1) && denial.contains("--allow-net="), "{code:?} {denial}");
    assert!(upstream.seen().is_empty());
}

/// Runs the example with this upstream and folder instead of those of its comment.
fn download(upstream: &Upstream, folder: &Folder) -> Vec<String> {
    let host = format!("127.0.0.1:{}", upstream.port);
    let path = folder.path().display().to_string();
    command("download.lua", &[("127.0.0.1:8080", &host), ("/tmp", &path)])
}

#[test]
fn download_fetches_what_hello_serves_and_checks_it() {
    let (server, folder) = (serve("hello.lua"), Folder::new());
    let path = folder.path().display().to_string();
    let host = format!("127.0.0.1:{}", server.port);
    let words = command("download.lua", &[("127.0.0.1:8080", &host), ("/tmp", &path)]);
    let finished = run(&words).finish();
    assert!(finished.stderr.contains("percent=100"), "{}", finished.stderr);
    assert_eq!(finished.ok(), format!("{path}/hello.txt: 23 bytes, digest as expected\n"));
    assert_eq!(folder.read("hello.txt"), b"hello from the sandbox\n");
}

#[test]
fn download_leaves_the_old_file_when_the_new_one_is_wrong() {
    let (upstream, folder) = (Upstream::text("something else"), Folder::new());
    folder.write("hello.txt", "old");
    let mut words = download(&upstream, &folder);
    let said = run(&words).finish().fails_with(1);
    assert!(said.contains("download: http.download: the sha256 of what arrived is "), "{said}");
    assert_eq!(
        (folder.tree(), folder.read("hello.txt")),
        (vec!["hello.txt".into()], b"old".into())
    );
    words.pop();
    assert!(run(&words).finish().ok().ends_with("/hello.txt: 14 bytes\n"));
    words.truncate(words.len() - 1);
    run(&words).finish().fails_with(2);
}

#[test]
fn no_example_works_without_its_grants_and_each_names_the_missing_flag() {
    for (example, flag) in [
        ("hello.lua", "--allow-listen=8080"),
        ("json_api.lua", "--allow-listen=8080"),
        ("proxy.lua", "--allow-listen=8080"),
        ("chat.lua", "--allow-listen=8080"),
        ("sse_clock.lua", "--allow-listen=8080"),
        ("sse_proxy.lua", "--allow-listen=8080"),
        ("fetch_json.lua", "--allow-net=127.0.0.1:8080"),
        ("download.lua", "--allow-write=/tmp"),
    ] {
        let words = without_grants(command(example, &[]));
        let stderr = run(&words).finish().fails_with(1);
        assert!(stderr.contains(flag), "{example}: {stderr}");
    }
}

#[test]
fn notes_are_added_listed_and_forgotten_with_the_grants_of_the_comment() {
    let folder = tests::folder::Folder::new();
    let file = folder.path().join("notes.txt").display().to_string();
    let here = folder.path().display().to_string();
    let commands: Vec<Vec<String>> = commands("notes.lua")
        .iter()
        .map(|words| {
            let word =
                |word: &String| word.replace("notes.txt", &file).replace("=.", &format!("={here}"));
            words.iter().map(word).collect()
        })
        .collect();
    let [add, list, forget] = commands.try_into().unwrap();
    assert_eq!(run(&add).finish().ok(), "");
    assert_eq!(run(&add).finish().ok(), "");
    assert_eq!(run(&list).finish().ok(), "1: buy bread\n2: buy bread\n");
    assert_eq!(run(&forget).finish().ok(), "");
    assert_eq!(run(&list).finish().ok(), "1: buy bread\n");
    let denied = run(&without_grants(list)).finish().fails_with(1);
    assert!(denied.contains(&format!("--allow-read={here}")), "{denied}");
}
