//! Starts an engine, and servers that share one feed through it.

use event_feed::server::Settings;

use crate::{
    engine::Engine,
    support::{Client, FaultyProxy, Server, StatusCode, Tenant},
};

/// Two servers with one feed, and their engine.
pub(crate) struct Servers {
    pub(crate) one: Server,
    pub(crate) two: Server,
    pub(crate) engine: Engine,
    settings: Settings,
}

impl Servers {
    /// Starts them with the default settings.
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts them with changed settings.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (engine, settings) = engine_and_settings(change).await;
        let (one, two) = (live(settings.clone()).await, live(settings.clone()).await);
        Self { one, two, engine, settings }
    }

    /// Starts them with changed settings. The second one reaches the engine through a proxy.
    pub(crate) async fn with_proxy(change: impl FnOnce(&mut Settings)) -> (Self, FaultyProxy) {
        let (engine, settings) = engine_and_settings(change).await;
        let proxy = FaultyProxy::start(&Client::of(engine.address)).await;
        let mut behind_proxy = settings.clone();
        Engine::name_at(proxy.client.address(), &mut behind_proxy);
        let (one, two) = (live(settings.clone()).await, live(behind_proxy).await);
        (Self { one, two, engine, settings }, proxy)
    }

    /// Starts one more server with the same feed.
    pub(crate) async fn another(&self) -> Server {
        live(self.settings.clone()).await
    }

    /// A client of each.
    pub(crate) fn each(&self) -> [Client; 2] {
        [*self.one, *self.two]
    }

    /// Checks that both have the same list of a tenant, to the byte.
    pub(crate) async fn check_same_list(&self, tenant: Tenant) {
        let [one, two] = self.each().map(|server| server.get("/events").tenant(tenant).send());
        let (one, two) = (one.await, two.await);
        for header in ["feed-position", "etag", "vary", "content-type", "content-length"] {
            assert_eq!(one.header(header), two.header(header), "{header}");
        }
        assert_eq!(one.body, two.body);
        one.list();
    }
}

/// Starts a server, and waits until it has both streams.
async fn live(settings: Settings) -> Server {
    let server = Server::of(settings).await;
    // It accepts connections only once it has tried both engines.
    server.get("/readyz").send().await.is(StatusCode::OK);
    server
}

async fn engine_and_settings(change: impl FnOnce(&mut Settings)) -> (Engine, Settings) {
    let mut settings = Settings::default();
    change(&mut settings);
    let engine = Engine::start(&mut settings).await;
    (engine, settings)
}
