//! One door to the network and one to the disk: what opens a socket, a file or a process stands in few files.
//!
//! Clippy refuses it everywhere else (`host/clippy.toml`). This test keeps the list of those that may, and
//! sees what clippy cannot: that nobody lifted the lint, and what hides behind other names.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The files that hold a door, and what for.
const DOORS: [(&str, &str); 11] = [
    ("audit/summary.rs", "the audit log that the operator names"),
    ("cli/grant_flags.rs", "the audit log that the operator names"),
    ("door/file.rs", "the files of scripts"),
    ("door/lookup.rs", "the look-ups of scripts"),
    ("door/network.rs", "the connections of scripts"),
    ("http/client/pools.rs", "the HTTP library's connections, whose look-ups pass the door"),
    ("http/server/listeners.rs", "the ports of scripts"),
    ("main.rs", "a variable of the process's own"),
    ("policy.rs", "the policy files that the operator names"),
    ("run/setup.rs", "the access log that the operator names, and the granted variables"),
    ("script_text.rs", "the script that the operator names"),
];

/// What opens something, however it is imported. `door/file` works on handles of folders and is free to.
const OPENERS: [&str; 32] = [
    "TcpStream::connect",
    "TcpListener::bind",
    "TcpSocket::new",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "UnixDatagram",
    "socket2",
    "lookup_host",
    "to_socket_addrs",
    "reqwest::Client::",
    "reqwest::get",
    "hyper_util::client",
    "rustix::net",
    "rustix::fs::open",
    "openat(",
    "libc::",
    "File::open",
    "File::create",
    "OpenOptions::new",
    "fs::read",
    "fs::write",
    "fs::rename",
    "fs::remove_",
    "fs::metadata",
    "tokio::fs",
    "ambient_authority",
    "Command::new",
    "tokio::process",
    "env::var",
    "include_bytes!",
    "extern \"C\"",
];

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/src")
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => found.push(path),
        }
    }
}

/// The host's files by name, each without what is only for its tests.
fn product() -> Vec<(String, String)> {
    let mut paths = Vec::new();
    collect(&sources(), &mut paths);
    let name = |path: &Path| path.strip_prefix(sources()).unwrap().to_str().unwrap().to_owned();
    let mut files: Vec<_> = paths
        .iter()
        .map(|path| (name(path), fs::read_to_string(path).unwrap()))
        .filter(|(name, _)| {
            let file = name.rsplit('/').next();
            !matches!(file, Some("scratch.rs" | "fuzz.rs")) && !name.contains("/tests")
        })
        .map(|(name, text)| (name, without_tests(&text)))
        .collect();
    files.sort();
    assert!(files.len() > 80, "the host has more files than {}", files.len());
    files
}

/// Code without comments, up to the module of tests, which stands at the end.
fn without_tests(text: &str) -> String {
    let private = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let code = private.split("#[cfg(test)]\npub(super) mod tests {").next().unwrap();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    code.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn is_listed(name: &str) -> bool {
    DOORS.iter().any(|(door, _)| *door == name)
}

#[test]
fn only_doors_open_anything() {
    let mut found = Vec::new();
    for (name, text) in product() {
        for opener in OPENERS {
            if text.contains(opener) && !is_listed(&name) && !name.starts_with("door/file/") {
                found.push(format!("{name}: {opener}"));
            }
        }
    }
    assert_eq!(found, [""; 0]);
}

#[test]
fn the_lint_is_lifted_by_the_doors_alone_and_each_needs_it() {
    let lifting: BTreeSet<String> = product()
        .into_iter()
        .filter(|(_, text)| text.contains("disallowed_methods"))
        .map(|(name, _)| name)
        // Of the whole crate it is lifted for its own tests, whose files come to nothing here.
        .filter(|name| !name.starts_with("door/file/") && name != "lib.rs")
        .collect();
    let doors = DOORS.map(|(name, _)| name.to_owned()).into();
    assert_eq!(lifting, doors);
}

#[test]
fn the_lint_is_not_switched_off_for_more_than_an_item() {
    for (name, text) in product() {
        for whole in
            ["#![allow(clippy::disallowed", "#![expect(clippy::disallowed", "#![allow(clippy::all"]
        {
            assert!(!text.contains(whole), "{name}: {whole}");
        }
        // An `expect` that nothing needs any more is a warning; an `allow` would stay.
        assert!(!text.contains("#[allow(clippy::disallowed"), "{name}");
    }
    let workspace = fs::read_to_string(sources().join("../../Cargo.toml")).unwrap();
    let host = fs::read_to_string(sources().join("../Cargo.toml")).unwrap();
    assert!(!workspace.contains("disallowed_methods") && !host.contains("disallowed_methods"));
}
