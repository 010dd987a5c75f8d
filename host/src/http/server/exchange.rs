//! The requests a server holds, and the events its guest is told about them.
//!
//! A request waits in a queue until the guest takes it, is then with its handler until it is answered,
//! and is forgotten as soon as it is answered, its client is gone or its time is up.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use hyper::body::Incoming;

use super::Event;
use super::link::{Answer, Link};
use super::load::{Load, Share};
use super::upgrade::Handshake;
use crate::limits::{MAX_CROSSING, MAX_EVENTS, MAX_INLINE_BODY};

/// A request for the guest.
#[derive(Debug)]
pub(super) struct Request {
    /// The connection to answer on.
    pub(super) link: Arc<Link>,
    /// The head as `wit/http-server.wit` lays it out.
    pub(super) head: Vec<u8>,
    /// The body, from the point the guest has read to.
    pub(super) body: Bytes,
    /// Counts the body while it is held.
    pub(super) share: Option<Share>,
    /// The body, if it has not been taken in.
    pub(super) coming: Option<Incoming>,
    /// What the client asks for, if it asks for a WebSocket.
    pub(super) handshake: Option<Box<Handshake>>,
}

/// Why a request is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// As many as allowed are waiting for the guest.
    Full,
    /// The instance that would answer is gone.
    Abandoned,
}

#[derive(Debug)]
struct Exchange {
    request: Request,
    delivered: bool,
    /// Whether it counts as being with its handler.
    counted: bool,
}

/// The exchanges of one server.
#[derive(Debug)]
pub(super) struct Exchanges {
    load: Arc<Load>,
    max_in_flight: usize,
    last_id: u64,
    open: HashMap<u64, Exchange, BuildHasherDefault<IdHasher>>,
    /// Requests for the guest, in order; those not in `open` any more are skipped.
    queue: VecDeque<u64>,
    /// Delivered requests whose handlers must stop. Never more than there are connections.
    gone: VecDeque<u64>,
    guest: Option<Waker>,
    abandoned: bool,
    stopped: bool,
}

impl Exchanges {
    /// No exchanges yet. At most `max_in_flight` are with their handlers, and as many wait.
    pub(super) fn new(load: Arc<Load>, max_in_flight: usize) -> Self {
        Self {
            load,
            max_in_flight,
            last_id: 0,
            open: HashMap::default(),
            queue: VecDeque::new(),
            gone: VecDeque::new(),
            guest: None,
            abandoned: false,
            stopped: false,
        }
    }

    /// Queues a request for the guest and gives its id; the second value is to be woken.
    pub(super) fn submit(&mut self, request: Request) -> Result<(u64, Option<Waker>), Refusal> {
        if self.abandoned {
            return Err(Refusal::Abandoned);
        }
        if self.queue.len() >= self.max_in_flight {
            let open = &self.open;
            self.queue.retain(|id| open.contains_key(id));
            if self.queue.len() >= self.max_in_flight {
                return Err(Refusal::Full);
            }
        }
        self.last_id += 1;
        let id = self.last_id;
        self.open.insert(id, Exchange { request, delivered: false, counted: false });
        self.queue.push_back(id);
        Ok((id, self.guest.take()))
    }

