//! A new file that takes its destination's place whole, or leaves no trace.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use cap_std::fs::{OpenOptions, OpenOptionsExt};

use super::Destination;
use super::leftovers::{claim, new_name, sweep};
use super::parents::{MadeFolders, Parent};
use crate::failure::{Failure, Kind, cause};

/// How often a temporary file is made anew when its folder or the file itself goes away at once,
/// because another process cleans up in the same place.
const ATTEMPTS: usize = 16;

/// The file on its way; clones are the same one. It may be [given up](Replacement::give_up) by one
/// thread while another writes it.
#[derive(Clone, Debug)]
pub struct Replacement {
    destination: Arc<Destination>,
    stage: Arc<Mutex<Stage>>,
}

/// Waiting → Begun → Landed or GivenUp, or given up at once.
#[derive(Debug)]
enum Stage {
    /// Nothing was made yet.
    Waiting,
    /// There is a temporary file.
    Begun(Temporary),
    /// The file has its place.
    Landed,
    /// Nothing is left of it.
    GivenUp,
}

/// A file with a name of its own beside the destination; removed when dropped.
struct Temporary {
    parent: Option<Parent>,
    name: OsString,
}

impl Replacement {
    pub(super) fn of(destination: Destination, unfinished: &Unfinished) -> Self {
        let stage = Arc::new(Mutex::new(Stage::Waiting));
        unfinished.add(&stage);
        Self { destination: Arc::new(destination), stage }
    }

    /// Makes the temporary file, in the destination's folder, which is made if it is missing; then
    /// removes what killed processes left of the same destination. Blocks.
    ///
    /// # Errors
    /// - `denied`: a symlink on the way leads out of the granted folder.
    /// - `io`: the operating system refused.
    /// - `cancelled`: the file was given up.
    pub fn begin(&self) -> Result<Writer, Failure> {
        let mut stage = lock(&self.stage);
        if !matches!(*stage, Stage::Waiting) {
            return Err(given_up());
        }
        let (temporary, file) =
            self.make().map_err(|error| self.destination.failed("make a file for", &error))?;
        let folder = temporary.parent.as_ref().and_then(|parent| parent.dir().try_clone().ok());
        *stage = Stage::Begun(temporary);
        drop(stage);
        if let Some(folder) = folder {
            sweep(&folder, self.destination.name());
        }
        Ok(Writer { file, replacement: self.clone() })
    }

    /// Removes what was made, at once; then the file never takes its place. Does nothing once it has, and
    /// says so.
    pub fn give_up(&self) -> bool {
        let mut stage = lock(&self.stage);
        let landed = matches!(*stage, Stage::Landed);
        if !landed {
            *stage = Stage::GivenUp;
        }
        landed
    }

    fn make(&self) -> io::Result<(Temporary, File)> {
        let mut failed = io::Error::other("temporary files disappear as soon as they are made");
        for _ in 0..ATTEMPTS {
            let parent = self.destination.open_parent()?;
            let name = new_name(self.destination.name())?;
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600);
            let file = match parent.dir().open_with(&name, &options) {
                Ok(file) => file.into_std(),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    failed = error;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let temporary = Temporary { parent: Some(parent), name };
            if claim(&file)? {
                return Ok((temporary, file));
            }
        }
        Err(failed)
    }
}

/// Writes the file, from one thread. Its methods block.
#[derive(Debug)]
pub struct Writer {
    file: File,
    replacement: Replacement,
}

impl Writer {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// `io`: the operating system refused.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file
            .write_all(bytes)
            .map_err(|error| self.replacement.destination.failed("write", &error))
    }

    /// Waits until the disk has the file, puts it in its place, and waits until the disk has that.
    ///
    /// # Errors
    /// - `io`: the operating system refused. The destination is as it was, except if the message says
    ///   that the file is in its place: then a crash of the machine may still undo it.
    /// - `cancelled`: the file was given up.
    pub fn commit(self) -> Result<(), Failure> {
        let Self { file, replacement } = self;
        let destination = &replacement.destination;
        file.set_permissions(Permissions::from_mode(usual_mode()))
            .and_then(|()| file.sync_all())
            .map_err(|error| destination.failed("write", &error))?;
        let mut stage = lock(&replacement.stage);
        let Stage::Begun(temporary) = &mut *stage else { return Err(given_up()) };
        let parent = temporary.land(destination)?;
        *stage = Stage::Landed;
        drop(stage);
        parent.keep().map_err(|error| {
            let (shown, why) = (destination.shown(), cause(&error));
            Failure::new(
                Kind::Io,
                format!(
                    "{shown} is complete and in its place, but failed to sync its folder: {why}"
                ),
            )
        })
    }
}

