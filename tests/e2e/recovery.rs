//! A new password for somebody who forgot theirs (A11), and that nobody learns
//! by asking who is here.

use rusqlite::Connection;
use serde_json::{Value, json};
use webrtc_util::Conn as _;

use crate::client::{Answer, PASSWORD, Person};
use crate::emails::{propose, proved};
use crate::mail_sink::Sink;
use crate::relay::{client, credential, refusal, until_closed};
use crate::server::{Server, Setup};

const NEW: &str = "a better password";

fn forgot(server: &Server, who: &Value) -> Answer {
    let call = server.call("POST", "/api/auth/password/forgot");
    call.json(who).send()
}

fn reset(server: &Server, code: &str, new: &str) -> Answer {
    let body = json!({ "code": code, "new_password": new });
    let call = server.call("POST", "/api/auth/password/reset");
    call.json(&body).send()
}

fn invalid() -> (u16, String) {
    (400, "code_invalid".to_owned())
}

/// Somebody with a proved address.
fn reachable(server: &Server, sink: &Sink, name: &str) -> Person {
    let person = server.register(name);
    proved(server, sink, &person, &format!("{name}@example.org"));
    person
}

#[tokio::test]
async fn a_mailed_code_replaces_the_password_once_and_ends_every_session() {
    let sink = Sink::plain();
    let server = sink.setup().set("DEFAULT_LANG", "en").start();
    let sara = reachable(&server, &sink, "sara");
    let mut socket = server.socket(&sara).await;
    let relayed = credential(&server, &sara);
    let relay = client(&server, &relayed).await;
    let address = relay.allocate().await.unwrap().local_addr().unwrap();

    assert_eq!(forgot(&server, &json!({ "username": "SARA" })).status, 202);
    let mail = sink.next();
    assert_eq!(mail.to, ["sara@example.org"]);
    assert_eq!(mail.header("subject"), "A new password for sara");
    let code = mail.code();
    let link = format!("https://chat.example.org/reset#{code}");
    assert!(mail.text.contains(&link), "{mail:?}");

    let short = reset(&server, &code, "12345").refusal();
    assert_eq!(short, (400, "password_short".to_owned()));
    assert_eq!(server.get_as(&sara, "/api/profile").status, 200);
    let changed = reset(&server, &code, NEW);
    assert_eq!(
        (changed.status, &changed.json()["username"]),
        (200, &json!("sara"))
    );
    assert_eq!(socket.closed().await, Some(4401));
    until_closed(address).await;
    assert_eq!(refusal(&server, &relayed).await, "401");
    assert_eq!(server.get_as(&sara, "/api/profile").status, 401);
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 401);
    assert_eq!(server.sign("login", "sara", NEW).status, 200);
    assert_eq!(
        reset(&server, &code, "another password").refusal(),
        invalid()
    );

    let audit = server.setup.run(&["audit", "list", "--json"], "").out;
    for word in ["reset_asked", "password_reset", "email_proved"] {
        assert_eq!(audit.matches(word).count(), 1, "{word}: {audit}");
    }
    assert!(!audit.contains(&code) && !audit.contains("sara@example.org"));
}

