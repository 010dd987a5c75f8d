//! `--workers`, and the replacement of an instance that a limit has stopped.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::{Run, Serving};

/// With one connection a worker, so many connections are so many workers.
const ONE_EACH: &str = "--max-connections=1";

/// Each copy has an id of its own and counts its requests.
fn serve(gate: &Gate, flags: &[&str]) -> Serving {
    let before = format!(
        "{}
        local id, count = crypto.random(16), 0
        log.info('begun')",
        gate.lua()
    );
    Serving::routes(
        &[&[gate.grant().as_str()], flags].concat(),
        &before,
        "{ GET = {
            ['/'] = function()
              count = count + 1
              return id .. ' ' .. count
            end,
            ['/wait'] = function() return http.get(gate).body end,
            ['/spin'] = function() while true do end end,
            ['/spin-protected'] = function() while true do pcall(function() while true do end end) end end,
            ['/exit'] = function() os.exit(5) end,
            ['/grow'] = function()
              _G.kept = _G.kept or {}
              while true do _G.kept[#_G.kept + 1] = ('x'):rep(100000) .. #_G.kept end
            end,
        } }",
    )
}

fn connect(serving: &Serving, count: usize) -> Vec<Raw> {
    (0..count).map(|_| Raw::connect(serving.port)).collect()
}

#[test]
fn workers_are_isolated_copies_that_share_the_port() {
    let mut serving = serve(&Gate::new(), &["--workers=3", ONE_EACH]);
    for _ in 1..3 {
        assert_eq!(serving.next_line(), serving.port.to_string(), "port 0 is bound once");
    }
    let mut ids = BTreeSet::new();
    for client in &mut connect(&serving, 3) {
        for count in 1..=2 {
            let text = client.get("/").text();
            let (id, seen) = text.split_once(' ').unwrap();
            assert_eq!(seen, count.to_string(), "a worker saw another's state");
            ids.insert(id.to_owned());
        }
    }
    assert_eq!(ids.len(), 3, "{ids:?}");
}

#[test]
fn one_worker_is_the_default() {
    let serving = serve(&Gate::new(), &[]);
    let ids: BTreeSet<_> = connect(&serving, 8)
        .iter_mut()
        .map(|client| client.get("/").text().split_once(' ').unwrap().0.to_owned())
        .collect();
    assert_eq!(ids.len(), 1);
}

#[test]
fn a_signal_ends_all_workers_politely() {
    let gate = Gate::new();
    let mut serving = serve(&gate, &["--workers=2", ONE_EACH]);
    assert_eq!(serving.next_line(), serving.port.to_string());
    let mut clients = connect(&serving, 2);
    for client in &mut clients {
        client.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    }
    gate.wait_for(2);
    serving.signal("TERM");
    gate.open();
    for client in &mut clients {
        assert_eq!(client.response().text(), "go");
    }
    assert_eq!(serving.finish().ok(), "after serve\nafter serve\n");
}

