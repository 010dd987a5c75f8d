//! `http.events`: an event stream that is followed across lost connections.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::net::TcpListener;
use std::thread;

use tests::gate::Gate;
use tests::run::{Finished, Run};
use tests::stream::{CHUNKED_EVENTS, EVENTS, Stream, Streams, chunk};
use tests::upstream::Upstream;

/// Keeps a script from ending until the test drops its last request: a process that ends closes everything.
const HOLD: &str = "pcall(http.post, u .. 'hold')";

/// Ends a loop over events.
const NO_CONTENT: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// Prints each event, then that the loop ended or what it raised. The second argument is options in Lua.
const FOLLOW: &str = include_str!("../scripts/http_events/follow.lua");

fn run(url: &str, grants: &[String], script: &str) -> Run {
    let flags: Vec<_> = grants.iter().map(String::as_str).collect();
    Run::script(&flags, script).args([url])
}

/// Runs a script in the background; `gate` is known to it.
fn start(streams: &Streams, gate: &Gate, script: &str) -> thread::JoinHandle<Finished> {
    let script = format!("{}\n{script}", gate.lua());
    let run = run(&streams.url("/"), &[streams.grant(), gate.grant()], &script);
    thread::spawn(move || run.finish())
}

/// Runs [`FOLLOW`] in the background with these options.
fn follow(streams: &Streams, options: &str) -> thread::JoinHandle<Finished> {
    let run = run(&streams.url("/path?s3cret"), &[streams.grant()], FOLLOW).args([options]);
    thread::spawn(move || run.finish())
}

/// What [`FOLLOW`] prints about one answer.
fn followed(answer: &str, options: &str) -> Finished {
    let streams = Streams::new();
    let running = follow(&streams, options);
    drop(streams.answer(answer));
    running.join().unwrap()
}

fn id_of(stream: &Stream) -> Vec<&str> {
    stream.request.headers("last-event-id")
}

#[test]
fn a_stream_is_followed_across_lost_connections_from_the_last_id() {
    let streams = Streams::new();
    let running = follow(&streams, "retry = 0.001");
    // An orderly end.
    let first = streams.answer(format!("{EVENTS}id: a\ndata: 1\n\n"));
    assert!(id_of(&first).is_empty());
    drop(first);
    // A cut in the middle of an event, which counts for nothing.
    let mut second = streams.next();
    assert_eq!(id_of(&second), ["a"]);
    second.send(CHUNKED_EVENTS);
    second.send(chunk("data: 2\nid: b\n\nid: c\ndata: 3\n"));
    drop(second);
    // A stream without an id does not lose the last one.
    let third = streams.answer(format!("{EVENTS}data: 4\n\n"));
    assert_eq!(id_of(&third), ["b"]);
    drop(third);
    // Broken framing.
    let mut fourth = streams.next();
    assert_eq!(id_of(&fourth), ["b"]);
    fourth.send(format!("{CHUNKED_EVENTS}nonsense\r\n"));
    drop(fourth);
    // An id that is taken back.
    drop(streams.answer(format!("{EVENTS}id\n\n")));
    let last = streams.answer(NO_CONTENT);
    assert!(id_of(&last).is_empty());
    let ended = running.join().unwrap();
    assert_eq!(ended.stderr, "");
    assert_eq!(ended.ok(), "a:message=1\nb:message=2\nb:message=4\nend\n");
}

#[test]
fn a_server_that_is_gone_for_a_while_is_found_again() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let grant = format!("--allow-net=127.0.0.1:{port}");
    let script = format!("log = nil\n{FOLLOW}");
    let mut running = Run::script(&[&grant], &format!("print({port})\n{script}"))
        .args([format!("http://127.0.0.1:{port}/").as_str(), "retry = 0.01"])
        .serve();
    let line = running.stderr_line("trying again");
    assert!(line.contains("WARN  http.events failed: cannot connect to 127.0.0.1:"), "{line}");
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    for answer in [format!("{EVENTS}data: back\n\n"), NO_CONTENT.to_owned()] {
        let (mut socket, _) = listener.accept().unwrap();
        tests::stream::read_head(&mut socket);
        socket.write_all(answer.as_bytes()).unwrap();
    }
    assert_eq!((running.next_line(), running.next_line()), ("message=back".into(), "end".into()));
}

