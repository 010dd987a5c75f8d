//! The paths a script may use: the operator's grants, with a handle for each folder.

use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::io::Errno;

use super::replacement::Unfinished;
use super::{CheckedPath, Destination, Folder, MAX_PATH, Mode, OpenFile, Refused};
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

    /// Opens a file that a script reads or writes piece by piece, for `capability`. It may grow to
    /// `max_size` bytes.
    ///
    /// # Errors
    /// As `file.open` of `wit/files.wit`.
    pub fn open_file(
        &self,
        capability: &'static str,
        path: &[u8],
        mode: Mode,
        max_size: Option<u64>,
    ) -> Result<OpenFile, Refused> {
        let checked = self.check_as_system(capability, mode.access(), path)?;
        OpenFile::open(&checked, mode, max_size, capability, self.audit.clone())
    }

    /// Removes a file or an empty folder, for `capability`.
    ///
    /// # Errors
    /// As `remove` of `wit/files.wit`.
    pub fn remove(&self, capability: &'static str, path: &[u8]) -> Result<(), Refused> {
        let begun = Instant::now();
        let checked = self.movable(capability, path)?;
        let result = match checked.dir.remove_file(&checked.relative) {
            Err(error) if error.raw_os_error() == Some(Errno::ISDIR.raw_os_error()) => {
                checked.dir.remove_dir(&checked.relative)
            }
            result => result,
        };
        let result = result.map_err(|error| checked.refused(&error));
        self.done(capability, "remove", &checked.shown, begun, &result);
        result
    }

    /// Gives a file or folder another name, for `capability`.
    ///
    /// # Errors
    /// As `rename` of `wit/files.wit`.
    pub fn rename(&self, capability: &'static str, from: &[u8], to: &[u8]) -> Result<(), Refused> {
        let begun = Instant::now();
        let as_folder =
            [from, to].iter().any(|path| names_folder(Path::new(OsStr::from_bytes(path))));
        let (from, to) = (self.movable(capability, from)?, self.movable(capability, to)?);
        // The library drops the slash of the new name.
        if as_folder && !from.dir.symlink_metadata(&from.relative).is_ok_and(|found| found.is_dir())
        {
            return Err(Refused::system(Errno::NOTDIR));
        }
        let result = from.dir.rename(&from.relative, &to.dir, &to.relative);
        let result = result.map_err(|error| from.refused(&error));
        let target = format!("{} -> {}", from.shown, to.shown);
        self.done(capability, "rename", &target, begun, &result);
        result
    }

    /// Removes all files that are being written and lets no other begin: the run is over.
    pub fn give_up(&self) {
        self.unfinished.give_up();
    }

    /// A path whose name may change: no granted folder is at it or below it, so that each grant stays about
    /// the folder that its name leads to.
    fn movable(&self, capability: &'static str, path: &[u8]) -> Result<CheckedPath, Refused> {
        let checked = self.check_as_system(capability, Access::Write, path)?;
        let named = Path::new(OsStr::from_bytes(path));
        if self.grants.holds_a_rule(named, &self.working) {
            return Err(Refused::system(Errno::BUSY));
        }
        Ok(checked)
    }

    /// [`Files::check`], where names that no system takes fail as they would there.
    fn check_as_system(
        &self,
        capability: &'static str,
        access: Access,
        path: &[u8],
    ) -> Result<CheckedPath, Refused> {
        if path.is_empty() {
            return Err(Refused::system(Errno::NOENT));
        }
        if path.len() > MAX_PATH {
            return Err(Refused::system(Errno::NAMETOOLONG));
        }
        self.check(capability, access, path).map_err(|failure| match failure.kind {
            Kind::Invalid if !path.contains(&0) => Refused::system(Errno::NAMETOOLONG),
            _ => Refused::new(failure, Errno::ACCESS),
        })
    }

    fn done(
        &self,
        capability: &'static str,
        operation: &'static str,
        target: &str,
        begun: Instant,
        result: &Result<(), Refused>,
    ) {
        let outcome =
            result.as_ref().map_or_else(|refused| refused.failure.kind.as_str(), |()| "ok");
        self.audit.operation(Event { capability, operation, target }, outcome, 0, begun.elapsed());
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
                let mut below = if below.as_os_str().is_empty() { ".".into() } else { below };
                if names_folder(path) {
                    below.push("");
                }
                Ok(folder.checked(below, shown))
            }
            Decision::Missing(message) => {
                self.audit.decision(event, false, None);
                Err(Failure::new(Kind::Denied, message))
            }
        }
    }
}

/// Whether only a folder can have this name: it ends with a slash, also with one before a dot.
pub(super) fn names_folder(path: &Path) -> bool {
    let path = path.as_os_str().as_bytes();
    path.ends_with(b"/") || path.ends_with(b"/.")
}
