//! A person's e-mail address (A12): named with the password, proved by a code
//! that was mailed to it, shown to nobody else.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::{Answer, PASSWORD, Person};
use crate::mail_sink::{Sink, Taken};
use crate::server::{Server, Setup};

pub(crate) fn propose(server: &Server, person: &Person, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD });
    let call = server.call("PUT", "/api/profile/email");
    call.token(&person.token).json(&body).send()
}

pub(crate) fn prove(server: &Server, person: &Person, code: &str) -> Answer {
    let call = server.call("POST", "/api/profile/email/verify");
    let body = json!({ "code": code });
    call.token(&person.token).json(&body).send()
}

/// Gives somebody a proved address.
pub(crate) fn proved(server: &Server, sink: &Sink, person: &Person, email: &str) {
    assert_eq!(propose(server, person, email).status, 202);
    let mail = sink.next();
    assert_eq!(prove(server, person, &mail.code()).status, 200);
}

fn remove(server: &Server, person: &Person, password: &str) -> Answer {
    let call = server.call("DELETE", "/api/profile/email");
    let body = json!({ "password": password });
    call.token(&person.token).json(&body).send()
}

/// The address that is proved and the one that waits.
fn shown(server: &Server, person: &Person) -> (Value, Value) {
    let profile = server.get_as(person, "/api/profile").json();
    (profile["email"].clone(), profile["email_waiting"].clone())
}

fn goes_to(mail: &Taken, address: &str, word: &str) {
    assert_eq!(mail.to, [address]);
    assert!(mail.text.contains(word), "{mail:?}");
}

#[test]
fn an_address_is_proved_by_the_code_that_was_mailed_to_it() {
    let sink = Sink::plain();
    let server = sink.setup().set("DEFAULT_LANG", "en").start();
    assert_eq!(server.get("/api/auth/options").json()["mail"], true);
    let (sara, omid) = (server.register("Sara"), server.register("omid"));
    let answer = propose(&server, &sara, " Sara@Example.org ");
    assert_eq!(answer.status, 202, "{answer:?}");
    let waiting = (Value::Null, json!("Sara@Example.org"));
    assert_eq!(shown(&server, &sara), waiting);
    let mail = sink.next();
    goes_to(
        &mail,
        "Sara@Example.org",
        "account Sara on chat.example.org",
    );
    assert_eq!(mail.from, "noreply@chat.example.org");
    assert_eq!(mail.header("subject"), "Confirm your e-mail address");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    let code = mail.code();
    let link = format!("https://chat.example.org/email#{code}");
    assert!(mail.text.contains(&link), "{mail:?}");

    let invalid = (400, "code_invalid".to_owned());
    assert_eq!(
        prove(&server, &sara, "abcd-abcd-abcd-abcd").refusal(),
        invalid
    );
    // Somebody else's code proves nothing, also where something waits for one.
    assert_eq!(propose(&server, &omid, "sara@example.org").status, 202);
    sink.next();
    assert_eq!(prove(&server, &omid, &code).refusal(), invalid);
    assert_eq!(prove(&server, &sara, &code.to_uppercase()).status, 200);
    let proved = (json!("Sara@Example.org"), Value::Null);
    assert_eq!(shown(&server, &sara), proved);
    assert_eq!(prove(&server, &sara, &code).refusal(), invalid, "used");
    assert_eq!(shown(&server, &omid).0, Value::Null);
    for path in [
        "/api/users/Sara",
        "/api/users?q=sara",
        "/api/users?q=example",
    ] {
        let seen = server.get_as(&omid, path).text.to_lowercase();
        assert!(!seen.contains("example.org"), "{path}: {seen}");
    }
}

#[test]
fn a_new_address_takes_the_place_of_the_old_one_when_it_is_proved_and_the_old_one_is_told() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let sara = server.register("sara");
    let language = json!({ "language": "en" });
    let call = server.call("PUT", "/api/profile").token(&sara.token);
    assert_eq!(call.json(&language).send().status, 200);
    proved(&server, &sink, &sara, "old@example.org");
    assert_eq!(propose(&server, &sara, "typo@example.org").status, 202);
    let first = sink.next().code();
    assert_eq!(propose(&server, &sara, "new@example.org").status, 202);
    let second = sink.next();
    goes_to(&second, "new@example.org", "type this code");
    let both = (json!("old@example.org"), json!("new@example.org"));
    assert_eq!(shown(&server, &sara), both);
    let replaced = prove(&server, &sara, &first).refusal();
    assert_eq!(replaced, (400, "code_invalid".to_owned()));
    assert_eq!(prove(&server, &sara, &second.code()).status, 200);
    assert_eq!(
        shown(&server, &sara),
        (json!("new@example.org"), Value::Null)
    );
    goes_to(&sink.next(), "old@example.org", "another e-mail address");

    let wrong = remove(&server, &sara, "a wrong guess").refusal();
    assert_eq!(wrong, (401, "bad_credentials".to_owned()));
    assert_eq!(remove(&server, &sara, PASSWORD).status, 200);
    assert_eq!(shown(&server, &sara), (Value::Null, Value::Null));
    goes_to(&sink.next(), "new@example.org", "not belong");
}

