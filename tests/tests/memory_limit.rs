//! The limit on memory: an error the script can catch, then the end of the run, and never more of the
//! machine than that.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Stdio};

use tests::run::{Run, binary};
use tests::script_tests;

script_tests! { "memory_limit":
    bounded_by_lua
    catchable
    deep_recursion
}

/// Scripts that take memory for ever.
const BOMBS: [(&str, &str); 13] = [
    ("strings", "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end"),
    ("tables", "local t = {} while true do t[#t + 1] = {} end"),
    ("a list", "local t = {} for i = 1, math.huge do t[i] = i end"),
    ("doubling", "local s = 'x' while true do s = s .. s end"),
    ("rep", "return ('x'):rep(2e9)"),
    ("concat", "local t = {} for i = 1, 1e4 do t[i] = ('x'):rep(1e5) end return table.concat(t)"),
    ("coroutines", "local t = {} while true do t[#t + 1] = coroutine.create(print) end"),
    (
        "coroutines that have begun",
        "local t = {} while true do
            t[#t + 1] = coroutine.wrap(function() coroutine.yield() end) t[#t]()
        end",
    ),
    ("closures", "local t = {} while true do t[#t + 1] = function() return t end end"),
    ("a task", "async.spawn(function() local t = {} while true do t[#t + 1] = {} end end):await()"),
    ("json", "return json.encode((function() local t = {} while true do t[#t + 1] = {} end end)())"),
    (
        "finalizers that keep all",
        "local kept = {} local mt = {} mt.__gc = function(o) kept[#kept + 1] = o setmetatable({ ('x'):rep(1e5) .. #kept }, mt) end
        while true do setmetatable({ ('x'):rep(1e5) .. #kept }, mt) end",
    ),
    ("tasks", "local t = {} while true do t[#t + 1] = async.spawn(function() sleep(1000) end) sleep(0) end"),
];

/// Scripts that catch every error and try again: only the CPU limit ends them.
const CATCHING: [(&str, &str); 2] = [
    (
        "pcall in a loop",
        "local t = {} while true do pcall(function() t[#t + 1] = ('x'):rep(1e5) .. #t end) end",
    ),
    (
        "coroutines within coroutines",
        "local t = {} local function f() t[#t + 1] = {} return coroutine.wrap(f)() end while true do pcall(f) end",
    ),
];

/// The exit code, what was said, and the most memory the process ever had, in KiB.
fn measure(flags: &[&str], code: &str) -> (i32, String, u64) {
    // The standard library cannot ask for the peak of a child; Python, which the build needs, can.
    let script = "import resource,subprocess,sys\n\
        p = subprocess.run(sys.argv[1:])\n\
        print(p.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(binary())
        .arg("eval")
        .args(flags)
        .arg(code)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (code, peak) = stdout.lines().last().unwrap().split_once(' ').unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (code.parse().unwrap(), stderr, peak.parse().unwrap())
}

/// Runs scripts under a limit on memory; each must end with exit code 3 and a text with one of `flags`.
fn expect_bounded(scripts: &[(&str, &str)], limit_mib: u64, max_cpu: &str, flags: &[&str]) {
    for (name, code) in scripts {
        let max_memory = format!("--max-memory={limit_mib}MiB");
        let (code, stderr, peak) = measure(&[&max_memory, max_cpu], code);
        assert_eq!(code, 3, "{name}, {limit_mib} MiB: {stderr}");
        let error = stderr.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        let named = flags.iter().any(|flag| error.contains(&format!("raise {flag})")));
        assert!(named, "{name}, {limit_mib} MiB: {stderr}");
        assert!(peak < (limit_mib + 64) * 1024, "{name}, {limit_mib} MiB: {peak} KiB at the peak");
    }
}

#[test]
fn a_script_that_takes_all_it_can_ends_with_exit_code_3_and_stays_within_its_limit() {
    for limit in [16, 48, 128] {
        expect_bounded(&BOMBS, limit, "--max-cpu=30s", &["--max-memory", "--max-tasks"]);
    }
}

#[test]
fn a_script_that_catches_every_memory_error_stays_within_its_limit() {
    for limit in [16, 128] {
        expect_bounded(&CATCHING, limit, "--max-cpu=2s", &["--max-cpu", "--max-memory"]);
    }
}

#[test]
fn what_a_caught_error_freed_can_be_had_again() {
    for (flags, size) in [
        (&[][..], 10_000_000),
        (&["--max-memory=64MiB"], 10_000_000),
        (&["--max-memory=16MiB"], 1_000_000),
    ] {
        let code = format!(
            "for round = 1, 5 do
                local ok, e = pcall(function() local t = {{}} while true do t[#t + 1] = {{ #t }} end end)
                assert(not ok and e == 'not enough memory', e)
                collectgarbage()
                local s = ('x'):rep({size})
                assert(#s == {size})
                s = nil
                collectgarbage()
                local t = {{}}
                for i = 1, 10000 do t[i] = {{ i }} end
            end"
        );
        Run::eval(flags, &code).finish().ok();
    }
}

#[test]
fn what_large_strings_leave_can_be_had_in_pieces_of_any_size() {
    for (limit, least) in [("32MiB", 100), ("64MiB", 300)] {
        let code = "for i = 1, 40 do pcall(string.rep, 'x', i * 500000) end
            local kept, count = {}, 0
            pcall(function() for i = 1, 1000 do kept[i] = ('y'):rep(65526) .. i count = i end end)
            print(count)";
        let said = Run::eval(&[&format!("--max-memory={limit}")], code).finish().ok();
        let count: u32 = said.trim().parse().unwrap();
        assert!(count >= least, "{limit}: {count} strings of 64 KiB");
    }
}

#[test]
fn a_script_may_use_half_of_its_limit_in_one_piece_and_in_many() {
    for (limit, megabytes) in [(16, 3), (32, 16), (64, 32), (128, 64)] {
        let flag = format!("--max-memory={limit}MiB");
        let one = format!("assert(#('x'):rep({megabytes}000000) == {megabytes}000000)");
        let many = format!("t = {{}} for i = 1, {megabytes}0 do t[i] = ('x'):rep(99990) .. i end");
        let small = format!("t = {{}} for i = 1, {megabytes} * 10000 do t[i] = {{ i }} end");
        for code in [one, many, small] {
            Run::eval(&[&flag], &code).finish().ok();
        }
    }
}

#[test]
fn an_uncaught_memory_error_names_the_flag_wherever_it_happens() {
    for code in [
        "coroutine.wrap(function() local t = {} while true do t[#t + 1] = {} end end)()",
        "async.spawn(function() local t = {} while true do t[#t + 1] = {} end end):await()",
        "sleep(0) local t = {} while true do t[#t + 1] = {} end",
        "local x <close> = setmetatable({}, { __close = function() local t = {} while true do t[#t + 1] = {} end end })",
        "async.all({ function() local t = {} while true do t[#t + 1] = {} end end })",
    ] {
        let stderr = Run::eval(&[], code).finish().fails_with(3);
        assert!(stderr.contains("raise --max-memory)"), "{code}: {stderr}");
    }
}

#[test]
fn a_handler_without_memory_fails_alone() {
    let mut server = tests::run::Serving::routes(
        &["--max-memory=64MiB"],
        "",
        "{ GET = {
            ['/bomb'] = function() local t = {} while true do t[#t + 1] = {} end end,
            ['/'] = function() return 'alive' end,
        } }",
    );
    for _ in 0..3 {
        assert_eq!(tests::client::Raw::connect(server.port).get("/bomb").status, 500);
        assert_eq!(tests::client::Raw::connect(server.port).get("/").text(), "alive");
    }
    assert!(server.stderr_line("not enough memory").contains("/bomb"));
}

#[test]
fn one_long_text_may_cross_several_times_in_one_call() {
    let code = "local s = ('x'):rep(30 << 20)
        local request = { body = s, headers = { a = 'b' } }
        for _, call in ipairs {
            function() return http.request(s, s, request) end,
            function() return http.request('POST', 'http://127.0.0.1/' .. s, request) end,
            function() return http.download(s, s) end,
            function() return assert(os.rename(s, s)) end,
            function() return ws.connect(s, { headers = { a = s } }) end,
        } do assert(not pcall(call)) end";
    Run::eval(&["--max-memory=128MiB"], code).finish().ok();
}
