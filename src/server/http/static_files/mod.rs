//! Serves the site's files: the site in the binary (feature `embed`), the built site, or the no-build page from the
//! sources.
//!
//! A built site is read into memory at the start, so that a request opens no file. From the sources, and in the watch mode
//! of cargo-leptos, each request reads its file, so that a change shows at once. Pages that the server renders are in
//! `pages`.

mod build;
#[cfg_attr(not(feature = "embed"), path = "not_embedded.rs")]
mod embedded;
mod file;
mod table;

use std::{
    collections::BTreeMap,
    env, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;

use self::{
    build::{Build, BuildError},
    file::File,
    table::{Files, Found, Listing},
};
use super::{auto_reload::ReloadScript, limits::no_descriptor_left, problem::Refusal};
use crate::app::{Assets, ClientFiles, Style};

/// The environment variable that names the site's folder. cargo-leptos sets it too.
const SITE_VARIABLE: &str = "LEPTOS_SITE_ROOT";
/// The environment variable that cargo-leptos sets to `true` in watch mode.
const WATCH_VARIABLE: &str = "LEPTOS_WATCH";
/// The site's folder if [`SITE_VARIABLE`] is not set: cargo-leptos builds into it.
const SITE: &str = "target/site";
/// The folder in the sources that cargo-leptos copies into the site.
const PUBLIC: &str = "public";
/// The folder of the style sheet in the sources.
const STYLE: &str = "style";
/// The address of the style sheet in the sources.
const STYLE_SHEET: &str = "/style/main.css";
/// The addresses of the style sheets that all pages share: colours and sizes, and what a feed looks like.
const SHARED_STYLE: [&str; 2] = ["/tokens.css", "/feed.css"];
/// The address of the no-build page.
const NO_BUILD_PAGE: &str = "/vanilla/";

/// Why no site can be served. Each text is one sentence for the person who starts the server.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    #[error(
        "{SITE_VARIABLE} names {0:?}, which holds no built client: \
         name the folder that `cargo leptos build --release` made ({SITE})"
    )]
    Wrong(PathBuf),
    #[error(
        "neither a built site ({SITE}) nor the sources ({PUBLIC} and {STYLE}) are in the working directory: \
         start the server in the project's folder, or set {SITE_VARIABLE} to the site's folder"
    )]
    NoSite,
    #[error(
        "the site in this program has no complete client: build the client with `cargo leptos build --release`, then \
         this program again, or name a built site with {SITE_VARIABLE}"
    )]
    Embedded,
    #[error("the site in {0:?} {1}")]
    Build(PathBuf, BuildError),
    #[error("the site in {0:?} cannot be read: {1}")]
    Unreadable(PathBuf, io::Error),
}

impl From<SiteError> for io::Error {
    fn from(error: SiteError) -> Self {
        Self::other(error)
    }
}

/// The site's files, and which of them a page links.
#[derive(Debug)]
pub(crate) struct Site {
    files: FileSource,
    assets: Assets,
    build: String,
    reload: Option<ReloadScript>,
}

/// The files in memory, or the folders from which each request reads its file.
#[derive(Debug)]
enum FileSource {
    InMemory(Files),
    OnDisk(Arc<[Folder]>),
}

/// A folder whose files are served.
#[derive(Debug, Clone)]
struct Folder {
    /// The start of each file's address: `/`, or a path between slashes.
    prefix: &'static str,
    path: PathBuf,
}

impl Site {
    /// Finds the site: the folder that `LEPTOS_SITE_ROOT` names, else the site in the binary, else `target/site`, else the
    /// sources. The last two are in the working directory.
    ///
    /// # Errors
    /// If there is no site, or if its files are incomplete or cannot be read.
    pub(crate) fn find() -> Result<Self, SiteError> {
        let watched = env::var_os(WATCH_VARIABLE).is_some_and(|watch| watch == "true");
        if let Some(root) = env::var_os(SITE_VARIABLE).filter(|root| !root.is_empty()).map(PathBuf::from) {
            return Self::built(&root, watched)?.ok_or(SiteError::Wrong(root));
        }
        if let Some(files) = embedded::files() {
            return Self::embedded(&files);
        }
        match Self::built(Path::new(SITE), watched)? {
            Some(site) => Ok(site),
            None => Self::sources(),
        }
    }

    /// The site in the binary, which has these files.
    fn embedded(files: &BTreeMap<&'static str, &'static [u8]>) -> Result<Self, SiteError> {
        let mut listing = Listing::default();
        listing.add_embedded(files);
        listing.remove(build::HASHES_ADDRESS);
        let hashes = files.get(build::HASHES).map(|hashes| String::from_utf8_lossy(hashes));
        let build = Build::find(&listing, hashes.as_deref()).ok().flatten().ok_or(SiteError::Embedded)?;
        let Build { js, wasm, css } = &build;
        tracing::info!(js, wasm, css, "serving the client in this program");
        Self::in_memory(&listing, build).map_err(|_| SiteError::Embedded)
    }

    /// The site with these files, all of which it reads, and this build of the client.
    fn in_memory(listing: &Listing, build: Build) -> io::Result<Self> {
        let files = listing.read()?;
        let sheets = SHARED_STYLE.into_iter().chain([&*build.css]).filter_map(|sheet| files.text(sheet));
        let style = Style::Inline(sheets.collect::<String>().into());
        Ok(Self::of(build, FileSource::InMemory(files), style))
    }

    /// The site with these files, this style and this build of the client.
    fn of(build: Build, files: FileSource, style: Style) -> Self {
        let Build { js, wasm, .. } = build;
        let build = build::fingerprint(&wasm).unwrap_or(env!("CARGO_PKG_VERSION")).to_owned();
        Self { files, assets: Assets { style, client: Some(ClientFiles { js, wasm }) }, build, reload: None }
    }

