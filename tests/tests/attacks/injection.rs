//! Bytes that would forge a line or a field elsewhere, and texts that say too much: rows 15, 16, 17 and 36.

use std::fs;

use tests::arena::{Arena, scripts};
use tests::client::{Raw, Response};
use tests::folder::Folder;
use tests::upstream::Upstream;
use tests::websocket::{self, CLOSE, WebSocket};

/// A Lua string with everything that could end a line, begin another or steer a terminal.
const HOSTILE: &str =
    r#"("x\n2026-01-01T00:00:00.000Z ERROR forged\r\27[2J\0\xff\u{202e}\u{9b}\u{2028}")"#;

/// What ends a header line, each as the inside of a Lua string; what follows it would be a line of its own.
const BREAKS: [&str; 5] = [
    "a\\r\\nForged: 1",
    "a\\nForged: 1",
    "a\\rForged: 1",
    "a\\0Forged: 1",
    "\\r\\n\\r\\nForged: 1",
];

fn arena(flags: &[&str]) -> Arena {
    Arena::of(flags, &scripts().join("web.lua"))
}

/// Runs this code as a handler, with these header lines beside the framing.
fn run_with(arena: &Arena, lines: &str, code: &str) -> Option<Response> {
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        let length = code.len();
        attacker.send(format!(
            "POST /run HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n{lines}\r\n{code}"
        ));
        attacker.read_response(false)
    })
}

fn run(arena: &Arena, code: &str) -> Response {
    run_with(arena, "", code).expect("an answer")
}

/// Asserts that the client learns no more than an id.
#[track_caller]
fn assert_fails(answer: &Response, what: &str) {
    let text = answer.text();
    assert_eq!(answer.status, 500, "{what}: {text}");
    let id =
        text.strip_prefix("internal server error (id ").and_then(|rest| rest.strip_suffix(")"));
    assert!(
        id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())),
        "{what}: {text}"
    );
    assert!(!answer.head.contains("orged"), "{what}: {}", answer.head);
}

/// Asserts that each line begins as the host's lines do and none holds what steers a terminal.
#[track_caller]
fn assert_whole_lines(text: &str, is_line: impl Fn(&str) -> bool) {
    for line in text.lines() {
        assert!(is_line(line), "not a line of the host's: {line:?}");
        let steering = |c: char| c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c);
        assert!(!line.contains(steering), "{line:?}");
    }
}

/// Code that brings [`HOSTILE`] to every place that is logged; `URL` is granted.
const LOG_EVERYWHERE: &str = "
    local h = HOSTILE
    for _, level in ipairs({ 'debug', 'info', 'warn', 'error' }) do
      log[level](h)
      log[level]('m', { v = '\\n2026-01-01T00:00:00.000Z ERROR forged\\27[2J', ['\\nforged'] = 1 })
      log[level](setmetatable({}, { __tostring = function() return h end }))
    end
    async.spawn(function() error(h) end)
    async.spawn(function() error(setmetatable({}, { __tostring = function() return h end })) end)
    sleep(0)
    pcall(http.get, URL, { [h] = 1 })
    pcall(http.get, URL .. h)
    pcall(http.get, 'http://' .. h .. '/')
    pcall(http.get, URL, { headers = { [h] = h } })
    pcall(http.request, h, URL)
    pcall(http.download, URL, h)
    pcall(ws.connect, 'ws://' .. h .. '/')
    pcall(require, h)
    pcall(io.open, h)
    pcall(env.get, h)
    pcall(load, h, h)
    error(h)";

