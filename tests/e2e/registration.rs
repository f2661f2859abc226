//! Who may make an account (A3), invitations (A9), and what operators do about
//! accounts: letting in, shutting out, roles (A5).

use rusqlite::Connection;
use serde_json::{Value, json};
use webrtc_util::Conn as _;

use crate::client::{Answer, PASSWORD};
use crate::relay::{client, credential, refusal, until_closed};
use crate::server::{Server, Setup};
use crate::stage::stage;
use crate::turn_cli::{credential_of, turn};

/// Runs a command that must succeed; says what it printed.
fn done(setup: &Setup, words: &[&str]) -> Value {
    let ended = setup.run(&[words, &["--json"]].concat(), "");
    assert_eq!(ended.code, Some(0), "{words:?}: {ended:?}");
    serde_json::from_str(&ended.out).unwrap()
}

/// Runs a command that must fail with one sentence; says which.
fn refused(setup: &Setup, words: &[&str]) -> String {
    let ended = setup.run(words, "");
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    ended.complaint
}

fn mode(mode: &str) -> Setup {
    Setup::new().set("REGISTRATION", mode)
}

fn invited(server: &Server, name: &str, code: &str) -> Answer {
    let body = json!({ "username": name, "password": PASSWORD, "invite_code": code });
    server.call("POST", "/api/auth/register").json(&body).send()
}

fn says(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.refusal(), (status, code.to_owned()), "{answer:?}");
}

/// Moves the day on which an account became what it is back.
fn age(server: &Server, name: &str, days: i64) {
    let database = Connection::open(server.setup.database()).unwrap();
    let earlier =
        "UPDATE users SET state_since_ms = state_since_ms - ?2 * 86400000 WHERE username = ?1";
    assert_eq!(database.execute(earlier, (name, days)).unwrap(), 1);
}

#[test]
fn everybody_is_told_who_may_register() {
    for how in ["open", "approval", "invite", "closed"] {
        let server = mode(how).start();
        let answer = server.get("/api/auth/options").json();
        assert_eq!(answer["registration"], how);
    }
    let ended = mode("anybody").run(&["serve"], "");
    assert!(ended.complaint.contains("REGISTRATION"), "{ended:?}");
}

#[test]
fn where_registration_is_closed_only_an_operator_makes_accounts() {
    let server = mode("closed").start();
    says(
        &server.sign("register", "sara", PASSWORD),
        403,
        "registration_closed",
    );
    let words = ["user", "add", "sara", "--password-stdin"];
    assert_eq!(server.setup.run(&words, PASSWORD).code, Some(0));
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 200);
}

#[tokio::test]
async fn somebody_who_waits_for_approval_is_told_so_and_seen_by_nobody() {
    let server = mode("approval").start();
    let words = ["user", "add", "omid", "--password-stdin"];
    assert_eq!(server.setup.run(&words, PASSWORD).code, Some(0));
    let omid = server.log_in("omid");
    says(
        &server.sign("register", "sara", PASSWORD),
        403,
        "pending_approval",
    );
    says(
        &server.sign("register", "SARA", PASSWORD),
        400,
        "username_taken",
    );
    says(
        &server.sign("login", "sara", PASSWORD),
        403,
        "pending_approval",
    );
    says(
        &server.sign("login", "sara", "not it"),
        401,
        "bad_credentials",
    );

    let waiting = done(&server.setup, &["user", "list", "--state", "pending"]);
    let waiting = waiting["people"].as_array().unwrap().clone();
    assert_eq!(waiting.len(), 1);
    let (id, name) = (waiting[0]["id"].as_i64().unwrap(), &waiting[0]["username"]);
    assert_eq!(name, "sara");
    let found = server.get_as(&omid, "/api/users?q=sara").json();
    assert_eq!(found, json!([]));
    assert_eq!(
        server.get_as(&omid, &format!("/api/users?id={id}")).json(),
        json!([])
    );
    says(&server.get("/api/users/sara"), 404, "user_not_found");
    let call = server.call("POST", "/api/conversations").token(&omid.token);
    says(
        &call.json(&json!({ "participant_id": id })).send(),
        404,
        "user_not_found",
    );
    let mut his = server.socket(&omid).await;
    let text = json!({ "type": "message", "receiver_id": id, "content": "hello" });
    assert_eq!(his.refused(&text).await, "user_not_found");

    let approved = done(&server.setup, &["user", "approve", "Sara"]);
    assert_eq!(
        (&approved["id"], &approved["state"]),
        (&json!(id), &json!("active"))
    );
    let sara = server.log_in("sara");
    his.say(&sara, "welcome").await;
    assert_eq!(server.get("/api/users/sara").status, 200);
    assert!(refused(&server.setup, &["user", "approve", "sara"]).contains("not in a state"));
}

