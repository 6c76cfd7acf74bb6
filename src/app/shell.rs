//! Renders the document around a page, and the scripts that start the client in it. It runs on the server only. The content
//! of a page is in [`Body`].
//!
//! The client can take over a page only if it is as the server rendered it. But an extension, a translator or the browser
//! itself may change it first: some browsers turn phone numbers into links. So a script after the page's last element copies
//! the page, and the copy replaces the page if the two differ. If hydration fails even then, a new instance of the client
//! takes over the page as the server renders it now. The typed text and the focus are kept. The scripts are in `boot/`.

use std::sync::Arc;

use leptos::{either::Either, prelude::*};

use super::{Body, PAGE_DATA, Page, ROOT, shortcuts::HELP, top_bar::MENU};
use crate::feed::Tenant;

/// The id of the notice that the client cannot run. `boot/start.js` shows it.
const FAILED: &str = "client-failed";

/// The files that a page uses.
#[derive(Debug, Clone)]
pub struct Assets {
    /// The style sheets.
    pub style: Style,
    /// The client; `None` if none was built.
    pub client: Option<ClientFiles>,
}

/// The style sheets of a page.
#[derive(Debug, Clone)]
pub enum Style {
    /// Their text, which is part of the page, so that the browser need not wait for it.
    Inline(Arc<str>),
    /// Their addresses: in watch mode and from the sources, the sheets may change.
    Linked(Vec<String>),
}

/// The two files of the client.
#[derive(Debug, Clone)]
pub struct ClientFiles {
    /// The address of the script: an ES module that loads the WebAssembly.
    pub js: String,
    /// The address of the WebAssembly.
    pub wasm: String,
}

/// The whole document of a page.
#[component]
pub fn Shell(
    /// The page and its first data.
    page: Page,
    /// The files that the page uses.
    assets: Assets,
    /// Whether the server serves `/isolation`, so that the page can link to it.
    isolation: bool,
    /// The script that reloads the page, in watch mode.
    reload: Option<String>,
) -> impl IntoView {
    let tenant = page.tenant();
    let data = data(&page);
    let here = matches!(page, Page::Isolation(_));
    let failed = assets.client.is_none();
    let copies = !failed;
    let icon = tenant.map_or_else(|| String::from("/favicon.svg"), |tenant| format!("/favicon-{tenant}.svg"));
    view! {
        <!DOCTYPE html>
        <html lang="en" data-tenant=tenant.map(Tenant::id) data-client=failed.then_some("failed")>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1" />
                <meta name="color-scheme" content="light dark" />
                <meta name="format-detection" content="telephone=no,date=no,address=no,email=no" />
                <meta name="description" content="A live feed of events for two isolated tenants." />
                <title>{page.title()}</title>
                <link rel="icon" type="image/svg+xml" href=icon />
                {match assets.style {
                    Style::Inline(text) => Either::Left(view! { <style inner_html=text></style> }),
                    Style::Linked(sheets) => Either::Right(
                        sheets.into_iter().map(|sheet| view! { <link rel="stylesheet" href=sheet /> }).collect_view(),
                    ),
                }}
                {here.then(paint_once)}
                <script inner_html=CHOICES></script>
                {assets.client.map(|client| view! { <Boot client /> })}
                {reload.map(|reload| view! { <script inner_html=reload></script> })}
            </head>
            <body>
                <p id=FAILED class="bar" role="alert" hidden=!failed>
                    {if failed {
                        "This server runs without its built client. "
                    } else {
                        "The live page couldn't start. "
                    }}
                    <a href=vanilla(tenant)>"Try the simple page."</a>
                </p>
                <div id=ROOT>
                    <Body page />
                </div>
                {copies.then(|| view! { <script inner_html=COPY></script> })}
                {tenant.map(|_| view! { <Corner /> })}
                <Menu tenant isolation here />
                <script type="application/json" id=PAGE_DATA inner_html=data></script>
            </body>
        </html>
    }
}

