//! Row S6: no request walks a table that grows. Every function of the store
//! runs against a small database; each statement it really runs is explained,
//! and one that scans a table fails here.
//!
//! A new function gets a line in [`CALLS`] with values that make all of its
//! statements run. Where walking is right, [`ALLOWED`] says why.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use payambar_signaling::account::State;
use payambar_signaling::chat::{
    BlockChange, Body, CallsFrom, Mark, MarkTarget, NewMark, NewMessage, Scope,
};
use payambar_signaling::file::FileEntry;
use payambar_signaling::ids::{ConversationId, FileId, MessageId, Seq, SessionId, Ticket, UserId};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::migrate::{MIGRATIONS, migrate};
use super::*;
use crate::i18n::Lang;
use crate::push::{Keys, Privacy};

type Call = (&'static str, fn(&Connection) -> Result<(), Error>);

const SARA: UserId = UserId(1);
const OMID: UserId = UserId(2);
const HERE: ConversationId = ConversationId(1);

/// Everything a request may ask the store for.
const CALLS: &[Call] = &[
    ("audit::insert", |c| {
        audit::insert(c, &audit::Origin::cli(), audit::Action::LogIn, "sara")
    }),
    ("audit::list", |c| drop_ok(audit::list(c, 10))),
    ("audit::sweep", |c| drop_ok(audit::sweep(c))),
    ("conversations::find_pair", |c| {
        drop_ok(conversations::find_pair(c, SARA, OMID))
    }),
    ("conversations::insert_pair", |c| {
        drop_ok(conversations::insert_pair(
            c,
            (OMID, UserId(3)),
            Seq(1),
            (false, true),
            now(),
        ))
    }),
    ("conversations::last_seq", |c| {
        drop_ok(conversations::last_seq(c, (SARA, OMID)))
    }),
    ("conversations::list", |c| {
        drop_ok(conversations::list(c, OMID))
    }),
    ("conversations::open_pair", |c| {
        conversations::open_pair(c, SARA, OMID)?;
        drop_ok(conversations::open_pair(c, SARA, UserId(3)))
    }),
    ("erase::conversation", |c| {
        drop_ok(erase::conversation(c, SARA, HERE, Scope::Me))
    }),
    ("erase::step", |c| {
        drop_ok(erase::conversation(c, SARA, HERE, Scope::Everyone))
    }),
    ("erase::message", |c| {
        erase::message(c, OMID, MessageId(2), Scope::Me, now())?;
        drop_ok(erase::message(
            c,
            SARA,
            MessageId(1),
            Scope::Everyone,
            now(),
        ))
    }),
    ("files::buried", |c| files::buried(c, &["gone".to_owned()])),
    ("files::dead", |c| drop_ok(files::dead(c, 10))),
    ("files::find", |c| {
        for thumb in [false, true] {
            files::find(c, new_file(1).entry.id, Some(OMID), thumb)?;
        }
        Ok(())
    }),
    ("files::remove_avatar", |c| {
        files::set_avatar(c, &new_avatar())?;
        files::remove_avatar(c, SARA)
    }),
    ("files::set_avatar", |c| {
        files::set_avatar(c, &new_avatar())?;
        drop_ok(files::set_avatar(
            c,
            &files::NewAvatar {
                id: FileId::from_bytes([10; 16]),
                ..new_avatar()
            },
        ))
    }),
    ("files::keep", |c| {
        drop_ok(files::keep(c, &new_file(3).bytes, &mut Vec::new()))
    }),
    ("files::post", |c| {
        for number in [2, 1, 2] {
            files::post(c, &new_file(number))?;
        }
        Ok(())
    }),
    ("files::release", |c| {
        c.execute("UPDATE messages SET file_id = NULL WHERE file_id = 1", [])?;
        files::release(c, 1)
    }),
    ("files::unknown", |c| {
        drop_ok(files::unknown(c, vec!["bytes1".to_owned()]))
    }),
    ("files::unused", |c| drop_ok(files::unused(c, 0, 10))),
    ("conversations::set_last_seq", |c| {
        drop_ok(conversations::set_last_seq(
            c,
            HERE,
            Seq(9),
            (true, false),
            now(),
        ))
    }),
    ("invites::check", |c| match invites::check(c, "code") {
        Err(Error::Refused(_)) => Ok(()),
        other => other,
    }),
    ("invites::insert", |c| {
        let invite = Invite {
            code: "code".to_owned(),
            max_uses: 1,
            uses: 0,
            created_at: now(),
            expires_at: now(),
            revoked: false,
        };
        invites::insert(c, &invite)
    }),
    ("invites::list", |c| drop_ok(invites::list(c))),
    ("invites::revoke", |c| drop_ok(invites::revoke(c, "code"))),
    ("invites::spend", |c| invites::spend(c, "code")),
    ("keys::of", |c| drop_ok(keys::of(c, SARA))),
    ("keys::own", |c| drop_ok(keys::own(c, SARA))),
    ("keys::publish", |c| {
        drop_ok(keys::publish(
            c,
            SARA,
            &device_key(),
            &keys::Backup::default(),
        ))
    }),
    ("messages::admit", |c| {
        drop_ok(messages::admit(c, &text(SARA, OMID, Some("again"))))
    }),
    ("messages::catch_up", |c| {
        drop_ok(messages::catch_up(c, OMID))
    }),
    ("messages::history", |c| {
        for page in [Page::Offset(0), Page::Before(Seq(3)), Page::After(Seq(1))] {
            messages::history(c, SARA, OMID, page, 50)?;
        }
        Ok(())
    }),
    ("messages::insert", |c| {
        for client_message_id in [None, Some("again"), Some("again")] {
            say(c, SARA, OMID, client_message_id)?;
        }
        say(c, SARA, UserId(3), None)
    }),
    ("messages::mark", |c| {
        let up_to = MarkTarget::UpTo {
            conversation: HERE,
            seq: Seq(2),
        };
        for target in [MarkTarget::Message(MessageId(1)), up_to, up_to] {
            for mark in [Mark::Delivered, Mark::Read] {
                let new = NewMark {
                    ticket: Ticket(1),
                    reader: OMID,
                    target,
                    mark,
                };
                messages::mark(c, &new, now())?;
            }
        }
        Ok(())
    }),
    ("messages::may_write", |c| {
        messages::may_write(c, SARA, OMID)
    }),
    ("messages::newest", |c| {
        drop_ok(messages::newest(c, HERE, SARA, OMID))
    }),
    ("messages::write", |c| {
        drop_ok(messages::write(c, &text(SARA, OMID, None), None, now()))
    }),
    ("push::addressee", |c| {
        drop_ok(push::addressee(c, SARA, OMID))
    }),
    ("push::privacy", |c| drop_ok(push::privacy(c, SARA))),
    ("push::remove", |c| push::remove(c, SubscriptionId(1))),
    ("push::set_privacy", |c| {
        push::set_privacy(c, SARA, Privacy::Full)
    }),
    ("push::subscribe", |c| {
        drop_ok(push::subscribe(c, &subscription()))
    }),
    ("push::subscribers", |c| drop_ok(push::subscribers(c))),
    ("push::unsubscribe", |c| {
        drop_ok(push::unsubscribe(c, SARA, "https://push.example.org/1"))
    }),
    ("refresh::about", |c| {
        drop_ok(refresh::about(c, SessionId(1)))
    }),
    ("refresh::insert", |c| {
        refresh::insert(c, SessionId(1), &[9; 32])
    }),
    ("refresh::is_known", |c| {
        drop_ok(refresh::is_known(c, &[1; 32]))
    }),
    ("refresh::rotate", |c| {
        refresh::insert(c, SessionId(1), &[1; 32])?;
        for user_agent in ["a", "b"] {
            let used = refresh::Use {
                hash: [1; 32],
                salt: [2; 32],
                next: [3; 32],
                address: String::new(),
                user_agent: user_agent.to_owned(),
            };
            refresh::rotate(c, &used)?;
        }
        Ok(())
    }),
    ("people::apart_from", |c| {
        drop_ok(people::apart_from(c, SARA))
    }),
    ("people::block_between", |c| {
        drop_ok(people::block_between(c, SARA, OMID))
    }),
    ("people::blocks", |c| drop_ok(people::blocks(c, SARA))),
    ("people::call_facts", |c| {
        drop_ok(people::call_facts(c, SARA, OMID))
    }),
    ("people::calls_from", |c| {
        drop_ok(people::calls_from(c, SARA))
    }),
    ("people::change_block", |c| {
        for blocked in [true, false] {
            let (by, whom) = (SARA, UserId(3));
            people::change_block(c, BlockChange { by, whom, blocked })?;
        }
        Ok(())
    }),
    ("people::known", |c| {
        people::set_calls_from(c, SARA, CallsFrom::Contacts)?;
        drop_ok(people::known(c, SARA))
    }),
    ("people::send_facts", |c| {
        drop_ok(people::send_facts(c, SARA, OMID))
    }),
    ("people::set_calls_from", |c| {
        people::set_calls_from(c, SARA, CallsFrom::Nobody)
    }),
    ("search::find", |c| {
        for wanted in ["", "s", "sara", "somebody"] {
            search::find(c, wanted, OMID, 20)?;
        }
        Ok(())
    }),
    ("search::index", |c| {
        search::index(c, SARA, "sara", Some("سارا"))
    }),
    ("sessions::end", |c| sessions::end(c, SessionId(1))),
    ("sessions::end_all", |c| {
        sessions::end_all(c, SARA, Some(SessionId(1)))?;
        drop_ok(sessions::end_all(c, SARA, None))
    }),
    ("sessions::end_one", |c| {
        drop_ok(sessions::end_one(c, SARA, SessionId(1)))
    }),
    ("sessions::find", |c| drop_ok(sessions::find(c, "s1"))),
    ("sessions::insert", |c| {
        drop_ok(sessions::insert(c, &session("s2")))
    }),
    ("sessions::lives", |c| {
        drop_ok(sessions::lives(c, SessionId(1)))
    }),
    ("sessions::of_user", |c| drop_ok(sessions::of_user(c, SARA))),
    ("sessions::person", |c| {
        drop_ok(sessions::person(c, SessionId(1)))
    }),
    ("sessions::whose", |c| {
        drop_ok(sessions::whose(c, SessionId(1)))
    }),
    ("sessions::touch", |c| {
        sessions::touch(c, SessionId(1), "192.0.2.1")
    }),
    ("turn::add_static", |c| {
        drop_ok(turn::add_static(c, &pair()))
    }),
    ("turn::remove_static", |c| {
        drop_ok(turn::remove_static(c, "pair"))
    }),
    ("turn::revoke_person", |c| turn::revoke_person(c, SARA, 1)),
    ("turn::revoked_until", |c| {
        drop_ok(turn::revoked_until(c, SARA))
    }),
    ("turn::static_pairs", |c| drop_ok(turn::static_pairs(c))),
    ("turn::taken_back", |c| {
        drop_ok(turn::taken_back(c, Duration::from_secs(60)))
    }),
    ("users::about", |c| drop_ok(users::about(c, SARA))),
    ("users::set_about", |c| {
        users::set_about(c, SARA, Some("hello"), Some(Lang::En))
    }),
    ("users::active", |c| drop_ok(users::active(c, SARA))),
    ("users::by_id", |c| drop_ok(users::by_id(c, SARA))),
    ("users::by_name", |c| drop_ok(users::by_name(c, "sara"))),
    ("users::insert", |c| {
        drop_ok(users::insert(c, &person("zoe")))
    }),
    ("users::insert_as", |c| {
        drop_ok(users::insert_as(c, &person("zoe"), State::Pending))
    }),
    ("users::is_findable", |c| {
        drop_ok(users::is_findable(c, SARA))
    }),
    ("users::party", |c| drop_ok(users::party(c, SARA))),
    ("users::password_hash", |c| {
        drop_ok(users::password_hash(c, SARA))
    }),
    ("users::rehash", |c| {
        drop_ok(users::rehash(c, SARA, "hash", "new"))
    }),
    ("users::set_display_name", |c| {
        users::set_display_name(c, SARA, "سارا")
    }),
    ("users::set_findable", |c| {
        users::set_findable(c, SARA, false)
    }),
];

/// What may walk a table, how SQLite says it, and why that is right.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "audit::list",
        "SCAN audit",
        "backwards by id, and stops at the limit",
    ),
    (
        "files::dead",
        "SCAN dead_blobs",
        "all of them are wanted, some at a time",
    ),
    ("users::insert", "SCAN messages", SKIPPED),
    ("users::insert", "SCAN conversations", SKIPPED),
    ("users::insert_as", "SCAN messages", SKIPPED),
    ("users::insert_as", "SCAN conversations", SKIPPED),
    ("invites::list", "SCAN invites", "an operator's command"),
    (
        "push::subscribers",
        "SCAN push_subscriptions",
        "once, at the start",
    ),
    (
        "turn::static_pairs",
        "SCAN turn_static_pairs",
        "a handful, made by hand",
    ),
    (
        "turn::revoke_person",
        "SCAN turn_revocations",
        "an operator's command; holds an hour's worth",
    ),
    (
        "turn::taken_back",
        "SCAN turn_revocations",
        "once, at the start",
    ),
    ("turn::taken_back", "SCAN users", "once, at the start"),
];

