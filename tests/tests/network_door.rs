//! The network door, from the outside: what is granted, what is not, and what the texts say.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Write;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tests::run::Run;
use tests::upstream::Upstream;

const ATTEMPT: &str = include_str!("../scripts/http_client/attempt.lua");

/// A line for each URL: how fetching it went.
fn attempts(flags: &[&str], urls: &[String]) -> Vec<String> {
    let said = Run::script(flags, ATTEMPT).args(urls).finish().ok();
    let lines: Vec<_> = said.lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), urls.len(), "{said}");
    lines
}

fn attempt(flags: &[&str], url: &str) -> String {
    attempts(flags, &[url.to_owned()]).concat()
}

fn denial(destination: &str, flag: &str) -> String {
    format!(
        "denied\thttp.get failed: net access to {destination} is not granted (run with --allow-net={flag})"
    )
}

/// The ways to write 127.0.0.1 as the host of a URL.
const LOOPBACK_LITERALS: [&str; 12] = [
    "127.0.0.1",
    "2130706433",
    "0x7f000001",
    "0x7F.0.0.1",
    "017700000001",
    "127.1",
    "127.0.1",
    "127.0.0.1.",
    "0177.0.0.1",
    "%31%32%37.0.0.1",
    "１２７.0.0.1",
    "[::ffff:127.0.0.1]",
];

#[test]
fn each_form_of_a_grant_opens_what_it_names() {
    let upstream = Upstream::text("x");
    let port = upstream.port;
    for rule in [
        format!("127.0.0.1:{port}"),
        "127.0.0.1:*".to_owned(),
        format!("http://127.0.0.1:{port}"),
        format!("127.0.0.0/8:{port}"),
        "127.0.0.0/8:*".to_owned(),
        "0.0.0.0/0:*".to_owned(),
        format!("[::ffff:127.0.0.1]:{port}"),
        format!("0x7f000001:{port}"),
        format!("localhost:{port}"),
        format!("example.com,127.0.0.1:{port}"),
    ] {
        for flag in
            [vec![format!("--allow-net={rule}")], vec!["--allow-net".to_owned(), rule.clone()]]
        {
            let flags: Vec<_> = flag.iter().map(String::as_str).collect();
            let said = attempt(&flags, &upstream.url("/"));
            assert_eq!(said, format!("ok\t200\t{}", upstream.url("/")), "{rule}");
        }
    }
    assert!(attempt(&["-A"], &upstream.url("/")).starts_with("ok\t"));
}

#[test]
fn a_grant_opens_nothing_else() {
    let upstream = Upstream::text("x");
    let port = upstream.port;
    let expected = denial(&format!("127.0.0.1:{port}"), &format!("127.0.0.1:{port}"));
    for rule in [
        "127.0.0.1".to_owned(),
        "localhost".to_owned(),
        format!("127.0.0.1:{}", port ^ 1),
        format!("https://127.0.0.1:{port}"),
        format!("127.0.0.2:{port}"),
        format!("10.0.0.0/8:{port}"),
        format!("[::1]:{port}"),
        "public".to_owned(),
        "public:*".to_owned(),
        format!("example.com:{port}"),
        format!("*.example.com:{port}"),
    ] {
        assert_eq!(
            attempt(&[&format!("--allow-net={rule}")], &upstream.url("/")),
            expected,
            "{rule}"
        );
    }
    assert!(upstream.seen().is_empty());
}

#[test]
fn without_a_grant_the_text_names_the_flag_to_add() {
    for (url, destination, flag) in [
        ("http://api.example.com/", "api.example.com:80", "api.example.com"),
        ("https://api.example.com/?q=s3cret", "api.example.com:443", "api.example.com"),
        ("https://API.Example.COM./", "api.example.com:443", "api.example.com"),
        ("http://api.example.com:8080/x", "api.example.com:8080", "api.example.com:8080"),
        ("http://bücher.example/", "xn--bcher-kva.example:80", "xn--bcher-kva.example"),
        ("http://10.0.0.1/", "10.0.0.1:80", "10.0.0.1"),
        ("http://[::1]:9/", "[::1]:9", "[::1]:9"),
        ("http://localhost:9/", "localhost:9", "localhost:9"),
        ("http://169.254.169.254/latest/meta-data", "169.254.169.254:80", "169.254.169.254"),
        ("http://0/", "0.0.0.0:80", "0.0.0.0"),
    ] {
        assert_eq!(attempt(&[], url), denial(destination, flag), "{url}");
    }
}

