//! Attacks on memory and on the stacks: rows 3, 4, 6, 7, 8, 32 and 37.
//!
//! Most scripts here know many ways of one attack and what each must end in: see `named_ways.lua`.

use tests::arena::{Arena, scripts};
use tests::folder::Folder;
use tests::run::{Finished, Run};

/// Little enough to be filled soon.
const FLAGS: [&str; 2] = ["--max-memory=64MiB", "--max-tasks=5000"];

/// What two workers may keep of that: linear memory never shrinks.
const KEPT_KIB: u64 = 2 * 64 * 1024;

/// Attacks a server in every way a script knows, and expects the answer the script expects.
fn try_every_way(script: &str, flags: &[&str]) -> Finished {
    let arena = Arena::new(&[&FLAGS, flags].concat());
    let ways = arena.attack(&format!("{script}?way=list")).expect("a list").text();
    for line in ways.lines() {
        let (way, expected) = line.split_once('\t').expect("a way and its end");
        let answer = arena.attack(&format!("{script}?way={way}")).expect(way);
        let said = if answer.status == 200 { answer.text() } else { answer.status.to_string() };
        assert!(
            expected.split('|').any(|text| said.contains(text)),
            "{script}, {way}: expected {expected}, got {said}"
        );
    }
    assert!(ways.lines().count() > 5, "{ways}");
    arena.finish(KEPT_KIB)
}

/// Runs one way of an attack as a script of its own, which catches nothing.
fn run_alone(script: &str, way: &str) -> Finished {
    let code = format!("require('{script}')({{ params = {{ way = '{way}' }} }})");
    Run::eval(&FLAGS, &code).in_folder(&scripts()).finish()
}

/// Answer: `not enough memory` in the handler, 500 for its client alone; the instance goes on. Fails with
/// `--max-memory=512MiB` instead of 64 MiB: what the workers keep is too much.
#[test]
fn attack_03_table_bomb() {
    let mut arena = Arena::new(&FLAGS);
    for way in ["plain", "json", "metatable", "coroutine", "task"] {
        let answer = arena.attack(&format!("table_bomb?way={way}")).expect(way);
        assert_eq!(answer.status, 500, "{way}: {}", answer.text());
    }
    arena.serving.stderr_line("not enough memory");
    let finished = arena.finish(KEPT_KIB);
    assert!(!finished.stderr.contains("starts again"), "{}", finished.stderr);
}

/// Answer: finalizers that keep what they were to free end at one limit or the other, and the server
/// goes on. Fails without both limits: either of them is enough.
#[test]
fn attack_03_table_bomb_of_finalizers() {
    let arena = Arena::new(&["--max-memory=64MiB", "--max-cpu=1s"]);
    let answer = arena.attack("table_bomb?way=finalizers").expect("an answer");
    assert!([500, 503].contains(&answer.status), "{}", answer.status);
    arena.finish(KEPT_KIB);
}

/// Answer: exit code 3 and the flag. Fails with `--max-memory=512MiB`: some come to their end.
#[test]
fn attack_03_table_bomb_ends_a_run() {
    for way in ["plain", "json", "metatable", "coroutine", "task"] {
        let stderr = run_alone("table_bomb", way).fails_with(3);
        assert!(stderr.contains("raise --max-memory)"), "{way}: {stderr}");
    }
}

/// Answer: Lua errors that can be caught. Fails with `--max-memory=512MiB`: several come to their end.
#[test]
fn attack_04_huge_strings() {
    try_every_way("strings", &[]);
}

/// Answer: Lua errors that can be caught. Fails with `JSON_MAXDEPTH` 1,000,000 in `guest-lua/src/pure/json.h`.
#[test]
fn attack_06_json() {
    try_every_way("json_bomb", &[]);
}

/// Answer: Lua errors that can be caught, never a trap. Fails with `LUAI_MAXCCALLS` 20,000 in
/// `guest-lua/build/module.rs`.
#[test]
fn attack_07_recursion() {
    let finished = try_every_way("recursion", &[]);
    assert!(!finished.stderr.contains("starts again"), "{}", finished.stderr);
}

/// Answer: exit code 1 and Lua's traceback, or 3 for the memory. Fails as the test above:
/// a run then ends with 3, as its calls nest too deeply.
#[test]
fn attack_07_recursion_ends_a_run() {
    for (source, code, text) in [
        ("local function f() return f() .. '' end f()", 1, "stack overflow"),
        ("local function f(s) return (s:gsub('.', f)) end f('x')", 1, "C stack overflow"),
        ("local function f() return coroutine.wrap(f)() end f()", 1, "C stack overflow"),
        ("t = {} while true do t[#t + 1] = coroutine.create(print) end", 3, "--max-memory"),
    ] {
        let stderr = Run::eval(&[], source).finish().fails_with(code);
        assert!(stderr.contains(text), "{source}: {stderr}");
        assert!(!stderr.contains("wasm"), "{source}: {stderr}");
    }
}

/// Answer: a message from `load`, a function, or the CPU limit. Fails with `--max-source=1GiB`: `locals_one_by_one`.
#[test]
fn attack_08_source() {
    try_every_way("source", &["--max-cpu=1s"]);
}

/// Answer: exit code 1 with the syntax error, or 3 for the limit. Fails with `--max-source=none`.
#[test]
fn attack_08_source_of_a_run() {
    let folder = Folder::new();
    for (name, source, code, text) in [
        ("huge.lua", " ".repeat(100 * 1024 * 1024), 3, "--max-source"),
        ("deep.lua", format!("return {}", "(".repeat(1_000_000)), 1, "C stack overflow"),
        ("nothing.lua", "\0".repeat(1_000_000), 1, "nothing.lua:1:"),
        ("binary.lua", "\u{1}\u{7f}\u{2}ELF\u{fffd}".repeat(100_000), 1, "binary.lua:1:"),
    ] {
        let path = folder.write(name, &source);
        for command in ["run", "check"] {
            let finished = Run::new([command.as_ref(), path.as_os_str()]).finish();
            let stderr = finished.fails_with(code);
            assert!(stderr.contains(text) && stderr.len() < 2000, "{command} {name}: {stderr}");
        }
    }
}

/// Answer: what is dropped is given back, what is kept meets `--max-tasks`. Fails without `check_limit` in
/// `guest-lua/src/http_client.c`: `clients_kept` traps.
#[test]
fn attack_32_handles() {
    try_every_way("handles", &["--allow-net=127.0.0.1:*", "--max-cpu=10s"]);
}

/// Answer: an error of the argument, a wait that ends only when cancelled, an error of the limit. Fails with
/// `--max-tasks=none` (`at_once` runs out of memory instead).
#[test]
fn attack_37_timers() {
    try_every_way("timers", &["--allow-net=127.0.0.1:*"]);
}
