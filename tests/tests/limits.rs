//! Every limit is an operator's to set, and every one is tested at its edge: this file holds the list, with
//! the tests that stand elsewhere by name, and `tidelock limits`, which prints them.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use tests::folder::Folder;
use tests::run::{Finished, Run};

/// Each limit: a value within its range, one out of it, and the tests of its edge, as `file::function`.
const LIMITS: [(&str, &str, &str, &[&str]); 28] = [
    (
        "max-memory",
        "17MiB",
        "0",
        &[
            "limits::memory_is_there_below_its_limit_and_not_beyond",
            "memory_limit::a_script_that_takes_all_it_can_ends_with_exit_code_3_and_stays_within_its_limit",
        ],
    ),
    (
        "max-cpu",
        "1500ms",
        "0",
        &[
            "cpu_limit::a_script_within_its_limit_is_left_alone",
            "cpu_limit::an_endless_computation_ends_with_exit_code_3_and_the_flag_wherever_it_is",
        ],
    ),
    (
        "max-cpu-total",
        "3s",
        "0s",
        &["cpu_limit::the_limit_of_the_whole_run_counts_over_all_resumptions"],
    ),
    (
        "max-time",
        "4s",
        "-1s",
        &["cpu_limit::the_limit_of_time_holds_whether_the_script_waits_or_computes"],
    ),
    (
        "max-body",
        "5KiB",
        "5KB",
        &["http_server_limits::a_body_up_to_max_body_is_taken_and_a_larger_one_is_413"],
    ),
    (
        "max-response",
        "6KiB",
        "-6",
        &[
            "http_client_limits::the_operators_limit_holds_whatever_the_script_asks_for",
            "http_client_limits::a_body_as_large_as_max_size_is_taken_and_one_byte_more_is_not",
        ],
    ),
    (
        "max-download",
        "7KiB",
        "x",
        &["download_faults::a_file_may_be_as_large_as_the_smaller_limit_and_no_byte_larger"],
    ),
    (
        "max-file",
        "7KiB",
        "-1",
        &["files_granted::a_file_may_grow_to_the_limit_and_no_byte_further"],
    ),
    (
        "max-files",
        "9",
        "0",
        &["files_granted::so_many_files_may_be_open_and_forgotten_ones_are_closed"],
    ),
    (
        "max-headers",
        "8,2KiB",
        "5000",
        &[
            "http_server_limits::max_headers_bounds_lines_and_bytes",
            "http_client_limits::a_header_section_past_the_limit_is_too_large",
            "http_client_limits::more_request_headers_than_allowed_are_a_limit",
        ],
    ),
    (
        "max-connections",
        "9",
        "0",
        &["http_server_limits::connections_beyond_max_connections_wait_for_one_to_close"],
    ),
    (
        "max-in-flight",
        "10",
        "0",
        &["http_server_limits::requests_beyond_max_in_flight_queue_and_beyond_that_are_503"],
    ),
    (
        "max-outgoing",
        "11",
        "0",
        &[
            "http_client_limits::more_requests_at_once_than_allowed_are_a_limit_and_the_others_go_on",
        ],
    ),
    (
        "max-websockets",
        "12",
        "0",
        &[
            "websocket_server::no_more_are_open_than_allowed",
            "websocket_client_failures::only_so_many_connections_are_open_at_once",
        ],
    ),
    (
        "max-ws-message",
        "13KiB",
        "-1",
        &[
            "websocket_server_abnormal::messages_and_frames_beyond_their_limits_are_1009",
            "websocket_client_abnormal::messages_and_frames_may_be_as_large_as_the_operator_says",
        ],
    ),
    (
        "max-ws-frame",
        "14KiB",
        "-1",
        &[
            "websocket_server_abnormal::messages_and_frames_beyond_their_limits_are_1009",
            "websocket_client_abnormal::messages_and_frames_may_be_as_large_as_the_operator_says",
        ],
    ),
    (
        "header-timeout",
        "15s",
        "0",
        &["http_server_limits::a_head_that_does_not_come_in_time_ends_its_connection"],
    ),
    ("body-timeout", "16s", "0", &["http_server_limits::a_body_that_stops_coming_is_408"]),
    ("idle-timeout", "17s", "0", &["http_server_limits::an_idle_connection_is_closed"]),
    (
        "write-timeout",
        "18s",
        "0",
        &["http_server_limits::a_client_that_takes_nothing_of_its_response_is_cut"],
    ),
    (
        "ws-idle-timeout",
        "19s",
        "0",
        &[
            "websocket_server::silence_beyond_the_idle_timeout_closes_with_1001",
            "websocket_client_abnormal::a_silent_connection_is_closed_after_the_idle_time",
        ],
    ),
    ("sse-keep-alive", "20s", "0", &["sse::silence_is_filled_with_comments"]),
    (
        "max-handler-time",
        "21s",
        "0",
        &[
            "http_server_limits::a_handler_beyond_max_handler_time_is_cancelled_and_its_client_gets_504",
        ],
    ),
    (
        "max-tasks",
        "22",
        "0",
        &[
            "language::as_many_tasks_as_the_limit_allows_run_and_no_more",
            "limits::as_many_http_clients_are_open_as_the_limit_allows_and_no_more",
            "http_server_limits::handlers_beyond_max_tasks_are_503_and_the_others_go_on",
        ],
    ),
    (
        "grace-period",
        "23s",
        "-1",
        &["http_server_limits::what_runs_beyond_the_grace_period_is_cut_and_the_script_goes_on"],
    ),
    ("max-log", "24KiB", "-1", &["log::a_flood_is_dropped_and_said_once"]),
    (
        "max-source",
        "25KiB",
        "0",
        &["limits::source_may_be_as_large_as_its_limit_and_no_byte_larger"],
    ),
    ("max-require-depth", "26", "151", &["modules::nesting_is_bounded_by_the_flag"]),
];

