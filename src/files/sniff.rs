//! What a file is, by its first bytes. What its sender says of it counts only
//! where the same bytes may be sound or film. Nothing that a browser would run
//! or lay out as a page has a type here: it goes out as mere bytes.

/// Of everything that has no better type.
const BYTES: &str = "application/octet-stream";

/// The type of a file that begins so; `sound` where its sender means sound.
pub fn sniff(head: &[u8], sound: bool) -> &'static str {
    let at = |place: usize, wanted: &[u8]| {
        head.get(place..)
            .is_some_and(|rest| rest.starts_with(wanted))
    };
    let either = |audio, video| if sound { audio } else { video };
    match head {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "image/png",
        [0xff, 0xd8, 0xff, ..] => "image/jpeg",
        _ if at(0, b"GIF87a") || at(0, b"GIF89a") => "image/gif",
        _ if at(0, b"RIFF") && at(8, b"WEBP") => "image/webp",
        _ if at(0, b"RIFF") && at(8, b"WAVE") => "audio/wav",
        _ if at(4, b"ftyp") => mp4(head.get(8..12).unwrap_or_default(), sound),
        [0x1a, 0x45, 0xdf, 0xa3, ..] if holds(head, b"webm") => either("audio/webm", "video/webm"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => "video/x-matroska",
        _ if at(0, b"OggS") && holds(head, b"theora") => "video/ogg",
        _ if at(0, b"OggS") => "audio/ogg",
        _ if at(0, b"fLaC") => "audio/flac",
        _ if at(0, b"ID3") => "audio/mpeg",
        [0xff, 0xf1 | 0xf9, ..] => "audio/aac",
        // A frame of MPEG audio whose bit rate and sampling rate exist.
        [0xff, 0xe2..=0xff, rates, ..]
            if rates >> 4 != 0 && rates >> 4 != 15 && rates & 12 != 12 =>
        {
            "audio/mpeg"
        }
        _ if at(0, b"%PDF-") => "application/pdf",
        _ if at(0, b"PK\x03\x04") => "application/zip",
        _ => BYTES,
    }
}

/// By the brand of an ISO base media file.
fn mp4(brand: &[u8], sound: bool) -> &'static str {
    match brand {
        b"avif" | b"avis" => "image/avif",
        b"heic" | b"heix" | b"mif1" | b"hevc" | b"msf1" => BYTES,
        b"M4A " | b"M4B " => "audio/mp4",
        b"qt  " => "video/quicktime",
        _ if sound => "audio/mp4",
        _ => "video/mp4",
    }
}

fn holds(head: &[u8], wanted: &[u8]) -> bool {
    let beginning = head.get(..head.len().min(64)).unwrap_or_default();
    beginning.windows(wanted.len()).any(|part| part == wanted)
}

/// Whether a browser may show or play it where it stands.
pub fn is_inline(content_type: &str) -> bool {
    content_type.starts_with("audio/")
        || content_type.starts_with("video/")
        || matches!(
            content_type,
            "image/png" | "image/jpeg" | "image/gif" | "image/webp" | "image/avif"
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_sound_and_film_are_known_by_their_bytes() {
        let cases: [(&[u8], &str); 12] = [
            (b"\x89PNG\r\n\x1a\n....", "image/png"),
            (b"\xff\xd8\xff\xe0", "image/jpeg"),
            (b"GIF89a....", "image/gif"),
            (b"RIFF....WEBPVP8 ", "image/webp"),
            (b"\0\0\0\x1cftypavif", "image/avif"),
            (b"RIFF....WAVEfmt ", "audio/wav"),
            (b"OggS....OpusHead", "audio/ogg"),
            (b"ID3\x04", "audio/mpeg"),
            (b"\xff\xfb\x90\x44", "audio/mpeg"),
            (b"\0\0\0\x20ftypisom", "video/mp4"),
            (b"\x1a\x45\xdf\xa3....webm", "video/webm"),
            (b"%PDF-1.7", "application/pdf"),
        ];
        for (head, kind) in cases {
            assert_eq!(sniff(head, false), kind);
        }
    }

    #[test]
    fn its_sender_says_whether_it_is_sound_or_film() {
        assert_eq!(sniff(b"\x1a\x45\xdf\xa3....webm", true), "audio/webm");
        assert_eq!(sniff(b"\0\0\0\x20ftypisom", true), "audio/mp4");
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n", true), "image/png");
    }

    #[test]
    fn what_a_browser_would_run_is_mere_bytes() {
        for head in [
            b"<svg xmlns=\"http://www.w3.org/2000/svg\">".as_slice(),
            b"<!doctype html><script>",
            b"<?xml version=\"1.0\"?>",
            b" GIF89a",
            b"alert(1)",
            b"\xef\xbb\xbf<html>",
            b"\xff\xff\xff\xff",
            b"",
        ] {
            assert_eq!(sniff(head, false), BYTES);
            assert!(!is_inline(sniff(head, true)));
        }
        assert!(!is_inline("application/pdf"));
        assert!(!is_inline("image/svg+xml"));
    }
}
