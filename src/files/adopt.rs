//! Files that lie in the folder of uploads under another server's names.

use std::io;
use std::path::{Path, PathBuf};

use super::{Blobs, clean, sniff};
use crate::store::{Adopted, EarlierFile};

/// Takes such a file into our own folders, where it lies beside the old name
/// until that one is removed. `None` when there is no such file any more.
///
/// # Errors
///
/// The system's.
pub fn adopt(blobs: &Blobs, uploads: &Path, file: &EarlierFile) -> io::Result<Option<Adopted>> {
    let Some(path) = find(uploads, &file.path) else {
        return Ok(None);
    };
    let (kept, head) = blobs.adopt(&path)?;
    let name = clean(&file.name);
    let sound = file.content_type.starts_with("audio/") || name.starts_with("voice-");
    Ok(Some(Adopted {
        public_id: super::new_id()?,
        kept,
        content_type: sniff(&head, sound),
        name,
        old: (path.parent() == Some(uploads)).then_some(path),
    }))
}

/// It was written as a whole path; the folder may have moved since.
fn find(uploads: &Path, written: &str) -> Option<PathBuf> {
    let written = Path::new(written);
    let moved = written.file_name().map(|name| uploads.join(name));
    moved
        .into_iter()
        .chain([written.to_owned()])
        .find(|path| path.is_file())
}
