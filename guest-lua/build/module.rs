//! Compiles the C sources and links the core module.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use anyhow::{Context, Result, bail};

use crate::patches;
use crate::sources::Libraries;
use crate::toolchain::Compiler;

/// Lua's `longjmp` as wasm exceptions in the standard encoding, and what every engine of the 48 line
/// has: the flags of `docs/decisions/001-guest-toolchain.md`.
const MACHINE: &[&str] = &[
    "-O3",
    "-std=gnu11",
    "-mcpu=generic+exception_handling+bulk_memory+multivalue+reference_types+sign_ext+nontrapping_fptoint+mutable_globals",
    "-mllvm",
    "-wasm-enable-sjlj",
    "-mllvm",
    "-wasm-use-legacy-eh=false",
];

/// Our own C is held to the strictest warnings; libraries and generated code are as they are.
const OWN: &[&str] = &["-Wall", "-Wextra", "-Werror"];

/// The bindings and our own C allocate with mimalloc, by name: the libc's own allocator defines symbols
/// beyond the standard ones and cannot be replaced at link time.
const ALLOCATOR: &[&str] =
    &["-Dmalloc=mi_malloc", "-Dcalloc=mi_calloc", "-Drealloc=mi_realloc", "-Dfree=mi_free"];

/// Lua's configuration: no process, no temporary names, the emulated process clock, and a tail of
/// `loslib.c` that the sandbox removes anyway.
const LUA: &[&str] = &[
    "-D_WASI_EMULATED_SIGNAL",
    "-D_WASI_EMULATED_PROCESS_CLOCKS",
    "-Dl_system(cmd)=((void)(cmd),-1)",
    "-DLUA_TMPNAMBUFSIZE=32",
    "-Dlua_tmpnam(b,e)={(void)(b);e=1;}",
];

/// The parts of Lua that the sandbox has: everything but `liolib`, `loadlib`, `linit` and the
/// coroutine library, which the guest replaces.
const LUA_FILES: &[&str] = &[
    "lapi", "lauxlib", "lbaselib", "lcode", "lcorolib", "lctype", "ldblib", "ldebug", "ldo",
    "ldump", "lfunc", "lgc", "llex", "lmathlib", "lmem", "lobject", "lopcodes", "loslib",
    "lparser", "lstate", "lstring", "lstrlib", "ltable", "ltablib", "ltm", "lundump", "lutf8lib",
    "lvm", "lzio",
];

/// One file to compile and what it is compiled with.
struct Unit {
    source: PathBuf,
    object: PathBuf,
    flags: Vec<String>,
}

/// Builds the core module and returns its bytes.
pub fn build(
    compiler: &Compiler,
    libraries: &Libraries,
    here: &Path,
    out: &Path,
) -> Result<Vec<u8>> {
    let units = units(libraries, here, out)?;
    compile_all(compiler, &units)?;
    let module = out.join("guest.wasm");
    link(compiler, &units, out, &module)?;
    fs::read(&module).context("failed to read the linked module")
}

fn units(libraries: &Libraries, here: &Path, out: &Path) -> Result<Vec<Unit>> {
    let include = |path: &Path| format!("-I{}", path.display());
    let strings = |flags: &[&str]| flags.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut units = Vec::new();
    let mut add = |source: PathBuf, group: &str, flags: Vec<String>| {
        let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut recipe = DefaultHasher::new();
        (MACHINE, &flags, &source).hash(&mut recipe);
        let object = out.join(format!("{group}-{stem}-{:x}.o", recipe.finish()));
        units.push(Unit { object, source, flags });
    };

    let mimalloc = vec![
        include(&libraries.mimalloc.join("include")),
        "-DNDEBUG".into(),
        // `src/allocator.c` reserves the memory.
        "-DMI_DEFAULT_ARENA_RESERVE=0".into(),
        // While the host lowers a value the guest may not call out: not for the time, the environment
        // or a warning either (`src/allocator.c`).
        "-Dclock_gettime=allocator_clock_gettime".into(),
        "-Dgetenv=allocator_getenv".into(),
        "-Dfputs=allocator_fputs".into(),
        // Its start-up message holds the time of the build, which must not end up in the artifact.
        "-Wno-builtin-macro-redefined".into(),
        "-D__DATE__=\"\"".into(),
        "-D__TIME__=\"\"".into(),
    ];
    add(libraries.mimalloc.join("src/static.c"), "mimalloc", mimalloc);
    for name in LUA_FILES {
        let mut flags = strings(LUA);
        flags.push(include(&libraries.lua));
        if *name == "lauxlib" {
            // The buffers of Lua's libraries allocate behind the collector's back (`src/allocator.c`).
            flags.push("-Dlua_getallocf=allocator_collecting".into());
        }
        add(patches::apply(&libraries.lua, name, out)?, "lua", flags);
    }
    add(out.join("script.c"), "bindings", strings(ALLOCATOR));
    let own_includes =
        [include(&libraries.lua), include(out), format!("-iquote{}", here.join("src").display())];
    add(out.join("preludes.c"), "own", own_includes.to_vec());
    for folder in ["src", "src/pure"] {
        for source in c_files(&here.join(folder))? {
            let mut flags =
                [OWN, ALLOCATOR].concat().into_iter().map(String::from).collect::<Vec<_>>();
            flags.extend_from_slice(&own_includes);
            add(source, "own", flags);
        }
    }
    add(here.join("src/longjmp_tag.s"), "own", vec![]);
    Ok(units)
}

fn c_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .with_context(|| format!("failed to read {}", folder.display()))?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "c"));
    files.sort();
    Ok(files)
}

/// Compiles on every core; a file of a library is compiled once for each recipe and kept.
fn compile_all(compiler: &Compiler, units: &[Unit]) -> Result<()> {
    let lanes = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..lanes)
            .map(|lane| {
                scope.spawn(move || {
                    units
                        .iter()
                        .skip(lane)
                        .step_by(lanes)
                        .try_for_each(|unit| compile(compiler, unit))
                })
            })
            .collect();
        workers.into_iter().try_for_each(|worker| match worker.join() {
            Ok(result) => result,
            Err(_) => bail!("a compiler thread failed"),
        })
    })
}

fn compile(compiler: &Compiler, unit: &Unit) -> Result<()> {
    let object_name = unit.object.file_name().unwrap_or_default().to_string_lossy();
    let from_library = object_name.starts_with("lua-") || object_name.starts_with("mimalloc-");
    if from_library && unit.object.is_file() {
        return Ok(());
    }
    let mut command = compiler.command();
    command.args(MACHINE).args(&unit.flags).arg("-c").arg(&unit.source).arg("-o").arg(&unit.object);
    run(command, &format!("failed to compile {}", unit.source.display()))
}

fn link(compiler: &Compiler, units: &[Unit], out: &Path, module: &Path) -> Result<()> {
    let mut command = compiler.command();
    command
        .args(MACHINE)
        .args(["-mexec-model=reactor", "-Wl,--strip-debug", "-Wl,-z,stack-size=1048576"])
        .args(compiler.stack_first)
        .args(units.iter().map(|unit| &unit.object))
        .arg(out.join("script_component_type.o"))
        .args(["-lwasi-emulated-signal", "-lwasi-emulated-process-clocks"])
        .arg("-o")
        .arg(module);
    run(command, "failed to link the guest")
}

fn run(mut command: Command, what: &str) -> Result<()> {
    let output = command.output().with_context(|| format!("{what}: the compiler did not start"))?;
    if !output.status.success() {
        bail!("{what}:\n{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}
