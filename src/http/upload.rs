//! `POST /api/upload`: a file on its way in. It is written to the disk as it
//! comes, judged, and made visible together with its message.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::multipart::{Field, Multipart};
use axum::extract::{FromRequest as _, Request, State};
use axum::response::IntoResponse as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use payambar_signaling::chat::{Body, Destination};
use payambar_signaling::file::{FileEntry, MAX_WAVEFORM_BYTES, Picture, VOICE_PREFIX, Voice};
use payambar_signaling::ids::{ConversationId, UserId};
use payambar_signaling::wire::{Code, FileFrame, MAX_CLIENT_MESSAGE_ID_CHARS};
use serde_json::json;

use super::App;
use super::api::Answer;
use super::auth::Caller;
use super::error::ApiError;
use crate::files::{self, Sealed, Seen};
use crate::store::files::{NewFile, Posted};
use crate::store::{Session, messages};

/// How long the next bytes may take.
const STALL: Duration = Duration::from_secs(30);

/// How long what is refused may take to come in to its end: only then does a
/// client read why.
const DRAIN: Duration = Duration::from_secs(5);

/// The disk is looked at once for so many bytes.
const LOOK_EVERY: u64 = 1024 * 1024;

/// A part that is no file has at most so many bytes.
const TEXT: usize = 1024;

/// What else a request with a file may hold.
pub const AROUND: u64 = 64 * 1024;

/// A voice message is at most a day long.
const LONGEST_MS: u32 = 86_400_000;

/// What came.
#[derive(Default)]
struct Form {
    to: Option<Destination>,
    client_message_id: Option<String>,
    duration_ms: Option<u32>,
    waveform: String,
    file: Option<Incoming>,
}

/// A file that came, and what its sender says of it.
struct Incoming {
    name: String,
    content_type: String,
    bytes: Sealed,
}

/// `POST /api/upload`.
pub async fn post(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    request: Request,
) -> Answer {
    let rates = app.files.rates.as_ref();
    if rates.is_some_and(|rates| !rates.may_send(session.user, Instant::now())) {
        return Err(Code::TooManyAttempts.into());
    }
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| Code::BadRequest)?;
    let form = match read(&app, &session, &mut parts).await {
        Ok(form) => form,
        Err(refusal) => {
            drain(&mut parts).await;
            return Err(refusal);
        }
    };
    let to = form.to.ok_or(Code::ReceiverInvalid)?;
    let file = form.file.ok_or(Code::FileMissing)?;
    let voice = form.duration_ms.map(|duration_ms| Voice {
        duration_ms,
        waveform: form.waveform,
    });
    let means_sound =
        file.content_type.starts_with("audio/") || file.name.starts_with(VOICE_PREFIX);
    if let Some(rates) = rates {
        rates.sent(session.user, file.bytes.size_bytes());
    }
    let entry = FileEntry {
        id: files::new_id().map_err(|_| Code::Internal)?,
        size_bytes: file.bytes.size_bytes(),
        content_type: files::sniff(file.bytes.head(), means_sound).to_owned(),
        picture: None,
        voice,
        name: file.name,
    };
    // Apart from the connection: once all of it is here, it is sent also when
    // the client does not wait for the answer.
    let client_message_id = form.client_message_id;
    let sending = tokio::spawn(send(
        Arc::clone(&app),
        session.clone(),
        to,
        client_message_id,
        entry,
        file.bytes,
    ));
    let posted = sending.await.map_err(|_| Code::Internal)??;
    answer(&app, &session, &posted)
}

/// Reads all parts.
async fn read(app: &App, session: &Session, parts: &mut Multipart) -> Result<Form, ApiError> {
    let mut form = Form::default();
    while let Some(field) = in_time(parts.next_field()).await? {
        match field.name().unwrap_or_default() {
            name @ ("receiver_id" | "conversation_id") => {
                let is_person = name == "receiver_id";
                let id = text(field).await?.parse::<i64>().ok().filter(|id| *id > 0);
                let id = id.ok_or(Code::ReceiverInvalid)?;
                form.to = Some(if is_person {
                    Destination::Person(UserId(id))
                } else {
                    Destination::Group(ConversationId(id))
                });
            }
            "client_message_id" => {
                let id = text(field).await?;
                if id.is_empty() || id.chars().count() > MAX_CLIENT_MESSAGE_ID_CHARS {
                    return Err(Code::BadRequest.into());
                }
                form.client_message_id = Some(id);
            }
            "duration_ms" => {
                let length = text(field).await?.parse::<u32>().ok();
                let length = length.filter(|length| *length <= LONGEST_MS);
                form.duration_ms = Some(length.ok_or(Code::BadRequest)?);
            }
            "waveform" => {
                let bars = STANDARD
                    .decode(text(field).await?)
                    .map_err(|_| Code::BadRequest)?;
                if bars.len() > MAX_WAVEFORM_BYTES {
                    return Err(Code::BadRequest.into());
                }
                form.waveform = STANDARD.encode(bars);
            }
            "file" => {
                if form.file.is_some() {
                    return Err(Code::BadRequest.into());
                }
                if let Some(to) = form.to {
                    permitted(app, session.user, to).await?;
                }
                form.file = Some(receive(app, field).await?);
            }
            _ => {}
        }
    }
    Ok(form)
}