#[test]
fn the_flag_that_the_text_names_is_the_one_that_grants() {
    let upstream = Upstream::text("x");
    for host in ["127.0.0.1", "localhost", "2130706433", "[::ffff:7f00:1]"] {
        let url = format!("http://{host}:{}/", upstream.port);
        let said = attempt(&[], &url);
        let flag = said.split("(run with ").nth(1).and_then(|rest| rest.strip_suffix(')')).unwrap();
        assert!(attempt(&[flag], &url).starts_with("ok\t200"), "{host}: {flag}");
    }
}

#[test]
fn a_denial_wins_over_every_grant() {
    let upstream = Upstream::text("x");
    let port = upstream.port;
    for rule in [
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{port}"),
        "127.0.0.0/8".to_owned(),
        "localhost".to_owned(),
        format!("http://127.0.0.1:{port}"),
        "[::ffff:127.0.0.1]".to_owned(),
    ] {
        for allow in [format!("--allow-net=127.0.0.1:{port}"), "-A".to_owned()] {
            let said = attempt(&[&format!("--deny-net={rule}"), &allow], &upstream.url("/"));
            let expected = format!(
                "denied\thttp.get failed: net access to 127.0.0.1:{port} is denied (by --deny-net={rule})"
            );
            assert_eq!(said, expected);
        }
    }
    let elsewhere = [
        format!("127.0.0.1:{}", port ^ 1),
        format!("https://127.0.0.1:{port}"),
        "example.com".to_owned(),
    ];
    for rule in elsewhere {
        let said = attempt(&[&format!("--deny-net={rule}"), &upstream.grant()], &upstream.url("/"));
        assert!(said.starts_with("ok\t"), "{rule}: {said}");
    }
}

#[test]
fn every_way_to_write_loopback_takes_the_same_road() {
    let upstream = Upstream::text("x");
    let urls: Vec<_> =
        LOOPBACK_LITERALS.iter().map(|host| format!("http://{host}:{}/", upstream.port)).collect();
    for (line, url) in attempts(&["--allow-net=public:*,example.com:*"], &urls).iter().zip(&urls) {
        assert_eq!(
            *line,
            denial(
                &format!("127.0.0.1:{0}", upstream.port),
                &format!("127.0.0.1:{0}", upstream.port)
            ),
            "{url}"
        );
    }
    for (line, url) in attempts(&["--deny-net=127.0.0.1", "-A"], &urls).iter().zip(&urls) {
        assert!(line.contains("is denied (by --deny-net=127.0.0.1)"), "{url}: {line}");
    }
    assert!(upstream.seen().is_empty());
    for (line, url) in attempts(&[&upstream.grant()], &urls).iter().zip(&urls) {
        assert!(line.starts_with("ok\t200\t"), "{url}: {line}");
    }
}

#[test]
fn addresses_that_hide_loopback_are_not_public() {
    let urls = [
        "http://0.0.0.0/",
        "http://127.255.255.254/",
        "http://[::]/",
        "http://[::1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[2001:0:0:0:0:0:80ff:fffe]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://10.0.0.1/",
        "http://172.16.0.1/",
        "http://192.168.0.1/",
        "http://169.254.169.254/",
        "http://100.64.0.1/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://192.0.2.1/",
        "http://[ff02::1]/",
        "http://[fd00:ec2::254]/",
    ]
    .map(str::to_owned);
    for (line, url) in attempts(&["--allow-net=public:*"], &urls).iter().zip(&urls) {
        assert!(line.starts_with("denied\t"), "{url}: {line}");
    }
}

