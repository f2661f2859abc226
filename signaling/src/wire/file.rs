//! The fields of a message that has a file, in frames and in REST alike.

use serde::Serialize;

use crate::file::FileEntry;
use crate::ids::FileId;

/// What a client is told of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the fields are those of PROTOCOL.md")]
pub struct FileFrame {
    /// Which file; the client is told its address alone.
    #[serde(skip)]
    pub id: FileId,
    pub kind: &'static str,
    pub file_name: String,
    /// Where it is had; the hub leaves it empty, since an address is made for
    /// one session and signed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub file_url: String,
    pub file_content_type: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub file_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Whether [`Self::thumb_url`] is to be filled in.
    #[serde(skip)]
    pub has_thumb: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub thumb_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u32>,
    /// Base64.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub waveform: String,
}

impl From<&FileEntry> for FileFrame {
    fn from(entry: &FileEntry) -> Self {
        let voice = entry.voice.as_ref();
        Self {
            id: entry.id,
            kind: "file",
            file_name: entry.name.clone(),
            file_url: String::new(),
            file_content_type: entry.content_type.clone(),
            file_size: entry.size_bytes,
            width: entry.picture.map(|picture| picture.width),
            height: entry.picture.map(|picture| picture.height),
            has_thumb: entry.picture.is_some_and(|picture| picture.thumb),
            thumb_url: String::new(),
            duration_ms: voice.map(|voice| voice.duration_ms),
            waveform: voice.map_or_else(String::new, |voice| voice.waveform.clone()),
        }
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature is serde's"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}
