//! A connection that becomes a WebSocket: the answer to its handshake, and the rest of its life.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use hyper::header::HeaderMap;
use hyper::{Response, StatusCode};
use tokio::net::TcpStream;

use super::connections::Mode;
use super::link::{Answer, Upgraded};
use super::reply_body::ReplyBody;
use super::upgrade::{self, Reason, UpgradeOptions};
use super::{Shared, exchange, response};
use crate::websocket::{Connection, Role, Settings, pair};

/// The server goes away (RFC 6455, section 7.4.1).
const GOING_AWAY: u16 = 1001;

/// A handshake that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The script's end of the connection.
    pub connection: Connection,
    /// The client as `ip:port`.
    pub peer: String,
    /// The subprotocol that was agreed on.
    pub protocol: Option<String>,
}

impl Shared {
    /// Answers `request`; gives the guest's end of its WebSocket unless it was refused.
    pub(super) fn upgrade(
        &self,
        id: u64,
        request: exchange::Request,
        options: &UpgradeOptions,
        own: HeaderMap,
    ) -> Option<Accepted> {
        let link = request.link;
        let accepted = match request.handshake {
            Some(handshake) => handshake.accept(options),
            None => Err(Reason::NotAsked),
        };
        let (mut fields, protocol) = match accepted {
            Ok(accepted) => accepted,
            Err(reason) => {
                link.answer(Answer::Reply(upgrade::refusal(reason)));
                return None;
            }
        };
        let Some(permit) = self.slots.try_take() else {
            link.answer(Answer::Reply(response::busy(false)));
            return None;
        };
        let settings = Settings::new(&self.settings.limits);
        let (connection, socket) = pair(settings, self.budget.clone(), permit);
        for (name, value) in &own {
            fields.append(name, value.clone());
        }
        let mut response = Response::new(ReplyBody::from(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        *response.headers_mut() = fields;
        let peer = link.peer().to_owned();
        link.answer(Answer::Upgrade(response, Upgraded { id, socket }));
        Some(Accepted { connection, peer, protocol })
    }
}

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
