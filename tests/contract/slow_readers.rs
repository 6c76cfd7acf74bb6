//! Checks that a client that reads too slowly is closed with 1013, and does not disturb others.

use crate::support::{Client, Raw, Received, Server, Tenant, message, until};

/// The number of the largest events, of about 2.2 kB, in each flood that should close a connection that does not read. The
/// first flood, of 1.5 MB, suffices if the kernel buffers little, since it exceeds the backlog of 1 MiB. The second, of
/// 9 MB, is more than any kernel buffers. The smaller one is tried first: a peer that reads nothing for 5 s after its
/// close is reset, so the test must read soon.
const FLOODS: [usize; 2] = [700, 4_000];

/// Posts the largest possible events over four connections at once.
pub(crate) async fn flood(client: Client, count: usize) {
    let writers: Vec<_> = (0..4).map(|_| tokio::spawn(flood_over_one_connection(client, count / 4))).collect();
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn flood_over_one_connection(client: Client, count: usize) {
    let mut connection = client.open().await;
    let post = client.new_post(Tenant::A, &"\u{1F600}".repeat(500));
    for _ in 0..count {
        connection.send(post.clone()).await.created();
    }
}

async fn narrow_socket(server: &Server) -> Raw {
    server.subscribe(Raw::connect_narrow(server.address()).await, Tenant::A).await
}

/// Reads complete events without a gap, up to a close with 1013, or up to the `count`-th event if the flood was too
/// small for a close. Returns whether the connection was closed.
async fn was_closed(slow: &mut Raw, count: usize) -> bool {
    let (mut seen, mut last) = (0, None);
    while seen < count {
        match slow.receive().await {
            Received::Text(text) if text.starts_with(r#"{"type":"event_created""#) => {
                let frame: serde_json::Value = serde_json::from_str(&text).unwrap();
                let seq = frame["seq"].as_u64().unwrap();
                assert_eq!(last.unwrap_or(seq - 1) + 1, seq, "a gap");
                (seen, last) = (seen + 1, Some(seq));
            }
            Received::Text(_) | Received::Ping => {}
            Received::Close(code) => {
                assert_eq!(code, Some(1013));
                return true;
            }
            other => panic!("no close after {seen} events: {other:?}"),
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_slow_reader_gets_complete_frames_then_1013_and_a_fast_one_gets_every_event() {
    let server = Server::start().await;
    let (fast, mut stranger) = (server.connect(Tenant::A).await, server.connect(Tenant::B).await);
    let reads = tokio::spawn(fast.read_to_close());
    let mut posted = 0;
    for count in FLOODS {
        let mut slow = narrow_socket(&server).await;
        flood(*server, count).await;
        posted += count;
        if was_closed(&mut slow, count).await {
            slow.write(message(0x8, &1013_u16.to_be_bytes())).await;
            assert_eq!(slow.receive().await, Received::End);
            break;
        }
    }
    until("the end of the slow reader", async || server.counts(Tenant::A).await["ended"]["slow"] == 1).await;
    let marker = server.post(Tenant::B, "marker").await.created();
    assert_eq!(stranger.next_event().await, marker);
    let _stopping = server.stop().await;
    let (events, code) = reads.await.unwrap();
    assert_eq!((events.len(), code), (posted, Some(1001)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_client_that_never_reads_is_reset_and_its_slot_is_free_again() {
    let server = Server::alone(|settings| settings.max_connections = 1).await;
    let stuck = narrow_socket(&server).await;
    server.new_socket(Tenant::A).send().await.refused(503);
    flood(*server, FLOODS[1]).await;
    stuck.wait_for_reset().await;
    until("a free slot", async || server.new_socket(Tenant::A).send().await.status == 101).await;
}
