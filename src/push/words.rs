//! What a notification says: old clients read `title`, `body` and `url`, ours
//! the fields beside them, and Safari shows `notification` without asking
//! anybody (Push API, declarative push message).

use std::time::Duration;

use payambar_signaling::chat::{Body, StoredMessage};
use payambar_signaling::hub::RingingEnd;
use payambar_signaling::ids::CallId;
use serde_json::{Value, json};
use unicode_segmentation::UnicodeSegmentation as _;

use super::Privacy;
use crate::i18n::{Catalogue, Lang};
use crate::store::Addressee;

/// A push service keeps a message for a day, as a phone may be off so long.
pub const MESSAGE_TTL: Duration = Duration::from_secs(86_400);

/// A call is no news after that.
pub const CALL_TTL: Duration = Duration::from_secs(30);

/// A text is cut after so many graphemes, and so many bytes.
const TEXT: usize = 120;
const TEXT_BYTES: usize = 600;

/// Asks a browser to understand the rest by itself.
const DECLARATIVE: u32 = 8030;

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum News<'a> {
    /// A message came.
    Message(&'a StoredMessage),
    /// A call rings.
    Ringing(CallId),
    /// It does not any more.
    Over(CallId, RingingEnd),
}

impl News<'_> {
    /// What notifications about the same thing have in common: a newer one
    /// takes the place of an older one.
    pub fn tag(self) -> String {
        match self {
            Self::Message(message) => format!("chat-{}", message.conversation),
            Self::Ringing(call) | Self::Over(call, _) => format!("call-{call}"),
        }
    }

    /// How long the push service keeps it.
    pub const fn ttl(self) -> Duration {
        match self {
            Self::Message(_) | Self::Over(_, RingingEnd::Missed) => MESSAGE_TTL,
            Self::Ringing(_) | Self::Over(_, RingingEnd::Answered | RingingEnd::Declined) => {
                CALL_TTL
            }
        }
    }

    /// Its word for clients.
    const fn kind(self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Ringing(_) => "call",
            Self::Over(_, RingingEnd::Missed) => "missed_call",
            Self::Over(_, RingingEnd::Answered | RingingEnd::Declined) => "call_over",
        }
    }
}

/// Puts what happened into words.
#[derive(Debug)]
pub struct Writer<'a> {
    /// All words.
    pub catalogue: &'a Catalogue,
    /// Scheme and host of the web app; empty where it is not known.
    pub origin: &'a str,
}

