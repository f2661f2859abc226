//! Groups: who of their members is online, and what they are told of changes.

use std::time::Instant;

use super::Hub;
use crate::chat::{Marked, Status};
use crate::group::{Change, Happening, MemberChange, What};
use crate::ids::{ConnId, ConversationId, UserId};
use crate::wire::ServerFrame;

impl Hub {
    /// A group changed. Who is put out hears of that, and of nothing after it.
    pub(super) fn group_changed(&mut self, change: &Change, now: Instant) {
        let group = change.conversation;
        match &change.what {
            What::Name => {
                for member in self.people.in_group(group) {
                    self.tell_name(change, member);
                }
                self.members_changed(group, None, now);
            }
            What::Member(member) => self.member_changed(change, member, now),
            What::Deleted => {
                let deleted = ServerFrame::GroupDeleted {
                    conversation_id: group,
                };
                self.tell_group(group, deleted);
                self.people.group_ended(group, now);
                self.conversation_gone(group, now);
            }
        }
        if let Some(entry) = &change.entry {
            self.deliver(entry, now);
        }
    }

    fn member_changed(&mut self, change: &Change, member: &MemberChange, now: Instant) {
        let (group, user) = (change.conversation, member.user);
        let frame = ServerFrame::GroupMember {
            conversation_id: group,
            user_id: user,
            username: member.username.clone(),
            display_name: member.display_name.clone(),
            role: member.role,
            change: member.how,
            by: Some(member.by).filter(|by| *by != user),
        };
        let Some(role) = member.role else {
            self.typing_in(group, user);
            self.tell_group(group, frame);
            self.people.member(group, user, None, now);
            return self.members_changed(group, Some(user), now);
        };
        self.people.member(group, user, Some(role), now);
        self.members_changed(group, None, now);
        match member.how {
            Happening::Created => self.tell_name(change, user),
            Happening::Joined | Happening::Added => {
                self.tell_name(change, user);
                self.tell_group(group, frame);
            }
            Happening::Renamed | Happening::Left | Happening::Kicked | Happening::Role => {
                self.tell_group(group, frame);
            }
        }
    }

    /// Tells a member what the group is called, and what they are in it.
    fn tell_name(&mut self, change: &Change, member: UserId) {
        let Some(role) = self.people.role_in(change.conversation, member) else {
            return;
        };
        let frame = ServerFrame::GroupChanged {
            conversation_id: change.conversation,
            name: change.name.clone(),
            role,
        };
        self.tell(&[member], frame);
    }

    /// Every socket of every member.
    pub(super) fn sockets_in(&self, group: ConversationId) -> Vec<ConnId> {
        let members = self.people.in_group(group);
        members
            .into_iter()
            .flat_map(|member| self.sockets.of(member))
            .collect()
    }

    pub(super) fn tell_group(&mut self, group: ConversationId, frame: ServerFrame) {
        self.send(self.sockets_in(group), frame, None);
    }
}

/// How far somebody has come, as far as this mark says it.
pub(super) fn group_receipt(marked: &Marked) -> ServerFrame {
    ServerFrame::GroupReceipt {
        conversation_id: marked.conversation,
        user_id: marked.receiver,
        recv_seq: marked.seq,
        read_seq: (marked.status == Status::Read).then_some(marked.seq),
    }
}
