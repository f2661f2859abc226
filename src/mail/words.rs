//! What a mail says, in the language of whom it goes to. Plain text: nothing
//! in it is fetched, and nothing tells that it was read.

use std::sync::Arc;

use crate::config::host_of;
use crate::i18n::{Catalogue, Lang};
use crate::store::mails::{Kind, Letter};

/// One mail in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// What it is about.
    pub subject: String,
    /// All of it.
    pub body: String,
}

/// Puts mails into words.
pub struct Words {
    catalogue: Arc<Catalogue>,
    /// Where people open the app; mails name no other address, and none that a
    /// request named.
    origin: Option<String>,
}

impl Words {
    /// Words from this catalogue about the app at this origin.
    pub fn new(catalogue: Arc<Catalogue>, origin: Option<String>) -> Self {
        Self { catalogue, origin }
    }

    /// What a mail about the account of that name says, or about those of
    /// several, a line each; `code` is its code.
    pub fn write(&self, letter: &Letter, name: &str, code: &str) -> Text {
        let lang = letter.lang;
        let host = self.origin.as_deref().map_or("Payambar", host_of);
        let word = letter.kind.as_str();
        let fill = |part: &str| {
            self.words(&format!("mail.{word}.{part}"), lang)
                .replace("{name}", name)
                .replace("{host}", host)
                .replace("{code}", code)
        };
        let (subject, mut body) = (fill("subject"), fill("body"));
        if let Some(link) = self.link(letter.kind, code) {
            body.push_str("\n\n");
            body.push_str(&self.words("mail.link", lang).replace("{link}", &link));
        }
        body.push_str("\n\n-- \n");
        body.push_str(self.words("mail.sender", lang));
        body.push(' ');
        body.push_str(host);
        body.push('\n');
        Text { subject, body }
    }

    /// What a mail leads to. A code stands behind the #, which no browser sends
    /// to any server.
    fn link(&self, kind: Kind, code: &str) -> Option<String> {
        let origin = self.origin.as_deref()?;
        match kind {
            Kind::Verify => Some(format!("{origin}/email#{code}")),
            Kind::Reset => Some(format!("{origin}/reset#{code}")),
            Kind::LetIn => Some(origin.to_owned()),
            Kind::Moved | Kind::Removed | Kind::NotLetIn | Kind::Waiting => None,
        }
    }

    fn words(&self, key: &str, lang: Lang) -> &str {
        self.catalogue.words(key, lang)
    }
}
