//! Files of granted folders: Lua's own `io`, and what is different about it here.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use tests::folder::Folder;
use tests::native::PLAIN;
use tests::run::{Finished, Run, binary};
use tests::small_disk;

/// Runs a script in `folder`, with its folder `out` granted for writing.
fn run(folder: &Folder, flags: &[&str], script: &str) -> Finished {
    fs::create_dir_all(folder.path().join("out")).unwrap();
    Run::script(&[&["--allow-write=out"], flags].concat(), script).in_folder(folder.path()).finish()
}

#[test]
fn files_behave_as_in_native_lua() {
    let folder = Folder::new();
    let script = include_str!("../scripts/files/io.lua");
    fs::create_dir(folder.path().join("out")).unwrap();
    let said = Run::script(&["--allow-write=out"], script).in_folder(folder.path()).args(["out"]);
    assert_eq!(said.finish().ok(), "ok\n");
    let native = Folder::new();
    native.write("main.lua", script);
    fs::create_dir(native.path().join("out")).unwrap();
    let said = Run::program(&*PLAIN).args(["main.lua", "out"]).in_folder(native.path()).finish();
    assert_eq!(said.ok(), "ok\n", "natively");
    assert_eq!(native.tree().len(), folder.tree().len() + 1, "its own script is in there as well");
}

#[test]
fn they_work_where_lua_cannot_wait() {
    let script = "local function touch(name) local f <close> = assert(io.open('out/' .. name, 'a')) f:write('x') end
        table.sort({ 3, 1, 2 }, function(a, b) touch('sort') return a < b end)
        ('abc'):gsub('b', function() touch('gsub') end)
        local _ = setmetatable({}, { __index = function() touch('index') end }).x
        do local _ <close> = setmetatable({}, { __close = function() touch('close') end }) end
        setmetatable({}, { __gc = function() touch('gc') end })
        collectgarbage()
        coroutine.wrap(function() touch('coroutine') end)()
        async.spawn(touch, 'task'):await()";
    let folder = Folder::new();
    run(&folder, &[], &script.replace("\n        ('abc')", "\n        local _ = ('abc')")).ok();
    let tree = folder.tree();
    for name in ["sort", "gsub", "index", "close", "gc", "coroutine", "task"] {
        assert!(tree.contains(&format!("out/{name}")), "{name}: {tree:?}");
    }
}

#[test]
fn what_is_written_is_there_however_the_script_ends() {
    let begin = "f = io.open('out/f', 'w') f:write('kept') ";
    for (end, code) in
        [("", 0), ("os.exit(3)", 3), ("error('x')", 1), ("f:close() os.exit(true)", 0)]
    {
        let folder = Folder::new();
        let ended = run(&folder, &[], &format!("{begin}{end}"));
        assert_eq!((ended.code, folder.read("out/f")), (code, b"kept".to_vec()), "{end}");
    }
}

#[test]
fn a_chunk_of_a_file_may_wait_and_is_text_only_and_bounded() {
    let folder = Folder::new();
    folder.write("out/waits.lua", "sleep(0.001) return 'waited', ...");
    folder.write("out/binary.lua", "\x1bLua");
    folder.write("out/large.lua", "x".repeat(3000));
    let said = run(
        &folder,
        &["--max-source=2000"],
        "print(dofile('out/waits.lua')) print(loadfile('out/binary.lua'))
        print(loadfile('out/large.lua')) print(pcall(dofile, 'out/large.lua'))",
    )
    .ok();
    let large = "source exceeds the limit of 2000 bytes (raise --max-source)";
    assert_eq!(
        said,
        format!(
            "waited\nnil\tattempt to load a binary chunk (mode is 't')\nnil\t{large}\nfalse\t{large}\n"
        )
    );
}

#[test]
fn a_mode_decides_about_the_chunk_of_a_file_as_load_does() {
    let folder = Folder::new();
    folder.write("out/text.lua", "return 'text', ...");
    folder.write("out/binary.lua", "\x1bLua");
    let script = "for _, mode in ipairs { 't', 'bt', 'b', 'q', '' } do
          local fn, message = loadfile('out/text.lua', mode)
          print(fn and fn(1) or message)
          assert(message == select(2, load('return 1', '=x', mode)))
        end
        print((select(2, loadfile('out/binary.lua', 'b'))))
        print(pcall(loadfile, 'out/text.lua', 'B')) print(pcall(loadfile, 'out/text.lua', {}))";
    let said = run(&folder, &[], script).ok();
    let not_text = |mode| format!("attempt to load a text chunk (mode is '{mode}')\n");
    let expected = [
        "text\ntext\n",
        &not_text("b"),
        &not_text("q"),
        &not_text(""),
        "attempt to load a binary chunk (mode is 't')\n",
        "false\tbad argument #2 to 'loadfile' (invalid mode)\n",
        "false\tbad argument #2 to 'loadfile' (string expected, got table)\n",
    ];
    assert_eq!(said, expected.concat());
}

