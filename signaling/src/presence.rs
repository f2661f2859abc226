//! Who watches whom: each socket's list, and the sockets watching a person.

/// A socket watches at most so many people.
pub const MAX_SUBSCRIPTIONS: usize = 200;
