//! Files of people: their bytes on disk, what they are, and the addresses they
//! are had at. What is known of them is in [`crate::store::files`].

mod adopt;
mod blobs;
mod catch_up;
mod collect;
mod links;
mod metadata;
mod name;
mod picture;
mod rates;
mod sniff;

use std::io;
use std::path::Path;

use payambar_signaling::ids::{FileId, SessionId};
use payambar_signaling::wire::FileFrame;
use tokio::sync::Notify;

pub use adopt::Uploads;
pub use blobs::{Blobs, Sealed};
pub use catch_up::run as catch_up;
pub use collect::run as collect;
pub use links::Links;
pub use name::{clean, disposition};
use picture::Pictures;
pub use picture::Seen;
use rates::Rates;
pub use sniff::{is_inline, sniff};

use crate::config::Redacted;
use crate::store::files::Kept;

/// Where the picture of a person is had.
pub fn picture_of(id: FileId) -> String {
    format!("/api/files/{id}")
}

/// How much there may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A file has at most so many bytes.
    pub max_bytes: u64,
    /// So many the files of one person together; `None` = no limit.
    pub per_person: Option<u64>,
    /// So many are left free on the disk.
    pub min_free: u64,
}

/// Everything the handlers of files need.
pub struct Files {
    /// The bytes.
    pub blobs: Blobs,
    /// The addresses.
    pub links: Links,
    /// Looks at pictures.
    pub pictures: Pictures,
    /// What may be sent.
    pub limits: Limits,
    /// What was sent lately; `None` = nobody counts.
    pub rates: Option<Rates>,
    /// Told when something was erased, so that its bytes go soon.
    pub erased: Notify,
}

impl Files {
    /// Files in this folder, which is made if need be.
    ///
    /// # Errors
    ///
    /// The system's, naming the folder.
    pub fn open(
        folder: &Path,
        key: &Redacted<String>,
        limits: Limits,
        rate_limit: bool,
    ) -> io::Result<Self> {
        Ok(Self {
            blobs: Blobs::open(folder)?,
            links: Links::new(key),
            pictures: Pictures::new(),
            limits,
            rates: rate_limit.then(Rates::default),
            erased: Notify::new(),
        })
    }
}

impl Files {
    /// Whether the disk has room for `more` bytes without becoming full: the
    /// database needs what is left.
    pub fn has_room(&self, more: u64) -> bool {
        match self.blobs.free_bytes() {
            Ok(free) => free.saturating_sub(more) >= self.limits.min_free,
            Err(error) => {
                tracing::error!(%error, "how full the disk is cannot be told");
                true
            }
        }
    }

    /// Keeps bytes of our own.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn keep(&self, bytes: &[u8]) -> io::Result<Kept> {
        let mut draft = self.blobs.draft().await?;
        draft.write(bytes).await?;
        self.blobs.keep(draft.seal().await?).await
    }

    /// A picture without where, when and with what it was taken; other files,
    /// and what cannot be read, as they came.
    ///
    /// # Errors
    ///
    /// The system's.
    pub async fn without_metadata(&self, kind: &str, sealed: Sealed) -> io::Result<Sealed> {
        if !matches!(kind, "image/jpeg" | "image/png" | "image/webp") {
            return Ok(sealed);
        }
        let Some(path) = sealed.path() else {
            return Ok(sealed);
        };
        match self.pictures.stripped(path).await {
            Some(clean) => {
                let mut draft = self.blobs.draft().await?;
                draft.write(&clean).await?;
                draft.seal().await
            }
            None => Ok(sealed),
        }
    }

    /// Removes bytes that turned out to be needed by nobody.
    pub async fn discard(&self, names: &[String]) {
        for name in names {
            if let Err(error) = self.blobs.remove(name).await {
                tracing::warn!(%error, "bytes that nobody needs stay until they are swept");
            }
        }
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
