//! HTTP.
pub mod client { pub struct Client; pub struct Body; }
pub mod server;
