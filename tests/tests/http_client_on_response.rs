//! `opts.on_response`: a response before its body.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::thread;

use tests::gate::Gate;
use tests::run::{Finished, Run};
use tests::stream::Streams;
use tests::upstream::Upstream;

fn prints(upstream: &Upstream, script: &str) -> Finished {
    Run::script(&[&upstream.grant()], script).args([upstream.url("/")]).finish()
}

#[test]
fn the_response_is_there_before_its_body() {
    let (streams, gate) = (Streams::new(), Gate::new());
    let script = format!(
        "{}
        http.get(..., {{
            on_response = function(r) http.get(gate) print(r.status, r.headers['x-one'], r.body) end,
            on_chunk = print,
        }})",
        gate.lua()
    );
    let run = Run::script(&[&streams.grant(), &gate.grant()], &script).args([streams.url("/")]);
    let running = thread::spawn(move || run.finish());
    let mut stream =
        streams.answer("HTTP/1.1 206 Partial Content\r\nX-One: 1\r\nContent-Length: 4\r\n\r\n");
    gate.wait_for(1);
    gate.open();
    stream.send("body");
    assert_eq!(running.join().unwrap().ok(), "206\t1\tnil\nbody\n");
}

#[test]
fn it_is_the_response_that_the_call_returns() {
    for (body, length) in [("", 0), ("short", 5), (&*"x".repeat(200_000), 200_000)] {
        let script = "local first
            local r = http.get(..., { on_response = function(r) first = r assert(r.body == nil) end })
            print(r == first, #r.body)";
        let said = prints(&Upstream::text(body), script).ok();
        assert_eq!(said, format!("true\t{length}\n"));
    }
}

#[test]
fn close_leaves_the_body_out() {
    let streams = Streams::new();
    let script = "local r = http.get(..., {
            on_response = function() return 'close' end,
            on_chunk = function() error('a piece came') end,
        })
        print(r.status, r.body)";
    let run = Run::script(&[&streams.grant()], script).args([streams.url("/")]);
    let running = thread::spawn(move || run.finish());
    let stream = streams.answer("HTTP/1.1 404 No\r\nContent-Length: 9\r\n\r\nhalf");
    stream.await_close();
    assert_eq!(running.join().unwrap().ok(), "404\tnil\n");
}

#[test]
fn its_error_closes_the_exchange_and_is_raised_as_it_is() {
    let streams = Streams::new();
    let script = "local mine = {}
        local ok, e = pcall(http.get, ..., { on_response = function() error(mine) end })
        print(ok, e == mine)";
    let run = Run::script(&[&streams.grant()], script).args([streams.url("/")]);
    let running = thread::spawn(move || run.finish());
    let stream = streams.answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    stream.await_close();
    assert_eq!(running.join().unwrap().ok(), "false\ttrue\n");
}

#[test]
fn it_must_be_a_function() {
    let upstream = Upstream::text("x");
    let stderr = prints(&upstream, "http.get(..., { on_response = 5 })").fails_with(1);
    let expected = "main.lua:1: http.get: opts.on_response must be a function, got number";
    assert!(stderr.contains(expected), "{stderr}");
    assert!(upstream.seen().is_empty());
}
