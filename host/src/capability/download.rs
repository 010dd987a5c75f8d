//! `wit/download.wit` over [`crate::download`].

use std::time::Duration;

use wasmtime::component::{Accessor, HasData, Resource};

use super::View;
use crate::bindings::tidelock::script::download as wit;
use crate::bindings::tidelock::script::types::Error;
use crate::download::{Downloads, Order, Refusal, Step, Transfer};
use crate::http::client::Client;

/// The downloads of one instance.
pub struct DownloadCtx {
    downloads: Downloads,
}

impl DownloadCtx {
    /// Those of a run, for a new instance.
    pub fn new(downloads: Downloads) -> Self {
        Self { downloads }
    }
}

/// Links `download` to the [`DownloadCtx`] of a store.
pub struct Download;

impl HasData for Download {
    type Data<'a> = View<'a, DownloadCtx>;
}

impl wit::Host for View<'_, DownloadCtx> {}

impl wit::HostTransfer for View<'_, DownloadCtx> {
    fn start(
        &mut self,
        client: Resource<Client>,
        request: wit::Request,
    ) -> wasmtime::Result<Result<Resource<Transfer>, Error>> {
        let client = self.table.get(&client)?;
        match self.ctx.downloads.start(client, request.into()) {
            Ok(transfer) => Ok(Ok(self.table.push(transfer)?)),
            Err(failure) => Ok(Err(failure.into())),
        }
    }

    fn drop(&mut self, transfer: Resource<Transfer>) -> wasmtime::Result<()> {
        self.table.delete(transfer)?.stop();
        Ok(())
    }
}

impl<T> wit::HostTransferWithStore<T> for Download {
    async fn next(
        accessor: &Accessor<T, Self>,
        transfer: Resource<Transfer>,
    ) -> wasmtime::Result<Result<wit::Step, wit::Failure>> {
        let transfer = accessor.with(|mut access| access.get().table.get(&transfer).cloned())?;
        Ok(transfer.next().await.map(wit::Step::from).map_err(wit::Failure::from))
    }
}

impl From<wit::Request> for Order {
    fn from(request: wit::Request) -> Self {
        Self {
            url: request.url,
            path: request.path,
            headers: request.headers,
            sha256: request.sha256,
            timeout: request.timeout.map(Duration::from_nanos),
            idle_timeout: Duration::from_nanos(request.idle_timeout),
            connect_timeout: request.connect_timeout.map(Duration::from_nanos),
            follow_redirects: request.follow_redirects,
            max_size: request.max_size,
            progress: request.progress,
        }
    }
}

impl From<Step> for wit::Step {
    fn from(step: Step) -> Self {
        match step {
            Step::Progress { done, total } => Self::Progress(wit::Progress { done, total }),
            Step::Finished(bytes) => Self::Finished(bytes),
        }
    }
}

impl From<Refusal> for wit::Failure {
    fn from(refusal: Refusal) -> Self {
        Self { error: refusal.failure.into(), status: refusal.status }
    }
}
