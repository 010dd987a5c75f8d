//! Downloads that fail or are stopped: the destination is as it was, and nothing else is there.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};

use tests::GUARD;
use tests::folder::Folder;
use tests::run::{Finished, Run, binary};
use tests::small_disk;
use tests::upstream::{Seen, Upstream};

/// Downloads the first argument to `out/file` and to `out/new/file`, with `opts`, and prints both failures.
const BOTH: &str = "local url, opts = ..., load('return ' .. (arg[2] or 'nil'))()
    for _, path in ipairs { 'out/file', 'out/new/file' } do
      local ok, e = pcall(http.download, url, path, opts)
      print(ok or e.kind .. ' ' .. tostring(e.status) .. ' ' .. e.message)
    end";

/// A folder with `out/file`, the file that a failure leaves as it was.
fn with_old() -> Folder {
    let folder = Folder::new();
    folder.write("out/file", "old");
    folder
}

#[track_caller]
fn assert_untouched(folder: &Folder) {
    assert_eq!(folder.tree(), ["out/", "out/file"]);
    assert_eq!(folder.read("out/file"), b"old");
}

fn run(folder: &Folder, upstream: &Upstream, flags: &[&str], script: &str) -> Run {
    let grant = upstream.grant();
    let flags = [&[grant.as_str(), "--allow-write=out"], flags].concat();
    Run::script(&flags, script).in_folder(folder.path()).args([upstream.url("/?s3cret")])
}

/// What both downloads say of this server; they leave nothing.
#[track_caller]
fn failure(upstream: &Upstream, flags: &[&str], opts: &str) -> String {
    let folder = with_old();
    let said = run(&folder, upstream, flags, BOTH).args([opts]).finish().ok();
    assert_untouched(&folder);
    let (first, second) = said.split_once('\n').unwrap();
    assert_eq!(second.trim_end().replace("out/new/file", "out/file"), first, "{said}");
    assert!(!said.contains("s3cret"), "{said}");
    first.to_owned()
}

/// Sends these bytes and closes the connection.
fn then_closes(response: impl Into<Vec<u8>>) -> Upstream {
    let response = response.into();
    Upstream::start(move |_, stream| {
        let _ = stream.write_all(&response);
        false
    })
}

/// Sends these bytes and then nothing until the client goes.
fn then_silent(response: &'static str) -> Upstream {
    Upstream::start(move |_, stream| {
        let _ = stream.write_all(response.as_bytes());
        wait_for_end(stream);
        false
    })
}

fn wait_for_end(stream: &mut TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn every_status_but_2xx_is_raised_with_its_number() {
    for (status, reason) in
        [(304, " Not Modified"), (404, " Not Found"), (500, " Internal Server Error"), (599, "")]
    {
        let upstream = Upstream::always(format!(
            "HTTP/1.1 {status} Some Words\r\nContent-Length: 5\r\n\r\nerror"
        ));
        let said = failure(&upstream, &[], "nil");
        // A body that is not read keeps no connection, so there is one for each.
        assert_eq!(
            said,
            format!("protocol {status} http.download: the server answered {status}{reason}")
        );
    }
    let redirect =
        Upstream::always("HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n");
    assert!(failure(&redirect, &[], "{ follow_redirects = false }").starts_with("protocol 302 "));
    assert!(failure(&redirect, &[], "nil").contains("too many redirects"));
}

#[test]
fn a_body_that_is_cut_or_broken_leaves_nothing() {
    let long = "x".repeat(200_000);
    for (response, kind) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".to_owned(), "closed"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".to_owned(), "closed"),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n{long}"), "closed"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n".to_owned(), "closed"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhalf\r\n".to_owned(),
            "protocol",
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nhalf".to_owned(),
            "protocol",
        ),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4, 5\r\n\r\nhalf".to_owned(), "protocol"),
        ("nonsense\r\n\r\n".to_owned(), "protocol"),
        (String::new(), "closed"),
    ] {
        let said = failure(&then_closes(response.clone()), &[], "nil");
        assert!(said.starts_with(&format!("{kind} nil http.download: ")), "{response:.60}: {said}");
    }
}

