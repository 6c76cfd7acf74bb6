//! Chooses the content coding of an answer by the `Accept-Encoding` of a request (RFC 9110, section 12.5.3).

use axum::http::{HeaderMap, header};

/// A content coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// All codings, the best first.
    pub(super) const ALL: [Self; 2] = [Self::Brotli, Self::Gzip];
    /// Each coding that an answer can have; `None` is the plain answer.
    pub(super) const EACH: [Option<Self>; 3] = [None, Some(Self::Brotli), Some(Self::Gzip)];

    /// The coding's name in a header.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// The ending of a compressed file's name, and of a compressed answer's `ETag`.
    pub(super) const fn ending(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Gzip => ".gz",
        }
    }

    /// The coding of the file with this name, if it is a compressed variant.
    pub(super) fn of_variant(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|coding| name.ends_with(coding.ending()))
    }
}

/// The coding that the client prefers among those `at_hand`, the best first. `None` means the plain answer, which is also
/// sent if the client accepts no coding, since it may still be able to read it.
pub(super) fn preferred(headers: &HeaderMap, at_hand: impl Iterator<Item = Coding>) -> Option<Coding> {
    let accepted = AcceptedCodings::of(headers);
    let mut best = (None, accepted.weight("identity").unwrap_or(0.0));
    for coding in at_hand {
        let weight = accepted.weight(coding.name()).or_else(|| accepted.weight("*")).unwrap_or(0.0);
        // At equal weight a compressed answer is preferred to the plain one, which is larger.
        if weight > best.1 || (weight == best.1 && weight > 0.0 && best.0.is_none()) {
            best = (Some(coding), weight);
        }
    }
    best.0
}

/// The codings that a client accepts: names in lower case, with weights from 0 to 1.
struct AcceptedCodings(Vec<(String, f32)>);

impl AcceptedCodings {
    /// Parses all lines of the header. A coding with an invalid weight is ignored.
    fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
        Self(lines.flat_map(|line| line.split(',')).filter_map(weighted).collect())
    }

    /// The weight that the client gives to this name; `None` if it does not name it.
    fn weight(&self, name: &str) -> Option<f32> {
        self.0.iter().find(|(coding, _)| coding == name).map(|(_, weight)| *weight)
    }
}

/// Parses an element such as `gzip` or `gzip;q=0.5`.
fn weighted(element: &str) -> Option<(String, f32)> {
    let mut parts = element.split(';').map(str::trim);
    let coding = parts.next()?.to_ascii_lowercase();
    let weight = match parts.next() {
        None => 1.0,
        Some(parameter) => parameter.strip_prefix(['q', 'Q'])?.strip_prefix('=')?.parse().ok()?,
    };
    (0.0..=1.0).contains(&weight).then_some((coding, weight))
}
