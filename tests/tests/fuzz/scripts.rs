//! Random scripts: hostile ones from a grammar of the API, and programs of the language, of which many are
//! no programs at all.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use tests::folder::Folder;
use tests::grammar::Grammar;
use tests::random::{Random, Rounds, variable};

use crate::trial;

/// What a script may be granted; loopback and its own folder only.
const GRANTS: [&[&str]; 6] = [
    &[],
    &["--allow-listen=0", "--allow-net=127.0.0.1:*,localhost:*"],
    &["--allow-listen=0", "--allow-net=127.0.0.1:*,localhost:*", "--allow-write=box"],
    &["--allow-read=box", "--allow-env=HOME"],
    &["--allow-write=box", "--allow-net=127.0.0.1:*", "--allow-listen=0", "--allow-env=*"],
    &[
        "--allow-listen=0",
        "--allow-net=127.0.0.1:*",
        "--allow-write=box",
        "--audit=box/audit.jsonl",
    ],
];

/// Limits other than those every trial has.
const LIMITS: [&[&str]; 7] = [
    &[],
    &[],
    &["--max-memory=8MiB"],
    &["--max-memory=64MiB", "--max-tasks=100"],
    &["--max-cpu=20ms"],
    &["--max-time=100ms"],
    &["--max-tasks=3", "--max-outgoing=1"],
];

/// A corpus of the repository.
pub fn grammar(name: &str) -> Grammar {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/grammar").join(name);
    Grammar::parse(&fs::read_to_string(path).unwrap())
}

/// The script of a seed.
fn generate(grammar: &Grammar, seed: u64, broken: usize) -> (Vec<u8>, Vec<&'static str>) {
    let mut random = Random::new(seed);
    let mut source = grammar.script(&mut random).into_bytes();
    if random.one_in(broken) {
        for _ in 0..1 + random.below(4) {
            spoil(&mut source, &mut random);
        }
    }
    let mut flags = random.pick(&GRANTS).to_vec();
    flags.extend(random.pick(&LIMITS).iter());
    (source, flags)
}

/// Removes, repeats, moves or changes a few bytes.
fn spoil(source: &mut Vec<u8>, random: &mut Random) {
    if source.is_empty() {
        return;
    }
    let from = random.below(source.len());
    let to = (from + random.below(12)).min(source.len());
    let piece = source[from..to].to_vec();
    let at = random.below(source.len());
    match random.below(5) {
        0 => drop(source.drain(from..to)),
        1 => drop(source.splice(at..at, piece)),
        2 => source[at] = random.byte(),
        3 => source.truncate(at),
        _ => {
            let tokens: [&[u8]; 8] =
                [b"(", b"end ", b"\"", b"--[[", b"::", b" local ", b"\0", b"\xff"];
            let token = *random.pick(&tokens);
            drop(source.splice(at..at, token.iter().copied()));
        }
    }
}

/// How the scripts of a run ended.
#[derive(Default)]
struct Tally {
    codes: BTreeMap<i32, u64>,
    slowest: (Duration, u64),
    failures: Vec<String>,
}

/// Runs the scripts of these rounds, two at a time, and prints how they ended.
fn run_all(name: &str, rounds: Rounds, broken: usize) {
    let grammar = grammar(name);
    let rounds = Mutex::new(rounds);
    let tally = Mutex::new(Tally::default());
    let next = || rounds.lock().unwrap().next();
    let work = || {
        while let Some(seed) = next() {
            let (source, flags) = generate(&grammar, seed, broken);
            let outcome = trial::run(&Folder::new(), &source, &flags);
            let mut tally = tally.lock().unwrap();
            match outcome {
                Ok(outcome) => {
                    *tally.codes.entry(outcome.code).or_default() += 1;
                    tally.slowest = tally.slowest.max((outcome.time, seed));
                }
                Err(problem) => {
                    let source = String::from_utf8_lossy(&source);
                    let problem: String = problem.chars().take(4000).collect();
                    let report = format!(
                        "FUZZ_SEED={seed} ({name}): {problem}\nflags: {flags:?}\n{source}\n"
                    );
                    eprintln!("{report}");
                    tally.failures.push(report);
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let done = rounds.into_inner().unwrap().done();
    let Tally { codes, slowest: (time, seed), failures } = tally.into_inner().unwrap();
    println!("{done} scripts ({name}); exit codes {codes:?}; slowest {time:?}, FUZZ_SEED={seed}");
    assert!(failures.is_empty(), "{} scripts failed:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn fuzz_hostile_scripts() {
    let rounds = match variable("FUZZ_SCRIPTS") {
        Some(count) => Rounds::count(count),
        None => Rounds::or_few(60),
    };
    run_all("api.txt", rounds, 12);
}

#[test]
fn fuzz_random_programs() {
    run_all("lua.txt", Rounds::or_few(60), 3);
}

#[test]
fn the_same_seed_is_the_same_script() {
    for name in ["api.txt", "lua.txt"] {
        let grammar = grammar(name);
        let mut bytes = 0;
        for seed in 0..200 {
            let script = generate(&grammar, seed, 5);
            assert_eq!(script, generate(&grammar, seed, 5));
            bytes += script.0.len();
        }
        assert!(bytes > 200 * 50, "the scripts are short");
    }
}
