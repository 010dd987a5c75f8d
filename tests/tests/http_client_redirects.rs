//! Redirects: which are followed, what goes along, and that every hop passes the network door.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::io::Write;

use tests::run::Run;
use tests::upstream::{Seen, Upstream};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone";

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Moved\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")
}

/// Sends `/status/location` on to the location with this status; answers anything else.
fn redirecting() -> Upstream {
    Upstream::start(|request: &Seen, stream| {
        let target = request.line.split(' ').nth(1).unwrap();
        let hop = target.strip_prefix('/').and_then(|path| path.split_once('/'));
        let answer = match hop.and_then(|(status, to)| Some((status.parse().ok()?, to))) {
            Some((status, location)) => redirect(status, location),
            None => OK.to_owned(),
        };
        // A response to HEAD has no body.
        let head = request.line.starts_with("HEAD");
        let answer = if head { answer.replace("done", "") } else { answer };
        stream.write_all(answer.as_bytes()).is_ok()
    })
}

/// What `script` prints, with these upstreams granted and their URLs as arguments.
fn said(upstreams: &[&Upstream], script: &str) -> String {
    let grants: Vec<_> = upstreams.iter().map(|upstream| upstream.grant()).collect();
    let flags: Vec<_> = grants.iter().map(String::as_str).collect();
    Run::script(&flags, script)
        .args(upstreams.iter().map(|upstream| upstream.url("")))
        .finish()
        .ok()
}

fn methods_and_bodies(upstream: &Upstream) -> Vec<(String, String)> {
    let method = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
    let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
    upstream.seen().iter().map(|seen| (method(&seen.line), text(&seen.body))).collect()
}

#[test]
fn a_redirect_is_followed_and_the_final_url_told() {
    for status in [301, 302, 303, 307, 308] {
        let upstream = redirecting();
        let script = format!(
            "local r = http.get(... .. '/{status}//end?x=1#part') print(r.status, r.body, r.url)"
        );
        assert_eq!(
            said(&[&upstream], &script),
            format!("200\tdone\t{}\n", upstream.url("/end?x=1"))
        );
    }
}

#[test]
fn the_method_changes_as_browsers_change_it() {
    for (method, status, becomes, keeps_body) in [
        ("POST", 301, "GET", false),
        ("POST", 302, "GET", false),
        ("POST", 303, "GET", false),
        ("POST", 307, "POST", true),
        ("POST", 308, "POST", true),
        ("PUT", 301, "PUT", true),
        ("PUT", 303, "GET", false),
        ("DELETE", 302, "DELETE", true),
        ("HEAD", 303, "HEAD", false),
    ] {
        let upstream = redirecting();
        let body = if method == "HEAD" {
            ""
        } else {
            ", { body = 'x', headers = { ['Content-Type'] = 'a/b' } }"
        };
        said(&[&upstream], &format!("http.request('{method}', ... .. '/{status}//end'{body})"));
        let seen = methods_and_bodies(&upstream);
        let body = if keeps_body { "x" } else { "" };
        assert_eq!(seen[1], (becomes.to_owned(), body.to_owned()), "{method} {status}");
        assert_eq!(
            upstream.seen()[1].headers("content-type").len(),
            usize::from(keeps_body),
            "{method} {status}"
        );
    }
}

#[test]
fn a_location_may_be_relative() {
    for (location, target) in
        [("/x?y", "/x?y"), ("x", "/a/b/x"), ("../x", "/a/x"), ("?q", "/a/b/start?q")]
    {
        let upstream = Upstream::start(move |request: &Seen, stream| {
            let begun = request.line.starts_with("GET /a/b/start ");
            let answer = if begun { redirect(302, location) } else { OK.to_owned() };
            stream.write_all(answer.as_bytes()).is_ok()
        });
        said(&[&upstream], "http.get(... .. '/a/b/start')");
        assert_eq!(upstream.seen()[1].line, format!("GET {target} HTTP/1.1"), "{location}");
    }
}

#[test]
fn ten_redirects_are_followed_and_the_eleventh_is_too_many() {
    let upstream = Upstream::start(|request: &Seen, stream| {
        let left = request
            .line
            .split(['/', ' '])
            .nth(2)
            .and_then(|left| left.parse::<u32>().ok())
            .unwrap();
        let answer =
            if left == 0 { OK.to_owned() } else { redirect(302, &format!("/{}", left - 1)) };
        stream.write_all(answer.as_bytes()).is_ok()
    });
    let script = "print(http.get(... .. '/10').body)
        local ok, e = pcall(http.get, ... .. '/11') print(e.kind, e.message)";
    assert_eq!(
        said(&[&upstream], script),
        "done\nprotocol\thttp.get failed: too many redirects, more than 10\n"
    );
}

