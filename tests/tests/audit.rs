//! The audit log: a line per decision and per operation, and no secret in it.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;

use tests::folder::Folder;
use tests::run::Run;
use tests::upstream::Upstream;

/// The lines that a run of this script leaves, each without `time` and `seconds`, which vary.
fn audited(flags: &[&str], script: &str, arguments: &[String]) -> Vec<String> {
    let folder = Folder::new();
    folder.write("main.lua", script);
    folder.write("m.lua", "return 1");
    Run::new(["run", "--audit=audit.jsonl"])
        .args(flags)
        .args(["main.lua"])
        .args(arguments)
        .in_folder(folder.path())
        .env("GRANTED", "s3cret")
        .env("OTHER", "s3cret")
        .finish()
        .ok();
    let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    text.lines().map(plain).collect()
}

/// A line as sorted `key=value` words. The values of this log hold no commas but in texts of ours.
fn plain(line: &str) -> String {
    // Read by the JSON library of the program under test, which knows JSON.
    let code = "local line = json.parse(...)
        assert(math.type(line.time) == 'float' and line.time > 1.7e9)
        assert(line.seconds == nil or line.seconds >= 0)
        local words = {}
        for name, value in pairs(line) do
          if name ~= 'time' and name ~= 'seconds' then words[#words + 1] = name .. '=' .. tostring(value) end
        end
        table.sort(words) io.write(table.concat(words, ' '))";
    Run::eval(&[], code).args([line]).finish().ok()
}

#[track_caller]
fn assert_line(lines: &[String], expected: &str) {
    assert_eq!(lines.iter().filter(|line| *line == expected).count(), 1, "{expected}\n{lines:#?}");
}

#[test]
fn a_request_leaves_its_decisions_and_its_outcome() {
    let upstream = Upstream::text("hello");
    let script =
        "http.get(... .. '/path?token=s3cret#s3cret', { headers = { Authorization = 's3cret' } })";
    let lines = audited(&[&upstream.grant()], script, &[upstream.url("")]);
    let (origin, rule) = (upstream.url(""), format!("127.0.0.1:{}", upstream.port));
    assert_line(
        &lines,
        &format!("allowed=true capability=http-client operation=check rule={rule} target={origin}"),
    );
    assert_line(
        &lines,
        &format!(
            "allowed=true capability=http-client operation=connect rule={rule} target={origin} at 127.0.0.1"
        ),
    );
    assert_line(
        &lines,
        &format!(
            "bytes=5 capability=http-client operation=exchange outcome=200 received=5 sent=0 target={origin}"
        ),
    );
}

#[test]
fn a_denied_request_leaves_its_decision_and_no_operation() {
    let script = "pcall(http.get, 'http://127.0.0.1:1/path?token=s3cret')
        pcall(http.get, 'http://name.example/?token=s3cret')";
    let lines = audited(&["--allow-net=127.0.0.1:*", "--deny-net=127.0.0.0/8"], script, &[]);
    assert_line(
        &lines,
        "allowed=false capability=http-client operation=check rule=127.0.0.0/8 target=http://127.0.0.1:1",
    );
    assert_line(
        &lines,
        "allowed=false capability=http-client operation=check target=http://name.example:80",
    );
    assert_eq!(lines.len(), 2, "{lines:#?}");
}

#[test]
fn a_failed_request_leaves_its_kind() {
    let silent = Upstream::start(|_, stream| {
        let _ = std::io::Read::read_to_end(stream, &mut Vec::new());
        false
    });
    let large = Upstream::text("too much");
    let script = "local silent, large = ...
        pcall(http.get, silent, { timeout = 0.1 })
        pcall(http.get, large, { max_size = 1 })";
    let lines = audited(&["--allow-net=localhost:*"], script, &[silent.url(""), large.url("")]);
    assert_line(
        &lines,
        &format!(
            "bytes=0 capability=http-client operation=exchange outcome=timeout received=0 sent=0 target={}",
            silent.url("")
        ),
    );
    assert_line(
        &lines,
        &format!(
            "bytes=0 capability=http-client operation=exchange outcome=too_large received=0 sent=0 target={}",
            large.url("")
        ),
    );
}

#[test]
fn every_hop_of_a_redirect_leaves_a_decision() {
    let target = Upstream::text("end");
    let upstream = Upstream::always(format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        target.url("/?token=s3cret")
    ));
    let lines = audited(&[&upstream.grant()], "pcall(http.get, ...)", &[upstream.url("/")]);
    let (from, to) = (upstream.url(""), target.url(""));
    assert_line(
        &lines,
        &format!(
            "allowed=true capability=http-client operation=check rule=127.0.0.1:{} target={from}",
            upstream.port
        ),
    );
    assert_line(
        &lines,
        &format!("allowed=false capability=http-client operation=check target={to}"),
    );
    assert!(lines.iter().any(|line| line.contains("outcome=denied")), "{lines:#?}");
}

#[test]
fn variables_and_modules_leave_lines_too() {
    let script = "env.get('GRANTED') os.getenv('OTHER') require 'm' pcall(require, 'missing')";
    let lines = audited(&["--allow-env=GRANT*"], script, &[]);
    assert_line(&lines, "allowed=true capability=env operation=get rule=GRANT* target=GRANTED");
    assert_line(&lines, "allowed=false capability=env operation=get target=OTHER");
    assert_line(&lines, "bytes=8 capability=modules operation=open outcome=ok target=m.lua");
}

#[test]
fn listening_leaves_a_decision() {
    let script = "pcall(http.serve, 0, {}, { on_listen = function(server) server.close() end }) pcall(http.serve, 1, {})";
    let lines = audited(&["--allow-listen=0"], script, &[]);
    let about = |word: &str| {
        lines
            .iter()
            .filter(|line| line.contains("capability=http-server") && line.contains(word))
            .count()
    };
    assert_eq!((about("allowed=true"), about("allowed=false")), (1, 1), "{lines:#?}");
}

#[test]
fn a_script_that_only_computes_leaves_nothing() {
    assert!(
        audited(
            &[],
            "local x = 0 for i = 1, 1000 do x = x + i end sleep(0) print(x, json.encode { x })",
            &[]
        )
        .is_empty()
    );
}

#[test]
fn the_log_is_appended_to_and_written_without_delay() {
    let folder = Folder::new();
    let code = "env.get('A') while true do end";
    for count in 1..=2 {
        // Even a script that is stopped by a limit has left its lines.
        Run::eval(&["--audit=audit.jsonl", "--max-cpu=100ms"], code)
            .in_folder(folder.path())
            .finish()
            .fails_with(3);
        let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
        assert_eq!(text.lines().count(), count, "{text}");
    }
}

#[test]
fn no_target_can_forge_a_line() {
    let script = "env.get('A\\n{\"time\":1,\"capability\":\"forged\"}\\r\\27[2J')";
    let lines = audited(&[], script, &[]);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines.concat().starts_with("allowed=false capability=env "), "{lines:#?}");
}