#[test]
fn the_first_request_looks_like_a_browsers() {
    let streams = Streams::new();
    let running = follow(&streams, "headers = { Authorization = 'x' }, query = { q = 1 }");
    let stream = streams.answer(NO_CONTENT);
    assert_eq!(stream.request.line, "GET /path?s3cret&q=1 HTTP/1.1");
    assert_eq!(stream.request.headers("accept"), ["text/event-stream"]);
    assert_eq!(stream.request.headers("cache-control"), ["no-cache"]);
    assert_eq!(stream.request.headers("authorization"), ["x"]);
    assert!(id_of(&stream).is_empty());
    assert_eq!(running.join().unwrap().ok(), "end\n");
}

#[test]
fn a_script_may_say_where_to_begin_and_what_to_send() {
    let streams = Streams::new();
    let running = follow(
        &streams,
        "last_event_id = 'é 7', retry = 0.001, body = { n = 1 }, headers = { ['LAST-EVENT-ID'] = 'old', ['cache-control'] = 'x' }",
    );
    for (id, answer) in [("é 7", format!("{EVENTS}id: 8\n\n")), ("8", NO_CONTENT.to_owned())] {
        let stream = streams.answer(answer);
        assert_eq!(stream.request.line, "POST /path?s3cret HTTP/1.1");
        assert_eq!(stream.request.body, b"{\"n\":1}");
        assert_eq!(stream.request.headers("content-type"), ["application/json"]);
        assert_eq!(stream.request.headers("cache-control"), ["x"]);
        assert_eq!(id_of(&stream), [id]);
    }
    assert_eq!(running.join().unwrap().ok(), "end\n");
    let own = Streams::new();
    let options = "method = 'REPORT', headers = { ['last-event-id'] = 'mine' }, retry = 0.001";
    let running = follow(&own, options);
    for (id, answer) in [("mine", format!("{EVENTS}id: 8\n\n")), ("8", NO_CONTENT.to_owned())] {
        let stream = own.answer(answer);
        assert!(stream.request.line.starts_with("REPORT "), "{}", stream.request.line);
        assert_eq!(id_of(&stream), [id]);
    }
    assert_eq!(running.join().unwrap().ok(), "end\n");
}

#[test]
fn an_id_that_cannot_stand_in_a_header_is_not_sent() {
    for id in ["\u{1}", "a\u{7f}", "a\u{1b}[0m", &"x".repeat(5000)] {
        let streams = Streams::new();
        let running = follow(&streams, "retry = 0.001, last_event_id = 'first'");
        drop(streams.answer(format!("{EVENTS}id: {id}\n\n")));
        assert!(id_of(&streams.answer(NO_CONTENT)).is_empty());
        assert_eq!(running.join().unwrap().ok(), "end\n");
    }
}

#[test]
fn the_servers_retry_time_replaces_the_scripts() {
    let streams = Streams::new();
    let running = follow(&streams, "retry = 1e9");
    drop(streams.answer(format!("{EVENTS}retry: 0\n")));
    // Known without an event, and kept.
    drop(streams.answer(format!("{EVENTS}data: 1\n\n")));
    drop(streams.answer(NO_CONTENT));
    assert_eq!(running.join().unwrap().ok(), "message=1 0\nend\n");
}

#[test]
fn silence_counts_as_a_lost_connection() {
    let streams = Streams::new();
    let running = follow(&streams, "retry = 0.001, timeout = 1");
    let mut silent = streams.answer(EVENTS);
    silent.send(": still here\n");
    silent.await_close();
    drop(streams.answer(NO_CONTENT));
    assert_eq!(running.join().unwrap().ok(), "end\n");
}

#[test]
fn any_other_answer_is_a_failure_with_its_status() {
    let typed = |kind: &str| EVENTS.replace("text/event-stream", kind);
    for (answer, status, text) in [
        (
            "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            404,
            "the answer has status 404",
        ),
        (EVENTS.replace("200 OK", "500 No"), 500, "the answer has status 500"),
        (EVENTS.replace("200 OK", "203 No"), 203, "the answer has status 203"),
        (typed("text/html; a"), 200, "the answer is text/html; a, not text/event-stream"),
        (
            typed(&"x".repeat(1000)),
            200,
            &format!("the answer is {}, not text/event-stream", "x".repeat(80)),
        ),
        (
            "HTTP/1.1 200 OK\r\n\r\nx".to_owned(),
            200,
            "the answer is without a type, not text/event-stream",
        ),
    ] {
        let ended = followed(&answer, "retry = 0.001");
        assert_eq!(ended.stderr, "");
        let said = ended.ok();
        let url = said.trim_end().rsplit(' ').next().unwrap();
        assert!(url.starts_with("http://127.0.0.1:") && url.ends_with("/path"), "{said}");
        assert_eq!(said, format!("protocol {status} http.events failed: {text} {url}\n"));
    }
}

