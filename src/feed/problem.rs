//! A refusal as it goes over the wire: RFC 9457's four members, for the API and the server functions alike. Which
//! refusals there are is `server::problem`'s.

use serde::{Deserialize, Serialize};

/// The body of every error answer (`application/problem+json`; RFC 9457, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Names the kind of problem: a URI to compare, not to fetch.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in a few words, the same each time.
    pub title: String,
    /// The answer's HTTP status code; 0 where no answer came.
    pub status: u16,
    /// What to do about it, in plain words.
    pub detail: String,
}

impl Problem {
    /// The media type of an error answer.
    pub const MEDIA_TYPE: &str = "application/problem+json";
}
