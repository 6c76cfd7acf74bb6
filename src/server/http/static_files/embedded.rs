//! Holds the site that was built into the binary: the files of `target/site` when the binary was compiled, the compressed
//! variants included (feature `embed`). They are read-only data of the program, so they are never copied.

use std::collections::BTreeMap;

use include_dir::{Dir, DirEntry, include_dir};

/// The site. Cargo compiles this again when a file of it changes, and every build of the client changes `hash.txt`.
static SITE: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/target/site");

/// The files by their paths in the site. `None` only without the feature.
#[expect(clippy::unnecessary_wraps, reason = "not_embedded.rs has the same signature")]
pub(super) fn files() -> Option<BTreeMap<&'static str, &'static [u8]>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![&SITE];
    while let Some(folder) = folders.pop() {
        for entry in folder.entries() {
            match entry {
                DirEntry::Dir(inner) => folders.push(inner),
                // A name that is not Unicode is ignored, as on the disk.
                DirEntry::File(file) => {
                    files.extend(file.path().to_str().map(|path| (path, file.contents())));
                }
            }
        }
    }
    Some(files)
}
