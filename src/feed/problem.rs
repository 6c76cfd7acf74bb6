//! Defines the body of an error answer: the four members of RFC 9457, for the API and the server functions alike. The
//! refusals themselves are in `server::http::problem`.

use serde::{Deserialize, Serialize};

/// The body of every error answer (`application/problem+json`; RFC 9457, section 3.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Names the kind of problem: a URI to compare, not to fetch.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of problem in a few words. It is the same for each problem of this kind.
    pub title: String,
    /// The answer's HTTP status code; 0 if no answer arrived.
    pub status: u16,
    /// The cause, and the client's next step, in plain words.
    pub detail: String,
}
