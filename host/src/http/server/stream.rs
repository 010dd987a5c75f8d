//! A response body that the guest writes while the connection sends it.
//!
//! Two ends share a bounded queue: [`OutgoingBody`], which the guest holds, and [`StreamedBody`], which
//! hyper reads. Either end may go first.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep};

use super::Shared;
use super::connections::Mode;
use super::log_entry::LogEntry;
use super::progress::Progress;
use crate::budget::{Budget, Held};
use crate::failure::{Failure, Kind};
use crate::limits::{MAX_STREAM_QUEUE, MAX_STREAM_WRITE};

/// A comment: a line that event-stream parsers ignore (HTML standard, section 9.2.6). No empty line
/// follows: some take that for the end of an event without data.
const COMMENT: &[u8] = b":\n";

/// What a streamed response carries, as `http-server.stream-kind` in `wit/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// Any bytes.
    Bytes,
    /// Server-sent events.
    Events,
}

/// The guest's end. Dropping it before [`Self::finish`] breaks the connection.
#[derive(Debug)]
pub struct OutgoingBody {
    stream: Arc<Stream>,
    budget: Arc<Budget>,
}

/// hyper's end. Dropping it tells the guest that nobody reads any more.
pub(super) struct StreamedBody {
    stream: Arc<Stream>,
    shared: Arc<Shared>,
    progress: Arc<Progress>,
    id: u64,
    kind: StreamKind,
    /// Runs in silence; made when first needed.
    silence: Option<Pin<Box<Sleep>>>,
    /// The stream has been given up, and hyper has had its turn to send what came before.
    breaks: bool,
    entry: Option<Box<LogEntry>>,
}

#[derive(Debug, Default)]
struct Stream {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    queue: BytesMut,
    /// Counts the queue while it is held.
    held: Vec<Held>,
    reader: Option<Waker>,
    /// Writes that wait, in their order.
    writers: VecDeque<(u64, Waker)>,
    last_writer: u64,
}

/// The life of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// Both ends are there. Then any other.
    #[default]
    Open,
    /// The guest has written everything.
    Finished,
    /// The guest has given up.
    Aborted,
    /// Nobody reads any more.
    Gone,
}

/// Makes a stream for the request `id`.
pub(super) fn pair(
    shared: &Arc<Shared>,
    progress: &Arc<Progress>,
    id: u64,
    kind: StreamKind,
) -> (OutgoingBody, StreamedBody) {
    let stream = Arc::new(Stream::default());
    let body = StreamedBody {
        stream: Arc::clone(&stream),
        shared: Arc::clone(shared),
        progress: Arc::clone(progress),
        id,
        kind,
        silence: None,
        breaks: false,
        entry: None,
    };
    (OutgoingBody { stream, budget: Arc::clone(&shared.budget) }, body)
}

impl OutgoingBody {
    /// Hands `bytes` over as soon as there is room for them.
    pub fn write(&self, bytes: Vec<u8>) -> Write {
        let entry = if bytes.len() > MAX_STREAM_WRITE {
            Err(Failure::new(
                Kind::TooLarge,
                format!(
                    "{} bytes are more than one write can have, {MAX_STREAM_WRITE}",
                    bytes.len()
                ),
            ))
        } else {
            self.budget.try_hold(bytes.len()).map(|held| (bytes, held)).ok_or_else(|| {
                Failure::new(Kind::Limit, "the streams together hold too much for slow clients")
            })
        };
        Write { stream: Arc::clone(&self.stream), number: 0, entry: Some(entry) }
    }

    /// The body is complete.
    pub fn finish(&self) {
        self.end(Phase::Finished);
    }

    /// Breaks the connection.
    pub fn abort(&self) {
        self.end(Phase::Aborted);
    }

    fn end(&self, phase: Phase) {
        let mut state = self.stream.state();
        if state.phase == Phase::Open {
            state.phase = phase;
            state.wake_reader();
            state.writers.iter().for_each(|(_, waker)| waker.wake_by_ref());
        }
    }
}

impl Drop for OutgoingBody {
    fn drop(&mut self) {
        self.end(Phase::Aborted);
    }
}

/// A write that waits for its turn.
#[derive(Debug)]
pub struct Write {
    stream: Arc<Stream>,
    /// Its number among those that wait; 0 if it does not.
    number: u64,
    /// Taken when it is over.
    entry: Option<Result<(Vec<u8>, Held), Failure>>,
}

