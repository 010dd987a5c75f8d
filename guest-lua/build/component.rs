//! The component around the core module.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use wasi_preview1_component_adapter_provider::{
    WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER,
};
use wit_bindgen_core::{Files, wit_parser::Resolve};
use wit_component::ComponentEncoder;

/// Writes `script.c`, `script.h` and `script_component_type.o` from the WIT package.
pub fn write_bindings(wit: &Path, out: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).context("failed to parse the WIT package")?;
    let world = resolve.select_world(&[package], Some("script"))?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, world, &mut files)
        .context("failed to generate the C bindings")?;
    for (name, contents) in files.iter() {
        fs::write(out.join(name), contents)?;
    }
    Ok(())
}

/// Wraps the core module; its WASI 0.1 imports go through the reactor adapter.
pub fn encode(core: &[u8]) -> Result<Vec<u8>> {
    ComponentEncoder::default()
        .module(core)
        .context("failed to read the core module")?
        .adapter(WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)?
        .validate(true)
        .encode()
        .context("failed to make a component of the core module")
}
