//! Server-sent events, the server's side: `return { sse = function(send) … end }`.

use std::io::Write;
use std::net::Shutdown;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::Serving;
use tests::upstream::Upstream;

/// A server whose `GET /` answers with this event function.
fn serve(flags: &[&str], before: &str, function: &str) -> Serving {
    serve_more(flags, before, function, "")
}

fn serve_more(flags: &[&str], before: &str, function: &str, routes: &str) -> Serving {
    let routes = format!(
        "{{ GET = {{
            ['/'] = function(req) return {{ sse = {function} }} end,
            ['/alive'] = function() return 'alive' end,
            {routes}
        }} }}"
    );
    Serving::routes(flags, before, &routes)
}

/// A client that has asked for `/` and read the head of the answer.
fn listen(serving: &Serving) -> Raw {
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(client.head().status, 200);
    client
}

/// What a client receives of an event function that runs to its end.
fn events(function: &str) -> String {
    let serving = serve(&[], "", function);
    let mut client = Raw::connect(serving.port);
    client.get("/").text()
}

fn sent(event: &str) -> String {
    events(&format!("function(send) send({event}) end"))
}

#[test]
fn an_event_has_its_fields_in_order_and_the_stream_ends_with_the_function() {
    let serving = serve(
        &[],
        "",
        "function(send) send{ event = 'update', data = 'hello', id = '1', retry = 1500 } send{ data = 'b' } end",
    );
    let mut client = Raw::connect(serving.port);
    let response = client.get("/");
    assert_eq!(response.text(), "event: update\ndata: hello\nid: 1\nretry: 1500\n\ndata: b\n\n");
    assert_eq!(response.headers("content-type"), ["text/event-stream"]);
    assert_eq!(response.headers("cache-control"), ["no-cache"]);
    // The stream was complete, so the connection can be used again.
    assert_eq!(client.get("/alive").text(), "alive");
}

#[test]
fn what_an_event_may_be() {
    for (event, text) in [
        ("'just text'", "data: just text\n\n"),
        ("''", "data: \n\n"),
        ("{ data = { b = { 1, 2 } } }", "data: {\"b\":[1,2]}\n\n"),
        ("{ data = 7 }", "data: 7\n\n"),
        ("{ data = true }", "data: true\n\n"),
        ("{ comment = 'note' }", ": note\n"),
        ("{ comment = 'two\\nlines', data = 'x' }", ": two\n: lines\ndata: x\n\n"),
        ("{ id = 12 }", "id: 12\n\n"),
        ("{ id = '' }", "id: \n\n"),
        ("{ retry = 0 }", "retry: 0\n\n"),
        ("{ data = '\\u{e4}\\u{1F600}' }", "data: \u{e4}\u{1F600}\n\n"),
    ] {
        assert_eq!(sent(event), text, "{event}");
    }
}

#[test]
fn no_line_end_of_the_data_forges_a_field() {
    for (data, text) in [
        ("a\\nevent: admin", "data: a\ndata: event: admin\n\n"),
        ("a\\revent: admin", "data: a\ndata: event: admin\n\n"),
        ("a\\r\\nid: 9", "data: a\ndata: id: 9\n\n"),
        ("a\\n\\nb", "data: a\ndata: \ndata: b\n\n"),
        ("a\\n", "data: a\ndata: \n\n"),
        ("\\n\\r", "data: \ndata: \ndata: \n\n"),
    ] {
        assert_eq!(sent(&format!("{{ data = '{data}' }}")), text, "{data}");
    }
    assert_eq!(sent("{ comment = 'a\\rdata: forged' }"), ": a\n: data: forged\n");
}