/// Lets the browser paint nothing before it has the whole page: the columns of the isolation view have the height of their
/// contents, so a part of it would move. (A browser that does not know the link ignores it.)
fn paint_once() -> impl IntoView {
    view! { <link rel="expect" href=format!("#{PAGE_DATA}") blocking="render" /> }
}

/// The menu: the other pages, and how the pages look. It is outside of the hydrated part: the browser opens it, and
/// `boot/choices.js` keeps the choices, so that it works before the client runs and without it.
#[component]
pub fn Menu(
    /// The tenant of the page, if it has one.
    tenant: Option<Tenant>,
    /// Whether the server serves `/isolation`, so that the page can link to it.
    isolation: bool,
    /// Whether the page is `/isolation` itself.
    here: bool,
) -> impl IntoView {
    view! {
        <div id=MENU popover>
            <nav aria-label="Views">
                <a href="/">"Tenants"</a>
                {isolation
                    .then(|| view! { <a href="/isolation" aria-current=here.then_some("page")>"Isolation view"</a> })}
                <a href=vanilla(tenant)>"Simple page"</a>
                <a href="/openapi.json">"API"</a>
            </nav>
            <section class="live-only" aria-label="Appearance">
            <label>
                "Theme"
                <select id="choose-theme" autocomplete="off">
                    <option value="">"System"</option>
                    <option value="light">"Light"</option>
                    <option value="dark">"Dark"</option>
                </select>
            </label>
            <label>
                "Density"
                <select id="choose-density" autocomplete="off">
                    <option value="">"Comfortable"</option>
                    <option value="compact">"Compact"</option>
                </select>
            </label>
            </section>
        </div>
    }
}

/// The developer's corner of a tenant's page: how to post from a terminal, and the page's keys. It is outside of the hydrated
/// part: `corner.js`, which the no-build page has too, completes the commands.
#[component]
pub fn Corner() -> impl IntoView {
    let command = |name: &'static str, copies: &'static str, text: &'static str| {
        view! {
            <div class="command">
                <span>{name}</span>
                <button type="button" class="quiet" aria-label=copies>
                    "Copy"
                </button>
                <code>{text}</code>
            </div>
        }
    };
    let key = |key: &'static str, does: &'static str| view! { <li><kbd>{key}</kbd>" "{does}</li> };
    view! {
        <aside class="corner live-only" aria-label="For developers">
            <details id="terminal" class="card">
                <summary>"Post from a terminal"</summary>
                {command("Post an event", "Copy the command that posts", CURL)}
                {command("Watch the stream", "Copy the command that watches", WEBSOCAT)}
                <p id="corner-result" class="hint" role="status"></p>
            </details>
            <details id=HELP class="card">
                <summary>"Keyboard"</summary>
                <ul>
                    {key("c", "write")} {key("p", "pause or resume")} {key(".", "newest event")} {key("?", "these keys")}
                    {key("Page Down", "next event")} {key("Page Up", "event before")}
                </ul>
                <label>
                    "Single-letter keys"
                    <select id="choose-keys" autocomplete="off">
                        <option value="">"On"</option>
                        <option value="off">"Off"</option>
                    </select>
                </label>
            </details>
            <label id="notify" class="card" hidden>
                "Notify me while this tab is hidden"
                <select id="choose-notify" autocomplete="off">
                    <option value="">"Off"</option>
                    <option value="count">"How many"</option>
                    <option value="text">"With the newest text"</option>
                </select>
            </label>
            <script type="module" src="/corner.js"></script>
        </aside>
    }
}

/// The command that posts. `corner.js` fills in what is in braces.
const CURL: &str = "curl {origin}/events -H 'X-Tenant-ID: {tenant}' -H 'Content-Type: application/json' \
                    -d '{\"message\": \"Hello from a terminal\"}'";
/// The command that watches.
const WEBSOCAT: &str = "websocat '{socket}/ws?tenant={tenant}'";

