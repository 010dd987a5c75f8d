//! Attacks on the file door: rows 29 and 30.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::mpsc;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use tests::arena::{Arena, scripts};
use tests::client::Raw;
use tests::exchange::Exchange;
use tests::folder::Folder;
use tests::run::{Run, binary};
use tests::small_disk;
use tests::upstream::Upstream;

/// A granted folder with everything in it that could lead out or block, and a secret beside it.
fn trap() -> Folder {
    let folder = Folder::new();
    folder.write("secret", "return 'secret'");
    folder.write("grant/file", "return 'inside'");
    folder.write("grant/sub/file", "return 'inside'");
    let grant = folder.path().join("grant");
    for (target, name) in [
        ("../secret", "link"),
        ("/etc/passwd", "absolute"),
        ("..", "link_to_folder"),
        ("/", "link_to_root"),
        ("/proc", "link_to_proc"),
        ("loop", "loop"),
    ] {
        symlink(target, grant.join(name)).unwrap();
    }
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, grant.join("fifo"), FileType::Fifo, mode, 0).unwrap();
    // The null device, where the machine lets a test make one.
    let null = rustix::fs::makedev(1, 3);
    if mknodat(CWD, grant.join("null"), FileType::CharacterDevice, mode, null).is_err() {
        mknodat(CWD, grant.join("null"), FileType::Fifo, mode, 0).unwrap();
    }
    folder
}

/// Asks the arena for an attack with these parameters.
fn attack(arena: &Arena, name: &str, parameters: &[(&str, &str)]) -> String {
    let query: Vec<_> = parameters.iter().map(|(key, value)| format!("{key}={value}")).collect();
    arena.during(|| {
        let mut attacker = Raw::connect(arena.serving.port);
        let target = format!("/attack/{name}?{}", query.join("&"));
        attacker.send(format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"));
        let answer = attacker.read_response(false).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.text()
    })
}

fn arena(folder: &Folder, upstream: &Upstream) -> Arena {
    let grant = format!("--allow-write={}", folder.path().join("grant").display());
    Arena::new(&[&grant, &upstream.grant()])
}

/// Answer: every path is refused by every function. Fails when
/// `OpenFile::open` opens `path.shown` by itself.
#[test]
fn attack_29_paths_that_lead_out_or_block() {
    let (folder, upstream) = (trap(), Upstream::text("downloaded"));
    let arena = arena(&folder, &upstream);
    let before = folder.tree();
    let grant = folder.path().join("grant");
    let answer = attack(
        &arena,
        "file_paths",
        &[("folder", grant.to_str().unwrap()), ("url", &upstream.url("/"))],
    );
    assert!(answer.starts_with("refused "), "got through: {answer}");
    assert_eq!(folder.tree(), before);
    assert_eq!(folder.read("secret"), b"return 'secret'");
    arena.finish(0);
}

/// Answer: also with everything granted, what is no file of a disk is refused, and nothing waits for the
/// other end of a pipe. Fails without `examine` in `host/src/door/file/open.rs`.
#[test]
fn attack_29_devices_pipes_and_the_kernels_files() {
    let folder = trap();
    let code = "local grant = ...
        for _, path in ipairs { '/proc/self/environ', '/proc/self/mem', '/proc/self/maps', '/proc/self/fd/0',
            '/proc/self/root/etc/passwd', '/sys/kernel/notes', '/dev/zero', '/dev/null', '/dev/stdin', '/dev/fd/0', '/dev/tty',
            grant .. '/fifo', grant .. '/null', grant .. '/link_to_proc/self/environ' } do
          -- Only what the test made is opened for writing: should the door fail, the machine is not harmed.
          local modes = path:find(grant, 1, true) and not path:find('link_to') and { 'r', 'r+', 'a', 'w' } or { 'r' }
          for _, mode in ipairs(modes) do
            local file = io.open(path, mode)
            if file then print(path, mode) end
          end
          if loadfile(path) or pcall(dofile, path) or pcall(io.lines, path)
            or pcall(http.client, { ca_cert_file = path }) then print(path) end
        end
        print('end')";
    let grant = folder.path().join("grant");
    assert_eq!(Run::eval(&["-A"], code).args([&grant]).finish().ok(), "end\n");
    let denied = Run::eval(&[], "assert(io.open('/etc/passwd'))").finish().fails_with(1);
    assert!(denied.contains("(run with --allow-read=/etc)"), "{denied}");
}

/// Answer: the file appears in the folder that was there or nowhere, never outside. Fails when
/// `open_dir` in `host/src/door/file/parents.rs` follows links as the system does.
#[test]
fn attack_29_symlink_swapped_in_during_downloads() {
    let folder = Folder::new();
    folder.write("grant/door/file", "inside");
    folder.write("outside/canary", "canary");
    let upstream = once("downloaded".repeat(1000).into_bytes());
    let arena = arena(&folder, &upstream);
    let path = folder.path().join("grant/door/file");
    let exchange = Exchange::begin(&folder);
    let said = attack(
        &arena,
        "file_downloads",
        &[("url", &upstream.url("/")), ("path", path.to_str().unwrap()), ("count", "40")],
    );
    exchange.end();
    assert!(said.contains("denied ") || said.contains("io "), "no race: {said}");
    let outside: Vec<_> =
        folder.tree().into_iter().filter(|name| name.starts_with("outside/")).collect();
    assert_eq!(outside, ["outside/", "outside/canary"]);
    assert_eq!(folder.read("outside/canary"), b"canary");
    let leftover = folder.tree().into_iter().find(|name| name.contains(".tidelock-"));
    assert_eq!(leftover, None);
    arena.finish(8 * 1024);
}

/// A server that closes each connection after one answer, so that nobody keeps any.
fn once(body: Vec<u8>) -> Upstream {
    Upstream::start(move |_, stream| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        false
    })
}

