//! Renders the post form, and carries what is typed and answered to its rules in `client::post_form`.
//!
//! [`Message`] decides which text may be posted.

use leptos::{ev, html::Textarea, prelude::*, task::spawn_local};

use super::{
    actions,
    erased::{Words, effect, flag, text, word, yes_or_no},
    words,
};
use crate::{
    client::{
        browser,
        draft::Draft,
        driver::{self, FeedState},
        post_form::{Alert, Post, PostForm},
        status::Status,
    },
    feed::{Message, Tenant},
};

/// The text field. The browser's own value is the truth about it: no attribute of ours ever sets it, so that what was
/// typed before the client started stays.
pub(super) const FIELD: &str = "message";
/// The hint for people with a keyboard.
const HINT: &str = "message-hint";
/// Up to this length the counter is quiet.
const QUIET: usize = 400;
/// How often the form looks whether one of its messages has ended, in milliseconds.
const LOOK: f64 = 1_000.0;

/// The post form.
#[component]
pub fn Composer(
    /// The tenant that posts.
    tenant: Tenant,
    /// The feed's state: whether a post can be seen to come back, and how long it took.
    state: RwSignal<FeedState>,
) -> impl IntoView {
    let form = RwSignal::new(PostForm::default());
    let field = NodeRef::<Textarea>::new();
    let value = move || field.get_untracked().map_or_else(String::new, |field| field.value());

    let visible = move || state.read_untracked().visible.at(browser::now());
    let look = move || {
        let (is_live, round_trip) = state.with(|state| (state.status == Status::Live, state.round_trip));
        form.maybe_update(|form| form.look(is_live, round_trip, visible()));
    };
    effect(look);
    let keep = move || browser::store(&Draft::name(tenant), &form.read_untracked().draft().store());
    let fit = move || field.get_untracked().iter().for_each(browser::fit);
    let fill = move || {
        let text = form.read_untracked().draft().text.clone();
        // If nothing changes, the selection must stay.
        if let Some(field) = field.get_untracked()
            && field.value() != text
        {
            browser::set_value(&field, &text);
        }
        fit();
        keep();
    };
    let typed = move || {
        let text = value();
        if text != form.read_untracked().draft().text {
            form.update(|form| form.edit(&text));
            fit();
            keep();
        }
    };
    browser::after_mount(move || {
        let stored = Draft::restore(browser::stored(&Draft::name(tenant)).as_deref());
        if browser::is_touch() {
            browser::set_text_of(HINT, "");
        }
        form.set(PostForm::new(stored, &value()));
        fill();
        browser::every(LOOK, move || untrack(look));
    });

    let submit = move || {
        // Here, and not when the answer comes: the reader may be elsewhere by then.
        if let Some(field) = field.get_untracked() {
            let _ = field.focus();
        }
        typed();
        let post = form.try_update(|form| form.submit(browser::random_bytes())).flatten();
        keep();
        if let Some(first) = post {
            spawn_local(async move {
                let mut next = Some(first);
                while let Some(Post { text, key }) = next {
                    driver::post_sent(tenant);
                    let answer = actions::post_event(text, key).await;
                    driver::post_answered(tenant, answer.as_ref().ok().map(|event| event.id));
                    typed();
                    next = form
                        .try_update(|form| form.answered(answer.map(|_| ()), visible(), browser::random_bytes()))
                        .flatten();
                    fill();
                    untrack(look);
                }
            });
        }
    };
    let keys = move |event: ev::KeyboardEvent| {
        // On the keyboard of a screen, Enter breaks the line: there is no Shift+Enter.
        // 229: some engines end a composition with an Enter of this code, without `isComposing`.
        let composing = event.is_composing() || event.key_code() == 229;
        if event.key() == "Enter" && !event.shift_key() && !composing && !browser::is_touch() {
            event.prevent_default();
            if !event.repeat() {
                submit();
            }
        }
    };
    let submitted = move |event: ev::SubmitEvent| {
        event.prevent_default();
        submit();
    };

    let level = move || match form.read().length() {
        ..QUIET => "quiet",
        QUIET..=Message::MAX => "near",
        _ => "over",
    };
    // The button itself offers the retry: nothing is added, so that nothing moves.
    let label = move || match form.read() {
        form if form.is_posting() => "Posting…",
        form if form.can_retry() => "Try again",
        _ => "Post",
    };
    // An error says more, and is in the same place.
    let waits_not =
        move || !state.read().has_begun || state.read().status == Status::Live || form.read().error().is_some();
    view! {
        <form aria-label="Post an event" class="composer" on:submit:capture=submitted>
            <label for=FIELD class="for-ears">"Message"</label>
            <textarea
                id=FIELD
                node_ref=field
                rows="1"
                dir="auto"
                placeholder="Write an event"
                aria-describedby="message-error message-count message-hint"
                aria-invalid=word(move || yes_or_no(form.read().error().is_some()))
                on:input:capture=move |_| typed()
                on:keydown:capture=keys
            ></textarea>
            <p id="message-error" class="error" hidden=flag(move || form.read().error().is_none())>
                <Words of=text(move || form.read().error().as_ref().map_or_else(String::new, words::form_error)) />
            </p>
            <p id="alert" role="alert" class="for-ears">
                <Words of=text(move || form.read().alert_now().map_or_else(String::new, alert)) />
            </p>
            <p id="message-wait" class="hint" hidden=flag(waits_not)>
                <Words of=text(move || words::wait(&state.read().status)) />
            </p>
            <div class="composer-foot">
                <p id="post-status" role="status">
                    <Words of=text(move || form.read().posted().map_or_else(String::new, words::posted)) />
                </p>
                <span id=HINT class="hint">
                    "Enter posts, Shift+Enter adds a line"
                </span>
                <span id="message-count" data-level=word(level)>
                    <Words of=text(move || format!("{} / {}", form.read().length(), Message::MAX)) />
                </span>
            </div>
            <button type="submit" id="submit" aria-disabled=word(move || yes_or_no(form.read().is_posting()))>
                <Words of=text(label) />
            </button>
            <noscript>
                <p class="hint">
                    "Posting, and seeing new events, needs script. These events were current when the page was loaded."
                </p>
            </noscript>
        </form>
    }
}

fn alert(alert: &Alert) -> String {
    words::repeated(words::form_error(&alert.error), alert.is_repeat)
}
