//! The REST calls of the device key directory (rows E2, E5).

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::IntoResponse as _;
use payambar_signaling::ids::UserId;
use payambar_signaling::wire::Code;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::App;
use super::api::{Answer, Input, insert_some};
use super::auth::Caller;
use crate::store::keys::{self, Backup, PublicKey};

/// A name, an algorithm, a salt and the like have at most so many bytes.
const WORD: usize = 256;

/// A public key has at most so many bytes.
const PUBLIC_KEY: usize = 8 * 1024;

/// A wrapped private key has at most so many bytes.
const WRAPPED_KEY: usize = 16 * 1024;

/// Body of `POST /api/keys/devices`.
#[derive(Deserialize)]
pub struct NewKey {
    device_id: String,
    algorithm: String,
    public_key: String,
    key_id: String,
    enc_private_key: Option<String>,
    enc_private_key_iv: Option<String>,
    kdf_salt: Option<String>,
    kdf_iterations: Option<i64>,
    kdf_alg: Option<String>,
    key_wrap_version: Option<i64>,
}

impl NewKey {
    fn read(self) -> Result<(PublicKey, Backup), Code> {
        let key = PublicKey {
            device_id: required(&self.device_id, WORD)?,
            key_id: required(&self.key_id, WORD)?,
            algorithm: required(&self.algorithm, WORD)?,
            public_key: required(&self.public_key, PUBLIC_KEY)?,
        };
        let backup = Backup {
            enc_private_key: optional(self.enc_private_key, WRAPPED_KEY)?,
            enc_private_key_iv: optional(self.enc_private_key_iv, WORD)?,
            kdf_salt: optional(self.kdf_salt, WORD)?,
            kdf_iterations: number(self.kdf_iterations)?,
            kdf_alg: optional(self.kdf_alg, WORD)?,
            key_wrap_version: number(self.key_wrap_version)?,
        };
        Ok((key, backup))
    }
}

fn required(text: &str, most: usize) -> Result<String, Code> {
    optional(Some(text.trim().to_owned()), most)?.ok_or(Code::BadRequest)
}

/// An empty text counts as missing.
fn optional(text: Option<String>, most: usize) -> Result<Option<String>, Code> {
    match text.filter(|text| !text.is_empty()) {
        Some(text) if text.len() > most => Err(Code::BadRequest),
        text => Ok(text),
    }
}

/// Zero counts as missing.
fn number(number: Option<i64>) -> Result<Option<i64>, Code> {
    match number.filter(|&number| number != 0) {
        Some(number) if number < 0 => Err(Code::BadRequest),
        number => Ok(number),
    }
}

/// `POST /api/keys/devices`.
pub async fn publish(
    State(app): State<Arc<App>>,
    Caller(session): Caller,
    Input(new): Input<NewKey>,
) -> Answer {
    let (key, backup) = new.read()?;
    let answer = json!({ "ok": true, "device_id": key.device_id, "key_id": key.key_id });
    app.store
        .write(move |connection| keys::publish(connection, session.user, &key, &backup))
        .await?;
    Ok(Json(answer).into_response())
}

/// `GET /api/keys/users/{id}/devices`. Whoever has an account may ask: a first
/// message to somebody is sealed too.
pub async fn of(State(app): State<Arc<App>>, _: Caller, Path(id): Path<String>) -> Answer {
    let id: i64 = id.parse().map_err(|_| Code::BadRequest)?;
    if id <= 0 {
        return Err(Code::BadRequest.into());
    }
    let found = app
        .store
        .read(move |connection| keys::of(connection, UserId(id)))
        .await?;
    let found: Vec<_> = found.iter().map(public_json).collect();
    Ok(Json(json!({ "devices": found })).into_response())
}

/// `GET /api/keys/devices/self`.
pub async fn own(State(app): State<Arc<App>>, Caller(session): Caller) -> Answer {
    let found = app
        .store
        .read(move |connection| keys::own(connection, session.user))
        .await?;
    let found: Vec<_> = found.into_iter().map(own_json).collect();
    Ok(Json(json!({ "devices": found })).into_response())
}

fn public_json(key: &PublicKey) -> Map<String, Value> {
    let mut json = Map::new();
    json.insert("device_id".to_owned(), json!(key.device_id));
    json.insert("algorithm".to_owned(), json!(key.algorithm));
    json.insert("public_key".to_owned(), json!(key.public_key));
    json.insert("key_id".to_owned(), json!(key.key_id));
    json
}

fn own_json((key, backup): (PublicKey, Backup)) -> Map<String, Value> {
    let mut json = public_json(&key);
    insert_some(&mut json, "enc_private_key", backup.enc_private_key);
    insert_some(&mut json, "enc_private_key_iv", backup.enc_private_key_iv);
    insert_some(&mut json, "kdf_salt", backup.kdf_salt);
    insert_some(&mut json, "kdf_iterations", backup.kdf_iterations);
    insert_some(&mut json, "kdf_alg", backup.kdf_alg);
    insert_some(&mut json, "key_wrap_version", backup.key_wrap_version);
    json
}
