//! The command line: ways to run a script, its arguments, exit codes, help.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use tests::folder::Folder;
use tests::run::{Run, binary};

/// Runs an executable file with the binary's folder on the search path.
fn execute(path: &std::path::Path, arguments: &[&str]) -> Output {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    let search = format!("{}:/usr/bin:/bin", binary().parent().unwrap().display());
    Command::new(path).args(arguments).env("PATH", search).output().unwrap()
}

#[test]
fn a_script_runs_with_and_without_the_word_run() {
    let folder = Folder::new();
    folder.write("main.lua", "print('ran', arg[0])");
    for arguments in [
        &["main.lua"][..],
        &["run", "main.lua"],
        &["--", "main.lua"],
        &["--max-cpu=5s", "main.lua"],
        &["run", "--max-cpu", "5s", "main.lua"],
    ] {
        let said = Run::new(arguments).in_folder(folder.path()).finish().ok();
        assert_eq!(said, "ran\tmain.lua\n", "{arguments:?}");
    }
}

#[test]
fn eval_runs_code() {
    assert_eq!(Run::new(["eval", "print(1 + 1, ...)", "a", "b"]).finish().ok(), "2\ta\tb\n");
    assert_eq!(Run::new(["eval", "return 'ignored'"]).finish().ok(), "");
}

#[test]
fn standard_input_is_a_script_where_none_is_named() {
    for arguments in [&[][..], &["-"], &["run"], &["run", "-"], &["eval"], &["eval", "-"]] {
        assert_eq!(
            Run::new(arguments).input("print('from stdin')").finish().ok(),
            "from stdin\n",
            "{arguments:?}"
        );
    }
    assert_eq!(Run::new(["-", "-x", "y"]).input("print(...)").finish().ok(), "-x\ty\n");
    let said = Run::new(["-"]).input("#!/usr/bin/env tidelock\nerror('x')").finish().fails_with(1);
    assert!(said.starts_with("error: stdin:2: x\n"), "{said}");
}

#[test]
fn everything_after_the_script_is_the_scripts() {
    let words =
        ["--allow-all", "-A", "--", "-", "--help", "run", "", "two words", "a,b", "--max-cpu=1"];
    let folder = Folder::new();
    let code = "print(#arg, select('#', ...)) for i = 1, #arg do assert(arg[i] == select(i, ...)) print(arg[i]) end";
    folder.write("main.lua", code);
    let expected = format!("10\t10\n{}\n", words.join("\n"));
    for before in [&["main.lua"][..], &["run", "main.lua"], &["eval", code]] {
        let ended = Run::new(before).args(words).in_folder(folder.path()).finish();
        assert_eq!(ended.stderr, "", "{before:?}");
        assert_eq!(ended.ok(), expected, "{before:?}");
    }
}

#[test]
fn arguments_may_be_any_bytes() {
    let argument = std::ffi::OsStr::from_bytes(b"\xff\xfe");
    let said =
        Run::new(["eval", "print(#arg[1], arg[1]:byte(1, -1))"]).args([argument]).finish().ok();
    assert_eq!(said, "2\t255\t254\n");
}

