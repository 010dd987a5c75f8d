//! The pure libraries inside the sandbox: the scripts that test them natively (`native.rs`) run here as well.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::Path;

use tests::folder::Folder;
use tests::run::Run;

/// Runs a native test as a module, so that errors name it as they do natively.
#[track_caller]
fn passes(library: &str) {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-lua/native-tests");
    let source = fs::read_to_string(native.join(format!("{library}.lua"))).unwrap();
    let folder = Folder::new();
    folder.write("main.lua", include_str!("../scripts/pure/stand_ins.lua"));
    folder.write(&format!("native/{library}.lua"), &source);
    let said = Run::new(["run", "main.lua", &format!("native.{library}")])
        .in_folder(folder.path())
        .finish()
        .ok();
    let checks: usize =
        said.strip_suffix(" checks\n").and_then(|number| number.parse().ok()).unwrap();
    // At least one for each line that makes one; tables of cases make more.
    let written = source
        .lines()
        .filter(|line| {
            line.starts_with("eq(") || line.starts_with("raises(") || line.starts_with("same(")
        })
        .count();
    assert!(checks >= written && written > 10, "{checks} checks of {written}");
}

#[test]
fn json_passes_its_own_test() {
    passes("json");
}

#[test]
fn base64_passes_its_own_test() {
    passes("base64");
}

#[test]
fn crypto_passes_its_own_test() {
    passes("crypto");
}

#[test]
fn url_passes_its_own_test() {
    passes("url");
}

#[test]
fn assert_passes_its_own_test() {
    passes("assert");
}

/// No script can reach these; `http_client_streams.rs` and `http_events.rs` see them at work.
const INTERNAL: [&str; 1] = ["event_stream"];

#[test]
fn every_native_test_is_run_here() {
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("../guest-lua/native-tests");
    let here = include_str!("pure.rs");
    for entry in fs::read_dir(native).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(library) = name.strip_suffix(".lua") {
            let known =
                here.contains(&format!("passes(\"{library}\")")) || INTERNAL.contains(&library);
            assert!(known, "{library}");
        }
    }
}
