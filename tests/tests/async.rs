//! The `async` library: tasks, what they return and raise, and the helpers over them.

use tests::run::{Run, Serving};
use tests::script_tests;

script_tests! { "async":
    all
    errors_of_tasks
    race
    spawn_and_await
    spawn_interval
    timeout
}

#[test]
fn an_error_that_nobody_awaits_is_logged_with_its_traceback() {
    for code in [
        "async.spawn(function() sleep(0) error('lost') end) sleep(0.01)",
        "local h = async.spawn(function() error('lost') end) sleep(0.01)",
        "async.spawn(function() coroutine.wrap(function() sleep(0) error('lost') end)() end) sleep(0.01)",
    ] {
        let finished = Run::eval(&[], code).finish();
        assert_eq!(finished.stderr.matches("lost").count(), 1, "{code}: {}", finished.stderr);
        assert!(finished.stderr.contains("traceback"), "{code}: {}", finished.stderr);
        assert!(finished.stderr.contains("ERROR"), "{code}: {}", finished.stderr);
        assert_eq!(finished.code, 0, "{code}");
    }
}

#[test]
fn an_error_that_is_awaited_is_not_logged() {
    for code in [
        "pcall(async.spawn(error, 'seen').await)",
        "local h = async.spawn(error, 'seen') sleep(0.01) pcall(h.await)",
        "local h = async.spawn(error, 'seen') async.spawn(function() pcall(h.await) end) sleep(0.01)",
        "pcall(async.all, { function() error('seen') end })",
        "pcall(async.race, { function() error('seen') end })",
        "pcall(async.timeout, 60, function() error('seen') end)",
        "local h = async.spawn(sleep, 1000) sleep(0) h:cancel()",
        "async.race({ function() sleep(1000) end, function() return 1 end })",
    ] {
        let finished = Run::eval(&[], code).finish();
        assert_eq!(finished.stderr, "", "{code}");
        assert_eq!(finished.code, 0, "{code}");
    }
}

#[test]
fn a_running_server_logs_a_forgotten_error_at_once() {
    let mut server =
        Serving::routes(&[], "async.spawn(function() sleep(0.01) error('forgotten') end)", "{}");
    assert!(server.stderr_line("forgotten").contains("ERROR"));
}

#[test]
fn an_interval_that_fails_stops_and_is_logged_at_once_although_its_handle_is_kept() {
    let mut server = Serving::routes(
        &[],
        "calls = 0 timer = async.spawn_interval(0.01, function() calls = calls + 1 error('tick ' .. calls) end)",
        "{ GET = { ['/'] = function() sleep(0.05) return tostring(calls) end } }",
    );
    assert!(server.stderr_line("tick 1").contains("ERROR"));
    assert_eq!(tests::client::Raw::connect(server.port).get("/").text(), "1");
}

#[test]
fn the_run_ends_with_the_main_chunk_and_says_how_many_tasks_it_cancelled() {
    for (code, said) in [
        ("async.spawn(sleep, 1000)", "1 task was"),
        ("for _ = 1, 3 do async.spawn(sleep, 1000) end sleep(0)", "3 tasks were"),
        ("timer = async.spawn_interval(1000, print) sleep(0)", "1 task was"),
        ("async.spawn(http.serve, 0, {}) sleep(0.01)", "1 task was"),
    ] {
        let finished = Run::eval(&["--allow-listen=0"], code).finish();
        assert!(finished.stderr.contains(said), "{code}: {}", finished.stderr);
        assert!(finished.stderr.contains("cancelled"), "{code}: {}", finished.stderr);
        assert_eq!(finished.stderr.lines().count(), 1, "{code}: {}", finished.stderr);
        assert_eq!(finished.code, 0, "{code}");
    }
    let finished = Run::eval(&[], "async.spawn(sleep, 0):await()").finish();
    assert_eq!(finished.stderr, "", "nothing was cancelled");
}

#[test]
fn a_main_chunk_that_fails_cancels_its_tasks_too() {
    let stderr =
        Run::eval(&[], "async.spawn(sleep, 1000) sleep(0) error('over')").finish().fails_with(1);
    assert!(stderr.contains("1 task was"), "{stderr}");
    assert!(stderr.contains("error: eval:1: over"), "{stderr}");
}

#[test]
fn tasks_that_are_left_over_close_their_variables() {
    let stdout = Run::eval(
        &[],
        r#"local function task(name)
            local x <close> = setmetatable({}, { __close = function() sleep(0) print(name) end })
            sleep(1000)
        end
        async.spawn(task, "a") async.spawn(task, "b") sleep(0) print("main ends")"#,
    )
    .finish()
    .ok();
    let mut lines: Vec<_> = stdout.lines().collect();
    assert_eq!(lines.remove(0), "main ends");
    lines.sort_unstable();
    assert_eq!(lines, ["a", "b"]);
}

#[test]
fn a_task_that_is_started_after_the_main_chunk_has_ended_does_not_keep_the_run() {
    for code in [
        "async.spawn(function() pcall(sleep, 1000) async.spawn(function() while true do sleep(1) end end) end) sleep(0)",
        "local function again() pcall(sleep, 1000) async.spawn(again) end async.spawn(again) sleep(0)",
        "async.spawn(function()
            local x <close> = setmetatable({}, { __close = function() async.spawn(sleep, 1000) end })
            sleep(1000)
        end) sleep(0)",
        "async.spawn(function() pcall(sleep, 1000) async.spawn_interval(0.01, print) end) sleep(0)",
    ] {
        assert_eq!(Run::eval(&[], code).finish().ok(), "", "{code}");
    }
}

#[test]
fn results_of_main_and_of_tasks_do_not_become_the_exit_code() {
    assert_eq!(
        Run::eval(&[], "async.spawn(function() return 3 end):await() return 7").finish().ok(),
        ""
    );
}
