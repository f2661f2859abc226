//! Where a message goes: to one person, or to everybody in a group.

use std::fmt;

use crate::ids::{ConversationId, UserId};

/// Where a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Destination {
    /// To one person; the two have one conversation.
    Person(UserId),
    /// To the members of a group; its conversation is its name.
    Group(ConversationId),
}

impl Destination {
    /// The one person it goes to.
    #[must_use]
    pub const fn person(self) -> Option<UserId> {
        match self {
            Self::Person(person) => Some(person),
            Self::Group(_) => None,
        }
    }
}

impl From<UserId> for Destination {
    fn from(person: UserId) -> Self {
        Self::Person(person)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(person) => person.fmt(f),
            Self::Group(conversation) => write!(f, "group {conversation}"),
        }
    }
}
