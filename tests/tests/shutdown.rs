//! How a run that serves or waits ends: by a signal, by the script, by a client that goes away.

use std::net::TcpStream;

use tests::client::Raw;
use tests::gate::Gate;
use tests::run::{Run, Serving};

const ROUTES: &str = "{ GET = {
    ['/'] = function() return 'hello' end,
    ['/wait'] = function()
      local closing <close> = setmetatable({}, { __close = function(_, e) log.info('closed: ' .. tostring(e)) end })
      return http.get(gate).body
    end,
    ['/stubborn'] = function()
      for _ = 1, 3 do
        local ok, e = pcall(http.get, gate)
        log.info('wait ended: ' .. tostring(e.kind))
      end
      return 'x'
    end,
    ['/close'] = function() server:close() return 'closing' end,
    ['/exit'] = function() os.exit(7) end,
} }";

/// A script that serves [`ROUTES`] and goes on with `after`.
fn serve(gate: &Gate, flags: &[&str], after: &str) -> Serving {
    let source = format!(
        "{}
        local server
        http.serve(0, {ROUTES}, {{ on_listen = function(s) server = s print(s.port) end }})
        {after}",
        gate.lua()
    );
    Run::script(&[&["--allow-listen=0", gate.grant().as_str()], flags].concat(), &source).serve()
}

/// A connection on which a handler waits at the gate.
fn waiting(serving: &Serving, gate: &Gate, path: &str) -> Raw {
    let mut client = Raw::connect(serving.port);
    client.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
    gate.wait_for(1);
    client
}

/// An idle connection; that it closes is the sign that the server has begun to stop.
fn idle(serving: &Serving) -> Raw {
    let mut client = Raw::connect(serving.port);
    assert_eq!(client.get("/").text(), "hello");
    client
}

#[test]
fn a_signal_ends_the_server_and_the_script_goes_on() {
    for signal in ["INT", "TERM"] {
        let serving = serve(&Gate::new(), &[], "print('after serve')");
        let mut idle = idle(&serving);
        serving.signal(signal);
        idle.expect_closed();
        assert_eq!(serving.finish().ok(), "after serve\n", "SIG{signal}");
    }
}

#[test]
fn the_script_decides_how_it_ends_after_its_server() {
    for (after, code) in [
        ("os.exit(9)", 9),
        ("error('on the way out')", 1),
        ("sleep(0.001) print('slept')", 0),
        ("assert(http.get(gate).body == 'go')", 0),
    ] {
        let gate = Gate::new();
        gate.open();
        let serving = serve(&gate, &[], after);
        serving.signal("TERM");
        assert_eq!(serving.finish().code, code, "{after}");
    }
}

#[test]
fn what_is_in_flight_is_answered_and_nothing_new_is_taken() {
    let gate = Gate::new();
    let serving = serve(&gate, &[], "print('after serve')");
    let mut client = waiting(&serving, &gate, "/wait");
    let mut idle = idle(&serving);
    serving.signal("TERM");
    idle.expect_closed();
    if let Ok(stream) = TcpStream::connect(("127.0.0.1", serving.port)) {
        drop(stream);
        let mut late = Raw::connect(serving.port);
        late.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        assert!(late.read_response(false).is_none(), "a request after the end was answered");
    }
    gate.open();
    let response = client.response();
    assert_eq!((response.text().as_str(), response.header("connection")), ("go", Some("close")));
    client.expect_closed();
    let finished = serving.finish();
    assert!(finished.stderr.contains("closed: nil"), "{}", finished.stderr);
    assert_eq!(finished.ok(), "after serve\n");
}

#[test]
fn a_server_that_is_closed_by_its_script_ends_as_by_a_signal() {
    let gate = Gate::new();
    let serving = serve(&gate, &[], "print('after serve')");
    let mut client = waiting(&serving, &gate, "/wait");
    let mut idle = idle(&serving);
    assert_eq!(Raw::connect(serving.port).get("/close").text(), "closing");
    idle.expect_closed();
    gate.open();
    assert_eq!(client.response().text(), "go");
    assert_eq!(serving.finish().ok(), "after serve\n");
}

#[test]
fn closing_a_server_again_does_nothing() {
    let source = "local server
        http.serve(0, {}, { on_listen = function(s) server = s print(s.port) s:close() s:close() end })
        server:close()
        server.close()
        print('done')";
    let mut serving = Run::script(&["--allow-listen=0"], source).serve();
    assert_eq!(serving.next_line(), "done");
    serving.finish().ok();
}

#[test]
fn os_exit_in_a_handler_ends_the_run_with_its_code() {
    let serving = serve(&Gate::new(), &[], "print('after serve')");
    let mut client = Raw::connect(serving.port);
    client.send("GET /exit HTTP/1.1\r\nHost: h\r\n\r\n");
    let finished = serving.finish();
    assert_eq!((finished.code, finished.stdout.as_str()), (7, ""));
}

