//! The browser, as thin as it can be: nothing in here decides. `browser_stub.rs` has the same signatures for elsewhere.

use std::{
    cell::{Cell, RefCell},
    future::Future,
    mem,
    rc::Rc,
    time::Duration,
};

use any_spawner::Executor;
use gloo_net::http::{Method, RequestBuilder};
use js_sys::{Array, Date, JSON, Math, Promise, Reflect};
use leptos::{
    IntoView,
    prelude::{Owner, RenderHtml, set_interval_with_handle},
    tachys::{hydration::Cursor, view::PositionState},
};
use send_wrapper::SendWrapper;
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, CloseEvent, Document, Element, EventTarget, FocusOptions, HtmlElement, HtmlTextAreaElement,
    KeyboardEvent, MessageEvent, Notification, NotificationOptions, PageTransitionEvent, Storage, UrlSearchParams,
    VisibilityState, WebSocket, Window, css,
};

use super::{
    ANSWER_LIMIT, Answer, NoAnswer, Request, SocketEvent, Wake,
    calendar::Day,
    clock::{Instant, Millis, PageClock},
    links::Part,
};
use crate::feed::{
    Tenant,
    protocol::{IDEMPOTENCY_HEADER, POSITION_HEADER, TENANT_HEADER},
};

/// How long work waits for a frame if the browser paints none, as in a hidden tab, in milliseconds.
const HIDDEN_FRAME: i32 = 250;

thread_local! {
    /// The closures that wait until the page is taken over.
    static AFTER_MOUNT: RefCell<Vec<Box<dyn FnOnce()>>> = const { RefCell::new(vec![]) };
    /// Whether hydration has met another element than the server rendered.
    static IS_MISPLACED: Cell<bool> = const { Cell::new(false) };
}

fn window() -> Window {
    web_sys::window().expect("this runs in a page, which has a window")
}

fn document() -> Document {
    window().document().expect("a page's window has a document")
}

fn element<T: JsCast>(id: &str) -> Option<T> {
    document().get_element_by_id(id)?.dyn_into().ok()
}

/// The moment now, on the page's own clock.
#[must_use]
pub fn now() -> Instant {
    thread_local! {
        static CLOCK: Cell<PageClock> = Cell::default();
    }
    let date = Date::now();
    let mut clock = CLOCK.get();
    let now = clock.read(window().performance().map_or(date, |performance| performance.now()), date);
    CLOCK.set(clock);
    now
}

/// The time of day as the browser has it, in milliseconds since 1970. It may be wrong, and people set it.
#[must_use]
pub fn time_of_day() -> i64 {
    Date::now() as i64
}

fn date(millis: i64) -> Date {
    Date::new(&JsValue::from_f64(millis as f64))
}

/// A moment by the clock on the wall: `09:00:05`.
#[must_use]
pub fn wall_time(millis: i64) -> String {
    let moment = date(millis);
    format!("{:02}:{:02}:{:02}", moment.get_hours(), moment.get_minutes(), moment.get_seconds())
}

/// A moment by the clock on the wall, with the date before it if that is not today's.
#[must_use]
pub fn local_time(millis: i64) -> String {
    let day = day_of(millis);
    let (year, month, date) = day.date;
    let time = wall_time(millis);
    if day.contains(time_of_day()) { time } else { format!("{year}-{month:02}-{date:02} {time}") }
}

/// The day of a moment, by the calendar on the wall.
#[must_use]
pub fn day_of(millis: i64) -> Day {
    let moment = date(millis);
    let (year, month, date) = (moment.get_full_year(), moment.get_month(), moment.get_date());
    // A date beyond the month's last is in the next month.
    let midnight = |date: u32| Date::new_with_year_month_day(year, month as i32, date as i32).get_time() as i64;
    Day { start: midnight(date), end: midnight(date + 1), date: (year, month + 1, date) }
}

