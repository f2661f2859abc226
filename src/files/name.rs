//! Names of files: only ever shown, never a path. A name that a person gave is
//! cleaned once, when it comes in.

use std::fmt::Write as _;

use unicode_segmentation::UnicodeSegmentation as _;

/// The longest name, in what people see as characters and in bytes.
const GRAPHEMES: usize = 64;
const BYTES: usize = 255;

/// What a name ends with is kept up to this length when the name is cut.
const ENDING: usize = 16;

/// Stands for a name of which nothing is left.
const NAMELESS: &str = "file";

/// A name that does no harm where it is shown: without folders, control
/// characters and such that turn the text around them, and not too long.
pub fn clean(raw: &str) -> String {
    let base = raw.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = base.chars().filter(|c| !is_disruptive(*c)).collect();
    let name = name.trim().trim_start_matches('.').trim_start();
    if name.is_empty() {
        return NAMELESS.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() && ending.len() < ENDING => {
            (stem, format!(".{ending}"))
        }
        Some(_) | None => (name, String::new()),
    };
    let graphemes = GRAPHEMES.saturating_sub(ending.graphemes(true).count());
    let mut cut = String::new();
    for grapheme in stem.graphemes(true).take(graphemes) {
        if cut.len() + grapheme.len() + ending.len() > BYTES {
            break;
        }
        cut.push_str(grapheme);
    }
    if cut.is_empty() {
        cut.push_str(NAMELESS);
    }
    cut + &ending
}

/// Control characters, and those that are not seen and turn or join the text
/// around them (Unicode TR36 §2.3). The half-space of Persian stays.
fn is_disruptive(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// The value of `Content-Disposition` (RFC 6266, RFC 8187): a name in ASCII for
/// old clients, and the whole one.
pub fn disposition(name: &str, inline: bool) -> String {
    let kind = if inline { "inline" } else { "attachment" };
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ') {
            c
        } else {
            '_'
        }
    };
    let ascii: String = name.chars().map(plain).collect();
    let mut value = format!("{kind}; filename=\"{ascii}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        // attr-char of RFC 8187 §3.2.1, as far as it is needed.
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            value.push(char::from(byte));
        } else {
            // Writing to a text does not fail.
            let _ = write!(value, "%{byte:02X}");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_no_folders_and_nothing_unseen() {
        for (raw, name) in [
            ("a.txt", "a.txt"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\sara\\a.txt", "a.txt"),
            ("..", "file"),
            ("", "file"),
            ("/", "file"),
            (".htaccess", "htaccess"),
            ("a\r\nSet-Cookie: x.txt", "aSet-Cookie: x.txt"),
            ("fdp.\u{202e}exe.txt", "fdp.exe.txt"),
            ("می\u{200c}روم.pdf", "می\u{200c}روم.pdf"),
            ("a\0b", "ab"),
        ] {
            assert_eq!(clean(raw), name, "{raw:?}");
        }
    }

    #[test]
    fn a_long_name_keeps_its_ending() {
        let name = clean(&format!("{}.jpeg", "س".repeat(300)));
        assert_eq!(name.graphemes(true).count(), 64);
        assert!(name.ends_with(".jpeg"));
        let bomb = clean(&format!("a{}.png", "\u{0301}".repeat(5000)));
        assert_eq!(bomb, "file.png");
    }

    #[test]
    fn a_name_in_a_header_is_ascii_whatever_it_is() {
        assert_eq!(
            disposition("گ \"x\".png", true),
            "inline; filename=\"_ _x_.png\"; filename*=UTF-8''%DA%AF%20%22x%22.png"
        );
        assert!(disposition("a\r\nb", false).starts_with("attachment; filename=\"a__b\""));
    }
}
