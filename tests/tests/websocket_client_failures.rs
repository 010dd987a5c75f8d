//! `ws.connect` that does not connect: who refuses, what is said, and that it keeps secrets.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Mutex, mpsc};

use tests::GUARD;
use tests::folder::Folder;
use tests::run::{Finished, Run};
use tests::upstream::{Seen, Upstream};
use tests::websocket_peer::{Server, accept};

/// Connects to the first argument, with secrets in query and headers, and prints what the failure says.
const REPORT: &str = r#"local url, timeout = ...
    local ok, failure = pcall(ws.connect, url, {
        headers = { Authorization = "Bearer s3cret", ["X-Key"] = "s3cret", Origin = "http://page.test" },
        protocols = { "chat", "super.chat" },
        timeout = tonumber(timeout) or 20,
    })
    if ok then print("ok " .. tostring(failure.protocol)) return end
    if type(failure) == "string" then print(failure) return end
    print(failure.kind, failure.url)
    print(failure)
    if failure.status then print("status " .. failure.status) end"#;

fn report(port: u16, flags: &[&str]) -> Finished {
    let grant = format!("--allow-net=127.0.0.1:{port}");
    let url = format!("ws://127.0.0.1:{port}/path?token=s3cret");
    Run::script(&[&[grant.as_str()], flags].concat(), REPORT).args([url]).finish()
}

/// Asserts kind and text, and that nothing anywhere holds a secret.
#[track_caller]
fn expect(finished: Finished, kind: &str, text: &str) {
    let Finished { code, stdout, stderr } = finished;
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with(&format!("{kind}\tws://127.0.0.1:")), "{stdout}");
    assert!(stdout.contains("\nws.connect failed: "), "{stdout}");
    assert!(stdout.contains(text), "{stdout} has no {text:?}");
    assert!(!stdout.contains("s3cret"), "{stdout}");
}

#[test]
fn an_ungranted_host_is_denied_with_the_exact_flag_and_that_flag_grants_it() {
    let server = Server::answering("Sec-WebSocket-Protocol: chat\r\n", |peer| peer.echo());
    let url = server.url("/?token=s3cret");
    let denied = Run::script(&[], REPORT).args([&url]).finish().ok();
    let flag = server.grant();
    let host = flag.strip_prefix("--allow-net=").unwrap();
    assert_eq!(
        denied,
        format!(
            "denied\tws://{host}/\nws.connect failed: net access to {host} is not granted (run with {flag})\n"
        )
    );
    assert_eq!(Run::script(&[&flag], REPORT).args([&url]).finish().ok(), "ok chat\n");
    // A rule for another scheme is none for this one.
    let http = format!("--allow-net=http://{host}");
    let denied = Run::script(&[&http], REPORT).args([&url]).finish().ok();
    assert!(denied.starts_with("denied\t"), "{denied}");
    let denied = Run::script(&[&flag, "--deny-net=127.0.0.1"], REPORT).args([&url]).finish().ok();
    assert!(
        denied.ends_with(&format!("net access to {host} is denied (by --deny-net=127.0.0.1)\n")),
        "{denied}"
    );
}

#[test]
fn what_is_no_websocket_url_is_an_argument_error() {
    for (url, why) in [
        ("http://127.0.0.1/?s3cret", "its scheme must be ws or wss, not http"),
        ("file:///etc/passwd", "its scheme must be ws or wss, not file"),
        ("/s3cret", "relative URL without a base"),
        ("ws://user:s3cret@127.0.0.1/", "it holds a user name or password"),
        ("ws://", "empty host"),
    ] {
        let output = Run::script(&["-A"], REPORT).args([url]).finish().ok();
        assert!(output.contains("ws.connect: the URL cannot be used: "), "{output}");
        assert!(output.contains(why) && !output.contains("s3cret"), "{output}");
    }
}

