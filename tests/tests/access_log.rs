//! `--access-log`: one line for each request.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tests::client::Raw;
use tests::folder::Folder;
use tests::gate::Gate;
use tests::run::{Run, Serving};

const ROUTES: &str = "{
    GET = {
        ['/*'] = function(req) return 'hello' end,
        ['/fail'] = function() error('x') end,
        ['/made'] = function() return { status = 201, json = { 1, 2 } } end,
    },
}";

struct Logged {
    folder: Folder,
    serving: Serving,
}

impl Logged {
    fn serve(flags: &[&str]) -> Self {
        let folder = Folder::new();
        let log = format!("--access-log={}", folder.path().join("access.log").display());
        let serving = Serving::routes(&[&[log.as_str()], flags].concat(), "", ROUTES);
        Self { folder, serving }
    }

    /// Ends the server, and gives what it has logged.
    fn lines(self) -> Vec<String> {
        self.serving.signal("TERM");
        self.serving.finish().ok();
        let text = fs::read_to_string(self.folder.path().join("access.log")).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "{text:?}");
        text.lines().map(str::to_owned).collect()
    }
}

#[test]
fn text_lines_name_peer_request_status_and_size() {
    let logged = Logged::serve(&[]);
    let mut client = Raw::connect(logged.serving.port);
    let peer = client.stream().local_addr().unwrap();
    client.get("/a%20b?token=secret");
    client.get("/made");
    client.get("/fail");
    client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
    client.head_response();
    client.send("DELETE /made HTTP/1.1\r\nHost: h\r\n\r\n");
    client.response();
    client.send("GET /old HTTP/1.0\r\n\r\n");
    client.response();
    let lines = logged.lines();
    let expected = [
        "\"GET /a%20b HTTP/1.1\" 200 5 ",
        "\"GET /made HTTP/1.1\" 201 5 ",
        "\"GET /fail HTTP/1.1\" 500 ",
        "\"HEAD /a HTTP/1.1\" 200 0 ",
        "\"DELETE /made HTTP/1.1\" 405 ",
        "\"GET /old HTTP/1.0\" 200 5 ",
    ];
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    for (line, part) in lines.iter().zip(expected) {
        assert!(line.starts_with(&format!("{peer} - [")), "{line}");
        assert!(line.contains(" +0000] "), "{line}");
        assert!(line.contains(part), "no {part} in {line}");
        assert!(!line.contains("secret"), "{line}");
    }
}

#[test]
fn json_lines_hold_the_same() {
    let logged = Logged::serve(&["--access-log-format=json"]);
    let mut client = Raw::connect(logged.serving.port);
    let peer = client.stream().local_addr().unwrap();
    client.get("/a\"b?token=secret");
    let lines = logged.lines();
    assert_eq!(lines.len(), 1);
    let line = lines.first().unwrap();
    for part in [
        &format!("\"peer\":\"{peer}\""),
        r#""method":"GET""#,
        r#""path":"/a\"b""#,
        r#""version":"1.1""#,
        r#""status":200"#,
        r#""bytes":5"#,
        r#""seconds":"#,
        r#""time":"#,
    ] {
        assert!(line.contains(part), "no {part} in {line}");
    }
    assert!(line.starts_with('{') && line.ends_with('}') && !line.contains("secret"), "{line}");
}

#[test]
fn a_dash_is_standard_output() {
    let serving = Serving::routes(&["--access-log=-"], "", ROUTES);
    Raw::connect(serving.port).get("/a");
    serving.signal("TERM");
    let stdout = serving.finish().ok();
    assert!(stdout.contains("\"GET /a HTTP/1.1\" 200 5 "), "{stdout}");
    assert!(stdout.contains("after serve\n"), "{stdout}");
}

#[test]
fn what_the_host_refuses_is_logged_too() {
    let logged = Logged::serve(&["--max-body=1", "--max-headers=5"]);
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\nA: b\r\n\r\n", 431),
        ("no request\r\n\r\n", 400),
    ] {
        let mut client = Raw::connect(logged.serving.port);
        client.send(request);
        assert_eq!(client.response().status, status);
        client.expect_closed();
    }
    let lines = logged.lines();
    for (line, status) in lines.iter().zip([400, 413, 431, 400]) {
        assert!(line.contains(&format!("\" {status} ")), "{line}");
    }
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[test]
fn a_client_that_went_away_before_the_answer_is_logged_as_499() {
    let gate = Gate::new();
    let folder = Folder::new();
    let path = folder.path().join("access.log");
    let log = format!("--access-log={}", path.display());
    let mut serving = Serving::routes(
        &[&log, &gate.grant()],
        &gate.lua(),
        "{ GET = { ['/'] = function()
            local _ <close> = setmetatable({}, { __close = function() log.info('closed') end })
            return http.get(gate).body
        end } }",
    );
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.wait_for(1);
    drop(client);
    serving.stderr_line("closed");
    serving.signal("TERM");
    serving.finish().ok();
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains("\"GET / HTTP/1.1\" 499 0 "), "{text}");
}

#[test]
fn a_path_cannot_forge_a_line() {
    let logged = Logged::serve(&[]);
    let mut client = Raw::connect(logged.serving.port);
    assert_eq!(client.get("/a\"b\\c%0a\u{e9}\u{9b}").status, 200);
    let lines = logged.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    let line = lines.first().unwrap();
    assert!(line.contains(r#""GET /a\"b\\c%0a\xc3\xa9\xc2\x9b HTTP/1.1""#), "{line}");
}

#[test]
fn a_log_is_appended_to() {
    let folder = Folder::new();
    let path = folder.write("access.log", "before\n");
    for _ in 0..2 {
        let flag = format!("--access-log={}", path.display());
        let serving = Serving::routes(&[&flag], "", ROUTES);
        Raw::connect(serving.port).get("/");
        serving.signal("TERM");
        serving.finish().ok();
    }
    let text = fs::read_to_string(path).unwrap();
    assert!(text.starts_with("before\n") && text.lines().count() == 3, "{text}");
}

#[test]
fn workers_write_whole_lines_to_one_log() {
    let mut logged = Logged::serve(&["--workers=2"]);
    assert_eq!(logged.serving.next_line(), logged.serving.port.to_string(), "both serve");
    let mut clients: Vec<_> = (0..10).map(|_| Raw::connect(logged.serving.port)).collect();
    for _ in 0..20 {
        for client in &mut clients {
            client.get("/x");
        }
    }
    drop(clients);
    let lines = logged.lines();
    assert_eq!(lines.len(), 200);
    assert!(lines.iter().all(|line| line.contains("] \"GET /x HTTP/1.1\" 200 5 ")));
}

#[test]
fn without_the_flag_nothing_is_logged() {
    let serving = Serving::routes(&[], "", ROUTES);
    Raw::connect(serving.port).get("/a");
    serving.signal("TERM");
    let finished = serving.finish();
    assert_eq!(finished.stderr, "");
    assert_eq!(finished.ok(), "after serve\n");
}

#[test]
fn a_log_that_cannot_be_opened_is_an_error_before_anything_runs() {
    let folder = Folder::new();
    let flag = format!("--access-log={}", folder.path().join("none/access.log").display());
    let finished = Run::eval(&[&flag], "print('ran')").finish();
    assert_eq!(finished.stdout, "");
    let stderr = finished.fails_with(1);
    assert!(stderr.contains("access log") && stderr.contains("none/access.log"), "{stderr}");
}
