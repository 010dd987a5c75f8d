//! `wit/http-server.wit`.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::{Accessor, HasData, Resource};

use super::View;
use crate::audit::{Audit, Event as Audited};
use crate::bindings::tidelock::script::http_server::{
    Event, Host, HostIncomingBody, HostIncomingBodyWithStore, HostOutgoingBody,
    HostOutgoingBodyWithStore, HostServer, HostServerWithStore, Request, StreamKind as WitKind,
    UpgradeOptions as WitOptions,
};
use crate::bindings::tidelock::script::types::Error;
use crate::budget::Budget;
use crate::failure::Failure;
use crate::grants::listen::ListenGrants;
use crate::http::server::{
    self, Accepted, IncomingBody, Listeners, OutgoingBody, Server, Servers, Settings, StreamKind,
    UpgradeOptions,
};
use crate::websocket::{Slots, Socket};

/// What one instance may listen on, and how its servers are set.
pub struct HttpServerCtx {
    grants: ListenGrants,
    servers: Servers,
    audit: Audit,
    listened: bool,
}

impl HttpServerCtx {
    /// For a new instance; `listeners` is the process's.
    pub fn new(
        grants: ListenGrants,
        settings: Settings,
        listeners: &Listeners,
        (budget, slots): (Arc<Budget>, Slots),
        audit: Audit,
    ) -> Self {
        let servers = Servers::new(settings, listeners, budget, slots);
        Self { grants, servers, audit, listened: false }
    }

    /// Whether the instance ever had a server.
    pub fn has_listened(&self) -> bool {
        self.listened
    }

    fn listen(&mut self, port: u16, bodies_come: bool) -> Result<Server, Failure> {
        let checked = self.grants.check(port);
        let target = match &checked {
            Ok(checked) => checked.address().to_string(),
            Err(_) => format!("port {port}"),
        };
        let event = Audited { capability: "http-server", operation: "listen", target: &target };
        let rule = checked.as_ref().ok().map(|checked| checked.rule());
        self.audit.decision(event, checked.is_ok(), rule);
        let begun = Instant::now();
        let server = self.servers.listen(&checked?, bodies_come);
        // Port 0 is another one by now.
        let (target, outcome) = match &server {
            Ok(server) => (server.address(), "ok"),
            Err(failure) => (target.as_str(), failure.kind.as_str()),
        };
        let event = Audited { capability: "http-server", operation: "bind", target };
        self.audit.operation(event, outcome, 0, begun.elapsed());
        self.listened |= server.is_ok();
        server
    }
}

/// The capability.
#[derive(Debug)]
pub struct HttpServer;

impl HasData for HttpServer {
    type Data<'a> = View<'a, HttpServerCtx>;
}

impl Host for View<'_, HttpServerCtx> {}

