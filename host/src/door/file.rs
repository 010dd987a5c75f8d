//! The file door: opens files below a folder, and nothing else.
//!
//! A [`Folder`] is a handle the operator's choice gave us; a name below it becomes a [`CheckedPath`]
//! or a [`Failure`]; only a `CheckedPath` can be read. The name is resolved by the operating system
//! relative to the handle (`openat2` with `RESOLVE_BENEATH` on Linux), at the moment of opening, so
//! that neither `..` nor a symlink, not even one that is swapped in between, leads out of the folder.
//!
//! What a script names goes through [`Files`], which knows the grants. A path it may write becomes a
//! [`Destination`], and that a [`Replacement`]: a new file that takes its place whole or not at all.
//! What it reads or writes piece by piece is an [`OpenFile`].

mod destination;
mod granted;
mod identity;
mod leftovers;
mod open;
mod parents;
mod replacement;

use std::fmt;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use rustix::fs::OFlags;

pub use self::destination::Destination;
pub use self::granted::Files;
pub use self::open::{Mode, OpenFile, Refused};
pub use self::replacement::{Replacement, Writer};
use crate::failure::{Failure, Kind, cause};

/// Longest name below a folder, in bytes; `PATH_MAX` of the systems we know, with its NUL.
pub const MAX_PATH: usize = 4095;

/// Longest part of a name, in bytes; `NAME_MAX` of the systems we know.
pub const MAX_PART: usize = 255;

/// A folder whose files may be opened.
#[derive(Clone)]
pub struct Folder {
    dir: Arc<Dir>,
    /// The folder as the operator knows it.
    shown: PathBuf,
}

/// Proof that a name stays below its folder as far as the name alone can tell; the rest is seen to
/// when it is opened.
#[derive(Clone)]
pub struct CheckedPath {
    dir: Arc<Dir>,
    relative: PathBuf,
    shown: String,
}

impl Folder {
    /// Opens the folder at `path`, which may be anywhere: the operator chose it. `shown` is how
    /// messages name it.
    ///
    /// # Errors
    /// `io`: it does not exist, is no folder, or may not be opened.
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    pub fn open(path: &Path, shown: impl Into<PathBuf>) -> Result<Self, Failure> {
        let shown = shown.into();
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(|error| {
            let shown = shown.display();
            Failure::new(Kind::Io, format!("failed to open the folder {shown}: {}", cause(&error)))
        })?;
        Ok(Self { dir: Arc::new(dir), shown })
    }

    /// Checks a name below this folder.
    ///
    /// # Errors
    /// - `invalid`: it is empty, too long, or holds a NUL.
    /// - `denied`: it is absolute or has a part `..`.
    pub fn check(&self, name: &Path) -> Result<CheckedPath, Failure> {
        check_name(name)?;
        let shown = self.shown.join(name).to_string_lossy().into_owned();
        if name.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir)) {
            Ok(self.checked(name.to_owned(), shown))
        } else {
            Err(leaves(&shown))
        }
    }

    /// Proof for a name that was checked already, under the name it has in messages.
    fn checked(&self, relative: PathBuf, shown: String) -> CheckedPath {
        CheckedPath { dir: Arc::clone(&self.dir), relative, shown }
    }
}

/// Whether any system would take this name.
fn check_name(name: &Path) -> Result<(), Failure> {
    let bytes = name.as_os_str().as_encoded_bytes();
    let invalid = |what: &str| Err(Failure::new(Kind::Invalid, what));
    if bytes.is_empty() {
        return invalid("the path is empty");
    }
    if bytes.contains(&0) {
        return invalid("the path holds a NUL byte");
    }
    if bytes.len() > MAX_PATH {
        return invalid("the path is longer than 4095 bytes");
    }
    if name.components().any(|part| part.as_os_str().len() > MAX_PART) {
        return invalid("a part of the path is longer than 255 bytes");
    }
    Ok(())
}

