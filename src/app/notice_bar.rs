//! How things stood at the last return, and the offer of a newer page.

use leptos::prelude::*;

use crate::{
    client::{
        browser,
        live::{self, Facts},
    },
    feed::{Tenant, Timestamp},
};

/// Says so, until it is put away.
#[component]
pub fn NoticeBar(
    /// Whose page it is.
    tenant: Tenant,
    /// What there is to tell.
    facts: RwSignal<Facts>,
) -> impl IntoView {
    view! {
        <div id="notice" role="status">
            <p class="bar" hidden=move || facts.read().notice.is_none()>
                <span>{move || facts.read().notice.map(|notice| notice.words(clock))}</span>
                <button type="button" class="quiet" on:click=move |_| live::dismiss(tenant)>
                    "Dismiss"
                </button>
            </p>
            <p class="bar" hidden=move || !facts.read().outdated>
                <span>{move || facts.read().outdated.then_some("The server has a newer version of this page. What you typed is kept.")}</span>
                <button type="button" class="quiet" on:click=|_| browser::reload()>
                    "Reload"
                </button>
            </p>
        </div>
    }
}

/// A moment as hours and minutes.
fn clock(moment: Timestamp) -> String {
    let mut time = browser::local_time(moment.millis());
    time.truncate(time.rfind(':').unwrap_or(time.len()));
    time
}
