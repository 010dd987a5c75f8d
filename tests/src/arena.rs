//! A server under attack, and the innocent client beside the attacker.
//!
//! `tests/scripts/attacks/arena.lua` serves on two workers. An [`Arena`] starts it, notes what the
//! process holds, and lets a bystander ask for `/innocent` again and again. At the end the process
//! must live, the bystander must have been served, and what the attack took must be given back.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::GUARD;
use crate::client::{Raw, Response};
use crate::footprint::Footprint;
use crate::run::{Finished, Run, Serving};

/// A server that is attacked.
#[derive(Debug)]
pub struct Arena {
    /// The process; its port is where raw attackers connect.
    pub serving: Serving,
    before: Footprint,
    bystander: Bystander,
}

impl Arena {
    /// Serves `arena.lua` with two workers and these flags.
    pub fn new(flags: &[&str]) -> Self {
        let run = Run::new(["run", "--allow-listen=0", "--workers=2"]).args(flags);
        let mut serving = run.args([scripts().join("arena.lua")]).serve();
        // The other worker serves too, so that what it holds is no part of the difference.
        serving.next_line();
        Self::watching(serving)
    }

    /// Serves another script, which must print its port and answer `/innocent` with `well`.
    pub fn of(flags: &[&str], script: &Path) -> Self {
        let run = Run::new(["run", "--allow-listen=0"]).args(flags).args([script]);
        Self::watching(run.serve())
    }

    /// A server that runs already and answers `/innocent` with `well`.
    pub fn watching(serving: Serving) -> Self {
        // A few requests first, so that what the first ones set up is no part of the difference.
        for _ in 0..20 {
            assert_eq!(innocent(serving.port).as_deref(), Some("well"), "before the attack");
        }
        let before = Footprint::of(serving.child.id());
        let bystander = Bystander::start(serving.port);
        Self { serving, before, bystander }
    }

    /// Asks for `/attack/NAME`; none if the server closed instead of answering.
    pub fn attack(&self, name: &str) -> Option<Response> {
        self.during(|| {
            let mut attacker = Raw::connect(self.serving.port);
            attacker.send(format!(
                "GET /attack/{name} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
            ));
            attacker.read_response(false)
        })
    }

    /// Runs an attack and waits until a request of the bystander's was served that began after it did.
    pub fn during<T>(&self, attack: impl FnOnce() -> T) -> T {
        // The request under way may have begun before.
        let enough = self.bystander.served() + 2;
        let answer = attack();
        wait_until("the bystander is served", || self.bystander.served() >= enough);
        answer
    }

    /// Requests of the bystander's that were served so far.
    pub fn served(&self) -> u64 {
        self.bystander.served()
    }

    /// Waits until the process holds what it held before, except this much memory, then stops it.
    ///
    /// Linear memory never shrinks: an attack that fills it may keep `--max-memory` for each worker.
    pub fn finish(mut self, memory_kib: u64) -> Finished {
        self.bystander.stop();
        let process = self.serving.child.id();
        let before = self.before;
        let begun = Instant::now();
        loop {
            let now = Footprint::of(process);
            if now.is_within(before, memory_kib) {
                break;
            }
            assert!(
                begun.elapsed() < GUARD,
                "not given back: {now:?}, before the attack {before:?}"
            );
            thread::sleep(Duration::from_millis(20));
        }
        assert_eq!(innocent(self.serving.port).as_deref(), Some("well"), "after the attack");
        self.serving.signal("TERM");
        let finished = self.serving.finish();
        assert!(!finished.stderr.contains("panicked"), "{}", finished.stderr);
        // 143 if a worker was just beginning again, and had nothing to bring to an end.
        assert!(matches!(finished.code, 0 | 143), "{}: {}", finished.code, finished.stderr);
        finished
    }
}

/// The folder of the attacks' scripts.
pub fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/attacks")
}

/// Waits for something that must come true.
#[track_caller]
pub fn wait_until(what: &str, is_true: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < GUARD, "not within {GUARD:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// A client that asks for `/innocent` on one new connection after the other.
#[derive(Debug)]
struct Bystander {
    served: Arc<AtomicU64>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Bystander {
    fn start(port: u16) -> Self {
        let (served, stopped) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, stop) = (Arc::clone(&served), Arc::clone(&stopped));
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                // A worker that an attack stopped answers 503 or closes; then one asks again.
                if let Some(answer) = innocent(port) {
                    assert_eq!(answer, "well", "an innocent request was answered wrongly");
                    count.fetch_add(1, Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(1));
            }
        });
        Self { served, stopped, thread: Some(thread) }
    }

    fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    fn stop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the bystander was answered rightly");
        }
    }
}

impl Drop for Bystander {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
    }
}

/// One innocent request on a connection of its own; none if it was refused.
fn innocent(port: u16) -> Option<String> {
    use std::io::{Read, Write};
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(GUARD)).ok()?;
    stream.write_all(b"GET /innocent HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8(answer).expect("an innocent answer is text");
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200 ").then(|| body.to_owned())
}
