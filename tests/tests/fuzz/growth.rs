//! Hostile scripts, one after the other in one process: what they leave behind in it.
//!
//! A process of its own, because what the tests beside it hold would count; and the library instead of the
//! binary, so that each script has an instance of its own, as in a server that is replaced.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::Duration;

use host::config::{Config, Script};
use host::run::{self, Ending};
use tests::folder::Folder;
use tests::footprint::Footprint;
use tests::random::{Random, Rounds, variable};
use tests::run::anonymous_kib;

use crate::scripts::grammar;

/// In the process that runs the scripts: where its report goes.
const REPORT: &str = "GROWTH_REPORT";

/// Scripts between two looks.
const BATCH: u64 = 25;

/// Looks before the first that counts: allocators and pools fill up.
const WARM_UP: usize = 20;

/// Looks of which the least counts: one may meet a thread that is just ending.
const ENDS: usize = 5;

/// What all scripts together may leave.
const MOST_KIB: u64 = 1024;

#[test]
fn fuzz_what_scripts_leave_in_a_process() {
    if let Some(report) = env::var_os(REPORT) {
        return run_all(Path::new(&report));
    }
    let folder = Folder::new();
    let (report, stderr) = (folder.path().join("report"), folder.path().join("stderr"));
    let status = Command::new(env::current_exe().unwrap())
        .args(["growth::fuzz_what_scripts_leave_in_a_process", "--exact", "--nocapture"])
        .env(REPORT, &report)
        .env("RUST_LIB_BACKTRACE", "0")
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&stderr).unwrap())
        .status()
        .unwrap();
    let said = fs::read(&stderr).unwrap();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(8000)..]);
    assert!(status.success(), "{status}: {said}");
    println!("{}", fs::read_to_string(report).unwrap());
}

/// Runs the scripts and writes what was seen to the report.
fn run_all(report: &Path) {
    let grammar = grammar("api.txt");
    let mut rounds = match variable("FUZZ_SCRIPTS") {
        Some(count) => Rounds::count(count),
        None => Rounds::or_few(1000),
    };
    let mut looks = Vec::new();
    while let Some(seed) = rounds.next() {
        let source = grammar.script(&mut Random::new(seed));
        let ending = run::run(config(source.clone().into_bytes()));
        if let Ending::Failed { message, .. } = ending {
            let message = String::from_utf8_lossy(&message);
            assert!(!message.contains("internal error"), "FUZZ_SEED={seed}: {message}\n{source}");
        }
        if rounds.done().is_multiple_of(BATCH) {
            // The last threads end beside us.
            thread::sleep(Duration::from_millis(20));
            // Pages of the program's own file come with their first use, and are nobody's.
            looks.push((Footprint::of(process::id()), anonymous_kib(process::id())));
        }
    }
    let memory: Vec<u64> = looks.iter().map(|(_, kib)| *kib).collect();
    let counts: Vec<_> = looks.iter().map(|(look, _)| (look.descriptors, look.threads)).collect();
    let least = |part: &[u64]| part.iter().copied().min().unwrap_or_default();
    let settled = memory.get(WARM_UP..).unwrap_or_default();
    let begin = least(settled.get(..ENDS).unwrap_or_default());
    let end = least(settled.get(settled.len().saturating_sub(ENDS)..).unwrap_or_default());
    let text = format!(
        "{} scripts; after {} of them {begin} KiB, at the end {end} KiB; all looks: {memory:?} KiB, descriptors and threads {counts:?}",
        rounds.done(),
        WARM_UP as u64 * BATCH,
    );
    fs::write(report, &text).unwrap();
    // One round alone, by its seed, has nothing to compare.
    if settled.len() >= 2 * ENDS {
        assert!(end <= begin + MOST_KIB, "{text}");
    }
}

/// A script under tight limits, with a port and its own machine's peers.
fn config(text: Vec<u8>) -> Config {
    let mut config = Config::new(Script::Code { name: "hostile".to_owned(), text });
    config.grants.listen.allow("0").unwrap();
    config.grants.net.allow("127.0.0.1:*").unwrap();
    let limits = &mut config.limits;
    limits.max_memory = Some(16 * 1024 * 1024);
    limits.max_cpu = Some(Duration::from_millis(20));
    limits.max_time = Some(Duration::from_millis(50));
    limits.grace_period = Duration::from_millis(20);
    limits.max_log = Some(1024);
    config
}
