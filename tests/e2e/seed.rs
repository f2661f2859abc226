//! A database to try things on (K12): it looks like one that people used, and
//! can be made at a desk only.

use serde_json::Value;

use crate::client::PASSWORD;
use crate::server::{Ended, Setup};

fn seed(setup: &Setup, options: &[&str]) -> Ended {
    let words = [&["dev", "seed", "--password-stdin"], options].concat();
    setup.run(&words, &format!("{PASSWORD}\n"))
}

#[tokio::test]
async fn seeded_people_sign_in_and_find_what_they_wrote() {
    let setup = Setup::new();
    let ended = seed(&setup, &["--people", "30", "--messages", "2000", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let made: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&made["people"], &made["messages"], &made["password"]),
        (&30.into(), &2000.into(), &Value::Null)
    );
    let server = setup.start();
    let first = server.log_in("sara_1");
    let list = server.get_as(&first, "/api/conversations").json();
    let list = list["conversations"].as_array().unwrap();
    assert!(list.len() > 3, "{list:?}");
    let (mut all, mut unread) = (0, 0);
    for preview in list {
        let path = format!("/api/messages?user_id={}&limit=100", preview["user_id"]);
        let page = server.get_as(&first, &path).json();
        let page = page["messages"].as_array().unwrap();
        assert!(!page.is_empty());
        let times: Vec<&str> = page
            .iter()
            .map(|message| message["created_at"].as_str().unwrap())
            .collect();
        assert!(times.is_sorted(), "{times:?}");
        all += page.len();
        unread += preview["unread_count"].as_i64().unwrap();
    }
    assert!(all > 50, "{all}");
    assert!(
        unread < i64::try_from(all).unwrap() / 2,
        "{unread} of {all}"
    );
    let other = server.log_in("omid_2");
    let mut his = server.socket(&other).await;
    server.socket(&first).await.say(&other, "and on").await;
    // After what had not reached him.
    while his.frame_of("message").await["content"] != "and on" {}
}

#[test]
fn people_who_are_there_are_left_alone_unless_asked() {
    let setup = Setup::new();
    let add = ["user", "add", "sara_2", "--password-stdin"];
    let added = setup.run(&add, &format!("{PASSWORD}\n"));
    assert_eq!(added.code, Some(0), "{added:?}");
    let refused = seed(&setup, &["--people", "3", "--messages", "5"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.complaint.contains("--add"), "{refused:?}");
    let done = seed(&setup, &["--people", "3", "--messages", "5", "--add"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let server = setup.start();
    assert_eq!(server.log_in("sara_2").id, 1);
    server.log_in("neda_3");
}

#[test]
fn neither_production_nor_a_running_server_is_filled() {
    let setup = Setup::new();
    let production = setup
        .clone()
        .set("ENVIRONMENT", "production")
        .set("PUBLIC_URL", "https://chat.example.org")
        .set("TURN_EXTERNAL_IP", "198.51.100.7")
        .unset("RATE_LIMIT");
    for words in [&["dev", "seed"][..], &["dev", "tokens"]] {
        let ended = production.run(words, "");
        assert_eq!(ended.code, Some(1), "{words:?}: {ended:?}");
        assert!(ended.complaint.contains("production"), "{ended:?}");
        assert_eq!(ended.out, "");
    }
    assert!(!setup.database().exists());
    let server = setup.start();
    let ended = seed(&server.setup, &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.complaint.contains("stop it"), "{ended:?}");
}

#[tokio::test]
async fn a_token_that_was_printed_opens_a_socket() {
    let setup = Setup::new();
    let seeded = seed(&setup, &["--people", "3", "--messages", "0"]);
    assert_eq!(seeded.code, Some(0), "{seeded:?}");
    let ended = setup.run(&["dev", "tokens", "--people", "2"], "");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let people: Vec<Value> = ended
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(people.len(), 2);
    let server = setup.start();
    let token = people[1]["token"].as_str().unwrap();
    let profile = server.call("GET", "/api/profile").token(token).send();
    assert_eq!(profile.json()["username"], "omid_2");
    assert_eq!(profile.json()["id"], people[1]["user_id"]);
}
