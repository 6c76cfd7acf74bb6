//! The address of a tenant's engine, with the user and the password of the tenant's account. They are never printed.

use std::{convert::Infallible, fmt, str::FromStr};

use http::Uri;
use percent_encoding::percent_decode_str;

use crate::feed::Tenant;

/// The port of NATS, if a URL names none.
const PORT: u16 = 4222;

/// The text of `--backplane-a` or `--backplane-b`. Any text is accepted here, since the command line's parser would print
/// one that is not. `EngineAddress::parse` checks it.
#[derive(Clone, PartialEq, Eq)]
pub struct BackplaneUrl(String);

/// The address of a tenant's engine, and the login of the tenant's account.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(not(feature = "nats"), allow(dead_code, reason = "only a backplane reads it"))]
pub(crate) struct EngineAddress {
    /// Without user and password: `nats://host:port`, or `tls://host:port`.
    pub(crate) address: String,
    pub(crate) user: String,
    pub(crate) password: String,
}

/// The URL is not one of an engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "write it as nats://USER:PASSWORD@HOST:PORT, or with tls://, and percent-encode special characters in the login"
)]
pub(crate) struct BackplaneUrlError;

/// The flag that names a tenant's engine.
pub(crate) const fn flag(tenant: Tenant) -> &'static str {
    match tenant {
        Tenant::A => "--backplane-a",
        Tenant::B => "--backplane-b",
    }
}

impl FromStr for BackplaneUrl {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for BackplaneUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BackplaneUrl(…)")
    }
}

impl fmt::Debug for EngineAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EngineAddress").field("address", &self.address).finish_non_exhaustive()
    }
}

impl EngineAddress {
    /// Reads a URL. User and password may be percent-encoded.
    ///
    /// # Errors
    /// [`BackplaneUrlError`] if the scheme is another one, or if the host, the user or the password is missing.
    pub(crate) fn parse(BackplaneUrl(text): &BackplaneUrl) -> Result<Self, BackplaneUrlError> {
        let read = || {
            let uri: Uri = text.parse().ok()?;
            let scheme = uri.scheme_str().filter(|scheme| ["nats", "tls"].contains(scheme))?;
            let authority = uri.authority()?;
            let (login, place) = authority.as_str().rsplit_once('@')?;
            let (user, password) = login.split_once(':')?;
            let decode =
                |part| percent_decode_str(part).decode_utf8().ok().map(String::from).filter(|it| !it.is_empty());
            let has_path = !matches!(uri.path_and_query().map(|path| path.as_str()), None | Some("" | "/"));
            let host = authority.host();
            let port = match place.strip_prefix(host)? {
                "" => PORT,
                port => port.strip_prefix(':')?.parse().ok().filter(|port| *port > 0)?,
            };
            let address = format!("{scheme}://{host}:{port}");
            let is_complete = !host.is_empty() && !has_path && !text.contains('#');
            is_complete.then_some(Self { address, user: decode(user)?, password: decode(password)? })
        };
        read().ok_or(BackplaneUrlError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<EngineAddress, BackplaneUrlError> {
        EngineAddress::parse(&text.parse().unwrap_or_else(|never| match never {}))
    }

    #[test]
    fn a_url_has_a_scheme_a_user_a_password_and_a_host() {
        let engine = parse("nats://feed_a:s3c%40ret@nats.example").unwrap();
        assert_eq!(
            (&*engine.address, &*engine.user, &*engine.password),
            ("nats://nats.example:4222", "feed_a", "s3c@ret")
        );
        assert_eq!(parse("tls://a:b@[::1]:4223/").unwrap().address, "tls://[::1]:4223");
        for wrong in [
            "",
            "x",
            "nats://",
            "nats://host",
            "nats://a@host",
            "nats://:b@host",
            "nats://a:@host",
            "nats://a:b@",
            "nats://a:b@host/path",
            "nats://a:b@host?x",
            "http://a:b@host",
            "a:b@host:4222",
            "nats://a:b@host:0",
            "nats://a:b@host:99999",
            "nats://a:b@host:abc",
            "nats://a:b@host:4222#x",
        ] {
            assert_eq!(parse(wrong), Err(BackplaneUrlError), "{wrong}");
        }
    }

    #[test]
    fn nothing_prints_the_login() {
        let text = "nats://someone:secret@host";
        let url: BackplaneUrl = text.parse().unwrap_or_else(|never| match never {});
        let shown = format!("{url:?} {:?} {}", EngineAddress::parse(&url).unwrap(), BackplaneUrlError);
        assert!(!shown.contains("someone") && !shown.contains("secret"), "{shown}");
    }
}
