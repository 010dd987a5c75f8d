//! Temporary files: their names, and those that a killed process left.
//!
//! A process holds a lock on the temporary file it writes. The lock goes with the process, however
//! that ends; a temporary file that nobody has locked is therefore a leftover.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cap_std::fs::{Dir, File, OpenOptions, OpenOptionsExt};
use ring::rand::{SecureRandom, SystemRandom};
use rustix::fs::{FlockOperation, OFlags, flock, fstat};

/// Between the name of the destination and the random part.
const MARK: &[u8] = b".tidelock-";

/// Random part of a name, in bytes; it is written as twice as many hexadecimal digits.
const RANDOM: usize = 8;

/// Bytes of the destination's name that are kept, so that the whole is a name any system takes.
const MAX_KEPT: usize = 200;

/// A new name for a temporary file of the destination `name`, in the same folder.
///
/// # Errors
/// The operating system has no randomness.
pub(super) fn new_name(name: &OsStr) -> io::Result<OsString> {
    let mut random = [0; RANDOM];
    SystemRandom::new()
        .fill(&mut random)
        .map_err(|_| io::Error::other("the system has no random numbers"))?;
    let mut bytes = prefix(name);
    bytes.extend(random.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()));
    Ok(OsString::from_vec(bytes))
}

/// Locks a temporary file that was just made. False if somebody took it for a leftover in between:
/// then it is gone, or will be.
///
/// # Errors
/// What the operating system says.
pub(super) fn claim(file: &impl AsFd) -> io::Result<bool> {
    Ok(lock(file)? && fstat(file)?.st_nlink > 0)
}

/// Removes the leftovers of the destination `name` from its folder. What cannot be removed stays:
/// a download must not fail for it.
pub(super) fn sweep(folder: &Dir, name: &OsStr) {
    let prefix = prefix(name);
    let Ok(entries) = folder.entries() else { return };
    for entry in entries.flatten() {
        let found = entry.file_name();
        if is_temporary(&prefix, &found) {
            let _ = remove_if_unlocked(folder, &found);
        }
    }
}

fn remove_if_unlocked(folder: &Dir, name: &OsStr) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    options.read(true).custom_flags(flags.bits().cast_signed());
    let file: File = folder.open_with(name, &options)?;
    // The lock is held until the name is gone, see `claim`.
    if file.metadata()?.is_file() && lock(&file)? {
        folder.remove_file(name)?;
    }
    Ok(())
}

/// False if another process, or another descriptor of this one, holds the lock.
fn lock(file: &impl AsFd) -> io::Result<bool> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn prefix(name: &OsStr) -> Vec<u8> {
    let name = name.as_bytes();
    // A name that is text must stay text: not every file system takes half a character.
    let kept = match (name.get(..MAX_KEPT), std::str::from_utf8(name)) {
        (None, _) => name,
        (Some(_), Ok(text)) => {
            text.get(..text.floor_char_boundary(MAX_KEPT)).unwrap_or(text).as_bytes()
        }
        (Some(kept), Err(_)) => kept,
    };
    [b".", kept, MARK].concat()
}

fn is_temporary(prefix: &[u8], name: &OsStr) -> bool {
    name.as_bytes().strip_prefix(prefix).is_some_and(|random| {
        random.len() == 2 * RANDOM && random.iter().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;
    use std::os::unix::fs::symlink;

    use cap_std::ambient_authority;

    use super::*;
    use crate::scratch::Scratch;

    #[test]
    fn a_name_is_new_hidden_and_short_enough_for_any_system() {
        for name in [&b"a"[..], b"\xff", &[b'x'; 255], "\u{fc}".repeat(127).as_bytes()] {
            let name = OsStr::from_bytes(name);
            let (one, two) = (new_name(name).unwrap(), new_name(name).unwrap());
            assert_ne!(one, two);
            assert!(one.len() <= 255 && one.as_bytes().starts_with(b"."));
            assert!(is_temporary(&prefix(name), &one));
            assert_eq!(one.to_str().is_some(), name.to_str().is_some());
        }
    }

    #[test]
    fn only_unlocked_files_of_the_same_destination_are_swept() {
        let scratch = Scratch::new();
        let random = "0123456789abcdef";
        let live = scratch.write(&format!(".a.tidelock-{random}"), "x");
        let dead = scratch.write(".a.tidelock-fedcba9876543210", "x");
        let stay = [
            "a".to_owned(),
            ".a".to_owned(),
            format!(".b.tidelock-{random}"),
            format!(".a.tidelock-{random}0"),
            format!(".a.tidelock-{}", random.to_uppercase()),
            format!("a.tidelock-{random}"),
        ];
        for name in &stay {
            scratch.write(name, "x");
        }
        let link = scratch.path().join(".a.tidelock-aaaaaaaaaaaaaaaa");
        symlink("a", &link).unwrap();
        let held = fs::File::open(&live).unwrap();
        assert!(claim(&held).unwrap());
        let folder = Dir::open_ambient_dir(scratch.path(), ambient_authority()).unwrap();
        sweep(&folder, OsStr::new("a"));
        assert!(live.exists() && !dead.exists() && link.is_symlink());
        assert!(stay.iter().all(|name| scratch.path().join(name).exists()));
        drop(held);
        sweep(&folder, OsStr::new("a"));
        assert!(!live.exists());
    }

    #[test]
    fn a_file_that_was_swept_before_it_was_locked_is_not_claimed() {
        let scratch = Scratch::new();
        let path = scratch.write("file", "x");
        let file = fs::File::open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(!claim(&file).unwrap());
        let path = scratch.write("file", "x");
        let sweeper = fs::File::open(&path).unwrap();
        assert!(lock(&sweeper).unwrap());
        assert!(!claim(&fs::File::open(&path).unwrap()).unwrap());
    }
}
