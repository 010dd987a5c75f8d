//! The paths a script may use: the operator's grants, with a handle for each folder.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::replacement::Unfinished;
use super::{CheckedPath, Destination, Folder};
use crate::audit::{Audit, Event};
use crate::failure::{Failure, Kind};
use crate::grants::FileGrants;
use crate::grants::files::{self, Access, Decision};

/// Decides, for one run, which files may be read and written.
pub struct Files {
    grants: FileGrants,
    /// A handle for each rule, in their order: for the whole run a grant is the folder it named at
    /// the start, whatever is put in its place.
    folders: Vec<(PathBuf, Folder)>,
    working: PathBuf,
    audit: Audit,
    unfinished: Unfinished,
}

impl Files {
    /// Opens the granted folders.
    ///
    /// # Errors
    /// `io`: one cannot be opened; the message names its flag.
    pub fn open(grants: FileGrants, audit: Audit) -> Result<Self, Failure> {
        let mut folders = Vec::new();
        for rule in grants.rules() {
            let shown = rule.folder();
            let folder = Folder::open(shown, shown).map_err(|failure| {
                let flag = rule.access().flag();
                let message = format!(
                    "{flag}={}: {} (a granted folder must exist)",
                    shown.display(),
                    failure.message
                );
                Failure::new(failure.kind, message)
            })?;
            folders.push((shown.to_owned(), folder));
        }
        // Without a working directory only absolute paths can be granted or meant.
        let working = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        Ok(Self { grants, folders, working, audit, unfinished: Unfinished::default() })
    }

    /// The file that a script wants to read, for `capability`.
    ///
    /// # Errors
    /// - `invalid`: the path is empty, too long, or holds a NUL.
    /// - `denied`: it is not granted; the message names the flag that would grant it.
    pub fn source(&self, capability: &'static str, path: &[u8]) -> Result<CheckedPath, Failure> {
        self.check(capability, Access::Read, path)
    }

    /// The file that a script wants to make or replace, for `capability`.
    ///
    /// # Errors
    /// As [`Files::source`], and `io`: the path can only be a folder's.
    pub fn destination(
        &self,
        capability: &'static str,
        path: &[u8],
    ) -> Result<Destination, Failure> {
        let checked = self.check(capability, Access::Write, path)?;
        Destination::new(checked, path, &self.unfinished)
    }

    /// Removes all files that are being written and lets no other begin: the run is over.
    pub fn give_up(&self) {
        self.unfinished.give_up();
    }

    fn check(
        &self,
        capability: &'static str,
        access: Access,
        path: &[u8],
    ) -> Result<CheckedPath, Failure> {
        let path = Path::new(OsStr::from_bytes(path));
        // Before the decision: a grant would not help.
        super::check_name(path)?;
        let shown = files::shown(path);
        let operation = match access {
            Access::Read => "read",
            Access::Write => "write",
        };
        let event = Event { capability, operation, target: &shown };
        match self.grants.decide(access, path, &self.working) {
            Decision::Allowed { rule, below } => {
                let text = rule.folder().to_string_lossy();
                self.audit.decision(event, true, Some(&text));
                let found = self.folders.iter().find(|(folder, _)| folder == rule.folder());
                let (_, folder) = found.ok_or_else(|| {
                    Failure::new(Kind::Io, format!("the folder {text} was not opened"))
                })?;
                let below = if below.as_os_str().is_empty() { ".".into() } else { below };
                Ok(folder.checked(below, shown))
            }
            Decision::Missing(message) => {
                self.audit.decision(event, false, None);
                Err(Failure::new(Kind::Denied, message))
            }
        }
    }
}