#[test]
fn what_is_no_address_and_a_wrong_password_cause_no_mail() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let sara = server.register("sara");
    for bad in [
        "sara",
        "sara@example.org\r\nBcc: omid@example.org",
        "sara@example.org\nSubject: x",
        "sara@example.org, omid@example.org",
        "Sara <sara@example.org>",
        "\"a\r\nb\"@example.org",
        "sara@[127.0.0.1]",
    ] {
        let refused = propose(&server, &sara, bad).refusal();
        assert_eq!(refused, (400, "email_invalid".to_owned()), "{bad:?}");
    }
    let body = json!({ "email": "sara@example.org", "password": "a wrong guess" });
    let call = server.call("PUT", "/api/profile/email").token(&sara.token);
    assert_eq!(call.json(&body).send().status, 401);
    proved(&server, &sink, &sara, "sara@example.org");
    assert_eq!(sink.rest().len(), 0);
}

#[test]
fn an_address_belongs_to_one_account() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    proved(&server, &sink, &sara, "both@example.org");
    assert_eq!(
        propose(&server, &omid, "BOTH@example.org").status,
        202,
        "not told before"
    );
    let code = sink.next().code();
    let taken = prove(&server, &omid, &code).refusal();
    assert_eq!(taken, (409, "email_taken".to_owned()));
    assert_eq!(remove(&server, &sara, PASSWORD).status, 200);
    assert_eq!(prove(&server, &omid, &code).status, 200);
    assert_eq!(shown(&server, &omid).0, "BOTH@example.org");
}

#[test]
fn mails_are_written_in_the_language_of_whom_they_go_to() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let sara = server.register("sara");
    assert_eq!(propose(&server, &sara, "sara@example.org").status, 202);
    let mail = sink.next();
    assert_eq!(mail.header("subject"), "نشانی ایمیل خود را تأیید کنید");
    goes_to(&mail, "sara@example.org", "حساب sara در chat.example.org");
    let body = json!({ "email": "sara@example.org", "password": PASSWORD });
    let call = server.call("PUT", "/api/profile/email").token(&sara.token);
    assert_eq!(
        call.header("accept-language", "en")
            .json(&body)
            .send()
            .status,
        202
    );
    assert_eq!(sink.next().header("subject"), "Confirm your e-mail address");
}

#[test]
fn nothing_of_an_address_is_left_when_its_account_is_deleted() {
    let sink = Sink::plain();
    let setup = sink.setup();
    let server = setup.start();
    let sara = server.register("sara");
    proved(&server, &sink, &sara, "sara@example.org");
    assert_eq!(propose(&server, &sara, "new@example.org").status, 202);
    sink.next();
    let body = json!({ "password": PASSWORD });
    let call = server.call("DELETE", "/api/profile").token(&sara.token);
    assert_eq!(call.json(&body).send().status, 200);
    let omid = server.register("omid");
    proved(&server, &sink, &omid, "sara@example.org");
    server.terminate();
    let database = Connection::open(setup.database()).unwrap();
    for table in ["emails", "mail_codes", "mails"] {
        let of_her = format!("SELECT count(*) FROM {table} WHERE user_id = ?1");
        let left: i64 = database
            .query_row(&of_her, [sara.id], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

#[test]
fn a_person_and_an_address_cause_three_mails_in_a_quarter_of_an_hour() {
    let sink = Sink::plain();
    let setup = sink.setup().set("RATE_LIMIT", "on");
    let server = setup.set("TRUSTED_PROXIES", "127.0.0.1").start();
    let enter = |name: &str, from: &str| {
        let body = json!({ "username": name, "password": PASSWORD });
        let call = server.call("POST", "/api/auth/register");
        Person::from(&call.header("x-forwarded-for", from).json(&body).send())
    };
    let (sara, omid) = (enter("sara", "203.0.113.1"), enter("omid", "203.0.113.2"));
    let ask = |who: &Person, email: &str, from: &str| {
        let body = json!({ "email": email, "password": PASSWORD });
        let call = server.call("PUT", "/api/profile/email").token(&who.token);
        call.header("x-forwarded-for", from).json(&body).send()
    };
    for n in 1..=3 {
        let email = format!("sara{n}@example.org");
        assert_eq!(ask(&sara, &email, "203.0.113.1").status, 202);
        sink.next();
    }
    let much = (429, "too_many_attempts".to_owned());
    let over = ask(&sara, "sara4@example.org", "203.0.113.1");
    assert_eq!(over.refusal(), much);
    for _ in 0..2 {
        assert_eq!(ask(&omid, "sara3@example.org", "203.0.113.2").status, 202);
        sink.next();
    }
    let over = ask(&omid, "SARA3@example.org", "203.0.113.2");
    assert_eq!(over.refusal(), much, "the address has had its three");
}

#[test]
fn without_a_mail_server_nothing_is_mailed_and_the_answer_says_why() {
    let server = Setup::new().start();
    let sara = server.register("sara");
    assert_eq!(server.get("/api/auth/options").json()["mail"], false);
    let off = (404, "mail_off".to_owned());
    assert_eq!(propose(&server, &sara, "sara@example.org").refusal(), off);
    assert_eq!(prove(&server, &sara, "abcd-abcd-abcd-abcd").refusal(), off);
    let who = json!({ "username": "sara" });
    let asked = server.call("POST", "/api/auth/password/forgot").json(&who);
    assert_eq!(asked.send().refusal(), off);
    let reset = json!({ "code": "abcd-abcd-abcd-abcd", "new_password": PASSWORD });
    let asked = server.call("POST", "/api/auth/password/reset").json(&reset);
    assert_eq!(asked.send().refusal(), off);
    assert!(!server.setup.folder().join("data/secrets/mail").exists());
    let database = Connection::open(server.setup.database()).unwrap();
    let mails: i64 = database
        .query_row("SELECT count(*) FROM mails", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mails, 0);
}
