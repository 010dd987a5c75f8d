//! The language a script gets: Lua 5.5 without what reaches past the sandbox.

#![expect(clippy::indexing_slicing, reason = "tests")]

use tests::folder::Folder;
use tests::run::Run;
use tests::script_tests;

script_tests! { "language":
    absent_functions
    error_values
    getinfo_and_traceback
    globals_may_be_overwritten
    load_takes_text_only
    standard_library
}

/// What is printed for an uncaught error, by what raises it. Exact: it is the same in every run.
const UNCAUGHT: [(&str, &str); 14] = [
    ("error('text')", "error: eval:1: text"),
    ("error('text', 0)", "error: text"),
    ("error('two\\nlines', 0)", "error: two\nlines"),
    ("error(42)", "error: 42"),
    ("error(1.5)", "error: 1.5"),
    ("error(setmetatable({}, { __tostring = function() return 'object' end }))", "error: object"),
    (
        "error(setmetatable({}, { __tostring = function() return 5 end }))",
        "error: (error object is a table value)",
    ),
    (
        "error(setmetatable({}, { __tostring = function() error('in it') end }))",
        "error: (error object is a table value)",
    ),
    ("error({})", "error: (error object is a table value)"),
    ("error(true)", "error: (error object is a boolean value)"),
    ("error(print)", "error: (error object is a function value)"),
    ("error()", "error: <no error object>"),
    ("local x = nil + 1", "error: eval:1: attempt to perform arithmetic on a nil value"),
    ("http.get('http://10.0.0.1/')", "error: http.get failed: "),
];

#[test]
fn an_uncaught_error_is_printed_with_its_value_and_a_traceback() {
    for (code, expected) in UNCAUGHT {
        for code in [code.to_owned(), format!("sleep(0) {code}")] {
            let stderr = Run::eval(&[], &code).finish().fails_with(1);
            let (message, traceback) =
                stderr.split_once("\nstack traceback:\n").unwrap_or((&stderr, ""));
            if expected.ends_with(": ") {
                assert!(message.starts_with(expected), "{code}: {stderr}");
            } else {
                assert_eq!(message, expected, "{code}: {stderr}");
            }
            assert!(traceback.contains("eval:1: in main chunk"), "{code}: {stderr}");
            let again = Run::eval(&[], &code).finish().stderr;
            assert_eq!(again, stderr, "{code}");
        }
    }
}

#[test]
fn a_traceback_shows_the_scripts_own_files_and_lines() {
    let folder = Folder::new();
    folder.write(
        "lib.lua",
        "local lib = {}\n\nfunction lib.check(x)\n  error(\"bad \" .. x)\nend\n\nreturn lib\n",
    );
    folder.write(
        "main.lua",
        "#!/usr/bin/env tidelock\nlocal lib = require(\"lib\")\nlocal function work()\n  lib.check(\"value\")\n  return 1\nend\n\nlocal r = work()\n",
    );
    let stderr = Run::new(["run", "main.lua"]).in_folder(folder.path()).finish().fails_with(1);
    let lines: Vec<_> = stderr.lines().map(str::trim).collect();
    assert_eq!(lines.first(), Some(&"error: lib.lua:4: bad value"), "{stderr}");
    assert_eq!(lines.get(1), Some(&"stack traceback:"), "{stderr}");
    let mut places = lines.iter().filter(|line| line.contains(".lua:"));
    places.next();
    for (file, function) in
        [("lib.lua:4:", "check"), ("main.lua:4:", "work"), ("main.lua:8:", "main chunk")]
    {
        let line = places.next().unwrap_or(&"nothing more");
        assert!(line.starts_with(file) && line.contains(function), "{line} in:\n{stderr}");
    }
    assert_eq!(places.next(), None, "{stderr}");
}

#[test]
fn a_traceback_goes_through_tasks_protected_calls_and_waits() {
    for code in [
        "local function culprit() sleep(0) error('x') end\nlocal function outer() culprit() return 1 end\nouter()",
        "local function culprit() error('x') end\nlocal function outer() coroutine.wrap(function() sleep(0) end)() culprit() return 1 end\nouter()",
    ] {
        let stderr = Run::eval(&[], code).finish().fails_with(1);
        for text in ["in upvalue 'culprit'", "in local 'outer'", "eval:3: in main chunk"] {
            assert!(stderr.contains(text), "{text} is missing:\n{stderr}");
        }
    }
    // Of a task that nobody awaits: where it failed, not where it was started.
    let stderr = Run::eval(&[], "async.spawn(function()\nlocal function culprit() error('x') end\nculprit() return 1 end) sleep(0.01)")
        .finish()
        .stderr;
    assert!(stderr.contains("eval:2: in local 'culprit'"), "{stderr}");
}

