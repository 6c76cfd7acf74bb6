//! Finds the three files of one build of the client in a site's folder.
//!
//! A rolling deploy keeps the files of older builds for the pages of older servers, so there may be several builds. A
//! script works only with the WebAssembly of its own build. The modification times of the files do not show which belong
//! together, but `hash.txt` does: cargo-leptos writes the fingerprints of a build into it.

use std::{fs, io, path::Path};

use super::table::{Found, Listing};

/// The start of the address of every file of the client, before its fingerprint and ending (`output-name` in Cargo.toml).
const CLIENT: &str = "/pkg/event-feed";
/// The endings of the client's files: the script, the WebAssembly and the style sheet.
const ENDINGS: [&str; 3] = ["js", "wasm", "css"];
/// The file in a site's folder into which cargo-leptos writes the fingerprints (`hash-file-name` in Cargo.toml).
pub(super) const HASHES: &str = "hash.txt";
/// The address that [`HASHES`] would have. It is not served.
pub(super) const HASHES_ADDRESS: &str = "/hash.txt";

/// The addresses of one build of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Build {
    /// The script: an ES module that loads the WebAssembly.
    pub(super) js: String,
    /// The WebAssembly.
    pub(super) wasm: String,
    /// The style sheet.
    pub(super) css: String,
}

/// Why no build can be chosen. Each text continues a sentence that starts with the site's folder.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BuildError {
    #[error(
        "holds several builds of the client, and no {HASHES} that names one: \
         copy the {HASHES} of the wanted build into that folder"
    )]
    Several,
    #[error(
        "has a {HASHES} without a line for {0}: copy the {HASHES} that cargo-leptos wrote with the build into that folder"
    )]
    NoLine(&'static str),
    #[error("has no {0}, which its {HASHES} names: copy all files of that build into that folder")]
    Missing(String),
}

/// Reads [`HASHES`]; `None` if there is no such file.
///
/// # Errors
/// If the file exists and cannot be read.
pub(super) fn read_hashes(root: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(root.join(HASHES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

impl Build {
    /// Chooses the build that `hashes` names, or the only build; `None` if there is none.
    ///
    /// # Errors
    /// If `hashes` is `None` and there are several builds, or if a file of the named build is missing.
    pub(super) fn find(files: &Listing, hashes: Option<&str>) -> Result<Option<Self>, BuildError> {
        let of_each = ENDINGS.map(|ending| files.addresses().filter(|address| is_clients(address, ending)).collect());
        if of_each.iter().any(Vec::is_empty) && hashes.is_none() {
            return Ok(None);
        }
        let mut chosen = [const { String::new() }; 3];
        for ((ending, candidates), chosen) in ENDINGS.into_iter().zip(&of_each).zip(&mut chosen) {
            *chosen = match (hashes, &candidates[..]) {
                (Some(hashes), _) => named(files, hashes, ending)?,
                (None, [only]) => String::from(*only),
                (None, _) => return Err(BuildError::Several),
            };
        }
        let [js, wasm, css] = chosen;
        Ok(Some(Self { js, wasm, css }))
    }
}

/// The address of the file with this ending that `hashes` names, in a line such as `js: qVd4xKO3pZ1ErOZfeOYkTg`.
fn named(files: &Listing, hashes: &str, ending: &'static str) -> Result<String, BuildError> {
    let lines = hashes.lines().filter_map(|line| line.split_once(':'));
    let mut of_ending = lines.filter(|(kind, _)| kind.trim() == ending);
    let (_, fingerprint) = of_ending.next().ok_or(BuildError::NoLine(ending))?;
    let address = format!("{CLIENT}.{}.{ending}", fingerprint.trim());
    match files.find(&address) {
        Some(Found::File(_)) => Ok(address),
        _ => Err(BuildError::Missing(address)),
    }
}

/// Whether this is the address of a client's file with this ending, of any build.
fn is_clients(address: &str, ending: &str) -> bool {
    address == format!("{CLIENT}.{ending}") || fingerprinted(address).is_some_and(|(_, found)| found == ending)
}

/// The fingerprint in the address of a client's file, if it has one.
pub(super) fn fingerprint(address: &str) -> Option<&str> {
    fingerprinted(address).map(|(fingerprint, _)| fingerprint)
}

/// The fingerprint and the ending in the address of a client's file.
fn fingerprinted(address: &str) -> Option<(&str, &str)> {
    let (fingerprint, ending) = address.strip_prefix(CLIENT)?.strip_prefix('.')?.split_once('.')?;
    (!fingerprint.is_empty() && ENDINGS.contains(&ending)).then_some((fingerprint, ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_before_the_ending() {
        assert_eq!(fingerprint("/pkg/event-feed.x9_-Z.wasm"), Some("x9_-Z"));
        for other in [
            "/pkg/event-feed.wasm",
            "/pkg/event-feed..wasm",
            "/pkg/event-feed.js.map",
            "/pkg/event-feed.x.y.js",
            "/favicon.svg",
            "/event-feed.x.js",
        ] {
            assert_eq!(fingerprint(other), None, "{other}");
        }
    }
}
