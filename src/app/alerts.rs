//! Tells a reader who looks elsewhere that events came: by the title, by a dot on the icon, and, if the reader asked for it, by
//! a notification. `client::notifier` decides when. `boot/choices.js` asks the browser for its permission.

use std::{cell::Cell, rc::Rc};

use leptos::prelude::*;

use super::{erased::effect, feed_title, words};
use crate::{
    client::{browser, driver::FeedState, notifier::Notifier, visible_list::Row},
    feed::Tenant,
};

/// The choice of a notification, and its value if it shows the newest message.
const CHOICE: &str = "data-notify";
const WITH_TEXT: &str = "text";
/// How often the page looks whether a notification is due, in milliseconds.
const LOOK: f64 = 5_000.0;

/// Follows what the reader of a tenant's page misses.
pub(super) fn follow(tenant: Tenant, state: RwSignal<FeedState>, rows: RwSignal<Vec<Row>>) {
    let notifier = Rc::new(Cell::new(Notifier::default()));
    let look = move || {
        let (missed, is_frozen) = state.with(|state| (state.missed, !state.pending.is_empty()));
        browser::set_title(&title(tenant, missed));
        browser::set_icon(&icon(tenant, missed > 0));
        let mut now = notifier.get();
        let due = now.look(missed, !browser::is_visible(), browser::now());
        notifier.set(now);
        if let (Some(missed), Some(choice)) = (due, browser::choice(CHOICE)) {
            // The newest event has no row while the list does not follow the stream.
            let newest = rows.read_untracked().first().map(|row| row.entry.event.message.to_string());
            let text = newest.filter(|_| choice == WITH_TEXT && !is_frozen).unwrap_or_default();
            let title = format!("{} in {}", words::new_events(missed), tenant.label());
            browser::notify(tenant.id(), &title, &text);
        }
    };
    effect(look.clone());
    // A batch that had to wait is told later, even if nothing comes any more.
    browser::after_mount(move || browser::every(LOOK, move || untrack(&look)));
}

/// The title counts what was missed.
fn title(tenant: Tenant, missed: u64) -> String {
    let title = feed_title(tenant);
    if missed == 0 { title } else { format!("({}) {title}", words::many(missed)) }
}

/// The address of the tenant's icon, with a dot if something was missed.
fn icon(tenant: Tenant, dot: bool) -> String {
    format!("/favicon-{tenant}{}.svg", if dot { "-unread" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_title_counts_what_was_missed() {
        assert_eq!(title(Tenant::A, 0), "Tenant A · Event feed");
        assert_eq!(title(Tenant::B, 3), "(3) Tenant B · Event feed");
        assert_eq!(title(Tenant::B, 100), "(99+) Tenant B · Event feed");
    }
}
