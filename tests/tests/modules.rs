//! `require`: pure-Lua modules below the script's own folder, and the names errors give to them.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::symlink;

use tests::folder::Folder;
use tests::run::{Finished, Run};
use tests::upstream::Upstream;

/// Runs `main.lua` of a folder with these files.
fn run(files: &[(&str, &str)]) -> Finished {
    run_with(&[], files)
}

fn run_with(flags: &[&str], files: &[(&str, &str)]) -> Finished {
    let folder = Folder::new();
    for (name, source) in files {
        folder.write(name, source);
    }
    Run::new(["run"].iter().chain(flags).chain(&["main.lua"])).in_folder(folder.path()).finish()
}

/// What the script catches as `e` when it requires `name`.
fn refused(files: &[(&str, &str)], name: &str) -> String {
    let main = format!(
        "local ok, e = pcall(require, {name}) print(ok, type(e) == 'table' and e.kind or 'error', e)"
    );
    run(&[&[("main.lua", main.as_str())], files].concat()).ok()
}

#[test]
fn require_gives_the_modules_value_and_where_it_is() {
    let said = run(&[
        (
            "main.lua",
            "local m, where = require 'm' print(m.answer, where, select('#', require 'm'))",
        ),
        ("m.lua", "return { answer = 42 }"),
    ]);
    assert_eq!(said.ok(), "42\tm.lua\t1\n");
}

#[test]
fn a_module_runs_once_and_is_remembered() {
    let main = "assert(require 'm' == require 'm') assert(package.loaded.m == require 'm')
        package.loaded.m = nil
        require 'm'
        print(count)";
    let said = run(&[("main.lua", main), ("m.lua", "count = (count or 0) + 1 return {}")]);
    assert_eq!(said.ok(), "2\n");
}

#[test]
fn a_module_gets_its_name_and_place_and_may_return_nothing_or_false() {
    let said = run(&[
        (
            "main.lua",
            "print(require 'a.b') print(require 'none') print(require 'no') print(require 'own')",
        ),
        ("a/b.lua", "local name, where = ... return name .. '@' .. where"),
        ("none.lua", ""),
        ("no.lua", "return false"),
        ("own.lua", "package.loaded[...] = 'mine'"),
    ]);
    let first: Vec<_> =
        said.ok().lines().map(|line| line.split('\t').next().unwrap().to_owned()).collect();
    assert_eq!(first, ["a.b@a/b.lua", "true", "false", "mine"]);
}

#[test]
fn dots_are_folders_and_a_folder_may_have_an_init_file() {
    let said = run(&[
        (
            "main.lua",
            "print(require 'a.b.c', require 'pack', require 'pack.part', require 'both', require 'with-dash_1')",
        ),
        ("a/b/c.lua", "return 'deep'"),
        ("pack/init.lua", "return 'init ' .. require 'pack.part'"),
        ("pack/part.lua", "return 'part'"),
        ("both.lua", "return 'file'"),
        ("both/init.lua", "return 'folder'"),
        ("with-dash_1.lua", "return 'dash'"),
    ]);
    assert_eq!(
        said.ok(),
        "deep\tinit part\tpart\tfile\tdash\ta.b.c\n".replace("\ta.b.c", "\twith-dash_1.lua")
    );
}

#[test]
fn a_preloaded_module_is_taken_first() {
    let main =
        "package.preload.m = function(name, where) return name .. where end print(require 'm')";
    assert_eq!(
        run(&[("main.lua", main), ("m.lua", "error('not me')")]).ok(),
        "m:preload:\t:preload:\n"
    );
}

#[test]
fn the_libraries_are_loaded_already() {
    let main = "for _, name in ipairs { 'string', 'table', 'math', 'utf8', 'coroutine', 'os', 'io', 'http', 'json', 'log', 'async', 'base64', 'crypto', 'url', 'env', 'time' } do
          assert(require(name) == _G[name], name)
        end print('all')";
    assert_eq!(run(&[("main.lua", main)]).ok(), "all\n");
}

