//! Messages and marks on their way between sockets and store, and what a
//! person missed.

use std::collections::BTreeSet;
use std::time::Instant;

use super::deletions::message_deleted;
use super::groups::group_receipt;
use super::receipts::Todo;
use super::tickets::Pending;
use super::{Effect, Hub, close_code};
use crate::chat::{
    Body, CallEntry, Deletion, Destination, Mark, MarkTarget, Marked, NewMark, NewMessage, Party,
    Place, SendFacts, Stored, StoredMessage, check_body, may_send,
};
use crate::ids::{ConnId, ConversationId, MessageId, Seq, Ticket, UserId};
use crate::wire::{ClientFrame, Code, Reference, ServerFrame, StatusFrame};

/// Messages that wait for one socket's catch-up; a socket with more of them is
/// closed and starts anew.
pub(super) const MAX_WAITING: usize = 256;

impl Hub {
    pub(super) fn chat_frame(
        &mut self,
        conn: ConnId,
        frame: ClientFrame,
        reference: &Reference,
    ) -> Result<(), Code> {
        let (target, mark) = match frame {
            ClientFrame::Message {
                receiver,
                content,
                client_message_id,
            } => {
                let body = Body::Text(content);
                let to = Destination::Person(receiver);
                return self.new_message(conn, to, body, client_message_id, reference);
            }
            ClientFrame::GroupMessage {
                conversation,
                content,
                client_message_id,
            } => {
                let body = Body::Text(content);
                let to = Destination::Group(conversation);
                return self.new_message(conn, to, body, client_message_id, reference);
            }
            ClientFrame::Sealed {
                receiver,
                envelope,
                client_message_id,
            } => {
                let body = Body::Sealed(envelope);
                let to = Destination::Person(receiver);
                return self.new_message(conn, to, body, client_message_id, reference);
            }
            ClientFrame::MarkDelivered { message } => (message, Mark::Delivered),
            ClientFrame::MarkRead { message } => (message, Mark::Read),
            ClientFrame::PresenceSubscribe { .. }
            | ClientFrame::CallOffer { .. }
            | ClientFrame::CallRinging { .. }
            | ClientFrame::CallAnswer { .. }
            | ClientFrame::IceCandidate { .. }
            | ClientFrame::CallReject { .. }
            | ClientFrame::CallHangup { .. }
            | ClientFrame::CallResume { .. }
            | ClientFrame::Room(_)
            | ClientFrame::Sleep { .. }
            | ClientFrame::Typing { .. } => return Err(Code::Internal),
        };
        let reader = self.take_share(conn)?;
        let ticket = self.tickets.issue(Pending::Asked {
            conn,
            reference: reference.clone(),
        });
        self.effects.push_back(Effect::Mark(NewMark {
            ticket,
            reader,
            target: MarkTarget::Message(target),
            mark,
        }));
        Ok(())
    }

    fn new_message(
        &mut self,
        conn: ConnId,
        to: Destination,
        body: Body,
        client_message_id: Option<String>,
        reference: &Reference,
    ) -> Result<(), Code> {
        check_body(&body)?;
        let sender = self.sockets.get(conn).ok_or(Code::Internal)?.user;
        // One has a socket, and the writer judges about the other, and about
        // who is in a group.
        if let Destination::Person(receiver) = to {
            let facts = SendFacts {
                sender: Party::Active,
                receiver: Party::Active,
                block: self.people.block(sender, receiver),
            };
            may_send(sender, receiver, &facts)?;
        }
        self.take_share(conn)?;
        let ticket = self.tickets.issue(Pending::Asked {
            conn,
            reference: reference.clone(),
        });
        self.effects.push_back(Effect::Store(NewMessage {
            ticket,
            sender,
            to,
            client_message_id,
            body,
        }));
        Ok(())
    }

    /// Counts one more question of this socket to the store; says whose it is.
    pub(super) fn take_share(&mut self, conn: ConnId) -> Result<UserId, Code> {
        let socket = self.sockets.get_mut(conn).ok_or(Code::Internal)?;
        let full = socket.in_flight >= self.limits.in_flight_per_socket
            || self.tickets.len() >= self.limits.in_flight;
        if full {
            return Err(Code::SlowDown);
        }
        socket.in_flight += 1;
        Ok(socket.user)
    }

