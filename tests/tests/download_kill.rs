//! Downloads that are stopped at 200 random moments, in four ways. Each time the destination is the old
//! file or the whole new one, and in the end a good download finds nothing to clean up but does.
//!
//! A moment is a number of bytes: of the body that were sent, or that the file may have. Past the last
//! one, it is a random number of looks at the clock, so that syncing and renaming are hit as well. The
//! seed is printed; `SEED=<number>` repeats it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Instant, SystemTime};

use tests::GUARD;
use tests::folder::Folder;
use tests::run::binary;
use tests::upstream::{Seen, Upstream};

const ROUNDS: usize = 50;
const LENGTH: usize = 1_500_000;

/// A small generator (xorshift); what it gives need not be good, only different.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = std::env::var("SEED").ok().map(|text| text.parse().unwrap());
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        let seed = seed.unwrap_or(now) | 1;
        println!("SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % bound
    }

    /// A position in a body, or one time in three its end.
    fn position(&mut self) -> usize {
        if self.below(3) == 0 { LENGTH } else { self.below(LENGTH) }
    }

    /// Looks at the clock: past the end of a body, as many as fit into a file's last steps.
    fn looks(&mut self, position: usize) -> usize {
        if position == LENGTH { self.below(600_000) } else { 0 }
    }
}

/// The body of a version: no two have a part in common.
fn body(version: usize) -> Vec<u8> {
    let mut random = Random(version as u64 * 0x9e37_79b9_7f4a_7c15 + 1);
    (0..LENGTH / 8)
        .flat_map(|_| {
            random.below(2);
            random.0.to_le_bytes()
        })
        .chain([0; LENGTH % 8])
        .collect()
}

/// Sends a head and the beginning of a version, as far as anybody takes it.
fn send(stream: &mut TcpStream, version: usize, length: usize) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(body(version).get(..length).unwrap());
}

/// Waits until the client goes.
fn wait_for_end(stream: &mut TcpStream) {
    let _ = stream.read_to_end(&mut Vec::new());
}

/// A destination, and what it may hold.
struct Bench {
    folder: Folder,
    /// The version that is at the destination.
    current: usize,
    replaced: usize,
}

impl Bench {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("file", body(0));
        Self { folder, current: 0, replaced: 0 }
    }

    /// Runs code with the URL of the server as its argument; `limit` is shell code that runs before.
    fn start(&self, upstream: &Upstream, limit: &str, code: &str) -> Child {
        Command::new("sh")
            .args(["-c", &format!("{limit} exec \"$0\" eval \"$@\"")])
            .arg(binary())
            .args(["--allow-write=.", &upstream.grant(), code, &upstream.url("/")])
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// The destination is as it was, or all of `version`; says which.
    #[track_caller]
    fn replaced_by(&mut self, version: usize) -> bool {
        let found = self.folder.read("file");
        if found == body(version) {
            self.current = version;
            self.replaced += 1;
            return true;
        }
        assert!(found == body(self.current), "{} bytes that are neither version", found.len());
        false
    }

    /// As a download that fails by itself leaves it.
    #[track_caller]
    fn assert_clean(&self) {
        assert_eq!(self.folder.tree(), ["file"]);
    }

    /// A good download, after which nothing but its file is there.
    #[track_caller]
    fn finish(mut self) {
        println!("{} of {ROUNDS} took the destination's place", self.replaced);
        let upstream = Upstream::start(|_, stream| {
            send(stream, ROUNDS + 1, LENGTH);
            true
        });
        assert!(self.start(&upstream, "", DOWNLOAD).wait().unwrap().success());
        assert!(self.replaced_by(ROUNDS + 1));
        self.assert_clean();
    }
}

/// What a server does next: a version, how much of it, and how often it looks at the clock then.
type Plan = Arc<Mutex<(usize, usize, usize)>>;

const DOWNLOAD: &str = "http.download(..., 'file')";

/// Lets a random part of what a file's last steps take pass.
fn look_at_the_clock(times: usize) {
    for _ in 0..times {
        std::hint::black_box(Instant::now());
    }
}

