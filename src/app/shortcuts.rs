//! Carries out the page's single keys. The reader can turn them off (WCAG 2.2, 2.1.4): the shell has the list of the keys and
//! their switch.

use super::{composer::FIELD, timeline_view::PAUSE};
use crate::client::browser;

/// The choice that turns the keys off, and its value.
const OFF: (&str, &str) = ("data-keys", "off");
/// The fold that explains the keys. The shell renders it.
pub(super) const HELP: &str = "keys";

/// Listens for the keys while the page lives. `show_newest` shows the newest event, and leads there.
pub(super) fn listen(show_newest: impl Fn() + 'static) {
    browser::on_key(move |key| {
        if browser::choice(OFF.0).as_deref() == Some(OFF.1) {
            return false;
        }
        match key {
            "c" => browser::focus(FIELD),
            "p" => browser::click(PAUSE),
            "." => show_newest(),
            "?" => browser::toggle_fold(HELP),
            _ => return false,
        }
        true
    });
}
