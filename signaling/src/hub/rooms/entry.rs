//! Who comes into a room: what is kept of the conversation is read first, and
//! the rules of `room` decide by it.

use std::time::Instant;

use super::super::tickets::Pending;
use super::{Effect, Hub};
use crate::ids::{CallId, ConnId, ConversationId, Ticket, UserId};
use crate::room::{Entry, Newcomer, Room, RoomFacts, may_enter};
use crate::wire::{Code, Reference, RoomLeftReason};

/// A question about a conversation that the store has not answered yet.
#[derive(Debug)]
pub(in crate::hub) struct Asked {
    pub(in crate::hub) conversation: ConversationId,
    /// What is being read may be from before a change.
    pub(in crate::hub) outdated: bool,
    about: UserId,
    why: Why,
    reference: Reference,
}

/// What it was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Why {
    /// This socket wants a seat.
    Join {
        conn: ConnId,
        call_id: Option<CallId>,
    },
    /// This socket asks somebody to come.
    Invite { conn: ConnId },
    /// The members have changed.
    Members,
}

impl Asked {
    /// The socket that waits for it.
    pub(in crate::hub) fn conn(&self) -> Option<ConnId> {
        match self.why {
            Why::Join { conn, .. } | Why::Invite { conn } => Some(conn),
            Why::Members => None,
        }
    }
}

impl Hub {
    /// Has read what is kept of a conversation, and of this person.
    pub(super) fn ask(
        &mut self,
        conversation: ConversationId,
        about: UserId,
        why: Why,
        reference: &Reference,
    ) -> Result<(), Code> {
        let asked = Asked {
            conversation,
            outdated: false,
            about,
            why,
            reference: reference.clone(),
        };
        if let Some(conn) = asked.conn() {
            self.take_share(conn)?;
        }
        let ticket = self.tickets.issue(Pending::Facts(asked));
        self.effects.push_back(Effect::RoomFacts {
            ticket,
            conversation,
            about,
        });
        Ok(())
    }

    /// The members of a room have changed: who they are now is read.
    pub(super) fn read_again(&mut self, id: ConversationId) {
        let Some(about) = self.rooms.get(id).and_then(|room| room.members().next()) else {
            return;
        };
        // Takes nobody's share, so it is never refused.
        let _ = self.ask(id, about, Why::Members, &Reference::default());
    }

    pub(in crate::hub) fn room_facts(
        &mut self,
        ticket: Ticket,
        result: Result<Option<RoomFacts>, Code>,
        now: Instant,
    ) {
        let Some(Pending::Facts(asked)) = self.redeem(ticket) else {
            return;
        };
        let id = asked.conversation;
        let done = if asked.outdated {
            self.ask(id, asked.about, asked.why, &asked.reference)
        } else {
            match (asked.why, result) {
                (Why::Join { conn, call_id }, Ok(facts)) => {
                    self.come_in(&asked, (conn, call_id), facts, now)
                }
                (Why::Invite { conn }, Ok(facts)) => self.invite(id, conn, facts, now),
                (Why::Members, Ok(facts)) => {
                    self.in_room(id, now, |room| match facts {
                        Some(facts) => room.refresh(&facts, now),
                        None => room.close(now),
                    });
                    Ok(())
                }
                // Who was removed is out already; the next change is read again.
                (Why::Members, Err(_)) => Ok(()),
                (Why::Join { .. } | Why::Invite { .. }, Err(code)) => Err(code),
            }
        };
        if let (Err(code), Some(conn)) = (done, asked.conn()) {
            self.refuse_if_there(conn, code, asked.reference);
        }
    }

    /// Gives a socket its seat, and takes the one its person had.
    fn come_in(
        &mut self,
        asked: &Asked,
        (conn, call_id): (ConnId, Option<CallId>),
        facts: Option<RoomFacts>,
        now: Instant,
    ) -> Result<(), Code> {
        let Some(socket) = self.sockets.get(conn) else {
            return Ok(());
        };
        let (user, session) = (socket.user, socket.session);
        let id = asked.conversation;
        let facts = facts.ok_or(Code::NotMember)?;
        let person = facts.about.clone().ok_or(Code::NotMember)?;
        let other = facts.other(user);
        let room = self.rooms.get(id);
        let entry = Entry {
            user,
            block: other.map_or_else(Default::default, |other| self.people.block(user, other)),
            apart: room.is_some_and(|room| self.is_apart_from(user, room)),
            max: self.limits.room_participants,
        };
        may_enter(room, &facts, &entry)?;
        // A call is taken along into the room of its own two people alone.
        let with = Some(other.unwrap_or(user));
        let call = self.call_to_move((user, conn), call_id, with)?;
        if let Some(before) = self.rooms.where_is(user).filter(|before| *before != id) {
            self.in_room(before, now, |room| {
                room.put_out(user, RoomLeftReason::Elsewhere, now);
            });
        }
        let participant = self.rooms.seat(id, user);
        let max = entry.max;
        let room = self.rooms.open(id, || Room::new(id, &facts, max));
        room.refresh(&facts, now);
        room.sit(
            Newcomer {
                participant,
                person,
                conn,
                session,
                reference: asked.reference.clone(),
                call,
            },
            now,
        );
        self.settle(id, now);
        Ok(())
    }

    fn invite(
        &mut self,
        id: ConversationId,
        conn: ConnId,
        facts: Option<RoomFacts>,
        now: Instant,
    ) -> Result<(), Code> {
        let Some(inviter) = self.sockets.get(conn).map(|socket| socket.user) else {
            return Ok(());
        };
        let facts = facts.ok_or(Code::RoomUnknown)?;
        let person = facts.about.ok_or(Code::UserNotFound)?;
        self.may_ask(inviter, person.user)?;
        let room = self.rooms.get(id).ok_or(Code::RoomUnknown)?;
        if !room.is_member(person.user) && self.is_apart_from(person.user, room) {
            return Err(Code::NotAllowed);
        }
        let room = self.rooms.get_mut(id).ok_or(Code::RoomUnknown)?;
        room.invite(inviter, conn, &person, now)?;
        self.settle(id, now);
        Ok(())
    }

    /// Asking somebody to come is like calling them.
    pub(super) fn may_ask(&self, inviter: UserId, whom: UserId) -> Result<(), Code> {
        if inviter == whom {
            return Err(Code::SelfCall);
        }
        self.people.may_call(inviter, whom)
    }

    fn is_apart_from(&self, user: UserId, room: &Room) -> bool {
        let mut seated = room.seated();
        seated.any(|other| self.people.is_apart(user, other))
    }
}