/// A moment for a text that leaves the page: `2026-11-23T08:00:00.000Z`.
#[must_use]
pub fn utc_time(millis: i64) -> String {
    date(millis).to_iso_string().into()
}

/// Chance, in 0 to 1.
#[must_use]
pub fn random() -> f64 {
    Math::random()
}

/// Chance that cannot be guessed. (`randomUUID` does not exist on plain http outside localhost; this does.)
#[must_use]
pub fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    let filled = window().crypto().and_then(|crypto| crypto.get_random_values_with_u8_array(&mut bytes));
    if filled.is_err() {
        bytes.fill_with(|| (random() * 256.0) as u8);
    }
    bytes
}

/// The tenant that the page's address names.
#[must_use]
pub fn page_tenant() -> Option<Tenant> {
    let query = UrlSearchParams::new_with_str(&window().location().search().ok()?).ok()?;
    let values = query.get_all("tenant");
    if values.length() == 1 { values.get(0).as_string()?.parse().ok() } else { None }
}

/// The text of an element.
#[must_use]
pub fn text(id: &str) -> Option<String> {
    element::<Element>(id)?.text_content()
}

/// Replaces the text of a text field. The cursor keeps its distance from the end.
pub fn set_value(field: &HtmlTextAreaElement, text: &str) {
    let behind = field.selection_end().ok().flatten().map_or(0, |end| field.text_length().saturating_sub(end));
    field.set_value(text);
    // Elsewhere, the cursor is nobody's concern, and in some engines to set it takes the focus.
    if document().active_element().is_some_and(|active| active == ***field) {
        let place = field.text_length().saturating_sub(behind);
        let _ = field.set_selection_range(place, place);
    }
}

/// Sets the text of an element, in place of all that is in it.
pub fn set_text(element: &Element, text: &str) {
    // A live region that is written again is read out again.
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// Sets the text of the element with this id.
pub fn set_text_of(id: &str, text: &str) {
    if let Some(element) = element::<Element>(id) {
        set_text(&element, text);
    }
}

/// Sets the text and the tooltip of the `<time>` in an element.
pub fn set_time(element: &Element, text: &str, tooltip: &str) {
    if let Ok(Some(time)) = element.query_selector("time") {
        set_text(&time, text);
        let _ = time.set_attribute("title", tooltip);
    }
}

/// Shows the parts of a row's message, if there is a link among them. A link is an element, and its address is a text in it: no
/// part is ever read as markup.
pub fn set_links(row: &Element, parts: &[Part<'_>]) {
    if !parts.iter().any(|part| matches!(part, Part::Link(_))) {
        return;
    }
    let Ok(Some(message)) = row.query_selector(".message") else { return };
    message.set_text_content(None);
    for part in parts {
        let _ = match part {
            Part::Text(text) => message.append_with_str_1(text),
            Part::Link(address) => {
                let Ok(link) = document().create_element("a") else { continue };
                // From left to right in any text, so that no mark before it can change how it looks.
                let attributes =
                    [("href", *address), ("target", "_blank"), ("rel", LINK_REL), ("dir", "ltr"), ("tabindex", "-1")];
                for (name, value) in attributes {
                    let _ = link.set_attribute(name, value);
                }
                link.set_text_content(Some(address));
                message.append_with_node_1(&link)
            }
        };
    }
}

/// The page that a link opens learns nothing of this one, and this one does not recommend it.
const LINK_REL: &str = "noopener noreferrer nofollow";

/// Sets an attribute of the element with this id.
pub fn set_attribute(id: &str, name: &str, value: &str) {
    if let Some(element) = element::<Element>(id) {
        let _ = element.set_attribute(name, value);
    }
}

/// Adds an attribute without a value, or removes it.
pub fn set_flag(element: &Element, name: &str, is_set: bool) {
    let _ = element.toggle_attribute_with_force(name, is_set);
}

/// Hides or shows a control. If it has the focus and hides, the element `next` takes the focus, which would be lost. It scrolls
/// nothing.
pub fn set_hidden(control: &Element, hidden: bool, next: &str) {
    if hidden && control.contains(document().active_element().as_deref()) {
        focus_element(element(next), false);
    }
    set_flag(control, "hidden", hidden);
}

/// Hides or shows the control with this id, as [`set_hidden`] does.
pub fn set_hidden_by_id(id: &str, hidden: bool, next: &str) {
    if let Some(control) = element::<Element>(id) {
        set_hidden(&control, hidden, next);
    }
}

/// Moves the focus to an element, and scrolls there.
pub fn focus(id: &str) {
    focus_element(element(id), true);
}

/// Scrolls to the top of an element.
pub fn scroll_to(element: &Element) {
    element.scroll_into_view();
}

/// Moves the focus to the first row of a list, and scrolls there.
pub fn focus_first(list: &Element) {
    focus_element(list.first_element_child(), true);
}

/// Moves the focus to the row with this `data-id`. It scrolls nothing.
pub fn focus_row(list: &Element, row: &str) {
    focus_element(list.query_selector(&format!("[data-id='{row}']")).ok().flatten(), false);
}

/// Moves the focus from the row of a list that has it to the next or the previous one, and scrolls there.
pub fn focus_sibling(list: &Element, next: bool) {
    let Some(row) = focused(list) else { return };
    focus_element(if next { row.next_element_sibling() } else { row.previous_element_sibling() }, true);
}

/// The `data-id` of the row of a list that has the focus.
#[must_use]
pub fn focused_row(list: &Element) -> Option<String> {
    focused(list)?.get_attribute("data-id")
}

fn row_with(list: &Element, mut child: Element) -> Option<Element> {
    loop {
        let parent = child.parent_element()?;
        if parent == *list {
            return Some(child);
        }
        child = parent;
    }
}

fn focus_element(element: Option<Element>, scrolls: bool) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        let options = FocusOptions::new();
        options.set_prevent_scroll(!scrolls);
        let _ = element.focus_with_options(&options);
    }
}

