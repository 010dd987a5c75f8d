//! WebSockets, the server's side: `return { ws = function(conn) … end }`. What a client that breaks the
//! protocol gets is in `websocket_server_abnormal.rs`.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::Write;
use std::net::Shutdown;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::Serving;
use tests::websocket::{CLOSE, Frame, PING, PONG, WebSocket, handshake, request};

/// A server whose `GET /` answers with this function, and `more` fields.
fn serve(flags: &[&str], before: &str, function: &str, more: &str) -> Serving {
    let routes = format!(
        "{{ GET = {{
            ['/'] = function(req) return {{ ws = {function}, {more} }} end,
            ['/alive'] = function() return 'alive' end,
            ['/spin'] = function() while true do end end,
        }} }}"
    );
    Serving::routes(flags, before, &routes)
}

const ECHO: &str = "function(conn)
    for message, kind in conn:messages() do conn:write(message, { binary = kind == 'binary' }) end
  end";

fn handshake_lines(more: &[&str]) -> String {
    let own = handshake();
    let lines: Vec<&str> = own.iter().map(String::as_str).chain(more.iter().copied()).collect();
    request("/", &lines)
}

/// The status a handshake is answered with that is not accepted.
fn refused(serving: &Serving, more: &[&str]) -> u16 {
    let mut client = Raw::connect(serving.port);
    client.send(handshake_lines(more));
    client.response().status
}

#[test]
fn messages_come_back_as_they_went() {
    let serving = serve(&[], "", ECHO, "");
    let mut socket = WebSocket::open(serving.port, "/");
    socket.assert_echoes("");
    socket.assert_echoes("gr\u{fc}\u{df}e");
    socket.assert_echoes(&"x".repeat(200_000));
    socket.send(&Frame::new(2, [0, 255, 254]));
    let answer = socket.message();
    assert_eq!((answer.opcode, answer.payload.as_slice()), (2, &[0, 255, 254][..]));
    socket.send(&Frame::close(1000, "done"));
    let close = socket.frame();
    assert_eq!(close.map(|frame| (frame.opcode, frame.code())), Some((CLOSE, 1000)));
}

#[test]
fn the_function_knows_its_peer_and_what_was_agreed_on() {
    let serving = serve(
        &[],
        "",
        "function(conn) conn:write(conn.peer_addr) conn:write(tostring(conn.protocol)) end",
        "protocols = { 'chat', 'log' }, headers = { ['X-A'] = { '1', '2' } }",
    );
    let (mut socket, response) =
        WebSocket::open_with(serving.port, "/", &["Sec-WebSocket-Protocol: other, log, chat"]);
    assert_eq!(response.headers("sec-websocket-protocol"), ["chat"]);
    assert_eq!(response.headers("x-a"), ["1", "2"]);
    let address = socket.raw().stream().local_addr().map(|address| address.to_string());
    assert_eq!(Ok(socket.message().text().to_owned()), address.map_err(|_| ()));
    assert_eq!(socket.message().text(), "chat");

    let (mut socket, response) = WebSocket::open_with(serving.port, "/", &[]);
    assert_eq!(response.headers("sec-websocket-protocol"), [""; 0]);
    socket.message();
    assert_eq!(socket.message().text(), "nil");
}

#[test]
fn only_listed_origins_may_connect() {
    let serving = serve(&[], "", ECHO, "origins = { 'https://a.test', 'https://b.test' }");
    for lines in [&["Origin: https://b.test"][..], &["Origin: HTTPS://A.test"], &[]] {
        WebSocket::open_with(serving.port, "/", lines).0.assert_echoes("in");
    }
    for origin in ["https://c.test", "https://a.test.evil.test", "null", "http://a.test"] {
        assert_eq!(refused(&serving, &[&format!("Origin: {origin}")]), 403, "{origin}");
    }
}

#[test]
fn what_a_handler_may_not_answer_with_is_a_500() {
    for more in [
        "headers = { ['Sec-WebSocket-Accept'] = 'x' }",
        "headers = { Upgrade = 'x' }",
        "headers = { ['X'] = 'a\\r\\nb' }",
        "protocols = 'chat'",
        "protocols = { 5 }",
        "protocols = { '' }",
        "origins = { 'a\\0b' }",
    ] {
        let mut serving = serve(&[], "", ECHO, more);
        assert_eq!(refused(&serving, &[]), 500, "{more}");
        serving.stderr_line("request failed");
    }
    assert_eq!(refused(&serve(&[], "", "'no function'", ""), &[]), 500);
}

#[test]
fn the_connection_closes_with_its_function() {
    let serving = serve(&[], "", "function(conn) conn:write('bye') end", "");
    let mut socket = WebSocket::open(serving.port, "/");
    assert_eq!(socket.message().text(), "bye");
    assert_eq!(socket.expect_close(1000), "");
}

