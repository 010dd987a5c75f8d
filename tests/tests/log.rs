//! The script's log: one line each, whatever is logged.

use tests::run::{Finished, Run};

/// The lines on standard error, times cut off.
fn logged(flags: &[&str], code: &str) -> Vec<String> {
    let Finished { code, stdout, stderr } = Run::eval(flags, code).finish();
    assert_eq!((code, stdout.as_str()), (0, ""), "{stderr}");
    stderr.lines().map(|line| line.split_once(' ').unwrap_or_default().1.to_owned()).collect()
}

#[test]
fn each_level_writes_one_line_to_standard_error() {
    let lines = logged(&[], "log.debug('a') log.info('b') log.warn('c') log.error('d')");
    assert_eq!(lines, ["DEBUG a", "INFO  b", "WARN  c", "ERROR d"]);
}

#[test]
fn a_line_begins_with_the_time() {
    let said = Run::eval(&[], "log.info('x')").finish().stderr;
    let time = said.split(' ').next().unwrap_or_default();
    let pattern: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    assert_eq!(pattern, "0000-00-00T00:00:00.000Z");
}

#[test]
fn fields_stand_beside_the_message() {
    for (fields, shown) in [
        ("{ user = 'ann' }", "user=\"ann\""),
        ("{ n = 1 }", "n=1"),
        ("{ ratio = 0.5 }", "ratio=0.5"),
        ("{ ok = true }", "ok=true"),
        ("{ list = { 1, 'x' } }", "list=[1,\"x\"]"),
        ("{ text = 'a b\"c' }", "text=\"a b\\\"c\""),
        ("{ ['a b'] = 1 }", "\"a b\"=1"),
        ("{}", ""),
    ] {
        let lines = logged(&[], &format!("log.info('m', {fields})"));
        assert_eq!(lines.concat().trim_end(), format!("INFO  m {shown}").trim_end(), "{fields}");
    }
}

#[test]
fn json_lines_keep_fields_apart_from_the_lines_own_keys() {
    let said =
        Run::eval(&["--log-format=json"], "log.warn('m', { level = 'forged' }) log.info('n')")
            .finish()
            .stderr;
    let lines: Vec<_> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(said.starts_with("{\"time\":\""), "{said}");
    assert!(
        said.contains("\"level\":\"warn\",\"message\":\"m\",\"fields\":{\"level\":\"forged\"}}"),
        "{said}"
    );
    assert!(said.contains("\"level\":\"info\",\"message\":\"n\"}"), "{said}");
}

#[test]
fn no_message_and_no_field_can_forge_a_line_or_steer_a_terminal() {
    let hostile = "'x\\n2026-01-01T00:00:00.000Z ERROR forged\\r\\27[2J\\0\\xff\\u{202e}\\u{9b}'";
    let code = format!(
        "local h = {hostile} log.info(h) log.info('m', {{ v = h:sub(1, 40) }}) log.info('m', {{ [h] = 1 }})"
    );
    for format in ["text", "json"] {
        let said = Run::eval(&[&format!("--log-format={format}")], &code).finish().stderr;
        assert_eq!(said.lines().count(), 3, "{said}");
        assert!(!said.trim_end().contains(|c: char| c != '\n' && c.is_control()), "{said:?}");
        assert!(!said.contains(['\u{202e}', '\u{9b}']), "{said:?}");
    }
}

#[test]
fn any_value_is_logged_as_text() {
    let lines = logged(
        &[],
        "log.info(42) log.info(nil) log.info(true) log.info(setmetatable({}, { __tostring = function() return 'mine' end })) log.info('')",
    );
    assert_eq!(lines, ["INFO  42", "INFO  nil", "INFO  true", "INFO  mine", "INFO  "]);
}

#[test]
fn an_error_object_logs_as_its_text() {
    let lines =
        logged(&[], "local _, e = pcall(http.get, 'http://127.0.0.1:1/?s3cret') log.error(e)");
    assert_eq!(
        lines,
        [
            "ERROR http.get failed: net access to 127.0.0.1:1 is not granted (run with --allow-net=127.0.0.1:1)"
        ]
    );
}

#[test]
fn the_log_and_print_go_different_ways() {
    let ended = Run::eval(&[], "print('out') log.info('err')").finish();
    assert_eq!(ended.stdout, "out\n");
    assert!(
        ended.stderr.ends_with("INFO  err\n") && !ended.stderr.contains("out"),
        "{}",
        ended.stderr
    );
}

#[test]
fn arguments_of_the_wrong_type_name_the_function() {
    for (code, words) in [
        ("log.info()", ["info", "value"]),
        ("log.warn('m', 1)", ["warn", "table"]),
        ("log.error('m', 'x')", ["error", "table"]),
        ("log.debug('m', { f = print })", ["log", "function"]),
        ("log.info('m', { n = 0/0 })", ["log", "NaN"]),
        ("log.info('m', { s = '\\xff' })", ["log", "UTF-8"]),
    ] {
        let said = Run::script(&[], &format!("\n\n{code}")).finish().fails_with(1);
        let first = said.lines().next().unwrap_or_default();
        assert!(
            first.contains("main.lua:3: ") && words.iter().all(|word| first.contains(word)),
            "{code}: {said}"
        );
    }
}

#[test]
fn a_line_is_cut_and_says_so() {
    for code in ["log.info(('x'):rep(1e6))", "log.info('m', { long = ('x'):rep(1e6) })"] {
        let lines = logged(&[], code);
        assert!(
            lines.len() == 1 && lines.concat().len() < 100_000 && lines.concat().ends_with("[cut]"),
            "{code}"
        );
    }
}

#[test]
fn a_flood_is_dropped_and_said_once() {
    let code = "for i = 1, 1000 do log.info(('x'):rep(1000)) end";
    let said = Run::eval(&["--max-log=100KiB"], code).finish().stderr;
    let dropped: Vec<_> = said.lines().filter(|line| line.contains("dropped")).collect();
    assert_eq!(dropped.len(), 1, "{} lines", said.lines().count());
    assert!(dropped.concat().contains("--max-log=100KiB"), "{dropped:?}");
    assert!((10..500).contains(&said.lines().count()), "{} lines", said.lines().count());
    let all = Run::eval(&["--max-log=none"], code).finish().stderr;
    assert_eq!(all.lines().count(), 1000);
}

#[test]
fn warnings_of_lua_are_lines_of_the_log() {
    let hostile = "'a\\27[2J\\nLua warning: forged\\u{202e}'";
    let code = format!(
        "warn('b', {hostile}) setmetatable({{}}, {{ __gc = function() error({hostile}) end }}) collectgarbage()"
    );
    let said = Run::eval(&[], &code).finish().stderr;
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(said.starts_with("Lua warning: ba\\x1b[2J\\nLua warning: forged\\u{202e}\n"), "{said}");
    assert!(!said.contains('\x1b') && said.contains("error in __gc"), "{said}");
    let json = Run::eval(&["--log-format=json"], "warn('m', 'n')").finish().stderr;
    assert!(json.ends_with("\"level\":\"warn\",\"message\":\"Lua warning: mn\"}\n"), "{json}");
    let flood = Run::eval(&["--max-log=20000"], "for i = 1, 1e5 do warn('x') end").finish().stderr;
    assert!(flood.len() < 500_000 && flood.contains("--max-log"), "{} bytes", flood.len());
}
