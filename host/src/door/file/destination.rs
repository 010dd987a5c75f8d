//! Where a file is to appear.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata};

use super::granted::names_folder;
use super::parents::Parent;
use super::replacement::Unfinished;
use super::{CheckedPath, Replacement};
use crate::failure::{Failure, Kind};

/// Proof that a script may make or replace the file at a path, as far as the name alone can tell.
#[derive(Clone, Debug)]
pub struct Destination {
    path: CheckedPath,
    /// Of the path below the granted folder: all but the last name.
    parent: PathBuf,
    name: OsString,
    unfinished: Unfinished,
}

impl Destination {
    /// The file at `path`; `written` is how the script wrote it.
    ///
    /// # Errors
    /// `io`: that can only be a folder's name.
    pub(super) fn new(
        path: CheckedPath,
        written: &[u8],
        unfinished: &Unfinished,
    ) -> Result<Self, Failure> {
        let names_folder = names_folder(Path::new(OsStr::from_bytes(written)));
        let (Some(name), false) = (path.relative.file_name(), names_folder) else {
            return Err(refused(&path.shown, "is a folder"));
        };
        let parent = path.relative.parent().unwrap_or(Path::new("")).to_owned();
        Ok(Self { name: name.to_owned(), parent, path, unfinished: unfinished.clone() })
    }

    /// The path as the script wrote it, as one line of text.
    pub fn shown(&self) -> &str {
        &self.path.shown
    }

    /// Looks whether a file could take this place, without making anything. Blocks.
    ///
    /// # Errors
    /// - `denied`: a symlink on the way leads out of the granted folder.
    /// - `io`: a folder, a symlink or a device is in this place, or a file is where a folder would
    ///   have to be.
    pub fn examine(&self) -> Result<(), Failure> {
        self.judge(self.path.dir.symlink_metadata(&self.path.relative))
    }

    /// As [`Destination::examine`], once its folder is open.
    pub(super) fn examine_in(&self, folder: &Dir) -> Result<(), Failure> {
        self.judge(folder.symlink_metadata(&self.name))
    }

    /// A new file that may take this place. Nothing is made yet.
    pub fn replacement(&self) -> Replacement {
        Replacement::of(self.clone(), &self.unfinished)
    }

    /// Opens the folder, with those on the way made as far as they are missing.
    pub(super) fn open_parent(&self) -> io::Result<Parent> {
        Parent::open(&self.path.dir, &self.parent, self.unfinished.folders())
    }

    pub(super) fn name(&self) -> &OsStr {
        &self.name
    }

    pub(super) fn failed(&self, verb: &str, error: &io::Error) -> Failure {
        self.path.failed(verb, error)
    }

    fn judge(&self, found: io::Result<Metadata>) -> Result<(), Failure> {
        match found {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(metadata) if metadata.is_dir() => Err(refused(self.shown(), "is a folder")),
            Ok(metadata) if metadata.is_symlink() => Err(refused(
                self.shown(),
                "is a symbolic link, which is neither followed nor replaced",
            )),
            Ok(_) => Err(refused(self.shown(), "is not a regular file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(self.failed("examine", &error)),
        }
    }
}

fn refused(shown: &str, why: &str) -> Failure {
    Failure::new(Kind::Io, format!("{shown} {why}"))
}
