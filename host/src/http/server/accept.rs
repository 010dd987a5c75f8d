//! The task of a server: accepts until told otherwise, then sees the connections off.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use super::Shared;
use super::connection::{self, Member};
use super::connections::Mode;

/// Pause after the system refused to accept. Most likely descriptors have run out, and trying at once
/// would only burn time that could free some.
const BACK_OFF: Duration = Duration::from_millis(70);

/// Runs a server to its end.
pub(super) async fn run(shared: Arc<Shared>, listener: TcpListener) {
    accept(&shared, &listener).await;
    drop(listener);
    // An instance that is gone without having closed its server has crashed: the socket waits for the next.
    if shared.connections.mode() == Mode::Stopping || shared.closed.load(Ordering::Relaxed) {
        shared.lease().release();
    } else {
        shared.lease().leave();
    }
    let grace = shared.settings.limits.grace_period;
    if timeout(grace, all_closed(&shared)).await.is_err() {
        shared.connections.enter(Mode::Cut);
        all_closed(&shared).await;
    }
    shared.stopped();
}

async fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    let mut reported = None;
    while shared.connections.mode() == Mode::Running {
        if shared.connections.is_full() {
            shared.connections.changed().await;
            continue;
        }
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shared.connections.changed() => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                tokio::spawn(connection::serve(stream, peer, Member::join(shared)));
            }
            // The peer was gone before its turn came.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                if reported.replace(error.kind()) != Some(error.kind()) {
                    let error = error.to_string();
                    let fields =
                        [("address", shared.address.as_bytes()), ("error", error.as_bytes())];
                    shared
                        .settings
                        .report
                        .trouble("failed to accept connections; trying again", &fields);
                }
                tokio::select! {
                    () = sleep(BACK_OFF) => {}
                    () = shared.connections.changed() => {}
                }
            }
        }
    }
}

async fn all_closed(shared: &Shared) {
    while !shared.connections.is_empty() {
        shared.connections.changed().await;
    }
}
