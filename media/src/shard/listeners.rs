//! What clients talk to: at each address one socket for each shard. The kernel
//! divides who comes there among them, and keeps each client with its shard.
//! That holds for connections as well: it spreads them more evenly than
//! whoever is awake first would, and nobody has to hand them round.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use super::StartError;
use super::appetite::Appetite;
use super::sockets::UdpListener;
use super::{link, socket};
use crate::config::RelayConfig;

/// A socket that connections come from.
pub(super) struct Listener {
    pub(super) socket: OwnedFd,
    /// Its [`ClientId::listener`](crate::turn::ClientId::listener).
    pub(super) number: u16,
    pub(super) is_tls: bool,
}

/// The sockets of one shard.
#[derive(Default)]
pub(super) struct Own {
    pub(super) datagrams: Vec<UdpListener>,
    pub(super) streams: Vec<Listener>,
}

/// The sockets of all shards, and the addresses they got.
pub(super) struct Listeners {
    pub(super) shards: Vec<Own>,
    pub(super) local_addresses: Vec<SocketAddr>,
    pub(super) tcp_addresses: Vec<SocketAddr>,
    pub(super) tls_addresses: Vec<SocketAddr>,
}

impl Listeners {
    pub(super) fn open(config: &RelayConfig) -> Result<Self, StartError> {
        let count = usize::from(config.plane.shards.get());
        let mut open = Self {
            shards: std::iter::repeat_with(Own::default).take(count).collect(),
            local_addresses: Vec::new(),
            tcp_addresses: Vec::new(),
            tls_addresses: Vec::new(),
        };
        for address in &config.listen {
            let (sockets, local) =
                socket::listeners(*address, count).map_err(cannot_listen("udp", *address))?;
            for (shard, socket) in open.shards.iter_mut().zip(sockets) {
                shard.datagrams.push(UdpListener {
                    socket,
                    address: local,
                    appetite: Appetite::default(),
                });
            }
            open.local_addresses.push(local);
        }
        let tcp = config.listen_tcp.iter().map(|address| (*address, false));
        let tls = config.listen_tls.iter().map(|address| (*address, true));
        for (number, (address, is_tls)) in config.stream_listeners().zip(tcp.chain(tls)) {
            let (sockets, local) =
                link::listen(address, count).map_err(cannot_listen("tcp", address))?;
            for (shard, socket) in open.shards.iter_mut().zip(sockets) {
                shard.streams.push(Listener {
                    socket,
                    number,
                    is_tls,
                });
            }
            if is_tls {
                open.tls_addresses.push(local);
            } else {
                open.tcp_addresses.push(local);
            }
        }
        Ok(open)
    }
}

pub(super) fn cannot_listen(
    protocol: &'static str,
    address: SocketAddr,
) -> impl FnOnce(io::Error) -> StartError {
    move |source| StartError::Listen {
        protocol,
        address,
        source,
    }
}