/// Answer: one line each, everything that steers escaped. Fails if `push_visible` lets `\n` through.
#[test]
fn attack_15_lines_that_forge_others() {
    for format in ["text", "json"] {
        let folder = Folder::new();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let upstream = Upstream::text("x");
        let arena = arena(&[
            &upstream.grant(),
            &format!("--log-format={format}"),
            &format!("--access-log-format={format}"),
            &format!("--access-log={}", file("access")),
            &format!("--audit={}", file("audit")),
        ]);
        let url = format!("'{}'", upstream.url("/"));
        let code = LOG_EVERYWHERE.replace("HOSTILE", HOSTILE).replace("URL", &url);
        assert_fails(&run(&arena, &code), format);
        let events = format!("return {{ sse = function() error({HOSTILE}) end }}");
        run_with(&arena, "", &format!("local ok = {events} return 'x'"));
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker.send(format!(
                "POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{events}",
                events.len()
            ));
            attacker.rest()
        });
        for target in
            ["/%0a%0d%1b[2J%00?%0as3cret", "/\u{202e}\u{9b}\u{2028}", "/\"quote\\", "/%ff"]
        {
            arena.during(|| {
                let mut attacker = Raw::connect(arena.serving.port);
                attacker.send(format!("GET {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nUser-Agent: \"\u{9b}\r\n\r\n"));
                attacker.rest()
            });
        }
        let finished = arena.finish(0);
        let is_json = |line: &str| line.starts_with("{\"time\":") && line.ends_with('}');
        let is_text = |line: &str| line.starts_with("20") && !line.starts_with("2026-01-01");
        if format == "json" {
            assert_whole_lines(&finished.stderr, is_json);
        } else {
            assert_whole_lines(&finished.stderr, is_text);
        }
        assert!(finished.stderr.lines().count() > 12, "{}", finished.stderr);
        let [access, audit] = ["access", "audit"].map(|name| {
            let bytes = fs::read(folder.path().join(name)).expect("it was written");
            String::from_utf8(bytes).expect("logs are UTF-8")
        });
        assert!(access.lines().count() > 5 && audit.lines().count() > 1, "{access}{audit}");
        assert!(!access.contains("s3cret"), "{access}");
        assert_whole_lines(&audit, |line| line.starts_with('{') && line.ends_with('}'));
        assert_whole_lines(&access, |line| match format {
            "json" => line.starts_with('{') && line.ends_with('}'),
            _ => line.starts_with("127.0.0.1:") && line.contains("] \""),
        });
    }
}

/// Answer: dropped, counted, and said once a burst. Fails with `--max-log=none`.
#[test]
fn attack_15_a_gibibyte_of_log() {
    let arena = Arena::of(&["--workers=2", "--max-log=64KiB"], &scripts().join("web.lua"));
    let code = "local line = ('x'):rep(16 * 1024 - 200)
        for i = 1, 65536 do log.info(line) if i % 1000 == 0 then sleep(0) end end
        return 'survived'";
    assert_eq!(run(&arena, code).text(), "survived");
    let stderr = arena.finish(0).stderr;
    let said: Vec<_> = stderr.lines().filter(|line| line.contains("log lines (")).collect();
    let dropped: usize =
        said.iter().filter_map(|line| line.split(' ').nth(3)?.parse::<usize>().ok()).sum();
    let written = stderr.lines().count() - said.len();
    assert_eq!(dropped + written, 65536, "{said:?}");
    assert!(stderr.len() < 32 * 1024 * 1024, "{} bytes", stderr.len());
    assert!((1..100).contains(&said.len()), "{said:?}");
    assert!(said.iter().all(|line| line.contains("--max-log=64KiB")), "{said:?}");
}

/// Answer: dropped and counted, although clients cause it. Fails with `--max-log=none`.
#[test]
fn attack_15_requests_that_fail_to_fill_the_log() {
    let arena = arena(&["--max-log=20KiB"]);
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        for _ in 0..2000 {
            attacker.send(
                "POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: 21\r\n\r\nerror(('x'):rep(1e4))",
            );
            assert_eq!(attacker.response().status, 500);
        }
    });
    let stderr = arena.finish(0).stderr;
    assert!(stderr.contains("--max-log=20KiB"), "{} bytes", stderr.len());
    let said = stderr.lines().filter(|line| line.contains("log lines (")).count();
    assert!(stderr.lines().count() - said < 2000);
}

