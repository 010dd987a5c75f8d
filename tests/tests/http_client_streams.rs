//! Bodies that are handed over as they arrive: `opts.on_event` and `opts.on_chunk`.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::io::{ErrorKind, Write};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tests::GUARD;
use tests::gate::Gate;
use tests::run::{Finished, Run};
use tests::stream::{CHUNKED_EVENTS, EVENTS, Streams, chunk};
use tests::upstream::{Seen, Upstream};

/// Prints each event as it comes, then what the call returned or raised.
const LISTEN: &str = include_str!("../scripts/http_client_streams/listen.lua");

/// Counts the bytes and prints how many came, then what the call returned or raised.
const COUNT: &str = include_str!("../scripts/http_client_streams/count.lua");

fn run(url: &str, grants: &[String], flags: &[&str], script: &str) -> Run {
    let grants = grants.iter().map(String::as_str);
    let flags: Vec<_> = grants.chain(flags.iter().copied()).collect();
    Run::script(&flags, script).args([url])
}

/// What `script` prints, the upstream being granted and its URL the first argument.
fn prints(upstream: &Upstream, flags: &[&str], script: &str) -> String {
    run(&upstream.url("/"), &[upstream.grant()], flags, script).finish().ok()
}

/// What [`LISTEN`] prints with these options about a stream of this text.
fn heard(text: &str, options: &str) -> String {
    heard_bytes(&[EVENTS.as_bytes(), text.as_bytes()].concat(), options)
}

fn heard_bytes(answer: &[u8], options: &str) -> String {
    let answer = answer.to_vec();
    let upstream = Upstream::start(move |_, socket| {
        let _ = socket.write_all(&answer);
        false
    });
    let run = run(&upstream.url("/"), &[upstream.grant()], &["--max-response=1KiB"], LISTEN);
    run.args([options]).finish().ok()
}

/// Runs a script while the test answers; `gate` holds it back where it asks for it.
fn start(
    streams: &Streams,
    gate: &Gate,
    flags: &[&str],
    script: &str,
) -> thread::JoinHandle<Finished> {
    let script = format!("{}\n{script}", gate.lua());
    let run = run(&streams.url("/"), &[streams.grant(), gate.grant()], flags, &script);
    thread::spawn(move || run.finish())
}

const ONE_EVENT: &str = "data: 1\n\n";

// Events.

#[test]
fn every_function_of_the_client_takes_events() {
    for call in [
        "http.get(u, o)",
        "http.delete(u, o)",
        "http.post(u, 'x', o)",
        "http.put(u, 'x', o)",
        "http.patch(u, 'x', o)",
        "http.request('REPORT', u, o)",
        "http.client():get(u, o)",
        "http.client():post(u, 'x', o)",
        "http.client():request('GET', u, o)",
    ] {
        let upstream = Upstream::start(|_, socket| {
            write!(socket, "{EVENTS}id: 7\nretry: 20\ndata: hi\n\n").unwrap();
            false
        });
        let script = format!(
            "local u, o = ..., {{ on_event = function(ev) print(ev.event, ev.data, ev.id, ev.retry) end }}
            local r = {call} print(r.status, r.body, r.headers['content-type'], r.url == u, r.last_event_id, r.retry)"
        );
        let said = prints(&upstream, &[], &script);
        let expected = "message\thi\t7\t20\n200\tnil\ttext/event-stream\ttrue\t7\t20\n";
        assert_eq!(said, expected, "{call}");
    }
}

