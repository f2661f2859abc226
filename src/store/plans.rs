//! Row S6: no request walks a table that grows. Every function of the store
//! runs against a small database; each statement it really runs is explained,
//! and one that scans a table fails here.
//!
//! A new function gets a line in [`CALLS`] with values that make all of its
//! statements run. Where walking is right, [`ALLOWED`] says why.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

use payambar_signaling::chat::{Body, NewMessage};
use payambar_signaling::file::FileEntry;
use payambar_signaling::ids::{ConversationId, FileId, SessionId, Ticket, UserId};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use rusqlite::trace::{TraceEvent, TraceEventCodes};

use super::mails::Kind;
use super::migrate::{MIGRATIONS, migrate};
use super::*;
use crate::i18n::Lang;
use crate::mail::Address;
use crate::push::Keys;

mod calls;

use calls::CALLS;

type Call = (&'static str, fn(&Connection) -> Result<(), Error>);

const SARA: UserId = UserId(1);
const OMID: UserId = UserId(2);
const HERE: ConversationId = ConversationId(1);
const GROUP: ConversationId = ConversationId(2);

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
    (
        "mails::insert",
        "SCAN mails",
        "counts what waits, which is bounded by that",
    ),
    (
        "mails::next",
        "SCAN mails USING COVERING INDEX mails_due",
        "the first by its time alone",
    ),
    ("invites::list", "SCAN invites", "an operator's command"),
    (
        "pictures::unseen",
        "SCAN u",
        "by its key, and stops at the first",
    ),
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
        "farewell::account",
        "SCAN turn_revocations",
        "once in the life of an account; holds an hour's worth",
    ),
    (
        "farewell::step",
        "SCAN account_erasures",
        "holds those who leave at this moment",
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
        to: receiver.into(),
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
        to: OMID.into(),
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

fn letter(address: &str) -> mails::NewMail<'_> {
    mails::NewMail {
        user: Some(SARA),
        kind: Kind::Reset,
        address,
        lang: Lang::Fa,
        salt: Some([1; 32]),
        until: now(),
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
    let group = groups::create(&db, SARA, "us").unwrap().group;
    assert_eq!(group, GROUP);
    groups::add(&db, SARA, GROUP, OMID).unwrap();
    groups::set_link(&db, SARA, GROUP, Some("code")).unwrap();
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
        "give them a line in CALLS of src/store/plans/calls.rs: {missing:?}"
    );
    let gone: Vec<&String> = called
        .iter()
        .filter(|name| !functions().contains(*name))
        .collect();
    assert!(gone.is_empty(), "no longer there: {gone:?}");
}
