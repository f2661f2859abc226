//! All sockets of all people: takes in frames and the store's answers, and
//! says who is told what. The rules of one call are in `call`, of one message
//! in `chat`.

mod calls;
mod deletions;
mod groups;
mod io;
mod messages;
mod notices;
mod people;
mod receipts;
mod rooms;
mod seen;
mod sockets;
mod tickets;
mod typing;

use std::collections::VecDeque;
use std::time::Instant;

use calls::Calls;
pub use io::{Counts, Effect, Input, Limits, close_code};
pub use notices::{Notice, RingingEnd};
pub use people::Known;
use people::People;
use receipts::Receipts;
use rooms::Rooms;
use sockets::Sockets;
use tickets::Tickets;
use typing::Typing;

pub use crate::chat::Stored;
use crate::ids::{ConnId, ConversationId, Seq, UserId};
use crate::presence::Presence;
pub use crate::rate::Rate;
use crate::wire::{self, ClientFrame, Code, Reference, ServerFrame};

/// All sockets, subscriptions and calls, and who is told what.
pub struct Hub {
    version: String,
    limits: Limits,
    entropy: Box<dyn FnMut() -> [u8; 16] + Send>,
    effects: VecDeque<Effect>,
    sockets: Sockets,
    presence: Presence,
    calls: Calls,
    people: People,
    typing: Typing,
    tickets: Tickets,
    receipts: Receipts,
    rooms: Rooms,
    call_entries_refused: u64,
}

impl Hub {
    /// An empty hub. `version` is told to clients, `entropy` gives 16 fresh
    /// random bytes a call.
    #[must_use]
    pub fn new(
        version: String,
        limits: Limits,
        entropy: Box<dyn FnMut() -> [u8; 16] + Send>,
    ) -> Self {
        Self {
            version,
            limits,
            entropy,
            effects: VecDeque::new(),
            sockets: Sockets::default(),
            presence: Presence::default(),
            calls: Calls::default(),
            people: People::default(),
            typing: Typing::default(),
            tickets: Tickets::default(),
            receipts: Receipts::default(),
            rooms: Rooms::default(),
            call_entries_refused: 0,
        }
    }

    /// Takes in what happened at `now`. What was due before happens first.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        self.handle_timeout(now);
        match input {
            Input::Connected {
                conn,
                user,
                session,
            } => self.connected(conn, user, session, now),
            Input::Disconnected { conn } => self.disconnected(conn, now),
            Input::Text { conn, text } => self.text(conn, &text, now),
            Input::Stored { ticket, result } => self.stored(ticket, result, now),
            Input::StoredOutside(stored) => self.stored_outside(&stored, now),
            Input::Marked { ticket, result } => self.marked(ticket, result),
            Input::MarkedOutside(marked) => self.mark_moved(&marked),
            Input::Deleted(deletion) => self.deleted(&deletion, now),
            Input::GroupChanged(change) => self.group_changed(&change, now),
            Input::CatchUp { conn, result } => self.catch_up(conn, result),
            Input::Written {
                conn,
                conversation,
                seq,
            } => self.written(conn, conversation, seq),
            Input::SessionEnded { session } => self.session_ended(session, now),
            Input::Known { user, known } => self.known(user, *known, now),
            Input::BlockChanged(change) => self.block_changed(change, now),
            Input::LastSeen { conn, seen } => self.last_seen(conn, &seen),
            Input::Woken { call, reached } => self.woken(call, reached),
            Input::RoomFacts { ticket, result } => self.room_facts(ticket, result, now),
            Input::Media(event) => self.room_media(event, now),
            Input::CloseRoom(conversation) => self.close_room(conversation, now),
            Input::TakeSeat(participant) => self.take_seat(participant, now),
        }
    }

    /// The next thing to do; to be drained after every `handle_*`.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Self::handle_timeout`] is due; it may change with every input.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = [
            self.calls.next_deadline(),
            self.typing.next_deadline(),
            self.rooms.next_deadline(),
        ];
        due.into_iter().flatten().min()
    }

    /// Ends what has run out at `now`: calls, what rooms wait for, and people's
    /// writing.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(conn) = self.typing.pop_due(now) {
            self.typing_ended(conn);
        }
        while let Some(call_id) = self.calls.pop_due(now) {
            self.call_due(call_id, now);
        }
        while let Some(room) = self.rooms.pop_due(now) {
            self.room_due(room, now);
        }
    }

    /// Whether this person has a socket.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.sockets.is_online(user)
    }

    /// How much there is of everything.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let (calls_ringing, calls_active) = self.calls.counts();
        Counts {
            connections: self.sockets.len(),
            users_online: self.sockets.users_online(),
            calls_ringing,
            calls_active,
            rooms: self.rooms.len(),
            room_participants: self.rooms.people(),
            in_flight: self.tickets.len(),
            call_entries_refused: self.call_entries_refused,
        }
    }

    /// One text frame: limit, parse, carry out, or say why not.
    fn text(&mut self, conn: ConnId, text: &str, now: Instant) {
        let Some(socket) = self.sockets.get_mut(conn) else {
            return;
        };
        let parsed = wire::parse(text);
        let reference = match &parsed {
            Ok(frame) => frame.reference(),
            Err(refused) => refused.reference.clone(),
        };
        if !socket.may_speak(wire::counts_as_call(&reference.r#type), now) {
            return self.refuse(conn, Code::SlowDown, reference);
        }
        let done = match parsed {
            Ok(frame) => self.frame(conn, frame, &reference, now),
            Err(refused) => Err(refused.code),
        };
        if let Err(code) = done {
            self.refuse(conn, code, reference);
        }
    }

    fn frame(
        &mut self,
        conn: ConnId,
        frame: ClientFrame,
        reference: &Reference,
        now: Instant,
    ) -> Result<(), Code> {
        match frame {
            ClientFrame::Message { .. }
            | ClientFrame::Sealed { .. }
            | ClientFrame::GroupMessage { .. }
            | ClientFrame::MarkDelivered { .. }
            | ClientFrame::MarkRead { .. } => self.chat_frame(conn, frame, reference),
            ClientFrame::PresenceSubscribe { users } => {
                self.presence_subscribe(conn, users);
                Ok(())
            }
            ClientFrame::Sleep { asleep } => {
                self.sleep(conn, asleep);
                Ok(())
            }
            ClientFrame::Typing { to, active } => {
                self.typing(conn, to, active, now);
                Ok(())
            }
            ClientFrame::CallOffer { .. }
            | ClientFrame::CallRinging { .. }
            | ClientFrame::CallAnswer { .. }
            | ClientFrame::IceCandidate { .. }
            | ClientFrame::CallReject { .. }
            | ClientFrame::CallHangup { .. }
            | ClientFrame::CallResume { .. } => self.call_frame(conn, frame, now),
            ClientFrame::Room(frame) => self.room_frame(conn, frame, reference, now),
        }
    }

    fn refuse(&mut self, conn: ConnId, code: Code, reference: Reference) {
        let error = ServerFrame::Error {
            code,
            error: String::new(),
            reference,
        };
        self.send(vec![conn], error, None);
    }

    fn send(
        &mut self,
        to: Vec<ConnId>,
        frame: ServerFrame,
        receipt: Option<(ConversationId, Seq)>,
    ) {
        if !to.is_empty() {
            self.effects.push_back(Effect::Send { to, frame, receipt });
        }
    }
}

#[cfg(test)]
mod tests;