#[test]
fn events_are_those_of_the_standard() {
    for (text, events) in [
        ("data:no space\n\n", "message=no space\n"),
        ("data: a\ndata: b\n\n", "message=a\\nb\n"),
        ("event: x\r\ndata: a\r\ndata: b\r\n\r\n", "x=a\\nb\n"),
        ("data: a\r\rdata: b\r\r", "message=a\nmessage=b\n"),
        ("\u{feff}data: é€😀\n\n", "message=é€😀\n"),
        (": comment\n\n:\n\n", ""),
        ("data\n\nevent: x\n\n", "message=\n"),
        ("id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n", "1:message=a\n1:message=b\nmessage=c\n"),
        ("retry: 5\nretry: x\ndata: a\n\n", "message=a 5\n"),
        ("data: a\n\ndata: not complete\n", "message=a\n"),
        ("", ""),
    ] {
        let ending = "200 nil\n";
        assert_eq!(heard(text, ""), format!("{events}{ending}"), "{text:?}");
        let mut chunks = CHUNKED_EVENTS.as_bytes().to_vec();
        text.as_bytes().iter().for_each(|byte| chunks.extend(chunk([*byte])));
        chunks.extend(b"0\r\n\r\n");
        assert_eq!(heard_bytes(&chunks, ""), format!("{events}{ending}"), "{text:?}");
    }
}

#[test]
fn an_event_is_handed_over_when_its_last_byte_is_there() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = "local parts = {}
        http.get(..., { on_event = function(ev) print(ev.data) http.get(gate) end })";
    let running = start(&streams, &gate, &[], script);
    let mut stream = streams.answer(CHUNKED_EVENTS);
    for byte in "data: \u{20ac}\r\n\r".bytes() {
        stream.send(chunk([byte]));
    }
    gate.wait_for(1);
    gate.open();
    stream.send(chunk("\n"));
    stream.send("0\r\n\r\n");
    assert_eq!(running.join().unwrap().ok(), "\u{20ac}\n");
}

#[test]
fn an_event_stream_may_be_compressed() {
    let code = "import gzip,sys; sys.stdout.buffer.write(gzip.compress(b'data: packed\\n\\n'))";
    let packed = std::process::Command::new("python3").args(["-c", code]).output().unwrap().stdout;
    let head = EVENTS.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n");
    assert_eq!(heard_bytes(&[head.as_bytes(), &packed].concat(), ""), "message=packed\n200 nil\n");
}

#[test]
fn a_request_for_events_says_so_unless_the_script_says_otherwise() {
    let sent = |script: &str| -> Seen {
        let upstream = Upstream::text("x");
        prints(&upstream, &[], script);
        upstream.seen().remove(0)
    };
    let on_event = "on_event = print";
    let accept = |request: &Seen| request.headers("accept").join(",");
    let request = sent(&format!("http.get(..., {{ {on_event} }})"));
    assert_eq!(accept(&request), "text/event-stream");
    assert!(request.headers("cache-control").is_empty());
    let own = sent(&format!("http.get(..., {{ {on_event}, headers = {{ ACCEPT = 'a/b' }} }})"));
    assert_eq!(accept(&own), "a/b");
    let of_client = "http.client { headers = { accept = 'c/d' } }";
    assert_eq!(accept(&sent(&format!("{of_client}:get(..., {{ {on_event} }})"))), "c/d");
    let of_chunks = sent("http.get(..., { on_chunk = print })");
    assert_eq!(accept(&of_chunks), "*/*");
}

#[test]
fn a_response_of_another_type_is_an_ordinary_one_under_ordinary_limits() {
    for content_type in
        ["text/plain", "text/event-streams", "application/json", "; text/event-stream"]
    {
        let head = format!("HTTP/1.1 404 No\r\nContent-Type: {content_type}\r\n\r\n");
        assert_eq!(heard_bytes(format!("{head}data: x\n\n").as_bytes(), ""), "404 data: x\n\n\n");
        let large = heard_bytes(format!("{head}{}", "x".repeat(2000)).as_bytes(), "");
        assert!(large.starts_with("too_large ") && large.contains("--max-response"), "{large}");
    }
    for content_type in
        ["text/event-stream;charset=utf-8", "Text/Event-Stream", " text/event-stream ; x"]
    {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n\r\n");
        let said = heard_bytes(format!("{head}{ONE_EVENT}").as_bytes(), "");
        assert_eq!(said, "message=1\n200 nil\n", "{content_type}");
    }
    assert_eq!(heard_bytes(b"HTTP/1.1 204 No\r\n\r\n", ""), "204 \n");
}