/// Why a new account may look at what refers to accounts: SQLite prepares that
/// look and skips it as long as no reference is broken.
const SKIPPED: &str = "runs only while a reference is broken";

/// Modules that no request reaches: what makes or fills a database, and what
/// an operator's command counts or does about accounts.
const NO_REQUEST: &[&str] = &[
    "migrate", "plans", "readers", "seed", "standing", "status", "writer",
];

fn drop_ok<T>(answer: Result<T, Error>) -> Result<(), Error> {
    answer.map(drop)
}

fn text(sender: UserId, receiver: UserId, name: Option<&str>) -> NewMessage {
    NewMessage {
        ticket: Ticket(1),
        sender,
        receiver,
        client_message_id: name.map(str::to_owned),
        body: Body::Text("سلام".to_owned()),
    }
}

fn say(c: &Connection, sender: UserId, receiver: UserId, name: Option<&str>) -> Result<(), Error> {
    drop_ok(messages::insert(c, &text(sender, receiver, name), now()))
}

fn new_avatar() -> files::NewAvatar {
    files::NewAvatar {
        owner: SARA,
        id: FileId::from_bytes([9; 16]),
        content_type: "image/png",
        bytes: files::Kept {
            name: "face".to_owned(),
            sha256: [9; 32],
            size_bytes: 3,
        },
    }
}

