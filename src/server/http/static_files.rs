//! The files that are shipped: the built site where one stands, else the no-build page from the sources. What a page
//! links is found once, at start. What is rendered is in `pages`.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use axum::{
    body::Body,
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use tower_http::services::ServeDir;

use super::{limits::no_descriptor_left, problem::Refusal};
use crate::app::{Assets, ClientFiles};

/// Where cargo-leptos builds the site, unless `LEPTOS_SITE_ROOT` says otherwise.
const SITE_ROOT: &str = "target/site";
/// What every file of the client's build is called, before its fingerprint and its ending.
const NAME: &str = "event-feed";
/// A fingerprinted file never changes under its name: it is kept for a year.
const FOR_A_YEAR: &str = "public, max-age=31536000, immutable";

/// The shipped files.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    root: PathBuf,
    styles: Option<PathBuf>,
    assets: Assets,
    build: String,
}

impl Site {
    /// Looks for the built site, and logs what pages will link.
    pub(crate) fn find() -> Self {
        let built = std::env::var_os("LEPTOS_SITE_ROOT").map_or_else(|| PathBuf::from(SITE_ROOT), PathBuf::from);
        let file = |ending| newest(&built.join("pkg"), ending).map(|name| format!("/pkg/{name}"));
        match (file(".js"), file(".wasm"), file(".css")) {
            (Some(js), Some(wasm), Some(css)) => {
                tracing::info!(root = %built.display(), js, wasm, css, "serving the client that is built");
                let build = fingerprint(&wasm).unwrap_or(env!("CARGO_PKG_VERSION")).to_owned();
                Self {
                    root: built,
                    styles: None,
                    assets: Assets { css, client: Some(ClientFiles { js, wasm }) },
                    build,
                }
            }
            _ => {
                tracing::info!(
                    "no client is built: the no-build page at /vanilla/ stands in (script/server builds it)"
                );
                let assets = Assets { css: String::from("/style/main.css"), client: None };
                Self { root: "public".into(), styles: Some("style".into()), assets, build: String::from("no-build") }
            }
        }
    }

    /// The addresses of what a page links.
    pub(crate) const fn assets(&self) -> &Assets {
        &self.assets
    }

    /// Names the client's build.
    pub(crate) fn build(&self) -> &str {
        &self.build
    }

    /// Answers with a file, in the best encoding that lies beside it and that the client takes, or with a refusal: the
    /// last resort of the router.
    pub(crate) async fn serve(&self, request: Request) -> Response {
        let path = request.uri().path();
        let fingerprinted = path.starts_with("/pkg/") && fingerprint(path).is_some();
        let (directory, request) = match (&self.styles, path.strip_prefix("/style/")) {
            (Some(styles), Some(_)) => (styles, strip(request)),
            _ => (&self.root, request),
        };
        let readable = matches!(*request.method(), Method::GET | Method::HEAD);
        let (mut head, _) = request.into_parts();
        head.method = if readable { head.method } else { Method::HEAD };
        let mut files = ServeDir::new(directory).precompressed_br().precompressed_gzip();
        let mut response = match files.try_call(Request::from_parts(head, Body::empty())).await {
            Ok(found) => found.into_response(),
            Err(error) if no_descriptor_left(&error) => {
                tracing::warn!(%error, "a file cannot be opened for now");
                return Refusal::NoPlace.into_response();
            }
            // Such as a name that is too long for a file's.
            Err(_) => return Refusal::NotFound.into_response(),
        };
        match response.status() {
            StatusCode::NOT_FOUND => return Refusal::NotFound.into_response(),
            _ if !readable => {
                return Refusal::MethodNotAllowed { allow: String::from("GET,HEAD") }.into_response();
            }
            _ => {}
        }
        let kept = if fingerprinted { FOR_A_YEAR } else { "no-cache" };
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
        headers.insert(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
        response
    }
}

/// The request, as the folder of the style sheet knows it.
fn strip(mut request: Request) -> Request {
    let inside = request.uri().path().trim_start_matches("/style").to_owned();
    if let Ok(uri) = inside.parse() {
        *request.uri_mut() = uri;
    }
    request
}

/// The newest of a folder's client files with this ending: an earlier build's may lie beside it.
fn newest(folder: &Path, ending: &str) -> Option<String> {
    let files = fs::read_dir(folder).ok()?.filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let ours = name.strip_prefix(NAME)?.strip_suffix(ending)?;
        let whole = ours.is_empty() || ours.strip_prefix('.').is_some_and(|rest| !rest.contains('.'));
        let changed = entry.metadata().and_then(|data| data.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
        whole.then_some((changed, name))
    });
    files.max().map(|(_, name)| name)
}

/// The fingerprint in a file's name: what stands between the client's name and the ending.
fn fingerprint(path: &str) -> Option<&str> {
    let (_, name) = path.rsplit_once('/')?;
    let (fingerprint, _) = name.strip_prefix(NAME)?.strip_prefix('.')?.split_once('.')?;
    (!fingerprint.is_empty()).then_some(fingerprint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_stands_before_the_ending() {
        assert_eq!(fingerprint("/pkg/event-feed.x9_-Z.wasm"), Some("x9_-Z"));
        assert_eq!(fingerprint("/pkg/event-feed.wasm"), None);
        assert_eq!(fingerprint("/favicon.svg"), None);
    }
}
