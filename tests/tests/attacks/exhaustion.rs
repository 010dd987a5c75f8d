//! Peers that hold what they were given, and ends in the middle: rows 19, 24, 31, 34, 38 and 39.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tests::arena::{Arena, scripts, wait_until};
use tests::client::Raw;
use tests::folder::Folder;
use tests::footprint::Footprint;
use tests::gate::Gate;
use tests::run::{Run, Serving, binary};
use tests::upstream::Upstream;
use tests::websocket::{self, Frame, WebSocket};

fn arena(flags: &[&str]) -> Arena {
    Arena::of(flags, &scripts().join("stages.lua"))
}

/// Opens connections that each send this, and gives them.
fn crowd(arena: &Arena, count: usize, bytes: &str) -> Vec<Raw> {
    let one = |_| {
        let mut raw = Raw::connect(arena.serving.port);
        raw.send(bytes);
        raw
    };
    (0..count).map(one).collect()
}

fn descriptors(arena: &Arena) -> usize {
    Footprint::of(arena.serving.child.id()).descriptors
}

fn memory(arena: &Arena) -> u64 {
    Footprint::of(arena.serving.child.id()).memory_kib
}

/// Answer: closed after `--header-timeout`; 500 of them hold less than 64 KiB each. Fails with `--header-timeout=none`.
#[test]
fn attack_19_slow_heads() {
    let arena = arena(&["--header-timeout=1s"]);
    let before = memory(&arena);
    let crowd = crowd(&arena, 500, "GET /show HTTP/1.1\r\nHost: h\r\nX: ");
    arena.during(|| {
        for slow in &crowd {
            let _ = slow.stream().write_all(b"x");
        }
    });
    let held = memory(&arena).saturating_sub(before);
    assert!(held < 500 * 64, "500 connections hold {held} KiB");
    for mut slow in crowd {
        slow.rest(); // ends
    }
    arena.finish(16 * 1024);
}

/// Answer: 408 after `--body-timeout`. Fails with `--body-timeout=none`.
#[test]
fn attack_19_slow_bodies() {
    let arena = arena(&["--body-timeout=500ms"]);
    let crowd =
        crowd(&arena, 200, "POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nx");
    arena.during(|| ());
    for mut slow in crowd {
        assert_eq!(slow.response().status, 408);
        slow.expect_closed();
    }
    arena.finish(16 * 1024);
}

