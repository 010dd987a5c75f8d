//! Time and memory.

use tokio::time::{Instant, sleep};

use super::*;
use crate::failure::Kind;
use crate::limits::MAX_READ_AHEAD;

#[tokio::test]
async fn a_silent_peer_is_pinged_and_an_answer_is_life() {
    let mut rig = server(Settings { ping_period: SHORT, ..settings() });
    for round in 0..5 {
        assert_eq!(rig.peer.receive().await, (PING, Vec::new()));
        // Anything is an answer.
        let first = if round % 2 == 0 { PONG } else { TEXT };
        rig.peer.send(first, "").await;
    }
    assert!(!rig.connection.is_closed());
}

#[tokio::test]
async fn a_peer_that_answers_no_ping_is_lost_after_two() {
    let mut rig = server(Settings { ping_period: SHORT, ..settings() });
    assert_eq!(rig.read_code().await, 1006);
    assert_eq!(rig.peer.receive().await, (PING, Vec::new()));
    assert_eq!(rig.peer.receive().await, (PING, Vec::new()));
    rig.peer.receive_end().await;
}

#[tokio::test]
async fn a_peer_is_not_dead_because_the_script_does_not_read() {
    let mut rig = server(Settings { ping_period: SHORT, ..settings() });
    rig.peer.send(BINARY, vec![0; MAX_READ_AHEAD]).await;
    sleep(10 * SHORT).await;
    assert!(!rig.connection.is_closed());
    // It is listened to again from now on.
    assert!(matches!(rig.read().await, Incoming::Message(_)));
    assert_eq!(rig.peer.receive().await, (PING, Vec::new()));
}

#[tokio::test]
async fn a_peer_that_goes_while_nobody_reads_is_found_by_a_ping() {
    let Rig { connection, mut peer, driver } =
        server(Settings { ping_period: SHORT, ..settings() });
    peer.send(BINARY, vec![0; MAX_READ_AHEAD]).await;
    drop(peer);
    driver.await.unwrap();
    assert!(connection.is_closed());
}

#[tokio::test]
async fn without_messages_either_way_a_connection_is_closed() {
    let mut rig =
        server(Settings { idle_timeout: Some(10 * SHORT), ping_period: SHORT, ..settings() });
    rig.peer.send(TEXT, "theirs").await;
    rig.write("ours").await;
    // Pings are no messages.
    let mut pings = 0;
    let close = loop {
        match rig.peer.receive().await {
            (PING, _) => {
                pings += 1;
                rig.peer.send(PONG, "").await;
            }
            (TEXT, _) => {}
            frame => break frame,
        }
    };
    assert_eq!(close, (CLOSE, b"\x03\xe9no message for too long".to_vec()));
    assert!(pings > 0);
}

#[tokio::test]
async fn messages_keep_a_connection_from_being_idle() {
    let mut rig = server(Settings { idle_timeout: Some(10 * SHORT), ..settings() });
    let begun = Instant::now();
    let mut ours = false;
    // Far more than the idle time, with a message each way now and then.
    while begun.elapsed() < 40 * SHORT {
        sleep(SHORT).await;
        ours = !ours;
        match ours {
            true => rig.write("ours").await,
            false => rig.peer.send(TEXT, "theirs").await,
        }
        if ours {
            assert_eq!(rig.peer.receive().await.0, TEXT);
        } else {
            rig.read_text().await;
        }
    }
    assert!(!rig.connection.is_closed());
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_lost() {
    let mut rig = server(Settings { write_timeout: Some(SHORT), ..settings() });
    let mut writes = Vec::new();
    for _ in 0..3 {
        writes.push(tokio::spawn(rig.connection.write(MessageKind::Binary, vec![0; 60_000])));
    }
    assert_eq!(rig.read_code().await, 1006);
    assert_eq!(writes.pop().unwrap().await.unwrap().unwrap_err().kind, Kind::Closed);
    rig.driver.await.unwrap();
    // What was sent until then is half a frame.
    let mut rest = Vec::new();
    rig.peer.stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len(), PIPE);
}