#[test]
fn a_function_that_fails_closes_with_1011_and_is_logged() {
    let mut serving = serve(&[], "", "function(conn) conn:write('x') error('boom') end", "");
    let mut socket = WebSocket::open(serving.port, "/");
    assert_eq!(socket.message().text(), "x");
    assert_eq!(socket.expect_close(1011), "");
    let line = serving.stderr_line("request failed");
    assert!(line.contains("GET /") && line.contains("boom"), "{line}");
}

#[test]
fn the_script_may_close_with_a_code_and_a_reason() {
    let mut serving = serve(
        &[],
        "",
        "function(conn)
            conn:close(4001, 'gr\u{fc}nde')
            print(conn:is_closed(), pcall(conn.write, conn, 'late'))
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    assert_eq!(socket.expect_close(4001), "gr\u{fc}nde");
    let line = serving.next_line();
    assert!(line.starts_with("true\tfalse\tconn:write: "), "{line}");
}

#[test]
fn pings_and_closes_are_answered_while_the_script_does_not_read() {
    let gate = Gate::new();
    let mut serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(conn)
            http.get(gate)
            print(conn:read())
            print(conn:read(), conn.close_code, conn.close_reason)
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    gate.wait_for(1);
    socket.send(&Frame::new(PING, "p"));
    let pong = socket.frame().expect("an answer");
    assert_eq!((pong.opcode, pong.text()), (PONG, "p"));
    socket.send(&Frame::text("before the end"));
    socket.send(&Frame::close(3000, "enough"));
    assert_eq!(socket.frame().map(|frame| frame.code()), Some(3000));
    gate.open();
    assert_eq!(serving.next_line(), "before the end\ttext");
    assert_eq!(serving.next_line(), "nil\t3000\tenough");
}

#[test]
fn a_lost_connection_is_nil_and_1006() {
    let mut serving = serve(
        &[],
        "",
        "function(conn) print(conn:read(), conn.close_code, conn:is_closed()) end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    socket.raw().stream().shutdown(Shutdown::Both).ok();
    assert_eq!(serving.next_line(), "nil\t1006\ttrue");
}

#[test]
fn a_function_that_waits_elsewhere_is_cancelled_a_while_after_its_client_is_gone() {
    let gate = Gate::new();
    let mut serving = serve(
        &[&gate.grant()],
        &gate.lua(),
        "function(conn)
            local ok, e = pcall(http.get, gate)
            print(ok, e.kind)
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    gate.wait_for(1);
    socket.raw().stream().shutdown(Shutdown::Both).ok();
    assert_eq!(serving.next_line(), "false\tcancelled");
}

#[test]
fn a_function_may_go_on_after_it_has_closed() {
    // Longer than a function has after the loss of its client.
    let mut serving = serve(
        &[],
        "",
        "function(conn) conn:close() print('closed') sleep(6) print('done') end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    socket.expect_close(1000);
    assert_eq!(serving.next_line(), "closed");
    assert_eq!(serving.next_line(), "done");
}

#[test]
fn one_coroutine_reads_while_others_write() {
    let serving = serve(
        &[],
        "",
        "function(conn)
            for i = 1, 3 do async.spawn(function() for j = 1, 50 do conn:write(i .. ':' .. j) end end) end
            local ok, e = pcall(function()
              local other = async.spawn(function() return conn:read() end)
              sleep(0)
              conn:read()
            end)
            conn:write('read: ' .. tostring(e))
            sleep(3600)
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    let mut next = [1; 3];
    let mut refusal = String::new();
    for _ in 0..151 {
        let message = socket.message();
        match message.text().split_once(':') {
            Some(("read", why)) => refusal = why.to_owned(),
            Some((writer, number)) => {
                let writer: usize = writer.parse().unwrap_or(0);
                let expected = next.get_mut(writer.wrapping_sub(1)).expect("a writer");
                assert_eq!(number.parse(), Ok(*expected));
                *expected += 1;
            }
            None => panic!("{message:?}"),
        }
    }
    assert!(refusal.contains("another coroutine is reading"), "{refusal}");
}

#[test]
fn no_more_are_open_than_allowed() {
    let serving = serve(&["--max-websockets=2"], "", ECHO, "");
    let mut first = WebSocket::open(serving.port, "/");
    let mut second = WebSocket::open(serving.port, "/");
    second.assert_echoes("both are open");
    let mut third = Raw::connect(serving.port);
    third.send(handshake_lines(&[]));
    let response = third.response();
    assert_eq!((response.status, response.headers("retry-after")), (503, vec!["1"]));
    first.send(&Frame::close(1000, ""));
    assert_eq!(first.frame().map(|frame| frame.code()), Some(1000));
    first.raw().expect_closed();
    // The place is free once the server is through with the connection, which is a moment later.
    while refused(&serving, &[]) != 101 {}
}

#[test]
fn an_open_socket_counts_neither_as_in_flight_nor_as_a_slow_handler_nor_as_idle() {
    let serving = serve(
        &[
            "--max-in-flight=1",
            "--max-handler-time=50ms",
            "--idle-timeout=50ms",
            "--header-timeout=50ms",
        ],
        "",
        "function(conn) sleep(0.3) conn:write('late') conn:read() end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    assert_eq!(Raw::connect(serving.port).get("/alive").text(), "alive");
    assert_eq!(socket.message().text(), "late");
}

#[test]
fn silence_beyond_the_idle_timeout_closes_with_1001() {
    let mut serving = serve(
        &["--ws-idle-timeout=100ms"],
        "",
        "function(conn) print(conn:read(), conn.close_code) end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    socket.expect_close(1001);
    assert_eq!(serving.next_line(), "nil\t1001");
}

#[test]
fn a_server_that_stops_says_so_to_its_sockets() {
    let serving = serve(&[], "", "function(conn) print(conn:read(), conn.close_code) end", "");
    let mut socket = WebSocket::open(serving.port, "/");
    socket.send(&Frame::new(PING, ""));
    assert_eq!(socket.frame().map(|frame| frame.opcode), Some(PONG));
    serving.signal("TERM");
    socket.expect_close(1001);
    let finished = serving.finish();
    assert_eq!(finished.code, 0);
    assert!(finished.stdout.contains("after serve\n"), "{}", finished.stdout);
}

#[test]
fn a_peer_that_does_not_answer_the_close_holds_the_stop_no_longer_than_the_grace_period() {
    let serving = serve(&["--grace-period=200ms"], "", ECHO, "");
    let mut socket = WebSocket::open(serving.port, "/");
    socket.assert_echoes("open");
    serving.signal("TERM");
    assert_eq!(socket.frame().map(|frame| frame.code()), Some(1001));
    assert_eq!(serving.finish().code, 0);
}

#[test]
fn an_instance_that_is_stopped_ends_its_sockets() {
    let serving = serve(&["--max-cpu=200ms"], "", ECHO, "");
    let mut socket = WebSocket::open(serving.port, "/");
    socket.assert_echoes("open");
    assert_eq!(Raw::connect(serving.port).get("/spin").status, 503);
    while socket.frame().is_some_and(|frame| frame.opcode != CLOSE) {}
    WebSocket::open(serving.port, "/").assert_echoes("the next instance");
}

#[test]
fn a_peer_that_never_stops_talking_does_not_keep_the_others_from_their_turn() {
    // More than the limit allows without a wait: only a script that lets go between messages survives.
    let serving = serve(
        &["--max-cpu=300ms"],
        "",
        "function(conn)
            for message in conn:messages() do
              for _ = 1, 20000 do end
            end
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    let mut sender = socket.raw().stream().try_clone().expect("a second handle");
    let flood = Frame::text("x").bytes().repeat(5_000);
    let sending = std::thread::spawn(move || sender.write_all(&flood));
    let mut other = Raw::connect(serving.port);
    for _ in 0..20 {
        assert_eq!(other.get("/alive").text(), "alive");
    }
    assert!(sending.join().is_ok_and(|sent| sent.is_ok()));
    socket.send(&Frame::close(1000, ""));
    assert_eq!(socket.frame().map(|frame| frame.code()), Some(1000));
}

#[test]
fn a_connection_in_a_coroutine_that_is_closed_closes_too() {
    let mut serving = serve(
        &["--allow-net=127.0.0.1:*"],
        "local seen",
        "function(conn)
            if seen then conn:write('hello') conn:read() print(conn.close_code) return end
            seen = true
            local co = coroutine.create(function()
              local own <close> = ws.connect('ws://127.0.0.1:' .. _SERVER_PORT .. '/')
              coroutine.yield(own:read())
            end)
            local ok, message = coroutine.resume(co)
            conn:write(message)
            conn:write(tostring(coroutine.close(co)))
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    assert_eq!(socket.message().text(), "hello");
    assert_eq!(socket.message().text(), "true");
    assert_eq!(serving.next_line(), "1000");
}

#[test]
fn a_wrong_timeout_is_refused_whether_or_not_a_message_is_there() {
    let serving = serve(
        &[],
        "",
        "function(conn)
            conn:read()
            local ok, e = pcall(conn.read, conn, 'x')
            conn:write(e)
          end",
        "",
    );
    let mut socket = WebSocket::open(serving.port, "/");
    socket.send(&Frame::text("one"));
    socket.send(&Frame::text("two"));
    let message = socket.message();
    assert!(message.text().ends_with("timeout must be a number of seconds >= 0, got x"));
}
