//! How things stood at the last return, and the offer of a newer page.

use leptos::prelude::*;

use crate::{
    client::{browser, live, session::Notice},
    feed::{Tenant, Timestamp},
};

/// Says so, until it is put away.
#[component]
pub fn NoticeBar(
    /// Whose page it is.
    tenant: Tenant,
    /// How things stood.
    notice: RwSignal<Option<Notice>>,
    /// Whether the server ships another build.
    outdated: RwSignal<bool>,
) -> impl IntoView {
    let words = move || notice.get().map(|notice| notice.words(clock));
    view! {
        <div id="notice" role="status">
            {move || {
                words()
                    .map(|words| {
                        view! {
                            <p class="bar">
                                <span>{words}</span>
                                <button type="button" class="quiet" on:click=move |_| live::dismiss(tenant)>
                                    "Dismiss"
                                </button>
                            </p>
                        }
                    })
            }}
            {move || {
                outdated
                    .get()
                    .then(|| {
                        view! {
                            <p class="bar">
                                <span>"The server has a newer version of this page. What you have typed is kept."</span>
                                <button type="button" class="quiet" on:click=|_| browser::reload()>
                                    "Reload"
                                </button>
                            </p>
                        }
                    })
            }}
        </div>
    }
}

/// A moment as hours and minutes.
fn clock(moment: Timestamp) -> String {
    let time = browser::local_time(moment.millis());
    time.rsplit_once(':').map_or(time.clone(), |(minutes, _)| String::from(minutes))
}
