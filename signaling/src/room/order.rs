//! Order in a room: microphones, hands, the lock, and who runs it.

use std::time::Instant;

use super::{MediaCommand, Rank, Room, Step};
use crate::ids::{ConnId, ParticipantId, UserId};
use crate::wire::{Code, RoomAction, RoomLeftReason};

impl Room {
    /// One's own microphone, as others see it.
    pub(crate) fn mute(
        &mut self,
        participant: ParticipantId,
        conn: ConnId,
        muted: bool,
        now: Instant,
    ) -> Result<(), Code> {
        let seat = self.own_seat(participant, conn)?;
        if std::mem::replace(&mut seat.muted, muted) != muted {
            self.tell(now);
        }
        Ok(())
    }

    /// A raised hand keeps its place until it is lowered.
    pub(crate) fn hand(
        &mut self,
        participant: ParticipantId,
        conn: ConnId,
        raised: bool,
        now: Instant,
    ) -> Result<(), Code> {
        let user = self.own_seat(participant, conn)?.person.user;
        match (raised, self.hands.contains(&user)) {
            (true, false) => {
                self.hands.push(user);
                self.tell(now);
            }
            (false, true) => self.lower(user, now),
            (true, true) | (false, false) => {}
        }
        Ok(())
    }

    fn lower(&mut self, user: UserId, now: Instant) {
        self.hands.retain(|raised| *raised != user);
        self.tell(now);
    }

    /// Who runs the group acts on somebody below them; the owner on everybody.
    pub(crate) fn moderate(
        &mut self,
        actor: UserId,
        participant: ParticipantId,
        action: RoomAction,
        now: Instant,
    ) -> Result<(), Code> {
        let own = self.rank(actor).ok_or(Code::RoomUnknown)?;
        if self.pair || own < Rank::Admin {
            return Err(Code::NotModerator);
        }
        let (user, theirs) = self.rank_of_seat(participant).ok_or(Code::RoomUnknown)?;
        if own <= theirs && user != actor {
            return Err(Code::NotModerator);
        }
        match action {
            RoomAction::Mute => self.silence(user, participant, true, now),
            RoomAction::Unmute => self.silence(user, participant, false, now),
            RoomAction::LowerHand => self.lower(user, now),
            RoomAction::Kick => {
                self.guests.remove(&user);
                self.unseat(participant, RoomLeftReason::Kicked, now);
            }
        }
        Ok(())
    }

    fn silence(&mut self, user: UserId, participant: ParticipantId, muted: bool, now: Instant) {
        let changed = if muted {
            self.silenced.insert(user)
        } else {
            self.silenced.remove(&user)
        };
        if changed {
            let command = MediaCommand::Mute { participant, muted };
            self.steps.push(Step::Media(command));
            self.tell(now);
        }
    }

    /// Whether somebody new may come in; in a pair both decide.
    pub(crate) fn lock(&mut self, actor: UserId, locked: bool, now: Instant) -> Result<(), Code> {
        match self.rank(actor).ok_or(Code::RoomUnknown)? {
            Rank::Owner | Rank::Admin => {}
            Rank::Member if self.pair => {}
            Rank::Member | Rank::Guest => return Err(Code::NotModerator),
        }
        if std::mem::replace(&mut self.locked, locked) != locked {
            self.tell(now);
        }
        Ok(())
    }
}
