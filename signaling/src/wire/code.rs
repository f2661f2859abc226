//! The codes of refusals, the same in REST and on the WebSocket, and their
//! texts for people.

use serde::{Serialize, Serializer};

/// The languages the server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Persian, unless the client asks for another.
    #[default]
    Persian,
    /// English.
    English,
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal $persian:literal $english:literal;)*) => {
        /// Why something was refused. Clients decide by it, so a word never
        /// changes; `PROTOCOL.md` lists them all.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// The text for people.
            #[must_use]
            pub const fn text(self, language: Language) -> &'static str {
                match (self, language) {
                    $(
                        (Self::$name, Language::Persian) => $persian,
                        (Self::$name, Language::English) => $english,
                    )*
                }
            }
        }
    };
}

codes! {
    /// Not JSON, no type, or a field missing or of the wrong kind.
    BadFrame "bad_frame"
        "پیام فرستاده‌شده درست نیست." "The frame is malformed.";
    /// No such frame.
    UnknownType "unknown_type"
        "این نوع پیام شناخته نیست." "This type of frame is not known.";
    /// Body or parameters not as the protocol says.
    BadRequest "bad_request"
        "درخواست درست نیست." "The request is malformed.";
    /// No such path.
    NotFound "not_found"
        "چنین نشانی‌ای وجود ندارد." "There is nothing at this address.";
    /// The body is over its limit.
    BodyTooLarge "body_too_large"
        "درخواست بیش از اندازه بزرگ است." "The request is too large.";
    /// The text is empty.
    ContentEmpty "content_empty"
        "متن پیام خالی است." "The message is empty.";
    /// The text is over 8,000 characters.
    ContentTooLong "content_too_long"
        "متن پیام بیش از ۸۰۰۰ نویسه است." "The message is longer than 8,000 characters.";
    /// There is no such person.
    UserNotFound "user_not_found"
        "چنین کاربری پیدا نشد." "There is no such user.";
    /// There is no such conversation, or not for this person.
    ConversationNotFound "conversation_not_found"
        "چنین گفتگویی پیدا نشد." "There is no such conversation.";
    /// There is no such message, or not for this person.
    MessageNotFound "message_not_found"
        "چنین پیامی پیدا نشد." "There is no such message.";
    /// A message to oneself.
    SelfMessage "self_message"
        "نمی‌توانید به خودتان پیام بفرستید." "You cannot send a message to yourself.";
    /// A conversation with oneself.
    SelfConversation "self_conversation"
        "نمی‌توانید با خودتان گفتگو کنید." "You cannot start a conversation with yourself.";
    /// A call to oneself.
    SelfCall "self_call"
        "نمی‌توانید با خودتان تماس بگیرید." "You cannot call yourself.";
    /// A mark from anybody but the receiver.
    NotReceiver "not_receiver"
        "فقط گیرندهٔ پیام می‌تواند آن را نشان‌گذاری کند." "Only the receiver of a message can mark it.";
    /// Over the rate limit.
    SlowDown "slow_down"
        "کمی آهسته‌تر؛ درخواست‌ها بیش از اندازه‌اند." "Too fast. Please slow down.";
    /// Over the limit for register and login.
    TooManyAttempts "too_many_attempts"
        "تلاش‌ها بیش از اندازه بود. کمی بعد دوباره امتحان کنید." "Too many attempts. Please try again later.";
    /// A session description over 32 KiB.
    SdpTooLarge "sdp_too_large"
        "مشخصات تماس بیش از اندازه بزرگ است." "The session description is too large.";
    /// Over 64 candidates of one side in one negotiation.
    TooManyCandidates "too_many_candidates"
        "مسیرهای پیشنهادی تماس بیش از اندازه‌اند." "Too many network candidates in this call.";
    /// The call does not exist, is over, or belongs to others.
    CallUnknown "call_unknown"
        "این تماس وجود ندارد یا پایان یافته است." "This call does not exist or is over.";
    /// The call is answered already.
    CallNotRinging "call_not_ringing"
        "این تماس دیگر زنگ نمی‌خورد." "This call is no longer ringing.";
    /// The call is not answered yet.
    CallNotActive "call_not_active"
        "هنوز به این تماس پاسخ داده نشده است." "This call has not been answered yet.";
    /// One person is in one call.
    AlreadyInCall "already_in_call"
        "شما در تماس دیگری هستید." "You are already in a call.";
    /// No token.
    MissingToken "missing_token"
        "برای این کار باید وارد شوید." "Please sign in first.";
    /// A bad, expired or ended token.
    InvalidToken "invalid_token"
        "نشست شما پایان یافته است. دوباره وارد شوید." "Your session has ended. Please sign in again.";
    /// A foreign origin.
    OriginForbidden "origin_forbidden"
        "دسترسی از این سایت مجاز نیست." "Access from this site is not allowed.";
    /// Wrong name or password.
    BadCredentials "bad_credentials"
        "نام کاربری یا گذرواژه نادرست است." "The username or password is wrong.";
    /// The account may not sign in.
    AccountSuspended "account_suspended"
        "این حساب مسدود شده است." "This account is suspended.";
    /// The name is too short or too long.
    UsernameLength "username_length"
        "طول نام کاربری مجاز نیست." "The username is too short or too long.";
    /// The name has characters it may not have.
    UsernameChars "username_chars"
        "نام کاربری نویسهٔ غیرمجاز دارد." "The username contains characters that are not allowed.";
    /// The name belongs to somebody.
    UsernameTaken "username_taken"
        "این نام کاربری گرفته شده است." "This username is taken.";
    /// The password is too short.
    PasswordShort "password_short"
        "گذرواژه کوتاه است." "The password is too short.";
    /// The password is too long.
    PasswordLong "password_long"
        "گذرواژه بیش از اندازه بلند است." "The password is too long.";
    /// The display name has a wrong length or characters it may not have.
    DisplayNameInvalid "display_name_invalid"
        "نام نمایشی مجاز نیست." "The display name is not allowed.";
    /// The database refused the write; nothing was kept.
    StorageFailed "storage_failed"
        "ذخیره نشد. دوباره امتحان کنید." "It could not be saved. Please try again.";
    /// Our fault; the log has the cause.
    Internal "internal"
        "خطایی در سرور رخ داد." "Something went wrong on the server.";
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_protocol_lists_exactly_these_codes() {
        let protocol = include_str!("../../PROTOCOL.md");
        let (_, table) = protocol.split_once("## Codes").expect("the table of codes");
        let listed: BTreeSet<&str> = table
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|row| row.split('|').next())
            .flat_map(|cell| cell.split(['`', ',', ' ']))
            .filter(|word| !word.is_empty())
            .collect();
        let known: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(listed, known);
        assert_eq!(known.len(), Code::ALL.len(), "each word once");
    }

    #[test]
    fn every_code_has_a_text_in_both_languages() {
        for code in Code::ALL {
            let persian = code.text(Language::Persian);
            let english = code.text(Language::English);
            assert!(!persian.is_ascii() && persian.len() > 5, "{code:?}");
            assert!(english.is_ascii() && english.len() > 5, "{code:?}");
        }
    }
}