#[test]
fn a_server_that_is_not_there_leaves_nothing() {
    let folder = with_old();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let flags = ["--allow-net=127.0.0.1:*", "--allow-write=out"];
    let said = Run::script(&flags, BOTH).in_folder(folder.path()).args([url]).finish().ok();
    assert!(said.starts_with("connect nil http.download: cannot connect to 127.0.0.1:"), "{said}");
    assert_untouched(&folder);
}

#[test]
fn a_wrong_digest_leaves_nothing_and_says_which_it_is() {
    let opts = format!("{{ sha256 = '{}' }}", "0".repeat(64));
    let said = failure(&Upstream::text("abc"), &[], &opts);
    let found = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        said,
        format!(
            "protocol nil http.download: the sha256 of what arrived is {found}, not {}",
            "0".repeat(64)
        )
    );
}

#[test]
fn a_file_may_be_as_large_as_the_smaller_limit_and_no_byte_larger() {
    let announced = Upstream::text(&"x".repeat(100_000));
    let body = format!("{:x}\r\n{}\r\n0\r\n\r\n", 100_000, "x".repeat(100_000));
    let chunked =
        Upstream::always(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}"));
    for upstream in [&announced, &chunked] {
        for (flags, opts) in [
            (&[][..], "{ max_size = 100000 }"),
            (&["--max-download=100000"], "{ max_size = 1e9 }"),
            (&["--max-download=100000"], "nil"),
            (&["--max-download=none"], "nil"),
            (&["--max-response=1", "--max-body=1"], "nil"),
        ] {
            let folder = with_old();
            let said = run(&folder, upstream, flags, BOTH).args([opts]).finish().ok();
            assert_eq!(said, "true\ntrue\n", "{flags:?} {opts}");
            assert_eq!(folder.read("out/file").len(), 100_000);
        }
        let said = failure(upstream, &[], "{ max_size = 99999 }");
        assert_eq!(
            said,
            "too_large nil http.download: the file is larger than max_size, 99999 bytes"
        );
        let said = failure(upstream, &["--max-download=99999"], "{ max_size = 1e9 }");
        assert_eq!(
            said,
            "too_large nil http.download: the file is larger than --max-download=99999 allows"
        );
        assert!(
            failure(upstream, &["--max-download=99999"], "nil").contains("--max-download=99999")
        );
        assert!(failure(upstream, &[], "{ max_size = 0 }").contains("max_size, 0 bytes"));
    }
    // Nothing is made for what is known to be too large, and the default holds without an operator's limit.
    let huge = then_silent("HTTP/1.1 200 OK\r\nContent-Length: 1073741825\r\n\r\n");
    assert!(failure(&huge, &[], "nil").contains("--max-download=1GiB"));
    assert!(failure(&huge, &["--max-download=none"], "nil").contains("max_size, 1073741824 bytes"));
}

