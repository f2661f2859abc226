//! Rows G3, P4: what the members of a group are told, and those who are none.

use serde_json::{Value, json};

use super::{Bench, marked};
use crate::chat::{Body, Destination, Status, Stored, StoredMessage};
use crate::group::{Change, Happening, MemberChange, Role, What};
use crate::hub::{Input, Known};
use crate::ids::{ConnId, ConversationId, MessageId, Seq, Timestamp, UserId};

/// The conversation of [`marked`] too.
const HERE: ConversationId = ConversationId(7);

fn said(seq: i64, sender: i64, content: &str) -> StoredMessage {
    StoredMessage {
        id: MessageId(seq),
        conversation: HERE,
        seq: Seq(seq),
        sender: UserId(sender),
        to: Destination::Group(HERE),
        client_message_id: None,
        body: Body::Text(content.to_owned()),
        created_at: Timestamp(0),
    }
}

fn posted(message: StoredMessage) -> Input {
    Input::StoredOutside(Stored {
        message,
        repeated: false,
        erased: false,
    })
}

fn change(what: What) -> Input {
    Input::GroupChanged(Box::new(Change {
        conversation: HERE,
        name: "us".to_owned(),
        what,
        entry: None,
    }))
}

fn member(user: i64, how: Happening, role: Option<Role>) -> Input {
    change(What::Member(Box::new(MemberChange {
        user: UserId(user),
        username: format!("p{user}"),
        display_name: None,
        role,
        how,
        by: UserId(1),
    })))
}

fn typing(active: bool) -> Value {
    json!({ "type": "typing", "conversation_id": HERE, "active": active })
}

/// People 1 to 3 have a socket each; the first two are in the group.
fn bench() -> Bench {
    let mut bench = Bench::with(&[]);
    for (user, role) in [(1, Some(Role::Owner)), (2, Some(Role::Member)), (3, None)] {
        let groups = role.map(|role| (HERE, role));
        let known = Known {
            groups: groups.into_iter().collect(),
            ..Known::default()
        };
        bench.know(user, known);
        bench.join(user.cast_unsigned() * 10 + 1);
    }
    bench
}

#[test]
fn a_message_goes_to_every_socket_of_the_members_and_to_nobody_else() {
    let mut bench = bench();
    bench.join(22);
    let lines = bench.give(posted(said(1, 1, "hello")));
    assert_eq!(
        lines,
        [
            "21,22 group_message hello sent receipt 7/1",
            "11 group_message hello sent",
            "notify group 7 but 1,2",
        ]
    );
}

#[test]
fn who_sleeps_or_is_away_is_left_to_be_woken() {
    let mut bench = bench();
    bench.say(21, &json!({ "type": "sleep", "asleep": true }));
    let lines = bench.give(posted(said(1, 1, "hello")));
    assert!(
        lines.contains(&"notify group 7 but 1".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn a_kicked_person_hears_of_that_and_of_nothing_after_it() {
    let mut bench = bench();
    let kicked = bench.give(member(2, Happening::Kicked, None));
    assert_eq!(kicked, ["11,21 group_member 2 p2 kicked"]);
    let after = bench.give(posted(said(1, 1, "psst")));
    assert_eq!(
        after,
        ["11 group_message psst sent", "notify group 7 but 1"]
    );
    assert!(bench.say(11, &typing(true)).is_empty(), "nobody is left");
}

#[test]
fn what_waits_for_a_kicked_person_is_not_told_either() {
    let mut bench = bench();
    bench.connect(22);
    bench.give(posted(said(2, 1, "soon")));
    bench.give(member(2, Happening::Kicked, None));
    let missed = bench.give(Input::CatchUp {
        conn: ConnId(22),
        result: Ok(vec![said(1, 1, "before")]),
    });
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn who_is_added_is_told_the_name_and_hears_from_then_on() {
    let mut bench = bench();
    let added = bench.give(member(3, Happening::Added, Some(Role::Member)));
    assert_eq!(
        added,
        [
            "31 group_changed us member",
            "11,21,31 group_member 3 p3 member added",
        ]
    );
    let lines = bench.give(posted(said(1, 3, "hi")));
    assert_eq!(lines[0], "11,21 group_message hi sent receipt 7/1");
}

#[test]
fn a_change_holds_for_who_was_read_before_it_and_joins_after_it() {
    let mut bench = Bench::with(&[]);
    bench.give(member(2, Happening::Kicked, None));
    bench.give(member(3, Happening::Added, Some(Role::Member)));
    let known = Known {
        groups: [(HERE, Role::Member)].into(),
        ..Known::default()
    };
    bench.know(2, known);
    bench.know(3, Known::default());
    bench.join(21);
    bench.join(31);
    let lines = bench.give(posted(said(1, 1, "hi")));
    assert_eq!(lines[0], "31 group_message hi sent receipt 7/1");
}

#[test]
fn a_mark_in_a_group_is_told_to_its_members_as_far_as_it_says() {
    let mut bench = bench();
    let delivered = marked(4, Status::Delivered, true);
    let lines = bench.give(Input::MarkedOutside(delivered));
    assert_eq!(lines, ["11,21 group_receipt 2 4"]);
    let read = marked(4, Status::Read, true);
    let lines = bench.give(Input::MarkedOutside(read));
    assert_eq!(lines, ["11,21 group_receipt 2 4 4"]);
    let again = marked(4, Status::Read, false);
    assert!(bench.give(Input::MarkedOutside(again)).is_empty());
}

#[test]
fn members_see_each_other_write_and_strangers_are_not_seen() {
    let mut bench = bench();
    assert_eq!(bench.say(11, &typing(true)), ["21 typing 1 true"]);
    assert_eq!(bench.wait(5), ["21 typing 1 false"]);
    assert!(bench.say(31, &typing(true)).is_empty());
    bench.say(21, &typing(true));
    let left = bench.give(member(2, Happening::Left, None));
    assert_eq!(left, ["11 typing 2 false", "11,21 group_member 2 p2 left"]);
}

#[test]
fn nobody_sees_who_is_blocked_write_in_a_group() {
    let mut bench = bench();
    bench.block(2, 1, true);
    assert!(bench.say(11, &typing(true)).is_empty());
}

#[test]
fn a_new_name_and_the_end_are_told_to_the_members() {
    let mut bench = bench();
    assert_eq!(
        bench.give(change(What::Name)),
        ["11 group_changed us owner", "21 group_changed us member"]
    );
    assert_eq!(bench.give(change(What::Deleted)), ["11,21 group_deleted"]);
    let late = bench.give(posted(said(1, 1, "late")));
    assert_eq!(late[0], "11 group_message late sent", "the echo alone");
}
