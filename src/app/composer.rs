//! Where a message is written. Nothing typed is ever lost: not by a failure, a reload, nor a client that starts late.

use leptos::{ev, prelude::*, task::spawn_local};

use super::actions;
use crate::{
    client::{browser, confirmation::Confirmation, draft::Draft, reconnect::Status},
    feed::{Message, MessageError, Tenant},
};

/// The text field. The browser's own value is the truth about it: no attribute of ours ever sets it, so that what was
/// typed before the client started stays.
const FIELD: &str = "message";
/// Up to here the counter is quiet.
const QUIET: usize = 400;

/// What went wrong, and whether the same again may go better.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Trouble {
    words: String,
    retry: bool,
}

/// The post form.
#[component]
pub fn Composer(
    /// Who posts.
    tenant: Tenant,
    /// The connection: it says whether a post can be seen to come back.
    status: RwSignal<Status>,
    /// Waits for an own post to come back. The feed's listener tells it what arrives.
    confirmation: StoredValue<Confirmation>,
    /// How long the last own post took to come back, in milliseconds.
    took: RwSignal<Option<f64>>,
) -> impl IntoView {
    let draft = RwSignal::new(Draft::default());
    let ready = RwSignal::new(false);
    let posting = RwSignal::new(false);
    let posted = RwSignal::new(false);
    let trouble = RwSignal::new(None::<Trouble>);

    let keep = move || browser::store(&Draft::name(tenant), &draft.read_untracked().store());
    let typed = move || {
        let text = browser::value(FIELD).unwrap_or_default();
        if text != draft.read_untracked().text {
            draft.update(|draft| draft.text = text);
            trouble.set(None);
            keep();
        }
    };
    Effect::new(move |_| {
        let stored = Draft::restore(browser::stored(&Draft::name(tenant)).as_deref());
        if browser::value(FIELD).is_some_and(|text| text.is_empty()) {
            browser::set_value(FIELD, &stored.text);
        }
        draft.set(stored);
        typed();
        ready.set(true);
    });

    let count = Memo::new(move |_| Message::count(&draft.read().text));
    let level = move || match count.get() {
        ..QUIET => "quiet",
        QUIET..=Message::MAX => "near",
        _ => "over",
    };
    let over = move || {
        let length = count.get();
        (length > Message::MAX).then(|| MessageError::TooLong { length }.to_string())
    };
    let told = Memo::new(move |_| match trouble.get() {
        Some(trouble) => Some(trouble),
        None => over().map(|words| Trouble { words: sentence(&words), retry: false }),
    });

    let post = move || {
        typed();
        if posting.get_untracked() {
            return;
        }
        let text = draft.read_untracked().text.clone();
        posted.set(false);
        took.set(None);
        if let Err(error) = Message::parse(&text) {
            trouble.set(Some(Trouble { words: sentence(&error.to_string()), retry: false }));
            browser::focus(FIELD);
            return;
        }
        let key = draft.try_update(|draft| draft.key(browser::random_bytes())).unwrap_or_default();
        keep();
        trouble.set(None);
        posting.set(true);
        confirmation.update_value(|waiting| waiting.sent(browser::instant()));
        spawn_local(async move {
            let answer = actions::post(text.clone(), key).await;
            posting.set(false);
            match answer {
                Ok(event) => {
                    // What was typed meanwhile is another message.
                    if draft.read_untracked().text == text {
                        browser::set_value(FIELD, "");
                        draft.set(Draft::default());
                        keep();
                    }
                    posted.set(true);
                    let mut early = None;
                    confirmation.update_value(|waiting| early = waiting.answered(event.id));
                    if early.is_some() {
                        took.set(early);
                    }
                }
                Err(problem) => {
                    confirmation.update_value(Confirmation::failed);
                    let words = format!("Not posted: {}", problem.detail.trim_end_matches('.'));
                    trouble.set(Some(Trouble { words: sentence(&words), retry: problem.status != 422 }));
                }
            }
            browser::focus(FIELD);
        });
    };
    let keys = move |event: ev::KeyboardEvent| {
        // 229: some engines end a composition with an Enter that no longer says so.
        let composing = event.is_composing() || event.key_code() == 229;
        if event.key() == "Enter" && !event.shift_key() && !composing {
            event.prevent_default();
            if !event.repeat() {
                post();
            }
        }
    };
    let submitted = move |event: ev::SubmitEvent| {
        event.prevent_default();
        post();
    };
    let result = move || match (posted.get(), took.get()) {
        (false, _) => String::new(),
        (true, Some(took)) => format!("Posted · Live in {} ms", took.round()),
        (true, None) if *status.read() == Status::Live => String::from("Posted"),
        (true, None) => String::from("Posted. It shows here once the connection is back."),
    };
    let waits = move || ready.get() && *status.read() != Status::Live;

    view! {
        <form aria-label="Post an event" class="composer" on:submit=submitted>
            <label for=FIELD>"Message"</label>
            <textarea
                id=FIELD
                rows="3"
                enterkeyhint="send"
                aria-describedby="message-error message-count message-hint"
                aria-invalid=move || told.read().is_some().to_string()
                on:input=move |_| typed()
                on:keydown=keys
            ></textarea>
            <p id="message-error" class="error" hidden=move || told.read().is_none()>
                <span>{move || told.get().map(|trouble| trouble.words)}</span>
                <button
                    type="submit"
                    class="quiet"
                    hidden=move || !told.read().as_ref().is_some_and(|trouble| trouble.retry)
                >
                    "Retry"
                </button>
            </p>
            <p id="message-wait" class="hint" hidden=move || !waits()>
                "Not live at the moment. Post still sends to the server; the event shows here once the connection is back."
            </p>
            <div class="composer-foot">
                <span id="message-count" data-level=level>
                    {move || format!("{} / {}", count.get(), Message::MAX)}
                </span>
                <span id="message-hint" class="hint">"Enter posts, Shift+Enter breaks the line"</span>
                <button type="submit" disabled=move || !ready.get() aria-disabled=move || posting.get().to_string()>
                    {move || if posting.get() { "Posting…" } else { "Post" }}
                </button>
            </div>
            <p id="post-status" role="status">
                {result}
            </p>
            <noscript>
                <p class="hint">"Posting, and seeing what arrives, needs script. What is here was current when the page was loaded."</p>
            </noscript>
        </form>
    }
}

/// With a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(sentence("write a message first"), "Write a message first.");
        assert_eq!(sentence(""), "");
    }
}
