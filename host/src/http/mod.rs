//! HTTP.
pub mod client;
pub mod server { pub struct Server; }
