//! Reading standard input without keeping anybody waiting but the coroutine that asked.
//!
//! A read of standard input can take for ever and cannot be interrupted. It is therefore made by a
//! plain thread that nobody joins: the process ends while it still waits, which a task of tokio's
//! blocking pool would prevent (a runtime waits for the tasks it has begun). The thread reads only
//! when asked, so that input nobody wanted stays with the terminal or the next process. What it reads
//! for a wait that was cancelled meanwhile is kept for the next one.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;

use tokio::sync::Notify;

use crate::failure::{Failure, Kind, cause};
use crate::limits::MAX_CROSSING;

/// Standard input; clones share it, and one of them may wait at a time.
#[derive(Clone)]
pub struct StandardInput {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Signalled after each read of the thread.
    arrived: Notify,
}

/// What the thread and the readers share.
struct State {
    thread: Reader,
    /// What was read and not yet asked for.
    unread: Vec<u8>,
    /// How the last read failed, until somebody is told.
    failed: Option<io::Error>,
    /// Whether the end was read.
    ended: bool,
    /// Whether the thread is reading.
    reading: bool,
    /// Whether somebody waits.
    waiting: bool,
}

/// The thread's life: not begun → running.
enum Reader {
    /// Nobody asked yet; the thread will read from this.
    Idle(Option<Box<dyn Read + Send>>),
    /// Reads once for each message, and ends when the sender is dropped.
    Running(Sender<()>),
}

impl StandardInput {
    /// The process's standard input.
    ///
    /// # Errors
    /// `io`: the descriptor cannot be duplicated.
    pub fn stdin() -> Result<Self, Failure> {
        // A descriptor of our own, past the buffer of the standard library.
        let descriptor =
            io::stdin().as_fd().try_clone_to_owned().map_err(|error| failed(&error))?;
        Ok(Self::new(Box::new(File::from(descriptor))))
    }

    /// Reads from `source`, on a thread.
    pub fn new(source: Box<dyn Read + Send>) -> Self {
        let state = State {
            thread: Reader::Idle(Some(source)),
            unread: Vec::new(),
            failed: None,
            ended: false,
            reading: false,
            waiting: false,
        };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), arrived: Notify::new() }) }
    }

    /// Waits for bytes: at least one, at most `max` and at most 64 KiB. Empty at the end.
    ///
    /// Dropping the future loses no bytes.
    ///
    /// # Errors
    /// - `limit`: somebody else is waiting.
    /// - `io`: the operating system refused the read.
    pub async fn read(&self, max: usize) -> Result<Vec<u8>, Failure> {
        let _turn = Turn::take(&self.shared)?;
        loop {
            // At least one byte, because an empty answer means the end.
            if let Some(answer) = self.shared.answer(max.clamp(1, MAX_CROSSING)) {
                return answer;
            }
            self.shared.arrived.notified().await;
        }
    }
}

impl Shared {
    /// What there is to tell; if nothing, the thread has been asked to read.
    fn answer(self: &Arc<Self>, max: usize) -> Option<Result<Vec<u8>, Failure>> {
        let mut state = self.lock();
        if !state.unread.is_empty() {
            let unread = &mut state.unread;
            let rest = unread.split_off(max.min(unread.len()));
            return Some(Ok(std::mem::replace(unread, rest)));
        }
        if let Some(error) = state.failed.take() {
            return Some(Err(failed(&error)));
        }
        if state.ended {
            return Some(Ok(Vec::new()));
        }
        if !state.reading {
            if let Err(error) = self.ask(&mut state) {
                return Some(Err(failed(&error)));
            }
            state.reading = true;
        }
        None
    }

