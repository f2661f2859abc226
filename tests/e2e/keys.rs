//! The device key directory (E2, E5): public keys for everybody, wrapped
//! private ones for their owner alone.

use serde_json::{Value, json};

use crate::client::{Answer, Person};
use crate::server::Server;

fn key(device: &str) -> Value {
    json!({ "device_id": device, "algorithm": "ECDH-P256", "public_key": format!("public {device}"), "key_id": "k-1" })
}

fn backup() -> Value {
    json!({
        "enc_private_key": "wrapped", "enc_private_key_iv": "iv", "kdf_salt": "salt",
        "kdf_iterations": 150_000, "kdf_alg": "PBKDF2-SHA256", "key_wrap_version": 1,
    })
}

fn joined(a: &Value, b: &Value) -> Value {
    let mut all = a.as_object().unwrap().clone();
    all.extend(b.as_object().unwrap().clone());
    Value::Object(all)
}

fn publish(server: &Server, person: &Person, key: &Value) -> Answer {
    let call = server.call("POST", "/api/keys/devices");
    call.token(&person.token).json(key).send()
}

fn devices(server: &Server, asker: &Person, path: &str) -> Value {
    let answer = server.get_as(asker, path);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["devices"].clone()
}

fn path_of(person: &Person) -> String {
    format!("/api/keys/users/{}/devices", person.id)
}

const SELF: &str = "/api/keys/devices/self";

#[test]
fn others_see_public_keys_newest_first_and_the_owner_the_backup_too() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    assert_eq!(devices(&server, &omid, &path_of(&sara)), json!([]));
    let whole = joined(&key("phone"), &backup());
    let answer = publish(&server, &sara, &whole);
    assert_eq!(
        (answer.status, answer.json()),
        (
            200,
            json!({ "ok": true, "device_id": "phone", "key_id": "k-1" })
        )
    );
    publish(&server, &sara, &key("desk"));
    let public = devices(&server, &omid, &path_of(&sara));
    assert_eq!(public, json!([key("desk"), key("phone")]));
    assert_eq!(devices(&server, &sara, SELF), json!([key("desk"), whole]));
    publish(&server, &sara, &key("phone"));
    assert_eq!(
        devices(&server, &omid, &path_of(&sara)),
        public,
        "the order of making stays"
    );
    assert_eq!(
        devices(&server, &sara, SELF),
        json!([whole, key("desk")]),
        "last published first"
    );
    assert_eq!(devices(&server, &omid, SELF), json!([]));
}

#[test]
fn publishing_again_replaces_the_key_and_keeps_what_is_left_out_of_the_backup() {
    let server = Server::usual();
    let sara = server.register("sara");
    publish(&server, &sara, &joined(&key("phone"), &backup()));
    let again = json!({
        "device_id": " phone ", "algorithm": "ECDH-P384", "public_key": "new", "key_id": "k-1",
        "enc_private_key": "", "kdf_iterations": 0, "kdf_salt": "pepper",
    });
    assert_eq!(publish(&server, &sara, &again).status, 200);
    let mut expected = joined(&key("phone"), &backup());
    expected["algorithm"] = json!("ECDH-P384");
    expected["public_key"] = json!("new");
    expected["kdf_salt"] = json!("pepper");
    assert_eq!(devices(&server, &sara, SELF), json!([expected]));
}

#[test]
fn a_key_that_is_not_whole_or_too_long_is_refused() {
    let server = Server::usual();
    let sara = server.register("sara");
    let refused = |change: (&str, Value)| {
        let mut wrong = joined(&key("phone"), &backup());
        wrong[change.0] = change.1;
        publish(&server, &sara, &wrong).refusal()
    };
    let bad = (400, "bad_request".to_owned());
    for field in ["device_id", "algorithm", "public_key", "key_id"] {
        for value in [json!(" \n"), json!(7), Value::Null] {
            assert_eq!(refused((field, value)), bad, "{field}");
        }
    }
    for (field, most) in [
        ("device_id", 256),
        ("public_key", 8 * 1024),
        ("enc_private_key", 16 * 1024),
        ("kdf_salt", 256),
    ] {
        let text = json!("x".repeat(most + 1));
        assert_eq!(refused((field, text)), bad, "{field}");
    }
    assert_eq!(refused(("kdf_iterations", json!(-1))), bad);
    assert_eq!(devices(&server, &sara, SELF), json!([]));
}

#[test]
fn keys_are_asked_for_by_people_with_an_account() {
    let server = Server::usual();
    let sara = server.register("sara");
    for id in ["0", "-1", "x", "1.5"] {
        let path = format!("/api/keys/users/{id}/devices");
        let answer = server.get_as(&sara, &path);
        assert_eq!(answer.refusal(), (400, "bad_request".to_owned()), "{id}");
    }
    assert_eq!(
        devices(&server, &sara, "/api/keys/users/999/devices"),
        json!([])
    );
    for path in [SELF, &path_of(&sara)] {
        let refusal = server.get(path).refusal();
        assert_eq!(refusal, (401, "missing_token".to_owned()), "{path}");
    }
}
