//! The limits on CPU time and on time: whatever a script computes, and wherever, it is stopped.

use tests::client::Raw;
use tests::folder::Folder;
use tests::run::{Run, Serving};

const CPU: &str = "--max-cpu=300ms";

/// Scripts that compute within their limit, or wait long.
const WITHIN: [&str; 4] = [
    "for _ = 1, 1000 do end",
    // each resumption has the limit anew: this is far more than 300 ms in all
    "for _ = 1, 20 do local t = os.clock() while os.clock() - t < 0.03 do end sleep(0) end",
    "coroutine.wrap(function()
        for _ = 1, 20 do local t = os.clock() while os.clock() - t < 0.03 do end sleep(0) end
    end)()",
    "sleep(0.5)",
];

/// Endless computations by where they are.
const ENDLESS: &[(&str, &str)] = &[
    ("the main chunk", "while true do end"),
    ("a numeric loop", "for _ = 1, math.huge do end"),
    ("a goto", "::again:: goto again"),
    ("tail calls", "local function f() return f() end f()"),
    ("after a wait", "sleep(0) while true do end"),
    ("pcall", "pcall(function() while true do end end)"),
    ("a loop of pcall", "while true do pcall(error) end"),
    ("xpcall's handler", "xpcall(error, function() while true do end end)"),
    ("nested pcall", "local function f(n) while true do pcall(f, n + 1) end end f(1)"),
    ("a coroutine", "coroutine.wrap(function() while true do end end)()"),
    (
        "nested coroutines",
        "local function f(n)
            if n == 0 then while true do end end
            local co = coroutine.create(f)
            while true do coroutine.resume(co, n - 1) end
        end
        f(5)",
    ),
    (
        "coroutines that yield to each other, which is no wait",
        "local co = coroutine.wrap(function() while true do coroutine.yield() end end) while true do co() end",
    ),
    ("a task", "async.spawn(function() while true do end end):await()"),
    ("a task nobody awaits", "async.spawn(function() while true do end end) sleep(1000)"),
    ("an interval", "async.spawn_interval(0.01, function() while true do end end) sleep(1000)"),
    (
        "a finalizer",
        "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()",
    ),
    ("a finalizer at the end", "x = setmetatable({}, { __gc = function() while true do end end })"),
    (
        "finalizers that make new ones at the end",
        "local function again() setmetatable({}, { __gc = again }) while true do end end again()",
    ),
    (
        "a close handler",
        "local x <close> = setmetatable({}, { __close = function() while true do end end })",
    ),
    (
        "a close handler after an error",
        "local x <close> = setmetatable({}, { __close = function() while true do end end }) error('x')",
    ),
    (
        "a metamethod",
        "local t = setmetatable({}, { __index = function() while true do end end }) return t.x",
    ),
    ("a pattern", "('a'):rep(1e5):find(('.-'):rep(20) .. 'b')"),
    ("a pattern in gsub", "(('a'):rep(1e5)):gsub(('a*'):rep(10) .. 'b', '')"),
    ("string.rep", "while true do local s = ('x'):rep(1e6) end"),
    ("a comparator", "table.sort({ 3, 2, 1 }, function() while true do end end)"),
    (
        "sorting",
        "local t = {} for i = 1, 3e5 do t[i] = (i * 7919) % 1000003 end
        while true do
            table.sort(t) table.sort(t, function(a, b) return a > b end)
        end",
    ),
    (
        "table.concat",
        "local t = {} for i = 1, 1e5 do t[i] = 'x' end while true do table.concat(t) end",
    ),
    (
        "json.encode",
        "local t = {} for i = 1, 2e5 do t[i] = { i } end while true do json.encode(t) end",
    ),
    ("json.parse", "local s = '[' .. ('1,'):rep(1e6) .. '1]' while true do json.parse(s) end"),
    ("hashing", "local s = ('x'):rep(1e7) while true do crypto.hash(s) end"),
    ("load", "local s = ('x = 1 '):rep(1e5) while true do load(s) end"),
    (
        "load of nested text",
        "local s = 'return ' .. ('('):rep(150) .. '1' .. (')'):rep(150) while true do load(s) end",
    ),
    ("a reader of load", "load(function() while true do end end)"),
    (
        "a comparison metamethod in table.sort",
        "local less = { __lt = function() while true do end end }
        table.sort({ setmetatable({}, less), setmetatable({}, less) })",
    ),
    (
        "one table.move",
        "local empty = setmetatable({}, { __index = function() end, __newindex = function() end })
        table.move(empty, 1, math.maxinteger - 1, 1, empty)",
    ),
    (
        "one table.concat",
        "table.concat(setmetatable({}, { __index = function() return '' end }), '', 1, math.maxinteger)",
    ),
    ("table.unpack", "while true do select('#', table.unpack({}, 1, 2e5)) end"),
    ("string.format", "local s = ('x'):rep(1e6) while true do string.format('%s%q', s, s) end"),
    ("concatenation", "local s = ('x'):rep(1e6) while true do local t = s .. s end"),
    (
        "utf8",
        "local s = ('\u{e4}'):rep(1e6) while true do utf8.len(s) utf8.codepoint(s, 1, 1000) end",
    ),
    ("base64 and url", "local s = ('x'):rep(1e6) while true do base64.encode(s) url.encode(s) end"),
    (
        "the collector",
        "local t = {} for i = 1, 1e5 do t[i] = {} end while true do collectgarbage() end",
    ),
    ("deep recursion", "local function f(n) while n == 0 do end return 1 + f(n - 1) end f(1e5)"),
    (
        "recursion that overflows again and again",
        "local function f() return 1 + f() end while true do pcall(f) end",
    ),
    (
        "a metamethod of print",
        "print(setmetatable({}, { __tostring = function() while true do end end }))",
    ),
    ("a timeout's function", "async.timeout(1000, function() while true do end end)"),
    (
        "the close handler of a cancelled task",
        "local h = async.spawn(function()
            local x <close> = setmetatable({}, { __close = function() while true do end end })
            sleep(1000)
        end)
        sleep(0) h:cancel() pcall(h.await, h)",
    ),
];

