//! How a run ends: exit codes, the error line, the traceback.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use tests::folder::Folder;
use tests::run::Run;

#[test]
fn each_way_to_end_has_its_exit_code() {
    for (flags, code, status) in [
        (&[][..], "", 0),
        (&[], "return 7", 0),
        (&[], "error('x')", 1),
        (&[], "error()", 1),
        (&[], "error({})", 1),
        (&[], "local x = = 1", 1),
        (&[], "http.get('http://127.0.0.1/')", 1),
        (&["--max-cpu=200ms"], "while true do end", 3),
        (&["--max-cpu=200ms"], "pcall(function() while true do end end)", 3),
        (&["--max-memory=16MiB"], "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) end", 3),
        (&["--max-time=100ms"], "sleep(3600)", 3),
        (&["--max-tasks=3"], "for i = 1, 9 do async.spawn(sleep, 9) end", 3),
        (&["--max-source=10"], "print('a source longer than that')", 3),
        (&[], "os.exit()", 0),
        (&[], "os.exit(true)", 0),
        (&[], "os.exit(false)", 1),
        (&[], "os.exit(7)", 7),
        (&[], "os.exit(255)", 255),
        (&[], "pcall(os.exit, 4) print('not reached')", 4),
        (&[], "coroutine.wrap(function() os.exit(5) end)()", 5),
        (&[], "async.spawn(os.exit, 6) sleep(3600)", 6),
        (&[], "io.write('said') os.exit(8)", 8),
    ] {
        let ended = Run::eval(flags, code).finish();
        assert_eq!(ended.code, status, "{code}: {}", ended.stderr);
        assert_eq!(ended.stdout, if code.contains("said") { "said" } else { "" }, "{code}");
        let failed = matches!(status, 1 | 3) && !code.contains("os.exit");
        let says = ended.stderr.lines().any(|line| line.starts_with("error: "));
        assert_eq!(says, failed, "{code}: {}", ended.stderr);
    }
}

#[test]
fn a_limit_names_the_flag_that_raises_it() {
    for (flag, code) in [
        ("--max-cpu=100ms", "while true do end"),
        ("--max-cpu-total=100ms", "while true do sleep(0) for i = 1, 1e5 do end end"),
        ("--max-time=100ms", "sleep(3600)"),
        ("--max-memory=16MiB", "local t = {} while true do t[#t + 1] = ('x'):rep(1e6) end"),
        ("--max-tasks=3", "for i = 1, 9 do async.spawn(sleep, 9) end"),
        ("--max-source=10", "print('a source longer than that')"),
    ] {
        let said = Run::eval(&[flag], code).finish().fails_with(3);
        let name = flag.split('=').next().unwrap();
        let first = said.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
        assert!(first.contains(name), "{flag}: {said}");
    }
}

#[test]
fn a_failure_is_one_line_and_a_traceback_of_the_script() {
    let folder = Folder::new();
    folder.write("main.lua", "local function inner()\n  error('it broke')\nend\ninner()\n");
    let said = Run::new(["main.lua"]).in_folder(folder.path()).finish().fails_with(1);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines[..2], ["error: main.lua:2: it broke", "stack traceback:"], "{said}");
    assert!(
        said.contains("main.lua:2: in ") && said.contains("main.lua:4: in main chunk"),
        "{said}"
    );
    for (value, shown) in [
        ("'text', 0", "error: text\n"),
        ("nil", "error: <no error object>\n"),
        ("setmetatable({}, { __tostring = function() return 'mine' end })", "error: mine\n"),
    ] {
        let said = Run::eval(&[], &format!("error({value})")).finish().fails_with(1);
        assert!(said.starts_with(shown), "{value}: {said}");
    }
}

#[test]
fn a_script_that_cannot_be_read_is_named() {
    let folder = Folder::new();
    for name in ["no-such.lua", "."] {
        let said = Run::new(["run", name]).in_folder(folder.path()).finish().fails_with(1);
        assert!(said.starts_with(&format!("error: failed to read the script {name}: ")), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn workers_without_a_server_are_a_usage_error() {
    let said = Run::eval(&["--workers=2"], "print('x')").finish().fails_with(2);
    assert!(said.contains("--workers") && said.contains("http.serve"), "{said}");
}

#[test]
fn the_log_format_is_for_the_scripts_log_alone() {
    let ended = Run::eval(&["--log-format", "json"], "log.info('x') error('y')").finish();
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        lines[0].starts_with("{\"time\":")
            && lines[0].ends_with("\"level\":\"info\",\"message\":\"x\"}"),
        "{lines:?}"
    );
    assert_eq!(lines[1], "error: eval:1: y");
}
