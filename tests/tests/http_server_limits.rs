//! The limits of the server, each by its flag.
//!
//! A test of a time limit starts a second server without the flag and puts a connection there into the
//! same state first: that one must still be good when the limit has ended the other. So the flag is what
//! did it, and no duration is asserted.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::sync::mpsc;
use std::thread;

use tests::GUARD;
use tests::client::Raw;
use tests::gate::Gate;
use tests::run::{Run, Serving};

const SOON: &str = "200ms";

/// `/` tells how many requests were handled, `/wait` waits at the gate, `/large` is more than sockets hold.
fn serve(gate: &Gate, flags: &[&str]) -> Serving {
    let before = format!(
        "{}
        local count = 0
        local function handled(req)
          count = count + 1
          return tostring(count)
        end
        local function wait()
          local _ <close> = setmetatable({{}}, {{ __close = function() log.info('wait has ended') end }})
          return http.get(gate).body
        end
        local function large() return ('0123456789abcdef'):rep(2 * 1024 * 1024) end",
        gate.lua()
    );
    Serving::routes(
        &[&[gate.grant().as_str()], flags].concat(),
        &before,
        "{
            GET = { ['/*'] = handled, ['/wait'] = wait, ['/large'] = large },
            POST = { ['/*'] = function(req) return #req.body .. ' bytes' end },
        }",
    )
}

fn plain(flags: &[&str]) -> Serving {
    serve(&Gate::new(), flags)
}

/// Two connections that were sent `text`: one to a server without `flag`, then one with it.
fn both(flag: &str, text: &str) -> [(Serving, Raw); 2] {
    [&[][..], &[flag][..]].map(|flags| {
        let serving = plain(flags);
        let mut client = Raw::connect(serving.port);
        client.send(text);
        (serving, client)
    })
}

#[test]
fn a_body_up_to_max_body_is_taken_and_a_larger_one_is_413() {
    let serving = plain(&["--max-body=10"]);
    for (request, status) in [
        ("Content-Length: 10\r\n\r\n0123456789", 200),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n", 200),
        ("Content-Length: 11\r\n\r\n0123456789a", 413),
        ("Content-Length: 11\r\n\r\n", 413),
        ("Content-Length: 99999999999\r\n\r\n", 413),
        ("Expect: 100-continue\r\nContent-Length: 11\r\n\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\n5\r\n01234\r\n6\r\n56789a\r\n", 413),
        ("Transfer-Encoding: chunked\r\n\r\nffffff\r\n01234567890", 413),
    ] {
        let mut client = Raw::connect(serving.port);
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\n{request}"));
        let response = client.response();
        assert_eq!(response.status, status, "{request:?}");
        if status == 413 {
            assert_eq!(response.header("connection"), Some("close"));
            client.expect_closed();
        }
    }
}

#[test]
fn a_client_that_sends_a_large_body_anyway_still_reads_the_413() {
    let serving = plain(&["--max-body=10"]);
    let mut client = Raw::connect(serving.port);
    let body = "x".repeat(3_000_000);
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(client.response().status, 413);
}

#[test]
fn max_body_can_be_raised_and_lifted_and_is_8_mib_otherwise() {
    let size = 9 << 20;
    for (flags, status) in
        [(&["--max-body=9MiB"][..], 200), (&["--max-body=none"], 200), (&[], 413)]
    {
        let serving = plain(flags);
        let mut client = Raw::connect(serving.port);
        client.send(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n"));
        client.send(vec![b'x'; size]);
        let response = client.response();
        assert_eq!(response.status, status, "{flags:?}");
    }
}

#[test]
fn max_headers_bounds_lines_and_bytes() {
    let serving = plain(&["--max-headers=7,1KiB"]);
    let lines =
        |count: usize| format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "A: b\r\n".repeat(count - 1));
    let bytes = |count: usize| {
        let begin = "GET / HTTP/1.1\r\nHost: h\r\nA: ";
        format!("{begin}{}\r\n\r\n", "b".repeat(count - begin.len() - 4))
    };
    for (request, status) in [
        (lines(7), 200),
        (lines(8), 431),
        (bytes(1024), 200),
        (bytes(1025), 431),
        (bytes(4096), 431),
    ] {
        let mut client = Raw::connect(serving.port);
        client.send(&request);
        assert_eq!(client.response().status, status, "{request:?}");
        if status == 431 {
            client.expect_closed();
        }
    }
    let many = plain(&["--max-headers=500,64KiB"]);
    let mut client = Raw::connect(many.port);
    client.send(lines(500));
    assert_eq!(client.response().status, 200);
}

