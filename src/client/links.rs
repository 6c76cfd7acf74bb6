//! Finds the addresses in a message that become links.
//!
//! A link shows exactly the address that it opens. Characters that could dress up one address as another end a link or prevent
//! it: marks that change the direction of text, invisible characters, letters of other scripts in a host, and a user name in
//! front of a host.

/// A part of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Plain text.
    Text(&'a str),
    /// An `http` or `https` address.
    Link(&'a str),
}

/// Splits a message into its parts, in order. Together they are the message.
#[must_use]
pub fn parts(message: &str) -> Vec<Part<'_>> {
    let mut parts = vec![];
    // The start of the text that is in no part yet, and the place at which to look for a link.
    let (mut text, mut place) = (0, 0);
    while place < message.len() {
        let length = link_length(message, place);
        if length > 0 {
            parts.extend(message.get(text..place).filter(|text| !text.is_empty()).map(Part::Text));
            parts.extend(message.get(place..place + length).map(Part::Link));
            text = place + length;
        }
        place += length.max(1);
    }
    parts.extend(message.get(text..).filter(|text| !text.is_empty()).map(Part::Text));
    parts
}

/// The length in bytes of the link that begins at a place of the message; 0 if there is none.
fn link_length(message: &str, start: usize) -> usize {
    let bytes = message.as_bytes();
    let after_letter = start > 0 && bytes.get(start - 1).is_some_and(u8::is_ascii_alphanumeric);
    let begins =
        |scheme: &&&[u8]| bytes[start..].get(..scheme.len()).is_some_and(|text| text.eq_ignore_ascii_case(scheme));
    let Some(scheme) = SCHEMES.iter().find(begins) else { return 0 };
    let host = start + scheme.len();
    let Some(address) = message.get(host..).filter(|_| !after_letter) else { return 0 };
    let run = address.find(ends_link).unwrap_or(address.len());
    let end = host + without_punctuation(&address.as_bytes()[..run]);
    let host_end = (host..end).find(|&place| matches!(bytes[place], b'/' | b'?' | b'#')).unwrap_or(end);
    if is_host(&bytes[host..host_end]) { end - start } else { 0 }
}

const SCHEMES: [&[u8]; 2] = [b"https://", b"http://"];

/// Whether a character is never part of a link: space, quotes, marks of direction, invisible characters, and the punctuation
/// of other scripts, which may follow an address without a space.
fn ends_link(character: char) -> bool {
    matches!(
        character,
        '\0'..=' ' | '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}' | '\u{7f}'..='\u{a0}' | '\u{ab}' | '\u{ad}'
            | '\u{bb}' | '\u{34f}' | '\u{60c}' | '\u{61b}'..='\u{61f}' | '\u{6d4}' | '\u{964}' | '\u{965}' | '\u{115f}'
            | '\u{1160}' | '\u{1680}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{206f}'
            | '\u{2800}' | '\u{3000}'..='\u{303f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ff00}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..
    )
}

/// The length of an address without the punctuation of a sentence at its end. A bracket stays if it closes one in the address.
fn without_punctuation(mut address: &[u8]) -> usize {
    while let Some((last, before)) = address.split_last() {
        let count = |bracket| address.iter().filter(|byte| **byte == bracket).count();
        let ends = match last {
            b')' => count(b'(') < count(b')'),
            b']' => count(b'[') < count(b']'),
            _ => b".,;:!?'*_~([".contains(last),
        };
        if !ends {
            break;
        }
        address = before;
    }
    address.len()
}

/// Whether a text is a host of ASCII characters, perhaps with a port.
fn is_host(host: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(byte);
    host.iter().all(is_part) && host.first().is_some_and(|first| first.is_ascii_alphanumeric() || *first == b'[')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(message: &str) -> Vec<&str> {
        let parts = parts(message);
        let whole: String = parts.iter().map(|(Part::Text(text) | Part::Link(text))| *text).collect();
        assert_eq!(whole, message, "the parts are the message");
        parts.iter().filter_map(|part| if let Part::Link(link) = part { Some(*link) } else { None }).collect()
    }

    #[test]
    fn addresses_of_the_web_become_links() {
        for address in [
            "http://localhost:3000/?tenant=tenant_a",
            "https://example.com",
            "https://example.com/a_(b)",
            "HTTPS://EXAMPLE.com/Foo",
            "http://[::1]:3000/x",
            "https://de.wikipedia.org/wiki/Köln",
            "https://example.com/~me/%20?q=a&b=c#d",
        ] {
            assert_eq!(links(address), [address]);
            assert_eq!(links(&format!("see {address}, please")), [address]);
            assert_eq!(links(&format!("({address}).")), [address]);
        }
        assert_eq!(links("http://a.example\nhttps://b.example"), ["http://a.example", "https://b.example"]);
    }

    #[test]
    fn the_punctuation_after_an_address_is_not_part_of_it() {
        let ascii = [".", ",", "!", "?", "...", "?!", ")", "]", "'", "\"", ">", "**", ":"];
        for end in ascii.into_iter().chain(["。谢谢", "»", "،", "؟", "۔", "।", "\u{3164}", "\u{34f}"]) {
            assert_eq!(links(&format!("https://example.com/x{end}")), ["https://example.com/x"], "{end}");
        }
    }

    #[test]
    fn nothing_else_becomes_a_link() {
        for text in [
            "",
            "http",
            "http://",
            "https:// example.com",
            "http:/example.com",
            "https://...",
            "javascript:alert(1)",
            "xhttps://example.com",
            "data:text/html,x",
            "//example.com",
            "https:///etc",
            "https://-x",
        ] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn no_address_looks_like_another() {
        assert_eq!(links("http://münchen.example"), Vec::<&str>::new(), "its letters may look like others");
        assert_eq!(links("https://good.example@evil.example"), Vec::<&str>::new());
        assert_eq!(links("https://good.example:x@evil.example/"), Vec::<&str>::new());
        assert_eq!(links("https://g\u{43e}od.example"), Vec::<&str>::new(), "a Cyrillic letter");
        for mark in ['\u{202e}', '\u{202d}', '\u{2066}', '\u{2067}', '\u{200f}', '\u{61c}', '\u{200b}', '\u{feff}'] {
            assert_eq!(links(&format!("https://good.example/{mark}evil")), ["https://good.example/"], "{mark:?}");
            assert_eq!(links(&format!("{mark}https://good.example/")), ["https://good.example/"], "{mark:?}");
            assert_eq!(links(&format!("https://{mark}good.example/")), Vec::<&str>::new(), "{mark:?}");
        }
        assert_eq!(links("https://a.example/https://b.example"), ["https://a.example/https://b.example"]);
    }
}
