//! One instance: a fresh store, the guest's `run` in it, and how that ended.

use std::sync::Arc;
use std::time::Instant;

use wasmtime::component::ResourceTable;
use wasmtime::{Result, Store, StoreContextMut, UpdateDeadline, WasmCoreDump};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder};

use super::cpu::{CpuMeter, Exceeded, thread_cpu_time};
use super::ending::Ending;
use super::memory::MemoryLimit;
use super::setup::Setup;
use super::state::{Exit, HostState};
use super::traceback;
use crate::bindings::{FailureCause, Outcome, Start};
use crate::capability::download::DownloadCtx;
use crate::capability::files::FilesCtx;
use crate::capability::http_client::HttpClientCtx;
use crate::capability::http_server::HttpServerCtx;
use crate::capability::log::LogCtx;
use crate::capability::modules::ModulesCtx;
use crate::capability::time::TimeCtx;
use crate::capability::websocket::WebSocketCtx;
use crate::limits::{Limits, MIB};
use crate::quantity::{show_duration, show_size};
use crate::websocket::Client;

/// Part of the linear memory that Lua may not have: the C stack, the allocator's own needs, and room
/// for what the host hands over. A quarter, at most this.
const MAX_RESERVE: u64 = 8 * MIB;

/// What a 32-bit memory can have, for `--max-memory none`.
const WHOLE_MEMORY: u64 = 4096 * MIB;

/// How often the same text of a script may cross in one call: method, URL and body of a request may be one
/// string. What else crosses lies in the linear memory for itself.
const MOST_ALIASES: u64 = 3;

/// How an instance ended.
pub struct InstanceEnd {
    /// What that means for the run.
    pub ending: Ending,
    /// Whether another can take its place: it served, and what stopped it was a limit of this instance,
    /// not one of the whole run, or a fault of ours.
    pub replaceable: bool,
    /// Whether it ever served.
    pub served: bool,
}

/// Runs an instance to its end. Dropping the future ends it at once.
pub async fn run(setup: &Setup) -> InstanceEnd {
    match try_run(setup).await {
        Ok(end) => end,
        Err(error) => {
            InstanceEnd { ending: internal_error(&error), replaceable: false, served: false }
        }
    }
}

async fn try_run(setup: &Setup) -> Result<InstanceEnd> {
    let limits = &setup.config.limits;
    let cpu = Arc::new(CpuMeter::new(limits));
    let mut store = new_store(setup, Arc::clone(&cpu))?;
    let script = setup.engine.guest().instantiate_async(&mut store).await?;
    let start = start(setup);
    let result = store
        .run_concurrent(async |accessor| script.call_run(accessor, start).await)
        .await
        .and_then(|outcome| outcome);
    // An exit is a trap as well, but nobody is told where it was.
    let told = result.as_ref().err().filter(|error| error.downcast_ref::<Exit>().is_none());
    let traceback = told.map(|error| traceback_of(error, &store));
    let state = store.data_mut();
    // A pipe without a reader is nobody's fault, and a full disk was already told to the script.
    let _ = state.files.finish();
    let served = state.http_server.has_listened();
    Ok(match result {
        Ok(outcome) => {
            InstanceEnd { ending: ending_of(outcome, setup), replaceable: false, served }
        }
        Err(error) => {
            let ending = ending_of_trap(&error, state.memory.refused(), limits)
                .unwrap_or_else(|| internal_error(&error))
                .with_traceback(traceback.unwrap_or_default());
            let of_run = error.downcast_ref() == Some(&Exceeded::Total);
            let replaceable = served && !of_run && !matches!(ending, Ending::Exit(_));
            InstanceEnd { ending, replaceable, served }
        }
    })
}

/// A fault of ours, not of the script.
fn internal_error(error: &wasmtime::Error) -> Ending {
    let message = format!("internal error: {error:#}").into_bytes();
    Ending::Failed { message, traceback: Vec::new() }
}

/// What the guest's libc sees: no arguments, no environment, no folders, no sockets.
pub(super) fn libc() -> WasiCtx {
    WasiCtxBuilder::new().build()
}

