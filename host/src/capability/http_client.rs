//! `wit/http-client.wit` over [`crate::http::client`].

use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Accessor, HasData, Resource};

use super::View;
use crate::bindings::tidelock::script::http_client as wit;
use crate::bindings::tidelock::script::types::Error;
use crate::door::file::Files;
use crate::door::network::Network;
use crate::failure::{Failure, Kind};
use crate::http::client::{Body, CAPABILITY, Client, Request, Response, Taking, Transport};
use crate::limits::{Limits, MAX_CERTIFICATES};
use crate::tls::SystemRoots;

/// The HTTP client of one instance.
pub struct HttpClientCtx {
    transport: Arc<Transport>,
    files: Arc<Files>,
}

impl HttpClientCtx {
    /// A client that connects through `network`, reads through `files` and trusts `roots`.
    pub fn new(
        network: Arc<Network>,
        files: Arc<Files>,
        limits: &Limits,
        roots: SystemRoots,
    ) -> Self {
        Self { transport: Arc::new(Transport::new(network, limits, roots)), files }
    }

    fn open(&self, options: &wit::ClientOptions) -> Result<Client, Failure> {
        let mut pem = options.ca_certificates.clone();
        if let Some(path) = &options.ca_certificate_file {
            let source = self.files.source(CAPABILITY, path)?;
            let read = source.read(MAX_CERTIFICATES, |shown, max| {
                Failure::new(Kind::TooLarge, format!("{shown} has more than {max} bytes"))
            })?;
            let absent = || Failure::new(Kind::Io, format!("there is no file {}", source.shown()));
            let text = pem.get_or_insert_default();
            text.push(b'\n');
            text.extend(read.ok_or_else(absent)?);
        }
        Client::open(Arc::clone(&self.transport), pem.as_deref())
    }
}

/// Links `http-client` to the [`HttpClientCtx`] of a store.
pub struct HttpClient;

impl HasData for HttpClient {
    type Data<'a> = View<'a, HttpClientCtx>;
}

impl wit::Host for View<'_, HttpClientCtx> {}

impl wit::HostClient for View<'_, HttpClientCtx> {
    fn open(
        &mut self,
        options: wit::ClientOptions,
    ) -> wasmtime::Result<Result<Resource<Client>, Error>> {
        match self.ctx.open(&options) {
            Ok(client) => Ok(Ok(self.table.push(client)?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    fn drop(&mut self, client: Resource<Client>) -> wasmtime::Result<()> {
        self.table.delete(client)?;
        Ok(())
    }
}

impl<T> wit::HostClientWithStore<T> for HttpClient {
    async fn send(
        accessor: &Accessor<T, Self>,
        client: Resource<Client>,
        request: wit::Request,
    ) -> wasmtime::Result<Result<wit::Response, Error>> {
        let client = accessor.with(|mut access| access.get().table.get(&client).cloned())?;
        match client.send(request.into()).await {
            Ok(response) => Ok(Ok(accessor.with(|mut access| hand_over(access.get(), response))?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }
}

impl wit::HostBody for View<'_, HttpClientCtx> {
    fn drop(&mut self, body: Resource<Body>) -> wasmtime::Result<()> {
        self.table.delete(body)?;
        Ok(())
    }
}

impl<T> wit::HostBodyWithStore<T> for HttpClient {
    async fn read(
        accessor: &Accessor<T, Self>,
        body: Resource<Body>,
    ) -> wasmtime::Result<Result<Vec<u8>, Error>> {
        let body = accessor.with(|mut access| access.get().table.get(&body).cloned())?;
        Ok(body.read().await.map_err(Error::from))
    }
}

fn hand_over(view: View<'_, HttpClientCtx>, response: Response) -> wasmtime::Result<wit::Response> {
    let rest = match response.rest {
        Some(body) => Some(view.table.push(body)?),
        None => None,
    };
    Ok(wit::Response {
        status: response.status,
        version: response.version.to_owned(),
        url: response.url,
        headers: response.headers,
        in_pieces: response.in_pieces,
        body: response.body,
        rest,
    })
}

impl From<wit::Request> for Request {
    fn from(request: wit::Request) -> Self {
        Self {
            method: request.method,
            url: request.url,
            headers: request.headers,
            body: request.body,
            taking: request.taking.into(),
            timeout: Duration::from_nanos(request.timeout),
            connect_timeout: request.connect_timeout.map(Duration::from_nanos),
            follow_redirects: request.follow_redirects,
            max_size: request.max_size,
            identity: false,
        }
    }
}

impl From<wit::Taking> for Taking {
    fn from(taking: wit::Taking) -> Self {
        match taking {
            wit::Taking::Whole => Self::Whole,
            wit::Taking::Pieces => Self::Pieces,
            wit::Taking::Events => Self::Events,
        }
    }
}
