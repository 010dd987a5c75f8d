//! The pure C of the guest outside the sandbox, where sanitizers see what it does to memory.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::process::Command;

use tests::GUARD;
use tests::native::{HARNESS, root};

/// Runs a script in the harness and gives what it printed.
#[track_caller]
fn passes(script: &str, environment: &[(&str, &str)]) -> String {
    let output = Command::new("timeout")
        .args([GUARD.as_secs().to_string().as_ref(), HARNESS.as_os_str()])
        .args(["guest-lua/prelude/assert.lua", script])
        .envs(environment.iter().copied())
        .current_dir(root())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}: {}\n{stderr}", output.status);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_pure_libraries_pass_their_tests() {
    let mut count = 0;
    for entry in fs::read_dir(root().join("guest-lua/native-tests")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".lua") {
            let said = passes(&format!("guest-lua/native-tests/{name}"), &[]);
            assert!(said.ends_with(" checks\n"), "{name}: {said}");
            count += 1;
        }
    }
    assert!(count > 5, "only {count} tests were found");
}

#[test]
fn the_event_stream_parser_agrees_with_a_reference_on_random_streams() {
    let said = passes(
        "guest-lua/native-tests/fuzz/event_stream.lua",
        &[("FUZZ_SECONDS", "2"), ("FUZZ_SEED", "1")],
    );
    assert!(said.contains(" streams, FUZZ_SEED="), "{said}");
}

#[test]
fn json_agrees_with_a_reference_on_random_texts() {
    let said = passes(
        "guest-lua/native-tests/fuzz/json.lua",
        &[("FUZZ_SECONDS", "2"), ("FUZZ_SEED", "1")],
    );
    assert!(said.contains(" texts and values, FUZZ_SEED="), "{said}");
}
