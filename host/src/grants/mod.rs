//! What the operator granted: one type per capability that needs a grant, parsed once.
//!
//! Nothing here does I/O. A rule is a line of text that came from a flag or a policy file; a check
//! returns the rule that decided, for the audit log, or what the operator would have to add.

pub mod env;
pub mod files;
pub mod listen;
pub mod net;

pub use env::EnvGrants;
pub use files::FileGrants;
pub use listen::ListenGrants;
pub use net::NetGrants;

/// Every grant of a run. The default grants nothing.
#[derive(Clone, Debug, Default)]
pub struct Grants {
    /// Outgoing connections: `--allow-net`, `--deny-net`.
    pub net: NetGrants,
    /// Ports a server may listen on: `--allow-listen`.
    pub listen: ListenGrants,
    /// Folders: `--allow-read`, `--allow-write`.
    pub files: FileGrants,
    /// Environment variables: `--allow-env`.
    pub env: EnvGrants,
}

impl Grants {
    /// Grants everything: `--allow-all`. A denial of the operator still wins.
    pub fn allow_all(&mut self) {
        self.net.allow_all();
        self.listen.allow_all();
        self.files.allow_all();
        self.env.allow_all();
    }
}
