//! Attacks on the walls of the interpreter: rows 10 to 14.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Seek, SeekFrom};

use tests::arena::{Arena, scripts, wait_until};
use tests::folder::Folder;
use tests::run::{Finished, Run};
use tests::scripts::waiting_server;
use tests::upstream::Upstream;

/// A chunk of bytecode as far as anyone looks: its signature.
const BYTECODE: &[u8] = b"\x1bLua\x55\0\x19\x93\r\n\x1a\n\0\0\0\0\0\0\0\0";

const ONLY_TEXT: &str = "attempt to load a binary chunk";

/// Runs a script of the attacks' folder with a server beside it.
fn run_script(name: &str, arguments: &[&str]) -> Finished {
    Run::new(["run", "--allow-net=127.0.0.1:*", "--allow-listen=0"])
        .args([scripts().join(name)])
        .args(arguments)
        .finish()
}

/// Answer: only text is loaded, whatever the mode. Fails with mode "bt" in `load_text`
/// (`guest-lua/src/globals.c`) and in `push_chunk` (`guest-lua/src/modules.c`).
#[test]
fn attack_10_bytecode() {
    let folder = Folder::new();
    folder.write("compiled.lua", BYTECODE);
    let main =
        folder.write("main.lua", fs::read(scripts().join("bytecode.lua")).expect("it is there"));
    assert_eq!(Run::new(["run"]).args([main]).finish().ok(), "ok\n");
}

/// Answer: exit code 1. Fails with mode "bt" in `push_chunk`.
#[test]
fn attack_10_bytecode_as_the_script() {
    let folder = Folder::new();
    let file = folder.write("main.lua", BYTECODE);
    let with_a_shebang = [b"#!/usr/bin/env tidelock\n", BYTECODE].concat();
    let shebang = folder.write("shebang.lua", with_a_shebang);
    for finished in [
        Run::new(["run"]).args([&file]).finish(),
        Run::new(["check"]).args([&file]).finish(),
        Run::new(["-"]).input(BYTECODE).finish(),
        Run::new(["eval", "-"]).input(BYTECODE).finish(),
        Run::new(["eval", "\u{1b}Lua"]).finish(),
    ] {
        let stderr = finished.fails_with(1);
        assert!(stderr.contains(ONLY_TEXT), "{stderr}");
    }
    // What follows a first line is no chunk of its own: its first character is no word of Lua.
    let stderr = Run::new(["run"]).args([&shebang]).finish().fails_with(1);
    assert!(stderr.contains("shebang.lua:2:"), "{stderr}");
}

/// Answer: what a script can reach is exactly what stands in `reachable.txt`: after a change that is meant,
/// write there what this test prints. Fails with any name that is added or taken from a list in
/// `guest-lua/src/globals.c`, such as `debug_kept`.
#[test]
fn attack_11_everything_reachable_is_known() {
    let upstream = Upstream::text("hello");
    let found = run_script("reachable.lua", &[&upstream.url("/")]).ok();
    let expected = fs::read_to_string(scripts().join("reachable.txt")).unwrap_or_default();
    let set = |text: &str| text.lines().map(str::to_owned).collect::<BTreeSet<_>>();
    let (found_set, expected_set) = (set(&found), set(&expected));
    let new: Vec<_> = found_set.difference(&expected_set).collect();
    let gone: Vec<_> = expected_set.difference(&found_set).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "new: {new:#?}\ngone: {gone:#?}\nall, for reachable.txt:\n{found}"
    );
}

/// Answer: none of the functions that reach out of the interpreter is anywhere. Fails with `getlocal`
/// in `debug_kept` of `guest-lua/src/globals.c`.
#[test]
fn attack_11_absent_functions() {
    let reachable = fs::read_to_string(scripts().join("reachable.txt")).expect("the list is there");
    for absent in [
        "os.execute",
        "io.popen",
        "os.tmpname",
        "os.setlocale",
        "package.loadlib",
        "package.cpath",
        "package.searchers",
        "package.searchpath",
        "string.dump",
        "debug.getregistry",
        "debug.getupvalue",
        "debug.setupvalue",
        "debug.getlocal",
        "debug.setlocal",
        "debug.sethook",
        "debug.getmetatable",
        "debug.setmetatable",
        "debug.upvalueid",
        "debug.upvaluejoin",
        "debug.getuservalue",
        "debug.debug",
        "getfenv",
        "setfenv",
        "loadstring",
        "newproxy",
        "module",
    ] {
        assert!(!reachable.contains(&format!(".{absent}:")), "{absent}");
        let code = format!(
            "local at = _G for name in ('{absent}'):gmatch('%w+') do at = at[name] end assert(at == nil)"
        );
        Run::eval(&["-A"], &code).finish().ok();
    }
}

