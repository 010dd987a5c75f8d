//! The limit on CPU time in a server: in everything a script of one can be called for, and while it stops.

use tests::client::Raw;
use tests::folder::Folder;
use tests::run::{Run, Serving};
use tests::websocket::KEY;

const CPU: &str = "--max-cpu=300ms";

/// What every state ends in; the log shows its name.
const FOR_EVER: &str = "
    function for_ever() while true do end end
    closes = setmetatable({}, { __close = for_ever })
    function page(path) return 'http://127.0.0.1:' .. _SERVER_PORT .. path end
";

/// Handlers by what of them computes for ever.
const HANDLERS: &[(&str, &str)] = &[
    ("the handler", "for_ever()"),
    ("a coroutine in a coroutine", "coroutine.wrap(function() coroutine.wrap(for_ever)() end)()"),
    ("a protected call", "while true do pcall(for_ever) end"),
    ("a task", "async.spawn(for_ever) sleep(1000)"),
    (
        "a task that outlives the handler",
        "async.spawn(function() sleep(0.01) for_ever() end) return 'x'",
    ),
    ("a timer", "async.spawn_interval(0.001, for_ever) sleep(1000)"),
    ("a close handler", "local x <close> = closes"),
    (
        "a close handler after a timeout",
        "async.timeout(0.01, function() local x <close> = closes sleep(1000) end)",
    ),
    ("a finalizer", "setmetatable({}, { __gc = for_ever }) collectgarbage()"),
    ("a metamethod of the response", "return setmetatable({}, { __index = for_ever })"),
    ("an event stream", "return { sse = function(send) send('x') for_ever() end }"),
    ("a streamed response", "return { stream = function(write) write('x') for_ever() end }"),
    ("a WebSocket", "return { ws = for_ever }"),
    ("a piece of a response", "http.get(page('/'), { on_chunk = for_ever })"),
    ("an event", "http.get(page('/events'), { on_event = for_ever })"),
    ("the progress of a download", "http.download(page('/'), 'file', { on_progress = for_ever })"),
];

/// Serves one of the handlers on `/go`.
fn serve(handler: &str, folder: &Folder) -> Serving {
    let routes = format!(
        "{{
            GET = {{
                ['/'] = function() return 'alive' end,
                ['/events'] = function() return {{ sse = function(send) send('x') sleep(1000) end }} end,
                ['/go'] = function(req) {handler} end,
            }},
        }}"
    );
    let source = format!(
        "{FOR_EVER} http.serve(0, {routes}, {{ on_listen = function(s) print(s.port) end }})"
    );
    let script = folder.write("main.lua", &source);
    Run::new(["run", "--allow-listen=0", "--allow-net=127.0.0.1:*", CPU])
        .args(["--allow-write=.".as_ref(), script.as_os_str()])
        .in_folder(folder.path())
        .serve()
}

#[test]
fn whatever_a_server_calls_is_stopped_and_the_log_says_where_it_was() {
    for (place, handler) in HANDLERS {
        let folder = Folder::new();
        let mut server = serve(handler, &folder);
        let mut client = Raw::connect(server.port);
        client.send(format!(
            "GET /go HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
        ));
        let line = server.stderr_line("starts again");
        assert!(line.contains("raise --max-cpu)"), "{place}: {line}");
        assert!(line.contains("traceback=") && line.contains("for_ever"), "{place}: {line}");
        let told = String::from_utf8_lossy(&client.rest()).into_owned();
        assert!(!told.contains("for_ever") && !told.contains("main.lua"), "{place}: {told}");
        // The script runs again from its top, on the same port.
        assert_eq!(server.next_line(), server.port.to_string(), "{place}");
        assert_eq!(Raw::connect(server.port).get("/").text(), "alive", "{place}");
    }
}

#[test]
fn a_client_that_leaves_does_not_free_a_handler_of_the_limit() {
    let folder = Folder::new();
    let mut server = serve("local x <close> = closes print('waits') sleep(1000)", &folder);
    let mut client = Raw::connect(server.port);
    client.send("GET /go HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(server.next_line(), "waits");
    drop(client);
    assert!(server.stderr_line("starts again").contains("for_ever"));
}

#[test]
fn a_server_that_computes_as_soon_as_it_listens_is_stopped_again_and_again() {
    let source = format!(
        "{FOR_EVER} http.serve(0, {{}}, {{ on_listen = function(s) print(s.port) sleep(0) for_ever() end }})"
    );
    let mut server = Run::script(&["--allow-listen=0", CPU], &source).serve();
    for waited in ["after_seconds=0.0", "after_seconds=0.1", "after_seconds=0.2"] {
        let line = server.stderr_line(waited);
        assert!(line.contains("starts again") && line.contains("for_ever"), "{line}");
    }
    server.signal("TERM");
    let code = server.finish().code;
    // It was waiting for its next turn, or in the middle of one.
    assert!([3, 143].contains(&code), "{code}");
}

/// Scripts that print `now` when a signal is to come, and then never end by themselves.
const STOPPING: &[(&str, &str)] = &[
    ("a close handler", "local x <close> = closes print('0') sleep(1000)"),
    (
        "a close handler of a task",
        "async.spawn(function() local x <close> = closes sleep(1000) end) print('0') sleep(1000)",
    ),
    ("a protected wait", "print('0') pcall(sleep, 1000) for_ever()"),
    ("a finalizer at the end", "x = setmetatable({}, { __gc = for_ever }) print('0') sleep(1000)"),
    (
        "what follows the server",
        "http.serve(0, {}, { on_listen = function(s) print(s.port) end }) for_ever()",
    ),
    (
        "a close handler after the server",
        "do local x <close> = closes http.serve(0, {}, { on_listen = function(s) print(s.port) end }) end",
    ),
    (
        "a task while the server stops",
        "async.spawn(function() while true do pcall(sleep, 1000) for_ever() end end)
        http.serve(0, {}, { on_listen = function(s) print(s.port) end })",
    ),
];

#[test]
fn a_run_that_is_told_to_stop_is_still_under_its_limit() {
    for (place, code) in STOPPING {
        let server = Run::script(&["--allow-listen=0", CPU], &format!("{FOR_EVER} {code}")).serve();
        server.signal("TERM");
        let stderr = server.finish().fails_with(3);
        assert!(stderr.contains("raise --max-cpu)"), "{place}: {stderr}");
        assert!(stderr.contains("for_ever"), "{place}: {stderr}");
    }
}

#[test]
fn a_handler_that_computes_is_stopped_while_the_server_stops() {
    let folder = Folder::new();
    let mut server = serve("print('computes') sleep(0) for_ever()", &folder);
    let mut client = Raw::connect(server.port);
    client.send("GET /go HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(server.next_line(), "computes");
    server.signal("TERM");
    // The run ends with its only instance; whether the answer still goes out is a matter of chance.
    if let Some(response) = client.read_response(false) {
        assert_eq!(response.status, 503);
    }
    let stderr = server.finish().fails_with(3);
    assert!(stderr.contains("raise --max-cpu)") && stderr.contains("for_ever"), "{stderr}");
}
