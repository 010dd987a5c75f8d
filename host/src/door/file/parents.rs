//! The folder a file is made in, and the folders that are made on the way to it.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, fsync, openat};

/// An open folder. Those that were made for it go again when this is dropped, as far as they are
/// empty, unless it is [kept](Parent::keep).
pub(super) struct Parent {
    dir: Dir,
    /// Outermost first.
    made: Vec<Made>,
}

struct Made {
    inside: Arc<Dir>,
    name: OsString,
}

impl Parent {
    /// Opens `path` below `root` and makes what is missing.
    ///
    /// # Errors
    /// What the operating system says; then nothing stays that was made.
    pub(super) fn open(root: Arc<Dir>, path: &Path) -> io::Result<Self> {
        let names: Vec<&OsStr> = path.components().map(|part| part.as_os_str()).collect();
        // From the inside out: mostly all of it is there. Each try resolves the path as a whole, so
        // that a symlink on the way may lead anywhere below the root.
        let mut missing = 0;
        let mut parent = loop {
            let existing: PathBuf = names.iter().take(names.len() - missing).collect();
            match open_dir(&root, &existing) {
                Ok(dir) => break Self { dir, made: Vec::new() },
                Err(error) if error.kind() == io::ErrorKind::NotFound && missing < names.len() => {
                    missing += 1;
                }
                Err(error) => return Err(error),
            }
        };
        for name in names.iter().skip(names.len() - missing) {
            parent.enter(name)?;
        }
        Ok(parent)
    }

    /// The folder itself.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Keeps the folders that were made, and waits until the disk has what is in them.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn keep(mut self) -> io::Result<()> {
        let made = std::mem::take(&mut self.made);
        sync(&self.dir)?;
        made.iter().rev().try_for_each(|made| sync(&made.inside))
    }

    fn enter(&mut self, name: &OsStr) -> io::Result<()> {
        let made = match self.dir.create_dir(name) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
            Err(error) => return Err(error),
        };
        let inside = self.dir.try_clone()?;
        if made {
            self.made.push(Made { inside: Arc::new(inside), name: name.to_owned() });
        }
        self.dir = self.dir.open_dir(name)?;
        Ok(())
    }
}

impl Drop for Parent {
    fn drop(&mut self) {
        // Somebody else may have put something there meanwhile; then it stays.
        for Made { inside, name } in self.made.iter().rev() {
            let _ = inside.remove_dir(name);
        }
    }
}

fn open_dir(root: &Dir, path: &Path) -> io::Result<Dir> {
    if path.as_os_str().is_empty() { root.try_clone() } else { root.open_dir(path) }
}

/// The handles of the library are for finding names; syncing takes one for reading.
fn sync(dir: &Dir) -> io::Result<()> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let readable = openat(dir, ".", flags, Mode::empty())?;
    match fsync(readable) {
        // Some file systems have no such thing for folders.
        Err(rustix::io::Errno::INVAL) => Ok(()),
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;

    use super::*;
    use crate::scratch::Scratch;

    fn root(scratch: &Scratch) -> Arc<Dir> {
        Arc::new(Dir::open_ambient_dir(scratch.path(), ambient_authority()).unwrap())
    }

    fn open(scratch: &Scratch, path: &str) -> io::Result<Parent> {
        Parent::open(root(scratch), Path::new(path))
    }

    #[test]
    fn what_is_missing_is_made_and_goes_again_unless_it_is_kept() {
        let scratch = Scratch::new();
        fs::create_dir(scratch.path().join("there")).unwrap();
        let parent = open(&scratch, "there/a/b").unwrap();
        assert!(scratch.path().join("there/a/b").is_dir());
        drop(parent);
        assert!(!scratch.path().join("there/a").exists());
        assert!(scratch.path().join("there").exists());
        open(&scratch, "there/a/b").unwrap().keep().unwrap();
        assert!(scratch.path().join("there/a/b").is_dir());
        drop(open(&scratch, "there/a/b").unwrap());
        drop(open(&scratch, "").unwrap());
        assert!(scratch.path().join("there/a/b").is_dir());
    }

    #[test]
    fn a_folder_that_somebody_uses_stays() {
        let scratch = Scratch::new();
        let parent = open(&scratch, "a/b").unwrap();
        scratch.write("a/file", "x");
        drop(parent);
        assert!(scratch.path().join("a/file").exists() && !scratch.path().join("a/b").exists());
    }

    #[test]
    fn symlinks_inside_are_followed_and_none_leads_out() {
        let scratch = Scratch::new();
        let inside = scratch.path().join("in");
        fs::create_dir_all(inside.join("deep")).unwrap();
        symlink("../deep", inside.join("deep/around")).unwrap();
        symlink("..", inside.join("out")).unwrap();
        symlink("nowhere", inside.join("dangling")).unwrap();
        let root = Arc::new(Dir::open_ambient_dir(&inside, ambient_authority()).unwrap());
        let open = |path: &str| Parent::open(Arc::clone(&root), Path::new(path));
        open("deep/around/new").unwrap().keep().unwrap();
        assert!(inside.join("deep/new").is_dir());
        for path in ["out", "out/new", "dangling", "dangling/new"] {
            assert!(open(path).is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 3);
    }
}
