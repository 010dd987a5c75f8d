//! `http.download` when all goes well, and what it may do at all.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::io::Write;
use std::process::Command;

use tests::folder::Folder;
use tests::run::{Finished, Run, binary};
use tests::upstream::{Seen, Upstream};

/// Runs a script in `folder`, with the upstream and `out` granted and the upstream's URL as its argument.
fn run(folder: &Folder, upstream: &Upstream, script: &str) -> Finished {
    fs::create_dir_all(folder.path().join("out")).unwrap();
    Run::script(&[&upstream.grant(), "--allow-write=out"], script)
        .in_folder(folder.path())
        .args([upstream.url("")])
        .finish()
}

fn with_body(body: Vec<u8>) -> Upstream {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    Upstream::always([head.into_bytes(), body].concat())
}

/// Bytes in which no part looks like another.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32)
        .flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes())
        .take(length)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    let folder = Folder::new();
    let path = folder.write("file", bytes);
    let output = Command::new("sha256sum").arg(path).output().unwrap().stdout;
    String::from_utf8(output).unwrap()[..64].to_owned()
}

#[test]
fn a_file_of_any_size_arrives_whole_and_its_size_is_returned() {
    for length in [0, 1, 65_535, 65_536, 65_537, 3_000_000] {
        let (folder, body) = (Folder::new(), bytes(length));
        let upstream = with_body(body.clone());
        let said = run(&folder, &upstream, "print(http.download(... .. '/x', 'out/file'))").ok();
        assert_eq!(said, format!("{length}\n"));
        assert_eq!(folder.read("out/file"), body);
        assert_eq!(folder.tree(), ["out/", "out/file"]);
    }
}

#[test]
fn a_body_of_unknown_length_arrives_too() {
    let body = bytes(200_000);
    let chunks: Vec<u8> = body
        .chunks(7000)
        .flat_map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat())
        .collect();
    let chunked =
        [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &chunks[..], b"0\r\n\r\n"]
            .concat();
    let to_the_end = [b"HTTP/1.0 200 OK\r\n\r\n", &body[..]].concat();
    for response in [chunked, to_the_end] {
        let folder = Folder::new();
        let upstream = Upstream::start(move |_, stream| {
            stream.write_all(&response).unwrap();
            false
        });
        assert_eq!(
            run(&folder, &upstream, "print(http.download(..., 'out/file'))").ok(),
            "200000\n"
        );
        assert_eq!(folder.read("out/file"), body);
    }
}

#[test]
fn what_a_server_sends_past_its_content_length_is_not_in_the_file() {
    let folder = Folder::new();
    let upstream = Upstream::start(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more").unwrap();
        false
    });
    assert_eq!(run(&folder, &upstream, "print(http.download(..., 'out/file'))").ok(), "5\n");
    assert_eq!(folder.read("out/file"), b"hello");
}

#[test]
fn an_existing_file_is_replaced_and_missing_folders_are_made() {
    let folder = Folder::new();
    folder.write("out/file", "old and longer than the new one");
    let upstream = with_body(b"new".to_vec());
    run(&folder, &upstream, "http.download(..., 'out/file') http.download(..., 'out/a/b/c/file')")
        .ok();
    assert_eq!(
        (folder.read("out/file"), folder.read("out/a/b/c/file")),
        (b"new".into(), b"new".into())
    );
    let made = ["out/", "out/a/", "out/a/b/", "out/a/b/c/", "out/a/b/c/file", "out/file"];
    assert_eq!(folder.tree(), made);
}

#[test]
fn the_file_has_the_permissions_that_the_umask_leaves() {
    let folder = Folder::new();
    let upstream = with_body(b"x".to_vec());
    let run = format!(
        "umask 027 && touch plain && exec {} eval {} --allow-write=. 'http.download(..., \"file\")' {}",
        binary().display(),
        upstream.grant(),
        upstream.url("")
    );
    let status = Command::new("sh").args(["-c", &run]).current_dir(folder.path()).status().unwrap();
    assert!(status.success());
    let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions();
    assert_eq!(mode("file"), mode("plain"));
}

