//! What the store was asked and has not answered yet.

use std::collections::BTreeMap;

use super::rooms::Asked;
use crate::ids::{ConnId, ConversationId, Ticket, UserId};
use crate::wire::Reference;

/// Who waits for an answer of the store.
#[derive(Debug)]
pub(super) enum Pending {
    /// A client's message or mark; the reference is for a refusal.
    Asked { conn: ConnId, reference: Reference },
    /// A mark the hub made of receipts, and whether the cache of receipts
    /// knows of it.
    Receipt {
        user: UserId,
        conversation: ConversationId,
        known: bool,
    },
    /// The log entry of a call, and the socket whose offer came to nothing.
    Entry { conn: Option<ConnId> },
    /// What is kept of a conversation, for its room.
    Facts(Asked),
}

impl Pending {
    /// The socket whose share it takes up.
    pub(super) fn conn(&self) -> Option<ConnId> {
        match self {
            Self::Asked { conn, .. } => Some(*conn),
            Self::Entry { conn } => *conn,
            Self::Facts(asked) => asked.conn(),
            Self::Receipt { .. } => None,
        }
    }
}

/// All open questions, by ticket.
#[derive(Debug, Default)]
pub(super) struct Tickets {
    open: BTreeMap<Ticket, Pending>,
    last: u64,
}

impl Tickets {
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    pub(super) fn issue(&mut self, pending: Pending) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.open.insert(ticket, pending);
        ticket
    }

    /// What is being read of this conversation may be out of date.
    pub(super) fn outdate(&mut self, conversation: ConversationId) {
        for pending in self.open.values_mut() {
            if let Pending::Facts(asked) = pending
                && asked.conversation == conversation
            {
                asked.outdated = true;
            }
        }
    }

    /// Who asked; each ticket is answered once.
    pub(super) fn redeem(&mut self, ticket: Ticket) -> Option<Pending> {
        self.open.remove(&ticket)
    }
}