/// Makes a row of a list the one that the Tab key finds, together with the links in it. Without a row, that is the first one
/// as long as no row was chosen.
pub fn set_current(list: &Element, row: Option<&Element>) {
    let chosen = || list.query_selector("[data-current]").ok().flatten();
    let Some(next) = row.cloned().or_else(|| if chosen().is_some() { None } else { list.first_element_child() }) else {
        return;
    };
    let found = |row: &Element, index: &str| {
        let _ = row.set_attribute("tabindex", index);
        let links = row.get_elements_by_tag_name("a");
        for link in (0..links.length()).filter_map(|place| links.item(place)) {
            let _ = link.set_attribute("tabindex", index);
        }
    };
    if let Ok(Some(before)) = list.query_selector(":scope > [tabindex='0']") {
        found(&before, "-1");
        set_flag(&before, "data-current", false);
    }
    found(&next, "0");
    set_flag(&next, "data-current", row.is_some());
}

/// Calls `act` with the row of a list that the pointer comes over, or that gets the focus, and whether it was the focus; and
/// without a row when the pointer leaves the list. A tap is a pointer that comes over a row, too.
pub fn on_row(list: &Element, act: impl Fn(Option<Element>, bool) + 'static) {
    let act = Rc::new(act);
    for name in ["pointerover", "focusin", "mouseleave"] {
        let (act, within) = (Rc::clone(&act), list.clone());
        listen(list, name, move |event: web_sys::Event| {
            let target = event.target().and_then(|target| target.dyn_into().ok());
            act(target.and_then(|target| row_with(&within, target)), name == "focusin");
        });
    }
}

/// The row of a list that has the focus.
#[must_use]
pub fn focused(list: &Element) -> Option<Element> {
    row_with(list, document().active_element()?)
}