/// Answer: cut after `--write-timeout`. Fails with `--write-timeout=none`.
#[test]
fn attack_19_slow_readers() {
    let mut arena = arena(&["--write-timeout=500ms", "--idle-timeout=1s"]);
    let streams = crowd(&arena, 8, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
    arena.during(|| ());
    arena.serving.stderr_lines("over: stream", 8);
    for mut slow in streams {
        slow.rest(); // ends
    }
    let before = descriptors(&arena);
    let large = crowd(&arena, 6, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n");
    arena.during(|| wait_until("they came", || descriptors(&arena) >= before + 6));
    // The innocent may have two of these.
    wait_until("most are cut", || descriptors(&arena) <= before + 2);
    let cut = large.into_iter().filter_map(|mut slow| (slow.rest().len() < 24 << 20).then_some(()));
    assert!(cut.count() >= 2);
    arena.finish(32 * 1024);
}

/// Answer: closed after `--idle-timeout`. Fails with `--idle-timeout=none`.
#[test]
fn attack_19_idle_connections() {
    let arena = arena(&["--idle-timeout=1s", "--header-timeout=1s"]);
    let before = memory(&arena);
    let never = crowd(&arena, 250, "");
    let mut once = crowd(&arena, 250, "GET /show HTTP/1.1\r\nHost: h\r\n\r\n");
    for client in &mut once {
        assert_eq!(client.response().status, 200);
    }
    arena.during(|| ());
    let held = memory(&arena).saturating_sub(before);
    assert!(held < 500 * 64, "500 connections hold {held} KiB");
    for mut idle in never.into_iter().chain(once) {
        idle.expect_closed();
    }
    arena.finish(16 * 1024);
}

/// Answer: what is beyond `--max-connections` waits in the system's queue until the slow ones are closed. Fails with
/// `--header-timeout=none`.
#[test]
fn attack_19_more_connections_than_allowed() {
    let arena = arena(&["--max-connections=50", "--header-timeout=500ms"]);
    let before = descriptors(&arena);
    let crowd = crowd(&arena, 300, "GET /show HTTP/1.1\r\n");
    let now = descriptors(&arena);
    assert!(now <= before + 50 + 2, "{now} descriptors, {before} before");
    // They are served in turn with the innocent.
    arena.during(|| ());
    for mut slow in crowd {
        slow.rest(); // ends
    }
    arena.finish(16 * 1024);
}

/// Answer: `send` waits, then the client is cut after `--write-timeout`. Fails with `--write-timeout=none`.
#[test]
fn attack_24_slow_consumers_of_events() {
    let mut arena = arena(&["--write-timeout=500ms"]);
    let (before, open) = (memory(&arena), descriptors(&arena));
    let crowd = crowd(&arena, 50, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n");
    arena.during(|| wait_until("all came", || descriptors(&arena) >= open + 50));
    let held = memory(&arena).saturating_sub(before);
    // Each has 64 KiB in its queue, a response of hyper's and an event of Lua's.
    assert!(held < 50 * 512, "50 streams hold {held} KiB");
    arena.serving.stderr_lines("over: events", 50);
    for mut slow in crowd {
        slow.rest(); // ends
    }
    let stderr = arena.finish(24 * 1024).stderr;
    assert_eq!(stderr.matches("over: events").count(), 50, "{stderr}");
}

/// Answer: a function that sends ends with `closed`, one that is silent is cancelled. Fails if the end of a
/// `StreamedBody` tells nobody.
#[test]
fn attack_24_vanished_consumers_of_events() {
    let arena = arena(&["--sse-keep-alive=100ms"]);
    for path in ["/events", "/silent"] {
        for reset in [false, true] {
            let crowd: Vec<_> = (0..20)
                .map(|_| {
                    let mut raw = Raw::connect(arena.serving.port);
                    raw.send(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
                    raw.head();
                    raw
                })
                .collect();
            arena.during(|| crowd.into_iter().for_each(|raw| leave(raw, reset)));
        }
    }
    wait_until_all_is_over(&arena);
    let stderr = arena.finish(24 * 1024).stderr;
    assert_eq!(stderr.matches("over: events").count(), 40, "{stderr}");
    assert_eq!(stderr.matches("over: silent").count(), 40, "{stderr}");
}

/// Waits until no handler, stream or WebSocket goes on. The end of the server would end them too: this is before it.
fn wait_until_all_is_over(arena: &Arena) {
    let going_on = || Raw::connect(arena.serving.port).get("/going-on").text();
    wait_until("all of it is over", || going_on() == "0");
}

/// Goes away: politely, or by a reset.
fn leave(raw: Raw, reset: bool) {
    if reset {
        let stream = raw.stream().try_clone().expect("it can be cloned");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
        runtime.expect("a runtime").block_on(async {
            stream.set_nonblocking(true).expect("it can be set");
            let stream = tokio::net::TcpStream::from_std(stream).expect("it is a socket");
            stream.set_zero_linger().expect("it can be set");
        });
    }
    drop(raw);
}

/// Seconds of processor time that the process has used.
fn cpu_seconds(process: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it lives");
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = |at| fields.split_whitespace().nth(at).and_then(|n| n.parse::<f64>().ok());
    // In hundredths of a second, as Linux says it to programs.
    (ticks(11).expect("user time") + ticks(12).expect("system time")) / 100.0
}

/// Answer: the server waits and does not spin; those it has go on; connecting and opening fail as errors; when there
/// are descriptors again it accepts. Fails without the pause in `accept.rs`, by the processor time.
#[test]
fn attack_31_no_descriptors() {
    let folder = Folder::new();
    let upstream = Upstream::text("fetched");
    let run = Run::program("sh")
        .args(["-c", "ulimit -n 64 && exec \"$@\"", "sh"])
        .args([binary()])
        .args(["run", "--allow-listen=0", &upstream.grant()])
        .args([&format!("--allow-write={}", folder.path().display())])
        .args([scripts().join("stages.lua")]);
    let mut arena = Arena::watching(run.serve());
    let mut innocent = Raw::connect(arena.serving.port);
    let run = |client: &mut Raw, code: &str| {
        client.send(format!(
            "POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{code}",
            code.len()
        ));
        client.response().text()
    };
    let fetch = format!(
        "local ok, r = pcall(http.get, '{}') return ok and r.body or r.kind .. ' ' .. tostring(r)",
        upstream.url("/")
    );
    let path = folder.path().join("file").display().to_string();
    let open = format!(
        "local f, e = io.open('{path}', 'w') if f then f:close() end return f and 'opened' or e"
    );
    let download = format!(
        "local ok, r = pcall(http.download, '{}', '{path}') return ok and r or r.kind .. ' ' .. tostring(r)",
        upstream.url("/")
    );
    assert_eq!(run(&mut innocent, &fetch), "fetched");

    let crowd = crowd(&arena, 200, "GET /show HTTP/1.1\r\n");
    arena.serving.stderr_line("failed to accept connections");
    let (begun, used) = (Instant::now(), cpu_seconds(arena.serving.child.id()));
    let mut asked = 0;
    while begun.elapsed() < Duration::from_secs(1) {
        // Who is connected is served.
        let text = run(&mut innocent, &fetch);
        assert!(["connect ", "io ", "fetched"].iter().any(|kind| text.starts_with(kind)), "{text}");
        assert!(!text.contains("panicked"), "{text}");
        let text = run(&mut innocent, &open);
        let known = ["opened", "oo many open files"];
        assert!(known.iter().any(|known| text.contains(known)), "{text}");
        let text = run(&mut innocent, &download);
        assert!(["connect ", "io ", "7"].iter().any(|kind| text.starts_with(kind)), "{text}");
        asked += 3;
        std::thread::sleep(Duration::from_millis(50));
    }
    let (elapsed, used) =
        (begun.elapsed().as_secs_f64(), cpu_seconds(arena.serving.child.id()) - used);
    assert!(used < elapsed / 3.0, "{used} s of CPU in {elapsed} s for {asked} requests");
    drop(crowd);
    arena.during(|| assert_eq!(Raw::connect(arena.serving.port).get("/show").text(), "GET 0"));
    assert_eq!(run(&mut innocent, &fetch), "fetched");
    drop(innocent);
    let stderr = arena.finish(8 * 1024).stderr;
    assert_eq!(stderr.matches("failed to accept connections").count(), 1, "{stderr}");
}

/// Answer: `limit` from the innermost, and all of them end. Fails with `--max-outgoing=10000` (then `timeout`).
#[test]
fn attack_34_a_server_that_fetches_itself() {
    let arena = Arena::new(&["--allow-net=127.0.0.1:*", "--max-outgoing=50", "--idle-timeout=1s"]);
    let answer = arena.attack("fetch_itself").expect("an answer");
    assert_eq!(answer.status, 200);
    assert!(
        answer.text().starts_with("limit ") && answer.text().contains("--max-outgoing"),
        "{}",
        answer.text()
    );
    arena.finish(16 * 1024);
}

/// Answer: 503 or the fetch's own timeout; then it serves again. Fails with `--max-in-flight=1000` (then `limit`).
#[test]
fn attack_34_a_server_that_fetches_itself_until_it_is_full() {
    let arena = Arena::new(&["--allow-net=127.0.0.1:*", "--max-in-flight=10", "--idle-timeout=1s"]);
    let answers = arena.during(|| {
        let ask = |_| {
            let mut attacker = Raw::connect(arena.serving.port);
            attacker
                .send("GET /attack/fetch_itself HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
            attacker
        };
        let all: Vec<_> = (0..30).map(ask).collect();
        all.into_iter()
            .map(|mut attacker| attacker.response())
            .map(|r| format!("{} {}", r.status, r.text()))
            .collect::<Vec<_>>()
    });
    for answer in &answers {
        let known =
            ["503 ", "200 503 ", "200 timeout "].iter().any(|kind| answer.starts_with(kind));
        assert!(known, "{answer}");
    }
    arena.finish(16 * 1024);
}

/// Answer: none; whatever was begun for the client ends. Fails without `forget`, if
/// the end of a `StreamedBody` tells nobody, or if a WebSocket does not notice the end of its connection.
#[test]
fn attack_38_clients_that_leave_at_every_stage() {
    let arena = arena(&[]);
    let upgrade = websocket::request(
        "/ws",
        &websocket::handshake().iter().map(String::as_str).collect::<Vec<_>>(),
    );
    let frame = |frame: Frame| frame.bytes();
    let half = frame(Frame::text("half").says(1000));
    let whole = frame(Frame::text("whole"));
    let close = frame(Frame::close(1000, ""));
    // What is sent, how many heads of answers are waited for, what is sent then.
    let stages: Vec<(&str, String, usize, Vec<u8>)> = vec![
        ("before a request", String::new(), 0, vec![]),
        ("in the first line", "GET /sh".to_owned(), 0, vec![]),
        ("in the head", "GET /show HTTP/1.1\r\nHost: h\r\nX: ".to_owned(), 0, vec![]),
        (
            "after the head",
            "POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n".to_owned(),
            0,
            vec![],
        ),
        (
            "in the body",
            "POST /show HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc".to_owned(),
            0,
            vec![],
        ),
        (
            "in a chunk",
            "POST /show HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"
                .to_owned(),
            0,
            vec![],
        ),
        (
            "waiting for 100",
            "POST /show HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n"
                .to_owned(),
            1,
            vec![],
        ),
        ("as the handler begins", "GET /wait HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 0, vec![]),
        (
            "with a second request behind",
            "GET /show HTTP/1.1\r\nHost: h\r\n\r\nGET /wait HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
            1,
            vec![],
        ),
        ("before the response", "GET /large HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 0, vec![]),
        ("in the response", "GET /large HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 1, vec![]),
        ("in a stream", "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 1, vec![]),
        ("in events", "GET /events HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 1, vec![]),
        ("between requests", "GET /show HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(), 1, vec![]),
        ("in the handshake", upgrade.get(..60).unwrap_or_default().to_owned(), 0, vec![]),
        ("before the 101", upgrade.clone(), 0, vec![]),
        ("after the 101", upgrade.clone(), 1, vec![]),
        ("in the head of a frame", upgrade.clone(), 1, half.get(..3).unwrap_or_default().to_vec()),
        ("in a frame", upgrade.clone(), 1, half),
        ("after a frame", upgrade.clone(), 1, whole),
        ("after a close frame", upgrade, 1, close),
    ];
    for (stage, sent, heads, more) in stages {
        for reset in [false, true] {
            println!("{stage}, reset: {reset}"); // what the harness shows if the test fails
            arena.during(|| {
                for _ in 0..5 {
                    let mut raw = Raw::connect(arena.serving.port);
                    raw.send(&sent);
                    for _ in 0..heads {
                        raw.head();
                    }
                    raw.send(&more);
                    leave(raw, reset);
                }
            });
        }
        arena.during(|| {
            let mut raw = Raw::connect(arena.serving.port);
            raw.send(&sent);
            for _ in 0..heads {
                raw.head();
            }
            raw.send(&more);
            let _ = raw.stream().shutdown(Shutdown::Write);
        });
    }
    wait_until_all_is_over(&arena);
    let stderr = arena.finish(64 * 1024).stderr;
    for name in ["wait", "stream", "events", "ws"] {
        assert!(stderr.contains(&format!("over: {name}")), "{name}: {stderr}");
    }
    assert!(!stderr.contains("request failed"), "{stderr}");
}

/// Waits until a process has ended; kills one that goes on, and fails.
fn wait_for_end(child: &mut Child) -> ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            return status;
        }
        if begun.elapsed() > tests::GUARD {
            let _ = child.kill();
            panic!("it did not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A script that says that it runs, and then does this.
fn started(flags: &[&str], code: &str) -> Serving {
    Run::script(flags, &format!("print(1) io.stdout:flush(); {code}")).serve()
}

/// Answer: 130 or 143, at the second signal at the latest. Fails if the first signal tells
/// nobody, if the second is ignored, or if `Temporary` leaves its file.
#[test]
fn attack_39_signals_at_every_stage() {
    let arena = arena(&[]);
    let silent = Upstream::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nbegun");
        let _ = stream.read(&mut [0]);
        true
    });
    let folder = Folder::new();
    let write = format!("--allow-write={}", folder.path().display());
    let (url, path) = (silent.url("/"), folder.path().join("sub/file").display().to_string());
    let gate = Gate::new();
    let socket = format!("{} ws.connect((gate:gsub('http', 'ws')))", gate.lua());
    let stages = [
        ("computing", "while true do end".to_owned()),
        ("in a pattern", "local _ = (('a'):rep(1e5)):find(('.-'):rep(20) .. 'b')".to_owned()),
        ("sleeping", "sleep(1000)".to_owned()),
        ("in pcall", "while true do pcall(sleep, 1000) end".to_owned()),
        ("closing", "local _ <close> = setmetatable({}, { __close = function() sleep(1000) end }) sleep(1000)".to_owned()),
        ("reading", "io.read('a')".to_owned()),
        ("fetching", format!("http.get('{url}')")),
        ("downloading", format!("http.download('{url}', '{path}')")),
        ("connecting", socket),
        ("many tasks", "for i = 1, 1000 do async.spawn(sleep, 1000) end sleep(1000)".to_owned()),
    ];
    for (stage, code) in stages {
        for (signal, number) in [("TERM", 143), ("INT", 130)] {
            let flags = [silent.grant(), write.clone(), gate.grant()];
            let mut serving = started(&flags.each_ref().map(String::as_str), &code);
            arena.during(|| serving.signal(signal));
            // One that computes, or catches all, is ended by the second.
            if ["computing", "in a pattern", "in pcall", "closing", "reading"].contains(&stage) {
                // Two signals that come before the process looks are one: it is told until it ends.
                let begun = Instant::now();
                while serving.child.try_wait().expect("it can be waited for").is_none() {
                    assert!(begun.elapsed() < tests::GUARD, "{stage}: it did not end");
                    serving.signal(signal);
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
            let finished = serving.finish();
            assert_eq!(finished.code, number, "{stage}: {}", finished.stderr);
        }
    }
    assert!(!folder.tree().iter().any(|name| name.contains("file")), "{:?}", folder.tree());
    arena.finish(0);
}

/// Answer: 143, or the system's own end if the program had not begun to listen for signals. Fails if an
/// early signal is taken over and lost.
#[test]
fn attack_39_signals_at_the_start() {
    let arena = arena(&[]);
    let source = format!("local t = {{ {} }} sleep(1000)", "'x', ".repeat(500_000));
    let folder = Folder::new();
    let script = folder.write("main.lua", source);
    for wait in 0..15 {
        let mut child = Command::new(binary())
            .args(["run".as_ref(), script.as_os_str()])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        std::thread::sleep(Duration::from_millis(wait * 5));
        let kill =
            |signal: &str| Command::new("kill").args([signal, &child.id().to_string()]).status();
        arena.during(|| kill("-TERM").expect("kill runs"));
        let _ = kill("-INT");
        let status = wait_for_end(&mut child);
        let code = status.code();
        assert!([None, Some(143), Some(130)].contains(&code), "{code:?}");
    }
    arena.finish(0);
}

/// Answer: 143 although the instance is gone and the next not yet begun. Fails if `run_instances` gave the limit back.
#[test]
fn attack_39_a_signal_between_two_instances() {
    let arena = arena(&[]);
    let source = "http.serve(0, {}, { on_listen = function(s)
        print(s.port) io.stdout:flush()
        while true do end
    end })";
    let mut serving = Run::script(&["--allow-listen=0", "--max-cpu=50ms"], source).serve();
    serving.stderr_line("after_seconds=1.6");
    arena.during(|| serving.signal("TERM"));
    let finished = serving.finish();
    assert_eq!(finished.code, 143, "{}", finished.stderr);
    arena.finish(0);
}

/// Answer: the first ends it politely, the second at once; nothing is left. Fails if either is
/// ignored.
#[test]
fn attack_39_signals_to_a_server() {
    for stage in ["idle", "handler", "events", "socket"] {
        let arena = arena(&[]);
        let gate = Gate::new();
        let code = format!(
            "{} http.serve(0, {{ GET = {{
                ['/idle'] = function() return 'x' end,
                ['/handler'] = function() return http.get(gate).body end,
                ['/events'] = function() return {{ sse = function(send) send('x') http.get(gate) end }} end,
                ['/socket'] = function() return {{ ws = function(conn) http.get(gate) end }} end,
            }} }}, {{ on_listen = function(s) print(s.port) end }}) sleep(1000)",
            gate.lua()
        );
        let serving = Run::script(&["--allow-listen=0", &gate.grant()], &code).serve();
        let mut client = match stage {
            "socket" => {
                let mut socket = WebSocket::open(serving.port, "/socket");
                gate.wait_for(1);
                socket.send(&Frame::text("x"));
                None
            }
            _ => {
                let mut client = Raw::connect(serving.port);
                client.send(format!("GET /{stage} HTTP/1.1\r\nHost: h\r\n\r\n"));
                match stage {
                    "idle" => drop(client.response()),
                    _ => gate.wait_for(1),
                }
                Some(client)
            }
        };
        arena.during(|| serving.signal("TERM"));
        // Its connections end, or it waits for them; either way the second signal is the end.
        if stage == "idle" {
            client.as_mut().expect("a client").expect_closed();
        }
        serving.signal("TERM");
        let code = serving.finish().code;
        assert_eq!(code, 143, "{stage}");
        arena.finish(0);
    }
}

/// Answer: those that end a process by the system's rules do so; a broken pipe is an error of `print`'s, and the server lives.
/// Fails if those signals are taken over, and if SIGPIPE has the system's own effect.
#[test]
fn attack_39_other_signals_and_a_reader_that_is_gone() {
    let arena = arena(&[]);
    for signal in ["HUP", "QUIT", "USR1", "USR2", "ALRM"] {
        let serving = started(&[], "sleep(1000)");
        arena.during(|| serving.signal(signal));
        assert_eq!(serving.finish().code, -1, "SIG{signal}");
    }
    let mut child = Command::new(binary())
        .args([
            "run".as_ref(),
            "--allow-listen=0".as_ref(),
            scripts().join("stages.lua").as_os_str(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("a port");
    let port = line.trim().parse().expect("a port");
    let code =
        "local ok, e for i = 1, 3 do ok, e = io.write(('x'):rep(1e5)) end return tostring(e)";
    let mut client = Raw::connect(port);
    client.send(format!(
        "POST /run HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{code}",
        code.len()
    ));
    let text = client.response().text();
    assert!(text.contains("closed") || text.contains("gone"), "{text}");
    assert_eq!(client.get("/innocent").text(), "well");
    Command::new("kill").args(["-PIPE", &child.id().to_string()]).status().expect("kill runs");
    assert_eq!(client.get("/innocent").text(), "well");
    Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert_eq!(wait_for_end(&mut child).code(), Some(0));
    arena.finish(0);
}

/// Answer: its worker waits for the reader; the second signal ends it all the same. Fails if the second is ignored.
#[test]
fn attack_39_signals_while_nobody_reads_the_output() {
    let arena = arena(&[]);
    let mut child = Command::new(binary())
        .args(["eval", "io.stderr:write('begun\\n') while true do print(('x'):rep(1e6)) end"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut line = String::new();
    BufReader::new(child.stderr.take().expect("it is piped")).read_line(&mut line).expect("a line");
    let kill = |id: u32| Command::new("kill").arg(id.to_string()).status().expect("kill runs");
    arena.during(|| kill(child.id()));
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("it can be waited for") {
            break status;
        }
        kill(child.id());
        assert!(begun.elapsed() < tests::GUARD, "it did not end");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert_eq!(status.code(), Some(143));
    arena.finish(0);
}