#[test]
fn the_first_failure_ends_all_workers() {
    let serving = serve(&Gate::new(), &["--workers=3"]);
    let mut client = Raw::connect(serving.port);
    client.send("GET /exit HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(serving.finish().code, 5);

    let source = "local server
        http.serve(0, { GET = { ['/'] = function() server:close() return 'x' end } }, {
          on_listen = function(s) server = s print(s.port) end,
        })
        error('no more')";
    let serving = Run::script(&["--workers=3", "--allow-listen=0"], source).serve();
    assert_eq!(Raw::connect(serving.port).get("/").text(), "x");
    let stderr = serving.finish().fails_with(1);
    assert!(stderr.contains("no more"), "{stderr}");
}

#[test]
fn a_count_of_workers_that_makes_no_sense_is_refused() {
    for count in ["0", "-1", "two", "1.5", "100000000"] {
        let flag = format!("--workers={count}");
        let finished = Run::eval(&[&flag], "print('ran')").finish();
        assert_eq!(finished.stdout, "", "{flag}");
        assert!(finished.fails_with(2).contains("--workers"), "{flag}");
    }
}

#[test]
fn several_workers_without_a_server_are_a_usage_error() {
    let stderr = Run::eval(&["--workers=2"], "local x = 1").finish().fails_with(2);
    assert!(stderr.contains("--workers") && stderr.contains("http.serve"), "{stderr}");
    Run::eval(&["--workers=1"], "local x = 1").finish().ok();
}

#[test]
fn a_handler_that_computes_for_ever_is_stopped_and_the_script_begins_again() {
    for path in ["/spin", "/spin-protected"] {
        let gate = Gate::new();
        let mut serving = serve(&gate, &["--max-cpu=200ms"]);
        let first = Raw::connect(serving.port).get("/").text();
        assert!(first.ends_with(" 1"), "{first}");
        let mut delivered = Raw::connect(serving.port);
        delivered.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
        gate.wait_for(1);

        let mut spinning = Raw::connect(serving.port);
        spinning.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
        for client in [&mut spinning, &mut delivered] {
            let response = client.response();
            assert_eq!((response.status, response.header("retry-after")), (503, Some("1")));
            client.expect_closed();
        }
        let line = serving.stderr_line("starts again");
        assert!(line.contains("ERROR") && line.contains("--max-cpu"), "{line}");
        assert_eq!(serving.next_line(), serving.port.to_string(), "the listener survives");
        let again = Raw::connect(serving.port).get("/").text();
        assert!(again.ends_with(" 1") && again != first, "{again} after {first}");
        serving.signal("TERM");
        assert_eq!(serving.finish().ok(), "after serve\n");
    }
}

#[test]
fn a_connection_made_while_an_instance_is_replaced_is_served_by_the_next() {
    let serving = serve(&Gate::new(), &["--max-cpu=200ms", ONE_EACH]);
    // The second connection has to wait for the first, which ends with its instance.
    let mut spinning = Raw::connect(serving.port);
    spinning.send("GET /spin HTTP/1.1\r\nHost: h\r\n\r\n");
    let mut waiting = Raw::connect(serving.port);
    waiting.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(spinning.response().status, 503);
    drop(spinning);
    assert!(waiting.response().text().ends_with(" 1"));
}

#[test]
fn a_worker_that_is_replaced_leaves_the_others_alone() {
    let gate = Gate::new();
    let serving = serve(&gate, &["--max-cpu=200ms", "--workers=2", ONE_EACH]);
    let [mut well, mut spinning] = [(); 2].map(|()| Raw::connect(serving.port));
    assert_ne!(well.get("/").text(), spinning.get("/").text());
    well.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.wait_for(1);
    spinning.send("GET /spin HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_eq!(spinning.response().status, 503);
    gate.open();
    assert_eq!(well.response().text(), "go");
    assert!(well.get("/").text().ends_with(" 2"));
}

#[test]
fn a_handler_that_keeps_all_memory_does_not_end_the_service() {
    let mut serving = serve(&Gate::new(), &["--max-memory=24MiB"]);
    for _ in 0..3 {
        let status = Raw::connect(serving.port).get("/grow").status;
        assert!([500, 503].contains(&status), "{status}");
        // The instance goes on with what little is left, or another has taken its place.
        assert_eq!(Raw::connect(serving.port).get("/").status, 200);
    }
    serving.stderr_line("not enough memory");
    assert!(serving.resident_kib() < (24 + 64) * 1024);
}

#[test]
fn memory_that_a_failed_handler_gives_back_can_be_used_again() {
    let serving = Serving::routes(
        &["--max-memory=24MiB"],
        "local count = 0",
        "{ GET = {
            ['/'] = function() count = count + 1 return tostring(count) end,
            ['/burst'] = function()
              local kept = {}
              while true do kept[#kept + 1] = ('x'):rep(100000) .. #kept end
            end,
        } }",
    );
    let mut client = Raw::connect(serving.port);
    for count in 1..=3 {
        assert_eq!(client.get("/burst").status, 500);
        assert_eq!(client.get("/").text(), count.to_string(), "the same instance goes on");
    }
    assert!(serving.resident_kib() < (24 + 64) * 1024);
}

#[test]
fn a_script_that_does_not_serve_is_not_begun_again() {
    for source in [
        "print('begun') while true do end",
        "print('begun') pcall(http.serve, 1, {}) while true do end",
    ] {
        let finished = Run::script(&["--max-cpu=200ms"], source).finish();
        assert_eq!(finished.stdout, "begun\n");
        assert!(finished.fails_with(3).contains("--max-cpu"));
    }
}
