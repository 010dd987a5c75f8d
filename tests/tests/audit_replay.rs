//! The audit log answers what a script touched: held against what the servers it talked to saw.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;
use std::io::Write;

use serde_json::Value;
use tests::folder::Folder;
use tests::run::Run;
use tests::upstream::{Seen, Upstream};
use tests::websocket_peer::{Server, TEXT, frame};

/// Uses every capability, with success and without.
const SCRIPT: &str = "local first, second, denied, nobody, socket = ...
    local function try(...) return pcall(...) end
    for _ = 1, 3 do http.get(first .. '/five?token=s3cret', { headers = { Authorization = 's3cret' } }) end
    http.post(first .. '/five', 's3cret!')
    http.get(first .. '/missing')
    http.head(first .. '/head')
    http.get(first .. '/to-second?token=s3cret')
    try(http.get, first .. '/to-denied')
    try(http.get, first .. '/loop')
    try(http.get, first .. '/silent', { timeout = 0.2 })
    try(http.get, first .. '/five', { max_size = 1 })
    try(http.get, first .. '/cut')
    try(http.get, denied .. '/s3cret')
    try(http.get, nobody .. '/s3cret')
    try(http.get, 'http://name.test/s3cret')
    http.get(second .. '/events', { on_event = function() end })
    for _ in http.events(second .. '/events') do break end
    local conn = ws.connect(socket .. '/s3cret')
    conn:write('s3cret!') assert(conn:read() == 'answer') conn:close()
    try(ws.connect, (denied:gsub('http', 'ws')))
    try(ws.connect, (first:gsub('http', 'ws')))
    http.download(first .. '/five', 'out/file')
    try(http.download, first .. '/missing', 'out/other')
    try(http.download, first .. '/five', 'elsewhere/file')
    try(http.client, { ca_cert_file = 'out/file' })
    env.get('GRANTED') env.get('OTHER') env.list()
    require 'm'
    local f = io.open('out/lua', 'w') f:write(('x'):rep(20000)) f:close()
    for _ in io.lines('out/lua') do end
    io.open('out/none') io.open('elsewhere/file')
    os.rename('out/lua', 'out/kept') os.remove('out/gone') os.remove('out/gone') os.remove('elsewhere/file')
    dofile('out/chunk.lua')
    http.serve(0, {}, { on_listen = function(server) print(server.port) server.close() end })
    try(http.serve, 1, {})";

/// What an upstream answers to `first` and `second`, and the bytes of content in it.
fn answer(request: &Seen, to: [&str; 2]) -> Option<(String, u64)> {
    let plain = |status: u16, lines: &str, body: &str| {
        let length = body.len();
        let text = format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: {length}\r\n\r\n{body}");
        Some((text, length as u64))
    };
    let [second, denied] = to.map(|url| format!("Location: {url}/five?s3cret\r\n"));
    match request.line.split([' ', '?']).nth(1).unwrap() {
        "/five" => plain(200, "", "hello"),
        "/head" => Some(("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\n".to_owned(), 0)),
        "/to-second" => plain(302, &second, ""),
        "/to-denied" => plain(302, &denied, ""),
        "/loop" => plain(302, "Location: /loop\r\n", ""),
        "/silent" => None,
        "/cut" => Some(("HTTP/1.1 200 X\r\nContent-Length: 5\r\n\r\nhel".to_owned(), 3)),
        "/events" => plain(200, "Content-Type: text/event-stream\r\n", "data: 1\n\n"),
        _ => plain(404, "", "nothing here"),
    }
}

fn upstream(to: [String; 2]) -> Upstream {
    Upstream::start(move |request, stream| {
        let Some((answer, _)) = answer(request, [&to[0], &to[1]]) else {
            // Until the client has lost its patience.
            let _ = std::io::Read::read_to_end(stream, &mut Vec::new());
            return false;
        };
        stream.write_all(answer.as_bytes()).is_ok() && !request.line.contains("/cut")
    })
}

struct Log(Vec<Value>);

