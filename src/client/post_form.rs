//! Runs the post form: which message is sent next, and what the form says about it, for how long.
//!
//! It touches no field, and sends nothing. Its times are for how long the page has been visible, so that no message ends
//! unseen.

use super::{clock::Millis, draft::Draft};
use crate::feed::{Message, MessageError, Problem};

/// How long a result is shown; an error that a return may have solved too.
const SHOWN: Millis = 8_000.0;
/// How long the page waits to see an accepted event come back, before it says "Posted" without a time.
const ARRIVAL: Millis = 1_000.0;

/// The form's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PostForm {
    draft: Draft,
    /// The text that is being posted, as typed.
    sent: Option<String>,
    /// Whether the text is to be posted again after that.
    again: bool,
    outcome: Outcome,
    /// What a screen reader is told at once.
    alert: String,
    is_over: bool,
    is_live: bool,
}

/// What became of the last attempt.
#[derive(Debug, Clone, Default, PartialEq)]
enum Outcome {
    #[default]
    None,
    /// Accepted at this time; the page waits to see the event.
    Accepted(Millis),
    /// Accepted, and said so since this time: with how long the event took, if it was seen.
    Posted(Option<u64>, Millis),
    /// Accepted while the page was not live.
    PostedUnseen,
    /// The message breaks a rule. An edit may mend it.
    Invalid(MessageError),
    /// It failed, in these words.
    Failed {
        words: String,
        /// Whether the same again may succeed.
        retry: bool,
        /// When the page was live again after that.
        returned: Option<Millis>,
    },
}

/// A post to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Post {
    /// The text as typed.
    pub text: String,
    /// Its idempotency key.
    pub key: String,
}

impl PostForm {
    /// The form with the text that was kept, or, if the field has some already, with that.
    #[must_use]
    pub fn new(stored: Draft, field: &str) -> Self {
        let mut form = Self { draft: stored, ..Self::default() };
        if !field.is_empty() {
            form.edit(field);
        }
        form.watch_length();
        form
    }

    /// What is to be kept.
    #[must_use]
    pub const fn draft(&self) -> &Draft {
        &self.draft
    }

    /// The field's text changed.
    pub fn edit(&mut self, text: &str) {
        if text == self.draft.text {
            return;
        }
        self.draft.text = String::from(text);
        let ends = match self.outcome {
            Outcome::Invalid(_) | Outcome::Failed { .. } => true,
            Outcome::None => false,
            _ => !text.is_empty(),
        };
        if ends {
            self.outcome = Outcome::None;
        }
        self.watch_length();
    }

    /// A person wants to post. Returns what to send now. While a post is under way, the next one waits for its answer.
    pub fn submit(&mut self, random: [u8; 16]) -> Option<Post> {
        if self.sent.is_some() {
            self.again = true;
            return None;
        }
        match Message::parse(&self.draft.text) {
            Ok(message) => {
                let text = self.draft.text.clone();
                self.outcome = Outcome::None;
                self.alert.clear();
                self.sent = Some(text.clone());
                Some(Post { text, key: self.draft.key(&message, random) })
            }
            // The second Enter of two in a row: the first has posted all there was.
            Err(MessageError::Empty) if self.is_posted() => None,
            Err(error) => {
                self.outcome = Outcome::Invalid(error);
                self.say(sentence(&error.to_string()));
                None
            }
        }
    }

    /// The post was answered at `now`. Returns what to send next. On success, only what was typed since is left.
    pub fn answered(&mut self, answer: Result<(), Problem>, now: Millis, random: [u8; 16]) -> Option<Post> {
        let sent = self.sent.take()?;
        let again = std::mem::take(&mut self.again);
        match answer {
            Ok(()) => {
                let rest = match self.draft.text.strip_prefix(&sent) {
                    Some(appended) => appended.trim_start(),
                    None => &self.draft.text,
                };
                self.draft = Draft::new(String::from(rest));
                self.outcome = if self.is_live { Outcome::Accepted(now) } else { Outcome::PostedUnseen };
                self.watch_length();
                if again && !self.draft.text.trim().is_empty() { self.submit(random) } else { None }
            }
            Err(problem) => {
                let words = failure(&problem);
                self.say(words.clone());
                self.outcome = Outcome::Failed { words, retry: problem.status != 422, returned: None };
                None
            }
        }
    }

