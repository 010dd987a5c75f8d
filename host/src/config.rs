//! One run as the operator asked for it: everything the command line and the policies said, in types.

use std::path::PathBuf;

use crate::audit::Audit;
use crate::grants::Grants;
use crate::limits::Limits;
use crate::log_line::LogFormat;

/// What is run, with what, and within which bounds.
#[derive(Clone)]
pub struct Config {
    /// The script.
    pub script: Script,
    /// The script's arguments, any bytes.
    pub arguments: Vec<Vec<u8>>,
    /// What the script may do.
    pub grants: Grants,
    /// Whether everything was granted at once, which the operator is told.
    pub allow_all: bool,
    /// What bounds it.
    pub limits: Limits,
    /// How many workers run the script, at least 1.
    pub workers: usize,
    /// The audit log.
    pub audit: Audit,
    /// Where the server's requests are logged, if anywhere.
    pub access_log: Option<AccessLogTarget>,
    /// The form of the access log's lines.
    pub access_log_format: LogFormat,
    /// The form of the script's log lines.
    pub log_format: LogFormat,
    /// Whether progress is drawn on standard error, which then should be a terminal.
    pub progress_bars: bool,
    /// Whether clients see the tracebacks of failed handlers.
    pub dev: bool,
    /// Whether the script is only compiled.
    pub check_only: bool,
}

impl Config {
    /// A run of `script` without arguments or grants, under the default limits.
    pub fn new(script: Script) -> Self {
        Self {
            script,
            arguments: Vec::new(),
            grants: Grants::default(),
            allow_all: false,
            limits: Limits::default(),
            workers: 1,
            audit: Audit::default(),
            access_log: None,
            access_log_format: LogFormat::Text,
            log_format: LogFormat::Text,
            progress_bars: false,
            dev: false,
            check_only: false,
        }
    }
}

/// Where the script comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Script {
    /// A file, by the path the operator wrote.
    File(PathBuf),
    /// Text of the command line.
    Code {
        /// What Lua calls it in messages.
        name: String,
        /// The source, any bytes.
        text: Vec<u8>,
    },
    /// Standard input, to its end.
    Stdin,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// Standard output, between the lines the script prints.
    Stdout,
    /// A file that is appended to.
    File(PathBuf),
}
