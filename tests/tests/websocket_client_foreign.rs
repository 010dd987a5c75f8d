//! `ws.connect` against a server that others wrote: Python's `websockets`, plain and with TLS.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tests::folder::Folder;
use tests::run::Run;

/// The server; ended when dropped.
struct Foreign {
    child: Child,
    port: String,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

/// None, and said so, where the clients of others are not installed and need not be.
fn start(arguments: &[&Path]) -> Option<Foreign> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let clients = root.join("../target/clients");
    if !clients.join(".installed").is_file() {
        assert!(std::env::var_os("CI").is_none(), "websockets is missing: run make setup-clients");
        eprintln!("SKIPPED: Python's websockets is not installed (run make setup-clients)");
        return None;
    }
    let mut child = Command::new("python3")
        .arg(root.join("scripts/websocket_client_foreign/server.py"))
        .args(arguments)
        .env("PYTHONPATH", clients)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let port = lines.next().unwrap().unwrap();
    Some(Foreign { child, port, lines })
}

impl Foreign {
    fn url(&self, scheme: &str, host: &str) -> String {
        format!("{scheme}://{host}:{}/path?query", self.port)
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const LOOPBACK: &str = "--allow-net=127.0.0.1:*,localhost:*";

#[test]
fn every_message_comes_back_as_it_was_and_both_ends_agree_on_the_end() {
    let Some(mut server) = start(&[]) else { return };
    let script = r#"local conn = ws.connect(..., { protocols = { "one", "two" } })
        print(conn.protocol)
        for _, size in ipairs { 0, 1, 125, 126, 65535, 65536, 200000 } do
            for _, binary in ipairs { false, true } do
                local sent = binary and ("\xff\0"):rep(size) or ("aé€😀"):rep(size // 10)
                conn:write(sent, { binary = binary })
                local message, kind = conn:read()
                assert(message == sent and kind == (binary and "binary" or "text"), size)
            end
        end
        conn:write("in pieces")
        print(conn:read())
        conn:write("ping me")
        print(conn:read())
        conn:close(4001, "from the script")
        print(conn.close_code, conn:read(), conn.close_code)
        conn = ws.connect(..., { protocols = { "two" } })
        conn:write("close")
        print(conn:read(), conn.close_code, conn.close_reason)
        conn = ws.connect(..., { protocols = { "two" } })
        conn:write("vanish")
        print(conn:read(), conn.close_code)
        print(select(2, pcall(ws.connect, ..., { protocols = { "three" } })))"#;
    let flags = [LOOPBACK, "--max-ws-frame=1MiB"];
    let url = server.url("ws", "127.0.0.1");
    let output = Run::script(&flags, script).args([&url]).finish().ok();
    assert_eq!(
        output,
        format!(
            "two\nin pieces\ttext\npong\ttext\nnil\tnil\t4001\nnil\t4002\tfrom the server\nnil\t1006\nws.connect failed: 127.0.0.1:{} answered 400 instead of 101\n",
            server.port
        )
    );
    assert_eq!(server.line(), "4001 from the script");
    assert_eq!(server.line(), "4002 from the server");
}

#[test]
fn wss_believes_an_authority_it_was_given_and_no_other() {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();
    let folder = Folder::new();
    let certificate = folder.write("certificate.pem", certificate.pem());
    let key = folder.write("key.pem", key.serialize_pem());
    let Some(server) = start(&[&certificate, &key]) else { return };
    let script = r#"local url, wrong_name, plain = ...
        local opts = { protocols = { "two" }, ca_cert = env.get("CA") }
        local conn = ws.connect(url, opts)
        conn:write(("x"):rep(100000))
        print(#conn:read())
        conn:close()
        local function try(...) local _, failure = pcall(ws.connect, ...) print(failure.kind, failure) end
        try(url, { protocols = { "two" } })
        try(wrong_name, opts)
        try(plain, opts)"#;
    let urls = [
        server.url("wss", "localhost"),
        server.url("wss", "127.0.0.1"),
        server.url("ws", "localhost"),
    ];
    let output = Run::script(&[LOOPBACK, "--allow-env=CA"], script)
        .env("CA", &issuer.pem())
        .args(&urls)
        .finish()
        .ok();
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines.len(), 4, "{output}");
    let port = &server.port;
    for (line, expected) in lines.iter().zip([
        "100000".to_owned(),
        format!("tls\tws.connect failed: TLS with localhost:{port} failed: invalid peer certificate: UnknownIssuer"),
        format!("tls\tws.connect failed: TLS with 127.0.0.1:{port} failed: invalid peer certificate: certificate not valid for name"),
        format!("closed\tws.connect failed: localhost:{port} closed the connection before it answered"),
    ]) {
        assert!(line.starts_with(&expected), "{line:?} is not {expected:?}");
    }
}