#[test]
fn a_silent_server_and_a_slow_download_run_out_of_time() {
    let silent = then_silent("");
    let said = failure(&silent, &[], "{ idle_timeout = 0.5 }");
    assert!(said.starts_with("timeout nil http.download: ") && said.ends_with("0.5 s"), "{said}");
    let half = then_silent("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    let said = failure(&half, &[], "{ idle_timeout = 0.5 }");
    assert!(
        said.starts_with("timeout nil http.download: ") && said.ends_with("sent nothing for 0.5 s"),
        "{said}"
    );
    for upstream in [silent, half] {
        let said = failure(&upstream, &[], "{ timeout = 0.05 }");
        assert_eq!(said, "timeout nil http.download: the download took longer than 0.05 s");
    }
}

#[test]
fn what_is_no_place_for_a_file_is_refused_before_anything_is_asked() {
    let upstream = Upstream::text("new");
    let folder = with_old();
    fs::create_dir_all(folder.path().join("out/folder")).unwrap();
    let out = folder.path().join("out");
    symlink("file", out.join("link")).unwrap();
    symlink("nowhere", out.join("dangling")).unwrap();
    symlink("/etc", out.join("absolute")).unwrap();
    symlink("..", out.join("up")).unwrap();
    symlink("folder", out.join("inside")).unwrap();
    let made = Command::new("mkfifo").arg(out.join("pipe")).status().unwrap();
    assert!(made.success());
    let before = folder.tree();
    for (path, said) in [
        ("out/folder", "io http.download: out/folder is a folder"),
        ("out/folder/", "io http.download: out/folder/ is a folder"),
        ("out/new/", "io http.download: out/new/ is a folder"),
        ("out/file/", "io http.download: out/file/ is a folder"),
        ("out", "io http.download: out is a folder"),
        ("out/.", "io http.download: out/. is a folder"),
        (
            "out/link",
            "io http.download: out/link is a symbolic link, which is neither followed nor replaced",
        ),
        (
            "out/dangling",
            "io http.download: out/dangling is a symbolic link, which is neither followed nor replaced",
        ),
        ("out/pipe", "io http.download: out/pipe is not a regular file"),
        ("out/file/x", "io http.download: failed to examine out/file/x: Not a directory"),
        ("out/absolute/x", "denied http.download: out/absolute/x leads out of its folder"),
        ("out/up/x", "denied http.download: out/up/x leads out of its folder"),
        (
            "out/../x",
            "denied http.download: write access to out/../x is not granted: `..` may stand only at the beginning of a relative path",
        ),
        ("out/a\nb/", "io http.download: out/a\\nb/ is a folder"),
    ] {
        let script =
            "local ok, e = pcall(http.download, ..., arg[2]) print(e.kind .. ' ' .. e.message)";
        assert_eq!(
            run(&folder, &upstream, &[], script).args([path]).finish().ok(),
            format!("{said}\n")
        );
        assert_eq!(folder.tree(), before, "{path}");
    }
    assert!(upstream.seen().is_empty());
    run(&folder, &upstream, &[], "http.download(..., 'out/inside/x')").finish().ok();
    assert_eq!(folder.read("out/folder/x"), b"new");
}

#[test]
fn everything_granted_does_not_mean_devices() {
    let upstream = Upstream::text("new");
    let folder = Folder::new();
    let script = "for _, path in ipairs { '/dev/null', '/proc/self/mem', '/proc/new', '/', '/proc/self/root/x' } do
          local ok, e = pcall(http.download, ..., path)
          print(not ok and e.kind)
        end";
    let said = Run::script(&["--allow-all", &upstream.grant()], script).in_folder(folder.path());
    let said = said.args([upstream.url("/")]).finish().ok();
    for (line, kinds) in
        said.lines().zip([&["io"][..], &["io"], &["io"], &["io"], &["io", "denied"]])
    {
        assert!(kinds.contains(&line), "{said}");
    }
    assert!(
        fs::metadata("/dev/null").unwrap().len() == 0
            && !fs::metadata("/dev/null").unwrap().is_file()
    );
}

#[test]
fn a_destination_that_becomes_a_link_meanwhile_is_not_followed() {
    let folder = with_old();
    let path = folder.path().join("out/new");
    let upstream = Upstream::start(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nne").unwrap();
        symlink("file", &path).unwrap();
        stream.write_all(b"w\n").is_ok()
    });
    let said =
        run(&folder, &upstream, &[], "print(select(2, pcall(http.download, ..., 'out/new')))")
            .finish();
    assert!(said.ok().contains("is a symbolic link"));
    assert_eq!(folder.tree(), ["out/", "out/file", "out/new"]);
    assert_eq!(folder.read("out/file"), b"old");
}

