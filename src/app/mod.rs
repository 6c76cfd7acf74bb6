//! Renders the pages with Leptos components, which are the same on the server and in the browser. The server renders a
//! [`Page`], and the browser takes it over. `server::http::pages` chooses the page for an address.
//!
//! Every listener is in the capture phase (`on:click:capture`), which leaves the code of event delegation out of the client.

pub mod actions;
mod alerts;
pub mod breach_alarm;
pub mod composer;
pub mod connection_status;
pub mod copying;
mod dividers;
pub mod erased;
pub mod feed_clock;
pub mod feed_page;
pub mod isolation_page;
pub mod last_event;
pub mod notice_bar;
pub mod row_actions;
pub mod selector_page;
pub mod shell;
mod shortcuts;
pub mod tenant_mark;
pub mod tenant_picker;
pub mod timeline_view;
pub mod top_bar;
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

/// The id of the element that holds a page. Only this element is hydrated. The scripts in `boot/` name it too.
const ROOT: &str = "app";
/// The id of the element that holds the rendered [`Page`] as JSON. `boot/start.js` names it too.
const PAGE_DATA: &str = "page";

/// A page and its first data. The server renders the page from it and sends it with the page, so that hydration starts
/// with the same data.
#[derive(Debug, Clone, Serialize)]
pub enum Page {
    /// The tenant selector: no tenant is chosen, and no event is shown.
    Selector {
        /// Whether the address has a `tenant` that is not valid.
        unknown: bool,
    },
    /// A tenant's feed.
    Feed(Snapshot),
    /// The isolation view: the counts of both tenants, side by side.
    Isolation(Report),
}

/// The first data of a feed's page.
#[derive(Debug, Clone, Serialize)]
pub struct Snapshot {
    /// The tenant of the feed.
    pub tenant: Tenant,
    /// The position of the newest of `events`.
    pub position: Position,
    /// Maximum number of a tenant's events that the server keeps.
    pub retain: usize,
    /// Identifies the build of the client that the server serves.
    pub build: String,
    /// The newest events, newest first.
    pub events: Vec<Arc<Event>>,
}

impl Page {
    /// The tenant of the page; `None` if it does not belong to one tenant.
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

/// The title of a tenant's page if it has no unread events.
fn feed_title(tenant: Tenant) -> String {
    format!("{} · Event feed", tenant.label())
}

/// Renders a view for each tenant. The views are a tuple, since the code that maps an array of views is larger.
fn for_each_tenant<T>(render: impl Fn(Tenant) -> T) -> (T, T) {
    let [a, b] = Tenant::ALL;
    (render(a), render(b))
}

/// Hydrates the page in the browser. Returns whether the page was as the server had rendered it.
#[must_use]
pub fn hydrate() -> bool {
    let page = browser::text(PAGE_DATA).and_then(|text| Page::from_json(&Json::parse(&text)?));
    page.is_some_and(|page| browser::mount(ROOT, move || view! { <Body page /> }))
}

/// The hydrated part of a page.
#[component]
pub fn Body(
    /// The page and its first data.
    page: Page,
) -> impl IntoView {
    match page {
        Page::Selector { unknown } => EitherOf3::A(view! { <SelectorPage unknown /> }),
        Page::Feed(snapshot) => EitherOf3::B(view! { <FeedPage snapshot /> }),
        Page::Isolation(report) => EitherOf3::C(view! { <IsolationPage report /> }),
    }
}
