//! The folder a file is made in, and the folders that are made on the way to it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use cap_std::fs::Dir;
use rustix::fs::{Mode, OFlags, fsync, openat};

use super::identity::Identity;

/// The folders that the files under way of one run have made. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct MadeFolders {
    made: Arc<Mutex<HashMap<Identity, Weak<Made>>>>,
}

/// An open folder. If it, or one around it, was made for a file under way, it goes again when the last of
/// these files does, as far as it is empty, unless one of them [kept](Parent::keep) it.
pub(super) struct Parent {
    dir: Dir,
    made: Option<Arc<Made>>,
}

/// A folder that was made.
#[derive(Debug)]
struct Made {
    inside: Dir,
    name: OsString,
    /// The folder that holds it, if that was made too.
    within: Option<Arc<Made>>,
    kept: AtomicBool,
}

impl Parent {
    /// Opens `path` below `root` and makes what is missing.
    ///
    /// # Errors
    /// What the operating system says; then nothing stays that was made.
    pub(super) fn open(root: &Dir, path: &Path, folders: &MadeFolders) -> io::Result<Self> {
        let names: Vec<&OsStr> = path.components().map(|part| part.as_os_str()).collect();
        // From the inside out: mostly all of it is there. Each try resolves the path as a whole, so
        // that a symlink on the way may lead anywhere below the root.
        let mut missing = 0;
        let dir = loop {
            let existing: PathBuf = names.iter().take(names.len() - missing).collect();
            match open_dir(root, &existing) {
                Ok(dir) => break dir,
                Err(error) if error.kind() == io::ErrorKind::NotFound && missing < names.len() => {
                    missing += 1;
                }
                Err(error) => return Err(error),
            }
        };
        let made = folders.find(&dir)?;
        let missing = names.iter().skip(names.len() - missing);
        missing.copied().try_fold(Self { dir, made }, |parent, name| parent.enter(name, folders))
    }

    /// The folder itself.
    pub(super) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// Keeps the folder and those around it, and waits until the disk has what is in them.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn keep(self) -> io::Result<()> {
        let made = || std::iter::successors(self.made.as_ref(), |made| made.within.as_ref());
        made().for_each(|made| made.kept.store(true, Ordering::Relaxed));
        sync(&self.dir)?;
        made().try_for_each(|made| sync(&made.inside))
    }

    fn enter(self, name: &OsStr, folders: &MadeFolders) -> io::Result<Self> {
        let Self { dir: inside, made: within } = self;
        match inside.create_dir(name) {
            Ok(()) => {
                let dir = inside.try_clone()?;
                let kept = AtomicBool::new(false);
                let made = Arc::new(Made { inside, name: name.to_owned(), within, kept });
                let dir = dir.open_dir(name)?;
                folders.add(&dir, &made)?;
                Ok(Self { dir, made: Some(made) })
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let dir = inside.open_dir(name)?;
                let made = folders.find(&dir)?;
                Ok(Self { dir, made })
            }
            Err(error) => Err(error),
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // Somebody else may have put something there meanwhile; then it stays.
        if !*self.kept.get_mut() {
            let _ = self.inside.remove_dir(&self.name);
        }
    }
}

impl MadeFolders {
    fn find(&self, dir: &Dir) -> io::Result<Option<Arc<Made>>> {
        let identity = Identity::of(dir)?;
        Ok(self.lock().get(&identity).and_then(Weak::upgrade))
    }

    fn add(&self, dir: &Dir, made: &Arc<Made>) -> io::Result<()> {
        let identity = Identity::of(dir)?;
        let mut folders = self.lock();
        folders.retain(|_, made| made.strong_count() > 0);
        folders.insert(identity, Arc::downgrade(made));
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Identity, Weak<Made>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn open_dir(root: &Dir, path: &Path) -> io::Result<Dir> {
    if path.as_os_str().is_empty() { root.try_clone() } else { root.open_dir(path) }
}

/// The handles of the library are for finding names; syncing takes one for reading.
#[expect(clippy::disallowed_methods, reason = "relative to a handle of the door's")]
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

    fn root(path: &Path) -> Dir {
        Dir::open_ambient_dir(path, ambient_authority()).unwrap()
    }

    fn open(scratch: &Scratch, path: &str) -> io::Result<Parent> {
        Parent::open(&root(scratch.path()), Path::new(path), &MadeFolders::default())
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
    fn a_folder_goes_with_the_last_of_the_files_it_was_made_for() {
        let scratch = Scratch::new();
        let (root, folders) = (root(scratch.path()), MadeFolders::default());
        let open = |path: &str| Parent::open(&root, Path::new(path), &folders).unwrap();
        let is_there = |path: &str| scratch.path().join(path).exists();
        let (maker, user, deeper) = (open("a/b"), open("a"), open("a/b/c"));
        drop(maker);
        assert!(is_there("a/b/c"));
        drop(deeper);
        assert!(is_there("a") && !is_there("a/b"));
        let again = open("a/b");
        drop((user, again));
        assert!(!is_there("a"));
        let (maker, keeper) = (open("a/b"), open("a"));
        keeper.keep().unwrap();
        drop(maker);
        assert!(is_there("a") && !is_there("a/b"));
    }

    #[test]
    fn symlinks_inside_are_followed_and_none_leads_out() {
        let scratch = Scratch::new();
        let inside = scratch.path().join("in");
        fs::create_dir_all(inside.join("deep")).unwrap();
        symlink("../deep", inside.join("deep/around")).unwrap();
        symlink("..", inside.join("out")).unwrap();
        symlink("nowhere", inside.join("dangling")).unwrap();
        let (root, folders) = (root(&inside), MadeFolders::default());
        let open = |path: &str| Parent::open(&root, Path::new(path), &folders);
        open("deep/around/new").unwrap().keep().unwrap();
        assert!(inside.join("deep/new").is_dir());
        for path in ["out", "out/new", "dangling", "dangling/new"] {
            assert!(open(path).is_err(), "{path}");
        }
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
        assert_eq!(fs::read_dir(&inside).unwrap().count(), 3);
    }
}