#[test]
fn localhost_is_loopback_and_a_grant_of_it_opens_the_address() {
    let upstream = Upstream::text("x");
    let port = upstream.port;
    let urls = [
        format!("http://localhost:{port}/"),
        format!("http://LOCALHOST:{port}/"),
        format!("http://127.0.0.1:{port}/"),
    ];
    for line in attempts(&[&format!("--allow-net=localhost:{port}")], &urls) {
        assert!(line.starts_with("ok\t200\t"), "{line}");
    }
    // The other way round the name itself is not granted, so it is not even looked up.
    let said = attempt(&[&upstream.grant()], urls.first().unwrap());
    assert_eq!(said, denial(&format!("localhost:{port}"), &format!("localhost:{port}")));
}

#[test]
fn a_redirect_to_what_is_not_granted_is_denied() {
    let target = Upstream::text("secret");
    for host in LOOPBACK_LITERALS {
        let location = format!("http://{host}:{}/?token=s3cret", target.port);
        // A header line is bytes; a name that is not ASCII travels as UTF-8.
        let upstream = Upstream::always(format!(
            "HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        ));
        let said = attempt(&[&upstream.grant(), "--allow-net=public"], &upstream.url("/"));
        let address = format!("127.0.0.1:{}", target.port);
        assert_eq!(said, denial(&address, &address), "{host}");
    }
    assert!(target.seen().is_empty());
}

#[test]
fn a_user_name_in_a_url_is_refused_and_not_shown() {
    let upstream = Upstream::text("x");
    for userinfo in ["user", "user:s3cret", ":s3cret", "s3cret%40"] {
        let said = attempt(
            &[&upstream.grant()],
            &format!("http://{userinfo}@127.0.0.1:{}/", upstream.port),
        );
        assert!(
            said.contains("it holds a user name or password") && !said.contains("s3cret"),
            "{said}"
        );
    }
    // What looks like a granted host in front of the @ is a user name.
    let said =
        attempt(&[&upstream.grant()], &format!("http://127.0.0.1:{}@example.com/", upstream.port));
    assert!(said.contains("it holds a user name or password"), "{said}");
    assert!(upstream.seen().is_empty());
}

#[test]
fn no_proxy_of_the_environment_is_used() {
    let proxy = Upstream::text("from the proxy");
    let upstream = Upstream::text("from the server");
    let address = proxy.url("");
    for flags in [vec![upstream.grant()], vec!["-A".to_owned()]] {
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let mut run = Run::script(
            &flags,
            "print(http.get(...).body) print(pcall(http.get, 'http://no-proxy.invalid:1/x'))",
        );
        for name in
            ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        {
            run = run.env(name, &address);
        }
        let said = run.args([upstream.url("/")]).finish().ok();
        assert!(said.starts_with("from the server\nfalse\t"), "{said}");
    }
    assert!(proxy.seen().is_empty());
}

#[test]
fn a_denied_attempt_opens_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    assert!(attempt(&["--allow-net=public"], &url).starts_with("denied\t"));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn a_granted_connection_is_not_shared_with_another_client_that_was_redirected_to_it() {
    let ports = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&ports);
    let target = Upstream::start(move |_, stream| {
        log.lock().unwrap().push(stream.peer_addr().unwrap().port());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_ok()
    });
    let upstream = Upstream::always(format!(
        "HTTP/1.1 307 Temporary\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n",
        target.url("/")
    ));
    let script = "local direct, redirected = ... http.client():get(direct) http.client():get(redirected) print('done')";
    let flags = [upstream.grant(), target.grant()];
    let flags: Vec<_> = flags.iter().map(String::as_str).collect();
    assert_eq!(
        Run::script(&flags, script).args([target.url("/"), upstream.url("/")]).finish().ok(),
        "done\n"
    );
    let ports = ports.lock().unwrap();
    assert_eq!(ports.len(), 2);
    assert_ne!(ports.first(), ports.last());
}
