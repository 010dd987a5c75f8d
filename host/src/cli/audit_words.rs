//! The commands about audit logs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::audit::summary::Order;

/// What is done with a log.
#[derive(Subcommand)]
pub enum AuditCommand {
    /// Print what a run touched as a table, or the grants it takes
    #[command(after_help = "\
Example: see what a script wants with everything granted, then grant just that
  tidelock run -A --audit=audit.jsonl main.lua
  tidelock audit summary audit.jsonl
  eval \"tidelock run $(tidelock audit summary --suggest audit.jsonl | tr '\\n' ' ') main.lua\"

A script that was denied something may stop early: what it would have touched after that is not in the
log. Lines that are no lines of an audit log are counted on standard error.")]
    Summary(Summary),
}

/// What is printed about which log.
#[derive(Args)]
pub struct Summary {
    /// Print the smallest set of grants that would have allowed all of it, a flag on each line
    #[arg(long)]
    suggest: bool,

    /// The log; `-` is standard input
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

impl From<AuditCommand> for Order {
    fn from(AuditCommand::Summary(summary): AuditCommand) -> Self {
        let is_stdin = summary.file.as_os_str() == "-";
        Self { file: (!is_stdin).then_some(summary.file), suggest: summary.suggest }
    }
}