    /// The site that cargo-leptos built into `root`; `None` if it has no client.
    fn built(root: &Path, watched: bool) -> Result<Option<Self>, SiteError> {
        let unreadable = |error| SiteError::Unreadable(root.to_owned(), error);
        let folders = [Folder { prefix: "/", path: root.to_owned() }];
        let listing = match list(&folders) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(None);
            }
            listing => listing.map_err(unreadable)?,
        };
        let hashes = build::read_hashes(root).map_err(unreadable)?;
        let build = Build::find(&listing, hashes.as_deref());
        let Some(build) = build.map_err(|error| SiteError::Build(root.to_owned(), error))? else {
            return Ok(None);
        };
        let Build { js, wasm, css } = &build;
        tracing::info!(root = %root.display(), js, wasm, css, "serving the built client");
        if !watched {
            return Self::in_memory(&listing, build).map(Some).map_err(unreadable);
        }
        let style = Style::Linked(linked(css));
        let site = Self::of(build, FileSource::OnDisk(folders.into()), style);
        Ok(Some(Self { reload: ReloadScript::of_this_process(), ..site }))
    }

    /// The site of the sources: only the no-build page.
    fn sources() -> Result<Self, SiteError> {
        let folders = [Folder { prefix: "/", path: PUBLIC.into() }, Folder { prefix: "/style/", path: STYLE.into() }];
        let listing = list(&folders).map_err(|_| SiteError::NoSite)?;
        if ![NO_BUILD_PAGE, STYLE_SHEET].iter().all(|name| matches!(listing.find(name), Some(Found::File(_)))) {
            return Err(SiteError::NoSite);
        }
        tracing::info!(
            "no client is built: use the no-build page at {NO_BUILD_PAGE}, or build the client with script/server"
        );
        Ok(Self {
            files: FileSource::OnDisk(folders.into()),
            assets: Assets { style: Style::Linked(linked(STYLE_SHEET)), client: None },
            build: String::from("no-build"),
            reload: None,
        })
    }

    /// The style and the client's files of every page.
    pub(crate) const fn assets(&self) -> &Assets {
        &self.assets
    }

    /// The script that reloads a page, in watch mode.
    pub(crate) const fn reload(&self) -> Option<&ReloadScript> {
        self.reload.as_ref()
    }

    /// The name of the client's build.
    pub(crate) fn build(&self) -> &str {
        &self.build
    }

    /// Answers a request that has no route: with a file, in the coding that the client prefers, or with a refusal.
    ///
    /// Of the conditions in a request only `If-None-Match` counts. Conditions about a time are ignored, since no file has a
    /// `Last-Modified` (RFC 9110, sections 13.1.3 and 13.1.4). So is `If-Match`, since no request changes a file. Ranges
    /// are ignored, as a server may do (section 14.2): the files are small.
    pub(crate) async fn serve(&self, request: Request) -> Response {
        let Some(name) = name(request.uri()) else { return Refusal::NotFound.into_response() };
        let found = match self.look_up(name).await {
            Ok(Some(found)) => found,
            Ok(None) => return Refusal::NotFound.into_response(),
            Err(error) if no_descriptor_left(&error) => {
                tracing::warn!(%error, "cannot open a file: no file descriptor is left");
                return Refusal::TooManyConnections.into_response();
            }
            Err(error) => {
                tracing::warn!(%error, "cannot read a file");
                return Refusal::NotFound.into_response();
            }
        };
        match (request.method(), found) {
            // The answer to a `HEAD` is sent without its body.
            (&Method::GET | &Method::HEAD, Found::File(file)) => file.answer(request.headers()),
            (&Method::GET | &Method::HEAD, Found::Folder) => redirect_into(request.uri()),
            _ => Refusal::MethodNotAllowed { allow: String::from("GET,HEAD") }.into_response(),
        }
    }

    async fn look_up(&self, name: String) -> io::Result<Option<Found<Arc<File>>>> {
        match &self.files {
            FileSource::InMemory(files) => Ok(files.find(&name).map(Found::cloned)),
            FileSource::OnDisk(folders) => {
                let folders = Arc::clone(folders);
                let read = move || list(&folders)?.find(&name).map(Found::read).transpose();
                tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
            }
        }
    }
}

/// The addresses of the style sheets of a page, if each request reads its file.
fn linked(sheet: &str) -> Vec<String> {
    SHARED_STYLE.into_iter().chain([sheet]).map(String::from).collect()
}

/// Lists all files in these folders, without the fingerprints that cargo-leptos wrote.
fn list(folders: &[Folder]) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for folder in folders {
        listing.add(&folder.path, folder.prefix)?;
    }
    listing.remove(build::HASHES_ADDRESS);
    Ok(listing)
}

/// The path of an address, with percent-encoding decoded; `None` if it is not UTF-8 or has an encoded slash, which is
/// not a separator (RFC 3986, section 2.2) and which no file name has.
fn name(uri: &Uri) -> Option<String> {
    let path = uri.path();
    let name = percent_decode_str(path).decode_utf8().ok()?;
    let slashes = |text: &str| text.bytes().filter(|byte| *byte == b'/').count();
    (slashes(&name) == slashes(path)).then(|| name.into_owned())
}

/// Redirects to the page of a folder: its relative links need the final slash. The path belongs to a folder that was
/// found, so it starts with one slash and cannot name another host.
fn redirect_into(uri: &Uri) -> Response {
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(location) = HeaderValue::try_from(format!("{}/{query}", uri.path())) else {
        return Refusal::NotFound.into_response();
    };
    let headers = [(header::LOCATION, location), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
    (StatusCode::TEMPORARY_REDIRECT, headers).into_response()
}
