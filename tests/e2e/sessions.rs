//! Who may come in with which token, from which page, and how that ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::client::Person;
use crate::server::{Server, Setup};

const KEY: &str = "6f1d2c0b9a8e7f6a5b4c3d2e1f0a9b8c";

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claims(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

/// A token as an attacker makes it: any header, any claims, any key.
fn token(algorithm: &str, claims: &Value, key: &str) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT" });
    let signed = format!(
        "{}.{}",
        encode(header.to_string()),
        encode(claims.to_string())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", encode(tag))
}

fn with(claims: &Value, name: &str, value: Value) -> Value {
    let mut claims = claims.clone();
    claims[name] = value;
    claims
}

#[tokio::test]
async fn a_token_that_is_not_ours_opens_neither_rest_nor_socket() {
    let server = Setup::new().set("JWT_SECRET", KEY).start();
    let sara = server.register("sara");
    let good = claims(&sara.token);
    let remade = token("HS256", &good, KEY);
    let with_token = |token: &str| server.call("GET", "/api/profile").token(token).send();
    assert_eq!(
        with_token(&remade).status,
        200,
        "our way to make a token is right"
    );
    let none = {
        let header = json!({ "alg": "none", "typ": "JWT" });
        format!(
            "{}.{}.",
            encode(header.to_string()),
            encode(good.to_string())
        )
    };
    let past = time::OffsetDateTime::now_utc().unix_timestamp() - 1;
    for (what, forged) in [
        (
            "another key",
            token("HS256", &good, "another key of 32 bytes or more "),
        ),
        ("no algorithm", none),
        ("another algorithm", token("HS512", &good, KEY)),
        (
            "expired",
            token("HS256", &with(&good, "exp", json!(past)), KEY),
        ),
        (
            "no expiry",
            token("HS256", &with(&good, "exp", Value::Null), KEY),
        ),
        (
            "another issuer",
            token("HS256", &with(&good, "iss", json!("other")), KEY),
        ),
        (
            "another audience",
            token("HS256", &with(&good, "aud", json!("other")), KEY),
        ),
        (
            "no such session",
            token("HS256", &with(&good, "sid", json!("0".repeat(32))), KEY),
        ),
        ("changed body", {
            let parts: Vec<&str> = sara.token.split('.').collect();
            let body = encode(with(&good, "user_id", json!(99)).to_string());
            format!("{}.{body}.{}", parts[0], parts[2])
        }),
        ("nonsense", "a.b.c".to_owned()),
    ] {
        let refused = (401, "invalid_token".to_owned());
        assert_eq!(with_token(&forged).refusal(), refused, "{what}");
        let path = format!("/ws?token={forged}");
        assert_eq!(
            server.upgrade(&path, &[]).await.err(),
            Some(refused),
            "{what}"
        );
    }
}

#[tokio::test]
async fn a_missing_token_is_named_as_missing() {
    let server = Server::usual();
    for path in [
        "/api/profile",
        "/api/conversations",
        "/api/messages?user_id=1",
        "/api/users?q=a",
        "/api/webrtc/config",
    ] {
        assert_eq!(
            server.get(path).refusal(),
            (401, "missing_token".to_owned()),
            "{path}"
        );
    }
    assert_eq!(
        server.upgrade("/ws", &[]).await.err(),
        Some((401, "missing_token".to_owned()))
    );
}

#[tokio::test]
async fn a_token_in_the_address_opens_the_socket_but_not_rest() {
    let server = Server::usual();
    let sara = server.register("sara");
    let mut socket = server
        .upgrade(&format!("/ws?token={}", sara.token), &[])
        .await
        .unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    let bearer = format!("Bearer {}", sara.token);
    let mut socket = server
        .upgrade("/ws", &[("authorization", &bearer)])
        .await
        .unwrap();
    assert_eq!(socket.frame().await["type"], "hello");
    let path = format!("/api/profile?token={}", sara.token);
    assert_eq!(
        server.get(&path).refusal(),
        (401, "missing_token".to_owned())
    );
}

#[tokio::test]
async fn log_out_ends_this_session_and_no_other() {
    let server = Server::usual();
    let phone = server.register("sara");
    let desk = server.log_in("sara");
    let mut on_phone = server.socket(&phone).await;
    let mut on_desk = server.socket(&desk).await;
    assert_eq!(server.log_out(&phone).status, 204);
    assert_eq!(on_phone.closed().await, Some(4401));
    let gone = (401, "invalid_token".to_owned());
    assert_eq!(server.get_as(&phone, "/api/profile").refusal(), gone);
    assert_eq!(server.log_out(&phone).refusal(), gone);
    let path = format!("/ws?token={}", phone.token);
    assert_eq!(server.upgrade(&path, &[]).await.err(), Some(gone));
    assert_eq!(server.get_as(&desk, "/api/profile").status, 200);
    assert_eq!(on_desk.so_far().await, Vec::<Value>::new());
}

async fn opens_from(server: &Server, person: &Person, origin: &str) -> Result<(), (u16, String)> {
    let protocol = format!("bearer, {}", person.token);
    let headers = [("origin", origin), ("sec-websocket-protocol", &protocol)];
    server.upgrade("/ws", &headers).await.map(drop)
}

#[tokio::test]
async fn a_foreign_page_cannot_open_the_socket() {
    let listed = "https://app.example.org";
    let server = Setup::new().set("CORS_ORIGINS", listed).start();
    let sara = server.register("sara");
    for origin in [
        "https://evil.example",
        "null",
        "https://app.example.org.evil.example",
        "http://127.0.0.1",
    ] {
        let refused = Err((403, "origin_forbidden".to_owned()));
        assert_eq!(
            opens_from(&server, &sara, origin).await,
            refused,
            "{origin}"
        );
    }
    for origin in [&server.origin(), listed] {
        assert_eq!(opens_from(&server, &sara, origin).await, Ok(()), "{origin}");
    }
}

#[tokio::test]
async fn with_a_public_address_only_that_page_is_our_own() {
    let server = Setup::new()
        .set("PUBLIC_URL", "https://chat.example.org")
        .start();
    let sara = server.register("sara");
    assert_eq!(
        opens_from(&server, &sara, "https://chat.example.org").await,
        Ok(())
    );
    let refused = Err((403, "origin_forbidden".to_owned()));
    assert_eq!(opens_from(&server, &sara, &server.origin()).await, refused);
}

#[tokio::test]
async fn a_frame_over_128_kib_closes_with_1009_and_one_just_below_does_not() {
    const LIMIT: usize = 128 * 1024;
    let server = Server::usual();
    let sara = server.register("sara");
    let mut socket = server.socket(&sara).await;
    socket.send_raw(Message::text("x".repeat(LIMIT))).await;
    assert_eq!(socket.frame().await["code"], "bad_frame");
    socket.send_raw(Message::text("x".repeat(LIMIT + 1))).await;
    assert_eq!(socket.closed().await, Some(1009));
}

#[tokio::test]
async fn a_binary_frame_closes_with_1003() {
    let server = Server::usual();
    let sara = server.register("sara");
    let mut socket = server.socket(&sara).await;
    socket.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(socket.closed().await, Some(1003));
}
