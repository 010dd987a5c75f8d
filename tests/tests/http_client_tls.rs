//! TLS: which servers a client believes.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::symlink;
use std::sync::Arc;
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tests::folder::Folder;
use tests::run::Run;
use tests::upstream::Upstream;

/// A certificate authority that nobody knows.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// The port of a server with a certificate for `name`, changed by `change`, that answers every
    /// request with `response`.
    fn serve(&self, name: &str, change: fn(&mut CertificateParams), response: String) -> u16 {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, response) = (Arc::clone(&config), response.clone());
                thread::spawn(move || {
                    let connection = ServerConnection::new(config).unwrap();
                    let mut stream = StreamOwned::new(connection, stream);
                    let mut request = Vec::new();
                    while !request.ends_with(b"\r\n\r\n") {
                        let mut byte = [0];
                        // A client that does not believe us ends the handshake.
                        if stream.read_exact(&mut byte).is_err() {
                            return;
                        }
                        request.extend(byte);
                    }
                    let _ = stream.write_all(response.as_bytes());
                    let _ = stream.flush();
                    stream.conn.send_close_notify();
                    let _ = stream.flush();
                });
            }
        });
        port
    }
}

fn ok() -> String {
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure".to_owned()
}

/// Runs a script with loopback granted, `ca` as the variable CA, and the arguments.
fn said(ca: &str, script: &str, arguments: &[String]) -> String {
    Run::script(&["--allow-net=localhost:*", "--allow-env=CA"], script)
        .env("CA", ca)
        .args(arguments)
        .finish()
        .ok()
}

const TRUSTING: &str = "local client = http.client { ca_cert = env.get('CA') }
    local ok, r = pcall(client.get, client, ...)
    print(ok and r.status .. ' ' .. r.body .. ' ' .. r.version or r.kind .. ' ' .. r.message)";

#[test]
fn a_server_whose_authority_the_client_was_given_is_believed() {
    let authority = Authority::new();
    for (name, host) in [("127.0.0.1", "127.0.0.1"), ("localhost", "localhost")] {
        let port = authority.serve(name, |_| (), ok());
        let url = format!("https://{host}:{port}/");
        assert_eq!(said(&authority.pem(), TRUSTING, &[url]), "200 secure 1.1\n");
    }
}

#[test]
fn a_file_of_authorities_needs_a_grant() {
    let authority = Authority::new();
    let port = authority.serve("localhost", |_| (), ok());
    let folder = Folder::new();
    folder.write("certs/ca.pem", authority.pem());
    folder.write("certs/none.pem", "no certificate");
    folder.write("certs/large.pem", vec![b'\n'; 1024 * 1024 + 1]);
    symlink("/etc/passwd", folder.path().join("certs/link.pem")).unwrap();
    let script = "local url, path = ...
        local ok, client = pcall(http.client, { ca_cert_file = path })
        print(ok and client:get(url).body or (type(client) == 'table' and client.kind or 'argument') .. ' ' .. client)";
    let run = |flags: &[&str], path: &str| {
        let flags = [&["--allow-net=localhost:*"], flags].concat();
        let url = format!("https://localhost:{port}/");
        let run = Run::script(&flags, script).in_folder(folder.path()).args([url, path.to_owned()]);
        run.finish().ok()
    };
    for flags in [["--allow-read=certs"], ["--allow-write=certs"], ["--allow-read=."]] {
        assert_eq!(run(&flags, "certs/ca.pem"), "secure\n");
    }
    let granted = &["--allow-read=certs"];
    for (flags, path, said) in [
        (
            &[][..],
            "certs/ca.pem",
            "denied http.client: read access to certs/ca.pem is not granted (run with --allow-read=certs)\n",
        ),
        (
            granted,
            "ca.pem",
            "denied http.client: read access to ca.pem is not granted (run with --allow-read=.)\n",
        ),
        (granted, "certs/link.pem", "denied http.client: certs/link.pem leads out of its folder\n"),
        (granted, "certs/no.pem", "io http.client: there is no file certs/no.pem\n"),
        (granted, "certs", "io http.client: certs is not a regular file\n"),
        (
            granted,
            "certs/large.pem",
            "too_large http.client: certs/large.pem has more than 1048576 bytes\n",
        ),
    ] {
        assert_eq!(run(flags, path), said);
    }
    assert!(run(granted, "certs/none.pem").contains("holds no certificate"));
}

#[test]
fn a_download_trusts_what_its_client_does() {
    let authority = Authority::new();
    let port = authority.serve("localhost", |_| (), ok());
    let folder = Folder::new();
    let script = "local url = ...
        print(http.client({ ca_cert = env.get('CA') }):download(url, 'file'))
        print(select(2, pcall(http.download, url, 'other')).kind)";
    let flags = ["--allow-net=localhost:*", "--allow-env=CA", "--allow-write=."];
    let run = Run::script(&flags, script).in_folder(folder.path()).env("CA", &authority.pem());
    assert_eq!(run.args([format!("https://localhost:{port}/")]).finish().ok(), "6\ntls\n");
    assert_eq!((folder.tree(), folder.read("file")), (vec!["file".to_owned()], b"secure".to_vec()));
}

