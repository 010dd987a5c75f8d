//! The command line program: reads what the operator wrote, runs it, and decides the exit code.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use host::audit::summary;
use host::cli::{self, Action};
use host::config::{Config, Script};
use host::run::{self, Ending};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

fn main() -> ExitCode {
    switch_backtraces_off();
    raise_descriptor_limit();
    match cli::parse(env::args_os()) {
        Ok(Action::Run(config)) => ExitCode::from(run_one(*config)),
        Ok(Action::Check(configs)) => {
            let worst = configs.into_iter().map(run_one).max().unwrap_or_default();
            ExitCode::from(worst)
        }
        Ok(Action::AuditSummary(order)) => match summary::report(&order) {
            Ok(report) => {
                report.notes.iter().for_each(|note| say(&format!("note: {note}")));
                print("the summary", report.text.as_bytes())
            }
            Err(error) => {
                say(&format!("error: {error}"));
                ExitCode::FAILURE
            }
        },
        Ok(Action::Print(text)) => print("what was asked for", &text),
        Err(error) => {
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}

/// Prints a text that was asked for.
fn print(what: &str, text: &[u8]) -> ExitCode {
    let mut stdout = io::stdout();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // A reader that has seen enough is no failure.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            say(&format!("error: failed to print {what}: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// Runs, prints what went wrong, and gives the exit code.
fn run_one(mut config: Config) -> u8 {
    if config.allow_all {
        say("warning: everything is granted (--allow-all); the limits stay on");
    }
    if config.script == Script::Stdin && io::stdin().is_terminal() {
        say("reading the script from standard input; Ctrl-D ends it, --help shows the options");
    }
    let stderr = io::stderr();
    let terminal = stderr.is_terminal();
    config.progress_bars = terminal;
    let ending: Ending = run::run(config);
    // If standard error is gone, the exit code still tells.
    let _ = ending.print(&mut stderr.lock(), terminal);
    ending.exit_code()
}

/// A line for the operator. `eprintln!` would panic if standard error were gone.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Keeps wasmtime from capturing a backtrace for each Lua error.
///
/// With `RUST_BACKTRACE=1` in the environment every error or yield across C takes 15 µs instead of
/// 0.9 µs. This variable wins over that one for captured backtraces; panics still print theirs.
#[expect(
    unsafe_code,
    clippy::disallowed_methods,
    reason = "the environment can be changed in no other way, and nothing reads it yet"
)]
fn switch_backtraces_off() {
    // SAFETY: this is the first statement of `main`. The process has no other thread that could read
    // or write the environment meanwhile.
    unsafe { env::set_var("RUST_LIB_BACKTRACE", "0") };
}

/// Raises the soft limit on descriptors to the hard one: each connection is a descriptor, and the
/// usual soft limit of 1024 is there for programs that use `select`.
fn raise_descriptor_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        // A system that refuses leaves a lower limit, which the server meets as it meets any.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    }
}