#[test]
fn the_request_asks_for_the_plain_body_also_behind_a_redirect() {
    let target = with_body(b"x".to_vec());
    let redirect = Upstream::always(format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        target.url("/real")
    ));
    let folder = Folder::new();
    fs::create_dir(folder.path().join("out")).unwrap();
    let script = "assert.eq(http.download(... .. '/a?b=c', 'out/file',
      { headers = { Authorization = 's3cret', ['X-Many'] = { 1, 2 } }, query = { d = 'e f' } }), 1)";
    Run::script(&[&redirect.grant(), &target.grant(), "--allow-write=out"], script)
        .in_folder(folder.path())
        .args([redirect.url("")])
        .finish()
        .ok();
    let ([first], [second]): ([Seen; 1], [Seen; 1]) =
        (redirect.seen().try_into().unwrap(), target.seen().try_into().unwrap());
    assert_eq!(first.line, "GET /a?b=c&d=e+f HTTP/1.1");
    assert_eq!(
        (first.headers("authorization"), first.headers("x-many")),
        (vec!["s3cret"], vec!["1", "2"])
    );
    assert_eq!(second.line, "GET /real HTTP/1.1");
    assert!(second.headers("authorization").is_empty());
    for request in [first, second] {
        assert_eq!(request.headers("accept-encoding"), ["identity"]);
    }
}

#[test]
fn a_body_that_is_coded_all_the_same_is_decoded() {
    let plain = bytes(100_000);
    let code = "import gzip,sys; sys.stdout.buffer.write(gzip.compress(sys.stdin.buffer.read()))";
    let folder = Folder::new();
    let path = folder.write("plain", &plain);
    let packed =
        Command::new("python3").args(["-c", code]).stdin(fs::File::open(path).unwrap()).output();
    let packed = packed.unwrap().stdout;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
        packed.len()
    );
    let upstream = Upstream::always([head.into_bytes(), packed].concat());
    let script =
        format!("print(http.download(..., 'out/file', {{ sha256 = '{}' }}))", sha256(&plain));
    assert_eq!(run(&folder, &upstream, &script).ok(), "100000\n");
    assert_eq!(folder.read("out/file"), plain);
}

#[test]
fn a_right_digest_of_either_case_is_accepted() {
    let body = bytes(100_000);
    let digest = sha256(&body);
    for digest in [digest.to_uppercase(), digest] {
        let folder = Folder::new();
        let upstream = with_body(body.clone());
        run(
            &folder,
            &upstream,
            &format!("http.download(..., 'out/file', {{ sha256 = '{digest}' }})"),
        )
        .ok();
        assert_eq!(folder.read("out/file"), body);
    }
}

#[test]
fn a_client_downloads_with_its_trust_defaults_and_base() {
    let folder = Folder::new();
    let upstream = with_body(b"x".to_vec());
    let script = "local client = http.client { base_url = ... .. '/files', headers = { ['X-Team'] = 'blue' } }
        assert.eq(client:download('one', 'out/one'), 1)
        client:download('two', 'out/two', { headers = { ['x-team'] = 'red' } })
        http.download(... .. '/three', 'out/three')";
    run(&folder, &upstream, script).ok();
    let seen = upstream.seen();
    let lines: Vec<_> = seen.iter().map(|request| request.line.as_str()).collect();
    assert_eq!(
        lines,
        ["GET /files/one HTTP/1.1", "GET /files/two HTTP/1.1", "GET /three HTTP/1.1"]
    );
    let teams: Vec<_> = seen.iter().map(|request| request.headers("x-team")).collect();
    assert_eq!(teams, [vec!["blue"], vec!["red"], vec![]]);
}

#[test]
fn without_a_grant_nothing_is_asked_and_the_flag_is_named() {
    let upstream = with_body(b"x".to_vec());
    let (folder, grant) = (Folder::new(), upstream.grant());
    folder.write("in/file", "old");
    let script = "local ok, e = pcall(http.download, ..., arg[2]) print(e.kind, e.message, e.path)";
    for (flags, path, flag) in [
        (&[][..], "out/file", "--allow-write=out"),
        (&[], "file", "--allow-write=."),
        (&["--allow-read=in"], "in/file", "--allow-write=in"),
        (&["--allow-write=in"], "other/file", "--allow-write=other"),
        (&["--allow-write=in"], "inner", "--allow-write=."),
        (&["--allow-write=.", "--allow-read=in"], "in/file", "--allow-write=in"),
        (&["--allow-write=in"], "/etc/file", "--allow-write=/etc"),
    ] {
        let flags = [&[grant.as_str()], flags].concat();
        let said = Run::script(&flags, script)
            .in_folder(folder.path())
            .args([upstream.url("/"), path.into()]);
        let expected = format!(
            "denied\thttp.download: write access to {path} is not granted (run with {flag})\t{path}\n"
        );
        assert_eq!(said.finish().ok(), expected);
    }
    assert!(upstream.seen().is_empty());
    assert_eq!(
        (folder.tree(), folder.read("in/file")),
        (vec!["in/".into(), "in/file".into()], b"old".into())
    );
}

