//! Compiles the component to machine code, so that the shipped binary needs no compiler.

use wasmtime::{Config, Engine, Result, error::Context};

#[path = "../src/engine_config.rs"]
mod engine_config;

/// Machine code for the baseline CPU of `target`, not for the CPU of the machine that builds.
pub fn component(component: &[u8], target: &str) -> Result<Vec<u8>> {
    let mut config = Config::new();
    engine_config::apply(&mut config);
    config.target(target).with_context(|| format!("failed to compile for {target}"))?;
    Engine::new(&config)?
        .precompile_component(component)
        .context("failed to precompile the guest component")
}