impl Temporary {
    /// Gives the file its destination's name, and hands its folder out.
    fn land(&mut self, destination: &Destination) -> Result<Parent, Failure> {
        let Some(parent) = self.parent.take() else { return Err(given_up()) };
        let dir = parent.dir();
        let landed = destination.examine_in(dir).and_then(|()| {
            // Replaces a file, also one that appeared just now, and never follows a symlink.
            dir.rename(&self.name, dir, destination.name())
                .map_err(|error| destination.failed("replace", &error))
        });
        match landed {
            Ok(()) => Ok(parent),
            Err(failure) => {
                self.parent = Some(parent);
                Err(failure)
            }
        }
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(parent) = &self.parent {
            let _ = parent.dir().remove_file(&self.name);
        }
    }
}

impl fmt::Debug for Temporary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Temporary").field(&self.name).finish()
    }
}

/// The files of a run that are being written. What is in it when the run ends has nobody left who
/// would give it up.
#[derive(Clone, Debug, Default)]
pub(super) struct Unfinished {
    list: Arc<Mutex<List>>,
    folders: MadeFolders,
}

#[derive(Debug, Default)]
struct List {
    stages: Vec<Weak<Mutex<Stage>>>,
    over: bool,
}

impl Unfinished {
    pub(super) fn give_up(&self) {
        let mut list = lock(&self.list);
        list.over = true;
        for stage in list.stages.drain(..).filter_map(|stage| stage.upgrade()) {
            let mut stage = lock(&stage);
            if !matches!(*stage, Stage::Landed) {
                *stage = Stage::GivenUp;
            }
        }
    }

    /// The folders that were made for them.
    pub(super) fn folders(&self) -> &MadeFolders {
        &self.folders
    }

    fn add(&self, stage: &Arc<Mutex<Stage>>) {
        let mut list = lock(&self.list);
        if list.over {
            *lock(stage) = Stage::GivenUp;
            return;
        }
        list.stages.retain(|stage| stage.strong_count() > 0);
        list.stages.push(Arc::downgrade(stage));
    }
}

/// The permissions of a new file that anybody makes: all that the umask leaves of reading and writing.
///
/// Read from `/proc`, because asking the system for the umask means setting it, which other threads
/// would feel. Without `/proc` the file is its owner's alone.
#[expect(clippy::disallowed_methods, reason = "the umask stands nowhere else")]
fn usual_mode() -> u32 {
    static MODE: OnceLock<u32> = OnceLock::new();
    *MODE.get_or_init(|| {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let umask = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        let umask = umask.and_then(|text| u32::from_str_radix(text.trim(), 8).ok());
        0o666 & !umask.unwrap_or(0o077)
    })
}