#[test]
fn an_answer_that_is_no_http_and_an_event_that_is_too_large_are_raised() {
    let said = followed("nonsense\r\n\r\n", "").ok();
    assert!(said.starts_with("protocol nil http.events failed: 127.0.0.1:"), "{said}");
    let large = format!("{EVENTS}data: 1\n\n{}", "x".repeat(2000));
    let said = followed(&large, "max_size = 1000").ok();
    assert!(
        said.starts_with("message=1\ntoo_large nil http.events failed: ")
            || said.starts_with("too_large nil "),
        "{said}"
    );
    let huge = format!("{EVENTS}data: {}\n\n", "x".repeat(17 * 1024 * 1024));
    let said = followed(&huge, "").ok();
    assert!(
        said.starts_with("too_large nil http.events failed: an event of the stream is larger"),
        "{said}"
    );
}

#[test]
fn what_is_not_granted_is_raised_at_once() {
    let upstream = Upstream::text("x");
    let ended = run(&upstream.url("/"), &[], FOLLOW).finish();
    assert_eq!(ended.stderr, "");
    let said = ended.ok();
    assert!(
        said.starts_with("denied nil http.events failed: net access to ")
            && said.contains(&upstream.grant()),
        "{said}"
    );
    // Also when the second connection is the one that is led astray.
    let streams = Streams::new();
    let running = follow(&streams, "retry = 0.001");
    drop(streams.answer(format!("{EVENTS}data: 1\n\n")));
    let location = upstream.url("/");
    drop(streams.answer(format!(
        "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    )));
    let said = running.join().unwrap().ok();
    assert!(said.starts_with("message=1\ndenied nil "), "{said}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn redirects_are_followed_to_what_is_granted() {
    let (streams, target) = (Streams::new(), Streams::new());
    let grants = [streams.grant(), target.grant()];
    let run = run(&streams.url("/"), &grants, FOLLOW).args(["retry = 0.001"]);
    let running = thread::spawn(move || run.finish());
    let location = target.url("/");
    let redirect = format!("HTTP/1.1 307 No\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    drop(streams.answer(redirect));
    drop(target.answer(format!("{EVENTS}data: 1\n\n")));
    drop(streams.answer(NO_CONTENT));
    assert_eq!(running.join().unwrap().ok(), "message=1\nend\n");
}

#[test]
fn failed_attempts_in_a_row_end_at_max_retries() {
    let streams = Streams::new();
    // What is not idempotent is never repeated behind the script's back.
    let running = follow(&streams, "retry = 0.001, max_retries = 2, method = 'POST'");
    drop(streams.next());
    drop(streams.next());
    // A connection that works begins the count anew, whatever it brings.
    drop(streams.answer(EVENTS));
    (0..3).for_each(|_| drop(streams.next()));
    let ended = running.join().unwrap();
    let waits: Vec<_> =
        ended.stderr.lines().filter_map(|line| line.split(" in 0.").nth(1)).collect();
    let waits: Vec<_> = waits.iter().map(|rest| rest.split(' ').next().unwrap()).collect();
    assert_eq!(waits, ["001", "002", "001", "002"], "{}", ended.stderr);
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    let said = ended.ok();
    assert!(said.starts_with("closed nil http.events failed: 127.0.0.1:"), "{said}");
    assert_eq!(streams.seen().len(), 6);
    let streams = Streams::new();
    let running = follow(&streams, "max_retries = 0, method = 'POST'");
    drop(streams.next());
    assert!(running.join().unwrap().ok().starts_with("closed nil "));
    assert_eq!(streams.seen().len(), 1);
}

#[test]
fn leaving_the_loop_closes_the_connection_at_once() {
    for leave in ["break", "error('mine')", "do return end", "goto out"] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local u = ...
            print(pcall(function()
              for ev in http.events(u) do {leave} end
              ::out::
            end))
            http.get(gate)"
        );
        let running = start(&streams, &gate, &script);
        let mut stream = streams.answer(CHUNKED_EVENTS);
        stream.send(chunk("data: 1\n\ndata: 2\n\n"));
        gate.wait_for(1);
        stream.await_close();
        gate.open();
        let said = running.join().unwrap().ok();
        assert_eq!(said.contains("mine"), leave.contains("mine"), "{said}");
        assert_eq!(streams.seen().len(), 1);
    }
}

#[test]
fn a_stream_nobody_holds_is_closed_when_it_is_collected() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = "local next_event = http.events(...)
        print(next_event().data)
        next_event = nil collectgarbage() collectgarbage() http.get(gate)";
    let running = start(&streams, &gate, script);
    let mut stream = streams.answer(EVENTS);
    stream.send("data: 1\n\n");
    gate.wait_for(1);
    stream.await_close();
    gate.open();
    assert_eq!(running.join().unwrap().ok(), "1\n");
}

#[test]
fn cancelling_ends_a_loop_wherever_it_waits() {
    for (answer, closes) in [
        ("", true),
        (EVENTS, true),
        ("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n", false),
    ] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let hold = if closes { HOLD } else { "" };
        let script = format!(
            "local u = ...
            local h = async.spawn(function()
              local ok, e = pcall(function() for ev in http.events(u, {{ retry = 1e6 }}) do end end)
              print(ok, e.kind, pcall(sleep, 0))
            end)
            http.get(gate)
            h:cancel()
            pcall(h.await, h)
            {hold}"
        );
        let running = start(&streams, &gate, &script);
        let stream = streams.answer(answer);
        gate.wait_for(1);
        gate.open();
        if closes {
            let held = streams.next();
            stream.await_close();
            drop(held);
        }
        let said = running.join().unwrap().ok();
        assert!(said.starts_with("false\tcancelled\tfalse\t"), "{said}");
    }
}

#[test]
fn a_timeout_around_the_loop_ends_it() {
    let streams = Streams::new();
    let gate = Gate::new();
    let script = "local u = ...
        local ok, e = pcall(async.timeout, 0.1, function() for ev in http.events(u) do print(ev.data) end end)
        print(e.kind) pcall(http.post, u .. 'hold')";
    let running = start(&streams, &gate, script);
    let stream = streams.answer(EVENTS);
    let held = streams.next();
    stream.await_close();
    drop(held);
    assert_eq!(running.join().unwrap().ok(), "timeout\n");
}

#[test]
fn loops_run_in_any_coroutine_and_side_by_side() {
    let streams = Streams::new();
    let gate = Gate::new();
    let script = "local u = ...
        local function events(path)
          return coroutine.wrap(function()
            for ev in http.events(u .. path) do coroutine.yield(ev.data) end
          end)
        end
        local lists = async.all {
          function() local l = {} for data in events('a') do l[#l + 1] = data if #l == 2 then break end end return l end,
          function() local l = {} for data in events('b') do l[#l + 1] = data if #l == 2 then break end end return l end,
        }
        print(lists[1][1], lists[1][2], lists[2][1], lists[2][2])";
    let running = start(&streams, &gate, script);
    // Both are connected before either gets anything.
    let mut both = [streams.answer(EVENTS), streams.answer(EVENTS)];
    for round in 1..=2 {
        for stream in &mut both {
            let name = if stream.request.line.contains("/a") { 'a' } else { 'b' };
            stream.send(format!("data: {name}{round}\n\n"));
        }
    }
    assert_eq!(running.join().unwrap().ok(), "a1\ta2\tb1\tb2\n");
}

/// Takes the first event, then lets another task wait for the next one.
const WAITING: &str = "local u = ...
    local next_event, _, _, closing = http.events(u)
    print(next_event().data)
    local h = async.spawn(function() return next_event() end)
    http.get(gate)";

#[test]
fn two_coroutines_cannot_wait_for_one_stream_and_closing_it_meanwhile_is_safe() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = format!(
        "{WAITING}
        print(select(2, pcall(next_event)))
        do local now <close> = closing end
        http.get(gate)
        print(h:await()[1].data)
        print(next_event())
        {HOLD}"
    );
    let running = start(&streams, &gate, &script);
    let mut stream = streams.answer(format!("{EVENTS}data: 1\n\n"));
    gate.wait_for(1);
    gate.open();
    gate.wait_for(2);
    stream.send("data: late\n\ndata: never\n\n");
    let held = streams.next();
    stream.await_close();
    drop(held);
    let said = running.join().unwrap().ok();
    let lines: Vec<_> = said.lines().collect();
    let text = "main.lua:7: http.events: another coroutine waits for the next event of this stream";
    assert!(lines[1].ends_with(text), "{said}");
    assert_eq!((lines[0], &lines[2..]), ("1", ["late", "nil"].as_slice()), "{said}");
}

#[test]
fn a_task_that_is_cancelled_while_it_waits_ends_the_stream() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = format!(
        "{WAITING}
        h:cancel()
        print(select(2, pcall(h.await, h)).kind)
        print(next_event())
        {HOLD}"
    );
    let running = start(&streams, &gate, &script);
    let stream = streams.answer(format!("{EVENTS}data: 1\n\n"));
    gate.wait_for(1);
    gate.open();
    let held = streams.next();
    stream.await_close();
    drop(held);
    assert_eq!(running.join().unwrap().ok(), "1\ncancelled\nnil\n");
}

#[test]
fn a_coroutine_that_is_closed_while_it_waits_closes_the_stream_after_the_wait() {
    for order in ["finish() coroutine.close(co)", "coroutine.close(co) finish()"] {
        let (streams, gate) = (Streams::new(), Gate::new());
        let script = format!(
            "local u = ...
            local next_event, _, _, closing = http.events(u)
            local function finish() local now <close> = closing end
            local co = coroutine.create(next_event)
            print(select(2, coroutine.resume(co)).data)
            co = coroutine.create(next_event)
            async.spawn(coroutine.resume, co)
            http.get(gate)
            print(coroutine.status(co))
            {order}
            print(coroutine.status(co), next_event())
            {HOLD}"
        );
        let running = start(&streams, &gate, &script);
        let stream = streams.answer(format!("{EVENTS}data: 1\n\n"));
        gate.wait_for(1);
        gate.open();
        let held = streams.next();
        stream.await_close();
        drop(held);
        assert_eq!(running.join().unwrap().ok(), "1\nnormal\ndead\tnil\n", "{order}");
    }
}

#[test]
fn a_client_follows_streams_with_its_defaults() {
    let streams = Streams::new();
    let script = "local client = http.client { base_url = ..., headers = { ['X-Token'] = 't' } }
        for ev in client:events('live', { retry = 0.001 }) do print(ev.data) end
        print(select(2, pcall(client.events)))";
    let run = run(&streams.url("/v1/"), &[streams.grant()], script);
    let running = thread::spawn(move || run.finish());
    for answer in [format!("{EVENTS}data: 1\n\n"), NO_CONTENT.to_owned()] {
        let stream = streams.answer(answer);
        assert_eq!(stream.request.line, "GET /v1/live HTTP/1.1");
        assert_eq!(stream.request.headers("x-token"), ["t"]);
    }
    let said = running.join().unwrap().ok();
    assert!(said.starts_with("1\n") && said.contains("call it as client:events(…)"), "{said}");
}

#[test]
fn wrong_arguments_are_refused_when_the_loop_begins() {
    let upstream = Upstream::text("x");
    for (arguments, text) in [
        ("", "argument #1 must be a URL string, got nil"),
        ("u, 'x'", "options must be a table, got string"),
        ("u, { retry = 0 }", "opts.retry must be a number of seconds > 0, got 0"),
        ("u, { retry = 0/0 }", "opts.retry must be a number of seconds > 0, got "),
        ("u, { timeout = -1 }", "opts.timeout must be a number of seconds > 0, got -1"),
        ("u, { max_retries = -1 }", "opts.max_retries must be a whole number >= 0, got -1"),
        ("u, { max_retries = 0.5 }", "opts.max_retries must be a whole number >= 0, got 0.5"),
        (
            "u, { last_event_id = 5 }",
            "opts.last_event_id must be a string of at most 4096 bytes without control characters, got number",
        ),
        (
            "u, { last_event_id = 'a\\n' }",
            "opts.last_event_id must be a string of at most 4096 bytes without control characters",
        ),
        (
            "u, { last_event_id = ('x'):rep(4097) }",
            "opts.last_event_id must be a string of at most 4096 bytes",
        ),
        ("u, { method = 1 }", "opts.method must be a method name, got number"),
        ("u, { headers = 1 }", "opts.headers must be a table, got number"),
        ("u, { body = 1 }", "the body must be a string, a table or nil, got number"),
        ("u, { query = 1 }", "opts.query must be a table, got number"),
    ] {
        let script = format!(
            "local u = ...\nlocal ok, e = pcall(function()\nlocal it = http.events({arguments})\nreturn it end) print(e)"
        );
        let said = run(&upstream.url("/"), &[upstream.grant()], &script).finish().ok();
        assert!(said.contains(&format!("main.lua:3: http.events: {text}")), "{arguments}: {said}");
    }
    let script =
        "local ok, e = pcall(function()\nfor _ in http.events('ftp://x/') do end end) print(e)";
    let said = run("", &[], script).finish().ok();
    assert!(said.contains("main.lua:2: http.events: the URL cannot be used"), "{said}");
    let script = "http.events(..., { on_event = print, on_chunk = print, retries = 1 })";
    let ended = run(&upstream.url("/"), &[], script).finish();
    assert_eq!(ended.stderr.matches("http.events: unknown option ").count(), 3, "{}", ended.stderr);
    assert!(upstream.seen().is_empty());
}
