//! What a person wrote, once the rules have passed it (contract, "Data"). No I/O, no clock.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Text fit to publish: trimmed, LF line ends, 1 to [`Message::MAX`] characters, no control character but line feed
/// and tab. It can hold nothing else: there is no other way to make one than [`Message::parse`].
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

/// The rule that a text breaks, and by how much, in words for the person who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Nothing is left once white space is trimmed.
    #[error("write a message first")]
    Empty,
    /// More than [`Message::MAX`] characters.
    #[error("{} over the {} limit", characters(.length - Message::MAX), Message::MAX)]
    TooLong {
        /// How many it has, once normalised.
        length: usize,
    },
    /// A control character other than line feed and tab.
    #[error("character {position} is a control character (U+{:04X}). Remove it to post", u32::from(*.character))]
    Control {
        /// The first of them.
        character: char,
        /// Its place in the normalised text, counted from 1.
        position: usize,
    },
}

impl Message {
    /// 500 Unicode code points, as JSON Schema counts `maxLength` (Validation, section 6.3.1).
    pub const MAX: usize = 500;

    /// Normalises, then applies the rules.
    ///
    /// # Errors
    /// Only a broken rule: [`MessageError`] says which, and by how much.
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

    /// How many characters `text` counts as, by the rule that [`Message::parse`] applies: what a live counter shows.
    #[must_use]
    pub fn count(text: &str) -> usize {
        Self::normalise(text).chars().count()
    }

    /// The text, as it is stored, sent and shown.
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

/// "1 character", "9,747 characters".
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
    /// Applies the rules to what comes over the wire too: a `Message` is valid wherever it was made.
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
    fn line_ends_become_lf_and_outer_white_space_goes() {
        assert_eq!(parsed("\u{a0}\u{85}\r\n one\r\ntwo \u{3000}\n").as_deref(), Ok("one\ntwo"));
        assert_eq!(parsed("\u{feff}x").as_deref(), Ok("\u{feff}x"), "U+FEFF is no white space");
        assert_eq!(parsed(&format!("  {}\r\n", "a".repeat(500))).map(|text| text.len()), Ok(500));
    }

    #[test]
    fn what_is_counted_is_what_is_kept_and_shown() {
        for (text, kept) in [(" \u{1F600}a\r\nb ", "\u{1F600}a\nb"), ("x", "x")] {
            assert_eq!(Message::count(text), kept.chars().count());
            assert_eq!(Message::parse(text).unwrap().to_string(), kept);
        }
        assert_eq!(Message::count(" \r\n"), 0);
    }

    #[test]
    fn nothing_but_white_space_is_no_message() {
        for text in ["", " ", "\r\n\t", "\u{2003}\u{2028}"] {
            assert_eq!(parsed(text), Err(MessageError::Empty), "{text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused_but_line_feed_and_tab() {
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
    fn what_comes_over_the_wire_obeys_the_rules() {
        assert!(serde_json::from_str::<Message>("\"  \"").is_err());
        assert_eq!(serde_json::from_str::<Message>("\" x \"").unwrap().as_str(), "x");
    }

    #[test]
    fn the_errors_say_what_to_do() {
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