#[test]
fn a_full_disk_and_a_file_that_may_not_grow_leave_nothing() {
    let upstream = Upstream::text(&"x".repeat(3_000_000));
    let folder = with_old();
    let command = |limit: &str| {
        let script = format!("{limit} exec \"$0\" eval \"$@\"");
        let output = Command::new("sh")
            .args(["-c", &script])
            .arg(binary())
            .args([&upstream.grant(), "--allow-write=out", BOTH, &upstream.url("/")])
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    // The system's own answer to this limit is a signal that ends the process.
    assert_eq!(
        command("ulimit -f 1000;"),
        "io nil http.download: failed to write out/file: File too large\n\
         io nil http.download: failed to write out/new/file: File too large\n"
    );
    assert_untouched(&folder);
    let script = "printf old > out/file && \"$@\" && find out | sort && cat out/file";
    let name = "a_full_disk_and_a_file_that_may_not_grow_leave_nothing";
    let Some(run) = small_disk::run(name, &folder, "out", script) else { return };
    let said = run
        .args([binary()])
        .args(["eval", &upstream.grant(), "--allow-write=out", BOTH, &upstream.url("/")])
        .finish()
        .ok();
    let expected = "io nil http.download: failed to write out/file: No space left on device\n\
         io nil http.download: failed to write out/new/file: No space left on device\nout\nout/file\nold";
    assert_eq!(said, expected);
}

/// Half of this body fills what may wait for the disk, and more: once it has arrived, there is a file.
const LARGE: usize = 2_000_000;

/// A server that sends half a body and then waits until its client goes. It also answers `/tree` with what
/// is in the folder now, and `/number` with 1 and 2, once it was asked for that twice.
fn half_a_body(folder: &Arc<Folder>) -> Upstream {
    let asked = Arc::new((Mutex::new(0), Condvar::new()));
    let folder = Arc::downgrade(folder);
    Upstream::start(move |request: &Seen, stream| {
        let mut answer = |text: String| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", text.len());
            stream.write_all((head + &text).as_bytes()).is_ok()
        };
        if request.line.contains("/tree") {
            return answer(folder.upgrade().unwrap().tree().join(" "));
        }
        if request.line.contains("/number") {
            let (asked, changed) = &*asked;
            let mut count = asked.lock().unwrap();
            *count += 1;
            let number = *count;
            changed.notify_all();
            drop(changed.wait_timeout_while(count, GUARD, |count| *count < 2).unwrap());
            return answer(number.to_string());
        }
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
        stream.write_all(&[head.as_bytes(), &[b'x'; LARGE / 2]].concat()).unwrap();
        wait_for_end(stream);
        false
    })
}

/// What scripts have that stop a download in the middle: `url`, `base` to append names to, `download(path)`,
/// `wait()`, which comes back once half of its body is there, `begin(path)`, which does both and returns the
/// handle, and `tree()`.
const STOPPING: &str = "local url = ...
    local base = url:gsub('%?.*', '')
    local gate = async.spawn(sleep, 1e9)
    local function download(path)
      http.download(url, path, { on_progress = function(done) if done == 1000000 then gate:cancel() end end })
    end
    local function wait() pcall(gate.await, gate) end
    local function begin(path)
      local h = async.spawn(download, path)
      wait()
      return h
    end
    local function tree() return http.get(base .. 'tree').body end\n";

fn stopped(flags: &[&str], code: &str) -> (Arc<Folder>, Finished) {
    let folder = Arc::new(with_old());
    let upstream = half_a_body(&folder);
    let finished = run(&folder, &upstream, flags, &format!("{STOPPING}{code}")).finish();
    (folder, finished)
}

#[test]
fn a_download_that_is_cancelled_is_gone_when_the_script_goes_on() {
    for code in [
        "local h = begin('out/new/file') h:cancel() pcall(h.await, h)",
        "assert(not pcall(async.timeout, 0.3, download, 'out/new/file'))",
        "async.race { function() download('out/new/file') end, wait }",
        "local co = coroutine.create(download)
         async.spawn(function() wait() assert(coroutine.close(co)) end)
         pcall(coroutine.resume, co, 'out/new/file')",
    ] {
        let (folder, finished) = stopped(&[], &format!("{code} print(tree())"));
        assert_eq!(finished.ok(), "out/ out/file\n", "{code}");
        assert_untouched(&folder);
    }
}

#[test]
fn however_a_run_ends_in_the_middle_of_a_download_nothing_is_left() {
    for (flags, code, exit) in [
        (&[][..], "begin('out/new/file')", 0),
        (&[], "begin('out/file') os.exit(7)", 7),
        (&[], "begin('out/new/file') error('x', 0)", 1),
        (&["--max-cpu=50ms"], "begin('out/new/file') while true do end", 3),
        (&["--max-time=300ms"], "begin('out/new/file') sleep(1000)", 3),
        (
            &["--max-memory=16MiB"],
            "begin('out/file') local t = {} while true do t[#t + 1] = ('x'):rep(1e6) .. #t end",
            3,
        ),
    ] {
        let (folder, finished) = stopped(flags, code);
        assert_eq!(finished.code, exit, "{code}: {}", finished.stderr);
        assert_untouched(&folder);
    }
}