fn given_up() -> Failure {
    Failure::new(Kind::Cancelled, "the file was given up")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::os::unix::fs::symlink;
    use std::path::Path;

    use super::super::Files;
    use super::*;
    use crate::audit::Audit;
    use crate::grants::FileGrants;
    use crate::grants::files::Access;
    use crate::scratch::Scratch;

    struct Place {
        scratch: Scratch,
        files: Files,
    }

    impl Place {
        fn new() -> Self {
            let scratch = Scratch::new();
            let mut grants = FileGrants::default();
            grants.allow(Access::Write, scratch.path().to_str().unwrap()).unwrap();
            Self { files: Files::open(grants, Audit::default()).unwrap(), scratch }
        }

        fn destination(&self, name: &str) -> Result<Destination, Failure> {
            let path = self.scratch.path().join(name);
            self.files.destination("test", path.as_os_str().as_encoded_bytes())
        }

        fn replacement(&self, name: &str) -> Replacement {
            self.destination(name).unwrap().replacement()
        }

        fn read(&self, name: &str) -> String {
            fs::read_to_string(self.scratch.path().join(name)).unwrap()
        }

        /// All names, of the folder itself.
        fn names(&self) -> Vec<String> {
            names(self.scratch.path())
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_appears_whole_with_the_usual_permissions() {
        let place = Place::new();
        place.scratch.write("file", "old");
        let mut writer = place.replacement("file").begin().unwrap();
        writer.write(b"new ").unwrap();
        assert_eq!(place.read("file"), "old");
        let [temporary, _] = place.names().try_into().unwrap();
        let mode = |name: &str| {
            fs::metadata(place.scratch.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        assert_eq!(mode(&temporary), 0o600);
        writer.write(b"text").unwrap();
        writer.commit().unwrap();
        assert_eq!(place.read("file"), "new text");
        assert_eq!(place.names(), ["file"]);
        place.scratch.write("other", "");
        assert_eq!(mode("file"), mode("other"));
    }

    #[test]
    fn what_is_given_up_or_dropped_leaves_nothing() {
        let place = Place::new();
        place.scratch.write("file", "old");
        let given_up = place.replacement("a/b/file");
        let mut writer = given_up.begin().unwrap();
        given_up.give_up();
        assert_eq!(place.names(), ["file"]);
        writer.write(b"new").unwrap();
        assert_eq!(writer.commit().unwrap_err().kind, Kind::Cancelled);
        assert_eq!(given_up.begin().unwrap_err().kind, Kind::Cancelled);
        drop(place.replacement("file").begin().unwrap());
        assert_eq!(
            (place.names(), place.read("file")),
            (vec!["file".to_owned()], "old".to_owned())
        );
    }

    #[test]
    fn giving_up_what_has_its_place_does_nothing() {
        let place = Place::new();
        let replacement = place.replacement("a/file");
        replacement.begin().unwrap().commit().unwrap();
        replacement.give_up();
        assert_eq!(place.read("a/file"), "");
        assert_eq!(names(&place.scratch.path().join("a")), ["file"]);
    }

    #[test]
    fn the_end_of_a_run_removes_what_nobody_gave_up_and_lets_none_begin() {
        let place = Place::new();
        let (early, late) = (place.replacement("a/one"), place.replacement("two"));
        let writer = early.begin().unwrap();
        place.files.give_up();
        assert!(place.names().is_empty());
        assert_eq!(writer.commit().unwrap_err().kind, Kind::Cancelled);
        for replacement in [late, place.replacement("three")] {
            assert_eq!(replacement.begin().unwrap_err().kind, Kind::Cancelled);
        }
        assert!(place.names().is_empty());
    }

    #[test]
    fn of_two_at_once_each_is_whole_and_the_last_stays() {
        let place = Place::new();
        let mut one = place.replacement("file").begin().unwrap();
        let mut two = place.replacement("file").begin().unwrap();
        one.write(b"one").unwrap();
        two.write(b"two").unwrap();
        two.commit().unwrap();
        assert_eq!(place.read("file"), "two");
        one.commit().unwrap();
        assert_eq!((place.read("file"), place.names().len()), ("one".to_owned(), 1));
    }

    #[test]
    fn a_leftover_is_swept_by_the_next_of_the_same_destination() {
        let place = Place::new();
        for name in ["file", "other"] {
            let leftover = new_name(name.as_ref()).unwrap();
            place.scratch.write(leftover.to_str().unwrap(), "half");
        }
        assert_eq!(place.names().len(), 2);
        place.replacement("file").begin().unwrap().commit().unwrap();
        assert_eq!(place.names().len(), 2);
        place.replacement("other").begin().unwrap().commit().unwrap();
        assert_eq!(place.names(), ["file", "other"]);
    }

    #[test]
    fn folders_links_and_devices_are_refused_before_and_at_the_end() {
        let place = Place::new();
        let target = place.scratch.write("target", "old");
        let folder = place.scratch.path().join("folder");
        fs::create_dir(&folder).unwrap();
        symlink("target", place.scratch.path().join("link")).unwrap();
        for (name, why) in [
            ("folder", "is a folder"),
            ("link", "is a symbolic link"),
            ("target/x", "Not a directory"),
        ] {
            let failure = place.destination(name).unwrap().examine().unwrap_err();
            assert!(failure.kind == Kind::Io && failure.message.contains(why), "{failure}");
        }
        for name in ["folder/", "folder/.", ".", ""] {
            let failure = place.destination(name).unwrap_err();
            assert!(failure.message.ends_with("is a folder"), "{failure}");
        }
        for swap in [|at: &Path| symlink("target", at), |at: &Path| fs::create_dir(at)] {
            let path = place.scratch.path().join("new");
            let writer = place.replacement("new").begin().unwrap();
            swap(&path).unwrap();
            assert_eq!(writer.commit().unwrap_err().kind, Kind::Io);
            assert_eq!(place.names(), ["folder", "link", "new", "target"]);
            fs::remove_file(&path).or_else(|_| fs::remove_dir(&path)).unwrap();
        }
        assert_eq!(fs::read_to_string(target).unwrap(), "old");
    }

    #[test]
    fn a_folder_swapped_for_a_link_changes_nothing() {
        let place = Place::new();
        place.scratch.write("a/file", "old");
        place.scratch.write("b/file", "other");
        let mut writer = place.replacement("a/file").begin().unwrap();
        fs::rename(place.scratch.path().join("a"), place.scratch.path().join("moved")).unwrap();
        symlink("b", place.scratch.path().join("a")).unwrap();
        writer.write(b"new").unwrap();
        writer.commit().unwrap();
        assert_eq!(
            (place.read("moved/file"), place.read("b/file")),
            ("new".into(), "other".into())
        );
    }

    #[test]
    fn a_link_out_of_the_grant_is_denied() {
        let place = Place::new();
        symlink("/tmp", place.scratch.path().join("out")).unwrap();
        let destination = place.destination("out/file").unwrap();
        assert_eq!(destination.examine().unwrap_err().kind, Kind::Denied);
        assert_eq!(destination.replacement().begin().unwrap_err().kind, Kind::Denied);
    }

    #[test]
    fn a_missing_granted_folder_is_named_with_its_flag() {
        let mut grants = FileGrants::default();
        grants.allow(Access::Read, "/no/such/folder").unwrap();
        let failure = Files::open(grants, Audit::default()).err().unwrap();
        assert!(failure.message.starts_with("--allow-read=/no/such/folder: "), "{failure}");
    }
}