#[test]
fn options_that_cannot_be_used_are_named() {
    let output = Run::eval(
        &["--allow-net=127.0.0.1:9"],
        r#"local function try(...) print((select(2, pcall(ws.connect, ...)))) end
        local url = "ws://127.0.0.1:9/"
        try(1)
        try(url, 1)
        try(url, { headers = 1 })
        try(url, { headers = { Host = "x" } })
        try(url, { headers = { Connection = "s3cret" } })
        try(url, { headers = { ["Sec-WebSocket-Key"] = "s3cret" } })
        try(url, { headers = { ["sec-websocket-protocol"] = "s3cret" } })
        try(url, { headers = { ["X-A"] = "s3cret\r\nX-B: 1" } })
        try(url, { protocols = "chat" })
        try(url, { protocols = { "a", 1 } })
        try(url, { protocols = { "a b" } })
        try(url, { protocols = { "a", "a" } })
        try(url, { timeout = 0 })
        try(url, { timeout = 0/0 })
        try(url, { ca_cert = "s3cret" })
        try(url, { max_size = 1 })
        try(url, { max_size = 1 })"#,
    )
    .finish();
    assert_eq!(finished_warnings(&output.stderr), 1, "{}", output.stderr);
    let output = output.ok();
    let expected = [
        "ws.connect: argument #1 must be a URL string, got number",
        "ws.connect: options must be a table, got number",
        "ws.connect: opts.headers must be a table, got number",
        "ws.connect: header \"Host\" belongs to the host",
        "ws.connect: header \"Connection\" belongs to the host",
        "ws.connect: header \"sec-websocket-key\" belongs to the host, which makes the handshake",
        "(use opts.protocols)",
        "ws.connect: invalid value for header \"X-A\": it holds a control character",
        "ws.connect: opts.protocols must be an array of strings, got string",
        "ws.connect: opts.protocols must be an array of names, got number at 2",
        "ws.connect: invalid protocol \"a b\": it must be a token",
        "ws.connect: invalid protocol \"a\": it is there twice",
        "ws.connect: opts.timeout must be a number of seconds > 0, got 0",
        "ws.connect: opts.timeout must be a number of seconds > 0, got ",
        "ws.connect: the certificates of the client cannot be used: the text holds no certificate",
        "ws.connect failed: cannot connect to 127.0.0.1:9: ",
        "ws.connect failed: cannot connect to 127.0.0.1:9: ",
    ];
    assert_eq!(output.lines().count(), expected.len(), "{output}");
    for (line, expected) in output.lines().zip(expected) {
        assert!(line.contains(expected), "{line:?} is not {expected:?}");
    }
    assert!(!output.contains("s3cret"), "{output}");
}

fn finished_warnings(stderr: &str) -> usize {
    stderr.matches("ws.connect: unknown option max_size is ignored").count()
}

#[test]
fn what_is_asked_for_is_what_stands_on_the_wire() {
    let server = Server::answering("Sec-WebSocket-Protocol: super.chat\r\n", |peer| {
        peer.echo();
        peer.request.clone()
    });
    let script = r#"local conn = ws.connect(..., {
            headers = { Origin = "http://page.test", ["X-Number"] = 1, ["X-Two"] = { "a", "b" } },
            protocols = { "chat", "super.chat" },
        })
        print(conn.protocol)
        conn:close()
        ws.connect(..., { subprotocols = { "super.chat" }, headers = { ["User-Agent"] = "mine" } }):close()"#;
    let url = server.url("/a/../b%20c?q=ü|#fragment");
    assert_eq!(Run::script(&[&server.grant()], script).args([url]).finish().ok(), "super.chat\n");
    let seen = server.result();
    assert_eq!(seen.line, "GET /b%20c?q=%C3%BC| HTTP/1.1");
    let host = server.grant();
    let host = host.strip_prefix("--allow-net=").unwrap();
    for (name, values) in [
        ("host", &[host][..]),
        ("upgrade", &["websocket"]),
        ("connection", &["Upgrade"]),
        ("sec-websocket-version", &["13"]),
        ("sec-websocket-protocol", &["chat, super.chat"]),
        ("sec-websocket-extensions", &[]),
        ("origin", &["http://page.test"]),
        ("x-number", &["1"]),
        ("x-two", &["a", "b"]),
        ("user-agent", &[concat!("tidelock/", env!("CARGO_PKG_VERSION"))]),
    ] {
        assert_eq!(seen.headers(name), values, "{name}");
    }
    let second = server.result();
    assert_eq!(second.headers("user-agent"), ["mine"]);
    assert_eq!(second.headers("sec-websocket-protocol"), ["super.chat"]);
    assert_ne!(seen.headers("sec-websocket-key"), second.headers("sec-websocket-key"));
}

#[test]
fn an_answer_that_is_none_of_a_websocket_server_is_refused() {
    let answers: &[(&str, &str)] = &[
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "answered 404 instead of 101"),
        ("HTTP/1.1 200 OK\r\n\r\ns3cret", "answered 200 instead of 101"),
        (
            "HTTP/1.1 302 Found\r\nLocation: ws://s3cret.test/\r\n\r\n",
            "answered 302 instead of 101 (redirects are not followed)",
        ),
        ("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 403 No\r\n\r\n", "answered 403 instead of 101"),
        (
            "HTTP/1.1 101 S\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "without \"Upgrade: websocket\"",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "without \"Upgrade: websocket\"",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: KEY\r\n\r\n",
            "without \"Connection: Upgrade\"",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            "a wrong Sec-WebSocket-Accept",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3cret\r\n\r\n",
            "a wrong Sec-WebSocket-Accept",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: WebSocket\r\nConnection: keep-alive, upgrade\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
            "an extension that was not offered",
        ),
        (
            "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\nSec-WebSocket-Protocol: other\r\n\r\n",
            "a protocol that was not offered",
        ),
        ("s3cret\r\n\r\n", "sent an invalid response"),
        ("SSH-2.0-s3cret\r\n\r\n", "sent an invalid response"),
    ];
    for (answer, text) in answers {
        let upstream = Upstream::start(move |request, stream| {
            let good = accept(request, "");
            let key = good.rsplit("Sec-WebSocket-Accept: ").next().unwrap().trim();
            let _ = stream.write_all(answer.replace("KEY", key).as_bytes());
            let _ = stream.read_to_end(&mut Vec::new());
            false
        });
        let finished = report(upstream.port, &[]);
        let said = finished.stdout.lines().find_map(|line| line.strip_prefix("status "));
        let status = text.strip_prefix("answered ").and_then(|rest| rest.get(..3));
        assert_eq!(said, status, "{text}");
        expect(finished, "protocol", text);
    }
}

