//! One voice room as a state machine: who may come in, who sits where, who is
//! to be told what, and when it is over. It knows no tables, no sockets and no
//! other room; sound is the business of the media side, which it commands.

mod facts;
mod invitations;
mod media;
mod order;
mod seat;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

pub(crate) use facts::{Entry, may_enter};
pub use facts::{Member, Person, Rank, RoomFacts};
use invitations::Invitation;
pub use media::{GoneReason, MediaCommand, MediaEvent};
pub(crate) use seat::{Newcomer, Seat};

use crate::hub::RingingEnd;
use crate::ids::{CallId, ConnId, ConversationId, ParticipantId, SessionId, Timestamp, UserId};
use crate::wire::{
    Code, InviteEnd, Participant, Reference, RoomLeftReason, RoomState, ServerFrame,
};

/// How long somebody is asked to come.
pub(crate) const INVITED: Duration = Duration::from_secs(45);

/// How long media may take to come about.
pub(crate) const CONNECTING: Duration = Duration::from_secs(45);

/// Everybody is told how the room stands at most so often: many people who
/// come at once are one piece of news.
pub(crate) const TOLD_EVERY: Duration = Duration::from_millis(200);

/// People a room asks at once.
pub(crate) const MAX_INVITED: usize = 32;

/// What happens in a room leads to these, in order.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// A frame for somebody.
    Say { to: Audience, frame: ServerFrame },
    /// A command for the media side.
    Media(MediaCommand),
    /// A frame was not carried out after all.
    Refuse {
        conn: ConnId,
        code: Code,
        reference: Reference,
    },
    /// This person has no seat any more.
    Unseated {
        user: UserId,
        participant: ParticipantId,
    },
    /// This person came from a call, which goes on here.
    Moved { user: UserId, call: CallId },
    /// Somebody is asked to come.
    Rings { user: UserId, inviter: UserId },
    /// They are asked no longer.
    RingsNoMore {
        user: UserId,
        inviter: UserId,
        end: RingingEnd,
        by: Option<SessionId>,
    },
}

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Audience {
    /// One socket.
    Conn(ConnId),
    /// All sockets of a person.
    Person(UserId),
    /// The sockets of those who sit in the room.
    Seated,
    /// All sockets of all members, and those of guests who sit in the room.
    Everybody,
}

/// A room from its first seat to its last.
#[derive(Debug)]
pub(crate) struct Room {
    id: ConversationId,
    pair: bool,
    name: Option<String>,
    since: Timestamp,
    max: usize,
    locked: bool,
    members: BTreeMap<UserId, Member>,
    /// Who was let in without being a member, and by whom.
    guests: BTreeMap<UserId, UserId>,
    seats: BTreeMap<ParticipantId, Seat>,
    /// Whose hands are raised, the first one first.
    hands: Vec<UserId>,
    /// Who was muted by who runs the group; it outlasts the seat.
    silenced: BTreeSet<UserId>,
    invited: BTreeMap<UserId, Invitation>,
    /// Somebody was told of it.
    shown: bool,
    told: Option<Instant>,
    /// When everybody is to be told how it stands.
    tell_at: Option<Instant>,
    steps: Vec<Step>,
}

impl Room {
    /// An empty room, as its conversation is.
    pub(crate) fn new(id: ConversationId, facts: &RoomFacts, max: usize) -> Self {
        Self {
            id,
            pair: facts.pair,
            name: facts.name.clone(),
            since: facts.at,
            max,
            locked: false,
            members: facts.members_by_id(),
            guests: BTreeMap::new(),
            seats: BTreeMap::new(),
            hands: Vec::new(),
            silenced: BTreeSet::new(),
            invited: BTreeMap::new(),
            shown: false,
            told: None,
            tell_at: None,
            steps: Vec::new(),
        }
    }

    /// What is to be done now.
    pub(crate) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// Nobody sits here.
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    pub(crate) fn is_shown(&self) -> bool {
        self.shown
    }

    pub(crate) fn people(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn members(&self) -> impl Iterator<Item = UserId> + '_ {
        self.members.keys().copied()
    }

    pub(crate) fn is_member(&self, user: UserId) -> bool {
        self.members.contains_key(&user)
    }

    /// The other of a pair.
    pub(crate) fn is_pair_of(&self, one: UserId, other: UserId) -> bool {
        self.pair && self.is_member(one) && self.is_member(other)
    }

    pub(crate) fn rank(&self, user: UserId) -> Option<Rank> {
        let member = self.members.get(&user).map(|member| member.rank);
        member.or_else(|| self.guests.contains_key(&user).then_some(Rank::Guest))
    }

    pub(crate) fn was_asked(&self, user: UserId) -> bool {
        self.guests.contains_key(&user) || self.invited.contains_key(&user)
    }

