//! Validates a message (contract, "Data"). The server and the page apply the same rules.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// A validated message: trimmed, with LF line endings, 1 to [`Message::MAX`] characters, and no control character other
/// than line feed and tab. [`Message::parse`] is the only way to make one.
///
/// ```
/// # use event_feed::feed::Message;
/// let message: Message = Message::parse("validated").unwrap();
/// ```
/// ```compile_fail,E0423
/// # use event_feed::feed::Message;
/// let message: Message = Message(String::from("not validated"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Message(String);

/// The rule that a text breaks. The words of the error are for the person who wrote the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The text is empty, or has only white space.
    #[error("write a message first")]
    Empty,
    /// More than [`Message::MAX`] characters.
    #[error("{} over the {} limit", characters(.length - Message::MAX), Message::MAX)]
    TooLong {
        /// The length of the normalised text, in characters.
        length: usize,
    },
    /// A control character other than line feed and tab.
    #[error("character {position} is a control character (U+{:04X}). Remove it to post", u32::from(*.character))]
    Control {
        /// The first such character.
        character: char,
        /// Its position in the normalised text, counted from 1.
        position: usize,
    },
}

impl Message {
    /// Maximum length in Unicode code points, as JSON Schema counts `maxLength` (Validation, section 6.3.1).
    pub const MAX: usize = 500;

    /// Normalises and validates `text`.
    ///
    /// # Errors
    /// [`MessageError`] names the rule that `text` breaks. There is no other error.
    pub fn parse(text: &str) -> Result<Self, MessageError> {
        let text = Self::normalise(text);
        let length = text.chars().count();
        if length == 0 {
            return Err(MessageError::Empty);
        }
        if length > Self::MAX {
            return Err(MessageError::TooLong { length });
        }
        match text.chars().enumerate().find(|(_, c)| c.is_control() && !matches!(c, '\n' | '\t')) {
            Some((index, character)) => Err(MessageError::Control { character, position: index + 1 }),
            None => Ok(Self(text)),
        }
    }

    /// The length of `text` in characters, once normalised, as [`Message::parse`] counts it. A live counter shows it.
    #[must_use]
    pub fn count(text: &str) -> usize {
        Self::normalise(text).chars().count()
    }

    /// The text as it is stored, sent and shown.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn normalise(text: &str) -> String {
        let mut rest = text.trim().chars().peekable();
        let mut normal = String::with_capacity(text.len());
        while let Some(character) = rest.next() {
            if character != '\r' || rest.peek() != Some(&'\n') {
                normal.push(character);
            }
        }
        normal
    }
}

/// Formats a count as `1 character` or `9,747 characters`.
fn characters(count: usize) -> String {
    let digits = count.to_string();
    let mut words = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push(',');
        }
        words.push(digit);
    }
    words.push_str(if count == 1 { " character" } else { " characters" });
    words
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Message {
    /// Validates a received message too, so that every `Message` is valid.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, MessageError> {
        Message::parse(text).map(|message| message.0)
    }

    #[test]
    fn a_character_is_a_code_point() {
        for unit in ["a", "é", "\u{1F600}", "\u{301}", "क"] {
            assert!(Message::parse(&unit.repeat(500)).is_ok(), "500 x {unit:?}");
            assert_eq!(parsed(&unit.repeat(501)), Err(MessageError::TooLong { length: 501 }), "501 x {unit:?}");
        }
    }

    #[test]
    fn line_endings_become_lf_and_outer_white_space_is_trimmed() {
        assert_eq!(parsed("\u{a0}\u{85}\r\n one\r\ntwo \u{3000}\n").as_deref(), Ok("one\ntwo"));
        assert_eq!(parsed("\u{feff}x").as_deref(), Ok("\u{feff}x"), "U+FEFF is not white space");
        assert_eq!(parsed(&format!("  {}\r\n", "a".repeat(500))).map(|text| text.len()), Ok(500));
    }

    #[test]
    fn the_count_is_the_length_of_the_stored_text() {
        for (text, kept) in [(" \u{1F600}a\r\nb ", "\u{1F600}a\nb"), ("x", "x")] {
            assert_eq!(Message::count(text), kept.chars().count());
            assert_eq!(Message::parse(text).unwrap().to_string(), kept);
        }
        assert_eq!(Message::count(" \r\n"), 0);
    }

    #[test]
    fn a_text_of_white_space_is_empty() {
        for text in ["", " ", "\r\n\t", "\u{2003}\u{2028}"] {
            assert_eq!(parsed(text), Err(MessageError::Empty), "{text:?}");
        }
    }

    #[test]
    fn control_characters_other_than_line_feed_and_tab_are_rejected() {
        assert_eq!(parsed("a\n\tb").as_deref(), Ok("a\n\tb"));
        for character in ['\0', '\u{7}', '\r', '\u{1b}', '\u{7f}', '\u{85}', '\u{9f}'] {
            let refused = parsed(&format!("ab{character}c"));
            assert_eq!(refused, Err(MessageError::Control { character, position: 3 }));
        }
    }

    #[test]
    fn markup_and_bidirectional_marks_are_text() {
        let text = "<script>\u{202e}&amp;{{x}}\u{200d}";
        assert_eq!(parsed(text).as_deref(), Ok(text));
    }

    #[test]
    fn a_received_message_is_validated() {
        assert!(serde_json::from_str::<Message>("\"  \"").is_err());
        assert_eq!(serde_json::from_str::<Message>("\" x \"").unwrap().as_str(), "x");
    }

    #[test]
    fn an_error_names_the_excess_or_the_character() {
        for (length, words) in [
            (501, "1 character over the 500 limit"),
            (503, "3 characters over the 500 limit"),
            (10_247, "9,747 characters over the 500 limit"),
            (1_234_500, "1,234,000 characters over the 500 limit"),
        ] {
            assert_eq!(MessageError::TooLong { length }.to_string(), words);
        }
        assert_eq!(
            MessageError::Control { character: '\u{7}', position: 2 }.to_string(),
            "character 2 is a control character (U+0007). Remove it to post"
        );
    }
}