#[tokio::test]
async fn a_peer_that_neither_reads_nor_answers_cannot_keep_a_closing_connection() {
    let rig = server(Settings { write_timeout: Some(SHORT), ..settings() });
    rig.connection.write(MessageKind::Binary, vec![0; 60_000]).await.unwrap();
    rig.connection.begin_close(1000, "");
    rig.driver.await.unwrap();
    drop(rig.peer);
}

#[tokio::test]
async fn a_ping_flood_of_a_peer_that_does_not_read_costs_a_bounded_answer() {
    let mut rig = server(settings());
    let ping = rig.peer.frame(PING, &[b'p'; 125]);
    let flood = ping.repeat(100);
    for _ in 0..1000 {
        rig.peer.stream.write_all(&flood).await.unwrap();
    }
    rig.peer.send(PING, "last").await;
    let mut answers = 0;
    loop {
        let (first, payload) = rig.peer.receive().await;
        assert_eq!(first, PONG);
        answers += 1;
        if payload == b"last" {
            break;
        }
    }
    // The pipe, what was framed, and one.
    assert!(answers < 400, "{answers} answers to 100,000 pings were kept");
}

#[tokio::test]
async fn what_is_received_and_sent_counts_against_the_budget() {
    let budget = Budget::new(100_000);
    let mut first = rig(Role::Server, settings(), Arc::clone(&budget));
    first.peer.send(0x02, vec![0; 60_000]).await;
    tokio::task::yield_now().await;
    assert!(budget.held() > 50_000, "{}", budget.held());
    // Half a message of one peer and half a message of another are too much.
    let mut second = rig(Role::Server, settings(), Arc::clone(&budget));
    let sent = second.peer.frame(0x02, &[0; 60_000]);
    let (result, code) =
        tokio::join!(second.peer.stream.write_all(&sent), second.connection.readable(None));
    result.unwrap();
    code.unwrap();
    assert_eq!(second.peer.receive_close().await, 1013);
    let failure = second.connection.write(MessageKind::Binary, vec![0; 60_000]).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Closed);
    let failure = first.connection.write(MessageKind::Binary, vec![0; 60_000]).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Limit);
    drop((first, second));
    tokio::task::yield_now().await;
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn a_fragmentation_bomb_ends_at_the_limit_of_a_message() {
    let budget = budget();
    let mut rig =
        rig(Role::Server, Settings { max_message: 100_000, ..settings() }, Arc::clone(&budget));
    rig.peer.send(0x02, "x").await;
    // Empty fragments cost nothing, whatever their number.
    let empty = rig.peer.frame(0x00, b"").repeat(1000);
    for _ in 0..100 {
        rig.peer.stream.write_all(&empty).await.unwrap();
    }
    assert!(budget.held() < 64 * 1024, "{}", budget.held());
    let fragment = rig.peer.frame(0x00, b"y").repeat(1000);
    let mut largest = 0;
    for _ in 0..101 {
        rig.peer.stream.write_all(&fragment).await.unwrap();
        largest = largest.max(budget.held());
    }
    assert_eq!(rig.peer.receive_close().await, 1009);
    assert!((90_000..220_000).contains(&largest), "{largest}");
    assert_eq!(budget.held(), 0);
}

#[tokio::test]
async fn an_idle_connection_is_small_also_after_a_large_message() {
    let size = std::mem::size_of::<Driver<tokio::net::TcpStream>>();
    assert!(size < 1024, "the driver has {size} bytes");
    let budget = budget();
    let mut rig = rig(Role::Server, settings(), Arc::clone(&budget));
    rig.peer.send(BINARY, vec![0; 200_000]).await;
    assert!(matches!(rig.read().await, Incoming::Message(_)));
    let sent = rig.connection.write(MessageKind::Binary, vec![0; 200_000]);
    let (result, _) = tokio::join!(sent, rig.peer.receive());
    result.unwrap();
    tokio::task::yield_now().await;
    assert_eq!(budget.held(), 0);
}
