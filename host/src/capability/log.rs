//! `wit/log.wit`: the script's log lines.

use wasmtime::component::HasData;

use crate::bindings::tidelock::script::log;
use crate::capability::View;
use crate::log_line::{Field, FieldValue, Level};
use crate::logger::Logger;

/// Where one instance logs.
pub struct LogCtx {
    logger: Logger,
}

impl LogCtx {
    /// Logs to `logger`, which the host's own messages about the script use as well.
    pub fn new(logger: Logger) -> Self {
        Self { logger }
    }
}

/// The capability's place in the linker.
pub struct Log;

impl HasData for Log {
    type Data<'a> = View<'a, LogCtx>;
}

impl log::Host for View<'_, LogCtx> {
    fn write(
        &mut self,
        level: log::Level,
        message: Vec<u8>,
        fields: Vec<log::Field>,
    ) -> wasmtime::Result<()> {
        let fields: Vec<Field<'_>> = fields
            .iter()
            .map(|field| (field.name.as_slice(), FieldValue::Json(&field.value)))
            .collect();
        self.ctx.logger.write(level.into(), &message, &fields);
        Ok(())
    }

    fn warning(&mut self, message: Vec<u8>) -> wasmtime::Result<()> {
        self.ctx.logger.warning(&message);
        Ok(())
    }
}

impl From<log::Level> for Level {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Debug => Self::Debug,
            log::Level::Info => Self::Info,
            log::Level::Warn => Self::Warn,
            log::Level::Error => Self::Error,
        }
    }
}
