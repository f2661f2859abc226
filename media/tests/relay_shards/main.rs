//! The real threads with real sockets once more, three of them, and what can
//! only be seen with several.

#[cfg(test)]
#[expect(dead_code, reason = "the tests of the core alone need more of it")]
#[path = "../relay/common/mod.rs"]
mod common;
#[cfg(test)]
#[path = "../relay/dual_stack.rs"]
mod dual_stack;
#[cfg(test)]
#[path = "../relay/phone.rs"]
mod phone;
#[cfg(test)]
mod several;
#[cfg(test)]
#[path = "../relay/shard.rs"]
mod shard;
#[cfg(test)]
#[path = "../relay/streams.rs"]
mod streams;
#[cfg(test)]
#[path = "../relay/tls.rs"]
mod tls;
#[cfg(test)]
#[path = "../relay/wildcard.rs"]
mod wildcard;
