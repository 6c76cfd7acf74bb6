//! Maps addresses to files. Addresses come only from a listing of the disk or of the binary, so no request can read any
//! other file.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::body::Bytes;

use super::{super::negotiation::Coding, file::File};

/// The name of the page of a folder.
const INDEX: &str = "index.html";

/// Files by their address, which is the exact decoded path.
#[derive(Debug)]
pub(super) struct Table<F>(BTreeMap<String, F>);

/// The files of a site, not read yet.
pub(super) type Listing = Table<Unread>;
/// The files of a site, in memory.
pub(super) type Files = Table<Arc<File>>;

/// The result of a look-up.
#[derive(Debug)]
pub(super) enum Found<F> {
    File(F),
    /// The address is that of a folder with a page, but lacks the final slash.
    Folder,
}

/// A file that is not read yet.
#[derive(Debug)]
pub(super) struct Unread {
    address: String,
    content: Content,
    /// The compressed variants of the file.
    coded: Vec<(Coding, Content)>,
}

/// The place of a file's content.
#[derive(Debug)]
enum Content {
    OnDisk(PathBuf),
    InBinary(&'static [u8]),
}

impl<F> Table<F> {
    /// Looks up an address. With a final slash it is the address of a folder's page.
    pub(super) fn find(&self, address: &str) -> Option<Found<&F>> {
        if address.ends_with('/') {
            return self.0.get(&format!("{address}{INDEX}")).map(Found::File);
        }
        let folder = || self.0.contains_key(&format!("{address}/{INDEX}")).then_some(Found::Folder);
        self.0.get(address).map(Found::File).or_else(folder)
    }

    /// Removes an address.
    pub(super) fn remove(&mut self, address: &str) {
        self.0.remove(address);
    }

    /// All addresses, in order.
    pub(super) fn addresses(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl<F> Default for Table<F> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl Listing {
    /// Adds the regular files below a folder, with addresses that start with `prefix`.
    ///
    /// Symbolic links are ignored, since they may lead anywhere. A compressed variant (`app.js.br`) belongs to its file and
    /// has no address of its own. Names that are not Unicode are ignored.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub(super) fn add(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, entry.path());
            let Ok(name) = entry.file_name().into_string() else { continue };
            if kind.is_dir() {
                self.add(&path, &format!("{prefix}{name}/"))?;
            } else if kind.is_file() && Coding::of_variant(&name).is_none() {
                let address = format!("{prefix}{name}");
                let coded = Coding::ALL.into_iter().filter_map(|coding| {
                    let variant = folder.join(format!("{name}{}", coding.ending()));
                    let is_file = fs::symlink_metadata(&variant).is_ok_and(|data| data.is_file());
                    is_file.then_some((coding, Content::OnDisk(variant)))
                });
                let coded = coded.collect();
                self.0.insert(address.clone(), Unread { address, content: Content::OnDisk(path), coded });
            }
        }
        Ok(())
    }

    /// Adds the files of a site that is in the binary, by their paths in the site. For compressed variants it does as
    /// [`Listing::add`].
    pub(super) fn add_embedded(&mut self, files: &BTreeMap<&'static str, &'static [u8]>) {
        for (path, content) in files.iter().filter(|(path, _)| Coding::of_variant(path).is_none()) {
            let address = format!("/{path}");
            let coded = Coding::ALL.into_iter().filter_map(|coding| {
                let variant = files.get(&*format!("{path}{}", coding.ending()))?;
                Some((coding, Content::InBinary(variant)))
            });
            let coded = coded.collect();
            self.0.insert(address.clone(), Unread { address, content: Content::InBinary(content), coded });
        }
    }

    /// Reads all files.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(&self) -> io::Result<Files> {
        let files = self.0.iter().map(|(address, file)| Ok((address.clone(), file.read()?)));
        files.collect::<io::Result<_>>().map(Table)
    }
}

impl Files {
    /// The text of a file.
    pub(super) fn text(&self, address: &str) -> Option<Cow<'_, str>> {
        self.0.get(address).map(|file| file.text())
    }
}

impl Unread {
    fn read(&self) -> io::Result<Arc<File>> {
        let mut file = File::new(&self.address, self.content.read()?);
        for (coding, content) in &self.coded {
            file.add(*coding, content.read()?);
        }
        file.compress();
        Ok(Arc::new(file))
    }
}

impl Content {
    fn read(&self) -> io::Result<Bytes> {
        match self {
            Self::OnDisk(path) => fs::read(path).map(Bytes::from),
            Self::InBinary(content) => Ok(Bytes::from_static(content)),
        }
    }
}

impl Found<&Arc<File>> {
    /// The file itself.
    pub(super) fn cloned(self) -> Found<Arc<File>> {
        match self {
            Self::File(file) => Found::File(Arc::clone(file)),
            Self::Folder => Found::Folder,
        }
    }
}

impl Found<&Unread> {
    /// The file, read now.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn read(self) -> io::Result<Found<Arc<File>>> {
        match self {
            Self::File(file) => file.read().map(Found::File),
            Self::Folder => Ok(Found::Folder),
        }
    }
}