/// Moves a group of controls to the end of a row, or hides it. Returns whether that changed anything: a group that has the focus
/// stays where it is.
pub fn move_into(group: &Element, row: Option<&Element>) -> bool {
    let is_there = group.parent_element().as_ref() == row;
    if is_there && !group.has_attribute("hidden") || group.contains(document().active_element().as_deref()) {
        return false;
    }
    set_flag(group, "hidden", row.is_none());
    if let Some(row) = row {
        let _ = row.append_child(group);
    }
    true
}

/// Moves the focus to the row that an element is directly in. It scrolls nothing.
pub fn focus_row_of(element: &Element) {
    focus_element(element.parent_element(), false);
}

/// If nothing has the focus, gives it to the first row of a list. It scrolls nothing.
pub fn refocus(list: &Element) {
    let active = document().active_element();
    if active.is_none_or(|active| active.tag_name() == "BODY") {
        focus_element(list.first_element_child(), false);
    }
}

/// The `data-id` of the row that an element is directly in.
#[must_use]
pub fn row_of(element: &Element) -> Option<String> {
    element.parent_element()?.get_attribute("data-id")
}

fn divider(list: &Element, row: &str, name: &str) -> Option<Element> {
    list.query_selector(&format!("[data-id='{row}'] > [data-divider='{name}']")).ok().flatten()
}

/// Adds a divider to the top of the row with this `data-id`, or changes its text.
pub fn set_divider(list: &Element, row: &str, name: &str, text: &str) {
    if let Some(divider) = divider(list, row, name) {
        return set_text(&divider, text);
    }
    let row = list.query_selector(&format!("[data-id='{row}']"));
    if let (Ok(Some(row)), Ok(divider)) = (row, document().create_element("p")) {
        let _ = divider.set_attribute("data-divider", name);
        set_text(&divider, text);
        let _ = row.insert_before(&divider, row.first_child().as_ref());
    }
}

/// Removes a divider.
pub fn remove_divider(list: &Element, row: &str, name: &str) {
    if let Some(divider) = divider(list, row, name) {
        divider.remove();
    }
}

/// Whether the divider with this name is in view; `None` if the list has none.
#[must_use]
pub fn is_divider_in_view(list: &Element, name: &str) -> Option<bool> {
    let divider = list.query_selector(&format!("[data-divider='{name}']")).ok()??;
    let place = divider.get_bounding_client_rect();
    let height = window().inner_height().ok()?.as_f64()?;
    Some(is_visible() && place.top() >= 0.0 && place.bottom() <= height)
}

/// Whether the top of an element has been scrolled out of sight.
#[must_use]
pub fn is_above(element: &Element) -> bool {
    element.get_bounding_client_rect().top() < 0.0
}

/// Copies a text to the clipboard. Returns whether it did: on plain http to another host than localhost a page has no
/// clipboard, and people can forbid it. Call it in the handler of a click or a key, without waiting first.
pub fn copy(text: &str) -> impl Future<Output = bool> + use<> {
    let clipboard = window().navigator().clipboard();
    // The binding's type does not show that it may be absent.
    let written = (!clipboard.is_undefined()).then(|| JsFuture::from(clipboard.write_text(text)));
    async move {
        match written {
            Some(written) => written.await.is_ok(),
            None => false,
        }
    }
}

/// Selects the text of an element, so that people can copy it themselves.
pub fn select(element: &Element) {
    if let Ok(Some(selection)) = window().get_selection() {
        let _ = selection.select_all_children(element);
    }
}

/// Sets the text of the element with this id.
pub fn write(id: &str, text: &str) {
    if let Some(element) = element::<Element>(id) {
        set_text(&element, text);
    }
}

/// Shows the element with this id with a text, and selects it so that people can copy it. Hides it if the text is empty.
pub fn offer(id: &str, text: &str) {
    let Some(element) = element::<Element>(id) else { return };
    set_text(&element, text);
    set_flag(&element, "hidden", text.is_empty());
    if !text.is_empty() {
        select(&element);
    }
}

