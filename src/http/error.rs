//! The two faces of an error: a stable code for the client, text for the log.

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
}

impl ApiError {
    /// An error with a status of its own.
    pub const fn new(status: StatusCode, code: Code) -> Self {
        Self { status, code }
    }
}

/// The status that goes with a code unless a call says otherwise.
const fn status(code: Code) -> StatusCode {
    match code {
        Code::MissingToken | Code::InvalidToken | Code::BadCredentials => StatusCode::UNAUTHORIZED,
        Code::OriginForbidden | Code::NotReceiver | Code::AccountSuspended => StatusCode::FORBIDDEN,
        Code::NotFound
        | Code::UserNotFound
        | Code::ConversationNotFound
        | Code::SessionNotFound => StatusCode::NOT_FOUND,
        Code::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::TooManyAttempts | Code::SlowDown => StatusCode::TOO_MANY_REQUESTS,
        Code::StorageFailed => StatusCode::SERVICE_UNAVAILABLE,
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
        | Code::DisplayNameInvalid
        | Code::PushEndpointInvalid
        | Code::PushEndpointUnreachable
        | Code::PushKeysInvalid => StatusCode::BAD_REQUEST,
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
    let (json_parts, body) =
        Json(json!({ "error": catalogue.error(code, lang), "code": code.as_str() }))
            .into_response()
            .into_parts();
    parts.headers.extend(json_parts.headers);
    Response::from_parts(parts, body)
}
