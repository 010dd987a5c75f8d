//! Attacks on the processor: rows 1, 2, 5, 9 and 35.

use tests::arena::{Arena, scripts};
use tests::client::Raw;
use tests::run::{Finished, Run, Serving};

/// The limit on CPU time that stops these attacks.
const CPU: &str = "--max-cpu=300ms";

/// Attacks a server: each attack is stopped, and the log says by what and where it was.
fn stopped_in_a_server(name: &str) -> Finished {
    let arena = Arena::new(&[CPU]);
    let answer = arena.attack(name).expect("an answer");
    assert_eq!(answer.status, 503, "{name}: {}", answer.text());
    assert!(!answer.text().contains(".lua"), "{name}: the client saw {}", answer.text());
    let finished = arena.finish(0);
    let line = finished.stderr.lines().find(|line| line.contains("starts again"));
    let line = line.unwrap_or_else(|| panic!("{name}: not in the log: {}", finished.stderr));
    assert!(line.contains("raise --max-cpu)"), "{name}: {line}");
    assert!(line.contains(&format!("{name}.lua:")), "{name}: {line}");
    finished
}

/// Runs an attack as a tool: exit code 3, the flag, and where it was.
fn stopped_as_a_tool(name: &str) -> Finished {
    let finished = Run::new(["run", CPU]).args([scripts().join("tool.lua")]).args([name]).finish();
    assert_eq!(finished.code, 3, "{name}: {}", finished.stderr);
    let error = finished.stderr.lines().find(|line| line.starts_with("error: "));
    assert!(error.is_some_and(|line| line.contains("raise --max-cpu)")), "{}", finished.stderr);
    assert!(finished.stderr.contains(&format!("{name}.lua:")), "{}", finished.stderr);
    finished
}

fn stopped(name: &str) {
    stopped_in_a_server(name);
    stopped_as_a_tool(name);
}

/// Answer: the instance is stopped and replaced, its request gets 503; a tool exits with 3. Fails with
/// `--max-cpu=none`.
#[test]
fn attack_01_infinite_loop() {
    stopped("infinite_loop");
}

/// Answer: as for row 1; what stops the script is no error. Fails with `--max-cpu=none`.
#[test]
fn attack_02_loop_in_protected_calls() {
    stopped("loop_in_pcall");
    stopped("loop_in_xpcall_handler");
}

/// Answer: as for row 1; coroutines share the time of the task they run in. Fails with `--max-cpu=none`.
#[test]
fn attack_02_loop_in_coroutines() {
    stopped("loop_in_coroutine");
    stopped("loop_in_wrapped_coroutines");
    stopped("loop_between_coroutines");
}

/// Answer: as for row 1. Fails with `--max-cpu=none`.
#[test]
fn attack_02_loop_in_finalizers_and_close_handlers() {
    stopped("loop_in_gc");
    stopped("loop_in_close");
    stopped("loop_in_close_of_cancelled");
}

/// Answer: as for row 1; a C function is interrupted as Lua is. Fails with `--max-cpu=none`.
#[test]
fn attack_05_pattern_backtracking() {
    stopped("pattern_backtracking");
    stopped("pattern_backtracking_protected");
}

/// Answer: a Lua error, `pattern too complex`, or a normal result; never a trap. Fails with
/// `MAXCCALLS` of `lstrlib.c` at a million: a trap.
#[test]
fn attack_05_deep_patterns() {
    let arena = Arena::new(&["--max-cpu=10s"]);
    let answer = arena.attack("pattern_deep").expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (200, "refused"));
    let finished = arena.finish(0);
    assert!(!finished.stderr.contains("starts again"), "{}", finished.stderr);
    Run::new(["run"]).args([scripts().join("tool.lua")]).args(["pattern_deep"]).finish().ok();
}

/// Answer: nothing of the script runs after the stop, no finalizer, close handler, message handler or
/// task. Fails with
/// `--max-cpu=none`, and when the loop of the script is an error, which runs them.
#[test]
fn attack_09_work_in_finalizers_after_a_limit() {
    for finished in [stopped_in_a_server("finalizer_work"), stopped_as_a_tool("finalizer_work")] {
        assert!(!finished.stdout.contains("worked"), "{}", finished.stdout);
    }
    for flag in ["--max-cpu-total=300ms", "--max-time=300ms"] {
        let finished = Run::new(["run", flag])
            .args([scripts().join("tool.lua")])
            .args(["finalizer_work"])
            .finish();
        assert_eq!((finished.code, finished.stdout.as_str()), (3, ""), "{flag}");
    }
}

/// Answer: processes share nothing but the machine. Fails when the bystander's server gets
/// SIGSTOP meanwhile.
#[test]
fn attack_35_busy_processes_beside_a_server() {
    let arena = Arena::new(&[]);
    let busy = arena.during(|| {
        [(); 2].map(|()| {
            // It prints what the harness takes for a port, so that it certainly computes.
            Run::eval(&["--max-cpu=none"], "print(1) sleep(0) while true do end").serve()
        })
    });
    arena.during(|| ());
    drop(busy);
    arena.finish(0);
}

/// Answer: handlers of the same instance wait, at most `--max-cpu`; the host's part of the server goes
/// on: it accepts, refuses what is broken and answers 504 in time. Fails when the callback of
/// `instance.rs` returns `Continue` instead of yielding.
#[test]
fn attack_35_busy_handler_and_the_host_beside_it() {
    let flags = ["--allow-listen=0", "--max-cpu=none", "--max-handler-time=300ms"];
    let server =
        Run::new([&["run"], &flags[..]].concat()).args([scripts().join("arena.lua")]).serve();
    let mut busy = Raw::connect(server.port);
    busy.send("GET /attack/infinite_loop HTTP/1.1\r\nHost: test\r\n\r\n");
    // Its time is over although it never gives the thread away by itself.
    assert_eq!(busy.response().status, 504);
    let mut broken = Raw::connect(server.port);
    broken.send("this is no request\r\n\r\n");
    assert_eq!(broken.response().status, 400);
    let mut waiting = Raw::connect(server.port);
    assert_eq!(waiting.get("/innocent").status, 504);
}

/// Answer: a handler that computes much, but waits in between, delays others of its instance by one of
/// its turns. Fails without the `sleep` of the busy handler.
#[test]
fn attack_35_busy_handler_that_waits_beside_others() {
    let server = Serving::routes(
        &["--max-cpu=2s"],
        "",
        "{ GET = {
            ['/busy'] = function()
              while true do
                for i = 1, 1e5 do end
                sleep(0)
              end
            end,
            ['/innocent'] = function() return 'well' end,
        } }",
    );
    let mut busy = Raw::connect(server.port);
    busy.send("GET /busy HTTP/1.1\r\nHost: test\r\n\r\n");
    let mut innocent = Raw::connect(server.port);
    for _ in 0..100 {
        assert_eq!(innocent.get("/innocent").text(), "well");
    }
}
