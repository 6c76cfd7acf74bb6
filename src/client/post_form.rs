//! Runs the post form: which message is sent next, what the form tells about it, and for how long.
//!
//! It touches no field, and sends nothing. `app::words` has the texts. Its times are for how long the page has been visible, so
//! that nothing ends unseen.

use super::{clock::Millis, draft::Draft, post_latency::RoundTrip};
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
    /// Whether a person asked for another post meanwhile.
    again: bool,
    outcome: Outcome,
    alert: Option<Alert>,
    is_over: bool,
    is_live: bool,
}

/// The outcome of the last attempt.
#[derive(Debug, Clone, Default, PartialEq)]
enum Outcome {
    #[default]
    None,
    /// Accepted at this time; the page waits to see the event.
    Accepted(Millis),
    /// Accepted, and told since this time.
    Told(Posted, Millis),
    /// The message breaks a rule. An edit may mend it.
    Invalid(MessageError),
    /// It failed. If so, when the page was live again after that.
    Failed(Failure, Option<Millis>),
}

/// How a post went that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Posted {
    /// Its event came back after so many milliseconds.
    Delivered(u64),
    /// How long its event took is not known: it was not seen within a second, or had come before the answer to a retry.
    Accepted,
    /// The page is not live, and shows the event once it is.
    Unseen,
}

impl From<RoundTrip> for Posted {
    fn from(round_trip: RoundTrip) -> Self {
        match round_trip {
            RoundTrip::Took(millis) => Self::Delivered(millis),
            RoundTrip::Unknown => Self::Accepted,
        }
    }
}

/// The error of a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormError {
    /// The message breaks a rule.
    Invalid(MessageError),
    /// The attempt failed.
    Failed(Failure),
}

/// Why an attempt to post failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// No answer came. The message may have been accepted.
    NoAnswer,
    /// Something else than the server answered, for example a proxy that wants people to sign in.
    NotTheServer,
    /// The server refused it.
    Refused {
        /// In the server's words.
        detail: String,
        /// Whether the same again would be refused again.
        is_final: bool,
    },
}