#[test]
fn what_cannot_be_an_event_raises_and_says_why() {
    let serving = serve(
        &[],
        "",
        "function(send)
            for _, event in ipairs{
              { event = 'a\\nb' }, { event = 'a\\rb' }, { id = 'a\\0b' }, { id = 'a\\nb' }, { event = {} },
              { id = true }, { retry = -1 }, { retry = 1.5 }, { retry = 'soon' }, { data = print },
              { comment = 5 }, {}, 5, false,
            } do
              local ok, message = pcall(send, event)
              send('' .. tostring(ok) .. ' ' .. tostring(message))
            end
          end",
    );
    let text = Raw::connect(serving.port).get("/").text();
    let lines: Vec<_> = text.split("\n\n").filter(|line| !line.is_empty()).collect();
    let expected = [
        "SSE event name must not contain newlines or NUL",
        "SSE event name must not contain newlines or NUL",
        "SSE id must not contain newlines or NUL",
        "SSE id must not contain newlines or NUL",
        "event must be a string, got table",
        "id must be a string, got boolean",
        "retry must be a whole number of milliseconds >= 0, got -1",
        "retry must be a whole number of milliseconds >= 0, got 1.5",
        "retry must be a whole number of milliseconds >= 0, got soon",
        "data must be a string or a value for JSON, got function",
        "comment must be a string, got number",
        "the event has none of event, data, id, retry and comment",
        "an event must be a table or a string, got number",
        "an event must be a table or a string, got boolean",
    ];
    assert_eq!(lines.len(), expected.len(), "{text}");
    for (line, expected) in lines.iter().zip(expected) {
        assert!(line.starts_with("data: false ") && line.ends_with(expected), "{line}: {expected}");
    }
}

#[test]
fn status_and_headers_are_the_handlers() {
    let serving = Serving::routes(
        &[],
        "",
        "{ GET = {
            ['/own'] = function()
              return { status = 201, sse = function(send) send('x') end,
                headers = { ['content-TYPE'] = 'text/plain', ['X-A'] = { '1', '2' } } }
            end,
            ['/framing'] = function()
              return { sse = function() end, headers = { ['Content-Length'] = '5' } }
            end,
            ['/empty'] = function() return { status = 204, sse = function() error('ran') end } end,
            ['/wrong'] = function() return { sse = 'no function' } end,
        } }",
    );
    let mut client = Raw::connect(serving.port);
    let response = client.get("/own");
    assert_eq!((response.status, response.text().as_str()), (201, "data: x\n\n"));
    assert_eq!(response.headers("content-type"), ["text/plain"]);
    assert_eq!(response.headers("cache-control"), ["no-cache"]);
    assert_eq!(response.headers("x-a"), ["1", "2"]);
    for path in ["/framing", "/wrong"] {
        assert_eq!(client.get(path).status, 500, "{path}");
    }
    // What has no content is complete without its function.
    assert_eq!(client.get("/empty").status, 204);
    assert_eq!(client.get("/own").status, 201);
}

#[test]
fn head_gets_the_head_and_the_function_does_not_run() {
    let serving = serve(&[], "", "function(send) print('ran') send('x') end");
    let mut client = Raw::connect(serving.port);
    client.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
    let response = client.head_response();
    assert_eq!(response.headers("content-type"), ["text/event-stream"]);
    assert_eq!(client.get("/alive").text(), "alive");
    serving.signal("TERM");
    assert_eq!(serving.finish().ok(), "after serve\n");
}

#[test]
fn each_event_arrives_when_it_is_sent() {
    let gate = Gate::new();
    let serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(send) send('first') http.get(gate) send('second') end",
    );
    let mut client = listen(&serving);
    assert_eq!(client.chunk_text(), "data: first\n\n");
    gate.open();
    assert_eq!(client.chunk_text(), "data: second\n\n");
    assert_eq!(client.chunk_text(), "");
}

#[test]
fn a_function_that_fails_breaks_the_stream_after_what_was_sent_and_is_logged() {
    let mut serving = serve(&[], "", "function(send) send('one') error('boom') end");
    let mut client = listen(&serving);
    assert_eq!(client.rest_of_chunks(), (b"data: one\n\n".to_vec(), false));
    let line = serving.stderr_line("request failed");
    assert!(line.contains("GET /") && line.contains("boom"), "{line}");
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
}