    /// Asks the thread for a read, beginning it if there is none yet.
    fn ask(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        if let Reader::Idle(source) = &mut state.thread {
            let source =
                source.take().ok_or_else(|| io::Error::other("its thread did not start"))?;
            let (requests, asked) = channel();
            let shared = Arc::downgrade(self);
            thread::Builder::new()
                .name("standard input".to_owned())
                .spawn(move || read_when_asked(source, &asked, &shared))?;
            state.thread = Reader::Running(requests);
        }
        match &state.thread {
            Reader::Running(requests) if requests.send(()).is_ok() => Ok(()),
            _ => Err(io::Error::other("its thread has ended")),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread. It holds the shared state weakly, or the sender in there would keep it alive.
fn read_when_asked(mut source: Box<dyn Read + Send>, asked: &Receiver<()>, shared: &Weak<Shared>) {
    let mut piece = vec![0; MAX_CROSSING];
    while asked.recv().is_ok() {
        let result = loop {
            match source.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        let Some(shared) = shared.upgrade() else { return };
        let mut state = shared.lock();
        match result {
            Ok(0) => state.ended = true,
            Ok(length) => state.unread.extend_from_slice(piece.get(..length).unwrap_or_default()),
            Err(error) => state.failed = Some(error),
        }
        state.reading = false;
        drop(state);
        shared.arrived.notify_one();
    }
}

/// The right to wait, given back when dropped.
struct Turn<'a>(&'a Shared);

impl<'a> Turn<'a> {
    fn take(shared: &'a Shared) -> Result<Self, Failure> {
        let mut state = shared.lock();
        if state.waiting {
            let message = "another coroutine is already waiting for standard input";
            return Err(Failure::new(Kind::Limit, message));
        }
        state.waiting = true;
        Ok(Self(shared))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting = false;
    }
}

fn failed(error: &io::Error) -> Failure {
    Failure::new(Kind::Io, format!("failed to read standard input: {}", cause(error)))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::collections::VecDeque;
    use std::time::Duration;

    use super::*;

    /// Gives a piece for each message.
    struct Script(Receiver<io::Result<Vec<u8>>>, VecDeque<u8>);

    impl Read for Script {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.1.is_empty() {
                match self.0.recv() {
                    Ok(piece) => self.1.extend(piece?),
                    Err(_) => return Ok(0),
                }
            }
            self.1.read(into)
        }
    }

    fn input() -> (StandardInput, Sender<io::Result<Vec<u8>>>) {
        let (sender, receiver) = channel();
        (StandardInput::new(Box::new(Script(receiver, VecDeque::new()))), sender)
    }

    fn block_on<F: Future>(future: F) -> F::Output {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn pieces_are_read_to_the_end_and_the_end_stays() {
        block_on(async {
            let (input, sender) = input();
            sender.send(Ok(b"hello".to_vec())).unwrap();
            assert_eq!(input.read(2).await.unwrap(), b"he");
            assert_eq!(input.read(0).await.unwrap(), b"l");
            assert_eq!(input.read(usize::MAX).await.unwrap(), b"lo");
            drop(sender);
            assert_eq!(input.read(5).await.unwrap(), b"");
            assert_eq!(input.read(5).await.unwrap(), b"");
        });
    }

    #[test]
    fn no_answer_is_larger_than_what_may_cross() {
        block_on(async {
            let (input, sender) = input();
            sender.send(Ok(vec![1; MAX_CROSSING * 2])).unwrap();
            assert_eq!(input.read(usize::MAX).await.unwrap().len(), MAX_CROSSING);
        });
    }

    #[test]
    fn a_cancelled_wait_loses_nothing() {
        block_on(async {
            let (input, sender) = input();
            let wait = tokio::time::timeout(Duration::from_millis(5), input.read(10));
            assert!(wait.await.is_err());
            sender.send(Ok(b"late".to_vec())).unwrap();
            assert_eq!(input.read(10).await.unwrap(), b"late");
        });
    }

    #[test]
    fn one_may_wait_at_a_time() {
        block_on(async {
            let (input, sender) = input();
            let other = input.clone();
            let first = input.read(10);
            let second = async {
                let failure = other.read(10).await.unwrap_err();
                sender.send(Ok(b"x".to_vec())).unwrap();
                failure
            };
            let (first, second) = tokio::join!(first, second);
            assert_eq!((first.unwrap(), second.kind), (b"x".to_vec(), Kind::Limit));
        });
    }

    #[test]
    fn a_failure_is_told_once() {
        block_on(async {
            let (input, sender) = input();
            sender.send(Err(io::Error::other("broken"))).unwrap();
            sender.send(Ok(b"x".to_vec())).unwrap();
            let failure = input.read(10).await.unwrap_err();
            assert_eq!(failure.message, "failed to read standard input: broken");
            assert_eq!(input.read(10).await.unwrap(), b"x");
        });
    }
}