impl Log {
    fn of(&self, capability: &str, operation: &str, target: &str) -> Vec<&Value> {
        let lines = self.0.iter();
        lines
            .filter(|line| line["capability"] == capability && line["operation"] == operation)
            .filter(|line| line["target"] == target)
            .collect()
    }

    fn sum(lines: &[&Value], field: &str) -> u64 {
        lines.iter().map(|line| line[field].as_u64().unwrap()).sum()
    }
}

#[test]
fn every_exchange_that_a_server_saw_has_its_line_and_every_line_its_exchange() {
    let folder = Folder::new();
    folder.write("main.lua", SCRIPT);
    folder.write("m.lua", "return 1");
    folder.write("out/there", "");
    folder.write("out/gone", "");
    folder.write("out/chunk.lua", "return 1");
    let denied = Upstream::text("s3cret");
    let second = upstream([String::new(), String::new()]);
    let first = upstream([second.url(""), denied.url("")]);
    let socket = Server::start(|peer| {
        let said = peer.receive_text();
        peer.send(frame(TEXT, "answer"));
        // The end.
        let _ = peer.try_receive();
        said
    });
    // A port that stays taken and where nobody listens.
    let taken = tokio::net::TcpSocket::new_v4().unwrap();
    taken.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let nobody = format!("http://{}", taken.local_addr().unwrap());
    let nobody_grant = nobody.replace("http://", "--allow-net=");
    let printed = Run::new(["run", "--audit=audit.jsonl", "--allow-listen=0", "--allow-write=out"])
        .args([
            "--allow-env=GRANTED",
            &first.grant(),
            &second.grant(),
            &socket.grant(),
            &nobody_grant,
        ])
        .args([
            "main.lua",
            &first.url(""),
            &second.url(""),
            &denied.url(""),
            &nobody,
            &socket.url(""),
        ])
        .env("GRANTED", "s3cret")
        .env("OTHER", "s3cret")
        .in_folder(folder.path())
        .finish()
        .ok();
    let text = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert!(!text.contains("s3cret"), "{text}");
    let log = Log(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect());

    for upstream in [&first, &second] {
        let origin = upstream.url("");
        let exchanges = log.of("http-client", "exchange", &origin);
        let handshakes: Vec<_> = upstream
            .seen()
            .into_iter()
            .filter(|seen| !seen.headers("upgrade").is_empty())
            .collect();
        let requests: Vec<_> =
            upstream.seen().into_iter().filter(|seen| seen.headers("upgrade").is_empty()).collect();
        assert_eq!(exchanges.len(), requests.len(), "{text}");
        let sockets = log.of("websocket", "connection", &origin.replace("http", "ws"));
        assert_eq!(sockets.len(), handshakes.len(), "{text}");
        let sent: u64 = requests.iter().map(|seen| seen.body.len() as u64).sum();
        assert_eq!(Log::sum(&exchanges, "sent"), sent, "{text}");
        // Of a body that is too large nothing is taken, as its length is known before.
        let to = [second.url(""), denied.url("")];
        let answered: u64 = requests
            .iter()
            .filter_map(|seen| answer(seen, [&to[0], &to[1]]))
            .map(|(_, bytes)| bytes)
            .sum();
        let too_large =
            exchanges.iter().filter(|line| line["outcome"] == "too_large").count() as u64;
        assert_eq!(Log::sum(&exchanges, "received") + 5 * too_large, answered, "{text}");
        let connects = log.of("http-client", "connect", &format!("{origin} at 127.0.0.1"));
        assert!(upstream.reached().len() <= connects.len() + sockets.len(), "{text}");
        assert!(connects.iter().all(|line| line["allowed"] == true));
    }

    let outcomes = |origin: &str| {
        let lines = log.of("http-client", "exchange", origin);
        let mut outcomes: Vec<_> =
            lines.iter().map(|line| line["outcome"].as_str().unwrap().to_owned()).collect();
        outcomes.sort();
        outcomes.join(" ")
    };
    let hops = "302 ".repeat(11);
    assert_eq!(
        outcomes(&first.url("")),
        format!("200 200 200 200 200 200 {hops}404 404 closed denied protocol timeout too_large")
    );
    assert_eq!(outcomes(&second.url("")), "200 200 200");
    assert_eq!(outcomes(&nobody), "connect");

    // What was not granted saw nothing, and has a line for each attempt.
    assert!(denied.reached().is_empty());
    for (capability, target, count) in [
        ("http-client", denied.url(""), 2),
        ("websocket", denied.url("").replace("http", "ws"), 1),
        ("http-client", "http://name.test:80".to_owned(), 1),
    ] {
        let lines = log.of(capability, "check", &target);
        assert!(
            lines.len() == count && lines.iter().all(|line| line["allowed"] == false),
            "{text}"
        );
    }

    let socket_lines = log.of("websocket", "connection", socket.url("").trim_end_matches('/'));
    assert_eq!(socket_lines.len(), 1, "{text}");
    assert_eq!((Log::sum(&socket_lines, "sent"), Log::sum(&socket_lines, "received")), (7, 6));
    assert_eq!(socket.result(), "s3cret!");

    let files = |operation, target| log.of("download", operation, target);
    assert_eq!(files("file", "out/file")[0]["outcome"], "ok");
    assert_eq!(files("file", "out/file")[0]["bytes"], folder.read("out/file").len());
    assert_eq!(files("file", "out/other")[0]["outcome"], "protocol");
    assert_eq!(files("write", "elsewhere/file")[0]["allowed"], false);
    let files = |operation, target| log.of("files", operation, target);
    let outcomes = |operation, target| {
        let lines = files(operation, target);
        lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let kept = folder.read("out/kept").len() as u64;
    for (target, read, written) in
        [("out/lua", kept, kept), ("out/chunk.lua", folder.read("out/chunk.lua").len() as u64, 0)]
    {
        let lines = files("file", target);
        assert_eq!((Log::sum(&lines, "read"), Log::sum(&lines, "written")), (read, written));
    }
    assert_eq!((kept, outcomes("file", "out/lua").as_str()), (20000, "closed closed"));
    assert_eq!(outcomes("file", "out/none"), "io");
    assert_eq!(outcomes("rename", "out/lua -> out/kept"), "ok");
    assert_eq!(outcomes("remove", "out/gone"), "ok io");
    assert_eq!(files("read", "elsewhere/file")[0]["allowed"], false);
    assert_eq!(files("write", "elsewhere/file")[0]["allowed"], false);
    assert!(
        files("file", "elsewhere/file").is_empty() && files("remove", "elsewhere/file").is_empty()
    );
    assert_eq!(log.of("http-client", "read", "out/file")[0]["allowed"], true);
    assert_eq!(log.of("env", "get", "GRANTED")[0]["allowed"], true);
    assert_eq!(log.of("env", "get", "OTHER")[0]["allowed"], false);
    assert_eq!(log.of("env", "list", "granted names").len(), 1);
    assert_eq!(log.of("modules", "open", "m.lua").len(), 2);
    assert_eq!(log.of("http-server", "listen", "127.0.0.1:0")[0]["allowed"], true);
    let bound = format!("127.0.0.1:{}", printed.trim());
    assert_eq!(log.of("http-server", "bind", &bound)[0]["outcome"], "ok");
    assert_eq!(log.of("http-server", "listen", "port 1")[0]["allowed"], false);
    // And there is nothing else.
    let known = [
        "http-client check",
        "http-client connect",
        "http-client exchange",
        "http-client read",
        "websocket check",
        "websocket connect",
        "websocket connection",
        "download write",
        "download file",
        "files read",
        "files write",
        "files file",
        "files remove",
        "files rename",
        "env get",
        "env list",
        "modules open",
        "http-server listen",
        "http-server bind",
    ];
    for line in &log.0 {
        let kind = format!(
            "{} {}",
            line["capability"].as_str().unwrap(),
            line["operation"].as_str().unwrap()
        );
        assert!(known.contains(&kind.as_str()), "{line}");
    }
}