#[test]
fn a_rejected_person_is_told_so_and_can_be_let_in_after_all() {
    let server = mode("approval").start();
    says(
        &server.sign("register", "sara", PASSWORD),
        403,
        "pending_approval",
    );
    let words = ["user", "reject", "sara", "--reason", "nobody knows her"];
    assert_eq!(done(&server.setup, &words)["reason"], "nobody knows her");
    says(&server.sign("login", "sara", PASSWORD), 403, "rejected");
    says(
        &server.sign("register", "sara", PASSWORD),
        400,
        "username_taken",
    );
    done(&server.setup, &["user", "approve", "sara"]);
    assert_eq!(server.sign("login", "sara", PASSWORD).status, 200);
    for words in [["user", "approve", "nobody"], ["user", "suspend", "nobody"]] {
        assert!(refused(&server.setup, &words).contains("nobody: There is no one"));
    }
}

#[test]
fn who_was_not_let_in_for_thirty_days_is_removed_and_the_name_is_free() {
    let server = mode("approval").start();
    for name in ["sara", "omid", "nima", "mina"] {
        says(
            &server.sign("register", name, PASSWORD),
            403,
            "pending_approval",
        );
    }
    done(&server.setup, &["user", "reject", "nima"]);
    done(&server.setup, &["user", "approve", "mina"]);
    for (name, days) in [("sara", 31), ("omid", 29), ("nima", 31), ("mina", 400)] {
        age(&server, name, days);
    }
    let server = server.kill_and_start();
    let left = || {
        let people = done(&server.setup, &["user", "list"])["people"].clone();
        let people = people.as_array().unwrap().clone();
        people
            .iter()
            .map(|person| person["username"].as_str().unwrap().to_owned())
            .collect()
    };
    // The server looks at its start, beside everything else.
    let end = std::time::Instant::now() + crate::server::PATIENCE;
    let mut names: Vec<String> = left();
    while names.len() > 2 && std::time::Instant::now() < end {
        names = left();
    }
    assert_eq!(names, ["mina", "omid"]);
    says(
        &server.sign("register", "sara", PASSWORD),
        403,
        "pending_approval",
    );
}