fn new_store(setup: &Setup, cpu: Arc<CpuMeter>) -> Result<Store<HostState>> {
    let config = &setup.config;
    let limits = &config.limits;
    let state = HostState {
        table: ResourceTable::new(),
        wasi: libc(),
        memory: MemoryLimit::new(limits.max_memory),
        landmarks: None,
        cpu: Arc::clone(&cpu),
        stop: setup.stop.clone(),
        env: setup.env.clone(),
        download: DownloadCtx::new(setup.downloads.clone()),
        files: FilesCtx::new(setup.stdin.clone(), &setup.bars, Arc::clone(&setup.files), limits)?,
        http_client: HttpClientCtx::new(
            Arc::clone(&setup.network),
            Arc::clone(&setup.files),
            limits,
            setup.roots.clone(),
        ),
        http_server: HttpServerCtx::new(
            config.grants.listen.clone(),
            setup.server.clone(),
            &setup.listeners,
            (Arc::clone(&setup.budget), setup.websockets.clone()),
            config.audit.clone(),
        ),
        log: LogCtx::new(setup.logger.clone()),
        modules: ModulesCtx::new(setup.script.clone(), limits.max_source, config.audit.clone()),
        time: TimeCtx::new(Instant::now(), Arc::new(|| thread_cpu_time().as_secs_f64())),
        websocket: WebSocketCtx::new(Client::new(
            Arc::clone(&setup.network),
            limits,
            setup.roots.clone(),
            setup.websockets.clone(),
            Arc::clone(&setup.budget),
        )),
    };
    let mut store = Store::new(setup.engine.guest().engine(), state);
    store.limiter(|state| &mut state.memory);
    // Every waiting coroutine is a handle, and so is what it waits on.
    store.set_max_component_handles(4 * usize::try_from(limits.max_tasks)? + 1024);
    store.set_hostcall_fuel(usize::try_from(MOST_ALIASES * linear_memory(limits))?);
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_: StoreContextMut<'_, HostState>| {
        cpu.interrupted()?;
        let cpu = Arc::clone(&cpu);
        Ok(UpdateDeadline::YieldCustom(
            1,
            Box::pin(async move {
                tokio::task::yield_now().await;
                cpu.continues();
            }),
        ))
    });
    Ok(store)
}

fn linear_memory(limits: &Limits) -> u64 {
    limits.max_memory.unwrap_or(WHOLE_MEMORY).min(WHOLE_MEMORY)
}

fn start(setup: &Setup) -> Start {
    let limits = &setup.config.limits;
    let memory = linear_memory(limits);
    Start {
        name: setup.script.name().to_owned(),
        arguments: setup.config.arguments.clone(),
        heap_limit: memory - (memory / 4).min(MAX_RESERVE),
        task_limit: limits.max_tasks,
        source_limit: u32::try_from(limits.max_source).unwrap_or(u32::MAX),
        require_depth: limits.max_require_depth,
        check_only: setup.config.check_only,
    }
}

fn ending_of(outcome: Outcome, setup: &Setup) -> Ending {
    let Outcome::Failed(failure) = outcome else { return Ending::Done };
    match failure.cause {
        FailureCause::Script => {
            Ending::Failed { message: failure.message, traceback: failure.traceback }
        }
        FailureCause::Memory => {
            memory_ending(&setup.config.limits).with_traceback(failure.traceback)
        }
        FailureCause::Limit => {
            let message = String::from_utf8_lossy(&failure.message).into_owned();
            Ending::Limit { message, traceback: failure.traceback }
        }
        FailureCause::Cancelled => match setup.stop.number() {
            Some(number) => Ending::Signal(number),
            None => Ending::Failed { message: failure.message, traceback: failure.traceback },
        },
    }
}

/// What a trap means; none if it is no limit but a fault of ours.
fn ending_of_trap(error: &wasmtime::Error, refused: bool, limits: &Limits) -> Option<Ending> {
    if let Some(Exit(code)) = error.downcast_ref() {
        return Some(Ending::Exit(*code));
    }
    match error.downcast_ref() {
        Some(Exceeded::Resumption) => {
            return Some(limit(format!(
                "stopped: the script computed for more than {} without waiting (raise --max-cpu)",
                show_duration(limits.max_cpu)
            )));
        }
        Some(Exceeded::Total) => {
            return Some(limit(format!(
                "stopped: the run used more than {} of CPU time (raise --max-cpu-total)",
                show_duration(limits.max_cpu_total)
            )));
        }
        None => {}
    }
    match error.downcast_ref() {
        Some(wasmtime::Trap::StackOverflow) => {
            Some(limit("stopped: the script nested calls too deeply".to_owned()))
        }
        // The guest aborts when it has no memory left to report that it has none.
        Some(_) if refused => Some(memory_ending(limits)),
        _ => None,
    }
}

/// Where the script was when it trapped.
fn traceback_of(error: &wasmtime::Error, store: &Store<HostState>) -> Vec<u8> {
    let (Some(dump), Some(landmarks)) =
        (error.downcast_ref::<WasmCoreDump>(), &store.data().landmarks)
    else {
        return Vec::new();
    };
    // The guest has one memory, which its libc adapter shares.
    let memories = dump.memories().iter().map(|memory| memory.data(store));
    let memory = memories.max_by_key(|memory| memory.len()).unwrap_or_default();
    traceback::read(memory, landmarks)
}

fn memory_ending(limits: &Limits) -> Ending {
    limit(format!(
        "not enough memory: the script needs more than {} (raise --max-memory)",
        show_size(limits.max_memory)
    ))
}

fn limit(message: String) -> Ending {
    Ending::Limit { message, traceback: Vec::new() }
}
