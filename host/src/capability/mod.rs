//! One module per capability: the functions of `wit/<name>.wit`, adapted to the code that does the work.

pub mod download;
pub mod env;
pub mod files;
pub mod http_client;
pub mod http_server;
pub mod log;
pub mod modules;
pub mod time;
pub mod websocket;

use wasmtime::component::ResourceTable;

/// What a capability's functions see of the store: its own context and the table of handles.
pub struct View<'a, C> {
    /// The capability's state of this instance.
    pub ctx: &'a mut C,
    /// The handles of this instance, of all capabilities.
    pub table: &'a mut ResourceTable,
}