#[test]
fn a_file_may_grow_to_the_limit_and_no_byte_further() {
    let script = "local function try(size, mode)
          local f <close> = assert(io.open('out/f', mode)) f:setvbuf('no')
          print(select('#', f:write(('x'):rep(size))), select(2, f:write('')), select(2, f:write('y')))
        end
        try(99, 'w') try(100, 'w') try(101, 'w') try(1, 'a')
        local f <close> = assert(io.open('out/g', 'w')) f:seek('set', 1 << 40) f:write('x') print(f:flush())";
    let folder = Folder::new();
    let large = "File too large (raise --max-file=100)";
    let said = run(&folder, &["--max-file=100"], script).ok();
    assert_eq!(
        said,
        format!(
            "1\tnil\n1\tnil\t{large}\t27\t0\n4\tnil\t{large}\t27\t0\n4\tnil\t{large}\t27\t0\nnil\t{large}\t27\n"
        )
    );
    assert_eq!((folder.read("out/f").len(), folder.read("out/g").len()), (100, 0));
    assert!(
        run(
            &folder,
            &["--max-file=none"],
            "local f = io.open('out/f', 'w') f:write('x') print(f:close())"
        )
        .ok()
            == "true\n"
    );
}

#[test]
fn so_many_files_may_be_open_and_forgotten_ones_are_closed() {
    let folder = Folder::new();
    let open = "local function open() return assert(io.open('out/f', 'a')) end ";
    let keep = format!("{open} kept = {{}} for i = 1, 5 do kept[i] = open() end print('all')");
    assert_eq!(run(&folder, &["--max-files=5"], &keep).ok(), "all\n");
    let said = run(&folder, &["--max-files=4"], &keep).fails_with(3);
    assert!(said.contains("--max-files"), "{said}");
    let forget = format!("{open} for i = 1, 1000 do open() end print('all')");
    assert_eq!(run(&folder, &["--max-files=4"], &forget).ok(), "all\n");
}

#[test]
fn new_files_have_the_permissions_that_the_umask_leaves() {
    let folder = Folder::new();
    run(&folder, &[], "io.open('out/f', 'w'):close()").ok();
    fs::write(folder.path().join("other"), "").unwrap();
    let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
    assert_eq!(mode("out/f"), mode("other"));
}

