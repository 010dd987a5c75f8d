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
    errors_caught_elsewhere
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
fn a_signal_cancels_every_wait_and_close_handlers_run() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        let running = with_silent_input(
            r#"print(1)
            local function closing(name)
                return setmetatable({}, { __close = function(_, e) sleep(0) print(name, e.kind) end })
            end
            async.spawn(function() local x <close> = closing("task") sleep(1000) end)
            async.spawn(function() local x <close> = closing("reader") io.read() end)
            local x <close> = closing("main")
            async.all({ function() local x <close> = closing("nested") sleep(1000) end })"#,
        );
        running.signal(signal);
        let finished = running.finish();
        let mut lines: Vec<_> = finished.stdout.lines().collect();
        lines.sort_unstable();
        let expected =
            ["main\tcancelled", "nested\tcancelled", "reader\tcancelled", "task\tcancelled"];
        assert_eq!(
            (finished.code, lines.as_slice()),
            (code, expected.as_slice()),
            "{}",
            finished.stderr
        );
        assert!(!finished.stderr.contains("error:"), "{}", finished.stderr);
    }
}

#[test]
fn a_script_that_catches_the_cancellation_of_a_signal_comes_to_its_own_end() {
    let running = with_silent_input(
        "print(1) local ok, e = pcall(sleep, 1000) print(ok, e.kind, select(2, pcall(sleep, 1000)).kind)",
    );
    running.signal("TERM");
    let finished = running.finish();
    assert_eq!(finished.stdout, "false\tcancelled\tcancelled\n");
    assert!([0, 143].contains(&finished.code), "{}: {}", finished.code, finished.stderr);
}

#[test]
fn a_second_signal_ends_a_script_that_does_not_stop() {
    let mut running = with_silent_input(
        r#"print(1)
        local x <close> = setmetatable({}, { __close = function() io.stderr:write("closing\n") sleep(1000) end })
        sleep(1000)"#,
    );
    running.signal("TERM");
    running.stderr_line("closing");
    running.signal("TERM");
    assert_eq!(running.finish().code, 143);
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