    /// Has the log entry of a call written; `conn` is the socket whose share
    /// it takes up.
    pub(super) fn store_entry(
        &mut self,
        conn: Option<ConnId>,
        sender: UserId,
        receiver: UserId,
        entry: CallEntry,
    ) {
        let ticket = self.tickets.issue(Pending::Entry { conn });
        self.effects.push_back(Effect::Store(NewMessage {
            ticket,
            sender,
            to: receiver.into(),
            client_message_id: None,
            body: Body::Call(entry),
        }));
    }

    pub(super) fn redeem(&mut self, ticket: Ticket) -> Option<Pending> {
        let pending = self.tickets.redeem(ticket)?;
        let socket = pending.conn().and_then(|conn| self.sockets.get_mut(conn));
        if let Some(socket) = socket {
            socket.in_flight = socket.in_flight.saturating_sub(1);
        }
        Some(pending)
    }

    pub(super) fn stored(&mut self, ticket: Ticket, result: Result<Stored, Code>, now: Instant) {
        let Some(pending) = self.redeem(ticket) else {
            return;
        };
        match (pending, result) {
            (Pending::Asked { conn, .. }, Ok(stored)) if stored.repeated => {
                self.repeat(conn, &stored);
            }
            (_, Ok(stored)) => self.deliver(&stored.message, now),
            (Pending::Asked { conn, reference }, Err(code)) => {
                self.refuse_if_there(conn, code, reference);
            }
            // An attempt that the callee did not want: nothing is amiss.
            (Pending::Entry { .. }, Err(Code::NotAllowed | Code::BlockedByYou)) => {}
            (Pending::Entry { .. } | Pending::Receipt { .. } | Pending::Facts(_), Err(_)) => {
                self.call_entries_refused += 1;
            }
        }
    }

    /// A message that came by another door: both people's sockets are told. A
    /// repeated one they know.
    pub(super) fn stored_outside(&mut self, stored: &Stored, now: Instant) {
        if !stored.repeated {
            self.deliver(&stored.message, now);
        }
    }

    /// Answers a repeated message, to the asking socket alone.
    fn repeat(&mut self, conn: ConnId, stored: &Stored) {
        let message = &stored.message;
        let is_sender = |user| user == message.sender;
        if self
            .sockets
            .get(conn)
            .map(|s| s.user)
            .is_some_and(is_sender)
        {
            let frame = if stored.erased {
                message_deleted(&Place::from(message), false)
            } else {
                ServerFrame::of(message)
            };
            self.send(vec![conn], frame, None);
        }
    }

    /// A new message goes to every socket of both people, or of all members; to
    /// a socket of a reader that is still catching up, after what it missed.
    pub(super) fn deliver(&mut self, message: &StoredMessage, now: Instant) {
        let readers = match message.to {
            Destination::Person(receiver) => {
                // Who writes to somebody has made them a contact; a call alone
                // does not.
                if !matches!(message.body, Body::Call(_)) {
                    self.people.wrote(message.sender, receiver);
                }
                vec![receiver]
            }
            Destination::Group(group) => {
                let mut members = self.people.in_group(group);
                members.retain(|member| *member != message.sender);
                members
            }
        };
        let frame = ServerFrame::of(message);
        let receipt = Some((message.conversation, message.seq));
        let mut to = Vec::new();
        for reader in readers {
            to.extend(self.ready(reader, message, now));
        }
        self.send(to, frame.clone(), receipt);
        self.send(self.sockets.of(message.sender), frame, None);
        self.notify_of_message(message);
    }

    /// The sockets of a reader that may have a message now; for the others it
    /// waits.
    fn ready(&mut self, reader: UserId, message: &StoredMessage, now: Instant) -> Vec<ConnId> {
        let mut to = Vec::new();
        for conn in self.sockets.of(reader) {
            match self.sockets.get_mut(conn) {
                Some(socket) if socket.caught_up => to.push(conn),
                Some(socket) if socket.waiting.len() < MAX_WAITING => {
                    socket.waiting.push(message.clone());
                }
                Some(_) | None => {
                    let code = close_code::TRY_AGAIN_LATER;
                    self.effects.push_back(Effect::Close { conn, code });
                    self.disconnected(conn, now);
                }
            }
        }
        to
    }