    /// Takes in whether the page is live, and how long the last own post took to come back, if it was seen. Returns
    /// whether anything has changed.
    pub fn look(&mut self, is_live: bool, round_trip: Option<u64>, now: Millis) -> bool {
        let was_live = std::mem::replace(&mut self.is_live, is_live);
        let has_returned = is_live && !was_live;
        let before = self.outcome.clone();
        match &mut self.outcome {
            Outcome::Accepted(_) if !is_live => self.outcome = Outcome::PostedUnseen,
            Outcome::Accepted(at) if round_trip.is_some() || now - *at >= ARRIVAL => {
                self.outcome = Outcome::Posted(round_trip, now);
            }
            Outcome::Posted(_, since) if !is_live || now - *since >= SHOWN => self.outcome = Outcome::None,
            Outcome::PostedUnseen if is_live => self.outcome = Outcome::None,
            Outcome::Failed { retry: true, returned, .. } => {
                if has_returned {
                    returned.get_or_insert(now);
                }
                if returned.is_some_and(|returned| now - returned >= SHOWN) {
                    self.outcome = Outcome::None;
                }
            }
            _ => {}
        }
        before != self.outcome
    }

    /// Whether a post is under way.
    #[must_use]
    pub const fn is_posting(&self) -> bool {
        self.sent.is_some()
    }

    /// The message's length, as the server counts.
    #[must_use]
    pub fn length(&self) -> usize {
        Message::count(&self.draft.text)
    }

    /// What is wrong, or "".
    #[must_use]
    pub fn error(&self) -> String {
        match (&self.outcome, self.length()) {
            (Outcome::Failed { words, .. }, ..=Message::MAX) => words.clone(),
            (Outcome::Invalid(error), ..=Message::MAX) => sentence(&error.to_string()),
            (_, ..=Message::MAX) => String::new(),
            (_, length) => too_long(length),
        }
    }

    /// Whether "Retry" can help.
    #[must_use]
    pub const fn can_retry(&self) -> bool {
        matches!(self.outcome, Outcome::Failed { retry: true, .. })
    }

    /// What a screen reader is told at once: an error when it comes up, and not at each key.
    #[must_use]
    pub fn alert(&self) -> &str {
        &self.alert
    }

    /// How the last post went, or "".
    #[must_use]
    pub fn status(&self) -> String {
        match self.outcome {
            Outcome::Posted(Some(took), _) => format!("Posted, delivered in {took} ms"),
            Outcome::Posted(None, _) => String::from("Posted"),
            Outcome::PostedUnseen => String::from("Posted. It appears here once you're reconnected."),
            _ => String::new(),
        }
    }

    const fn is_posted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_) | Outcome::Posted(..) | Outcome::PostedUnseen)
    }

    fn watch_length(&mut self) {
        let length = self.length();
        let was_over = std::mem::replace(&mut self.is_over, length > Message::MAX);
        match (was_over, self.is_over) {
            (false, true) => self.say(too_long(length)),
            (_, false) => self.alert.clear(),
            (true, true) => {}
        }
    }

    fn say(&mut self, words: String) {
        let is_same = self.alert == words;
        self.alert = words;
        if is_same {
            // The same text again is no change, and would not be read out.
            self.alert.push('\u{a0}');
        }
    }
}

