//! Connections as a script sees them: what goes through, who waits, how they end.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Read;
use std::net::Shutdown;

use tests::run::{Finished, Run};
use tests::websocket_peer::{BINARY, CLOSE, PING, PONG, Peer, Server, TEXT, close, frame};

/// Runs a script that is given the URL of a server whose connections are run by `talk`.
fn run<T: Send + 'static>(
    talk: impl Fn(&mut Peer<'_>) -> T + Send + Sync + 'static,
    script: &str,
) -> (Finished, Server<T>) {
    let server = Server::start(talk);
    let finished = Run::script(&[&server.grant()], script).args([server.url("/path")]).finish();
    (finished, server)
}

/// The output of a script whose server sends everything back.
#[track_caller]
fn with_echo(script: &str) -> String {
    run(|peer| peer.echo(), script).0.ok()
}

#[test]
fn messages_go_both_ways_and_keep_kind_and_bytes() {
    let output = with_echo(
        r#"local conn = ws.connect((...))
        for _, size in ipairs { 0, 1, 125, 126, 65535, 65536, 65537, 200000 } do
            local text, bytes = ("é"):rep(size // 2), ("\0\255"):rep(size // 2)
            conn:write(text)
            conn:write(bytes, { binary = true })
            local message, kind = conn:read()
            assert(message == text and kind == "text", size)
            message, kind = conn:read()
            assert(message == bytes and kind == "binary", size)
        end
        conn:write(1.5)
        print(conn:read())
        print(conn:is_closed(), conn.peer_addr == (...):match("//(.*)/"), conn.protocol)"#,
    );
    assert_eq!(output, "1.5\ttext\nfalse\ttrue\tnil\n");
}

#[test]
fn a_message_in_fragments_is_one_message() {
    let talk = |peer: &mut Peer<'_>| {
        let whole = "é".repeat(50_000);
        let (head, tail) = whole.as_bytes().split_at(33_333);
        peer.send(
            [frame(0x01, head), frame(PING, "p"), frame(0x00, ""), frame(0x80, tail)].concat(),
        );
        assert_eq!(peer.receive(), (PONG, b"p".to_vec()));
        peer.receive_close()
    };
    let (finished, server) = run(
        talk,
        "local conn <close> = ws.connect((...))
        print(conn:read() == ('é'):rep(50000))",
    );
    assert_eq!(finished.ok(), "true\n");
    assert_eq!(server.result(), (1000, String::new()));
}

#[test]
fn the_messages_of_a_connection_can_be_iterated_over_to_its_end() {
    let talk = |peer: &mut Peer<'_>| {
        peer.send([frame(TEXT, "one"), frame(BINARY, "two"), close(4000, "that is all")].concat());
        assert_eq!(peer.receive_close(), (4000, "that is all".to_owned()));
        peer.receive_end();
    };
    let (finished, server) = run(
        talk,
        "local conn = ws.connect((...))
        for message, kind in conn:messages() do print(message, kind) end
        print(conn.close_code, conn.close_reason, conn:is_closed())
        print(conn:read())
        print(select(2, pcall(conn.write, conn, 'x')).kind)
        conn:close()",
    );
    assert_eq!(finished.ok(), "one\ttext\ntwo\tbinary\n4000\tthat is all\ttrue\nnil\nclosed\n");
    server.result();
}

#[test]
fn a_connection_that_is_lost_ends_with_1006() {
    let (finished, _server) = run(
        |peer| peer.send(frame(TEXT, "last")),
        "local conn = ws.connect((...))
        print(conn:read())
        print(conn:read())
        print(conn.close_code, conn.close_reason)
        print(pcall(conn.write, conn, 'x'))",
    );
    assert_eq!(
        finished.ok(),
        "last\ttext\nnil\n1006\t\nfalse\tconn:write: the connection is lost\n"
    );
}

#[test]
fn a_close_without_a_code_is_1005_and_answered_so() {
    let talk = |peer: &mut Peer<'_>| {
        peer.send(frame(CLOSE, ""));
        peer.receive()
    };
    let script = "local conn = ws.connect((...)) print(conn:read(), conn.close_code)";
    let (finished, server) = run(talk, script);
    assert_eq!(finished.ok(), "nil\t1005\n");
    assert_eq!(server.result(), (CLOSE, Vec::new()));
}

#[test]
fn a_script_closes_with_code_and_reason_and_waits_for_the_answer() {
    let talk = |peer: &mut Peer<'_>| {
        assert_eq!(peer.receive_text(), "queued");
        let received = peer.receive_close();
        // What a peer sends before it has seen the close frame is not for anybody.
        peer.send([frame(TEXT, "late"), close(received.0, "")].concat());
        peer.receive_end();
        received
    };
    let (finished, server) = run(
        talk,
        r#"local conn = ws.connect((...))
        conn:write("queued")
        conn:close(4321, "line\r\nand ü")
        print(conn:is_closed(), conn:read(), conn.close_code)
        conn:close(1000)
        print(select(2, pcall(conn.write, conn, "x")).kind)"#,
    );
    assert_eq!(finished.ok(), "true\tnil\t4321\nclosed\n");
    assert_eq!(server.result(), (4321, "line\r\nand ü".to_owned()));
}

