//! The table of calls: each function of the store that a request reaches.

use std::time::Duration;

use payambar_signaling::account::State;
use payambar_signaling::chat::{
    BlockChange, CallsFrom, Destination, Mark, MarkTarget, NewMark, Scope,
};
use payambar_signaling::group::Role;
use payambar_signaling::ids::{MessageId, Seq, Timestamp};

use super::*;
use crate::push::Privacy;

/// Everything a request may ask the store for.
pub(super) const CALLS: &[Call] = &[
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
    ("conversations::unread", |c| {
        drop_ok(conversations::unread(c, GROUP, OMID, Seq(0)))
    }),
    ("erase::give_up", |c| erase::give_up(c, GROUP)),
    ("erase::show_nothing_hidden", |c| {
        erase::show_nothing_hidden(c, OMID, GROUP)
    }),
    ("erase::doom", |c| erase::doom(c, HERE, [SARA, OMID])),
    ("erase::erase", |c| erase::erase(c, MessageId(1), now())),
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
    ("groups::add", |c| {
        drop_ok(groups::add(c, SARA, GROUP, UserId(3)))
    }),
    ("groups::create", |c| drop_ok(groups::create(c, SARA, "a"))),
    ("groups::delete", |c| {
        drop_ok(groups::delete(c, SARA, GROUP))
    }),
    ("groups::farewell", |c| drop_ok(groups::farewell(c, SARA))),
    ("groups::join", |c| {
        drop_ok(groups::join(c, UserId(3), "code"))
    }),
    ("groups::last_seq", |c| drop_ok(groups::last_seq(c, GROUP))),
    ("groups::remove", |c| {
        drop_ok(groups::remove(c, SARA, GROUP, OMID))
    }),
    ("groups::rename", |c| {
        drop_ok(groups::rename(c, SARA, GROUP, "b"))
    }),
    ("groups::set_link", |c| {
        groups::link(c, SARA, GROUP)?;
        groups::by_code(c, "code")?;
        groups::set_link(c, SARA, GROUP, None)
    }),
    ("groups::set_role", |c| {
        groups::find(c, OMID, GROUP)?;
        groups::list(c, OMID)?;
        groups::members(c, GROUP)?;
        groups::name_for(c, OMID, GROUP)?;
        groups::write_facts(c, OMID, GROUP)?;
        drop_ok(groups::set_role(c, SARA, GROUP, OMID, Role::Owner))
    }),
    ("farewell::account", |c| {
        drop_ok(farewell::account(c, UserId(3), 0, now()))
    }),
    ("farewell::step", |c| drop_ok(farewell::step(c, now()))),
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
            messages::history(c, SARA, OMID.into(), page, 50)?;
            messages::history(c, OMID, Destination::Group(GROUP), page, 50)?;
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
        messages::may_write(c, SARA, Destination::Group(GROUP))?;
        messages::may_write(c, SARA, OMID.into())
    }),
    ("messages::newest", |c| {
        drop_ok(messages::newest(c, HERE, SARA, OMID.into()))
    }),
    ("messages::write", |c| {
        drop_ok(messages::write(c, &text(SARA, OMID, None), None, now()))
    }),
    ("pictures::enlist", |c| pictures::enlist(c, 1)),
    ("pictures::unseen", |c| drop_ok(pictures::unseen(c))),
    ("pictures::seen", |c| {
        let found = pictures::Found {
            sides: (4, 3),
            thumb: Some(new_file(5).bytes),
        };
        pictures::enlist(c, 1)?;
        drop_ok(pictures::seen(c, 1, Some(&found)))
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
    ("rooms::facts", |c| {
        drop_ok(rooms::facts(c, HERE, SARA, |id| id.to_string()))
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
    ("seen::left", |c| drop_ok(seen::left(c, &[(SARA, now())]))),
    ("seen::of", |c| drop_ok(seen::of(c, SARA, &[OMID]))),
    ("seen::set_shows", |c| seen::set_shows(c, SARA, false)),
    ("seen::shows", |c| drop_ok(seen::shows(c, SARA))),
    ("seen::view", |c| {
        let omid = users::by_id(c, OMID)?.into_iter().collect();
        drop_ok(seen::view(c, SARA, omid))
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
    ("codes::insert", |c| {
        codes::insert(c, SARA, Kind::Reset, &[1; 32], Timestamp(9))
    }),
    ("codes::whose", |c| {
        drop_ok(codes::whose(c, Kind::Reset, &[1; 32]))
    }),
    ("codes::remove", |c| codes::remove(c, SARA, Kind::Reset)),
    ("emails::of", |c| drop_ok(emails::of(c, SARA))),
    ("emails::propose", |c| {
        emails::propose(c, SARA, &Address::parse("sara@example.org").unwrap())
    }),
    ("emails::prove", |c| {
        emails::propose(c, SARA, &Address::parse("sara@example.org").unwrap())?;
        drop_ok(emails::prove(c, SARA))
    }),
    ("emails::owner", |c| {
        drop_ok(emails::owner(c, "sara@example.org"))
    }),
    ("emails::forget", |c| emails::forget(c, SARA)),
    ("mails::insert", |c| {
        mails::insert(c, &letter("sara@example.org"))
    }),
    ("mails::insert_waiting", |c| {
        mails::insert_waiting(c, "admin@example.org", Lang::Fa, now(), now())
    }),
    ("mails::due", |c| drop_ok(mails::due(c, now(), 9))),
    ("mails::next", |c| drop_ok(mails::next(c))),
    ("mails::remove", |c| mails::remove(c, 1)),
    ("mails::later", |c| mails::later(c, 1, now())),
    ("users::name", |c| drop_ok(users::name(c, SARA))),
    ("users::language", |c| drop_ok(users::language(c, SARA))),
    ("passwords::reset", |c| passwords::reset(c, SARA, "new")),
    ("passwords::lend", |c| passwords::lend(c, SARA, "new")),
    ("passwords::choose", |c| {
        drop_ok(passwords::choose(c, SARA, "hash", "new"))
    }),
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
