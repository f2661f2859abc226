//! Files of people: their bytes on disk, what they are, and the addresses they
//! are had at. What is known of them is in [`crate::store::files`].

mod adopt;
mod blobs;
mod collect;
mod links;
mod name;
mod sniff;

use std::io;
use std::path::Path;

use payambar_signaling::ids::{FileId, SessionId};
use payambar_signaling::wire::FileFrame;
use tokio::sync::Notify;

pub use adopt::adopt;
pub use blobs::{Blobs, Sealed};
pub use collect::run as collect;
pub use links::Links;
pub use name::{clean, disposition};
pub use sniff::{is_inline, sniff};

use crate::config::Redacted;

/// Everything the handlers of files need.
pub struct Files {
    /// The bytes.
    pub blobs: Blobs,
    /// The addresses.
    pub links: Links,
    /// A file has at most so many bytes.
    pub max_bytes: u64,
    /// Told when something was erased, so that its bytes go soon.
    pub erased: Notify,
}

impl Files {
    /// Files in this folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// The system's, naming the folder.
    pub fn open(folder: &Path, key: &Redacted<String>, max_bytes: u64) -> io::Result<Self> {
        Ok(Self {
            blobs: Blobs::open(folder)?,
            links: Links::new(key),
            max_bytes,
            erased: Notify::new(),
        })
    }
}

/// A fresh id.
///
/// # Errors
///
/// The system has no randomness to give.
pub fn new_id() -> io::Result<FileId> {
    crate::secrets::random().map(FileId::from_bytes)
}

/// Fills in the addresses, which are good for this session alone.
pub fn fill(links: &Links, frame: &mut FileFrame, session: SessionId) {
    frame.file_url = links.make(frame.id, session, crate::store::now());
    if frame.has_thumb {
        frame.thumb_url = format!("{}&size=thumb", frame.file_url);
    }
}
