//! The media plane: a STUN/TURN core that owns no socket and no clock
//! ([`turn`]), its messages on byte streams ([`stream`]), and the thread that
//! runs it ([`start`]). It knows no user names, no database and no HTTP: people
//! are numbers here, and what they may do is written in their credential.

mod config;
pub mod counters;
pub mod sfu;
mod shard;
pub mod stream;
mod tls;
pub mod turn;

pub use config::{Calls, Plane, RelayAddress, RelayConfig, RoomsConfig};
pub use counters::Counters;
pub use ipnet::IpNet;
pub use shard::{RelayHandle, StartError, start, start_refusing};
pub use tls::{TlsError, TlsIdentity};
pub use turn::auth::{Owner, Revoked, Subject, long_term_key, mint_credential};
pub use turn::operate::{AllocationInfo, Kick};
pub use turn::policy::is_public_unicast;
pub use turn::{Key, Transport};
