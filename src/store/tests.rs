use std::sync::mpsc;

use payambar_signaling::chat::{
    Body, CallEntry, CallOutcome, Mark, MarkTarget, Marked, NewMark, NewMessage, Status, Stored,
};
use payambar_signaling::ids::{ConversationId, MessageId, Seq, Ticket, UserId};
use payambar_signaling::wire::Code;

use super::messages::{self, Page};
use super::{Error, NewSession, NewUser, Outcome, Store, conversations, now, sessions, users};

/// A store in a folder of its own, and its answers.
struct Bench {
    store: Store,
    outcomes: mpsc::Receiver<Vec<Outcome>>,
    runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (send, outcomes) = mpsc::channel();
        let store = Store::open(
            &dir.path().join("p.db"),
            Box::new(move |batch| drop(send.send(batch))),
        )
        .unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let bench = Self {
            store,
            outcomes,
            runtime,
            dir,
        };
        for name in names {
            bench.add(name).unwrap();
        }
        bench
    }

    fn add(&self, name: &str) -> Result<UserId, Error> {
        let new = NewUser {
            username: name.to_owned(),
            password_hash: "hash".to_owned(),
        };
        self.write(move |c| users::insert(c, &new).map(|user| user.id))
    }

    fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&rusqlite::Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.runtime.block_on(self.store.write(work))
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&rusqlite::Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.runtime.block_on(self.store.read(query))
    }

    fn send(
        &self,
        sender: i64,
        receiver: i64,
        body: Body,
        client_id: Option<&str>,
    ) -> Result<Stored, Code> {
        self.store.store(NewMessage {
            ticket: Ticket(1),
            sender: UserId(sender),
            to: UserId(receiver).into(),
            client_message_id: client_id.map(str::to_owned),
            body,
        });
        match self.outcomes.recv().unwrap().pop() {
            Some(Outcome::Stored(Ticket(1), answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn text(&self, sender: i64, receiver: i64, text: &str) -> Stored {
        self.send(sender, receiver, Body::Text(text.to_owned()), None)
            .unwrap()
    }

    fn mark(&self, reader: i64, message: MessageId, mark: Mark) -> Result<Marked, Code> {
        let target = MarkTarget::Message(message);
        self.store.mark(NewMark {
            ticket: Ticket(2),
            reader: UserId(reader),
            target,
            mark,
        });
        match self.outcomes.recv().unwrap().pop() {
            Some(Outcome::Marked(Ticket(2), answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    fn texts(&self, me: i64, other: i64, page: Page, limit: u32) -> Vec<(i64, Status)> {
        self.read(move |c| messages::history(c, UserId(me), UserId(other).into(), page, limit))
            .unwrap()
            .into_iter()
            .map(|item| (item.message.seq.0, item.status))
            .collect()
    }

    fn unread(&self, me: i64) -> u32 {
        self.read(move |c| conversations::list(c, UserId(me)))
            .unwrap()[0]
            .conversation
            .unread
    }
}

#[test]
fn names_differ_by_more_than_case() {
    let bench = Bench::new(&["Sara"]);
    assert!(matches!(
        bench.add("sARA"),
        Err(Error::Refused(Code::UsernameTaken))
    ));
    let found = bench.read(|c| users::by_name(c, "SARA")).unwrap().unwrap();
    assert_eq!(found.user.username, "Sara");
}

#[test]
fn the_first_message_makes_the_conversation_and_seq_has_no_gaps() {
    let bench = Bench::new(&["ali", "bita", "cyrus"]);
    let seqs: Vec<_> = [(1, 2), (2, 1), (1, 2), (1, 3)]
        .map(|(from, to)| bench.text(from, to, "x").message)
        .iter()
        .map(|m| (m.conversation.0, m.seq.0))
        .collect();
    assert_eq!(seqs, [(1, 1), (1, 2), (1, 3), (2, 1)]);
}

#[test]
fn a_refused_message_leaves_no_gap_and_no_conversation() {
    let bench = Bench::new(&["ali", "bita"]);
    for (sender, receiver, code) in [
        (1, 9, Code::UserNotFound),
        (9, 1, Code::UserNotFound),
        (1, 1, Code::SelfMessage),
    ] {
        assert_eq!(
            bench
                .send(sender, receiver, Body::Text("x".to_owned()), None)
                .unwrap_err(),
            code
        );
    }
    assert_eq!(bench.text(1, 2, "x").message.seq, Seq(1));
    assert_eq!(
        bench
            .read(|c| conversations::list(c, UserId(1)))
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn the_same_client_id_is_answered_with_the_first_message() {
    let bench = Bench::new(&["ali", "bita", "cyrus"]);
    let body = |text: &str| Body::Text(text.to_owned());
    let first = bench.send(1, 2, body("one"), Some("c1")).unwrap();
    let again = bench.send(1, 3, body("two"), Some("c1")).unwrap();
    assert!(!first.repeated && again.repeated);
    assert_eq!(again.message, first.message);
    let other_sender = bench.send(2, 1, body("three"), Some("c1")).unwrap();
    assert!(!other_sender.repeated);
    assert_eq!(bench.texts(1, 2, Page::Offset(0), 10).len(), 2);
    assert_eq!(
        bench.read(|c| conversations::list(c, UserId(3))).unwrap(),
        []
    );
    // Also once it may not be sent any more; and it takes no place.
    let suspend = "UPDATE users SET status = 'suspended' WHERE id = 1";
    bench.write(move |c| Ok(c.execute(suspend, [])?)).unwrap();
    let late = bench.send(1, 2, body("one"), Some("c1")).unwrap();
    assert_eq!(late.message, first.message);
    assert_eq!(bench.text(2, 1, "four").message.seq.0, 3);
}

#[test]
fn marks_move_forward_only_and_only_by_the_receiver() {
    let bench = Bench::new(&["ali", "bita", "cyrus"]);
    let first = bench.text(1, 2, "one").message.id;
    let second = bench.text(1, 2, "two").message.id;
    assert_eq!(
        bench.mark(1, first, Mark::Read).unwrap_err(),
        Code::NotReceiver
    );
    assert_eq!(
        bench.mark(3, first, Mark::Read).unwrap_err(),
        Code::NotReceiver
    );
    assert_eq!(
        bench.mark(2, MessageId(99), Mark::Read).unwrap_err(),
        Code::NotReceiver
    );

    let marked = bench.mark(2, second, Mark::Delivered).unwrap();
    assert_eq!(
        (marked.seq, marked.sender, marked.receiver, marked.advanced),
        (Seq(2), UserId(1), UserId(2), true)
    );
    assert!(!bench.mark(2, first, Mark::Delivered).unwrap().advanced);
    assert!(bench.mark(2, first, Mark::Read).unwrap().advanced);
    assert_eq!(
        bench.texts(1, 2, Page::Offset(0), 10),
        [(1, Status::Read), (2, Status::Delivered)]
    );
    assert!(!bench.mark(2, second, Mark::Delivered).unwrap().advanced);
    assert!(bench.mark(2, second, Mark::Read).unwrap().advanced);
}

#[test]
fn reading_implies_that_it_arrived() {
    let bench = Bench::new(&["ali", "bita"]);
    let id = bench.text(1, 2, "one").message.id;
    bench.mark(2, id, Mark::Read).unwrap();
    assert!(
        bench
            .read(|c| messages::catch_up(c, UserId(2)))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn a_mark_up_to_a_seq_covers_the_newest_message_of_the_other() {
    let bench = Bench::new(&["ali", "bita"]);
    bench.text(1, 2, "one");
    bench.text(2, 1, "own");
    let target = MarkTarget::UpTo {
        conversation: ConversationId(1),
        seq: Seq(2),
    };
    let new = NewMark {
        ticket: Ticket(0),
        reader: UserId(2),
        target,
        mark: Mark::Delivered,
    };
    let marked = bench
        .write(move |c| messages::mark(c, &new, now()))
        .unwrap();
    assert_eq!((marked.seq, marked.message), (Seq(1), MessageId(1)));
    let stranger = NewMark {
        reader: UserId(9),
        ..new
    };
    assert!(matches!(
        bench.write(move |c| messages::mark(c, &stranger, now())),
        Err(Error::Refused(Code::NotReceiver))
    ));
}

#[test]
fn history_pages_by_offset_and_by_seq_oldest_first() {
    let bench = Bench::new(&["ali", "bita", "cyrus"]);
    for n in 0..7 {
        bench.text(1 + n % 2, 2 - n % 2, "x");
    }
    let seqs = |page, limit| {
        bench
            .texts(1, 2, page, limit)
            .into_iter()
            .map(|(seq, _)| seq)
            .collect::<Vec<_>>()
    };
    assert_eq!(seqs(Page::Offset(0), 3), [5, 6, 7]);
    assert_eq!(seqs(Page::Offset(3), 3), [2, 3, 4]);
    assert_eq!(seqs(Page::Offset(9), 3), [0; 0]);
    assert_eq!(seqs(Page::Before(Seq(3)), 50), [1, 2]);
    assert_eq!(seqs(Page::After(Seq(5)), 50), [6, 7]);
    let missing =
        bench.read(|c| messages::history(c, UserId(1), UserId(3).into(), Page::Offset(0), 5));
    assert!(matches!(
        missing,
        Err(Error::Refused(Code::ConversationNotFound))
    ));
}

#[test]
fn unread_counts_what_others_wrote_and_no_silent_entries() {
    let bench = Bench::new(&["ali", "bita"]);
    let call = |outcome, duration_s| {
        Body::Call(CallEntry {
            outcome,
            duration_s,
        })
    };
    bench.text(1, 2, "one");
    bench.text(2, 1, "own");
    bench
        .send(1, 2, call(CallOutcome::NoAnswer, None), None)
        .unwrap();
    let answered = bench
        .send(1, 2, call(CallOutcome::Answered, Some(65)), None)
        .unwrap();
    assert_eq!(bench.unread(2), 2);
    bench.mark(2, answered.message.id, Mark::Read).unwrap();
    assert_eq!(bench.unread(2), 0);
    assert_eq!(bench.unread(1), 1);
}

#[test]
fn a_call_entry_reads_back_as_it_was_written() {
    let bench = Bench::new(&["ali", "bita"]);
    let body = Body::Call(CallEntry {
        outcome: CallOutcome::Answered,
        duration_s: Some(65),
    });
    bench.send(1, 2, body.clone(), None).unwrap();
    let items = bench
        .read(|c| messages::history(c, UserId(2), UserId(1).into(), Page::Offset(0), 5))
        .unwrap();
    assert_eq!(items[0].message.body, body);
    assert_eq!(
        (items[0].message.sender, items[0].message.to),
        (UserId(1), UserId(2).into())
    );
}

#[test]
fn catching_up_gives_the_newest_fifty_of_each_conversation_oldest_first() {
    let bench = Bench::new(&["ali", "bita", "cyrus"]);
    for _ in 0..60 {
        bench.text(1, 2, "x");
    }
    bench.text(3, 2, "y");
    bench.text(2, 3, "own");
    let missed = bench.read(|c| messages::catch_up(c, UserId(2))).unwrap();
    assert_eq!(missed.len(), 51);
    assert_eq!((missed[0].seq, missed[0].to), (Seq(11), UserId(2).into()));
    assert_eq!(missed[50].sender, UserId(3));
    assert!(missed.is_sorted_by_key(|message| message.id));
}

#[test]
fn catching_up_stays_below_what_an_outbox_holds() {
    let names: Vec<String> = (0..13).map(|n| format!("name_{n}")).collect();
    let bench = Bench::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for sender in 2..=13 {
        for _ in 0..50 {
            bench.text(sender, 1, "x");
        }
    }
    let missed = bench.read(|c| messages::catch_up(c, UserId(1))).unwrap();
    assert_eq!(missed.len(), 500);
    assert!(missed.len() < crate::pump::OUTBOX);
    assert_eq!(
        missed[0].sender,
        UserId(4),
        "the newest conversations come first"
    );
}

#[test]
fn a_pair_is_opened_once_from_either_side() {
    let bench = Bench::new(&["ali", "bita"]);
    let first = bench
        .write(|c| conversations::open_pair(c, UserId(1), UserId(2)))
        .unwrap();
    let second = bench
        .write(|c| conversations::open_pair(c, UserId(2), UserId(1)))
        .unwrap();
    assert_eq!((first.id, first.new, second.new), (second.id, true, false));
    assert_eq!((first.peer.id, second.peer.id), (UserId(2), UserId(1)));
    assert_eq!(bench.text(2, 1, "x").message.seq, Seq(1));
    let own = bench.write(|c| conversations::open_pair(c, UserId(1), UserId(1)));
    assert!(matches!(own, Err(Error::Refused(Code::SelfConversation))));
    let nobody = bench.write(|c| conversations::open_pair(c, UserId(1), UserId(9)));
    assert!(matches!(nobody, Err(Error::Refused(Code::UserNotFound))));
}

#[test]
fn a_session_lives_until_it_is_ended() {
    let bench = Bench::new(&["ali"]);
    let new = NewSession {
        user: UserId(1),
        sid: "s1".to_owned(),
        user_agent: "test".to_owned(),
        address: "192.0.2.1".to_owned(),
    };
    let id = bench.write(move |c| sessions::insert(c, &new)).unwrap();
    let found = bench.read(|c| sessions::find(c, "s1")).unwrap().unwrap();
    assert_eq!(
        (found.id, found.user, found.username.as_str(), found.stale),
        (id, UserId(1), "ali", false)
    );
    assert_eq!(bench.read(|c| sessions::find(c, "other")).unwrap(), None);
    bench.write(move |c| sessions::end(c, id)).unwrap();
    assert_eq!(bench.read(|c| sessions::find(c, "s1")).unwrap(), None);
}

#[test]
fn a_session_of_a_suspended_account_is_dead() {
    let bench = Bench::new(&["ali"]);
    let new = NewSession {
        user: UserId(1),
        sid: "s1".to_owned(),
        user_agent: String::new(),
        address: "192.0.2.1".to_owned(),
    };
    bench.write(move |c| sessions::insert(c, &new)).unwrap();
    bench
        .write(|c| Ok(c.execute("UPDATE users SET status = 'suspended'", [])?))
        .unwrap();
    assert_eq!(bench.read(|c| sessions::find(c, "s1")).unwrap(), None);
}

#[test]
fn one_failing_job_does_not_take_its_batch_with_it() {
    let bench = Bench::new(&["ali", "bita"]);
    // Holds the writer while the others queue up behind it.
    let (release, held) = mpsc::channel::<()>();
    let store = bench.store.clone();
    let answers = bench.runtime.block_on(async {
        let hold = store.write(move |_| Ok(held.recv().is_err()));
        let good = store.write(|c| {
            let new = NewUser {
                username: "cyrus".to_owned(),
                password_hash: String::new(),
            };
            users::insert(c, &new).map(|user| user.id)
        });
        let bad = store.write(|c| Ok(c.execute("INSERT INTO nowhere (x) VALUES (1)", [])?));
        let release = async { drop(release) };
        tokio::join!(hold, good, bad, release)
    });
    assert!(answers.0.is_ok());
    assert_eq!(answers.1.unwrap(), UserId(3));
    assert!(matches!(answers.2, Err(Error::Sqlite(_))));
    assert_eq!(bench.text(1, 3, "x").message.seq, Seq(1));
}

#[test]
fn what_was_stored_is_there_after_opening_again() {
    let bench = Bench::new(&["ali", "bita"]);
    bench.text(1, 2, "kept");
    bench.store.close();
    let again = Store::open(&bench.dir.path().join("p.db"), Box::new(|_| {})).unwrap();
    let items = bench
        .runtime
        .block_on(
            again.read(|c| messages::history(c, UserId(2), UserId(1).into(), Page::Offset(0), 5)),
        )
        .unwrap();
    assert_eq!(items[0].message.body, Body::Text("kept".to_owned()));
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.db");
    std::fs::write(
        &path,
        "this is not a database, but somebody's letter".repeat(50),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(
        Store::open(&path, Box::new(|_| {})),
        Err(Error::Damaged { .. })
    ));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_writer_syncs_every_commit() {
    let bench = Bench::new(&[]);
    let pragma = |name: &'static str| {
        bench.write(move |c| {
            Ok(c.query_row(&format!("PRAGMA {name}"), [], |row| {
                row.get::<_, rusqlite::types::Value>(0)
            })?)
        })
    };
    assert_eq!(
        pragma("synchronous").unwrap(),
        rusqlite::types::Value::Integer(2)
    );
    assert_eq!(
        pragma("journal_mode").unwrap(),
        rusqlite::types::Value::Text("wal".to_owned())
    );
}
