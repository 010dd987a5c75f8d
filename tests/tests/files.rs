//! The standard streams, and what a script without a grant gets instead of a file.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};

use tests::folder::Folder;
use tests::run::{Run, binary};

fn with_input(input: &[u8], code: &str) -> String {
    Run::eval(&[], code).input(input).finish().ok()
}

#[test]
fn print_writes_its_arguments_with_tabs_and_a_newline() {
    let code = "print() print(1, 2.0, nil, true, 'x') print(setmetatable({}, { __tostring = function() return 'T' end }))";
    assert_eq!(Run::eval(&[], code).finish().ok(), "\n1\t2.0\tnil\ttrue\tx\nT\n");
}

#[test]
fn write_writes_texts_and_numbers_and_gives_the_stream() {
    let code = "io.write('a', 1, 2.5, '\\n'):write('b\\n') io.stdout:write('c', '\\n'):flush() io.write() io.output():write('d\\n')";
    assert_eq!(Run::eval(&[], code).finish().ok(), "a12.5\nb\nc\nd\n");
}

#[test]
fn the_default_output_can_be_flushed_and_stays_open() {
    let code = "io.write('a\\n') print(io.flush(), io.stdout:flush())
        print((io.close()), (io.stdout:close())) print(io.stdout:setvbuf('no'))";
    assert_eq!(Run::eval(&[], code).finish().ok(), "a\ntrue\ttrue\nnil\tnil\ntrue\n");
}

#[test]
fn standard_error_is_a_stream_of_its_own() {
    let ended = Run::eval(&[], "io.stderr:write('err\\n') io.stdout:write('out\\n')").finish();
    assert_eq!((ended.stdout.as_str(), ended.stderr.as_str()), ("out\n", "err\n"));
}

