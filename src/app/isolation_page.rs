//! The administrator's view: both tenants side by side, in counts.

use leptos::prelude::*;

use crate::feed::Report;

/// Both tenants, each through its own socket, and the server's own counts.
#[component]
pub fn IsolationPage(
    /// The server's counts when the page was rendered.
    report: Report,
) -> impl IntoView {
    let _ = report;
    view! {
        <main>
            <h1>"Isolation"</h1>
        </main>
    }
}
