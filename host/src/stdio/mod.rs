//! The process's standard streams, as scripts use them.

mod input;
mod output;

pub use input::StandardInput;
pub use output::StandardOutput;
