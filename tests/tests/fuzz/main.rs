//! Random scripts, programs, values and bytes against the shipped binary; see `docs/fuzzing.md`.
//!
//! Without `FUZZ_SECONDS` each runs a few fixed rounds. A failure names its seed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod growth;
mod scripts;
mod server;
mod trial;
mod values;