#[test]
fn several_authorities_may_be_given_at_once() {
    let (first, second) = (Authority::new(), Authority::new());
    let both = format!("first\n{}\nsecond\n{}", first.pem(), second.pem());
    for authority in [&first, &second] {
        let port = authority.serve("127.0.0.1", |_| (), ok());
        assert_eq!(
            said(&both, TRUSTING, &[format!("https://127.0.0.1:{port}/")]),
            "200 secure 1.1\n"
        );
    }
}

#[test]
fn a_server_of_an_unknown_authority_is_not_believed() {
    let authority = Authority::new();
    let port = authority.serve("127.0.0.1", |_| (), ok());
    let url = format!("https://127.0.0.1:{port}/?token=s3cret");
    let text = format!("tls http.get failed: TLS with 127.0.0.1:{port} failed: ");
    let other = said(&Authority::new().pem(), TRUSTING, std::slice::from_ref(&url));
    assert!(other.starts_with(&text) && !other.contains("s3cret"), "{other}");
    let system = "local ok, e = pcall(http.get, ...) print(e.kind .. ' ' .. e.message)";
    let system = said("", system, &[url]);
    assert!(system.starts_with("tls http.get failed: ") && !system.contains("s3cret"), "{system}");
}

#[test]
fn what_one_client_trusts_no_other_does() {
    let authority = Authority::new();
    let port = authority.serve("127.0.0.1", |_| (), ok());
    let script = "local trusting, other = http.client { ca_cert = env.get('CA') }, http.client()
        print(trusting:get(...).body)
        local ok, e = pcall(http.get, ...) print(e.kind)
        ok, e = pcall(other.get, other, ...) print(e.kind)
        print(trusting:get(...).body)";
    let url = format!("https://127.0.0.1:{port}/");
    assert_eq!(said(&authority.pem(), script, &[url]), "secure\ntls\ntls\nsecure\n");
}

#[test]
fn a_certificate_must_be_of_this_host_and_of_today() {
    let authority = Authority::new();
    let expired = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
    };
    let early = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2900, 1, 1);
        params.not_after = date_time_ymd(2901, 1, 1);
    };
    for port in [
        authority.serve("other.example", |_| (), ok()),
        authority.serve("127.0.0.2", |_| (), ok()),
        authority.serve("127.0.0.1", expired, ok()),
        authority.serve("127.0.0.1", early, ok()),
    ] {
        let said = said(&authority.pem(), TRUSTING, &[format!("https://127.0.0.1:{port}/")]);
        assert!(said.starts_with("tls http.get failed: TLS with 127.0.0.1:"), "{said}");
    }
}

#[test]
fn a_server_that_speaks_no_tls_is_tls() {
    for answer in ["HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", ""] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        let said = said(&Authority::new().pem(), TRUSTING, &[format!("https://127.0.0.1:{port}/")]);
        assert!(said.starts_with("tls http.get failed: "), "{answer:?}: {said}");
    }
}

#[test]
fn a_redirect_must_not_give_up_encryption() {
    let plain = Upstream::text("plain");
    let authority = Authority::new();
    let location = plain.url("/?token=s3cret");
    let response =
        format!("HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n");
    let port = authority.serve("127.0.0.1", |_| (), response);
    let said = said(&authority.pem(), TRUSTING, &[format!("https://127.0.0.1:{port}/")]);
    let text = "protocol http.get failed: the redirect sent by 127.0.0.1 is not followed: it leads from https to http\n";
    assert_eq!(said, text);
    assert!(plain.seen().is_empty());
}

#[test]
fn a_redirect_may_take_up_encryption() {
    let authority = Authority::new();
    let port = authority.serve("127.0.0.1", |_| (), ok());
    let response = format!(
        "HTTP/1.1 301 Moved\r\nLocation: https://127.0.0.1:{port}/\r\nContent-Length: 0\r\n\r\n"
    );
    let upstream = Upstream::always(response);
    assert_eq!(said(&authority.pem(), TRUSTING, &[upstream.url("/")]), "200 secure 1.1\n");
}

#[test]
fn trust_is_no_grant() {
    let authority = Authority::new();
    let port = authority.serve("127.0.0.1", |_| (), ok());
    for flags in [&["--allow-env=CA"][..], &["--allow-env=CA", "--allow-net=http://127.0.0.1:*"]] {
        let said = Run::script(flags, TRUSTING)
            .env("CA", &authority.pem())
            .args([format!("https://127.0.0.1:{port}/")])
            .finish()
            .ok();
        let flag = format!("(run with --allow-net=127.0.0.1:{port})");
        assert!(said.starts_with("denied http.get failed: ") && said.contains(&flag), "{said}");
    }
}

#[test]
fn a_text_without_certificates_is_the_callers_mistake() {
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for pem in ["no PEM", "", broken] {
        let script = "local function try()\nlocal c = http.client { ca_cert = env.get('CA') or '' }\nreturn c end
            print(select(2, pcall(try)))";
        let said = said(pem, script, &[]);
        assert!(
            said.contains("main.lua:2: http.client: ") && said.contains("certificate"),
            "{pem:?}: {said}"
        );
    }
}