impl CheckedPath {
    /// The path as the operator knows it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The whole of the regular file at this path; none if there is no file. `excess` makes the
    /// failure of a file that has more than `max` bytes, from its name and `max`.
    ///
    /// # Errors
    /// - `denied`: a symlink on the way leads out of the folder.
    /// - `io`: it is a folder, a device or a pipe, or the operating system refused.
    pub fn read(
        &self,
        max: u64,
        excess: fn(&str, u64) -> Failure,
    ) -> Result<Option<Vec<u8>>, Failure> {
        let Some(file) = self.open()? else { return Ok(None) };
        let bytes = read_bounded(file, max)
            .map_err(|error| self.failed("read", &error))?
            .ok_or_else(|| excess(&self.shown, max))?;
        Ok(Some(bytes))
    }

    /// Opens without waiting (a FIFO would wait for its other end) and keeps only a regular file.
    fn open(&self) -> Result<Option<File>, Failure> {
        let mut options = OpenOptions::new();
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options.read(true).custom_flags(flags.bits().cast_signed());
        // Opening a device may do something already.
        if self.dir.metadata(&self.relative).is_ok_and(|found| !found.is_file()) {
            return Err(self.not_regular());
        }
        let file = match self.dir.open_with(&self.relative, &options) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(None),
            Err(error) => return Err(self.failed("open", &error)),
        };
        let metadata = file.metadata().map_err(|error| self.failed("examine", &error))?;
        let kernel = open::is_the_kernels(&file).map_err(|error| self.failed("examine", &error))?;
        if !metadata.is_file() || kernel {
            return Err(self.not_regular());
        }
        Ok(Some(file))
    }

    fn not_regular(&self) -> Failure {
        Failure::new(Kind::Io, format!("{} is not a regular file", self.shown))
    }

    /// What it means that the operating system, or the library before it, refused.
    fn failed(&self, verb: &str, error: &io::Error) -> Failure {
        if is_way_out(error) {
            return leaves(&self.shown);
        }
        Failure::new(Kind::Io, format!("failed to {verb} {}: {}", self.shown, cause(error)))
    }
}

impl fmt::Debug for CheckedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CheckedPath").field(&self.shown).finish()
    }
}

/// All of `from`, or none if it gives more than `max` bytes; reads at most one byte more.
///
/// # Errors
/// What reading reports.
pub fn read_bounded(from: impl Read, max: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    from.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((bytes.len() as u64 <= max).then_some(bytes))
}

