//! The command line: what the operator wrote becomes an [`Action`].
//!
//! Flags are declared once, with clap; help texts and completions come from the same declarations.
//! Whatever follows the script's path belongs to the script, however it looks.

mod audit_words;
mod grant_flags;
mod limit_flags;
mod limits_table;
mod output_flags;
mod script_words;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use crate::audit::summary;
use crate::config::{Config, Script};
use crate::policy::Policy;
use audit_words::AuditCommand;
use grant_flags::GrantFlags;
use limit_flags::{LimitFlags, SourceLimitFlags};
use limits_table::LimitsTable;
use output_flags::{OutputFlags, ServerFlags};
use script_words::{code_and_arguments, script_and_arguments, script_of};

/// What is to be done.
pub enum Action {
    /// Run one script.
    Run(Box<Config>),
    /// Compile these scripts, one after the other.
    Check(Vec<Config>),
    /// Print what an audit log says.
    AuditSummary(summary::Order),
    /// Print this.
    Print(Vec<u8>),
}

/// Reads the command line, the program's name first, and the policy files it names.
///
/// # Errors
/// A usage error, or a text that was asked for (`--help`); clap's error knows which, prints itself
/// and has the exit code (2 or 0).
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Action, clap::Error> {
    let cli = Cli::try_parse_from(words)?;
    match cli.command {
        None => run_action(cli.run),
        Some(Command::Run(run)) => run_action(run),
        Some(Command::Eval(eval)) => {
            let (script, arguments) = code_and_arguments(eval.words);
            config(eval.flags, script, arguments)
        }
        Some(Command::Check(check)) => check_action(check),
        Some(Command::Audit(audit)) => Ok(Action::AuditSummary(audit.into())),
        Some(Command::Limits(table)) => match table.print() {
            Ok(text) => Ok(Action::Print(text.into_bytes())),
            Err(error) => Err(usage(&error)),
        },
        Some(Command::Completions { shell }) => Ok(Action::Print(completions(shell))),
    }
}

/// The completions of `shell`, as a script for it.
fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tidelock", &mut script);
    script
}

fn run_action(run: Run) -> Result<Action, clap::Error> {
    let (script, arguments) = script_and_arguments(run.words);
    // `tidelock --allow-net=x run main.lua` reads as a script called `run`.
    if let Script::File(path) = &script
        && let Some(name) = path.to_str()
        && Cli::command().find_subcommand(name).is_some()
        && !path.exists()
    {
        let message = format!("the options go after the command: tidelock {name} [OPTIONS] …");
        return Err(usage(&message));
    }
    config(run.flags, script, arguments)
}

fn check_action(check: Check) -> Result<Action, clap::Error> {
    let configs = check.scripts.into_iter().map(|script| {
        let mut config = Config::new(script_of(script));
        config.check_only = true;
        check.limits.apply(&mut config.limits).map_err(|error| usage(&error))?;
        Ok(config)
    });
    Ok(Action::Check(configs.collect::<Result<_, clap::Error>>()?))
}

fn config(flags: RunFlags, script: Script, arguments: Vec<Vec<u8>>) -> Result<Action, clap::Error> {
    let mut policy = Policy::default();
    let collected = (|| {
        for path in &flags.grants.policy {
            policy.add_file(path)?;
        }
        flags.grants.apply(&mut policy)?;
        flags.limits.apply(&mut policy.limits)?;
        grant_flags::open_audit(policy.audit.as_deref())
    })();
    let audit = collected.map_err(|error| usage(&error))?;
    let mut config = Config::new(script);
    config.arguments = arguments;
    config.allow_all = policy.allow_all;
    config.grants = policy.grants;
    config.limits = policy.limits;
    config.audit = audit;
    config.workers = flags.server.workers;
    config.access_log = flags.server.access_log();
    config.access_log_format = flags.server.access_log_format.into();
    config.dev = flags.server.dev;
    config.log_format = flags.output.log_format.into();
    Ok(Action::Run(Box::new(config)))
}

