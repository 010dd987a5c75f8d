//! Requests whose body a handler reads as it arrives: routes with `stream_body`.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use tests::client::Raw;
use tests::run::{Run, Serving};

/// A server whose `POST /` reads the body itself; `POST /whole` gets it whole.
fn reading(flags: &[&str], before: &str, handler: &str) -> Serving {
    let routes = format!(
        "{{
          POST = {{
            ['/'] = {{ stream_body = true, handler = {handler} }},
            ['/whole'] = function(req) return #req.body .. ' ' .. tostring(req.read) end,
          }},
          GET = {{ ['/alive'] = function() return 'alive' end }},
        }}"
    );
    Serving::routes(flags, before, &routes)
}

/// Sends the head of a request to `path` and as much of its body as `body`.
fn post(client: &mut Raw, path: &str, length: usize, body: &[u8]) {
    client.send(format!("POST {path} HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\n"));
    client.send(body);
}

#[test]
fn a_body_is_read_as_it_arrives() {
    let mut serving = reading(
        &[],
        "",
        "function(req)
            print(req.body, req:read(3), req:read(100))
            local rest = {}
            for chunk in req:chunks() do rest[#rest + 1] = chunk end
            return table.concat(rest) .. tostring(req:read())
          end",
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 10, b"abcde");
    assert_eq!(serving.next_line(), "nil\tabc\tde");
    client.send("fghij");
    assert_eq!(client.response().text(), "fghijnil");
    // Without a body there is nothing to read.
    let mut other = Raw::connect(serving.port);
    post(&mut other, "/", 0, b"");
    assert_eq!(other.response().text(), "nil");
}

#[test]
fn chunked_bodies_and_expectations_are_read_too() {
    let serving = reading(
        &[],
        "",
        "function(req) local n = 0 for c in req:chunks() do n = n + #c end return tostring(n) end",
    );
    let mut client = Raw::connect(serving.port);
    client.send(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.head().status, 100);
    client.send("5\r\nabcde\r\n3\r\nfgh\r\n0\r\n\r\n");
    assert_eq!(client.response().text(), "8");
    assert_eq!(client.get("/alive").text(), "alive");
}

#[test]
fn only_routes_that_ask_for_it_read_the_body_themselves() {
    let serving = reading(
        &["--max-body=1000"],
        "",
        "function(req) local n = 0 for c in req:chunks() do n = n + #c end return tostring(n) end",
    );
    let large = vec![b'x'; 300_000];
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", large.len(), &large);
    assert_eq!(client.response().text(), "300000");
    post(&mut client, "/whole", 1000, &large[..1000]);
    assert_eq!(client.response().text(), "1000 nil");
    post(&mut client, "/whole", 1001, &large[..1001]);
    assert_eq!(client.response().status, 413);
    let mut client = Raw::connect(serving.port);
    client.send("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n");
    client.send(&large[..1001]);
    client.send("\r\n0\r\n\r\n");
    assert_eq!(client.response().status, 413);
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
}

#[test]
fn a_body_that_stops_coming_times_out() {
    let mut serving = reading(
        &["--body-timeout=100ms"],
        "",
        "function(req)
            local ok, e = pcall(function() for chunk in req:chunks() do end end)
            print(e.kind, e)
            return { status = 408, body = 'too slow' }
          end",
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 10, b"abc");
    assert_eq!(client.response().status, 408);
    let line = serving.next_line();
    assert!(
        line.starts_with("timeout\treq:read: ") && line.ends_with("(--body-timeout)"),
        "{line}"
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/whole", 10, b"abc");
    assert_eq!(client.response().status, 408);
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_cancels_the_handler() {
    let mut serving = reading(
        &[],
        "",
        "function(req)
            print(req:read())
            local ok, e = pcall(req.read, req)
            print(e.kind == 'closed' or e.kind == 'cancelled')
          end",
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 10, b"abc");
    assert_eq!(serving.next_line(), "abc");
    drop(client);
    assert_eq!(serving.next_line(), "true");
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
}

#[test]
fn a_response_before_the_end_of_the_body_closes_the_connection() {
    let serving = reading(&[], "", "function(req) return 'early' end");
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 1_000_000, &[b'x'; 10]);
    assert_eq!(client.response().text(), "early");
    client.expect_closed();
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
}

#[test]
fn wrong_amounts_and_routes_are_refused() {
    let serving = reading(
        &[],
        "",
        "function(req)
            local texts = {}
            for _, most in ipairs{ 0, -1, 1.5, 'x', '5', {} } do
              local ok, e = pcall(req.read, req, most)
              texts[#texts + 1] = tostring(ok) .. tostring(e):match('whole number of bytes > 0')
            end
            return table.concat(texts, ' ')
          end",
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 1, b"x");
    let expected = ["falsewhole number of bytes > 0"; 6].join(" ");
    assert_eq!(client.response().text(), expected);

    for (route, why) in [
        ("{}", "the handler of GET / must be a function, got nil"),
        ("{ handler = 5 }", "the handler of GET / must be a function, got number"),
        ("5", "the handler of GET / must be a function, got number"),
    ] {
        let code = format!("http.serve(0, {{ GET = {{ ['/'] = {route} }} }})");
        let text = Run::eval(&["--allow-listen=0"], &code).finish().fails_with(1);
        assert!(text.contains(why), "{text}");
    }
}

#[test]
fn a_gigabyte_passes_through_a_handler_of_little_memory_both_ways() {
    const SIZE: usize = 1024 * 1024 * 1024;
    let serving = reading(
        &["--max-memory=32MiB"],
        "",
        "function(req)
            return { stream = function(write) for chunk in req:chunks() do write(chunk) end end }
          end",
    );
    let mut client = Raw::connect(serving.port);
    let mut sender = client.stream().try_clone().expect("a second handle");
    let sending = std::thread::spawn(move || {
        use std::io::Write;
        let piece = vec![b'x'; 1024 * 1024];
        let head = format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {SIZE}\r\n\r\n");
        sender.write_all(head.as_bytes()).expect("the server takes it");
        for _ in 0..SIZE / piece.len() {
            sender.write_all(&piece).expect("the server takes it");
        }
    });
    client.head();
    let mut received = 0;
    let mut most = 0;
    loop {
        let chunk = client.chunk().expect("a whole chunk");
        if chunk.is_empty() {
            break;
        }
        received += chunk.len();
        most = most.max(serving.resident_kib());
    }
    sending.join().expect("all was sent");
    assert_eq!(received, SIZE);
    assert!(most < 96 * 1024, "{most} KiB");
}

#[test]
fn a_read_that_is_cancelled_loses_nothing() {
    let mut serving = reading(
        &[],
        "",
        "function(req)
            local ok, e = pcall(async.timeout, 0.01, function() return req:read() end)
            print(e.kind)
            return req:read() .. tostring(req:read())
          end",
    );
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 4, b"");
    assert_eq!(serving.next_line(), "timeout");
    client.send("body");
    assert_eq!(client.response().text(), "bodynil");
}

#[test]
fn a_body_that_was_read_can_not_be_read_after_its_request() {
    let routes = "{
      GET = {
        ['/gc'] = function() collectgarbage() collectgarbage() return type(kept) end,
        ['/use'] = function() return tostring(select(2, pcall(kept.read, kept))) end,
        ['/alive'] = function() return 'alive' end,
      },
      POST = { ['/'] = { stream_body = true, handler = function(req) old.req = req old = nil return 'ok' end } },
    }";
    // Older than the request's body, so finalized after it.
    let before = "old = setmetatable({}, { __gc = function(self) kept = self.req end })";
    let serving = Serving::routes(&[], before, routes);
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 5, b"hello");
    assert_eq!(client.response().text(), "ok");
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/gc").text(), "table");
    assert!(client.get("/use").text().ends_with("req:read: the body is closed"));
    assert_eq!(client.get("/alive").text(), "alive");
}