/// A picture with a small one; the same number again is the same message.
fn new_file(number: u8) -> files::NewFile {
    let kept = |name: &str| files::Kept {
        name: format!("{name}{number}"),
        sha256: [number; 32],
        size_bytes: 3,
    };
    files::NewFile {
        sender: SARA,
        receiver: OMID,
        client_message_id: Some(format!("file{number}")),
        entry: FileEntry {
            id: FileId::from_bytes([number; 16]),
            name: "a.png".to_owned(),
            size_bytes: 3,
            content_type: "image/png".to_owned(),
            picture: None,
            voice: None,
        },
        bytes: kept("bytes"),
        thumb: Some(kept("thumb")),
        quota: Some(1000),
    }
}

fn person(name: &str) -> NewUser {
    NewUser {
        username: name.to_owned(),
        password_hash: "hash".to_owned(),
    }
}

fn session(sid: &str) -> NewSession {
    NewSession {
        user: SARA,
        sid: sid.to_owned(),
        user_agent: String::new(),
        address: String::new(),
    }
}

fn subscription() -> NewSubscription {
    NewSubscription {
        user: SARA,
        session: SessionId(1),
        endpoint: "https://push.example.org/1".to_owned(),
        keys: Keys {
            p256dh: [4; 65],
            auth: [1; 16],
        },
        lang: Lang::Fa,
    }
}

