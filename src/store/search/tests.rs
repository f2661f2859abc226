//! Row A15: people are found by any part of their names, and by nothing else.

use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use rusqlite::Connection;

use super::super::migrate::{MIGRATIONS, migrate};
use super::super::{NewUser, users};
use super::*;

/// A database of these people: name and display name.
fn people(names: &[(&str, &str)]) -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    migrate(&mut connection, Path::new(""), MIGRATIONS).unwrap();
    fill(&mut connection).unwrap();
    for (username, display_name) in names {
        let new = NewUser {
            username: (*username).to_owned(),
            password_hash: String::new(),
        };
        let user = users::insert(&connection, &new).unwrap();
        if !display_name.is_empty() {
            users::set_display_name(&connection, user.id, display_name).unwrap();
        }
    }
    connection
}

fn found(connection: &Connection, wanted: &str) -> Vec<String> {
    let found = find(connection, wanted, UserId(0), 20).unwrap();
    found.into_iter().map(|user| user.username).collect()
}

#[test]
fn any_part_of_a_name_or_display_name_finds_in_the_order_of_names() {
    let db = people(&[
        ("zara", "زارا کریمی"),
        ("Bita_9", ""),
        ("ali", "علي‌رضا Bitaraf"),
        ("alix1", ""),
    ]);
    for (wanted, names) in [
        ("", &["ali", "alix1", "Bita_9", "zara"][..]),
        ("b", &["ali", "Bita_9"]),
        ("BI", &["ali", "Bita_9"]),
        ("bita", &["ali", "Bita_9"]),
        ("bitara", &["ali"]),
        ("علیرضا", &["ali"]),
        ("علی رضا", &["ali"]),
        ("كر", &["zara"]),
        ("a_9", &["Bita_9"]),
        ("%", &[]),
        ("_", &["Bita_9"]),
        ("a_", &["Bita_9"]),
        ("____", &[]),
        ("zaraz", &[]),
    ] {
        assert_eq!(found(&db, wanted), names, "{wanted:?}");
    }
}

#[test]
fn the_caller_is_left_out_and_20_are_enough() {
    let names: Vec<String> = (0..30).map(|n| format!("user_{n:02}")).collect();
    let names: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let db = people(&names);
    for wanted in ["", "u", "user_"] {
        let found = find(&db, wanted, UserId(1), 20).unwrap();
        assert_eq!(found.len(), 20, "{wanted:?}");
        assert_eq!(found[0].username, "user_01");
    }
    let whole = find(&db, "user_29", UserId(1), 20).unwrap();
    assert_eq!(whole.len(), 1);
    assert_eq!(find(&db, "user_00", UserId(1), 20).unwrap(), []);
}

#[test]
fn a_whole_name_is_among_the_answers_however_many_come_before_it() {
    let mut names: Vec<String> = (0..30).map(|n| format!("aa_{n:02}_sam")).collect();
    names.push("sam".to_owned());
    let names: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let db = people(&names);
    let found = found(&db, "Sam");
    assert_eq!((found.len(), found[19].as_str()), (20, "sam"));
}

#[test]
fn a_new_display_name_takes_the_place_of_the_old_one() {
    let db = people(&[("omid", "Karimi")]);
    assert_eq!(found(&db, "karim"), ["omid"]);
    users::set_display_name(&db, UserId(1), "Rezaei").unwrap();
    assert_eq!(found(&db, "karim"), [""; 0]);
    assert_eq!(found(&db, "kar"), [""; 0]);
    assert_eq!(found(&db, "rezae"), ["omid"]);
    users::set_display_name(&db, UserId(1), "").unwrap();
    assert_eq!(found(&db, "rez"), [""; 0]);
    assert_eq!(found(&db, "omi"), ["omid"]);
}

