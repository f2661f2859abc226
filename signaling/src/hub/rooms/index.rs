//! Where the rooms are found: by conversation, seat, person and deadline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use crate::ids::{CallId, ConversationId, ParticipantId, SessionId, UserId};
use crate::room::Room;

/// All rooms with somebody in them. A person sits in at most one.
#[derive(Debug, Default)]
pub(in crate::hub) struct Rooms {
    all: BTreeMap<ConversationId, Room>,
    seats: BTreeMap<UserId, ParticipantId>,
    room_of: BTreeMap<ParticipantId, ConversationId>,
    of_member: BTreeMap<UserId, BTreeSet<ConversationId>>,
    /// Who stands in [`Self::of_member`] because of a room.
    members_of: BTreeMap<ConversationId, BTreeSet<UserId>>,
    /// Who is asked into which rooms, and what rings for that.
    asking: BTreeMap<UserId, BTreeMap<ConversationId, Option<CallId>>>,
    due: BTreeSet<(Instant, ConversationId)>,
    due_of: BTreeMap<ConversationId, Instant>,
    last: u64,
}

impl Rooms {
    pub(in crate::hub) fn len(&self) -> usize {
        self.all.len()
    }

    pub(in crate::hub) fn people(&self) -> usize {
        self.room_of.len()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Room> {
        self.all.values()
    }

    pub(in crate::hub) fn get(&self, id: ConversationId) -> Option<&Room> {
        self.all.get(&id)
    }

    pub(in crate::hub) fn get_mut(&mut self, id: ConversationId) -> Option<&mut Room> {
        self.all.get_mut(&id)
    }

    /// The room, made if there is none.
    pub(super) fn open(&mut self, id: ConversationId, make: impl FnOnce() -> Room) -> &mut Room {
        self.all.entry(id).or_insert_with(make)
    }

    pub(in crate::hub) fn has_seat(&self, user: UserId) -> bool {
        self.seats.contains_key(&user)
    }

    pub(super) fn room_of(&self, participant: ParticipantId) -> Option<ConversationId> {
        self.room_of.get(&participant).copied()
    }

    /// Where somebody sits.
    pub(super) fn where_is(&self, user: UserId) -> Option<ConversationId> {
        self.room_of(*self.seats.get(&user)?)
    }

    pub(super) fn of_member(&self, user: UserId) -> Vec<ConversationId> {
        let rooms = self.of_member.get(&user);
        rooms.into_iter().flatten().copied().collect()
    }

    /// Rooms that two people may share.
    pub(super) fn of_either(&self, one: UserId, other: UserId) -> BTreeSet<ConversationId> {
        let seats = [one, other]
            .into_iter()
            .filter_map(|user| self.where_is(user));
        seats.chain(self.of_member(one)).collect()
    }

    /// Rooms this person is asked to come into.
    pub(super) fn asking(&self, user: UserId) -> Vec<ConversationId> {
        let rooms = self.asking.get(&user);
        rooms.into_iter().flatten().map(|(room, _)| *room).collect()
    }

    pub(super) fn seats_of_session(
        &self,
        session: SessionId,
    ) -> Vec<(ConversationId, ParticipantId)> {
        let of = |(id, room): (&ConversationId, &Room)| {
            let seats = room.seats_of_session(session);
            let id = *id;
            seats.into_iter().map(move |seat| (id, seat))
        };
        self.all.iter().flat_map(of).collect()
    }

    /// A seat that nobody has had.
    pub(super) fn seat(&mut self, id: ConversationId, user: UserId) -> ParticipantId {
        self.last += 1;
        let participant = ParticipantId(self.last);
        self.seats.insert(user, participant);
        self.room_of.insert(participant, id);
        participant
    }

    /// A seat is gone; its person may have another by now.
    pub(super) fn unseated(&mut self, user: UserId, participant: ParticipantId) {
        self.room_of.remove(&participant);
        if self.seats.get(&user) == Some(&participant) {
            self.seats.remove(&user);
        }
    }

    pub(super) fn asks(&mut self, id: ConversationId, user: UserId, ring: Option<CallId>) {
        self.asking.entry(user).or_default().insert(id, ring);
    }

    /// Says what rang.
    pub(super) fn asks_no_more(&mut self, id: ConversationId, user: UserId) -> Option<CallId> {
        let rooms = self.asking.get_mut(&user)?;
        let ring = rooms.remove(&id).flatten();
        if rooms.is_empty() {
            self.asking.remove(&user);
        }
        ring
    }

    pub(in crate::hub) fn next_deadline(&self) -> Option<Instant> {
        self.due.first().map(|&(at, _)| at)
    }

    /// A room in which something is due; it has no deadline until it is settled.
    pub(in crate::hub) fn pop_due(&mut self, now: Instant) -> Option<ConversationId> {
        let &(at, id) = self.due.first().filter(|(at, _)| *at <= now)?;
        self.due.remove(&(at, id));
        self.due_of.remove(&id);
        Some(id)
    }

    /// Brings what is found by the room's members and deadline up to date, and
    /// forgets an empty one.
    pub(super) fn settle(&mut self, id: ConversationId) {
        if self.all.get(&id).is_some_and(Room::is_empty) {
            self.all.remove(&id);
        }
        if let Some(at) = self.due_of.remove(&id) {
            self.due.remove(&(at, id));
        }
        let room = self.all.get(&id);
        if let Some(at) = room.and_then(Room::deadline) {
            self.due.insert((at, id));
            self.due_of.insert(id, at);
        }
        let members = || room.into_iter().flat_map(Room::members);
        let before = self.members_of.get(&id);
        if before.into_iter().flatten().copied().eq(members()) {
            return;
        }
        let members: BTreeSet<UserId> = members().collect();
        let before = self.members_of.remove(&id).unwrap_or_default();
        for user in before.difference(&members) {
            remove(&mut self.of_member, *user, id);
        }
        for user in members.difference(&before) {
            self.of_member.entry(*user).or_default().insert(id);
        }
        if !members.is_empty() {
            self.members_of.insert(id, members);
        }
    }
}

/// Takes a room out of what is kept of a person.
fn remove(of: &mut BTreeMap<UserId, BTreeSet<ConversationId>>, user: UserId, id: ConversationId) {
    if let Some(rooms) = of.get_mut(&user) {
        rooms.remove(&id);
        if rooms.is_empty() {
            of.remove(&user);
        }
    }
}
