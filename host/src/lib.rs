//! tidelock: runs Lua scripts in a WebAssembly sandbox and lends them HTTP.

pub mod audit;
pub mod bindings;
pub mod capability;
pub mod failure;
pub mod grants;
pub mod http;
pub mod limits;