#[test]
fn folders_are_removed_and_renamed_as_posix_says_and_granted_ones_stay() {
    let folder = Folder::new();
    for name in ["out/empty/x", "out/full/file", "out/fixed/file", "out/around/fixed/file"] {
        folder.write(name, "x");
    }
    fs::remove_file(folder.path().join("out/empty/x")).unwrap();
    let script = "local function try(fn, ...) local ok, message = fn(...) print(ok or message) end
        try(os.remove, 'out/full') try(os.rename, 'out/full', 'out/empty') try(os.remove, 'out/full')
        try(os.rename, 'out/empty/', 'out/moved') try(os.rename, 'out/moved', 'out/moved/inside')
        try(os.remove, 'out') try(os.rename, 'out', 'out2') try(os.rename, 'out/moved', 'out/fixed/x')
        try(os.remove, 'out/fixed') try(os.rename, 'out/around', 'out/other') try(os.remove, 'out/fixed/file')";
    let said = run(&folder, &["--allow-read=out/fixed,out/around/fixed"], script).ok();
    let expected = [
        "out/full: Directory not empty",
        "true",
        "out/full: No such file or directory",
        "true",
        "Invalid argument",
        "out: Device or resource busy",
        "write access to out2 is not granted (run with --allow-write=.)",
        "write access to out/fixed/x is not granted (run with --allow-write=out/fixed)",
        "write access to out/fixed is not granted (run with --allow-write=out)",
        "Device or resource busy",
        "write access to out/fixed/file is not granted (run with --allow-write=out/fixed)",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn granted_folders_stay_under_every_name() {
    let folder = Folder::new();
    folder.write("out/a/fixed/file", "x");
    folder.write("out/a/free/file", "x");
    fs::create_dir(folder.path().join("out/a/empty")).unwrap();
    symlink("a", folder.path().join("out/link")).unwrap();
    symlink(".", folder.path().join("out/here")).unwrap();
    let script = "local function try(fn, ...) local ok, message = fn(...) print(ok or message) end
        try(os.rename, 'out/link/fixed', 'out/moved') try(os.rename, 'out/here/a', 'out/moved')
        try(os.remove, 'out/link/empty') try(os.rename, 'out/a/free', 'out/here/a')
        try(os.rename, 'out/link/free', 'out/moved') try(os.remove, 'out/link')";
    let said = run(&folder, &["--allow-read=out/a/fixed,out/a/empty"], script).ok();
    let expected = [
        "Device or resource busy",
        "Device or resource busy",
        "out/link/empty: Device or resource busy",
        "Device or resource busy",
        "true",
        "true",
    ];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_rename_names_the_path_that_leads_out() {
    let folder = Folder::new();
    folder.write("out/f", "x");
    folder.write("other/f", "x");
    symlink("../other", folder.path().join("out/link")).unwrap();
    let script = "print((select(2, os.rename('out/f', 'out/link/g'))))
        print((select(2, os.rename('out/link/f', 'out/g'))))";
    let said = run(&folder, &[], script).ok();
    let expected = ["out/link/g leads out of its folder", "out/link/f leads out of its folder"];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn links_inside_are_followed_and_removed_themselves() {
    let folder = Folder::new();
    folder.write("out/real", "text");
    symlink("real", folder.path().join("out/link")).unwrap();
    let said =
        run(&folder, &[], "print(io.open('out/link'):read('a'), os.remove('out/link'))").ok();
    assert_eq!(said, "text\ttrue\n");
    assert_eq!(folder.tree(), ["out/", "out/real"]);
}

#[test]
fn every_use_of_a_file_is_a_line_of_the_audit_log() {
    let folder = Folder::new();
    run(
        &folder,
        &["--audit=audit"],
        "local f = io.open('out/a', 'w+') f:write('12345') f:seek('set') f:read(2) f:close()
        os.rename('out/a', 'out/b') os.remove('out/b') os.remove('out/b') io.open('/etc/passwd')",
    )
    .ok();
    let log = String::from_utf8(folder.read("audit")).unwrap();
    for part in [
        r#""allowed":true,"capability":"files","operation":"write","rule":"out","target":"out/a""#,
        r#""bytes":10,"capability":"files","mode":"w+","operation":"file","outcome":"closed","read":5,"#,
        r#""written":5}"#,
        r#""operation":"rename","outcome":"ok","#,
        r#""target":"out/a -> out/b""#,
        r#""operation":"remove","outcome":"ok","#,
        r#""operation":"remove","outcome":"io","#,
        r#""allowed":false,"capability":"files","operation":"read","rule":null,"target":"/etc/passwd""#,
    ] {
        let alike = |line: &str| line.contains(part.trim_end_matches('}'));
        assert!(log.lines().any(alike), "{part} is not in\n{log}");
    }
}

#[test]
fn what_fails_after_it_was_allowed_is_a_line_of_the_audit_log() {
    let folder = Folder::new();
    folder.write("out/f", "x");
    symlink("/etc", folder.path().join("out/link")).unwrap();
    run(
        &folder,
        &["--audit=audit"],
        "io.open('out/none') io.open('out', 'a') io.open('out/link/passwd', 'r+')
        os.remove('out') os.remove('out/link/none') os.rename('out', 'out/g')
        os.rename('out/f', 'out/g/') os.rename('out/f', 'out/link/g')",
    )
    .ok();
    let log = String::from_utf8(folder.read("audit")).unwrap();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ended: Vec<_> = lines
        .iter()
        .filter(|line| line.get("outcome").is_some())
        .map(|line| {
            ["operation", "target", "outcome"].map(|field| line[field].as_str().unwrap()).join(" ")
        })
        .collect();
    let expected = [
        "file out/none io",
        "file out io",
        "file out/link/passwd denied",
        "remove out io",
        "remove out/link/none denied",
        "rename out -> out/g io",
        "rename out/f -> out/g/ io",
        "rename out/f -> out/link/g denied",
    ];
    assert_eq!(ended, expected, "{log}");
}

#[test]
fn a_denial_is_told_whole_however_long_its_path_is() {
    let script = "local path = ...
        local function caught(fn, ...) return select(2, pcall(fn, ...)).message end
        print((select(2, io.open(path)))) print(caught(io.lines, path)) print(caught(dofile, path))
        print((select(2, loadfile(path)))) print((select(2, os.remove(path)))) print((select(2, os.rename(path, 'x'))))";
    for folders in [60, 409] {
        let path = format!("/{}x", "123456789/".repeat(folders));
        let said = Run::script(&[], script).args([&path]).finish().ok();
        let folder = Path::new(&path).parent().unwrap().display();
        let denial = |access: &str| {
            format!("{access} access to {path} is not granted (run with --allow-{access}={folder})")
        };
        let (read, write) = (denial("read"), denial("write"));
        assert_eq!(said.lines().collect::<Vec<_>>(), [&read, &read, &read, &read, &write, &write]);
    }
}

#[test]
fn a_full_disk_is_told() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("out")).unwrap();
    let code = "local f = io.open('out/f', 'w') f:write(('x'):rep(100000)) for _ = 1, 30 do f:write(('x'):rep(100000)) end
        print(f:write(('x'):rep(100000))) print(f:close())";
    let Some(run) = small_disk::run("a_full_disk_is_told", &folder, "out", "exec \"$@\"") else {
        return;
    };
    let said = run.args([binary()]).args(["eval", "--allow-write=out", code]).finish().ok();
    assert!(said.starts_with("nil\tNo space left on device\t28\t0\ntrue"), "{said}");
}
