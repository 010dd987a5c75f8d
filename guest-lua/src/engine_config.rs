//! The engine settings that the precompiled guest and the engine that loads it must share.

/// Applies them: async component calls, exceptions (Lua's errors are `longjmp`, which clang turns
/// into wasm exceptions), and epoch checks (the CPU limit).
pub fn apply(config: &mut wasmtime::Config) {
    config
        .wasm_component_model(true)
        .wasm_component_model_async(true)
        .wasm_exceptions(true)
        .epoch_interruption(true);
}
