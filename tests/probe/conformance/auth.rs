//! Binding, and who may ask for more (RFC 8489 §9.2).

use super::{Rows, Stage};
use crate::client::Client;
use crate::table::row;
use crate::wire::{
    ALLOCATE, BINDING, MAPPED, MEANINGLESS, Message, NONCE, REALM, REFRESH, UNKNOWN_ATTRIBUTES,
    USERNAME, raw, udp,
};

pub(super) fn rows() -> Rows {
    vec![
        row("Binding", "success, our address", |stage: &Stage| {
            let mut client = stage.client();
            let asked = Message::new(BINDING, &[]).bytes;
            let reply = client.ask(&asked).success("Binding")?;
            let mapped = reply.addresses(MAPPED) == [client.local()];
            Ok(format!(
                "success, {}our address",
                if mapped { "" } else { "not " }
            ))
        }),
        row(
            "Binding, unknown attribute that must be understood",
            "420, named",
            |stage: &Stage| {
                let asked = Message::new(BINDING, &[raw(MEANINGLESS, &[1, 2, 3, 4])]).bytes;
                named(stage.client().ask(&asked).reply("Binding")?)
            },
        ),
        row(
            "Allocate, unknown attribute that must be understood",
            "420, named",
            |stage: &Stage| {
                let attributes = [udp(), raw(MEANINGLESS, &[1, 2, 3, 4])];
                named(
                    stage
                        .client()
                        .request(ALLOCATE, &attributes)
                        .reply("Allocate")?,
                )
            },
        ),
        row(
            "Allocate, no credentials",
            "401 with realm and nonce",
            |stage: &Stage| {
                let asked = Message::new(ALLOCATE, &[udp()]).bytes;
                let answer = stage.client().ask(&asked);
                let (word, reply) = (answer.word(), answer.reply("Allocate")?);
                let there = |kind| {
                    if reply.get(kind).is_some() {
                        "with"
                    } else {
                        "without"
                    }
                };
                Ok(match (there(REALM), there(NONCE)) {
                    ("with", "with") => format!("{word} with realm and nonce"),
                    (realm, nonce) => format!("{word} {realm} realm, {nonce} nonce"),
                })
            },
        ),
        row("Allocate, wrong password", "401", |stage: &Stage| {
            allocate_as(stage, |client| client.password.push('!'))
        }),
        row("Allocate, unknown user", "401", |stage: &Stage| {
            allocate_as(stage, |client| client.username = "nobody".to_owned())
        }),
        row("Allocate, key of another realm", "401", |stage: &Stage| {
            allocate_as(stage, |client| client.realm = "elsewhere".to_owned())
        }),
        row(
            "Allocate, integrity without USERNAME",
            "400",
            |stage: &Stage| without(stage, USERNAME),
        ),
        row(
            "Allocate, integrity without REALM",
            "400",
            |stage: &Stage| without(stage, REALM),
        ),
        row(
            "Allocate, integrity without NONCE",
            "400",
            |stage: &Stage| without(stage, NONCE),
        ),
        row(
            "Allocate, a nonce nobody gave",
            "438, then success",
            |stage: &Stage| with_nonce(stage.client(), b"not a nonce of this server".to_vec()),
        ),
        row(
            "Allocate, the nonce of another 5-tuple",
            "438, then success",
            |stage: &Stage| {
                let mut other = stage.client();
                other.challenge()?;
                with_nonce(stage.client(), other.nonce.clone())
            },
        ),
        row(
            "Refresh without credentials, with an allocation",
            "401",
            |stage: &Stage| {
                let (mut client, _) = stage.allocated()?;
                Ok(client.ask(&Message::new(REFRESH, &[]).bytes).word())
            },
        ),
    ]
}

/// The code, and whether UNKNOWN-ATTRIBUTES names what was unknown.
fn named(reply: crate::wire::Reply) -> Result<String, String> {
    let code = reply.error().ok_or("success")?;
    let named = reply.get(UNKNOWN_ATTRIBUTES) == Some(&MEANINGLESS.to_be_bytes());
    Ok(format!("{code}, {}named", if named { "" } else { "not " }))
}

fn allocate_as(stage: &Stage, change: fn(&mut Client<'_>)) -> Result<String, String> {
    let mut client = stage.client();
    client.challenge()?;
    change(&mut client);
    let asked = client.signed(ALLOCATE, &[udp()]).bytes;
    Ok(client.ask(&asked).word())
}

/// An Allocate that is signed and lacks one part of the credential.
fn without(stage: &Stage, missing: u16) -> Result<String, String> {
    let mut client = stage.client();
    client.challenge()?;
    let parts = [
        (USERNAME, client.username.as_bytes()),
        (REALM, client.realm.as_bytes()),
        (NONCE, &client.nonce),
    ];
    let there = parts.into_iter().filter(|(kind, _)| *kind != missing);
    let message = there.fold(
        Message::new(ALLOCATE, &[udp()]),
        |message, (kind, value)| message.add(kind, value),
    );
    let asked = message.signed(&client.key()).bytes;
    Ok(client.ask(&asked).word())
}

fn with_nonce(mut client: Client<'_>, nonce: Vec<u8>) -> Result<String, String> {
    client.nonce = nonce;
    let asked = client.signed(ALLOCATE, &[udp()]).bytes;
    let answer = client.ask(&asked);
    let (word, reply) = (answer.word(), answer.reply("Allocate")?);
    if let Some(nonce) = reply.get(NONCE) {
        client.nonce = nonce.to_vec();
        let asked = client.signed(ALLOCATE, &[udp()]).bytes;
        return Ok(format!("{word}, then {}", client.ask(&asked).word()));
    }
    Ok(word)
}
