//! Finds the client's three files in a built site: those of one build, although others may be next to them.
//!
//! A rolling deploy keeps the files of older builds, so that the pages of older servers find theirs. A script fits only
//! the program of its own build. A file's time does not tell its build, but cargo-leptos writes down what it has built.

use std::{fs, io, path::Path};

use super::table::{Found, Listing};

/// The address of every file of the client, up to its fingerprint and its ending (`output-name` in Cargo.toml).
const CLIENT: &str = "/pkg/event-feed";
/// The endings of the client's files: the script, the program and the style sheet.
const ENDINGS: [&str; 3] = ["js", "wasm", "css"];
/// The name of the file in a site's folder in which cargo-leptos wrote the fingerprints (`hash-file-name` in
/// Cargo.toml).
const HASHES: &str = "hash.txt";
/// The address that this file would have.
pub(super) const HASHES_ADDRESS: &str = "/hash.txt";

/// The addresses of one build of the client.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Build {
    /// The glue to the browser, an ES module.
    pub(super) js: String,
    /// The program.
    pub(super) wasm: String,
    /// The style sheet.
    pub(super) css: String,
}

/// Why no build can be chosen.
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

/// Reads what cargo-leptos wrote about the build, if it did.
///
/// # Errors
/// If it is there and cannot be read.
pub(super) fn read_hashes(root: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(root.join(HASHES)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

impl Build {
    /// Chooses the build that `hashes` names, else the only one. `None` if there is none.
    ///
    /// # Errors
    /// If there are several to choose from, or if the one that is named is not whole.
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

/// The file with this ending that cargo-leptos wrote down, as a line such as `js: qVd4xKO3pZ1ErOZfeOYkTg`.
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

/// Whether this is a file of the client, of whatever build, with this ending.
fn is_clients(address: &str, ending: &str) -> bool {
    address == format!("{CLIENT}.{ending}") || fingerprinted(address).is_some_and(|(_, found)| found == ending)
}

/// The fingerprint in the address of a file of the client, if it has one.
pub(super) fn fingerprint(address: &str) -> Option<&str> {
    fingerprinted(address).map(|(fingerprint, _)| fingerprint)
}

/// The fingerprint and the ending of a file of the client.
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