impl HostServer for View<'_, HttpServerCtx> {
    fn listen(
        &mut self,
        port: u16,
        bodies_come: bool,
    ) -> wasmtime::Result<Result<Resource<Server>, Error>> {
        match self.ctx.listen(port, bodies_come) {
            Ok(server) => Ok(Ok(self.table.push(server)?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    fn address(&mut self, server: Resource<Server>) -> wasmtime::Result<String> {
        Ok(self.table.get(&server)?.address().to_owned())
    }

    fn open_body(
        &mut self,
        server: Resource<Server>,
        request: u64,
    ) -> wasmtime::Result<Resource<IncomingBody>> {
        let body = self.table.get(&server)?.open_body(request);
        Ok(self.table.push(body)?)
    }

    fn start(
        &mut self,
        server: Resource<Server>,
        request: u64,
        status: u16,
        headers: Vec<u8>,
        kind: WitKind,
    ) -> wasmtime::Result<Result<Option<Resource<OutgoingBody>>, String>> {
        match self.table.get(&server)?.start(request, status, headers, kind.into()) {
            Ok(Some(body)) => Ok(Ok(Some(self.table.push(body)?))),
            Ok(None) => Ok(Ok(None)),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn upgrade(
        &mut self,
        server: Resource<Server>,
        request: u64,
        options: WitOptions,
    ) -> wasmtime::Result<Result<Option<Resource<Socket>>, String>> {
        match self.table.get(&server)?.upgrade(request, options.into()) {
            Ok(Some(Accepted { connection, peer, protocol })) => {
                let socket = Socket::new(connection, peer, protocol);
                Ok(Ok(Some(self.table.push(socket)?)))
            }
            Ok(None) => Ok(Ok(None)),
            Err(reason) => Ok(Err(reason)),
        }
    }

    fn report(
        &mut self,
        server: Resource<Server>,
        route: Vec<u8>,
        report: Vec<u8>,
    ) -> wasmtime::Result<()> {
        self.table.get(&server)?.report(&route, &report);
        Ok(())
    }

    fn read_body(&mut self, server: Resource<Server>, request: u64) -> wasmtime::Result<Vec<u8>> {
        Ok(self.table.get(&server)?.read_body(request))
    }

    fn respond(
        &mut self,
        server: Resource<Server>,
        request: u64,
        status: u16,
        headers: Vec<u8>,
        body: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        Ok(self.table.get(&server)?.respond(request, status, headers, body))
    }

    fn fail(
        &mut self,
        server: Resource<Server>,
        request: u64,
        route: Vec<u8>,
        report: Vec<u8>,
    ) -> wasmtime::Result<()> {
        self.table.get(&server)?.fail(request, &route, &report);
        Ok(())
    }

    fn stop(&mut self, server: Resource<Server>) -> wasmtime::Result<()> {
        self.table.get(&server)?.stop();
        Ok(())
    }

    fn drop(&mut self, server: Resource<Server>) -> wasmtime::Result<()> {
        self.table.delete(server)?.close();
        Ok(())
    }
}

impl<T> HostServerWithStore<T> for HttpServer {
    async fn next(
        accessor: &Accessor<T, Self>,
        server: Resource<Server>,
    ) -> wasmtime::Result<Vec<Event>> {
        let next = accessor.with(|mut access| access.get().table.get(&server).map(Server::next))?;
        Ok(next.await.into_iter().map(Event::from).collect())
    }

    async fn collect_body(
        accessor: &Accessor<T, Self>,
        server: Resource<Server>,
        request: u64,
    ) -> wasmtime::Result<bool> {
        let collect = accessor.with(|mut access| {
            access.get().table.get(&server).map(|server| server.collect_body(request))
        })?;
        Ok(collect.await)
    }
}

impl HostOutgoingBody for View<'_, HttpServerCtx> {
    fn finish(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        self.table.get(&body)?.finish();
        Ok(())
    }

    fn abort(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        self.table.get(&body)?.abort();
        Ok(())
    }

    fn drop(&mut self, body: Resource<OutgoingBody>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl<T> HostOutgoingBodyWithStore<T> for HttpServer {
    async fn write(
        accessor: &Accessor<T, Self>,
        body: Resource<OutgoingBody>,
        bytes: Vec<u8>,
    ) -> wasmtime::Result<Result<(), Error>> {
        let write = accessor
            .with(|mut access| access.get().table.get(&body).map(|body| body.write(bytes)))?;
        Ok(write.await.map_err(Error::from))
    }
}

impl HostIncomingBody for View<'_, HttpServerCtx> {
    fn close(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        self.table.get(&body)?.close();
        Ok(())
    }

    fn drop(&mut self, body: Resource<IncomingBody>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl<T> HostIncomingBodyWithStore<T> for HttpServer {
    async fn read(
        accessor: &Accessor<T, Self>,
        body: Resource<IncomingBody>,
        max: u32,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let body = accessor.with(|mut access| access.get().table.get(&body).cloned())?;
        let max = usize::try_from(max).unwrap_or(usize::MAX);
        Ok(body.read(max).await.map_err(Error::from))
    }
}

impl From<WitKind> for StreamKind {
    fn from(kind: WitKind) -> Self {
        match kind {
            WitKind::Bytes => Self::Bytes,
            WitKind::Events => Self::Events,
        }
    }
}

impl From<WitOptions> for UpgradeOptions {
    fn from(WitOptions { headers, protocols, origins }: WitOptions) -> Self {
        Self { headers, protocols, origins }
    }
}

impl From<server::Event> for Event {
    fn from(event: server::Event) -> Self {
        match event {
            server::Event::Request(request) => {
                let server::Request { id, head, body, body_rest, body_coming } = request;
                Self::Request(Request { id, head, body, body_rest, body_coming })
            }
            server::Event::Gone(id) => Self::Gone(id),
            server::Event::Stopped => Self::Stopped,
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs::File;
    use std::sync::Arc;

    use super::*;
    use crate::failure::Kind;
    use crate::http::server::Report;
    use crate::http::server::access_log::AccessLog;
    use crate::limits::Limits;
    use crate::scratch::Scratch;

    fn ctx(rules: &[&str], audit: Audit) -> HttpServerCtx {
        let mut grants = ListenGrants::default();
        for rule in rules {
            grants.allow(rule).unwrap();
        }
        let settings = Settings {
            limits: Arc::new(Limits::default()),
            dev: false,
            report: Report::new(|_, _| {}),
            access_log: AccessLog::default(),
        };
        let shared = (Budget::new(1), Slots::new(1));
        HttpServerCtx::new(grants, settings, &Listeners::default(), shared, audit)
    }

    #[tokio::test]
    async fn a_granted_port_is_listened_on_and_any_other_denied_and_both_are_audited() {
        let scratch = Scratch::new();
        let path = scratch.path().join("audit.jsonl");
        let mut ctx = ctx(&["0"], Audit::to_file(File::create(&path).unwrap()));
        assert!(ctx.listen(0, false).unwrap().address().starts_with("127.0.0.1:"));
        assert!(ctx.has_listened());
        let denied = ctx.listen(1, false).unwrap_err();
        assert_eq!(denied.kind, Kind::Denied);
        assert!(denied.message.ends_with("(run with --allow-listen=1)"), "{denied}");

        let lines = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen: Vec<_> = lines
            .iter()
            .filter_map(|line| Some((line.get("target")?, line.get("allowed")?)))
            .collect();
        assert_eq!(
            seen,
            [(&"127.0.0.1:0".into(), &true.into()), (&"port 1".into(), &false.into())]
        );
    }
}
