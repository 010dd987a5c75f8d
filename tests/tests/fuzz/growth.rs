//! Hostile scripts, one after the other in one server that goes on: what they leave behind in the process.
//!
//! What a script leaves in its instance is the script's own affair and is bounded by its limits. So an
//! instance is replaced now and then, and what the process holds is compared at those moments.

use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::Duration;

use tests::arena::wait_until;
use tests::client::Raw;
use tests::footprint::Footprint;
use tests::random::{Random, Rounds};
use tests::run::{Run, Serving};

use crate::scripts::grammar;

/// Scripts before what the process holds is looked at.
const BATCH: u64 = 100;

/// Looks before the first that counts: allocators and pools fill up.
const WARM_UP: usize = 5;

/// Posts a script; none if the server closed instead of answering.
fn post(port: u16, source: &str) -> Option<u16> {
    // Nobody listens while the instance is replaced.
    drop(TcpStream::connect(("127.0.0.1", port)).ok()?);
    let mut client = Raw::connect(port);
    let length = source.len();
    client.send(format!(
        "POST /run HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{source}"
    ));
    client.read_response(false).map(|response| response.status)
}

/// What the process holds once its instance has been replaced and all connections are closed; none if
/// what still runs in the instance keeps it from its handlers.
fn at_rest(serving: &Serving) -> Option<Footprint> {
    (0..20).find(|_| post(serving.port, "while true do end") == Some(503))?;
    wait_until("a new instance serves", || post(serving.port, "return") == Some(200));
    // The last connections close beside us.
    thread::sleep(Duration::from_millis(100));
    Some(Footprint::of(serving.child.id()))
}

#[test]
fn fuzz_what_scripts_leave_in_a_server() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/loader.lua");
    let grammar = grammar("api.txt");
    let mut serving = Run::new(["run", "--allow-listen=0", "--allow-net=127.0.0.1:*"])
        .args(["--max-cpu=100ms", "--max-memory=32MiB", "--max-handler-time=1s", "--max-log=1KiB"])
        .args([script])
        .serve();
    drop(serving.child.stdin.take());
    let mut looks = vec![at_rest(&serving).expect("nothing runs yet")];
    let mut rounds = Rounds::or_few(40);
    let mut answered = 0;
    while let Some(seed) = rounds.next() {
        let source = grammar.script(&mut Random::new(seed));
        // A script that ends the process is no finding.
        if source.contains("os.exit") {
            continue;
        }
        let status = post(serving.port, &source);
        if let Some(status) = serving.child.try_wait().unwrap() {
            let said = serving.finish().stderr;
            panic!("FUZZ_SEED={seed} ended the server with {status}: {said}\n{source}");
        }
        answered += u64::from(status.is_some());
        if rounds.done() % BATCH == 0 {
            looks.extend(at_rest(&serving));
        }
    }
    looks.extend(at_rest(&serving));
    let memory: Vec<u64> = looks.iter().map(|look| look.memory_kib).collect();
    let descriptors: Vec<usize> = looks.iter().map(|look| look.descriptors).collect();
    println!(
        "{} scripts, {answered} answered; KiB at rest: {memory:?}, descriptors: {descriptors:?}",
        rounds.done()
    );
    if let Some(settled) = memory.get(WARM_UP..).filter(|settled| settled.len() > 10) {
        // The least of the first and of the last ones: a look may meet what is just going.
        let least = |part: &[u64]| part.iter().copied().min().unwrap();
        let (begin, end) = (least(&settled[..5]), least(&settled[settled.len() - 5..]));
        assert!(end <= begin + 1024, "it grew from {begin} to {end} KiB: {memory:?}");
    }
    serving.signal("TERM");
    let finished = serving.finish();
    assert!(!finished.stderr.contains("panicked at"), "{}", finished.stderr);
    assert!(!finished.stderr.contains("internal error:"), "{}", finished.stderr);
}
