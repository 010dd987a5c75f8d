//! What is built for this machine from the guest's own sources.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// A plain Lua of the same sources, which runs a script and reports its end as tidelock does.
pub static PLAIN: LazyLock<PathBuf> = LazyLock::new(|| make("target/native/plain"));

/// The pure C of the guest with sanitizers, in a plain Lua.
pub static HARNESS: LazyLock<PathBuf> = LazyLock::new(|| make("target/native/run"));

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Builds a target if its sources changed.
fn make(target: &str) -> PathBuf {
    // A make above this one has flags that are not meant for it.
    let built = Command::new("make")
        .arg(target)
        .env_remove("MAKEFLAGS")
        .current_dir(root())
        .output()
        .expect("make starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    root().join(target)
}
