//! Stub.

mod ending;

pub use ending::Ending;

use crate::config::Config;
use crate::script_text::ScriptText;

/// Stub.
pub fn run(config: Config) -> Ending {
    match ScriptText::load(&config.script, config.limits.max_source) {
        Ok(_) => Ending::Done,
        Err(failure) => failure.into(),
    }
}
