//! The flags that grant.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::audit::Audit;
use crate::failure::cause;
use crate::grants::files::Access;
use crate::grants::{EnvGrants, FileGrants, ListenGrants, NetGrants};
use crate::policy::Policy;

/// What the script may do.
#[derive(Args)]
#[command(
    next_help_heading = "Grants (nothing is granted by default; repeat, or separate by commas)"
)]
pub struct GrantFlags {
    /// Connect to `[scheme://]host[:port]`, `*.example.com`, an address, a CIDR, or `public`
    ///
    /// A host alone is granted with its ports 80 and 443; `:*` is any port; `public` is every
    /// public address. An address that is not public must be named itself, or by a CIDR.
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = net_allowance)]
    allow_net: Vec<String>,

    /// Never connect there, whatever is allowed
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = net_denial)]
    deny_net: Vec<String>,

    /// Listen on this port, of 127.0.0.1 unless an address is given; port 0 is any free one
    #[arg(long, value_name = "[ADDR:]PORT", value_delimiter = ',', value_parser = listen_rule)]
    allow_listen: Vec<String>,

    /// Read files below this folder
    #[arg(long, value_name = "DIR", value_delimiter = ',', value_parser = folder, value_hint = clap::ValueHint::DirPath)]
    allow_read: Vec<String>,

    /// Write and read files below this folder
    ///
    /// Scripts name files by the path written here, or relative to the working directory. The folder
    /// must exist. Of several folders the innermost decides.
    #[arg(long, value_name = "DIR", value_delimiter = ',', value_parser = folder, value_hint = clap::ValueHint::DirPath)]
    allow_write: Vec<String>,

    /// See this environment variable, or all that begin so (`AWS_*`)
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = env_rule)]
    allow_env: Vec<String>,

    /// Grant everything above; limits and denials stay
    #[arg(short = 'A', long)]
    allow_all: bool,

    /// Read grants and limits from a TOML file with the names of the flags as keys
    ///
    /// Limits stand below a line `[limits]`. Flags add to the grants of a policy, and win for limits.
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    pub policy: Vec<PathBuf>,

    /// Append a JSON line for every decision and every operation to this file
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    audit: Option<PathBuf>,
}

impl GrantFlags {
    /// Adds the flags, without the policies they name, to `policy`.
    ///
    /// # Errors
    /// One line with the flag and what it accepts.
    pub fn apply(&self, policy: &mut Policy) -> Result<(), String> {
        let grants = &mut policy.grants;
        for rule in &self.allow_net {
            grants.net.allow(rule).map_err(|error| format!("--allow-net={rule}: {error}"))?;
        }
        for rule in &self.deny_net {
            grants.net.deny(rule).map_err(|error| format!("--deny-net={rule}: {error}"))?;
        }
        for rule in &self.allow_listen {
            grants.listen.allow(rule).map_err(|error| format!("--allow-listen={rule}: {error}"))?;
        }
        for (access, folders) in
            [(Access::Read, &self.allow_read), (Access::Write, &self.allow_write)]
        {
            for folder in folders {
                grants
                    .files
                    .allow(access, folder)
                    .map_err(|error| format!("{}={folder}: {error}", access.flag()))?;
            }
        }
        for rule in &self.allow_env {
            grants.env.allow(rule).map_err(|error| format!("--allow-env={rule}: {error}"))?;
        }
        if self.allow_all {
            policy.grant_all();
        }
        if let Some(path) = &self.audit {
            policy.audit = Some(path.clone());
        }
        Ok(())
    }
}

/// Opens the audit log, before anything runs that it should hold.
///
/// # Errors
/// One line with the file and why it cannot be opened.
#[expect(clippy::disallowed_methods, reason = "the operator names the log")]
pub fn open_audit(path: Option<&Path>) -> Result<Audit, String> {
    let Some(path) = path else { return Ok(Audit::default()) };
    match OpenOptions::new().create(true).append(true).open(path) {
        Ok(file) => Ok(Audit::to_file(file)),
        Err(error) => {
            Err(format!("failed to open the audit log {}: {}", path.display(), cause(&error)))
        }
    }
}

// The rules are tried while the flags are read, so that a wrong one is shown beside its flag.

fn net_allowance(rule: &str) -> Result<String, String> {
    NetGrants::default().allow(rule).map(|()| rule.to_owned())
}

fn net_denial(rule: &str) -> Result<String, String> {
    NetGrants::default().deny(rule).map(|()| rule.to_owned())
}

fn listen_rule(rule: &str) -> Result<String, String> {
    ListenGrants::default().allow(rule).map(|()| rule.to_owned())
}

fn folder(path: &str) -> Result<String, String> {
    FileGrants::default().allow(Access::Read, path).map(|()| path.to_owned())
}

fn env_rule(rule: &str) -> Result<String, String> {
    EnvGrants::default().allow(rule).map(|()| rule.to_owned())
}