/// Answer: 500, and no part of it on the wire. Fails if `HeaderValue` and `HeaderName` were unchecked.
#[test]
fn attack_16_line_ends_in_a_response() {
    let arena = arena(&[]);
    for value in BREAKS {
        for code in [
            "{ headers = { Location = V } }",
            "{ headers = { Location = { 'fine', V } } }",
            "{ headers = { ['Content-Type'] = V } }",
            "{ headers = { ['Content-Disposition'] = 'attachment; filename=\"' .. V .. '\"' } }",
            "{ headers = { ['Set-Cookie'] = 'session=' .. V .. '; HttpOnly' } }",
            "{ headers = { ['X' .. V] = 'x' } }",
            "{ status = V, body = 'x' }",
            "{ status = '200 ' .. V, body = 'x' }",
            "{ headers = { Location = V }, sse = function() end }",
            "{ headers = { Location = V }, stream = function() end }",
            "{ headers = { Location = V }, json = {} }",
        ] {
            let code = format!("return {}", code.replace('V', &format!("'{value}'")));
            assert_fails(&run(&arena, &code), &code);
        }
    }
    // What a client sent is no better.
    let code = "return { headers = { Location = url.decode(req.query) } }";
    let code = format!("local req = ... {code}");
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        attacker.send(format!(
            "POST /run?/%0d%0aForged:1 HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{code}",
            code.len()
        ));
        assert_fails(&attacker.response(), "a location of the client's");
    });
    arena.finish(0);
}

/// Answer: 500 before the upgrade. Fails if `response::fields` replaces what cannot be sent.
#[test]
fn attack_16_line_ends_in_an_upgrade() {
    let arena = arena(&[]);
    let lines: String = websocket::handshake().iter().map(|line| format!("{line}\r\n")).collect();
    for value in BREAKS {
        for code in [
            "{ ws = function() end, headers = { Location = V } }",
            "{ ws = function() end, headers = { ['X' .. V] = 'x' } }",
            "{ ws = function() end, protocols = { V } }",
            "{ ws = function() end, protocols = { 'chat', V } }",
            "{ ws = function() end, origins = { V } }",
        ] {
            let code = format!("return {}", code.replace('V', &format!("'{value}'")));
            arena.during(|| {
                let mut attacker = Raw::connect(arena.serving.port);
                attacker.send(format!(
                    "GET /ws HTTP/1.1\r\nHost: h\r\nOrigin: null\r\nSec-WebSocket-Protocol: other\r\nX-Code: {code}\r\n{lines}\r\n"
                ));
                let answer = attacker.read_response(false);
                let head = answer.map(|answer| format!("{} {}", answer.status, answer.head)).unwrap_or_default();
                assert!(!head.contains("orged"), "{code}: {head}");
            });
        }
    }
    arena.finish(0);
}

/// Answer: data is split into lines of data; the other fields raise. Fails if `\r` is no
/// line end in `send`, or without the check of the single fields (`add_single`).
#[test]
fn attack_16_line_ends_in_events() {
    let arena = arena(&[]);
    for value in BREAKS {
        for field in ["event", "id", "retry"] {
            let code = format!(
                "return {{ sse = function(send) send{{ data = 'x', {field} = '{value}' }} end }}"
            );
            let text = run_raw(&arena, &code);
            assert!(!text.contains("orged"), "{code}: {text}");
        }
        for event in ["'V'", "{ data = 'V' }", "{ data = { 'V' } }", "{ comment = 'V' }"] {
            let event = event.replace('V', &value.replace("Forged", "event: Forged"));
            let text =
                run_raw(&arena, &format!("return {{ sse = function(send) send({event}) end }}"));
            let body =
                text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
            let forged = body.split(['\n', '\r']).find(|line| line.starts_with("event:"));
            assert_eq!(forged, None, "{event}: {body:?}");
        }
    }
    arena.finish(0);
}

/// All that comes until the server closes.
fn run_raw(arena: &Arena, code: &str) -> String {
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        attacker.send(format!(
            "POST /run HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{code}",
            code.len()
        ));
        String::from_utf8_lossy(&attacker.rest()).into_owned()
    })
}

