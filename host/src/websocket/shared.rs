//! What the two ends of a connection share: two bounded queues, and how far its life has gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use super::{Close, Incoming, Message, MessageKind, Settings, Summary};
use crate::budget::{Budget, Held};
use crate::failure::{Failure, Kind};
use crate::limits::{MAX_READ_AHEAD, MAX_STREAM_QUEUE, WS_MESSAGE_COST};

/// Room that an empty queue may keep for the next burst, in messages.
const KEPT: usize = 16;

/// Shared by the script's end and the socket's.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) budget: Arc<Budget>,
    state: Mutex<State>,
    /// There is something to read, or the connection has ended.
    arrived: Notify,
    /// Room of the queue to the peer, in bytes. Closed once nothing more may be queued.
    room: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct State {
    inbox: VecDeque<Message>,
    inbox_cost: usize,
    outbox: VecDeque<Outgoing>,
    /// What this end wants to close with.
    close: Option<Close>,
    /// How the connection ended: nothing more will arrive.
    ended: Option<Close>,
    /// Wakes the driver.
    driver: Option<Waker>,
    sent: u64,
    received: u64,
}

/// A message on its way to the peer. Its places are free again when it is dropped.
#[derive(Debug)]
pub(super) struct Outgoing {
    pub(super) kind: MessageKind,
    pub(super) data: Vec<u8>,
    _held: Held,
    _room: OwnedSemaphorePermit,
}

