//! Files that a script has open.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Instant;

use cap_std::fs::{OpenOptions, OpenOptionsExt};
use rustix::fs::{FsWord, OFlags, fstatfs};
use rustix::io::Errno;

use super::CheckedPath;
use crate::audit::{Audit, Event};
use crate::failure::{Failure, Kind, cause};
use crate::grants::files::Access;
use crate::limits::MAX_CROSSING;

/// File systems that are the kernel's own: their files are said to be regular ones, but are a way to
/// this process (`/proc/self/mem`) and to the machine. The numbers are those of `linux/magic.h`, and of
/// the kernel's sources where they are not in it.
const KERNEL_FILE_SYSTEMS: [FsWord; 21] = [
    0x9fa0,      // proc
    0x6265_6572, // sysfs
    0x6462_6720, // debugfs
    0x7472_6163, // tracefs
    0x6367_7270, // cgroup2
    0x0027_e0eb, // cgroup
    0x7363_6673, // securityfs
    0x6265_6570, // configfs
    0xcafe_4a11, // bpf
    0xf97c_ff8c, // selinuxfs
    0x0187,      // autofs: looking into it mounts
    0x1cd1,      // devpts
    0x4249_4e4d, // binfmt_misc
    0xde5e_81e4, // efivarfs
    0x6165_676c, // pstore
    0x6573_5543, // fusectl
    0x6e66_7364, // nfsd
    0x6759_6969, // rpc_pipefs
    0x6e73_6673, // nsfs
    0x4341_5d53, // smackfs
    0x0765_5821, // resctrl
];

/// Why a file operation was refused, with the number that C programs know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Of kind `io` its message has only the words of the C library, without the path.
    pub failure: Failure,
    /// The number Linux has for it.
    pub code: i32,
}

/// How a file is opened: what `fopen` of C calls `r`, `w`, `a`, `r+`, `w+` and `a+`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `r`
    Read,
    /// `w`
    Write,
    /// `a`
    Append,
    /// `r+`
    ReadUpdate,
    /// `w+`
    WriteUpdate,
    /// `a+`
    AppendUpdate,
}

impl Mode {
    pub(super) fn access(self) -> Access {
        if self == Self::Read { Access::Read } else { Access::Write }
    }

    fn reads(self) -> bool {
        !matches!(self, Self::Write | Self::Append)
    }

    fn appends(self) -> bool {
        matches!(self, Self::Append | Self::AppendUpdate)
    }

    fn empties(self) -> bool {
        matches!(self, Self::Write | Self::WriteUpdate)
    }

    fn options(self) -> OpenOptions {
        let mut options = OpenOptions::new();
        // Without waiting: a FIFO would wait for its other end. Emptied is only what is seen to be a file.
        let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
        options
            .read(self.reads())
            .write(self != Self::Read && !self.appends())
            .append(self.appends())
            .create(self.appends() || self.empties())
            .custom_flags(flags.bits().cast_signed());
        options
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::Append => "a",
            Self::ReadUpdate => "r+",
            Self::WriteUpdate => "w+",
            Self::AppendUpdate => "a+",
        }
    }
}

/// An open file; closed when dropped, which is a line of the audit log.
pub struct OpenFile {
    file: File,
    mode: Mode,
    /// Bytes it may grow to.
    max_size: Option<u64>,
    audit: Audit,
    capability: &'static str,
    shown: String,
    begun: Instant,
    read: u64,
    written: u64,
}

impl OpenFile {
    /// Opens the file at a path whose access was decided for this mode.
    ///
    /// # Errors
    /// As `file.open` of `wit/files.wit`.
    pub(super) fn open(
        path: &CheckedPath,
        mode: Mode,
        max_size: Option<u64>,
        capability: &'static str,
        audit: Audit,
    ) -> Result<Self, Refused> {
        let begun = Instant::now();
        // Opening a device may do something already. What fails here fails again below, or is made there.
        if let Ok(found) = path.dir.metadata(&path.relative) {
            judge(found.is_dir(), found.is_file())?;
        }
        let file = path.dir.open_with(&path.relative, &mode.options());
        let mut file = file.map_err(|error| path.refused(&error))?.into_std();
        examine(&file)?;
        if mode.empties() {
            file.set_len(0)?;
        } else if mode == Mode::Append {
            file.seek(SeekFrom::End(0))?;
        }
        Ok(Self {
            file,
            mode,
            max_size,
            audit,
            capability,
            shown: path.shown.clone(),
            begun,
            read: 0,
            written: 0,
        })
    }