/// An error for a screen reader, announced at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The error.
    pub error: FormError,
    /// Whether it says the same as the one before. The same text again is no change, and would not be read out.
    pub is_repeat: bool,
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

    /// The draft to keep.
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
            Outcome::Invalid(_) | Outcome::Failed(..) => true,
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
                self.alert = None;
                self.sent = Some(text.clone());
                Some(Post { text, key: self.draft.key(&message, random) })
            }
            // The second Enter of two in a row: the first has posted all there was.
            Err(MessageError::Empty) if self.is_posted() => None,
            Err(error) => {
                self.outcome = Outcome::Invalid(error);
                self.alert(FormError::Invalid(error));
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
                self.outcome = if self.is_live { Outcome::Accepted(now) } else { Outcome::Told(Posted::Unseen, now) };
                self.watch_length();
                if again && !self.draft.text.trim().is_empty() { self.submit(random) } else { None }
            }
            Err(problem) => {
                let failure = Failure::from(problem);
                self.alert(FormError::Failed(failure.clone()));
                self.outcome = Outcome::Failed(failure, None);
                None
            }
        }
    }

    /// Takes in whether the page is live, and how the last own post came back, if it has. Returns whether anything has
    /// changed.
    pub fn look(&mut self, is_live: bool, round_trip: Option<RoundTrip>, now: Millis) -> bool {
        let was_live = std::mem::replace(&mut self.is_live, is_live);
        let has_returned = is_live && !was_live;
        let before = self.outcome.clone();
        match &mut self.outcome {
            Outcome::Accepted(_) if !is_live => self.outcome = Outcome::Told(Posted::Unseen, now),
            Outcome::Accepted(at) if round_trip.is_some() || now - *at >= ARRIVAL => {
                self.outcome = Outcome::Told(round_trip.map_or(Posted::Accepted, Posted::from), now);
            }
            Outcome::Told(Posted::Unseen, _) if is_live => self.outcome = Outcome::None,
            Outcome::Told(Posted::Delivered(_) | Posted::Accepted, since) if !is_live || now - *since >= SHOWN => {
                self.outcome = Outcome::None;
            }
            Outcome::Failed(failure, returned) if !failure.is_final() => {
                if has_returned {
                    returned.get_or_insert(now);
                }
                if returned.is_some_and(|returned| now - returned >= SHOWN) {
                    self.outcome = Outcome::None;
                    self.alert = None;
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

    /// The error to show.
    #[must_use]
    pub fn error(&self) -> Option<FormError> {
        match (&self.outcome, self.length()) {
            (_, length) if length > Message::MAX => Some(too_long(length)),
            (Outcome::Failed(failure, _), _) => Some(FormError::Failed(failure.clone())),
            (Outcome::Invalid(error), _) => Some(FormError::Invalid(*error)),
            _ => None,
        }
    }

    /// Whether "Retry" can help.
    #[must_use]
    pub fn can_retry(&self) -> bool {
        matches!(&self.outcome, Outcome::Failed(failure, _) if !failure.is_final())
    }

    /// The error for a screen reader: set when an error comes up, and not at each key.
    #[must_use]
    pub const fn alert_now(&self) -> Option<&Alert> {
        self.alert.as_ref()
    }

    /// How the last post went, as long as that is told.
    #[must_use]
    pub const fn posted(&self) -> Option<Posted> {
        match self.outcome {
            Outcome::Told(posted, _) => Some(posted),
            _ => None,
        }
    }

    const fn is_posted(&self) -> bool {
        matches!(self.outcome, Outcome::Accepted(_) | Outcome::Told(..))
    }

    fn watch_length(&mut self) {
        let length = self.length();
        let was_over = std::mem::replace(&mut self.is_over, length > Message::MAX);
        match (was_over, self.is_over) {
            (false, true) => self.alert(too_long(length)),
            (_, false) => self.alert = None,
            (true, true) => {}
        }
    }

    fn alert(&mut self, error: FormError) {
        let is_repeat = self.alert.as_ref().is_some_and(|last| last.error == error && !last.is_repeat);
        self.alert = Some(Alert { error, is_repeat });
    }
}

impl Failure {
    const fn is_final(&self) -> bool {
        matches!(self, Self::Refused { is_final: true, .. })
    }
}

impl From<Problem> for Failure {
    /// A problem of status 0 stands for an answer that did not come, one below 400 for an answer of somebody else. A `504`
    /// leaves open whether the message is posted, as no answer does.
    fn from(problem: Problem) -> Self {
        match problem.status {
            0 | 504 => Self::NoAnswer,
            1..400 => Self::NotTheServer,
            status => Self::Refused { detail: problem.detail, is_final: status == 422 },
        }
    }
}

const fn too_long(length: usize) -> FormError {
    FormError::Invalid(MessageError::TooLong { length })
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
        assert_eq!(form.posted(), None, "the event may come at any moment");
        assert!(form.look(true, Some(RoundTrip::Took(12)), 100.0));
        assert_eq!(form.posted(), Some(Posted::Delivered(12)));
        assert!(!form.look(true, Some(RoundTrip::Took(12)), 8_099.0));
        assert!(form.look(true, Some(RoundTrip::Took(12)), 8_100.0));
        assert_eq!(form.posted(), None);
    }

    #[test]
    fn an_event_that_does_not_come_back_within_a_second_is_posted_without_a_time() {
        let mut form = posted("hello");
        assert!(!form.look(true, None, 999.0));
        assert!(form.look(true, None, 1_000.0));
        assert_eq!(form.posted(), Some(Posted::Accepted));
        assert!(!form.look(true, Some(RoundTrip::Took(1_200)), 1_200.0), "said once");
    }

    #[test]
    fn a_retry_of_a_post_that_was_accepted_waits_for_nothing() {
        let mut form = posted("hello");
        assert!(form.look(true, Some(RoundTrip::Unknown), 1.0));
        assert_eq!(form.posted(), Some(Posted::Accepted));
    }

    #[test]
    fn a_result_ends_with_the_connection() {
        let mut form = posted("hello");
        form.look(true, Some(RoundTrip::Took(12)), 0.0);
        assert!(form.look(false, Some(RoundTrip::Took(12)), 1.0));
        assert_eq!(form.posted(), None);
    }

    #[test]
    fn a_post_while_not_live_is_marked_as_unseen_until_the_page_is_live() {
        let mut waiting = form("hello");
        waiting.look(false, None, 0.0);
        assert!(waiting.submit(FIRST).is_some());
        waiting.answered(Ok(()), 0.0, SECOND);
        assert_eq!(waiting.posted(), Some(Posted::Unseen));
        assert!(!waiting.look(false, None, 60_000.0));
        assert!(waiting.look(true, None, 60_001.0));
        assert_eq!(waiting.posted(), None);
        let mut cut = posted("hello");
        assert!(cut.look(false, None, 1.0));
        assert_eq!(cut.posted(), Some(Posted::Unseen));
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
        assert_eq!((form.error(), form.alert_now()), (None, None));
        form.look(true, Some(RoundTrip::Took(3)), 1.0);
        assert_eq!(form.submit(SECOND), None);
        assert_eq!(form.posted(), Some(Posted::Delivered(3)));
        form.look(true, Some(RoundTrip::Took(3)), 8_001.0);
        assert_eq!(form.submit(SECOND), None);
        assert_eq!(form.error(), Some(FormError::Invalid(MessageError::Empty)));
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
    fn a_failure_is_named_and_only_a_broken_rule_is_final() {
        let refused = |is_final| Failure::Refused { detail: String::from("the server is full."), is_final };
        for (status, failure, retry) in [
            (503, refused(false), true),
            (422, refused(true), false),
            (0, Failure::NoAnswer, true),
            (504, Failure::NoAnswer, true),
            (200, Failure::NotTheServer, true),
        ] {
            let form = failed(status);
            let error = FormError::Failed(failure);
            assert_eq!(form.alert_now(), Some(&Alert { error: error.clone(), is_repeat: false }), "{status}");
            assert_eq!((form.error(), form.can_retry()), (Some(error), retry), "{status}");
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
        assert_eq!((form.error(), form.alert_now(), form.draft().text.as_str()), (None, None, "hello"));
        let mut refused = failed(422);
        refused.look(false, None, 0.0);
        refused.look(true, None, 0.0);
        assert!(!refused.look(true, None, 9_000.0), "the same again would be refused again");
    }

    #[test]
    fn an_edit_ends_an_error_and_a_result() {
        let mut form = failed(503);
        form.edit("hello!");
        assert_eq!((form.error(), form.alert_now()), (None, None));
        let mut form = posted("hello");
        form.look(true, Some(RoundTrip::Took(1)), 0.0);
        form.edit("");
        assert_eq!(form.posted(), Some(Posted::Delivered(1)), "the page itself emptied the field");
        form.edit("n");
        assert_eq!(form.posted(), None);
    }

    #[test]
    fn an_error_is_announced_when_it_comes_up_and_not_at_each_key() {
        let announced = |form: &PostForm| form.alert_now().map(|alert| (alert.error.clone(), alert.is_repeat));
        let mut form = form(&"x".repeat(500));
        assert_eq!(announced(&form), None);
        form.edit(&"x".repeat(501));
        assert_eq!((form.error(), announced(&form)), (Some(too_long(501)), Some((too_long(501), false))));
        form.edit(&"x".repeat(502));
        assert_eq!((form.error(), announced(&form)), (Some(too_long(502)), Some((too_long(501), false))));
        for is_repeat in [false, true, false] {
            assert_eq!(form.submit(FIRST), None);
            assert_eq!(announced(&form), Some((too_long(502), is_repeat)), "else it would not be read again");
        }
        form.edit("x");
        assert_eq!((form.error(), announced(&form)), (None, None));
    }

    #[test]
    fn what_is_in_the_field_is_newer_than_what_was_kept() {
        let stored = Draft::new(String::from("kept"));
        assert_eq!(PostForm::new(stored.clone(), "").draft().text, "kept");
        assert_eq!(PostForm::new(stored, "typed").draft().text, "typed");
    }
}
