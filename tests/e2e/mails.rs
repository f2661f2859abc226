//! How mails are handed over (A11, A12): secured, with a log-in, again after a
//! failure, and what stops the start.

use rusqlite::Connection;

use crate::emails::{propose, prove};
use crate::mail_sink::{LOGIN, Manner, Sink};
use crate::server::{PATIENCE, Setup};

#[test]
fn a_mail_goes_secured_and_with_the_log_in_and_no_log_shows_either() {
    let manner = Manner {
        starttls: true,
        login: true,
        ..Manner::default()
    };
    let sink = Sink::start(manner);
    let setup = sink
        .setup()
        .set("SMTP_TLS", "starttls")
        .set("SMTP_CA", sink.ca())
        .set("SMTP_USERNAME", LOGIN.0)
        .set("SMTP_PASSWORD", LOGIN.1)
        .set("LOG_LEVEL", "trace");
    let server = setup.start();
    let sara = server.register("sara");
    assert_eq!(propose(&server, &sara, "sara@example.org").status, 202);
    let mail = sink.next();
    assert!(mail.secured);
    assert_eq!(mail.login.as_deref(), Some(LOGIN.0));
    let code = mail.code();
    assert_eq!(prove(&server, &sara, &code).status, 200);
    let (_, log) = server.terminate();
    for secret in [LOGIN.1, "sara@example.org", &code] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

#[test]
fn a_server_whose_certificate_is_not_believed_gets_no_mail() {
    let sink = Sink::start(Manner {
        starttls: true,
        ..Manner::default()
    });
    let setup = sink.setup().set("SMTP_TLS", "starttls");
    let server = setup.start();
    let sara = server.register("sara");
    assert_eq!(propose(&server, &sara, "sara@example.org").status, 202);
    until_tried(&setup, 1);
    assert_eq!(sink.rest().len(), 0);
    let log = server.log();
    assert!(
        log.contains("not taken") && !log.contains("sara@example.org"),
        "{log}"
    );
}

/// Waits until the one mail that waits was tried so often.
fn until_tried(setup: &Setup, attempts: i64) {
    let database = Connection::open(setup.database()).unwrap();
    let end = std::time::Instant::now() + PATIENCE;
    let tried = || database.query_row("SELECT attempts FROM mails", [], |row| row.get::<_, i64>(0));
    while tried() != Ok(attempts) {
        assert!(std::time::Instant::now() < end, "{:?}", tried());
        std::thread::yield_now();
    }
}

#[test]
fn a_mail_that_was_not_taken_is_tried_again_also_by_the_next_server() {
    let sink = Sink::plain();
    let (setup, address) = (sink.setup(), sink.address());
    drop(sink);
    let server = setup.start();
    let sara = server.register("sara");
    assert_eq!(propose(&server, &sara, "sara@example.org").status, 202);
    until_tried(&setup, 1);
    let (_, log) = server.terminate();
    assert!(!log.contains("sara@example.org"), "{log}");
    let again = "UPDATE mails SET next_at_ms = 0";
    let database = Connection::open(setup.database()).unwrap();
    assert_eq!(database.execute(again, []), Ok(1));
    drop(database);

    let busy = Manner::default();
    busy.answers.lock().unwrap().push("451 later");
    let sink = Sink::at(busy, address);
    let server = setup.start();
    // Refused for now, and then taken after a pause.
    let mail = sink.next();
    assert_eq!(mail.to, ["sara@example.org"]);
    assert_eq!(prove(&server, &sara, &mail.code()).status, 200);
    assert_eq!(sink.rest().len(), 0, "once");
}

#[test]
fn a_mail_that_will_never_be_taken_or_is_too_old_is_given_up() {
    let manner = Manner::default();
    manner
        .answers
        .lock()
        .unwrap()
        .push("550 no such mailbox <sara@example.org>");
    let sink = Sink::start(manner);
    let setup = sink.setup();
    let server = setup.start();
    let sara = server.register("sara");
    assert_eq!(propose(&server, &sara, "sara@example.org").status, 202);
    // The next one shows that the first does not stand in its way.
    let omid = server.register("omid");
    assert_eq!(propose(&server, &omid, "omid@example.org").status, 202);
    assert_eq!(sink.next().to, ["omid@example.org"]);
    let (_, log) = server.terminate();
    assert!(
        log.contains("refused") && !log.contains("example.org\""),
        "{log}"
    );
    assert!(!log.contains("sara@example.org"), "{log}");

    let database = Connection::open(setup.database()).unwrap();
    let mails = || database.query_row("SELECT count(*) FROM mails", [], |row| row.get::<_, i64>(0));
    assert_eq!(mails(), Ok(0));
    let old =
        "INSERT INTO mails (user_id, kind, address, language, created_at_ms, next_at_ms, until_ms)
               VALUES (?1, 'removed', 'sara@example.org', 'en', 1, 1, 2)";
    database.execute(old, [sara.id]).unwrap();
    let server = setup.start();
    let end = std::time::Instant::now() + PATIENCE;
    while mails() != Ok(0) {
        assert!(std::time::Instant::now() < end);
        std::thread::yield_now();
    }
    let (_, log) = server.terminate();
    assert!(
        log.contains("given up") && !log.contains("sara@example.org"),
        "{log}"
    );
    assert_eq!(sink.rest().len(), 0);
}

#[test]
fn half_set_mail_stops_the_start_with_a_sentence() {
    let set = |pairs: &[(&str, &str)]| {
        let whole = Setup::new()
            .set("SMTP_HOST", "smtp.example.org")
            .set("SMTP_FROM", "noreply@example.org");
        let setup = pairs
            .iter()
            .fold(whole, |setup, (name, value)| match *value {
                "" => setup.unset(name),
                value => setup.set(name, value),
            });
        let ended = setup.run(&[], "");
        assert_eq!(ended.code, Some(1), "{ended:?}");
        ended.complaint
    };
    for (pairs, names) in [
        (&[("SMTP_FROM", "")][..], "SMTP_FROM"),
        (&[("SMTP_FROM", "Payambar")], "SMTP_FROM"),
        (&[("SMTP_HOST", "")], "SMTP_HOST"),
        (&[("SMTP_HOST", "smtp.example.org:587")], "SMTP_PORT"),
        (
            &[("SMTP_USERNAME", "payambar")],
            "SMTP_PASSWORD must be set together",
        ),
        (
            &[("SMTP_PASSWORD", "a secret word")],
            "SMTP_USERNAME must be set together",
        ),
        (&[("SMTP_TLS", "ssl")], "starttls or tls or none"),
        (&[("SMTP_PORT", "0")], "1 to 65535"),
        (&[("SMTP_CA", "/nowhere.pem")], "SMTP_CA"),
        (
            &[
                ("SMTP_TLS", "none"),
                ("ENVIRONMENT", "production"),
                ("RATE_LIMIT", "on"),
                ("PUBLIC_URL", "https://chat.example.org"),
            ],
            "SMTP_TLS",
        ),
    ] {
        let complaint = set(pairs);
        assert!(complaint.contains(names), "{pairs:?}: {complaint}");
        assert!(!complaint.contains("a secret word"), "{complaint}");
    }
}
