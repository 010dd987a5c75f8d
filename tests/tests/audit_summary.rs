//! `tidelock audit summary`: the table, the suggested grants, and logs that are none.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;

use tests::folder::Folder;
use tests::run::{self, Finished, Run};
use tests::upstream::Upstream;

/// Needs a grant of every kind, and fails at the first one that is missing.
const WANTING: &str = "local first, second, port = ...
    http.get(first .. '/redirect')
    http.get('http://localhost:' .. port .. '/')
    http.download(second .. '/file', 'out/deep/file')
    pcall(http.download, second .. '/file', 'out/file', { sha256 = ('0'):rep(64) })
    local ok, e = pcall(http.client, { ca_cert_file = 'pem/ca.pem' })
    if type(e) == 'table' and e.kind == 'denied' then error(e, 0) end
    assert(env.get('WANTED') == 'yes', 'WANTED is not there')
    require 'm'
    http.serve(0, {}, { on_listen = function(server) server.close() end })
    print 'done'";

struct Scene {
    folder: Folder,
    arguments: [String; 3],
    _upstreams: [Upstream; 2],
}

impl Scene {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write("main.lua", WANTING);
        folder.write("m.lua", "return 1");
        folder.write("pem/ca.pem", "no certificate");
        folder.write("out/deep/there", "");
        let second = Upstream::text("file");
        let location = second.url("/end");
        let first = Upstream::start(move |request, stream| {
            let answer = match request.line.contains("/redirect") {
                true => {
                    format!("HTTP/1.1 302 X\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
                }
                false => "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".to_owned(),
            };
            stream.write_all(answer.as_bytes()).is_ok()
        });
        let arguments = [first.url(""), second.url(""), second.port.to_string()];
        Self { folder, arguments, _upstreams: [first, second] }
    }

    fn run(&self, flags: &[&str]) -> Finished {
        let _ = fs::remove_file(self.folder.path().join("audit.jsonl"));
        Run::new(["run", "--audit=audit.jsonl"])
            .args(flags)
            .args(["main.lua"])
            .args(&self.arguments)
            .env("WANTED", "yes")
            .in_folder(self.folder.path())
            .finish()
    }

    fn suggested(&self) -> Vec<String> {
        let said = summary(&["--suggest", "audit.jsonl"]).in_folder(self.folder.path()).finish();
        assert_eq!(said.stderr, "");
        said.ok().lines().map(str::to_owned).collect()
    }
}

fn summary(arguments: &[&str]) -> Run {
    Run::new(["audit", "summary"]).args(arguments)
}

fn words(flags: &[String]) -> Vec<&str> {
    flags.iter().map(String::as_str).collect()
}

#[test]
fn the_suggested_grants_are_enough_and_none_is_too_many() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["-A"]).ok(), "done\n");
    let flags = scene.suggested();
    assert_eq!(flags.len(), 6, "{flags:?}");
    assert_eq!(scene.run(&words(&flags)).ok(), "done\n", "{flags:?}");
    assert_eq!(scene.suggested(), flags, "a run with them takes the same");
    for missing in &flags {
        let rest: Vec<String> = flags.iter().filter(|flag| *flag != missing).cloned().collect();
        let said = scene.run(&words(&rest)).fails_with(1);
        // An environment variable that is not granted looks unset.
        let expected = if missing.starts_with("--allow-env") {
            "WANTED is not there"
        } else {
            "is not granted"
        };
        assert!(said.contains(expected), "without {missing}: {said}");
    }
}

