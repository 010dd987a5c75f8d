//! What a store holds: one context per capability, and the little that belongs to the run itself.

use std::sync::Arc;

use wasmtime::component::{Accessor, HasSelf, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use super::cpu::CpuMeter;
use super::memory::MemoryLimit;
use super::stop::StopRequest;
use crate::bindings::{Landmarks, ScriptImports, ScriptImportsWithStore, tidelock::script::types};
use crate::capability::download::DownloadCtx;
use crate::capability::env::EnvCtx;
use crate::capability::files::FilesCtx;
use crate::capability::http_client::HttpClientCtx;
use crate::capability::http_server::HttpServerCtx;
use crate::capability::log::LogCtx;
use crate::capability::modules::ModulesCtx;
use crate::capability::time::TimeCtx;
use crate::capability::websocket::WebSocketCtx;

/// The state of one instance.
pub struct HostState {
    /// The handles the guest holds.
    pub table: ResourceTable,
    /// For the guest's libc: clocks and randomness, nothing else.
    pub wasi: WasiCtx,
    /// The limit of its memory.
    pub memory: MemoryLimit,
    /// The limits of its CPU time.
    pub cpu: Arc<CpuMeter>,
    /// Where to read its traceback; none before its interpreter has started.
    pub landmarks: Option<Landmarks>,
    /// When it has to stop.
    pub stop: StopRequest,
    /// `wit/download.wit`
    pub download: DownloadCtx,
    /// `wit/env.wit`
    pub env: EnvCtx,
    /// `wit/files.wit`
    pub files: FilesCtx,
    /// `wit/http-client.wit`
    pub http_client: HttpClientCtx,
    /// `wit/http-server.wit`
    pub http_server: HttpServerCtx,
    /// `wit/log.wit`
    pub log: LogCtx,
    /// `wit/modules.wit`
    pub modules: ModulesCtx,
    /// `wit/time.wit`
    pub time: TimeCtx,
    /// `wit/websocket.wit`
    pub websocket: WebSocketCtx,
}

/// The script called `os.exit` with this code.
#[derive(Debug)]
pub struct Exit(pub i32);

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "exit with code {}", self.0)
    }
}

impl std::error::Error for Exit {}

impl types::Host for HostState {}

impl ScriptImports for HostState {
    fn resumed(&mut self) -> wasmtime::Result<()> {
        self.cpu.resumed();
        Ok(())
    }

    fn tell_landmarks(&mut self, landmarks: Landmarks) -> wasmtime::Result<()> {
        self.landmarks = Some(landmarks);
        Ok(())
    }

    fn exit(&mut self, code: i32) -> wasmtime::Result<()> {
        #[cfg(test)]
        if code == super::worker::tests::FAULT {
            wasmtime::bail!("a fault of the host");
        }
        Err(Exit(code).into())
    }
}

impl ScriptImportsWithStore<HostState> for HasSelf<HostState> {
    async fn stop_requested(accessor: &Accessor<HostState, Self>) -> wasmtime::Result<()> {
        let stop = accessor.with(|mut access| access.get().stop.clone());
        stop.made().await;
        Ok(())
    }
}

impl WasiView for HostState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