fn device_key() -> keys::PublicKey {
    keys::PublicKey {
        device_id: "d".to_owned(),
        key_id: "k".to_owned(),
        algorithm: "a".to_owned(),
        public_key: "p".to_owned(),
    }
}

fn pair() -> StaticPair {
    StaticPair {
        name: "pair".to_owned(),
        realm: "realm".to_owned(),
        key: [0; 16],
        created_at: now(),
    }
}

/// Three people, two of whom talk, one log-in with a browser that wants pushes.
fn database() -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    migrate(&mut db, Path::new(""), MIGRATIONS).unwrap();
    db.pragma_update(None, "foreign_keys", true).unwrap();
    for name in ["sara", "omid", "somebody"] {
        users::insert(&db, &person(name)).unwrap();
    }
    for _ in 0..3 {
        say(&db, SARA, OMID, None).unwrap();
    }
    files::post(&db, &new_file(1)).unwrap();
    sessions::insert(&db, &session("s1")).unwrap();
    push::subscribe(&db, &subscription()).unwrap();
    keys::publish(&db, SARA, &device_key(), &keys::Backup::default()).unwrap();
    turn::add_static(&db, &pair()).unwrap();
    db
}

/// The statements a call runs; what it wrote is undone.
fn statements(db: &mut Connection, call: &Call) -> BTreeSet<String> {
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let sink = Arc::clone(&seen);
    let listen = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(statement, _) = event {
            sink.lock().unwrap().insert(statement.sql().into_owned());
        }
    };
    db.execute_batch("SAVEPOINT before").unwrap();
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(listen))
        .unwrap();
    (call.1)(db).unwrap_or_else(|error| panic!("{}: {error}", call.0));
    let nobody: Option<fn(TraceEvent<'_>)> = None;
    db.trace_v2(TraceEventCodes::empty(), nobody).unwrap();
    db.execute_batch("ROLLBACK TO before; RELEASE before")
        .unwrap();
    let seen = seen.lock().unwrap().clone();
    assert!(!seen.is_empty(), "{} asked for nothing", call.0);
    seen
}

