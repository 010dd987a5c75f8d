//! What the outside world does to a request: the error object, its kinds, and that it keeps secrets.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, mpsc};
use std::thread;

use tests::GUARD;
use tests::run::{Finished, Run};
use tests::upstream::{Seen, Upstream};

const REPORT: &str = include_str!("../scripts/http_client/failure.lua");

/// Reports on a request with secrets in query, fragment and headers.
fn fails(port: u16, flags: &[&str]) -> Finished {
    let grant = format!("--allow-net=127.0.0.1:{port}");
    let url = format!("http://127.0.0.1:{port}/path?token=s3cret#s3cret");
    Run::script(&[&[grant.as_str()], flags].concat(), REPORT).args([url]).finish()
}

/// Asserts kind and text of the failure, and that nothing anywhere holds a secret.
#[track_caller]
fn expect(ended: Finished, kind: &str, text: &str) {
    let Finished { code, stdout, stderr } = ended;
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with(&format!("{kind}\nhttp.get failed: ")), "{stdout}");
    assert!(stdout.contains(text), "{stdout}");
    assert!(!stdout.contains("s3cret"), "{stdout}");
}

fn answers(response: &'static [u8]) -> Upstream {
    Upstream::start(move |_, stream| {
        let _ = stream.write_all(response);
        false
    })
}