#[test]
fn a_server_whose_task_is_cancelled_ends_and_its_port_is_free_again() {
    let source = "local port
        local function serve(wanted, text)
          local routes = { GET = { ['/'] = function() return text end } }
          local task = async.spawn(function()
            local ok, e = pcall(http.serve, wanted, routes, { on_listen = function(s) port = s.port end })
            if e.kind ~= 'cancelled' then print(e) os.exit(1) end
            error(e)
          end)
          while not port do sleep(0) end
          return task
        end
        local function get() return http.client{}:get('http://127.0.0.1:' .. port .. '/', { timeout = 5 }) end
        local first = serve(0, 'first')
        print(get().body)
        first:cancel()
        local ok, e = pcall(function() return first:await() end)
        print(ok, e.kind)
        ok, e = pcall(get)
        print(ok, e.kind == 'timeout' and 'timeout' or 'refused')
        local again = port
        port = nil
        local second = serve(again, 'second')
        print(get().body, port == again)
        second:cancel()";
    let finished = Run::script(&["-A"], source).finish();
    assert_eq!(
        finished.stdout, "first\nfalse\tcancelled\nfalse\trefused\nsecond\ttrue\n",
        "{}",
        finished.stderr
    );
    finished.ok();
}

#[test]
fn a_server_left_running_ends_with_the_script_and_the_log_says_so() {
    let source = "local port
        async.spawn(http.serve, 0, {}, { on_listen = function(s) port = s.port end })
        while not port do sleep(0) end
        print('end of script')";
    let finished = Run::script(&["--allow-listen=0"], source).finish();
    assert!(finished.stderr.contains("1 task was still running"), "{}", finished.stderr);
    assert_eq!(finished.ok(), "end of script\n");
}

#[test]
fn a_second_signal_ends_the_run_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let gate = Gate::new();
        let serving = serve(&gate, &[], "print('after serve')");
        let mut client = waiting(&serving, &gate, "/wait");
        let mut idle = idle(&serving);
        serving.signal("TERM");
        idle.expect_closed();
        serving.signal(signal);
        assert!(client.read_response(false).is_none());
        let finished = serving.finish();
        assert_eq!((finished.code, finished.stdout.as_str()), (code, ""), "SIG{signal}");
    }
}

#[test]
fn without_a_server_a_signal_cancels_the_waits_and_close_handlers_run() {
    let source = "local outer <close> = setmetatable({}, { __close = function(_, e) print('outer ' .. e.kind) end })
        async.spawn(function()
          local inner <close> = setmetatable({}, { __close = function(_, e) print('inner ' .. e.kind) end })
          sleep(1e6)
        end)
        print(1)
        sleep(1e6)
        print('not reached')";
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let serving = Run::script(&[], source).serve();
        serving.signal(signal);
        let finished = serving.finish();
        let mut lines: Vec<_> = finished.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines, ["inner cancelled", "outer cancelled"], "SIG{signal}");
        assert_eq!(finished.code, code, "{}", finished.stderr);
    }
}

#[test]
fn a_signal_also_ends_a_script_that_computes() {
    let serving = Run::script(&[], "print(1) io.stdout:flush() while true do end").serve();
    serving.signal("TERM");
    serving.signal("INT");
    let code = serving.finish().code;
    assert!([130, 143].contains(&code), "{code}");
}

#[test]
fn a_handler_whose_client_goes_away_is_cancelled() {
    let gate = Gate::new();
    let mut serving = serve(&gate, &[], "print('after serve')");
    let client = waiting(&serving, &gate, "/wait");
    drop(client);
    assert!(serving.stderr_line("closed: ").contains("cancelled"));
    assert_eq!(Raw::connect(serving.port).get("/").text(), "hello");
    serving.signal("TERM");
    let finished = serving.finish();
    assert!(!finished.stderr.contains("request failed"), "{}", finished.stderr);
    assert_eq!(finished.ok(), "after serve\n");
}

#[test]
fn a_cancelled_handler_cannot_wait_again() {
    let gate = Gate::new();
    let serving = serve(&gate, &[], "print('after serve')");
    let client = waiting(&serving, &gate, "/stubborn");
    drop(client);
    serving.signal("TERM");
    let finished = serving.finish();
    assert_eq!(finished.stderr.matches("wait ended: cancelled").count(), 3, "{}", finished.stderr);
    finished.ok();
}

#[test]
fn a_client_that_goes_away_takes_no_other_with_it() {
    let gate = Gate::new();
    let mut serving = serve(&gate, &[], "");
    let gone = waiting(&serving, &gate, "/wait");
    let mut stays = Raw::connect(serving.port);
    stays.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    gate.wait_for(2);
    drop(gone);
    serving.stderr_line("closed: ");
    gate.open();
    assert_eq!(stays.response().text(), "go");
}

#[test]
fn a_response_to_a_client_that_is_gone_is_dropped() {
    let gate = Gate::new();
    let mut serving = Serving::routes(
        &[&gate.grant()],
        &gate.lua(),
        "{ GET = {
            ['/'] = function() return 'hello' end,
            ['/wait'] = function()
              pcall(http.get, gate)
              log.info('answering')
              return { body = ('x'):rep(1e6), headers = { ['Bad Name'] = 'x' } }
            end,
        } }",
    );
    drop(waiting(&serving, &gate, "/wait"));
    serving.stderr_line("answering");
    assert_eq!(Raw::connect(serving.port).get("/").text(), "hello");
}

#[test]
fn a_task_that_never_rests_keeps_out_neither_clients_nor_signals() {
    let serving = Serving::routes(
        &[],
        "async.spawn(function() while true do sleep(0) end end)",
        "{ GET = { ['/'] = function() return 'hello' end } }",
    );
    let mut client = Raw::connect(serving.port);
    for _ in 0..10 {
        assert_eq!(client.get("/").text(), "hello");
    }
    serving.signal("TERM");
    assert_eq!(serving.finish().ok(), "after serve\n");
}