#[test]
fn arguments_that_cannot_be_used_are_named_with_the_position() {
    let output = with_echo(
        r#"local conn = ws.connect((...))
        local function try(f, ...) print((select(2, pcall(f, ...)))) end
        try(function() conn:write({}) end)
        try(function() conn:write() end)
        try(function() conn:write("\xff") end)
        try(function() conn:write("x", "binary") end)
        try(function() conn.write("x") end)
        try(function() conn:read(-1) end)
        try(function() conn:read(0/0) end)
        try(function() conn:read("1") end)
        try(function() conn:close("a") end)
        try(function() conn:close(1005) end)
        try(function() conn:close(999) end)
        try(function() conn:close(70000) end)
        try(function() conn:close(1e300) end)
        try(function() conn:close(1000, {}) end)
        try(function() conn:close(1000, ("x"):rep(124)) end)
        try(function() conn:close(1000, "\xff") end)
        print(conn:is_closed())"#,
    );
    let lines: Vec<&str> = output.lines().collect();
    let codes = "conn:close: code must be one that may be sent (1000 to 1003, 1007 to 1014, 3000 to 4999), got";
    let expected = [
        "conn:write: data must be a string, got table".to_owned(),
        "conn:write: data must be a string, got nil".to_owned(),
        "conn:write: text must be valid UTF-8 (pass { binary = true } to send any bytes)"
            .to_owned(),
        "conn:write: options must be a table, got string".to_owned(),
        "conn:write: call it as conn:write(…)".to_owned(),
        "conn:read: timeout must be a number of seconds >= 0, got -1".to_owned(),
        "conn:read: timeout must be a number of seconds >= 0, got ".to_owned(),
        "conn:read: timeout must be a number of seconds >= 0, got 1".to_owned(),
        "conn:close: code must be an integer from 1000 to 4999, got a".to_owned(),
        format!("{codes} 1005"),
        format!("{codes} 999"),
        "conn:close: code must be an integer from 1000 to 4999, got 70000".to_owned(),
        "conn:close: code must be an integer from 1000 to 4999, got 1e+300".to_owned(),
        "conn:close: reason must be a string, got table".to_owned(),
        "conn:close: reason must have at most 123 bytes, got 124".to_owned(),
        "conn:close: reason must be valid UTF-8".to_owned(),
        "false".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{output}");
    for (number, (line, expected)) in lines.iter().zip(&expected).enumerate() {
        assert!(line.contains(expected.as_str()), "{line:?} is not {expected:?}");
        let position = format!("main.lua:{}: ", number + 3);
        assert!(number == 16 || line.contains(&position), "{line:?}");
    }
}

#[test]
fn one_coroutine_reads_while_others_write() {
    let output = with_echo(
        r#"local conn = ws.connect((...))
        local seen = {}
        local reader = async.spawn(function()
            for message in conn:messages() do
                seen[message] = true
                if message == "last" then return end
            end
        end)
        local writers = {}
        for i = 1, 20 do
            writers[i] = async.spawn(function() for j = 1, 10 do conn:write(i .. ":" .. j) end end)
        end
        for _, writer in ipairs(writers) do writer:await() end
        print(pcall(conn.read, conn))
        conn:write("last")
        reader:await()
        for i = 1, 20 do for j = 1, 10 do assert(seen[i .. ":" .. j]) end end
        -- Nobody reads any more, so anybody may.
        conn:write("again")
        print(conn:read())"#,
    );
    let (refused, last) = output.split_once('\n').unwrap();
    let message = "main.lua:14: conn:read: another coroutine is reading this connection already";
    assert!(refused.starts_with("false\t") && refused.ends_with(message), "{refused}");
    assert_eq!(last, "again\ttext\n");
}

#[test]
fn a_read_that_is_given_up_loses_no_message() {
    let talk = |peer: &mut Peer<'_>| {
        for number in 0..10 {
            assert_eq!(peer.receive_text(), "next");
            peer.send(frame(TEXT, number.to_string()));
        }
        peer.receive_close()
    };
    let (finished, _server) = run(
        talk,
        r#"local conn <close> = ws.connect((...))
        local read = {}
        for _ = 1, 5 do
            -- Every way to end a wait: cancelled, too late, closed.
            local reader = async.spawn(function() return conn:read() end)
            sleep(0)
            reader:cancel()
            print(select(2, pcall(reader.await, reader)).kind, select(2, pcall(conn.read, conn, 0)).kind)
            conn:write("next")
            read[#read + 1] = conn:read(60)
            -- The message may arrive before, while or after the wait is ended.
            reader = async.spawn(function() read[#read + 1] = conn:read() end)
            conn:write("next")
            sleep(0)
            reader:cancel()
            if not pcall(reader.await, reader) then read[#read + 1] = conn:read() end
        end
        print(table.concat(read, " "))"#,
    );
    assert_eq!(finished.ok(), "cancelled\ttimeout\n".repeat(5) + "0 1 2 3 4 5 6 7 8 9\n");
}

#[test]
fn a_wait_works_in_coroutines_and_ends_with_them() {
    let output = with_echo(
        r#"local conn = ws.connect((...))
        local co = coroutine.wrap(function()
            conn:write("a")
            coroutine.yield((conn:read()))
            conn:write("b")
            return select(2, pcall(conn.read, conn))
        end)
        print(co(), co())
        local waiting = coroutine.create(function() conn:read() end)
        async.spawn(function() coroutine.resume(waiting) end)
        sleep(0)
        print(pcall(conn.read, conn))
        coroutine.close(waiting)
        conn:write("c")
        print(conn:read())
        print(pcall(table.sort, { 1, 2, 3 }, function() conn:write("d") end))"#,
    );
    let mut lines = output.lines();
    assert_eq!(lines.next(), Some("a\tb\ttext"));
    assert!(lines.next().unwrap().contains("another coroutine"), "{output}");
    assert_eq!(lines.next(), Some("c\ttext"));
    assert!(
        lines
            .next()
            .unwrap()
            .contains("conn:write: cannot wait inside a function called by 'table.sort'")
    );
}

#[test]
fn a_connection_that_is_collected_or_leaves_its_block_is_closed() {
    let (finished, server) = run(
        |peer| {
            let (code, _) = peer.receive_close();
            peer.send(close(code, ""));
            code
        },
        "do local conn <close> = ws.connect((...)) end
        local conn = ws.connect((...))
        conn = nil
        collectgarbage() collectgarbage()
        sleep(0)
        -- Time for its close frame.
        ws.connect((...)):close()",
    );
    finished.ok();
    let mut codes = [server.result(), server.result(), server.result()];
    codes.sort_unstable();
    assert_eq!(codes, [1000, 1000, 1001]);
}

#[test]
fn what_was_written_is_sent_although_the_script_ends() {
    for end in ["", "os.exit(0)", "async.spawn(conn.read, conn) sleep(0)"] {
        let talk = |peer: &mut Peer<'_>| {
            let (first, payload) = peer.receive();
            let close = peer.receive_close();
            peer.send(self::close(close.0, ""));
            (first, payload.len(), close.0)
        };
        let script = format!("local conn = ws.connect((...)) conn:write(('x'):rep(60000)) {end}");
        let (finished, server) = run(talk, &script);
        finished.ok();
        assert_eq!(server.result(), (TEXT, 60_000, 1001), "{end}");
    }
}

#[test]
fn pings_are_answered_while_the_script_does_something_else() {
    let talk = |peer: &mut Peer<'_>| {
        peer.send(frame(TEXT, "unread"));
        for number in 0..50_u8 {
            peer.send(frame(PING, [number]));
            assert_eq!(peer.receive(), (PONG, vec![number]));
        }
        peer.send(close(1000, ""));
        assert_eq!(peer.receive(), (CLOSE, vec![0x03, 0xe8]));
    };
    // It computes until the peer has had all its answers and has closed.
    let (finished, server) = run(
        talk,
        "local conn = ws.connect((...))
        local count = 0
        while not conn:is_closed() do count = count + 1 end
        print(conn:read())
        print(conn:read())",
    );
    assert_eq!(finished.ok(), "unread\ttext\nnil\n");
    server.result();
}

#[test]
fn a_peer_that_does_not_read_holds_its_writer_only() {
    let talk = |peer: &mut Peer<'_>| {
        // The writer is stuck somewhere in its messages; the reader is served.
        peer.send(frame(TEXT, "go on"));
        let mut first = [0; 1];
        peer.stream().read_exact(&mut first).unwrap();
        peer.stream().shutdown(Shutdown::Both).unwrap();
    };
    let (finished, _server) = run(
        talk,
        "local conn = ws.connect((...))
        local writer = async.spawn(function()
            local piece = ('x'):rep(250000)
            while true do conn:write(piece, { binary = true }) end
        end)
        print(conn:read())
        print(conn:read(), conn.close_code)
        print(select(2, pcall(writer.await, writer)).kind)",
    );
    assert_eq!(finished.ok(), "go on\ttext\nnil\t1006\nclosed\n");
}

#[test]
fn connections_are_objects_a_script_cannot_take_apart() {
    let output = with_echo(
        "local conn = ws.connect((...))
        print(getmetatable(conn), tostring(conn):match('^%a+'))
        for name, value in pairs(conn) do print(name, type(value)) end
        print(pcall(getmetatable, conn.read))",
    );
    assert!(output.starts_with("false\twebsocket\npeer_addr\tstring\n"), "{output}");
}
