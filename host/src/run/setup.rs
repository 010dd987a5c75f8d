//! What all workers of a run share, opened once.

use std::fs::OpenOptions;
use std::io;
use std::sync::Arc;

use anyhow::{Context, Result};

use super::engine::Engine;
use super::stop::StopRequest;
use crate::budget::Budget;
use crate::capability::env::EnvCtx;
use crate::config::{AccessLogTarget, Config};
use crate::door::file::Files;
use crate::door::network::Network;
use crate::download::Downloads;
use crate::download::bars::Bars;
use crate::http::server::access_log::AccessLog;
use crate::http::server::{Listeners, Report, Settings};
use crate::limits::MAX_BUFFERED_STREAMS;
use crate::log_line::Level;
use crate::logger::Logger;
use crate::script_text::ScriptText;
use crate::stdio::StandardInput;
use crate::tls::SystemRoots;
use crate::websocket::Slots;

/// What all workers of a run share.
#[derive(Clone)]
pub struct Setup {
    /// What the operator asked for.
    pub config: Arc<Config>,
    /// Makes the instances.
    pub engine: Arc<Engine>,
    /// The script's text.
    pub script: ScriptText,
    /// The granted variables.
    pub env: EnvCtx,
    /// The process's standard input.
    pub stdin: StandardInput,
    /// The door to the network.
    pub network: Arc<Network>,
    /// The door to the files.
    pub files: Arc<Files>,
    /// The downloads.
    pub downloads: Downloads,
    /// The bars of the downloads.
    pub bars: Bars,
    /// The system's certificate roots.
    pub roots: SystemRoots,
    /// Places for open WebSockets, of each worker.
    pub websockets: Slots,
    /// Bytes held for the peers of streams and WebSockets, of each worker.
    pub budget: Arc<Budget>,
    /// The listening sockets.
    pub listeners: Listeners,
    /// How servers behave.
    pub server: Settings,
    /// The run's log.
    pub logger: Logger,
    /// The request to stop.
    pub stop: StopRequest,
}

impl Setup {
    /// Opens what the workers share.
    ///
    /// # Errors
    /// If a log cannot be opened or the engine does not start.
    #[expect(clippy::disallowed_methods, reason = "the grants choose from these variables")]
    pub fn new(
        config: Config,
        script: ScriptText,
        files: Arc<Files>,
        stop: StopRequest,
    ) -> Result<Self> {
        let bars = if config.progress_bars { Bars::on_stderr() } else { Bars::default() };
        let stderr = bars.around(Box::new(io::stderr()));
        let logger = Logger::new(stderr, config.log_format, config.limits.max_log);
        let reporter = logger.clone();
        let report = Report::new(move |message, fields| {
            reporter.report(Level::Error, message, fields);
        });
        Ok(Self {
            engine: Arc::new(Engine::new()?),
            script,
            env: EnvCtx::new(config.grants.env.clone(), std::env::vars_os(), config.audit.clone()),
            stdin: StandardInput::stdin()?,
            network: Arc::new(Network::new(
                Arc::new(config.grants.net.clone()),
                config.audit.clone(),
            )),
            downloads: Downloads::new(
                Arc::clone(&files),
                config.limits.max_download,
                bars.clone(),
                config.audit.clone(),
            ),
            files,
            bars,
            roots: SystemRoots::default(),
            websockets: Slots::new(config.limits.max_websockets),
            budget: Budget::new(MAX_BUFFERED_STREAMS),
            listeners: Listeners::default(),
            server: Settings {
                limits: Arc::new(config.limits.clone()),
                dev: config.dev,
                report,
                access_log: open_access_log(&config)?,
            },
            logger,
            stop,
            config: Arc::new(config),
        })
    }

    /// The same for one worker, with bounds of its own.
    pub fn for_worker(&self) -> Self {
        Self {
            websockets: Slots::new(self.config.limits.max_websockets),
            budget: Budget::new(MAX_BUFFERED_STREAMS),
            ..self.clone()
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the operator names the log")]
fn open_access_log(config: &Config) -> Result<AccessLog> {
    let format = config.access_log_format;
    match &config.access_log {
        None => Ok(AccessLog::default()),
        Some(AccessLogTarget::Stdout) => Ok(AccessLog::to(io::stdout(), format)?),
        Some(AccessLogTarget::File(path)) => {
            let file = OpenOptions::new()
                .append(true)
                .create(true)
                .open(path)
                .with_context(|| format!("failed to open the access log {}", path.display()))?;
            Ok(AccessLog::to(file, format)?)
        }
    }
}