#[test]
fn bytes_pass_unharmed_both_ways() {
    let script = "local all = io.read('a') io.write(all, #all)";
    let mut child = Command::new(binary())
        .args(["eval", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let bytes: Vec<u8> = (0..=255u8).cycle().take(300_000).collect();
    let mut stdin = child.stdin.take().unwrap();
    let input = bytes.clone();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let mut output = Vec::new();
    child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(output, [&bytes[..], b"300000"].concat());
}

#[test]
fn read_knows_lua_s_formats() {
    let script = include_str!("../scripts/files/formats.lua");
    let input = b"first\nsecond\n12 0x1F -3.5e2,7\nabcdef\n\nlast without newline";
    let said = Run::script(&[], script).input(input).finish().ok();
    let expected = "first|second\\n|12|31|-350.0|,7|abc|def||[]|last without newline|nil|nil|[]\n";
    assert_eq!(said, expected);
}

#[test]
fn formats_of_older_versions_are_known() {
    assert_eq!(
        with_input(b"a\n1\nb\nc", "print(io.read('*l', '*n', '*L', '*a'))"),
        "a\t1\t\n\tb\nc\n"
    );
}

#[test]
fn lines_gives_every_line() {
    for (call, said) in [
        ("io.lines()", "[a][][c]"),
        ("io.stdin:lines()", "[a][][c]"),
        ("io.stdin:lines('L')", "[a\n][\n][c]"),
        ("io.lines(nil, 1)", "[a][\n][\n][c]"),
    ] {
        let code = format!("for line in {call} do io.write('[', line, ']') end");
        assert_eq!(with_input(b"a\n\nc", &code), said, "{call}");
    }
}

#[test]
fn input_without_end_is_read_as_it_comes() {
    let mut child = Command::new(binary())
        .args([
            "eval",
            "for line in io.lines() do print('got ' .. line) io.flush() end print('end')",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for word in ["one", "two"] {
        writeln!(stdin, "{word}").unwrap();
        // The next line is written only after this one was answered.
        assert_eq!(lines.next().unwrap().unwrap(), format!("got {word}"));
    }
    drop(stdin);
    assert_eq!(lines.next().unwrap().unwrap(), "end");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_prompt_is_seen_before_the_answer_is_awaited() {
    let mut child = Command::new(binary())
        .args(["eval", "io.write('name? ') local name = io.read() print('hello ' .. name)"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut prompt = [0; 6];
    stdout.read_exact(&mut prompt).unwrap();
    assert_eq!(&prompt, b"name? ");
    child.stdin.take().unwrap().write_all(b"ann\n").unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    assert_eq!(rest, "hello ann\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn waiting_for_input_delays_nobody() {
    let mut child = Command::new(binary())
        .args(["eval", "local h = async.spawn(io.read) print('ticking') for _ = 1, 3 do sleep(0.001) end print('ticked') print(h:await()[1])"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "ticking");
    assert_eq!(lines.next().unwrap().unwrap(), "ticked");
    child.stdin.take().unwrap().write_all(b"late\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "late");
    assert!(child.wait().unwrap().success());
}

#[test]
fn the_streams_look_like_lua_s_files() {
    let code = "print(io.type(io.stdin), io.type(io.stdout), io.type(42), io.type({}))
        print(tostring(io.stdout):match('^file %(') ~= nil, io.output() == io.stdout, io.input() == io.stdin)
        print(io.stdout:read(), io.stdin:write('x'))";
    let said = Run::eval(&[], code).finish().ok();
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.first(), Some(&"file\tfile\tnil\tnil"));
    assert_eq!(lines.get(1), Some(&"true\ttrue\ttrue"));
    assert!(lines.get(2).is_some_and(|line| line.starts_with("nil\t")), "{said}");
}

#[test]
fn opening_a_file_is_refused_with_nil_and_the_flag_that_grants_it() {
    let folder = Folder::new();
    let path = folder.write("here.txt", "secret");
    let shown = folder.path().display();
    for (mode, access) in
        [("r", "read"), ("rb", "read"), ("w", "write"), ("a", "write"), ("r+", "write")]
    {
        let code = format!("print(io.open(..., '{mode}'))");
        let flag = format!("--allow-{access}={shown}");
        let expected = format!(
            "nil\t{access} access to {} is not granted (run with {flag})\t13\n",
            path.display()
        );
        assert_eq!(Run::eval(&[], &code).args([&path]).finish().ok(), expected);
        let granted = Run::eval(&[&flag], &code).args([&path]).finish().ok();
        assert!(granted.starts_with("file ("), "{granted}");
        folder.write("here.txt", "secret");
    }
    let said = Run::eval(&[&format!("--allow-read={shown}")], "print(io.open(..., 'w'))");
    assert!(said.args([&path]).finish().ok().contains("--allow-write="));
    assert_eq!(std::fs::read(&path).unwrap(), b"secret");
}

#[test]
fn every_other_way_to_a_file_is_denied_and_none_leads_to_a_process() {
    let folder = Folder::new();
    let path = folder.write("here.lua", "return 'secret'");
    let code = "local path = ...
        for _, open in ipairs { function() return io.lines(path) end, function() return io.input(path) end,
            function() return io.output(path) end, function() return dofile(path) end } do
          local ok, e = pcall(open)
          assert.eq(ok, false)
          assert.eq(e.kind, 'denied')
          assert.contains(e.message, '--allow-')
        end
        for _, result in ipairs { { loadfile(path) }, { os.remove(path) }, { os.rename(path, path) } } do
          assert.eq(result[1], nil)
          assert.contains(result[2], '--allow-')
        end
        print(io.popen, io.tmpfile, os.execute, os.tmpname, os.setlocale, package.loadlib, package.cpath, string.dump)";
    let said = Run::eval(&[], code).args([&path]).finish().ok();
    assert_eq!(said.trim_end().split('\t').collect::<Vec<_>>(), ["nil"; 8]);
    assert!(path.exists());
}

#[test]
fn arguments_of_the_wrong_type_name_the_function_and_the_scripts_line() {
    for (code, words) in [
        ("io.read('x')", "'read' (invalid format)"),
        ("io.read({})", "'read'"),
        ("io.write({})", "bad argument #1 to 'write'"),
        ("io.write('a', nil)", "bad argument #2 to 'write'"),
        ("io.stdout:write(true)", "'write'"),
        ("io.stdout.write()", "'write'"),
        ("io.open()", "bad argument #1 to 'open'"),
        ("io.open('a\\0b')", "io.open: the path holds a NUL byte"),
    ] {
        let said = Run::script(&[], &format!("\n\nlocal x = {code}")).finish().fails_with(1);
        let first = said.lines().next().unwrap_or_default();
        assert!(first.contains("main.lua:3: ") && first.contains(words), "{code}: {said}");
    }
}

#[test]
fn a_reader_that_goes_away_is_reported_and_does_not_kill_the_script() {
    let code = "for _ = 1, 100000 do
          local ok, message = io.write(('x'):rep(100), '\\n')
          if not ok then io.stderr:write('gone: ', message, '\\n') break end
        end
        print('nobody sees this')";
    let mut child = Command::new(binary())
        .args(["eval", code])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.starts_with("gone: ") && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_line_longer_than_memory_is_an_error_and_not_a_crash() {
    let code = "local ok, e = pcall(io.read) print(ok, tostring(e):match('not enough memory'))";
    let said = Run::eval(&["--max-memory=16MiB"], code).input(vec![b'x'; 20_000_000]).finish();
    assert_eq!(said.ok(), "false\tnot enough memory\n");
}

#[test]
fn only_one_coroutine_may_wait_for_input() {
    let code = "local function try() local ok, e = pcall(io.read) return ok and e or e.kind end
        local handles = { async.spawn(try), async.spawn(try) }
        print(handles[2]:await()[1])
        handles[1]:cancel()";
    let mut child = Command::new(binary())
        .args(["eval", code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    child.stdout.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(said, "limit\n");
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_read_that_is_cancelled_loses_no_input() {
    let code = "local h = async.spawn(io.read) sleep(0) h:cancel() pcall(h.await, h) print('cancelled') io.flush() print(io.read())";
    let mut child = Command::new(binary())
        .args(["eval", code])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "cancelled");
    child.stdin.take().unwrap().write_all(b"kept\n").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "kept");
    assert!(child.wait().unwrap().success());
}
