//! Keeps the text under way, so that nothing typed is ever lost, and the key that makes a retry safe. `browser` stores it;
//! `Message` decides which text may be posted.

use serde::Serialize;
use uuid::Uuid;

use super::{browser::Json, wire::FromJson};
use crate::feed::{Message, Tenant};

/// A text under way. It is stored per tenant, and outlives a failed post, a reload and a switch of tenants. The no-build
/// page stores the same JSON under the same name, so that a draft goes along from page to page.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// As typed.
    pub text: String,
    /// The last attempt to post it.
    attempt: Option<Attempt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Attempt {
    /// The message as the server keeps it, which is how both pages compare it.
    text: String,
    key: String,
}

impl Draft {
    /// The name under which a tenant's draft is stored.
    #[must_use]
    pub fn name(tenant: Tenant) -> String {
        format!("draft.{tenant}")
    }

    /// A text that nobody has tried to post.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self { text, attempt: None }
    }

    /// Reads what [`Draft::store`] wrote; anything else is an empty draft.
    #[must_use]
    pub fn restore(stored: Option<&str>) -> Self {
        stored.and_then(Json::parse).and_then(|json| Self::from_json(&json)).unwrap_or_default()
    }

    /// The draft as text to store.
    #[must_use]
    pub fn store(&self) -> String {
        // Strings alone always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The key to post `message` with: the last attempt's if the message is still the same, so that a retry never posts
    /// twice; else one made from `random`.
    pub fn key(&mut self, message: &Message, random: [u8; 16]) -> String {
        match &self.attempt {
            Some(attempt) if attempt.text == message.as_str() => attempt.key.clone(),
            _ => {
                let key = new_key(random);
                self.attempt = Some(Attempt { text: message.to_string(), key: key.clone() });
                key
            }
        }
    }
}

impl FromJson for Draft {
    fn from_json(json: &Json) -> Option<Self> {
        let attempt = json.member("attempt").and_then(|json| Attempt::from_json(&json));
        Some(Self { text: json.text("text")?, attempt })
    }
}

impl FromJson for Attempt {
    fn from_json(json: &Json) -> Option<Self> {
        let key = json.text("key")?;
        // Any script of this origin may have written it, and it becomes a header.
        let is_key = (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic());
        is_key.then_some(Self { text: json.text("text")?, key })
    }
}

/// A new idempotency key: 32 hexadecimal digits.
#[must_use]
pub fn new_key(random: [u8; 16]) -> String {
    Uuid::from_bytes(random).simple().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Message {
        Message::parse(text).unwrap()
    }

    #[test]
    fn a_retry_of_the_same_text_has_the_same_key_and_an_edited_text_another() {
        let mut draft = Draft::default();
        let first = draft.key(&message("hello"), [1; 16]);
        assert_eq!(first, "01".repeat(16));
        assert_eq!(draft.key(&message(" hello\n"), [2; 16]), first, "to the server it is the same");
        assert_eq!(draft.key(&message("hello!"), [2; 16]), "02".repeat(16));
    }

    #[test]
    fn a_stored_draft_keeps_its_key() {
        let mut draft = Draft { text: String::from("</script>\n\u{2028}"), ..Draft::default() };
        let message = message(&draft.text);
        let key = draft.key(&message, [1; 16]);
        let mut restored = Draft::restore(Some(&draft.store()));
        assert_eq!(restored, draft);
        assert_eq!(restored.key(&message, [2; 16]), key);
    }

    #[test]
    fn a_draft_is_stored_as_the_no_build_page_stores_it() {
        let mut draft = Draft { text: String::from("hello "), ..Draft::default() };
        assert_eq!(draft.store(), r#"{"text":"hello ","attempt":null}"#);
        draft.key(&message(&draft.text), [1; 16]);
        let key = "01".repeat(16);
        assert_eq!(draft.store(), format!(r#"{{"text":"hello ","attempt":{{"text":"hello","key":"{key}"}}}}"#));
    }

    #[test]
    fn a_key_that_cannot_be_a_header_is_not_restored() {
        for (key, holds) in [("1-2-3", true), ("", false), ("\\n", false), ("é", false), (&"x".repeat(129), false)] {
            let stored = format!(r#"{{"text":"hello","attempt":{{"text":"hello","key":"{key}"}}}}"#);
            let draft = Draft::restore(Some(&stored));
            assert_eq!((draft.text.as_str(), draft.attempt.is_some()), ("hello", holds), "{key}");
        }
    }

    #[test]
    fn each_tenants_draft_has_its_own_place() {
        assert_eq!(Tenant::ALL.map(Draft::name), ["draft.tenant_a", "draft.tenant_b"]);
    }

    #[test]
    fn what_cannot_be_read_is_an_empty_draft() {
        for stored in [None, Some(""), Some("{"), Some("[]")] {
            assert_eq!(Draft::restore(stored), Draft::default());
        }
    }
}
