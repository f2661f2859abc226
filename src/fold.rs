//! Names as people look for them: without case, accents and the differences
//! between Arabic and Persian letters. The app folds by nearly the same rules
//! (`web/core/textdir.js`).

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// To be raised with every change of [`fold`]: what was cut under other rules
/// is cut again.
pub const VERSION: i64 = 1;

/// A folded text has at most so many letters: one letter may fold to eighteen.
const LONGEST: usize = 256;

/// The letters of a name that count. Blanks and joiners do not: half of all
/// people write them and half do not.
pub fn fold(text: &str) -> String {
    let folded = text.nfkd().flat_map(char::to_lowercase);
    let folded = folded.filter(|c| !is_combining_mark(*c) && !is_no_letter(*c));
    folded.map(one_for_many).take(LONGEST).collect()
}

/// Blanks, joiners, the stroke that stretches a word, and marks of direction.
fn is_no_letter(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{640}' | '\u{feff}')
}

/// Letters and digits that differ by keyboard alone.
fn one_for_many(c: char) -> char {
    match c {
        'ي' | 'ى' => 'ی',
        'ك' => 'ک',
        'ة' | 'ە' => 'ه',
        'ٱ' => 'ا',
        '۰'..='۹' => digit(c, '۰'),
        '٠'..='٩' => digit(c, '٠'),
        other => other,
    }
}

fn digit(c: char, zero: char) -> char {
    let value = u32::from(c).saturating_sub(u32::from(zero));
    char::from_digit(value, 10).unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keyboards_joiners_marks_and_case_make_no_difference() {
        for (one, other) in [
            ("علي", "علی"),
            ("مصطفى", "مصطفی"),
            ("كوردە", "کورده"),
            ("ٱلله", "الله"),
            ("كوروش", "کوروش"),
            ("علی\u{200c}رضا", "علی رضا"),
            ("علی\u{200c}رضا", "علیرضا"),
            ("آرش", "ارش"),
            ("أمير", "امیر"),
            ("فاطمة", "فاطمه"),
            ("سَـارا", "سارا"),
            ("رضا ۱۲", "رضا١٢"),
            ("Zoë", "ZOE"),
            ("İpek", "ipek"),
            ("\u{202e}sara\u{2069}", "Sara"),
            ("\u{feff}sa\0ra\u{7}", "Sara"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        assert_eq!(fold("Sara_99"), "sara_99");
        assert_ne!(fold("سارا"), fold("دارا"));
    }

    #[test]
    fn a_folded_text_stays_short() {
        assert_eq!(fold(&"\u{fdfa}".repeat(64)).chars().count(), LONGEST);
    }
}
