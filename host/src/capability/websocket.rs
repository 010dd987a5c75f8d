//! `wit/websocket.wit` over [`crate::websocket`].

use std::time::Duration;

use wasmtime::component::{Accessor, HasData, Resource};

use super::View;
use crate::bindings::tidelock::script::types::Error;
use crate::bindings::tidelock::script::websocket as wit;
use crate::failure::{Failure, Kind};
use crate::websocket::{Client, Close, MessageKind, Refusal, Request, Socket, Taken};

/// The WebSocket client of one instance.
pub struct WebSocketCtx {
    client: Client,
}

impl WebSocketCtx {
    /// Connects by `client`.
    pub fn new(client: Client) -> Self {
        Self { client }
    }
}

/// Links `websocket` to the [`WebSocketCtx`] of a store.
pub struct WebSocket;

impl HasData for WebSocket {
    type Data<'a> = View<'a, WebSocketCtx>;
}

impl wit::Host for View<'_, WebSocketCtx> {}

impl wit::HostConnection for View<'_, WebSocketCtx> {
    fn take(&mut self, socket: Resource<Socket>) -> wasmtime::Result<Option<wit::Incoming>> {
        Ok(self.table.get_mut(&socket)?.take().map(wit::Incoming::from))
    }

    fn rest(&mut self, socket: Resource<Socket>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get_mut(&socket)?.rest())
    }

    fn begin_close(
        &mut self,
        socket: Resource<Socket>,
        code: u16,
        reason: Vec<u8>,
    ) -> wasmtime::Result<()> {
        let close = Close::from_script(code, &reason);
        let code = close.as_ref().map_or(Close::FAILED, |close| close.code);
        let reason = close.map(|close| close.reason).unwrap_or_default();
        self.table.get(&socket)?.connection().begin_close(code, &reason);
        Ok(())
    }

    fn is_closed(&mut self, socket: Resource<Socket>) -> wasmtime::Result<bool> {
        Ok(self.table.get(&socket)?.connection().is_closed())
    }

    fn peer(&mut self, socket: Resource<Socket>) -> wasmtime::Result<String> {
        Ok(self.table.get(&socket)?.peer().to_owned())
    }

    fn protocol(&mut self, socket: Resource<Socket>) -> wasmtime::Result<Option<String>> {
        Ok(self.table.get(&socket)?.protocol().map(str::to_owned))
    }

    fn drop(&mut self, socket: Resource<Socket>) -> wasmtime::Result<()> {
        self.table.delete(socket)?;
        Ok(())
    }
}

impl<T> wit::HostConnectionWithStore<T> for WebSocket {
    async fn connect(
        accessor: &Accessor<T, Self>,
        request: wit::Request,
    ) -> wasmtime::Result<Result<Resource<Socket>, wit::Failure>> {
        let client = accessor.with(|mut access| access.get().ctx.client.clone());
        match client.connect(request.into()).await {
            Ok(socket) => Ok(Ok(accessor.with(|mut access| access.get().table.push(socket))?)),
            Err(refusal) => Ok(Err(refusal.into())),
        }
    }

    async fn readable(
        accessor: &Accessor<T, Self>,
        socket: Resource<Socket>,
        timeout: Option<u64>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let timeout = timeout.map(Duration::from_nanos);
        let readable = accessor.with(|mut access| {
            access.get().table.get(&socket).map(|socket| socket.connection().readable(timeout))
        })?;
        Ok(readable.await.map_err(Error::from))
    }

    async fn write(
        accessor: &Accessor<T, Self>,
        socket: Resource<Socket>,
        kind: wit::MessageKind,
        data: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let write = accessor.with(|mut access| {
            access
                .get()
                .table
                .get(&socket)
                .map(|socket| socket.connection().write(kind.into(), data))
        })?;
        Ok(write.await.map_err(Error::from))
    }

    async fn close(
        accessor: &Accessor<T, Self>,
        socket: Resource<Socket>,
        code: u16,
        reason: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let close = match Close::from_script(code, &reason) {
            Ok(close) => close,
            Err(why) => return Ok(Err(Failure::new(Kind::Invalid, why).into())),
        };
        let closed = accessor.with(|mut access| {
            access.get().table.get(&socket).map(|socket| socket.connection().close(close))
        })?;
        closed.await;
        Ok(Ok(()))
    }
}

impl From<Taken> for wit::Incoming {
    fn from(taken: Taken) -> Self {
        match taken {
            Taken::Message { kind, data, rest } => {
                Self::Message(wit::Message { kind: kind.into(), data, rest })
            }
            Taken::Closed(Close { code, reason }) => Self::Closed(wit::Closed { code, reason }),
        }
    }
}

impl From<MessageKind> for wit::MessageKind {
    fn from(kind: MessageKind) -> Self {
        match kind {
            MessageKind::Text => Self::Text,
            MessageKind::Binary => Self::Binary,
        }
    }
}

impl From<wit::MessageKind> for MessageKind {
    fn from(kind: wit::MessageKind) -> Self {
        match kind {
            wit::MessageKind::Text => Self::Text,
            wit::MessageKind::Binary => Self::Binary,
        }
    }
}

impl From<Refusal> for wit::Failure {
    fn from(refusal: Refusal) -> Self {
        Self { error: refusal.failure.into(), status: refusal.status }
    }
}

impl From<wit::Request> for Request {
    fn from(request: wit::Request) -> Self {
        Self {
            url: request.url,
            headers: request.headers,
            protocols: request.protocols,
            ca_certificates: request.ca_certificates,
            timeout: Duration::from_nanos(request.timeout),
        }
    }
}
