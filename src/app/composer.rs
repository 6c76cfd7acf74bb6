//! Where a message is written. Nothing typed is ever lost: not by a failure, a reload, nor a client that starts late.
//! What may be sent, [`Message`] says; what is kept of it, `client::draft`.

use leptos::{ev, prelude::*, task::spawn_local};

use super::{
    actions,
    follow::{flag, text, word, yes_or_no},
};
use crate::{
    client::{
        browser,
        draft::Draft,
        live::{self, Facts},
        reconnect::Status,
    },
    feed::{Message, MessageError, Problem, Tenant},
};

/// The text field. The browser's own value is the truth about it: no attribute of ours ever sets it, so that what was
/// typed before the client started stays.
const FIELD: &str = "message";
/// Up to here the counter is quiet.
const QUIET: usize = 400;

/// What went wrong, and whether the same again may go better.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Trouble {
    /// Empty where nothing did.
    words: String,
    retry: bool,
}

/// The post form.
#[component]
pub fn Composer(
    /// Who posts.
    tenant: Tenant,
    /// The feed's: whether a post can be seen to come back, and how long it took.
    facts: RwSignal<Facts>,
) -> impl IntoView {
    let draft = RwSignal::new(Draft::default());
    let ready = RwSignal::new(false);
    let posting = RwSignal::new(false);
    let posted = RwSignal::new(false);
    let trouble = RwSignal::new(Trouble::default());

    let is_live = move || facts.read().status == Status::Live;
    // A page that connects for the first time has nothing to explain yet.
    let begun = RwSignal::new(false);
    Effect::new(move |_| {
        if facts.read().status != Status::Connecting && !begun.get_untracked() {
            begun.set(true);
        }
    });
    let keep = move || browser::store(&Draft::name(tenant), &draft.read_untracked().store());
    let typed = move || {
        let text = browser::value(FIELD).unwrap_or_default();
        if text != draft.read_untracked().text {
            draft.update(|draft| draft.text = text);
            trouble.set(Trouble::default());
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

    let count = move || Message::count(&draft.read().text);
    let level = move || match count() {
        ..QUIET => "quiet",
        QUIET..=Message::MAX => "near",
        _ => "over",
    };
    let words = move || match count() {
        length if length > Message::MAX => sentence(&MessageError::TooLong { length }.to_string()),
        _ => trouble.get().words,
    };

    let post = move || {
        // Here, and not when the answer comes: the reader may be elsewhere by then.
        browser::focus(FIELD);
        typed();
        if posting.get_untracked() {
            return;
        }
        let text = draft.read_untracked().text.clone();
        posted.set(false);
        let message = match Message::parse(&text) {
            Ok(message) => message,
            Err(error) => {
                trouble.set(Trouble { words: sentence(&error.to_string()), retry: false });
                return;
            }
        };
        let key = draft.try_update(|draft| draft.key(&message, browser::random_bytes())).unwrap_or_default();
        keep();
        trouble.set(Trouble::default());
        posting.set(true);
        live::post_sent(tenant);
        spawn_local(async move {
            let answer = actions::post_event(text.clone(), key).await;
            posting.set(false);
            live::post_answered(tenant, answer.as_ref().ok().map(|event| event.id));
            match answer {
                Ok(_) => {
                    // What was typed meanwhile is another message.
                    if draft.read_untracked().text == text {
                        browser::set_value(FIELD, "");
                        draft.set(Draft::default());
                        keep();
                    }
                    posted.set(true);
                }
                Err(problem) => trouble.set(Trouble { words: failure(&problem), retry: problem.status != 422 }),
            }
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
    let result = move || match (posted.get(), facts.read().took) {
        (false, _) => String::new(),
        (true, Some(took)) => format!("Posted · Live in {took} ms"),
        (true, None) if is_live() => String::from("Posted"),
        (true, None) => String::from("Posted. It shows here once the connection is back."),
    };

    view! {
        <form aria-label="Post an event" class="composer card" on:submit=submitted>
            <label for=FIELD>"Message"</label>
            <textarea
                id=FIELD
                rows="3"
                dir="auto"
                enterkeyhint="send"
                aria-describedby="message-error message-count message-hint"
                aria-invalid=word(move || yes_or_no(!words().is_empty()))
                on:input=move |_| typed()
                on:keydown=keys
            ></textarea>
            <p id="message-error" class="error" hidden=flag(move || words().is_empty())>
                <span>{text(words)}</span>
                <button
                    type="submit"
                    class="quiet"
                    hidden=flag(move || !trouble.read().retry)
                >
                    "Retry"
                </button>
            </p>
            <p id="message-wait" class="hint" hidden=flag(move || !begun.get() || is_live())>
                "Not live at the moment. Post still sends to the server; the event shows here once the connection is back."
            </p>
            <div class="composer-foot">
                <span id="message-count" data-level=word(level)>
                    {text(move || format!("{} / {}", count(), Message::MAX))}
                </span>
                <span id="message-hint" class="hint">"Enter posts, Shift+Enter breaks the line"</span>
                <button
                    type="submit"
                    disabled=flag(move || !ready.get())
                    aria-disabled=word(move || yes_or_no(posting.get()))
                >
                    {text(move || if posting.get() { "Posting…" } else { "Post" })}
                </button>
            </div>
            <p id="post-status" role="status">
                {text(result)}
            </p>
            <noscript>
                <p class="hint">"Posting, and seeing what arrives, needs script. What is here was current when the page was loaded."</p>
            </noscript>
        </form>
    }
}

/// Why a message is not, or may not be, posted: only a refusal of the server's says that it is not.
fn failure(problem: &Problem) -> String {
    match problem.status {
        0 => String::from(
            "No answer from the server. Your message may have been posted; trying again won't post it twice.",
        ),
        1..400 => String::from(
            "The answer did not come from the server, but perhaps from a proxy's sign-in page. Your text is kept here. Reload the page to sign in, then try again.",
        ),
        _ => sentence(&format!("Not posted: {}", problem.detail.trim_end_matches('.'))),
    }
}

/// With a capital and a full stop.
fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    // They begin with an ASCII letter: Unicode's tables of capitals weigh more than all of this form.
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire;

    #[test]
    fn only_a_refusal_says_that_a_message_is_not_posted() {
        let problem = |status| Problem { status, ..wire::no_answer("the server is full.") };
        for (status, words) in [
            (503, "Not posted: the server is full."),
            (422, "Not posted: the server is full."),
            (0, "No answer from the server. Your message may have been posted"),
            (200, "The answer did not come from the server"),
        ] {
            assert!(failure(&problem(status)).starts_with(words), "{status}");
        }
    }

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(sentence("write a message first"), "Write a message first.");
        assert_eq!(sentence(""), "");
    }
}
