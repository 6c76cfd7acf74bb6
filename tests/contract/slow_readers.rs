//! A client that reads too slowly is closed with 1013, and is nobody else's problem.

use crate::support::{Client, Heard, Raw, Server, Tenant, until};

/// How many of the largest events are posted: several times what the kernel and the backlog hold for one connection.
const EVENTS: usize = 4_000;

/// Posts the largest events that there are, over several connections at once.
async fn flood(client: Client) {
    let writers: Vec<_> = (0..4).map(|_| tokio::spawn(flood_alone(client, EVENTS / 4))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn flood_alone(client: Client, count: usize) {
    let mut connection = client.open().await;
    let post = client.new_post(Tenant::A, &"\u{1F600}".repeat(500));
    for _ in 0..count {
        connection.send(post.clone()).await.created();
    }
}

async fn narrow_socket(server: &Server) -> Raw {
    server.subscribe(Raw::connect_narrow(server.address).await, Tenant::A).await
}

/// Reads to the end: whole events without a gap, and then 1013.
async fn check_cut_in_order(mut slow: Raw) {
    let mut seq = 0;
    let code = loop {
        match slow.hear().await {
            Heard::Text(text) if text.starts_with(r#"{"type":"event_created""#) => {
                seq += 1;
                assert!(text.contains(&format!(r#""seq":{seq},"#)), "{seq} was to come: {text}");
            }
            Heard::Text(_) | Heard::Ping => {}
            Heard::Close(code) => break code,
            other => panic!("no close after {seq} events: {other:?}"),
        }
    };
    assert_eq!(code, Some(1013));
    assert!(seq < EVENTS as u64, "it was to be too slow for all of them");
    assert!(slow.at_end().await || matches!(slow.hear().await, Heard::Ping | Heard::End | Heard::Reset));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_reader_gets_whole_frames_then_1013_and_a_fast_one_of_the_same_tenant_gets_all() {
    let server = Server::start().await;
    let slow = narrow_socket(&server).await;
    let (mut fast, mut stranger) = (server.connect(Tenant::A).await, server.connect(Tenant::B).await);
    let reads = tokio::spawn(async move { fast.next_events(EVENTS).await.len() });
    flood(*server).await;
    check_cut_in_order(slow).await;
    assert_eq!(reads.await.unwrap(), EVENTS);
    until("the slow reader's end", async || server.counts(Tenant::A).await["ended"]["slow"] == 1).await;
    let marker = server.post(Tenant::B, "marker").await.created();
    assert_eq!(stranger.next_event().await, marker);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_reader_that_never_reads_is_reset_and_its_place_is_free_again() {
    let server = Server::with(|settings| settings.max_connections = 1).await;
    let stuck = narrow_socket(&server).await;
    server.new_socket(Tenant::A).send().await.refused(503);
    flood(*server).await;
    stuck.reset().await;
    until("its place", async || server.new_socket(Tenant::A).send().await.status == 101).await;
}
