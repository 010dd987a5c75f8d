//! Writing to standard output or standard error.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;

use crate::download::bars::Bars;
use crate::failure::{Failure, Kind, cause};

/// Bytes collected before they are written: as large as what C libraries collect for a pipe.
const BUFFER: usize = 8 * 1024;

/// When collected bytes are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Buffering {
    /// With every write.
    None,
    /// When a line is whole: somebody is watching.
    Line,
    /// When [`BUFFER`] is full, and then only whole lines as far as there are any, so that the
    /// lines of several workers do not mix.
    Block,
}

/// One instance's way to a standard stream. Each instance has its own, on the same descriptor.
pub struct StandardOutput {
    name: &'static str,
    to: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    buffering: Buffering,
    /// Whether the reader of the pipe is gone.
    closed: bool,
}

impl StandardOutput {
    /// Standard output: line by line to a terminal, else in blocks.
    ///
    /// # Errors
    /// `io`: the descriptor cannot be duplicated.
    pub fn stdout(bars: &Bars) -> Result<Self, Failure> {
        let stdout = io::stdout();
        let to = duplicate(&stdout)?;
        // What goes elsewhere does not disturb the bars.
        let (to, buffering) = match stdout.is_terminal() {
            true => (bars.around(to), Buffering::Line),
            false => (to, Buffering::Block),
        };
        Ok(Self::new("standard output", to, buffering))
    }

    /// Standard error: nothing is held back.
    pub fn stderr(bars: &Bars) -> Self {
        Self::new("standard error", bars.around(Box::new(io::stderr())), Buffering::None)
    }

    fn new(name: &'static str, to: Box<dyn Write + Send>, buffering: Buffering) -> Self {
        Self { name, to, buffer: Vec::new(), buffering, closed: false }
    }

    /// Collects all of `bytes` and writes what is due.
    ///
    /// # Errors
    /// - `closed`: the reader of the pipe is gone.
    /// - `io`: the operating system refused; what was collected is lost.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if self.closed {
            return Err(self.gone());
        }
        // What would not fit anyway takes no detour through the buffer.
        if bytes.len() >= BUFFER {
            self.flush()?;
            return self.put(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        let lines = self.buffer.iter().rposition(|b| *b == b'\n').map(|at| at + 1);
        let due = match self.buffering {
            Buffering::None => self.buffer.len(),
            Buffering::Line => lines.unwrap_or(0),
            Buffering::Block if self.buffer.len() < BUFFER => 0,
            Buffering::Block => lines.unwrap_or(self.buffer.len()),
        };
        let due = if self.buffer.len() - due >= BUFFER { self.buffer.len() } else { due };
        if due == 0 {
            return Ok(());
        }
        let rest = self.buffer.split_off(due);
        let ready = std::mem::replace(&mut self.buffer, rest);
        self.put(&ready)
    }

    /// Writes what was collected.
    ///
    /// # Errors
    /// As [`Self::write`].
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.closed {
            return Err(self.gone());
        }
        let ready = std::mem::take(&mut self.buffer);
        self.put(&ready)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self.to.write_all(bytes).and_then(|()| self.to.flush()) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                self.buffer = Vec::new();
                Err(self.gone())
            }
            Err(error) => {
                let message = format!("failed to write to {}: {}", self.name, cause(&error));
                Err(Failure::new(Kind::Io, message))
            }
        }
    }

    fn gone(&self) -> Failure {
        Failure::new(Kind::Closed, format!("{} is closed: nobody reads it any more", self.name))
    }
}

/// A descriptor of our own, past the buffer and the lock of the standard library.
fn duplicate(stream: &impl AsFd) -> Result<Box<dyn Write + Send>, Failure> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(descriptor) => Ok(Box::new(File::from(descriptor))),
        Err(error) => {
            let message = format!("failed to duplicate standard output: {}", cause(&error));
            Err(Failure::new(Kind::Io, message))
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Pipe(Arc<Mutex<PipeState>>);

    #[derive(Default)]
    struct PipeState {
        writes: Vec<Vec<u8>>,
        failure: Option<io::ErrorKind>,
    }

    impl Pipe {
        fn writes(&self) -> Vec<Vec<u8>> {
            self.0.lock().unwrap().writes.clone()
        }

        fn fail(&self, kind: Option<io::ErrorKind>) {
            self.0.lock().unwrap().failure = kind;
        }
    }

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut state = self.0.lock().unwrap();
            if let Some(kind) = state.failure {
                return Err(kind.into());
            }
            state.writes.push(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn output(buffering: Buffering) -> (StandardOutput, Pipe) {
        let pipe = Pipe::default();
        (StandardOutput::new("standard output", Box::new(pipe.clone()), buffering), pipe)
    }

    #[test]
    fn a_terminal_gets_every_whole_line_at_once() {
        let (mut out, pipe) = output(Buffering::Line);
        out.write(b"one").unwrap();
        assert!(pipe.writes().is_empty());
        out.write(b" line\nand").unwrap();
        assert_eq!(pipe.writes(), [b"one line\n"]);
        out.flush().unwrap();
        assert_eq!(pipe.writes().concat(), b"one line\nand");
    }

    #[test]
    fn a_pipe_gets_blocks_of_whole_lines() {
        let (mut out, pipe) = output(Buffering::Block);
        for number in 0..5000 {
            out.write(format!("line {number}\n").as_bytes()).unwrap();
        }
        assert!(pipe.writes().len() < 20);
        assert!(pipe.writes().iter().all(|block| block.ends_with(b"\n")));
        out.flush().unwrap();
        assert_eq!(pipe.writes().concat().iter().filter(|b| **b == b'\n').count(), 5000);
    }

    #[test]
    fn a_line_without_end_does_not_grow_the_buffer() {
        for buffering in [Buffering::Line, Buffering::Block] {
            let (mut out, _pipe) = output(buffering);
            for _ in 0..100_000 {
                out.write(b"xyz").unwrap();
                assert!(out.buffer.len() < BUFFER);
            }
        }
    }

    #[test]
    fn a_large_write_keeps_its_place() {
        let (mut out, pipe) = output(Buffering::Block);
        out.write(b"first ").unwrap();
        out.write(&vec![b'x'; BUFFER * 3]).unwrap();
        assert!(pipe.writes().concat().starts_with(b"first xxx"));
        assert_eq!(pipe.writes().concat().len(), 6 + BUFFER * 3);
    }

    #[test]
    fn a_reader_that_is_gone_gives_closed_and_stays_gone() {
        let (mut out, pipe) = output(Buffering::None);
        pipe.fail(Some(io::ErrorKind::BrokenPipe));
        assert_eq!(out.write(b"x").unwrap_err().kind, Kind::Closed);
        pipe.fail(None);
        assert_eq!(out.write(b"x").unwrap_err().kind, Kind::Closed);
        assert_eq!(out.flush().unwrap_err().kind, Kind::Closed);
    }

    #[test]
    fn another_refusal_is_reported_once_and_may_pass() {
        let (mut out, pipe) = output(Buffering::None);
        pipe.fail(Some(io::ErrorKind::StorageFull));
        assert_eq!(out.write(b"x").unwrap_err().kind, Kind::Io);
        pipe.fail(None);
        out.write(b"y").unwrap();
    }
}