impl Future for Write {
    type Output = Result<(), Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (bytes, held) = match self.entry.take() {
            Some(Ok(entry)) => entry,
            Some(Err(failure)) => return Poll::Ready(Err(failure)),
            None => return Poll::Ready(Ok(())),
        };
        let stream = Arc::clone(&self.stream);
        let mut state = stream.state();
        if state.phase != Phase::Open {
            return Poll::Ready(Err(Failure::new(Kind::Closed, "the client is gone")));
        }
        let first = state.writers.front().is_none_or(|(number, _)| *number == self.number);
        let fits = state.queue.is_empty() || state.queue.len() + bytes.len() <= MAX_STREAM_QUEUE;
        if !first || !fits {
            self.number = state.wait(self.number, context.waker());
            self.entry = Some(Ok((bytes, held)));
            return Poll::Pending;
        }
        state.leave(std::mem::take(&mut self.number));
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        match state.queue.is_empty() {
            true => state.queue = BytesMut::from(Bytes::from(bytes)),
            false => state.queue.extend_from_slice(&bytes),
        }
        state.held.push(held);
        state.wake_reader();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if self.number != 0 {
            self.stream.state().leave(self.number);
        }
    }
}

impl Stream {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake_reader(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    /// Puts the write `number` where it was among those that wait, a new one (0) last; gives its number.
    fn wait(&mut self, number: u64, waker: &Waker) -> u64 {
        if let Some((_, known)) = self.writers.iter_mut().find(|(other, _)| *other == number) {
            known.clone_from(waker);
            return number;
        }
        self.last_writer += 1;
        self.writers.push_back((self.last_writer, waker.clone()));
        self.last_writer
    }

    /// The write `number` does not wait any more.
    fn leave(&mut self, number: u64) {
        self.writers.retain(|(other, _)| *other != number);
        self.wake_writer();
    }

    /// The first write that waits may have its turn.
    fn wake_writer(&self) {
        if let Some((_, waker)) = self.writers.front() {
            waker.wake_by_ref();
        }
    }

    /// Everything that waits, and room for more. It counts against the budget until it is sent.
    fn take_queue(&mut self) -> Bytes {
        let taken = Taken {
            bytes: std::mem::take(&mut self.queue).freeze(),
            _held: std::mem::take(&mut self.held),
        };
        self.wake_writer();
        Bytes::from_owner(taken)
    }

    /// Nobody reads any more: nothing is held, and whoever waits is told.
    fn abandon(&mut self) {
        self.phase = Phase::Gone;
        self.queue = BytesMut::new();
        self.held = Vec::new();
        self.writers.iter().for_each(|(_, waker)| waker.wake_by_ref());
    }
}

/// What hyper has taken and may not have sent yet.
struct Taken {
    bytes: Bytes,
    _held: Vec<Held>,
}

impl AsRef<[u8]> for Taken {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl StreamedBody {
    /// The access log's entry is complete when this body is.
    pub(super) fn log(&mut self, entry: Box<LogEntry>) {
        self.entry = Some(entry);
    }

    /// The next frame that is there; the outer `Option` is none while there is none.
    fn next(&mut self, context: &Context<'_>) -> Option<Option<Result<Bytes, Broken>>> {
        let mut state = self.stream.state();
        if !state.queue.is_empty() {
            return Some(Some(Ok(state.take_queue())));
        }
        let stops =
            self.kind == StreamKind::Events && self.shared.connections.mode() >= Mode::Stopping;
        match state.phase {
            Phase::Open if stops => Some(None),
            Phase::Open => {
                match &state.reader {
                    Some(waker) if waker.will_wake(context.waker()) => {}
                    _ => state.reader = Some(context.waker().clone()),
                }
                None
            }
            Phase::Finished | Phase::Gone => Some(None),
            Phase::Aborted if self.breaks => Some(Some(Err(Broken))),
            // hyper would throw away what it has not sent yet.
            Phase::Aborted => {
                self.breaks = true;
                context.waker().wake_by_ref();
                None
            }
        }
    }

    /// Whether it is time for a comment; if not, the task is woken then.
    fn is_silent(&mut self, period: Duration, context: &mut Context<'_>) -> bool {
        let silence = self.silence.get_or_insert_with(|| Box::pin(sleep(period)));
        if silence.as_mut().poll(context).is_pending() {
            return false;
        }
        self.restart_silence(period);
        if let Some(silence) = &mut self.silence {
            // Only a poll makes it wake us.
            let _ = silence.as_mut().poll(context);
        }
        true
    }

    fn restart_silence(&mut self, period: Duration) {
        if let Some(silence) = &mut self.silence
            && let Some(at) = Instant::now().checked_add(period)
        {
            silence.as_mut().reset(at);
        }
    }
}

impl Body for StreamedBody {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let period = match self.kind {
            StreamKind::Events => self.shared.settings.limits.sse_keep_alive,
            StreamKind::Bytes => None,
        };
        if let Some(next) = self.next(context) {
            if let Some(period) = period {
                self.restart_silence(period);
            }
            if let (Some(entry), Some(Ok(piece))) = (&mut self.entry, &next) {
                entry.sent(piece.len() as u64);
            }
            return Poll::Ready(next.map(|piece| piece.map(Frame::data)));
        }
        match period {
            Some(period) if self.is_silent(period, context) => {
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(COMMENT)))))
            }
            _ => Poll::Pending,
        }
    }
}