/// The failure of source that exceeds `--max-source`.
pub fn too_large(shown: &str, max: u64) -> Failure {
    let max = crate::quantity::show_size(Some(max));
    Failure::new(Kind::TooLarge, format!("{shown} has more source than --max-source={max} allows"))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The library reports a way out of the folder as a refusal of its own, without the number that one of
/// the operating system carries.
fn is_way_out(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
}

fn leaves(shown: &str) -> Failure {
    Failure::new(Kind::Denied, format!("{shown} leads out of its folder"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::ffi::OsStr;
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;

    use rustix::fs::{CWD, FileType, Mode, inotify, mknodat};
    use rustix::io::Errno;

    use super::*;
    use crate::audit::Audit;
    use crate::scratch::Scratch;

    fn kind(folder: &Folder, name: &str) -> Kind {
        match folder.check(Path::new(name)) {
            Ok(path) => path.read(1000, too_large).unwrap_err().kind,
            Err(failure) => failure.kind,
        }
    }

    #[test]
    fn a_file_below_the_folder_is_read() {
        let scratch = Scratch::new();
        scratch.write("a/b.lua", "return 1");
        let folder = Folder::open(scratch.path(), "scripts").unwrap();
        let path = folder.check(Path::new("a/b.lua")).unwrap();
        assert_eq!(path.shown(), "scripts/a/b.lua");
        assert_eq!(path.read(8, too_large).unwrap(), Some(b"return 1".to_vec()));
        assert_eq!(path.read(7, too_large).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn an_absent_file_is_none_and_not_a_failure() {
        let scratch = Scratch::new();
        scratch.write("file", "");
        let folder = Folder::open(scratch.path(), ".").unwrap();
        for name in ["no.lua", "no/such.lua", "file/below.lua"] {
            assert_eq!(
                folder.check(Path::new(name)).unwrap().read(9, too_large).unwrap(),
                None,
                "{name}"
            );
        }
    }

    #[test]
    fn names_that_lead_out_are_denied() {
        let scratch = Scratch::new();
        scratch.write("secret", "x");
        scratch.write("in/file", "x");
        let folder = Folder::open(&scratch.path().join("in"), "in").unwrap();
        for name in ["../secret", "/etc/passwd", "a/../../secret", ".."] {
            assert_eq!(kind(&folder, name), Kind::Denied, "{name}");
        }
    }

    #[test]
    fn symlinks_may_stay_inside_and_never_lead_out() {
        let scratch = Scratch::new();
        scratch.write("secret", "x");
        scratch.write("in/real.lua", "ok");
        let inside = scratch.path().join("in");
        symlink("real.lua", inside.join("near.lua")).unwrap();
        symlink("../secret", inside.join("up.lua")).unwrap();
        symlink("/etc/passwd", inside.join("absolute.lua")).unwrap();
        symlink("..", inside.join("folder")).unwrap();
        symlink("/proc/self/root", inside.join("magic")).unwrap();
        symlink("loop", inside.join("loop")).unwrap();
        let folder = Folder::open(&inside, "in").unwrap();
        assert_eq!(
            folder.check(Path::new("near.lua")).unwrap().read(9, too_large).unwrap().unwrap(),
            b"ok"
        );
        for name in ["up.lua", "absolute.lua", "folder/secret", "magic/etc/passwd"] {
            assert_eq!(kind(&folder, name), Kind::Denied, "{name}");
        }
        assert_eq!(kind(&folder, "loop"), Kind::Io);
    }

    #[test]
    fn pipes_and_folders_are_refused_without_waiting() {
        let scratch = Scratch::new();
        let fifo = scratch.path().join("pipe.lua");
        mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        fs::create_dir(scratch.path().join("folder.lua")).unwrap();
        let folder = Folder::open(scratch.path(), ".").unwrap();
        assert_eq!(kind(&folder, "pipe.lua"), Kind::Io);
        assert_eq!(kind(&folder, "folder.lua"), Kind::Io);
        let devices = Folder::open(Path::new("/dev"), "/dev").unwrap();
        assert_eq!(kind(&devices, "zero"), Kind::Io);
    }

    #[test]
    fn what_is_no_file_is_not_even_opened() {
        let scratch = Scratch::new();
        let pipe = scratch.path().join("pipe");
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        symlink("pipe", scratch.path().join("link")).unwrap();
        scratch.write("file", "x");
        let folder = Folder::open(scratch.path(), ".").unwrap();
        let opens = |path: &Path, open: &dyn Fn()| {
            let watch = inotify::init(inotify::CreateFlags::NONBLOCK).unwrap();
            inotify::add_watch(&watch, path, inotify::WatchFlags::OPEN).unwrap();
            open();
            rustix::io::read(&watch, &mut [0; 64]) != Err(Errno::AGAIN)
        };
        for name in ["pipe", "link"] {
            let checked = folder.check(Path::new(name)).unwrap();
            assert!(!opens(&pipe, &|| assert!(checked.read(9, too_large).is_err())), "{name}");
            for mode in [super::Mode::Read, super::Mode::Append, super::Mode::ReadUpdate] {
                let open = || OpenFile::open(&checked, mode, None, "files", Audit::default());
                assert!(!opens(&pipe, &|| assert!(open().is_err())), "{name} {mode:?}");
            }
        }
        let checked = folder.check(Path::new("file")).unwrap();
        let file = scratch.path().join("file");
        assert!(opens(&file, &|| assert!(checked.read(9, too_large).is_ok())));
    }

    #[test]
    fn names_no_system_takes_are_invalid() {
        let folder = Folder::open(Path::new("/"), "/").unwrap();
        let long_part = "a".repeat(MAX_PART + 1);
        let long_path = "a/".repeat(MAX_PATH);
        for name in [&b""[..], b"a\0b", long_part.as_bytes(), long_path.as_bytes()] {
            let failure = folder.check(Path::new(OsStr::from_bytes(name))).unwrap_err();
            assert_eq!(failure.kind, Kind::Invalid);
        }
    }

    #[test]
    fn a_missing_folder_is_named_as_the_operator_knows_it() {
        let failure = Folder::open(Path::new("/no/such/folder"), "mine").err().unwrap();
        assert_eq!(failure.message, "failed to open the folder mine: No such file or directory");
    }
}