#[test]
fn the_answer_tells_nobody_who_has_an_account_or_an_address() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    reachable(&server, &sink, "sara");
    let omid = server.register("omid");
    assert_eq!(propose(&server, &omid, "omid@example.org").status, 202);
    sink.next();
    let suspended = reachable(&server, &sink, "nima");
    let words = ["user", "suspend", &suspended.name];
    assert_eq!(server.setup.run(&words, "").code, Some(0));
    let told = |who: Value| {
        let answer = forgot(&server, &who);
        let headers: Vec<String> = answer
            .headers
            .iter()
            .filter(|(name, _)| !["date", "x-correlation-id"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        (answer.status, answer.text, headers)
    };
    let nobody = told(json!({ "username": "nobody" }));
    assert_eq!(nobody.0, 202);
    for who in [
        json!({ "email": "nobody@example.org" }),
        json!({ "username": "omid" }),
        json!({ "email": "omid@example.org" }),
        json!({ "username": "nima" }),
    ] {
        assert_eq!(told(who.clone()), nobody, "{who}");
    }
    let asked = |who: Value| {
        assert_eq!(told(who.clone()), nobody, "{who}");
        let mail = sink.next();
        assert_eq!(mail.to, ["sara@example.org"]);
        mail
    };
    let mails = [
        asked(json!({ "username": "sara" })),
        asked(json!({ "email": "SARA@example.org" })),
    ];
    assert_eq!(
        reset(&server, &mails[0].code(), NEW).refusal(),
        invalid(),
        "replaced"
    );
    assert_eq!(reset(&server, &mails[1].code(), NEW).status, 200);
    for bad in [
        json!({}),
        json!({ "username": "" }),
        json!({ "username": "a", "email": "a@example.org" }),
    ] {
        let refused = forgot(&server, &bad).refusal();
        assert_eq!(refused, (400, "bad_request".to_owned()), "{bad}");
    }
    assert_eq!(sink.rest().len(), 0, "the others got none");
}

#[test]
fn a_code_is_good_for_half_an_hour_and_the_database_does_not_have_it() {
    let sink = Sink::plain();
    let setup = sink.setup();
    let server = setup.start();
    reachable(&server, &sink, "sara");
    assert_eq!(forgot(&server, &json!({ "username": "sara" })).status, 202);
    let code = sink.next().code();
    server.terminate();
    let bytes = std::fs::read(setup.database()).unwrap();
    let plain = code.replace('-', "");
    for form in [code.as_bytes(), plain.as_bytes()] {
        assert!(!bytes.windows(form.len()).any(|window| window == form));
    }
    let database = Connection::open(setup.database()).unwrap();
    let left: i64 = database
        .query_row(
            "SELECT expires_at_ms - unixepoch('subsec') * 1000 FROM mail_codes WHERE kind = 'reset'",
            [],
            |row| row.get::<_, f64>(0).map(|left| left as i64),
        )
        .unwrap();
    assert!((1_000_000..=1_800_000).contains(&left), "{left}");
    let older = "UPDATE mail_codes SET expires_at_ms = expires_at_ms - 1800001";
    assert_eq!(database.execute(older, []), Ok(1));
    drop(database);
    let server = setup.start();
    assert_eq!(reset(&server, &code, NEW).refusal(), invalid());
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 200);
}

#[test]
fn a_changed_password_and_a_changed_address_make_an_asked_code_worthless() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let sara = reachable(&server, &sink, "sara");
    let asked = || {
        assert_eq!(forgot(&server, &json!({ "username": "sara" })).status, 202);
        sink.next().code()
    };
    let code = asked();
    proved(&server, &sink, &sara, "new@example.org");
    assert_eq!(sink.next().to, ["sara@example.org"], "told that it moved");
    assert_eq!(reset(&server, &code, NEW).refusal(), invalid());
    let code = asked();
    let body = json!({ "old_password": PASSWORD, "new_password": NEW });
    let call = server.call("PUT", "/api/auth/password").token(&sara.token);
    assert_eq!(call.json(&body).send().status, 204);
    assert_eq!(reset(&server, &code, PASSWORD).refusal(), invalid());
    let code = asked();
    let lent = server.setup.run(&["user", "passwd", "sara", "--json"], "");
    assert_eq!(reset(&server, &code, PASSWORD).refusal(), invalid());
    // And the other way round: a code is also a way out of a temporary one.
    let code = asked();
    assert_eq!(reset(&server, &code, PASSWORD).status, 200);
    let entered = server.sign("login", "sara", PASSWORD);
    assert_eq!(
        entered.json()["must_change_password"],
        Value::Null,
        "{lent:?}"
    );
}

#[test]
fn asking_is_limited_by_name_and_by_client_whether_there_is_such_a_name_or_not() {
    let sink = Sink::plain();
    let setup: Setup = sink.setup().set("RATE_LIMIT", "on");
    let server = setup.set("TRUSTED_PROXIES", "127.0.0.1").start();
    let ask = |name: &str, from: &str| {
        let body = json!({ "username": name });
        let call = server.call("POST", "/api/auth/password/forgot");
        call.header("x-forwarded-for", from).json(&body).send()
    };
    let much = (429, "too_many_attempts".to_owned());
    for n in 1..=3 {
        assert_eq!(ask("nobody", &format!("203.0.113.{n}")).status, 202);
    }
    assert_eq!(ask(" NoBody", "203.0.113.4").refusal(), much);
    for n in 1..=2 {
        assert_eq!(ask(&format!("n{n}"), "203.0.113.4").status, 202);
    }
    let over = ask("n3", "203.0.113.4");
    assert_eq!(over.refusal(), much);
    assert_eq!(over.header("x-ratelimit-limit"), "3");
    let wait: u64 = over.header("retry-after").parse().unwrap();
    assert!((60..=900).contains(&wait), "{wait}");
}
