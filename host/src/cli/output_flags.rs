//! The flags about the server, and about what is written where.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::config::AccessLogTarget;
use crate::log_line::LogFormat;

/// Most workers: more threads than any machine has cores for.
const MAX_WORKERS: u64 = 1024;

/// How `http.serve` serves.
#[derive(Args)]
#[command(next_help_heading = "Server")]
pub struct ServerFlags {
    /// Run the whole script this many times, each on a thread of its own, sharing the ports
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = workers)]
    pub workers: usize,

    /// Append a line for each request to this file; `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    access_log: Option<PathBuf>,

    /// The form of the access log
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub access_log_format: Format,

    /// Show the traceback of a failed handler to the client
    #[arg(long)]
    pub dev: bool,
}

impl ServerFlags {
    /// Where the access log goes, if anywhere.
    pub fn access_log(&self) -> Option<AccessLogTarget> {
        self.access_log.as_ref().map(|path| {
            if path.as_os_str() == "-" {
                AccessLogTarget::Stdout
            } else {
                AccessLogTarget::File(path.clone())
            }
        })
    }
}

/// What the script's own log looks like.
#[derive(Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// The form of the script's log, on standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: Format,
}

/// [`LogFormat`] as a word of the command line.
#[derive(Clone, Copy, Default, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

impl From<Format> for LogFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Text => Self::Text,
            Format::Json => Self::Json,
        }
    }
}

fn workers(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MAX_WORKERS).contains(&count) => {
            usize::try_from(count).map_err(|error| error.to_string())
        }
        _ => Err(format!("the number of workers is from 1 to {MAX_WORKERS}")),
    }
}
