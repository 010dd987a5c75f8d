//! Where cargo put the C sources of Lua and of the allocator.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Folders of C sources that come as crates, so that `Cargo.lock` pins them.
pub struct Libraries {
    pub lua: PathBuf,
    pub mimalloc: PathBuf,
}

/// Asks cargo, the only one who knows where a crate's files are.
pub fn locate() -> Result<Libraries> {
    let cargo = env::var_os("CARGO").context("cargo sets CARGO")?;
    // Only this platform's packages: cargo would fetch those of all others, which nothing here uses.
    let platform = env::var("HOST").context("cargo sets HOST")?;
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", &platform])
        .output()
        .context("failed to ask cargo for the dependencies' folders")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    Ok(Libraries {
        lua: folder(&metadata, "lua-src")?.join("lua-5.5.1"),
        mimalloc: folder(&metadata, "libmimalloc-sys")?.join("c_src/mimalloc/v2"),
    })
}

fn folder(metadata: &Value, name: &str) -> Result<PathBuf> {
    metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == name)
        .and_then(|package| package["manifest_path"].as_str())
        .and_then(|manifest| Path::new(manifest).parent())
        .map(Path::to_path_buf)
        .with_context(|| format!("cargo does not know the package {name}"))
}
