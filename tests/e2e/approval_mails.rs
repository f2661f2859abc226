//! Who is told by mail that somebody waits to be let in (A3), and how it went;
//! an address that comes with the registration (A12).

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::client::{Answer, PASSWORD};
use crate::emails::prove;
use crate::mail_sink::Sink;
use crate::server::{Server, Setup};

fn register(server: &Server, name: &str, email: &str) -> Answer {
    let body = json!({ "username": name, "password": PASSWORD, "email": email });
    let call = server.call("POST", "/api/auth/register");
    call.header("accept-language", "en").json(&body).send()
}

fn done(setup: &Setup, words: &[&str]) {
    let ended = setup.run(words, "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

fn approving(sink: &Sink) -> Setup {
    let setup = sink.setup().set("REGISTRATION", "approval");
    setup
        .set("ADMIN_EMAIL", "admin@example.org")
        .set("DEFAULT_LANG", "en")
}

#[test]
fn the_operator_is_told_who_waits_and_not_again_at_once() {
    let sink = Sink::plain();
    let setup = approving(&sink);
    let server = setup.start();
    assert_eq!(register(&server, "sara", "sara@example.org").status, 403);
    let told = sink.next();
    assert_eq!(told.to, ["admin@example.org"]);
    assert!(told.text.contains("\nsara\n"), "{told:?}");
    for name in ["omid", "nima"] {
        assert_eq!(server.sign("register", name, PASSWORD).status, 403);
    }
    // What would have come for them would have come before this.
    done(&setup, &["user", "approve", "sara"]);
    let mails = [sink.next(), sink.next()];
    for mail in &mails {
        assert_eq!(mail.to, ["sara@example.org"], "{mails:?}");
    }
    assert_eq!(mails[0].header("subject"), "sara is let in");
    let sara = server.log_in("sara");
    assert_eq!(prove(&server, &sara, &mails[1].code()).status, 200);
    server.terminate();

    let database = Connection::open(setup.database()).unwrap();
    let wait = "SELECT count(*), min(next_at_ms - created_at_ms) FROM mails";
    let (waiting, pause): (i64, i64) = database
        .query_row(wait, [], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap();
    assert_eq!(waiting, 1, "one mail for both");
    assert!((400_000..=600_000).contains(&pause), "{pause}");
    database
        .execute("UPDATE mails SET next_at_ms = 0", [])
        .unwrap();
    drop(database);
    let server = setup.start();
    let told = sink.next();
    assert!(told.text.contains("\nomid\nnima\n"), "{told:?}");
    assert!(!told.text.contains("sara"), "{told:?}");
    server.terminate();
    assert_eq!(sink.rest().len(), 0);
}

#[test]
fn nobody_is_told_of_who_does_not_wait_any_more() {
    let sink = Sink::plain();
    let (setup, address) = (approving(&sink), sink.address());
    drop(sink);
    let server = setup.start();
    assert_eq!(server.sign("register", "sara", PASSWORD).status, 403);
    done(&setup, &["user", "approve", "sara"]);
    server.terminate();
    let again = "UPDATE mails SET next_at_ms = 0";
    let database = Connection::open(setup.database()).unwrap();
    assert_eq!(database.execute(again, []), Ok(1));
    drop(database);
    let sink = Sink::at(crate::mail_sink::Manner::default(), address);
    let server = setup.start();
    // Comes after it.
    assert_eq!(register(&server, "omid", "omid@example.org").status, 403);
    let told = sink.next();
    assert!(
        told.text.contains("omid") && !told.text.contains("sara"),
        "{told:?}"
    );
    drop(server);
    assert_eq!(sink.rest().len(), 0);
}

#[test]
fn word_of_what_was_decided_without_a_server_goes_out_at_its_start() {
    let sink = Sink::plain();
    let setup = approving(&sink).unset("ADMIN_EMAIL");
    let server = setup.start();
    assert_eq!(register(&server, "sara", "sara@example.org").status, 403);
    server.terminate();
    assert_eq!(sink.rest().len(), 0, "no operator to tell");
    done(&setup, &["user", "reject", "sara"]);
    let server = setup.start();
    let mail = sink.next();
    assert_eq!(mail.to, ["sara@example.org"]);
    assert_eq!(mail.header("subject"), "sara is not let in");
    drop(server);
    assert_eq!(sink.rest().len(), 0);
}

#[test]
fn an_address_that_comes_with_the_registration_is_proved_like_any_other() {
    let sink = Sink::plain();
    let server = sink.setup().start();
    let refused = register(&server, "sara", "sara@example.org\r\nBcc: x@example.org");
    assert_eq!(refused.refusal(), (400, "email_invalid".to_owned()));
    let made = register(&server, "sara", " sara@example.org ");
    assert_eq!(made.status, 201, "{made:?}");
    let sara = crate::client::Person::from(&made);
    let mail = sink.next();
    assert_eq!(mail.header("subject"), "Confirm your e-mail address");
    assert_eq!(prove(&server, &sara, &mail.code()).status, 200);
    assert_eq!(register(&server, "omid", "").status, 201);
    assert_eq!(server.sign("register", "nima", PASSWORD).status, 201);

    let off = Server::usual();
    let made = register(&off, "sara", "sara@example.org");
    assert_eq!(made.status, 201, "{made:?}");
    let sara = crate::client::Person::from(&made);
    let profile = off.get_as(&sara, "/api/profile").json();
    assert_eq!(profile["email_waiting"], Value::Null);
}

#[test]
fn an_operator_without_an_address_stops_the_start() {
    let ended = Setup::new().set("ADMIN_EMAIL", "the admin").run(&[], "");
    assert_eq!(ended.code, Some(1));
    assert!(ended.complaint.contains("ADMIN_EMAIL"), "{ended:?}");
}