#[test]
fn without_a_net_grant_nothing_is_made_and_the_flag_is_named() {
    let folder = Folder::new();
    let script = "local ok, e = pcall(http.download, 'http://127.0.0.1:1/x?s3cret', 'new/file')
        print(e.kind, e.message, e.url)";
    let said = Run::script(&["--allow-write=."], script).in_folder(folder.path()).finish().ok();
    assert_eq!(
        said,
        "denied\thttp.download: net access to 127.0.0.1:1 is not granted (run with --allow-net=127.0.0.1:1)\thttp://127.0.0.1:1/x\n"
    );
    assert!(folder.tree().is_empty());
}

#[test]
fn a_path_is_written_as_in_the_grant_or_from_the_working_directory() {
    let upstream = with_body(b"x".to_vec());
    let folder = Folder::new();
    fs::create_dir_all(folder.path().join("work/out")).unwrap();
    let absolute = folder.path().join("work").display().to_string();
    let grant = upstream.grant();
    for (rule, paths) in [
        (&*format!("{absolute}/out"), ["out/a".to_owned(), format!("{absolute}/out/b")]),
        ("out", ["./out/c".to_owned(), format!("{absolute}/out/d")]),
        ("..", ["../e".to_owned(), "out/f".to_owned()]),
    ] {
        for path in paths {
            Run::script(&[&grant, &format!("--allow-write={rule}")], "http.download(..., arg[2])")
                .in_folder(&folder.path().join("work"))
                .args([upstream.url("/"), path])
                .finish()
                .ok();
        }
    }
    let made = [
        "e",
        "work/",
        "work/out/",
        "work/out/a",
        "work/out/b",
        "work/out/c",
        "work/out/d",
        "work/out/f",
    ];
    assert_eq!(folder.tree(), made);
}