    /// The next bytes, at most `max` and at most 64 KiB; empty at the end.
    ///
    /// # Errors
    /// `io`: the operating system refused.
    pub fn read(&mut self, max: usize) -> Result<Vec<u8>, Refused> {
        let mut bytes = vec![0; max.min(MAX_CROSSING)];
        let length = retried(|| self.file.read(&mut bytes))?;
        bytes.truncate(length);
        self.read += length as u64;
        Ok(bytes)
    }

    /// Writes some of `bytes`, and at least one if there is one.
    ///
    /// # Errors
    /// - `too_large`: the file would exceed its limit.
    /// - `io`: the operating system refused.
    pub fn write(&mut self, bytes: &[u8]) -> Result<usize, Refused> {
        let room = self.room()?;
        let bytes = match usize::try_from(room) {
            Ok(0) if !bytes.is_empty() => return Err(self.too_large()),
            Ok(room) => bytes.get(..room).unwrap_or(bytes),
            Err(_) => bytes,
        };
        let length = retried(|| self.file.write(bytes))?;
        self.written += length as u64;
        Ok(length)
    }

    /// Moves the position.
    ///
    /// # Errors
    /// `io`: it would lie before the start.
    pub fn seek(&mut self, to: SeekFrom) -> Result<u64, Refused> {
        Ok(self.file.seek(to)?)
    }

    /// How many bytes may be written where the next ones go.
    fn room(&mut self) -> Result<u64, Refused> {
        let Some(max) = self.max_size else { return Ok(u64::MAX) };
        let at = match self.mode.appends() {
            true => self.file.metadata()?.len(),
            false => self.file.stream_position()?,
        };
        Ok(max.saturating_sub(at))
    }

    fn too_large(&self) -> Refused {
        let max = crate::quantity::show_size(self.max_size);
        let message = format!("File too large (raise --max-file={max})");
        Refused { failure: Failure::new(Kind::TooLarge, message), code: Errno::FBIG.raw_os_error() }
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        let event = Event { capability: self.capability, operation: "file", target: &self.shown };
        let (mode, took) = (self.mode.as_str(), self.begun.elapsed());
        self.audit.file(event, "closed", mode, self.read, self.written, took);
    }
}

impl Refused {
    /// A failure that is none of the operating system's own.
    pub fn new(failure: Failure, errno: Errno) -> Self {
        Self { failure, code: errno.raw_os_error() }
    }

    /// What the operating system would say.
    pub fn system(errno: Errno) -> Self {
        io::Error::from(errno).into()
    }
}

impl From<io::Error> for Refused {
    fn from(error: io::Error) -> Self {
        let code = error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
        Self { failure: Failure::new(Kind::Io, cause(&error)), code }
    }
}

impl CheckedPath {
    /// What it means that the operating system, or the library before it, refused.
    pub(super) fn refused(&self, error: &io::Error) -> Refused {
        match super::is_way_out(error) {
            true => Refused::new(super::leaves(&self.shown), Errno::ACCESS),
            false => {
                let code = error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
                Refused { failure: Failure::new(Kind::Io, cause(error)), code }
            }
        }
    }
}

/// Refuses what is no file of a disk.
fn examine(file: &File) -> Result<(), Refused> {
    let found = file.metadata()?;
    judge(found.is_dir(), found.is_file() && !is_the_kernels(file)?)
}

fn judge(is_folder: bool, is_regular: bool) -> Result<(), Refused> {
    match (is_folder, is_regular) {
        (true, _) => Err(Refused::system(Errno::ISDIR)),
        (false, true) => Ok(()),
        (false, false) => {
            let failure = Failure::new(Kind::Io, "Not a regular file");
            Err(Refused::new(failure, Errno::ACCESS))
        }
    }
}

/// Whether a file is on a file system of the kernel's own.
pub(super) fn is_the_kernels(file: impl std::os::fd::AsFd) -> io::Result<bool> {
    Ok(KERNEL_FILE_SYSTEMS.contains(&fstatfs(file)?.f_type))
}

fn retried(mut operation: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
