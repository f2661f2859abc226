//! Subscriptions on a database of their own.

use payambar_signaling::chat::{Body, NewMessage};
use payambar_signaling::ids::Ticket;

use super::*;
use crate::store::{NewSession, NewUser, bench, messages, sessions, users};

/// Sara is 1 and Omid 2, each with a session of the same number.
fn bench() -> Connection {
    let connection = bench::bench();
    for user in [bench::SARA, bench::OMID] {
        log_in(&connection, user);
    }
    connection
}

fn log_in(connection: &Connection, user: UserId) -> SessionId {
    let sid = format!("{user} {}", now().0);
    let new = NewSession {
        user,
        sid: format!("{sid} {:?}", std::time::Instant::now()),
        user_agent: String::new(),
        address: "192.0.2.1".to_owned(),
    };
    sessions::insert(connection, &new).unwrap()
}

fn keys(byte: u8) -> Keys {
    Keys {
        p256dh: [byte; 65],
        auth: [byte; 16],
    }
}

fn subscribe_as(
    connection: &Connection,
    (user, session): (i64, i64),
    endpoint: &str,
) -> Result<Vec<SubscriptionId>, Error> {
    let new = NewSubscription {
        user: UserId(user),
        session: SessionId(session),
        endpoint: endpoint.to_owned(),
        keys: keys(1),
        lang: Lang::En,
    };
    subscribe(connection, &new)
}

fn endpoints(connection: &Connection, user: i64) -> Vec<String> {
    let found = addressee(connection, UserId(user), UserId(1)).unwrap();
    let of = found.subscriptions.into_iter();
    of.map(|subscription| subscription.endpoint).collect()
}

#[test]
fn a_subscription_reads_back_as_it_was_made() {
    let db = bench();
    assert_eq!(subscribe_as(&db, (2, 2), "a").unwrap(), []);
    let found = addressee(&db, UserId(2), UserId(1)).unwrap();
    let subscription = Subscription {
        id: SubscriptionId(1),
        user: UserId(2),
        session: SessionId(2),
        endpoint: "a".to_owned(),
        keys: keys(1),
        lang: Lang::En,
    };
    assert_eq!(found.subscriptions, [subscription]);
    assert_eq!(found.other, ("sara".to_owned(), None));
    assert_eq!((found.privacy, found.unread), (Privacy::Name, 0));
    assert_eq!(subscribers(&db).unwrap(), [UserId(2)]);
}

#[test]
fn the_same_endpoint_again_is_a_new_subscription_in_place_of_the_old_one() {
    let db = bench();
    subscribe_as(&db, (2, 2), "a").unwrap();
    assert_eq!(subscribe_as(&db, (1, 1), "a").unwrap(), [SubscriptionId(1)]);
    assert_eq!(
        (endpoints(&db, 1), endpoints(&db, 2)),
        (vec!["a".to_owned()], vec![])
    );
}

#[test]
fn the_oldest_goes_when_there_are_too_many() {
    let db = bench();
    for n in 1..=16 {
        assert_eq!(subscribe_as(&db, (2, 2), &n.to_string()).unwrap(), []);
    }
    subscribe_as(&db, (1, 1), "of somebody else").unwrap();
    assert_eq!(
        subscribe_as(&db, (2, 2), "17").unwrap(),
        [SubscriptionId(1)]
    );
    assert_eq!(endpoints(&db, 2).len(), 16);
    assert_eq!(endpoints(&db, 1).len(), 1);
}

#[test]
fn however_a_session_ends_its_subscriptions_end_with_it() {
    type End = fn(&Connection);
    let ends: [End; 3] = [
        |db| sessions::end(db, SessionId(2)).unwrap(),
        // All of a person at once, as a change of password has it.
        |db| {
            let all = "UPDATE sessions SET ended_at_ms = 5 WHERE user_id = 2 AND id <> 3";
            db.execute(all, []).unwrap();
        },
        |db| {
            db.execute("DELETE FROM sessions WHERE id = 2", []).unwrap();
        },
    ];
    for end in ends {
        let db = bench();
        assert_eq!(log_in(&db, UserId(2)), SessionId(3));
        subscribe_as(&db, (2, 2), "ended").unwrap();
        subscribe_as(&db, (2, 3), "other").unwrap();
        end(&db);
        assert_eq!(endpoints(&db, 2), ["other"]);
        let rows = "SELECT count(*) FROM push_subscriptions";
        let rows: i64 = db.query_row(rows, [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 1);
    }
}

#[test]
fn a_session_that_ended_or_is_anothers_cannot_subscribe() {
    let db = bench();
    sessions::end(&db, SessionId(2)).unwrap();
    for who in [(2, 2), (2, 1), (2, 99)] {
        let refused = subscribe_as(&db, who, "a");
        assert!(matches!(refused, Err(Error::Refused(Code::InvalidToken))));
    }
}

#[test]
fn nothing_goes_to_expired_sessions_and_suspended_accounts() {
    for silence in [
        "UPDATE sessions SET expires_at_ms = 5 WHERE id = 2",
        "UPDATE users SET status = 'suspended' WHERE id = 2",
    ] {
        let db = bench();
        subscribe_as(&db, (2, 2), "a").unwrap();
        assert_eq!(endpoints(&db, 2), ["a"]);
        db.execute(silence, []).unwrap();
        assert_eq!(endpoints(&db, 2), [""; 0], "{silence}");
    }
}

#[test]
fn only_ones_own_subscription_can_be_ended() {
    let db = bench();
    subscribe_as(&db, (2, 2), "a").unwrap();
    assert_eq!(unsubscribe(&db, UserId(1), "a").unwrap(), None);
    let ended = unsubscribe(&db, UserId(2), "a").unwrap();
    assert_eq!(ended, Some(SubscriptionId(1)));
    assert_eq!(endpoints(&db, 2), [""; 0]);
}

#[test]
fn unread_messages_of_others_are_counted_in_all_conversations() {
    let db = bench();
    let nima = NewUser {
        username: "nima".to_owned(),
        password_hash: "hash".to_owned(),
    };
    users::insert(&db, &nima).unwrap();
    for (sender, receiver) in [(1, 2), (1, 2), (3, 2), (2, 1)] {
        let new = NewMessage {
            ticket: Ticket(1),
            sender: UserId(sender),
            to: UserId(receiver).into(),
            client_message_id: None,
            body: Body::Text("x".to_owned()),
        };
        messages::insert(&db, &new, now()).unwrap();
    }
    let unread = || addressee(&db, UserId(2), UserId(1)).unwrap().unread;
    assert_eq!(unread(), 3);
    let read = "UPDATE members SET read_seq = 1 WHERE user_id = 2";
    db.execute(read, []).unwrap();
    assert_eq!(unread(), 1);
    db.execute("UPDATE messages SET silent = 1", []).unwrap();
    assert_eq!(unread(), 0);
}

#[test]
fn privacy_is_kept_for_the_person() {
    let db = bench();
    for level in [Privacy::Neutral, Privacy::Full, Privacy::Name] {
        set_privacy(&db, UserId(2), level).unwrap();
        assert_eq!(privacy(&db, UserId(2)).unwrap(), level);
    }
    assert_eq!(privacy(&db, UserId(1)).unwrap(), Privacy::Name);
}