/// Where the plan of a statement walks a table, its triggers' included.
fn walks(db: &Connection, sql: &str) -> Vec<String> {
    let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    // What a foreign key does on its own is headed by a step without words.
    let steps = explain
        .raw_query()
        .mapped(|row| Ok(row.get::<_, Option<String>>(3)?.unwrap_or_default()));
    let steps: Vec<String> = steps.collect::<Result<_, _>>().unwrap();
    let walks = |step: &String| {
        let scan = step.starts_with("SCAN ")
            && !step.starts_with("SCAN CONSTANT ROW")
            && !step.starts_with("SCAN (");
        scan || step.contains("AUTOMATIC")
    };
    steps.into_iter().filter(walks).collect()
}

/// Every walk of every call that nobody allowed.
fn findings(db: &mut Connection) -> Vec<String> {
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_TRIGGER_EQP, true)
        .unwrap();
    let mut found = Vec::new();
    for call in CALLS {
        for sql in statements(db, call) {
            for walk in walks(db, &sql) {
                let allowed =
                    |(name, how, _): &&(&str, &str, &str)| *name == call.0 && walk.starts_with(how);
                if ALLOWED.iter().find(allowed).is_none() {
                    found.push(format!("{}: {walk} in {sql}", call.0));
                }
            }
        }
    }
    found
}

#[test]
fn no_request_walks_a_table_that_grows() {
    let found = findings(&mut database());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_missing_index_is_noticed() {
    for (index, call) in [
        ("push_subscriptions_by_user", "push::addressee"),
        ("sessions_by_user", "sessions::of_user"),
        ("people_grams_by_user", "search::index"),
    ] {
        let mut db = database();
        db.execute_batch(&format!("DROP INDEX {index}")).unwrap();
        let found = findings(&mut db);
        let noticed = found.iter().any(|line| line.starts_with(call));
        assert!(noticed, "{index}: {found:?}");
    }
}

/// The functions of the store that take a connection, by module.
fn functions() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut found = BTreeSet::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let module = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.extension().is_none_or(|ending| ending != "rs")
            || NO_REQUEST.contains(&module.as_str())
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for start in ["\npub fn ", "\npub(super) fn ", "\npub(crate) fn "] {
            for function in text.split(start).skip(1) {
                let (head, _) = function.split_once('{').unwrap();
                let (name, _) = head.split_once(['(', '<']).unwrap();
                if head.contains(": &Connection") {
                    found.insert(format!("{module}::{name}"));
                }
            }
        }
    }
    found
}

#[test]
fn every_function_of_the_store_is_called_here() {
    let called: BTreeSet<String> = CALLS.iter().map(|call| call.0.to_owned()).collect();
    let missing: Vec<String> = functions().difference(&called).cloned().collect();
    assert!(
        missing.is_empty(),
        "give them a line in CALLS of src/store/plans.rs: {missing:?}"
    );
    let gone: Vec<&String> = called
        .iter()
        .filter(|name| !functions().contains(*name))
        .collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}