    /// The events that are there, or a wait for the first.
    pub(super) fn poll_events(&mut self, context: &Context<'_>) -> Poll<Vec<Event>> {
        let mut events = Vec::new();
        while events.len() < MAX_EVENTS {
            let Some(id) = self.gone.pop_front() else { break };
            events.push(Event::Gone(id));
        }
        let mut room = MAX_CROSSING;
        while events.len() < MAX_EVENTS {
            let Some(id) = self.queue.front().copied() else { break };
            let Some(exchange) = self.open.get_mut(&id) else {
                self.queue.pop_front();
                continue;
            };
            let request = &mut exchange.request;
            let inline = request.body.len().min(MAX_INLINE_BODY);
            let inline = inline.min(MAX_CROSSING.saturating_sub(request.head.len()));
            let size = request.head.len() + inline;
            if size > room && !events.is_empty() {
                break;
            }
            if !self.load.enter(self.max_in_flight, context.waker()) {
                break;
            }
            room = room.saturating_sub(size);
            self.queue.pop_front();
            exchange.delivered = true;
            exchange.counted = true;
            let body = Vec::from(request.body.split_to(inline));
            if request.body.is_empty() {
                request.share = None;
            }
            events.push(Event::Request(super::Request {
                id,
                head: std::mem::take(&mut request.head),
                body,
                body_rest: request.body.len() as u64,
                body_coming: request.coming.is_some(),
            }));
        }
        if events.is_empty() && self.stopped {
            events.push(Event::Stopped);
        }
        if events.is_empty() {
            self.guest = Some(context.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(events)
    }

    /// The body of a request that has not been taken in, and its connection; the first time.
    pub(super) fn take_coming(&mut self, id: u64) -> Option<(Incoming, Arc<Link>)> {
        let request = &mut self.open.get_mut(&id)?.request;
        Some((request.coming.take()?, Arc::clone(&request.link)))
    }

    /// As [`Self::take_coming`], for a body that is taken in now. Until that is done the request does not
    /// count as being with its handler.
    pub(super) fn begin_collecting(&mut self, id: u64) -> Option<(Incoming, Arc<Link>)> {
        let coming = self.take_coming(id)?;
        if let Some(exchange) = self.open.get_mut(&id)
            && std::mem::take(&mut exchange.counted)
        {
            self.load.leave();
        }
        Some(coming)
    }

    /// Gives a request the body that was taken in, as soon as it may be with its handler again. False if
    /// it is gone.
    pub(super) fn poll_collected(
        &mut self,
        id: u64,
        body: &mut Option<(Bytes, Share)>,
        context: &Context<'_>,
    ) -> Poll<bool> {
        let Some(exchange) = self.open.get_mut(&id) else { return Poll::Ready(false) };
        if !self.load.enter(self.max_in_flight, context.waker()) {
            return Poll::Pending;
        }
        exchange.counted = true;
        if let Some((body, share)) = body.take() {
            exchange.request.body = body;
            exchange.request.share = Some(share);
        }
        Poll::Ready(true)
    }

    fn leave(&self, exchange: &Exchange) {
        if exchange.counted {
            self.load.leave();
        }
    }

    /// The next piece of a request's body; empty at its end and for a request that is gone.
    pub(super) fn read_body(&mut self, id: u64) -> Vec<u8> {
        let Some(exchange) = self.open.get_mut(&id) else { return Vec::new() };
        let request = &mut exchange.request;
        let piece = request.body.split_to(request.body.len().min(MAX_CROSSING)).to_vec();
        if request.body.is_empty() {
            request.share = None;
            request.body = Bytes::new();
        }
        piece
    }

    /// Ends the exchange of a delivered request, whose connection waits for the answer.
    pub(super) fn take(&mut self, id: u64) -> Option<Request> {
        if !self.open.get(&id)?.delivered {
            return None;
        }
        let exchange = self.open.remove(&id)?;
        self.leave(&exchange);
        Some(exchange.request)
    }

    /// The stream that answered a request has ended before the guest ended it. Gives who is to be woken.
    pub(super) fn stream_lost(&mut self, id: u64) -> Option<Waker> {
        if self.abandoned {
            return None;
        }
        self.gone.push_back(id);
        self.guest.take()
    }

    /// Ends the exchange of a request that no handler shall answer any more, and tells the guest if it
    /// knows of it. Gives who is to be woken.
    pub(super) fn forget(&mut self, id: u64) -> Option<Waker> {
        let exchange = self.open.remove(&id)?;
        if !exchange.delivered {
            return None;
        }
        self.leave(&exchange);
        self.gone.push_back(id);
        self.guest.take()
    }

    /// Answers every request for an instance that has died; takes in no more.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.guest = None;
        self.queue.clear();
        self.gone.clear();
        for (_, exchange) in self.open.drain() {
            if exchange.counted {
                self.load.leave();
            }
            exchange.request.link.answer(Answer::Abandoned);
        }
    }

    /// Every connection is closed: the last event. Gives who is to be woken.
    pub(super) fn stopped(&mut self) -> Option<Waker> {
        self.stopped = true;
        self.guest.take()
    }
}

/// Spreads the ids, which this module counts up itself and no peer can choose.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, id: u64) {
        // 2^64 divided by the golden ratio: neighbours land far apart in the high bits, which the
        // table looks at first.
        self.0 = (self.0 ^ id).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;

    fn exchanges(max_in_flight: usize) -> Exchanges {
        Exchanges::new(Arc::new(Load::default()), max_in_flight)
    }

    fn submit(exchanges: &mut Exchanges, head: usize, body: usize) -> Result<u64, Refusal> {
        let request = Request {
            link: Arc::new(Link::new(([127, 0, 0, 1], 1).into())),
            head: vec![b'h'; head],
            body: Bytes::from(vec![b'b'; body]),
            share: None,
            coming: None,
            handshake: None,
        };
        exchanges.submit(request).map(|(id, _)| id)
    }