#[test]
fn a_stream_may_be_longer_than_the_operators_limit_but_not_than_max_size() {
    let text = "data: 0123456789\n\n".repeat(1000);
    let events = "message=0123456789\n";
    assert_eq!(heard(&text, ""), format!("{}200 nil\n", events.repeat(1000)));
    let said = heard(&text, "max_size = 1000");
    assert!(said.ends_with(
        "too_large http.get failed: the response body is larger than max_size, 1000 bytes\n"
    ));
    assert!(said.matches(events).count() <= 1000 / 18, "{said}");
}

#[test]
fn a_large_event_arrives_in_single_bytes() {
    let mut answer = CHUNKED_EVENTS.as_bytes().to_vec();
    let text = format!("data: {}\n\n", "0123456789".repeat(100_000));
    text.bytes().for_each(|byte| answer.extend(chunk([byte])));
    answer.extend(b"0\r\n\r\n");
    assert_eq!(heard_bytes(&answer, "length_only = true"), "message=1000000\n200 nil\n");
}

#[test]
fn an_event_beyond_its_limit_is_too_large() {
    let limit = 16 * 1024 * 1024;
    let said = heard(&format!("data: {}\n\n", "x".repeat(limit - 1)), "length_only = true");
    assert_eq!(said, format!("message={}\n200 nil\n", limit - 1));
    let said = heard(&format!("data: 1\n\ndata: {}\n\n", "x".repeat(limit)), "length_only = true");
    let expected = "message=1\ntoo_large http.get failed: an event of the stream is larger than 16777216 bytes\n";
    assert_eq!(said, expected);
}

#[test]
fn an_event_larger_than_the_memory_is_a_lua_error_and_the_script_goes_on() {
    let upstream = Upstream::start(|_, socket| {
        let _ = write!(socket, "{EVENTS}data: {}\n\n", "x".repeat(15_000_000));
        false
    });
    let script = "local ok, e = pcall(http.get, ..., { on_event = print }) print(ok, e)
        collectgarbage() print(#('x'):rep(1000000))";
    let said = prints(&upstream, &["--max-memory=24MiB"], script);
    assert_eq!(said, "false\tnot enough memory\n1000000\n");
}

#[test]
fn a_stream_that_breaks_off_raises_after_the_events_before() {
    for (answer, kind) in [
        (format!("{CHUNKED_EVENTS}9\r\n{ONE_EVENT}\r\n9\r\ndata"), "closed"),
        (format!("{CHUNKED_EVENTS}9\r\n{ONE_EVENT}\r\nnonsense\r\n"), "protocol"),
        (EVENTS.replace("\r\n\r\n", "\r\nContent-Length: 20\r\n\r\n") + ONE_EVENT, "closed"),
    ] {
        let said = heard_bytes(answer.as_bytes(), "");
        assert!(
            said.starts_with(&format!("message=1\n{kind} http.get failed: 127.0.0.1:")),
            "{said}"
        );
    }
}

#[test]
fn close_ends_the_stream_at_once_and_nothing_else_does() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = "local answers = { false, true, 'closed', 'close' }
        local seen = 0
        local r = http.get(..., { on_event = function() seen = seen + 1 return answers[seen] end })
        print(seen, r.status, r.body, r.last_event_id)
        http.get(gate)";
    let running = start(&streams, &gate, &[], script);
    let mut stream = streams.answer(CHUNKED_EVENTS);
    stream.send(chunk(format!("id: x\n{}", ONE_EVENT.repeat(5))));
    gate.wait_for(1);
    stream.await_close();
    gate.open();
    assert_eq!(running.join().unwrap().ok(), "4\t200\tnil\tx\n");
}