#[test]
fn a_loop_ends() {
    let upstream = Upstream::always(redirect(302, "/again"));
    let script = "print(select(2, pcall(http.get, ...)).kind)";
    assert_eq!(said(&[&upstream], script), "protocol\n");
    assert_eq!(upstream.seen().len(), 11);
}

#[test]
fn a_redirect_that_is_not_followed_is_returned() {
    let upstream = redirecting();
    let script = "local options = { follow_redirects = false }
        local r = http.get(... .. '/302//end', options) print(r.status, r.headers.location)
        local client = http.client(options)
        print(client:get(... .. '/307//end').status)
        print(client:get(... .. '/307//end', { follow_redirects = true }).status)";
    assert_eq!(said(&[&upstream], script), "302\t/end\n307\n200\n");
}

#[test]
fn a_redirect_without_a_location_and_other_statuses_are_returned() {
    for status in [300, 304, 305, 306] {
        let upstream = Upstream::always(redirect(status, "/end"));
        assert_eq!(said(&[&upstream], "print(http.get(...).status)"), format!("{status}\n"));
    }
    let upstream = Upstream::always("HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(said(&[&upstream], "print(http.get(...).status)"), "302\n");
}

#[test]
fn the_same_origin_gets_the_scripts_headers_and_another_gets_none() {
    let target = Upstream::always(OK);
    let upstream = redirecting();
    let script = include_str!("../scripts/http_client/redirect_headers.lua");
    Run::script(&["--allow-net=localhost:*"], script)
        .args([upstream.url(""), target.url("")])
        .finish()
        .ok();
    let names = ["authorization", "cookie", "x-api-key", "x-default"];
    let [first, second, elsewhere] = [&upstream.seen()[0], &upstream.seen()[1], &target.seen()[0]];
    for name in names {
        assert_eq!(first.headers(name).len(), 1, "{name}");
        assert_eq!(second.headers(name).len(), 1, "{name}: the origin is the same");
        assert!(elsewhere.headers(name).is_empty(), "{name}: {:?}", elsewhere.head);
    }
    assert!(!elsewhere.head.iter().any(|line| line.contains("s3cret")), "{:?}", elsewhere.head);
    // Back at the first origin they are still gone: the other one chose where the request went.
    let last = upstream.seen().pop().unwrap();
    assert!(
        last.line.starts_with("GET /back") && last.headers("authorization").is_empty(),
        "{last:?}"
    );
}

#[test]
fn a_hop_that_is_not_granted_is_denied_and_not_reached() {
    let target = Upstream::always(OK);
    let upstream = redirecting();
    let script =
        "local ok, e = pcall(http.get, ... .. '/302/' .. select(2, ...) .. '/?token=s3cret')
        print(e.kind, e.message)";
    let said = Run::script(&[&upstream.grant()], script)
        .args([upstream.url(""), target.url("")])
        .finish()
        .ok();
    let expected = format!(
        "denied\thttp.get failed: net access to 127.0.0.1:{0} is not granted (run with --allow-net=127.0.0.1:{0})\n",
        target.port
    );
    assert_eq!(said, expected);
    assert!(target.seen().is_empty());
}

#[test]
fn redirects_to_what_is_not_http_are_refused() {
    for location in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "ws://127.0.0.1/",
        "data:,x",
        "javascript:1",
        "http://[::1",
        "http://user:s3cret@127.0.0.1:1/",
    ] {
        let upstream = Upstream::always(redirect(302, location));
        let flags = [upstream.grant(), "--allow-net=127.0.0.1:*".to_owned()];
        let script = "local ok, e = pcall(http.get, ...) print(e.kind, e.message)";
        let flags: Vec<_> = flags.iter().map(String::as_str).collect();
        let said = Run::script(&flags, script).args([upstream.url("/")]).finish().ok();
        assert!(
            said.starts_with(
                "protocol\thttp.get failed: the redirect sent by 127.0.0.1 is not followed: "
            ),
            "{location}: {said}"
        );
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn the_timeout_is_for_the_whole_chain() {
    let upstream = Upstream::start(|request: &Seen, stream| {
        if request.line.starts_with("GET /start") {
            return stream.write_all(redirect(302, "/silent").as_bytes()).is_ok();
        }
        let _ = std::io::Read::read_to_end(stream, &mut Vec::new());
        false
    });
    let script = "local ok, e = pcall(http.get, ... .. '/start', { timeout = 0.3 }) print(e.kind)";
    assert_eq!(said(&[&upstream], script), "timeout\n");
}
