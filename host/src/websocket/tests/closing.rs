//! Who closes, what the other end sees, and what is waited for.

use super::*;
use crate::failure::Kind;

#[tokio::test]
async fn a_close_sends_what_is_queued_and_waits_for_the_answer() {
    let mut rig = server(settings());
    rig.write("last words").await;
    let close = rig.connection.close(Close::new(4001, "enough"));
    assert!(rig.connection.is_closed());
    let failure = rig.connection.write(MessageKind::Text, Vec::new()).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Closed);
    let peer = async {
        assert_eq!(rig.peer.receive().await, (TEXT, b"last words".to_vec()));
        assert_eq!(rig.peer.receive().await, (CLOSE, b"\x0f\xa1enough".to_vec()));
        rig.peer.send(TEXT, "too late").await;
        rig.peer.send_close(4001, "").await;
        rig.peer.receive_end().await;
    };
    tokio::join!(close, peer);
    assert_eq!(rig.read_code().await, 4001);
    drop(rig.peer);
    rig.driver.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_does_not_answer_our_close_is_waited_for_briefly() {
    let mut rig = server(Settings { close_time: SHORT, ..settings() });
    rig.connection.close(Close::new(1000, "")).await;
    assert_eq!(rig.read_code().await, 1006);
    assert_eq!(rig.peer.receive_close().await, 1000);
    rig.peer.receive_end().await;
    rig.driver.await.unwrap();
}

#[tokio::test]
async fn a_closing_connection_throws_away_what_still_comes() {
    let mut rig = server(settings());
    rig.connection.begin_close(1001, "");
    assert_eq!(rig.peer.receive_close().await, 1001);
    // More than the read-ahead and more than a frame may have, and text that is none.
    for _ in 0..40 {
        rig.peer.send(BINARY, vec![0; 300_000]).await;
        rig.peer.send(TEXT, b"\xff").await;
    }
    rig.peer.send_close(1001, "").await;
    assert_eq!(rig.read_code().await, 1001);
}

#[tokio::test]
async fn the_peers_close_is_answered_at_once_with_what_it_said() {
    for (payload, code) in
        [(&b"\x03\xe8fine"[..], 1000), (b"\x0f\xa0", 4000), (b"\x03\xf6", 1014), (b"", 1005)]
    {
        let mut rig = server(settings());
        rig.peer.send(CLOSE, payload).await;
        assert_eq!(rig.peer.receive().await, (CLOSE, payload.to_vec()));
        rig.peer.receive_end().await;
        assert_eq!(rig.read_code().await, code);
        let failure = rig.connection.write(MessageKind::Text, Vec::new()).await.unwrap_err();
        assert_eq!(failure.message, format!("the connection is closed ({code})"));
        drop(rig.peer);
        rig.driver.await.unwrap();
    }
}

#[tokio::test]
async fn after_the_last_frame_the_socket_is_read_for_a_while() {
    let mut rig = server(Settings { drain_time: 10 * SHORT, ..settings() });
    rig.peer.send(0x8f, "").await;
    assert_eq!(rig.peer.receive_close().await, 1002);
    // It goes on as if nothing had happened, and never closes.
    for _ in 0..100 {
        rig.peer.send(BINARY, vec![0; 10_000]).await;
    }
    rig.driver.await.unwrap();
}

#[tokio::test]
async fn an_end_without_a_close_frame_is_a_loss() {
    let Rig { connection, peer, driver } = server(settings());
    let waiting = tokio::spawn(connection.readable(None));
    drop(peer);
    driver.await.unwrap();
    waiting.await.unwrap().unwrap();
    assert!(matches!(connection.take(), Some(Incoming::Closed(close)) if close.code == 1006));
    let failure = connection.write(MessageKind::Text, Vec::new()).await.unwrap_err();
    assert_eq!((failure.kind, failure.message.as_str()), (Kind::Closed, "the connection is lost"));

    // The peer can still read: it has only said that it will say nothing.
    let mut rig = server(settings());
    rig.peer.stream.shutdown().await.unwrap();
    rig.peer.receive_end().await;
    assert_eq!(rig.read_code().await, 1006);
}

#[tokio::test]
async fn a_socket_that_never_was_or_is_taken_away_is_a_loss() {
    let (connection, pending) = ends(settings());
    drop(pending);
    assert!(matches!(connection.take(), Some(Incoming::Closed(close)) if close.code == 1006));

    let rig = server(settings());
    rig.driver.abort();
    assert_eq!(rig.read_code().await, 1006);
}

#[tokio::test]
async fn a_connection_nobody_holds_any_more_closes_with_1001() {
    let Rig { connection, mut peer, .. } = server(settings());
    peer.send(TEXT, "unread").await;
    drop(connection);
    assert_eq!(peer.receive_close().await, 1001);
}

#[tokio::test]
async fn a_close_before_the_socket_is_there_is_not_lost_and_the_first_counts() {
    let (connection, pending) = ends(settings());
    connection.begin_close(1011, "failed");
    pending.begin_close(1000, "");
    drop(connection);
    let (ours, stream) = duplex(PIPE);
    let driver = tokio::spawn(pending.drive(ours, Bytes::new(), Role::Server));
    let mut peer = Peer { stream, role: Role::Client };
    assert_eq!(peer.receive().await, (CLOSE, b"\x03\xf3failed".to_vec()));
    peer.send_close(1011, "").await;
    peer.receive_end().await;
    drop(peer);
    driver.await.unwrap();
}

#[tokio::test]
async fn writers_that_wait_for_room_end_with_the_connection() {
    let mut rig = server(settings());
    let writes: Vec<_> = (0..4)
        .map(|_| tokio::spawn(rig.connection.write(MessageKind::Binary, vec![0; 60_000])))
        .collect();
    rig.peer.send_close(1000, "").await;
    let mut failed = 0;
    for write in writes {
        failed += usize::from(write.await.unwrap().is_err_and(|error| error.kind == Kind::Closed));
    }
    assert!(failed >= 2, "{failed}");
}

#[tokio::test]
async fn a_place_is_taken_until_the_socket_is_done() {
    let slots = Slots::new(1);
    let settings = Settings { close_time: SHORT, ..settings() };
    let (connection, pending) = pair(settings, budget(), slots.try_take().unwrap());
    assert!(slots.try_take().is_none());
    let (ours, _peer) = duplex(PIPE);
    let driver = tokio::spawn(pending.drive(ours, Bytes::new(), Role::Server));
    drop(connection);
    assert!(slots.try_take().is_none());
    driver.await.unwrap();
    assert!(slots.try_take().is_some());
}