#[test]
fn a_script_with_a_shebang_is_a_program() {
    let folder = Folder::new();
    for (shebang, name) in [
        ("#!/usr/bin/env tidelock", "tool"),
        ("#!/usr/bin/env -S tidelock run --allow-env=GIVEN", "tool.lua"),
    ] {
        let path = folder.write(
            name,
            format!("{shebang}\nprint('tool', ...)\nif ... == 'fail' then\n  error('x')\nend\n"),
        );
        let output = execute(&path, &["a", "--dash"]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "tool\ta\t--dash\n", "{output:?}");
        let output = execute(&path, &["fail"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.starts_with(&format!("error: {}:4: x\n", path.display())), "{said}");
    }
}

#[test]
fn check_finds_syntax_errors_and_runs_nothing() {
    let folder = Folder::new();
    folder.write("good.lua", "print('not run') os.exit(9)");
    folder.write("shebang.lua", "#!/usr/bin/env tidelock\nreturn 1");
    folder.write("bad.lua", "local a = 1\nlocal b = = 2\n");
    folder.write("worse.lua", "end");
    let check = |files: &[&str]| Run::new(["check"]).args(files).in_folder(folder.path()).finish();
    assert_eq!(check(&["good.lua", "shebang.lua"]).ok(), "");
    let said = check(&["bad.lua", "good.lua", "worse.lua", "missing.lua"]).fails_with(1);
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(
        lines[0].starts_with("error: bad.lua:2: ") && lines[1].starts_with("error: worse.lua:1: "),
        "{said}"
    );
    assert!(lines[2].contains("missing.lua"), "{said}");
    assert_eq!(Run::new(["check", "-"]).input("x =").finish().code, 1);
}

#[test]
fn every_help_teaches_with_an_example() {
    for words in [
        &["--help"][..],
        &["run", "--help"],
        &["eval", "--help"],
        &["check", "--help"],
        &["limits", "--help"],
        &["completions", "--help"],
        &["help", "run"],
    ] {
        let said = Run::new(words).finish().ok();
        let example = said
            .split("Example: ")
            .nth(1)
            .unwrap_or_else(|| panic!("{words:?} has no example:\n{said}"));
        assert!(
            example.lines().nth(1).is_some_and(|line| line.starts_with("  tidelock ")),
            "{said}"
        );
        assert!(said.contains("Usage: tidelock"), "{said}");
    }
    let said = Run::new(["run", "--help"]).finish().ok();
    for flag in [
        "--allow-net",
        "--deny-net",
        "--allow-listen",
        "--allow-env",
        "--policy",
        "--audit",
        "--max-memory",
        "--max-cpu",
        "--workers",
        "--access-log",
        "--dev",
        "--log-format",
    ] {
        assert!(said.contains(flag), "{flag}");
    }
    assert!(Run::new(["--version"]).finish().ok().starts_with("tidelock "));
}

#[test]
fn the_examples_in_the_help_work() {
    let upstream = tests::upstream::Upstream::text("x");
    let code = format!("print(http.get(\"{}\").status)", upstream.url("/"));
    assert_eq!(Run::eval(&[&upstream.grant()], &code).finish().ok(), "200\n");
}

#[test]
fn what_is_misspelt_is_a_usage_error() {
    for (words, hint) in [
        (&["--alow-net=x", "main.lua"][..], "--allow-net"),
        (&["run", "--max-memori=1", "main.lua"], "--max-memory"),
        (&["run", "--nonsense", "main.lua"], "--nonsense"),
        (&["--allow-net", "http://a/b", "main.lua"], "--allow-net"),
        (&["--allow-net=", "main.lua"], "--allow-net"),
        (&["--allow-listen=x", "main.lua"], "--allow-listen"),
        (&["--allow-listen=70000", "main.lua"], "--allow-listen"),
        (&["--allow-env=A=B", "main.lua"], "--allow-env"),
        (&["--max-cpu=fast", "main.lua"], "--max-cpu"),
        (&["--max-memory=64MB", "main.lua"], "64MiB"),
        (&["--max-memory=-1", "main.lua"], "--max-memory"),
        (&["--workers=0", "main.lua"], "--workers"),
        (&["--log-format=xml", "main.lua"], "json"),
        (&["--policy=/no/such.toml", "main.lua"], "/no/such.toml"),
        (&["--audit=/no/such/folder/audit", "main.lua"], "/no/such/folder/audit"),
        (&["--allow-env=X", "run", "main.lua"], "tidelock run"),
        (&["check"], "SCRIPT"),
        (&["check", "-A", "main.lua"], "-A"),
        (&["limits", "main.lua"], "main.lua"),
        (&["limits", "--allow-net=x"], "--allow-net"),
        (&["completions", "tcsh"], "bash"),
    ] {
        let ended = Run::new(words).finish();
        assert_eq!(ended.stdout, "", "{words:?}");
        let said = ended.fails_with(2);
        assert!(said.starts_with("error: ") && said.contains(hint), "{words:?}: {said}");
    }
}

#[test]
fn completions_are_scripts_for_their_shells() {
    for (shell, check) in [("bash", Some(["bash", "-n"])), ("zsh", None), ("fish", None)] {
        let said = Run::new(["completions", shell]).finish().ok();
        for word in ["tidelock", "allow-net", "max-memory", "completions"] {
            assert!(said.contains(word), "{shell}: {word}");
        }
        if let Some([program, flag]) = check {
            let folder = Folder::new();
            let path = folder.write("completions", &said);
            assert!(Command::new(program).arg(flag).arg(path).status().unwrap().success());
        }
    }
}

#[test]
fn the_grant_of_everything_is_said_once_and_limits_stay() {
    let upstream = tests::upstream::Upstream::text("body");
    let code = format!("print(http.get('{}').body, env.get('HERE'))", upstream.url("/"));
    for flag in ["-A", "--allow-all"] {
        let ended = Run::eval(&[flag], &code).env("HERE", "seen").finish();
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        assert!(
            ended.stderr.starts_with("warning: ") && ended.stderr.contains("--allow-all"),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.ok(), "body\tseen\n");
    }
    Run::eval(&["-A", "--max-cpu=100ms"], "while true do end").finish().fails_with(3);
    let said = Run::eval(&["-A", "--deny-net=127.0.0.1"], &code).finish().fails_with(1);
    assert!(said.contains("is denied (by --deny-net=127.0.0.1)"), "{said}");
}
