//! What every test needs: the binary under test, a folder, a server that waits, a raw HTTP client.
//!
//! Tests run the shipped binary as an operator would. They wait for events, never for a time to pass;
//! every wait has a guard far beyond what a slow machine needs.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness fails by panicking"
)]

pub mod arena;
pub mod browser;
pub mod client;
pub mod dns;
pub mod events;
pub mod examples;
pub mod exchange;
pub mod folder;
pub mod footprint;
pub mod gate;
pub mod grammar;
pub mod internet;
pub mod native;
pub mod random;
pub mod relay;
pub mod run;
pub mod scripts;
pub mod small_disk;
pub mod stream;
pub mod upstream;
pub mod websocket;
pub mod websocket_peer;
pub mod wild_bytes;

/// How long anything may take before a test gives up: a guard against hanging, not a measurement.
pub const GUARD: std::time::Duration = std::time::Duration::from_secs(60);