    /// Who sits here.
    pub(crate) fn seated(&self) -> impl Iterator<Item = UserId> + '_ {
        self.seats.values().map(|seat| seat.person.user)
    }

    /// Their sockets.
    pub(crate) fn seated_conns(&self) -> Vec<ConnId> {
        self.here().filter_map(|(_, seat)| seat.conn).collect()
    }

    /// The sockets of those who sit here and are no members.
    pub(crate) fn guest_conns(&self) -> Vec<ConnId> {
        let guests = self
            .here()
            .filter(|(_, seat)| !self.is_member(seat.person.user));
        guests.filter_map(|(_, seat)| seat.conn).collect()
    }

    pub(crate) fn seat_of(&self, user: UserId) -> Option<ParticipantId> {
        let mut seats = self.seats.iter();
        let seat = seats.find(|(_, seat)| seat.person.user == user);
        seat.map(|(id, _)| *id)
    }

    /// The seats of a session.
    pub(crate) fn seats_of_session(&self, session: SessionId) -> Vec<ParticipantId> {
        let of = self
            .seats
            .iter()
            .filter(|(_, seat)| seat.session == session);
        of.map(|(id, _)| *id).collect()
    }

    /// The conversation has other members now, or ranks.
    pub(crate) fn refresh(&mut self, facts: &RoomFacts, now: Instant) {
        let members = facts.members_by_id();
        if self.name == facts.name && self.members == members {
            return;
        }
        self.name.clone_from(&facts.name);
        self.members = members;
        let strangers = self.seated().filter(|user| self.rank(*user).is_none());
        for user in strangers.collect::<Vec<_>>() {
            self.put_out(user, RoomLeftReason::Kicked, now);
        }
        self.tell(now);
    }

    /// Somebody is no member any more.
    pub(crate) fn removed(&mut self, user: UserId, now: Instant) {
        self.members.remove(&user);
        self.guests.remove(&user);
        self.over_for(user, InviteEnd::Cancelled, None);
        self.put_out(user, RoomLeftReason::Kicked, now);
    }

    /// Takes somebody's seat, if they have one.
    pub(crate) fn put_out(&mut self, user: UserId, reason: RoomLeftReason, now: Instant) {
        if let Some(participant) = self.seat_of(user) {
            self.unseat(participant, reason, now);
        }
    }

    /// Takes every seat.
    pub(crate) fn close(&mut self, now: Instant) {
        for participant in self.seats.keys().copied().collect::<Vec<_>>() {
            self.unseat(participant, RoomLeftReason::Closed, now);
        }
    }

    /// The last seat is gone: nobody is asked any more, everybody is told.
    pub(crate) fn finish(&mut self) {
        for user in self.invited.keys().copied().collect::<Vec<_>>() {
            self.over_for(user, InviteEnd::Cancelled, None);
        }
        self.steps.push(Step::Media(MediaCommand::Close(self.id)));
        if self.shown {
            self.say_state();
        }
    }

    /// When [`Self::expire`] is due.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let asked = self.invited.values().map(|invitation| invitation.until);
        let connecting = self.seats.values().filter(|seat| !seat.connected);
        let connecting = connecting.map(|seat| seat.since + CONNECTING);
        asked.chain(connecting).chain(self.tell_at).min()
    }

    /// Ends what has run out.
    pub(crate) fn expire(&mut self, now: Instant) {
        let late = |seat: &Seat| !seat.connected && seat.since + CONNECTING <= now;
        let late = self.seats.iter().filter(|(_, seat)| late(seat));
        for participant in late.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.unseat(participant, RoomLeftReason::Failed, now);
        }
        let asked = self.invited.iter().filter(|(_, asked)| asked.until <= now);
        for user in asked.map(|(user, _)| *user).collect::<Vec<_>>() {
            self.over_for(user, InviteEnd::NoAnswer, None);
        }
        if self.tell_at.is_some_and(|at| at <= now) {
            self.told = Some(now);
            self.say_state();
        }
    }

    /// How the room stands, for everybody who may know.
    pub(crate) fn state(&self) -> RoomState {
        let participants = self.here().map(|(&participant_id, seat)| {
            let person = &seat.person;
            let is = |user: &UserId| *user == person.user;
            Participant {
                participant_id,
                user_id: person.user,
                username: person.username.clone(),
                display_name: person.display_name.clone(),
                avatar_url: person.avatar_url.clone(),
                muted: seat.muted,
                mod_muted: self.silenced.contains(&person.user),
                hand: self.hands.iter().position(is).map(|before| before + 1),
                speaking: seat.speaking,
                reconnecting: seat.silent,
                guest: !self.is_member(person.user),
            }
        });
        RoomState {
            conversation_id: self.id,
            participants: participants.collect(),
            locked: self.locked,
            max: self.max,
            since: self.since,
        }
    }

    /// Tells everybody how it stands, now or soon.
    fn tell(&mut self, now: Instant) {
        // The end of it is told by `finish`.
        if !self.shown || self.is_empty() {
            return;
        }
        let next = self.told.map(|told| told + TOLD_EVERY);
        match next.filter(|&next| next > now) {
            Some(next) => self.tell_at = Some(next),
            None => {
                self.told = Some(now);
                self.say_state();
            }
        }
    }

    fn say_state(&mut self) {
        self.tell_at = None;
        let frame = ServerFrame::RoomState(self.state());
        self.say(Audience::Everybody, frame);
    }

    fn say(&mut self, to: Audience, frame: ServerFrame) {
        self.steps.push(Step::Say { to, frame });
    }

    /// The seats that others see.
    fn here(&self) -> impl Iterator<Item = (&ParticipantId, &Seat)> {
        self.seats
            .iter()
            .filter(|(_, seat)| seat.arriving.is_none())
    }
}
