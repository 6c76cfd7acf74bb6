//! Checks the `Host` of every request and the `Origin` of a socket (contract, "HTTP"). The tenant is read in
//! `credential`.
//!
//! The `Host` check stops DNS rebinding: a foreign page whose name resolves to this server sends that name as `Host`. The
//! `Origin` check stops pages of other sites: a page cannot choose its `Origin`.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use axum::http::{HeaderMap, Uri, header};

use super::super::settings::CommaList;

/// A host name or an IP address, normalised so that equivalent names are equal. A name is in lower case and without a
/// final dot (RFC 1034, section 3.1). An IPv6 address is in canonical form, in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// A host, and the port if one was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authority {
    host: HostName,
    port: Option<u16>,
}

/// The origin of a page: scheme, host and port (RFC 6454, section 4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    https: bool,
    authority: Authority,
}

/// The text is not a host, an authority or an origin. The error names the form that is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write {0}")]
pub struct AuthorityError(&'static str);

const BAD_HOST: AuthorityError = AuthorityError("a host name or an IP address, without scheme, port or path");
const BAD_AUTHORITY: AuthorityError = AuthorityError("a host name or an IP address, and perhaps a port");
const BAD_ORIGIN: AuthorityError =
    AuthorityError("an origin: http:// or https://, a host, perhaps a port, and no path");

impl HostName {
    /// Whether this is a name that always means this machine, or an IP address: no foreign DNS entry can have it.
    fn is_local(&self) -> bool {
        self.0 == "localhost"
            || self.0.ends_with(".localhost")
            || self.0.starts_with('[')
            || self.0.parse::<IpAddr>().is_ok()
    }
}

impl FromStr for HostName {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return address.parse::<Ipv6Addr>().map(|address| Self(format!("[{address}]"))).map_err(|_| BAD_HOST);
        }
        let label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        // Browsers read `127.0.0.1.` as the address too (URL Standard, "ends in a number checker").
        let name = text.strip_suffix('.').unwrap_or(text);
        let fits = name.len() <= 253 && name.split('.').all(label);
        if fits { Ok(Self(name.to_ascii_lowercase())) } else { Err(BAD_HOST) }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Authority {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let end_of_host = text.find(']').map_or(0, |bracket| bracket + 1);
        let (host, port) = match text[end_of_host..].find(':') {
            Some(colon) => (&text[..end_of_host + colon], &text[end_of_host + colon + 1..]),
            None => (text, ""),
        };
        let digits = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = match port {
            "" => None, // RFC 3986, section 3.2.3: an empty port is the default one
            _ if digits => Some(port.parse().map_err(|_| BAD_AUTHORITY)?),
            _ => return Err(BAD_AUTHORITY),
        };
        Ok(Self { host: host.parse().map_err(|_| BAD_AUTHORITY)?, port })
    }
}

impl FromStr for Origin {
    type Err = AuthorityError;

    fn from_str(text: &str) -> Result<Self, AuthorityError> {
        let (https, authority) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(BAD_ORIGIN),
        };
        let mut origin = Self { https, authority: authority.parse().map_err(|_| BAD_ORIGIN)? };
        origin.authority.port = Some(origin.port_of(&origin.authority));
        Ok(origin)
    }
}

impl Origin {
    /// The port of `authority`, or the default port of this origin's scheme if it names none.
    fn port_of(&self, authority: &Authority) -> u16 {
        authority.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// Whether `host`, with the default port filled in, is this origin's host and port.
    fn is_of(&self, host: &Authority) -> bool {
        self.authority.host == host.host && self.authority.port == Some(self.port_of(host))
    }
}

/// Why a request's `Host` was refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum HostRefused {
    /// It is absent, repeated or malformed.
    Malformed,
    /// This server does not answer for this name.
    NotAllowed(HostName),
}

/// Reads and checks the authority of a request: that of an absolute target, else its one `Host` (RFC 9112, section 3.2.2).
/// Forwarded headers are ignored.
///
/// # Errors
/// [`HostRefused`] is the reason. A request with an absolute target needs exactly one `Host` too.
pub(crate) fn host_of(
    target: &Uri,
    headers: &HeaderMap,
    allowed: &[CommaList<HostName>],
) -> Result<Authority, HostRefused> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(HostRefused::Malformed) };
    let host = match target.authority() {
        Some(authority) => authority.as_str(),
        None => host.to_str().map_err(|_| HostRefused::Malformed)?,
    };
    let authority: Authority = host.parse().map_err(|_| HostRefused::Malformed)?;
    if authority.host.is_local() || allowed.iter().any(|names| names.contains(&authority.host)) {
        Ok(authority)
    } else {
        Err(HostRefused::NotAllowed(authority.host))
    }
}

