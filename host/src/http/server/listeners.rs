//! The listening sockets of a process, shared by its workers.
//!
//! Each socket is bound once. Every worker accepts on a duplicate of its descriptor, so that they share
//! one backlog; and because the registry keeps the socket, connections wait there while an instance that
//! has crashed is replaced. A server that stops in an orderly way gives its socket back; when no worker
//! uses it any more, it is closed.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpSocket;

use crate::failure::{Failure, Kind};
use crate::grants::listen::CheckedListen;

/// Connections that may wait in the kernel; it takes less if its own limit is lower.
const BACKLOG: u32 = 1024;

/// The address as it was asked for, and which of a worker's servers of that address it is: two servers on
/// port 0 are two sockets, and the first is the first in every worker.
type Key = (SocketAddr, usize);

/// The sockets of a process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Listeners {
    sockets: Arc<Mutex<HashMap<Key, Socket>>>,
}

#[derive(Debug)]
struct Socket {
    listener: TcpListener,
    users: usize,
}

/// The sockets as one instance uses them.
#[derive(Debug)]
pub(crate) struct InstanceListeners {
    listeners: Listeners,
    taken: Arc<Mutex<BTreeSet<Key>>>,
}

/// The use of a socket by one server.
#[derive(Debug)]
pub(super) struct Lease {
    listeners: Listeners,
    taken: Arc<Mutex<BTreeSet<Key>>>,
    key: Key,
    left: bool,
}

impl Listeners {
    /// The sockets for a new instance, which asks for the same ones in the same order as its siblings
    /// and as the instance it replaces.
    pub(crate) fn for_instance(&self) -> InstanceListeners {
        InstanceListeners { listeners: self.clone(), taken: Arc::default() }
    }

    /// Closes the sockets that no instance uses: a new instance did not ask for them again.
    pub(crate) fn close_unused(&self) {
        self.sockets().retain(|_, socket| socket.users > 0);
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<Key, Socket>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn share(&self, key: Key) -> io::Result<TcpListener> {
        let mut sockets = self.sockets();
        if let Some(socket) = sockets.get_mut(&key) {
            let listener = socket.listener.try_clone()?;
            socket.users += 1;
            return Ok(listener);
        }
        let listener = bind(key.0)?;
        let shared = listener.try_clone()?;
        sockets.insert(key, Socket { listener, users: 1 });
        Ok(shared)
    }
}

impl InstanceListeners {
    /// The socket for the next server on this address. Needs a tokio runtime.
    pub(super) fn open(&self, checked: &CheckedListen) -> Result<(TcpListener, Lease), Failure> {
        let address = checked.address();
        let key = {
            let mut taken = lock(&self.taken);
            let mut key = (address, 0);
            while !taken.insert(key) {
                key.1 += 1;
            }
            key
        };
        match self.listeners.share(key) {
            Ok(listener) => {
                let (listeners, taken) = (self.listeners.clone(), Arc::clone(&self.taken));
                Ok((listener, Lease { listeners, taken, key, left: false }))
            }
            Err(error) => {
                lock(&self.taken).remove(&key);
                Err(Failure::new(Kind::Io, format!("bind failed: {address}: {error}")))
            }
        }
    }
}

impl Lease {
    /// The server uses the socket no more. It stays open, for whoever asks for this address next: the
    /// instance that replaces a crashed one, or the same script a moment later.
    pub(super) fn leave(&mut self) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        lock(&self.taken).remove(&self.key);
        if let Some(socket) = self.listeners.sockets().get_mut(&self.key) {
            socket.users = socket.users.saturating_sub(1);
        }
    }

    /// Gives the socket back for good: if nobody uses it by now, it is closed.
    pub(super) fn release(&mut self) {
        self.leave();
        let mut sockets = self.listeners.sockets();
        if sockets.get(&self.key).is_some_and(|socket| socket.users == 0) {
            sockets.remove(&self.key);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leave();
    }
}

fn lock(taken: &Mutex<BTreeSet<Key>>) -> MutexGuard<'_, BTreeSet<Key>> {
    taken.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(clippy::disallowed_methods, reason = "the address comes from a checked grant")]
fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server must not wait for the old connections' TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::grants::listen::ListenGrants;

    fn checked(rule: &str) -> CheckedListen {
        let mut grants = ListenGrants::default();
        grants.allow(rule).unwrap();
        let port = rule.rsplit(':').next().unwrap().parse().unwrap();
        grants.check(port).unwrap()
    }

    fn address(listener: &TcpListener) -> SocketAddr {
        listener.local_addr().unwrap()
    }

    #[tokio::test]
    async fn workers_share_the_sockets_they_open_in_the_same_order() {
        let listeners = Listeners::default();
        let (one, two) = (listeners.for_instance(), listeners.for_instance());
        let (a1, _lease_a1) = one.open(&checked("0")).unwrap();
        let (b1, _lease_b1) = one.open(&checked("0")).unwrap();
        let (a2, _lease_a2) = two.open(&checked("0")).unwrap();
        let (b2, _lease_b2) = two.open(&checked("0")).unwrap();
        assert_eq!(address(&a1), address(&a2));
        assert_eq!(address(&b1), address(&b2));
        assert_ne!(address(&a1), address(&b1));
    }

    #[tokio::test]
    async fn a_socket_outlives_an_instance_that_crashed() {
        let listeners = Listeners::default();
        let (first, lease) = listeners.for_instance().open(&checked("0")).unwrap();
        let bound = address(&first);
        drop((first, lease));
        let (second, _lease) = listeners.for_instance().open(&checked("0")).unwrap();
        assert_eq!(address(&second), bound);
    }

    #[tokio::test]
    async fn sockets_that_a_new_instance_does_not_ask_for_can_be_closed() {
        let listeners = Listeners::default();
        let crashed = listeners.for_instance();
        let (first, lease_first) = crashed.open(&checked("0")).unwrap();
        let (second, lease_second) = crashed.open(&checked("0")).unwrap();
        let (kept, lost) = (address(&first), address(&second));
        drop((first, lease_first, second, lease_second));
        let (_again, _lease) = listeners.for_instance().open(&checked("0")).unwrap();
        assert!(std::net::TcpStream::connect(lost).is_ok());
        listeners.close_unused();
        assert!(std::net::TcpStream::connect(lost).is_err());
        assert!(std::net::TcpStream::connect(kept).is_ok());
    }

    #[tokio::test]
    async fn a_socket_is_closed_when_its_last_user_stops() {
        let listeners = Listeners::default();
        let (one, two) = (listeners.for_instance(), listeners.for_instance());
        let (first, mut lease_one) = one.open(&checked("0")).unwrap();
        let (second, mut lease_two) = two.open(&checked("0")).unwrap();
        let bound = address(&first);
        drop((first, second));
        lease_one.release();
        assert!(std::net::TcpStream::connect(bound).is_ok());
        lease_two.release();
        assert!(std::net::TcpStream::connect(bound).is_err());
        let (_again, _lease) = one.open(&checked(&bound.to_string())).unwrap();
    }

    #[tokio::test]
    async fn a_busy_port_fails_with_its_address_and_the_cause() {
        let busy = TcpListener::bind("127.0.0.1:0").unwrap();
        let bound = address(&busy);
        let listeners = Listeners::default().for_instance();
        for _ in 0..2 {
            let failure = listeners.open(&checked(&bound.to_string())).unwrap_err();
            assert_eq!(failure.kind, Kind::Io);
            let begin = format!("bind failed: {bound}: Address already in use");
            assert!(failure.message.starts_with(&begin), "{failure}");
        }
        drop(busy);
        assert!(listeners.open(&checked(&bound.to_string())).is_ok());
    }

    #[tokio::test]
    async fn a_second_server_on_a_fixed_port_of_the_same_worker_is_busy() {
        let listeners = Listeners::default().for_instance();
        let (first, mut lease) = listeners.open(&checked("0")).unwrap();
        let port = checked(&address(&first).to_string());
        assert_eq!(listeners.open(&port).unwrap_err().kind, Kind::Io);
        drop(first);
        lease.release();
        let (_first, _lease) = listeners.open(&port).unwrap();
        assert_eq!(listeners.open(&port).unwrap_err().kind, Kind::Io);
    }
}
