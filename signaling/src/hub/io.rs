//! What goes into the hub and what comes out.

use crate::chat::{BlockChange, Deletion, Marked, NewMark, NewMessage, Stored, StoredMessage};
use crate::group::Change;
use crate::ids::{
    CallId, ConnId, ConversationId, ParticipantId, Seq, SessionId, Ticket, Timestamp, UserId,
};
use crate::rate::Rate;
use crate::room::{MediaCommand, MediaEvent, RoomFacts};
use crate::wire::{Code, ServerFrame};

use super::notices::Notice;
use super::people::Known;

/// Why the server closes a socket, as WebSocket close codes.
pub mod close_code {
    /// The person has too many sockets.
    pub const TRY_AGAIN_LATER: u16 = 1013;
    /// The session of the socket was ended.
    pub const SESSION_ENDED: u16 = 4401;
}

/// What a socket and a person may use; the default is what `PROTOCOL.md` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames of calls and rooms of one socket; `None` is no limit.
    pub call_frames: Option<Rate>,
    /// All other frames of one socket; `None` is no limit.
    pub other_frames: Option<Rate>,
    /// Of those, words of somebody writing; what is over is dropped in silence.
    pub typing_frames: Option<Rate>,
    /// Messages and marks of one socket the store has not answered yet.
    pub in_flight_per_socket: usize,
    /// The same of all sockets together.
    pub in_flight: usize,
    /// Sockets of one person; a further one is closed with 1013.
    pub sockets_per_user: usize,
    /// People in one voice room; 0 where there are no rooms.
    pub room_participants: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_frames: Some(Rate {
                per_second: 20,
                burst: 64,
            }),
            other_frames: Some(Rate {
                per_second: 30,
                burst: 120,
            }),
            typing_frames: Some(Rate {
                per_second: 2,
                burst: 10,
            }),
            in_flight_per_socket: 256,
            in_flight: 65_536,
            sockets_per_user: 64,
            room_participants: 50,
        }
    }
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Input {
    /// A socket was accepted for a person.
    Connected {
        /// The socket.
        conn: ConnId,
        /// Whose it is.
        user: UserId,
        /// The log-in its token belongs to.
        session: SessionId,
    },
    /// A socket is gone.
    Disconnected {
        /// The socket.
        conn: ConnId,
    },
    /// One text frame, as it came.
    Text {
        /// The socket.
        conn: ConnId,
        /// The frame.
        text: String,
    },
    /// The answer to [`Effect::Store`].
    Stored {
        /// The ticket of the message.
        ticket: Ticket,
        /// The message, or why it was refused.
        result: Result<Stored, Code>,
    },
    /// A message that was stored for a caller of REST, who has the answer.
    StoredOutside(Stored),
    /// The answer to [`Effect::Mark`].
    Marked {
        /// The ticket of the mark.
        ticket: Ticket,
        /// The mark, or why it was refused.
        result: Result<Marked, Code>,
    },
    /// A mark that was made through REST.
    MarkedOutside(Marked),
    /// What was deleted through REST, after it was stored.
    Deleted(Deletion),
    /// A group is new, has another name, other members or other roles, or is
    /// gone; told in the order in which messages were stored.
    GroupChanged(Box<Change>),
    /// The answer to [`Effect::CatchUp`].
    CatchUp {
        /// The socket.
        conn: ConnId,
        /// What its person has not acknowledged, oldest first.
        result: Result<Vec<StoredMessage>, Code>,
    },
    /// A message with a receipt was written to this socket.
    Written {
        /// The socket.
        conn: ConnId,
        /// The conversation of the message.
        conversation: ConversationId,
        /// Its place.
        seq: Seq,
    },
    /// A log-in was ended (log-out, suspension).
    SessionEnded {
        /// The log-in.
        session: SessionId,
    },
    /// What is kept of a person: right before a socket of theirs joins, and
    /// after they changed what they want.
    Known {
        /// The person.
        user: UserId,
        /// What is kept.
        known: Box<Known>,
    },
    /// Somebody blocked somebody, or took it back.
    BlockChanged(BlockChange),
    /// When people were last there: the answer to [`Effect::LastSeen`], and what
    /// was kept after [`Effect::Online`] said that somebody went.
    LastSeen {
        /// The socket that asked; none is everybody who watches.
        conn: Option<ConnId>,
        /// Those of whom it is known and may be told.
        seen: Vec<(UserId, Timestamp)>,
    },
    /// The answer to [`Notice::Ringing`].
    Woken {
        /// The call.
        call: CallId,
        /// Whether a device was told.
        reached: bool,
    },
    /// The answer to [`Effect::RoomFacts`].
    RoomFacts {
        /// The ticket of the question.
        ticket: Ticket,
        /// What is kept; nothing where there is no such conversation.
        result: Result<Option<RoomFacts>, Code>,
    },
    /// What the media side says of a room.
    Media(MediaEvent),
    /// The operator closes a room.
    CloseRoom(ConversationId),
    /// The operator takes a seat.
    TakeSeat(ParticipantId),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Write a frame to these sockets.
    Send {
        /// The sockets, never none.
        to: Vec<ConnId>,
        /// The frame.
        frame: ServerFrame,
        /// Set if `to` are sockets of a message's readers: after the bytes
        /// went out [`Input::Written`] is due with these values.
        receipt: Option<(ConversationId, Seq)>,
    },
    /// Close a socket; the hub has forgotten it already.
    Close {
        /// The socket.
        conn: ConnId,
        /// One of [`close_code`].
        code: u16,
    },
    /// Store a message and answer with [`Input::Stored`].
    Store(NewMessage),
    /// Store a mark and answer with [`Input::Marked`].
    Mark(NewMark),
    /// Read what this person has not acknowledged (the newest 50 of each
    /// conversation) and answer with [`Input::CatchUp`].
    CatchUp {
        /// The socket that asks.
        conn: ConnId,
        /// Its person.
        user: UserId,
    },
    /// Read when these people were last there, as far as this one may know, and
    /// answer with [`Input::LastSeen`].
    LastSeen {
        /// The socket that asks.
        conn: ConnId,
        /// Its person.
        viewer: UserId,
        /// Of whom.
        users: Vec<UserId>,
    },
    /// A person's first socket came, or the last one went.
    Online {
        /// The person.
        user: UserId,
        /// Whether there is a socket now.
        online: bool,
    },
    /// Read what is kept of a conversation and of this person, and answer with
    /// [`Input::RoomFacts`].
    RoomFacts {
        /// The ticket of the question.
        ticket: Ticket,
        /// The conversation.
        conversation: ConversationId,
        /// Whose names are wanted, whether they are a member or not.
        about: UserId,
    },
    /// Hand this to the media side.
    Media(MediaCommand),
    /// Tell a person who may not be looking.
    Notify {
        /// The person.
        user: UserId,
        /// Of what.
        notice: Notice,
    },
    /// Tell the members of a group of a message who may not be looking.
    NotifyGroup {
        /// The message.
        message: Box<StoredMessage>,
        /// Who need not be told: they are looking.
        awake: Vec<UserId>,
    },
}

/// How much there is of everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Sockets.
    pub connections: usize,
    /// People with a socket.
    pub users_online: usize,
    /// Calls that ring.
    pub calls_ringing: usize,
    /// Calls that were answered.
    pub calls_active: usize,
    /// Messages and marks the store has not answered yet.
    pub in_flight: usize,
    /// Voice rooms with somebody in them.
    pub rooms: usize,
    /// People in them.
    pub room_participants: usize,
    /// Log entries of calls the store refused, since the start.
    pub call_entries_refused: u64,
}
