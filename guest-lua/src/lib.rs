//! The guest: Lua 5.5 with tidelock's bindings as a WebAssembly component, already compiled to
//! machine code by this crate's build.

mod engine_config;

pub use engine_config::apply as apply_engine_config;

/// The component as machine code for the build's target, for `Component::deserialize` under an
/// engine configured by [`apply_engine_config`].
pub static MACHINE_CODE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/guest.cwasm"));
