//! The paths a script may use: the operator's grants, with a handle for each folder.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use rustix::io::Errno;

use super::identity::{self, Identity};
use super::replacement::Unfinished;
use super::{CheckedPath, Destination, Folder, MAX_PATH, Mode, OpenFile, Refused};
use crate::audit::{Audit, Event};
use crate::failure::{Failure, Kind, cause};
use crate::grants::FileGrants;
use crate::grants::files::{self, Access, Decision};

/// Decides, for one run, which files may be read and written.
pub struct Files {
    grants: FileGrants,
    /// A handle for each rule, in their order: for the whole run a grant is the folder it named at
    /// the start, whatever is put in its place.
    folders: Vec<(PathBuf, Folder)>,
    /// The granted folders and those around them.
    fixed: HashSet<Identity>,
    /// Held while a name changes, so that it still means what was looked at.
    naming: Mutex<()>,
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
        let (mut folders, mut fixed) = (Vec::new(), HashSet::new());
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
            identity::add_with_those_around(&*folder.dir, &mut fixed).map_err(|error| {
                let (shown, cause) = (shown.display(), cause(&error));
                Failure::new(Kind::Io, format!("failed to examine the folder {shown}: {cause}"))
            })?;
            folders.push((shown.to_owned(), folder));
        }
        // Without a working directory only absolute paths can be granted or meant.
        let working = env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
        let (naming, unfinished) = (Mutex::new(()), Unfinished::default());
        Ok(Self { grants, folders, fixed, naming, working, audit, unfinished })
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
        let begun = Instant::now();
        let checked = self.check_as_system(capability, mode.access(), path)?;
        let opened = OpenFile::open(&checked, mode, max_size, capability, self.audit.clone());
        if let Err(refused) = &opened {
            let event = Event { capability, operation: "file", target: &checked.shown };
            let outcome = refused.failure.kind.as_str();
            self.audit.file(event, outcome, mode.as_str(), 0, 0, begun.elapsed());
        }
        opened
    }

    /// Removes a file or an empty folder, for `capability`.
    ///
    /// # Errors
    /// As `remove` of `wit/files.wit`.
    pub fn remove(&self, capability: &'static str, path: &[u8]) -> Result<(), Refused> {
        let begun = Instant::now();
        let checked = self.check_as_system(capability, Access::Write, path)?;
        let result = self.remove_checked(&checked, path);
        self.done(capability, "remove", &checked.shown, begun, &result);
        result
    }

    fn remove_checked(&self, path: &CheckedPath, written: &[u8]) -> Result<(), Refused> {
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_not_be_fixed(path, written)?;
        let result = match path.dir.remove_file(&path.relative) {
            Err(error) if error.raw_os_error() == Some(Errno::ISDIR.raw_os_error()) => {
                path.dir.remove_dir(&path.relative)
            }
            result => result,
        };
        result.map_err(|error| path.refused(&error))
    }

    /// Gives a file or folder another name, for `capability`.
    ///
    /// # Errors
    /// As `rename` of `wit/files.wit`.
    pub fn rename(&self, capability: &'static str, from: &[u8], to: &[u8]) -> Result<(), Refused> {
        let begun = Instant::now();
        let old = self.check_as_system(capability, Access::Write, from)?;
        let new = self.check_as_system(capability, Access::Write, to)?;
        let result = self.rename_checked((&old, from), (&new, to));
        let target = format!("{} -> {}", old.shown, new.shown);
        self.done(capability, "rename", &target, begun, &result);
        result
    }

    fn rename_checked(
        &self,
        (old, from): (&CheckedPath, &[u8]),
        (new, to): (&CheckedPath, &[u8]),
    ) -> Result<(), Refused> {
        let _naming = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        self.must_not_be_fixed(old, from)?;
        self.must_not_be_fixed(new, to)?;
        let found = old.dir.symlink_metadata(&old.relative);
        // The library drops the slash of the new name.
        let as_folder =
            [from, to].iter().any(|path| names_folder(Path::new(OsStr::from_bytes(path))));
        if as_folder && found.as_ref().is_ok_and(|found| !found.is_dir()) {
            return Err(Refused::system(Errno::NOTDIR));
        }
        let result = old.dir.rename(&old.relative, &new.dir, &new.relative);
        // Of the two paths the one that cannot be looked at leads out.
        let refused = |error: io::Error| match found {
            Ok(_) => new.refused(&error),
            Err(_) => old.refused(&error),
        };
        result.map_err(refused)
    }

    /// Removes all files that are being written and lets no other begin: the run is over.
    pub fn give_up(&self) {
        self.unfinished.give_up();
    }

    /// Refuses to change the name of a granted folder, or of one around it, so that each grant stays about
    /// the folder that its name leads to: neither under the name it was granted by nor under any other.
    fn must_not_be_fixed(&self, path: &CheckedPath, written: &[u8]) -> Result<(), Refused> {
        let named = Path::new(OsStr::from_bytes(written));
        let found = path.dir.symlink_metadata(&path.relative);
        let is_fixed = found.is_ok_and(|found| self.fixed.contains(&Identity::found(&found)));
        match is_fixed || self.grants.holds_a_rule(named, &self.working) {
            true => Err(Refused::system(Errno::BUSY)),
            false => Ok(()),
        }
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