#[test]
fn a_slow_client_holds_its_own_function_and_nobody_else() {
    // Far more than sockets buffer: the function cannot get to its end while nobody reads.
    let serving = serve_more(
        &["--write-timeout=none"],
        "local text, count = ('x'):rep(60000), 0",
        "function(send) for i = 1, 2000 do send(text) count = i end print('all sent') end",
        "['/count'] = function() return tostring(count) end,",
    );
    let mut slow = listen(&serving);
    let mut other = Raw::connect(serving.port);
    for _ in 0..200 {
        assert_eq!(other.get("/alive").text(), "alive");
    }
    assert!(other.get("/count").text().parse::<u32>().unwrap_or(2000) < 2000);
    assert!(serving.resident_kib() < 200 * 1024, "{} KiB", serving.resident_kib());
    let (body, ended) = slow.rest_of_chunks();
    assert_eq!((body.len(), ended), (2000 * 60_008, true));
}

#[test]
fn a_client_that_goes_away_ends_a_send_that_waits() {
    let mut serving = serve(
        &["--write-timeout=none"],
        "",
        "function(send)
            local text = ('x'):rep(60000)
            local ok, e = pcall(function() while true do send(text) end end)
            print(tostring(e), e.kind, pcall(send, 'again'))
          end",
    );
    let mut client = listen(&serving);
    client.chunk().ok();
    drop(client);
    assert_eq!(serving.next_line(), "SSE stream closed\tclosed\tfalse\tSSE stream closed");
}

#[test]
fn a_client_that_goes_away_in_silence_is_noticed_and_the_function_cancelled_a_while_later() {
    let gate = Gate::new();
    let mut serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(send)
            local closing <close> = setmetatable({}, { __close = function() print('closed') end })
            local ok, e = pcall(http.get, gate)
            print(ok, e.kind)
            error(e)
          end",
    );
    let client = listen(&serving);
    gate.wait_for(1);
    client.stream().shutdown(Shutdown::Both).ok();
    drop(client);
    assert_eq!(serving.next_line(), "false\tcancelled");
    assert_eq!(serving.next_line(), "closed");
    serving.signal("TERM");
    // It was cancelled, which is no failure.
    let finished = serving.finish();
    assert!(!finished.stderr.contains("request failed"), "{}", finished.stderr);
}

#[test]
fn losing_somebody_else_is_a_failure_of_the_function() {
    let upstream = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
        false
    });
    let mut serving = serve(
        &[&upstream.grant()],
        &format!("local upstream = '{}'", upstream.url("/")),
        "function(send)
            send('x')
            local ok, e = pcall(http.get, upstream)
            assert(e.kind == 'closed')
            error(e)
          end",
    );
    let mut client = listen(&serving);
    assert_eq!(client.rest_of_chunks(), (b"data: x\n\n".to_vec(), false));
    serving.stderr_line("request failed");
}

#[test]
fn losing_the_client_is_no_failure_of_the_function() {
    let mut serving = serve_more(
        &["--write-timeout=none"],
        "",
        "function(send) while true do send(('x'):rep(60000)) end end",
        "['/fail'] = function() error('marker') end,",
    );
    let mut client = listen(&serving);
    client.chunk().ok();
    drop(client);
    assert_eq!(Raw::connect(serving.port).get("/fail").status, 500);
    serving.stderr_line("marker");
    serving.signal("TERM");
    let finished = serving.finish();
    assert_eq!(finished.stderr.matches("request failed").count(), 1, "{}", finished.stderr);
}

#[test]
fn silence_is_filled_with_comments() {
    let gate = Gate::new();
    let serving = serve(
        &[&gate.grant(), "--sse-keep-alive=20ms"],
        &gate.lua(),
        "function(send) http.get(gate) send('x') end",
    );
    let mut client = listen(&serving);
    for _ in 0..3 {
        assert_eq!(client.chunk_text(), ":\n");
    }
    gate.open();
    let (rest, ended) = client.rest_of_chunks();
    assert!(rest.ends_with(b"data: x\n\n") && ended);
}

