//! Grants, redirects and names that move.

use super::*;

#[tokio::test]
async fn nothing_connects_without_a_grant() {
    let server = Server::start(|_| ok("")).await;
    let port = server.port();
    let url = format!("http://0x7f.1:{port}/?secret");
    let denied = failure(&client(&["public:*".to_owned()]), get(url)).await;
    assert_eq!(
        denied.message,
        format!(
            "net access to 127.0.0.1:{port} is not granted (run with --allow-net=127.0.0.1:{port})"
        )
    );
    let rebound =
        failure(&client(&["public:*".to_owned()]), get(format!("http://a.test:{port}/"))).await;
    assert_eq!(rebound.kind, Kind::Denied);
    assert!(
        rebound.message.contains("it resolves to 127.0.0.1, which is not public"),
        "{}",
        rebound.message
    );
    assert_eq!(server.connections.load(Ordering::Relaxed), 0);
    let granted = client(&["a.test:*".to_owned(), format!("127.0.0.1:{port}")]);
    assert_eq!(exchange(&granted, get(format!("http://a.test:{port}/"))).await.unwrap().0, 200);
}

#[tokio::test]
async fn redirects_are_followed_and_change_the_method() {
    let server = Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/302" => to(302, "/end"),
        "/307" => to(307, "/end"),
        _ => ok("end"),
    })
    .await;
    let client = open_client();
    for (path, line) in [("/302", "GET /end"), ("/307", "POST /end")] {
        let request = Request {
            method: b"POST".to_vec(),
            body: Some(b"body".to_vec()),
            ..get(server.url(path))
        };
        let response = client.clone().send(request).await.unwrap();
        assert_eq!(response.url, server.url("/end"));
        assert_eq!(all(response).await.unwrap(), b"end");
        let last = server.seen().pop().unwrap();
        assert!(last.starts_with(line), "{last}");
        assert_eq!(last.ends_with("body"), path == "/307");
    }
    let kept = Request { follow_redirects: false, ..get(server.url("/302")) };
    assert_eq!(exchange(&client, kept).await.unwrap().0, 302);
}

#[tokio::test]
async fn each_hop_passes_the_door() {
    let inner = Server::start(|_| ok("internal")).await;
    let hidden = inner.url("/");
    let server = Server::start(move |request| match request.split(' ').nth(1).unwrap() {
        "/internal" => to(302, &hidden),
        "/metadata" => to(302, "http://169.254.169.254/secret"),
        "/file" => to(302, "file:///secret"),
        "/userinfo" => to(302, "http://u:secret@127.0.0.1/"),
        "/long" => to(302, &format!("/{}", "s".repeat(20_000))),
        _ => to(302, "/loop"),
    })
    .await;
    let client = client(&[format!("127.0.0.1:{}", server.port())]);
    for (path, kind, text) in [
        ("/internal", Kind::Denied, format!("net access to {} is not granted", inner.address)),
        ("/metadata", Kind::Denied, "net access to 169.254.169.254:80 is not granted".to_owned()),
        ("/file", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/userinfo", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/long", Kind::Protocol, "the redirect sent by 127.0.0.1 is not followed".to_owned()),
        ("/loop", Kind::Protocol, "too many redirects".to_owned()),
    ] {
        let failure = failure(&client, get(server.url(path))).await;
        assert_eq!(failure.kind, kind, "{path}");
        assert!(failure.message.starts_with(&text), "{path}: {}", failure.message);
    }
    assert!(inner.seen().is_empty());
    let loops = server.seen().iter().filter(|request| request.starts_with("GET /loop")).count();
    assert_eq!(loops, MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn another_origin_gets_no_field_of_the_script() {
    let other = Server::start(|_| ok("")).await;
    let target = other.url("/");
    let server = Server::start(move |_| to(307, &target)).await;
    let request = Request {
        headers: b"Authorization\0secret\0Cookie\0secret\0X-Api-Key\0secret\0".to_vec(),
        ..get(server.url("/"))
    };
    exchange(&open_client(), request).await.unwrap();
    assert!(server.seen()[0].contains("x-api-key: secret"));
    assert!(!other.seen()[0].contains("secret"), "{}", other.seen()[0]);
}

#[tokio::test]
async fn a_name_that_moves_is_refused_when_the_next_connection_is_made() {
    let server = Server::start(|_| {
        Reply::Close(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec())
    })
    .await;
    let client = client_that_resolves(
        &[[127, 0, 0, 1], [127, 0, 0, 2]],
        &["a.test:*", "127.0.0.1:*"],
        Audit::default(),
    );
    let url = format!("http://a.test.:{}/?secret", server.port());
    assert_eq!(exchange(&client, get(url.as_str())).await.unwrap().0, 200);
    let failure = failure(&client, get(url)).await;
    assert_eq!(failure.kind, Kind::Denied);
    assert!(
        failure.message.contains("it resolves to 127.0.0.2, which is not public"),
        "{}",
        failure.message
    );
    assert_eq!(server.connections.load(Ordering::Relaxed), 1);
}