/// `tidelock limits` with these words: value and origin by limit.
fn table(words: &[&str], folder: &Folder) -> BTreeMap<String, (String, String)> {
    let said = Run::new(["limits"]).args(words).in_folder(folder.path()).finish().ok();
    let rows = said.lines().filter_map(|line| line.strip_prefix("--"));
    let cells = rows.map(|row| row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()));
    cells
        .map(|mut cells| {
            let mut next = || cells.next().unwrap().to_owned();
            (next(), (next(), next()))
        })
        .collect()
}

#[test]
fn the_list_has_every_limit_and_no_other() {
    let found: BTreeSet<_> = table(&[], &Folder::new()).into_keys().collect();
    let listed: BTreeSet<_> = LIMITS.iter().map(|(name, ..)| (*name).to_owned()).collect();
    assert_eq!(found, listed, "what `tidelock limits` prints, and what is tested at its edge");
}

#[test]
fn every_limit_has_tests_of_its_edge() {
    for (name, _, _, tests) in LIMITS {
        assert!(!tests.is_empty(), "{name}");
        for test in tests {
            let (file, function) = test.split_once("::").unwrap();
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/{file}.rs"));
            let source = fs::read_to_string(path).unwrap();
            assert!(
                source.contains(&format!("#[test]\nfn {function}()")),
                "{name}: {test} is no test"
            );
            assert!(file == "limits" || source.contains(&format!("--{name}")), "{name}: {test}");
        }
    }
}

#[test]
fn every_limit_is_set_by_flag_and_by_policy() {
    let folder = Folder::new();
    for (name, value, wrong, _) in LIMITS {
        let usual = table(&[], &folder)[name].clone();
        assert_eq!(usual.1, "default", "{name}");
        assert_ne!(usual.0, value, "{name}: the test needs another value");
        let flag = format!("--{name}={value}");
        folder.write("policy.toml", format!("[limits]\n{name} = \"{value}\"\n"));
        folder.write("other.toml", format!("[limits]\n{name} = \"none\"\n"));
        let (policy, other) = ("--policy=policy.toml", "--policy=other.toml");
        let of = |words: &[&str]| table(words, &folder)[name].clone();
        let expect = |origin: &str| (value.to_owned(), origin.to_owned());
        assert_eq!(of(&[&flag]), expect("flag"));
        assert_eq!(of(&[policy]), expect("policy policy.toml"));
        assert_eq!(of(&[other, policy]), expect("policy policy.toml"));
        assert_eq!(of(&[other, &flag]), expect("flag"));
        assert_ne!(of(&[policy, other]).0, value, "{name}: `none` lifts it");
        // What is out of range is refused, wherever it stands, by `run` as by `limits`.
        let wrong_flag = format!("--{name}={wrong}");
        folder.write("wrong.toml", format!("[limits]\n{name} = \"{wrong}\"\n"));
        for word in [wrong_flag.as_str(), "--policy=wrong.toml"] {
            for command in ["limits", "eval"] {
                let run = Run::new([command, word]).in_folder(folder.path());
                let said = run.finish().fails_with(2);
                assert!(said.contains(name), "{command} {word}: {said}");
            }
        }
    }
}