/// The title of the document.
pub fn set_title(title: &str) {
    document().set_title(title);
}

/// The icon of the document.
pub fn set_icon(address: &str) {
    if let Ok(Some(icon)) = document().query_selector("link[rel=icon]")
        && icon.get_attribute("href").as_deref() != Some(address)
    {
        let _ = icon.set_attribute("href", address);
    }
}

/// Shows a notification in place of the last one with this tag, if the browser allows it.
pub fn notify(tag: &str, title: &str, text: &str) {
    let options = NotificationOptions::new();
    options.set_body(text);
    options.set_tag(tag);
    // Without a permission it fails later, and shows nothing.
    let _ = Notification::new_with_options(title, &options);
}

/// Goes to another page.
pub fn visit(address: &str) {
    let _ = window().location().set_href(address);
}

/// Loads the page again.
pub fn reload() {
    let _ = window().location().reload();
}

/// The reader's choice that this attribute of the page's root shows.
#[must_use]
pub fn choice(name: &str) -> Option<String> {
    document().document_element()?.get_attribute(name)
}

fn storage() -> Option<Storage> {
    window().session_storage().ok()?
}

/// What [`store`] kept under this name, in this tab.
#[must_use]
pub fn stored(name: &str) -> Option<String> {
    storage()?.get_item(name).ok()?
}

/// Keeps a text while the tab lives, if the browser allows it.
pub fn store(name: &str, text: &str) {
    if let Some(storage) = storage() {
        let _ = storage.set_item(name, text);
    }
}

/// Whether the browser reports that the network is gone. (It cannot know that a network works.)
#[must_use]
pub fn is_offline() -> bool {
    !window().navigator().on_line()
}

/// Takes over, as `view`, what the server rendered into an element. Returns whether all of it was as the server had
/// rendered it. If not, nothing that waits in [`after_mount`] has run.
#[must_use]
pub fn mount<F, N>(id: &str, view: F) -> bool
where
    F: FnOnce() -> N + 'static,
    N: IntoView,
{
    let Some(parent) = element::<Element>(id) else { return false };
    // It may be there already: then it is as good.
    let _ = Executor::init_wasm_bindgen();
    // Leptos' own `hydrate_from` brings the context of resources and suspense, which no page has.
    let owner = Owner::new();
    let state = owner.with(|| view().into_view().hydrate::<true>(&Cursor::new(parent), &PositionState::default()));
    // Both live as long as the page.
    mem::forget((owner, state));
    let is_whole = !IS_MISPLACED.get();
    if is_whole {
        AFTER_MOUNT.take().into_iter().for_each(|act| act());
    }
    is_whole
}

/// Calls `act` once the page is taken over as a whole: what a page that failed half-way must not begin.
pub fn after_mount(act: impl FnOnce() + 'static) {
    fn queue(act: Box<dyn FnOnce()>) {
        AFTER_MOUNT.with_borrow_mut(|acts| acts.push(act));
    }
    queue(Box::new(act));
}

/// Checks, during hydration, that an element is the expected one, by an attribute that the server gave it. Hydration itself
/// takes any element, so that one which an extension had added would silently stand in for another.
pub fn expect_attribute(element: &Element, name: &str, value: &str) {
    if element.get_attribute(name).as_deref() != Some(value) {
        IS_MISPLACED.set(true);
    }
}

fn listen<E: JsCast + 'static>(target: &EventTarget, name: &str, act: impl Fn(E) + 'static) {
    attach(target, name, Box::new(move |event| act(event.unchecked_into())));
}

fn attach(target: &EventTarget, name: &str, act: Box<dyn Fn(JsValue)>) {
    let closure = Closure::wrap(act);
    let _ = target.add_event_listener_with_callback(name, closure.as_ref().unchecked_ref());
    // For as long as the page lives.
    closure.forget();
}