/// Whether the sender may write there: asked before the bytes come,
/// where the order of the parts lets us. The writer judges again.
async fn permitted(app: &App, sender: UserId, to: Destination) -> Result<(), ApiError> {
    app.store
        .read(move |connection| messages::may_write(connection, sender, to))
        .await?;
    Ok(())
}

/// Writes the file to the disk as it comes.
async fn receive(app: &App, mut field: Field<'_>) -> Result<Incoming, ApiError> {
    let given = field.file_name().map(str::to_owned);
    let content_type = field.content_type().unwrap_or_default().to_owned();
    let limit = app.files.limits.max_bytes;
    let mut draft = app
        .files
        .blobs
        .draft()
        .await
        .map_err(|error| failed(&error))?;
    let mut looked_at = None;
    while let Some(bytes) = in_time(field.chunk()).await? {
        let step = draft.size_bytes() / LOOK_EVERY;
        if looked_at != Some(step) {
            looked_at = Some(step);
            if !app.files.has_room(LOOK_EVERY) {
                return Err(Code::StorageFull.into());
            }
        }
        if draft.size_bytes() + u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit {
            return Err(ApiError::over(Code::FileTooLarge, limit));
        }
        draft.write(&bytes).await.map_err(|error| failed(&error))?;
    }
    // What a form sends in which nobody has picked a file.
    if draft.size_bytes() == 0 && given.as_deref().unwrap_or_default().is_empty() {
        return Err(Code::FileMissing.into());
    }
    Ok(Incoming {
        name: files::clean(given.as_deref().unwrap_or_default()),
        content_type,
        bytes: draft.seal().await.map_err(|error| failed(&error))?,
    })
}

/// A short part as text.
async fn text(mut field: Field<'_>) -> Result<String, ApiError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = in_time(field.chunk()).await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > TEXT {
            return Err(Code::BadRequest.into());
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| Code::BadRequest)?;
    Ok(text.trim().to_owned())
}

/// The next of what comes, unless the client stalls or sends nonsense.
pub(super) async fn in_time<T, E>(next: impl Future<Output = Result<T, E>>) -> Result<T, ApiError> {
    match tokio::time::timeout(STALL, next).await {
        Ok(Ok(next)) => Ok(next),
        Ok(Err(_)) | Err(_) => Err(Code::BadRequest.into()),
    }
}

pub(super) async fn drain(parts: &mut Multipart) {
    let rest = async { while let Ok(Some(_)) = parts.next_field().await {} };
    let _ = tokio::time::timeout(DRAIN, rest).await;
}

/// Keeps the bytes and posts the message.
async fn send(
    app: Arc<App>,
    session: Session,
    to: Destination,
    client_message_id: Option<String>,
    mut entry: FileEntry,
    bytes: Sealed,
) -> Result<Posted, ApiError> {
    let bytes = app.files.without_metadata(&entry.content_type, bytes).await;
    let bytes = bytes.map_err(|error| failed(&error))?;
    entry.size_bytes = bytes.size_bytes();
    let seen = look(&app, &entry, &bytes).await;
    let bytes = app.files.blobs.keep(bytes).await;
    let bytes = bytes.map_err(|error| failed(&error))?;
    let mut kept = vec![bytes.name.clone()];
    let mut thumb = None;
    if let Some(seen) = seen {
        // A file without its small picture is better than none.
        if let Some(small) = seen.thumb {
            thumb = app.files.keep(&small).await.ok();
        }
        entry.picture = Some(Picture {
            width: seen.width,
            height: seen.height,
            thumb: thumb.is_some(),
        });
    }
    kept.extend(thumb.iter().map(|thumb| thumb.name.clone()));
    let new = NewFile {
        sender: session.user,
        to,
        client_message_id,
        entry,
        bytes,
        thumb,
        quota: app.files.limits.per_person,
    };
    let posted = app
        .store
        .post(move |connection| crate::store::files::post(connection, &new))
        .await;
    if let Ok(posted) = &posted {
        kept.clone_from(&posted.spare);
    }
    app.files.discard(&kept).await;
    Ok(posted?)
}

/// What can be found out about a picture.
async fn look(app: &App, entry: &FileEntry, bytes: &Sealed) -> Option<Seen> {
    if !entry.content_type.starts_with("image/") {
        return None;
    }
    app.files.pictures.look(bytes.path()?).await
}

fn answer(app: &App, session: &Session, posted: &Posted) -> Answer {
    let message = &posted.stored.message;
    // The same name was given to a message of another kind.
    let Body::File(entry) = &message.body else {
        return Err(Code::BadRequest.into());
    };
    let mut frame = FileFrame::from(&**entry);
    files::fill(&app.files.links, &mut frame, session.id);
    let mut json = json!(frame);
    if let Some(json) = json.as_object_mut() {
        json.insert("message_id".to_owned(), json!(message.id));
        json.insert("conversation_id".to_owned(), json!(message.conversation));
        json.insert("seq".to_owned(), json!(message.seq));
        json.insert("created_at".to_owned(), json!(message.created_at));
        // Also of an empty file.
        json.insert("file_size".to_owned(), json!(entry.size_bytes));
    }
    Ok(Json(json).into_response())
}

/// What a disk that fails is called.
pub(super) fn failed(error: &std::io::Error) -> ApiError {
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Code::StorageFull.into();
    }
    tracing::error!(%error, "a file cannot be written");
    Code::StorageFailed.into()
}