/// The inline scripts of a page. Its content security policy allows them by their hashes.
pub const INLINE_SCRIPTS: [&str; 4] = [CHOICES, EARLY, COPY, START];
/// Applies what the reader chose before the page is drawn. It is in the head.
const CHOICES: &str = include_str!("boot/choices.js");
/// Records posts and pauses before the client runs. It is in the head.
const EARLY: &str = include_str!("boot/early.js");
/// Copies the page, right after its last element.
const COPY: &str = include_str!("boot/copy.js");
/// Starts the client with the copy.
const START: &str = include_str!("boot/start.js");

/// The client's files, and the scripts that start it. People can read the page meanwhile. If the start fails, the page
/// shows a notice.
#[component]
pub fn Boot(
    /// The files of the client.
    client: ClientFiles,
) -> impl IntoView {
    view! {
        <link id="client-js" rel="modulepreload" href=client.js />
        <link
            id="client-wasm"
            rel="preload"
            href=client.wasm
            r#as="fetch"
            r#type="application/wasm"
            crossorigin="anonymous"
        />
        <script inner_html=EARLY></script>
        <script type="module" inner_html=START></script>
    }
}

/// The address of the no-build page.
fn vanilla(tenant: Option<Tenant>) -> String {
    tenant.map_or_else(|| String::from("/vanilla/"), |tenant| format!("/vanilla/?tenant={tenant}"))
}

/// The page as JSON without `<`, so that no text in it can end the script element that holds it.
fn data(page: &Page) -> String {
    let json = serde_json::to_string(page).expect("a page has string keys and no failing serializer");
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::{
        app::Snapshot,
        client::{browser::Json, wire::FromJson},
        feed::{Event, Message, Position, Report, Timestamp},
    };

    const HOSTILE: &str = "</script><!--<script>\u{2028}\"'&amp;<img src=x onerror=alert(1)>";

    fn feed() -> Page {
        let event = Event {
            id: Uuid::nil(),
            tenant_id: Tenant::A,
            message: Message::parse(HOSTILE).unwrap(),
            timestamp: Timestamp::parse("2026-11-23T08:00:00.000Z").unwrap(),
        };
        Page::Feed(Snapshot {
            tenant: Tenant::A,
            position: Position { epoch: Uuid::nil(), seq: 1 },
            retain: 10,
            build: String::from("x"),
            events: vec![Arc::new(event)],
        })
    }

    /// The page to test after `page`. There is no `_` arm, so that each new page must be added here.
    fn next(page: Option<&Page>) -> Option<Page> {
        match page {
            None => Some(Page::Selector { unknown: true }),
            Some(Page::Selector { .. }) => Some(feed()),
            Some(Page::Feed(_)) => Some(Page::Isolation(Report { refused_host: 3, ..Report::default() })),
            Some(Page::Isolation(_)) => None,
        }
    }

    #[test]
    fn the_browser_reads_every_page_as_the_server_wrote_it() {
        for page in std::iter::successors(next(None), |page| next(Some(page))) {
            let json = data(&page);
            let read = Json::parse(&json).and_then(|json| Page::from_json(&json));
            assert_eq!(read.as_ref().map(data), Some(json));
        }
    }

    #[test]
    fn hostile_text_cannot_end_the_element_that_holds_the_data() {
        let json = data(&feed());
        assert!(!json.contains('<'), "{json}");
        let read = Json::parse(&json).and_then(|json| Page::from_json(&json));
        let Some(Page::Feed(snapshot)) = read else { panic!("the data is not a feed: {json}") };
        assert_eq!(snapshot.events[0].message.as_str(), HOSTILE);
    }

    #[test]
    fn hostile_text_is_escaped_in_the_document() {
        let assets = Assets { style: Style::Linked(Vec::new()), client: None };
        let html = Owner::new().with(|| view! { <Shell page=feed() assets isolation=true reload=None /> }.to_html());
        assert!(html.starts_with("<!DOCTYPE html>"), "{html}");
        assert!(!html.contains("<img"), "{html}");
        assert!(html.contains("&lt;img src=x"), "{html}");
    }
}