/// Whether the page can be seen.
#[must_use]
pub fn is_visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Calls `act` whenever the page wakes or goes to sleep.
pub fn on_wake(act: impl Fn(Wake) + 'static) {
    let act = Rc::new(act);
    let on = |name: &str, wake: fn(&PageTransitionEvent) -> Option<Wake>| {
        let act = Rc::clone(&act);
        listen(&window(), name, move |event: PageTransitionEvent| {
            if let Some(wake) = wake(&event) {
                act(wake);
            }
        });
    };
    on("online", |_| Some(Wake::Online));
    on("offline", |_| Some(Wake::Offline));
    on("pagehide", |_| Some(Wake::PageHide));
    on("pageshow", |event| event.persisted().then_some(Wake::PageShow));
    listen(&document(), "visibilitychange", move |_: JsValue| {
        act(if is_visible() { Wake::Visible } else { Wake::Hidden });
    });
}

/// Calls `act` whenever the page is shown: when it is loaded, and when it comes out of the browser's cache.
pub fn on_show(act: impl Fn() + 'static) {
    listen(&window(), "pageshow", move |_: JsValue| act());
}

/// Calls `act` whenever the page is scrolled.
pub fn on_scroll(act: impl Fn() + 'static) {
    listen(&window(), "scroll", move |_: JsValue| act());
}

/// Calls `act` with each key that is pressed outside of text fields and without another key, once for each press. If it returns
/// `true`, the key does nothing else until it is released.
pub fn on_key(act: impl Fn(&str) -> bool + 'static) {
    let is_handled = Cell::new(false);
    listen(&window(), "keydown", move |event: KeyboardEvent| {
        if event.repeat() {
            // The key may have led into a text field, which must not receive it.
            if is_handled.get() {
                event.prevent_default();
            }
            return;
        }
        let target = event.target().and_then(|target| target.dyn_into::<HtmlElement>().ok());
        let is_typing = target.is_some_and(|target| {
            matches!(target.tag_name().as_str(), "INPUT" | "SELECT" | "TEXTAREA") || target.is_content_editable()
        });
        let is_combined = event.ctrl_key() || event.alt_key() || event.meta_key();
        // A menu that is open has the reader's attention.
        let is_elsewhere = document().query_selector(":popover-open").is_ok_and(|menu| menu.is_some());
        let is_ours = !is_typing && !is_combined && !is_elsewhere && !event.is_composing();
        is_handled.set(is_ours && act(&event.key()));
        if is_handled.get() {
            event.prevent_default();
        }
    });
}

/// The element at which an event's listener is.
#[must_use]
pub fn target(event: &web_sys::Event) -> Option<Element> {
    event.current_target()?.dyn_into().ok()
}

/// The element with this id.
#[must_use]
pub fn find(id: &str) -> Option<Element> {
    element(id)
}

/// Clicks an element.
pub fn click(id: &str) {
    if let Some(element) = element::<HtmlElement>(id) {
        element.click();
    }
}

/// Unfolds a `<details>`, or folds it if it is unfolded. The focus goes to its summary.
pub fn toggle_fold(id: &str) {
    if let Some(fold) = element::<Element>(id) {
        let _ = fold.toggle_attribute("open");
        focus_element(fold.first_element_child(), true);
    }
}

fn matches_media(query: &str) -> bool {
    window().match_media(query).is_ok_and(|list| list.is_some_and(|list| list.matches()))
}

/// Whether people type on a keyboard that is part of the screen.
#[must_use]
pub fn is_touch() -> bool {
    matches_media("(hover: none) and (pointer: coarse)")
}

/// Makes a text field as high as its text, in browsers that do not do so by `field-sizing`.
pub fn fit(field: &HtmlTextAreaElement) {
    if !css::supports_with_value("field-sizing", "content").unwrap_or_default() {
        let style = field.style();
        let _ = style.set_property("block-size", "auto");
        let border = field.offset_height() - field.client_height();
        let _ = style.set_property("block-size", &format!("{}px", field.scroll_height() + border));
    }
}