/// Answer: the API works as before, or raises what the script's own functions raise; nothing is granted by it, and
/// no value of the API's insides is handed to them. Fails with the real globals instead of copies for the
/// preludes (`push_prelude_globals` in `guest-lua/src/globals.c`).
#[test]
fn attack_12_replaced_functions() {
    let server = waiting_server();
    for how in ["raises", "lies", "spies", "gone"] {
        for strings in ["", "strings"] {
            let finished = run_script("overwritten.lua", &[&server.url(""), how, strings]);
            assert_eq!(finished.stdout, "done\n", "{how} {strings}: {}", finished.stderr);
            assert_eq!(finished.code, 0, "{how} {strings}: {}", finished.stderr);
        }
    }
}

/// Answer: what one worker's script changes the other never sees, nor does the instance that takes its place, nor
/// another run; the others are served meanwhile. Fails without the new instance (`host/src/run/worker.rs`),
/// and when `secret.lua` spoils without being stopped: the next request is a 500.
#[test]
fn attack_12_changes_of_an_instance() {
    let mut arena = Arena::new(&["--max-cpu=1s"]);
    for _ in 0..3 {
        let answer = arena.attack("secret?parts=a,b&stop=1").expect("an answer");
        assert_eq!(answer.status, 503, "{}", answer.text());
    }
    // The port of each new instance.
    for _ in 0..3 {
        assert_eq!(arena.serving.next_line(), arena.serving.port.to_string());
    }
    // Either worker, again and again: all of it is as it was.
    for _ in 0..10 {
        let answer = arena.attack("untouched").expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "untouched"));
    }
    arena.finish(0);
    for code in [
        "spoilt = true string.format = nil getmetatable('').__index = nil",
        "assert(not spoilt and ('%d'):format(1) == '1')",
    ] {
        Run::eval(&[], code).finish().ok();
    }
}

/// Answer: addresses are places in the instance's own memory. Fails in a plain Lua of the machine, with
/// stubs for what only tidelock has.
#[test]
fn attack_13_addresses() {
    assert_eq!(run_script("addresses.lua", &[]).ok(), "ok\n");
}

/// Answer: once the instance is replaced, its memory is gone from the process: nothing of it is left for anyone. Fails
/// when the host keeps a copy of the memory, such as that of the dump it reads the traceback from.
#[test]
fn attack_14_memory_of_a_replaced_instance() {
    let mut arena = Arena::of(&["--max-cpu=1s"], &scripts().join("arena.lua"));
    let process = arena.serving.child.id();
    // The script puts the secret together; as a whole it never travels.
    let secret = b"tideSecretOfTheInstancelock";
    let parts = "parts=tideSecret,OfThe,Instancelock";
    assert_eq!(arena.attack(&format!("secret?{parts}")).expect("an answer").text(), "left");
    assert!(occurrences(process, secret) >= 2000, "the search finds what is there");
    let answer = arena.attack(&format!("secret?{parts}&stop=1")).expect("an answer");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(arena.serving.next_line(), arena.serving.port.to_string());
    wait_until("the memory of the replaced instance is gone", || occurrences(process, secret) == 0);
    arena.finish(0);
}

/// How often these bytes stand in the memory of a process.
fn occurrences(process: u32, bytes: &[u8]) -> usize {
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).expect("it lives");
    let mut memory = fs::File::open(format!("/proc/{process}/mem")).expect("a parent may read");
    let mut count = 0;
    for line in maps
        .lines()
        .filter(|line| line.split(' ').nth(1).is_some_and(|mode| mode.starts_with("rw")))
    {
        let (from, to) =
            line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let [from, to] =
            [from, to].map(|digits| u64::from_str_radix(digits, 16).expect("an address"));
        let length = usize::try_from(to - from).expect("a size");
        if length > 1 << 30 || memory.seek(SeekFrom::Start(from)).is_err() {
            continue;
        }
        let mut region = vec![0; length];
        if memory.read_exact(&mut region).is_ok() {
            count += region.windows(bytes.len()).filter(|window| *window == bytes).count();
        }
    }
    count
}
