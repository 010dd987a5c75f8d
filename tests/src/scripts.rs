//! Lua scripts that check themselves: `tests/scripts/<folder>/<name>.lua` asserts and prints `ok`.
//!
//! A script may ask for flags on its first line, `-- flags: --max-tasks=10`. It is granted this
//! machine's ports, and `arg[1]` is the address of a server that answers `/text` with `hello` and
//! `/half` with half a body, and never answers anything else.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::run::{Finished, Run};
use crate::upstream::Upstream;

/// A test for each script of a folder, and one that no script is without a test.
#[macro_export]
macro_rules! script_tests {
    ($folder:literal: $($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                $crate::scripts::check($folder, stringify!($name));
            }
        )*

        #[test]
        fn every_script_has_a_test() {
            $crate::scripts::check_names($folder, &[$(stringify!($name)),*]);
        }
    };
}

/// A server for scripts that wait: see the head of this file.
pub fn waiting_server() -> Upstream {
    Upstream::start(|request, stream| {
        let target = request.line.split(' ').nth(1).unwrap_or_default();
        let answer: &[u8] = match target {
            "/text" => b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "/half" => b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
            _ => b"",
        };
        stream.write_all(answer).is_ok()
    })
}

/// Runs a script to its end, with the server and the grants it needs.
pub fn run(folder: &str, name: &str) -> Finished {
    let path = path(folder).join(name).with_extension("lua");
    let source = fs::read_to_string(&path).expect("the script is there");
    let flags = source.lines().next().and_then(|line| line.strip_prefix("-- flags: "));
    let server = waiting_server();
    Run::new(["run", "--allow-listen=0", "--allow-net=127.0.0.1:*"])
        .args(flags.unwrap_or_default().split_whitespace())
        .args([path.as_os_str(), server.url("").as_ref()])
        .finish()
}

/// Runs a script that must print `ok` and nothing else on standard output.
#[track_caller]
pub fn check(folder: &str, name: &str) {
    let finished = run(folder, name);
    let stderr = finished.stderr.clone();
    assert_eq!(finished.ok(), "ok\n", "stderr:\n{stderr}");
}

/// Asserts that the scripts of a folder are these.
#[track_caller]
pub fn check_names(folder: &str, names: &[&str]) {
    let found: BTreeSet<String> = fs::read_dir(path(folder))
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read").path())
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    let known = names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, known, "the scripts of {folder}, and those with a test");
}

fn path(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts").join(folder)
}