#[test]
fn an_error_in_the_callback_closes_the_exchange_and_is_raised_as_it_is() {
    for option in ["on_event", "on_chunk"] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local mine = {{ kind = 'mine' }}
            local ok, e = pcall(http.get, ..., {{ {option} = function() error(mine) end }})
            print(ok, e == mine, e.url)
            http.get(gate)"
        );
        let running = start(&streams, &gate, &[], &script);
        let mut stream = streams.answer(EVENTS);
        stream.send(ONE_EVENT);
        gate.wait_for(1);
        stream.await_close();
        gate.open();
        assert_eq!(running.join().unwrap().ok(), "false\ttrue\tnil\n");
    }
}

#[test]
fn an_uncaught_error_in_the_callback_has_its_own_line() {
    let upstream = Upstream::start(|_, socket| write!(socket, "{EVENTS}{ONE_EVENT}").is_ok());
    let script = "http.get(..., { on_event = function(ev)\n  local x = ev.data.y.z\nend })";
    let run = run(&upstream.url("/"), &[upstream.grant()], &[], script);
    let said = run.finish().fails_with(1);
    assert!(said.contains("main.lua:2: attempt to index a nil value"), "{said}");
}

#[test]
fn a_callback_may_wait_and_may_yield() {
    let upstream = Upstream::start(|request, socket| {
        if request.line.contains("/text") {
            return write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok();
        }
        write!(socket, "{EVENTS}{}", ONE_EVENT.repeat(3)).unwrap();
        false
    });
    for option in ["on_event", "on_chunk"] {
        let waits = format!(
            "local u, count = ..., 0
            http.get(u, {{ {option} = function() sleep(0.001) count = count + 1 io.write(http.get(u .. 'text').body) end }})
            print(count > 0)"
        );
        let said = prints(&upstream, &[], &waits);
        assert!(said.ends_with("oktrue\n"), "{option}: {said}");
        let yields = format!(
            "local u = ...
            local all = 0
            for piece in coroutine.wrap(function() http.get(u, {{ {option} = coroutine.yield }}) end) do
              all = all + #(piece.data or piece)
            end
            print(all)"
        );
        let expected = if option == "on_event" { "3\n" } else { "27\n" };
        assert_eq!(prints(&upstream, &[], &yields), expected);
    }
}

#[test]
fn the_timeout_is_for_the_head_and_for_each_gap_but_not_for_the_stream() {
    for option in ["on_event", "on_chunk"] {
        // The second piece is only sent when the whole timeout is over.
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local count = 0
            http.get(..., {{ timeout = 2, {option} = function()
              count = count + 1
              if count == 1 then sleep(2.2) http.get(gate) end
            end }})
            print(count)"
        );
        let running = start(&streams, &gate, &[], &script);
        let mut stream = streams.answer(EVENTS);
        stream.send(ONE_EVENT);
        gate.wait_for(1);
        gate.open();
        stream.send(ONE_EVENT);
        drop(stream);
        assert_eq!(running.join().unwrap().ok(), "2\n", "{option}");
    }
}

#[test]
fn silence_is_a_timeout_and_closes_the_exchange() {
    for (option, begin, said) in [
        ("on_event", String::new(), "timeout\tfalse\n"),
        ("on_event", EVENTS.to_owned(), "timeout\ttrue\n"),
        ("on_event", format!("{EVENTS}{ONE_EVENT}: comment\n"), "event\ntimeout\ttrue\n"),
        ("on_chunk", format!("{EVENTS}{ONE_EVENT}"), "event\ntimeout\ttrue\n"),
    ] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local ok, e = pcall(http.get, ..., {{ timeout = 1, {option} = function() print('event') end }})
            print(e.kind, e.message:find('sent nothing for 1 s', 1, true) ~= nil)
            http.get(gate)"
        );
        let running = start(&streams, &gate, &[], &script);
        let stream = streams.answer(begin);
        gate.wait_for(1);
        stream.await_close();
        gate.open();
        assert_eq!(running.join().unwrap().ok(), said, "{option}");
    }
}

