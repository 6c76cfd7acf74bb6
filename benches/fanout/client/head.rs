//! Parses the head of an HTTP answer, as far as a client of the benchmark needs it.

/// The parsed head of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) status: u16,
    /// The offset of the body.
    pub(crate) body: usize,
    /// `Content-Length`, if the answer has one.
    pub(crate) length: Option<usize>,
}

impl Head {
    /// Parses the head at the start of `bytes`. `None` if it is incomplete, or has no status.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let body = end_of_head(bytes)?;
        let head = String::from_utf8_lossy(&bytes[..body]).to_ascii_lowercase();
        let status = head.get(9..12)?.parse().ok()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        Some(Self { status, body, length })
    }
}

/// The offset behind the head of an HTTP message; `None` if the head has not arrived whole.
pub(crate) fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}