#[test]
fn modules_are_beside_the_script_wherever_it_is_run_from() {
    let folder = Folder::new();
    folder.write("app/main.lua", "print(require 'm', require 'lib.n')");
    folder.write("app/m.lua", "return 'beside'");
    folder.write("app/lib/n.lua", "return 'below'");
    folder.write("m.lua", "return 'in the working directory'");
    let said = Run::new(["run", "app/main.lua"]).in_folder(folder.path()).finish().ok();
    assert!(said.starts_with("beside\tbelow"), "{said}");
    symlink("app/main.lua", folder.path().join("link.lua")).unwrap();
    let said = Run::new(["run", "link.lua"]).in_folder(folder.path()).finish().ok();
    assert!(said.starts_with("beside\tbelow"), "{said}");
    for arguments in [&["eval", "print(require 'm')"][..], &["-"]] {
        let said =
            Run::new(arguments).in_folder(folder.path()).input("print(require 'm')").finish().ok();
        assert!(said.starts_with("in the working directory"), "{said}");
    }
}

#[test]
fn a_module_may_wait_at_its_top_level() {
    let upstream = Upstream::text("fetched");
    let folder = Folder::new();
    let main = "local h = async.spawn(function() return require 'm' end) sleep(0) print(h:await()[1], require('m'))";
    folder.write("main.lua", main);
    folder.write("m.lua", "sleep(0.001) local n = require 'n' return n");
    folder.write("n.lua", format!("return http.get('{}').body", upstream.url("/")));
    let said =
        Run::new(["run", &upstream.grant(), "main.lua"]).in_folder(folder.path()).finish().ok();
    assert_eq!(said, "fetched\tfetched\n");
}

#[test]
fn a_module_that_waits_is_run_once_for_all_who_require_it() {
    let main = "local function load() return require 'm' end
        local first, second = async.spawn(load), async.spawn(load)
        print(first:await()[1] == second:await()[1], count)";
    let module = "count = (count or 0) + 1 sleep(0.001) return {}";
    assert_eq!(run(&[("main.lua", main), ("m.lua", module)]).ok(), "true\t1\n");
}

#[test]
fn an_error_names_the_files_and_lines_on_its_way() {
    let said = run(&[
        ("b.lua", "local a = require 'a'\n\na.go()\n"),
        ("main.lua", "require 'b'"),
        ("a.lua", "local a = {}\n\n\n\nfunction a.go()\n  local x = 1\n  error('broken ' .. x)\nend\nreturn a\n"),
    ])
    .fails_with(1);
    assert!(said.starts_with("error: a.lua:7: broken 1\nstack traceback:\n"), "{said}");
    for place in ["a.lua:7: in ", "b.lua:3: in ", "main.lua:1: in main chunk"] {
        assert!(said.contains(place), "{place}: {said}");
    }
}

#[test]
fn a_shebang_shifts_no_line_of_a_module_either() {
    let source = "#!/usr/bin/env tidelock\nerror('here')\n";
    for said in [
        run(&[("main.lua", "require 'm'"), ("m.lua", source)]),
        run(&[("main.lua", "require 'm'"), ("m.lua", &format!("\u{feff}{source}"))]),
    ] {
        let said = said.fails_with(1);
        assert!(said.starts_with("error: m.lua:2: here\n"), "{said}");
    }
}

#[test]
fn a_syntax_error_names_file_and_line_and_the_module_can_be_tried_again() {
    let files = [("bad.lua", "local x = 1\nlocal y = = 2\n")];
    let said = refused(&files, "'bad'");
    assert!(
        said.starts_with("false\terror\t")
            && said.contains("bad.lua:2: unexpected symbol near '='"),
        "{said}"
    );
    let main = "print(pcall(require, 'm')) ready = true print(pcall(require, 'm'))";
    let said = run(&[
        ("main.lua", main),
        ("m.lua", "if not ready then error('not yet', 0) end return 'now'"),
    ])
    .ok();
    assert_eq!(said, "false\tnot yet\ntrue\tnow\tm.lua\n");
}

#[test]
fn a_missing_module_lists_the_places_tried() {
    let said = refused(&[], "'no.such'");
    assert!(
        said.starts_with(
            "false\tio\trequire: module not found: no file no/such.lua, no file no/such/init.lua"
        ),
        "{said}"
    );
    let said = run(&[("main.lua", "\nrequire 'nothing'")]).fails_with(1);
    assert!(said.contains("nothing.lua") && said.contains("main.lua:2: in main chunk"), "{said}");
}

