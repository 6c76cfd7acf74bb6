//! Renders the pages: Leptos components, the same on the server and in the browser. The server renders a [`Page`]; the browser takes it
//! over. Which address means which page is the server's to say.
//!
//! Every listener is in the capture phase (`on:click:capture`), which leaves the code of event delegation out of the client.

pub mod actions;
pub mod breach_alarm;
pub mod composer;
pub mod connection_status;
pub mod erased;
pub mod feed_page;
pub mod isolation_page;
pub mod notice_bar;
pub mod selector_page;
pub mod shell;
pub mod tenant_mark;
pub mod tenant_picker;
pub mod timeline_view;
pub mod words;

use std::sync::Arc;

use leptos::{either::EitherOf3, prelude::*};
use serde::Serialize;

pub use shell::{Assets, ClientFiles, Shell, Style};

use crate::{
    client::{
        browser::{self, Json},
        wire::{self, FromJson},
    },
    feed::{Event, Position, Report, Tenant},
};
use feed_page::FeedPage;
use isolation_page::IsolationPage;
use selector_page::SelectorPage;

/// The element that holds a page, and all that is hydrated. `boot/start.js` names it too.
const ROOT: &str = "app";
/// The element that holds the [`Page`] which the server rendered, as JSON. `boot/start.js` names it too.
const PAGE_DATA: &str = "page";

/// Which page is shown, and what it starts from. The server renders from it and sends it along, so that hydration
/// starts from the same.
#[derive(Debug, Clone, Serialize)]
pub enum Page {
    /// No tenant is chosen, and no event shown.
    Selector {
        /// The address named something that is not a tenant.
        unknown: bool,
    },
    /// A tenant's feed.
    Feed(Snapshot),
    /// Both tenants side by side, in counts.
    Isolation(Report),
}

/// The data that a feed's page starts with.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// Whose feed it is.
    pub tenant: Tenant,
    /// Where `events` end.
    pub position: Position,
    /// How many events the server keeps of a tenant.
    pub retain: usize,
    /// Names the client's build that the server ships.
    pub build: String,
    /// The newest events, newest first.
    pub events: Vec<Arc<Event>>,
}

impl Page {
    /// The one tenant that the page belongs to.
    #[must_use]
    pub const fn tenant(&self) -> Option<Tenant> {
        match self {
            Self::Feed(snapshot) => Some(snapshot.tenant),
            Self::Selector { .. } | Self::Isolation(_) => None,
        }
    }

    /// The title of the document.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Selector { .. } => String::from("Event feed"),
            Self::Feed(snapshot) => feed_title(snapshot.tenant),
            Self::Isolation(_) => String::from("Isolation · Event feed"),
        }
    }
}

impl FromJson for Page {
    fn from_json(json: &Json) -> Option<Self> {
        if let Some(selector) = json.member("Selector") {
            return Some(Self::Selector { unknown: selector.flag("unknown")? });
        }
        if let Some(snapshot) = json.member("Feed") {
            return Snapshot::from_json(&snapshot).map(Self::Feed);
        }
        Report::from_json(&json.member("Isolation")?).map(Self::Isolation)
    }
}

impl FromJson for Snapshot {
    fn from_json(json: &Json) -> Option<Self> {
        Some(Self {
            tenant: json.parsed("tenant")?,
            position: Position::from_json(&json.member("position")?)?,
            retain: json.number("retain")?.try_into().ok()?,
            build: json.text("build")?,
            events: wire::events(&json.member("events")?)?,
        })
    }
}

/// The title of a tenant's page, while nothing waits to be read.
fn feed_title(tenant: Tenant) -> String {
    format!("{} · Event feed", tenant.label())
}

/// Renders something for each tenant. A tuple, since the code that maps an array of views weighs more.
fn for_each_tenant<T>(render: impl Fn(Tenant) -> T) -> (T, T) {
    let [a, b] = Tenant::ALL;
    (render(a), render(b))
}

/// Takes over, in the browser, the page that the server rendered. Returns whether all of it was as the server had rendered
/// it.
#[must_use]
pub fn hydrate() -> bool {
    let page = browser::text(PAGE_DATA).and_then(|text| Page::from_json(&Json::parse(&text)?));
    page.is_some_and(|page| browser::mount(ROOT, move || view! { <Body page /> }))
}

/// All of a page that is alive.
#[component]
pub fn Body(
    /// The page, and what it starts from.
    page: Page,
) -> impl IntoView {
    match page {
        Page::Selector { unknown } => EitherOf3::A(view! { <SelectorPage unknown /> }),
        Page::Feed(snapshot) => EitherOf3::B(view! { <FeedPage snapshot /> }),
        Page::Isolation(report) => EitherOf3::C(view! { <IsolationPage report /> }),
    }
}