/// A server whose `/short` closes before its body's end, whose `/long` sends more than it said, and
/// whose `/N` is 100,000 times the digit.
fn lying() -> Upstream {
    Upstream::start(|request, stream| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        let (length, body) = match path {
            "/short" => (1_000_000, vec![b's'; 500_000]),
            "/long" => (10, vec![b'l'; 500_000]),
            _ => (100_000, vec![path.as_bytes().last().copied().unwrap_or(b'?'); 100_000]),
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        false
    })
}

/// Answer: a short body is an error that leaves the old file; what is past the length is not stored; a
/// folder is not replaced. Fails without `Destination::judge`, without the removal of the temporary file, and with
/// the writer opening the destination itself.
#[test]
fn attack_30_bodies_that_lie_and_a_folder_in_the_way() {
    let (folder, upstream) = (Folder::new(), lying());
    folder.write("grant/file", "old");
    folder.write("grant/folder/kept", "kept");
    let arena = arena(&folder, &upstream);
    let get = |url: &str, name: &str| {
        let path = folder.path().join("grant").join(name);
        let parameters = [("url", upstream.url(url)), ("path", path.to_str().unwrap().to_owned())];
        attack(&arena, "file_downloads", &parameters.each_ref().map(|(k, v)| (*k, v.as_str())))
    };
    let short = get("/short", "file");
    assert!(short.starts_with("closed ") || short.starts_with("protocol "), "{short}");
    assert_eq!(folder.read("grant/file"), b"old");
    assert_eq!(folder.tree(), ["grant/", "grant/file", "grant/folder/", "grant/folder/kept"]);
    assert_eq!(get("/long", "file"), "stored 10");
    assert_eq!(folder.read("grant/file"), b"llllllllll");
    for name in ["folder", "folder/"] {
        let refused = get("/1", name);
        assert!(refused.starts_with("io ") && refused.contains("is a folder"), "{refused}");
    }
    assert_eq!(folder.tree(), ["grant/", "grant/file", "grant/folder/", "grant/folder/kept"]);
    arena.finish(8 * 1024);
}

