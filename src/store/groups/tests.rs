use payambar_signaling::chat::{
    BlockChange, Body, Destination, Mark, MarkTarget, NewMark, NewMessage, Scope, Stored,
};
use payambar_signaling::group::{Happening, MAX_GROUPS, MAX_MEMBERS, Role, What};
use payambar_signaling::ids::{MessageId, Seq, Ticket};

use super::*;
use crate::store::bench::{OMID, SARA, bench};
use crate::store::{NewUser, Page, conversations, farewell, messages, push, users};

fn person(db: &Connection, name: &str) -> UserId {
    let new = NewUser {
        username: name.to_owned(),
        password_hash: "hash".to_owned(),
    };
    users::insert(db, &new).unwrap().id
}

/// A group of Sara's with Omid in it.
fn group(db: &Connection) -> ConversationId {
    let group = create(db, SARA, "us").unwrap().group;
    add(db, SARA, group, OMID).unwrap();
    group
}

fn say(
    db: &Connection,
    sender: UserId,
    group: ConversationId,
    text: &str,
) -> Result<Stored, Error> {
    let new = NewMessage {
        ticket: Ticket(0),
        sender,
        to: Destination::Group(group),
        client_message_id: Some(format!("{sender}-{text}")),
        body: Body::Text(text.to_owned()),
    };
    messages::insert(db, &new, now())
}