#[test]
fn cancelling_closes_the_stream() {
    for option in ["on_event", "on_chunk"] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local u = ...
            local h = async.spawn(function()
              local ok, e = pcall(http.get, u, {{ {option} = function() print('event') end }})
              print(ok, e.kind)
            end)
            http.get(gate)
            h:cancel()
            pcall(h.await, h)
            pcall(http.post, u .. 'hold')"
        );
        let running = start(&streams, &gate, &[], &script);
        let mut stream = streams.answer(EVENTS);
        stream.send(ONE_EVENT);
        gate.wait_for(1);
        gate.open();
        // A process that ends closes everything, so this one must not end yet.
        let held = streams.next();
        stream.await_close();
        drop(held);
        let said = running.join().unwrap().ok();
        assert!(said.ends_with("false\tcancelled\n"), "{said}");
    }
}

#[test]
fn what_is_not_granted_is_not_asked() {
    let upstream = Upstream::start(|_, socket| write!(socket, "{EVENTS}{ONE_EVENT}").is_ok());
    for option in ["on_event", "on_chunk"] {
        let script =
            format!("local ok, e = pcall(http.get, ..., {{ {option} = print }}) print(e.kind, e)");
        let said = run(&upstream.url("/"), &[], &[], &script).finish().ok();
        let text = "denied\thttp.get failed: net access to 127.0.0.1:";
        assert!(said.starts_with(text) && said.contains(&upstream.grant()), "{said}");
    }
    assert!(upstream.seen().is_empty());
    let port = upstream.port;
    let redirect = Upstream::always(format!(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
    ));
    let script = "local ok, e = pcall(http.get, ..., { on_event = print }) print(e.kind)";
    assert_eq!(prints(&redirect, &[], script), "denied\n");
    assert!(upstream.seen().is_empty());
}

#[test]
fn callbacks_that_are_none_are_refused() {
    let upstream = Upstream::text("x");
    for (options, text) in [
        ("on_event = true", "opts.on_event must be a function, got boolean"),
        ("on_event = {}", "opts.on_event must be a function, got table"),
        ("on_chunk = 'x'", "opts.on_chunk must be a function, got string"),
        (
            "on_event = print, on_chunk = print",
            "opts.on_event and opts.on_chunk exclude each other",
        ),
    ] {
        let script = format!(
            "\nlocal ok, e = pcall(function(...)\n local r = http.get(..., {{ {options} }})\nreturn r end, ...) print(e)"
        );
        let said = prints(&upstream, &[], &script);
        assert!(said.ends_with(&format!("main.lua:3: http.get: {text}\n")), "{said}");
    }
    assert!(upstream.seen().is_empty());
}

// Chunks.