#[test]
fn a_script_within_its_limit_is_left_alone() {
    for code in WITHIN {
        Run::eval(&[CPU], code).finish().ok();
    }
}

#[test]
fn an_endless_computation_ends_with_exit_code_3_and_the_flag_wherever_it_is() {
    for (place, code) in ENDLESS {
        let finished = Run::eval(&[CPU], code).finish();
        assert_eq!(finished.code, 3, "{place}: {}", finished.stderr);
        let error = finished.stderr.lines().find(|line| line.starts_with("error: "));
        let error = error.unwrap_or_default();
        assert!(error.starts_with("error: stopped"), "{place}: {error}");
        assert!(error.contains("raise --max-cpu)"), "{place}: {error}");
        assert!(error.contains("300ms"), "{place}: {error}");
        assert_eq!(finished.stdout, "", "{place}");
    }
}

#[test]
fn a_module_that_never_finishes_loading_is_stopped() {
    let folder = Folder::new();
    folder.write("forever.lua", "while true do end");
    let main = folder.write("main.lua", "pcall(require, 'forever') print('went on')");
    let finished = Run::new(["run".as_ref(), CPU.as_ref(), main.as_os_str()]).finish();
    assert_eq!((finished.code, finished.stdout.as_str()), (3, ""), "{}", finished.stderr);
    assert!(finished.stderr.contains("--max-cpu"), "{}", finished.stderr);
}

#[test]
fn a_handler_that_computes_for_ever_is_stopped_and_the_server_goes_on() {
    let mut server = Serving::routes(
        &[CPU],
        "",
        "{ GET = { ['/loop'] = function() pcall(function() while true do end end) end, ['/'] = function() return 'alive' end } }",
    );
    assert_eq!(Raw::connect(server.port).get("/").text(), "alive");
    let mut victim = Raw::connect(server.port);
    victim.send("GET /loop HTTP/1.1\r\nHost: test\r\n\r\n");
    if let Some(response) = victim.read_response(false) {
        assert_eq!(response.status, 503);
    }
    assert!(server.stderr_line("starts again").contains("--max-cpu"));
    // The script ran again from the top, on the same port, which it printed again.
    assert_eq!(server.next_line(), server.port.to_string());
    assert_eq!(Raw::connect(server.port).get("/").text(), "alive");
}

#[test]
fn the_limit_of_the_whole_run_counts_over_all_resumptions() {
    for code in [
        "while true do for _ = 1, 1e4 do end sleep(0) end",
        "while true do async.spawn(function() for _ = 1, 1e5 do end end):await() end",
        "while true do end",
    ] {
        let stderr = Run::eval(&["--max-cpu-total=300ms"], code).finish().fails_with(3);
        assert!(stderr.contains("raise --max-cpu-total)"), "{code}: {stderr}");
    }
    Run::eval(&["--max-cpu-total=300ms"], "sleep(0.5)").finish().ok();
}

#[test]
fn the_limit_of_time_holds_whether_the_script_waits_or_computes() {
    for code in [
        "sleep(1000)",
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "while true do sleep(0) end",
        "while true do pcall(sleep, 0.01) end",
        "io.read() sleep(1000)",
        "local x <close> = setmetatable({}, { __close = function() sleep(1000) end }) sleep(1000)",
        "http.serve(0, {})",
        "setmetatable({}, { __gc = function() while true do end end }) collectgarbage()",
    ] {
        let stderr =
            Run::eval(&["--max-time=300ms", "--allow-listen=0"], code).finish().fails_with(3);
        assert!(stderr.contains("raise --max-time)"), "{code}: {stderr}");
    }
    Run::eval(&["--max-time=60s"], "sleep(0)").finish().ok();
}

#[test]
fn a_limit_can_be_lifted() {
    Run::eval(&["--max-cpu=none"], "local t = os.clock() while os.clock() - t < 0.5 do end")
        .finish()
        .ok();
}
