//! The server's words: texts of errors and notifications, taken from the same
//! catalogues that the web app uses (`web/lang/*.json`, keys `error.<code>` and
//! `push.…` and `mail.…`).

use std::collections::BTreeMap;

use payambar_signaling::wire::Code;

use crate::assets::Assets;

/// A language the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// Persian.
    #[default]
    Fa,
    /// English.
    En,
}

impl Lang {
    /// The word for it, as in a language tag.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fa => "fa",
            Self::En => "en",
        }
    }

    /// The language of this word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Fa, Self::En]
            .into_iter()
            .find(|lang| lang.as_str() == word)
    }

    /// A limit of bytes in words.
    pub fn at_most(self, bytes: u64) -> String {
        let size = self.size(bytes);
        match self {
            Self::Fa => format!("حداکثر {size}"),
            Self::En => format!("at most {size}"),
        }
    }

    /// An amount of bytes in words.
    fn size(self, bytes: u64) -> String {
        let (count, unit) = match bytes {
            0..1024 => (bytes * 10, 0),
            1024..1_048_576 => (bytes * 10 / 1024, 1),
            _ => (bytes / 1024 * 10 / 1024, 2),
        };
        let (whole, tenth) = (count / 10, count % 10);
        let number = match (self, tenth) {
            (_, 0) => whole.to_string(),
            (Self::Fa, tenth) => format!("{whole}٫{tenth}"),
            (Self::En, tenth) => format!("{whole}.{tenth}"),
        };
        let units = match self {
            Self::Fa => ["بایت", "کیلوبایت", "مگابایت"],
            Self::En => ["bytes", "KB", "MB"],
        };
        let persian = |c: char| match c.to_digit(10) {
            Some(digit) if self == Self::Fa => char::from_u32(u32::from('۰') + digit).unwrap_or(c),
            Some(_) | None => c,
        };
        let number: String = number.chars().map(persian).collect();
        format!("{number} {}", units.get(unit).copied().unwrap_or_default())
    }

    /// The best language of an `Accept-Language` header (RFC 9110 §12.5.4), or
    /// `default` when it names none of ours.
    pub fn from_header(header: &str, default: Self) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for item in header.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default().to_ascii_lowercase();
            let lang = match tag.split('-').next() {
                Some("fa") => Self::Fa,
                Some("en") => Self::En,
                Some(_) | None => continue,
            };
            let quality = parts
                .find_map(|p| p.strip_prefix("q=")?.parse().ok())
                .unwrap_or(1.0_f32);
            if quality > 0.0 && best.is_none_or(|(top, _)| quality > top) {
                best = Some((quality, lang));
            }
        }
        best.map_or(default, |(_, lang)| lang)
    }
}

/// The texts of all error codes and notifications in both languages.
#[derive(Debug)]
pub struct Catalogue {
    fa: BTreeMap<String, String>,
    en: BTreeMap<String, String>,
}

impl Catalogue {
    /// Reads the embedded catalogues.
    pub fn load() -> Self {
        Self {
            fa: words("lang/fa.json"),
            en: words("lang/en.json"),
        }
    }

    /// The sentence for a code; the code itself where a catalogue lacks it.
    pub fn error(&self, code: Code, lang: Lang) -> &str {
        self.find(&format!("error.{}", code.as_str()), lang)
            .unwrap_or(code.as_str())
    }

    /// The words under a `push.…` or `mail.…` key; none where a catalogue lacks them.
    pub fn words(&self, key: &str, lang: Lang) -> &str {
        self.find(key, lang).unwrap_or_default()
    }

    fn find(&self, key: &str, lang: Lang) -> Option<&str> {
        let texts = match lang {
            Lang::Fa => &self.fa,
            Lang::En => &self.en,
        };
        texts.get(key).map(String::as_str)
    }
}

fn words(path: &str) -> BTreeMap<String, String> {
    let Some(file) = Assets::get(path) else {
        return BTreeMap::new();
    };
    let Ok(words) = serde_json::from_slice::<BTreeMap<String, serde_json::Value>>(&file.data)
    else {
        return BTreeMap::new();
    };
    words
        .into_iter()
        .filter(|(key, _)| {
            ["error.", "push.", "mail."]
                .iter()
                .any(|kind| key.starts_with(kind))
        })
        .filter_map(|(key, text)| Some((key, text.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_wanted_language_wins() {
        for (header, lang) in [
            ("", Lang::Fa),
            ("en", Lang::En),
            ("en-US,en;q=0.9,fa;q=0.8", Lang::En),
            ("en;q=0.4, fa-IR;q=0.9", Lang::Fa),
            ("de-DE, fr;q=0.8", Lang::Fa),
            ("en;q=0", Lang::Fa),
        ] {
            assert_eq!(Lang::from_header(header, Lang::Fa), lang, "{header}");
        }
    }

    #[test]
    fn a_size_is_said_in_the_digits_of_the_language() {
        assert_eq!(Lang::En.size(10_485_760), "10 MB");
        assert_eq!(Lang::En.size(1_572_864), "1.5 MB");
        assert_eq!(Lang::Fa.size(10_485_760), "۱۰ مگابایت");
        assert_eq!(Lang::Fa.size(1_536), "۱٫۵ کیلوبایت");
        assert_eq!(Lang::En.size(900), "900 bytes");
    }

    #[test]
    fn every_code_has_words_in_both_languages() {
        let catalogue = Catalogue::load();
        for code in Code::ALL {
            for lang in [Lang::Fa, Lang::En] {
                assert_ne!(catalogue.error(*code, lang), code.as_str(), "{lang:?}");
            }
        }
    }
}