#[test]
fn the_table_is_json_as_well() {
    let said = Run::new(["limits", "--json", "--max-tasks=7"]).finish().ok();
    let code = "local t = json.parse(io.read('a'))
        for _, row in ipairs(t.limits) do
            assert(row.limit and row.value and row.set_by and row.at_limit)
            if row.limit == 'max-tasks' then print(row.value, row.set_by) end
        end
        print(#t.limits, #t.fixed > 5)";
    let read = Run::eval(&[], code).input(said).finish().ok();
    assert_eq!(read, format!("7\tflag\n{}\ttrue\n", LIMITS.len()));
}

#[test]
fn the_table_shows_what_steers_a_terminal_as_escapes() {
    let folder = Folder::new();
    folder.write("a\u{1b}[31m\n.toml", "[limits]\nmax-cpu = 1\n");
    let run = Run::new(["limits", "--policy=a\u{1b}[31m\n.toml"]).in_folder(folder.path());
    let said = run.finish().ok();
    assert!(said.contains(r"policy a\x1b[31m\n.toml") && !said.contains('\u{1b}'), "{said}");
}

#[test]
fn memory_is_there_below_its_limit_and_not_beyond() {
    // Lua gets 8 MiB less than the memory has; what it has is not all for one string.
    for (limit, within, beyond) in [("64MiB", 40, 56), ("128MiB", 100, 120)] {
        let flag = format!("--max-memory={limit}");
        let code = |mib: u32| format!("assert(#('x'):rep({mib} << 20) == {mib} << 20)");
        Run::eval(&[&flag], &code(within)).finish().ok();
        let stderr = Run::eval(&[&flag], &code(beyond)).finish().fails_with(3);
        assert!(stderr.contains(&format!("more than {limit} (raise --max-memory)")), "{stderr}");
        Run::eval(&["--max-memory=none"], &code(beyond)).finish().ok();
    }
}

#[test]
fn as_many_http_clients_are_open_as_the_limit_allows_and_no_more() {
    let code = "local kept = {}
        for i = 1, 10 do kept[i] = http.client() end
        local ok, e = pcall(http.client)
        print(ok, e.kind, e.message)
        kept = nil
        for i = 1, 1000 do http.client() end
        print(http.client({}) ~= nil)";
    let said = Run::eval(&["--max-tasks=10"], code).finish().ok();
    assert_eq!(said, "false\tlimit\thttp.client: 10 clients are open (raise --max-tasks)\ntrue\n");
    let uncaught = "kept = {} while true do kept[#kept + 1] = http.client() end";
    let stderr = Run::eval(&["--max-tasks=10"], uncaught).finish().fails_with(3);
    assert!(stderr.contains("raise --max-tasks"), "{stderr}");
}

#[test]
fn source_may_be_as_large_as_its_limit_and_no_byte_larger() {
    let folder = Folder::new();
    let source = |size: usize| format!("print 'ran'{}", " ".repeat(size - 11));
    let run = |main: &str, module: &str| -> Finished {
        folder.write("main.lua", main);
        folder.write("module.lua", module);
        Run::new(["run", "--max-source=100", "main.lua"]).in_folder(folder.path()).finish()
    };
    assert_eq!(run(&source(100), "").ok(), "ran\n");
    assert!(run(&source(101), "").fails_with(3).contains("--max-source=100"));
    assert_eq!(run("require 'module'", &source(100)).ok(), "ran\n");
    let kind = "print(select(2, pcall(require, 'module')).kind)";
    assert_eq!(run(kind, &source(101)).ok(), "too_large\n");
    let load = "for n = 100, 101 do print((load((' '):rep(n)))) end";
    let said = run(load, "").ok();
    assert!(said.starts_with("function: ") && said.ends_with("\nnil\n"), "{said}");
    for size in [100, 101] {
        let finished = Run::new(["run", "--max-source=100", "-"]).input(source(size)).finish();
        assert_eq!(finished.code, if size == 100 { 0 } else { 3 }, "{}", finished.stderr);
        let checked = Run::new(["check", "--max-source=100", "-"]).input(source(size)).finish();
        assert_eq!(checked.code, finished.code, "{}", checked.stderr);
    }
}
