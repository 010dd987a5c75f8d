//! The engine settings that the precompiled guest and the engine that loads it must share.

use wasmtime::{Config, Inlining};

/// Applies them: async component calls, exceptions (Lua's errors are `longjmp`, which clang turns
/// into wasm exceptions), epoch checks (the CPU limit), inlining (speed), and no map from machine
/// code to wasm, which only a debugger of the interpreter would read.
pub fn apply(config: &mut Config) {
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_exceptions(true)
        .epoch_interruption(true)
        .compiler_inlining(Inlining::Yes)
        .generate_address_map(false);
}
