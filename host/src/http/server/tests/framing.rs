//! Messages that two parsers could read differently: one answer, no second request, and the end.

use super::*;

const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: h\r\n\r\n";

async fn refused(echo: &Echo, status: &str, text: &str) {
    let answer = echo.all(text).await;
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{text:?}: {answer:?}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{text:?}: {answer:?}");
    assert!(!answer.contains("/hidden"), "{text:?}: {answer:?}");
}

#[tokio::test]
async fn ambiguous_lengths_are_refused() {
    let echo = echo(Limits::default());
    for fields in [
        "Content-Length: 4\r\nContent-Length: 5",
        "Content-Length: 4, 5",
        "Content-Length: +4",
        "Content-Length: 0x4",
        "Content-Length: -1",
        "Content-Length: 18446744073709551616",
        "Content-Length : 4",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n{HIDDEN}");
        refused(&echo, "400", &text).await;
    }
    for fields in [
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n{HIDDEN}");
        refused(&echo, "501", &text).await;
    }
}

#[tokio::test]
async fn a_length_beside_chunks_ends_the_connection_after_one_answer() {
    let echo = echo(Limits::default());
    for fields in [
        "Content-Length: 6\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 6",
    ] {
        let text = format!("POST / HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n0\r\n\r\n{HIDDEN}");
        refused(&echo, "200", &text).await;
    }
}

#[tokio::test]
async fn broken_chunks_are_refused() {
    let echo = echo(Limits::default());
    for chunks in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "0x2\r\nhi\r\n",
        "2\nhi\r\n",
        "2\r\nhi!\r\n",
        "2\r\nhi\n0\n\n",
        "10000000000000000\r\n",
        "2;a\nb\r\nhi\r\n",
    ] {
        let text = format!(
            "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{HIDDEN}"
        );
        refused(&echo, "400", &text).await;
    }
}

#[tokio::test]
async fn heads_that_break_the_grammar_are_refused() {
    let echo = echo(Limits::default());
    for text in [
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX y: a\r\n\r\n",
        "GET  / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET nothing HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        refused(&echo, "400", &format!("{text}{HIDDEN}")).await;
    }
    refused(&echo, "501", &format!("CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n{HIDDEN}")).await;
}

#[tokio::test]
async fn a_bare_line_feed_is_refused_in_a_later_request_too() {
    let echo = echo(Limits::default());
    let good = "POST /good HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n\n\n";
    let answer = echo.all(format!("{good}GET /bad HTTP/1.1\nHost: h\r\n\r\n{HIDDEN}")).await;
    assert_eq!(answer.matches("HTTP/1.1 200 ").count(), 1, "{answer:?}");
    assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer:?}");
    assert!(!answer.contains("/bad") && !answer.contains("/hidden"), "{answer:?}");
}

#[tokio::test]
async fn bytes_that_are_no_http_end_the_connection() {
    let echo = echo(Limits::default());
    let mut seed = 1_u32;
    for _ in 0..50 {
        let bytes: Vec<u8> = (0..300)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .chain(*b"\r\n\r\n")
            .collect();
        let mut client = echo.connect().await;
        client.send(bytes).await;
        assert!(!client.end().await.contains(" 200 "));
    }
    let mut client = echo.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!client.end().await.contains(" 200 "));
}