#[test]
fn killed() {
    let (mut bench, mut random) = (Bench::new(), Random::new());
    let plan = Plan::default();
    let (reached, at_position) = mpsc::channel();
    let plans = Arc::clone(&plan);
    let upstream = Upstream::start(move |_, stream| {
        let (version, position, looks) = *plans.lock().unwrap();
        send(stream, version, position);
        look_at_the_clock(looks);
        reached.send(()).unwrap();
        wait_for_end(stream);
        false
    });
    for version in 1..=ROUNDS {
        let position = random.position();
        *plan.lock().unwrap() = (version, position, random.looks(position));
        let mut child = bench.start(&upstream, "", DOWNLOAD);
        at_position.recv_timeout(GUARD).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        bench.replaced_by(version);
    }
    bench.finish();
}

#[test]
fn cut_off() {
    const IMPATIENT: &str = "http.download(..., 'file', { idle_timeout = 0.05 })";
    let (mut bench, mut random) = (Bench::new(), Random::new());
    let plan = Plan::default();
    let plans = Arc::clone(&plan);
    // Either the connection ends, or there is no sign of the server any more.
    let upstream = Upstream::start(move |_, stream| {
        let (version, position, silent) = *plans.lock().unwrap();
        send(stream, version, position);
        if silent == 1 {
            wait_for_end(stream);
        }
        false
    });
    for version in 1..=ROUNDS {
        let (position, silent) = (random.position(), random.below(2));
        *plan.lock().unwrap() = (version, position, silent);
        let code = if silent == 1 && position < LENGTH { IMPATIENT } else { DOWNLOAD };
        let ended = bench.start(&upstream, "", code).wait().unwrap();
        assert_eq!(
            (bench.replaced_by(version), ended.success()),
            (position == LENGTH, position == LENGTH)
        );
        bench.assert_clean();
    }
    bench.finish();
}

#[test]
fn out_of_room() {
    let (mut bench, mut random) = (Bench::new(), Random::new());
    let plan = Plan::default();
    let plans = Arc::clone(&plan);
    let upstream = Upstream::start(move |_, stream| {
        send(stream, plans.lock().unwrap().0, LENGTH);
        false
    });
    for version in 1..=ROUNDS {
        plan.lock().unwrap().0 = version;
        // In the units of `ulimit`; one time in some it is enough for all.
        let blocks = random.below(LENGTH / 512 + 1000);
        let fits = blocks * 512 >= LENGTH;
        let ended =
            bench.start(&upstream, &format!("ulimit -f {blocks};"), DOWNLOAD).wait().unwrap();
        assert_eq!((bench.replaced_by(version), ended.success()), (fits, fits), "{blocks}");
        bench.assert_clean();
    }
    bench.finish();
}

#[test]
fn cancelled() {
    // The second request is answered when the body of the first has reached its position.
    const CANCEL: &str = "local url = ...
        local h = async.spawn(http.download, url, 'file')
        http.get(url .. 'position')
        h:cancel()
        pcall(h.await, h)";
    let (mut bench, mut random) = (Bench::new(), Random::new());
    let plan = Plan::default();
    let (reached, at_position) = mpsc::channel();
    let at_position = Mutex::new(at_position);
    let plans = Arc::clone(&plan);
    let upstream = Upstream::start(move |request: &Seen, stream| {
        let (version, position, looks) = *plans.lock().unwrap();
        if request.line.contains("/position") {
            at_position.lock().unwrap().recv_timeout(GUARD).unwrap();
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok();
        }
        send(stream, version, position);
        look_at_the_clock(looks);
        reached.send(()).unwrap();
        wait_for_end(stream);
        false
    });
    for version in 1..=ROUNDS {
        let position = random.position();
        *plan.lock().unwrap() = (version, position, random.looks(position));
        assert!(bench.start(&upstream, "", CANCEL).wait().unwrap().success());
        bench.replaced_by(version);
        bench.assert_clean();
    }
    bench.finish();
}