impl Drop for StreamedBody {
    fn drop(&mut self) {
        let lost = {
            let mut state = self.stream.state();
            let lost = state.phase == Phase::Open;
            state.abandon();
            lost
        };
        self.progress.answered(Instant::now(), false);
        if lost {
            self.shared.stream_lost(self.id);
        }
    }
}

/// The guest gave the stream up; makes hyper break the connection.
#[derive(Debug)]
pub(super) struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the response was given up")
    }
}

impl std::error::Error for Broken {}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;

    fn body(budget: u64) -> OutgoingBody {
        OutgoingBody { stream: Arc::default(), budget: Budget::new(budget) }
    }

    /// What a write comes to; none if it waits.
    fn poll(write: Pin<&mut Write>) -> Option<Result<(), Kind>> {
        match write.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(outcome) => Some(outcome.map_err(|failure| failure.kind)),
            Poll::Pending => None,
        }
    }

    fn write(body: &OutgoingBody, bytes: usize) -> Option<Result<(), Kind>> {
        poll(pin!(body.write(vec![b'x'; bytes])))
    }

    #[test]
    fn writes_are_taken_until_the_queue_is_full_and_then_wait_for_the_reader() {
        let body = body(u64::MAX);
        assert_eq!(write(&body, MAX_STREAM_QUEUE - 1), Some(Ok(())));
        assert_eq!(write(&body, 1), Some(Ok(())));
        let mut waiting = pin!(body.write(vec![b'y']));
        assert_eq!(poll(waiting.as_mut()), None);
        assert_eq!(body.stream.state().take_queue().len(), MAX_STREAM_QUEUE);
        assert_eq!(poll(waiting), Some(Ok(())));
        assert_eq!(body.stream.state().take_queue().as_ref(), b"y");
    }

    #[test]
    fn a_write_larger_than_the_queue_has_it_for_itself() {
        let body = body(u64::MAX);
        assert_eq!(write(&body, MAX_STREAM_WRITE), Some(Ok(())));
        assert_eq!(write(&body, 1), None);
        assert_eq!(write(&body, MAX_STREAM_WRITE + 1), Some(Err(Kind::TooLarge)));
    }

    #[test]
    fn all_streams_together_hold_no_more_than_their_budget() {
        let body = body(100);
        assert_eq!(write(&body, 60), Some(Ok(())));
        assert_eq!(write(&body, 41), Some(Err(Kind::Limit)));
        assert_eq!(write(&body, 40), Some(Ok(())));
        // A write that waits counts too, and is given back when it is cancelled.
        assert_eq!(write(&body, 1), Some(Err(Kind::Limit)));
        let sending = body.stream.state().take_queue();
        assert_eq!(write(&body, 1), Some(Err(Kind::Limit)));
        drop(sending);
        assert_eq!(write(&body, 100), Some(Ok(())));
    }

    #[test]
    fn writes_that_wait_are_taken_in_their_order_and_let_nobody_pass() {
        let body = body(u64::MAX);
        assert_eq!(write(&body, MAX_STREAM_QUEUE), Some(Ok(())));
        let mut large = pin!(body.write(vec![b'l'; MAX_STREAM_QUEUE]));
        let mut cancelled = Box::pin(body.write(vec![b'c']));
        let mut small = pin!(body.write(vec![b's']));
        assert_eq!(poll(large.as_mut()), None);
        assert_eq!(poll(cancelled.as_mut()), None);
        assert_eq!(poll(small.as_mut()), None);
        drop(body.stream.state().take_queue());
        assert_eq!(poll(small.as_mut()), None);
        drop(cancelled);
        assert_eq!(poll(large.as_mut()), Some(Ok(())));
        drop(body.stream.state().take_queue());
        assert_eq!(poll(small.as_mut()), Some(Ok(())));
    }

    #[test]
    fn nothing_is_taken_after_the_end_whoever_ended_it() {
        for phase in [Phase::Finished, Phase::Aborted, Phase::Gone] {
            let body = body(u64::MAX);
            assert_eq!(write(&body, MAX_STREAM_QUEUE), Some(Ok(())));
            let mut waiting = pin!(body.write(vec![b'y']));
            assert_eq!(poll(waiting.as_mut()), None);
            body.stream.state().phase = phase;
            assert_eq!(poll(waiting), Some(Err(Kind::Closed)));
            assert_eq!(write(&body, 1), Some(Err(Kind::Closed)));
        }
    }
}