#[test]
fn who_wants_it_so_is_found_by_the_whole_name_alone() {
    let db = people(&[("omid", "Karimi"), ("omid_2", "")]);
    users::set_findable(&db, UserId(1), false).unwrap();
    assert_eq!(found(&db, ""), ["omid_2"]);
    assert_eq!(found(&db, "karimi"), [""; 0]);
    assert_eq!(found(&db, "omi"), ["omid_2"]);
    assert_eq!(found(&db, "OMID"), ["omid", "omid_2"]);
    // A name changed meanwhile does not bring them back.
    users::set_display_name(&db, UserId(1), "Omid K").unwrap();
    assert_eq!(found(&db, "omi"), ["omid_2"]);
    users::set_findable(&db, UserId(1), true).unwrap();
    assert_eq!(found(&db, "omi"), ["omid", "omid_2"]);
}

#[test]
fn only_accounts_that_may_be_used_are_found() {
    let db = people(&[("omid", "")]);
    for status in ["pending", "rejected", "suspended", "deleted"] {
        db.execute("UPDATE users SET status = ?1", [status])
            .unwrap();
        for wanted in ["", "o", "omi", "omid"] {
            assert_eq!(found(&db, wanted), [""; 0], "{status} {wanted:?}");
        }
        assert_eq!(users::active(&db, UserId(1)).unwrap(), None);
    }
    db.execute("UPDATE users SET status = 'active'", [])
        .unwrap();
    assert_eq!(found(&db, "om"), ["omid"]);
    db.execute("UPDATE users SET status = 'suspended', findable = 0", [])
        .unwrap();
    db.execute("UPDATE users SET findable = 1", []).unwrap();
    assert_eq!(found(&db, "om"), [""; 0], "opened in one way is not enough");
}

#[test]
fn people_of_an_older_database_are_found_after_the_upgrade() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    let mut db = Connection::open(&path).unwrap();
    migrate(&mut db, &path, &MIGRATIONS[..4]).unwrap();
    db.execute(
        "INSERT INTO users (uuid, username, username_key, password_hash, display_name, status, created_at_ms, updated_at_ms)
         VALUES (x'01', 'Sara', 'sara', '', 'سارا', 'active', 1, 1), (x'02', 'Reza', 'reza', '', NULL, 'suspended', 1, 1)",
        [],
    )
    .unwrap();
    drop(db);
    let store = crate::store::Store::open(&path, Box::new(drop)).unwrap();
    store.close();
    let db = Connection::open(&path).unwrap();
    assert_eq!(found(&db, "را"), ["Sara"]);
    assert_eq!(found(&db, ""), ["Sara"]);
    db.execute("UPDATE users SET status = 'active'", [])
        .unwrap();
    assert_eq!(found(&db, "ez"), ["Reza"]);
}

#[test]
fn names_cut_under_older_rules_are_cut_again_at_the_start() {
    let mut db = people(&[("omid", "Karimi")]);
    db.execute_batch("UPDATE people_fold SET version = 0; DELETE FROM people_grams")
        .unwrap();
    fill(&mut db).unwrap();
    assert_eq!(found(&db, "kari"), ["omid"]);
    // Once is enough.
    db.execute_batch("DELETE FROM people_grams").unwrap();
    fill(&mut db).unwrap();
    assert_eq!(found(&db, "kari"), [""; 0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// The model looks at everybody.
    #[test]
    fn the_answer_is_that_of_looking_at_everybody(
        displays in vec("[abکيی ]{0,6}", 1..40),
        wanted in vec("[abکی0-9_]{0,5}", 1..20),
    ) {
        let names: Vec<String> = (0..displays.len()).map(|n| format!("ab_{n}")).collect();
        let pairs: Vec<(&str, &str)> = names.iter().map(String::as_str).zip(displays.iter().map(String::as_str)).collect();
        let db = people(&pairs);
        for wanted in &wanted {
            let folded = fold(wanted);
            let mut due: Vec<&str> = pairs
                .iter()
                .filter(|(name, display)| fold(name).contains(&folded) || fold(display).contains(&folded))
                .map(|(name, _)| *name)
                .collect();
            due.sort_unstable();
            let all = find(&db, wanted, UserId(0), 100).unwrap();
            let all: Vec<&str> = all.iter().map(|user| user.username.as_str()).collect();
            prop_assert_eq!(all, due, "{}", wanted);
        }
    }
}
