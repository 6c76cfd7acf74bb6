//! Replaces `browser.rs` outside a browser, with the same signatures. It reads JSON, and does nothing else.

use serde_json::Value;

use super::{
    Answer, NoAnswer, Request, SocketEvent, Wake,
    calendar::Day,
    clock::{Instant, Millis},
    links::Part,
};
use crate::feed::Tenant;

/// The moment now, on the page's own clock.
#[must_use]
pub const fn now() -> Instant {
    Instant::new(0.0)
}

/// The time of day as the browser has it, in milliseconds since 1970. It may be wrong, and people set it.
#[must_use]
pub const fn time_of_day() -> i64 {
    0
}

/// A moment by the clock on the wall: `09:00:05`.
#[must_use]
pub const fn wall_time(_millis: i64) -> String {
    String::new()
}

/// A moment by the clock on the wall, with the date before it if that is not today's.
#[must_use]
pub const fn local_time(_millis: i64) -> String {
    String::new()
}

/// The day of a moment, by the calendar on the wall.
#[must_use]
pub const fn day_of(_millis: i64) -> Day {
    Day { start: 0, end: 0, date: (1970, 1, 1) }
}

/// A moment for a text that leaves the page: `2026-11-23T08:00:00.000Z`.
#[must_use]
pub const fn utc_time(_millis: i64) -> String {
    String::new()
}

/// Chance, in 0 to 1.
#[must_use]
pub const fn random() -> f64 {
    0.0
}

/// Chance that cannot be guessed. (`randomUUID` does not exist on plain http outside localhost; this does.)
#[must_use]
pub const fn random_bytes() -> [u8; 16] {
    [0; 16]
}

/// The tenant that the page's address names.
#[must_use]
pub const fn page_tenant() -> Option<Tenant> {
    None
}

/// The text of an element.
#[must_use]
pub const fn text(_id: &str) -> Option<String> {
    None
}

/// Replaces the text of a text field. The cursor keeps its distance from the end.
pub fn set_value<E>(_field: &E, _text: &str) {}

/// Sets the text of an element, in place of all that is in it.
pub fn set_text<E>(_element: &E, _text: &str) {}

/// Sets the text of the element with this id.
pub fn set_text_of(_id: &str, _text: &str) {}

/// Sets the text and the tooltip of the `<time>` in an element.
pub fn set_time<E>(_element: &E, _text: &str, _tooltip: &str) {}

