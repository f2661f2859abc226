//! The two faces of an error: a stable code for the client, text for the log.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use payambar_signaling::wire::Code;
use serde_json::json;

use crate::i18n::{Catalogue, Lang};
use crate::{accounts, store};

/// A refused call. Its words are filled in by [`localize`], which knows the
/// caller's language.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: Code,
    limit: Option<Limit>,
    /// When to come again.
    after: Option<Duration>,
}

/// What a refusal for too much says was allowed, in bytes.
#[derive(Debug, Clone, Copy)]
struct Limit(u64);

impl ApiError {
    /// An error with a status of its own.
    pub const fn new(status: StatusCode, code: Code) -> Self {
        Self {
            status,
            code,
            limit: None,
            after: None,
        }
    }

    /// Something has more than these bytes.
    pub fn over(code: Code, bytes: u64) -> Self {
        Self {
            limit: Some(Limit(bytes)),
            ..code.into()
        }
    }

    /// Too many attempts, and none is taken for so long.
    pub fn resting(rest: Duration) -> Self {
        Self {
            after: Some(rest),
            ..Code::TooManyAttempts.into()
        }
    }
}

/// The status that goes with a code unless a call says otherwise.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::MissingToken | Code::InvalidToken | Code::TokenReused | Code::BadCredentials => {
            StatusCode::UNAUTHORIZED
        }
        Code::OriginForbidden
        | Code::NotReceiver
        | Code::NotSender
        | Code::NotAllowed
        | Code::BlockedByYou
        | Code::NotParticipant
        | Code::NotMember
        | Code::NotModerator
        | Code::NotOwner
        | Code::RoomLocked
        | Code::AccountSuspended
        | Code::PasswordChangeRequired
        | Code::PendingApproval
        | Code::Rejected
        | Code::RegistrationClosed
        | Code::InviteRequired
        | Code::InviteInvalid => StatusCode::FORBIDDEN,
        Code::NotFound
        | Code::UserNotFound
        | Code::ConversationNotFound
        | Code::MessageNotFound
        | Code::GroupLinkInvalid
        | Code::MailOff
        | Code::RoomUnknown
        | Code::RoomsOff
        | Code::SessionNotFound => StatusCode::NOT_FOUND,
        Code::BodyTooLarge | Code::QuotaExceeded => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyAttempts | Code::SlowDown => StatusCode::TOO_MANY_REQUESTS,
        Code::InvalidState
        | Code::LastAdmin
        | Code::EmailTaken
        | Code::OwnerMustStay
        | Code::GroupFull
        | Code::RoomFull
        | Code::TooManyGroups => StatusCode::CONFLICT,
        Code::StorageFailed => StatusCode::SERVICE_UNAVAILABLE,
        Code::StorageFull => StatusCode::INSUFFICIENT_STORAGE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::BadFrame
        | Code::UnknownType
        | Code::BadRequest
        | Code::ContentEmpty
        | Code::ContentTooLong
        | Code::EnvelopeInvalid
        | Code::SelfMessage
        | Code::SelfConversation
        | Code::SelfCall
        | Code::SdpTooLarge
        | Code::TooManyCandidates
        | Code::CallUnknown
        | Code::CallNotRinging
        | Code::CallNotActive
        | Code::AlreadyInCall
        | Code::UsernameLength
        | Code::UsernameChars
        | Code::UsernameTaken
        | Code::PasswordShort
        | Code::PasswordLong
        | Code::PasswordSame
        | Code::EmailInvalid
        | Code::CodeInvalid
        | Code::DisplayNameInvalid
        | Code::GroupNameInvalid
        | Code::BioInvalid
        | Code::PushEndpointInvalid
        | Code::PushEndpointUnreachable
        | Code::PushKeysInvalid
        | Code::FileMissing
        | Code::NotAPicture
        | Code::FileTooLarge
        | Code::ReceiverInvalid => StatusCode::BAD_REQUEST,
    }
}

impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        Self::new(status(code), code)
    }
}

impl From<store::Error> for ApiError {
    fn from(error: store::Error) -> Self {
        if !matches!(error, store::Error::Refused(_)) {
            tracing::error!(%error, "a call failed");
        }
        error.code().into()
    }
}

impl From<accounts::Error> for ApiError {
    fn from(error: accounts::Error) -> Self {
        if !matches!(error, accounts::Error::Refused(_)) {
            tracing::error!(%error, "a call failed");
        }
        error.code().into()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self.code);
        if let Some(limit) = self.limit {
            response.extensions_mut().insert(limit);
        }
        if let Some(rest) = self.after {
            let seconds = rest.as_secs().saturating_add(1);
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// Gives an error its body.
pub fn localize(response: Response, catalogue: &Catalogue, lang: Lang) -> Response {
    let Some(code) = response.extensions().get::<Code>().copied() else {
        return response;
    };
    let (mut parts, _) = response.into_parts();
    // Of the empty body that goes.
    parts.headers.remove(header::CONTENT_LENGTH);
    let words = catalogue.error(code, lang);
    let json = match parts.extensions.get() {
        Some(Limit(bytes)) => json!({
            "error": format!("{} ({}).", words.trim_end_matches('.'), lang.at_most(*bytes)),
            "code": code.as_str(),
            "limit": bytes,
        }),
        None => json!({ "error": words, "code": code.as_str() }),
    };
    let (json_parts, body) = Json(json).into_response().into_parts();
    parts.headers.extend(json_parts.headers);
    Response::from_parts(parts, body)
}