/// Reads until the peer closes.
fn await_close(stream: &mut TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn an_error_object_has_kind_message_and_url_and_reads_as_text() {
    let port = free_port();
    let script = "local ok, e = pcall(http.get, ...)
        print(type(e), e.kind, e.url)
        print(tostring(e) == e.message, 'a ' .. e == 'a ' .. e.message, e .. ' z' == e.message .. ' z')
        print(e .. e == e.message .. e.message, getmetatable(e))
        print(e.message:find('\\n'))
        print(pcall(error, e), select(2, pcall(error, e)) == e)";
    let said = Run::script(&[&format!("--allow-net=127.0.0.1:{port}")], script)
        .args([format!("http://127.0.0.1:{port}/a/b?q=1#f")])
        .finish()
        .ok();
    assert_eq!(
        said.lines().take(4).collect::<Vec<_>>(),
        [
            format!("table\tconnect\thttp://127.0.0.1:{port}/a/b").as_str(),
            "true\ttrue\ttrue",
            "true\tfalse",
            "nil",
        ],
        "{said}"
    );
    assert!(said.trim_end().ends_with("true"), "{said}");
}

#[test]
fn each_verb_names_itself() {
    let port = free_port();
    let script = "for _, name in ipairs { 'get', 'head', 'delete', 'post', 'put', 'patch' } do
          print(select(2, pcall(http[name], ...)).message)
          local client = http.client()
          print(select(2, pcall(client[name], client, ...)).message)
        end
        print(select(2, pcall(http.request, 'GET', ...)).message)";
    let said = Run::script(&[&format!("--allow-net=127.0.0.1:{port}")], script)
        .args([format!("http://127.0.0.1:{port}/")])
        .finish()
        .ok();
    let verbs = ["get", "head", "delete", "post", "put", "patch"];
    let expected = verbs.iter().flat_map(|verb| [verb, verb]).chain([&"request"]);
    assert_eq!(said.lines().count(), 13);
    for (line, verb) in said.lines().zip(expected) {
        assert!(line.starts_with(&format!("http.{verb} failed: cannot connect to ")), "{line}");
    }
}

#[test]
fn an_uncaught_failure_prints_one_line_and_the_scripts_traceback() {
    let port = free_port();
    let script = "local function fetch(address)\n  local r = http.get(address)\n  return r\nend\nfetch(...)\n";
    let said = Run::script(&[&format!("--allow-net=127.0.0.1:{port}")], script)
        .args([format!("http://127.0.0.1:{port}/?token=s3cret")])
        .finish()
        .fails_with(1);
    let text =
        format!("error: http.get failed: cannot connect to 127.0.0.1:{port}: Connection refused");
    assert!(said.starts_with(&text), "{said}");
    assert!(said.contains("main.lua:2:") && said.contains("main.lua:5:"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn nobody_listening_is_connect() {
    expect(fails(free_port(), &[]), "connect", "Connection refused");
}

#[test]
fn a_name_that_does_not_exist_is_dns() {
    // Too long a label for any name server to be asked.
    let name = "x".repeat(64);
    let said = Run::script(&[&format!("--allow-net={name}")], REPORT)
        .args([format!("http://{name}/?token=s3cret")])
        .finish();
    expect(said, "dns", &format!("cannot resolve {name}"));
}

#[test]
fn a_broken_response_is_protocol() {
    for response in [
        &b"hello\r\n\r\n"[..],
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-\x00: 1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 6\r\n\r\nabcdef",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 6\r\n\r\nabcdef",
    ] {
        let ended = fails(answers(response).port, &[]);
        assert!(
            ended.stdout.starts_with("protocol\n"),
            "{}: {}",
            response.escape_ascii(),
            ended.stdout
        );
        expect(ended, "protocol", "sent an invalid response");
    }
}

#[test]
fn a_peer_that_goes_away_is_closed() {
    for (response, text) in [
        (&b""[..], "closed the connection before it answered"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "closed the connection before it answered"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", "in the middle of the body"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            "in the middle of the body",
        ),
    ] {
        expect(fails(answers(response).port, &[]), "closed", text);
    }
}

/// Answers the first request of each connection and closes it when the second has come, as a server
/// does that gave the connection up meanwhile.
fn answers_once_a_connection() -> Upstream {
    let answered = Mutex::new(HashSet::new());
    Upstream::start(move |_, stream| {
        answered.lock().unwrap().insert(stream.peer_addr().unwrap().port())
            && stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok()
    })
}

#[test]
fn a_kept_connection_that_died_does_not_fail_a_request_that_may_be_repeated() {
    // RFC 9110, section 9.2.2: of an idempotent method, so that it does no harm if both arrive.
    for code in ["get(...)", "head(...)", "put(..., 'x')", "delete(...)", "request('OPTIONS', ...)"]
    {
        let upstream = answers_once_a_connection();
        let script = format!("for _ = 1, 3 do print(http.{code}.status) end");
        let ended = Run::script(&[&upstream.grant()], &script).args([upstream.url("/")]).finish();
        assert_eq!(ended.stdout, "200\n200\n200\n", "{code}: {}", ended.stderr);
    }
}

#[test]
fn a_post_is_never_sent_twice() {
    for code in ["post(u, 'x')", "patch(u, 'x')", "request('CUSTOM', u)"] {
        let upstream = answers_once_a_connection();
        let script = format!(
            "local u = ... print(http.{code}.status) print(select(2, pcall(function() return http.{code}.status end)).kind)"
        );
        let ended = Run::script(&[&upstream.grant()], &script).args([upstream.url("/")]).finish();
        assert_eq!(ended.ok(), "200\nclosed\n", "{code}");
        assert_eq!(upstream.seen().len(), 2, "{code}");
    }
}

#[test]
fn a_redirect_does_not_put_its_secrets_into_an_error() {
    let upstream = Upstream::start(|request: &Seen, stream| {
        if request.line.starts_with("GET /path") {
            let response =
                b"HTTP/1.1 302 Found\r\nLocation: /next?token=s3cret\r\nContent-Length: 0\r\n\r\n";
            return stream.write_all(response).is_ok();
        }
        let _ = stream.write_all(b"garbage\r\n\r\n");
        false
    });
    expect(fails(upstream.port, &[]), "protocol", "sent an invalid response");
}

#[test]
fn a_silent_server_is_timeout_before_and_within_the_body() {
    for begun in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"] {
        let upstream = Upstream::start(|_, stream| {
            stream.write_all(begun.as_bytes()).unwrap();
            await_close(stream);
            false
        });
        let ended = Run::script(&[&upstream.grant()], REPORT)
            .args([upstream.url("/?token=s3cret"), "0.2".to_owned()])
            .finish();
        expect(ended, "timeout", "took longer than 0.2 s");
    }
}

#[test]
fn a_clients_own_timeout_holds_for_its_calls() {
    let upstream = Upstream::start(|_, stream| {
        await_close(stream);
        false
    });
    let script = "local client = http.client { timeout = 0.1 }
        print(select(2, pcall(client.get, client, ...)).kind)
        print(select(2, pcall(client.get, client, ..., { timeout = 0.2 })).message)";
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish().ok();
    assert!(said.starts_with("timeout\nhttp.get failed: ") && said.contains("0.2 s"), "{said}");
}

#[test]
fn connecting_has_a_timeout_of_its_own() {
    // The handshake of TLS belongs to connecting, and this server never answers it.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        listener.incoming().map_while(Result::ok).for_each(|mut stream| await_close(&mut stream))
    });
    let script =
        "local ok, e = pcall(http.get, ..., { connect_timeout = 0.2 }) print(e.kind, e.message)";
    let said = Run::script(&[&format!("--allow-net=127.0.0.1:{port}")], script)
        .args([format!("https://127.0.0.1:{port}/")])
        .finish()
        .ok();
    assert!(said.starts_with("timeout\thttp.get failed: connecting to 127.0.0.1"), "{said}");
}

#[test]
fn a_denied_request_fails_as_denied() {
    let url = "http://127.0.0.1:1/path?token=s3cret";
    let ended = Run::script(&[], REPORT).args([url]).finish();
    expect(
        ended,
        "denied",
        "net access to 127.0.0.1:1 is not granted (run with --allow-net=127.0.0.1:1)",
    );
}

#[test]
fn a_cancelled_request_raises_cancelled_and_closes_its_connection() {
    let ((arrive, arrived), (close, closed)) = (mpsc::channel(), mpsc::channel());
    let arrived = Mutex::new(arrived);
    let upstream = Upstream::start(move |request, stream| {
        if request.line.starts_with("GET /arrived") {
            arrived.lock().unwrap().recv_timeout(GUARD).unwrap();
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nwon").is_ok();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf").unwrap();
        arrive.send(()).unwrap();
        await_close(stream);
        close.send(()).unwrap();
        false
    });
    let script = include_str!("../scripts/http_client/cancel.lua");
    let said = Run::script(&[&upstream.grant()], script).args([upstream.url("")]).finish().ok();
    assert_eq!(said, "race: won\ncancelled: http.get: cancelled\ncancelled: http.get: cancelled\n");
    for _ in 0..2 {
        closed.recv_timeout(GUARD).unwrap();
    }
}