#[test]
fn a_body_is_handed_over_in_pieces_and_not_kept() {
    let body: String = (0..20_000).fold(String::new(), |mut text, number| {
        let _ = write!(text, "{number} ");
        text
    });
    let length = body.len();
    let chunks: Vec<u8> = body.as_bytes().chunks(777).flat_map(chunk).collect();
    for answer in [
        format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{body}"),
        format!("HTTP/1.1 200 OK\r\n\r\n{body}"),
        format!(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
            String::from_utf8(chunks).unwrap()
        ),
    ] {
        let upstream = Upstream::start(move |_, socket| {
            socket.write_all(answer.as_bytes()).unwrap();
            false
        });
        let script = "local pieces = {}
            local r = http.get(..., { on_chunk = function(bytes) pieces[#pieces + 1] = bytes end })
            for _, piece in ipairs(pieces) do assert(#piece > 0 and #piece <= 65536) end
            print(table.concat(pieces)) print(#pieces > 1, r.status, r.body, r.last_event_id)";
        assert_eq!(prints(&upstream, &[], script), format!("{body}\ntrue\t200\tnil\tnil\n"));
    }
}

#[test]
fn a_response_without_a_body_calls_nothing() {
    for (answer, call) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "get"),
        ("HTTP/1.1 204 No\r\n\r\n", "get"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "head"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "get"),
    ] {
        let upstream = Upstream::always(answer);
        let script = format!("local r = http.{call}(..., {{ on_chunk = error }}) print(r.body)");
        assert_eq!(prints(&upstream, &[], &script), "nil\n", "{answer}");
    }
}

/// Sends a gibibyte, more than any limit on responses and far more than the memory.
const LARGE: u64 = 1024 * 1024 * 1024;

fn large() -> Upstream {
    Upstream::start(|_, socket| {
        write!(socket, "HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
        let block = vec![b'x'; 1024 * 1024];
        (0..LARGE / 1024 / 1024).all(|_| socket.write_all(&block).is_ok())
    })
}

#[test]
fn a_gibibyte_streams_through_32_mebibytes() {
    let upstream = large();
    let flags = ["--max-memory=32MiB", "--max-response=1MiB"];
    assert_eq!(prints(&upstream, &flags, COUNT), format!("{LARGE} 200 nil\n"));
    let said = prints(&upstream, &flags, "print(select(2, pcall(http.get, ...)).kind)");
    assert_eq!(said, "too_large\n");
}

#[test]
fn max_size_bounds_what_is_handed_over() {
    let upstream = Upstream::start(|_, socket| {
        let body = "x".repeat(200_000);
        write!(socket, "HTTP/1.1 200 OK\r\n\r\n{body}").unwrap();
        false
    });
    let count = |options: &str| {
        let run = run(&upstream.url("/"), &[upstream.grant()], &[], COUNT);
        run.args([options]).finish().ok()
    };
    assert_eq!(count("max_size = 200000"), "200000 200 nil\n");
    let said = count("max_size = 100000");
    let (bytes, failure) = said.split_once(' ').unwrap();
    assert!(bytes.parse::<u32>().unwrap() <= 100_000, "{said}");
    assert_eq!(
        failure,
        "too_large http.get failed: the response body is larger than max_size, 100000 bytes\n"
    );
}

#[test]
fn close_ends_a_body_early_and_at_once() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = "local r = http.get(..., { on_chunk = function() return 'close' end })
        print(r.status, r.body) http.get(gate)";
    let running = start(&streams, &gate, &[], script);
    let stream = streams.answer("HTTP/1.1 200 OK\r\n\r\nhello");
    gate.wait_for(1);
    stream.await_close();
    gate.open();
    assert_eq!(running.join().unwrap().ok(), "200\tnil\n");
}

#[test]
fn a_callback_that_waits_holds_the_sender_back() {
    let (stalled, stall) = mpsc::channel();
    let stalled = std::sync::Mutex::new(stalled);
    let upstream = Upstream::start(move |_, socket| {
        write!(socket, "HTTP/1.1 200 OK\r\n\r\n").unwrap();
        socket.set_write_timeout(Some(Duration::from_millis(300))).unwrap();
        let block = vec![b'x'; 64 * 1024];
        let (mut sent, total) = (0, 256 * 1024 * 1024);
        while sent < total {
            match socket.write(&block[..block.len().min(total - sent)]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let _ = stalled.lock().unwrap().send(sent);
                }
                Err(error) => panic!("{error}"),
            }
        }
        false
    });
    let gate = Gate::new();
    let script = format!(
        "{}
        local bytes, held = 0, false
        http.get(..., {{ on_chunk = function(piece)
          if not held then held = true http.get(gate, {{ timeout = 600 }}) end
          bytes = bytes + #piece
        end }})
        print(bytes)",
        gate.lua()
    );
    let run = run(&upstream.url("/"), &[upstream.grant(), gate.grant()], &[], &script);
    let running = thread::spawn(move || run.finish());
    gate.wait_for(1);
    // What the buffers on the way hold was sent, and no more.
    let sent = stall.recv_timeout(GUARD).unwrap();
    assert!(sent < 64 * 1024 * 1024, "{sent} bytes were sent to nobody");
    gate.open();
    assert_eq!(running.join().unwrap().ok(), "268435456\n");
}