#[test]
fn scripts_do_not_share_anything_between_runs() {
    for _ in 0..2 {
        let stdout =
            Run::eval(&[], "print(shared, string.mine) shared = 1 string.mine = 1").finish().ok();
        assert_eq!(stdout, "nil\tnil\n");
    }
}

#[test]
fn bytecode_is_no_script_and_no_module() {
    let folder = Folder::new();
    let binary = folder.write("binary.lua", b"\x1bLua\x55\x00\x19\x93\r\n\x1a\n\x00\x00\x00\x00");
    folder.write("main.lua", "require('binary')");
    for script in [binary, folder.path().join("main.lua")] {
        let stderr = Run::new(["run".as_ref(), script.as_os_str()]).finish().fails_with(1);
        assert!(stderr.contains("binary chunk"), "{stderr}");
    }
    let stderr = Run::new(["run", "-"]).input(b"\x1bLua\x55\x00".as_slice()).finish().fails_with(1);
    assert!(stderr.contains("binary chunk"), "{stderr}");
}

#[test]
fn as_many_tasks_as_the_limit_allows_run_and_no_more() {
    let full = "local t = {} for i = 1, 9 do t[i] = async.spawn(sleep, 0) end for i = 1, 9 do t[i]:await() end";
    // The main chunk is one of the ten; those that have ended count no more.
    Run::eval(&["--max-tasks=10"], &format!("for _ = 1, 3 do {full} end")).finish().ok();
    let stdout = Run::eval(
        &["--max-tasks=10"],
        "local ok, e = pcall(function() for i = 1, 10 do async.spawn(sleep, 0) end end)
        print(ok, e.kind, e)
        sleep(0.01)
        async.spawn(print, 'room again'):await()",
    )
    .finish()
    .ok();
    let lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{stdout}");
    assert!(lines[0].starts_with("false\tlimit\t") && lines[0].contains("--max-tasks"), "{stdout}");
    assert_eq!(lines[1], "room again");
    for code in [
        "for i = 1, 10 do async.spawn(sleep, 1000) end",
        "async.all({ sleep, sleep, sleep, sleep, sleep, sleep, sleep, sleep, sleep, sleep })",
        "for i = 1, 10 do async.spawn_interval(1000, print) end",
        "local function f() async.spawn(f):await() end f()",
    ] {
        let stderr = Run::eval(&["--max-tasks=10"], code).finish().fails_with(3);
        assert!(stderr.contains("raise --max-tasks"), "{code}: {stderr}");
    }
}

#[test]
fn source_beyond_its_limit_is_refused_wherever_it_comes_from() {
    let folder = Folder::new();
    let long = folder.write("long.lua", "x = 1 ".repeat(1000));
    let within = folder.write("within.lua", "x = 1 ".repeat(100));
    let requires = folder.write("requires.lua", "require('long')");
    let flag = "--max-source=1KiB";
    let run = |script: &std::path::Path| {
        Run::new(["run".as_ref(), flag.as_ref(), script.as_os_str()]).finish()
    };
    run(&within).ok();
    let stderr = run(&long).fails_with(3);
    assert!(stderr.contains("--max-source"), "{stderr}");
    let finished = run(&requires);
    assert_ne!(finished.code, 0);
    let stderr = finished.stderr;
    assert!(stderr.contains("--max-source"), "{stderr}");
    let stderr = Run::new(["run", flag, "-"]).input("x = 1 ".repeat(1000)).finish().fails_with(3);
    assert!(stderr.contains("--max-source"), "{stderr}");
    for code in [
        "print(load(('x = 1 '):rep(1000)))",
        "local n = 0 print(load(function() n = n + 1 if n <= 1000 then return 'x = 1 ' end end))",
        "local n = 0 print(load(function() n = n + 1 if n == 1 then return ('x = 1 '):rep(1000) end end))",
    ] {
        let stdout = Run::eval(&[flag], code).finish().ok();
        assert!(stdout.starts_with("nil\t") && stdout.contains("--max-source"), "{code}: {stdout}");
    }
}