#[test]
fn a_client_that_takes_nothing_is_cut_off_in_time() {
    let mut serving = serve(
        &["--write-timeout=300ms"],
        "",
        "function(send)
            local ok, e = pcall(function() while true do send(('x'):rep(60000)) end end)
            print(e.kind)
          end",
    );
    let _client = listen(&serving);
    assert_eq!(serving.next_line(), "closed");
}

#[test]
fn an_open_stream_counts_neither_as_in_flight_nor_as_a_slow_handler() {
    let gate = Gate::new();
    let serving = serve(
        &[&gate.grant(), "--max-in-flight=1", "--max-handler-time=50ms", "--idle-timeout=50ms"],
        &gate.lua(),
        "function(send) sleep(0.2) send('late') http.get(gate) end",
    );
    let mut client = listen(&serving);
    gate.wait_for(0);
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
    assert_eq!(client.chunk_text(), "data: late\n\n");
    gate.open();
    assert_eq!(client.chunk_text(), "");
}

#[test]
fn an_event_is_as_large_as_one_write_may_be_and_no_larger() {
    // `data: `, the line end and the empty line are eight bytes of it.
    let serving = serve(
        &[],
        "",
        "function(send)
            send(('x'):rep(1024 * 1024 - 8))
            local ok, e = pcall(send, ('x'):rep(1024 * 1024 - 7))
            send(tostring(e.kind))
          end",
    );
    let text = Raw::connect(serving.port).get("/").text();
    assert!(text.ends_with("\n\ndata: too_large\n\n"));
    assert_eq!(text.len(), 1024 * 1024 + "data: too_large\n\n".len());
}

#[test]
fn a_stream_that_has_ended_takes_nothing_more() {
    let mut serving = serve_more(
        &[],
        "local late",
        "function(send) late = send send('x') end",
        "['/late'] = function()
            local ok, e = pcall(late, 'y')
            return e.kind .. ': ' .. tostring(e)
         end,",
    );
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/").text(), "data: x\n\n");
    assert_eq!(client.get("/late").text(), "closed: SSE stream closed");
    serving.signal("TERM");
    assert_eq!(serving.next_line(), "after serve");
}

#[test]
fn several_coroutines_may_send_whole_events() {
    let text = events(
        "function(send)
            local handles = {}
            for i = 1, 20 do
              handles[i] = async.spawn(function()
                for _ = 1, 20 do send((tostring(i % 10)):rep(5000)) end
              end)
            end
            for _, handle in ipairs(handles) do handle:await() end
            send('end')
          end",
    );
    let events: Vec<_> = text.split("\n\n").filter(|event| !event.is_empty()).collect();
    assert_eq!((events.len(), events.last().copied()), (401, Some("data: end")));
    for event in events.iter().take(400) {
        let data = event.strip_prefix("data: ").unwrap_or_default();
        assert_eq!(data.len(), 5000);
        assert!(data.bytes().all(|byte| Some(byte) == data.bytes().next()));
    }
}

#[test]
fn a_server_that_stops_ends_its_event_streams() {
    let gate = Gate::new();
    let serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(send)
            local closing <close> = setmetatable({}, { __close = function() print('closed') end })
            send('x')
            http.get(gate)
          end",
    );
    let mut client = listen(&serving);
    assert_eq!(client.chunk_text(), "data: x\n\n");
    gate.wait_for(1);
    serving.signal("TERM");
    assert_eq!(client.chunk_text(), "");
    client.expect_closed();
    let finished = serving.finish();
    assert_eq!(finished.code, 0);
    assert!(finished.stdout.contains("closed\n") && finished.stdout.contains("after serve\n"));
}

#[test]
fn an_instance_that_is_stopped_breaks_its_streams() {
    let serving = serve_more(
        &["--max-cpu=200ms"],
        "",
        "function(send) send('x') sleep(3600) end",
        "['/spin'] = function() while true do end end,",
    );
    let mut client = listen(&serving);
    assert_eq!(client.chunk_text(), "data: x\n\n");
    assert_eq!(Raw::connect(serving.port).get("/spin").status, 503);
    assert_eq!(client.rest_of_chunks(), (Vec::new(), false));
}