/// Answer: a reason is text within its frame, at most 123 bytes of UTF-8. Fails if
/// `Close::from_script` checks nothing.
#[test]
fn attack_16_close_reasons() {
    let arena = arena(&[]);
    let close = |code: &str| {
        arena.during(|| {
            let line = format!("X-Code: return {{ ws = function(conn) conn:close({code}) end }}");
            let (mut socket, _) = WebSocket::open_with(arena.serving.port, "/ws", &[&line]);
            let frame = socket.frame().expect("a close frame");
            assert_eq!(frame.opcode, CLOSE);
            (frame.code(), frame.reason().to_owned())
        })
    };
    assert_eq!(close(r#"4000, "a\r\n\0Forged: 1""#), (4000, "a\r\n\0Forged: 1".to_owned()));
    for bad in [r#"4000, ("x"):rep(124)"#, r#"4000, "\xff""#, "1005", "999", "1e9", "0/0", "'x'"] {
        assert_eq!(close(bad).0, 1011, "{bad}");
    }
    arena.finish(0);
}

/// Answer: an error that names the function, or an encoded character; never a line of its own. Fails if `HeaderValue`,
/// `HeaderName` or `Method` were unchecked.
#[test]
fn attack_16_line_ends_in_a_request() {
    let upstream = Upstream::text("x");
    let folder = Folder::new();
    let arena = arena(&[
        &upstream.grant(),
        &format!("--allow-net=ws://127.0.0.1:{}", upstream.port),
        &format!("--allow-write={}", folder.path().display()),
    ]);
    let url = upstream.url("/");
    let socket = url.replace("http", "ws");
    for value in BREAKS {
        for call in [
            "http.get, U .. V",
            "http.get, 'http://127.0.0.1' .. V .. U:sub(17)",
            "http.get, U, { headers = { X = V } }",
            "http.get, U, { headers = { X = { 'fine', V } } }",
            "http.get, U, { headers = { ['X' .. V] = 'x' } }",
            "http.get, U, { headers = { Cookie = 'session=' .. V } }",
            "http.post, U, {}, { headers = { ['Content-Type'] = V } }",
            "http.get, U, { query = { [V] = V } }",
            "http.request, 'GET' .. V, U",
            "http.request, V, U",
            "http.client{ base_url = U .. V }.get, http.client{ base_url = U .. V }, 'x'",
            "http.client{ headers = { X = V } }.get, http.client{ headers = { X = V } }, U",
            "http.download, U, V",
            "http.download, U .. V, F .. '/file'",
            "http.download, U, F .. '/file', { headers = { X = V } }",
            "ws.connect, S .. V",
            "ws.connect, S, { headers = { X = V } }",
            "ws.connect, S, { headers = { ['X' .. V] = 'x' } }",
            "ws.connect, S, { protocols = { V } }",
        ] {
            let code = format!(
                "local U, S, F, V = '{url}', '{socket}', '{}', '{value}' local ok, e = pcall({call}) return tostring(e)",
                folder.path().display()
            );
            let answer = run(&arena, &code);
            assert_eq!(answer.status, 200, "{code}: {}", answer.text());
        }
    }
    for seen in upstream.seen() {
        let head = seen.head.join("\n");
        assert!(seen.headers("forged").is_empty() && !seen.line.starts_with("Forged"), "{seen:?}");
        assert!(!head.contains(['\r', '\0']), "{seen:?}");
        assert!(seen.line.ends_with(" HTTP/1.1"), "{seen:?}");
    }
    assert!(!upstream.seen().is_empty(), "some of it is harmless");
    arena.finish(0);
}

const FRAMING: [(&str, &str); 14] = [
    ("Content-Length", "0"),
    ("content-length", "5"),
    ("CONTENT-LENGTH", "99999999999999999999"),
    ("Transfer-Encoding", "chunked"),
    ("transfer-encoding", "identity"),
    ("Connection", "keep-alive"),
    ("Connection", "close, X"),
    ("Upgrade", "h2c"),
    ("TE", "trailers"),
    ("Trailer", "X"),
    ("Keep-Alive", "timeout=5"),
    ("Proxy-Connection", "keep-alive"),
    ("Proxy-Authenticate", "Basic"),
    ("Proxy-Authorization", "Basic x"),
];

/// Answer: 500; the framing on the wire is the host's. Fails without `belongs_to_host`.
#[test]
fn attack_17_framing_headers_of_a_response() {
    let arena = arena(&[]);
    for (name, value) in FRAMING {
        for kind in [
            "body = 'hello'",
            "json = {}",
            "sse = function() end",
            "stream = function() end",
            "status = 204",
            "status = 304",
        ] {
            for value in [format!("'{value}'"), format!("{{ '{value}' }}")] {
                let code = format!("return {{ {kind}, headers = {{ ['{name}'] = {value} }} }}");
                assert_fails(&run(&arena, &code), &code);
            }
        }
    }
    arena.finish(0);
}

/// Answer: 500 and no upgrade; the handshake is the host's. Fails without `own_fields`.
#[test]
fn attack_17_framing_headers_of_an_upgrade() {
    let arena = arena(&[]);
    let handshake: String =
        websocket::handshake().iter().map(|line| format!("{line}\r\n")).collect();
    let own = [
        ("Sec-WebSocket-Accept", "x"),
        ("Sec-WebSocket-Protocol", "x"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Version", "8"),
    ];
    for (name, value) in FRAMING.into_iter().chain(own) {
        let code =
            format!("return {{ ws = function() end, headers = {{ ['{name}'] = '{value}' }} }}");
        arena.during(|| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker
                .send(format!("GET /ws HTTP/1.1\r\nHost: h\r\nX-Code: {code}\r\n{handshake}\r\n"));
            assert_fails(&attacker.response(), &code);
        });
    }
    arena.finish(0);
}

/// Answer: an error, and nothing is sent. Fails without `HOST_FIELDS`.
#[test]
fn attack_17_framing_headers_of_a_request() {
    let upstream = Upstream::text("x");
    let folder = Folder::new();
    let file = folder.path().join("file").display().to_string();
    let arena = arena(&[
        &upstream.grant(),
        &format!("--allow-net=ws://127.0.0.1:{}", upstream.port),
        &format!("--allow-write={}", folder.path().display()),
    ]);
    let url = upstream.url("/");
    let socket = url.replace("http", "ws");
    let own = [
        ("Sec-WebSocket-Key", "x"),
        ("Sec-WebSocket-Accept", "x"),
        ("Sec-WebSocket-Protocol", "x"),
        ("Sec-WebSocket-Extensions", "permessage-deflate"),
        ("Sec-WebSocket-Version", "8"),
    ];
    for (name, value) in FRAMING.into_iter().chain([("Host", "other.example")]).chain(own) {
        let headers = format!("{{ headers = {{ ['{name}'] = '{value}' }} }}");
        let mut calls = vec![format!("ws.connect, '{socket}', {headers}")];
        if !name.starts_with("Sec-") {
            calls.extend([
                format!("http.get, '{url}', {headers}"),
                format!("http.post, '{url}', 'body', {headers}"),
                format!("http.client({headers}).get, http.client({headers}), '{url}'"),
                format!("http.download, '{url}', '{file}', {headers}"),
            ]);
        }
        for call in calls {
            let answer = run(
                &arena,
                &format!("local ok, e = pcall({call}) return tostring(ok) .. tostring(e)"),
            );
            let text = answer.text();
            assert!(
                text.starts_with("false") && text.to_lowercase().contains("host"),
                "{call}: {text}"
            );
        }
    }
    assert_eq!(upstream.seen().len(), 0, "{:?}", upstream.seen());
    arena.finish(0);
}

/// Answer: an id, or a text that is the same for everybody. Fails with `--dev`.
#[test]
fn attack_36_what_a_client_learns_of_a_failure() {
    let secret = Folder::new();
    let arena =
        arena(&["--max-handler-time=300ms", &format!("--allow-read={}", secret.path().display())]);
    for code in [
        "error('s3cret')",
        "error({ message = 's3cret', status = 418, body = 's3cret' })",
        "error(setmetatable({}, { __tostring = function() return 's3cret' end }))",
        "error(setmetatable({}, { __tostring = function() error('s3cret') end, __name = 's3cret' }))",
        "error(setmetatable({}, { __tostring = function() return {} end, __metatable = 's3cret' }))",
        "local s3cret = nil; s3cret.field = 1",
        "return s3cret + 1",
        "return { s3cret = 1, status = 's3cret' }",
        "return { json = { s3cret = print } }",
        "return { json = { ['s3cret\\xff'] = 1 } }",
        "return { headers = { s3cret = 's3cret\\n' } }",
        "return { headers = { ['s3cret\\n'] = '' } }",
        "json.parse('s3cret')",
        "http.get('http://user:s3cret@127.0.0.1:1/?s3cret')",
        "http.get('http://127.0.0.1:1/?s3cret', { headers = { Authorization = 's3cret' } })",
        "io.open('/s3cret'):read()",
        "require('s3cret')",
        "load('s3cret s3cret')()",
        "async.spawn(function() error('s3cret') end):await()",
        "async.timeout(0.001, function() sleep(1) end)",
        "local x <close> = setmetatable({}, { __close = function() error('s3cret') end })",
        "assert.eq('s3cret', 1)",
    ] {
        assert_fails(&run(&arena, code), code);
    }
    for (code, status) in
        [("sleep(10)", 504), ("local s3cret = (...).body .. '{' ; return (...).json()", 500)]
    {
        let answer = run(&arena, code);
        let text = answer.text();
        assert!(
            answer.status == status || answer.status == 400,
            "{code}: {} {text}",
            answer.status
        );
        assert!(
            text.len() < 60 && !text.contains("s3cret") && !text.contains("handler:"),
            "{code}: {text}"
        );
    }
    for code in [
        "return { sse = function(send) send('x') error('s3cret') end }",
        "return { stream = function(write) write('x') error('s3cret') end }",
    ] {
        let text = run_raw(&arena, code);
        assert!(
            text.contains('x') && !text.contains("s3cret") && !text.contains("traceback"),
            "{text}"
        );
        assert!(!text.ends_with("0\r\n\r\n"), "a failure must not look like an end: {text}");
    }
    let code = "return { ws = function() error('s3cret') end }";
    arena.during(|| {
        let code = format!("X-Code: {code}");
        let (mut socket, _) = WebSocket::open_with(arena.serving.port, "/ws", &[&code]);
        let reason = socket.expect_close(1011);
        assert_eq!(reason, "");
    });
    arena.finish(0);
}

/// Answer: an error that names scheme, host and port. Fails if messages name the URL instead of the peer.
#[test]
fn attack_36_what_a_script_and_the_logs_learn_of_a_url() {
    let folder = Folder::new();
    let file = |name: &str| folder.path().join(name).display().to_string();
    // A server that closes, and one whose answer leads elsewhere.
    let closing = Upstream::start(|_, _| false);
    let leading = Upstream::always(
        "HTTP/1.1 302 Found\r\nLocation: http://u:s3cret@localhost:1/s3cret?s3cret\r\nContent-Length: 0\r\n\r\n",
    );
    let arena = arena(&[
        &closing.grant(),
        &leading.grant(),
        &format!("--allow-net=ws://127.0.0.1:{},ws://127.0.0.1:{}", closing.port, leading.port),
        &format!("--access-log={}", file("access")),
        &format!("--audit={}", file("audit")),
    ]);
    for port in [1, closing.port, leading.port] {
        for userinfo in ["", "user:s3cret@"] {
            let address = format!("{userinfo}127.0.0.1:{port}/path?key=s3cret#s3cret");
            let opts = "{ headers = { Authorization = 's3cret', Cookie = 's3cret' } }";
            for call in [
                format!("http.get, 'http://{address}', {opts}"),
                format!("http.post, 'http://{address}', 's3cret', {opts}"),
                format!(
                    "http.get, 'http://{address}', {{ query = {{ s3cret = 's3cret' }}, on_chunk = print }}"
                ),
                format!("http.download, 'http://{address}', 'x', {opts}"),
                format!("ws.connect, 'ws://{address}', {opts}"),
                format!(
                    "http.client{{ base_url = 'http://{address}' }}.get, http.client{{ base_url = 'http://{address}' }}, 's3cret?s3cret'"
                ),
            ] {
                let shows = "local said = tostring(e) .. ' ' .. debug.traceback(tostring(e), 0)
                    if type(e) == 'table' then for k, v in pairs(e) do said = said .. ' ' .. tostring(k) .. '=' .. tostring(v) end end";
                let code = format!("local ok, e = pcall({call}) {shows} return said");
                let text = run(&arena, &code).text();
                // The path of a base URL is no secret, but here it is told apart by nothing.
                let text = text.replace("/path/s3cret", "");
                assert!(!text.contains("s3cret"), "{call}: {text}");
            }
        }
    }
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        attacker.send("GET /a?s3cret HTTP/1.1\r\nHost: h\r\nAuthorization: s3cret\r\nConnection: close\r\n\r\n");
        attacker.rest()
    });
    let stderr = arena.finish(0).stderr;
    let logs = ["access", "audit"]
        .map(|name| fs::read_to_string(folder.path().join(name)).expect("it is there"));
    for text in [&[stderr][..], &logs[..]].concat() {
        assert!(!text.contains("s3cret"), "{text}");
    }
}