impl Writer<'_> {
    /// The whole text of a push, for a browser in this language.
    pub fn write(&self, news: News<'_>, to: &Addressee, lang: Lang) -> Value {
        let (title, body) = self.sentence(news, to, lang);
        let dir = match lang {
            Lang::Fa => "rtl",
            Lang::En => "ltr",
        };
        let navigate = format!("{}{}", self.origin, path(to));
        let mut notification = json!({
            "title": title,
            "body": body,
            "lang": lang.as_str(),
            "dir": dir,
            "tag": news.tag(),
            "navigate": navigate,
        });
        let mut push = json!({
            "title": title,
            "body": body,
            "url": "/",
            "kind": news.kind(),
            "tag": news.tag(),
            "lang": lang.as_str(),
            "dir": dir,
            "web_push": DECLARATIVE,
            "mutable": true,
            "app_badge": to.unread,
        });
        match news {
            News::Message(message) => {
                set(&mut push, "conversation_id", json!(message.conversation));
                set(&mut push, "message_id", json!(message.id));
            }
            News::Ringing(call) => {
                set(&mut push, "call_id", json!(call));
                set(&mut notification, "require_interaction", json!(true));
                let action = |name: &str| {
                    let title = self.catalogue.words(&format!("push.call.{name}"), lang);
                    json!({ "action": name, "title": title, "navigate": navigate })
                };
                let actions = json!([action("answer"), action("decline")]);
                set(&mut notification, "actions", actions);
            }
            News::Over(call, end) => {
                set(&mut push, "call_id", json!(call));
                let is_news = end == RingingEnd::Missed;
                set(&mut notification, "silent", json!(!is_news));
            }
        }
        set(&mut push, "notification", notification);
        push
    }

    fn sentence(&self, news: News<'_>, to: &Addressee, lang: Lang) -> (String, String) {
        let words = |key: &str| self.catalogue.words(&format!("push.{key}"), lang);
        let title = match news {
            News::Message(_) => "message",
            News::Ringing(_) => "call",
            News::Over(_, RingingEnd::Missed) => "missed",
            News::Over(_, RingingEnd::Answered | RingingEnd::Declined) => "over",
        };
        let body = match (news, to.privacy) {
            (News::Message(message), Privacy::Full) => match preview(&message.body) {
                Some(text) => {
                    let body = words("message.full").replace("{name}", &name(to));
                    return (self.title(words(title), to), body.replace("{text}", &text));
                }
                None => "message.name",
            },
            (News::Message(_), Privacy::Name) => "message.name",
            (News::Message(_), Privacy::Neutral) => "message.neutral",
            (News::Ringing(_), Privacy::Full | Privacy::Name) => "call.name",
            (News::Ringing(_), Privacy::Neutral) => "call.neutral",
            (News::Over(_, RingingEnd::Missed), Privacy::Full | Privacy::Name) => "missed.name",
            (News::Over(_, RingingEnd::Missed), Privacy::Neutral) => "missed.neutral",
            (News::Over(_, RingingEnd::Answered), _) => "over.answered",
            (News::Over(_, RingingEnd::Declined), _) => "over.declined",
        };
        let body = words(body).replace("{name}", &name(to));
        (self.title(words(title), to), body)
    }

    /// The group's name, where it may be shown, else the words.
    fn title(&self, words: &str, to: &Addressee) -> String {
        match (&to.group, to.privacy) {
            (Some((_, name)), Privacy::Full | Privacy::Name) => isolated(name),
            (Some(_), Privacy::Neutral) | (None, _) => words.to_owned(),
        }
    }
}

/// The conversation with the other person or the group, as the web app names it; the list
/// where no name may be shown.
fn path(to: &Addressee) -> String {
    match to.privacy {
        Privacy::Full | Privacy::Name => match &to.group {
            Some((group, _)) => format!("/g/{group}"),
            None => format!("/c/{}", to.other.0),
        },
        Privacy::Neutral => "/".to_owned(),
    }
}

fn name(to: &Addressee) -> String {
    let (username, shown) = &to.other;
    isolated(shown.as_deref().unwrap_or(username))
}

/// What may be shown of a message. Of what only its two people can read, or
/// what is no text, nothing.
fn preview(body: &Body) -> Option<String> {
    match body {
        Body::Text(text) => Some(isolated(&cut(text))),
        Body::File(file) => Some(isolated(&cut(&file.line()))),
        Body::Sealed(_) | Body::Call(_) | Body::Event(_) => None,
    }
}

/// Keeps the direction of the words of people from that of the sentence
/// around them (Unicode UAX #9 §2.5).
fn isolated(text: &str) -> String {
    format!("\u{2068}{text}\u{2069}")
}

/// The beginning of a text on one line, without characters that turn or end
/// the text around it.
fn cut(text: &str) -> String {
    let is_turning = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut line = String::new();
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut count = 0;
    for word in words.by_ref().filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
            count += 1;
        }
        for grapheme in word.graphemes(true) {
            if grapheme.contains(is_turning) {
                continue;
            }
            if count >= TEXT || line.len() + grapheme.len() > TEXT_BYTES {
                return format!("{}…", line.trim_end());
            }
            line.push_str(grapheme);
            count += 1;
        }
    }
    line
}

fn set(object: &mut Value, key: &str, value: Value) {
    if let Some(object) = object.as_object_mut() {
        object.insert(key.to_owned(), value);
    }
}

#[cfg(test)]
mod tests;
