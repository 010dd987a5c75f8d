//! Random values to every function that a script can reach: `tests/scripts/attacks/every_function.lua`.

use std::fs;
use std::path::Path;

use tests::folder::Folder;
use tests::random::{Random, Rounds};

use crate::trial;

const GRANTS: [&[&str]; 3] = [
    &["--allow-listen=0", "--allow-net=127.0.0.1:*,localhost:*", "--allow-write=box"],
    &[
        "--allow-listen=0",
        "--allow-net=127.0.0.1:*,localhost:*",
        "--max-tasks=200",
        "--allow-env=*",
    ],
    &[],
];

#[test]
fn fuzz_every_function() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/attacks/every_function.lua");
    let walk = fs::read_to_string(path).unwrap();
    let mut rounds = Rounds::or_few(2);
    let mut failures = Vec::new();
    let (mut stopped, mut whole) = (0, 0);
    for seed in rounds.by_ref() {
        let flags = *Random::new(seed).pick(&GRANTS);
        let flags = [
            flags,
            &["--max-time=6s", "--max-cpu=500ms", "--max-cpu-total=5s", "--max-memory=64MiB"],
        ]
        .concat();
        let source = format!(
            "local walk = (function(...) {walk}\nend)()\nwalk {{ params = {{ seed = {seed}, calls = 300 }} }}"
        );
        match trial::run(&Folder::new(), source.as_bytes(), &flags) {
            Ok(outcome) if outcome.code == 0 => whole += 1,
            Ok(outcome) if matches!(outcome.code, 1 | 3) => stopped += 1,
            other => {
                let problem = other.map_or_else(|why| why, |outcome| format!("{outcome:?}"));
                eprintln!("FUZZ_SEED={seed}: {problem}");
                failures.push(seed);
            }
        }
    }
    println!(
        "{} walks, {whole} to their end, {stopped} stopped by a limit or an error",
        rounds.done()
    );
    assert!(failures.is_empty(), "FUZZ_SEED of {failures:?} failed");
}