#[test]
fn the_advertised_command_runs_with_flags_that_need_quotes() {
    let page = include_str!("../../docs/audit.md");
    let command = page.lines().find(|line| line.starts_with("eval ")).unwrap();
    assert!(summary(&["--help"]).finish().ok().contains(command));
    let folder = Folder::new();
    folder.write("a  b/it's $(x)/file", "text");
    folder.write("c*/file", "text");
    folder.write(
        "main.lua",
        "for _, name in ipairs { \"a  b/it's $(x)\", 'c*' } do print(io.lines(name .. '/file')()) end",
    );
    let logged = Run::new(["run", "-A", "--audit=audit.jsonl", "main.lua"]);
    let granted = Run::program("sh").args(["-c", command]);
    let path =
        format!("{}:{}", run::binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
    for run in [logged, granted.env("PATH", &path)] {
        assert_eq!(run.in_folder(folder.path()).finish().ok(), "text\ntext\n");
    }
}

#[test]
fn from_denied_runs_the_grants_are_found_one_after_the_other() {
    let scene = Scene::new();
    assert_eq!(scene.run(&["-A"]).ok(), "done\n");
    let enough = scene.suggested();
    let mut flags = Vec::new();
    while scene.run(&words(&flags)).code != 0 {
        let more = scene.suggested();
        assert_ne!(more, flags, "each run is denied something else");
        flags = more;
    }
    assert_eq!(flags, enough);
}

#[test]
fn what_a_rule_forbids_is_said_and_nothing_suggested() {
    let scene = Scene::new();
    scene.run(&["-A", "--deny-net=127.0.0.1"]).fails_with(1);
    let said = summary(&["--suggest", "audit.jsonl"]).in_folder(scene.folder.path()).finish();
    let origin = scene.arguments.first().unwrap();
    assert_eq!(said.stderr, format!("note: {origin} is denied by a rule, 127.0.0.1\n"));
    assert_eq!(said.ok(), "");
}

#[test]
fn no_name_of_a_script_becomes_more_than_one_grant() {
    let folder = Folder::new();
    let script = "env.get('A,B_*') env.get('*') env.get('OK') pcall(http.get, 'http://public/')
        pcall(http.get, 'http://a,public/') pcall(http.get, 'http://*.com/') pcall(http.get, 'http://$(id)/')
        pcall(http.download, 'http://a.test/', 'a,b/x') pcall(http.download, 'http://a.test/', '$(id)/x')";
    Run::eval(&["--audit=audit.jsonl"], script).in_folder(folder.path()).finish().ok();
    let said = summary(&["--suggest", "audit.jsonl"]).in_folder(folder.path()).finish();
    assert_eq!(said.stderr.lines().count(), 3, "{}", said.stderr);
    assert_eq!(said.ok(), "--allow-net=public.\n'--allow-write=$(id)'\n--allow-env=OK\n");
}

#[test]
fn the_table_adds_up_what_happened() {
    let upstream = Upstream::text("hello");
    let folder = Folder::new();
    let script = "for _ = 1, 3 do http.get(...) end env.get('A') pcall(http.get, 'http://b.test/')";
    Run::eval(&[&upstream.grant(), "--audit=audit.jsonl"], script)
        .args([upstream.url("/?token=s3cret")])
        .in_folder(folder.path())
        .finish()
        .ok();
    let table = summary(&["audit.jsonl"]).in_folder(folder.path()).finish().ok();
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    let (origin, rule) = (upstream.url(""), format!("127.0.0.1:{}", upstream.port));
    assert_eq!(
        rows,
        [
            ["CAPABILITY", "TARGET", "OPERATION", "RESULT", "COUNT", "BYTES", "RULE"].to_vec(),
            ["env", "A", "get", "denied", "1", "-", "-"].to_vec(),
            ["http-client", &origin, "check", "allowed", "3", "-", &rule].to_vec(),
            ["http-client", &origin, "exchange", "200", "3", "15", "-"].to_vec(),
            ["http-client", &origin, "at", "127.0.0.1", "connect", "allowed", "3", "-", &rule]
                .to_vec(),
            ["http-client", "http://b.test:80", "check", "denied", "1", "-", "-"].to_vec(),
        ]
    );
}

#[test]
fn standard_input_is_read_and_what_is_no_line_is_counted() {
    let good = r#"{"capability":"env","operation":"get","target":"a\u001b[2J\n\u202eb","allowed":true,"rule":null}"#;
    let huge = "x".repeat(3_000_000);
    let text = format!("{good}\nnonsense\n{huge}\n{good}\n[{}\n{{\"a\":", "[".repeat(60_000));
    let said = summary(&["-"]).input(text).finish();
    assert_eq!(said.stderr, "note: 4 of 6 lines are no lines of an audit log\n");
    let table = said.ok();
    assert!(
        table
            .ends_with("env         a\\x1b[2J\\n\\u{202e}b  get        allowed      2      -  -\n"),
        "{table}"
    );
    assert!(!table.contains('\x1b'));
    assert_eq!(summary(&["--suggest", "-"]).input("").finish().ok(), "");
}

#[test]
fn a_log_that_cannot_be_read_is_named() {
    let said = summary(&["/no/such\x1b/file"]).finish().fails_with(1);
    assert_eq!(
        said,
        "error: failed to read the audit log /no/such\\x1b/file: No such file or directory\n"
    );
    assert!(
        summary(&["/"])
            .finish()
            .fails_with(1)
            .starts_with("error: failed to read the audit log /: ")
    );
    assert!(summary(&[]).finish().fails_with(2).contains("<FILE>"));
    assert!(Run::new(["audit"]).finish().fails_with(2).contains("summary"));
}