#[test]
fn names_that_could_leave_the_folder_are_refused() {
    for name in [
        "''",
        "'.'",
        "'..'",
        "'..m'",
        "'m.'",
        "'.m'",
        "'a..b'",
        "'../m'",
        "'/etc/passwd'",
        "'a/b'",
        "'m\\0'",
        "'m.lua/x'",
        "'\\xff'",
        "'C:m'",
        "'a b'",
        "'a\\nb'",
        "('a'):rep(100000)",
    ] {
        let said = refused(&[("m.lua", "return 1"), ("b.lua", "return 1")], name);
        assert!(said.starts_with("false\terror\t") && said.contains("require: "), "{name}: {said}");
        assert_eq!(said.trim_end().lines().count(), 1, "{name}: {said}");
    }
    for (name, got) in [("nil", "nil"), ("{}", "table"), ("print", "function")] {
        let said = refused(&[], name);
        let text = format!("bad argument #1 to 'require' (string expected, got {got})");
        assert!(said.contains(&text), "{name}: {said}");
    }
    assert!(refused(&[], "42").contains("no file 42.lua"), "a number is its text");
}

#[test]
fn a_symlink_out_of_the_folder_is_denied_and_one_within_is_fine() {
    let folder = Folder::new();
    folder.write("outside.lua", "return 'secret'");
    folder.write("outside/m.lua", "return 'secret'");
    folder.write("app/real.lua", "return 'real'");
    let main = "for _, name in ipairs { 'file', 'folder.m', 'absolute', 'within' } do
          local ok, e = pcall(require, name) print(ok, ok and e or e.kind)
        end";
    folder.write("app/main.lua", main);
    let app = folder.path().join("app");
    symlink("../outside.lua", app.join("file.lua")).unwrap();
    symlink("../outside", app.join("folder")).unwrap();
    symlink(folder.path().join("outside.lua"), app.join("absolute.lua")).unwrap();
    symlink("real.lua", app.join("within.lua")).unwrap();
    let said = Run::new(["run", "-A", "app/main.lua"]).in_folder(folder.path()).finish().ok();
    assert_eq!(said, "false\tdenied\nfalse\tdenied\nfalse\tdenied\ntrue\treal\n");
}

#[test]
fn what_is_no_text_file_is_no_module() {
    let folder = Folder::new();
    folder.write("main.lua", "print(pcall(require, 'folder')) print(pcall(require, 'binary'))");
    std::fs::create_dir(folder.path().join("folder.lua")).unwrap();
    folder.write("binary.lua", b"\x1bLua\x55\0\x19\x93\r\n\x1a\n");
    let said = Run::new(["run", "main.lua"]).in_folder(folder.path()).finish().ok();
    let lines: Vec<_> = said.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with("false\t")) && lines.len() == 2, "{said}");
    assert!(lines[1].contains("binary"), "{said}");
}

#[test]
fn two_modules_that_require_each_other_end_with_an_explanation() {
    let said = run(&[
        ("main.lua", "require 'a'"),
        ("a.lua", "local b = require 'b' return b"),
        ("b.lua", "local a = require 'a' return a"),
    ])
    .fails_with(1);
    assert!(said.contains("requires itself, directly or through others"), "{said}");
    assert!(said.contains("a.lua:1:") && said.contains("b.lua:1:"), "{said}");
}

#[test]
fn nesting_is_bounded_by_the_flag() {
    let files: Vec<_> = (1..=10)
        .map(|n| {
            (
                format!("m{n}.lua"),
                format!(
                    "return {} + 1",
                    if n == 10 { "0".to_owned() } else { format!("require 'm{}'", n + 1) }
                ),
            )
        })
        .collect();
    let mut all = vec![("main.lua", "print(require 'm1')")];
    all.extend(files.iter().map(|(name, source)| (name.as_str(), source.as_str())));
    assert!(run(&all).ok().starts_with("10"));
    assert!(run_with(&["--max-require-depth=10"], &all).ok().starts_with("10"));
    let said = run_with(&["--max-require-depth=9"], &all).fails_with(1);
    assert!(said.contains("--max-require-depth"), "{said}");
}

#[test]
fn a_module_past_the_source_limit_is_too_large() {
    let big = format!("return 1 --{}", "x".repeat(2000));
    let files =
        [("main.lua", "print(select(2, pcall(require, 'm')).kind)"), ("m.lua", big.as_str())];
    assert_eq!(run_with(&["--max-source=1KiB"], &files).ok(), "too_large\n");
    let files = [("main.lua", "print((require 'm'))"), ("m.lua", big.as_str())];
    assert_eq!(run_with(&["--max-source=4KiB"], &files).ok(), "1\n");
}

#[test]
fn a_long_module_arrives_whole() {
    let long =
        format!("local t = {{\n{}}}\nreturn #t", "  'some text on a line',\n".repeat(20_000));
    assert!(run(&[("main.lua", "print(require 'm')"), ("m.lua", &long)]).ok().starts_with("20000"));
}
