//! `wit/files.wit`: the standard streams.

use wasmtime::component::{Accessor, HasData};

use crate::bindings::tidelock::script::{files, types};
use crate::capability::View;
use crate::download::bars::Bars;
use crate::failure::Failure;
use crate::stdio::{StandardInput, StandardOutput};

/// The standard streams of one instance.
pub struct FilesCtx {
    stdout: StandardOutput,
    stderr: StandardOutput,
    stdin: StandardInput,
}

impl FilesCtx {
    /// The process's own standard output and error, written between the `bars`; standard input is
    /// shared by all instances.
    ///
    /// # Errors
    /// `io`: a descriptor cannot be duplicated.
    pub fn new(stdin: StandardInput, bars: &Bars) -> Result<Self, Failure> {
        let (stdout, stderr) = (StandardOutput::stdout(bars)?, StandardOutput::stderr(bars));
        Ok(Self { stdout, stderr, stdin })
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
