//! Which folder a handle or a name leads to, whatever the name is.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use cap_std::fs::{Metadata, MetadataExt};
use rustix::fs::{Mode, OFlags, fstat, openat};

/// The device of a folder, and its number there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(u64, u64);

impl Identity {
    /// Of an open folder.
    ///
    /// # Errors
    /// What the operating system says.
    pub(super) fn of(folder: impl AsFd) -> io::Result<Self> {
        let stat = fstat(folder)?;
        Ok(Self(stat.st_dev, stat.st_ino))
    }

    /// Of what was found under a name.
    pub(super) fn found(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

/// Adds a folder and all those around it, up to one that may not be looked into: from there on, no name
/// leads here.
///
/// # Errors
/// What the operating system says about the folder itself.
#[expect(clippy::disallowed_methods, reason = "only to see which folders they are")]
pub(super) fn add_with_those_around(
    folder: impl AsFd,
    identities: &mut HashSet<Identity>,
) -> io::Result<()> {
    identities.insert(Identity::of(&folder)?);
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let outer = |folder: &dyn AsFd| -> Option<(OwnedFd, Identity)> {
        let outer = openat(folder.as_fd(), "..", flags, Mode::empty()).ok()?;
        let identity = Identity::of(&outer).ok()?;
        Some((outer, identity))
    };
    let mut next = outer(&folder);
    // The root is around itself.
    while let Some((folder, identity)) = next {
        next = if identities.insert(identity) { outer(&folder) } else { None };
    }
    Ok(())
}
