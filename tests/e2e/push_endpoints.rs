//! Where this server lets browsers send it (X9), and what a subscription must
//! look like.

use std::io::ErrorKind;
use std::net::TcpListener;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::client::Person;
use crate::push::{server_for, setup_for};
use crate::push_service::{Browser, PushService};
use crate::server::{Server, Setup};

fn refusal(server: &Server, person: &Person, body: &Value) -> (u16, String) {
    let call = server.call("POST", "/api/push/subscribe");
    call.token(&person.token).json(body).send().refusal()
}

/// A listener that nobody may call.
fn trap() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

fn was_called(trap: &TcpListener) -> bool {
    !matches!(trap.accept(), Err(error) if error.kind() == ErrorKind::WouldBlock)
}

#[test]
fn x9_only_public_https_addresses_are_subscribed() {
    let server = Server::usual();
    let sara = server.register("sara");
    let (trap, port) = trap();
    let hosts = [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "localhost",
        "0.0.0.0",
        "10.0.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fd00::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:9.9.9.9]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ];
    let mut endpoints: Vec<String> = hosts
        .iter()
        .map(|host| format!("https://{host}:{port}/x"))
        .collect();
    endpoints.extend([
        "http://9.9.9.9/x".to_owned(),
        "ftp://9.9.9.9/x".to_owned(),
        "https://user:pass@9.9.9.9/x".to_owned(),
        "https://9.9.9.9/x#y".to_owned(),
        format!("https://9.9.9.9/{}", "x".repeat(2_048)),
        "nonsense".to_owned(),
    ]);
    for endpoint in endpoints {
        let answer = refusal(
            &server,
            &sara,
            &Browser::at(endpoint.clone()).subscription(),
        );
        assert_eq!(
            answer,
            (400, "push_endpoint_invalid".to_owned()),
            "{endpoint}"
        );
    }
    let nowhere = Browser::at("https://nobody.invalid/x".to_owned());
    let answer = refusal(&server, &sara, &nowhere.subscription());
    assert_eq!(answer, (400, "push_endpoint_unreachable".to_owned()));
    let public = Browser::at("https://9.9.9.9/x".to_owned());
    assert_eq!(server.subscribe(&sara, &public).status, 200);
    assert!(!was_called(&trap), "nobody is called to subscribe");
}

#[tokio::test]
async fn x9_an_address_that_leads_home_later_is_not_called() {
    let service = PushService::start();
    let server = server_for(&service);
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let browser = server.browser(&service, &omid, "good");
    let moved = server.browser(&service, &omid, "moved");
    let (trap, port) = trap();
    // As a name would that was public when the browser subscribed.
    let connection = rusqlite::Connection::open(server.setup.database()).unwrap();
    connection
        .busy_timeout(std::time::Duration::from_secs(5))
        .unwrap();
    let home = format!("https://localhost:{port}/x");
    let changed = connection
        .execute(
            "UPDATE push_subscriptions SET endpoint = ?1 WHERE endpoint = ?2",
            [&home, moved.endpoint()],
        )
        .unwrap();
    assert_eq!(changed, 1);
    let mut hers = server.socket(&sara).await;
    hers.say(&omid, "x").await;
    browser.read(&service.next());
    // One more, so that the first was surely judged.
    hers.say(&omid, "y").await;
    browser.read(&service.next());
    let (_, log) = server.terminate();
    assert!(log.contains("name=\"forbidden\" value="), "{log}");
    assert!(!was_called(&trap));
}

#[tokio::test]
async fn x9_a_redirect_is_not_followed() {
    let service = PushService::start();
    let server = server_for(&service);
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let browser = server.browser(&service, &omid, "omid");
    let (trap, port) = trap();
    let redirects = [301, 302, 303, 307, 308]
        .map(|status| format!("{status} Elsewhere\r\nlocation: http://127.0.0.1:{port}/x"));
    let redirects = redirects.each_ref().map(String::as_str);
    service.answer_next(&redirects);
    let mut hers = server.socket(&sara).await;
    for n in 0..=redirects.len() {
        let said = hers.say(&omid, &format!("{n}")).await;
        let push = browser.read(&service.next());
        assert_eq!(push["message_id"], said["message_id"], "nothing twice");
    }
    assert!(!was_called(&trap));
}

#[test]
fn a_subscription_of_another_shape_is_refused_by_name() {
    let service = PushService::start();
    let server = server_for(&service);
    let sara = server.register("sara");
    let good = Browser::new(&service, "x").subscription();
    let with = |path: &str, value: Value| {
        let mut body = good.clone();
        *body.pointer_mut(path).unwrap() = value;
        body
    };
    let point = URL_SAFE_NO_PAD.encode([4; 65]);
    for (body, code) in [
        (json!({}), "bad_request"),
        (json!({ "endpoint": good["endpoint"] }), "bad_request"),
        (with("/endpoint", json!(null)), "bad_request"),
        (with("/keys/auth", json!(null)), "bad_request"),
        (with("/keys", json!([])), "bad_request"),
        (with("/endpoint", json!("")), "push_endpoint_invalid"),
        (with("/keys/auth", json!("")), "push_keys_invalid"),
        (with("/keys/auth", json!("AAAA")), "push_keys_invalid"),
        (with("/keys/p256dh", json!("?")), "push_keys_invalid"),
        (with("/keys/p256dh", json!(point)), "push_keys_invalid"),
    ] {
        let expected = (400, code.to_owned());
        assert_eq!(refusal(&server, &sara, &body), expected, "{body}");
    }
    let mut other_language = good.clone();
    other_language["lang"] = json!("de");
    let refused = refusal(&server, &sara, &other_language);
    assert_eq!(refused, (400, "bad_request".to_owned()));
    for (method, path) in [
        ("POST", "/api/push/subscribe"),
        ("DELETE", "/api/push/subscribe"),
        ("GET", "/api/push/settings"),
        ("PUT", "/api/push/settings"),
    ] {
        let stranger = server.call(method, path).json(&good).send();
        assert_eq!(stranger.refusal(), (401, "missing_token".to_owned()));
    }
    let empty = server.unsubscribe(&sara, "");
    assert_eq!(empty.refusal(), (400, "bad_request".to_owned()));
}

#[test]
fn n5_a_pair_that_is_set_is_used_and_must_be_one() {
    // RFC 8291 appendix A.
    let public =
        "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8";
    let private = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
    let setup = Setup::new()
        .set("VAPID_PUBLIC_KEY", public)
        .set("VAPID_PRIVATE_KEY", private);
    let server = setup.start();
    let key = server.get("/api/push/key").json();
    assert_eq!(key, json!({ "vapid_public_key": public }));
    let made = server.setup.folder().join("data/secrets/vapid");
    assert!(!made.exists(), "none was made");

    let other =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    let ended = Setup::new()
        .set("VAPID_PUBLIC_KEY", other)
        .set("VAPID_PRIVATE_KEY", private)
        .run(&[], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = "VAPID_PRIVATE_KEY must be the other half of VAPID_PUBLIC_KEY";
    assert!(ended.complaint.contains(words), "{ended:?}");
    assert!(!ended.complaint.contains(private), "{ended:?}");
}

#[test]
fn hosts_of_ones_own_network_are_for_development_alone() {
    let service = PushService::start();
    let ended = setup_for(&service)
        .set("ENVIRONMENT", "production")
        .unset("RATE_LIMIT")
        .run(&[], "");
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let words = "must not be set in production";
    assert!(ended.complaint.contains("PUSH_ALLOW_HOSTS"), "{ended:?}");
    assert!(ended.complaint.contains(words), "{ended:?}");
}
