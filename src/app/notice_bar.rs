//! How things stood at the last return, and the offer of a newer page. What is worth a notice, `client::session` decides.

use leptos::prelude::*;

use super::follow::{flag, text};
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
    let newer = move || match facts.read().outdated {
        true => "The server has a newer version of this page. What you typed is kept.",
        false => "",
    };
    view! {
        <div id="notice" role="status">
            <p class="bar" hidden=flag(move || facts.read().notice.is_none())>
                <span>{text(move || facts.read().notice.map_or_else(String::new, |notice| notice.words(clock)))}</span>
                <button type="button" class="quiet" on:click=move |_| live::dismiss(tenant)>
                    "Dismiss"
                </button>
            </p>
            <p class="bar" hidden=flag(move || !facts.read().outdated)>
                <span>{text(newer)}</span>
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