#[test]
fn a_signal_in_the_middle_of_a_download_leaves_nothing() {
    for (workers, signals, code) in
        [("1", &["TERM"][..], 143), ("1", &["INT"], 130), ("2", &["TERM", "TERM"], 143)]
    {
        let folder = Arc::new(with_old());
        let upstream = half_a_body(&folder);
        let script = format!("{STOPPING} local h = begin('out/new/file') print(0) h:await()");
        let serving = run(&folder, &upstream, &[&format!("--workers={workers}")], &script).serve();
        for signal in signals {
            serving.signal(signal);
        }
        let finished = serving.finish();
        assert_eq!(finished.code, code, "{}", finished.stderr);
        assert_untouched(&folder);
    }
}

#[test]
fn a_worker_that_ends_the_run_takes_the_downloads_of_the_others_along() {
    let code = "begin('out/new/file')
        if http.get(base .. 'number').body == '2' then os.exit(7) end
        sleep(1000)";
    let (folder, finished) = stopped(&["--workers=2"], code);
    assert_eq!(finished.code, 7, "{}", finished.stderr);
    assert_untouched(&folder);
}

#[test]
fn two_downloads_to_one_path_give_one_whole_file() {
    let upstream = Upstream::start(|request: &Seen, stream| {
        let number: u8 =
            request.line.split("/n").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n";
        stream.write_all(&[head.as_bytes(), &[number; 300_000]].concat()).is_ok()
    });
    let folder = with_old();
    let script = "local url, tasks = (...):gsub('%?.*', ''), {}
        for n = 1, 16 do tasks[n] = function() return http.download(url .. 'n' .. n, 'out/file') end end
        for _, size in ipairs(async.all(tasks)) do assert.eq(size, 300000) end";
    run(&folder, &upstream, &[], script).finish().ok();
    assert_eq!(folder.tree(), ["out/", "out/file"]);
    let bytes = folder.read("out/file");
    let values: BTreeSet<u8> = bytes.iter().copied().collect();
    assert_eq!((bytes.len(), values.len()), (300_000, 1));
    assert!(values.iter().all(|value| (1..=16).contains(value)));
}

#[test]
fn what_a_killed_process_left_goes_with_the_next_download_and_what_lives_stays() {
    let folder = Arc::new(with_old());
    let held = half_a_body(&folder);
    let script = &format!("{STOPPING} local h = begin('out/file') print(0) h:await()");
    let temporary = |folder: &Folder| {
        folder.tree().iter().filter(|name| name.contains(".file.tidelock-")).count()
    };
    let mut killed = run(&folder, &held, &[], script).serve();
    killed.child.kill().unwrap();
    killed.child.wait().unwrap();
    assert_eq!((temporary(&folder), folder.read("out/file")), (1, b"old".to_vec()));
    let upstream = Upstream::text("new");
    let living = run(&folder, &half_a_body(&folder), &[], script).serve();
    assert_eq!(temporary(&folder), 1, "the second download removed what the first one left");
    run(&folder, &upstream, &[], "http.download(..., 'out/other')").finish().ok();
    run(&folder, &upstream, &[], "http.download(..., 'out/file')").finish().ok();
    assert_eq!(
        (temporary(&folder), folder.read("out/file")),
        (1, b"new".to_vec()),
        "the second one lives"
    );
    drop(living);
    run(&folder, &upstream, &[], "http.download(..., 'out/file')").finish().ok();
    assert_eq!(folder.tree(), ["out/", "out/file", "out/other"]);
}

#[test]
fn more_downloads_at_once_than_exchanges_are_allowed_are_a_limit() {
    let folder = Arc::new(with_old());
    let upstream = half_a_body(&folder);
    let script = "local url = ... pcall(http.download, url, 'out/new', { on_progress = function()
          local ok, e = pcall(http.download, url, 'out/file')
          print(e.kind, e.message)
          error('enough')
        end })";
    let said = run(&folder, &upstream, &["--max-outgoing=1"], script).finish().ok();
    let expected =
        "limit\thttp.download: 1 exchanges are open already, which is the limit (--max-outgoing)\n";
    assert_eq!(said, expected);
    assert_untouched(&folder);
}
