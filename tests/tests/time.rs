//! Clocks and `sleep`.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::{SystemTime, UNIX_EPOCH};

use tests::run::Run;

fn eval(code: &str) -> String {
    Run::eval(&[], code).finish().ok()
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[test]
fn time_is_unix_time_with_a_fraction() {
    for code in ["time()", "time.now()", "os.time()"] {
        let before = now();
        let said: f64 = eval(&format!("print(('%.6f'):format({code}))")).trim().parse().unwrap();
        let after = now();
        assert!((before.floor()..=after).contains(&said), "{code}: {before} {said} {after}");
    }
    assert_eq!(eval("print(math.type(time()), math.type(os.time()))"), "float\tinteger\n");
}

#[test]
fn the_monotonic_clock_never_goes_back_and_passes_while_sleeping() {
    let said = eval(
        "local last = time.monotonic()
         for _ = 1, 10000 do local t = time.monotonic() assert(t >= last) last = t end
         local before = time.monotonic()
         sleep(0.02)
         print(time.monotonic() - before >= 0.02, math.type(before))",
    );
    assert_eq!(said, "true\tfloat\n");
}

#[test]
fn dates_and_the_cpu_clock_are_lua_s_own() {
    let said = eval(
        "print(os.date('!%Y-%m-%d %H:%M:%S', 86400), os.difftime(7, 3))
         print(os.time { year = 2000, month = 1, day = 1, hour = 12 } > 9e8)
         local before = os.clock() sleep(0.05) print(os.clock() - before < 0.05, os.clock() >= 0)
         print(os.date('*t').year >= 2026)",
    );
    assert_eq!(said, "1970-01-02 00:00:00\t4.0\ntrue\ntrue\ttrue\ntrue\n");
}

#[test]
fn a_sleep_of_nothing_lets_others_run() {
    let said = eval(
        "local order = {}
         local h = async.spawn(function() order[#order + 1] = 'task' end)
         order[#order + 1] = 'before' sleep(0) h:await() order[#order + 1] = 'after'
         print(table.concat(order, ' '), select('#', sleep(0)))",
    );
    assert_eq!(said, "before task after\t0\n");
}

#[test]
fn sleeps_end_in_the_order_of_their_times_and_equal_ones_are_all_woken() {
    let said = eval(
        "local order, handles = {}, {}
         for i, seconds in ipairs { 0.3, 0.2, 0.1 } do
           handles[i] = async.spawn(function() sleep(seconds) order[#order + 1] = seconds end)
         end
         for i = 4, 1000 do handles[i] = async.spawn(function() sleep(0.01) end) end
         for _, handle in ipairs(handles) do handle:await() end
         print(table.concat(order, ' '))",
    );
    assert_eq!(said, "0.1 0.2 0.3\n");
}

#[test]
fn sleeping_for_no_number_of_seconds_is_refused_by_name() {
    for (argument, got) in [
        ("-1", "-1"),
        ("-0.001", "-0.001"),
        ("0/0", "nan"),
        ("-math.huge", "-inf"),
        ("nil", "nil"),
        ("", "n"),
        ("{}", "table"),
        ("'x'", "x"),
    ] {
        let said = Run::script(
            &[],
            &format!("\nlocal ok, e = pcall(function()\nsleep({argument})\nend) print(e)"),
        )
        .finish()
        .ok();
        assert!(
            said.contains("main.lua:3: sleep: seconds must be a number >= 0, got"),
            "{argument}: {said}"
        );
        assert!(said.contains(got), "{argument}: {said}");
    }
}

#[test]
fn more_sleepers_than_tasks_are_allowed_are_a_limit() {
    let code = "local ok, e
        for i = 1, 100 do
          ok, e = pcall(async.spawn, sleep, 3600)
          if not ok then break end
        end
        print(e.kind, e.message)";
    let said = Run::eval(&["--max-tasks=10"], code).finish().ok();
    assert!(said.starts_with("limit\t") && said.contains("--max-tasks"), "{said}");
}

#[test]
fn an_endless_sleep_can_be_cancelled() {
    for seconds in ["1e300", "math.huge", "1e9", "3600"] {
        let code = format!(
            "local h = async.spawn(function() sleep({seconds}) end)
             sleep(0) h:cancel()
             local ok, e = pcall(h.await, h) print(e.kind, e.message)"
        );
        assert_eq!(eval(&code), "cancelled\tsleep: cancelled\n", "{seconds}");
    }
}

#[test]
fn a_script_that_ends_does_not_wait_for_sleepers() {
    let ended = Run::eval(&[], "async.spawn(sleep, 3600) print('end')").finish();
    assert!(ended.stderr.contains("1 task"), "{}", ended.stderr);
    assert_eq!(ended.ok(), "end\n");
}
