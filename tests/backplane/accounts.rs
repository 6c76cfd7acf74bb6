//! Checks that the login of one tenant's account shows nothing of the other tenant, and changes nothing for it.

use async_nats::{
    Client as Login, Subscriber,
    jetstream::{
        self,
        consumer::{AckPolicy, push},
        stream::{Config, StorageType},
    },
};
use futures_util::StreamExt;
use serde_json::json;
use uuid::Uuid;

use crate::{
    engine::STREAM,
    servers::Servers,
    support::{Tenant, within},
};

/// Waits for the message with this text, and returns the subjects and the texts of all messages up to it.
async fn read_to(events: &mut Subscriber, text: &str) -> Vec<(String, String)> {
    within("a marker", async {
        let mut read = Vec::new();
        loop {
            let message = events.next().await.expect("a connection");
            read.push((message.subject.to_string(), String::from_utf8_lossy(&message.payload).into_owned()));
            if read.last().is_some_and(|(_, payload)| payload.contains(text)) {
                return read;
            }
        }
    })
    .await
}

/// Does everything to this epoch of the other tenant that a login can try.
async fn attack(login: &Login, epoch: &str) {
    let streams = jetstream::new(login.clone());
    for kind in ["e", "k"] {
        let id = Uuid::new_v4();
        let payload = json!({ "id": id, "message": "foreign", "floor": 0 }).to_string();
        login.publish(format!("feed.{epoch}.{kind}.{}", id.simple()), payload.into()).await.unwrap();
    }
    // The account has room for one stream, its own; so there is no place to collect the subjects of the other one.
    let thief = Config {
        name: "thief".to_owned(),
        subjects: vec![format!("feed.{epoch}.>")],
        storage: StorageType::Memory,
        ..Config::default()
    };
    assert!(streams.create_stream(thief).await.is_err());
    login.flush().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_shows_and_changes_nothing_of_the_other_tenant() {
    let servers = Servers::start().await;
    for [own, other] in [[Tenant::A, Tenant::B], [Tenant::B, Tenant::A]] {
        let login = servers.engine.log_in(own).await;
        let mut all = login.subscribe(">").await.unwrap();
        let inbox = login.new_inbox();
        let mut consumed = login.subscribe(inbox.clone()).await.unwrap();
        let consumer = push::Config { deliver_subject: inbox, ack_policy: AckPolicy::None, ..push::Config::default() };
        jetstream::new(login.clone()).create_consumer_on_stream(consumer, STREAM).await.unwrap();
        login.flush().await.unwrap();

        let before = servers.one.list(other).await;
        let mut sockets = [servers.one.connect(other).await, servers.two.connect(other).await];
        attack(&login, &before.epoch).await;
        assert_eq!(servers.two.list(other).await, before);

        let text = format!("of {other}");
        let event = servers.one.post(other, &text).await.created();
        for socket in &mut sockets {
            assert_eq!(socket.next_event().await, event, "the next event, so that nothing was added");
        }
        servers.check_same_list(other).await;

        // The markers show that both subscriptions had everything of their own tenant until now.
        let marker = format!("marker of {own}");
        servers.two.post(own, &marker).await.created();
        let (all, consumed) = (read_to(&mut all, &marker).await, read_to(&mut consumed, &marker).await);
        for (subject, payload) in all.iter().chain(&consumed) {
            assert!(!payload.contains(&text) && !payload.contains(&event.id), "{subject}: {payload}");
            let is_own_attack = payload.contains("foreign") || payload.contains("thief");
            assert!(is_own_attack || !format!("{subject} {payload}").contains(&before.epoch), "{subject}: {payload}");
        }
    }
}