#[test]
fn connections_beyond_max_connections_wait_for_one_to_close() {
    let serving = plain(&["--max-connections=1"]);
    let mut first = Raw::connect(serving.port);
    assert_eq!(first.get("/").text(), "1");
    let mut second = Raw::connect(serving.port);
    second.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    for count in 2..100 {
        assert_eq!(first.get("/").text(), count.to_string(), "the second had to wait");
    }
    drop(first);
    assert_eq!(second.response().text(), "100");
}

#[test]
fn requests_beyond_max_in_flight_queue_and_beyond_that_are_503() {
    let gate = Gate::new();
    let serving = serve(&gate, &["--max-in-flight=1"]);
    let ask = |path: &'static str| {
        let (sender, receiver) = mpsc::channel();
        let port = serving.port;
        thread::spawn(move || sender.send(Raw::connect(port).get(path)));
        receiver
    };
    let first = ask("/wait");
    gate.wait_for(1);
    // Of two more, one waits for the first, the other is told to come back.
    let (sender, answers) = mpsc::channel();
    for _ in 0..2 {
        let (sender, receiver) = (sender.clone(), ask("/wait"));
        thread::spawn(move || sender.send(receiver.recv().unwrap()));
    }
    let refused = answers.recv_timeout(GUARD).unwrap();
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    gate.open();
    assert_eq!(first.recv_timeout(GUARD).unwrap().text(), "go");
    assert_eq!(answers.recv_timeout(GUARD).unwrap().text(), "go");
}

