//! Rows A13 and A15: what people say about themselves, how they find each
//! other, and how they keep from being found.

use serde_json::{Value, json};

use crate::client::Person;
use crate::server::{Server, Setup};

fn names(server: &Server, caller: &Person, query: &str) -> Vec<String> {
    let found = server.get_as(caller, &format!("/api/users?{query}"));
    assert_eq!(found.status, 200, "{found:?}");
    let found: Vec<Value> = serde_json::from_str(&found.text).unwrap();
    let name = |person: &Value| person["username"].as_str().unwrap().to_owned();
    found.iter().map(name).collect()
}

fn put_profile(server: &Server, person: &Person, body: &Value) -> (u16, Value) {
    let call = server.call("PUT", "/api/profile").token(&person.token);
    let answer = call.json(body).send();
    (answer.status, answer.json())
}

#[test]
fn people_are_found_by_a_part_of_either_name_whatever_the_keyboard() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("Omid_K"));
    let body = json!({ "display_name": "علي‌رضا كريمي" });
    let (status, answer) = put_profile(&server, &omid, &body);
    assert_eq!(
        (status, &answer["display_name"]),
        (200, &body["display_name"])
    );
    // ی and ک of another keyboard, without the joiner.
    for query in [
        "q=",
        "q=id_k",
        "q=%DA%A9%D8%B1%DB%8C",
        "q=%D8%B9%D9%84%DB%8C%D8%B1%D8%B6%D8%A7",
    ] {
        assert_eq!(names(&server, &sara, query), ["Omid_K"], "{query}");
    }
    assert_eq!(names(&server, &sara, "q=sara"), [""; 0], "not oneself");
    assert_eq!(names(&server, &sara, "q=%25"), [""; 0]);
}

#[test]
fn who_does_not_want_to_be_found_is_found_by_the_whole_name_alone() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let profile = |person: &Person| server.get_as(person, "/api/profile").json();
    assert_eq!(profile(&omid)["findable"], true);
    let (status, _) = put_profile(&server, &omid, &json!({ "findable": false }));
    assert_eq!(status, 200);
    assert_eq!(profile(&omid)["findable"], false);
    assert_eq!(names(&server, &sara, "q=omi"), [""; 0]);
    assert_eq!(names(&server, &sara, "q="), [""; 0]);
    assert_eq!(names(&server, &sara, "q=OMID"), ["omid"]);
    for nothing in [
        json!({}),
        json!({ "findable": "no" }),
        json!({ "bio_": "x" }),
    ] {
        assert_eq!(put_profile(&server, &omid, &nothing).0, 400, "{nothing}");
    }
}

#[test]
fn nobody_finds_an_account_that_is_shut() {
    let server = Server::usual();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    let database = rusqlite::Connection::open(server.setup.database()).unwrap();
    for status in ["suspended", "pending", "rejected", "deleted"] {
        let shut = "UPDATE users SET status = ?1 WHERE id = ?2";
        database.execute(shut, (status, omid.id)).unwrap();
        for query in ["q=", "q=omid", &format!("id={}", omid.id)] {
            assert_eq!(names(&server, &sara, query), [""; 0], "{status} {query}");
        }
    }
}

#[test]
fn the_61st_search_of_a_person_in_a_minute_is_refused() {
    let server = Setup::new().unset("RATE_LIMIT").start();
    let (sara, omid) = (server.register("sara"), server.register("omid"));
    for count in 1..=60 {
        let answer = server.get_as(&sara, "/api/users?q=o");
        assert_eq!(answer.status, 200);
        let left = answer.header("x-ratelimit-remaining");
        assert_eq!(left, (60 - count).to_string());
    }
    let refused = server.get_as(&sara, "/api/users?q=o");
    assert_eq!(refused.refusal(), (429, "too_many_attempts".to_owned()));
    assert_eq!(names(&server, &sara, &format!("id={}", omid.id)), ["omid"]);
    assert_eq!(names(&server, &omid, "q=s"), ["sara"]);
}

#[test]
fn what_one_says_about_oneself_is_kept_and_on_ones_page() {
    let server = Server::usual();
    let sara = server.register("sara");
    let page = || server.call("GET", "/api/users/sara").send().json();
    assert_eq!(page()["bio"], Value::Null);
    // A family of four is one letter as people count them.
    let longest = "👨‍👩‍👧‍👦".repeat(300);
    for (bio, kept) in [
        ("  سلام\nمن سارا هستم ", json!("سلام\nمن سارا هستم")),
        (longest.as_str(), json!(longest)),
        ("", Value::Null),
    ] {
        assert_eq!(put_profile(&server, &sara, &json!({ "bio": bio })).0, 200);
        let profile = server.get_as(&sara, "/api/profile").json();
        assert_eq!(profile["bio"], kept);
        assert_eq!(page()["bio"], kept);
    }
    put_profile(&server, &sara, &json!({ "bio": "hello", "language": "en" }));
    for bad in ["a".repeat(301), "a\u{202e}b".to_owned(), "a\tb".to_owned()] {
        let (status, answer) = put_profile(&server, &sara, &json!({ "bio": bad }));
        assert_eq!((status, &answer["code"]), (400, &json!("bio_invalid")));
    }
    let (status, _) = put_profile(&server, &sara, &json!({ "language": "de" }));
    assert_eq!(status, 400);
    // What is not named stays, and a refusal changes nothing.
    let (_, answer) = put_profile(&server, &sara, &json!({ "display_name": "Sara" }));
    assert_eq!(answer["display_name"], "Sara");
    let profile = server.get_as(&sara, "/api/profile").json();
    assert_eq!(
        (&profile["bio"], &profile["language"]),
        (&json!("hello"), &json!("en"))
    );
}