    fn events(exchanges: &mut Exchanges) -> Vec<String> {
        match exchanges.poll_events(&Context::from_waker(Waker::noop())) {
            Poll::Pending => Vec::new(),
            Poll::Ready(events) => events
                .into_iter()
                .map(|event| match event {
                    Event::Request(request) => {
                        assert!(request.head.len() + request.body.len() <= MAX_CROSSING);
                        format!("{}+{}", request.id, request.body_rest)
                    }
                    Event::Gone(id) => format!("gone {id}"),
                    Event::Stopped => "stopped".to_owned(),
                })
                .collect(),
        }
    }

    #[test]
    fn events_come_in_order_and_at_most_a_batch_at_once() {
        let mut exchanges = exchanges(100);
        for _ in 0..MAX_EVENTS + 1 {
            submit(&mut exchanges, 1, 0).unwrap();
        }
        assert_eq!(events(&mut exchanges).len(), MAX_EVENTS);
        assert_eq!(events(&mut exchanges), ["17+0"]);
        assert!(events(&mut exchanges).is_empty());
    }

    #[test]
    fn a_batch_is_no_larger_than_one_crossing() {
        let mut exchanges = exchanges(100);
        submit(&mut exchanges, 10, MAX_INLINE_BODY).unwrap();
        submit(&mut exchanges, 10, MAX_INLINE_BODY).unwrap();
        submit(&mut exchanges, MAX_CROSSING, 5).unwrap();
        assert_eq!(events(&mut exchanges), ["1+0"]);
        assert_eq!(events(&mut exchanges), ["2+0"]);
        assert_eq!(events(&mut exchanges), ["3+5"]);
        assert_eq!(exchanges.read_body(3), b"bbbbb");
        assert_eq!(exchanges.read_body(3), b"");
        assert_eq!(exchanges.read_body(99), b"");
    }

    #[test]
    fn requests_beyond_the_limit_wait_and_beyond_that_are_refused() {
        let mut exchanges = exchanges(1);
        submit(&mut exchanges, 1, 0).unwrap();
        assert_eq!(submit(&mut exchanges, 1, 0), Err(Refusal::Full));
        assert_eq!(events(&mut exchanges), ["1+0"]);
        submit(&mut exchanges, 1, 0).unwrap();
        assert!(events(&mut exchanges).is_empty());
        assert!(exchanges.take(2).is_none(), "the guest has not seen it");
        assert!(exchanges.take(1).is_some());
        assert!(exchanges.take(1).is_none());
        assert_eq!(events(&mut exchanges), ["2+0"]);
    }

    #[test]
    fn clients_that_go_before_their_turn_leave_no_trace() {
        let mut exchanges = exchanges(2);
        for _ in 0..100 {
            let id = submit(&mut exchanges, 1, 0).unwrap();
            exchanges.forget(id);
        }
        assert!(exchanges.queue.len() <= 2);
        assert!(events(&mut exchanges).is_empty());
    }

    #[test]
    fn the_guest_is_told_of_a_client_that_goes_while_its_handler_runs() {
        let mut exchanges = exchanges(1);
        let id = submit(&mut exchanges, 1, 0).unwrap();
        events(&mut exchanges);
        let next = submit(&mut exchanges, 1, 0).unwrap();
        exchanges.forget(id);
        assert_eq!(events(&mut exchanges), [format!("gone {id}"), format!("{next}+0")]);
        assert!(exchanges.take(id).is_none());
    }

    #[test]
    fn an_abandoned_server_answers_all_and_takes_no_more() {
        let mut exchanges = exchanges(2);
        submit(&mut exchanges, 1, 0).unwrap();
        submit(&mut exchanges, 1, 0).unwrap();
        let links: Vec<_> =
            exchanges.open.values().map(|open| Arc::clone(&open.request.link)).collect();
        events(&mut exchanges);
        exchanges.abandon();
        for link in links {
            match link.poll_answer(&Context::from_waker(Waker::noop())) {
                Poll::Ready(Answer::Abandoned) => {}
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(submit(&mut exchanges, 1, 0), Err(Refusal::Abandoned));
        assert!(exchanges.load.enter(1, Waker::noop()));
    }

    #[test]
    fn stopped_is_the_last_event_and_stays() {
        let mut exchanges = exchanges(2);
        submit(&mut exchanges, 1, 0).unwrap();
        exchanges.stopped();
        assert_eq!(events(&mut exchanges), ["1+0"]);
        assert_eq!(events(&mut exchanges), ["stopped"]);
        assert_eq!(events(&mut exchanges), ["stopped"]);
    }
}