#[test]
fn an_invitation_lets_in_as_many_as_it_says_and_nobody_without_one() {
    let server = mode("invite").start();
    says(
        &server.sign("register", "sara", PASSWORD),
        403,
        "invite_required",
    );
    says(
        &invited(&server, "sara", "aaaabbbbccccdddd"),
        403,
        "invite_invalid",
    );
    let made = done(
        &server.setup,
        &["invite", "create", "--uses", "2", "--days", "3"],
    );
    let code = made["code"].as_str().unwrap();
    // A refusal costs no use.
    says(&invited(&server, "x", code), 400, "username_length");
    let typed = format!("{}-{}", code[..8].to_uppercase(), &code[8..]);
    assert_eq!(invited(&server, "sara", &typed).status, 201);
    says(&invited(&server, "SARA", code), 400, "username_taken");
    assert_eq!(invited(&server, "omid", code).status, 201);
    says(&invited(&server, "nima", code), 403, "invite_invalid");

    let revoked = done(&server.setup, &["invite", "create"]);
    let revoked = revoked["code"].as_str().unwrap();
    done(&server.setup, &["invite", "revoke", revoked]);
    says(&invited(&server, "nima", revoked), 403, "invite_invalid");
    assert!(refused(&server.setup, &["invite", "revoke", revoked]).contains("taken back"));

    let over = done(&server.setup, &["invite", "create"]);
    let over = over["code"].as_str().unwrap();
    let database = Connection::open(server.setup.database()).unwrap();
    let past = "UPDATE invites SET expires_at_ms = 1 WHERE code = ?1";
    assert_eq!(database.execute(past, [over]).unwrap(), 1);
    says(&invited(&server, "nima", over), 403, "invite_invalid");

    let listed = done(&server.setup, &["invite", "list"]);
    let mut states: Vec<String> = Vec::new();
    for invite in listed["invites"].as_array().unwrap() {
        states.push(invite["state"].as_str().unwrap().to_owned());
    }
    states.sort();
    assert_eq!(states, ["expired", "revoked", "used_up"]);
    assert!(refused(&server.setup, &["invite", "create", "--uses", "0"]).contains("--uses"));
}

#[tokio::test]
async fn suspending_somebody_ends_all_they_have_at_once_and_activating_lets_them_back() {
    let mut stage = stage().await;
    let relayed = credential(&stage.server, &stage.sara);
    let relay = client(&stage.server, &relayed).await;
    let address = relay.allocate().await.unwrap().local_addr().unwrap();
    stage.talk().await;
    let setup = stage.server.setup.clone();
    let issued = credential_of(&turn(&setup, &["cred", "issue", "sara"]));
    done(&setup, &["user", "suspend", "sara", "--reason", "spam"]);
    assert_eq!(stage.hers.closed().await, Some(4401));
    let over = stage.his.frame_of("call_hangup").await;
    assert_eq!(over["payload"]["reason"], "session_ended");
    until_closed(address).await;
    assert_eq!(refusal(&stage.server, &relayed).await, "401");
    assert_eq!(refusal(&stage.server, &issued).await, "401");
    says(
        &stage.server.get_as(&stage.sara, "/api/profile"),
        401,
        "invalid_token",
    );
    says(
        &stage.server.sign("login", "sara", PASSWORD),
        403,
        "account_suspended",
    );
    assert!(refused(&setup, &["user", "suspend", "sara"]).contains("not in a state"));

    done(&setup, &["user", "activate", "sara"]);
    let sara = stage.server.log_in("sara");
    says(
        &stage.server.get_as(&stage.sara, "/api/profile"),
        401,
        "invalid_token",
    );
    let mut hers = stage.server.socket(&sara).await;
    hers.say(&stage.omid, "here again").await;
}

#[test]
fn the_last_admin_stays_one_with_and_without_a_server() {
    let server = Server::usual();
    for name in ["sara", "omid"] {
        server.register(name);
    }
    let setup = server.setup.clone();
    assert_eq!(
        done(&setup, &["user", "role", "sara", "admin"])["role"],
        "admin"
    );
    for words in [
        &["user", "role", "sara", "user"][..],
        &["user", "suspend", "sara"],
    ] {
        assert!(refused(&setup, words).contains("last admin"), "{words:?}");
    }
    server.terminate();
    assert!(refused(&setup, &["user", "suspend", "sara"]).contains("last admin"));
    done(&setup, &["user", "role", "omid", "admin"]);
    // One that is shut out is no admin to rely on.
    done(&setup, &["user", "suspend", "omid"]);
    assert!(refused(&setup, &["user", "role", "sara", "moderator"]).contains("last admin"));
    done(&setup, &["user", "activate", "omid"]);
    assert_eq!(
        done(&setup, &["user", "role", "sara", "moderator"])["role"],
        "moderator"
    );
}