impl Shared {
    pub(super) fn new(settings: Settings, budget: Arc<Budget>) -> Self {
        Self {
            settings,
            budget,
            state: Mutex::default(),
            arrived: Notify::new(),
            room: Arc::new(Semaphore::new(MAX_STREAM_QUEUE)),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the script reads next.
    pub(super) fn take(&self) -> Option<Incoming> {
        let mut state = self.state();
        let Some(message) = state.inbox.pop_front() else {
            return state.ended.clone().map(Incoming::Closed);
        };
        let was_full = state.inbox_cost >= MAX_READ_AHEAD;
        state.inbox_cost -= cost(message.data.len());
        trim(&mut state.inbox);
        if was_full && state.inbox_cost < MAX_READ_AHEAD {
            wake(&mut state);
        }
        Some(Incoming::Message(message))
    }

    /// Waits until [`Self::take`] has something.
    pub(super) async fn readable(&self) {
        self.until(|state| !state.inbox.is_empty() || state.ended.is_some()).await;
    }

    /// Waits until the connection has ended.
    pub(super) async fn ended(&self) {
        self.until(|state| state.ended.is_some()).await;
    }

    async fn until(&self, condition: impl Fn(&State) -> bool) {
        loop {
            let mut notified = std::pin::pin!(self.arrived.notified());
            notified.as_mut().enable();
            if condition(&self.state()) {
                return;
            }
            notified.await;
        }
    }

    /// Queues a message once there is room for it, after those that came before it.
    pub(super) async fn write(
        self: Arc<Self>,
        kind: MessageKind,
        data: Vec<u8>,
    ) -> Result<(), Failure> {
        self.check(kind, &data)?;
        let cost = cost(data.len());
        let held = self.budget.try_hold(cost).ok_or_else(|| {
            Failure::new(Kind::Limit, "too many bytes wait for slow peers already")
        })?;
        // A message larger than the queue waits until it has the queue for itself.
        let places = u32::try_from(cost.min(MAX_STREAM_QUEUE)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).acquire_many_owned(places).await;
        let room = room.map_err(|_| self.closed())?;
        let mut state = self.state();
        if state.close.is_some() || state.ended.is_some() {
            drop(state);
            return Err(self.closed());
        }
        state.outbox.push_back(Outgoing { kind, data, _held: held, _room: room });
        wake(&mut state);
        Ok(())
    }

    fn check(&self, kind: MessageKind, data: &[u8]) -> Result<(), Failure> {
        if self.is_closed() {
            return Err(self.closed());
        }
        let max = self.settings.max_message;
        if data.len() > max {
            return Err(Failure::new(
                Kind::TooLarge,
                format!(
                    "the message has {} bytes, more than {max} (raise --max-ws-message)",
                    data.len()
                ),
            ));
        }
        if kind == MessageKind::Text && std::str::from_utf8(data).is_err() {
            return Err(Failure::new(
                Kind::Invalid,
                "text must be valid UTF-8 (pass { binary = true } to send any bytes)",
            ));
        }
        Ok(())
    }

    fn closed(&self) -> Failure {
        let code = self.state().ended.as_ref().map(|close| close.code);
        let message = match code {
            Some(Close::LOST) => "the connection is lost".to_owned(),
            Some(code) => format!("the connection is closed ({code})"),
            None => "the connection is closed".to_owned(),
        };
        Failure::new(Kind::Closed, message)
    }

    /// Asks for the connection to be closed; only the first reason counts.
    pub(super) fn begin_close(&self, close: Close) {
        let mut state = self.state();
        if state.close.is_none() && state.ended.is_none() {
            state.close = Some(close);
            self.room.close();
            wake(&mut state);
        }
    }

    /// What has been read ahead is not wanted any more.
    pub(super) fn forget_inbox(&self) {
        let mut state = self.state();
        state.inbox = VecDeque::new();
        state.inbox_cost = 0;
    }

    /// Whether nothing can be written any more.
    pub(super) fn is_closed(&self) -> bool {
        let state = self.state();
        state.close.is_some() || state.ended.is_some()
    }

    pub(super) fn summary(&self) -> Summary {
        let state = self.state();
        Summary {
            code: state.ended.as_ref().map(|close| close.code),
            sent: state.sent,
            received: state.received,
        }
    }
}

/// For the driver.
impl Shared {
    /// Lets the script's end wake the driver.
    pub(super) fn wake_by(&self, waker: &Waker) {
        let mut state = self.state();
        if !state.driver.as_ref().is_some_and(|known| known.will_wake(waker)) {
            state.driver = Some(waker.clone());
        }
    }

    /// What this end wants to close with, if it wants to.
    pub(super) fn close_wanted(&self) -> Option<Close> {
        self.state().close.clone()
    }

    /// Whether as much has been read ahead as may be.
    pub(super) fn is_full(&self) -> bool {
        self.state().inbox_cost >= MAX_READ_AHEAD
    }

    /// Hands a message to the script's end.
    pub(super) fn deliver(&self, message: Message) {
        let mut state = self.state();
        state.received = state.received.saturating_add(message.data.len() as u64);
        state.inbox_cost += cost(message.data.len());
        state.inbox.push_back(message);
        drop(state);
        self.arrived.notify_waiters();
    }

    /// The next message to send.
    pub(super) fn next_outgoing(&self) -> Option<Outgoing> {
        let mut state = self.state();
        let outgoing = state.outbox.pop_front()?;
        trim(&mut state.outbox);
        state.sent = state.sent.saturating_add(outgoing.data.len() as u64);
        Some(outgoing)
    }

    /// The connection has ended so; what has not been sent never will be. Only the first end counts.
    pub(super) fn end(&self, close: Close) {
        let mut state = self.state();
        state.outbox = VecDeque::new();
        if state.ended.is_none() {
            state.ended = Some(close);
            self.room.close();
            drop(state);
            self.arrived.notify_waiters();
        }
    }
}

/// What a message counts for.
pub(super) fn cost(bytes: usize) -> usize {
    bytes.saturating_add(WS_MESSAGE_COST)
}

fn wake(state: &mut State) {
    if let Some(driver) = state.driver.take() {
        driver.wake();
    }
}

/// A queue that was long once must not stay so on an idle connection.
fn trim<T>(queue: &mut VecDeque<T>) {
    if queue.is_empty() && queue.capacity() > KEPT {
        *queue = VecDeque::new();
    }
}
