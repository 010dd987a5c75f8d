//! Builds the component: bindings from `wit/`, C to a core module, a component around it, machine code.

#[path = "build/component.rs"]
mod component;
#[path = "build/module.rs"]
mod module;
#[path = "build/patches.rs"]
mod patches;
#[path = "build/precompile.rs"]
mod precompile;
#[path = "build/preludes.rs"]
mod preludes;
#[path = "build/sources.rs"]
mod sources;
#[path = "build/toolchain.rs"]
mod toolchain;

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

fn main() {
    if let Err(error) = build() {
        // A sentence for people, without the backtrace that returning the error would print.
        eprintln!("error: {error:#}");
        std::process::exit(1);
    }
}

fn build() -> Result<()> {
    let out = PathBuf::from(env::var_os("OUT_DIR").context("cargo sets OUT_DIR")?);
    let here =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").context("cargo sets CARGO_MANIFEST_DIR")?);
    let target = env::var("TARGET").context("cargo sets TARGET")?;
    for watched in ["build.rs", "build", "src", "prelude", "../wit", "../Cargo.lock"] {
        println!("cargo:rerun-if-changed={watched}");
    }

    let compiler = toolchain::find(&here)?;
    let libraries = sources::locate()?;
    component::write_bindings(&here.join("../wit"), &out)?;
    preludes::embed(&here.join("prelude"), &out)?;
    let core = module::build(&compiler, &libraries, &here, &out)?;
    let component = component::encode(&core)?;
    std::fs::write(out.join("guest.component.wasm"), &component)?;

    std::fs::write(out.join("guest.cwasm"), precompile::component(&component, &target)?)?;
    Ok(())
}
