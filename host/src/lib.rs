//! tidelock: runs Lua scripts in a WebAssembly sandbox and lends them HTTP.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests have files and sockets of their own")
)]

pub mod audit;
pub mod bindings;
pub mod budget;
pub mod capability;
pub mod cli;
pub mod config;
pub mod door;
pub mod download;
pub mod escape;
pub mod failure;
pub mod grants;
pub mod http;
pub mod limit_settings;
pub mod limits;
pub mod log_line;
pub mod logger;
pub mod policy;
pub mod quantity;
pub mod run;
pub mod script_text;
pub mod stdio;
pub mod timestamp;
pub mod tls;
pub mod websocket;

#[cfg(test)]
mod fuzz;
#[cfg(test)]
mod scratch;
