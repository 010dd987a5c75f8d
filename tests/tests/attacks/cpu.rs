//! Attacks on the processor: rows 1, 2, 5, 9 and 35.

use tests::arena::Arena;

/// Answer: the instance is stopped and replaced, its request gets 503. Fails with `--max-cpu=none`.
#[test]
fn attack_01_infinite_loop() {
    let arena = Arena::new(&["--max-cpu=300ms"]);
    let answer = arena.attack("infinite_loop").expect("an answer");
    assert_eq!(answer.status, 503, "{}", answer.text());
    arena.finish(0);
}
