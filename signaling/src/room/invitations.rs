//! Who is asked to come into a room, and how that ends.

use std::time::Instant;

use super::{Audience, INVITED, MAX_INVITED, Person, Rank, Room, Step};
use crate::hub::RingingEnd;
use crate::ids::{ConnId, ParticipantId, SessionId, UserId};
use crate::wire::{Code, InviteEnd, RoomLeftReason, ServerFrame};

/// Somebody is asked to come.
#[derive(Debug)]
pub(super) struct Invitation {
    pub(super) inviter: UserId,
    pub(super) until: Instant,
    frame: ServerFrame,
}

impl Room {
    /// Who may ask others to come: a member who sits here, from that socket.
    pub(crate) fn may_invite(&self, inviter: UserId, conn: ConnId) -> Result<(), Code> {
        let mut here = self.here();
        let seat = here.find(|(_, seat)| seat.conn == Some(conn) && seat.person.user == inviter);
        seat.ok_or(Code::RoomUnknown)?;
        match self.rank(inviter) {
            Some(Rank::Member | Rank::Admin | Rank::Owner) => Ok(()),
            Some(Rank::Guest) | None => Err(Code::NotMember),
        }
    }

    /// Asks somebody to come. Who is here already, or is asked already, is not
    /// asked again.
    pub(crate) fn invite(
        &mut self,
        inviter: UserId,
        conn: ConnId,
        person: &Person,
        now: Instant,
    ) -> Result<(), Code> {
        self.may_invite(inviter, conn)?;
        let user = person.user;
        if self.seat_of(user).is_some() {
            let frame = self.over_frame(user, InviteEnd::Joined);
            self.say(Audience::Conn(conn), frame);
            return Ok(());
        }
        if self.invited.contains_key(&user) {
            return Ok(());
        }
        let member = self.members.get(&user);
        let passes_locks = member.is_some_and(|m| self.pair || m.rank >= Rank::Admin);
        if self.locked && !passes_locks {
            return Err(Code::RoomLocked);
        }
        if self.invited.len() >= MAX_INVITED {
            return Err(Code::SlowDown);
        }
        let own = self.members.get(&inviter).ok_or(Code::NotMember)?;
        let frame = ServerFrame::RoomInvited {
            conversation_id: self.id,
            sender_id: inviter,
            username: own.person.username.clone(),
            display_name: own.person.display_name.clone(),
            name: self.name.clone(),
        };
        let invitation = Invitation {
            inviter,
            until: now + INVITED,
            frame: frame.clone(),
        };
        self.invited.insert(user, invitation);
        self.say(Audience::Person(user), frame);
        self.steps.push(Step::Rings { user, inviter });
        Ok(())
    }

    /// Who was asked does not want to come.
    pub(crate) fn decline(&mut self, user: UserId, session: SessionId) -> Result<(), Code> {
        if !self.invited.contains_key(&user) {
            return Err(Code::RoomUnknown);
        }
        self.over_for(user, InviteEnd::Declined, Some(session));
        Ok(())
    }

    /// What a socket of somebody who is asked gets when it comes.
    pub(crate) fn invitation_for(&self, user: UserId) -> Option<ServerFrame> {
        let invitation = self.invited.get(&user)?;
        Some(invitation.frame.clone())
    }

    /// Whoever this person has asked is not asked any more.
    pub(super) fn cancel_of(&mut self, inviter: UserId) {
        let of = self.invited.iter().filter(|(_, i)| i.inviter == inviter);
        for user in of.map(|(user, _)| *user).collect::<Vec<_>>() {
            self.over_for(user, InviteEnd::Cancelled, None);
        }
    }

    /// From here on these two have nothing to do with each other.
    pub(crate) fn parted(&mut self, one: UserId, other: UserId, now: Instant) {
        for (user, from) in [(one, other), (other, one)] {
            if self.invited.get(&user).is_some_and(|i| i.inviter == from) {
                self.over_for(user, InviteEnd::Cancelled, None);
            }
            let beside = self.seat_of(from).is_some();
            if beside && self.guests.contains_key(&user) {
                self.guests.remove(&user);
                self.put_out(user, RoomLeftReason::Kicked, now);
            }
        }
    }

    /// The invitation of this person is over: both sides are told, if there
    /// was one.
    pub(super) fn over_for(&mut self, user: UserId, end: InviteEnd, by: Option<SessionId>) {
        let Some(invitation) = self.invited.remove(&user) else {
            return;
        };
        let frame = self.over_frame(user, end);
        self.say(Audience::Person(user), frame.clone());
        let inviter = invitation.inviter;
        let seat = self.seat_of(inviter).and_then(|seat| self.conn_of(seat));
        if let Some(conn) = seat {
            self.say(Audience::Conn(conn), frame);
        }
        self.steps.push(Step::RingsNoMore {
            user,
            inviter,
            end: match end {
                InviteEnd::Joined => RingingEnd::Answered,
                InviteEnd::Declined => RingingEnd::Declined,
                InviteEnd::NoAnswer | InviteEnd::Cancelled => RingingEnd::Missed,
            },
            by,
        });
    }

    fn over_frame(&self, user_id: UserId, reason: InviteEnd) -> ServerFrame {
        ServerFrame::RoomInviteOver {
            conversation_id: self.id,
            user_id,
            reason,
        }
    }

    fn conn_of(&self, participant: ParticipantId) -> Option<ConnId> {
        self.seats.get(&participant)?.conn
    }
}
