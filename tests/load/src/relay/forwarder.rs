//! The bare forwarder: two sockets, and what comes in by one goes out by the
//! other. It asks nobody, so what the relay spends above it is the price of
//! its rules and of its many sockets.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use nix::sys::socket::MsgFlags;
use rustix::buffer::spare_capacity;
use rustix::event::epoll;

use super::batch::{BATCH, Batch};
use super::generator::index;

/// Listens for clients on `port` and passes everything on to `peer`, and back
/// to the client whose number stands in it.
pub(crate) fn run(port: u16, peer: SocketAddr) {
    let sockets = [port, 0].map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).unwrap());
    let ready = epoll::create(epoll::CreateFlags::CLOEXEC).unwrap();
    for (name, socket) in (0..).zip(&sockets) {
        let name = epoll::EventData::new_u64(name);
        epoll::add(&ready, socket, name, epoll::EventFlags::IN).unwrap();
    }
    let [clients, peers] = &sockets;
    let mut known: Vec<SocketAddr> = Vec::new();
    let mut batch = Batch::new();
    let mut events = Vec::with_capacity(2);
    let mut to = Vec::with_capacity(BATCH);
    loop {
        events.clear();
        if epoll::wait(&ready, spare_capacity(&mut events), None).is_err() {
            continue;
        }
        for event in &events {
            let data = event.data;
            let is_up = data.u64() == 0;
            let (from, out) = if is_up {
                (clients, peers)
            } else {
                (peers, clients)
            };
            let count = batch.receive(from, MsgFlags::MSG_DONTWAIT);
            to.clear();
            for nth in 0..count {
                let (source, bytes) = batch.datagram(nth);
                let index = index(bytes);
                if is_up {
                    if known.len() <= index {
                        known.resize(index + 1, source);
                    }
                    known[index] = source;
                    to.push(peer);
                } else {
                    to.push(known[index]);
                }
            }
            batch.send(out, &to);
        }
    }
}