/// Answer: each is whole, the last one stays. Fails with one temporary name for all.
#[test]
fn attack_30_many_downloads_to_one_path() {
    let count = AtomicU8::new(0);
    let upstream = Upstream::start(move |_, stream| {
        let body = vec![count.fetch_add(1, Ordering::Relaxed); 100_000];
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 100000\r\n\r\n";
        let _ = stream.write_all(&[head.as_bytes(), &body].concat());
        false
    });
    let folder = Folder::new();
    folder.write("grant/file", "old");
    let arena = arena(&folder, &upstream);
    let path = folder.path().join("grant/file");
    let url = upstream.url("/");
    let parameters = [("url", url.as_str()), ("path", path.to_str().unwrap()), ("count", "16")];
    let said = attack(&arena, "file_downloads", &parameters);
    assert!(said.lines().all(|line| line == "stored 100000"), "{said}");
    let bytes = folder.read("grant/file");
    assert_eq!(bytes.len(), 100_000);
    assert!(bytes.iter().all(|byte| *byte == bytes[0]));
    assert_eq!(folder.tree(), ["grant/", "grant/file"]);
    arena.finish(8 * 1024);
}

/// Answer: an error that says so, the old file stays, and nothing else. Fails without the removal of the
/// temporary file when it is dropped.
#[test]
fn attack_30_full_disk() {
    let (folder, upstream) = (Folder::new(), Upstream::text(&"x".repeat(3_000_000)));
    fs::create_dir(folder.path().join("grant")).unwrap();
    let script = "printf old > grant/file && exec \"$@\"";
    let Some(run) = small_disk::run("attack_30_full_disk", &folder, "grant", script) else {
        return;
    };
    let serving = run
        .args([binary()])
        .args(["run", "--workers=2", "--allow-listen=0", "--allow-write=grant", &upstream.grant()])
        .args([scripts().join("arena.lua")])
        .serve();
    let process = serving.child.id();
    let arena = Arena::watching(serving);
    for path in ["grant/file", "grant/new/file"] {
        let parameters = [("url", upstream.url("/")), ("path", path.to_owned())];
        let said =
            attack(&arena, "file_downloads", &parameters.each_ref().map(|(k, v)| (*k, v.as_str())));
        assert!(said.starts_with("io ") && said.contains("No space left on device"), "{said}");
    }
    let inside = |name: &str| format!("/proc/{process}/root{}/{name}", folder.path().display());
    assert_eq!(fs::read(inside("grant/file")).unwrap(), b"old");
    assert_eq!(fs::read_dir(inside("grant")).unwrap().count(), 1);
    arena.finish(8 * 1024);
}

/// Answer: nothing appears at the path, the old file stays, and the next download sweeps what is left.
/// Fails without `sweep` in `host/src/door/file/leftovers.rs`.
#[test]
fn attack_30_kill_in_the_middle() {
    let folder = Folder::new();
    folder.write("grant/file", "old");
    let (arrived, half) = mpsc::channel();
    let arrived = Mutex::new(arrived);
    let held = Upstream::start(move |_, stream| {
        let head = "HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n";
        let _ = stream.write_all(&[head.as_bytes(), &[b'x'; 2_000_000]].concat());
        let _ = arrived.lock().unwrap().send(());
        let _ = std::io::Read::read(stream, &mut [0]);
        false
    });
    let upstream = Upstream::text("new");
    let arena = arena(&folder, &upstream);
    let leftovers = || folder.tree().iter().filter(|name| name.contains(".tidelock-")).count();
    arena.during(|| {
        let code = "http.serve(0, {}, { on_listen = function(s) print(s.port)
            http.download(arg[1], 'grant/file') end })";
        let mut victim =
            Run::script(&["--allow-listen=0", &held.grant(), "--allow-write=grant"], code)
                .in_folder(folder.path())
                .args([held.url("/")])
                .serve();
        half.recv().unwrap();
        tests::arena::wait_until("it has a file", || leftovers() == 1);
        victim.child.kill().unwrap();
        victim.child.wait().unwrap();
    });
    assert_eq!((leftovers(), folder.read("grant/file")), (1, b"old".to_vec()));
    let path = folder.path().join("grant/file");
    let parameters = [("url", upstream.url("/")), ("path", path.to_str().unwrap().to_owned())];
    let said =
        attack(&arena, "file_downloads", &parameters.each_ref().map(|(k, v)| (*k, v.as_str())));
    assert_eq!(said, "stored 3");
    assert_eq!(folder.tree(), ["grant/", "grant/file"]);
    arena.finish(8 * 1024);
}
