//! The doors to the outside: what opens a socket or a file asks here first.

pub mod lookup;
pub mod network;
