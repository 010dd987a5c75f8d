//! The attack list of `docs/security.md`: each of its rows is a test named `attack_NN_…`, which performs
//! the attack and asserts the answer, that what it took is given back, and that others were served.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod cpu;
mod decompression;
mod exhaustion;
mod files;
mod framing;
mod fuzz;
mod injection;
mod isolation;
mod memory;
mod network;
mod table;
mod websocket;
