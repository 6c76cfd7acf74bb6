//! Renders how things stood at the last return, and the offer of a new version. `client::session`
//! decides what deserves a notice, `client::driver` how long it is shown.

use leptos::prelude::*;

use super::{
    erased::{Hides, Words, click, condition, hides, now, text},
    words,
};
use crate::{
    client::{
        browser,
        driver::{self, FeedState},
    },
    feed::{Tenant, Timestamp},
};

/// The notices of a page.
#[component]
pub fn NoticeBar(
    /// Whose page it is.
    tenant: Tenant,
    /// The feed's state.
    state: RwSignal<FeedState>,
    /// The control that takes the focus from one that is hidden here.
    next: &'static str,
) -> impl IntoView {
    let notice = Hides { when: condition(move || state.read().notice.is_none()), next };
    let newer = Hides { when: condition(move || !state.read().outdated), next };
    let returned = move || state.read().notice.map_or_else(String::new, |notice| words::notice(&notice, clock));
    let version = move || match state.read().outdated {
        true => "A new version is available. Your draft will be kept.",
        false => "",
    };
    view! {
        <div id="notice" role="status">
            <p class="bar" hidden=now(&notice.when) use:hides=notice>
                <Words of=text(returned) />
                <button type="button" class="quiet" on:click:capture=click(move || driver::dismiss(tenant))>
                    "Dismiss"
                </button>
            </p>
            <p class="bar" hidden=now(&newer.when) use:hides=newer>
                <Words of=text(version) />
                <button type="button" class="quiet" on:click:capture=click(browser::reload)>
                    "Reload"
                </button>
            </p>
        </div>
    }
}

/// A moment as hours and minutes.
fn clock(moment: Timestamp) -> String {
    words::without_seconds(browser::local_time(moment.millis()))
}
