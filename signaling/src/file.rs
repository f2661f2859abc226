//! What is known of a file that one person sends to another: the values only.
//! Where its bytes lie and who may have them is the shell's business.

use crate::ids::FileId;

/// The words kept for a file where only words are known. They never change:
/// clients of the core dialect look for them.
pub const WORDS: &str = "[فایل]";

/// A name that begins so is of a voice message.
pub const VOICE_PREFIX: &str = "voice-";

/// The shape of a voice message has at most so many bytes, one per bar.
pub const MAX_WAVEFORM_BYTES: usize = 100;

/// A file as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEntry {
    /// Its id.
    pub id: FileId,
    /// The name to show.
    pub name: String,
    /// How large it is.
    pub size_bytes: u64,
    /// What its bytes are, as found in them.
    pub content_type: String,
    /// Of a picture: how large it is shown.
    pub picture: Option<Picture>,
    /// Of a voice message, as its client says.
    pub voice: Option<Voice>,
}

/// What is known of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Picture {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
    /// Whether there is a small one of it.
    pub thumb: bool,
}

/// What is known of a voice message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Voice {
    /// How long it is.
    pub duration_ms: u32,
    /// How loud it is from begin to end: at most [`MAX_WAVEFORM_BYTES`] in
    /// base64.
    pub waveform: String,
}

impl FileEntry {
    /// The file in one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!("📎 {}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_one_line_is_a_paper_clip_and_its_name() {
        let entry = FileEntry {
            id: FileId::from_bytes([7; 16]),
            name: "گربه.png".to_owned(),
            size_bytes: 70_000,
            content_type: "image/png".to_owned(),
            picture: Some(Picture {
                width: 640,
                height: 480,
                thumb: true,
            }),
            voice: None,
        };
        assert_eq!(entry.line(), "📎 گربه.png");
    }
}