#[test]
fn handlers_beyond_max_tasks_are_503_and_the_others_go_on() {
    let gate = Gate::new();
    let serving = serve(&gate, &["--max-tasks=3"]);
    let mut waiting: Vec<_> = (0..2).map(|_| Raw::connect(serving.port)).collect();
    for client in &mut waiting {
        client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    gate.wait_for(2);
    let mut late = Raw::connect(serving.port);
    assert_eq!(late.get("/").status, 503);
    gate.open();
    for client in &mut waiting {
        assert_eq!(client.response().text(), "go");
    }
    assert_eq!(late.get("/").status, 200);
}

#[test]
fn a_head_that_does_not_come_in_time_ends_its_connection() {
    for text in ["", "G", "GET / HTTP/1.1\r\nHost: h\r\n", "\r\n"] {
        let [(_patient, mut good), (_serving, mut client)] =
            both(&format!("--header-timeout={SOON}"), text);
        client.expect_closed();
        let rest = "GET / HTTP/1.1\r\nHost: h\r\n\r\n".strip_prefix(text);
        good.send(rest.unwrap_or("GET / HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(good.response().status, 200, "{text:?}");
    }
}

#[test]
fn a_head_that_comes_in_pieces_gains_no_time_by_it() {
    let serving = plain(&[&format!("--header-timeout={SOON}")]);
    let mut client = Raw::connect(serving.port);
    let mut writer = client.stream().try_clone().unwrap();
    client.send("GET / HTTP/1.1\r\nHost: h\r\nA: ");
    // Each byte takes as long as another's request; the head would become too large in the end, and
    // be answered.
    let mut other = Raw::connect(serving.port);
    while writer.write_all(b"b").is_ok() {
        assert_eq!(other.get("/").status, 200);
    }
    client.expect_closed();
}

#[test]
fn a_body_that_stops_coming_is_408() {
    for (text, rest) in [
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab", "c"),
        ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\n", "abc"),
        (
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
            "\r\n0\r\n\r\n",
        ),
    ] {
        let [(_patient, mut good), (_serving, mut client)] =
            both(&format!("--body-timeout={SOON}"), text);
        assert_eq!(client.response().status, 408, "{text:?}");
        client.expect_closed();
        good.send(rest);
        assert_eq!(good.response().text(), "3 bytes", "{text:?}");
    }
}

#[test]
fn an_idle_connection_is_closed() {
    let [(_patient, mut good), (_serving, mut client)] =
        both(&format!("--idle-timeout={SOON}"), "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(good.response().status, 200);
    assert_eq!(client.response().status, 200);
    client.expect_closed();
    assert_eq!(good.get("/").status, 200);
}

#[test]
fn a_connection_whose_handler_waits_is_not_idle() {
    let gate = Gate::new();
    let flags = ["--idle-timeout=200ms", "--header-timeout=200ms", "--body-timeout=200ms"];
    let serving = serve(&gate, &[&flags[..], &["--write-timeout=200ms"]].concat());
    let mut waiting = Raw::connect(serving.port);
    waiting.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.wait_for(1);
    // A connection that began later is closed for being idle; the older one is not.
    let mut idle = Raw::connect(serving.port);
    assert_eq!(idle.get("/").status, 200);
    idle.expect_closed();
    gate.open();
    assert_eq!(waiting.response().text(), "go");
}

#[test]
fn a_client_that_takes_nothing_of_its_response_is_cut() {
    let one = "--max-connections=1";
    let cut = plain(&[one, &format!("--write-timeout={SOON}")]);
    let patient = plain(&[]);
    let [mut good, mut stalled] = [&patient, &cut].map(|serving| Raw::connect(serving.port));
    for client in [&mut good, &mut stalled] {
        client.send("GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    // There is room for another connection only when the stalled one is gone.
    assert_eq!(Raw::connect(cut.port).get("/").status, 200);
    assert!(stalled.rest().len() < 32 << 20, "the response was cut");
    assert_eq!(good.response().body.len(), 32 << 20);
}

#[test]
fn a_handler_beyond_max_handler_time_is_cancelled_and_its_client_gets_504() {
    let gates = [Gate::new(), Gate::new()];
    let [patient, mut serving] =
        [serve(&gates[0], &[]), serve(&gates[1], &[&format!("--max-handler-time={SOON}")])];
    let [mut good, mut client] = [&patient, &serving].map(|serving| Raw::connect(serving.port));
    good.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gates[0].wait_for(1);
    assert_eq!(client.get("/wait").status, 504);
    serving.stderr_line("wait has ended");
    assert_eq!(client.get("/").status, 200, "the connection goes on");
    gates[0].open();
    assert_eq!(good.response().text(), "go");
}

#[test]
fn what_runs_beyond_the_grace_period_is_cut_and_the_script_goes_on() {
    let gates = [Gate::new(), Gate::new()];
    let [patient, serving] =
        [serve(&gates[0], &[]), serve(&gates[1], &[&format!("--grace-period={SOON}")])];
    let [mut good, mut client] = [&patient, &serving].map(|serving| Raw::connect(serving.port));
    for (client, gate) in [(&mut good, &gates[0]), (&mut client, &gates[1])] {
        client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        gate.wait_for(1);
    }
    patient.signal("TERM");
    serving.signal("TERM");
    assert!(client.read_response(false).is_none());
    let finished = serving.finish();
    assert!(finished.stderr.contains("wait has ended"), "{}", finished.stderr);
    assert_eq!(finished.ok(), "after serve\n");
    gates[0].open();
    assert_eq!(good.response().text(), "go");
    assert_eq!(patient.finish().ok(), "after serve\n");
}

#[test]
fn values_that_are_no_limit_are_refused_before_anything_runs() {
    for flag in [
        "--max-body=-1",
        "--max-body=ten",
        "--max-headers=0",
        "--max-headers=10,1",
        "--max-connections=0",
        "--max-in-flight=0",
        "--header-timeout=0",
        "--body-timeout=-1s",
        "--idle-timeout=1x",
        "--write-timeout=",
        "--max-handler-time=0ms",
        "--grace-period=soon",
    ] {
        let finished = Run::eval(&[flag], "print('ran')").finish();
        assert_eq!(finished.stdout, "", "{flag}");
        let (name, _) = flag.split_once('=').unwrap();
        let stderr = finished.fails_with(2);
        assert!(stderr.contains(name), "{flag}: {stderr}");
    }
}