/// Shows the parts of a row's message, if there is a link among them.
pub fn set_links<E>(_row: &E, _parts: &[Part<'_>]) {}

/// Sets an attribute of the element with this id.
pub fn set_attribute(_id: &str, _name: &str, _value: &str) {}

/// Adds an attribute without a value, or removes it.
pub fn set_flag<E>(_element: &E, _name: &str, _is_set: bool) {}

/// Hides or shows a control. If it has the focus and hides, the element `next` takes the focus, which would be lost. It scrolls
/// nothing.
pub fn set_hidden<E>(_control: &E, _hidden: bool, _next: &str) {}

/// Hides or shows the control with this id, as [`set_hidden`] does.
pub fn set_hidden_by_id(_id: &str, _hidden: bool, _next: &str) {}

/// Moves the focus to an element, and scrolls there.
pub fn focus(_id: &str) {}

/// Scrolls to the top of an element.
pub fn scroll_to<E>(_element: &E) {}

/// Moves the focus to the first row of a list, and scrolls there.
pub fn focus_first<E>(_list: &E) {}

/// Moves the focus to the row with this `data-id`. It scrolls nothing.
pub fn focus_row<E>(_list: &E, _row: &str) {}

/// Moves the focus from the row of a list that has it to the next or the previous one, and scrolls there.
pub fn focus_sibling<E>(_list: &E, _next: bool) {}

/// The `data-id` of the row of a list that has the focus.
#[must_use]
pub const fn focused_row<E>(_list: &E) -> Option<String> {
    None
}

/// Makes a row of a list the one that the Tab key finds, together with the links in it. Without a row, that is the first one
/// as long as no row was chosen.
pub fn set_current<L, R>(_list: &L, _row: Option<&R>) {}

/// Calls `act` with the row of a list that the pointer comes over, or that gets the focus, and whether it was the focus; and
/// without a row when the pointer leaves the list. A tap is a pointer that comes over a row, too.
pub fn on_row<L, R>(_list: &L, _act: impl Fn(Option<R>, bool) + 'static) {}

/// The row of a list that has the focus.
#[must_use]
pub const fn focused<L, R>(_list: &L) -> Option<R> {
    None
}

/// Moves a group of controls to the end of a row, or hides it. Returns whether that changed anything: a group that has the focus
/// stays where it is.
#[must_use]
pub const fn move_into<G, R>(_group: &G, _row: Option<&R>) -> bool {
    false
}

/// Moves the focus to the row that an element is directly in. It scrolls nothing.
pub fn focus_row_of<E>(_element: &E) {}

/// If nothing has the focus, gives it to the first row of a list. It scrolls nothing.
pub fn refocus<E>(_list: &E) {}

/// The `data-id` of the row that an element is directly in.
#[must_use]
pub const fn row_of<E>(_element: &E) -> Option<String> {
    None
}

/// Adds a divider to the top of the row with this `data-id`, or changes its text.
pub fn set_divider<E>(_list: &E, _row: &str, _name: &str, _text: &str) {}

/// Removes a divider.
pub fn remove_divider<E>(_list: &E, _row: &str, _name: &str) {}

/// Whether the divider with this name is in view; `None` if the list has none.
#[must_use]
pub const fn is_divider_in_view<E>(_list: &E, _name: &str) -> Option<bool> {
    None
}

/// The reader's choice that this attribute of the page's root shows.
#[must_use]
pub const fn choice(_name: &str) -> Option<String> {
    None
}

/// Calls `act` with each key that is pressed outside of text fields and without another key. If it returns `true`, the key does
/// nothing else.
pub fn on_key(_act: impl Fn(&str) -> bool + 'static) {}

/// The element at which an event's listener is.
#[must_use]
pub const fn target<E, T>(_event: &E) -> Option<T> {
    None
}

/// The element with this id.
#[must_use]
pub const fn find<E>(_id: &str) -> Option<E> {
    None
}

/// Clicks an element.
pub fn click(_id: &str) {}

/// Unfolds a `<details>`, or folds it if it is unfolded. The focus goes to its summary.
pub fn toggle_fold(_id: &str) {}

/// Whether people type on a keyboard that is part of the screen.
#[must_use]
pub const fn is_touch() -> bool {
    false
}

/// Makes a text field as high as its text, in browsers that do not do so by `field-sizing`.
pub fn fit<E>(_field: &E) {}

/// Where every address begins.
#[must_use]
pub const fn origin() -> String {
    String::new()
}

/// Whether the top of an element has been scrolled out of sight.
#[must_use]
pub const fn is_above<E>(_element: &E) -> bool {
    false
}

/// Copies a text to the clipboard. Returns whether it did.
pub fn copy(_text: &str) -> impl Future<Output = bool> + use<> {
    std::future::ready(false)
}

/// Selects the text of an element, so that people can copy it themselves.
pub fn select<E>(_element: &E) {}

/// Sets the text of the element with this id.
pub fn write(_id: &str, _text: &str) {}

/// Shows the element with this id with a text, and selects it so that people can copy it. Hides it if the text is empty.
pub fn offer(_id: &str, _text: &str) {}

/// The title of the document.
pub fn set_title(_title: &str) {}

/// The icon of the document.
pub fn set_icon(_address: &str) {}

/// Shows a notification in place of the last one with this tag, if the browser allows it.
pub fn notify(_tag: &str, _title: &str, _text: &str) {}

/// Goes to another page.
pub fn visit(_address: &str) {}

/// Loads the page again.
pub fn reload() {}

/// What [`store`] kept under this name, in this tab.
#[must_use]
pub const fn stored(_name: &str) -> Option<String> {
    None
}

/// Keeps a text while the tab lives, if the browser allows it.
pub fn store(_name: &str, _text: &str) {}

/// Whether the browser reports that the network is gone. (It cannot know that a network works.)
#[must_use]
pub const fn is_offline() -> bool {
    false
}

/// Takes over, as `view`, what the server rendered into an element. Returns whether all of it was as the server had
/// rendered it. If not, nothing that waits in [`after_mount`] has run.
#[must_use]
pub fn mount<F, N>(_id: &str, _view: F) -> bool
where
    F: FnOnce() -> N + 'static,
{
    false
}

/// Calls `act` once the page is taken over as a whole: what a page that failed half-way must not begin.
pub fn after_mount(_act: impl FnOnce() + 'static) {}

/// Checks, during hydration, that an element is the expected one, by an attribute that the server gave it.
pub fn expect_attribute<E>(_element: &E, _name: &str, _value: &str) {}

/// Whether the page can be seen.
#[must_use]
pub const fn is_visible() -> bool {
    false
}

/// Calls `act` whenever the page wakes or goes to sleep.
pub fn on_wake(_act: impl Fn(Wake) + 'static) {}

/// Calls `act` whenever the page is shown: when it is loaded, and when it comes out of the browser's cache.
pub fn on_show(_act: impl Fn() + 'static) {}

/// Calls `act` whenever the page is scrolled.
pub fn on_scroll(_act: impl Fn() + 'static) {}

/// Calls `act` when the browser paints next, or soon if it paints nothing.
pub fn next_frame(_act: impl FnOnce() + 'static) {}

/// Calls `act` after what is waiting to run by now, effects for one; still before the browser paints.
pub fn soon(_act: impl FnOnce() + 'static) {}

/// Calls `act` every so many milliseconds.
pub fn every(_pause: Millis, _act: impl Fn() + 'static) {}

/// A call that is to come.
#[derive(Debug)]
pub struct Timer;

impl Timer {
    /// Calls `act` after so many milliseconds.
    #[must_use]
    pub fn after(_delay: Millis, _act: impl FnOnce() + 'static) -> Self {
        Self
    }
}

/// A tenant's WebSocket.
#[derive(Debug)]
pub struct Socket;

impl Socket {
    /// Opens one.
    #[must_use]
    pub fn open(_tenant: Tenant, _act: impl Fn(SocketEvent) + 'static) -> Option<Self> {
        None
    }
}

/// JSON.
#[derive(Debug, Clone)]
pub struct Json(Value);

impl Json {
    /// Reads a text; `None` if it is not JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// A text as JSON.
    #[must_use]
    pub fn quote(text: &str) -> String {
        Value::from(text).to_string()
    }

    /// The member of an object with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        self.0.get(name).cloned().map(Self)
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        Some(self.0.as_array()?.iter().cloned().map(Self).collect())
    }

    /// A text.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.0.as_str().map(str::to_owned)
    }

    /// A whole number, not below zero.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        self.0.as_u64()
    }

    /// True or false.
    #[must_use]
    pub fn as_flag(&self) -> Option<bool> {
        self.0.as_bool()
    }
}

/// Asks the server, and waits for its whole answer.
///
/// # Errors
/// [`NoAnswer`]: there is no browser to ask.
pub async fn fetch(_request: Request<'_>) -> Result<Answer, NoAnswer> {
    Err(NoAnswer::Unreachable)
}

/// Lets a future run, beside all else.
pub fn spawn(_future: impl Future<Output = ()> + 'static) {}

/// Waits so many milliseconds.
pub async fn sleep(_delay: u32) {}
