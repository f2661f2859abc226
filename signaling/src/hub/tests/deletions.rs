use super::*;
use crate::chat::{Deletion, Place};

fn erased(message: &StoredMessage) -> Input {
    Input::Deleted(Deletion::Erased(Place::from(message)))
}

fn hidden(user: i64, message: &StoredMessage) -> Input {
    Input::Deleted(Deletion::Hidden(UserId(user), Place::from(message)))
}

#[test]
fn an_erased_message_is_taken_from_every_socket_of_its_two_people() {
    let mut bench = Bench::with(&[11, 12, 21, 31]);
    let message = stored(5, 1, 2, "hi");
    assert_eq!(bench.give(erased(&message)), ["11,12,21 message_deleted"]);
}

#[test]
fn a_hidden_message_is_taken_from_the_sockets_of_one_person() {
    let mut bench = Bench::with(&[11, 21, 22, 31]);
    let message = stored(5, 1, 2, "hi");
    assert_eq!(
        bench.give(hidden(2, &message)),
        ["21,22 message_deleted true"]
    );
    assert_eq!(bench.give(hidden(1, &message)), ["11 message_deleted true"]);
}

#[test]
fn what_was_deleted_during_a_catch_up_is_not_sent() {
    let mut bench = Bench::with(&[11]);
    bench.connect(21);
    let [read, waits, mine, stays] = [(1, "read"), (2, "waits"), (3, "mine"), (4, "stays")]
        .map(|(id, text)| stored(id, 1, 2, text));
    bench.say(11, &text(2, "waits"));
    bench.give(Input::Stored {
        ticket: bench.ticket,
        result: Ok(Stored {
            message: waits.clone(),
            repeated: false,
            erased: false,
        }),
    });
    bench.give(erased(&read));
    bench.give(erased(&waits));
    bench.give(hidden(2, &mine));
    bench.give(hidden(1, &stays));
    let lines = bench.give(Input::CatchUp {
        conn: ConnId(21),
        result: Ok(vec![read, mine, stays]),
    });
    assert_eq!(lines, ["21 message stays sent receipt 7/4"]);
}

#[test]
fn a_socket_that_never_catches_up_does_not_keep_every_deletion() {
    let mut bench = Bench::with(&[]);
    bench.connect(21);
    for id in 1..=257 {
        let lines = bench.give(erased(&stored(id, 1, 2, "x")));
        let closed = lines.iter().any(|line| line == "close 21 1013");
        assert_eq!(closed, id == 257, "{id}: {lines:?}");
    }
}

#[test]
fn an_erased_message_that_is_sent_again_is_answered_with_its_end() {
    let mut bench = Bench::with(&[11, 12, 21]);
    bench.say(11, &text(2, "hi"));
    let lines = bench.give(Input::Stored {
        ticket: bench.ticket,
        result: Ok(Stored {
            message: stored(5, 1, 2, ""),
            repeated: true,
            erased: true,
        }),
    });
    assert_eq!(lines, ["11 message_deleted"]);
}

#[test]
fn a_deleted_conversation_is_told_to_each_with_the_name_of_the_other() {
    let mut bench = Bench::with(&[11, 12, 21, 31]);
    let gone = Deletion::Conversation {
        conversation: ConversationId(7),
        pair: (UserId(2), UserId(1)),
    };
    assert_eq!(
        bench.give(Input::Deleted(gone)),
        ["21 conversation_deleted 1", "11,12 conversation_deleted 2"]
    );
}

#[test]
fn a_cleared_history_is_told_to_one_person_alone() {
    let mut bench = Bench::with(&[11, 21, 22, 31]);
    let lines = bench.give(Input::Deleted(cleared(5)));
    assert_eq!(lines, ["21,22 conversation_deleted 1 true"]);
}

fn cleared(seq: i64) -> Deletion {
    Deletion::Cleared {
        conversation: ConversationId(7),
        user: UserId(2),
        other: UserId(1),
        seq: Seq(seq),
    }
}

#[test]
fn nothing_of_a_deleted_conversation_is_caught_up_with() {
    let gone = Deletion::Conversation {
        conversation: ConversationId(7),
        pair: (UserId(1), UserId(2)),
    };
    for (deletion, left) in [(gone, 0), (cleared(2), 1)] {
        let mut bench = Bench::with(&[11]);
        bench.connect(21);
        bench.give(Input::Deleted(deletion));
        let lines = bench.give(Input::CatchUp {
            conn: ConnId(21),
            result: Ok([1, 2, 3].map(|id| stored(id, 1, 2, "x")).to_vec()),
        });
        assert_eq!(lines.len(), left, "{lines:?}");
    }
}

fn account(user: i64, others: &[i64]) -> Input {
    Input::Deleted(Deletion::Account {
        user: UserId(user),
        name: format!("deleted-{user}"),
        others: others.iter().copied().map(UserId).collect(),
    })
}

#[test]
fn a_deleted_account_is_told_to_those_it_talked_with() {
    let mut bench = Bench::with(&[11, 21, 22, 31, 41]);
    assert_eq!(
        bench.give(account(1, &[2, 3, 9])),
        ["21,22,31 account_deleted 1 deleted-1"]
    );
    assert_eq!(bench.give(account(1, &[])), [""; 0]);
}

#[test]
fn nothing_of_a_deleted_account_is_caught_up_with() {
    let mut bench = Bench::with(&[]);
    bench.connect(21);
    bench.give(account(1, &[2]));
    let lines = bench.give(Input::CatchUp {
        conn: ConnId(21),
        result: Ok(vec![stored(1, 1, 2, "gone"), stored(2, 3, 2, "hello")]),
    });
    assert_eq!(lines, ["21 message hello sent receipt 7/2"]);
}
