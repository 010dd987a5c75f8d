//! One random script in one process of its own, and what must be true afterwards.

use std::fs;
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tests::folder::Folder;
use tests::run::binary;

/// Flags of every trial, unless it has its own value for one.
const FLAGS: [&str; 6] = [
    "--max-cpu=200ms",
    "--max-cpu-total=400ms",
    "--max-time=2s",
    "--max-memory=32MiB",
    "--grace-period=200ms",
    "--max-log=64KiB",
];

/// No trial may last longer: its limits, and a machine that has much else to do.
const GUARD: Duration = Duration::from_secs(20);

/// Output that is looked at.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

/// How a trial ended.
#[derive(Debug)]
pub struct Outcome {
    /// The exit code.
    pub code: i32,
    /// How long it took.
    pub time: Duration,
}

/// Runs `source` with the limits and these flags, in a folder with a `box` that may be granted, and gives
/// how it ended, or what is wrong.
pub fn run(folder: &Folder, source: &[u8], flags: &[&str]) -> Result<Outcome, String> {
    let inside = folder.path().join("box");
    let scratch = folder.path().join("scratch");
    for path in [&inside, &scratch] {
        fs::create_dir_all(path).unwrap();
    }
    folder.write("main.lua", source);
    let before = outside_of_box(folder);
    let begun = Instant::now();
    let mut child = Command::new(binary())
        .arg("run")
        .args(FLAGS.iter().filter(|default| !flags.iter().any(|flag| same_flag(flag, default))))
        .args(flags)
        .args(["main.lua", "one", "two"])
        .current_dir(folder.path())
        .env("TMPDIR", &scratch)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if begun.elapsed() > GUARD {
            child.kill().unwrap();
            child.wait().unwrap();
            return Err(format!("it still ran after {GUARD:?}"));
        }
        thread::sleep(Duration::from_millis(1));
    };
    let time = begun.elapsed();
    stdout.join().unwrap();
    let stderr = String::from_utf8_lossy(&stderr.join().unwrap()).into_owned();
    if let Some(signal) = status.signal() {
        return Err(format!("signal {signal} killed it; {stderr}"));
    }
    let code = status.code().unwrap();
    for sign in ["panicked at", "internal error:", "wasm trap", "wasm backtrace"] {
        if stderr.contains(sign) {
            return Err(format!("it said {sign:?}, exit code {code}: {stderr}"));
        }
    }
    let exits = source.windows(7).any(|part| part == b"os.exit");
    if !exits && !matches!(code, 0 | 1 | 3) {
        return Err(format!("exit code {code}: {stderr}"));
    }
    if matches!(code, 1 | 3) && !exits && !stderr.contains("error: ") {
        return Err(format!("exit code {code} without a word: {stderr}"));
    }
    let after = outside_of_box(folder);
    if after != before {
        return Err(format!("files outside the granted folder changed: {before:?} to {after:?}"));
    }
    if let Some(left) = folder.tree().into_iter().find(|path| path.contains(".tidelock")) {
        return Err(format!("a temporary file is left: {left}"));
    }
    Ok(Outcome { code, time })
}

fn same_flag(one: &str, other: &str) -> bool {
    one.split('=').next() == other.split('=').next()
}

/// Paths and sizes of what no grant names.
fn outside_of_box(folder: &Folder) -> Vec<(String, u64)> {
    let paths = folder.tree().into_iter().filter(|path| !path.starts_with("box/"));
    paths
        .map(|path| {
            let whole = folder.path().join(&path);
            let length = if path.ends_with('/') { 0 } else { fs::metadata(whole).unwrap().len() };
            (path, length)
        })
        .collect()
}

fn collect(source: impl Read + Send + 'static) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut source = source.take(MAX_OUTPUT);
        let _ = source.read_to_end(&mut bytes);
        let _ = std::io::copy(&mut source.into_inner(), &mut std::io::sink());
        bytes
    })
}