/// Whether a client may open a socket: it has no `Origin` (so it is not a browser), or its `Origin` is this server's own
/// or in `allowed`.
pub(crate) fn origin_passes(headers: &HeaderMap, host: &Authority, allowed: &[CommaList<Origin>]) -> bool {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => true,
        (Some(origin), None) => {
            let origin = origin.to_str().ok().and_then(|text| text.parse::<Origin>().ok());
            origin.is_some_and(|origin| origin.is_of(host) || allowed.iter().any(|origins| origins.contains(&origin)))
        }
        (Some(_), Some(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(lines: &[&str], target: &str, allowed: &[&str]) -> Result<Authority, HostRefused> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::HOST, line.parse().unwrap());
        }
        let allowed: Vec<_> = allowed.iter().map(|name| name.parse().unwrap()).collect();
        host_of(&target.parse().unwrap(), &headers, &allowed)
    }

    #[test]
    fn local_names_and_addresses_are_allowed_with_any_port() {
        for line in [
            "localhost",
            "LOCALHOST:3000",
            "a.b.localhost:1",
            "127.0.0.1:80",
            "[::1]:3000",
            "[::1]",
            "192.168.0.7",
            "localhost:",
            "localhost.",
            "LOCALHOST.:3000",
            "a.localhost.",
            "127.0.0.1.:80",
        ] {
            assert!(host(&[line], "/", &[]).is_ok(), "{line}");
        }
    }

    #[test]
    fn another_name_needs_allow_host() {
        for line in ["feed.example", "localhost.example:3000", "notlocalhost", "127.0.0.1.example"] {
            assert!(matches!(host(&[line], "/", &[]), Err(HostRefused::NotAllowed(_))), "{line}");
        }
        for (line, flag) in [
            ("Feed.Example:443", "feed.example"),
            ("feed.example.", "feed.example"),
            ("feed.example", "Feed.Example."),
            ("feed.example.:80", "else.example, feed.example.,"),
        ] {
            assert!(host(&[line], "/", &[flag]).is_ok(), "{line} with {flag}");
        }
    }

    #[test]
    fn a_host_is_one_well_formed_line() {
        for line in [
            "",
            "a b",
            "user@localhost",
            "localhost:x",
            "localhost:70000",
            "localhost/",
            ".localhost",
            "[::1",
            "[x]",
            "::1",
            "localhost:1:2",
            ".",
            "..",
            ".:80",
            "localhost..",
            "127.0.0.1..",
            "[::1].",
        ] {
            assert_eq!(host(&[line], "/", &[]), Err(HostRefused::Malformed), "{line:?}");
        }
        assert_eq!(host(&[], "/", &[]), Err(HostRefused::Malformed));
        assert_eq!(host(&["localhost", "localhost"], "/", &[]), Err(HostRefused::Malformed));
    }

    #[test]
    fn the_authority_of_an_absolute_target_counts_instead_of_the_host() {
        assert!(matches!(host(&["localhost"], "http://evil.example/", &[]), Err(HostRefused::NotAllowed(_))));
        assert!(host(&["evil.example"], "http://localhost:3000/", &[]).is_ok());
    }

    #[test]
    fn an_origin_is_this_servers_own_if_host_and_port_are() {
        let passes = |host: &str, origins: &[&str], allowed: &[&str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(header::ORIGIN, origin.parse().unwrap());
            }
            let allowed: Vec<_> = allowed.iter().map(|origin| origin.parse().unwrap()).collect();
            origin_passes(&headers, &host.parse().unwrap(), &allowed)
        };
        assert!(passes("localhost:3000", &[], &[]));
        assert!(passes("localhost:3000", &["http://localhost:3000"], &[]));
        assert!(passes("feed.example", &["https://feed.example"], &[]));
        assert!(passes("feed.example:443", &["https://feed.example"], &[]));
        assert!(passes("feed.example", &["http://feed.example:80"], &[]));
        assert!(passes("localhost:3000", &["https://feed.example"], &["https://feed.example:443"]));
        assert!(passes("localhost.:3000", &["http://localhost:3000"], &[]));
        assert!(passes("localhost:3000", &["http://localhost.:3000"], &[]));
        assert!(passes("localhost:3000", &["https://feed.example."], &["https://feed.example"]));
        assert!(passes("localhost:3000", &["https://feed.example"], &["https://feed.example.:443"]));
        assert!(passes("[0:0::1]:3000", &["http://[::1]:3000"], &[]));
        for origin in [
            "null",
            "",
            "http://localhost",
            "http://localhost:3001",
            "http://localhost:3000.evil.example",
            "http://evil.example",
            "http://localhost:3000/",
            "file://localhost:3000",
            "http://localhost:3000@evil.example",
            "http://localhost..:3000",
            "http://.",
        ] {
            assert!(!passes("localhost:3000", &[origin], &["https://feed.example"]), "{origin:?}");
        }
        assert!(!passes("localhost:3000", &["http://localhost:3000", "http://localhost:3000"], &[]));
        assert!(!passes("localhost:3000", &["http://feed.example"], &["https://feed.example"]));
    }
}
