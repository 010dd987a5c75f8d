//! HTTP, without the sandbox: nothing here knows of WIT or of the guest.

pub mod client;
pub mod server;
