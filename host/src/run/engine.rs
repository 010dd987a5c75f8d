//! The engine: the precompiled guest, linked once, and the ticker that interrupts it.

use std::sync::mpsc::{self, RecvTimeoutError, SyncSender};
use std::thread;

use wasmtime::component::{HasData, HasSelf, Linker, ResourceTable};
use wasmtime::{Result, error::Context};
use wasmtime_wasi::cli::{WasiCli, WasiCliView};
use wasmtime_wasi::clocks::{WasiClocks, WasiClocksView};
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::{cli, clocks, filesystem, random};
use wasmtime_wasi::random::WasiRandom;
use wasmtime_wasi_io::bindings::wasi::io;

use super::machine_code;
use super::state::HostState;
use crate::bindings::{Script, ScriptPre, tidelock::script as wit};
use crate::capability::{
    View, download::Download, env::Env, files::Files, http_client::HttpClient,
    http_server::HttpServer, log::Log, modules::Modules, time::Time, websocket::WebSocket,
};
use crate::limits::EPOCH_TICK;

/// Makes instances of the guest. One for a process; dropping it stops the ticker.
pub struct Engine {
    guest: ScriptPre<HostState>,
    _ticker: SyncSender<()>,
}

impl Engine {
    /// Loads the guest that the build precompiled.
    ///
    /// # Errors
    /// If this machine cannot run it (memory limits, an unsupported CPU).
    pub fn new() -> Result<Self> {
        let mut config = wasmtime::Config::new();
        guest_lua::apply_engine_config(&mut config);
        machine_code::configure(&mut config);
        // What is left of an instance when it traps: the host reads the script's traceback from it.
        config.coredump_on_trap(true);
        let engine = wasmtime::Engine::new(&config).context("failed to start the engine")?;
        let component = machine_code::load(&engine)?;
        let mut linker = Linker::new(&engine);
        link(&mut linker).context("failed to link the guest")?;
        let guest = linker.instantiate_pre(&component).and_then(ScriptPre::new)?;
        let _ticker = start_ticker(&engine)?;
        Ok(Self { guest, _ticker })
    }

    /// The guest, ready to be instantiated.
    pub(super) fn guest(&self) -> &ScriptPre<HostState> {
        &self.guest
    }
}

/// Everything the guest can reach.
fn link(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    Script::add_to_linker_imports::<_, HasSelf<_>>(linker, |state: &mut HostState| state)?;
    wit::types::add_to_linker::<_, HasSelf<_>>(linker, |state: &mut HostState| state)?;
    wit::download::add_to_linker::<_, Download>(linker, |state| View {
        ctx: &mut state.download,
        table: &mut state.table,
    })?;
    wit::env::add_to_linker::<_, Env>(linker, |state| View {
        ctx: &mut state.env,
        table: &mut state.table,
    })?;
    wit::files::add_to_linker::<_, Files>(linker, |state| View {
        ctx: &mut state.files,
        table: &mut state.table,
    })?;
    wit::http_client::add_to_linker::<_, HttpClient>(linker, |state| View {
        ctx: &mut state.http_client,
        table: &mut state.table,
    })?;
    wit::http_server::add_to_linker::<_, HttpServer>(linker, |state| View {
        ctx: &mut state.http_server,
        table: &mut state.table,
    })?;
    wit::log::add_to_linker::<_, Log>(linker, |state| View {
        ctx: &mut state.log,
        table: &mut state.table,
    })?;
    wit::modules::add_to_linker::<_, Modules>(linker, |state| View {
        ctx: &mut state.modules,
        table: &mut state.table,
    })?;
    wit::time::add_to_linker::<_, Time>(linker, |state| View {
        ctx: &mut state.time,
        table: &mut state.table,
    })?;
    wit::websocket::add_to_linker::<_, WebSocket>(linker, |state| View {
        ctx: &mut state.websocket,
        table: &mut state.table,
    })?;
    link_libc(linker)
}

/// Of WASI no more than the guest's libc imports: no sockets, and the folders it may open are none.
fn link_libc(linker: &mut Linker<HostState>) -> wasmtime::Result<()> {
    cli::environment::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, HostState::cli)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, HostState::clocks)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, HostState::clocks)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, HostState::filesystem)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, HostState::filesystem)?;
    io::error::add_to_linker::<_, Handles>(linker, |state| &mut state.table)?;
    io::streams::add_to_linker::<_, Handles>(linker, |state| &mut state.table)?;
    random::random::add_to_linker::<_, WasiRandom>(linker, |state| state.wasi.random())?;
    Ok(())
}

/// What `wasi:io` works on.
struct Handles;

impl HasData for Handles {
    type Data<'a> = &'a mut ResourceTable;
}

/// Advances the engine's epoch until the sender is dropped.
fn start_ticker(engine: &wasmtime::Engine) -> Result<SyncSender<()>> {
    let (sender, receiver) = mpsc::sync_channel(0);
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch".into())
        .spawn(move || {
            while let Err(RecvTimeoutError::Timeout) = receiver.recv_timeout(EPOCH_TICK) {
                match engine.upgrade() {
                    Some(engine) => engine.increment_epoch(),
                    None => return,
                }
            }
        })
        .context("failed to start the epoch thread")?;
    Ok(sender)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use wasmtime_wasi::p2::bindings::cli::environment::Host as _;
    use wasmtime_wasi::p2::bindings::filesystem::preopens::Host as _;
    use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

    use super::super::instance;
    use super::*;

    /// WASI interfaces of the guest's libc, without their versions.
    const LIBC: [&str; 17] = [
        "wasi:cli/environment",
        "wasi:cli/exit",
        "wasi:cli/stderr",
        "wasi:cli/stdin",
        "wasi:cli/stdout",
        "wasi:cli/terminal-input",
        "wasi:cli/terminal-output",
        "wasi:cli/terminal-stderr",
        "wasi:cli/terminal-stdin",
        "wasi:cli/terminal-stdout",
        "wasi:clocks/monotonic-clock",
        "wasi:clocks/wall-clock",
        "wasi:filesystem/preopens",
        "wasi:filesystem/types",
        "wasi:io/error",
        "wasi:io/streams",
        "wasi:random/random",
    ];

    /// Linking fails if the guest imports more than is offered, so this is also what is linked at most.
    #[test]
    fn the_guest_imports_our_capabilities_and_little_of_wasi() {
        let engine = Engine::new().unwrap();
        let component = engine.guest().instance_pre().component();
        let imports = component.component_type();
        let names: Vec<String> = imports
            .imports(component.engine())
            .map(|(name, _)| name.split('@').next().unwrap().to_owned())
            .collect();
        for name in &names {
            // Functions of the world itself have plain names.
            let own = name.starts_with("tidelock:script/") || !name.contains(':');
            assert!(own || LIBC.contains(&name.as_str()), "{name} is a second door");
        }
        assert!(names.iter().any(|name| name == "tidelock:script/http-client"), "{names:?}");
        assert!(!names.iter().any(|name| name.starts_with("wasi:sockets")), "{names:?}");
    }

    struct Guest {
        wasi: WasiCtx,
        table: ResourceTable,
    }

    impl WasiView for Guest {
        fn ctx(&mut self) -> WasiCtxView<'_> {
            WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
        }
    }

    /// Files are opened below a folder that was handed over, and none is.
    #[test]
    fn the_libc_has_no_folder_to_open_files_in_and_no_environment() {
        let mut guest = Guest { wasi: instance::libc(), table: ResourceTable::new() };
        assert!(guest.filesystem().get_directories().unwrap().is_empty());
        assert!(guest.cli().get_environment().unwrap().is_empty());
    }
}
