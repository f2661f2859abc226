//! The relay as its clients and peers see it: the core with a clock that tests
//! move, and at last the real thread with real sockets.

#[cfg(test)]
mod allocations;
#[cfg(test)]
mod authentication;
#[cfg(test)]
mod capacity;
#[cfg(test)]
mod common;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod data;
#[cfg(test)]
mod dual_stack;
#[cfg(test)]
mod families;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod operate;
#[cfg(test)]
mod peers;
#[cfg(test)]
mod phone;
#[cfg(test)]
mod reservations;
#[cfg(test)]
mod robustness;
#[cfg(test)]
mod rooms;
#[cfg(test)]
mod shard;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod to_rooms;
#[cfg(test)]
mod wildcard;
