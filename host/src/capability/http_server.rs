//! `wit/http-server.wit`.

use wasmtime::component::{Accessor, HasData, Resource};

use super::View;
use crate::audit::{Audit, Event as Audited};
use crate::bindings::tidelock::script::http_server::{
    Event, Host, HostServer, HostServerWithStore, Request,
};
use crate::bindings::tidelock::script::types::Error;
use crate::failure::Failure;
use crate::grants::listen::ListenGrants;
use crate::http::server::{self, Listeners, Server, Servers, Settings};

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
        audit: Audit,
    ) -> Self {
        Self { grants, servers: Servers::new(settings, listeners), audit, listened: false }
    }

    /// Whether the instance ever had a server.
    pub fn has_listened(&self) -> bool {
        self.listened
    }

    fn listen(&mut self, port: u16) -> Result<Server, Failure> {
        let checked = self.grants.check(port);
        let target = match &checked {
            Ok(checked) => checked.address().to_string(),
            Err(_) => format!("port {port}"),
        };
        let event = Audited { capability: "http-server", operation: "listen", target: &target };
        let rule = checked.as_ref().ok().map(|checked| checked.rule());
        self.audit.decision(event, checked.is_ok(), rule);
        let server = self.servers.listen(&checked?)?;
        self.listened = true;
        Ok(server)
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
    fn listen(&mut self, port: u16) -> wasmtime::Result<Result<Resource<Server>, Error>> {
        match self.ctx.listen(port) {
            Ok(server) => Ok(Ok(self.table.push(server)?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    fn address(&mut self, server: Resource<Server>) -> wasmtime::Result<String> {
        Ok(self.table.get(&server)?.address().to_owned())
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
}

impl From<server::Event> for Event {
    fn from(event: server::Event) -> Self {
        match event {
            server::Event::Request(server::Request { id, head, body, body_rest }) => {
                Self::Request(Request { id, head, body, body_rest })
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
        HttpServerCtx::new(grants, settings, &Listeners::default(), audit)
    }

    #[tokio::test]
    async fn a_granted_port_is_listened_on_and_any_other_denied_and_both_are_audited() {
        let scratch = Scratch::new();
        let path = scratch.path().join("audit.jsonl");
        let mut ctx = ctx(&["0"], Audit::to_file(File::create(&path).unwrap()));
        assert!(ctx.listen(0).unwrap().address().starts_with("127.0.0.1:"));
        assert!(ctx.has_listened());
        let denied = ctx.listen(1).unwrap_err();
        assert_eq!(denied.kind, Kind::Denied);
        assert!(denied.message.ends_with("(run with --allow-listen=1)"), "{denied}");

        let lines = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<serde_json::Value> =
            lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let seen: Vec<_> = lines
            .iter()
            .map(|line| (line.get("target").unwrap(), line.get("allowed").unwrap()))
            .collect();
        assert_eq!(
            seen,
            [(&"127.0.0.1:0".into(), &true.into()), (&"port 1".into(), &false.into())]
        );
    }
}