#[test]
fn an_endless_or_missing_answer_does_not_hold_the_script() {
    let endless = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 S\r\n");
        while stream.write_all(b"X-More: and more and more\r\n").is_ok() {}
        false
    });
    let finished = report(endless.port, &[]);
    assert!(finished.stdout.starts_with("too_large\t"), "{}", finished.stdout);
    assert!(finished.stdout.contains("(--max-headers)"), "{}", finished.stdout);
    let closing = Upstream::start(|_, _| false);
    expect(report(closing.port, &[]), "closed", "closed the connection before it answered");
    let silent = Upstream::start(|_, _| true);
    let grant = silent.grant();
    let url = format!("ws://127.0.0.1:{}/?s3cret", silent.port);
    let finished = Run::script(&[&grant], REPORT).args([&url, "0.1"]).finish();
    expect(finished, "timeout", "took too long");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    expect(report(port, &[]), "connect", "refused");
}

#[test]
fn a_connect_can_be_cancelled() {
    let (arrived, events) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let silent = Upstream::start(move |_: &Seen, stream| {
        arrived.lock().unwrap().send("arrived").unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        arrived.lock().unwrap().send("gone").unwrap();
        false
    });
    let script = "local url = ...
        local ok, failure = pcall(async.timeout, 0.2, function() ws.connect(url) end)
        print(ok, failure.kind)
        sleep(3600)";
    let url = format!("ws://127.0.0.1:{}/", silent.port);
    let mut running =
        Run::script(&[&silent.grant()], &format!("print(1)\n{script}")).args([url]).serve();
    assert_eq!(running.next_line(), "false\ttimeout");
    assert_eq!(events.recv_timeout(GUARD), Ok("arrived"));
    assert_eq!(events.recv_timeout(GUARD), Ok("gone"));
}

#[test]
fn only_so_many_connections_are_open_at_once() {
    let server = Server::start(|peer| peer.echo());
    let script = "local url = ...
        local first, second = ws.connect(url), ws.connect(url)
        local ok, failure = pcall(ws.connect, url)
        print(ok, failure.kind, failure)
        first:close()
        -- Its place is free once the socket is.
        local third
        repeat sleep(0) until pcall(function() third = ws.connect(url) end)
        third:write('x')
        print(third:read())";
    let output = Run::script(&[&server.grant(), "--max-websockets=2"], script)
        .args([server.url("/")])
        .finish()
        .ok();
    assert_eq!(
        output,
        "false\tlimit\tws.connect failed: 2 WebSocket connections are open already, which is the limit (raise --max-websockets)\nx\ttext\n"
    );
}

#[test]
fn the_audit_log_has_the_decisions_and_what_went_through_and_no_secrets() {
    let server = Server::start(|peer| peer.echo());
    let folder = Folder::new();
    let audit = folder.path().join("audit.jsonl");
    let script = r#"local url = ...
        local conn = ws.connect(url, { headers = { Authorization = "s3cret" } })
        conn:write("s3cret")
        conn:read()
        conn:close(4000, "s3cret")
        pcall(ws.connect, "ws://127.0.0.1:9/?s3cret")
        pcall(ws.connect, "wss://s3cret.test/")"#;
    let url = server.url("/?s3cret");
    let flags = [
        server.grant(),
        "--allow-net=127.0.0.1:9".to_owned(),
        format!("--audit={}", audit.display()),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    Run::script(&flags, script).args([&url]).finish().ok();
    let text = std::fs::read_to_string(&audit).unwrap();
    let origin = url.trim_end_matches("/?s3cret");
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("\"websocket\"")).collect();
    for parts in [
        &["\"check\"", "\"allowed\":true", "\"rule\":\"127.0.0.1:", origin][..],
        &["\"connect\"", "\"allowed\":true", &format!("{origin} at 127.0.0.1")],
        &[
            "\"connection\"",
            "\"outcome\":\"4000\"",
            "\"sent\":6",
            "\"received\":6",
            "\"bytes\":12",
            "\"seconds\":",
            origin,
        ],
        &["\"connection\"", "\"outcome\":\"connect\"", "\"bytes\":0", "ws://127.0.0.1:9\""],
        &["\"check\"", "\"allowed\":false", "\"rule\":null", "wss://s3cret.test:443"],
    ] {
        let found = lines.iter().any(|line| parts.iter().all(|part| line.contains(part)));
        assert!(found, "no line has {parts:?}:\n{text}");
    }
    assert_eq!(text.replace("s3cret.test", "").matches("s3cret").count(), 0, "{text}");
}