    pub(super) fn marked(&mut self, ticket: Ticket, result: Result<Marked, Code>) {
        let Some(pending) = self.redeem(ticket) else {
            return;
        };
        if let Ok(marked) = &result {
            self.mark_moved(marked);
        }
        match (pending, result) {
            (Pending::Asked { conn, reference }, Err(code)) => {
                self.refuse_if_there(conn, code, reference);
            }
            (
                Pending::Receipt {
                    user,
                    conversation,
                    known: true,
                },
                result,
            ) => {
                let next = self.receipts.answered(user, conversation, result.is_ok());
                if let Some(seq) = next {
                    self.mark_delivered(user, conversation, seq, true);
                }
            }
            (
                Pending::Asked { .. }
                | Pending::Receipt { .. }
                | Pending::Entry { .. }
                | Pending::Facts(_),
                Ok(_) | Err(_),
            ) => {}
        }
    }

    /// Tells both people, or all members, that a mark moved.
    pub(super) fn mark_moved(&mut self, marked: &Marked) {
        self.receipts
            .moved(marked.receiver, marked.conversation, marked.seq);
        if !marked.advanced {
            return;
        }
        if self.people.is_group(marked.conversation) {
            return self.tell_group(marked.conversation, group_receipt(marked));
        }
        let mut to = self.sockets.of(marked.sender);
        to.extend(self.sockets.of(marked.receiver));
        let frame = ServerFrame::StatusUpdate(StatusFrame::from(marked));
        self.send(to, frame, None);
    }

    /// A message reached a socket: it counts as delivered.
    pub(super) fn written(&mut self, conn: ConnId, conversation: ConversationId, seq: Seq) {
        let Some(user) = self.sockets.get(conn).map(|socket| socket.user) else {
            return;
        };
        match self.receipts.written(user, conversation, seq) {
            Todo::Nothing => {}
            Todo::Mark { known } => self.mark_delivered(user, conversation, seq, known),
        }
    }

    fn mark_delivered(
        &mut self,
        user: UserId,
        conversation: ConversationId,
        seq: Seq,
        known: bool,
    ) {
        let ticket = self.tickets.issue(Pending::Receipt {
            user,
            conversation,
            known,
        });
        self.effects.push_back(Effect::Mark(NewMark {
            ticket,
            reader: user,
            target: MarkTarget::UpTo { conversation, seq },
            mark: Mark::Delivered,
        }));
    }

    /// What this person missed, then the call that rings for them.
    pub(super) fn catch_up(&mut self, conn: ConnId, result: Result<Vec<StoredMessage>, Code>) {
        let Some(socket) = self.sockets.get_mut(conn) else {
            return;
        };
        if std::mem::replace(&mut socket.caught_up, true) {
            return;
        }
        let user = socket.user;
        let waiting = std::mem::take(&mut socket.waiting);
        let deletions = std::mem::take(&mut socket.deletions);
        let mut messages = result.unwrap_or_default();
        let missed: BTreeSet<MessageId> = messages.iter().map(|message| message.id).collect();
        let is_new = |message: &StoredMessage| !missed.contains(&message.id);
        messages.extend(waiting.into_iter().filter(is_new));
        let is_there = |message: &&StoredMessage| {
            let gone = |deletion: &Deletion| deletion.covers(user, message);
            let reads = match message.to {
                Destination::Person(receiver) => receiver == user,
                Destination::Group(group) => self.people.role_in(group, user).is_some(),
            };
            reads && !deletions.iter().any(gone)
        };
        messages.retain(|message| is_there(&message));
        for message in &messages {
            let frame = ServerFrame::of(message);
            let receipt = Some((message.conversation, message.seq));
            self.send(vec![conn], frame, receipt);
        }
        if let Some((call, offer)) = self.calls.ringing_for(user) {
            self.begun(call);
            self.send(vec![conn], offer, None);
        }
        self.show_invitations(conn, user);
    }

    pub(super) fn refuse_if_there(&mut self, conn: ConnId, code: Code, reference: Reference) {
        if self.sockets.get(conn).is_some() {
            self.refuse(conn, code, reference);
        }
    }
}
