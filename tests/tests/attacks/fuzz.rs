//! Random values to everything a script can call, and random bytes to the port: rows 33 and 40.

use tests::arena::{Arena, scripts};
use tests::random::Random;
use tests::run::Run;
use tests::wild_bytes::{assert_http, connection};

/// A folder of its own, so that `require` finds the walk.
fn walk(seed: u64, flags: &[&str]) -> Run {
    let source = std::fs::read_to_string(scripts().join("every_function.lua")).unwrap();
    let main = format!(
        "local walk = (function(...) {source}\nend)()\nprint(walk {{ params = {{ seed = {seed}, calls = 150 }} }})"
    );
    Run::script(&[&["--allow-listen=0", "--allow-net=127.0.0.1:*"], flags].concat(), &main)
}

/// Answer: an error that the script can catch, or the end at a limit. Fails with a `panic!` in any of the
/// host's functions it reaches, such as `env.get`.
#[test]
fn attack_33_every_function_with_random_values() {
    for seed in 1..=4 {
        let finished =
            walk(seed, &["--max-time=10s", "--max-cpu=1s", "--max-memory=32MiB"]).finish();
        assert!(
            matches!(finished.code, 0 | 1 | 3),
            "seed {seed}: {}: {}",
            finished.code,
            finished.stderr
        );
        for sign in ["panicked at", "internal error:"] {
            assert!(!finished.stderr.contains(sign), "seed {seed}: {}", finished.stderr);
        }
        if finished.code == 3 {
            assert!(finished.stderr.contains("raise --max-"), "seed {seed}: {}", finished.stderr);
        }
    }
}

/// Answer: as above, and the server goes on, whatever its handlers call. Fails with a `panic!` in any of
/// the host's functions it reaches, such as `env.get`.
#[test]
fn attack_33_every_function_in_a_handler() {
    let mut arena = Arena::of(
        &["--allow-net=127.0.0.1:*", "--max-cpu=500ms", "--max-memory=32MiB"],
        &scripts().join("arena.lua"),
    );
    // A thread that reads from a standard input that stays open cannot be called back.
    drop(arena.serving.child.stdin.take());
    for seed in 1..=3 {
        let answer = arena.attack(&format!("every_function?seed={seed}&calls=100&tame=1"));
        let answer = answer.expect("an answer");
        let whole = answer.status == 200 && answer.text().starts_with("survived ");
        assert!(whole || answer.status == 503, "seed {seed}: {}: {}", answer.status, answer.text());
    }
    // What the walks left running ends with their instance.
    assert_eq!(arena.attack("infinite_loop").expect("an answer").status, 503);
    arena.finish(32 * 1024);
}

/// Answer: 4xx, or the connection closes; what is HTTP is answered as such. Fails with a `panic!` on
/// the byte 0xfe in `Framing::follow`.
#[test]
fn attack_40_random_bytes_to_the_port() {
    let arena = Arena::new(&["--header-timeout=1s", "--body-timeout=1s", "--idle-timeout=1s"]);
    let port = arena.serving.port;
    let mut answered = 0;
    arena.during(|| {
        for seed in 1..=150 {
            let answer = connection(port, &mut Random::new(seed));
            assert_http(&answer);
            answered += usize::from(!answer.is_empty());
        }
    });
    assert!(answered > 20, "only {answered} connections were answered");
    arena.finish(4 * 1024);
}
