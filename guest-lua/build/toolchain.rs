//! Finds the C compiler that makes WebAssembly.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

/// A clang for `wasm32-wasip1` with its libc.
pub struct Compiler {
    program: PathBuf,
    leading: &'static [&'static str],
    /// An overflow of the C stack must trap, not overwrite data: the stack comes first in memory.
    pub stack_first: &'static [&'static str],
}

impl Compiler {
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.leading);
        command
    }
}

/// `WASI_SDK_PATH` if set, else what `make setup` installed below `target/`.
pub fn find(here: &Path) -> Result<Compiler> {
    println!("cargo:rerun-if-env-changed=WASI_SDK_PATH");
    if let Some(sdk) = env::var_os("WASI_SDK_PATH") {
        let program = Path::new(&sdk).join("bin/clang");
        if !program.is_file() {
            bail!(
                "WASI_SDK_PATH is set but {} does not exist: point it at a wasi-sdk folder or unset it",
                program.display()
            );
        }
        return Ok(Compiler {
            program,
            leading: &["--target=wasm32-wasip1"],
            stack_first: &["-Wl,--stack-first"],
        });
    }
    let program = here.join("../target/toolchain/ziglang/zig");
    println!("cargo:rerun-if-changed={}", program.display());
    if !program.is_file() {
        bail!(
            "the guest needs a C compiler for WebAssembly: run `make setup` (or set WASI_SDK_PATH), then build again"
        );
    }
    Ok(Compiler { program, leading: &["cc", "-target", "wasm32-wasi"], stack_first: &[] }) // it always does
}
