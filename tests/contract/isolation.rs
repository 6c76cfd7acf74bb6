//! Checks that no event, count or limit of one tenant reaches the other.

use std::collections::VecDeque;

use crate::support::{Server, Socket, StatusCode, Tenant};

/// A pseudo-random generator: the same seed gives the same numbers.
struct Chance(u64);

impl Chance {
    /// A number below `bound`.
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn tenant(&mut self) -> Tenant {
        Tenant::ALL[self.below(2)]
    }
}

const fn other(tenant: Tenant) -> Tenant {
    match tenant {
        Tenant::A => Tenant::B,
        Tenant::B => Tenant::A,
    }
}

#[tokio::test]
async fn an_event_never_reaches_the_other_tenant() {
    for tenant in Tenant::ALL {
        let server = Server::start().await;
        let mut stranger = server.connect(other(tenant)).await;
        server.post(tenant, "secret").await.created();
        let marker = server.post(other(tenant), "marker").await.created();
        assert_eq!(stranger.next_event().await, marker); // a leak would arrive first, so no sleep is needed
        assert_eq!(server.list(other(tenant)).await.events, [marker]);
        assert!(!server.page(&format!("/?tenant={}", other(tenant))).await.contains("secret"));
    }
}

#[tokio::test]
async fn no_event_crosses_in_any_interleaving_of_posts_reads_and_connections() {
    for seed in 0..4 {
        interleave(Chance(seed)).await;
    }
}

/// Does 150 random steps for both tenants, and compares what each socket received with what its tenant posted.
async fn interleave(mut chance: Chance) {
    let server = Server::start().await;
    let mut posted = [const { Vec::new() }; 2];
    let mut sockets: VecDeque<(Tenant, Socket)> = VecDeque::new();
    for n in 0..150 {
        let tenant = chance.tenant();
        match chance.below(10) {
            0 | 1 => sockets.push_back((tenant, server.connect(tenant).await)),
            2 if sockets.len() > 4 => drop(sockets.pop_front()),
            3 => assert_eq!(server.list(tenant).await.seq, posted[tenant as usize].len() as u64),
            _ => posted[tenant as usize].push(server.post(tenant, &format!("{tenant} {n}")).await.created()),
        }
    }
    for tenant in Tenant::ALL {
        posted[tenant as usize].push(server.post(tenant, "marker").await.created());
        assert!(server.list(tenant).await.events.iter().rev().eq(&posted[tenant as usize]));
    }
    for (tenant, mut socket) in sockets {
        let before_hello = usize::try_from(socket.hello.seq).unwrap();
        let mine = &posted[tenant as usize][before_hello..];
        assert_eq!(socket.next_events(mine.len()).await, mine);
    }
}

#[tokio::test]
async fn each_tenant_has_its_own_seq() {
    let server = Server::with(|settings| settings.heartbeat = 500).await;
    for _ in 0..3 {
        server.post(Tenant::A, "x").await.created();
    }
    let mut b = server.connect(Tenant::B).await;
    assert_eq!(b.hello.seq, 0);
    b.next_frame().await; // a heartbeat, whose seq the socket checks
    server.post(Tenant::B, "first of B").await.created();
    b.next_event().await;
    assert_eq!((b.seq(), server.list(Tenant::A).await.seq, server.list(Tenant::B).await.seq), (1, 3, 1));
}

#[tokio::test]
async fn the_events_that_one_tenant_keeps_replace_no_event_of_the_other() {
    let server = Server::with(|settings| settings.retain = 2).await;
    let first = server.post(Tenant::B, "first of B").await.created();
    for n in 0..5 {
        server.post(Tenant::A, &n.to_string()).await.created();
    }
    assert_eq!(server.list(Tenant::B).await.events, [first]);
}

#[tokio::test]
async fn activity_of_one_tenant_does_not_change_the_counts_of_the_other() {
    let server = Server::start().await;
    let before = server.counts(Tenant::B).await;
    let mut a = server.connect(Tenant::A).await;
    server.post(Tenant::A, "x").await.created();
    a.next_event().await;
    a.send_text("not for this socket").await;
    assert_eq!(a.next_close().await, 1008);
    assert_eq!(server.counts(Tenant::B).await, before);
    let of_a = server.counts(Tenant::A).await;
    assert_eq!((&of_a["accepted"], &of_a["delivered"], &of_a["ended"]["policy"]), (&1.into(), &1.into(), &1.into()));
}

#[tokio::test]
async fn the_isolation_view_shows_no_message() {
    let server = Server::start().await;
    for tenant in Tenant::ALL {
        server.post(tenant, &format!("secret of {tenant}")).await.created();
    }
    let page = server.get("/isolation").tenant(Tenant::A).send().await.is(StatusCode::OK);
    assert!(!page.text().contains("secret of"));
    assert!(!server.counts(Tenant::A).await.to_string().contains("secret of"));
}
