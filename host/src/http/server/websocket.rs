//! The rest of a connection's life, when it has become a WebSocket.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use tokio::net::TcpStream;

use super::Shared;
use super::connections::Mode;
use super::link::Upgraded;
use crate::websocket::Role;

/// The server goes away (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// Runs the WebSocket to its end; `read_ahead` is what the peer has sent of it already.
pub(super) async fn run(
    shared: &Arc<Shared>,
    upgraded: Upgraded,
    stream: TcpStream,
    read_ahead: Bytes,
) {
    let Upgraded { id, socket } = upgraded;
    let mut driver = socket.drive(stream, read_ahead, Role::Server);
    let mut told = false;
    poll_fn(|context| {
        match shared.connections.mode() {
            Mode::Running => {}
            Mode::Cut => return Poll::Ready(()),
            Mode::Stopping | Mode::Abandoned if told => {}
            Mode::Stopping | Mode::Abandoned => {
                told = true;
                driver.begin_close(GOING_AWAY, "");
            }
        }
        Pin::new(&mut driver).poll(context)
    })
    .await;
    // A function that closed its connection may go on with something else.
    if !driver.was_to_close() {
        shared.stream_lost(id);
    }
}