#[test]
fn flags_policies_and_allow_all_grant() {
    let upstream = with_body(b"x".to_vec());
    let script = "local ok, e = pcall(http.download, ..., 'b/file') print(ok or e.kind)";
    let policy =
        format!("allow-net = [\"127.0.0.1:{}\"]\nallow-write = [\"a\", \"b\"]", upstream.port);
    let grant = upstream.grant();
    for (flags, said) in [
        (&["--allow-write=a,b", &grant][..], "true\n"),
        (&["--allow-write=a", "--allow-write", "b", &grant], "true\n"),
        (&["--policy=policy.toml"], "true\n"),
        (&["--allow-all", &grant], "true\n"),
        (&["--allow-write=a", &grant], "denied\n"),
        (&["--allow-read=b", &grant], "denied\n"),
    ] {
        let folder = Folder::new();
        folder.write("policy.toml", &policy);
        for name in ["a", "b"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let finished =
            Run::script(flags, script).in_folder(folder.path()).args([upstream.url("/")]).finish();
        assert_eq!(finished.ok(), said, "{flags:?}");
    }
}

#[test]
fn a_granted_folder_that_is_not_there_is_a_usage_error() {
    for flag in ["--allow-write=no/such", "--allow-read=no/such"] {
        let said = Run::eval(&[flag], "print(1)").finish().fails_with(2);
        assert!(said.contains(&format!("error: {flag}: failed to open the folder")), "{said}");
    }
    let said = Run::eval(&["--allow-write=a/../b"], "").finish().fails_with(2);
    assert!(said.contains("`..`"), "{said}");
}

#[test]
fn wrong_arguments_are_errors_with_the_position_of_the_call() {
    let upstream = with_body(b"x".to_vec());
    for (code, text) in [
        ("http.download()", "argument #1 must be a URL string, got nil"),
        ("http.download(u)", "argument #2 must be the path of a file, got nil"),
        ("http.download(u, 1)", "argument #2 must be the path of a file, got number"),
        ("http.download(u, 'out/f', 1)", "options must be a table, got number"),
        ("http.download(u, 'out/f', { headers = 1 })", "opts.headers must be a table, got number"),
        (
            "http.download(u, 'out/f', { headers = { Host = 'x' } })",
            "header \"Host\" belongs to the host",
        ),
        (
            "http.download(u, 'out/f', { timeout = 0 })",
            "opts.timeout must be a number of seconds > 0, got 0",
        ),
        (
            "http.download(u, 'out/f', { timeout = 0/0 })",
            "opts.timeout must be a number of seconds > 0, got",
        ),
        (
            "http.download(u, 'out/f', { idle_timeout = -1 })",
            "opts.idle_timeout must be a number of seconds > 0, got -1",
        ),
        (
            "http.download(u, 'out/f', { connect_timeout = '1' })",
            "opts.connect_timeout must be a number of seconds > 0, got 1",
        ),
        (
            "http.download(u, 'out/f', { max_size = -1 })",
            "opts.max_size must be a whole number of bytes >= 0, got -1",
        ),
        (
            "http.download(u, 'out/f', { max_size = 1.5 })",
            "opts.max_size must be a whole number of bytes >= 0, got 1.5",
        ),
        (
            "http.download(u, 'out/f', { sha256 = 1 })",
            "opts.sha256 must be a string of 64 hexadecimal digits, got number",
        ),
        ("http.download(u, 'out/f', { sha256 = 'ab' })", "sha256 must be 64 hexadecimal digits"),
        (
            "http.download(u, 'out/f', { on_progress = 1 })",
            "opts.on_progress must be a function, got number",
        ),
        ("http.download(u, '')", "the path is empty"),
        ("http.download(u, 'out/a\\0b')", "the path holds a NUL byte"),
        (
            "http.download(u, 'out/' .. ('a'):rep(256))",
            "a part of the path is longer than 255 bytes",
        ),
        ("http.download(u, 'out/' .. ('a/'):rep(3000))", "the path is longer than 4095 bytes"),
        ("http.download('no url', 'out/f')", "the URL cannot be used"),
        (
            "http.download('ftp://a/', 'out/f')",
            "the URL cannot be used: its scheme must be http or https",
        ),
        ("http.client().download(u, 'out/f')", "http.client: call it as client:download(…)"),
    ] {
        let folder = Folder::new();
        let script = format!(
            "local u = ...\nlocal function try()\nlocal r = {code}\nreturn r end\nlocal ok, e = pcall(try) print(e)"
        );
        let said = run(&folder, &upstream, &script).ok();
        assert!(said.contains("main.lua:3: http.") && said.contains(text), "{code}:\n{said}");
        assert_eq!(folder.tree(), ["out/"]);
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn values_at_the_edge_of_what_a_number_is_are_taken() {
    let folder = Folder::new();
    let upstream = with_body(b"x".to_vec());
    let script = "for _, n in ipairs { math.huge, 1e300, 1e-300, 2^53 } do
          local ok, e = pcall(http.download, ..., 'out/file', { timeout = n, idle_timeout = n, connect_timeout = n })
          assert(ok or n == 1e-300 and e.kind == 'timeout', e)
        end
        print(http.download(..., 'out/file', { max_size = math.maxinteger }))";
    assert_eq!(run(&folder, &upstream, script).ok(), "1\n");
}

#[test]
fn an_unknown_option_is_warned_about_once() {
    let folder = Folder::new();
    let upstream = with_body(b"x".to_vec());
    let script = "for _ = 1, 2 do http.download(..., 'out/file', { sha1 = 'x' }) end";
    let finished = run(&folder, &upstream, script);
    let warnings = finished.stderr.matches("http.download: unknown option sha1 is ignored").count();
    assert_eq!((finished.code, warnings), (0, 1), "{}", finished.stderr);
}

#[test]
fn progress_is_told_at_the_end_and_grows() {
    let script = "local calls, last = 0, -1
        local function told(done, total)
          calls = calls + 1
          assert(math.type(done) == 'integer' and done > last, done)
          last = done
          assert.eq(total, math.tointeger(arg[2]))
        end
        local size = http.download(..., 'out/file', { on_progress = told })
        assert.eq(last, size) assert(calls > 0) print(size)";
    let fixed = with_body(bytes(3_000_000));
    let chunked = Upstream::always(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    let empty = with_body(Vec::new());
    for (upstream, total, size) in
        [(fixed, "3000000", "3000000\n"), (chunked, "", "3\n"), (empty, "0", "0\n")]
    {
        let folder = Folder::new();
        let said = Run::script(&[&upstream.grant(), "--allow-write=."], script)
            .in_folder(folder.path())
            .args([upstream.url("/"), total.to_owned()])
            .finish();
        assert_eq!(said.ok().replace("out/", ""), size);
    }
}

#[test]
fn a_progress_function_may_wait_and_may_fail() {
    let folder = Folder::new();
    let upstream = with_body(bytes(500_000));
    let script = "local waited = 0
        print(http.download(..., 'out/one', { on_progress = function() sleep(0.01) waited = waited + 1 end }))
        assert(waited > 0)
        local mine = {}
        local ok, e = pcall(http.download, ..., 'out/deep/two', { on_progress = function() error(mine) end })
        assert(not ok and rawequal(e, mine))";
    assert_eq!(run(&folder, &upstream, script).ok(), "500000\n");
    assert_eq!(folder.tree(), ["out/", "out/one"]);
}

#[test]
fn while_a_body_is_on_its_way_everything_else_goes_on() {
    let folder = Folder::new();
    // The rest of the body comes once the script asks for it, which it does while it downloads.
    let (let_go, may_go) = std::sync::mpsc::channel();
    let may_go = std::sync::Mutex::new(may_go);
    let upstream = Upstream::start(move |request, stream| {
        if request.line.contains("/go") {
            let_go.send(()).unwrap();
            return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").is_ok();
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
        may_go.lock().unwrap().recv_timeout(tests::GUARD).unwrap();
        stream.write_all(b" half").is_ok()
    });
    let script = "local url = ...
        local progress = 0
        local h = async.spawn(http.download, url .. '/file', 'out/file', { on_progress = function(done)
          progress = done
          if done == 5 then http.get(url .. '/go') end
        end })
        print(h:await()[1], progress)";
    assert_eq!(run(&folder, &upstream, script).ok(), "10\t10\n");
    assert_eq!(folder.read("out/file"), b"first half");
}

#[test]
fn every_download_leaves_its_lines_in_the_audit_log() {
    let folder = Folder::new();
    fs::create_dir(folder.path().join("out")).unwrap();
    let upstream = with_body(b"hello".to_vec());
    let script =
        "http.download(... .. '/?s3cret', 'out/file', { headers = { Authorization = 's3cret' } })
        pcall(http.download, ..., 'out/file', { max_size = 1 })
        pcall(http.download, ..., 'elsewhere/file')";
    Run::script(&[&upstream.grant(), "--allow-write=out", "--audit=audit.jsonl"], script)
        .in_folder(folder.path())
        .args([upstream.url("")])
        .finish()
        .ok();
    let log = String::from_utf8(folder.read("audit.jsonl")).unwrap();
    assert!(!log.contains("s3cret"), "{log}");
    let count = |words: &[&str]| {
        log.lines()
            .filter(|line| line.contains("\"capability\":\"download\""))
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .count()
    };
    let (write, file) = ("\"operation\":\"write\"", "\"operation\":\"file\"");
    assert_eq!(
        count(&[write, "\"allowed\":true", "\"rule\":\"out\"", "\"target\":\"out/file\""]),
        2,
        "{log}"
    );
    assert_eq!(
        count(&[write, "\"allowed\":false", "\"rule\":null", "\"target\":\"elsewhere/file\""]),
        1,
        "{log}"
    );
    assert_eq!(
        count(&[file, "\"outcome\":\"ok\"", "\"bytes\":5", "\"target\":\"out/file\""]),
        1,
        "{log}"
    );
    assert_eq!(count(&[file, "\"outcome\":\"too_large\"", "\"bytes\":0"]), 1, "{log}");
}

#[test]
fn a_terminal_sees_a_bar_and_anything_else_sees_nothing() {
    let script = "local function told() print('now') end
        print(http.download(..., 'out/file', { on_progress = told }))";
    let folder = Folder::new();
    let upstream = with_body(bytes(2_000_000));
    assert_eq!(run(&folder, &upstream, script).stderr, "");
    let folder = Folder::new();
    folder.write("main.lua", script);
    fs::create_dir(folder.path().join("out")).unwrap();
    let (binary, grant, url) = (binary(), upstream.grant(), upstream.url(""));
    let command = format!("{} run {grant} --allow-write=out main.lua {url}", binary.display());
    // `script` runs a command on a terminal of its own and prints what that shows.
    let output = Command::new("script")
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .env("TERM", "xterm")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    assert!(shown.contains("out/file [") && shown.contains("/1.91 MiB"), "{shown:?}");
    // What is printed meanwhile has lines of its own, and the bar is gone at the end.
    for (at, _) in shown.match_indices("now") {
        let before = &shown[..at];
        assert!(
            before.is_empty() || before.ends_with('\n') || before.ends_with("\u{1b}[2K"),
            "{shown:?}"
        );
    }
    let (_, end) = shown.rsplit_once("\u{1b}[2K").unwrap();
    assert!(end.ends_with("2000000\r\n") && !end.contains("out/file"), "{shown:?}");
}