/// The words a person may read there, oldest first; of entries what happened.
fn read(db: &Connection, me: UserId, group: ConversationId) -> Vec<String> {
    let page = Page::After(Seq(0));
    let items = messages::history(db, me, Destination::Group(group), page, 100).unwrap();
    let said = |body: &Body| match body {
        Body::Text(text) => text.clone(),
        Body::Event(event) => format!("{:?} {}", event.change, event.user_id),
        Body::Sealed(_) | Body::Call(_) | Body::File(_) => unreachable!(),
    };
    items.iter().map(|item| said(&item.message.body)).collect()
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> Code {
    match answer {
        Err(Error::Refused(code)) => code,
        other => panic!("{other:?}"),
    }
}

fn roles(db: &Connection, group: ConversationId) -> Vec<(i64, Role)> {
    let mut statement = db
        .prepare("SELECT user_id, role FROM members WHERE conversation_id = ?1 ORDER BY user_id")
        .unwrap();
    let rows = statement.query_map([group.0], |row| {
        let role: String = row.get(1)?;
        Ok((row.get(0)?, Role::parse(&role).unwrap()))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

#[test]
fn places_in_a_group_have_no_gap_and_pairs_are_not_touched() {
    let db = bench();
    let group = group(&db);
    let seqs = [say(&db, SARA, group, "a"), say(&db, OMID, group, "b")];
    let seqs = seqs.map(|stored| stored.unwrap().message.seq);
    assert_eq!(seqs, [Seq(3), Seq(4)], "after two entries");
    assert_eq!(conversations::list(&db, SARA).unwrap(), []);
    assert_eq!(conversations::find_pair(&db, SARA, OMID).unwrap(), None);
    let known = people::known(&db, OMID).unwrap();
    assert_eq!(known.groups, [(group, Role::Member)].into());
}

#[test]
fn who_comes_reads_from_then_on_and_who_goes_nothing_more() {
    let db = bench();
    let group = group(&db);
    say(&db, SARA, group, "before").unwrap();
    let nima = person(&db, "nima");
    add(&db, SARA, group, nima).unwrap();
    say(&db, OMID, group, "after").unwrap();
    assert_eq!(read(&db, nima, group), ["Added 3", "after"]);
    assert_eq!(list(&db, nima).unwrap()[0].unread, 1);
    remove(&db, SARA, group, nima).unwrap();
    let page = Page::Offset(0);
    let history = messages::history(&db, nima, Destination::Group(group), page, 9);
    assert_eq!(refusal(history), Code::NotMember);
    assert_eq!(
        refusal(say(&db, nima, group, "still here")),
        Code::NotMember
    );
    assert_eq!(list(&db, nima).unwrap(), []);
    assert_eq!(messages::catch_up(&db, nima).unwrap(), []);
    assert_eq!(push::addressee(&db, nima, SARA).unwrap().unread, 0);
    add(&db, SARA, group, nima).unwrap();
    assert_eq!(read(&db, nima, group), ["Added 3"]);
}

#[test]
fn what_was_said_in_a_group_is_missed_and_unread_as_in_a_pair() {
    let db = bench();
    let group = group(&db);
    let said = say(&db, SARA, group, "hello").unwrap().message;
    let missed = messages::catch_up(&db, OMID).unwrap();
    assert_eq!(missed.last(), Some(&said));
    assert_eq!(push::addressee(&db, OMID, SARA).unwrap().unread, 1);
    assert_eq!(list(&db, OMID).unwrap()[0].unread, 1);
    assert_eq!(list(&db, SARA).unwrap()[0].unread, 0);
}

#[test]
fn each_member_has_one_watermark_and_the_last_of_them_makes_the_mark() {
    let db = bench();
    let group = group(&db);
    let nima = person(&db, "nima");
    add(&db, SARA, group, nima).unwrap();
    let said = say(&db, SARA, group, "hello").unwrap().message;
    let mark = |reader, mark| {
        let new = NewMark {
            ticket: Ticket(0),
            reader,
            target: MarkTarget::Message(said.id),
            mark,
        };
        messages::mark(&db, &new, now())
    };
    let status = || {
        let newest = messages::newest(&db, group, SARA, Destination::Group(group));
        newest.unwrap().unwrap().status.as_str()
    };
    assert!(mark(OMID, Mark::Read).unwrap().advanced);
    assert_eq!(status(), "sent");
    mark(nima, Mark::Delivered).unwrap();
    assert_eq!(status(), "delivered");
    mark(nima, Mark::Read).unwrap();
    assert_eq!(status(), "read");
    assert_eq!(refusal(mark(SARA, Mark::Read)), Code::NotReceiver);
    let reza = person(&db, "reza");
    assert_eq!(refusal(mark(reza, Mark::Read)), Code::NotReceiver);
    let members = find(&db, SARA, group).unwrap().members;
    let reads: Vec<i64> = members.iter().map(|member| member.read_seq.0).collect();
    assert_eq!(reads, [0, said.seq.0, said.seq.0]);
}

#[test]
fn the_same_name_again_is_the_first_message_of_the_group() {
    let db = bench();
    let group = group(&db);
    let first = say(&db, OMID, group, "once").unwrap();
    let again = say(&db, OMID, group, "once").unwrap();
    assert!(again.repeated && !again.erased);
    assert_eq!(again.message, first.message);
}

#[test]
fn the_129th_is_not_taken_in_by_anybody() {
    let db = bench();
    let group = create(&db, SARA, "all").unwrap().group;
    set_link(&db, SARA, group, Some("code")).unwrap();
    for n in 1..MAX_MEMBERS {
        let somebody = person(&db, &format!("p{n}"));
        add(&db, SARA, group, somebody).unwrap();
    }
    assert_eq!(refusal(add(&db, SARA, group, OMID)), Code::GroupFull);
    assert_eq!(refusal(join(&db, OMID, "code")), Code::GroupFull);
    assert_eq!(join(&db, SARA, "code").unwrap().changes, []);
}

#[test]
fn nobody_is_brought_into_a_501st_group() {
    let db = bench();
    for _ in 0..MAX_GROUPS {
        create(&db, OMID, "his").unwrap();
    }
    let group = create(&db, SARA, "hers").unwrap().group;
    set_link(&db, SARA, group, Some("code")).unwrap();
    let full = Code::TooManyGroups;
    assert_eq!(refusal(add(&db, SARA, group, OMID)), full);
    assert_eq!(refusal(join(&db, OMID, "code")), full);
    assert_eq!(refusal(create(&db, OMID, "one more")), full);
}

#[test]
fn who_has_blocked_one_is_not_taken_in_by_one() {
    let db = bench();
    let group = create(&db, SARA, "us").unwrap().group;
    let block = |by, whom, blocked| {
        people::change_block(&db, BlockChange { by, whom, blocked }).unwrap();
    };
    block(OMID, SARA, true);
    assert_eq!(refusal(add(&db, SARA, group, OMID)), Code::NotAllowed);
    block(OMID, SARA, false);
    block(SARA, OMID, true);
    assert_eq!(refusal(add(&db, SARA, group, OMID)), Code::BlockedByYou);
}

#[test]
fn handing_over_leaves_one_owner() {
    let db = bench();
    let group = group(&db);
    assert_eq!(refusal(remove(&db, SARA, group, SARA)), Code::OwnerMustStay);
    let handed = set_role(&db, SARA, group, OMID, Role::Owner).unwrap();
    assert_eq!(handed.changes.len(), 2);
    assert_eq!(roles(&db, group), [(1, Role::Admin), (2, Role::Owner)]);
    remove(&db, SARA, group, SARA).unwrap();
    assert_eq!(roles(&db, group), [(2, Role::Owner)]);
    let last = read(&db, OMID, group);
    assert_eq!(&last[last.len() - 3..], ["Role 1", "Role 2", "Left 1"]);
}

#[test]
fn a_new_link_ends_the_old_one() {
    let db = bench();
    let group = group(&db);
    assert_eq!(refusal(link(&db, SARA, group)), Code::GroupLinkInvalid);
    set_link(&db, SARA, group, Some("old")).unwrap();
    set_link(&db, SARA, group, Some("new")).unwrap();
    let nima = person(&db, "nima");
    assert_eq!(refusal(join(&db, nima, "old")), Code::GroupLinkInvalid);
    assert_eq!(join(&db, nima, "new").unwrap().changes.len(), 1);
    assert_eq!(refusal(link(&db, nima, group)), Code::NotModerator);
    set_link(&db, SARA, group, None).unwrap();
    assert_eq!(refusal(by_code(&db, "new")), Code::GroupLinkInvalid);
}

#[test]
fn a_deleted_group_is_out_of_reach_at_once_and_erased_in_steps() {
    let db = bench();
    let group = group(&db);
    let said = say(&db, OMID, group, "secret").unwrap().message.id;
    set_link(&db, SARA, group, Some("code")).unwrap();
    assert_eq!(refusal(delete(&db, OMID, group)), Code::NotOwner);
    delete(&db, SARA, group).unwrap();
    assert_eq!(refusal(find(&db, SARA, group)), Code::NotMember);
    assert_eq!(refusal(by_code(&db, "code")), Code::GroupLinkInvalid);
    let erased = erase::message(&db, OMID, said, Scope::Everyone, now());
    assert_eq!(refusal(erased), Code::MessageNotFound);
    while erase::step(&db).unwrap() {}
    let left: i64 = db
        .query_row(
            "SELECT (SELECT count(*) FROM messages) + (SELECT count(*) FROM conversations)",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn ones_own_words_are_erased_entries_are_not_and_members_hide_both() {
    let db = bench();
    let group = group(&db);
    let said = say(&db, OMID, group, "oops").unwrap().message.id;
    let delete = |me, id, scope| erase::message(&db, me, id, scope, now());
    assert_eq!(
        refusal(delete(SARA, said, Scope::Everyone)),
        Code::NotSender
    );
    let entry = MessageId(1);
    assert_eq!(
        refusal(delete(SARA, entry, Scope::Everyone)),
        Code::NotSender
    );
    let nima = person(&db, "nima");
    assert_eq!(
        refusal(delete(nima, said, Scope::Me)),
        Code::MessageNotFound
    );
    delete(SARA, entry, Scope::Me).unwrap();
    delete(OMID, said, Scope::Everyone).unwrap();
    assert_eq!(read(&db, SARA, group), ["Added 2"]);
}

fn leave_for_good(db: &Connection, who: UserId) -> farewell::Farewell {
    let gone = farewell::account(db, who, 0, now()).unwrap();
    while farewell::step(db, now()).unwrap() || erase::step(db).unwrap() {}
    gone
}

#[test]
fn the_group_of_a_deleted_account_goes_to_the_oldest_admin_else_member() {
    let db = bench();
    let group = group(&db);
    let [nima, reza] = ["nima", "reza"].map(|name| person(&db, name));
    for whom in [nima, reza] {
        add(&db, SARA, group, whom).unwrap();
    }
    set_role(&db, SARA, group, reza, Role::Admin).unwrap();
    say(&db, SARA, group, "mine").unwrap();
    let gone = leave_for_good(&db, SARA);
    assert_eq!(
        roles(&db, group),
        [(2, Role::Member), (3, Role::Member), (4, Role::Owner)]
    );
    let told: Vec<(i64, Happening)> = gone
        .groups
        .iter()
        .map(|change| match &change.what {
            What::Member(member) => (member.user.0, member.how),
            What::Name | What::Deleted => unreachable!(),
        })
        .collect();
    assert_eq!(told, [(4, Happening::Role), (1, Happening::Left)]);
    assert!(!read(&db, OMID, group).contains(&"mine".to_owned()));
    leave_for_good(&db, reza);
    assert_eq!(roles(&db, group), [(2, Role::Owner), (3, Role::Member)]);
    leave_for_good(&db, nima);
    let last = leave_for_good(&db, OMID);
    assert_eq!(last.groups[0].what, What::Deleted);
    assert_eq!(roles(&db, group), []);
}

#[test]
fn words_in_a_group_one_has_left_are_erased_with_the_account_too() {
    let db = bench();
    let group = group(&db);
    say(&db, OMID, group, "mine").unwrap();
    remove(&db, SARA, group, OMID).unwrap();
    leave_for_good(&db, OMID);
    let words = read(&db, SARA, group);
    assert!(!words.contains(&"mine".to_owned()), "{words:?}");
}
