//! Files that lie in the folder of uploads under another server's names.

use std::io;
use std::path::{Path, PathBuf};

use super::{Blobs, clean, picture, sniff};
use crate::store::{Adopt, Adopted, EarlierFile};

/// The folder of uploads, of which the earlier server had the names.
#[derive(Debug)]
pub struct Uploads {
    folder: PathBuf,
    blobs: Blobs,
}

impl Uploads {
    /// That folder, where our own are made if need be.
    ///
    /// # Errors
    ///
    /// The system's, naming the folder.
    pub fn open(folder: &Path) -> io::Result<Self> {
        Ok(Self {
            folder: folder.to_owned(),
            blobs: Blobs::open(folder)?,
        })
    }

    /// It was written as a whole path, or as an address; the folder may have
    /// moved since.
    fn find(&self, written: &str) -> Option<PathBuf> {
        let written = Path::new(written);
        let moved = written.file_name().map(|name| self.folder.join(name));
        moved
            .into_iter()
            .chain([written.to_owned()])
            .find(|path| path.is_file())
    }

    fn ours(&self, path: PathBuf) -> Option<PathBuf> {
        (path.parent() == Some(&self.folder)).then_some(path)
    }
}

impl Adopt for Uploads {
    fn file(&self, file: &EarlierFile) -> io::Result<Option<Adopted>> {
        let Some(path) = self.find(&file.path) else {
            return Ok(None);
        };
        let (kept, head) = self.blobs.adopt(&path)?;
        let name = clean(&file.name);
        let sound = file.content_type.starts_with("audio/") || name.starts_with("voice-");
        Ok(Some(Adopted {
            public_id: super::new_id()?,
            kept,
            content_type: sniff(&head, sound),
            name,
            old: self.ours(path),
        }))
    }

    fn avatar(&self, address: &str) -> io::Result<Option<Adopted>> {
        let Some(path) = self.find(address) else {
            return Ok(None);
        };
        let bytes = std::fs::read(&path)?;
        // A decoder that panics has decoded nothing.
        let made = std::thread::spawn(move || picture::avatar(bytes)).join();
        let Ok(Some(bytes)) = made else {
            return Ok(None);
        };
        Ok(Some(Adopted {
            public_id: super::new_id()?,
            kept: self.blobs.put(&bytes)?,
            content_type: sniff(&bytes, false),
            name: "avatar".to_owned(),
            old: self.ours(path),
        }))
    }
}
