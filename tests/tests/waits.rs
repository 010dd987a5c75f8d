//! Waits wherever Lua can be: they suspend the task, never just the innermost coroutine.

#![expect(clippy::panic, reason = "tests")]

use tests::run::Run;
use tests::script_tests;

script_tests! { "waits":
    a_coroutine_closes_itself
    closing_a_waiting_coroutine
    every_kind_of_wait_in_coroutines
    in_close_metamethods
    in_coroutines
    in_handlers
    in_iterators
    in_metamethods
    in_modules
    in_protected_calls
    seen_between_wait_and_resumption
    seen_from_another_task
    tasks_take_turns
    the_main_chunk_is_no_coroutine
    where_lua_cannot_wait
}

#[test]
fn the_main_chunk_and_a_task_cannot_yield() {
    for code in [
        "coroutine.yield(1)",
        "sleep(0) coroutine.yield(1)",
        "async.spawn(coroutine.yield, 1):await()",
        "async.spawn(function() sleep(0) coroutine.yield() end):await()",
    ] {
        let stderr = Run::eval(&[], code).finish().fails_with(1);
        assert!(stderr.contains("attempt to yield from outside a coroutine"), "{code}: {stderr}");
    }
}

#[test]
fn finalizers_at_the_end_of_the_run_cannot_wait_or_close_what_runs_them() {
    let stdout = Run::eval(
        &[],
        r#"setmetatable({}, { __gc = function()
            print(select(2, pcall(sleep, 0)))
            print(select(2, pcall(coroutine.wrap(function() sleep(0) end))))
            print(pcall(coroutine.yield))
            print(pcall(coroutine.close))
            print(pcall(coroutine.close, (coroutine.running())))
            print(coroutine.wrap(function() coroutine.yield("yielded") end)())
            async.spawn(print, "never")
            print("last")
        end })"#,
    )
    .finish()
    .ok();
    let lines: Vec<_> = stdout.lines().collect();
    let [sleep, wrapped, yielded, closed, closed_by_name, own, last] = lines[..] else {
        panic!("{stdout:?}")
    };
    assert!(sleep.contains("cannot wait inside"), "{sleep}");
    assert!(wrapped.contains("cannot wait inside"), "{wrapped}");
    assert!(yielded.starts_with("false\tattempt to yield"), "{yielded}");
    assert!(closed.starts_with("false\tcannot close"), "{closed}");
    assert!(closed_by_name.starts_with("false\tcannot close"), "{closed_by_name}");
    assert_eq!([own, last], ["yielded", "last"]);
}
