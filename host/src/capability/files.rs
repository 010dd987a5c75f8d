//! `wit/files.wit`: the standard streams and the files of granted folders.

use std::io::SeekFrom;
use std::sync::Arc;

use rustix::io::Errno;
use wasmtime::component::{Accessor, HasData, Resource};

use crate::bindings::tidelock::script::{files, types};
use crate::capability::View;
use crate::door::file::{self, Mode, OpenFile, Refused};
use crate::download::bars::Bars;
use crate::failure::{Failure, Kind};
use crate::limits::Limits;
use crate::stdio::{StandardInput, StandardOutput};

/// The capability's name in the audit log.
const CAPABILITY: &str = "files";

/// The standard streams and the files of one instance.
pub struct FilesCtx {
    stdout: StandardOutput,
    stderr: StandardOutput,
    stdin: StandardInput,
    files: Arc<file::Files>,
    max_file: Option<u64>,
    max_files: usize,
    open: usize,
}

impl FilesCtx {
    /// The process's own standard output and error, written between the `bars`; standard input is
    /// shared by all instances, and so are the `files`.
    ///
    /// # Errors
    /// `io`: a descriptor cannot be duplicated.
    pub fn new(
        stdin: StandardInput,
        bars: &Bars,
        files: Arc<file::Files>,
        limits: &Limits,
    ) -> Result<Self, Failure> {
        let (stdout, stderr) = (StandardOutput::stdout(bars)?, StandardOutput::stderr(bars));
        let (max_file, max_files) = (limits.max_file, limits.max_files);
        Ok(Self { stdout, stderr, stdin, files, max_file, max_files, open: 0 })
    }

    /// Writes what the script printed and what is still collected; for the end of a run, however
    /// it ended.
    ///
    /// # Errors
    /// - `closed`: the reader of the pipe is gone, which is nobody's fault at the end.
    /// - `io`: the operating system refused: part of the output is lost.
    pub fn finish(&mut self) -> Result<(), Failure> {
        self.stdout.flush()
    }

    fn open(&self, path: &[u8], mode: Mode) -> Result<OpenFile, Refused> {
        if self.open >= self.max_files {
            let max = self.max_files;
            let message = format!("{max} files are open (raise --max-files, or close some)");
            return Err(Refused::new(Failure::new(Kind::Limit, message), Errno::MFILE));
        }
        self.files.open_file(CAPABILITY, path, mode, self.max_file)
    }

    fn stream(&mut self, to: files::Output) -> &mut StandardOutput {
        match to {
            files::Output::Stdout => &mut self.stdout,
            files::Output::Stderr => &mut self.stderr,
        }
    }
}

/// The capability's place in the linker.
pub struct Files;

impl HasData for Files {
    type Data<'a> = View<'a, FilesCtx>;
}

impl files::Host for View<'_, FilesCtx> {
    fn write(
        &mut self,
        to: files::Output,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), types::Error>> {
        Ok(self.ctx.stream(to).write(&bytes).map_err(Into::into))
    }

    fn flush(&mut self, to: files::Output) -> wasmtime::Result<Result<(), types::Error>> {
        Ok(self.ctx.stream(to).flush().map_err(Into::into))
    }

    fn remove(&mut self, path: Vec<u8>) -> wasmtime::Result<Result<(), files::Failure>> {
        Ok(self.ctx.files.remove(CAPABILITY, &path).map_err(Into::into))
    }

    fn rename(
        &mut self,
        from: Vec<u8>,
        to: Vec<u8>,
    ) -> wasmtime::Result<Result<(), files::Failure>> {
        Ok(self.ctx.files.rename(CAPABILITY, &from, &to).map_err(Into::into))
    }
}

impl files::HostFile for View<'_, FilesCtx> {
    fn open(
        &mut self,
        path: Vec<u8>,
        mode: files::Mode,
    ) -> wasmtime::Result<Result<Resource<OpenFile>, files::Failure>> {
        Ok(match self.ctx.open(&path, mode.into()) {
            Ok(file) => {
                let file = self.table.push(file)?;
                self.ctx.open += 1;
                Ok(file)
            }
            Err(refused) => Err(refused.into()),
        })
    }

    fn read(
        &mut self,
        file: Resource<OpenFile>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, files::Failure>> {
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(self.table.get_mut(&file)?.read(max).map_err(Into::into))
    }

    fn write(
        &mut self,
        file: Resource<OpenFile>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<u32, files::Failure>> {
        // A 32-bit memory has no longer list.
        let count = |length| u32::try_from(length).unwrap_or(u32::MAX);
        Ok(self.table.get_mut(&file)?.write(&bytes).map(count).map_err(Into::into))
    }

    fn seek(
        &mut self,
        file: Resource<OpenFile>,
        from: files::Origin,
        offset: i64,
    ) -> wasmtime::Result<Result<u64, files::Failure>> {
        let to = match (from, u64::try_from(offset)) {
            (files::Origin::Start, Ok(offset)) => SeekFrom::Start(offset),
            (files::Origin::Start, Err(_)) => {
                return Ok(Err(Refused::system(Errno::INVAL).into()));
            }
            (files::Origin::Current, _) => SeekFrom::Current(offset),
            (files::Origin::End, _) => SeekFrom::End(offset),
        };
        Ok(self.table.get_mut(&file)?.seek(to).map_err(Into::into))
    }

    fn drop(&mut self, file: Resource<OpenFile>) -> wasmtime::Result<()> {
        self.table.delete(file)?;
        self.ctx.open = self.ctx.open.saturating_sub(1);
        Ok(())
    }
}

impl From<files::Mode> for Mode {
    fn from(mode: files::Mode) -> Self {
        match mode {
            files::Mode::Read => Self::Read,
            files::Mode::Write => Self::Write,
            files::Mode::Append => Self::Append,
            files::Mode::ReadUpdate => Self::ReadUpdate,
            files::Mode::WriteUpdate => Self::WriteUpdate,
            files::Mode::AppendUpdate => Self::AppendUpdate,
        }
    }
}

impl From<Refused> for files::Failure {
    fn from(Refused { failure, code }: Refused) -> Self {
        Self { error: failure.into(), code }
    }
}

impl<T> files::HostWithStore<T> for Files {
    async fn read(
        accessor: &Accessor<T, Self>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, types::Error>> {
        let stdin = accessor.with(|mut access| access.get().ctx.stdin.clone());
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(stdin.read(max).await.map_err(Into::into))
    }
}
