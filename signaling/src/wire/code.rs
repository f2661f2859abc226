//! The codes of refusals, the same in REST and on the WebSocket, and what
//! they are called on the wire. Their texts are in `web/lang`.

use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal;)*) => {
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
        }
    };
}

codes! {
    /// Not JSON, no type, or a field missing or of the wrong kind.
    BadFrame "bad_frame";
    /// No such frame.
    UnknownType "unknown_type";
    /// Body or parameters not as the protocol says.
    BadRequest "bad_request";
    /// No such path.
    NotFound "not_found";
    /// The body is over its limit.
    BodyTooLarge "body_too_large";
    /// The text is empty.
    ContentEmpty "content_empty";
    /// The text is over 8,000 characters.
    ContentTooLong "content_too_long";
    /// An envelope lacks a field, or one is too long.
    EnvelopeInvalid "envelope_invalid";
    /// There is no such person.
    UserNotFound "user_not_found";
    /// There is no such conversation, or not for this person.
    ConversationNotFound "conversation_not_found";
    /// A message to oneself.
    SelfMessage "self_message";
    /// A conversation with oneself.
    SelfConversation "self_conversation";
    /// A call to oneself.
    SelfCall "self_call";
    /// The other person does not want it.
    NotAllowed "not_allowed";
    /// One has blocked the other person oneself.
    BlockedByYou "blocked_by_you";
    /// A mark from anybody but the receiver.
    NotReceiver "not_receiver";
    /// There is no such message, or not any more.
    MessageNotFound "message_not_found";
    /// Only who wrote a message may take it back.
    NotSender "not_sender";
    /// Somebody else's conversation.
    NotParticipant "not_participant";
    /// No such group, or one is not in it.
    NotMember "not_member";
    /// Only the owner and the admins of a group may do so.
    NotModerator "not_moderator";
    /// Only the owner of a group may do so.
    NotOwner "not_owner";
    /// The owner hands a group over or deletes it before going.
    OwnerMustStay "owner_must_stay";
    /// A group has as many members as it may.
    GroupFull "group_full";
    /// A person is in as many groups as they may.
    TooManyGroups "too_many_groups";
    /// The name of a group has a wrong length or characters it may not have.
    GroupNameInvalid "group_name_invalid";
    /// The link into a group was never there, or has ended.
    GroupLinkInvalid "group_link_invalid";
    /// Over the rate limit.
    SlowDown "slow_down";
    /// Over the limit for register and login.
    TooManyAttempts "too_many_attempts";
    /// A session description over 32 KiB.
    SdpTooLarge "sdp_too_large";
    /// Over 64 candidates of one side in one negotiation.
    TooManyCandidates "too_many_candidates";
    /// The call does not exist, is over, or belongs to others.
    CallUnknown "call_unknown";
    /// The call is answered already.
    CallNotRinging "call_not_ringing";
    /// The call is not answered yet.
    CallNotActive "call_not_active";
    /// One person is in one call.
    AlreadyInCall "already_in_call";
    /// The room is empty, or the seat is not this socket's.
    RoomUnknown "room_unknown";
    /// The room has as many people as it may have.
    RoomFull "room_full";
    /// Nobody new comes into the room.
    RoomLocked "room_locked";
    /// This server has no voice rooms.
    RoomsOff "rooms_off";
    /// No token.
    MissingToken "missing_token";
    /// A bad, expired or ended token.
    InvalidToken "invalid_token";
    /// A refresh token was used twice; its session has ended.
    TokenReused "token_reused";
    /// A foreign origin.
    OriginForbidden "origin_forbidden";
    /// Wrong name or password.
    BadCredentials "bad_credentials";
    /// The password was made for the person, who has to choose another first.
    PasswordChangeRequired "password_change_required";
    /// The account may not sign in.
    AccountSuspended "account_suspended";
    /// The person has no such session.
    SessionNotFound "session_not_found";
    /// The account waits for approval.
    PendingApproval "pending_approval";
    /// The account was not let in.
    Rejected "rejected";
    /// Nobody may register.
    RegistrationClosed "registration_closed";
    /// One may register with an invitation only.
    InviteRequired "invite_required";
    /// The invitation does not exist, has ended or is used up.
    InviteInvalid "invite_invalid";
    /// That does not lead out of the account's state.
    InvalidState "invalid_state";
    /// The last administrator stays one.
    LastAdmin "last_admin";
    /// The name is too short or too long.
    UsernameLength "username_length";
    /// The name has characters it may not have.
    UsernameChars "username_chars";
    /// The name belongs to somebody.
    UsernameTaken "username_taken";
    /// The password is too short.
    PasswordShort "password_short";
    /// The password is too long.
    PasswordLong "password_long";
    /// The new password is the old one.
    PasswordSame "password_same";
    /// What was to be an e-mail address is none.
    EmailInvalid "email_invalid";
    /// The e-mail address belongs to another account.
    EmailTaken "email_taken";
    /// A mailed code is wrong, over, used, or replaced by a newer one.
    CodeInvalid "code_invalid";
    /// This server sends no e-mail.
    MailOff "mail_off";
    /// The display name has a wrong length or characters it may not have.
    DisplayNameInvalid "display_name_invalid";
    /// The text about oneself is too long or has characters it may not have.
    BioInvalid "bio_invalid";
    /// No https address of a push service on the public internet.
    PushEndpointInvalid "push_endpoint_invalid";
    /// The push service's host has no address.
    PushEndpointUnreachable "push_endpoint_unreachable";
    /// The keys are not those of a browser.
    PushKeysInvalid "push_keys_invalid";
    /// No file in the upload.
    FileMissing "file_missing";
    /// The file is over the limit.
    FileTooLarge "file_too_large";
    /// What was to be a picture cannot be read as one.
    NotAPicture "not_a_picture";
    /// The files of a person together are over their share.
    QuotaExceeded "quota_exceeded";
    /// The disk is as full as it may become.
    StorageFull "storage_full";
    /// No person to send the file to.
    ReceiverInvalid "receiver_invalid";
    /// The database refused the write; nothing was kept.
    StorageFailed "storage_failed";
    /// Our fault; the log has the cause.
    Internal "internal";
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
}