/// Work that waits for the browser's next frame.
struct Frames {
    work: Vec<Box<dyn FnOnce()>>,
    frame: i32,
    timer: i32,
    run: Closure<dyn Fn()>,
}

thread_local! {
    static FRAMES: RefCell<Frames> = RefCell::new(Frames {
        work: vec![],
        frame: 0,
        timer: 0,
        run: Closure::new(run_frame),
    });
}

/// Calls `act` when the browser paints next, or soon if it paints nothing. A hidden page waits by one timer alone: the
/// frames that it asks for would pile up until it is shown.
pub fn next_frame(act: impl FnOnce() + 'static) {
    ask_for_frame(Box::new(act));
}

fn ask_for_frame(act: Box<dyn FnOnce()>) {
    FRAMES.with_borrow_mut(|frames| {
        frames.work.push(act);
        if frames.work.len() > 1 {
            return;
        }
        let run = frames.run.as_ref().unchecked_ref();
        let timer = window().set_timeout_with_callback_and_timeout_and_arguments_0(run, HIDDEN_FRAME);
        frames.timer = timer.unwrap_or_default();
        if is_visible() {
            frames.frame = window().request_animation_frame(run).unwrap_or_default();
        }
    });
}

/// The frame or the timer has come: the other is not needed any more.
fn run_frame() {
    let work = FRAMES.with_borrow_mut(|frames| {
        let _ = window().cancel_animation_frame(frames.frame);
        window().clear_timeout_with_handle(frames.timer);
        mem::take(&mut frames.work)
    });
    work.into_iter().for_each(|act| act());
}

/// Calls `act` after what is waiting to run by now, effects for one; still before the browser paints.
pub fn soon(act: impl FnOnce() + 'static) {
    run_soon(Box::new(act));
}

fn run_soon(act: Box<dyn FnOnce()>) {
    spawn(async move { act() });
}

/// Calls `act` every so many milliseconds.
pub fn every(pause: Millis, act: impl Fn() + 'static) {
    repeat(pause, Box::new(act));
}

fn repeat(pause: Millis, act: Box<dyn Fn()>) {
    let _ = set_interval_with_handle(act, Duration::from_millis(pause as u64));
}

/// A call that is to come. Dropped, it does not come any more.
#[derive(Debug)]
pub struct Timer {
    id: i32,
    _closure: Closure<dyn FnMut()>,
}

impl Timer {
    /// Calls `act` after so many milliseconds.
    #[must_use]
    pub fn after(delay: Millis, act: impl FnOnce() + 'static) -> Self {
        let closure = Closure::once(act);
        let delay = delay.max(0.0).ceil() as i32;
        let function = closure.as_ref().unchecked_ref();
        let id = window().set_timeout_with_callback_and_timeout_and_arguments_0(function, delay).unwrap_or_default();
        Self { id, _closure: closure }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        window().clear_timeout_with_handle(self.id);
    }
}

/// A tenant's WebSocket. Dropped, it is abandoned: its handlers are taken off, and what it still says is not heard.
#[derive(Debug)]
pub struct Socket {
    socket: WebSocket,
    _message: Closure<dyn Fn(MessageEvent)>,
    _close: Closure<dyn Fn(CloseEvent)>,
    _error: Closure<dyn Fn()>,
}

