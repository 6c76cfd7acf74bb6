//! Puts the dividers between the rows. `client::dividers` decides where they are.
//!
//! A divider is the first element of the row below it, since a feed holds articles only (APG, feed pattern).

use leptos::{html::Div, prelude::*, tachys::renderer::types::Element};
use uuid::Uuid;

use super::{erased::effect, feed_clock::Clock, words};
use crate::client::{browser, dividers::dividers, driver::FeedState, visible_list::Row};

/// A divider on the page: the row below it, its name and its text.
type Shown = (Uuid, &'static str, String);

/// Keeps the dividers of the list `list` up to date. They are known once the server's clock is.
pub(super) fn keep(list: NodeRef<Div>, rows: RwSignal<Vec<Row>>, state: RwSignal<FeedState>, clock: Clock) {
    let mut shown: Vec<Shown> = vec![];
    effect(move || {
        let Some(now) = clock.server() else { return };
        let state = state.read();
        let today = browser::day_of(now);
        let found = dividers(&rows.read(), today, state.epoch, state.unread, browser::day_of);
        let time = |millis| words::without_seconds(browser::local_time(millis));
        let wanted: Vec<Shown> = found
            .iter()
            .map(|divider| {
                let words = words::divider(&divider.kind, &today, state.restarted, time);
                (divider.row, divider.kind.slug(), words)
            })
            .collect();
        if wanted == shown {
            return;
        }
        let before = std::mem::replace(&mut shown, wanted.clone());
        // After the list itself has its rows.
        browser::soon(move || {
            if let Some(list) = list.get_untracked() {
                let is_wanted =
                    |(row, name, _): &&Shown| wanted.iter().any(|(other, as_name, _)| (row, name) == (other, as_name));
                for (row, name, _) in before.iter().filter(|shown| !is_wanted(shown)) {
                    browser::remove_divider(&list, &row.to_string(), name);
                }
                for (row, name, text) in wanted.iter().filter(|shown| !before.contains(shown)) {
                    browser::set_divider(&list, &row.to_string(), name, text);
                }
            }
        });
    });
}

/// Whether the line that shows where the reader left is in view; `None` if there is none.
pub(super) fn is_unread_in_view(list: &Element) -> Option<bool> {
    browser::is_divider_in_view(list, "unread")
}