#[test]
fn a_request_whose_client_is_gone_is_not_handled_with_half_a_body() {
    let routes = "{
      POST = {
        ['/'] = { stream_body = true, handler = function(req) return '' end },
        ['/whole'] = function(req) if #req.body ~= 5 then print('a body of ' .. #req.body) end return '' end,
      },
      GET = { ['/alive'] = function() return 'alive' end },
    }";
    let serving = Serving::routes(&[], "", routes);
    for _ in 0..200 {
        let mut client = Raw::connect(serving.port);
        post(&mut client, "/whole", 5, b"hello");
    }
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
    serving.signal("TERM");
    assert_eq!(serving.finish().ok(), "after serve\n");
}

#[test]
fn bodies_that_come_slowly_take_no_place_of_the_requests_in_flight() {
    let serving = reading(&["--max-in-flight=2", "--body-timeout=none"], "", "function() end");
    let mut slow = [Raw::connect(serving.port), Raw::connect(serving.port)];
    for client in &mut slow {
        post(client, "/whole", 3, b"a");
    }
    // Until the script has taken the two, there is no room to wait either.
    while Raw::connect(serving.port).get("/alive").status == 503 {}
    for _ in 0..20 {
        assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
    }
    for client in &mut slow {
        client.send("bc");
        assert_eq!(client.response().text(), "3 nil");
    }
}

#[test]
fn a_client_that_leaves_is_noticed_although_nothing_is_read_from_it() {
    let function = "function()
        local closing <close> = setmetatable({}, { __close = function() print('ended') end })
        sleep(3600)
      end";
    let routes = format!(
        "{{
          POST = {{
            ['/handler'] = {{ stream_body = true, handler = {function} }},
            ['/stream'] = {{ stream_body = true, handler = function() return {{ stream = {function} }} end }},
          }},
          GET = {{ ['/'] = function() return {{ stream = {function} }} end }},
        }}"
    );
    let mut serving = Serving::routes(&["--max-handler-time=none"], "", &routes);
    for path in ["/handler", "/stream"] {
        let mut client = Raw::connect(serving.port);
        post(&mut client, path, 300_000, &[b'x'; 100_000]);
    }
    let mut client = Raw::connect(serving.port);
    client.send("GET / HTTP/1.1\r\nHost: h\r\n\r\nand more");
    client.head();
    drop(client);
    for _ in 0..3 {
        assert_eq!(serving.next_line(), "ended");
    }
}

#[test]
fn losing_the_client_of_a_body_is_no_failure_of_its_handler() {
    let mut serving =
        reading(&[], "", "function(req) print(req:read()) for chunk in req:chunks() do end end");
    let mut client = Raw::connect(serving.port);
    post(&mut client, "/", 10, b"abc");
    assert_eq!(serving.next_line(), "abc");
    drop(client);
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
    serving.signal("TERM");
    let finished = serving.finish();
    assert!(!finished.stderr.contains("request failed"), "{}", finished.stderr);
}
