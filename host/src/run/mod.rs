//! Stub.

mod ending;

pub use ending::Ending;

use crate::config::Config;

/// Stub.
pub fn run(config: Config) -> Ending {
    match crate::script_text::ScriptText::load(&config.script, config.limits.max_source) {
        Ok(_) => Ending::Done,
        Err(failure) => Ending::Failed { message: failure.message.into_bytes(), traceback: Vec::new() },
    }
}