fn too_long(length: usize) -> String {
    sentence(&MessageError::TooLong { length }.to_string())
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
    // They begin with an ASCII character: Unicode's tables of capitals weigh more than all of this form.
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_ascii_uppercase(), letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::wire;

    const FIRST: [u8; 16] = [1; 16];
    const SECOND: [u8; 16] = [2; 16];

    fn problem(status: u16) -> Problem {
        Problem { status, ..wire::no_answer("the server is full.") }
    }

    /// A live page with this text in its field.
    fn form(text: &str) -> PostForm {
        let mut form = PostForm::new(Draft::default(), text);
        form.look(true, None, 0.0);
        form
    }

    fn posted(text: &str) -> PostForm {
        let mut form = form(text);
        assert!(form.submit(FIRST).is_some());
        assert_eq!(form.answered(Ok(()), 0.0, SECOND), None);
        form
    }

    fn failed(status: u16) -> PostForm {
        let mut form = form("hello");
        assert!(form.submit(FIRST).is_some());
        assert_eq!(form.answered(Err(problem(status)), 0.0, SECOND), None);
        form
    }

    #[test]
    fn a_result_is_said_once_and_ends_after_eight_seconds() {
        let mut form = posted("hello");
        assert_eq!(form.status(), "", "the event may come at any moment");
        assert!(form.look(true, Some(12), 100.0));
        assert_eq!(form.status(), "Posted, delivered in 12 ms");
        assert!(!form.look(true, Some(12), 8_099.0));
        assert!(form.look(true, Some(12), 8_100.0));
        assert_eq!(form.status(), "");
    }

    #[test]
    fn an_event_that_does_not_come_back_within_a_second_is_posted_without_a_time() {
        let mut form = posted("hello");
        assert!(!form.look(true, None, 999.0));
        assert!(form.look(true, None, 1_000.0));
        assert_eq!(form.status(), "Posted");
        assert!(!form.look(true, Some(1_200), 1_200.0), "said once");
    }

    #[test]
    fn a_result_ends_with_the_connection() {
        let mut form = posted("hello");
        form.look(true, Some(12), 0.0);
        assert!(form.look(false, Some(12), 1.0));
        assert_eq!(form.status(), "");
    }

    #[test]
    fn a_post_of_a_page_that_is_not_live_says_so_until_it_is() {
        let mut waiting = form("hello");
        waiting.look(false, None, 0.0);
        assert!(waiting.submit(FIRST).is_some());
        waiting.answered(Ok(()), 0.0, SECOND);
        assert_eq!(waiting.status(), "Posted. It appears here once you're reconnected.");
        assert!(!waiting.look(false, None, 60_000.0));
        assert!(waiting.look(true, None, 60_001.0));
        assert_eq!(waiting.status(), "");
        let mut cut = posted("hello");
        assert!(cut.look(false, None, 1.0));
        assert_eq!(cut.status(), "Posted. It appears here once you're reconnected.");
    }

    #[test]
    fn enter_while_a_post_is_under_way_posts_what_was_appended() {
        let mut form = form("one");
        assert_eq!(form.submit(FIRST).map(|post| post.text).as_deref(), Some("one"));
        form.edit("one\ntwo ");
        assert_eq!(form.submit(SECOND), None);
        let next = form.answered(Ok(()), 0.0, SECOND);
        assert_eq!(next, Some(Post { text: String::from("two "), key: "02".repeat(16) }));
        assert_eq!(form.draft().text, "two ");
        form.edit("two three");
        assert_eq!(form.answered(Ok(()), 0.0, FIRST), None, "nobody asked for more");
        assert_eq!(form.draft().text, "three");
    }

    #[test]
    fn a_second_enter_posts_nothing_twice_and_is_no_error() {
        let mut form = form("one");
        assert!(form.submit(FIRST).is_some());
        assert_eq!(form.submit(SECOND), None);
        assert_eq!(form.answered(Ok(()), 0.0, SECOND), None);
        assert_eq!(form.submit(SECOND), None);
        assert_eq!((form.error().as_str(), form.alert()), ("", ""));
        form.look(true, Some(3), 1.0);
        assert_eq!(form.submit(SECOND), None);
        assert_eq!(form.status(), "Posted, delivered in 3 ms");
        form.look(true, Some(3), 8_001.0);
        assert_eq!(form.submit(SECOND), None);
        assert_eq!(form.error(), "Write a message first.");
    }

    #[test]
    fn what_replaced_the_posted_text_stays_whole() {
        let mut form = form("one");
        form.submit(FIRST);
        form.edit("two");
        form.submit(SECOND);
        assert_eq!(form.answered(Ok(()), 0.0, SECOND).map(|post| post.text).as_deref(), Some("two"));
    }

    #[test]
    fn after_a_failure_the_text_and_its_key_stay_and_a_kept_enter_does_not() {
        let mut form = form("one");
        let key = form.submit(FIRST).map(|post| post.key);
        form.submit(SECOND);
        assert_eq!(form.answered(Err(problem(0)), 0.0, SECOND), None);
        assert!(form.can_retry());
        assert_eq!(form.submit(SECOND).map(|post| post.key), key);
        assert!(!form.can_retry());
    }

    #[test]
    fn only_a_refusal_says_that_a_message_is_not_posted() {
        for (status, words, retry) in [
            (503, "Not posted: the server is full.", true),
            (422, "Not posted: the server is full.", false),
            (0, "No answer from the server. Your message may have been posted", true),
            (200, "The answer did not come from the server", true),
        ] {
            let form = failed(status);
            assert!(form.error().starts_with(words), "{status}");
            assert_eq!((form.alert(), form.can_retry()), (form.error().as_str(), retry), "{status}");
        }
    }

    #[test]
    fn an_error_ends_eight_seconds_after_the_return() {
        let mut form = failed(0);
        assert!(!form.look(true, None, 60_000.0), "the page was live all the time");
        form.look(false, None, 60_001.0);
        form.look(true, None, 70_000.0);
        assert!(!form.look(true, None, 77_999.0));
        assert!(form.look(true, None, 78_000.0));
        assert_eq!((form.error().as_str(), form.draft().text.as_str()), ("", "hello"));
        let mut refused = failed(422);
        refused.look(false, None, 0.0);
        refused.look(true, None, 0.0);
        assert!(!refused.look(true, None, 9_000.0), "the same again would be refused again");
    }

    #[test]
    fn an_edit_ends_an_error_and_a_result() {
        let mut form = failed(503);
        form.edit("hello!");
        assert_eq!((form.error().as_str(), form.alert()), ("", ""));
        let mut form = posted("hello");
        form.look(true, Some(1), 0.0);
        form.edit("");
        assert_eq!(form.status(), "Posted, delivered in 1 ms", "the page itself emptied the field");
        form.edit("n");
        assert_eq!(form.status(), "");
    }

    #[test]
    fn an_error_is_said_when_it_comes_up_and_not_at_each_key() {
        let mut form = form(&"x".repeat(500));
        assert_eq!(form.alert(), "");
        form.edit(&"x".repeat(501));
        assert_eq!((form.error().as_str(), form.alert()), ("1 character over the 500 limit.", form.error().as_str()));
        form.edit(&"x".repeat(502));
        assert_eq!(form.error(), "2 characters over the 500 limit.");
        assert_eq!(form.alert(), "1 character over the 500 limit.");
        assert_eq!(form.submit(FIRST), None);
        assert_eq!(form.alert(), "2 characters over the 500 limit.");
        assert_eq!(form.submit(FIRST), None);
        assert_eq!(form.alert(), "2 characters over the 500 limit.\u{a0}", "else it would not be read again");
        form.edit("x");
        assert_eq!((form.error().as_str(), form.alert()), ("", ""));
    }

    #[test]
    fn what_is_in_the_field_is_newer_than_what_was_kept() {
        let stored = Draft::new(String::from("kept"));
        assert_eq!(PostForm::new(stored.clone(), "").draft().text, "kept");
        assert_eq!(PostForm::new(stored, "typed").draft().text, "typed");
    }

    #[test]
    fn a_reason_is_a_sentence() {
        assert_eq!(sentence("write a message first"), "Write a message first.");
        assert_eq!(sentence(""), "");
    }
}
