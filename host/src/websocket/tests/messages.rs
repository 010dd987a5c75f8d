//! What goes through, and who has to wait for whom.

use std::task::Poll;
use std::time::Duration;

use super::*;
use crate::failure::Kind;
use crate::limits::{MAX_READ_AHEAD, MAX_STREAM_QUEUE, WS_MESSAGE_COST};

/// Whether a future is ready without waiting.
async fn ready<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        })
    })
    .await
}

/// Lets the driver do all it can.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn messages_of_any_size_go_both_ways_in_both_roles() {
    for role in [Role::Server, Role::Client] {
        let mut rig = rig(role, settings(), budget());
        for size in [0, 1, 125, 126, 4096, 4097, 65_535, 65_536, 200_000] {
            let data: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            let sent = rig.connection.write(MessageKind::Binary, data.clone());
            let (result, frame) = tokio::join!(sent, rig.peer.receive());
            result.unwrap();
            assert_eq!(frame, (BINARY, data.clone()));
            let bytes = rig.peer.frame(BINARY, &data);
            let (result, incoming) = tokio::join!(rig.peer.stream.write_all(&bytes), async {
                rig.connection.readable(None).await.unwrap();
                rig.connection.take().unwrap()
            });
            result.unwrap();
            let Incoming::Message(message) = incoming else { panic!("{incoming:?}") };
            assert_eq!((message.kind, message.data == data), (MessageKind::Binary, true));
        }
    }
}

#[tokio::test]
async fn fragments_make_one_message_and_control_frames_go_between() {
    let mut rig = server(settings());
    rig.peer.send(0x01, "h\u{e4}".as_bytes().split_at(2).0).await;
    rig.peer.send(PING, "between").await;
    rig.peer.send(0x00, "h\u{e4}".as_bytes().split_at(2).1).await;
    rig.peer.send(0x80, "llo").await;
    assert_eq!(rig.peer.receive().await, (PONG, b"between".to_vec()));
    assert_eq!(rig.read_text().await, "h\u{e4}llo");
}

#[tokio::test]
async fn what_came_with_the_handshake_is_read_first() {
    let (connection, pending) = ends(settings());
    let (ours, stream) = duplex(PIPE);
    let mut peer = Peer { stream, role: Role::Client };
    let early = [peer.frame(TEXT, b"one"), peer.frame(TEXT, b"two")].concat();
    let (early, late) = early.split_at(12);
    let driver = tokio::spawn(pending.drive(ours, Bytes::copy_from_slice(early), Role::Server));
    peer.stream.write_all(late).await.unwrap();
    let rig = Rig { connection, peer, driver };
    assert_eq!((rig.read_text().await, rig.read_text().await), ("one".into(), "two".into()));
}

#[tokio::test]
async fn a_wait_that_is_given_up_loses_nothing() {
    let mut rig = server(settings());
    assert!(ready(rig.connection.readable(None)).await.is_none());
    rig.peer.send(TEXT, "kept").await;
    settle().await;
    assert_eq!(ready(rig.connection.readable(None)).await, Some(Ok(())));
    assert_eq!(rig.read_text().await, "kept");
    let late = rig.connection.readable(Some(Duration::from_millis(1500))).await.unwrap_err();
    assert_eq!(
        (late.kind, late.message.as_str()),
        (Kind::Timeout, "no message came within 1.5 seconds")
    );
}

#[tokio::test]
async fn a_slow_peer_holds_its_writers_only_and_they_keep_their_order() {
    let mut rig = server(settings());
    let size = MAX_STREAM_QUEUE - WS_MESSAGE_COST;
    let mut waiting = Vec::new();
    for letter in ["a", "b", "c", "d"] {
        let write = rig.connection.write(MessageKind::Text, letter.repeat(size).into_bytes());
        waiting.push(tokio::spawn(write));
        settle().await;
    }
    // The first is with the socket, in part; the queue has room for one.
    assert!(waiting[0].is_finished() && !waiting[2].is_finished() && !waiting[3].is_finished());
    // Reading and answering go on.
    rig.peer.send(TEXT, "meanwhile").await;
    assert_eq!(rig.read_text().await, "meanwhile");
    for letter in [b'a', b'b', b'c', b'd'] {
        let (first, payload) = rig.peer.receive().await;
        assert_eq!((first, payload[0], payload.len()), (TEXT, letter, size));
    }
    for write in waiting {
        write.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_script_that_does_not_read_holds_its_peer_after_64_kib() {
    let mut rig = server(settings());
    let frame = rig.peer.frame(BINARY, &[0; 1000]);
    let mut sent = 0;
    while let Some(result) = {
        settle().await;
        ready(rig.peer.stream.write_all(&frame)).await
    } {
        result.unwrap();
        sent += 1000;
    }
    let ahead = MAX_READ_AHEAD + 2 * PIPE + 32 * 1024;
    assert!(sent >= MAX_READ_AHEAD && sent <= ahead, "{sent} bytes were taken");
    // What is read makes room, and nothing is lost.
    let count = sent / 1000;
    for _ in 0..count {
        assert!(
            matches!(rig.read().await, Incoming::Message(message) if message.data.len() == 1000)
        );
    }
}

#[tokio::test]
async fn pings_and_closes_are_answered_although_nobody_reads() {
    let mut rig = server(settings());
    rig.peer.send(TEXT, "unread").await;
    rig.peer.send(PING, "1").await;
    assert_eq!(rig.peer.receive().await, (PONG, b"1".to_vec()));
    rig.peer.send_close(4000, "bye").await;
    assert_eq!(rig.peer.receive_close().await, 4000);
    assert_eq!(rig.read_text().await, "unread");
    let Incoming::Closed(close) = rig.read().await else { panic!("a message") };
    assert_eq!((close.code, close.reason.as_str()), (4000, "bye"));
    assert_eq!(rig.read_code().await, 4000);
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let rig = server(Settings { max_message: 10, ..settings() });
    let write = |kind, data: &[u8]| rig.connection.write(kind, data.to_vec());
    assert!(write(MessageKind::Text, b"0123456789").await.is_ok());
    let failure = write(MessageKind::Text, b"0123456789a").await.unwrap_err();
    assert_eq!(failure.kind, Kind::TooLarge);
    assert!(failure.message.ends_with("(raise --max-ws-message)"), "{failure}");
    assert_eq!(write(MessageKind::Text, b"\xff").await.unwrap_err().kind, Kind::Invalid);
    assert!(write(MessageKind::Binary, b"\xff").await.is_ok());
}