fn usage(message: &str) -> clap::Error {
    clap::Error::raw(ErrorKind::ValueValidation, format!("{}\n", message.trim_end()))
}

/// Runs Lua scripts in a sandbox and lends them HTTP.
///
/// A script can compute, and nothing else: it reaches the network, files and the environment, and
/// listens, only as far as you grant it. Everything it does is limited.
#[derive(Parser)]
#[command(
    name = "tidelock",
    bin_name = "tidelock",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "\
Example: a server on port 8080 that may ask one other host
  tidelock --allow-listen=8080 --allow-net=api.example.com server.lua

`tidelock SCRIPT.lua` is `tidelock run SCRIPT.lua`; a script may begin with
  #!/usr/bin/env tidelock
Exit codes: 0 done, 1 the script failed, 2 usage, 3 stopped by a limit, 130 and 143 by a signal."
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: Run,
}

#[derive(Subcommand)]
enum Command {
    /// Run a script; the word `run` may be left out
    #[command(after_help = "\
Example: fetch from one host, with 10 seconds for the whole run
  tidelock run --allow-net=api.example.com --max-time=10s fetch.lua https://api.example.com/

Grants add up, over flags and policies; --deny-net wins. Sizes are 64MiB, 1GiB or plain bytes,
durations 500ms, 10s, 2m or plain seconds; `none` lifts a limit. `require` finds modules below the
folder of the script's file; for a script from standard input, below the working directory.")]
    Run(Run),

    /// Run Lua code given on the command line
    #[command(after_help = "\
Example: print a status
  tidelock eval --allow-net=example.com 'print(http.get(\"https://example.com\").status)'

`require` finds modules below the working directory.")]
    Eval(Eval),

    /// Check the syntax of scripts without running them
    #[command(after_help = "\
Example: every script of a folder
  tidelock check scripts/*.lua

Exits 0 if all are well-formed, else 1, with a line for each that is not.")]
    Check(Check),

    /// Read an audit log, which `--audit` wrote
    #[command(subcommand)]
    Audit(AuditCommand),

    /// Print the limits that a run with these options would have
    #[command(after_help = "\
Example: what a policy and one flag come to
  tidelock limits --policy=policy.toml --max-cpu=2s

Each line has a limit, its value, who set it, and what happens at it; below stand the limits that
are the program's own. Nothing is run.")]
    Limits(LimitsTable),

    /// Print the completions for a shell
    #[command(after_help = "\
Example: for bash, from the next login on
  tidelock completions bash > ~/.local/share/bash-completion/completions/tidelock")]
    Completions {
        /// The shell to print them for
        shell: Shell,
    },
}

#[derive(Args)]
struct Run {
    /// The script, then its arguments, which are not read as options; `-` or none: standard input
    #[arg(value_names = ["SCRIPT", "ARGS"], trailing_var_arg = true, value_hint = clap::ValueHint::FilePath)]
    words: Vec<OsString>,

    #[command(flatten)]
    flags: RunFlags,
}

#[derive(Args)]
struct Eval {
    /// The code, then its arguments; `-` or none: standard input
    #[arg(value_names = ["CODE", "ARGS"], trailing_var_arg = true)]
    words: Vec<OsString>,

    #[command(flatten)]
    flags: RunFlags,
}

#[derive(Args)]
struct Check {
    /// The scripts; `-` is standard input
    #[arg(value_name = "SCRIPT", required = true, value_hint = clap::ValueHint::FilePath)]
    scripts: Vec<OsString>,

    #[command(flatten)]
    limits: SourceLimitFlags,
}

/// What a run can be told.
#[derive(Args)]
struct RunFlags {
    #[command(flatten)]
    grants: GrantFlags,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    server: ServerFlags,
    #[command(flatten)]
    output: OutputFlags,
}

#[cfg(test)]
mod tests;