impl Socket {
    /// Opens one. `None` if the browser refuses to make it.
    #[must_use]
    pub fn open(tenant: Tenant, act: impl Fn(SocketEvent) + 'static) -> Option<Self> {
        let address = format!("ws{}/ws?tenant={tenant}", origin().strip_prefix("http")?);
        let socket = WebSocket::new(&address).ok()?;

        let act = Rc::new(act);
        let message = Closure::<dyn Fn(MessageEvent)>::new({
            let act = Rc::clone(&act);
            move |event: MessageEvent| act(SocketEvent::Text(event.data().as_string().unwrap_or_default()))
        });
        let close = Closure::<dyn Fn(CloseEvent)>::new({
            let act = Rc::clone(&act);
            move |event: CloseEvent| act(SocketEvent::Closed { code: event.code(), reason: event.reason() })
        });
        let error = Closure::<dyn Fn()>::new(move || act(SocketEvent::Failed));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(close.as_ref().unchecked_ref()));
        socket.set_onerror(Some(error.as_ref().unchecked_ref()));
        Some(Self { socket, _message: message, _close: close, _error: error })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        self.socket.set_onerror(None);
        let _ = self.socket.close();
    }
}

/// JSON, as the browser itself reads it.
#[derive(Debug, Clone)]
pub struct Json(JsValue);

impl Json {
    /// Reads a text; `None` if it is not JSON.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        JSON::parse(text).ok().map(Self)
    }

    /// A text as JSON.
    #[must_use]
    pub fn quote(text: &str) -> String {
        JSON::stringify(&JsValue::from_str(text)).map_or_else(|_| String::new(), String::from)
    }

    /// The member of an object with this name.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Self> {
        let member = Reflect::get(&self.0, &JsValue::from_str(name)).ok()?;
        (!member.is_undefined()).then_some(Self(member))
    }

    /// The items of a list.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        Some(self.0.dyn_ref::<Array>()?.iter().map(Self).collect())
    }

    /// A text.
    #[must_use]
    pub fn as_text(&self) -> Option<String> {
        self.0.as_string()
    }

    /// A whole number, not below zero.
    #[must_use]
    pub fn as_number(&self) -> Option<u64> {
        let number = self.0.as_f64()?;
        (number as u64 as f64 == number).then_some(number as u64)
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
/// [`NoAnswer`] names the reason. The server may have done what the request asked all the same.
pub fn fetch(request: Request<'_>) -> impl Future<Output = Result<Answer, NoAnswer>> + Send {
    let request = made(request);
    SendWrapper::new(async move {
        let response = request.map_err(refused)?.send().await.map_err(refused)?;
        let text = response.text().await.map_err(refused)?;
        Ok(Answer {
            status: response.status(),
            position: response.headers().get(POSITION_HEADER),
            body: Json::parse(&text),
        })
    })
}

/// Where every address begins. If the page's own address has a user and a password, a relative one takes them over, and
/// browsers refuse to fetch it.
#[must_use]
pub fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

fn made(request: Request<'_>) -> Result<gloo_net::http::Request, gloo_net::Error> {
    let method = if request.body.is_some() { Method::POST } else { Method::GET };
    let limit = AbortSignal::timeout_with_u32(ANSWER_LIMIT);
    let mut builder =
        RequestBuilder::new(&format!("{}{}", origin(), request.path)).method(method).abort_signal(Some(&limit));
    if let Some(tenant) = request.tenant {
        builder = builder.header(TENANT_HEADER, tenant.id());
    }
    if let Some(key) = request.key {
        builder = builder.header(IDEMPOTENCY_HEADER, key);
    }
    match request.body {
        Some(body) => builder.header("content-type", "application/json").body(body),
        None => builder.build(),
    }
}

fn refused(error: gloo_net::Error) -> NoAnswer {
    match error {
        gloo_net::Error::JsError(error) if error.name == "TimeoutError" => NoAnswer::Late,
        _ => NoAnswer::Unreachable,
    }
}

/// Lets a future run, beside all else.
pub fn spawn(future: impl Future<Output = ()> + 'static) {
    wasm_bindgen_futures::spawn_local(future);
}

/// Waits so many milliseconds.
pub async fn sleep(delay: u32) {
    let promise = Promise::new(&mut |resolve, _| {
        let delay = i32::try_from(delay).unwrap_or(i32::MAX);
        let _ = window().set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, delay);
    });
    let _ = JsFuture::from(promise).await;
}
