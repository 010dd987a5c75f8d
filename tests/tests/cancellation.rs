//! Cancellation: of every wait, by everyone, for good; and what is left of it: nothing.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::path::Path;

use tests::run::{Run, Serving};
use tests::script_tests;
use tests::scripts::waiting_server;

script_tests! { "cancellation":
    a_catching_loop_cannot_go_on
    by_anyone
    close_handlers_may_wait
    close_handlers_wait_five_seconds_in_all
    of_a_server
    of_every_wait
    rounds
}

/// Runs a script whose standard input stays open and silent; it prints a number first.
fn with_silent_input(source: &str) -> Serving {
    Run::script(&[], source).serve()
}

#[test]
fn a_wait_for_standard_input_is_cancelled() {
    let finished = with_silent_input(
        r#"print(1)
        local ways = {
            function() return io.read() end,
            function() return io.read("a") end,
            function() for _ in io.lines() do end end,
            function() return io.stdin:read(5) end,
        }
        for _, read in ipairs(ways) do
            local h = async.spawn(read)
            sleep(0) sleep(0)
            h:cancel()
            local ok, e = pcall(function() return h:await() end)
            assert(not ok and e.kind == "cancelled", tostring(e))
        end
        local ok, e = pcall(async.timeout, 0.01, io.read)
        assert(not ok and e.kind == "timeout", tostring(e))
        print("ok")"#,
    )
    .finish();
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert_eq!(finished.stdout, "ok\n");
}

#[test]
fn input_that_comes_after_a_cancelled_read_is_not_lost() {
    let mut running = with_silent_input(
        r#"print(1)
        local h = async.spawn(io.read)
        sleep(0) sleep(0)
        h:cancel()
        pcall(function() return h:await() end)
        print("cancelled")
        print(io.read())"#,
    );
    assert_eq!(running.next_line(), "cancelled");
    running.child.stdin.as_mut().unwrap().write_all(b"hello\n").unwrap();
    assert_eq!(running.next_line(), "hello");
    assert_eq!(running.finish().code, 0);
}

#[test]
fn a_loop_that_catches_every_cancellation_is_stopped_by_the_cpu_limit() {
    for code in [
        "local h = async.spawn(function() while true do pcall(sleep, 1) end end) sleep(0) h:cancel() sleep(1000)",
        "async.spawn(function() while true do pcall(sleep, 1) end end) sleep(0)",
        "async.spawn(function()
            local x <close> = setmetatable({}, { __close = function() while true do end end })
            sleep(1000)
        end) sleep(0)",
    ] {
        let stderr = Run::eval(&["--max-cpu=300ms"], code).finish().fails_with(3);
        assert!(stderr.contains("--max-cpu"), "{code}: {stderr}");
    }
}

#[test]
fn ten_thousand_cancelled_tasks_leave_no_memory_behind() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/cancellation/rounds.lua");
    let server = waiting_server();
    let mut running = Run::new(["run", &server.grant()])
        .args([script.as_os_str(), server.url("").as_ref(), "measured".as_ref()])
        .serve();
    let before = running.resident_kib();

    running.child.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    assert_eq!(running.next_line(), "2");
    let after = running.resident_kib();
    assert!(after < before + 16 * 1024, "{after} KiB are resident, before {before} KiB");
    running.child.stdin.take();
    let finished = running.finish();
    assert_eq!((finished.code, finished.stdout.as_str()), (0, "ok\n"), "{}", finished.stderr);
}
