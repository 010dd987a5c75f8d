//! Random bytes to the listening port: valid requests of every kind, cut, joined and spoilt.

use std::path::Path;

use tests::arena::Arena;
use tests::random::{Random, Rounds};
use tests::wild_bytes::{assert_http, connection};

/// A server with a route of every kind.
fn arena() -> Arena {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/server.lua");
    let flags = [
        "--workers=2",
        "--header-timeout=1s",
        "--body-timeout=1s",
        "--idle-timeout=1s",
        "--write-timeout=1s",
    ];
    Arena::of(&flags, &script)
}

#[test]
fn fuzz_bytes_to_the_port() {
    let arena = arena();
    let port = arena.serving.port;
    let mut rounds = Rounds::or_few(60);
    let mut answered = 0;
    arena.during(|| {
        for seed in rounds.by_ref() {
            let result = std::panic::catch_unwind(|| {
                let answer = connection(port, &mut Random::new(seed));
                assert_http(&answer);
                !answer.is_empty()
            });
            answered += u64::from(result.unwrap_or_else(|_| panic!("FUZZ_SEED={seed} fails")));
        }
    });
    println!(
        "{} connections, {answered} answered, {} innocent requests beside them",
        rounds.done(),
        arena.served()
    );
    assert!(answered > 0, "nothing was answered");
    arena.finish(4 * 1024);
}
